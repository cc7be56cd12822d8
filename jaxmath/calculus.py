"""Functions of one and several variables, their derivatives, and the chain rule."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, as_matrix, as_scalar, product
from jaxmath._elementwise import check, with_derivative

Function = Callable[[Any], Any]


class Chain(NamedTuple):
    r"""A chain of k functions at $x$: $u_0 = x$, $u_i = f_i(u_{i-1})$.

    Attributes:
      values: $u_1, \dots, u_k$, what the forward pass computes.
      local_derivatives: $f_i'(u_{i-1})$, one for each function.
      derivative: $\frac{d u_k}{d x} = \prod_i f_i'(u_{i-1})$.
    """

    values: Float[Array, "k ..."]
    local_derivatives: Float[Array, "k ..."]
    derivative: Float[Array, "..."]


class Gradients(NamedTuple):
    r"""A function of several inputs and the gradient of $L$, the sum of its values, with respect to each of them.

    Attributes:
      values: what the function returns.
      gradients: $\partial L / \partial x_i$, of the shape of $x_i$, one for each input.
    """

    values: Float[Array, "..."]
    gradients: tuple[Float[Array, "..."], ...]


class MatrixChain(NamedTuple):
    r"""The forward and backward pass of $L = \sum_{ij} f(X W)_{ij}$.

    Attributes:
      product: $N = X W$.
      values: $f(N)$.
      gradient_x: $\partial L / \partial X = f'(N) W^T$.
      gradient_w: $\partial L / \partial W = X^T f'(N)$.
    """

    product: Float[Array, "n k"]
    values: Float[Array, "n k"]
    gradient_x: Float[Array, "n d"]
    gradient_w: Float[Array, "d k"]


def square(x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    """$x^2$, entry by entry.

    Args:
      x: numbers, of any shape.

    Returns:
      Their squares.

    Raises:
      TypeError: for complex or non-numeric input.

    Note:
      NaN gives NaN.

    Example:
      >>> print(square(jnp.array([-2.0, 3.0])))
      [4. 9.]

    Reference: notes C, "functions".
    """
    x = as_float("calculus.square", x)
    return x * x


def relu(x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$\max(x, 0)$, entry by entry; its derivative at 0 is 0.

    Args:
      x: numbers, of any shape.

    Returns:
      The positive ones, and 0 for the others.

    Raises:
      TypeError: for complex or non-numeric input.

    Note:
      NaN gives NaN.

    Example:
      >>> print(relu(jnp.array([-2.0, 3.0])))
      [0. 3.]

    Reference: notes C, "functions".
    """
    x = as_float("calculus.relu", x)
    return jnp.where(x <= 0, 0, x)


def leaky_relu(x: Num[ArrayLike, "..."], slope: Num[ArrayLike, ""] = 0.2) -> Float[Array, "..."]:
    r"""$x$ where it is positive and $\text{slope} \cdot x$ elsewhere; its derivative at 0 is the slope.

    Args:
      x: numbers, of any shape.
      slope: the derivative at negative numbers.

    Returns:
      An array of the shape of ``x``.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the slope is not one number.

    Note:
      NaN gives NaN.

    Example:
      >>> print(leaky_relu(jnp.array([-2.0, 3.0]), slope=0.5))
      [-1.  3.]

    Reference: notes C, "functions".
    """
    x = as_float("calculus.leaky_relu", x)
    return _leaky_relu(x, as_scalar("calculus.leaky_relu", "slope", slope))


def sigmoid(x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$\sigma(x) = \frac{1}{1 + e^{-x}}$, entry by entry.

    Args:
      x: numbers, of any shape.

    Returns:
      Numbers between 0 and 1.

    Raises:
      TypeError: for complex or non-numeric input.

    Note:
      No size of x overflows. NaN gives NaN.

    Example:
      >>> print(sigmoid(0.0))
      0.5

    Reference: notes C, "the chain rule".
    """
    return jax.nn.sigmoid(as_float("calculus.sigmoid", x))


def derivative(f: Function, x: Num[ArrayLike, "..."], *, delta: Num[ArrayLike, ""] = 1e-3) -> Float[Array, "..."]:
    r"""The derivative of an elementwise function by central differences.

    $$f'(x) \approx \frac{f(x + \delta) - f(x - \delta)}{2 \delta}$$

    Args:
      f: a function that works entry by entry.
      x: where, of any shape.
      delta: the step $\delta$.

    Returns:
      The quotient at every entry of ``x``. It differs from the derivative by $\frac{\delta^2}{6} f'''$, and by
      rounding of about $\epsilon |f| / \delta$: in float32 and with the default step three digits remain.

    Raises:
      TypeError: if f cannot be called; for complex or non-numeric input.
      ValueError: if f changes the shape or is not elementwise, or delta is not one number.

    Note:
      A NaN in x, and a step of 0, give NaN. As for :func:`chain_rule`, the derivative of f shows whether it is
      elementwise; if JAX cannot differentiate f then its values do, and under ``jit`` f is taken at its word.

    Example:
      >>> print(derivative(square, 3.0, delta=0.5))
      6.0

    Reference: notes C, "derivatives".
    """
    name = "calculus.derivative"
    x = as_float(name, x)
    delta = as_scalar(name, "delta", delta).astype(x.dtype)
    ahead, behind = _elementwise(name, f, x + delta), _elementwise(name, f, x - delta)
    check(name, f, (x + delta, x - delta), (ahead, behind))
    return (ahead - behind) / (2 * delta)


def compose(*functions: Function) -> Function:
    r"""The chain of functions, applied from left to right: ``compose(f, g)(x)`` is ``g(f(x))``.

    Args:
      *functions: any number of functions of one argument; none at all compose to the identity.

    Returns:
      The function $x \mapsto f_k(\dots f_2(f_1(x)))$.

    Raises:
      TypeError: if one of them cannot be called.

    Example:
      >>> print(compose(square, sigmoid)(jnp.array(0.0)))
      0.5

    Reference: notes C, "nested functions".
    """
    _check_functions("calculus.compose", functions)

    def composed(x: Any) -> Any:
        for f in functions:
            x = f(x)
        return x

    return composed


def chain_rule(functions: Sequence[Function], x: Num[ArrayLike, "..."]) -> Chain:
    r"""The derivative of a chain of elementwise functions: one forward pass, one product of local derivatives.

    With $u_0 = x$ and $u_i = f_i(u_{i-1})$,

    $$\frac{d u_k}{d x} = f_k'(u_{k-1}) \cdots f_2'(u_1) f_1'(u_0).$$

    Args:
      functions: $f_1, \dots, f_k$, applied from left to right; each works entry by entry.
      x: where, of any shape.

    Returns:
      Values and local derivatives, stacked along a first axis of length k, and the derivative of the whole chain.

    Raises:
      TypeError: if a function cannot be called; for complex or non-numeric input.
      ValueError: if there is no function, or one changes the shape or is not elementwise.

    Note:
      A NaN in x makes its entry NaN and no other. Whether entries depend on each other, as those of softmax or
      ``x / x.sum()`` do, is seen in how the derivative is computed, not in numbers: where its entries are brought
      together and taken apart again, f is refused even if they do not depend on each other in the end.

    Example:
      >>> chain = chain_rule([square, square], 2.0)
      >>> print(chain.values, chain.local_derivatives, chain.derivative)
      [ 4. 16.] [4. 8.] 32.0

    Reference: notes C, "the chain rule".
    """
    name = "calculus.chain_rule"
    if not functions:
        raise ValueError(f"{name}: expected at least one function, got none")
    value = as_float(name, x)
    values, slopes = [], []
    for f in functions:
        value, slope = with_derivative(name, partial(_elementwise, name, f), value)
        values.append(value)
        slopes.append(slope)
    local_derivatives = jnp.stack(slopes)
    return Chain(jnp.stack(values), local_derivatives, local_derivatives.prod(axis=0))


def gradients(f: Callable[..., Any], *inputs: Num[ArrayLike, "..."]) -> Gradients:
    r"""A function of several inputs and its gradient with respect to each, by one forward and one backward pass.

    Where f returns more than one number, the gradients are those of their sum $L$.

    Args:
      f: a differentiable function of the inputs that returns one array.
      *inputs: numbers, vectors or matrices.

    Returns:
      The values of f, and $\partial L / \partial x_i$ for every input.

    Raises:
      TypeError: if f cannot be called; for complex or non-numeric inputs.
      ValueError: if there is no input.

    Note:
      NaN goes where f and its derivatives carry it.

    Example:
      >>> values, (by_x, by_y) = gradients(lambda x, y: x * y, 2.0, 5.0)
      >>> print(values, by_x, by_y)
      10.0 5.0 2.0

    Reference: notes C, "functions of several inputs"; section 3.3 for gradients.
    """
    name = "calculus.gradients"
    _check_functions(name, [f])
    if not inputs:
        raise ValueError(f"{name}: expected at least one input, got none")
    values, backward = jax.vjp(f, *(as_float(name, x) for x in inputs))
    return Gradients(values, backward(jnp.ones_like(values)))


def matrix_chain(f: Function, x: Num[ArrayLike, "n d"], w: Num[ArrayLike, "d k"]) -> MatrixChain:
    r"""A matrix product, an elementwise function and a sum, with the gradients written out.

    For $N = X W$ and $L = \sum_{ij} f(N)_{ij}$ the chain rule reads

    $$\frac{\partial L}{\partial X} = f'(N) W^T, \qquad \frac{\partial L}{\partial W} = X^T f'(N).$$

    Args:
      f: a function that works entry by entry, such as :func:`sigmoid`.
      x: rows of data, shape ``(n, d)``.
      w: weights, shape ``(d, k)``.

    Returns:
      The product, the values, and the gradients of their sum.

    Raises:
      TypeError: if f cannot be called; for complex or non-numeric matrices.
      ValueError: if one of them is no matrix, the shapes do not match, or f changes the shape or is not elementwise
        (see :func:`chain_rule`).

    Note:
      A NaN in a row of x makes that row of values NaN, and ``gradient_w``.

    Example:
      >>> print(matrix_chain(square, jnp.array([[1.0, 2.0]]), jnp.array([[3.0], [1.0]])).gradient_w)
      [[10.]
       [20.]]

    Reference: notes C, "functions of matrices".
    """
    name = "calculus.matrix_chain"
    x, w = as_matrix(name, x), as_matrix(name, w)
    if x.shape[1] != w.shape[0]:
        raise ValueError(f"{name}: expected shapes (n, d) and (d, k), got {x.shape} and {w.shape}")
    n = product(x, w)
    values, slopes = with_derivative(name, partial(_elementwise, name, f), n)
    return MatrixChain(n, values, product(slopes, w.T), product(x.T, slopes))


def gradient_field(f: Callable[..., Any], *axes: Num[ArrayLike, " _"]) -> Float[Array, "k ..."]:
    r"""The gradient of a function of k numbers at every point of a grid.

    Args:
      f: a differentiable function of k numbers that returns one number.
      *axes: the coordinates $a^{(1)}, \dots, a^{(k)}$ that span the grid, shapes ``(n_1,)``, ..., ``(n_k,)``.

    Returns:
      $\partial f / \partial x_j$ at $(a^{(1)}_{i_1}, \dots, a^{(k)}_{i_k})$ as entry $(j, i_1, \dots, i_k)$: shape
      ``(k, n_1, ..., n_k)``.

    Raises:
      TypeError: if f cannot be called or returns more than one number; for complex or non-numeric axes.
      ValueError: if there is no axis, or one is not of shape ``(n,)``.

    Note:
      A NaN in an axis makes the points at that coordinate NaN where f depends on it.

    Example:
      >>> field = gradient_field(lambda x, y: x * y, jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0, 5.0]))
      >>> print(field[0])
      [[3. 4. 5.]
       [3. 4. 5.]]

    Reference: document B, the surface sin x sin y; section 3.3.
    """
    name = "calculus.gradient_field"
    _check_functions(name, [f])
    if not axes:
        raise ValueError(f"{name}: expected at least one axis, got none")
    coordinates = [as_float(name, axis) for axis in axes]
    for axis in coordinates:
        if axis.ndim != 1:
            raise ValueError(f"{name}: expected axes of shape (n,), got {axis.shape}")
    grid = jnp.meshgrid(*coordinates, indexing="ij")
    at_point = jax.grad(f, argnums=tuple(range(len(axes))))
    for _ in axes:
        at_point = jax.vmap(at_point)
    return jnp.stack(at_point(*grid))


@jax.jit
def _leaky_relu(x: Array, slope: Array) -> Array:
    return jnp.where(x <= 0, slope.astype(x.dtype) * x, x)


def _check_functions(name: str, functions: Sequence[Function]) -> None:
    for f in functions:
        if not callable(f):
            raise TypeError(f"{name}: expected a function, got {f!r}")


def _elementwise(name: str, f: Function, x: Array) -> Array:
    _check_functions(name, [f])
    y = f(x)
    if jnp.shape(y) != x.shape:
        raise ValueError(f"{name}: expected an elementwise function, got shape {jnp.shape(y)} from shape {x.shape}")
    return jnp.asarray(y)
