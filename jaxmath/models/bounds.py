"""Bounds of the log-likelihood of a variational autoencoder."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from jaxmath import losses
from jaxmath._array import as_key, as_real, as_size, in_range, real, unmasked, wide
from jaxmath.distributions import Normal
from jaxmath.models.autoencoder import VAE, AutoEncoder, check_kind

# Samples of the codes of a batch that are decoded at a time
_AT_A_TIME = 10
# A latent variable is active if its mean has at least this variance over the data
_ACTIVE = 0.01


class ELBO(NamedTuple):
    """The bound and its two terms, one number for each image, in nats.

    Attributes:
      value: ``reconstruction - beta * kl``.
      reconstruction: the expectation of the log density of the image, given the code.
      kl: the KL divergence of the distribution of its code from the prior.
    """

    value: Float[Array, " n"]
    reconstruction: Float[Array, " n"]
    kl: Float[Array, " n"]


class LogLikelihood(NamedTuple):
    """The mean of the log-likelihood over images, in nats, and its standard error over the choice of the images."""

    mean: Float[Array, ""]
    standard_error: Float[Array, ""]


def elbo(
    model: VAE,
    x: Float[Array, "n h w c"],
    key: Array,
    *,
    beta: ArrayLike = 1.0,
    free_bits: ArrayLike = 0.0,
    num_samples: int = 1,
) -> ELBO:
    r"""The evidence lower bound of each image.

    $$\log p(x) \ge E_{q(z \mid x)} \log p(x \mid z) - \beta\, D(q(z \mid x) \,\|\, p(z)), \qquad \beta \ge 1,$$

    with the codes $z = \mu + \sigma \epsilon$, $\epsilon$ standard normal, so that derivatives go through them, and the
    divergence in closed form, $\frac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2)$.

    Args:
      model: a :class:`VAE`.
      x: images as the model takes them.
      key: a ``jax.random.key`` for the codes.
      beta: weight of the KL divergence, from 0 on; it may be traced. Below 1 the value is no bound.
      free_bits: lower limit, in nats, of the KL divergence of each latent variable; below it there is no gradient.
      num_samples: codes for each image, static, all decoded at once; the reconstruction is their mean.

    Returns:
      The bound, the expected log density of the image, the KL divergence (with the lower limit), each of shape
      ``(n,)``, in nats and in float32 at least.

    Raises:
      TypeError, ValueError: if the model is no VAE, the images do not fit it, or a number is out of range.

    Note:
      A pixel that is NaN, or outside of [0, 1] where the likelihood is "bernoulli", makes the numbers of its image NaN
      and no others. A traced beta or free_bits out of range makes the value NaN. Log-variances that overflow when they
      are exponentiated, above 88 in float32, make the KL divergence infinite.

    Example:
      >>> from flax import nnx
      >>> model = VAE((4, 4, 1), 2, hidden=(8,), rngs=nnx.Rngs(0))
      >>> bound = elbo(model, jnp.ones((3, 4, 4, 1)), jax.random.key(0), beta=4.0)
      >>> bool(jnp.allclose(bound.value, bound.reconstruction - 4 * bound.kl))
      True

    Reference: section 14.4; Kingma and Welling (2014), equation 10; beta: Higgins et al. (2017); free bits: Kingma et
    al. (2016), here for each image.
    """
    name = "models.elbo"
    check_kind(name, model, (VAE,))
    beta, free_bits = in_range(name, "beta", beta, "[0, inf)"), in_range(name, "free_bits", free_bits, "[0, inf)")
    x, num_samples = as_real(name, x), as_size(name, "num_samples", num_samples)
    mean, log_variance = map(wide, model.encode(x))
    noise = jax.random.normal(as_key(name, key), (num_samples, *mean.shape), mean.dtype)
    codes = mean + jnp.exp(log_variance / 2) * noise
    reconstruction = _log_density(model, x, codes).mean(axis=0)
    divergence, floor = _divergence(mean, log_variance), free_bits.astype(mean.dtype)
    kl = jnp.where(divergence >= floor, divergence, floor + 0 * divergence).sum(axis=1)  # a NaN of either stays
    return ELBO(reconstruction - beta.astype(kl.dtype) * kl, reconstruction, kl)


def importance_bound(model: VAE, x: Float[Array, "n h w c"], key: Array, num_samples: int) -> Float[Array, " n"]:
    r"""A tighter bound of the log-likelihood of each image, by several codes.

    $$\log p(x) \ge E \log \frac1k \sum_{i=1}^k \frac{p(x \mid z_i)\, p(z_i)}{q(z_i \mid x)}, \qquad z_i \sim q,$$

    which for k = 1 is that of :func:`elbo`, grows with k, and tends to $\log p(x)$.

    Args:
      model: a :class:`VAE`.
      x: images as the model takes them.
      key: a ``jax.random.key`` for the codes.
      num_samples: k, static. Some are decoded at a time, so that memory does not grow with k but in a derivative.

    Returns:
      A draw of the bound for each image, shape ``(n,)``, in nats.

    Raises:
      As :func:`elbo` does.

    Note:
      A NaN, or a pixel outside of [0, 1] for "bernoulli", makes the number of its image NaN.

    Example:
      >>> from flax import nnx
      >>> model = VAE((4, 4, 1), 2, hidden=(8,), rngs=nnx.Rngs(0))
      >>> importance_bound(model, jnp.ones((3, 4, 4, 1)), jax.random.key(0), 50).shape
      (3,)

    Reference: Burda, Grosse and Salakhutdinov (2016), equation 8.
    """
    name = "models.importance_bound"
    check_kind(name, model, (VAE,))
    x, k = as_real(name, x), as_size(name, "num_samples", num_samples)
    graphdef, state = nnx.split(model)
    return _importance_bound(graphdef, state, x, as_key(name, key), k)


def log_likelihood(
    model: VAE, x: Float[Array, "n h w c"], key: Array, *, num_samples: int = 500, batch_size: int = 100
) -> LogLikelihood:
    """The mean log-likelihood of a set of images, by :func:`importance_bound` of each of them.

    Args:
      model: a :class:`VAE`.
      x: images as the model takes them.
      key: a ``jax.random.key`` for the codes.
      num_samples: k of the bound, static.
      batch_size: how many images are looked at at a time, static.

    Returns:
      The mean, a lower bound of the true one, and its standard error: the deviation of the images' numbers over the
      root of how many there are, NaN for one image.

    Raises:
      As :func:`elbo` does; ValueError if there is no image.

    Note:
      A NaN in an image, or a pixel outside of [0, 1] for "bernoulli", makes both NaN.

    Example:
      >>> from flax import nnx
      >>> model = VAE((4, 4, 1), 2, hidden=(8,), rngs=nnx.Rngs(0))
      >>> found = log_likelihood(model, jnp.ones((30, 4, 4, 1)), jax.random.key(0), num_samples=20)
      >>> bool(found.standard_error > 0)
      True

    Reference: Burda, Grosse and Salakhutdinov (2016), section 5.
    """
    name = "models.log_likelihood"
    check_kind(name, model, (VAE,))
    x, size = as_real(name, x), as_size(name, "batch_size", batch_size)
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"{name}: expected at least one image, got shape {x.shape}")
    k = as_size(name, "num_samples", num_samples)
    graphdef, state = nnx.split(model)
    bounds = _in_batches(graphdef, state, x, as_key(name, key), k, size)
    return LogLikelihood(bounds.mean(), jnp.std(bounds, ddof=1) / len(x) ** 0.5)


def active_units(model: VAE, x: Float[Array, "n h w c"], *, threshold: ArrayLike = _ACTIVE) -> Bool[Array, " k"]:
    """Which latent variables are active: those whose mean varies from one image to another.

    Args:
      model: a :class:`VAE`.
      x: images as the model takes them.
      threshold: least variance over the images of the mean of an active variable, from 0 on; the prior's is 1.

    Returns:
      True for each active variable.

    Raises:
      As :func:`elbo` does.

    Note:
      A NaN in an image makes all false, and so does a single image.

    Example:
      >>> from flax import nnx
      >>> model = VAE((4, 4, 1), 2, hidden=(8,), rngs=nnx.Rngs(0))
      >>> print(active_units(model, jnp.ones((3, 4, 4, 1))))  # equal images
      [False False]

    Reference: Burda, Grosse and Salakhutdinov (2016), section 5.2.
    """
    name = "models.active_units"
    check_kind(name, model, (VAE,))
    return jnp.var(wide(model.encode(x)[0]), axis=0) > in_range(name, "threshold", threshold, "[0, inf)")


def validate_images(model: AutoEncoder | VAE, images: Any) -> Any:
    """Raises if images are not what a model takes; on the host, before data goes into a compiled program.

    Args:
      model: an :class:`AutoEncoder` or a :class:`VAE`.
      images: floats, shape ``(n, h, w, c)``.

    Returns:
      ``images``, unchanged.

    Raises:
      TypeError: if they are traced, or no floats.
      ValueError: if they have another shape, or naming the first pixel that is NaN, infinite or, where the likelihood
        is "bernoulli", outside of [0, 1].

    Example:
      >>> from flax import nnx
      >>> model = VAE((1, 2, 1), 1, hidden=(), rngs=nnx.Rngs(0))
      >>> validate_images(model, [[[[0.5], [1.0]]]])
      [[[[0.5], [1.0]]]]
    """
    name = "models.validate_images"
    check_kind(name, model, (AutoEncoder, VAE))
    if isinstance(images, Tracer):
        raise TypeError(f"{name}: call it outside jit, vmap and grad, on the data")
    pixels = np.asarray(real(name, unmasked(name, "images", images)))
    if not jnp.issubdtype(pixels.dtype, jnp.floating):
        raise TypeError(f"{name}: expected floats, got dtype {pixels.dtype}; divide bytes by 255")
    if pixels.shape[1:] != model.image_shape:
        raise ValueError(f"{name}: expected images (n, {', '.join(map(str, model.image_shape))}), got {pixels.shape}")
    bernoulli = model.likelihood == "bernoulli"
    bad = np.argwhere(~((pixels >= 0) & (pixels <= 1)) if bernoulli else ~np.isfinite(pixels))
    if len(bad):
        place, limits = tuple(bad[0].tolist()), "in [0, 1]" if bernoulli else "finite"
        raise ValueError(f"{name}: pixels must be {limits}, got {pixels[place]} at {place}")
    return images


@partial(jax.jit, static_argnums=(0, 4))
def _importance_bound(graphdef: Any, state: Any, x: Array, key: Array, k: int) -> Array:
    """One program also of an eager call, which would compile its loop each time."""
    model = nnx.merge(graphdef, state)
    mean, log_variance = map(wide, model.encode(x))
    deviation = jnp.exp(log_variance / 2)

    def log_weight(key: Array) -> Array:
        """The log of the importance weight of one code for each image."""
        noise = jax.random.normal(key, mean.shape, mean.dtype)
        code = mean + deviation * noise
        ratio = (Normal(0.0, 1.0).log_prob(code) - Normal(0.0, 1.0).log_prob(noise) + log_variance / 2).sum(axis=1)
        return _log_density(model, x, code[None])[0] + ratio

    weights = jax.lax.map(log_weight, jax.random.split(key, k), batch_size=min(k, _AT_A_TIME))
    return jax.nn.logsumexp(weights, axis=0) - jnp.log(jnp.asarray(k, weights.dtype))


@partial(jax.jit, static_argnums=(0, 4, 5))
def _in_batches(graphdef: Any, state: Any, x: Array, key: Array, k: int, size: int) -> Array:
    """The bound of each image, of so many images at a time; the last batch is filled with the first images."""
    rows = jnp.arange(-(-len(x) // size) * size).reshape(-1, size) % len(x)

    def of_batch(batch: tuple[Array, Array]) -> Array:
        return _importance_bound(graphdef, state, x[batch[0]], batch[1], k)

    return jax.lax.map(of_batch, (rows, jax.random.split(key, len(rows)))).reshape(-1)[: len(x)]


def _divergence(mean: Array, log_variance: Array) -> Array:
    """KL divergence of each latent variable from the prior."""
    return (mean**2 + (jnp.expm1(log_variance) - log_variance)) / 2


def _log_density(model: VAE, x: Array, codes: Array) -> Array:
    """Log density of the images given codes of shape (samples, n, k): shape (samples, n)."""
    decoded = wide(model.decode(codes.reshape(-1, codes.shape[-1]))).reshape(len(codes), *x.shape)
    x = jnp.broadcast_to(x, decoded.shape)
    if model.likelihood == "bernoulli":
        densities = -losses.sigmoid_cross_entropy(decoded, x)
    else:
        densities = Normal(decoded, 1.0).log_prob(x)
    return densities.sum(axis=(2, 3, 4))
