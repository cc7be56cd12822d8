"""A conjugate prior of a mixture, for its most probable parameters instead of the most likely ones."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, in_range, product
from jaxmath._record import record
from jaxmath.gmm.chunk import Statistics
from jaxmath.gmm.mixture import DENSE, GMM


@record()
class Prior:
    r"""Dirichlet for the weights, normal-inverse-Wishart for the mean and covariance of every component.

    $\pi \sim \operatorname{Dir}(\alpha)$, $\mu_k \sim N(m, \Sigma_k / \kappa)$, $\Sigma_k \sim IW(S, \nu)$. For a type
    of covariance with fewer parameters the density is the same, at a matrix of that type. ``alpha = 1``, ``kappa = 0``,
    ``scale = 0`` and ``df = -d - 2`` (tied: ``-d - 1 - k``) say nothing: that is maximum likelihood.

    A weak prior that keeps components from shrinking to single rows: the mean of the data, ``mean_strength=0.01``,
    ``df = d + 2`` and ``scale`` the covariance of the data over $k^{2/d}$ (Fraley and Raftery, 2007).

    Attributes:
      concentration: $\alpha \ge 1$, one number or one a component; 1 is flat.
      mean: $m$.
      mean_strength: $\kappa \ge 0$, how many rows at $m$ it counts for.
      df: $\nu$, degrees of freedom; above d - 1 for a proper prior.
      scale: $S$, a symmetric positive semi-definite matrix.
    """

    concentration: Num[ArrayLike, "..."]
    mean: Num[ArrayLike, " d"]
    mean_strength: Num[ArrayLike, ""]
    df: Num[ArrayLike, ""]
    scale: Num[ArrayLike, "d d"]


FIELDS = ("concentration", "mean", "mean_strength", "df", "scale")
_INTERVALS = {"concentration": "[1, inf)", "mean_strength": "[0, inf)"}


def as_prior(name: str, prior: Prior | None, k: int, d: int, dtype: jnp.dtype) -> Prior | None:
    """A prior whose shapes fit the mixture, in the type that is computed in."""
    if prior is None:
        return None
    if not isinstance(prior, Prior):
        raise TypeError(f"{name}: expected prior to be a gmm.Prior, got {type(prior).__name__}")
    fields = [
        in_range(name, f"prior.{field}", value, _INTERVALS[field], scalar=False)
        if field in _INTERVALS
        else as_float(name, value)
        for field, value in ((field, getattr(prior, field)) for field in FIELDS)
    ]
    fields = [field.astype(dtype) for field in fields]
    shapes = [field.shape for field in fields]
    if shapes[1:] != [(d,), (), (), (d, d)] or shapes[0] not in ((), (k,)):
        got = ", ".join(map(str, shapes))
        raise ValueError(f"{name}: expected a prior of shapes () or ({k},), ({d},), (), (), ({d}, {d}), got {got}")
    return Prior(*fields)


def moved_prior(prior: Any, by: Float[Array, " d"]) -> Prior | None:
    """The prior of data that is moved."""
    return (
        None if prior is None else Prior(prior.concentration, prior.mean + by, *(getattr(prior, f) for f in FIELDS[2:]))
    )


def log_prior(params: GMM, prior: Any) -> Float[Array, ""]:
    """The log-density of a mixture under a prior, up to a constant; 0 without one."""
    if prior is None:
        return jnp.zeros((), params.means.dtype)
    weights = jnp.sum(jax.scipy.special.xlogy(prior.concentration - 1, params.weights))  # 0 log 0 is 0
    return weights - jnp.sum(_penalties(params, prior)) / 2


def _penalties(params: GMM, prior: Any) -> Array:
    r"""$(\nu + d + 2) \log\det\Sigma + \operatorname{tr} \Sigma^{-1} S + \kappa |\mu - m|^2_\Sigma$, of each group."""
    k, d = params.means.shape
    away = params.means - prior.mean
    tied = params.covariance_type.startswith("tied")
    power = prior.df + d + 1 + (k if tied else 1)
    if params.covariance_type in DENSE:
        covariances = params.covariances.reshape(-1, d, d)
        factor = jnp.linalg.cholesky(covariances)
        log_det = 2 * jnp.log(jnp.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        scatter = prior.scale + prior.mean_strength * _outer(away, tied)
        inverse = jax.scipy.linalg.cho_solve((factor, True), scatter)
        return power * log_det + jnp.trace(inverse, axis1=1, axis2=2)
    spread = variances_of_groups(params)
    squares = prior.mean_strength * (jnp.sum(away**2, axis=0, keepdims=True) if tied else away**2)
    return jnp.sum(power * jnp.log(spread) + (jnp.diagonal(prior.scale) + squares) / spread, axis=1)


def variances_of_groups(params: GMM) -> Array:
    """Variances along each axis, ``(k, d)``, or ``(1, d)`` where the components share them."""
    k, d = params.means.shape
    covariances = params.covariances
    own = not params.covariance_type.startswith("tied")
    covariances = covariances[:, None] if params.covariance_type == "spherical" else covariances
    return jnp.broadcast_to(covariances, (k if own else 1, d))


def _outer(rows: Array, together: bool) -> Array:
    return product(rows.T, rows)[None] if together else rows[:, :, None] * rows[:, None, :]


def with_prior(params: GMM, sums: Statistics, prior: Any) -> tuple[Statistics, Array, Array]:
    r"""The sums with what the prior counts for: $\kappa$ rows at $m$ and the scatter S in every component.

    Also the weights, and by how much the divisor of a covariance exceeds its count.
    """
    if prior is None:
        return sums, sums.counts / sums.rows, jnp.zeros((), sums.counts.dtype)
    k, d = params.means.shape
    tied = params.covariance_type.startswith("tied")
    away, kappa = prior.mean - params.means, prior.mean_strength
    dense = params.covariance_type in DENSE
    squares = _outer(away, False) if dense else away**2
    scale = (prior.scale if dense else jnp.diagonal(prior.scale)) / (k if tied else 1)
    counts = jnp.maximum(sums.counts + prior.concentration - 1, 0)
    more = sums._replace(
        counts=sums.counts + kappa, first=sums.first + kappa * away, second=sums.second + kappa * squares + scale
    )
    extra = prior.df + d + 2 - kappa if not tied else prior.df + d + 1 + k * (1 - kappa)
    return more, counts / counts.sum(), extra
