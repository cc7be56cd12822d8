"""The Dirichlet-multinomial distribution."""

from typing import Any, ClassVar

import jax
from jaxtyping import Array, Bool

from jaxmath._record import record
from jaxmath.distributions import draws, special
from jaxmath.distributions.base import Multivariate
from jaxmath.distributions.constraints import COUNT, POSITIVE
from jaxmath.distributions.multinomial import all_in_first, are_counts, one_hot_covariance, one_hot_variance


@record()
class DirichletMultinomial(Multivariate):
    r"""$P(x) = \frac{n!\, \Gamma(s)}{\Gamma(n + s)} \prod_j \frac{\Gamma(x_j + a_j)}{x_j!\, \Gamma(a_j)}$, $s = \sum_j
    a_j$, for counts that sum to n.

    A multinomial distribution whose probabilities are drawn from the Dirichlet distribution.

    Args:
      total_count: n, a whole number, not negative.
      concentration: a, shape (..., k), positive.

    Example:
      >>> d = DirichletMultinomial(2, [1.0, 1.0, 1.0])
      >>> print(f"{d.prob([1, 1, 0]):.4f}")
      0.1667

    Reference: Murphy (2012), section 3.4.4.
    """

    total_count: Any
    concentration: Any
    constraints: ClassVar = {"total_count": COUNT, "concentration": POSITIVE}
    parameter_ranks: ClassVar = {"concentration": 1}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, self.total_count

    def _inside(self, *parts: Array) -> Bool[Array, "..."]:
        return are_counts(parts[0], self.total_count)

    def _point(self) -> Array:
        return all_in_first(self.total_count, self.concentration.shape[-1])

    def _log_prob(self, x: Array) -> Array:
        return special.log_dirichlet_multinomial(x, self.concentration)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        first, second = jax.random.split(key)
        size = (*shape, self.concentration.shape[-1])
        p = jax.nn.softmax(draws.log_gamma(first, self.concentration, size), axis=-1)
        return jax.random.multinomial(second, self.total_count, p, shape=size, dtype=p.dtype)

    def _mean(self) -> Array:
        return self.total_count[..., None] * self._mean_probs()

    def _variance(self) -> Array:
        return self._size()[..., None] * one_hot_variance(self._mean_probs())

    def _covariance(self) -> Array:
        return self._size()[..., None, None] * one_hot_covariance(self._mean_probs())

    def _mean_probs(self) -> Array:
        return self.concentration / self.concentration.sum(axis=-1, keepdims=True)

    def _size(self) -> Array:
        """The number of draws of one category that would have this covariance."""
        n, s = self.total_count, self.concentration.sum(axis=-1)
        return n * ((n + s) / (1 + s))
