"""Files as ``torch.save`` writes them, made without PyTorch: pickles that name its functions, and rows of numbers."""

import copyreg
import io
import pickle
import struct
import sys
import tarfile
import zipfile
from collections import OrderedDict
from types import ModuleType
from unittest import mock

import numpy as np

STORAGES = {
    "f4": "FloatStorage",
    "f8": "DoubleStorage",
    "f2": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "i8": "LongStorage",
}


def _module(name, *functions, **attributes):
    module = ModuleType(name)
    for each in functions:
        function = type(each, (), {}) if each.endswith("Storage") else _function(each)
        function.__module__, function.__qualname__ = name, each
        setattr(module, each, function)
    vars(module).update(attributes)
    return module


def _function(name):
    def function(*arguments):
        raise AssertionError("never called")

    function.__name__ = name
    return function


UTILS = _module("torch._utils", "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")
TENSORS = [name.replace("Storage", "Tensor") for name in STORAGES.values()]
TORCH = _module("torch", *STORAGES.values(), *TENSORS, _utils=UTILS)


class OldParameter:
    """A tensor with a gradient, as it was before 0.4: made with the tensor, or given it with the rest of its state."""

    def __init__(self, array, late=False):
        self.tensor, self.late = Tensor(array), late

    def __reduce__(self):
        if self.late:
            return copyreg.__newobj__, (OldParameter,), (self.tensor, None, OrderedDict(), True, False)
        return copyreg.__newobj__, (OldParameter, self.tensor, True), (True, False, OrderedDict())


OldParameter.__module__, OldParameter.__qualname__ = "torch.nn.parameter", "Parameter"
PARAMETER = _module("torch.nn.parameter", Parameter=OldParameter)
MODULES = {"torch": TORCH, "torch._utils": UTILS, "torch.nn": _module("torch.nn"), "torch.nn.parameter": PARAMETER}


class Storage:
    """Numbers that tensors share."""

    def __init__(self, numbers, kind=None):
        self.numbers = np.ascontiguousarray(numbers).ravel()
        self.kind = kind or (
            "bfloat16" if self.numbers.dtype.name == "bfloat16" else self.numbers.dtype.str.lstrip("<>|=")
        )


class Tensor:
    """A view of a storage, or of one of its own."""

    def __init__(self, array, storage=None, offset=0, strides=None, old=False):
        array = np.asarray(array)
        self.storage = storage or Storage(array)
        self.offset, self.shape = offset, array.shape
        steps = [int(np.prod(array.shape[i + 1 :])) for i in range(array.ndim)]
        self.strides, self.old = tuple(steps) if strides is None else strides, old

    def __reduce__(self):
        view = (self.storage, self.offset, self.shape, self.strides)
        if self.old:
            return UTILS._rebuild_tensor, view
        return UTILS._rebuild_tensor_v2, (*view, False, OrderedDict())


class Parameter:
    """A tensor with a gradient."""

    def __init__(self, array):
        self.tensor = Tensor(array)

    def __reduce__(self):
        return UTILS._rebuild_parameter, (self.tensor, True, OrderedDict())


class _Pickler(pickle.Pickler):
    """With storages beside the pickle; in the oldest format, tensors."""

    def __init__(self, file, legacy):
        super().__init__(file, 2)
        self.legacy, self.storages = legacy, []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            self.storages.append(value)
        view = (None,) if self.legacy else ()
        key = str(self.storages.index(value))
        return "storage", getattr(TORCH, STORAGES[value.kind]), key, "cpu", len(value.numbers), *view


def pickled(value, legacy=False):
    file = io.BytesIO()
    pickler = _Pickler(file, legacy)
    with mock.patch.dict(sys.modules, MODULES):
        pickler.dump(value)
    return file.getvalue(), pickler.storages


def write_zip(path, value, root="archive", byteorder="little", instead=None):
    data, storages = pickled(value) if instead is None else (instead, [])
    order = "<" if byteorder == "little" else ">"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/data.pkl", data)
        archive.writestr(f"{root}/byteorder", byteorder)
        for i, storage in enumerate(storages):
            numbers = storage.numbers
            numbers = numbers if numbers.dtype.name == "bfloat16" else numbers.astype(numbers.dtype.newbyteorder(order))
            archive.writestr(f"{root}/data/{i}", numbers.tobytes())


def write_legacy(path, value):
    data, storages = pickled(value, legacy=True)
    parts = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    content = b"".join(pickle.dumps(part, 2) for part in parts) + data
    content += pickle.dumps([str(i) for i in range(len(storages))], 2)
    for storage in storages:
        content += struct.pack("<q", len(storage.numbers)) + storage.numbers.tobytes()
    path.write_bytes(content)


class _TarPickler(pickle.Pickler):
    """With tensors by number beside the pickle."""

    def __init__(self, file):
        super().__init__(file, 2)
        self.tensors = []

    def persistent_id(self, value):
        if not isinstance(value, Tensor):
            return None
        if value not in self.tensors:
            self.tensors.append(value)
        return self.tensors.index(value) + 1000


def write_tar(path, value):
    """Numbers, and the tensors that look into them; a storage is one half of another one, where it can be halved."""
    file = io.BytesIO()
    pickler = _TarPickler(file)
    with mock.patch.dict(sys.modules, MODULES):
        pickler.dump(value)
        storages = list(dict.fromkeys(tensor.storage for tensor in pickler.tensors))
        first, views = pickle.dumps(len(storages), 2), []
        for i, storage in enumerate(storages):
            first += pickle.dumps((2 * i, "cpu", getattr(TORCH, STORAGES[storage.kind])), 2)
            first += struct.pack("<q", 2 * len(storage.numbers)) + 2 * storage.numbers.tobytes()
            views.append((2 * i + 1, 2 * i, len(storage.numbers), len(storage.numbers)))
        first += pickle.dumps(views, 2)
        second = pickle.dumps(len(pickler.tensors), 2)
        for i, tensor in enumerate(pickler.tensors):
            kind = getattr(TORCH, STORAGES[tensor.storage.kind].replace("Storage", "Tensor"))
            second += pickle.dumps((i + 1000, 2 * storages.index(tensor.storage) + 1, kind), 2)
            sizes = [*tensor.shape, *tensor.strides, tensor.offset]
            second += struct.pack(f"<i4x{len(sizes)}q", len(tensor.shape), *sizes)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in (("storages", first), ("tensors", second), ("pickle", file.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
