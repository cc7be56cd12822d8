"""Bad input to k-means."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, X, data_rows, dtype_is, equal, near, nothing_finite, weight_rows, with_cell

from jaxmath import kmeans

KEY = jax.random.key(0)


def _not_converged(result):
    assert not result.converged


def _no_fit(result: kmeans.KMeans) -> None:
    assert not result.converged
    assert np.isnan(result.inertia)


def _at_rest(result: kmeans.KMeans) -> None:
    assert result.converged
    assert result.inertia == 0


fit = partial(kmeans.fit, KEY)
_TWO_ROWS = near(((X[0] - X[1]) ** 2).sum())  # from the start, which is one of them

ROWS = [
    *data_rows("kmeans.fit", lambda x: fit(x, 1)),
    *weight_rows("kmeans.fit", lambda x, w: fit(x, 2, weights=w)),
    Row("kmeans.fit", "k = 0", partial(fit, X, 0), ValueError, "num_clusters must be in 1..n = 5, got 0"),
    Row("kmeans.fit", "k = True", partial(fit, X, True), ValueError, "num_clusters must be in 1..n = 5, got True"),
    Row("kmeans.fit", "k > n", partial(fit, X, 6), ValueError, "1..n = 5, got 6"),
    Row("kmeans.fit", "k traced", lambda: jax.jit(kmeans.fit)(KEY, X, 2), TypeError, "num_clusters must be static"),
    Row("kmeans.fit", "n_init = 0", partial(fit, X, 2, n_init=0), ValueError, "n_init must be at least 1"),
    Row("kmeans.fit", "no steps", partial(fit, X, 2, max_steps=0), ValueError, "max_steps must be at least 1"),
    Row(
        "kmeans.fit",
        "unknown init",
        partial(fit, X, 2, init="first"),
        ValueError,
        "'random', got 'first'",
    ),
    Row("kmeans.fit", "init of another shape", partial(fit, X, 2, init=X[:3]), ValueError, r"\(k, d\) = \(2, 3\)"),
    Row("kmeans.fit", "no rows in a chunk", partial(fit, X, 2, chunk_size=0), ValueError, "kmeans.fit: chunk_size"),
    Row("kmeans.fit", "half a row", partial(fit, X, 2, chunk_size=1.5), TypeError, "kmeans.fit: chunk_size must be an"),
    Row("kmeans.fit", "NaN", partial(fit, with_cell(np.nan), 2), check=_no_fit),
    Row("kmeans.fit", "infinity", partial(fit, with_cell(np.inf), 2), check=_no_fit),
    Row("kmeans.fit", "negative weight", partial(fit, X, 2, weights=[1, 1, 1, 1, -1]), check=_no_fit),
    Row("kmeans.fit", "weights 0", partial(fit, X, 2, weights=np.zeros(5)), check=_no_fit),
    Row("kmeans.fit", "NaN, several starts", partial(fit, with_cell(np.nan), 2, n_init=2), check=_no_fit),
    Row(
        "kmeans.fit",
        "weight 0 leaves NaN out",
        lambda: fit(with_cell(np.nan), 1, weights=[1, 1, 0, 1, 1]).centers[0],
        check=near(np.delete(X, 2, axis=0).mean(axis=0)),
    ),
    Row("kmeans.fit", "repeated rows", partial(fit, np.ones((6, 3)), 4), check=_at_rest),
    Row("kmeans.fit", "k = n", partial(fit, X, 5), check=_at_rest),
    Row("kmeans.fit", "any change is small", lambda: fit(X[:2], 1, tol=float("inf")).inertia, check=_TWO_ROWS),
    Row("kmeans.fit", "one row", partial(fit, X[:1], 1), check=_at_rest),
    Row(
        "kmeans.fit",
        "more clusters than distinct rows",
        partial(fit, np.repeat(X[:2], 3, axis=0), 4),
        check=_at_rest,
    ),
    Row(
        "kmeans.fit",
        "more clusters than distinct rows, random start",
        partial(fit, np.repeat(X[:2], 3, axis=0), 4, init="random"),
        check=_at_rest,
    ),
    Row(
        "kmeans.fit",
        "integers",
        lambda: fit(X.astype(int).tolist(), 1, weights=[1] * 5).centers,
        check=near(X.astype(int).mean(axis=0)[None]),
    ),
    Row("kmeans.fit", "float16", lambda: fit(X.astype(np.float16), 2).centers, check=dtype_is(jnp.float16)),
    Row(
        "kmeans.fit_batches",
        "an iterator",
        lambda: kmeans.fit_batches(KEY, iter([X]), 2),
        TypeError,
        "a callable that returns a fresh iterator",
    ),
    Row("kmeans.fit_batches", "no rows", lambda: kmeans.fit_batches(KEY, list, 2), ValueError, "at least one row"),
    Row(
        "kmeans.fit_batches",
        "k > rows",
        lambda: kmeans.fit_batches(KEY, lambda: [X], 6),
        ValueError,
        "1..rows of the first piece = 5, got 6",
    ),
    Row(
        "kmeans.fit_batches",
        "weights that are used up",
        lambda: kmeans.fit_batches(KEY, lambda: [X], 2, weights=[np.ones(5)]),
        TypeError,
        "a callable that returns a fresh iterator, got list",
    ),
    Row(
        "kmeans.fit_batches",
        "too few weights",
        lambda: kmeans.fit_batches(KEY, lambda: [X], 2, weights=lambda: [np.ones(4)]),
        ValueError,
        r"weights of shape \(5,\), got \(4,\)",
    ),
    *weight_rows("kmeans.fit_minibatch", lambda x, w: kmeans.fit_minibatch(KEY, x, 2, weights=w)),
    Row("kmeans.fit_batches", "NaN", lambda: kmeans.fit_batches(KEY, lambda: [X, with_cell(np.nan)], 2), check=_no_fit),
    *data_rows("kmeans.fit_minibatch", lambda x: kmeans.fit_minibatch(KEY, x, 1)),
    Row(
        "kmeans.fit_minibatch",
        "no rows a batch",
        lambda: kmeans.fit_minibatch(KEY, X, 1, batch_size=0),
        ValueError,
        "batch_size must be at least 1",
    ),
    Row("kmeans.fit_minibatch", "NaN", lambda: kmeans.fit_minibatch(KEY, with_cell(np.nan), 2), check=_no_fit),
    *data_rows("kmeans.predict", partial(kmeans.predict, X[:2])),
    Row("kmeans.predict", "other columns", partial(kmeans.predict, X[:2], X[:, :2]), ValueError, "expected 3 columns"),
    Row(
        "kmeans.predict",
        "NaN row",
        lambda: kmeans.predict(X, with_cell(np.nan)),
        check=near(np.array([0, 1, -1, 3, 4])),
    ),
    Row(
        "kmeans.predict",
        "a fit",
        lambda: kmeans.predict(fit(X, 2), X),
        TypeError,
        "got a whole KMeans; pass fit.centers",
    ),
    Row("kmeans.predict", "NaN centers", lambda: kmeans.predict(with_cell(np.nan), X), check=equal([-1] * 5)),
    *data_rows("kmeans.plus_plus", lambda x: kmeans.plus_plus(KEY, x, 1)),
    Row("kmeans.plus_plus", "k > n", partial(kmeans.plus_plus, KEY, X, 6), ValueError, "1..n = 5, got 6"),
    Row(
        "kmeans.plus_plus",
        "weight 0 leaves NaN out",
        lambda: jnp.isfinite(kmeans.plus_plus(KEY, with_cell(np.nan), 4, weights=np.array([1, 1, 0, 1, 1]))),
        check=equal(np.ones((4, 3), bool)),
    ),
    Row(
        "kmeans.plus_plus",
        "weight 0 leaves a first row of NaN out",
        lambda: jnp.isfinite(kmeans.plus_plus(KEY, np.array([[np.nan], [1.0], [2.0]]), 2, weights=np.array([0, 1, 1]))),
        check=equal(np.ones((2, 1), bool)),
    ),
    Row(
        "kmeans.plus_plus", "weights 0", partial(kmeans.plus_plus, KEY, X, 2, weights=np.zeros(5)), check=nothing_finite
    ),
    Row(
        "kmeans.plus_plus",
        "negative weight",
        partial(kmeans.plus_plus, KEY, X, 2, weights=[1, 1, 1, 1, -1]),
        check=nothing_finite,
    ),
    Row(
        "kmeans.plus_plus",
        "nearly all weight in one row",
        lambda: kmeans.plus_plus(KEY, X, 2, weights=[1e-3, 1e-3, 1e-3, 1e-3, 1e3])[0],
        check=near(X[4]),
    ),
]

ROWS += [
    Row("kmeans.fit", "tol below 0", partial(fit, X, 2, tol=-0.1), ValueError, r"tol must be in \[0, inf\], got -0.1"),
    *(
        Row(name, "tol below 0 in an array", partial(call, tol=jnp.array(-0.1)), check=_not_converged)
        for name, call in (
            ("kmeans.fit", partial(fit, X, 2)),
            ("kmeans.fit_batches", partial(kmeans.fit_batches, KEY, lambda: [X], 2)),
        )
    ),
    Row(
        "kmeans.fit_batches",
        "tol below 0",
        partial(kmeans.fit_batches, KEY, lambda: [X], 2, tol=-0.1),
        ValueError,
        r"tol must be in \[0, inf\], got -0.1",
    ),
]
