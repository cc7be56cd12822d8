"""The figures that the notebooks share."""

from jaxmath.plot.base import PALETTE, style
from jaxmath.plot.points import images, principal_axes, residuals, scatter, spectrum

__all__ = ["PALETTE", "images", "principal_axes", "residuals", "scatter", "spectrum", "style"]
