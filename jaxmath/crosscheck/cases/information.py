"""Chapter 6: entropy, divergences, and what is derived from them."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import distributions as d
from jaxmath import information
from jaxmath.crosscheck.references import information as reference
from jaxmath.crosscheck.registry import case

kl = information.kl_divergence


def _tables(rng, n=3, c=4):
    return rng.dirichlet(np.full(c, 2.0), size=n)


def _kl_of(family, *parameters):
    """The divergence of a distribution from another one, whose parameters are the rows of arrays."""
    p, q = (family(*each) for each in zip(*parameters, strict=True))
    return kl(p, q)


def _covariances(w):
    """Symmetric and positive definite, whatever the matrices w are."""
    return (w @ w.swapaxes(-2, -1) + np.eye(w.shape[-1])).astype(w.dtype)


case(
    "6.2.2 entropy",
    lambda p, scale: (
        information.entropy(p), information.entropy(p, 0, base=2), information.entropy(d.Normal(0.0, scale))
    ),
    lambda p, scale: (
        reference.entropy(p), reference.entropy(p.T) / np.log(2), reference.each(reference.normal_entropy, scale)
    ),
    inputs=lambda rng: (_tables(rng), np.array([1.0, 2.0, 4.0]) * rng.uniform(0.9, 1.1)),
    covers=("information.entropy",),
)  # fmt: skip
case(
    "6.3.1 cross entropy of a cat",
    lambda cat, model: information.cross_entropy(cat, model),
    lambda cat, model: np.array([np.log(1.25), np.log(4.0)]),  # 0.223 and 1.386
    inputs=lambda rng: (np.array([1, 0, 0, 0]), np.array([[0.8, 0.15, 0.04, 0.01], [0.25, 0.25, 0.25, 0.25]])),
    covers=("information.cross_entropy",),
)
case(
    "6.3.1 cross entropy of tables and of normal distributions",
    lambda p, q, loc, scale: (
        information.cross_entropy(p, q),
        information.cross_entropy(d.Normal(0.0, scale[0]), d.Normal(loc, scale[1]), base=2),
        information.cross_entropy(d.Exponential(scale[0]), d.Exponential(scale[1])),
    ),
    lambda p, q, loc, scale: (
        reference.cross_entropy(p, q),
        (reference.normal_entropy(scale[0]) + reference.normal_divergence(0, scale[0], loc, scale[1])) / np.log(2),
        scale[1] / scale[0] - np.log(scale[1]),
    ),
    inputs=lambda rng: (_tables(rng), _tables(rng), rng.normal(), rng.uniform(0.5, 2, size=2)),
    covers=("information.cross_entropy",),
)
case(
    "6.4.2 Kullback-Leibler divergence",
    lambda scale, p, q, ends: (
        kl(d.Normal(0.0, scale[:2]), d.Normal(0.0, jnp.stack([scale[1], scale[0]]))),
        kl(d.Normal(0.0, scale[0]), d.Normal(0.0, scale[2])),
        kl(p, q, base=2),
        kl(d.Uniform(ends[0], ends[1]), d.Normal(0.0, scale[0])),
    ),
    lambda scale, p, q, ends: (
        np.array([np.log(2) - 3 / 8, 3 / 2 - np.log(2)]),  # 0.31815 and 0.80685
        np.log(4) - 15 / 32,  # 0.91754
        reference.kl(p, q) / np.log(2),
        np.log(scale[0] * np.sqrt(2 * np.pi) / (ends[1] - ends[0]))
        + (ends[1] ** 3 - ends[0] ** 3) / (6 * scale[0] ** 2 * (ends[1] - ends[0])),
    ),
    inputs=lambda rng: (np.array([5.0, 10.0, 20.0]), _tables(rng), _tables(rng), np.sort(rng.normal(size=2) * 3)),
    covers=("information.kl_divergence",),
)
case(
    "6.4 divergences of continuous distributions",
    lambda loc, scale, a, b: (
        kl(d.Laplace(loc[0], scale[0]), d.Laplace(loc[1], scale[1])),
        kl(d.Gamma(a[0], b[0]), d.Gamma(a[1], b[1])),
        kl(d.Pareto(a[0], 1 + scale[0]), d.Pareto(a[1], scale[0])),
        kl(d.Dirichlet(a[0]), d.Dirichlet(a[1])),
    ),
    lambda loc, scale, a, b: (
        reference.each(reference.laplace_divergence, loc[0], scale[0], loc[1], scale[1]),
        reference.each(reference.gamma_divergence, a[0], b[0], a[1], b[1]),
        reference.each(reference.pareto_divergence, a[0], 1 + scale[0], a[1], scale[0]),
        reference.dirichlet_divergence(a[0], a[1]),
    ),
    inputs=lambda rng: (
        rng.normal(size=(2, 4)), rng.uniform(0.5, 2, size=(2, 4)),
        np.array([[0.7, 3.0, 12.0, 40.0], [1.5, 3.1, 30.0, 35.0]]) * rng.uniform(0.9, 1.1),
        rng.uniform(1, 3, size=(2, 4)),
    ),
    covers=("information.kl_divergence",),
)  # fmt: skip
case(
    "6.4 divergences of discrete distributions",
    lambda p, q, rate, z: (
        kl(d.Categorical(p), d.Categorical(q)),
        kl(d.Bernoulli(logits=40 * z[0]), d.Bernoulli(logits=40 * z[1])),
        kl(d.Poisson(rate[0]), d.Poisson(rate[1])),
        kl(d.Multinomial(3, p), d.Multinomial(3, q)),
        kl(d.Binomial(5, p), d.Binomial(5, q)),
        kl(d.NegativeBinomial(2.5, p), d.NegativeBinomial(2.5, q)),
    ),
    lambda p, q, rate, z: (
        reference.kl([p], [q])[0],
        reference.each(lambda a, b: reference.logits_divergence([40 * a, 0], [40 * b, 0]), *z),
        reference.each(reference.poisson_divergence, *rate),
        reference.multinomial_divergence(3, p, q),
        reference.each(lambda a, b: reference.binomial_divergence(5, a, b), p, q),
        reference.each(lambda a, b: reference.negative_binomial_divergence(2.5, a, b), p, q),
    ),
    inputs=lambda rng: (
        _tables(rng)[0], _tables(rng)[0], np.array([[0.5, 4.0], [1.0, 3.9]]) * rng.uniform(0.9, 1.1),
        rng.normal(size=(2, 3)),
    ),
    covers=("information.kl_divergence",),
)  # fmt: skip
case(
    "6.4 divergences of normal vectors and random matrices",
    lambda loc, w, df: (
        _kl_of(d.MultivariateNormal, loc, _covariances(w)),
        _kl_of(d.NormalWishart, loc, df / 3, df, _covariances(w)),
    ),
    lambda loc, w, df: (
        reference.vector_divergence(loc, _covariances(w)),
        reference.normal_wishart_divergence(loc, df / 3, df, _covariances(w)),
    ),
    inputs=lambda rng: (rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 3)), rng.uniform([3.5, 7.0], [4.5, 8.0])),
    covers=("information.kl_divergence",),
)
case(
    "6.4 Jensen-Shannon and Renyi divergences, mutual information",
    lambda p, q, alpha: (
        information.jensen_shannon(p, q, base=2),
        jax.vmap(lambda alpha: information.renyi(p, q, alpha))(alpha),
        information.mutual_information(p / 3, base=2),
        information.conditional_entropy(p / 3, base=2),
    ),
    lambda p, q, alpha: (
        reference.jensen_shannon(p, q) / np.log(2),
        reference.each(lambda order: reference.renyi(p, q, order), alpha),
        reference.mutual_information(p / 3) / np.log(2),
        reference.conditional_entropy(p / 3) / np.log(2),
    ),
    inputs=lambda rng: (_tables(rng), _tables(rng), np.array([0.3, 1.0, 1.01, 6.5])),
    covers=(
        "information.jensen_shannon", "information.renyi", "information.mutual_information",
        "information.conditional_entropy",
    ),
)  # fmt: skip
case(
    "6.4 Wasserstein distance of normal distributions",
    lambda loc, w, scale: (
        information.wasserstein2(
            d.MultivariateNormal(loc[0], _covariances(w[0])), d.MultivariateNormal(loc[1], _covariances(w))
        ),
        information.wasserstein2(d.Normal(loc[0], scale[0]), d.Normal(loc[1], scale[1])),
    ),
    lambda loc, w, scale: (
        reference.each(lambda b: reference.wasserstein2(loc[0], _covariances(w[0]), loc[1], b), _covariances(w)),
        np.hypot(loc[0] - loc[1], scale[0] - scale[1]),
    ),
    inputs=lambda rng: (rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 3)), rng.uniform(0.5, 2, size=(2, 3))),
    covers=("information.wasserstein2",),
)
case(
    "6.4 Fisher information",
    lambda loc, scale, z: (
        information.fisher_information(d.Normal(loc, scale)),
        information.fisher_information(d.Categorical(logits=z))["logits"]["logits"],
    ),
    lambda loc, scale, z: (
        (1 / scale**2, np.zeros(2), np.zeros(2), 2 / scale**2),
        np.diag(reference.softmax(z)) - np.outer(reference.softmax(z), reference.softmax(z)),
    ),
    inputs=lambda rng: (rng.normal(size=2), rng.uniform(0.5, 2, size=2), rng.normal(size=3)),
    covers=("information.fisher_information",),
)
case(
    "6.4 divergence by draws",
    lambda ends: information.kl_monte_carlo(
        jax.random.key(0), d.Uniform(ends[1], ends[2]), d.Uniform(ends[0], ends[3]), 100
    ),
    lambda ends: (np.log((ends[3] - ends[0]) / (ends[2] - ends[1])), 0.0),  # all terms are equal
    inputs=lambda rng: (np.sort(rng.normal(size=4)),),
    covers=("information.kl_monte_carlo",),
    not_differentiable="the error is 0, where it has no derivative: test_information.py has that of a value",
)
