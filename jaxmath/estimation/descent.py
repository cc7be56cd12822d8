"""Maximum likelihood and maximum a posteriori by descent, on parameters that may be any real numbers."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from jaxmath import optimize, reduce
from jaxmath._array import as_weights
from jaxmath.distributions import Distribution
from jaxmath.distributions.base import as_distribution
from jaxmath.distributions.constraints import from_unconstrained, to_unconstrained
from jaxmath.estimation.likelihood import as_rows, log_likelihood, weighted_sum


class Descent(NamedTuple):
    """Result of :func:`descend`.

    Attributes:
      params: the distribution.
      losses: the negative log-likelihood, less the log-density of the prior, of the start and after each step, of
        length ``num_steps`` + 1 of the call; NaN after a step to a loss that is not finite.
      num_steps: steps taken.
      converged: whether the gradient per row, in the unconstrained parameters, is at most ``tol``.
    """

    params: Any
    losses: Float[Array, " steps"]
    num_steps: Int[Array, ""]
    converged: Bool[Array, ""]


def descend(
    start: Distribution,
    x: Any,
    *,
    optimizer: Any,
    num_steps: int,
    prior: Callable[[Any], Array] | None = None,
    weights: Any = None,
    log_prob: Callable[[Any, Array], Array] | None = None,
    tol: ArrayLike | None = None,
    chunk_size: int | None = None,
) -> Descent:
    r"""Minimises $-\sum_i w_i \log p(x_i \mid \theta) - \log \pi(\theta)$ from a start.

    The steps are made on parameters that may be any real numbers: logarithms of scales, log-odds of probabilities,
    Cholesky factors with logarithms on the diagonal. So no step leaves the range of a parameter. The density of the
    prior is that of $\theta$ itself: the maximum does not depend on how the parameters are transformed.

    Args:
      start: the distribution to begin with; counts are not estimated but taken from it.
      x: data, shape (n,) + event.
      optimizer: of optax or :mod:`jaxmath.optimize`, such as ``optax.adam(0.1)`` or ``optax.lbfgs()``.
      num_steps: at most, static.
      prior: the log-density of a distribution, as a function of it; None for maximum likelihood.
      weights: how often each row counts, shape (n,); None counts each once.
      log_prob: the log-density of rows, of a distribution and rows; None is ``d.log_prob(rows)``. For others see
        :func:`censored_log_prob`.
      tol: the descent ends where the gradient per row is at most this; by default the cube root of eps squared.
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`.

    Returns:
      The distribution, and the losses on the way.

    Raises:
      TypeError: for no distribution or no optimiser, or a traced ``num_steps``.
      ValueError: for data that does not fit, or a start with nothing to estimate.

    Note:
      A start out of the range of a parameter, or data out of the support, makes the first loss NaN or infinite; no step
      is taken then. The derivative is that of the steps, one after the other. It is not compiled by itself: where it is
      called again and again, put the call under ``jax.jit``.

    Example:
      >>> import optax
      >>> from jaxmath.distributions import Normal
      >>> found = descend(Normal(0.0, 1.0), jnp.array([1.0, 3.0]), optimizer=optax.lbfgs(), num_steps=30)
      >>> print(f"{found.params.mean:.3f} {found.params.scale:.3f} {found.converged}")
      2.000 1.000 True

    Reference: section 6.7.1.
    """
    name = "estimation.descend"
    x = as_rows(name, as_distribution(name, start), x)
    if start.batch_shape:
        raise ValueError(f"{name}: expected a start without batch axes, got {start.batch_shape}; use jax.vmap")
    weights = None if weights is None else as_weights(name, weights, len(x))
    dtype = jnp.promote_types(start._dtype(x), jnp.float32)
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), to_unconstrained(start))
    if not params:
        raise ValueError(f"{name}: {type(start).__name__} has nothing to estimate")
    count = jnp.asarray(len(x) if weights is None else weights.sum(), dtype)
    likelihood = log_likelihood if log_prob is None else partial(_other_likelihood, log_prob)

    def loss(params: dict[str, Array]) -> Array:
        d = from_unconstrained(start, params)
        value = -reduce.over(Partial(likelihood, d), x, weights=weights, chunk_size=chunk_size)
        return value if prior is None else value - prior(d)

    found = optimize.minimize(
        loss,
        params,
        optimizer=optimizer,
        num_steps=num_steps,
        tol=count * (jnp.finfo(dtype).eps ** (2 / 3) if tol is None else tol),
    )
    return Descent(from_unconstrained(start, found.params), found.losses, found.num_steps, found.converged)


def _other_likelihood(log_prob: Callable[[Any, Array], Array], d: Any, rows: Array, weights: Array) -> Array:
    return weighted_sum(log_prob(d, rows), weights)
