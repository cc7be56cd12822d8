"""What the training scripts have in common: exit statuses, files, and how a run goes."""

import io
import json
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import jax
import matplotlib.pyplot as plt
import numpy as np
import typer
from flax import nnx
from PIL import Image

from jaxmath import models, train
from jaxmath._files import check_output, json_of, read_arrays, write_bytes

_RESULTS = ("history.csv", "weights.safetensors", "report.json", "confusion.png", "predictions.png", "learning.png")
_CODES = ("reconstructions.png", "latent.png", "samples.png", "grid.png")  # of autoencoders
_ROWS = 256  # of images are counted at a time


class Splits(NamedTuple):
    """Images and what is known of them: to learn from, to choose the best epoch by (if there are any), to test on."""

    train: tuple
    validation: tuple | None
    test: tuple
    classes: tuple[str, ...]


@contextmanager
def exit_statuses(again: str = "the same command with --resume goes on") -> Iterator[None]:
    """One line instead of a traceback: 1 for a loss that is not finite, 2 for a wrong argument, 130 after Ctrl-C."""
    try:
        yield
    except FloatingPointError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt as error:
        print(f"{error or 'stopped'}: {again}", file=sys.stderr)
        raise typer.Exit(130) from None
    except (TypeError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


def keep_programs() -> None:
    """Keeps compiled programs in ``~/.cache/jaxmath``, or where ``JAX_COMPILATION_CACHE_DIR`` says."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(Path.home() / ".cache" / "jaxmath"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def named(values: dict[str, Any]) -> dict[str, Any]:
    """The options of a command as a JSON file has them."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def check_folder(out: Path, names: Collection[str], resume: bool) -> None:
    """Raises, before anything is read or computed, where the results would replace those of something else."""
    for path in (out / name for name in ("options.json", *_RESULTS, *_CODES)):
        if path.exists() and not _are_options(out / "options.json", names):
            check_output("cannot write", path, "of a run of this script", lambda path: _are_options(path, names))
    if resume or not (out / "checkpoints").is_dir():
        return
    with train.Checkpoints(out / "checkpoints") as checkpoints:
        if len(checkpoints):
            raise ValueError(f"{out} has a run: --resume goes on with it, another --out begins a new one")


def train_and_test(
    out: Path,
    options: dict[str, Any],
    free: Collection[str],
    splits: Splits,
    begin: Callable[[bool], train.State],
    write: Callable[[Path, train.State, Splits], dict[str, Any]] | None = None,
    measure: Callable[[train.State], dict[str, float]] | None = None,
) -> None:
    """Trains, and writes all that a folder of results has.

    Args:
      out: the folder.
      options: of the command.
      free: those that another call which goes on may change.
      splits: the data.
      begin: makes the state before the first step; its argument says whether a run goes on.
      write: writes weights and figures and returns what else a report has; by default those of a classifier.
      measure: after every epoch, for the history.
    """
    with train.Checkpoints(out / "checkpoints") as checkpoints:
        goes_on = len(checkpoints) > 0
        keep_options(out / "options.json", options, free, goes_on)
        state, history = train.fit(
            begin(goes_on),
            splits.train,
            batch_size=options["batch_size"],
            num_epochs=options["epochs"],
            validation=splits.validation,
            measure=measure,
            patience=options.get("patience"),
            checkpoints=checkpoints,
            resume=options["resume"],
            log=out / "history.csv",
        )
        if splits.validation is not None:
            state = checkpoints.restore(state, best=True).state
    found = (write or write_results)(out, state, splits)
    write_report(out / "report.json", {"options": options, "step": int(state.step), **found}, history)


def keep_options(path: Path, options: dict[str, Any], free: Collection[str], goes_on: bool) -> None:
    """Writes down what decides the numbers, all but the free options; a run that goes on must have the same."""
    decisive = {name: value for name, value in options.items() if name not in free}
    if not goes_on:
        write_bytes(path, (json.dumps(decisive, indent=1) + "\n").encode())
        return
    before = json_of(path)
    if not isinstance(before, dict):
        raise ValueError(f"{path} does not have the options of the run that is to go on; take another --out")
    if odd := [name for name in decisive if decisive[name] != before.get(name)]:
        option = f"--{odd[0].replace('_', '-')}"
        raise ValueError(f"{option} is {before.get(odd[0])} in {path}, got {decisive[odd[0]]}; go on with the same")


def held_out(labels: np.ndarray, share: float) -> np.ndarray:
    """Which examples are held out, evenly spread over the set."""
    return np.diff(np.floor(np.arange(len(labels) + 1) * share)) > 0


def split(images: np.ndarray, labels: np.ndarray, share: float) -> tuple[Any, Any]:
    """Examples to learn from, and those that are held out, None if there are none."""
    held = held_out(labels, share)
    return (images[~held], labels[~held]), (images[held], labels[held]) if held.any() else None


def moments(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every channel of images of bytes, which stand for 0 to 1."""
    counts = np.zeros((images.shape[3], 256))
    for begin in range(0, len(images), _ROWS):
        for c, row in enumerate(counts):
            row += np.bincount(images[begin : begin + _ROWS, ..., c].ravel(), minlength=256)
    shares, values = counts / counts.sum(axis=1, keepdims=True), np.arange(256) / 255
    mean = shares @ values
    std = np.sqrt(np.sum(shares * (values - mean[:, None]) ** 2, axis=1))
    return mean, np.maximum(std, 1 / 255)


def architecture(name: str) -> str:
    """``resnet``, ``vgg`` or ``googlenet``, by the name of a model; ValueError for any other name."""
    found = re.fullmatch(r"(resnet)\d+|(vgg)\d+(?:_bn)?|(googlenet)", name)
    if found is None:
        raise ValueError(f"no model is called {name!r}; expected resnet18, resnet20, vgg16, vgg16_bn, googlenet ...")
    return found[found.lastindex or 0]


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """Images of bytes, brought to so many rows and columns, bilinearly."""
    if images.shape[1:3] == (side, side):
        return images
    resize = partial(Image.Image.resize, size=(side, side), resample=Image.Resampling.BILINEAR)
    channels = [[np.asarray(resize(Image.fromarray(a))) for a in images[..., c]] for c in range(images.shape[3])]
    return np.stack(channels, axis=-1)


def network(name: str, num_classes: int, seed: int = 0, *, auxiliary: bool = False, **options: Any) -> Any:
    """A model by the name that torchvision has for it (``resnet50``, ``vgg16_bn``, ``googlenet``), or ``resnet20``.

    GoogLeNet is one without auxiliary classifiers unless they are asked for.
    """
    kind = architecture(name)
    depth = int("".join(filter(str.isdigit, name)) or 0)

    def made() -> nnx.Module:
        rngs = nnx.Rngs(seed)
        if kind == "resnet":
            return models.ResNet(depth, num_classes, rngs=rngs, **options)
        if kind == "vgg":
            return models.VGG(depth, num_classes, batch_norm=name.endswith("_bn"), rngs=rngs, **options)
        return models.GoogLeNet(num_classes, auxiliary=auxiliary, rngs=rngs, **options)

    return nnx.jit(made)()


def trained_network(name: str, path: Path) -> models.Normalized:
    """A model with the weights of a file, which says how many classes there are, and how images are normalised.

    Weights of a bare network, as import_weights.py writes them, are for images with the mean and deviation of ImageNet,
    those of GoogLeNet for a half and a half.
    """
    arrays, metadata = read_arrays("cannot load", path)
    whole = metadata.get("model") == "Normalized"
    inner = {key.removeprefix("model."): array for key, array in arrays.items()} if whole else arrays
    if "output.kernel" not in inner:
        raise ValueError(f"{path} has no weights of a classifier; train_resnet.py and import_weights.py write some")
    options: dict[str, Any] = {"auxiliary": any(key.startswith("classifiers.") for key in inner)}
    if name.startswith("resnet") and "stem.conv.kernel" in inner:
        window, _, channels, _ = inner["stem.conv.kernel"].shape
        options |= {"channels": channels, "stem": "imagenet" if window == 7 else "small"}
    made = network(name, inner["output.kernel"].shape[1], **options)
    if whole:
        missing = [key for key in ("mean", "std") if key not in arrays]
        if missing:
            raise ValueError(f"{path} says that its images are normalised, but has no {missing[0]}")
        found = models.load_weights(path, models.Normalized(made, mean=arrays["mean"], std=arrays["std"]))
    else:
        halves = {"mean": 0.5, "std": 0.5} if name == "googlenet" else {}
        found = models.Normalized(models.load_weights(path, made), **halves)
    if options["auxiliary"]:
        made.classifiers = nnx.List([])  # nothing here has a loss for them
    return found


def write_results(out: Path, state: train.State, splits: Splits) -> dict[str, float]:
    """Writes the weights and the figures of a classifier; loss and accuracy on the test set."""
    plot = figures()
    images, labels, classes = *map(np.asarray, splits.test), splits.classes
    found = train.evaluate(state, (images, labels), batch_size=50 if images.shape[1] > 64 else 500)
    predictions = found.logits.argmax(axis=1)
    models.save_weights(out / "weights.safetensors", state.model)
    table = np.asarray(train.confusion_matrix(predictions, labels, len(classes)))
    ax = plot.matrix(table, number_format=".0f", cmap="Blues", limits=(0.0, 1.3 * float(table.max())))
    ax.set_axis_on()
    ax.grid(False)
    ax.set(xlabel="predicted", ylabel="true")
    ax.set_xticks(range(len(classes)), classes)
    ax.set_yticks(range(len(classes)), classes)
    save_figure(out / "confusion.png", ax.figure)
    wrong = np.flatnonzero(predictions != labels)
    shown = np.concatenate([wrong, np.setdiff1d(np.arange(len(labels)), wrong)])[:24]
    names = [(classes[predictions[i]], classes[labels[i]]) for i in shown]
    titles = [guess if guess == truth else f"{guess}, not {truth}" for guess, truth in names]
    drawn = (images[shown, ..., 0] if images.shape[3] == 1 else images[shown]) / 255
    save_figure(out / "predictions.png", plot.pictures(list(drawn), titles=titles, columns=8))
    print(f"{out}: {len(labels) - len(wrong)} of {len(labels)} right, accuracy {found.accuracy:.4f}")
    return {"test_loss": found.loss, "test_accuracy": found.accuracy}


def write_report(path: Path, facts: dict[str, Any], history: list[dict[str, Any]]) -> None:
    """Writes what came of a run, how long it took, and with which versions."""
    versions = {package: metadata.version(package) for package in ("jaxmath", "jax", "flax", "optax")}
    facts |= {"seconds": sum(row["seconds"] for row in history), "device": jax.devices()[0].device_kind} | versions
    write_bytes(path, (json.dumps(facts, indent=1) + "\n").encode())


def _are_options(path: Path, names: Collection[str]) -> bool:
    options = json_of(path)
    return isinstance(options, dict) and set(names) <= options.keys()


def figures() -> Any:
    """The figures of the library, drawn without a screen."""
    import matplotlib

    from jaxmath import plot

    matplotlib.use("Agg")
    plot.style()
    return plot


def save_figure(path: Path, figure: Any, title: str | None = None) -> None:
    """Writes a figure as a PNG file, with a title among its texts, and closes it."""
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120, metadata={"Title": title} if title else None)
    plt.close(figure)
    write_bytes(path, picture.getvalue())
