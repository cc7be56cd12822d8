"""The Poisson distribution."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath._record import record
from jaxmath.distributions import draws, incomplete, special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import NOT_NEGATIVE


def log_probability(k: Float[Array, "..."], rate: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$k \log \lambda - \lambda - \log k!$ for whole $k \ge 0$ and $\lambda \ge 0$."""
    some = rate > 0
    value = special.log_poisson(k, jnp.where(some, rate, 1))
    return jnp.where(some, value, jnp.where(k == 0, -rate, -jnp.inf))


@record()
class Poisson(Univariate):
    r"""$P(k) = \frac{\lambda^k}{k!} e^{-\lambda}$ for $k = 0, 1, 2, \dots$

    Args:
      rate: $\lambda$, not negative.

    Example:
      >>> print(f"{Poisson(2.0).prob(1):.4f}")
      0.2707

    Reference: Loader (2000) for large counts.
    """

    rate: Any
    constraints: ClassVar = {"rate": NOT_NEGATIVE}
    discrete: ClassVar = True

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _point(self) -> Array:
        return jnp.zeros_like(self.rate)

    def _log_prob(self, x: Array) -> Array:
        return log_probability(x, self.rate)

    def _log_survival(self, x: Array) -> Array:
        return incomplete.log_gamma(x + 1, self.rate)[0]

    def _log_cdf(self, x: Array) -> Array:
        return incomplete.log_gamma(x + 1, self.rate)[1]

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return draws.poisson(key, self.rate, shape)

    def _mean(self) -> Array:
        return self.rate

    def _variance(self) -> Array:
        return self.rate

    def _mode(self) -> Array:
        return jnp.floor(self.rate)
