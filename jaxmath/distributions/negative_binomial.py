"""The negative binomial distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, incomplete, special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE, PROBABILITY


@record()
class NegativeBinomial(Univariate):
    r"""$P(k) = \frac{\Gamma(k + r)}{k!\, \Gamma(r)}\, p^r (1 - p)^k$ for $k = 0, 1, 2, \dots$

    The number of failures before the r-th success, where r is whole.

    Args:
      r: positive, any real number.
      probs: p in (0, 1], the probability of a success.

    Example:
      >>> print(f"{NegativeBinomial(2.0, 0.5).prob(1):.4f}")
      0.2500

    Reference: Loader (2000) for large counts.
    """

    r: Any
    probs: Any
    constraints: ClassVar = {
        "r": POSITIVE,
        "probs": PROBABILITY._replace(words="in (0, 1]", holds=lambda a, d: (a > 0) & (a <= 1)),
    }
    discrete: ClassVar = True

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _point(self) -> Array:
        return jnp.zeros_like(self.r)

    def _log_prob(self, x: Array) -> Array:
        return special.log_binomial_real(self.r, x, self.probs, 1 - self.probs) - jnp.log1p(x / self.r)

    def _log_survival(self, x: Array) -> Array:
        return self._tails(x)[1]

    def _log_cdf(self, x: Array) -> Array:
        return self._tails(x)[0]

    def _tails(self, x: Array) -> tuple[Array, Array]:
        """The logarithms of the probabilities of at most x, and of more."""
        return incomplete.log_beta(self.r, x + 1, self.probs, 1 - self.probs)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        """Of the Poisson distribution with a rate of the gamma distribution."""
        first, second = jax.random.split(key)
        return draws.poisson(second, draws.gamma(first, self.r, shape) * ((1 - self.probs) / self.probs), shape)

    def _mean(self) -> Array:
        return self.r * (1 - self.probs) / self.probs

    def _variance(self) -> Array:
        return self._mean() / self.probs

    def _mode(self) -> Array:
        return jnp.floor(jnp.maximum(self.r - 1, 0) * (1 - self.probs) / self.probs)
