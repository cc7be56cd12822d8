"""Fine-tunes a trained network: ``python scripts/finetune.py --model resnet18 --weights FILE --data-dir FOLDER``.

FILE holds weights that ``import_weights.py`` or ``train_resnet.py`` has written, FOLDER photographs
``FOLDER/train/<class>/*.jpg`` and ``FOLDER/val/<class>/*.jpg``. The last layer is a new one, for these classes; with
``--frozen`` it is trained alone, with ``--full`` all layers are. Training sees random parts of random size, mirrored at
random, evaluation the middle of every photograph. The rate falls to a tenth at every ``--step-epochs`` epochs.

Without options a ResNet-20 learns the digits 0 to 4 that are shipped, and is then tuned to the digits 5 to 9: less than
a minute. The best epoch is the one with the lowest loss on ``val`` (of the digits: on their test set), as in the book,
which makes the accuracy that is told a little too good; ``--held-out 0.1`` chooses it by a tenth of the training set.

The folder of results gets ``checkpoints/`` (the last epoch and the best one), ``history.csv``,
``weights.safetensors`` of the best epoch, ``options.json``, ``report.json``, ``confusion.png`` and ``predictions.png``,
and, of the digits 0 to 4, ``pretrained.safetensors``. Ctrl-C finishes the step in progress and keeps it; ``--resume``
goes on from there, with the same options. The exit status is 1 if the loss is no longer finite, 2 for a wrong argument,
130 after Ctrl-C.
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

# What an options.json of this script has
_OPTIONS = ("model", "weights", "frozen", "step_epochs")
_FREE = {"data_dir", "epochs", "out", "resume"}


def main(
    model: Annotated[str, typer.Option(help="resnet18, resnet20, vgg16, vgg16_bn, googlenet and so on")] = "resnet20",
    weights: Annotated[Path | None, typer.Option(help="of import_weights.py or train_resnet.py")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="photographs [default: the digits 5 to 9]")] = None,
    size: Annotated[int, typer.Option(min=1, help="of a side of the photographs")] = 224,
    frozen: Annotated[bool, typer.Option("--frozen/--full", help="train the last layer alone, or all")] = False,
    epochs: Annotated[int, typer.Option(min=1, help="in all")] = 10,
    batch_size: Annotated[int, typer.Option(min=1, help="a multiple of the number of devices")] = 8,
    rate: Annotated[float, typer.Option(min=0, help="of the descent")] = 0.001,
    momentum: Annotated[float, typer.Option(min=0, max=1)] = 0.9,
    step_epochs: Annotated[int, typer.Option(min=1, help="after so many epochs the rate is a tenth")] = 7,
    held_out: Annotated[float, typer.Option(min=0, max=0.5, help="the share that chooses the best epoch")] = 0.0,
    seed: Annotated[int, typer.Option(help="of the new layer and of the order of the examples")] = 0,
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("finetuned"),
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
) -> None:
    """Fine-tunes a trained network to other images."""
    options = runs.named(locals())
    runs.keep_programs()
    with runs.exit_statuses():
        runs.check_folder(out, _OPTIONS, resume)
        if data_dir is not None and weights is None:
            raise ValueError("--data-dir needs --weights of import_weights.py, or of train_resnet.py")
        if runs.architecture(model) != "resnet" and data_dir is None:
            raise ValueError(f"the digits are too small for {model}: give photographs, --data-dir and --weights")
        learnt, test = _digits(5) if data_dir is None else _photographs(data_dir, size)
        examples, chosen_by = runs.split(learnt.images, learnt.labels, held_out)
        side = test.images.shape[1]
        if chosen_by is not None:
            chosen_by = (np.asarray(data.augment.center_crop(chosen_by[0], (side, side))), chosen_by[1])
        tested = (test.images, test.labels)
        splits = runs.Splits(examples, chosen_by or tested, tested, learnt.classes)

        def begin(goes_on: bool) -> train.State:
            trained = runs.trained_network(model, weights or _pretrained(out, model, seed, goes_on))
            num_steps = max(len(examples[1]) // batch_size, 1)
            rates = train.schedule("step", rate, epochs * num_steps, step_size=step_epochs * num_steps)
            return train.create(
                models.replace_head(trained, len(learnt.classes), rngs=nnx.Rngs(seed)),
                optax.sgd(rates, momentum),
                augment=_moved if data_dir is None else partial(_resized, side=side),
                trainable=nnx.PathContains("output") if frozen else nnx.Param,
                key=jax.random.key(seed),
            )

        runs.train_and_test(out, options, _FREE, splits, begin)


def _photographs(folder: Path, size: int) -> tuple[data.Images, data.Images]:
    """Larger ones for training, of which parts are taken, and the middle of those for evaluation."""
    large = size * 8 // 7
    learnt, test = (data.image_folder(folder, split, size=(large, large)) for split in ("train", "val"))
    return learnt, test._replace(images=np.asarray(data.augment.center_crop(test.images, (size, size))))


def _digits(first: int) -> tuple[data.Images, data.Images]:
    """Five digits, numbered from 0."""
    found = []
    for split in ("train", "test"):
        images, labels, classes = data.load("digits", split)
        rows = (labels >= first) & (labels < first + 5)
        found.append(data.Images(images[rows], labels[rows] - first, classes[first : first + 5]))
    return found[0], found[1]


def _pretrained(out: Path, name: str, seed: int, goes_on: bool) -> Path:
    """The weights of a network that has learnt the digits 0 to 4; a run that goes on has them."""
    path = out / "pretrained.safetensors"
    if goes_on and path.is_file():
        return path
    (images, labels, classes), test = _digits(0)
    mean, std = runs.moments(images)
    network = runs.network(name, len(classes), seed, channels=1, stem="small")
    batch_size, epochs = 64, 8
    num_steps = epochs * (len(labels) // batch_size)
    rule = optax.sgd(train.schedule("cosine", 0.1, num_steps, warmup_steps=num_steps // 10), 0.9)
    start = models.Normalized(network, mean=mean, std=std)
    state = train.create(start, rule, augment=_moved, key=jax.random.key(seed))
    state, _ = train.fit(state, (images, labels), batch_size=batch_size, num_epochs=epochs)
    print(f"digits 0 to 4: accuracy {train.evaluate(state, test).accuracy:.4f}")
    models.save_weights(path, state.model)
    return path


def _moved(key: jax.Array, images: jax.Array) -> jax.Array:
    return data.augment.random_crop(key, images, (images.shape[1], images.shape[2]), padding=1)


def _resized(key: jax.Array, images: jax.Array, *, side: int) -> jax.Array:
    key_crop, key_flip = jax.random.split(key)
    return data.augment.random_flip(key_flip, data.augment.random_resized_crop(key_crop, images, (side, side)))


if __name__ == "__main__":
    typer.run(main)
