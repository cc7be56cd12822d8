"""Fits that look rows up in a table of products: against those that go over the rows."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_gmm import KEY, clusters, dense_and_diagonal, near_start

from jaxmath import gmm
from jaxmath.gmm import table
from jaxmath.gmm.steps import Data, whole_rows


def same(a, b, rtol):
    for got, want in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.max(np.abs(want), initial=0))


def both_ways(params, x, weights, shift):
    """The E-step over the rows, and what stands in its place; and how often the rows were asked."""
    asked = []

    def by_rows(params):
        jax.debug.callback(lambda: asked.append(1))
        return whole_rows(params, shift, x, weights)

    kind, k = params.covariance_type, len(params.weights)
    quick = table.looked_up(by_rows, kind, k, shift, Data(x, weights, 1e-6))
    found = jax.jit(quick)(params, jnp.zeros((), bool))
    jax.effects_barrier()
    return found, whole_rows(params, shift, x, weights), len(asked)


@pytest.mark.parametrize(
    ("kind", "dtype", "rtol"),  # squares are subtracted, which costs a dozen eps
    [("full", "float64", 1e-12), ("spherical", "float64", 1e-12), ("tied", "float32", 2e-5)],
)
def test_sums_are_those_of_the_rows(kind, dtype, rtol):
    x = clusters(2053, 3)  # a prime number: chunks are filled up
    weights = np.random.default_rng(1).uniform(size=len(x)).round(1)
    x[weights == 0] = 1e30
    with jax.enable_x64(dtype == "float64"):
        x, weights = jnp.asarray(x, dtype), jnp.asarray(weights, dtype)
        params = near_start(np.asarray(x[weights > 0]), kind)
        found, expected, asked = both_ways(params, x, weights, jnp.zeros(3, dtype))
        same(found, expected, rtol)
        assert asked == 0
        same(*both_ways(params, x[weights > 0], None, jnp.zeros(3, dtype))[:2], rtol)


@dense_and_diagonal
def test_narrow_components_go_over_the_rows(kind):
    x = jnp.asarray(clusters(600, 2, apart=1e4), jnp.float32)
    params = near_start(np.asarray(x), kind)
    assert both_ways(params, x, None, x.mean(axis=0))[2] == 0
    params = gmm.GMM(params.weights, params.means, params.covariances * 1e-8, kind)
    found, expected, asked = both_ways(params, x, None, x.mean(axis=0))
    assert asked == 1
    same(found, expected, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_what_is_not_finite_goes_over_the_rows(bad):
    x = clusters(4096, 2).astype(np.float32)
    params = near_start(x, "full")
    x[7, 1] = bad
    assert both_ways(params, jnp.asarray(x), None, jnp.zeros(2, x.dtype))[2] == 1
    fit = gmm.fit(KEY, x, 3, init=params, max_steps=3)
    assert not fit.converged
    assert np.isnan(fit.log_likelihood)


def test_a_rare_component_far_away_keeps_its_variance():
    """The mean square of all rows does not show it: its own are 1e5 times as large as its variance."""
    x = np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32)
    x[:8, 0] += 350
    means = jnp.array([[350.0, 0.0], [0.0, 0.0]])
    init = gmm.GMM(jnp.array([0.0004, 0.9996]), means, jnp.broadcast_to(jnp.eye(2), (2, 2, 2)), "full")
    fit = gmm.fit(KEY, x, 2, init=init, reg_covar=0.0, max_steps=5)
    assert fit.converged
    np.testing.assert_allclose(fit.params.covariances[0], np.cov(x[:8].T.astype(float), bias=True), rtol=1e-3)


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
    xs = jnp.asarray(np.stack([clusters(4096, 2), clusters(4096, 2, seed=1, apart=1e3)]), jnp.float32)
    fits = jax.vmap(lambda x: gmm.fit(KEY, x, 3, max_steps=5, tol=0.0).params)(xs)
    alone = [gmm.fit(KEY, x, 3, max_steps=5, tol=0.0).params for x in xs]
    same(fits, jax.tree.map(lambda *a: jnp.stack(a), *alone), 1e-3)


def test_one_narrow_lane_decides_for_all_until_it_rests():
    x = jnp.asarray(clusters(600, 2), jnp.float32)
    wide = near_start(np.asarray(x), "full")
    narrow = gmm.GMM(wide.weights, wide.means, wide.covariances * 1e-8, "full")
    both = jax.tree.map(lambda *a: jnp.stack(a), wide, narrow)
    asked = []

    def by_rows(params):
        jax.debug.callback(lambda: asked.append(1))
        return whole_rows(params, jnp.zeros(2, x.dtype), x, None)

    look = table.looked_up(by_rows, "full", 3, jnp.zeros(2, x.dtype), Data(x, None, 1e-6))
    for idle, expected in (([False, True], 0), ([False, False], 1)):
        asked.clear()
        found = jax.vmap(look)(both, jnp.array(idle))
        jax.effects_barrier()
        assert len(asked) == expected
        same(jax.tree.map(lambda a: a[0], found), whole_rows(wide, jnp.zeros(2, x.dtype), x, None), 2e-5)


def test_derivative_is_that_of_a_fit_by_chunks():
    x = np.random.default_rng(0).normal(size=(4096, 1)).astype(np.float32)
    x[::3] += 8

    def mean_of(chunk_size, weights):
        options = {"chunk_size": chunk_size, "init": near_start(x, "full", 2), "max_steps": 30}
        return gmm.fit(KEY, x, 2, weights=weights, **options).params.means.max()

    slopes = [jax.grad(partial(mean_of, chunk))(jnp.ones(4096)) for chunk in (None, 1024)]
    assert np.ptp(slopes[0]) > 0
    same(slopes[0], slopes[1], 1e-3)
