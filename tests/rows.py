"""A row of the bad-input matrix, a call of a public function and what must come of it; rows that many share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

X = np.array([[1.0, 2.0, 0.5], [3.0, -1.0, 2.5], [0.0, 1.0, 4.0], [2.0, 2.0, -3.0], [5.0, 0.0, 1.0]])
INTEGERS = [[1, 2], [3, 5], [4, 4], [0, 1]]


@dataclass(frozen=True)
class Row:
    """A call, and either the exception it raises (with a pattern for its message) or a check of its result."""

    function: str
    what: str
    call: Callable[[], Any]
    raises: type[Exception] | None = None
    match: str | None = None
    check: Callable[[Any], None] | None = None


def table(function: str, *entries: tuple[str, Callable[[], Any], Any]) -> list[Row]:
    """Rows of one function: what is odd, the call, and what comes of it, (exception, pattern) or a check."""
    return [
        Row(function, what, call, *answer) if isinstance(answer, tuple) else Row(function, what, call, check=answer)
        for what, call, answer in entries
    ]


def with_cell(value: float) -> np.ndarray:
    x = X.copy()
    x[2, 1] = value
    return x


def all_nan(*fields: str):
    def check(result: Any) -> None:
        for field in fields:
            assert np.isnan(np.asarray(getattr(result, field))).all(), f"{field} is not NaN: {result}"

    return check


def near(expected: Any, rtol: float = 1e-5):
    """A check against numbers, or against what a function returns when the row is run: not before, on every import."""

    def check(result: Any) -> None:
        wanted = expected() if callable(expected) else expected
        for got, want in zip(jax.tree.leaves(result), jax.tree.leaves(wanted, is_leaf=_is_list), strict=True):
            np.testing.assert_allclose(np.asarray(got, float), np.asarray(want, float), rtol=rtol, atol=rtol)

    return check


def equal(expected: Any):
    def check(result: Any) -> None:
        np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))

    return check


def nothing_finite(result: Any) -> None:
    """Every floating or complex leaf is NaN throughout."""
    for leaf in jax.tree.leaves(result):
        if jnp.issubdtype(leaf.dtype, jnp.inexact):
            assert np.isnan(np.asarray(leaf)).all(), result


def dtype_is(dtype: Any, then: Any = lambda result: None):
    def check(result: Any) -> None:
        for leaf in jax.tree.leaves(result):
            assert leaf.dtype == dtype, f"{leaf.dtype} is not {dtype}"
        then(result)

    return check


# Guards that many functions share are tested in full on these; that others call them, by one refusal of a shape and of
# a type.
IN_FULL = ("moments.of", "pca.fit", "calculus.derivative")


def data_rows(function: str, call) -> list[Row]:
    """What every function of a data matrix answers to data that is none."""
    rows = [
        Row(function, "rank 1", partial(call, X[:, 0]), ValueError, r"expected data of shape \(n, d\), got \(5,\)"),
        Row(function, "complex", partial(call, X + 1j), TypeError, "real numbers, got dtype complex"),
        Row(function, "rank 3", partial(call, X[None]), ValueError, "more axes go through jax.vmap"),
        Row(function, "scalar", partial(call, 3.0), ValueError, "shape"),
        Row(function, "no rows", partial(call, X[:0]), ValueError, "at least one row"),
        Row(function, "no columns", partial(call, X[:, :0]), ValueError, "at least one row and one column"),
        Row(function, "strings", partial(call, [["a", "b"], ["c", "d"]]), TypeError, "real numbers"),
        Row(function, "objects", partial(call, np.array([[object()]])), TypeError, "real numbers"),
        Row(function, "ragged lists", partial(call, [[1.0, 2.0], [3.0]]), TypeError, "ragged"),
        Row(function, "None", partial(call, None), TypeError, "real numbers"),
        Row(function, "random key", partial(call, jax.random.split(jax.random.key(0), 3)), TypeError, "real numbers"),
    ]
    return rows if function in IN_FULL else rows[:2]


def not_numbers(function: str, call) -> list[Row]:
    """What every function of one array answers to what is none of real numbers."""
    rows = table(
        function,
        ("complex", partial(call, X + 1j), (TypeError, "real numbers, got dtype complex")),
        ("strings", partial(call, [["a", "b"], ["c", "d"]]), (TypeError, "real numbers")),
        ("ragged lists", partial(call, [[1.0, 2.0], [3.0]]), (TypeError, "ragged")),
        ("None", partial(call, None), (TypeError, "real numbers")),
    )
    return rows if function in IN_FULL else rows[:1]


def weight_rows(function: str, call) -> list[Row]:
    """What every function with weights answers to weights that are none. ``call(x, weights)``."""
    rows = [
        Row(function, "weights too short", partial(call, X, np.ones(4)), ValueError, r"weights of shape \(5,\)"),
        Row(function, "weights of rank 2", partial(call, X, np.ones((5, 1))), ValueError, r"got \(5, 1\)"),
        Row(function, "complex weights", partial(call, X, np.ones(5) * 1j), TypeError, "real numbers"),
    ]
    return rows if function in IN_FULL else rows[:1]


def only_row_is_nan(result: jax.Array, row: int) -> None:
    bad = np.isnan(np.asarray(result))
    assert bad[row].all()
    assert not np.delete(bad, row, axis=0).any()


def _is_list(x: Any) -> bool:
    return isinstance(x, list)
