"""The figures that the notebooks share."""

from jaxmath.plot.base import PALETTE, style
from jaxmath.plot.functions import before_after, contours, curve, factories, sliders, surface, tangents
from jaxmath.plot.mixtures import mixture
from jaxmath.plot.pictures import boxes, pictures
from jaxmath.plot.points import images, principal_axes, residuals, scatter, spectrum
from jaxmath.plot.transforms import arc, box, ellipsoid, matrices, polygon
from jaxmath.plot.vectors import matrix, vectors

__all__ = [
    "PALETTE",
    "arc",
    "before_after",
    "box",
    "boxes",
    "contours",
    "curve",
    "ellipsoid",
    "factories",
    "images",
    "matrices",
    "matrix",
    "mixture",
    "pictures",
    "polygon",
    "principal_axes",
    "residuals",
    "scatter",
    "sliders",
    "spectrum",
    "style",
    "surface",
    "tangents",
    "vectors",
]
