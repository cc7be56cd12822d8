"""What every distribution must do, whatever its formula: types, shapes, batches, what is not valid, storage."""

import dataclasses

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import pytest
from quick import quick

import jaxmath
from jaxmath import distributions
from jaxmath._record import replaced
from jaxmath.crosscheck.registry import cases
from jaxmath.distributions import (
    Bernoulli,
    Beta,
    BetaBinomial,
    BetaNegativeBinomial,
    Binomial,
    Categorical,
    CompoundGamma,
    Dirichlet,
    DirichletMultinomial,
    Exponential,
    Gamma,
    InverseGamma,
    InverseWishart,
    Laplace,
    LogNormal,
    LogStudentT,
    Lomax,
    Mixture,
    Multinomial,
    MultivariateNormal,
    MultivariateStudentT,
    NegativeBinomial,
    Normal,
    NormalGamma,
    NormalInverseGamma,
    NormalWishart,
    Pareto,
    Poisson,
    StudentT,
    Uniform,
    Wishart,
)
from jaxmath.distributions.base import Distribution, Univariate

pytestmark = pytest.mark.once  # each test sets its precision
MATRIX = np.array([[2.0, 0.5], [0.5, 1.0]], np.float32)
FACTOR = np.array([[1.5, 0.0], [0.5, 1.0]], np.float32)
P = np.array([0.2, 0.3, 0.5], np.float32)
F = np.float32
# A distribution of each family, an argument in its support, and a parameter with a value that is none.
EXAMPLES = {
    "Bernoulli": (Bernoulli(F(0.3)), F(1), {"probs": 1.5}),
    "Bernoulli of logits": (Bernoulli(logits=F(0.3)), F(1), {"logits": np.nan}),
    "Beta": (Beta(F(2), F(3)), F(0.4), {"a": 0.0}),
    "BetaBinomial": (BetaBinomial(F(5), F(2), F(3)), F(2), {"b": -1.0}),
    "BetaNegativeBinomial": (BetaNegativeBinomial(F(4), F(5), F(3)), F(2), {"r": 0.0}),
    "Binomial": (Binomial(F(5), F(0.3)), F(2), {"total_count": 2.5}),
    "Categorical": (Categorical(P), F(1), {"probs": P / 2}),
    "Categorical of logits": (Categorical(logits=np.log(P)), F(1), {"logits": P * np.nan}),
    "CompoundGamma": (CompoundGamma(F(2), F(4), F(1.5)), F(0.7), {"scale": 0.0}),
    "Dirichlet": (Dirichlet(4 * P), P, {"concentration": -P}),
    "DirichletMultinomial": (DirichletMultinomial(F(4), 4 * P), np.array([1, 1, 2], F), {"total_count": -1.0}),
    "Exponential": (Exponential(F(2)), F(0.4), {"rate": np.inf}),
    "Gamma": (Gamma(F(3), F(2)), F(0.4), {"rate": -2.0}),
    "InverseGamma": (InverseGamma(F(3), F(2)), F(0.4), {"scale": 0.0}),
    "InverseWishart": (InverseWishart(F(6), MATRIX), MATRIX, {"df": 1.0}),
    "Laplace": (Laplace(F(1), F(2)), F(0.4), {"scale": 0.0}),
    "LogNormal": (LogNormal(F(1), F(2)), F(0.4), {"loc": np.inf}),
    "LogStudentT": (LogStudentT(F(4), F(1), F(2)), F(0.4), {"df": 0.0}),
    "Lomax": (Lomax(F(3), F(2)), F(0.4), {"concentration": 0.0}),
    "Mixture": (Mixture(P, Normal(4 * P, F(2))), F(0.4), {"weights": 2 * P}),
    "Multinomial": (Multinomial(F(4), P), np.array([1, 1, 2], F), {"probs": -P}),
    "MultivariateNormal": (MultivariateNormal(P[:2], MATRIX), P[:2], {"covariance": -MATRIX}),
    "MultivariateNormal of a precision": (
        MultivariateNormal(P[:2], precision=MATRIX),
        P[:2],
        {"precision": 0 * MATRIX},
    ),
    "MultivariateNormal of a factor": (MultivariateNormal(P[:2], scale_tril=FACTOR), P[:2], {"scale_tril": FACTOR.T}),
    "MultivariateStudentT": (MultivariateStudentT(F(4), P[:2], FACTOR), P[:2], {"df": -1.0}),
    "NegativeBinomial": (NegativeBinomial(F(2.5), F(0.4)), F(2), {"probs": -0.1}),
    "Normal": (Normal(F(1), F(2)), F(0.4), {"scale": -2.0}),
    "NormalGamma": (NormalGamma(F(1), F(2), F(3), F(2)), np.array([0.4, 1.5], F), {"rate": 0.0}),
    "NormalInverseGamma": (NormalInverseGamma(F(1), F(2), F(3), F(2)), np.array([0.4, 1.5], F), {"scale": 0.0}),
    "NormalWishart": (NormalWishart(P[:2], F(2), F(6), MATRIX), (P[:2], MATRIX), {"precision_scale": 0.0}),
    "Pareto": (Pareto(F(3), F(0.2)), F(0.4), {"concentration": 0.0}),
    "Poisson": (Poisson(F(3)), F(2), {"rate": -3.0}),
    "StudentT": (StudentT(F(4), F(1), F(2)), F(0.4), {"df": 0.0}),
    "Uniform": (Uniform(F(0.1), F(2)), F(0.4), {"high": 0.1}),
    "Wishart": (Wishart(F(6), MATRIX), MATRIX, {"scale": -MATRIX}),
}
every_family = pytest.mark.parametrize(("d", "x", "invalid"), EXAMPLES.values(), ids=EXAMPLES)
KEY = jax.random.key(0)
COMPILED = []


def note(event, duration_secs, **_):
    if event.endswith("backend_compile_duration"):
        COMPILED.append(duration_secs)


jax.monitoring.register_event_duration_secs_listener(note)


def with_invalid(d, fields):
    given = vars(d)
    return replaced(d, {name: jnp.broadcast_to(jnp.asarray(new, F), given[name].shape) for name, new in fields.items()})


def quantities(d):
    names = [name for name in ("mean", "variance", "mode", "covariance") if hasattr(type(d), f"_{name}")]
    values = {name: getattr(d, name) for name in names}
    return {**values, **({"entropy": d.entropy()} if hasattr(type(d), "_entropy") else {})}


def everything(d, x):
    """All of a distribution that is quick to compile: what needs loops is a matter of the tests of its family."""
    return {"log_prob": d.log_prob(x), "prob": d.prob(x), "support": d.support, **quantities(d)}


def two(tree):
    return jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), tree)


@every_family
def test_shapes_types_and_parameters_that_are_not_valid(d, x, invalid):
    distributions.validate(d)
    found = quick(everything, d, x)
    for leaf in jax.tree.leaves(found):
        assert leaf.dtype == jnp.float32
        assert not np.isnan(leaf).any()
    assert np.shape(found["log_prob"]) == ()
    np.testing.assert_allclose(found["prob"], np.exp(found["log_prob"]), rtol=1e-5)
    for name in ("mean", "mode", "variance"):
        if name in found:
            parts = d.event_shape if len(d.event_ranks) > 1 else (d.event_shape,)
            assert tuple(leaf.shape for leaf in jax.tree.leaves(found[name])) == parts
    wrong = with_invalid(d, invalid)
    for leaf in jax.tree.leaves(quick(everything, wrong, x)):
        assert np.isnan(leaf).all()
    with pytest.raises(ValueError, match=f"distributions.{type(d).__name__}: {next(iter(invalid))} must be"):
        distributions.validate(wrong)
    nan = jax.tree.map(lambda leaf: leaf * np.nan, x)
    assert np.isnan(quick(everything, d, nan)["log_prob"])


def several(d, x, key):
    """A batch, the same by vmap, and draws with their density."""
    drawn = d.sample(key, (3,))
    return two(d).log_prob(x), jax.vmap(lambda d, x: d.log_prob(x))(two(d), two(x)), drawn, d.log_prob(drawn)


@every_family
def test_batches_and_draws(d, x, invalid):
    """Broadcasting is vmap; draws have their shape and type and lie in the support, and are NaN for no distribution."""
    log_prob, vmapped, drawn, of_drawn = quick(several, d, x, KEY)
    np.testing.assert_allclose(vmapped, log_prob, rtol=1e-5)
    parts = d.event_shape if len(d.event_ranks) > 1 else (d.event_shape,)
    assert tuple(leaf.shape for leaf in jax.tree.leaves(drawn)) == tuple((3, *shape) for shape in parts)
    assert {leaf.dtype for leaf in jax.tree.leaves(drawn)} == {jnp.dtype("float32")}
    assert np.isfinite(of_drawn).all()
    for leaf in jax.tree.leaves(quick(several, with_invalid(d, invalid), x, KEY)[2]):
        assert np.isnan(leaf).all()


@pytest.mark.parametrize(
    "name", ["Binomial", "Categorical", "Gamma", "Laplace", "NormalWishart", "Poisson", "StudentT"]
)
def test_draws_lower_for_every_platform(name):
    """One family of each generator; what is not random is lowered with the cases."""
    d = EXAMPLES[name][0]
    assert jax.jit(lambda d, key: d.sample(key)).trace(d, KEY).lower(lowering_platforms=("cuda", "tpu"))


def test_no_key_is_used_twice():
    with jax.debug_key_reuse(True):
        for i, (d, _, _) in enumerate(EXAMPLES.values()):
            d.sample(jax.random.key(i))
        with pytest.raises(jax.errors.KeyReuseError):
            quick(lambda key: jax.random.normal(key) + jax.random.uniform(key), jax.random.key(0))


@every_family
def test_storage(d, x, invalid, tmp_path):
    jaxmath.save(tmp_path / "d.safetensors", d)
    loaded = jaxmath.load(tmp_path / "d.safetensors")
    assert jax.tree.structure(loaded) == jax.tree.structure(d)
    for a, b in zip(jax.tree.leaves(loaded), jax.tree.leaves(d), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_family_has_an_example_and_a_case():
    families = {
        name
        for name, kind in vars(distributions).items()
        if isinstance(kind, type) and issubclass(kind, Distribution) and dataclasses.is_dataclass(kind)
    }
    assert families == {type(d).__name__ for d, _, _ in EXAMPLES.values()}
    covered = {name for each in cases() for name in each.covers}
    assert {f"distributions.{name}" for name in families} <= covered


def test_numbers_take_on_the_type_of_what_they_meet():
    with jax.enable_x64(True):
        assert Normal(0.0, 1.0).log_prob(jnp.zeros(2, jnp.float32)).dtype == jnp.float32
        assert Normal(0.0, np.float32(1.0)).mean.dtype == jnp.float32
        assert Normal(0.0, 1.0).log_prob(np.zeros(2)).dtype == jnp.float64
        assert Poisson(jnp.float32(2)).log_prob(jnp.arange(3)).dtype == jnp.float32
        assert Binomial(jnp.arange(3), jnp.float32(0.5)).mean.dtype == jnp.float32
    assert Normal(jnp.arange(2), 1).mean.dtype == jnp.result_type(float)
    assert Normal(jnp.bfloat16(0), 1.0).log_prob(jnp.bfloat16(3)).dtype == jnp.bfloat16
    np.testing.assert_allclose(Normal(jnp.float16(0), 1.0).log_prob(jnp.float16(3)), -5.418939, rtol=1e-3)


AT_THE_EDGE = [
    (Normal(1.0, 1.0), 0.0, 1.0),
    (Laplace(1.0, 2.0), 0.0, 0.5),
    (StudentT(3.0, 1.0, 1.0), 0.0, 1.0),
    (Exponential(2.0), 0.0, -2.0),
    (Gamma(1.0, 2.0), 0.0, -2.0),
    (Gamma(1.0, 2.0), 1e-8, -2.0),
    (Beta(1.0, 3.0), 0.0, -2.0),
    (Beta(1.0, 3.0), 1e-8, -2.0),
    (Beta(3.0, 1.0), 1.0, 2.0),
    (Dirichlet(np.array([1.0, 3.0], F)), np.array([1e-8, 1.0], F), [0.0, 2.0]),
]


def slopes():
    first = [jax.grad(d.log_prob)(x) for d, x, _ in AT_THE_EDGE]
    second = jax.grad(jax.grad(Normal(0.0, 1.0).log_prob))(0.0), jax.grad(Normal(0.0, 1.0).cdf)(0.0)
    return first, second


def test_derivatives_at_0_and_at_the_ends_of_the_support():
    first, second = quick(slopes)
    for (d, x, expected), found in zip(AT_THE_EDGE, first, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=f"{d} at {x}")
    np.testing.assert_allclose(second, [-1, 1 / np.sqrt(2 * np.pi)], rtol=1e-6)


def test_draws_lie_in_an_open_support_and_labels_are_exact():
    """Draws that underflow, of a small concentration; a label that bfloat16 has not."""
    drawn = quick(
        lambda k: [d.sample(k, (50,)) for d in (Gamma(0.01, 1.0), InverseGamma(0.01, 1.0), Beta(0.01, 0.01))], KEY
    )
    assert all((np.isfinite(x) & (x > 0)).all() for x in drawn)
    assert (drawn[2] < 1).all()
    label = Categorical(logits=jnp.full(300, -jnp.inf, jnp.bfloat16).at[257].set(0))
    assert label.mode == label.sample(KEY) == 257
    assert np.isfinite(Poisson(3.0).sample(jax.random.key(0, impl="rbg")))


def test_records_compare_as_objects():
    d = Normal(np.zeros(3), 1.0)
    assert d == d
    assert d != Normal(np.zeros(3), 1.0)
    assert hash(d) == hash(d)


def test_parameters_of_exponential_families_broadcast():
    np.testing.assert_allclose(distributions.mean_parameters(Normal(np.arange(3.0), 1.0))[1], [1, 2, 5], rtol=1e-6)
    first, second = distributions.natural_parameters(MultivariateNormal(np.zeros((3, 2), F), covariance=MATRIX))
    assert (first.shape, second.shape) == ((3, 2), (3, 2, 2))


def test_probabilities_of_16_bits_have_a_sum_of_1_to_within_their_rounding():
    p = np.array([0.1, 0.3, 0.3, 0.3])
    np.testing.assert_allclose(Categorical(jnp.asarray(p, jnp.bfloat16)).log_prob(np.arange(4)), np.log(p), rtol=1e-2)
    d = Dirichlet(jnp.full(3, 2, jnp.bfloat16))
    drawn = d.sample(KEY, (50,))
    assert np.isfinite(d.log_prob(drawn)).all()
    assert np.isfinite(distributions.fit(Dirichlet, drawn).concentration).all()


def test_an_eager_call_is_one_program():
    d, x = Gamma(np.float32(3), np.array([2.0, 1.0], F)), jnp.ones(2)
    before = len(COMPILED)
    d.log_prob(x)
    assert len(COMPILED) == before + 1
    Gamma(np.float32(4), np.array([2.0, 5.0], F)).log_prob(x + 1)
    assert len(COMPILED) <= before + 2  # the argument


@pytest.mark.parametrize("kind", [Gamma, Poisson])
def test_quantiles_by_bisection(kind):
    """The least number whose cumulative probability reaches p; at 0 and 1 the ends of the support."""
    d = next(d for d, _, _ in EXAMPLES.values() if type(d) is kind)
    assert isinstance(d, Univariate)
    p = jnp.array([0.0, 1e-6, 0.3, 0.5, 0.9999, 1.0, 1.1, np.nan])
    x = quick(lambda d, p: d.icdf(p), d, p)
    low, high = d.support
    np.testing.assert_array_equal(x[jnp.array([0, 5])], [low, high])
    assert np.isnan(x[-2:]).all()
    if d.discrete:
        assert (d.cdf(x[1:5]) >= p[1:5]).all()
        assert (d.cdf(x[1:5] - 1) < p[1:5]).all()
    else:
        np.testing.assert_allclose(d.cdf(x[1:5]), p[1:5], rtol=1e-5)
        slope = quick(jax.grad(lambda p, d: d.icdf(p)), jnp.float32(0.3), d)
        np.testing.assert_allclose(slope, 1 / d.prob(x[2]), rtol=1e-4)


def test_the_quantile_moves_with_the_parameters():
    with jax.enable_x64(True):
        slope = jax.grad(lambda a: Gamma(a, 2.0).icdf(0.3))(1.5)
        near = [Gamma(a, 2.0).icdf(0.3) for a in (1.5 - 1e-5, 1.5 + 1e-5)]
        np.testing.assert_allclose(slope, (near[1] - near[0]) / 2e-5, rtol=1e-7)
