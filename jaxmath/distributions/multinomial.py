"""The multinomial distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxmath._record import record
from jaxmath.distributions import poisson
from jaxmath.distributions.base import Multivariate
from jaxmath.distributions.constraints import COUNT, SIMPLEX


def one_hot_variance(p: Float[Array, "*b k"]) -> Float[Array, "*b k"]:
    """$p (1 - p)$, the variance of the entries of a one-hot vector of a label drawn with p.

    The complement of a p near 1 is the sum of the others, which keeps its digits.
    """
    large = p > 0.5
    return p * jnp.where(large, jnp.where(large, 0, p).sum(axis=-1, keepdims=True), 1 - p)


def one_hot_covariance(p: Float[Array, "*b k"]) -> Float[Array, "*b k k"]:
    r"""$\operatorname{diag}(p) - p p^T$, the covariance of such a vector."""
    on_diagonal = jnp.eye(p.shape[-1], dtype=bool)
    return jnp.where(on_diagonal, one_hot_variance(p)[..., None], -p[..., :, None] * p[..., None, :])


def are_counts(x: Float[Array, "*#b k"], total_count: Float[Array, "*#b"]) -> Bool[Array, "*b"]:
    """Whether vectors are of whole numbers, not negative, with this sum."""
    return ((x >= 0) & (x == jnp.floor(x))).all(axis=-1) & (x.sum(axis=-1) == total_count)


def all_in_first(total_count: Float[Array, "*b"], k: int) -> Float[Array, "*b k"]:
    """The vector of k counts of which the first is all."""
    return total_count[..., None] * (jnp.arange(k) == 0)


@record()
class Multinomial(Multivariate):
    r"""$P(x) = \frac{n!}{x_1! \cdots x_k!}\, p_1^{x_1} \cdots p_k^{x_k}$ for counts that sum to n.

    Probabilities are divided by their sum, which is 1 but for rounding; the derivatives are those of the formula.

    Args:
      total_count: n, a whole number, not negative.
      probs: p, shape (..., k), which sum to 1.

    Example:
      >>> d = Multinomial(10, jnp.array([0.1, 0.42, 0.04, 0.44]))
      >>> print(f"{d.log_prob(jnp.array([1, 2, 1, 6])):.4f}")
      -4.3503

    Reference: section 5.9.4; Loader (2000) for large counts.
    """

    total_count: Any
    probs: Any
    constraints: ClassVar = {"total_count": COUNT, "probs": SIMPLEX}
    parameter_ranks: ClassVar = {"probs": 1}

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, self.total_count

    def _inside(self, *parts: Array) -> Bool[Array, "..."]:
        return are_counts(parts[0], self.total_count)

    def _point(self) -> Array:
        return all_in_first(self.total_count, self.probs.shape[-1])

    def _log_prob(self, x: Array) -> Array:
        """Independent Poisson distributions, given their sum."""
        n, total = self.total_count, self.probs.sum(axis=-1)
        rates = n[..., None] * (self.probs / total[..., None])
        value = poisson.log_probability(x, rates).sum(axis=-1) - poisson.log_probability(n, n)
        return value + n * jnp.log(total / jax.lax.stop_gradient(total))

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        k = self.probs.shape[-1]
        return jax.random.multinomial(key, self.total_count, self.probs, shape=(*shape, k), dtype=self.probs.dtype)

    def _mean(self) -> Array:
        return self.total_count[..., None] * self.probs

    def _variance(self) -> Array:
        return self.total_count[..., None] * one_hot_variance(self.probs)

    def _covariance(self) -> Array:
        return self.total_count[..., None, None] * one_hot_covariance(self.probs)
