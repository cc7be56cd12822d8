"""Sections 14.2 and 14.4: autoencoders."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxmath import models
from jaxmath.crosscheck.references import autoencoder as reference
from jaxmath.crosscheck.registry import case

_KEY = 0


def _with(build, weights):
    """A model with these weights, by the paths of its variables."""
    model = nnx.eval_shape(lambda: build(rngs=nnx.Rngs(_KEY)))
    state = {path: variable.replace(weights[path]) for path, variable in nnx.to_flat_state(nnx.state(model))}
    nnx.update(model, nnx.from_flat_state(state))
    return model


def _convolutional(x, kernel, bias, out, out_bias, inner, inner_bias, up, up_bias):
    """A network whose codes have next to no variance."""
    build = partial(models.VAE, x.shape[1:], 2, backbone="conv", hidden=(3,))
    narrow = jnp.array([0, 0, -60, -60], out_bias.dtype)
    weights = {
        ("encoder", "convolutions", 0, "kernel"): kernel,
        ("encoder", "convolutions", 0, "bias"): bias,
        ("encoder", "output", "kernel"): out,
        ("encoder", "output", "bias"): out_bias + narrow,
        ("decoder", "hidden", "kernel"): inner,
        ("decoder", "hidden", "bias"): inner_bias,
        ("decoder", "convolutions", 0, "kernel"): up,
        ("decoder", "convolutions", 0, "bias"): up_bias,
    }
    model = _with(build, weights)
    mean = model.encode(x)[0]
    bound = models.elbo(model, x, jax.random.key(_KEY))
    return mean, model.decode(mean), bound.reconstruction, bound.kl


def _convolutional_inputs(rng):
    shapes = ((3, 3, 1, 3), (3,), (12, 4), (4,), (2, 12), (12,), (3, 3, 3, 1), (1,))
    return rng.uniform(size=(3, 4, 4, 1)), *(rng.normal(size=shape) / 2 for shape in shapes)


def _principal(x, loadings, center):
    """Affine, with the exact posterior: loadings with orthogonal rows make it one of independent variables."""
    k = len(loadings)
    precisions = 1 + jnp.sum(loadings**2, axis=1)
    to_code = loadings.T / precisions
    weights = {
        ("encoder", "output", "kernel"): jnp.concatenate([to_code, jnp.zeros_like(to_code)], axis=1),
        ("encoder", "output", "bias"): jnp.concatenate([-center @ to_code, -jnp.log(precisions)]),
        ("decoder", "output", "kernel"): loadings,
        ("decoder", "output", "bias"): center,
    }
    model = _with(partial(models.VAE, x.shape[1:], k, hidden=(), likelihood="gaussian"), weights)
    key = jax.random.key(_KEY)
    return models.importance_bound(model, x, key, 3), models.elbo(model, x, key).kl


def _principal_inputs(rng):
    loadings = np.linalg.qr(rng.normal(size=(6, 2)))[0].T * [[2.0], [0.7]]
    return rng.normal(size=(5, 3, 2, 1)), loadings, rng.normal(size=6)


case(
    "14.4 convolutional encoder and decoder, terms of the bound",
    _convolutional,
    reference.convolutional_bound,
    inputs=_convolutional_inputs,
    covers=("models.elbo", "models.VAE.encode", "models.VAE.decode"),
    not_differentiable="convolutions have a derivative in reverse mode alone",
)
case(
    "14.4 log-likelihood with the exact posterior, which every code gives",
    _principal,
    reference.principal_likelihood,
    inputs=_principal_inputs,
    covers=("models.importance_bound",),
    not_differentiable="the derivative is that of a draw, which other loadings make random",
)
