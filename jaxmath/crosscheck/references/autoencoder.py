"""Chapter 14: encoders, decoders and bounds of autoencoders, by their definitions."""

import numpy as np


def relu(x):
    return np.maximum(x, 0)


def halved(x, kernel, bias):
    """A convolution of 3 x 3 with stride 2 and a frame of zeros."""
    n, h, w, _ = x.shape
    framed = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = np.zeros((n, h // 2, w // 2, kernel.shape[3]))
    for i in range(h // 2):
        for j in range(w // 2):
            y[:, i, j] = np.tensordot(framed[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3], kernel, 3) + bias
    return y


def doubled(x, kernel, bias):
    """Every pixel of an image adds a window to one of twice the size; what falls beyond the upper left edge is lost."""
    n, h, w, _ = x.shape
    y = np.zeros((n, 2 * h + 2, 2 * w + 2, kernel.shape[3]))
    for i in range(h):
        for j in range(w):
            y[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.tensordot(x[:, i, j], kernel[::-1, ::-1], (1, 2))
    return y[:, : 2 * h, : 2 * w] + bias


def binary_cross_entropy(logits, x):
    p = 1 / (1 + np.exp(-logits))
    return -(x * np.log(p) + (1 - x) * np.log(1 - p))


def convolutional_bound(x, *weights):
    """Codes, and the terms of the bound of a convolutional network whose codes have next to no variance."""
    kernel, bias, out, out_bias, inner, inner_bias, up, up_bias = weights
    said = relu(halved(x, kernel, bias)).reshape(len(x), -1) @ out + out_bias
    mean, log_variance = np.split(said, 2, axis=1)
    log_variance = log_variance - 60
    hidden = (mean @ inner + inner_bias).reshape(len(x), x.shape[1] // 2, x.shape[2] // 2, -1)
    logits = doubled(relu(hidden), up, up_bias)
    reconstruction = -binary_cross_entropy(logits, x).sum(axis=(1, 2, 3))
    kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    return mean, logits, reconstruction, kl


def principal_likelihood(x, loadings, center):
    """Log density of rows of N(center, W W^T + 1), and the divergence of the codes' posterior from N(0, 1)."""
    k, d = loadings.shape
    covariance = loadings.T @ loadings + np.eye(d)
    left = x.reshape(len(x), -1) - center
    squares = np.sum(left * np.linalg.solve(covariance, left.T).T, axis=1)
    density = -0.5 * (squares + np.linalg.slogdet(covariance)[1] + d * np.log(2 * np.pi))
    posterior = np.linalg.inv(loadings @ loadings.T + np.eye(k))
    means = left @ loadings.T @ posterior
    kl = 0.5 * (np.sum(means**2, axis=1) + np.trace(posterior) - k - np.linalg.slogdet(posterior)[1])
    return density, kl
