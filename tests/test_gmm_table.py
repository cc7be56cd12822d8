"""Fits that look rows up in a table of products: against those that go over the rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from quick import quick
from test_gmm import KEY, STEPS, clusters, dense_and_diagonal, near_start

from jaxmath import gmm
from jaxmath.gmm import table
from jaxmath.gmm.steps import Data, whole_rows


def same(a, b, rtol):
    for got, want in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.max(np.abs(want), initial=0))


asked = []


def both_sums(params, x, weights, shift, idle):
    """The E-step by the table, and over the rows; ``asked`` grows where the rows take the table's place."""

    def by_rows(params):
        jax.debug.callback(lambda: asked.append(1))
        return whole_rows(params, shift, x, weights)

    kind, k = params.covariance_type, len(params.weights)
    by_table = table.looked_up(by_rows, kind, k, shift, Data(x, weights, 1e-6))
    return by_table(params, idle), whole_rows(params, shift, x, weights)


def both_ways(params, x, weights, shift, sums=both_sums, idle=False):
    """What :func:`both_sums` finds, and how often the table gave way to the rows."""
    asked.clear()
    found, expected = quick(sums, params, jnp.asarray(x), weights, shift, np.asarray(idle))
    jax.effects_barrier()
    return found, expected, len(asked)


@pytest.mark.once
@pytest.mark.parametrize(
    ("kind", "dtype", "weighted", "rtol"),  # squares are subtracted, which costs a dozen eps
    [
        ("full", "float64", True, 1e-12), ("spherical", "float64", True, 1e-12), ("tied", "float32", True, 2e-5),
        ("full", "float64", False, 1e-12),
    ],
)  # fmt: skip
def test_sums_are_those_of_the_rows(kind, dtype, weighted, rtol):
    x = clusters(2053, 3)  # a prime number: chunks are filled up
    weights = np.random.default_rng(1).uniform(size=len(x)).round(1) if weighted else np.ones(len(x))
    with jax.enable_x64(dtype == "float64"):
        params = near_start(x[weights > 0].astype(dtype), kind)
        x[weights == 0] = 1e30
        weights = weights.astype(dtype) if weighted else None
        found, expected, num_asked = both_ways(params, x.astype(dtype), weights, np.zeros(3, dtype))
        same(found, expected, rtol)
        assert num_asked == 0


@dense_and_diagonal
def test_narrow_components_go_over_the_rows(kind):
    x = clusters(600, 2, apart=1e4).astype(np.float32)
    params = near_start(x, kind)
    assert both_ways(params, x, None, x.mean(axis=0))[2] == 0
    params = gmm.GMM(params.weights, params.means, params.covariances * 1e-8, kind)
    found, expected, num_asked = both_ways(params, x, None, x.mean(axis=0))
    assert num_asked == 1
    same(found, expected, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_what_is_not_finite_goes_over_the_rows(bad):
    x = clusters(4096, 2).astype(np.float32)
    params = near_start(x, "full")
    x[7, 1] = bad
    assert both_ways(params, x[:600], None, np.zeros(2, x.dtype))[2] == 1
    fit = quick(gmm.fit, KEY, x, 3, init=params, max_steps=STEPS)
    assert not fit.converged
    assert np.isnan(fit.log_likelihood)


def test_a_rare_component_far_away_keeps_its_variance():
    """The mean square of all rows does not show it: its own are 1e5 times as large as its variance."""
    x = np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32)
    x[:8, 0] += 350
    means = jnp.array([[350.0, 0.0], [0.0, 0.0]])
    init = gmm.GMM(jnp.array([0.0004, 0.9996]), means, jnp.broadcast_to(jnp.eye(2), (2, 2, 2)), "full")
    fit = quick(gmm.fit, KEY, x, 2, init=init, reg_covar=0.0, max_steps=5)
    assert fit.converged
    np.testing.assert_allclose(
        np.asarray(fit.params.covariances)[0], np.cov(x[:8].T.astype(float), bias=True), rtol=1e-3
    )


def test_few_rows_large_tables_and_meshes_have_none():
    x = jnp.zeros((table.WORTH, 2))
    assert table.num_bytes(x, "full") == len(x) * 6 * x.dtype.itemsize
    assert table.num_bytes(x, "diag") == len(x) * 5 * x.dtype.itemsize
    assert table.num_bytes(x[1:], "full") == np.inf
    with jax.sharding.use_abstract_mesh(jax.sharding.AbstractMesh((1,), ("rows",))):
        assert table.num_bytes(x, "full") == np.inf


@pytest.mark.parametrize(("lanes", "expected"), [(None, 1), (4, 1), (5, 2), (0, 2)])
def test_room_is_shared_by_the_lanes_of_a_batch(lanes, expected):
    chosen = table.where_there_is_room(
        lambda x, _: x * 0 + 1, lambda x, _: x * 0 + 2, table._BYTES / 4 if lanes != 0 else 2.0 * table._BYTES
    )
    if lanes:
        result = jax.vmap(chosen, in_axes=(0, None))(jnp.zeros(lanes), {"a": jnp.ones(3)})
        nested = jax.vmap(jax.vmap(chosen, in_axes=(None, 0)), in_axes=(0, None))(jnp.zeros(lanes), jnp.zeros(1))
        np.testing.assert_array_equal(nested[:, 0], result)
    else:
        result = chosen(jnp.zeros(1), None)
    np.testing.assert_array_equal(result, expected)


def test_fits_in_a_batch_are_those_alone():
    xs = np.stack([clusters(4096, 2), clusters(4096, 2, seed=1, apart=1e3)]).astype(np.float32)
    inits = [near_start(x, "full") for x in xs]

    def fits(xs, inits):
        return jax.vmap(lambda x, init: gmm.fit(KEY, x, 3, init=init, max_steps=STEPS))(xs, inits)

    together = quick(fits, xs, jax.tree.map(lambda *a: np.stack(a), *inits)).params
    alone = [quick(gmm.fit, KEY, x, 3, init=init, max_steps=STEPS).params for x, init in zip(xs, inits, strict=True)]
    same(together, jax.tree.map(lambda *a: np.stack(a), *alone), 1e-3)


def test_one_narrow_lane_decides_for_all_until_it_rests():
    x = clusters(600, 2).astype(np.float32)
    wide = near_start(x, "full")
    narrow = gmm.GMM(wide.weights, wide.means, wide.covariances * 1e-8, "full")
    both = jax.tree.map(lambda *a: np.stack(a), wide, narrow)

    def sums(params, x, weights, shift, idle):
        found, expected = jax.vmap(lambda params, idle: both_sums(params, x, weights, shift, idle))(params, idle)
        return [jax.tree.map(lambda a: a[0], both) for both in (found, expected)]

    for idle, expected in (([False, True], 0), ([False, False], 1)):
        found, by_rows, num_asked = both_ways(both, x, None, np.zeros(2, x.dtype), sums, idle)
        assert num_asked == expected
        same(found, by_rows, 2e-5)


def test_derivative():
    """That of a mean with respect to weights, in closed form for components that do not overlap."""
    x = np.random.default_rng(0).normal(size=(4096, 1)).astype(np.float32)
    x[::3] += 12

    def slope(weights, direction):
        options = {"init": near_start(x, "full", 2), "max_steps": 30}
        mean = lambda w: gmm.fit(KEY, x, 2, weights=w, **options).params.means.max()  # noqa: E731
        return jax.jvp(mean, (weights,), (direction,))[1]

    high = x[:, 0] > 6
    expected = high * (x[:, 0] - x[high, 0].mean()) / high.sum()
    for direction in (x[:, 0], x[:, 0] ** 2, high.astype(np.float32)):
        along = float(quick(slope, np.ones(4096, np.float32), direction))
        assert along == pytest.approx(expected @ direction, rel=1e-3, abs=1e-3 * np.abs(expected) @ np.abs(direction))
