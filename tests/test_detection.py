"""Detection: laws of boxes, anchors, suppression, pooling, assignment; mean average precision."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import detection
from jaxmath._compiling import quick_to_compile
from jaxmath.crosscheck.references import detection as reference

compiled = partial(jax.jit, compiler_options=quick_to_compile())
KEY = jax.random.key(0)


def boxes_of(seed, n, side=40.0):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, side, size=(n, 2))
    return np.concatenate([corners, corners + rng.uniform(0.5, side / 2, size=(n, 2))], axis=1)


seeds = st.integers(0, 10_000)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_decoding_is_the_inverse_of_encoding(seed):
    boxes, references = boxes_of(seed, 6), boxes_of(seed + 1, 6)
    weights = np.random.default_rng(seed).uniform(0.5, 10, size=4)
    codes = detection.encode(boxes, references, weights=weights)
    np.testing.assert_allclose(detection.decode(codes, references, weights=weights), boxes, rtol=2e-4, atol=2e-4)


def test_a_decoded_box_is_not_larger_than_62_and_a_half_times_its_reference():
    found = detection.decode(np.array([[0, 0, 1e4, np.log(1000 / 16)]]), np.array([[0, 0, 2, 4]]))[0]
    np.testing.assert_allclose(found[2:] - found[:2], [125, 250], rtol=1e-5)
    slope = jax.grad(lambda codes: detection.decode(codes, jnp.array([0.0, 0, 2, 4])).sum())(
        jnp.array([0.0, 0, 1e4, 0])
    )
    assert jnp.isfinite(slope).all()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_laws_of_overlaps(seed):
    a, b = boxes_of(seed, 5), boxes_of(seed + 1, 4)
    iou, giou = detection.iou(a, b), detection.giou(a, b)
    np.testing.assert_allclose(iou, detection.iou(b, a).T, atol=1e-6)
    assert ((iou >= 0) & (iou <= 1) & (giou <= iou + 1e-6) & (giou >= -1)).all()
    np.testing.assert_allclose(jnp.diag(detection.iou(a, a)), 1, rtol=1e-6)
    np.testing.assert_allclose(detection.iou(a + 1e3, b + 1e3), iou, atol=2e-3)


def test_the_derivative_of_an_overlap_of_nothing_is_finite():
    flat = jnp.zeros((1, 4), jnp.float32)
    for measure in (detection.iou, detection.giou):
        assert jnp.isfinite(jax.grad(lambda a, measure=measure: measure(a, flat).sum())(flat)).all()
    apart = jax.grad(lambda a: detection.giou(a, jnp.array([[3.0, 0, 4, 1]])).sum())(jnp.array([[0.0, 0, 1, 1]]))
    assert apart[0, 2] > 0  # to grow towards the other is better


def test_numbers_of_the_book():
    base = detection.base_anchors(16, (8, 16, 32), (0.5, 1, 2))
    np.testing.assert_allclose(base[0], [-37.2548, -82.5097, 53.2548, 98.5097], atol=1e-4)
    found = detection.anchors((50, 50), 16, (8, 16, 32), (0.5, 1, 2))
    assert found.shape == (22_500, 4)
    np.testing.assert_allclose(found[9 * (3 * 50 + 7)], base[0] + np.array([112, 48, 112, 48]), rtol=1e-6)


@given(seeds, st.sampled_from([0.2, 0.5, 0.8]))
@settings(max_examples=15, deadline=None)
def test_suppression_is_idempotent_and_follows_a_permutation(seed, threshold):
    boxes, scores = boxes_of(seed, 20, 15.0), np.random.default_rng(seed).permutation(20) / 20
    nms = partial(detection.nms, iou_threshold=threshold, max_outputs=20)
    kept = nms(boxes, scores)
    chosen = np.asarray(kept.indices)[np.asarray(kept.valid)]
    expected, count = reference.suppressed(boxes, scores, np.zeros(20), threshold, 20)
    np.testing.assert_array_equal(chosen, expected[count])
    again = nms(boxes, np.where(np.isin(np.arange(20), chosen), scores, np.nan))
    np.testing.assert_array_equal(np.asarray(again.indices)[np.asarray(again.valid)], chosen)
    order = np.random.default_rng(seed + 1).permutation(20)
    other = nms(boxes[order], scores[order])
    np.testing.assert_array_equal(order[np.asarray(other.indices)[np.asarray(other.valid)]], chosen)


def test_suppression_of_a_batch_of_equal_scores_and_with_few_places():
    batch = np.stack([boxes_of(seed, 20, 15.0) for seed in range(3)])
    scores = np.random.default_rng(0).uniform(size=(3, 20))
    nms = partial(detection.nms, iou_threshold=0.3, max_outputs=4)
    together = compiled(jax.vmap(nms))(batch, scores)
    for i in range(3):
        for ours, alone in zip(together, nms(batch[i], scores[i]), strict=True):
            np.testing.assert_array_equal(ours[i], alone)
    assert nms(np.repeat(batch[0][:1], 5, axis=0), np.ones(5)).indices.tolist() == [0, 0, 0, 0]  # the first one
    labels = np.arange(5)
    assert nms(np.repeat(batch[0][:1], 5, axis=0), np.ones(5), labels=labels).indices.tolist() == [0, 1, 2, 3]
    same = detection.nms(
        np.array([[0, 0, 2, 2], [1, 0, 3, 2]]), np.array([1.0, 0.5]), iou_threshold=1 / 3, max_outputs=2
    )
    assert same.valid.tolist() == [True, True]  # an overlap of the threshold is not larger


@pytest.mark.parametrize("aligned", [True, False])
def test_regions_move_with_the_map(aligned):
    """By whole places; and what lies beyond the edge is as if it were not."""
    features = np.zeros((12, 12, 2), np.float32)
    features[2:8, 3:9] = np.random.default_rng(0).uniform(0.1, 1, size=(6, 6, 2))
    boxes = np.array([[60.0, 40, 110, 100], [70, 50, 72, 51], [50, 45, 128, 118]])
    moved, by = np.roll(features, (2, 1), (0, 1)), 16 * np.array([1, 2, 1, 2])
    options = {"output_size": (3, 2), "scale": 1 / 16}
    for pool in (detection.roi_pool, partial(detection.roi_align, aligned=aligned)):
        found = pool(features, boxes, **options)
        np.testing.assert_allclose(pool(moved, boxes + by, **options), found, atol=1e-5)
        together = compiled(jax.vmap(partial(pool, **options)))(
            np.stack([features, moved]), np.stack([boxes, boxes + by])
        )
        np.testing.assert_allclose(together, np.stack([found, found]), atol=1e-5)
        np.testing.assert_allclose(pool(features, boxes[::-1], **options), found[::-1], atol=1e-6)


def test_many_regions_are_as_each_alone():
    """More than are computed at a time, and a number of them that the groups do not divide."""
    rng = np.random.default_rng(0)
    features, boxes = rng.normal(size=(9, 8, 3)), boxes_of(1, 47, 140.0)
    for pool, expected in (
        (detection.roi_pool, reference.pooled(features, boxes, (2, 2), 1 / 16)),
        (detection.roi_align, reference.aligned(features, boxes, (2, 2), 1 / 16, 2, False)),
    ):
        found = pool(features, boxes, output_size=2, scale=1 / 16)
        np.testing.assert_allclose(found, expected, atol=1e-5)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_a_sample_is_balanced_and_without_replacement(seed):
    rng = np.random.default_rng(seed)
    kind, num_samples, share = rng.choice([-1, 0, 1], size=30, p=[0.5, 0.3, 0.2]), 12, 0.3
    found = detection.balanced_sample(jax.random.key(seed), kind, num_samples, share)
    drawn = np.asarray(found.indices)[np.asarray(found.valid)]
    assert len(np.unique(drawn)) == len(drawn)
    objects = min((kind == 1).sum(), 3)
    assert (kind[drawn] == 1).sum() == objects
    assert (kind[drawn] == 0).sum() == min((kind == 0).sum(), num_samples - objects)
    assert (kind[drawn[:objects]] == 1).all()


def test_every_anchor_is_drawn_equally_often():
    kind = jnp.array([1, 1, 1, 0, 0, 0, 0, -1])
    draw = compiled(jax.vmap(lambda key: detection.balanced_sample(key, kind, 4, 0.5)))
    found = draw(jax.random.split(KEY, 4000))
    counts = np.bincount(np.asarray(found.indices).ravel(), minlength=8) / 4000
    none = detection.balanced_sample(KEY, kind, 4, 0.0)
    assert sorted(none.indices.tolist()) == [3, 4, 5, 6]
    np.testing.assert_allclose(counts, [2 / 3] * 3 + [1 / 2] * 4 + [0], atol=6 * 0.5 / 4000**0.5)


def test_forced_anchors():
    """All of equal overlaps, keep their own best truth, and a truth that nothing overlaps forces nothing."""
    overlap, valid = np.array([[0.2, 0.6, 0], [0.2, 0.1, 0], [0.1, 0.65, 0]]), np.ones(3, bool)
    found = detection.match(overlap, valid)
    assert (found.index.tolist(), found.kind.tolist()) == ([1, 0, 1], [1, 1, 1])
    free = detection.match(overlap, valid, force_best=False)
    assert free.kind.tolist() == [-1, 0, -1]


# mean average precision


def images_of(seed, num_images=6, num_classes=3):
    """True boxes, and detections near them and elsewhere."""
    rng = np.random.default_rng(seed)
    predictions, truths = [], []
    for i in range(num_images):
        n = rng.integers(0, 6)
        true, labels = boxes_of(int(rng.integers(1000)), n, 60.0), rng.integers(num_classes, size=n)
        near = np.repeat(true, 2, axis=0) + rng.normal(size=(2 * n, 4)) * 2
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 0.5)
        found = np.concatenate([near, boxes_of(i, 4, 60.0)])
        guesses = np.concatenate([np.repeat(labels, 2), rng.integers(num_classes, size=4)])
        predictions.append((found, guesses, rng.uniform(size=len(found)).round(2)))
        truths.append((true, labels))
    return predictions, truths


def precision_by_hand(predictions, truths, threshold, label):
    """(recall, precision) of VOC's rule after each detection, best first, with loops."""
    rows = [
        (score, i, box)
        for i, (b, y, s) in enumerate(predictions)
        for box, k, score in zip(b, y, s, strict=True)
        if k == label
    ]
    rows.sort(key=lambda row: -row[0])
    used, hits, curve = set(), 0, []
    total = sum((np.asarray(labels) == label).sum() for _, labels in truths)
    for rank, (_, i, box) in enumerate(rows, 1):
        overlaps = [
            (reference.iou(box, true), -j) for j, (true, k) in enumerate(zip(*truths[i], strict=True)) if k == label
        ]
        best = max(overlaps, default=(0, 0))
        if overlaps and best[0] >= threshold and (i, best[1]) not in used:
            used.add((i, best[1]))
            hits += 1
        curve.append((hits / total, hits / rank))
    return curve


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_against_loops(seed):
    predictions, truths = images_of(seed)
    found = {
        rule: detection.mean_average_precision(predictions, truths, interpolation=rule) for rule in ("area", "eleven")
    }
    for label in found["area"].per_class:
        curve = precision_by_hand(predictions, truths, 0.5, label)
        above = lambda recall, curve=curve: max((p for r, p in curve if r >= recall), default=0)  # noqa: E731
        eleven = np.mean([above(i / 10) for i in range(11)])
        assert found["eleven"].per_class[label] == pytest.approx(eleven, abs=1e-12)
        recalls = sorted({0.0, *(r for r, _ in curve)})
        area = sum((high - low) * above(high) for low, high in pairwise(recalls))
        assert found["area"].per_class[label] == pytest.approx(area, abs=1e-12)
    for each in found.values():
        assert each.mean == pytest.approx(np.mean(list(each.per_class.values())))


@pytest.mark.parametrize("num_found", [3, 6, 7])
def test_recalls_that_are_one_of_the_eleven_points(num_found):
    """Of ten objects, all detections right: 3 / 10 is such a point, which 3 * 0.1 in floating point is not."""
    boxes = np.arange(10)[:, None] * 5 + np.array([0, 0, 4, 4])
    labels = np.ones(10, int)
    found = [(boxes[:num_found], labels[:num_found], np.linspace(1, 0.5, num_found))]
    measured = detection.mean_average_precision(found, [(boxes, labels)], interpolation="eleven")
    assert measured.mean == pytest.approx((num_found + 1) / 11, abs=1e-12)


@pytest.mark.once
@pytest.mark.parametrize("seed", range(3))
def test_average_precision_against_pycocotools(seed, capsys):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    predictions, truths = images_of(seed, num_images=8)
    as_coco = lambda box: [*box[:2], box[2] - box[0], box[3] - box[1]]  # noqa: E731
    annotations = [
        {"image_id": i, "category_id": int(k) + 1, "bbox": as_coco(box), "area": 1.0, "iscrowd": 0}
        for i, (boxes, labels) in enumerate(truths)
        for box, k in zip(boxes, labels, strict=True)
    ]
    annotations = [{**each, "id": i + 1} for i, each in enumerate(annotations)]
    results = [
        {"image_id": i, "category_id": int(k) + 1, "bbox": as_coco(box), "score": score}
        for i, (boxes, labels, scores) in enumerate(predictions)
        for box, k, score in zip(boxes, labels, scores, strict=True)
    ]
    true = coco.COCO()
    ids = [{"id": i} for i in range(len(truths))]
    true.dataset = {
        "images": ids,
        "annotations": annotations,
        "categories": [{"id": k + 1} for k in range(3)],
        "info": {},
    }
    true.createIndex()
    judge = evaluation.COCOeval(true, true.loadRes(results), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    thresholds = np.arange(0.5, 1.0, 0.05)
    found = detection.mean_average_precision(predictions, truths, iou_thresholds=thresholds, interpolation="coco")
    assert found.mean == pytest.approx(judge.stats[0], abs=1e-12)
    half = detection.mean_average_precision(predictions, truths, interpolation="coco")
    assert half.mean == pytest.approx(judge.stats[1], abs=1e-12)
