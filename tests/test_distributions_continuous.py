"""Laws of the continuous distributions of one dimension and of mixtures; their edges, tails and draws."""

import functools
import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quick import quick
from scipy import special, stats

import jaxmath
from jaxmath import distributions
from jaxmath.crosscheck.references import distributions_continuous as reference
from jaxmath.distributions import (
    Beta,
    CompoundGamma,
    Exponential,
    Gamma,
    InverseGamma,
    Laplace,
    LogNormal,
    LogStudentT,
    Lomax,
    Mixture,
    MultivariateNormal,
    Normal,
    NormalWishart,
    Pareto,
    Poisson,
    StudentT,
    Uniform,
    incomplete,
)
from jaxmath.distributions.constraints import from_unconstrained, to_unconstrained

INF = math.inf
FLOAT = jnp.result_type(float)
X64 = jnp.float64 == FLOAT
TOLERANCE = 1e-9 if X64 else 1e-5
KEY = jax.random.key(0)
few_examples = settings(max_examples=20, deadline=None)
positive = st.sampled_from([1e-3, 0.3, 1.0, 2.5, 40.0, 1e3])

T, LOG = stats.t(30, 1, 0.5), np.log
_PARTS = (0.25, stats.norm(1, 2)), (0.75, stats.laplace(3, 1))
_EXP = (np.exp, np.exp)
_LINE = (lambda y: 1 + 2 * np.sinh(y), lambda y: 2 * np.cosh(y))
_ENDS = {-INF: -INF, INF: -INF}
_NEGATIVE = {-INF: -INF, -1.0: -INF, INF: -INF}
# A distribution of each family, the same of SciPy, a map from the line onto the support with its derivative, and
# arguments with their log-densities at the edges of the support and beyond.
FAMILIES = {
    "Beta": (
        Beta(2.0, 3.5),
        stats.beta(2, 3.5),
        (lambda y: 1 / (1 + np.exp(-y)), lambda y: 1 / (2 + np.exp(-y) + np.exp(y))),
        {-1.0: -INF, 0.0: -INF, 1.0: -INF, 1.5: -INF, INF: -INF},
    ),
    "CompoundGamma": (CompoundGamma(2.0, 6.5, 1.5), stats.betaprime(2, 6.5, 0, 1.5), _EXP, {**_NEGATIVE, 0.0: -INF}),
    "Exponential": (Exponential(0.5), stats.expon(0, 2), _EXP, {**_NEGATIVE, 0.0: math.log(0.5)}),
    "Gamma": (Gamma(2.5, 2.0), stats.gamma(2.5, 0, 0.5), _EXP, {**_NEGATIVE, 0.0: -INF}),
    "InverseGamma": (InverseGamma(6.5, 2.0), stats.invgamma(6.5, 0, 2), _EXP, {**_NEGATIVE, 0.0: -INF}),
    "Laplace": (Laplace(1.0, 2.0), stats.laplace(1, 2), _LINE, {**_ENDS, 1.0: -math.log(4)}),
    "LogNormal": (LogNormal(1.0, 0.25), stats.lognorm(0.25, 0, math.e), _EXP, {**_NEGATIVE, 0.0: -INF}),
    "LogStudentT": (
        LogStudentT(30.0, 1.0, 0.5),
        SimpleNamespace(
            logpdf=lambda x: T.logpdf(LOG(x)) - LOG(x), cdf=lambda x: T.cdf(LOG(x)), sf=lambda x: T.sf(LOG(x))
        ),
        _EXP,
        {**_NEGATIVE, 0.0: INF},
    ),
    "Lomax": (Lomax(6.5, 2.0), stats.lomax(6.5, 0, 2), _EXP, {**_NEGATIVE, 0.0: math.log(3.25)}),
    "Mixture": (
        Mixture([0.25, 0.0, 0.75], (Normal(1.0, 2.0), Uniform(5.0, 7.0), Laplace(3.0, 1.0))),
        SimpleNamespace(
            logpdf=lambda x: LOG(sum(w * d.pdf(x) for w, d in _PARTS)),
            cdf=lambda x: sum(w * d.cdf(x) for w, d in _PARTS),
            sf=lambda x: sum(w * d.sf(x) for w, d in _PARTS),
        ),
        _LINE,
        _ENDS,
    ),
    "Normal": (Normal(1.0, 2.0), stats.norm(1, 2), _LINE, _ENDS),
    "Pareto": (
        Pareto(6.5, 2.0),
        stats.pareto(6.5, 0, 2),
        (lambda y: 2 + np.exp(y), np.exp),
        {**_NEGATIVE, 0.0: -INF, 1.9: -INF, 2.0: math.log(3.25)},
    ),
    "StudentT": (StudentT(6.5, 1.0, 2.0), stats.t(6.5, 1, 2), _LINE, _ENDS),
    "Uniform": (
        Uniform(1.0, 5.0),
        stats.uniform(1, 4),
        (lambda y: 1 + 4 / (1 + np.exp(-y)), lambda y: 4 / (2 + np.exp(-y) + np.exp(y))),
        {**_NEGATIVE, 0.5: -INF, 1.0: -math.log(4), 5.0: -math.log(4), 6.0: -INF},
    ),
}
every_family = pytest.mark.parametrize("family", FAMILIES)
METHODS = ("log_prob", "log_cdf", "survival", "cdf")
# How many of these are differentiated: some take seconds to compile. The cross-check differentiates all.
NUM_METHODS = dict.fromkeys(FAMILIES, 4) | {"Mixture": 2}
BY_BISECTION = ("Beta", "CompoundGamma", "Gamma", "InverseGamma", "LogStudentT", "StudentT")
NUM_METHODS |= dict.fromkeys(BY_BISECTION, 1)


def near(got, want, tolerance=TOLERANCE):
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def slopes(d, x, num_methods):
    """Values at numbers, and derivatives in the parameters and the argument."""

    def at(d, x):
        return jnp.stack([getattr(d, method)(x) for method in METHODS[:num_methods]])

    return jax.vmap(lambda x: (at(d, x), jax.jacrev(at, argnums=(0, 1))(d, x)))(x)


@functools.cache
def found_slopes(family):
    """At the edges, padded to one length, at points of the support, and at NaN."""
    d, _, (place, _), edges = FAMILIES[family]
    inner = place(
        np.array([-2.0, -0.7, 0.0, 0.4, 2.0])
    )  # the middle one is where the symmetric families have their mean
    x = np.array([*edges, *[INF] * (8 - len(edges)), *inner, np.nan], FLOAT)
    found = quick(slopes, d, jnp.asarray(x), NUM_METHODS[family])
    return jax.tree.map(np.asarray, (x, *found))


@every_family
def test_values_and_derivatives_are_those_of_scipy(family):
    """The density is the derivative of the cumulative distribution function."""
    _, exact, _, _ = FAMILIES[family]
    x, values, (_, along_x) = found_slopes(family)
    x, values, along_x = x[8:13].astype(float), values[8:14].T, along_x[8:13].T
    density, cdf = np.exp(exact.logpdf(x)), exact.cdf(x)
    wanted = exact.logpdf(x), LOG(cdf), exact.sf(x), cdf
    for got, want in zip(values, wanted, strict=False):
        near(got[:5], want)
        assert np.isnan(got[5])
    for got, want in zip(along_x[1:], (density / cdf, -density, density), strict=False):
        near(got, want, 10 * TOLERANCE)


def hazards(d, x):
    return jax.vmap(jax.value_and_grad(lambda x: d.log_cdf(x)))(x)


@pytest.mark.parametrize("family", ["Gamma", "StudentT"])
def test_the_density_is_the_derivative_of_incomplete_functions(family):
    d, exact, _, _ = FAMILIES[family]
    x = jnp.array([0.3, 0.99999, 1.0, 1.00001, 5.0], FLOAT)  # that of StudentT has its middle at 1
    found = quick(hazards, d, x)
    at = np.asarray(x, float)
    near(found, [exact.logcdf(at), exact.pdf(at) / exact.cdf(at)], 10 * TOLERANCE)


def differences(function, at, step):
    """First derivatives in all arguments by differences of fourth order."""
    moves = step * np.eye(len(at))
    one, two = ([function(*(at + k * m)) - function(*(at - k * m)) for m in moves] for k in (1, 2))
    return (8 * np.array(one) - np.array(two)) / (12 * step)


# Parameters, an argument and a direction of the parameters.
WHOLE = {
    "Gamma": [(1, 1, 3, 1, 0), (2, 1, 4, 1, 0), (5, 1, 2.5, 1, 0.5)],
    "Beta": [(1, 1, 0.5, 1, 0), (2, 1, 0.3, 0, 1), (2, 3, 0.6, 1, -0.5), (2, 3, 0.6, 1, 1)],
}


@pytest.mark.parametrize("family", WHOLE)
def test_first_and_second_derivatives_at_whole_parameters(family):
    """There a numerator of the continued fraction vanishes, and its value is that of finitely many terms."""

    def derivatives(a, b, x, u, v):
        cdf = lambda t: getattr(distributions, family)(a + t * u, b + t * v).cdf(x)  # noqa: E731
        slope = lambda t: jax.jvp(cdf, (t,), (jnp.ones_like(t),))[1]  # noqa: E731
        return jax.jvp(slope, (0 * x,), (jnp.ones_like(x),))

    rows = np.array(WHOLE[family], FLOAT)
    found = quick(jax.vmap(derivatives), *jnp.asarray(rows.T))
    for (a, b, x, u, v), got in zip(rows.astype(float), np.transpose(found), strict=True):
        exact = special.betainc if family == "Beta" else lambda a, b, x: special.gammainc(a, b * x)
        cdf = lambda t, at=(a, b, x, u, v), exact=exact: exact(at[0] + t * at[3], at[1] + t * at[4], at[2])  # noqa: E731
        slope = lambda t, cdf=cdf: differences(cdf, [t], 4e-3)[0]  # noqa: E731
        near(got[0], slope(0.0), 1e-8 if X64 else 1e-5)
        near(got[1], differences(slope, [0.0], 4e-3)[0], 1e-7 if X64 else 1e-4)


def large_gamma(a, x):
    """The smaller tail and its derivatives in standard deviations."""

    def tail(a, x, lower):
        return jnp.where(lower, Gamma(a, 1.0).log_cdf(x), Gamma(a, 1.0).log_survival(x))

    values, slopes = jax.vmap(jax.value_and_grad(tail, argnums=(0, 1)))(a, x, x < a)
    return values, jnp.stack(slopes) * jnp.sqrt(a)


def test_gamma_distributions_of_large_concentrations():
    """Near the mean the tails of SciPy, far out those of the asymptotic series, $t / (x - a)$ at first."""
    a, z = (v.ravel() for v in np.meshgrid([1e5, 1e9, 1e12], [-300.0, -3.9, -1.0, 0.0, 2.0, 3.9, 300.0]))
    a = a.astype(FLOAT)
    x = (a + z * np.sqrt(a)).astype(FLOAT)
    values, slopes = quick(large_gamma, jnp.asarray(a), jnp.asarray(x))
    a, x, far = a.astype(float), x.astype(float), np.abs(z) > 10
    part = x / a - 1
    log_term = a * (special.log1p(part) - part) + LOG(a / 2 / np.pi) / 2
    middle = np.where(far, a, x)
    near = np.where(x < a, special.gammainc(a, middle), special.gammaincc(a, middle))
    tail = np.where(far, log_term - LOG(np.where(far, np.abs(x - a), 1)), LOG(near))
    tolerance = np.where(far, 3e-5, TOLERANCE)
    assert (np.abs(values - tail) < tolerance * np.abs(tail)).all()
    density = np.exp(log_term - tail) * np.where(x < a, 1, -1) * np.sqrt(a) / x
    tolerance = np.where(far, 1e-4, 1e-9) if X64 else 1e-2
    assert (np.abs(slopes[1] / density - 1) < tolerance)[a > 1e8].all()


def slope_of_concentration(a, x):
    cdf = lambda a: Gamma(a, 1.0).cdf(x)  # noqa: E731
    return jnp.stack([jax.grad(cdf)(a), jax.grad(jax.grad(cdf))(a)])


def test_derivatives_in_large_concentrations():
    """By differences of SciPy, in units of standard deviations."""
    a, z = (v.ravel() for v in np.meshgrid([1e5, 1e9, 1e12], [-2.0, 0.0, 1.0]))
    x = (a + z * np.sqrt(a)).astype(FLOAT)
    found = quick(jax.vmap(slope_of_concentration), jnp.asarray(a, FLOAT), jnp.asarray(x))
    a, x, scale = a.astype(FLOAT).astype(float), x.astype(float), np.sqrt(a)
    low, middle, high = (special.gammainc(a + step * scale, x) for step in (-1e-3, 0, 1e-3))
    near(found[:, 0] * scale, (high - low) / 2e-3, 1e-6)
    near(found[:, 1] * scale**2, (high - 2 * middle + low) / 1e-6, 1e-4 if X64 else 3e-3)


def test_beta_distributions_of_large_parameters():
    """SciPy has nine digits."""
    a, b, z = (
        np.array([[1e8, 1e10, 1e9, 3e8, 1e3]]),
        np.array([[1e8, 1e10, 3e8, 1e9, 1e12]]),
        np.arange(-4.0, 6)[:, None],
    )
    mean = a / (a + b)
    x = (mean * (1 + z * np.sqrt(b / a / (a + b)))).astype(FLOAT)
    found = quick(lambda d, x: d.cdf(x), Beta(a.astype(FLOAT), b.astype(FLOAT)), jnp.asarray(x))
    exact = special.betainc(a.astype(FLOAT).astype(float), b.astype(FLOAT).astype(float), x.astype(float))
    rounding = jnp.finfo(FLOAT).eps * np.sqrt(a / (1 - mean))  # what that of x is worth
    assert (np.abs(found - exact) < 10 * TOLERANCE + rounding).all()


def test_a_continued_fraction_that_does_not_converge_is_nan(monkeypatch):
    monkeypatch.setattr(incomplete, "_MAX_TERMS", 5)
    value, _ = incomplete._gamma_side(jnp.array([1.0, 50.0]), jnp.array([1e9, 50.0]))
    np.testing.assert_array_equal(np.isnan(value), [False, True])


def quantile_slopes(p, a):
    """First and second derivatives of quantiles: of a gamma distribution in both, of a mixture in p."""
    gamma = lambda v: Gamma(v[1], 1.0).icdf(v[0])  # noqa: E731
    mixture = lambda p: Mixture([0.3, 0.7], Normal(jnp.array([0.0, 2.0]), 1.0)).icdf(p)  # noqa: E731
    at = jnp.stack([p, a])
    second, first = jax.jacfwd(lambda at: (jax.grad(gamma)(at),) * 2, has_aux=True)(at)
    return first, second, mixture(p), jax.grad(jax.grad(mixture))(p)


def test_second_derivatives_of_quantiles():
    """Those in p are $-f' / f^3$, the others are differences."""
    first, second, x, mixed = quick(jax.vmap(quantile_slopes), jnp.array([0.3, 0.95]), jnp.array([2.0, 1.0]))
    exact = lambda p, a: special.gammaincinv(a, p)  # noqa: E731
    slopes = lambda *at: differences(exact, np.array(at), 1e-3)  # noqa: E731
    for row, at in enumerate(([0.3, 2.0], [0.95, 1.0])):
        np.testing.assert_allclose(first[row], slopes(*at), rtol=1e-6 if X64 else 1e-5)
        np.testing.assert_allclose(second[row], differences(slopes, np.array(at), 1e-3), rtol=1e-3)
    parts = np.array([0.3, 0.7])[:, None] * stats.norm.pdf(x, np.array([[0.0], [2.0]]))
    change = (parts * (np.array([[0.0], [2.0]]) - np.asarray(x))).sum(axis=0)
    np.testing.assert_allclose(mixed, -change / parts.sum(axis=0) ** 3, rtol=1e-7 if X64 else 1e-4)


@every_family
def test_edges_of_the_support(family):
    """The log-density is as given, and every derivative is finite, in particular where there is none."""
    d, _, _, edges = FAMILIES[family]
    x, values, derivatives = found_slopes(family)
    x, values = x[: len(edges)], values[: len(edges)]
    near(values[:, 0], list(edges.values()))
    low, high = (float(end) for end in d.support)
    for ends, expected in ((x <= low, [-INF, 1, 0]), (x >= high, [0, 0, 1])):
        for row in values[ends, 1:]:
            np.testing.assert_array_equal(row, expected[: len(row)])
    for leaf in jax.tree.leaves(derivatives):
        assert np.isfinite(leaf[:13]).all()


Y, STEP = np.linspace(-30, 30, 6001, retstep=True)
P = np.array([1e-3, 0.1, 0.3, 0.5, 0.8, 0.999, 0, 1, -0.1, 1.1, np.nan])


def numbers(d, x, key, p):
    """What can be compared with sums and counts; quantiles where they have a formula."""
    names = [name for name in ("mean", "variance", "mode") if hasattr(type(d), f"_{name}")]
    found = {name: getattr(d, name) for name in names}
    found |= {"log_prob": d.log_prob(x), "draws": d.sample(key, (4000,))}
    found |= {"at mode": d.log_prob(d.mode), "entropy": d.entropy()} if "mode" in names else {}
    if p is not None:
        q = d.icdf(p)
        found |= {"icdf": q, "cdf": d.cdf(q), "survival": d.survival(q), "density": d.prob(q)}
    return found


@functools.cache
def found_numbers(family):
    d, _, (place, _), _ = FAMILIES[family]
    p = None if family in BY_BISECTION else jnp.asarray(P, FLOAT)
    return jax.tree.map(np.asarray, quick(numbers, d, jnp.asarray(place(Y), FLOAT), KEY, p))


@every_family
def test_integrals(family):
    """The density integrates to 1, is largest at the mode, and mean, variance and entropy are expectations."""
    _, _, (place, slope), _ = FAMILIES[family]
    found = found_numbers(family)
    x, log_prob = place(Y).astype(FLOAT).astype(float), found["log_prob"].astype(float)
    weights = np.exp(log_prob) * slope(Y) * STEP

    def expected(values):
        return np.sum(weights * np.where(weights > 0, values, 0))

    # the density of Laplace has a corner, where the sum is right to the square of the step
    tolerance = 1e-4 if family in ("Laplace", "Mixture") else 10 * TOLERANCE
    near(expected(1), 1, tolerance)
    if family == "LogStudentT":
        assert found["mean"] == found["variance"] == INF
    else:
        near(found["mean"], expected(x), tolerance)
        near(found["variance"], expected((x - found["mean"]) ** 2), tolerance)
    if family != "Mixture":
        near(found["entropy"], expected(-log_prob), tolerance)
        assert log_prob.max() <= found["at mode"] + TOLERANCE


@pytest.mark.parametrize("family", sorted(FAMILIES.keys() - set(BY_BISECTION)))
def test_quantiles_invert_the_cumulative_distribution_function(family):
    """Those by bisection: test_distributions.py."""
    found = found_numbers(family)
    x, p = found["icdf"], P[:6]
    rounding = 2 * jnp.finfo(FLOAT).eps * (np.abs(x[:6]) * found["density"][:6]).max()  # of x
    near(found["cdf"][:6], p, TOLERANCE + rounding)
    near(found["survival"][:6], 1 - p, TOLERANCE + rounding)
    np.testing.assert_array_equal(x[6:8], FAMILIES[family][0].support)
    assert np.isnan(x[8:]).all()


@every_family
def test_draws_have_the_distribution(family):
    """By the test of Kolmogorov and Smirnov; mean and variance within six standard errors."""
    exact, x = FAMILIES[family][1], found_numbers(family)["draws"].astype(float)
    assert stats.kstest(exact.cdf(x), "uniform").pvalue > 1e-4
    if hasattr(exact, "stats"):
        variance, excess = exact.stats("vk")
        assert abs(x.mean() - exact.mean()) < 6 * np.sqrt(variance / len(x))
        assert abs(x.var() - variance) < 6 * variance * np.sqrt((excess + 2) / len(x))


def test_numbers_of_textbooks():
    uniform, normal = Uniform(1.0, 5.0), Normal(0.0, 5.0)
    near([uniform.log_prob(2.0), uniform.mean, uniform.variance], [-1.3862944, 3, 4 / 3], 1e-7)
    near(normal.log_prob(0.0), -2.528376446, 1e-7)
    heights = Normal(152.0, 8.0)
    near(heights.cdf(170.0) - heights.cdf(160.0), 0.14643, 1e-5)
    near(Normal(0.0, 1.0).log_cdf(-40.0), -804.6084420137538)


def log_prob(d, x):
    return d.log_prob(x)


GRID = np.array([1e-3, 0.5, 1.0, 2.5, 150.0, 1e5])
A, B = (each.ravel()[:, None] for each in np.meshgrid(GRID, GRID))
DENSITIES = {
    "Gamma": (Gamma, reference.gamma_density, (A, B), A / B),
    "InverseGamma": (InverseGamma, reference.inverse_gamma_density, (A, B), B / A),
    "Beta": (Beta, reference.beta_density, (A, B), A / (A + B)),
    "CompoundGamma": (CompoundGamma, reference.compound_gamma_density, (A, B, A), A * A / B),
    "StudentT": (StudentT, reference.student_density, (A, 0 * A, B), B),
}


@pytest.mark.parametrize("family", DENSITIES)
def test_densities_at_small_and_large_parameters(family):
    """Against decimals of forty digits, near the middle and far from it."""
    kind, exact, parameters, middle = DENSITIES[family]
    parts = np.array([1e-6, 0.5, 0.99, 1.0, 1.002, 1.3, 40.0])
    x = middle * (parts if family != "Beta" else np.minimum(parts, 0.9 / middle))
    x, *parameters = (np.asarray(a, FLOAT) for a in (x, *parameters))
    near(quick(log_prob, kind(*parameters), x), exact(x, *parameters), TOLERANCE if X64 else 3e-5)


TAILS = [
    (Normal(100.0, 1e-3), stats.norm(100, 1e-3)),
    (Laplace(1e5, 1.0), stats.laplace(1e5, 1)),
    (StudentT(0.5, 1e5, 3.0), stats.t(0.5, 1e5, 3)),
    (Exponential(1e-3), stats.expon(0, 1e3)),
    (Lomax(1e-3, 10.0), stats.lomax(1e-3, 0, 10)),
    (Gamma(1e-3, 1e-3), stats.gamma(1e-3, 0, 1e3)),
]


def tails(pairs):
    return [(d.survival(x), d.log_survival(x), d.log_cdf(x)) for d, x in pairs]


def test_tails():
    """Each tail with all its digits, relative to its own size."""
    with np.errstate(divide="ignore"):
        x = [exact.ppf([1e-30, 1e-12, 0.01, 0.4, 0.6, 0.99, 1 - 1e-12]) for _, exact in TAILS]
    x = [np.clip(each, np.finfo(FLOAT).tiny, 1e37).astype(FLOAT) for each in x]
    found = quick(tails, [(d, each) for (d, _), each in zip(TAILS, x, strict=True)])
    for (d, exact), each, got in zip(TAILS, x, found, strict=True):
        wanted = exact.sf(each.astype(float)), exact.logsf(each.astype(float)), exact.logcdf(each.astype(float))
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9 if X64 else 1e-4, atol=1e-36, err_msg=type(d).__name__)


def far_out(x):
    student, lomax = StudentT(1.0, 0.0, 1.0), Lomax(0.5, 1e-20)
    hazard = jax.grad(lambda z: Normal(0.0, 1.0).log_cdf(z))(-1e4 + 0 * x)
    return student.log_prob(x), student.survival(x) * x, student.log_cdf(-x), lomax.log_prob(x), hazard


def test_far_tails_are_those_of_powers():
    """Where the square of an argument, or an argument over a scale, is no number of its type."""
    x = 1e200 if X64 else 1e30
    found = quick(far_out, jnp.asarray(x, FLOAT))
    far, pi = math.log(x), math.log(math.pi)
    lomax = math.log(0.5) - 0.5 * math.log(1e20) - 1.5 * far
    near(found, [-2 * far - pi, 1 / math.pi, -far - pi, lomax, 1e4], 10 * TOLERANCE)


@pytest.mark.parametrize(
    ("make", "exact"),
    [
        (lambda a: Pareto(a, 2.0), lambda a: stats.pareto(a, 0, 2)),
        (lambda a: Lomax(a, 2.0), lambda a: stats.lomax(a, 0, 2)),
        (lambda a: InverseGamma(a, 2.0), lambda a: stats.invgamma(a, 0, 2)),
        (lambda a: CompoundGamma(3.0, a, 2.0), lambda a: stats.betaprime(3, a, 0, 2)),
        (lambda a: StudentT(a, 1.0, 2.0), lambda a: stats.t(a, 1, 2)),
    ],
)
def test_moments_that_do_not_exist(make, exact):
    a = np.array([0.5, 1.0, 1.5, 2.0, 2.5])
    near(make(a).mean, exact(a).mean())
    near(make(a).variance, exact(a).var())


def test_the_entropy_of_a_log_student_t_distribution_needs_a_mean_of_the_logarithm():
    np.testing.assert_array_equal(np.isnan(LogStudentT(np.array([0.5, 1.0, 1.5]), 0.0, 1.0).entropy()), [1, 1, 0])


def laws(a, b, x):
    """Pairs of equal numbers."""
    gamma, inverse, above = Gamma(a, b), InverseGamma(a, b), b + x
    return {
        "1 / gamma": (inverse.log_prob(x), gamma.log_prob(1 / x) - 2 * jnp.log(x)),
        "cdf of 1 / gamma": (inverse.cdf(x), gamma.survival(1 / x)),
        "log of log-normal": (LogNormal(a, b).log_prob(x) + jnp.log(x), Normal(a, b).log_prob(jnp.log(x))),
        "log of log Student": (
            LogStudentT(b, a, 2.0).log_prob(x) + jnp.log(x),
            StudentT(b, a, 2.0).log_prob(jnp.log(x)),
        ),
        "Lomax and Pareto": (Lomax(a, b).log_prob(above - b), Pareto(a, b).log_prob(above)),
        "exponential of a gamma rate": (CompoundGamma(1.0, a, b).log_prob(x), Lomax(a, b).log_prob(x)),
        "1 / compound gamma": (
            CompoundGamma(a, 2.5, b).log_prob(x),
            CompoundGamma(2.5, a, 1 / b).log_prob(1 / x) - 2 * jnp.log(x),
        ),
        "gamma of concentration 1": (Gamma(1.0, b).log_prob(x), Exponential(b).log_prob(x)),
        "t of one degree": (StudentT(1.0, a, b).cdf(x), 0.5 + jnp.arctan2(x - a, b) / jnp.pi),
    }


@few_examples
@given(positive, positive, st.sampled_from([1e-2, 0.7, 1.0, 3.0, 50.0]))
def test_families_that_are_transforms_of_each_other(a, b, x):
    """To within what the rounding of 1 / x, log x and b + x does to the densities of concentration 1000."""
    for name, (one, other) in quick(laws, *(jnp.asarray(v, FLOAT) for v in (a, b, x))).items():
        np.testing.assert_allclose(one, other, rtol=1e-9 if X64 else 1e-4, atol=1e-9 if X64 else 3e-4, err_msg=name)


# Mixtures.

WEIGHTS = jnp.array([0.2, 0.5, 0.3])
LOCS, SCALES = jnp.array([-1.0, 0.5, 3.0]), jnp.array([0.5, 1.0, 2.0])
POINTS = jnp.linspace(-3.0, 8.0, 7)


def of_mixtures(weights, locs, scales, x):
    def mixed(d):
        return d.log_prob(x), d.log_cdf(x), d.survival(x), d.mean, d.variance

    parts = [Normal(loc, scale) for loc, scale in zip(locs, scales, strict=True)]
    last = weights[1:] / weights[1:].sum()
    one = mixed(Mixture(weights[:1] / weights[:1], Normal(locs[:1], scales[:1]))), mixed(parts[0])
    nested = Mixture(jnp.stack([weights[0], 1 - weights[0]]), (parts[0], Mixture(last, parts[1:])))
    return one, [mixed(Mixture(weights, each)) for each in (Normal(locs, scales), parts)] + [mixed(nested)]


def test_one_component_is_itself_and_a_tuple_is_a_batch():
    (one, itself), (batch, parts, nested) = quick(of_mixtures, WEIGHTS, LOCS, SCALES, POINTS)
    jax.tree.map(near, one, itself)
    jax.tree.map(near, parts, batch)
    jax.tree.map(near, nested, batch)


def with_slopes(function, weights, parameter, x):
    return jax.vmap(jax.value_and_grad(function, argnums=(0, 1, 2)), in_axes=(None, None, 0))(weights, parameter, x)


def test_a_component_of_weight_zero_has_a_derivative_in_its_weight_only():
    """That is p_j / p, also where p_j is larger, and 0 where the component is out of its support."""

    def log_prob(weights, loc, x):
        return Mixture(weights, (Normal(loc, 1.0), Normal(0.0, 1.0), Uniform(4.0, 5.0))).log_prob(x)

    x = np.array([1.0, 4.5, 30.0])
    found = quick(functools.partial(with_slopes, log_prob), jnp.array([0.0, 1.0, 0.0]), 3.0, jnp.asarray(x, FLOAT))
    value, (along_weights, along_loc, _) = found
    density, ratio = stats.norm.pdf(x), np.exp(3 * x - 4.5)
    near(value, stats.norm.logpdf(x))
    near(along_weights[:2], np.stack([ratio, 0 * x + 1, (x == 4.5) / density], axis=1)[:2], 10 * TOLERANCE)
    assert np.isfinite(along_weights).all()
    np.testing.assert_array_equal(along_loc, 0)


def test_out_of_every_support_and_infinite_densities():
    def log_prob(weights, low, x):
        return Mixture(weights, (Uniform(low, 1.0), Gamma(0.5, 2.0), Uniform(2.0, 3.0))).log_prob(x)

    value, slopes = quick(functools.partial(with_slopes, log_prob), WEIGHTS, -0.5, jnp.array([-1.0, 0.0, INF]))
    np.testing.assert_array_equal(value, [-INF, INF, -INF])
    assert all(np.isfinite(leaf).all() for leaf in slopes)


def test_a_mixture_of_intervals():
    d = Mixture(WEIGHTS, Uniform(jnp.arange(3.0), jnp.arange(3.0) + 1))
    found = quick(lambda d, x, p: (d.cdf(x), d.icdf(p)), d, jnp.array([-1.0, 1.0, 2.0, 9.0]), jnp.array([0.1, 0.45]))
    near(found[0], [0, 0.2, 0.7, 1])
    near(found[1], [0.5, 1.5])
    np.testing.assert_array_equal(d.support, [0, 3])


def moments(d):
    return d.mean, d.variance


def test_moments_of_a_mixture_do_not_cancel():
    offset = 2.0**20
    near(quick(moments, Mixture([0.25, 0.75], Normal(offset + jnp.array([0.0, 4.0]), 1.0)))[1], 4)
    vectors = Mixture([0.25, 0.75], MultivariateNormal(jnp.array([[0.0, 0], [4, 4]]) + offset, jnp.eye(2)))
    found = quick(lambda d, key: (d.variance, d.covariance, d.sample(key, (3,))), vectors, KEY)
    near(found[0], [4, 4])
    near(found[1], [[4, 3], [3, 4]])
    assert vectors.event_shape == (2,)
    assert found[2].shape == (3, 2)
    np.testing.assert_allclose(found[2], offset + 2, atol=8)


def test_infinite_moments_of_a_component_count_where_its_weight_does():
    d = Mixture([[0.5, 0.5], [1.0, 0.0]], (Normal(0.0, 1.0), Pareto(0.5, 1.0)))
    np.testing.assert_array_equal(quick(moments, d), [[INF, 0], [INF, 1]])


def test_a_mixture_of_counts():
    d = Mixture([0.3, 0.7], Poisson(jnp.array([1.0, 9.0])))
    found = quick(lambda d, x, key: (d.prob(x), d.cdf(x), d.sample(key, (4000,))), d, jnp.arange(0, 40, 0.5), KEY)
    probs, cdf, draws = map(np.asarray, found)
    assert d.discrete
    assert (probs[1::2] == 0).all()
    probs = probs[::2]
    near(probs.sum(), 1)
    near(cdf, np.repeat(np.cumsum(probs), 2))
    counts, expected = np.bincount(draws.astype(int), minlength=40), 4000 * probs
    groups = [*range(0, 18), 18]  # the last of all from 18 on
    together = [np.add.reduceat(each, groups) for each in (counts, expected)]
    assert stats.chisquare(*together, sum_check=False).pvalue > 1e-4


def test_a_mixture_under_vmap_and_in_batches():
    def made(loc):
        return Mixture(WEIGHTS, Normal(loc, 2.0))

    locs = jnp.stack([LOCS, 2 * LOCS])
    d = jax.vmap(made)(locs)
    assert d.batch_shape == (2,)
    found = quick(lambda d, x, key: (d.log_prob(x), d.sample(key, (5,))), d, 1.0, KEY)
    assert found[1].shape == (5, 2)
    weights, scale = np.asarray(WEIGHTS), 2.0
    near(found[0], [LOG(weights @ stats.norm.pdf(1, loc, scale)) for loc in np.asarray(locs)])


def test_a_mixture_of_batches_in_a_file_and_unconstrained(tmp_path):
    d = Mixture(WEIGHTS, (Normal(0.0, 1.0), Gamma(jnp.array([1.0, 2.0]), 3.0), Mixture(WEIGHTS, Laplace(LOCS, 1.0))))
    assert d.batch_shape == (2,)
    jaxmath.save(tmp_path / "mixture.safetensors", d)
    for again in (jaxmath.load(tmp_path / "mixture.safetensors"), from_unconstrained(d, to_unconstrained(d))):
        assert jax.tree.structure(again) == jax.tree.structure(d)
        jax.tree.map(near, again, d)


def test_components_that_are_not_valid():
    d = Mixture([0.5, 0.5], (Normal(jnp.zeros(2), jnp.array([1.0, -1.0])), Laplace(0.0, 1.0)))
    np.testing.assert_array_equal(np.isnan(d.log_prob(0.0)), [False, True])
    np.testing.assert_array_equal(np.isnan(d.mean), [False, True])
    with pytest.raises(ValueError, match=r"distributions.Normal: scale must be positive, got -1.0 at \(1,\)"):
        distributions.validate(d)
    distributions.validate(Mixture(WEIGHTS, Normal(LOCS, SCALES)))


@pytest.mark.parametrize(
    ("weights", "components", "error", "message"),
    [
        (WEIGHTS, LOCS, TypeError, "expected a distribution or a tuple of them, got ArrayImpl"),
        (WEIGHTS, (Normal(0.0, 1.0), None), TypeError, "got NoneType"),
        (WEIGHTS, NormalWishart(jnp.zeros((3, 2)), 1.0, 3.0, jnp.eye(2)), TypeError, "draws are one array, got Norm"),
        (WEIGHTS, Normal(0.0, 1.0), ValueError, "expected components with a batch axis, or a tuple"),
        (WEIGHTS, Normal(jnp.zeros(2), 1.0), ValueError, r"expected a weight a component, got 2 and shape \(3,\)"),
        (WEIGHTS, (), ValueError, r"expected a weight a component, got 0 and shape \(3,\)"),
        (0.5, Normal(jnp.zeros(2), 1.0), ValueError, r"got 2 and shape \(\)"),
        (WEIGHTS[:2], (Normal(0.0, 1.0), Poisson(1.0)), ValueError, "all discrete or all continuous"),
        (
            WEIGHTS[:2],
            (Normal(0.0, 1.0), MultivariateNormal(jnp.zeros(2), jnp.eye(2))),
            ValueError,
            r"one event shape, got \(\), \(2,\)",
        ),
        (jnp.ones((3, 2)) / 2, Normal(jnp.zeros((4, 2)), 1.0), ValueError, r"weights \(3, 2\) and components \(4, 2\)"),
    ],
)
def test_components_that_do_not_fit(weights, components, error, message):
    with pytest.raises(error, match=f"distributions.Mixture: .*{message}"):
        Mixture(weights, components)


def test_what_a_mixture_does_not_have():
    numbers = Mixture(WEIGHTS, Normal(LOCS, SCALES))
    vectors = Mixture([0.5, 0.5], MultivariateNormal(jnp.zeros((2, 2)), jnp.eye(2)))
    for call in (numbers.entropy, lambda: numbers.mode, lambda: numbers.covariance, lambda: vectors.cdf(jnp.zeros(2))):
        with pytest.raises(AttributeError, match=r"distributions.Mixture.* has no "):
            call()
