"""Laws of the spine: however rows are cut, streamed, weighted or spread, the statistics are those of all rows."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.tree_util import Partial

from jaxmath import _stream, reduce
from jaxmath._threads import check_threads, num_threads

RNG = np.random.default_rng(0)
TRACES = []


def total(rows, weights):
    return {"sum": weights @ rows, "count": weights.sum()}


def total_traced(rows, weights):
    TRACES.append(rows.shape)
    return weights @ rows


def total_above(threshold, rows, weights):
    TRACES.append(rows.shape)
    return weights @ jnp.where(rows > threshold, rows, 0)


@pytest.fixture(autouse=True)
def _no_traces():
    TRACES.clear()


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 40), chunk=st.integers(1, 45), seed=st.integers(0, 100))
def test_any_chunks_give_the_whole(n, chunk, seed):
    x = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    result = reduce.over(total, x, chunk_size=chunk)
    np.testing.assert_allclose(result["sum"], x.astype(float).sum(axis=0), rtol=1e-5, atol=1e-5)
    assert result["count"] == n


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 30), max_size=6), seed=st.integers(0, 100))
def test_any_batches_give_the_whole(cuts, seed):
    x = np.random.default_rng(seed).normal(size=(30, 2)).astype(np.float32)
    result = reduce.over_batches(total, np.split(x, sorted(cuts)))
    np.testing.assert_allclose(result["sum"], x.astype(float).sum(axis=0), rtol=1e-5, atol=1e-5)
    assert result["count"] == 30


@settings(max_examples=20, deadline=None)
@given(weights=st.lists(st.integers(0, 4), min_size=6, max_size=6), chunk=st.integers(1, 6))
def test_weights_are_repetition(weights, chunk):
    x = RNG.normal(size=(6, 2)).astype(np.float32)
    result = reduce.over(total, x, weights=np.array(weights), chunk_size=chunk)
    np.testing.assert_allclose(result["sum"], np.repeat(x, weights, axis=0).sum(axis=0, dtype=float), atol=1e-5)
    assert result["count"] == sum(weights)


def test_pytrees_of_arrays_and_integers():
    def cross(rows, weights):
        x, y = rows["x"], rows["y"]
        return (x * weights[:, None]).T @ y.astype(x.dtype)

    x, y = RNG.normal(size=(9, 2)), np.arange(9)
    np.testing.assert_allclose(reduce.over(cross, {"x": x, "y": y}, chunk_size=4), x.T @ y, rtol=1e-5)


def test_padding_never_reaches_the_statistics_as_data():
    def logarithms(rows, weights):
        return jnp.where(weights > 0, weights * jnp.log(jnp.where(weights > 0, rows[:, 0], 1.0)), 0.0).sum()

    x = np.exp(np.arange(5.0))[:, None]
    assert reduce.over(logarithms, x, chunk_size=3) == pytest.approx(10.0, rel=1e-6)
    gradient = jax.grad(lambda x: reduce.over(logarithms, x, chunk_size=3))(jnp.asarray(x))
    np.testing.assert_allclose(gradient, 1 / x, rtol=1e-6)


def test_weight_zero_stops_nan_in_value_and_gradient():
    x = jnp.array([[1.0], [jnp.nan], [3.0]])
    gradient = jax.grad(lambda x: reduce.over(total, x, weights=np.array([1, 0, 1]), chunk_size=2)["sum"].sum())(x)
    np.testing.assert_array_equal(gradient, [[1.0], [0.0], [1.0]])


def test_new_parameters_and_new_data_do_not_recompile():
    x = RNG.normal(size=(64, 2)).astype(np.float32)
    first = reduce.over(Partial(total_above, 0.0), x, chunk_size=16)
    traces = len(TRACES)
    second = reduce.over(Partial(total_above, 1.0), 2 * x, chunk_size=16)
    assert len(TRACES) == traces
    np.testing.assert_allclose(first, np.where(x > 0, x, 0).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(second, np.where(2 * x > 1, 2 * x, 0).sum(axis=0), rtol=1e-5)


def test_ragged_batches_compile_one_shape():
    sizes = [5000, 3, 800, 14000, 1, 4999]
    result = reduce.over_batches(total_traced, [np.ones((size, 2), np.float32) for size in sizes])
    assert len(set(TRACES)) == 2, "one piece, and the single empty row that starts a scan"
    np.testing.assert_array_equal(result, [sum(sizes)] * 2)


@pytest.mark.parametrize("sizes", [[1] * 9000, [4096, 4096, 1], [3, 9000, 2], [5000, 5000]])
def test_pieces_of_small_batches(monkeypatch, sizes):
    """The rows come out in order, and each is copied once or twice however small the batches are."""
    copied, concatenate = [], np.concatenate
    monkeypatch.setattr(_stream.np, "concatenate", lambda parts: copied.append(len(out := concatenate(parts))) or out)
    x = np.arange(2 * sum(sizes)).reshape(-1, 2)
    pieces = list(_stream.even_pieces("name", np.split(x, np.cumsum(sizes)[:-1]), None))
    assert {len(rows) for rows, _ in pieces} == {max(sizes[0], 4096)}
    rows, weights = (concatenate(parts) for parts in zip(*pieces, strict=True))
    np.testing.assert_array_equal(rows[weights == 1], x)
    np.testing.assert_array_equal(rows[weights == 0], 0)
    assert sum(copied) <= 2 * 2 * len(x)


@pytest.mark.bad_input
def test_whole_numbers_never_wrap():
    with jax.enable_x64(False), pytest.raises(ValueError, match=r"reduce\.over: whole numbers beyond int32"):
        reduce.over(total, np.array([[2**40], [2**40]]))
    with jax.enable_x64(True):
        assert reduce.over(total, np.array([[2**40], [2**40]]))["sum"] == 2.0**41


def test_batches_may_be_a_generator_of_device_arrays():
    batches = (jnp.full((i, 2), float(i)) for i in (3, 1, 2))
    np.testing.assert_allclose(reduce.over_batches(total, batches)["sum"], [14.0, 14.0])


def test_weights_of_batches():
    x, w = RNG.normal(size=(10, 2)), RNG.uniform(size=10)
    result = reduce.over_batches(total, [x[:4], x[4:]], weights=[w[:4], w[4:]])
    np.testing.assert_allclose(result["sum"], w @ x, rtol=1e-5)


def test_merge_follows_the_type():
    class Largest(tuple):
        pass

    @reduce.merge.register
    def _(a: Largest, b: Largest):
        return Largest((jnp.maximum(a[0], b[0]),))

    jax.tree_util.register_pytree_node(Largest, lambda t: (tuple(t), None), lambda _, leaves: Largest(leaves))

    def largest(rows, weights):
        return Largest((jnp.where(weights > 0, rows[:, 0], -jnp.inf).max(),))

    x = -RNG.uniform(1, 2, size=(11, 1))
    assert reduce.over(largest, x, chunk_size=4)[0] == pytest.approx(x.max(), rel=1e-6)
    assert reduce.over_batches(largest, [x[:4], x[4:]])[0] == pytest.approx(x.max(), rel=1e-6)


def test_gradient_keeps_one_chunk():
    """The compiled gradient does not store what every chunk widens to, only what one does."""
    matrix = jnp.ones((4, 256))

    def widened(rows, weights):
        return weights @ (jnp.tanh(rows @ matrix) @ matrix.T).sum(axis=1)

    def memory(chunk_size):
        gradient = jax.grad(lambda x: reduce.over(widened, x, chunk_size=chunk_size))
        return jax.jit(gradient).lower(jnp.ones((16384, 4))).compile().memory_analysis().temp_size_in_bytes

    assert memory(256) < memory(16384) / 10


def test_under_jit_and_vmap():
    x = RNG.normal(size=(4, 10, 2)).astype(np.float32)
    result = jax.jit(jax.vmap(lambda x: reduce.over(total, x, chunk_size=3)["sum"]))(x)
    np.testing.assert_allclose(result, x.sum(axis=1), rtol=1e-4, atol=1e-5)


def test_chunk_divides_where_it_can():
    assert _stream.even_chunk(100_000, 4096) == 4000
    assert 100_003 % _stream.even_chunk(100_003, 4096)  # a prime: padded
    assert _stream.even_chunk(1000, 4096) == 1000


def test_one_device_with_an_explicit_mesh():
    mesh = jax.make_mesh((1,), ("rows",), axis_types=(jax.sharding.AxisType.Explicit,))
    x = np.arange(12.0, dtype=np.float32).reshape(6, 2)
    with jax.set_mesh(mesh):
        rows = jax.device_put(x, jax.NamedSharding(mesh, jax.P("rows")))
        found = reduce.over(total, rows, chunk_size=2)
    np.testing.assert_array_equal(found["sum"], [30, 36])


def test_devices_without_threads_are_refused(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    for reserved, good in (("2", False), ("4", False), ("5", True), ("8", True)):
        monkeypatch.setenv("NPROC", reserved)
        if good:
            check_threads("reduce.over", 4)
        else:
            with pytest.raises(
                RuntimeError, match=rf"reduce.over: 4 CPU devices on {reserved} threads .* set NPROC=8 in the env"
            ):
                check_threads("reduce.over", 4)
        check_threads("reduce.over", 1)
    monkeypatch.setenv("NPROC", "many")
    assert num_threads() == len(os.sched_getaffinity(0))


def test_four_devices():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "NPROC": "8"}
    script = Path(__file__).with_name("four_devices.py")
    result = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=240)
    assert result.stdout.strip() == "four devices agree", result.stderr
