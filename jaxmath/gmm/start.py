"""Where a mixture starts."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath import kmeans
from jaxmath._array import as_matrix, one_of
from jaxmath.gmm.chunk import assign, divide
from jaxmath.gmm.mixture import DENSE, GMM, checked, covariance_shape
from jaxmath.gmm.prior import Prior
from jaxmath.gmm.steps import maximize, moved, sums_over
from jaxmath.kmeans.seeding import random_rows

METHODS = ("kmeans++", "kmeans", "random")


def as_start(name: str, init: Any, k: int, n: int, d: int, covariance_type: str) -> str | GMM | Array:
    """The name of a method, a mixture that fits the request, or responsibilities (n, k)."""
    if isinstance(init, str):
        return one_of(name, "init", init, METHODS)
    if not isinstance(init, GMM):
        responsibilities = as_matrix(name, init)
        if responsibilities.shape != (n, k):
            wanted = f"(n, num_components) = ({n}, {k})"
            raise ValueError(f"{name}: expected init responsibilities of shape {wanted}, got {responsibilities.shape}")
        return responsibilities
    init = checked(name, init)
    if (init.covariance_type, *init.means.shape) != (covariance_type, k, d):
        got = f"{init.covariance_type} with means {init.means.shape}"
        raise ValueError(f"{name}: expected init to be {covariance_type} with means ({k}, {d}), got {got}")
    return init


def start(
    key: Array,
    init: str | GMM | Array,
    k: int,
    covariance_type: str,
    shift: Array,
    x: Array,
    weights: Array | None,
    reg_covar: Array,
    prior: Prior | None,
    chunk_size: int | None,
) -> tuple[GMM, Array]:
    """The first mixture, its means relative to the shift, and how many empty components it had to move."""
    if isinstance(init, GMM):
        return moved(jax.tree.map(lambda a: a.astype(x.dtype), init), -shift), jnp.zeros((), int)
    if isinstance(init, str):
        here = _unit(_centers(key, init, k, x, weights, chunk_size) - shift, covariance_type)
        sums = sums_over(assign, here, shift, x, weights, chunk_size)
    else:
        here = _unit(jnp.zeros((k, x.shape[1]), x.dtype), covariance_type)
        sums = sums_over(divide, here, shift, (x, init.astype(x.dtype)), weights, chunk_size)
    return maximize(here, sums, reg_covar, prior)


def _centers(key: Array, init: str, k: int, x: Array, weights: Array | None, chunk_size: int | None) -> Array:
    if init == "random":
        return random_rows(key, x, k, weights)
    if init == "kmeans++":
        return kmeans.plus_plus(key, x, k, weights=weights)
    return kmeans.fit(key, x, k, weights=weights, chunk_size=chunk_size).centers


def _unit(means: Array, covariance_type: str) -> GMM:
    """Equal weights and unit variances: the most likely component is the nearest."""
    k, d = means.shape
    shape = covariance_shape(covariance_type, k, d)
    one = jnp.eye(d, dtype=means.dtype) if covariance_type in DENSE else jnp.ones((), means.dtype)
    return GMM(jnp.full(k, 1 / k, means.dtype), means, jnp.broadcast_to(one, shape), covariance_type)
