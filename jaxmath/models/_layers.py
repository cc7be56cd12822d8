"""Parts that the image classifiers share: a convolution with its batch norm, pooling, checks of images."""

import math
from collections.abc import Sequence
from functools import reduce
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from jaxmath._array import as_size, in_range
from jaxmath.models._batch_norm import BatchNorm
from jaxmath.models._convolution import Conv
from jaxmath.models._initialization import Initializer, Later, as_rngs, constant, he_normal, normal, uniform

# As many equal blocks in a row are compiled once
_LOOP_FROM = 3


class ConvNorm(nnx.Module):
    """A convolution of odd window, padded so that stride 1 keeps the size, and its batch norm, if it has one.

    Args:
      in_features: channels of what it gets.
      out_features: channels of what it puts out.
      window: its side.
      stride: of both axes.
      batch_norm: whether there is one.
      use_bias: of the convolution.
      epsilon: of the batch norm.
      kernel_init: of the convolution.
      dtype: in which it computes.
      param_dtype: of the parameters.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        window: int = 1,
        stride: int = 1,
        *,
        batch_norm: bool = True,
        use_bias: bool = False,
        epsilon: float = 1e-5,
        kernel_init: Initializer = he_normal,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ):
        types = {"dtype": dtype, "param_dtype": param_dtype}
        inits = {"kernel_init": kernel_init, "bias_init": constant(0.0), "rngs": Later()}
        pads = ((window // 2, window // 2),) * 2
        window_and_stride = ((window, window), (stride, stride))
        self.conv = Conv(
            in_features, out_features, *window_and_stride, padding=pads, use_bias=use_bias, **inits, **types
        )
        self.norm = BatchNorm(out_features, epsilon=epsilon, **types) if batch_norm else None

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n oh ow o"]:
        x = self.conv(x)
        return x if self.norm is None else self.norm(x)

    def fold(self) -> None:
        """Makes the batch norm, as it is in evaluation, part of the convolution."""
        if self.norm is None:
            return
        (factor, bias), kernel, old = self.norm.affine(), self.conv.kernel, self.conv.bias
        bias = bias if old is None else bias + old[...] * factor
        self.conv.bias = nnx.Param(bias.astype(kernel[...].dtype))
        self.conv.kernel = nnx.Param((kernel[...] * factor).astype(kernel[...].dtype))
        self.conv.use_bias = True
        self.norm = None


def linear(in_features: int, out_features: int, deviation: float | None = None, **types: Any) -> nnx.Linear:
    """A fully connected layer, drawn later: normal of this deviation with bias 0, or as PyTorch does, uniform both."""
    limit = uniform(1 / math.sqrt(in_features))
    kernel_init, bias_init = (limit, limit) if deviation is None else (normal(deviation), constant(0.0))
    return nnx.Linear(in_features, out_features, kernel_init=kernel_init, bias_init=bias_init, rngs=Later(), **types)


def dropout_layer(name: str, argument: str, rate: float, rngs: nnx.Rngs) -> nnx.Dropout:
    """A dropout layer with a generator of its own, or without one at rate 0."""
    in_range(name, argument, rate, "[0, 1)")
    return nnx.Dropout(float(rate), rngs=as_rngs(name, rngs) if rate else None)


def check_module(name: str, model: Any) -> None:
    """TypeError unless this is a Flax NNX module."""
    if not isinstance(model, nnx.Module):
        kind = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise TypeError(f"{name}: expected a Flax NNX module, got {kind}")


def check_sizes(name: str, **sizes: int) -> None:
    """TypeError or ValueError unless all are integers from 1."""
    for argument, value in sizes.items():
        as_size(name, argument, value)


def check_images(name: str, x: Array, channels: int, smallest: int = 1) -> None:
    """TypeError for integers, ValueError for another number of channels or fewer pixels."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"{name}: expected images in floating point, got {x.dtype}; divide bytes by 255")
    if x.ndim != 4 or x.shape[3] != channels or min(x.shape[1:3]) < smallest:
        size = f"at least {smallest} x {smallest} pixels" if smallest > 1 else "at least one pixel"
        raise ValueError(f"{name}: expected images (n, height, width, {channels}) of {size}, got {x.shape}")


def max_pool(
    x: Float[Array, "n h w c"], window: int, stride: int, pad: int = 0, *, ceil: bool = False
) -> Float[Array, "n oh ow c"]:
    """The maximum over square windows, as one of rows and one of columns; of equal ones the first gets the gradient.

    With ``ceil`` also windows count that reach beyond the last row, as long as they begin in the image or the padding
    before it. Padding is -infinity.
    """
    for axis in (1, 2):
        size = x.shape[axis]
        rest = size + 2 * pad - window
        num = (rest + (stride - 1 if ceil else 0)) // stride + 1
        num -= ceil and (num - 1) * stride >= size + pad
        after = max((num - 1) * stride + window - size - pad, 0)
        if pad or after:
            edges = [(pad, after) if i == axis else (0, 0) for i in range(4)]
            x = jnp.pad(x, edges, constant_values=-jnp.inf)
        ends = [k + (num - 1) * stride + 1 for k in range(window)]
        x = reduce(_larger, (jax.lax.slice_in_dim(x, k, end, stride, axis) for k, end in enumerate(ends)))
    return x


def _larger(a: Array, b: Array) -> Array:
    """``jnp.maximum``, whose derivative is safe: it compares the operands with each other alone.

    That of ``jnp.maximum`` compares them with the result, and is 0 where a compiler computes an operand a second time
    with another rounding, as XLA does on a CPU after a batch norm.
    """
    return jnp.where((a >= b) | jnp.isnan(a), a, b)


def adaptive_average(x: Float[Array, "n h w c"], side: int) -> Float[Array, "n side side c"]:
    """Means of ``side`` times ``side`` windows, the i-th of rows floor(i h / side) to ceil((i + 1) h / side)."""
    if x.shape[1:3] == (side, side):
        return x
    rows, columns = (jnp.asarray(_windows(size, side), x.dtype) for size in x.shape[1:3])
    highest = jax.lax.Precision.HIGHEST
    return jnp.einsum("ih,nhwc,jw->nijc", rows, x, columns, precision=highest)


def _windows(size: int, side: int) -> np.ndarray:
    """A matrix that takes the means along an axis."""
    matrix = np.zeros((side, size))
    for i in range(side):
        begin, end = i * size // side, -(-(i + 1) * size // side)
        matrix[i, begin:end] = 1 / (end - begin)
    return matrix


def stages(blocks: Sequence[Sequence[nnx.Module]]) -> nnx.List:
    """Lists of layers as a model holds them."""
    return nnx.List([nnx.List(part) for part in blocks])


def in_turn(blocks: Sequence[nnx.Module], x: Array) -> Array:
    """What the last block makes of what the one before it makes, and so on.

    Some equal blocks in a row, of one shape and mode, are a loop over their weights, of which the compiler sees one
    block. A loop has no outputs of single blocks: where these are captured, each block is called by itself.
    """
    captured = any(hasattr(block, "__captures__") for block in blocks)
    for _, group in groupby(blocks, key=id if captured else _kind):
        equal = list(group)
        if len(equal) >= _LOOP_FROM:
            x = _looped(equal, x)
        else:
            for block in equal:
                x = block(x)
    return x


def _kind(block: nnx.Module) -> Any:
    """What equal blocks have in common."""
    graphdef, state = nnx.split(block)
    return graphdef, [(a.shape, a.dtype) for a in jax.tree.leaves(state)]


def _looped(blocks: Sequence[nnx.Module], x: Array) -> Array:
    graphdef = nnx.split(blocks[0])[0]

    def one(x: Array, weights: Any) -> tuple[Array, Any]:
        block, others = nnx.merge(graphdef, weights, copy=True), nnx.filter_state(weights, nnx.Not(nnx.Param))
        x, after = block(x), nnx.state(block, nnx.Not(nnx.Param))
        moved = any(a is not b for a, b in zip(jax.tree.leaves(others), jax.tree.leaves(after), strict=True))
        return x, after if moved else None  # in evaluation nothing is set, so that a model may be closed over

    stacked = jax.tree.map(lambda *arrays: jnp.stack(arrays), *(nnx.state(block) for block in blocks))
    x, after = jax.lax.scan(one, x, stacked)
    for i, block in enumerate(blocks if after is not None else ()):
        nnx.update(block, jax.tree.map(lambda a, i=i: a[i], after))
    return x
