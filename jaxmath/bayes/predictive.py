"""Predictive distributions of conjugate models that have no other name."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import BetaNegativeBinomial, Lomax, special
from jaxmath.distributions.base import Distribution, Univariate
from jaxmath.distributions.constraints import POSITIVE


@record()
class BetaGeometric(Distribution):
    r"""$P(k) = \frac{B(a + 1, b + k - 1)}{B(a, b)}$ for $k = 1, 2, \dots$

    The number of trials to the first success, whose probability is drawn from the beta distribution.

    Args:
      a: positive; the mean is finite above 1, the variance above 2.
      b: positive.

    Example:
      >>> print(f"{BetaGeometric(2.0, 1.0).prob(1):.4f}")
      0.6667

    Reference: Johnson, Kemp and Kotz (2005), section 6.2.3.
    """

    a: Any
    b: Any
    constraints: ClassVar = {"a": POSITIVE, "b": POSITIVE}
    discrete: ClassVar = True

    def _failures(self) -> BetaNegativeBinomial:
        return BetaNegativeBinomial(jnp.ones_like(self.a), self.a, self.b)

    def _bounds(self) -> tuple[Any, Any]:
        return 1.0, jnp.inf

    def _point(self) -> Array:
        return jnp.ones_like(self.a)

    def _log_prob(self, x: Array) -> Array:
        return self._failures()._log_prob(x - 1)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return 1 + self._failures()._sample(key, shape)

    def _mean(self) -> Array:
        return 1 + self._failures()._mean()

    def _variance(self) -> Array:
        return self._failures()._variance()

    def _mode(self) -> Array:
        return jnp.ones_like(self.a)


@record()
class LogLomax(Univariate):
    r"""$p(x) = \frac{a}{b\, x} \left( 1 + \frac1b \log \frac xs \right)^{-a - 1}$ for $x \ge s$.

    The distribution of a Pareto variable whose concentration is gamma, of concentration a and rate b: $\log \frac xs$
    is of the Lomax distribution. Mean and variance are infinite.

    Args:
      concentration: a, positive.
      rate: b, positive.
      scale: s, positive, the least value.

    Example:
      >>> print(f"{LogLomax(2.0, 1.0, 1.0).cdf(jnp.e):.4f}")
      0.7500

    Reference: Arnold (2015), section 1.
    """

    concentration: Any
    rate: Any
    scale: Any
    constraints: ClassVar = {"concentration": POSITIVE, "rate": POSITIVE, "scale": POSITIVE}

    def _of_logarithm(self) -> Lomax:
        return Lomax(self.concentration, self.rate)

    def _log_ratio(self, x: Array) -> Array:
        r"""$\log(x / s)$, with all its digits near s."""
        return special.log1p_ratio(x - self.scale, self.scale)

    def _bounds(self) -> tuple[Any, Any]:
        return self.scale, jnp.inf

    def _inside(self, x: Array) -> Array:
        return (x >= self.scale) & (x < jnp.inf)

    def _point(self) -> Array:
        return 2 * self.scale

    def _log_prob(self, x: Array) -> Array:
        return self._of_logarithm()._log_prob(self._log_ratio(x)) - jnp.log(x)

    def _cdf(self, x: Array) -> Array:
        return self._of_logarithm()._cdf(self._log_ratio(x))

    def _log_survival(self, x: Array) -> Array:
        return self._of_logarithm()._log_survival(self._log_ratio(x))

    def _log_cdf(self, x: Array) -> Array:
        return self._of_logarithm()._log_cdf(self._log_ratio(x))

    def _icdf(self, p: Array) -> Array:
        return self.scale * jnp.exp(self._of_logarithm()._icdf(p))

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return self.scale * jnp.exp(self._of_logarithm()._sample(key, shape))

    def _mean(self) -> Array:
        return jnp.full_like(self.scale, jnp.inf)

    def _variance(self) -> Array:
        return jnp.full_like(self.scale, jnp.inf)

    def _mode(self) -> Array:
        return self.scale


@record()
class UniformToPareto(Univariate):
    r"""$p(x) = \frac{a}{(a + 1)\, s} \left( \frac{s}{\max(x, s)} \right)^{a + 1}$ for $x \ge 0$.

    The distribution of a variable that is uniform from 0 to a limit of the Pareto distribution: constant up to s, a
    power of x beyond.

    Args:
      concentration: a, positive; the mean is finite above 1, the variance above 2.
      scale: s, positive.

    Example:
      >>> print(f"{UniformToPareto(3.0, 1.0).prob(0.5):.4f} {UniformToPareto(3.0, 1.0).cdf(1.0):.4f}")
      0.7500 0.7500

    Reference: Murphy (2012), exercise 3.9.
    """

    concentration: Any
    scale: Any
    constraints: ClassVar = {"concentration": POSITIVE, "scale": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _inside(self, x: Array) -> Array:
        return (x >= 0) & (x < jnp.inf)

    def _point(self) -> Array:
        return self.scale

    def _log_excess(self, x: Array) -> Array:
        r"""$\log(\max(x, s) / s)$."""
        return special.log1p_ratio(jnp.maximum(x - self.scale, 0), self.scale)

    def _log_prob(self, x: Array) -> Array:
        a = self.concentration
        return -jnp.log1p(1 / a) - jnp.log(self.scale) - (a + 1) * self._log_excess(x)

    def _cdf(self, x: Array) -> Array:
        return jnp.where(x < self.scale, self._below() * (x / self.scale), -jnp.expm1(self._log_survival(x)))

    def _log_survival(self, x: Array) -> Array:
        a, inner = self.concentration, x < self.scale
        within = jnp.log1p(-self._below() * jnp.where(inner, x / self.scale, 0))
        return jnp.where(inner, within, -a * self._log_excess(x) - jnp.log1p(a))

    def _below(self) -> Array:
        """The probability of at most s."""
        return self.concentration / (self.concentration + 1)

    def _icdf(self, p: Array) -> Array:
        a, share = self.concentration, self._below()
        tail = jnp.where(p > share, (1 - p) * (a + 1), 1)
        return self.scale * jnp.where(p > share, jnp.exp(-jnp.log(tail) / a), p / share)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        first, second = jax.random.split(key)
        limit = jnp.exp(jax.random.exponential(first, shape, self.scale.dtype) / self.concentration)
        return self.scale * limit * jax.random.uniform(second, shape, self.scale.dtype)

    def _mean(self) -> Array:
        some = self.concentration > 1
        a = jnp.where(some, self.concentration, 2)
        return jnp.where(some, self.scale * (a / (a - 1)) / 2, jnp.inf)

    def _variance(self) -> Array:
        some = self.concentration > 2
        a = jnp.where(some, self.concentration, 3)
        return jnp.where(some, self.scale**2 * (a / (a - 2) / 3 - (a / (a - 1)) ** 2 / 4), jnp.inf)

    def _mode(self) -> Array:
        return jnp.zeros_like(self.scale)
