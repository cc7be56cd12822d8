"""Checks of what a training run is given, before JAX or Flax would speak of it in their own words."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxmath._array import unmasked


def check_model(name: str, model: Any) -> None:
    """TypeError or ValueError unless this is a Flax NNX module with parameters."""
    expected = f"{name}: model must be a Flax NNX module such as models.LeNet(rngs=nnx.Rngs(0))"
    if isinstance(model, type):
        raise TypeError(f"{expected}, got the class {model.__name__}; make one of it: {model.__name__}(...)")
    if not isinstance(model, nnx.Module):
        advice = "a function of parameters is trained by optimize.sgd or optimize.minimize"
        raise TypeError(f"{expected}, got {type(model).__name__}; {advice}")
    if not jax.tree.leaves(nnx.state(model, nnx.Param)):
        raise ValueError(f"{expected}, got a {type(model).__name__} without any nnx.Param to train")


def check_function(name: str, argument: str, function: Any, example: str) -> None:
    """TypeError unless it can be called."""
    if not callable(function):
        raise TypeError(f"{name}: {argument} must be a function such as {example}, got {type(function).__name__}")


def check_returned(name: str, returned: Any) -> tuple[jax.Array, dict[str, Any]]:
    """What a loss returned, which must be one real number and a dict of others."""
    expected = f"{name}: the loss must return a pair, one number and a dict of others by name"
    if not isinstance(returned, tuple | list) or len(returned) != 2 or not isinstance(returned[1], dict):
        parts = f" of {' and '.join(map(_kind, returned))}" if isinstance(returned, tuple | list) else ""
        raise TypeError(f"{expected}, got {_kind(returned)}{parts}; return value, {{}}")
    value, metrics = jnp.asarray(returned[0]), returned[1]
    if value.shape:
        raise ValueError(f"{expected}, got values of shape {value.shape}; take their mean")
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"{expected}, got a number of dtype {value.dtype}; it must be real, with a gradient")
    return value, metrics


def check_scores(name: str, outputs: Any, labels: Any, soft_labels: bool = False) -> None:
    """TypeError or ValueError unless outputs are (n, k) and labels n integers, or (n, k) numbers if these may be."""
    if not hasattr(outputs, "shape") or len(outputs.shape) != 2:
        got = f"shape {outputs.shape}" if hasattr(outputs, "shape") else type(outputs).__name__
        raise ValueError(f"{name}: the model must return scores of shape (n, k), got {got}; pass another loss")
    kind, n = jnp.asarray(labels), outputs.shape[0]
    if soft_labels and kind.shape == outputs.shape and jnp.issubdtype(kind.dtype, jnp.floating):
        return
    expected, got = f"{name}: class numbers must be integers of shape ({n},)", f"got {kind.dtype} of shape {kind.shape}"
    if kind.ndim == 2:
        advice = "labels[:, 0]" if kind.shape[1] == 1 else "labels.argmax(axis=1) of one-hot labels"
        raise TypeError(f"{expected}, {got}; take {advice}")
    if not jnp.issubdtype(kind.dtype, jnp.integer):
        raise TypeError(f"{expected}, {got}; take labels.astype(int)")
    if kind.shape != (n,):
        raise ValueError(f"{expected}, one for each image, {got}")


def check_arrays(name: str, argument: str, data: tuple) -> None:
    """TypeError unless all in a tuple are arrays, ValueError if an entry is masked: there is no training without it."""
    leaves = jax.tree.leaves(data)
    if not all(hasattr(leaf, "shape") for leaf in leaves):
        kinds = ", ".join(_kind(part) for part in data)
        raise TypeError(f"{name}: {argument} must be a tuple of arrays such as (images, labels), got one of {kinds}")
    unmasked(name, argument, leaves)


def beyond_classes(labels: Any, num_classes: int) -> str:
    """What is wrong with labels that are not in 0..k - 1; empty if nothing is."""
    numbers = np.asarray(labels)
    beyond = np.unique(numbers[(numbers < 0) | (numbers >= num_classes)]).tolist()
    if not beyond:
        return ""
    named = ", ".join(map(str, beyond[:5])) + (f", ... {beyond[-1]}" if len(beyond) > 5 else "")
    expected = f"labels must be in 0..{num_classes - 1} for the {num_classes} outputs of the model"
    return f"{expected}, got {named}; number them from 0, or make a model with more outputs"


def _kind(value: Any) -> str:
    return f"an array of shape {value.shape}" if hasattr(value, "shape") else f"a {type(value).__name__}"
