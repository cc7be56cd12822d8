"""Encoders and decoders of autoencoders: fully connected layers, or convolutions that halve and double images."""

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxmath._array import as_size, one_of
from jaxmath.models._convolution import Conv
from jaxmath.models._initialization import Later, constant, normal
from jaxmath.models._layers import linear

# Widths of the hidden layers, or channels of the convolutions
_HIDDEN = {"linear": (1024, 512), "conv": (32, 128, 256)}
_WINDOW = (3, 3)
_STRIDES = (2, 2)
_AXES = ("NHWC", "HWIO", "NHWC")


def make(
    name: str,
    image_shape: Sequence[int],
    backbone: str,
    hidden: Sequence[int] | None,
    sizes: tuple[int, int],
    **types: Any,
) -> tuple[nnx.Module, nnx.Module]:
    """An encoder with so many outputs and a decoder of so many inputs, ``sizes``, both to be drawn.

    Raises:
      TypeError, ValueError: as ``name`` tells of its arguments.
    """
    backbone = one_of(name, "backbone", backbone, tuple(_HIDDEN))
    if not isinstance(image_shape, Sequence) or len(image_shape) != 3:
        raise ValueError(f"{name}: image_shape must be (height, width, channels), got {image_shape!r}")
    shape = tuple(as_size(name, "image_shape", size) for size in image_shape)
    if hidden is not None and (not isinstance(hidden, Sequence) or isinstance(hidden, str)):
        raise TypeError(f"{name}: hidden must be a list of sizes or None, got {hidden!r}")
    hidden = _HIDDEN[backbone] if hidden is None else tuple(as_size(name, "hidden", size) for size in hidden)
    if backbone == "linear":
        return LinearEncoder(shape, hidden, sizes[0], **types), LinearDecoder(shape, hidden, sizes[1], **types)
    if not hidden:
        raise ValueError(f"{name}: hidden must have the channels of at least one convolution, got {hidden}")
    if any(side % 2 ** len(hidden) for side in shape[:2]):
        halvings = f"{len(hidden)} convolutions of stride 2 need height and width that {2 ** len(hidden)} divides"
        raise ValueError(f"{name}: {halvings}, got image_shape {shape}")
    return ConvEncoder(shape, hidden, sizes[0], **types), ConvDecoder(shape, hidden, sizes[1], **types)


class LinearEncoder(nnx.Module):
    """Pixels in a row, through fully connected layers with ReLUs between them."""

    def __init__(self, shape: tuple[int, ...], hidden: tuple[int, ...], size: int, **types: Any):
        self.hidden = nnx.List([linear(a, b, **types) for a, b in pairwise((math.prod(shape), *hidden))])
        self.output = linear((math.prod(shape), *hidden)[-1], size, **types)

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n k"]:
        x = x.reshape(len(x), math.prod(x.shape[1:]))
        for layer in self.hidden:
            x = jax.nn.relu(layer(x))
        return self.output(x)


class LinearDecoder(nnx.Module):
    """The same layers the other way round."""

    def __init__(self, shape: tuple[int, ...], hidden: tuple[int, ...], size: int, **types: Any):
        widths = (size, *hidden[::-1])
        self.hidden = nnx.List([linear(a, b, **types) for a, b in pairwise(widths)])
        self.output = linear(widths[-1], math.prod(shape), **types)
        self.shape = shape

    def __call__(self, z: Float[Array, "n k"]) -> Float[Array, "n h w c"]:
        for layer in self.hidden:
            z = jax.nn.relu(layer(z))
        return self.output(z).reshape(len(z), *self.shape)


class ConvEncoder(nnx.Module):
    """Convolutions of 3 x 3 and stride 2 with ReLUs, and a fully connected layer."""

    def __init__(self, shape: tuple[int, ...], channels: tuple[int, ...], size: int, **types: Any):
        self.convolutions = nnx.List([_halving(a, b, **types) for a, b in pairwise((shape[2], *channels))])
        self.output = linear(math.prod(_smallest(shape, channels)), size, **types)

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n k"]:
        for convolution in self.convolutions:
            x = jax.nn.relu(convolution(x))
        return self.output(x.reshape(len(x), math.prod(x.shape[1:])))


def _halving(in_features: int, out_features: int, **types: Any) -> nnx.Module:
    deviation = math.sqrt(2 / (math.prod(_WINDOW) * in_features))
    inits = {"kernel_init": normal(deviation), "bias_init": constant(0.0), "rngs": Later()}
    return Conv(in_features, out_features, _WINDOW, _STRIDES, padding=((1, 1), (1, 1)), **inits, **types)


class ConvDecoder(nnx.Module):
    """A fully connected layer, and transposed convolutions of 3 x 3 that double the image, with ReLUs between them."""

    def __init__(self, shape: tuple[int, ...], channels: tuple[int, ...], size: int, **types: Any):
        self.shape = _smallest(shape, channels)
        self.hidden = linear(size, math.prod(self.shape), **types)
        widths = (*channels[::-1], shape[2])
        self.convolutions = nnx.List([ConvTranspose(a, b, **types) for a, b in pairwise(widths)])

    def __call__(self, z: Float[Array, "n k"]) -> Float[Array, "n h w c"]:
        x = self.hidden(z).reshape(len(z), *self.shape)
        for convolution in self.convolutions:
            x = convolution(jax.nn.relu(x))
        return x


class ConvTranspose(nnx.Module):
    """A transposed convolution of 3 x 3 and stride 2, which doubles an image."""

    def __init__(self, in_features: int, out_features: int, *, dtype: Any, param_dtype: Any):
        # each output sees a quarter of the window, so that this is the deviation of He et al. (2015)
        deviation = math.sqrt(2 * 4 / (math.prod(_WINDOW) * in_features))
        self.kernel = nnx.Param(normal(deviation)(None, (*_WINDOW, in_features, out_features), param_dtype))
        self.bias = nnx.Param(constant(0.0)(None, (out_features,), param_dtype))
        self.dtype = dtype

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h2 w2 o"]:
        kernel, bias = self.kernel[...], self.bias[...]
        dtype = self.dtype or jnp.result_type(x, kernel)
        return _doubled(x.astype(dtype), kernel.astype(dtype)) + bias.astype(dtype)


@jax.custom_vjp
def _doubled(x: Array, kernel: Array) -> Array:
    """``y[o] = sum of kernel[k] x[i]`` over k and i with ``o = 2 i + 2 - k``, of rows and of columns.

    Its derivatives are convolutions with a stride: XLA's own take ten times as long on a CPU. They are of reverse mode,
    and of forward over reverse mode.
    """
    return _transposed(x, kernel)


def _transposed(x: Array, kernel: Array) -> Array:
    return jax.lax.conv_transpose(x, kernel, _STRIDES, "SAME", dimension_numbers=_AXES)


def _forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _transposed(x, kernel), (x, kernel)


def _backward(known: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    """By the image: g under the flipped kernel, at every second place. By the kernel: g under the spread image."""
    x, kernel = known
    convolve, pads = partial(jax.lax.conv_general_dilated, dimension_numbers=_AXES), ((0, 1), (0, 1))
    by_image = convolve(g, kernel[::-1, ::-1].swapaxes(2, 3), _STRIDES, pads)
    turned, weights = g.transpose(3, 1, 2, 0), x.transpose(1, 2, 0, 3)
    by_kernel = convolve(turned, weights, (1, 1), pads, rhs_dilation=_STRIDES)
    return by_image, by_kernel[:, ::-1, ::-1].transpose(1, 2, 3, 0)


_doubled.defvjp(_forward, _backward)


def _smallest(shape: tuple[int, ...], channels: tuple[int, ...]) -> tuple[int, int, int]:
    """Height, width and channels of the output of the last convolution of an encoder."""
    factor = 2 ** len(channels)
    return shape[0] // factor, shape[1] // factor, channels[-1]
