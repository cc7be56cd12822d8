"""Photographs, and what filters make of them."""

from collections.abc import Collection, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Num
from matplotlib.figure import Figure, SubFigure

from jaxmath.plot.base import numbers


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
