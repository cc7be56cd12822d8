"""Perceptrons, one neuron and one example at a time; derivatives of a network by complex steps.

For a function that is real on the real line, f'(x) = Im f(x + i h) / h up to a term of h squared: with h = 1e-30
exact to rounding, for nothing is subtracted.
"""

import itertools
import math

import numpy as np

_STEP = 1e-30


def step(n):
    """One from zero on."""
    return 1.0 if n >= 0 else 0.0


def layer(x, weights, bias, function):
    """Every neuron's sum, then the function of it."""
    return np.array([[function(math.fsum([*(w * row), b])) for w, b in zip(weights, bias, strict=True)] for row in x])


def network(params, x, hidden, last):
    """Layer by layer; the last has a function of its own."""
    for i, (weights, bias) in enumerate(params):
        x = layer(x, weights, bias, hidden if i < len(params) - 1 else last)
    return x


def gates():
    """The section's numbers: AND, OR, NOT and the two layers of XOR."""
    one = ([[1.0, 1.0]], [-1.5]), ([[1.0, 1.0]], [-0.5]), ([[-1.0]], [0.5])
    xor = ([[1.0, -1.0], [-1.0, 1.0]], [-0.5, -0.5]), ([[1.0, 1.0]], [-0.5])
    return [(np.array(weights), np.array(bias)) for weights, bias in (*one, *xor)]


def rosenblatt(x, labels, max_epochs):
    """Goes through the examples, corrects after each mistake, and ends with an epoch that has none."""
    w, b, mistakes = np.zeros(x.shape[1]), 0.0, 0
    for epoch in range(1, max_epochs + 1):
        before = mistakes
        for row, label in zip(x, labels, strict=True):
            answer = int(row @ w + b >= 0)
            if answer != label:
                sign = 1 if label else -1
                w, b, mistakes = w + sign * row, b + sign, mistakes + 1
        if mistakes == before:
            return w, b, mistakes, epoch, True
    return w, b, mistakes, max_epochs, False


def towers(f, p, q, x):
    """Looks for the cell of every point; 0 if there is none."""
    heights = np.zeros(len(x))
    for i, (u, v) in enumerate(x):
        for left, right in itertools.pairwise(p):
            for low, high in itertools.pairwise(q):
                if left <= u < right and low <= v < high:
                    heights[i] += f((left + right) / 2, (low + high) / 2)
    return heights


def sigmoid(z):
    """The logistic function, of complex numbers too."""
    return 1 / (1 + np.exp(-z))


def activations(params, x, f):
    """What every layer puts out."""
    found = []
    for weights, bias in params:
        x = f(np.einsum("nd,md->nm", x, weights) + bias)
        found.append(x)
    return found


def loss(params, x, y, f):
    """Half the squared distance, the mean over the rows."""
    return ((activations(params, x, f)[-1] - y) ** 2).sum() / (2 * len(x))


def gradients(params, x, y, f):
    """One parameter after the other is moved by a step into the imaginary."""
    return [tuple(_by_entry(params, i, j, x, y, f) for j in (0, 1)) for i in range(len(params))]


def jacobian(params, x, f):
    """One input after the other is moved; shape (n, outputs, inputs)."""
    columns = [activations(params, x + 1j * _STEP * unit, f)[-1].imag / _STEP for unit in np.eye(x.shape[1])]
    return np.stack(columns, axis=-1)


def hessian_vector_product(params, x, y, vector):
    """The gradient of a sigmoid network, by the chain rule of single neurons, at parameters moved along the vector."""
    moved = [tuple(a + 1j * _STEP * v for a, v in zip(*pair, strict=True)) for pair in zip(params, vector, strict=True)]
    return [tuple(np.imag(g) / _STEP for g in layer) for layer in _by_neuron(moved, x, y)]


def _by_entry(params, i, j, x, y, f):
    found = np.zeros(params[i][j].shape)
    for index in np.ndindex(found.shape):
        moved = [[np.array(a, complex) for a in layer] for layer in params]
        moved[i][j][index] += 1j * _STEP
        found[index] = loss(moved, x, y, f).imag / _STEP
    return found


def _by_neuron(params, x, y):
    found = [tuple(np.zeros(a.shape, complex) for a in layer) for layer in params]
    for row, target in zip(x, y, strict=True):
        values = [row, *(a[0] for a in activations(params, row[None], sigmoid))]
        blame = (values[-1] - target) / len(x)  # the derivative of the loss with respect to each output
        for i in range(len(params) - 1, -1, -1):
            handed_back = np.zeros(len(values[i]), complex)
            for j, a in enumerate(values[i + 1]):
                slope = blame[j] * a * (1 - a)
                found[i][0][j] += slope * values[i]
                found[i][1][j] += slope
                handed_back += slope * params[i][0][j]
            blame = handed_back
    return found
