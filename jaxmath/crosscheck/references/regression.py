"""Regression by singular values and by reweighting."""

import math

import numpy as np


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
