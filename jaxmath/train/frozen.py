"""Which parameters of a model are trained; the others are frozen."""

from typing import Any

import jax
from flax import nnx


def as_filter(name: str, trainable: Any, model: nnx.Module) -> Any:
    """A filter of the parameters that are trained, which may be a static argument; TypeError or ValueError if none."""
    example = 'nnx.PathContains("output")'
    try:
        chosen = nnx.Param if trainable is nnx.Param else nnx.All(nnx.Param, trainable)
        found = jax.tree.leaves(nnx.state(model, chosen))
        hash(chosen)
    except (TypeError, ValueError) as error:
        problem = f"got {type(trainable).__name__}: {str(error).splitlines()[0]}"
        raise TypeError(f"{name}: trainable must be a filter of Flax such as {example}, {problem}") from error
    if not found:
        parts = ", ".join(dict.fromkeys(str(path[0]) for path, _ in nnx.to_flat_state(nnx.state(model, nnx.Param))))
        problem = f"{trainable} fits no parameter of a {type(model).__name__}, which has {parts}"
        raise ValueError(f"{name}: trainable must fit a parameter such as {example} does, but {problem}")
    return chosen


def set_modes(model: nnx.Module, params: Any) -> None:
    """Puts a model into training, and each part of it all of whose parameters are frozen into evaluation.

    Parts without parameters, such as dropout, are in training.
    """
    model.train()
    every, trained = (_owners(weights) for weights in (nnx.state(model, nnx.Param), params))
    if every != trained:
        for path, part in nnx.iter_modules(model):
            if path in every - trained:
                part.eval()


def _owners(weights: Any) -> set[tuple]:
    """The paths of all parts of a model that have one of these weights."""
    return {path[:depth] for path, _ in nnx.to_flat_state(weights) for depth in range(len(path))}
