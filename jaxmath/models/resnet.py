"""Residual networks: those of ImageNet, and the small ones of CIFAR."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxmath._array import one_of
from jaxmath.conv.trimming import extended
from jaxmath.models._initialization import draw
from jaxmath.models._layers import ConvNorm, check_images, check_sizes, linear, max_pool, stages


class BasicBlock(nnx.Module):
    """Two convolutions of 3 x 3, to which what they get is added: ``relu(x + conv2(relu(conv1(x))))``, with batch norms.

    Args:
      in_features: channels of what it gets.
      features: channels of its convolutions, and of what it puts out.
      stride: of the first convolution.
      project: whether a convolution of 1 x 1 fits what is added to another shape; without it, rows and columns are left
        out, and channels of zeros are added.
      types: ``dtype`` and ``param_dtype``.
    """

    expansion = 1

    def __init__(self, in_features: int, features: int, stride: int, project: bool, **types: Any):
        self.conv1 = ConvNorm(in_features, features, 3, stride, **types)
        self.conv2 = ConvNorm(features, features, 3, **types)
        self.projection = _projection(in_features, features, stride, project, **types)
        self.stride = stride

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n oh ow o"]:
        y = self.conv2(jax.nn.relu(self.conv1(x)))
        return jax.nn.relu(y + (_subsampled(x, self.stride, y) if self.projection is None else self.projection(x)))


class Bottleneck(nnx.Module):
    """Convolutions of 1 x 1, 3 x 3 (which has the stride) and 1 x 1, the last with four times as many channels.

    Args: those of :class:`BasicBlock`; ``features`` are those of the first two convolutions.
    """

    expansion = 4

    def __init__(self, in_features: int, features: int, stride: int, project: bool, **types: Any):
        self.conv1 = ConvNorm(in_features, features, **types)
        self.conv2 = ConvNorm(features, features, 3, stride, **types)
        self.conv3 = ConvNorm(features, 4 * features, **types)
        self.projection = _projection(in_features, 4 * features, stride, project, **types)
        self.stride = stride

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n oh ow o"]:
        y = self.conv3(jax.nn.relu(self.conv2(jax.nn.relu(self.conv1(x)))))
        return jax.nn.relu(y + (_subsampled(x, self.stride, y) if self.projection is None else self.projection(x)))


class _Architecture(NamedTuple):
    """Blocks in each stage, their features, what they are, and where the network begins."""

    num_blocks: tuple[int, ...]
    features: tuple[int, ...] = (64, 128, 256, 512)
    block: type = BasicBlock
    stem: str = "imagenet"


_ARCHITECTURES = {
    18: _Architecture((2, 2, 2, 2)),
    34: _Architecture((3, 4, 6, 3)),
    50: _Architecture((3, 4, 6, 3), block=Bottleneck),
    101: _Architecture((3, 4, 23, 3), block=Bottleneck),
    152: _Architecture((3, 8, 36, 3), block=Bottleneck),
    **{6 * n + 2: _Architecture((n, n, n), (16, 32, 64), stem="small") for n in (3, 5, 9, 18)},
}


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
        num_blocks, features, block, default = _ARCHITECTURES[depth]
        stem = default if stem is None else one_of("models.ResNet", "stem", stem, ("imagenet", "small"))
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.small = stem == "small"
        window_and_stride = (3, 1) if self.small else (7, 2)
        self.stem = ConvNorm(channels, features[0], *window_and_stride, **types)
        width, blocks = features[0], []
        for i, (num, wide) in enumerate(zip(num_blocks, features, strict=True)):
            strides = [1 if i == 0 else 2, *[1] * (num - 1)]
            widths = [width, *[wide * block.expansion] * (num - 1)]
            project = default == "imagenet"
            blocks.append([block(w, wide, s, project, **types) for w, s in zip(widths, strides, strict=True)])
            width = wide * block.expansion
        self.stages = stages(blocks)
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
        x = x if self.small else max_pool(x, 3, 2, 1)
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return self.output(x.mean(axis=(1, 2)))


def _projection(in_features: int, out_features: int, stride: int, project: bool, **types: Any) -> ConvNorm | None:
    """What fits the input of a block to its output, if it must be and may be."""
    needed = stride != 1 or in_features != out_features
    return ConvNorm(in_features, out_features, 1, stride, **types) if needed and project else None


def _subsampled(x: Array, stride: int, y: Array) -> Array:
    """Every second row and column, and channels of zeros, as many as y has."""
    return extended(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(0, y.shape[-1] - x.shape[-1])])
