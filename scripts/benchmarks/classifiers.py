"""ResNet-18 and VGG-11: a step of training, and inference, beside PyTorch."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.workload import Workload

_STEPS, _RATE, _MOMENTUM, _CLASSES = 2, 0.01, 0.9, 10
_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # features and stride of the two blocks of a stage
_VGG = ((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))  # features and convolutions of a stage


def _norm(name: str, features: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (features,) for part in ("weight", "bias", "running_mean", "running_var")}


def _resnet_shapes(window: int) -> dict[str, tuple[int, ...]]:
    """Those of the weights of a ResNet-18 by torchvision's names."""
    shapes, width = {"conv1.weight": (64, 3, window, window), **_norm("bn1", 64)}, 64
    for i, (features, stride) in enumerate(_STAGES, 1):
        for j in range(2):
            at = f"layer{i}.{j}"
            for k, inputs in ((1, width), (2, features)):
                shapes |= {f"{at}.conv{k}.weight": (features, inputs, 3, 3), **_norm(f"{at}.bn{k}", features)}
            if j == 0 and stride > 1:
                shapes |= {
                    f"{at}.downsample.0.weight": (features, width, 1, 1),
                    **_norm(f"{at}.downsample.1", features),
                }
            width = features
    return shapes | {"fc.weight": (_CLASSES, width), "fc.bias": (_CLASSES,)}


def _vgg_shapes() -> dict[str, tuple[int, ...]]:
    shapes, width, index = {}, 3, 0
    for features, count in _VGG:
        for _ in range(count):
            shapes |= {f"features.{index}.weight": (features, width, 3, 3), f"features.{index}.bias": (features,)}
            width, index = features, index + 2
        index += 1
    for i, (inputs, outputs) in {0: (49 * width, 4096), 3: (4096, 4096), 6: (4096, _CLASSES)}.items():
        shapes |= {f"classifier.{i}.weight": (outputs, inputs), f"classifier.{i}.bias": (outputs,)}
    return shapes


_SHAPES = {"resnet18": partial(_resnet_shapes, 7), "resnet18 small": partial(_resnet_shapes, 3), "vgg11": _vgg_shapes}


def _draw(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    return (rng.standard_normal(shape, np.float32) / np.sqrt(max(np.prod(shape[1:]), 10) / 2)).astype(np.float32)


def _inputs(rng: np.random.Generator, name: str, batch: int, side: int) -> tuple[np.ndarray, ...]:
    images, labels = rng.standard_normal((batch, side, side, 3), np.float32), rng.integers(0, _CLASSES, size=batch)
    return images, labels, *(_draw(rng, key, shape) for key, shape in _SHAPES[name]().items())


def _model(name: str, weights: tuple[np.ndarray, ...]) -> Any:
    from flax import nnx

    from jaxmath import models

    makers: dict[str, Callable[[], nnx.Module]] = {
        "resnet18": lambda: models.ResNet(18, _CLASSES, rngs=nnx.Rngs(0)),
        "resnet18 small": lambda: models.ResNet(18, _CLASSES, stem="small", rngs=nnx.Rngs(0)),
        "vgg11": lambda: models.VGG(11, _CLASSES, rngs=nnx.Rngs(0)),
    }
    return models.import_torchvision(makers[name](), dict(zip(_SHAPES[name](), weights, strict=True)))


def _steps(images, labels, *weights, name):
    """The weights of the first layer after some steps; each call begins anew."""
    import jax
    import jax.numpy as jnp
    import optax

    from jaxmath import train

    state = train.create(_model(name, weights), optax.sgd(_RATE, momentum=_MOMENTUM))
    begin, batch = jax.block_until_ready(state), jax.device_put((images, labels.astype(np.int32)))
    one = train.compile(train.step)

    def run():
        state = jax.tree.map(jnp.copy, begin)
        for _ in range(_STEPS):
            state, _ = one(state, batch)
        return jax.block_until_ready(state.params["stem"]["conv"]["kernel"][...])

    return run


def _logits(images, _, *weights, name):
    import jax
    from flax import nnx

    from jaxmath import models

    model = _model(name, weights)
    model.eval()
    graphdef, state = nnx.split(models.fold_batch_norm(model))
    logits, x = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x)), jax.device_put(images)
    return lambda: jax.block_until_ready(logits(state, x))


def _torch_resnet(window: int):
    from torch import nn  # pyright: ignore[reportMissingImports]  (optional)

    def conv(inputs: int, outputs: int, side: int, stride: int) -> Any:
        return nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)

    class Block(nn.Module):
        def __init__(self, inputs: int, features: int, stride: int):
            super().__init__()
            self.conv1, self.bn1 = conv(inputs, features, 3, stride), nn.BatchNorm2d(features)
            self.conv2, self.bn2 = conv(features, features, 3, 1), nn.BatchNorm2d(features)
            shortcut = nn.Sequential(conv(inputs, features, 1, stride), nn.BatchNorm2d(features))
            self.downsample = shortcut if stride > 1 else nn.Identity()

        def forward(self, x: Any) -> Any:
            y = self.bn1(self.conv1(x)).relu()
            return (self.bn2(self.conv2(y)) + self.downsample(x)).relu()

    class ResNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.bn1 = conv(3, 64, window, 2 if window == 7 else 1), nn.BatchNorm2d(64)
            self.pool = nn.MaxPool2d(3, 2, 1) if window == 7 else nn.Identity()
            width = 64
            for i, (features, stride) in enumerate(_STAGES, 1):
                stage = nn.Sequential(Block(width, features, stride), Block(features, features, 1))
                setattr(self, f"layer{i}", stage)
                width = features
            self.fc = nn.Linear(width, _CLASSES)

        def forward(self, x: Any) -> Any:
            x = self.pool(self.bn1(self.conv1(x)).relu())
            for i in range(1, 5):
                x = getattr(self, f"layer{i}")(x)
            return self.fc(x.mean(dim=(2, 3)))

    return ResNet()


def _torch_vgg():
    from torch import nn  # pyright: ignore[reportMissingImports]  (optional)

    layers, width = [], 3
    for features, count in _VGG:
        for _ in range(count):
            layers += [nn.Conv2d(width, features, 3, padding=1), nn.ReLU()]
            width = features
        layers.append(nn.MaxPool2d(2))
    dense = [nn.Linear(49 * width, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
    parts = {
        "features": nn.Sequential(*layers),
        "flat": nn.Flatten(),
        "classifier": nn.Sequential(*dense, nn.Linear(4096, _CLASSES)),
    }
    return nn.Sequential(OrderedDict(parts))


def _torch_model(name: str, weights: tuple[np.ndarray, ...], double: bool) -> Any:
    import torch  # pyright: ignore[reportMissingImports]  (optional)

    torch.set_num_threads(2)
    model = _torch_vgg() if name == "vgg11" else _torch_resnet(7 if name == "resnet18" else 3)
    found = {key: torch.from_numpy(array.copy()) for key, array in zip(_SHAPES[name](), weights, strict=True)}
    missing, unexpected = model.load_state_dict(found, strict=False)
    assert not unexpected
    assert all(key.endswith("num_batches_tracked") for key in missing), missing
    return model.to(torch.float64 if double else torch.float32, memory_format=torch.channels_last)


def _torch_images(images: np.ndarray, double: bool) -> Any:
    import torch  # pyright: ignore[reportMissingImports]  (optional)

    dtype = torch.float64 if double else torch.float32
    return torch.from_numpy(images).permute(0, 3, 1, 2).to(dtype, memory_format=torch.channels_last)


def _torch_steps(images, labels, *weights, name, double=False):
    import torch  # pyright: ignore[reportMissingImports]  (optional)

    model, x = _torch_model(name, weights, double), _torch_images(images, double)
    y = torch.from_numpy(labels.astype(np.int64))
    begin = {key: value.clone() for key, value in model.state_dict().items()}

    def run():
        model.load_state_dict(begin)
        model.train()
        optimizer = torch.optim.SGD(model.parameters(), lr=_RATE, momentum=_MOMENTUM)
        for _ in range(_STEPS):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        return model.conv1.weight.detach().permute(2, 3, 1, 0).numpy()

    return run


def _torch_logits(images, _, *weights, name, double=False):
    import torch  # pyright: ignore[reportMissingImports]  (optional)

    model, x = _torch_model(name, weights, double).eval(), _torch_images(images, double)

    def run():
        with torch.inference_mode():
            return model(x).numpy()

    return run


def _workload(name: str, batch: int, side: int, ours: Any, peer: Any, goal: float) -> Workload:
    inputs = partial(_inputs, name=name, batch=batch, side=side)
    ours, peer = partial(ours, name=name), partial(peer, name=name)
    return Workload("PyTorch channels_last", inputs, ours, peer, lambda *data: peer(*data, double=True)(), goal)


WORKLOADS = {
    "ResNet-18 training, 64 of 32 x 32": _workload("resnet18 small", 64, 32, _steps, _torch_steps, 0.6),
    "ResNet-18 inference, 4 of 224 x 224": _workload("resnet18", 4, 224, _logits, _torch_logits, 0.75),
    "VGG-11 inference, 4 of 224 x 224": _workload("vgg11", 4, 224, _logits, _torch_logits, 0.75),
}
