"""Angles, bodies under a linear map, ellipsoids, and equations of matrices."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Num
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from jaxmath.plot.base import PALETTE, axes_for, numbers, points_of, same_length
from jaxmath.plot.vectors import matrix

_GREY = "#555555"


def arc(
    start: Num[ArrayLike, " d"],
    stop: Num[ArrayLike, " d"],
    *,
    radius: float = 0.5,
    label: str = "",
    color: str = _GREY,
    ax: Axes | None = None,
) -> Axes:
    """Draws the arc about the origin from the direction of one vector to that of another, on the shorter way.

    Args:
      start: where it begins, shape ``(2,)`` or ``(3,)``, of any length but 0.
      stop: where it ends, of the same shape; not the opposite direction, to which no way is shorter.
      radius: of the arc.
      label: what is written beyond its middle.
      color: of the arc and its label.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the two are not vectors of one shape ``(2,)`` or ``(3,)``.
    """
    start, stop = numbers("plot.arc", start), numbers("plot.arc", stop)
    if start.shape != stop.shape or start.shape not in ((2,), (3,)):
        raise ValueError(f"plot.arc: expected two vectors of one shape (2,) or (3,), got {start.shape}, {stop.shape}")
    u, v = start / np.linalg.norm(start), stop / np.linalg.norm(stop)
    theta = 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))
    across = (v - np.cos(theta) * u) / (np.sin(theta) or 1.0)
    t = np.linspace(0, theta, 65)[:, None]
    points = radius * (np.cos(t) * u + np.sin(t) * across)
    axes = axes_for(ax, len(u))
    axes.plot(*points.T, color=color, linewidth=1.5, zorder=5)
    if label:
        axes.text(*(1.3 * points[32]), label, color=color, ha="center", va="center", zorder=6)
    return axes


def polygon(
    corners: Num[ArrayLike, "n 2"],
    *,
    color: str = PALETTE[0],
    label: str | None = None,
    filled: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draws a closed figure of the plane, one unit equally long on both axes.

    Args:
      corners: in order, shape ``(n, 2)``; the last is joined with the first.
      color: of the edge and, lighter, of the inside.
      label: its name in a legend.
      filled: whether the inside is tinted.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the corners are not ``(n, 2)``.
    """
    corners = numbers("plot.polygon", corners)
    if corners.ndim != 2 or corners.shape[1] != 2:
        raise ValueError(f"plot.polygon: expected corners of shape (n, 2), got {corners.shape}")
    axes = axes_for(ax, 2)
    tint = (*to_rgb(color), 0.25 if filled else 0.0)
    axes.fill(*corners.T, facecolor=tint, edgecolor=color, linewidth=1.5, label=label, joinstyle="round")
    axes.set_aspect("equal")
    return axes


def box(
    transform: Num[ArrayLike, "3 3"] | None = None,
    *,
    sizes: Sequence[float] = (1.0, 1.0, 1.0),
    alpha: float = 1.0,
    ax: Axes | None = None,
) -> Axes:
    """Draws a box centred at the origin under a linear map of space.

    Every face has a colour of its own, so that two positions of one box can be told apart: a hue for each edge
    direction, light on the side from which it points away.

    Args:
      transform: the map, shape ``(3, 3)``; the identity if None.
      sizes: the lengths of the edges along x, y and z before the map.
      alpha: how opaque the faces are, 0 to 1.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the map is not ``(3, 3)``, or the sizes are not three.
    """
    transform, edges = np.eye(3) if transform is None else numbers("plot.box", transform), numbers("plot.box", sizes)
    if transform.shape != (3, 3) or edges.shape != (3,):
        raise ValueError(f"plot.box: expected a (3, 3) map and three sizes, got {transform.shape} and {edges.shape}")
    faces, shades = [], []
    for i, hue in enumerate((PALETTE[0], PALETTE[4], PALETTE[2])):
        for side in (-0.5, 0.5):
            face = np.insert([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], i, side, axis=1)
            faces.append(face * edges @ transform.T)
            shades.append(to_rgb(hue) if side > 0 else tuple(0.35 * np.array(to_rgb(hue)) + 0.65))
    axes = axes_for(ax, 3)
    body = Poly3DCollection(faces, facecolors=shades, edgecolors="#303030", linewidths=0.8, alpha=alpha)
    axes.add_collection3d(body)
    axes.auto_scale_xyz(*np.concatenate(faces).T)
    axes.set_aspect("equal")
    return axes


def ellipsoid(
    lengths: Num[ArrayLike, " d"],
    directions: Num[ArrayLike, "d d"],
    *,
    center: Num[ArrayLike, " d"] | None = None,
    half_axes: bool = True,
    color: str = PALETTE[0],
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draws an ellipse of the plane, or an ellipsoid of space with its sections between the axes, and its half-axes.

    Args:
      lengths: of the half-axes, shape ``(2,)`` or ``(3,)``.
      directions: unit vectors along them, as columns.
      center: the origin if None.
      half_axes: whether to draw them, each in its colour.
      color: of the curve or the surface.
      label: its name in a legend.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the shapes do not fit each other, or d is neither 2 nor 3.
    """
    columns = points_of("plot.ellipsoid", numbers("plot.ellipsoid", directions).T)
    lengths = same_length("plot.ellipsoid", "lengths", numbers("plot.ellipsoid", lengths), columns)
    dims = columns.shape[1]
    center = np.zeros(dims) if center is None else numbers("plot.ellipsoid", center)
    if columns.shape != (dims, dims) or center.shape != (dims,):
        raise ValueError(f"plot.ellipsoid: expected {dims} directions and a center of shape ({dims},)")
    arrows = columns * lengths[:, None]
    axes = axes_for(ax, dims)
    t = np.linspace(0, 2 * np.pi, 129)
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    if dims == 3:
        u, v = t[::4], np.linspace(0, np.pi, 17)[:, None]
        sphere = np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v) + 0 * u], axis=-1)
        surface = np.moveaxis(center + sphere @ arrows, -1, 0)
        axes.plot_surface(*surface, color=color, alpha=0.2, linewidth=0, edgecolor="none", shade=False)
    for i, plane in enumerate(((0, 1), (1, 2), (0, 2))[: 1 if dims == 2 else 3]):
        width = 2.0 if dims == 2 else 1.0
        curve = center + circle @ arrows[list(plane)]
        axes.plot(*curve.T, color=color, linewidth=width, label=None if i else label)
    for i, arrow in enumerate(arrows if half_axes else ()):
        axes.plot(*np.stack([center, center + arrow]).T, color=PALETTE[(i + 1) % len(PALETTE)], linewidth=2.5, zorder=4)
    axes.set_aspect("equal")
    return axes


def matrices(
    matrices: Sequence[Num[ArrayLike, "_ _"]],
    *,
    titles: Sequence[str] = (),
    signs: Sequence[str] = (),
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draws small matrices side by side, every entry as a number on its colour: an equation of matrices.

    Args:
      matrices: each of shape ``(n, d)``, of any sizes; red is positive, blue negative, on one common scale.
      titles: above each of the first matrices, or of all.
      signs: what stands before each of the first matrices, or of all: ``("", "=", "+")``.
      figure: where to draw; a new figure if None.

    Returns:
      The figure.

    Raises:
      ValueError: if there is no matrix, one is not ``(n, d)``, or there are more titles or signs than matrices.
    """
    tables = [numbers("plot.matrices", matrix) for matrix in matrices]
    if not tables or any(table.ndim != 2 or table.size == 0 for table in tables):
        raise ValueError(f"plot.matrices: expected matrices of shape (n, d), got {[table.shape for table in tables]}")
    if max(len(titles), len(signs)) > len(tables):
        raise ValueError(f"plot.matrices: {len(titles)} titles and {len(signs)} signs for {len(tables)} matrices")
    widths = [table.shape[1] for table in tables]
    height = 0.62 * max(len(table) for table in tables) + (0.45 if titles else 0.1)
    parent: Any = figure or plt.figure(figsize=(0.62 * sum(widths) + 0.62 * len(tables), height))
    largest = max(np.nanmax(np.abs(table), initial=0) for table in tables) or 1.0
    panels = parent.subplots(1, len(tables), squeeze=False, width_ratios=widths)[0]
    for i, (ax, table) in enumerate(zip(panels, tables, strict=True)):
        title = titles[i] if i < len(titles) else ""
        matrix(np.round(table, 2) + 0.0, title=title, number_format="g", limits=(-1.6 * largest, 1.6 * largest), ax=ax)
        middle = (len(table) - 1) / 2
        ax.text(-0.8, middle, signs[i] if i < len(signs) else "", ha="right", va="center", fontsize=15)
    return parent
