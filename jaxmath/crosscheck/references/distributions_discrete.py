"""Distributions of counts and on the simplex: products of ratios factor by factor, moments by enumeration."""

import itertools
import math

import numpy as np
from scipy import special


def squash(v):
    """Keeps small numbers visible beside large ones."""
    return v / (1 + abs(v))


def each(function, *arguments):
    """A function of numbers, entry by entry of arrays that broadcast."""
    return np.vectorize(function, otypes=[float])(*arguments)


def bernoulli(p, q, x, u):
    """Of the probabilities of 1 and 0, both with all their digits."""
    cdf, survival = np.where(x < 1, q, 1.0), np.where(x < 1, p, 0.0)
    entropy = -(p * np.log(p) + q * np.log(q))
    log_prob = np.log(np.where(x == 1, p, q))
    icdf, mode = np.where(u > q, 1.0, 0.0), np.where(p > q, 1.0, 0.0)
    return squash(log_prob), cdf, survival, squash(np.log(cdf)), icdf, p, p * q, mode, squash(entropy)


def binomial(n, p, k):
    low, high = special.betainc(np.maximum(n - k, 1), k + 1, 1 - p), special.betainc(k + 1, np.maximum(n - k, 1), p)
    cdf, survival = np.where(k < n, low, 1), np.where(k < n, high, 0)
    log_prob = each(_log_binomial, k, n, p)
    return _univariate(log_prob, cdf, survival, n * p, n * p * (1 - p), np.floor((n + 1) * p))


def poisson(rate, k):
    cdf, survival = special.gammaincc(k + 1, rate), special.gammainc(k + 1, rate)
    log_prob = each(lambda k, m: math.fsum(math.log(m / i) for i in range(1, int(k) + 1)) - m, k, rate)
    return _univariate(log_prob, cdf, survival, rate, rate, np.floor(rate))


def negative_binomial(r, p, k):
    cdf, survival = special.betainc(r, k + 1, p), special.betainc(k + 1, r, 1 - p)
    mean = r * (1 - p) / p
    mode = np.where(r > 1, np.floor((r - 1) * (1 - p) / p), 0)
    return _univariate(each(_log_negative_binomial, k, r, p), cdf, survival, mean, mean / p, mode)


def beta_binomial(n, parameters, k):
    """Moments and mode from all probabilities."""
    a, b = parameters

    def log_prob(k, n, a, b):
        return _log_dirichlet_multinomial((k, n - k), (a, b))

    rows = [(np.arange(m + 1.0), [log_prob(j, m, c, d) for j in range(m + 1)]) for m, c, d in _rows(n, a, b)]
    mean, covariance = (np.array(part) for part in zip(*(moments(x[:, None], row) for x, row in rows), strict=True))
    mode = np.array([[np.argmax(row)] for _, row in rows], float)
    return squash(each(log_prob, k, n, a, b)), squash(mean), squash(covariance[..., 0]), mode


def beta_negative_binomial(parameters, k):
    """Moments by those of the odds q / p, whose first two are m1 and m2."""
    r, a, b = parameters

    def log_prob(k, r, a, b):
        ratios = (math.log((r + i) / (1 + i) * ((b + i) / (a + b + r + i))) for i in range(int(k)))
        return math.fsum(ratios) + special.betaln(a + r, b) - special.betaln(a, b)

    m1 = b / (a - 1)
    m2 = m1 * (b + 1) / (a - 2)
    variance = r * (m1 + m2) + r**2 * (m2 - m1**2)
    mode = [[np.argmax([log_prob(j, *row) for j in range(300)])] for row in _rows(r, a, b)]
    return squash(each(log_prob, k, r, a, b)), squash(r * m1), squash(variance), np.array(mode, float)


def categorical(logits, x):
    p = softmax(logits)
    log_prob = np.log(np.array([[row[label] for row, label in zip(p, labels, strict=True)] for labels in x]))
    entropy = np.array([-math.fsum(q * math.log(q) for q in row) for row in p])
    return squash(log_prob), squash(entropy), np.argmax(p, axis=-1).astype(float), p, squash(np.log(p))


def multinomial(n, logits, x):
    p = softmax(logits)
    log_prob = [_log_multinomial(row) + row @ np.log(q) for row, q in zip(x, p, strict=True)]
    covariance = np.array([m * (np.diag(q) - np.outer(q, q)) for m, q in zip(n, p, strict=True)])
    variance = np.array([np.diag(c) for c in covariance])
    return squash(np.array(log_prob)), squash(n[:, None] * p), squash(variance), squash(covariance)


def dirichlet(a, x):
    n, k = a.sum(axis=-1), a.shape[-1]
    log_prob = (np.log(x) * (a - 1)).sum(axis=-1) - special.gammaln(a).sum(axis=-1) + special.gammaln(n)
    log_beta = special.gammaln(a).sum(axis=-1) - special.gammaln(n)
    entropy = log_beta + (n - k) * special.psi(n) - ((a - 1) * special.psi(a)).sum(axis=-1)
    mean = a / n[:, None]
    covariance = np.array([(np.diag(m) - np.outer(m, m)) / (s + 1) for m, s in zip(mean, n, strict=True)])
    variance = np.array([np.diag(c) for c in covariance])
    return squash(log_prob), squash(entropy), mean, variance, covariance


def dirichlet_multinomial(n, a, x):
    """Moments from all probabilities."""
    log_prob = [_log_dirichlet_multinomial(*row) for row in zip(x, a, strict=True)]
    found = []
    for m, b in zip(n, a, strict=True):
        points = compositions(m, len(b))
        found.append(moments(points, [_log_dirichlet_multinomial(point, b) for point in points]))
    mean, covariance = (np.array(part) for part in zip(*found, strict=True))
    variance = np.array([np.diag(c) for c in covariance])
    return squash(np.array(log_prob)), squash(mean), squash(variance), squash(covariance)


def softmax(z):
    return special.softmax(z, axis=-1)


def moments(points, log_probs):
    """The mean and the covariance of points with these probabilities."""
    points, p = np.asarray(points, float), np.exp(log_probs)
    mean = p @ points
    return mean, ((points - mean).T * p) @ (points - mean)


def compositions(n, k):
    """All vectors of k counts with sum n."""
    return [c for c in itertools.product(range(n + 1), repeat=k) if sum(c) == n]


def _univariate(log_prob, cdf, survival, mean, variance, mode):
    return squash(log_prob), survival, squash(np.log(cdf)), squash(mean), squash(variance), mode


def _rows(*columns):
    return zip(*(column[:, 0] for column in columns), strict=True)


def _log_rising(a, k):
    """The logarithm of a (a + 1) ... (a + k - 1)."""
    return math.fsum(math.log(a + i) for i in range(int(k)))


def _log_multinomial(k):
    """The logarithm of the number of sequences with these counts."""
    return _log_rising(1, sum(k)) - math.fsum(_log_rising(1, j) for j in k)


def _log_binomial(k, n, p):
    ratios = (math.log((n - i) / (i + 1) * p) for i in range(int(k)))
    return math.fsum(ratios) + (n - k) * math.log1p(-p)


def _log_negative_binomial(k, r, p):
    ratios = (math.log((r + i) / (1 + i) * (1 - p)) for i in range(int(k)))
    return math.fsum(ratios) + r * math.log(p)


def _log_dirichlet_multinomial(k, a):
    rising = math.fsum(_log_rising(b, j) for b, j in zip(a, k, strict=True))
    return _log_multinomial(k) + rising - _log_rising(math.fsum(a), sum(k))
