"""The Bernoulli distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import Computed, record
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import LOGITS, PROBABILITY


@record()
class Bernoulli(Univariate):
    r"""$P(1) = p$, $P(0) = 1 - p$.

    Exactly one of ``probs`` and ``logits`` is given; both can be read.

    Args:
      probs: p in [0, 1].
      logits: $\log \frac{p}{1 - p}$, any number or infinite; keeps its digits where p is nearly 0 or 1.

    Example:
      >>> print(Bernoulli(0.25).variance, Bernoulli(logits=-200.0).log_prob(1))
      0.1875 -200.0

    Reference: section 5.9.5.
    """

    probs: Any = Computed(lambda d: jax.nn.sigmoid(d.logits))
    logits: Any = Computed(lambda d: jax.scipy.special.logit(d.probs))
    constraints: ClassVar = {"probs": PROBABILITY, "logits": LOGITS}
    alternatives: ClassVar = ("probs", "logits")
    discrete: ClassVar = True

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, 1.0

    def _point(self) -> Array:
        return jnp.zeros_like(self.probs)

    def _log_prob(self, x: Array) -> Array:
        if vars(self)["probs"] is None:
            return jax.nn.log_sigmoid(jnp.where(x == 1, self.logits, -self.logits))
        p, q = self._both()
        chosen = jnp.where(x == 1, p, q)
        some = chosen > 0
        return jnp.where(some, jnp.log(jnp.where(some, chosen, 1)), -jnp.inf)

    def _cdf(self, x: Array) -> Array:
        return jnp.where(x < 1, self._both()[1], 1)

    def _survival(self, x: Array) -> Array:
        return jnp.where(x < 1, self._both()[0], 0)

    def _log_cdf(self, x: Array) -> Array:
        return self._log_prob(jnp.zeros_like(x))

    def _log_survival(self, x: Array) -> Array:
        return self._log_prob(jnp.ones_like(x))

    def _icdf(self, p: Array) -> Array:
        return jnp.where(p <= self._both()[1], 0.0, 1.0)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.bernoulli(key, self.probs, shape).astype(self.probs.dtype)

    def _mean(self) -> Array:
        return self.probs

    def _variance(self) -> Array:
        p, q = self._both()
        return p * q

    def _mode(self) -> Array:
        return jnp.where(self._both()[0] > 0.5, 1, 0)

    def _entropy(self) -> Array:
        x, (p, q) = jnp.zeros_like(self.probs), self._both()
        log_p, log_q = self._log_prob(x + 1), self._log_prob(x)
        return -(p * jnp.where(p > 0, log_p, 0) + q * jnp.where(q > 0, log_q, 0))

    def _both(self) -> tuple[Array, Array]:
        """The probabilities of 1 and of 0."""
        if vars(self)["probs"] is None:
            return jax.nn.sigmoid(self.logits), jax.nn.sigmoid(-self.logits)
        return self.probs, 1 - self.probs
