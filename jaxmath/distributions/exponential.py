"""The exponential distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE


@record()
class Exponential(Univariate):
    r"""$p(x) = \lambda e^{-\lambda x}$ for $x \ge 0$.

    Args:
      rate: $\lambda$, positive.

    Example:
      >>> print(Exponential(2.0).mean)
      0.5

    Reference: Bishop (2006), exercise 2.8 and appendix B.
    """

    rate: Any
    constraints: ClassVar = {"rate": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _inside(self, x: Array) -> Array:
        return (x >= 0) & (x < jnp.inf)

    def _point(self) -> Array:
        return 1 / self.rate

    def _log_prob(self, x: Array) -> Array:
        return jnp.log(self.rate) - self.rate * x

    def _cdf(self, x: Array) -> Array:
        return -jnp.expm1(-self.rate * x)

    def _log_survival(self, x: Array) -> Array:
        return -self.rate * x

    def _log_cdf(self, x: Array) -> Array:
        return special.log1m_exp(self.rate * x)

    def _icdf(self, p: Array) -> Array:
        return -jnp.log1p(-p) / self.rate

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.exponential(key, shape, self.rate.dtype) / self.rate

    def _mean(self) -> Array:
        return 1 / self.rate

    def _variance(self) -> Array:
        return (1 / self.rate) ** 2

    def _mode(self) -> Array:
        return jnp.zeros_like(self.rate)

    def _entropy(self) -> Array:
        return 1 - jnp.log(self.rate)
