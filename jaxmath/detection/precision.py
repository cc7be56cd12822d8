"""Mean average precision of detections, on the host."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxmath._array import one_of

_INTERPOLATIONS = ("area", "eleven", "coco")
_MOST = 100  # detections of an image and a class that COCO looks at


class AveragePrecision(NamedTuple):
    """The mean over classes and thresholds, and over thresholds by class.

    Attributes:
      mean: in [0, 1], NaN without true boxes.
      per_class: by the label of each class that has a true box.
    """

    mean: float
    per_class: dict[int, float]


class _Image(NamedTuple):
    """Detections and true boxes of one class in one image, best detections first."""

    scores: np.ndarray
    overlaps: np.ndarray  # (detections, truths)


def mean_average_precision(
    predictions: Sequence[tuple[Any, Any, Any]],
    truths: Sequence[tuple[Any, Any]],
    *,
    iou_thresholds: float | Iterable[float] = 0.5,
    interpolation: str = "area",
) -> AveragePrecision:
    """The area under the curves of precision over recall, by the rules of VOC or of COCO.

    The detections of a class, best first, are true positives if an unmatched true box overlaps them enough, which is
    then matched. VOC takes the true box of the largest overlap, and a false positive if that is matched already; COCO
    the unmatched one of the largest overlap, and 100 detections of an image and class at most. At each recall the
    precision is the largest at that recall or above.

    Args:
      predictions: ``(boxes, labels, scores)`` of each image, of shapes ``(n, 4)``, ``(n,)`` and ``(n,)``.
      truths: ``(boxes, labels)`` of each image, of shapes ``(m, 4)`` and ``(m,)``.
      iou_thresholds: from which overlap on a detection is a true positive, in (0, 1]; several are averaged: COCO has
        0.5, 0.55, ..., 0.95.
      interpolation: "area" under the whole curve (VOC from 2010 on), "eleven" points of recall (VOC 2007), or "coco":
        101 points and COCO's matching.

    Returns:
      The mean over classes that have a true box, and each of them.

    Raises:
      ValueError: if there are not as many predictions as truths, shapes do not fit, a number is NaN, a label is no
        integer, a true box has no area, or a threshold is out of range.

    Note:
      All true boxes count: VOC's mark of difficult objects and COCO's of crowds, whose detections are ignored there,
      and COCO's classes of area are not supported.

    Example:
      >>> box = [[0, 0, 2, 2]]
      >>> mean_average_precision([(box, [1], [0.9])], [(box, [1])]).mean
      1.0

    Reference: Everingham et al. (2010), section 4.2; Lin et al. (2014).
    """
    name = "detection.mean_average_precision"
    interpolation = one_of(name, "interpolation", interpolation, _INTERPOLATIONS)
    given = iou_thresholds if isinstance(iou_thresholds, Iterable) else [iou_thresholds]
    thresholds = np.array([float(each) for each in given])
    if not len(thresholds) or not ((thresholds > 0) & (thresholds <= 1)).all():
        raise ValueError(f"{name}: iou_thresholds must be in (0, 1], at least one, got {iou_thresholds}")
    if len(predictions) != len(truths):
        raise ValueError(f"{name}: expected as many predictions as truths, got {len(predictions)} and {len(truths)}")
    found = [_checked(name, f"predictions[{i}]", each, 3) for i, each in enumerate(predictions)]
    true = [_checked(name, f"truths[{i}]", each, 2) for i, each in enumerate(truths)]
    labels = np.unique(np.concatenate([each[1] for each in true])) if true else np.zeros(0)
    per_class = {}
    for label in labels:
        images = [_of_class(*pair, label, interpolation == "coco") for pair in zip(found, true, strict=True)]
        per_class[int(label)] = float(np.mean([_of_threshold(images, t, interpolation) for t in thresholds]))
    return AveragePrecision(float(np.mean(list(per_class.values()))) if per_class else float("nan"), per_class)


def _checked(name: str, argument: str, given: Any, length: int) -> tuple[np.ndarray, ...]:
    if len(given) != length:
        parts = "(boxes, labels, scores)" if length == 3 else "(boxes, labels)"
        raise ValueError(f"{name}: {argument} must be {parts}, got {len(given)} parts")
    boxes, *rows = (np.asarray(part, np.float64) for part in given)
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4 or any(row.shape != (len(boxes),) for row in rows):
        shapes = ", ".join(str(part.shape) for part in (boxes, *rows))
        raise ValueError(f"{name}: {argument} must have shapes (n, 4) and (n,), got {shapes}")
    if any(np.isnan(part).any() for part in (boxes, *rows)) or (rows[0] != np.round(rows[0])).any():
        raise ValueError(f"{name}: {argument} has a NaN, or a label that is no integer; leave out what is padding")
    if length == 2 and not (boxes[:, 2:] > boxes[:, :2]).all():
        raise ValueError(f"{name}: {argument} has a true box without area; leave out what is padding")
    return boxes, *rows


def _of_class(found: tuple, true: tuple, label: float, coco: bool) -> _Image:
    (boxes, labels, scores), (true_boxes, true_labels) = found, true
    rows = np.flatnonzero(labels == label)
    rows = rows[np.argsort(-scores[rows], kind="stable")][: _MOST if coco else None]
    return _Image(scores[rows], _iou(boxes[rows], true_boxes[true_labels == label]))


def _of_threshold(images: list[_Image], threshold: float, interpolation: str) -> float:
    """The average precision of one class."""
    matched = _matched_by_coco if interpolation == "coco" else _matched_by_voc
    order = np.argsort(-np.concatenate([each.scores for each in images]), kind="stable")
    true_positives = np.cumsum(np.concatenate([matched(each.overlaps, threshold) for each in images])[order])
    num_true = sum(each.overlaps.shape[1] for each in images)
    recall, precision = true_positives / num_true, true_positives / np.arange(1, len(order) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    if interpolation == "area":
        return float(np.sum(np.diff(recall, prepend=0) * precision))
    points = np.arange(11) / 10 if interpolation == "eleven" else np.linspace(0, 1, 101)  # as pycocotools rounds
    return float(np.mean(np.append(precision, 0)[np.searchsorted(recall, points)]))


def _matched_by_voc(overlaps: np.ndarray, threshold: float) -> np.ndarray:
    """Whether each detection is a true positive: the true box of its largest overlap must be unmatched."""
    positive, matched = np.zeros(len(overlaps), bool), np.zeros(overlaps.shape[1], bool)
    for i, row in enumerate(overlaps if overlaps.shape[1] else ()):
        best = row.argmax()
        positive[i] = row[best] >= threshold and not matched[best]
        matched[best] |= positive[i]
    return positive


def _matched_by_coco(overlaps: np.ndarray, threshold: float) -> np.ndarray:
    """Whether each detection is a true positive: of the best unmatched true box, the last of equal ones."""
    positive, matched = np.zeros(len(overlaps), bool), np.zeros(overlaps.shape[1], bool)
    for i, row in enumerate(overlaps if overlaps.shape[1] else ()):
        unmatched = np.where(matched, -1, row)
        best = len(row) - 1 - unmatched[::-1].argmax()
        positive[i] = unmatched[best] >= min(threshold, 1 - 1e-10)
        matched[best] |= positive[i]
    return positive


def _iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    overlap = np.maximum(sides, 0).prod(axis=2)
    union = _area(a)[:, None] + _area(b) - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
