"""Mixtures of Gaussians: against scikit-learn, the laws of EM, and data that breaks other implementations."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental import checkify

import jaxmath
from jaxmath import gmm, kmeans
from jaxmath.crosscheck.gradient import quick_to_compile
from jaxmath.gmm.mixture import COVARIANCE_TYPES, variances

KEY = jax.random.key(0)
every_type = pytest.mark.parametrize("kind", COVARIANCE_TYPES)
dense_and_diagonal = pytest.mark.parametrize("kind", ["full", "tied_diag"])


def clusters(n=150, d=2, seed=0, apart=2.0):
    rng = np.random.default_rng(seed)
    means = apart * rng.normal(size=(3, d))
    factors = np.eye(d) + 0.3 * rng.normal(size=(3, d, d))
    label = rng.integers(0, 3, n)
    return means[label] + np.einsum("nij,nj->ni", factors[label], rng.normal(size=(n, d)))


def near_start(x, kind, k=3):
    """A mixture of equal weights at the first rows, with the covariance of the data."""
    d = x.shape[1]
    shape = {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,), "tied_diag": (d,)}.get(kind, ())
    whole = np.cov(x.T).reshape(d, d)
    spread = {"full": whole, "tied": whole, "diag": np.diag(whole), "tied_diag": np.diag(whole)}.get(kind, whole[0, 0])
    return gmm.GMM(
        jnp.full(k, 1 / k, x.dtype), jnp.asarray(x[:k]), jnp.broadcast_to(jnp.asarray(spread, x.dtype), shape), kind
    )


def close(a, b, rtol=1e-4, atol=1e-4):
    for got, want in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "kind"),
    [("float32", 1e-4, "full"), ("float32", 1e-4, "diag"), *(("float64", 1e-8, kind) for kind in COVARIANCE_TYPES[:4])],
)
def test_equals_scikit_learn_after_20_steps(kind, dtype, tolerance):
    mixture = pytest.importorskip("sklearn.mixture")
    x = clusters(4200, 3)  # enough rows for a table of products
    with jax.enable_x64(dtype == "float64"):
        init = near_start(x.astype(dtype), kind)
        ours = gmm.fit(KEY, x.astype(dtype), 3, covariance_type=kind, init=init, max_steps=20, tol=0.0)
        theirs = mixture.GaussianMixture(
            3, covariance_type=kind, tol=0.0, max_iter=20, weights_init=np.full(3, 1 / 3), means_init=x[:3],
            precisions_init=np.asarray(gmm.precisions(near_start(x, kind)), float) if dtype == "float64" else np.array(
                gmm.precisions(init), float),
        )  # fmt: skip
        with pytest.warns(Warning, match="did not converge"):
            theirs.fit(x)
        np.testing.assert_allclose(ours.params.weights, theirs.weights_, atol=tolerance)
        np.testing.assert_allclose(ours.params.means, theirs.means_, atol=tolerance)
        np.testing.assert_allclose(ours.params.covariances, theirs.covariances_, atol=tolerance)
        assert ours.log_likelihood == pytest.approx(theirs.score(x), abs=tolerance)
        assert gmm.bic(ours.params, x) == pytest.approx(theirs.bic(x), rel=tolerance)
        assert gmm.aic(ours.params, x) == pytest.approx(theirs.aic(x), rel=tolerance)


def test_stops_where_scikit_learn_does():
    mixture = pytest.importorskip("sklearn.mixture")
    x = clusters(300, 3)
    with jax.enable_x64(True):
        init = near_start(x, "full")
        theirs = mixture.GaussianMixture(
            3, weights_init=init.weights, means_init=x[:3], precisions_init=np.asarray(gmm.precisions(init))
        ).fit(x)
        ours = gmm.fit(KEY, x, 3, init=init)
        assert (int(ours.num_steps), bool(ours.converged)) == (theirs.n_iter_, theirs.converged_)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), kind=st.sampled_from(["full", "tied", "spherical"]))
def test_laws_of_a_fit(seed, kind):
    """The likelihood never falls, history and likelihood belong together, weights sum to 1, equivariance."""
    x = clusters(90, 2, seed).astype(np.float32)
    init = near_start(x, kind)
    run = partial(gmm.fit, KEY, num_components=3, covariance_type=kind, tol=1e-5, max_steps=30)
    fit = run(x=x, init=init)
    history = np.asarray(fit.history)[: int(fit.num_steps)]
    assert (np.diff([*history, fit.log_likelihood]) > -1e-5).all()
    assert np.isnan(np.asarray(fit.history)[int(fit.num_steps) :]).all()
    assert history[0] == pytest.approx(float(gmm.log_prob(init, x).mean()), abs=1e-5)
    assert fit.log_likelihood == pytest.approx(float(gmm.log_prob(fit.params, x).mean()), abs=1e-5)
    assert fit.params.weights.sum() == pytest.approx(1, abs=1e-6)
    shares = gmm.responsibilities(fit.params, x)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(gmm.predict(fit.params, x), shares.argmax(axis=1))
    order, shift = np.array([2, 0, 1]), np.float32(10.0)
    turned = gmm.GMM(
        init.weights[order], init.means[order] + shift,
        init.covariances if kind.startswith("tied") else init.covariances[order], kind,
    )  # fmt: skip
    other = run(x=x + shift, init=turned)
    np.testing.assert_allclose(other.params.means - shift, fit.params.means[order], atol=2e-2)
    np.testing.assert_allclose(other.log_likelihood, fit.log_likelihood, atol=1e-3)


@dense_and_diagonal
def test_weight_2_is_the_row_twice_and_chunks_change_nothing(kind):
    x = clusters(40).astype(np.float32)
    counts = np.arange(40) % 3
    init, options = near_start(x, kind), {"covariance_type": kind, "max_steps": 5, "tol": 0.0}
    repeated = gmm.fit(KEY, np.repeat(x, counts, axis=0), 3, init=init, **options)
    x[counts == 0] = np.nan
    for chunk_size in (None, 7):
        weighted = gmm.fit(KEY, x, 3, init=init, weights=counts, chunk_size=chunk_size, **options)
        close(weighted._replace(history=None), repeated._replace(history=None))


@pytest.mark.parametrize("init", ["kmeans++", "kmeans", "random"])
def test_finds_clusters(init):
    x = np.repeat([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], 50, axis=0) + np.random.default_rng(0).normal(size=(150, 2))
    fit = gmm.fit(jax.random.key(1), x, 3, init=init, n_init=3, tol=1e-5)
    assert fit.converged
    assert sorted(np.round(np.asarray(fit.params.weights), 2)) == pytest.approx([0.33, 0.33, 0.33], abs=0.02)
    assert len(set(np.asarray(gmm.predict(fit.params, x))[[0, 50, 100]])) == 3


def test_the_best_of_several_starts():
    x = clusters(60)
    several = gmm.fit(KEY, x, 3, init="random", n_init=4)
    each = [gmm.fit(key, x, 3, init="random") for key in jax.random.split(KEY, 4)]
    assert several.log_likelihood == pytest.approx(max(float(f.log_likelihood) for f in each), abs=1e-6)


def test_starts_from_responsibilities_and_from_a_fit():
    x = clusters(60).astype(np.float32)
    shares = np.eye(3)[np.arange(60) % 3] * 0.8 + 0.2 / 3
    first = gmm.fit(KEY, x, 3, init=shares, max_steps=1, tol=0.0)
    again = gmm.fit(KEY, x, 3, init=first.params, max_steps=2, tol=0.0)
    close(again.params, gmm.fit(KEY, x, 3, init=shares, max_steps=3, tol=0.0).params)
    assert again.history[0] == pytest.approx(float(first.log_likelihood), abs=1e-6)


def test_many_fits_at_once():
    x = np.stack([clusters(40, seed=seed) for seed in range(4)]).astype(np.float32)
    keys = jax.random.split(KEY, 4)
    one_by_one = [gmm.fit(key, each, 2) for key, each in zip(keys, x, strict=True)]
    mapped = jax.lax.map(lambda pair: gmm.fit(*pair, 2), (keys, x))
    for fits in (mapped, jax.vmap(lambda key, x: gmm.fit(key, x, 2))(keys, x)):
        for i, want in enumerate(one_by_one):
            close(jax.tree.map(lambda a, i=i: a[i], fits), want, rtol=1e-3, atol=1e-3)


@dense_and_diagonal
def test_offset_1e4_in_float32(kind):
    x = clusters(300).astype(np.float32)
    near, far = (gmm.fit(KEY, x + offset, 3, covariance_type=kind, tol=0.0, max_steps=5) for offset in (0, 1e4))
    assert jnp.allclose(near.params.covariances, far.params.covariances, atol=5e-2)
    assert far.log_likelihood == pytest.approx(float(near.log_likelihood), abs=5e-3)


def hard_data():
    x = np.random.default_rng(0).normal(size=(18, 2))
    return {
        "three distinct points": np.repeat(x[:3], 6, axis=0),
        "six distinct points": np.repeat(x[:6], 3, axis=0),
        "constant column": x * [1, 0],
        "equal columns": x[:, [0, 0]],
        "equal rows": np.ones((18, 2)),
        "narrow and far apart": np.r_[1e-3 * x[:9], 1e-3 * x[9:] + 100.0],
    }


@every_type
def test_hard_data(kind):
    for what, x in hard_data().items():
        fit = gmm.fit(KEY, x.astype(np.float32), 6, covariance_type=kind, tol=1e-2)
        assert fit.converged, what
        assert (variances(fit.params) > 0.99e-6).all(), what
        jaxmath.check_finite((fit.params, fit.log_likelihood), what)
        assert fit.params.weights.sum() == pytest.approx(1, abs=1e-5), what


@every_type
def test_one_column(kind):
    x = clusters(30, 1).astype(np.float32)
    fit = gmm.fit(KEY, x, 2, covariance_type=kind, init=near_start(x, kind, 2), max_steps=3)
    assert np.isfinite(fit.log_likelihood)


@pytest.mark.parametrize(("kind", "good"), [("full", False), ("diag", True), ("spherical", True)])
def test_more_columns_than_rows(kind, good):
    """100 rows leave 200 x 200 covariances singular beyond what float32 resolves: never a fit that looks good."""
    x = np.random.default_rng(0).normal(size=(100, 200)).astype(np.float32)
    fit = gmm.fit(KEY, x, 3, covariance_type=kind)
    assert bool(fit.converged) == good == bool(np.isfinite(fit.log_likelihood))


def test_variances_of_narrow_clusters_far_apart():
    """Where squares of 100 would leave float32 no digit of a variance of 1e-6."""
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(size=(200, 2)) * 1e-3, rng.normal(size=(200, 2)) * 1e-3 + 1.0].astype(np.float32) * 64
    fit = gmm.fit(KEY, x, 2, covariance_type="diag", reg_covar=0.0)
    want = np.sort([x[:200].astype(float).var(axis=0), x[200:].astype(float).var(axis=0)], axis=0)
    np.testing.assert_allclose(np.sort(fit.params.covariances, axis=0), want, rtol=2e-3)


def test_an_empty_component_is_repaired():
    x = clusters(90).astype(np.float32)
    start = near_start(x, "full")
    lost = gmm.GMM(start.weights, start.means.at[1].set(1e3), start.covariances, "full")
    fit = gmm.fit(KEY, x, 3, init=lost)
    assert fit.num_repairs == 1
    assert fit.converged
    assert (fit.params.weights > 0.01).all()
    assert gmm.fit(KEY, x, 3, init=start).num_repairs == 0


@dense_and_diagonal
def test_derivative_of_a_fit(kind):
    """With respect to data, weights and reg_covar, against differences of refits of a fixed number of steps."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x = jnp.asarray(np.r_[rng.normal(size=(15, 2)), 0.7 * rng.normal(size=(15, 2)) + [4.0, 1.0]])
        inputs = x, jnp.asarray(rng.uniform(0.5, 2.0, size=30)), jnp.asarray(0.1)
        directions = jax.tree.map(lambda a: rng.normal(size=a.shape), inputs)
        start = near_start(np.asarray(x)[[0, 20, *range(30)]], kind, 2)
        parts = jax.tree.map(lambda a: rng.normal(size=a.shape), start)

        def value(inputs, init, **options):
            x, weights, reg = inputs
            options |= {"covariance_type": kind, "init": init, "chunk_size": 8}
            fit = gmm.fit(KEY, x, 2, weights=weights, reg_covar=reg, **options)
            return sum(map(jnp.vdot, jax.tree.leaves(fit.params), jax.tree.leaves(parts))) + fit.log_likelihood, fit

        refit = jax.jit(partial(value, max_steps=200, tol=0.0), compiler_options=quick_to_compile())
        start = refit(inputs, start)[1].params
        ahead, behind = (
            float(refit(jax.tree.map(lambda a, v, h=h: a + h * v, inputs, directions), start)[0]) for h in (1e-5, -1e-5)
        )

        def both_modes(inputs):
            of_inputs = lambda inputs: value(inputs, start)[0]  # noqa: E731
            return jax.grad(of_inputs)(inputs), jax.jvp(of_inputs, (inputs,), (directions,))[1]

        slopes = jax.jit(both_modes, compiler_options=quick_to_compile())
        gradient, forward = slopes(inputs)
        backward = float(sum(map(np.vdot, gradient, directions)))
        assert backward == pytest.approx((ahead - behind) / 2e-5, rel=1e-5)
        assert forward == pytest.approx(backward, rel=1e-8)
        lost, _ = slopes((x.at[3, 0].set(jnp.nan), *inputs[1:]))
        assert all(np.isnan(slope).all() for slope in lost), "no stationary point, no derivative"


def test_regression_by_a_mixture():
    """On data of y = |x| the conditional mean is near |x|, and the conditional of the marginals integrates back."""
    x = np.linspace(-3, 3, 400)
    fit = gmm.fit(KEY, np.c_[x, np.abs(x)], 2, reg_covar=1e-3, tol=1e-6)
    at = jnp.array([-2.0, -1.0, 1.0, 2.0])
    given = jax.jit(jax.vmap(lambda v: gmm.conditional(fit.params, [0], v[None])))(at)
    mean = (given.weights * given.means[:, :, 0]).sum(axis=1)
    np.testing.assert_allclose(mean, jnp.abs(at), atol=0.05)
    whole = gmm.log_prob(fit.params, jnp.array([[1.0, 1.1]]))[0]
    first = gmm.log_prob(gmm.marginal(fit.params, [0]), jnp.array([[1.0]]))[0]
    rest = gmm.log_prob(gmm.conditional(fit.params, [0], jnp.ones(1)), jnp.array([[1.1]]))[0]
    assert whole == pytest.approx(float(first + rest), abs=1e-3)


def test_a_mixture_can_be_saved(tmp_path):
    fit = gmm.fit(KEY, clusters(30), 2, covariance_type="tied_diag")
    jaxmath.save(tmp_path / "fit.safetensors", fit)
    loaded = jaxmath.load(tmp_path / "fit.safetensors")
    assert loaded.params.covariance_type == "tied_diag"
    close(loaded, fit, 0, 0)


@pytest.mark.parametrize("estimate", [gmm.fit, gmm.fit_missing])
def test_derivative_along_a_weight_of_0(estimate):
    """The row counts for nothing, but would if its weight grew: by (10 - 1) / 3."""
    x = jnp.array([[10.0], [0.0], [1.0], [2.0]])
    mean = lambda w: estimate(KEY, x, 1, weights=w, init=near_start(np.asarray(x), "full", 1)).params.means[0, 0]  # noqa: E731
    slope = jax.jit(jax.grad(mean), compiler_options=quick_to_compile())(jnp.array([0.0, 1.0, 1.0, 1.0]))
    assert slope[0] == pytest.approx(3, rel=1e-4)


@pytest.mark.parametrize("estimate", [gmm.fit, gmm.fit_missing])
@dense_and_diagonal
def test_a_huge_row_of_weight_0_is_left_out(estimate, kind):
    x = np.r_[clusters(30), np.full((1, 2), 3e38)].astype(np.float32)
    weights, options = np.r_[np.ones(30), 0], {"covariance_type": kind, "init": near_start(x[:30], kind)}
    close(estimate(KEY, x, 3, weights=weights, **options), estimate(KEY, x[:30], 3, **options))


def test_far_rows_have_no_density_and_no_component():
    params = near_start(clusters(30).astype(np.float32), "full")
    x = jnp.array([[1e30, 0.0], [0.0, 0.0]], jnp.float32)
    assert gmm.log_prob(params, x)[0] == -jnp.inf
    assert jnp.isfinite(gmm.log_prob(params, x)[1])
    assert gmm.predict(params, x)[0] == -1
    assert gmm.predict(params, x)[1] >= 0


@every_type
def test_covariances_are_whole_matrices(kind):
    x = clusters(60).astype(np.float32)
    params = near_start(x, kind)
    whole = gmm.covariances(params)
    assert whole.shape == (3, 2, 2)
    np.testing.assert_allclose(np.diagonal(whole, axis1=1, axis2=2), variances(params), rtol=1e-6)
    full = gmm.GMM(params.weights, params.means, whole, "full")
    np.testing.assert_allclose(gmm.log_prob(full, x), gmm.log_prob(params, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_slices_keep_the_type_of_the_mixture(dtype):
    params = jax.tree.map(lambda a: a.astype(dtype), near_start(clusters(30).astype(np.float32), "full"))
    results = gmm.marginal(params, [0]), gmm.conditional(params, [0], jnp.ones(1)), gmm.precisions(params)
    assert {str(a.dtype) for a in jax.tree.leaves((results, gmm.covariances(params)))} == {dtype}


LINNERUD = np.array(
    [[5, 162, 60], [2, 110, 60], [12, 101, 101], [12, 105, 37], [13, 155, 58], [4, 101, 42], [8, 101, 38],
     [6, 125, 40], [15, 200, 40], [17, 251, 250], [17, 120, 38], [13, 210, 115], [14, 215, 105], [1, 50, 50],
     [6, 70, 31], [12, 210, 120], [4, 60, 25], [11, 230, 80], [15, 225, 73], [2, 110, 43]], float
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["full", "tied", "spherical"])
def test_components_of_few_rows_keep_a_variance(kind, dtype):
    """Five components of 20 rows of scale 50: with reg_covar alone most covariances are singular in float32."""
    with jax.enable_x64(dtype == "float64"):
        x, keys = jnp.asarray(LINNERUD, dtype), jax.random.split(KEY, 20)
        fits = jax.lax.map(lambda key: gmm.fit(key, x, 5, covariance_type=kind, max_steps=30), keys)
        jaxmath.check_finite((fits.params, fits.log_likelihood), "fits")
        assert not fits.num_repairs.any()
        lone = gmm.fit(KEY, x[:4], 4, covariance_type=kind, reg_covar=0.0, max_steps=2).params
        floor = jnp.finfo(dtype).eps * x[:4].var(axis=0).mean()
        np.testing.assert_allclose(variances(lone), jnp.full((4, 3), floor), rtol=1e-3)


@pytest.mark.bad_input  # with types enforced the checker refuses lists
def test_a_mixture_of_integers_and_lists_is_one_of_floats():
    shares: Any = [0.5, 0.5]
    means: Any = [[0, 0], [3, 1]]
    spread: Any = [[[1, 0.5], [0.5, 1]]] * 2
    variance: Any = [[1, 1], [1, 1]]
    whole = gmm.GMM(np.array([0.5, 0.5], np.float32), np.array(means), np.array(spread, np.float32))
    floats = gmm.GMM(*(jnp.array(a, float) for a in (shares, means, spread)))
    x, prior = np.array([[0.5, 1.0], [2.0, 2.0], [1.0, 0.0]], np.float32), gmm.Prior(2, [0, 0], 1, 4, [[1, 0], [0, 1]])
    sums = gmm.e_step(floats, x)
    lists = gmm.Statistics(*(np.asarray(a).tolist() for a in sums))
    for params in (whole, gmm.GMM(shares, means, spread)):
        for function in (
            gmm.covariances, gmm.precisions, lambda p: gmm.marginal(p, [1]), lambda p: gmm.conditional(p, [0], [1]),
            lambda p: gmm.log_prob(p, x), lambda p: gmm.bic(p, x), lambda p: gmm.aic(p, x),
            lambda p: gmm.sample(KEY, p, 3)[0], lambda p: gmm.impute(p, x), lambda p: gmm.e_step(p, x),
            lambda p: gmm.m_step(p, lists, prior=prior), lambda p: gmm.fit(KEY, x, 2, init=p, max_steps=1).params,
        ):  # fmt: skip
            found, expected = function(params), function(floats)
            close(found, expected, 1e-5, 1e-5)
            assert all(jnp.issubdtype(a.dtype, jnp.floating) for a in jax.tree.leaves(found))
    with pytest.raises(TypeError, match=r"gmm\.m_step: expected the statistics of gmm\.e_step, got tuple"):
        gmm.m_step(floats, tuple(sums))
    with pytest.raises(ValueError, match=r"gmm\.m_step: expected statistics of shapes \(\(2,\), \(2, 2\), \(2, 2\), "):
        gmm.m_step(gmm.GMM(shares, means, variance, "diag"), sums)


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_densities_of_components_far_apart(kind):
    """1e9 apart, where a mean of the means would leave float32 no digit of a row."""
    spread = {"full": np.stack([np.eye(2)] * 2), "tied": np.eye(2), "diag": np.ones((2, 2))}[kind].astype(np.float32)
    params = gmm.GMM(jnp.full(2, 0.5), jnp.array([[0.0, 0.0], [1e9, 0.0]]), jnp.asarray(spread), kind)
    x = jnp.array([[0.0, 0.0], [5.0, 0.0], [1e9, 3.0]])
    expected = -np.log(2) - np.log(2 * np.pi) - np.array([0.0, 12.5, 4.5])
    np.testing.assert_allclose(gmm.log_prob(params, x), expected, rtol=1e-6)
    np.testing.assert_array_equal(gmm.predict(params, x), [0, 0, 1])
    np.testing.assert_allclose(gmm.responsibilities(params, x), [[1, 0], [1, 0], [0, 1]])
    means = jnp.array([[0.0, 0.0], [2.0, 1.0], [1e9, 0.0]])
    three = gmm.GMM(jnp.array([0.25, 0.25, 0.5]), means, jnp.ones(3), "spherical")
    shares = np.exp([-12.5, -4.5]) / np.exp([-12.5, -4.5]).sum()
    np.testing.assert_allclose(gmm.conditional(three, [0], jnp.array([5.0])).weights, [*shares, 0], rtol=1e-5)


def test_clean_data_under_debug_nans():
    """Fits, and all that is said of one; `history` alone is NaN, which a caller's jit therefore refuses."""
    x = clusters(40).astype(np.float32)
    with jax.debug_nans(True):
        fits = [
            gmm.fit(KEY, x, 2), gmm.fit(KEY, x, 2, covariance_type="diag"), gmm.fit_missing(KEY, x, 2),
            gmm.fit_batches(KEY, lambda: [x], 2), gmm.fit_minibatch(KEY, x, 2, batch_size=8, num_steps=3),
            kmeans.fit(KEY, x, 2), kmeans.fit_batches(KEY, lambda: [x], 2), kmeans.fit_minibatch(KEY, x, 2),
        ]  # fmt: skip
        params = fits[0].params
        for said in (
            gmm.conditional(params, [0], x[0, :1]), gmm.precisions(params), gmm.impute(params, x), gmm.bic(params, x),
            gmm.responsibilities(params, x), gmm.predict(params, x), gmm.em_step(params, x),
            gmm.sample(KEY, params, 3), kmeans.predict(x[:2], x), kmeans.plus_plus(KEY, x, 3),
        ):  # fmt: skip
            jaxmath.check_finite(said, "of a fit")
        with pytest.raises(FloatingPointError):
            jax.jit(lambda x: gmm.fit(KEY, x, 2))(x)
    jaxmath.check_finite([fit._replace(history=0.0) for fit in fits], "fits")


@pytest.mark.parametrize("estimate", [gmm.fit, kmeans.fit])
def test_no_step_between_is_nan_on_clean_data(estimate):
    checked = checkify.checkify(lambda x: estimate(KEY, x, 2, max_steps=3)[:2], errors=checkify.nan_checks)
    error, _ = jax.jit(checked)(clusters(40).astype(np.float32))
    assert error.get() is None
