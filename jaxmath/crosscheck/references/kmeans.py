"""k-means by loops over rows."""

import numpy as np


def labels(centers, x):
    """The nearest center of every row, the first of equally near ones."""
    return np.array([min(range(len(centers)), key=lambda j, r=row: ((r - centers[j]) ** 2).sum()) for row in x])


def inertia(centers, x, weights):
    """The weighted sum of squared distances to the nearest center."""
    return sum(w * min(((row - c) ** 2).sum() for c in centers) for row, w in zip(x, weights, strict=True))


def lloyd(x, centers, max_steps, tol=1e-4, weights=None):
    """Centers, inertia, history, steps, converged, repairs: assign, average, and stop as scikit-learn does."""
    weights = np.ones(len(x)) if weights is None else weights
    mean = weights @ x / weights.sum()
    limit = tol * (weights @ (x - mean) ** 2 / weights.sum()).mean()
    history, repairs, length = np.full(max_steps, np.nan), 0, np.inf
    steps = 0
    while steps < max_steps and length > limit:
        history[steps] = inertia(centers, x, weights)
        nearest, new = labels(centers, x), centers.copy()
        counts = np.array([weights[nearest == j].sum() for j in range(len(centers))])
        for j in np.flatnonzero(counts):
            own = nearest == j
            new[j] = weights[own] @ x[own] / counts[j]
        if (counts == 0).any():
            distances = ((x - centers[nearest]) ** 2).sum(axis=1)
            new[np.flatnonzero(counts == 0)[0]] = x[distances.argmax()]
            repairs += 1
        length, centers, steps = ((new - centers) ** 2).sum(), new, steps + 1
    return centers, inertia(centers, x, weights), history, steps, length <= limit, repairs
