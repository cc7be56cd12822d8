"""Correlation, convolution, and the transposed convolution."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_size
from jaxmath.conv.layout import Pair, read
from jaxmath.conv.sizes import Padding, Sizes, geometry, per_axis, read_padding
from jaxmath.conv.trimming import convolution


class _Form(NamedTuple):
    """What a convolution is apart from its numbers."""

    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    flipped: bool
    groups: int = 1
    lhs_dilation: tuple[int, ...] | None = None
    rhs_dilation: tuple[int, ...] | None = None


def correlate(
    x: Num[ArrayLike, "..."],
    kernel: Num[ArrayLike, "..."],
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
    channels: bool | None = None,
) -> Float[Array, "..."]:
    r"""Slides a kernel over an array and takes inner products: what neural networks call a convolution.

    With stride s, dilation d and p zeros before the array (in more dimensions i and j are multi-indices)

    $$y_i = \sum_j w_j\, x_{s i + d j - p} ,$$

    and with channels

    $$y_{n i o} = \sum_{j, c} w_{j c o}\, x_{n,\, s i + d j - p,\, c} ,$$

    where c runs over the channels of the group to which output channel o belongs: with g groups, the first m / g
    output channels see the first c / g input channels, and so on.

    Args:
      x: an array of rank 1 to 3; or a batch with channels ``(n, *space, c)``.
      kernel: w, of the rank of x; with channels ``(*window, c / groups, m)``.
      stride: how far the kernel moves between two outputs, one number for all axes or one for each; static, as all
        that follow.
      padding: ``"valid"``, ``"same"``, ``"full"``, or for each axis of space a pair (before, after) of
        numbers of zeros.
      dilation: how far neighbours in the kernel lie apart on the array.
      groups: into how many parts the channels are divided.
      channels: whether there is a batch and channels; None for yes at rank 4 and 5. Rank 3 is a volume unless True.

    Returns:
      The products, of rank 1 to 3 or ``(n, *outputs, m)``, in the wider type of the arguments; :func:`output_size`
      tells the size.

    Raises:
      TypeError: for complex or non-numeric input, or an option that is traced or of the wrong kind.
      ValueError: if the shapes do not fit, an axis is empty, or the kernel is larger than the padded array.

    Note:
      A NaN of x is in every output whose window has it, also where the kernel is 0, and in no other. A NaN of the
      kernel is in every output, but where it lies on the padding it depends on the device. With an even kernel SciPy's
      and NumPy's "same" have the extra zero at the beginning, here it is at the end.

    Example:
      >>> print(correlate(jnp.array([0.0, 0.0, 1.0, 1.0, 0.0]), jnp.array([-1.0, 1.0])))
      [ 0.  1.  0. -1.]

    Reference: sections 10.2 to 10.4; Goodfellow, Bengio and Courville (2016), equation 9.6.
    """
    name = "conv.correlate"
    pair = read(name, x, kernel, channels)
    return _slide(name, pair, stride, padding, dilation, groups, flipped=False)


def convolve(
    x: Num[ArrayLike, "..."],
    kernel: Num[ArrayLike, "..."],
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
    channels: bool | None = None,
) -> Float[Array, "..."]:
    r"""The convolution of mathematics: :func:`correlate` with the kernel turned round in all axes of space.

    With stride 1 and padding ``"full"`` it is $y_i = \sum_j w_j\, x_{i - j}$, in which x and w can change places: the
    product of two polynomials, the distribution of a sum of two dice.

    Args:
      x: an array of rank 1 to 3; or a batch with channels ``(n, *space, c)``.
      kernel: w, of the rank of x; with channels ``(*window, c / groups, m)``.
      stride: as in :func:`correlate`, and so are the others.
      padding: as there.
      dilation: as there.
      groups: as there.
      channels: as there.

    Returns:
      The convolution, of the shape and type that :func:`correlate` has.

    Raises:
      As :func:`correlate` does.

    Note:
      As for :func:`correlate`.

    Example:
      >>> print(convolve(jnp.array([1.0, 2.0]), jnp.array([1.0, 3.0]), padding="full"))  # (1 + 2t)(1 + 3t)
      [1. 5. 6.]

    Reference: Goodfellow, Bengio and Courville (2016), equation 9.4.
    """
    name = "conv.convolve"
    pair = read(name, x, kernel, channels)
    return _slide(name, pair, stride, padding, dilation, groups, flipped=True)


def transposed(
    x: Num[ArrayLike, "..."],
    kernel: Num[ArrayLike, "..."],
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    channels: bool | None = None,
) -> Float[Array, "..."]:
    r"""The transposed convolution: every number lays down a copy of the kernel, and what overlaps is added.

    $$y_{s i + j - p} \mathrel{+}= w_j\, x_i ,$$

    with channels $y_{n,\, s i + j - p,\, o} \mathrel{+}= \sum_c w_{j c o}\, x_{n i c}$. As matrices, this is the
    transpose of :func:`correlate` with the same kernel (channels in and out exchanged), stride and padding; it makes
    large arrays from small ones, but is no inverse.

    Args:
      x: an array of rank 1 to 3; or a batch with channels ``(n, *space, c)``.
      kernel: w, of the rank of x; with channels ``(*window, c, m)``.
      stride: how far apart the copies are laid down, one number for all axes or one for each; static.
      padding: what padding the correlation has of which this is the transpose, and so what is cut off here:
        ``"valid"`` keeps (size - 1) * stride + window numbers, ``"same"`` size * stride of them, ``"full"`` cuts
        window - 1 at both ends, a pair for each axis so many (before, after).
      channels: whether there is a batch and channels; None for yes at rank 4 and 5. Rank 3 is a volume unless True.

    Returns:
      The sum of the copies, of rank 1 to 3 or ``(n, *outputs, m)``, in the wider type of the arguments.

    Raises:
      TypeError: for complex or non-numeric input, or an option that is traced or of the wrong kind.
      ValueError: if the shapes do not fit, an axis is empty, or nothing is left.

    Note:
      A NaN of x is in every output under its copy of the kernel. Flax's ``ConvTranspose`` (unless
      ``transpose_kernel=True``) lays down the kernel turned round; PyTorch's does as this one.

    Example:
      >>> print(transposed(jnp.array([1.0, 2.0]), jnp.array([1.0, 10.0, 100.0]), stride=2))
      [  1.  10. 102.  20. 200.]

    Reference: section 10.5; Dumoulin and Visin (2016), chapter 4.
    """
    name = "conv.transposed"
    pair = read(name, x, kernel, channels)
    if pair.x.shape[-1] != pair.kernel.shape[-2]:
        wanted = f"(*window, {pair.x.shape[-1]}, m)"
        raise ValueError(f"{name}: expected a kernel {wanted}, one for each channel, got shape {pair.kernel.shape}")
    strides = per_axis(name, "stride", stride, len(pair.sizes))
    wholes = tuple((n - 1) * s + k for n, s, k in zip(pair.sizes, strides, pair.windows, strict=True))
    cuts = _cuts(name, padding, pair, strides, wholes)
    if any(before + after >= whole for whole, (before, after) in zip(wholes, cuts, strict=True)):
        raise ValueError(f"{name}: padding {padding!r} leaves nothing of an output of {wholes}")
    pads = tuple((k - 1 - before, k - 1 - after) for k, (before, after) in zip(pair.windows, cuts, strict=True))
    return _convolution(*pair, _Form((1,) * len(strides), pads, flipped=True, lhs_dilation=strides))


def _slide(
    name: str, pair: Pair, stride: Sizes, padding: Padding, dilation: Sizes, groups: int, *, flipped: bool
) -> Array:
    """The inner products of a kernel, as it is or flipped, with an array."""
    groups = as_size(name, "groups", groups)
    inputs, (per_group, outputs) = pair.x.shape[-1], pair.kernel.shape[-2:]
    if inputs != per_group * groups or outputs % groups:
        wanted = f"{inputs} channels in {groups} groups: expected a kernel (*window, channels / groups, m), m in groups"
        raise ValueError(f"{name}: {wanted}, got shape {pair.kernel.shape}")
    place = geometry(name, pair.sizes, pair.windows, stride, padding, dilation)
    return _convolution(*pair, _Form(place.strides, place.pads, flipped, groups, rhs_dilation=place.dilations))


@partial(jax.jit, static_argnums=(2, 3, 4))
def _convolution(x: Array, kernel: Array, channels: bool, dtype: Any, form: _Form) -> Array:
    """In full precision, with the axes and the type of what came in."""
    y = convolution(
        x,
        jnp.flip(kernel, range(kernel.ndim - 2)) if form.flipped else kernel,
        form.strides,
        form.pads,
        precision=jax.lax.Precision.HIGHEST,
        lhs_dilation=form.lhs_dilation,
        rhs_dilation=form.rhs_dilation,
        feature_group_count=form.groups,
    )
    return (y if channels else y[0, ..., 0]).astype(dtype)


def _cuts(name: str, padding: Padding, pair: Pair, strides, wholes) -> tuple[tuple[int, int], ...]:
    """How much of a transposed convolution is cut off before and after, or added if that is below 0."""
    outputs = tuple(n * s for n, s in zip(pair.sizes, strides, strict=True))
    pads = read_padding(name, padding, outputs, pair.windows, strides)
    if not (isinstance(padding, str) and padding == "same"):
        return pads
    return tuple((p, whole - n - p) for (p, _), whole, n in zip(pads, wholes, outputs, strict=True))
