"""Sections 5.9 and 6.7: the form of exponential families."""

import numpy as np

from jaxmath import distributions
from jaxmath.crosscheck.references import exponential_family as reference
from jaxmath.crosscheck.registry import case
from jaxmath.distributions import Bernoulli, Beta, Dirichlet, Exponential, Gamma, MultivariateNormal, Normal, Poisson

_COVERS = (
    "distributions.natural_parameters", "distributions.mean_parameters", "distributions.log_partition",
    "distributions.sufficient_statistics", "distributions.from_natural",
)  # fmt: skip


def _form(d, x):
    natural = distributions.natural_parameters(d)
    return (
        natural,
        distributions.mean_parameters(d),
        distributions.log_partition(d),
        distributions.sufficient_statistics(d, x),
        distributions.from_natural(d, natural).log_prob(x),
    )


case(
    "5.9 natural and mean parameters of numbers",
    lambda a, b, p, k: (
        _form(Normal(b, a), b + 1),
        _form(Gamma(a, b), a),
        _form(Beta(a, b), p),
        _form(Bernoulli(p), k),
        _form(Poisson(a), k),
        _form(Exponential(a), b),
    ),
    lambda a, b, p, k: (
        reference.normal(b, a, b + 1),
        reference.gamma(a, b, a),
        reference.beta(a, b, p),
        reference.bernoulli(p, k),
        reference.poisson(a, k),
        reference.exponential(a, b),
    ),
    inputs=lambda rng: (*rng.uniform(0.5, 4, size=(2, 3)), rng.uniform(0.1, 0.9, size=3), np.array([0, 1, 1])),
    covers=_COVERS,
)
case(
    "5.9 natural and mean parameters of vectors",
    lambda loc, factor, p: (
        _form(MultivariateNormal(loc, scale_tril=factor), loc + 1),
        _form(Dirichlet(9 * p), p),
    ),
    lambda loc, factor, p: (reference.vector_normal(loc, factor, loc + 1), reference.dirichlet(9 * p, p)),
    inputs=lambda rng: (rng.normal(size=2), np.array([[1.5, 0.0], [0.5, 1.0]]), np.array([0.25, 0.25, 0.5])),
    covers=_COVERS,
    not_differentiable="the factor stays triangular and the point on the simplex: the case of numbers has derivatives",
)
