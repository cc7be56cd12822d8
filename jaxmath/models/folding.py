"""Batch norms folded into convolutions."""

from typing import Any, TypeVar

import jax
from flax import nnx

from jaxmath.models._layers import ConvNorm, check_module

Model = TypeVar("Model", bound=nnx.Module)


def fold_batch_norm(model: Model) -> Model:
    r"""A copy of a model for inference, in which every batch norm is part of the convolution before it.

    In evaluation a batch norm is $y = a x + b$ with $a = \gamma / \sqrt{v + \epsilon}$ and $b = \beta - a m$ from its
    running statistics, so that after a convolution with kernel $K$ and bias $c$ it is one with kernel $a K$ and bias
    $a c + b$: the same logits, up to rounding, with less to compute and to keep.

    Args:
      model: a :class:`VGG`, :class:`GoogLeNet` or :class:`ResNet`, or a model with parts of them. It stays as it is.

    Returns:
      The copy, in evaluation mode. Its convolutions have biases, and it has no running statistics; training it is
      possible, but trains another network.

    Raises:
      TypeError: if it is no Flax NNX module.

    Note:
      Parameters of bfloat16 round the folded kernels; fold those of float32, with ``dtype=jnp.bfloat16`` to compute.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxmath.models import InceptionModule
      >>> module = InceptionModule(4, c1=1, c3_reduce=1, c3=1, c5_reduce=1, c5=1, pool=1, rngs=nnx.Rngs(0))
      >>> len(jax.tree.leaves(nnx.state(module))), len(jax.tree.leaves(nnx.state(fold_batch_norm(module))))
      (30, 12)

    Reference: Jacob et al. (2018), section 3.2.
    """
    check_module("models.fold_batch_norm", model)
    return nnx.merge(*_folded(*nnx.split(model)))


@jax.jit
def _folded(graphdef: Any, state: Any) -> tuple[Any, Any]:
    """In one program."""
    model = nnx.merge(graphdef, state, copy=True)
    for part in [part for _, part in nnx.iter_modules(model) if isinstance(part, ConvNorm)]:
        part.fold()
    model.eval()
    return nnx.split(model)
