"""Trains a residual network: ``python scripts/train_resnet.py [--dataset cifar10 --data-dir FOLDER] [--out FOLDER]``.

Without options it trains ResNet-20 on the handwritten digits that are shipped, about a minute. ``--dataset generated``
needs no files either: gratings of eight orientations in noise. ``--dataset folder --data-dir FOLDER`` reads photographs
``FOLDER/train/<class>/*.jpg`` and ``FOLDER/val/<class>/*.jpg``: random parts of random size in training, the middle in
evaluation. Other sets are made once: ``python -c "from jaxmath import data; data.prepare('cifar10', data_dir='F')"``.

Every tenth example is held out, to tell which epoch is the best; the test set (``val`` of a folder) is looked at once,
in the end. The folder of results gets ``checkpoints/`` (the last epoch and the best one), ``history.csv``,
``weights.safetensors`` (of the best epoch, or of the last with ``--held-out 0``), ``options.json``, ``report.json``,
``confusion.png`` and ``predictions.png``. Ctrl-C finishes the step in progress and keeps it; ``--resume`` goes on from
there, with the same options. The exit status is 1 if the loss is no longer finite, 2 for a wrong argument, 130 after
Ctrl-C.

He et al. trained on CIFAR-10 much as ``--dataset cifar10 --epochs 164 --batch-size 128 --weight-decay 1e-4 --warmup 0
--schedule step`` does, but that their rate falls at a half and three quarters of the steps, and without Nesterov's
momentum; a newer recipe is ``--depth 18 --epochs 100 --batch-size 128 --label-smoothing 0.1 --cutout 8``. Compiled
programs are kept in ``~/.cache/jaxmath``, or where ``JAX_COMPILATION_CACHE_DIR`` says.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import typer
from flax import nnx

from jaxmath import data, models, train

sys.path.insert(0, str(Path(__file__).parent))
import runs

# What an options.json of this script has
_OPTIONS = ("dataset", "depth", "stem", "schedule", "weight_decay")
_FREE = {"data_dir", "patience", "out", "resume"}  # and epochs, where the rate does not know how many there are


def main(
    dataset: Annotated[str, typer.Option(help="digits, generated, mnist, fashion_mnist, cifar10 or folder")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="where data.prepare has put the set, or the folder")] = None,
    size: Annotated[int, typer.Option(min=1, help="of a side of the images of a folder")] = 224,
    depth: Annotated[int, typer.Option(help="18, 34, 50, 101 or 152; 20, 32, 56 or 110 of CIFAR")] = 20,
    stem: Annotated[str | None, typer.Option(help="imagenet or small [default: imagenet for a folder]")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="in all; a schedule has to be resumed with as many")] = 15,
    batch_size: Annotated[int, typer.Option(min=1, help="a multiple of the number of devices")] = 64,
    rate: Annotated[float, typer.Option(min=0, help="the highest of the schedule")] = 0.1,
    schedule: Annotated[str, typer.Option(help="constant, cosine, linear or step")] = "cosine",
    warmup: Annotated[float, typer.Option(min=0, max=0.9, help="the share of the steps in which the rate rises")] = 0.1,
    momentum: Annotated[float, typer.Option(min=0, max=1)] = 0.9,
    weight_decay: Annotated[float, typer.Option(min=0, help="of the kernels, not of biases and norms")] = 5e-4,
    label_smoothing: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    mixup: Annotated[float, typer.Option(min=0, help="alpha of the mixing of images; 0 for none")] = 0.0,
    cutout: Annotated[int, typer.Option(min=0, help="side of a square of zeros in every image; 0 for none")] = 0,
    shift: Annotated[int | None, typer.Option(min=0, help="pixels to move images by [default: an eighth]")] = None,
    flip: Annotated[bool | None, typer.Option(help="mirror images at random [default: not digits]")] = None,
    ema: Annotated[float | None, typer.Option(min=0, max=0.99999, help="decay of an average of the weights")] = None,
    half: Annotated[bool, typer.Option(help="compute in bfloat16: for GPUs and TPUs")] = False,
    held_out: Annotated[float, typer.Option(min=0, max=0.5, help="the share that chooses the best epoch")] = 0.1,
    patience: Annotated[int | None, typer.Option(min=1, help="stop after so many epochs without progress")] = None,
    seed: Annotated[int, typer.Option(help="of the weights and of the order of the examples")] = 0,
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("resnet"),
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
) -> None:
    """Trains a residual network on images."""
    options = runs.named(locals())
    runs.keep_programs()
    with runs.exit_statuses():
        runs.check_folder(out, _OPTIONS, resume)
        learnt, test = _sets(options)
        examples, validation = runs.split(learnt.images, learnt.labels, held_out)
        side, num_classes = test.images.shape[1], len(learnt.classes)
        if validation is not None:
            validation = (_middle(validation[0], side), validation[1])
        splits = runs.Splits(examples, validation, (test.images, test.labels), learnt.classes)

        def begin(goes_on: bool) -> train.State:
            return train.create(
                _model(options, examples[0], num_classes),
                _rule(options, epochs * (len(examples[1]) // batch_size)),
                loss=partial(train.classification, label_smoothing=label_smoothing, soft_labels=mixup > 0),
                augment=partial(_augmented, side=side, changes=_changes(options, side)),
                augment_batch=partial(_mixed, num_classes=num_classes, alpha=mixup) if mixup else None,
                ema_decay=ema,
                key=jax.random.key(seed),
            )

        free = _FREE | ({"epochs"} if schedule == "constant" and not warmup else set())
        runs.train_and_test(out, options, free, splits, begin)


def _sets(options: dict[str, Any]) -> tuple[data.Images, data.Images]:
    """What is trained on, and what is tested on; photographs are larger in training, to take parts of them."""
    dataset, data_dir, size = options["dataset"], options["data_dir"], options["size"]
    if dataset == "generated":
        key = jax.random.fold_in(jax.random.key(options["seed"]), 1)  # that of the seed is the one of the run
        images, labels = map(np.asarray, data.gratings(key, 2500))
        classes = tuple(f"{22.5 * k} degrees" for k in range(8))
        return data.Images(images[:2000], labels[:2000], classes), data.Images(images[2000:], labels[2000:], classes)
    if dataset != "folder":
        learnt, test = (data.load(dataset, split, data_dir=data_dir) for split in ("train", "test"))
        return learnt, test
    if data_dir is None:
        raise ValueError("--dataset folder needs --data-dir with train/<class>/*.jpg and val/<class>/*.jpg")
    if options["shift"] is not None:
        raise ValueError("--shift is not for photographs, of which parts of random size are taken")
    large = size * 8 // 7
    learnt, test = (data.image_folder(data_dir, split, size=(large, large)) for split in ("train", "val"))
    return learnt, test._replace(images=_middle(test.images, size))


def _middle(images: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(data.augment.center_crop(images, (side, side)))


def _model(options: dict[str, Any], images: np.ndarray, num_classes: int) -> models.Normalized:
    """The network, for images of these pixels."""
    mean, std = runs.moments(images)
    stem = options["stem"] or ("imagenet" if options["dataset"] == "folder" else "small")
    given = {"stem": stem, "channels": images.shape[3], "dtype": jnp.bfloat16 if options["half"] else None}

    def made() -> models.Normalized:
        network = models.ResNet(options["depth"], num_classes, rngs=nnx.Rngs(options["seed"]), **given)
        return models.Normalized(network, mean=mean, std=std)

    return nnx.jit(made)()


def _rule(options: dict[str, Any], num_steps: int) -> optax.GradientTransformation:
    """Descent with momentum, and decay of the kernels."""
    num_steps = max(num_steps, 1)
    warmup_steps = int(options["warmup"] * num_steps)
    rates = train.schedule(options["schedule"], options["rate"], num_steps, warmup_steps=warmup_steps)
    decay = optax.add_decayed_weights(options["weight_decay"], mask=train.decay_mask)
    return optax.chain(decay, optax.sgd(rates, options["momentum"], nesterov=True))


class _Changes(NamedTuple):
    """What is done to images in training: static numbers."""

    resized: bool
    shift: int
    flip: bool
    cutout: int


def _changes(options: dict[str, Any], side: int) -> _Changes:
    """By the options, or by what suits the set."""
    shift, flip, dataset = options["shift"], options["flip"], options["dataset"]
    shift = side // 8 if shift is None else shift
    flip = dataset in ("folder", "cifar10", "fashion_mnist") if flip is None else flip
    return _Changes(dataset == "folder", shift, flip, options["cutout"])


def _augmented(key: jax.Array, images: jax.Array, *, side: int, changes: _Changes) -> jax.Array:
    key_crop, key_flip, key_cutout = jax.random.split(key, 3)
    if changes.resized:
        images = data.augment.random_resized_crop(key_crop, images, (side, side))
    elif changes.shift:
        images = data.augment.random_crop(key_crop, images, (side, side), padding=changes.shift)
    if changes.flip:
        images = data.augment.random_flip(key_flip, images)
    return data.augment.cutout(key_cutout, images, changes.cutout) if changes.cutout else images


def _mixed(key: jax.Array, batch: tuple[jax.Array, jax.Array], *, num_classes: int, alpha: float) -> tuple:
    return data.augment.mixup(key, *batch, num_classes, alpha=alpha)


if __name__ == "__main__":
    typer.run(main)
