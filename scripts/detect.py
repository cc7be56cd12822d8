"""Finds objects in photographs: ``python scripts/detect.py WEIGHTS PHOTOGRAPH... [--out FOLDER]``.

WEIGHTS is what ``train_fasterrcnn.py`` has written, or ``import_weights.py fasterrcnn_resnet50_fpn FILE`` from a file
of torchvision. Photographs are made as large as fits into ``--height`` and ``--width``, which are exchanged for one of
the other orientation. They are by default those of the training, from ``options.json`` beside the weights, or else
800 x 1344. The names of the classes are those of ``report.json`` beside the weights, or of ``--classes``.

The folder gets ``detections.json``, for each photograph its boxes (x0, y0, x1, y1) in its own pixels, classes and
scores, best first, and a drawing ``NAME.boxes.png``. The exit status is 2 for a file that cannot be read: then there
are no results.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from PIL import Image

from jaxmath._files import check_output, json_of, write_bytes
from jaxmath.data.prepared import read_photograph, scaled

sys.path.insert(0, str(Path(__file__).parent))
import detectors

import runs

_SIZE = (800, 1344)
_DRAWN = (2400, 1200)  # the largest size of a photograph in a drawing
_TITLE = "Detections of jaxmath"  # in the file of a drawing


class Bucket(NamedTuple):
    """Photographs padded to one size.

    Attributes:
      indices: of the photographs.
      images: bytes, 0 in the padding.
      sizes: height and width of each without it.
      full: height and width of the photographs in their files.
    """

    indices: list[int]
    images: np.ndarray
    sizes: np.ndarray
    full: np.ndarray


def main(
    weights: Annotated[Path, typer.Argument(help="of train_fasterrcnn.py or import_weights.py")],
    photographs: Annotated[list[Path], typer.Argument(metavar="PHOTOGRAPH...", help="image files")],
    height: Annotated[int | None, typer.Option(min=32, help="in pixels")] = None,
    width: Annotated[int | None, typer.Option(min=32, help="in pixels")] = None,
    least: Annotated[float, typer.Option(min=0, max=1, help="the least score of a box, above 0.05")] = 0.5,
    classes: Annotated[str | None, typer.Option(help="names like cat,dog")] = None,
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("detections"),
) -> None:
    """Finds objects in photographs."""
    runs.keep_programs()
    with runs.exit_statuses("the same command begins again"):
        options, report = (_dict_of(weights.parent / name) for name in ("options.json", "report.json"))
        if (height is None) != (width is None):
            raise ValueError("--height and --width go together")
        size = height or options.get("height") or _SIZE[0], width or options.get("width") or _SIZE[1]
        model = detectors.load_detector(weights)
        names = _names(classes, report.get("classes"), model.num_classes - 1)
        buckets = _buckets(photographs, size)
        drawings = _drawing_paths(out, photographs)
        found = {}
        for batch in buckets:
            detected = detectors.detect(model, batch.images, batch.sizes, 4)
            for i, each, scale in zip(batch.indices, detected, batch.full / batch.sizes, strict=True):
                if np.isnan(each[2]).any():
                    raise ValueError(f"the scores of {photographs[i]} are NaN: see whether {weights} are finite")
                boxes, labels, scores = (part[each[2] >= least] for part in each)
                found[i] = boxes * np.tile(scale[::-1], 2), labels, scores
        _write(out, photographs, drawings, [found[i] for i in range(len(photographs))], names)


def _dict_of(path: Path) -> dict[str, Any]:
    """From a JSON file, empty if it is none of one."""
    found = json_of(path)
    return found if isinstance(found, dict) else {}


def _names(classes: str | None, known: Any, num_classes: int) -> list[str]:
    """Of the classes 1, 2, ..."""
    if classes is None:
        given = known if isinstance(known, list) else [f"class {k + 1}" for k in range(num_classes)]
    else:
        given = [name.strip() for name in classes.split(",")]
    if len(given) != num_classes:
        raise ValueError(f"the weights are of {num_classes} classes, got {len(given)} names")
    return [str(name) for name in given]


def _drawing_paths(out: Path, photographs: list[Path]) -> list[Path]:
    """Files of the drawings; raises where another file would be lost."""
    out.mkdir(parents=True, exist_ok=True)
    drawings = [out / f"{path.stem}.boxes.png" for path in photographs]
    if len(set(drawings)) < len(drawings):
        raise ValueError("two photographs have one name: look at them in two runs with an --out each")
    check_output("cannot write", out / "detections.json", "a file of this script", _is_list_of_detections)
    for path in drawings:
        check_output("cannot write", path, "a drawing of this script", _is_drawing)
    return drawings


def _is_drawing(path: Path) -> bool:
    with Image.open(path) as image:
        return image.info.get("Title") == _TITLE


def _is_list_of_detections(path: Path) -> bool:
    found = json_of(path)
    return isinstance(found, list) and all(isinstance(each, dict) and "drawing" in each for each in found)


def _buckets(photographs: list[Path], size: tuple[int, int]) -> list[Bucket]:
    """Portraits and landscapes, each padded to a size of their orientation."""
    read: dict[tuple[int, int], list[tuple[int, np.ndarray, tuple[int, int]]]] = {}
    for i, path in enumerate(photographs):
        if not path.is_file():
            raise FileNotFoundError(f"detect: no file {path}")
        photograph = read_photograph("detect", path)
        low, high = sorted(size)
        bucket_size = (high, low) if photograph.height > photograph.width else (low, high)
        pixels = scaled(photograph, bucket_size)
        read.setdefault(bucket_size, []).append((i, pixels, (photograph.height, photograph.width)))
    buckets = []
    for bucket_size, rows in read.items():
        indices, pixels, full = zip(*rows, strict=True)
        images = np.zeros((len(rows), *bucket_size, 3), np.uint8)
        for image, each in zip(images, pixels, strict=True):
            image[: each.shape[0], : each.shape[1]] = each
        sizes = np.array([each.shape[:2] for each in pixels], np.float32)
        buckets.append(Bucket(list(indices), images, sizes, np.array(full, np.float32)))
    return buckets


def _write(
    out: Path, photographs: list[Path], drawings: list[Path], found: list[detectors.Found], names: list[str]
) -> None:
    plot, rows = runs.figures(), []
    for path, drawing, (boxes, labels, scores) in zip(photographs, drawings, found, strict=True):
        photograph = read_photograph("detect", path)
        size = min(_DRAWN[0], photograph.height), min(_DRAWN[1], photograph.width)
        pixels = scaled(photograph, size)
        figure = plot.pictures([pixels / 255])
        figure.axes[0].clear()
        scale = pixels.shape[1] / photograph.width
        detectors.draw_found(figure.axes[0], pixels, (boxes * scale, labels, scores), names, 0.0)
        runs.save_figure(drawing, figure, _TITLE)
        objects = [
            {
                "box": [round(float(edge), 2) for edge in box],
                "label": int(label),
                "class": names[label - 1],
                "score": round(float(s), 4),
            }
            for box, label, s in zip(boxes, labels, scores, strict=True)
        ]
        rows.append({"file": str(path), "drawing": drawing.name, "objects": objects})
        notes = [f"{each['class']} {each['score']:.2f}" for each in objects]
        print(f"{path}: {', '.join(notes) or 'nothing'}")
    write_bytes(out / "detections.json", (json.dumps(rows, indent=1) + "\n").encode())


if __name__ == "__main__":
    typer.run(main)
