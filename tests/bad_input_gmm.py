"""Bad input to mixtures of Gaussians."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, X, data_rows, dtype_is, near, only_row_is_nan, table, weight_rows, with_cell

from jaxmath import gmm

KEY = jax.random.key(0)
FULL = gmm.GMM(jnp.array([0.5, 0.5]), jnp.array(X[:2]), jnp.stack([2 * jnp.eye(3)] * 2), "full")
DIAG = gmm.GMM(jnp.array([0.5, 0.5]), jnp.array(X[:2]), jnp.full((2, 3), 2.0), "diag")
FIT = partial(gmm.fit, KEY, init=DIAG, covariance_type="diag", max_steps=3)
FITTED = gmm.Fit(DIAG, *jnp.zeros(5))


def lost(fit: gmm.Fit) -> None:
    assert not fit.converged
    assert np.isnan(fit.log_likelihood)


def good(fit: gmm.Fit) -> None:
    assert np.isfinite(fit.log_likelihood)


def nothing_is_nan(result: Any) -> None:
    assert not any(np.isnan(np.asarray(leaf)).any() for leaf in jax.tree.leaves(result))


def only_label_is_missing(labels: Any) -> None:
    np.testing.assert_array_equal(np.asarray(labels) == -1, np.arange(5) == 2)


def fitted_in(dtype: Any):
    def check(fit: gmm.Fit) -> None:
        dtype_is(dtype)((fit.params, fit.log_likelihood, fit.history))
        good(fit)

    return check


OF_ROWS = {"log_prob": gmm.log_prob, "responsibilities": gmm.responsibilities, "predict": gmm.predict}
OF_DATA = {**OF_ROWS, "bic": gmm.bic, "aic": gmm.aic, "e_step": gmm.e_step, "em_step": gmm.em_step,
           "impute": gmm.impute}  # fmt: skip
OF_PARAMS = {
    **{name: lambda p, f=f: f(p, X) for name, f in OF_DATA.items()},
    "sample": lambda p: gmm.sample(KEY, p, 3),
    "marginal": lambda p: gmm.marginal(p, [0]),
    "conditional": lambda p: gmm.conditional(p, [0], [1.0]),
    "precisions": gmm.precisions,
    "covariances": gmm.covariances,
    "m_step": lambda p: gmm.m_step(p, gmm.e_step(FULL, X)),
}


def _of_params(name: str, call: Any) -> list[Row]:
    function, k, means = f"gmm.{name}", FULL.weights, FULL.means
    rows = table(
        function,
        ("no mixture", partial(call, (k, means)), (TypeError, f"{function}: expected a gmm.GMM, got tuple")),
        ("a fit", partial(call, FITTED), (TypeError, "expected a gmm.GMM, got Fit; pass fit.params")),
        ("weights of another k", lambda: call(gmm.GMM(jnp.ones(3), means, FULL.covariances)), (ValueError, "weights")),
        ("unknown type", lambda: call(gmm.GMM(k, means, FULL.covariances, "round")), (ValueError, "covariance_type")),
        (
            "shape of another type",
            lambda: call(gmm.GMM(k, means, FULL.covariances, "tied")),
            (ValueError, r"expected tied covariances of shape \(3, 3\), got \(2, 3, 3\)"),
        ),
    )
    return rows if name == "log_prob" else rows[:1]  # one guard serves all


def _of_data(name: str, call: Any) -> list[Row]:
    return [
        *data_rows(f"gmm.{name}", partial(call, FULL)),
        *table(f"gmm.{name}", ("other columns", partial(call, FULL, X[:, :2]), (ValueError, "expected 3 columns"))),
    ]


def _indices(name: str, call: Any) -> list[Row]:
    return table(
        f"gmm.{name}",
        ("no index", partial(call, []), (ValueError, "one or more of -3..2")),
        ("index out of range", partial(call, [3]), (ValueError, "one or more of -3..2, got")),
        ("index below range", partial(call, [-4]), (ValueError, "one or more of -3..2, got")),
        ("index twice", partial(call, [1, -2]), (ValueError, "every index once")),
        ("fraction", partial(call, [0.5]), (TypeError, "sequence of integers")),
        ("a number", partial(call, 1), (TypeError, "sequence of integers")),
        ("traced indices", lambda: jax.jit(lambda i: call(i))(jnp.array([0])), (TypeError, "indices must be static")),
    )


def _batches(*args: Any, **options: Any) -> gmm.Fit:
    return gmm.fit_batches(KEY, *args, **options)


NEITHER = "expected a callable that returns a fresh iterator, got"
PRIOR = gmm.Prior(jnp.ones(()), jnp.zeros(3), jnp.ones(()), jnp.array(6.0), jnp.eye(3))
WITH_PRIOR = {
    "fit": lambda prior: gmm.fit(KEY, X, 2, prior=prior),
    "fit_missing": lambda prior: gmm.fit_missing(KEY, X, 2, prior=prior),
    "fit_batches": lambda prior: _batches(lambda: [X], 2, prior=prior),
    "m_step": lambda prior: gmm.m_step(FULL, gmm.e_step(FULL, X), prior=prior),
}


def _of_prior(name: str, call: Any) -> list[Row]:
    other = gmm.Prior(jnp.ones(3), *(getattr(PRIOR, field) for field in ("mean", "mean_strength", "df", "scale")))
    rows = table(
        f"gmm.{name}",
        ("no prior", partial(call, (1.0, 2.0)), (TypeError, "expected prior to be a gmm.Prior, got tuple")),
        ("prior of another k", partial(call, other), (ValueError, r"expected a prior of shapes \(\) or \(2,\)")),
        (
            "prior of another d",
            lambda: call(gmm.Prior(1.0, jnp.zeros(2), 1.0, 6.0, jnp.eye(3))),
            (ValueError, r"expected a prior of shapes"),
        ),
        ("complex prior", lambda: call(gmm.Prior(1j, jnp.zeros(3), 1.0, 6.0, jnp.eye(3))), (TypeError, "real numbers")),
    )
    return rows if name == "fit" else rows[:1]


ROWS = [
    *[row for name, call in WITH_PRIOR.items() for row in _of_prior(name, call)],
    *data_rows("gmm.fit_missing", lambda x: gmm.fit_missing(KEY, x, 1)),
    *weight_rows("gmm.fit_missing", lambda x, w: gmm.fit_missing(KEY, x, 2, weights=w)),
    *table(
        "gmm.fit_missing",
        ("k > n", partial(gmm.fit_missing, KEY, X, 6), (ValueError, "fit_missing: num_components must be in 1..n = 5")),
        ("infinity", lambda: gmm.fit_missing(KEY, with_cell(np.inf), 1), lost),
        ("negative weight", lambda: gmm.fit_missing(KEY, X, 1, weights=[1, 1, 1, 1, -1]), lost),
        ("column never seen", lambda: gmm.fit_missing(KEY, np.where([0, 1, 0], np.nan, X), 1), lost),
        ("nothing seen", lambda: gmm.fit_missing(KEY, X * np.nan, 1), lost),
        ("one missing cell", lambda: gmm.fit_missing(KEY, with_cell(np.nan), 1), good),
        (
            "weight 0 leaves infinity out",
            lambda: gmm.fit_missing(KEY, with_cell(np.inf), 1, weights=[1, 1, 0, 1, 1])[:2],
            near(lambda: gmm.fit(KEY, np.delete(X, 2, axis=0), 1)[:2]),
        ),
        ("float16", lambda: gmm.fit_missing(KEY, X.astype(np.float16), 1), fitted_in(jnp.float16)),
    ),
    *table(
        "gmm.impute",
        ("infinite row", lambda: gmm.impute(FULL, [[np.inf, np.nan, 0.0]]), near(np.array([[np.inf, np.nan, 0.0]]))),
        ("nothing missing", lambda: gmm.impute(FULL, X), near(X)),
        ("nothing seen", lambda: gmm.impute(FULL, X[:1] * np.nan), near(X[:2].mean(axis=0)[None])),
    ),
    *table(
        "gmm.fit_batches",
        ("a generator", lambda: _batches((b for b in [X]), 2), (TypeError, f"{NEITHER} generator")),
        ("a list", lambda: _batches([X], 2), (TypeError, f"{NEITHER} list")),
        ("no batch", lambda: _batches(lambda: [], 2), (ValueError, "at least one row, got an empty iterator")),
        ("rank 1", lambda: _batches(lambda: [X[0]], 2), (ValueError, r"batches of shape \(m, d\), got \(3,\)")),
        ("other columns", lambda: _batches(lambda: [X, X[:, :2]], 2), (ValueError, "batches differ in their columns")),
        ("k > rows", lambda: _batches(lambda: [X], 6), (ValueError, "1..rows of the first piece = 5, got 6")),
        ("shares", lambda: _batches(lambda: [X], 2, init=np.ones((5, 2))), (TypeError, "a word or a gmm.GMM")),
        ("start of another d", lambda: _batches(lambda: [X[:, :2]], 2, init=FULL), (ValueError, "init to be full")),
        ("a list of weights", lambda: _batches(lambda: [X], 2, weights=[np.ones(5)]), (TypeError, f"{NEITHER} list")),
        (
            "one weight",
            lambda: _batches(lambda: [X], 2, weights=lambda: [np.ones(1)]),
            (ValueError, "weights of shape"),
        ),
        ("NaN", lambda: _batches(lambda: [X, with_cell(np.nan)], 1), lost),
        ("float16", lambda: _batches(lambda: [X.astype(np.float16)] * 2, 1), fitted_in(jnp.float16)),
    ),
    *data_rows("gmm.fit_minibatch", lambda x: gmm.fit_minibatch(KEY, x, 1, num_steps=2)),
    *table(
        "gmm.fit_minibatch",
        ("k > n", partial(gmm.fit_minibatch, KEY, X, 6), (ValueError, "num_components must be in 1..n = 5, got 6")),
        ("no steps", partial(gmm.fit_minibatch, KEY, X, 2, num_steps=0), (ValueError, "max_steps must be at least 1")),
        ("empty batch", partial(gmm.fit_minibatch, KEY, X, 2, batch_size=0), (ValueError, "batch_size must be at")),
        ("NaN", lambda: gmm.fit_minibatch(KEY, with_cell(np.nan), 1), lost),
        ("float16", lambda: gmm.fit_minibatch(KEY, X.astype(np.float16), 1), fitted_in(jnp.float16)),
    ),
    *weight_rows("gmm.fit_minibatch", lambda x, w: gmm.fit_minibatch(KEY, x, 2, weights=w, num_steps=2)),
    *data_rows("gmm.fit", lambda x: gmm.fit(KEY, x, 1)),
    *weight_rows("gmm.fit", lambda x, w: gmm.fit(KEY, x, 2, weights=w)),
    *weight_rows("gmm.e_step", lambda x, w: gmm.e_step(FULL, x, weights=w)),
    *weight_rows("gmm.em_step", lambda x, w: gmm.em_step(FULL, x, weights=w)),
    *table(
        "gmm.fit",
        ("k = 0", partial(gmm.fit, KEY, X, 0), (ValueError, "num_components must be in 1..n = 5, got 0")),
        ("k > n", partial(gmm.fit, KEY, X, 6), (ValueError, "num_components must be in 1..n = 5, got 6")),
        ("k traced", lambda: jax.jit(gmm.fit)(KEY, X, 2), (TypeError, "num_components must be static")),
        ("n_init = 0", partial(gmm.fit, KEY, X, 2, n_init=0), (ValueError, "n_init must be at least 1")),
        ("max_steps = 0", partial(gmm.fit, KEY, X, 2, max_steps=0), (ValueError, "max_steps must be at least 1")),
        ("chunk 0", partial(gmm.fit, KEY, X, 2, chunk_size=0), (ValueError, "chunk_size must be at least 1")),
        ("a type", partial(gmm.fit, KEY, X, 2, covariance_type="round"), (ValueError, "one of 'full', 'tied', 'diag'")),
        ("a start", partial(gmm.fit, KEY, X, 2, init="best"), (ValueError, "one of 'kmeans..', 'kmeans', 'random'")),
        ("start of another type", partial(gmm.fit, KEY, X, 2, init=DIAG), (ValueError, "init to be full with means")),
        ("start of another k", partial(gmm.fit, KEY, X, 3, init=FULL), (ValueError, r"full with means \(3, 3\), got")),
        (
            "start of another d",
            partial(gmm.fit, KEY, X[:, :2], 2, init=FULL),
            (ValueError, r"full with means \(2, 2\)"),
        ),
        ("shares of another k", partial(gmm.fit, KEY, X, 2, init=np.ones((5, 3))), (ValueError, r"\(5, 2\), got")),
        ("NaN", lambda: FIT(with_cell(np.nan), 2), lost),
        ("infinity", lambda: FIT(with_cell(np.inf), 2), lost),
        ("NaN, drawn start", lambda: gmm.fit(KEY, with_cell(np.nan)[:, :2], 2), lost),
        ("NaN among shares", lambda: gmm.fit(KEY, X, 2, init=np.full((5, 2), np.nan)), lost),
        ("negative weight", lambda: FIT(X, 2, weights=[1, 1, 1, 1, -1]), lost),
        ("weights 0", lambda: FIT(X, 2, weights=np.zeros(5)), lost),
        ("no full rank, no reg_covar", lambda: gmm.fit(KEY, X[:, [0, 0]], 2, reg_covar=0.0), good),
        (
            "weight 0 leaves NaN out",
            lambda: FIT(with_cell(np.nan), 2, weights=[1, 1, 0, 1, 1])[:2],
            near(lambda: FIT(np.delete(X, 2, axis=0), 2)[:2]),
        ),
        ("integers", lambda: gmm.fit(KEY, X[:, :2].astype(int).tolist(), 2), good),
        ("one row", lambda: gmm.fit(KEY, X[:1], 1), good),
        ("float16", lambda: FIT(X.astype(np.float16), 2), fitted_in(jnp.float16)),
        ("bfloat16", lambda: FIT(jnp.asarray(X, jnp.bfloat16), 2), fitted_in(jnp.bfloat16)),
    ),
    *table(
        "gmm.e_step",
        ("chunk 0", lambda: gmm.e_step(FULL, X, chunk_size=0), (ValueError, "e_step: chunk_size must be at least 1")),
        ("NaN", lambda: gmm.e_step(FULL, with_cell(np.nan)).log_likelihood, near(np.nan)),
        ("infinity", lambda: gmm.e_step(DIAG, with_cell(np.inf)).log_likelihood, near(np.nan)),
    ),
    *[row for name, call in OF_PARAMS.items() for row in _of_params(name, call)],
    *[row for name, call in OF_DATA.items() for row in _of_data(name, call)],
    *_indices("marginal", partial(gmm.marginal, FULL)),
    *_indices("conditional", lambda indices: gmm.conditional(FULL, indices, [1.0])),
    *table(
        "gmm.log_prob",
        ("NaN row", lambda: gmm.log_prob(FULL, with_cell(np.nan)), lambda p: only_row_is_nan(p, 2)),
        ("infinite row", lambda: gmm.log_prob(FULL, with_cell(np.inf)), lambda p: only_row_is_nan(p, 2)),
        (
            "a negative variance",
            lambda: gmm.log_prob(gmm.GMM(DIAG.weights, DIAG.means, DIAG.covariances.at[1, 0].set(-1.0), "diag"), X),
            lambda p: near(np.full(5, np.nan))(p),
        ),
        ("float16", lambda: gmm.log_prob(jax.tree.map(jnp.float16, FULL), X.astype(np.float16)), dtype_is(jnp.float16)),
    ),
    *table(
        "gmm.responsibilities",
        ("NaN row", lambda: gmm.responsibilities(FULL, with_cell(np.nan)), lambda p: only_row_is_nan(p, 2)),
        ("a far row", lambda: gmm.responsibilities(FULL, X + 1e6), nothing_is_nan),
    ),
    *table(
        "gmm.predict",
        ("NaN row", lambda: gmm.predict(FULL, with_cell(np.nan)), only_label_is_missing),
        ("infinite row", lambda: gmm.predict(DIAG, with_cell(-np.inf)), only_label_is_missing),
    ),
    *table(
        "gmm.conditional",
        (
            "all known",
            lambda: gmm.conditional(FULL, [0, 1, 2], X[0]),
            (ValueError, "at least one variable that is not"),
        ),
        ("values of another size", lambda: gmm.conditional(FULL, [0], [1.0, 2.0]), (ValueError, r"shape \(1,\), one")),
        ("complex values", lambda: gmm.conditional(FULL, [0], [1j]), (TypeError, "real numbers")),
        (
            "NaN value",
            lambda: gmm.conditional(FULL, [0], [np.nan]),
            lambda p: near(np.full((2, 2), np.nan))(p.means),
        ),
    ),
    *table(
        "gmm.precisions",
        (
            "a variance of 0",
            lambda: gmm.precisions(gmm.GMM(DIAG.weights, DIAG.means, DIAG.covariances.at[1, 0].set(0.0), "diag")),
            near(np.array([[0.5, 0.5, 0.5], [np.nan, 0.5, 0.5]])),
        ),
    ),
    *table(
        "gmm.sample",
        ("no samples", lambda: gmm.sample(KEY, FULL, 0), (ValueError, "num_samples must be at least 1")),
        ("float16", lambda: gmm.sample(KEY, jax.tree.map(jnp.float16, FULL), 2)[0], dtype_is(jnp.float16)),
    ),
]

PRIOR = {"concentration": 1.0, "mean": np.zeros(3), "mean_strength": 0.0, "df": 5.0, "scale": np.eye(3)}
FEW = {"init": DIAG, "covariance_type": "diag"}
OUT_OF_RANGE = {
    "fit": (partial(FIT, X, 2), ("tol", "reg_covar")),
    "fit_missing": (partial(gmm.fit_missing, KEY, X, 2, **FEW), ("tol", "reg_covar")),
    "fit_batches": (partial(gmm.fit_batches, KEY, lambda: [X], 2, **FEW), ("tol", "reg_covar")),
    "fit_minibatch": (partial(gmm.fit_minibatch, KEY, X, 2, **FEW), ("decay", "reg_covar")),
    "em_step": (partial(gmm.em_step, DIAG, X), ("reg_covar",)),
    "m_step": (partial(gmm.m_step, DIAG, None), ("reg_covar",)),
}
ROWS += [
    *[
        Row(
            f"gmm.{name}",
            f"{option} below 0",
            partial(call, **{option: -0.5}),
            ValueError,
            f"{option} must be in .*-0.5",
        )
        for name, (call, options) in OUT_OF_RANGE.items()
        for option in options
    ],
    *[
        Row(
            "gmm.fit",
            f"prior.{field} too low",
            partial(FIT, X, 2, prior=gmm.Prior(**PRIOR | {field: -0.5})),
            ValueError,
            f"prior.{field} must be in",
        )
        for field in ("concentration", "mean_strength")
    ],
    *table(
        "gmm.fit",
        ("reg_covar below 0, an array", lambda: FIT(X, 2, reg_covar=np.array(-1.0)).log_likelihood, near(np.nan)),
        ("tol below 0, an array", lambda: FIT(X, 2, tol=jnp.array(-1.0)).converged, near(False)),
    ),
]
