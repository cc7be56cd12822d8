"""Functions, derivatives, the chain rule."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bad_input_calculus import MIXED, SQUARE, by_reverse_mode
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import calculus
from jaxmath.calculus import leaky_relu, relu, sigmoid, square

EPS = float(jnp.finfo(jnp.zeros(()).dtype).eps)
FUNCTIONS = (square, sigmoid, leaky_relu, jnp.sin, jnp.tanh)
X = jnp.array([-2.5, -0.3, 0.4, 1.7])


def close(a, b, factor=100.0):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=factor * EPS, atol=factor * EPS)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=5))
def test_chain_rule_is_autodiff_for_any_length(functions):
    chain = calculus.chain_rule(functions, X)
    composed = calculus.compose(*functions)
    close(chain.derivative, jax.vmap(jax.grad(composed))(X))
    close(chain.values[-1], composed(X))
    close(chain.derivative, functools.reduce(jnp.multiply, chain.local_derivatives))
    assert chain.values.shape == chain.local_derivatives.shape == (len(functions), 4)


def test_compose_applies_from_left_to_right():
    assert calculus.compose(square, lambda x: x + 1)(3.0) == 10.0
    assert calculus.compose(lambda x: x + 1, square)(3.0) == 16.0
    assert calculus.compose()(3.0) == 3.0


def test_derivatives_at_the_corner():
    assert jax.grad(relu)(0.0) == 0
    close(jax.grad(leaky_relu)(0.0), 0.2)
    assert jax.grad(relu)(1e-30) == 1


def test_central_difference_is_near_the_derivative():
    """Truncation delta^2, rounding eps / delta."""
    delta = EPS ** (1 / 3)
    found = calculus.derivative(sigmoid, X, delta=delta)
    np.testing.assert_allclose(found, sigmoid(X) * sigmoid(-X), atol=delta**2 + 10 * EPS / delta)


def test_step_is_not_static():
    quotients = jax.vmap(lambda delta: calculus.derivative(lambda x: x**3, 2.0, delta=delta))(jnp.array([0.5, 1.0]))
    close(quotients, [12.25, 13.0])


def test_gradients_of_a_product_of_matrices():
    x, w = jnp.arange(6.0).reshape(2, 3), jnp.arange(12.0).reshape(3, 4)
    values, (by_x, by_w) = calculus.gradients(jnp.matmul, x, w)
    close(values, x @ w)
    close(by_x, jnp.ones((2, 4)) @ w.T)
    close(by_w, x.T @ jnp.ones((2, 4)))


@pytest.mark.parametrize("f", FUNCTIONS)
def test_matrix_chain_is_autodiff(f):
    x, w = jnp.arange(6.0).reshape(2, 3) / 5 - 0.45, jnp.arange(12.0).reshape(3, 4) / 7 - 0.8
    chain = calculus.matrix_chain(f, x, w)
    by_x, by_w = jax.grad(lambda x, w: f(x @ w).sum(), argnums=(0, 1))(x, w)
    close(chain.gradient_x, by_x)
    close(chain.gradient_w, by_w)


def test_gradient_field_in_three_dimensions():
    x, y, z = jnp.arange(2.0), jnp.arange(3.0), jnp.arange(4.0)
    field = calculus.gradient_field(lambda a, b, c: a * b + 2 * c, x, y, z)
    assert field.shape == (3, 2, 3, 4)
    close(field[:, 1, 2, 3], [2.0, 1.0, 2.0])


def test_descent_on_the_sine_surface_goes_down():
    """From (1.6, 1.7) with step 0.1, as document B does."""
    surface = lambda p: jnp.sin(p[0]) * jnp.sin(p[1])  # noqa: E731
    path = [jnp.array([1.6, 1.7])]
    for _ in range(60):
        path.append(path[-1] - 0.1 * calculus.gradients(surface, path[-1]).gradients[0])
    heights = [float(surface(p)) for p in path]
    assert all(b < a for a, b in itertools.pairwise(heights))
    assert heights[-1] < 0.5


def test_the_chain_rule_through_a_rule_for_reverse_mode():
    for x in (jnp.array([0.0, 0.5]), 0.5):
        chain = calculus.chain_rule([by_reverse_mode(jnp.sin), jnp.exp], x)
        close(chain.derivative, np.cos(x) * np.exp(np.sin(x)))


@pytest.mark.bad_input
@pytest.mark.parametrize("f", MIXED.values(), ids=MIXED)
def test_functions_of_several_entries_are_refused(f):
    calls = {
        "chain_rule": lambda x: calculus.chain_rule([jnp.sin, f], x),
        "matrix_chain": lambda x: calculus.matrix_chain(f, x, SQUARE),
        "derivative": lambda x: calculus.derivative(f, x),
    }
    for name, call in calls.items():
        for way in (lambda call: call, jax.vmap):
            with pytest.raises(ValueError, match=rf"calculus\.{name}: expected an elementwise function"):
                jax.eval_shape(way(call), SQUARE if way is not jax.vmap else SQUARE[None])


def test_elementwise_functions_that_close_over_what_is_differentiated():
    slope = lambda s: calculus.chain_rule([lambda x: leaky_relu(x, s), lambda x: s * x], X).derivative.sum()  # noqa: E731
    close(jax.jit(jax.grad(slope))(0.2), 2 * 0.2 * 2 + 2)
    with pytest.raises(ValueError, match="elementwise"):
        jax.grad(lambda s: calculus.chain_rule([lambda x: x - s * x.mean()], X).derivative.sum())(0.2)
