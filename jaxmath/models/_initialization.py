"""Parameters that are described while a model is built and drawn at its end, all in one program.

Drawn one by one they would be a program each, or one with hundreds of random generators: a minute of compiling for a
deep model. Here the numbers of one distribution come from one call of the generator and are cut into pieces.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array

_PART = 2**16
Initializer = Callable[[Any, Sequence[int], Any], Any]


@dataclasses.dataclass(frozen=True)
class Undrawn:
    """An array that is still to be drawn: ``scale`` times a number of the distribution in each place."""

    shape: tuple[int, ...]
    dtype: Any
    distribution: str
    scale: float


class Later(nnx.Rngs):
    """In the place of generators, for a part of a model whose parameters the whole model draws."""

    def params(self) -> None:
        return None


def constant(value: float) -> Initializer:
    """The same number everywhere."""
    return lambda key, shape, dtype: Undrawn(tuple(shape), dtype, "ones", value)


def normal(deviation: float) -> Initializer:
    """Normal numbers of mean 0 with this standard deviation."""
    return lambda key, shape, dtype: Undrawn(tuple(shape), dtype, "normal", deviation)


def uniform(limit: float) -> Initializer:
    """Uniform numbers between -limit and limit."""
    return lambda key, shape, dtype: Undrawn(tuple(shape), dtype, "uniform", limit)


def he_normal(key: Any, shape: Sequence[int], dtype: Any) -> Undrawn:
    """Normal numbers of variance 2 / (outputs times window), of He et al. (2015) for the backward pass."""
    fan_out = math.prod(shape[:-2]) * shape[-1]
    return normal(math.sqrt(2 / fan_out))(key, shape, dtype)


def as_rngs(name: str, rngs: Any) -> nnx.Rngs:
    """TypeError unless these are generators of Flax NNX."""
    if not isinstance(rngs, nnx.Rngs):
        raise TypeError(f"{name}: rngs must be nnx.Rngs, such as nnx.Rngs(0), got {type(rngs).__name__}")
    return rngs


def draw(model: nnx.Module, rngs: nnx.Rngs) -> None:
    """Draws every variable of a model that is still undrawn, in one program."""
    rngs = as_rngs(f"models.{type(model).__name__}", rngs)
    if isinstance(rngs, Later):
        return
    undrawn = [(path, v) for path, v in nnx.to_flat_state(nnx.state(model)) if isinstance(v.get_value(), Undrawn)]
    values = _drawn(rngs.params(), tuple(v.get_value() for _, v in undrawn))
    new = [(path, v.replace(value)) for (path, v), value in zip(undrawn, values, strict=True)]
    nnx.update(model, nnx.from_flat_state(new))


@partial(jax.jit, static_argnums=1)
def _drawn(key: Array, undrawn: tuple[Undrawn, ...]) -> list[Array]:
    """The arrays: those of one distribution are cut from one long row of numbers."""
    dtype = jnp.result_type(jnp.float32, *(each.dtype for each in undrawn))
    samples = {"normal": jax.random.normal, "uniform": partial(jax.random.uniform, minval=-1.0)}
    rows = {}
    for (name, sample), part in zip(samples.items(), jax.random.split(key), strict=True):
        sizes = [math.prod(each.shape) for each in undrawn if each.distribution == name]
        pieces = jnp.split(_row(part, sum(sizes), sample, dtype), list(accumulate(sizes))[:-1]) if sizes else []
        rows[name] = iter(pieces)
    values = []
    for each in undrawn:
        numbers = next(rows[each.distribution]) if each.distribution in rows else jnp.ones(math.prod(each.shape), dtype)
        values.append((each.scale * numbers.reshape(each.shape)).astype(each.dtype))
    return values


def _row(key: Array, size: int, sample: Callable[..., Array], dtype: Any) -> Array:
    """Independent numbers, made part by part: the memory for it stays small, and in the cache of a CPU."""
    num_parts = -(-size // _PART)
    numbers = jax.lax.map(lambda key: sample(key, (_PART,), dtype), jax.random.split(key, num_parts))
    return numbers.reshape(-1)[:size]
