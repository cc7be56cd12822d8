"""The parameters of a network, and what every function of them does first."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, as_matrix, product
from jaxmath._elementwise import separate_axes

Activation = Callable[[Any], Any] | None
Layer = tuple[Float[Array, "_ _"], Float[Array, " _"]]
Params = Sequence[tuple[Num[ArrayLike, "_ _"], Num[ArrayLike, " _"]]]


def read(name: str, params: Any, x: Any) -> tuple[Float[Array, "n d"], list[Layer], jnp.dtype]:
    """Rows and layers in one type of float32 or wider, in which they are computed; and the type of the results."""
    x = as_matrix(name, x)
    if not _pairs(params):
        raise TypeError(f"{name}: expected a list of (weights, bias), one a layer, got {type(params).__name__}")
    layers, columns = [], x.shape[1]
    for i, (weights, bias) in enumerate(params):
        place = f"{name}: layer {i}" if len(params) > 1 else name
        weights, bias = as_float(place, weights), as_float(place, bias)
        if weights.shape[1:] != (columns,) or bias.shape != weights.shape[:1] or 0 in weights.shape:
            got = f"{weights.shape} and {bias.shape}"
            raise ValueError(f"{place}: expected weights (m, {columns}) and bias (m,), got {got}")
        layers.append((weights, bias))
        columns = len(weights)
    dtype = jnp.result_type(x, *jax.tree.leaves(layers))
    computed = jnp.promote_types(dtype, jnp.float32)
    return x.astype(computed), [(weights.astype(computed), bias.astype(computed)) for weights, bias in layers], dtype


@jax.jit
def affine(x: Float[Array, "n d"], layer: Layer) -> Float[Array, "n m"]:
    """X W^T + b."""
    weights, bias = layer
    return product(x, weights.T) + bias


@jax.jit
def affine_of_columns(layer: Layer, x: Float[Array, "d n"]) -> Float[Array, "m n"]:
    """W X + b, with b as b 1^T: its gradient is then a product too, on a CPU faster than sums of long rows."""
    weights, bias = layer
    return product(weights, x) + product(bias[:, None], jnp.ones((1, x.shape[1]), x.dtype))


def activate(name: str, activation: Activation, n: Float[Array, "..."]) -> Float[Array, "..."]:
    """The activation of n, in its type; n itself for None."""
    if activation is None:
        return n
    if not callable(activation):
        raise TypeError(f"{name}: expected a function or None for the activation, got {activation!r}")
    a = activation(n)
    if jnp.shape(a) != n.shape:
        raise ValueError(f"{name}: expected an elementwise activation, got shape {jnp.shape(a)} from shape {n.shape}")
    return jnp.asarray(a, n.dtype)


def activate_columns(name: str, activation: Activation, n: Float[Array, "m n"]) -> Float[Array, "m n"]:
    """As :func:`activate` of rows, here columns; an elementwise function needs no turning, which costs time."""
    if activation is None or not callable(activation) or separate_axes(activation, n) == [0, 1]:
        return activate(name, activation, n)
    return activate(name, activation, n.T).T


def check_rows(name: str, activation: Activation, layers: Sequence[Layer], num_rows: int) -> None:
    """ValueError if the rows that an activation returns depend on each other."""
    if activation is None or not callable(activation):
        return
    for weights, _ in layers:
        separate = separate_axes(activation, jax.ShapeDtypeStruct((num_rows, len(weights)), weights.dtype))
        if separate is not None and 0 not in separate:
            wanted = "an elementwise activation, or a function of each row"
            raise ValueError(f"{name}: expected {wanted}, got one in which rows depend on each other")


def _pairs(params: Any) -> bool:
    kinds = (list, tuple)
    return isinstance(params, kinds) and len(params) > 0 and all(isinstance(p, kinds) and len(p) == 2 for p in params)
