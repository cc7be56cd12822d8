"""Filters of images."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, one_of
from jaxmath.conv.convolution import correlate
from jaxmath.conv.sizes import read_padding


def filter_image(
    image: Num[ArrayLike, "..."], kernel: Num[ArrayLike, "kh kw"], *, border: str = "zero"
) -> Float[Array, "..."]:
    r"""Filters an image, every colour by itself, and keeps its size.

    $$y_{i j} = \sum_{k l} w_{k l}\, x_{i + k - p,\, j + l - q} , \qquad p = \lfloor (k_h - 1) / 2 \rfloor, \quad
    q = \lfloor (k_w - 1) / 2 \rfloor .$$

    Args:
      image: x, shape ``(h, w)``, or with colours ``(h, w, c)``.
      kernel: w, as :func:`correlate` takes it, shape ``(kh, kw)``; its middle is the pixel itself, or of an even size
        the place before the middle.
      border: what lies around the image: ``"zero"``, or ``"edge"``, the nearest pixel of the image.

    Returns:
      The filtered image, of the shape of the image and, other than of :func:`correlate`, in its type.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: for an image or a kernel of another rank or with an empty axis, or an unknown border.

    Note:
      An output is NaN if a NaN lies under the kernel, also where the kernel is 0. Integers are taken as floats, so
      bytes keep their scale of 0 to 255.

    Example:
      >>> image = jnp.array([[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]])
      >>> print(filter_image(image, jnp.array([[0.25, 0.5, 0.25]])))
      [[3. 4. 3.]
       [3. 4. 3.]]

    Reference: section 10.3.1.
    """
    name = "conv.filter_image"
    image, kernel = as_float(name, image), as_float(name, kernel)
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"{name}: expected an image (h, w) or (h, w, colours), got shape {image.shape}")
    if kernel.ndim != 2 or 0 in kernel.shape:
        raise ValueError(f"{name}: expected a kernel of shape (kh, kw), got {kernel.shape}")
    return _filtered(image, kernel, one_of(name, "border", border, ("zero", "edge")))


@partial(jax.jit, static_argnames="border")
def _filtered(image: Array, kernel: Array, border: str) -> Array:
    pads = read_padding("conv.filter_image", "same", image.shape[:2], kernel.shape, (1, 1))
    planes = jnp.moveaxis(image.reshape(*image.shape[:2], -1), -1, 0)
    if border == "edge":
        planes, pads = jnp.pad(planes, ((0, 0), *pads), mode="edge"), "valid"
    filtered = correlate(planes[..., None], kernel[..., None, None], padding=pads)
    return jnp.moveaxis(filtered[..., 0], 0, -1).reshape(image.shape).astype(image.dtype)
