"""The classifiers with few channels, for tests: the same layers, in programs that compile soon."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxmath import models
from jaxmath._compiling import quick_to_compile
from jaxmath.models import googlenet, resnet, vgg
from jaxmath.models import torchvision as names

compiled = partial(jax.jit, compiler_options=quick_to_compile())
SMALL = {
    "VGG": partial(models.VGG, 11, 10, batch_norm=True),
    "GoogLeNet": partial(models.GoogLeNet, 10),
    "ResNet": partial(models.ResNet, 8, 10),
    "ResNet of bottlenecks": partial(models.ResNet, 11, 10),
}
SIZES = {"VGG": 33, "GoogLeNet": 33, "ResNet": 8, "ResNet of bottlenecks": 16}


def shrink(monkeypatch) -> None:
    """Few channels, but more than 8, below which convolutions are longer programs; two more depths, of few blocks."""
    monkeypatch.setattr(vgg, "_FEATURES", (9, 10, 11, 12, 13))
    monkeypatch.setattr(vgg, "_HIDDEN", 16)
    modules = [[(9, 10, 11, 9, 12, 9)] * num for num in (1, 4, 1)]
    monkeypatch.setattr(googlenet, "_MODULES", modules)
    more = {
        8: resnet._Architecture((1, 1, 1), (9, 10, 12), stem="small", project=False),
        11: resnet._Architecture((1, 2), (9, 10), block=resnet._bottleneck),
    }
    monkeypatch.setattr(resnet, "_ARCHITECTURES", resnet._ARCHITECTURES | more)


def abstract(build, **options) -> nnx.Module:
    """Of shapes and types alone."""
    return nnx.eval_shape(lambda: build(rngs=nnx.Rngs(0), **options))


@cache
def drawn(name: str, seed: int = 0) -> tuple:
    """Graph and state of a small model with random parameters and running statistics, large enough to be seen."""
    graphdef, state = nnx.split(abstract(SMALL[name]))
    rng = np.random.default_rng(seed)

    def number(leaf):
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.key(seed)
        if jnp.issubdtype(leaf.dtype, jnp.integer):
            return jnp.zeros(leaf.shape, leaf.dtype)
        if leaf.ndim == 1:
            return jnp.asarray(rng.uniform(0.5, 1.5, leaf.shape), leaf.dtype)
        return jnp.asarray(rng.normal(size=leaf.shape) * np.sqrt(2 / np.prod(leaf.shape[:-1])), leaf.dtype)

    return graphdef, jax.tree.map(number, state)


def model_of(name: str, seed: int = 0) -> nnx.Module:
    return nnx.merge(*drawn(name, seed), copy=True)


def images(name: str, n: int = 4) -> jax.Array:
    side = SIZES[name]
    return jnp.asarray(np.random.default_rng(1).normal(size=(n, side, side, 3)), jnp.float32)


def exported(model) -> dict[str, np.ndarray]:
    """The weights of a model as torchvision would have them, by the inverse of what brings them here."""
    found = {}
    for weight in names._weights(model):
        ((name, shape),) = weight.shapes.items()
        ours = np.asarray(weight.variable.get_value())
        places = np.arange(ours.size, dtype=np.float64).reshape(shape)
        theirs = np.empty(ours.size, ours.dtype)
        theirs[weight.made(places).astype(int).ravel()] = ours.ravel()
        found[name] = theirs.reshape(shape)
    return found
