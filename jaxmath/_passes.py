"""Passes over data larger than memory: streams of batches that a callable makes anew each time."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jaxmath import reduce
from jaxmath._stream import as_batch, even_pieces

Makes = Callable[[], Iterable[Any]]
# Where iterators come from that cannot start again, unlike some of a user's own class.
_BUILT_IN = ("builtins", "itertools")


class Passes:
    """The rows that a callable returns, and their weights, again and again; ValueError where they are not the same."""

    def __init__(self, name: str, make_batches: Makes, make_weights: Makes | None = None) -> None:
        self._name, self._makes = name, [make for make in (make_batches, make_weights) if make is not None]
        for make in self._makes:
            if not callable(make):
                raise TypeError(f"{name}: expected a callable that returns a fresh iterator, got {type(make).__name__}")
        self._read: list[Iterator[Any]] = []
        self._num_rows, self._fewest = None, 0

    def first(self) -> tuple[Any, Any]:
        """The first piece, and its weights if there are any."""
        piece = next(self._pieces(), None)
        if piece is None:
            raise ValueError(f"{self._name}: expected at least one row, got an empty iterator")
        return piece if len(self._makes) > 1 else (piece[0], None)

    def over(self, statistics: reduce.Statistics, chunk_size: int | None = None) -> Any:
        """The statistics of all rows, as :func:`jaxmath.reduce.over_batches` finds them, by another pass."""
        return reduce._over_pieces(self._name, statistics, self._pieces(), chunk_size)

    def _pieces(self) -> Iterator[tuple[Any, Any]]:
        made = [iter(make()) for make in self._makes]
        if any(new is old and type(new).__module__ in _BUILT_IN for new in made for old in self._read):
            raise ValueError(f"{self._name}: expected a callable that returns a fresh iterator, got the one of before")
        self._read, num_rows = made, 0

        def batches() -> Iterator[Any]:
            nonlocal num_rows
            for batch in made[0]:
                x = as_batch(self._name, batch)
                num_rows += len(x)
                self._fewest = max(self._fewest, num_rows)
                yield x

        yield from even_pieces(self._name, batches(), made[1] if len(made) > 1 else None)
        expected = self._fewest if self._num_rows is None else self._num_rows
        if num_rows < self._fewest or num_rows != expected:
            wanted = "a callable that returns a fresh iterator over the same rows every time"
            raise ValueError(f"{self._name}: expected {wanted}, got {num_rows} rows after {expected}")
        self._num_rows = num_rows
