"""Trains an autoencoder: ``python scripts/train_autoencoder.py [--dataset mnist --data-dir FOLDER] [--out FOLDER]``.

Without options it takes the handwritten digits that are shipped, brought to 32 x 32 pixels, and codes of two numbers:
a minute. MNIST is made once: ``python -c "from jaxmath import data; data.prepare('mnist', data_dir='FOLDER')"``. A
twelfth of the examples is held out, to tell which epoch is the best.

The folder gets ``checkpoints/`` (the last epoch and the best one), ``history.csv`` (the cross entropy of the pixels, in
nats an image, or half of the squared error), ``weights.safetensors`` of the best epoch, ``options.json``,
``report.json`` and figures: ``reconstructions.png`` and ``latent.png`` (the codes of test images by class; of more than
two numbers a t-SNE of them). Ctrl-C finishes the step in progress and keeps it; ``--resume`` goes on from there, with
the same options. The exit status is 1 if the loss is no longer finite, 2 for a wrong argument, 130 after Ctrl-C.
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

from jaxmath import losses, models, train

sys.path.insert(0, str(Path(__file__).parent))
import codes

import runs

# What an options.json of this script has
_OPTIONS = ("dataset", "backbone", "latent_size", "likelihood")
_FREE = {"data_dir", "epochs", "patience", "out", "resume"}


def main(
    dataset: Annotated[str, typer.Option(help="digits, mnist or fashion_mnist")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="where data.prepare has put the set")] = None,
    size: Annotated[int, typer.Option(min=1, help="height and width of the images in pixels")] = 32,
    backbone: Annotated[str, typer.Option(help="linear or conv")] = "linear",
    latent_size: Annotated[int, typer.Option(min=1, help="numbers in a code")] = 2,
    hidden: Annotated[str | None, typer.Option(help="widths or channels, like 400,400")] = None,
    likelihood: Annotated[str, typer.Option(help="bernoulli or gaussian")] = "bernoulli",
    epochs: Annotated[int, typer.Option(min=1, help="number of epochs")] = 30,
    batch_size: Annotated[int, typer.Option(min=1, help="a multiple of the number of devices")] = 64,
    rate: Annotated[float, typer.Option(min=0, help="learning rate of Adam")] = 1e-3,
    held_out: Annotated[float, typer.Option(min=0, max=0.5, help="the share that chooses the best epoch")] = 1 / 12,
    patience: Annotated[int | None, typer.Option(min=1, help="stop after so many epochs without progress")] = None,
    seed: Annotated[int, typer.Option(help="of the weights and of the order of the examples")] = 0,
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("autoencoder"),
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
) -> None:
    """Trains an autoencoder on images."""
    options = runs.named(locals())
    runs.keep_programs()
    with runs.exit_statuses():
        runs.check_folder(out, _OPTIONS, resume)
        widths, splits = codes.sizes("--hidden", hidden), codes.splits(options)

        def begin(goes_on: bool) -> train.State:
            kind = {"backbone": backbone, "hidden": widths, "likelihood": likelihood}
            build = partial(models.AutoEncoder, splits.train[0].shape[1:], latent_size, **kind)
            model = nnx.jit(lambda: build(rngs=nnx.Rngs(seed)))()
            return train.create(model, optax.adam(rate), loss=_loss, key=jax.random.key(seed))

        runs.train_and_test(out, options, _FREE, splits, begin, _write)


def _loss(model: Any, batch: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, dict]:
    """The cross entropy of the pixels, summed over an image, or half of the squared error."""
    images = batch[0] / jnp.float32(255)
    decoded = model.decode(model.encode(images))
    bernoulli = model.likelihood == "bernoulli"
    errors = losses.sigmoid_cross_entropy(decoded, images) if bernoulli else (decoded - images) ** 2 / 2
    return errors.sum(axis=(1, 2, 3)).mean(), {}


def _write(out: Path, state: train.State, splits: runs.Splits) -> dict[str, float]:
    codes.write_figures(out, state, splits)
    return codes.measured(state.model, splits.test, _loss)


if __name__ == "__main__":
    typer.run(main)
