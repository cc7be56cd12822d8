"""Natural parameters, expected statistics, log-partition, statistics and log-density, formula by formula."""

import numpy as np
from scipy import special, stats


def normal(loc, scale, x):
    """T = (x, x^2)."""
    partition = loc**2 / (2 * scale**2) + np.log(scale) + np.log(2 * np.pi) / 2
    natural = loc / scale**2, -1 / (2 * scale**2)
    return natural, (loc, loc**2 + scale**2), partition, (x, x**2), stats.norm.logpdf(x, loc, scale)


def gamma(a, b, x):
    """T = (log x, x)."""
    mean = special.digamma(a) - np.log(b), a / b
    density = stats.gamma.logpdf(x, a, scale=1 / b)
    return (a - 1, -b), mean, special.gammaln(a) - a * np.log(b), (np.log(x), x), density


def beta(a, b, x):
    """T = (log x, log(1 - x))."""
    mean = special.digamma(a) - special.digamma(a + b), special.digamma(b) - special.digamma(a + b)
    return (a - 1, b - 1), mean, special.betaln(a, b), (np.log(x), np.log(1 - x)), stats.beta.logpdf(x, a, b)


def bernoulli(p, k):
    """T = x."""
    return (np.log(p / (1 - p)),), (p,), -np.log(1 - p), (k,), np.log(np.where(k == 1, p, 1 - p))


def poisson(rate, k):
    """T = x."""
    return (np.log(rate),), (rate,), rate, (k,), stats.poisson.logpmf(k, rate)


def exponential(rate, x):
    """T = x."""
    return (-rate,), (1 / rate,), -np.log(rate), (x,), np.log(rate) - rate * x


def vector_normal(loc, factor, x):
    """T = (x, x x^T)."""
    covariance = factor @ factor.T
    precision = np.linalg.inv(covariance)
    size = len(loc) * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1]
    density = stats.multivariate_normal.logpdf(x, loc, covariance)
    mean = loc, covariance + np.outer(loc, loc)
    return (precision @ loc, -precision / 2), mean, (loc @ precision @ loc + size) / 2, (x, np.outer(x, x)), density


def dirichlet(a, p):
    """T = log x."""
    mean = special.digamma(a) - special.digamma(a.sum())
    density = special.gammaln(a.sum()) - special.gammaln(a).sum() + ((a - 1) * np.log(p)).sum()
    return (a - 1,), (mean,), special.gammaln(a).sum() - special.gammaln(a.sum()), (np.log(p),), density
