"""Principal component analysis."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath import moments
from jaxmath._array import as_matrix, as_size, as_weights, narrow, one_of, product, root, wide
from jaxmath._spectral import leading_eigh, leading_svd
from jaxmath.moments import Moments


class PCA(NamedTuple):
    r"""The k directions in which data varies most.

    Attributes:
      mean: $\bar x$.
      components: orthonormal rows $v_1, \dots, v_k$; each has its first entry of about the largest size positive.
      explained_variance: $\lambda_1 \ge \dots \ge \lambda_k$, the variance along each component, with n - 1.
      explained_variance_ratio: $\lambda_j$ over the total variance; NaN if the data has none.
      singular_values: $\sqrt{(n - 1) \lambda_j}$, those of the centred data.
      noise_variance: mean of the $d - k$ variances left out, 0 if none is: the noise of probabilistic PCA.
      num_samples: n, or the sum of the weights.
    """

    mean: Float[Array, " d"]
    components: Float[Array, "k d"]
    explained_variance: Float[Array, " k"]
    explained_variance_ratio: Float[Array, " k"]
    singular_values: Float[Array, " k"]
    noise_variance: Float[Array, ""]
    num_samples: Float[Array, ""]


def fit(
    x: Num[ArrayLike, "n d"],
    num_components: int | None = None,
    *,
    solver: str = "auto",
    weights: Num[ArrayLike, " n"] | None = None,
    chunk_size: int | None = None,
) -> PCA:
    r"""Finds the directions of largest variance.

    The components are the first k eigenvectors of the covariance $C = \frac{1}{n-1} \sum_i (x_i - \bar x)(x_i - \bar
    x)^T$, equally the first k right singular vectors of the centred data. Among all k-dimensional planes theirs has
    the smallest mean squared distance to the data.

    Args:
      x: data, shape ``(n, d)``.
      num_components: k, static, in 1..min(n, d); None keeps them all.
      solver: ``"eigh"`` decomposes the covariance, which one pass over chunks of the data gives; ``"svd"`` decomposes
        the centred data, which needs a copy of it but no d x d matrix and keeps the digits of small variances;
        ``"auto"`` is ``"svd"`` where d > n and ``"eigh"`` elsewhere.
      weights: how often each row counts, shape ``(n,)``; weight 2 is the row twice. None counts each once.
      chunk_size: rows in a chunk of ``"eigh"``, as in :func:`jaxmath.reduce.over`.

    Returns:
      The fit, in the type of the data; float16 and bfloat16 are computed in float32, in which ``num_samples`` stays.

    Raises:
      TypeError: for complex or non-numeric data, or a traced or fractional ``num_components``.
      ValueError: if the data is not ``(n, d)`` or empty, k is out of range, the solver is unknown, or the weights are
        not ``(n,)``.

    Note:
      A NaN or an infinity in a row that counts makes components and variances NaN; so do a negative weight and a
      single row, whose variance is undefined. Components of equal variance are determined only up to a rotation among
      themselves. Gradients are exact for the plane, the reconstruction and sums over whole groups of equal variances
      wherever variance k exceeds variance k + 1; where these two are equal the plane has no derivative, and what is
      returned is finite. With ``"svd"`` the derivative with respect to a weight of exactly 0 is NaN.

    Example:
      >>> fitted = fit(jnp.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]), 1)
      >>> print(fitted.explained_variance)
      [5.]

    Reference: sections 4.3 and 4.4; Tipping and Bishop (1999) for the noise variance.
    """
    x = as_matrix("pca.fit", x)
    limit = min(x.shape)
    k = limit if num_components is None else as_size("pca.fit", "num_components", num_components, limit, "min(n, d)")
    weights = None if weights is None else as_weights("pca.fit", weights, x.shape[0])
    solver = one_of("pca.fit", "solver", solver, ("auto", "eigh", "svd"))
    if solver == "svd" or (solver == "auto" and x.shape[1] > x.shape[0]):
        result = _fit_svd(wide(x), weights, k)
    else:
        result = from_moments(moments.of(x, weights=weights, chunk_size=chunk_size), k)
    return narrow(result, x.dtype)._replace(num_samples=result.num_samples)


def from_moments(data: Moments, num_components: int | None = None) -> PCA:
    """The fit from the moments of the data alone: of a stream, of merged parts, of an earlier pass.

    Args:
      data: moments, as :func:`jaxmath.moments.of` or ``of_batches`` return them.
      num_components: k, static, in 1..d; None keeps all d.

    Returns:
      The fit, equal to :func:`fit` of the rows with ``solver="eigh"`` and the same k.

    Raises:
      TypeError: for a traced or fractional ``num_components``.
      ValueError: if k is out of range.

    Note:
      Components beyond the rank of the data have variance 0 and an arbitrary direction. A count that does not exceed
      1 gives NaN.

    Example:
      >>> print(from_moments(moments.of_batches([jnp.zeros((1, 1)), jnp.full((1, 1), 2.0)])).explained_variance)
      [2.]
    """
    dims = data.mean.shape[0]
    k = dims if num_components is None else as_size("pca.from_moments", "num_components", num_components, dims, "d")
    values, vectors = leading_eigh(moments.covariance(data), k)
    return _assemble(data.count, data.mean, values, vectors)


def transform(p: PCA, x: Num[ArrayLike, "m d"]) -> Float[Array, "m k"]:
    r"""Coordinates of rows along the components: $z = V (x - \bar x)$.

    Args:
      p: a fit with k components.
      x: data, shape ``(m, d)``.

    Returns:
      Coordinates, shape ``(m, k)``. A NaN in a row makes that row NaN.

    Raises:
      TypeError: for complex or non-numeric data.
      ValueError: if x does not have d columns.
    """
    p, x, dtype = _wide("pca.transform", p, x, p.mean.shape[0])
    return product(x - p.mean, p.components.T).astype(dtype)


def inverse_transform(p: PCA, z: Num[ArrayLike, "m k"]) -> Float[Array, "m d"]:
    r"""Points from their coordinates along the components: $x = \bar x + V^T z$.

    Args:
      p: a fit with k components.
      z: coordinates, shape ``(m, k)``, as :func:`transform` returns them.

    Returns:
      Points, shape ``(m, d)``: of transformed data its reconstruction, the nearest points of the fitted plane.

    Raises:
      TypeError: for complex or non-numeric coordinates.
      ValueError: if z does not have k columns.
    """
    p, z, dtype = _wide("pca.inverse_transform", p, z, p.components.shape[0])
    return (p.mean + product(z, p.components)).astype(dtype)


def reconstruction_error(p: PCA, x: Num[ArrayLike, "m d"]) -> Float[Array, ""]:
    r"""What the components lose of the data: $\sqrt{\frac{1}{md} \sum_{ij} (x_{ij} - \hat x_{ij})^2}$.

    The root mean square over all entries between data and its reconstruction $\hat x = \bar x + V^T V (x - \bar x)$.
    On the data of the fit its square is $\frac{n - 1}{n d}$ times the sum of the variances left out.

    Args:
      p: a fit.
      x: data, shape ``(m, d)``.

    Returns:
      The error, in the units of the data. NaN if x holds a NaN. Its gradient is 0 where the error is exactly 0.

    Raises:
      TypeError: for complex or non-numeric data.
      ValueError: if x does not have d columns.

    Reference: section 4.3.2, "information loss".
    """
    p, x, dtype = _wide("pca.reconstruction_error", p, x, p.mean.shape[0])
    return root(jnp.mean((x - inverse_transform(p, transform(p, x))) ** 2)).astype(dtype)


def _fit_svd(x: Array, weights: Array | None, k: int) -> PCA:
    weights = jnp.ones(x.shape[0], x.dtype) if weights is None else weights.astype(x.dtype)
    x = jnp.where(weights[:, None] != 0, x, 0)
    count = weights.sum()
    mean = product(weights, x) / count
    mean += product(weights, x - mean) / count  # what rounding left in a mean far from 0
    values, vectors = leading_svd((x - mean) * jnp.sqrt(weights / (count - 1))[:, None], k)
    return _assemble(count, mean, values, vectors)


def _assemble(count: Array, mean: Array, values: Array, vectors: Array) -> PCA:
    """A fit from all eigenvalues of the covariance that are not 0 and its first k eigenvectors, as columns."""
    dims, k = vectors.shape
    return PCA(
        mean=mean,
        components=vectors.T,
        explained_variance=values[:k],
        explained_variance_ratio=values[:k] / values.sum(),
        singular_values=root(values[:k] * (count - 1)),
        noise_variance=values[k:].sum() / max(dims - k, 1),
        num_samples=count,
    )


def _wide(name: str, p: PCA, x: ArrayLike, columns: int) -> tuple[PCA, Array, jnp.dtype]:
    """A fit and rows with so many columns, in float32 or wider, and the type of the result."""
    x = as_matrix(name, x)
    if x.shape[1] != columns:
        raise ValueError(f"{name}: expected {columns} columns, as the fit has, got shape {x.shape}")
    return jax.tree.map(wide, p), wide(x), jnp.promote_types(x.dtype, p.mean.dtype)
