"""Residual networks: those of ImageNet, and the small ones of CIFAR."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxmath._array import one_of
from jaxmath.conv.trimming import extended
from jaxmath.models._initialization import draw
from jaxmath.models._layers import ConvNorm, check_images, check_sizes, in_turn, linear, max_pool, stages


class _Convolution(NamedTuple):
    """One of a block: the side of its window, its features, its stride."""

    window: int
    features: int
    stride: int = 1


def _basic(features: int, stride: int) -> tuple[_Convolution, ...]:
    return _Convolution(3, features, stride), _Convolution(3, features)


def _bottleneck(features: int, stride: int) -> tuple[_Convolution, ...]:
    return _Convolution(1, features), _Convolution(3, features, stride), _Convolution(1, 4 * features)


class _Architecture(NamedTuple):
    """Blocks in each stage, their features, the convolutions of a block, and where the network begins."""

    num_blocks: tuple[int, ...]
    features: tuple[int, ...] = (64, 128, 256, 512)
    block: Callable[[int, int], tuple[_Convolution, ...]] = _basic
    stem: str = "imagenet"
    project: bool = True


_ARCHITECTURES = {
    18: _Architecture((2, 2, 2, 2)),
    34: _Architecture((3, 4, 6, 3)),
    50: _Architecture((3, 4, 6, 3), block=_bottleneck),
    101: _Architecture((3, 4, 23, 3), block=_bottleneck),
    152: _Architecture((3, 8, 36, 3), block=_bottleneck),
    **{6 * n + 2: _Architecture((n, n, n), (16, 32, 64), stem="small", project=False) for n in (3, 5, 9, 18)},
}
# Side of the window and stride of the first convolution
_STEMS = {"imagenet": (7, 2), "small": (3, 1)}


class ResidualBlock(nnx.Module):
    """Convolutions with batch norms and ReLUs between them, to which what they get is added: ``relu(x + f(x))``.

    Args:
      in_features: channels of what it gets.
      layers: the convolutions.
      project: whether a convolution of 1 x 1 fits what is added to another shape; without it, rows and columns are left
        out, and channels of zeros are added.
      types: ``dtype`` and ``param_dtype``.
    """

    def __init__(self, in_features: int, layers: Sequence[_Convolution], project: bool, **types: Any):
        widths = [in_features, *(layer.features for layer in layers)]
        self.convolutions = nnx.List(
            [
                ConvNorm(width, each.features, each.window, each.stride, **types)
                for width, each in zip(widths, layers, strict=False)
            ]
        )
        self.stride = math.prod(layer.stride for layer in layers)
        changed = self.stride != 1 or in_features != widths[-1]
        self.projection = ConvNorm(in_features, widths[-1], 1, self.stride, **types) if changed and project else None

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n oh ow o"]:
        y = self.convolutions[0](x)
        for convolution in self.convolutions[1:]:
            y = convolution(jax.nn.relu(y))
        return jax.nn.relu(y + (_subsampled(x, self.stride, y) if self.projection is None else self.projection(x)))


class ResNet(nnx.Module):
    r"""Residual network: a convolution, three or four stages of blocks $x + f(x)$, the mean over the image, one layer.

    =======================  ============================================  ==============================
    depth                    blocks in each stage                          features of its convolutions
    =======================  ============================================  ==============================
    18, 34                   2, 2, 2, 2 and 3, 4, 6, 3 of two convolutions  64, 128, 256, 512
    50, 101, 152             3, 4 or 8, 6, 23 or 36, 3 of three            the same, and 4 times as many out
    20, 32, 56, 110 (CIFAR)  3, 5, 9 or 18 in each of three stages          16, 32, 64
    =======================  ============================================  ==============================

    Every stage but the first halves the image. ``stem="imagenet"`` begins with a convolution of 7 x 7 and stride 2 and
    a maximum over 3 x 3 with stride 2, ``stem="small"`` with a convolution of 3 x 3 alone, for images such as those of
    CIFAR. Where the shape changes, a convolution of 1 x 1 fits it; the CIFAR networks add channels of zeros instead.

    Args:
      depth: layers with weights, static.
      num_classes: outputs, static.
      stem: "imagenet" or "small"; None for what the depth was published with.
      channels: of an image, static.
      rngs: ``nnx.Rngs`` with the stream ``params``.
      dtype: in which it computes, ``jnp.bfloat16`` for instance; None for the widest of image and parameters.
        Statistics of batches are computed in float32 at least.
      param_dtype: of the parameters.

    Raises:
      ValueError: for another depth or stem.

    Note:
      In training the normalisation mixes the images of a batch: a NaN in one reaches all of them, and the running
      statistics. In evaluation it stays in its image.

    Example:
      >>> model = nnx.eval_shape(lambda: ResNet(50, rngs=nnx.Rngs(0)))  # shapes alone: nothing is drawn
      >>> sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))
      25557032

    Reference: section 11.3.3; He, Zhang, Ren and Sun (2016), with the stride of a bottleneck in its convolution of
    3 x 3, as torchvision has it.
    """

    def __init__(
        self,
        depth: int = 18,
        num_classes: int = 1000,
        *,
        stem: str | None = None,
        channels: int = 3,
        rngs: nnx.Rngs,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ):
        if depth not in _ARCHITECTURES:
            known = ", ".join(map(str, sorted(_ARCHITECTURES)))
            raise ValueError(f"models.ResNet: depth must be one of {known}, got {depth!r}")
        check_sizes("models.ResNet", num_classes=num_classes, channels=channels)
        architecture = _ARCHITECTURES[depth]
        stem = architecture.stem if stem is None else one_of("models.ResNet", "stem", stem, tuple(_STEMS))
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.pooled = stem == "imagenet"
        self.stem = ConvNorm(channels, architecture.features[0], *_STEMS[stem], **types)
        self.stages = residual_stages(depth, **types)
        width = self.stages[-1][-1].convolutions[-1].conv.out_features
        self.output = linear(width, num_classes, **types)
        draw(self, rngs)

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n classes"]:
        """The logits of images of any size.

        Raises:
          TypeError: for integers; divide bytes by 255.
          ValueError: for another number of channels or an empty image.
        """
        check_images("models.ResNet", x, self.stem.conv.in_features)
        x = jax.nn.relu(self.stem(x))
        x = max_pool(x, 3, 2, 1) if self.pooled else x
        for stage in self.stages:
            x = in_turn(stage, x)
        return self.output(x.mean(axis=(1, 2)))


def residual_stages(depth: int, **options: Any) -> nnx.List:
    """The blocks of every stage; each but the first begins with a stride of 2."""
    architecture = _ARCHITECTURES[depth]
    width, blocks = architecture.features[0], []
    for features, num_blocks in zip(architecture.features, architecture.num_blocks, strict=True):
        blocks.append([])
        for i in range(num_blocks):
            layers = architecture.block(features, 2 if i == 0 and len(blocks) > 1 else 1)
            blocks[-1].append(ResidualBlock(width, layers, architecture.project, **options))
            width = layers[-1].features
    return stages(blocks)


def _subsampled(x: Array, stride: int, y: Array) -> Array:
    """Every second row and column, and channels of zeros, as many as y has."""
    return extended(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(0, y.shape[-1] - x.shape[-1])])
