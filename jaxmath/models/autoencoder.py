"""Autoencoders, and variational ones."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxmath._array import as_real, as_size, one_of
from jaxmath.models import _coding
from jaxmath.models._initialization import draw

LIKELIHOODS = ("bernoulli", "gaussian")


class _Coder(nnx.Module):
    """What the two kinds have in common."""

    _num_codes: int  # outputs of the encoder for each latent variable

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_size: int,
        *,
        backbone: str = "linear",
        hidden: Sequence[int] | None = None,
        likelihood: str = "bernoulli",
        rngs: nnx.Rngs,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ):
        name = f"models.{type(self).__name__}"
        self.latent_size = as_size(name, "latent_size", latent_size)
        self.likelihood = one_of(name, "likelihood", likelihood, LIKELIHOODS)
        sizes = (self._num_codes * self.latent_size, self.latent_size)
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.encoder, self.decoder = _coding.make(name, image_shape, backbone, hidden, sizes, **types)
        self.image_shape = tuple(map(int, image_shape))
        draw(self, rngs)

    @property
    def _dtype(self) -> Any:
        """Of the parameters."""
        return jax.tree.leaves(nnx.state(self.decoder, nnx.Param))[0].dtype

    def _encoded(self, x: Array) -> Array:
        """The output of the encoder."""
        name = f"models.{type(self).__name__}"
        x = as_real(name, x)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(f"{name}: expected images in floating point, got {x.dtype}; divide bytes by 255")
        if x.ndim != 4 or x.shape[1:] != self.image_shape:
            raise ValueError(f"{name}: expected images (n, {', '.join(map(str, self.image_shape))}), got {x.shape}")
        return self.encoder(x)

    def decode(self, z: Float[Array, "n k"]) -> Float[Array, "n h w c"]:
        """The logits of the pixels of codes for "bernoulli", their means for "gaussian".

        Args:
          z: codes, shape ``(n, latent_size)``; a NaN in one makes its image NaN and no other.

        Raises:
          TypeError: for codes that are no floats.
          ValueError: if they are of another shape.
        """
        name = f"models.{type(self).__name__}"
        z = as_real(name, z)
        if not jnp.issubdtype(z.dtype, jnp.floating):
            raise TypeError(f"{name}: expected codes in floating point, got {z.dtype}")
        if z.ndim != 2 or z.shape[1] != self.latent_size:
            raise ValueError(f"{name}: expected codes (n, {self.latent_size}), got {z.shape}")
        return self.decoder(z)

    def means(self, z: Float[Array, "n k"]) -> Float[Array, "n h w c"]:
        """The mean of each pixel given the codes, in [0, 1] for "bernoulli"; arguments and errors of :meth:`decode`."""
        decoded = self.decode(z)
        return jax.nn.sigmoid(decoded) if self.likelihood == "bernoulli" else decoded


class AutoEncoder(_Coder):
    r"""An encoder of images into a few numbers, their codes $z = e(x)$, and a decoder back: $x \approx d(z)$.

    ============  =================================================================================================
    backbone      layers
    ============  =================================================================================================
    ``"linear"``  pixels, 1024, 512, z, 512, 1024, pixels: fully connected, with ReLUs
    ``"conv"``    convolutions of 3 x 3 with 32, 128 and 256 channels, each of which halves the image, one fully
                  connected layer to z and one back, and transposed convolutions with 128, 32 and the image's channels
    ============  =================================================================================================

    Args:
      image_shape: (height, width, channels), static.
      latent_size: numbers in a code, static.
      backbone: "linear" or "conv", static.
      hidden: widths of the hidden layers of the encoder or channels of its convolutions, static, which the decoder has
        the other way round; None for those above. With ``()`` a linear one has no hidden layer: encoder and decoder are
        affine, and the best codes are principal components.
      likelihood: "bernoulli" for pixels in [0, 1], whose decoder gives logits, or "gaussian" of variance 1, whose
        decoder gives means.
      rngs: ``nnx.Rngs`` with the stream ``params``.
      dtype: in which it computes, ``jnp.bfloat16`` for instance; None for the widest of image and parameters.
      param_dtype: of the parameters.

    Raises:
      TypeError: if a size is no integer, or ``hidden`` no list.
      ValueError: if a size is below 1, ``image_shape`` has not three, a name is none of those above, or the image
        cannot be halved as often as there are convolutions.

    Note:
      A NaN in an image makes its code and its reconstruction NaN and no other. Convolutions have derivatives in reverse
      mode, and in forward over reverse mode, but not in forward mode (``jax.jvp``) alone.

    Example:
      >>> model = AutoEncoder((32, 32, 1), 2, rngs=nnx.Rngs(0))
      >>> model.encode(jnp.zeros((5, 32, 32, 1))).shape, model(jnp.zeros((5, 32, 32, 1))).shape
      ((5, 2), (5, 32, 32, 1))

    Reference: section 14.2.
    """

    _num_codes = 1

    def encode(self, x: Float[Array, "n h w c"]) -> Float[Array, "n k"]:
        """The codes of images.

        Raises:
          TypeError: for integers; divide bytes by 255.
          ValueError: for images of another shape.
        """
        return self._encoded(x)

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        """The reconstructions, in [0, 1] for "bernoulli"; raises as :meth:`encode` does."""
        return self.means(self.encode(x))


class VAE(_Coder):
    r"""A variational autoencoder: the encoder gives a distribution of codes, $q(z \mid x) = N(\mu(x), \sigma^2(x))$.

    Layers are those of :class:`AutoEncoder`, but that the encoder ends with two numbers for each latent variable, a
    mean and the logarithm of a variance. Codes have the prior $N(0, 1)$, so that images can be drawn
    (:func:`sample_images`). Training maximises :func:`elbo`.

    Args:
      image_shape: (height, width, channels), static.
      latent_size: number of latent variables, static.
      backbone: "linear" or "conv", static.
      hidden: widths of the hidden layers of the encoder or channels of its convolutions, static; None for those of
        :class:`AutoEncoder`.
      likelihood: "bernoulli" for pixels in [0, 1], whose decoder gives logits, or "gaussian" of variance 1, whose
        decoder gives means.
      rngs: ``nnx.Rngs`` with the stream ``params``.
      dtype: in which it computes, ``jnp.bfloat16`` for instance; None for the widest of image and parameters.
      param_dtype: of the parameters.

    Raises:
      TypeError, ValueError: as :class:`AutoEncoder` does.

    Note:
      As for :class:`AutoEncoder`.

    Example:
      >>> model = VAE((28, 28, 1), 20, hidden=(400,), rngs=nnx.Rngs(0))
      >>> mean, log_variance = model.encode(jnp.zeros((5, 28, 28, 1)))
      >>> mean.shape, log_variance.shape
      ((5, 20), (5, 20))

    Reference: section 14.4; Kingma and Welling (2014).
    """

    _num_codes = 2

    def encode(self, x: Float[Array, "n h w c"]) -> tuple[Float[Array, "n k"], Float[Array, "n k"]]:
        """Means and logarithms of the variances of the codes of images; raises as that of :class:`AutoEncoder`."""
        mean, log_variance = jnp.split(self._encoded(x), 2, axis=1)
        return mean, log_variance

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        """The reconstructions from the means of the codes, in [0, 1] for "bernoulli"."""
        return self.means(self.encode(x)[0])


def check_kind(name: str, model: Any, kinds: tuple[type, ...]) -> None:
    """TypeError unless a model is one of these."""
    if not isinstance(model, kinds):
        kind = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise TypeError(f"{name}: expected a {' or '.join(f'models.{each.__name__}' for each in kinds)}, got {kind}")
