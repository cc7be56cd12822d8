"""Weights by torchvision's names, from arrays and from files that are right, old, broken or hostile."""

import os
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
import torch_files
from flax import nnx
from safetensors.numpy import save_file
from small_classifiers import SMALL, abstract, compiled, exported, model_of, shrink
from torch_files import OldParameter, Parameter, Storage, Tensor, write_legacy, write_tar, write_zip

from jaxmath import models
from jaxmath.models import torchvision as names

every_format = pytest.mark.parametrize("write", [write_zip, write_legacy, write_tar])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink(monkeypatch)


def blank(name="ResNet"):
    return abstract(SMALL[name])


def assert_same(a, b):
    for (at, x), (_, y) in zip(*(sorted(exported(model).items()) for model in (a, b)), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=at)


# names and order of axes


def test_names_are_those_of_torchvision():
    """Some of each kind, as its files have them; the whole of them is compared by test_torchvision_parity.py."""
    resnet = names.shapes(names._weights(abstract(partial(models.ResNet, 50))))
    assert resnet["conv1.weight"] == (64, 3, 7, 7)
    assert resnet["layer3.5.conv2.weight"] == (256, 256, 3, 3)
    assert resnet["layer4.0.downsample.0.weight"] == (2048, 1024, 1, 1)
    assert {"bn1.running_var", "layer1.2.bn3.bias", "layer2.0.downsample.1.running_mean", "fc.bias"} <= resnet.keys()
    assert len(resnet) == 267  # 53 convolutions, 53 batch norms of four arrays, two of the last layer
    vgg = names.shapes(names._weights(abstract(partial(models.VGG, 11, batch_norm=True))))
    assert {"features.0.weight", "features.1.running_mean", "features.25.weight", "classifier.6.bias"} <= vgg.keys()
    assert "features.18.bias" in names.shapes(names._weights(abstract(partial(models.VGG, 11))))
    googlenet = names.shapes(names._weights(abstract(models.GoogLeNet)))
    assert {"conv1.conv.weight", "inception4d.branch3.1.bn.running_var", "aux2.fc1.weight"} <= googlenet.keys()


@pytest.mark.parametrize("name", SMALL)
def test_what_is_exported_comes_back(name):
    model = model_of(name)
    assert_same(models.import_torchvision(model_of(name, 1), exported(model)), model)


def test_axes_are_turned():
    """A kernel by its outputs, inputs, rows and columns; the first layer after pixels in a row by channels first."""
    model, weights = blank("VGG"), exported(model_of("VGG"))
    weights["features.0.weight"][1, 2, 0, 1] = 7
    linear = weights["classifier.0.weight"].reshape(16, 13, 7, 7)
    linear[3, 4, 5, 6] = 8
    weights["classifier.6.weight"][9, 1] = 9
    models.import_torchvision(model, weights)
    assert model.stages[0][0].conv.kernel[0, 1, 2, 1] == 7
    assert model.hidden1.kernel[(5 * 7 + 6) * 13 + 4, 3] == 8
    assert model.output.kernel[1, 9] == 9


def test_wrapped_prefixed_and_other_types():
    model = model_of("ResNet")
    weights = {f"module.{name}": jnp.asarray(array) for name, array in exported(model).items()}
    weights["module.bn1.num_batches_tracked"] = np.int64(3)
    assert_same(models.import_torchvision(blank(), {"state_dict": weights, "epoch": 3}), model)
    wide = {name: array.astype(np.float64) for name, array in exported(model).items()}
    assert_same(models.import_torchvision(blank(), wide), model)


def test_auxiliary_classifiers_may_stay_behind():
    weights = exported(model_of("GoogLeNet"))
    model = models.import_torchvision(abstract(SMALL["GoogLeNet"], auxiliary=False), weights)
    np.testing.assert_array_equal(exported(model)["fc.weight"], weights["fc.weight"])
    without = {name: array for name, array in weights.items() if not name.startswith("aux")}
    with pytest.raises(
        ValueError, match=r"does not fit GoogLeNet: missing aux1\.conv\.conv\.weight, .*aux2\.fc2\.bias"
    ):
        models.import_torchvision(blank("GoogLeNet"), without)


def test_transformed_input():
    """Images normalised with ImageNet's numbers become those normalised with 0.5 and 0.5."""
    graphdef, state = nnx.split(model_of("GoogLeNet"))
    plain = nnx.merge(graphdef, state, copy=True)
    transformed = nnx.merge(nnx.split(abstract(SMALL["GoogLeNet"], transform_input=True))[0], state, copy=True)
    pixels = np.random.default_rng(0).uniform(size=(1, 15, 15, 3)).astype(np.float32)
    imagenet = (pixels - np.array([0.485, 0.456, 0.406], np.float32)) / np.array([0.229, 0.224, 0.225], np.float32)
    seen = []
    for model, x in ((plain, (pixels - 0.5) / 0.5), (transformed, imagenet)):
        model.eval()
        seen.append(compiled(lambda graphdef, state, x: nnx.merge(graphdef, state)(x))(*nnx.split(model), x))
    np.testing.assert_allclose(*seen, rtol=1e-4)


# files


def test_safetensors(tmp_path):
    save_file(exported(model_of("ResNet")), tmp_path / "w.safetensors")
    assert_same(models.import_torchvision(blank(), tmp_path / "w.safetensors"), model_of("ResNet"))


@every_format
def test_files_of_torch(tmp_path, write):
    """Tensors and Parameters, wrapped, beside other entries, with attributes on their dict as PyTorch has them."""
    weights = exported(model_of("ResNet"))
    state = OrderedDict((name, Tensor(array)) for name, array in weights.items())
    state._metadata = OrderedDict(version=1)
    state["fc.bias"] = Parameter(weights["fc.bias"])
    state["fc.weight"] = OldParameter(weights["fc.weight"])
    state["bn1.bias"] = OldParameter(weights["bn1.bias"], late=True)
    state["bn1.num_batches_tracked"] = Tensor(np.array(3))
    for value in (state, {"epoch": 3, "state_dict": state, "best": 0.5, "names": ["a", None]}):
        write(tmp_path / "w.pth", value)
        assert_same(models.import_torchvision(blank(), str(tmp_path / "w.pth")), model_of("ResNet"))


@every_format
def test_types_views_and_the_oldest_tensors(tmp_path, write):
    weights = exported(model_of("ResNet"))
    state = {name: Tensor(array) for name, array in weights.items()}
    name = "layer2.0.conv1.weight"
    turned = np.ascontiguousarray(weights[name].transpose(2, 3, 1, 0))
    steps = np.array(turned.strides)[[3, 2, 0, 1]] // 4
    state[name] = Tensor(weights[name], Storage(turned), strides=tuple(map(int, steps)))
    both = Storage(np.concatenate([np.full(3, np.nan, np.float32), weights["bn1.weight"], weights["bn1.bias"]]))
    state["bn1.weight"] = Tensor(weights["bn1.weight"], both, offset=3)
    state["bn1.bias"] = Tensor(weights["bn1.bias"], both, offset=12)
    state["fc.bias"] = Tensor(weights["fc.bias"].astype(np.float64))
    state["fc.weight"] = Tensor(weights["fc.weight"], old=True)
    for key, dtype in (("bn1.running_mean", np.float16), ("bn1.running_var", jnp.bfloat16)):
        weights[key] = np.arange(9, dtype=np.float32) / 2
        state[key] = Tensor(weights[key].astype(dtype))
    write(tmp_path / "w.pth", state)
    assert_same(models.import_torchvision(blank(), tmp_path / "w.pth"), models.import_torchvision(blank(), weights))


def test_the_other_order_of_bytes(tmp_path):
    state = {name: Tensor(array) for name, array in exported(model_of("ResNet")).items()}
    write_zip(tmp_path / "w.pth", state, byteorder="big")
    assert_same(models.import_torchvision(blank(), tmp_path / "w.pth"), model_of("ResNet"))


# what does not fit


@pytest.mark.bad_input
def test_all_that_does_not_fit_is_named_and_nothing_changes():
    model, weights = model_of("ResNet"), exported(model_of("ResNet", 1))
    del weights["fc.bias"], weights["bn1.weight"]
    weights |= {"head.weight": np.ones(3), "fc.weight": weights["fc.weight"].T, "bn1.bias": np.arange(9)}
    message = r"models\.import_torchvision: the mapping does not fit ResNet: missing bn1\.weight, fc\.bias; unexpected "
    message += r"head\.weight; bn1\.bias is no array of floats; fc\.weight has shape \(12, 10\), expected \(10, 12\)$"
    with pytest.raises(ValueError, match=message):
        models.import_torchvision(model, weights)
    assert_same(model, model_of("ResNet"))
    for odd in (models.LeNet, nnx.Linear(1, 1, rngs=nnx.Rngs(0)), {}):
        with pytest.raises(
            TypeError, match=r"models\.import_torchvision: expected a model of VGG, GoogLeNet, ResNet, FasterRCNN, got"
        ):
            models.import_torchvision(odd, weights)
    with pytest.raises(TypeError, match=r"expected weights as a mapping of names to arrays, or a path, got list"):
        models.import_torchvision(model, [1])
    for name in ("nowhere.pth", "nowhere.safetensors"):
        with pytest.raises(FileNotFoundError, match=rf"models\.import_torchvision: no file .*{name}"):
            models.import_torchvision(model, name)


@pytest.mark.bad_input
@every_format
def test_a_truncated_file(tmp_path, write):
    path, model = tmp_path / "w.pth", model_of("ResNet")
    write(path, {name: Tensor(array) for name, array in exported(model_of("ResNet", 1)).items()})
    data = path.read_bytes()
    lengths = (len(data) // 2, 700) if write is write_tar else (len(data) - 1, len(data) // 2, 60, 20)
    for length in lengths:  # a tar archive ends with zeros
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"w\.pth is not a complete file of torch\.save"):
            models.import_torchvision(model, path)
    for content in (b"", b"other", pickle.dumps({}, 4)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"w\.pth is neither a file of torch\.save nor one of safetensors"):
            models.import_torchvision(model, path)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        models.import_torchvision(model, tmp_path)
    assert_same(model, model_of("ResNet"))


class _Call:
    """What a pickle runs when it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.bad_input
def test_a_file_takes_no_more_memory_than_it_has_bytes(tmp_path):
    """Compressed members, numbers of objects beyond the file, and dicts that are in each other."""
    path = tmp_path / "w.pth"
    write_zip(path, {"fc.weight": Tensor(np.zeros(2**20, np.float32))})
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"not a complete file of torch\.save \(members that are compressed\)"):
        models.import_torchvision(model_of("ResNet"), path)
    write_zip(path, {}, instead=b"\x80\x02}r" + (2**31 - 1).to_bytes(4, "little") + b".")  # LONG_BINPUT
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"does not fit ResNet: missing"):
        models.import_torchvision(model_of("ResNet"), path)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()
    nested = {"fc.weight": 1}
    for _ in range(60):
        nested = {"a": nested, "b": nested}
    write_zip(path, nested)
    with pytest.raises(ValueError, match=r"does not fit ResNet: missing"):
        models.import_torchvision(model_of("ResNet"), path)


@pytest.mark.bad_input
@every_format
def test_a_hostile_file_runs_nothing(tmp_path, write):
    path, mark = tmp_path / "w.pth", tmp_path / "ran"
    for function, arguments, named in (
        (os.mkdir, (str(mark),), r"posix\.mkdir|nt\.mkdir"),
        (exec, (f"open({str(mark)!r}, 'w')",), r"(builtins|__builtin__)\.exec"),
        (getattr, ("", "join"), r"(builtins|__builtin__)\.getattr"),
        (partial, (print,), r"functools\.partial"),
    ):
        write(path, {"fc.weight": Tensor(np.ones(1, np.float32)), "other": _Call(function, *arguments)})
        with pytest.raises(ValueError, match=rf"w\.pth names ({named}), which is no tensor: nothing was run; save the"):
            models.import_torchvision(model_of("ResNet"), path)
        assert not mark.exists()


@pytest.mark.bad_input
def test_tensors_that_lie(tmp_path):
    """About where their numbers are; and names of PyTorch that are used for something else."""
    path, ones = tmp_path / "w.pth", np.ones((2, 3), np.float32)
    rebuild = torch_files.UTILS._rebuild_tensor_v2
    for odd in (
        Tensor(ones, offset=1),
        Tensor(ones, offset=-1),
        Tensor(ones, strides=(3, -1)),
        Tensor(ones, strides=(3,)),
        Tensor(ones, strides=(2**61, 1)),
        _Call(rebuild, 1, 2, (3,), (4,), 5, 6),
        _WithState(),
    ):
        write_zip(path, {"fc.weight": odd})
        with pytest.raises(ValueError, match=r"w\.pth is not a complete file of torch\.save"):
            models.import_torchvision(model_of("ResNet"), path)
    for content in (torch_files.pickled([1])[0], torch_files.pickled(3)[0]):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", content)
        with pytest.raises(ValueError, match=r"w\.pth holds (list|int), expected a dict of tensors by name"):
            models.import_torchvision(model_of("ResNet"), path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/other", b"")
    with pytest.raises(ValueError, match=r"w\.pth is not a complete file of torch\.save"):
        models.import_torchvision(model_of("ResNet"), path)


class _WithState:
    """A pickle that would set attributes on what stands for a function."""

    def __reduce__(self):
        function = torch_files.UTILS._rebuild_parameter  # which gives back its first argument
        return function, (torch_files.UTILS._rebuild_tensor_v2, True, None), (None, {"__defaults__": (1,)})
