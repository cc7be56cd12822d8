"""Information: the textbook's numbers, laws, closed divergences against draws, and what holds at the edges."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import distributions as d
from jaxmath import information

kl = information.kl_divergence
ROTATED = jnp.array([[2.0, 0.5], [0.5, 1.0]])
LOC = jnp.array([0.5, -0.5])

P, Q = jnp.array([0.2, 0.3, 0.5]), jnp.array([0.4, 0.3, 0.3])
PAIRS = {
    "Bernoulli": (d.Bernoulli(0.3), d.Bernoulli(0.6)),
    "Bernoulli of logits": (d.Bernoulli(logits=-1.0), d.Bernoulli(0.4)),
    "Categorical": (d.Categorical(P), d.Categorical(Q)),
    "Categorical of logits": (d.Categorical(logits=5 * P), d.Categorical(logits=5 * Q)),
    "Dirichlet": (d.Dirichlet(3 * P), d.Dirichlet(5 * Q)),
    "Exponential": (d.Exponential(2.0), d.Exponential(3.0)),
    "Exponential and Gamma": (d.Exponential(2.0), d.Gamma(1.5, 2.0)),
    "Gamma": (d.Gamma(2.0, 3.0), d.Gamma(3.0, 4.0)),
    "Laplace": (d.Laplace(0.0, 1.0), d.Laplace(0.5, 2.0)),
    "MultivariateNormal": (d.MultivariateNormal(LOC, ROTATED), d.MultivariateNormal(-LOC, jnp.eye(2))),
    "MultivariateNormal of factors": (
        d.MultivariateNormal(LOC, scale_tril=jnp.tril(ROTATED)),
        d.MultivariateNormal(-LOC, scale_tril=jnp.eye(2)),
    ),
    "MultivariateNormal of precisions": (
        d.MultivariateNormal(LOC, precision=ROTATED),
        d.MultivariateNormal(-LOC, precision=jnp.eye(2)),
    ),
    "Normal": (d.Normal(0.0, 1.0), d.Normal(0.5, 0.8)),
    "NormalGamma": (d.NormalGamma(0.0, 1.0, 2.0, 3.0), d.NormalGamma(0.5, 2.0, 3.0, 3.0)),
    "NormalWishart": (d.NormalWishart(LOC, 1.0, 5.0, ROTATED), d.NormalWishart(-LOC, 2.0, 4.0, jnp.eye(2))),
    "Pareto": (d.Pareto(2.0, 1.5), d.Pareto(3.0, 1.0)),
    "Poisson": (d.Poisson(2.0), d.Poisson(3.0)),
    "Uniform": (d.Uniform(0.0, 1.0), d.Uniform(-0.5, 2.0)),
    "Uniform and Normal": (d.Uniform(0.0, 1.0), d.Normal(0.5, 1.0)),
}
# Those without a law below or a sum over all outcomes in the cross-check.
DRAWN = [pair for pair in PAIRS if pair not in ("Categorical", "Dirichlet", "Poisson")]
# Those of one family whose divergence has a derivative at equality.
SMOOTH = [pair for pair in PAIRS if " and " not in pair and pair not in ("Uniform", "Pareto")]


def test_the_numbers_of_chapter_6():
    n = [d.Normal(0.0, scale) for scale in (5.0, 10.0, 20.0)]
    numbers = [float(kl(p, q)) for p, q in ((n[0], n[1]), (n[1], n[0]), (n[0], n[2]))]
    assert numbers == pytest.approx([0.31815, 0.80685, 0.91754], abs=1e-5)
    assert information.entropy(n[0]) == pytest.approx(0.5 * math.log(2 * math.pi * math.e * 25), rel=1e-6)
    cat = jnp.array([1, 0, 0, 0])
    assert information.cross_entropy(cat, jnp.array([0.8, 0.15, 0.04, 0.01])) == pytest.approx(0.223, abs=5e-4)
    assert information.cross_entropy(cat, jnp.full(4, 0.25)) == pytest.approx(1.386, abs=5e-4)


@pytest.mark.parametrize("pair", DRAWN)
def test_closed_divergence_is_the_mean_of_draws(pair):
    @jax.jit
    def both(p, q):
        return kl(p, q), information.kl_monte_carlo(jax.random.key(0), p, q, 20_000)

    closed, drawn = both(*PAIRS[pair])
    assert closed > 0.01
    assert abs(closed - drawn.value) < 6 * drawn.standard_error + 1e-6


@pytest.mark.parametrize("pair", SMOOTH)
def test_divergence_from_itself_and_its_derivative_are_0(pair):
    p, _ = PAIRS[pair]
    value, slopes = jax.jit(jax.value_and_grad(kl, argnums=(0, 1)))(p, p)
    assert value == 0
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(slopes))


def test_divergences_that_are_those_of_another_family():
    """Of a function of the variable, of a part of it, of several trials."""

    @jax.jit
    def pairs(a, b, p, q):
        w, v = ROTATED, jnp.eye(2)
        wisharts = kl(d.Wishart(a + 2, w), d.Wishart(b + 2, v))
        gammas, exponentials = kl(d.Gamma(a, b), d.Gamma(b, 3.0)), kl(d.Gamma(a, b), d.Gamma(1.0, 2.0))
        return {
            "InverseGamma": (kl(d.InverseGamma(a, b), d.InverseGamma(b, 3.0)), gammas),
            "Exponential": (kl(d.Gamma(a, b), d.Exponential(2.0)), exponentials),
            "Beta": (kl(d.Beta(a, b), d.Beta(b, 2.0)), kl(d.Dirichlet(_row(a, b)), d.Dirichlet(_row(b, 2.0)))),
            "LogNormal": (kl(d.LogNormal(a, b), d.LogNormal(0.0, a)), kl(d.Normal(a, b), d.Normal(0.0, a))),
            "NormalInverseGamma": (
                kl(d.NormalInverseGamma(a, 2.0, a, b), d.NormalInverseGamma(b, 3.0, b, 3.0)),
                kl(d.NormalGamma(a, 2.0, a, b), d.NormalGamma(b, 3.0, b, 3.0)),
            ),
            "InverseWishart": (kl(d.InverseWishart(a + 2, _inverse(w)), d.InverseWishart(b + 2, v)), wisharts),
            "Wishart": (
                kl(d.NormalWishart(LOC, 2.0, a + 2, w), d.NormalWishart(LOC, 2.0, b + 2, v)), wisharts
            ),
            "Binomial": (kl(d.Binomial(5, p[0]), d.Binomial(5, q[0])), 5 * kl(d.Bernoulli(p[0]), d.Bernoulli(q[0]))),
            "Multinomial": (kl(d.Multinomial(4, p), d.Multinomial(4, q)), 4 * kl(p, q)),
            "NegativeBinomial": (
                kl(d.NegativeBinomial(3.0, p[0]), d.NegativeBinomial(3.0, q[0])),
                3 / p[0] * kl(d.Bernoulli(p[0]), d.Bernoulli(q[0])),
            ),
        }  # fmt: skip

    for family, (one, other) in pairs(2.0, 2.5, P, Q).items():
        assert one == pytest.approx(float(other), rel=3e-5), family
        assert one > 0.01


def _row(*entries):
    return jnp.stack([jnp.asarray(entry, jnp.result_type(float)) for entry in entries])


def _inverse(a):
    return jnp.linalg.inv(a)


@pytest.mark.once
def test_nearly_equal_parameters_keep_their_digits_in_float32():
    """They differ by 1e-4 of their size, the divergences from 0 by about 1e-8. Against float64 of the same numbers."""

    @jax.jit
    def divergences(x, y):
        return {
            "Normal": kl(d.Normal(x["a"], x["a"]), d.Normal(y["a"], y["a"])),
            "Gamma": kl(d.Gamma(x["a"], x["p"]), d.Gamma(y["a"], y["p"])),
            "Dirichlet": kl(d.Dirichlet(x["a"]), d.Dirichlet(y["a"])),
            "Bernoulli": kl(d.Bernoulli(x["p"]), d.Bernoulli(y["p"])),
            "Bernoulli of logits": kl(d.Bernoulli(logits=x["p"]), d.Bernoulli(logits=y["p"])),
            "MultivariateNormal": kl(
                d.MultivariateNormal(x["a"][:2], x["w"]), d.MultivariateNormal(x["a"][:2], y["w"])
            ),
            "Jensen-Shannon": information.jensen_shannon(x["p"], y["p"]),
            "table": kl(x["p"], y["p"]),
        }

    rng = np.random.default_rng(0)
    x = {"a": np.array([0.3, 2.0, 15.0, 400.0]), "p": np.array([0.001, 0.1, 0.5, 0.99]), "w": np.asarray(ROTATED)}
    y = {name: value * (1 + 1e-4 * rng.normal(size=value.shape)) for name, value in x.items()}
    x["w"], y["w"] = x["w"] + x["w"].T, y["w"] + y["w"].T
    x, y = jax.tree.map(np.float32, (x, y))
    narrow = divergences(x, y)
    with jax.enable_x64(True):
        wide = divergences(*jax.tree.map(np.float64, (x, y)))
    for name, value in narrow.items():
        assert value.dtype == jnp.float32
        np.testing.assert_allclose(value, wide[name], rtol=1e-3 if name == "table" else 2e-5, err_msg=name)


@jax.jit
def _edges():
    z, w = jnp.array([200.0, -200.0, 200.0, jnp.inf, -jnp.inf]), jnp.array([-200.0, 200.0, 200.0, 0.0, jnp.inf])
    probs, counts = jnp.array([0.0, 0.0, 1.0, 0.0, 0.5]), jnp.array([4.0, 5.0, 6.0])
    logits = jnp.array([0.0, 1.0, -jnp.inf])
    others = jnp.stack([logits, jnp.zeros(3), logits[::-1]])
    return {
        "Bernoulli": kl(d.Bernoulli(probs), d.Bernoulli(jnp.array([0.0, 0.5, 1.0, 1.0, 0.0]))),
        "logits": kl(d.Bernoulli(logits=z), d.Bernoulli(logits=w)),
        "slope": jax.grad(lambda z: kl(d.Bernoulli(logits=z), d.Bernoulli(logits=w)).sum())(z),
        "Categorical": kl(d.Categorical(logits=logits), d.Categorical(logits=others)),
        "Poisson": kl(d.Poisson(jnp.array([0.0, 0.0, 1.0])), d.Poisson(jnp.array([0.0, 2.0, 0.0]))),
        "Uniform": kl(d.Uniform(0.0, jnp.array([1.0, 2.0, 2.1])), d.Uniform(0.0, 2.0)),
        "Normal and Uniform": kl(d.Normal(0.0, 1.0), d.Uniform(-9.0, 9.0)),
        "Pareto": kl(d.Pareto(2.0, jnp.array([1.0, 0.9])), d.Pareto(2.0, 1.0)),
        "Binomial": kl(d.Binomial(counts, 0.3), d.Binomial(5, 0.3)),
        "Multinomial": kl(d.Multinomial(counts, P), d.Multinomial(5, P)),
        "no trials": kl(d.Binomial(0, 0.3), d.Binomial(0, 0.0)),
        "NegativeBinomial": kl(d.NegativeBinomial(2.0, 0.5), d.NegativeBinomial(3.0, 0.5)),
    }


def test_divergences_at_the_edges():
    """Where p is certain, impossible in q, or far away."""
    found, inf = _edges(), np.inf
    assert jnp.isfinite(found["slope"]).all()
    expected = {
        "Bernoulli": [0, math.log(2), 0, inf, inf],
        "logits": [200, 200, 0, math.log(2), inf],
        "Categorical": [0, math.log(3) - _entropy_of_odds(math.e), inf],
        "Poisson": [0, 2, inf],
        "Uniform": [math.log(2), 0, inf],
        "Normal and Uniform": inf,
        "Pareto": [0, inf],
        "Binomial": [np.nan, 0, inf],
        "Multinomial": [inf, 0, inf],
        "no trials": 0,
        "NegativeBinomial": np.nan,
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def _entropy_of_odds(odds):
    return math.log1p(odds) - odds * math.log(odds) / (1 + odds)


def test_an_invalid_parameter_is_nan_alone():
    found = kl(d.Normal(0.0, jnp.array([1.0, -1.0, 1.0])), d.Normal(jnp.array([0.0, 0.0, jnp.nan]), 2.0))
    np.testing.assert_array_equal(jnp.isnan(found), [False, True, True])
    covariance = jnp.stack([jnp.eye(2), -jnp.eye(2)])
    found = information.wasserstein2(d.MultivariateNormal(LOC, covariance), d.MultivariateNormal(LOC, ROTATED))
    np.testing.assert_array_equal(jnp.isnan(found), [False, True])
    found = information.fisher_information(d.Exponential(jnp.array([1.0, 0.0])))["rate"]["rate"]
    np.testing.assert_array_equal(found, [1, np.nan])
    assert jnp.isnan(information.kl_monte_carlo(jax.random.key(0), d.Normal(0.0, -1.0), d.Normal(0.0, 1.0), 10).value)


@jax.jit
def _measures(p, q, joint):
    orders = jnp.array([0.0, 0.3, 1.0, 1.0001, 3.0, jnp.inf])
    return {
        "entropies": (information.entropy(p), information.entropy(joint, axis=0), information.entropy(joint.ravel())),
        "cross_entropy": information.cross_entropy(p, q),
        "kl": kl(p, q),
        "js": (information.jensen_shannon(p, q), information.jensen_shannon(q, p)),
        "renyi": jax.vmap(lambda order: information.renyi(p, q, order))(orders),
        "mutual": information.mutual_information(joint),
        "marginals": (information.entropy(joint.sum(axis=0)), information.entropy(joint.sum(axis=1))),
        "conditional": information.conditional_entropy(joint),
    }


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=16, max_size=16))
def test_laws_of_tables(numbers):
    """Also with entries of 0, where p and q may have nothing in common."""
    counts = jnp.array(numbers, jnp.result_type(float)).reshape(4, 4) + jnp.eye(4) / 2
    p, q, joint = counts[0] / counts[0].sum(), counts[1] / counts[1].sum(), counts / counts.sum()
    found = jax.tree.map(np.asarray, _measures(p, q, joint))
    entropy, _, whole = found["entropies"]
    assert 0 <= entropy <= math.log(4) + 1e-6
    assert found["kl"] >= -1e-6
    assert found["cross_entropy"] == pytest.approx(entropy + found["kl"], rel=1e-5)
    assert found["js"][0] == pytest.approx(found["js"][1], abs=1e-7)
    assert 0 <= found["js"][0] <= math.log(2) + 1e-6
    assert found["renyi"][2] == pytest.approx(found["kl"], rel=1e-5, abs=1e-6)
    assert (found["renyi"][1:] >= found["renyi"][:-1] - 1e-5).all()
    first, second = found["marginals"]
    assert found["mutual"] >= 0
    assert found["mutual"] == pytest.approx(first + second - whole, abs=2e-6)
    assert found["conditional"] == pytest.approx(whole - second, abs=2e-6)


def test_independent_and_determined_variables():
    outer = P[:, None] * Q
    assert information.mutual_information(outer) == pytest.approx(0, abs=1e-7)
    assert information.conditional_entropy(outer) == pytest.approx(float(information.entropy(Q)), rel=1e-6)
    assert information.conditional_entropy(jnp.diag(P)) == 0
    assert information.mutual_information(jnp.diag(P)) == pytest.approx(float(information.entropy(P)), rel=1e-6)


def test_zeros_have_derivative_0():
    p, q = jnp.array([0.0, 0.5, 0.5]), jnp.array([0.0, 0.25, 0.75])

    @jax.jit
    def slopes():
        of_one, of_two = jax.grad(information.entropy)(p), partial(jax.grad, argnums=(0, 1))
        measures = kl, information.cross_entropy
        others = information.jensen_shannon, lambda p, q: information.renyi(p, q, 0.5)
        return of_one, [of_two(f)(p, q) for f in measures], [of_two(f)(p, q[::-1]) for f in others]

    of_entropy, (of_kl, of_cross_entropy), others = slopes()
    np.testing.assert_allclose(of_entropy, [0, *2 * [math.log(2) - 1]], rtol=1e-6)
    np.testing.assert_allclose(of_kl[0], [0, math.log(2) + 1, math.log(2 / 3) + 1], rtol=1e-5)
    np.testing.assert_allclose(of_cross_entropy[0], [0, math.log(4), math.log(4 / 3)], rtol=1e-5)
    for in_q in (of_kl[1], of_cross_entropy[1]):
        np.testing.assert_allclose(in_q, [0, -2, -2 / 3], rtol=1e-5)
    assert all(jnp.isfinite(slope).all() for slope in jax.tree.leaves(others))


def test_orders_of_renyi():
    """The derivative in the order at 1, large orders, and distributions that exclude each other in part."""
    renyi = jax.jit(information.renyi)
    r = np.log(np.asarray(P) / np.asarray(Q))
    variance = np.sum(np.asarray(P) * r**2) - np.sum(np.asarray(P) * r) ** 2
    assert jax.grad(renyi, argnums=2)(P, Q, 1.0) == pytest.approx(variance / 2, rel=1e-4)
    assert renyi(P, Q, jnp.inf) == pytest.approx(r.max(), rel=1e-6)
    assert renyi(P, Q, 1e6) == pytest.approx(r.max(), rel=1e-5)
    assert jnp.isnan(renyi(P, Q, -1.0))
    half, other, rest = jnp.array([0.5, 0.5, 0.0]), jnp.array([0.0, 0.5, 0.5]), jnp.array([0.0, 0.0, 1.0])
    found = [renyi(half, other, order) for order in (0.0, 0.5, 1.0, 2.0, jnp.inf)]
    np.testing.assert_allclose(found, [math.log(2), 2 * math.log(2), np.inf, np.inf, np.inf], rtol=1e-6)
    assert renyi(half, rest, 0.5) == jnp.inf


def test_units_and_types():
    assert information.entropy(np.array([1, 0, 0, 0])) == 0
    assert information.entropy(jnp.full(8, 0.125), base=2) == pytest.approx(3)
    assert information.entropy(d.Uniform(0.0, 8.0), base=jnp.array(2.0)) == pytest.approx(3)
    narrow, wide = jnp.full((2, 4), 0.25, jnp.bfloat16), jnp.full(4, 0.25, jnp.float32)
    half = d.Normal(jnp.array(0.0, jnp.float16), jnp.array(1.0, jnp.float16))
    for measure in (kl, information.jensen_shannon, information.cross_entropy):
        assert jax.eval_shape(measure, narrow, narrow).dtype == jnp.bfloat16
        assert jax.eval_shape(measure, narrow, wide).dtype == jnp.float32
    draw = partial(information.kl_monte_carlo, num_samples=10)
    results = (
        jax.eval_shape(kl, half, half),
        jax.eval_shape(information.fisher_information, half),
        jax.eval_shape(draw, jax.random.key(0), half, half),
    )
    assert {leaf.dtype for leaf in jax.tree.leaves(results)} == {jnp.dtype("float16")}
    assert kl(half, half) == 0
    along_rows = information.cross_entropy(jnp.eye(3), P[:, None], 0)
    np.testing.assert_allclose(along_rows, -np.log(P), rtol=1e-6)


def test_wasserstein_distance_where_covariances_or_eigenvalues_are_equal():
    """From equal distributions 0; of commuting covariances by the deviations; the second derivative at equality."""

    @jax.jit
    def distance(shift, a, b):
        return information.wasserstein2(d.MultivariateNormal(LOC + shift, a), d.MultivariateNormal(LOC, b))

    @jax.jit
    def derivatives(direction):
        def along(t):
            return distance(jnp.zeros(2), jnp.eye(2) + t * direction, jnp.eye(2))

        def squared(t):
            return along(t) ** 2

        return along(0.0), jax.grad(along)(0.0), jax.grad(jax.grad(squared))(1e-3), jax.grad(along)(0.5)

    for direction in (jnp.eye(2), jnp.array([[0.0, 1.0], [1.0, 0.0]])):
        value, slope, second, half = derivatives(direction)
        assert value == slope == 0
        assert second == pytest.approx(1, rel=1e-2)  # half the squared norm of the direction
        assert jnp.isfinite(half)
    assert half == pytest.approx(_slope_of_deviations(0.5), rel=1e-4)
    assert distance(jnp.array([3.0, 4.0]), ROTATED, ROTATED) == pytest.approx(5, rel=1e-6)
    slopes = jax.grad(distance, argnums=(0, 1))(jnp.array([3.0, 4.0]), jnp.eye(2), jnp.eye(2))
    np.testing.assert_allclose(slopes[0], [0.6, 0.8], rtol=1e-5)
    np.testing.assert_allclose(slopes[1], 0, atol=1e-6)
    assert distance(jnp.zeros(2), jnp.diag(jnp.array([4.0, 9.0])), jnp.eye(2)) == pytest.approx(math.sqrt(5), rel=1e-6)
    near = distance(jnp.zeros(2), 1.002001 * ROTATED, ROTATED)
    assert near == pytest.approx(0.001 * math.sqrt(3), rel=1e-3)


def _slope_of_deviations(t):
    """Of the distance of a unit covariance from one with eigenvalues 1 + t and 1 - t."""
    deviations = np.sqrt([1 + t, 1 - t])
    return np.sum((deviations - 1) / (2 * deviations) * [1, -1]) / np.linalg.norm(deviations - 1)


def test_fisher_information_of_closed_forms():
    trigamma = scipy.special.polygamma(1, [2.0, 300.0, 2.5, 5.0])
    gamma = information.fisher_information(d.Gamma(jnp.array([2.0, 300.0]), 3.0))
    np.testing.assert_allclose(gamma["concentration"]["concentration"], trigamma[:2], rtol=1e-5)
    np.testing.assert_allclose(gamma["concentration"]["rate"], [-1 / 3] * 2, rtol=1e-5)
    np.testing.assert_allclose(gamma["rate"]["rate"], [2 / 9, 300 / 9], rtol=1e-5)
    beta = information.fisher_information(d.Beta(2.5, 2.5))
    np.testing.assert_allclose(beta["a"]["a"], trigamma[2] - trigamma[3], rtol=1e-5)
    np.testing.assert_allclose(beta["a"]["b"], -trigamma[3], rtol=1e-5)
    laplace = information.fisher_information(d.Laplace(1.0, 2.0))
    assert (laplace["loc"]["loc"], laplace["scale"]["scale"]) == (0.25, 0.25)
    binomial = information.fisher_information(d.Binomial(10, 0.2))
    assert list(binomial) == ["probs"]
    assert binomial["probs"]["probs"] == pytest.approx(10 / 0.16, rel=1e-5)


def test_fisher_information_at_the_edge_is_infinite():
    for of in (d.Bernoulli(jnp.array([0.0, 1.0])), d.Poisson(0.0), d.Binomial(3, 1.0)):
        ((entry,),) = (inner.values() for inner in information.fisher_information(of).values())
        assert np.isposinf(entry).all()
    shares = information.fisher_information(d.Categorical(jnp.array([0.5, 0.5, 0.0])))["probs"]["probs"]
    np.testing.assert_allclose(shares, np.diag([2, 2, np.inf]))


def test_draws_are_an_axis_before_both_batches():
    found = information.kl_monte_carlo(jax.random.key(0), d.Normal(0.0, 1.0), d.Normal(jnp.arange(3.0), 1.0), 3)
    assert found.value.shape == (3,)
    assert (jnp.abs(found.value - jnp.array([0, 0.5, 2])) <= 6 * found.standard_error).all()


def test_fisher_information_of_a_covariance():
    found = information.fisher_information(d.MultivariateNormal(LOC, ROTATED))
    inverse = np.linalg.inv(np.asarray(ROTATED))
    np.testing.assert_allclose(found["loc"]["loc"], inverse, rtol=1e-5)
    np.testing.assert_allclose(found["loc"]["covariance"], np.zeros((2, 2, 2)), atol=1e-6)
    of_factor = information.fisher_information(d.MultivariateNormal(LOC, scale_tril=jnp.eye(2)))
    np.testing.assert_allclose(
        jnp.diag(of_factor["scale_tril"]["scale_tril"].reshape(4, 4)), [2, 0, 1, 2], atol=1e-6
    )  # nothing above the diagonal
    product = np.einsum("ik,jm->ijkm", inverse, inverse)
    np.testing.assert_allclose(
        found["covariance"]["covariance"], (product + product.swapaxes(2, 3)) / 4, rtol=1e-4, atol=1e-6
    )


def test_standard_errors_of_divergences_by_draws():
    """Estimates spread as the errors say; the derivative in the model is that of the cross entropy."""
    p, q = d.Laplace(0.0, 1.0), d.Normal(0.3, 1.2)
    keys = jax.random.split(jax.random.key(1), 300)
    estimates = jax.jit(jax.vmap(lambda key: information.kl_monte_carlo(key, p, q, 400)))(keys)
    assert estimates.value.std() == pytest.approx(float(estimates.standard_error.mean()), rel=0.15)
    exact = d.Normal(0.0, 1.0)
    slope = jax.grad(lambda loc: information.kl_monte_carlo(keys[0], exact, d.Normal(loc, 1.2), 4000).value)(0.3)
    assert slope == pytest.approx(0.3 / 1.44, abs=6 / 1.44 / math.sqrt(4000))
    in_bits = information.kl_monte_carlo(keys[0], p, q, 400, base=2)
    assert in_bits.value == pytest.approx(float(estimates.value[0]) / math.log(2), rel=1e-4)
    assert in_bits.standard_error == pytest.approx(float(estimates.standard_error[0]) / math.log(2), rel=1e-4)
    outside = information.kl_monte_carlo(keys[0], exact, d.Uniform(-0.1, 0.1), 100)
    assert outside.value == jnp.inf
