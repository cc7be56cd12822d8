"""The gamma distribution."""

import math
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, incomplete, special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE


@record()
class Gamma(Univariate):
    r"""$p(x) = \frac{b^a}{\Gamma(a)}\, x^{a - 1} e^{-b x}$ for $x > 0$.

    Args:
      concentration: a, positive.
      rate: b, positive.

    Example:
      >>> print(Gamma(3.0, 2.0).mean)
      1.5

    Reference: section 13.5.1; Loader (2000) for the density at large concentrations.
    """

    concentration: Any
    rate: Any
    constraints: ClassVar = {"concentration": POSITIVE, "rate": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _inside(self, x: Array) -> Array:
        return (x >= 0) & (x < jnp.inf)

    def _point(self) -> Array:
        return self.concentration / self.rate

    def _log_prob(self, x: Array) -> Array:
        a, positive = self.concentration, x > 0
        safe, log_rate = jnp.where(positive, x, self._point()), jnp.log(self.rate)
        inner = log_density(a, safe * self.rate, jnp.log(safe) + log_rate, special.product_error(safe, self.rate))
        at_zero = jnp.where(a == 1, -self.rate * x, jnp.where(a < 1, jnp.inf, -jnp.inf))
        return jnp.where(positive, inner, at_zero) + log_rate

    def _log_survival(self, x: Array) -> Array:
        return self._log_tails(x)[1]

    def _log_cdf(self, x: Array) -> Array:
        return self._log_tails(x)[0]

    def _log_tails(self, x: Array) -> tuple[Array, Array]:
        return log_tails(self.concentration, x * self.rate, jnp.log(x) + jnp.log(self.rate))

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return draws.positive(draws.log_gamma(key, self.concentration, shape) - jnp.log(self.rate))

    def _mean(self) -> Array:
        return self.concentration / self.rate

    def _variance(self) -> Array:
        return self.concentration / self.rate / self.rate

    def _mode(self) -> Array:
        return jnp.maximum(self.concentration - 1, 0) / self.rate

    def _entropy(self) -> Array:
        return special.gamma_entropy(self.concentration) - jnp.log(self.rate)


def log_density(a: Array, t: Array, log_t: Array, error: Array) -> Array:
    r"""$(a - 1) \log t - t - \log \Gamma(a)$ for $t > 0$, with log t, since t may underflow, and its rounding error."""
    inner, below, above = _within_range(a, t, log_t)
    change = special.deviance_change(a, t, error)
    return special.log_gamma_density(inner, a) + (a - 1) * below - above + change


def log_tails(a: Array, t: Array, log_t: Array) -> tuple[Array, Array]:
    r"""$\log P(a, t)$ and $\log(1 - P)$ for the incomplete gamma function P, with log t, since t may underflow."""
    inner, below, above = _within_range(a, t, log_t)
    log_p, log_q = incomplete.log_gamma(a, inner)
    log_p, underflow = log_p + a * below, below < 0
    return log_p, jnp.where(underflow, special.log1m_exp(jnp.where(underflow, -log_p, 1)), log_q - above)


def _within_range(a: Array, t: Array, log_t: Array) -> tuple[Array, Array, Array]:
    r"""t where neither it nor t / a underflows or overflows, else the end of that range.

    And how much log t is below it, where functions are powers of t, and t above it, where they are $\propto e^{-t}$.
    """
    tiny = jnp.finfo(t.dtype).tiny
    low, high = 4 * tiny * jnp.maximum(a, 1), 0.2 / tiny * jnp.minimum(a, 1)
    below = jnp.where(t < low, log_t - math.log(4 * tiny) - jnp.log(jnp.maximum(a, 1)), 0)
    return jnp.clip(t, low, high), below, jnp.maximum(t - high, 0)
