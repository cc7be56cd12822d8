"""Inception modules: convolutions of several windows side by side."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxmath.models._initialization import draw, normal
from jaxmath.models._layers import ConvNorm, check_images, check_sizes, max_pool

EPSILON = 1e-3  # of the batch norms
_DEVIATION = 0.01  # of the kernels at the start


def convolution(in_features: int, out_features: int, window: int = 1, stride: int = 1, **types: Any) -> ConvNorm:
    """A convolution without bias with the batch norm of these networks."""
    options = {"epsilon": EPSILON, "kernel_init": normal(_DEVIATION), **types}
    return ConvNorm(in_features, out_features, window, stride, **options)


class NaiveInceptionModule(nnx.Module):
    r"""Convolutions of 1 x 1, 3 x 3 and 5 x 5 and a maximum over 3 x 3 of the same image, side by side.

    The image keeps its size, and the channels of the maximum come after those of the convolutions: there are
    ``c1 + c3 + c5 + in_features``, more than before, however few the convolutions have. The convolutions have no bias;
    a batch norm and a ReLU follow each.

    Args:
      in_features: channels of what it gets, static.
      c1, c3, c5: channels of the convolutions, static.
      rngs: ``nnx.Rngs`` with the stream ``params``.
      dtype: in which it computes; None for the widest of image and parameters.
      param_dtype: of the parameters.

    Example:
      >>> module = nnx.eval_shape(lambda: NaiveInceptionModule(256, c1=64, c3=64, c5=64, rngs=nnx.Rngs(0)))
      >>> sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))
      573824

    Reference: section 11.3.2; Szegedy et al. (2015), figure 2a.
    """

    def __init__(
        self,
        in_features: int,
        *,
        c1: int,
        c3: int,
        c5: int,
        rngs: nnx.Rngs,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ):
        check_sizes("models.NaiveInceptionModule", in_features=in_features, c1=c1, c3=c3, c5=c5)
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.conv1 = convolution(in_features, c1, **types)
        self.conv3 = convolution(in_features, c3, 3, **types)
        self.conv5 = convolution(in_features, c5, 5, **types)
        draw(self, rngs)

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h w o"]:
        """The four results along the channels.

        Raises:
          TypeError, ValueError: for integers, or another number of channels.
        """
        check_images("models.NaiveInceptionModule", x, self.conv1.conv.in_features)
        branches = [jax.nn.relu(branch(x)) for branch in (self.conv1, self.conv3, self.conv5)]
        return jnp.concatenate([*branches, max_pool(x, 3, 1, 1)], axis=-1)


class InceptionModule(nnx.Module):
    r"""The module of GoogLeNet: as the naive one, with convolutions of 1 x 1 that reduce the channels.

    They come before the larger convolutions and after the maximum, and the output has ``c1 + c3 + c5 + pool`` channels.
    Convolutions have no bias; a batch norm and a ReLU follow each.

    Args:
      in_features: channels of what it gets, static.
      c1: channels of the convolution of 1 x 1, static.
      c3_reduce, c3: channels before and after the convolution of 3 x 3, static.
      c5_reduce, c5: channels before and after the largest convolution, static.
      pool: channels that those of the maximum are brought to, static.
      window: side of the largest convolution, static and odd: 5 in the paper, 3 in torchvision's GoogLeNet.
      rngs: ``nnx.Rngs`` with the stream ``params``.
      dtype: in which it computes; None for the widest of image and parameters.
      param_dtype: of the parameters.

    Raises:
      ValueError: if the window is even.

    Example:
      >>> sizes = {"c1": 64, "c3_reduce": 96, "c3": 128, "c5_reduce": 16, "c5": 32, "pool": 32}
      >>> module = nnx.eval_shape(lambda: InceptionModule(256, **sizes, rngs=nnx.Rngs(0)))
      >>> sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))
      177376

    Reference: section 11.3.2; Szegedy et al. (2015), figure 2b; the batch norms are of Ioffe and Szegedy (2015).
    """

    def __init__(
        self,
        in_features: int,
        *,
        c1: int,
        c3_reduce: int,
        c3: int,
        c5_reduce: int,
        c5: int,
        pool: int,
        window: int = 5,
        rngs: nnx.Rngs,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ):
        sizes = {"in_features": in_features, "c1": c1, "c3_reduce": c3_reduce, "c3": c3, "c5_reduce": c5_reduce}
        check_sizes("models.InceptionModule", **sizes, c5=c5, pool=pool, window=window)
        if window % 2 == 0:
            raise ValueError(f"models.InceptionModule: window must be odd, got {window}")
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.conv1 = convolution(in_features, c1, **types)
        self.conv3_reduce = convolution(in_features, c3_reduce, **types)
        self.conv3 = convolution(c3_reduce, c3, 3, **types)
        self.conv5_reduce = convolution(in_features, c5_reduce, **types)
        self.conv5 = convolution(c5_reduce, c5, window, **types)
        self.projection = convolution(in_features, pool, **types)
        self.out_features = c1 + c3 + c5 + pool
        draw(self, rngs)

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h w o"]:
        """The four results along the channels.

        Raises:
          TypeError, ValueError: for integers, or another number of channels.
        """
        check_images("models.InceptionModule", x, self.conv1.conv.in_features)
        branches = (
            self.conv1(x),
            self.conv3(jax.nn.relu(self.conv3_reduce(x))),
            self.conv5(jax.nn.relu(self.conv5_reduce(x))),
            self.projection(max_pool(x, 3, 1, 1)),
        )
        return jax.nn.relu(jnp.concatenate(branches, axis=-1))
