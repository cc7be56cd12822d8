"""Our classifiers beside torchvision's, with the same random weights and running statistics.

    python tests/torchvision_parity.py PYTHON_WITH_TORCHVISION --json docs/results/torchvision-parity.json

compares every variant and writes the largest relative errors; test_torchvision_parity.py holds them under its bounds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    from jaxmath._compiling import environment_quick_to_compile

    os.environ |= environment_quick_to_compile(os.environ)

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxmath import losses, models
from jaxmath.models import torchvision as names

REFERENCE = Path(__file__).with_name("torchvision_reference.py")
VARIANTS = {
    **{f"vgg{depth}": partial(models.VGG, depth) for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": partial(models.VGG, depth, batch_norm=True) for depth in (11, 13, 16, 19)},
    "googlenet": partial(models.GoogLeNet, transform_input=True),
    **{f"resnet{depth}": partial(models.ResNet, depth) for depth in (18, 34, 50, 101, 152)},
}


def without_dropout(name: str) -> dict[str, float]:
    rates = {"vgg": {"dropout": 0.0}, "goo": {"dropout": 0.0, "auxiliary_dropout": 0.0}}
    return rates.get(name[:3], {})


def compare(name: str, python: str, folder: Path) -> dict[str, object]:
    """The largest errors, each relative to the largest number of its array."""
    odd = 193 if name.startswith("vgg") else 225
    subprocess.run([python, "-W", "ignore", REFERENCE, name, str(folder), "224", str(odd)], check=True)
    with np.load(folder / "evaluation.npz") as reference:
        versions = dict(zip(("torch", "torchvision"), map(str, reference["versions"]), strict=True))
        found = {**versions, **evaluation(name, folder, reference, (224, odd))}
    with jax.enable_x64(True), np.load(folder / "training.npz") as reference:
        return found | training(name, folder, reference)


def loaded(name: str, folder: Path, **options) -> nnx.Module:
    """Without drawing: every parameter comes from the file."""
    model = nnx.eval_shape(lambda: VARIANTS[name](rngs=nnx.Rngs(0), **without_dropout(name), **options))
    return models.import_torchvision(model, folder / "weights.pth")


def evaluation(name: str, folder: Path, reference, sizes: tuple[int, ...]) -> dict[str, float]:
    model = loaded(name, folder)
    model.eval()
    graphdef, state = nnx.split(model)
    logits = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x))
    return {
        f"logits at {size}": error(
            logits(state, reference[f"images {size}"].transpose(0, 2, 3, 1)), reference[f"logits {size}"]
        )
        for size in sizes
    }


def training(name: str, folder: Path, reference) -> dict[str, float]:
    model = loaded(name, folder, param_dtype=jnp.float64)
    graphdef, params, rest = nnx.split(model, nnx.Param, ...)
    x, labels = reference["images"].transpose(0, 2, 3, 1), reference["labels"]

    @partial(jax.value_and_grad, has_aux=True)
    def objective(params):
        model = nnx.merge(graphdef, params, rest, copy=True)
        outputs = model.auxiliaries(x) if name == "googlenet" else (model(x),)
        parts = [losses.softmax_cross_entropy(logits, labels).mean() for logits in outputs]
        return parts[0] + 0.3 * sum(parts[1:]), (outputs, nnx.split(model, nnx.Param, ...)[2])

    (loss, (outputs, rest)), gradient = jax.jit(objective)(params)
    errors = {
        "loss": error(loss, reference["loss"]),
        "training outputs": max(error(output, reference[f"output {i}"]) for i, output in enumerate(outputs)),
    }
    nnx.update(model, gradient, rest)  # the gradients stand where the parameters were
    worst, largest = {"gradient": 0.0, "statistic": 0.0}, max(jax.tree.leaves(jax.tree.map(largest_of, gradient)))
    for weight in names._weights(model):
        (key,) = weight.shapes
        kind = "statistic" if "running" in key else "gradient"
        ours = np.asarray(weight.variable.get_value())
        # That of a bias before a batch norm is 0 and nothing but rounding
        floor = 1e-6 * largest if kind == "gradient" else 0.0
        worst[kind] = max(worst[kind], error(ours, weight.made(reference[f"{kind} {key}"]), floor))
    return errors | {"gradients": worst["gradient"], "running statistics": worst["statistic"]}


def error(ours, theirs, floor: float = 0.0) -> float:
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), floor))


def largest_of(array) -> float:
    return float(np.abs(array).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python", help="a Python that has torch and torchvision")
    parser.add_argument("--json", type=Path, help="where to write what was found")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), help="some of the variants")
    options = parser.parse_args()
    found = json.loads(options.json.read_text()) if options.json and options.json.exists() else {}
    for name in options.only:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            found[name] = compare(name, options.python, Path(folder))
        print(name, found[name], f"{time.perf_counter() - start:.0f} s", flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
