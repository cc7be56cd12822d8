"""Non-maximum suppression."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, as_real, as_size, in_range
from jaxmath.detection import boxes as _boxes
from jaxmath.detection.selection import Selection

_BLOCK = 64  # boxes are compared with all others at a time


def nms(
    boxes: Num[ArrayLike, "n 4"],
    scores: Num[ArrayLike, " n"],
    *,
    iou_threshold: Float[ArrayLike, ""],
    max_outputs: int,
    labels: Num[ArrayLike, " n"] | None = None,
) -> Selection:
    """Non-maximum suppression: the best box is kept, those that overlap it too much are dropped, and so on.

    Args:
      boxes: shape ``(n, 4)``, in pixels.
      scores: shape ``(n,)``; of equal ones the first comes first.
      iou_threshold: boxes are dropped whose intersection over union with a kept one is larger; in [0, 1].
      max_outputs: number of slots, static; boxes beyond it are dropped.
      labels: classes, shape ``(n,)``: then boxes suppress others of their class only.

    Returns:
      Indices and which of them are valid, best first, each of shape ``(max_outputs,)``.

    Raises:
      TypeError: if ``max_outputs`` is no integer.
      ValueError: if shapes do not fit, or a number is out of range.

    Note:
      A box with a NaN score is dropped, so that NaN can mark empty slots of an array. A box with a NaN edge
      overlaps none and is kept. With a traced threshold that is out of range none is kept.

    Example:
      >>> boxes = jnp.array([[0, 0, 4, 4], [0, 0, 4, 3], [5, 5, 6, 6]])
      >>> kept = nms(boxes, jnp.array([0.7, 0.9, 0.1]), iou_threshold=0.5, max_outputs=3)
      >>> print(kept.indices, kept.valid)
      [1 2 0] [ True  True False]

    Reference: section 11.5.
    """
    name = "detection.nms"
    corners, scores = _boxes.as_row_of_boxes(name, "boxes", boxes), as_float(name, scores)
    max_outputs = as_size(name, "max_outputs", max_outputs)
    classes = jnp.zeros(len(corners), jnp.int32) if labels is None else as_real(name, labels)
    for argument, values in (("scores", scores), ("labels", classes)):
        if values.shape != (len(corners),):
            raise ValueError(f"{name}: expected {argument} of shape ({len(corners)},), got {values.shape}")
    threshold = in_range(name, "iou_threshold", iou_threshold, "[0, 1]").astype(corners.dtype)
    if len(corners) == 0:
        return Selection(jnp.zeros(max_outputs, jnp.int32), jnp.zeros(max_outputs, bool))
    return _suppressed(corners, scores, classes, threshold, max_outputs)


@partial(jax.jit, static_argnums=4)
def _suppressed(corners: Array, scores: Array, classes: Array, threshold: Array, max_outputs: int) -> Selection:
    """Suppression block by block, by decreasing score: the kept boxes of a block suppress those after it."""
    order = jnp.argsort(-scores, stable=True)
    remaining = ~jnp.isnan(scores[order] + threshold)
    num_blocks, num_remaining = -(-len(order) // _BLOCK), remaining.sum()  # those with NaN scores come last
    rest = num_blocks * _BLOCK - len(order)
    corners, classes, remaining = (
        jnp.pad(each, [(0, rest)] + [(0, 0)] * (each.ndim - 1)) for each in (corners[order], classes[order], remaining)
    )
    sides, earlier = _boxes.edges(corners), jnp.arange(_BLOCK)[:, None] < jnp.arange(_BLOCK)

    def cond(carry: tuple) -> Array:
        _, block, count = carry
        return (block * _BLOCK < num_remaining) & (count < max_outputs)

    def step(carry: tuple) -> tuple:
        remaining, block, count = carry
        mine = partial(jax.lax.dynamic_slice_in_dim, start_index=block * _BLOCK, slice_size=_BLOCK)
        overlaps = _boxes.iou_of_edges([mine(side)[:, None] for side in sides], sides)
        suppresses = (overlaps > threshold) & (mine(classes)[:, None] == classes)
        kept = _greedy(mine(remaining), mine(suppresses, axis=1) & earlier)
        later = jnp.arange(len(classes)) >= (block + 1) * _BLOCK
        remaining = remaining & ~(later & (suppresses & kept[:, None]).any(axis=0))
        return jax.lax.dynamic_update_slice_in_dim(remaining, kept, block * _BLOCK, 0), block + 1, count + kept.sum()

    remaining, blocks, _ = jax.lax.while_loop(cond, step, (remaining, 0, 0))
    kept = remaining & (jnp.arange(len(remaining)) < blocks * _BLOCK)
    (indices,) = jnp.nonzero(kept, size=max_outputs, fill_value=0)
    valid = jnp.arange(max_outputs) < kept.sum()
    return Selection(jnp.where(valid, order[indices], 0).astype(jnp.int32), valid)


def _greedy(candidates: Array, suppresses: Array) -> Array:
    """The boxes of a block that no kept box suppresses. Each round is right for one more box at least."""

    def step(carry: tuple) -> tuple:
        kept, _ = carry
        new = candidates & ~(suppresses & kept[:, None]).any(axis=0)
        return new, (new != kept).any()

    return jax.lax.while_loop(lambda carry: carry[1], step, (candidates, jnp.bool_(True)))[0]
