"""Chapter 13: posteriors and evidence by integrating prior times likelihood on a grid, densities from SciPy."""

import math
from typing import Any

import numpy as np
from scipy import optimize, special, stats
from scipy.integrate import quad as integrate_line


def integrate(log_density: Any, start: Any, points: int, width: float = 9.0) -> Any:
    """log of the integral over R^k, the nodes (m, k) and their normalised weights.

    The trapezoidal rule on a grid about the largest value, in the coordinates of the curvature there: its error is far
    below that of rounding where the density is smooth and its tails are inside.
    """
    k = len(start)
    options = {"xatol": 1e-4, "fatol": 1e-4}
    point = optimize.minimize(lambda u: -log_density(u[None])[0], start, method="Nelder-Mead", options=options).x
    steps = 1e-3 * np.eye(k)
    hessian = np.array([
        [
            (log_density((point + a + b)[None]) - log_density((point + a - b)[None])
             - log_density((point - a + b)[None]) + log_density((point - a - b)[None]))[0] / 4e-6
            for b in steps
        ]
        for a in steps
    ])  # fmt: skip
    factor = np.linalg.cholesky(np.linalg.inv(-hessian))
    line = np.linspace(-width, width, points)
    z = np.stack(np.meshgrid(*[line] * k, indexing="ij"), axis=-1).reshape(-1, k)
    nodes = point + z @ factor.T
    values = log_density(nodes)
    log_cell = k * math.log(line[1] - line[0]) + np.log(np.diag(factor)).sum()
    total = special.logsumexp(values)
    return total + log_cell, nodes, np.exp(values - total)


def moments(values: Any, weights: Any) -> Any:
    """Mean and variance of a quantity at the nodes, entry by entry."""
    mean = np.tensordot(weights, values, axes=1)
    return mean, np.tensordot(weights, (values - mean) ** 2, axes=1)


def of_number(log_likelihood, log_prior, to_parameter, log_jacobian, start, new_log_density=None):
    """Posterior mean and variance, log-evidence, and log-density of a new observation, of a parameter on a line."""

    def log_density(u):
        u = u[:, 0]
        theta = to_parameter(u)
        return log_likelihood(theta) + log_prior(theta) + log_jacobian(u)

    value, nodes, weights = integrate(log_density, [start], 6001, width=30.0)
    theta = to_parameter(nodes[:, 0])
    predictive = [] if new_log_density is None else [np.log(np.sum(weights * np.exp(new_log_density(theta))))]
    return (*moments(theta, weights), value, *predictive)


def of_logarithm(found, log_x, w, log_new):
    """The same for positive data of these logarithms: densities are divided by the data."""
    mean, variance, value, predictive = found
    return mean, variance, value - w @ log_x, predictive - log_new


def same(u):
    """A real parameter."""
    return u


def nothing(u):
    """The logarithm of a derivative of 1."""
    return np.zeros_like(u)


def log_slope(u):
    """The logarithm of the derivative of a probability."""
    return -np.logaddexp(0, u) - np.logaddexp(0, -u)


def over(density, x, w):
    """The log-likelihood of data with weights, as a function of an array of parameters."""
    return lambda theta: sum(b * density(a, theta) for a, b in zip(x, w, strict=True))


def normal_mean(x, w, loc, scale, sigma, new):
    """The mean of normal data."""
    density = lambda a, m: stats.norm.logpdf(a, m, sigma)  # noqa: E731
    return of_number(
        over(density, x, w), lambda m: stats.norm.logpdf(m, loc, scale), same, nothing, np.mean(x),
        lambda m: density(new, m),
    )  # fmt: skip


def with_gamma(density, x, w, a, b, new, start=0.0):
    """A positive parameter with a gamma prior."""
    return of_number(
        over(density, x, w), lambda t: stats.gamma.logpdf(t, a, scale=1 / b), np.exp, same, start,
        lambda t: density(new, t),
    )  # fmt: skip


def with_beta(density, x, w, a, b, new):
    """A probability with a beta prior."""
    return of_number(
        over(density, x, w), lambda p: stats.beta.logpdf(p, a, b), special.expit, log_slope, 0.0,
        lambda p: density(new, p),
    )  # fmt: skip


def normal_precision(mean):
    """The log-density of normal data with a known mean, by the precision."""
    return lambda x, t: stats.norm.logpdf(x, mean, 1 / np.sqrt(t))


def exponential(x, t):
    """By the rate."""
    return np.log(t) - t * x


def gamma_density(k):
    """By the rate."""
    return lambda x, t: stats.gamma.logpdf(x, k, scale=1 / t)


def pareto(least):
    """By the concentration."""
    return lambda x, t: np.log(t) + t * np.log(least) - (t + 1) * np.log(x)


def poisson(x, t):
    """By the rate."""
    return x * np.log(t) - t - math.lgamma(x + 1)


def bernoulli(x, p):
    """By the probability."""
    return np.log(p) if x else np.log1p(-p)


def binomial(n):
    """By the probability."""
    return lambda x, p: math.log(math.comb(n, int(x))) + x * np.log(p) + (n - x) * np.log1p(-p)


def geometric(x, p):
    """Trials to a success, by the probability."""
    return np.log(p) + (x - 1) * np.log1p(-p)


def negative_binomial(r):
    """Failures before the r-th success, by the probability."""
    return lambda x, p: (
        special.gammaln(x + r) - special.gammaln(r) - special.gammaln(x + 1) + r * np.log(p) + x * np.log1p(-p)
    )


def normal_mean_precision(x, w, loc, size, a, b, new):
    """Means and variances of mean and precision, and those of the variance; evidence; density of a new observation."""

    def parameters(u):
        return u[:, 0], np.exp(u[:, 1])

    def log_density(u):
        m, t = parameters(u)
        prior = stats.gamma.logpdf(t, a, scale=1 / b) + stats.norm.logpdf(m, loc, 1 / np.sqrt(size * t)) + u[:, 1]
        return prior + sum(c * stats.norm.logpdf(v, m, 1 / np.sqrt(t)) for v, c in zip(x, w, strict=True))

    value, nodes, weights = integrate(log_density, [np.mean(x), 0.0], 500, width=25.0)
    m, t = parameters(nodes)
    predictive = np.log(np.sum(weights * stats.norm.pdf(new, m, 1 / np.sqrt(t))))
    return (*moments(m, weights), *moments(t, weights), value, predictive)


def dirichlet(counts, a, log_coefficient):
    """Mean and log-evidence of probabilities of three classes, on a grid of their logits."""

    def log_probabilities(u):
        z = np.concatenate([u, np.zeros((len(u), 1))], axis=1)
        total: Any = special.logsumexp(z, axis=1, keepdims=True)
        return z - total

    def log_density(u):
        log_p = log_probabilities(u)
        constant = special.gammaln(a.sum()) - special.gammaln(a).sum() + log_coefficient
        return log_p @ (counts + a) + constant  # the Jacobian of the softmax is the product of the probabilities

    value, nodes, weights = integrate(log_density, np.zeros(2), 500, width=25.0)
    return weights @ np.exp(log_probabilities(nodes)), value


def _quadratic(matrix, v):
    return np.einsum("...i,...ij,...j->...", v, matrix, v)


def multivariate_mean(x, w, precision, loc, prior_precision, new):
    """Mean and covariance of the mean of two columns, evidence, density of a new observation, on a grid."""

    def normal(x, m, precision):
        return (np.linalg.slogdet(precision)[1] - len(loc) * math.log(2 * math.pi) - _quadratic(precision, x - m)) / 2

    def log_density(m):
        return normal(loc, m, prior_precision) + sum(b * normal(a, m, precision) for a, b in zip(x, w, strict=True))

    value, m, weights = integrate(log_density, x.mean(axis=0), 120, width=12.0)
    mean = weights @ m
    covariance = (weights[:, None] * (m - mean)).T @ (m - mean)
    return mean, covariance, value, np.log(weights @ np.exp(normal(new, m, precision)))


def _matrices(u):
    """Lower factors of two rows from any numbers, and the logarithm of the Jacobian of their squares."""
    c = np.zeros((len(u), 2, 2))
    c[:, 0, 0], c[:, 1, 0], c[:, 1, 1] = np.exp(u[:, 0]), u[:, 1], np.exp(u[:, 2])
    return c, 2 * math.log(2) + 3 * u[:, 0] + 2 * u[:, 2]


def _log_gamma_2(a):
    """Of the multivariate gamma function of two dimensions."""
    return math.log(math.pi) / 2 + math.lgamma(a) + math.lgamma(a - 0.5)


def _log_wishart(c, df, scale):
    """Of C C^T."""
    inverse = np.linalg.inv(scale)
    log_det = 2 * (np.log(c[:, 0, 0]) + np.log(c[:, 1, 1]))
    trace = np.einsum("ij,njk,nik->n", inverse, c, c)
    constant = df * math.log(2) + df / 2 * np.linalg.slogdet(scale)[1] + _log_gamma_2(df / 2)
    return (df - 3) / 2 * log_det - trace / 2 - constant


def _log_normal(x, m, c):
    """Of two columns, by the factor of the precision."""
    z = np.einsum("nji,nj->ni", c, np.broadcast_to(x - m, (len(c), 2)))
    return np.log(c[:, 0, 0]) + np.log(c[:, 1, 1]) - math.log(2 * math.pi) - (z**2).sum(axis=1) / 2


def multivariate_precision(x, w, loc, df, scale):
    """Mean of the precision of two columns, and the evidence, on a grid of its factor."""

    def log_density(u):
        c, jacobian = _matrices(u)
        likelihood = sum(b * _log_normal(a, loc, c) for a, b in zip(x, w, strict=True))
        return likelihood + _log_wishart(c, df, scale) + jacobian

    value, nodes, weights = integrate(log_density, np.zeros(3), 70, width=11.0)
    c, _ = _matrices(nodes)
    return np.einsum("n,nij,nkj->ik", weights, c, c), value


def multivariate_mean_precision(x, w, loc, size, df, scale):
    """The same with the mean unknown: given the precision T, all rows together are normal about the prior's mean.

    With the factor C of T the rows of (X - m) C are so many draws of each column of N(0, diag(1 / w) + 1 / size).
    """
    n = len(x)
    covariance = np.diag(1 / w) + 1 / size
    inverse, log_det = np.linalg.inv(covariance), np.linalg.slogdet(covariance)[1]
    # a density to the power w is one of variance 1 / w, up to a factor
    powers = np.sum(-(w - 1) * math.log(2 * math.pi) - np.log(w))

    def log_density(u):
        c, jacobian = _matrices(u)
        y = np.einsum("ni,mij->mnj", x - loc, c)
        log_c = np.log(c[:, 0, 0]) + np.log(c[:, 1, 1])
        normal = -np.einsum("mnj,nk,mkj->m", y, inverse, y) / 2 - log_det - n * math.log(2 * math.pi)
        return normal + powers + w.sum() * log_c + _log_wishart(c, df, scale) + jacobian

    value, nodes, weights = integrate(log_density, np.zeros(3), 70, width=11.0)
    c, _ = _matrices(nodes)
    mean = loc + np.ones(n) @ inverse @ (x - loc) / size  # the regression of the mean on the rows
    return mean, np.array(df + w.sum()), np.einsum("n,nij,nkj->ik", weights, c, c), value


def linear_regression(features, targets, w, loc, precision, a, b, new):
    """Means of the weights and of the noise's variance, evidence, density of a new target, on a grid."""

    middle = np.linalg.lstsq(features, targets, rcond=None)[0]

    def parameters(u):
        v = np.exp(u[:, 2])
        return middle + np.sqrt(v)[:, None] * u[:, :2], v

    def log_density(u):
        weights, v = parameters(u)
        prior = stats.invgamma.logpdf(v, a, scale=b) + u[:, 2] - math.log(2 * math.pi)
        prior += np.linalg.slogdet(precision)[1] / 2 - _quadratic(precision, weights - loc) / v / 2
        rows = zip(features, targets, w, strict=True)
        return prior + sum(c * stats.norm.logpdf(y, weights @ x, np.sqrt(v)) for x, y, c in rows)

    value, nodes, mass = integrate(log_density, np.zeros(3), 64, width=12.0)
    weights, v = parameters(nodes)
    density = stats.norm.pdf(new[-1], weights @ new[:-1], np.sqrt(v))
    return mass @ weights, mass @ v, value, np.log(mass @ density)


def uniform(x, w, a, s, new):
    """Posterior mean of the limit of uniform data, evidence, and density of a new observation: integrals of powers."""
    limit = max(s, *x)

    def integral(power):
        density = lambda t: t**power * t ** -w.sum() * stats.pareto.pdf(t, a, scale=s)  # noqa: E731
        return integrate_line(density, limit, np.inf, epsabs=0, epsrel=1e-12)[0]

    evidence, beyond = integral(0), integral(-1)
    assert new < limit
    return integral(1) / evidence, math.log(evidence), math.log(beyond / evidence)


def posteriors_one_by_one(batches, loc, scale, sigma):
    """Normal posteriors after each batch: precisions add up."""
    found = []
    for batch in batches:
        for x in batch:
            precision = 1 / scale**2 + 1 / sigma**2
            loc, scale = (loc / scale**2 + x / sigma**2) / precision, precision**-0.5
        found.append((loc, scale))
    return tuple(np.array(part) for part in zip(*found, strict=True))


def shortest(density, low, high, mass):
    """The ends of the interval of highest density, by the level at which the density is cut."""

    def ends(level):
        found: Any = optimize.minimize_scalar(lambda x: -density.logpdf(x), bounds=(low, high), method="bounded")
        peak = found.x
        return tuple(
            optimize.brentq(lambda x: density.logpdf(x) - level, *sorted((peak, edge)), xtol=1e-14)
            for edge in (low, high)
        )

    def missing(level):
        a, b = ends(level)
        return density.cdf(b) - density.cdf(a) - mass

    most = max(density.logpdf(np.linspace(low, high, 2001)))
    level = optimize.brentq(missing, most - 12, most - 1e-6, xtol=1e-14)
    return ends(level)


def prior_of_groups(x, sigma):
    """The maximum in closed form: means of groups are normal with the variances of prior and data together."""
    n = x.shape[1]
    means, loc = x.mean(axis=1), x.mean()
    variance = np.mean((means - loc) ** 2) - sigma**2 / n
    covariance = sigma**2 * np.eye(n) + variance
    value = stats.multivariate_normal.logpdf(x, np.full(n, loc), covariance).sum()
    return loc, math.sqrt(variance), value


def evidence_of_groups(successes, failures):
    """The maximum over the parameters of a beta prior of the evidence of groups, by a general minimiser."""

    def loss(u):
        a, b = np.exp(u)
        return -np.sum(special.betaln(a + successes, b + failures) - special.betaln(a, b))

    point = np.zeros(2)
    for _ in range(4):
        options = {"xatol": 1e-12, "fatol": 1e-14, "maxiter": 4000}
        found = optimize.minimize(loss, point, method="Nelder-Mead", options=options)
        point = found.x
    return *np.exp(point), -found.fun


def discounted(batches, loc, scale, sigma, factor):
    """The last normal posterior when data lose weight by a factor with each batch that follows."""
    n, total = 0.0, 0.0
    for batch in batches:
        n, total = factor * n + len(batch), factor * total + batch.sum()
    precision = 1 / scale**2 + n / sigma**2
    return (loc / scale**2 + total / sigma**2) / precision, precision**-0.5


def densities(p, x, precision):
    """Log-densities as mixtures over the parameter that is integrated out, by quadrature; moments by sums."""
    a, b, s = p
    v, deviation = s, x[2:] - x[:2]
    regression = stats.invgamma.logpdf(v, a, scale=b) + stats.multivariate_normal.logpdf(
        deviation, np.zeros(2), v * np.linalg.inv(precision)
    )
    node, weight = np.polynomial.legendre.leggauss(400)
    share = (node + 1) / 2
    rate = stats.gamma.ppf(share, a, scale=1 / b)[:, None]
    cdf = (1 + np.log(x / s) / b) ** -a
    lomax = np.log(a / b) - (a + 1) * np.log1p(np.log(x / s) / b) - np.log(x)
    assert np.allclose(np.exp(lomax), weight / 2 @ (rate * s**rate / x ** (rate + 1)), rtol=1e-4)
    limit = stats.pareto(a, scale=b)
    uniform = np.log(limit.expect(lambda t: 1 / t, lb=b) * np.minimum(1, (b / x) ** (a + 1)))
    below = np.where(x < b, a / (a + 1) * x / b, 1 - (b / x) ** a / (a + 1))
    mean, second = a / (a - 1) * b / 2, a / (a - 2) * b**2 / 3
    k = np.arange(1, 5)
    trials = special.betaln(a + 1, b + k - 1) - special.betaln(a, b)
    of_trials = (a + b - 1) / (a - 1)
    failures = b / (a - 1) * (a + b - 1) / (a - 1) * a / (a - 2)
    return (
        regression, lomax, 1 - cdf, x, uniform, below, x, mean, second - mean**2, trials, of_trials, failures
    )  # fmt: skip
