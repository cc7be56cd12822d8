"""Some of the variables of a mixture: their own distribution, and that of the others when they are known."""

import operator
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.scipy.linalg import cho_solve
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, narrow, product, unmasked
from jaxmath.gmm.chunk import joint_log_prob, posterior
from jaxmath.gmm.mixture import DENSE, GMM, matrices, typed


def marginal(params: GMM, indices: Sequence[int]) -> GMM:
    r"""The distribution of some of the variables: $\sum_k \pi_k N(x_A \mid \mu_{k,A}, \Sigma_{k,AA})$.

    Args:
      params: a mixture of d variables.
      indices: which variables, static, in the order that the result has them; negative ones count from the end.

    Returns:
      The mixture of those variables, of the same covariance type.

    Raises:
      TypeError: for ``params`` that are no mixture, or indices that are traced or no integers.
      ValueError: if there is no index, one is out of range or stands twice.

    Example:
      >>> params = GMM(jnp.ones(1), jnp.array([[1.0, 2.0, 3.0]]), jnp.ones((1, 3)), "diag")
      >>> print(marginal(params, [2, 0]).means)
      [[3. 1.]]

    Reference: Bishop (2006), equation 2.98.
    """
    params, dtype = typed("gmm.marginal", params)
    return narrow(_kept(params, _as_indices("gmm.marginal", indices, params.means.shape[1])), dtype)


def conditional(params: GMM, indices: Sequence[int], values: Num[ArrayLike, " b"]) -> GMM:
    r"""The distribution of the other variables when some are known: Gaussian mixture regression.

    For known $x_B = v$ the weights are $\propto \pi_k N(v \mid \mu_{k,B}, \Sigma_{k,BB})$, the means $\mu_{k,A} +
    \Sigma_{k,AB} \Sigma_{k,BB}^{-1} (v - \mu_{k,B})$ and the covariances $\Sigma_{k,AA} - \Sigma_{k,AB}
    \Sigma_{k,BB}^{-1} \Sigma_{k,BA}$. The regression of $x_A$ on $x_B$ is the mean of that, ``weights @ means``.

    Args:
      params: a mixture of d variables.
      indices: which variables are known, static; negative ones count from the end.
      values: what they are, shape ``(b,)``; more at once through ``jax.vmap``.

    Returns:
      The mixture of the d - b other variables in their order, of the same covariance type. NaN where a value is NaN or
      infinite or so far away that no component has a density there, or a covariance of the known variables is not
      positive definite.

    Raises:
      TypeError: for ``params`` that are no mixture, or indices that are traced or no integers.
      ValueError: if there is no index or none is left, one is out of range or stands twice, or values are not ``(b,)``.

    Example:
      >>> params = GMM(jnp.ones(1), jnp.zeros((1, 2)), jnp.array([[[1.0, 0.8], [0.8, 1.0]]]), "full")
      >>> print(conditional(params, [0], jnp.array([2.0])).means)
      [[1.6]]

    Reference: Bishop (2006), equations 2.81 and 2.82; Ghahramani and Jordan (1994).
    """
    name = "gmm.conditional"
    params, dtype = typed(name, params)
    d = params.means.shape[1]
    known = _as_indices(name, indices, d)
    left = tuple(i for i in range(d) if i not in known)
    if not left:
        raise ValueError(f"{name}: expected at least one variable that is not known, got all {d}")
    values = as_float(name, values).astype(params.means.dtype)
    if values.shape != (len(known),):
        raise ValueError(f"{name}: expected values of shape ({len(known)},), one an index, got {values.shape}")
    return narrow(_conditional(params, values, known, left), dtype)


@partial(jax.jit, static_argnums=(2, 3))
def _conditional(params: GMM, values: Array, known: tuple[int, ...], left: tuple[int, ...]) -> GMM:
    given = _kept(params, known)
    joint = joint_log_prob(given, values[:, None])
    poison = jnp.where(jnp.isfinite(values).all(), 0, jnp.nan)
    result = _kept(params, left)
    result = GMM(posterior(joint)[0][:, 0] + poison, result.means + poison, result.covariances, result.covariance_type)
    if params.covariance_type not in DENSE:
        return result
    across = params.covariances[..., jnp.array(left)[:, None], jnp.array(known)]
    gain = jnp.swapaxes(cho_solve((jnp.linalg.cholesky(given.covariances), True), jnp.swapaxes(across, -1, -2)), -1, -2)
    means = result.means + product(gain, (values - given.means)[:, :, None])[:, :, 0]
    covariances = result.covariances - product(gain, jnp.swapaxes(across, -1, -2))
    return GMM(result.weights, means, covariances, params.covariance_type)


def precisions(params: GMM) -> Float[Array, "..."]:
    r"""The inverse covariances $\Sigma_k^{-1}$, in the shape that the covariances have.

    Args:
      params: the mixture.

    Returns:
      The precisions; NaN where a covariance is not positive definite.

    Raises:
      TypeError: for ``params`` that are no mixture.
      ValueError: if its shapes do not belong together.

    Example:
      >>> print(precisions(GMM(jnp.ones(1), jnp.zeros((1, 2)), jnp.array([[4.0, 0.5]]), "diag")))
      [[0.25 2.  ]]
    """
    params, dtype = typed("gmm.precisions", params)
    covariances = params.covariances
    if params.covariance_type not in DENSE:
        return narrow(1 / jnp.where(covariances > 0, covariances, jnp.nan), dtype)
    one = jnp.broadcast_to(jnp.eye(covariances.shape[-1], dtype=covariances.dtype), covariances.shape)
    return narrow(cho_solve((jnp.linalg.cholesky(covariances), True), one), dtype)


def covariances(params: GMM) -> Float[Array, "k d d"]:
    r"""Every component's covariance $\Sigma_k$ as a whole matrix, whatever the type.

    Args:
      params: the mixture.

    Returns:
      The matrices, shape ``(k, d, d)``.

    Raises:
      TypeError: for ``params`` that are no mixture.
      ValueError: if its shapes do not belong together.

    Example:
      >>> print(covariances(GMM(jnp.ones(1), jnp.zeros((1, 2)), jnp.array([[4.0, 0.5]]), "diag")))
      [[[4.  0. ]
        [0.  0.5]]]
    """
    params, dtype = typed("gmm.covariances", params)
    return narrow(matrices(params), dtype)


def _kept(params: GMM, indices: tuple[int, ...]) -> GMM:
    chosen, kind, covariances = jnp.array(indices), params.covariance_type, params.covariances
    if kind in DENSE:
        covariances = covariances[..., chosen[:, None], chosen]
    elif kind.endswith("diag"):
        covariances = covariances[..., chosen]
    return GMM(params.weights, params.means[:, chosen], covariances, kind)


def _as_indices(name: str, indices: Any, d: int) -> tuple[int, ...]:
    if isinstance(indices, Tracer):
        raise TypeError(f"{name}: indices must be static; close over them: jax.jit(lambda p: {name}(p, [0, 1]))")
    try:
        chosen = tuple(operator.index(i) for i in unmasked(name, "indices", indices))
    except TypeError:
        raise TypeError(f"{name}: indices must be a sequence of integers, got {indices!r}") from None
    if not chosen or not all(-d <= i < d for i in chosen):
        raise ValueError(f"{name}: indices must be one or more of -{d}..{d - 1}, got {chosen}")
    chosen = tuple(i % d for i in chosen)
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"{name}: expected every index once, got {chosen}")
    return chosen
