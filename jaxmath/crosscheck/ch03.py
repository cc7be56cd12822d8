"""Chapter 3: gradients and descent."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmath import optimize, regression
from jaxmath.crosscheck.reference import ch03 as reference
from jaxmath.crosscheck.registry import case
from jaxmath.data.synthetic import CAT_FEELS, CAT_SEES


def _mean_squares(x, y, w):
    return jnp.mean((jnp.matmul(x, w, precision="highest") - y) ** 2)


@jax.jit
def _line_descent(x, y, start, rate):
    def loss(params):
        return jnp.mean((params["w"] * x + params["b"] - y) ** 2)

    rule, begin = optimize.gradient_descent(rate), {"w": start[0], "b": start[1]}
    every = optimize.minimize(loss, begin, optimizer=rule, num_steps=6)
    third = optimize.minimize(loss, begin, optimizer=rule, num_steps=6, record_every=3)
    points = jnp.stack([every.path["w"], every.path["b"]], axis=1)
    return points, every.losses, third.path["w"], third.losses, every.params["b"], every.num_steps, every.failed_step


def _line_descent_by_hand(x, y, start, rate):
    points, losses = reference.line_descent(x, y, start, rate, 6)
    return points, losses, points[::3, 0], losses[::3], points[-1, 1], np.array(6), np.array(-1)


@jax.jit
def _descent_in_box(x, y, start, rate, low, high):
    rule = optimize.projected(optimize.gradient_descent(rate), low, high)
    return optimize.minimize(lambda w: _mean_squares(x, y, w), start, optimizer=rule, num_steps=5).path


@jax.jit
def _ridge(x, y, l2):
    """The same minimum by three roads, each with the derivative of the minimum."""

    def loss(w):
        return _mean_squares(x, y, w) + l2 * jnp.sum(w**2)

    start, tol = jnp.ones(x.shape[1], x.dtype), 30 * jnp.finfo(x.dtype).eps
    found = [
        optimize.newton(loss, start, num_steps=20, tol=tol),
        optimize.lbfgs(loss, start, num_steps=60, tol=tol),
        optimize.optimum(loss, start, optimizer=optax.sgd(0.3, 0.5), num_steps=2000, tol=tol),
    ]
    return [(one.params, one.loss) for one in found]


case(
    "3.3 descent and its path",
    _line_descent,
    _line_descent_by_hand,
    inputs=lambda rng: (rng.normal(size=8), rng.normal(size=8), rng.normal(size=2), np.array(0.1)),
    covers=("optimize.minimize", "optimize.gradient_descent"),
)
case(
    "3.3 descent in a box",
    _descent_in_box,
    lambda x, y, start, rate, low, high: reference.descent_in_box(x, y, start, rate, low, high, 5),
    inputs=lambda rng: (
        rng.normal(size=(6, 3)), 5 * rng.normal(size=6), np.zeros(3), np.array(0.2), np.full(3, -0.3), np.full(3, 0.2),
    ),
    covers=("optimize.projected",),
)  # fmt: skip
case(
    "3.4 minima and their derivatives",
    _ridge,
    lambda x, y, l2: [reference.ridge(x, y, l2)] * 3,
    inputs=lambda rng: (rng.normal(size=(7, 3)), rng.normal(size=7), np.array(0.1)),
    covers=("optimize.newton", "optimize.lbfgs", "optimize.optimum"),
)
case(
    "3.4.1 linear model",
    lambda x, y, weights: regression.linear(x, y, weights=weights),
    reference.least_squares,
    inputs=lambda rng: (3 + rng.normal(size=(9, 2)), rng.normal(size=9), rng.uniform(0.5, 2, size=9)),
    covers=("regression.linear",),
)
case(
    "3.4.2 polynomial",
    lambda x, y: regression.polynomial(x, y, 3),
    lambda x, y: reference.polynomial(x, y, 3),
    inputs=lambda rng: (rng.uniform(-2, 3, size=9), rng.normal(size=9)),
    covers=("regression.polynomial",),
)
case(
    "3.4.3 the cat's brain",
    lambda x, y, new: (
        regression.linear(x, y)[:3], regression.predict(regression.linear(x, y), new),
        regression.predict(regression.polynomial(x[:, 0], y, 2), new),
    ),
    lambda x, y, new: (
        reference.least_squares(x, y, np.ones(15))[:3],
        new @ reference.least_squares(x, y, np.ones(15))[0] + reference.least_squares(x, y, np.ones(15))[1],
        np.polynomial.polynomial.polyval(new, reference.polynomial(x[:, 0], y, 2)[0]),
    ),
    inputs=lambda rng: (np.array(CAT_SEES), np.array(CAT_FEELS), rng.uniform(size=(4, 2))),
    covers=("regression.linear", "regression.polynomial", "regression.predict"),
)  # fmt: skip
case(
    "3.4 logistic regression",
    jax.jit(
        lambda x, labels, l2: (
            regression.logistic(x, labels, l2=l2)[:3], regression.predict(regression.logistic(x, labels, l2=l2), x)
        )
    ),
    lambda x, labels, l2: (
        reference.logistic(x, labels, l2),
        1 / (1 + np.exp(-(x @ reference.logistic(x, labels, l2)[0] + reference.logistic(x, labels, l2)[1]))),
    ),
    inputs=lambda rng: (2 + rng.normal(size=(12, 2)), np.array([0, 1, 1] * 4), np.array(0.05)),
    covers=("regression.logistic", "regression.predict"),
)  # fmt: skip
