"""Section 11.5: boxes, anchors, suppression and pooling of regions, box by box."""

import numpy as np


def base_anchors(stride, scales, ratios):
    """Around the centre of a cell, a box of the area (scale * stride)^2 with each ratio of width to height."""
    boxes, middle = [], stride / 2
    for scale in scales:
        for ratio in ratios:
            height = scale * stride / np.sqrt(ratio)
            width = ratio * height
            boxes.append([middle - width / 2, middle - height / 2, middle + width / 2, middle + height / 2])
    return np.array(boxes)


def anchors(rows, columns, stride, scales, ratios):
    """The base anchors moved to every cell, row by row."""
    base = base_anchors(stride, scales, ratios)
    found = [base + np.array([x, y, x, y]) * stride for y in range(rows) for x in range(columns)]
    return np.concatenate(found)


def pyramid_anchors(sizes, ratios, rows, columns, strides):
    """Boxes of whole pixels around 0 with each ratio of height to width, at every cell."""
    base = []
    for ratio in ratios:
        for size in sizes:
            width, height = size / np.sqrt(ratio), size * np.sqrt(ratio)
            base.append(np.rint([-width / 2, -height / 2, width / 2, height / 2]))
    places = [(x * strides[1], y * strides[0]) for y in range(rows) for x in range(columns)]
    return np.array(base), np.array([box + np.array([x, y, x, y]) for x, y in places for box in base])


def area(box):
    """Width times height of one box, 0 if an edge lies before the other."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def iou(a, b):
    """Intersection over union of two boxes, 0 where both are empty."""
    overlap = area([max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])])
    union = area(a) + area(b) - overlap
    return overlap / union if union else 0.0


def giou(a, b):
    """Intersection over union, less the share of the enclosing box that neither fills."""
    enclosing = area([min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])])
    overlap = area([max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])])
    return iou(a, b) - (enclosing - (area(a) + area(b) - overlap)) / enclosing


def overlaps(a, b):
    """Areas, and both measures of each box with each other."""
    measures = [np.array([[measure(x, y) for y in b] for x in a]) for measure in (iou, giou)]
    return np.array([area(x) for x in a]), *measures


def codes(boxes, references, weights):
    """Codes of boxes, one by one."""
    found = []
    for box, reference in zip(boxes, references, strict=True):
        width, height = reference[2] - reference[0], reference[3] - reference[1]
        x, y = (box[0] + box[2] - reference[0] - reference[2]) / 2, (box[1] + box[3] - reference[1] - reference[3]) / 2
        code = x / width, y / height, np.log((box[2] - box[0]) / width), np.log((box[3] - box[1]) / height)
        found.append(np.array(code) * weights)
    return np.array(found)


def boxes_of(codes, references, weights, size):
    """Boxes of codes, one by one, inside of an image."""
    found = []
    for code, reference in zip(codes / weights, references, strict=True):
        width, height = reference[2] - reference[0], reference[3] - reference[1]
        x, y = reference[0] + width / 2 + code[0] * width, reference[1] + height / 2 + code[1] * height
        width, height = (min(np.exp(c), 1000 / 16) * side for c, side in ((code[2], width), (code[3], height)))
        edges = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        found.append([min(max(edge, 0), size[1 - i % 2]) for i, edge in enumerate(edges)])
    return np.array(found)


def suppressed(boxes, scores, labels, threshold, max_outputs):
    """Indices of what is kept, then zeros, and which of them count."""
    left, kept = list(np.argsort(-scores, kind="stable")), []
    while left and len(kept) < max_outputs:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if labels[i] != labels[best] or iou(boxes[i], boxes[best]) <= threshold]
    return np.array(kept + [0] * (max_outputs - len(kept))), np.arange(max_outputs) < len(kept)


def matched(overlap, valid, high, low):
    """Truth and kind of each anchor."""
    overlap = np.where(valid, overlap, 0)
    index, best = overlap.argmax(axis=1), overlap.max(axis=1)
    kind = np.array([1 if o >= high else 0 if o < low else -1 for o in best])
    for j in range(overlap.shape[1]):
        if overlap[:, j].max() > 0:
            kind[overlap[:, j] == overlap[:, j].max()] = 1
    return index, kind


def pooled(features, boxes, size, scale):
    """The largest feature of each cell, cell by cell."""
    height, width, channels = features.shape
    found = np.zeros((len(boxes), *size, channels))
    for k, box in enumerate(boxes * scale):
        x0, y0, x1, y1 = (int(np.sign(v) * np.floor(abs(v) + 0.5)) for v in box)
        h, w = max(y1 - y0 + 1, 1), max(x1 - x0 + 1, 1)
        for i in range(size[0]):
            rows = range(max(y0 + i * h // size[0], 0), min(y0 - (-(i + 1) * h // size[0]), height))
            for j in range(size[1]):
                columns = range(max(x0 + j * w // size[1], 0), min(x0 - (-(j + 1) * w // size[1]), width))
                cell = [features[r, c] for r in rows for c in columns]
                found[k, i, j] = np.max(cell, axis=0) if cell else 0
    return found


def interpolated(features, y, x):
    """Bilinear, those of the edge up to one place outside, 0 beyond."""
    height, width, channels = features.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(channels)
    y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    i, j = min(int(y), max(height - 2, 0)), min(int(x), max(width - 2, 0))
    below, right = min(i + 1, height - 1), min(j + 1, width - 1)
    top = features[i, j] * (1 - (x - j)) + features[i, right] * (x - j)
    bottom = features[below, j] * (1 - (x - j)) + features[below, right] * (x - j)
    return top * (1 - (y - i)) + bottom * (y - i)


def aligned(features, boxes, size, scale, num_points, half_off):
    """The mean over points, point by point."""
    found = np.zeros((len(boxes), *size, features.shape[2]))
    steps = (np.arange(num_points) + 0.5) / num_points
    for k, box in enumerate(boxes * scale):
        x0, y0 = box[:2] - (0 if half_off else 0.5)
        w, h = box[2:] - box[:2]
        if half_off:
            w, h = max(w, 1), max(h, 1)
        for i, j in np.ndindex(*size):
            points = [(y0 + (i + a) * h / size[0], x0 + (j + b) * w / size[1]) for a in steps for b in steps]
            found[k, i, j] = np.mean([interpolated(features, *point) for point in points], axis=0)
    return found
