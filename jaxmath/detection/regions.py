"""Pooling of regions of a feature map to one size."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from jaxmath._array import as_float, as_size, wide
from jaxmath.detection.boxes import as_row_of_boxes

_AT_A_TIME = 10  # regions: all at once would be several times as slow on a CPU


def roi_pool(
    features: Num[ArrayLike, "h w c"], boxes: Num[ArrayLike, "k 4"], *, output_size: Any, scale: ArrayLike = 1.0
) -> Float[Array, "k oh ow c"]:
    """Maximum over each bin of a grid laid over each region, in whole cells of the feature map.

    Edges of a region are rounded to whole cells, halves away from zero, both edges belong to it, and it has a cell at
    least. Bins may share a row or a column of cells.

    Args:
      features: a feature map, shape ``(h, w, c)``.
      boxes: the regions, shape ``(k, 4)``, in pixels of the image.
      output_size: rows and columns of the grid, static, or one number for both.
      scale: cells of the feature map per pixel, 1 / 16 for a network of stride 16.

    Returns:
      Shape ``(k, rows, columns, c)``, 0 for a bin that lies outside of the feature map.

    Raises:
      TypeError: if ``output_size`` is no integer.
      ValueError: if shapes do not fit.

    Note:
      A NaN among the features of a bin makes the bin NaN; a box with a NaN is NaN everywhere. Where several features
      of a bin are largest the derivative is shared.

    Example:
      >>> features = jnp.arange(16.0).reshape(4, 4, 1)
      >>> print(roi_pool(features, jnp.array([[0, 0, 3, 3]]), output_size=2)[0, ..., 0])
      [[ 5.  7.]
       [13. 15.]]

    Reference: section 11.5; Girshick (2015), section 2.1.
    """
    values, regions, size, factor = _given("detection.roi_pool", features, boxes, output_size, scale)
    return _pooled(values, regions, factor, size)


def roi_align(
    features: Num[ArrayLike, "h w c"],
    boxes: Num[ArrayLike, "k 4"],
    *,
    output_size: Any,
    scale: ArrayLike = 1.0,
    sampling_ratio: int = 2,
    aligned: bool = True,
) -> Float[Array, "k oh ow c"]:
    """Mean of interpolated features at points of each bin of a grid laid over each region; nothing is rounded.

    Interpolation is bilinear; up to one cell outside of the map features are those of its edge, and 0 beyond.

    Args:
      features: a feature map, shape ``(h, w, c)``.
      boxes: the regions, shape ``(k, 4)``, in pixels of the image.
      output_size: rows and columns of the grid, static, or one number for both.
      scale: cells of the feature map per pixel.
      sampling_ratio: points of a bin, down and across, static.
      aligned: whether the first cell has its centre half a cell from the edge of the map, static. If not, regions are
        half a cell off and at least one cell wide and high, as in the first version, which torchvision's detectors
        have.

    Returns:
      Shape ``(k, rows, columns, c)``.

    Raises:
      TypeError: if a size is no integer.
      ValueError: if shapes do not fit.

    Note:
      A NaN among the features around the points of a bin makes the bin NaN; a box with a NaN is NaN everywhere.

    Example:
      >>> features = jnp.arange(16.0).reshape(4, 4, 1)
      >>> print(roi_align(features, jnp.array([[0, 0, 4, 4]]), output_size=2)[0, ..., 0])
      [[ 2.5  4.5]
       [10.5 12.5]]

    Reference: He et al. (2017), section 3.
    """
    name = "detection.roi_align"
    values, regions, size, factor = _given(name, features, boxes, output_size, scale)
    num_points = as_size(name, "sampling_ratio", sampling_ratio)
    level, sizes = jnp.zeros(len(regions), jnp.int32), jnp.array([values.shape[:2]])
    return align_levels([values], sizes, regions, level, factor[None], size, num_points, bool(aligned))


@partial(jax.jit, static_argnums=3)
def _pooled(features: Array, boxes: Array, scale: Array, size: tuple[int, int]) -> Array:
    maxima = _maxima_of_runs(features)
    return _in_groups(partial(_pooled_region, maxima, scale, size), boxes, features.dtype)


def _pooled_region(maxima: Array, scale: Array, size: tuple[int, int], box: Array) -> Array:
    """Maxima over the rows of each row of bins, then over the columns."""
    x0, y0, x1, y1 = jnp.trunc(box * scale + jnp.where(box < 0, -0.5, 0.5))
    _, height, width, _ = maxima.shape
    begin, end = _bins(y0, y1, size[0], height)
    level = jnp.asarray(_levels(height))[end - begin]
    rows = jnp.maximum(maxima[level, begin], maxima[level, end - (1 << level)])
    rows = jnp.where((end > begin)[:, None, None], rows, -jnp.inf)
    begin, end = _bins(x0, x1, size[1], width)
    cells = jnp.arange(width)
    inside = (cells >= begin[:, None]) & (cells < end[:, None])
    bins = jnp.where(inside[..., None], rows[:, None], -jnp.inf).max(axis=2)
    return jnp.where(jnp.isnan(box).any(), jnp.nan, jnp.where(bins == -jnp.inf, 0, bins))


def _bins(first: Array, last: Array, num_bins: int, length: int) -> tuple[Array, Array]:
    """First and last cell + 1 of each bin of an extent, on a map of this length."""
    extent, bins = jnp.maximum(last - first + 1, 1), jnp.arange(num_bins)
    edges = jnp.floor(bins * extent / num_bins), jnp.ceil((bins + 1) * extent / num_bins)
    begin, end = (jnp.clip(jnp.nan_to_num(edge + first), 0, length).astype(jnp.int32) for edge in edges)
    return begin, end


def _maxima_of_runs(features: Array) -> Array:
    """Maxima ``[l, i]`` of the 2^l rows from the i-th on: two of them cover any run of rows."""
    maxima = [features]
    while (step := 1 << len(maxima) - 1) < len(features):
        below = jnp.pad(maxima[-1][step:], ((0, step), (0, 0), (0, 0)), constant_values=-jnp.inf)
        maxima.append(jnp.maximum(maxima[-1], below))
    return jnp.stack(maxima)


def _levels(length: int) -> np.ndarray:
    """The largest l with 2^l rows in a run of n, for n from 0 to the length."""
    return np.array([max(n.bit_length() - 1, 0) for n in range(length + 1)])


@partial(jax.jit, static_argnums=(5, 6, 7))
def align_levels(
    maps: Sequence[Float[Array, "_ _ c"]],
    sizes: Int[Array, "l 2"],
    boxes: Float[Array, "k 4"],
    level: Int[Array, " k"],
    scales: Float[Array, " l"],
    size: tuple[int, int],
    num_points: int,
    aligned: bool,
) -> Float[Array, "k oh ow c"]:
    """:func:`roi_align` on one of several maps for each region; all maps are one row of cells.

    Args:
      maps: features.
      sizes: rows and columns of each map without its padding.
      boxes: the regions.
      level: the map of each.
      scales: of each map, cells per pixel.
      size: rows and columns of the grid.
      num_points: of a bin, down and across.
      aligned: as there.
    """
    widths = np.array([each.shape[1] for each in maps])
    lengths = np.array([each.shape[0] * each.shape[1] for each in maps])
    flat = jnp.concatenate([each.reshape(-1, each.shape[-1]) for each in maps])
    found = [jnp.asarray(each)[level] for each in (np.cumsum(lengths) - lengths, widths, sizes)]
    of_region = partial(_aligned_region, flat, size, num_points, aligned)
    return _in_groups(of_region, (boxes * scales[level][:, None], *found), flat.dtype)


def _aligned_region(flat: Array, size: tuple[int, int], num_points: int, aligned: bool, region: tuple) -> Array:
    """Weighted sums of the features around the points of each bin."""
    box, begin, row_length, (height, width) = region
    x0, y0, x1, y1 = box - (0.5 if aligned else 0)
    least = -jnp.inf if aligned else 1
    rows, columns = (
        _points(first, jnp.maximum(last - first, least), bins, num_points, length)
        for first, last, bins, length in ((y0, y1, size[0], height), (x0, x1, size[1], width))
    )
    (row, row_weight), (column, column_weight) = rows, columns
    cells = begin + row[:, None, :, None] * row_length + column[:, None]
    weights = row_weight[:, None, :, None] * column_weight[:, None]
    bins = _weighted_sum(flat, cells.reshape(-1, *size), weights.reshape(-1, *size))
    return jnp.where(jnp.isnan(box).any(), jnp.nan, bins)


@jax.custom_jvp
def _weighted_sum(flat: Array, cells: Array, weights: Array) -> Array:
    """Sum over the first axis of cells and weights, term by term, which a compiler makes one loop."""
    terms = (weight[..., None] * flat[cell] for cell, weight in zip(cells, weights, strict=True))
    return sum(terms, start=jnp.zeros((), flat.dtype))


@_weighted_sum.defjvp
def _weighted_sum_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """One gather of all terms, whose transpose is one scatter."""
    flat, cells, weights = primals
    along_flat, _, along_weights = tangents
    terms = weights[..., None] * along_flat[cells] + along_weights[..., None] * flat[cells]
    return _weighted_sum(*primals), terms.sum(axis=0)


def _points(first: Array, extent: Array, num_bins: int, num_points: int, length: Array) -> tuple[Array, Array]:
    """Cells before and after each point of every bin along one axis, and their weights in the mean."""
    steps = (jnp.arange(num_points)[:, None] + 0.5) / num_points
    point = first + (jnp.arange(num_bins) + steps) * extent / num_bins
    inside = (point >= -1) & (point <= length)
    point = jnp.clip(point, 0, length - 1)
    low = jnp.floor(point)
    share, before = point - low, jnp.nan_to_num(low).astype(jnp.int32)
    shares = jnp.where(inside, jnp.stack([1 - share, share]), 0) / num_points
    cells = jnp.stack([before, jnp.minimum(before + 1, length - 1)])
    return cells.reshape(-1, num_bins), shares.reshape(-1, num_bins)


def _in_groups(of_region: Callable[[Any], Array], regions: Any, dtype: Any) -> Array:
    """Bins of all regions, some at a time; a derivative computes them again instead of keeping them."""
    num_regions = len(jax.tree.leaves(regions)[0])
    found = jax.lax.map(jax.checkpoint(of_region), regions, batch_size=min(_AT_A_TIME, max(num_regions, 1)))
    return found.astype(dtype)


def _given(name: str, features: Any, boxes: Any, output_size: Any, scale: Any) -> tuple:
    """Checked arguments of both."""
    features, boxes = wide(as_float(name, features)), as_row_of_boxes(name, "boxes", boxes)
    if features.ndim != 3 or 0 in features.shape:
        raise ValueError(f"{name}: expected features (h, w, c), got shape {features.shape}")
    sizes = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(sizes) != 2:
        raise ValueError(f"{name}: output_size must be (rows, columns) or one number, got {output_size!r}")
    size = tuple(as_size(name, "output_size", each) for each in sizes)
    factor = as_float(name, scale)
    if factor.shape:
        raise ValueError(f"{name}: scale must be one number, got shape {factor.shape}")
    return features, boxes.astype(jnp.promote_types(boxes.dtype, features.dtype)), size, factor.astype(boxes.dtype)
