"""Where a mixture starts."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array

from jaxmath import kmeans, reduce
from jaxmath._array import as_matrix, one_of
from jaxmath.gmm.chunk import assign, chunk_rows, divide, settle, unit_model
from jaxmath.gmm.mixture import DENSE, GMM, checked, covariance_shape
from jaxmath.gmm.prior import Prior
from jaxmath.gmm.steps import maximize, moved
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
        means, of_chunk, rows = _centers(key, init, k, x, weights, chunk_size) - shift, assign, x
    else:
        means, of_chunk, rows = jnp.zeros((k, x.shape[1]), x.dtype), divide, (x, init.astype(x.dtype))
    here, model = _unit(means, covariance_type), unit_model(means, covariance_type)
    chunk_size = chunk_rows(len(x), here) if chunk_size is None else chunk_size
    sums = reduce.over(Partial(of_chunk, model, shift), rows, weights=weights, chunk_size=chunk_size)
    return maximize(here, settle(model, means, sums), reg_covar, prior)


class Centers(NamedTuple):
    """A mixture of equal weights and unit variances; the first step of EM assigns each row to the nearest mean."""

    params: GMM


def centers(
    key: Array, method: str, settings: tuple[int, str], shift: Array, data: tuple[Array, Array | None],
    chunk_size: int | None,
) -> Centers:  # fmt: skip
    """Centers placed among rows with weights, relative to the shift."""
    k, covariance_type = settings
    return Centers(_unit(_centers(key, method, k, *data, chunk_size) - shift, covariance_type))


def _centers(key: Array, init: str, k: int, x: Array, weights: Array | None, chunk_size: int | None) -> Array:
    if init == "random":
        return random_rows(key, x, k, weights)
    if init == "kmeans++":
        return kmeans.plus_plus(key, x, k, weights=weights)
    return kmeans.fit(key, x, k, weights=weights, chunk_size=chunk_size).centers


def _unit(means: Array, covariance_type: str) -> GMM:
    """Equal weights and unit variances."""
    k, d = means.shape
    shape = covariance_shape(covariance_type, k, d)
    one = jnp.eye(d, dtype=means.dtype) if covariance_type in DENSE else jnp.ones((), means.dtype)
    return GMM(jnp.full(k, 1 / k, means.dtype), means, jnp.broadcast_to(one, shape), covariance_type)
