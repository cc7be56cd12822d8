"""Chapter 7: perceptrons, one neuron and one example at a time."""

import itertools
import math

import numpy as np


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
