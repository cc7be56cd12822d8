"""Trains LeNet on digits: ``python scripts/train_lenet.py [--dataset mnist --data-dir FOLDER] [--out FOLDER]``.

Without options it takes the handwritten digits that are shipped, less than a minute. Every tenth example is held out,
to tell which epoch is the best; the test set is looked at once, in the end. The folder gets ``checkpoints/`` (the last
epoch and the best one), ``history.csv`` (loss and accuracy of every epoch), ``weights.safetensors`` (of the best
epoch, or of the last with ``--held-out 0``), ``options.json``, ``report.json`` (what came of them), ``confusion.png``
and ``predictions.png``. Ctrl-C finishes the step in progress and keeps it; ``--resume`` goes on from there, with the
same options. In a folder without ``options.json`` of an earlier training, files of these names are not replaced: then
nothing is done. The exit status is 1 if the loss is no longer finite, 2 for a wrong argument, 130 after Ctrl-C.

Other sets are made once: ``python -c "from jaxmath import data; data.prepare('mnist', data_dir='FOLDER')"``. On MNIST
the book's optimiser is ``--rate 0.01 --no-cosine --shift 0 --batch-size 100 --epochs 10 --held-out 0``; better is
``--batch-size 128 --epochs 20 --held-out 0``. Compiled programs are kept in ``~/.cache/jaxmath``, or where
``JAX_COMPILATION_CACHE_DIR`` says.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
import optax
import typer
from flax import nnx

from jaxmath import data, models, train

sys.path.insert(0, str(Path(__file__).parent))
import runs

_SIDE = 28
# What an options.json of this script has
_OPTIONS = ("dataset", "batch_size", "rate", "momentum", "cosine")


def main(
    dataset: Annotated[str, typer.Option(help="digits, mnist, fashion_mnist or cifar10")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="where data.prepare has put the set")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="in all; a cosine has to be resumed with as many")] = 30,
    batch_size: Annotated[int, typer.Option(min=1, help="a multiple of the number of devices")] = 48,
    rate: Annotated[float, typer.Option(min=0, help="of the descent")] = 0.05,
    momentum: Annotated[float, typer.Option(min=0, max=1)] = 0.9,
    cosine: Annotated[bool, typer.Option(help="let the rate rise, then fall to 0 along a cosine")] = True,
    shift: Annotated[int, typer.Option(min=0, help="move images at random by up to so many pixels")] = 2,
    held_out: Annotated[float, typer.Option(min=0, max=0.5, help="the share that chooses the best epoch")] = 0.1,
    patience: Annotated[int | None, typer.Option(min=1, help="stop after so many epochs without progress")] = None,
    seed: Annotated[int, typer.Option(help="of the weights and of the order of the examples")] = 0,
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("lenet"),
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
) -> None:
    """Trains LeNet on images of digits, or on other grey images."""
    options = runs.named(locals())
    runs.keep_programs()
    with runs.exit_statuses():
        runs.check_folder(out, _OPTIONS, resume)
        learnt, seen = (data.load(dataset, split, data_dir=data_dir) for split in ("train", "test"))
        examples, validation = runs.split(_sized(learnt.images), learnt.labels, held_out)
        splits = runs.Splits(examples, validation, (_sized(seen.images), seen.labels), learnt.classes)
        num_steps = max(epochs * (len(examples[1]) // batch_size), 2)
        rates = train.schedule("cosine", rate, num_steps, warmup_steps=max(num_steps // 20, 1)) if cosine else rate

        def begin(goes_on: bool) -> train.State:
            model = _model(examples[0], len(learnt.classes), seed)
            augment = partial(_moved, by=shift) if shift else None
            return train.create(model, optax.sgd(rates, momentum), key=jax.random.key(seed), augment=augment)

        free = {"data_dir", "patience", "out", "resume"} | (set() if cosine else {"epochs"})
        runs.train_and_test(out, options, free, splits, begin)


def _model(images: np.ndarray, num_classes: int, seed: int) -> models.LeNet:
    """LeNet for images of these pixels, which it brings to mean 0 and deviation 1."""
    mean, std = runs.moments(images)
    options = {"channels": images.shape[3], "mean": mean, "std": std}
    return nnx.jit(lambda: models.LeNet(num_classes, rngs=nnx.Rngs(seed), **options))()


def _moved(key: jax.Array, images: jax.Array, by: int) -> jax.Array:
    _, height, width, _ = images.shape
    return data.augment.random_crop(key, images, (height, width), padding=by)


def _sized(images: np.ndarray) -> np.ndarray:
    """Images of 28 x 28 or 32 x 32 pixels as they are, others brought to 28 x 28."""
    if images.shape[1:3] in ((28, 28), (32, 32)):
        return images
    return runs.resized(images, _SIDE)


if __name__ == "__main__":
    typer.run(main)
