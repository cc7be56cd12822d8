"""Chapter 10: convolutions, place by place."""

import itertools
import math

import numpy as np


def correlate(x, w, strides, pads, dilations, groups=1):
    """Inner products of what lies under the kernel, for a batch with channels; pads are pairs."""
    rank = len(strides)
    x = np.pad(x, [(0, 0), *pads, (0, 0)])
    spans = [(k - 1) * d + 1 for k, d in zip(w.shape, dilations, strict=False)]
    places = [range(0, n - span + 1, s) for n, span, s in zip(x.shape[1:], spans, strides, strict=False)]
    y = np.zeros((len(x), *map(len, places), w.shape[-1]))
    for corner in itertools.product(*(enumerate(starts) for starts in places)):
        under = tuple(slice(c, c + span, d) for (_, c), span, d in zip(corner, spans, dilations, strict=True))
        for g, (seen, kernels) in enumerate(
            zip(np.split(x[(slice(None), *under)], groups, -1), np.split(w, groups, -1), strict=True)
        ):
            width = kernels.shape[-1]
            products = np.tensordot(seen, kernels, rank + 1)
            y[(slice(None), *(i for i, _ in corner), slice(g * width, (g + 1) * width))] = products
    return y


def plain(x, w, strides, pads, dilations):
    """The same without channels."""
    return correlate(x[None, ..., None], w[..., None, None], strides, pads, dilations)[0, ..., 0]


def stack_copies(x, w, strides):
    """Copies of the kernel, added up where they are laid down, for a batch with channels."""
    wholes = [(n - 1) * s + k for n, s, k in zip(x.shape[1:], strides, w.shape, strict=False)]
    y = np.zeros((len(x), *wholes, w.shape[-1]))
    for n, *place, c in np.ndindex(x.shape):
        under = tuple(slice(i * s, i * s + k) for i, s, k in zip(place, strides, w.shape, strict=False))
        y[(n, *under)] += x[(n, *place, c)] * w[..., c, :]
    return y


def same_pads(n, k, stride, dilation=1):
    """Zeros before and after, so that there is a place for every stride-th number; the odd one after."""
    before = after = 0
    while (n + before + after - (k - 1) * dilation - 1) // stride + 1 < math.ceil(n / stride):
        before, after = (before + 1, after) if before < after else (before, after + 1)
    return before, after


def gaussian(sizes, sigma):
    """The bell at every point of the grid, over the sum."""
    middle = [(n - 1) / 2 for n in sizes]
    bell = np.array([math.exp(-(math.dist(at, middle) ** 2) / (2 * sigma**2)) for at in np.ndindex(*sizes)])
    return bell.reshape(sizes) / bell.sum()


def seen_inputs(layers):
    """How many inputs one output depends on, traced down from the output one layer after the other."""
    seen = {0}
    for kernel, stride, dilation in reversed(layers):
        seen = {i * stride + j * dilation for i in seen for j in range(kernel)}
    return max(seen) - min(seen) + 1
