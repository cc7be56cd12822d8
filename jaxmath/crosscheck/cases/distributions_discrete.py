"""Section 5.9: distributions of counts and labels, and on the simplex.

Parameters are constants of all sizes times factors near 1, or logits, so that each is varied in proportion to its size.
"""

import math

import jax
import numpy as np

from jaxmath import distributions
from jaxmath.crosscheck.references import distributions_discrete as reference
from jaxmath.crosscheck.references.distributions_discrete import squash
from jaxmath.crosscheck.registry import case


def _scaled(values, factors):
    return np.asarray(values, factors.dtype) * factors


def _factors(rng, *shape):
    return rng.uniform(0.95, 1.05, size=shape)


def _univariate(d, x):
    moments = squash(d.mean), squash(d.variance), d.mode
    return squash(d.log_prob(x)), d.survival(x), squash(d.log_cdf(x)), *moments


def _bernoulli(logits, x, u):
    found = []
    for d in distributions.Bernoulli(logits=logits), distributions.Bernoulli(jax.nn.sigmoid(logits)):
        functions = squash(d.log_prob(x)), d.cdf(x), d.survival(x), squash(d.log_cdf(x)), d.icdf(u)
        found.append((*functions, d.mean, d.variance, d.mode, squash(d.entropy())))
    return found


case(
    "5.9.5 Bernoulli distribution",
    _bernoulli,
    lambda z, x, u: 2 * [reference.bernoulli(1 / (1 + np.exp(-z)), 1 / (1 + np.exp(z)), x, u)],
    inputs=lambda rng: (np.array([-30.0, -2.0, 0.5, 8.0]) * _factors(rng, 4), np.array([[0], [1]]), np.array([0.25])),
    covers=("distributions.Bernoulli",),
)
case(
    "5.9.3 three trials",
    lambda p: (distributions.Binomial(3, p).prob(np.arange(4)), distributions.Binomial(3, p).log_prob(1)),
    lambda p: (np.array([0.512, 0.384, 0.096, 0.008]), np.array(math.log(0.384))),
    inputs=lambda rng: (np.array(0.2),),
    covers=("distributions.Binomial",),
)
_P_BINOMIAL = np.array([0.2, 0.9, 0.01, 0.3])[:, None]
case(
    "5.9.3 binomial distribution",
    lambda n, factors, k: _univariate(distributions.Binomial(n, _scaled(_P_BINOMIAL, factors)), k),
    lambda n, factors, k: reference.binomial(n, _scaled(_P_BINOMIAL, factors), k),
    inputs=lambda rng: (
        np.array([[3], [20], [1000], [100_000]]), _factors(rng, 4, 1),
        np.array([[0, 1, 3], [0, 18, 20], [0, 10, 30], [29_500, 30_000, 30_500]]),
    ),
    covers=("distributions.Binomial",),
)  # fmt: skip
case(
    "5.9.4 multinomial probability of ten trials",
    lambda p, x: distributions.Multinomial(10, p / p.sum()).log_prob(x),
    lambda p, x: np.array(-4.35033),
    inputs=lambda rng: (np.array([0.1, 0.42, 0.04, 0.44]), np.array([1, 2, 1, 6])),
    covers=("distributions.Multinomial",),
    float64=1e-6,
    reason="the book prints six digits",
)


def _multivariate(d, x):
    return squash(d.log_prob(x)), squash(d.mean), squash(d.variance), squash(d.covariance)


_LARGE_COUNTS = np.array([[2000, 7900, 100]])
case(
    "5.9.4 multinomial distribution",
    lambda n, logits, x: _multivariate(distributions.Multinomial(n, jax.nn.softmax(logits)), x),
    reference.multinomial,
    inputs=lambda rng: (
        np.array([7, 10_000]),
        np.concatenate([rng.normal(size=(1, 3)), np.log(_LARGE_COUNTS / 1e4) + 5e-3 * rng.normal(size=(1, 3))]),
        np.concatenate([[[0, 2, 5]], _LARGE_COUNTS]),
    ),
    covers=("distributions.Multinomial",),
)  # fmt: skip


def _categorical(logits, x):
    a, b = distributions.Categorical(logits=logits), distributions.Categorical(jax.nn.softmax(logits))
    own = (a.mode, a.probs, squash(jax.nn.log_softmax(a.logits))), (b.mode, b.probs, squash(b.logits))
    return [(squash(d.log_prob(x)), squash(d.entropy()), *rest) for d, rest in zip((a, b), own, strict=True)]


case(
    "5.9 categorical distribution",
    _categorical,
    lambda logits, x: 2 * [reference.categorical(logits, x)],
    inputs=lambda rng: (
        rng.normal(size=(2, 4)) + [[0.0], [30.0]] * np.eye(4)[3], np.array([[0, 3], [1, 2], [3, 0]])
    ),
    covers=("distributions.Categorical",),
)  # fmt: skip
_RATES = np.array([1e-3, 0.7, 30.3, 1e5])[:, None]
case(
    "5.9 Poisson distribution",
    lambda factors, k: _univariate(distributions.Poisson(_scaled(_RATES, factors)), k),
    lambda factors, k: reference.poisson(_scaled(_RATES, factors), k),
    inputs=lambda rng: (
        rng.uniform(0.999, 1.001, size=(4, 1)),
        np.array([[0, 1, 3], [0, 1, 5], [10, 30, 60], [99_000, 100_000, 101_000]]),
    ),
    covers=("distributions.Poisson",),
)  # fmt: skip
_R = np.array([0.05, 2.5, 40.0, 1e4])[:, None]
_P_NEGATIVE = np.array([0.5, 1e-4, 0.9, 0.3])[:, None]
case(
    "5.9 negative binomial distribution",
    lambda r, p, k: _univariate(distributions.NegativeBinomial(_scaled(_R, r), _scaled(_P_NEGATIVE, p)), k),
    lambda r, p, k: reference.negative_binomial(_scaled(_R, r), _scaled(_P_NEGATIVE, p), k),
    inputs=lambda rng: (
        *rng.uniform(0.995, 1.005, size=(2, 4, 1)),
        np.array([[0, 1, 20], [0, 100, 30_000], [0, 4, 20], [23_000, 23_333, 24_000]]),
    ),
    covers=("distributions.NegativeBinomial",),
)  # fmt: skip


def _numbers(d, x):
    return squash(d.log_prob(x)), squash(d.mean), squash(d.variance), d.mode


_A_B = np.array([[2e-3, 3.0, 1e5, 0.5], [0.7, 1.5, 2e5, 1e3]])[..., None]


def _beta_binomial(n, factors, k):
    a, b = _scaled(_A_B, factors)
    return _numbers(distributions.BetaBinomial(n, a, b), k)


case(
    "5.9 beta-binomial distribution",
    _beta_binomial,
    lambda n, factors, k: reference.beta_binomial(n, _scaled(_A_B, factors), k),
    inputs=lambda rng: (
        np.array([[1], [10], [30], [30]]), _factors(rng, 2, 4, 1),
        np.array([[0, 1, 1], [0, 4, 10], [0, 10, 30], [0, 1, 30]]),
    ),
    covers=("distributions.BetaBinomial",),
)  # fmt: skip
_R_A_B = np.array([[0.3, 2.5, 40.0, 5.0], [2.5, 3.5, 12.0, 1e3], [2.0, 0.7, 30.0, 500.0]])[..., None]


def _beta_negative_binomial(factors, k):
    r, a, b = _scaled(_R_A_B, factors)
    return _numbers(distributions.BetaNegativeBinomial(r, a, b), k)


case(
    "5.9 beta negative binomial distribution",
    _beta_negative_binomial,
    lambda factors, k: reference.beta_negative_binomial(_scaled(_R_A_B, factors), k),
    inputs=lambda rng: (_factors(rng, 3, 4, 1), np.array([[0, 1, 900], [0, 2, 50], [0, 90, 400], [0, 3, 12]])),
    covers=("distributions.BetaNegativeBinomial",),
)
_CONCENTRATION = np.array([[2e-3, 0.5, 2.0], [3.0, 1.5, 7.0], [1e4, 3e4, 5e3]])


def _near_mean(softmax, a, z):
    """Points of the simplex, nearer to the mean of a Dirichlet distribution where that has less spread."""
    return softmax(np.log(_CONCENTRATION.astype(a.dtype)) + z / np.sqrt(_CONCENTRATION + 1).astype(a.dtype))


def _dirichlet(factors, z):
    a = _scaled(_CONCENTRATION, factors)
    d = distributions.Dirichlet(a)
    x = _near_mean(jax.nn.softmax, a, z)
    return squash(d.log_prob(x)), squash(d.entropy()), d.mean, d.variance, d.covariance


def _dirichlet_reference(factors, z):
    a = _scaled(_CONCENTRATION, factors)
    return reference.dirichlet(a, _near_mean(reference.softmax, a, z))


case(
    "5.9 Dirichlet distribution",
    _dirichlet,
    _dirichlet_reference,
    inputs=lambda rng: (_factors(rng, 3, 3), rng.normal(size=(3, 3))),
    covers=("distributions.Dirichlet",),
)
_SMALL_AND_LARGE = np.array([[2e-3, 0.5, 2.0], [1e5, 3e4, 5e4]])
case(
    "5.9 Dirichlet-multinomial distribution",
    lambda n, factors, x: _multivariate(distributions.DirichletMultinomial(n, _scaled(_SMALL_AND_LARGE, factors)), x),
    lambda n, factors, x: reference.dirichlet_multinomial(n, _scaled(_SMALL_AND_LARGE, factors), x),
    inputs=lambda rng: (np.array([5, 20]), _factors(rng, 2, 3), np.array([[1, 0, 4], [9, 5, 6]])),
    covers=("distributions.DirichletMultinomial",),
)
