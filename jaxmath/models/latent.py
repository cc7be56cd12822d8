"""Images from codes: drawn from the prior, between two images, over the plane of two latent variables."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmath._array import as_key, as_size, in_range
from jaxmath.distributions import Normal
from jaxmath.models.autoencoder import VAE, AutoEncoder, check_kind


def sample_images(model: VAE, key: Array, num_samples: int) -> Float[Array, "n h w c"]:
    """Images of codes that are drawn from the prior.

    Args:
      model: a :class:`VAE`.
      key: a ``jax.random.key``.
      num_samples: how many, static.

    Returns:
      The means of their pixels, in [0, 1] for the likelihood "bernoulli", shape ``(num_samples, h, w, c)``.

    Raises:
      TypeError, ValueError: if the model is no VAE, or the number below 1.

    Example:
      >>> from flax import nnx
      >>> sample_images(VAE((4, 4, 1), 2, hidden=(8,), rngs=nnx.Rngs(0)), jax.random.key(0), 3).shape
      (3, 4, 4, 1)

    Reference: section 14.4.
    """
    name = "models.sample_images"
    check_kind(name, model, (VAE,))
    num_samples = as_size(name, "num_samples", num_samples)
    dtype = jnp.promote_types(model._dtype, jnp.float32)  # narrow types have few normal numbers
    codes = jax.random.normal(as_key(name, key), (num_samples, model.latent_size), dtype)
    return model.means(codes.astype(model._dtype))


def interpolate(
    model: AutoEncoder | VAE, a: Float[Array, "h w c"], b: Float[Array, "h w c"], num_steps: int
) -> Float[Array, "s h w c"]:
    """Reconstructions on the way from one image to another: of codes on the straight line between theirs.

    Args:
      model: an :class:`AutoEncoder` or a :class:`VAE`, of whose codes the means are taken.
      a: where it begins, an image of shape ``(h, w, c)``.
      b: where it ends.
      num_steps: images, both ends included, static.

    Returns:
      The means of their pixels, shape ``(num_steps, h, w, c)``.

    Raises:
      TypeError, ValueError: if the model is neither, the images do not fit it, or there are fewer steps than 1.

    Note:
      A NaN in one of the two makes all NaN.

    Example:
      >>> from flax import nnx
      >>> model = AutoEncoder((4, 4, 1), 2, hidden=(8,), rngs=nnx.Rngs(0))
      >>> interpolate(model, jnp.zeros((4, 4, 1)), jnp.ones((4, 4, 1)), 5).shape
      (5, 4, 4, 1)

    Reference: section 14.4.
    """
    name = "models.interpolate"
    check_kind(name, model, (AutoEncoder, VAE))
    num_steps = as_size(name, "num_steps", num_steps)
    for end in (a, b):
        if np.shape(end) != model.image_shape:
            raise ValueError(f"{name}: expected two images of shape {model.image_shape}, got {np.shape(end)}")
    codes = model.encode(jnp.stack([jnp.asarray(a), jnp.asarray(b)]))
    first, last = codes[0] if isinstance(model, VAE) else codes
    shares = jnp.linspace(0, 1, num_steps, dtype=first.dtype)[:, None]
    return model.means((1 - shares) * first + shares * last)


def latent_grid(model: VAE, num_steps: int, *, span: float = 0.95) -> Float[Array, "s s h w c"]:
    """Images of codes all over the plane of two latent variables, equally spaced in probability.

    Args:
      model: a :class:`VAE` of two latent variables.
      num_steps: along each axis, static.
      span: the probability of each variable between the first step and the last.

    Returns:
      The means of their pixels; those at ``[i, j]`` are of the i-th quantile of the first variable and the j-th of the
      second.

    Raises:
      TypeError: if the model is no VAE.
      ValueError: if it has another number of latent variables, or ``span`` is not in (0, 1).

    Example:
      >>> from flax import nnx
      >>> latent_grid(VAE((4, 4, 1), 2, hidden=(8,), rngs=nnx.Rngs(0)), 5).shape
      (5, 5, 4, 4, 1)

    Reference: section 14.4.
    """
    name = "models.latent_grid"
    check_kind(name, model, (VAE,))
    if model.latent_size != 2:
        raise ValueError(f"{name}: expected two latent variables, got {model.latent_size}")
    num_steps, share = as_size(name, "num_steps", num_steps), in_range(name, "span", span, "(0, 1)")
    places = Normal(0.0, 1.0).icdf(jnp.linspace((1 - share) / 2, (1 + share) / 2, num_steps))
    codes = jnp.stack(jnp.meshgrid(places, places, indexing="ij"), axis=-1)
    return model.means(codes.reshape(-1, 2).astype(model._dtype)).reshape(num_steps, num_steps, *model.image_shape)
