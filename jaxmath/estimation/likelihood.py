"""Likelihoods of data: complete, censored and truncated, and probabilities of intervals."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array

from jaxmath import reduce
from jaxmath._array import as_weights
from jaxmath.distributions import Distribution, special
from jaxmath.distributions.base import Univariate, as_distribution, as_parameter


def negative_log_likelihood(d: Distribution, x: Any, *, weights: Any = None, chunk_size: int | None = None) -> Array:
    r"""The negative log-likelihood $-\sum_i w_i \log p(x_i)$ of independent data.

    Args:
      d: a distribution.
      x: data, shape (n,) + event, each row for all of a batch; or with axes of the batch between.
      weights: how often each row counts, shape (n,); None counts each once.
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`.

    Returns:
      The sum over rows, of batch shape.

    Raises:
      TypeError: for no distribution, or data that is not real.
      ValueError: if the data has no axis of rows, or does not fit the distribution.

    Note:
      Infinite where a row is out of the support; NaN for a NaN in a row of positive weight, or an invalid parameter.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(f"{negative_log_likelihood(Normal(0.0, 1.0), jnp.array([0.0, 1.0])):.4f}")
      2.3379

    Reference: section 6.7.1.
    """
    name = "estimation.negative_log_likelihood"
    as_distribution(name, d)
    x = as_rows(name, d, x)
    weights = None if weights is None else as_weights(name, weights, len(x))
    return -reduce.over(Partial(log_likelihood, d), x, weights=weights, chunk_size=chunk_size)


def log_likelihood(d: Distribution, rows: Array, weights: Array) -> Array:
    """The sum over rows of positive weight; others may be out of the support."""
    return weighted_sum(d.log_prob(rows), weights)


def weighted_sum(values: Array, weights: Array) -> Array:
    """The sum over the first axis, of values that may be infinite where the weight is 0."""
    weights = weights.reshape(-1, *(1,) * (values.ndim - 1))
    finite = jnp.isfinite(values) | (weights != 0)
    return jnp.sum(weights * jnp.where(finite, values, 0), axis=0)


def interval_probability(d: Univariate, low: Any, high: Any) -> Array:
    r"""The probability $P(a < x \le b)$, with all its digits in either tail.

    The difference of the cumulative distribution function where a is below the median, of the survival function above.

    Args:
      d: a distribution of one dimension.
      low: a, broadcasts with the parameters.
      high: b.

    Returns:
      The probability; 0 where b is below a.

    Raises:
      TypeError: for a distribution without a cumulative distribution function.

    Note:
      NaN where an end is NaN or a parameter is out of its range.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(f"{interval_probability(Normal(152.0, 8.0), 160.0, 170.0):.5f}")
      0.14643

    Reference: section 6.7.1.
    """
    name = "estimation.interval_probability"
    if not isinstance(d, Univariate):
        raise TypeError(f"{name}: expected a distribution with a cdf, got {type(d).__name__}")
    return _interval_probability(d, *_as_numbers(name, low=low, high=high))


@partial(jax.jit, inline=True)
def _interval_probability(d: Univariate, low: Array, high: Array) -> Array:
    ends = _stacked(d, low, high)
    cdf, survival = d.cdf(ends), d.survival(ends)
    return jnp.maximum(jnp.where(cdf[0] < 0.5, cdf[1] - cdf[0], survival[0] - survival[1]), 0)


def _log_interval_probability(d: Univariate, low: Array, high: Array) -> Array:
    r"""$\log P(a < x \le b)$, finite where the probability underflows.

    $\log F(b) + \log(1 - F(a) / F(b))$ where a is below the median, the same of the survival function above.
    """
    ends = _stacked(d, low, high)
    log_cdf, log_survival = d.log_cdf(ends), d.log_survival(ends)
    lower = log_cdf[0] < -0.7
    smaller, larger = (jnp.where(lower, log_cdf[i], log_survival[1 - i]) for i in (0, 1))
    value = larger + special.log1m_exp(larger - smaller)
    return jnp.where(jnp.isnan(smaller), jnp.nan, value)


def censored_log_prob(d: Univariate, x: Any, low: Any = -jnp.inf, high: Any = jnp.inf) -> Array:
    r"""The log-likelihood of values of which only $x \le a$ or $x \ge b$ is known beyond the ends of an interval.

    $\log p(x)$ inside, $\log F(a)$ for $x \le a$, $\log(1 - F(b))$ for $x \ge b$: a measurement that stops at the end
    of its scale.

    Args:
      d: a continuous distribution of one dimension.
      x: values, broadcast with the parameters.
      low: a, the lower end of the scale.
      high: b, the upper end.

    Returns:
      A logarithm for each value.

    Raises:
      TypeError: for a distribution that is discrete or without a cumulative distribution function.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(f"{censored_log_prob(Normal(0.0, 1.0), 0.0, high=0.0):.4f}")
      -0.6931

    Reference: Tobin (1958).
    """
    name = "estimation.censored_log_prob"
    d = _as_continuous(name, d)
    return _censored_log_prob(d, *_as_numbers(name, x=x, low=low, high=high))


def _as_continuous(name: str, d: Any) -> Univariate:
    if not isinstance(d, Univariate) or d.discrete:
        raise TypeError(f"{name}: expected a continuous distribution with a cdf, got {type(d).__name__}")
    return d


@partial(jax.jit, inline=True)
def _censored_log_prob(d: Any, x: Array, low: Array, high: Array) -> Array:
    """Each of three functions is evaluated at a point of the support where it is not asked for."""
    lower, upper, anywhere = x <= low, x >= high, jax.lax.stop_gradient(d._point())
    below, above = d.log_cdf(jnp.where(lower, low, anywhere)), d.log_survival(jnp.where(upper, high, anywhere))
    between = d.log_prob(jnp.where(lower | upper, anywhere, x))
    return jnp.where(lower, below, jnp.where(upper, above, between))


def truncated_log_prob(d: Univariate, x: Any, low: Any = -jnp.inf, high: Any = jnp.inf) -> Array:
    r"""The log-density of values that are seen only between a and b, $\log p(x) - \log P(a < x \le b)$.

    Args:
      d: a continuous distribution of one dimension.
      x: values, broadcast with the parameters.
      low: a.
      high: b.

    Returns:
      A logarithm for each value; -inf out of the interval.

    Raises:
      TypeError: for a distribution that is discrete or without a cumulative distribution function.

    Example:
      >>> from jaxmath.distributions import Exponential
      >>> print(f"{truncated_log_prob(Exponential(1.0), 3.0, low=2.0):.4f}")
      -1.0000

    Reference: Cohen (1950).
    """
    name = "estimation.truncated_log_prob"
    d = _as_continuous(name, d)
    return _truncated_log_prob(d, *_as_numbers(name, x=x, low=low, high=high))


@partial(jax.jit, inline=True)
def _truncated_log_prob(d: Any, x: Array, low: Array, high: Array) -> Array:
    value = d.log_prob(x) - _log_interval_probability(d, low, high)
    return jnp.where((x < low) | (x > high), -jnp.inf, value)


def _stacked(d: Univariate, low: Array, high: Array) -> Array:
    """Both ends along a first axis, before those of the batch: a function of both is compiled once."""
    shape = jnp.broadcast_shapes(low.shape, high.shape, d.batch_shape)
    return jnp.stack([jnp.broadcast_to(end, shape) for end in (low, high)])


def _as_numbers(name: str, **given: Any) -> list[Array]:
    return [as_parameter(name, field, value) for field, value in given.items()]


def as_rows(name: str, d: Distribution, x: Any) -> Array:
    """Data with an axis of rows, before those of the batch and of an event."""
    x = as_parameter(name, "x", x)
    if len(d.event_ranks) != 1:
        raise TypeError(f"{name}: expected a distribution of arrays, got {type(d).__name__}; see its log_prob")
    (rank,) = d.event_ranks
    if x.ndim < 1 + rank or 0 in x.shape:
        raise ValueError(f"{name}: expected data of shape (n, ...) with at least one row, got {x.shape}")
    return x.reshape(len(x), *(1,) * len(d.batch_shape), *x.shape[1:]) if x.ndim == 1 + rank else x
