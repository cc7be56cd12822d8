"""Trains a variational autoencoder: ``python scripts/train_vae.py [--dataset mnist --data-dir FOLDER] [--out FOLDER]``.

Without options it takes the handwritten digits that are shipped, brought to 32 x 32 pixels, and two latent variables:
a minute. The book's is ``--dataset mnist --epochs 20``; that of Burda et al. is about ``--dataset mnist --size 28
--latent-size 20 --hidden 400,400 --binarize --epochs 50 --importance-samples 500``. MNIST is made once: ``python -c
"from jaxmath import data; data.prepare('mnist', data_dir='FOLDER')"``. A twelfth of the examples is held out, to tell
which epoch is the best.

The folder gets ``checkpoints/`` (the last epoch and the best one), ``history.csv`` (loss and its two terms, in nats an
image), ``weights.safetensors`` of the best epoch, ``options.json``, ``report.json`` and figures:
``reconstructions.png``, ``latent.png`` (the means of the codes of test images by class; of more than two latent
variables a t-SNE of them), ``samples.png`` (codes drawn from the prior) and, of two latent variables, ``grid.png``
(codes all over the plane). Ctrl-C finishes the step in progress and keeps it; ``--resume`` goes on from there, with the
same options. The exit status is 1 if the loss is no longer finite, 2 for a wrong argument, 130 after Ctrl-C.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax
import typer
from flax import nnx

from jaxmath import models, train

sys.path.insert(0, str(Path(__file__).parent))
import codes

import runs

# What an options.json of this script has
_OPTIONS = ("dataset", "backbone", "latent_size", "beta", "free_bits")
_FREE = {"data_dir", "epochs", "patience", "importance_samples", "out", "resume"}


def main(
    dataset: Annotated[str, typer.Option(help="digits, mnist or fashion_mnist")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="where data.prepare has put the set")] = None,
    size: Annotated[int, typer.Option(min=1, help="height and width of the images in pixels")] = 32,
    backbone: Annotated[str, typer.Option(help="linear or conv")] = "linear",
    latent_size: Annotated[int, typer.Option(min=1, help="number of latent variables")] = 2,
    hidden: Annotated[str | None, typer.Option(help="widths or channels, like 400,400")] = None,
    binarize: Annotated[bool, typer.Option(help="draw each pixel, 0 or 1, by its value")] = False,
    beta: Annotated[float, typer.Option(min=0, help="weight of the KL divergence")] = 1.0,
    free_bits: Annotated[float, typer.Option(min=0, help="least KL divergence of a latent variable, in nats")] = 0.0,
    epochs: Annotated[int, typer.Option(min=1, help="number of epochs")] = 30,
    batch_size: Annotated[int, typer.Option(min=1, help="a multiple of the number of devices")] = 64,
    rate: Annotated[float, typer.Option(min=0, help="learning rate of Adam")] = 1e-3,
    held_out: Annotated[float, typer.Option(min=0, max=0.5, help="the share that chooses the best epoch")] = 1 / 12,
    patience: Annotated[int | None, typer.Option(min=1, help="stop after so many epochs without progress")] = None,
    importance_samples: Annotated[int, typer.Option(min=1, help="codes an image, for the test log-likelihood")] = 100,
    seed: Annotated[int, typer.Option(help="of the weights, the codes and the order of the examples")] = 0,
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("vae"),
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
) -> None:
    """Trains a variational autoencoder on images."""
    options = runs.named(locals())
    runs.keep_programs()
    with runs.exit_statuses():
        runs.check_folder(out, _OPTIONS, resume)
        widths, splits = codes.sizes("--hidden", hidden), codes.splits(options)
        key = jax.random.key(seed)
        others = jax.random.split(jax.random.fold_in(key, 1))
        loss = partial(_loss, beta=beta, free_bits=free_bits)

        def begin(goes_on: bool) -> train.State:
            build = partial(models.VAE, splits.train[0].shape[1:], latent_size, backbone=backbone, hidden=widths)
            model = nnx.jit(lambda: build(rngs=nnx.Rngs(seed)))()
            changes = {"augment": codes.binarized if binarize else None, "augment_batch": _with_key}
            return train.create(model, optax.adam(rate), loss=loss, key=key, **changes)

        write = partial(_write, loss=loss, keys=others, num_samples=importance_samples)
        runs.train_and_test(out, options, _FREE, splits, begin, write)


def _with_key(key: jax.Array, batch: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, ...]:
    """A batch to train on has a key for the codes; every validation has the same one."""
    return *batch, key


def _loss(model: Any, batch: tuple[jax.Array, ...], *, beta: float, free_bits: float) -> tuple[jax.Array, Any]:
    images, _, *keys = batch
    key = keys[0] if keys else jax.random.key(0)
    bound = models.elbo(model, images / jnp.float32(255), key, beta=beta, free_bits=free_bits)
    return -bound.value.mean(), {"reconstruction": -bound.reconstruction.mean(), "kl": bound.kl.mean()}


def _write(
    out: Path, state: train.State, splits: runs.Splits, *, loss: Any, keys: jax.Array, num_samples: int
) -> dict[str, Any]:
    codes.write_figures(out, state, splits)
    codes.write_samples(out, state.model, keys[0])
    graphdef, weights = nnx.split(state.model)
    images = jnp.asarray(splits.test[0]) / jnp.float32(255)

    @jax.jit
    def known(weights: Any, images: jax.Array) -> tuple:
        model = nnx.merge(graphdef, weights)
        found = models.log_likelihood(model, images, keys[1], num_samples=num_samples)
        return *found, models.active_units(model, images).sum()

    mean, error, active = known(weights, images)
    print(f"{out}: log-likelihood of a test image {mean:.2f} +- {error:.2f} nats, {active} active latent variables")
    facts = {"log_likelihood": float(mean), "log_likelihood_error": float(error), "active_units": int(active)}
    return codes.measured(state.model, splits.test, loss) | {f"test_{name}": value for name, value in facts.items()}


if __name__ == "__main__":
    typer.run(main)
