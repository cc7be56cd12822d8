"""Principal components: against NumPy and scikit-learn, and the laws they obey."""

import itertools
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import moments, pca
from jaxmath._compiling import optimised, quick_to_compile
from jaxmath._subspace import orthonormal

RNG = np.random.default_rng(0)
SOLVERS = ("eigh", "gram", "svd")


compiled = partial(jax.jit, compiler_options=quick_to_compile())


@cache
def fit(k=None, solver="auto"):
    """The fit as one program, of which there is one a shape."""
    return compiled(partial(pca.fit, num_components=k, solver=solver))


@cache
def fit_and_whiten(k=None, solver="auto"):
    """A fit, the whitened data, and what they stand for."""

    def function(x, **more):
        p = pca.fit(x, k, solver=solver, **more)
        z = pca.transform(p, x, whiten=True)
        return p, z, pca.inverse_transform(p, z, whiten=True)

    return compiled(function)


def data(n, d, seed=0, offset=3.0):
    rng = np.random.default_rng(seed)
    directions, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return rng.normal(size=(n, d)) * 1.5 ** -np.arange(d) @ directions + offset


def with_variances(variances, n=14, seed=0):
    """Data whose covariance has exactly these eigenvalues."""
    rng, d = np.random.default_rng(seed), len(variances)
    orthonormal, _ = np.linalg.qr(np.concatenate([np.ones((n, 1)), rng.normal(size=(n, d))], axis=1))
    directions, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return orthonormal[:, 1:] * np.sqrt(np.array(variances) * (n - 1)) @ directions + 1.0


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [(200, 7), (9, 9), (6, 20)])
def test_equals_scikit_learn(solver, shape):
    sklearn = pytest.importorskip("sklearn.decomposition")
    x = data(*shape)
    with jax.enable_x64(True):
        ours, transformed = compiled(lambda x: (p := pca.fit(x, 4, solver=solver), pca.transform(p, x)))(x)
        theirs = sklearn.PCA(4, svd_solver="full").fit(x)
        np.testing.assert_allclose(ours.explained_variance, theirs.explained_variance_, rtol=1e-9)
        np.testing.assert_allclose(ours.explained_variance_ratio, theirs.explained_variance_ratio_, rtol=1e-9)
        np.testing.assert_allclose(ours.singular_values, theirs.singular_values_, rtol=1e-9)
        np.testing.assert_allclose(np.abs(ours.components), np.abs(theirs.components_), atol=1e-8)
        np.testing.assert_allclose(np.abs(transformed), np.abs(theirs.transform(x)), atol=1e-8)
        if shape[0] > shape[1]:  # scikit-learn averages over min(n, d) - k, Tipping and Bishop over d - k
            np.testing.assert_allclose(ours.noise_variance, theirs.noise_variance_, rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_offset_1e4_in_float32(solver):
    x = (data(3000, 6) + 1e4).astype(np.float32)
    want = np.linalg.eigvalsh(np.cov(x.astype(float).T))[::-1]
    got = np.asarray(fit(solver=solver)(x).explained_variance, float)
    assert np.abs(got - want).max() < 1e-5 * want.max()


@cache
def fits_and_errors(solver, shape):
    """Fits of every size, and the error of each."""

    def function(x):
        fits = [pca.fit(x, k, solver=solver) for k in range(1, min(shape) + 1)]
        return fits, [pca.reconstruction_error(p, x) for p in fits]

    return compiled(function)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [(2, 3), (5, 1), (7, 4)])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 99))
def test_laws(shape, seed, solver):
    """Orthonormal components, falling variances, a sign rule, errors that fall with k and equal what is left out."""
    n, d = shape
    x = data(n, d, seed).astype(np.float32)
    fits, errors = fits_and_errors(solver, shape)(x)
    full = fits[-1]
    np.testing.assert_allclose(full.components @ full.components.T, np.eye(min(shape)), atol=2e-5)
    assert (np.diff(full.explained_variance) <= 1e-5).all()
    for v in np.asarray(full.components):
        assert v[np.argmax(np.abs(v) >= (1 - 1e-3) * np.abs(v).max())] > 0
    for j, error in enumerate(errors, 1):
        left = np.asarray(full.explained_variance, float)[j:].sum() * (n - 1) / (n * d)
        assert float(error) ** 2 == pytest.approx(left, rel=1e-3, abs=1e-6)
    assert all(a >= b - 1e-4 for a, b in itertools.pairwise(errors))


there_and_back = compiled(lambda p, z: pca.transform(p, pca.inverse_transform(p, z)))


@settings(max_examples=10, deadline=None)
@given(k=st.integers(1, 4), seed=st.integers(0, 99))
def test_transform_inverts_on_the_plane(k, seed):
    p = fit(k)(data(10, 4, seed).astype(np.float32))
    z = np.random.default_rng(seed).normal(size=(5, k)).astype(np.float32)
    np.testing.assert_allclose(there_and_back(p, z), z, atol=1e-4)


def test_auto_chooses_by_shape():
    for shape, solver, other in (((5, 8), "gram", "eigh"), ((8, 5), "eigh", "gram")):
        text, same, another = (
            jax.jit(lambda x, name=name: pca.fit(x, 2, solver=name)).lower(jnp.zeros(shape)).as_text()
            for name in ("auto", solver, other)
        )
        assert text == same
        assert text != another


def test_svd_keeps_small_variances():
    """A deviation a million times smaller than the largest: svd in float32 resolves it, the covariance cannot."""
    x = with_variances([1.0, 1e-10], seed=3).astype(np.float32) - np.float32(1.0)
    want = np.linalg.svd(x.astype(float) - x.mean(axis=0, dtype=float), compute_uv=False)[1]
    assert fit(solver="svd")(x).singular_values[1] == pytest.approx(want, rel=0.1)


@pytest.mark.parametrize(("shape", "k"), [((200, 12), 5), ((9, 12), 5), ((200, 3), 1)])
def test_columns_of_unlike_scale(shape, k):
    """Deviations from 1e-4 to 1e4, in no order: all variances to single precision, as far as correlations have them."""
    rng, (n, d) = np.random.default_rng(1), shape
    mixing = np.eye(d) + 0.3 * rng.normal(size=(d, d))
    x = (rng.normal(size=shape) @ mixing * 10.0 ** rng.permutation(np.linspace(-4, 4, d))).astype(np.float32)
    centred = x.astype(float) - x.mean(axis=0, dtype=float)
    want = np.linalg.svd(centred[:, np.argsort(-centred.std(axis=0))])[1] ** 2 / (n - 1)
    p = fit(k)(x)
    np.testing.assert_allclose(p.explained_variance, want[:k], rtol=2e-4)
    assert p.noise_variance == pytest.approx(want[k:].sum() / (d - k), rel=2e-4)
    if n > d:
        np.testing.assert_allclose(pca.fit(x).explained_variance, want, rtol=2e-4)
        np.testing.assert_allclose(compiled(jax.vmap(pca.fit))(x[None]).explained_variance[0], want, rtol=2e-4)
        assert len(pca.fit(x, "mle").components) == d - 1


SPECTRA = [([3, 3, 1, 1], 2), ([2, 2, 0, 0], 2), ([1, 1, 1], 3), ([5, 3, 2, 1], 2), ([4, 1, 1, 0], 1)]
QUANTITIES = {
    "reconstruction": lambda p, x: pca.inverse_transform(p, pca.transform(p, x)),
    "projector": lambda p, x: p.components.T @ p.components,
    "variance kept": lambda p, x: p.explained_variance.sum(),
    "noise": lambda p, x: p.noise_variance,
}


@cache
def quantities_and_derivatives(k, solver):
    def values(x):
        p = pca.fit(x, k, solver=solver)
        found = [quantity(p, x) for quantity in QUANTITIES.values()]
        return jnp.stack([(one * np.random.default_rng(1).normal(size=one.shape)).sum() for one in found])

    def both_modes(x, direction):
        value, forward = jax.jvp(values, (x,), (direction,))
        return value, jax.jacrev(values)(x), forward

    return compiled(both_modes)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("variances", "k"), SPECTRA)
def test_gradients_with_equal_variances(variances, k, solver):
    """Of four quantities, exact wherever there is a gap at the cut, in reverse and in forward mode."""
    with jax.enable_x64(True):
        x = with_variances(variances)
        direction, h = RNG.normal(size=x.shape), 1e-5
        function = quantities_and_derivatives(k, solver)
        _, reverse, forward = function(x, direction)
        ahead, behind = (np.asarray(function(x + step * direction, direction)[0]) for step in (h, -h))
        along = (np.asarray(reverse) * direction).sum(axis=(1, 2))
        for name, *each in zip(QUANTITIES, along, forward, (ahead - behind) / (2 * h), strict=True):
            assert each[0] == pytest.approx(each[2], abs=1e-7), f"{name}, reverse mode"
            assert each[1] == pytest.approx(each[2], abs=1e-7), f"{name}, forward mode"


@pytest.mark.parametrize("solver", SOLVERS)
def test_gradient_is_finite_without_a_gap(solver):
    x = jnp.asarray(with_variances([2, 1, 1, 1]))
    gradient = compiled(jax.grad(lambda x: (pca.fit(x, 2, solver=solver).components ** 3).sum()))(x)
    assert jnp.isfinite(gradient).all()


def test_gradient_of_a_vanishing_error_is_zero():
    x = jnp.array([[0.0, 0.0], [1.0, 2.0]])
    gradient = compiled(jax.grad(lambda x: pca.reconstruction_error(pca.fit(x), x)))(x)
    assert jnp.isfinite(gradient).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_second_derivative(solver):
    with jax.enable_x64(True):
        x = jnp.asarray(data(8, 3))
        direction = jnp.asarray(RNG.normal(size=x.shape))

        def along(t):
            return (pca.fit(x + t * direction, 2, solver=solver).components ** 3).sum()

        first = jax.grad(along)
        both = compiled(jax.value_and_grad(first))
        difference = (float(both(1e-5)[0]) - float(both(-1e-5)[0])) / 2e-5
        assert both(0.0)[1] == pytest.approx(difference, rel=1e-6)


@cache
def slope_and_curvature(k, solver):
    def along(t, x, direction, weights):
        p = pca.fit(x + t * direction, k, solver=solver)
        plane = pca.inverse_transform(p, pca.transform(p, x)) * weights
        return plane.sum() + p.explained_variance.sum() + p.noise_variance

    return compiled(jax.value_and_grad(jax.grad(along)))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("variances", "k"), [([3, 3, 1, 1], 2), ([2, 2, 0, 0], 2), ([1, 1, 1], 3)])
def test_second_derivative_with_equal_variances(variances, k, solver):
    with jax.enable_x64(True):
        x = with_variances(variances)
        rng = np.random.default_rng(7)
        found = partial(
            slope_and_curvature(k, solver), x=x, direction=rng.normal(size=x.shape), weights=rng.normal(size=x.shape)
        )
        difference = float(found(1e-5)[0] - found(-1e-5)[0]) / 2e-5
        assert found(0.0)[1] == pytest.approx(difference, rel=1e-5, abs=1e-5)


def test_many_fits_at_once():
    x = RNG.normal(size=(20, 15, 3)).astype(np.float32)
    fits = [np.asarray(field) for field in compiled(jax.vmap(lambda x: pca.fit(x, 2)))(x)]
    for i in range(20):
        for got, want in zip(fits, fit(2)(x[i]), strict=True):
            np.testing.assert_allclose(got[i], want, atol=1e-4)


def test_union_of_two_fits():
    a, b = data(30, 4, 1).astype(np.float32), data(50, 4, 2).astype(np.float32)
    union = compiled(lambda a, b: pca.from_moments(moments.merge(moments.of(a), moments.of(b)), 2))(a, b)
    for got, want in zip(union, fit(2)(np.concatenate([a, b])), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_whitened_data_has_the_identity_as_covariance():
    x = data(40, 5).astype(np.float32)
    p, z, back = fit_and_whiten(3)(x)
    np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=1e-5)
    centred = x - np.asarray(p.mean)
    plane = p.mean + centred @ np.asarray(p.components).T @ np.asarray(p.components)
    np.testing.assert_allclose(back, plane, atol=1e-4)


def test_what_has_no_variance_is_whitened_to_zero():
    x = np.outer(np.arange(6.0), [3.0, 4.0]).astype(np.float32)
    _, z, _ = fit_and_whiten()(x)
    np.testing.assert_allclose(z[:, 0], (np.arange(6) - 2.5) / np.arange(6).std(ddof=1), atol=1e-5)
    np.testing.assert_array_equal(z[:, 1], 0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_a_solver_tells_from_rounding_is_whitened(solver):
    """A deviation of 1e-3 beside 1: only the whole decomposition of the data keeps its digits in float32."""
    x = with_variances([1.0] * 49 + [1e-6 if solver == "svd" else 1e-5], n=200).astype(np.float32)
    _, z, back = fit_and_whiten(None, solver)(x)
    assert np.asarray(z, float)[:, -1].std(ddof=1) == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(back, x, atol=1e-5)


@pytest.mark.parametrize("solver", [*SOLVERS, "randomized"])
@pytest.mark.parametrize("shape", [(40, 6), (40, 150), (300, 200)])
def test_what_is_rounding_is_written_as_zero(solver, shape):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(shape[0], 3)) @ rng.normal(size=(3, shape[1]))
    for moved in (x, x + 10):
        p, z, _ = fit_and_whiten(6, solver)(moved.astype(np.float32), key=jax.random.key(0))
        assert (np.asarray(p.explained_variance[:3]) > 0.1).all()
        np.testing.assert_array_equal(z[:, 3:], 0)


def test_randomized_equals_exact_where_the_spectrum_falls():
    x = (RNG.normal(size=(300, 200)) * 0.8 ** np.arange(200) + 10).astype(np.float32)
    for key in (0, 1):
        got = fit(5, "randomized")(x, key=jax.random.key(key))
        _, values, vectors = np.linalg.svd(x.astype(float) - x.mean(axis=0, dtype=float), full_matrices=False)
        np.testing.assert_allclose(got.singular_values, values[:5], rtol=1e-5)
        np.testing.assert_allclose(pca.projector(got), vectors[:5].T @ vectors[:5], atol=1e-4)


@pytest.mark.parametrize("spectrum", ["steep", "flat"])
def test_few_components_of_many_columns(spectrum):
    """By subspace iteration, or by the whole matrix where it does not settle: right in both cases."""
    d = 160
    x = (RNG.normal(size=(500, d)) * (0.9 ** np.arange(d) if spectrum == "steep" else 1.0) + 5).astype(np.float32)
    p = fit(3)(x)
    values, vectors = np.linalg.eigh(np.cov(x.astype(float).T))
    np.testing.assert_allclose(p.explained_variance, values[::-1][:3], rtol=2e-6)
    np.testing.assert_allclose(np.abs(np.diag(p.components @ vectors[:, ::-1][:, :3])), 1, atol=1e-4)
    assert p.noise_variance == pytest.approx(values[:-3].mean(), rel=1e-5)


@pytest.mark.parametrize("lengths", ["equal", "steep", "dependent", "with zeros"])
def test_orthonormal_basis_by_products_or_by_reflections(lengths):
    rng = np.random.default_rng(0)
    block = rng.normal(size=(300, 12)) @ np.diag(0.1 ** np.arange(12) if lengths == "steep" else np.ones(12))
    if lengths == "steep":
        block = block @ np.linalg.qr(rng.normal(size=(12, 12)))[0]
    block[:, 7:] = {"dependent": block[:, :5] * 2, "with zeros": 0}.get(lengths, block[:, 7:])
    basis = np.asarray(compiled(orthonormal)(block.astype(np.float32)), float)
    np.testing.assert_allclose(basis.T @ basis, np.eye(12), atol=3e-6)
    left = block - basis @ (basis.T @ block)
    assert np.linalg.norm(left) < 1e-5 * np.linalg.norm(block)


def test_orthonormal_basis_of_a_nan_is_nan():
    assert np.isnan(orthonormal(jnp.full((5, 2), jnp.nan))).all()


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.sampled_from([0, 10, 30]), max_size=4), seed=st.integers(0, 99))
def test_any_split_into_batches_gives_the_same_fit(cuts, seed):
    x = data(30, 4, seed).astype(np.float32)
    batches = np.split(x, sorted(cuts))
    for got, want in zip(pca.fit_batches(batches, 2), fit(2)(x), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_too_many_components_are_told_by_the_first_batch():
    batches = iter([np.ones((5, 4), np.float32)] * 3)
    with pytest.raises(ValueError, match=r"^pca.fit_batches: num_components must be in 1..d = 4, got 9$"):
        pca.fit_batches(batches, 9)
    assert len(list(batches)) == 2


@pytest.mark.parametrize("solver", ["eigh", "gram", "svd", "missing"])
def test_of_shares_for_weights_only_the_variances_are_unknown(solver):
    x = (data(60, 4, 1) * [4, 3, 2, 1] + 5).astype(np.float32)
    fit = pca.fit_missing if solver == "missing" else partial(pca.fit, solver=solver)
    weighted = compiled(lambda weights: fit(x, 2, weights=weights))
    counts, shares = weighted(np.ones(60)), weighted(np.full(60, 1 / 60))
    for field in ("mean", "components", "explained_variance_ratio"):
        np.testing.assert_allclose(getattr(shares, field), getattr(counts, field), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(shares.singular_values * 60**0.5, counts.singular_values, rtol=1e-4)
    assert np.isnan(shares.explained_variance).all()
    assert np.isnan(shares.noise_variance)
    assert getattr(shares, "converged", True)


def test_batches_are_exact_where_scikit_learn_is_incremental():
    """IncrementalPCA forgets what the batches left out of the kept components; moments forget nothing."""
    sklearn = pytest.importorskip("sklearn.decomposition")
    rng = np.random.default_rng(5)
    x = (rng.normal(size=(600, 8)) * 0.9 ** np.arange(8)).astype(np.float32)
    want = np.linalg.eigvalsh(np.cov(x.astype(float).T))[::-1][:2]
    theirs = sklearn.IncrementalPCA(2, batch_size=50).fit(x).explained_variance_
    np.testing.assert_allclose(pca.fit_batches(np.split(x, 12), 2).explained_variance, want, rtol=1e-5)
    assert np.abs(theirs / want - 1).max() > 1e-3


@pytest.mark.once
@pytest.mark.parametrize("gap", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("solver", ["eigh", "svd"])
def test_the_derivative_of_a_plane_whose_variances_are_nearly_equal(gap, solver):
    """Compiled as users have it: the axes turn within the plane by eps / gap^2, which must cancel to the last bit."""
    rng = np.random.default_rng(0)
    left, right, weights = np.linalg.qr(rng.normal(size=(50, 5)))[0], *rng.normal(size=(2, 4, 4))
    centred = np.linalg.qr(left - left.mean(axis=0))[0][:, :4]
    x = 7 * centred * [1 + gap, 1, 0.5, 0.2] @ np.linalg.qr(right)[0].T

    def of_plane(x):
        return jnp.sum(jnp.asarray(weights, x.dtype) * pca.projector(pca.fit(x, 2, solver=solver)))

    gradient = jax.jit(jax.grad(of_plane), compiler_options=optimised())(x.astype(np.float32))
    with jax.enable_x64(True):
        expected = jax.jit(jax.grad(of_plane))(x)
    np.testing.assert_allclose(gradient, expected, atol=3e-7 / gap * np.abs(expected).max())
