"""Bad input to detection."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from rows import dtype_is, equal, near, table

from jaxmath import detection

BOXES = np.array([[0.0, 0.0, 4.0, 4.0], [1.0, 1.0, 3.0, 5.0], [6.0, 6.0, 7.0, 9.0]])
REFERENCES = BOXES.astype(np.float32)  # of encode and decode, whose results are of the wider type
SCORES = np.array([0.5, 0.9, 0.1])
KEY = jax.random.key(0)
MAP = np.arange(24.0).reshape(4, 3, 2)
NMS = partial(detection.nms, iou_threshold=0.5, max_outputs=3)
EMPTY = np.zeros((0, 4))


def _of_boxes(name, call):
    """What functions of one array of boxes answer."""
    return table(
        f"detection.{name}",
        ("three numbers a box", lambda: call(BOXES[:, :3]), (ValueError, r"four numbers \(x0, y0, x1, y1\) each, got")),
        ("a number", lambda: call(1.0), (ValueError, r"four numbers .* got shape \(\)")),
        ("complex", lambda: call(BOXES * 1j), (TypeError, "expected real numbers")),
        ("strings", lambda: call([["a"] * 4]), (TypeError, "real numbers")),
        ("half a float", lambda: call(BOXES.astype(np.float16)), dtype_is(jnp.float32)),
        ("integers", lambda: call(BOXES.astype(int)), near(lambda: call(BOXES))),
        ("lists", lambda: call(BOXES.tolist()), near(lambda: call(BOXES))),
        ("none", lambda: call(EMPTY).shape[0], equal(0)),
    )


def _nan_only(call):
    """A NaN in the second box is one of its results alone."""
    bad = BOXES.copy()
    bad[1, 2] = np.nan
    return lambda: np.isnan(np.asarray(call(bad))).reshape(3, -1).any(axis=1)


ROWS = [
    *_of_boxes("area", detection.area),
    *_of_boxes("clip", partial(detection.clip, size=(5, 5))),
    *_of_boxes(
        "encode",
        lambda boxes: (
            detection.encode(boxes, REFERENCES[: len(np.asarray(boxes))])
            if np.ndim(boxes) == 2
            else detection.encode(boxes, REFERENCES)
        ),
    ),
    *_of_boxes(
        "decode",
        lambda boxes: (
            detection.decode(boxes, REFERENCES[: len(np.asarray(boxes))])
            if np.ndim(boxes) == 2
            else detection.decode(boxes, REFERENCES)
        ),
    ),
    *table("detection.area", ("a NaN", _nan_only(detection.area), equal([False, True, False]))),
    *table(
        "detection.clip",
        ("a NaN", _nan_only(partial(detection.clip, size=(5, 5))), equal([False, True, False])),
        ("a size of three", partial(detection.clip, BOXES, (5, 5, 3)), (ValueError, r"size must be \(height, width\)")),
        ("a traced size", lambda: jax.jit(detection.clip)(BOXES, jnp.array([5, 5])), near(BOXES.clip(0, 5))),
    ),
    *table(
        "detection.iou",
        ("one box", partial(detection.iou, BOXES[0], BOXES), (ValueError, r"a must be of shape \(n, 4\), got \(4,\)")),
        ("none", lambda: detection.iou(BOXES, EMPTY).shape, equal((3, 0))),
        ("no area", lambda: detection.iou(np.zeros((1, 4)), np.zeros((1, 4))), equal([[0]])),
        ("a NaN", lambda: np.isnan(detection.iou(BOXES, np.full((1, 4), np.nan))).all(), equal(True)),
    ),
    *table(
        "detection.giou",
        ("three axes", partial(detection.giou, BOXES, BOXES[None]), (ValueError, r"b must be of shape \(n, 4\)")),
        ("no area", lambda: detection.giou(np.zeros((1, 4)), np.zeros((1, 4))), equal([[0]])),
    ),
    *table(
        "detection.encode",
        ("three weights", partial(detection.encode, BOXES, BOXES, weights=(1, 1, 1)), (ValueError, "four weights")),
        (
            "a reference of no width",
            lambda: np.isfinite(detection.encode(BOXES[:1], np.zeros((1, 4)))),
            equal([[False] * 4]),
        ),
    ),
    *table(
        "detection.decode",
        ("a NaN", _nan_only(lambda codes: detection.decode(codes / 9, BOXES)), equal([False, True, False])),
        ("a size of one", partial(detection.decode, BOXES, BOXES, size=(5,)), (ValueError, r"clip: size must be")),
    ),
    *table(
        "detection.nms",
        ("too few scores", lambda: NMS(BOXES, SCORES[:2]), (ValueError, r"scores of shape \(3,\), got \(2,\)")),
        ("too few labels", lambda: NMS(BOXES, SCORES, labels=[1]), (ValueError, r"labels of shape \(3,\), got \(1,\)")),
        ("one box", lambda: NMS(BOXES[0], SCORES), (ValueError, r"boxes must be of shape \(n, 4\), got")),
        (
            "a threshold of 2",
            lambda: NMS(BOXES, SCORES, iou_threshold=2.0),
            (ValueError, r"iou_threshold must be in \[0"),
        ),
        ("no places", lambda: NMS(BOXES, SCORES, max_outputs=0), (ValueError, "max_outputs must be at least 1, got 0")),
        ("half a place", lambda: NMS(BOXES, SCORES, max_outputs=0.5), (TypeError, "max_outputs must be an integer")),
        ("no boxes", lambda: NMS(EMPTY, SCORES[:0]).valid, equal([False] * 3)),
        ("NaN scores", lambda: NMS(BOXES, [np.nan, 0.9, np.nan]).valid, equal([True, False, False])),
        (
            "a traced threshold of 2",
            lambda: jax.jit(lambda t: NMS(BOXES, SCORES, iou_threshold=t).valid)(2.0),
            equal([False] * 3),
        ),
        ("scores of minus infinity", lambda: NMS(BOXES, np.full(3, -np.inf)).indices, equal([0, 1, 2])),
        ("a NaN box", lambda: NMS(BOXES * np.array([[np.nan], [1], [1]]), SCORES).valid, equal([True] * 3)),
    ),
    *table(
        "detection.base_anchors",
        (
            "a number for scales",
            partial(detection.base_anchors, 16, 8, (1,)),
            (ValueError, "scales must be a row of num"),
        ),
        (
            "no ratios",
            partial(detection.base_anchors, 16, (8,), ()),
            (ValueError, r"ratios must be a row of .* \(0,\)"),
        ),
    ),
    *table(
        "detection.fpn_base_anchors",
        ("a number for sizes", partial(detection.fpn_base_anchors, 32, (1,)), (ValueError, "sizes must be a row")),
    ),
    *table(
        "detection.grid_anchors",
        ("one number for a shape", partial(detection.grid_anchors, 5, 16, BOXES), (ValueError, r"must be \(rows, col")),
        (
            "no rows",
            partial(detection.grid_anchors, (0, 5), 16, BOXES),
            (ValueError, "feature_shape must be at least 1"),
        ),
        (
            "half a row",
            partial(detection.grid_anchors, (0.5, 5), 16, BOXES),
            (TypeError, "feature_shape must be an int"),
        ),
        ("three strides", partial(detection.grid_anchors, (2, 2), (1, 1, 1), BOXES), (ValueError, "one number or two")),
        (
            "one box",
            partial(detection.grid_anchors, (2, 2), 16, BOXES[0]),
            (ValueError, r"base must be of shape \(n, 4"),
        ),
    ),
    *table(
        "detection.anchors",
        (
            "a number for a shape",
            partial(detection.anchors, 5, 16, (8,), (1,)),
            (ValueError, "grid_anchors: feature_sh"),
        ),
    ),
    *table(
        "detection.match",
        (
            "a row",
            partial(detection.match, SCORES, [True] * 3),
            (ValueError, r"overlap \(n, m\) and valid \(m,\), got"),
        ),
        (
            "low above high",
            partial(detection.match, BOXES, [True] * 4, low=0.8),
            (ValueError, "low must be at most high"),
        ),
        ("high of 2", partial(detection.match, BOXES, [True] * 4, high=2.0), (ValueError, r"high must be in \[0, 1\]")),
        ("no truths", lambda: detection.match(np.zeros((2, 0)), np.zeros(0, bool)).kind, equal([0, 0])),
        ("no valid truths", lambda: detection.match(np.ones((2, 1)), [False]).kind, equal([0, 0])),
        ("no valid truths, low of 0", lambda: detection.match(np.ones((2, 1)), [False], low=0.0).kind, equal([0, 0])),
        ("no anchors", lambda: detection.match(np.zeros((0, 2)), [True, True]).kind.shape, equal((0,))),
        ("a NaN", lambda: detection.match([[np.nan, 0.9], [0.1, np.nan]], [True, True]).index, equal([1, 0])),
    ),
    *table(
        "detection.balanced_sample",
        ("no key", partial(detection.balanced_sample, 0, [1, 0], 2, 0.5), (TypeError, "expected a random key")),
        ("a table", partial(detection.balanced_sample, KEY, [[1, 0]], 2, 0.5), (ValueError, r"kind of shape \(n,\)")),
        (
            "no places",
            partial(detection.balanced_sample, KEY, [1, 0], 0, 0.5),
            (ValueError, "num_samples must be at lea"),
        ),
        (
            "a share of 2",
            partial(detection.balanced_sample, KEY, [1], 2, 2.0),
            (ValueError, "positive_fraction must be in"),
        ),
        (
            "a traced share",
            lambda: jax.jit(lambda share: detection.balanced_sample(KEY, [1], 2, share))(0.5),
            (TypeError, "positive_fraction must be known while tracing"),
        ),
        ("no anchors", lambda: detection.balanced_sample(KEY, np.zeros(0, int), 2, 0.5).valid, equal([False, False])),
        ("all ignored", lambda: detection.balanced_sample(KEY, [-1, -1], 2, 0.5).valid, equal([False, False])),
    ),
    *(
        row
        for name, pool in (("roi_pool", detection.roi_pool), ("roi_align", detection.roi_align))
        for row in table(
            f"detection.{name}",
            (
                "a batch",
                partial(pool, MAP[None], BOXES, output_size=2),
                (ValueError, r"features \(h, w"),
            ),
            (
                "an empty map",
                partial(pool, MAP[:0], BOXES, output_size=2),
                (ValueError, "got shape"),
            ),
            (
                "three sizes",
                partial(pool, MAP, BOXES, output_size=(2, 2, 2)),
                (ValueError, "output_size"),
            ),
            (
                "no cells",
                partial(pool, MAP, BOXES, output_size=0),
                (ValueError, "output_size must be at"),
            ),
            (
                "two scales",
                partial(pool, MAP, BOXES, output_size=2, scale=(1, 2)),
                (ValueError, "one number"),
            ),
            ("no boxes", lambda pool=pool: pool(MAP, EMPTY, output_size=2).shape, equal((0, 2, 2, 2))),
            (
                "a NaN box",
                _nan_only(partial(pool, MAP, output_size=2)),
                equal([False, True, False]),
            ),
            (
                "outside",
                lambda pool=pool: pool(MAP, BOXES[:1] + 100, output_size=2),
                equal(np.zeros((1, 2, 2, 2))),
            ),
        )
    ),
    *table(
        "detection.roi_align",
        (
            "no points",
            partial(detection.roi_align, MAP, BOXES, output_size=2, sampling_ratio=0),
            (ValueError, "sampling_ratio"),
        ),
    ),
    *table(
        "detection.mean_average_precision",
        (
            "other lengths",
            partial(detection.mean_average_precision, [], [(BOXES, SCORES)]),
            (ValueError, "got 0 and 1"),
        ),
        (
            "no scores",
            partial(detection.mean_average_precision, [(BOXES, SCORES)], [(BOXES, SCORES)]),
            (ValueError, r"predictions\[0\] must be \(boxes, labels, scores\)"),
        ),
        (
            "too few labels",
            partial(detection.mean_average_precision, [(BOXES, [1], SCORES)], [(BOXES, [1, 1, 1])]),
            (ValueError, r"must have shapes \(n, 4\) and \(n,\)"),
        ),
        (
            "a NaN score",
            partial(detection.mean_average_precision, [(BOXES, [1] * 3, SCORES * np.nan)], [(BOXES, [1] * 3)]),
            (ValueError, "leave out what is padding"),
        ),
        (
            "a NaN edge",
            partial(detection.mean_average_precision, [(BOXES * np.nan, [1] * 3, SCORES)], [(BOXES, [1] * 3)]),
            (ValueError, "leave out what is padding"),
        ),
        (
            "a label of 1.5",
            partial(detection.mean_average_precision, [(BOXES, [1, 1, 1.5], SCORES)], [(BOXES, [1] * 3)]),
            (ValueError, "a label that is no integer"),
        ),
        (
            "padding among truths",
            partial(detection.mean_average_precision, [(BOXES, [1] * 3, SCORES)], [(np.zeros((3, 4)), [0] * 3)]),
            (ValueError, r"truths\[0\] has a true box without area"),
        ),
        (
            "a threshold of 50",
            partial(detection.mean_average_precision, [], [], iou_thresholds=50),
            (ValueError, r"iou_thresholds must be in \(0, 1\]"),
        ),
        (
            "no thresholds",
            partial(detection.mean_average_precision, [], [], iou_thresholds=()),
            (ValueError, "at least one"),
        ),
        (
            "an unknown rule",
            partial(detection.mean_average_precision, [], [], interpolation="voc"),
            (ValueError, "must be one of 'area'"),
        ),
        ("no images", lambda: detection.mean_average_precision([], []).mean, equal(np.nan)),
        (
            "no detections",
            lambda: detection.mean_average_precision([(EMPTY, [], [])], [(BOXES, [1] * 3)]).mean,
            equal(0),
        ),
    ),
]
