"""Chapter 9: the rules of descent, one number at a time, in float64."""

import math

import numpy as np


def path(rule, a, b, start, num_steps):
    """Points of a descent on (w^T A w) / 2 - b^T w, with the gradient by hand; the rule gives steps."""
    points, memory = [np.array(start)], None
    for t in range(1, num_steps + 1):
        gradient = a @ points[-1] - b
        step, memory = rule(t, gradient, memory)
        points.append(points[-1] + step)
    return np.array(points)


def gradient_descent(rate):
    """Along the negative gradient."""
    return lambda t, g, memory: (-rate * g, None)


def momentum(rate, gamma):
    """All gradients so far, each weighted by gamma to the power of its age."""

    def rule(t, g, history):
        history = [*(history or []), g]
        velocity = sum(gamma ** (t - 1 - i) * rate * old for i, old in enumerate(history))
        return -velocity, history

    return rule


def nesterov_path(a, b, start, rate, gamma, num_steps):
    """Sutskever's form: the point, its velocity, and the gradient ahead. The points ahead are returned."""
    w, v = np.array(start), np.zeros(len(start))
    ahead = [w - gamma * v]
    for _ in range(num_steps):
        v = gamma * v + rate * (a @ ahead[-1] - b)
        w = w - v
        ahead.append(w - gamma * v)
    return np.array(ahead)


def adagrad(rate, eps):
    """A rate for each number, over the length of all gradients so far."""

    def rule(t, g, history):
        history = [*(history or []), g]
        length = [math.sqrt(sum(old[i] ** 2 for old in history)) for i in range(len(g))]
        return np.array([-rate * g[i] / (length[i] + eps) for i in range(len(g))]), history

    return rule


def rmsprop(rate, decay, eps):
    """The same with a memory that fades."""

    def rule(t, g, history):
        history = [*(history or []), g]
        faded = [sum((1 - decay) * decay ** (t - 1 - s) * old[i] ** 2 for s, old in enumerate(history)) for i in (0, 1)]
        return np.array([-rate * g[i] / (math.sqrt(faded[i]) + eps) for i in (0, 1)]), history

    return rule


def adam(rate, b1, b2, eps):
    """Means of gradients and of their squares, with weights that fade and sum to 1."""

    def mean(values, decay):
        weights = [decay**age for age in range(len(values))][::-1]
        return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)

    def rule(t, g, history):
        history = [*(history or []), g]
        first, second = mean(history, b1), mean([old**2 for old in history], b2)
        return -rate * first / (np.sqrt(second) + eps), history

    return rule


def full_batch(x, y, start, rate, num_steps):
    """Points of a linear model under descent with all rows at once, and the losses before each step."""
    w, losses = np.array(start), []
    for _ in range(num_steps):
        left = np.array([row @ w for row in x]) - y
        losses.append(np.mean(left**2))
        w = w - rate * 2 * sum(r * row for r, row in zip(left, x, strict=True)) / len(x)
    return w, np.array(losses)


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
