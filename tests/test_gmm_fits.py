"""Fits of mixtures beside the plain one: missing cells, priors, streams and small batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from quick import quick
from test_gmm import (
    KEY,
    STEPS,
    check_derivative,
    close,
    clusters,
    dense_and_diagonal,
    every_type,
    fit_of_90,
    near_start,
    said,
)

import jaxmath
from jaxmath import gmm
from jaxmath._compiling import quick_to_compile
from jaxmath.gmm.prior import FIELDS


def with_holes(x, share=0.2, seed=0):
    return np.where(np.random.default_rng(seed).random(x.shape) < share, np.nan, x).astype(x.dtype)


def prior_of(x, k, strength=0.1):
    d = x.shape[1]
    return gmm.Prior(2.0, x.mean(axis=0), strength, d + 2.0, np.cov(x.T).reshape(d, d) / k ** (2 / d))


def rises(fit, atol=1e-5):
    return (np.diff(np.asarray(fit.history)[: int(fit.num_steps)]) > -atol).all()


@pytest.mark.parametrize("kind", ["full", "tied", "spherical"])
def test_with_nothing_missing_and_a_flat_prior_it_is_the_plain_fit(kind):
    x = clusters(90).astype(np.float32)
    flat = gmm.Prior(1.0, x.mean(axis=0), 0.0, -6.0 if kind == "tied" else -4.0, np.zeros((2, 2), np.float32))
    options = {"covariance_type": kind, "init": near_start(x, kind), "max_steps": STEPS, "tol": 0.0}
    close(quick(gmm.fit_missing, KEY, x, 3, prior=flat, **options), fit_of_90(x, kind, options["init"], tol=0.0))


@pytest.mark.once
def test_a_column_seen_in_some_rows_has_the_regression_estimate():
    """Two columns, the second seen in the first 60 rows: the likeliest normal has a closed form (Anderson, 1957)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 2)) @ [[1.0, 0.7], [0.0, 0.5]] + [3.0, -1.0]
    both = x[:60]
    covariance = np.cov(both.T, bias=True)
    slope = covariance[0, 1] / covariance[0, 0]
    left = covariance[1, 1] - slope * covariance[0, 1]
    mean, spread = x[:, 0].mean(), x[:, 0].var()
    x[60:, 1] = np.nan
    with jax.enable_x64(True):
        init = near_start(np.arange(4.0).reshape(2, 2), "diag", 1)
        init = gmm.GMM(init.weights, init.means, jnp.eye(2)[None])
        params = quick(gmm.fit_missing, KEY, x, 1, init=init, tol=1e-14, max_steps=500, reg_covar=0.0).params
    expected = [mean, both[:, 1].mean() + slope * (mean - both[:, 0].mean())]
    np.testing.assert_allclose(params.means[0], expected, rtol=1e-6)
    np.testing.assert_allclose(
        params.covariances[0], [[spread, slope * spread], [slope * spread, left + slope**2 * spread]], rtol=1e-6
    )


@dense_and_diagonal
def test_rows_of_weight_2_chunks_and_empty_rows_with_missing_cells(kind):
    whole, counts, ones = clusters(90, apart=4.0).astype(np.float32), np.arange(90) % 3, np.ones(90)
    x, options = with_holes(whole), {"covariance_type": kind, "init": near_start(whole, kind), "max_steps": 300}
    repeated = quick(gmm.fit_missing, KEY, np.repeat(x, counts, axis=0), 3, weights=ones, tol=0.0, **options)
    for chunk_size, odd in ((None, np.inf), (None, 3e38), (7, np.inf))[: 3 if kind == "full" else 2]:
        x[counts == 0] = odd
        close(quick(gmm.fit_missing, KEY, x, 3, weights=counts, chunk_size=chunk_size, tol=0.0, **options), repeated)
    empty = x.copy()
    empty[counts == 0] = np.nan
    fit = quick(gmm.fit_missing, KEY, empty, 3, weights=np.maximum(counts, 1), tol=0.0, **options)
    close(fit.params, repeated.params, atol=2e-3)
    fit = quick(gmm.fit_missing, KEY, empty, 3, weights=counts, tol=1e-5, **options)
    assert fit.converged
    assert rises(fit)


def test_imputed_cells_are_nearer_than_means():
    x = clusters(300, 4, apart=3.0).astype(np.float32)
    holes = with_holes(x, 0.3)
    fit = quick(gmm.fit_missing, KEY, holes, 3, n_init=3, tol=1e-5)
    assert fit.converged
    assert rises(fit)
    filled = np.asarray(quick(gmm.impute, fit.params, holes))
    lost, kept = np.isnan(holes), ~np.isnan(holes)
    np.testing.assert_array_equal(filled[kept], x[kept])
    by_means = np.broadcast_to(np.nanmean(holes, axis=0), x.shape)
    assert np.square(filled - x)[lost].mean() < 0.6 * np.square(by_means - x)[lost].mean()


def objective(at, shape, kind, x, prior):
    """The log-density of a mixture of three under a prior, and of rows of two cells under it, from SciPy's."""
    weights, means, covariances = np.exp(at[:3]) / np.exp(at[:3]).sum(), at[3:9].reshape(3, 2), at[9:].reshape(shape)
    eye = np.eye(2)
    full = np.asarray({
        "full": lambda: (covariances + np.swapaxes(covariances, -1, -2)) / 2,
        "tied": lambda: np.stack([(covariances + covariances.T) / 2] * 3),
        "diag": lambda: covariances[:, :, None] * eye,
        "spherical": lambda: covariances[:, None, None] * eye,
        "tied_diag": lambda: np.stack([covariances * eye] * 3),
        "tied_spherical": lambda: np.stack([covariances * eye] * 3),
    }[kind]())  # fmt: skip
    seen, likelihood = ~np.isnan(x), 0.0
    for cells in ([0], [1], [0, 1]):
        rows = x[(seen == np.isin([0, 1], cells)).all(axis=1)][:, cells]
        normals = [
            scipy.stats.multivariate_normal(m[cells], c[np.ix_(cells, cells)]) for m, c in zip(means, full, strict=True)
        ]
        likelihood += np.log(sum(w * n.pdf(rows) for w, n in zip(weights, normals, strict=True))).sum()
    wishart = scipy.stats.invwishart(prior.df, prior.scale)
    own = full[:1] if kind.startswith("tied") else full
    centers = [
        scipy.stats.multivariate_normal(prior.mean, c / prior.mean_strength).logpdf(m)
        for m, c in zip(means, full, strict=True)
    ]
    return likelihood + np.log(weights).sum() + sum(wishart.logpdf(c) for c in own) + sum(centers)


@pytest.mark.once
@every_type
def test_the_fit_under_a_prior_is_a_maximum(kind):
    """The posterior of the cells that are seen has no slope there along any parameter; its history never falls."""
    whole = clusters(60, seed=3)
    x, prior = with_holes(whole, 0.1), prior_of(whole, 3)
    with jax.enable_x64(True):
        options = {"covariance_type": kind, "init": near_start(whole, kind), "max_steps": 3000}
        fit = quick(gmm.fit_missing, KEY, x, 3, prior=prior, tol=1e-13, reg_covar=0.0, **options)
    assert fit.converged
    assert rises(fit, 1e-12)
    p = fit.params
    shape = np.shape(p.covariances)
    at = np.concatenate([np.log(p.weights), np.ravel(p.means), np.ravel(p.covariances)])
    slopes = scipy.optimize.approx_fprime(at, lambda at: objective(at, shape, kind, x, prior), 1e-6)
    assert np.abs(slopes).max() < 1e-3


@pytest.mark.parametrize("seed", [8, 15])
def test_the_best_start_under_a_prior_counts_rows_by_their_weights(seed):
    """Their sum is 1.2, beside which the prior is large; beside the number of rows another start would be the best."""
    x = (np.random.default_rng(seed).normal(size=(12, 2)).astype(np.float32) * [3, 1]).astype(np.float32)
    key, weights = jax.random.key(seed), np.full(12, 0.1, np.float32)
    prior = gmm.Prior(1.0, np.zeros(2), 0.5, 6.0, np.eye(2))
    options = {"weights": weights, "prior": prior, "init": "random", "tol": 1e-6, "max_steps": 300}
    alone = [quick(gmm.fit, k, x, 3, **options) for k in jax.random.split(key, 4)]

    def log_posterior(fit, num_rows):
        p = fit.params
        wishart = scipy.stats.invwishart(6.0, np.eye(2))
        of_prior = sum(
            wishart.logpdf(c) + scipy.stats.multivariate_normal(np.zeros(2), c / 0.5).logpdf(m)
            for m, c in zip(np.asarray(p.means, float), np.asarray(p.covariances, float), strict=True)
        )
        return fit.log_likelihood + of_prior / num_rows

    best, other = (np.argmax([log_posterior(fit, n) for fit in alone]) for n in (1.2, 12))
    assert best != other
    found = quick(gmm.fit, key, x, 3, n_init=4, **options)
    np.testing.assert_allclose(found.params.means, alone[best].params.means, rtol=1e-3)


def test_a_prior_keeps_single_rows_from_collapsing():
    x = np.array([[0.0], [0.0], [5.0], [5.0], [9.0]], np.float32)
    with_prior = quick(gmm.fit, KEY, x, 3, reg_covar=0.0, prior=prior_of(x, 3))
    assert np.isfinite(with_prior.log_likelihood)
    assert (np.asarray(with_prior.params.covariances) > 0.1).all()


@pytest.mark.once
@pytest.mark.parametrize(("kind", "reverse"), [("full", False), ("tied_diag", True)])
def test_derivative_of_a_fit_with_missing_cells_under_a_prior(kind, reverse):
    """Along data, weights and the prior, against differences of refits of a fixed number of steps."""
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        whole = clusters(40, 2, apart=3.0)
        x, prior = with_holes(whole, 0.15), prior_of(clusters(40, 2), 2)
        seen = ~np.isnan(x)
        fields = [np.asarray(getattr(prior, name), float) for name in FIELDS]
        weights = rng.uniform(0.5, 2.0, size=40) * (np.arange(40) != 5)
        start = near_start(whole, kind, 2)
        parts = jax.tree.map(lambda a: rng.normal(size=a.shape), start)

        def value(inputs, init, tol):
            x, weights, *fields = inputs
            fit = gmm.fit_missing(
                KEY, jnp.where(seen, x, jnp.nan), 2, covariance_type=kind, init=init, weights=weights, tol=tol,
                prior=gmm.Prior(*fields), max_steps=400,
            )  # fmt: skip
            sums = map(jnp.vdot, jax.tree.leaves(fit.params), jax.tree.leaves(parts))
            return sum(sums) + fit.log_likelihood, fit.params

        inputs = [np.where(seen, x, 0), weights, *fields]
        slopes = check_derivative(value, inputs, start, start, 5, reverse)
        if reverse:
            assert (np.where(seen, 0, slopes(inputs)[0]) == 0).all()


def test_derivative_with_respect_to_a_prior_alone():
    """One component has it in closed form: its covariance is (scatter + S) / (n + nu + d + 2) where kappa is 0."""
    x = clusters(30).astype(np.float32)
    init = near_start(x, "full", 1)

    def spread(scale):
        prior = gmm.Prior(1.0, np.zeros(2), 0.0, 4.0, scale * jnp.eye(2))
        return gmm.fit(KEY, x, 1, prior=prior, tol=1e-6, init=init).params.covariances[0, 0, 0]

    slope = jax.jit(jax.grad(spread), compiler_options=quick_to_compile())(1.0)
    assert slope == pytest.approx(1 / (30 + 4 + 2 + 2), rel=1e-4)


@pytest.mark.parametrize(("kind", "more"), [("full", True), ("tied_diag", False)])
def test_batches_are_the_whole(kind, more):
    """Ragged batches, one of them empty; 5,000 rows are more than a piece. With weights and a prior, and without."""
    x, cuts = clusters(5000).astype(np.float32), [10, 10, 2000, 4700]
    options = {"covariance_type": kind, "init": near_start(x, kind), "max_steps": 6}
    options["prior"] = prior_of(x, 3, 0.1) if more else None
    weights = np.random.default_rng(0).integers(0, 4, size=5000) if more else None
    parts = (lambda: iter(np.split(weights, cuts))) if more else None
    streamed = gmm.fit_batches(KEY, lambda: iter(np.split(x, cuts)), 3, weights=parts, **options)
    whole = quick(gmm.fit, KEY, x, 3, weights=weights, chunk_size=1000, **options)
    close(streamed, whole, rtol=1e-3, atol=1e-4)


def test_batches_place_their_own_start_and_stop():
    x = np.random.default_rng(0).permutation(np.repeat([[0.0, 0.0], [9.0, 9.0]], 50, axis=0))
    x = (x + np.random.default_rng(1).normal(size=x.shape)).astype(np.float32)
    fit = gmm.fit_batches(KEY, lambda: np.split(x, 4), 2, init="kmeans", max_steps=30)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(np.asarray(quick(said, fit.params, x)[0]).mean(), rel=1e-5)
    np.testing.assert_allclose(fit.params.weights, 0.5, atol=0.01)
    short = gmm.fit_batches(KEY, lambda: np.split(x, 4), 2, init="kmeans", max_steps=1)
    assert (int(short.num_steps), bool(short.converged)) == (1, False)


def test_a_first_batch_of_weight_0_is_left_out():
    x = clusters(100).astype(np.float32) + 1e4
    batches, weights = [np.full((5, 2), np.nan), x], [np.zeros(5), np.ones(100)]
    fit = gmm.fit_batches(KEY, lambda: batches, 2, weights=lambda: weights, max_steps=3)
    close(fit, gmm.fit_batches(KEY, lambda: [x], 2, weights=lambda: [np.ones(100)], max_steps=3), 1e-6)


def test_an_iterator_that_is_used_up_is_an_error():
    x = clusters(30).astype(np.float32)
    batches, init = iter([x] * 2), near_start(x, "full", 2)
    with pytest.raises(ValueError, match=r"^gmm.fit_batches: .* a fresh iterator, got the one of before$"):
        gmm.fit_batches(KEY, lambda: batches, 2, init=init)


@dense_and_diagonal
def test_small_batches_come_near_the_fit_of_all(kind):
    """Rows of equal weight, and rows drawn by weight among which lost ones count for nothing."""
    x = clusters(3000, 3, apart=8.0).astype(np.float32)
    lost = np.arange(3000) < 1000
    uneven = np.where(lost, 0, np.random.default_rng(0).integers(1, 9, size=3000)).astype(float)
    ones, start = np.ones(3000), {"covariance_type": kind, "init": near_start(x, kind)}
    options = {**start, "init": quick(gmm.fit, KEY, x, 3, weights=ones, tol=0.05, **start).params}
    for rows, weights, drawn in (
        (x, ones, ones), (x, ones, None), (np.where(lost[:, None], np.nan, x), uneven, uneven)
    ):  # fmt: skip
        if drawn is None and kind != "full":
            continue
        whole = quick(gmm.fit, KEY, rows, 3, weights=weights, tol=1e-6, **options)
        small = quick(gmm.fit_minibatch, KEY, rows, 3, weights=drawn, batch_size=256, num_steps=150, **options)
        assert not small.converged
        jaxmath.check_finite(small, "of clean data")
        density, before = (np.asarray(quick(said, p, x)[0], float) for p in (small.params, options["init"]))
        assert small.log_likelihood == pytest.approx(np.average(density, weights=weights), rel=1e-5)
        assert small.log_likelihood == pytest.approx(float(whole.log_likelihood), abs=0.02)
        assert small.log_likelihood > np.average(before, weights=weights)


def test_small_batches_place_a_start_by_weight():
    x, weights = clusters(100).astype(np.float32), np.r_[np.zeros(50), np.ones(50)]
    rows = np.where(weights[:, None] == 0, np.nan, x).astype(np.float32)
    fit = quick(gmm.fit_minibatch, KEY, rows, 3, weights=weights, batch_size=20, num_steps=20)
    density = np.asarray(quick(said, fit.params, x)[0])
    assert fit.log_likelihood == pytest.approx(density[50:].mean(), rel=1e-5)


def test_small_batches_place_a_start_among_fewer_rows_than_components_ask_for():
    x = clusters(100).astype(np.float32)
    fit = jax.eval_shape(lambda x: gmm.fit_minibatch(KEY, x, 10, batch_size=4, num_steps=20), x)
    assert fit.params.means.shape == (10, 2)
