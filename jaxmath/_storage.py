"""Fitted pytrees as safetensors files: no pickle, a version, and the name of every type."""

import importlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

_VERSION = "1"
_DTYPES = (
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    "float16",
    "bfloat16",
    "float32",
    "float64",
)


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Writes a result of the library to a file.

    The file is in safetensors format: arrays by name, and in its header a version and the structure. It is complete
    before it takes the place of an older one.

    Args:
      path: where to write; the folder must exist.
      tree: a result of the library (a fit), or tuples, lists and dicts of such results, arrays, numbers, text and None.

    Raises:
      TypeError: naming the part that is neither.
      FileNotFoundError: if the folder does not exist.

    Example:
      >>> import tempfile, pathlib
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "fit.safetensors"
      >>> save(path, {"mean": jnp.arange(3.0)})
      >>> print(load(path)["mean"])
      [0. 1. 2.]
    """
    from safetensors.numpy import save as to_bytes

    arrays: dict[str, np.ndarray] = {}
    structure = _describe(tree, "tree", arrays)
    data = to_bytes(arrays, metadata={"jaxmath": _VERSION, "structure": json.dumps(structure)})
    write_bytes(Path(path), data)


def load(path: str | os.PathLike[str]) -> Any:
    """Reads what :func:`save` wrote.

    Args:
      path: the file.

    Returns:
      The tree, its arrays on the default device, in their types; float64 only where JAX has x64 enabled.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: naming the file, if it is truncated, was not written by :func:`save` or by a newer version of it, or
        holds a type that this version does not know.
    """
    path = Path(path)
    arrays, header = read_arrays("jaxmath.load", path)
    if header.get("jaxmath") != _VERSION:
        raise ValueError(f"jaxmath.load: {path} has format {header.get('jaxmath')!r}, expected {_VERSION!r}")
    try:
        return _rebuild(json.loads(header["structure"]), arrays)
    except (KeyError, TypeError, AttributeError, ImportError, json.JSONDecodeError) as error:
        raise ValueError(f"jaxmath.load: {path} does not describe a result of this version ({error})") from error


def read_arrays(who: str, path: Path) -> tuple[dict[str, jax.Array], dict[str, str]]:
    """The arrays of a safetensors file, and the text in its header."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"{who}: no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            return {name: jnp.asarray(file.get_tensor(name)) for name in file.keys()}, header  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{who}: {path} is not a complete safetensors file ({error})") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces a file in one step: a reader, or a crash, sees the old one or the new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _describe(tree: Any, where: str, arrays: dict[str, np.ndarray]) -> Any:
    """The structure as JSON; arrays are collected under the names it refers to them by."""
    if tree is None:
        return None
    if isinstance(tree, (jax.Array, np.ndarray, np.generic, int, float, complex)) and not isinstance(tree, Tracer):
        if isinstance(tree, jax.Array) and jnp.issubdtype(tree.dtype, jax.dtypes.prng_key):
            raise TypeError(f"jaxmath.save: {where} is a random key; save jax.random.key_data of it")
        dtype = np.asarray(tree).dtype
        if dtype.kind == "c":
            return {"complex": [_describe(np.asarray(part), where, arrays) for part in (tree.real, tree.imag)]}
        if dtype.name not in _DTYPES:
            raise TypeError(f"jaxmath.save: {where} has dtype {dtype}, which the format does not hold")
        name = str(len(arrays))
        arrays[name] = np.ascontiguousarray(tree).reshape(np.shape(tree))
        return name
    if isinstance(tree, str):
        return {"text": tree}
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        return {"dict": {key: _describe(value, f"{where}.{key}", arrays) for key, value in tree.items()}}
    if type(tree) in (list, tuple):
        return {type(tree).__name__: [_describe(value, f"{where}.{i}", arrays) for i, value in enumerate(tree)]}
    fields = getattr(type(tree), "_fields", None)
    name = f"{type(tree).__module__}:{type(tree).__qualname__}"
    if not fields or not name.startswith("jaxmath."):
        raise TypeError(f"jaxmath.save: {where} is a {type(tree).__name__}, neither an array nor a jaxmath result")
    return {"type": name, "fields": {f: _describe(getattr(tree, f), f"{where}.{f}", arrays) for f in fields}}


def _rebuild(structure: Any, arrays: dict[str, jax.Array]) -> Any:
    if structure is None:
        return None
    if isinstance(structure, str):
        return arrays[structure]
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
