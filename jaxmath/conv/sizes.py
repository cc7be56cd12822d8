"""How many places a kernel has, and how far an output sees."""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxmath._array import as_size

Sizes = int | Sequence[int]
Padding = str | Sequence[Sequence[int]]


def output_size(
    size: Sizes, kernel: Sizes, *, stride: Sizes = 1, padding: Padding = "valid", dilation: Sizes = 1
) -> int | tuple[int, ...]:
    r"""How many places a kernel has on an array: the size of a correlation or a convolution.

    With p zeros before the array, q behind it, and a kernel of k numbers that dilation spreads over
    $k' = (k - 1) d + 1$,

    $$\left\lfloor \frac{n + p + q - k'}{s} \right\rfloor + 1 .$$

    Args:
      size: n, a whole number, or a tuple of one for each axis.
      kernel: k, one for all axes or one for each, as all that follow.
      stride: s.
      padding: ``"valid"``, ``"same"``, ``"full"``, or a pair (p, q) for each axis.
      dilation: d.

    Returns:
      The size along the axis, or a tuple of those along the axes.

    Raises:
      TypeError: for a size that is no integer, or traced.
      ValueError: for a number out of range, or a kernel that has no place.

    Example:
      >>> output_size(28, 5), output_size((28, 32), 3, stride=2, padding="same")
      (24, (14, 16))

    Reference: section 10.2; Dumoulin and Visin (2016), relationship 15.
    """
    name = "conv.output_size"
    if isinstance(size, (tuple, list)) and not size:
        raise ValueError(f"{name}: expected a size for each of one or more axes, got {size!r}")
    sizes = per_axis(name, "size", size, len(size) if isinstance(size, (tuple, list)) else 1)
    found = geometry(name, sizes, per_axis(name, "kernel", kernel, len(sizes)), stride, padding, dilation)
    return found.outputs if isinstance(size, (tuple, list)) else found.outputs[0]


def receptive_field(layers: Sequence[Sequence[int]]) -> int:
    r"""How many neighbouring inputs one output of a stack of convolutions or poolings sees, along one axis.

    A kernel of k numbers, d apart, adds $(k - 1) d$ steps, and a step is as long as the strides below multiply to:

    $$1 + \sum_l (k_l - 1)\, d_l \prod_{i < l} s_i .$$

    Args:
      layers: from the input to the output, each (kernel), (kernel, stride) or (kernel, stride, dilation); what is left
        out is 1.

    Returns:
      The size of the receptive field, 1 without layers.

    Raises:
      TypeError: for a layer that is no tuple of integers.
      ValueError: if a number is below 1, or there are not 1 to 3 of them.

    Example:
      >>> receptive_field([(5, 1), (2, 2), (5, 1), (2, 2)])
      16

    Reference: Araujo, Norris and Sim (2019), equation 2.
    """
    name = "conv.receptive_field"
    field = step = 1
    for i, layer in enumerate(layers):
        if not isinstance(layer, (tuple, list)):
            raise TypeError(f"{name}: expected layers (kernel, stride, dilation), got {layer!r}")
        if not 1 <= len(layer) <= 3:
            raise ValueError(f"{name}: expected layers (kernel, stride, dilation), got {layer!r}")
        kernel, stride, dilation = (as_size(name, f"layers[{i}]", value) for value in (*layer, 1, 1)[:3])
        field += (kernel - 1) * dilation * step
        step *= stride
    return field


class Geometry(NamedTuple):
    """Where a kernel goes: what a convolution is apart from the numbers, one entry an axis."""

    outputs: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilations: tuple[int, ...]


def geometry(name: str, sizes: tuple, windows: tuple, stride: Any, padding: Any, dilation: Any) -> Geometry:
    """Reads the options for an array and a kernel of these sizes; ValueError if the kernel has no place."""
    strides = per_axis(name, "stride", stride, len(sizes))
    dilations = per_axis(name, "dilation", dilation, len(sizes))
    spans = tuple((k - 1) * d + 1 for k, d in zip(windows, dilations, strict=True))
    pads = read_padding(name, padding, sizes, spans, strides)
    padded = tuple(n + p + q for n, (p, q) in zip(sizes, pads, strict=True))
    if any(k > n for k, n in zip(spans, padded, strict=True)):
        raise ValueError(f"{name}: a kernel over {spans} is larger than the padded array {padded}; pad more")
    outputs = tuple((n - k) // s + 1 for n, k, s in zip(padded, spans, strides, strict=True))
    return Geometry(outputs, strides, pads, dilations)


def read_padding(name: str, padding: Any, sizes: tuple, spans: tuple, strides: tuple) -> tuple[tuple[int, int], ...]:
    """Pairs of how many zeros stand before and after the array along each axis."""
    if isinstance(padding, str) and padding in ("valid", "full"):
        return tuple((k - 1, k - 1) if padding == "full" else (0, 0) for k in spans)
    if isinstance(padding, str) and padding == "same":
        lacking = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(sizes, spans, strides, strict=True)]
        return tuple((total // 2, total - total // 2) for total in lacking)
    pairs = _pairs(padding)
    if len(pairs) != len(sizes) or min(map(min, pairs)) < 0:
        wanted = f"a list of {len(sizes)} pairs (before, after) of whole numbers"
        raise ValueError(f"{name}: padding must be 'valid', 'same', 'full' or {wanted}, got {padding!r}")
    return pairs


def _pairs(padding: Any) -> tuple[tuple[int, int], ...]:
    """Pairs of whole numbers; none if it is something else."""
    try:
        return tuple((operator.index(before), operator.index(after)) for before, after in padding)
    except (TypeError, ValueError):
        return ()


def per_axis(name: str, argument: str, value: Any, num_axes: int) -> tuple[int, ...]:
    """A whole number of 1 or more for each axis, from one for all or a list of them."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * num_axes
    if len(values) != num_axes:
        raise ValueError(f"{name}: {argument} must be one whole number or {num_axes}, one an axis, got {value!r}")
    return tuple(as_size(name, argument, each) for each in values)
