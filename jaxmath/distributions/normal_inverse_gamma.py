"""The normal-inverse-gamma distribution, of a mean and a variance."""

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, special
from jaxmath.distributions.base import Distribution
from jaxmath.distributions.constraints import POSITIVE, REAL
from jaxmath.distributions.normal_gamma import split_pair


class MeanVariance(NamedTuple):
    """A mean and a variance, or a quantity of each."""

    mean: Array
    variance: Array


@record()
class NormalInverseGamma(Distribution):
    r"""$p(m, v) = N \left( m \mid \mu, v / \lambda \right) \mathrm{InverseGamma}(v \mid a, b)$ for $v > 0$.

    An argument is a pair (mean, variance), or an array whose last axis holds the two; draws, ``mean``, ``variance``
    and ``mode`` are pairs with these names. NaN stands where there is no expectation ($a \le \frac12$ for the mean,
    $a \le 1$ for the variance) or no variance of it ($a \le 1$ and $a \le 2$).

    Args:
      loc: $\mu$.
      precision_scale: $\lambda$, positive.
      concentration: a, positive.
      scale: b, positive.

    Example:
      >>> d = NormalInverseGamma(1.0, 2.0, 3.0, 4.0)
      >>> print(d.mean.variance, f"{d.log_prob((1.0, 2.0)):.3f}")
      2.0 -2.226

    Reference: Murphy (2012), section 4.6.3.
    """

    loc: Any
    precision_scale: Any
    concentration: Any
    scale: Any
    constraints: ClassVar = {"loc": REAL, "precision_scale": POSITIVE, "concentration": POSITIVE, "scale": POSITIVE}
    event_ranks: ClassVar = (0, 0)

    def _split(self, name: str, x: Any) -> tuple[Any, ...]:
        return split_pair(name, x)

    def _joined(self, parts: tuple[Array, ...]) -> MeanVariance:
        return MeanVariance(*parts)

    def _bounds(self) -> tuple[Any, Any]:
        return -jnp.inf, jnp.inf

    def _inside(self, mean: Array, variance: Array) -> Array:
        return jnp.isfinite(mean) & (variance > 0) & (variance < jnp.inf)

    def _point(self) -> tuple[Array, Array]:
        return self.loc, self.scale / self.concentration

    def _log_prob(self, mean: Array, variance: Array) -> Array:
        precision = special.clip_positive(self.scale / variance)
        of_variance = special.log_gamma_density(precision, self.concentration) + jnp.log(precision) - jnp.log(variance)
        z = (mean - self.loc) * jnp.sqrt(self.precision_scale) / jnp.sqrt(variance)
        log_size = jnp.log(self.precision_scale) - jnp.log(variance) - math.log(2 * math.pi)
        return of_variance + (log_size - z**2) / 2

    def _sample(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        first, second = jax.random.split(key)
        log_variance = jnp.log(self.scale) - draws.log_gamma(first, self.concentration, shape)
        z = jax.random.normal(second, shape, log_variance.dtype)
        deviation = jnp.exp((log_variance - jnp.log(self.precision_scale)) / 2)
        return self.loc + z * deviation, jnp.exp(log_variance)

    def _mean(self) -> tuple[Array, Array]:
        a, some = self.concentration, self.concentration > 1
        of_variance = jnp.where(some, self.scale / jnp.where(some, a - 1, 1), jnp.nan)
        return jnp.where(a > 0.5, self.loc, jnp.nan), of_variance

    def _variance(self) -> tuple[Array, Array]:
        a, some = self.concentration, self.concentration > 2
        expected = self._mean()[1]
        of_variance = expected**2 / jnp.where(some, a - 2, 1)
        return expected / self.precision_scale, jnp.where(some, of_variance, jnp.nan)

    def _mode(self) -> tuple[Array, Array]:
        return self.loc, self.scale / (self.concentration + 1.5)
