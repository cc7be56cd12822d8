"""Divergences by draws."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxmath._array import as_key, as_size, root
from jaxmath.distributions import Distribution
from jaxmath.distributions.mixture import broadcast_parameters
from jaxmath.information.closed_forms import check_batches
from jaxmath.information.tables import as_base, in_units


class DivergenceEstimate(NamedTuple):
    """A mean of draws and its standard error."""

    value: Float[Array, "..."]
    standard_error: Float[Array, "..."]


def kl_monte_carlo(
    key: Array, p: Distribution, q: Distribution, num_samples: int, *, base: ArrayLike | None = None
) -> DivergenceEstimate:
    r"""An estimate of the Kullback-Leibler divergence: the mean of $\log p(x_i) - \log q(x_i)$ over draws $x_i$ from p.

    For distributions without a closed one, see :func:`kl_divergence`.

    Args:
      key: a random key.
      p: the truth.
      q: the model, of events of the same shape; batches broadcast.
      num_samples: how many draws, static.
      base: of the logarithm, above 1, such as 2 for bits; None for nats.

    Returns:
      The estimate and its standard error, the standard deviation of the terms divided by the root of their number, both
      of batch shape. A draw that is impossible in q makes the estimate infinite and its error NaN; so does one draw.

    Raises:
      TypeError: if an argument is no distribution, ``key`` none, or ``num_samples`` is traced or no integer.
      ValueError: if the shapes do not fit, or a number is out of range.

    Note:
      An invalid parameter gives NaN. The estimate can be below 0. It is differentiable in the parameters of q, and in
      those of p as far as draws are. A draw whose nearest number is an end of the support of p is moved into it, such
      as one of a gamma distribution of small concentration that underflows.

    Example:
      >>> from jaxmath.distributions import Laplace, Normal
      >>> estimate = kl_monte_carlo(jax.random.key(0), Laplace(0.0, 1.0), Normal(0.0, 1.0), 100_000)
      >>> print(f"{estimate.value:.2f}")
      0.23
    """
    name = "information.kl_monte_carlo"
    for d in (p, q):
        if not isinstance(d, Distribution):
            raise TypeError(f"{name}: expected distributions, got {type(d).__name__}")
    if p.event_shape != q.event_shape:
        raise ValueError(f"{name}: expected events of one shape, got {p.event_shape} and {q.event_shape}")
    check_batches(name, p, q)
    return _kl_monte_carlo(as_key(name, key), p, q, as_base(name, base), as_size(name, "num_samples", num_samples))


@partial(jax.jit, static_argnames="num_samples", inline=True)
def _kl_monte_carlo(key: Array, p: Any, q: Any, base: Array | None, num_samples: int) -> DivergenceEstimate:
    dtype = p._dtype(*jax.tree.leaves(q))
    computed = jnp.promote_types(dtype, jnp.float32)
    p, q = p._cast(computed), q._cast(computed)
    # draws along an axis before those of both batches
    batch = jnp.broadcast_shapes(p.batch_shape, q.batch_shape)
    p = broadcast_parameters(p, (1,) * (len(batch) - len(p.batch_shape)) + p.batch_shape)
    x = p.sample(key, (num_samples,))
    terms = in_units(p.log_prob(x) - q.log_prob(x), base)
    error = root(jnp.var(terms, axis=0, ddof=1) / num_samples)  # its derivative is finite where all are equal
    return DivergenceEstimate(terms.mean(axis=0).astype(dtype), error.astype(dtype))
