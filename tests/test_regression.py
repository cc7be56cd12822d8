"""Regression: what holds of every fit, data that is hard, classes that can be separated."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import data, optimize, regression
from jaxmath._compiling import quick_to_compile

CAT, THREAT = map(np.asarray, data.cat_brain())
compiled = partial(jax.jit, compiler_options=quick_to_compile())
linear, logistic = compiled(regression.linear), compiled(regression.logistic)


@cache
def polynomial(degree):
    return compiled(partial(regression.polynomial, degree=degree))


def test_numbers_of_section_3_4_3():
    model = linear(CAT, THREAT)
    np.testing.assert_allclose(model.weights, [1.0766, 0.8976], atol=1e-4)
    assert model.intercept == pytest.approx(-0.9582, abs=1e-4)
    assert model.residual == pytest.approx(0.21724, abs=1e-5)
    assert model.rank == 2


def test_numbers_of_section_3_4_1_and_3_4_2():
    rng = np.random.default_rng(0)
    x = rng.normal(size=100).astype(np.float32)
    line = linear(x[:, None], 1.5 * x + 2.73 + 0.1 * rng.normal(size=100))
    np.testing.assert_allclose([line.weights[0], line.intercept], [1.5, 2.73], atol=0.05)
    np.testing.assert_allclose(polynomial(2)(x, x**2 - x + 2).coefficients, [2, -1, 1], atol=1e-5)


def test_small_batches_lead_to_the_pseudo_inverse():
    """Section 3.4.3, with a rate that falls so that the noise of the batches dies out."""
    rows = np.column_stack([CAT, np.ones(15, CAT.dtype)])

    def loss(w, x, y):
        return jnp.mean((jnp.sum(x * w, axis=1) - y) ** 2)

    rate = optax.linear_schedule(0.3, 0.0, 12_000)
    fit = jax.jit(
        lambda key: optimize.sgd(
            key, loss, jnp.zeros(3), (rows, THREAT), optimizer=optax.sgd(rate), batch_size=5, num_epochs=4000
        )
    )(jax.random.key(0))
    expected = np.linalg.pinv(rows.astype(float)) @ THREAT
    np.testing.assert_allclose(fit.params, expected, atol=5e-3)
    assert np.sum((np.asarray(rows) @ np.asarray(fit.params) - THREAT) ** 2) == pytest.approx(0.21724, abs=1e-4)


predict = compiled(regression.predict)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from([1, 2, 4]))
def test_residuals_are_at_right_angles_to_the_columns(seed, d):
    rng = np.random.default_rng(seed)
    x, y, weights = rng.normal(size=(12, d)), rng.normal(size=12), rng.uniform(0, 2, size=12)
    model = linear(x, y, weights=weights)
    left = (y - np.asarray(predict(model, x), float)) * weights
    np.testing.assert_allclose(left @ x, 0, atol=2e-4)
    assert left.sum() == pytest.approx(0, abs=2e-4)
    twice = linear(np.vstack([x, x[:3]]), np.concatenate([y, y[:3]]))
    by_weight = linear(x, y, weights=1.0 + (np.arange(12) < 3))
    np.testing.assert_allclose(twice.weights, by_weight.weights, atol=1e-4)


def test_far_from_the_origin():
    """In float32, columns of mean 1e4: squares that are not centred first leave nothing of them."""
    rng = np.random.default_rng(3)
    x = (1e4 + rng.normal(size=(200, 2))).astype(np.float32)
    y = (x.astype(np.float64) @ [2.0, -3.0] + 1e4).astype(np.float32)
    model = linear(x, y)
    np.testing.assert_allclose(model.weights, [2, -3], atol=5e-3)


def test_columns_of_different_size():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(50, 3)) * [1e-6, 1.0, 1e6]
    model = linear(x, x @ [1e6, 1.0, 1e-6])
    np.testing.assert_allclose(model.weights, [1e6, 1.0, 1e-6], rtol=1e-4)
    assert model.rank == 3


@pytest.mark.parametrize("degree", [3, 8])
def test_a_polynomial_is_found_again_far_from_the_unit_interval(degree):
    """In plain powers of 0..20 the columns differ by a factor of 1e10; the fit is as good as the numbers."""
    x = np.linspace(0, 20, 60, dtype=np.float32)
    truth = np.polynomial.Polynomial.fromroots(np.linspace(2, 18, degree)) / 10.0**degree
    y = truth(np.asarray(x, np.float64))
    model = polynomial(degree)(x, y)
    assert model.rank == degree + 1
    with jax.enable_x64(True):
        exact = polynomial(degree)(np.asarray(x, np.float64), y)
        np.testing.assert_allclose(exact.coefficients, truth.coef, rtol=1e-7, atol=1e-12)
    fitted = np.polynomial.polynomial.polyval(np.asarray(x, np.float64), np.asarray(model.coefficients, np.float64))
    assert np.abs(fitted - y).max() < 2e-3 * np.abs(y).max()


def test_a_line_is_a_polynomial():
    line, poly = linear(CAT[:, :1], THREAT), polynomial(1)(CAT[:, 0], THREAT)
    np.testing.assert_allclose(poly.coefficients, [line.intercept, line.weights[0]], rtol=1e-4)
    assert poly.residual == pytest.approx(float(line.residual), rel=1e-4)


# Classes


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logistic_regression_equals_scipys_minimum(l2, dtype):
    with jax.enable_x64(dtype == "float64"):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(80, 2)) * [1, 30] + [0, 500]
        labels = (rng.uniform(size=80) < 1 / (1 + np.exp(-x[:, 0] - (x[:, 1] - 500) / 30))).astype(int)

        def loss(p):
            scores = x @ (p[:2] / [1, 30]) + p[2] - 500 / 30 * p[1]
            penalty = l2 / 2 * (p[0] ** 2 + (p[1] / 30) ** 2)
            return np.mean(np.logaddexp(0, scores) - labels * scores) + penalty

        expected = scipy.optimize.minimize(loss, np.zeros(3), tol=1e-10)
        model = logistic(x.astype(dtype), labels, l2=l2)
        assert model.converged
        np.testing.assert_allclose(model.weights, expected.x[:2] / [1, 30], atol=2e-4)
        assert model.loss == pytest.approx(expected.fun, rel=1e-5)
        assert model.num_steps < 12


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("x", "labels"),
    [
        ([0.0, 1.0, 2.0, 3.0], [0, 0, 1, 1]),
        ([0.0, 1.0, 1.0, 3.0], [0, 0, 1, 1]),  # a row of each class on the border
        ([0.0, 1.0, 1.0, 1.0, 3.0], [0, 0, 1, 1, 1]),
        ([0.0, 1.0, 1.001, 3.0], [0, 0, 1, 1]),
        ([10.0, 20.0, 30.0, 40.0], [1, 0, 0, 0]),
    ],
)
def test_classes_that_a_plane_separates_have_no_optimum(x, labels, dtype):
    with jax.enable_x64(dtype == "float64"):
        x, labels = np.array(x, dtype)[:, None], np.array(labels)
        assert not logistic(x, labels, l2=0.0).converged
        with_penalty = logistic(x, labels, l2=0.01)
        assert with_penalty.converged
        assert np.isfinite(with_penalty.weights).all()
        assert not logistic(x, np.ones_like(labels), l2=0.01).converged  # one class: the intercept has no end


def test_the_derivative_of_a_logistic_model_is_that_of_its_optimum():
    with jax.enable_x64(True):
        x, labels = np.array([[0.0], [1.0], [2.0], [3.0], [0.5]]), np.array([0, 1, 0, 1, 1])

        @compiled
        def weight_and_slopes(x, labels, l2):
            return jax.value_and_grad(
                lambda *both: regression.logistic(both[0], labels, l2=both[1]).weights[0], (0, 1)
            )(x, l2)

        ahead, behind = (float(weight_and_slopes(x, labels, l2)[0]) for l2 in (0.1 + 1e-5, 0.1 - 1e-5))
        assert weight_and_slopes(x, labels, 0.1)[1][1] == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)
        separable = weight_and_slopes(np.arange(5.0)[:, None], np.array([0, 0, 0, 1, 1]), 0.0)[1][0]
        assert np.isnan(separable).all()


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_logistic_regression_of_columns_of_unlike_scale(scale):
    """In float32, with a penalty that the small column feels a hundred million times as much as the other."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    labels = (rng.uniform(size=200) < 1 / (1 + np.exp(-x.sum(axis=1)))).astype(int)
    x = (x * [1, scale]).astype(np.float32)
    unit = max(scale, 1) ** -1  # of the second weight

    def loss(p):
        scores = x.astype(float) @ (p[:2] * [1, unit]) + p[2]
        return np.mean(np.logaddexp(0, scores) - labels * scores) + 0.005 * (p[0] ** 2 + (p[1] * unit) ** 2)

    expected = scipy.optimize.minimize(loss, np.zeros(3), tol=1e-12, options={"gtol": 1e-9})
    model = logistic(x, labels, l2=0.01)
    assert model.converged
    np.testing.assert_allclose(model.weights, expected.x[:2] * [1, unit], rtol=1e-3)
    assert model.loss == pytest.approx(expected.fun, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_slope_of_the_loss_at_its_minimum(seed):
    """There the weights have no part in it: half the square of their length. In an eager call, alone."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(12, 4)).astype(np.float32), rng.integers(2, size=12)
    weights = np.asarray(regression.logistic(x, t, l2=0.1).weights, float)
    slope = jax.grad(lambda l2: regression.logistic(x, t, l2=l2).loss)(0.1)
    assert slope == pytest.approx(weights @ weights / 2, rel=1e-4)


def test_the_second_derivative_of_a_logistic_model():
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, labels = jnp.asarray(rng.normal(size=(5, 1)), float), jnp.array([0, 1, 0, 1, 1])
        along = jnp.asarray(rng.normal(size=x.shape))

        def value(z):
            model = regression.logistic(x + z * along, labels, l2=0.1 + z**2)
            return model.weights[0] ** 2 + model.intercept + model.loss

        both = compiled(jax.value_and_grad(jax.grad(value)))
        difference = float(both(0.3 + 1e-4)[0] - both(0.3 - 1e-4)[0]) / 2e-4
        assert both(0.3)[1] == pytest.approx(difference, rel=1e-6)


def test_descent_ends_where_newton_does():
    x, labels = CAT, (THREAT > 0).astype(int)
    labels[3] = 1
    model = logistic(x, labels, l2=0.01)

    def loss(p):
        scores = jnp.sum(x * p[:2], axis=1) + p[2]
        return jnp.mean(jnp.logaddexp(0, scores) - labels * scores) + 0.005 * jnp.sum(p[:2] ** 2)

    found = jax.jit(
        lambda: optimize.minimize(loss, jnp.zeros(3), optimizer=optimize.nesterov(1.0, 0.9), num_steps=1500)
    )()
    np.testing.assert_allclose(found.params[:2], model.weights, atol=2e-3)
    assert found.losses[-1] == pytest.approx(float(model.loss), rel=1e-4)


def test_a_row_of_weight_0_has_no_part_in_derivatives():
    x = jnp.array([[0.0], [1.0], [2.0], [jnp.nan]])
    weights = jnp.array([1.0, 1.0, 1.0, 0.0])

    def residual(y):
        return regression.linear(x, y, weights=weights).residual

    left = compiled(jax.grad(residual))(jnp.array([0.0, 1.0, 0.0, jnp.nan]))
    np.testing.assert_allclose(left, [-2 / 3, 4 / 3, -2 / 3, 0.0], atol=1e-5)


def test_predictions_in_float16_are_computed_in_float32():
    x = np.linspace(-50, 50, 11)
    cube = polynomial(3)(x.astype(np.float32), (1e-4 * x**3).astype(np.float32))
    cube = jax.tree.map(lambda a: a.astype(jnp.float16), cube)
    got = predict(cube, x.astype(np.float16))
    assert got.dtype == jnp.float16
    np.testing.assert_allclose(got, 1e-4 * x**3, atol=0.05)
