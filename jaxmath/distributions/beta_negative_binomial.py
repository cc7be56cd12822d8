"""The beta negative binomial distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, special
from jaxmath.distributions.base import Distribution
from jaxmath.distributions.constraints import POSITIVE


@record()
class BetaNegativeBinomial(Distribution):
    r"""$P(k) = \frac{\Gamma(k + r)}{k!\, \Gamma(r)} \frac{B(a + r, b + k)}{B(a, b)}$ for $k = 0, 1, 2, \dots$

    A negative binomial distribution whose probability of a success is drawn from the beta distribution.

    Args:
      r: positive, any real number.
      a: positive; the mean is finite above 1, the variance above 2.
      b: positive.

    Example:
      >>> print(f"{BetaNegativeBinomial(1.0, 2.0, 1.0).prob(0):.4f}")
      0.6667

    Reference: Johnson, Kemp and Kotz (2005), section 6.2.3.
    """

    r: Any
    a: Any
    b: Any
    constraints: ClassVar = {"r": POSITIVE, "a": POSITIVE, "b": POSITIVE}
    discrete: ClassVar = True

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _point(self) -> Array:
        return jnp.zeros_like(self.r)

    def _log_prob(self, x: Array) -> Array:
        counts, concentration = (jnp.stack(jnp.broadcast_arrays(*u), axis=-1) for u in ((self.r, x), (self.a, self.b)))
        return special.log_dirichlet_multinomial(counts, concentration) - jnp.log1p(x / self.r)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        """Of the Poisson distribution with a rate of gamma draws: that of r, times that of b, over that of a."""
        poisson, gamma = jax.random.split(key)
        concentration = jnp.stack(jnp.broadcast_arrays(self.r, self.b, self.a), axis=-1)
        log_gamma = draws.log_gamma(gamma, concentration, (*shape, 3))
        return draws.poisson(poisson, jnp.exp(log_gamma[..., 0] + log_gamma[..., 1] - log_gamma[..., 2]), shape)

    def _mean(self) -> Array:
        exists = self.a > 1
        return jnp.where(exists, self.r * (self.b / jnp.where(exists, self.a - 1, 1)), jnp.inf)

    def _variance(self) -> Array:
        exists = self.a > 2
        less = jnp.where(exists, self.a - 1, 2)
        value = self.r * (self.b / less) * ((self.r + less) / less) * ((self.b + less) / (less - 1))
        return jnp.where(exists, value, jnp.inf)

    def _mode(self) -> Array:
        return jnp.floor(jnp.maximum((self.r - 1) * ((self.b - 1) / (self.a + 1)), 0))
