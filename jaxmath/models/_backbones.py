"""Backbones of detectors: feature maps of one or of several strides."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from jaxmath.models._layers import ConvNorm, in_turn, max_pool, stages
from jaxmath.models.resnet import residual_stages
from jaxmath.models.vgg import conv_stages

# The batch norms of a published network are frozen and part of its convolutions (fold)
_PLAIN = {"batch_norm": False, "use_bias": True}
_PYRAMID = 256  # features of every map of a pyramid


class Maps(NamedTuple):
    """Feature maps, finest first, and how many rows and columns of each an image fills."""

    features: list[Float[Array, "n _ _ c"]]
    cells: list[Int[Array, "n 2"]]


class VGGBackbone(nnx.Module):
    """The convolutions of VGG-16, without the last maximum: one map of 512 features and stride 16."""

    def __init__(self, **types: Any):
        self.stages = conv_stages(16, **_PLAIN, **types)

    def __call__(self, x: Float[Array, "n h w 3"], sizes: Int[Array, "n 2"]) -> Maps:
        for i, stage in enumerate(self.stages):
            if i:
                sizes = sizes // 2
                x = inside(max_pool(x, 2, 2), sizes)
            for convolution in stage:
                x = inside(jax.nn.relu(convolution(x)), sizes)
        return Maps([x], [sizes])


class SmallBackbone(nnx.Module):
    """Four stages of two convolutions: one map of 128 features and stride 8."""

    def __init__(self, **types: Any):
        blocks, width = [], 3
        for i, features in enumerate((16, 32, 64, 128)):
            first = ConvNorm(width, features, 3, 2 if i else 1, **_PLAIN, **types)
            blocks.append([first, ConvNorm(features, features, 3, **_PLAIN, **types)])
            width = features
        self.stages = stages(blocks)

    def __call__(self, x: Float[Array, "n h w 3"], sizes: Int[Array, "n 2"]) -> Maps:
        for i, stage in enumerate(self.stages):
            sizes = (sizes + 1) // 2 if i else sizes
            for convolution in stage:
                x = inside(jax.nn.relu(convolution(x)), sizes)
        return Maps([x], [sizes])


class PyramidBackbone(nnx.Module):
    """ResNet-50 and a feature pyramid: five maps of 256 features and strides 4, 8, 16, 32 and 64.

    As in torchvision padding is zeros at first and then features like any others, and all cells count.
    """

    def __init__(self, **types: Any):
        self.stem = ConvNorm(3, 64, 7, 2, **_PLAIN, **types)
        self.stages = residual_stages(50, **_PLAIN, **types)
        widths = [stage[-1].convolutions[-1].conv.out_features for stage in self.stages]
        self.inner = nnx.List([ConvNorm(width, _PYRAMID, 1, **_PLAIN, **types) for width in widths])
        self.outer = nnx.List([ConvNorm(_PYRAMID, _PYRAMID, 3, **_PLAIN, **types) for _ in widths])

    def __call__(self, x: Float[Array, "n h w 3"], sizes: Int[Array, "n 2"]) -> Maps:
        x = max_pool(jax.nn.relu(self.stem(x)), 3, 2, 1)
        maps, above = [], None
        for stage in self.stages:
            x = in_turn(stage, x)
            maps.append(x)
        found = []
        for x, inner, outer in zip(maps[::-1], self.inner[::-1], self.outer[::-1], strict=True):
            own = inner(x)
            above = own if above is None else own + _enlarged(above, own.shape[1], own.shape[2])
            found.append(outer(above))
        found = [*found[::-1], found[0][:, ::2, ::2]]
        return Maps(found, [jnp.full_like(sizes, jnp.array(each.shape[1:3])) for each in found])


def inside(x: Float[Array, "n h w c"], sizes: Int[Array, "n 2"]) -> Float[Array, "n h w c"]:
    """0 in the padding, whatever is there, as a convolution has it beyond the edge."""
    rows, columns = (jnp.arange(side) < sizes[:, i, None] for i, side in enumerate(x.shape[1:3]))
    return jnp.where((rows[:, :, None] & columns[:, None])[..., None], x, 0)


def _enlarged(x: Array, height: int, width: int) -> Array:
    """Nearest neighbours of the smaller map."""
    rows, columns = (jnp.arange(new) * old // new for new, old in zip((height, width), x.shape[1:3], strict=True))
    return x[:, rows][:, :, columns]
