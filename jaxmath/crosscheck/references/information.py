"""Chapter 6: information, by sums over all outcomes and by quadrature of densities."""

import itertools
import math
from functools import partial

import numpy as np
import scipy.linalg
import scipy.special
from scipy import stats


def each(function, *arrays):
    """The results for all entries along the first axes."""
    return np.array([function(*entries) for entries in zip(*arrays, strict=True)])


def entropy(p):
    """Minus the expected logarithm; impossible outcomes are left out."""
    return np.array([-sum(a * math.log(a) for a in row if a) for row in p])


def cross_entropy(p, q):
    """The same of another distribution."""
    return np.array([-sum(a * math.log(b) for a, b in zip(*rows, strict=True) if a) for rows in zip(p, q, strict=True)])


def kl(p, q):
    """The cross entropy less the entropy."""
    return cross_entropy(p, q) - entropy(p)


def jensen_shannon(p, q):
    """The entropy of the mixture less the mean entropy."""
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def renyi(p, q, alpha):
    """From the definition; the limit at order 1."""
    if alpha == 1:
        return kl(p, q)
    sums = [sum(a**alpha * b ** (1 - alpha) for a, b in zip(*rows, strict=True)) for rows in zip(p, q, strict=True)]
    return np.log(sums) / (alpha - 1)


def mutual_information(joint):
    """The entropies of both less that of the pair."""
    return entropy([joint.sum(axis=1)])[0] + entropy([joint.sum(axis=0)])[0] - entropy([joint.ravel()])[0]


def conditional_entropy(joint):
    """The mean entropy of the rows, each divided by its sum."""
    given = joint.sum(axis=1)
    return float(given @ entropy(joint / given[:, None]))


def expected(log_p, value, x_of_t, low, high):
    """The expectation of a value under a density, by the trapezoidal rule in t after the substitution x(t).

    With the substitution the integrand is smooth and tends to 0 on both sides, so that the rule converges at once.
    """
    t = np.linspace(low, high, 20001)
    x, slope = x_of_t(t)
    with np.errstate(all="ignore"):
        weight = np.exp(log_p(x)) * slope
        terms = np.where(weight > 0, weight * value(x), 0)
    return terms.sum() * (t[1] - t[0])


def divergence(log_p, log_q, x_of_t, low, high):
    """The expectation of the difference of log-densities."""
    return expected(log_p, lambda x: log_p(x) - log_q(x), x_of_t, low, high)


def identity(t):
    """x = t."""
    return t, np.ones_like(t)


def exponential(t):
    """x = exp t."""
    return np.exp(t), np.exp(t)


def above(start):
    """x = start (1 + exp t)."""
    return lambda t: (start * (1 + np.exp(t)), start * np.exp(t))


def normal_entropy(scale):
    """By quadrature."""
    log_p = partial(stats.norm.logpdf, scale=scale)
    return -expected(log_p, log_p, identity, -12 * scale, 12 * scale)


def normal_divergence(loc_p, scale_p, loc_q, scale_q):
    """By quadrature."""
    log_p = partial(stats.norm.logpdf, loc=loc_p, scale=scale_p)
    log_q = partial(stats.norm.logpdf, loc=loc_q, scale=scale_q)
    return divergence(log_p, log_q, identity, loc_p - 12 * scale_p, loc_p + 12 * scale_p)


def gamma_divergence(a_p, b_p, a_q, b_q):
    """By quadrature over log x."""
    log_p, log_q = partial(stats.gamma.logpdf, a=a_p, scale=1 / b_p), partial(stats.gamma.logpdf, a=a_q, scale=1 / b_q)
    centre, width = math.log(a_p / b_p), 14 / math.sqrt(a_p)
    return divergence(log_p, log_q, exponential, centre - width - 40 / a_p, centre + width + 4)


def laplace_divergence(loc_p, scale_p, loc_q, scale_q):
    """By the rule of Gauss and Legendre between the kinks."""
    nodes, weights = np.polynomial.legendre.leggauss(120)
    total = 0.0
    for low, high in itertools.pairwise(sorted([loc_p - 45 * scale_p, loc_p, loc_q, loc_p + 45 * scale_p])):
        x = (low + high) / 2 + (high - low) / 2 * nodes
        log_p, log_q = stats.laplace.logpdf(x, loc_p, scale_p), stats.laplace.logpdf(x, loc_q, scale_q)
        total += (high - low) / 2 * weights @ (np.exp(log_p) * (log_p - log_q))
    return total


def pareto_divergence(a_p, s_p, a_q, s_q):
    """By quadrature over the logarithm of the excess."""
    log_p, log_q = partial(stats.pareto.logpdf, b=a_p, scale=s_p), partial(stats.pareto.logpdf, b=a_q, scale=s_q)
    return divergence(log_p, log_q, above(s_p), -40, 40 / a_p)


def dirichlet_divergence(a, b):
    """The textbook formula."""
    lgamma, digamma = scipy.special.gammaln, scipy.special.digamma
    constants = lgamma(a.sum()) - lgamma(a).sum() - lgamma(b.sum()) + lgamma(b).sum()
    return constants + (a - b) @ (digamma(a) - digamma(a.sum()))


def count_divergence(log_p, log_q, num):
    """The sum over the first counts, all but those of no probability."""
    k = np.arange(num)
    return float(np.sum(np.exp(log_p(k)) * (log_p(k) - log_q(k))))


def logits_divergence(z, w):
    """The sum over the outcomes, of shifted exponentials."""
    log_p, log_q = (np.asarray(a) - scipy.special.logsumexp(a) for a in (z, w))
    return float(np.exp(log_p) @ (log_p - log_q))


def poisson_divergence(a, b):
    """The sum over counts."""
    return count_divergence(partial(stats.poisson.logpmf, mu=a), partial(stats.poisson.logpmf, mu=b), 80)


def binomial_divergence(n, a, b):
    """The sum over counts."""
    return count_divergence(partial(stats.binom.logpmf, n=n, p=a), partial(stats.binom.logpmf, n=n, p=b), n + 1)


def negative_binomial_divergence(r, a, b):
    """The sum over counts."""
    num = int(60 / a) + 100
    return count_divergence(partial(stats.nbinom.logpmf, n=r, p=a), partial(stats.nbinom.logpmf, n=r, p=b), num)


def multinomial_divergence(n, p, q):
    """The sum over all vectors of counts."""
    vectors = [k for k in itertools.product(range(n + 1), repeat=len(p)) if sum(k) == n]
    first, second = stats.multinomial(n, p / p.sum()), stats.multinomial(n, q / q.sum())
    return sum(first.pmf(k) * (first.logpmf(k) - second.logpmf(k)) for k in vectors)


def vector_divergence(loc, covariance):
    """By a product rule of Gauss and Hermite, exact for the quadratic function that a log-density is."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    factor = np.linalg.cholesky(covariance[0])
    p, q = (stats.multivariate_normal(*each) for each in zip(loc, covariance, strict=True))
    total = 0.0
    for index in itertools.product(range(3), repeat=len(factor)):
        x = loc[0] + factor @ nodes[list(index)]
        total += np.prod(weights[list(index)] / math.sqrt(2 * math.pi)) * (p.logpdf(x) - q.logpdf(x))
    return total


def wishart_divergence(df, scale):
    """The textbook formula."""
    (n_p, n_q), d = df, scale.shape[-1]
    digammas = sum(scipy.special.digamma((n_p - i) / 2) for i in range(d))
    constants = sum(scipy.special.gammaln((n_q - i) / 2) - scipy.special.gammaln((n_p - i) / 2) for i in range(d))
    ratio = np.linalg.solve(scale[1], scale[0])
    traces = n_p * (np.trace(ratio) - d) - n_q * math.log(np.linalg.det(ratio))
    return constants + (traces + (n_p - n_q) * digammas) / 2


def normal_wishart_divergence(loc, sizes, df, scale):
    """That of the precisions, and that of the means for the expected precision."""
    shift, ratio = loc[0] - loc[1], sizes[1] / sizes[0]
    means = sizes[1] * df[0] * shift @ scale[0] @ shift + len(shift) * (ratio - 1 - math.log(ratio))
    return wishart_divergence(df, scale) + means / 2


def wasserstein2(loc_p, cov_p, loc_q, cov_q):
    """The textbook formula, with square roots of matrices."""
    first = scipy.linalg.sqrtm(cov_p)
    second = scipy.linalg.sqrtm(first @ cov_q @ first)
    return math.sqrt(np.sum((loc_p - loc_q) ** 2) + np.trace(cov_p + cov_q - 2 * second).real)


def softmax(z):
    """Exponentials over their sum."""
    return np.exp(z) / np.exp(z).sum()
