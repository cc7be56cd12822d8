"""LeNet: steps of training and the input of batches."""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.workload import Workload

_STEPS, _BATCH, _RATE, _MOMENTUM = 20, 128, 0.01, 0.9
_IMAGES = 60_000
_SHAPES = {
    "conv1": (5, 5, 1, 6),
    "conv2": (5, 5, 6, 16),
    "conv3": (5, 5, 16, 120),
    "hidden": (120, 84),
    "output": (84, 10),
}


def _inputs(rng):
    """A batch, its labels, and the first weights of all layers."""
    images, labels = rng.uniform(size=(_BATCH, 32, 32, 1)), rng.integers(0, 10, size=_BATCH)
    weights = [rng.normal(size=s) / np.sqrt(np.prod(s[:-1])) for s in _SHAPES.values()]
    return images.astype(np.float32), labels, *(w.astype(np.float32) for w in weights)


def _state(labels, *weights):
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx

    from jaxmath import models, train

    model: Any = nnx.jit(lambda: models.LeNet(rngs=nnx.Rngs(0)))()
    for name, weight in zip(_SHAPES, weights, strict=True):
        getattr(model, name).kernel[...] = jnp.asarray(weight)
    return jax.block_until_ready(train.create(model, optax.sgd(_RATE, momentum=_MOMENTUM)))


def _steps(images, labels, *weights, in_scan):
    """The weights of the first layer after some steps; each call begins anew."""
    import jax
    import jax.numpy as jnp

    from jaxmath import train

    begin, batch = _state(labels, *weights), jax.device_put((images, labels))
    one = train.compile(train.step)
    many = train.compile(
        lambda s, batch: jax.lax.scan(lambda s, _: (train.step(s, batch)[0], None), s, length=_STEPS)[0]
    )

    def run():
        state = jax.tree.map(jnp.copy, begin)
        if in_scan:
            state = many(state, batch)
        for _ in range(0 if in_scan else _STEPS):
            state, _ = one(state, batch)
        return jax.block_until_ready(state.model.conv1.kernel[...])

    return run


def _torch_steps(images, labels, *weights, double=False):
    import torch  # pyright: ignore[reportMissingImports]  (optional)
    from torch import nn  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(2)
    layout = {"memory_format": torch.channels_last, "dtype": torch.float64 if double else torch.float32}
    x, y = torch.from_numpy(images).permute(0, 3, 1, 2).to(**layout), torch.from_numpy(labels.astype(np.int64))
    convolutions = [nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5)]
    dense = [nn.Linear(120, 84), nn.Linear(84, 10)]
    a, b, c = convolutions
    parts = [a, nn.Tanh(), nn.AvgPool2d(2), b, nn.Tanh(), nn.AvgPool2d(2), c, nn.Tanh(), nn.Flatten()]
    model = nn.Sequential(*parts, dense[0], nn.Tanh(), dense[1]).to(**layout)

    def begin_anew():
        for layer, weight in zip([*convolutions, *dense], map(torch.from_numpy, weights), strict=True):
            layer.weight.copy_(weight.permute(3, 2, 0, 1) if weight.ndim == 4 else weight.T)
            layer.bias.zero_()

    def run():
        with torch.no_grad():
            begin_anew()
        optimizer = torch.optim.SGD(model.parameters(), lr=_RATE, momentum=_MOMENTUM)
        for _ in range(_STEPS):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        return a.weight.detach().permute(2, 3, 1, 0).numpy()

    return run


def _exact(*inputs):
    return _torch_steps(*inputs, double=True)()


def _set(rng):
    """As many images as MNIST has, and of its size."""
    return rng.integers(0, 256, size=(_IMAGES, 28, 28, 1), dtype=np.uint8), rng.integers(0, 10, size=_IMAGES)


def _batches(images, labels):
    """How many images the batches of an epoch have."""
    import jax

    from jaxmath import data

    arrays = jax.block_until_ready(jax.device_put((images, labels.astype(np.int32))))

    def run():
        return sum(len(jax.block_until_ready(batch)[1]) for batch in data.batches(jax.random.key(0), arrays, _BATCH))

    return run


def _numpy_batches(images, labels):
    def run():
        order = np.random.default_rng(0).permutation(_IMAGES)[: _IMAGES // _BATCH * _BATCH].reshape(-1, _BATCH)
        return sum(len((images[rows], labels[rows])[1]) for rows in order)

    return run


WORKLOADS = {
    "LeNet training": Workload(
        "PyTorch channels_last", _inputs, partial(_steps, in_scan=False), _torch_steps, _exact, 0.75
    ),
    "LeNet training in a scan": Workload(
        "steps outside", _inputs, partial(_steps, in_scan=True), partial(_steps, in_scan=False), _exact, 0.95
    ),
    "batches of 60000 images": Workload("NumPy", _set, _batches, _numpy_batches, lambda *_: _IMAGES // _BATCH * _BATCH),
}
