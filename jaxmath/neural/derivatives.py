"""Further derivatives of the networks of :func:`jaxmath.neural.forward`."""

import jax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import narrow
from jaxmath.calculus import sigmoid
from jaxmath.neural.backprop import examples, passes
from jaxmath.neural.parameters import Activation, Layer, Params, activate, affine, check_rows, read


def per_example_gradients(
    params: Params, x: Num[ArrayLike, "n d"], y: Num[ArrayLike, "n m"], *, activation: Activation = sigmoid
) -> list[tuple[Float[Array, "n _ _"], Float[Array, "n _"]]]:
    r"""The gradient of each example's own loss $\frac{1}{2} \| a_{L,i} - y_i \|^2$, all examples at once.

    Their mean over the rows is the gradient of :func:`jaxmath.neural.backward`.

    Args:
      params: as for :func:`jaxmath.neural.forward`.
      x: rows of data, shape ``(n, d)``.
      y: targets, shape ``(n, m)``.
      activation: a differentiable function that works entry by entry, or row by row; None for none.

    Returns:
      A list of (weights, bias) as ``params``, every array with a first axis of length n.

    Raises:
      TypeError: as :func:`jaxmath.neural.backward` does.
      ValueError: as :func:`jaxmath.neural.backward` does, and if rows depend on each other in the activation.

    Note:
      A NaN in an example stays in the gradients of that example.

    Example:
      >>> params = [(jnp.array([[1.0]]), jnp.array([0.0]))]
      >>> x, y = jnp.array([[3.0], [1.0]]), jnp.array([[1.0], [2.0]])
      >>> print(per_example_gradients(params, x, y, activation=None)[0][0].ravel())
      [ 6. -1.]

    Reference: section 8.4.
    """
    name = "neural.per_example_gradients"
    x, y, layers, dtype = examples(name, params, x, y)
    check_rows(name, activation, layers, len(x))
    one = jax.vmap(lambda row, target: passes(name, layers, row[None], target[None], activation)[1])
    return narrow(one(x, y), dtype)


def jacobian(params: Params, x: Num[ArrayLike, "n d"], *, activation: Activation = sigmoid) -> Float[Array, "n m d"]:
    r"""How the outputs change with the inputs: $\partial a_{L,ij} / \partial x_{ik}$ for every row i.

    Args:
      params: as for :func:`jaxmath.neural.forward`.
      x: rows of data, shape ``(n, d)``.
      activation: a differentiable function that works entry by entry, or row by row; None for none.

    Returns:
      A matrix for each row, shape ``(n, m, d)``, in forward mode or in reverse mode, whichever takes fewer passes.

    Raises:
      TypeError: as :func:`jaxmath.neural.forward` does.
      ValueError: as :func:`jaxmath.neural.forward` does, and if rows depend on each other in the activation.

    Note:
      A NaN in a row of x stays in the matrix of that row.

    Example:
      >>> print(jacobian([(jnp.array([[1.0, 2.0]]), jnp.zeros(1))], jnp.array([[3.0, 4.0]]), activation=None))
      [[[1. 2.]]]

    Reference: section 8.4.
    """
    name = "neural.jacobian"
    x, layers, dtype = read(name, params, x)
    check_rows(name, activation, layers, len(x))

    def output(row: Array) -> Array:
        a = row[None]
        for layer in layers:
            a = activate(name, activation, affine(a, layer))
        return a.ravel()

    mode = jax.jacfwd if x.shape[1] <= len(layers[-1][1]) else jax.jacrev
    return jax.vmap(mode(output))(x).astype(dtype)


def hessian_vector_product(
    params: Params,
    x: Num[ArrayLike, "n d"],
    y: Num[ArrayLike, "n m"],
    vector: Params,
    *,
    activation: Activation = sigmoid,
) -> list[Layer]:
    r"""The second derivative of the loss along a direction v: $H v = \frac{d}{dt} \nabla L(\theta + t v)$ at $t = 0$.

    One derivative of :func:`jaxmath.neural.backward`; the matrix H, as wide as there are parameters, is never built.

    Args:
      params: $\theta$, as for :func:`jaxmath.neural.forward`.
      x: rows of data, shape ``(n, d)``.
      y: targets, shape ``(n, m)``.
      vector: v, a list of (weights, bias) of the same shapes as ``params``.
      activation: a twice differentiable function that keeps the shape; None for none.

    Returns:
      A list of (weights, bias) as ``params``.

    Raises:
      TypeError: as :func:`jaxmath.neural.backward` does.
      ValueError: as :func:`jaxmath.neural.backward` does, and if the shapes of the vector are not those of ``params``.

    Note:
      A NaN in any argument makes the numbers NaN that depend on it.

    Example:
      >>> one = [(jnp.array([[1.0]]), jnp.array([0.0]))]
      >>> print(hessian_vector_product(one, jnp.array([[3.0]]), jnp.array([[1.0]]), one, activation=None)[0][0])
      [[9.]]

    Reference: section 8.4; Pearlmutter (1994).
    """
    name = "neural.hessian_vector_product"
    x, y, layers, dtype = examples(name, params, x, y)
    direction = jax.tree.map(lambda a: a.astype(x.dtype), read(f"{name}: vector", vector, x)[1])
    shapes, wanted = ([[a.shape for a in layer] for layer in tree] for tree in (direction, layers))
    if shapes != wanted:
        raise ValueError(f"{name}: expected a vector of the shapes of the parameters, {wanted}, got {shapes}")
    return narrow(jax.jvp(lambda p: passes(name, p, x, y, activation)[1], (layers,), (direction,))[1], dtype)
