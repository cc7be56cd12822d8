"""The normal distribution of vectors."""

import math
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._core import gaussian
from jaxmath._record import Computed, record
from jaxmath.distributions import draws
from jaxmath.distributions.base import Multivariate
from jaxmath.distributions.constraints import FACTOR, POSITIVE_DEFINITE, REAL, cholesky, gram


def _inverse_triangle(factor: Array) -> Array:
    identity = jnp.broadcast_to(jnp.eye(factor.shape[-1], dtype=factor.dtype), factor.shape)
    return jax.lax.linalg.triangular_solve(factor, identity, left_side=True, lower=True)


def _inverse_factor(a: Array) -> Array:
    """The lower factor L of the inverse of a matrix, $L L^T = A^{-1}$."""
    upper = jnp.flip(cholesky(jnp.flip(a, (-2, -1))), (-2, -1))  # A = U U^T
    return _inverse_triangle(jnp.swapaxes(upper, -2, -1))


def _factor(d: Any) -> Array:
    """The lower factor of the covariance, of whichever parameter was given."""
    given = vars(d)
    if given["scale_tril"] is not None:
        return given["scale_tril"]
    return cholesky(given["covariance"]) if given["covariance"] is not None else _inverse_factor(given["precision"])


@partial(jax.jit, static_argnames="field", inline=True)
def _converted(d: Any, field: str) -> Array:
    """A parameter that was not given, in the type of the one that was; NaN where that is not valid."""
    ((given, value),) = ((name, value) for name, value in d._given() if name != "loc")
    dtype = value.dtype if jnp.issubdtype(value.dtype, jnp.floating) else jnp.result_type(float)
    valid = d.constraints[given].holds(value, d).all(axis=(-2, -1), keepdims=True)
    factor = _factor(d._cast(jnp.promote_types(dtype, jnp.float32)))
    if field == "covariance":
        factor = gram(factor)
    elif field == "precision":
        factor = gram(jnp.swapaxes(_inverse_triangle(factor), -2, -1))
    return jnp.where(valid, factor, jnp.nan).astype(dtype)


@record()
class MultivariateNormal(Multivariate):
    r"""$p(x) = (2 \pi)^{-d / 2} |\Sigma|^{-1 / 2} \exp \left( -\tfrac12 (x - \mu)^T \Sigma^{-1} (x - \mu) \right)$.

    Exactly one of ``covariance``, ``precision`` and ``scale_tril`` is given; each of them can be read.

    Args:
      loc: the mean $\mu$, shape (..., d).
      covariance: $\Sigma$, shape (..., d, d), symmetric and positive definite.
      precision: $\Sigma^{-1}$, likewise.
      scale_tril: L with $\Sigma = L L^T$, lower triangular with a positive diagonal.

    Example:
      >>> d = MultivariateNormal(jnp.zeros(2), covariance=5.0 * jnp.eye(2))
      >>> print(f"{d.log_prob(jnp.zeros(2)):.3f}")
      -3.447

    Reference: section 5.9.2.
    """

    loc: Any
    covariance: Any = Computed(lambda d: _converted(d, "covariance"))
    precision: Any = Computed(lambda d: _converted(d, "precision"))
    scale_tril: Any = Computed(lambda d: _converted(d, "scale_tril"))
    constraints: ClassVar = {
        "loc": REAL,
        "covariance": POSITIVE_DEFINITE,
        "precision": POSITIVE_DEFINITE,
        "scale_tril": FACTOR,
    }
    parameter_ranks: ClassVar = {"loc": 1, "covariance": 2, "precision": 2, "scale_tril": 2}
    alternatives: ClassVar = ("covariance", "precision", "scale_tril")

    def _bounds(self) -> tuple[Any, Any]:
        return -jnp.inf, jnp.inf

    def _inside(self, x: Array) -> Array:
        return jnp.isfinite(x).all(axis=-1)

    def _point(self) -> Array:
        return self.loc

    def _log_prob(self, x: Array) -> Array:
        return gaussian.log_density(x, self.loc, _factor(self))

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return draws.normal(key, self.loc, _factor(self), shape)

    def _mean(self) -> Array:
        return self.loc

    def _variance(self) -> Array:
        return jnp.sum(_factor(self) ** 2, axis=-1)

    def _mode(self) -> Array:
        return self.loc

    def _entropy(self) -> Array:
        d = self.loc.shape[-1]
        return gaussian.half_log_determinant(_factor(self)) + d * (1 + math.log(2 * math.pi)) / 2
