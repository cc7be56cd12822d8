"""Bad input to distributions and estimation."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from rows import dtype_is, equal, near, table

import jaxmath
from jaxmath.distributions import (
    Bernoulli,
    Binomial,
    Categorical,
    Dirichlet,
    Exponential,
    Gamma,
    Multinomial,
    MultivariateNormal,
    Normal,
    NormalGamma,
    Poisson,
    Wishart,
)

distributions: Any = jaxmath.distributions
estimation: Any = jaxmath.estimation
X = np.array([1.0, 3.0, 2.0])
LOC = np.zeros(2)
STEPS = {"optimizer": optax.sgd(0.1), "num_steps": 2}
NORMAL: Any = Normal(0.0, 1.0)
VECTOR: Any = MultivariateNormal(LOC, np.eye(2))


def all_nan(result):
    assert np.isnan(np.asarray(result)).all(), result


ROWS = [
    *table(
        "distributions.Normal",
        (
            "shapes that do not broadcast",
            partial(Normal, X, np.ones(2)),
            (ValueError, r"shapes that broadcast, got {'l"),
        ),
        ("complex", partial(Normal, 1j, 1.0), (TypeError, "loc: expected real numbers, got dtype complex")),
        ("strings", partial(Normal, "a", 1.0), (TypeError, "loc: expected real numbers")),
        ("None", partial(Normal, None, 1.0), (TypeError, "loc: expected real numbers")),
        (
            "x that does not broadcast",
            lambda: Normal(X, 1.0).log_prob(np.ones(2)),
            (ValueError, r"batch \(3,\), got \(2"),
        ),
        ("complex x", lambda: NORMAL.cdf(1j), (TypeError, "distributions.Normal.cdf: expected real numbers")),
        ("a negative scale in an array", lambda: Normal(0.0, [1.0, -1.0]).mean, equal([0, np.nan])),
        ("a negative scale", lambda: Normal(0.0, -1.0).log_prob(0.0), all_nan),
        ("a NaN among arguments", lambda: jnp.isnan(NORMAL.log_prob([0.0, np.nan])), equal([False, True])),
        ("infinite arguments", lambda: NORMAL.log_prob([-np.inf, np.inf]), equal([-np.inf, -np.inf])),
        ("float16", lambda: NORMAL.log_prob(X.astype(np.float16)), dtype_is(jnp.float16)),
        ("no key", lambda: NORMAL.sample(0), (TypeError, "random key")),
        ("a negative size", lambda: NORMAL.sample(jax.random.key(0), (-1,)), (ValueError, "must not be negative")),
        ("half a draw", lambda: NORMAL.sample(jax.random.key(0), (1.5,)), (TypeError, "tuple of whole numbers")),
        ("a number of draws", lambda: NORMAL.sample(jax.random.key(0), 3).shape, equal([3])),
        ("integers", lambda: Normal(np.array([0, 1]), 1).variance, equal([1, 1])),
        ("quantiles of no probability", lambda: NORMAL.icdf([-0.1, 1.1]), all_nan),
    ),
    *table(
        "distributions.Binomial",
        (
            "a negative count",
            partial(Binomial, -1, 0.5),
            (ValueError, "total_count must be a whole number, not negative"),
        ),
        ("half a count", partial(Binomial, 1.5, 0.5), (ValueError, "total_count must be a whole number, not negative")),
        ("half a count in an array", lambda: Binomial(np.array([1.5]), 0.5).mean, all_nan),
        ("a probability above 1", lambda: Binomial(3, 1.5).log_prob(1), all_nan),
        ("a count that is not whole", lambda: Binomial(3, 0.5).log_prob([0.5, 4, -1]), equal([-np.inf] * 3)),
    ),
    *table(
        "distributions.Bernoulli",
        ("both", partial(Bernoulli, 0.5, 0.0), (ValueError, "expected one of probs, logits, got probs and logits")),
        ("neither", Bernoulli, (ValueError, "expected one of probs, logits, got none")),
    ),
    *table(
        "distributions.Categorical",
        ("a number", partial(Categorical, 0.5), (ValueError, "probs with 1 axes or more")),
        ("a sum of 2", lambda: Categorical([1.0, 1.0]).log_prob(0), all_nan),
        ("no class", partial(Categorical, np.zeros(0)), (ValueError, "at least one entry")),
        ("a label that is none", lambda: Categorical([0.5, 0.5]).log_prob([-1, 2]), equal([-np.inf] * 2)),
    ),
    *table(
        "distributions.MultivariateNormal",
        ("not square", partial(MultivariateNormal, LOC, np.ones((2, 3))), (ValueError, "one size along the axes")),
        ("another size", partial(MultivariateNormal, LOC, np.eye(3)), (ValueError, "one size along the axes")),
        (
            "no matrix",
            partial(MultivariateNormal, LOC),
            (ValueError, "expected one of covariance, precision, scale_tril"),
        ),
        (
            "two matrices",
            partial(MultivariateNormal, LOC, np.eye(2), np.eye(2)),
            (ValueError, "covariance and precision"),
        ),
        ("singular", lambda: MultivariateNormal(LOC, np.ones((2, 2))).log_prob(LOC), all_nan),
        ("not symmetric", lambda: MultivariateNormal(LOC, np.array([[2.0, 1], [0, 2]])).log_prob(LOC), all_nan),
        ("x of another size", lambda: VECTOR.log_prob(np.ones(3)), (ValueError, r"\(\.\.\., 2\)")),
        ("a number as x", lambda: VECTOR.log_prob(1.0), (ValueError, r"\(\.\.\., 2\)")),
    ),
    *table(
        "distributions.Dirichlet",
        ("off the simplex", lambda: Dirichlet(np.ones(2)).log_prob(np.ones(2)), equal(-np.inf)),
    ),
    *table(
        "distributions.Multinomial",
        ("another sum", lambda: Multinomial(3, [0.5, 0.5]).log_prob([1, 1]), equal(-np.inf)),
    ),
    *table("distributions.Wishart", ("too few degrees of freedom", lambda: Wishart(1.0, np.eye(2)).mean, all_nan)),
    *table(
        "distributions.NormalGamma",
        ("one part", lambda: NormalGamma(0.0, 1.0, 1.0, 1.0).log_prob((1.0, 1.0, 1.0)), (TypeError, "parts|pair")),
    ),
    *table(
        "distributions.validate",
        (
            "a parameter out of range",
            lambda: distributions.validate(Normal([0.0, np.inf], 1.0)),
            (ValueError, r"loc must"),
        ),
        ("no distribution", lambda: distributions.validate(3.0), (TypeError, "expected a distribution, got float")),
        (
            "traced",
            lambda: jax.jit(lambda s: distributions.validate(Normal(0.0, s)))(1.0),
            (TypeError, "call it outside jit"),
        ),
    ),
    *table(
        "distributions.fit",
        ("no family", lambda: distributions.fit(int, X), (TypeError, "expected one of Bernoulli, .*, got int")),
        ("(n, 1)", lambda: distributions.fit(Normal, X[:, None]), (ValueError, r"shape \(n,\) with at least one row")),
        ("no rows", lambda: distributions.fit(Gamma, X[:0]), (ValueError, r"at least one row, got \(0,\)")),
        ("(n,)", lambda: distributions.fit(MultivariateNormal, X), (ValueError, r"shape \(n, d\)")),
        ("what must be known", lambda: distributions.fit(Binomial, X), (TypeError, "takes total_count as known, got")),
        ("what is unknown", lambda: distributions.fit(Normal, X, total_count=3), (TypeError, "takes nothing as known")),
        ("complex", lambda: distributions.fit(Normal, X * 1j), (TypeError, "distributions.fit: expected real numbers")),
        ("weights", lambda: distributions.fit(Gamma, X, weights=[1, 1]), (ValueError, r"weights of shape \(3,\)")),
        ("no classes", lambda: distributions.fit(Categorical, X, num_classes=0), (ValueError, "num_classes must be")),
        (
            "traced labels",
            lambda: jax.jit(lambda x: distributions.fit(Categorical, x))(np.array([0, 1])),
            (TypeError, "num_classes must be given"),
        ),
    ),
    *table(
        "distributions.fit_batches",
        (
            "no rows",
            lambda: distributions.fit_batches(Gamma, []),
            (ValueError, "at least one row, got an empty iterable"),
        ),
        (
            "no family",
            lambda: distributions.fit_batches(int, [X]),
            (TypeError, "expected one of Bernoulli, .*, got int"),
        ),
    ),
    *table(
        "distributions.natural_parameters",
        ("no such family", lambda: distributions.natural_parameters(X), (TypeError, "expected one of .*, got ndarray")),
        ("not valid", lambda: distributions.natural_parameters(Normal(0.0, -1.0))[1], all_nan),
    ),
    *table(
        "distributions.mean_parameters",
        ("no such family", lambda: distributions.mean_parameters(X), (TypeError, "expected one of .*, got ndarray")),
    ),
    *table(
        "distributions.log_partition",
        ("no such family", lambda: distributions.log_partition(X), (TypeError, "expected one of .*, got ndarray")),
    ),
    *table(
        "distributions.sufficient_statistics",
        (
            "no such family",
            lambda: distributions.sufficient_statistics(X, X),
            (TypeError, "expected one of .*, got nd"),
        ),
        (
            "out of the support",
            lambda: distributions.sufficient_statistics(Exponential(1.0), [-1.0, 2.0])[0],
            equal([np.nan, 2]),
        ),
    ),
    *table(
        "distributions.from_natural",
        (
            "one of two",
            lambda: distributions.from_natural(NORMAL, (1.0,)),
            (ValueError, "expected 2 natural parameters"),
        ),
    ),
    *table(
        "estimation.mle",
        (
            "no family",
            lambda: estimation.mle(Wishart, X),
            (TypeError, "got Wishart; for others see estimation.descend"),
        ),
        ("(n, 1)", lambda: estimation.mle(distributions.Laplace, X[:, None]), (ValueError, r"shape \(n,\)")),
        ("(n, 1) of a normal", lambda: estimation.mle(Normal, X[:, None]), (ValueError, r"estimation.mle: .*\(n,\)")),
        (
            "a count a row",
            lambda: estimation.mle(distributions.BetaBinomial, X, total_count=np.array([3, 4, 5])),
            (ValueError, r"total_count must be one number, got shape \(3,\)"),
        ),
        (
            "chunks of no row",
            lambda: estimation.mle(distributions.Uniform, X, chunk_size=0),
            (ValueError, "chunk_size must"),
        ),
        (
            "what is unknown",
            lambda: estimation.mle(distributions.BetaBinomial, X, n=3),
            (TypeError, r"takes total_count as known, got \['n'\]"),
        ),
        ("negative weights", lambda: estimation.mle(Poisson, X, weights=[1, 1, -1]).rate, all_nan),
    ),
    *table(
        "estimation.negative_log_likelihood",
        ("no distribution", lambda: estimation.negative_log_likelihood(X, X), (TypeError, "distribution, got ndarray")),
        ("a number", lambda: estimation.negative_log_likelihood(NORMAL, 1.0), (ValueError, r"shape \(n, \.\.\.\)")),
        (
            "parts",
            lambda: estimation.negative_log_likelihood(NormalGamma(0.0, 1.0, 1.0, 1.0), X),
            (TypeError, "got NormalGamma"),
        ),
        (
            "weight 0 leaves out",
            lambda: estimation.negative_log_likelihood(Exponential(1.0), [1.0, -1.0, np.nan], weights=[1, 0, 0]),
            near(1.0),
        ),
        (
            "out of the support",
            lambda: estimation.negative_log_likelihood(Exponential(1.0), [1.0, -1.0]),
            equal(np.inf),
        ),
    ),
    *table(
        "estimation.interval_probability",
        ("no cdf", lambda: estimation.interval_probability(VECTOR, 0, 1), (TypeError, "with a cdf, got Multivariate")),
        ("NaN", lambda: estimation.interval_probability(NORMAL, np.nan, 1.0), all_nan),
    ),
    *table(
        "estimation.censored_log_prob",
        ("no cdf", lambda: estimation.censored_log_prob(VECTOR, X), (TypeError, "with a cdf, got Multivariate")),
        ("counts", lambda: estimation.censored_log_prob(Poisson(3.0), X), (TypeError, "continuous .*got Poisson")),
    ),
    *table(
        "estimation.truncated_log_prob",
        ("no cdf", lambda: estimation.truncated_log_prob(VECTOR, LOC), (TypeError, "with a cdf, got Multivariate")),
        ("counts", lambda: estimation.truncated_log_prob(Poisson(3.0), X), (TypeError, "continuous .*got Poisson")),
    ),
    *table(
        "estimation.descend",
        ("no distribution", lambda: estimation.descend(X, X, **STEPS), (TypeError, "expected a distribution")),
        ("no rows", lambda: estimation.descend(NORMAL, X[:0], **STEPS), (ValueError, "at least one row")),
        ("a batch", lambda: estimation.descend(Normal(X, 1.0), X, **STEPS), (ValueError, "without batch axes")),
        ("no optimiser", lambda: estimation.descend(NORMAL, X, optimizer=1, num_steps=2), (TypeError, "optimi")),
        ("NaN", lambda: estimation.descend(NORMAL, [1.0, np.nan], **STEPS).converged, equal(False)),
    ),
    *table(
        "estimation.standard_errors",
        ("a batch", lambda: estimation.standard_errors(Normal(X, 1.0), X), (ValueError, "without batch axes")),
        ("no distribution", lambda: estimation.standard_errors(X, X), (TypeError, "expected a distribution")),
    ),
]
