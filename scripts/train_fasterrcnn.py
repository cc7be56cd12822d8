"""Trains a detector: ``python scripts/train_fasterrcnn.py [--dataset voc --data-dir FOLDER] [--out FOLDER]``.

Without options the training set is 1,000 generated images of 96 x 96 pixels, coloured discs, squares and triangles on
textured ground, and takes some three minutes on two cores. ``--dataset voc --data-dir FOLDER`` reads photographs with
boxes in the format of PASCAL VOC: ``FOLDER/ImageSets/Main/train.txt``, ``FOLDER/JPEGImages`` and
``FOLDER/Annotations``. They are made as large as fits into ``--height`` and ``--width``, and mirrored at random.
``--weights`` begins with those of another run, or of torchvision (``import_weights.py fasterrcnn_resnet50_fpn FILE``),
with new last layers for another number of classes.

After every epoch mean average precision is measured on ``val`` (200 other generated images): at an overlap of 0.5 by
the rule of VOC, and the mean over 0.5 to 0.95 of COCO. The folder of results gets ``checkpoints/``, ``history.csv``,
``weights.safetensors`` of the last epoch, ``options.json``, ``report.json`` with the names of the classes and the
precision on ``--test-split``, ``learning.png`` and ``predictions.png``. Ctrl-C finishes the step in progress and keeps
it; ``--resume`` goes on from there, with the same options. The exit status is 1 if the loss is no longer finite, 2 for
a wrong argument, 130 after Ctrl-C. ``scripts/detect.py`` looks at other photographs with the weights.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
import typer
from flax import nnx

from jaxmath import data, detection, models, train

sys.path.insert(0, str(Path(__file__).parent))
import detectors

import runs

# Keys of an options.json of this script
_OPTIONS = ("dataset", "backbone", "height", "width", "clip")
_FREE = {"data_dir", "test_split", "out", "resume"}
_COCO = tuple(np.linspace(0.5, 0.95, 10))
_NUM_VALIDATION, _NUM_TEST = 200, 200  # generated images
_DRAWN, _LEAST_SCORE = 12, 0.5  # images in a figure, and the least score of a box in it


def main(
    dataset: Annotated[str, typer.Option(help="shapes or voc")] = "shapes",
    data_dir: Annotated[Path | None, typer.Option(help="the folder of photographs")] = None,
    train_split: Annotated[str, typer.Option(help="of photographs, to train on")] = "train",
    test_split: Annotated[str, typer.Option(help="of photographs, for the report")] = "val",
    examples: Annotated[int, typer.Option(min=1, help="number of generated images to train on")] = 1000,
    height: Annotated[int | None, typer.Option(min=32, help="of the images [default: 96, photographs 240]")] = None,
    width: Annotated[int | None, typer.Option(min=32, help="of the images [default: 96, photographs 320]")] = None,
    backbone: Annotated[str, typer.Option(help="small, resnet50_fpn or vgg16")] = "small",
    weights: Annotated[Path | None, typer.Option(help="to begin with, of the same backbone")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="in all; the rate falls to 0 in them")] = 6,
    batch_size: Annotated[int, typer.Option(min=1, help="a multiple of the number of devices")] = 8,
    rate: Annotated[float, typer.Option(min=0, help="the highest of Adam")] = 1e-3,
    clip: Annotated[float, typer.Option(min=0, help="the largest norm of a gradient")] = 10.0,
    flip: Annotated[bool, typer.Option(help="mirror images at random")] = True,
    half: Annotated[bool, typer.Option(help="compute in bfloat16: for GPUs and TPUs")] = False,
    seed: Annotated[int, typer.Option(help="of the weights, the samples and the order of the examples")] = 0,
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("fasterrcnn"),
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
) -> None:
    """Trains Faster R-CNN on images with boxes."""
    options = runs.named(locals())
    sides = (96, 96) if dataset == "shapes" else (240, 320)
    options |= {"height": height or sides[0], "width": width or sides[1]}
    runs.keep_programs()
    with runs.exit_statuses():
        runs.check_folder(out, _OPTIONS, resume)
        training, validation, test, classes = _sets(options)
        if len(training.images) < batch_size:
            raise ValueError(f"--batch-size is {batch_size} for {len(training.images)} images")
        options["classes"] = list(classes)  # a run goes on with the same ones

        def begin(goes_on: bool) -> train.State:
            steps = epochs * (len(training.images) // batch_size)
            rates = train.schedule("cosine", rate, steps, warmup_steps=steps // 20)
            rule = optax.chain(optax.clip_by_global_norm(clip), optax.adam(rates))
            model = _model(options, len(classes) + 1, None if goes_on else weights)
            augment = partial(_augmented, flip=flip)
            return train.create(model, rule, loss=_loss, augment_batch=augment, key=jax.random.key(seed))

        runs.train_and_test(
            out,
            options,
            _FREE,
            runs.Splits(tuple(training), None, tuple(test), classes),
            begin,
            _write,
            measure=lambda state: precision(detectors.detect(state.model, *validation[:2]), validation),
        )


def _sets(options: dict[str, Any]) -> tuple[data.Scenes, data.Scenes, data.Scenes, tuple[str, ...]]:
    """Scenes to train on, to measure after every epoch, and to measure in the end; the names of their classes."""
    height, width = size = options["height"], options["width"]
    if options["dataset"] == "shapes":
        if height != width:
            raise ValueError(f"generated images are square, got --height {height} and --width {width}")
        keys = jax.random.split(jax.random.fold_in(jax.random.key(options["seed"]), 1), 3)
        nums = options["examples"], _NUM_VALIDATION, _NUM_TEST
        training, validation, test = (data.shapes(*each, side=height) for each in zip(keys, nums, strict=True))
        return training, validation, test, ("disc", "square", "triangle")
    if options["dataset"] != "voc":
        raise ValueError(f"--dataset is shapes or voc, got {options['dataset']}")
    if options["data_dir"] is None:
        raise ValueError("--dataset voc needs --data-dir with ImageSets/Main, JPEGImages and Annotations")
    splits = options["train_split"], "val", options["test_split"]
    found = {split: data.voc_folder(options["data_dir"], split, size=size) for split in dict.fromkeys(splits)}
    training, validation, test = (found[split][0] for split in splits)
    return training, validation, test, found["val"][1]


def _model(options: dict[str, Any], num_classes: int, weights: Path | None) -> models.FasterRCNN:
    types = {"dtype": jnp.bfloat16} if options["half"] else {}
    if weights is None:
        return detectors.new_detector(num_classes, options["backbone"], options["seed"], **types)
    model = detectors.load_detector(weights, **types)
    if model.backbone_name != options["backbone"]:
        raise ValueError(f"{weights} has the backbone {model.backbone_name}, got --backbone {options['backbone']}")
    if model.num_classes == num_classes:
        print(f"{weights} are of {num_classes - 1} classes too: their last layers stay")
        return model
    return models.replace_head(model, num_classes, rngs=nnx.Rngs(options["seed"]))


def _augmented(key: jax.Array, batch: tuple[jax.Array, ...], *, flip: bool) -> tuple[jax.Array, ...]:
    """A batch with half of its images mirrored within their sizes, and a key for the samples of the loss."""
    key_flip, key_samples = jax.random.split(key)
    images, sizes, boxes, labels, valid = batch
    mirrored = jax.random.bernoulli(key_flip, 0.5 if flip else 0.0, (len(images),))
    width, columns = sizes[:, 1:].astype(int), jnp.arange(images.shape[2])
    source = jnp.where(mirrored[:, None] & (columns < width), width - 1 - columns, columns)
    images = jnp.take_along_axis(images, source[:, None, :, None], axis=2)
    x0, y0, x1, y1 = jnp.moveaxis(boxes, 2, 0)
    other = jnp.stack([sizes[:, 1:] - x1, y0, sizes[:, 1:] - x0, y1], axis=2)
    boxes = jnp.where(mirrored[:, None, None] & valid[..., None], other, boxes)
    return images, sizes, boxes, labels, valid, key_samples


def _loss(model: Any, batch: tuple[jax.Array, ...]) -> tuple[jax.Array, Any]:
    images, sizes, boxes, labels, valid, key = batch
    loss, parts = models.fasterrcnn_loss(model, images / jnp.float32(255), sizes, boxes, labels, valid, key)
    return loss, parts._asdict()


def precision(found: Sequence[detectors.Found], scenes: Any) -> dict[str, float]:
    """Mean average precision by the rules of VOC and of COCO."""
    *_, boxes, labels, valid = map(np.asarray, scenes)
    truths = [(b[there], k[there]) for b, k, there in zip(boxes, labels, valid, strict=True)]
    voc = detection.mean_average_precision(found, truths)
    coco = detection.mean_average_precision(found, truths, iou_thresholds=_COCO, interpolation="coco")
    return {"precision_voc": voc.mean, "precision_coco": coco.mean}


def _write(out: Path, state: train.State, splits: runs.Splits) -> dict[str, Any]:
    """Weights and figures; returns the rest of the report."""
    plot, model, classes = runs.figures(), state.model, splits.classes
    models.save_weights(out / "weights.safetensors", model)
    images, sizes, *_ = map(np.asarray, splits.test)
    found = detectors.detect(model, images, sizes)
    figure = plot.pictures([np.zeros(images.shape[1:3])] * min(_DRAWN, len(images)), columns=4)
    for ax, image, size, each in zip(figure.axes, images, sizes.astype(int), found, strict=False):
        ax.clear()
        detectors.draw_found(ax, image[: size[0], : size[1]], each, classes, _LEAST_SCORE)
    runs.save_figure(out / "predictions.png", figure)
    runs.save_figure(out / "learning.png", _learning(out / "history.csv"))
    measured = precision(found, splits.test)
    print(f"{out}: mean average precision {measured['precision_voc']:.4f}, COCO's {measured['precision_coco']:.4f}")
    return {"classes": list(classes)} | {f"test_{name}": value for name, value in measured.items()}


def _learning(history: Path) -> Any:
    """Loss and precision by epoch."""
    plot = runs.figures()
    rows = np.atleast_1d(np.genfromtxt(history, delimiter=",", names=True))
    figure = plt.figure(figsize=(9.6, 3.6))
    left, right = figure.subplots(1, 2)
    plot.curve(rows["epoch"], rows["loss"], label=None, ax=left)
    for color, (name, rule) in zip(plot.PALETTE, {"voc": "overlap 0.5", "coco": "0.5 to 0.95"}.items(), strict=False):
        plot.curve(rows["epoch"], rows[f"precision_{name}"], label=rule, color=color, ax=right)
    left.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    right.set(xlabel="epoch", ylabel="mean average precision", ylim=(0, 1))
    right.legend()
    return figure


if __name__ == "__main__":
    typer.run(main)
