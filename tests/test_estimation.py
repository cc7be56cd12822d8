"""Estimation: laws, degenerate data, weights, streams and derivatives; the cross-check has the numbers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quick import quick
from scipy import optimize, stats

from jaxmath import distributions, estimation
from jaxmath.distributions import (
    Bernoulli,
    Beta,
    BetaBinomial,
    Binomial,
    Categorical,
    Dirichlet,
    DirichletMultinomial,
    Exponential,
    Gamma,
    InverseGamma,
    Laplace,
    LogNormal,
    Multinomial,
    MultivariateNormal,
    MultivariateStudentT,
    NegativeBinomial,
    Normal,
    Pareto,
    Poisson,
    StudentT,
    Uniform,
)

pytestmark = pytest.mark.once  # each test sets its precision
RNG = np.random.default_rng(0)
POSITIVE = RNG.gamma(3.0, size=24).astype(np.float32)
COUNTS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9] + [2] * 8)
OF_NUMBERS = [Normal, LogNormal, Exponential, Gamma, Poisson, Uniform, Pareto, Laplace]


def given_parameters(d):
    return [np.asarray(vars(d)[field]) for field in d._fields if vars(d)[field] is not None]


def check_equal(a, b, rtol=1e-4):
    for x, y in zip(given_parameters(a), given_parameters(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=1e-6)


def data_for(kind):
    return COUNTS if kind is Poisson else POSITIVE


@settings(max_examples=10, deadline=None)
@given(kind=st.sampled_from(OF_NUMBERS), weights=st.permutations([0, 1, 2, 3] * 6))
def test_weights_are_repetition(kind, weights):
    x = data_for(kind)
    repeated = np.repeat(x, weights)
    assert len(repeated) == 36
    check_equal(estimation.mle(kind, x, weights=weights), estimation.mle(kind, repeated))


@pytest.mark.parametrize("kind", [Normal, Gamma, Poisson])
def test_chunks_and_streams_change_nothing(kind):
    x = data_for(kind)
    whole = distributions.fit(kind, x)
    check_equal(distributions.fit(kind, x, chunk_size=5), whole)
    check_equal(distributions.fit_batches(kind, np.split(x, [3, 10])), whole)
    weights = np.arange(24.0)
    weighted = distributions.fit_batches(kind, np.split(x, [3, 10]), weights=np.split(weights, [3, 10]))
    check_equal(weighted, distributions.fit(kind, x, weights=weights))


@pytest.mark.parametrize("kind", OF_NUMBERS)
def test_a_row_of_weight_0_is_left_out_whatever_it_holds(kind):
    x = data_for(kind).astype(np.float32)
    for value in (np.nan, -3.0, np.inf):
        spoilt, weights = np.append(x[1:], value), np.append(np.ones(23), 0)
        check_equal(estimation.mle(kind, spoilt.astype(np.float32), weights=weights), estimation.mle(kind, x[1:]))
    spoilt = np.append(x[1:], np.nan).astype(np.float32)
    assert all(np.isnan(a).all() for a in given_parameters(estimation.mle(kind, spoilt)))


def test_data_out_of_the_support_gives_nan():
    wrong = np.append(POSITIVE[1:], np.float32(-1))
    for kind in (Exponential, Gamma, LogNormal, Poisson, Pareto):
        assert np.isnan(given_parameters(estimation.mle(kind, wrong))[0]), kind
    assert np.isnan(estimation.mle(Bernoulli, np.array([0, 1, 2])).probs)
    assert np.isnan(estimation.mle(Categorical, np.array([0, 1, 3]), num_classes=3).probs).all()
    assert np.isnan(estimation.mle(Binomial, np.array([0, 5]), total_count=4).probs)


def test_where_there_is_no_maximum():
    equal = np.full(24, 2.0, np.float32)
    assert estimation.mle(Normal, equal).scale == 0
    assert np.isnan(estimation.mle(Gamma, equal).concentration)
    assert np.isnan(estimation.mle(Dirichlet, np.full((24, 3), 1 / 3, np.float32)).concentration).all()
    assert np.isnan(quick(lambda x: estimation.mle(NegativeBinomial, x), np.array([2, 3] * 12)).r)
    one = estimation.mle(Normal, POSITIVE[:1])
    assert (one.loc, one.scale) == (POSITIVE[0], 0)


def test_degenerate_data_and_weights_give_nan():
    ones = np.ones(5, np.float32)
    for kind in (StudentT, Gamma, Pareto, Uniform):
        assert all(np.isnan(a).all() for a in given_parameters(quick(partial(estimation.mle, kind), ones))), kind
    assert np.isnan(estimation.mle(Exponential, 0 * ones).rate)
    for kind in (Normal, Uniform, Poisson):
        found = estimation.mle(kind, ones, weights=0 * ones)
        assert all(np.isnan(a).all() for a in given_parameters(found)), kind
    assert estimation.mle(Laplace, ones).scale == 0


@pytest.mark.parametrize("mean", [1e2, 1e4])
def test_concentrated_data_keep_their_digits_in_float32(mean):
    x = (mean + np.random.default_rng(0).normal(size=48)).astype(np.float32)
    concentration, _, _ = stats.gamma.fit(x.astype(float), floc=0)
    found = estimation.mle(Gamma, x)
    np.testing.assert_allclose([found.concentration, found.mean], [concentration, x.astype(float).mean()], rtol=3e-4)
    inverse = estimation.mle(InverseGamma, 1 / x)
    np.testing.assert_allclose(inverse.concentration, concentration, rtol=1e-2)  # 1 / x is rounded


def test_probabilities_are_never_below_0():
    found = estimation.mle(Categorical, np.array([0, 2, 2]), weights=[1.0, 2.0, 0.0]).probs
    np.testing.assert_allclose(found, [1 / 3, 0, 2 / 3], rtol=1e-6)
    assert (found >= 0).all()


def test_offset_1e4_in_float32():
    x = (RNG.normal(size=2000) + 1e4).astype(np.float32)
    found = estimation.mle(Normal, x)
    np.testing.assert_allclose(found.scale, np.std(x.astype(float)), rtol=1e-5)
    large = (1e4 + 100 * RNG.normal(size=2000)).astype(np.float32)  # a gamma distribution of concentration 1e4
    expected, _, _ = stats.gamma.fit(large.astype(float), floc=0)
    np.testing.assert_allclose(estimation.mle(Gamma, large).concentration, expected, rtol=5e-3)


def test_classes_and_counts():
    labels = np.array([0, 2, 2, 1])
    np.testing.assert_allclose(estimation.mle(Categorical, labels).probs, [0.25, 0.25, 0.5])
    np.testing.assert_allclose(estimation.mle(Categorical, labels, num_classes=4).probs, [0.25, 0.25, 0.5, 0])
    np.testing.assert_allclose(estimation.mle(Bernoulli, [True, False, True, True]).probs, 0.75)
    np.testing.assert_allclose(estimation.mle(Binomial, [1, 3], total_count=4).probs, 0.5)
    np.testing.assert_allclose(estimation.mle(Multinomial, [[1, 3], [3, 1]], total_count=4).probs, [0.5, 0.5])


def maximum(density, start):
    """The maximum of a log-likelihood of positive parameters, by Nelder and Mead."""
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 9000}
    point = np.log(start)
    for _ in range(3):
        point = optimize.minimize(lambda z: -density(np.exp(z)), point, method="Nelder-Mead", options=options).x
    return np.exp(point)


def test_overdispersed_counts():
    with jax.enable_x64(True):
        found = quick(lambda x: estimation.mle(NegativeBinomial, x), COUNTS)
        expected = maximum(lambda p: stats.nbinom.logpmf(COUNTS, p[0], p[1] / (1 + p[1])).sum(), [3.0, 1.0])
        np.testing.assert_allclose([found.r, found.probs], [expected[0], expected[1] / (1 + expected[1])], rtol=1e-5)
        found = quick(lambda x: estimation.mle(BetaBinomial, x, total_count=9), COUNTS)
        expected = maximum(lambda p: stats.betabinom.logpmf(COUNTS, 9, *p).sum(), [2.0, 2.0])
        np.testing.assert_allclose([found.a, found.b], expected, rtol=1e-5)
        pairs = np.stack([COUNTS, 9 - COUNTS], axis=1)
        both = quick(lambda x: estimation.mle(DirichletMultinomial, x, total_count=9), pairs)
        np.testing.assert_allclose(both.concentration, expected, rtol=1e-5)


def test_long_tails_in_any_units():
    x = stats.t.ppf((np.arange(24) + 0.5) / 24, 2.5).astype(np.float32)
    one = quick(lambda x: estimation.mle(StudentT, x), x)
    other = quick(lambda x: estimation.mle(StudentT, x), np.float32(1e3) * x + np.float32(500))
    np.testing.assert_allclose(
        [other.df, other.loc, other.scale], [one.df, 1e3 * one.loc + 500, 1e3 * one.scale], rtol=2e-3
    )
    normal = quick(lambda x: estimation.mle(StudentT, x), stats.norm.ppf((np.arange(24) + 0.5) / 24).astype(np.float32))
    assert normal.df == np.float32(np.finfo(np.float32).eps ** (-2 / 3))  # the likelihood rises for ever
    np.testing.assert_allclose(normal.scale, np.std(stats.norm.ppf((np.arange(24) + 0.5) / 24)), rtol=1e-4)
    rows = np.random.default_rng(0).standard_t(3, size=(200, 2)).astype(np.float32)
    found = quick(lambda x: estimation.mle(MultivariateStudentT, x), rows)
    slope = quick(jax.grad(lambda d, x: estimation.negative_log_likelihood(d, x)), found, rows)
    np.testing.assert_allclose([slope.df, *slope.loc, *slope.scale_tril[np.tril_indices(2)]], 0, atol=2e-2)


def test_groups_by_vmap_and_the_derivative_of_the_maximum():
    groups = POSITIVE.reshape(4, 6)
    together = quick(jax.vmap(lambda x: estimation.mle(Gamma, x)), groups)
    for i in range(4):
        check_equal(jax.tree.map(lambda leaf, i=i: leaf[i], together), estimation.mle(Gamma, groups[i]))
    with jax.enable_x64(True):
        x = POSITIVE[:6].astype(float)
        function = lambda x: estimation.mle(Gamma, x).concentration + estimation.mle(Beta, x / 20).a  # noqa: E731
        slope = quick(jax.grad(function), x)[0]
        ahead, behind = (quick(function, x + np.eye(6)[0] * h) for h in (1e-5, -1e-5))
        np.testing.assert_allclose(slope, (ahead - behind) / 2e-5, rtol=1e-6)


def test_descent_with_l_bfgs_arrives_and_a_bad_start_is_told():
    x = RNG.normal(152, 8, size=24).astype(np.float32)
    far = estimation.descend(Normal(1.0, 1.0), x, optimizer=optax.lbfgs(), num_steps=80)
    assert far.converged
    check_equal(far.params, estimation.mle(Normal, x), rtol=1e-3)
    assert far.losses.shape == (81,)
    np.testing.assert_allclose(far.losses[0], estimation.negative_log_likelihood(Normal(1.0, 1.0), x), rtol=1e-5)
    wrong = estimation.descend(Normal(1.0, -1.0), x, optimizer=optax.lbfgs(), num_steps=80)
    assert not wrong.converged
    assert wrong.num_steps == 0


def test_descent_of_matrices_and_probabilities():
    x = RNG.normal(size=(24, 2)).astype(np.float32)
    start = MultivariateNormal(np.zeros(2, np.float32), covariance=np.eye(2, dtype=np.float32))
    found = estimation.descend(start, x, optimizer=optax.lbfgs(), num_steps=60)
    assert found.converged
    np.testing.assert_allclose(found.params.covariance, np.cov(x.T, ddof=0), rtol=1e-3, atol=1e-4)
    found = estimation.descend(
        Categorical(np.full(3, 1 / 3, np.float32)), np.array([0, 1, 1, 2]), optimizer=optax.lbfgs(), num_steps=60
    )
    np.testing.assert_allclose(found.params.probs, [0.25, 0.5, 0.25], rtol=1e-3)


def test_censored_and_truncated_data_give_the_distribution_back():
    """A normal fit of data cut at 160 is off by several standard errors; likelihoods that know of the cut are not."""
    x = stats.norm.ppf((np.arange(2000) + 0.5) / 2000, 152, 8).astype(np.float32)
    by = {"optimizer": optax.lbfgs(), "num_steps": 60}
    cut = np.minimum(x, np.float32(160))
    censored = estimation.descend(
        Normal(150.0, 6.0), cut, log_prob=lambda d, x: estimation.censored_log_prob(d, x, high=160.0), **by
    )
    seen = x[x > 150]
    truncated = estimation.descend(
        Normal(155.0, 6.0), seen, log_prob=lambda d, x: estimation.truncated_log_prob(d, x, low=150.0), **by
    )
    for found in (censored, truncated):
        np.testing.assert_allclose([found.params.loc, found.params.scale], [152, 8], rtol=3e-3)
    assert estimation.mle(Normal, cut).scale < 7
    assert estimation.mle(Normal, seen).loc > 155


def test_slopes_of_rows_that_are_not_censored_are_those_of_the_density():
    slope = jax.grad(lambda r: estimation.censored_log_prob(Exponential(r), jnp.array([1.0, 120.0]), high=200.0).sum())
    np.testing.assert_allclose(quick(slope, 1.0), 2 - 121, rtol=1e-6)
    np.testing.assert_allclose(
        quick(jax.grad(lambda a: estimation.interval_probability(Normal(0.0, 1.0), a, 1.0)), 0.0),
        -stats.norm.pdf(0),
        rtol=1e-6,
    )


def test_each_row_is_one_of_every_element_of_the_batch():
    found = estimation.negative_log_likelihood(Normal(np.arange(3.0), 1.0), np.zeros(3))
    np.testing.assert_allclose(found, -3 * stats.norm.logpdf(0, np.arange(3)), rtol=1e-6)


def test_intervals_far_out():
    d, far = Normal(0.0, 1.0), stats.norm.sf(8) - stats.norm.sf(9)
    np.testing.assert_allclose(estimation.interval_probability(d, 8.0, 9.0), far, rtol=1e-4)
    np.testing.assert_allclose(estimation.interval_probability(d, -9.0, -8.0), far, rtol=1e-4)
    assert estimation.interval_probability(d, 2.0, 1.0) == 0
    np.testing.assert_allclose(
        estimation.interval_probability(Poisson(3.0), 1.0, 2.0), stats.poisson.pmf(2, 3), rtol=1e-5
    )


def test_censored_and_truncated_values_at_the_ends():
    d, x = Normal(0.0, 1.0), jnp.array([-5.0, -1.0, 0.5, 2.0, 9.0, np.nan])
    found = estimation.censored_log_prob(d, x, -1.0, 2.0)
    expected = [stats.norm.logcdf(-1)] * 2 + [stats.norm.logpdf(0.5)] + [stats.norm.logsf(2)] * 2 + [np.nan]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    found = estimation.truncated_log_prob(d, x, -1.0, 2.0)
    inside = stats.norm.logpdf([-1, 0.5, 2]) - np.log(stats.norm.cdf(2) - stats.norm.cdf(-1))
    np.testing.assert_allclose(found, [-np.inf, *inside, -np.inf, np.nan], rtol=1e-5)
    slope = jax.grad(lambda s: estimation.truncated_log_prob(Normal(0.0, s), x[:2], -1.0, 2.0)[0])(1.0)
    assert np.isfinite(slope)
    assert np.isnan(estimation.truncated_log_prob(d, 1.0, 0.0, np.nan))


def test_censored_and_truncated_values_where_probabilities_underflow():
    """Ends 20 and 40 standard deviations out, on either side; the slope is that in the scale."""

    def both(scale, sign):
        d, ends = Normal(0.0, scale), (sign * 20.0, sign * 21.0)
        truncated = estimation.truncated_log_prob(d, sign * 20.5, jnp.minimum(*ends), jnp.maximum(*ends))
        low, high = jnp.where(sign > 0, -jnp.inf, -40.0), jnp.where(sign > 0, 40.0, jnp.inf)
        return jnp.stack([truncated, estimation.censored_log_prob(d, sign * 50.0, low, high)])

    for sign in (1.0, -1.0):
        values, slopes = quick(lambda s, k: (both(s, k), jax.jacfwd(both)(s, k)), 1.0, sign)
        expected = [stats.truncnorm.logpdf(20.5, 20, 21), stats.norm.logsf(40)]
        np.testing.assert_allclose(values, expected, rtol=1e-5)
        np.testing.assert_allclose(slopes, [18.254974, 1600.9988], rtol=1e-4)


def test_standard_errors_in_any_units_and_of_what_is_known():
    x = POSITIVE
    small, large = (estimation.standard_errors(estimation.mle(Normal, s * x), s * x) for s in (1, np.float32(1e4)))
    np.testing.assert_allclose(large.loc, 1e4 * small.loc, rtol=1e-4)
    found = estimation.standard_errors(Binomial(4.0, 0.5), np.array([1, 3, 2, 2]))
    assert found.total_count == 0
    np.testing.assert_allclose(found.probs, 0.5 / np.sqrt(16), rtol=1e-5)


def test_standard_errors_where_the_likelihood_is_flat_and_where_probabilities_sum_to_1():
    flat = estimation.standard_errors(Laplace(3.0, 2.0), np.array([1.0, 2.0, 4.0, 7.0]))
    assert np.isnan(flat.loc)
    np.testing.assert_allclose(flat.scale, 1, rtol=1e-5)
    assert np.isnan(vars(estimation.standard_errors(Bernoulli(1.0), np.ones(4)))["probs"])
    found = estimation.standard_errors(Categorical(np.array([0.25, 0.25, 0.5])), np.array([0, 1, 2, 2]))
    np.testing.assert_allclose(vars(found)["probs"], np.sqrt([0.1875 / 4, 0.1875 / 4, 0.25 / 4]), rtol=1e-5)


def test_natural_parameters_lead_back_and_classes_are_counted_one_by_one():
    d = Categorical(np.array([0.2, 0.3, 0.5], np.float32))
    (counted,) = distributions.sufficient_statistics(d, [2, 0, 3])
    np.testing.assert_array_equal(counted[:2], [[0, 0, 1], [1, 0, 0]])
    assert np.isnan(counted[2]).all()
    np.testing.assert_allclose(distributions.mean_parameters(d)[0], [0.2, 0.3, 0.5], rtol=1e-5)
    binomial = distributions.from_natural(Binomial(4.0, 0.5), (jnp.log(3.0),))
    np.testing.assert_allclose(binomial.probs, 0.75, rtol=1e-6)
    np.testing.assert_allclose(distributions.mean_parameters(binomial)[0], 3.0, rtol=1e-5)
    log_normal = distributions.from_natural(LogNormal(0.0, 1.0), distributions.natural_parameters(LogNormal(2.0, 0.5)))
    np.testing.assert_allclose(given_parameters(log_normal), [2.0, 0.5], rtol=1e-5)
