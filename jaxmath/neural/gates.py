"""Logic by perceptrons."""

import jax.numpy as jnp

from jaxmath._array import one_of
from jaxmath.neural.parameters import Layer

_GATES: dict[str, list[tuple[list[list[float]], list[float]]]] = {
    "and": [([[1, 1]], [-1.5])],
    "or": [([[1, 1]], [-0.5])],
    "not": [([[-1]], [0.5])],
    "xor": [([[1, -1], [-1, 1]], [-0.5, -0.5]), ([[1, 1]], [-0.5])],
}


def gate(kind: str) -> list[Layer]:
    r"""The parameters of perceptrons that compute a logic function of zeros and ones.

    A line can part the corners of the square as AND and OR do, so one perceptron is enough. No line parts those of XOR:
    it takes a hidden layer of two, "the first and not the second" and "the second and not the first", and their OR.

    Args:
      kind: ``"and"``, ``"or"``, ``"xor"``, of two inputs, or ``"not"``, of one.

    Returns:
      A list of (weights, bias), for :func:`jaxmath.neural.forward` with ``activation=heaviside``, or for
      :func:`jaxmath.neural.perceptron` layer by layer.

    Raises:
      ValueError: for any other kind.

    Example:
      >>> from jaxmath.neural import forward, heaviside
      >>> inputs = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
      >>> print(forward(gate("xor"), inputs, activation=heaviside).output[:, 0])
      [0. 1. 1. 0.]

    Reference: section 7.2.4; Minsky and Papert (1969).
    """
    one_of("neural.gate", "kind", kind, tuple(_GATES))
    return [(jnp.array(weights, float), jnp.array(bias, float)) for weights, bias in _GATES[kind]]
