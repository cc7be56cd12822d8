"""Layers of perceptrons, one after the other."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, as_key, as_size, one_of
from jaxmath.neural.activations import heaviside
from jaxmath.neural.parameters import (
    Activation,
    Layer,
    Params,
    activate,
    activate_columns,
    affine,
    affine_of_columns,
    read,
)


def dense(
    x: Num[ArrayLike, "n d"],
    weights: Num[ArrayLike, "m d"],
    bias: Num[ArrayLike, " m"],
    activation: Activation = None,
) -> Float[Array, "n m"]:
    r"""A fully connected layer: $f(X W^T + b)$, every output from every input.

    Args:
      x: rows of data X, shape ``(n, d)``.
      weights: W, one row for each output, shape ``(m, d)``.
      bias: b, shape ``(m,)``.
      activation: f, a function that works entry by entry, such as :func:`heaviside`; None for none.

    Returns:
      The outputs, shape ``(n, m)``, in the widest type of the arguments.

    Raises:
      TypeError: for complex or non-numeric input, or an activation that is no function.
      ValueError: if the shapes do not fit, the data is empty, or the activation changes the shape.

    Note:
      A NaN in a row of x makes that row of the outputs NaN and no other.

    Example:
      >>> x = jnp.array([[1.0, 2.0], [3.0, -1.0]])
      >>> print(dense(x, jnp.array([[1.0, 1.0], [0.0, 2.0], [1.0, 0.0]]), jnp.array([0.0, 0.5, -1.0])))
      [[ 3.   4.5  0. ]
       [ 2.  -1.5  2. ]]

    Reference: section 7.2.3.
    """
    name = "neural.dense"
    x, (layer,), dtype = read(name, [(weights, bias)], x)
    return activate(name, activation, affine(x, layer)).astype(dtype)


def perceptron(
    x: Num[ArrayLike, "n d"],
    weights: Num[ArrayLike, "m d"] | Num[ArrayLike, " d"],
    bias: Num[ArrayLike, " m"] | Num[ArrayLike, ""],
) -> Float[Array, "n m"] | Float[Array, " n"]:
    r"""Perceptrons: 1 for the rows on one side of a hyperplane, where $w \cdot x + b \ge 0$, and 0 for the others.

    Args:
      x: rows of data, shape ``(n, d)``.
      weights: a normal w of a hyperplane for each perceptron, shape ``(m, d)``; or of a single one, shape ``(d,)``.
      bias: b, shape ``(m,)``; or of a single perceptron, a number.

    Returns:
      Zeros and ones, shape ``(n, m)``; for a single perceptron ``(n,)``.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the shapes do not fit, or the data is empty.

    Note:
      A NaN in a row of x makes that row of the outputs NaN and no other.

    Example:
      >>> print(perceptron(jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]]), jnp.array([1.0, 1.0]), -1.5))
      [0. 0. 0. 1.]

    Reference: section 7.2.3; Rosenblatt (1958).
    """
    name = "neural.perceptron"
    weights, bias = as_float(name, weights), as_float(name, bias)
    single = weights.ndim == 1 and bias.ndim == 0
    x, (layer,), dtype = read(name, [(weights[None], bias[None]) if single else (weights, bias)], x)
    y = heaviside(affine(x, layer)).astype(dtype)
    return y.ravel() if single else y


def init_mlp(key: Array, sizes: Sequence[int], *, scheme: str = "xavier") -> list[Layer]:
    r"""Random weights, uniform on $(-l, l)$, and biases of 0 for a multi-layer perceptron.

    The limit keeps the size of what passes through a layer of d inputs and m outputs. Xavier's
    $l = \sqrt{6 / (d + m)}$, a variance of $2 / (d + m)$, is a compromise between the forward pass and the backward
    pass where the activation is near the identity at 0, such as tanh; He's $l = \sqrt{6 / d}$, a variance of $2 / d$,
    makes up for the half that a ReLU cuts off.

    Args:
      key: a ``jax.random.key``.
      sizes: the numbers of inputs, of neurons in each hidden layer, and of outputs; static.
      scheme: ``"xavier"`` or ``"he"``.

    Returns:
      A list of (weights, bias), one a layer, shapes ``(m, d)`` and ``(m,)``, in the default float.

    Raises:
      TypeError: if a size is no integer, or traced.
      ValueError: if there are fewer than two sizes, one is below 1, or the scheme is unknown.

    Example:
      >>> [weights.shape for weights, bias in init_mlp(jax.random.key(0), [3, 10, 5, 1])]
      [(10, 3), (5, 10), (1, 5)]

    Reference: Glorot and Bengio (2010); He et al. (2015).
    """
    name = "neural.init_mlp"
    one_of(name, "scheme", scheme, ("xavier", "he"))
    if len(sizes) < 2:
        raise ValueError(f"{name}: expected sizes of inputs and outputs at least, got {list(sizes)}")
    sizes = [as_size(name, f"sizes[{i}]", size) for i, size in enumerate(sizes)]
    keys = jax.random.split(as_key(name, key), len(sizes) - 1)
    layers = []
    for layer_key, d, m in zip(keys, sizes[:-1], sizes[1:], strict=True):
        limit = math.sqrt(6 / (d + m if scheme == "xavier" else d))
        layers.append((jax.random.uniform(layer_key, (m, d), minval=-limit, maxval=limit), jnp.zeros(m)))
    return layers


def mlp(
    params: Params, x: Num[ArrayLike, "n d"], *, activation: Activation, output_activation: Activation = None
) -> Float[Array, "n m"]:
    r"""A multi-layer perceptron: $W_L f(\cdots f(W_1 x + b_1) \cdots) + b_L$, the last layer linear by default.

    Args:
      params: a list of (weights, bias), one a layer, shapes ``(m, d)`` and ``(m,)``; the m of one is the d of the next.
      x: rows of data, shape ``(n, d)``.
      activation: f of the hidden layers, a function that works entry by entry, or row by row; None for none.
      output_activation: the function of the last layer; None for none.

    Returns:
      The outputs, shape ``(n, m)``, in the widest type of the arguments.

    Raises:
      TypeError: for complex or non-numeric input, an activation that is no function, or ``params`` that is no list of
        pairs.
      ValueError: if the shapes do not fit, the data is empty, or an activation changes the shape.

    Note:
      A NaN in a row of x makes that row of the outputs NaN and no other.

    Example:
      >>> xor = [(jnp.array([[1.0, -1.0], [-1.0, 1.0]]), jnp.array([-0.5, -0.5])), (jnp.ones((1, 2)), jnp.zeros(1))]
      >>> print(mlp(xor, jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]]), activation=heaviside)[:, 0])
      [0. 1. 1. 0.]

    Reference: section 7.2.3.
    """
    name = "neural.mlp"
    x, layers, dtype = read(name, params, x)
    # one column for each row of data: narrow layers are some five times as fast so, and not by a view of the rows
    a = jax.lax.optimization_barrier(x.T)
    for layer in layers[:-1]:
        a = activate_columns(name, activation, affine_of_columns(layer, a))
    return activate(name, output_activation, affine_of_columns(layers[-1], a).T).astype(dtype)
