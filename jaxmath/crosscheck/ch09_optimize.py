"""Section 9.2: optimisers."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from jaxmath.crosscheck.reference import ch09_optimize as reference
from jaxmath.crosscheck.registry import case


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
