"""Fitted pytrees as safetensors files: no pickle, a version, and the name of every type."""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._files import as_path, encode, from_numpy, metadata_of, read_arrays, to_numpy, write_output

_VERSION = "1"


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Writes a result of the library to a file.

    The file is in safetensors format: arrays by name, and in its header a version, the structure and a checksum. It is
    complete before it takes the place of an older one that this function wrote; any other file stays.

    Args:
      path: where to write; the folder must exist.
      tree: a result of the library (a fit), or tuples, lists and dicts of such results, arrays, numbers, text and None.

    Raises:
      TypeError: naming the part that is neither, or is traced, masked, or of a type that the format does not hold.
      FileExistsError: if there is a file that this function did not write.
      OSError: if it cannot be written: FileNotFoundError if the folder does not exist.

    Example:
      >>> import tempfile, pathlib
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "fit.safetensors"
      >>> save(path, {"mean": jnp.arange(3.0)})
      >>> print(load(path)["mean"])
      [0. 1. 2.]
    """
    path, arrays = as_path("jaxmath.save", path), {}
    structure = _describe(tree, "tree", arrays)
    data = encode(arrays, {"jaxmath": _VERSION, "structure": json.dumps(structure)})
    write_output("jaxmath.save: cannot write", path, data, "a file of jaxmath.save", _is_ours)


def load(path: str | os.PathLike[str]) -> Any:
    """Reads what :func:`save` wrote.

    Args:
      path: the file.

    Returns:
      The tree, its arrays on the default device, in their types; float64 only where JAX has x64 enabled. Without x64,
      integers of 64 bits come back with 32 where these hold them, and else as NumPy holds them, on the host.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: naming the file, if it is truncated, has another checksum than it says (older files say none), was
        not written by :func:`save` or by a newer version of it, or holds a type that this version does not know.
    """
    path = as_path("jaxmath.load", path)
    arrays, header = read_arrays("jaxmath.load", path)
    if header.get("jaxmath") != _VERSION:
        raise ValueError(f"jaxmath.load: {path} has format {header.get('jaxmath')!r}, expected {_VERSION!r}")
    try:
        return _rebuild(json.loads(header["structure"]), {key: from_numpy(array) for key, array in arrays.items()})
    except (KeyError, TypeError, AttributeError, ImportError, ValueError) as error:
        raise ValueError(f"jaxmath.load: {path} does not describe a result of this version ({error})") from error


def _is_ours(path: Path) -> bool:
    return {"jaxmath", "structure"} <= metadata_of(path).keys()


def _describe(tree: Any, where: str, arrays: dict[str, np.ndarray]) -> Any:
    """The structure as JSON; arrays are collected under the names it refers to them by."""
    if tree is None:
        return None
    if isinstance(tree, (jax.Array, np.ndarray, np.generic, int, float, complex)):
        if jnp.iscomplexobj(tree):
            return {"complex": [_describe(part, where, arrays) for part in (tree.real, tree.imag)]}
        array, name = to_numpy("jaxmath.save", where, tree), str(len(arrays))
        arrays[name] = array
        weak = isinstance(tree, jax.Array) and tree.weak_type and not tree.shape
        return {"weak": name} if weak else name
    if isinstance(tree, str):
        return {"text": tree}
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        return {"dict": {key: _describe(value, f"{where}.{key}", arrays) for key, value in tree.items()}}
    if type(tree) in (list, tuple):
        return {type(tree).__name__: [_describe(value, f"{where}.{i}", arrays) for i, value in enumerate(tree)]}
    fields = getattr(type(tree), "_fields", None)
    name = f"{type(tree).__module__}:{type(tree).__qualname__}"
    if fields is None or not name.startswith("jaxmath."):
        raise TypeError(f"jaxmath.save: {where} is a {type(tree).__name__}, neither an array nor a jaxmath result")
    # vars, not getattr: what was left out stays so
    given = dict(zip(fields, tree, strict=True)) if isinstance(tree, tuple) else vars(tree)
    return {"type": name, "fields": {f: _describe(given[f], f"{where}.{f}", arrays) for f in fields}}


def _rebuild(structure: Any, arrays: dict[str, Any]) -> Any:
    if structure is None:
        return None
    if isinstance(structure, str):
        return arrays[structure]
    if "weak" in structure:
        array = arrays[structure["weak"]]
        return jnp.asarray(array.item()) if isinstance(array, jax.Array) else array
    if "complex" in structure:
        return jax.lax.complex(*(_rebuild(part, arrays) for part in structure["complex"]))
    if "text" in structure:
        return structure["text"]
    if "dict" in structure:
        return {key: _rebuild(value, arrays) for key, value in structure["dict"].items()}
    if "list" in structure:
        return [_rebuild(value, arrays) for value in structure["list"]]
    if "tuple" in structure:
        return tuple(_rebuild(value, arrays) for value in structure["tuple"])
    module, _, name = structure["type"].partition(":")
    result_type = getattr(importlib.import_module(module), name) if module.startswith("jaxmath.") else None
    if result_type is None or not hasattr(result_type, "_fields"):
        raise TypeError(f"{structure['type']!r} is not a result of the library")
    return result_type(**{field: _rebuild(value, arrays) for field, value in structure["fields"].items()})
