"""The fit of principal components."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Num

from jaxmath import moments
from jaxmath._array import (
    as_key,
    as_matrix,
    as_size,
    as_weights,
    degrees_of_freedom,
    narrow,
    one_of,
    product,
    root,
    wide,
)
from jaxmath._spectral import (
    SPARE,
    Leading,
    leading_covariance,
    leading_gram,
    leading_randomized,
    leading_svd,
    told_apart,
)
from jaxmath._stream import as_batch, even_pieces
from jaxmath.moments import Moments
from jaxmath.pca import choice


class PCA(NamedTuple):
    r"""The k directions in which data varies most.

    Attributes:
      mean: $\bar x$.
      components: orthonormal rows $v_1, \dots, v_k$; each has its first entry of about the largest size positive.
      explained_variance: $\lambda_1 \ge \dots \ge \lambda_k$, the variance along each component, with n - 1.
      explained_variance_ratio: $\lambda_j$ over the total variance; NaN if the data has none.
      singular_values: $\sqrt{(n - 1) \lambda_j}$, those of the centred data.
      noise_variance: mean of the $d - k$ variances left out, 0 if none is: the noise of probabilistic PCA.
      num_samples: n, or the sum of the weights. The variances, but not their ratios, are NaN unless it exceeds 1 by
        more than its rounding.
    """

    mean: Float[Array, " d"]
    components: Float[Array, "k d"]
    explained_variance: Float[Array, " k"]
    explained_variance_ratio: Float[Array, " k"]
    singular_values: Float[Array, " k"]
    noise_variance: Float[Array, ""]
    num_samples: Float[Array, ""]


class MissingPCA(NamedTuple):
    """The fields of :class:`PCA`, so that it serves wherever a fit does, and how it was reached.

    Attributes:
      log_likelihood: mean log-density of a row's seen cells under this fit, in nats.
      num_steps: steps made.
      converged: whether the log-likelihood came to rest; never true with a NaN.
    """

    mean: Float[Array, " d"]
    components: Float[Array, "k d"]
    explained_variance: Float[Array, " k"]
    explained_variance_ratio: Float[Array, " k"]
    singular_values: Float[Array, " k"]
    noise_variance: Float[Array, ""]
    num_samples: Float[Array, ""]
    log_likelihood: Float[Array, ""]
    num_steps: Int[Array, ""]
    converged: Bool[Array, ""]


def fit(
    x: Num[ArrayLike, "n d"],
    num_components: int | float | str | None = None,
    *,
    solver: str = "auto",
    weights: Num[ArrayLike, " n"] | None = None,
    key: Array | None = None,
    chunk_size: int | None = None,
) -> PCA:
    r"""Finds the directions of largest variance.

    The components are the first k eigenvectors of the covariance $C = \frac{1}{n-1} \sum_i (x_i - \bar x)(x_i - \bar
    x)^T$, equally the first k right singular vectors of the centred data. Among all k-dimensional planes theirs has
    the smallest mean squared distance to the data. The solvers find them in different ways:

    - ``"eigh"`` decomposes the covariance, which one pass over chunks gives; few components of many columns by subspace
      iteration. ``"auto"`` takes it where d <= n.
    - ``"gram"`` decomposes the n x n products of centred rows. ``"auto"`` takes it where d > n.
    - ``"svd"`` decomposes the centred data.
    - ``"randomized"`` projects the centred data on k + 10 directions.

    Columns of unlike scale keep their small variances, which "eigh" finds from the correlations and "gram" by "svd".
    What is rounding is returned as 0: with "eigh" a variance of at most 8 eps of the largest once the columns are
    scaled to one variance, with "gram" and "randomized" one of 8 eps of the largest as they are, with "svd" a deviation
    of 4 eps of the largest.

    Time over that of "auto", k = 10, float32, two CPU cores:

    =================  ======  =======  ============
    shape              auto    svd      randomized
    =================  ======  =======  ============
    100,000 x 50       eigh    200      13
    2,000 x 2,000      eigh    14       0.6
    5,000 x 5,000      eigh    --       1.3
    500 x 10,000       gram    7        1.8
    GPU, TPU           not measured; the CPU's choice
    =================  ======  =======  ============

    Args:
      x: data, shape ``(n, d)``.
      num_components: k, static: an integer in 1..min(n, d); a fraction in (0, 1), for the fewest components that
        explain so much of the variance; ``"mle"``, for the k of the largest evidence; None keeps them all. A fraction
        and ``"mle"`` look at numbers, so they do not work under ``jit``, ``vmap`` and ``grad``.
      solver: one of these, or "auto".
      weights: how often each row counts, shape ``(n,)``; weight 2 is the row twice. None counts each once. They are
        counts: of weights that sum to 1 or less the variances, which are divided by that sum less 1, are NaN.
      key: a ``jax.random.key`` for ``"randomized"``.
      chunk_size: rows in a chunk of ``"eigh"``, as in :func:`jaxmath.reduce.over`.

    Returns:
      The fit, in the type of the data; float16 and bfloat16 are computed in float32, in which ``num_samples`` stays.

    Raises:
      TypeError: for complex or non-numeric data, a traced ``num_components`` or ``chunk_size``, a fraction or ``"mle"``
        while data or weights are traced.
      ValueError: if the data is not ``(n, d)`` or empty, k is out of range, the solver is unknown, the weights are
        not ``(n,)``, or the randomized solver has no key.

    Note:
      A NaN or an infinity in a row that counts makes components and variances NaN; so do a negative weight and a
      single row, whose variance is undefined. Components of equal variance are determined only up to a rotation among
      themselves. Gradients are exact for the plane, the reconstruction and sums over whole groups of equal variances
      wherever variance k exceeds variance k + 1; where these two are equal the plane has no derivative, and what is
      returned is finite. They cost a full decomposition, whatever the solver; except with ``"eigh"`` the derivative
      with respect to a weight of exactly 0 is NaN. The randomized solver is exact to rounding where variances k and
      k + 11 differ by a factor of 2, and approximate where the spectrum is flatter.

    Example:
      >>> fitted = fit(jnp.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]), 1)
      >>> print(jnp.round(fitted.explained_variance, 5))
      [5.]

    Reference: sections 4.3 and 4.4; Tipping and Bishop (1999) for the noise variance; Halko, Martinsson and Tropp
    (2011) for the randomized solver; Minka (2000) for ``"mle"``.
    """
    x = as_matrix("pca.fit", x)
    limit = min(x.shape)
    weights = None if weights is None else as_weights("pca.fit", weights, x.shape[0])
    chosen_later = _depends_on_numbers(num_components, x, weights)
    k = limit if chosen_later or num_components is None else _as_count(num_components, limit)
    chunk_size = None if chunk_size is None else as_size("pca.fit", "chunk_size", chunk_size)
    solver = one_of("pca.fit", "solver", solver, ("auto", "eigh", "gram", "svd", "randomized"))
    if solver == "randomized" and key is None:
        raise ValueError('pca.fit: solver "randomized" needs a key, such as jax.random.key(0)')
    key = None if key is None else as_key("pca.fit", key)
    if solver == "eigh" or (solver == "auto" and x.shape[1] <= x.shape[0]):
        data = moments.of(x, weights=weights, chunk_size=chunk_size)
        data = data if weights is not None else data._replace(count=np.asarray(len(x), data.count.dtype))
        result = _from_moments(data, k)
    else:
        result = _fit_centred(wide(x), weights, k, "gram" if solver == "auto" else solver, key)
    result = _cut(result, num_components) if chosen_later else result
    return narrow(result, x.dtype)._replace(num_samples=result.num_samples)


def from_moments(data: Moments, num_components: int | None = None) -> PCA:
    """The fit from the moments of the data alone: of a stream, of merged parts, of an earlier pass.

    Args:
      data: moments, as :func:`jaxmath.moments.of` or ``of_batches`` return them.
      num_components: k, static, in 1..d; None keeps all d.

    Returns:
      The fit, equal to :func:`fit` of the rows with ``solver="eigh"`` and the same k.

    Raises:
      TypeError: for a traced or fractional ``num_components``, and for an object that is no Moments.
      ValueError: if k is out of range.

    Note:
      Components beyond the rank of the data have variance 0 and an arbitrary direction. A count that does not exceed
      1 by more than its rounding makes the variances NaN, and everything if it is that of a single row.

    Example:
      >>> fitted = from_moments(moments.of_batches([jnp.zeros((1, 1)), jnp.full((1, 1), 2.0)]))
      >>> print(jnp.round(fitted.explained_variance, 5))
      [2.]
    """
    data = moments._as_moments("pca.from_moments", data)
    dims = data.mean.shape[0]
    k = dims if num_components is None else as_size("pca.from_moments", "num_components", num_components, dims, "d")
    return _from_moments(data, k)


def fit_batches(
    batches: Iterable[Num[ArrayLike, "_ d"]],
    num_components: int | None = None,
    *,
    weights: Iterable[ArrayLike] | None = None,
) -> PCA:
    """The fit of a stream of batches, data larger than memory: exact, not incremental.

    Args:
      batches: an iterable of arrays of shape ``(m, d)``, ragged in m or not.
      num_components: k, static, in 1..d; None keeps all d.
      weights: an iterable of weights, shape ``(m,)`` a batch; None counts each row once.

    Returns:
      The fit, equal to :func:`fit` of all rows with ``solver="eigh"`` up to rounding.

    Raises:
      TypeError: for complex or non-numeric data, or a traced or fractional ``num_components``.
      ValueError: if there is no row, a batch is not ``(m, d)``, k is out of range, or weights do not match.

    Example:
      >>> print(jnp.round(fit_batches(jnp.full((2, 1), 5.0 * i) for i in range(3)).explained_variance, 3))
      [20.]
    """
    name, k = "pca.fit_batches", num_components
    k = None if k is None else as_size(name, "num_components", k)

    def checked() -> Iterator[Any]:
        for batch in batches:
            x = as_batch(name, batch)
            if k is not None:
                as_size(name, "num_components", k, x.shape[1], "d")
            yield x

    return from_moments(moments._of_pieces(name, even_pieces(name, checked(), weights)), k)


@partial(jax.jit, static_argnames="k", inline=True)  # a call within the caller's program would be a tenth of its text
def _from_moments(data: Moments, k: int) -> PCA:
    divisor = _divisor(data.count, jnp.trace(data.scatter) > 0)
    return _assemble(data.count, data.mean, leading_covariance(data.scatter / divisor, k), divisor)


@partial(jax.jit, static_argnames=("k", "solver"))
def _fit_centred(x: Array, weights: Array | None, k: int, solver: str, key: Array | None) -> PCA:
    count = jnp.asarray(len(x), x.dtype) if weights is None else weights.sum(dtype=x.dtype)
    weights = jnp.ones(len(x), x.dtype) if weights is None else weights.astype(x.dtype)
    x = jnp.where(weights[:, None] != 0, x, 0)
    mean = product(weights, x) / count
    mean += product(weights, x - mean) / count  # what rounding left in a mean far from 0
    centred = (x - mean) * jnp.sqrt(weights)[:, None]
    divisor = _divisor(count, (centred != 0).any())
    centred /= jnp.sqrt(divisor)
    if key is not None and solver == "randomized":
        start = jax.random.normal(key, (x.shape[1], min(k + SPARE, *x.shape)), x.dtype)
        leading = told_apart(leading_randomized(centred, k, start))
    else:
        leading = (leading_svd if solver == "svd" else leading_gram)(centred, k)
    return _assemble(count, mean, leading, divisor)


def _divisor(count: Array, varied: Array) -> Array:
    """n - 1; where that is rounding n, with which all but the variances is right; 0 for a single row."""
    degrees = degrees_of_freedom(count, 1)
    return jnp.where(jnp.isnan(degrees), jnp.where(varied, count, 0), degrees)


def _assemble(count: Array, mean: Array, leading: Leading, divisor: Array) -> PCA:
    """The fit from the spectrum of the scatter over the divisor."""
    values, vectors, rest = leading
    dims, k = vectors.shape
    unbiased = divisor / degrees_of_freedom(count, 1)  # 1 or NaN
    return PCA(
        mean=mean,
        components=vectors.T,
        explained_variance=values * unbiased,
        explained_variance_ratio=values / (values.sum() + rest),
        singular_values=root(values * divisor),
        noise_variance=rest * unbiased / max(dims - k, 1),
        num_samples=count,
    )


def _cut(full: PCA, rule: Any) -> PCA:
    """The leading components of a fit that has them all, as many as the rule says."""
    values = np.asarray(full.explained_variance, float)
    if rule != "mle":
        squares = np.asarray(full.singular_values, float) ** 2
        k = choice.for_fraction(squares, squares.sum(), rule)
    else:
        k = choice.by_evidence(values, float(full.num_samples))
    return _first(full, k)


@partial(jax.jit, static_argnames="k")
def _first(full: PCA, k: int) -> PCA:
    return full._replace(
        components=full.components[:k],
        explained_variance=full.explained_variance[:k],
        explained_variance_ratio=full.explained_variance_ratio[:k],
        singular_values=full.singular_values[:k],
        noise_variance=full.explained_variance[k:].sum() / max(len(full.mean) - k, 1),
    )


def _depends_on_numbers(num_components: Any, x: Array, weights: Array | None) -> bool:
    """Whether k is to be chosen by the spectrum, which only the host can do."""
    fraction = isinstance(num_components, float | np.floating) and 0 < num_components < 1
    if not fraction and not (isinstance(num_components, str) and num_components == "mle"):
        return False
    if isinstance(x, Tracer) or isinstance(weights, Tracer):
        raise TypeError(
            f"pca.fit: num_components={num_components!r} looks at numbers: no jit, vmap or grad; "
            "fit once outside and pass the integer len(fit.components)"
        )
    if not fraction and len(x) < x.shape[1]:
        raise ValueError(f'pca.fit: num_components="mle" needs at least as many rows as columns, got d = {x.shape[1]}')
    return True


def _as_count(num_components: Any, limit: int) -> int:
    if isinstance(num_components, str | float | np.floating):
        error = ValueError if isinstance(num_components, str) else TypeError
        expected = 'an integer, a fraction in (0, 1) or "mle"'
        raise error(f"pca.fit: num_components must be {expected}, got {num_components!r}")
    return as_size("pca.fit", "num_components", num_components, limit, "min(n, d)")
