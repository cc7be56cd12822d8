"""Checkpoints: the last state of a training run and the best one."""

import json
import math
import os
import weakref
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.train.state import State, check_state

_UNSCORED = -math.inf  # the score of what has none
_PARTS = {"state", "facts", "metrics", "descriptor", "_CHECKPOINT_METADATA", "commit_success.txt"}
# 1 or none: fit drew the order of an epoch from its number; 2: from the step at its start
_VERSION = 2


class Kept(NamedTuple):
    """What a checkpoint has.

    Attributes:
      state: of the run, as it was.
      history: a row for every whole epoch until then.
      unfinished: the numbers of the steps of an epoch that was interrupted; empty at the end of one.
      setting: what must be the same for the run to go on, by name, such as the number of rows and the batch size.
      by_epoch: whether it is of an earlier version, whose :func:`fit` drew the order of an epoch from its number.
    """

    state: State
    history: list[dict[str, int | float]]
    unfinished: dict[str, list[float]]
    setting: dict[str, int]
    by_epoch: bool


class Checkpoints:
    """A folder with the last state of a training run and the one with the best score, by Orbax.

    A checkpoint is complete before an older one goes: a process that is killed loses what it did since the last.

    One training at a time writes to a folder: while :func:`fit` runs, and after :meth:`claim` or :meth:`save` until
    the object is closed or dropped, or the process ends, others are refused, where the system and the disk know such
    locks (Windows does not). Reading is always possible; a checkpoint that goes while it is read seems damaged.

    Args:
      path: the folder; it is made if there is none. Checkpoints lie in folders named after the step, of which older
        ones go; whatever else is there stays.

    Raises:
      TypeError: if the path is none.
      OSError: naming the folder, if it cannot be made.

    Example:
      >>> import tempfile, optax
      >>> from flax import nnx
      >>> from jaxmath import models, train
      >>> state = train.create(models.LeNet(rngs=nnx.Rngs(0)), optax.sgd(0.01))
      >>> with Checkpoints(tempfile.mkdtemp()) as checkpoints:
      ...     checkpoints.save(state, score=0.5)
      ...     print(checkpoints.restore(state).state.step)
      0
    """

    def __init__(self, path: str | os.PathLike[str]):
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"train.Checkpoints: expected the path of a folder, got {type(path).__name__}")
        self.path = Path(path).absolute()
        self._release: weakref.finalize | None = None
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise type(error)(f"train.Checkpoints: cannot write to {self.path}: {error}") from error

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def __len__(self) -> int:
        return len(self._steps())

    def claim(self) -> bool:
        """Refuses all other trainings that would write to the folder; :func:`fit` and :meth:`save` do so.

        Returns:
          Whether that is new: false if this object has refused them before.

        Raises:
          OSError: naming the folder, if another run writes to it, in this process or another one, or if something
            in it that is no checkpoint has a number for a name, as checkpoints have.
        """
        if self._release is not None:
            return False
        if mine := [path for path in sorted(self.path.iterdir()) if path.name.isdecimal() and not _is_step(path)]:
            problem = f"{mine[0]} is no checkpoint, and named like one"
            raise FileExistsError(f"train.Checkpoints: {problem}; rename it, or take another folder")
        self._release = weakref.finalize(self, _unlock, _lock(self.path))
        self._forget()  # what was seen before
        return True

    def release(self) -> None:
        """Lets other trainings write to the folder again, as the end of a ``with`` does."""
        self._forget()
        if self._release is not None:
            self._release()
            self._release = None

    def save(
        self,
        state: State,
        history: list[dict[str, int | float]] | tuple = (),
        *,
        score: float | None = None,
        unfinished: dict[str, list[float]] | None = None,
        setting: dict[str, int] | None = None,
    ) -> None:
        """Keeps a state as the last, and as the best if no other has a higher score.

        Args:
          state: after a step that has no checkpoint yet; of a step that has one, nothing is written.
          history: a row of numbers for every epoch.
          score: the higher the better; None for a state that is not to be the best.
          unfinished: the numbers of the steps since the last whole epoch.
          setting: what a run that goes on from here must have too.

        Raises:
          OSError: naming the folder, if the disk is full or cannot be written, or another run writes there; older
            checkpoints stay.
          ValueError: if the step is before the last one that is kept, or the score is not finite.
        """
        import orbax.checkpoint as ocp

        check_state("train.Checkpoints", state)
        if score is not None and not math.isfinite(score):
            raise ValueError(f"train.Checkpoints: score must be finite or None, got {score}")
        arrays, step = _arrays(state), int(state.step)
        facts = {"history": list(history), "unfinished": unfinished or {}, "setting": setting or {}}
        facts |= {"arrays": _shapes(arrays), "version": _VERSION}
        content = ocp.args.Composite(state=ocp.args.StandardSave(arrays), facts=ocp.args.JsonSave(facts))
        self.claim()
        if step in self._steps():
            return
        try:
            saved = self._manager.save(
                step, args=content, metrics={"score": _UNSCORED if score is None else float(score)}
            )
        except Exception as error:  # what Orbax and its C++ raise of a full disk
            raise OSError(f"train.Checkpoints: cannot write step {step} to {self.path}: {_line(error)}") from error
        if not saved:
            problem = f"step {step} is before {self._manager.latest_step()}, the last that is kept"
            raise ValueError(f"train.Checkpoints: {problem} in {self.path}; take another folder")

    def restore(self, state: State, *, best: bool = False) -> Kept:
        """Reads the last checkpoint, or the best.

        Args:
          state: of a run with the same model and optimiser, such as :func:`create` makes.
          best: which of the two.

        Returns:
          The state, the history and what was unfinished, bit by bit as they were saved.

        Raises:
          FileNotFoundError: naming the folder, if it has no such checkpoint.
          ValueError: naming it, if the checkpoint is damaged, or belongs to another model or optimiser.
        """
        import orbax.checkpoint as ocp

        check_state("train.Checkpoints", state)
        if self._release is None:
            self._forget()  # another process may have written
        ranks = {step: self._score(step) if best else step for step in self._steps()}
        if not any(rank > _UNSCORED for rank in ranks.values()):
            raise FileNotFoundError(f"train.Checkpoints: no {'scored ' if best else ''}checkpoint in {self.path}")
        step = max(ranks, key=lambda step: (ranks[step], step))
        place, arrays, facts = f"train.Checkpoints: step {step} in {self.path}", _arrays(state), self._facts(step)
        expected, found = _shapes(arrays), facts["arrays"]
        if odd := sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)):
            got, wanted = found.get(odd[0], "none"), expected.get(odd[0], "none")
            raise ValueError(f"{place} belongs to another model or optimiser: {odd[0]} is {got} there, {wanted} here")
        try:
            shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, arrays)
            content = ocp.args.Composite(state=ocp.args.StandardRestore(shapes))
            restored: Any = self._manager.restore(step, args=content)
        except Exception as error:
            raise self._damaged(step, error) from error
        told = (facts[name] for name in ("history", "unfinished", "setting"))
        return Kept(_with_arrays(state, restored.state), *told, by_epoch=facts["version"] < _VERSION)

    @cached_property
    def _manager(self) -> Any:
        """Of Orbax, which is slow to import; it clears away what a killed process left if this one may write."""
        import orbax.checkpoint as ocp
        from orbax.checkpoint import checkpoint_managers as keep

        def score(scores: dict[str, float]) -> float:
            return scores["score"]

        best = keep.BestN(get_metric_fn=score, n=1, keep_checkpoints_without_metrics=False)
        options = ocp.CheckpointManagerOptions(
            best_fn=score,  # without it scores are not written
            preservation_policy=keep.AnyPreservationPolicy([keep.LatestN(1), best]),
            enable_async_checkpointing=False,
            cleanup_tmp_directories=self._release is not None,
        )
        try:
            return ocp.CheckpointManager(self.path, options=options)
        except Exception as error:
            for scores in sorted(self.path.glob("*/metrics/metrics")):  # all are read
                if not _is_json(scores):
                    raise self._damaged(scores.parts[-3], error) from error
            kind = OSError if isinstance(error, OSError) else ValueError
            raise kind(f"train.Checkpoints: cannot read {self.path}: {_line(error)}") from error

    def _forget(self) -> None:
        if (manager := vars(self).pop("_manager", None)) is not None:
            manager.close()

    def _steps(self) -> list[int]:
        return sorted(self._manager.all_steps()) if any(self.path.iterdir()) else []

    def _score(self, step: int) -> float:
        scores = self._manager.metrics(step)  # None where a process was killed while it cleared the checkpoint away
        return _UNSCORED if scores is None else scores["score"]

    def _facts(self, step: int) -> dict[str, Any]:
        import orbax.checkpoint as ocp

        try:
            found: Any = self._manager.restore(step, args=ocp.args.Composite(facts=ocp.args.JsonRestore()))
            facts = {name: found.facts[name] for name in ("history", "unfinished", "setting", "arrays")}
            return facts | {"version": found.facts.get("version", 1)}
        except Exception as error:
            raise self._damaged(step, error) from error

    def _damaged(self, step: int | str, error: Exception) -> ValueError:
        advice = "remove its folder to use the other checkpoint, if there is one"
        return ValueError(f"train.Checkpoints: step {step} in {self.path} is damaged; {advice}: {_line(error)}")


def _is_step(path: Path) -> bool:
    """Whether a folder has nothing but parts of a checkpoint: all, or what is left of one that was being removed."""
    return path.is_dir() and {part.name for part in path.iterdir()} <= _PARTS


def _lock(path: Path) -> int | None:
    """An open folder, with a lock that ends when it is closed; None where there are no locks of folders."""
    try:
        import fcntl
    except ImportError:
        return None
    folder = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(folder)
        if not isinstance(error, BlockingIOError):
            return None
        raise OSError(f"train.Checkpoints: another run writes to {path}; close it, or take another folder") from None
    return folder


def _unlock(folder: int | None) -> None:
    if folder is not None:
        os.close(folder)


def _arrays(state: State) -> dict[str, jax.Array]:
    """The leaves of a state by name; keys as their data."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path): _plain(leaf) for path, leaf in leaves}


def _with_arrays(state: State, arrays: dict[str, jax.Array]) -> State:
    leaves, structure = jax.tree_util.tree_flatten_with_path(state)
    restored = []
    for path, leaf in leaves:
        array = arrays[jax.tree_util.keystr(path)]
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        restored.append(jax.random.wrap_key_data(array, impl=jax.random.key_impl(leaf)) if is_key else array)
    return jax.tree.unflatten(structure, restored)


def _plain(leaf: jax.Array) -> jax.Array:
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _shapes(arrays: dict[str, jax.Array]) -> dict[str, str]:
    return {name: f"{array.dtype}{list(array.shape)}" for name, array in arrays.items()}


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
