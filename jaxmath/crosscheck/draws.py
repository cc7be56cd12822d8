"""Inputs that many cases draw: functions of a generator that return a tuple of arrays."""

import numpy as np


def normal(*shapes):
    """Standard normal arrays."""
    return lambda rng: tuple(rng.normal(size=shape) for shape in shapes)


def fixed(*arrays):
    """The same arrays always."""
    return lambda rng: tuple(np.array(a, float) for a in arrays)


def regular(d, *shapes):
    """A matrix with singular values between 1 and 3, and what comes with it."""

    def inputs(rng):
        u, v = (np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(2))
        return (u * np.linspace(1, 3, d) @ v, *(rng.normal(size=shape) for shape in shapes))

    return inputs


def with_eigenvalues(*values):
    """Draws a symmetric matrix with these eigenvalues and random directions."""

    def inputs(rng):
        q = np.linalg.qr(rng.normal(size=(len(values), len(values))))[0]
        return ((q * np.array(values)) @ q.T,)

    return inputs


def similar(block):
    """A general matrix with the eigenvalues of another."""

    def inputs(rng):
        d = len(block)
        s = np.linalg.qr(rng.normal(size=(d, d)))[0] + 0.2 * rng.normal(size=(d, d)) / d
        return (s @ np.array(block, float) @ np.linalg.inv(s),)

    return inputs


def weighted(rng):
    """Rows and weights between 1/2 and 2."""
    return rng.normal(size=(7, 3)) + 2.0, rng.uniform(0.5, 2.0, size=7)


def with_gaps(n, d, offset=1.0):
    """Rows with clear gaps between their principal variances."""

    def inputs(rng):
        directions, _ = np.linalg.qr(rng.normal(size=(d, d)))
        return (rng.normal(size=(n, d)) * 2.0 ** -np.arange(d) @ directions + offset,)

    return inputs
