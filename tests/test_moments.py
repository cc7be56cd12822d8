"""Moments against NumPy in float64, and their laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import calculus, kmeans, losses, moments, reduce, regression
from jaxmath._array import as_float

RNG = np.random.default_rng(0)


def relative(got, want):
    return np.abs(np.asarray(got, float) - want).max() / np.abs(want).max()


def check_covariance(got: moments.Moments, x: np.ndarray, tolerance: float) -> None:
    x = np.asarray(x, float)
    assert float(got.count) == len(x)
    assert relative(got.mean, x.mean(axis=0)) < 2e-6
    assert relative(moments.covariance(got), np.atleast_2d(np.cov(x.T))) < tolerance


ORDERS = {"as drawn": lambda x: x, "sorted": lambda x: np.sort(x, axis=0), "outlier first": lambda x: x}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("chunk_size", [None, 100, 7777])
def test_offset_1e4_in_float32(order, chunk_size):
    """Six digits of a covariance whose mean is 10,000 deviations away, in any order of the rows."""
    # sorted rows are the worst case: every one of 200 merges moves the mean the same way
    tolerance = 2e-5 if order == "sorted" else 1e-5
    x = ORDERS[order](RNG.normal(size=(20_001, 4))) + 1e4
    if order == "outlier first":
        x[:64] = 0.0  # the typical row is far from all the others
    x = x.astype(np.float32)
    check_covariance(moments.of(x, chunk_size=chunk_size), x, tolerance)
    check_covariance(moments.of_batches(np.array_split(x, 9)), x, tolerance)


@settings(max_examples=15, deadline=None)
@given(d=st.sampled_from([1, 4]), cuts=st.sampled_from([[10, 20, 30], [20], [1, 2]]), seed=st.integers(0, 99))
def test_any_split_merges_to_the_whole(d, cuts, seed):
    x = np.random.default_rng(seed).normal(size=(40, d)).astype(np.float32) + 10
    parts = [moments.of(part) for part in np.split(x, cuts)]
    merged = parts[0]
    for part in parts[1:]:
        merged = moments.merge(merged, part)
    check_covariance(merged, x, 1e-5)
    check_covariance(moments.of_batches(np.split(x, cuts)), x, 1e-5)


@settings(max_examples=15, deadline=None)
@given(weights=st.permutations([0, 0, 1, 1, 2, 3, 4, 0]) | st.permutations([0, 0, 0, 0, 0, 0, 1, 1]))
def test_weights_are_repetition(weights):
    x = np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
    repeated = moments.of(np.repeat(x, weights, axis=0))
    for got, want in zip(moments.of(x, weights=np.array(weights)), repeated, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_merge_is_symmetric_and_has_a_neutral_element():
    a, b = moments.of(RNG.normal(size=(5, 2))), moments.of(RNG.normal(size=(3, 2)) + 4)
    for got, want in zip(moments.merge(a, b), moments.merge(b, a), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)
    nothing = moments.Moments(jnp.zeros(()), jnp.zeros(2), jnp.zeros((2, 2)))
    for got, want in zip(moments.merge(nothing, a), a, strict=True):
        np.testing.assert_array_equal(got, want)


def test_float64_to_fourteen_digits():
    with jax.enable_x64(True):
        x = RNG.normal(size=(500, 3)) + 1e4
        got = moments.of(jnp.asarray(x), chunk_size=64)
        assert got.scatter.dtype == jnp.float64
        want = (x - x.mean(axis=0)).T @ (x - x.mean(axis=0))
        assert relative(got.scatter, want) < 1e-12


def test_traced_ddof_does_not_recompile():
    traces = []

    def covariance(m, ddof):
        traces.append(ddof)
        return moments.covariance(m, ddof=ddof)

    m = moments.of(RNG.normal(size=(5, 2)))
    compiled = jax.jit(covariance)
    np.testing.assert_allclose(compiled(m, 0.0) * 5, compiled(m, 1.0) * 4, rtol=1e-6)
    assert len(traces) == 1


def test_constant_columns_have_no_variance_below_zero():
    x = np.full((1000, 2), [1234.567, 0.1], np.float32)
    parts = moments.merge(moments.of(x[:300]), moments.of(x[300:], weights=np.full(700, 0.3)))
    for got in (moments.of(x), moments.of(x, weights=np.full(1000, 0.1)), moments.of_batches([x] * 3), parts):
        diagonal = np.diagonal(moments.covariance(got))
        assert (diagonal >= 0).all()
        np.testing.assert_allclose(diagonal, 0, atol=1e-9)


def test_a_sum_of_squares_that_is_zero_has_its_derivative():
    """$w_1 w_2 / (w_1 + w_2) (x_1 - x_2)^2$ is 0 where $w_2$ is, and rises by $(x_1 - x_2)^2$."""
    x = jnp.array([[1234.567], [1234.067]], jnp.float32)
    for w in (1.0, 0.3, 0.7):
        scatter, slope = jax.value_and_grad(lambda w: moments.of(x, weights=w).scatter[0, 0])(jnp.array([w, 0.0]))
        assert scatter >= 0
        np.testing.assert_allclose(slope[1], 0.25, rtol=1e-3)


@pytest.mark.parametrize("scale", [1e-3, 5e-4, 1.1e-3])
def test_weights_are_counts(scale):
    """Weights that sum to 1 have a mean and a covariance with ddof = 0, but no degree of freedom."""
    x = RNG.normal(size=(1000, 2)) + 3
    got = moments.of(x, weights=np.full(1000, scale))
    np.testing.assert_allclose(got.mean, x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments.covariance(got, ddof=0), np.cov(x.T, ddof=0), rtol=1e-4, atol=1e-6)
    want = got.scatter / (1000 * scale - 1) if scale > 1e-3 else np.full((2, 2), np.nan)
    np.testing.assert_allclose(moments.covariance(got), want, rtol=1e-4)


MASKED = np.ma.array([[1, 2], [3, 4], [5, 10**6]], mask=[[0, 0], [0, 0], [0, 1]])
TAKES_DATA = {
    "moments.of": moments.of,
    "moments.of_batches": lambda x: moments.of_batches([x[:1], x[1:]]),
    "rows in a list": lambda x: as_float("name", list(x)),
    "reduce.over": lambda x: reduce.over(lambda rows, weights: weights @ rows, x),
    "reduce.over_batches": lambda x: reduce.over_batches(lambda rows, weights: weights @ rows, [x]),
    "kmeans.predict": lambda x: kmeans.predict(np.array([[0.0, 0.0], [3.0, 3.0]]), x),
    "losses.squared_error": lambda x: losses.squared_error(x, x),
    "regression.linear": lambda x: regression.linear(x[:, :1], x[:, 1]),
    "calculus.square": calculus.square,
}


@pytest.mark.parametrize("name", TAKES_DATA)
def test_masked_cells_are_nan(name):
    filled = np.array([[1, 2], [3, 4], [5, np.nan]])
    for got, want in zip(*(jax.tree.leaves(TAKES_DATA[name](x)) for x in (MASKED, filled)), strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype


def test_integers_that_the_type_holds_are_data():
    seconds = 1_700_000_000 + np.array([[0], [128], [256]])
    np.testing.assert_allclose(moments.covariance(moments.of(seconds)), 128.0**2, rtol=1e-6)
    with jax.enable_x64(True):
        seconds = 1_700_000_000 + np.array([[0], [10], [20]])
        np.testing.assert_allclose(moments.covariance(moments.of(seconds)), 100, rtol=1e-12)
        np.testing.assert_allclose(moments.covariance(moments.of_batches([seconds])), 100, rtol=1e-12)


FAR = (RNG.normal(size=(640, 2)) + 1e5).astype(np.float32)


def test_digits_are_kept_whatever_comes_first():
    """An empty batch, NaN rows of weight 0, a first fold left out: none takes the shift away."""
    nothing, bad = FAR[:0], np.full((64, 2), np.nan, np.float32)
    kept = np.arange(640) >= 128
    checks = [
        (moments.of_batches([nothing, FAR]), FAR),
        (moments.of_batches([bad, FAR], weights=[np.zeros(64), np.ones(640)]), FAR),
        (moments.of(FAR, weights=kept * 1.0), FAR[kept]),
    ]
    for got, x in checks:
        assert got.scatter.dtype == jnp.float32
        check_covariance(got, x, 1e-5)


def test_gradient_at_a_weight_of_zero():
    """The derivative from the right, exact although the row does not count yet."""
    with jax.enable_x64(True):
        x, w = jnp.asarray(RNG.normal(size=(6, 2))), jnp.array([1.0, 0.0, 2.0, 1.0, 0.0, 1.0])

        def value(w):
            return moments.covariance(moments.of(x, weights=w)).sum()

        h = 1e-6
        differences = [(value(w.at[i].add(h)) - value(w)) / h for i in range(6)]
        np.testing.assert_allclose(jax.grad(value)(w), differences, atol=1e-5)
