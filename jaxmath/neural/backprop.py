"""The forward pass and the backward pass, written out."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, narrow, product
from jaxmath.calculus import sigmoid
from jaxmath.neural.parameters import Activation, Layer, Params, activate, affine, read


class Forward(NamedTuple):
    """What a forward pass stores.

    Attributes:
      output: the activations of the last layer.
      activations: those of every layer, in order, the output too; without the data.
    """

    output: Float[Array, "n m"]
    activations: tuple[Float[Array, "n _"], ...]


class Backward(NamedTuple):
    """What a backward pass finds.

    Attributes:
      loss: half the squared distance of outputs and targets, the mean over the rows.
      gradients: the derivatives of the loss with respect to the parameters, in their form: a list of (weights, bias).
    """

    loss: Float[Array, ""]
    gradients: list[Layer]


def forward(params: Params, x: Num[ArrayLike, "n d"], *, activation: Activation = sigmoid) -> Forward:
    r"""Runs a network in which every layer is activated, the last too, and keeps what each puts out.

    $$a_0 = X, \qquad z_l = a_{l-1} W_l^T + b_l, \qquad a_l = f(z_l)$$

    Args:
      params: a list of (weights, bias), one a layer, shapes ``(m, d)`` and ``(m,)``; the m of one is the d of the next.
      x: rows of data X, shape ``(n, d)``.
      activation: f, a function that keeps the shape, most often entry by entry; None for none.

    Returns:
      The output $a_L$ and all activations $a_1, \dots, a_L$, in the widest type of the arguments.

    Raises:
      As :func:`jaxmath.neural.mlp` does.

    Note:
      A NaN in a row of x makes that row NaN in every layer and no other.

    Example:
      >>> params = [(jnp.array([[1.0]]), jnp.array([0.0])), (jnp.array([[2.0]]), jnp.array([-1.0]))]
      >>> print([a.item() for a in forward(params, jnp.array([[0.0]])).activations])
      [0.5, 0.5]

    Reference: section 8.4.
    """
    name = "neural.forward"
    a, layers, dtype = read(name, params, x)
    activations = []
    for layer in layers:
        a = activate(name, activation, affine(a, layer))
        activations.append(a.astype(dtype))
    return Forward(activations[-1], tuple(activations))


def backward(
    params: Params, x: Num[ArrayLike, "n d"], y: Num[ArrayLike, "n m"], *, activation: Activation = sigmoid
) -> Backward:
    r"""The gradient of the loss with respect to all parameters, by hand: deltas from the last layer to the first.

    For the network of :func:`forward` and $L = \frac{1}{2 n} \sum_i \| a_{L,i} - y_i \|^2$ let $\delta_l$ be the
    derivative of the loss with respect to $z_l$. The chain rule gives

    $$\delta_L = \tfrac{1}{n} (a_L - y) \odot f'(z_L), \qquad \delta_l = (\delta_{l+1} W_{l+1}) \odot f'(z_l),$$

    $$\frac{\partial L}{\partial W_l} = \delta_l^T a_{l-1}, \qquad
    \frac{\partial L}{\partial b_l} = \sum_i \delta_{l,i}.$$

    Of an activation that is a function of the whole row, as softmax is, the derivative is a matrix, and multiplies.

    Args:
      params: as for :func:`forward`.
      x: rows of data X, shape ``(n, d)``.
      y: targets, one row for each, shape ``(n, m)``.
      activation: f, a differentiable function that keeps the shape, most often entry by entry; None for none.

    Returns:
      The loss and its gradients, a list of (weights, bias) as ``params``, in the widest type of parameters and data.

    Raises:
      TypeError: as :func:`forward` does.
      ValueError: as :func:`forward` does, and if y is not of the shape of the output.

    Note:
      A NaN in x or y makes the loss NaN, and with it all gradients that it reaches. The derivative of a step is 0: with
      ``heaviside`` nothing can be learnt this way.

    Example:
      >>> params = [(jnp.array([[1.0]]), jnp.array([0.0]))]
      >>> loss, [(by_weight, by_bias)] = backward(params, jnp.array([[3.0]]), jnp.array([[1.0]]), activation=None)
      >>> print(loss, by_weight, by_bias)
      2.0 [[6.]] [2.]

    Reference: section 8.4; Rumelhart, Hinton and Williams (1986).
    """
    name = "neural.backward"
    x, y, layers, dtype = examples(name, params, x, y)
    return narrow(Backward(*passes(name, layers, x, y, activation)), dtype)


def examples(name: str, params: Any, x: Any, y: Any) -> tuple[Array, Array, list[Layer], jnp.dtype]:
    """Data, targets and layers in the type in which they are computed; and the type of the results."""
    x, layers, dtype = read(name, params, x)
    y, shape = as_float(name, y), (len(x), len(layers[-1][1]))
    if y.shape != shape:
        raise ValueError(f"{name}: expected targets of the shape of the output, {shape}, got {y.shape}")
    return x, y.astype(x.dtype), layers, dtype


def passes(name: str, layers: list[Layer], x: Array, y: Array, activation: Activation) -> tuple[Array, list[Layer]]:
    """Loss and gradients of :func:`backward`."""
    inputs, derivatives, a = [], [], x
    for layer in layers:
        inputs.append(a)
        a, times_derivative = jax.vjp(partial(activate, name, activation), affine(a, layer))
        derivatives.append(times_derivative)
    (loss, back), gradients = _half_squared_error(a, y), []
    for (weights, _), a, times_derivative in reversed(list(zip(layers, inputs, derivatives, strict=True))):
        (delta,) = times_derivative(back)
        back, gradient = _back_through(weights, a, delta)
        gradients.append(gradient)
    return loss, gradients[::-1]


@jax.jit
def _half_squared_error(outputs: Array, y: Array) -> tuple[Array, Array]:
    """The loss and its derivative with respect to the outputs."""
    miss = outputs - y
    return jnp.mean(jnp.sum(miss**2, axis=1)) / 2, miss / len(y)


@jax.jit
def _back_through(weights: Array, inputs: Array, delta: Array) -> tuple[Array, Layer]:
    """The derivatives of the loss with respect to the inputs of an affine layer, and to its parameters."""
    return product(delta, weights), (product(delta.T, inputs), delta.sum(axis=0))
