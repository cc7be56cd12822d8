"""Laws of vectors, linear systems, eigenvalues and rotations, and the numbers of chapter 2."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import linalg
from jaxmath._compiling import quick_to_compile

compiled = partial(jax.jit, compiler_options=quick_to_compile())
diagonalize = compiled(linalg.diagonalize)
rotation_3d, rotation_2d = compiled(linalg.rotation_3d), compiled(linalg.rotation_2d)
axis_angle = compiled(linalg.rotation_axis_angle)
quadric_axes = compiled(linalg.quadric_axes)

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
    r = lambda theta: np.asarray(rotation_3d(theta, k))  # noqa: E731
    close(r(a) @ r(b), r(np.float64(a) + b))
    close(r(a) @ r(-a), np.eye(3))
    close(r(a).T, r(-a))
    close(r(a) @ k, k)
    close(np.linalg.det(r(a)), 1.0)
    in_plane = [np.asarray(rotation_2d(angle)) for angle in (a, b, np.float64(a) + b)]
    close(in_plane[0] @ in_plane[1], in_plane[2])


@laws
@given(angles, seeds)
def test_axis_and_angle_undo_a_rotation(theta, seed):
    r = rotation_3d(theta, direction(seed))
    axis, angle = map(np.asarray, axis_angle(r))
    assert 0 <= angle <= np.pi + 4 * EPS
    close(np.linalg.norm(axis), 1.0)
    close(rotation_3d(angle, axis), r)


@laws
@given(st.floats(0.0625, 3.125, width=32), seeds)
def test_axis_and_angle_are_those_of_the_rotation(theta, seed):
    axis, angle = axis_angle(rotation_3d(theta, direction(seed)))
    close(axis, direction(seed), 2000)
    close(angle, theta, 2000)


def test_small_angles_keep_their_digits():
    theta = 1e3 * EPS
    found = compiled(lambda theta: linalg.rotation_axis_angle(linalg.rotation_3d(theta, "z")).angle)(theta)
    np.testing.assert_allclose(found, theta, rtol=10 * EPS)


def test_rotation_keeps_lengths_and_angles_and_has_the_axis_as_eigenvector():
    r = np.asarray(rotation_3d(0.8, np.array([1.0, 2.0, -1.0])))
    u, v = np.array([1.0, 0.5, 2.0]), np.array([-1.0, 0.3, 0.7])
    angle = compiled(linalg.angle)
    close(angle(r @ u, r @ v), angle(u, v))
    values, vectors = map(np.asarray, compiled(linalg.eig)(r))
    one = np.argmin(np.abs(values - 1))
    close(np.abs(vectors[:, one].real @ np.array([1.0, 2.0, -1.0]) / np.sqrt(6.0)), 1.0)


def test_rotation_of_the_book():
    about_z = compiled(lambda theta: (r := linalg.rotation_3d(theta, "z"), linalg.eig(r).eigenvalues))
    close(about_z(np.pi / 6)[0][:, 0], [np.cos(np.pi / 6), 0.5, 0.0])
    values = np.asarray(about_z(np.pi / 4)[1])
    expected = [np.sqrt(0.5) - 1j * np.sqrt(0.5), np.sqrt(0.5) + 1j * np.sqrt(0.5), 1.0]
    close(values[np.argsort(values.imag)][[0, 2, 1]], expected)


def test_gradients_are_finite_at_angle_0_and_parallel_vectors():
    u = jnp.array([1.0, 2.0, 3.0])
    slope = compiled(jax.grad(linalg.angle))
    assert np.isfinite(slope(u, u)).all()
    assert np.isfinite(slope(u, -u)).all()
    slopes = compiled(jax.jacobian(linalg.rotation_axis_angle))(np.eye(3))
    assert np.isfinite(slopes.angle).all()
    assert np.isfinite(slopes.axis).all()


# Linear systems


@compiled
def _inverse_and_solution(a, b):
    inverse = linalg.inverse(a).inverse
    return inverse, linalg.solve(a, b).solution, linalg.determinant(inverse), linalg.determinant(a)


@laws
@given(seeds, sizes)
def test_inverse_and_solution(seed, d):
    a = regular(seed, d)
    b = np.random.default_rng(seed).normal(size=d).astype(a.dtype)
    inverse, solution, of_inverse, determinant = map(np.asarray, _inverse_and_solution(a, b))
    close(inverse @ a, np.eye(d))
    close(a @ solution, b)
    close(float(of_inverse) * float(determinant), 1.0)
    close(determinant, np.linalg.det(a))


_solution_and_determinant = compiled(lambda a, b: (linalg.solve(a, b), linalg.determinant(a)))


@pytest.mark.parametrize("d", [2, 4, 5, 8])
def test_badly_conditioned_systems(d):
    """No worse than NumPy in the same precision, and the condition says so."""
    u, v = regular(d, d) / 2, regular(d + 100, d)
    a = (u * np.geomspace(1, 1e-4, d) @ v).astype(u.dtype)
    exact = np.linalg.solve(a.astype(float), np.ones(d))
    (solution, condition), determinant = _solution_and_determinant(a, np.ones(d, a.dtype))
    assert condition > 1e3
    assert np.abs(solution - exact).max() / np.abs(exact).max() < 10 * EPS * condition
    np.testing.assert_allclose(determinant, np.linalg.det(a.astype(float)), rtol=10 * EPS * float(condition))


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_condition_does_not_depend_on_the_scale(scale):
    condition = compiled(lambda a: linalg.inverse(a).condition)
    close(condition(regular(0, 3) * scale), condition(regular(0, 3)))


_by_three_methods = compiled(lambda a, b: [linalg.lstsq(a, b, method=method) for method in ("svd", "qr", "normal")])


@laws
@given(seeds, shapes)
def test_three_methods_of_least_squares_agree(seed, shape):
    rng, (n, d) = np.random.default_rng(seed), shape
    a = (np.eye(n, d) + 0.2 * rng.uniform(-1, 1, size=(n, d)) / max(n, d)).astype(jnp.result_type(float))
    b = rng.normal(size=(n, 2)).astype(a.dtype)
    svd, qr, normal = _by_three_methods(a, b)
    for other in (qr, normal):
        close(other.solution, svd.solution, 1000)
        close(other.residual, svd.residual, 1000)
        assert other.rank == svd.rank == min(n, d)
    close(a.T @ (a @ np.asarray(svd.solution) - b), np.zeros((d, 2)), 1000)


_pseudo_inverse = compiled(lambda a: (linalg.pseudo_inverse(a), linalg.rank(a), linalg.null_space(a)))


@laws
@given(seeds, shapes, st.integers(1, 6))
def test_pseudo_inverse_of_any_rank(seed, shape, r):
    """The four conditions of Penrose."""
    rng, (n, d) = np.random.default_rng(seed), shape
    u, v = np.linalg.qr(rng.normal(size=(6, 6)))[0][:n, : min(n, d, r)], np.linalg.qr(rng.normal(size=(6, 6)))[0]
    a = (np.linalg.qr(u)[0] @ np.linalg.qr(v[:d, : min(n, d, r)])[0].T).astype(jnp.result_type(float))
    p, rank, (basis, mask) = jax.tree.map(np.asarray, _pseudo_inverse(a))
    close(a @ p @ a, a)
    close(p @ a @ p, p)
    close((a @ p).T, a @ p)
    close((p @ a).T, p @ a)
    assert rank == min(n, d, r)
    assert mask.sum() == d - min(n, d, r)
    close(a @ basis, np.zeros((n, d)))
    close(basis.T @ basis, np.diag(mask))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_low_rank_has_its_rank_and_error(k):
    a = np.random.default_rng(0).normal(size=(5, 4))
    nearest, error = compiled(lambda a: linalg.low_rank(a, k))(a)
    assert np.linalg.matrix_rank(np.asarray(nearest), tol=1e-5) == k
    close(error, np.linalg.norm(a - nearest))


# Eigenvalues


@laws
@given(seeds, sizes)
def test_diagonalization_multiplies_to_the_matrix(seed, d):
    a = np.random.default_rng(seed).normal(size=(d, d)).astype(jnp.result_type(float))
    s, values, inverse, condition = map(np.asarray, diagonalize(a))
    error = np.abs((s * values) @ inverse - a).max() if np.isfinite(condition) else 0.0
    assert error < 100 * EPS * float(condition) * (1 + float(np.abs(a).max()))
    close(np.linalg.norm(s, axis=0), np.ones(d))


@pytest.mark.parametrize("d", [2, 3, 5, 8])
def test_defective_matrices_are_found(d):
    rng = np.random.default_rng(d)
    block = np.diag(np.arange(d) * 1.0)
    block[0, 0], block[0, 1] = block[1, 1], 1.0
    s = np.linalg.qr(rng.normal(size=(d, d)))[0]
    _, _, inverse, condition = diagonalize(s @ block @ s.T)
    assert np.isinf(condition)
    assert np.isnan(inverse).all()


_square_roots = compiled(lambda a: (linalg.matrix_power(a, 1 / 2), linalg.matrix_power(-a, 1 / 2)))


@laws
@given(seeds, sizes)
def test_square_root_squared_is_the_matrix(seed, d):
    a = positive(seed, d)
    half, of_negative = map(np.asarray, _square_roots(a))
    close(half @ half, a)
    assert np.isnan(of_negative).all()


@laws
@given(seeds, sizes, st.integers(-4, 4), st.integers(-4, 4))
def test_powers_multiply(seed, d, p, q):
    a = regular(seed, d)
    first, second = (np.asarray(linalg.matrix_power(a, power)) for power in (p, q))
    close(first @ second, linalg.matrix_power(a, p + q), 20000)
    close(linalg.matrix_power(a, float(p)), first)


def test_power_through_eigenvalues_is_the_repeated_product():
    a = regular(3, 4)
    s, values, inverse, _ = map(np.asarray, diagonalize(a))
    close(((s * values**5) @ inverse).real, linalg.matrix_power(a, 5), 2000)


def test_square_root_of_the_identity_has_its_gradient():
    gradient = compiled(jax.jacobian(lambda a: linalg.matrix_power(a, 0.5)))(4 * np.eye(3))
    close(gradient.reshape(9, 9), jnp.eye(9) / 4)


def test_eigenvectors_have_no_gradient_at_equal_eigenvalues_and_eigenvalues_have_sums():
    slopes = compiled(jax.jacobian(lambda a: jax.tree.map(jnp.real, linalg.eig(a))))(np.eye(3))
    assert np.isnan(slopes.eigenvectors).any()
    close(compiled(jax.grad(lambda a: linalg.eig(a).eigenvalues.real.sum()))(np.eye(3)), np.eye(3))


_spectral_components = compiled(linalg.spectral_components)


@laws
@given(seeds, sizes)
def test_spectral_components_sum_to_the_matrix(seed, d):
    a = np.random.default_rng(seed).normal(size=(d, d)).astype(jnp.result_type(float))
    a = a + a.T
    components = np.asarray(_spectral_components(a))
    close(components.sum(axis=0), a)
    for i in range(d):
        for j in range(i):
            close(components[i] @ components[j], np.zeros((d, d)), 2000)


def test_gradients_at_the_identity():
    """Sums over equal eigenvalues have a gradient."""
    symmetric = lambda a: linalg.spectral_components((a + a.T) / 2).sum(axis=0)  # noqa: E731
    jacobian = np.asarray(compiled(jax.jacobian(symmetric))(2 * np.eye(3))).reshape(9, 9)
    swap = np.eye(9).reshape(3, 3, 9).transpose(1, 0, 2).reshape(9, 9)
    close(jacobian, (np.eye(9) + swap) / 2)
    close(compiled(jax.grad(lambda a: linalg.quadric_axes(a).lengths.sum()))(np.eye(3)), -np.eye(3) / 2)


@laws
@given(seeds, sizes, st.floats(0.5, 3))
def test_axes_lie_on_the_quadric(seed, d, c):
    a = np.random.default_rng(seed).normal(size=(d, d)).astype(jnp.result_type(float))
    a = a + a.T + 0.1 * np.eye(d, dtype=a.dtype)
    lengths, directions, signs = map(np.asarray, quadric_axes(a, c))
    points = directions * lengths
    if (np.abs(np.linalg.eigvalsh(a)) > 0.05).all():
        close(np.diag(points.T @ a @ points), c * signs, 20000)


# Textbook numbers


def test_numbers_of_chapter_2():
    close(compiled(linalg.determinant)(np.array([[2, 3], [2, 2]])), -2.0)
    a = np.array([[1.0, 2, 1], [2, 2, 3], [1, 3, 3]])
    b = np.array([8.0, 15, 16])

    @compiled
    def numbers(a, b):
        return linalg.solve(a, b).solution, linalg.lstsq(a, b).solution, linalg.matrix_power(a, 2)

    solved, nearest, square = numbers(a, b)
    close(solved, [1, 2, 3])
    s, values, inverse, _ = map(np.asarray, diagonalize(a))
    close(s @ ((inverse @ b) / values), [1, 2, 3])
    close(nearest, [1, 2, 3])
    close(square, [[6, 9, 10], [9, 17, 17], [10, 17, 19]])


def test_ellipse_of_the_book():
    lengths, directions, signs = map(np.asarray, quadric_axes(np.array([[5.0, 3.0], [3.0, 5.0]]), 20.0))
    close(20 / lengths**2, [8, 2])
    close(np.abs(directions), np.full((2, 2), np.sqrt(0.5)))
    close(compiled(linalg.angle)(directions[:, 0], np.array([1.0, 0.0])), np.pi / 4)
    assert (signs == 1).all()


def test_cat_brain():
    x = np.array([[.11, .09], [.01, .02], [.98, .91], [.12, .21], [.98, .99], [.85, .87], [.03, .14], [.55, .45],
                  [.49, .51], [.99, .01], [.02, .89], [.31, .47], [.55, .29], [.87, .76], [.63, .24]])  # fmt: skip
    y = np.array([-0.8, -0.97, 0.89, -0.67, 0.97, 0.72, -0.83, 0, 0, 0, -0.09, -0.22, -0.16, 0.63, 0.37])
    a = np.concatenate([x, np.ones((15, 1))], axis=1)
    inverse, residual = compiled(lambda a, y: (linalg.pseudo_inverse(a), linalg.lstsq(a, y).residual))(a, y)
    np.testing.assert_allclose(np.asarray(inverse) @ y, [1.0766, 0.8976, -0.9582], atol=1e-4)
    np.testing.assert_allclose(residual, 0.21724, atol=1e-5)


# Everywhere


def test_every_function_under_vmap():
    functions = (linalg.inverse, linalg.determinant, linalg.pseudo_inverse, linalg.rank, linalg.null_space, linalg.eig,
                 linalg.diagonalize, linalg.condition_number, linalg.quadric_axes, lambda a: linalg.low_rank(a, 2),
                 lambda a: linalg.matrix_power(a, -0.5))  # fmt: skip
    every = lambda a: [f(a) for f in functions]  # noqa: E731
    matrices = np.stack([regular(seed, 3) for seed in range(4)])
    together, alone = jax.tree.map(np.asarray, compiled(jax.vmap(every))(matrices)), compiled(every)
    for i, a in enumerate(matrices):
        jax.tree.map(lambda t, one, i=i: close(t[i], one, 1000), together, alone(a))


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
        along, weights = rng.normal(size=a.shape), rng.normal(size=jax.eval_shape(f, a).shape)
        both = compiled(jax.value_and_grad(jax.grad(lambda t: (f(a + t * along) * weights).sum())))
        difference = float(both(1e-5)[0] - both(-1e-5)[0]) / 2e-5
        assert both(0.0)[1] == pytest.approx(difference, rel=1e-5)
