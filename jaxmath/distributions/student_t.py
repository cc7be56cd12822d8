"""Student's t distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, incomplete, special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE, REAL


@record()
class StudentT(Univariate):
    r"""$p(x) = \frac{\Gamma(\frac{\nu + 1}{2})}{\Gamma(\frac \nu 2) \sqrt{\nu \pi}\, s}
    \left( 1 + \frac{z^2}{\nu} \right)^{-\frac{\nu + 1}{2}}$ with $z = (x - \mu) / s$.

    Args:
      df: the degrees of freedom $\nu$, positive, any real number.
      loc: $\mu$.
      scale: s, positive; not the standard deviation.

    Example:
      >>> print(StudentT(4.0, 0.0, 1.0).variance)
      2.0

    Reference: Bishop (2006), section 2.3.7.
    """

    df: Any
    loc: Any
    scale: Any
    constraints: ClassVar = {"df": POSITIVE, "loc": REAL, "scale": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return -jnp.inf, jnp.inf

    def _inside(self, x: Array) -> Array:
        return jnp.isfinite(x)

    def _point(self) -> Array:
        return self.loc

    def _log_prob(self, x: Array) -> Array:
        growth = _log1p_square(x - self.loc, self.scale * jnp.sqrt(self.df))
        return self._log_peak() - (self.df + 1) / 2 * growth

    def _log_peak(self) -> Array:
        """The logarithm of the density at loc."""
        return special.log_gamma_half_step(self.df / 2) - jnp.log(jnp.pi * self.df) / 2 - jnp.log(self.scale)

    def _log_survival(self, x: Array) -> Array:
        return self._log_lower(self.loc - x)

    def _log_cdf(self, x: Array) -> Array:
        return self._log_lower(x - self.loc)

    def _log_lower(self, u: Array) -> Array:
        """The logarithm of the probability of at most loc + u; the density is constant where u is small."""
        width, root = self.scale * jnp.sqrt(self.df), jnp.sqrt(self.df + 1)
        near = jnp.abs(u) * root < jnp.finfo(u.dtype).eps ** 0.5 * width
        middle = jnp.log(0.5 + jnp.where(near, u, 0) * jnp.exp(self._log_peak()))
        tail = self._log_tail(jnp.where(near, width, jnp.abs(u)), width)
        return jnp.where(near, middle, jnp.where(u < 0, tail, jnp.log1p(-jnp.exp(tail))))

    def _log_tail(self, u: Array, width: Array) -> Array:
        r"""The logarithm of the probability beyond u > 0.

        $\frac12 I_v(\frac \nu 2, \frac12)$ with $v = (1 + u^2 / w^2)^{-1}$ and $w = s \sqrt \nu$; far out a power of u.
        """
        half, far = self.df / 2, u > width / jnp.finfo(u.dtype).eps
        square, distance = (jnp.where(far, 1, u) / width) ** 2, jnp.where(far, u, 1)
        inner = incomplete.log_beta(half, jnp.full((), 0.5, u.dtype), 1 / (1 + square), square / (1 + square))[0]
        log_ratio = jnp.log(distance) - jnp.log(width)
        outer = special.log_gamma_half_step(half) - jnp.log(half * jnp.sqrt(jnp.pi)) - self.df * log_ratio
        return jnp.where(far, outer, inner) - jnp.log(2.0)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        first, second = jax.random.split(key)
        z, log_g = jax.random.normal(first, shape, self.df.dtype), draws.log_gamma(second, self.df / 2, shape)
        return self.loc + self.scale * z * jnp.exp((jnp.log(self.df / 2) - log_g) / 2)

    def _mean(self) -> Array:
        return jnp.where(self.df > 1, self.loc, jnp.inf)

    def _variance(self) -> Array:
        some = self.df > 2
        value = self.scale**2 * self.df / jnp.where(some, self.df - 2, 1)
        return jnp.where(some, value, jnp.where(self.df > 1, jnp.inf, jnp.nan))

    def _mode(self) -> Array:
        return self.loc

    def _entropy(self) -> Array:
        half = self.df / 2
        step = jnp.log1p(0.5 / half) - special.digamma_error(half + 0.5) + special.digamma_error(half)
        constant = jnp.log(jnp.pi * self.df) / 2 - special.log_gamma_half_step(half) + jnp.log(self.scale)
        return (half + 0.5) * step + constant


def _log1p_square(u: Array, width: Array) -> Array:
    r"""$\log(1 + u^2 / w^2)$, where the square overflows too."""
    distance = jnp.abs(u)
    far = distance > width / jnp.finfo(u.dtype).eps
    inner, outer = jnp.where(far, 0, u) / width, jnp.where(far, distance, 1)
    return jnp.where(far, 2 * (jnp.log(outer) - jnp.log(width)), jnp.log1p(inner**2))
