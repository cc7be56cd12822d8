"""Latent semantic analysis: topics as the leading singular vectors of a table of counts."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.experimental.sparse import BCOO
from jax.scipy.special import xlogy
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from jaxmath._array import (
    all_or_nan,
    as_float,
    as_key,
    as_matrix,
    as_size,
    narrow,
    one_of,
    product,
    reciprocal,
    root,
    wide,
)
from jaxmath._lanczos import leading_singular
from jaxmath._record import record
from jaxmath._spectral import SPARE, fix_signs, leading_randomized, leading_svd


@record(static=("weighting",))
class LSA:
    r"""Topics of a collection of documents.

    Attributes:
      components: orthonormal rows $v_1, \dots, v_k$, a topic each: how much of it every term says.
      singular_values: $\sigma_1 \ge \dots \ge \sigma_k$, the weight of each topic in the collection.
      term_weights: what the weighting multiplies each term with.
      weighting: None, "tfidf" or "log_entropy"; static.
    """

    components: Float[Array, "k terms"]
    singular_values: Float[Array, " k"]
    term_weights: Float[Array, " terms"]
    weighting: str | None


def fit(
    counts: Num[ArrayLike, "documents terms"] | BCOO,
    num_topics: int,
    *,
    weighting: str | None = None,
    solver: str = "auto",
    key: Array | None = None,
) -> LSA:
    r"""Finds the topics of a collection: the leading right singular vectors of its weighted counts.

    With $X = U \Sigma V^T$ the rank-k table $U_k \Sigma_k V_k^T$ is the closest to X that has k topics (Eckart and
    Young). Unlike :func:`jaxmath.pca.fit` nothing is centred: zeros stay zeros, so a sparse table stays sparse, and the
    first topic is near the mean document. The weightings are

    - None: the counts as they are.
    - ``"tfidf"``: a term in $n_j$ of n documents counts $\log \frac{1+n}{1+n_j} + 1$ times, and every document is then
      scaled to length 1, as scikit-learn does by default.
    - ``"log_entropy"``: $\log(1 + c_{ij})\,(1 + \sum_i p_{ij} \log p_{ij} / \log n)$ with $p_{ij} = c_{ij} / \sum_i
      c_{ij}$: a term that all documents share equally counts nothing.

    Args:
      counts: how often each term occurs in each document, shape ``(documents, terms)``, dense or a
        ``jax.experimental.sparse.BCOO``. A sparse table is only multiplied with a few vectors at a time, never made
        dense.
      num_topics: k, static, in 1..min(documents, terms).
      weighting: one of the list.
      solver: ``"svd"`` decomposes the whole dense table; ``"randomized"`` takes a random start, of a dense table for
        subspace iteration on k + 10 vectors, which is exact to rounding only if it settles within 24 products, of a
        sparse one for Lanczos steps, one product each, which settle on flat spectra too; ``"auto"`` is "svd" for a
        dense table, and for a sparse one Lanczos steps from a fixed start.
      key: a ``jax.random.key`` for ``"randomized"``.

    Returns:
      The topics; the entry of about the largest size is positive in each.

    Raises:
      TypeError: for complex or non-numeric counts, or a traced or fractional ``num_topics``.
      ValueError: if the counts are not ``(documents, terms)`` or empty, k is out of range, weighting or solver is
        unknown, the randomized solver has no key, or ``"svd"`` is asked of a sparse table.

    Note:
      A NaN or an infinity makes every field but ``term_weights`` NaN, a count below -1 does so with "log_entropy", and
      so do Lanczos steps that have not settled after 40 rounds of restarts: no guess passes as a result.
      Gradients with respect to dense counts are those of :func:`jaxmath.pca.fit`; a sparse table has none.

    Example:
      >>> topics = fit(jnp.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]]), 2)
      >>> print([f"{weight:.4f}" for weight in topics.singular_values])
      ['3.1623', '1.0000']

    Reference: section 4.5; Deerwester et al. (1990); Dumais (1991) for "log_entropy".
    """
    counts = _as_counts("lsa.fit", counts)
    k = as_size("lsa.fit", "num_topics", num_topics, min(counts.shape), "min(documents, terms)")
    if weighting is not None:
        weighting = one_of("lsa.fit", "weighting", weighting, ("tfidf", "log_entropy"))
    solver = _resolve(one_of("lsa.fit", "solver", solver, ("auto", "svd", "randomized")), counts, key)
    return _fit(counts, None if key is None else as_key("lsa.fit", key), k, weighting, solver)


@partial(jax.jit, static_argnames=("k", "weighting", "solver"))
def _fit(counts: Array | BCOO, key: Array | None, k: int, weighting: str | None, solver: str) -> LSA:
    table = _map(wide, _added(counts))
    term_weights = _term_weights(table, weighting)
    x = _weighted(table, term_weights, weighting)
    key = jax.random.key(0) if key is None else key
    if isinstance(x, BCOO):
        values, vectors = _by_products(x, k, key)
    elif solver == "svd":
        squares, vectors, _ = leading_svd(x, k)
        values = root(squares)
    else:
        start = jax.random.normal(key, (x.shape[1], min(k + SPARE, *x.shape)), x.dtype)
        squares, vectors, _ = leading_randomized(x, k, start)
        values = root(squares)
    return narrow(LSA(vectors.T, values, term_weights, weighting), counts.dtype)


def transform(l: LSA, counts: Num[ArrayLike, "m terms"] | BCOO) -> Float[Array, "m k"]:  # noqa: E741
    r"""Coordinates of documents along the topics: $z = V_k x$ of the weighted counts x, by the weights of the fit.

    Args:
      l: a fit with k topics.
      counts: of documents, of the fit or new ones, shape ``(m, terms)``, dense or ``BCOO``.

    Returns:
      Coordinates, shape ``(m, k)``; those of the fit's own documents are $U_k \Sigma_k$. A NaN in a row of a dense
      table makes that row NaN.

    Raises:
      TypeError: for complex or non-numeric counts.
      ValueError: if there are not as many terms as in the fit.
    """
    return _coordinates(l, _of_terms("lsa.transform", l, counts))


def topic_terms(l: LSA, num_terms: int) -> tuple[Int[Array, "k num_terms"], Float[Array, "k num_terms"]]:  # noqa: E741
    """The strongest terms of every topic, strongest first.

    Args:
      l: a fit with k topics.
      num_terms: how many terms a topic, static.

    Returns:
      Their columns in the counts, and their entries in ``components``, with sign; both of shape ``(k, num_terms)``.

    Raises:
      TypeError: for a traced or fractional ``num_terms``.
      ValueError: if there are not so many terms.

    Example:
      >>> topics = fit(jnp.array([[0.0, 3.0, 4.0]]), 1)
      >>> columns, strengths = topic_terms(topics, 2)
      >>> print(columns, [f"{strength:.4f}" for strength in strengths[0]])
      [[2 1]] ['0.8000', '0.6000']
    """
    num_terms = as_size("lsa.topic_terms", "num_terms", num_terms, l.components.shape[1], "terms")
    return _strongest(l.components, num_terms)


@partial(jax.jit, static_argnames="num_terms")
def _strongest(components: Array, num_terms: int) -> tuple[Array, Array]:
    _, columns = jax.lax.top_k(jnp.abs(components), num_terms)
    return columns, jnp.take_along_axis(components, columns, axis=1)


def document_similarity(
    l: LSA,  # noqa: E741
    a: Num[ArrayLike, "m terms"] | BCOO,
    b: Num[ArrayLike, "n terms"] | BCOO,
) -> Float[Array, "m n"]:
    """Cosines between documents in the space of topics.

    Two documents without a common term may have one topic: then their cosine is 0 by terms and near 1 by topics.

    Args:
      l: a fit.
      a: counts of documents, shape ``(m, terms)``, dense or ``BCOO``.
      b: counts of documents, shape ``(n, terms)``, dense or ``BCOO``.

    Returns:
      The cosine of every a with every b, shape ``(m, n)``; 0 where one of them has nothing of any topic.

    Raises:
      TypeError: for complex or non-numeric counts.
      ValueError: if there are not as many terms as in the fit.

    Reference: section 4.5.3.
    """
    return _cosines(l, *(_of_terms("lsa.document_similarity", l, counts) for counts in (a, b)))


def query(
    l: LSA,  # noqa: E741
    counts: Num[ArrayLike, "m terms"] | BCOO,
    documents: Num[ArrayLike, "n terms"] | BCOO,
) -> tuple[Int[Array, "m n"], Float[Array, "m n"]]:
    """Documents in the order in which they answer a query.

    Args:
      l: a fit.
      counts: the terms of m queries, shape ``(m, terms)``, dense or ``BCOO``.
      documents: counts of the n documents to rank, shape ``(n, terms)``, dense or ``BCOO``.

    Returns:
      For each query the rows of all documents, best first, and their cosines with it, both of shape ``(m, n)``.

    Raises:
      TypeError: for complex or non-numeric counts.
      ValueError: if there are not as many terms as in the fit.
    """
    return _ranked(l, *(_of_terms("lsa.query", l, table) for table in (counts, documents)))


@jax.jit
def _ranked(l: LSA, counts: Array | BCOO, documents: Array | BCOO) -> tuple[Array, Array]:  # noqa: E741
    cosines = _cosines(l, counts, documents)
    order = jnp.argsort(-cosines, axis=1)
    return order, jnp.take_along_axis(cosines, order, axis=1)


@jax.jit
def _cosines(l: LSA, a: Array | BCOO, b: Array | BCOO) -> Array:  # noqa: E741
    first, second = _coordinates(l, a), _coordinates(l, b)
    return product(_unit_rows(first), _unit_rows(second).T).astype(jnp.promote_types(first.dtype, second.dtype))


def _unit_rows(z: Array) -> Array:
    return wide(z) * reciprocal(root(jnp.sum(wide(z) ** 2, axis=1)))[:, None]


def _of_terms(name: str, l: LSA, counts: ArrayLike | BCOO) -> Array | BCOO:  # noqa: E741
    """A table with as many terms as a fit."""
    counts = _as_counts(name, counts)
    if counts.shape[1] != l.components.shape[1]:
        raise ValueError(f"{name}: expected {l.components.shape[1]} terms, as the fit has, got shape {counts.shape}")
    return counts


@jax.jit
def _coordinates(l: LSA, counts: Array | BCOO) -> Array:  # noqa: E741
    x = _weighted(_map(wide, _added(counts)), wide(l.term_weights), l.weighting)
    return _times(x, wide(l.components).T).astype(jnp.promote_types(counts.dtype, l.components.dtype))


def _resolve(solver: str, counts: Array | BCOO, key: Array | None) -> str:
    sparse = isinstance(counts, BCOO)
    if solver == "svd" and sparse:
        raise ValueError('lsa.fit: solver "svd" needs a dense table; pass counts.todense(), or take "randomized"')
    if solver == "randomized" and key is None:
        raise ValueError('lsa.fit: solver "randomized" needs a key, such as jax.random.key(0)')
    return ("randomized" if sparse else "svd") if solver == "auto" else solver


@partial(jax.jit, static_argnums=1)
def _by_products(x: BCOO, k: int, key: Array) -> tuple[Array, Array]:
    """Singular values and vectors of a sparse table, NaN where they do not settle.

    Its largest cell is made 1, so that no square is out of range.
    """
    largest = jnp.abs(x.data).max(initial=0)
    x = BCOO((all_or_nan(x.data) * reciprocal(largest), x.indices), shape=x.shape)
    transposed = BCOO((x.data, x.indices[:, ::-1]), shape=x.shape[::-1])
    n, d = x.shape
    found = leading_singular(partial(_times, x), partial(_times, transposed), (n, d), k, key, x.dtype)
    values, vectors = (jnp.where(found.settled, a, jnp.nan) for a in (found.values * largest, found.vectors))
    return values, fix_signs(vectors)


def _term_weights(counts: Array | BCOO, weighting: str | None) -> Array:
    n, d = counts.shape
    if weighting == "tfidf":
        return jnp.log((1 + n) / (1 + _sums(_map(lambda c: (c != 0).astype(c.dtype), counts), 0))) + 1
    if weighting == "log_entropy":
        shares = _scaled(counts, reciprocal(_sums(counts, 0)), 0)
        return 1 + _sums(_map(lambda p: xlogy(p, p), shares), 0) / jnp.log(max(n, 2))
    return jnp.ones(d, counts.dtype)


def _weighted(counts: Array | BCOO, term_weights: Array, weighting: str | None) -> Array | BCOO:
    if weighting == "log_entropy":
        counts = _map(jnp.log1p, counts)
    x = counts if weighting is None else _scaled(counts, term_weights, 0)
    if weighting == "tfidf":
        x = _scaled(x, reciprocal(root(_sums(_map(jnp.square, x), 1))), 1)
    return x


def _as_counts(name: str, counts: ArrayLike | BCOO) -> Array | BCOO:
    """A dense table or a sparse one, in which a cell may stand several times."""
    if hasattr(counts, "tocoo"):
        kind = type(counts).__name__
        raise TypeError(f"{name}: expected an array or a BCOO, got {kind}; pass BCOO.from_scipy_sparse(counts)")
    if not isinstance(counts, BCOO):
        return as_matrix(name, counts)
    if counts.ndim != 2 or counts.n_batch or counts.n_dense:
        raise ValueError(f"{name}: expected a BCOO of shape (documents, terms) with two sparse axes, got {counts}")
    if 0 in counts.shape:
        raise ValueError(f"{name}: expected at least one row and one column, got shape {counts.shape}")
    data = as_float(name, counts.data)
    return BCOO((data, counts.indices), shape=counts.shape, unique_indices=counts.unique_indices)


def _added(counts: Array | BCOO) -> Array | BCOO:
    """The counts with every cell once."""
    if not isinstance(counts, BCOO) or counts.unique_indices:
        return counts
    return counts.sum_duplicates(nse=counts.nse)


# What follows reads the same for both kinds of table; functions that are mapped take 0 to 0.


def _map(function, x: Array | BCOO):
    return BCOO((function(x.data), x.indices), shape=x.shape) if isinstance(x, BCOO) else function(x)


def _sums(x: Array | BCOO, axis: int) -> Array:
    """Sums over an axis: over documents 0, over terms 1."""
    if not isinstance(x, BCOO):
        return x.sum(axis=axis)
    return jax.ops.segment_sum(x.data, x.indices[:, 1 - axis], num_segments=x.shape[1 - axis])


def _scaled(x: Array | BCOO, factors: Array, axis: int):
    """Every term (axis 0) or document (axis 1) times its factor."""
    if not isinstance(x, BCOO):
        return x * jnp.expand_dims(factors, axis)
    own = factors.at[x.indices[:, 1 - axis]].get(mode="fill", fill_value=0)
    return BCOO((x.data * own, x.indices), shape=x.shape)


def _times(x: Array | BCOO, block: Array) -> Array:
    """The table times a vector or a block of them."""
    if not isinstance(x, BCOO):
        return product(x, block)
    own = block.at[x.indices[:, 1]].get(mode="fill", fill_value=0)
    shares = own * x.data.reshape(-1, *(1,) * (block.ndim - 1))
    return jax.ops.segment_sum(shares, x.indices[:, 0], num_segments=x.shape[0])
