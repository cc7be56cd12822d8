"""The checked solution of a linear system, with solvers that are right, nearly right, and wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath._core.implicit import checked_solution

A = np.array([[3.0, 1.0], [1.0, 2.0]])


def multiply(x):
    return {"a": 3 * x["a"] + x["b"], "b": x["a"] + 2 * x["b"]}


def solution(right, error=0.0, tolerance=1e-5):
    """By the inverse, times 1 + error."""

    def solve(b):
        x = jnp.linalg.inv(jnp.asarray(A)) @ jnp.stack([b["a"], b["b"]]) * (1 + error)
        return {"a": x[0], "b": x[1]}

    tree = {"a": jnp.asarray(right[0]), "b": jnp.asarray(right[1])}
    x = jax.jit(lambda tree: checked_solution(solve, multiply, tree, tolerance))(tree)
    return np.array([x["a"], x["b"]])


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
@pytest.mark.parametrize("error", [0.0, 1e-2])
def test_a_solver_that_is_nearly_right_is_asked_again(scale, error):
    right = scale * np.array([1.0, -2.0])
    np.testing.assert_allclose(solution(right, error) / scale, np.linalg.solve(A, right) / scale, rtol=3e-5)


def test_where_none_is_found_is_nan():
    assert np.isnan(solution([1.0, 2.0], error=0.5)).all()
    assert np.isnan(solution([1.0, np.nan])).all()
    assert np.isnan(solution([1.0, np.inf])).all()
    np.testing.assert_array_equal(solution([0.0, 0.0]), 0)
