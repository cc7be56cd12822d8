"""Fits of mixtures beside the plain one: missing cells, priors, streams and small batches."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from test_gmm import KEY, close, clusters, dense_and_diagonal, every_type, near_start

from jaxmath import gmm
from jaxmath.crosscheck.gradient import quick_to_compile


def with_holes(x, share=0.2, seed=0):
    return np.where(np.random.default_rng(seed).random(x.shape) < share, np.nan, x).astype(x.dtype)


def prior_of(x, k, strength=0.1):
    d = x.shape[1]
    return gmm.Prior(2.0, x.mean(axis=0), strength, d + 2.0, np.cov(x.T).reshape(d, d) / k ** (2 / d))


def rises(fit, atol=1e-5):
    return (np.diff(np.asarray(fit.history)[: int(fit.num_steps)]) > -atol).all()


@every_type
def test_with_nothing_missing_it_is_the_plain_fit(kind):
    x = clusters(90, 3).astype(np.float32)
    options = {"covariance_type": kind, "init": near_start(x, kind), "max_steps": 8, "tol": 0.0}
    close(gmm.fit_missing(KEY, x, 3, **options), gmm.fit(KEY, x, 3, **options))


@every_type
def test_the_likelihood_of_seen_cells_never_falls(kind):
    fit = gmm.fit_missing(KEY, with_holes(clusters(120, 3).astype(np.float32)), 3, covariance_type=kind, tol=1e-5)
    assert fit.converged
    assert rises(fit)


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
        params = gmm.fit_missing(KEY, x, 1, tol=1e-14, max_steps=500, reg_covar=0.0).params
    expected = [mean, both[:, 1].mean() + slope * (mean - both[:, 0].mean())]
    np.testing.assert_allclose(params.means[0], expected, rtol=1e-6)
    np.testing.assert_allclose(
        params.covariances[0], [[spread, slope * spread], [slope * spread, left + slope**2 * spread]], rtol=1e-6
    )


@dense_and_diagonal
def test_rows_of_weight_2_chunks_and_empty_rows_with_missing_cells(kind):
    x = with_holes(clusters(40).astype(np.float32))
    counts = np.arange(40) % 3
    options = {
        "covariance_type": kind,
        "init": near_start(clusters(40).astype(np.float32), kind),
        "max_steps": 5,
        "tol": 0.0,
    }
    repeated = gmm.fit_missing(KEY, np.repeat(x, counts, axis=0), 3, **options)
    x[counts == 0] = np.inf
    for chunk_size in (None, 7):
        close(gmm.fit_missing(KEY, x, 3, weights=counts, chunk_size=chunk_size, **options), repeated)
    x = x[counts > 0]
    empty = np.r_[x, np.full((5, 2), np.nan, np.float32)]
    options["max_steps"] = 300
    close(gmm.fit_missing(KEY, empty, 3, **options).params, gmm.fit_missing(KEY, x, 3, **options).params, atol=2e-3)


def test_imputed_cells_are_nearer_than_means():
    x = clusters(300, 4, apart=3.0)
    holes = with_holes(x, 0.3)
    filled = gmm.impute(gmm.fit_missing(KEY, holes, 3, n_init=3).params, holes)
    lost, kept = np.isnan(holes), ~np.isnan(holes)
    np.testing.assert_array_equal(np.asarray(filled)[kept], x.astype(filled.dtype)[kept])
    by_means = np.broadcast_to(np.nanmean(holes, axis=0), x.shape)
    assert np.square(filled - x)[lost].mean() < 0.6 * np.square(by_means - x)[lost].mean()


@every_type
def test_a_flat_prior_is_no_prior(kind):
    x = clusters(90).astype(np.float32)
    df = -5.0 - 1 if kind.startswith("tied") else -4.0
    flat = gmm.Prior(1.0, x.mean(axis=0), 0.0, df, np.zeros((2, 2)))
    options = {"covariance_type": kind, "init": near_start(x, kind), "max_steps": 8, "tol": 0.0}
    close(gmm.fit(KEY, x, 3, prior=flat, **options).params, gmm.fit(KEY, x, 3, **options).params)


@every_type
def test_the_fit_under_a_prior_is_a_maximum(kind):
    """The posterior, from SciPy's densities, has no slope there along any parameter; its history never falls."""
    x = clusters(60, seed=3)
    prior = prior_of(x, 3)
    with jax.enable_x64(True):
        fit = gmm.fit(KEY, x, 3, covariance_type=kind, prior=prior, tol=1e-13, max_steps=3000, reg_covar=0.0)
    assert fit.converged
    assert rises(fit, 1e-12)
    shape = np.shape(fit.params.covariances)

    def objective(at):
        weights, means, covariances = (
            np.exp(at[:3]) / np.exp(at[:3]).sum(),
            at[3:9].reshape(3, 2),
            at[9:].reshape(shape),
        )
        eye = np.eye(2)
        full = np.asarray({
            "full": lambda: (covariances + np.swapaxes(covariances, -1, -2)) / 2,
            "tied": lambda: np.stack([(covariances + covariances.T) / 2] * 3),
            "diag": lambda: covariances[:, :, None] * eye,
            "spherical": lambda: covariances[:, None, None] * eye,
            "tied_diag": lambda: np.stack([covariances * eye] * 3),
            "tied_spherical": lambda: np.stack([covariances * eye] * 3),
        }[kind]())  # fmt: skip
        normals = [scipy.stats.multivariate_normal(m, c) for m, c in zip(means, full, strict=True)]
        likelihood = np.log(sum(w * n.pdf(x) for w, n in zip(weights, normals, strict=True))).sum()
        wishart = scipy.stats.invwishart(prior.df, prior.scale)
        own = full[:1] if kind.startswith("tied") else full
        centers = [
            scipy.stats.multivariate_normal(prior.mean, c / prior.mean_strength).logpdf(m)
            for m, c in zip(means, full, strict=True)
        ]
        return likelihood + np.log(weights).sum() + sum(wishart.logpdf(c) for c in own) + sum(centers)

    p = fit.params
    at = np.concatenate([np.log(p.weights), np.ravel(p.means), np.ravel(p.covariances)])
    slopes = scipy.optimize.approx_fprime(at, objective, 1e-6)
    assert np.abs(slopes).max() < 1e-3


def test_a_prior_keeps_single_rows_from_collapsing():
    x = np.array([[0.0], [0.0], [5.0], [5.0], [9.0]], np.float32)
    with_prior = gmm.fit(KEY, x, 3, reg_covar=0.0, prior=prior_of(x, 3))
    assert np.isfinite(with_prior.log_likelihood)
    assert (with_prior.params.covariances > 0.1).all()
    single = gmm.fit(KEY, x, 3, reg_covar=0.0).params.covariances
    np.testing.assert_allclose(single.min(), np.finfo(np.float32).eps * x.var(), rtol=1e-4)


@dense_and_diagonal
def test_derivative_of_a_fit_with_missing_cells_under_a_prior(kind):
    """Along data, weights and the prior, against differences of refits of a fixed number of steps."""
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        x = jnp.asarray(with_holes(clusters(40, 2, apart=3.0), 0.15))
        seen = ~jnp.isnan(x)
        inputs = jnp.where(seen, x, 0), jnp.asarray(rng.uniform(0.5, 2.0, size=40)), prior_of(clusters(40, 2), 2)
        inputs = jax.tree.map(jnp.asarray, inputs)
        directions = jax.tree.map(lambda a: rng.normal(size=a.shape), inputs)
        start = near_start(clusters(40, 2, apart=3.0), kind, 2)
        parts = jax.tree.map(lambda a: rng.normal(size=a.shape), start)

        def value(inputs, init, **options):
            x, weights, prior = inputs
            options |= {"covariance_type": kind, "init": init, "weights": weights, "prior": prior}
            fit = gmm.fit_missing(KEY, jnp.where(seen, x, jnp.nan), 2, **options)
            return sum(map(jnp.vdot, jax.tree.leaves(fit.params), jax.tree.leaves(parts))) + fit.log_likelihood, fit

        refit = jax.jit(partial(value, max_steps=400, tol=0.0), compiler_options=quick_to_compile())
        start = refit(inputs, start)[1].params
        ahead, behind = (
            float(refit(jax.tree.map(lambda a, v, h=h: a + h * v, inputs, directions), start)[0]) for h in (1e-5, -1e-5)
        )
        slopes, _ = jax.jit(jax.grad(value, has_aux=True), compiler_options=quick_to_compile())(inputs, start)
        along = float(sum(map(np.vdot, jax.tree.leaves(slopes), jax.tree.leaves(directions))))
        assert along == pytest.approx((ahead - behind) / 2e-5, rel=1e-5)
        assert (np.where(seen, 0, slopes[0]) == 0).all()


def test_derivative_with_respect_to_a_prior_alone():
    """One component has it in closed form: its covariance is (scatter + S) / (n + nu + d + 2) where kappa is 0."""
    x = clusters(30).astype(np.float32)

    def spread(scale):
        prior = gmm.Prior(1.0, np.zeros(2), 0.0, 4.0, scale * jnp.eye(2))
        return gmm.fit(KEY, x, 1, prior=prior, tol=1e-6).params.covariances[0, 0, 0]

    assert jax.grad(spread)(1.0) == pytest.approx(1 / (30 + 4 + 2 + 2), rel=1e-4)


@pytest.mark.parametrize("prior", [None, 0.1])
@dense_and_diagonal
def test_batches_are_the_whole(kind, prior):
    """Ragged batches, one of them empty; 5,000 rows are more than a piece."""
    x = clusters(5000).astype(np.float32)
    prior = None if prior is None else prior_of(x, 3, prior)
    options = {"covariance_type": kind, "init": near_start(x, kind), "max_steps": 6, "prior": prior}
    cuts = np.split(x, [10, 10, 2000, 4700])
    close(gmm.fit_batches(KEY, lambda: iter(cuts), 3, **options), gmm.fit(KEY, x, 3, **options), rtol=1e-3, atol=1e-4)
    if prior is None:
        weights = np.random.default_rng(0).integers(0, 4, size=5000)
        parts = np.split(weights, [10, 10, 2000, 4700])
        streamed = gmm.fit_batches(KEY, lambda: iter(cuts), 3, weights=lambda: iter(parts), **options)
        close(streamed, gmm.fit(KEY, x, 3, weights=weights, **options), rtol=1e-3, atol=1e-4)


def test_batches_place_their_own_start_and_stop():
    x = np.random.default_rng(0).permutation(np.repeat([[0.0, 0.0], [9.0, 9.0]], 50, axis=0))
    x += np.random.default_rng(1).normal(size=x.shape)
    fit = gmm.fit_batches(KEY, lambda: np.split(x, 4), 2, init="kmeans", max_steps=30)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(float(gmm.log_prob(fit.params, x).mean()), rel=1e-5)
    np.testing.assert_allclose(fit.params.weights, 0.5, atol=0.01)
    short = gmm.fit_batches(KEY, lambda: np.split(x, 4), 2, max_steps=1)
    assert (int(short.num_steps), bool(short.converged)) == (1, False)


def test_a_first_batch_of_weight_0_is_left_out():
    x = clusters(60).astype(np.float32) + 1e4
    batches, weights = [np.full((5, 2), np.nan), x], [np.zeros(5), np.ones(60)]
    fit = gmm.fit_batches(KEY, lambda: batches, 2, weights=lambda: weights, max_steps=3)
    close(fit, gmm.fit_batches(KEY, lambda: [x], 2, max_steps=3), 1e-6)


def test_an_iterator_that_is_used_up_is_an_error():
    batches = iter([clusters(30).astype(np.float32)] * 2)
    with pytest.raises(ValueError, match=r"^gmm.fit_batches: .* a fresh iterator, got the one of before$"):
        gmm.fit_batches(KEY, lambda: batches, 2)


def roughly(x, kind):
    """A mixture that is not far from its optimum, by the program that finds it."""
    return gmm.fit(KEY, x, 3, covariance_type=kind, init=near_start(x, kind), tol=0.05, weights=np.ones(len(x))).params


@every_type
def test_small_batches_come_near_the_fit_of_all(kind):
    """Rows of equal weight, and rows drawn by weight among which lost ones count for nothing."""
    x = clusters(3000, 3, apart=8.0).astype(np.float32)
    lost = np.arange(3000) < 1000
    uneven = np.where(lost, 0, np.random.default_rng(0).integers(1, 9, size=3000))
    init = roughly(x, kind)
    options = {"covariance_type": kind, "init": init}
    for rows, weights in ((x, np.ones(3000)), (np.where(lost[:, None], np.nan, x), uneven.astype(float))):
        whole = gmm.fit(KEY, rows, 3, tol=1e-6, weights=weights, **options)
        small = gmm.fit_minibatch(KEY, rows, 3, weights=weights, batch_size=256, num_steps=150, **options)
        assert not small.converged
        density = np.asarray(gmm.log_prob(small.params, x), float)
        assert small.log_likelihood == pytest.approx(np.average(density, weights=weights), rel=1e-5)
        assert small.log_likelihood == pytest.approx(float(whole.log_likelihood), abs=0.02)
        assert small.log_likelihood > np.average(gmm.log_prob(init, x), weights=weights)


@dense_and_diagonal
def test_small_batches_without_weights(kind):
    x = clusters(3000, 3, apart=8.0).astype(np.float32)
    options = {"covariance_type": kind, "init": roughly(x, kind), "batch_size": 256, "num_steps": 150}
    plain, weighted = (gmm.fit_minibatch(KEY, x, 3, weights=w, **options) for w in (None, np.ones(3000)))
    assert plain.log_likelihood == pytest.approx(float(weighted.log_likelihood), abs=0.02)


def test_small_batches_place_a_start_by_weight():
    x, weights = clusters(100).astype(np.float32), np.r_[np.zeros(50), np.ones(50)]
    x[:50] = np.nan
    fit = gmm.fit_minibatch(KEY, x, 3, weights=weights, batch_size=20, num_steps=20)
    assert fit.log_likelihood == pytest.approx(float(gmm.log_prob(fit.params, x[50:]).mean()), rel=1e-5)


def test_small_batches_place_a_start_among_fewer_rows_than_components_ask_for():
    x = clusters(100).astype(np.float32)
    fit = gmm.fit_minibatch(KEY, x, 10, batch_size=4, num_steps=20)
    assert fit.params.means.shape == (10, 2)
