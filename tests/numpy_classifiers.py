"""What torchvision's classifiers compute in evaluation, by its names of their weights, in NumPy and float64."""

import numpy as np


def resnet(p, x):
    """Any stem, basic blocks or bottlenecks; without ``downsample`` rows and columns are left out, zeros added."""
    imagenet = p["conv1.weight"].shape[2] == 7
    x = relu(norm(p, "bn1", conv(p, "conv1", x, 2 if imagenet else 1)))
    x = max_pool(x, 3, 2, 1) if imagenet else x
    for i in range(1, 5):
        j = 0
        while (at := f"layer{i}.{j}") + ".conv1.weight" in p:
            stride, deep = (2 if i > 1 and j == 0 else 1), f"{at}.conv3.weight" in p
            strides = (1, stride, 1) if deep else (stride, 1)
            y = x
            for k, step in enumerate(strides, 1):
                y = norm(p, f"{at}.bn{k}", conv(p, f"{at}.conv{k}", y, step))
                y = relu(y) if k < len(strides) else y
            if f"{at}.downsample.0.weight" in p:
                x = norm(p, f"{at}.downsample.1", conv(p, f"{at}.downsample.0", x, stride))
            else:
                x = np.pad(x[:, :, ::stride, ::stride], ((0, 0), (0, y.shape[1] - x.shape[1]), (0, 0), (0, 0)))
            x, j = relu(x + y), j + 1
    return linear(p, "fc", x.mean(axis=(2, 3)))


def vgg(p, x, nums=(1, 1, 2, 2, 2)):
    """With and without batch norm; nums of convolutions, between which are maxima."""
    index = 0
    for num in nums:
        for _ in range(num):
            x = conv(p, f"features.{index}", x)
            if f"features.{index + 1}.running_mean" in p:
                x, index = norm(p, f"features.{index + 1}", x), index + 1
            x, index = relu(x), index + 2
        x, index = max_pool(x, 2, 2), index + 1
    x = relu(linear(p, "classifier.0", adaptive_average(x, 7).reshape(len(x), -1)))
    return linear(p, "classifier.6", relu(linear(p, "classifier.3", x)))


def googlenet(p, x):
    """The logits, and those of the auxiliary classifiers after 4a and 4d."""
    x = max_pool(basic(p, "conv1", x, 2), 3, 2, ceil=True)
    x = basic(p, "conv3", basic(p, "conv2", x))
    found = {}
    for i, window in ((3, 3), (4, 3), (5, 2)):
        x = max_pool(x, window, 2, ceil=True)
        for letter in "abcde":
            at = f"inception{i}{letter}"
            if f"{at}.branch1.conv.weight" in p:
                parts = [basic(p, f"{at}.branch1", x)]
                parts += [basic(p, f"{at}.branch{k}.1", basic(p, f"{at}.branch{k}.0", x)) for k in (2, 3)]
                x = found[f"{i}{letter}"] = np.concatenate(
                    [*parts, basic(p, f"{at}.branch4.1", max_pool(x, 3, 1, 1))], axis=1
                )
    heads = []
    for name, seen in (("aux1", found["4a"]), ("aux2", found["4d"])):
        h = basic(p, f"{name}.conv", adaptive_average(seen, 4)).reshape(len(x), -1)
        heads.append(linear(p, f"{name}.fc2", relu(linear(p, f"{name}.fc1", h))))
    return linear(p, "fc", x.mean(axis=(2, 3))), *heads


def basic(p, at, x, stride=1):
    return relu(norm(p, f"{at}.bn", conv(p, f"{at}.conv", x, stride), 1e-3))


def conv(p, at, x, stride=1):
    kernel = np.asarray(p[f"{at}.weight"], float)
    pad, window = kernel.shape[2] // 2, kernel.shape[2]
    height, width = ((size + 2 * pad - window) // stride + 1 for size in x.shape[2:])
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    y = 0
    for i in range(window):
        for j in range(window):
            seen = x[:, :, i : i + height * stride : stride, j : j + width * stride : stride][:, :, :height, :width]
            y = y + np.einsum("oc,nchw->nohw", kernel[:, :, i, j], seen)
    return y + np.asarray(p[f"{at}.bias"], float)[:, None, None] if f"{at}.bias" in p else y


def norm(p, at, x, eps=1e-5):
    weight, bias, mean, var = (
        np.asarray(p[f"{at}.{name}"], float)[:, None, None]
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(var + eps) * weight + bias


def linear(p, at, x):
    return x @ np.asarray(p[f"{at}.weight"], float).T + np.asarray(p[f"{at}.bias"], float)


def relu(x):
    return np.maximum(x, 0)


def max_pool(x, window, stride, pad=0, *, ceil=False):
    sizes = []
    for size in x.shape[2:]:
        num = (size + 2 * pad - window + (stride - 1 if ceil else 0)) // stride + 1
        sizes.append(num - (ceil and (num - 1) * stride >= size + pad))
    ends = [(pad, window + stride * num) for num in sizes]
    x = np.pad(x, ((0, 0), (0, 0), *ends), constant_values=-np.inf)
    rows = [[slice(i * stride, i * stride + window) for i in range(num)] for num in sizes]
    return np.stack([np.stack([x[:, :, i, j].max(axis=(2, 3)) for j in rows[1]], -1) for i in rows[0]], -2)


def adaptive_average(x, side):
    ends = [[(i * n // side, -(-(i + 1) * n // side)) for i in range(side)] for n in x.shape[2:]]
    rows = [[x[:, :, a:b, c:d].mean(axis=(2, 3)) for c, d in ends[1]] for a, b in ends[0]]
    return np.stack([np.stack(row, -1) for row in rows], -2)
