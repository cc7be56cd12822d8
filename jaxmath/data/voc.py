"""Photographs with boxes, in the layout of the PASCAL visual object classes: :func:`voc_folder`."""

import os
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxmath._array import as_size
from jaxmath._files import as_path
from jaxmath.data.prepared import read_photograph, scaled
from jaxmath.data.scenes import Scenes

_WHO = "data.voc_folder"
_SUFFIXES = (".jpg", ".jpeg", ".png")
_EDGES = ("xmin", "ymin", "xmax", "ymax")


class _Object(NamedTuple):
    name: str
    box: np.ndarray  # in pixels of the file


class _Annotation(NamedTuple):
    objects: list[_Object]
    size: list[str]  # height and width of the photograph, as they are written


def voc_folder(
    path: str | os.PathLike[str], split: str, *, size: tuple[int, int], classes: Sequence[str] | None = None
) -> tuple[Scenes, tuple[str, ...]]:
    """The photographs of a folder in the format of PASCAL VOC, with their boxes, in memory.

    A folder has ``ImageSets/Main/<split>.txt`` with one name in a line, ``JPEGImages/<name>.jpg`` (also .jpeg and .png)
    and ``Annotations/<name>.xml``. Pixels count from 1 there and a box includes its last ones, so that xmin = 1 and
    xmax = 3 becomes the edges 0 and 3. Objects that are marked as difficult are left out; VOC's own evaluation ignores
    detections of them. Photographs are turned upright if their file says how, and boxes are those of the upright ones.
    Files whose names begin with a dot are left out.

    Args:
      path: the folder.
      split: such as ``"train"``.
      size: height and width of the results. Photographs are made as large as fits in with their proportions, and padded
        on the right and below.
      classes: names of the classes, which get the labels 1, 2, ...; by default all names of the folder, sorted.

    Returns:
      The scenes, as NumPy arrays with as many slots for boxes as the image with the most needs, and the classes.

    Raises:
      FileNotFoundError: naming it, if there is no such folder or split, or a file of a photograph is missing.
      ValueError: naming the file, if it is no annotation or no image, a class is unknown, a box has no area or none
        in its image, or the annotation is of the photograph before it was turned upright; if classes repeat, or the
        size is not of two positive numbers.
      TypeError: if the path is none, or a size is no integer.

    Warns:
      UserWarning: with their number, if boxes that reach beyond their image were clipped.

    Example:
      >>> scenes, classes = voc_folder("VOCdevkit/VOC2012", "train", size=(384, 512))  # doctest: +SKIP

    Reference: Everingham et al. (2010).
    """
    path = as_path(_WHO, path).expanduser()
    if np.shape(size) != (2,):
        raise ValueError(f"{_WHO}: size must be (height, width), got {size!r}")
    height, width = (as_size(_WHO, "size", length) for length in size)
    names = _listed(path, split)
    files = [path / "Annotations" / f"{name}.xml" for name in names]
    known = _all_classes(path) if classes is None else _given_classes(classes)
    annotations = [_annotation(file) for file in files]
    photographs = [_photograph(path, name) for name in names]
    images, sizes = np.zeros((len(names), height, width, 3), np.uint8), np.zeros((len(names), 2), np.float32)
    most = max(1, *(len(each.objects) for each in annotations))
    boxes, labels = np.zeros((len(names), most, 4), np.float32), np.zeros((len(names), most), np.int32)
    num_clipped = 0
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        for i, (image, before) in enumerate(pool.map(partial(_read, size=(height, width)), photographs)):
            images[i, : image.shape[0], : image.shape[1]], sizes[i] = image, image.shape[:2]
            scale = np.tile(sizes[i] / before, 2)[[1, 0, 3, 2]]
            if annotations[i].size == [str(side) for side in before[::-1]] and before[0] != before[1]:
                turned = f"{before[0]} x {before[1]} pixels upright"
                raise ValueError(f"{_WHO}: {files[i]} has the sides of its photograph exchanged, which is {turned}")
            for j, (name, box) in enumerate(annotations[i].objects):
                inside = _inside(files[i], box, before)
                num_clipped += bool((inside != box).any())
                boxes[i, j], labels[i, j] = inside * scale, _label(files[i], name, known)
    if num_clipped:
        warnings.warn(f"{_WHO}: {num_clipped} boxes reach beyond their image and were clipped", stacklevel=2)
    return Scenes(images, sizes, boxes, labels, labels > 0), known


def _listed(path: Path, split: str) -> list[str]:
    """The names of a split."""
    if not path.is_dir():
        raise FileNotFoundError(f"{_WHO}: no folder {path}; expected one with {path}/ImageSets/Main/<split>.txt")
    file = path / "ImageSets" / "Main" / f"{split}.txt"
    if not file.is_file():
        splits = ", ".join(sorted(other.stem for other in file.parent.glob("[!.]*.txt"))) or "none"
        raise FileNotFoundError(f"{_WHO}: no file {file}; the splits of {path} are: {splits}")
    try:
        names = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{_WHO}: {file} is no text in UTF-8 ({error})") from error
    if not names:
        raise ValueError(f"{_WHO}: {file} names no photograph")
    if all(line.split()[-1] in ("-1", "0", "1") and len(line.split()) == 2 for line in names):
        raise ValueError(f"{_WHO}: {file} says of one class where it is; expected names of photographs alone")
    return names


def _all_classes(path: Path) -> tuple[str, ...]:
    """The names of all objects of a folder, of any split, so that splits agree."""
    files = sorted((path / "Annotations").glob("[!.]*.xml"))
    return tuple(sorted({each.name for file in files for each in _annotation(file).objects}))


def _given_classes(classes: Any) -> tuple[str, ...]:
    if isinstance(classes, str) or len({*classes}) < len(classes):
        raise ValueError(f"{_WHO}: classes must be names that differ, got {classes!r}")
    return tuple(map(str, classes))


def _annotation(file: Path) -> _Annotation:
    try:
        root = ElementTree.parse(file).getroot()
    except FileNotFoundError:
        raise FileNotFoundError(f"{_WHO}: no file {file}") from None
    except (ElementTree.ParseError, OSError, ValueError) as error:
        raise ValueError(f"{_WHO}: {file} is no annotation ({error})") from error
    objects = [_object(file, each) for each in root.iter("object") if each.findtext("difficult", "0").strip() != "1"]
    return _Annotation(objects, [root.findtext(f"size/{side}", "").strip() for side in ("height", "width")])


def _object(file: Path, element: Any) -> _Object:
    name = (element.findtext("name") or "").strip()
    texts = [element.findtext(f"bndbox/{edge}") for edge in _EDGES]
    try:
        x0, y0, x1, y1 = (float(text) for text in texts)
    except (TypeError, ValueError):
        raise ValueError(f"{_WHO}: {file} has an object {name!r} with the box {texts}, no four numbers") from None
    if not name or not (x1 >= x0 and y1 >= y0):
        what = f"the box {[x0, y0, x1, y1]} of {name}, which has no area" if name else "an object without a name"
        raise ValueError(f"{_WHO}: {file} has {what}")
    return _Object(name, np.array([x0 - 1, y0 - 1, x1, y1]))


def _photograph(path: Path, name: str) -> Path:
    files = [path / "JPEGImages" / f"{name}{suffix}" for suffix in _SUFFIXES]
    for file in files:
        if file.is_file():
            return file
    raise FileNotFoundError(f"{_WHO}: no file {files[0]} for {path}/Annotations/{name}.xml")


def _read(file: Path, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels, and the size of the photograph in its file."""
    image = read_photograph(_WHO, file)
    return scaled(image, size), np.array([image.height, image.width])


def _inside(file: Path, box: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The part of a box in an image of this size."""
    height, width = size
    clipped = np.clip(box, 0, [width, height, width, height])
    if (clipped[2:] <= clipped[:2]).any():
        raise ValueError(f"{_WHO}: {file} has the box {box.tolist()} outside of an image of {height} x {width} pixels")
    return clipped


def _label(file: Path, name: str, classes: tuple[str, ...]) -> int:
    if name not in classes:
        raise ValueError(f"{_WHO}: {file} has an object of the class {name!r}; known are {', '.join(classes)}")
    return classes.index(name) + 1
