"""Weights of models as safetensors files."""

import os
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxmath._files import as_path, encode, metadata_of, read_arrays, to_numpy, write_output

Model = TypeVar("Model", bound=nnx.Module)
# What is no part of a trained model: random generators, and what a call leaves behind.
_STATE_OF_CALLS = nnx.Any(nnx.RngState, nnx.Intermediate, nnx.Cache)


class _Weight(NamedTuple):
    """A variable, or an array, of a model: where it is, the arrays in it by name, and how they make it up."""

    path: tuple
    variable: Any
    arrays: dict[str, Any]
    structure: Any

    @property
    def early(self) -> bool:
        """Whether files of earlier versions have it."""
        return isinstance(self.variable, nnx.Param | nnx.BatchStat)


def save_weights(path: str | os.PathLike[str], model: nnx.Module) -> None:
    """Writes the weights of a model, by name, in safetensors format, with a checksum.

    These are its parameters, its running statistics and all other variables and arrays that it has. The state of random
    generators is not among them, nor what calls leave behind (``nnx.Intermediate``, ``nnx.Cache``). The file is
    complete before it takes the place of an older one that this function wrote; any other file stays.

    Args:
      path: where to write; the folder must exist.
      model: any Flax NNX model. A weight is named after the attributes that lead to it: ``conv1.kernel``.

    Raises:
      TypeError: if it is no model, or naming a variable that is no array that the format holds.
      ValueError: if the model has no weights, or two of one name.
      FileExistsError: if there is a file that this function did not write.
      OSError: if it cannot be written: FileNotFoundError if the folder does not exist.
    """
    path, arrays = as_path("models.save_weights", path), _arrays(_weights("models.save_weights", model))
    if not arrays:
        raise ValueError(f"models.save_weights: {type(model).__name__} has no weights to save")
    arrays = {name: to_numpy("models.save_weights", name, array) for name, array in arrays.items()}
    data = encode(arrays, {"jaxmath": "1", "model": type(model).__name__})
    write_output("models.save_weights: cannot write", path, data, "a file of models.save_weights", _is_ours)


def load_weights(path: str | os.PathLike[str], model: Model) -> Model:
    """Puts the weights of a file into a model.

    Args:
      path: what :func:`save_weights` wrote.
      model: of the same architecture. Its weights are replaced in place, in their own types; if the file does not fit,
        none of them is.

    Returns:
      The model.

    Raises:
      TypeError: if it is no model.
      FileNotFoundError: if there is no such file.
      ValueError: naming the file, if it is truncated, no safetensors file, or has another checksum than it says (older
        files say none), or if a weight is missing, unknown, of another shape or of numbers that the model's type cannot
        hold. Files of earlier versions have parameters and running statistics only: other variables stay as they are.

    Example:
      >>> import tempfile, pathlib
      >>> from jaxmath.models import LeNet
      >>> path, first = pathlib.Path(tempfile.mkdtemp()) / "lenet.safetensors", LeNet(rngs=nnx.Rngs(1))
      >>> save_weights(path, first)
      >>> second = load_weights(path, LeNet(rngs=nnx.Rngs(2)))
      >>> print(jnp.array_equal(first.conv1.kernel[...], second.conv1.kernel[...]))
      True
    """
    path, weights = as_path("models.load_weights", path), _weights("models.load_weights", model)
    found, metadata = read_arrays("models.load_weights", path)
    wanted = _arrays(weights)
    required = wanted if "checksum" in metadata else _arrays([weight for weight in weights if weight.early])
    for name in [*sorted(required.keys() - found.keys()), *sorted(found.keys() - wanted.keys())]:
        problem = "has no" if name in wanted else f"has a weight that {type(model).__name__} has not,"
        raise ValueError(f"models.load_weights: {path} {problem} {name}")
    for name, array in wanted.items():
        if name in found:
            wanted[name] = _cast(path, name, found[name], array)
    new = []
    for weight in weights:
        value = jax.tree.unflatten(weight.structure, [wanted[name] for name in weight.arrays])
        new.append((weight.path, weight.variable.replace(value) if _is_variable(weight.variable) else value))
    nnx.update(model, nnx.from_flat_state(new))
    return model


def _cast(path: Path, name: str, found: np.ndarray, weight: Any) -> jax.Array:
    """An array of a file in the type of a weight."""
    place, shape, dtype = (
        f"models.load_weights: {path} does not fit at {name}",
        jnp.shape(weight),
        jnp.result_type(weight),
    )
    if found.shape != shape:
        raise ValueError(f"{place}: got {found.shape}, expected {shape}")
    with np.errstate(all="ignore"):
        cast = found.astype(dtype)
        if _kind(found.dtype) != _kind(dtype) or (_kind(dtype) == "i" and not np.array_equal(cast, found)):
            raise ValueError(f"{place}: got {found.dtype}, expected {dtype}, which does not hold these numbers")
    return jnp.asarray(cast)


def _kind(dtype: Any) -> str:
    names = {"b": jnp.bool_, "i": jnp.integer, "f": jnp.floating, "c": jnp.complexfloating}
    return next(name for name, kind in names.items() if jnp.issubdtype(dtype, kind))


def _is_ours(path: Path) -> bool:
    return {"jaxmath", "model"} <= metadata_of(path).keys()


def _is_variable(value: Any) -> bool:
    return isinstance(value, nnx.Variable)


def _weights(function: str, model: Any) -> list[_Weight]:
    if not isinstance(model, nnx.Module):
        kind = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        advice = "nnx.merge makes one of a graph and a state, jaxmath.save takes dicts of arrays"
        raise TypeError(f"{function}: expected a Flax NNX module, got {kind}; {advice}")
    weights, names = [], set()
    for path, variable in nnx.to_flat_state(nnx.state(model, nnx.Not(_STATE_OF_CALLS))):
        value = variable.get_value() if _is_variable(variable) else variable
        leaves, structure = jax.tree_util.tree_flatten_with_path(value)
        arrays = {}
        for inner, leaf in leaves:
            parts = [*map(str, path), *(jax.tree_util.keystr((key,), simple=True) for key in inner)]
            name = ".".join(parts)
            if name in names:
                raise ValueError(f"{function}: two weights of {type(model).__name__} have the name {name}")
            names.add(name)
            arrays[name] = leaf
        weights.append(_Weight(path, variable, arrays, structure))
    return weights


def _arrays(weights: list[_Weight]) -> dict[str, Any]:
    return {name: array for weight in weights for name, array in weight.arrays.items()}
