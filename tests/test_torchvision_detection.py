"""Faster R-CNN and its operations equal torchvision's: run where a Python has it, skipped elsewhere."""

import subprocess
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxmath import detection, models
from jaxmath.models import _proposals, faster_rcnn
from jaxmath.models import torchvision as names
from jaxmath.models._torch_files import read_tensors

REFERENCE = Path(__file__).with_name("torchvision_detection_reference.py")
pytestmark = [pytest.mark.once, pytest.mark.xdist_group("torchvision_detection")]


@pytest.fixture(scope="module")
def folder(torchvision_python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("torchvision")
    subprocess.run([torchvision_python, "-W", "ignore", REFERENCE, folder], check=True)
    return folder


def read(path):
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_operations_and_their_derivatives(folder):
    given = read(folder / "operations.npz")
    a, b, features = given["a"], given["b"], given["features"][0].transpose(1, 2, 0)
    weights, close = (10.0, 10.0, 5.0, 5.0), partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)
    pools = {
        "roi_pool": partial(detection.roi_pool, output_size=(4, 5), scale=0.25),
        "roi_align": partial(detection.roi_align, output_size=(4, 5), scale=0.25),
        "roi_align not aligned": partial(detection.roi_align, output_size=(4, 5), scale=0.25, aligned=False),
    }
    with jax.enable_x64(True):
        close(detection.iou(a, b), given["iou"])
        close(detection.giou(a, b), given["giou"])
        close(detection.clip(a, (30, 50)), given["clipped"])
        close(detection.encode(a, b, weights=weights), given["codes"])
        close(detection.decode(given["given"], b, weights=weights), given["decoded"])
        for name, labels in (("kept", None), ("kept by class", given["labels"])):
            kept = detection.nms(a, given["scores"], iou_threshold=0.3, max_outputs=40, labels=labels)
            np.testing.assert_array_equal(kept.indices[kept.valid], given[name])
        for name, pool in pools.items():
            values, pullback = jax.vjp(lambda maps, pool=pool: pool(maps, a), features)
            close(values, given[name].transpose(0, 2, 3, 1))
            (derivative,) = pullback(jnp.asarray(given["cotangent"].transpose(0, 2, 3, 1)))
            close(derivative, given[f"derivative of {name}"][0].transpose(1, 2, 0))


def imported(folder, dtype):
    """Without drawing: every parameter comes from the file."""
    build = partial(models.FasterRCNN, 5, backbone="resnet50_fpn", param_dtype=dtype)
    return models.import_torchvision(nnx.eval_shape(lambda: build(rngs=nnx.Rngs(0))), folder / "weights.pth")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_detections(folder, dtype):
    """Two images of different sizes in one batch: the same boxes and scores."""
    given = read(folder / "detections.npz")
    with jax.enable_x64(dtype == "float64"):
        model = imported(folder, dtype)
        model.eval()
        graphdef, weights = nnx.split(model)
        run = jax.jit(lambda weights, *batch: models.fasterrcnn_predict(nnx.merge(graphdef, weights), *batch))
        found = run(weights, jnp.asarray(given["images"].transpose(0, 2, 3, 1), dtype), jnp.asarray(given["sizes"]))
    close = partial(np.testing.assert_allclose, rtol=0, atol=1e-3 if dtype == "float32" else 1e-8)
    for i in range(2):
        there = found.valid[i]
        assert there.sum() == len(given[f"scores {i} torch.{dtype}"]) > 50
        close(found.scores[i][there], given[f"scores {i} torch.{dtype}"])
        close(found.boxes[i][there], given[f"boxes {i} torch.{dtype}"])
        np.testing.assert_array_equal(found.labels[i][there], given[f"labels {i} torch.{dtype}"])


def test_losses_and_their_derivatives(folder, monkeypatch):
    """In float64, with every anchor and every proposal in the sample, so that no draw matters."""
    settings = faster_rcnn._SETTINGS["resnet50_fpn"]
    monkeypatch.setitem(faster_rcnn._SETTINGS, "resnet50_fpn", settings._replace(num_samples=6000))
    monkeypatch.setattr(_proposals, "_NUM_SAMPLES", 30_000)
    given, (images, sizes) = read(folder / "losses.npz"), map(read(folder / "detections.npz").get, ("images", "sizes"))
    with jax.enable_x64(True):
        model = imported(folder, jnp.float64)
        graphdef, params, rest = nnx.split(model, nnx.Param, ...)

        def loss(params, *batch):
            return models.fasterrcnn_loss(nnx.merge(graphdef, params, rest), *batch, jax.random.key(0))

        batch = (
            images.transpose(0, 2, 3, 1).astype(float),
            sizes,
            given["boxes"],
            given["labels"],
            np.ones((2, 3), bool),
        )
        (_, parts), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params, *map(jnp.asarray, batch))
    theirs = {
        "objectness": "objectness",
        "proposals": "rpn_box_reg",
        "classification": "classifier",
        "boxes": "box_reg",
    }
    for name, part in parts._asdict().items():
        np.testing.assert_allclose(part, given[f"loss_{theirs[name]}"], rtol=1e-9)
    check_gradient(nnx.merge(graphdef, gradient, rest), given, read_tensors("test", folder / "weights.pth"))


def check_gradient(gradients, given, tensors):
    """Gradients stand where the parameters were; that of a kernel with a frozen norm is of the product of both."""
    compared = 0
    for weight in names._weights(gradients):
        name, *norm = weight.shapes
        if f"gradient {name}" not in given:
            continue
        norm, one = [np.asarray(tensors[each]) for each in norm], np.ones(weight.shapes[name])
        factor = weight.made(one, *norm)
        wanted = weight.made(given[f"gradient {name}"], *norm) / factor
        ours = np.asarray(weight.variable.get_value()) * factor
        assert np.abs(ours - wanted).max() <= 1e-8 * np.abs(wanted).max(), name
        compared += 1
    assert compared == 53 + 16 + 6 + 8
