"""Bad input to bayes; data out of the support are in test_bayes.py."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, equal, near, table

from jaxmath import bayes, reduce
from jaxmath import distributions as d

NAN = np.nan
X = np.array([1.0, 2.0, 4.0])
PAIRS = np.ones((3, 2))
POISSON, PRIOR = bayes.PoissonGamma(), d.Gamma(2.0, 1.0)
REGRESSION, WEIGHTS = bayes.LinearRegression(), bayes.MultivariateNormalInverseGamma(np.zeros(2), np.eye(2), 2.0, 1.0)
VECTORS = bayes.MultivariateMean(np.eye(2))
VECTOR_PRIOR = d.MultivariateNormal(np.zeros(2), precision=np.eye(2))


def _of_data(method: str, call: Any) -> list[Row]:
    name = f"bayes.Model.{method}"
    return table(
        name,
        ("complex", partial(call, X * 1j), (TypeError, f"bayes.PoissonGamma.{method}: expected real numbers")),
        ("rank 2", partial(call, X[None]), (ValueError, r"expected data of shape \(n,\), got \(1, 3\)")),
        ("short weights", partial(call, X, weights=X[:2]), (ValueError, r"weights of shape \(3,\)")),
    )


def _of_groups(name: str, call: Any) -> list[Row]:
    return table(
        f"bayes.{name}",
        ("no model", lambda: call(PRIOR, PRIOR, X[None]), (TypeError, "expected a model such as")),
        (
            "another prior",
            lambda: call(POISSON, d.Beta(1.0, 1.0), X[None]),
            (TypeError, "prior of type Gamma, got Beta"),
        ),
        ("a vector", lambda: call(POISSON, PRIOR, X), (ValueError, r"shape \(b, n\), got \(3,\)")),
        ("no groups", lambda: call(POISSON, PRIOR, X[None][:0]), (ValueError, "at least one row")),
        ("a batch of priors", lambda: call(POISSON, d.Gamma(X, 1.0), X[None]), (ValueError, "without batch axes")),
        ("weights", lambda: call(POISSON, PRIOR, X[None], weights=X), (ValueError, r"weights of shape \(1, 3\)")),
        ("three columns", lambda: call(VECTORS, VECTOR_PRIOR, np.ones((1, 2, 3))), (ValueError, "2 columns .*, got 3")),
        ("one part", lambda: call(REGRESSION, WEIGHTS, PAIRS[None]), (TypeError, "in 2 parts, got ndarray")),
    )


def _nan(d: Any) -> None:
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(d)), d


ROWS = [
    *_of_data("statistics", POISSON.statistics),
    *_of_data("posterior", partial(POISSON.posterior, PRIOR)),
    *_of_data("log_evidence", partial(POISSON.log_evidence, PRIOR)),
    *table(
        "bayes.Model.posterior",
        ("another prior", lambda: POISSON.posterior(d.Beta(1.0, 1.0), X), (TypeError, "of type Gamma, got Beta")),
        (
            "a power below 0",
            lambda: POISSON.posterior(PRIOR, X, power=-1),
            (ValueError, r"power must be in \[0, inf\)"),
        ),
        (
            "three columns",
            lambda: VECTORS.posterior(VECTOR_PRIOR, np.ones((4, 3))),
            (ValueError, "2 columns .*, got 3"),
        ),
        (
            "a larger prior",
            lambda: VECTORS.posterior(d.MultivariateNormal(np.zeros(3), precision=np.eye(3)), np.ones((4, 3))),
            (ValueError, "expected precision and prior of one size, got 2 and 3"),
        ),
        ("an invalid prior", lambda: POISSON.posterior(d.Gamma(-2.0, 1.0), X), _nan),
        ("an invalid model", lambda: bayes.NormalMean(-1.0).posterior(d.Normal(0.0, 1.0), X), _nan),
        ("features alone", lambda: REGRESSION.posterior(WEIGHTS, PAIRS), (TypeError, "data in 2 parts, got ndarray")),
        (
            "fewer targets",
            lambda: REGRESSION.posterior(WEIGHTS, (PAIRS, X[:2])),
            (ValueError, r"shape \(n, d\) and \(n,\), got \(3, 2\) and \(2,\)"),
        ),
    ),
    *table(
        "bayes.Model.update",
        ("data", lambda: POISSON.update(PRIOR, X), (TypeError, r"expected statistics .*\(Increments\), got ndarray")),
        (
            "counts of three classes",
            lambda: bayes.BernoulliBeta().update(d.Beta(1.0, 1.0), bayes.CategoricalDirichlet(3).statistics([0, 0, 0])),
            (ValueError, "expected 2 columns for this prior, got 3"),
        ),
        (
            "statistics of another model",
            lambda: POISSON.update(PRIOR, bayes.NormalMean(1.0).statistics(X)),
            (TypeError, r"expected statistics of the model \(Increments\), got NumberMoments"),
        ),
        (
            "another prior",
            lambda: POISSON.update(d.Beta(1.0, 1.0), POISSON.statistics(X)),
            (TypeError, "of type Gamma"),
        ),
        (
            "other columns",
            lambda: bayes.CategoricalDirichlet().update(
                d.Dirichlet(np.ones(3)), bayes.CategoricalDirichlet(2).statistics([0, 1])
            ),
            (ValueError, "expected 3 columns for this prior, got 2"),
        ),
    ),
    *table(
        "bayes.Model.predictive",
        ("another prior", lambda: POISSON.predictive(d.Beta(1.0, 1.0)), (TypeError, "of type Gamma, got Beta")),
        ("an invalid prior", lambda: POISSON.predictive(d.Gamma(-2.0, 1.0)), _nan),
    ),
    *table(
        "bayes.LinearRegression.predictive",
        (
            "three features",
            lambda: REGRESSION.predictive(WEIGHTS, np.ones((4, 3))),
            (ValueError, "expected 2 features, got 3"),
        ),
        ("a number", lambda: REGRESSION.predictive(WEIGHTS, 1.0), (ValueError, r"shape \(\.\.\., d\), got a number")),
        ("another prior", lambda: REGRESSION.predictive(PRIOR, PAIRS), (TypeError, "MultivariateNormalInverseGamma")),
    ),
    *table(
        "bayes.CategoricalDirichlet.statistics",
        (
            "traced labels",
            lambda: jax.jit(lambda x: bayes.CategoricalDirichlet().statistics(x))(X),
            (TypeError, "num_classes must be given where the labels are traced"),
        ),
        (
            "classes by the data",
            lambda: bayes.CategoricalDirichlet().statistics([0, 2]).sufficient.counts,
            equal([1, 0, 1]),
        ),
    ),
    *table(
        "bayes.CategoricalDirichlet",
        ("no class", lambda: bayes.CategoricalDirichlet(0), (ValueError, "num_classes must be at least 1, got 0")),
        ("half a class", lambda: bayes.CategoricalDirichlet(1.5), (TypeError, "num_classes must be an integer")),
        (
            "another number of classes",
            lambda: bayes.CategoricalDirichlet(3).posterior(d.Dirichlet(np.ones(2)), [0, 1]),
            (ValueError, "expected a prior of 3 classes, got 2"),
        ),
        (
            "statistics of several sizes",
            lambda: reduce.merge(*(bayes.CategoricalDirichlet().statistics(x) for x in ([0, 2], [0, 0]))),
            (ValueError, r"one shape, got \[\(3,\)\] and \[\(1,\)\]; give num_classes for labels"),
        ),
        (
            "statistics of several models",
            lambda: reduce.merge(POISSON.statistics(X), bayes.UniformPareto().statistics(X)),
            (TypeError, "statistics of one model, got Increments and CountMaximum"),
        ),
    ),
    *table(
        "bayes.BinomialBeta",
        (
            "several counts",
            lambda: bayes.BinomialBeta([10, 20]),
            (ValueError, r"total_count to be a number, got.*vmap"),
        ),
    ),
    *table(
        "bayes.MultivariateMean",
        ("not square", lambda: bayes.MultivariateMean(PAIRS), (ValueError, r"precision to be a square matrix, got")),
    ),
    *_of_groups("sequential", bayes.sequential),
    *_of_groups("empirical_bayes", partial(bayes.empirical_bayes, max_steps=2)),
    *table(
        "bayes.sequential",
        (
            "forgetting above 1",
            lambda: bayes.sequential(POISSON, PRIOR, X[None], forgetting=1.5),
            (ValueError, r"forgetting must be in \[0, 1\], got 1.5"),
        ),
    ),
    *table(
        "bayes.empirical_bayes",
        (
            "no steps",
            lambda: bayes.empirical_bayes(POISSON, PRIOR, X[None], max_steps=0),
            (ValueError, "max_steps must be at least 1"),
        ),
    ),
    *table(
        "bayes.credible_interval",
        ("no distribution", lambda: bayes.credible_interval(X, 0.9), (TypeError, "a distribution, got ndarray")),
        ("a vector", lambda: bayes.credible_interval(VECTOR_PRIOR, 0.9), (TypeError, "one dimension with quantiles")),
        ("counts", lambda: bayes.credible_interval(d.Poisson(1.0), 0.9, kind="hdi"), (TypeError, "a continuous distr")),
        ("another kind", lambda: bayes.credible_interval(PRIOR, 0.9, kind="x"), (ValueError, "kind must be one of")),
        (
            "a mass of 1",
            lambda: bayes.credible_interval(PRIOR, 1.0),
            (ValueError, r"mass must be in \(0, 1\), got 1.0"),
        ),
        ("an invalid prior", lambda: bayes.credible_interval(d.Normal(0.0, -1.0), 0.9), near((NAN, NAN))),
    ),
    *table(
        "bayes.decision",
        ("no distribution", lambda: bayes.decision(X), (TypeError, "a distribution, got ndarray")),
        ("another loss", lambda: bayes.decision(PRIOR, "x"), (ValueError, "loss must be one of 'squared', 'absolute'")),
        ("no median", lambda: bayes.decision(VECTOR_PRIOR, "absolute"), (TypeError, "with quantiles, got Multivar")),
    ),
    *table(
        "bayes.log_bayes_factor",
        ("no model", lambda: bayes.log_bayes_factor(PRIOR, PRIOR, PRIOR, X), (TypeError, "expected a model such as")),
        (
            "another prior",
            lambda: bayes.log_bayes_factor(POISSON, PRIOR, d.Beta(1.0, 1.0), X),
            (TypeError, "of type Gamma, got Beta"),
        ),
        (
            "priors of several sizes",
            lambda: bayes.log_bayes_factor(
                bayes.CategoricalDirichlet(), d.Dirichlet(np.ones(2)), d.Dirichlet(np.ones(3)), [0, 1]
            ),
            (ValueError, "expected a prior of 2 classes, got 3"),
        ),
    ),
    *table(
        "bayes.validate",
        ("no model", lambda: bayes.validate(PRIOR, PRIOR, X), (TypeError, "expected a model such as")),
        ("another prior", lambda: bayes.validate(POISSON, d.Beta(1.0, 1.0), X), (TypeError, "of type Gamma, got Beta")),
        (
            "an invalid prior",
            lambda: bayes.validate(POISSON, d.Gamma(-2.0, 1.0), X),
            (ValueError, "concentration must"),
        ),
        (
            "an invalid model",
            lambda: bayes.validate(bayes.NormalMean(-1.0), d.Normal(0.0, 1.0), X),
            (ValueError, "bayes.NormalMean: scale must be positive, got -1"),
        ),
        (
            "a negative count",
            lambda: bayes.validate(POISSON, PRIOR, [1, -1]),
            (ValueError, "an observation must be a whole number, not negative, got -1.0 in row 1"),
        ),
        (
            "traced",
            lambda: jax.jit(lambda x: bayes.validate(POISSON, PRIOR, x))(jnp.ones(2)),
            (TypeError, "call it outside jit"),
        ),
    ),
]
