"""Kernels that are known by name."""

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxmath._array import in_range, narrow, wide
from jaxmath.conv.sizes import Sizes, per_axis


class EdgeKernels(NamedTuple):
    """Kernels for vertical and for horizontal edges: positive where it is brighter to the right, or below."""

    vertical: Float[Array, "kh kw"]
    horizontal: Float[Array, "kh kw"]


def box_kernel(size: Sizes) -> Float[Array, "..."]:
    """The kernel of the mean: equal numbers whose sum is 1.

    Args:
      size: a whole number for a square of two dimensions, or a tuple of one for each axis; static.

    Returns:
      The kernel, shape ``size``, in the default float.

    Raises:
      TypeError: for a size that is no integer, or traced.
      ValueError: for a size below 1, or not of 1 to 3 axes.

    Example:
      >>> print(box_kernel((1, 4)))
      [[0.25 0.25 0.25 0.25]]

    Reference: section 10.3.1.
    """
    sizes = _sizes("conv.box_kernel", size)
    return jnp.full(sizes, 1 / math.prod(sizes))


def gaussian_kernel(size: Sizes, sigma: ArrayLike = 1.0) -> Float[Array, "..."]:
    r"""The kernel of a weighted mean: $\exp(-r^2 / 2 \sigma^2)$ at distance r from the centre, with sum 1.

    Args:
      size: a whole number for a square of two dimensions, or a tuple of one for each axis; static. The centre of an
        even size lies between two numbers.
      sigma: the standard deviation, in steps of the grid, above 0.

    Returns:
      The kernel, shape ``size``, in the type of sigma. What lies outside it is cut off, so that its standard deviation
      falls short of sigma unless the size is 6 sigma or so.

    Raises:
      TypeError: for a size that is no integer, or traced; for a sigma that is no real number.
      ValueError: for a size below 1, or not of 1 to 3 axes; for a sigma that is not above 0, or more than one.

    Note:
      A sigma of NaN makes the kernel NaN, and so does one of 0 or below in an array.

    Example:
      >>> [round(weight.item(), 4) for weight in gaussian_kernel((3,), 1.0)]
      [0.2741, 0.4519, 0.2741]

    Reference: Marr and Hildreth (1980).
    """
    name = "conv.gaussian_kernel"
    sizes, given = _sizes(name, size), in_range(name, "sigma", sigma, "(0, inf]")
    return narrow(_gaussian(sizes, wide(given)), given.dtype)


@partial(jax.jit, static_argnums=0)
def _gaussian(sizes: tuple[int, ...], sigma: Array) -> Array:
    kernel = jnp.ones((), sigma.dtype)
    for n in sizes:
        steps = jnp.arange(n) - (n - 1) / 2
        kernel = kernel[..., None] * jax.nn.softmax(-((steps / sigma) ** 2) / 2)
    return kernel


def sobel_kernels() -> EdgeKernels:
    r"""Sobel's kernels: a difference along one axis, smoothed along the other.

    $$\begin{pmatrix} -1 & 0 & 1 \\ -2 & 0 & 2 \\ -1 & 0 & 1 \end{pmatrix}$$

    and its transpose, for :func:`correlate`. Each answers with 8 times the slope of the brightness.

    Returns:
      The kernels, each of shape ``(3, 3)``, in the default float.

    Example:
      >>> ramp = jnp.arange(3.0) * jnp.ones((3, 3))
      >>> print([jnp.vdot(kernel, ramp).item() for kernel in sobel_kernels()])
      [8.0, 0.0]

    Reference: Sobel and Feldman (1968).
    """
    vertical = jnp.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    return EdgeKernels(vertical, vertical.T)


def edge_kernels() -> EdgeKernels:
    r"""The smallest kernels that find edges: the mean of two differences between neighbours, halved.

    $$\frac14 \begin{pmatrix} -1 & 1 \\ -1 & 1 \end{pmatrix}$$

    and its transpose, for :func:`correlate`. A step by b is answered with b / 2.

    Returns:
      The kernels, each of shape ``(2, 2)``, in the default float.

    Example:
      >>> print(edge_kernels().horizontal)
      [[-0.25 -0.25]
       [ 0.25  0.25]]

    Reference: section 10.3.2.
    """
    vertical = jnp.array([[-0.25, 0.25], [-0.25, 0.25]])
    return EdgeKernels(vertical, vertical.T)


def motion_kernel(size: Sizes = 3) -> Float[Array, "2 kh kw"]:
    r"""The kernel of motion: the mean over a window in the next frame, less that in this one.

    For a stack of frames ``(t, h, w)`` under :func:`correlate`: -box and +box, one behind the other in time. It
    answers with 0 where nothing changes, positive where it grows brighter and negative where it grows darker.

    Args:
      size: of the window, a whole number for a square, or two of them; static.

    Returns:
      The kernel, shape ``(2, kh, kw)``, in the default float.

    Raises:
      TypeError: for a size that is no integer, or traced.
      ValueError: for a size below 1, or not of two axes.

    Example:
      >>> print(motion_kernel((1, 2)))
      [[[-0.5 -0.5]]
      <BLANKLINE>
       [[ 0.5  0.5]]]

    Reference: section 10.4.1.
    """
    smooth = box_kernel(per_axis("conv.motion_kernel", "size", size, 2))
    return jnp.stack([-smooth, smooth])


def _sizes(name: str, size: Sizes) -> tuple[int, ...]:
    """The size of a kernel of one to three dimensions; a number is a square."""
    num_axes = len(size) if isinstance(size, Sequence) else 2
    if not 1 <= num_axes <= 3:
        raise ValueError(f"{name}: size must be a whole number, or a tuple of 1 to 3, got {size!r}")
    return per_axis(name, "size", size, num_axes)
