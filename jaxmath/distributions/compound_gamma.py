"""The compound gamma distribution: gamma with an uncertain rate."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions import draws, incomplete, special
from jaxmath.distributions.base import Univariate
from jaxmath.distributions.constraints import POSITIVE


@record()
class CompoundGamma(Univariate):
    r"""$p(x) = \frac{1}{b\, B(k, a)} \frac{t^{k - 1}}{(1 + t)^{k + a}}$ with $t = x / b$ for $x > 0$.

    The distribution of a gamma variable of concentration k whose rate is gamma too, of concentration a and rate b; the
    beta prime distribution (of the second kind) of scale b.

    Args:
      concentration: k, positive.
      mixing_concentration: a, positive, the concentration of the rate.
      scale: b, positive, the rate of the rate, and a scale of x.

    Example:
      >>> print(CompoundGamma(2.0, 3.0, 4.0).mean)
      4.0

    Reference: ``scipy.stats.betaprime``; Dubey (1970).
    """

    concentration: Any
    mixing_concentration: Any
    scale: Any
    constraints: ClassVar = {"concentration": POSITIVE, "mixing_concentration": POSITIVE, "scale": POSITIVE}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _inside(self, x: Array) -> Array:
        return (x >= 0) & (x < jnp.inf)

    def _point(self) -> Array:
        return self.scale

    def _log_prob(self, x: Array) -> Array:
        k, a, positive = self.concentration, self.mixing_concentration, x > 0
        t, below, above = self._ratio(jnp.where(positive, x, self.scale))
        log_b, fractions = jnp.log(self.scale), (t / (1 + t), 1 / (1 + t))
        inner = special.log_beta_density(*fractions, k, a) - 2 * jnp.log1p(t) + (k - 1) * below - (a + 1) * above
        at_zero = jnp.where(k == 1, jnp.log(a), jnp.where(k < 1, jnp.inf, -jnp.inf))
        return jnp.where(positive, inner, at_zero) - log_b

    def _log_survival(self, x: Array) -> Array:
        return self._log_tails(x)[1]

    def _log_cdf(self, x: Array) -> Array:
        return self._log_tails(x)[0]

    def _log_tails(self, x: Array) -> tuple[Array, Array]:
        """The logarithms of the probabilities of at most x, and of more than x."""
        k, a, (t, below, above) = self.concentration, self.mixing_concentration, self._ratio(x)
        log_p, log_q = incomplete.log_beta(k, a, t / (1 + t), 1 / (1 + t))
        low, high = log_p + k * below, log_q - a * above
        is_low, is_high = below < 0, above > 0
        log_p = jnp.where(is_high, special.log1m_exp(jnp.where(is_high, -high, 1)), low)
        return log_p, jnp.where(is_low, special.log1m_exp(jnp.where(is_low, -low, 1)), high)

    def _ratio(self, x: Array) -> tuple[Array, Array, Array]:
        """x / b within a range outside of which density and tails are powers of it, and what log(x / b) is beyond."""
        least, t = jnp.finfo(x.dtype).tiny / jnp.finfo(x.dtype).eps, x / self.scale
        log_t, log_least = jnp.log(x) - jnp.log(self.scale), jnp.log(least)
        below, above = jnp.where(t < least, log_t - log_least, 0), jnp.where(t > 1 / least, log_t + log_least, 0)
        return jnp.clip(t, least, 1 / least), below, above

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        pair = jnp.stack(jnp.broadcast_arrays(self.concentration, self.mixing_concentration), axis=-1)
        log_g = draws.log_gamma(key, pair, (*shape, 2))
        return draws.positive(jnp.log(self.scale) + log_g[..., 0] - log_g[..., 1])

    def _mean(self) -> Array:
        some = self.mixing_concentration > 1
        a = jnp.where(some, self.mixing_concentration, 2)
        return jnp.where(some, self.scale * (self.concentration / (a - 1)), jnp.inf)

    def _variance(self) -> Array:
        some = self.mixing_concentration > 2
        k, a = self.concentration, jnp.where(some, self.mixing_concentration, 3)
        return jnp.where(some, (self.scale / (a - 1)) ** 2 * (k * ((k + a - 1) / (a - 2))), jnp.inf)

    def _mode(self) -> Array:
        return self.scale * (jnp.maximum(self.concentration - 1, 0) / (self.mixing_concentration + 1))

    def _entropy(self) -> Array:
        k, a = self.concentration, self.mixing_concentration
        of_fraction = special.dirichlet_entropy(jnp.stack(jnp.broadcast_arrays(k, a), axis=-1))
        mean_log = jnp.log1p(k / a) - special.digamma_error(k + a) + special.digamma_error(a)  # of 1 + t
        return of_fraction + 2 * mean_log + jnp.log(self.scale)
