"""Data in the coordinates of its principal components, and back."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, as_matrix, product, reciprocal, root, wide
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
      TypeError: for complex or non-numeric data, and for an object that is no PCA.
      ValueError: if x does not have d columns.

    Example:
      >>> from jaxmath import pca
      >>> x = jnp.array([[0.0, 0.0], [3.0, 4.0]])
      >>> print(pca.transform(pca.fit(x, 1), x))
      [[-2.5]
       [ 2.5]]

    Reference: section 4.3.2.
    """
    p, x, dtype = as_rows("pca.transform", p, x)
    return _transform(p, x, bool(whiten)).astype(dtype)


@partial(jax.jit, static_argnames="whiten")
def _transform(p: PCA, x: Array, whiten: bool) -> Array:
    z = product(x - p.mean, p.components.T)
    return z * reciprocal(root(p.explained_variance)) if whiten else z


def inverse_transform(p: PCA | MissingPCA, z: Num[ArrayLike, "m k"], *, whiten: bool = False) -> Float[Array, "m d"]:
    r"""Points from their coordinates along the components: $x = \bar x + V^T z$.

    Args:
      p: a fit with k components.
      z: coordinates, shape ``(m, k)``, as :func:`transform` returns them.
      whiten: the coordinates are whitened ones.

    Returns:
      Points, shape ``(m, d)``: of transformed data its reconstruction, the nearest points of the fitted plane.

    Raises:
      TypeError: for complex or non-numeric coordinates, and for an object that is no PCA.
      ValueError: if z does not have k columns.
    """
    p, z, dtype = as_rows("pca.inverse_transform", p, z, coordinates=True)
    return _inverse_transform(p, z, bool(whiten)).astype(dtype)


@partial(jax.jit, static_argnames="whiten")
def _inverse_transform(p: PCA, z: Array, whiten: bool) -> Array:
    z = z * root(p.explained_variance) if whiten else z
    return p.mean + product(z, p.components)


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
      TypeError: for complex or non-numeric data, and for an object that is no PCA.
      ValueError: if x does not have d columns.

    Reference: section 4.3.2, "information loss".
    """
    p, x, dtype = as_rows("pca.reconstruction_error", p, x)
    return _reconstruction_error(p, x).astype(dtype)


@jax.jit
def _reconstruction_error(p: PCA, x: Array) -> Array:
    z = product(x - p.mean, p.components.T)
    return root(jnp.mean((x - (p.mean + product(z, p.components))) ** 2))


def projector(p: PCA | MissingPCA) -> Float[Array, "d d"]:
    r"""The orthogonal projection onto the span of the components: $V^T V$.

    Unlike the components it is unique wherever there is a gap at the cut, $\lambda_k > \lambda_{k+1}$, and has a
    derivative there.

    Args:
      p: a fit with k components.

    Returns:
      The projection, shape ``(d, d)``, symmetric, of rank k.

    Raises:
      TypeError: for an object that is no PCA.

    Example:
      >>> from jaxmath import pca
      >>> print(pca.projector(pca.fit(jnp.array([[0.0, 0.0], [0.0, 2.0]]), 1)))
      [[0. 0.]
       [0. 1.]]
    """
    p, dtype = typed("pca.projector", p)
    return _projector(p.components).astype(dtype)


@jax.jit
def _projector(components: Array) -> Array:
    return product(components.T, components)


def as_rows(name: str, p: PCA | MissingPCA, x: ArrayLike, *, coordinates: bool = False) -> tuple[PCA, Array, jnp.dtype]:
    """A fit and rows of data, or of coordinates, in float32 or wider, and the type of the result."""
    (p, dtype), x = typed(name, p), as_matrix(name, x)
    columns = p.components.shape[0 if coordinates else 1]
    if x.shape[1] != columns:
        raise ValueError(f"{name}: expected {columns} columns, as the fit has, got shape {x.shape}")
    return p, wide(x), jnp.promote_types(x.dtype, dtype)


def typed(name: str, p: PCA | MissingPCA) -> tuple[PCA, jnp.dtype]:
    """A fit in float32 or wider, and the type of a result: that of its mean, the default float for integers."""
    if not isinstance(p, PCA | MissingPCA):
        raise TypeError(f"{name}: expected a fit of jaxmath.pca, got {type(p).__name__}")
    fields = [as_float(name, a) for a in p[: len(PCA._fields)]]
    return PCA(*map(wide, fields)), fields[PCA._fields.index("mean")].dtype
