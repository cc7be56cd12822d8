"""Files and exit statuses that the training scripts have in common."""

import io
import json
import os
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np
import typer
from flax import nnx

from jaxmath import models, train
from jaxmath._files import check_output, json_of, read_arrays, write_bytes

_RESULTS = ("history.csv", "weights.safetensors", "report.json", "confusion.png", "predictions.png")


@contextmanager
def exit_statuses() -> Iterator[None]:
    """One line instead of a traceback: 1 for a loss that is not finite, 2 for a wrong argument, 130 after Ctrl-C."""
    try:
        yield
    except FloatingPointError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt as error:
        print(f"{error or 'stopped'}: the same command with --resume goes on", file=sys.stderr)
        raise typer.Exit(130) from None
    except (ValueError, OSError) as error:
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


def check_folder(out: Path, names: Collection[str]) -> None:
    """Raises, before anything is read or computed, where the results would replace what no training here has made."""
    for path in (out / name for name in ("options.json", *_RESULTS)):
        if path.exists() and not _are_options(out / "options.json", names):
            check_output("cannot write", path, "of a training of this script", lambda path: _are_options(path, names))


def keep_options(path: Path, options: dict[str, Any], free: Collection[str], goes_on: bool) -> None:
    """Writes down what decides the numbers, all but the free options; a training that goes on must have the same."""
    decisive = {name: value for name, value in options.items() if name not in free}
    if not goes_on:
        write_bytes(path, (json.dumps(decisive, indent=1) + "\n").encode())
        return
    before = json_of(path)
    if not isinstance(before, dict):
        raise ValueError(f"{path} does not have the options of the training that is to go on; take another --out")
    if odd := [name for name in decisive if decisive[name] != before.get(name)]:
        option = f"--{odd[0].replace('_', '-')}"
        raise ValueError(f"{option} is {before.get(odd[0])} in {path}, got {decisive[odd[0]]}; go on with the same")


def check_begun(out: Path, checkpoints: train.Checkpoints, resume: bool) -> None:
    """Raises where a training is begun in the folder of another one."""
    if len(checkpoints) and not resume:
        raise ValueError(f"{out} has a training: --resume goes on with it, another --out begins a new one")


def held_out(labels: np.ndarray, share: float) -> np.ndarray:
    """Which examples are held out, evenly spread over the set."""
    return np.diff(np.floor(np.arange(len(labels) + 1) * share)) > 0


def moments(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every channel of images of bytes, which stand for 0 to 1."""
    counts = np.stack([np.bincount(images[..., c].ravel(), minlength=256) for c in range(images.shape[3])])
    shares, values = counts / counts.sum(axis=1, keepdims=True), np.arange(256) / 255
    mean = shares @ values
    std = np.sqrt(np.sum(shares * (values - mean[:, None]) ** 2, axis=1))
    return mean, np.maximum(std, 1 / 255)


def network(name: str, num_classes: int, seed: int = 0, **options: Any) -> nnx.Module:
    """A model by the name that torchvision has for it (``resnet50``, ``vgg16_bn``, ``googlenet``), or ``resnet20``."""
    found = re.fullmatch(r"(resnet|vgg)(\d+)(_bn)?|googlenet", name)
    if found is None or (found[1] == "resnet" and found[3]):
        raise ValueError(f"no model is called {name!r}; expected resnet18, resnet20, vgg16, vgg16_bn, googlenet ...")

    def made() -> nnx.Module:
        rngs = nnx.Rngs(seed)
        if found[1] == "resnet":
            return models.ResNet(int(found[2]), num_classes, rngs=rngs, **options)
        if found[1] == "vgg":
            return models.VGG(int(found[2]), num_classes, batch_norm=bool(found[3]), rngs=rngs, **options)
        return models.GoogLeNet(num_classes, rngs=rngs, **options)

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
    options = {}
    if name.startswith("resnet") and "stem.conv.kernel" in inner:
        window, _, channels, _ = inner["stem.conv.kernel"].shape
        options = {"channels": channels, "stem": "imagenet" if window == 7 else "small"}
    made = network(name, inner["output.kernel"].shape[1], **options)
    if not whole:
        halves = {"mean": 0.5, "std": 0.5} if name == "googlenet" else {}
        return models.Normalized(models.load_weights(path, made), **halves)
    return models.load_weights(path, models.Normalized(made, mean=arrays["mean"], std=arrays["std"]))


def write_results(out: Path, state: train.State, test: tuple[Any, Any], classes: tuple[str, ...]) -> dict[str, float]:
    """Writes the weights and the figures; loss and accuracy on the test set."""
    import matplotlib

    from jaxmath import plot

    matplotlib.use("Agg")
    plot.style()
    images, labels = map(np.asarray, test)
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
    _save(out / "confusion.png", ax.figure)
    wrong = np.flatnonzero(predictions != labels)
    shown = np.concatenate([wrong, np.setdiff1d(np.arange(len(labels)), wrong)])[:24]
    names = [(classes[predictions[i]], classes[labels[i]]) for i in shown]
    titles = [guess if guess == truth else f"{guess}, not {truth}" for guess, truth in names]
    drawn = (images[shown, ..., 0] if images.shape[3] == 1 else images[shown]) / 255
    _save(out / "predictions.png", plot.pictures(list(drawn), titles=titles, columns=8))
    print(f"{out}: {len(labels) - len(wrong)} of {len(labels)} right, accuracy {found.accuracy:.4f}")
    return {"test_loss": found.loss, "test_accuracy": found.accuracy}


def write_report(path: Path, facts: dict[str, Any], history: list[dict[str, Any]]) -> None:
    """Writes what came of a training, how long it took, and with which versions."""
    versions = {package: metadata.version(package) for package in ("jaxmath", "jax", "flax", "optax")}
    facts |= {"seconds": sum(row["seconds"] for row in history), "device": jax.devices()[0].device_kind} | versions
    write_bytes(path, (json.dumps(facts, indent=1) + "\n").encode())


def _are_options(path: Path, names: Collection[str]) -> bool:
    options = json_of(path)
    return isinstance(options, dict) and set(names) <= options.keys()


def _save(path: Path, figure: Any) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120)
    write_bytes(path, picture.getvalue())
