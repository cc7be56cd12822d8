"""Checkpoints: the last state of a training and the best one."""

import os
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.train.state import State


class Kept(NamedTuple):
    """What a checkpoint has.

    Attributes:
      state: of the training, as it was.
      history: a row for every whole epoch until then.
      unfinished: the numbers of the steps of an epoch that was interrupted; empty at the end of one.
    """

    state: State
    history: list[dict[str, int | float]]
    unfinished: dict[str, list[float]]


class Checkpoints:
    """A folder with the last state of a training and the one with the best score, by Orbax.

    A checkpoint is complete before an older one goes: a process that is killed loses what it did since the last.

    Args:
      path: the folder; it is made if there is none.

    Raises:
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
        import orbax.checkpoint as ocp
        from orbax.checkpoint import checkpoint_managers as keep

        self.path = Path(path).absolute()
        best = keep.BestN(get_metric_fn=lambda scores: scores["score"], n=1, keep_checkpoints_without_metrics=False)
        options = ocp.CheckpointManagerOptions(
            preservation_policy=keep.AnyPreservationPolicy([keep.LatestN(1), best]),
            enable_async_checkpointing=False,
            cleanup_tmp_directories=True,
        )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._manager = ocp.CheckpointManager(self.path, options=options)
        except OSError as error:
            raise type(error)(f"train.Checkpoints: cannot write to {self.path}: {error}") from error

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._manager.close()

    def __len__(self) -> int:
        return len(self._manager.all_steps())

    def save(
        self,
        state: State,
        history: list[dict[str, int | float]] | tuple = (),
        *,
        score: float | None = None,
        unfinished: dict[str, list[float]] | None = None,
    ) -> None:
        """Keeps a state as the last, and as the best if no other has a higher score.

        Args:
          state: after a step that has no checkpoint yet; of a step that has one, nothing is written.
          history: a row of numbers for every epoch.
          score: the higher the better; None for a state that is not to be the best.
          unfinished: the numbers of the steps since the last whole epoch.

        Raises:
          OSError: naming the folder, if the disk is full or cannot be written; older checkpoints stay.
          ValueError: if the step is before the last one that is kept.
        """
        import orbax.checkpoint as ocp

        arrays, step = _arrays(state), int(state.step)
        facts = {"history": list(history), "unfinished": unfinished or {}, "score": score, "arrays": _shapes(arrays)}
        content = ocp.args.Composite(state=ocp.args.StandardSave(arrays), facts=ocp.args.JsonSave(facts))
        if step in self._manager.all_steps():
            return
        try:
            saved = self._manager.save(step, args=content, metrics=None if score is None else {"score": float(score)})
        except Exception as error:  # what Orbax and its C++ raise of a full disk
            raise OSError(f"train.Checkpoints: cannot write step {step} to {self.path}: {_line(error)}") from error
        if not saved:
            problem = f"step {step} is before {self._manager.latest_step()}, the last that is kept"
            raise ValueError(f"train.Checkpoints: {problem} in {self.path}; take another folder")

    def restore(self, state: State, *, best: bool = False) -> Kept:
        """Reads the last checkpoint, or the best.

        Args:
          state: of a training with the same model and optimiser, such as :func:`create` makes.
          best: which of the two.

        Returns:
          The state, the history and what was unfinished, bit by bit as they were saved.

        Raises:
          FileNotFoundError: naming the folder, if it has no such checkpoint.
          ValueError: naming it, if the checkpoint is damaged, or belongs to another model or optimiser.
        """
        import orbax.checkpoint as ocp

        steps = {step: self._facts(step) for step in sorted(self._manager.all_steps())[0 if best else -1 :]}
        if best:
            steps = {step: facts for step, facts in steps.items() if facts["score"] is not None}
        if not steps:
            raise FileNotFoundError(f"train.Checkpoints: no {'scored ' if best else ''}checkpoint in {self.path}")
        step = max(steps, key=lambda step: steps[step]["score"] if best else step)
        place, arrays, facts = f"train.Checkpoints: step {step} in {self.path}", _arrays(state), steps[step]
        expected, found = _shapes(arrays), facts["arrays"]
        if odd := sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)):
            got, wanted = found.get(odd[0], "none"), expected.get(odd[0], "none")
            raise ValueError(f"{place} belongs to another model or optimiser: {odd[0]} is {got} there, {wanted} here")
        try:
            shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, arrays)
            content = ocp.args.Composite(state=ocp.args.StandardRestore(shapes))
            restored: Any = self._manager.restore(step, args=content)
        except Exception as error:
            raise ValueError(f"{place} is damaged: {_line(error)}") from error
        return Kept(_with_arrays(state, restored.state), facts["history"], facts["unfinished"])

    def _facts(self, step: int) -> dict[str, Any]:
        import orbax.checkpoint as ocp

        try:
            found: Any = self._manager.restore(step, args=ocp.args.Composite(facts=ocp.args.JsonRestore()))
            return {name: found.facts[name] for name in ("history", "unfinished", "score", "arrays")}
        except Exception as error:
            place = f"train.Checkpoints: step {step} in {self.path}"
            raise ValueError(f"{place} is damaged; without its folder the other is used: {_line(error)}") from error


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


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
