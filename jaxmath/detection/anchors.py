"""Anchors: boxes of several sizes and shapes at every cell of a feature map."""

from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, as_scalar, as_size, wide
from jaxmath.detection.boxes import as_row_of_boxes


def base_anchors(stride: Num[ArrayLike, ""], scales: Any, ratios: Any) -> Float[Array, "k 4"]:
    r"""The anchors of the first cell of a feature map, as in the book.

    With the scale $s$ and the ratio $r$ of width to height, $w = s \cdot \text{stride} \sqrt r$ and
    $h = s \cdot \text{stride} / \sqrt r$, around the centre of the cell.

    Args:
      stride: pixels of the image from cell to cell.
      scales: sizes in strides, shape ``(s,)``.
      ratios: of width to height, shape ``(r,)``.

    Returns:
      Boxes in pixels, shape ``(s r, 4)``, in float32 at least: all ratios of the first scale come first.

    Raises:
      ValueError: if scales or ratios are no row of numbers.

    Note:
      A ratio that is not positive gives NaN or infinity.

    Example:
      >>> print(base_anchors(16, (8, 16, 32), (0.5, 1, 2))[0].round(3))
      [-37.255 -82.51   53.255  98.51 ]

    Reference: section 11.5.
    """
    name = "detection.base_anchors"
    stride = wide(as_scalar(name, "stride", stride))
    scales, ratios = (_row(name, word, each) for word, each in (("scales", scales), ("ratios", ratios)))
    scales, roots = scales.astype(stride.dtype), jnp.sqrt(ratios.astype(stride.dtype))
    sizes = jnp.stack(jnp.broadcast_arrays(*(scales[:, None] * each for each in (roots, 1 / roots))), axis=-1)
    half = stride * sizes.reshape(-1, 2) / 2
    return jnp.concatenate([stride / 2 - half, stride / 2 + half], axis=1)


def fpn_base_anchors(sizes: Any, ratios: Any) -> Float[Array, "k 4"]:
    """The anchors around the corner (0, 0), in whole pixels, as torchvision has them.

    Args:
      sizes: roots of areas in pixels, shape ``(s,)``.
      ratios: of height to width, shape ``(r,)``.

    Returns:
      Boxes in pixels, shape ``(r s, 4)``: all sizes of the first ratio come first. Halves are rounded to even numbers.

    Raises:
      ValueError: if sizes or ratios are no row of numbers.

    Example:
      >>> print(fpn_base_anchors([32], [0.5, 1, 2]))
      [[-23. -11.  23.  11.]
       [-16. -16.  16.  16.]
       [-11. -23.  11.  23.]]

    Reference: Lin et al. (2017), section 4.1.
    """
    name = "detection.fpn_base_anchors"
    sizes, roots = _row(name, "sizes", sizes), jnp.sqrt(_row(name, "ratios", ratios))
    extents = jnp.stack([(1 / roots)[:, None] * sizes, roots[:, None] * sizes], axis=-1).reshape(-1, 2)
    return jnp.round(jnp.concatenate([-extents, extents], axis=1) / 2)


def anchors(feature_shape: tuple[int, int], stride: Any, scales: Any, ratios: Any) -> Float[Array, "n 4"]:
    """All anchors of a feature map: :func:`base_anchors` at every cell.

    Args:
      feature_shape: rows and columns of the feature map, static.
      stride: pixels of the image from cell to cell.
      scales: sizes in strides, shape ``(s,)``.
      ratios: of width to height, shape ``(r,)``.

    Returns:
      Boxes in pixels, shape ``(rows * columns * s * r, 4)``: row by row, the anchors of one cell together.

    Raises:
      TypeError, ValueError: as :func:`grid_anchors` and :func:`base_anchors` do.

    Example:
      >>> anchors((50, 50), 16, (8, 16, 32), (0.5, 1, 2)).shape
      (22500, 4)

    Reference: section 11.5; Ren et al. (2015), section 3.1.1.
    """
    return grid_anchors(feature_shape, stride, base_anchors(stride, scales, ratios))


def grid_anchors(feature_shape: tuple[int, int], strides: Any, base: Num[ArrayLike, "k 4"]) -> Float[Array, "n 4"]:
    """Anchors of the first cell, moved to every cell of a feature map.

    Args:
      feature_shape: rows and columns of the feature map, static.
      strides: pixels of the image from cell to cell: down and across, or one number for both.
      base: the anchors of the first cell, shape ``(k, 4)``.

    Returns:
      Boxes in pixels, shape ``(rows * columns * k, 4)``: row by row, the anchors of one cell together.

    Raises:
      TypeError: if rows or columns are no integers.
      ValueError: if there is none, or strides or anchors have another shape.

    Example:
      >>> print(grid_anchors((1, 2), 8, jnp.array([[0, 0, 4, 4]])))
      [[ 0.  0.  4.  4.]
       [ 8.  0. 12.  4.]]
    """
    name = "detection.grid_anchors"
    try:
        height, width = feature_shape
    except (TypeError, ValueError):
        raise ValueError(f"{name}: feature_shape must be (rows, columns), got {feature_shape!r}") from None
    rows, columns = (as_size(name, "feature_shape", size) for size in (height, width))
    base, strides = as_row_of_boxes(name, "base", base), as_float(name, strides)
    if strides.shape not in ((), (2,)):
        raise ValueError(f"{name}: strides must be one number or two, got shape {strides.shape}")
    down, across = jnp.broadcast_to(strides, (2,)).astype(base.dtype)
    y, x = jnp.meshgrid(jnp.arange(rows) * down, jnp.arange(columns) * across, indexing="ij")
    return (jnp.stack([x, y, x, y], axis=-1)[:, :, None] + base).reshape(-1, 4)


def _row(name: str, argument: str, values: Any) -> Float[Array, " n"]:
    found = as_float(name, values)
    if found.ndim != 1 or found.size == 0:
        raise ValueError(f"{name}: {argument} must be a row of numbers, got shape {found.shape}")
    return found
