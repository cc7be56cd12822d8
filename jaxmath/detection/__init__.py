"""The pieces of detectors: boxes, anchors, suppression, pooling of regions, assignment, mean average precision.

A box is ``(x0, y0, x1, y1)`` in pixels: columns, then rows, edges rather than centres of pixels.
"""

from jaxmath.detection.anchors import anchors, base_anchors, fpn_base_anchors, grid_anchors
from jaxmath.detection.assignment import Matches, balanced_sample, match
from jaxmath.detection.boxes import area, clip, decode, encode, giou, iou
from jaxmath.detection.precision import AveragePrecision, mean_average_precision
from jaxmath.detection.regions import roi_align, roi_pool
from jaxmath.detection.selection import Selection
from jaxmath.detection.suppression import nms

__all__ = [
    "AveragePrecision",
    "Matches",
    "Selection",
    "anchors",
    "area",
    "balanced_sample",
    "base_anchors",
    "clip",
    "decode",
    "encode",
    "fpn_base_anchors",
    "giou",
    "grid_anchors",
    "iou",
    "match",
    "mean_average_precision",
    "nms",
    "roi_align",
    "roi_pool",
]
