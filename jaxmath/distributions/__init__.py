"""Distributions as pytrees: densities, moments, draws, and the form of exponential families.

Parameters broadcast to a batch shape and every method works under ``jit``, ``vmap`` and ``grad``::

    d = distributions.Gamma(concentration=jnp.array([1.0, 2.0]), rate=3.0)
    d.log_prob(x), d.cdf(x), d.sample(key, (1000,)), d.mean
"""

from jaxmath.distributions.base import Distribution, Multivariate, Support, Univariate, validate
from jaxmath.distributions.bernoulli import Bernoulli
from jaxmath.distributions.beta import Beta
from jaxmath.distributions.beta_binomial import BetaBinomial
from jaxmath.distributions.beta_negative_binomial import BetaNegativeBinomial
from jaxmath.distributions.binomial import Binomial
from jaxmath.distributions.categorical import Categorical
from jaxmath.distributions.compound_gamma import CompoundGamma
from jaxmath.distributions.dirichlet import Dirichlet
from jaxmath.distributions.dirichlet_multinomial import DirichletMultinomial
from jaxmath.distributions.exponential import Exponential
from jaxmath.distributions.exponential_family import (
    from_natural,
    log_partition,
    mean_parameters,
    natural_parameters,
    sufficient_statistics,
)
from jaxmath.distributions.fitting import fit, fit_batches
from jaxmath.distributions.gamma import Gamma
from jaxmath.distributions.inverse_gamma import InverseGamma
from jaxmath.distributions.inverse_wishart import InverseWishart
from jaxmath.distributions.laplace import Laplace
from jaxmath.distributions.log_normal import LogNormal
from jaxmath.distributions.log_student_t import LogStudentT
from jaxmath.distributions.lomax import Lomax
from jaxmath.distributions.mixture import Mixture
from jaxmath.distributions.multinomial import Multinomial
from jaxmath.distributions.multivariate_normal import MultivariateNormal
from jaxmath.distributions.multivariate_student_t import MultivariateStudentT
from jaxmath.distributions.negative_binomial import NegativeBinomial
from jaxmath.distributions.normal import Normal
from jaxmath.distributions.normal_gamma import NormalGamma
from jaxmath.distributions.normal_inverse_gamma import NormalInverseGamma
from jaxmath.distributions.normal_wishart import NormalWishart
from jaxmath.distributions.pareto import Pareto
from jaxmath.distributions.poisson import Poisson
from jaxmath.distributions.student_t import StudentT
from jaxmath.distributions.uniform import Uniform
from jaxmath.distributions.wishart import Wishart

__all__ = [
    "Bernoulli",
    "Beta",
    "BetaBinomial",
    "BetaNegativeBinomial",
    "Binomial",
    "Categorical",
    "CompoundGamma",
    "Dirichlet",
    "DirichletMultinomial",
    "Distribution",
    "Exponential",
    "Gamma",
    "InverseGamma",
    "InverseWishart",
    "Laplace",
    "LogNormal",
    "LogStudentT",
    "Lomax",
    "Mixture",
    "Multinomial",
    "Multivariate",
    "MultivariateNormal",
    "MultivariateStudentT",
    "NegativeBinomial",
    "Normal",
    "NormalGamma",
    "NormalInverseGamma",
    "NormalWishart",
    "Pareto",
    "Poisson",
    "StudentT",
    "Support",
    "Uniform",
    "Univariate",
    "Wishart",
    "fit",
    "fit_batches",
    "from_natural",
    "log_partition",
    "mean_parameters",
    "natural_parameters",
    "sufficient_statistics",
    "validate",
]
