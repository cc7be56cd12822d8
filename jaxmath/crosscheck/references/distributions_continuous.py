"""Continuous distributions of one dimension: SciPy's, and log-densities in decimal arithmetic of forty digits."""

import functools
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
from scipy import special, stats

# B_2k / (2k (2k - 1)) of Stirling's series.
_STIRLING = [
    Fraction(*pair)
    for pair in ((1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360360), (1, 156), (-3617, 122400))
]
_PI = Decimal("3.141592653589793238462643383279502884197169399")


def scaled(v):
    """Nearly a signed log(1 + |v|), so that errors are relative to 1 + |v|."""
    return np.arcsinh(v)


def in_decimals(f):
    """A function of decimals as one of arrays of float64."""

    def of_floats(*arguments):
        with localcontext() as context:
            context.prec = 40
            return float(f(*(Decimal(float(a)) for a in arguments)))

    return np.vectorize(of_floats, otypes=[float])


@functools.cache
def log_gamma(a):
    """The logarithm of the gamma function of a decimal: by the recurrence up to 50, then Stirling's series."""
    shift = Decimal(1)
    while a < 50:
        shift *= a
        a += 1
    series = sum(Decimal(c.numerator) / c.denominator / a ** (2 * k + 1) for k, c in enumerate(_STIRLING))
    return (a - Decimal("0.5")) * a.ln() - a + (2 * _PI).ln() / 2 + series - shift.ln()


def log_beta(a, b):
    """The logarithm of the beta function."""
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)


gamma_density = in_decimals(lambda x, a, b: a * b.ln() + (a - 1) * x.ln() - b * x - log_gamma(a))
inverse_gamma_density = in_decimals(lambda x, a, b: a * b.ln() - (a + 1) * x.ln() - b / x - log_gamma(a))
beta_density = in_decimals(lambda x, a, b: (a - 1) * x.ln() + (b - 1) * (1 - x).ln() - log_beta(a, b))
compound_gamma_density = in_decimals(
    lambda x, k, a, b: (k - 1) * (x / b).ln() - (k + a) * (1 + x / b).ln() - b.ln() - log_beta(k, a)
)
student_density = in_decimals(
    lambda x, df, loc, scale: (
        log_gamma((df + 1) / 2)
        - log_gamma(df / 2)
        - (df * _PI).ln() / 2
        - scale.ln()
        - (df + 1) / 2 * (1 + ((x - loc) / scale) ** 2 / df).ln()
    )
)


def _of(d, x, mode, log_prob=None, log_cdf=None):
    """What every family has, of one of SciPy's."""
    return {
        "log_prob": scaled(d.logpdf(x) if log_prob is None else log_prob),
        "cdf": d.cdf(x),
        "survival": d.sf(x),
        "log_cdf": scaled(d.logcdf(x) if log_cdf is None else log_cdf),
        "mean": scaled(d.mean()),
        "variance": scaled(d.var()),
        "mode": scaled(mode * np.ones_like(d.mean())),
        "entropy": scaled(d.entropy()),
    }


def _with_quantiles(d, p, found):
    return {**found, "icdf": scaled(d.ppf(p))}


def uniform(low, high, x, p):
    """On [low, high]."""
    d = stats.uniform(low, high - low)
    return _with_quantiles(d, p, _of(d, x, (low + high) / 2))


def normal(loc, scale, x, p):
    """By the mean and the standard deviation."""
    d = stats.norm(loc, scale)
    return _with_quantiles(d, p, _of(d, x, loc))


def laplace(loc, scale, x, p):
    """By the mean and the scale."""
    d = stats.laplace(loc, scale)
    return _with_quantiles(d, p, _of(d, x, loc))


def exponential(rate, x, p):
    """By the rate."""
    d = stats.expon(0, 1 / rate)
    return _with_quantiles(d, p, _of(d, x, 0 * rate, log_cdf=np.log(-np.expm1(-rate * x))))


def gamma(a, b, x):
    """By the rate b."""
    return _of(stats.gamma(a, 0, 1 / b), x, np.maximum(a - 1, 0) / b, gamma_density(x, a, b))


def inverse_gamma(a, b, x):
    """By the scale b."""
    return _of(stats.invgamma(a, 0, b), x, b / (a + 1), inverse_gamma_density(x, a, b))


def beta(a, b, x):
    """The larger end is the mode where the density has no peak inside."""
    mode = np.array(
        [(u - 1) / (u + v - 2) if min(u, v) > 1 else float(u >= v) for u, v in zip(a.flat, b.flat, strict=True)]
    )
    return _of(stats.beta(a, b), x, mode.reshape(a.shape), beta_density(x, a, b))


def student(df, loc, scale, x):
    """Student's t distribution."""
    return _of(stats.t(df, loc, scale), x, loc, student_density(x, df, loc, scale))


def pareto(a, scale, x, p):
    """From the scale on."""
    d, excess = stats.pareto(a, 0, scale), np.log1p((x - scale) / scale)
    found = _of(d, x, scale, log_cdf=np.log(-np.expm1(-a * excess)))
    return _with_quantiles(d, p, found) | {"cdf": -np.expm1(-a * excess)}


def lomax(a, scale, x, p):
    """A Pareto distribution from 0 on."""
    d = stats.lomax(a, 0, scale)
    found = _of(d, x, 0 * scale, log_cdf=np.log(-np.expm1(-a * np.log1p(x / scale))))
    return _with_quantiles(d, p, found) | {"cdf": -np.expm1(-a * np.log1p(x / scale))}


def log_normal(loc, scale, x, p):
    """By the mean and the standard deviation of the logarithm."""
    d = stats.lognorm(scale, 0, np.exp(loc))
    return _with_quantiles(d, p, _of(d, x, np.exp(loc - scale**2)))


def compound_gamma(k, a, b, x):
    """The beta prime distribution of a scale; the entropy from that of its fraction x / (x + b), which is beta."""
    d, log_prob = stats.betaprime(k, a, 0, b), compound_gamma_density(x, k, a, b)
    cdf, survival = special.betainc(k, a, x / (x + b)), special.betainc(a, k, b / (x + b))
    entropy = stats.beta(k, a).entropy() + 2 * (special.digamma(k + a) - special.digamma(a)) + np.log(b)
    return {
        "log_prob": scaled(log_prob),
        "cdf": cdf,
        "survival": survival,
        "log_cdf": scaled(np.log(cdf)),
        "mean": scaled(d.mean()),
        "variance": scaled(d.var()),
        "mode": scaled(b * np.maximum(k - 1, 0) / (a + 1)),
        "entropy": scaled(entropy),
    }


def log_student(df, loc, scale, x):
    """The density of the logarithm over x; the entropy is that of the logarithm and its mean."""
    d = stats.t(df, loc, scale)
    return {
        "log_prob": scaled(student_density(np.log(x), df, loc, scale) - np.log(x)),
        "cdf": d.cdf(np.log(x)),
        "survival": d.sf(np.log(x)),
        "log_cdf": scaled(d.logcdf(np.log(x))),
        "entropy": scaled(d.entropy() + loc),
    }


def mixture(weights, parts, x):
    """Sums over the components of densities, probabilities and raw moments."""
    density, cdf, survival, first, second = (
        sum(w * value for w, value in zip(weights, values, strict=True))
        for values in (
            [d.pdf(x) for d in parts],
            [d.cdf(x) for d in parts],
            [d.sf(x) for d in parts],
            [d.mean() for d in parts],
            [d.var() + d.mean() ** 2 for d in parts],
        )
    )
    return {
        "log_prob": scaled(np.log(density)),
        "cdf": cdf,
        "survival": survival,
        "log_cdf": scaled(np.log(cdf)),
        "mean": scaled(first),
        "variance": scaled(second - first**2),
    }


def mixture_of_vectors(weights, means, factors, x):
    """Normal components with these Cholesky factors, point by point."""
    covariances = [factor @ factor.T for factor in factors]
    densities = [
        sum(
            w * math.exp(-(r @ np.linalg.solve(c, r)) / 2) / math.sqrt(np.linalg.det(2 * math.pi * c))
            for w, c, r in zip(weights, covariances, point - means, strict=True)
        )
        for point in x
    ]
    mean = weights @ means
    second = sum(w * (c + np.outer(m, m)) for w, c, m in zip(weights, covariances, means, strict=True))
    covariance = second - np.outer(mean, mean)
    return {"log_prob": scaled(np.log(densities)), "mean": mean, "covariance": covariance}
