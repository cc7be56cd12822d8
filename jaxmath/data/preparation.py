"""Making prepared sets of the original files, once: :func:`prepare`."""

import contextlib
import io
import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from jaxmath.data.originals import ORIGINALS, Original, list_folder, verify
from jaxmath.data.prepared import VERSION, to_rgb

_WHO = "data.prepare"


def prepare(
    name: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str],
    manual_dir: str | os.PathLike[str] | None = None,
) -> Path:
    r"""Makes a set ready for :func:`load` or :func:`photographs`, from the files in which it is published.

    The result is a TensorFlow Datasets folder in array_record format, made without TensorFlow. Images keep their
    pixels (as PNG), those of a folder their very bytes; every example carries its index, since records are shuffled.

    Args:
      name: ``"mnist"``, ``"fashion_mnist"`` or ``"cifar10"``; or a name of your own for the image folder
        ``manual_dir``; or the path of an image folder, whose last part is then the name. An image folder holds
        ``train/<class>/*.jpg``, ``val/<class>/*.jpg`` and so on (also .jpeg and .png), with the same classes in each
        split. Examples come in the order of the classes, and there of the files, by name.
      data_dir: where the set is put, as ``data_dir/name/1.0.0``. A set that is there is left as it is; to make it
        anew, delete it.
      manual_dir: the folder with the original files: the four ``*-ubyte.gz`` of MNIST or Fashion-MNIST,
        ``cifar-10-binary.tar.gz``, or the image folder. None: they are downloaded into ``data_dir/downloads``.

    Returns:
      The folder of the set. It takes its place when it is complete; what fails leaves nothing behind.

    Raises:
      ValueError: naming the file, if one is damaged, not the published one (by its SHA-256), or cannot be read as an
        image; for a name with other characters than a-z, 0-9 and _.
      FileNotFoundError: if there is no such file, or no image folder.
      FileExistsError: if something that is no set is in its place.
      OSError: if the files cannot be downloaded or the set cannot be written.

    Note:
      The images of a folder are all decoded once, so that a damaged file is known before it is trained on.
    """
    name, folder = _name_and_folder(name, manual_dir)
    data_dir = Path(data_dir).expanduser()
    goal = data_dir / name / VERSION
    if goal.exists() or goal.is_symlink():
        if not (goal / "dataset_info.json").is_file():
            raise FileExistsError(f"{_WHO}: {goal} is there and no set; take another data_dir, or move it away")
        return goal
    if name in ORIGINALS:
        original = ORIGINALS[name]
        paths = _download(name, original, data_dir) if folder is None else _find(original, folder)
        for file, checksum in original.checksums.items():
            verify(paths[file], checksum)
        splits = original.read(paths)
        shape = next(iter(splits.values())).images.shape[1:]
        _write(goal, original.classes, shape, {split: _arrays(*arrays) for split, arrays in splits.items()})
    else:
        classes, files = list_folder(cast(Path, folder))
        _write(goal, classes, (None, None, 3), {split: _files(paths) for split, paths in files.items()})
    return goal


def _name_and_folder(name: Any, manual_dir: Any) -> tuple[str, Path | None]:
    if not isinstance(name, (str, os.PathLike)):
        raise TypeError(f"{_WHO}: expected the name of a set or a path, got a {type(name).__name__}")
    if manual_dir is None and name not in ORIGINALS:
        name, manual_dir = Path(name).expanduser().resolve().name.lower(), name
    name, known = os.fspath(name), ", ".join(ORIGINALS)
    manual_dir = None if manual_dir is None else Path(manual_dir).expanduser()
    if manual_dir is not None and not manual_dir.is_dir():
        raise FileNotFoundError(f"{_WHO}: no folder {manual_dir}; expected {known}, or the path of an image folder")
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or name == "digits":
        raise ValueError(
            f"{_WHO}: the name of a set begins with a letter, has only a-z, 0-9 and _, and is not digits, got "
            f"{name!r}; pass another, and the image folder as manual_dir"
        )
    return name, manual_dir


def _find(original: Original, folder: Path) -> dict[str, Path]:
    paths = {file: folder / file for file in original.checksums}
    if missing := [file for file, path in paths.items() if not path.is_file()]:
        raise FileNotFoundError(f"{_WHO}: no {', '.join(missing)} in {folder}; get them from {original.url}")
    return paths


def _download(name: str, original: Original, data_dir: Path) -> dict[str, Path]:
    import tensorflow_datasets as tfds

    first = urllib.request.Request(original.url + next(iter(original.checksums)), method="HEAD")
    try:
        with contextlib.suppress(urllib.error.HTTPError):  # an answer, if no good one; without any, the manager would
            urllib.request.urlopen(first, timeout=10).close()  # try again for minutes
        manager = tfds.download.DownloadManager(download_dir=data_dir / "downloads", dataset_name=name)
        paths = manager.download({file: original.url + file for file in original.checksums})
        return {file: Path(path) for file, path in paths.items()}
    except Exception as error:  # of many kinds: of the file system, of the network, of the downloader itself
        reason = " ".join(str(error).split())
        raise OSError(
            f"{_WHO}: cannot download {name} ({reason}); get {', '.join(original.checksums)} from {original.url} "
            "elsewhere, put them into a folder and pass it as manual_dir"
        ) from error


def _arrays(images: Any, labels: Any) -> Iterator[tuple[Any, int]]:
    """Images as PIL images: TensorFlow Datasets would call TensorFlow to encode arrays."""
    from PIL import Image

    for image, label in zip(images, labels, strict=True):
        yield Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image), int(label)


def _files(paths: list[tuple[Path, int]]) -> Iterator[tuple[bytes, int]]:
    """Images as the bytes of their files, each decoded once to see that it can be."""
    from PIL import Image

    for path, label in paths:
        try:
            content = path.read_bytes()
            with Image.open(io.BytesIO(content)) as image:
                to_rgb(image)
        except Exception as error:  # PIL raises what the damage leads to: OSError, SyntaxError, struct.error ...
            raise ValueError(f"{_WHO}: {path} cannot be read as an image ({error})") from error
        yield content, label


def _write(goal: Path, classes: tuple[str, ...], shape: tuple[int | None, ...], splits: Mapping[str, Any]) -> None:
    """Writes a set beside its place, and moves it there when it is complete."""
    from jaxmath.data._builder import write

    name, data_dir = goal.parent.name, goal.parent.parent
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data_dir, prefix=f".{name}.") as folder:
            made = write(Path(folder), name, VERSION, classes, shape, splits)
            goal.parent.mkdir(exist_ok=True)
            os.rename(made, goal)
    except (OSError, RuntimeError) as error:  # array_record tells of a full disk in a RuntimeError
        if not goal.is_dir():  # otherwise another process was faster
            raise OSError(f"{_WHO}: cannot write {goal} ({' '.join(str(error).split())})") from error
