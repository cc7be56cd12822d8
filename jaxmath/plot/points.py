"""Points, principal axes, residuals, images and spectra."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Num
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patheffects import withStroke

from jaxmath._array import unmasked
from jaxmath.plot.base import PALETTE, axes_for, numbers, points_of, same_length


def scatter(
    x: Num[ArrayLike, "n d"],
    *,
    labels: Num[ArrayLike, " n"] | None = None,
    color: str = PALETTE[0],
    label: str | None = None,
    size: float = 14.0,
    ax: Axes | None = None,
) -> Axes:
    """Draws points of the plane or of space, one unit equally long on every axis.

    Args:
      x: points, shape ``(n, 2)`` or ``(n, 3)``.
      labels: the class of each point, shape ``(n,)``: a colour for each, its name at the median of its points.
      color: the colour of the points if they have no labels.
      label: the name of the points in a legend.
      size: the area of a point, in square typographic points.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if x is neither ``(n, 2)`` nor ``(n, 3)``, or the labels are not ``(n,)``.
    """
    x = points_of("plot.scatter", x)
    if labels is not None:
        labels = same_length("plot.scatter", "labels", np.asarray(unmasked("plot.scatter", "labels", labels)), x)
    axes = axes_for(ax, x.shape[1])
    look: dict[str, Any] = {"s": size, "alpha": 0.7, "linewidths": 0}
    if labels is None:
        axes.scatter(*x.T, color=color, label=label, **look)
    else:
        classes, members = np.unique(labels, return_inverse=True)
        for i, name in enumerate(classes):
            own, shade = x[members == i], PALETTE[i % len(PALETTE)]
            axes.scatter(*own.T, color=shade, label=str(name), **look)
            bold: dict[str, Any] = {"color": shade, "fontsize": 17, "fontweight": "bold", "zorder": 5}
            edge = [withStroke(linewidth=3.5, foreground="white")]
            axes.text(*np.nanmedian(own, axis=0), str(name), ha="center", va="center", path_effects=edge, **bold)
    axes.set_aspect("equal")
    return axes


def principal_axes(
    mean: Num[ArrayLike, " d"],
    components: Num[ArrayLike, "k d"],
    lengths: Num[ArrayLike, " k"],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draws an arrow from the mean along each component.

    Args:
      mean: where the arrows begin, shape ``(2,)`` or ``(3,)``.
      components: their directions as rows, shape ``(k, 2)`` or ``(k, 3)``.
      lengths: how long they are, shape ``(k,)``: the standard deviations along the components, or a multiple.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the shapes do not fit each other, or d is neither 2 nor 3.
    """
    components, mean = points_of("plot.principal_axes", components), numbers("plot.principal_axes", mean)
    lengths = same_length("plot.principal_axes", "lengths", numbers("plot.principal_axes", lengths), components)
    dims = components.shape[1]
    if mean.shape != (dims,):
        raise ValueError(f"plot.principal_axes: expected a mean of shape ({dims},), got {mean.shape}")
    axes = axes_for(ax, dims)
    for i, arrow in enumerate(components * lengths[:, None]):
        shade: dict[str, Any] = {"color": PALETTE[(i + 1) % len(PALETTE)], "label": f"component {i + 1}"}
        if dims == 3:
            axes.quiver(*mean, *arrow, arrow_length_ratio=0.12, linewidth=2.5, **shade)
        else:
            axes.quiver(
                *mean, *arrow, angles="xy", scale_units="xy", scale=1, units="inches", width=0.035, zorder=4, **shade
            )
            axes.update_datalim([mean, mean + arrow])
            axes.autoscale_view()
    return axes


def residuals(
    x: Num[ArrayLike, "n d"], reconstruction: Num[ArrayLike, "n d"], *, color: str = "#808080", ax: Axes | None = None
) -> Axes:
    """Draws the way from each point to its reconstruction.

    Args:
      x: points, shape ``(n, 2)`` or ``(n, 3)``.
      reconstruction: where each of them ends, of the same shape.
      color: the colour of the lines.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the shapes differ or are neither ``(n, 2)`` nor ``(n, 3)``.
    """
    x, reconstruction = points_of("plot.residuals", x), numbers("plot.residuals", reconstruction)
    if x.shape != reconstruction.shape:
        raise ValueError(f"plot.residuals: expected two arrays of one shape, got {x.shape} and {reconstruction.shape}")
    axes = axes_for(ax, x.shape[1])
    gap = np.full_like(x, np.nan)
    axes.plot(
        *np.stack([x, reconstruction, gap], axis=1).reshape(-1, x.shape[1]).T, color=color, linewidth=0.8, zorder=1
    )
    return axes


def images(
    images: Num[ArrayLike, "n height width"],
    *,
    titles: Sequence[str] = (),
    columns: int | None = None,
    signed: bool = False,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draws grey images in a grid, row by row, on one common scale.

    Args:
      images: the images, shape ``(n, height, width)``.
      titles: a title above each of the first images, or of all; an empty one leaves it out.
      columns: how many stand side by side; all if None.
      signed: whether 0 is white, positive red and negative blue; otherwise the smallest value is white.
      figure: where to draw; a new figure if None.

    Returns:
      The figure.

    Raises:
      ValueError: if the images are not ``(n, height, width)``, there are more titles than images, or no column.
    """
    pixels = numbers("plot.images", images)
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise ValueError(f"plot.images: expected images of shape (n, height, width), got {pixels.shape}")
    columns = len(pixels) if columns is None else columns
    if columns < 1 or len(titles) > len(pixels):
        raise ValueError(f"plot.images: {len(titles)} titles for {len(pixels)} images in {columns} columns")
    rows = -(-len(pixels) // columns)
    parent: Any = figure or plt.figure(figsize=(1.25 * columns, (1.5 if titles else 1.25) * rows))
    largest = np.nanmax(np.abs(pixels)) or 1.0
    scale = (-largest, largest) if signed else (np.nanmin(pixels), np.nanmax(pixels))
    for i, ax in enumerate(parent.subplots(rows, columns, squeeze=False).flat):
        ax.set_axis_off()
        if i < len(pixels):
            ax.imshow(pixels[i], cmap="RdBu_r" if signed else "gray_r", vmin=scale[0], vmax=scale[1])
            ax.set_title(titles[i] if i < len(titles) else "", fontsize=11)
    return parent


def spectrum(
    variances: Num[ArrayLike, " k"], *, samples: Num[ArrayLike, "s k"] | None = None, ax: Axes | None = None
) -> Axes:
    """Draws the variance along each component as a bar.

    Args:
      variances: one for each component, shape ``(k,)``.
      samples: the same of other samples of the data, shape ``(s, k)``: a dash for each.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the variances are not ``(k,)``, or the samples not ``(s, k)``.
    """
    variances = numbers("plot.spectrum", variances)
    others = np.zeros((0, variances.size)) if samples is None else numbers("plot.spectrum", samples)
    if variances.ndim != 1:
        raise ValueError(f"plot.spectrum: expected variances of shape (k,), got {variances.shape}")
    if others.ndim != 2 or others.shape[1] != len(variances):
        raise ValueError(f"plot.spectrum: expected samples of shape (s, {len(variances)}), got {others.shape}")
    axes = axes_for(ax, 2)
    positions = np.arange(1, len(variances) + 1)
    axes.bar(positions, variances, color=PALETTE[0], alpha=1.0 if samples is None else 0.45)
    axes.plot(positions, others.T, "_", color=PALETTE[1], markersize=11, markeredgewidth=1.2)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("component")
    axes.set_ylabel("variance")
    return axes
