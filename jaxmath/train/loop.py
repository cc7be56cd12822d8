"""Epochs: many steps, looked after."""

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from types import FrameType
from typing import Any, NamedTuple, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmath._array import all_finite, as_size, same_rows
from jaxmath.data.feeding import epoch_order
from jaxmath.train.checkpoints import Checkpoints
from jaxmath.train.evaluation import in_batches, measure, of_batch, pair_of, rows_of
from jaxmath.train.report import Report
from jaxmath.train.state import State, compile, keys, step

History = list[dict[str, int | float]]
# Between two looks at the numbers pass about so many seconds.
_LOOK_EVERY = 0.3
_ROWS = 500  # of a validation are looked at at a time
_all_finite = jax.jit(all_finite)
_copy = jax.jit(partial(jax.tree.map, jnp.copy))
_traced_once = jax.jit(step, inline=True)


class _Stretch(NamedTuple):
    """Steps that were made: the state after them, the numbers of all steps of the epoch until then, how many it has."""

    state: State
    numbers: dict[str, list[float]]
    num_steps: int | None
    last: bool


def fit(
    state: State,
    data: tuple | Callable[[int, int], Iterable[Any]],
    *,
    batch_size: int | None = None,
    num_epochs: int,
    validation: tuple | Callable[[], Iterable[Any]] | None = None,
    patience: int | None = None,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    log: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> tuple[State, History]:
    """Trains a model, epoch by epoch.

    A set of arrays lives on the device; batches are cut there, and many steps run as one program. Batches that a
    function makes are trained on one by one. With several devices each gets a part of every batch.

    Args:
      state: from :func:`create`; it stays as it is.
      data: arrays with equally many rows, ``(images, labels)`` or what ``data.load`` returns, of which every epoch sees
        whole batches in a new order. Or, for what does not fit on the device, a function that returns batches, given
        the number of an epoch, from 0, and how many batches to skip: ``lambda epoch, start:
        data.stream(fold_in(key, epoch), photographs, 32, size=(224, 224), start=start)``.
      batch_size: of arrays; a multiple of the number of devices, as the rows of batches that a function makes.
      num_epochs: in all, those of a resumed training included.
      validation: arrays, or a function that returns batches, of which it is asked after every epoch, and once before,
        for the first. The loss of the state looks at them, with the model as it is used: no dropout, running statistics
        as they are.
      patience: stop after so many epochs without a lower loss (of the validation, if there is one).
      checkpoints: where the last epoch is kept and the one with the lowest loss.
      resume: go on from the last checkpoint, if there is one. With the same data and options the numbers are those of
        a training that was not interrupted; the key is that of the checkpoint.
      log: a ``.csv`` or ``.json`` file with the history, written after every epoch; its folder is made.
      progress: show a bar with loss and accuracy.

    Returns:
      The state after the last epoch, and the history: for every epoch a dict of ``epoch`` (1, 2, ...), ``step``, the
      means of ``loss`` and the other metrics over its steps, ``validation_loss`` and the other metrics of the
      validation, means over its rows, and ``seconds``.

    Raises:
      TypeError, ValueError: if the data and the options do not fit together, or not with the checkpoint: before the
        first step.
      FileExistsError: if there are checkpoints and ``resume`` is false.
      FloatingPointError: naming the step, if the loss, the parameters or the running statistics are no longer finite.
        The checkpoints are those of the time before.
      KeyboardInterrupt: after a signal to stop, with checkpoints: once the step in progress is done and kept, for
        SIGINT (Ctrl-C) and SIGTERM, such as a scheduler sends; a second one stops at once. Without checkpoints, and
        in other threads than the main one, signals do what they did before.
      OSError: if a checkpoint or the log cannot be written, or another training writes to the same checkpoints.

    Example:
      >>> import optax
      >>> from flax import nnx
      >>> from jaxmath import data, models, train
      >>> images, labels, _ = data.load("digits", "train")
      >>> images = np.pad(images[:320], ((0, 0), (10, 10), (10, 10), (0, 0)))  # 28 x 28 pixels
      >>> state = train.create(models.LeNet(rngs=nnx.Rngs(0)), optax.sgd(0.1))
      >>> state, history = train.fit(state, (images, labels[:320]), batch_size=32, num_epochs=1, progress=False)
      >>> print(state.step, list(history[0]))
      10 ['epoch', 'step', 'loss', 'accuracy', 'seconds']

    Reference: section 11.3.4.
    """
    if resume and checkpoints is None:
        raise ValueError("train.fit: resume needs checkpoints")
    num_epochs = as_size("train.fit", "num_epochs", num_epochs)
    patience = None if patience is None else as_size("train.fit", "patience", patience)
    devices = jax.devices()
    mesh = Mesh(np.array(devices), ("batch",)) if len(devices) > 1 else None
    epoch_of, setting = _epochs(data, batch_size, mesh)
    validation_of = _validation(validation, state, mesh)
    with (
        _begun(state, checkpoints, resume, setting) as (state, history, unfinished),
        Report(num_epochs, history, log, progress) as report,
        _patiently(checkpoints is not None) as interrupted,
    ):
        for epoch in range(len(history), num_epochs):
            if _lost_patience(history, patience):
                break
            begin, numbers, known = time.perf_counter(), unfinished, len(unfinished.get("loss", ()))
            for stretch in epoch_of(state, epoch, unfinished):
                state, numbers = stretch.state, stretch.numbers
                _check_losses(numbers["loss"][known:], int(state.step), checkpoints)
                known = len(numbers["loss"])
                report.steps(epoch, numbers, stretch.num_steps)
                if checkpoints is not None and interrupted.is_set() and not stretch.last:
                    _check_state(state, checkpoints)
                    checkpoints.save(state, history, unfinished=numbers, setting=setting)
                    _stop(state, checkpoints)
            means = {name: float(np.mean(values)) for name, values in numbers.items()}
            row = {"epoch": epoch + 1, "step": int(state.step), "loss": means["loss"]} | means
            row |= {f"validation_{name}": value for name, value in validation_of(state).items()}
            history, unfinished = [*history, row | {"seconds": time.perf_counter() - begin}], {}
            _check_epoch(state, row, checkpoints)
            if checkpoints is not None:
                checkpoints.save(state, history, score=-_objective(row), setting=setting)
            report.epoch(history)
            if checkpoints is not None and interrupted.is_set():
                _stop(state, checkpoints)
    return state, history


@contextmanager
def _begun(
    state: State, checkpoints: Checkpoints | None, resume: bool, setting: dict[str, int]
) -> Iterator[tuple[State, History, dict]]:
    """Where a training begins; meanwhile no other one writes to the checkpoints."""
    ours = checkpoints is not None and checkpoints.claim()
    try:
        yield _begin(state, checkpoints, resume, setting)
    finally:
        if checkpoints is not None and ours:
            checkpoints.release()


def _begin(
    state: State, checkpoints: Checkpoints | None, resume: bool, setting: dict[str, int]
) -> tuple[State, History, dict]:
    if checkpoints is None or not len(checkpoints):
        return _copy(state), [], {}  # what is compiled overwrites its state
    if not resume:
        raise FileExistsError(f"train.fit: {checkpoints.path} has checkpoints; pass resume=True or another folder")
    kept = checkpoints.restore(state)
    for name, value in setting.items():
        if (before := kept.setting.get(name, value)) != value:
            problem = f"{checkpoints.path} is of a training with {name} {before}, got {value}"
            raise ValueError(f"train.fit: {problem}; resume with what it was made with, or take another folder")
    return kept.state, kept.history, kept.unfinished


def _epochs(
    data: Any, batch_size: int | None, mesh: Mesh | None
) -> tuple[Callable[[State, int, dict], Iterator[_Stretch]], dict[str, int]]:
    """How to make an epoch, from a state, its number, and the numbers of the steps that were made of it.

    And what must be the same if the training goes on another time.
    """
    if not isinstance(data, tuple):
        if not callable(data):
            kind = type(data).__name__
            raise TypeError(f"train.fit: data must be a tuple of arrays or a function, got {kind}")
        if batch_size is not None:
            raise ValueError("train.fit: batch_size is for arrays; a function makes its own batches")
        batches: Any = data
        return partial(_epoch_of_batches, batches, mesh), {}
    data = pair_of(data)
    n = same_rows("train.fit", data)
    if batch_size is None:
        raise ValueError("train.fit: arrays need a batch_size")
    batch_size = as_size("train.fit", "batch_size", batch_size, n, "n")
    if mesh is not None and batch_size % mesh.size:
        raise ValueError(f"train.fit: batch_size must be a multiple of the {mesh.size} devices, got {batch_size}")
    arrays = _everywhere(mesh, tuple(map(jnp.asarray, data)))
    return partial(_epoch_of_arrays, arrays, batch_size, mesh), {"rows": n, "batch_size": batch_size}


def _validation(data: Any, state: State, mesh: Mesh | None) -> Callable[[State], dict[str, float]]:
    """How to measure a state after an epoch; what cannot be measured is known now."""
    if data is None:
        return lambda state: {}
    if isinstance(data, tuple):
        arrays = pair_of(data)
        n = same_rows("train.fit", arrays)
        batches: Any = partial(in_batches, arrays, n, _ROWS)
    elif callable(data):
        batches = data
    else:
        kind = type(data).__name__
        raise TypeError(f"train.fit: validation must be a tuple of arrays or a function, got {kind}")
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
    return lambda state: measure(state, (_spread(mesh, batch, exactly=False) for batch in batches()))


def _epoch_of_arrays(
    arrays: tuple, batch_size: int, mesh: Mesh | None, state: State, epoch: int, made: dict[str, list[float]]
) -> Iterator[_Stretch]:
    """As many steps at a time as fit between two looks."""
    order = _order(state, epoch, len(arrays[0]), batch_size)
    first, at_once, total = len(made.get("loss", ())), 1, len(order)
    if first >= total:
        kept_with = f"the checkpoint has {first} steps of an epoch, which has {total} now"
        raise ValueError(f"train.fit: {kept_with}; resume with the batch_size it was made with")
    first_batch = jax.eval_shape(lambda arrays: tuple(a[:batch_size] for a in arrays), arrays)
    names = jax.eval_shape(_traced_once, state, first_batch)[1]
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
        yield _Stretch(state, numbers, total, first == total)


@partial(jax.jit, static_argnums=(2, 3))
def _order(state: State, epoch: int | jax.Array, n: int, batch_size: int) -> jax.Array:
    return epoch_order(jax.random.fold_in(keys(state).order, epoch), n, batch_size)


def _epoch_of_batches(
    batches: Callable[[int, int], Iterable[Any]],
    mesh: Mesh | None,
    state: State,
    epoch: int,
    made: dict[str, list[float]],
) -> Iterator[_Stretch]:
    numbers, state = {name: list(values) for name, values in made.items()}, _everywhere(mesh, state)
    left = (_spread(mesh, batch) for batch in batches(epoch, len(numbers.get("loss", ()))))
    batch = next(left, None)
    if batch is None:
        raise ValueError(f"train.fit: no batches in epoch {epoch + 1}")
    while batch is not None:
        state, found = _one_step()(state, batch)
        batch = next(left, None)  # while the device computes
        for name, value in found.items():
            numbers.setdefault(name, []).append(float(value))
        yield _Stretch(state, numbers, None, batch is None)


@cache
def _one_step() -> Callable[..., Any]:
    return compile(step)


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


def _check_losses(losses: list[float], step: int, checkpoints: Checkpoints | None) -> None:
    """Raises where training makes no sense any more, before the state is kept."""
    bad = [i for i, loss in enumerate(losses) if not math.isfinite(loss)]
    if bad:
        at = step - len(losses) + bad[0] + 1
        raise FloatingPointError(f"train.fit: the loss is {losses[bad[0]]} at step {at}{_left(checkpoints)}")


def _check_state(state: State, checkpoints: Checkpoints | None) -> None:
    statistics = nnx.filter_state(state.rest, nnx.BatchStat)  # what else a model has may be infinite, such as a mask
    for kind, numbers in (("parameter", state.params), ("running statistic", statistics)):
        if jax.tree.leaves(numbers) and not _all_finite(numbers):
            raise FloatingPointError(f"train.fit: a {kind} is not finite after step {state.step}{_left(checkpoints)}")


def _check_epoch(state: State, row: dict[str, int | float], checkpoints: Checkpoints | None) -> None:
    _check_state(state, checkpoints)
    if not math.isfinite(_objective(row)):
        problem = f"the validation loss is {_objective(row)} after epoch {row['epoch']}"
        raise FloatingPointError(f"train.fit: {problem}{_left(checkpoints)}")


def _left(checkpoints: Checkpoints | None) -> str:
    return "" if checkpoints is None else f"; {checkpoints.path} has the state before"


def _stop(state: State, checkpoints: Checkpoints) -> NoReturn:
    raise KeyboardInterrupt(f"stopped at step {state.step}; resume from {checkpoints.path}")


def _objective(row: dict[str, int | float]) -> float:
    return row.get("validation_loss", row["loss"])


def _lost_patience(history: History, patience: int | None) -> bool:
    if patience is None or not history:
        return False
    losses = [_objective(row) for row in history]
    return len(losses) - 1 - losses.index(min(losses)) >= patience


@contextmanager
def _patiently(wait: bool) -> Iterator[threading.Event]:
    """Signals to stop, by hand or by a scheduler, are noted; a second one stops at once."""
    interrupted = threading.Event()
    if not wait or threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(number: int, frame: FrameType | None) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()
        with suppress(RuntimeError):  # the signal came in the midst of another line
            print("train.fit: stopping after this step; again to stop at once", file=sys.stderr, flush=True)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in before.items() if handler is not None}  # None: not of Python
    for number in before:
        signal.signal(number, note)
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
