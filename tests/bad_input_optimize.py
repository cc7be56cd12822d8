"""Bad input to descent and to regression."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from rows import Row, X, data_rows, dtype_is, equal, near, nothing_finite, table, weight_rows, with_cell

from jaxmath import optimize, regression

RULE = optimize.gradient_descent(0.1)
KEY = jax.random.key(0)
Y = np.array([0.0, 1.0, 0.0, 1.0, 1.0])
BINARY = np.array([0, 1, 0, 1, 1])
START = np.zeros(3, np.float32)


def bowl(w):
    return jnp.sum((jnp.asarray(w) - 1) ** 2)


def _minimize(loss=bowl, params=START, *, optimizer=RULE, num_steps=4, **options):
    return optimize.minimize(loss, params, optimizer=optimizer, num_steps=num_steps, **options)


def _far(w, x):
    return jnp.mean((x - w) ** 2)


def _sgd(loss=_far, params=0.0, data=(Y,), *, optimizer=RULE, batch_size=2, num_epochs=1):
    return optimize.sgd(KEY, loss, params, data, optimizer=optimizer, batch_size=batch_size, num_epochs=num_epochs)


def _descents(name, call) -> list[Row]:
    """What all that go downhill answer to a loss or a start that is none."""
    return table(
        f"optimize.{name}",
        ("loss of shape (3,)", lambda: call(lambda w: w**2), (ValueError, r"one number, got shape \(3,\)")),
        ("loss of shape (1,)", lambda: call(lambda w: bowl(w)[None]), (ValueError, r"one number, got shape \(1,\)")),
        ("an integer loss", lambda: call(lambda w: bowl(w).astype(int)), (TypeError, "real number, got int")),
        ("a complex loss", lambda: call(lambda w: bowl(w) * 1j), (TypeError, "real number, got complex")),
        ("two losses", lambda: call(lambda w: (bowl(w), bowl(w))), (TypeError, "real number, got tuple")),
        ("no loss", lambda: call(lambda w: None), (TypeError, "real number, got NoneType")),
        ("complex parameters", lambda: call(bowl, START + 1j), (TypeError, f"optimize.{name}: expected real numbers")),
        ("strings", lambda: call(bowl, ["a"]), (TypeError, "expected real numbers")),
        ("no parameters", lambda: call(lambda p: 0.0, {}), (ValueError, "at least one parameter")),
        ("no steps", lambda: call(num_steps=0), (ValueError, "num_steps must be at least 1, got 0")),
        ("half a step", lambda: call(num_steps=0.5), (TypeError, "num_steps must be an integer")),
        (
            "traced steps",
            lambda: jax.jit(lambda n: call(num_steps=n))(3),
            (TypeError, "num_steps must be static; close over it"),
        ),
        ("several tolerances", lambda: call(tol=START), (ValueError, "tol to be one number")),
        ("integers", lambda: call(bowl, np.zeros(3, int)).params, dtype_is(jnp.result_type(float))),
        ("a lost start", lambda: call(bowl, with_cell(np.nan)[2]).failed_step, equal(0)),
    )


def _searches(method):
    return lambda loss=bowl, params=START, *, num_steps=9, tol=1e-3: method(loss, params, num_steps=num_steps, tol=tol)


def _rule(name, call, *numbers) -> list[Row]:
    return table(
        f"optimize.{name}",
        ("two rates", lambda: call(np.ones(2), *numbers), (ValueError, f"optimize.{name}: expected rate to be one")),
        ("a complex rate", lambda: call(1j, *numbers), (TypeError, f"optimize.{name}: expected real numbers")),
        ("no rate", lambda: call(None, *numbers), (TypeError, "expected real numbers")),
        *[
            (
                f"argument {i + 1} of two numbers",
                partial(call, 0.1, *numbers[:i], np.ones(2), *numbers[i + 1 :]),
                (ValueError, "to be one number, got shape"),
            )
            for i in range(len(numbers))
        ],
    )


FAR = [1000.3, 777.7, 333.3, 100.7, 50.1, -1000.3, -777.7, -333.3, -100.7, -50.1]


def _one_step(start, low=-0.7, high=0.1):
    """From numbers so large that their sum with the step to a bound is not the bound; -w times 1e3 is the step."""
    rule = optimize.projected(optimize.gradient_descent(1e3), low, high)
    return optimize.minimize(lambda w: jnp.sum(w**2), np.float32(start), optimizer=rule, num_steps=1).params


def _within(w, low, high):
    assert (w >= low).all()
    assert (w <= high).all()
    np.testing.assert_allclose(w, np.where(np.array(FAR) > 0, low, high), atol=1e-4)


LOGISTIC_X = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [2.5, 1.0]])
SEARCHES = {
    "newton": _searches(optimize.newton),
    "lbfgs": _searches(optimize.lbfgs),
    "optimum": _searches(partial(optimize.optimum, optimizer=RULE)),
}
ROWS = [
    *_descents("minimize", _minimize),
    *[row for name, call in SEARCHES.items() for row in _descents(name, call)],
    *table(
        "optimize.minimize",
        (
            "no optimiser",
            lambda: _minimize(optimizer=0.1),
            (TypeError, "must be a rule such as .* got float"),
        ),
        ("a rule not called", lambda: _minimize(optimizer=optax.adam), (TypeError, "optimizer must be a rule")),
        ("every third of four", lambda: _minimize(record_every=3), (ValueError, "record_every must divide num_steps")),
        (
            "every fifth of four",
            lambda: _minimize(record_every=5),
            (ValueError, "must be in 1..num_steps = 4"),
        ),
        ("two changes", lambda: _minimize(change_tol=START), (ValueError, "change_tol to be one number")),
        (
            "a small slope in float16",
            lambda: _minimize(lambda w: 1e-4 * bowl(w), START.astype(np.float16), tol=1e-8).converged,
            equal(False),
        ),
        ("a tolerance of NaN", lambda: _minimize(tol=np.nan).converged, equal(False)),
        ("a rate of NaN", lambda: _minimize(optimizer=optimize.adam(np.nan)).failed_step, equal(1)),
    ),
    *table(
        "optimize.optimum",
        (
            "no optimiser",
            lambda: optimize.optimum(bowl, START, optimizer=None, num_steps=3, tol=0.1),
            (TypeError, "optimizer must be a rule"),
        ),
    ),
    *[
        row
        for name in ("optimum", "newton", "lbfgs")
        for row in table(
            f"optimize.{name}",
            (
                "no tolerance",
                lambda name=name: SEARCHES[name](tol=None),
                (TypeError, f"optimize.{name}: expected real"),
            ),
            (
                "float16",
                lambda name=name: SEARCHES[name](params=START.astype(np.float16), num_steps=60).params,
                dtype_is(jnp.float16, near([1.0] * 3, 1e-2)),
            ),
        )
    ],
    *table(
        "optimize.sgd",
        (
            "batch larger than the data",
            lambda: _sgd(batch_size=6),
            (ValueError, "must be in 1..n = 5, got 6"),
        ),
        ("no batch", lambda: _sgd(batch_size=0), (ValueError, "batch_size must be in 1..n = 5, got 0")),
        ("no epochs", lambda: _sgd(num_epochs=0), (ValueError, "num_epochs must be at least 1")),
        ("data that is no tuple", lambda: _sgd(data=Y), (TypeError, "data must be a tuple of arrays .* got ndarray")),
        ("an empty tuple", lambda: _sgd(data=()), (ValueError, "equally many rows")),
        ("no rows", lambda: _sgd(data=(Y[:0],)), (ValueError, "at least one row")),
        ("rows that differ", lambda: _sgd(data=(Y, Y[:3])), (ValueError, "equally many rows")),
        ("complex data", lambda: _sgd(data=(Y * 1j,)), (TypeError, "optimize.sgd: expected real numbers")),
        ("a loss of each row", lambda: _sgd(lambda w, x: (x - w) ** 2), (ValueError, r"one number, got shape \(2,\)")),
        ("no parameters", lambda: _sgd(lambda w, x: 0.0, ()), (ValueError, "at least one parameter")),
        ("complex parameters", lambda: _sgd(params=1j), (TypeError, "expected real numbers")),
        ("no optimiser", lambda: _sgd(optimizer=optax.sgd), (TypeError, "optimizer must be a rule")),
        ("a row of NaN", lambda: _sgd(data=(Y * np.nan,)).failed_step, equal(0)),
        ("a step that runs away", lambda: _sgd(optimizer=optimize.momentum(np.inf, 0)).params, equal(0.0)),
        ("lists", lambda: _sgd(data=([1.0, 2.0, 3.0],), batch_size=3).losses, near([14 / 3])),
    ),
    *_rule("gradient_descent", optimize.gradient_descent),
    *_rule("momentum", optimize.momentum, 0.5),
    *_rule("nesterov", optimize.nesterov, 0.5),
    *_rule("adagrad", optimize.adagrad, 1e-8),
    *_rule("rmsprop", optimize.rmsprop, 0.9, 1e-8),
    *_rule("adam", optimize.adam, 0.9, 0.99, 1e-8),
    *table(
        "optimize.projected",
        ("no optimiser", lambda: optimize.projected(0.1, 0, 1), (TypeError, "optimize.projected: optimizer must be")),
        ("a complex bound", lambda: optimize.projected(RULE, 1j, 1), (TypeError, "expected real numbers")),
        (
            "bounds of another form",
            lambda: _minimize(optimizer=optimize.projected(RULE, {"a": 0.0}, 1.0)),
            (ValueError, "bounds for all parameters or for each"),
        ),
        (
            "four bounds for three",
            lambda: _minimize(optimizer=optimize.projected(RULE, np.zeros(4), 1.0)),
            (ValueError, r"bounds of shape \(3,\) or one number, got \(4,\)"),
        ),
        (
            "bounds for one number",
            lambda: _minimize(bowl, 0.0, optimizer=optimize.projected(RULE, np.zeros(3), 1.0)),
            (ValueError, r"bounds of shape \(\) or one number, got \(3,\)"),
        ),
        ("far starts", lambda: _one_step(FAR), lambda w: _within(w, np.float32(-0.7), np.float32(0.1))),
        ("a bound met exactly", lambda: _one_step([-1.0, 1.0, 0.0], -2, 2), equal([2.0, -2.0, 0.0])),
        ("bounds that cross", lambda: _minimize(optimizer=optimize.projected(RULE, 3.0, 2.0)).params, near([2.0] * 3)),
        (
            "float16",
            lambda: _minimize(params=START.astype(np.float16), optimizer=optimize.projected(RULE, 0, 0.2)).params,
            dtype_is(jnp.float16, near([0.2] * 3, 1e-3)),
        ),
    ),
    *data_rows("regression.linear", lambda x: regression.linear(x, Y)),
    *weight_rows("regression.linear", lambda x, weights: regression.linear(x, Y, weights=weights)),
    *table(
        "regression.linear",
        ("y too short", lambda: regression.linear(X, Y[:4]), (ValueError, r"shape \(5,\), got \(4,\)")),
        ("y (n, 1)", lambda: regression.linear(X, Y[:, None]), (ValueError, r"shape \(5,\), got \(5, 1\)")),
        ("complex y", lambda: regression.linear(X, Y * 1j), (TypeError, "regression.linear: expected real numbers")),
        ("a NaN", lambda: regression.linear(with_cell(np.nan), Y)[:3], nothing_finite),
        ("a NaN in y", lambda: regression.linear(X, with_cell(np.nan)[:, 1])[:3], nothing_finite),
        ("an infinity", lambda: regression.linear(with_cell(np.inf), Y)[:3], nothing_finite),
        ("a negative weight", lambda: regression.linear(X, Y, weights=[1, 1, -1, 1, 1])[:3], nothing_finite),
        (
            "a NaN of weight 0",
            lambda: regression.linear(with_cell(np.nan), Y, weights=[1, 1, 0, 1, 1])[:2],
            lambda result: near(regression.linear(np.delete(X, 2, 0), np.delete(Y, 2))[:2], 1e-4)(result),
        ),
        ("no weight at all", lambda: regression.linear(X, Y, weights=np.zeros(5))[:2], nothing_finite),
        ("one row", lambda: regression.linear(X[:1], Y[1:2]), near(([0.0, 0.0, 0.0], 1.0, 0.0, 0))),
        (
            "a constant column",
            lambda: regression.linear(LOGISTIC_X * 0.1, 3 * LOGISTIC_X[:, 0] + 2),
            near(([30.0, 0.0], 2.0, 0.0, 1), 1e-4),
        ),
        (
            "two equal columns",
            lambda: regression.linear(LOGISTIC_X[:, [0, 0]], 4 * LOGISTIC_X[:, 0])[:2],
            near(([2.0, 2.0], 0.0), 1e-4),
        ),
        ("float16", lambda: regression.linear(X.astype(np.float16), BINARY)[:3], dtype_is(jnp.float16)),
        ("booleans", lambda: regression.linear(X, Y > 0)[:2], lambda a: near(regression.linear(X, Y)[:2])(a)),
    ),
    *table(
        "regression.polynomial",
        ("rank 2", lambda: regression.polynomial(X, Y, 1), (ValueError, r"x of shape \(n,\), got \(5, 3\)")),
        ("no rows", lambda: regression.polynomial(Y[:0], Y[:0], 1), (ValueError, "at least one row")),
        ("y too long", lambda: regression.polynomial(Y[:3], Y, 1), (ValueError, r"shape \(3,\), got \(5,\)")),
        ("complex", lambda: regression.polynomial(Y * 1j, Y, 1), (TypeError, "expected real numbers")),
        ("complex y", lambda: regression.polynomial(Y, Y * 1j, 1), (TypeError, "expected real numbers")),
        ("degree 0", lambda: regression.polynomial(Y, Y, 0), (ValueError, "degree must be at least 1")),
        ("half a degree", lambda: regression.polynomial(Y, Y, 1.5), (TypeError, "degree must be an integer")),
        ("a NaN", lambda: regression.polynomial(with_cell(np.nan)[:, 1], Y, 1)[:2], nothing_finite),
        ("a NaN in y", lambda: regression.polynomial(X[:, 0], with_cell(np.nan)[:, 1], 1)[:2], nothing_finite),
        ("one row", lambda: regression.polynomial([2.0], [5.0], 1), near(([5.0, 0.0], 0.0, 1))),
        ("equal x", lambda: regression.polynomial([3.0, 3.0], [1.0, 2.0], 1), near(([1.5, 0.0], 0.5, 1))),
        ("float16", lambda: regression.polynomial(X[:, 0].astype(np.float16), BINARY, 1)[:2], dtype_is(jnp.float16)),
    ),
    *data_rows("regression.logistic", lambda x: regression.logistic(x, BINARY)),
    *table(
        "regression.logistic",
        ("labels too short", lambda: regression.logistic(X, BINARY[:4]), (ValueError, r"shape \(5,\), got \(4,\)")),
        ("complex labels", lambda: regression.logistic(X, BINARY * 1j), (TypeError, "expected real numbers")),
        ("several penalties", lambda: regression.logistic(X, BINARY, l2=[1, 2]), (ValueError, "l2 to be one number")),
        ("no steps", lambda: regression.logistic(X, BINARY, max_steps=0), (ValueError, "max_steps must be at least 1")),
        ("a NaN", lambda: _told(regression.logistic(with_cell(np.nan), BINARY)), equal([True, False])),
        ("label 2", lambda: _told(regression.logistic(X, [0, 1, 2, 1, 0])), equal([True, False])),
        ("one row", lambda: regression.logistic(X[:1], [1]).converged, equal(False)),
        ("one class", lambda: regression.logistic(X, np.ones(5)).converged, equal(False)),
        (
            "a constant column",
            lambda: regression.logistic(LOGISTIC_X, [0, 1, 1, 0, 1])[:2],
            lambda result: near(_without_constant_column())(result),
        ),
        ("float16", lambda: regression.logistic(X.astype(np.float16), BINARY, l2=0.1)[:3], dtype_is(jnp.float16)),
    ),
    *table(
        "regression.predict",
        ("no model", lambda: regression.predict((1.0, 2.0), X), (TypeError, "expected a model of this module")),
        (
            "other columns",
            lambda: regression.predict(regression.linear(X, Y), X[:, :2]),
            (ValueError, r"shape \(n, 3\), got \(5, 2\)"),
        ),
        (
            "rank 1",
            lambda: regression.predict(regression.linear(X, Y), X[0]),
            (ValueError, r"expected data of shape \(n, d\), got \(3,\)"),
        ),
        (
            "complex",
            lambda: regression.predict(regression.polynomial(Y, Y, 1), Y * 1j),
            (TypeError, "regression.predict: expected real numbers"),
        ),
        (
            "a NaN row",
            lambda: jnp.isnan(regression.predict(regression.linear(X, Y), with_cell(np.nan))),
            equal([False, False, True, False, False]),
        ),
    ),
]


def _told(model) -> list:
    floats = jnp.concatenate([model.weights, jnp.stack([model.intercept, model.loss])])
    return [bool(jnp.isnan(floats).all()), bool(model.converged)]


def _without_constant_column():
    alone = regression.logistic(LOGISTIC_X[:, :1], [0, 1, 1, 0, 1])
    return [float(alone.weights[0]), 0.0], float(alone.intercept)


TOLERANCES = {"minimize": _minimize, "newton": _searches(optimize.newton), "lbfgs": _searches(optimize.lbfgs)}
SHARES = {
    "momentum": ("gamma", lambda b: optimize.momentum(0.1, b)),
    "nesterov": ("gamma", lambda b: optimize.nesterov(0.1, b)),
    "rmsprop": ("decay", lambda b: optimize.rmsprop(0.1, b)),
    "adam": ("b1", lambda b: optimize.adam(0.1, b)),
}
RATES = {
    "gradient_descent": optimize.gradient_descent,
    "momentum": lambda rate: optimize.momentum(rate, 0.5),
    "nesterov": lambda rate: optimize.nesterov(rate, 0.5),
    "adagrad": optimize.adagrad,
    "rmsprop": optimize.rmsprop,
    "adam": optimize.adam,
}


def _with_l2(l2):
    return regression.logistic(X, BINARY, l2=l2)


ROWS += [
    *[
        Row(
            f"optimize.{name}",
            "tol below 0",
            partial(call, tol=-1e-9),
            ValueError,
            r"tol must be in \[0, inf\], got -1e-09",
        )
        for name, call in TOLERANCES.items()
    ],
    Row(
        "optimize.minimize",
        "change_tol below 0",
        partial(_minimize, change_tol=-1),
        ValueError,
        "change_tol must be in",
    ),
    *[
        Row(
            f"optimize.{name}",
            f"{option} above 1",
            partial(call, 1.1),
            ValueError,
            rf"{option} must be in \[0, 1., got 1.1",
        )
        for name, (option, call) in SHARES.items()
    ],
    *[
        Row(
            f"optimize.{name}",
            "a rate below 0",
            partial(call, -0.1),
            ValueError,
            r"rate must be in \[0, inf\], got -0.1",
        )
        for name, call in RATES.items()
    ],
    Row("optimize.adam", "b2 of 1", lambda: optimize.adam(0.1, b2=1), ValueError, r"b2 must be in \[0, 1\), got 1"),
    *[
        Row(f"optimize.{name}", "eps below 0", partial(RATES[name], 0.1, eps=-1.0), ValueError, "eps must be in")
        for name in ("adagrad", "rmsprop", "adam")
    ],
    Row(
        "regression.logistic", "l2 below 0", partial(_with_l2, -0.1), ValueError, r"l2 must be in \[0, inf\), got -0.1"
    ),
    *table(
        "regression.logistic",
        ("l2 below 0, traced", lambda: _told(jax.jit(_with_l2)(-0.1)), equal([True, False])),
        ("l2 below 0, an array", lambda: _told(_with_l2(np.array(-0.1))), equal([True, False])),
    ),
    *table(
        "optimize.newton",
        (
            "tol below 0, traced",
            lambda: jax.jit(lambda tol: TOLERANCES["newton"](tol=tol))(-1.0).converged,
            equal(False),
        ),
    ),
]
