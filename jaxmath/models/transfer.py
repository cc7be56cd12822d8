"""A trained model for other images: their normalisation, and a new last layer for other classes."""

from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxmath._array import as_size, in_range
from jaxmath.data.augment import IMAGENET_MEAN, IMAGENET_STD
from jaxmath.models._initialization import as_rngs
from jaxmath.models._layers import check_module
from jaxmath.models.faster_rcnn import FasterRCNN

Model = TypeVar("Model", bound=nnx.Module)
_LAST = "output"
# As PyTorch draws fully connected layers: uniform within 1 / sqrt(inputs). One object, so that graphs compare as equal.
_KERNEL_INIT = nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class Normalized(nnx.Module):
    r"""A model of images from 0 to 1, which it gets as $(x - \mu) / \sigma$.

    Published weights were trained on images with the mean and the standard deviation of the colours of ImageNet, the
    defaults.

    Args:
      model: of normalised images; it is not copied.
      mean: $\mu$, a number or one a channel.
      std: $\sigma$, likewise; both are saved with the weights, and not trained. Where it is 0, all is NaN.

    Raises:
      TypeError: if the model is no Flax NNX module.
      ValueError: if ``mean`` and ``std`` do not fit together, or a ``std`` is below 0 or not finite.

    Example:
      >>> from jaxmath.models import LeNet
      >>> model = Normalized(LeNet(rngs=nnx.Rngs(0)), mean=0.2, std=0.3)
      >>> model(jnp.zeros((5, 28, 28, 1))).shape
      (5, 10)
    """

    def __init__(self, model: nnx.Module, *, mean: ArrayLike = IMAGENET_MEAN, std: ArrayLike = IMAGENET_STD):
        name = "models.Normalized"
        check_module(name, model)
        shapes = {np.shape(a) for a in (mean, std)}
        if any(len(shape) > 1 for shape in shapes) or len(shapes - {()}) > 1:
            got = f"{np.shape(mean)} and {np.shape(std)}"
            raise ValueError(f"{name}: expected mean and std, each one number or one for each channel, got {got}")
        self.model = model
        self.mean = nnx.BatchStat(jnp.asarray(mean, jnp.float32))
        self.std = nnx.BatchStat(jnp.asarray(in_range(name, "std", std, "[0, inf)", scalar=False), jnp.float32))

    def __call__(self, x: Float[Array, "n h w c"]) -> Any:
        """The outputs for the normalised images; TypeError for integers."""
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(f"models.Normalized: expected images in floating point, got {x.dtype}; divide bytes by 255")
        return self.model((x - self.mean[...].astype(x.dtype)) / self.std[...].astype(x.dtype))


def replace_head(model: Model, num_classes: int, *, rngs: nnx.Rngs) -> Model:
    """A new last layer for other classes; all other layers stay.

    Of a classifier of this package the last layer is called ``output``, of the auxiliary classifiers of GoogLeNet as
    well; ``train.create(model, ..., trainable=nnx.PathContains("output"))`` trains it alone. A :class:`FasterRCNN` has
    two, ``logits`` and ``codes``.

    Args:
      model: whose fully connected layers of these names are replaced, in place; also inside of :class:`Normalized`.
      num_classes: outputs of the new layer, static; of a detector with the background.
      rngs: ``nnx.Rngs`` with the stream ``params``. The kernel is drawn as PyTorch does, uniform within
        $1 / \\sqrt{\\text{inputs}}$; the bias is 0.

    Returns:
      The model.

    Raises:
      TypeError: if it is no Flax NNX module, the number of classes is no integer, or ``rngs`` are no ``nnx.Rngs``.
      ValueError: if the model is no detector and no fully connected layer of it is called ``output``, or there are too
        few classes.

    Example:
      >>> from jaxmath.models import LeNet
      >>> model = replace_head(LeNet(rngs=nnx.Rngs(0)), 2, rngs=nnx.Rngs(1))
      >>> model(jnp.zeros((5, 28, 28, 1))).shape
      (5, 2)

    Reference: section 11.3.4.
    """
    name = "models.replace_head"
    check_module(name, model)
    rngs = as_rngs(name, rngs)
    if isinstance(model, FasterRCNN):
        model.num_classes = as_size(name, "num_classes", num_classes, least=2)
        model.logits, model.codes = (
            _renewed(old, num * num_classes, rngs) for old, num in ((model.logits, 1), (model.codes, 4))
        )
        return model
    num_classes = as_size(name, "num_classes", num_classes)
    parts: list[Any] = [p for _, p in nnx.iter_modules(model) if isinstance(getattr(p, _LAST, None), nnx.Linear)]
    if not parts:
        raise ValueError(f"{name}: {type(model).__name__} has no fully connected layer that is called {_LAST!r}")
    for part in parts:
        part.output = _renewed(part.output, num_classes, rngs)
    return model


def _renewed(old: nnx.Linear, num_outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    """A layer of the same inputs and types, drawn anew."""
    types = {"dtype": old.dtype, "param_dtype": old.param_dtype, "use_bias": old.bias is not None}
    return nnx.Linear(old.in_features, num_outputs, kernel_init=_KERNEL_INIT, rngs=rngs, **types)
