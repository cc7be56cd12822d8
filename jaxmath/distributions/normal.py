"""The normal distribution of one dimension."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._core import gaussian
from jaxmath._record import record
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE, REAL


@record()
class Normal(Univariate):
    r"""$N(x \mid \mu, \sigma^2) = \frac{1}{\sqrt{2 \pi}\, \sigma} \exp \left( -\frac{(x - \mu)^2}{2 \sigma^2} \right)$.

    Args:
      loc: the mean $\mu$.
      scale: the standard deviation $\sigma$, positive.

    Example:
      >>> print(f"{Normal(0.0, 5.0).log_prob(0.0):.3f}")
      -2.528

    Reference: section 5.9.2.
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
        return gaussian.log_density_1d(x, self.loc, self.scale)

    def _cdf(self, x: Array) -> Array:
        return jax.scipy.special.ndtr((x - self.loc) / self.scale)

    def _survival(self, x: Array) -> Array:
        return jax.scipy.special.ndtr((self.loc - x) / self.scale)

    def _log_cdf(self, x: Array) -> Array:
        return _log_ndtr((x - self.loc) / self.scale)

    def _log_survival(self, x: Array) -> Array:
        return _log_ndtr((self.loc - x) / self.scale)

    def _icdf(self, p: Array) -> Array:
        return self.loc + self.scale * jax.scipy.special.ndtri(p)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return self.loc + self.scale * jax.random.normal(key, shape, self.loc.dtype)

    def _mean(self) -> Array:
        return self.loc

    def _variance(self) -> Array:
        return self.scale**2

    def _mode(self) -> Array:
        return self.loc

    def _entropy(self) -> Array:
        return (1 + math.log(2 * math.pi)) / 2 + jnp.log(self.scale)


def _log_ndtr(z: Array) -> Array:
    r"""$\log \Phi(z)$, also far below 0, where $\Phi(-w) = \frac{N(w)}{w +}\, \frac{1}{w +}\, \frac{2}{w +} \cdots$."""
    far = z < -8
    w = jnp.where(far, -z, 8)
    fraction = w
    for k in reversed(range(1, 13)):
        fraction = w + k / fraction
    tail = gaussian.log_density_1d(w, jnp.zeros_like(w), jnp.ones_like(w)) - jnp.log(fraction)
    near = jnp.where(far, 0, z)
    less = jax.scipy.special.ndtr(jnp.where(near > 0, -near, near))  # the lesser probability, with all its digits
    return jnp.where(far, tail, jnp.where(near > 0, jnp.log1p(-less), jnp.log(less)))
