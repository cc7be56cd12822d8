"""Trains LeNet on digits: ``python scripts/train_lenet.py [--dataset mnist --data-dir FOLDER] [--out FOLDER]``.

Without options it takes the handwritten digits that are shipped, less than a minute. Every tenth example is held out,
to tell which epoch is the best; the test set is looked at once, in the end. The folder gets ``checkpoints/`` (the last
epoch and the best one), ``history.csv`` (loss and accuracy of every epoch), ``weights.safetensors`` (of the best
epoch), ``confusion.png`` and ``predictions.png``. Ctrl-C finishes the step in progress and keeps it; ``--resume`` goes
on from there. The exit status is 1 if the loss is no longer finite, 2 for a wrong argument, 130 after Ctrl-C.

Other sets are made once: ``python -c "from jaxmath import data; data.prepare('mnist', data_dir='FOLDER')"``. Compiled
programs are kept in ``~/.cache/jaxmath``, or where ``JAX_COMPILATION_CACHE_DIR`` says.
"""

import io
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
import typer
from flax import nnx

from jaxmath import data, models, train
from jaxmath._storage import write_bytes

_SIDE = 28


def main(
    dataset: Annotated[str, typer.Option(help="digits, mnist, fashion_mnist or cifar10")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="where data.prepare has put the set")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="in all, with those of the run that is resumed")] = 30,
    batch_size: Annotated[int, typer.Option(min=1, help="a multiple of the number of devices")] = 48,
    rate: Annotated[float, typer.Option(min=0, help="of the descent")] = 0.05,
    momentum: Annotated[float, typer.Option(min=0, max=1)] = 0.9,
    patience: Annotated[int | None, typer.Option(min=1, help="stop after so many epochs without progress")] = None,
    seed: Annotated[int, typer.Option(help="of the weights and of the order of the examples")] = 0,
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("lenet"),
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
) -> None:
    """Trains LeNet on images of digits, or on other grey images."""
    _keep_programs()
    try:
        learnt, seen = (data.load(dataset, split, data_dir=data_dir) for split in ("train", "test"))
        rule = optax.sgd(rate, momentum=momentum)
        classes, channels = len(learnt.classes), learnt.images.shape[3]
        model = nnx.jit(lambda: models.LeNet(classes, channels=channels, rngs=nnx.Rngs(seed)))()
        state = train.create(model, rule, key=jax.random.key(seed))
        images, held_out = _sized(learnt.images), np.arange(len(learnt.labels)) % 10 == 0
        examples, validation = ((images[rows], learnt.labels[rows]) for rows in (~held_out, held_out))
        test = _sized(seen.images), seen.labels
        with train.Checkpoints(out / "checkpoints") as checkpoints:
            options = {"batch_size": batch_size, "num_epochs": epochs, "patience": patience, "resume": resume}
            train.fit(
                state, examples, validation=validation, checkpoints=checkpoints, log=out / "history.csv", **options
            )
            best = checkpoints.restore(state, best=True)
        _write(out, best.state, test, learnt.classes)
    except FloatingPointError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt as error:
        print(f"{error or 'stopped'}: the same command with --resume goes on", file=sys.stderr)
        raise typer.Exit(130) from None
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


def _keep_programs() -> None:
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(Path.home() / ".cache" / "jaxmath"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _sized(images: np.ndarray) -> np.ndarray:
    """Images of 28 x 28 or 32 x 32 pixels as they are, others brought to 28 x 28."""
    if images.shape[1:3] in ((28, 28), (32, 32)):
        return images
    shape = (len(images), _SIDE, _SIDE, images.shape[3])
    resized = jax.jit(lambda x: jax.image.resize(x.astype(jnp.float32), shape, "linear"))(images)
    return np.clip(np.round(resized), 0, 255).astype(np.uint8)


def _write(out: Path, state: train.State, test: tuple[np.ndarray, np.ndarray], classes: tuple[str, ...]) -> None:
    """The weights and the figures."""
    from jaxmath import plot

    matplotlib.use("Agg")
    plot.style()
    (images, labels), found = test, train.evaluate(state, test)
    predictions = found.logits.argmax(axis=1)
    table = np.asarray(train.confusion_matrix(predictions, labels, len(classes)))
    models.save_weights(out / "weights.safetensors", state.model)
    ax = plot.matrix(table, number_format=".0f", cmap="Blues", limits=(0, 1.3 * table.max()))
    ax.set_axis_on()
    ax.grid(False)
    ax.set(xlabel="predicted", ylabel="true")
    ax.set_xticks(range(len(classes)), classes)
    ax.set_yticks(range(len(classes)), classes)
    _save(out / "confusion.png", ax.figure)
    wrong = np.flatnonzero(predictions != labels)
    shown = np.concatenate([wrong, np.setdiff1d(np.arange(len(labels)), wrong)])[:24]
    titles = [
        f"{classes[predictions[i]]}, not {classes[labels[i]]}" if i in wrong else classes[labels[i]] for i in shown
    ]
    _save(
        out / "predictions.png",
        plot.pictures(
            list((images[shown, ..., 0] if images.shape[3] == 1 else images[shown]) / 255), titles=titles, columns=8
        ),
    )
    print(f"{out}: {len(labels) - len(wrong)} of {len(labels)} right, accuracy {found.accuracy:.4f}")


def _save(path: Path, figure: Any) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120)
    write_bytes(path, picture.getvalue())


if __name__ == "__main__":
    typer.run(main)
