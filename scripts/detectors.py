"""What the scripts of detectors have in common: a model from a file, what it finds in images, and drawings of that."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxmath import models
from jaxmath._files import read_arrays

sys.path.insert(0, str(Path(__file__).parent))
import runs

Found = tuple[np.ndarray, np.ndarray, np.ndarray]  # boxes, labels and scores of an image
# Backbones by the width of the layers on their regions
_BACKBONES = {4096: "vgg16", 1024: "resnet50_fpn", 128: "small"}


def new_detector(num_classes: int, backbone: str, seed: int, **types: Any) -> models.FasterRCNN:
    """With random parameters."""
    return nnx.jit(lambda: models.FasterRCNN(num_classes, backbone=backbone, rngs=nnx.Rngs(seed), **types))()


def load_detector(path: Path, **types: Any) -> models.FasterRCNN:
    """The detector whose weights a file has, with its backbone and its classes."""
    arrays, _ = read_arrays("cannot load", path)
    if not {"hidden2.bias", "logits.bias", "proposal_head.conv.kernel"} <= arrays.keys():
        raise ValueError(f"{path} has no weights of a detector; train_fasterrcnn.py and import_weights.py write some")
    backbone = _BACKBONES.get(len(arrays["hidden2.bias"]))
    if backbone is None:
        raise ValueError(f"{path} has {len(arrays['hidden2.bias'])} hidden units, as no detector here has")
    model = new_detector(len(arrays["logits.bias"]), backbone, 0, **types)
    return models.load_weights(path, model)


@partial(jax.jit, static_argnums=0)
def _predicted(graphdef: Any, weights: Any, images: jax.Array, sizes: jax.Array) -> models.Detections:
    return models.fasterrcnn_predict(nnx.merge(graphdef, weights), images / jnp.float32(255), sizes)


def detect(model: models.FasterRCNN, images: Any, sizes: Any, batch_size: int = 8) -> list[Found]:
    """Detections in images of bytes; one program, for which the last batch is filled up. The model is in evaluation."""
    model.eval()
    graphdef, weights = nnx.split(model)
    found, batch_size = [], min(batch_size, len(images))
    for first in range(0, len(images), batch_size):
        rows = np.arange(first, first + batch_size).clip(max=len(images) - 1)
        batch = map(np.asarray, _predicted(graphdef, weights, np.asarray(images)[rows], np.asarray(sizes)[rows]))
        found += [tuple(part[valid] for part in parts) for *parts, valid in zip(*batch, strict=True)]
    return found[: len(images)]


def draw_found(ax: Any, image: np.ndarray, found: Found, names: Sequence[str], least: float) -> None:
    """The boxes with at least this score, a colour for each class."""
    plot = runs.figures()
    boxes, labels, scores = (part[found[2] >= least] for part in found)
    notes = [f"{names[label - 1]} {score:.2f}" for label, score in zip(labels, scores, strict=True)]
    colors = [plot.PALETTE[(label - 1) % len(plot.PALETTE)] for label in labels]
    plot.boxes(image / 255, boxes, labels=notes, colors=colors, ax=ax)
