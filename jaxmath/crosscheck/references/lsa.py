"""Section 4.5 by loops over documents and terms, and NumPy's singular value decomposition."""

import numpy as np

from jaxmath.crosscheck.references.pca import with_sign


def weighted(counts, weighting):
    """The weighted table, cell by cell, and the weight of every term."""
    n, d = counts.shape
    table, weights = counts.astype(float).copy(), np.ones(d)
    for j in range(d):
        if weighting == "tfidf":
            weights[j] = np.log((1 + n) / (1 + sum(c != 0 for c in counts[:, j]))) + 1
        if weighting == "log_entropy":
            shares = [c / counts[:, j].sum() for c in counts[:, j] if c]
            weights[j] = 1 + sum(p * np.log(p) for p in shares) / np.log(n)
    for i in range(n):
        row = np.log(1 + counts[i]) if weighting == "log_entropy" else table[i]
        table[i] = row * weights
        if weighting == "tfidf" and table[i].any():
            table[i] /= np.sqrt(sum(table[i] ** 2))
    return table, weights


def topics(counts, k, weighting=None):
    """Leading right singular vectors with the library's sign, singular values, term weights."""
    table, weights = weighted(counts, weighting)
    _, s, vt = np.linalg.svd(table)
    return np.stack([with_sign(v) for v in vt[:k]]), s[:k], weights


def coordinates(counts, other, k, weighting=None):
    """Rows of another table along the topics of the first, weighted as the first was."""
    components, _, weights = topics(counts, k, weighting)
    rows = np.log(1 + other) if weighting == "log_entropy" else other
    rows = rows * weights
    if weighting == "tfidf":
        rows = np.array([row / np.linalg.norm(row) for row in rows])
    return np.array([[np.dot(row, v) for v in components] for row in rows])


def cosines(counts, a, b, k):
    """Inner products over lengths, pair by pair."""
    first, second = coordinates(counts, a, k), coordinates(counts, b, k)
    return np.array([[np.dot(p, q) / np.linalg.norm(p) / np.linalg.norm(q) for q in second] for p in first])


def ranking(counts, queries, k):
    """Rows of the fitted table by falling cosine with each query, and the cosines."""
    table = cosines(counts, queries, counts, k)
    order = np.argsort(-table, axis=1)
    return order, np.take_along_axis(table, order, axis=1)


def strongest(counts, k, num_terms):
    """The largest entries of every topic, by sorting."""
    components, *_ = topics(counts, k)
    columns = np.array([sorted(range(len(v)), key=lambda j, v=v: -abs(v[j]))[:num_terms] for v in components])
    return columns, np.take_along_axis(components, columns, axis=1)
