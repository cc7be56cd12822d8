"""Chapter 13: conjugate Bayesian inference."""

import jax.numpy as jnp
import numpy as np
from scipy import special, stats

from jaxmath import bayes
from jaxmath.crosscheck.references import bayes as reference
from jaxmath.crosscheck.registry import case
from jaxmath.distributions import (
    Beta,
    Dirichlet,
    Gamma,
    LogNormal,
    Lomax,
    MultivariateNormal,
    Normal,
    NormalGamma,
    NormalInverseGamma,
    NormalWishart,
    Pareto,
    Wishart,
)

PUBLIC = tuple(f"bayes.Model.{method}" for method in ("posterior", "predictive", "log_evidence"))
WEIGHTS = np.array([1.0, 2.0, 1.0, 0.5, 3.0, 1.0])
PRECISION, PRIOR_PRECISION = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.25], [-0.25, 0.5]])
BOOK = (150.0, 100.0, 10.5, 810.0)


def _like(a, x):
    return jnp.asarray(a, x.dtype)


def _fitted(model, prior, x, w):
    """Mean and variance of the posterior, and log-evidence."""
    posterior = model.posterior(prior, x, weights=w)
    return posterior.mean, posterior.variance, model.log_evidence(prior, x, weights=w)


def _found(model, prior, x, w, new):
    """The same and the log-density of a new observation."""
    posterior = model.posterior(prior, x, weights=w)
    return *_fitted(model, prior, x, w), model.predictive(posterior).log_prob(new)


case(
    "13.2 unknown mean, known variance",
    lambda x, w, p: (
        _found(bayes.NormalMean(p[2]), Normal(p[0], p[1]), x, w, p[3]),
        _found(bayes.LogNormalMean(p[2]), Normal(p[0], p[1]), jnp.exp(x), w, jnp.exp(p[3])),
    ),
    lambda x, w, p: (
        found := reference.normal_mean(x, w, p[0], p[1], p[2], p[3]),
        reference.of_logarithm(found, x, w, p[3]),
    ),
    inputs=lambda rng: (rng.normal(1, 2, size=6), WEIGHTS, np.array([0.5, 2.0, 1.5, 0.75])),
    covers=PUBLIC,
)
case(
    "13.2 Bayes factors of a mean, intervals, decisions",
    lambda x, p: (
        bayes.log_bayes_factor(bayes.NormalMean(p[2]), Normal(p[0], p[1]), Normal(p[0], p[3]), x),
        bayes.credible_interval(Normal(p[0], p[1]), 0.75),
        bayes.credible_interval(LogNormal(p[0], p[3]), 0.5, kind="hdi"),
        bayes.credible_interval(Lomax(p[1], p[2]), 0.5, kind="hdi").high,
        [bayes.decision(LogNormal(p[0], p[3]), loss) for loss in ("squared", "absolute", "zero_one")],
    ),
    lambda x, p: (
        reference.normal_mean(x, np.ones(6), p[0], p[1], p[2], 0.0)[2]
        - reference.normal_mean(x, np.ones(6), p[0], p[3], p[2], 0.0)[2],
        *stats.norm.ppf([0.125, 0.875], p[0], p[1]),
        *reference.shortest(stats.lognorm(p[3], scale=np.exp(p[0])), 1e-9, 60.0, 0.5),
        stats.lomax.ppf(0.5, p[1], scale=p[2]),
        *np.exp([p[0] + p[3] ** 2 / 2, p[0], p[0] - p[3] ** 2]),
    ),
    inputs=lambda rng: (rng.normal(1, 2, size=6), np.array([0.5, 2.0, 1.5, 0.75])),
    covers=("bayes.log_bayes_factor", "bayes.credible_interval", "bayes.decision"),
    float64=1e-9,
    float32=1e-4,
    reason="the ends of an interval are where two densities are equal, which are flat in p near the mode",
)
case(
    "13.5 unknown precision, known mean",
    lambda x, w, p: (
        _found(bayes.NormalPrecision(p[0]), Gamma(p[1], p[2]), x, w, p[3]),
        _found(bayes.LogNormalPrecision(p[0]), Gamma(p[1], p[2]), jnp.exp(x), w, jnp.exp(p[3])),
        bayes.NormalPrecision(p[0]).posterior(Gamma(p[1], p[2]), x).rate,
    ),
    lambda x, w, p: (
        found := reference.with_gamma(reference.normal_precision(p[0]), x, w, p[1], p[2], p[3]),
        reference.of_logarithm(found, x, w, p[3]),
        p[2] + sum((a - p[0]) ** 2 for a in x) / 2,
    ),
    inputs=lambda rng: (rng.normal(1, 2, size=6), WEIGHTS, np.array([0.5, 2.5, 1.5, 0.75])),
    covers=PUBLIC,
)
case(
    "13.5 positive data with a gamma prior",
    lambda x, w, p: (
        _found(bayes.ExponentialGamma(), Gamma(p[0], p[1]), x, w, p[3]),
        _found(bayes.GammaGamma(p[2]), Gamma(p[0], p[1]), x, w, p[3]),
        _found(bayes.ParetoGamma(p[4]), Gamma(p[0], p[1]), x, w, p[3]),
    ),
    lambda x, w, p: (
        reference.with_gamma(reference.exponential, x, w, p[0], p[1], p[3]),
        reference.with_gamma(reference.gamma_density(p[2]), x, w, p[0], p[1], p[3]),
        reference.with_gamma(reference.pareto(p[4]), x, w, p[0], p[1], p[3]),
    ),
    inputs=lambda rng: (0.5 + rng.gamma(2, size=6), WEIGHTS, np.array([2.5, 1.25, 3.5, 0.75, 0.25])),
    covers=PUBLIC,
)
case(
    "13.5 uniform data with a Pareto prior",
    lambda x, w, p: (
        (posterior := bayes.UniformPareto().posterior(Pareto(p[0], p[1]), x, weights=w)).mean,
        bayes.UniformPareto().log_evidence(Pareto(p[0], p[1]), x, weights=w),
        bayes.UniformPareto().predictive(posterior).log_prob(p[2]),
    ),
    lambda x, w, p: reference.uniform(x, w, p[0], p[1], p[2]),
    inputs=lambda rng: (rng.uniform(0, 3, size=6), WEIGHTS, np.array([2.5, 1.25, 0.75])),
    covers=PUBLIC,
)
case(
    "13.5 counts with a gamma prior",
    lambda k, w, p: _found(bayes.PoissonGamma(), Gamma(p[0], p[1]), k, w, 4),
    lambda k, w, p: reference.with_gamma(reference.poisson, k, w, p[0], p[1], 4),
    inputs=lambda rng: (rng.poisson(3, size=6), WEIGHTS, np.array([2.5, 1.25])),
    covers=PUBLIC,
)
case(
    "13.5 counts with a beta prior",
    lambda k, w, p: (
        _fitted(bayes.BernoulliBeta(), Beta(p[0], p[1]), k > 2, w),
        _fitted(bayes.GeometricBeta(), Beta(p[0], p[1]), k + 1, w),
        _fitted(bayes.NegativeBinomialBeta(p[2]), Beta(p[0], p[1]), k, w),
        _found(bayes.BinomialBeta(10), Beta(p[0], p[1]), k, w, 4),
    ),
    lambda k, w, p: (
        reference.with_beta(reference.bernoulli, k > 2, w, p[0], p[1], 1)[:3],
        reference.with_beta(reference.geometric, k + 1, w, p[0], p[1], 4)[:3],
        reference.with_beta(reference.negative_binomial(p[2]), k, w, p[0], p[1], 4)[:3],
        reference.with_beta(reference.binomial(10), k, w, p[0], p[1], 4),
    ),
    inputs=lambda rng: (rng.integers(0, 7, size=6), WEIGHTS, np.array([2.5, 1.25, 3.5])),
    covers=PUBLIC,
)
_CLASSES = bayes.CategoricalDirichlet(3)
case(
    "13.5 labels and counts with a Dirichlet prior",
    lambda labels, k, w, a: (
        _CLASSES.update(Dirichlet(a), _CLASSES.statistics(labels.astype(a.dtype), weights=w)).mean,
        bayes.CategoricalDirichlet().log_evidence(Dirichlet(a), labels, weights=w),
        bayes.MultinomialDirichlet(5).posterior(Dirichlet(a), k, weights=w).mean,
        bayes.MultinomialDirichlet(5).log_evidence(Dirichlet(a), k, weights=w),
    ),
    lambda labels, k, w, a: (
        *reference.dirichlet(np.array([w[labels == j].sum() for j in range(3)]), a, 0.0),
        *reference.dirichlet(w @ k, a, w @ (special.gammaln(6) - special.gammaln(k + 1).sum(axis=1))),
    ),
    inputs=lambda rng: (
        rng.integers(0, 3, size=6), rng.multinomial(5, [0.2, 0.3, 0.5], size=6), WEIGHTS, np.array([1.5, 2.0, 0.75])
    ),
    covers=(*PUBLIC[::2], "bayes.Model.update", "bayes.Model.statistics", "bayes.CategoricalDirichlet.statistics"),
)  # fmt: skip
case(
    "13.6 unknown mean and precision",
    lambda x, w, p: (
        (of := bayes.NormalMeanPrecision().posterior(NormalGamma(*p[:4]), x, weights=w)).mean,
        of.variance,
        _found(bayes.NormalMeanPrecision(), NormalInverseGamma(*p[:4]), x, w, p[4])[2:],
        bayes.LogNormalMeanPrecision().log_evidence(NormalGamma(*p[:4]), jnp.exp(x), weights=w),
    ),
    lambda x, w, p: (
        *(found := reference.normal_mean_precision(x, w, *p))[:1],
        found[2],
        found[1],
        *found[3:],
        found[4] - w @ x,
    ),
    inputs=lambda rng: (rng.normal(1, 2, size=6), WEIGHTS, np.array([0.25, 0.5, 3.5, 1.25, 0.75])),
    covers=PUBLIC,
)
case(
    "13.7 Statsville revisited: the prior, and posteriors after each of 20 batches of 10",
    lambda x, p: (
        (prior := NormalGamma(*p[3:]).mode).mean,
        prior.precision**-0.5,
        (found := bayes.sequential(bayes.NormalMean(p[2]), Normal(p[0], p[1]), x)).loc,
        found.scale,
        (late := bayes.sequential(bayes.NormalMean(p[2]), Normal(p[0], p[1]), x, forgetting=0.5)).loc[-1],
        late.scale[-1],
    ),
    lambda x, p: (
        np.array(150.0),
        np.array(9.0),
        *reference.posteriors_one_by_one(x, p[0], p[1], p[2]),
        *reference.discounted(x, p[0], p[1], p[2], 0.5),
    ),
    inputs=lambda rng: (rng.normal(152, 8, size=(20, 10)), np.array([150.0, 9.0, 8.0, *BOOK])),
    covers=("bayes.sequential",),
)
case(
    "13.8 multivariate mean, known precision",
    lambda x, w, loc, new: (
        (of := bayes.MultivariateMean(_like(PRECISION, x)))
        .posterior(prior := MultivariateNormal(loc, precision=_like(PRIOR_PRECISION, x)), x, weights=w)
        .mean,
        (posterior := of.posterior(prior, x, weights=w)).covariance,
        of.log_evidence(prior, x, weights=w),
        of.predictive(posterior).log_prob(new),
        posterior.precision,
    ),
    lambda x, w, loc, new: (
        *reference.multivariate_mean(x, w, PRECISION, loc, PRIOR_PRECISION, new),
        w.sum() * PRECISION + PRIOR_PRECISION,
    ),
    inputs=lambda rng: (rng.normal(size=(6, 2)) + 1, WEIGHTS, np.array([0.25, -0.5]), np.array([0.5, 1.0])),
    covers=PUBLIC,
)
case(
    "13.8 multivariate precision, with the mean known and unknown",
    lambda x, w, loc, scale: (
        (known := bayes.MultivariatePrecision(loc)).posterior(Wishart(3.5, scale @ scale.T), x, weights=w).mean,
        known.log_evidence(Wishart(3.5, scale @ scale.T), x, weights=w),
        (of := (model := bayes.MultivariateMeanPrecision()).posterior(
            prior := NormalWishart(loc, 0.75, 3.5, scale @ scale.T), x, weights=w
        )).loc,
        of.df,
        of.mean.precision,
        model.log_evidence(prior, x, weights=w),
    ),
    lambda x, w, loc, scale: (
        *reference.multivariate_precision(x, w, loc, 3.5, scale @ scale.T),
        *reference.multivariate_mean_precision(x, w, loc, 0.75, 3.5, scale @ scale.T),
    ),
    inputs=lambda rng: (
        rng.normal(size=(6, 2)) + 1, WEIGHTS, np.array([0.25, -0.5]), np.array([[1.0, 0.0], [0.5, 0.75]])
    ),
    covers=PUBLIC,
    float64=1e-9,
    reason="the grid of the reference has ten digits",
)  # fmt: skip
case(
    "13.8 linear regression",
    lambda x, y, w, loc, new: (
        (of := bayes.LinearRegression()).posterior(
            prior := bayes.MultivariateNormalInverseGamma(loc, _like(PRIOR_PRECISION, x), 2.5, 1.25), (x, y), weights=w
        ).mean,
        of.log_evidence(prior, (x, y), weights=w),
        of.predictive(of.posterior(prior, (x, y), weights=w), new[:2]).log_prob(new[2]),
    ),
    lambda x, y, w, loc, new: reference.linear_regression(x, y, w, loc, PRIOR_PRECISION, 2.5, 1.25, new),
    inputs=lambda rng: (
        x := rng.normal(size=(6, 2)) + 1, x[:, 0] - x[:, 1] + rng.normal(size=6), WEIGHTS, np.array([0.25, -0.5]),
        np.array([0.5, 1.0, 0.25]),
    ),
    covers=("bayes.LinearRegression.predictive", *PUBLIC[::2]),
    float64=1e-8,
    reason="the grid of the reference has nine digits",
)  # fmt: skip
case(
    "13.8 densities: of the prior of a regression, and of predictive distributions that have no other name",
    lambda p, x: (
        bayes.MultivariateNormalInverseGamma(x[:2], _like(PRIOR_PRECISION, x), p[0], p[1]).log_prob((x[2:], p[2])),
        [f(x) for d in (bayes.LogLomax(p[0], p[1], p[2]), bayes.UniformToPareto(p[0], p[1])) for f in (
            d.log_prob, d.cdf, lambda x, d=d: d.icdf(d.cdf(x))
        )],
        bayes.UniformToPareto(p[0], p[1]).mean,
        bayes.UniformToPareto(p[0], p[1]).variance,
        bayes.BetaGeometric(p[0], p[1]).log_prob(jnp.arange(1, 5)),
        bayes.BetaGeometric(p[0], p[1]).mean,
        bayes.BetaGeometric(p[0], p[1]).variance,
    ),
    lambda p, x: reference.densities(p, x, PRIOR_PRECISION),
    inputs=lambda rng: (np.array([3.5, 1.25, 0.5]), np.array([0.75, 1.5, 2.5, 4.0])),
    covers=(
        "bayes.MultivariateNormalInverseGamma", "bayes.LogLomax", "bayes.UniformToPareto", "bayes.BetaGeometric",
    ),
)  # fmt: skip
case(
    "13.8 empirical Bayes: the prior of the means of normal groups",
    lambda x, p: (
        (
            found := bayes.empirical_bayes(bayes.NormalMean(p[2]), Normal(p[0], p[1]), x, tol=0.0, max_steps=20)
        ).params.loc,
        found.params.scale,
        found.log_evidence,
    ),
    lambda x, p: reference.prior_of_groups(x, p[2]),
    inputs=lambda rng: (rng.normal(size=(20, 4)) + 3 * rng.normal(size=(20, 1)), np.array([0.5, 2.0, 1.5])),
    covers=("bayes.empirical_bayes",),
)
