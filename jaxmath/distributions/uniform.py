"""The uniform distribution on an interval."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import ABOVE_LOW, REAL


@record()
class Uniform(Univariate):
    r"""$p(x) = \frac{1}{b - a}$ for $a \le x \le b$.

    Args:
      low: a.
      high: b, above a; otherwise everything is NaN.

    Example:
      >>> print(f"{Uniform(1.0, 5.0).log_prob(2.0):.3f}")
      -1.386

    Reference: section 5.9.1.
    """

    low: Any
    high: Any
    constraints: ClassVar = {"low": REAL, "high": ABOVE_LOW}

    def _bounds(self) -> tuple[Any, Any]:
        return self.low, self.high

    def _point(self) -> Array:
        return self._mean()

    def _log_prob(self, x: Array) -> Array:
        return -jnp.log(self.high - self.low) + jnp.zeros_like(x)

    def _cdf(self, x: Array) -> Array:
        return (x - self.low) / (self.high - self.low)

    def _survival(self, x: Array) -> Array:
        return (self.high - x) / (self.high - self.low)

    def _icdf(self, p: Array) -> Array:
        width = self.high - self.low
        return jnp.where(p < 0.5, self.low + p * width, self.high - (1 - p) * width)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return self._icdf(jax.random.uniform(key, shape, self.low.dtype))

    def _mean(self) -> Array:
        return self.low / 2 + self.high / 2

    def _variance(self) -> Array:
        return (self.high - self.low) ** 2 / 12

    def _mode(self) -> Array:
        return self._mean()

    def _entropy(self) -> Array:
        return jnp.log(self.high - self.low)
