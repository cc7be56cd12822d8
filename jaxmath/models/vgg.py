"""VGG: stages of convolutions of 3 x 3, each followed by a maximum over 2 x 2."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxmath.models._initialization import draw
from jaxmath.models._layers import (
    ConvNorm,
    adaptive_average,
    check_images,
    check_sizes,
    dropout_layer,
    linear,
    max_pool,
    stages,
)

_FEATURES = (64, 128, 256, 512, 512)
# Convolutions in each of the five stages
_NUM_CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_SIDE = 7  # of the image that the fully connected layers get
_HIDDEN = 4096


class VGG(nnx.Module):
    r"""VGG: five stages of convolutions of 3 x 3, each halved by a maximum, and three fully connected layers.

    =====  ===================================================================
    depth  convolutions in the stages of 64, 128, 256, 512 and 512 features
    =====  ===================================================================
    11     1, 1, 2, 2, 2
    13     2, 2, 2, 2, 2
    16     2, 2, 3, 3, 3
    19     2, 2, 4, 4, 4
    =====  ===================================================================

    Images of other sizes than 224 x 224 are brought to 7 x 7 before ``hidden1`` by means over windows, which overlap
    where 7 does not divide the size.

    Args:
      depth: layers with weights, static.
      num_classes: outputs, static.
      batch_norm: whether every convolution has a batch norm, static.
      dropout: the rate after both hidden layers in training.
      channels: of an image, static.
      rngs: ``nnx.Rngs`` with the streams ``params`` and ``dropout``.
      dtype: in which it computes, ``jnp.bfloat16`` for instance; None for the widest of image and parameters.
      param_dtype: of the parameters.

    Raises:
      ValueError: for another depth, or a rate that is not in [0, 1).

    Note:
      A NaN in an image stays in it, but for a batch norm in training, which mixes the images of a batch.

    Example:
      >>> model = nnx.eval_shape(lambda: VGG(11, rngs=nnx.Rngs(0)))  # shapes alone: nothing is drawn
      >>> sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))
      132863336

    Reference: section 11.3.1; Simonyan and Zisserman (2015), configurations A, B, D and E.
    """

    def __init__(
        self,
        depth: int = 16,
        num_classes: int = 1000,
        *,
        batch_norm: bool = False,
        dropout: float = 0.5,
        channels: int = 3,
        rngs: nnx.Rngs,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ):
        if depth not in _NUM_CONVOLUTIONS:
            known = ", ".join(map(str, _NUM_CONVOLUTIONS))
            raise ValueError(f"models.VGG: depth must be one of {known}, got {depth!r}")
        check_sizes("models.VGG", num_classes=num_classes, channels=channels)
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.stages = conv_stages(depth, channels, batch_norm=batch_norm, use_bias=True, **types)
        self.hidden1 = linear(_SIDE * _SIDE * _FEATURES[-1], _HIDDEN, 0.01, **types)
        self.dropout1 = dropout_layer("models.VGG", "dropout", dropout, rngs)
        self.hidden2 = linear(_HIDDEN, _HIDDEN, 0.01, **types)
        self.dropout2 = dropout_layer("models.VGG", "dropout", dropout, rngs)
        self.output = linear(_HIDDEN, num_classes, 0.01, **types)
        draw(self, rngs)

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n classes"]:
        """The logits of images of at least 32 x 32 pixels.

        Raises:
          TypeError: for integers; divide bytes by 255.
          ValueError: for smaller images or another number of channels.
        """
        check_images("models.VGG", x, self.stages[0][0].conv.in_features, 32)
        for stage in self.stages:
            for convolution in stage:
                x = jax.nn.relu(convolution(x))
            x = max_pool(x, 2, 2)
        x = adaptive_average(x, _SIDE).reshape(len(x), -1)
        x = self.dropout1(jax.nn.relu(self.hidden1(x)))
        x = self.dropout2(jax.nn.relu(self.hidden2(x)))
        return self.output(x)


def conv_stages(depth: int, channels: int = 3, **options: Any) -> nnx.List:
    """The convolutions of every stage."""
    blocks, width = [], channels
    for num, features in zip(_NUM_CONVOLUTIONS[depth], _FEATURES, strict=True):
        widths = [width, *[features] * (num - 1)]
        blocks.append([ConvNorm(width, features, 3, **options) for width in widths])
        width = features
    return stages(blocks)
