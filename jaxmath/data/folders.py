"""Photographs of a folder as one array: :func:`image_folder`."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from jaxmath._array import as_size
from jaxmath._files import as_path
from jaxmath.data.originals import list_folder
from jaxmath.data.prepared import Images, fitted, read_photograph

_WHO = "data.image_folder"


def image_folder(path: str | os.PathLike[str], split: str, *, size: tuple[int, int] = (256, 256)) -> Images:
    """The photographs ``path/split/class/*.jpg`` as one array, decoded once.

    Of each photograph the largest part in the middle that has the proportions of ``size`` is brought to that size, with
    antialiasing: with 256 x 256 the shorter side becomes 256 and the middle of the longer one stays. The usual
    evaluation of classifiers of ImageNet is then ``data.augment.center_crop(images, (224, 224))``, and their training
    ``data.augment.random_resized_crop(key, images, (224, 224))`` and ``random_flip``, on the device. What is too large
    for memory goes through :func:`prepare`, :func:`photographs` and :func:`stream`.

    Args:
      path: a folder with ``train/<class>/*.jpg``, ``val/<class>/*.jpg`` and so on (also .jpeg and .png), with the same
        classes in each split. What begins with a dot is left out.
      split: the name of a folder in it, such as ``"train"``.
      size: height and width of the results.

    Returns:
      Images and labels in the order of the classes, and there of the files, by name. Photographs are turned upright if
      their files say how. Grey images become colour, 16 bits become 8, and transparency is lost.

    Raises:
      FileNotFoundError: if there is no such folder.
      ValueError: naming the folder or file, if a class is empty, the splits differ in their classes, there is no such
        split, or a file cannot be read as an image; or if the size is not of two positive numbers.
      TypeError: if the path is none, or a size is no integer.
    """
    path = as_path(_WHO, path).expanduser()
    if np.shape(size) != (2,):
        raise ValueError(f"{_WHO}: size must be (height, width), got {size!r}")
    height, width = (as_size(_WHO, "size", length) for length in size)
    if not path.is_dir():
        raise FileNotFoundError(f"{_WHO}: no folder {path}; expected one with {path}/train/<class>/*.jpg")
    classes, files = list_folder(path, _WHO)
    if split not in files:
        raise ValueError(f"{_WHO}: {path} has the splits {', '.join(files)}, got {split!r}")
    paths, labels = zip(*files[split], strict=True)
    images = np.empty((len(paths), height, width, 3), np.uint8)
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        for i, image in enumerate(pool.map(partial(_read, size=(height, width)), paths)):
            images[i] = image
    return Images(images, np.array(labels, np.int32), classes)


def _read(path: Path, size: tuple[int, int]) -> Any:
    return fitted(read_photograph(_WHO, path), size)
