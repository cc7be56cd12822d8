"""Epochs of a source of data: arrays on the device, or batches that a function makes."""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmath._array import as_size, same_rows
from jaxmath.data.feeding import as_arrays, epoch_order
from jaxmath.train.checks import check_arrays
from jaxmath.train.evaluation import in_batches, label_problem, measure, of_batch, pair_of, rows_of
from jaxmath.train.state import State, classification, compile, keys, step

# Between two looks at the numbers pass about so many seconds.
_LOOK_EVERY = 0.3
_ROWS = 500  # of a validation are looked at at a time
_traced_once = jax.jit(step, inline=True)


class Stretch(NamedTuple):
    """Some steps of an epoch.

    Attributes:
      state: after them.
      numbers: of all steps of the epoch until then.
      num_steps: of the epoch, if known.
      last: whether they end it.
      seen: the batch of the step, or the arrays of which many steps had their batches.
    """

    state: State
    numbers: dict[str, list[float]]
    num_steps: int | None
    last: bool
    seen: Any


def make_epochs(
    state: State, data: Any, batch_size: int | None, mesh: Mesh | None
) -> tuple[Callable[[State, dict], Iterator[Stretch]], dict[str, int]]:
    """How to make an epoch, from a state and the numbers of the steps that were made of it.

    And what must be the same if the run goes on another time.
    """
    if not isinstance(data, tuple):
        _check_callable("data", data)
        if batch_size is not None:
            raise ValueError("train.fit: batch_size is for arrays; a function makes its own batches")
        batches: Any = data
        return partial(_epoch_of_batches, batches, mesh), {}
    data = pair_of(data)
    check_arrays("train.fit", "data", data)
    n = same_rows("train.fit", data)
    if batch_size is None:
        raise ValueError("train.fit: arrays need a batch_size")
    batch_size = as_size("train.fit", "batch_size", batch_size, n, "n")
    if mesh is not None and batch_size % mesh.size:
        raise ValueError(f"train.fit: batch_size must be a multiple of the {mesh.size} devices, got {batch_size}")
    arrays = _everywhere(mesh, as_arrays("train.fit", data))
    names = _check_data(state, tuple(jax.ShapeDtypeStruct((batch_size, *a.shape[1:]), a.dtype) for a in arrays))
    _check_labels(state, arrays)
    return partial(_epoch_of_arrays, arrays, batch_size, names, mesh), {"rows": n, "batch_size": batch_size}


def _check_callable(argument: str, source: Any) -> None:
    if not callable(source) or isinstance(source, type):
        kind = f"the class {source.__name__}" if isinstance(source, type) else type(source).__name__
        advice = "; pass them as (images, labels)" if isinstance(source, list) else ""
        raise TypeError(f"train.fit: {argument} must be a tuple of arrays or a function, got {kind}{advice}")


def _check_data(state: State, batch: Any) -> dict[str, jax.ShapeDtypeStruct]:
    """What a step reports of such a batch; raises in one line where there can be none."""
    try:
        return jax.eval_shape(_traced_once, state, batch)[1]
    except (TypeError, ValueError) as error:
        if str(error).startswith(("train.", "losses.")):
            raise
        kind, problem = TypeError if isinstance(error, TypeError) else ValueError, str(error).split("\n")[0]
        raise kind(f"train.fit: the data does not suit the model and the loss: {problem}") from error


def _check_labels(state: State, batch: Any) -> None:
    if getattr(state.loss, "func", state.loss) is classification and (problem := label_problem(state, batch)):
        raise ValueError(f"train.fit: {problem}")


def make_validation(data: Any, state: State, mesh: Mesh | None) -> Callable[[State], dict[str, float]]:
    """How to measure a state after an epoch; what cannot be measured is known now."""
    if data is None:
        return lambda state: {}
    batches: Any = data
    if isinstance(data, tuple):
        arrays = pair_of(data)
        check_arrays("train.fit", "validation", arrays)
        batches = partial(in_batches, arrays, same_rows("train.fit", arrays), _ROWS)
    _check_callable("validation", batches)
    first = next(iter(batches()), None)
    if first is None:
        raise ValueError("train.fit: expected at least one batch of the validation")
    try:
        rows_of(first)
        jax.eval_shape(of_batch, state, first)
    except Exception as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        problem = str(error).split("\n")[0].removeprefix("train.step: ")
        raise kind(f"train.fit: the validation does not suit the loss of the state: {problem}") from error
    _check_labels(state, arrays if isinstance(data, tuple) else first)
    return lambda state: measure(state, (_spread(mesh, batch, exactly=False) for batch in batches()))


def _epoch_of_arrays(
    arrays: tuple, batch_size: int, names: dict, mesh: Mesh | None, state: State, made: dict[str, list[float]]
) -> Iterator[Stretch]:
    """As many steps at a time as fit between two looks."""
    first, at_once, total = len(made.get("loss", ())), 1, len(arrays[0]) // batch_size
    if first >= total:
        kept_with = f"the checkpoint has {first} steps of an epoch, which has {total} now"
        raise ValueError(f"train.fit: {kept_with}; resume with the batch_size it was made with")
    order = _order(state, first, len(arrays[0]), batch_size)
    before = {name: np.array(made.get(name, []), like.dtype) for name, like in names.items()}
    kept = {name: jnp.asarray(np.pad(values, (0, total - first))) for name, values in before.items()}
    state, order, kept = _everywhere(mesh, (state, order, kept))
    run, unknown = _program(mesh), 2  # the first call compiles
    while first < total:
        last, begin = min(first + at_once, total), time.perf_counter()
        state, kept = run(state, arrays, order, first, last, kept)
        numbers = {name: np.asarray(values)[:last].tolist() for name, values in kept.items()}
        seconds, unknown = (time.perf_counter() - begin) / (last - first), max(unknown - 1, 0)
        first, at_once = last, at_once if unknown else max(1, int(_LOOK_EVERY / seconds))
        yield Stretch(state, numbers, total, first == total, arrays)


@partial(jax.jit, static_argnums=(2, 3))
def _order(state: State, made: int | jax.Array, n: int, batch_size: int) -> jax.Array:
    """Of an epoch of which so many steps were made: from the step at its start."""
    return epoch_order(jax.random.fold_in(keys(state).order, state.step - made), n, batch_size)


def _epoch_of_batches(
    batches: Callable[[int, int], Iterable[Any]], mesh: Mesh | None, state: State, made: dict[str, list[float]]
) -> Iterator[Stretch]:
    numbers, state = {name: list(values) for name, values in made.items()}, _everywhere(mesh, state)
    done = len(numbers.get("loss", ()))
    source = batches(int(state.step) - done, done)
    if not (hasattr(source, "__iter__") or hasattr(source, "__getitem__")):
        raise TypeError(f"train.fit: data must return batches, as data.batches does, got {type(source).__name__}")
    left = (_spread(mesh, batch) for batch in source)
    batch = next(left, None)
    if batch is None:
        raise ValueError(f"train.fit: no batches in the epoch that begins at step {int(state.step) - done}")
    _check_data(state, batch)
    while batch is not None:
        state, found = _one_step()(state, batch)
        seen, batch = batch, next(left, None)  # while the device computes
        for name, value in found.items():
            numbers.setdefault(name, []).append(float(value))
        yield Stretch(state, numbers, None, batch is None, seen)


@cache
def _one_step() -> Callable[..., Any]:
    return compile(lambda state, batch: _traced_once(state, batch))


@cache
def _program(mesh: Mesh | None) -> Callable[..., Any]:
    """Some steps of an epoch in one program; how many does not matter to it."""

    def advance(
        state: State, arrays: tuple, order: jax.Array, first: int | jax.Array, last: int | jax.Array, kept: dict
    ) -> tuple[State, dict]:
        def one(i: jax.Array, carry: tuple[State, dict]) -> tuple[State, dict]:
            state, kept = carry
            batch = tuple(a.at[order[i]].get(mode="promise_in_bounds") for a in arrays)
            if mesh is not None:
                batch = jax.lax.with_sharding_constraint(batch, NamedSharding(mesh, PartitionSpec("batch")))
            state, found = _traced_once(state, batch)
            return state, {name: kept[name].at[i].set(value) for name, value in found.items()}

        return jax.lax.fori_loop(first, last, one, (state, kept))

    return compile(advance)


def _everywhere(mesh: Mesh | None, tree: Any) -> Any:
    return tree if mesh is None else jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def _spread(mesh: Mesh | None, batch: Any, exactly: bool = True) -> Any:
    """A batch over the devices by its rows; one that does not divide is an error, or copied to all of them."""
    if mesh is None:
        return batch
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(batch)]
    divides = all(shape and shape[0] % mesh.size == 0 for shape in shapes)
    if exactly and not divides:
        raise ValueError(f"train.fit: batches must have a multiple of the {mesh.size} devices of rows, got {shapes}")
    return jax.device_put(batch, NamedSharding(mesh, PartitionSpec("batch") if divides else PartitionSpec()))
