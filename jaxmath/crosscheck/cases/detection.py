"""Section 11.5: the pieces of Faster R-CNN."""

from functools import partial

import numpy as np

from jaxmath import detection
from jaxmath.crosscheck.references import detection as reference
from jaxmath.crosscheck.registry import case

_BOOK = {"scales": (8, 16, 32), "ratios": (0.5, 1, 2)}
_INDICES = "indices have no derivative"


def _boxes(rng, n, side=40.0):
    corners = rng.uniform(-5, side, size=(n, 2))
    return np.concatenate([corners, corners + rng.uniform(1, side / 2, size=(n, 2))], axis=1)


def _two(rng):
    return _boxes(rng, 9), _boxes(rng, 6)


def _codes(rng):
    codes = rng.normal(size=(7, 4))
    codes[0, 2:] = 30.0, -3.0
    return codes, _boxes(rng, 7)


def _scored(rng):
    return _boxes(rng, 30, 25.0), rng.permutation(30) / 30.0, rng.integers(3, size=30)


def _overlap(rng):
    overlap = rng.uniform(size=(40, 5)) * (rng.uniform(size=(40, 5)) < 0.3)
    overlap[:, 2] *= 0.5
    overlap[[3, 8], 2] = 0.5
    overlap[:, 4] = 0
    return overlap, np.array([True, True, True, False, True])


def _regions(rng):
    boxes = _boxes(rng, 5, 90.0)
    boxes[3], boxes[4] = [-300, -190, 500, 400], [204, 204, 230, 241]
    return rng.normal(size=(6, 7, 3)), boxes


case(
    "11.5 base anchors of stride 16",
    partial(detection.base_anchors, **_BOOK),
    partial(reference.base_anchors, **_BOOK),
    inputs=lambda rng: (np.array(16.0),),
    covers=("detection.base_anchors",),
)
case(
    "11.5 the 22,500 anchors of an image of 800 x 800",
    lambda stride: detection.anchors((50, 50), stride, **_BOOK),
    lambda stride: reference.anchors(50, 50, stride, **_BOOK),
    inputs=lambda rng: (np.array(16.0),),
    covers=("detection.anchors",),
)


def _of_a_pyramid(sizes, ratios):
    base = detection.fpn_base_anchors(sizes, ratios)
    return base, detection.grid_anchors((3, 4), (16, 8), base)


case(
    "11.5 anchors of a pyramid",
    _of_a_pyramid,
    lambda sizes, ratios: reference.pyramid_anchors(sizes, ratios, 3, 4, (16, 8)),
    inputs=lambda rng: (np.array([32.0, 65.0]), np.array([0.5, 1.0, 2.0])),
    covers=("detection.fpn_base_anchors", "detection.grid_anchors"),
    not_differentiable="whole pixels",
)
case(
    "11.5 areas and overlaps",
    lambda a, b: (detection.area(a), detection.iou(a, b), detection.giou(a, b)),
    reference.overlaps,
    inputs=_two,
    covers=("detection.area", "detection.iou", "detection.giou"),
)
case(
    "11.5 codes of boxes",
    partial(detection.encode, weights=(10, 10, 5, 5)),
    partial(reference.codes, weights=(10, 10, 5, 5)),
    inputs=lambda rng: (_boxes(rng, 7), _boxes(rng, 7)),
    covers=("detection.encode",),
)
case(
    "11.5 boxes of codes",
    partial(detection.decode, weights=(1, 1, 0.5, 0.5), size=(35, 50)),
    partial(reference.boxes_of, weights=(1, 1, 0.5, 0.5), size=(35, 50)),
    inputs=_codes,
    covers=("detection.decode", "detection.clip"),
)
case(
    "11.5 suppression by class",
    lambda boxes, scores, labels: tuple(detection.nms(boxes, scores, labels=labels, iou_threshold=0.3, max_outputs=28)),
    lambda boxes, scores, labels: reference.suppressed(boxes, scores, labels, 0.3, 28),
    inputs=_scored,
    covers=("detection.nms",),
    not_differentiable=_INDICES,
)
case(
    "11.5 assignment of anchors",
    lambda overlap, valid: tuple(detection.match(overlap, valid)),
    lambda overlap, valid: reference.matched(overlap, valid, 0.7, 0.3),
    inputs=_overlap,
    covers=("detection.match",),
    not_differentiable=_INDICES,
)
case(
    "11.5 pooling of regions",
    partial(detection.roi_pool, output_size=(3, 2), scale=1 / 16),
    partial(reference.pooled, size=(3, 2), scale=1 / 16),
    inputs=_regions,
    covers=("detection.roi_pool",),
)
for _half_off in (False, True):
    case(
        f"11.5 alignment of regions, {'half a place off' if _half_off else 'aligned'}",
        partial(detection.roi_align, output_size=(3, 2), scale=1 / 16, aligned=not _half_off),
        partial(reference.aligned, size=(3, 2), scale=1 / 16, num_points=2, half_off=_half_off),
        inputs=_regions,
        covers=("detection.roi_align",),
    )
