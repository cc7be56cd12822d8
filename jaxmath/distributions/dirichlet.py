"""The Dirichlet distribution."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from jaxmath._record import record
from jaxmath.distributions import draws, special
from jaxmath.distributions.base import Multivariate
from jaxmath.distributions.constraints import POSITIVE, SIMPLEX
from jaxmath.distributions.multinomial import one_hot_covariance, one_hot_variance


@record()
class Dirichlet(Multivariate):
    r"""$p(x) = \Gamma(s) \prod_j \frac{x_j^{a_j - 1}}{\Gamma(a_j)}$, $s = \sum_j a_j$, for $x_j \ge 0$ that sum to 1.

    The density is that of the first $k - 1$ entries. A point is divided by its sum, which is 1 but for rounding; the
    derivatives are those of the formula. Where some $x_j = 0$ the density is 0 if any of their $a_j > 1$, otherwise
    infinite if any of their $a_j < 1$.

    Args:
      concentration: a, shape (..., k), positive.

    Example:
      >>> d = Dirichlet(jnp.array([1.0, 2.0, 5.0]))
      >>> print(f"{d.log_prob(jnp.array([0.2, 0.3, 0.5])):.4f}", d.mean)
      1.3705 [0.125 0.25  0.625]

    Reference: Bishop (2006), section 2.2.1; Loader (2000) for large concentrations.
    """

    concentration: Any
    constraints: ClassVar = {"concentration": POSITIVE}
    parameter_ranks: ClassVar = {"concentration": 1}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, 1.0

    def _inside(self, *parts: Array) -> Bool[Array, "..."]:
        return SIMPLEX.holds(parts[0], self).all(axis=-1)

    def _point(self) -> Array:
        return jnp.full_like(self.concentration, 1 / self.concentration.shape[-1])

    def _log_prob(self, x: Array) -> Array:
        r"""$\sum_j \left( -D(a_j, s x_j) - \log x_j + \frac12 \log \frac{a_j}{2 \pi} - \epsilon(a_j) \right) - \frac12
        \log \frac{s}{2 \pi} + \epsilon(s)$, the first two by :func:`special.log_gamma_kernel`."""
        a, total = self.concentration, x.sum(axis=-1, keepdims=True)
        s, some = a.sum(axis=-1, keepdims=True), x > 0
        point = jnp.where(some, x / total, 1)
        inner = special.log_gamma_kernel(s * point, a) + jnp.log(s) - jnp.log(a) - _error(a)
        border = jnp.where(a == 1, jnp.log(s) - s * x, jnp.where(a < 1, jnp.inf, -jnp.inf))
        terms = jnp.where(some, inner, border)
        impossible = (terms == -jnp.inf).any(axis=-1)
        value = jnp.where(impossible[..., None], 0, terms).sum(axis=-1) + _error(s)[..., 0]
        along_sum = jnp.log(total / jax.lax.stop_gradient(total)) * (s - a.shape[-1])
        return jnp.where(impossible, -jnp.inf, value + along_sum[..., 0])

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        a = self.concentration
        return draws.positive(draws.log_dirichlet(key, a, shape))

    def _mean(self) -> Array:
        return self.concentration / self.concentration.sum(axis=-1, keepdims=True)

    def _variance(self) -> Array:
        return one_hot_variance(self._mean()) / (self.concentration.sum(axis=-1, keepdims=True) + 1)

    def _covariance(self) -> Array:
        return one_hot_covariance(self._mean()) / (self.concentration.sum(axis=-1)[..., None, None] + 1)

    def _mode(self) -> Array:
        above = jnp.maximum(self.concentration - 1, 0)
        total = above.sum(axis=-1, keepdims=True)
        corner = jax.nn.one_hot(jnp.argmax(self.concentration, axis=-1), above.shape[-1], dtype=above.dtype)
        return jnp.where(total > 0, above / jnp.where(total > 0, total, 1), corner)

    def _entropy(self) -> Array:
        return special.dirichlet_entropy(self.concentration)


def _error(a: Array) -> Array:
    r"""$\epsilon(a) - \frac12 \log \frac{a}{2 \pi}$, what $a \log a - a$ lacks of $\log \Gamma(a)$."""
    return special.stirling_error(a) - jnp.log(a / (2 * math.pi)) / 2
