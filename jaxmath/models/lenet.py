"""LeNet-5."""

from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxmath._array import in_range
from jaxmath.conv.trimming import extended
from jaxmath.models._convolution import Conv
from jaxmath.models._initialization import as_rngs

_SIDES = (28, 32)


class LeNet(nnx.Module):
    r"""LeNet-5 with tanh: three convolutions of 5 x 5, two of them pooled, and two fully connected layers.

    =============  ============  ==========
    layer          output        parameters
    =============  ============  ==========
    ``conv1``      28 x 28 x 6   156
    average of 2 x 2, 14 x 14 x 6
    ``conv2``      10 x 10 x 16  2,416
    average of 2 x 2, 5 x 5 x 16
    ``conv3``      1 x 1 x 120   48,120
    ``hidden``     84            10,164
    ``output``     10            850
    =============  ============  ==========

    Args:
      num_classes: outputs, static.
      channels: of an image, static.
      mean: what is subtracted from the pixels, a number or one a channel.
      std: what they are divided by then; both are saved with the weights, and not trained. Where it is 0, all is NaN.
      rngs: ``nnx.Rngs`` with the stream ``params``.
      dtype: in which it computes, ``jnp.bfloat16`` for instance; None for the widest of image and parameters.
      param_dtype: of the parameters.

    Raises:
      ValueError: if ``mean`` or ``std`` is neither a number nor one a channel, or ``std`` is below 0.

    Example:
      >>> model = LeNet(rngs=nnx.Rngs(0))
      >>> model(jnp.zeros((5, 28, 28, 1))).shape
      (5, 10)

    Reference: section 11.2.1; LeCun, Bottou, Bengio and Haffner (1998), without their partial connections between the
    first two convolutions and with a linear last layer, for softmax.
    """

    def __init__(
        self,
        num_classes: int = 10,
        *,
        channels: int = 1,
        mean: ArrayLike = 0.0,
        std: ArrayLike = 1.0,
        rngs: nnx.Rngs,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ):
        if any(jnp.shape(a) not in ((), (channels,)) for a in (mean, std)):
            shapes = f"{jnp.shape(mean)} and {jnp.shape(std)}"
            raise ValueError(f"models.LeNet: expected mean and std of shape () or ({channels},), got {shapes}")
        std = in_range("models.LeNet", "std", std, "[0, inf)", scalar=False)
        self.mean, self.std = (nnx.BatchStat(jnp.full(channels, a, param_dtype)) for a in (mean, std))
        rngs = as_rngs("models.LeNet", rngs)
        # Glorot's variance, and 5/3 of its deviation because tanh makes what it gets smaller
        kernel_init = nnx.initializers.variance_scaling((5 / 3) ** 2, "fan_avg", "uniform")
        common = {"dtype": dtype, "param_dtype": param_dtype, "kernel_init": kernel_init}
        self.conv1 = Conv(channels, 6, (5, 5), padding="VALID", rngs=rngs, **common)
        self.conv2 = Conv(6, 16, (5, 5), padding="VALID", rngs=rngs, **common)
        self.conv3 = Conv(16, 120, (5, 5), padding="VALID", rngs=rngs, **common)
        self.hidden = nnx.Linear(120, 84, rngs=rngs, **common)
        self.output = nnx.Linear(84, num_classes, rngs=rngs, **common)

    def __call__(self, x: Float[Array, "n side side c"]) -> Float[Array, "n classes"]:
        """The logits of images of 32 x 32 pixels, or of 28 x 28, which get a frame of zeros two pixels wide.

        Raises:
          TypeError: for integers; divide bytes by 255.
          ValueError: for images of another size or number of channels.
        """
        x = (_framed(x, self.conv1.in_features) - self.mean[...]) / self.std[...]
        x = _pool(jnp.tanh(self.conv1(x)))
        x = _pool(jnp.tanh(self.conv2(x)))
        x = jnp.tanh(self.conv3(x))[:, 0, 0]
        x = jnp.tanh(self.hidden(x))
        return self.output(x)


def _pool(x: Array) -> Array:
    return nnx.avg_pool(x, (2, 2), strides=(2, 2))


def _framed(x: Array, channels: int) -> Array:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"models.LeNet: expected images in floating point, got {x.dtype}; divide bytes by 255")
    if x.ndim != 4 or x.shape[1] not in _SIDES or x.shape[1] != x.shape[2] or x.shape[3] != channels:
        raise ValueError(
            f"models.LeNet: expected images (n, 28, 28, {channels}) or (n, 32, 32, {channels}), got {x.shape}"
        )
    frame = (32 - x.shape[1]) // 2
    return extended(x, ((0, 0), (frame, frame), (frame, frame), (0, 0)))
