"""Sufficient statistics of data under a model, in one pass."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array

from jaxmath import reduce
from jaxmath._array import product, wide
from jaxmath.moments import Moments


class Statistics(NamedTuple):
    """Sufficient statistics of data under a model; they merge by :func:`jaxmath.reduce.merge`.

    Attributes:
      sufficient: what the posterior depends on.
      log_base: the part of the log-likelihood that the posterior does not depend on: that at a reference parameter
        which ``sufficient`` determines, or that of a factor without parameters; -inf if an observation is out of the
        support, NaN if one is NaN.
    """

    sufficient: Any
    log_base: Array


@functools.singledispatch
def base_change(part: Any, whole: Any) -> Any:
    """Change of the log base of a part of the data from the reference of its statistics to that of the whole."""
    return 0.0


def rebased(statistics: Statistics, whole: Any) -> Array:
    """The log base of a part of the data at the reference of other sufficient statistics."""
    base = statistics.log_base
    return jnp.where(jnp.isfinite(base), base + base_change(statistics.sufficient, whole), base)


@reduce.merge.register
def _merge(a: Statistics, b: Any) -> Statistics:
    if not isinstance(b, Statistics) or type(a.sufficient) is not type(b.sufficient):
        kinds = (type(each.sufficient if isinstance(each, Statistics) else each).__name__ for each in (a, b))
        raise TypeError(f"reduce.merge: expected statistics of one model, got {' and '.join(kinds)}")
    if jax.tree.map(jnp.shape, a) != jax.tree.map(jnp.shape, b):
        shapes = " and ".join(str([leaf.shape for leaf in jax.tree.leaves(each.sufficient)]) for each in (a, b))
        raise ValueError(f"reduce.merge: expected statistics of one shape, got {shapes}; give num_classes for labels")
    whole = reduce.merge(a.sufficient, b.sufficient)
    return Statistics(whole, rebased(a, whole) + rebased(b, whole))


class NumberMoments(NamedTuple):
    """Moments of numbers, as :class:`jaxmath.moments.Moments` are of vectors.

    Attributes:
      count: the sum of weights.
      mean: the weighted mean; 0 without rows.
      scatter: the weighted sum of squared deviations from it.
    """

    count: Array
    mean: Array
    scatter: Array


@reduce.merge.register
def _merge_moments(a: NumberMoments, b: Any) -> NumberMoments:
    count = a.count + b.count
    share, step = b.count / jnp.where(count == 0, 1, count), b.mean - a.mean
    return NumberMoments(count, a.mean + share * step, a.scatter + b.scatter + a.count * share * step**2)


def number_moments(x: Array, weights: Array) -> NumberMoments:
    """Moments of numbers: about a first mean, by which the mean and the scatter are then corrected."""
    count = weights.sum()
    total = jnp.where(count == 0, 1, count)
    first = jax.lax.stop_gradient(jnp.sum(weights * x) / total)
    deviation = x - first
    step = jnp.sum(weights * deviation) / total
    scatter = jnp.sum(weights * deviation**2) - count * step**2
    return NumberMoments(count, first + step, jnp.maximum(scatter, 0))


@functools.singledispatch
def scale(statistics: Any, power: Array) -> Any:
    """The statistics of a likelihood raised to a power: sums times the power; what is no sum registers its rule."""
    return jax.tree.map(lambda total: power * total, statistics)


@scale.register
def _scale_statistics(statistics: Statistics, power: Array) -> Statistics:
    scaled = scale(statistics.sufficient, power)
    return Statistics(scaled, power * rebased(statistics, scaled))


@scale.register(Moments)
@scale.register(NumberMoments)
def _scale_moments(statistics: Any, power: Array) -> Any:
    return statistics._replace(count=power * statistics.count, scatter=power * statistics.scatter)


def num_columns(sufficient: Any) -> int | None:
    """How many columns the data of the statistics had; None for numbers."""
    largest = max(jax.tree.leaves(sufficient), key=jnp.ndim)
    return largest.shape[-1] if largest.ndim else None


def of_rows(model: Any, shift: Any, rows: Any, weights: Array) -> Statistics:
    """The statistics of a chunk. Rows out of the support are NaN in them, and -inf in the base, unless of weight 0."""
    rows = jax.tree.map(wide, rows)
    known, inside = is_known(rows), model._inside(rows)
    valid, included = known & inside, weights != 0
    safe = jax.tree.map(lambda a: jnp.where(_as_rows(valid, a), a, jnp.asarray(model.point, a.dtype)), rows)
    marked = jax.tree.map(lambda a: jnp.where(_as_rows(valid | ~included, a), a, jnp.nan), safe)
    sufficient = model._centered(marked, weights, shift)
    base = jnp.where(known, jnp.where(inside, model._log_base(safe, sufficient), -jnp.inf), jnp.nan)
    log_base = product(weights, jnp.broadcast_to(jnp.where(included | jnp.isfinite(base), base, 0), weights.shape))
    return Statistics(sufficient, log_base)


def typical_row(columns: Array, weights: Array | None) -> Array:
    """A point near the data, of finite rows alone."""
    finite = jnp.isfinite(columns).all(axis=1)
    weights = jnp.where(finite, jnp.ones_like(columns[:, 0]) if weights is None else weights, 0)
    return reduce.typical_row(jnp.where(finite[:, None], columns, 0), weights)


def _as_rows(flags: Array, a: Array) -> Array:
    """Flags of rows with as many axes as the rows have."""
    return flags.reshape(-1, *(1,) * (a.ndim - 1))


def is_known(rows: Any) -> Array:
    """Whether each row has no NaN."""
    known = [~jnp.isnan(a).any(axis=tuple(range(1, a.ndim))) for a in jax.tree.leaves(rows)]
    return functools.reduce(jnp.logical_and, known)


def statistics_of(model: Any, rows: Any, weights: Array | None) -> Statistics:
    """The statistics of all rows."""
    model = model._cast(jnp.result_type(jnp.float32, *jax.tree.leaves((rows, model))))
    shift = model._shift(rows, weights)
    found = reduce.over(Partial(of_rows, model, shift), rows, weights=weights)
    return found._replace(sufficient=model._unshifted(found.sufficient, shift))
