"""Posteriors after each of many batches of data."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array

from jaxmath import reduce
from jaxmath._array import as_float, as_weights, in_range
from jaxmath.bayes.inference import integer_type, updated
from jaxmath.bayes.model import Model
from jaxmath.bayes.sufficient import Statistics, of_rows, scale
from jaxmath.bayes.validation import as_model


def sequential(model: Model, prior: Any, batches: Any, *, weights: Any = None, forgetting: Any = 1.0) -> Any:
    r"""The posteriors after each of b batches of n rows, each the prior of the next.

    The statistics of all batches are merged by an associative scan, and one vectorised update makes all posteriors.
    With a forgetting factor f the statistics so far are multiplied by f before each batch: after t batches those of
    batch i count $f^{t - i}$ times, and the prior as it is.

    Args:
      model: a conjugate model.
      prior: a distribution of one of the types that the model takes, without batch axes.
      batches: shape (b, n), or (b, n, d) for vectors; a pair of such arrays for LinearRegression.
      weights: how often each row counts, shape (b, n); None counts each once.
      forgetting: f in [0, 1].

    Returns:
      The posteriors, one distribution of batch shape (b,): after the first batch, the second, and so on.

    Raises:
      TypeError: for what is no model, a prior of another type, or data that is not real.
      ValueError: for data or weights of another shape, a prior with batch axes, or a factor out of [0, 1].

    Note:
      NaN from the first batch on that has a NaN, or an observation out of the support, of nonzero weight.

    Example:
      >>> from jaxmath import bayes
      >>> from jaxmath.distributions import Normal
      >>> print(sequential(bayes.NormalMean(1.0), Normal(0.0, 1.0), jnp.array([[2.0], [1.0]])).loc)
      [1. 1.]

    Reference: section 13.7; Blelloch (1990) for the scan; West and Harrison (1997), section 2.3, for forgetting.
    """
    model, rows, weights = as_groups("sequential", "batches", model, prior, batches, weights)
    keep_all = isinstance(forgetting, (int, float)) and forgetting == 1
    factor = None if keep_all else in_range("bayes.sequential", "forgetting", forgetting, "[0, 1]")
    return _sequential(model, prior, rows, weights, factor)


def as_groups(
    function: str, argument: str, model: Any, prior: Any, groups: Any, weights: Any
) -> tuple[Any, Any, Array | None]:
    """The model for the prior, and data and weights in arrays of shape (b, n, ...)."""
    name, model = f"bayes.{function}", as_model(f"bayes.{function}", model)
    model._check_prior(function, prior)
    if prior.batch_shape:
        raise ValueError(f"{name}: expected a prior without batch axes, got {prior.batch_shape}; use jax.vmap")
    ranks, several = model.event_ranks, len(model.event_ranks) > 1
    if several and (not isinstance(groups, (tuple, list)) or len(groups) != len(ranks)):
        raise TypeError(f"{name}: expected {argument} in {len(ranks)} parts, got {type(groups).__name__}")
    parts = tuple(as_float(name, part, integer_type(prior)) for part in (groups if several else (groups,)))
    shape = parts[0].shape[:2]
    if any(part.ndim != rank + 2 or part.shape[:2] != shape for part, rank in zip(parts, ranks, strict=True)):
        wanted = " and ".join("(b, n, d)" if rank else "(b, n)" for rank in ranks)
        got = " and ".join(str(part.shape) for part in parts)
        raise ValueError(f"{name}: expected {argument} of shape {wanted}, got {got}")
    if 0 in shape:
        raise ValueError(f"{name}: expected {argument} with at least one row, got shape {shape}")
    if any(ranks):
        model._check_columns(function, prior, parts[0].shape[-1] + len(ranks) - 1)
    weights = None if weights is None else as_weights(name, weights, shape)
    return model._for_prior(prior), (parts if several else parts[0]), weights


@partial(jax.jit, inline=True)
def _sequential(model: Any, prior: Any, rows: Any, weights: Array | None, factor: Array | None) -> Any:
    found, shift = statistics_of_groups(model, rows, weights)
    if factor is None:
        found = jax.lax.associative_scan(jax.vmap(reduce.merge), found)
    else:
        factors = jnp.broadcast_to(factor.astype(found.log_base.dtype), found.log_base.shape)
        _, found = jax.lax.associative_scan(jax.vmap(_merge_discounted), (factors, found))
    return jax.vmap(lambda each: updated(model, prior, unshifted(model, each, shift)))(found)


def _merge_discounted(a: tuple[Array, Statistics], b: tuple[Array, Statistics]) -> tuple[Array, Statistics]:
    """The statistics of batches and those after them, each with the factor by which they discount what was before."""
    return a[0] * b[0], reduce.merge(scale(a[1], b[0]), b[1])


def statistics_of_groups(model: Any, rows: Any, weights: Array | None) -> tuple[Statistics, Any]:
    """The statistics of each group of rows, of shapes (b, n, ...), about a point near all of them; and that point."""
    every, row_weights = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), (rows, weights))
    model = model._cast(jnp.result_type(jnp.float32, *jax.tree.leaves((rows, model))))
    shift = model._shift(every, row_weights)
    statistics = Partial(of_rows, model, shift)
    return jax.vmap(lambda rows, weights: reduce.over(statistics, rows, weights=weights))(rows, weights), shift


def unshifted(model: Any, statistics: Statistics, shift: Any) -> Statistics:
    """The statistics from those about a point."""
    return statistics._replace(sufficient=model._unshifted(statistics.sufficient, shift))
