"""GoogLeNet: nine inception modules."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxmath.data.augment import IMAGENET_MEAN, IMAGENET_STD
from jaxmath.models._initialization import Later, draw
from jaxmath.models._layers import (
    adaptive_average,
    check_images,
    check_sizes,
    dropout_layer,
    linear,
    max_pool,
    stages,
)
from jaxmath.models.inception import InceptionModule, convolution

# c1, c3_reduce, c3, c5_reduce, c5 and pool of the modules 3a and 3b, 4a to 4e, 5a and 5b
_MODULES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
_NAMES = ("c1", "c3_reduce", "c3", "c5_reduce", "c5", "pool")


class AuxiliaryClassifier(nnx.Module):
    """Means over 4 x 4 windows, a convolution of 1 x 1 and two fully connected layers.

    Args:
      in_features: channels of what it gets.
      num_classes: outputs.
      dropout: the rate between the two layers in training.
      rngs: for the dropout.
      types: ``dtype`` and ``param_dtype``.
    """

    def __init__(self, in_features: int, num_classes: int, dropout: float, rngs: nnx.Rngs, **types: Any):
        self.conv = convolution(in_features, 128, **types)
        self.hidden = linear(4 * 4 * 128, 1024, 0.01, **types)
        self.dropout = dropout_layer("models.GoogLeNet", "auxiliary_dropout", dropout, rngs)
        self.output = linear(1024, num_classes, 0.01, **types)

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n classes"]:
        x = jax.nn.relu(self.conv(adaptive_average(x, 4)))
        x = self.dropout(jax.nn.relu(self.hidden(x.reshape(len(x), -1))))
        return self.output(x)


class GoogLeNet(nnx.Module):
    r"""GoogLeNet: three convolutions, nine inception modules in three stages, the mean over the image, one layer.

    ======  =========================  ======================
    stage   modules                    channels out
    ======  =========================  ======================
    stem    7 x 7, 1 x 1, 3 x 3        64, 64, 192
    3       3a, 3b                     256, 480
    4       4a, 4b, 4c, 4d, 4e         512, 512, 512, 528, 832
    5       5a, 5b                     832, 1024
    ======  =========================  ======================

    The largest convolution of a module is one of 3 x 3, as in torchvision, and every convolution has a batch norm. Two
    auxiliary classifiers read what 4a and 4d put out; :meth:`auxiliaries` asks them, in training.

    Args:
      num_classes: outputs, static.
      auxiliary: whether there are auxiliary classifiers, static.
      dropout: the rate before the last layer in training.
      auxiliary_dropout: the rate in the auxiliary classifiers.
      transform_input: for the weights that torchvision publishes, static: images normalised with the means and standard
        deviations of ImageNet become those that the weights were trained on, normalised with 0.5 and 0.5.
      channels: of an image, static.
      rngs: ``nnx.Rngs`` with the streams ``params`` and ``dropout``.
      dtype: in which it computes, ``jnp.bfloat16`` for instance; None for the widest of image and parameters.
      param_dtype: of the parameters.

    Raises:
      ValueError: for a rate that is not in [0, 1), or ``transform_input`` with another number of channels than 3.

    Note:
      In training the normalisation mixes the images of a batch: a NaN in one reaches all of them, and the running
      statistics. In evaluation it stays in its image.

    Example:
      >>> model = nnx.eval_shape(lambda: GoogLeNet(auxiliary=False, rngs=nnx.Rngs(0)))  # nothing is drawn
      >>> sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))
      6624904

    Reference: section 11.3.2; Szegedy et al. (2015), table 1; the batch norms are of Ioffe and Szegedy (2015).
    """

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        auxiliary: bool = True,
        dropout: float = 0.2,
        auxiliary_dropout: float = 0.7,
        transform_input: bool = False,
        channels: int = 3,
        rngs: nnx.Rngs,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ):
        check_sizes("models.GoogLeNet", num_classes=num_classes, channels=channels)
        if transform_input and channels != 3:
            raise ValueError(f"models.GoogLeNet: transform_input needs images of 3 channels, got channels={channels}")
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.transform_input = transform_input
        self.conv1 = convolution(channels, 64, 7, 2, **types)
        self.conv2 = convolution(64, 64, **types)
        self.conv3 = convolution(64, 192, 3, **types)
        self.stages = _inception_stages(192, **types)
        heads = [
            AuxiliaryClassifier(module.out_features, num_classes, auxiliary_dropout, rngs, **types)
            for module in ((self.stages[1][0], self.stages[1][3]) if auxiliary else ())
        ]
        self.classifiers = nnx.List(heads)
        self.dropout = dropout_layer("models.GoogLeNet", "dropout", dropout, rngs)
        self.output = linear(self.stages[-1][-1].out_features, num_classes, 0.01, **types)
        draw(self, rngs)

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n classes"]:
        """The logits of images of at least 15 x 15 pixels; the auxiliary classifiers are not asked.

        Raises:
          TypeError: for integers; divide bytes by 255.
          ValueError: for smaller images or another number of channels.
        """
        return self._logits(x)[0]

    def auxiliaries(
        self, x: Float[Array, "n h w c"]
    ) -> tuple[Float[Array, "n classes"], Float[Array, "n classes"], Float[Array, "n classes"]]:
        """The logits, and those of the two auxiliary classifiers, for a loss such as that of the paper.

        .. code-block:: python

            def loss(model, batch):
                images, labels = batch
                parts = [losses.softmax_cross_entropy(logits, labels).mean() for logits in model.auxiliaries(images)]
                return parts[0] + 0.3 * (parts[1] + parts[2]), {}

        Raises:
          TypeError, ValueError: as the call, and if the model has no auxiliary classifiers.
        """
        if not self.classifiers:
            raise ValueError("models.GoogLeNet.auxiliaries: this model was made with auxiliary=False")
        logits, *inputs = self._logits(x)
        first, second = (head(inner) for head, inner in zip(self.classifiers, inputs, strict=True))
        return logits, first, second

    def _logits(self, x: Array) -> tuple[Array, Array, Array]:
        """The logits, and what the auxiliary classifiers read: the outputs of 4a and 4d."""
        check_images("models.GoogLeNet", x, self.conv1.conv.in_features, 15)
        x = _rescaled(x) if self.transform_input else x
        x = max_pool(jax.nn.relu(self.conv1(x)), 3, 2, ceil=True)
        x = jax.nn.relu(self.conv3(jax.nn.relu(self.conv2(x))))
        outputs = []
        for stage, window in zip(self.stages, (3, 3, 2), strict=True):
            x = max_pool(x, window, 2, ceil=True)
            outputs.append([x := module(x) for module in stage])
        logits = self.output(self.dropout(x.mean(axis=(1, 2))))
        return logits, outputs[1][0], outputs[1][3]


def _inception_stages(width: int, **types: Any) -> nnx.List:
    modules = []
    for stage in _MODULES:
        modules.append([])
        for sizes in stage:
            named = dict(zip(_NAMES, sizes, strict=True))
            modules[-1].append(InceptionModule(width, **named, window=3, rngs=Later(), **types))
            width = modules[-1][-1].out_features
    return stages(modules)


def _rescaled(x: Array) -> Array:
    """From (pixel - mean) / std to (pixel - 0.5) / 0.5."""
    mean, std = jnp.asarray(IMAGENET_MEAN, x.dtype), jnp.asarray(IMAGENET_STD, x.dtype)
    return x * (std / 0.5) + (mean - 0.5) / 0.5
