"""Boxes: areas, overlaps, and codes of one box relative to another (the deltas of other libraries)."""

import math
from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, wide

# Codes of width and height are at most this: a decoded box is at most 62.5 times as wide as its reference
_LARGEST = math.log(1000 / 16)


def area(boxes: Num[ArrayLike, "*n 4"]) -> Float[Array, "*n"]:
    """The areas of boxes, 0 for one whose right or lower edge lies before the other.

    Args:
      boxes: shape ``(..., 4)``, in pixels.

    Returns:
      Square pixels, shape ``(...)``, NaN where an edge is.

    Raises:
      ValueError: if the last axis is not of length 4.

    Example:
      >>> print(area(jnp.array([[0, 0, 2, 3], [2, 2, 1, 1]])))
      [6. 0.]
    """
    return _area(edges(as_boxes("detection.area", "boxes", boxes)))


def iou(a: Num[ArrayLike, "n 4"], b: Num[ArrayLike, "m 4"]) -> Float[Array, "n m"]:
    r"""Intersection over union, $|A \cap B| / |A \cup B|$, of each box with each other.

    Args:
      a: boxes, shape ``(n, 4)``, in pixels.
      b: boxes, shape ``(m, 4)``.

    Returns:
      Numbers in [0, 1], shape ``(n, m)``: 0 for boxes of no area, NaN where an edge is.

    Raises:
      ValueError: if they have other shapes.

    Example:
      >>> print(iou(jnp.array([[0, 0, 2, 2]]), jnp.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).round(3))
      [[1.    0.333 0.   ]]

    Reference: section 11.5.
    """
    return iou_of_edges(*_two("detection.iou", a, b))


def giou(a: Num[ArrayLike, "n 4"], b: Num[ArrayLike, "m 4"]) -> Float[Array, "n m"]:
    r"""Generalised intersection over union: less the share of the smallest box $C$ around both that neither fills.

    $$\mathrm{GIoU} = \mathrm{IoU} - \frac{|C| - |A \cup B|}{|C|}$$

    Args:
      a: boxes, shape ``(n, 4)``, in pixels.
      b: boxes, shape ``(m, 4)``.

    Returns:
      Numbers in [-1, 1], shape ``(n, m)``, NaN where an edge is. Unlike those of :func:`iou` they have a derivative
      where boxes do not meet.

    Raises:
      ValueError: if they have other shapes.

    Example:
      >>> print(giou(jnp.array([[0, 0, 1, 1]]), jnp.array([[0, 0, 1, 1], [3, 0, 4, 1]])))
      [[ 1.  -0.5]]

    Reference: Rezatofighi et al. (2019), algorithm 1.
    """
    of_a, of_b = _two("detection.giou", a, b)
    overlap, union = _overlap_and_union(of_a, of_b)
    outer = [jnp.minimum(low, other) for low, other in zip(of_a[:2], of_b[:2], strict=True)]
    outer += [jnp.maximum(high, other) for high, other in zip(of_a[2:], of_b[2:], strict=True)]
    enclosing = _area(outer)
    return _quotient(overlap, union) - _quotient(enclosing - union, enclosing)


def clip(boxes: Num[ArrayLike, "*n 4"], size: Any) -> Float[Array, "*n 4"]:
    """Boxes with their edges moved into an image.

    Args:
      boxes: shape ``(..., 4)``, in pixels.
      size: height and width of the image; they may be traced.

    Returns:
      Boxes of the same shape; one that lies outside has no area left. NaN stays.

    Raises:
      ValueError: if the last axis is not of length 4, or the size is not two numbers.

    Example:
      >>> print(clip(jnp.array([[-3, 2, 50, 60]]), (40, 30)))
      [[ 0.  2. 30. 40.]]
    """
    name = "detection.clip"
    boxes, size = as_boxes(name, "boxes", boxes), as_float(name, size)
    if size.shape != (2,):
        raise ValueError(f"{name}: size must be (height, width), got shape {size.shape}")
    height, width = size.astype(boxes.dtype)
    return jnp.clip(boxes, 0, jnp.stack([width, height, width, height]))


def encode(
    boxes: Num[ArrayLike, "*#n 4"], references: Num[ArrayLike, "*#n 4"], *, weights: Any = (1.0, 1.0, 1.0, 1.0)
) -> Float[Array, "... 4"]:
    r"""Boxes relative to references, as regression targets.

    $$t_x = w_x \frac{x - x_r}{w_r}, \quad t_y = w_y \frac{y - y_r}{h_r}, \quad t_w = w_w \log \frac{w}{w_r}, \quad
    t_h = w_h \log \frac{h}{h_r}$$

    of centres $(x, y)$, widths and heights.

    Args:
      boxes: shape ``(..., 4)``, in pixels.
      references: anchors or proposals, of a shape that fits.
      weights: of the four codes.

    Returns:
      Codes $(t_x, t_y, t_w, t_h)$, shape ``(..., 4)``; infinite or NaN where one of two widths or heights is not
      positive. Boxes have to have an area.

    Raises:
      ValueError: if a last axis is not of length 4, or there are not four weights.

    Example:
      >>> print(encode(jnp.array([0, 0, 4, 2]), jnp.array([0, 0, 2, 2])).round(3))
      [0.5   0.    0.693 0.   ]

    Reference: section 11.5; Girshick et al. (2014), appendix C.
    """
    name = "detection.encode"
    boxes, references = as_boxes(name, "boxes", boxes), as_boxes(name, "references", references)
    center, size = _center_and_size(boxes)
    reference_center, reference_size = _center_and_size(references)
    codes = jnp.concatenate([(center - reference_center) / reference_size, jnp.log(size / reference_size)], axis=-1)
    return codes * _weights(name, weights, codes.dtype)


def decode(
    codes: Num[ArrayLike, "*#n 4"],
    references: Num[ArrayLike, "*#n 4"],
    *,
    weights: Any = (1.0, 1.0, 1.0, 1.0),
    size: Any = None,
) -> Float[Array, "... 4"]:
    """The boxes that codes stand for: the inverse of :func:`encode`.

    Args:
      codes: shape ``(..., 4)``. Those of width and height, without their weights, are taken as log(1000 / 16) at most.
      references: anchors or proposals, of a shape that fits, in pixels.
      weights: of the four codes.
      size: height and width of an image into which boxes are clipped; None for none.

    Returns:
      Boxes in pixels, shape ``(..., 4)``; a NaN in a code makes the two edges NaN that it moves.

    Raises:
      ValueError: as :func:`encode` and :func:`clip` do.

    Example:
      >>> box, reference = jnp.array([0, 0, 4, 2]), jnp.array([0, 0, 2, 2])
      >>> print(decode(encode(box, reference), reference).round(3))
      [0. 0. 4. 2.]

    Reference: section 11.5.
    """
    name = "detection.decode"
    codes, references = as_boxes(name, "codes", codes), as_boxes(name, "references", references)
    codes = codes / _weights(name, weights, codes.dtype)
    reference_center, reference_size = _center_and_size(references)
    center = codes[..., :2] * reference_size + reference_center
    half = 0.5 * jnp.exp(jnp.minimum(codes[..., 2:], _LARGEST)) * reference_size
    boxes = jnp.concatenate([center - half, center + half], axis=-1)
    return boxes if size is None else clip(boxes, size)


def as_boxes(name: str, argument: str, boxes: Any) -> Float[Array, "*n 4"]:
    """Floats whose last axis is of length 4, in float32 at least; ValueError for others."""
    found = wide(as_float(name, boxes))
    if found.ndim == 0 or found.shape[-1] != 4:
        raise ValueError(f"{name}: {argument} must have four numbers (x0, y0, x1, y1) each, got shape {found.shape}")
    return found


def as_row_of_boxes(name: str, argument: str, boxes: Any) -> Float[Array, "n 4"]:
    """As :func:`as_boxes`, of shape (n, 4)."""
    found = as_boxes(name, argument, boxes)
    if found.ndim != 2:
        raise ValueError(f"{name}: {argument} must be of shape (n, 4), got {found.shape}; more go through jax.vmap")
    return found


def _two(name: str, a: Any, b: Any) -> tuple[list[Array], list[Array]]:
    """The edges of the first as columns, of the second as rows."""
    return edges(as_row_of_boxes(name, "a", a)[:, None]), edges(as_row_of_boxes(name, "b", b))


def edges(boxes: Float[Array, "*n 4"]) -> list[Float[Array, "*n"]]:
    """x0, y0, x1 and y1, each as an array of its own."""
    return [boxes[..., i] for i in range(4)]


def iou_of_edges(a: list[Array], b: list[Array]) -> Array:
    """As :func:`iou`, of boxes whose edges are given one by one and broadcast."""
    return _quotient(*_overlap_and_union(a, b))


def _area(edges: list[Array]) -> Array:
    x0, y0, x1, y1 = edges
    return jnp.maximum(x1 - x0, 0) * jnp.maximum(y1 - y0, 0)


def _overlap_and_union(a: list[Array], b: list[Array]) -> tuple[Array, Array]:
    inner = [jnp.maximum(low, other) for low, other in zip(a[:2], b[:2], strict=True)]
    inner += [jnp.minimum(high, other) for high, other in zip(a[2:], b[2:], strict=True)]
    overlap = _area(inner)
    return overlap, _area(a) + _area(b) - overlap


def _quotient(x: Array, whole: Array) -> Array:
    """A share, 0 of nothing, also in its derivative."""
    empty = whole == 0
    return jnp.where(empty, 0, x / jnp.where(empty, 1, whole))


def _center_and_size(boxes: Array) -> tuple[Array, Array]:
    low, high = boxes[..., :2], boxes[..., 2:]
    return (low + high) / 2, high - low


def _weights(name: str, weights: Any, dtype: Any) -> Array:
    found = as_float(name, weights)
    if found.shape != (4,):
        raise ValueError(f"{name}: expected four weights, got shape {found.shape}")
    return found.astype(dtype)
