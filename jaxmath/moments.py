"""Count, mean and scatter of data: the sufficient statistics of everything Gaussian."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath import reduce
from jaxmath._array import (
    as_float,
    as_matrix,
    as_weights,
    degrees_of_freedom,
    product,
    wide,
    without_negative_diagonal,
)
from jaxmath._stream import as_batch, even_pieces


class Moments(NamedTuple):
    r"""Weighted moments of rows $x_i$ with weights $w_i$, in float32 or wider.

    Attributes:
      count: $\sum_i w_i$.
      mean: $\bar x = \sum_i w_i x_i / \sum_i w_i$; zeros where nothing was counted.
      scatter: $\sum_i w_i (x_i - \bar x)(x_i - \bar x)^T$.
    """

    count: Float[Array, ""]
    mean: Float[Array, " d"]
    scatter: Float[Array, "d d"]


def of(
    x: Num[ArrayLike, "n d"], *, weights: Num[ArrayLike, " n"] | None = None, chunk_size: int | None = None
) -> Moments:
    """Count, mean and scatter of all rows in one pass.

    The mean of a few rows is subtracted from all of them before anything is squared, weighted rows are also centred
    at the mean of their chunk, and chunks are merged by :func:`merge`. So nothing large cancels: in float32, data with
    mean 1e4 and variance 1 keeps six digits of its covariance.

    Args:
      x: data, shape ``(n, d)``. What is masked in a NumPy masked array is NaN.
      weights: how often each row counts, shape ``(n,)``; None counts each once. They are counts: a covariance divides
        by their sum less 1, and is NaN for weights that sum to 1.
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`.

    Returns:
      The moments. float16 and bfloat16 are computed and returned as float32, since sums of squares overflow them.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the data is not ``(n, d)``, is empty, or the weights are not ``(n,)``; for integers that the
        floating type would round, whose differences would be lost (but not while tracing).

    Note:
      A NaN or an infinity in a row that counts leaves no finite number in the mean and scatter of its column; a
      negative or NaN weight makes every field NaN; weight 0 leaves a row out, whatever it holds.

    Example:
      >>> print(of(jnp.array([[1.0, 0.0], [3.0, 0.0]])).scatter)
      [[2. 0.]
       [0. 0.]]

    Reference: Chan, Golub and LeVeque (1983); section 4.3.
    """
    x = as_matrix("moments.of", x)
    weights = None if weights is None else as_weights("moments.of", weights, x.shape[0])
    shift = reduce.typical_row(x, weights)
    statistics = _statistics if weights is None else _weighted_statistics
    return _unshift(reduce.over(Partial(statistics, shift), x, weights=weights, chunk_size=chunk_size), shift)


def of_batches(batches: Iterable[Num[ArrayLike, "_ d"]], *, weights: Iterable[ArrayLike] | None = None) -> Moments:
    """Count, mean and scatter of a stream of batches, as :func:`of` of their concatenation.

    Args:
      batches: an iterable of arrays of shape ``(m, d)``, ragged in m or not.
      weights: an iterable of weights, shape ``(m,)`` a batch; None counts each row once.

    Returns:
      The moments of all rows.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if there is no row at all, a batch is not ``(m, d)``, or batches and weights do not match.

    Example:
      >>> print(of_batches(jnp.full((2, 1), float(i)) for i in range(3)).scatter)
      [[4.]]
    """
    name = "moments.of_batches"
    return _of_pieces(name, even_pieces(name, (as_batch(name, batch) for batch in batches), weights))


def merge(a: Moments, b: Moments) -> Moments:
    r"""The moments of two sets of rows together.

    With $n = n_a + n_b$ and $\delta = \bar x_b - \bar x_a$ the mean is $\bar x_a + \delta n_b / n$ and the scatter
    $S_a + S_b + \delta \delta^T n_a n_b / n$. Moments of count 0 change nothing.

    Args:
      a: moments of some rows.
      b: moments of other rows, with as many columns.

    Returns:
      The moments of all those rows.

    Raises:
      ValueError: if the two differ in their number of columns.

    Example:
      >>> parts = of(jnp.array([[0.0]])), of(jnp.array([[2.0]]))
      >>> print(merge(*parts).scatter)
      [[2.]]

    Reference: Chan, Golub and LeVeque (1983), equation 2.1.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"moments.merge: expected equally many columns, got {a.mean.shape} and {b.mean.shape}")
    return _merged(a, b)


@jax.jit
def _merged(a: Moments, b: Moments) -> Moments:
    count = a.count + b.count
    share = b.count / _nonzero(count)
    delta = b.mean - a.mean
    scatter = a.scatter + b.scatter + a.count * share * jnp.outer(delta, delta)
    return Moments(count, a.mean + share * delta, scatter)


reduce.merge.register(Moments, merge)


def covariance(moments: Moments, *, ddof: ArrayLike = 1) -> Float[Array, "d d"]:
    r"""The covariance $S / (\sum_i w_i - \mathrm{ddof})$.

    Args:
      moments: moments of the data.
      ddof: what is taken from the count: 1 for the unbiased estimate, 0 for the maximum-likelihood one.

    Returns:
      The covariance, shape ``(d, d)``.

    Raises:
      TypeError: for an object that is no Moments.

    Note:
      NaN where the count does not exceed ``ddof`` by more than its rounding: one row with ``ddof = 1``, or weights that
      sum to 1. Weights are counts; for those that are shares take ``ddof = 0``.

    Example:
      >>> print(covariance(of(jnp.array([[1.0], [3.0]]))))
      [[2.]]
    """
    moments = _as_moments("moments.covariance", moments)
    return _covariance(moments, ddof)


@jax.jit
def _covariance(moments: Moments, ddof: ArrayLike) -> Array:
    return moments.scatter / degrees_of_freedom(moments.count, ddof)


def _as_moments(name: str, moments: Moments) -> Moments:
    if not isinstance(moments, Moments):
        raise TypeError(f"{name}: expected moments, as moments.of(x) gives them, got {type(moments).__name__}")
    return Moments(*(as_float(name, a) for a in moments))


def _of_pieces(name: str, pieces: Iterator[tuple[Any, Any]]) -> Moments:
    first = next(pieces, None)
    if first is None:
        raise ValueError(f"{name}: expected at least one row, got an empty iterable")
    shift = reduce.typical_row(as_float(name, first[0]), as_weights(name, first[1], len(first[1])))
    pieces = itertools.chain([first], pieces)
    return _unshift(reduce._over_pieces(name, Partial(_weighted_statistics, shift), pieces), shift)


def _statistics(shift: Array, rows: Array, weights: Array) -> Moments:
    """The moments of one chunk of rows that all count, but for what pads it, about a point near all data."""
    return _about(jnp.zeros_like(shift), wide(rows) - shift, weights)


def _weighted_statistics(shift: Array, rows: Array, weights: Array) -> Moments:
    """As above about the chunk's own mean: the point may be far from the few rows that count."""
    rows = wide(rows) - shift
    return _about(product(weights, rows) / _nonzero(weights.sum()), rows, weights)


def _about(centre: Array, rows: Array, weights: Array) -> Moments:
    """The moments of rows by their deviations from a point near their mean; zeros where nothing counts."""
    rows = rows - centre
    weighted, count = rows * weights[:, None], weights.sum()
    offset = weighted.sum(axis=0) / _nonzero(count)
    scatter = product(weighted.T, rows) - count * jnp.outer(offset, offset)
    return Moments(count, centre + offset, without_negative_diagonal(scatter))


def _nonzero(count: Array) -> Array:
    return jnp.where(count == 0, 1, count)


@jax.jit
def _unshift(moments: Moments, shift: Array) -> Moments:
    return moments._replace(mean=jnp.where(moments.count == 0, 0, moments.mean + shift))
