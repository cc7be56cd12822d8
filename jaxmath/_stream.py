"""Streams of batches as pieces of one size, and arrays as chunks of one."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from jaxmath._array import floating, is_one_array, rank_hint, real, same_rows, unmasked

# No piece is smaller than this, so that many small batches do not become many small programs.
_LEAST_ROWS = 4096


def even_pieces(name: str, batches: Iterable[Any], weights: Iterable[Any] | None) -> Iterator[tuple[Any, Any]]:
    """Pieces of one size, with their weights, from batches of any sizes.

    The size is that of the first batch that has rows, or 4,096 if that is more. Rows beyond it wait for the next piece;
    the last one is padded with rows of weight 0, unless it is the only one. A batch of weight 0 throughout is left out
    like an empty one, unless there is no other. Arrays of the host stay on the host.
    """
    held, num_held, size, shapes, alone, weightless = [], 0, 0, None, True, None
    for pair in _with_weights(name, batches, weights):
        batch, batch_weights = _checked(name, *pair)
        if not len(batch_weights):
            continue
        these = [a.shape[1:] for a in jax.tree.leaves(batch)]
        shapes = shapes or these
        if shapes != these:
            raise ValueError(f"{name}: batches differ in their columns: {shapes} and {these}")
        if not isinstance(batch_weights, Tracer) and not (batch_weights != 0).any():
            weightless = (batch, batch_weights)
            continue
        size = size or max(len(batch_weights), _LEAST_ROWS)
        held.append((batch, batch_weights))
        num_held += len(batch_weights)
        if num_held < size:
            continue
        rows, alone = _joined(held), False
        for start in range(0, num_held - size + 1, size):
            yield _cut(rows, start, start + size)
        rest = num_held % size
        held, num_held = [_cut(rows, num_held - rest, num_held)] if rest else [], rest
    if held:
        last = _joined(held)
        yield last if alone else jax.tree.map(lambda a: _pad(a, size), last)
    elif alone and weightless is not None:
        yield weightless


def as_batch(name: str, batch: Any) -> np.ndarray | Array:
    """A batch of shape ``(m, d)`` that stays where it is, on the host or on the device, as floating numbers."""
    x = floating(name, batch)
    if x.ndim != 2:
        raise ValueError(f"{name}: expected batches of shape (m, d), got {x.shape}{rank_hint(x.ndim)}")
    return x


def even_chunk(num_rows: int, target: int) -> int:
    """How many rows a chunk should have, so that chunks divide the rows and nothing is padded.

    All rows if they are no more than the target; the target if no number from a quarter of it up divides them.
    """
    if num_rows <= target:
        return num_rows
    return next((chunk for chunk in range(target, target // 4, -1) if num_rows % chunk == 0), target)


def in_chunks(a: Array, rows: int) -> Array:
    """An array cut into chunks of so many rows, the last filled up with zeros."""
    missing = -len(a) % rows
    filled = jnp.pad(a, [(0, missing)] + [(0, 0)] * (a.ndim - 1)) if missing else a
    return filled.reshape(-1, rows, *a.shape[1:])


def _checked(name: str, batch: Any, weights: Any) -> tuple[Any, Any]:
    """A batch and its weights as arrays, with as many weights as rows."""
    batch = jax.tree.map(lambda a: real(name, a), batch, is_leaf=is_one_array)
    leaves = jax.tree.leaves(batch)
    num_rows = 0 if leaves and all(a.ndim and a.shape[0] == 0 for a in leaves) else same_rows(name, batch)
    weights = np.ones(num_rows) if weights is None else real(name, unmasked(name, "weights", weights))
    if weights.shape != (num_rows,):
        raise ValueError(f"{name}: expected weights of shape ({num_rows},), got {weights.shape}")
    return batch, weights


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *a: _library(*a).concatenate(a), *parts)


def _cut(rows: Any, start: int, stop: int) -> Any:
    return jax.tree.map(lambda a: a[start:stop], rows)


def _pad(a: Any, size: int) -> Any:
    return _library(a).pad(a, [(0, size - len(a))] + [(0, 0)] * (a.ndim - 1))


def _library(*arrays: Any) -> Any:
    return np if all(isinstance(a, np.ndarray) for a in arrays) else jnp


def _with_weights(name: str, batches: Iterable[Any], weights: Iterable[Any] | None) -> Iterator[tuple[Any, Any]]:
    if weights is None:
        yield from ((batch, None) for batch in batches)
        return
    missing = object()
    for batch, batch_weights in itertools.zip_longest(batches, weights, fillvalue=missing):
        if batch is missing or batch_weights is missing:
            raise ValueError(f"{name}: batches and weights must have the same length")
        yield batch, batch_weights
