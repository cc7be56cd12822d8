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

import io
import json
import os
import sys
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import optax
import typer
from flax import nnx
from PIL import Image

from jaxmath import data, models, train
from jaxmath._files import check_output, json_of, write_bytes

_SIDE = 28
_RESULTS = ("history.csv", "weights.safetensors", "report.json", "confusion.png", "predictions.png")


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
    options = {name: str(value) if isinstance(value, Path) else value for name, value in locals().items()}
    _keep_programs()
    try:
        _check_folder(out)
        learnt, seen = (data.load(dataset, split, data_dir=data_dir) for split in ("train", "test"))
        images, labels = _sized(learnt.images), learnt.labels
        held = np.diff(np.floor(np.arange(len(labels) + 1) * held_out)) > 0
        examples, validation = ((images[rows], labels[rows]) for rows in (~held, held))
        with train.Checkpoints(out / "checkpoints") as checkpoints:
            if len(checkpoints) and not resume:
                raise ValueError(f"{out} has a training: --resume goes on with it, another --out begins a new one")
            _keep_options(out / "options.json", options, len(checkpoints) > 0)
            num_steps = max(epochs * (len(examples[1]) // batch_size), 2)
            rule = optax.sgd(_rises_and_falls(rate, num_steps) if cosine else rate, momentum)
            augment = partial(_moved, by=shift) if shift else None
            model = _model(examples[0], len(learnt.classes), seed)
            state = train.create(model, rule, key=jax.random.key(seed), augment=augment)
            chosen_by = {"validation": validation if held.any() else None, "patience": patience}
            kept = {"checkpoints": checkpoints, "resume": resume, "log": out / "history.csv"}
            state, history = train.fit(state, examples, batch_size=batch_size, num_epochs=epochs, **chosen_by, **kept)
            if held.any():
                state = checkpoints.restore(state, best=True).state
        found = _write(out, state, (_sized(seen.images), seen.labels), learnt.classes)
        _report(out / "report.json", {"options": options, "step": int(state.step), **found}, history)
    except FloatingPointError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt as error:
        print(f"{error or 'stopped'}: the same command with --resume goes on", file=sys.stderr)
        raise typer.Exit(130) from None
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


def _check_folder(out: Path) -> None:
    """Raises, before anything is read or computed, where the results would replace what no training here has made."""
    for path in (out / name for name in ("options.json", *_RESULTS)):
        if path.exists() and not _are_options(out / "options.json"):
            check_output("cannot write", path, "of a training of this script", _are_options)


def _are_options(path: Path) -> bool:
    options = json_of(path)
    return isinstance(options, dict) and {"dataset", "batch_size", "rate", "momentum", "cosine"} <= options.keys()


def _keep_options(path: Path, options: dict[str, Any], goes_on: bool) -> None:
    """Writes down what decides the numbers; a training that goes on must have the same."""
    free = {"data_dir", "patience", "out", "resume"} | (set() if options["cosine"] else {"epochs"})
    decisive = {name: value for name, value in options.items() if name not in free}
    if not goes_on:
        write_bytes(path, (json.dumps(decisive, indent=1) + "\n").encode())
        return
    if not _are_options(path):
        raise ValueError(f"{path} does not have the options of the training that is to go on; take another --out")
    before = json_of(path)
    if odd := [name for name in decisive if decisive[name] != before.get(name)]:
        option = f"--{odd[0].replace('_', '-')}"
        raise ValueError(f"{option} is {before.get(odd[0])} in {path}, got {decisive[odd[0]]}; go on with the same")


def _model(images: np.ndarray, num_classes: int, seed: int) -> models.LeNet:
    """LeNet for images of these pixels, which it brings to mean 0 and deviation 1."""
    channels = images.shape[3]
    counts = np.stack([np.bincount(images[..., c].ravel(), minlength=256) for c in range(channels)])
    shares, values = counts / counts.sum(axis=1, keepdims=True), np.arange(256) / 255
    mean = shares @ values
    std = np.sqrt(np.sum(shares * (values - mean[:, None]) ** 2, axis=1))
    options = {"channels": channels, "mean": mean, "std": np.maximum(std, 1 / 255)}
    return nnx.jit(lambda: models.LeNet(num_classes, rngs=nnx.Rngs(seed), **options))()


def _rises_and_falls(rate: float, num_steps: int) -> optax.Schedule:
    """To the rate within a twentieth of the steps, then to 0."""
    return optax.warmup_cosine_decay_schedule(0, rate, max(num_steps // 20, 1), num_steps)


def _moved(key: jax.Array, images: jax.Array, by: int) -> jax.Array:
    _, height, width, _ = images.shape
    return data.augment.random_crop(key, images, (height, width), padding=by)


def _keep_programs() -> None:
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(Path.home() / ".cache" / "jaxmath"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _sized(images: np.ndarray) -> np.ndarray:
    """Images of 28 x 28 or 32 x 32 pixels as they are, others brought to 28 x 28."""
    if images.shape[1:3] in ((28, 28), (32, 32)):
        return images
    resize = partial(Image.Image.resize, size=(_SIDE, _SIDE), resample=Image.Resampling.BILINEAR)
    channels = [[np.asarray(resize(Image.fromarray(a))) for a in images[..., c]] for c in range(images.shape[3])]
    return np.stack(channels, axis=-1)


def _write(out: Path, state: train.State, test: tuple[np.ndarray, np.ndarray], classes: tuple[str, ...]) -> dict:
    """The weights and the figures; loss and accuracy."""
    import matplotlib

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
    return {"test_loss": found.loss, "test_accuracy": found.accuracy}


def _report(path: Path, facts: dict, history: list[dict]) -> None:
    versions = {package: metadata.version(package) for package in ("jaxmath", "jax", "flax", "optax")}
    facts |= {"seconds": sum(row["seconds"] for row in history), "device": jax.devices()[0].device_kind} | versions
    write_bytes(path, (json.dumps(facts, indent=1) + "\n").encode())


def _save(path: Path, figure: Any) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120)
    write_bytes(path, picture.getvalue())


if __name__ == "__main__":
    typer.run(main)
