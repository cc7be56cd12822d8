"""Sufficient statistics of data under a model, in one pass."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array

from jaxmath import reduce
from jaxmath._array import wide
from jaxmath.moments import Moments


class Statistics(NamedTuple):
    """Sufficient statistics of data under a model; they merge by :func:`jaxmath.reduce.merge`.

    Attributes:
      sufficient: what the posterior depends on.
      log_base: the sum of the logarithms of what the likelihood has as a factor besides, such as Poisson's 1 / x!;
        -inf if an observation is out of the support, NaN if one is NaN.
    """

    sufficient: Any
    log_base: Array


@reduce.merge.register
def _merge(a: Statistics, b: Any) -> Statistics:
    return Statistics(reduce.merge(a.sufficient, b.sufficient), a.log_base + b.log_base)


class NumberMoments(NamedTuple):
    """Moments of numbers, as :class:`jaxmath.moments.Moments` are of vectors.

    Attributes:
      count: the sum of weights.
      mean: the weighted mean; 0 where nothing was counted.
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
    return Statistics(scale(statistics.sufficient, power), power * statistics.log_base)


@scale.register(Moments)
@scale.register(NumberMoments)
def _scale_moments(statistics: Any, power: Array) -> Any:
    return statistics._replace(count=power * statistics.count, scatter=power * statistics.scatter)


def num_columns(sufficient: Any) -> int | None:
    of = sufficient.mean if isinstance(sufficient, Moments) else jax.tree.leaves(sufficient)[0]
    return of.shape[-1] if of.ndim else None


def of_rows(model: Any, shift: Any, rows: Any, weights: Array) -> Statistics:
    """The statistics of a chunk. Rows out of the support are NaN in them, and -inf in the base, unless of weight 0."""
    rows = jax.tree.map(wide, rows)
    known, inside = is_known(rows), model._inside(rows)
    valid, counted = known & inside, weights != 0
    safe = jax.tree.map(lambda a: jnp.where(_as_rows(valid, a), a, jnp.asarray(model.point, a.dtype)), rows)
    base = jnp.where(known, jnp.where(inside, model._log_base(safe), -jnp.inf), jnp.nan)
    log_base = jnp.sum(jnp.where(counted, weights * base, 0))
    marked = jax.tree.map(lambda a: jnp.where(_as_rows(valid | ~counted, a), a, jnp.nan), safe)
    return Statistics(model._centered(marked, weights, shift), log_base)


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
