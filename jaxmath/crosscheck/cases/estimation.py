"""Section 6.7: estimation."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from jaxmath import distributions, estimation, optimize
from jaxmath.crosscheck.references import estimation as reference
from jaxmath.crosscheck.registry import case
from jaxmath.distributions import (
    Beta,
    Dirichlet,
    Exponential,
    Gamma,
    InverseGamma,
    Laplace,
    LogNormal,
    MultivariateNormal,
    Normal,
    Pareto,
    Poisson,
    StudentT,
    Uniform,
)


def _params(d):
    return [vars(d)[field] for field in d._fields if vars(d)[field] is not None]


case(
    "6.7.1 maximum likelihood by formulas",
    lambda x, k, w: (
        _params(estimation.mle(Normal, x, weights=w)),
        _params(estimation.mle(LogNormal, jnp.exp(x), weights=w)),
        estimation.mle(Exponential, jnp.exp(x), weights=w).rate,
        estimation.mle(Poisson, k.astype(x.dtype), weights=w).rate,
        _params(estimation.mle(Uniform, x)),
        _params(estimation.mle(Laplace, x)),
        _params(estimation.mle(Pareto, jnp.exp(x))),
        _params(estimation.mle(MultivariateNormal, x.reshape(-1, 2), weights=w[:10])),
    ),
    lambda x, k, w: (
        *reference.normal(x, w),
        *reference.normal(x, w),
        1 / reference.weighted_mean(np.exp(x), w),
        reference.weighted_mean(k, w),
        x.min(),
        x.max(),
        *reference.laplace(x),
        *reference.pareto(np.exp(x)),
        *reference.vector_normal(x.reshape(-1, 2), w[:10]),
    ),
    inputs=lambda rng: (rng.normal(size=20), rng.poisson(3, size=20), rng.uniform(0.5, 2, size=20)),
    covers=("estimation.mle", "distributions.fit"),
)
case(
    "6.7.1 maximum likelihood of gamma, beta and Dirichlet",
    lambda x, p, w: (
        _params(estimation.mle(Gamma, x, weights=w)),
        _params(estimation.mle(InverseGamma, x, weights=w)),
        _params(estimation.mle(Beta, p[:, 0])),
        _params(estimation.mle(Dirichlet, p)),
    ),
    lambda x, p, w: (
        *reference.gamma(x, w),
        *reference.gamma(1 / x, w),
        *reference.dirichlet(np.stack([p[:, 0], 1 - p[:, 0]], axis=1)),
        reference.dirichlet(p),
    ),
    inputs=lambda rng: (
        rng.gamma(3.0, size=20), rng.dirichlet([2.0, 3, 4], size=20).astype(np.float32), rng.uniform(0.5, 2, size=20)
    ),
    covers=("estimation.mle", "distributions.fit"),
    float32=2e-4,
    reason="in float32 the gap between the logarithm of a mean and the mean logarithm has lost a digit or two",
    not_differentiable="a point of the simplex has no neighbours along its entries: test_estimation.py has derivatives",
)  # fmt: skip
case(
    "6.7.1 maximum likelihood of Student's t",
    lambda x: _params(estimation.mle(StudentT, x)),
    lambda x: reference.student_t(x),
    inputs=lambda rng: (stats.t.ppf((np.arange(24) + 0.5) / 24, 2.5) + 0.1 * rng.normal(size=24),),
    covers=("estimation.mle",),
    float64=1e-6,
    float32=2e-3,
    reason="the reference, which sees no gradient, finds six digits; in float32 the likelihood is flat to three",
)
case(
    "6.7.1 heights: likelihood, intervals, censored and truncated",
    lambda x, loc, scale, ends: (
        estimation.negative_log_likelihood(Normal(loc, scale), x),
        estimation.interval_probability(Normal(152.0, 8.0), ends[:1], ends[1:2]),
        estimation.interval_probability(Normal(loc, scale), ends[:-1], ends[1:]),
        estimation.censored_log_prob(Normal(loc, scale), x, ends[0], ends[1]),
        estimation.truncated_log_prob(Normal(loc, scale), x, ends[0] - 90, ends[1] + 30),
    ),
    lambda x, loc, scale, ends: (
        -stats.norm.logpdf(x, loc, scale).sum(),
        reference.interval_of_the_book(),
        reference.interval(stats.norm(loc, scale), ends[:-1], ends[1:]),
        reference.censored(x, ends[0], ends[1], loc, scale),
        reference.truncated(x, ends[0] - 90, ends[1] + 30, loc, scale),
    ),
    inputs=lambda rng: (
        rng.normal(165, 8, size=12), np.array(160.0), np.array(8.0), np.array([160.0, 170.0, 171.0, 230.0])
    ),
    covers=(
        "estimation.negative_log_likelihood", "estimation.interval_probability", "estimation.censored_log_prob",
        "estimation.truncated_log_prob",
    ),
)  # fmt: skip
case(
    "6.7.1 maximum a posteriori of normal data, by descent",
    jax.jit(lambda x, width: _params(
        estimation.descend(
            Normal(x[0], jnp.ones_like(x[0])), x, optimizer=optimize.gradient_descent(1 / 80), num_steps=80, tol=0.0,
            prior=lambda d: Normal(0.0, width).log_prob(d.loc),
        ).params
    )),
    lambda x, width: reference.ridge_normal(x, width),
    inputs=lambda rng: (stats.norm.ppf((np.arange(20) + 0.5) / 20) + 0.05 * rng.normal(size=20) + 0.3, np.array(0.1)),
    covers=("estimation.descend",),
)  # fmt: skip
case(
    "6.7.1 standard errors",
    lambda x, p, a, rate: (
        _params(estimation.standard_errors(Normal(x.mean(), x.std()), x)),
        _params(estimation.standard_errors(Gamma(a, rate), jnp.full(20, a / rate))),
        estimation.standard_errors(distributions.Categorical(p), jnp.array([0] * 2 + [1] * 3 + [2] * 5)).probs,
    ),
    lambda x, p, a, rate: (
        *reference.normal_errors(np.std(x), 20),
        *reference.gamma_errors(a, rate, 20),
        np.sqrt(p * (1 - p) / 10),
    ),
    inputs=lambda rng: (rng.normal(size=20), np.array([0.2, 0.3, 0.5]), np.array(3.0), rng.uniform(1, 2)),
    covers=("estimation.standard_errors",),
    float32=1e-4,
    reason="a Hessian in float32",
    not_differentiable="the probabilities are those of the data: nothing may be moved",
)
