"""A variational autoencoder of 784-400-20 numbers: steps of training, beside PyTorch, and four at once beside one.

The variances of the codes begin at e^-600 and stay there, so that both sides, which draw other random numbers, compute
the same weights.
"""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.workload import Workload

_STEPS, _BATCH, _RATE = 100, 128, 1e-3
_PIXELS, _HIDDEN, _LATENT = 784, 400, 20
_SHAPES = ((_PIXELS, _HIDDEN), (_HIDDEN, 2 * _LATENT), (_LATENT, _HIDDEN), (_HIDDEN, _PIXELS))


def _inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Batches of every step, and the first weights of all layers."""
    images = rng.uniform(size=(_STEPS, _BATCH, _PIXELS))
    weights = [rng.normal(size=shape) / np.sqrt(shape[0]) / 2 for shape in _SHAPES]
    return images.astype(np.float32), *(w.astype(np.float32) for w in weights)


def _loss(model: Any, batch: tuple) -> tuple[Any, dict]:
    from jaxmath import models

    images, beta, key = batch
    return -models.elbo(model, images.reshape(-1, 28, 28, 1), key, beta=beta).value.mean(), {}


def _begun(weights: tuple[np.ndarray, ...]) -> Any:
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx

    from jaxmath import models, train

    model: Any = nnx.jit(lambda: models.VAE((28, 28, 1), _LATENT, hidden=(_HIDDEN,), rngs=nnx.Rngs(0)))()
    layers = (model.encoder.hidden[0], model.encoder.output, model.decoder.hidden[0], model.decoder.output)
    for layer, weight in zip(layers, weights, strict=True):
        layer.kernel[...] = jnp.asarray(weight)
        layer.bias[...] = jnp.zeros(weight.shape[1])
    model.encoder.output.bias[...] = jnp.repeat(jnp.array([0.0, -600.0]), _LATENT)
    return jax.block_until_ready(train.create(model, optax.adam(_RATE), loss=_loss))


def _steps(images, *weights, num_models=0):
    """The weights of the first layer after some steps; each call begins anew. Some models at once, of other betas."""
    import jax
    import jax.numpy as jnp

    from jaxmath import train

    def all_steps(state, beta, images, keys):
        return jax.lax.scan(lambda s, b: (train.step(s, (b[0], beta, b[1]))[0], None), state, (images, keys))[0]

    begin, betas = _begun(weights), jnp.ones(())
    if num_models:
        begin = jax.tree.map(lambda a: jnp.stack([a] * num_models), begin)
        betas = jnp.linspace(1, 4, num_models)
        all_steps = jax.vmap(all_steps, in_axes=(0, 0, None, None))
    many, images = train.compile(all_steps), jax.device_put(images)

    def run():
        state = jax.tree.map(jnp.copy, begin)
        state = many(state, betas, images, jax.random.split(jax.random.key(0), _STEPS))
        kernel = jax.block_until_ready(state.params["encoder"]["hidden"][0]["kernel"][...])
        return kernel[0] if num_models else kernel

    return run


def _torch_steps(images, *weights, fused, double=False):
    import torch  # pyright: ignore[reportMissingImports]  (optional)
    from torch import nn  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(2)
    dtype = torch.float64 if double else torch.float32
    x = torch.from_numpy(images).to(dtype)
    encoder = nn.Sequential(nn.Linear(_PIXELS, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 2 * _LATENT)).to(dtype)
    decoder = nn.Sequential(nn.Linear(_LATENT, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _PIXELS)).to(dtype)
    layers = (encoder[0], encoder[2], decoder[0], decoder[2])

    def begin_anew():
        for layer, weight in zip(layers, map(torch.from_numpy, weights), strict=True):
            layer.weight.copy_(weight.T)
            layer.bias.zero_()
        encoder[2].bias[_LATENT:] = -600

    def run():
        with torch.no_grad():
            begin_anew()
        parameters = [*encoder.parameters(), *decoder.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=_RATE, **({"fused": True} if fused else {}))
        for batch in x:
            optimizer.zero_grad()
            mean, log_variance = encoder(batch).chunk(2, dim=1)
            code = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
            cross_entropy = nn.functional.binary_cross_entropy_with_logits(decoder(code), batch, reduction="sum")
            kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
            ((cross_entropy + kl) / len(batch)).backward()
            optimizer.step()
        return encoder[0].weight.detach().T.numpy()

    return run


def _exact(*inputs):
    return _torch_steps(*inputs, fused=False, double=True)()


_FUSED = partial(_torch_steps, fused=True)
WORKLOADS = {
    "VAE 784-400-20, 100 steps of 128, fused Adam": Workload("PyTorch", _inputs, _steps, _FUSED, _exact, 1.0),
    "VAE 784-400-20, 100 steps of 128": Workload(
        "PyTorch", _inputs, _steps, partial(_torch_steps, fused=False), _exact, 1.25
    ),
    "VAE 784-400-20, four at once": Workload("one", _inputs, partial(_steps, num_models=4), _steps, _exact, 1 / 3),
}
