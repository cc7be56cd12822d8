r"""EM over a table of products: what a fit on a CPU may look at in place of its rows.

With $h = (x, 1)$ and $z$ the products $h_a h_b$ of each pair (of diagonal types $x_a^2$, $x_a$ and 1 alone), a joint
log-density is linear, $\log \pi_k N(x \mid \mu_k, \Sigma_k) = c_k^T z$, and all that the M-step needs is
$\sum_i r_{ik} z_i$: a step of EM is two matrix products with the table of all $z$, which stays the same. On two CPU
cores that takes half the time of forming residuals. But it subtracts what may be large, so while a component is narrow
beside the spread of the data a step goes over the rows instead.

The table is kept from step to step, which :func:`jaxmath.reduce.over` cannot do; hence the pass of its own.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jaxtyping import Array, Float

from jaxmath._array import Tree, any_lane, product
from jaxmath._stream import even_chunk, in_chunks
from jaxmath.gmm.chunk import Dense, Statistics, model_of, posterior
from jaxmath.gmm.mixture import DENSE, GMM, variances
from jaxmath.gmm.steps import Data

# Bytes of a table at most; floats of a chunk of it and its temporaries; the fewest and most rows of one.
_BYTES, _FLOATS, _FEWEST, _MOST = 2**28, 2**16, 400, 4096
# Rows for which a table is worth a program of twice the length.
WORTH = 4096
# How many eps what a column adds to a log-density may lose.
_LOSS = 2**7


class Table(NamedTuple):
    """Products in chunks with the rows in the last axis, the rows' weights, and the mean squares of the columns."""

    products: Float[Array, "c f m"]
    weights: Float[Array, "c m"] | None
    squares: Float[Array, " d"]


def num_bytes(x: Array, kind: str) -> float:
    """What the table of these rows takes; infinity where none is to be made."""
    n, d = x.shape
    alone = jax.default_backend() == "cpu" and jax.device_count() == 1 and jax.sharding.get_abstract_mesh().empty
    return float(n * len(_pairs(d, kind)[0]) * x.dtype.itemsize) if alone and n >= WORTH else math.inf


def where_there_is_room(quick: Callable[..., Tree], slow: Callable[..., Tree], size: float) -> Callable[..., Tree]:
    """Of two functions of arrays the quick one, which needs so many bytes; under ``vmap`` so many for each lane."""
    if size > _BYTES:
        return slow
    ruled = jax.custom_batching.custom_vmap(quick)

    @ruled.def_vmap
    def rule(num_lanes: int, batched: list, *arrays: Any) -> tuple[Tree, Any]:
        axes = tuple(jax.tree.map(lambda one: 0 if one else None, batched))
        lanes = partial(jax.vmap, in_axes=axes, axis_size=num_lanes)
        result = where_there_is_room(lanes(quick), lanes(slow), num_lanes * size)(*arrays)
        return result, jax.tree.map(lambda _: True, result)

    return ruled


def looked_up(
    by_rows: Callable[[GMM], Statistics], kind: str, k: int, shift: Array, data: Data
) -> Callable[[GMM, Array], Statistics]:
    """The E-step over rows, done with their table wherever the mixture allows it.

    Its second argument says that the lane is idle: it has no voice in which way all lanes of a batch go.
    """
    left, right = _pairs(data.x.shape[1], kind)
    table = _table(data.x, data.weights, shift, left, right, k)
    square = (left == right) & (left < len(shift))

    def sums(params: GMM, idle: Array) -> Statistics:
        coefficients = _coefficients(params, left, right)
        # of all rows, and of the component's own, whose squares may be larger by far where its weight is small
        squares = table.squares + params.means**2 + variances(params)
        largest = jnp.max(-2 * coefficients[:, square] * squares)
        narrow = any_lane(~(largest < _LOSS) & ~idle)
        return jax.lax.cond(narrow, lambda _, params: by_rows(params), by_table, coefficients, params)

    def by_table(coefficients: Array, params: GMM) -> Statistics:
        return _about_means(params, left, right, *_sums(table, coefficients))

    return sums


def _pairs(d: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Which two entries of (x, 1) each product is of: all pairs, or squares and single ones."""
    if kind in DENSE:
        left, right = np.triu_indices(d + 1)
        return left, right
    return np.concatenate([np.arange(d), np.arange(d + 1)]), np.concatenate([np.arange(d), np.full(d + 1, d)])


def _table(x: Array, weights: Array | None, shift: Array, left: np.ndarray, right: np.ndarray, k: int) -> Table:
    (n, d), width = x.shape, len(left)
    m = even_chunk(n, min(max(_FLOATS // (width + 3 * k), _FEWEST), _MOST))
    if n % m and weights is None:
        weights = jnp.ones(n, x.dtype)
    chunks = jax.tree.map(lambda a: in_chunks(a, m), (x, weights))

    def of_chunk(chunk: tuple[Array, Array | None]) -> tuple[Array, Array]:
        rows, weights = chunk
        columns = rows.T - shift[:, None]
        if weights is None:
            weights = jnp.ones(m, rows.dtype)
        columns = jnp.where(weights != 0, columns, 0)
        with_one = jnp.concatenate([columns, jnp.ones_like(columns[:1])])
        return with_one[left] * with_one[right], jnp.append(product(columns**2, weights), weights.sum())

    products, totals = jax.lax.map(of_chunk, chunks)
    totals = totals.sum(axis=0)
    return Table(products, chunks[1], totals[:d] / totals[d])


def _coefficients(params: GMM, left: np.ndarray, right: np.ndarray) -> Float[Array, "k f"]:
    """What a joint log-density multiplies the products with."""
    model = model_of(params)
    if isinstance(model, Dense):
        forms = product(jnp.swapaxes(model.whiten, 1, 2), model.whiten)
        coefficients = -jnp.where(left == right, 0.5, 1).astype(forms.dtype) * forms[:, left, right]
    else:
        inverse = model.deviations**-2
        linear = model.means * inverse
        constant = -jnp.sum(model.means * linear, axis=1, keepdims=True) / 2
        coefficients = jnp.concatenate([-inverse / 2, linear, constant], axis=1)
    return coefficients.at[:, -1].add(model.log_scale)


def _sums(table: Table, coefficients: Array) -> tuple[Array, Array, Array]:
    r"""$\sum_i w_i r_{ik} z_i$, the log-likelihood and the weight of all rows."""

    def of_chunk(chunk: tuple[Array, Array | None]) -> tuple[Array, Array, Array]:
        products, weights = chunk
        shares, log_density = posterior(product(coefficients, products))
        if weights is None:
            weights = jnp.ones_like(log_density)
        over_rows = (((1,), (1,)), ((), ()))  # faster than with the components first
        sums = jax.lax.dot_general(products, shares * weights, over_rows, precision=Precision.HIGHEST)
        return sums, weights @ log_density, weights.sum()

    parts = jax.lax.map(of_chunk, (table.products, table.weights))
    sums, log_likelihood, rows = jax.tree.map(lambda a: a.sum(axis=0), parts)
    return sums.T, log_likelihood, rows


def _about_means(
    params: GMM, left: np.ndarray, right: np.ndarray, sums: Array, log_likelihood: Array, rows: Array
) -> Statistics:
    """The sums over responsibilities and products as the M-step takes them."""
    means, d = params.means, params.means.shape[1]
    counts, total = sums[:, -1], sums[:, (right == d) & (left < d)]
    first = total - counts[:, None] * means
    if params.covariance_type in DENSE:
        forms = jnp.zeros((len(means), d + 1, d + 1), sums.dtype).at[:, left, right].set(sums)
        both = forms.at[:, right, left].set(sums)[:, :d, :d]
        second = both - means[:, :, None] * total[:, None, :] - first[:, :, None] * means[:, None, :]
    else:
        second = sums[:, :d] - means * (total + first)
    return Statistics(counts, first, second, log_likelihood, rows)
