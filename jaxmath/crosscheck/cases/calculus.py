"""Document C, functions, derivatives and the chain rule; the gradient field of document B."""

import jax.numpy as jnp
import numpy as np

from jaxmath import calculus
from jaxmath.crosscheck.references import calculus as reference
from jaxmath.crosscheck.registry import case

_ROUNDING = "a difference of nearly equal numbers over a small step keeps eps / delta of their size"


def _away_from_zero(rng):
    x = rng.normal(size=(3, 4))
    return (x + 0.1 * np.sign(x),)


def _two_axes(rng):
    return rng.normal(size=4), rng.normal(size=3)


case(
    "C.1 square",
    calculus.square,
    lambda x: np.power(x, 2),
    inputs=lambda rng: (rng.normal(size=(3, 4)),),
    covers=("calculus.square",),
)
case("C.1 ReLU", calculus.relu, lambda x: (x + abs(x)) / 2, inputs=_away_from_zero, covers=("calculus.relu",))
case(
    "C.1 leaky ReLU", calculus.leaky_relu, reference.leaky_relu, inputs=_away_from_zero, covers=("calculus.leaky_relu",)
)
case(
    "C.1 leaky ReLU with its slope",
    calculus.leaky_relu,
    reference.leaky_relu,
    inputs=lambda rng: (*_away_from_zero(rng), np.array(0.35)),
    covers=("calculus.leaky_relu",),
)
case(
    "C.1 sigmoid",
    calculus.sigmoid,
    reference.sigmoid,
    inputs=lambda rng: (3 * rng.normal(size=(3, 4)),),
    covers=("calculus.sigmoid",),
)
case(
    "C.1 at 0 and infinity",
    lambda x: [f(x) for f in (calculus.square, calculus.relu, calculus.leaky_relu, calculus.sigmoid)],
    lambda x: [
        np.array(y)
        for y in (
            [0, np.inf, np.inf, np.nan],
            [0, np.inf, 0, np.nan],
            [0, np.inf, -np.inf, np.nan],
            [0.5, 1, 0, np.nan],
        )
    ],
    inputs=lambda rng: (np.array([0.0, np.inf, -np.inf, np.nan]),),
    covers=("calculus.square", "calculus.relu", "calculus.leaky_relu", "calculus.sigmoid"),
    not_differentiable="the points are corners and infinities",
)
case(
    "C.2 derivative",
    lambda x: calculus.derivative(calculus.sigmoid, x),
    lambda x: reference.quotient(reference.sigmoid, x, 1e-3),
    inputs=lambda rng: (rng.normal(size=(2, 3)),),
    covers=("calculus.derivative",),
    float32=1e-3,
    reason=_ROUNDING,
)
case(
    "C.2 derivative with its step",
    lambda x, delta: calculus.derivative(lambda v: v * v * v, x, delta=delta),
    lambda x, delta: reference.quotient(lambda v: v**3, x, delta),
    inputs=lambda rng: (rng.normal(size=5), np.array(0.25)),
    covers=("calculus.derivative",),
)
case(
    "C.3 nested functions",
    lambda x: calculus.compose(calculus.leaky_relu, calculus.sigmoid, calculus.square)(x),
    lambda x: reference.sigmoid(reference.leaky_relu(x)) ** 2,
    inputs=_away_from_zero,
    covers=("calculus.compose",),
)

_SQUARE = (calculus.square, (np.square, lambda x: 2 * x))
_SIGMOID = (calculus.sigmoid, (reference.sigmoid, reference.sigmoid_slope))
_LEAKY = (calculus.leaky_relu, (reference.leaky_relu, reference.leaky_relu_slope))
for chain in ([_SQUARE], [_SQUARE, _SIGMOID], [_SIGMOID, _SQUARE], [_LEAKY, _SIGMOID, _SQUARE]):
    functions, pairs = zip(*chain, strict=True)
    case(
        f"C.4 chain rule, {', '.join(f.__name__ for f in functions)}",
        lambda x, functions=functions: calculus.chain_rule(functions, x),
        lambda x, pairs=pairs: reference.chain(pairs, x),
        inputs=_away_from_zero,
        covers=("calculus.chain_rule",),
    )
case(
    "C.5 functions of several inputs",
    lambda x, y, z: calculus.gradients(lambda x, y, z: jnp.sin(x * y) + z, x, y, z),
    lambda x, y, z: (np.sin(x * y) + z, y * np.cos(x * y), x * np.cos(x * y), np.full(z.shape, float(x.size))),
    inputs=lambda rng: (rng.normal(size=4), rng.normal(size=4), rng.normal(size=())),
    covers=("calculus.gradients",),
)
case(
    "C.6 functions of matrices",
    lambda x, w: calculus.matrix_chain(calculus.sigmoid, x, w),
    reference.matrix_chain,
    inputs=lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=(4, 2))),
    covers=("calculus.matrix_chain",),
)
case(
    "B.1 gradient field",
    lambda x, y: calculus.gradient_field(lambda a, b: jnp.sin(a) * jnp.sin(b), x, y),
    reference.sine_surface_gradient,
    inputs=_two_axes,
    covers=("calculus.gradient_field",),
)
case(
    "B.1 gradient field on a line",
    lambda x: calculus.gradient_field(lambda a: a * a * a, x),
    lambda x: 3 * x[None] ** 2,
    inputs=lambda rng: (rng.normal(size=4),),
    covers=("calculus.gradient_field",),
)
