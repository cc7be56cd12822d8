"""Functions, derivatives and the chain rule, written out by hand."""

import numpy as np


def sigmoid(x):
    """Half of a hyperbolic tangent."""
    return 0.5 * (1 + np.tanh(x / 2))


def sigmoid_slope(x):
    """The sigmoid of x times that of -x."""
    return sigmoid(x) * sigmoid(-x)


def leaky_relu(x, slope=0.2):
    """The larger of the two lines, for a slope below 1."""
    return np.maximum(slope * x, x)


def leaky_relu_slope(x, slope=0.2):
    """1 to the right of 0."""
    return np.where(x > 0, 1.0, slope)


def quotient(f, x, delta):
    """The central difference, entry by entry."""
    flat = [(f(v + delta) - f(v - delta)) / (delta + delta) for v in x.ravel()]
    return np.array(flat).reshape(x.shape)


def chain(pairs, x):
    """Values, local derivatives and their product for pairs of a function and its derivative."""
    values, slopes, total = [x], [], np.ones_like(x)
    for f, slope in pairs:
        slopes.append(slope(values[-1]))
        values.append(f(values[-1]))
        total = total * slopes[-1]
    return np.array(values[1:]), np.array(slopes), total


def matrix_chain(x, w):
    """X W, its sigmoid, and the gradients of the sum, entry by entry."""
    n = np.einsum("ij,jk->ik", x, w)
    gradient_x, gradient_w = np.zeros_like(x), np.zeros_like(w)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            for k in range(w.shape[1]):
                gradient_x[i, j] += sigmoid_slope(n[i, k]) * w[j, k]
                gradient_w[j, k] += sigmoid_slope(n[i, k]) * x[i, j]
    return n, sigmoid(n), gradient_x, gradient_w


def sine_surface_gradient(x, y):
    """The gradient of sin x sin y on a grid, point by point."""
    by_x = [[np.cos(a) * np.sin(b) for b in y] for a in x]
    by_y = [[np.sin(a) * np.cos(b) for b in y] for a in x]
    return np.array([by_x, by_y])
