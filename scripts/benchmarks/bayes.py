"""Conjugate models beside NumPy: sequential posteriors, many groups, and one pass over a million vectors."""

import functools
import math

import numpy as np

from benchmarks.workload import Workload, compiled

_BATCHES, _LOOPED, _GROUPS, _SAMPLES, _ROWS, _COLUMNS = 1_000_000, 10_000, 100_000, 50, 1_000_000, 16


def _numbers(rng):
    return (rng.normal(1, 2, size=_BATCHES).astype(np.float32),)


def _sequential(x):
    from jaxmath import bayes
    from jaxmath.distributions import Normal

    def posteriors(x):
        found = bayes.sequential(bayes.NormalMean(2.0), Normal(0.0, 1.0), x[:, None])
        return found.loc, found.scale

    return compiled(posteriors, x)


def _by_sums(x):
    precision = 1 + np.arange(1, len(x) + 1, dtype=x.dtype) / 4
    return np.cumsum(x) / 4 / precision, 1 / np.sqrt(precision)


def _by_loop(x):
    """The first of them: what the others would take is in the goal."""
    found, loc, precision = [], 0.0, 1.0
    for value in x[:_LOOPED].tolist():
        loc, precision = (loc * precision + value / 4) / (precision + 0.25), precision + 0.25
        found.append((loc, 1 / math.sqrt(precision)))
    return tuple(np.array(found).T)


def _first(result, exact):
    return max(float(np.max(np.abs(np.asarray(a)[:_LOOPED] - b[:_LOOPED]))) for a, b in zip(result, exact, strict=True))


def _groups(rng):
    return (rng.normal(1, 2, size=(_GROUPS, _SAMPLES)).astype(np.float32),)


def _groups_ours(x):
    import jax

    from jaxmath import bayes
    from jaxmath.distributions import NormalGamma

    def posterior(x):
        d = bayes.NormalMeanPrecision().posterior(NormalGamma(0.0, 1.0, 2.0, 3.0), x)
        return d.loc, d.rate

    return compiled(jax.vmap(posterior), x)


def _groups_numpy(x):
    n, mean = x.shape[1], x.mean(axis=1)
    scatter = ((x - mean[:, None]) ** 2).sum(axis=1)
    return mean * (n / (n + 1)), 3 + scatter / 2 + n / (n + 1) / 2 * mean**2


def _vectors(rng):
    return (rng.normal(1, 2, size=(_ROWS, _COLUMNS)).astype(np.float32),)


def _vectors_ours(x):
    import jax.numpy as jnp

    from jaxmath import bayes
    from jaxmath.distributions import NormalWishart

    def posterior(x):
        d = bayes.MultivariateMeanPrecision().posterior(
            NormalWishart(jnp.zeros(_COLUMNS), 1.0, 20.0, jnp.eye(_COLUMNS)), x
        )
        return d.loc, d.scale

    return compiled(posterior, x)


def _vectors_numpy(x):
    n, mean = len(x), x.mean(axis=0)
    centred = x - mean
    inverse = np.eye(_COLUMNS, dtype=x.dtype) + centred.T @ centred + n / (n + 1) * np.outer(mean, mean)
    return mean * (n / (n + 1)), np.linalg.inv(inverse)


def _successes(rng):
    return (rng.binomial(_SAMPLES, rng.beta(8, 22, size=_GROUPS)).astype(np.float32),)


def _learnt_ours(k):
    from jaxmath import bayes
    from jaxmath.distributions import Beta

    def prior(k):
        found = bayes.empirical_bayes(bayes.BinomialBeta(_SAMPLES), Beta(1.0, 1.0), k[:, None])
        return found.params.a, found.params.b

    return compiled(prior, k)


def _learnt_scipy(k):
    from scipy import optimize, special

    k = k.astype(float)

    def loss(u):
        a, b = np.exp(u)
        value = special.betaln(a + k, b + _SAMPLES - k).mean() - special.betaln(a, b)
        of_sum = special.digamma(a + b) - special.digamma(a + b + _SAMPLES)
        of_a = special.digamma(a + k).mean() - special.digamma(a) + of_sum
        of_b = special.digamma(b + _SAMPLES - k).mean() - special.digamma(b) + of_sum
        return -value, -np.array([a * of_a, b * of_b])

    found = optimize.minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9})
    return tuple(np.exp(found.x))


def _peer(function):
    return lambda x: functools.partial(function, x)


WORKLOADS = {
    f"bayes {_BATCHES} sequential normal posteriors beside NumPy's cumulative sum": Workload(
        "NumPy", _numbers, _sequential, _peer(_by_sums), _by_sums, 2
    ),
    f"bayes {_BATCHES} sequential normal posteriors beside {_LOOPED} in a Python loop": Workload(
        "Python loop", _numbers, _sequential, _peer(_by_loop), _by_sums, 25 * _LOOPED / _BATCHES, _first
    ),
    f"bayes {_GROUPS} groups of {_SAMPLES}": Workload(
        "NumPy", _groups, _groups_ours, _peer(_groups_numpy), _groups_numpy, 1.5
    ),
    f"bayes the prior of {_GROUPS} groups learnt from their evidence": Workload(
        "SciPy", _successes, _learnt_ours, _peer(_learnt_scipy), _learnt_scipy
    ),
    f"bayes {_ROWS} vectors of {_COLUMNS}, mean and precision": Workload(
        "NumPy", _vectors, _vectors_ours, _peer(_vectors_numpy), _vectors_numpy
    ),
}
