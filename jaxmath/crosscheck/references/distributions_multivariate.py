"""Section 5.9: distributions of vectors, matrices and pairs, one argument at a time, by SciPy's densities."""

import numpy as np
from scipy import special, stats


def squash(v):
    """Values between -1 and 1, so that the error of a small one counts too."""
    return v / (1 + abs(v))


def symmetric(a):
    """The mean of matrices and their transposes."""
    return (a + a.swapaxes(-2, -1)) / 2


def each(function, df, *arguments):
    """A function at each value of (m, 1) degrees of freedom, or at each and the k arguments that go with it."""
    if not arguments:
        return np.array([[function(n)] for n in df[:, 0]])
    return np.array([[function(n, *(a[i, j] for a in arguments)) for j in range(arguments[0].shape[1])]
                     for i, n in enumerate(df[:, 0])])  # fmt: skip


def multivariate_normal(x, loc, covariance, precision, scale_tril):
    """Of each parametrisation the log-density, the entropy and the covariance."""
    found = []
    for sigma in (
        symmetric(covariance),
        np.linalg.inv(symmetric(precision)),
        np.tril(scale_tril) @ np.tril(scale_tril).T,
    ):
        d = stats.multivariate_normal(loc, sigma)
        inverse, factor = np.linalg.solve(sigma, np.eye(len(loc))), np.linalg.cholesky(sigma)
        found.append((squash(d.logpdf(x)), squash(d.entropy()), sigma, inverse, factor, np.diag(sigma), loc, loc))
    return found


def multivariate_student_t(x, log_df, loc, scale_tril):
    """The covariance as that of a normal vector over the root of a gamma variable."""
    df, shape = np.exp(log_df), np.tril(scale_tril) @ np.tril(scale_tril).T
    covariance = each(lambda n: stats.invgamma(n / 2 + 1, scale=n / 2 + 1).mean() * shape, df)
    return (
        squash(each(lambda n, a: stats.multivariate_t(loc, shape, n).logpdf(a), df, x)),
        squash(each(lambda n: stats.multivariate_t(loc, shape, n).entropy(), df)),
        each(lambda n: loc, df),
        covariance,
        np.diagonal(covariance, axis1=-2, axis2=-1),
        each(lambda n: loc, df),
    )


def _of_mean(loc, precision_scale, concentration, rate):
    """The mean has Student's t distribution."""
    return stats.t(2 * concentration, loc, np.sqrt(rate / (concentration * precision_scale)))


def normal_gamma(mean, precision, loc, precision_scale, log_concentration, rate):
    """The density of the precision times that of the mean."""
    a = np.exp(log_concentration)

    def log_density(a, m, t):
        return stats.gamma.logpdf(t, a, scale=1 / rate) + stats.norm.logpdf(m, loc, 1 / np.sqrt(precision_scale * t))

    marginal, of_precision = _of_mean(loc, precision_scale, a + 2, rate), stats.gamma(a + 2, scale=1 / rate)
    return (
        squash(each(log_density, a, mean, a * precision)),
        (marginal.mean(), of_precision.mean()),
        (marginal.var(), of_precision.var()),
        (np.full_like(a, loc), (a + 1.5) / rate),
    )


def normal_inverse_gamma(mean, variance, loc, precision_scale, log_concentration, scale):
    """The density of the variance times that of the mean."""
    a = np.exp(log_concentration)

    def log_density(a, m, v):
        return stats.invgamma.logpdf(v, a, scale=scale) + stats.norm.logpdf(m, loc, np.sqrt(v / precision_scale))

    marginal, of_variance = _of_mean(loc, precision_scale, a + 2.5, scale), stats.invgamma(a + 2.5, scale=scale)
    return (
        squash(each(log_density, a, mean, variance / a)),
        (marginal.mean(), of_variance.mean()),
        (marginal.var(), of_variance.var()),
        (np.full_like(a, loc), scale / (a + 4)),
    )


def wishart(x, log_excess, scale):
    """By SciPy; the variance by that of each entry of a sum of outer products."""
    df, scale = len(scale) - 1 + np.exp(log_excess), symmetric(scale)
    variance = [[[scale[i, i] * scale[j, j] + scale[i, j] ** 2 for j in range(len(scale))] for i in range(len(scale))]]
    return (
        squash(each(lambda n, a: stats.wishart(n, scale).logpdf(n * a), df, symmetric(x))),
        squash(each(lambda n: stats.wishart(n, scale).entropy(), df)),
        each(lambda n: stats.wishart(n, scale).mean(), df) / df[..., None, None],
        df[..., None, None] * np.array(variance) / df[..., None, None],
        each(lambda n: stats.wishart(n + 2, scale).mode(), df) / df[..., None, None],
    )


def inverse_wishart(x, log_excess, scale):
    """By SciPy, but for its entropy, which is wrong in more than one dimension: that by the entropy of the inverse."""
    df, scale = len(scale) - 1 + np.exp(log_excess), symmetric(scale)

    def entropy(n):
        inverse, d = np.linalg.inv(scale), len(scale)
        log_determinant = special.psi((n - np.arange(d)) / 2).sum() + np.linalg.slogdet(2 * inverse)[1]
        return stats.wishart(n, inverse).entropy() - (d + 1) * log_determinant

    return (
        squash(each(lambda n, a: stats.invwishart(n, scale).logpdf(a / n), df, symmetric(x))),
        squash(each(entropy, df)),
        df[..., None, None] * each(lambda n: stats.invwishart(n + 4, scale).mean(), df),
        df[..., None, None] * each(lambda n: stats.invwishart(n + 4, scale).mode(), df),
        df[..., None, None] ** 2 * each(lambda n: stats.invwishart(n + 4, scale).var(), df),
    )


def normal_wishart(mean, precision, loc, precision_scale, log_excess, scale):
    """The density of the precision times that of the mean, whose marginal has Student's t distribution."""
    d, scale = len(scale), symmetric(scale)
    df = d - 1 + np.exp(log_excess)

    def log_density(n, m, t):
        of_mean = stats.multivariate_normal(loc, np.linalg.inv(precision_scale * n * t))
        return stats.wishart(n, scale).logpdf(n * t) + of_mean.logpdf(m)

    shape = np.linalg.inv(scale) / precision_scale
    of_mean = each(lambda n: [stats.t(n + 3 - d, 0, np.sqrt(shape[i, i] / (n + 3 - d))).var() for i in range(d)], df)
    of_precision = np.array([[scale[i, j] ** 2 + scale[i, i] * scale[j, j] for j in range(d)] for i in range(d)])
    ones = np.ones_like(df)
    return (
        squash(each(log_density, df, mean, symmetric(precision))),
        (ones[..., None] * loc, ones[..., None, None] * scale * (1 + 2 / df[..., None, None])),
        (of_mean * df[..., None], (1 + 2 / df[..., None, None]) * of_precision),
        (ones[..., None] * loc, (1 + (2 - d) / df[..., None, None]) * scale),
    )
