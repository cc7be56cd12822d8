"""Chapters 7 and 8: perceptrons, logic gates, towers; forward and backward passes."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import neural
from jaxmath.crosscheck.draws import normal
from jaxmath.crosscheck.references import neural as reference
from jaxmath.crosscheck.registry import case

_CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
_SHAPES = ((4, 3), 4, (3, 4), 3, (2, 3), 2)


case(
    "7.2.3 layers and networks",
    lambda x, w0, b0, w1, b1, w2, b2: (
        neural.dense(x, w0, b0), neural.dense(x, w0, b0, neural.tanh), neural.heaviside(x),
        neural.perceptron(x, w0, b0), neural.perceptron(x, w0[0], b0[0]),
        neural.mlp([(w0, b0), (w1, b1), (w2, b2)], x, activation=neural.tanh),
        neural.mlp([(w0, b0), (w1, b1)], x, activation=neural.heaviside, output_activation=neural.relu),
    ),
    lambda x, w0, b0, w1, b1, w2, b2: (
        reference.layer(x, w0, b0, float), reference.layer(x, w0, b0, math.tanh), np.vectorize(reference.step)(x),
        reference.layer(x, w0, b0, reference.step), reference.layer(x, w0, b0, reference.step)[:, 0],
        reference.network([(w0, b0), (w1, b1), (w2, b2)], x, math.tanh, float),
        reference.network([(w0, b0), (w1, b1)], x, reference.step, lambda n: max(n, 0.0)),
    ),
    inputs=normal((4, 3), (5, 3), 5, (2, 5), 2, (3, 2), 3),
    covers=("neural.dense", "neural.perceptron", "neural.mlp", "neural.heaviside", "neural.tanh"),
)  # fmt: skip


def _spread_of_weights(seed, scheme):
    """Lowest, highest and mean square of the weights in each layer, and the biases."""
    params = neural.init_mlp(jax.random.key(seed), (90, 60, 40), scheme=scheme)
    return [((w.min(), w.max(), jnp.mean(w**2)), 1 + jnp.abs(b).max()) for w, b in params]


case(
    "7.2.3 random weights",
    lambda seed: [_spread_of_weights(seed, scheme) for scheme in ("xavier", "he")],
    lambda seed: [
        [((-np.sqrt(6 / s), np.sqrt(6 / s), 2 / s), 1.0) for s in sums] for sums in ((90 + 60, 60 + 40), (90, 60))
    ],
    inputs=lambda rng: (rng.integers(100, size=()),),
    covers=("neural.init_mlp",),
    float64=0.08,
    float32=0.08,
    reason="the mean square of 2,400 random numbers is off by 2%",
    not_differentiable="the input is the seed of a key",
)
case(
    "7.2.3 Rosenblatt's rule",
    lambda x, labels: (
        neural.train_perceptron(x, labels), neural.train_perceptron(x[:, :1], labels, max_epochs=3)
    ),
    lambda x, labels: (reference.rosenblatt(x, labels, 1000), reference.rosenblatt(x[:, :1], labels, 3)),
    inputs=lambda rng: (
        0.3 * rng.normal(size=(8, 2)) + np.array([[1.0, 2.0]]) * np.arange(-1.75, 2, 0.5)[:, None],
        np.array([0, 0, 0, 0, 1, 1, 1, 1]),
    ),
    covers=("neural.train_perceptron",),
    not_differentiable="it counts mistakes, in a loop that ends when there are none",
)  # fmt: skip
case(
    "7.2.4 logic gates",
    lambda corners: (
        [layer for kind in ("and", "or", "not", "xor") for layer in neural.gate(kind)],
        [
            neural.forward(neural.gate(kind), corners, activation=neural.heaviside).output[:, 0]
            for kind in ("and", "or", "xor")
        ],
        neural.forward(neural.gate("not"), corners[:, :1], activation=neural.heaviside).output[:, 0],
    ),
    lambda corners: (
        reference.gates(),
        [gate(*corners.T).astype(float) for gate in (np.logical_and, np.logical_or, np.logical_xor)],
        np.logical_not(corners[:, 0]).astype(float),
    ),
    inputs=lambda rng: (rng.permutation(_CORNERS),),
    covers=("neural.gate",),
    not_differentiable="zeros and ones in, zeros and ones out",
)


def _section_tower(x):
    """The tower of the section: four steps around the unit square, and all of them are needed."""
    first = jnp.array([[1, 0], [-1, 0], [0, 1], [0, -1]], x.dtype), jnp.full(4, 0.5, x.dtype)
    second = jnp.ones((1, 4), x.dtype), jnp.full(1, -3.5, x.dtype)
    return neural.forward([first, second], x, activation=neural.heaviside).output[:, 0]


case(
    "7.4.3 towers",
    lambda x, p, q, slope: (
        neural.mlp(
            neural.tower_network(lambda c: jnp.sin(3 * c[:, 0]) + slope * c[:, 0] * c[:, 1], (p, q)), x,
            activation=neural.heaviside,
        )[:, 0],
        _section_tower(x),
    ),
    lambda x, p, q, slope: (
        reference.towers(lambda u, v: math.sin(3 * u) + slope * u * v, p, q, x),
        (np.abs(x).max(axis=1) <= 0.5).astype(float),
    ),
    inputs=lambda rng: (
        np.concatenate([rng.uniform(-0.2, 1.2, size=(12, 2)), [[0.1, 0.2]]]), np.cumsum(rng.uniform(0.2, 0.4, size=4)),
        np.cumsum(rng.uniform(0.3, 0.4, size=3)) - 0.2, np.array(1.5),
    ),
    covers=("neural.tower_network",),
)  # fmt: skip


def _layers(*arrays):
    return list(zip(arrays[::2], arrays[1::2], strict=True))


case(
    "8.4 forward pass and backward pass",
    lambda x, y, *arrays: (
        neural.forward(_layers(*arrays), x), neural.forward(_layers(*arrays), x, activation=neural.tanh).output,
        neural.backward(_layers(*arrays), x, y),
        neural.backward(_layers(*arrays), x, y, activation=neural.tanh).gradients,
        neural.per_example_gradients(_layers(*arrays), x, y),
    ),
    lambda x, y, *arrays: (
        (reference.activations(_layers(*arrays), x, reference.sigmoid)[-1],
         reference.activations(_layers(*arrays), x, reference.sigmoid)),
        reference.activations(_layers(*arrays), x, np.tanh)[-1],
        (reference.loss(_layers(*arrays), x, y, reference.sigmoid),
         reference.gradients(_layers(*arrays), x, y, reference.sigmoid)),
        reference.gradients(_layers(*arrays), x, y, np.tanh),
        [tuple(np.stack(each) for each in zip(*layers, strict=True)) for layers in zip(
            *(reference.gradients(_layers(*arrays), x[i:i + 1], y[i:i + 1], reference.sigmoid) for i in range(len(x))),
            strict=True,
        )],
    ),
    inputs=normal((5, 3), (5, 2), *_SHAPES),
    covers=("neural.forward", "neural.backward", "neural.per_example_gradients"),
)  # fmt: skip
case(
    "8.4 Jacobian and Hessian-vector product",
    lambda x, y, *arrays: (
        neural.jacobian(_layers(*arrays[:6]), x), neural.jacobian(_layers(*arrays[:2]), x, activation=neural.tanh),
        neural.hessian_vector_product(_layers(*arrays[:6]), x, y, _layers(*arrays[6:])),
    ),
    lambda x, y, *arrays: (
        reference.jacobian(_layers(*arrays[:6]), x, reference.sigmoid),
        reference.jacobian(_layers(*arrays[:2]), x, np.tanh),
        reference.hessian_vector_product(_layers(*arrays[:6]), x, y, _layers(*arrays[6:])),
    ),
    inputs=normal((5, 3), (5, 2), *_SHAPES, *_SHAPES),
    covers=("neural.jacobian", "neural.hessian_vector_product"),
)  # fmt: skip
