"""Tensors in files of ``torch.save``, read without PyTorch and without running anything that a file names.

Such a file is a pickle, which can call any function that it names. The unpickler here knows the names that tensors are
made of and refuses every other one. Three formats: since PyTorch 1.6 a zip archive, with the pickle in ``data.pkl`` and
the numbers in one file each; before it, five pickles one after the other and then the numbers; at first, a tar archive
of numbers, of tensors that look into them, and of a pickle that has the tensors by number.
"""

import io
import operator
import pickle
import struct
import tarfile
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
    "Float": np.dtype("f4"),
    "Double": np.dtype("f8"),
    "Half": np.dtype("f2"),
    "BFloat16": np.dtype(jnp.bfloat16),
    "Long": np.dtype("i8"),
    "Int": np.dtype("i4"),
    "Short": np.dtype("i2"),
    "Char": np.dtype("i1"),
    "Byte": np.dtype("u1"),
    "Bool": np.dtype(bool),
}


class RefusedError(pickle.UnpicklingError):
    """A file names something that is no part of a tensor."""


class _Storage(NamedTuple):
    """A row of numbers, which tensors look into; a function gives it once the file has been read."""

    numbers: Callable[[], np.ndarray]

    def part(self, first: int, length: int) -> "_Storage":
        """Some of the numbers, as a storage of its own."""
        return _Storage(lambda: self.numbers()[first : first + length])


def _known(numbers: np.ndarray) -> _Storage:
    return _Storage(lambda: numbers)


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


class _Parameter:
    """A tensor that is trained; some files give it the tensor, with other things, after it was made."""

    def __new__(cls, tensor: Any = None, *others: Any) -> "_Parameter":
        made = super().__new__(cls)
        made.tensor = tensor
        return made

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and state and isinstance(state[0], _Tensor):
            self.tensor = state[0]


def _rebuilt(storage: Any, offset: Any, shape: Any, strides: Any, *others: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without numbers")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


_NAMES = {
    ("collections", "OrderedDict"): _Name(lambda *items: OrderedDict(*items)),
    ("torch._utils", "_rebuild_tensor"): _Name(_rebuilt),
    ("torch._utils", "_rebuild_tensor_v2"): _Name(_rebuilt),
    ("torch._utils", "_rebuild_parameter"): _Name(lambda data, *others: data),
    ("torch.nn.parameter", "Parameter"): _Parameter,
    ("torch", "Size"): _Name(tuple),
}


class _Unpickler(pickle._Unpickler):
    """Knows dicts, numbers, texts and tensors; every other name is refused before anything is called.

    It is the one in Python: that in C takes as much memory as the largest number of an object in the file says.

    Args:
      file: of the pickle.
      kept: gives what the file keeps beside the pickle, by what the pickle has in its place.
    """

    def __init__(self, file: io.BytesIO, kept: Callable[[Any], Any] | None = None):
        super().__init__(file, encoding="utf-8")
        self._kept = kept

    def find_class(self, module: str, name: str) -> Any:
        kind = name.removesuffix("Tensor").removesuffix("Storage")
        if module in ("torch", "torch.cuda") and kind in _DTYPES and kind != name:
            return kind
        if (module, name) not in _NAMES:
            raise RefusedError(f"{module}.{name}")
        return _NAMES[module, name]

    def persistent_load(self, pid: Any) -> Any:
        if self._kept is None:
            raise pickle.UnpicklingError("something in a place of a file that has nothing beside")
        return self._kept(pid)


def read_tensors(name: str, path: Path) -> dict[str, Any]:
    """What a file of ``torch.save`` holds, with arrays for its tensors.

    Args:
      name: of the function that asks, for messages.
      path: of the file.

    Raises:
      FileNotFoundError: if there is none.
      ValueError: naming the file, if it is truncated, in another format, no dict, or names anything that is no part of
        a tensor. Nothing that it names is called, and no more memory is taken than the file has bytes, a few times.
    """
    data = read_bytes(name, path)
    read = next((read for is_one, read in _FORMATS if is_one(data)), None)
    if read is None:
        raise ValueError(f"{name}: {path} is neither a file of torch.save nor one of safetensors")
    try:
        found = _arrays(read(data), {})
    except RefusedError as error:
        advice = "save the state_dict() alone"
        raise ValueError(f"{name}: {path} names {error}, which is no tensor: nothing was run; {advice}") from None
    except Exception as error:  # a pickle can fail in any way
        raise ValueError(f"{name}: {path} is not a complete file of torch.save ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"{name}: {path} holds {type(found).__name__}, expected a dict of tensors by name")
    return found


def _from_zip(data: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(each.compress_type != zipfile.ZIP_STORED or each.file_size > len(data) for each in archive.infolist()):
            raise ValueError("members that are compressed")
        (pickled,) = (each for each in archive.namelist() if each.split("/")[-1] == "data.pkl")
        root = pickled.removesuffix("data.pkl")
        order = archive.read(f"{root}byteorder") if f"{root}byteorder" in archive.namelist() else b"little"
        cache: dict[Any, np.ndarray] = {}

        def kept(pid: Any) -> _Storage:
            dtype, key, size, _ = _storage_of(pid)
            if key not in cache:
                numbers = np.frombuffer(archive.read(f"{root}data/{key}"), _ordered(dtype, order == b"little"))
                if len(numbers) < size:
                    raise ValueError("fewer numbers than a tensor needs")
                cache[key] = numbers
            return _known(cache[key])

        return _Unpickler(io.BytesIO(archive.read(pickled)), kept).load()


def _from_pickles(data: bytes) -> Any:
    """Magic number, version, facts of the machine, the object, the keys of its storages; then their numbers."""
    file = io.BytesIO(data)
    if (_Unpickler(file).load(), _Unpickler(file).load()) != (_MAGIC, _PROTOCOL):
        raise ValueError("another version of the format")
    little = bool(_Unpickler(file).load().get("little_endian", True))
    dtypes: dict[Any, np.dtype] = {}
    cache: dict[Any, np.ndarray] = {}

    def kept(pid: Any) -> _Storage:
        dtype, key, _, view = _storage_of(pid)
        dtypes[key] = dtype
        whole = _Storage(lambda: cache[key])
        return whole.part(view[1], view[2]) if view else whole

    found = _Unpickler(file, kept).load()
    for key in _Unpickler(file).load():
        cache[key] = _numbers(file, dtypes[key], little)
    return found


def _storage_of(pid: Any) -> tuple[np.dtype, Any, int, Any]:
    """Type, key and size of the storage that a pickle has in this place, and which part of it is meant."""
    if not isinstance(pid, tuple) or pid[0] != "storage":
        raise pickle.UnpicklingError("something other than numbers in a place for them")
    _, kind, key, _, size, *view = pid
    return _DTYPES[kind], key, size, view[0] if view else None


def _from_tar(data: bytes) -> Any:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        members = {each.name: each for each in archive if each.type in tarfile.REGULAR_TYPES and not each.issparse()}
        files = (archive.extractfile(members[name]) for name in ("storages", "tensors", "pickle"))
        storages, tensors, pickled = (io.BytesIO(file.read() if file else b"") for file in files)
    found: dict[int, Any] = {}
    for _ in range(_Unpickler(storages).load()):
        key, _, kind = _Unpickler(storages).load()
        found[key] = _known(_numbers(storages, _DTYPES[kind]))
    for key, whole, first, length in _Unpickler(storages).load() or ():
        found[key] = found[whole].part(first, length)
    for _ in range(_Unpickler(tensors).load()):
        key, storage, _ = _Unpickler(tensors).load()
        (ndim,) = struct.unpack("<i4x", tensors.read(8))
        shape, strides = (struct.unpack(f"<{ndim}q", tensors.read(8 * ndim)) for _ in range(2))
        found[key] = _rebuilt(found[storage], *struct.unpack("<q", tensors.read(8)), shape, strides)
    return _Unpickler(pickled, lambda pid: found[int(pid)]).load()


def _numbers(file: io.BytesIO, dtype: np.dtype, little: bool = True) -> np.ndarray:
    """As many numbers as the eight bytes before them say."""
    (size,) = struct.unpack("<q" if little else ">q", file.read(8))
    return np.frombuffer(file.read(size * dtype.itemsize), _ordered(dtype, little), size)


def _ordered(dtype: np.dtype, little: bool) -> np.dtype:
    return dtype.newbyteorder("<" if little else ">") if dtype.itemsize > 1 else dtype


def _arrays(found: Any, known: dict[int, Any]) -> Any:
    """Tensors as arrays, in nested dicts, each of which is looked at once; what else is there stays."""
    if isinstance(found, _Parameter):
        found = found.tensor
    if isinstance(found, _Tensor):
        return found.array()
    if not isinstance(found, Mapping):
        return found
    if id(found) not in known:
        known[id(found)] = {}
        known[id(found)].update((key, _arrays(value, known)) for key, value in found.items())
    return known[id(found)]


# How each format begins, or of tar, what it has in its header
_FORMATS = (
    (lambda data: data.startswith(b"PK"), _from_zip),
    (lambda data: data.startswith(pickle.dumps(_MAGIC, 2)), _from_pickles),
    (lambda data: data[257:262] == b"ustar", _from_tar),
)
