"""What a parameter may be, and how a parameter that may be any real number stands for it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxmath._array import product, wide
from jaxmath._record import replaced


class Constraint(NamedTuple):
    """The set of values that a parameter may have.

    Attributes:
      words: what it must be.
      holds: whether the entries of a value are in the set; looks at the other parameters where it must.
      to_real: from a value to any real numbers, one to one; None for what cannot be estimated.
      from_real: back; both look at the other parameters where they must.
    """

    words: str
    holds: Callable[[Array, Any], Bool[Array, "..."]]
    to_real: Callable[[Array, Any], Array] | None
    from_real: Callable[[Array, Any], Array] | None


def _is_positive(a: Array, _: Any) -> Array:
    return (a > 0) & jnp.isfinite(a)


def _is_simplex(p: Array, _: Any) -> Array:
    """Not negative, with a sum of 1 to within rounding, of float32 at best: there many probabilities come from."""
    return (p >= 0) & (jnp.abs(wide(p).sum(axis=-1, keepdims=True) - 1) <= max(2e-6, 4 * _eps(p)))


def _eps(a: Array) -> float:
    return float(jnp.finfo(a.dtype if jnp.issubdtype(a.dtype, jnp.floating) else jnp.float32).eps)


def _is_factor(a: Array, _: Any) -> Array:
    lower = jnp.all((a == 0) | jnp.tri(a.shape[-1], dtype=bool), axis=(-2, -1), keepdims=True)
    positive = jnp.all(jnp.diagonal(a, axis1=-2, axis2=-1) > 0, axis=-1)[..., None, None]
    return lower & positive & jnp.isfinite(a)


def _is_positive_definite(a: Array, _: Any) -> Array:
    transposed, size = jnp.swapaxes(a, -2, -1), jnp.max(jnp.abs(a), axis=(-2, -1), keepdims=True)
    tolerance = max(2e-6, 8 * _eps(a))
    left, diagonal = (jnp.diagonal(m, axis1=-2, axis2=-1) for m in (cholesky(a), a))
    rounding = 2 * a.shape[-1] * jnp.finfo(left.dtype).eps * diagonal
    return (jnp.abs(a - transposed) <= tolerance * size) & jnp.all(left**2 > rounding, axis=-1)[..., None, None]


def _log_diagonal(a: Array, _: Any) -> Array:
    """A lower triangle with the logarithms of its diagonal."""
    diagonal = jnp.diagonal(a, axis1=-2, axis2=-1)
    return jnp.tril(a, -1) + jnp.log(diagonal)[..., None] * jnp.eye(a.shape[-1], dtype=a.dtype)


def _exp_diagonal(a: Array, _: Any) -> Array:
    diagonal = jnp.diagonal(a, axis1=-2, axis2=-1)
    return jnp.tril(a, -1) + jnp.exp(diagonal)[..., None] * jnp.eye(a.shape[-1], dtype=a.dtype)


def _of_positive_definite(a: Array, d: Any) -> Array:
    return _log_diagonal(cholesky(a), d)


def _to_positive_definite(a: Array, d: Any) -> Array:
    return gram(_exp_diagonal(a, d))


REAL = Constraint("a real number", lambda a, d: jnp.isfinite(a), lambda a, d: a, lambda a, d: a)
LOGITS = REAL._replace(words="a number", holds=lambda a, d: ~jnp.isnan(a))
POSITIVE = Constraint("positive", _is_positive, lambda a, d: jnp.log(a), lambda a, d: jnp.exp(a))
NOT_NEGATIVE = POSITIVE._replace(words="not negative", holds=lambda a, d: (a >= 0) & jnp.isfinite(a))
ABOVE_LOW = Constraint(
    "above low",
    lambda a, d: (a > d.low) & jnp.isfinite(a),
    lambda a, d: jnp.log(a - d.low),
    lambda a, d: d.low + jnp.exp(a),
)
# The degrees of freedom of a random matrix: above its number of rows less 1.
ABOVE_ROWS = Constraint(
    "above d - 1",
    lambda a, d: (a > d.num_rows - 1) & jnp.isfinite(a),
    lambda a, d: jnp.log(a - (d.num_rows - 1)),
    lambda a, d: d.num_rows - 1 + jnp.exp(a),
)
PROBABILITY = Constraint(
    "in [0, 1]",
    lambda a, d: (a >= 0) & (a <= 1),
    lambda a, d: jax.scipy.special.logit(a),
    lambda a, d: jax.nn.sigmoid(a),
)
COUNT = Constraint(
    "a whole number, not negative", lambda a, d: (a >= 0) & (a == jnp.floor(a)) & jnp.isfinite(a), None, None
)
SIMPLEX = Constraint(
    "probabilities that sum to 1",
    _is_simplex,
    lambda p, d: jnp.log(p) - jnp.log(p).mean(axis=-1, keepdims=True),
    lambda z, d: jax.nn.softmax(z, axis=-1),
)
FACTOR = Constraint("lower triangular with a positive diagonal", _is_factor, _log_diagonal, _exp_diagonal)
POSITIVE_DEFINITE = Constraint(
    "symmetric and positive definite", _is_positive_definite, _of_positive_definite, _to_positive_definite
)


def cholesky(a: Float[Array, "*b d d"]) -> Float[Array, "*b d d"]:
    """The lower factor; all NaN where there is none."""
    if not jnp.issubdtype(a.dtype, jnp.floating):
        a = a.astype(float)
    return jnp.linalg.cholesky(wide(a)).astype(a.dtype)


def gram(factor: Float[Array, "*b d d"]) -> Float[Array, "*b d d"]:
    """The product of a factor with its transpose."""
    return product(factor, jnp.swapaxes(factor, -2, -1))


def to_unconstrained(d: Any) -> dict[str, Any]:
    """The parameters of a distribution that can be estimated, by name, each as any real numbers."""
    given = ((field, value, d.constraints[field].to_real) for field, value in d._given())
    return {field: to_real(value, d) for field, value, to_real in given if to_real is not None}


def from_unconstrained(like: Any, params: dict[str, Any]) -> Any:
    """The distribution of such parameters; what cannot be estimated is taken from ``like``."""
    d = like
    for field, value in params.items():  # in the order of fields: one may depend on those before it
        d = replaced(d, {field: like.constraints[field].from_real(value, d)})
    return d
