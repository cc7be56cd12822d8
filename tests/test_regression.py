"""Regression: what holds of every fit, data that is hard, classes that can be separated."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import data, linalg, optimize, regression

CAT, THREAT = data.cat_brain()


def test_numbers_of_section_3_4_3():
    model = regression.linear(CAT, THREAT)
    np.testing.assert_allclose(model.weights, [1.0766, 0.8976], atol=1e-4)
    assert model.intercept == pytest.approx(-0.9582, abs=1e-4)
    assert model.residual == pytest.approx(0.21724, abs=1e-5)
    assert model.rank == 2


def test_numbers_of_section_3_4_1_and_3_4_2():
    rng = np.random.default_rng(0)
    x = rng.normal(size=100).astype(np.float32)
    line = regression.linear(x[:, None], 1.5 * x + 2.73 + 0.1 * rng.normal(size=100))
    np.testing.assert_allclose([line.weights[0], line.intercept], [1.5, 2.73], atol=0.05)
    np.testing.assert_allclose(regression.polynomial(x, x**2 - x + 2, 2).coefficients, [2, -1, 1], atol=1e-5)


def test_small_batches_lead_to_the_pseudo_inverse():
    """Section 3.4.3, with a rate that falls so that the noise of the batches dies out."""
    rows = jnp.column_stack([CAT, jnp.ones(15)])

    def loss(w, x, y):
        return jnp.mean((jnp.sum(x * w, axis=1) - y) ** 2)

    rate = optax.linear_schedule(0.3, 0.0, 12_000)
    fit = jax.jit(
        lambda key: optimize.sgd(
            key, loss, jnp.zeros(3), (rows, THREAT), optimizer=optax.sgd(rate), batch_size=5, num_epochs=4000
        )
    )(jax.random.key(0))
    expected = np.asarray(linalg.pseudo_inverse(rows)) @ np.asarray(THREAT)
    np.testing.assert_allclose(fit.params, expected, atol=5e-3)
    assert np.sum((np.asarray(rows) @ np.asarray(fit.params) - THREAT) ** 2) == pytest.approx(0.21724, abs=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**20), st.integers(1, 4))
def test_residuals_are_at_right_angles_to_the_columns(seed, d):
    rng = np.random.default_rng(seed)
    x, y, weights = rng.normal(size=(12, d)), rng.normal(size=12), rng.uniform(0, 2, size=12)
    model = regression.linear(x, y, weights=weights)
    left = np.asarray(y - regression.predict(model, x), np.float64) * weights
    np.testing.assert_allclose(left @ x, 0, atol=2e-4)
    assert left.sum() == pytest.approx(0, abs=2e-4)
    twice = regression.linear(np.vstack([x, x[:3]]), np.concatenate([y, y[:3]]))
    by_weight = regression.linear(x, y, weights=1 + (np.arange(12) < 3))
    np.testing.assert_allclose(twice.weights, by_weight.weights, atol=1e-4)


def test_far_from_the_origin():
    """In float32, columns of mean 1e4: squares that are not centred first leave nothing of them."""
    rng = np.random.default_rng(3)
    x = (1e4 + rng.normal(size=(200, 2))).astype(np.float32)
    y = (x.astype(np.float64) @ [2.0, -3.0] + 1e4).astype(np.float32)
    model = regression.linear(x, y)
    np.testing.assert_allclose(model.weights, [2, -3], atol=5e-3)


def test_columns_of_different_size():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(50, 3)) * [1e-6, 1.0, 1e6]
    model = regression.linear(x, x @ [1e6, 1.0, 1e-6])
    np.testing.assert_allclose(model.weights, [1e6, 1.0, 1e-6], rtol=1e-4)
    assert model.rank == 3


@pytest.mark.parametrize("degree", [3, 8])
def test_a_polynomial_is_found_again_far_from_the_unit_interval(degree):
    """In plain powers of 0..20 the columns differ by a factor of 1e10; the fit is as good as the numbers."""
    x = jnp.linspace(0, 20, 60)
    truth = np.polynomial.Polynomial.fromroots(np.linspace(2, 18, degree)) / 10.0**degree
    y = truth(np.asarray(x, np.float64))
    model = regression.polynomial(x, y, degree)
    assert model.rank == degree + 1
    with jax.enable_x64(True):
        exact = regression.polynomial(np.asarray(x, np.float64), y, degree)
        np.testing.assert_allclose(exact.coefficients, truth.coef, rtol=1e-7, atol=1e-12)
    fitted = np.polynomial.polynomial.polyval(np.asarray(x, np.float64), np.asarray(model.coefficients, np.float64))
    assert np.abs(fitted - y).max() < 2e-3 * np.abs(y).max()


def test_a_line_is_a_polynomial():
    line, poly = regression.linear(CAT[:, :1], THREAT), regression.polynomial(CAT[:, 0], THREAT, 1)
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
        model = regression.logistic(x.astype(dtype), labels, l2=l2)
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
        x, labels = jnp.array(x, dtype)[:, None], jnp.array(labels)
        assert not regression.logistic(x, labels).converged
        with_penalty = regression.logistic(x, labels, l2=0.01)
        assert with_penalty.converged
        assert jnp.isfinite(with_penalty.weights).all()
        assert not regression.logistic(x, jnp.ones(len(x)), l2=0.01).converged  # one class: the intercept has no end


def test_the_derivative_of_a_logistic_model_is_that_of_its_optimum():
    with jax.enable_x64(True):
        x, labels = jnp.array([[0.0], [1.0], [2.0], [3.0], [0.5]]), jnp.array([0, 1, 0, 1, 1])

        def weight(l2):
            return regression.logistic(x, labels, l2=l2).weights[0]

        difference = (weight(0.1 + 1e-5) - weight(0.1 - 1e-5)) / 2e-5
        assert jax.grad(weight)(0.1) == pytest.approx(float(difference), rel=1e-6)
        separable = jax.grad(lambda x: regression.logistic(x, jnp.array([0, 0, 0, 1, 1])).weights[0])(
            jnp.arange(5.0)[:, None]
        )
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
    model = regression.logistic(x, labels, l2=0.01)
    assert model.converged
    np.testing.assert_allclose(model.weights, expected.x[:2] * [1, unit], rtol=1e-3)
    assert model.loss == pytest.approx(expected.fun, rel=1e-6)


def test_the_second_derivative_of_a_logistic_model():
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, labels = jnp.asarray(rng.normal(size=(5, 1)), float), jnp.array([0, 1, 0, 1, 1])
        along = jnp.asarray(rng.normal(size=x.shape))

        def value(z):
            model = regression.logistic(x + z * along, labels, l2=0.1 + z**2)
            return model.weights[0] ** 2 + model.intercept + model.loss

        slope = jax.jit(jax.grad(value))
        difference = (slope(0.3 + 1e-4) - slope(0.3 - 1e-4)) / 2e-4
        assert jax.grad(slope)(0.3) == pytest.approx(float(difference), rel=1e-6)


def test_descent_ends_where_newton_does():
    x, labels = CAT, (THREAT > 0).astype(int).at[3].set(1)
    model = regression.logistic(x, labels, l2=0.01)

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

    left = jax.grad(residual)(jnp.array([0.0, 1.0, 0.0, jnp.nan]))
    np.testing.assert_allclose(left, [-2 / 3, 4 / 3, -2 / 3, 0.0], atol=1e-5)


def test_predictions_in_float16_are_computed_in_float32():
    x = np.linspace(-50, 50, 11)
    cube = regression.polynomial(x.astype(np.float32), (1e-4 * x**3).astype(np.float32), 3)
    cube = jax.tree.map(lambda a: a.astype(jnp.float16), cube)
    got = regression.predict(cube, x.astype(np.float16))
    assert got.dtype == jnp.float16
    np.testing.assert_allclose(got, 1e-4 * x**3, atol=0.05)
