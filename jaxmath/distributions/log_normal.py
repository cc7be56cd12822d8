"""The log-normal distribution."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions.constraints import POSITIVE, REAL
from jaxmath.distributions.exponentiated import Exponentiated
from jaxmath.distributions.normal import Normal


@record()
class LogNormal(Exponentiated):
    r"""$p(x) = \frac{1}{x} N(\log x \mid \mu, \sigma^2)$ for $x > 0$: log x is normal.

    Args:
      loc: $\mu$, the mean of the logarithm.
      scale: $\sigma$, the standard deviation of the logarithm, positive.

    Example:
      >>> print(f"{LogNormal(0.0, 1.0).mean:.4f}")
      1.6487

    Reference: ``scipy.stats.lognorm``, with ``s`` the scale and the exponential of loc for its ``scale``.
    """

    loc: Any
    scale: Any
    constraints: ClassVar = {"loc": REAL, "scale": POSITIVE}

    def _inside(self, x: Array) -> Array:
        return (x > 0) & (x < jnp.inf)

    def _of_logarithm(self) -> Normal:
        return Normal(self.loc, self.scale)

    def _log_prob(self, x: Array) -> Array:
        return self._of_logarithm()._log_prob(jnp.log(x)) - jnp.log(x)

    def _mean(self) -> Array:
        return jnp.exp(self.loc + self.scale**2 / 2)

    def _variance(self) -> Array:
        return jnp.expm1(self.scale**2) * jnp.exp(2 * self.loc + self.scale**2)

    def _mode(self) -> Array:
        return jnp.exp(self.loc - self.scale**2)

    def _entropy(self) -> Array:
        return self._of_logarithm()._entropy() + self.loc
