"""Mixtures of Gaussians."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Num
from matplotlib.axes import Axes

from jaxmath._array import unmasked
from jaxmath.plot.base import PALETTE, numbers

_DEVIATIONS = 2.0


def mixture(
    weights: Num[ArrayLike, " k"],
    means: Num[ArrayLike, "k d"],
    covariances: Num[ArrayLike, "k d d"],
    *,
    x: Num[ArrayLike, "n d"] | None = None,
    labels: Num[ArrayLike, " n"] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draws the components of a mixture and data: ellipses of two standard deviations, or curves over one axis.

    Data of more than two columns is drawn in the plane of its two principal components, and the components as they
    appear there.

    Args:
      weights: of the components, shape ``(k,)``: the heavier, the thicker the line.
      means: shape ``(k, d)``.
      covariances: shape ``(k, d, d)``.
      x: data, shape ``(n, d)``; none is drawn if None, but with more than two columns it is needed.
      labels: the component of every row, which gives it its colour.
      ax: where to draw; new axes if None.

    Returns:
      The axes.

    Raises:
      ValueError: if the shapes do not fit each other, or x is missing with more than two columns.
    """
    weights, means, covariances = (numbers("plot.mixture", a) for a in (weights, means, covariances))
    k, d = means.shape if means.ndim == 2 else (0, 0)
    if weights.shape != (k,) or covariances.shape != (k, d, d) or not k:
        shapes = weights.shape, means.shape, covariances.shape
        raise ValueError(f"plot.mixture: expected shapes (k,), (k, d) and (k, d, d), got {shapes}")
    x = None if x is None else numbers("plot.mixture", x)
    if (x is None and d > 2) or (x is not None and (x.ndim != 2 or x.shape[1] != d)):
        raise ValueError(f"plot.mixture: expected data of shape (n, {d}), got {None if x is None else x.shape}")
    shades = np.array([PALETTE[j % len(PALETTE)] for j in range(k)])
    colors = "#808080" if labels is None else shades[np.asarray(unmasked("plot.mixture", "labels", labels), int)]
    axes: Any = plt.figure().add_subplot() if ax is None else ax
    if d == 1:
        _curves(axes, weights, means[:, 0], covariances[:, 0, 0], x, shades)
        return axes
    if x is not None and d > 2:
        origin, directions = _plane(x)
        x, means = (x - origin) @ directions, (means - origin) @ directions
        covariances = directions.T @ covariances @ directions
        axes.set(xlabel="principal component 1", ylabel="principal component 2")
    if x is not None:
        axes.scatter(*x.T, s=10, c=colors, alpha=0.6, linewidths=0)
    t = np.linspace(0, 2 * np.pi, 129)
    for j in range(k):
        values, vectors = np.linalg.eigh(covariances[j])
        circle = np.stack([np.cos(t), np.sin(t)]) * _DEVIATIONS * np.sqrt(np.maximum(values, 0))[:, None]
        axes.plot(
            *(means[j][:, None] + vectors @ circle), color=shades[j], linewidth=1 + 2 * weights[j] / weights.max()
        )
        axes.plot(*means[j], "+", color=shades[j], markersize=10, markeredgewidth=2)
    return axes


def _curves(axes: Any, weights: Any, means: Any, spread: Any, x: np.ndarray | None, shades: np.ndarray) -> None:
    deviations = np.sqrt(spread)
    t = np.linspace((means - 4 * deviations).min(), (means + 4 * deviations).max(), 401)
    parts = weights * np.exp(-(((t[:, None] - means) / deviations) ** 2) / 2) / np.sqrt(2 * np.pi * spread)
    if x is not None:
        axes.hist(x[np.isfinite(x[:, 0]), 0], bins="auto", density=True, color="#d0d0d0")
    for part, shade in zip(parts.T, shades, strict=True):
        axes.plot(t, part, color=shade, linewidth=1.5)
    axes.plot(t, parts.sum(axis=1), color="#202020")
    axes.set(ylabel="density")


def _plane(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the finite rows and their two principal directions, as columns."""
    x = x[np.isfinite(x).all(axis=1)]
    origin = x.mean(axis=0)
    _, vectors = np.linalg.eigh((x - origin).T @ (x - origin))
    return origin, vectors[:, ::-1][:, :2]
