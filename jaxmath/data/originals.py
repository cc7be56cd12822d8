"""The files in which sets of images are published: which they are, whether they are those, and what they say.

Everything is read by Python's own gzip and tarfile, in memory: no member of an archive is ever written to disk, and
nothing is unpickled. CIFAR-10 is therefore taken in its binary version, which holds the same images and labels as the
pickles of the Python version, in records of fixed length that cannot run code.
"""

import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

_WHO = "data.prepare"
ENDINGS = (".jpg", ".jpeg", ".png")


class Labelled(NamedTuple):
    """Images of one shape, and the class of each."""

    images: UInt8[np.ndarray, "n h w c"]
    labels: UInt8[np.ndarray, " n"]


class Original(NamedTuple):
    """A set as it is published.

    Attributes:
      url: what the names of the files are appended to.
      checksums: the SHA-256 of each file, by its name.
      classes: names, in the order of the labels.
      read: from the paths of the files, by name, to the splits.
    """

    url: str
    checksums: Mapping[str, str]
    classes: tuple[str, ...]
    read: Callable[[Mapping[str, Path]], dict[str, Labelled]]


def verify(path: Path, checksum: str) -> None:
    """Raises a ValueError unless a file has this SHA-256."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != checksum:
        raise ValueError(
            f"{_WHO}: {path} is damaged or another file: SHA-256 {found}, expected {checksum}; delete it and fetch it "
            "again"
        )


def read_idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """An array of bytes from a gzipped IDX file: 0, 0, 8, the number of axes, their lengths (big-endian), the data."""
    try:
        with gzip.open(path) as file:
            content = file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{_WHO}: {path} is no complete gzip file ({error})") from error
    if content[:3] != b"\0\0\x08" or len(content) < 4 or len(content) < 4 + 4 * content[3]:
        raise ValueError(f"{_WHO}: {path} is no IDX file of bytes: it begins with {content[:4].hex(' ') or 'nothing'}")
    data = np.frombuffer(content, np.uint8, offset=4 + 4 * content[3])
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", content[3], 4))
    if data.size != np.prod(shape, dtype=object):
        raise ValueError(f"{_WHO}: {path} should hold {shape} bytes by its header, and holds {data.size}")
    return data.reshape(shape)


def read_pair(images_path: Path, labels_path: Path) -> Labelled:
    """The images of one IDX file with the labels of another."""
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.shape[1:] != (28, 28):
        raise ValueError(f"{_WHO}: {images_path} holds {images.shape}, expected images of 28 x 28")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{_WHO}: {len(images)} images in {images_path}, but labels {labels.shape} in {labels_path}")
    return _labels_below_10(Labelled(images[..., None], labels), labels_path)


def read_cifar(path: Path) -> dict[str, Labelled]:
    """The splits of CIFAR-10 from its binary archive: records of a label and 32 x 32 reds, greens and blues."""
    members = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
    try:
        with tarfile.open(path, "r:gz") as archive:
            splits = {split: b"".join(_member(archive, path, n) for n in names) for split, names in members.items()}
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{_WHO}: {path} is no complete gzipped tar file ({error})") from error
    return {split: _labels_below_10(_records(content, path), path) for split, content in splits.items()}


def _member(archive: tarfile.TarFile, path: Path, name: str) -> bytes:
    try:
        file = archive.extractfile(f"cifar-10-batches-bin/{name}")
    except KeyError:
        file = None
    if file is None:
        raise ValueError(f"{_WHO}: {path} has no file {name}; expected the binary version of CIFAR-10")
    return file.read()


def _records(content: bytes, path: Path) -> Labelled:
    length = 1 + 3 * 32 * 32
    if not content or len(content) % length:
        raise ValueError(f"{_WHO}: {path} holds {len(content)} bytes in a split, expected records of {length}")
    records = np.frombuffer(content, np.uint8).reshape(-1, length)
    return Labelled(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0])


def _labels_below_10(split: Labelled, path: Path) -> Labelled:
    if len(split.labels) == 0 or split.labels.max() > 9:
        raise ValueError(f"{_WHO}: {path} must hold labels 0 to 9, one or more")
    return split


def _read_four(paths: Mapping[str, Path]) -> dict[str, Labelled]:
    return {
        split: read_pair(paths[f"{prefix}-images-idx3-ubyte.gz"], paths[f"{prefix}-labels-idx1-ubyte.gz"])
        for split, prefix in (("train", "train"), ("test", "t10k"))
    }


def list_folder(folder: Path, who: str = _WHO) -> tuple[tuple[str, ...], dict[str, list[tuple[Path, int]]]]:
    """The classes, and of each split the image files with their labels, of a folder ``split/class/*.jpg``.

    Splits, classes and files come in the order of their names; what begins with a dot is left out.
    """
    splits = {split.name: _folders(split) for split in _folders(folder)}
    if not splits or not all(splits.values()):
        raise ValueError(f"{who}: {folder} must hold a folder for each split, such as train, and there one a class")
    for split in splits:
        if not re.fullmatch(r"\w+", split) or split == "all":
            raise ValueError(f"{who}: {folder / split} cannot be a split; expected letters, digits and _, and not all")
    classes = {split: tuple(path.name for path in paths) for split, paths in splits.items()}
    first = next(iter(classes))
    for split in classes:
        if classes[split] != classes[first]:
            raise ValueError(
                f"{who}: the classes in {folder / split} are {', '.join(classes[split])}; in {first} they are "
                f"{', '.join(classes[first])}"
            )
    files = {
        split: [(file, label) for label, path in enumerate(paths) for file in _images(path, who)]
        for split, paths in splits.items()
    }
    return classes[first], files


def _shown(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _folders(folder: Path) -> list[Path]:
    return [path for path in _shown(folder) if path.is_dir()]


def _images(folder: Path, who: str) -> list[Path]:
    files = _shown(folder)
    for file in files:
        if file.suffix.lower() not in ENDINGS:
            raise ValueError(f"{who}: {file} is no image that is known by its name; expected {', '.join(ENDINGS)}")
    if not files:
        raise ValueError(f"{who}: {folder} holds no image")
    return files


_TEN = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

ORIGINALS = {
    "mnist": Original(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        {
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
        _TEN,
        _read_four,
    ),
    "fashion_mnist": Original(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
        _CLOTHES,
        _read_four,
    ),
    "cifar10": Original(
        "https://www.cs.toronto.edu/~kriz/",
        {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
        _THINGS,
        lambda paths: read_cifar(paths["cifar-10-binary.tar.gz"]),
    ),
}
