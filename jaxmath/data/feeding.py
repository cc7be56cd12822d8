"""Batches: the order of an epoch, and the images in that order on the device."""

import io
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, UInt8

from jaxmath._array import as_key, as_real, as_size, is_one_array, same_rows, unmasked
from jaxmath.data.prepared import Photographs, fitted

Tree = TypeVar("Tree")
_AHEAD = 2  # batches that are made while the caller computes
_THREADS = min(16, os.cpu_count() or 1)


def epoch_order(key: Array, n: int, batch_size: int) -> Int32[Array, "b batch_size"]:
    """Which examples each batch of an epoch has: a random permutation, in rows.

    An epoch as one program is a ``jax.lax.scan`` over these rows.

    Args:
      key: a ``jax.random.key``; another for every epoch, such as ``jax.random.fold_in(key, epoch)``.
      n: how many examples there are, static.
      batch_size: how many of them make a batch, static.

    Returns:
      Indices, in $b = \\lfloor n / batch_size \\rfloor$ rows; the n - b batch_size examples left over, others in every
      epoch, sit this one out, so that all batches have one shape. The same for a key on every device.

    Raises:
      TypeError: for a traced or fractional n or batch_size.
      ValueError: if batch_size is not in 1..n.

    Example:
      >>> epoch_order(jax.random.key(0), 10, 4).shape
      (2, 4)
    """
    n = as_size("data.epoch_order", "n", n)
    batch_size = as_size("data.epoch_order", "batch_size", batch_size, n, "n")
    return _shuffled(as_key("data.epoch_order", key), n, batch_size)


def batches(key: Array | None, arrays: Tree, batch_size: int, *, start: int = 0) -> Iterator[Tree]:
    """One epoch of batches from arrays that live on the device.

    Args:
      key: the order is that of :func:`epoch_order` with this key; an epoch has its own, such as
        ``jax.random.fold_in(key, epoch)``. None takes the examples as they lie, and all of them: the last batch may be
        shorter then.
      arrays: a pytree of arrays with equally many rows, such as ``(images, labels)``. Put them on the device once,
        with ``jnp.asarray``; NumPy arrays are copied there at the beginning of every epoch.
      batch_size: how many rows make a batch.
      start: the number of the first batch; to go on where an epoch was interrupted, pass the number of batches that
        are done, with the same key.

    Yields:
      The pytree with ``batch_size`` rows.

    Raises:
      TypeError: for a batch_size or start that is no integer.
      ValueError: if the arrays have not equally many rows, batch_size is not in 1..n, or start is negative.

    Example:
      >>> [int(x.sum()) for x in batches(None, jnp.arange(10), 4)]
      [6, 22, 17]
    """
    who = "data.batches"
    arrays = as_arrays(who, arrays)
    n = same_rows(who, arrays)
    places = _places(who, key, n, as_size(who, "batch_size", batch_size, n, "n"), start)
    return (_take(arrays, rows, i) for rows, i in places)


def stream(
    key: Array | None, photographs: Photographs, batch_size: int, *, size: tuple[int, int], start: int = 0
) -> Iterator[tuple[UInt8[Array, "batch_size h w 3"], Int32[Array, " batch_size"]]]:
    """One epoch of batches from photographs, decoded in threads and put on the device while the caller computes.

    Of each photograph the largest part in the middle that has the proportions of ``size`` is brought to that size,
    with antialiasing. Photographs are turned upright if their files say how; grey ones become colour, 16 bits become 8,
    and transparency is lost.

    Args:
      key: as for :func:`batches`.
      photographs: from :func:`photographs`.
      batch_size: how many make a batch.
      size: height and width of the images.
      start: as for :func:`batches`.

    Yields:
      Images and labels. The threads end with the epoch, with an error, and when the iterator is closed or dropped.

    Raises:
      TypeError: for a batch_size, size or start that is no integer.
      ValueError: if batch_size is not in 1..n, the size is not of two positive numbers, or start is negative; while
        iterating, naming the number of the photograph, if it cannot be decoded.
    """
    who, n = "data.stream", len(photographs.labels)
    if np.shape(size) != (2,):
        raise ValueError(f"{who}: size must be (height, width), got {size!r}")
    height, width = (as_size(who, "size", length) for length in size)
    places = _places(who, key, n, as_size(who, "batch_size", batch_size, n, "n"), start)
    return _decoded(photographs, [np.asarray(rows)[i] for rows, i in places], (height, width))


def as_arrays(who: str, arrays: Tree) -> Tree:
    """A pytree of arrays on the device."""

    def put(a: Any) -> Array:
        if getattr(a, "dtype", np.dtype(float)).kind in "biu":
            a = unmasked(who, "integers", a)  # a NaN in its place would make floats of bytes or labels
        return jnp.asarray(a) if isinstance(a, jax.Array) or np.iscomplexobj(a) else as_real(who, a)

    return jax.tree.map(put, arrays, is_leaf=is_one_array)


def _places(who: str, key: Array | None, n: int, batch_size: int, start: int) -> Sequence[tuple[Array, int]]:
    """The batches of an epoch: tables of rows, and which row of them each batch is."""
    start = as_size(who, "start", start, least=0)
    if key is not None:
        shuffled = _shuffled(as_key(who, key), n, batch_size)
        return [(shuffled, i) for i in range(start, len(shuffled))]
    in_order, whole = np.arange(n, dtype=np.int32), n - n % batch_size
    full = jnp.asarray(in_order[:whole].reshape(-1, batch_size))
    rest = [(jnp.asarray(in_order[None, whole:]), 0)] if whole < n else []
    return [*((full, i) for i in range(len(full))), *rest][start:]


@partial(jax.jit, static_argnums=(1, 2))
def _shuffled(key: Array, n: int, batch_size: int) -> Array:
    return jax.random.permutation(key, jnp.arange(n, dtype=jnp.int32))[: n - n % batch_size].reshape(-1, batch_size)


@jax.jit
def _take(arrays: Any, rows: Array, i: Array) -> Any:
    return jax.tree.map(lambda a: a.at[rows[i]].get(mode="promise_in_bounds"), arrays)


def _decoded(photographs: Photographs, places: list[np.ndarray], size: tuple[int, int]) -> Iterator[Any]:
    pool, waiting = ThreadPoolExecutor(_THREADS, thread_name_prefix="jaxmath.data.stream"), deque()
    try:
        for rows in places:
            images = [pool.submit(_decode, photographs, int(i), size) for i in rows]
            waiting.append(pool.submit(_put, images, photographs.labels[rows]))  # after those it waits for: no deadlock
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _put(images: list[Future], labels: np.ndarray) -> tuple[Array, Array]:
    return jax.device_put((np.stack([image.result() for image in images]), labels))


def _decode(photographs: Photographs, index: int, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    content = photographs.encoded[index]
    try:
        with Image.open(io.BytesIO(content)) as image:
            return fitted(image, size)
    except Exception as error:  # PIL raises what the damage leads to: OSError, SyntaxError, struct.error ...
        raise ValueError(f"data.stream: photograph {index} cannot be decoded ({error})") from error
