"""Section 6.7: maximum likelihood from its equations, by bracketing and general minimisers of SciPy."""

import math
from typing import Any

import numpy as np
from scipy import optimize, special, stats


def normal(x, w):
    """Mean and deviation, by sums."""
    mean = sum(a * b for a, b in zip(w, x, strict=True)) / sum(w)
    return mean, math.sqrt(sum(a * (b - mean) ** 2 for a, b in zip(w, x, strict=True)) / sum(w))


def vector_normal(x, w):
    """Mean and covariance, row by row."""
    mean = sum(a * row for a, row in zip(w, x, strict=True)) / sum(w)
    return mean, sum(a * np.outer(row - mean, row - mean) for a, row in zip(w, x, strict=True)) / sum(w)


def weighted_mean(x, w):
    """Sum over sum."""
    return sum(a * b for a, b in zip(w, x, strict=True)) / sum(w)


def laplace(x):
    """The median and the mean distance from it."""
    return np.median(x), np.mean(np.abs(x - np.median(x)))


def pareto(x):
    """The least value, and the inverse of the mean logarithm beyond it."""
    return 1 / np.mean(np.log(x / x.min())), x.min()


def gamma(x, w) -> Any:
    """The root of log a - digamma(a) = log mean - mean log, by bisection."""
    gap = math.log(weighted_mean(x, w)) - weighted_mean(np.log(x), w)
    a: Any = optimize.brentq(lambda a: math.log(a) - special.digamma(a) - gap, 1e-3, 1e6, xtol=1e-14)
    return a, a / weighted_mean(x, w)


def dirichlet(p):
    """The roots of digamma(sum a) - digamma(a_j) = -mean log p_j, by bisection for the sum around others for a_j."""
    log_mean = np.log(p).mean(axis=0)

    def inverse_digamma(y):
        return optimize.brentq(lambda a: special.digamma(a) - y, 1e-6, 1e6, xtol=1e-15)

    def concentration(total):
        return np.array([inverse_digamma(special.digamma(total) + value) for value in log_mean])

    total = optimize.brentq(lambda n: concentration(n).sum() - n, 1e-2, 1e3, xtol=1e-13)
    return concentration(total)


def by_simplex(density, start):
    """The maximum of a mean log-likelihood of positive parameters, by Nelder and Mead, again from where it ends."""
    point = np.log(start)
    for _ in range(4):
        found = optimize.minimize(
            lambda z: -density(np.exp(z)),
            point,
            method="Nelder-Mead",
            options={"xatol": 1e-12, "fatol": 1e-15, "maxiter": 9000},
        )
        point = found.x
    return np.exp(point)


def student_t(x):
    """Degrees of freedom, location and scale."""
    found = by_simplex(
        lambda p: stats.t.logpdf(x, p[0], math.log(p[1]), p[2]).mean(), [4.0, math.exp(np.median(x)), 1.0]
    )
    return found[0], math.log(found[1]), found[2]


def interval(d, low, high):
    """The probability between two ends, by quadrature on a fine grid of Gauss and Legendre."""
    node, weight = np.polynomial.legendre.leggauss(80)
    middle, half = (high + low) / 2, (high - low) / 2
    return np.array([h * np.sum(weight * d.pdf(m + h * node)) for m, h in zip(middle, half, strict=True)])


def censored(x, low, high, loc, scale):
    """Value by value."""
    below, above = stats.norm.logcdf(low, loc, scale), stats.norm.logsf(high, loc, scale)
    return np.array([below if v <= low else above if v >= high else stats.norm.logpdf(v, loc, scale) for v in x])


def truncated(x, low, high, loc, scale):
    """Value by value."""
    whole = stats.norm.cdf(high, loc, scale) - stats.norm.cdf(low, loc, scale)
    return np.array([stats.norm.logpdf(v, loc, scale) - math.log(whole) for v in x])


def interval_of_the_book():
    """P(160 < x <= 170) for N(152, 8), 0.14643."""
    return np.array([(math.erf(2.25 / math.sqrt(2)) - math.erf(1 / math.sqrt(2))) / 2])


def ridge_normal(x, width):
    """Mean and deviation of normal data with a normal prior of the mean about 0: each given the other, in turn."""
    mean, n = np.mean(x), len(x)
    for _ in range(200):
        variance = np.mean((x - mean) ** 2)
        mean = np.sum(x) / variance / (n / variance + 1 / width**2)
    return mean, math.sqrt(variance)


def normal_errors(scale, n):
    """Of the mean and of the deviation."""
    return scale / math.sqrt(n), scale / math.sqrt(2 * n)


def gamma_errors(a, rate, n):
    """From the inverse of the information [[psi'(a), -1/b], [-1/b, a/b^2]]."""
    information = n * np.array([[special.polygamma(1, a), -1 / rate], [-1 / rate, a / rate**2]])
    return np.sqrt(np.diag(np.linalg.inv(information)))
