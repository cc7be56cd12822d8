"""Weights of models as safetensors files."""

import os
from pathlib import Path
from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxmath._storage import read_arrays, write_bytes

Model = TypeVar("Model", bound=nnx.Module)
# What a trained model consists of; the state of random generators is not part of it.
_WEIGHTS = nnx.Any(nnx.Param, nnx.BatchStat)


def save_weights(path: str | os.PathLike[str], model: nnx.Module) -> None:
    """Writes the parameters and running statistics of a model, by name, in safetensors format.

    The file is complete before it takes the place of an older one.

    Args:
      path: where to write; the folder must exist.
      model: any Flax NNX model. A weight is named after the attributes that lead to it: ``conv1.kernel``.

    Raises:
      FileNotFoundError: if the folder does not exist.
    """
    from safetensors.numpy import save

    arrays = {name: np.asarray(array) for name, array in _named(model).items()}
    write_bytes(Path(path), save(arrays, metadata={"jaxmath": "1", "model": type(model).__name__}))


def load_weights(path: str | os.PathLike[str], model: Model) -> Model:
    """Puts the weights of a file into a model.

    Args:
      path: what :func:`save_weights` wrote.
      model: of the same architecture. Its weights are replaced in place, in their own types; if the file does not fit,
        none of them is.

    Returns:
      The model.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: naming the file, if it is truncated or no safetensors file, or if a weight is missing, unknown or of
        another shape.

    Example:
      >>> import tempfile, pathlib
      >>> from jaxmath.models import LeNet
      >>> path, first = pathlib.Path(tempfile.mkdtemp()) / "lenet.safetensors", LeNet(rngs=nnx.Rngs(1))
      >>> save_weights(path, first)
      >>> second = load_weights(path, LeNet(rngs=nnx.Rngs(2)))
      >>> print(jnp.array_equal(first.conv1.kernel[...], second.conv1.kernel[...]))
      True
    """
    path = Path(path)
    found, _ = read_arrays("models.load_weights", path)
    wanted = _named(model)
    for name in [*sorted(wanted.keys() - found.keys()), *sorted(found.keys() - wanted.keys())]:
        problem = "has no" if name in wanted else f"has a weight that {type(model).__name__} has not,"
        raise ValueError(f"models.load_weights: {path} {problem} {name}")
    for name, array in wanted.items():
        if found[name].shape != array.shape:
            got = f"got {found[name].shape}, expected {array.shape}"
            raise ValueError(f"models.load_weights: {path} does not fit at {name}: {got}")
    state = nnx.to_flat_state(nnx.state(model, _WEIGHTS))
    nnx.update(model, nnx.from_flat_state([(p, v.replace(jnp.asarray(found[_name(p)], v.dtype))) for p, v in state]))
    return model


def _named(model: nnx.Module) -> dict:
    return {_name(path): weight[...] for path, weight in nnx.to_flat_state(nnx.state(model, _WEIGHTS))}


def _name(path: tuple) -> str:
    return ".".join(map(str, path))
