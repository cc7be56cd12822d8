"""Batch normalisation with the running statistics of PyTorch, fast on a CPU too."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxmath._array import product, wide
from jaxmath.models._initialization import constant

# How much a batch counts in the running statistics
_MOMENTUM = 0.1


class BatchNorm(nnx.Module):
    r"""Normalisation of every channel over the batch: $y = \\gamma (x - m) / \\sqrt{v + \\epsilon} + \\beta$.

    In training, $m$ and $v$ are mean and (biased) variance of the channel in all images of the batch, also where a mesh
    of devices shares them. In evaluation (``model.eval()``) they are the running statistics, of which every batch in
    training replaces a tenth: by its mean, and by its *unbiased* variance, as PyTorch does and ``nnx.BatchNorm`` does
    not. They are computed in float32 at least. Of one number a channel the variance is taken to be 0. In training there
    are derivatives backward alone, no ``jax.jvp``.

    Args:
      num_features: channels, the last axis of what it gets.
      epsilon: what is added to the variance.
      dtype: of the result; None for the widest of array and parameters.
      param_dtype: of the parameters.

    Reference: Ioffe and Szegedy (2015), algorithm 1.
    """

    def __init__(self, num_features: int, *, epsilon: float = 1e-5, dtype: Any = None, param_dtype: Any = jnp.float32):
        shape, wide_dtype = (num_features,), jnp.promote_types(param_dtype, jnp.float32)
        self.scale = nnx.Param(constant(1.0)(None, shape, param_dtype))
        self.bias = nnx.Param(constant(0.0)(None, shape, param_dtype))
        self.mean = nnx.BatchStat(constant(0.0)(None, shape, wide_dtype))
        self.var = nnx.BatchStat(constant(1.0)(None, shape, wide_dtype))
        self.epsilon, self.dtype = epsilon, dtype
        self.use_running_average = False

    def __call__(self, x: Float[Array, "n *space c"]) -> Float[Array, "n *space c"]:
        """Normalises, and in training updates the running statistics."""
        scale, bias = self.scale[...], self.bias[...]
        dtype = self.dtype or jnp.result_type(x, scale)
        widest = jnp.result_type(x, scale, jnp.float32)  # of all three: derivatives have the types of what they are of
        x, scale, bias = x.astype(widest), scale.astype(widest), bias.astype(widest)
        if self.use_running_average:
            factor, shift = _affine(self.mean[...], self.var[...], scale, bias, self.epsilon)
            return (x * factor + shift).astype(dtype)
        normalized: Any = _normalized(self.epsilon, x, scale, bias)
        y, mean, var = normalized
        count = x.size // x.shape[-1]
        for running, now in ((self.mean, mean), (self.var, var * (count / max(count - 1, 1)))):
            new = (1 - _MOMENTUM) * running[...] + _MOMENTUM * jax.lax.stop_gradient(now)
            running.set_value(new.astype(running[...].dtype))  # an item set would be a scatter in the program
        return y.astype(dtype)

    def affine(self) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Factor and shift of every channel in evaluation: ``x * factor + shift``."""
        return _affine(self.mean[...], self.var[...], wide(self.scale[...]), wide(self.bias[...]), self.epsilon)


def _affine(mean: Array, var: Array, scale: Array, bias: Array, epsilon: float) -> tuple[Array, Array]:
    factor = scale * jax.lax.rsqrt(var + epsilon)
    return factor, bias - mean * factor


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _normalized(epsilon: float, x: Array, scale: Array, bias: Array) -> tuple[Array, Array, Array]:
    """The normalised array, mean and variance. What comes back to the last two has no part in the derivative."""
    return _plain(epsilon, x, scale, bias)


def _plain(epsilon: float, x: Array, scale: Array, bias: Array) -> tuple[Array, Array, Array]:
    count = x.size // x.shape[-1]
    mean = _sums(x) / count
    var = _sums((x - mean) ** 2) / count
    factor, shift = _affine(mean, var, scale, bias, epsilon)
    return x * factor + shift, mean, var


def _forward(epsilon: float, x: Array, scale: Array, bias: Array) -> tuple[tuple, tuple]:
    y, mean, var = _plain(epsilon, x, scale, bias)
    return (y, mean, var), (x, scale, mean, var)


def _backward(epsilon: float, known: tuple, cotangents: tuple) -> tuple[Array, Array, Array]:
    """With z the array before scale and bias: dx = scale / deviation (g - mean of g - z times the mean of g z)."""
    (x, scale, mean, var), (g, _, _) = known, cotangents
    count, inverse = x.size // x.shape[-1], jax.lax.rsqrt(var + epsilon)
    of_bias = _sums(g)
    of_scale = _sums(g * (x - mean)) * inverse
    factor = scale * inverse
    slope = -factor * inverse * of_scale / count
    return g * factor + (x * slope - (mean * slope + factor * of_bias / count)), of_scale, of_bias


_normalized.defvjp(_forward, _backward)


def _sums(x: Float[Array, "*rows c"]) -> Float[Array, " c"]:
    """Sums over all axes but the last: on a CPU as a product with a vector of ones, which takes a third of the time."""

    def ones(x: Array) -> Array:
        rows = x.reshape(-1, x.shape[-1])
        return product(jnp.ones(len(rows), x.dtype), rows)

    return jax.lax.platform_dependent(x, cpu=ones, default=lambda x: jnp.sum(x, axis=tuple(range(x.ndim - 1))))
