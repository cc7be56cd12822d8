"""The categorical distribution."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath._array import product
from jaxmath._record import Computed, record
from jaxmath.distributions.base import Distribution
from jaxmath.distributions.constraints import LOGITS, SIMPLEX


def _has_softmax(logits: Array, _: Any) -> Array:
    return (logits < jnp.inf) & (logits > -jnp.inf).any(axis=-1, keepdims=True)


def _log(p: Array) -> Array:
    """The logarithm, with gradient 0 at 0."""
    return jnp.where(p > 0, jnp.log(jnp.where(p > 0, p, 1)), -jnp.inf)


def one_hot(labels: Float[Array, "*b"], num_classes: int) -> Float[Array, "*b k"]:
    """1 at the place of each label; all 0 for what is none."""
    return (labels[..., None] == jnp.arange(num_classes)).astype(labels.dtype)


@record()
class Categorical(Distribution):
    r"""$P(j) = p_j$ for a label $j = 0, \dots, k - 1$.

    Exactly one of ``probs`` and ``logits`` is given; both can be read. Labels drawn are whole numbers of the floating
    type of the distribution, NaN where its parameters are not valid. Mean and variance are of the labels as numbers.

    Args:
      probs: p, shape (..., k), which sum to 1.
      logits: $\log p_j$ up to a constant, shape (..., k); $-\infty$ for what is impossible.

    Example:
      >>> d = Categorical(jnp.array([0.2, 0.5, 0.3]))
      >>> print(f"{d.log_prob(1):.4f} {d.entropy():.4f} {d.mode:.0f}")
      -0.6931 1.0297 1

    Reference: Bishop (2006), section 2.2.
    """

    probs: Any = Computed(lambda d: jax.nn.softmax(d.logits, axis=-1))
    logits: Any = Computed(lambda d: _log(d.probs))
    constraints: ClassVar = {
        "probs": SIMPLEX,
        "logits": LOGITS._replace(words="below infinity, one of them finite", holds=_has_softmax),
    }
    parameter_ranks: ClassVar = {"probs": 1, "logits": 1}
    alternatives: ClassVar = ("probs", "logits")
    discrete: ClassVar = True

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, self._log_probs().shape[-1] - 1.0

    def _point(self) -> Any:
        return 0.0

    def _log_prob(self, x: Array) -> Array:
        labels, log_p = x.astype(int)[..., None], self._log_probs()
        rank = max(labels.ndim, log_p.ndim)
        labels, log_p = (a.reshape((1,) * (rank - a.ndim) + a.shape) for a in (labels, log_p))
        return jnp.take_along_axis(log_p, labels, axis=-1, mode="clip")[..., 0]

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        log_p = self._log_probs()
        return jax.random.categorical(key, log_p, shape=shape).astype(log_p.dtype)

    def _mean(self) -> Array:
        """Of the labels as numbers."""
        return product(self.probs, jnp.arange(self.probs.shape[-1], dtype=self.probs.dtype))

    def _variance(self) -> Array:
        labels = jnp.arange(self.probs.shape[-1], dtype=self.probs.dtype)
        return jnp.sum(self.probs * (labels - self._mean()[..., None]) ** 2, axis=-1)

    def _mode(self) -> Array:
        log_p = self._log_probs()
        return jnp.argmax(log_p, axis=-1).astype(log_p.dtype)

    def _entropy(self) -> Array:
        p, log_p = self.probs, self._log_probs()
        return -jnp.sum(p * jnp.where(p > 0, log_p, 0), axis=-1)

    def _log_probs(self) -> Array:
        given = vars(self)["probs"]
        return jax.nn.log_softmax(self.logits, axis=-1) if given is None else _log(given)
