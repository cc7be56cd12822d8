"""k-means: against scikit-learn, and the laws of its steps."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import kmeans
from jaxmath.kmeans.seeding import random_rows


def clusters(n=300, d=3, k=4, seed=0, spread=1.0, offset=0.0):
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(k, d)) * 4
    return (places[rng.integers(k, size=n)] + spread * rng.normal(size=(n, d)) + offset).astype(np.float32)


def inertia_of(centers, x):
    return ((x[:, None].astype(float) - np.asarray(centers, float)) ** 2).sum(axis=2).min(axis=1).sum()


@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scikit_learn_from_the_same_start(weighted):
    cluster = pytest.importorskip("sklearn.cluster")
    x = clusters().astype(float)
    weights = np.random.default_rng(1).integers(1, 4, len(x)).astype(float) if weighted else None
    with jax.enable_x64(True):
        ours = kmeans.fit(jax.random.key(0), x, 4, init=x[:4], weights=weights)
        theirs = cluster.KMeans(4, init=x[:4], n_init=1, algorithm="lloyd").fit(x, sample_weight=weights)
        np.testing.assert_allclose(ours.centers, theirs.cluster_centers_, rtol=1e-8)
        assert ours.inertia == pytest.approx(theirs.inertia_, rel=1e-10)
        assert abs(int(ours.num_steps) - theirs.n_iter_) <= 1  # it also stops when no label changed
        np.testing.assert_array_equal(kmeans.predict(ours.centers, x), theirs.labels_)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 999), init=st.sampled_from(["kmeans++", "random"]))
def test_inertia_never_rises_and_belongs_to_the_returned_centers(seed, init):
    x = clusters(seed=seed)
    fitted = kmeans.fit(jax.random.key(seed), x, 4, init=init, max_steps=50)
    steps = int(fitted.num_steps)
    heights = np.append(np.asarray(fitted.history, float)[:steps], float(fitted.inertia))
    assert (np.diff(heights) <= 1e-5 * heights[0]).all()
    assert np.isnan(fitted.history[steps:]).all()
    assert fitted.inertia == pytest.approx(inertia_of(fitted.centers, x), rel=1e-5)


class Again:
    """Batches that start again where an iterator of them is asked for."""

    def __iter__(self):
        self.left = iter([clusters(60)[:25], clusters(60)[25:]])
        return self

    def __next__(self):
        return next(self.left)


def test_every_pass_has_the_same_rows():
    x, key = clusters(60), jax.random.key(0)
    options = {"init": x[:3], "max_steps": 2}
    want = kmeans.fit(key, x, 3, **options)
    loader = Again()
    np.testing.assert_allclose(kmeans.fit_batches(key, lambda: loader, 3, **options).centers, want.centers, atol=1e-4)
    read, used, numbers = iter([x] * 2), iter([x]), itertools.count(30)
    for make, message in {
        lambda: read: "a fresh iterator, got the one of before",
        lambda: (batch for batch in used): "a fresh iterator over the same rows every time, got 0 rows after 60",
        lambda: [x[: next(numbers)]]: "the same rows every time, got 32 rows after 31",
    }.items():
        with pytest.raises(ValueError, match=f"^kmeans.fit_batches: expected a callable that returns .*{message}$"):
            kmeans.fit_batches(key, make, 3, init=x[:3])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999))
def test_weights_are_repetition_and_batches_the_whole(seed):
    x = clusters(120, seed=seed)
    weights = np.random.default_rng(seed).permutation(np.repeat([1, 2, 3], 40))
    start, key = x[:3], jax.random.key(0)
    weighted = kmeans.fit(key, x, 3, init=start, weights=weights)
    repeated = kmeans.fit(key, np.repeat(x, weights, axis=0), 3, init=start)
    np.testing.assert_allclose(weighted.centers, repeated.centers, atol=1e-4)
    cuts = [7, 50]
    streamed = kmeans.fit_batches(
        key, lambda: np.split(x, cuts), 3, init=start, weights=lambda: np.split(weights, cuts)
    )
    np.testing.assert_allclose(streamed.centers, weighted.centers, atol=1e-4)
    assert streamed.inertia == pytest.approx(float(weighted.inertia), rel=1e-5)
    whole = kmeans.fit(key, x, 3, init=start)
    streamed = kmeans.fit_batches(key, lambda: np.split(x, [7, 50]), 3, init=start)
    np.testing.assert_allclose(streamed.centers, whole.centers, atol=1e-4)
    assert streamed.num_steps == whole.num_steps
    np.testing.assert_allclose(kmeans.fit(key, x, 3, init=start, chunk_size=17).centers, whole.centers, atol=1e-4)


def test_far_from_zero_in_float32():
    x = clusters()
    near, far = (kmeans.fit(jax.random.key(0), y, 4, init=y[:4]) for y in (x, x + np.float32(1e4)))
    streamed = kmeans.fit_batches(jax.random.key(0), lambda: np.split(x + np.float32(1e4), 3), 4, init=x[:4] + 1e4)
    for fitted in (far, streamed):
        np.testing.assert_allclose(fitted.centers - 1e4, near.centers, atol=3e-3)
        assert fitted.inertia == pytest.approx(float(near.inertia), rel=1e-3)
        assert fitted.num_steps == near.num_steps


def test_tight_clusters_far_apart_keep_their_inertia():
    x = clusters(spread=1e-3)
    fitted = kmeans.fit(jax.random.key(0), x, 4)
    assert fitted.inertia == pytest.approx(inertia_of(fitted.centers, x), rel=1e-2)
    assert fitted.history[0] == pytest.approx(inertia_of(kmeans.plus_plus(jax.random.key(0), x, 4), x), rel=1e-2)


def pairs_far_apart():
    """Four clusters of deviation 0.05, in two pairs 20,000 apart whose members are 1 apart."""
    places = np.array([-1e4, -1e4 + 1, 1e4, 1e4 + 1])
    return (places[np.arange(200) % 4] + 0.05 * np.random.default_rng(0).normal(size=200)).astype(np.float32)[:, None]


@pytest.mark.parametrize("streamed", [False, True])
def test_near_clusters_far_from_others(streamed):
    x = pairs_far_apart()
    start = x[:4] + np.array([[0.3], [0.0], [0.3], [0.0]], np.float32)
    np.testing.assert_array_equal(kmeans.predict(start, start), np.arange(4))
    if streamed:
        fitted = kmeans.fit_batches(jax.random.key(0), lambda: [x], 4, init=start, tol=1e-15)
    else:
        fitted = kmeans.fit(jax.random.key(0), x, 4, init=start, tol=1e-15)
    np.testing.assert_array_equal(kmeans.predict(fitted.centers, x), np.arange(200) % 4)
    assert fitted.history[0] == pytest.approx(inertia_of(start, x), rel=1e-2)
    assert fitted.inertia == pytest.approx(inertia_of(fitted.centers, x), rel=1e-2)


def test_kmeans_plus_plus_finds_separate_clusters_where_random_rows_do_not():
    x = clusters(k=8, spread=0.02)
    keys = jax.random.split(jax.random.key(0), 20)

    def inertias(init):
        return jax.vmap(lambda key: kmeans.fit(key, x, 8, init=init, max_steps=1).inertia)(keys)

    assert jnp.median(inertias("kmeans++")) < 0.2 * jnp.median(inertias("random"))


def test_several_starts_return_the_best():
    x = clusters(k=8)
    key = jax.random.key(3)
    fits = [kmeans.fit(k, x, 8, init="random") for k in jax.random.split(key, 5)]
    best = kmeans.fit(key, x, 8, init="random", n_init=5)
    assert best.inertia == pytest.approx(min(float(f.inertia) for f in fits), rel=1e-5)


def test_a_lost_center_is_given_a_row():
    x = clusters(k=2)
    start = np.concatenate([x[:1], [[1e3, 1e3, 1e3]]])
    fitted = kmeans.fit(jax.random.key(0), x, 2, init=start)
    assert fitted.num_repairs >= 1
    assert len(np.unique(kmeans.predict(fitted.centers, x))) == 2


def test_small_batches_come_near_the_whole():
    x = clusters(3000)
    start = kmeans.plus_plus(jax.random.key(0), x, 4)
    whole = kmeans.fit(jax.random.key(0), x, 4, init=start)
    small = kmeans.fit_minibatch(jax.random.key(0), x, 4, init=start, batch_size=256, num_steps=60)
    assert float(whole.inertia) <= float(small.inertia) < 1.1 * float(whole.inertia)
    assert small.history.shape == (60,)
    assert not small.converged


def test_small_batches_are_drawn_by_weight():
    x = clusters(3000)
    lost = np.where(np.arange(3000)[:, None] < 500, np.nan, x)  # rows that do not count
    weights = np.where(np.arange(3000) < 500, 0, np.where(x[:, 0] > np.median(x[:, 0]), 5, 1))
    start = kmeans.plus_plus(jax.random.key(0), x[500:], 4)
    whole = kmeans.fit(jax.random.key(0), lost, 4, init=start, weights=weights)
    options = {"init": start, "batch_size": 256, "num_steps": 60}
    small = kmeans.fit_minibatch(jax.random.key(0), lost, 4, weights=weights, **options)
    assert float(whole.inertia) <= float(small.inertia) < 1.1 * float(whole.inertia)
    assert small.history[-1] == pytest.approx(float(small.inertia), rel=0.5)


def test_a_first_batch_of_weight_0_is_left_out():
    x = clusters(40, 2, 2)
    batches, weights = [np.full((5, 2), np.nan), x, 9 * x], [np.zeros(5), np.ones(40), np.zeros(40)]
    fitted = kmeans.fit_batches(jax.random.key(0), lambda: batches, 2, weights=lambda: weights)
    np.testing.assert_allclose(fitted.inertia, inertia_of(fitted.centers, x), rtol=1e-5)
    nothing = kmeans.fit_batches(jax.random.key(0), lambda: [x], 2, weights=lambda: [np.zeros(40)])
    assert not nothing.converged


def test_only_rows_that_count_become_centers():
    x = jnp.array([[100.0], [5.0], [5.0], [np.nan], [6.0]])
    for seed in range(5):
        key = jax.random.key(seed)
        for weights, places in (([0, 1, 1, 0, 0], {5.0}), ([0, 1, 0, 0, 1], {5.0, 6.0})):
            weights = jnp.array(weights, float)
            starts = kmeans.plus_plus(key, x, 3, weights=weights), random_rows(key, x, 3, weights)
            for centers in starts:
                assert set(np.unique(centers)) == places
            for init in ("kmeans++", "random"):
                fitted = kmeans.fit(key, x, 3, weights=weights, init=init)
                assert set(np.unique(fitted.centers)) == places
                assert fitted.converged


def test_random_rows_are_distinct_and_follow_the_weights():
    x, weights = jnp.arange(4.0)[:, None], jnp.array([1.0, 2.0, 3.0, 0.0])
    drawn = np.asarray(jax.vmap(lambda key: random_rows(key, x, 2, weights))(jax.random.split(jax.random.key(0), 4000)))
    assert (drawn[:, 0] != drawn[:, 1]).all()
    np.testing.assert_allclose([(drawn[:, 0] == i).mean() for i in range(3)], [1 / 6, 1 / 3, 1 / 2], atol=0.04)


def test_the_memory_of_a_fit_is_not_the_square_of_its_columns():
    program = jax.make_jaxpr(lambda x: kmeans.fit(jax.random.key(0), x, 2, max_steps=1))(jnp.ones((6, 37)))
    assert "[37,37]" not in str(program)


def test_tol_of_any_type():
    x = clusters()
    with jax.enable_x64(True):
        fitted = kmeans.fit(jax.random.key(0), x, 4, tol=np.float64(1e-4))
        assert fitted.centers.dtype == np.float32
        several = jax.vmap(lambda tol: kmeans.fit(jax.random.key(0), x, 4, tol=tol))(np.array([1e-4, 10.0]))
    assert several.num_steps[0] == fitted.num_steps > several.num_steps[1]


def test_rows_are_padded_only_if_no_chunk_divides_them():
    def program(num_rows):
        x = jnp.ones((num_rows * jax.device_count(), 1))
        return str(jax.make_jaxpr(lambda x: kmeans.fit(jax.random.key(0), x, 2, init=x[:2]))(x))

    assert "pad[" not in program(4002)
    assert "pad[" in program(4099)


def test_rows_that_no_chunk_divides():
    x = clusters(4099)
    fitted = kmeans.fit(jax.random.key(0), x, 4)
    assert fitted.converged
    labels = np.asarray(kmeans.predict(fitted.centers, x))
    np.testing.assert_allclose(fitted.centers, [x[labels == j].mean(axis=0) for j in range(4)], atol=0.05)
    assert fitted.inertia == pytest.approx(inertia_of(fitted.centers, x), rel=1e-4)


def test_under_jit_and_vmap():
    x = np.stack([clusters(seed=s) for s in range(3)])
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.jit(jax.vmap(lambda key, x: kmeans.fit(key, x, 4)))(keys, x)
    for i in range(3):
        np.testing.assert_allclose(together.centers[i], kmeans.fit(keys[i], x[i], 4).centers, atol=1e-4)
