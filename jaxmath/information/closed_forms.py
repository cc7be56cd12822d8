"""Closed Kullback-Leibler divergences of distributions, a short function for each pair of families."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmath.distributions import (
    Bernoulli,
    Beta,
    Binomial,
    Categorical,
    Dirichlet,
    Distribution,
    Exponential,
    Gamma,
    InverseGamma,
    InverseWishart,
    Laplace,
    LogNormal,
    Multinomial,
    MultivariateNormal,
    NegativeBinomial,
    Normal,
    NormalGamma,
    NormalInverseGamma,
    NormalWishart,
    Pareto,
    Poisson,
    Uniform,
    Wishart,
)
from jaxmath.information import continuous, discrete, matrices

Measure = Callable[[Any, Any], Float[Array, "..."]]


def kl(p: Distribution, q: Distribution) -> Float[Array, "..."]:
    """The divergence of a known pair; NaN where a parameter is not valid."""
    return _evaluate(p, q, closed_form)


def cross_entropy(p: Distribution, q: Distribution) -> Float[Array, "..."]:
    """The cross entropy of a known pair, of which p has an entropy."""
    return _evaluate(p, q, _cross_entropy)


def closed_form(p: Any, q: Any) -> Array:
    """Rounding below 0 is 0, and derivatives are untouched."""
    value = _FORMS[type(p), type(q)](p, q)
    return value + jax.lax.stop_gradient(jnp.where(value < 0, -value, 0))


def _evaluate(p: Any, q: Any, measure: Measure) -> Array:
    dtype, valid = p._dtype(*jax.tree.leaves(q)), p._valid() & q._valid()
    computed = jnp.promote_types(dtype, jnp.float32)
    value = measure(p._cast(computed), q._cast(computed))
    value = jnp.where(valid, value, jnp.nan)
    return jnp.broadcast_to(value, np.broadcast_shapes(p.batch_shape, q.batch_shape)).astype(dtype)


def check_pair(name: str, p: Any, q: Any) -> None:
    """Raises unless there is a closed form, for shapes that fit."""
    pair = f"{type(p).__name__} and {type(q).__name__}"
    if not (isinstance(p, Distribution) and isinstance(q, Distribution)):
        raise TypeError(f"{name}: expected two tables or two distributions, got {pair}")
    if not is_known(p, q):
        raise TypeError(f"{name}: no closed form for {pair}; information.kl_monte_carlo estimates the divergence")
    check_shapes(name, p, q)


def is_known(p: Distribution, q: Distribution) -> bool:
    """Whether there is a closed form."""
    return (type(p), type(q)) in _FORMS


def check_shapes(name: str, p: Distribution, q: Distribution) -> None:
    """Raises unless events are of one size, and batches broadcast."""
    if set(p._event_sizes()) != set(q._event_sizes()):
        raise ValueError(f"{name}: expected events of one size, got {p._event_sizes()[:1]} and {q._event_sizes()[:1]}")
    check_batches(name, p, q)


def check_batches(name: str, p: Distribution, q: Distribution) -> None:
    """Raises unless batches broadcast."""
    try:
        np.broadcast_shapes(p.batch_shape, q.batch_shape)
    except ValueError:
        raise ValueError(f"{name}: expected batches that broadcast, got {p.batch_shape} and {q.batch_shape}") from None


def check_entropy(name: str, p: Any) -> None:
    """Raises unless the entropy has a closed form."""
    if not hasattr(type(p), "_entropy"):
        raise TypeError(
            f"{name}: the entropy of a {type(p).__name__} has no closed form; it is the mean of -p.log_prob(x)"
        )


def _cross_entropy(p: Any, q: Any) -> Array:
    if type(p) is type(q) is Normal:
        squares = ((p.loc - q.loc) / q.scale) ** 2 + (p.scale / q.scale) ** 2
        return (squares + math.log(2 * math.pi)) / 2 + jnp.log(q.scale)
    return p._entropy() + closed_form(p, q)


_FORMS: dict[tuple[type, type], Measure] = {
    (Bernoulli, Bernoulli): discrete.bernoulli,
    (Beta, Beta): continuous.beta,
    (Binomial, Binomial): discrete.binomial,
    (Categorical, Categorical): discrete.categorical,
    (Dirichlet, Dirichlet): continuous.dirichlet,
    (Exponential, Exponential): continuous.exponential,
    (Exponential, Gamma): continuous.exponential_gamma,
    (Gamma, Exponential): continuous.gamma_exponential,
    (Gamma, Gamma): continuous.gamma,
    (InverseGamma, InverseGamma): continuous.inverse_gamma,
    (InverseWishart, InverseWishart): matrices.inverse_wishart,
    (Laplace, Laplace): continuous.laplace,
    (LogNormal, LogNormal): continuous.normal,
    (Multinomial, Multinomial): discrete.multinomial,
    (MultivariateNormal, MultivariateNormal): matrices.multivariate_normal,
    (NegativeBinomial, NegativeBinomial): discrete.negative_binomial,
    (Normal, Normal): continuous.normal,
    (Normal, Uniform): continuous.infinite,
    (NormalGamma, NormalGamma): continuous.normal_gamma,
    (NormalInverseGamma, NormalInverseGamma): continuous.normal_inverse_gamma,
    (NormalWishart, NormalWishart): matrices.normal_wishart,
    (Pareto, Pareto): continuous.pareto,
    (Poisson, Poisson): discrete.poisson,
    (Uniform, Normal): continuous.uniform_normal,
    (Uniform, Uniform): continuous.uniform,
    (Wishart, Wishart): matrices.wishart,
}
