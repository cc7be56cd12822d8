"""Data: sets of images and batches of them, tables from files, synthetic data; :mod:`data.augment`, :mod:`data.text`.

Handwritten digits are shipped (:func:`digits`, and ``load("digits", "train")``); other sets of images are made once by
:func:`prepare` and read by :func:`load` or, where the images differ in shape, by :func:`photographs`. A folder of
photographs that fits into memory is read by :func:`image_folder`, one with boxes by :func:`voc_folder`.
"""

import importlib
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import UInt8

from jaxmath.data import augment
from jaxmath.data.feeding import batches, epoch_order, stream
from jaxmath.data.folders import image_folder
from jaxmath.data.preparation import prepare
from jaxmath.data.prepared import Images, Photographs, load, photographs
from jaxmath.data.scenes import Scenes, shapes
from jaxmath.data.synthetic import CatBrain, Demand, Gratings, Statsville, cat_brain, demand, gratings, statsville
from jaxmath.data.tables import table
from jaxmath.data.voc import voc_folder

if TYPE_CHECKING:
    from jaxmath.data import text

__all__ = [
    "CatBrain",
    "Demand",
    "Digits",
    "Gratings",
    "Images",
    "Photographs",
    "Scenes",
    "Statsville",
    "augment",
    "batches",
    "cat_brain",
    "demand",
    "digits",
    "epoch_order",
    "gratings",
    "image_folder",
    "load",
    "photographs",
    "prepare",
    "shapes",
    "statsville",
    "stream",
    "table",
    "text",
    "voc_folder",
]


def __getattr__(name: str) -> ModuleType:
    if name == "text":  # it loads JAX's sparse arrays, and SciPy with them
        return importlib.import_module("jaxmath.data.text")
    raise AttributeError(f"module 'jaxmath.data' has no attribute {name!r}")


class Digits(NamedTuple):
    """Handwritten digits as grey images.

    Attributes:
      images: ink of each pixel, 0 (none) to 16.
      labels: the digit written, 0 to 9.
    """

    images: UInt8[np.ndarray, "1797 8 8"]
    labels: UInt8[np.ndarray, " 1797"]


def digits() -> Digits:
    """1,797 handwritten digits of 8 x 8 pixels, shipped with the package.

    The test set of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998, UCI Machine Learning
    Repository, licence CC BY 4.0), as scikit-learn distributes it (licence BSD-3-Clause).

    Returns:
      Images and labels as NumPy arrays, in the order of the original file.

    Example:
      >>> digits().images.shape
      (1797, 8, 8)
    """
    with (files("jaxmath.data") / "digits.npz").open("rb") as file, np.load(file) as arrays:
        return Digits(arrays["images"], arrays["labels"])
