"""Files as ``torch.save`` writes them, made without PyTorch: pickles that name its functions, and rows of numbers."""

import io
import pickle
import struct
import sys
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
TORCH = _module("torch", *STORAGES.values(), _utils=UTILS)


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
    with mock.patch.dict(sys.modules, {"torch": TORCH, "torch._utils": UTILS}):
        pickler.dump(value)
    return file.getvalue(), pickler.storages


def write_zip(path, value, root="archive", byteorder="little"):
    data, storages = pickled(value)
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
