"""The inverse gamma distribution."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, gamma, special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE


@record()
class InverseGamma(Univariate):
    r"""$p(x) = \frac{b^a}{\Gamma(a)}\, x^{-a - 1} e^{-b / x}$ for $x > 0$.

    The distribution of 1 / x where x is gamma, of concentration a and rate b.

    Args:
      concentration: a, positive.
      scale: b, positive.

    Example:
      >>> print(InverseGamma(3.0, 4.0).mean)
      2.0

    Reference: ``scipy.stats.invgamma``; Loader (2000) for the density at large concentrations.
    """

    concentration: Any
    scale: Any
    constraints: ClassVar = {"concentration": POSITIVE, "scale": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _inside(self, x: Array) -> Array:
        return (x > 0) & (x < jnp.inf)

    def _point(self) -> Array:
        return self.scale / self.concentration

    def _log_prob(self, x: Array) -> Array:
        t = self.scale / x
        error = (self.scale - t * x - special.product_error(t, x)) / x
        log_t, log_x = jnp.log(self.scale) - jnp.log(x), jnp.log(x)
        return gamma.log_density(self.concentration, t, log_t, error) + log_t - log_x

    def _log_survival(self, x: Array) -> Array:
        return self._log_tails(x)[0]

    def _log_cdf(self, x: Array) -> Array:
        return self._log_tails(x)[1]

    def _log_tails(self, x: Array) -> tuple[Array, Array]:
        """The logarithms of the probabilities of more than x, and of at most x."""
        return gamma.log_tails(self.concentration, self.scale / x, jnp.log(self.scale) - jnp.log(x))

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return draws.positive(jnp.log(self.scale) - draws.log_gamma(key, self.concentration, shape))

    def _mean(self) -> Array:
        some = self.concentration > 1
        return jnp.where(some, self.scale / jnp.where(some, self.concentration - 1, 1), jnp.inf)

    def _variance(self) -> Array:
        some = self.concentration > 2
        a = jnp.where(some, self.concentration, 3)
        return jnp.where(some, (self.scale / (a - 1)) ** 2 / (a - 2), jnp.inf)

    def _mode(self) -> Array:
        return self.scale / (self.concentration + 1)

    def _entropy(self) -> Array:
        a = self.concentration
        digamma = jnp.log(a) - special.digamma_error(a)
        return special.gamma_entropy(a) - 2 * digamma + jnp.log(self.scale)
