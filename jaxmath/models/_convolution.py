"""One convolution for all models that is fast on a CPU too; elsewhere it is XLA's own.

XLA's convolution is slow on a CPU where there are few channels, and in a loop, where the derivative by the kernel keeps
an order of axes for which there is only a naive program. A user need not know: what follows from the shapes is chosen
here, and a GPU or TPU gets XLA's convolution.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxmath.conv import trimming

# Up to so many input channels products of tiles are faster than XLA's convolution on a CPU.
_FEW_CHANNELS = 8
# A tile has about so many outputs: wide enough for a fast product, with few zeros in its matrix.
_TILE_OUTPUTS = 96
_AXES = ("NHWC", "HWIO", "NHWC")

Pads = trimming.Pads


def convolution(
    x: Float[Array, "n *space _"],
    kernel: Float[Array, "*window _ o"],
    strides: Sequence[int],
    padding: str | Pads,
    *,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    feature_group_count: int = 1,
    **options: Any,
) -> Float[Array, "n *out o"]:
    """``jax.lax.conv_general_dilated`` as a layer calls it, with the same result, up to rounding.

    A kernel as large as the image makes one product of matrices. On a CPU few channels make products of tiles, and all
    else is XLA's convolution with derivatives that are convolutions in the same order of axes.

    Note:
      A NaN or an infinity in an image may make more outputs of this image NaN than those that it reaches. Forward mode
      (``jax.jvp``) alone fails where XLA's convolution is left to do it: more than 8 channels, or strides. Reverse
      mode, and forward over reverse mode, work.
    """
    size, window = x.shape[1:-1], kernel.shape[:-2]
    options.pop("dimension_numbers", None)
    stretched = any(d != 1 for d in lhs_dilation or ())
    if isinstance(padding, str) and stretched:
        raise ValueError(f"models: input_dilation needs padding as pairs (before, after), got {padding!r}")
    if isinstance(padding, str):
        spans = [(k - 1) * d + 1 for k, d in zip(window, rhs_dilation or (1,) * len(window), strict=True)]
        padding = jax.lax.padtype_to_pads(size, spans, strides, padding)
    if x.ndim != 4 or stretched or any(d != 1 for d in rhs_dilation or ()) or feature_group_count != 1:
        options |= {"lhs_dilation": lhs_dilation, "rhs_dilation": rhs_dilation}
        return trimming.convolution(x, kernel, strides, padding, feature_group_count=feature_group_count, **options)
    undilated = partial(_undilated, tuple(strides), tuple(options.items()))
    return trimming.trimmed(undilated, x, kernel, strides, padding, ((1, 1), (1, 1)))


# A two-dimensional convolution layer of Flax that is fast on a CPU too.
Conv = partial(nnx.Conv, conv_general_dilated=convolution)


def _undilated(strides: tuple, options: tuple, x: Array, kernel: Array, pads: Pads) -> Array:
    """The fastest program for a convolution of images that pads and strides fit without a rest."""
    if x.shape[1:3] == kernel.shape[:2] and not any(map(any, pads)):
        return _whole(x, kernel, **dict(options))
    plain = partial(_plain, strides, tuple((low, high) for low, high in pads), options)
    if kernel.shape[2] <= _FEW_CHANNELS and strides == (1, 1):
        on_cpu = partial(_in_tiles, pads=pads, **dict(options))
    else:
        on_cpu = partial(_with_plain_derivatives, *plain.args)
    return jax.lax.platform_dependent(x, kernel, cpu=on_cpu, default=plain)


def _plain(strides: Sequence[int], pads: Pads, options: tuple, x: Array, kernel: Array) -> Array:
    return jax.lax.conv_general_dilated(x, kernel, strides, pads, dimension_numbers=_AXES, **dict(options))


def _whole(x: Array, kernel: Array, **options: Any) -> Array:
    """A kernel as large as the image: one output for each kernel."""
    outputs = kernel.shape[-1]
    rows = x.reshape(len(x), kernel[..., 0].size)
    return jnp.matmul(rows, kernel.reshape(-1, outputs), **options)[:, None, None]


def _in_tiles(x: Array, kernel: Array, pads: Pads, **options: Any) -> Array:
    """Tiles of t outputs in a row, all from one product with a banded matrix.

    The t outputs q of a tile need t + kw - 1 columns p of the image, in kh rows i: a row of numbers, times the matrix
    with K[i, p - q] where p - q is in the kernel and 0 elsewhere. All tiles share the matrix.
    """
    x = trimming.extended(x, ((0, 0), *pads, (0, 0)))
    (n, height, width, _), (kh, kw, c, outputs) = x.shape, kernel.shape
    high, wide = height - kh + 1, width - kw + 1
    num_tiles = -(-wide // max(1, round(_TILE_OUTPUTS / outputs)))
    t = -(-wide // num_tiles)
    span = t + kw - 1
    x = trimming.extended(x, ((0, 0), (0, 0), (0, num_tiles * t - wide), (0, 0)))
    tiles = jnp.stack([x[:, :, q * t : q * t + span] for q in range(num_tiles)], axis=2)
    tiles = tiles.reshape(n, height, num_tiles, span * c)
    rows = jnp.stack([tiles[:, i : i + high] for i in range(kh)], axis=3)
    inside = jnp.stack([jnp.eye(span, t, -j, dtype=kernel.dtype) for j in range(kw)])
    band = jnp.einsum("ijco,jpq->ipcqo", kernel, inside, precision=jax.lax.Precision.HIGHEST)
    y = jnp.matmul(rows.reshape(n * high * num_tiles, kh * span * c), band.reshape(-1, t * outputs), **options)
    return y.reshape(n, high, num_tiles * t, outputs)[:, :, :wide]


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _with_plain_derivatives(strides: Sequence[int], pads: Pads, options: tuple, x: Array, kernel: Array) -> Array:
    return _plain(strides, pads, options, x, kernel)


def _forward(strides: Sequence[int], pads: Pads, options: tuple, x: Array, kernel: Array) -> tuple:
    return _plain(strides, pads, options, x, kernel), (x, kernel)  # itself, it would have no forward derivative


def _backward(strides: Sequence[int], pads: Pads, options: tuple, known: tuple, g: Array) -> tuple[Array, Array]:
    """By the image: g, spread by the strides, under the flipped kernel. By the kernel: the image under g."""
    x, kernel = known
    convolve = partial(jax.lax.conv_general_dilated, dimension_numbers=_AXES, **dict(options))
    around = [(window - 1 - low, window - 1 - high) for window, (low, high) in zip(kernel.shape, pads, strict=False)]
    flipped = kernel[::-1, ::-1].swapaxes(2, 3)
    by_image = convolve(g, flipped, (1, 1), around, lhs_dilation=strides)
    turned, weights = x.transpose(3, 1, 2, 0), g.transpose(1, 2, 0, 3)
    by_kernel = convolve(turned, weights, (1, 1), pads, rhs_dilation=strides).transpose(1, 2, 0, 3)
    return by_image.astype(x.dtype), by_kernel.astype(kernel.dtype)


_with_plain_derivatives.defvjp(_forward, _backward)
