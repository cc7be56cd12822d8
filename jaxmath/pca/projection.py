"""Data in the coordinates of its principal components, and back."""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_matrix, product, reciprocal, root, wide
from jaxmath.pca.estimate import PCA, MissingPCA


def transform(p: PCA | MissingPCA, x: Num[ArrayLike, "m d"], *, whiten: bool = False) -> Float[Array, "m k"]:
    r"""Coordinates of rows along the components: $z = V (x - \bar x)$.

    Args:
      p: a fit with k components.
      x: data, shape ``(m, d)``.
      whiten: divide each coordinate by its standard deviation, $z_j / \sqrt{\lambda_j}$, so that the data of the fit
        has the identity as its covariance.

    Returns:
      Coordinates, shape ``(m, k)``. A NaN in a row makes that row NaN. A component of variance 0, which a fit writes
      where its solver sees nothing but rounding, has no whitened coordinate: 0 stands in its place.

    Raises:
      TypeError: for complex or non-numeric data.
      ValueError: if x does not have d columns.

    Example:
      >>> from jaxmath import pca
      >>> x = jnp.array([[0.0, 0.0], [3.0, 4.0]])
      >>> print(pca.transform(pca.fit(x, 1), x))
      [[-2.5]
       [ 2.5]]

    Reference: section 4.3.2.
    """
    p, x, dtype = as_rows("pca.transform", p, x, p.mean.shape[0])
    z = product(x - p.mean, p.components.T)
    return (z * reciprocal(root(p.explained_variance)) if whiten else z).astype(dtype)


def inverse_transform(p: PCA | MissingPCA, z: Num[ArrayLike, "m k"], *, whiten: bool = False) -> Float[Array, "m d"]:
    r"""Points from their coordinates along the components: $x = \bar x + V^T z$.

    Args:
      p: a fit with k components.
      z: coordinates, shape ``(m, k)``, as :func:`transform` returns them.
      whiten: the coordinates are whitened ones.

    Returns:
      Points, shape ``(m, d)``: of transformed data its reconstruction, the nearest points of the fitted plane.

    Raises:
      TypeError: for complex or non-numeric coordinates.
      ValueError: if z does not have k columns.
    """
    p, z, dtype = as_rows("pca.inverse_transform", p, z, p.components.shape[0])
    z = z * root(p.explained_variance) if whiten else z
    return (p.mean + product(z, p.components)).astype(dtype)


def reconstruction_error(p: PCA | MissingPCA, x: Num[ArrayLike, "m d"]) -> Float[Array, ""]:
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
    p, x, dtype = as_rows("pca.reconstruction_error", p, x, p.mean.shape[0])
    return root(jnp.mean((x - inverse_transform(p, transform(p, x))) ** 2)).astype(dtype)


def projector(p: PCA | MissingPCA) -> Float[Array, "d d"]:
    r"""The orthogonal projection onto the span of the components: $V^T V$.

    Unlike the components it is unique wherever there is a gap at the cut, $\lambda_k > \lambda_{k+1}$, and has a
    derivative there.

    Args:
      p: a fit with k components.

    Returns:
      The projection, shape ``(d, d)``, symmetric, of rank k.

    Example:
      >>> from jaxmath import pca
      >>> print(pca.projector(pca.fit(jnp.array([[0.0, 0.0], [0.0, 2.0]]), 1)))
      [[0. 0.]
       [0. 1.]]
    """
    v = wide(p.components)
    return product(v.T, v).astype(p.components.dtype)


def as_rows(name: str, p: PCA | MissingPCA, x: ArrayLike, columns: int) -> tuple[PCA, Array, jnp.dtype]:
    """A fit and rows with so many columns, in float32 or wider, and the type of the result."""
    x = as_matrix(name, x)
    if x.shape[1] != columns:
        raise ValueError(f"{name}: expected {columns} columns, as the fit has, got shape {x.shape}")
    return PCA(*map(wide, p[: len(PCA._fields)])), wide(x), jnp.promote_types(x.dtype, p.mean.dtype)
