"""The normal-gamma distribution, of a mean and a precision."""

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, special
from jaxmath.distributions.base import Distribution, as_parameter
from jaxmath.distributions.constraints import POSITIVE, REAL


class MeanPrecision(NamedTuple):
    """A mean and a precision, or a quantity of each."""

    mean: Array
    precision: Array


def split_pair(name: str, x: Any) -> tuple[Any, Any]:
    """The two numbers of a pair, or of an array whose last axis holds them."""
    if isinstance(x, (tuple, list)):
        if len(x) != 2:
            raise TypeError(f"{name}: expected 2 parts, got {len(x)}")
        return tuple(x)
    x = as_parameter(name, "x", x)
    if x.ndim == 0 or x.shape[-1] != 2:
        raise ValueError(f"{name}: expected a pair, or an array with a last axis of 2, got shape {x.shape}")
    return x[..., 0], x[..., 1]


@record()
class NormalGamma(Distribution):
    r"""$p(m, t) = N \left( m \mid \mu, (\lambda t)^{-1} \right) \mathrm{Gamma}(t \mid a, b)$ for $t > 0$.

    An argument is a pair (mean, precision), or an array whose last axis holds the two; draws, ``mean``, ``variance``
    and ``mode`` are pairs with these names. Where the mean has no expectation ($a \le \frac12$) or no variance
    ($a \le 1$), these are infinite or NaN as those of Student's t distribution with 2 a degrees of freedom. For
    $a \le \frac12$ the density has no maximum; the mode is then that of $a = \frac12$, with precision 0.

    Args:
      loc: $\mu$.
      precision_scale: $\lambda$, positive.
      concentration: a, positive.
      rate: b, positive.

    Example:
      >>> d = NormalGamma(1.0, 2.0, 3.0, 4.0)
      >>> print(d.mean.precision, f"{d.log_prob((1.0, 0.5)):.3f}")
      0.75 -0.839

    Reference: Bishop (2006), section 2.3.6.
    """

    loc: Any
    precision_scale: Any
    concentration: Any
    rate: Any
    constraints: ClassVar = {"loc": REAL, "precision_scale": POSITIVE, "concentration": POSITIVE, "rate": POSITIVE}
    event_ranks: ClassVar = (0, 0)

    def _split(self, name: str, x: Any) -> tuple[Any, ...]:
        return split_pair(name, x)

    def _joined(self, parts: tuple[Array, ...]) -> MeanPrecision:
        return MeanPrecision(*parts)

    def _bounds(self) -> tuple[Any, Any]:
        return -jnp.inf, jnp.inf

    def _inside(self, mean: Array, precision: Array) -> Array:
        return jnp.isfinite(mean) & (precision > 0) & (precision < jnp.inf)

    def _point(self) -> tuple[Array, Array]:
        return self.loc, self.concentration / self.rate

    def _log_prob(self, mean: Array, precision: Array) -> Array:
        scaled = special.clip_positive(self.rate * precision)
        of_precision = special.log_gamma_density(scaled, self.concentration) + jnp.log(self.rate)
        z = (mean - self.loc) * jnp.sqrt(self.precision_scale) * jnp.sqrt(precision)
        log_size = jnp.log(self.precision_scale) + jnp.log(precision) - math.log(2 * math.pi)
        return of_precision + (log_size - z**2) / 2

    def _sample(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        first, second = jax.random.split(key)
        log_precision = draws.log_gamma(first, self.concentration, shape) - jnp.log(self.rate)
        z = jax.random.normal(second, shape, log_precision.dtype)
        deviation = jnp.exp(-(jnp.log(self.precision_scale) + log_precision) / 2)
        return self.loc + z * deviation, jnp.exp(log_precision)

    def _mean(self) -> tuple[Array, Array]:
        return jnp.where(self.concentration > 0.5, self.loc, jnp.inf), self.concentration / self.rate

    def _variance(self) -> tuple[Array, Array]:
        a, some = self.concentration, self.concentration > 1
        of_mean = self.rate / jnp.where(some, a - 1, 1) / self.precision_scale
        return jnp.where(some, of_mean, jnp.where(a > 0.5, jnp.inf, jnp.nan)), a / self.rate**2

    def _mode(self) -> tuple[Array, Array]:
        return self.loc, jnp.maximum(self.concentration - 0.5, 0) / self.rate
