"""The binomial distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import incomplete, special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import COUNT, PROBABILITY


@record()
class Binomial(Univariate):
    r"""$P(k) = \binom n k p^k (1 - p)^{n - k}$ for $k = 0, \dots, n$.

    Args:
      total_count: n, a whole number, not negative.
      probs: p in [0, 1].

    Example:
      >>> print([f"{p:.3f}" for p in Binomial(3, 0.2).prob(jnp.arange(4))])
      ['0.512', '0.384', '0.096', '0.008']

    Reference: section 5.9.3; Loader (2000) for large counts.
    """

    total_count: Any
    probs: Any
    constraints: ClassVar = {"total_count": COUNT, "probs": PROBABILITY}
    discrete: ClassVar = True

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, self.total_count

    def _point(self) -> Array:
        return jnp.zeros_like(self.total_count)

    def _log_prob(self, x: Array) -> Array:
        return special.log_binomial_real(x, self.total_count - x, self.probs, 1 - self.probs)

    def _log_survival(self, x: Array) -> Array:
        return self._tails(x)[0]

    def _log_cdf(self, x: Array) -> Array:
        return self._tails(x)[1]

    def _tails(self, x: Array) -> tuple[Array, Array]:
        """The logarithms of the probabilities of more than x, and of at most x, for x < n."""
        return incomplete.log_beta(x + 1, jnp.maximum(self.total_count - x, 1), self.probs, 1 - self.probs)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.binomial(key, self.total_count, self.probs, shape, self.probs.dtype)

    def _mean(self) -> Array:
        return self.total_count * self.probs

    def _variance(self) -> Array:
        return self.total_count * self.probs * (1 - self.probs)

    def _mode(self) -> Array:
        return jnp.minimum(jnp.floor((self.total_count + 1) * self.probs), self.total_count)
