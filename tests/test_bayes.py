"""Conjugate models: laws, limits, predictive distributions, derivatives; the cross-check has the numbers."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quick import quick
from scipy import special, stats

import jaxmath
from jaxmath import bayes, reduce
from jaxmath._record import replaced
from jaxmath.bayes.sufficient import scale
from jaxmath.crosscheck.references import bayes as reference
from jaxmath.distributions import (
    Beta,
    Dirichlet,
    Exponential,
    Gamma,
    MultivariateNormal,
    Normal,
    NormalGamma,
    NormalInverseGamma,
    NormalWishart,
    Pareto,
    Wishart,
)

pytestmark = pytest.mark.once  # each test sets its precision
N = 12
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(1, 2, size=N)
POSITIVE = 0.5 + RNG.gamma(2, size=N)
COUNTS = RNG.poisson(3, size=N)
VECTORS = RNG.normal(size=(N, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]]) + 1
TARGETS = VECTORS @ np.array([1.0, -2.0]) + RNG.normal(size=N)
MATRIX = np.array([[2.0, 0.5], [0.5, 1.0]])
LOC = np.array([0.25, -0.5])
# A model, a prior, data, and an observation out of the support (None where every number is in it).
MODELS = {
    "NormalMean": (bayes.NormalMean(1.5), Normal(0.5, 2.0), NUMBERS, np.inf),
    "NormalPrecision": (bayes.NormalPrecision(0.5), Gamma(2.5, 1.5), NUMBERS, np.inf),
    "NormalGamma": (bayes.NormalMeanPrecision(), NormalGamma(0.5, 0.5, 2.5, 1.5), NUMBERS, np.inf),
    "NormalInverseGamma": (bayes.NormalMeanPrecision(), NormalInverseGamma(0.5, 0.5, 2.5, 1.5), NUMBERS, np.inf),
    "LogNormalMean": (bayes.LogNormalMean(1.5), Normal(0.5, 2.0), POSITIVE, 0.0),
    "LogNormalPrecision": (bayes.LogNormalPrecision(0.5), Gamma(2.5, 1.5), POSITIVE, -1.0),
    "LogNormalMeanPrecision": (bayes.LogNormalMeanPrecision(), NormalGamma(0.5, 0.5, 2.5, 1.5), POSITIVE, -1.0),
    "MultivariateMean": (bayes.MultivariateMean(MATRIX), MultivariateNormal(LOC, precision=MATRIX), VECTORS, np.inf),
    "MultivariatePrecision": (bayes.MultivariatePrecision(LOC), Wishart(3.5, MATRIX), VECTORS, np.inf),
    "MultivariateMeanPrecision": (
        bayes.MultivariateMeanPrecision(), NormalWishart(LOC, 0.75, 3.5, MATRIX), VECTORS, np.inf
    ),
    "BernoulliBeta": (bayes.BernoulliBeta(), Beta(2.5, 1.5), COUNTS > 2, 2),
    "BinomialBeta": (bayes.BinomialBeta(10), Beta(2.5, 1.5), COUNTS, 11),
    "GeometricBeta": (bayes.GeometricBeta(), Beta(2.5, 1.5), COUNTS + 1, 0),
    "NegativeBinomialBeta": (bayes.NegativeBinomialBeta(2.5), Beta(2.5, 1.5), COUNTS, -1),
    "CategoricalDirichlet": (bayes.CategoricalDirichlet(), Dirichlet([1.5, 2.0, 0.5]), COUNTS % 3, 3),
    "MultinomialDirichlet": (
        bayes.MultinomialDirichlet(5), Dirichlet([1.5, 2.0, 0.5]), RNG.multinomial(5, [0.2, 0.3, 0.5], size=N), 2
    ),
    "PoissonGamma": (bayes.PoissonGamma(), Gamma(2.5, 1.5), COUNTS, -1),
    "ExponentialGamma": (bayes.ExponentialGamma(), Gamma(2.5, 1.5), POSITIVE, -1.0),
    "GammaGamma": (bayes.GammaGamma(3.5), Gamma(2.5, 1.5), POSITIVE, 0.0),
    "UniformPareto": (bayes.UniformPareto(), Pareto(2.5, 1.5), POSITIVE, -1.0),
    "ParetoGamma": (bayes.ParetoGamma(0.5), Gamma(2.5, 1.5), POSITIVE, 0.25),
    "LinearRegression": (
        bayes.LinearRegression(), bayes.MultivariateNormalInverseGamma(LOC, MATRIX, 2.5, 1.5), (VECTORS, TARGETS),
        np.inf,
    ),
}  # fmt: skip
every_model = pytest.mark.parametrize("name", MODELS)


def parameters(d):
    return [np.asarray(vars(d)[field]) for field in d._fields if vars(d)[field] is not None]


def check_equal(a, b, rtol=1e-11):
    for x, y in zip(parameters(a), parameters(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


def rows(x, where):
    return jax.tree.map(lambda a: np.asarray(a, float)[where], x)


@functools.cache
def setup(name):
    """The model and its prior in float64, with data as floats."""
    with jax.enable_x64(True):
        model, prior, x, bad = MODELS[name]
        model, prior = (jax.tree.map(lambda a: jnp.asarray(a, float), tree) for tree in (model, prior))
        return model, prior, rows(x, slice(None)), bad


def posterior(model, prior, x, weights):
    found = model.posterior(prior, x, weights=weights)
    return found, model.log_evidence(prior, x, weights=weights)


def log_density(model, d, new):
    """That of one more row."""
    if isinstance(model, bayes.LinearRegression):
        return model.predictive(d, new[0]).log_prob(new[1])
    return model.predictive(d).log_prob(new)


def chain(model, prior, x):
    """The sum of the predictive log-densities of each row after those before it."""

    def step(d, row):
        found = model.posterior(d, jax.tree.map(lambda a: a[None], row))
        return found, log_density(model, d, row)

    if isinstance(prior, MultivariateNormal):
        prior = MultivariateNormal(prior.loc, precision=prior.precision)  # in the form of a posterior
    prior = jax.tree.map(lambda a: a + 0 * jax.tree.leaves(x)[0].sum(), prior)  # in the type of one
    return jax.lax.scan(step, prior, x)[1].sum()


@every_model
def test_chain_rule_and_weights(name):
    """The product of the predictive densities is the evidence; weights are repetition, in any order."""
    with jax.enable_x64(True):
        model, prior, x, _ = setup(name)
        weights = RNG.multinomial(N, np.full(N, 1 / N))
        one, evidence = quick(posterior, model, prior, x, weights * 1.0)
        repeated = rows(x, RNG.permutation(np.repeat(np.arange(N), weights)))
        other, value = quick(posterior, model, prior, repeated, np.ones(N))
        check_equal(one, other)
        np.testing.assert_allclose(value, evidence, rtol=1e-11)
        np.testing.assert_allclose(quick(chain, model, prior, repeated), evidence, rtol=1e-11, atol=1e-10)
        nothing, zero = quick(posterior, model, prior, x, np.zeros(N))
        assert abs(zero) < 1e-12
        if name != "MultivariateMean":  # whose posteriors are given by the precision
            check_equal(nothing, prior, 1e-13)


@pytest.mark.parametrize("name", ["NormalGamma", "MultivariateMeanPrecision", "PoissonGamma", "UniformPareto"])
def test_parts_merge_and_powers_weigh(name):
    with jax.enable_x64(True):
        model, prior, x, _ = setup(name)
        whole, _ = quick(posterior, model, prior, x, np.ones(N))
        check_equal(model.posterior(prior, x, power=1.0), whole)
        check_equal(model.posterior(prior, x, power=2.0), quick(posterior, model, prior, x, 2 * np.ones(N))[0])
        for nothing in (model.posterior(prior, x, power=0.0), model.posterior(prior, rows(x, slice(0)))):
            check_equal(nothing, prior)
        parts = [model.statistics(x, weights=w) for w in (np.arange(N) < 5, np.arange(N) >= 5)]
        check_equal(model.update(prior, reduce.merge(*parts)), whole)


WITH_REFERENCE = [
    "NormalPrecision", "BernoulliBeta", "BinomialBeta", "GeometricBeta", "NegativeBinomialBeta", "CategoricalDirichlet",
    "MultinomialDirichlet", "PoissonGamma", "ExponentialGamma", "GammaGamma", "ParetoGamma",
]  # fmt: skip


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_the_base_of_parts_is_that_of_the_whole(name):
    """What the evidence consists of besides the sufficient statistics, though each part has its own reference."""
    with jax.enable_x64(True):
        model, _, x, _ = setup(name)
        statistics = model.statistics
        if name == "CategoricalDirichlet":
            statistics = bayes.CategoricalDirichlet(3).statistics
        of = lambda w: quick(lambda x, w: statistics(x, weights=w), x, w * 1.0)  # noqa: E731
        first, second = of(np.arange(N) < 5), of(np.arange(N) > 4)
        nothing = of(np.zeros(N))
        whole = of(np.ones(N)).log_base
        for merged in (reduce.merge(first, second), reduce.merge(nothing, reduce.merge(first, second))):
            np.testing.assert_allclose(merged.log_base, whole, rtol=1e-12, atol=1e-12)
        for power in (0.0, 0.5):
            expected = of(power * (np.arange(N) < 5)).log_base
            np.testing.assert_allclose(scale(first, power).log_base, expected, rtol=1e-12, atol=1e-12)


SEVERAL_CHUNKS = {
    "one success": (bayes.BinomialBeta(1_000_000), Beta(1.0, 1.0), np.eye(1, 5000, 4999)[0], None),
    "a class without rows": (
        bayes.MultinomialDirichlet(100_000), Dirichlet([1.0, 1.0, 1.0]), np.tile([4e4, 6e4, 0.0], (5000, 1)), None
    ),
    "no success": (bayes.BernoulliBeta(), Beta(1.0, 1.0), np.zeros(5000), np.full(5000, 1e5)),
    "weights that fall": (bayes.PoissonGamma(), Gamma(2.0, 1.0), np.full(20_000, 3.0), 0.995 ** np.arange(20_000.0)),
    "rates far apart": (
        bayes.ExponentialGamma(), Gamma(2.0, 1.0), np.where(np.arange(9000) < 4096, 1e-6, 10.0), None
    ),
    "zeros first": (bayes.ExponentialGamma(), Gamma(2.0, 1.0), np.where(np.arange(9000) < 4096, 0, 0.25), None),
}  # fmt: skip


@pytest.mark.parametrize("name", SEVERAL_CHUNKS)
def test_chunks_of_any_rates_add_up(name):
    """In float32, beside one chunk in float64, with the derivative by the first weight."""
    model, prior, x, weights = SEVERAL_CHUNKS[name]
    weights = np.ones(len(x)) if weights is None else weights

    def evidence(first, prior, x, weights):
        return model.log_evidence(prior, x, weights=weights.at[0].set(first))

    both = jax.value_and_grad(evidence)
    value, slope = quick(both, np.float32(weights[0]), prior, np.float32(x), jnp.float32(weights))
    with jax.enable_x64(True):
        prior = jax.tree.map(lambda a: jnp.asarray(a, float), prior)
        rows, index = np.unique(x, axis=0, return_inverse=True)
        rows, totals = np.concatenate([x[:1], rows]), np.bincount(index.ravel(), np.r_[0.0, weights[1:]])
        expected, change = quick(both, float(weights[0]), prior, rows, jnp.asarray(np.r_[0.0, totals]))
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(slope, change, rtol=1e-2, atol=1e-3 * abs(expected / weights.sum()))


@pytest.mark.parametrize("name", ["ExponentialGamma", "BernoulliBeta", "BinomialBeta", "NormalPrecision"])
def test_the_derivative_in_a_weight_of_0(name):
    """Beside differences of second order to one side."""
    with jax.enable_x64(True):
        model, prior, x, _ = setup(name)

        def evidence(weight):
            return model.log_evidence(prior, x, weights=jnp.ones(N).at[3].set(weight))

        _, slope = quick(jax.value_and_grad(evidence), 0.0)
        values = [quick(jax.value_and_grad(evidence), weight)[0] for weight in (0.0, 1e-4, 2e-4)]
        np.testing.assert_allclose(slope, (-3 * values[0] + 4 * values[1] - values[2]) / 2e-4, rtol=1e-6)


@every_model
def test_an_observation_out_of_the_support(name):
    with jax.enable_x64(True):
        model, prior, x, bad = setup(name)
        for value, evidence in ((bad, -np.inf), (np.nan, np.nan)):
            changed = jax.tree.map(lambda a, value=value: np.concatenate([a[:-1], np.full_like(a[:1], value)]), x)
            found = quick(posterior, model, prior, changed, np.ones(N))
            assert all(np.isnan(a).all() for a in parameters(found[0])), (name, found)
            np.testing.assert_array_equal(found[1], evidence)
            left_out = (np.arange(N) < N - 1) * 1.0
            one, other = (quick(posterior, model, prior, data, left_out) for data in (changed, x))
            check_equal(one[0], other[0])
            np.testing.assert_allclose(one[1], other[1], rtol=1e-12)
            with pytest.raises(ValueError, match=f"bayes.{type(model).__name__}.validate: .* in row {N - 1}"):
                bayes.validate(model, prior, changed)
        bayes.validate(model, prior, x)
        negative = quick(posterior, model, prior, x, -np.ones(N))
        assert all(np.isnan(a).all() for a in parameters(negative[0]))


def draws(model, prior, key, features):
    d = model.predictive(prior, features) if features is not None else model.predictive(prior)
    return d.sample(key, (40_000,)), d.mean


def simulated(name, parameter, rng):
    """Data given parameters, by NumPy."""
    model = MODELS[name][0]
    if isinstance(model, bayes.LinearRegression):
        weights, variance = parameter
        return weights @ LOC + np.sqrt(variance) * rng.normal(size=len(variance))
    if name in ("MultivariateMean", "MultivariatePrecision", "MultivariateMeanPrecision"):
        mean, precision = {
            "MultivariateMean": lambda: (parameter, np.broadcast_to(MATRIX, (len(parameter), 2, 2))),
            "MultivariatePrecision": lambda: (LOC, parameter),
            "MultivariateMeanPrecision": lambda: parameter,
        }[name]()
        factor = np.linalg.cholesky(np.linalg.inv(precision))
        return mean + np.einsum("nij,nj->ni", factor, rng.normal(size=(len(factor), 2)))
    if "Normal" in name:
        z = rng.normal(size=40_000)
        if name.endswith("Mean"):
            x = parameter + 1.5 * z
        elif name.endswith("NormalPrecision"):
            x = 0.5 + z / np.sqrt(parameter)
        else:
            x = parameter[0] + z * np.sqrt(parameter[1] if "Inverse" in name else 1 / parameter[1])
        return np.exp(x) if name.startswith("Log") else x
    return {
        "BernoulliBeta": lambda p: rng.binomial(1, p),
        "BinomialBeta": lambda p: rng.binomial(10, p),
        "GeometricBeta": lambda p: rng.geometric(p),
        "NegativeBinomialBeta": lambda p: rng.negative_binomial(2.5, p),
        "CategoricalDirichlet": lambda p: (p.cumsum(axis=1) < rng.uniform(size=(len(p), 1))).sum(axis=1),
        "MultinomialDirichlet": lambda p: rng.multinomial(5, np.float64(p) * (1 - 1e-6)),
        "PoissonGamma": lambda t: rng.poisson(t),
        "ExponentialGamma": lambda t: rng.exponential(1 / t),
        "GammaGamma": lambda t: rng.gamma(3.5, 1 / t),
        "UniformPareto": lambda t: rng.uniform(0, t),
        "ParetoGamma": lambda t: 0.5 * (1 + rng.pareto(t)),
    }[name](parameter)


def bounded(x):
    """Quantities with a variance, whatever the tails: of each column and of two together."""
    columns = np.asarray(x, float).reshape(len(x), -1)
    u = np.arctan(columns)
    return np.concatenate([u, u**2, u.prod(axis=1, keepdims=True)], axis=1)


@every_model
def test_predictive_against_simulation(name):
    """Draws of the predictive distribution beside data given draws of the prior, within six standard errors."""
    model, prior, _, _ = MODELS[name]
    features = LOC if isinstance(model, bayes.LinearRegression) else None
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        drawn, mean = quick(draws, model, prior, jax.random.key(0), features)
        assert mean.shape == drawn.shape[1:]
        parameter = jax.tree.map(np.asarray, prior.sample(jax.random.key(1), (40_000,)))
    ours, theirs = bounded(drawn), bounded(simulated(name, parameter, rng))
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / 40_000)
    np.testing.assert_array_less(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)), 6 * error + 1e-12)


def each(tree, t):
    return jax.tree.map(lambda a: a[t], tree)


@settings(max_examples=8, deadline=None)
@given(
    batch_of=st.lists(st.integers(0, 3), min_size=N, max_size=N),
    weights=st.lists(st.integers(0, 2), min_size=N, max_size=N),
    name=st.sampled_from(["NormalGamma", "PoissonGamma", "LinearRegression", "UniformPareto"]),
)
def test_sequential_is_batch_in_any_split(batch_of, weights, name):
    """Every row, with its weight, in any of four batches."""
    with jax.enable_x64(True):
        model, prior, x, _ = setup(name)
        batches = jax.tree.map(lambda a: np.broadcast_to(a, (4, *a.shape)), x)
        in_batch = np.equal(batch_of, np.arange(4)[:, None]) * np.array(weights, float)
        found = quick(bayes.sequential, model, prior, batches, weights=in_batch)
        for t in range(4):
            check_equal(each(found, t), quick(posterior, model, prior, x, in_batch[: t + 1].sum(axis=0))[0])


@settings(max_examples=8, deadline=None)
@given(power=st.floats(0, 3), name=st.sampled_from(["NormalGamma", "PoissonGamma", "MultinomialDirichlet"]))
def test_a_power_is_a_weight_of_all_rows(power, name):
    with jax.enable_x64(True):
        model, prior, x, _ = setup(name)
        found = quick(lambda *data, power: model.posterior(*data, power=power), prior, x, power=power)
        check_equal(found, quick(posterior, model, prior, x, np.full(N, power))[0])


@pytest.mark.parametrize("name", ["NormalGamma", "UniformPareto", "BernoulliBeta", "MultivariateMeanPrecision"])
def test_forgetting_discounts_what_was_before(name):
    with jax.enable_x64(True):
        model, prior, x, _ = setup(name)
        batches = jax.tree.map(lambda a: a.reshape(4, 3, *a.shape[1:]), x)
        found = quick(lambda *data, forgetting: bayes.sequential(*data, forgetting=forgetting), model, prior, batches,
                      forgetting=0.5)  # fmt: skip
        weights = 0.5 ** np.array([3 - i // 3 for i in range(N)])
        check_equal(each(found, -1), quick(posterior, model, prior, x, weights)[0])
        found = quick(lambda *data, forgetting: bayes.sequential(*data, forgetting=forgetting), model, prior, batches,
                      forgetting=0.0)  # fmt: skip
        check_equal(each(found, -1), quick(posterior, model, prior, x, (np.arange(N) >= 9) * 1.0)[0])


def test_a_nan_reaches_no_posterior_before_it():
    x = np.full((3, 2000), 1e4) + RNG.normal(size=(3, 2000))
    x[2, -1] = np.nan  # a row that a point near the data is taken from
    with jax.enable_x64(True):
        found = bayes.sequential(bayes.NormalMean(1.0), Normal(1e4, 1.0), x)
        alone = bayes.sequential(bayes.NormalMean(1.0), Normal(1e4, 1.0), x[:2])
        check_equal(each(found, slice(2)), alone, 1e-12)
        assert np.isnan(found.loc[2])


@pytest.mark.parametrize(("dtype", "n", "offset"), [("float64", 1000, 1e6), ("float32", 1_000_000, 1e4)])
@pytest.mark.parametrize(
    "name", ["NormalMean", "NormalPrecision", "NormalGamma", "MultivariatePrecision", "MultivariateMeanPrecision"]
)
def test_data_far_from_0(name, dtype, n, offset):
    """As of the data without the offset, with prior or model moved as well; a million rows in float32."""
    rng = np.random.default_rng(2)
    with jax.enable_x64(True):
        model, prior, _, _ = setup(name)
        raw = rng.normal(size=(n, 2) if name.startswith("Multi") else n) + 0.5
        moved = (raw + offset).astype(dtype)
        expected, evidence = quick(posterior, model, prior, moved.astype(float) - offset, None)
        shifted = [replaced(d, {"loc": d.loc + offset}) if "loc" in d._fields else d for d in (model, prior)]
        model, prior = jax.tree.map(lambda a: jnp.asarray(a, dtype), shifted)
        found, value = quick(posterior, model, prior, moved, None)
        assert value.dtype == dtype
        np.testing.assert_allclose(value, evidence, rtol=1e-5)
        if "loc" in found._fields:
            tolerance = 2 * np.finfo(dtype).eps * offset
            np.testing.assert_allclose(found.loc - offset, expected.loc, atol=tolerance)
        for field in set(found._fields) - {"loc"}:
            np.testing.assert_allclose(vars(found)[field], vars(expected)[field], rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize(("dtype", "n", "offset"), [("float64", 1000, 1e6), ("float32", 1_000_000, 1e4)])
def test_features_far_from_0(dtype, n, offset):
    """The slope of a line with an intercept, beside the centred formula of least squares and a weak prior."""
    rng = np.random.default_rng(2)
    with jax.enable_x64(True):
        x = (rng.normal(size=n) + offset).astype(dtype)
        y = (1.0 + 2.0 * (x.astype(float) - offset) + rng.normal(size=n)).astype(dtype)
        prior = bayes.MultivariateNormalInverseGamma(np.zeros(2), np.diag([1e-20, 1e-3]), 2.5, 1.5)
        prior = jax.tree.map(lambda a: jnp.asarray(a, dtype), prior)
        found, value = quick(
            posterior, bayes.LinearRegression(), prior, (np.stack([np.ones_like(x), x], axis=1), y), None
        )
        assert value.dtype == dtype
        a, b = x.astype(float) - x.mean(dtype=float), y.astype(float) - y.mean(dtype=float)
        np.testing.assert_allclose(found.loc[1], a @ b / (a @ a), rtol=1e-4)
        residual = b - a * (a @ b / (a @ a))
        np.testing.assert_allclose(2 * (found.scale - 1.5), residual @ residual, rtol=1e-3)
        width = bayes.LinearRegression().predictive(found, jnp.array([1.0, offset], dtype)).scale
        if dtype == "float32":  # the precision of the weights has no digit of the slope
            assert np.isnan(width)
        else:
            np.testing.assert_allclose(width, np.sqrt(found.scale / found.concentration), rtol=1e-2)


@pytest.mark.parametrize("name", ["PoissonGamma", "BernoulliBeta", "CategoricalDirichlet", "GammaGamma"])
def test_a_million_observations_in_float32(name):
    model, prior, x, _ = MODELS[name]
    many = np.resize(np.asarray(x), 1_000_000)
    found, value = quick(posterior, model, prior, many.astype(np.float32), None)
    with jax.enable_x64(True):
        expected, evidence = quick(posterior, model, prior, many.astype(float), None)
    np.testing.assert_allclose(value, evidence, rtol=1e-5)
    check_equal(found, expected, 1e-5)


LARGE = {
    "PoissonGamma": (bayes.PoissonGamma(), lambda n: RNG.poisson(1e4, n)),
    "BinomialBeta": (bayes.BinomialBeta(10_000), lambda n: RNG.binomial(10_000, 0.3, n)),
    "NegativeBinomialBeta": (bayes.NegativeBinomialBeta(500.0), lambda n: RNG.negative_binomial(500, 0.1, n)),
    "GeometricBeta": (bayes.GeometricBeta(), lambda n: RNG.geometric(1e-3, n)),
    "MultinomialDirichlet": (bayes.MultinomialDirichlet(1000), lambda n: RNG.multinomial(1000, [0.2, 0.3, 0.5], n)),
    "GammaGamma": (bayes.GammaGamma(1000.0), lambda n: RNG.gamma(1000, 2, n)),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_numbers_do_not_cancel_in_the_evidence(name):
    """In float32, where logarithms of factorials are a hundred times as large as what remains of them."""
    (model, draw), prior = LARGE[name], MODELS[name][1]
    x = draw(100_000).astype(np.float32)
    found, value = quick(posterior, model, prior, x, None)
    with jax.enable_x64(True):
        model, prior = (jax.tree.map(lambda a: jnp.asarray(a, float), tree) for tree in (model, prior))
        expected, evidence = quick(posterior, model, prior, x.astype(float), None)
    np.testing.assert_allclose(value, evidence, rtol=3e-6)
    check_equal(found, expected, 1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_evidence_of_priors_of_any_size(dtype):
    """Beside differences of the logarithms of gamma functions, in numbers where these have the digits."""
    size = 10.0 ** np.array([-8, -4, 0, 4, 8])
    a, b = np.meshgrid(size, size, indexing="ij")
    tolerance = {"float32": 2e-6, "float64": 1e-9}[dtype]
    a, b = (p.astype(dtype).astype(float) for p in (a, b))

    def close(value, expected, terms):
        assert value.dtype == dtype
        np.testing.assert_array_less(np.abs(value - expected), tolerance * (np.abs(terms).sum(axis=0) + 1))

    with jax.enable_x64(True):
        one = np.array([0.25, 1.5, 2.0], dtype)
        as_type = lambda *p: [jnp.asarray(v, dtype) for v in p]  # noqa: E731
        value = quick(bayes.ExponentialGamma().log_evidence, Gamma(*as_type(a, b)), one)
        steps = np.log(a) + np.log(a + 1) + np.log(a + 2), a * np.log1p(3.75 / b), 3 * np.log(b + 3.75)
        close(value, steps[0] - steps[1] - steps[2], (steps[0], steps[1], steps[2]))
        value = quick(bayes.BernoulliBeta().log_evidence, Beta(*as_type(a, b)), np.array([1, 0, 1], dtype))
        steps = np.log(a), np.log(a + 1), np.log(b), -np.log(a + b), -np.log(a + b + 1), -np.log(a + b + 2)
        close(value, np.sum(steps, axis=0), (np.log(a), np.log(b), np.log(a + b)))


def test_a_flat_prior_leaves_the_data():
    x = np.array([1.0, 2.0, 4.0], np.float32)
    found = bayes.NormalMean(2.0).posterior(Normal(0.0, 1e20), x)
    np.testing.assert_allclose([found.loc, found.scale], [x.mean(), 2 / math.sqrt(3)], rtol=1e-6)
    scatter = 3 * x.var()
    expected = -1.5 * math.log(8 * math.pi) - scatter / 8 - math.log(3) / 2 - math.log(1e20 / 2)
    evidence = lambda scale: bayes.NormalMean(2.0).log_evidence(Normal(0.0, scale), x)  # noqa: E731
    for scale_of_prior in (1e15, 1e20):
        value, slope = jax.value_and_grad(evidence)(scale_of_prior)
        np.testing.assert_allclose(value, expected + math.log(1e20 / scale_of_prior), rtol=1e-6)
        np.testing.assert_allclose(slope, -1 / scale_of_prior, rtol=1e-5)
    of_posterior = jax.grad(lambda scale: bayes.NormalMean(2.0).posterior(Normal(0.0, scale), x).scale)
    assert float(of_posterior(1e15)) == 0


def test_zero_is_in_the_support_of_gamma_data_of_concentration_1():
    with jax.enable_x64(True):
        x, prior = np.array([0.0, 1.5]), Gamma(2.5, 1.5)
        ours, theirs = bayes.GammaGamma(1.0).log_evidence(prior, x), bayes.ExponentialGamma().log_evidence(prior, x)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        nothing = bayes.ExponentialGamma().log_evidence(prior, np.zeros(4))  # whose likelihood has no maximum
        expected = 4 * -math.log(1.5) + math.lgamma(6.5) - math.lgamma(2.5)
        np.testing.assert_allclose(nothing, expected, rtol=1e-12)


def test_strong_priors_keep_the_digits_of_the_evidence():
    """Where prior concentrations are large the evidence is that of the expected parameter, to ten digits."""
    with jax.enable_x64(True):
        size = 1e12
        value = bayes.PoissonGamma().log_evidence(Gamma(2 * size, size), COUNTS)
        np.testing.assert_allclose(value, stats.poisson.logpmf(COUNTS, 2.0).sum(), rtol=1e-10)
        value = bayes.BernoulliBeta().log_evidence(Beta(size, 3 * size), COUNTS > 2)
        np.testing.assert_allclose(value, stats.bernoulli.logpmf(COUNTS > 2, 0.25).sum(), rtol=1e-10)
        value = bayes.NormalMeanPrecision().log_evidence(NormalGamma(1.0, size, size, 4 * size), NUMBERS)
        np.testing.assert_allclose(value, stats.norm.logpdf(NUMBERS, 1, 2).sum(), rtol=1e-10)
        value = bayes.MultivariateMeanPrecision().log_evidence(NormalWishart(LOC, size, size, MATRIX / size), VECTORS)
        expected = stats.multivariate_normal(LOC, np.linalg.inv(MATRIX)).logpdf(VECTORS).sum()
        np.testing.assert_allclose(value, expected, rtol=1e-10)


def test_the_deviation_about_the_sample_mean_is_not_the_posterior():
    """With a known mean the squares are about it; the sample variance gives another posterior, and is refuted here."""
    exact = reference.with_gamma(reference.normal_precision(0.5), NUMBERS, np.ones(N), 2.5, 1.5, 0.0)
    ours = bayes.NormalPrecision(0.5).posterior(Gamma(2.5, 1.5), NUMBERS).mean
    theirs = Gamma(2.5 + N / 2, 1.5 + N / 2 * np.var(NUMBERS)).mean
    np.testing.assert_allclose(ours, exact[0], rtol=1e-5)
    assert abs(theirs - exact[0]) > 0.02 * exact[0]


def test_every_form_of_a_multivariate_normal_prior_and_batches_of_priors():
    with jax.enable_x64(True):
        model, prior, x, _ = setup("MultivariateMean")
        covariance = np.linalg.inv(MATRIX)
        expected, evidence = posterior(model, prior, x, None)
        for other in (
            MultivariateNormal(LOC, covariance=covariance),
            MultivariateNormal(LOC, scale_tril=np.linalg.cholesky(covariance)),
        ):
            found, value = posterior(model, other, x, None)
            check_equal(found, expected)
            np.testing.assert_allclose(value, evidence, rtol=1e-12)
        for name in ("MultivariateMean", "MultivariateMeanPrecision", "NormalGamma", "BernoulliBeta"):
            model, prior, x, _ = setup(name)
            stacked = jax.tree.map(lambda a: jnp.stack([a, a]), prior)
            found, value = posterior(model, stacked, x, None)
            one, alone = posterior(model, prior, x, None)
            check_equal(jax.tree.map(lambda a: a[1], found), one)
            np.testing.assert_allclose(value, [alone, alone], rtol=1e-12)


@pytest.mark.parametrize("name", ["PoissonGamma", "BernoulliBeta"])
def test_the_evidence_has_the_derivative_of_differences(name):
    with jax.enable_x64(True):
        model, prior, x, _ = setup(name)

        def slopes(prior, direction):
            value, slope = jax.jvp(lambda p: model.log_evidence(p, x), (prior,), (direction,))
            return value, slope

        direction = jax.tree.map(jnp.ones_like, prior)
        _, slope = quick(slopes, prior, direction)
        ahead, behind = (quick(slopes, jax.tree.map(lambda a, s=s: a + s * 1e-5, prior), direction)[0] for s in (1, -1))
        np.testing.assert_allclose(slope, (ahead - behind) / 2e-5, rtol=1e-7)


def test_intervals():
    with jax.enable_x64(True):
        d = Beta(np.array([3.0, 1.0, 5.0, 0.5]), np.array([2.0, 4.0, 1.0, 0.5]))
        low, high = bayes.credible_interval(d, 0.9, kind="hdi")
        np.testing.assert_allclose((d.cdf(high) - d.cdf(low))[:3], 0.9, rtol=1e-12)
        np.testing.assert_allclose(d.prob(low)[0], d.prob(high)[0], rtol=1e-9)
        assert (low[1], high[2]) == (0, 1)
        assert np.isnan([low[3], high[3]]).all()
        assert np.isnan(bayes.credible_interval(Beta(0.5, 0.5), 0.5, kind="hdi")).all()  # there are two of them
        np.testing.assert_allclose(bayes.credible_interval(Beta(1.0, 0.5), 0.5, kind="hdi"), [0.75, 1], rtol=1e-12)
        np.testing.assert_allclose(bayes.credible_interval(Exponential(2.0), 0.5, kind="hdi"), [0, math.log(2) / 2])
        np.testing.assert_allclose(bayes.credible_interval(Normal(1.0, 2.0), 0.95, kind="hdi"), 1 + np.array(
            [-2, 2]) * stats.norm.ppf(0.975), rtol=1e-7)  # fmt: skip
        equal = bayes.credible_interval(Normal(1.0, 2.0), np.array([0.5, 0.95]))
        np.testing.assert_allclose(equal.high, stats.norm.ppf([0.75, 0.975], 1, 2), rtol=1e-12)
        slope = jax.grad(lambda a: bayes.credible_interval(Pareto(2.0, a), 0.5, kind="hdi").high)(3.0)
        np.testing.assert_allclose(slope, math.sqrt(2), rtol=1e-9)


def test_the_prior_of_groups_is_learnt():
    """A maximum of the evidence, from SciPy's point of view too; the derivative is that of the maximum."""
    k = stats.betabinom.ppf((np.arange(24) + 0.5) / 24, 12, 3, 2)
    with jax.enable_x64(True):
        groups, weights = np.tile([1.0, 0.0], (24, 1)), np.stack([k, 12 - k], axis=1)
        found = quick(bayes.empirical_bayes, bayes.BernoulliBeta(), Beta(1.0, 1.0), groups, weights=weights)
        a, b, value = reference.evidence_of_groups(k, 12 - k)
        np.testing.assert_allclose([found.params.a, found.params.b, found.log_evidence], [a, b, value], rtol=2e-5)
        assert found.converged
        assert found.history[0] < found.log_evidence
        assert np.isnan(found.history[found.num_steps :]).all()
        changed = groups.copy()
        changed[3, 0] = 2
        lost = quick(bayes.empirical_bayes, bayes.BernoulliBeta(), Beta(1.0, 1.0), changed, weights=weights)
        assert np.isnan(lost.params.a)
        assert not lost.converged


def grouped(n, seed=0):
    """Successes and failures of 1,000 groups as rows and weights."""
    rng = np.random.default_rng(seed)
    n = np.broadcast_to(n, 1000)
    k = rng.binomial(n, rng.beta(80, 220, size=1000))
    return np.tile([1.0, 0.0], (1000, 1)), np.stack([k, n - k], axis=1).astype(float)


@pytest.mark.parametrize("seed", [10, 26])
def test_a_step_that_lowers_the_evidence_is_halved(seed):
    """From a far start, where whole steps end in NaN; a run that ends by itself has converged."""
    rng = np.random.default_rng(seed)
    groups, weights = grouped(5 + np.floor(rng.lognormal(4, 0.9, 1000)).astype(int), seed)
    found = quick(bayes.empirical_bayes, bayes.BernoulliBeta(), Beta(1.0, 1.0), groups, weights=weights)
    assert found.converged
    assert found.num_steps < 100
    np.testing.assert_allclose(found.params.a / (found.params.a + found.params.b), 80 / 300, rtol=0.03)
    assert np.all(np.diff(found.history[: int(found.num_steps)]) > -1e-5 * np.abs(found.log_evidence))


def test_the_prior_of_groups_has_a_gradient_in_float32():
    """That of the implicit function of a vanishing gradient, in trigamma functions."""
    groups, weights = grouped(50)

    def concentration(weights):
        params = bayes.empirical_bayes(bayes.BernoulliBeta(), Beta(8.0, 22.0), groups, weights=weights).params
        return params.a, params

    found, params = quick(jax.grad(concentration, has_aux=True), weights.astype(np.float32))
    a, b = float(params.a), float(params.b)
    of_a, of_b = special.polygamma(1, weights + np.array([a, b])).T
    of_sum = special.polygamma(1, weights.sum(axis=1) + a + b)
    mixed = np.array([[of_a - of_sum, -of_sum], [-of_sum, of_b - of_sum]])  # score by successes and failures
    own = special.polygamma(1, a + b) - np.diag(special.polygamma(1, [a, b]))
    expected = -np.linalg.solve(mixed.sum(axis=2) + len(weights) * own, mixed.transpose(2, 0, 1))[:, 0]
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())


def test_the_prior_of_groups_has_the_derivative_of_the_maximum():
    """It moves with the data."""
    x = RNG.normal(size=(20, 4)) + 3 * RNG.normal(size=(20, 1))
    with jax.enable_x64(True):

        def slope(x):
            fit = lambda x: bayes.empirical_bayes(bayes.NormalMean(1.5), Normal(0.5, 2.0), x).params  # noqa: E731
            return jax.jvp(fit, (x,), (x - x.mean() + 1,))

        params, change = quick(slope, x)
        variance = x.mean(axis=1).var()
        np.testing.assert_allclose(change.loc, 1, rtol=1e-6)
        np.testing.assert_allclose(change.scale, variance / params.scale, rtol=1e-5)


def test_many_groups_and_many_fits_by_vmap():
    x = RNG.normal(size=(1000, 50)).astype(np.float32)
    model, prior = bayes.NormalMeanPrecision(), NormalGamma(0.0, 1.0, 2.0, 3.0)
    found = quick(lambda x: jax.vmap(lambda x: model.posterior(prior, x))(x), x)
    np.testing.assert_allclose(found.loc, x.sum(axis=1) / 51, rtol=1e-4, atol=1e-6)
    check_equal(jax.tree.map(lambda a: a[7], found), model.posterior(prior, x[7]), 1e-5)


def test_tails_of_predictive_distributions():
    """Logarithms where the probabilities are below the smallest number of float32."""
    found = bayes.UniformToPareto(30.0, 1.0).log_survival(np.array([0.5, 1e5]))
    np.testing.assert_allclose(found, [math.log1p(-15 / 31), -30 * math.log(1e5) - math.log(31)], rtol=1e-6)
    found = bayes.LogLomax(40.0, 1.0, 2.0).log_survival(1e30)
    np.testing.assert_allclose(found, -40 * math.log1p(math.log(5e29)), rtol=1e-6)


def test_a_model_without_parameters_is_saved(tmp_path):
    jaxmath.save(tmp_path / "model.safetensors", (bayes.PoissonGamma(), bayes.NormalMean(2.0)))
    poisson, normal = jaxmath.load(tmp_path / "model.safetensors")
    assert isinstance(poisson, bayes.PoissonGamma)
    assert float(normal.scale) == 2


def test_types():
    """float32 or wider, as promoted of data and prior; integers and lists are data."""
    half = bayes.NormalMean(1.0).posterior(Normal(0.0, 1.0), np.array([1.0, 2.0], np.float16))
    assert half.loc.dtype == jnp.float32
    with jax.enable_x64(True):
        assert bayes.PoissonGamma().posterior(Gamma(1.0, 1.0), [1, 2]).rate.dtype == jnp.float64
        x = np.ones(3, np.float32)
        assert bayes.NormalMean(1.0).posterior(Normal(0.0, 1.0), x).loc.dtype == jnp.float32
        assert bayes.NormalMean(1.0).posterior(Normal(np.zeros(()), 1.0), x).loc.dtype == jnp.float64


def test_the_page_of_a_new_model():
    """The code of docs/conjugate-models.md, and what it says of it."""
    from pathlib import Path

    page = (Path(__file__).parents[1] / "docs" / "conjugate-models.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in page.split("```python\n")[1:]]
    names: dict = {}
    for block in blocks:
        exec(block, names)
    assert len([line for line in blocks[0].splitlines() if line.strip()]) <= 40
    model, prior = names["PoissonExposure"](2.0), Gamma(2.5, 1.5)
    other = bayes.PoissonGamma().posterior(prior, COUNTS)
    found = model.posterior(prior, COUNTS)
    np.testing.assert_allclose([found.concentration, found.rate], [other.concentration, other.rate + N], rtol=1e-6)
    np.testing.assert_allclose(chain(model, prior, COUNTS * 1.0), model.log_evidence(prior, COUNTS), rtol=1e-5)
