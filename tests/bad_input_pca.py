"""Bad input to principal components."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rows import INTEGERS, Row, X, all_nan, data_rows, dtype_is, near, only_row_is_nan, weight_rows, with_cell

from jaxmath import moments, pca
from jaxmath.crosscheck.references import pca as reference


def no_number(result: Any) -> None:
    """Nothing finite that depends on the broken cell: every floating leaf but counts and means is NaN."""
    for field in ("explained_variance", "components", "noise_variance"):
        assert np.isnan(np.asarray(getattr(result, field))).all(), f"{field}: {result}"


def fitted_as(dtype: Any, expected: pca.PCA, rtol: float):
    """Everything in the type of the data but the count, which float16 could not hold."""

    def check(p: pca.PCA) -> None:
        assert p.num_samples.dtype == jnp.float32
        dtype_is(dtype)(p._replace(num_samples=None))
        near(expected, rtol)(p)

    return check


FITTED = pca.PCA(*map(jnp.asarray, reference.pca(X, 2)))
OF_INTEGERS = pca.PCA(*map(np.array, ([0, 0], [[0, 1]], [4], [1], [2], 1, 5)))
LISTS = moments.Moments(3, [1, 2], [[2, 0], [0, 4]])
ONES = np.ones_like(X)

RANK_1 = 1000 * np.outer([0.0, 1.0, 2.0, 5.0], [1.0, 2.0, 3.0]) / 3
FAR = (np.random.default_rng(0).normal(size=(3000, 2)) + 1e4).astype(np.float32)


def _not_converged(p: pca.MissingPCA) -> None:
    assert not p.converged
    assert np.isnan(np.asarray(p.explained_variance)).all()


def _some_fraction(x: Any) -> None:
    assert (np.asarray(x) % 1 != 0).all()


def _rank_1(p: pca.PCA) -> None:
    assert p.explained_variance[0] > 0
    assert (np.asarray(p.explained_variance[1:]) == 0).all(), "what is rounding is returned as 0"


def _broken(solver: str) -> list[Row]:
    fit = partial(pca.fit, num_components=2, solver=solver)
    return [
        Row("pca.fit", f"NaN, {solver}", partial(fit, with_cell(np.nan)), check=no_number),
        Row("pca.fit", f"infinity, {solver}", partial(fit, with_cell(np.inf)), check=no_number),
        Row(
            "pca.fit",
            f"one row, {solver}",
            partial(pca.fit, X[:1], solver=solver),
            check=all_nan("explained_variance", "components"),
        ),
        Row("pca.fit", f"negative weight, {solver}", partial(fit, X, weights=[1, 1, 1, 1, -1]), check=no_number),
        Row("pca.fit", f"weight sum 1, {solver}", partial(fit, X, weights=[1, 0, 0, 0, 0]), check=no_number),
        Row("pca.fit", f"weights 0, {solver}", partial(fit, X, weights=np.zeros(5)), check=no_number),
        Row(
            "pca.fit",
            f"weight 0 leaves NaN out, {solver}",
            partial(fit, with_cell(np.nan), weights=[1, 1, 0, 1, 1]),
            check=near(lambda: fit(np.delete(X, 2, axis=0))),
        ),
        Row(
            "pca.fit",
            f"weight 2 is the row twice, {solver}",
            partial(fit, X, weights=[1, 2, 1, 1, 1]),
            check=near(lambda: fit(np.concatenate([X, X[1:2]]))),
        ),
        Row(
            "pca.fit",
            f"float16, {solver}",
            partial(fit, X.astype(np.float16)),
            check=fitted_as(jnp.float16, lambda: fit(X), 2e-3),
        ),
        Row(
            "pca.fit",
            f"bfloat16, {solver}",
            partial(fit, jnp.asarray(X, jnp.bfloat16)),
            check=fitted_as(jnp.bfloat16, lambda: fit(X), 2e-2),
        ),
        Row(
            "pca.fit",
            f"one column, {solver}",
            partial(pca.fit, X[:, :1], solver=solver),
            check=lambda p: near((3.7, 1.0, 1.0))(
                (p.explained_variance[0], p.components[0, 0], p.explained_variance_ratio[0])
            ),
        ),
        Row(
            "pca.fit", f"repeated rows, {solver}", partial(pca.fit, np.ones((4, 2)), solver=solver), check=_no_variance
        ),
        Row(
            "pca.fit",
            f"constant column, {solver}",
            partial(pca.fit, X * [1, 0, 1], solver=solver),
            check=lambda p: near((0.0, [0, 1, 0]))((p.explained_variance[2], np.abs(p.components[2]))),
        ),
        Row(
            "pca.fit",
            f"integers, {solver}",
            partial(pca.fit, INTEGERS, solver=solver),
            check=near(lambda: pca.fit(np.array(INTEGERS, float))),
        ),
    ]


def _no_variance(p: pca.PCA) -> None:
    assert (np.asarray(p.explained_variance) == 0).all()
    assert np.isnan(np.asarray(p.explained_variance_ratio)).all()
    np.testing.assert_allclose(p.components @ p.components.T, np.eye(2), atol=1e-6)


ROWS = [
    *data_rows("pca.fit", pca.fit),
    *weight_rows("pca.fit", lambda x, w: pca.fit(x, weights=w)),
    Row(
        "pca.fit",
        "k = 0",
        partial(pca.fit, X, 0),
        ValueError,
        r"pca.fit: num_components must be in 1..min\(n, d\) = 3, got 0",
    ),
    Row("pca.fit", "k too large", partial(pca.fit, X, 4), ValueError, r"in 1..min\(n, d\) = 3, got 4"),
    Row("pca.fit", "k > n", partial(pca.fit, X[:2], 3), ValueError, r"in 1..min\(n, d\) = 2, got 3"),
    Row("pca.fit", "k = 1.5", partial(pca.fit, X, 1.5), TypeError, r'an integer, a fraction .* or "mle", got 1.5'),
    Row("pca.fit", "k = True", partial(pca.fit, X, True), ValueError, "got True"),
    Row(
        "pca.fit",
        "k traced",
        lambda: jax.jit(pca.fit)(X, 2),
        TypeError,
        r"pca.fit: num_components must be static; close over it: jax.jit\(lambda x: pca.fit\(x, ",
    ),
    Row(
        "pca.fit",
        "unknown solver",
        partial(pca.fit, X, solver="qr"),
        ValueError,
        "solver must be one of 'auto', 'eigh', 'gram', 'svd', 'randomized', got 'qr'",
    ),
    Row("pca.fit", "solver None", partial(pca.fit, X, solver=None), ValueError, "solver must be one of"),
    Row("pca.fit", "chunk 0", partial(pca.fit, X, chunk_size=0), ValueError, "^pca.fit: chunk_size must be at least 1"),
    Row("pca.fit", "k = n = d", partial(pca.fit, X[:3]), check=near(lambda: pca.fit(X[:3], 3))),
    Row("pca.fit", "rank 1, svd", partial(pca.fit, RANK_1, solver="svd"), check=_rank_1),
    Row(
        "pca.fit",
        "mean far from 0, svd",
        lambda: pca.fit(FAR, solver="svd").mean,
        check=lambda mean: near(0.0, 2e-3)(mean - FAR.astype(float).mean(axis=0)),
    ),
    *_broken("eigh"),
    *_broken("gram"),
    *_broken("svd"),
    Row("pca.from_moments", "k = 0", lambda: pca.from_moments(moments.of(X), 0), ValueError, r"1..d = 3, got 0"),
    Row("pca.from_moments", "k > d", lambda: pca.from_moments(moments.of(X), 4), ValueError, r"1..d = 3, got 4"),
    Row(
        "pca.from_moments", "k traced", lambda: jax.jit(pca.from_moments)(moments.of(X), 2), TypeError, "must be static"
    ),
    Row("pca.from_moments", "k = d", lambda: pca.from_moments(moments.of(X), 3), check=near(lambda: pca.fit(X))),
    Row(
        "pca.from_moments",
        "n = 1",
        lambda: pca.from_moments(moments.of(X[:1])),
        check=all_nan("explained_variance", "components"),
    ),
    *data_rows("pca.transform", partial(pca.transform, FITTED)),
    Row(
        "pca.transform",
        "other columns",
        partial(pca.transform, FITTED, X[:, :2]),
        ValueError,
        r"expected 3 columns, as the fit has, got shape \(5, 2\)",
    ),
    Row(
        "pca.transform",
        "NaN row",
        partial(pca.transform, FITTED, with_cell(np.nan)),
        check=lambda z: only_row_is_nan(z, 2),
    ),
    Row(
        "pca.transform",
        "integers",
        partial(pca.transform, FITTED, [[1, 2, 3]]),
        check=near(lambda: pca.transform(FITTED, np.array([[1.0, 2.0, 3.0]]))),
    ),
    Row(
        "pca.transform",
        "float16 is computed in float32",
        lambda: pca.transform(pca.fit((200 * X).astype(np.float16), 2), (200 * X).astype(np.float16)),
        check=dtype_is(jnp.float16, near(lambda: pca.transform(pca.fit(200 * X, 2), 200 * X), 5e-2)),
    ),
    *data_rows("pca.inverse_transform", partial(pca.inverse_transform, FITTED)),
    Row(
        "pca.inverse_transform",
        "other columns",
        partial(pca.inverse_transform, FITTED, X),
        ValueError,
        r"expected 2 columns",
    ),
    Row(
        "pca.inverse_transform",
        "NaN row",
        partial(pca.inverse_transform, FITTED, with_cell(np.nan)[:, :2]),
        check=lambda z: only_row_is_nan(z, 2),
    ),
    Row(
        "pca.reconstruction_error",
        "float16 is computed in float32",
        lambda: pca.reconstruction_error(pca.fit((200 * X).astype(np.float16), 1), (200 * X).astype(np.float16)),
        check=dtype_is(jnp.float16, near(lambda: pca.reconstruction_error(pca.fit(200 * X, 1), 200 * X), 1e-2)),
    ),
    *data_rows("pca.reconstruction_error", partial(pca.reconstruction_error, FITTED)),
    Row(
        "pca.reconstruction_error",
        "other columns",
        partial(pca.reconstruction_error, FITTED, X[:, :2]),
        ValueError,
        "expected 3 columns",
    ),
    Row(
        "pca.reconstruction_error",
        "NaN",
        partial(pca.reconstruction_error, FITTED, with_cell(np.nan)),
        check=lambda e: all_nan("T")(e),
    ),
    Row("pca.reconstruction_error", "nothing lost", lambda: pca.reconstruction_error(pca.fit(X), X), check=near(0.0)),
    Row("pca.fit", "randomized without a key", partial(pca.fit, X, 2, solver="randomized"), ValueError, "needs a key"),
    Row(
        "pca.fit",
        "randomized, NaN",
        partial(pca.fit, with_cell(np.nan), 2, solver="randomized", key=jax.random.key(0)),
        check=no_number,
    ),
    Row(
        "pca.fit",
        "an unknown word for k",
        partial(pca.fit, X, "most"),
        ValueError,
        r'^pca.fit: num_components must be an integer, a fraction in \(0, 1\) or "mle", got \'most\'$',
    ),
    Row("pca.fit", "fraction 0", partial(pca.fit, X, 0.0), TypeError, r'a fraction in \(0, 1\) or "mle", got 0.0'),
    Row("pca.fit", "fraction 1", partial(pca.fit, X, 1.0), TypeError, r'a fraction in \(0, 1\) or "mle", got 1.0'),
    Row("pca.fit", "NumPy fraction", partial(pca.fit, X, np.float32(0.9)), check=near(lambda: pca.fit(X, 0.9))),
    Row("pca.fit", "NumPy fraction 1", partial(pca.fit, X, np.float32(1)), TypeError, "a fraction in"),
    Row(
        "pca.fit",
        "mle, weights traced",
        lambda: jax.vmap(lambda w: pca.fit(X, "mle", weights=w).mean)(np.ones((2, 5))),
        TypeError,
        "^pca.fit: num_components='mle' looks at numbers",
    ),
    Row("pca.fit", "fraction traced", lambda: jax.jit(lambda x: pca.fit(x, 0.9))(X), TypeError, "looks at numbers"),
    Row("pca.fit", "mle under vmap", lambda: jax.vmap(lambda x: pca.fit(x, "mle"))(X[None]), TypeError, "vmap or"),
    Row("pca.fit", "mle, d > n", partial(pca.fit, X[:2], "mle"), ValueError, "at least as many rows as columns"),
    Row("pca.fit", "mle, NaN", partial(pca.fit, with_cell(np.nan), "mle"), ValueError, "needs finite data"),
    Row("pca.fit", "mle, one column", lambda: len(pca.fit(X[:, :1], "mle").components), check=near(1)),
    Row("pca.fit", "fraction, NaN", partial(pca.fit, with_cell(np.nan), 0.9), check=all_nan("components")),
    Row(
        "pca.fit_batches", "no batch", partial(pca.fit_batches, []), ValueError, "^pca.fit_batches: .* at least one row"
    ),
    Row("pca.fit_batches", "fraction", partial(pca.fit_batches, [X], 0.5), TypeError, "^pca.fit_batches: .* got 0.5"),
    Row("pca.fit_batches", "k too large", partial(pca.fit_batches, [X], 4), ValueError, "1..d = 3, got 4"),
    Row("pca.fit_batches", "rank 1", partial(pca.fit_batches, [X[0]]), ValueError, r"batches of shape \(m, d\)"),
    Row("pca.fit_batches", "NaN", partial(pca.fit_batches, [X, with_cell(np.nan)], 2), check=no_number),
    Row(
        "pca.transform",
        "one row, whitened",
        lambda: pca.transform(pca.fit(X[:1]), X, whiten=True),
        check=lambda z: near(0.0)(np.isnan(z).mean() - 1),
    ),
    Row("pca.projector", "NaN", lambda: pca.projector(pca.fit(with_cell(np.nan), 2))[None], check=all_nan("T")),
    *data_rows("pca.log_prob", partial(pca.log_prob, FITTED)),
    Row("pca.log_prob", "other columns", partial(pca.log_prob, FITTED, X[:, :2]), ValueError, "expected 3 columns"),
    Row(
        "pca.log_prob",
        "NaN row",
        partial(pca.log_prob, FITTED, with_cell(np.nan)),
        check=lambda density: only_row_is_nan(density, 2),
    ),
    Row(
        "pca.log_prob",
        "no density on a plane",
        lambda: pca.log_prob(pca.fit(RANK_1, 2, solver="svd"), RANK_1),
        check=lambda density: near(0.0)(np.isnan(density).mean() - 1),
    ),
    Row("pca.projector", "integers", lambda: pca.projector(OF_INTEGERS) / 2, check=near([[0, 0], [0, 0.5]])),
    Row("pca.projector", "kind", lambda: pca.projector(OF_INTEGERS).dtype == jnp.result_type(float), check=near(1)),
    Row("pca.projector", "data", partial(pca.projector, X), TypeError, "a fit of jaxmath.pca, got ndarray"),
    Row("pca.from_moments", "data", partial(pca.from_moments, X), TypeError, "expected moments, as moments.of"),
    Row("pca.from_moments", "lists", lambda: pca.from_moments(LISTS).explained_variance, check=near([2.0, 1.0])),
    Row("pca.sample", "integers", lambda: pca.sample(jax.random.key(0), OF_INTEGERS, 9), check=_some_fraction),
    Row("pca.sample", "no samples", partial(pca.sample, jax.random.key(0), FITTED, 0), ValueError, "at least 1"),
    Row(
        "pca.sample",
        "number traced",
        lambda: jax.jit(lambda n: pca.sample(jax.random.key(0), FITTED, n))(3),
        TypeError,
        "num_samples must be static",
    ),
    *data_rows("pca.fit_missing", partial(pca.fit_missing, num_components=1)),
    *weight_rows("pca.fit_missing", lambda x, w: pca.fit_missing(x, 1, weights=w)),
    Row("pca.fit_missing", "k = d", partial(pca.fit_missing, X, 3), ValueError, "1..d - 1 = 2, got 3"),
    Row("pca.fit_missing", "one column", partial(pca.fit_missing, X[:, :1], 1), ValueError, "at least two columns"),
    Row("pca.fit_missing", "no steps", partial(pca.fit_missing, X, 1, max_steps=0), ValueError, "max_steps must be"),
    Row("pca.fit_missing", "chunk 0", partial(pca.fit_missing, X, 1, chunk_size=0), ValueError, "^pca.fit_missing: ch"),
    Row("pca.fit_missing", "infinity", partial(pca.fit_missing, with_cell(np.inf), 1), check=_not_converged),
    Row("pca.fit_missing", "one row", partial(pca.fit_missing, X[:1], 1), check=_not_converged),
    Row("pca.fit_missing", "nothing seen", partial(pca.fit_missing, np.full((5, 3), np.nan), 1), check=_not_converged),
    Row(
        "pca.fit_missing",
        "a column never seen",
        partial(pca.fit_missing, np.where(np.arange(3) == 1, np.nan, X), 1),
        check=_not_converged,
    ),
    Row(
        "pca.fit_missing",
        "negative weight",
        partial(pca.fit_missing, X, 1, weights=[1, 1, 1, 1, -1]),
        check=_not_converged,
    ),
    Row(
        "pca.fit_missing",
        "weight 0 leaves infinity out",
        lambda: pca.fit_missing(with_cell(np.inf), 1, weights=[1, 1, 0, 1, 1]).mean,
        check=near(np.delete(X, 2, axis=0).mean(axis=0), 1e-4),
    ),
    *(
        Row(
            "pca.fit_missing",
            f"weight 0 leaves {huge:g} out",
            lambda huge=huge: pca.fit_missing(with_cell(huge), 1, weights=[1, 1, 0, 1, 1]),
            check=near(lambda: pca.fit_missing(np.delete(X, 2, axis=0), 1), 1e-4),
        )
        for huge in (1e18, 1e30, -3.4e38)
    ),
    Row(
        "pca.fit_missing",
        "repeated rows",
        lambda: pca.fit_missing(np.ones((4, 3)), 1).explained_variance,
        check=near(0.0),
    ),
    *data_rows("pca.impute", partial(pca.impute, FITTED)),
    Row("pca.impute", "other columns", partial(pca.impute, FITTED, X[:, :2]), ValueError, "expected 3 columns"),
    Row("pca.impute", "constant", lambda: pca.impute(pca.fit(ONES, 1), 0 * with_cell(np.nan) + 1), check=near(ONES)),
    Row(
        "pca.impute", "arguments swapped", partial(pca.impute, X, FITTED), TypeError, "a fit of jaxmath.pca, got ndarr"
    ),
    Row("pca.impute", "nothing missing", partial(pca.impute, FITTED, X), check=near(X)),
    Row(
        "pca.impute",
        "nothing seen",
        partial(pca.impute, FITTED, np.full((1, 3), np.nan)),
        check=near(np.asarray(FITTED.mean)[None]),
    ),
    Row(
        "pca.impute",
        "infinity",
        lambda: pca.impute(FITTED, [[np.inf, np.nan, 0.0]])[0, 1],
        check=lambda value: near(0.0)(np.isfinite(value)),
    ),
]

ROWS += [
    Row(
        "pca.fit_missing", "tol below 0", partial(pca.fit_missing, X, 1, tol=-0.1), ValueError, r"tol must be in .*-0.1"
    ),
]
