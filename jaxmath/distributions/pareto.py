"""The Pareto distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE


@record()
class Pareto(Univariate):
    r"""$p(x) = \frac{a s^a}{x^{a + 1}}$ for $x \ge s$.

    Args:
      concentration: a, positive.
      scale: s, positive, the least value.

    Example:
      >>> print(Pareto(3.0, 4.0).mean)
      6.0

    Reference: ``scipy.stats.pareto``.
    """

    concentration: Any
    scale: Any
    constraints: ClassVar = {"concentration": POSITIVE, "scale": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return self.scale, jnp.inf

    def _inside(self, x: Array) -> Array:
        return (x >= self.scale) & (x < jnp.inf)

    def _point(self) -> Array:
        return 2 * self.scale

    def _log_prob(self, x: Array) -> Array:
        return jnp.log(self.concentration) - jnp.log(self.scale) - (self.concentration + 1) * self._log_ratio(x)

    def _cdf(self, x: Array) -> Array:
        return -jnp.expm1(-self.concentration * self._log_ratio(x))

    def _log_survival(self, x: Array) -> Array:
        return -self.concentration * self._log_ratio(x)

    def _log_cdf(self, x: Array) -> Array:
        return special.log1m_exp(self.concentration * self._log_ratio(x))

    def _log_ratio(self, x: Array) -> Array:
        r"""$\log(x / s)$, with all its digits near s."""
        return special.log1p_ratio(x - self.scale, self.scale)

    def _icdf(self, p: Array) -> Array:
        return self.scale * jnp.exp(-jnp.log1p(-p) / self.concentration)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return self.scale * jnp.exp(jax.random.exponential(key, shape, self.scale.dtype) / self.concentration)

    def _mean(self) -> Array:
        some = self.concentration > 1
        a = jnp.where(some, self.concentration, 2)
        return jnp.where(some, self.scale * (a / (a - 1)), jnp.inf)

    def _variance(self) -> Array:
        some = self.concentration > 2
        a = jnp.where(some, self.concentration, 3)
        return jnp.where(some, (self.scale / (a - 1)) ** 2 * (a / (a - 2)), jnp.inf)

    def _mode(self) -> Array:
        return self.scale

    def _entropy(self) -> Array:
        return 1 + 1 / self.concentration + jnp.log(self.scale) - jnp.log(self.concentration)
