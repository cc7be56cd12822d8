"""Suppression and pooling of regions, beside loops in C++ that g++ compiles."""

import ctypes
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.workload import Workload

_SOURCE = r"""
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

extern "C" int nms(const float* boxes, const float* scores, int n, float threshold, int* kept) {
    std::vector<int> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int i, int j) { return scores[i] > scores[j]; });
    std::vector<char> dropped(n, 0);
    std::vector<float> areas(n);
    for (int i = 0; i < n; i++)
        areas[i] = (boxes[4 * i + 2] - boxes[4 * i]) * (boxes[4 * i + 3] - boxes[4 * i + 1]);
    int count = 0;
    for (int a = 0; a < n; a++) {
        int i = order[a];
        if (dropped[i]) continue;
        kept[count++] = i;
        const float* p = boxes + 4 * i;
        for (int b = a + 1; b < n; b++) {
            int j = order[b];
            if (dropped[j]) continue;
            const float* q = boxes + 4 * j;
            float w = std::max(std::min(p[2], q[2]) - std::max(p[0], q[0]), 0.f);
            float h = std::max(std::min(p[3], q[3]) - std::max(p[1], q[1]), 0.f);
            float overlap = w * h;
            if (overlap / (areas[i] + areas[j] - overlap) > threshold) dropped[j] = 1;
        }
    }
    return count;
}

struct Point { int place[4]; float weight[4]; };

// features (channels, height, width), pooled (boxes, channels, side, side)
extern "C" void roi_align(const float* features, int channels, int height, int width, const float* boxes, int n,
                          float scale, int side, int points, float* pooled) {
    for (int k = 0; k < n; k++) {
        float x0 = boxes[4 * k] * scale - .5f, y0 = boxes[4 * k + 1] * scale - .5f;
        float w = (boxes[4 * k + 2] - boxes[4 * k]) * scale / side;
        float h = (boxes[4 * k + 3] - boxes[4 * k + 1]) * scale / side;
        std::vector<Point> table;
        for (int i = 0; i < side; i++) for (int j = 0; j < side; j++)
            for (int a = 0; a < points; a++) for (int b = 0; b < points; b++) {
                float y = y0 + i * h + (a + .5f) * h / points, x = x0 + j * w + (b + .5f) * w / points;
                Point point{};
                if (y >= -1 && y <= height && x >= -1 && x <= width) {
                    y = std::min(std::max(y, 0.f), height - 1.f);
                    x = std::min(std::max(x, 0.f), width - 1.f);
                    int i0 = (int)y, j0 = (int)x, i1 = std::min(i0 + 1, height - 1), j1 = std::min(j0 + 1, width - 1);
                    float dy = y - i0, dx = x - j0;
                    point = {{i0 * width + j0, i0 * width + j1, i1 * width + j0, i1 * width + j1},
                             {(1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx}};
                }
                table.push_back(point);
            }
        for (int c = 0; c < channels; c++) {
            const float* map = features + (size_t)c * height * width;
            const Point* point = table.data();
            for (int i = 0; i < side * side; i++) {
                float sum = 0;
                for (int a = 0; a < points * points; a++, point++)
                    for (int b = 0; b < 4; b++) sum += point->weight[b] * map[point->place[b]];
                pooled[((size_t)k * channels + c) * side * side + i] = sum / (points * points);
            }
        }
    }
}
"""
_THRESHOLD, _SIDE, _STRIDE = 0.7, 7, 16


def _boxes(rng: np.random.Generator, n: int) -> np.ndarray:
    corners = rng.uniform(0, 800, size=(n, 2))
    return np.concatenate([corners, corners + rng.uniform(20, 200, size=(n, 2))], axis=1).astype(np.float32)


def _scored(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return _boxes(rng, 2000), rng.permutation(2000).astype(np.float32)


def _regions(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return rng.normal(size=(50, 50, 256)).astype(np.float32), _boxes(rng, 1000)


@cache
def _library() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "loops.cpp", Path(folder) / "loops.so"
        source.write_text(_SOURCE)
        subprocess.run(["g++", "-O3", "-shared", "-fPIC", "-o", target, source], check=True)
        return ctypes.CDLL(str(target))


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def _suppressed(boxes, scores):
    import jax

    from jaxmath import detection

    run = jax.jit(lambda boxes, scores: detection.nms(boxes, scores, iou_threshold=_THRESHOLD, max_outputs=2000))
    given = jax.device_put((boxes, scores))
    return lambda: jax.block_until_ready(run(*given)).indices.astype(np.float32)


def _suppressed_in_c(boxes, scores):
    def run():
        kept = np.zeros(len(boxes), np.int32)
        _library().nms(_pointer(boxes), _pointer(scores), len(boxes), ctypes.c_float(_THRESHOLD), _pointer(kept))
        return kept.astype(np.float32)

    return run


def _suppressed_exactly(boxes, scores):
    from jaxmath.crosscheck.references import detection as reference

    return reference.suppressed(boxes.astype(float), scores, np.zeros(len(boxes)), _THRESHOLD, len(boxes))[0]


def _aligned(features, boxes):
    import jax

    from jaxmath import detection

    run = jax.jit(lambda features, boxes: detection.roi_align(features, boxes, output_size=_SIDE, scale=1 / _STRIDE))
    given = jax.device_put((features, boxes))
    return lambda: jax.block_until_ready(run(*given))


def _aligned_in_c(features, boxes):
    channels_first = np.ascontiguousarray(features.transpose(2, 0, 1))

    def run():
        pooled = np.zeros((len(boxes), features.shape[2], _SIDE, _SIDE), np.float32)
        sizes, scale = (features.shape[2], *features.shape[:2]), ctypes.c_float(1 / _STRIDE)
        _library().roi_align(
            _pointer(channels_first), *sizes, _pointer(boxes), len(boxes), scale, _SIDE, 2, _pointer(pooled)
        )
        return pooled.transpose(0, 2, 3, 1)

    return run


def _aligned_exactly(features, boxes):
    from jaxmath.crosscheck.references import detection as reference

    return reference.aligned(features.astype(float), boxes.astype(float), (_SIDE, _SIDE), 1 / _STRIDE, 2, False)


WORKLOADS = {
    "detection nms of 2000 boxes": Workload("C++", _scored, _suppressed, _suppressed_in_c, _suppressed_exactly, 1.5),
    "detection roi_align of 1000 boxes on 256 x 50 x 50": Workload(
        "C++", _regions, _aligned, _aligned_in_c, _aligned_exactly, 1.3
    ),
}
