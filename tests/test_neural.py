"""Networks: derivatives against autodiff, the mistake bound, towers, and what initial weights are for."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

from jaxmath import neural
from jaxmath._compiling import quick_to_compile

compiled = partial(jax.jit, compiler_options=quick_to_compile())
CORNERS = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def _network(*sizes):
    """Parameters with biases that are not 0, data and targets."""
    rng = np.random.default_rng(len(sizes))
    normal = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    params = [(normal(m, n) / np.float32(m + n) ** 0.5, normal(m)) for n, m in itertools.pairwise(sizes)]
    return params, normal(7, sizes[0]), normal(7, sizes[-1])


def _loss(params, x, y, activation):
    return 0.5 * jnp.mean(jnp.sum((neural.forward(params, x, activation=activation).output - y) ** 2, axis=1))


def _close(got, wanted, rtol=1e-5):
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("sizes", [(3, 2), (2, 5, 4, 3, 1)])
@pytest.mark.parametrize("activation", [neural.sigmoid, neural.leaky_relu, jnp.sin, None])
def test_backward_is_the_gradient(sizes, activation):
    params, x, y = _network(*sizes)
    loss, gradients = compiled(lambda p: neural.backward(p, x, y, activation=activation))(params)
    wanted, by_autodiff = compiled(jax.value_and_grad(lambda p: _loss(p, x, y, activation)))(params)
    assert loss == pytest.approx(float(wanted), rel=1e-5)
    _close(gradients, by_autodiff)


def test_gradients_of_examples_have_the_gradient_as_their_mean():
    params, x, y = _network(3, 4, 2)
    functions = neural.per_example_gradients, neural.backward
    each, whole = compiled(lambda *network: [f(*network, activation=neural.tanh) for f in functions])(params, x, y)
    _close(jax.tree.map(lambda g: np.mean(g, axis=0), each), whole.gradients)


def _share(z):
    """Of the whole array: rows depend on each other."""
    return z / jnp.sum(z**2)


def test_activations_of_a_row_or_of_all():
    params, x, y = _network(3, 3, 3)

    @partial(compiled, static_argnums=0)
    def both(activation, p):
        by_autodiff = jax.grad(lambda p: _loss(p, x, y, activation))(p)
        return neural.backward(p, x, y, activation=activation).gradients, by_autodiff

    for activation in (_share, jax.nn.softmax):
        gradients, by_autodiff = both(activation, params)
        _close(gradients, by_autodiff)

    @compiled
    def by_rows(params):
        each = neural.per_example_gradients(params, x, y, activation=jax.nn.softmax)
        hidden = neural.forward(params[:1], x, activation=jax.nn.softmax).output
        in_two = neural.mlp(params[1:], hidden, activation=None)
        return each, neural.mlp(params, x, activation=jax.nn.softmax), in_two

    each, whole, in_two = by_rows(params)
    _close(jax.tree.map(lambda g: np.mean(g, axis=0), each), by_autodiff)
    _close(whole, in_two)


@pytest.mark.bad_input
@pytest.mark.parametrize("call", [neural.per_example_gradients, neural.jacobian])
def test_rows_that_depend_on_each_other(call):
    params, x, y = _network(3, 3, 3)
    arguments = (params, x) if call is neural.jacobian else (params, x, y)
    for way in (lambda f: f, jax.jit):
        with pytest.raises(ValueError, match="expected an elementwise activation, or a function of each row"):
            way(lambda *arguments: call(*arguments, activation=_share))(*arguments)


def test_product_with_the_hessian():
    params, x, y = _network(2, 3, 1)
    vector = jax.tree.map(np.cos, params)
    flat, shaped = ravel_pytree(params)

    @compiled
    def both(params, flat):
        hessian = jax.hessian(lambda p: _loss(shaped(p), x, y, neural.sigmoid))(flat)
        return neural.hessian_vector_product(params, x, y, vector), hessian

    product, hessian = both(params, flat)
    _close(product, shaped(np.asarray(hessian) @ np.asarray(ravel_pytree(vector)[0])))


def test_a_multi_layer_perceptron_is_linear_in_the_end():
    params, x, _ = _network(3, 4, 2)

    @compiled
    def all_of_it(params):
        a = neural.dense(x, *params[0], neural.relu)
        linear = neural.mlp(params, x, activation=neural.relu), neural.dense(a, *params[1])
        activated = neural.mlp(params, x, activation=neural.relu, output_activation=neural.relu)
        return a, linear, activated, neural.forward(params, x, activation=neural.relu)

    a, linear, activated, forward = all_of_it(params)
    _close(*linear)
    _close((activated, a), (forward.output, forward.activations[0]))


def test_small_numbers_survive_in_float16():
    """Each example's share of the gradient is too small for float16; their sum is not."""
    x, y = np.full((60_000, 1), 0.5, np.float16), np.full((60_000, 1), 0.501, np.float16)
    params = [(np.ones((1, 1), np.float16), np.zeros(1, np.float16))]
    loss, [(by_weight, by_bias)] = compiled(partial(neural.backward, activation=None))(params, x, y)
    assert {a.dtype for a in (loss, by_weight, by_bias)} == {jnp.dtype("float16")}
    miss = 0.5 - float(y[0, 0])
    np.testing.assert_allclose([by_weight[0, 0], by_bias[0]], [0.5 * miss, miss], rtol=2e-3)


@pytest.mark.parametrize(("scheme", "activation"), [("xavier", None), ("he", neural.relu)])
def test_initial_weights_keep_the_size_of_what_passes(scheme, activation):
    params = neural.init_mlp(jax.random.key(1), [300] * 11, scheme=scheme)
    x = jax.random.normal(jax.random.key(2), (50, 300))
    sizes = [float(jnp.mean(a**2)) for a in neural.forward(params, x, activation=activation).activations]
    assert 0.4 < sizes[-1] / sizes[0] < 2.5
    assert not np.allclose(params[0][0], params[1][0])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_no_more_mistakes_than_the_bound(seed, margin):
    """Also with the examples in other orders and several times over."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    points = np.append(rng.normal(size=(16, 2)), np.ones((16, 1)), axis=1)
    side = points @ direction
    labels = side >= 0
    points[:, :2] += np.where(labels, margin, -margin)[:, None] * direction[:2]
    distances = np.where(labels, 1, -1) * (points @ direction)
    bound = (np.linalg.norm(points, axis=1).max() / distances.min()) ** 2
    fit = neural.train_perceptron(points[:, :2], labels, max_epochs=100_000)
    again = neural.train_perceptron(np.tile(points[:8, :2], (2, 1)), np.tile(labels[:8], 2), max_epochs=100_000)
    for found in (fit, again):
        assert found.converged
        assert found.mistakes <= bound
    np.testing.assert_array_equal(neural.perceptron(points[:, :2], fit.weights, fit.bias), labels)


@pytest.mark.parametrize("kind", ["and", "or", "not", "xor"])
def test_which_gates_one_perceptron_can_learn(kind):
    inputs = CORNERS[:, :1] if kind == "not" else CORNERS
    labels = neural.forward(neural.gate(kind), inputs, activation=neural.heaviside).output[:, 0]
    fit = neural.train_perceptron(inputs, labels, max_epochs=50)
    assert fit.converged == (kind != "xor")
    assert (fit.num_epochs == 50) == (kind == "xor")
    right = neural.perceptron(inputs, fit.weights, fit.bias) == labels
    assert right.all() == (kind != "xor")


def _wave(points):
    return jnp.sin(2 * points[:, 0]) * jnp.cos(3 * points[:, 1])


@compiled
def _heights(params, x):
    return neural.mlp(params, x, activation=neural.heaviside)[:, 0]


def test_towers_come_closer_as_the_grid_is_refined():
    x = np.random.default_rng(0).uniform((-1, 0), (1, 2), size=(1000, 2)).astype(np.float32)
    errors = []
    for m in (4, 8, 16):
        axes = np.linspace(-1, 1, m + 1, dtype=np.float32), np.linspace(0, 2, m + 1, dtype=np.float32)
        params = compiled(lambda axes: neural.tower_network(_wave, axes))(axes)
        errors.append(float(np.abs(_heights(params, x) - np.sin(2 * x[:, 0]) * np.cos(3 * x[:, 1])).max()))
        assert errors[-1] <= np.hypot(2, 3) * np.hypot(1 / m, 1 / m)  # Lipschitz constant, half a diagonal
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]


def test_towers_stand_without_gap_or_overlap():
    """Also at the corners of the cells and next to them; outside, there is nothing."""
    p, q = np.array([-0.3, 0.1, 0.7, 1.1], np.float32), np.array([0.1, 0.2, 0.3], np.float32)
    params = neural.tower_network(lambda c: 1 + c[:, 0] + 10 * c[:, 1], (p, q))
    below = np.nextafter(p, np.float32(-9)), np.nextafter(q, np.float32(-9))
    for i in range(4):
        for j in range(3):
            for u, v, row, column in ((p[i], q[j], i, j), (below[0][i], below[1][j], i - 1, j - 1)):
                inside = 0 <= row < 3 and 0 <= column < 2
                cell = (p[[row, row + 1]].mean(), q[[column, column + 1]].mean()) if inside else (0, 0)
                wanted = 1 + cell[0] + 10 * cell[1] if inside else 0
                assert _heights(params, np.array([[u, v]]))[0] == pytest.approx(float(wanted), rel=1e-6)
