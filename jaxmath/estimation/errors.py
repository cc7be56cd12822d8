"""Standard errors from the observed information."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from jaxmath._array import as_weights, product
from jaxmath._record import replaced
from jaxmath.distributions import Distribution
from jaxmath.distributions.base import as_distribution
from jaxmath.distributions.constraints import from_unconstrained, to_unconstrained
from jaxmath.estimation.likelihood import as_rows, negative_log_likelihood


def standard_errors(d: Distribution, x: Any, *, weights: Any = None) -> Any:
    r"""Standard errors of a maximum-likelihood fit, $\sqrt{\operatorname{diag} U (U^T H U)^{-1} U^T}$.

    H is the observed information, the Hessian of the negative log-likelihood in the parameters as they are. The columns
    of U are a basis of the directions in which these may move, those of the derivative in unconstrained parameters:
    all of them, but for parameters such as probabilities that sum to 1.

    Args:
      d: the distribution of maximum likelihood, without batch axes.
      x: the data it was fitted to, shape (n,) + event.
      weights: how often each row counts, shape (n,); None counts each once.

    Returns:
      A distribution of the type of d with a standard error in the place of each parameter that d was given by, 0 for
      what was not estimated. Nothing else of it has a meaning.

    Raises:
      TypeError: for no distribution.
      ValueError: for a distribution with batch axes, or data that does not fit.

    Note:
      NaN for parameters along which the likelihood is flat or curved upwards, such as the location of a Laplace
      distribution, and at the edge of the range of a parameter. It is not checked that d is the maximum.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> x = jnp.array([1.0, 3.0])
      >>> print(f"{standard_errors(Normal(2.0, 1.0), x).loc:.4f} {standard_errors(Normal(2.0, 1.0), x).scale:.4f}")
      0.7071 0.5000

    Reference: Wasserman (2004), section 9.10.
    """
    name = "estimation.standard_errors"
    x = as_rows(name, as_distribution(name, d), x)
    if d.batch_shape:
        raise ValueError(f"{name}: expected a distribution without batch axes, got {d.batch_shape}; use jax.vmap")
    weights = None if weights is None else as_weights(name, weights, len(x))
    return _standard_errors(d, x, weights)


@partial(jax.jit, inline=True)
def _standard_errors(d: Any, x: Array, weights: Array | None) -> Any:
    dtype = jnp.promote_types(d._dtype(x), jnp.float32)
    d = d._cast(dtype)
    unconstrained, as_unconstrained = ravel_pytree(to_unconstrained(d))
    estimated = to_unconstrained(d).keys()

    def parameters(vector: Array) -> Array:
        made = from_unconstrained(d, as_unconstrained(vector))
        return ravel_pytree({field: vars(made)[field] for field in estimated})[0]

    vector, as_fields = ravel_pytree({field: vars(d)[field] for field in estimated})

    def loss(vector: Array) -> Array:
        return negative_log_likelihood(replaced(d, as_fields(vector)), x, weights=weights)

    errors = _errors(jax.jacfwd(jax.jacfwd(loss))(vector), jax.jacfwd(parameters)(unconstrained))
    return replaced(jax.tree.map(jnp.zeros_like, d), as_fields(errors))


def _errors(hessian: Array, jacobian: Array) -> Array:
    """Standard errors from the Hessian, scaled to a diagonal of ones, and the directions in which parameters move."""
    diagonal, eps = jnp.abs(jnp.diagonal(hessian)), 10 * len(hessian) * jnp.finfo(hessian.dtype).eps
    scale = jnp.where(diagonal > 0, 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1)), 1)
    basis, lengths, _ = jnp.linalg.svd(jacobian / scale[:, None], full_matrices=False)
    basis = jnp.where(lengths > eps * lengths.max(), basis, 0)
    curvatures, vectors = jnp.linalg.eigh(product(basis.T, product(scale * hessian * scale[:, None], basis)))
    squares, curved = product(basis, vectors) ** 2, curvatures > eps * jnp.abs(curvatures).max()
    variances = jnp.where(curved, squares / jnp.where(curved, curvatures, 1), jnp.where(squares > eps, jnp.nan, 0))
    movable = (jacobian != 0).any(axis=1)  # not at the edge of its range
    return scale * jnp.sqrt(jnp.where(movable, variances.sum(axis=1), jnp.nan))
