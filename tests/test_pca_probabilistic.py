"""Probabilistic PCA: its Gaussian, its samples, missing cells; and the choice of the number of components."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import pca
from jaxmath._compiling import quick_to_compile

compiled = partial(jax.jit, compiler_options=quick_to_compile())
impute = compiled(pca.impute)


@cache
def fit(k):
    """The fit as one program, of which there is one a shape."""
    return compiled(partial(pca.fit, num_components=k))


@cache
def fit_missing(k, **options):
    return compiled(partial(pca.fit_missing, num_components=k, **options))


def data(n=60, deviations=(5.0, 3.0, 0.5, 0.5, 0.5), seed=0, offset=10.0):
    rng, d = np.random.default_rng(seed), len(deviations)
    directions, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return (rng.normal(size=(n, d)) * deviations @ directions + offset).astype(np.float32)


def with_holes(x, share, seed=0):
    return np.where(np.random.default_rng(seed).uniform(size=x.shape) < share, np.float32(np.nan), x)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_log_prob_is_that_of_the_gaussian_and_of_scikit_learn(k):
    sklearn = pytest.importorskip("sklearn.decomposition")
    with jax.enable_x64(True):
        x = data().astype(float)
        p, density = jax.tree.map(np.asarray, compiled(lambda x: (p := pca.fit(x, k), pca.log_prob(p, x)))(x))
        noise = 0.0 if k == 5 else p.noise_variance
        covariance = p.components.T * (p.explained_variance - noise) @ p.components + noise * np.eye(5)
        want = scipy.stats.multivariate_normal(p.mean, covariance).logpdf(x)
        np.testing.assert_allclose(density, want, rtol=1e-9)
        np.testing.assert_allclose(sklearn.PCA(k).fit(x).score_samples(x), want, rtol=1e-9)


def test_log_prob_integrates_to_one():
    x = data(n=40, deviations=(2.0, 0.7), offset=0.0)
    axis = np.linspace(-15, 15, 601, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    density = compiled(lambda x, grid: pca.log_prob(pca.fit(x, 1), grid))(x, grid)
    mass = np.exp(np.asarray(density, float)).sum() * (axis[1] - axis[0]) ** 2
    assert mass == pytest.approx(1, abs=1e-4)


def test_samples_have_the_covariance_of_the_fit():
    p = fit(2)(data())
    refit = compiled(lambda key, p: pca.fit(pca.sample(key, p, 40_000), 2))(jax.random.key(1), p)
    np.testing.assert_allclose(refit.explained_variance, p.explained_variance, rtol=6 * (2 / 40_000) ** 0.5)
    np.testing.assert_allclose(pca.projector(refit), pca.projector(p), atol=0.02)
    assert refit.noise_variance == pytest.approx(float(p.noise_variance), rel=0.03)


@settings(max_examples=6, deadline=None)
@given(k=st.sampled_from([1, 2]), seed=st.integers(0, 99))
def test_without_missing_cells_the_fit_is_the_ordinary_one(k, seed):
    x = data(seed=seed)
    missing, ordinary = fit_missing(k)(x), fit(k)(x)
    assert missing.converged
    np.testing.assert_allclose(missing.explained_variance, ordinary.explained_variance, rtol=2e-3)
    np.testing.assert_allclose(missing.noise_variance, ordinary.noise_variance, rtol=2e-3)
    np.testing.assert_allclose(pca.projector(missing), pca.projector(ordinary), atol=2e-3)
    assert missing.log_likelihood == pytest.approx(float(_likelihood(ordinary, x)), abs=2e-2)


@compiled
def _likelihood(p, x):
    """Mean log-density with the variances of maximum likelihood, which divide by n."""
    share = (len(x) - 1) / len(x)
    ml = p._replace(explained_variance=p.explained_variance * share, noise_variance=p.noise_variance * share)
    return pca.log_prob(ml, x).mean()


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 99), share=st.sampled_from([0.05, 0.2]))
def test_likelihood_never_falls(seed, share):
    with jax.enable_x64(True):
        x = with_holes(data(seed=seed), share, seed).astype(float)
        fits = [fit_missing(2, max_steps=40)(x, tol=tol) for tol in (1e9, 0.1, 0.01, 1e-3, 1e-4, 1e-6, 0.0)]
        steps, heights = ([float(getattr(p, name)) for p in fits] for name in ("num_steps", "log_likelihood"))
        assert steps[0] <= 2
        assert steps[-1] == 40
        assert len(set(steps)) >= 4
        assert (np.diff(steps) >= 0).all()
        assert (np.diff(heights) >= -1e-12).all()


def test_missing_cells_are_found_better_than_by_the_mean_and_seen_ones_kept():
    x = data(n=400)
    holes = with_holes(x, 0.15)
    fitted = fit_missing(2)(holes)
    filled, gone = np.asarray(impute(fitted, holes)), np.isnan(holes)
    np.testing.assert_array_equal(filled[~gone], x[~gone])
    error, by_mean = np.abs(filled - x)[gone].mean(), np.abs(np.nanmean(holes, axis=0) - x)[gone].mean()
    assert error < 0.6 * by_mean
    complete = np.linalg.eigh(np.cov(x.T))[1][:, -2:]
    assert np.abs(pca.projector(fitted) - complete @ complete.T).max() < 0.05


@pytest.mark.parametrize("noise", [1.0, 1e-3, 1e-6, 1e-9, 0.0])
@pytest.mark.parametrize(("k", "num_missing"), [(3, 1), (3, 5), (6, 2)])
def test_missing_cells_are_the_conditional_mean_of_the_gaussian(k, num_missing, noise):
    """In float32, down to no noise: with what the seen cells determine, and with what they leave to the prior."""
    rng = np.random.default_rng(3)
    x = (rng.normal(size=(12, 6)) @ rng.normal(size=(6, 6)) * [1, 1, 3, 0.3, 1, 10]).astype(np.float32)
    p = fit(k)(x)
    p = p._replace(noise_variance=p.explained_variance[-1] * noise)
    components, _ = np.linalg.qr(np.asarray(p.components, float).T)
    variances, sigma2 = np.asarray(p.explained_variance, float), float(p.noise_variance)
    covariance = components * (variances - sigma2) @ components.T + sigma2 * np.eye(6)
    holes, seen = x.copy(), np.arange(6) >= num_missing
    holes[:, ~seen] = np.nan
    inverse = np.linalg.pinv(covariance[np.ix_(seen, seen)], rcond=1e-13, hermitian=True)
    mean = np.asarray(p.mean, float)
    want = mean[~seen] + (x - mean)[:, seen] @ inverse @ covariance[np.ix_(seen, ~seen)]
    np.testing.assert_allclose(np.asarray(impute(p, holes))[:, ~seen], want, atol=3e-4 * x.std(axis=0).max())


def test_a_fit_without_holes_in_columns_of_unlike_scale():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(60, 5)) @ (np.eye(5) + 0.3 * rng.normal(size=(5, 5)))).astype(np.float32)
    x *= np.array([1e-3, 1e3, 1e-2, 1e2, 1e-1], np.float32)
    missing, ordinary = fit_missing(2)(x), fit(2)(x)
    assert missing.converged
    assert missing.noise_variance == pytest.approx(float(ordinary.noise_variance), rel=1e-3)


def test_missing_cells_with_weights_chunks_vmap_and_an_offset():
    x = with_holes(data(), 0.1)
    whole = fit_missing(2)(x)
    weights = np.ones(len(x))
    weights[:3] = 2
    many = compiled(jax.vmap(lambda x: pca.fit_missing(x, 2)))
    pairs = [
        (fit_missing(2, chunk_size=7)(x), whole),
        (fit_missing(2)(x, weights=weights), fit_missing(2)(np.concatenate([x, x[:3]]))),
        (jax.tree.map(lambda leaf: leaf[0], many(np.stack([x, x]))), whole),
        (fit_missing(2)(x + np.float32(1e4))._replace(mean=whole.mean), whole),
    ]
    for got, want in pairs:
        np.testing.assert_allclose(got.mean, want.mean, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(got.explained_variance, want.explained_variance, rtol=5e-3)
        np.testing.assert_allclose(pca.projector(got), pca.projector(want), atol=1e-2)


def test_the_derivative_with_respect_to_a_weight_of_zero():
    """A row that does not count has a say in what would change if it did; one that is out of range has none."""
    with jax.enable_x64(True):
        x = with_holes(data(n=30), 0.1).astype(float)
        assert np.isnan(x[0]).any()
        assert not np.isnan(x[1]).any()

        def noise(x, first_two):
            weights = jnp.ones(len(x)).at[:2].set(first_two)
            return pca.fit_missing(x, 2, weights=weights, tol=0.0, max_steps=400).noise_variance

        value_and_slope = compiled(lambda x, w, along: jax.jvp(partial(noise, x), (w,), (along,)))
        zero = np.zeros(2)
        for row in np.eye(2):
            at_zero, slope = value_and_slope(x, zero, row)
            assert slope == pytest.approx(float(value_and_slope(x, 1e-5 * row, row)[0] - at_zero) / 1e-5, rel=1e-3)
        x[1] = 1e200
        assert np.isfinite(value_and_slope(x, zero, np.ones(2))[1])


def test_data_on_a_plane_with_missing_cells():
    x = np.outer(np.arange(1.0, 9.0), [1.0, 2.0, -1.0]).astype(np.float32)
    x[2, 1] = x[5, 0] = np.nan
    fitted = fit_missing(1)(x)
    assert np.isfinite(fitted.noise_variance)
    np.testing.assert_allclose(np.asarray(impute(fitted, x))[np.isnan(x)], [6.0, 6.0], rtol=1e-3)


@pytest.mark.parametrize("shape", [(100, 5), (60, 5), (40, 12)])
def test_number_of_components_as_scikit_learn_chooses_it(shape):
    sklearn = pytest.importorskip("sklearn.decomposition")
    n, d = shape
    x = data(n, deviations=np.concatenate([[5.0, 3.0], np.linspace(1, 0.5, d - 2)])).astype(float)
    with jax.enable_x64(True):
        for rule in ("mle", 0.5, 0.9, 0.99):
            ours, theirs = pca.fit(x, rule), sklearn.PCA(rule, svd_solver="full").fit(x)
            assert len(ours.components) == theirs.n_components_
            np.testing.assert_allclose(ours.noise_variance, theirs.noise_variance_, rtol=1e-9)
            np.testing.assert_allclose(ours.explained_variance_ratio, theirs.explained_variance_ratio_, rtol=1e-9)


def test_the_evidence_finds_the_plane_that_made_the_data():
    p = pca.fit(data(400, deviations=(6.0, 4.0, 3.0, 0.5, 0.5, 0.5, 0.5, 0.5)), "mle")
    assert len(p.components) == 3


def test_a_fraction_of_nearly_all_variance():
    x = data()
    assert len(pca.fit(x, 0.999999).components) == 5
    assert len(pca.fit(x, 1e-9).components) == 1
