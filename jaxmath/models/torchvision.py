"""Weights of torchvision's models."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxmath._array import in_range
from jaxmath._files import as_path, read_arrays
from jaxmath.models._batch_norm import BatchNorm
from jaxmath.models._layers import ConvNorm
from jaxmath.models._torch_files import read_tensors
from jaxmath.models.faster_rcnn import FasterRCNN
from jaxmath.models.googlenet import GoogLeNet
from jaxmath.models.inception import InceptionModule
from jaxmath.models.resnet import ResNet
from jaxmath.models.vgg import VGG

Model = TypeVar("Model", bound=nnx.Module)
_NAME = "models.import_torchvision"
_IGNORED = "num_batches_tracked"
# A detector's convolutions have stood in lists of one since torchvision 0.13; the published file is older
_OLDER = re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d|rpn\.head\.conv)\.(weight|bias)")
_NEWER = {"backbone": r"\1.0.\2", "rpn": r"\1.0.0.\2"}
_EPSILON = 1e-5  # of frozen batch norms, but of those of the published file, which were trained with 0


class _Layer(NamedTuple):
    """A layer by its name in torchvision.

    Attributes:
      name: of its arrays.
      layer: ours.
      channels: of the image whose pixels it gets in a row, if it does.
      frozen: the name of the batch norm that is part of it here, if there is one.
    """

    name: str
    layer: nnx.Module
    channels: int | None = None
    frozen: str | None = None


class _Weight(NamedTuple):
    """A variable of a model, the shapes of torchvision's arrays that it is made of, by name, and what makes it."""

    variable: nnx.Variable
    shapes: dict[str, tuple[int, ...]]
    made: Callable[..., np.ndarray]


def import_torchvision(
    model: Model, weights: Mapping[str, Any] | str | os.PathLike[str], *, frozen_epsilon: float | None = None
) -> Model:
    """Puts weights of torchvision's model of the same architecture into a model.

    Args:
      model: a :class:`VGG`, :class:`GoogLeNet`, :class:`ResNet`, or a :class:`FasterRCNN` with the backbone
        "resnet50_fpn". Its weights are replaced in place, in their own types; if anything does not fit, none of them
        is.
      weights: arrays by torchvision's names, as a ``state_dict`` has them; or the path of a ``.safetensors`` file of
        them, or of a file of ``torch.save`` (``.pth``) of any version. PyTorch need not be there, and nothing that a
        file names is run. They may be the entry ``state_dict`` (or ``model``) of a dict, and have
        the prefix ``module.``. Counts of batches (``num_batches_tracked``) have no use here.
      frozen_epsilon: what is added to the variances of the frozen batch norms of a detector, which become part of its
        convolutions. None: 0 for a file with the names of the published one, as torchvision does, and 1e-5 for names
        of torchvision 0.13 or later. A file of these that was trained from published weights needs 0.

    Returns:
      The model, in the mode that it was in: ``model.eval()`` before it is used.

    Raises:
      TypeError: if the model is none of these, or ``weights`` are neither arrays by name nor a path.
      FileNotFoundError: if there is no such file.
      ValueError: naming every array that is missing, unexpected, of another shape or not of floats; or naming the file,
        if it is truncated, in another format, or names anything but tensors; or if ``frozen_epsilon`` is negative.

    Note:
      The weights that torchvision publishes expect images whose channels were normalised with means (0.485, 0.456,
      0.406) and standard deviations (0.229, 0.224, 0.225). Those of GoogLeNet were trained with means and deviations of
      0.5 in their place: normalise with these, or make the model with ``transform_input=True``. A model without
      auxiliary classifiers leaves theirs in the file.

    Example:
      >>> model = import_torchvision(ResNet(18, rngs=nnx.Rngs(0)), "resnet18-f37072fd.pth")  # doctest: +SKIP
    """
    if frozen_epsilon is not None:
        in_range(_NAME, "frozen_epsilon", frozen_epsilon, "[0, inf)")
    weights_of_model = _weights(model)
    if isinstance(weights, Mapping):
        source, found = "the mapping", dict(weights)
    else:
        source, found = _read(weights)
    found = _unwrapped(found)
    if isinstance(model, GoogLeNet) and not model.classifiers:
        found = {name: array for name, array in found.items() if not name.startswith(("aux1.", "aux2."))}
    if isinstance(model, FasterRCNN):
        found, epsilon = _newer(found)
        weights_of_model = _weights(model, epsilon if frozen_epsilon is None else frozen_epsilon)
    arrays = {name: _as_numpy(array) for name, array in found.items() if not name.endswith(_IGNORED)}
    problems = _problems(shapes(weights_of_model), arrays)
    if problems:
        raise ValueError(f"{_NAME}: {source} does not fit {type(model).__name__}: {'; '.join(problems)}")
    new = [weight.made(*(np.asarray(arrays[name]) for name in weight.shapes)) for weight in weights_of_model]
    for weight, value in zip(weights_of_model, new, strict=True):
        weight.variable.set_value(jnp.array(value, weight.variable.get_value().dtype))
    return model


def _read(path: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(path, str | os.PathLike):
        expected = "expected weights as a mapping of names to arrays, or a path"
        raise TypeError(f"{_NAME}: {expected}, got {type(path).__name__}")
    path = as_path(_NAME, path)
    if path.suffix == ".safetensors":
        return str(path), dict(read_arrays(_NAME, path)[0])
    return str(path), read_tensors(_NAME, path)


def _unwrapped(found: dict[Any, Any]) -> dict[str, Any]:
    for entry in ("state_dict", "model"):
        if isinstance(found.get(entry), Mapping):
            found = dict(found[entry])
    found = {str(name): array for name, array in found.items()}
    if found and all(name.startswith("module.") for name in found):
        found = {name.removeprefix("module."): array for name, array in found.items()}
    return found


def _as_numpy(array: Any) -> np.ndarray | None:
    """None for what is no array of floats. A tensor of PyTorch is one, also one with a gradient."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        array = array.float() if str(array.dtype) == "torch.bfloat16" else array
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        return None
    array = np.asarray(array)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else None


def _newer(found: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """By the names of today, and the epsilon of frozen batch norms."""
    old = {name: at[0] for name in found if (at := _OLDER.fullmatch(name))}
    names = {name: _OLDER.sub(_NEWER[name.split(".")[0]], name) for name in old}
    return {names.get(name, name): array for name, array in found.items()}, 0.0 if old else _EPSILON


def _problems(wanted: dict[str, tuple[int, ...]], found: dict[str, np.ndarray | None]) -> list[str]:
    missing, unexpected = [n for n in wanted if n not in found], [n for n in found if n not in wanted]
    problems = [f"missing {', '.join(missing)}"] if missing else []
    problems += [f"unexpected {', '.join(unexpected)}"] if unexpected else []
    for name, shape in wanted.items():
        array = found.get(name)
        if array is not None and array.shape != shape:
            problems.append(f"{name} has shape {array.shape}, expected {shape}")
        elif array is None and name in found:
            problems.append(f"{name} is no array of floats")
    return problems


def shapes(weights: list[_Weight]) -> dict[str, tuple[int, ...]]:
    """Of torchvision's arrays, by name."""
    return {name: shape for weight in weights for name, shape in weight.shapes.items()}


def _weights(model: Any, epsilon: float = _EPSILON) -> list[_Weight]:
    """The variables of a model, and what they are in torchvision."""
    for kind, layers in _ARCHITECTURES.items():
        if isinstance(model, kind):
            return [weight for at in layers(model) for weight in _of_layer(at, epsilon)]
    known = ", ".join(kind.__name__ for kind in _ARCHITECTURES)
    got = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
    raise TypeError(f"{_NAME}: expected a model of {known}, got {got}")


def _of_layer(at: _Layer, epsilon: float) -> Iterator[_Weight]:
    """Kernels in torchvision have outputs first, and pixels after channels."""
    layer: Any = at.layer
    if isinstance(layer, BatchNorm):
        named = {"weight": layer.scale, "bias": layer.bias, "running_mean": layer.mean, "running_var": layer.var}
        yield from (_as_it_is(f"{at.name}.{name}", variable) for name, variable in named.items())
        return
    *window, inputs, outputs = layer.kernel.get_value().shape
    axes = (*range(2, 2 + len(window)), 1, 0)
    turned = partial(np.transpose, axes=axes)
    if at.channels is not None:
        turned = partial(_channels_last, channels=at.channels)
    kernel = {f"{at.name}.weight": (outputs, inputs, *window)}
    if at.frozen is not None:
        norm = {f"{at.frozen}.{name}": (outputs,) for name in ("weight", "running_var", "running_mean", "bias")}
        yield _Weight(layer.kernel, kernel | norm, lambda kernel, *norm: turned(kernel) * _affine(norm, epsilon)[0])
        yield _Weight(layer.bias, norm, lambda *norm: _affine(norm, epsilon)[1])
        return
    yield _Weight(layer.kernel, kernel, turned)
    if layer.bias is not None:
        yield _as_it_is(f"{at.name}.bias", layer.bias)


def _as_it_is(name: str, variable: nnx.Variable) -> _Weight:
    return _Weight(variable, {name: variable.get_value().shape}, lambda array: array)


def _affine(norm: tuple, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Factor and bias of a batch norm in evaluation."""
    scale, var, mean, bias = (array.astype(np.float64) for array in norm)
    factor = scale / np.sqrt(var + epsilon)
    return factor, bias - factor * mean


def _channels_last(array: np.ndarray, channels: int) -> np.ndarray:
    """A layer whose inputs are the pixels of square images, channel by channel, as one with channels last."""
    outputs, inputs = array.shape
    side = round((inputs // channels) ** 0.5)
    return array.reshape(outputs, channels, side, side).transpose(2, 3, 1, 0).reshape(inputs, outputs)


def _conv_norm(names: tuple[str, str], part: ConvNorm) -> Iterator[_Layer]:
    yield _Layer(names[0], part.conv)
    if part.norm is not None:
        yield _Layer(names[1], part.norm)


def _residual(model: Any) -> Iterator[tuple[tuple[str, str], ConvNorm]]:
    """Convolutions of a residual network with the names of them and of their batch norms."""
    yield ("conv1", "bn1"), model.stem
    for i, stage in enumerate(model.stages, 1):
        for j, block in enumerate(stage):
            at = f"layer{i}.{j}"
            for k, part in enumerate(block.convolutions, 1):
                yield (f"{at}.conv{k}", f"{at}.bn{k}"), part
            if block.projection is not None:
                yield (f"{at}.downsample.0", f"{at}.downsample.1"), block.projection


def _resnet(model: ResNet) -> Iterator[_Layer]:
    for names, part in _residual(model):
        yield from _conv_norm(names, part)
    yield _Layer("fc", model.output)


def _faster_rcnn(model: FasterRCNN) -> Iterator[_Layer]:
    backbone: Any = model.backbone
    if model.backbone_name != "resnet50_fpn":
        raise TypeError(
            f"{_NAME}: torchvision has a FasterRCNN with the backbone resnet50_fpn, got {model.backbone_name}"
        )
    for (conv, norm), part in _residual(backbone):
        yield _Layer(f"backbone.body.{conv}", part.conv, frozen=f"backbone.body.{norm}")
    for i, (inner, outer) in enumerate(zip(backbone.inner, backbone.outer, strict=True)):
        yield _Layer(f"backbone.fpn.inner_blocks.{i}.0", inner.conv)
        yield _Layer(f"backbone.fpn.layer_blocks.{i}.0", outer.conv)
    head = model.proposal_head
    for name, layer in (("conv.0.0", head.conv), ("cls_logits", head.logits), ("bbox_pred", head.codes)):
        yield _Layer(f"rpn.head.{name}", layer)
    yield _Layer("roi_heads.box_head.fc6", model.hidden1, channels=head.conv.in_features)
    yield _Layer("roi_heads.box_head.fc7", model.hidden2)
    yield _Layer("roi_heads.box_predictor.cls_score", model.logits)
    yield _Layer("roi_heads.box_predictor.bbox_pred", model.codes)


def _vgg(model: VGG) -> Iterator[_Layer]:
    index = 0
    for stage in model.stages:
        for part in stage:
            yield from _conv_norm((f"features.{index}", f"features.{index + 1}"), part)
            index += 2 if part.norm is None else 3  # the ReLU counts
        index += 1  # and the pooling
    yield _Layer("classifier.0", model.hidden1, channels=model.stages[-1][-1].conv.out_features)
    yield _Layer("classifier.3", model.hidden2)
    yield _Layer("classifier.6", model.output)


def _googlenet(model: GoogLeNet) -> Iterator[_Layer]:
    for i, part in enumerate((model.conv1, model.conv2, model.conv3), 1):
        yield from _basic(f"conv{i}", part)
    for i, stage in enumerate(model.stages, 3):
        for letter, module in zip("abcde", stage, strict=False):
            for branch, part in _branches(module).items():
                yield from _basic(f"inception{i}{letter}.{branch}", part)
    for i, head in enumerate(model.classifiers, 1):
        yield from _basic(f"aux{i}.conv", head.conv)
        yield _Layer(f"aux{i}.fc1", head.hidden, channels=head.conv.conv.out_features)
        yield _Layer(f"aux{i}.fc2", head.output)
    yield _Layer("fc", model.output)


def _basic(at: str, part: ConvNorm) -> Iterator[_Layer]:
    return _conv_norm((f"{at}.conv", f"{at}.bn"), part)


def _branches(module: InceptionModule) -> dict[str, ConvNorm]:
    return {
        "branch1": module.conv1,
        "branch2.0": module.conv3_reduce,
        "branch2.1": module.conv3,
        "branch3.0": module.conv5_reduce,
        "branch3.1": module.conv5,
        "branch4.1": module.projection,
    }


_ARCHITECTURES: dict[type, Callable[[Any], Iterator[_Layer]]] = {
    VGG: _vgg,
    GoogLeNet: _googlenet,
    ResNet: _resnet,
    FasterRCNN: _faster_rcnn,
}
