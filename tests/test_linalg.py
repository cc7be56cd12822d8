"""Laws of vectors, linear systems, eigenvalues and rotations, and the numbers of chapter 2."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import linalg

EPS = float(jnp.finfo(jnp.zeros(()).dtype).eps)
laws = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 2**31)
angles = st.floats(-7, 7, width=32) | st.sampled_from([0.0, np.pi, -np.pi, np.pi / 2, 1e-4, np.pi - 1e-4, 2 * np.pi])
sizes = st.sampled_from([1, 3, 6])  # closed forms and factorizations; the cross-check has the others
shapes = st.sampled_from([(1, 1), (4, 4), (6, 3), (1, 5), (2, 6)])


def close(a, b, factor=200.0):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=factor * EPS, atol=factor * EPS)


def direction(seed):
    v = np.random.default_rng(seed).normal(size=3)
    return (v / np.linalg.norm(v)).astype(jnp.result_type(float))


def regular(seed, d):
    """A matrix with singular values from 1 to 2."""
    rng = np.random.default_rng(seed)
    u, v = (np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(2))
    return (u * np.linspace(1, 2, d) @ v).astype(jnp.result_type(float))


def positive(seed, d):
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]
    return (q * np.linspace(1, 3, d) @ q.T).astype(jnp.result_type(float))


# Rotations


@laws
@given(angles, angles, seeds)
def test_rotations_about_one_axis_add_and_invert(a, b, seed):
    k = direction(seed)
    r = lambda theta: np.asarray(linalg.rotation_3d(theta, k))  # noqa: E731
    close(r(a) @ r(b), r(np.float64(a) + b))
    close(r(a) @ r(-a), np.eye(3))
    close(r(a).T, r(-a))
    close(r(a) @ k, k)
    close(np.linalg.det(r(a)), 1.0)
    in_plane = [np.asarray(linalg.rotation_2d(angle)) for angle in (a, b, np.float64(a) + b)]
    close(in_plane[0] @ in_plane[1], in_plane[2])


@laws
@given(angles, seeds)
def test_axis_and_angle_undo_a_rotation(theta, seed):
    r = linalg.rotation_3d(theta, direction(seed))
    axis, angle = linalg.rotation_axis_angle(r)
    assert 0 <= angle <= np.pi + 4 * EPS
    close(np.linalg.norm(axis), 1.0)
    close(linalg.rotation_3d(angle, axis), r)


@laws
@given(st.floats(0.0625, 3.125, width=32), seeds)
def test_axis_and_angle_are_those_of_the_rotation(theta, seed):
    axis, angle = linalg.rotation_axis_angle(linalg.rotation_3d(theta, direction(seed)))
    close(axis, direction(seed), 2000)
    close(angle, theta, 2000)


def test_small_angles_keep_their_digits():
    theta = 1e3 * EPS
    np.testing.assert_allclose(linalg.rotation_axis_angle(linalg.rotation_3d(theta, "z")).angle, theta, rtol=10 * EPS)


def test_rotation_keeps_lengths_and_angles_and_has_the_axis_as_eigenvector():
    r = linalg.rotation_3d(0.8, jnp.array([1.0, 2.0, -1.0]))
    u, v = jnp.array([1.0, 0.5, 2.0]), jnp.array([-1.0, 0.3, 0.7])
    close(linalg.angle(r @ u, r @ v), linalg.angle(u, v))
    values, vectors = linalg.eig(r)
    one = jnp.argmin(jnp.abs(values - 1))
    close(jnp.abs(vectors[:, one].real @ jnp.array([1.0, 2.0, -1.0]) / jnp.sqrt(6.0)), 1.0)


def test_rotation_of_the_book():
    close(linalg.rotation_3d(np.pi / 6, "z")[:, 0], [np.cos(np.pi / 6), 0.5, 0.0])
    values = np.asarray(linalg.eig(linalg.rotation_3d(np.pi / 4, "z")).eigenvalues)
    expected = [np.sqrt(0.5) - 1j * np.sqrt(0.5), np.sqrt(0.5) + 1j * np.sqrt(0.5), 1.0]
    close(values[np.argsort(values.imag)][[0, 2, 1]], expected)


def test_gradients_are_finite_at_angle_0_and_parallel_vectors():
    u = jnp.array([1.0, 2.0, 3.0])
    assert np.isfinite(jax.grad(linalg.angle)(u, u)).all()
    assert np.isfinite(jax.grad(linalg.angle)(u, -u)).all()
    assert np.isfinite(jax.grad(lambda r: linalg.rotation_axis_angle(r).angle)(jnp.eye(3))).all()
    assert np.isfinite(jax.jacobian(lambda r: linalg.rotation_axis_angle(r).axis)(jnp.eye(3))).all()


# Linear systems


@laws
@given(seeds, sizes)
def test_inverse_and_solution(seed, d):
    a = regular(seed, d)
    b = np.random.default_rng(seed).normal(size=d).astype(a.dtype)
    inverse = np.asarray(linalg.inverse(a).inverse)
    close(inverse @ a, np.eye(d))
    close(a @ np.asarray(linalg.solve(a, b).solution), b)
    close(float(linalg.determinant(inverse)) * float(linalg.determinant(a)), 1.0)
    close(linalg.determinant(a), np.linalg.det(a))


@pytest.mark.parametrize("d", [2, 4, 5, 8])
def test_badly_conditioned_systems(d):
    """No worse than NumPy in the same precision, and the condition says so."""
    u, v = regular(d, d) / 2, regular(d + 100, d)
    a = (u * np.geomspace(1, 1e-4, d) @ v).astype(u.dtype)
    exact = np.linalg.solve(a.astype(float), np.ones(d))
    solution, condition = linalg.solve(a, np.ones(d, a.dtype))
    assert condition > 1e3
    assert np.abs(solution - exact).max() / np.abs(exact).max() < 10 * EPS * condition
    np.testing.assert_allclose(linalg.determinant(a), np.linalg.det(a.astype(float)), rtol=10 * EPS * float(condition))


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_condition_does_not_depend_on_the_scale(scale):
    close(linalg.inverse(regular(0, 3) * scale).condition, linalg.inverse(regular(0, 3)).condition)


@laws
@given(seeds, shapes)
def test_three_methods_of_least_squares_agree(seed, shape):
    rng, (n, d) = np.random.default_rng(seed), shape
    a = (np.eye(n, d) + 0.2 * rng.uniform(-1, 1, size=(n, d)) / max(n, d)).astype(jnp.result_type(float))
    b = rng.normal(size=(n, 2)).astype(a.dtype)
    svd, qr, normal = (linalg.lstsq(a, b, method=method) for method in ("svd", "qr", "normal"))
    for other in (qr, normal):
        close(other.solution, svd.solution, 1000)
        close(other.residual, svd.residual, 1000)
        assert other.rank == svd.rank == min(n, d)
    close(a.T @ (a @ np.asarray(svd.solution) - b), np.zeros((d, 2)), 1000)


@laws
@given(seeds, shapes, st.integers(1, 6))
def test_pseudo_inverse_of_any_rank(seed, shape, r):
    """The four conditions of Penrose."""
    rng, (n, d) = np.random.default_rng(seed), shape
    u, v = np.linalg.qr(rng.normal(size=(6, 6)))[0][:n, : min(n, d, r)], np.linalg.qr(rng.normal(size=(6, 6)))[0]
    a = (np.linalg.qr(u)[0] @ np.linalg.qr(v[:d, : min(n, d, r)])[0].T).astype(jnp.result_type(float))
    p = np.asarray(linalg.pseudo_inverse(a))
    close(a @ p @ a, a)
    close(p @ a @ p, p)
    close((a @ p).T, a @ p)
    close((p @ a).T, p @ a)
    assert linalg.rank(a) == min(n, d, r)
    basis, mask = map(np.asarray, linalg.null_space(a))
    assert mask.sum() == d - min(n, d, r)
    close(a @ basis, np.zeros((n, d)))
    close(basis.T @ basis, np.diag(mask))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_low_rank_has_its_rank_and_error(k):
    a = np.random.default_rng(0).normal(size=(5, 4))
    nearest, error = linalg.low_rank(a, k)
    assert np.linalg.matrix_rank(np.asarray(nearest), tol=1e-5) == k
    close(error, np.linalg.norm(a - nearest))


# Eigenvalues


@laws
@given(seeds, sizes)
def test_diagonalization_multiplies_to_the_matrix(seed, d):
    a = np.random.default_rng(seed).normal(size=(d, d)).astype(jnp.result_type(float))
    s, values, inverse, condition = map(np.asarray, linalg.diagonalize(a))
    error = np.abs((s * values) @ inverse - a).max() if np.isfinite(condition) else 0.0
    assert error < 100 * EPS * float(condition) * (1 + float(np.abs(a).max()))
    close(np.linalg.norm(s, axis=0), np.ones(d))


@pytest.mark.parametrize("d", [2, 3, 5, 8])
def test_defective_matrices_are_found(d):
    rng = np.random.default_rng(d)
    block = np.diag(np.arange(d) * 1.0)
    block[0, 0], block[0, 1] = block[1, 1], 1.0
    s = np.linalg.qr(rng.normal(size=(d, d)))[0]
    _, _, inverse, condition = linalg.diagonalize(jnp.asarray(s @ block @ s.T))
    assert np.isinf(condition)
    assert np.isnan(inverse).all()


@laws
@given(seeds, sizes)
def test_square_root_squared_is_the_matrix(seed, d):
    a = positive(seed, d)
    half = np.asarray(linalg.matrix_power(a, 1 / 2))
    close(half @ half, a)
    assert np.isnan(linalg.matrix_power(-a, 0.5)).all()


@laws
@given(seeds, sizes, st.integers(-4, 4), st.integers(-4, 4))
def test_powers_multiply(seed, d, p, q):
    a = regular(seed, d)
    first, second = (np.asarray(linalg.matrix_power(a, power)) for power in (p, q))
    close(first @ second, linalg.matrix_power(a, p + q), 20000)
    close(linalg.matrix_power(a, float(p)), first)


def test_power_through_eigenvalues_is_the_repeated_product():
    a = regular(3, 4)
    s, values, inverse, _ = linalg.diagonalize(a)
    close(((s * values**5) @ inverse).real, linalg.matrix_power(a, 5), 2000)


def test_square_root_of_the_identity_has_its_gradient():
    gradient = jax.jacobian(lambda a: linalg.matrix_power(a, 0.5))(4 * jnp.eye(3))
    close(gradient.reshape(9, 9), jnp.eye(9) / 4)


def test_eigenvectors_have_no_gradient_at_equal_eigenvalues_and_eigenvalues_have_sums():
    a = jnp.eye(3)
    assert np.isnan(jax.jacobian(lambda a: linalg.eig(a).eigenvectors.real)(a)).any()
    close(jax.grad(lambda a: linalg.eig(a).eigenvalues.real.sum())(a), jnp.eye(3))


@laws
@given(seeds, sizes)
def test_spectral_components_sum_to_the_matrix(seed, d):
    a = np.random.default_rng(seed).normal(size=(d, d)).astype(jnp.result_type(float))
    a = a + a.T
    components = np.asarray(linalg.spectral_components(a))
    close(components.sum(axis=0), a)
    for i in range(d):
        for j in range(i):
            close(components[i] @ components[j], np.zeros((d, d)), 2000)


def test_gradients_at_the_identity():
    """Sums over equal eigenvalues have a gradient."""
    symmetric = lambda a: linalg.spectral_components((a + a.T) / 2).sum(axis=0)  # noqa: E731
    jacobian = jax.jacobian(symmetric)(2 * jnp.eye(3)).reshape(9, 9)
    swap = jnp.eye(9).reshape(3, 3, 9).transpose(1, 0, 2).reshape(9, 9)
    close(jacobian, (jnp.eye(9) + swap) / 2)
    close(jax.grad(lambda a: linalg.quadric_axes(a).lengths.sum())(jnp.eye(3)), -jnp.eye(3) / 2)


@laws
@given(seeds, sizes, st.floats(0.5, 3))
def test_axes_lie_on_the_quadric(seed, d, c):
    a = np.random.default_rng(seed).normal(size=(d, d)).astype(jnp.result_type(float))
    a = a + a.T + 0.1 * np.eye(d, dtype=a.dtype)
    lengths, directions, signs = map(np.asarray, linalg.quadric_axes(a, c))
    points = directions * lengths
    if (np.abs(np.linalg.eigvalsh(a)) > 0.05).all():
        close(np.diag(points.T @ a @ points), c * signs, 20000)


# Textbook numbers


def test_numbers_of_chapter_2():
    close(linalg.determinant(jnp.array([[2, 3], [2, 2]])), -2.0)
    a = jnp.array([[1.0, 2, 1], [2, 2, 3], [1, 3, 3]])
    b = jnp.array([8.0, 15, 16])
    close(linalg.solve(a, b).solution, [1, 2, 3])
    s, values, inverse, _ = linalg.diagonalize(a)
    close(s @ ((inverse @ b) / values), [1, 2, 3])
    close(linalg.lstsq(a, b).solution, [1, 2, 3])
    close(linalg.matrix_power(a, 2), [[6, 9, 10], [9, 17, 17], [10, 17, 19]])


def test_ellipse_of_the_book():
    lengths, directions, signs = linalg.quadric_axes(jnp.array([[5.0, 3.0], [3.0, 5.0]]), 20.0)
    close(20 / lengths**2, [8, 2])
    close(jnp.abs(directions), jnp.full((2, 2), np.sqrt(0.5)))
    close(linalg.angle(directions[:, 0], jnp.array([1.0, 0.0])), np.pi / 4)
    assert (signs == 1).all()


def test_cat_brain():
    x = np.array([[.11, .09], [.01, .02], [.98, .91], [.12, .21], [.98, .99], [.85, .87], [.03, .14], [.55, .45],
                  [.49, .51], [.99, .01], [.02, .89], [.31, .47], [.55, .29], [.87, .76], [.63, .24]])  # fmt: skip
    y = np.array([-0.8, -0.97, 0.89, -0.67, 0.97, 0.72, -0.83, 0, 0, 0, -0.09, -0.22, -0.16, 0.63, 0.37])
    a = np.concatenate([x, np.ones((15, 1))], axis=1)
    np.testing.assert_allclose(linalg.pseudo_inverse(a) @ y, [1.0766, 0.8976, -0.9582], atol=1e-4)
    np.testing.assert_allclose(linalg.lstsq(a, y).residual, 0.21724, atol=1e-5)


# Everywhere


def test_every_function_under_vmap():
    matrices = jnp.stack([regular(seed, 3) for seed in range(4)])
    for f in (linalg.inverse, linalg.determinant, linalg.pseudo_inverse, linalg.rank, linalg.null_space, linalg.eig,
              linalg.diagonalize, linalg.condition_number, linalg.quadric_axes, lambda a: linalg.low_rank(a, 2),
              lambda a: linalg.matrix_power(a, -0.5)):  # fmt: skip
        together = jax.jit(jax.vmap(f))(matrices)
        for i, a in enumerate(matrices):
            jax.tree.map(lambda t, one, i=i: close(t[i], one, 1000), together, f(a))


ROTATION = np.linalg.qr(np.random.default_rng(8).normal(size=(5, 5)))[0]
SECOND = {
    "determinant": (linalg.determinant, ROTATION),
    "singular determinant": (linalg.determinant, ROTATION * np.array([3.0, 1, 1, 0, 0])),
    "inverse": (lambda a: linalg.inverse(a).inverse, ROTATION),
    "solve": (lambda a: linalg.solve(a, a[0]).solution, ROTATION),
    "pseudo_inverse": (linalg.pseudo_inverse, ROTATION[:, :3]),
    "lstsq": (lambda a: linalg.lstsq(a, a[:, 0] + 1).solution, ROTATION[:, :3]),
    "wide lstsq by qr": (lambda a: linalg.lstsq(a, a[:, 0] + 1, method="qr").solution, ROTATION[:3]),
    "null_space": (lambda a: linalg.null_space(a).basis @ linalg.null_space(a).basis.T, ROTATION[:3]),
    "low_rank": (lambda a: linalg.low_rank(a, 2).approximation, ROTATION * np.array([2.0, 2, 1, 1, 1])),
    "spectral_components": (
        lambda a: linalg.spectral_components((a + a.T) / 2)[:3].sum(axis=0),
        ROTATION * np.array([2.0, 2, 2, 1, 1]) @ ROTATION.T,
    ),
    "diagonalize": (lambda a: linalg.diagonalize(a).inverse.real, np.diag(np.arange(1.0, 6)) + ROTATION / 9),
    "matrix_power": (lambda a: linalg.matrix_power(a, 0.5), np.diag(np.arange(1.0, 6)) + ROTATION / 9),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivative(name):
    """Against differences of the gradient, where the singular values are equal as well."""
    f, a = SECOND[name]
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        a, along = jnp.asarray(a), jnp.asarray(rng.normal(size=a.shape))
        weights = jnp.asarray(rng.normal(size=f(a).shape))
        slope = jax.jit(jax.grad(lambda t: (f(a + t * along) * weights).sum()))
        difference = (slope(1e-5) - slope(-1e-5)) / 2e-5
        assert jax.jit(jax.grad(slope))(0.0) == pytest.approx(float(difference), rel=1e-5)
