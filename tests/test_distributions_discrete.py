"""Laws of the distributions of counts and labels, and on the simplex; their edges, and their draws."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from quick import quick
from scipy import special, stats
from scipy.special import betaln, gammaln

from jaxmath import distributions
from jaxmath.distributions import (
    Bernoulli,
    Beta,
    BetaBinomial,
    BetaNegativeBinomial,
    Binomial,
    Categorical,
    Dirichlet,
    DirichletMultinomial,
    Multinomial,
    NegativeBinomial,
    Poisson,
)

INF = np.inf
TOLERANCE = 1e-9 if jax.config.read("jax_enable_x64") else 1e-5
COUNTS = np.arange(13)
# All vectors of three counts with sum 4.
COMPOSITIONS = np.array([c for c in itertools.product(range(5), repeat=3) if sum(c) == 4])
KEY = jax.random.key(0)
few_examples = settings(max_examples=20, deadline=None)
probabilities = st.sampled_from([0.0, 1e-6, 0.03, 0.2, 0.5, 0.9, 1.0])
positive = st.sampled_from([1e-3, 0.3, 1.0, 2.5, 40.0, 1e3, 1e5])
counts = st.sampled_from([0, 1, 2, 12, 1000])


def error(got, want):
    """The largest error of an entry relative to one more than its size; infinities must be the same."""
    got, want = np.asarray(got, float), np.asarray(want, float)
    got, want = np.broadcast_arrays(got, want)
    differ = got != want
    return (np.abs(got[differ] - want[differ]) / (1 + np.abs(want[differ]))).max(initial=0)


def column(*values):
    return jnp.array(values)[:, None]


def pairs(x, n):
    return np.stack([x, n - x], axis=-1)


N, A, B = column(0, 1, 5, 12, 12, 12), column(1.0, 1e-3, 1e5, 0.3, 2.0, 40.0), column(1.0, 2.0, 3.0, 4.0, 1e-3, 1e4)
R = column(1e-3, 0.7, 4.0, 4.0, 1.0, 1e3)
LOGITS = np.array([[[0.0, -200.0, 3.0, 1.0]], [[0.0, 0.0, -INF, 200.0]]])
NUMBERS = {
    "Bernoulli": (Bernoulli(column(0.0, 0.3, 0.7, 1.0)), np.arange(2)),
    "Binomial": (Binomial(N, column(0.3, 1.0, 0.0, 0.2, 0.999, 1e-6)), COUNTS),
    "BetaBinomial": (BetaBinomial(N, A, B), COUNTS),
    "Categorical": (Categorical(logits=LOGITS), np.arange(4)),
    "Poisson": (Poisson(column(0.0, 1e-3, 2.5, 30.0)), np.arange(100)),
    "NegativeBinomial": (NegativeBinomial(R, column(0.5, 0.5, 0.3, 1.0, 0.9, 1 - 1e-6)), np.arange(100)),
    "BetaNegativeBinomial": (
        BetaNegativeBinomial(R, column(40.0, 70.0, 1e5, 40.0, 1e3, 1e3), column(2.0, 0.5, 3e4, 1e-3, 3.0, 2.0)),
        np.arange(100),
    ),
}
VECTORS = {
    "Multinomial": Multinomial(4, [[[0.2, 0.3, 0.5]], [[0.0, 0.999, 0.001]], [[1.0, 0.0, 0.0]]]),
    "DirichletMultinomial": DirichletMultinomial(4, [[[0.2, 0.3, 0.5]], [[1e5, 3e3, 1e5]], [[1e-3, 1e5, 1.0]]]),
}


@pytest.mark.parametrize("family", NUMBERS)
def test_probabilities_sum_to_1_and_none_is_larger_than_that_of_the_mode(family):
    d, x = NUMBERS[family]
    p = np.asarray(d.prob(x))
    assert error(p.sum(axis=1), 1) < TOLERANCE
    mode = np.asarray(d.mode).reshape(-1).astype(int)
    assert (p[np.arange(len(p)), mode] >= p.max(axis=1) - TOLERANCE).all()


@pytest.mark.parametrize("family", VECTORS)
def test_probabilities_of_vectors_sum_to_1(family):
    assert error(np.asarray(VECTORS[family].prob(COMPOSITIONS)).sum(axis=1), 1) < TOLERANCE


def test_u_shaped_beta_binomial_has_its_mode_at_the_likelier_end():
    d = BetaBinomial(9, jnp.array([0.2, 0.5, 3.0, 0.5, 1.0]), jnp.array([0.5, 0.2, 0.5, 3.0, 2.0]))
    np.testing.assert_array_equal(d.mode, [0, 9, 9, 0, 0])


@few_examples
@given(n=counts, p=probabilities)
def test_multinomial_of_two_is_binomial(n, p):
    x, p, n = np.minimum(COUNTS, n), jnp.array(p), jnp.array(float(n))
    d, binomial = Multinomial(n, jnp.stack([p, 1 - p])), Binomial(n, p)
    assert error(d.log_prob(pairs(x, np.asarray(n))), binomial.log_prob(x)) < TOLERANCE
    assert error(d.covariance, np.asarray(binomial.variance) * np.array([[1, -1], [-1, 1]])) < TOLERANCE


@few_examples
@given(n=counts, a=positive, b=positive)
def test_dirichlet_multinomial_of_two_is_beta_binomial(n, a, b):
    x, n = np.minimum(COUNTS, n), jnp.array(float(n))
    d, beta_binomial = DirichletMultinomial(n, jnp.array([a, b])), BetaBinomial(n, jnp.array(a), jnp.array(b))
    assert error(d.log_prob(pairs(x, np.asarray(n))), beta_binomial.log_prob(x)) < TOLERANCE
    assert error(np.asarray(d.mean)[0], beta_binomial.mean) < TOLERANCE
    assert error(d.covariance, np.asarray(beta_binomial.variance) * np.array([[1, -1], [-1, 1]])) < TOLERANCE


@few_examples
@given(a=positive, b=positive, x=st.sampled_from([0.0, 1e-4, 0.3, 0.5, 1.0]))
def test_dirichlet_of_two_is_beta(a, b, x):
    x, d, beta = jnp.array(x), Dirichlet(jnp.array([a, b])), Beta(jnp.array(a), jnp.array(b))
    assert error(d.log_prob(jnp.stack([x, 1 - x])), beta.log_prob(x)) < 2 * TOLERANCE
    assert error(d.entropy(), beta.entropy()) < 2 * TOLERANCE
    assert error(d.covariance, np.asarray(beta.variance) * np.array([[1, -1], [-1, 1]])) < TOLERANCE
    assert error(np.asarray(d.mode)[0], beta.mode) < TOLERANCE


def test_compound_distributions_tend_to_those_they_are_made_of():
    """With concentrations of sum s the difference is of order n^2 / s."""
    s, n, p = 1e9, column(*[12] * 6), column(0.03, 0.1, 0.3, 0.5, 0.9, 0.97)
    assert error(BetaBinomial(n, p * s, (1 - p) * s).log_prob(COUNTS), Binomial(n, p).log_prob(COUNTS)) < 1e-6
    failures, x = BetaNegativeBinomial(p, p * s, (1 - p) * s), np.arange(100)
    assert error(failures.log_prob(x), NegativeBinomial(p, p).log_prob(x)) < 1e-5


def check_distribution_function(d, x, reference):
    assert error(d.cdf(x), reference.cdf(x)) < 3 * TOLERANCE
    assert error(d.survival(x), reference.sf(x)) < 3 * TOLERANCE
    known = reference.cdf(x) > 0
    assert error(np.asarray(d.log_cdf(x))[known], np.log(reference.cdf(x)[known])) < 3 * TOLERANCE
    assert error(d.mean, reference.mean()) < TOLERANCE
    assert error(d.variance, reference.var()) < TOLERANCE


@few_examples
@given(r=positive, p=st.sampled_from([1e-4, 0.3, 0.9, 1.0]))
def test_negative_binomial_agrees_with_scipy(r, p):
    d, x = NegativeBinomial(jnp.array(r), jnp.array(p)), np.concatenate([COUNTS, [10**3, 10**6]]) - 1
    check_distribution_function(d, x, stats.nbinom(float(d.r), float(d.probs)))


@few_examples
@given(n=counts, p=probabilities)
def test_binomial_agrees_with_scipy(n, p):
    d, x = Binomial(jnp.array(float(n)), jnp.array(p)), np.concatenate([COUNTS, [n // 2, n]]) - 1
    check_distribution_function(d, x, stats.binom(n, float(d.probs)))


@few_examples
@given(rate=st.sampled_from([0.0, 1e-3, 0.7, 10.0, 1000.0, 1e5, 1e6]))
def test_poisson_agrees_with_scipy(rate):
    d, x = Poisson(jnp.array(rate)), np.concatenate([COUNTS, np.floor(rate + np.array([-2, 2]) * rate**0.5)]) - 1
    check_distribution_function(d, x, stats.poisson(float(d.rate)))


def test_quantiles_of_the_negative_binomial_equal_those_of_scipy():
    p, r = np.float32([1e-3, 0.1, 0.49, 0.73, 0.999]), column(0.3, 4.0, 1e3)
    got = NegativeBinomial(r, 0.3).icdf(p)
    np.testing.assert_array_equal(got, stats.nbinom.ppf(np.asarray(p, float), np.asarray(r, float), np.float32(0.3)))


def test_medians_of_symmetric_binomial_distributions():
    """The probability of at most (n - 1) / 2 is 1/2, also where its logarithm rounds."""
    n = np.arange(1.0, 120.0, 2)
    got = quick(lambda d, p: d.icdf(p), Binomial(jnp.asarray(n), 0.5), jnp.asarray(0.5))
    np.testing.assert_array_equal(got, (n - 1) / 2)


@pytest.mark.parametrize(
    "d",
    [
        Poisson(jnp.array([[3.7], [1e3]])),
        Binomial(jnp.array([[19.0], [1e3]]), jnp.array([[0.37], [0.9]])),
        NegativeBinomial(jnp.array([[4.0], [100.0]]), 0.5),
    ],
    ids=lambda d: type(d).__name__,
)
def test_quantiles_of_counts_invert_their_own_distribution_function(d):
    """Between two of its values they are the next count, where these differ by more than their rounding."""
    k = jnp.floor(jnp.maximum(d.mean + jnp.arange(-5, 6) * jnp.sqrt(d.variance) / 2, 0))
    p, below = quick(lambda d, k: (d.cdf(k), jnp.where(k > 0, d.cdf(k - 1), 0)), d, k)
    found = quick(lambda d, p, q: (d.icdf(p), d.icdf(q)), d, p, (p + below) / 2)
    sure = (p < 1) & (p - below > 1e-5 * p)
    np.testing.assert_array_equal(found[0][sure], k[sure])
    np.testing.assert_array_equal(found[1][sure], k[sure])


def test_distribution_functions_of_large_counts():
    size, z = np.array([1e9, 1e12]), np.array([[-3.0], [0.0], [1.0], [6.0]])
    k, half = (np.float32(np.floor(v)).astype(float) for v in (size + z * size**0.5, size / 2 + z * size**0.5 / 2))
    found = quick(
        lambda size, k, half: (Poisson(size).cdf(k), Binomial(size, 0.5).cdf(half)),
        *(jnp.asarray(v, float) for v in (np.float32(size), k, half)),
    )
    size = np.float32(size).astype(float)
    # in float32 k + 1 is k
    assert error(found[0], special.gammaincc(k + 1, size)) < max(TOLERANCE, 3e-5 * (TOLERANCE > 1e-6))
    assert error(found[1], stats.binom.cdf(half, size, 0.5)) < max(TOLERANCE, 3e-5 * (TOLERANCE > 1e-6))


@few_examples
@given(logits=st.lists(st.sampled_from([-INF, -200.0, -1.0, 0.0, 0.5, 200.0]), min_size=4, max_size=4))
def test_categorical_by_enumeration(logits):
    assume(max(logits) > -INF)
    labels, d, shifted = np.arange(4), Categorical(logits=jnp.array(logits)), Categorical(logits=jnp.array(logits) + 3)
    want = np.array(logits) - special.logsumexp(logits)
    assert error(d.log_prob(labels), want) < TOLERANCE
    assert error(shifted.log_prob(labels), want) < TOLERANCE
    assert error(d.entropy(), stats.entropy(np.exp(want))) < TOLERANCE
    of_probs = Categorical(d.probs)
    assert error(of_probs.prob(labels), np.exp(want)) < TOLERANCE
    assert error(of_probs.entropy(), stats.entropy(np.exp(want))) < TOLERANCE
    assert want[int(d.mode)] == want.max()


@pytest.mark.parametrize("parameter", ["probs", "logits"])
def test_bernoulli_by_enumeration(parameter):
    p, x = column(1e-6, 0.3, 0.9), np.arange(2)
    d = Bernoulli(p) if parameter == "probs" else Bernoulli(logits=jax.scipy.special.logit(p))
    p = np.asarray(p, float)
    table = np.concatenate([1 - p, p], axis=1)
    assert error(d.log_prob(x), np.log(table)) < TOLERANCE
    assert error(d.cdf(x), table.cumsum(axis=1)) < TOLERANCE
    assert error(d.log_cdf(x), np.log(table.cumsum(axis=1))) < TOLERANCE
    assert error(d.survival(x), 1 - table.cumsum(axis=1)) < TOLERANCE
    assert error(d.mean, p) < TOLERANCE
    assert error(d.variance, p * (1 - p)) < TOLERANCE
    assert error(np.asarray(d.entropy())[:, 0], stats.entropy(table, axis=1)) < TOLERANCE
    np.testing.assert_array_equal(
        d.icdf(jnp.array([0.0, 0.05, 0.6, 0.9999])), [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]]
    )


def of_all_sizes():
    """Distributions of float32, arguments, and logarithms of probabilities in float64."""
    rng, size = np.random.default_rng(0), 300
    single = lambda v: np.asarray(np.float32(v), float)  # noqa: E731
    r, a, b = single(10 ** rng.uniform(-3, 5, (3, size)))
    n, p = np.floor(10 ** rng.uniform(0, 5, size)), single(rng.uniform(0.01, 0.99, size))
    k, s = single(rng.binomial(n.astype(int), p)), single(rng.poisson(a))
    f = single(np.minimum(rng.poisson(r * (1 - p) / p), 10**6))
    c, x = single(10 ** rng.uniform(-3, 5, (size, 5))), single(rng.dirichlet(np.ones(5), size))
    q = x / x.sum(axis=1, keepdims=True)
    rows = np.array([rng.multinomial(*each) for each in zip(n.astype(int), q, strict=True)], float)

    log_choose = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    log_failures = gammaln(f + r) - gammaln(f + 1) - gammaln(r)
    log_sequences = gammaln(n + 1) - gammaln(rows + 1).sum(axis=1)
    total, rising = c.sum(axis=1), (gammaln(c + rows) - gammaln(c)).sum(axis=1)
    found = (
        (Binomial, (n, p), k, log_choose + k * np.log(p) + (n - k) * np.log1p(-p)),
        (Poisson, (a,), s, s * np.log(a) - a - gammaln(s + 1)),
        (BetaBinomial, (n, a, b), k, log_choose + betaln(k + a, n - k + b) - betaln(a, b)),
        (NegativeBinomial, (r, p), f, log_failures + r * np.log(p) + f * np.log1p(-p)),
        (BetaNegativeBinomial, (r, a, b), f, log_failures + betaln(a + r, b + f) - betaln(a, b)),
        (Multinomial, (n, x), rows, log_sequences + (rows * np.log(q)).sum(axis=1)),
        (DirichletMultinomial, (n, c), rows, log_sequences + rising + gammaln(total) - gammaln(total + n)),
        (Dirichlet, (c,), x, gammaln(total) + ((c - 1) * np.log(q) - gammaln(c)).sum(axis=1)),
    )
    return [(family(*map(np.float32, parameters)), x, want) for family, parameters, x, want in found]


@pytest.mark.parametrize(("d", "x", "want"), of_all_sizes(), ids=lambda d: type(d).__name__)
def test_float32_keeps_its_digits_for_parameters_of_all_sizes(d, x, want):
    got = d.log_prob(np.float32(x))
    assert got.dtype == jnp.float32
    assert error(got, want) < 1e-5


def both(p):
    return jnp.stack([p, 1 - p])


# Distributions of a parameter and a count; then parameter, count and argument, the logarithm of the probability and its
# derivative in the parameter: any finite number where None.
EDGES = {
    "Binomial": (lambda p, n: Binomial(n, p), [
        (0.0, 3, 0, 0.0, -3.0), (0.0, 3, 1, -INF, None), (1.0, 3, 3, 0.0, 3.0), (1.0, 3, 0, -INF, None),
        (0.3, 0, 0, 0.0, 0.0), (0.3, 3, 4, -INF, 0.0), (1.0, 3, -1, -INF, 0.0), (0.3, 3, 1.5, -INF, 0.0),
    ]),
    "Bernoulli": (lambda p, n: Bernoulli(p), [
        (0.0, 1, 0, 0.0, -1.0), (0.0, 1, 1, -INF, None), (1.0, 1, 1, 0.0, 1.0), (0.5, 1, 2, -INF, 0.0),
    ]),
    "Bernoulli of logits": (lambda z, n: Bernoulli(logits=z), [
        (-200.0, 1, 1, -200.0, 1.0), (200.0, 1, 0, -200.0, -1.0), (200.0, 1, 1, 0.0, 0.0), (INF, 1, 1, 0.0, 0.0),
        (INF, 1, 0, -INF, None), (3.0, 1, 2, -INF, 0.0),
    ]),
    "Poisson": (lambda rate, n: Poisson(rate), [
        (0.0, 0, 0, 0.0, -1.0), (0.0, 0, 2, -INF, None), (3.0, 0, INF, -INF, 0.0), (1e6, 0, 0, -1e6, -1.0),
    ]),
    "NegativeBinomial": (lambda p, n: NegativeBinomial(2.5, p), [
        (1.0, 0, 0, 0.0, 2.5), (1.0, 0, 1, -INF, None), (0.5, 0, INF, -INF, 0.0), (0.5, 0, -1, -INF, 0.0),
    ]),
    "BetaBinomial": (lambda a, n: BetaBinomial(n, a, 1.0), [
        (2.0, 0, 0, 0.0, 0.0), (2.0, 3, -1, -INF, 0.0), (2.0, 3, 4, -INF, 0.0), (2.0, 3, 1.5, -INF, 0.0),
    ]),
    "Categorical": (lambda p, n: Categorical(both(p)), [
        (0.0, 0, 1, 0.0, -1.0), (0.0, 0, 0, -INF, None), (0.5, 0, 2, -INF, 0.0), (0.5, 0, 0.5, -INF, 0.0),
    ]),
    "Categorical of logits": (lambda z, n: Categorical(logits=jnp.stack([z, jnp.zeros_like(z)])), [
        (-INF, 0, 1, 0.0, 0.0), (-INF, 0, 0, -INF, None), (200.0, 0, 1, -200.0, -1.0), (2.0, 0, -1, -INF, 0.0),
    ]),
    "Multinomial": (lambda p, n: Multinomial(n, both(p)), [
        (0.0, 3, (0, 3), 0.0, -3.0), (0.0, 3, (1, 2), -INF, None), (0.3, 0, (0, 0), 0.0, 0.0),
        (0.3, 3, (1, 1), -INF, 0.0), (0.3, 3, (4, -1), -INF, 0.0), (0.3, 3, (1.5, 1.5), -INF, 0.0),
    ]),
    "Dirichlet": (lambda a, n: Dirichlet(jnp.stack([a, 4 * a, a])), [
        (2.0, 0, (0.5, 0.2, 0.4), -INF, 0.0), (2.0, 0, (-0.5, 1.0, 0.5), -INF, 0.0),
        (2.0, 0, (0, 0.5, 0.5), -INF, None), (0.5, 0, (0.0, 0.5, 0.5), INF, None), (0.5, 0, (0, 0, 1.0), -INF, None),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("family", EDGES)
def test_log_prob_and_its_derivative_at_the_edges(family):
    make, rows = EDGES[family]
    parameters, n, x, values, slopes = zip(*rows, strict=True)
    function = jax.value_and_grad(lambda a, n, x: make(a, n).log_prob(x))
    got, derivatives = quick(jax.vmap(function), *(jnp.array(part, float) for part in (parameters, n, x)))
    assert error(got, values) < TOLERANCE
    assert np.isfinite(derivatives).all()
    assert error(derivatives, [d if s is None else s for d, s in zip(derivatives, slopes, strict=True)]) < TOLERANCE


def test_entropy_of_what_is_certain_is_0_with_a_finite_derivative():
    def entropies(p):
        logits = 800 * p - 400
        ds = Bernoulli(p), Bernoulli(logits=logits), Categorical(both(p)), Categorical(logits=both(logits))
        return jnp.stack([d.entropy() for d in ds])

    values, slopes = quick(jax.vmap(lambda p: (entropies(p), jax.jacrev(entropies)(p))), jnp.array([0.0, 1.0]))
    assert error(values, 0) < 1e-100
    assert np.isfinite(slopes).all()


def test_derivatives_in_vectors_are_those_of_the_formula():
    p, rows, a = np.array([0.2, 0.3, 0.5]), np.array([1.0, 0.0, 3.0]), np.array([0.5, 1.0, 3.0])
    slopes = lambda p, x, a: (  # noqa: E731
        jax.grad(lambda p: Multinomial(4, p).log_prob(rows))(p),
        jax.vmap(jax.grad(lambda x: Dirichlet(a).log_prob(x)))(x),
    )
    points = np.array([[0.2, 0.3, 0.5], [0.2, 0.0, 0.8]])
    of_p, of_x = quick(slopes, jnp.array(p), jnp.array(points), jnp.array(a))
    assert error(of_p, rows / p) < TOLERANCE
    assert error(of_x, (a - 1) / np.where(points > 0, points, 1)) < TOLERANCE


def test_uniform_dirichlet_is_flat_up_to_its_border():
    points = jnp.array([[0.2, 0.3, 0.5], [0.0, 0.4, 0.6], [0.0, 0.0, 1.0]])
    assert error(Dirichlet(jnp.ones(3)).log_prob(points), np.log(2)) < TOLERANCE


def test_mode_of_a_dirichlet_is_on_the_border_where_it_must_be():
    d = Dirichlet(jnp.array([[2.0, 3.0, 4.0], [0.5, 3.0, 2.0], [0.5, 0.7, 0.2], [1.0, 2.0, 0.5]]))
    assert error(d.mode, [[1 / 6, 1 / 3, 1 / 2], [0, 2 / 3, 1 / 3], [0, 1, 0], [0, 1, 0]]) < TOLERANCE


def test_moments_that_do_not_exist_are_infinite():
    a = np.array([0.5, 1.0, 1.5, 2.0, 3.0])
    d = BetaNegativeBinomial(2.0, jnp.array(a), 4.0)
    mean, variance = stats.betanbinom.stats(2, a, 4.0)
    assert error(d.mean, mean) < TOLERANCE
    assert error(d.variance, variance) < TOLERANCE


def test_batch_shapes_multiply():
    d = Multinomial(jnp.array([[2.0], [4.0]]), jnp.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.0, 0.5, 0.5]]))
    assert (d.batch_shape, d.event_shape) == ((2, 3), (3,))
    assert error(np.asarray(d.prob(COMPOSITIONS[:, None, None])).sum(axis=0), [[0, 0, 0], [1, 1, 1]]) < TOLERANCE
    labels = Categorical(logits=jnp.log(jnp.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]])))
    assert error(labels.prob(np.array([[1], [0]])), [[0.8, 0.5, 0], [0.2, 0.5, 1]]) < TOLERANCE


INVALID = {
    r"probs must be in \(0, 1\]": NegativeBinomial(2.0, jnp.array([0.5, 0.0])),
    "logits must be below infinity": Categorical(logits=jnp.array([[0.0, 1.0], [INF, 0.0]])),
    "logits must be below infinity, one of them finite": Categorical(logits=jnp.array([[0.0, 1.0], [-INF, -INF]])),
    "probs must be probabilities that sum to 1": Categorical(jnp.array([[0.2, 0.8], [0.5, 0.6]])),
    "total_count must be a whole number": Binomial(jnp.array([2.0, 2.5]), 0.5),
}


@pytest.mark.parametrize("words", INVALID)
def test_parameters_that_are_not_valid_give_nan_and_are_named(words):
    np.testing.assert_array_equal(np.isnan(INVALID[words].log_prob(1)), [False, True])
    with pytest.raises(ValueError, match=words):
        distributions.validate(INVALID[words])


NUM_DRAWS = 20_000
DRAWN = {
    "Bernoulli": Bernoulli(logits=np.array([-1.0])),
    "Binomial": Binomial(jnp.array([3.0, 40.0, 1e6]), jnp.array([0.2, 0.7, 0.3])),
    "BetaBinomial": BetaBinomial(10, jnp.array([0.3, 2.0]), jnp.array([0.6, 3.0])),
    "BetaNegativeBinomial": BetaNegativeBinomial(jnp.array([2.0, 0.5]), jnp.array([9.0, 9.0]), jnp.array([4.0, 30.0])),
    "Categorical": Categorical(jnp.array([[0.1, 0.0, 0.6, 0.3]])),
    "NegativeBinomial": NegativeBinomial(jnp.array([0.3, 4.0, 1e4]), jnp.array([0.4, 0.3, 0.01])),
    "Poisson": Poisson(jnp.array([0.01, 3.0, 50.0, 9_000.0, 11_000.0, 1e6])),
    "Multinomial": Multinomial(10, jnp.array([0.2, 0.0, 0.3, 0.5])),
    "DirichletMultinomial": DirichletMultinomial(10, jnp.array([0.2, 1.0, 3.0, 0.5])),
    "Dirichlet": Dirichlet(jnp.array([0.2, 1.0, 3.0, 0.5])),
}


@functools.cache
def drawn(family):
    return np.asarray(DRAWN[family].sample(KEY, (NUM_DRAWS,)), float)


@pytest.mark.parametrize("family", [family for family in DRAWN if family != "Categorical"])
def test_draws_have_the_mean_and_covariance_within_six_standard_errors(family):
    d, draws = DRAWN[family], drawn(family)
    centred = draws - np.asarray(d.mean, float)
    vectors = family in ("Multinomial", "DirichletMultinomial", "Dirichlet")
    products = centred[:, :, None] * centred[:, None, :] if vectors else centred**2
    covariance = np.asarray(d.covariance if vectors else d.variance, float)
    deviation = np.sqrt(np.diag(covariance) if vectors else covariance)
    assert (np.abs(centred.mean(axis=0)) <= 6 * deviation / np.sqrt(NUM_DRAWS)).all()
    assert (np.abs(products.mean(axis=0) - covariance) <= 6 * products.std(axis=0) / np.sqrt(NUM_DRAWS)).all()
    if vectors:
        assert error(d.variance, np.diag(covariance)) < TOLERANCE
        assert error(draws.sum(axis=1), d.mean.sum()) < 1e-6


# The first of the batch in SciPy.
PROBABILITIES = {
    "Bernoulli": stats.bernoulli(special.expit(-1)).pmf,
    "Binomial": stats.binom(3, 0.2).pmf,
    "BetaBinomial": stats.betabinom(10, 0.3, 0.6).pmf,
    "BetaNegativeBinomial": stats.betanbinom(2, 9, 4).pmf,
    "Categorical": stats.rv_discrete(values=(np.arange(4), [0.1, 0.0, 0.6, 0.3])).pmf,
    "NegativeBinomial": stats.nbinom(0.3, 0.4).pmf,
    "Poisson": stats.poisson(0.01).pmf,
}


@pytest.mark.parametrize("family", PROBABILITIES)
def test_draws_have_the_probabilities(family):
    """Chi-square; numbers that are expected less than ten times are taken together."""
    draws, x = drawn(family), np.arange(100)
    assert (draws == np.floor(draws)).all()
    expected, observed = NUM_DRAWS * PROBABILITIES[family](x), (draws[:, :1] == x).sum(axis=0)
    assert observed[expected == 0].sum() == 0
    often = expected >= 10
    rest = max(NUM_DRAWS - expected[often].sum(), 1e-3), NUM_DRAWS - observed[often].sum()
    expected, observed = np.append(expected[often], rest[0]), np.append(observed[often], rest[1])
    assert stats.chi2.sf(((observed - expected) ** 2 / expected).sum(), often.sum()) > 1e-4


def test_draws_of_heavy_tails_are_finite():
    """Draws beyond the largest number are that number; at infinity there is no probability."""
    d = BetaNegativeBinomial(jnp.array([1.0, 1.0]), jnp.array([1e-3, 0.5]), jnp.array([1.0, 1.0]))
    assert (d.log_prob(INF) == -INF).all()
    draws = np.asarray(d.sample(KEY, (NUM_DRAWS,)), float)
    assert np.isfinite(draws).all()
    assert (draws == np.floor(draws)).all()
    assert abs((draws[:, 1] == 0).mean() - 1 / 3) < 6 * np.sqrt(2 / 9 / NUM_DRAWS)  # a / (a + b)
