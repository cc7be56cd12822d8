"""Convolution by two other roads: as a product of matrices, and as a product of spectra."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num, Shaped

from jaxmath._array import as_real
from jaxmath.conv.layout import has_channels, read
from jaxmath.conv.sizes import Geometry, Padding, Sizes, geometry, per_axis
from jaxmath.conv.trimming import extended


def patches(
    x: Num[ArrayLike, "..."],
    window: Sizes,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    channels: bool | None = None,
) -> Shaped[Array, "..."]:
    r"""Everything that lies under a window while it slides over an array, one patch for each place.

    $$p_{i j} = x_{s i + d j - p} ,$$

    known as im2col if i and j are each made one axis: it turns :func:`correlate` into the product
    $y_i = \sum_j p_{i j} w_j$ of two matrices.

    Args:
      x: an array of rank 1 to 3; or a batch with channels ``(n, *space, c)``.
      window: the size of a patch, one number for all axes of space or one for each; static, as all that follow.
      stride: how far apart the patches are.
      padding: ``"valid"``, ``"same"``, ``"full"``, or for each axis of space a pair (before, after) of
        numbers of zeros.
      dilation: how far neighbours in a patch lie apart on the array.
      channels: whether there is a batch and channels; None for yes at rank 4 and 5. Rank 3 is a volume unless True.

    Returns:
      The patches, shape ``(*outputs, *window)`` or ``(n, *outputs, *window, c)``, in the type of x. They take as much
      memory as the window has places, times that of x.

    Raises:
      TypeError: for complex or non-numeric input, or an option that is traced or of the wrong kind.
      ValueError: if an axis is empty, or the window is larger than the padded array.

    Note:
      Numbers are copied and nothing is computed: a NaN is where it was, integers stay integers.

    Example:
      >>> print(patches(jnp.array([1, 2, 3, 4]), 3))
      [[1 2 3]
       [2 3 4]]

    Reference: Chellapilla, Puri and Simard (2006).
    """
    name = "conv.patches"
    x = as_real(name, x)
    first = int(has_channels(name, x.shape, channels))
    sizes = x.shape[first : x.ndim - first]
    windows = per_axis(name, "window", window, len(sizes))
    return _patches(x, first, windows, geometry(name, sizes, windows, stride, padding, dilation))


@partial(jax.jit, static_argnums=(1, 2, 3))
def _patches(x: Array, first: int, windows: tuple[int, ...], place: Geometry) -> Array:
    """The patches of an array whose axes of space begin at the first."""
    rank = len(windows)
    around = [(0, 0)] * first
    x = extended(x, [*around, *place.pads, *around])
    for axis in reversed(range(rank)):
        starts = jnp.arange(place.outputs[axis]) * place.strides[axis]
        steps = jnp.arange(windows[axis]) * place.dilations[axis]
        x = jnp.take(x, starts[:, None] + steps, axis=first + axis)
    # The axes of space now stand in turn: outputs, window, outputs, window, ...
    return jnp.moveaxis(x, range(first + 1, first + 2 * rank, 2), range(first + rank, first + 2 * rank))


def convolve_fft(
    x: Num[ArrayLike, "..."], kernel: Num[ArrayLike, "..."], *, padding: Padding = "valid"
) -> Float[Array, "..."]:
    r"""The convolution as a product of Fourier transforms, whose cost does not grow with the kernel.

    $$x * w = F^{-1} \left( F x \cdot F w \right)$$

    for arrays that repeat themselves; zeros around both, so many that the end of one period does not reach into the
    next, make it :func:`convolve`. With N numbers that is $N \log N$ operations instead of N for each number of the
    kernel, and pays off for large kernels.

    Args:
      x: an array of rank 1 to 3.
      kernel: w, of the rank of x. Channels and batches go through :func:`jax.vmap`.
      padding: ``"valid"``, ``"same"``, ``"full"``, or for each axis a pair (before, after) of numbers of zeros;
        static.

    Returns:
      The convolution, in the wider type of the arguments. The error is of the order of the type's resolution times the
      *largest* output: small outputs beside large ones have fewer digits than :func:`convolve` gives.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the shapes do not fit, an axis is empty, or the kernel is larger than the padded array.

    Note:
      A NaN or an infinity anywhere makes every output NaN: a Fourier transform has all numbers in each.

    Example:
      >>> print(convolve_fft(jnp.array([1.0, 2.0]), jnp.array([1.0, 3.0]), padding="full").round(4))
      [1. 5. 6.]

    Reference: Goodfellow, Bengio and Courville (2016), section 9.8; Cooley and Tukey (1965).
    """
    name = "conv.convolve_fft"
    pair = read(name, x, kernel, False)
    place = geometry(name, pair.sizes, pair.windows, 1, padding, 1)
    edges = tuple((p - k + 1, q - k + 1) for (p, q), k in zip(place.pads, pair.windows, strict=True))
    return _by_spectra(pair.x[0, ..., 0], pair.kernel[..., 0, 0], edges).astype(pair.dtype)


@partial(jax.jit, static_argnames="edges")
def _by_spectra(x: Array, kernel: Array, edges: tuple[tuple[int, int], ...]) -> Array:
    """The whole convolution, extended at its edges or cut off."""
    whole = tuple(n + k - 1 for n, k in zip(x.shape, kernel.shape, strict=True))
    return extended(jnp.fft.irfftn(jnp.fft.rfftn(x, whole) * jnp.fft.rfftn(kernel, whole), whole), edges)
