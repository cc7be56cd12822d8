"""Assignment of anchors to true boxes, and balanced samples of them."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Num

from jaxmath._array import as_float, as_key, as_real, as_size, in_range
from jaxmath.detection.selection import Selection

OBJECT, BACKGROUND, IGNORED = 1, 0, -1


class Matches(NamedTuple):
    """Assignment of anchors.

    Attributes:
      index: of the truth that it overlaps most, 0 if there is none.
      kind: 1 for an object, 0 for background, -1 for an anchor that is ignored.
    """

    index: Int[Array, " n"]
    kind: Int[Array, " n"]


def match(
    overlap: Num[ArrayLike, "n m"],
    valid: Bool[ArrayLike, " m"],
    *,
    high: Float[ArrayLike, ""] = 0.7,
    low: Float[ArrayLike, ""] = 0.3,
    force_best: bool = True,
) -> Matches:
    """Assigns anchors to the true boxes.

    An anchor is an object from an overlap of ``high`` on with some truth, background below ``low`` with all of them,
    and ignored between. With ``force_best`` the anchors that overlap a truth most, all of equal ones, are objects too.

    Args:
      overlap: of anchors and truths (:func:`iou`), shape ``(n, m)``.
      valid: which truths there are, shape ``(m,)``; the others are padding.
      high: from here on an anchor is an object.
      low: below it is background.
      force_best: whether each truth gets an anchor, static. A truth that no anchor overlaps gets none; an anchor that
        is made an object belongs to the truth that it overlaps most.

    Returns:
      For each anchor the index of a truth and its kind, shape ``(n,)`` each.

    Raises:
      ValueError: if shapes do not fit, or the numbers known are not ``0 <= low <= high <= 1``.

    Note:
      A NaN overlap counts as none. Without truths all anchors are background. With a traced threshold out of range all
      that is not forced is ignored.

    Example:
      >>> overlap = jnp.array([[0.9, 0.0], [0.5, 0.2], [0.1, 0.4], [0.1, 0.0]])
      >>> found = match(overlap, jnp.array([True, True]))
      >>> print(found.index, found.kind)
      [0 0 1 0] [ 1 -1  1  0]

    Reference: section 11.5; Ren et al. (2015), section 3.1.2.
    """
    name = "detection.match"
    overlap, valid = as_float(name, overlap), as_real(name, valid)
    if overlap.ndim != 2 or valid.shape != overlap.shape[1:]:
        raise ValueError(f"{name}: expected overlap (n, m) and valid (m,), got {overlap.shape} and {valid.shape}")
    if isinstance(low, float | int) and isinstance(high, float | int) and low > high:
        raise ValueError(f"{name}: low must be at most high, got {low} and {high}")
    low, high = (in_range(name, word, value, "[0, 1]") for word, value in (("low", low), ("high", high)))
    if overlap.shape[1] == 0:
        overlap, valid = jnp.zeros((len(overlap), 1), overlap.dtype), jnp.zeros(1, bool)
    overlap = jnp.where(valid.astype(bool) & ~jnp.isnan(overlap), overlap, 0)
    index, best = jnp.argmax(overlap, axis=1).astype(jnp.int32), overlap.max(axis=1)
    kind = jnp.where(best >= high, OBJECT, jnp.where(best < low, BACKGROUND, IGNORED))
    kind = jnp.where(valid.any(), kind, BACKGROUND)
    if force_best and len(overlap):
        forced = (overlap == overlap.max(axis=0)) & (overlap > 0)
        kind = jnp.where(forced.any(axis=1), OBJECT, kind)
    return Matches(index, kind.astype(jnp.int32))


def balanced_sample(key: Array, kind: Int[ArrayLike, " n"], num_samples: int, positive_fraction: float) -> Selection:
    """Sample of anchors without replacement: objects up to a share of the slots, background in the rest.

    Args:
      key: a ``jax.random.key``.
      kind: of :func:`match`, shape ``(n,)``: 1 object, 0 background, others are never drawn.
      num_samples: number of slots, static.
      positive_fraction: the largest share of objects, in [0, 1], static; rounded down to whole slots.

    Returns:
      Indices and which of them are valid, each of shape ``(num_samples,)``, objects first. Slots stay empty if there
      is too little background.

    Raises:
      TypeError, ValueError: if a number is out of range, or ``kind`` is no row.

    Example:
      >>> drawn = balanced_sample(jax.random.key(0), jnp.array([1, 0, -1, 0]), 4, 0.5)
      >>> int(drawn.indices[0]), drawn.valid.tolist()
      (0, [True, True, True, False])

    Reference: section 11.5; Ren et al. (2015), section 3.1.3.
    """
    name = "detection.balanced_sample"
    key, kind, num_samples = as_key(name, key), as_real(name, kind), as_size(name, "num_samples", num_samples)
    if kind.ndim != 1:
        raise ValueError(f"{name}: expected kind of shape (n,), got {kind.shape}; more go through jax.vmap")
    if isinstance(positive_fraction, Tracer):
        raise TypeError(f"{name}: positive_fraction must be known while tracing; close over it")
    fraction = float(positive_fraction)
    if not 0 <= fraction <= 1:
        raise ValueError(f"{name}: positive_fraction must be in [0, 1], got {positive_fraction!r}")
    if len(kind) == 0:
        return Selection(jnp.zeros(num_samples, jnp.int32), jnp.zeros(num_samples, bool))
    return _drawn(key, kind, num_samples, int(num_samples * fraction + 1e-9))  # 0.29 of 100 are 29


@partial(jax.jit, static_argnums=(2, 3))
def _drawn(key: Array, kind: Array, num_samples: int, most_objects: int) -> Selection:
    """The anchors with the largest of uniform random numbers."""
    random = jax.random.uniform(key, kind.shape, minval=1.0, maxval=2.0)
    slots = jnp.arange(num_samples)

    def largest(wanted: int, size: int) -> tuple[Array, Array]:
        """Indices of one kind by decreasing number, and how many there are."""
        values, indices = jax.lax.top_k(jnp.where(kind == wanted, random, 0), min(size, len(kind)))
        return indices, (values > 0).sum()

    background, num_background = largest(BACKGROUND, num_samples)
    if most_objects == 0:
        objects, num_objects = jnp.zeros(1, background.dtype), jnp.zeros((), int)
    else:
        objects, num_objects = largest(OBJECT, most_objects)
    of_background = jnp.clip(slots - num_objects, 0, len(background) - 1)
    of_objects = jnp.minimum(slots, len(objects) - 1)
    is_object = slots < num_objects
    indices = jnp.where(is_object, objects[of_objects], background[of_background])
    valid = is_object | (slots - num_objects < num_background)
    return Selection(jnp.where(valid, indices, 0).astype(jnp.int32), valid)
