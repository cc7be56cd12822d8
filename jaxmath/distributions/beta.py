"""The beta distribution."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, incomplete, special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE


@record()
class Beta(Univariate):
    r"""$p(x) = \frac{x^{a - 1} (1 - x)^{b - 1}}{B(a, b)}$ for $0 \le x \le 1$.

    Args:
      a: positive.
      b: positive.

    Example:
      >>> print(Beta(2.0, 6.0).mean)
      0.25

    Reference: Bishop (2006), section 2.1.1; Loader (2000) for the density at large concentrations.
    """

    a: Any
    b: Any
    constraints: ClassVar = {"a": POSITIVE, "b": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, 1.0

    def _point(self) -> Array:
        return jnp.full((), 0.5, self.a.dtype)

    def _log_prob(self, x: Array) -> Array:
        inner = (x > 0) & (x < 1)
        safe = jnp.where(inner, x, 0.5)
        value = special.log_beta_density(safe, 1 - safe, self.a, self.b) + self._rounding(safe)
        own, other = jnp.where(x == 0, self.a, self.b), jnp.where(x == 0, self.b, self.a)
        finite = jnp.log(other) - (other - 1) * jnp.where(x == 0, x, 1 - x)  # for its derivative
        at_end = jnp.where(own == 1, finite, jnp.where(own < 1, jnp.inf, -jnp.inf))
        return jnp.where(inner, value, at_end)

    def _rounding(self, x: Array) -> Array:
        """What the logarithm of the density lacks by the rounding of (a + b) x and (a + b) (1 - x)."""
        n, y = self.a + self.b, 1 - x
        error = special.product_error(n, y) + n * ((1 - y) - x)
        return special.deviance_change(self.a, n * x, special.product_error(n, x)) + special.deviance_change(
            self.b, n * y, error
        )

    def _log_survival(self, x: Array) -> Array:
        return incomplete.log_beta(self.a, self.b, x, 1 - x)[1]

    def _log_cdf(self, x: Array) -> Array:
        return incomplete.log_beta(self.a, self.b, x, 1 - x)[0]

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        pair = jnp.stack(jnp.broadcast_arrays(self.a, self.b), axis=-1)
        drawn, info = jnp.exp(draws.log_dirichlet(key, pair, shape)[..., 0]), jnp.finfo(pair.dtype)
        return jnp.clip(drawn, info.tiny, 1 - info.epsneg)  # at an end the density may be infinite

    def _mean(self) -> Array:
        return self.a / (self.a + self.b)

    def _variance(self) -> Array:
        n = self.a + self.b
        return (self.a / n) * (self.b / n) / (n + 1)

    def _mode(self) -> Array:
        inside = (self.a > 1) & (self.b > 1)
        value = (self.a - 1) / jnp.where(inside, self.a + self.b - 2, 1)
        return jnp.where(inside, value, jnp.where(self.a >= self.b, 1, 0))

    def _entropy(self) -> Array:
        return special.dirichlet_entropy(jnp.stack(jnp.broadcast_arrays(self.a, self.b), axis=-1))
