"""Vectors as arrows, and matrices with their numbers."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Num
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from jaxmath.plot.base import PALETTE, axes_for, numbers, points_of

_EDGE = withStroke(linewidth=3.0, foreground="white")


def vectors(
    x: Num[ArrayLike, "n d"],
    *,
    origins: Num[ArrayLike, "n d"] | Num[ArrayLike, " d"] | None = None,
    labels: Sequence[str] = (),
    colors: Sequence[str] = PALETTE,
    ax: Axes | None = None,
) -> Axes:
    """Draws vectors of the plane or of space as arrows, one unit equally long on every axis.

    Args:
      x: the vectors as rows, shape ``(n, 2)`` or ``(n, 3)``.
      origins: where they begin, shape ``(n, d)``, or ``(d,)`` for all; at 0 if None.
      labels: a name at the tip of each of the first vectors, or of all; an empty one leaves it out.
      colors: one for each, from the first again if there are fewer.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if x is neither ``(n, 2)`` nor ``(n, 3)``, the origins do not fit it, there are more labels than
        vectors, or no color.
    """
    x = points_of("plot.vectors", x)
    starts = np.zeros_like(x) if origins is None else numbers("plot.vectors", origins)
    if starts.shape not in (x.shape, x.shape[1:]):
        raise ValueError(f"plot.vectors: expected origins of shape {x.shape} or {x.shape[1:]}, got {starts.shape}")
    if len(labels) > len(x) or not len(colors):
        raise ValueError(f"plot.vectors: {len(labels)} labels and {len(colors)} colors for {len(x)} vectors")
    axes = axes_for(ax, x.shape[1])
    draw = _arrow_in_space if x.shape[1] == 3 else _arrow_in_plane
    for i, (start, vector) in enumerate(zip(np.broadcast_to(starts, x.shape), x, strict=True)):
        draw(axes, start, vector, labels[i] if i < len(labels) else "", colors[i % len(colors)])
    axes.set_aspect("equal")
    return axes


def matrix(
    a: Num[ArrayLike, "n d"],
    *,
    title: str = "",
    number_format: str = ".3g",
    highlight: Any = None,
    cmap: str = "RdBu_r",
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draws a matrix with its numbers, each on a patch of colour: red above 0, blue below, grey where there is none.

    Args:
      a: the matrix, shape ``(n, d)``; a NaN or an infinity is written on grey.
      title: what stands above.
      number_format: how a number is written, as in ``format(number, number_format)``.
      highlight: an index of entries to frame: ``np.s_[1]`` for a row, ``np.s_[:, 2]`` for a column, ``np.s_[1:3, 2:5]``
        for a block, a boolean mask for any.
      cmap: the name of a colour map of matplotlib.
      limits: the numbers at the ends of the colour map; if None, 0 is in its middle and no colour is strong.
      ax: where to draw; new axes of the size of the matrix if None.

    Returns:
      The axes.

    Raises:
      ValueError: if it is not a matrix, or empty.
      IndexError: if the highlight is no index of it.
    """
    table = numbers("plot.matrix", a)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"plot.matrix: expected a matrix of shape (n, d), got {table.shape}")
    framed = np.zeros(table.shape, bool)
    if highlight is not None:
        framed[highlight] = True
    known = np.isfinite(table)
    largest = 1.8 * np.abs(table[known]).max(initial=0) or 1.0
    low, high = limits or (-largest, largest)
    axes: Any = ax or plt.figure(figsize=(0.7 * table.shape[1] + 0.4, 0.6 * table.shape[0] + 0.6)).add_subplot()
    shades = plt.get_cmap(cmap)(Normalize(low, high)(np.where(known, table, 0.0)))
    shades[~known] = (0.8, 0.8, 0.8, 1.0)
    axes.imshow(shades)
    for (i, j), number in np.ndenumerate(table):
        light = shades[i, j, :3] @ (0.299, 0.587, 0.114) > 0.5
        axes.text(j, i, format(number, number_format), ha="center", va="center", color="black" if light else "white")
    for i, j in np.argwhere(framed):
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=2.0, clip_on=False))
    axes.set_axis_off()
    axes.set_title(title)
    return axes


def _arrow_in_plane(ax: Any, start: np.ndarray, vector: np.ndarray, label: str, color: str) -> None:
    look: dict[str, Any] = {"color": color, "units": "inches", "width": 0.03, "zorder": 4}
    ax.quiver(*start, *vector, angles="xy", scale_units="xy", scale=1, **look)
    ax.update_datalim([start, start + vector])
    ax.autoscale_view()
    right, up = vector / (np.linalg.norm(vector) or 1.0)
    beyond: dict[str, Any] = {"xytext": (6 * right, 6 * up), "textcoords": "offset points", "zorder": 5}
    ax.annotate(label, start + vector, color=color, path_effects=[_EDGE], **beyond, **_beside(right, up))


def _arrow_in_space(ax: Any, start: np.ndarray, vector: np.ndarray, label: str, color: str) -> None:
    ax.quiver(*start, *vector, color=color, arrow_length_ratio=0.12, linewidth=2.2)
    ax.auto_scale_xyz(*np.stack([start, start + vector], axis=1), had_data=True)  # quiver knows only where it begins
    azim, elev = np.radians(ax.azim), np.radians(ax.elev)
    rightward = np.array([-np.sin(azim), np.cos(azim), 0.0])
    upward = np.array([-np.sin(elev) * np.cos(azim), -np.sin(elev) * np.sin(azim), np.cos(elev)])
    unit = vector / (np.linalg.norm(vector) or 1.0)
    where, side = start + 1.06 * vector, _beside(float(unit @ rightward), float(unit @ upward))
    ax.text(*where, label, color=color, path_effects=[_EDGE], zorder=10, **side)


def _beside(right: float, up: float) -> dict[str, Any]:
    """How a text is aligned that stands beyond the tip of an arrow in this direction."""
    across = "center" if abs(right) < 0.4 else "left" if right > 0 else "right"
    return {"ha": across, "va": "center" if abs(up) < 0.4 else "bottom" if up > 0 else "top"}
