"""Reading prepared sets: small ones as one array, photographs one by one."""

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from jaxtyping import Int32, UInt8

from jaxmath._files import write_bytes

VERSION = "1.0.0"


class Images(NamedTuple):
    """Images of one shape.

    Attributes:
      images: pixels, 0 to 255.
      labels: the class of each, 0 to c - 1.
      classes: the names of the c classes.
    """

    images: UInt8[np.ndarray, "n h w c"]
    labels: Int32[np.ndarray, " n"]
    classes: tuple[str, ...]


class Photographs(NamedTuple):
    """Images of many shapes, which stay in their files until they are needed.

    Attributes:
      encoded: the bytes of the image files, read when they are asked for.
      labels: the class of each, 0 to c - 1.
      classes: the names of the c classes.
    """

    encoded: Sequence[bytes]
    labels: Int32[np.ndarray, " n"]
    classes: tuple[str, ...]


def load(name: str, split: str, *, data_dir: str | os.PathLike[str] | None = None) -> Images:
    r"""A split of a set of images as one array.

    Args:
      name: ``"digits"``, which is shipped and needs nothing, or a set that :func:`prepare` has made, such as
        ``"mnist"``, ``"fashion_mnist"`` or ``"cifar10"``.
      split: ``"train"`` or ``"test"``. Of the 1,797 digits every fifth is in the test set (indices 4, 9, ...), 359
        of them, and 1,438 in the other.
      data_dir: what :func:`prepare` was given; None is the environment variable ``TFDS_DATA_DIR``, or
        ``~/tensorflow_datasets``.

    Returns:
      Images and labels in the order of the original files. The ink of the digits, 0 to 16, is spread over 0 to 255.

    Raises:
      FileNotFoundError: if there is no such set; it says what to do.
      ValueError: naming the folder, if the set has no such split, is damaged or was not made by :func:`prepare`, or
        if its images differ in shape: :func:`photographs` reads those.

    Note:
      The records are decoded once: the array is kept beside them as ``decoded-<split>.npz`` and read from there
      afterwards, where the folder can be written.

    Example:
      >>> load("digits", "test").images.shape
      (359, 8, 8, 1)
    """
    if name == "digits":
        return _digits(split)
    folder = _folder("data.load", name, split, data_dir)
    arrays = _kept(folder / f"decoded-{split}.npz", "images", lambda: _decode("data.load", folder, split))
    return Images(arrays["images"], arrays["labels"], tuple(arrays["classes"].tolist()))


def photographs(name: str, split: str, *, data_dir: str | os.PathLike[str] | None = None) -> Photographs:
    """A split of a set of images that differ in shape, undecoded; :func:`stream` makes batches of them.

    Args:
      name: of a set that :func:`prepare` has made of an image folder.
      split: the name of a folder in it, such as ``"train"``.
      data_dir: as for :func:`load`.

    Returns:
      The bytes of the files, a sequence that reads them when they are asked for, and their labels, in the order of
      :func:`prepare`.

    Raises:
      FileNotFoundError: if there is no such set; it says what to do.
      ValueError: naming the folder, if the set has no such split, is damaged or was not made by :func:`prepare`.

    Note:
      Where the records lie is found once, and kept beside them as ``order-<split>.npz``.
    """
    folder = _folder("data.photographs", name, split, data_dir)
    arrays = _kept(folder / f"order-{split}.npz", "positions", lambda: _order("data.photographs", folder, split))
    encoded = _Records(_source("data.photographs", folder, split), arrays["positions"], folder)
    return Photographs(encoded, arrays["labels"], tuple(arrays["classes"].tolist()))


class _Records(Sequence):
    """The bytes of images, in the order of their indices."""

    def __init__(self, source: Any, positions: np.ndarray, folder: Path) -> None:
        self._source, self._positions, self._folder = source, positions, folder

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        position = int(self._positions[index])
        return _read("data.photographs", self._folder, lambda: self._source[position])["image"]


def to_rgb(image: Any) -> Any:
    """A PIL image in colour with 8 bits, turned upright if its file says how.

    Grey ones of 16 bits are scaled, transparency is lost.

    Raises:
      ValueError: naming the mode, for numbers without a range (32 bits, floats) and for modes without a conversion.
    """
    from PIL import Image, ImageOps

    image.load()
    with contextlib.suppress(Exception):  # PIL raises what a damaged note of the camera leads to; the pixels are there
        ImageOps.exif_transpose(image, in_place=True)  # a copy would lose its format
    mode = image.mode
    if mode.startswith("I;16") or (mode == "I" and image.format == "PNG"):  # older versions of PIL read I of 16 bits
        pixels = np.asarray(image).astype(np.int64)
        return Image.fromarray(((pixels + 128) // 257).astype(np.uint8)).convert("RGB")
    through = {
        "P": "RGBA",
        "PA": "RGBA",
        "La": "LA",
        "RGBa": "RGBA",
    }  # to RGB at once PIL warns of some, refuses others
    if mode in ("I", "F"):
        raise ValueError(f"images of mode {mode} have no range to scale to 0..255; save them with 8 or 16 bits")
    return (image.convert(through[mode]) if mode in through else image).convert("RGB")


def fitted(image: Any, size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """The largest part in the middle of a PIL image with the proportions of a size, in colour, brought to that size."""
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(to_rgb(image), (size[1], size[0]), Image.Resampling.BILINEAR))


def read_photograph(name: str, path: Path) -> Any:
    """A PIL image, as :func:`to_rgb` makes it.

    Raises:
      ValueError: naming the file, if it is no image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return to_rgb(image)
    except Exception as error:  # PIL raises what the damage leads to: OSError, SyntaxError, struct.error ...
        raise ValueError(f"{name}: {path} cannot be read as an image ({error})") from error


def scaled(image: Any, size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """A PIL image in colour, as large as fits into a size with its proportions."""
    from PIL import Image

    upright = to_rgb(image)
    factor = min(size[0] / upright.height, size[1] / upright.width)
    height, width = (max(1, round(factor * side)) for side in (upright.height, upright.width))
    return np.asarray(upright.resize((width, height), Image.Resampling.BILINEAR))


def _digits(split: str) -> Images:
    from jaxmath.data import digits

    if split not in ("train", "test"):
        raise ValueError(f"data.load: the digits have the splits train and test, got {split!r}")
    every = digits()
    rows = (np.arange(len(every.labels)) % 5 == 4) == (split == "test")
    images = np.round(every.images[rows, ..., None] * (255 / 16)).astype(np.uint8)
    return Images(images, every.labels[rows].astype(np.int32), tuple("0123456789"))


def _folder(who: str, name: Any, split: Any, data_dir: Any) -> Path:
    """Where a set lies; an error that says what to do if it does not."""
    for what, word in (("name", name), ("split", split)):
        if not isinstance(word, str) or not re.fullmatch(r"\w+", word):
            raise ValueError(f"{who}: the {what} must be a word, such as mnist or train, got {word!r}")
    data_dir = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    folder = data_dir / name / VERSION
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{who}: no set {name} in {data_dir}; make it by data.prepare("{name}", data_dir="{data_dir}"), with '
            'manual_dir="..." if the original files lie on this machine, or use the shipped "digits"'
        )
    return folder


def _kept(path: Path, first: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays from a file; where there is none, or a damaged one, they are made, and written if that is possible."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in (first, "labels", "classes")}
    except Exception:  # of many kinds: of NumPy, zipfile, zlib and the parser of headers
        arrays = make()
    content = io.BytesIO()
    np.savez(content, **cast(Any, arrays))
    with contextlib.suppress(OSError):  # a folder that is only read, a full disk: the next call makes them again
        write_bytes(path, content.getvalue())
    return arrays


def _source(who: str, folder: Path, split: str) -> Any:
    """The records of a split, their images undecoded."""
    import tensorflow_datasets as tfds

    try:
        builder: Any = tfds.builder_from_directory(folder)
        if split not in builder.info.splits:
            raise ValueError(f"{who}: {folder} has the splits {', '.join(builder.info.splits)}, got {split!r}")
        if set(builder.info.features) != {"image", "label", "index"}:
            raise ValueError(f"{who}: {folder} was not made by data.prepare")
        return builder.as_data_source(split, decoders={"image": tfds.decode.SkipDecoding()})
    except Exception as error:
        if str(error).startswith(who):
            raise
        raise ValueError(_damaged(who, folder, error)) from error


def _read(who: str, folder: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception as error:  # array_record raises RuntimeError, the parser of records its own kinds
        raise ValueError(_damaged(who, folder, error)) from error


def _damaged(who: str, folder: Path, error: Exception | str) -> str:
    return f"{who}: {folder} is damaged ({' '.join(str(error).split())}); delete it and prepare the set again"


def _records(who: str, folder: Path, source: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """All records as they lie, with their positions; a thousand are in memory at a time."""
    for start in range(0, len(source), 1000):
        positions = range(start, min(start + 1000, len(source)))
        yield from zip(positions, _read(who, folder, partial(source.__getitems__, positions)), strict=True)


def _order(who: str, folder: Path, split: str) -> dict[str, np.ndarray]:
    """Where the record of each index lies, and its label."""
    return _scan(who, folder, _source(who, folder, split), lambda position, image: None)


def _scan(who: str, folder: Path, source: Any, visit: Callable[[int, bytes], None]) -> dict[str, np.ndarray]:
    """As :func:`_order`, showing the image of each record to ``visit`` on the way."""
    pairs = []
    for position, record in _records(who, folder, source):
        pairs.append((record["index"], record["label"]))
        visit(position, record["image"])
    index, labels = np.array(pairs, np.int64).reshape(-1, 2).T
    positions = np.argsort(index)
    if not np.array_equal(index[positions], np.arange(len(index))):
        raise ValueError(_damaged(who, folder, "its indices are not 0 to n - 1"))
    classes = np.array(source.dataset_info.features["label"].names)
    return {"positions": positions, "labels": labels[positions].astype(np.int32), "classes": classes}


def _decode(who: str, folder: Path, split: str) -> dict[str, np.ndarray]:
    """Pixels and labels of all examples, in the order of their indices."""
    from PIL import Image

    source = _source(who, folder, split)
    shape = source.dataset_info.features["image"].shape
    if not all(shape):
        raise ValueError(f"{who}: the images of {folder} differ in shape; data.photographs reads them")
    images = np.empty((len(source), *shape), np.uint8)

    def visit(position: int, content: bytes) -> None:
        with Image.open(io.BytesIO(content)) as image:
            images[position] = np.asarray(image).reshape(shape)

    try:
        order = _scan(who, folder, source, visit)
    except (OSError, SyntaxError) as error:
        raise ValueError(_damaged(who, folder, error)) from error
    return {"images": images[order.pop("positions")], **order}
