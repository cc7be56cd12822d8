"""The mixture of Gaussians, and the shapes of covariance that it may have."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxmath._array import as_float, as_matrix, one_of, wide
from jaxmath._record import record

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical", "tied_diag", "tied_spherical")
# The types whose covariances have off-diagonal entries.
DENSE = ("full", "tied")


@record(static=("covariance_type",))
class GMM:
    r"""A mixture of k Gaussians: $p(x) = \sum_k \pi_k\, N(x \mid \mu_k, \Sigma_k)$.

    Attributes:
      weights: $\pi_k \ge 0$, of sum 1.
      means: $\mu_k$.
      covariances: $\Sigma_k$, in the shape that belongs to the type.
      covariance_type: static, one of

        ================== =============== =====================================================
        type               shape           $\Sigma_k$
        ================== =============== =====================================================
        "full"             ``(k, d, d)``   any
        "tied"             ``(d, d)``      any, the same for all
        "diag"             ``(k, d)``      diagonal: these variances
        "spherical"        ``(k,)``        this variance times the identity
        "tied_diag"        ``(d,)``        diagonal, the same for all
        "tied_spherical"   ``()``          this variance times the identity, the same for all
        ================== =============== =====================================================
    """

    weights: Float[Array, " k"]
    means: Float[Array, "k d"]
    covariances: Float[Array, "..."]
    covariance_type: str = "full"


def covariance_shape(covariance_type: str, k: int, d: int) -> tuple[int, ...]:
    """The shape of the covariances of a type."""
    return {
        "full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,), "tied_diag": (d,), "tied_spherical": (),
    }[covariance_type]  # fmt: skip


def checked(name: str, params: GMM) -> GMM:
    """A mixture whose shapes belong together, in float32 or wider."""
    return typed(name, params)[0]


def typed(name: str, params: GMM) -> tuple[GMM, jnp.dtype]:
    """As :func:`checked`, and the type of a result: that of the fields together, the default float for integers."""
    if not isinstance(params, GMM):
        hint = "; pass fit.params" if isinstance(getattr(params, "params", None), GMM) else ""
        raise TypeError(f"{name}: expected a gmm.GMM, got {type(params).__name__}{hint}")
    kind = one_of(name, "covariance_type", params.covariance_type, COVARIANCE_TYPES)
    weights, means, covariances = (as_float(name, a) for a in (params.weights, params.means, params.covariances))
    if means.ndim != 2 or 0 in means.shape or weights.shape != means.shape[:1]:
        raise ValueError(f"{name}: expected weights (k,) and means (k, d), got {weights.shape} and {means.shape}")
    if covariances.shape != covariance_shape(kind, *means.shape):
        wanted = covariance_shape(kind, *means.shape)
        raise ValueError(f"{name}: expected {kind} covariances of shape {wanted}, got {covariances.shape}")
    result = jnp.result_type(weights, means, covariances)
    dtype = jnp.promote_types(result, jnp.float32)
    return GMM(weights.astype(dtype), means.astype(dtype), covariances.astype(dtype), kind), result


def with_rows(name: str, params: GMM, x: ArrayLike) -> tuple[GMM, Array, jnp.dtype]:
    """A mixture and rows with as many columns, in one type of float32 or wider; and the type of the result."""
    (params, dtype), x = typed(name, params), as_matrix(name, x)
    if x.shape[1] != params.means.shape[1]:
        raise ValueError(f"{name}: expected {params.means.shape[1]} columns, as the mixture has, got shape {x.shape}")
    result = jnp.promote_types(x.dtype, dtype)
    computed = jnp.promote_types(result, jnp.float32)
    return jax.tree.map(lambda a: a.astype(computed), params), wide(x).astype(computed), result


def matrices(params: GMM) -> Float[Array, "k d d"]:
    """Every component's covariance as a matrix."""
    k, d = params.means.shape
    if params.covariance_type in DENSE:
        return jnp.broadcast_to(params.covariances, (k, d, d))
    return variances(params)[:, :, None] * jnp.eye(d, dtype=params.means.dtype)


def variances(params: GMM) -> Float[Array, "k d"]:
    """Every component's variance along each axis."""
    k, d = params.means.shape
    covariances = params.covariances
    if params.covariance_type in DENSE:
        covariances = jnp.diagonal(covariances, axis1=-2, axis2=-1)
    elif params.covariance_type == "spherical":
        covariances = covariances[:, None]
    return jnp.broadcast_to(covariances, (k, d))


def num_parameters(params: GMM) -> int:
    """How many free numbers the mixture has: weights, means and covariances."""
    k, d = params.means.shape
    sizes = {"full": k * d * (d + 1) // 2, "tied": d * (d + 1) // 2}
    return k - 1 + k * d + sizes.get(params.covariance_type, params.covariances.size)
