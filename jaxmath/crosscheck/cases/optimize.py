"""Sections 3.3, 3.4 and 9.2: descent, its rules and its minima."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmath import optimize
from jaxmath.crosscheck.references import optimize as reference
from jaxmath.crosscheck.registry import case


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


def _paths(rules, a, b, start, num_steps):
    def loss(w):
        return jnp.vdot(w, jnp.matmul(a, w, precision="highest")) / 2 - jnp.vdot(b, w)

    return tuple(optimize.minimize(loss, start, optimizer=rule, num_steps=num_steps).path for rule in rules)


@jax.jit
def _rules_with_memory(a, b, start, rate, gamma):
    rules = optimize.gradient_descent(rate), optimize.momentum(rate, gamma), optimize.nesterov(rate, gamma)
    return _paths(rules, a, b, start, 5)


@jax.jit
def _adaptive_rules(a, b, start, rate, decay, eps):
    rules = optimize.adagrad(rate, eps), optimize.rmsprop(rate, decay, eps), optimize.adam(rate, decay, 0.99, eps)
    defaults = optimize.adagrad(rate), optimize.rmsprop(rate), optimize.adam(rate)
    return _paths((*rules, *defaults), a, b, start, 4)


@jax.jit
def _full_batch(x, y, start, rate):
    """A batch of all rows, in whatever order, is plain descent."""

    def loss(w, x, y):
        return jnp.mean((jnp.matmul(x, w, precision="highest") - y) ** 2)

    rule, key = optimize.gradient_descent(rate), jax.random.key(0)
    fit = optimize.sgd(key, loss, start, (x, y), optimizer=rule, batch_size=len(x), num_epochs=4)
    return fit.params, fit.losses, fit.failed_step


def _bowl(rng):
    root = rng.normal(size=(2, 2))
    return root @ root.T + np.eye(2), rng.normal(size=2), 3 + rng.uniform(size=2), np.array(0.1)


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
    "9.2.3 stochastic descent with full batches",
    _full_batch,
    lambda x, y, start, rate: (*reference.full_batch(x, y, start, rate, 4), np.array(-1)),
    inputs=lambda rng: (rng.normal(size=(6, 2)), rng.normal(size=6), rng.normal(size=2), np.array(0.1)),
    covers=("optimize.sgd",),
)
case(
    "9.2.4 gradient, momentum, Nesterov",
    _rules_with_memory,
    lambda a, b, start, rate, gamma: (
        reference.path(reference.gradient_descent(rate), a, b, start, 5),
        reference.path(reference.momentum(rate, gamma), a, b, start, 5),
        reference.nesterov_path(a, b, start, rate, gamma, 5),
    ),
    inputs=lambda rng: (*_bowl(rng), np.array(0.4)),
    covers=("optimize.gradient_descent", "optimize.momentum", "optimize.nesterov"),
)
case(
    "9.2 Adagrad, RMSProp, Adam",
    _adaptive_rules,
    lambda a, b, start, rate, decay, eps: tuple(
        reference.path(rule, a, b, start, 4)
        for rule in (
            reference.adagrad(rate, eps), reference.rmsprop(rate, decay, eps), reference.adam(rate, decay, 0.99, eps),
            reference.adagrad(rate, 1e-8), reference.rmsprop(rate, 0.9, 1e-8), reference.adam(rate, 0.9, 0.999, 1e-8),
        )
    ),
    inputs=lambda rng: (*_bowl(rng), np.array(0.8), np.array(0.3)),
    covers=("optimize.adagrad", "optimize.rmsprop", "optimize.adam"),
)  # fmt: skip
