"""Chapter 3: descent with gradients by hand, and regression, in loops."""

import math

import numpy as np


def line_descent(x, y, start, rate, num_steps):
    """The mean squared error of a line, one row at a time; points and losses from start to end."""
    w, b = start
    points, losses = [], []
    for step in range(num_steps + 1):
        left = [w * u + b - v for u, v in zip(x, y, strict=True)]
        points.append((w, b))
        losses.append(sum(r * r for r in left) / len(x))
        if step < num_steps:
            slope_w = sum(2 * r * u for r, u in zip(left, x, strict=True)) / len(x)
            slope_b = sum(2 * r for r in left) / len(x)
            w, b = w - rate * slope_w, b - rate * slope_b
    return np.array(points), np.array(losses)


def least_squares(x, y, weights):
    """Weights, intercept, residual and rank, from the rows with a 1 at their end, each times the root of its weight."""
    design = np.column_stack([x, np.ones(len(x))])
    size = np.sqrt(weights)
    solution, _, rank, _ = np.linalg.lstsq(design * size[:, None], y * size)
    left = y - design @ solution
    return solution[:-1], solution[-1], np.sum(weights * left**2), np.array(rank - 1)


def polynomial(x, y, degree):
    """Coefficients, constant first, of the system in plain powers."""
    powers = np.array([[u**j for j in range(degree + 1)] for u in x])
    solution, _, rank, _ = np.linalg.lstsq(powers, y)
    return solution, np.sum((powers @ solution - y) ** 2), np.array(rank)


def logistic(x, labels, l2, num_steps=40):
    """Weights, intercept and loss, by iteratively reweighted least squares: no Hessian is formed."""
    design = np.column_stack([x, np.ones(len(x))])
    n, k = design.shape
    w = np.zeros(k)
    ridge = np.diag([math.sqrt(n * l2)] * (k - 1) + [0.0])
    for _ in range(num_steps):
        p = 1 / (1 + np.exp(-design @ w))
        size = np.sqrt(p * (1 - p))
        working = design @ w + (labels - p) / (p * (1 - p))
        rows, right = np.vstack([design * size[:, None], ridge]), np.concatenate([working * size, np.zeros(k)])
        w = np.linalg.lstsq(rows, right)[0]
    p = 1 / (1 + np.exp(-design @ w))
    loss = -np.mean([math.log(q if t else 1 - q) for q, t in zip(p, labels, strict=True)]) + l2 / 2 * w[:-1] @ w[:-1]
    return w[:-1], w[-1], loss


def ridge(x, y, l2):
    """The minimum of the mean squared error plus l2 times the squared length, and the loss there."""
    n, d = x.shape
    w = np.linalg.solve(x.T @ x / n + l2 * np.eye(d), x.T @ y / n)
    return w, np.mean((x @ w - y) ** 2) + l2 * w @ w


def descent_in_box(x, y, start, rate, low, high, num_steps):
    """Points of a descent on the mean squared error that is put back into the box after each step."""
    points = [np.array(start)]
    for _ in range(num_steps):
        w = points[-1] - rate * 2 * x.T @ (x @ points[-1] - y) / len(x)
        points.append(np.array([min(max(a, b), c) for a, b, c in zip(w, low, high, strict=True)]))
    return np.array(points)
