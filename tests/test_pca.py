"""Principal components: against NumPy and scikit-learn, and the laws they obey."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import moments, pca

RNG = np.random.default_rng(0)
SOLVERS = ("eigh", "svd")


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
        ours, theirs = pca.fit(jnp.asarray(x), 4, solver=solver), sklearn.PCA(4, svd_solver="full").fit(x)
        np.testing.assert_allclose(ours.explained_variance, theirs.explained_variance_, rtol=1e-9)
        np.testing.assert_allclose(ours.explained_variance_ratio, theirs.explained_variance_ratio_, rtol=1e-9)
        np.testing.assert_allclose(ours.singular_values, theirs.singular_values_, rtol=1e-9)
        np.testing.assert_allclose(np.abs(ours.components), np.abs(theirs.components_), atol=1e-8)
        np.testing.assert_allclose(np.abs(pca.transform(ours, x)), np.abs(theirs.transform(x)), atol=1e-8)
        if shape[0] > shape[1]:  # scikit-learn averages over min(n, d) - k, Tipping and Bishop over d - k
            np.testing.assert_allclose(ours.noise_variance, theirs.noise_variance_, rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_offset_1e4_in_float32(solver):
    x = (data(3000, 6) + 1e4).astype(np.float32)
    want = np.linalg.eigvalsh(np.cov(x.astype(float).T))[::-1]
    got = np.asarray(pca.fit(x, solver=solver).explained_variance, float)
    assert np.abs(got - want).max() < 1e-5 * want.max()


@settings(max_examples=15, deadline=None)
@given(n=st.integers(2, 12), d=st.integers(1, 6), seed=st.integers(0, 99), solver=st.sampled_from(SOLVERS))
def test_laws(n, d, seed, solver):
    """Orthonormal components, falling variances, a sign rule, errors that fall with k and equal what is left out."""
    x = data(n, d, seed).astype(np.float32)
    full = pca.fit(x, solver=solver)
    k = min(n, d)
    np.testing.assert_allclose(full.components @ full.components.T, np.eye(k), atol=2e-5)
    assert (np.diff(full.explained_variance) <= 1e-5).all()
    for v in np.asarray(full.components):
        assert v[np.argmax(np.abs(v) >= (1 - 1e-3) * np.abs(v).max())] > 0
    errors = []
    for j in range(1, k + 1):
        p = pca.fit(x, j, solver=solver)
        errors.append(float(pca.reconstruction_error(p, x)))
        left = np.asarray(full.explained_variance, float)[j:].sum() * (n - 1) / (n * d)
        assert errors[-1] ** 2 == pytest.approx(left, rel=1e-3, abs=1e-6)
    assert all(a >= b - 1e-4 for a, b in itertools.pairwise(errors))


@settings(max_examples=10, deadline=None)
@given(k=st.integers(1, 4), seed=st.integers(0, 99))
def test_transform_inverts_on_the_plane(k, seed):
    p = pca.fit(data(10, 4, seed), k)
    z = np.random.default_rng(seed).normal(size=(5, k)).astype(np.float32)
    np.testing.assert_allclose(pca.transform(p, pca.inverse_transform(p, z)), z, atol=1e-4)


def test_auto_chooses_by_shape():
    wide, tall = data(5, 8).astype(np.float32), data(8, 5).astype(np.float32)
    for x, solver in ((wide, "svd"), (tall, "eigh")):
        for got, want in zip(pca.fit(x, 2), pca.fit(x, 2, solver=solver), strict=True):
            np.testing.assert_array_equal(got, want)


def test_svd_keeps_small_variances():
    """A deviation a million times smaller than the largest: svd in float32 resolves it, the covariance cannot."""
    x = with_variances([1.0, 1e-10], seed=3).astype(np.float32) - np.float32(1.0)
    want = np.linalg.svd(x.astype(float) - x.mean(axis=0, dtype=float), compute_uv=False)[1]
    assert pca.fit(x, solver="svd").singular_values[1] == pytest.approx(want, rel=0.1)


SPECTRA = [([3, 3, 1, 1], 2), ([2, 2, 0, 0], 2), ([1, 1, 1], 3), ([5, 3, 2, 1], 2), ([4, 1, 1, 0], 1)]
QUANTITIES = {
    "reconstruction": lambda p, x: pca.inverse_transform(p, pca.transform(p, x)),
    "projector": lambda p, x: p.components.T @ p.components,
    "variance kept": lambda p, x: p.explained_variance.sum(),
    "noise": lambda p, x: p.noise_variance,
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize(("variances", "k"), SPECTRA)
def test_gradients_with_equal_variances(variances, k, quantity, solver):
    """Exact wherever there is a gap at the cut, in reverse and in forward mode."""
    with jax.enable_x64(True):
        x = jnp.asarray(with_variances(variances))
        weights = jnp.asarray(RNG.normal(size=jnp.shape(QUANTITIES[quantity](pca.fit(x, k), x))))

        def value(x):
            return (QUANTITIES[quantity](pca.fit(x, k, solver=solver), x) * weights).sum()

        direction, h = jnp.asarray(RNG.normal(size=x.shape)), 1e-5
        difference = (value(x + h * direction) - value(x - h * direction)) / (2 * h)
        assert (jax.grad(value)(x) * direction).sum() == pytest.approx(float(difference), abs=2e-8)
        assert jax.jvp(value, (x,), (direction,))[1] == pytest.approx(float(difference), abs=2e-8)


@pytest.mark.parametrize("solver", SOLVERS)
def test_gradient_is_finite_without_a_gap(solver):
    x = jnp.asarray(with_variances([2, 1, 1, 1]))
    gradient = jax.grad(lambda x: (pca.fit(x, 2, solver=solver).components ** 3).sum())(x)
    assert jnp.isfinite(gradient).all()


def test_gradient_of_a_vanishing_error_is_zero():
    x = jnp.array([[0.0, 0.0], [1.0, 2.0]])
    gradient = jax.grad(lambda x: pca.reconstruction_error(pca.fit(x), x))(x)
    assert jnp.isfinite(gradient).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_second_derivative(solver):
    with jax.enable_x64(True):
        x = jnp.asarray(data(8, 3))
        direction = jnp.asarray(RNG.normal(size=x.shape))

        def along(t):
            return (pca.fit(x + t * direction, 2, solver=solver).components ** 3).sum()

        first = jax.grad(along)
        difference = (first(1e-5) - first(-1e-5)) / 2e-5
        assert jax.grad(first)(0.0) == pytest.approx(float(difference), rel=1e-6)


def test_many_fits_at_once():
    x = RNG.normal(size=(20, 15, 3)).astype(np.float32)
    fits = jax.jit(jax.vmap(lambda x: pca.fit(x, 2)))(x)
    for i in range(20):
        for got, want in zip(fits, pca.fit(x[i], 2), strict=True):
            np.testing.assert_allclose(got[i], want, atol=1e-4)


def test_union_of_two_fits():
    a, b = data(30, 4, 1).astype(np.float32), data(50, 4, 2).astype(np.float32)
    union = pca.from_moments(moments.merge(moments.of(a), moments.of(b)), 2)
    for got, want in zip(union, pca.fit(np.concatenate([a, b]), 2), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
