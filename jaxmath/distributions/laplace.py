"""The Laplace distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE, REAL


@record()
class Laplace(Univariate):
    r"""$p(x) = \frac{1}{2 b} e^{-|x - \mu| / b}$.

    Args:
      loc: $\mu$.
      scale: b, positive.

    Example:
      >>> print(Laplace(1.0, 2.0).variance)
      8.0
    """

    loc: Any
    scale: Any
    constraints: ClassVar = {"loc": REAL, "scale": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return -jnp.inf, jnp.inf

    def _inside(self, x: Array) -> Array:
        return jnp.isfinite(x)

    def _point(self) -> Array:
        return self.loc

    def _log_prob(self, x: Array) -> Array:
        return -jnp.abs(x - self.loc) / self.scale - jnp.log(2 * self.scale)

    def _cdf(self, x: Array) -> Array:
        return _standard_cdf((x - self.loc) / self.scale)

    def _survival(self, x: Array) -> Array:
        return _standard_cdf((self.loc - x) / self.scale)

    def _log_cdf(self, x: Array) -> Array:
        return _standard_log_cdf((x - self.loc) / self.scale)

    def _log_survival(self, x: Array) -> Array:
        return _standard_log_cdf((self.loc - x) / self.scale)

    def _icdf(self, p: Array) -> Array:
        lower = p < 0.5
        log_tail = jnp.log(2 * jnp.where(lower, p, 1 - p))
        return self.loc + self.scale * jnp.where(lower, log_tail, -log_tail)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return self.loc + self.scale * jax.random.laplace(key, shape, self.loc.dtype)

    def _mean(self) -> Array:
        return self.loc

    def _variance(self) -> Array:
        return 2 * self.scale**2

    def _mode(self) -> Array:
        return self.loc

    def _entropy(self) -> Array:
        return 1 + jnp.log(2 * self.scale)


def _standard_cdf(z: Array) -> Array:
    below, above = jnp.where(z < 0, z, 0), jnp.where(z < 0, 0, z)
    return jnp.where(z < 0, jnp.exp(below) / 2, 1 - jnp.exp(-above) / 2)


def _standard_log_cdf(z: Array) -> Array:
    below, above = jnp.where(z < 0, z, 0), jnp.where(z < 0, 0, z)
    return jnp.where(z < 0, below - jnp.log(2.0), jnp.log1p(-jnp.exp(-above) / 2))
