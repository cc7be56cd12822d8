"""k-means: against scikit-learn, and the laws of its steps."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quick import quick

from jaxmath import kmeans
from jaxmath.kmeans.seeding import random_rows

KEY = jax.random.key(0)


def clusters(n=300, d=3, k=4, seed=0, spread=1.0, offset=0.0):
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(k, d)) * 4
    return (places[rng.integers(k, size=n)] + spread * rng.normal(size=(n, d)) + offset).astype(np.float32)


def inertia_of(centers, x):
    return ((x[:, None].astype(float) - np.asarray(centers, float)) ** 2).sum(axis=2).min(axis=1).sum()


@pytest.mark.once
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scikit_learn_from_the_same_start(weighted):
    cluster = pytest.importorskip("sklearn.cluster")
    x = clusters().astype(float)
    weights = np.random.default_rng(1).integers(1, 4, len(x)).astype(float) if weighted else None
    with jax.enable_x64(True):
        ours = quick(kmeans.fit, KEY, x, 4, init=x[:4], weights=weights)
        theirs = cluster.KMeans(4, init=x[:4], n_init=1, algorithm="lloyd").fit(x, sample_weight=weights)
        np.testing.assert_allclose(ours.centers, theirs.cluster_centers_, rtol=1e-8)
        assert ours.inertia == pytest.approx(theirs.inertia_, rel=1e-10)
        assert abs(int(ours.num_steps) - theirs.n_iter_) <= 1  # it also stops when no label changed
        np.testing.assert_array_equal(quick(kmeans.predict, ours.centers, x), theirs.labels_)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 999), init=st.sampled_from(["kmeans++", "random"]))
def test_inertia_never_rises_and_belongs_to_the_returned_centers(seed, init):
    x = clusters(seed=seed)
    fitted = quick(kmeans.fit, jax.random.key(seed), x, 4, init=init)
    history, steps = np.asarray(fitted.history, float), int(fitted.num_steps)
    heights = np.append(history[:steps], float(fitted.inertia))
    assert (np.diff(heights) <= 1e-5 * heights[0]).all()
    assert np.isnan(history[steps:]).all()
    assert fitted.inertia == pytest.approx(inertia_of(fitted.centers, x), rel=1e-5)


class Again:
    """Batches that start again where an iterator of them is asked for."""

    def __iter__(self):
        self.left = iter([clusters(60)[:25], clusters(60)[25:]])
        return self

    def __next__(self):
        return next(self.left)


def test_every_pass_has_the_same_rows():
    x, loader = clusters(60), Again()
    streamed = kmeans.fit_batches(KEY, lambda: loader, 4, init=x[:4])
    np.testing.assert_allclose(streamed.centers, quick(kmeans.fit, KEY, x, 4, init=x[:4]).centers, atol=1e-4)
    read, used, numbers = iter([x] * 2), iter([x]), itertools.count(30)
    for make, message in {
        lambda: read: "a fresh iterator, got the one of before",
        lambda: (batch for batch in used): "a fresh iterator over the same rows every time, got 0 rows after 60",
        lambda: [x[: next(numbers)]]: "the same rows every time, got 32 rows after 31",
    }.items():
        with pytest.raises(ValueError, match=f"^kmeans.fit_batches: expected a callable that returns .*{message}$"):
            kmeans.fit_batches(KEY, make, 4, init=x[:4])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999))
def test_weights_are_repetition_and_batches_the_whole(seed):
    x = clusters(150, seed=seed)
    weights = np.random.default_rng(seed).permutation(np.repeat([1, 2, 3], 50))
    rows, options, cuts = np.repeat(x, weights, axis=0), {"init": x[:4]}, [7, 50]
    repeated = quick(kmeans.fit, KEY, rows, 4, **options)
    streamed = kmeans.fit_batches(KEY, lambda: np.split(rows, cuts), 4, **options)
    for other in (
        streamed,
        quick(kmeans.fit, KEY, x, 4, weights=weights, **options),
        quick(kmeans.fit, KEY, rows, 4, chunk_size=17, **options),
        kmeans.fit_batches(KEY, lambda: np.split(x, cuts), 4, weights=lambda: np.split(weights, cuts), **options),
    ):
        np.testing.assert_allclose(other.centers, repeated.centers, atol=1e-4)
        assert other.inertia == pytest.approx(float(repeated.inertia), rel=1e-5)
    assert streamed.num_steps == repeated.num_steps


def test_far_from_zero_in_float32():
    x = clusters()
    near, far = (quick(kmeans.fit, KEY, y, 4, init=y[:4]) for y in (x, x + np.float32(1e4)))
    streamed = kmeans.fit_batches(KEY, lambda: np.split(x + np.float32(1e4), 3), 4, init=x[:4] + 1e4)
    for fitted in (far, streamed):
        np.testing.assert_allclose(fitted.centers - 1e4, near.centers, atol=3e-3)
        assert fitted.inertia == pytest.approx(float(near.inertia), rel=1e-3)
        assert fitted.num_steps == near.num_steps


def test_tight_clusters_far_apart_keep_their_inertia():
    x = clusters(spread=1e-3)
    fitted = quick(kmeans.fit, KEY, x, 4, init="kmeans++")
    assert fitted.inertia == pytest.approx(inertia_of(fitted.centers, x), rel=1e-2)
    assert np.asarray(fitted.history)[0] == pytest.approx(inertia_of(kmeans.plus_plus(KEY, x, 4), x), rel=1e-2)


def pairs_far_apart():
    """Four clusters of deviation 0.05, in two pairs 20,000 apart whose members are 1 apart."""
    places = np.array([-1e4, -1e4 + 1, 1e4, 1e4 + 1])
    return (places[np.arange(200) % 4] + 0.05 * np.random.default_rng(0).normal(size=200)).astype(np.float32)[:, None]


@pytest.mark.parametrize("streamed", [False, True])
def test_near_clusters_far_from_others(streamed):
    x = pairs_far_apart()
    start = x[:4] + np.array([[0.3], [0.0], [0.3], [0.0]], np.float32)
    rows = np.r_[x, start]
    np.testing.assert_array_equal(quick(kmeans.predict, start, rows)[200:], np.arange(4))
    if streamed:
        fitted = kmeans.fit_batches(KEY, lambda: [x], 4, init=start, tol=1e-15)
    else:
        fitted = quick(kmeans.fit, KEY, x, 4, init=start, tol=1e-15)
    np.testing.assert_array_equal(quick(kmeans.predict, fitted.centers, rows)[:200], np.arange(200) % 4)
    assert np.asarray(fitted.history)[0] == pytest.approx(inertia_of(start, x), rel=1e-2)
    assert fitted.inertia == pytest.approx(inertia_of(fitted.centers, x), rel=1e-2)


def test_kmeans_plus_plus_finds_separate_clusters_where_random_rows_do_not():
    x = clusters(spread=0.02)

    def start(key, init):
        return np.asarray(quick(kmeans.fit, jax.random.key(key), x, 4, init=init).history)[0]

    far_apart, random = (np.median([start(key, init) for key in range(20)]) for init in ("kmeans++", "random"))
    assert far_apart < 0.2 * random


def test_several_starts_return_the_best():
    x = clusters()
    fits = [quick(kmeans.fit, key, x, 4, init="random") for key in jax.random.split(KEY, 5)]
    best = quick(kmeans.fit, KEY, x, 4, init="random", n_init=5)
    assert best.inertia == pytest.approx(min(float(f.inertia) for f in fits), rel=1e-5)
    assert max(float(f.inertia) for f in fits) > 1.1 * float(best.inertia)


def test_a_lost_center_is_given_a_row():
    x = clusters()
    start = np.concatenate([x[:3], [[1e3, 1e3, 1e3]]])
    fitted = quick(kmeans.fit, KEY, x, 4, init=start)
    assert fitted.num_repairs >= 1
    assert len(np.unique(quick(kmeans.predict, fitted.centers, x))) == 4


@pytest.mark.parametrize("weighted", [False, True])
def test_small_batches_come_near_the_whole(weighted):
    """Also where rows are drawn by weight, among others that do not count."""
    x = clusters(3000)
    lost = np.arange(3000) < (500 if weighted else 0)
    weights = np.where(lost, 0, np.where(x[:, 0] > np.median(x[:, 0]), 5 if weighted else 1, 1))
    x, options = np.where(lost[:, None], np.nan, x), {"init": kmeans.plus_plus(KEY, x[500:800], 4)}
    whole = quick(kmeans.fit, KEY, x, 4, weights=weights, **options)
    some = weights if weighted else None
    small = quick(kmeans.fit_minibatch, KEY, x, 4, weights=some, batch_size=256, num_steps=60, **options)
    assert float(whole.inertia) <= float(small.inertia) < 1.1 * float(whole.inertia)
    assert small.history.shape == (60,)
    assert np.isfinite(small.history).all()
    assert np.asarray(small.history)[-1] == pytest.approx(float(small.inertia), rel=0.5)
    assert not small.converged


def test_a_first_batch_of_weight_0_is_left_out():
    x = clusters(150)
    batches, weights = [np.full((5, 3), np.nan), x, 9 * x], [np.zeros(5), np.ones(150), np.zeros(150)]
    fitted = kmeans.fit_batches(KEY, lambda: batches, 4, weights=lambda: weights)
    np.testing.assert_allclose(fitted.inertia, inertia_of(fitted.centers, x), rtol=1e-5)
    nothing = kmeans.fit_batches(KEY, lambda: [x], 4, weights=lambda: [np.zeros(150)])
    assert not nothing.converged


def test_only_rows_that_count_become_centers():
    x = jnp.array([[100.0], [5.0], [5.0], [np.nan], [6.0]])
    for seed in range(5):
        key = jax.random.key(seed)
        for weights, places in (([0, 1, 1, 0, 0], {5.0}), ([0, 1, 0, 0, 1], {5.0, 6.0})):
            weights = jnp.array(weights, float)
            starts = quick(kmeans.plus_plus, key, x, 3, weights=weights), quick(random_rows, key, x, 3, weights)
            for centers in starts:
                assert set(np.unique(centers)) == places
            for init in ("kmeans++", "random"):
                fitted = quick(kmeans.fit, key, x, 3, weights=weights, init=init)
                assert set(np.unique(fitted.centers)) == places
                assert fitted.converged


def test_random_rows_are_distinct_and_follow_the_weights():
    x, weights = np.arange(4, dtype=np.float32)[:, None], np.array([1, 2, 3, 0], np.float32)

    def draws(key):
        return jax.vmap(lambda key: random_rows(key, jnp.asarray(x), 2, jnp.asarray(weights)))(
            jax.random.split(key, 4000)
        )

    drawn = np.asarray(quick(draws, KEY))
    assert (drawn[:, 0] != drawn[:, 1]).all()
    np.testing.assert_allclose([(drawn[:, 0] == i).mean() for i in range(3)], [1 / 6, 1 / 3, 1 / 2], atol=0.04)


def test_the_memory_of_a_fit_is_not_the_square_of_its_columns():
    program = jax.make_jaxpr(lambda x: kmeans.fit(KEY, x, 2, max_steps=1))(jnp.ones((6, 37)))
    assert "[37,37]" not in str(program)


@pytest.mark.once
def test_under_jit_and_vmap_with_a_tol_of_any_type():
    x, keys = np.stack([clusters(seed=s) for s in range(3)]), jax.random.split(KEY, 3)
    tol = np.array([1e-4, 1e-4, 10.0])
    with jax.enable_x64(True):
        together = quick(jax.vmap(lambda key, x, tol: kmeans.fit(key, x, 4, tol=tol)), keys, x, tol)
        alone = [kmeans.fit(keys[i], x[i], 4, tol=tol[i]) for i in range(3)]
    steps = [int(fitted.num_steps) for fitted in alone]
    assert list(np.asarray(together.num_steps)) == steps
    assert steps[0] > steps[2]
    for i in range(3):
        assert alone[i].centers.dtype == together.centers.dtype == np.float32
        np.testing.assert_allclose(np.asarray(together.centers)[i], alone[i].centers, atol=1e-4)


def test_rows_are_padded_only_if_no_chunk_divides_them():
    def program(num_rows):
        x = jnp.ones((num_rows * jax.device_count(), 1))
        return str(jax.make_jaxpr(lambda x: kmeans.fit(KEY, x, 2, init=x[:2]))(x))

    assert "pad[" not in program(4002)
    assert "pad[" in program(4099)


def test_rows_that_no_chunk_divides():
    x = clusters(4099)
    fitted = quick(kmeans.fit, KEY, x, 4, init=x[:4])
    assert fitted.converged
    labels = np.asarray(quick(kmeans.predict, fitted.centers, x))
    np.testing.assert_allclose(fitted.centers, [x[labels == j].mean(axis=0) for j in range(4)], atol=0.05)
    assert fitted.inertia == pytest.approx(inertia_of(fitted.centers, x), rel=1e-4)
