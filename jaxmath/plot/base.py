"""The style of all figures, and what every figure does to its arguments."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from jax.typing import ArrayLike
from matplotlib.axes import Axes

from jaxmath._array import real

# Okabe and Ito (2008) without yellow and black, then four of Tol's muted scheme.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#332288", "#999933", "#555555")

_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#808080",
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 12,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.figsize": (6.4, 4.4),
    "font.size": 11,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "legend.framealpha": 0.9,
    "lines.linewidth": 2.0,
}


def style() -> None:
    """Makes matplotlib draw in the style of the notebooks: legible type, a light grid, colours for colour-blind eyes.

    It sets matplotlib's defaults for the rest of the process; ``matplotlib.rcdefaults()`` takes them back.
    """
    plt.rcParams.update(_STYLE)


def axes_for(ax: Axes | None, dims: int) -> Any:
    """The axes given, or new ones, of space if there are three dimensions."""
    return plt.figure().add_subplot(projection="3d" if dims == 3 else None) if ax is None else ax


def numbers(name: str, x: Any) -> np.ndarray:
    """Floats on the host; masked entries are NaN, which is not drawn. TypeError for anything but real numbers."""
    return np.asarray(real(name, x), float)


def points_of(name: str, x: ArrayLike) -> np.ndarray:
    """Points of the plane or of space; ValueError for any other shape."""
    x = numbers(name, x)
    if x.ndim != 2 or x.shape[1] not in (2, 3):
        raise ValueError(f"{name}: expected points of shape (n, 2) or (n, 3), got {x.shape}")
    return x


def same_length(name: str, argument: str, values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values, one for each point; ValueError otherwise."""
    if values.shape != x.shape[:1]:
        raise ValueError(f"{name}: expected {argument} of shape ({len(x)},), got {values.shape}")
    return values
