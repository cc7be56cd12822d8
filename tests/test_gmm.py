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
from quick import quick
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import jaxmath
from jaxmath import gmm, kmeans
from jaxmath.gmm.mixture import COVARIANCE_TYPES, DENSE, variances

KEY = jax.random.key(0)
STEPS = 30  # one number of steps for all, and mostly 90 rows of two columns: fits of one program
every_type = pytest.mark.parametrize("kind", COVARIANCE_TYPES)
dense_and_diagonal = pytest.mark.parametrize("kind", ["full", "tied_diag"])


def clusters(n=150, d=2, seed=0, apart=2.0):
    rng = np.random.default_rng(seed)
    means = apart * rng.normal(size=(3, d))
    factors = np.eye(d) + 0.3 * rng.normal(size=(3, d, d))
    label = rng.integers(0, 3, n)
    return means[label] + np.einsum("nij,nj->ni", factors[label], rng.normal(size=(n, d)))


def near_start(x, kind, k=3, like=None):
    """A mixture of equal weights at the first rows, with the covariance of the data, or of data like these."""
    d, means, x = x.shape[1], np.array(x[:k]), np.asarray(x if like is None else like)
    shape = {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,), "tied_diag": (d,)}.get(kind, ())
    whole = np.cov(x.T).reshape(d, d)
    spread = {"full": whole, "tied": whole, "diag": np.diag(whole), "tied_diag": np.diag(whole)}.get(kind, whole[0, 0])
    fields = np.full(k, 1 / k, x.dtype), means, np.broadcast_to(np.asarray(spread, x.dtype), shape)
    return gmm.GMM(*map(jnp.asarray, fields), kind)


def close(a, b, rtol=1e-4, atol=1e-4):
    for got, want in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)


def said(params, x):
    return gmm.log_prob(params, x), gmm.responsibilities(params, x), gmm.predict(params, x)


@pytest.mark.once
@pytest.mark.parametrize(
    ("kind", "num_rows"),  # 4,200 rows are enough for a table of products
    [("full", 4200), ("diag", 4200), ("tied", 300), ("spherical", 300)],
)
def test_equals_scikit_learn_after_20_steps(kind, num_rows):
    mixture = pytest.importorskip("sklearn.mixture")
    x = clusters(num_rows, 3)
    inverse = np.linalg.inv(np.cov(x.T))
    spread = np.diag(np.cov(x.T))
    precisions = {"full": [inverse] * 3, "tied": inverse, "diag": [1 / spread] * 3, "spherical": [1 / spread[0]] * 3}
    theirs = mixture.GaussianMixture(
        3, covariance_type=kind, tol=0.0, max_iter=20, weights_init=np.full(3, 1 / 3), means_init=x[:3],
        precisions_init=np.array(precisions[kind]),
    )  # fmt: skip
    with pytest.warns(Warning, match="did not converge"):
        theirs.fit(x)
    tolerance = 1e-8
    with jax.enable_x64(True):
        options = {"covariance_type": kind, "init": near_start(x, kind), "max_steps": 20, "tol": 0.0}
        ours = quick(gmm.fit, KEY, x, 3, **options)
        np.testing.assert_allclose(ours.params.weights, theirs.weights_, atol=tolerance)
        np.testing.assert_allclose(ours.params.means, theirs.means_, atol=tolerance)
        np.testing.assert_allclose(ours.params.covariances, theirs.covariances_, atol=tolerance)
        assert ours.log_likelihood == pytest.approx(theirs.score(x), abs=tolerance)
        assert gmm.bic(ours.params, x) == pytest.approx(theirs.bic(x), rel=tolerance)
        assert gmm.aic(ours.params, x) == pytest.approx(theirs.aic(x), rel=tolerance)


@pytest.mark.once
def test_stops_where_scikit_learn_does():
    mixture = pytest.importorskip("sklearn.mixture")
    x = clusters(300, 3)
    with jax.enable_x64(True):
        theirs = mixture.GaussianMixture(
            3, weights_init=np.full(3, 1 / 3), means_init=x[:3], precisions_init=[np.linalg.inv(np.cov(x.T))] * 3
        ).fit(x)
        ours = quick(gmm.fit, KEY, x, 3, init=near_start(x, "full"))
        assert (int(ours.num_steps), bool(ours.converged)) == (theirs.n_iter_, theirs.converged_)


def fit_of_90(x, kind="full", init="kmeans++", key=KEY, tol=1e-3, **options):
    return quick(gmm.fit, key, x, 3, covariance_type=kind, init=init, tol=tol, max_steps=STEPS, **options)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), kind=st.sampled_from(["full", "tied", "spherical"]))
def test_laws_of_a_fit(seed, kind):
    """The likelihood never falls, history and likelihood belong together, weights sum to 1, equivariance."""
    x = clusters(90, 2, seed).astype(np.float32)
    init = near_start(x, kind)
    fit = fit_of_90(x, kind, init, tol=1e-5)
    history = np.asarray(fit.history)[: int(fit.num_steps)]
    assert (np.diff([*history, fit.log_likelihood]) > -1e-5).all()
    assert np.isnan(np.asarray(fit.history)[int(fit.num_steps) :]).all()
    log_density, shares, labels = map(np.asarray, quick(said, fit.params, x))
    assert history[0] == pytest.approx(np.asarray(quick(said, init, x)[0]).mean(), abs=1e-5)
    assert fit.log_likelihood == pytest.approx(log_density.mean(), abs=1e-5)
    assert np.asarray(fit.params.weights).sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(labels, shares.argmax(axis=1))
    order, shift = np.array([2, 0, 1]), np.float32(10.0)
    weights, means, covariances = map(np.asarray, (init.weights, init.means, init.covariances))
    covariances = covariances if kind.startswith("tied") else covariances[order]
    other = fit_of_90(
        x + shift, kind, gmm.GMM(*map(jnp.asarray, (weights[order], means[order] + shift, covariances)), kind), tol=1e-5
    )
    np.testing.assert_allclose(other.params.means - shift, np.asarray(fit.params.means)[order], atol=2e-2)
    np.testing.assert_allclose(other.log_likelihood, fit.log_likelihood, atol=1e-3)


@pytest.mark.parametrize(("kind", "chunk_size"), [("full", None), ("full", 7), ("spherical", 7)])
def test_weight_2_is_the_row_twice_and_chunks_change_nothing(kind, chunk_size):
    """And a row of weight 0 is left out, whatever it holds."""
    x, counts = clusters(90).astype(np.float32), np.arange(90) % 3
    init = near_start(x, kind)
    repeated = fit_of_90(np.repeat(x, counts, axis=0), kind, init, tol=0.0)
    for odd in (np.nan, 3e38):
        x[counts == 0] = odd
        weighted = fit_of_90(x, kind, init, tol=0.0, weights=counts, chunk_size=chunk_size)
        close(weighted._replace(history=None), repeated._replace(history=None))


def three_clusters():
    x = np.repeat([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], 30, axis=0)
    return (x + np.random.default_rng(0).normal(size=(90, 2))).astype(np.float32)


@pytest.mark.parametrize(("init", "n_init"), [("kmeans++", 1), ("kmeans", 1), ("random", 3)])
def test_finds_clusters(init, n_init):
    x = three_clusters()
    fit = fit_of_90(x, init=init, n_init=n_init, tol=1e-5)
    assert fit.converged
    assert sorted(np.round(np.asarray(fit.params.weights), 2)) == pytest.approx([0.33, 0.33, 0.33], abs=0.02)
    assert len(set(np.asarray(quick(said, fit.params, x)[2])[[0, 30, 60]])) == 3


def test_the_best_of_several_starts():
    x = clusters(90).astype(np.float32)
    several = fit_of_90(x, init="random", n_init=3)
    each = [float(fit_of_90(x, init="random", key=key).log_likelihood) for key in jax.random.split(KEY, 3)]
    assert several.log_likelihood == pytest.approx(max(each), abs=1e-6)
    assert max(each) > min(each) + 1e-3


def test_starts_from_responsibilities_and_from_a_fit():
    x = clusters(90).astype(np.float32)
    shares = np.eye(3)[np.arange(90) % 3] * 0.8 + 0.2 / 3
    counts = shares.sum(axis=0)
    means = shares.T @ x / counts[:, None]
    away = x[:, None].astype(float) - means
    covariances = np.einsum("nk,nki,nkj->kij", shares, away, away) / counts[:, None, None] + 1e-6 * np.eye(2)
    first = gmm.GMM(*(jnp.asarray(a.astype(np.float32)) for a in (counts / 90, means, covariances)))
    fit = fit_of_90(x, init=first, tol=0.0)
    close(fit_of_90(x, init=shares.astype(np.float32), tol=0.0), fit)
    again = fit_of_90(x, init=fit.params, tol=0.0)
    assert np.asarray(again.history)[0] == pytest.approx(float(fit.log_likelihood), abs=1e-6)


def test_many_fits_at_once():
    x = np.stack([clusters(90, seed=seed) for seed in range(4)]).astype(np.float32)
    keys = jax.random.split(KEY, 4)
    together = quick(jax.vmap(lambda key, x: gmm.fit(key, x, 3, max_steps=STEPS)), keys, x)
    for i, (key, rows) in enumerate(zip(keys, x, strict=True)):
        each = jax.tree.map(lambda a, i=i: np.asarray(a)[i], together)
        close(each, fit_of_90(rows, key=key, n_init=1), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["full", "spherical"])
def test_offset_1e4_in_float32(kind):
    x = clusters(90).astype(np.float32)
    near, far = (fit_of_90(x + np.float32(offset), kind, n_init=1) for offset in (0, 1e4))
    np.testing.assert_allclose(near.params.covariances, far.params.covariances, atol=5e-2)
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


@pytest.mark.parametrize("kind", ["full", "tied", "spherical"])
def test_hard_data(kind):
    for what, x in hard_data().items():
        fit = quick(gmm.fit, KEY, x.astype(np.float32), 6, covariance_type=kind, tol=1e-2)
        assert fit.converged, what
        spread = np.asarray(fit.params.covariances)
        assert ((np.diagonal(spread, axis1=-2, axis2=-1) if kind in DENSE else spread) > 0.99e-6).all(), what
        jaxmath.check_finite((fit.params, fit.log_likelihood), what)
        assert np.asarray(fit.params.weights).sum() == pytest.approx(1, abs=1e-5), what


def test_one_column():
    """There all types of covariance whose components have their own are one, and so are the tied ones."""
    x = clusters(30, 1).astype(np.float32)

    def steps(x, starts):
        return [gmm.em_step(start, x) for start in starts]

    results = quick(steps, x, [near_start(x, kind, 2) for kind in COVARIANCE_TYPES])
    assert np.isfinite(np.ravel([loglikelihood for _, loglikelihood in results])).all()
    full, tied, *others = [[np.ravel(a) for a in jax.tree.leaves(result)] for result in results]
    for other, kind in zip(others, COVARIANCE_TYPES[2:], strict=True):
        close(other, tied if kind.startswith("tied") else full, 1e-5, 1e-5)


@pytest.mark.parametrize(("kind", "good"), [("full", False), ("diag", True)])
def test_more_columns_than_rows(kind, good):
    """100 rows leave 200 x 200 covariances singular but for rounding: never a fit that looks good and is wrong."""
    x = np.random.default_rng(0).normal(size=(100, 200)).astype(np.float32)
    fit = quick(gmm.fit, KEY, x, 3, covariance_type=kind)
    assert fit.converged or not good  # that of full covariances differs with the rounding of a machine
    weights, means, covariances = (np.asarray(a, float) for a in jax.tree.leaves(fit.params))
    densities = [multivariate_normal(m, c).logpdf(x.astype(float)) for m, c in zip(means, covariances, strict=True)]
    expected = logsumexp(np.transpose(densities), axis=1, b=weights).mean()
    assert np.isnan(fit.log_likelihood) or fit.log_likelihood == pytest.approx(expected, rel=1e-3)


def test_variances_of_narrow_clusters_far_apart():
    """Where squares of 100 would leave float32 no digit of a variance of 1e-6."""
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(size=(200, 2)) * 1e-3, rng.normal(size=(200, 2)) * 1e-3 + 1.0].astype(np.float32) * 64
    init = near_start(x[[0, 200]], "diag", 2, x)
    fit = quick(gmm.fit, KEY, x, 2, covariance_type="diag", init=init, reg_covar=0.0)
    want = np.sort([x[:200].astype(float).var(axis=0), x[200:].astype(float).var(axis=0)], axis=0)
    np.testing.assert_allclose(np.sort(fit.params.covariances, axis=0), want, rtol=2e-3)


def test_an_empty_component_is_repaired():
    x = clusters(90).astype(np.float32)
    start = near_start(x, "full")
    far = np.where(np.arange(3)[:, None] == 1, np.float32(1e3), start.means)
    lost = gmm.GMM(start.weights, jnp.asarray(far), start.covariances, "full")
    fit = fit_of_90(x, init=lost)
    assert fit.num_repairs == 1
    assert fit.converged
    assert (np.asarray(fit.params.weights) > 0.01).all()
    assert fit_of_90(x, init=start).num_repairs == 0


def check_derivative(function, inputs, start, near, row, reverse):
    """The derivative along random directions against differences, and along one weight, which is 0 at the inputs.

    ``function`` takes inputs, whose second part are weights, a start and a tolerance, and returns a number and a
    mixture. Differences are those of its stationary points; its derivative is taken where it stops early, from a
    start that is not near. Returns the derivative as a function of inputs and direction.
    """
    rng = np.random.default_rng(0)
    flat = [np.zeros(np.shape(a)) for a in inputs]
    directions = [rng.normal(size=a.shape) for a in flat]
    directions[1][row] = 0
    one = [*flat[:1], np.eye(len(flat[1]))[row], *flat[2:]]

    def by_gradient(inputs, start, tol, direction):
        (result, fit), gradient = jax.value_and_grad(function, has_aux=True)(inputs, start, tol)
        return result, fit, sum(map(jnp.vdot, gradient, direction)), gradient

    def forward(inputs, start, tol, direction):
        of_inputs = lambda inputs: function(inputs, start, tol)  # noqa: E731
        result, slope, fit = jax.jvp(of_inputs, (inputs,), (direction,), has_aux=True)
        return result, fit, slope, [slope]

    def moved(direction, by):
        return [a + by * v for a, v in zip(inputs, direction, strict=True)]

    derive = partial(quick, by_gradient if reverse else forward)
    point = derive(inputs, near, 0.0, directions)[1]
    ahead, behind = (float(derive(moved(directions, h), point, 0.0, directions)[0]) for h in (1e-5, -1e-5))
    along = float(derive(inputs, start, 1e-3, directions)[2])
    assert along == pytest.approx((ahead - behind) / 2e-5, rel=1e-5)
    here, ahead, twice = (float(derive(moved(one, h), point, 0.0, directions)[0]) for h in (0, 1e-5, 2e-5))
    along = float(derive(inputs, start, 1e-3, one)[2])
    assert abs(along) > 1e-3
    assert along == pytest.approx((4 * ahead - 3 * here - twice) / 2e-5, rel=1e-4)
    return lambda inputs: derive(inputs, start, 1e-3, directions)[3]


@pytest.mark.once
def test_of_one_column_three_types_are_one():
    x = clusters(90)[:, :1].astype(np.float32)
    fits = [
        quick(gmm.fit, KEY, x, 3, covariance_type=kind, init=near_start(x, kind), max_steps=STEPS)
        for kind in ("full", "diag", "spherical")
    ]
    assert fits[0].history[0] < fits[0].log_likelihood
    for fit in fits[1:]:
        np.testing.assert_allclose(fit.log_likelihood, fits[0].log_likelihood, rtol=1e-5)
        np.testing.assert_allclose(fit.params.covariances.ravel(), fits[0].params.covariances.ravel(), rtol=1e-3)


@pytest.mark.once
@pytest.mark.parametrize(("kind", "chunk_size", "reverse"), [("full", 8, True), ("tied_diag", None, False)])
def test_derivative_of_a_fit(kind, chunk_size, reverse):
    """With respect to data, weights and reg_covar, against differences of refits of a fixed number of steps."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x = np.r_[rng.normal(size=(15, 2)), 0.7 * rng.normal(size=(15, 2)) + [4.0, 1.0]]
        x[5] = 6.0
        weights = rng.uniform(0.5, 2.0, size=30) * (np.arange(30) != 5)
        start = near_start(x[[0, 20]], kind, 2, x)
        parts = jax.tree.map(lambda a: rng.normal(size=a.shape), start)

        def value(inputs, init, tol):
            x, weights, reg = inputs
            fit = gmm.fit(
                KEY, x, 2, covariance_type=kind, weights=weights, reg_covar=reg, init=init, tol=tol, max_steps=200,
                chunk_size=chunk_size,
            )  # fmt: skip
            sums = map(jnp.vdot, jax.tree.leaves(fit.params), jax.tree.leaves(parts))
            return sum(sums) + fit.log_likelihood, fit.params

        slopes = check_derivative(value, [x, weights, np.array(0.1)], start, start, 5, reverse)
        lost = np.where(np.arange(30)[:, None] == 3, np.nan, x)
        assert all(np.isnan(slope).all() for slope in slopes([lost, weights, np.array(0.1)])), "no stationary point"


@pytest.mark.once
@pytest.mark.parametrize(("kind", "outer"), [("full", jax.jacfwd), ("tied_diag", jax.grad)])
def test_second_derivative_of_a_fit(kind, outer):
    """Along a direction of the data and reg_covar, against differences of the first."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x = np.r_[rng.normal(size=(15, 2)), 0.7 * rng.normal(size=(15, 2)) + [7.0, 3.0]]
        start, direction = near_start(x[[0, 20]], kind, 2, x), rng.normal(size=x.shape)

        def value(t):
            moved = x + t * direction
            fit = gmm.fit(KEY, moved, 2, covariance_type=kind, reg_covar=0.1 + t, init=start, tol=0.0, max_steps=80)
            parts = [jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(fit.params)]
            return sum(parts) + fit.log_likelihood

        both = jax.jit(lambda t: (jax.grad(value)(t), outer(jax.grad(value))(t)))
        difference = (both(1e-4)[0] - both(-1e-4)[0]) / 2e-4
        assert abs(difference) > 0.01
        np.testing.assert_allclose(both(0.0)[1], difference, rtol=1e-5)


def test_regression_by_a_mixture():
    """On data of y = |x| the conditional mean is near |x|, and the conditional of the marginals integrates back."""
    x = np.linspace(-3, 3, 90)
    params = fit_of_90(np.c_[x, np.abs(x)].astype(np.float32), n_init=1, tol=1e-6).params
    covariances = np.asarray(params.covariances) + 1e-3 * np.eye(2, dtype=np.float32)
    params = gmm.GMM(params.weights, params.means, jnp.asarray(covariances))
    at = np.array([-2.0, -1.0, 1.0, 2.0], np.float32)

    def given(params, at):
        return jax.vmap(lambda v: gmm.conditional(params, [0], v[None]))(at)

    def parts(params, row):
        conditional, marginal = gmm.conditional(params, [0], row[0, :1]), gmm.marginal(params, [0])
        return gmm.log_prob(params, row), gmm.log_prob(marginal, row[:, :1]), gmm.log_prob(conditional, row[:, 1:])

    conditionals = jax.tree.map(np.asarray, quick(given, params, at))
    mean = (conditionals.weights * conditionals.means[:, :, 0]).sum(axis=1)
    np.testing.assert_allclose(mean, np.abs(at), atol=0.05)
    whole, first, rest = map(float, np.ravel(quick(parts, params, np.array([[1.0, 1.1]], np.float32))))
    assert whole == pytest.approx(first + rest, abs=1e-3)


def test_a_mixture_can_be_saved(tmp_path):
    number = jnp.array(0.5)
    params = near_start(clusters(30).astype(np.float32), "tied_diag")
    fit = gmm.Fit(params, number, jnp.array([0.1, np.nan]), jnp.array(1), jnp.array(True), jnp.array(0))
    jaxmath.save(tmp_path / "fit.safetensors", fit)
    loaded = jaxmath.load(tmp_path / "fit.safetensors")
    assert loaded.params.covariance_type == "tied_diag"
    close(loaded, fit, 0, 0)


def test_far_rows_have_no_density_and_no_component():
    params = near_start(clusters(30).astype(np.float32), "full")
    log_density, _, labels = map(np.asarray, quick(said, params, np.array([[1e30, 0], [0, 0], [0, 1]], np.float32)))
    assert log_density[0] == -np.inf
    assert np.isfinite(log_density[1])
    assert labels[0] == -1
    assert labels[1] >= 0


def test_covariances_are_whole_matrices():
    x = clusters(60).astype(np.float32)

    def of_each(x, mixtures):
        for params in mixtures:
            whole = gmm.covariances(params)
            full = gmm.GMM(params.weights, params.means, whole, "full")
            yield whole, variances(params), gmm.log_prob(full, x), gmm.log_prob(params, x)

    results = quick(lambda *a: list(of_each(*a)), x, [near_start(x, kind) for kind in COVARIANCE_TYPES])
    for whole, spread, of_full, of_kind in results:
        assert whole.shape == (3, 2, 2)
        np.testing.assert_allclose(np.diagonal(whole, axis1=1, axis2=2), spread, rtol=1e-6)
        np.testing.assert_allclose(of_full, of_kind, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_slices_keep_the_type_of_the_mixture(dtype):
    def slices(params):
        each = gmm.marginal(params, [0]), gmm.conditional(params, [0], jnp.ones(1)), gmm.precisions(params)
        return *each, gmm.covariances(params)

    params = jax.tree.map(lambda a: np.asarray(a).astype(dtype), near_start(clusters(30), "full"))
    assert {str(a.dtype) for a in jax.tree.leaves(jax.eval_shape(slices, params))} == {dtype}


LINNERUD = np.array(
    [[5, 162, 60], [2, 110, 60], [12, 101, 101], [12, 105, 37], [13, 155, 58], [4, 101, 42], [8, 101, 38],
     [6, 125, 40], [15, 200, 40], [17, 251, 250], [17, 120, 38], [13, 210, 115], [14, 215, 105], [1, 50, 50],
     [6, 70, 31], [12, 210, 120], [4, 60, 25], [11, 230, 80], [15, 225, 73], [2, 110, 43]], float
)  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize(("kind", "dtype"), [("full", "float32"), ("spherical", "float64")])
def test_components_of_few_rows_keep_a_variance(kind, dtype):
    """Five components of 20 rows of scale 50: with reg_covar alone most covariances are singular in float32."""

    def fits(keys, x, reg_covar):
        fit = partial(gmm.fit, covariance_type=kind, max_steps=STEPS, reg_covar=reg_covar)
        return jax.lax.map(lambda key: fit(key, x, 5), keys)

    with jax.enable_x64(dtype == "float64"):
        x, keys = LINNERUD.astype(dtype), jax.random.split(KEY, 20)
        found = quick(fits, keys, x, 1e-6)
        jaxmath.check_finite((found.params, found.log_likelihood), "fits")
        assert not np.asarray(found.num_repairs).any()
        five = x[np.arange(20) % 5]  # components of one point
        lone = np.asarray(quick(fits, keys, five, 0.0).params.covariances)
        spread = np.diagonal(lone, axis1=-2, axis2=-1) if kind in DENSE else lone
        np.testing.assert_allclose(spread, np.finfo(dtype).eps * five.var(axis=0).mean(), rtol=1e-3)


@pytest.mark.once
def test_rows_on_a_plane_have_a_density_without_reg_covar():
    rng = np.random.default_rng(0)
    planes = rng.normal(size=(40, 2, 8)) * 10 ** rng.uniform(-3, 3, size=(40, 1, 1))
    planes[::2] = np.eye(2)[rng.integers(2, size=(20, 8))].swapaxes(1, 2)  # columns that are equal
    within = rng.normal(size=(40, 20, 2))
    within[::3] = np.round(within[::3])  # rows that are equal
    x = (within @ planes + 100 * (np.arange(40) % 3 == 0)[:, None, None]).astype(np.float32)

    def fits(keys, x):
        return jax.lax.map(lambda each: gmm.fit(*each, 6, reg_covar=0.0, max_steps=STEPS), (keys, x))

    found = quick(fits, jax.random.split(KEY, 40), x)
    jaxmath.check_finite((found.params, found.log_likelihood), "fits")


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
    log_density, shares, labels = quick(said, params, x)
    np.testing.assert_allclose(log_density, expected, rtol=1e-6)
    np.testing.assert_array_equal(labels, [0, 0, 1])
    np.testing.assert_allclose(shares, [[1, 0], [1, 0], [0, 1]])


def test_conditional_of_components_far_apart():
    means = jnp.array([[0.0, 0.0], [2.0, 1.0], [1e9, 0.0]])
    three = gmm.GMM(jnp.array([0.25, 0.25, 0.5]), means, jnp.ones(3), "spherical")
    shares = np.exp([-12.5, -4.5]) / np.exp([-12.5, -4.5]).sum()
    given = quick(lambda params, values: gmm.conditional(params, [0], values), three, jnp.array([5.0]))
    np.testing.assert_allclose(given.weights, [*shares, 0], rtol=1e-5)


def test_clean_data_under_debug_nans():
    """Of a fit `history` alone is NaN, which a caller's jit therefore refuses."""
    x = clusters(40).astype(np.float32)
    start, centers = {"init": near_start(x, "full", 2)}, {"init": x[:2]}
    with jax.debug_nans(True):
        fits = [
            gmm.fit(KEY, x, 2, **start), gmm.fit_missing(KEY, x, 2, **start),
            gmm.fit_batches(KEY, lambda: [x], 2, **start), kmeans.fit(KEY, x, 2, **centers),
            kmeans.fit_batches(KEY, lambda: [x], 2, **centers),
        ]  # fmt: skip
        gmm.conditional(fits[0].params, [0], x[0, :1])
        with pytest.raises(FloatingPointError):
            jax.jit(lambda x: kmeans.fit(KEY, x, 2, **centers))(x)
    jaxmath.check_finite([fit._replace(history=0.0) for fit in fits], "fits")


@pytest.mark.parametrize("estimate", [gmm.fit, kmeans.fit])
def test_no_step_between_is_nan_on_clean_data(estimate):
    checked = checkify.checkify(lambda x: estimate(KEY, x, 2, max_steps=3)[:2], errors=checkify.nan_checks)
    error, _ = quick(checked, clusters(40).astype(np.float32))
    assert error.get() is None
