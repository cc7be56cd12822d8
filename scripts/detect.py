"""Finds objects in photographs: ``python scripts/detect.py WEIGHTS PHOTOGRAPH... [--out FOLDER]``.

WEIGHTS is what ``train_fasterrcnn.py`` has written, or ``import_weights.py fasterrcnn_resnet50_fpn FILE`` from a file
of torchvision. Photographs are made as large as fits into ``--height`` and ``--width``: by default those of the
training, which stand in ``options.json`` beside the weights, or else 800 x 1344. The names of the classes are those of
``report.json`` beside the weights, or of ``--classes``.

The folder gets ``detections.json``, for each photograph its boxes (x0, y0, x1, y1) in its own pixels, classes and
scores, best first, and a drawing ``NAME.boxes.png``. The exit status is 2 for a file that cannot be read: then nothing
is written.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image, ImageOps

from jaxmath._files import check_output, json_of, write_bytes
from jaxmath.data.prepared import scaled

sys.path.insert(0, str(Path(__file__).parent))
import detectors

import runs

_SIZE = (800, 1344)


def main(
    weights: Annotated[Path, typer.Argument(help="of train_fasterrcnn.py or import_weights.py")],
    photographs: Annotated[list[Path], typer.Argument(metavar="PHOTOGRAPH...", help="image files")],
    height: Annotated[int | None, typer.Option(min=32, help="in pixels")] = None,
    width: Annotated[int | None, typer.Option(min=32, help="in pixels")] = None,
    least: Annotated[
        float, typer.Option(min=0, max=1, help="the least score that is told and drawn, above 0.05")
    ] = 0.5,
    classes: Annotated[str | None, typer.Option(help="names like cat,dog")] = None,
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("detections"),
) -> None:
    """Finds objects in photographs."""
    runs.keep_programs()
    with runs.exit_statuses("nothing is written"):
        options, report = (_beside(weights, name) for name in ("options.json", "report.json"))
        size = height or options.get("height") or _SIZE[0], width or options.get("width") or _SIZE[1]
        model = detectors.load_detector(weights)
        names = _names(classes, report.get("classes"), model.num_classes - 1)
        drawings = _places(out, photographs)
        images, sizes, full = _read(photographs, size)
        found = []
        for each, inside, original in zip(detectors.detect(model, images, sizes, 4), sizes, full, strict=True):
            boxes, labels, scores = (part[each[2] >= least] for part in each)
            scale = np.tile(original / inside, 2)[[1, 0, 3, 2]]
            found.append((boxes * scale, labels, scores))
        _write(out, photographs, drawings, found, names)


def _beside(weights: Path, name: str) -> dict[str, Any]:
    found = json_of(weights.parent / name)
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


def _places(out: Path, photographs: list[Path]) -> list[Path]:
    """Where drawings go; raises where a file would be lost."""
    out.mkdir(parents=True, exist_ok=True)
    drawings = [out / f"{path.stem}.boxes.png" for path in photographs]
    if len(set(drawings)) < len(drawings):
        raise ValueError("two photographs have one name: look at them in two runs with an --out each")
    before = json_of(out / "detections.json")
    ours = {each.get("drawing") for each in before} if _is_ours(out / "detections.json") else set()
    check_output("cannot write", out / "detections.json", "a file of this script", _is_ours)
    for path in drawings:
        check_output("cannot write", path, "a drawing of this script", lambda path: path.name in ours)
    return drawings


def _is_ours(path: Path) -> bool:
    found = json_of(path)
    return isinstance(found, list) and all(isinstance(each, dict) and "drawing" in each for each in found)


def _read(photographs: list[Path], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of one size, the part of each that the photograph fills, and how large the photographs are."""
    images = np.zeros((len(photographs), *size, 3), np.uint8)
    sizes, full = np.zeros((2, len(photographs), 2), np.float32)
    for i, path in enumerate(photographs):
        if not path.is_file():
            raise FileNotFoundError(f"no file {path}")
        try:
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image)
                pixels, full[i] = scaled(upright, size), (upright.height, upright.width)
        except Exception as error:  # PIL raises what the damage leads to: OSError, SyntaxError, struct.error ...
            raise ValueError(f"{path} cannot be read as an image ({error})") from error
        sizes[i] = pixels.shape[:2]
        images[i, : pixels.shape[0], : pixels.shape[1]] = pixels
    return images, sizes, full


def _write(
    out: Path, photographs: list[Path], drawings: list[Path], found: list[detectors.Found], names: list[str]
) -> None:
    plot, told = runs.figures(), []
    for path, drawing, (boxes, labels, scores) in zip(photographs, drawings, found, strict=True):
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            pixels = scaled(upright, (upright.height, upright.width))
        figure = plot.pictures([pixels / 255])
        detectors.draw_found(figure.axes[0], pixels, (boxes, labels, scores), names, 0.0)
        runs.save_figure(drawing, figure)
        objects = [
            {
                "box": [round(float(edge), 2) for edge in box],
                "label": int(label),
                "class": names[label - 1],
                "score": round(float(s), 4),
            }
            for box, label, s in zip(boxes, labels, scores, strict=True)
        ]
        told.append({"file": str(path), "drawing": drawing.name, "objects": objects})
        notes = [f"{each['class']} {each['score']:.2f}" for each in objects]
        print(f"{path}: {', '.join(notes) or 'nothing'}")
    write_bytes(out / "detections.json", (json.dumps(told, indent=1) + "\n").encode())


if __name__ == "__main__":
    typer.run(main)
