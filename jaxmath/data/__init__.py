"""Data: the bundled handwritten digits, tables from files."""

from importlib.resources import files
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from jaxmath.data.synthetic import Statsville, statsville
from jaxmath.data.tables import table

__all__ = ["Digits", "Statsville", "digits", "statsville", "table"]


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
