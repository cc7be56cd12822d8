"""Section 9.1: losses."""

import jax.numpy as jnp
import numpy as np

from jaxmath import losses
from jaxmath.crosscheck.references import losses as reference
from jaxmath.crosscheck.registry import case


def _distributions(rng, n=4, c=5):
    return rng.dirichlet(np.full(c, 2.0), size=n)


case(
    "9.1 squared, absolute, Huber and hinge errors",
    lambda y, t, labels: (
        losses.squared_error(y, t), losses.absolute_error(y, t), losses.huber(y, t, delta=0.8), losses.hinge(y, labels)
    ),
    lambda y, t, labels: (np.square(y - t), np.abs(y - t), reference.huber(y, t, 0.8), reference.hinge(y, labels)),
    inputs=lambda rng: (rng.normal(size=6), 2 * rng.normal(size=6), np.array([1, -1, 1, 1, -1, -1])),
    covers=("losses.squared_error", "losses.absolute_error", "losses.huber", "losses.hinge"),
)  # fmt: skip
case(
    "9.1 cross entropies of probabilities",
    lambda p, t, q, s, labels, yes, gamma: (
        losses.cross_entropy(p, t), losses.cross_entropy(p, labels), losses.kl(p, t),
        losses.binary_cross_entropy(q, s), losses.binary_cross_entropy(q, yes), losses.focal(q, yes, gamma),
    ),
    lambda p, t, q, s, labels, yes, gamma: (
        reference.cross_entropy(p, t), reference.cross_entropy(p, reference.one_hot(labels, 5)), reference.kl(p, t),
        reference.binary(q, s), reference.binary(q, yes), reference.focal(q, yes, gamma),
    ),
    inputs=lambda rng: (
        _distributions(rng), _distributions(rng), *rng.uniform(0.1, 0.9, size=(2, 4)), np.array([0, 4, 2, 2]),
        np.array([0, 1, 1, 0]), np.array(1.5),
    ),
    covers=("losses.cross_entropy", "losses.kl", "losses.binary_cross_entropy", "losses.focal"),
)  # fmt: skip
case(
    "9.1 cross entropies of logits",
    lambda z, t, labels, weights, smoothing: (
        losses.softmax_cross_entropy(z, t),
        losses.softmax_cross_entropy(z, labels, ignore_label=2),
        losses.softmax_cross_entropy(z, labels, label_smoothing=smoothing, class_weights=weights),
        losses.sigmoid_cross_entropy(z, t),
    ),
    lambda z, t, labels, weights, smoothing: (
        reference.cross_entropy(reference.softmax(z), t),
        np.where(labels == 2, 0, reference.cross_entropy(reference.softmax(z), reference.one_hot(labels, 5))),
        reference.cross_entropy(
            reference.softmax(z), weights * ((1 - smoothing) * reference.one_hot(labels, 5) + smoothing / 5)
        ),
        np.array([reference.binary(1 / (1 + np.exp(-a)), b) for a, b in zip(z, t, strict=True)]),
    ),
    inputs=lambda rng: (
        3 * rng.normal(size=(4, 5)), _distributions(rng), np.array([0, 4, 2, 1]), rng.uniform(0.5, 2, size=5),
        np.array(0.1),
    ),
    covers=("losses.softmax_cross_entropy", "losses.sigmoid_cross_entropy"),
)  # fmt: skip
case(
    "9.1 logits of 1e4",
    lambda z, labels: (
        losses.softmax_cross_entropy(z, labels),
        losses.sigmoid_cross_entropy(z, (jnp.arange(3) == labels[:, None]).astype(z.dtype)),
    ),
    lambda z, labels: (
        np.array([0.0, 1e4, 2e4, np.log(2)]),
        np.array([[0.0, np.log(2), 0.0], [1e4, np.log(2), 0.0], [1e4, 0.0, 1e4], [0.0, 1e4, np.log(2)]]),
    ),
    inputs=lambda rng: (
        np.array([[1e4, 0.0, -1e4], [1e4, 0.0, -1e4], [1e4, -1e4, -1e4], [1e4, 1e4, 0.0]]),
        np.array([0, 1, 2, 0]),
    ),
    covers=("losses.softmax_cross_entropy", "losses.sigmoid_cross_entropy"),
    not_differentiable="differences have no digits left there: test_losses.py has the derivative",
)
