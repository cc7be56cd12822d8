"""The beta-binomial distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, special
from jaxmath.distributions.base import Distribution
from jaxmath.distributions.constraints import COUNT, POSITIVE


@record()
class BetaBinomial(Distribution):
    r"""$P(k) = \binom n k \frac{B(k + a, n - k + b)}{B(a, b)}$ for $k = 0, \dots, n$.

    A binomial distribution whose probability is drawn from the beta distribution.

    Args:
      total_count: n, a whole number, not negative.
      a: positive.
      b: positive.

    Example:
      >>> print(f"{BetaBinomial(4, 1.0, 1.0).prob(3):.4f}")
      0.2000

    Reference: Murphy (2012), section 3.3.4.
    """

    total_count: Any
    a: Any
    b: Any
    constraints: ClassVar = {"total_count": COUNT, "a": POSITIVE, "b": POSITIVE}
    discrete: ClassVar = True

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, self.total_count

    def _point(self) -> Array:
        return jnp.zeros_like(self.total_count)

    def _log_prob(self, x: Array) -> Array:
        counts = jnp.stack(jnp.broadcast_arrays(x, self.total_count - x), axis=-1)
        return special.log_dirichlet_multinomial(counts, self._concentration())

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        first, second = jax.random.split(key)
        p = jnp.exp(draws.log_dirichlet(first, self._concentration(), shape)[..., 0])
        return jax.random.binomial(second, self.total_count, p, shape, p.dtype)

    def _mean(self) -> Array:
        return self.total_count * (self.a / (self.a + self.b))

    def _variance(self) -> Array:
        n, s = self.total_count, self.a + self.b
        return n * (self.a / s) * (self.b / s) * ((s + n) / (s + 1))

    def _mode(self) -> Array:
        n, inside = self.total_count, (self.a > 1) & (self.b > 1)
        value = jnp.floor((n + 1) * ((self.a - 1) / jnp.where(inside, self.a + self.b - 2, 1)))
        return jnp.where(inside, jnp.minimum(value, n), jnp.where(self.a >= self.b, n, 0))

    def _concentration(self) -> Array:
        return jnp.stack(jnp.broadcast_arrays(self.a, self.b), axis=-1)
