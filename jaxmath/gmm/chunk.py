r"""What EM does with one chunk of rows, and how many rows that should be.

Everything lies with the rows in the last axis: measured on two CPU cores, products and sums over them are then fastest
at 2 columns and at 32. Residuals are whitened before they are squared: with $\Sigma_k = L_k L_k^T$ the E-step needs
$y_k = L_k^{-1} (x - \mu_k)$, one matrix product for all components, and the M-step $\sum_i r_{ik} y_{ik} y_{ik}^T$.
Rows and means are relative to a point near the data, but the product subtracts what it has multiplied, so that a
component of deviation s at a distance r from that point loses r / s eps. Densities subtract every mean first:
:func:`joint_log_prob`. Writing the quadratic form as a product with $x_i x_j$ halves the multiplications, but is only
faster where all those products are kept from step to step: :mod:`jaxmath.gmm.table`.

Diagonal covariances have no such product: there the residuals of all components cost ten times the form
$x_j^2 / \sigma_{kj}^2 - 2 x_j \mu_{kj} / \sigma_{kj}^2 + \mu_{kj}^2 / \sigma_{kj}^2$. It is used where it loses no
more than three digits, which is to say unless clusters are narrow and far apart.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxmath._array import any_lane, product
from jaxmath._stream import even_chunk
from jaxmath.gmm.mixture import DENSE, GMM, variances

# Floats of temporaries in a chunk, and its fewest and most rows.
_CPU, _ACCELERATOR = (2**17, 256, 1024), (2**26, 1024, 65536)
# How far a mean may lie, in squared deviations of its component, for the fast form; it may lose as many eps.
_FAR = 1e3


class Statistics(NamedTuple):
    r"""What an M-step needs of the data: sums over rows with their weights $w_i$ and responsibilities $r_{ik}$.

    They belong to the parameters $\mu_k$ of their E-step. Those of other rows under the same parameters are added:
    :func:`jaxmath.reduce.merge`.

    Attributes:
      counts: $n_k = \sum_i w_i r_{ik}$.
      first: $\sum_i w_i r_{ik} (x_i - \mu_k)$.
      second: $\sum_i w_i r_{ik} (x_i - \mu_k)(x_i - \mu_k)^T$; only its diagonal, ``(k, d)``, unless the type of the
        covariances is full or tied.
      log_likelihood: $\sum_i w_i \log p(x_i)$ under these parameters.
      rows: $\sum_i w_i$.
    """

    counts: Float[Array, " k"]
    first: Float[Array, "k d"]
    second: Float[Array, "k d ..."]
    log_likelihood: Float[Array, ""]
    rows: Float[Array, ""]


class Dense(NamedTuple):
    r"""Components with full covariances: $L$, $(L^{-1}, -L^{-1} \mu)$, and the log of what scales the exponential."""

    factor: Float[Array, "k d d"]
    whiten: Float[Array, "k d e"]
    log_scale: Float[Array, " k"]


class Diagonal(NamedTuple):
    """Components with diagonal covariances, and whether residuals have to be formed one by one."""

    means: Float[Array, "k d"]
    deviations: Float[Array, "k d"]
    log_scale: Float[Array, " k"]
    narrow: Bool[Array, ""]


Model = Dense | Diagonal


@jax.jit
def model_of(params: GMM) -> Model:
    """A mixture as its chunks need it; NaN where a covariance is not positive definite."""
    k, d = params.means.shape
    log_scale = jnp.log(params.weights) - d / 2 * math.log(2 * math.pi)
    if params.covariance_type not in DENSE:
        spread = variances(params)
        far = jnp.max(params.means**2 / spread)
        deviations = jnp.sqrt(jnp.where(spread > 0, spread, jnp.nan))
        return Diagonal(params.means, deviations, log_scale - jnp.log(deviations).sum(axis=1), any_lane(far > _FAR))
    factor = jnp.linalg.cholesky(params.covariances)
    inverse = jax.scipy.linalg.solve_triangular(
        factor, jnp.broadcast_to(jnp.eye(d, dtype=factor.dtype), factor.shape), lower=True
    )
    factor, inverse = (jnp.broadcast_to(a, (k, d, d)) for a in (factor, inverse))
    moved = product(inverse, params.means[:, :, None])
    log_scale -= jnp.log(jnp.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    return Dense(factor, jnp.concatenate([inverse, -moved], axis=2), log_scale)


@partial(jax.jit, static_argnums=1)
def unit_model(means: Float[Array, "k d"], covariance_type: str) -> Model:
    """Components of equal weights and unit variances, of which the nearest is the most likely."""
    k, d = means.shape
    nothing = jnp.zeros(k, means.dtype)
    if covariance_type not in DENSE:
        return Diagonal(means, jnp.ones_like(means), nothing, any_lane(jnp.max(means**2) > _FAR))
    one = jnp.broadcast_to(jnp.eye(d, dtype=means.dtype), (k, d, d))
    return Dense(one, jnp.concatenate([one, -means[:, :, None]], axis=2), nothing)


def log_joint(model: Model, columns: Float[Array, "d m"]) -> tuple[Float[Array, "k m"], Array | None]:
    r"""$\log \pi_k + \log N(x \mid \mu_k, \Sigma_k)$, and the whitened residuals $y$, ``(k, d, m)``, where formed."""
    if isinstance(model, Dense):
        residuals = _residuals(model, columns)
        return model.log_scale[:, None] - jnp.sum(residuals**2, axis=1) / 2, residuals
    return jax.lax.cond(model.narrow, _joint_by_residuals, _joint_by_squares, model, columns), None


@jax.jit
def joint_log_prob(params: GMM, columns: Float[Array, "d m"]) -> Float[Array, "k m"]:
    r"""$\log \pi_k + \log N(x \mid \mu_k, \Sigma_k)$ with every mean subtracted from the rows before whitening."""
    model = model_of(params)
    if isinstance(model, Diagonal):
        return _joint_by_residuals(model, columns)

    def distances(component: tuple[Array, Array]) -> Array:
        mean, whiten = component
        return jnp.sum(product(whiten, columns - mean[:, None]) ** 2, axis=0)

    return model.log_scale[:, None] - jax.lax.map(distances, (params.means, model.whiten[:, :, :-1])) / 2


def expect(
    model: Model, shift: Float[Array, " d"], x: Float[Array, "m d"], weights: Float[Array, " m"],
    assigned: Bool[Array, ""] | None = None,
) -> Statistics:  # fmt: skip
    """The E-step over one chunk; the means of the model are relative to the shift.

    Where ``assigned`` is set every row belongs wholly to the component in which it is most likely, as in
    :func:`assign`, in the same program.
    """
    columns = x.T - shift[:, None]
    joint, residuals = log_joint(model, columns)
    responsibilities, log_density = posterior(joint)
    if assigned is not None:
        nearest = jax.nn.one_hot(jnp.argmax(joint, axis=0), len(joint), axis=0, dtype=x.dtype)
        responsibilities = jnp.where(assigned, nearest, responsibilities)
    return gather(model, columns, residuals, responsibilities * weights)._replace(
        log_likelihood=weights @ log_density, rows=weights.sum()
    )


def assign(model: Model, shift: Float[Array, " d"], x: Float[Array, "m d"], weights: Float[Array, " m"]) -> Statistics:
    """As :func:`expect`, every row wholly in the component in which it is most likely."""
    columns = x.T - shift[:, None]
    joint, residuals = log_joint(model, columns)
    nearest = jax.nn.one_hot(jnp.argmax(joint, axis=0), len(joint), axis=0, dtype=x.dtype)
    poison = jnp.sum(columns, axis=0) * 0  # NaN and infinity belong nowhere
    return gather(model, columns, residuals, (nearest + poison) * weights)._replace(rows=weights.sum())


def divide(model: Model, shift: Float[Array, " d"], x: tuple[Array, Array], weights: Float[Array, " m"]) -> Statistics:
    """As :func:`expect`, with given responsibilities beside the rows."""
    rows, responsibilities = x
    columns = rows.T - shift[:, None]
    residuals = _residuals(model, columns) if isinstance(model, Dense) else None
    return gather(model, columns, residuals, responsibilities.T * weights)._replace(rows=weights.sum())


def gather(model: Model, columns: Array, residuals: Array | None, responsibilities: Float[Array, "k m"]) -> Statistics:
    """The sums of one chunk, in whitened coordinates; :func:`settle` brings them back at the end of the pass."""
    zero = jnp.zeros((), columns.dtype)
    if isinstance(model, Diagonal):
        operands = model, columns, responsibilities
        counts, first, second = jax.lax.cond(model.narrow, _sums_by_residuals, _sums_by_squares, *operands)
        return Statistics(counts, first, second, zero, zero)
    assert residuals is not None
    sums = product(responsibilities, _with_ones(columns).T)
    weighted = residuals * responsibilities[:, None, :]
    second = jnp.einsum("kim,kjm->kij", weighted, residuals, precision=jax.lax.Precision.HIGHEST)
    return Statistics(sums[:, -1], sums[:, :-1], second, zero, zero)


@jax.jit
def settle(model: Model, means: Float[Array, "k d"], sums: Statistics) -> Statistics:
    r"""The sums of a whole pass about the means: $\sum r (x - \mu)$ and $L (\sum r y y^T) L^T$."""
    if isinstance(model, Diagonal):
        first = jnp.where(model.narrow, sums.first, sums.first - sums.counts[:, None] * means)
        by_squares = sums.second - means * (sums.first + first)
        return sums._replace(first=first, second=jnp.where(model.narrow, sums.second, by_squares))
    second = product(product(model.factor, sums.second), jnp.swapaxes(model.factor, 1, 2))
    return sums._replace(first=sums.first - sums.counts[:, None] * means, second=second)


def posterior(joint: Float[Array, "k m"]) -> tuple[Float[Array, "k m"], Float[Array, " m"]]:
    """Responsibilities and log-density: what the joint log-densities say of the components and of the row."""
    largest = jax.lax.stop_gradient(joint.max(axis=0))
    parts = jnp.exp(joint - largest)
    total = parts.sum(axis=0)
    return parts / total, largest + jnp.log(total)


def most_rows(params: GMM) -> int:
    """Rows in a chunk, so that its temporaries stay in cache."""
    k, d = params.means.shape
    floats, fewest, most = _CPU if jax.default_backend() == "cpu" else _ACCELERATOR
    width = k * d if params.covariance_type in DENSE else k + 2 * d
    return min(max(floats // width, fewest), most)


def chunk_rows(num_rows: int, params: GMM) -> int:
    """Rows in a chunk: of about as many as stay in cache a number that divides the rows."""
    return even_chunk(num_rows, most_rows(params))


def _residuals(model: Dense, columns: Array) -> Array:
    k, d, e = model.whiten.shape
    return product(model.whiten.reshape(k * d, e), _with_ones(columns)).reshape(k, d, -1)


def _with_ones(columns: Array) -> Array:
    return jnp.concatenate([columns, jnp.ones_like(columns[:1])])


def _joint_by_squares(model: Diagonal, columns: Array) -> Array:
    scaled = model.means / model.deviations
    form = jnp.concatenate([model.deviations**-2, -2 * scaled / model.deviations], axis=1)
    distances = product(form, jnp.concatenate([columns**2, columns])) + jnp.sum(scaled**2, axis=1)[:, None]
    return model.log_scale[:, None] - distances / 2


def _joint_by_residuals(model: Diagonal, columns: Array) -> Array:
    residuals = (columns - model.means[:, :, None]) / model.deviations[:, :, None]
    return model.log_scale[:, None] - jnp.sum(residuals**2, axis=1) / 2


def _sums_by_squares(_: Diagonal, columns: Array, responsibilities: Array) -> tuple[Array, Array, Array]:
    d = len(columns)
    sums = product(responsibilities, _with_ones(jnp.concatenate([columns, columns**2])).T)
    return sums[:, -1], sums[:, :d], sums[:, d:-1]


def _sums_by_residuals(model: Diagonal, columns: Array, responsibilities: Array) -> tuple[Array, Array, Array]:
    residuals = columns - model.means[:, :, None]
    weighted = residuals * responsibilities[:, None, :]
    return responsibilities.sum(axis=1), weighted.sum(axis=2), (weighted * residuals).sum(axis=2)
