r"""Eigenvalues of a general matrix, and what is built on them: $A = S \Lambda S^{-1}$ and the powers of A.

The decomposition runs where JAX has one, which is on CPU and GPU, and by a callback to the host on a TPU.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float, Num

from jaxmath._array import all_or_nan, as_square, wide
from jaxmath.linalg import systems
from jaxmath.linalg.systems import multiply


class Eigen(NamedTuple):
    r"""Eigenvalues and unit eigenvectors (columns) of a matrix, $A v_i = \lambda_i v_i$, in no particular order.

    Of every eigenvector the first entry of about the largest size is real and positive.
    """

    eigenvalues: Complex[Array, " d"]
    eigenvectors: Complex[Array, "d d"]


class Diagonalization(NamedTuple):
    r"""The factors of $A = S \Lambda S^{-1}$.

    Attributes:
      eigenvectors: $S$, unit eigenvectors as columns.
      eigenvalues: the diagonal of $\Lambda$.
      inverse: $S^{-1}$; NaN if A is defective.
      condition: $\|S\|_1 \|S^{-1}\|_1$; inf if A is defective.
    """

    eigenvectors: Complex[Array, "d d"]
    eigenvalues: Complex[Array, " d"]
    inverse: Complex[Array, "d d"]
    condition: Float[Array, ""]


def eig(a: Num[ArrayLike, "d d"]) -> Eigen:
    r"""Eigenvalues and eigenvectors of a square matrix, $A v_i = \lambda_i v_i$.

    Args:
      a: a real square matrix, symmetric or not, shape ``(d, d)``.

    Returns:
      Complex eigenvalues and unit eigenvectors as columns, complex even where all are real.

    Raises:
      TypeError: for a complex or non-numeric matrix.
      ValueError: if it is not square, or empty.

    Note:
      A NaN or an infinity makes everything NaN. Eigenvalues and eigenvectors have exact derivatives where the
      eigenvalue is apart from all others; at equal eigenvalues those of the eigenvectors are NaN, and of the
      eigenvalues only sums over the whole group have a derivative. Those of a defective matrix are NaN.

    Example:
      >>> print(eig(jnp.array([[2.0, 0.0], [0.0, 3.0]])).eigenvalues)
      [2.+0.j 3.+0.j]

    Reference: section 2.13.
    """
    return _eigen(as_square("linalg.eig", a))


def diagonalize(a: Num[ArrayLike, "d d"]) -> Diagonalization:
    r"""The factors of $A = S \Lambda S^{-1}$, and how far to trust them.

    Args:
      a: a real square matrix, shape ``(d, d)``.

    Returns:
      The factors, complex, and the condition of the eigenvectors: what rounding in A is multiplied by in $\Lambda$.

    Raises:
      TypeError: for a complex or non-numeric matrix.
      ValueError: if it is not square, or empty.

    Note:
      A defective matrix has too few eigenvectors. Rounding splits its equal eigenvalues by about $\sqrt\epsilon$, so
      one whose eigenvectors have a condition above $0.1 / \sqrt\epsilon$ cannot be told from a defective one: its
      condition is inf and its inverse NaN. A NaN or an infinity makes everything NaN. Derivatives as of :func:`eig`.

    Example:
      >>> print(diagonalize(jnp.array([[1.0, 1.0], [0.0, 1.0]])).condition)
      inf

    Reference: section 2.15.
    """
    return _diagonalize(as_square("linalg.diagonalize", a))


def matrix_power(a: Num[ArrayLike, "d d"], p: int | float) -> Float[Array, "d d"]:
    r"""The power $A^p$ of a square matrix.

    For a whole number p by repeated squaring, of $A^{-1}$ if p is negative. For other p through the eigenvalues,
    $A^p = S \Lambda^p S^{-1}$, with the principal value of each $\lambda_i^p$.

    Args:
      a: a real square matrix, shape ``(d, d)``.
      p: the power, static; a float that is a whole number counts as one.

    Returns:
      The power, of the type of ``a``.

    Raises:
      TypeError: for a complex or non-numeric matrix, or a power that is traced or no real number.
      ValueError: if the matrix is not square or empty, or the power NaN or infinite.

    Note:
      NaN where the power does not exist as a real matrix by this definition: negative p and a singular matrix,
      fractional p and a negative eigenvalue or a defective matrix. An eigenvalue lost in rounding counts as 0. A NaN
      or an infinity in the matrix gives NaN. The derivative is exact at equal eigenvalues too; there the second one of
      a fractional power is NaN.

    Example:
      >>> print(matrix_power(jnp.array([[1.0, 1.0], [1.0, 2.0]]), 3))
      [[ 5.  8.]
       [ 8. 13.]]

    Reference: section 2.15.
    """
    name = "linalg.matrix_power"
    a = as_square(name, a)
    return _matrix_power(a, _as_power(name, p))


@jax.jit
def _eigen(a: Array) -> Eigen:
    return Eigen(*_eig(all_or_nan(wide(a))))


@jax.jit
def _diagonalize(a: Array) -> Diagonalization:
    values, vectors = _eig(all_or_nan(wide(a)))
    inverse, condition = _inverse_of_vectors(vectors)
    return Diagonalization(vectors, values, inverse, condition.astype(a.dtype))


@functools.partial(jax.jit, static_argnames="p")
def _matrix_power(a: Array, p: int | float) -> Array:
    x = all_or_nan(wide(a))
    if isinstance(p, float):
        return _fractional_power(x, p).astype(a.dtype)
    if p == 0:
        return jnp.where(jnp.isfinite(x).all(), jnp.eye(len(a), dtype=a.dtype), jnp.nan)
    if p < 0:
        x = systems.inverse(x).inverse
    return _repeated_squaring(x, abs(p)).astype(a.dtype)


def _repeated_squaring(a: Array, p: int) -> Array:
    if p == 1:
        return a
    half = _repeated_squaring(multiply(a, a), p // 2)
    return multiply(half, a) if p % 2 else half


@jax.custom_jvp
def _eig(a: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of a matrix of numbers or of NaN; LAPACK gives the vectors length 1."""
    values, vectors = jax.lax.platform_dependent(a, tpu=_eig_on_host, default=_eig_on_device)
    pivot = _entries(vectors, _pivot_rows(vectors))
    return values, vectors * (jnp.conj(pivot) / jnp.abs(pivot))


@_eig.defjvp
def _eig_jvp(primals, tangents):
    r"""With $M = S^{-1} \dot A S$: $\dot\lambda_i = M_{ii}$ and $\dot s_j = \sum_i s_i M_{ij}/(\lambda_j - \lambda_i)$.

    What moves along $s_j$ itself, the term i = j too, is taken back, so that length 1 and a real pivot remain.
    """
    (a,), (da,) = primals, tangents
    values, vectors = _eig(a)
    inverse, _ = _inverse_of_vectors(vectors)
    inner = multiply(inverse, multiply(da.astype(vectors.dtype), vectors))
    gap = values[None, :] - values[:, None]
    itself = jnp.eye(len(a), dtype=bool)
    apart = jnp.where(jnp.abs(gap) > _resolution(values), gap, jnp.nan)
    turned = multiply(vectors, inner / jnp.where(itself, 1, apart))
    along = jnp.sum(jnp.conj(vectors) * turned, axis=0).real
    rows = _pivot_rows(vectors)
    phase = _entries(turned, rows).imag / _entries(vectors, rows).real
    return (values, vectors), (jnp.diagonal(inner), turned - vectors * jax.lax.complex(along, phase))


def _eig_on_device(a: Array) -> tuple[Array, Array]:
    values, vectors = jnp.linalg.eig(a)
    return values, vectors


def _eig_on_host(a: Array) -> tuple[Array, Array]:
    dtype = jnp.result_type(a.dtype, jnp.complex64)
    shapes = jax.ShapeDtypeStruct(a.shape[:1], dtype), jax.ShapeDtypeStruct(a.shape, dtype)
    return jax.pure_callback(_numpy_eig, shapes, a, vmap_method="expand_dims")


def _numpy_eig(a: Any) -> tuple[np.ndarray, np.ndarray]:
    """NumPy's, for one matrix or a batch, that answers NaN instead of raising."""
    a = np.asarray(a)
    usable = np.isfinite(a).all(axis=(-2, -1))
    values, vectors = np.linalg.eig(np.where(usable[..., None, None], a, 0))
    dtype = np.result_type(a.dtype, np.complex64)
    values, vectors = values.astype(dtype), vectors.astype(dtype)
    values[~usable], vectors[~usable] = np.nan, np.nan
    return values, vectors


def _pivot_rows(vectors: Array) -> Array:
    """Of every column the row of its first entry of about the largest size, shape (1, d)."""
    size = jnp.abs(vectors)
    return jnp.argmax(size >= (1 - 1e-3) * size.max(axis=0), axis=0, keepdims=True)


def _entries(matrix: Array, rows: Array) -> Array:
    """One entry of every column."""
    return jnp.take_along_axis(matrix, rows, axis=0).squeeze(axis=0)


def _inverse_of_vectors(vectors: Array) -> tuple[Array, Array]:
    """The inverse of an eigenvector matrix and its condition: NaN and inf if it cannot be told from a defective one."""
    return systems.inverse_and_condition(vectors, 0.1 / jnp.finfo(vectors.dtype).eps ** 0.5)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _fractional_power(a: Array, p: float) -> Array:
    vectors, powers, inverse, _ = _power_factors(a, p)
    return _back(vectors, jnp.diag(powers), inverse)


@_fractional_power.defjvp
def _fractional_power_jvp(p, primals, tangents):
    r"""$S (D \circ S^{-1} \dot A S) S^{-1}$ with $D_{ij} = (\lambda_i^p - \lambda_j^p) / (\lambda_i - \lambda_j)$.

    Where the two are close that quotient is the derivative half way (Daleckii and Krein, 1965).
    """
    (a,), (da,) = primals, tangents
    vectors, powers, inverse, values = _power_factors(a, p)
    gap, middle = values[:, None] - values, (values[:, None] + values) / 2
    close = jnp.abs(gap) <= jnp.finfo(a.dtype).eps ** (1 / 3) * jnp.abs(middle)
    quotient = (powers[:, None] - powers) / jnp.where(close, 1, gap)
    inner = multiply(inverse, multiply(da.astype(vectors.dtype), vectors))
    weighted = jnp.where(close, p * middle ** (p - 1), quotient) * inner
    return _back(vectors, jnp.diag(powers), inverse), _back(vectors, weighted, inverse)


def _back(vectors: Array, inner: Array, inverse: Array) -> Array:
    """A real matrix from what it is in the basis of the eigenvectors."""
    return multiply(multiply(vectors, inner), inverse).real


def _power_factors(a: Array, p: float) -> tuple[Array, Array, Array, Array]:
    """S, the powers of the eigenvalues, S^-1, and the eigenvalues; NaN where a power is not real or not finite."""
    values, vectors = _eig(a)
    inverse, _ = _inverse_of_vectors(vectors)
    lost = jnp.abs(values) <= _resolution(values)
    negative = ~lost & (values.real < 0) & (jnp.abs(values.imag) <= _resolution(values))
    powers = jnp.where(lost, 0.0 if p > 0 else jnp.nan, jnp.where(lost, 1, values) ** p)
    return vectors, jnp.where(negative, jnp.nan, powers), inverse, jnp.where(lost, 0, values)


def _resolution(values: Array) -> Array:
    """Eigenvalues nearer than this cannot be told apart, or from 0."""
    return 8 * len(values) * jnp.finfo(values.dtype).eps * jnp.abs(values).max()


def _as_power(name: str, p: Any) -> int | float:
    if isinstance(p, Tracer):
        raise TypeError(f"{name}: p must be static; close over it: jax.jit(lambda a: {name}(a, ...))")
    if isinstance(p, (bool, np.bool_)) or not isinstance(p, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: p must be a real number, got {p!r}")
    if not np.isfinite(p):
        raise ValueError(f"{name}: p must be finite, got {p!r}")
    return int(p) if p == int(p) else float(p)
