"""Convolutions without negative padding, forward and in their derivatives of any order.

XLA reads beyond an array on a CPU where a convolution has a negative padding (openxla/xla issue 48713), and JAX's
derivatives of a convolution have one where something takes no part in it: rows of the array that no window reaches,
outputs and rows of the kernel that meet nothing but zeros. What takes no part is cut off by slices here, and outputs
of 0 are put back; the padding of what is left is never negative, nor is that of its derivatives.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

Pads = Sequence[tuple[int, int]]


class Part(NamedTuple):
    """What takes part in a convolution along one axis: how much is cut off at either end, and the padding then."""

    of_array: Sequence[int]
    of_kernel: Sequence[int]
    of_outputs: Sequence[int]
    pads: tuple[int, int]
    num_outputs: int
    empty: bool = False


def convolution(
    x: Float[Array, "n *space _"],
    kernel: Float[Array, "*window _ o"],
    strides: Sequence[int],
    pads: Pads,
    *,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    **options: Any,
) -> Float[Array, "n *out o"]:
    """``jax.lax.conv_general_dilated`` with channels last, for any padding, also a negative one."""
    dilations = tuple(tuple(d or (1,) * len(strides)) for d in (lhs_dilation, rhs_dilation))

    def plain(x: Array, kernel: Array, pads: Pads) -> Array:
        order = axes(len(strides))
        return jax.lax.conv_general_dilated(x, kernel, strides, pads, *dilations, dimension_numbers=order, **options)

    return trimmed(plain, x, kernel, strides, pads, dilations)


def axes(rank: int) -> tuple[str, str, str]:
    """The order of axes of array, kernel and outputs: channels last."""
    space = "DHW"[-rank:]
    return f"N{space}C", f"{space}IO", f"N{space}C"


def trimmed(
    convolve: Callable[[Array, Array, Pads], Array],
    x: Float[Array, "n *space _"],
    kernel: Float[Array, "*window _ o"],
    strides: Sequence[int],
    pads: Pads,
    dilations: Sequence[Sequence[int]],
) -> Float[Array, "n *out o"]:
    """``convolve(x, kernel, pads)`` of what takes part in it, with zeros for the outputs that do not.

    What is given to ``convolve`` fits exactly: no row is left over, and no padding is negative, or as large as the
    window, or larger than the first and the last output are apart. ``dilations`` are those of array and kernel.
    """
    sizes = zip(x.shape[1:-1], kernel.shape[:-2], pads, strides, *dilations, strict=True)
    parts = [part(size, window, pair, steps) for size, window, pair, *steps in sizes]
    if any(each.empty for each in parts):
        ones = (1,) * len(parts)
        shapes = ((len(x), *ones, x.shape[-1]), (*ones, *kernel.shape[-2:]))
        like = (jax.ShapeDtypeStruct(shape, a.dtype) for shape, a in zip(shapes, (x, kernel), strict=True))
        dtype = jax.eval_shape(lambda x, kernel: convolve(x, kernel, [(0, 0)] * len(parts)), *like).dtype
        return jnp.zeros((len(x), *(each.num_outputs for each in parts), kernel.shape[-1]), dtype)
    x = extended(x, [(0, 0), *((-low, -high) for low, high in (each.of_array for each in parts)), (0, 0)])
    kernel = extended(kernel, [*((-low, -high) for low, high in (each.of_kernel for each in parts)), (0, 0), (0, 0)])
    y = convolve(x, kernel, [each.pads for each in parts])
    return extended(y, [(0, 0), *(each.of_outputs for each in parts), (0, 0)])


def part(size: int, window: int, pads: tuple[int, int], steps: Sequence[int]) -> Part:
    """What takes part along one axis, with steps (stride, dilation of the array, dilation of the kernel).

    With stride s, dilations a and k, and p zeros before the array, output o takes row i of the array times row j of the
    kernel where a i = s o + k j - p. If p is below 0 then the first rows of the array are in no product; if it is above
    the largest k j (or s o) then neither are the first outputs (or rows of the kernel). The other end is the same.
    """
    stride, spread, step = steps
    padded = max((size - 1) * spread + 1, 0) + sum(pads)
    num_outputs = max((padded - (window - 1) * step - 1) // stride + 1, 0)
    low, counts, steps, cuts = pads[0], [size, window, num_outputs], (spread, step, stride), ([0, 0], [0, 0], [0, 0])
    while min(counts) > 0:
        array, kernel, outputs = ((count - 1) * each for count, each in zip(counts, steps, strict=True))
        ends = (low, kernel + outputs - array - low)
        surplus = [(n, i, end) for end, p in enumerate(ends) for i, n in enumerate((-p, p - outputs, p - kernel))]
        over, which, end = max(surplus)
        if over <= 0:
            return Part(*cuts, ends, num_outputs)
        cut = -(-over // steps[which])
        counts[which] -= cut
        cuts[which][end] += cut
        if end == 0:
            low += cut * steps[which] if which == 0 else -cut * steps[which]
    return Part(*cuts, pads, num_outputs, empty=True)


def extended(x: Shaped[Array, "..."], edges: Sequence[Sequence[int]]) -> Shaped[Array, "..."]:
    """Zeros put before and after each axis, or as many entries cut off where a number is negative."""
    if any(edge < 0 for pair in edges for edge in pair):
        starts = [max(-low, 0) for low, _ in edges]
        x = jax.lax.slice(x, starts, [size - max(-high, 0) for size, (_, high) in zip(x.shape, edges, strict=True)])
    for axis, pair in enumerate(edges):
        low, high = (jnp.zeros((*x.shape[:axis], max(edge, 0), *x.shape[axis + 1 :]), x.dtype) for edge in pair)
        if max(pair) > 0:
            x = jnp.concatenate([low, x, high], axis)
    return x
