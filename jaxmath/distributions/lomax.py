"""The Lomax distribution, a Pareto distribution that begins at 0."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE


@record()
class Lomax(Univariate):
    r"""$p(x) = \frac{a}{s} \left( 1 + \frac{x}{s} \right)^{-a - 1}$ for $x \ge 0$.

    The distribution of an exponential variable whose rate is gamma, of concentration a and rate s.

    Args:
      concentration: a, positive.
      scale: s, positive.

    Example:
      >>> print(Lomax(3.0, 4.0).mean)
      2.0

    Reference: ``scipy.stats.lomax``; Lomax (1954).
    """

    concentration: Any
    scale: Any
    constraints: ClassVar = {"concentration": POSITIVE, "scale": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _inside(self, x: Array) -> Array:
        return (x >= 0) & (x < jnp.inf)

    def _point(self) -> Array:
        return self.scale

    def _log_prob(self, x: Array) -> Array:
        growth = special.log1p_ratio(x, self.scale)
        return jnp.log(self.concentration) - jnp.log(self.scale) - (self.concentration + 1) * growth

    def _cdf(self, x: Array) -> Array:
        return -jnp.expm1(-self._cumulative_hazard(x))

    def _log_survival(self, x: Array) -> Array:
        return -self._cumulative_hazard(x)

    def _log_cdf(self, x: Array) -> Array:
        return special.log1m_exp(self._cumulative_hazard(x))

    def _cumulative_hazard(self, x: Array) -> Array:
        """Minus the logarithm of the probability of more than x."""
        return self.concentration * special.log1p_ratio(x, self.scale)

    def _icdf(self, p: Array) -> Array:
        return self.scale * jnp.expm1(-jnp.log1p(-p) / self.concentration)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return self.scale * jnp.expm1(jax.random.exponential(key, shape, self.scale.dtype) / self.concentration)

    def _mean(self) -> Array:
        some = self.concentration > 1
        return jnp.where(some, self.scale / jnp.where(some, self.concentration - 1, 1), jnp.inf)

    def _variance(self) -> Array:
        some = self.concentration > 2
        a = jnp.where(some, self.concentration, 3)
        return jnp.where(some, (self.scale / (a - 1)) ** 2 * (a / (a - 2)), jnp.inf)

    def _mode(self) -> Array:
        return jnp.zeros_like(self.scale)

    def _entropy(self) -> Array:
        return 1 + 1 / self.concentration + jnp.log(self.scale) - jnp.log(self.concentration)
