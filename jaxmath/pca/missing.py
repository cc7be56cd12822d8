r"""Principal components of data with missing cells, by expectation maximisation of probabilistic PCA.

The model is $x = \mu + W z + \varepsilon$ with $z \sim N(0, I_k)$ and noise $N(0, \sigma^2 I)$. Of row i only the
cells $O_i$ are seen. Which ones they are may depend on what is seen, not on what is missing ("missing at random").
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath import moments, reduce
from jaxmath._array import as_matrix, as_size, as_weights, degrees_of_freedom, in_range, narrow, product, wide
from jaxmath._missing import column_means
from jaxmath._spectral import leading_covariance, leading_svd
from jaxmath.pca.estimate import PCA, MissingPCA
from jaxmath.pca.projection import as_rows


class _Model(NamedTuple):
    loadings: Array  # W, (d, k)
    mean: Array  # (d,)
    noise: Array  # sigma^2


class _Sums(NamedTuple):
    """What the M-step needs: per column, the normal equations of its cells on $(z, 1)$; and the log-likelihood."""

    normal: Array  # (d, k + 1, k + 1)
    right: Array  # (d, k + 1)
    squares: Array  # (d,)
    counts: Array  # (d,)
    log_likelihood: Array
    rows: Array


def fit_missing(
    x: Num[ArrayLike, "n d"],
    num_components: int,
    *,
    weights: Num[ArrayLike, " n"] | None = None,
    max_steps: int = 500,
    tol: ArrayLike = 1e-5,
    chunk_size: int | None = None,
) -> MissingPCA:
    r"""Principal components of data in which NaN marks a missing cell: the most likely probabilistic PCA.

    The E-step finds for every row the distribution of z given its seen cells, with covariance $\sigma^2 M^{-1}$ and
    mean $M^{-1} W_O^T (x_O - \mu_O)$, $M = W_O^T W_O + \sigma^2 I$. The M-step regresses every column on z, each over
    the rows in which it is seen. Without missing cells the result is that of :func:`jaxmath.pca.fit`.

    Args:
      x: data, shape ``(n, d)``, NaN where a cell is missing.
      num_components: k, static, in 1..d - 1: the model needs a direction for its noise.
      weights: how often each row counts, shape ``(n,)``; None counts each once.
      max_steps: EM steps at most, static.
      tol: the fit has converged when a step changes the mean log-likelihood of a row by less than this.
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`.

    Returns:
      The fit, in the type of the data; variances with n - 1, as those of ``fit``, and NaN where those are. The noise is
      not let below eps^1.5 of the mean variance, so that data on a plane has a fit.

    Raises:
      TypeError: for complex or non-numeric data, or a traced or fractional ``num_components`` or ``max_steps``.
      ValueError: if the data is not ``(n, d)`` or empty, k or ``max_steps`` is out of range, or the weights are not
        ``(n,)``.

    Note:
      A row with no cell seen changes nothing but the count. An infinity in a row that counts, a column never seen and
      a single row make the fit NaN, with ``converged`` false. It has no reverse-mode gradient.

    Example:
      >>> x = jnp.array([[0.0, 0.0], [1.0, 2.0], [2.0, jnp.nan], [3.0, 6.0]])
      >>> print(jnp.round(impute(fit_missing(x, 1), x)[2], 3))
      [2. 4.]

    Reference: Tipping and Bishop (1999), appendix B; Ilin and Raiko (2010).
    """
    name = "pca.fit_missing"
    x = as_matrix(name, x)
    if x.shape[1] == 1:
        raise ValueError(f"{name}: expected at least two columns, got shape {x.shape}")
    k = as_size(name, "num_components", num_components, x.shape[1] - 1, "d - 1")
    max_steps, tol = as_size(name, "max_steps", max_steps), in_range(name, "tol", tol, "[0, inf]")
    chunk_size = None if chunk_size is None else as_size(name, "chunk_size", chunk_size)
    dtype, rows = x.dtype, wide(x)
    counts = jnp.ones(len(x), rows.dtype) if weights is None else as_weights(name, weights, len(x)).astype(rows.dtype)
    fit = _fit_missing(rows, column_means(rows, counts), counts, k, max_steps, tol, chunk_size)
    return narrow(fit, dtype)._replace(num_samples=fit.num_samples)


@partial(jax.jit, static_argnames=("k", "max_steps", "chunk_size"))
def _fit_missing(
    x: Array, shift: Array, weights: Array, k: int, max_steps: int, tol: Array, chunk_size: int | None
) -> MissingPCA:
    """The fit in the type of its rows, which are shifted by about their mean."""
    weights = jnp.where(jnp.isfinite(shift).all(), weights, jnp.nan)  # no fit if a column is never seen
    model, sums, rise, num_steps = _climb(x - shift, weights, k, max_steps, tol, chunk_size)
    result = _assemble(model, sums, shift)
    converged = (jnp.abs(rise) < tol) & jnp.isfinite(result.singular_values).all() & jnp.isfinite(result.mean).all()
    return MissingPCA(*result, sums.log_likelihood / sums.rows, num_steps, converged)


def impute(p: PCA | MissingPCA, x: Num[ArrayLike, "m d"]) -> Float[Array, "m d"]:
    r"""Data with every missing cell replaced by its expectation, given the cells of its row that are seen.

    Args:
      p: a fit, by :func:`fit_missing` or any other.
      x: data, shape ``(m, d)``, NaN where a cell is missing.

    Returns:
      The data, shape ``(m, d)``: seen cells as they are, missing ones as $\mu_j + W_j \operatorname{E}[z \mid x_O]$; a
      row with nothing seen is the mean. An infinity makes the missing cells of its row NaN.
      Without noise (all components, or data on a plane) these are the limits as it vanishes.

    Raises:
      TypeError: for complex or non-numeric data, and for an object that is no PCA.
      ValueError: if x does not have d columns.

    Example:
      >>> from jaxmath import pca
      >>> x = jnp.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [5.0, jnp.nan]])
      >>> print(jnp.round(impute(pca.fit(x[:3], 1), x)[3], 3))
      [5. 5.]
    """
    p, x, dtype = as_rows("pca.impute", p, x)
    return _impute(p, x).astype(dtype)


@jax.jit
def _impute(p: PCA, x: Array) -> Array:
    noise = jnp.maximum(p.noise_variance, _least_noise(p.explained_variance))
    signal = jnp.sqrt(jnp.maximum(p.explained_variance - noise, 0))
    model = _Model(p.components.T * signal, p.mean, noise)
    z, _, _ = _posterior(model, x)
    return jnp.where(jnp.isnan(x), p.mean + product(z, model.loadings.T), x)


def _least_noise(variances: Array) -> Array:
    """A noise small beside all variances, whose root is above the rounding of the largest deviation."""
    eps = jnp.finfo(variances.dtype).eps
    small = jnp.minimum(eps**1.5 * variances[0], eps**0.5 * variances[-1])
    least = jnp.maximum(small, 100 * eps**2 * variances.mean())
    return jnp.where(least == 0, 1, least)  # of constant data, which have no loadings either


def _climb(
    centred: Array, weights: Array, k: int, max_steps: int, tol: Array, chunk_size: int | None
) -> tuple[_Model, _Sums, Array, Array]:
    """The last model, its sums, by how much the last step raised the mean log-likelihood, and how many there were."""

    seen = ~jnp.isnan(centred)
    rows = jnp.where(seen, centred, 0), seen

    def expect(model: _Model) -> _Sums:
        return reduce.over(Partial(_expect, model), rows, weights=weights, chunk_size=chunk_size)

    def step(state):
        model, sums, _, num_steps = state
        model = _maximize(model, sums)
        new = expect(model)
        return model, new, (new.log_likelihood - sums.log_likelihood) / sums.rows, num_steps + 1

    def unfinished(state):
        _, sums, rise, num_steps = state
        return ~(jnp.abs(rise) < tol) & jnp.isfinite(sums.log_likelihood) & (num_steps < max_steps)

    start = _start(centred, weights, k)
    first = expect(start)
    return jax.lax.while_loop(unfinished, step, (start, first, jnp.full_like(first.rows, jnp.inf), jnp.zeros((), int)))


def _posterior(model: _Model, x: Array) -> tuple[Array, Array, Array]:
    r"""Of every row the mean of z given its seen cells, the covariance of z, and $\log\det M$.

    The mean is the least squares solution of $W_O z = x_O - \mu_O$ over $\sigma z = 0$. With $Q R$ of the two it is
    $R^{-1} Q^T (x_O - \mu_O, 0)$, and $M = R^T R$ is not formed, which would lose a small $\sigma^2$.
    """
    loadings, mean, noise = model
    d, k = loadings.shape
    seen = ~jnp.isnan(x)
    below = jnp.broadcast_to(jnp.sqrt(noise) * jnp.eye(k, dtype=x.dtype), (len(x), k, k))
    q, r = jnp.linalg.qr(jnp.concatenate([jnp.where(seen[:, :, None], loadings, 0), below], axis=1))
    inverse = jax.scipy.linalg.solve_triangular(r, jnp.broadcast_to(jnp.eye(k, dtype=x.dtype), r.shape))
    right = _rows_times(jnp.where(seen, x - mean, 0), q[:, :d])
    spread = noise * product(inverse, inverse.mT)
    log_det = 2 * jnp.log(jnp.abs(jnp.diagonal(r, axis1=1, axis2=2))).sum(axis=1)
    return _rows_times(right, inverse.mT), spread, log_det


def _rows_times(x: Array, matrices: Array) -> Array:
    """Every row times a matrix of its own."""
    return jnp.einsum("nd,ndk->nk", x, matrices, precision=jax.lax.Precision.HIGHEST)


def _expect(model: _Model, rows: tuple[Array, Array], weights: Array) -> _Sums:
    """The E-step over one chunk, in terms of what the model misses, so that little noise keeps its digits.

    The rows are numbers and which of them are seen: a NaN in a row of weight 0 would not get here, and its derivative
    with respect to that weight be wrong. A row of weight 0 whose squares are out of range stands for nothing.
    """
    loadings, mean, noise = model
    k = loadings.shape[1]
    seen = rows[1]
    x = jnp.where(seen, rows[0], jnp.nan)
    z, spread, log_det = _posterior(model, x)
    missed = jnp.where(seen, x - mean - product(z, loadings.T), 0)
    cells = seen.sum(axis=1)
    distance = (missed**2).sum(axis=1) / noise + (z**2).sum(axis=1)
    log_density = -(cells * math.log(2 * math.pi) + (cells - k) * jnp.log(noise) + log_det + distance) / 2
    weighted = seen * weights[:, None]
    one = jnp.ones((len(x), 1), x.dtype)
    extended = jnp.concatenate([z, one], axis=1)
    squares = (extended[:, :, None] * extended[:, None, :]).at[:, :k, :k].add(spread)
    normal = product(weighted.T, squares.reshape(len(x), -1)).reshape(-1, k + 1, k + 1)
    turned = jnp.einsum("nj,nab->jab", weighted, spread, precision=jax.lax.Precision.HIGHEST)
    turned = jnp.einsum("jab,jb->ja", turned, loadings, precision=jax.lax.Precision.HIGHEST)
    right = product((weighted * missed).T, extended).at[:, :k].add(-turned)
    residual = (weighted * missed**2).sum(axis=0) + (turned * loadings).sum(axis=1)
    log_likelihood = weights @ log_density
    return _Sums(normal, right, residual, weighted.sum(axis=0), log_likelihood, weights.sum())


def _maximize(model: _Model, sums: _Sums) -> _Model:
    """The M-step: by how much every column's loadings and mean change, and the noise that is then left."""
    k = model.loadings.shape[1]
    change = jnp.linalg.solve(sums.normal, sums.right[:, :, None])[:, :, 0]
    left = (sums.squares - (change * sums.right).sum(axis=1)).sum() / sums.counts.sum()
    loadings = model.loadings + change[:, :k]
    floor = jnp.finfo(left.dtype).eps ** 1.5 * jnp.mean(loadings**2) * k
    return _Model(loadings, model.mean + change[:, k], jnp.maximum(left, floor))


def _start(centred: Array, weights: Array, k: int) -> _Model:
    """The components of the data with missing cells at their column's mean."""
    count, mean, scatter = moments.of(jnp.where(jnp.isnan(centred), 0, centred), weights=weights)
    variances, vectors, rest = leading_covariance(scatter / count, k)
    noise = jnp.maximum(rest / (len(mean) - k), jnp.finfo(centred.dtype).eps ** 1.5 * variances.mean())
    signal = jnp.sqrt(jnp.maximum(variances - noise, noise))
    return _Model(vectors * signal, jnp.zeros_like(mean), noise)


def _assemble(model: _Model, sums: _Sums, shift: Array) -> PCA:
    d = model.loadings.shape[0]
    unbiased = sums.rows / degrees_of_freedom(sums.rows, 1)
    values, vectors, _ = leading_svd(model.loadings.T, model.loadings.shape[1])
    variances = values + model.noise  # with n
    return PCA(
        mean=shift + model.mean,
        components=vectors.T,
        explained_variance=variances * unbiased,
        explained_variance_ratio=variances / (values.sum() + d * model.noise),
        singular_values=jnp.sqrt(variances * sums.rows),
        noise_variance=model.noise * unbiased,
        num_samples=sums.rows,
    )
