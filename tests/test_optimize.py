"""Descent: what is recorded, where it stops, what it costs to compile, and derivatives of minima."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import optimize
from jaxmath._compiling import quick_to_compile

CENTER = np.array([1.0, -2.0, 0.5], np.float32)
jit = partial(jax.jit, compiler_options=quick_to_compile())


def bowl(w):
    return jnp.sum(np.array([1.0, 2.0, 3.0], np.float32) * (w - CENTER) ** 2)


def tilted(w):
    """Convex, not a parabola, and lowest at a place that only a search finds."""
    return jnp.sum(jnp.exp(w - CENTER)) - 2 * jnp.sum(w) + 0.5 * jnp.sum((w - w[::-1]) ** 2) + 0.1 * jnp.sum(w**4)


def squares(w):
    return jnp.sum(w**2)


def compiled(method):
    """As one program, which takes less time than many small ones."""

    def call(loss, start, **options):
        return jit(lambda start: method(loss, start, **options))(start)

    return call


minimize, optimum, newton, lbfgs = map(compiled, (optimize.minimize, optimize.optimum, optimize.newton, optimize.lbfgs))


# What is recorded


def test_the_path_runs_from_start_to_end_and_losses_are_those_of_its_points():
    start = {"w": jnp.array([3.0, 4.0, 5.0]), "deep": (jnp.array(2.0),)}

    def loss(params):
        return bowl(params["w"]) + params["deep"][0] ** 2

    found = minimize(loss, start, optimizer=optimize.adam(0.1), num_steps=12)
    assert found.losses.shape == (13,)
    np.testing.assert_array_equal(found.path["w"][0], start["w"])
    np.testing.assert_array_equal(found.path["w"][-1], found.params["w"])
    np.testing.assert_array_equal(found.path["deep"][0][-1], found.params["deep"][0])
    np.testing.assert_allclose(found.losses, jit(jax.vmap(loss))(found.path), rtol=1e-6)
    assert (int(found.num_steps), int(found.failed_step), bool(found.converged)) == (12, -1, False)
    every_fourth = minimize(loss, start, optimizer=optimize.adam(0.1), num_steps=12, record_every=4)
    np.testing.assert_allclose(every_fourth.losses, found.losses[::4], rtol=1e-5)
    np.testing.assert_allclose(every_fourth.path["w"], found.path["w"][::4], rtol=1e-5)


def test_lists_of_pairs_are_parameters():
    start = [(jnp.ones((2, 3)), jnp.zeros(3)), (jnp.ones((3, 1)), jnp.zeros(1))]
    found = minimize(
        lambda p: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(p)),
        start,
        optimizer=optimize.gradient_descent(0.25),
        num_steps=2,
    )
    assert jax.tree.structure(found.params) == jax.tree.structure(start)
    np.testing.assert_allclose(found.params[0][0], 0.25)


# Section 9.2.4, L = |w|^2 from (100, 200), by hand: the gradient is 2 w, so w is a multiple of the start


def by_hand(rate, gamma, num_steps, nesterov=False):
    """Multiples of the start: the points of momentum, or for Nesterov's rule those ahead and the points proper."""
    w, v, points, proper = 1.0, 0.0, [1.0], [1.0]
    for _ in range(num_steps):
        v = gamma * v + rate * 2 * points[-1]
        w = w - v
        points.append(w - gamma * v if nesterov else w)
        proper.append(w)
    return np.array(points), np.array(proper)


def losses_of(rule, num_steps):
    return minimize(squares, jnp.array([100.0, 200.0]), optimizer=rule, num_steps=num_steps)


def test_series_of_section_9_2_4():
    plain = losses_of(optimize.gradient_descent(0.2), 7).losses
    np.testing.assert_allclose(plain, [50000, 18000, 6480, 2332.8, 839.81, 302.33, 108.84, 39.18], rtol=1e-4)
    slow = losses_of(optimize.momentum(0.2, 0.2), 7).losses
    # 1, 0.6, 0.28, 0.104, 0.0272, ...: each is 0.8 times the last less 0.2 times the one before
    np.testing.assert_allclose(slow[:5], 50000 * np.array([1, 0.6, 0.28, 0.104, 0.0272]) ** 2, rtol=1e-4)
    np.testing.assert_allclose(slow, 50000 * by_hand(0.2, 0.2, 7)[0] ** 2, rtol=1e-4)
    fast = losses_of(optimize.momentum(0.3, 0.5), 7)
    np.testing.assert_allclose(fast.losses[:4], 50000 * np.array([1, 0.4, -0.14, -0.326]) ** 2, rtol=1e-4)
    np.testing.assert_allclose(fast.path[:, 0], 100 * by_hand(0.3, 0.5, 7)[0], rtol=1e-4)


def test_nesterov_and_overshoot_as_numbers():
    ahead, proper = by_hand(0.3, 0.5, 10, nesterov=True)
    found = losses_of(optimize.nesterov(0.3, 0.5), 10)
    np.testing.assert_allclose(found.path[:, 0], 100 * ahead, rtol=1e-4, atol=1e-4)
    assert by_hand(0.3, 0.5, 10)[0].min() == pytest.approx(-0.326)  # momentum runs a third of the way past
    assert proper.min() == pytest.approx(-0.056)  # Nesterov's rule a twentieth
    calm, wild = losses_of(optimize.nesterov(0.2, 0.2), 30).path, losses_of(optimize.momentum(0.2, 0.2), 30).path
    assert (calm >= 0).all()  # 1 - rate h = 0.6 is above 4 gamma / (1 + gamma)^2 = 0.556
    assert (wild < 0).any()  # sqrt(rate h) = 0.63 is above 1 - sqrt(gamma) = 0.55
    assert (losses_of(optimize.momentum(0.15, 0.2), 30).path >= 0).all()  # sqrt(0.3) = 0.548 is below 0.553


# The rules are those of optax

RULES = {
    "gradient": (lambda: optimize.gradient_descent(0.1), lambda: optax.sgd(0.1)),
    "momentum": (lambda: optimize.momentum(0.1, 0.7), lambda: optax.sgd(0.1, momentum=0.7)),
    "nesterov": (lambda: optimize.nesterov(0.1, 0.7), lambda: optax.sgd(0.1, momentum=0.7, nesterov=True)),
    "adagrad": (
        lambda: optimize.adagrad(0.1, eps=0),
        lambda: optax.adagrad(0.1, initial_accumulator_value=0, eps=0),
    ),
    "rmsprop": (
        lambda: optimize.rmsprop(0.1, 0.8, 1e-3),
        lambda: optax.rmsprop(0.1, 0.8, 1e-3, eps_in_sqrt=False),
    ),
    "adam": (lambda: optimize.adam(0.1, 0.7, 0.9, 1e-3), lambda: optax.adam(0.1, 0.7, 0.9, 1e-3)),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_equals_that_of_optax_step_by_step(rule):
    ours, theirs = (minimize(tilted, jnp.zeros(3), optimizer=make(), num_steps=20).path for make in RULES[rule])
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("rule", RULES)
def test_a_number_whose_gradient_is_0_stays_and_has_a_derivative(rule):
    def end(start):
        loss = lambda w: squares(w[:1]) + 0 * w[1]  # noqa: E731
        return optimize.minimize(loss, start, optimizer=RULES[rule][0](), num_steps=3).params

    found, slopes = jit(lambda start: (end(start), jax.jacobian(end)(start)))(jnp.array([2.0, 1.0]))
    assert found[1] == 1
    assert np.isfinite(slopes).all()


def test_float16_is_computed_in_float32():
    start = jnp.array([2.0, 0.0], jnp.float16)
    found = minimize(squares, start, optimizer=optimize.adam(0.1), num_steps=3)
    assert found.params.dtype == jnp.float16
    np.testing.assert_allclose(found.params, [1.7, 0.0], rtol=2e-3)


@pytest.mark.parametrize("rule", RULES)
def test_the_memory_of_a_rule_keeps_its_types_in_float16(rule):
    """So that a scan over steps can carry it."""
    made, params = RULES[rule][0](), jnp.zeros(2, jnp.float16)
    begin = jax.eval_shape(made.init, params)
    after = jax.eval_shape(lambda g: made.update(g, made.init(g), g)[1], params)
    assert [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(after)] == [
        (leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(begin)
    ]


# What compiles


def test_many_rates_at_once_compile_once():
    traces = []

    def descend(rate):
        traces.append(1)
        return optimize.minimize(bowl, jnp.zeros(3), optimizer=optax.adam(rate), num_steps=30).losses[-1]

    one = jit(descend)
    separate = [float(one(rate)) for rate in (0.01, 0.1, 0.5)]
    assert len(traces) == 1
    sweep = jit(jax.vmap(descend))
    together = sweep(jnp.array([0.01, 0.1, 0.5]))
    sweep(jnp.array([0.02, 0.2, 0.3]))
    assert len(traces) == 2
    np.testing.assert_allclose(together, separate, rtol=1e-4)


def test_a_tolerance_may_be_traced():
    rule = optax.sgd(0.1)
    steps = jit(lambda tol: optimize.minimize(bowl, jnp.zeros(3), optimizer=rule, num_steps=90, tol=tol).num_steps)
    assert 0 < steps(1e-1) < steps(1e-3) < 90
    assert steps._cache_size() == 1


# Where it stops


def test_it_rests_where_the_gradient_is_within_the_tolerance():
    found = minimize(bowl, jnp.zeros(3), optimizer=optimize.gradient_descent(0.1), num_steps=100, tol=1e-2)
    steps = int(found.num_steps)
    sizes = np.linalg.norm(jit(jax.vmap(jax.grad(bowl)))(found.path), axis=1)
    assert found.converged
    assert sizes[steps] <= 1e-2 < sizes[steps - 1]
    assert (found.path[steps:] == found.params).all()
    assert (found.losses[steps:] == found.losses[steps]).all()
    too_short = minimize(bowl, jnp.zeros(3), optimizer=optimize.gradient_descent(0.1), num_steps=3, tol=1e-2)
    assert not too_short.converged
    at_once = minimize(bowl, CENTER, optimizer=optimize.gradient_descent(0.1), num_steps=3, tol=1e-2)
    assert at_once.converged
    assert at_once.num_steps == 0


def test_it_rests_after_a_short_step_also_at_a_bound():
    rule = optimize.projected(optimize.gradient_descent(0.1), -1.0, jnp.inf)
    found = minimize(bowl, jnp.zeros(3), optimizer=rule, num_steps=100, change_tol=1e-3)
    steps = int(found.num_steps)
    lengths = np.linalg.norm(np.diff(np.asarray(found.path), axis=0), axis=1)
    assert found.converged
    assert lengths[steps - 1] <= 1e-3 < lengths[steps - 2]
    assert (lengths[steps:] == 0).all()
    np.testing.assert_allclose(found.params, [1.0, -1.0, 0.5], atol=1e-2)


@pytest.mark.parametrize("record_every", [1, 3])
def test_a_descent_that_leaves_the_domain_stops_before_it(record_every):
    found = minimize(
        lambda w: w - jnp.log(w) + 2 * w**2, 1.0, optimizer=optimize.gradient_descent(0.4), num_steps=6,
        record_every=record_every,
    )  # fmt: skip
    # 1 - 0.4 * (1 - 1 + 4) = -0.6: the logarithm of the first step is NaN
    assert found.failed_step == 1
    assert found.params == 1
    assert found.num_steps == 0
    assert found.losses[0] == 3
    assert np.isnan(found.losses[1:]).all()
    assert (found.path == 1).all()


def test_divergence_is_a_fact():
    """|w|^2 with rate 2: every step is three times as far, until the loss overflows."""
    found = minimize(squares, jnp.ones(2), optimizer=optimize.gradient_descent(2.0), num_steps=1000, tol=1e-3)
    steps = int(found.failed_step)
    assert 0 < steps < 1000
    assert not found.converged
    assert found.num_steps == steps - 1
    assert np.isfinite(found.losses[:steps]).all()
    assert np.isnan(found.losses[steps:]).all()
    assert (found.params == found.path[steps - 1]).all()
    assert np.isfinite(squares(found.params))


def test_a_start_whose_loss_is_lost():
    found = minimize(jnp.log, -1.0, optimizer=optimize.adam(0.1), num_steps=4, tol=1.0)
    assert (int(found.failed_step), int(found.num_steps), bool(found.converged)) == (0, 0, False)
    assert found.params == -1
    assert np.isnan(found.losses).all()


# Small batches


def sgd(loss, start, data, **options):
    return jit(lambda key: optimize.sgd(key, loss, start, data, **options))(jax.random.key(0))


def test_an_epoch_visits_each_row_once():
    """With a loss linear in w the sum of all steps is the sum of the rows, whatever their order."""
    x = jnp.arange(12.0)
    fit = jit(
        lambda key: optimize.sgd(
            key, lambda w, x: -w * x.sum(), 0.0, (x,), optimizer=optax.sgd(1.0), batch_size=3, num_epochs=2
        )
    )
    one, other = fit(jax.random.key(0)), fit(jax.random.key(1))
    assert one.params == other.params == 2 * x.sum()
    assert one.losses.shape == (8,)
    assert (one.losses != other.losses).any()


def test_rows_that_are_left_over_differ_from_epoch_to_epoch():
    def seen(w, rows):
        return -jnp.sum(w[rows])

    fit = sgd(seen, jnp.zeros(5), (jnp.arange(5),), optimizer=optax.sgd(1.0), batch_size=2, num_epochs=40)
    assert fit.losses.shape == (80,)
    assert fit.params.sum() == 160
    assert fit.params.max() < 40
    assert fit.params.min() > 20


def test_batches_keep_rows_together():
    x = jnp.arange(20.0)
    fit = sgd(
        lambda w, x, y: jnp.mean((x + 1 - y) ** 2) + 0 * w, 0.0, (x, x + 1),
        optimizer=optax.sgd(1.0), batch_size=4, num_epochs=2,
    )  # fmt: skip
    assert (fit.losses == 0).all()


def test_a_nan_row_stops_the_epoch():
    x = jnp.ones(12).at[7].set(jnp.nan)
    loss = lambda w, x: jnp.mean((w - x) ** 2)  # noqa: E731
    fit = sgd(loss, 5.0, (x,), optimizer=optax.sgd(0.1), batch_size=1, num_epochs=1)
    failed = int(fit.failed_step)
    order = jax.random.permutation(jax.random.split(jax.random.key(0), 1)[0], 12)
    assert order[failed] == 7
    assert fit.params == pytest.approx(1 + 4 * 0.8**failed)
    assert np.isfinite(fit.losses[:failed]).all()
    assert np.isnan(fit.losses[failed:]).all()


# Minima


@pytest.mark.parametrize("method", ["newton", "lbfgs", "optimum", "minimize"])
def test_minima_equal_those_of_scipy(method):
    with jax.enable_x64(True):
        start = jnp.zeros(3)
        facts = {"num_steps": 2000, "tol": 1e-8}
        found = {
            "newton": lambda: newton(tilted, start, num_steps=50, tol=1e-8),
            "lbfgs": lambda: lbfgs(tilted, start, num_steps=50, tol=1e-8),
            "optimum": lambda: optimum(tilted, start, optimizer=optimize.momentum(0.05, 0.5), **facts),
            "minimize": lambda: minimize(tilted, start, optimizer=optax.lbfgs(), **facts | {"num_steps": 50}),
        }[method]()
        expected = scipy.optimize.minimize(
            jax.jit(tilted), np.zeros(3), jac=jax.jit(jax.grad(tilted)), method="BFGS", tol=1e-9
        )
        assert found.converged
        assert found.failed_step == -1
        np.testing.assert_allclose(found.params, expected.x, atol=1e-6)


def test_newton_goes_downhill_where_the_loss_is_not_convex():
    """From a hilltop of the double well, and from where a full step would run away."""
    found = newton(lambda w: (w**2 - 1) ** 2, 0.1, num_steps=30, tol=1e-4)
    assert found.converged
    assert found.params == pytest.approx(1, abs=1e-4)
    steep = newton(lambda w: jnp.sqrt(1 + w**2), 5.0, num_steps=30, tol=1e-4)
    assert steep.converged
    assert steep.params == pytest.approx(0, abs=1e-4)


def test_newton_with_a_singular_hessian():
    a = jnp.array([[1.0, 1.0], [2.0, 2.0]])
    found = newton(lambda w: jnp.sum((jnp.sum(a * w, axis=1) - 1) ** 2), jnp.array([3.0, 1.0]), num_steps=10, tol=1e-4)
    assert found.converged
    np.testing.assert_allclose(found.params, [1.3, -0.7], atol=1e-4)  # along (1, 1), to the nearest of the minima
    line = newton(lambda w: 3 * w, 1.0, num_steps=5, tol=1e-4)
    assert not line.converged
    assert line.params == pytest.approx(1 - 5 * 3)


def test_newton_in_a_curved_valley_in_float32():
    """The valley's floor has a curvature of 5e-8 of that of its walls, which is no rounding once both are scaled."""

    def rosenbrock(p):
        return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2

    found = newton(rosenbrock, jnp.array([10.0, 10.0], jnp.float32), num_steps=200, tol=1e-4)
    assert found.converged
    np.testing.assert_allclose(found.params, 1.0, atol=1e-4)


@pytest.mark.parametrize("method", ["newton", "lbfgs", "optimum"])
def test_parameters_of_two_types_have_a_minimum_and_derivatives(method):
    rule = {"optimizer": optimize.gradient_descent(0.2)} if method == "optimum" else {}
    with jax.enable_x64(True):
        start = {"a": jnp.ones(2, jnp.float32), "b": jnp.ones((), jnp.float64)}

        def found(z):
            loss = lambda p: jnp.sum((p["a"] - z**3) ** 2) + (p["b"] - z**3 * p["a"][0]) ** 2 / 2  # noqa: E731
            return getattr(optimize, method)(loss, start, num_steps=200, tol=1e-5, **rule)

        fit, slope = jit(lambda z: (found(z), jax.grad(lambda z: found(z).params["b"])(z)))(1.1)
        assert fit.converged
        assert [leaf.dtype for leaf in jax.tree.leaves(fit.params)] == [jnp.float32, jnp.float64]
        assert fit.params["b"] == pytest.approx(1.1**6, rel=1e-4)
        assert slope == pytest.approx(6 * 1.1**5, rel=1e-4)


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
def test_the_second_derivative_of_a_minimum(method):
    """Against differences of the first, of the point and of the loss there."""
    with jax.enable_x64(True):

        def found(z):
            loss = lambda w: jnp.sum(jnp.exp(w) * jnp.array([1.0, z])) + jnp.sum(w**2) - z**2 * w[0]  # noqa: E731
            fit = getattr(optimize, method)(loss, jnp.zeros(2), num_steps=50, tol=1e-12)
            return jnp.sum(fit.params**3) + fit.loss

        both = jit(jax.value_and_grad(jax.grad(found)))
        difference = float(both(0.8 + 1e-4)[0] - both(0.8 - 1e-4)[0]) / 2e-4
        assert both(0.8)[1] == pytest.approx(difference, rel=1e-6)


def test_newton_of_a_tree():
    found = newton(
        lambda p: bowl(p["w"]) + (p["b"] - p["w"][0]) ** 2, {"w": jnp.zeros(3), "b": 0.0}, num_steps=5, tol=1e-4
    )
    np.testing.assert_allclose(found.params["w"], CENTER, atol=1e-4)
    assert found.params["b"] == pytest.approx(1, abs=1e-4)


def test_the_derivative_of_a_minimum_is_that_of_no_steps():
    """L-BFGS has no derivative of its own, and the start none on the minimum."""

    def lowest(z, start):
        return optimize.lbfgs(lambda w: jnp.cosh(w - z**2) + 0.1 * w**4, start, num_steps=30, tol=1e-9).params

    with jax.enable_x64(True):
        both = jit(jax.value_and_grad(lowest, argnums=(0, 1)))
        difference = (both(1.2 + 1e-4, 0.0)[0] - both(1.2 - 1e-4, 0.0)[0]) / 2e-4
        np.testing.assert_allclose(both(1.2, 0.0)[1], (difference, 0), rtol=1e-5)


@pytest.mark.parametrize("condition", [1e2, 1e4])
def test_the_derivative_of_a_minimum_in_a_narrow_valley(condition):
    """In the default precision; both columns of the inverse matter."""
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    hessian = turn @ np.diag([1.0, condition]) @ turn.T

    def lowest(z):
        loss = lambda w: jnp.sum(jnp.outer(w, w) * jnp.asarray(hessian, w.dtype)) / 2 - jnp.sum(z * w)  # noqa: E731
        return optimize.newton(loss, jnp.zeros(2), num_steps=20, tol=1e-2).params

    slope = jit(jax.jacfwd(lowest))(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(slope, np.linalg.inv(hessian), atol=1e-2)


def test_no_derivative_where_there_is_no_minimum():
    def end(z, num_steps):
        rule = optimize.gradient_descent(0.1)
        found = optimize.optimum(lambda w: (w - z) ** 2, 0.0, optimizer=rule, num_steps=num_steps, tol=1e-4)
        return found.params

    slope = jit(jax.grad(end), static_argnums=1)
    assert slope(3.0, 200) == pytest.approx(1, abs=1e-3)
    assert np.isnan(slope(3.0, 2))

    def in_a_valley(z):
        found = optimize.newton(lambda w: (w.sum() - z) ** 2, jnp.zeros(2), num_steps=9, tol=1e-4)
        return found.params.sum()

    assert jit(jax.grad(in_a_valley))(3.0) == pytest.approx(1, abs=1e-3)  # of all derivatives the shortest

    def at_a_saddle(z):
        return optimize.newton(lambda w: (w - 1) ** 3 + z * w, 1.0, num_steps=9, tol=1e-4).params

    assert np.isnan(jit(jax.grad(at_a_saddle))(0.0))


def test_a_minimum_that_is_lost():
    found = newton(lambda w: jnp.log(w), -1.0, num_steps=5, tol=1e-4)
    assert (int(found.failed_step), bool(found.converged)) == (0, False)
    assert np.isnan(found.loss)


# Bounds


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-1000, 1000, width=32), min_size=3, max_size=3), st.floats(-2, 0), st.floats(0.1, 3))
def test_no_point_lies_outside_of_the_box(start, low, width):
    """To the last bit, although the step and the point are added after it is found."""
    path = _boxed(np.array(start), np.float32(low), np.float32(low + width))
    low, high = np.float32(low), np.float32(low + width)
    assert (np.asarray(path[1:]) >= low).all()
    assert (np.asarray(path[1:]) <= high).all()
    np.testing.assert_allclose(path[-1], np.clip(CENTER, low, high), atol=1e-3)


@jit
def _boxed(start, low, high):
    rule = optimize.projected(optimize.gradient_descent(0.15), low, high)
    return optimize.minimize(bowl, start.astype(jnp.float32), optimizer=rule, num_steps=50).path


def test_bounds_for_each_leaf():
    start = {"a": jnp.zeros(2), "b": jnp.zeros(())}
    low = {"a": jnp.array([-jnp.inf, 0.5]), "b": -1.0}
    rule = optimize.projected(optimize.gradient_descent(0.5), low, jnp.inf)
    found = minimize(lambda p: jnp.sum((p["a"] + 3) ** 2) + (p["b"] + 3) ** 2, start, optimizer=rule, num_steps=9)
    np.testing.assert_allclose(found.params["a"], [-3, 0.5])
    assert found.params["b"] == -1


def test_bounds_around_a_search_along_the_line():
    rule = optimize.projected(optax.lbfgs(), 0.0, 10.0)
    found = minimize(bowl, jnp.ones(3), optimizer=rule, num_steps=15)
    np.testing.assert_allclose(found.params, [1.0, 0.0, 0.5], atol=1e-3)


def test_l_bfgs_at_rest_stays_finite():
    found = minimize(bowl, CENTER, optimizer=optax.lbfgs(), num_steps=5)
    assert found.failed_step == -1
    np.testing.assert_allclose(found.params, CENTER, atol=1e-6)
