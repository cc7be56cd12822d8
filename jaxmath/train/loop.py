"""Epochs: many steps, looked after."""

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from types import FrameType
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh

from jaxmath._array import all_finite, as_size
from jaxmath._threads import check_threads
from jaxmath.train.checkpoints import Checkpoints
from jaxmath.train.epochs import Stretch, make_epochs, make_validation
from jaxmath.train.evaluation import label_problem
from jaxmath.train.report import Report
from jaxmath.train.state import State, check_state

History = list[dict[str, int | float]]
_all_finite = jax.jit(all_finite)
_copy = jax.jit(partial(jax.tree.map, jnp.copy))


def fit(
    state: State,
    data: tuple | Callable[[int, int], Iterable[Any]],
    *,
    batch_size: int | None = None,
    num_epochs: int,
    validation: tuple | Callable[[], Iterable[Any]] | None = None,
    measure: Callable[[State], Mapping[str, float]] | None = None,
    patience: int | None = None,
    checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
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
        whole batches in a new order. Or, for what does not fit on the device, a function that returns the batches of an
        epoch, given the ``step`` of the state at the start of that epoch, and how many batches to skip:
        ``lambda first_step, start: data.stream(fold_in(key, first_step), photographs, 32, size=(224, 224),
        start=start)``. That step, from which the order of arrays is drawn as well, is another one in every epoch, also
        where another call goes on with the state: eight calls of one epoch are one call of eight.
      batch_size: of arrays; a multiple of the number of devices, as the rows of batches that a function makes.
      num_epochs: in all, those of a resumed training included.
      validation: arrays, or a function that returns batches, of which it is asked after every epoch, and once before,
        for the first. The loss of the state looks at them, with the model as it is used: no dropout, running statistics
        as they are.
      measure: takes the state after an epoch and returns other numbers for the history by name, such as those that no
        mean over batches is: ``lambda state: {"precision": ...}``.
      patience: stop after so many epochs without a lower loss (of the validation, if there is one).
      checkpoints: where the last epoch is kept and the one with the lowest loss: a folder, or :class:`Checkpoints`.
      resume: go on from the last checkpoint, if there is one. With the same data and options the numbers are those of
        a run that was not interrupted; the key is that of the checkpoint.
      log: a ``.csv`` or ``.json`` file with the history, written after every epoch; its folder is made. It replaces an
        older log, that of the run that is resumed or another one, and no other file.
      progress: show a bar with loss and accuracy.

    Returns:
      The state after the last epoch, and the history: for every epoch a dict of ``epoch`` (1, 2, ...), ``step``, the
      means of ``loss`` and the other metrics over its steps, ``validation_loss`` and the other metrics of the
      validation, means over its rows, what ``measure`` returned, and ``seconds``.

    Raises:
      TypeError, ValueError: if the data and the options do not fit together, or not with the checkpoint, or labels are
        beyond the classes of :func:`classification`: before the first step.
      TypeError, ValueError: after the first epoch, if ``measure`` returns something else, or a name that is taken.
      FileExistsError: if there are checkpoints and ``resume`` is false, or where the log would be, a file that is no
        log: before the first step.
      FloatingPointError: naming the step, and labels that are no classes, if the loss, the parameters or the running
        statistics are no longer finite. The checkpoints are those of the time before.
      KeyboardInterrupt: after a signal to stop, with checkpoints: once the step in progress is done and kept, for
        SIGINT (Ctrl-C) and SIGTERM, such as a scheduler sends; a second one stops at once. Without checkpoints, and
        in other threads than the main one, signals do what they did before.
      RuntimeError: with CPU devices that are at least as many as the threads which JAX has for them.
      OSError: if a checkpoint or the log cannot be written, or another run writes to the same checkpoints.

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
    check_state("train.fit", state)
    if resume and checkpoints is None:
        raise ValueError("train.fit: resume needs checkpoints")
    if measure is not None and not callable(measure):
        raise TypeError(f"train.fit: measure must be a function of the state, got {type(measure).__name__}")
    num_epochs = as_size("train.fit", "num_epochs", num_epochs)
    patience = None if patience is None else as_size("train.fit", "patience", patience)
    devices = jax.devices()
    check_threads("train.fit", len(devices))
    mesh = Mesh(np.array(devices), ("batch",)) if len(devices) > 1 else None
    epoch_of, setting = make_epochs(state, data, batch_size, mesh)
    validation_of = make_validation(validation, state, mesh)
    with (
        _opened(checkpoints) as checkpoints,
        _begun(state, checkpoints, resume, setting) as (state, history, unfinished),
        Report(num_epochs, history, log, progress) as report,
        _patiently(checkpoints is not None) as interrupted,
    ):
        for epoch in range(len(history), num_epochs):
            if _lost_patience(history, patience):
                break
            begin, numbers, known = time.perf_counter(), unfinished, len(unfinished.get("loss", ()))
            for stretch in epoch_of(state, unfinished):
                state, numbers = stretch.state, stretch.numbers
                _check_losses(stretch, known, checkpoints)
                known = len(numbers["loss"])
                report.steps(epoch, numbers, stretch.num_steps)
                if checkpoints is not None and interrupted.is_set() and not stretch.last:
                    _check_state(state, checkpoints)
                    checkpoints.save(state, history, unfinished=numbers, setting=setting)
                    _stop(state, checkpoints)
            means = {name: float(np.mean(values)) for name, values in numbers.items()}
            row = {"epoch": epoch + 1, "step": int(state.step), "loss": means["loss"]} | means
            row |= {f"validation_{name}": value for name, value in validation_of(state).items()}
            _check_epoch(state, row, checkpoints)
            row |= _measured(measure, state, row)
            history, unfinished = [*history, row | {"seconds": time.perf_counter() - begin}], {}
            if checkpoints is not None:
                checkpoints.save(state, history, score=-_objective(row), setting=setting)
            report.epoch(history)
            if checkpoints is not None and interrupted.is_set():
                _stop(state, checkpoints)
    return state, history


def _opened(checkpoints: Any) -> AbstractContextManager[Checkpoints | None]:
    """A folder is opened for this call; what is open stays open after it."""
    if checkpoints is None or isinstance(checkpoints, Checkpoints):
        return nullcontext(checkpoints)
    if not isinstance(checkpoints, str | os.PathLike):
        kind = type(checkpoints).__name__
        raise TypeError(f"train.fit: checkpoints must be a folder or train.Checkpoints(folder), got {kind}")
    return Checkpoints(checkpoints)


@contextmanager
def _begun(
    state: State, checkpoints: Checkpoints | None, resume: bool, setting: dict[str, int]
) -> Iterator[tuple[State, History, dict]]:
    """Where a run begins; meanwhile no other one writes to the checkpoints."""
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
    if kept.by_epoch and (kept.history or kept.unfinished):
        problem = f"{checkpoints.path} is of an earlier version, which drew the order from the number of the epoch"
        advice = "give checkpoints.restore(state).state to train.fit with another folder"
        raise ValueError(f"train.fit: {problem}, not from the step: it cannot go on exactly; {advice}")
    for name, value in setting.items():
        if (before := kept.setting.get(name, value)) != value:
            problem = f"{checkpoints.path} is of a run with {name} {before}, got {value}"
            raise ValueError(f"train.fit: {problem}; resume with what it was made with, or take another folder")
    return kept.state, kept.history, kept.unfinished


def _measured(measure: Callable[[State], Mapping[str, float]] | None, state: State, row: dict) -> dict[str, float]:
    """Other numbers of a state, under names that the row has not."""
    given = {} if measure is None else measure(state)
    if not isinstance(given, Mapping) or any(np.ndim(value) for value in given.values()):
        raise TypeError(f"train.fit: measure must return numbers by name, got {given!r}")
    found = {str(name): float(value) for name, value in given.items()}
    if taken := found.keys() & {*row, "seconds"}:
        raise ValueError(f"train.fit: measure returns {', '.join(sorted(taken))}, which the history has already")
    return found


def _check_losses(stretch: Stretch, known: int, checkpoints: Checkpoints | None) -> None:
    """Raises where training makes no sense any more, before the state is kept."""
    losses = stretch.numbers["loss"]
    bad = [i for i in range(known, len(losses)) if not math.isfinite(losses[i])]
    if bad:
        problem = f"the loss is {losses[bad[0]]} at step {int(stretch.state.step) - len(losses) + bad[0] + 1}"
        why = label_problem(stretch.state, stretch.seen)
        raise FloatingPointError(f"train.fit: {problem}{f' ({why})' if why else ''}{_left(checkpoints)}")


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
