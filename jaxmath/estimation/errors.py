"""Standard errors from the observed information."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from jaxmath import linalg
from jaxmath._array import as_weights, product
from jaxmath._record import replaced
from jaxmath.distributions import Distribution
from jaxmath.distributions.constraints import from_unconstrained, to_unconstrained
from jaxmath.estimation.likelihood import as_distribution, as_rows, negative_log_likelihood


def standard_errors(d: Distribution, x: Any, *, weights: Any = None) -> Any:
    r"""Standard errors of the parameters of a maximum-likelihood fit, $\sqrt{\operatorname{diag} J (J^T H J)^+ J^T}$.

    H is the observed information, the Hessian of the negative log-likelihood in the parameters as they are, J the
    derivative of these in unconstrained ones. Where the parameters are free to move this is $H^{-1}$; where they are
    not, as probabilities that sum to 1, the directions that they cannot take are left out.

    Args:
      d: the distribution of maximum likelihood, without batch axes.
      x: the data it was fitted to, shape (n,) + event.
      weights: how often each row counts, shape (n,); None counts each once.

    Returns:
      A distribution of the type of d with a standard error in the place of each parameter, 0 for what was not
      estimated.

    Raises:
      TypeError: for no distribution.
      ValueError: for a distribution with batch axes, or data that does not fit.

    Note:
      NaN where d is no maximum, in a direction of negative curvature, and at the edge of the range of a parameter.

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

    jacobian = jax.jacfwd(parameters)(unconstrained)
    information = product(jacobian.T, product(jax.jacfwd(jax.jacfwd(loss))(vector), jacobian))
    covariance = product(jacobian, product(_scaled_pseudo_inverse(information), jacobian.T))
    errors = as_fields(jnp.sqrt(jnp.diagonal(covariance)))
    return replaced(jax.tree.map(jnp.zeros_like, d), errors)


def _scaled_pseudo_inverse(a: Array) -> Array:
    """A generalised inverse of a symmetric matrix, scaled to a diagonal of ones; without directions of no curvature."""
    diagonal = jnp.abs(jnp.diagonal(a))
    scale = jnp.where(diagonal > 0, 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1)), 1)
    scales = scale * scale[:, None]
    return scales * linalg.pseudo_inverse(scales * a, rcond=10 * len(a) * float(jnp.finfo(a.dtype).eps))
