"""Conjugate Bayesian inference: posteriors, predictive distributions and evidence by formulas.

A model is a likelihood with a conjugate prior; prior and posterior are distributions of one type::

    model = bayes.PoissonGamma()
    posterior = model.posterior(distributions.Gamma(2.0, 1.0), x)
    model.predictive(posterior).log_prob(4), model.log_evidence(prior, x), bayes.credible_interval(posterior, 0.95)
"""

from jaxmath.bayes.counts import (
    BernoulliBeta,
    BinomialBeta,
    CategoricalDirichlet,
    GeometricBeta,
    MultinomialDirichlet,
    NegativeBinomialBeta,
    PoissonGamma,
)
from jaxmath.bayes.decision import Interval, credible_interval, decision, log_bayes_factor
from jaxmath.bayes.empirical import EmpiricalBayes, empirical_bayes
from jaxmath.bayes.linear_regression import LinearRegression, MultivariateNormalInverseGamma
from jaxmath.bayes.model import Model
from jaxmath.bayes.multivariate_normal import MultivariateMean, MultivariateMeanPrecision, MultivariatePrecision
from jaxmath.bayes.normal import (
    LogNormalMean,
    LogNormalMeanPrecision,
    LogNormalPrecision,
    NormalMean,
    NormalMeanPrecision,
    NormalPrecision,
)
from jaxmath.bayes.positive import ExponentialGamma, GammaGamma, ParetoGamma, UniformPareto
from jaxmath.bayes.predictive import BetaGeometric, LogLomax, UniformToPareto
from jaxmath.bayes.sequential import sequential
from jaxmath.bayes.sufficient import Statistics
from jaxmath.bayes.validation import validate

__all__ = [
    "BernoulliBeta",
    "BetaGeometric",
    "BinomialBeta",
    "CategoricalDirichlet",
    "EmpiricalBayes",
    "ExponentialGamma",
    "GammaGamma",
    "GeometricBeta",
    "Interval",
    "LinearRegression",
    "LogLomax",
    "LogNormalMean",
    "LogNormalMeanPrecision",
    "LogNormalPrecision",
    "Model",
    "MultinomialDirichlet",
    "MultivariateMean",
    "MultivariateMeanPrecision",
    "MultivariateNormalInverseGamma",
    "MultivariatePrecision",
    "NegativeBinomialBeta",
    "NormalMean",
    "NormalMeanPrecision",
    "NormalPrecision",
    "ParetoGamma",
    "PoissonGamma",
    "Statistics",
    "UniformPareto",
    "UniformToPareto",
    "credible_interval",
    "decision",
    "empirical_bayes",
    "log_bayes_factor",
    "sequential",
    "validate",
]
