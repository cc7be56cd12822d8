"""The one loop, and its implicit derivative, on steps whose fixed points are known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath._core.implicit import fixed_point
from jaxmath._core.iterate import Step, best_of, iterate

MATRIX = np.array([[0.4, 0.3, 0.0], [-0.2, 0.5, 0.1], [0.1, 0.0, 0.6]])


def newton_root(params, data):
    """Newton's method for the square root; the objective is how far its square is off, below 0."""
    new = (params + data / params) / 2
    return Step(new, -jnp.sum((params**2 - data) ** 2))


def contraction(params, data):
    """Comes to (I - M)^-1 b, with parameters in two parts."""
    matrix, b = data
    x = matrix @ jnp.concatenate([params["a"], params["b"]]) + b
    return Step({"a": x[:1], "b": x[1:]}, -jnp.sum(x**2))


def solution(b, tol=1e-14, matrix=MATRIX):
    start = {"a": jnp.zeros(1), "b": jnp.zeros(2)}
    run = iterate(contraction, start, (jnp.asarray(matrix), b), tol=jnp.asarray(tol), max_steps=300)
    return jnp.concatenate([run.params["a"], run.params["b"]]), run


def test_history_and_stopping():
    run = jax.jit(partial(iterate, newton_root, max_steps=12))(jnp.array([3.0]), jnp.array([2.0]), tol=1e-4)
    params, history = 3.0, []
    while len(history) < 2 or abs(history[-1] - history[-2]) >= 1e-4:
        history.append(-((params**2 - 2) ** 2))
        params = (params + 2 / params) / 2
    n = int(run.num_steps)
    assert run.converged
    assert n == len(history) - 1
    np.testing.assert_allclose(run.history[:n], history[:-1], rtol=1e-4, atol=1e-6)
    assert np.isnan(run.history[n:]).all()
    assert run.objective == pytest.approx(-((float(run.params[0]) ** 2 - 2) ** 2), abs=1e-6)


def test_all_steps_are_made_at_tol_0():
    run = iterate(newton_root, jnp.array([3.0]), jnp.array([2.0]), tol=jnp.zeros(()), max_steps=9)
    assert run.num_steps == 9
    assert not run.converged
    assert np.isfinite(run.history).all()


def test_what_is_not_finite_ends_it():
    run = iterate(newton_root, jnp.array([1.0]), jnp.array([jnp.nan]), tol=jnp.array(1e-4), max_steps=9)
    assert run.num_steps == 0
    assert not run.converged
    assert np.isnan(run.objective)


def test_best_of_several_starts():
    starts = jnp.array([[1e30], [jnp.nan], [1.0], [50.0]])
    run = best_of(newton_root, starts, jnp.array([2.0]), tol=jnp.array(1e-9), max_steps=4)
    alone = iterate(newton_root, starts[2], jnp.array([2.0]), tol=jnp.array(1e-9), max_steps=4)
    np.testing.assert_allclose(run.params, alone.params)
    batch = jax.vmap(lambda start: iterate(newton_root, start, jnp.array([2.0]), tol=jnp.array(1e-9), max_steps=4))
    np.testing.assert_allclose(batch(starts).params[2], alone.params)


def test_derivative_is_that_of_the_fixed_point():
    """Also where the iteration stopped early, in both modes and twice."""
    with jax.enable_x64(True):
        b, direction = jnp.array([1.0, -2.0, 0.5]), jnp.array([0.3, 1.0, -1.0])
        inverse = np.linalg.inv(np.eye(3) - MATRIX)
        for tol in (1e-14, 1e-2):
            found = lambda b, tol=tol: solution(b, tol)[0]  # noqa: E731
            np.testing.assert_allclose(jax.jvp(found, (b,), (direction,))[1], inverse @ direction, rtol=1e-6)
            np.testing.assert_allclose(jax.jacrev(found)(b), inverse, rtol=1e-6)
        objective = jax.grad(lambda b: solution(b)[1].objective)(b)
        np.testing.assert_allclose(objective, -2 * inverse.T @ inverse @ b, rtol=1e-6)

        def root(z):
            tol = jnp.asarray(1e-3)
            return iterate(newton_root, jnp.ones(1), z * jnp.ones(1), tol=tol, max_steps=50).params[0]

        np.testing.assert_allclose(jax.grad(root)(2.0), 0.5 * 2**-0.5, rtol=1e-6)
        np.testing.assert_allclose(jax.grad(jax.grad(root))(2.0), -0.25 * 2**-1.5, rtol=1e-5)
        np.testing.assert_allclose(jax.jacfwd(jax.grad(root))(2.0), -0.25 * 2**-1.5, rtol=1e-5)


def test_no_fixed_point_no_derivative():
    with jax.enable_x64(True):
        away = lambda b: fixed_point(lambda x, b: 2 * x + b, jnp.ones(2), b).params.sum()  # noqa: E731
        assert np.isnan(jax.grad(away)(jnp.ones(2))).all()
