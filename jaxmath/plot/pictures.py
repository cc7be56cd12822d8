"""Photographs, and what filters make of them."""

from collections.abc import Collection, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Num
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle

from jaxmath.plot.base import PALETTE, axes_for, numbers


def pictures(
    pictures: Sequence[Num[ArrayLike, "..."]],
    *,
    titles: Sequence[str] = (),
    columns: int | None = None,
    signed: Collection[int] = (),
    width: float = 9.6,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draws pictures of any sizes in a grid, row by row: 0 is black and 1 is white, as light is.

    Args:
      pictures: each grey of shape ``(height, width)`` or coloured of shape ``(height, width, 3)``; what is below 0 or
        above 1 is drawn as 0 or 1.
      titles: a title above each of the first pictures, or of all.
      columns: how many stand side by side; all if None.
      signed: the numbers of grey pictures in which 0 is white, positive red and negative blue, on one common scale.
      width: of a new figure, in inches; its height follows from the first picture.
      figure: where to draw; a new figure if None.

    Returns:
      The figure.

    Raises:
      ValueError: if there is no picture or one is of another shape, there are more titles than pictures, or no column.
    """
    shown = [numbers("plot.pictures", picture) for picture in pictures]
    columns = len(shown) if columns is None else columns
    if not shown or any(a.size == 0 or (a.ndim != 2 and a.shape[2:] != (3,)) for a in shown):
        wanted = "pictures of shape (height, width) or (height, width, 3)"
        raise ValueError(f"plot.pictures: expected {wanted}, got {[a.shape for a in shown]}")
    if columns < 1 or len(titles) > len(shown):
        raise ValueError(f"plot.pictures: {len(titles)} titles for {len(shown)} pictures in {columns} columns")
    rows = -(-len(shown) // columns)
    height = rows * (width / columns * len(shown[0]) / shown[0].shape[1] + (0.35 if titles else 0.05))
    parent: Any = figure or plt.figure(figsize=(width, height))
    largest = max((np.nanmax(np.abs(shown[i])) for i in signed), default=1.0) or 1.0
    for i, ax in enumerate(parent.subplots(rows, columns, squeeze=False).flat):
        ax.set_axis_off()
        if i >= len(shown):
            continue
        if i in signed:
            ax.imshow(shown[i], cmap="RdBu_r", vmin=-largest, vmax=largest)
        else:
            ax.imshow(np.clip(shown[i], 0, 1), cmap="gray", vmin=0, vmax=1)
        ax.set_title(titles[i] if i < len(titles) else "", fontsize=11)
    return parent


def boxes(
    picture: Num[ArrayLike, "..."] | None,
    boxes: Num[ArrayLike, "n 4"],
    *,
    labels: Sequence[str] = (),
    colors: Sequence[str] | str = PALETTE[0],
    dashed: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draws boxes on a picture.

    Args:
      picture: grey of shape ``(height, width)`` or coloured of shape ``(height, width, 3)``, from 0 to 1; None where it
        is drawn already.
      boxes: ``(x0, y0, x1, y1)`` in pixels, shape ``(n, 4)``.
      labels: what stands above each box, inside of it at the upper edge of the picture; or nothing.
      colors: of all boxes, or of each.
      dashed: with broken lines.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the shapes are others, the picture is of bytes, or labels or colours are not as many as boxes.
    """
    places, axes = numbers("plot.boxes", boxes), axes_for(ax, 2)
    places = places.reshape(0, 4) if places.size == 0 else places
    each = [colors] * len(places) if isinstance(colors, str) else list(colors)
    if places.ndim != 2 or places.shape[1] != 4 or len(each) != len(places) or len(labels) not in (0, len(places)):
        got = f"{places.shape} with {len(labels)} labels and {len(each)} colours"
        raise ValueError(f"plot.boxes: expected boxes of shape (n, 4) and a label and a colour for each, got {got}")
    if picture is not None:
        shown = numbers("plot.boxes", picture)
        if shown.size == 0 or (shown.ndim != 2 and shown.shape[2:] != (3,)) or np.asarray(picture).dtype == np.uint8:
            wanted = "numbers from 0 to 1 of shape (height, width) or (height, width, 3); divide bytes by 255"
            raise ValueError(
                f"plot.boxes: expected a picture of {wanted}, got {np.asarray(picture).dtype}{shown.shape}"
            )
        axes.imshow(np.clip(shown, 0, 1), cmap="gray", vmin=0, vmax=1, extent=(0, shown.shape[1], shown.shape[0], 0))
        axes.set_axis_off()
    style: Any = {"fill": False, "linewidth": 1.5, "linestyle": "--" if dashed else "-"}
    for i, (x0, y0, x1, y1) in enumerate(places):
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, edgecolor=each[i], **style))
        if len(labels):
            note: Any = {"facecolor": each[i], "edgecolor": "none", "pad": 1.0}
            place = "bottom" if y0 > 0.07 * max(axes.get_ylim()) else "top"  # inside of a box at the upper edge
            axes.text(x0, y0, labels[i], color="white", fontsize=8, va=place, bbox=note, clip_on=True)
    return axes
