"""One pass over data: how every estimator of the library scales.

An estimator looks at data only through *sufficient statistics*, a pytree that merges: the statistics of two sets of
rows, merged, are the statistics of all the rows. Sums merge by addition; a type that does not (moments about a mean)
registers its own rule with :func:`merge`. From this one property follow bounded memory, sample weights, streams
larger than memory, and data spread over many devices, for every estimator at once.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.sharding import AxisType, PartitionSpec
from jax.tree_util import Partial
from jaxtyping import Array, Num, PyTree, Shaped

from jaxmath._array import as_real, as_size, as_weights, is_one_array, same_rows
from jaxmath._stream import even_chunk, even_pieces, in_chunks
from jaxmath._threads import check_threads

Statistics = Callable[[Any, Array], Any]

# Rows of a chunk when the caller does not say: on a CPU its temporaries should stay in cache.
_CPU_CHUNK, _ACCELERATOR_CHUNK = 4096, 65536
# Rows that a typical row is the mean of, on each device.
_TYPICAL_ROWS = 64


@functools.singledispatch
def merge(a: Any, b: Any) -> Any:
    """The statistics of two sets of rows together.

    By default a sum, leaf by leaf. A statistics type that merges otherwise registers its rule:
    ``@reduce.merge.register``, as :class:`jaxmath.moments.Moments` does.

    Args:
      a: statistics of some rows.
      b: statistics of other rows, of the same type and shapes.

    Returns:
      The statistics of all those rows.

    Raises:
      ValueError: if the two trees differ in structure.

    Example:
      >>> print(merge({"count": jnp.array(2.0)}, {"count": jnp.array(3.0)})["count"])
      5.0
    """
    if jax.tree.structure(a) != jax.tree.structure(b):
        raise ValueError(f"reduce.merge: expected one structure, got {jax.tree.structure(a)}, {jax.tree.structure(b)}")
    return jax.tree.map(jnp.add, a, b)


def over(
    statistics: Statistics, x: PyTree[Shaped[Any, "n ..."]], *, weights: Any = None, chunk_size: int | None = None
) -> Any:
    """The statistics of all rows, chunk by chunk, in one compiled pass.

    ``statistics(rows, weights)`` sees one chunk at a time, so what it allocates is bounded by the chunk. Chunks are
    merged in order by :func:`merge`. Rows that several devices share are first cut into one lane a device; lanes are
    reduced where they lie and merged once at the end, so the data never moves. Under ``jax.set_mesh`` of all devices
    each of them runs its lane as if it were alone, which is faster on a CPU. Where the chunk does not divide the
    rows, they are padded (one copy of the data) with rows of zeros and weight 0.

    Args:
      statistics: a module-level function, or a ``jax.tree_util.Partial`` of one that carries its parameters (they are
        traced: new values do not recompile). It takes rows and their weights, shape ``(m,)``, and returns a pytree to
        which rows of weight 0 contribute nothing. What such a row holds reaches it as it is, but for numbers that are
        not finite or whose square is not: they are 0.
      x: an array whose first axis runs over the rows, or a pytree of such arrays with equally many rows. What is masked
        in a NumPy masked array is NaN.
      weights: how often each row counts, shape ``(n,)``; weight 2 is the row twice, weight 0 leaves it out, NaN in it
        included. They are counts and need not be whole, but are no shares of 1. None counts each row once.
      chunk_size: rows in a chunk; by default about 4,000 on a CPU and 65,000 on an accelerator.

    Returns:
      What ``statistics`` returns, for all rows together.

    Raises:
      TypeError: for complex or non-numeric data, a ``chunk_size`` that is not a static integer.
      ValueError: if there are no rows, the arrays or the weights differ in their number of rows, a weight is masked,
        ``chunk_size < 1``.

    Note:
      A NaN in a row of positive weight is handed to ``statistics`` as it is; a negative or NaN weight reaches it as
      NaN. This function is compiled by itself and may also be called under ``jit``, ``vmap`` and ``grad``; a gradient
      stores one chunk's intermediates at a time.

    Example:
      >>> def total(rows, weights):
      ...     return weights @ rows
      >>> print(over(total, jnp.arange(6.0).reshape(3, 2), chunk_size=2))
      [6. 9.]
    """
    name = "reduce.over"
    x = jax.tree.map(functools.partial(as_real, name), x, is_leaf=is_one_array)
    num_rows = same_rows(name, x)
    weights = None if weights is None else as_weights(name, weights, num_rows)
    lanes = _num_lanes(x)
    lane_rows = -(-num_rows // lanes)
    target = _CPU_CHUNK if jax.default_backend() == "cpu" else _ACCELERATOR_CHUNK
    chunk_size = even_chunk(lane_rows, target) if chunk_size is None else as_size(name, "chunk_size", chunk_size)
    return _over(_as_partial(statistics), x, weights, lanes, min(chunk_size, lane_rows))


def over_batches(
    statistics: Statistics,
    batches: Iterable[PyTree[Shaped[Any, "_ ..."]]],
    *,
    weights: Iterable[Any] | None = None,
    chunk_size: int | None = None,
) -> Any:
    """The statistics of all rows of a stream of batches: data larger than memory.

    Batches are joined and cut to pieces of one size, that of the first or 4,096 rows if that is more, so that one shape
    compiles however ragged they are. They stay on the host until their piece is complete.

    Args:
      statistics: as for :func:`over`.
      batches: an iterable of arrays (or pytrees of arrays) that agree in all but the number of rows. Empty batches
        are skipped.
      weights: an iterable of weights, one array of shape ``(m,)`` a batch; None counts each row once.
      chunk_size: rows that ``statistics`` sees at a time, as for :func:`over`.

    Returns:
      What ``statistics`` returns, for all rows of all batches together; equal to :func:`over` of their concatenation
      up to rounding.

    Raises:
      ValueError: if there is no row at all, batches differ in their columns, or ``weights`` has another length.
      TypeError: for complex or non-numeric data.

    Example:
      >>> def total(rows, weights):
      ...     return weights @ rows
      >>> print(over_batches(total, [jnp.ones((3, 2)), jnp.ones((2, 2))]))
      [5. 5.]
    """
    name = "reduce.over_batches"
    return _over_pieces(name, statistics, even_pieces(name, batches, weights), chunk_size)


def typical_row(x: Num[Array, "n d"], weights: Array | None = None) -> Array:
    """A point near the data, in float32 or wider: the mean of a few rows that count, evenly spread.

    What is subtracted before anything is squared, so that digits are not lost to a large mean. It carries no gradient.

    Args:
      x: data, shape ``(n, d)``.
      weights: rows of weight 0 are left out; None leaves out none.

    Returns:
      The point, shape ``(d,)``; zeros if none of the rows it looks at counts, not finite if one of them is not.

    Example:
      >>> print(typical_row(jnp.array([[1.0, 5.0], [3.0, 5.0]])))
      [2. 5.]
    """
    lanes = _num_lanes(x)
    return _typical_row(x, weights, 1 if len(x) % lanes else lanes)


_merge = jax.jit(lambda a, b: merge(a, b))


def _over_pieces(
    name: str, statistics: Statistics, pieces: Iterable[tuple[Any, Any]], chunk_size: int | None = None
) -> Any:
    """The statistics of a stream that is cut into pieces of one size, each with its weights."""
    parts = (over(statistics, rows, weights=w, chunk_size=chunk_size) for rows, w in pieces)
    first = next(parts, None)
    if first is None:
        raise ValueError(f"{name}: expected at least one row, got an empty iterable")
    return functools.reduce(_merge, parts, first)


@functools.partial(jax.jit, static_argnames="lanes")
def _typical_row(x: Array, weights: Array | None, lanes: int) -> Array:
    weights = jnp.ones(len(x), bool) if weights is None else weights
    x, weights = jax.lax.stop_gradient((x, weights))
    every = -(-len(x) // (lanes * _TYPICAL_ROWS))
    rows, counted = _split(x, lanes)[:, ::every], _split(weights, lanes)[:, ::every] != 0
    total = jnp.where(counted[..., None], rows, 0).astype(_weight_dtype(x)).sum(axis=(0, 1))
    return total / jnp.maximum(counted.sum(), 1)


@functools.partial(jax.jit, static_argnames=("lanes", "chunk_size"))
def _over(statistics: Partial, x: Any, weights: Array | None, lanes: int, chunk_size: int) -> Any:
    if lanes == 1 and AxisType.Explicit not in jax.sharding.get_abstract_mesh().axis_types:
        return _over_lane(statistics, x, weights, chunk_size)
    num_rows = same_rows("reduce.over", x)
    if num_rows % lanes:
        weights = jnp.ones(num_rows) if weights is None else weights
    x, weights = jax.tree.map(lambda a: _split(_pad(a, -num_rows % lanes), lanes), (x, weights))
    each = _each_lane(functools.partial(_over_lane, chunk_size=chunk_size), lanes)
    parts = jax.tree.map(_replicate, each(statistics, x, weights))
    return functools.reduce(merge, [jax.tree.map(lambda a, i=i: a[i], parts) for i in range(lanes)])


def _each_lane(of_lane: Callable[[Partial, Any, Any], Any], lanes: int) -> Callable[[Partial, Any, Any], Any]:
    """A function of the rows of a lane, for all lanes: on each device its own, where a mesh says which they are."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.size != lanes or AxisType.Manual in mesh.axis_types:
        return jax.vmap(of_lane, in_axes=(None, 0, 0))
    # without the lane as an axis: products with a batch of one are slow on a CPU
    nowhere, rows = PartitionSpec(), PartitionSpec(mesh.axis_names)

    def own(statistics: Partial, *lane: Any) -> Any:
        result = of_lane(statistics, *jax.tree.map(lambda a: a[0], lane))
        return jax.tree.map(lambda a: a[None], result)

    def placed(statistics: Partial, *data: Any) -> Any:
        if AxisType.Explicit in mesh.axis_types:
            statistics, data = jax.sharding.reshard((statistics, data), (nowhere, rows))
        return each(statistics, *data)

    each = jax.shard_map(own, in_specs=(nowhere, rows, rows), out_specs=rows, check_vma=False)
    return placed


def _over_lane(statistics: Partial, x: Any, weights: Array | None, chunk_size: int) -> Any:
    num_rows = same_rows("reduce.over", x)
    if num_rows == chunk_size:
        return _of_chunk(statistics, x, weights)
    if num_rows % chunk_size:
        weights = jnp.ones(num_rows) if weights is None else weights
    x, weights = jax.tree.map(lambda a: in_chunks(a, chunk_size), (x, weights))

    @jax.checkpoint
    def step(result, chunk):
        return merge(result, _of_chunk(statistics, *chunk)), None

    nothing = jax.tree.map(lambda a: jnp.zeros((1, *a.shape[2:]), a.dtype), x)
    empty = statistics(nothing, jnp.zeros(1, _weight_dtype(x)))
    return jax.lax.scan(step, empty, (x, weights))[0]


def _of_chunk(statistics: Partial, rows: Any, weights: Array | None) -> Any:
    """One call of the statistics; what could poison them in a row of weight 0 becomes 0.

    The rest stays: the derivative with respect to a weight of 0 depends on it.
    """
    dtype = _weight_dtype(rows)
    if weights is None:
        return statistics(rows, jnp.ones(same_rows("reduce.over", rows), dtype))
    counted = weights != 0
    nothing = jax.tree.map(jnp.zeros_like, rows)
    kept = jax.tree.map(lambda a: counted.reshape(-1, *(1,) * (a.ndim - 1)) | _harmless(a), rows)
    rows = jax.tree.map(jnp.where, kept, rows, nothing)
    return statistics(rows, weights.astype(dtype))


def _harmless(a: Array) -> Array:
    """Where a number is finite and far from where its square is not."""
    if not jnp.issubdtype(a.dtype, jnp.floating):
        return jnp.ones_like(a, bool)
    return abs(a) < float(jnp.finfo(a.dtype).max) ** 0.4


def _replicate(a: Array) -> Array:
    """The same array on every device, by a masked sum over the lanes, which is one all-reduce."""
    lanes = a.shape[0]
    own = jnp.eye(lanes, dtype=bool).reshape(lanes, lanes, *(1,) * (a.ndim - 1))
    return jnp.where(own, a[None], jnp.zeros((), a.dtype)).sum(axis=1, dtype=a.dtype)


def _split(a: Array, parts: int) -> Array:
    return a.reshape(parts, a.shape[0] // parts, *a.shape[1:])


def _pad(a: Array, num_rows: int) -> Array:
    return jnp.pad(a, [(0, num_rows)] + [(0, 0)] * (a.ndim - 1)) if num_rows else a


def _weight_dtype(x: Any) -> Any:
    return jnp.result_type(*[a.dtype for a in jax.tree.leaves(x)], jnp.float32)


def _num_lanes(x: Any) -> int:
    """How many devices may hold rows: those that do, or all there are while tracing."""
    leaf = jax.tree.leaves(x)[0]
    lanes = jax.device_count() if isinstance(leaf, Tracer) else len(leaf.sharding.device_set)
    check_threads("jaxmath.reduce", lanes)
    return lanes


def _as_partial(statistics: Statistics) -> Partial:
    return statistics if isinstance(statistics, Partial) else Partial(statistics)
