"""Functions: their curves, tangents and surfaces, chains of them as little factories, and what they do to points."""

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Num
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from jaxmath.plot.base import PALETTE, axes_for, numbers, points_of, same_length

_BOX, _LINK = 1.65, 1.4  # widths in a diagram of factories
_COLORS = "viridis"


def curve(
    x: Num[ArrayLike, " n"],
    values: Num[ArrayLike, " n"],
    *,
    slopes: Num[ArrayLike, " n"] | None = None,
    color: str = PALETTE[0],
    label: str | None = "f",
    ax: Axes | None = None,
) -> Axes:
    """Draws a function as a line and its derivative as a dashed one.

    Args:
      x: where the function was evaluated, shape ``(n,)``.
      values: what it gave, shape ``(n,)``.
      slopes: its derivative there, shape ``(n,)``; none is drawn if None.
      color: the colour of the function; the derivative has the second one of the palette.
      label: the name of the function in a legend; that of the derivative has a prime.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the arrays are not of one shape ``(n,)``.
    """
    x, values = _line("plot.curve", "values", x, values)
    steep = None if slopes is None else _line("plot.curve", "slopes", x, slopes)[1]
    axes = axes_for(ax, 2)
    axes.plot(x, values, color=color, label=label)
    if steep is not None:
        prime = f"{label}\u2032" if label else None
        axes.plot(x, steep, color=PALETTE[1], linestyle="--", linewidth=1.6, label=prime)
    return axes


def tangents(
    x: Num[ArrayLike, " n"],
    values: Num[ArrayLike, " n"],
    slopes: Num[ArrayLike, " n"],
    *,
    length: float = 1.0,
    color: str = PALETTE[1],
    ax: Axes | None = None,
) -> Axes:
    """Draws points of a curve, and through each a piece of the line that has the slope given.

    Args:
      x: where, shape ``(n,)``.
      values: the function there, shape ``(n,)``.
      slopes: its derivative there, shape ``(n,)``.
      length: how long each piece is, in the units of the axes.
      color: the colour of points and lines.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the arrays are not of one shape ``(n,)``.
    """
    x, values = _line("plot.tangents", "values", x, values)
    x, slopes = _line("plot.tangents", "slopes", x, slopes)
    axes = axes_for(ax, 2)
    across = length / 2 / np.hypot(1.0, slopes)
    axes.plot(
        [x - across, x + across], [values - slopes * across, values + slopes * across], color=color, linewidth=2.4
    )
    axes.plot(x, values, "o", color=color, markersize=5)
    return axes


def factories(
    names: Sequence[str],
    forward: Sequence[Any],
    *,
    backward: Sequence[Any] = (),
    local: Sequence[Any] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draws a chain of functions as a row of factories: what comes out of one goes into the next.

    Args:
      names: what stands on each of the k factories.
      forward: the k + 1 values on the arrows into, between and out of them: numbers, texts, or a list of these for
        several arrows side by side.
      backward: the k + 1 values on arrows that go back, in the same order from left to right; no such arrows if empty.
      local: the k local derivatives, written inside the factories; none if empty.
      ax: where to draw; new axes of a fitting size if None.

    Returns:
      The axes.

    Raises:
      ValueError: if there is no factory, or the numbers of values do not fit.
    """
    k = len(names)
    if not k or len(forward) != k + 1 or len(backward) not in (0, k + 1) or len(local) not in (0, k):
        got = f"{k} names, {len(forward)} forward, {len(backward)} backward, {len(local)} local"
        raise ValueError(f"plot.factories: expected k names, k + 1 values an arrow and k local ones, got {got}")
    links = [_several(entry) for entry in forward]
    half = 0.55 * max(1, *(len(link) for link in links))
    width = k * _BOX + (k + 1) * _LINK
    axes = plt.figure(figsize=(0.72 * width, 0.72 * (2 * half + 0.6))).add_subplot() if ax is None else ax
    for i, name in enumerate(names):
        left = _LINK + i * (_BOX + _LINK)
        _factory(axes, left, half, name, f"\u00d7 {_text(local[i])}" if len(local) else "")
    for i, link in enumerate(links):
        start = i * (_BOX + _LINK)
        _arrows(axes, start, link, _several(backward[i]) if len(backward) else [])
    axes.set(xlim=(-0.05, width + 0.05), ylim=(-half - 0.1, half + 0.5), aspect="equal")
    axes.set_axis_off()
    return axes


def before_after(
    points: Num[ArrayLike, "n 2"] | Num[ArrayLike, "lines n 2"],
    moved: Num[ArrayLike, "n 2"] | Num[ArrayLike, "lines n 2"],
    *,
    markers: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draws points of the plane, joined in their order, before and after a transformation.

    Args:
      points: one line of points, shape ``(n, 2)``, or several, shape ``(lines, n, 2)``.
      moved: where each of them went, of the same shape.
      markers: whether each point has a marker; else there are only the lines.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the shapes differ or are none of these.
    """
    before, after = numbers("plot.before_after", points), numbers("plot.before_after", moved)
    if before.shape != after.shape or before.ndim not in (2, 3) or before.shape[-1] != 2:
        shapes = f"{before.shape} and {after.shape}"
        raise ValueError(f"plot.before_after: expected two arrays (n, 2) or (lines, n, 2) of one shape, got {shapes}")
    axes = axes_for(ax, 2)
    for lines, color, label in ((before, PALETTE[0], "before"), (after, PALETTE[1], "after")):
        lines = lines if lines.ndim == 3 else lines[None]
        look: dict[str, Any] = {"color": color, "marker": "o" if markers else None, "markersize": 5, "linewidth": 1.4}
        for i, line in enumerate(lines):
            axes.plot(*line.T, label=None if i else label, **look)
    axes.set_aspect("equal")
    return axes


def contours(
    x: Num[ArrayLike, " n"],
    y: Num[ArrayLike, " m"],
    z: Num[ArrayLike, "n m"],
    *,
    arrows: Num[ArrayLike, "2 n m"] | None = None,
    every: int = 1,
    path: Num[ArrayLike, "s 2"] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draws a function of two numbers as a map: its level lines, its gradient as arrows, a path on it.

    Args:
      x: coordinates along the first axis, shape ``(n,)``.
      y: coordinates along the second axis, shape ``(m,)``.
      z: the function at ``(x[i], y[j])``, shape ``(n, m)``.
      arrows: a vector at every point, shape ``(2, n, m)``, drawn in proportion to its length.
      every: draw the arrows of every so many points only.
      path: points of the plane in the order they were visited, shape ``(s, 2)``.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the shapes do not fit each other.
    """
    x, y, z = _grid("plot.contours", x, y, z)
    field = np.zeros((2, 0, 0)) if arrows is None else numbers("plot.contours", arrows)
    if arrows is not None and field.shape != (2, *z.shape):
        raise ValueError(f"plot.contours: expected arrows of shape {(2, *z.shape)}, got {field.shape}")
    steps = None if path is None else points_of("plot.contours", path)
    axes = axes_for(ax, 2)
    filled = axes.contourf(x, y, z.T, levels=16, cmap=_COLORS, alpha=0.85)
    axes.figure.colorbar(filled, ax=axes, shrink=0.85)
    if arrows is not None:
        some = slice(every // 2, None, every)
        u, v = (part[some, some].T for part in field)
        axes.quiver(
            x[some],
            y[some],
            u,
            v,
            color="white",
            edgecolor="#404040",
            linewidth=0.3,
            angles="xy",
            pivot="mid",
            width=0.008,
        )
    if steps is not None:
        axes.plot(*steps.T, "o-", color=PALETTE[1], markersize=3.5, linewidth=1.4)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    return axes


def surface(
    x: Num[ArrayLike, " n"],
    y: Num[ArrayLike, " m"],
    z: Num[ArrayLike, "n m"],
    *,
    path: Num[ArrayLike, "s 3"] | None = None,
    labels: Sequence[str] = ("x", "y", "f(x, y)"),
    interactive: bool = False,
    ax: Axes | None = None,
) -> Any:
    """Draws a function of two numbers as a surface in space, and a path on it.

    Args:
      x: coordinates along the first axis, shape ``(n,)``.
      y: coordinates along the second axis, shape ``(m,)``.
      z: the function at ``(x[i], y[j])``, shape ``(n, m)``.
      path: points of space in the order they were visited, shape ``(s, 3)``.
      labels: the names of the three axes.
      interactive: show a plotly figure that can be turned with the mouse. Where plotly is not installed, and in the
        kernels of the tour (the environment variable ``JAXMATH_TOUR`` is set there), the figure is static all the same.
      ax: where to draw the static figure; new axes if None.

    Returns:
      The axes, or the plotly figure after showing it.

    Raises:
      ValueError: if the shapes do not fit each other.
    """
    x, y, z = _grid("plot.surface", x, y, z)
    steps = np.zeros((0, 3)) if path is None else points_of("plot.surface", path)
    if steps.shape[1] != 3:
        raise ValueError(f"plot.surface: expected a path of shape (s, 3), got {steps.shape}")
    grid = np.meshgrid(x, y, indexing="ij")
    if interactive and _live("plotly"):
        return _turning_surface(*grid, z, steps, labels)
    axes = axes_for(ax, 3)
    look: dict[str, Any] = {"cmap": _COLORS, "rcount": 60, "ccount": 60, "linewidth": 0, "antialiased": False}
    axes.plot_surface(*grid, z, alpha=None if path is None else 0.75, **look)
    if path is not None:
        axes.plot(*steps.T, "o-", color=PALETTE[1], markersize=3.5, linewidth=1.4, zorder=5)
    axes.set(xlabel=labels[0], ylabel=labels[1], zlabel=labels[2])
    axes.locator_params(nbins=5)
    return axes


def sliders(draw: Callable[..., Any], **ranges: tuple[float, float, float]) -> None:
    """Draws a figure again whenever one of its numbers is changed with a slider.

    Where ipywidgets is not installed, and in the kernels of the tour (the environment variable ``JAXMATH_TOUR`` is set
    there), the figure is drawn once, with the numbers that the sliders start with.

    Args:
      draw: draws the figure; the sliders' numbers are its keyword arguments.
      **ranges: lowest number, highest number and start of each slider, by the name of the argument.

    Raises:
      ValueError: if a start is not between the lowest and the highest number.
    """
    for name, (low, high, start) in ranges.items():
        if not low <= start <= high:
            raise ValueError(f"plot.sliders: expected {name} to start in {low}..{high}, got {start}")
    if not _live("ipywidgets"):
        draw(**{name: start for name, (_, _, start) in ranges.items()})
        return
    from ipywidgets import FloatSlider, interact

    def again(**numbers: float) -> None:  # returns nothing: what is returned would be shown below the figure
        draw(**numbers)

    def slider(low: float, high: float, start: float) -> Any:
        return FloatSlider(start, min=low, max=high, step=(high - low) / 100)

    interact(again, **{name: slider(*limits) for name, limits in ranges.items()})


def _live(package: str) -> bool:
    """Whether a person may be there to use an interactive figure, and the package that draws it too."""
    return "JAXMATH_TOUR" not in os.environ and find_spec(package) is not None


def _turning_surface(x: np.ndarray, y: np.ndarray, z: np.ndarray, steps: np.ndarray, labels: Sequence[str]) -> Any:
    from plotly import graph_objects

    parts: list[Any] = [graph_objects.Surface(x=x, y=y, z=z, colorscale=_COLORS)]
    if len(steps):
        look: dict[str, Any] = {"marker": {"size": 4, "color": PALETTE[1]}, "line": {"width": 4, "color": PALETTE[1]}}
        parts.append(graph_objects.Scatter3d(x=steps[:, 0], y=steps[:, 1], z=steps[:, 2], mode="lines+markers", **look))
    figure = graph_objects.Figure(parts)
    titles = {f"{axis}axis": {"title": {"text": name}} for axis, name in zip("xyz", labels, strict=True)}
    figure.update_layout(scene=titles, margin={"l": 0, "r": 0, "t": 0, "b": 0}, height=520, showlegend=False)
    figure.show()
    return figure


def _line(name: str, argument: str, x: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, values = numbers(name, x), numbers(name, values)
    if x.ndim != 1:
        raise ValueError(f"{name}: expected x of shape (n,), got {x.shape}")
    return x, same_length(name, argument, values, x)


def _grid(name: str, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, z = numbers(name, x), numbers(name, y), numbers(name, z)
    if x.ndim != 1 or y.ndim != 1 or z.shape != x.shape + y.shape:
        shapes = f"{x.shape}, {y.shape} and {z.shape}"
        raise ValueError(f"{name}: expected shapes (n,), (m,) and (n, m), got {shapes}")
    return x, y, z


def _several(entry: Any) -> list[Any]:
    return list(entry) if isinstance(entry, list | tuple) else [entry]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{float(value):.3g}".replace("-", "\u2212")


def _factory(axes: Axes, left: float, half: float, name: str, local: str) -> None:
    """A house with the roof of a factory."""
    tooth = _BOX / 3
    roof = [(left + i * tooth + shift, half + up) for i in range(3) for shift, up in ((0, 0.28), (tooth, 0))]
    walls = [(left, -half), *roof, (left + _BOX, -half)]
    axes.add_patch(Polygon(walls, facecolor="#dcebf5", edgecolor=PALETTE[0], linewidth=1.6, joinstyle="round"))
    middle = left + _BOX / 2
    axes.text(middle, 0.2 if local else 0.0, name, ha="center", va="center", fontsize=10, fontweight="bold")
    axes.text(middle, -0.25, local, ha="center", va="center", fontsize=10, color=PALETTE[1])


def _arrows(axes: Axes, start: float, forward: list[Any], backward: list[Any]) -> None:
    """The arrows of one link: forward ones with their values above, backward ones with theirs below."""
    ends, middle = (start + 0.08, start + _LINK - 0.08), start + _LINK / 2
    for values, (a, b), color, side in ((forward, ends, PALETTE[0], 1), (backward, ends[::-1], PALETTE[1], -1)):
        levels = 1.1 * (np.arange(len(values)) - (len(values) - 1) / 2)[::-1]
        for level, value in zip(levels, values, strict=True):
            at = level + (side * 0.12 if backward else 0.0)
            look = {"arrowstyle": "-|>", "color": color, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (b, at), (a, at), arrowprops=look)
            align = "bottom" if side == 1 else "top"
            axes.text(middle, at + side * 0.1, _text(value), ha="center", va=align, fontsize=10, color=color)
