"""Tensors in files of ``torch.save``, read without PyTorch and without running anything that a file names.

Such a file is a pickle, which can call any function that it names. The unpickler here knows the names that tensors are
made of and refuses every other one. Two formats: a zip archive, since PyTorch 1.6, with the pickle in ``data.pkl`` and
the numbers in one file each; before it, five pickles one after the other and then the numbers.
"""

import io
import operator
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxmath._files import read_bytes

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_DTYPES = {
    "FloatStorage": np.dtype("f4"),
    "DoubleStorage": np.dtype("f8"),
    "HalfStorage": np.dtype("f2"),
    "BFloat16Storage": np.dtype(jnp.bfloat16),
    "LongStorage": np.dtype("i8"),
    "IntStorage": np.dtype("i4"),
    "ShortStorage": np.dtype("i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype(bool),
}


class RefusedError(pickle.UnpicklingError):
    """A file names something that is no part of a tensor."""


class _Storage(NamedTuple):
    """A row of numbers, which tensors look into; ``numbers`` gives it once the file has been read."""

    dtype: np.dtype
    numbers: Callable[[], np.ndarray]


class _Tensor(NamedTuple):
    """A view of a storage: where it begins, its shape, and how far apart the entries of each axis are."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        numbers = self.storage.numbers()
        sizes = [operator.index(i) for i in (self.offset, *self.shape, *self.strides)]
        if min(sizes) < 0 or len(self.shape) != len(self.strides):
            raise ValueError("a tensor of a negative size")
        if 0 in self.shape:
            return np.empty(self.shape, numbers.dtype)
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        if last >= len(numbers):
            raise ValueError("a tensor that reaches beyond its numbers")
        strides = [step * numbers.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, strides, writeable=False)


class _Name:
    """What stands for a name of PyTorch in a pickle: nothing can be set on it, and little be done with it."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]):
        object.__setattr__(self, "_function", function)

    def __setattr__(self, name: str, value: Any) -> None:
        raise pickle.UnpicklingError("a name is no object to change")

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def _rebuilt(storage: Any, offset: Any, shape: Any, strides: Any, *others: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without numbers")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


_NAMES = {
    ("collections", "OrderedDict"): lambda *items: OrderedDict(*items),
    ("torch._utils", "_rebuild_tensor"): _rebuilt,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
    ("torch._utils", "_rebuild_parameter"): lambda data, *others: data,
    ("torch", "Size"): tuple,
}


class _Unpickler(pickle.Unpickler):
    """Knows dicts, numbers, texts and tensors; every other name is refused before anything is called."""

    def __init__(self, file: io.BufferedIOBase, storage: Callable[[tuple], _Storage] | None = None):
        super().__init__(file, encoding="utf-8")
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return name
        if (module, name) not in _NAMES:
            raise RefusedError(f"{module}.{name}")
        return _Name(_NAMES[module, name])

    def persistent_load(self, pid: Any) -> _Storage:
        if self._storage is None or pid[0] != "storage":
            raise pickle.UnpicklingError("something other than numbers in a place for them")
        return self._storage((_DTYPES[pid[1]], *pid[2:]))


def read_tensors(name: str, path: Path) -> dict[str, Any]:
    """What a file of ``torch.save`` holds, with arrays for its tensors.

    Args:
      name: of the function that asks, for messages.
      path: of the file.

    Raises:
      FileNotFoundError: if there is none.
      ValueError: naming the file, if it is truncated, in another format, no dict, or names anything that is no part of
        a tensor. Nothing that it names is called.
    """
    data = read_bytes(name, path)
    if not data.startswith((b"PK", pickle.dumps(_MAGIC, 2))):
        raise ValueError(f"{name}: {path} is neither a file of torch.save nor one of safetensors")
    try:
        read = _from_zip if data.startswith(b"PK") else _from_pickles
        found = _arrays(read(io.BytesIO(data)))
    except RefusedError as error:
        advice = "save the state_dict() alone"
        raise ValueError(f"{name}: {path} names {error}, which is no tensor: nothing was run; {advice}") from None
    except Exception as error:  # a pickle can fail in any way
        raise ValueError(f"{name}: {path} is not a complete file of torch.save ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"{name}: {path} holds {type(found).__name__}, expected a dict of tensors by name")
    return found


def _from_zip(file: io.BytesIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        (pickled,) = (each for each in archive.namelist() if each.split("/")[-1] == "data.pkl")
        root = pickled.removesuffix("data.pkl")
        order = archive.read(f"{root}byteorder") if f"{root}byteorder" in archive.namelist() else b"little"
        cache: dict[Any, np.ndarray] = {}

        def storage(pid: tuple) -> _Storage:
            dtype, key, _, size = pid[:4]
            if key not in cache:
                numbers = np.frombuffer(archive.read(f"{root}data/{key}"), _ordered(dtype, order == b"little"))
                if len(numbers) < size:
                    raise ValueError("fewer numbers than a tensor needs")
                cache[key] = numbers
            return _Storage(dtype, lambda: cache[key])

        return _Unpickler(io.BytesIO(archive.read(pickled)), storage).load()


def _from_pickles(file: io.BytesIO) -> Any:
    """Magic number, version, facts of the machine, the object, the keys of its storages; then their numbers."""
    if (_Unpickler(file).load(), _Unpickler(file).load()) != (_MAGIC, _PROTOCOL):
        raise ValueError("another version of the format")
    little = bool(_Unpickler(file).load().get("little_endian", True))
    dtypes: dict[Any, np.dtype] = {}
    cache: dict[Any, np.ndarray] = {}

    def storage(pid: tuple) -> _Storage:
        dtype, key, _, _, *view = pid
        dtypes[key] = dtype
        first, length = (view[0][1], view[0][2]) if view and view[0] else (0, None)
        end = None if length is None else first + length
        return _Storage(dtype, lambda: cache[key][first:end])

    found = _Unpickler(file, storage).load()
    for key in _Unpickler(file).load():
        (size,) = struct.unpack("<q" if little else ">q", file.read(8))
        dtype = _ordered(dtypes[key], little)
        cache[key] = np.frombuffer(file.read(size * dtype.itemsize), dtype, size)
    return found


def _ordered(dtype: np.dtype, little: bool) -> np.dtype:
    return dtype.newbyteorder("<" if little else ">") if dtype.itemsize > 1 else dtype


def _arrays(found: Any) -> Any:
    """Tensors as arrays, in nested dicts; what else is there stays."""
    if isinstance(found, _Tensor):
        return found.array()
    if isinstance(found, Mapping):
        return {key: _arrays(value) for key, value in found.items()}
    return found
