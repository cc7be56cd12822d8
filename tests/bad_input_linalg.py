"""Bad input to linear algebra and calculus."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, X, data_rows, dtype_is, near

from jaxmath import calculus, linalg

A = np.array([[2.0, 1.0, 0.5], [-1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])
SQUARE_INTEGERS = [[2, 1], [0, 3]]
U = np.array([1.0, 2.0, -1.0])


def nothing_finite(result: Any) -> None:
    """Every floating or complex leaf is NaN throughout."""
    for leaf in jax.tree.leaves(result):
        if jnp.issubdtype(leaf.dtype, jnp.inexact):
            assert np.isnan(np.asarray(leaf)).all(), result


def singular(result: Any) -> None:
    assert np.isinf(np.asarray(result[1]))
    assert np.isnan(np.asarray(result[0])).all()


def equal(expected: Any):
    def check(result: Any) -> None:
        np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))

    return check


def at(value: float) -> np.ndarray:
    a = A.copy()
    a[2, 0] = value
    return a


def not_numbers(function: str, call) -> list[Row]:
    return [
        Row(function, "complex", partial(call, A + 1j), TypeError, "real numbers, got dtype complex"),
        Row(function, "strings", partial(call, [["a", "b"], ["c", "d"]]), TypeError, "real numbers"),
        Row(function, "ragged lists", partial(call, [[1.0, 2.0], [3.0]]), TypeError, "ragged"),
        Row(function, "None", partial(call, None), TypeError, "real numbers"),
    ]


def broken_matrix(function: str, call) -> list[Row]:
    return [
        Row(function, "NaN", partial(call, at(np.nan)), check=nothing_finite),
        Row(function, "infinity", partial(call, at(np.inf)), check=nothing_finite),
        Row(function, "minus infinity", partial(call, at(-np.inf)), check=nothing_finite),
    ]


def square_rows(function: str, call) -> list[Row]:
    """What every function of a square matrix answers to one that is none, or is broken."""
    return [
        Row(
            function,
            "not square",
            partial(call, A[:2]),
            ValueError,
            r"expected a square matrix \(d, d\), got \(2, 3\)$",
        ),
        Row(function, "rank 1", partial(call, U), ValueError, r"square matrix \(d, d\), got \(3,\)$"),
        Row(
            function,
            "rank 3",
            partial(call, A[None]),
            ValueError,
            r"got \(1, 3, 3\); more matrices go through jax.vmap",
        ),
        Row(function, "scalar", partial(call, 3.0), ValueError, "square matrix"),
        Row(function, "empty", partial(call, A[:0, :0]), ValueError, r"at least one row, got shape \(0, 0\)"),
        *not_numbers(function, call),
        *broken_matrix(function, call),
    ]


def kinds(function: str, call, a: Any = SQUARE_INTEGERS) -> list[Row]:
    """Integers, lists and half precision give what floats give."""
    as_floats = lambda rtol: lambda result: near(call(np.array(a, float)), rtol)(result)  # noqa: E731
    half = lambda: call(np.array(a, np.float16))  # noqa: E731
    return [
        Row(function, "lists of integers", partial(call, a), check=as_floats(1e-5)),
        Row(function, "small integers", partial(call, np.array(a, np.int8)), check=as_floats(1e-5)),
        Row(function, "float16", half, check=as_floats(3e-3)),
        Row(function, "float16 stays", lambda: real_leaves(half()), check=dtype_is(jnp.float16)),
        Row(function, "bfloat16", partial(call, jnp.asarray(a, jnp.bfloat16)), check=as_floats(3e-2)),
    ]


def real_leaves(result: Any) -> list:
    return [leaf for leaf in jax.tree.leaves(result) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def real_eig(a: Any) -> Any:
    return jax.tree.map(jnp.real, linalg.eig(a))


def real_diagonalization(a: Any) -> Any:
    return jax.tree.map(jnp.real, linalg.diagonalize(a))


def vector_rows(function: str, call) -> list[Row]:
    return [
        Row(function, "two shapes", partial(call, U, U[:2]), ValueError, r"one shape \(d,\), got \(3,\) and \(2,\)$"),
        Row(function, "matrices", partial(call, A, A), ValueError, "more vectors go through jax.vmap"),
        Row(function, "scalars", partial(call, 1.0, 2.0), ValueError, r"two vectors of one shape"),
        Row(function, "empty", partial(call, U[:0], U[:0]), ValueError, r"got \(0,\) and \(0,\)"),
        Row(function, "complex", partial(call, U + 1j, U), TypeError, "real numbers"),
        Row(function, "strings", partial(call, U, ["a", "b", "c"]), TypeError, "real numbers"),
        Row(function, "NaN", partial(call, U, np.array([1.0, np.nan, 0.0])), check=nothing_finite),
        Row(function, "infinity", partial(call, np.array([1.0, np.inf, 0.0]), U), check=nothing_finite),
        Row(function, "zero vector", partial(call, U, 0 * U), check=nothing_finite),
        Row(function, "lists", partial(call, [1, 2, -1], [0, 1, 5]), check=near(call(U, np.array([0.0, 1.0, 5.0])))),
        Row(function, "d = 1", partial(call, [2.0], [3.0]), check=near(call(U, U))),
        Row(
            function,
            "float16",
            partial(call, U.astype(np.float16) * 200, -U.astype(np.float16)[::-1]),
            check=dtype_is(jnp.float16, near(call(U, -U[::-1]), 3e-3)),
        ),
    ]


def function_rows(function: str, call) -> list[Row]:
    """What calculus answers to a function that is none. ``call(f)``."""
    return [
        Row(function, "no function", partial(call, 3.0), TypeError, "expected a function, got 3.0"),
        Row(function, "a name", partial(call, "sin"), TypeError, "expected a function, got 'sin'"),
    ]


def not_elementwise(function: str, call) -> Row:
    return Row(
        function, "changes the shape", partial(call, jnp.sum), ValueError, r"elementwise function, got shape \(\)"
    )


def _with_right_hand_sides(function: str, call) -> list[Row]:
    return [
        Row(function, "b too short", partial(call, A, U[:2]), ValueError, r"shape \(3,\) or \(3, k\), got \(2,\)"),
        Row(function, "b of rank 3", partial(call, A, A[None]), ValueError, r"got \(1, 3, 3\)"),
        Row(function, "b of rank 0", partial(call, A, 1.0), ValueError, r"got \(\)"),
        Row(function, "b complex", partial(call, A, U + 1j), TypeError, "real numbers"),
        Row(
            function,
            "NaN and infinity in b",
            lambda: call(A, np.stack([U, [1, np.nan, 2], [np.inf, 0, 0], U], axis=1)).solution,
            check=lambda x: equal([False, True, True, False])(np.isnan(np.asarray(x)).all(axis=0)),
        ),
        Row(
            function,
            "integers in b",
            lambda: call(A, [1, 2, -1]).solution,
            check=near(np.linalg.solve(A, U)),
        ),
        Row(function, "b without columns", lambda: call(A, A[:, :0]).solution.shape, check=equal((3, 0))),
        Row(
            function,
            "float16 and float32",
            lambda: call(A.astype(np.float16), U.astype(np.float32)).solution,
            check=dtype_is(jnp.float32, near(np.linalg.solve(A, U))),
        ),
    ]


def _singular(function: str, call) -> list[Row]:
    matrices = {
        "zero": np.zeros((3, 3)),
        "[[1, 1], [2, 2]]": np.array([[1.0, 1.0], [2.0, 2.0]]),
        "d = 1": np.zeros((1, 1)),
        "rank 1": np.ones((3, 3)),
        "d = 5": np.ones((5, 5)),
        "to working precision": np.arange(1.0, 10.0).reshape(3, 3),
    }
    return [Row(function, f"singular, {name}", partial(call, a), check=singular) for name, a in matrices.items()]


LINALG = [
    *vector_rows("linalg.angle", linalg.angle),
    *vector_rows("linalg.cosine_similarity", linalg.cosine_similarity),
    Row("linalg.rotation_2d", "vector", partial(linalg.rotation_2d, U), ValueError, "theta to be one number"),
    Row("linalg.rotation_2d", "complex", partial(linalg.rotation_2d, 1j), TypeError, "real numbers"),
    Row("linalg.rotation_2d", "NaN", partial(linalg.rotation_2d, np.nan), check=nothing_finite),
    Row("linalg.rotation_2d", "infinity", partial(linalg.rotation_2d, np.inf), check=nothing_finite),
    Row("linalg.rotation_2d", "integer", partial(linalg.rotation_2d, 1), check=near(linalg.rotation_2d(1.0))),
    Row("linalg.rotation_2d", "float16", partial(linalg.rotation_2d, np.float16(1)), check=dtype_is(jnp.float16)),
    Row(
        "linalg.rotation_3d",
        "unknown axis",
        partial(linalg.rotation_3d, 1.0, "w"),
        ValueError,
        "one of 'x', 'y', 'z', got 'w'",
    ),
    Row(
        "linalg.rotation_3d",
        "axis of two",
        partial(linalg.rotation_3d, 1.0, U[:2]),
        ValueError,
        r"axis of shape \(3,\)",
    ),
    Row("linalg.rotation_3d", "axis a matrix", partial(linalg.rotation_3d, 1.0, A), ValueError, r"got \(3, 3\)"),
    Row("linalg.rotation_3d", "complex axis", partial(linalg.rotation_3d, 1.0, U * 1j), TypeError, "real numbers"),
    Row("linalg.rotation_3d", "axis None", partial(linalg.rotation_3d, 1.0, None), TypeError, "real numbers"),
    Row("linalg.rotation_3d", "angles", partial(linalg.rotation_3d, U, "x"), ValueError, "theta to be one number"),
    Row("linalg.rotation_3d", "zero axis", partial(linalg.rotation_3d, 1.0, 0 * U), check=nothing_finite),
    Row("linalg.rotation_3d", "NaN", partial(linalg.rotation_3d, np.nan, "x"), check=nothing_finite),
    Row("linalg.rotation_3d", "NaN axis", partial(linalg.rotation_3d, 1.0, U * np.nan), check=nothing_finite),
    Row("linalg.rotation_3d", "infinite axis", partial(linalg.rotation_3d, 1.0, [np.inf, 0, 0]), check=nothing_finite),
    Row(
        "linalg.rotation_3d",
        "lists",
        partial(linalg.rotation_3d, 1, [0, 0, 5]),
        check=near(linalg.rotation_3d(1.0, "z")),
    ),
    Row(
        "linalg.rotation_3d",
        "number and float16",
        partial(linalg.rotation_3d, 1.0, np.array([0, 1, 0], np.float16)),
        check=dtype_is(jnp.float16),
    ),
    Row("linalg.rotation_3d", "float16", partial(linalg.rotation_3d, np.float16(1), "y"), check=dtype_is(jnp.float16)),
    *square_rows("linalg.rotation_axis_angle", linalg.rotation_axis_angle),
    Row(
        "linalg.rotation_axis_angle",
        "2 x 2",
        partial(linalg.rotation_axis_angle, np.eye(2)),
        ValueError,
        r"shape \(3, 3\)",
    ),
    Row(
        "linalg.rotation_axis_angle",
        "reflection",
        partial(linalg.rotation_axis_angle, -np.eye(3)),
        check=nothing_finite,
    ),
    Row("linalg.rotation_axis_angle", "stretched", partial(linalg.rotation_axis_angle, A), check=nothing_finite),
    Row("linalg.rotation_axis_angle", "zero", partial(linalg.rotation_axis_angle, 0 * A), check=nothing_finite),
    *kinds("linalg.rotation_axis_angle", linalg.rotation_axis_angle, [[0, -1, 0], [1, 0, 0], [0, 0, 1]])[:1],
    Row(
        "linalg.rotation_axis_angle",
        "float16",
        partial(linalg.rotation_axis_angle, np.eye(3, dtype=np.float16)),
        check=dtype_is(jnp.float16, near(([0, 0, 1], 0.0))),
    ),
    *square_rows("linalg.solve", lambda a: linalg.solve(a, U)),
    *_with_right_hand_sides("linalg.solve", linalg.solve),
    *_singular("linalg.solve", lambda a: linalg.solve(a, np.ones(len(a)))),
    *kinds("linalg.solve", lambda a: linalg.solve(a, np.asarray([1, 2], np.asarray(a).dtype))),
    *square_rows("linalg.inverse", linalg.inverse),
    *_singular("linalg.inverse", linalg.inverse),
    *kinds("linalg.inverse", linalg.inverse),
    *square_rows("linalg.determinant", linalg.determinant),
    *kinds("linalg.determinant", linalg.determinant),
    Row("linalg.determinant", "d = 1", partial(linalg.determinant, [[-3.0]]), check=near(-3.0)),
    Row("linalg.determinant", "zero", partial(linalg.determinant, 0 * A), check=equal(0.0)),
    Row("linalg.determinant", "zero, d = 5", partial(linalg.determinant, np.zeros((5, 5))), check=equal(0.0)),
    *data_rows("linalg.pseudo_inverse", linalg.pseudo_inverse),
    *broken_matrix("linalg.pseudo_inverse", linalg.pseudo_inverse),
    *kinds("linalg.pseudo_inverse", linalg.pseudo_inverse),
    Row(
        "linalg.pseudo_inverse", "zero", partial(linalg.pseudo_inverse, np.zeros((2, 3))), check=equal(np.zeros((3, 2)))
    ),
    Row(
        "linalg.pseudo_inverse",
        "rcond a vector",
        partial(linalg.pseudo_inverse, A, rcond=U),
        ValueError,
        "rcond to be one number",
    ),
    *data_rows("linalg.lstsq", lambda a: linalg.lstsq(a, X[:, 0])),
    *kinds("linalg.lstsq", lambda a: linalg.lstsq(a, np.asarray([1, 2], np.asarray(a).dtype))),
    Row(
        "linalg.lstsq",
        "unknown method",
        partial(linalg.lstsq, A, U, method="lu"),
        ValueError,
        "one of 'svd', 'qr', 'normal', got 'lu'",
    ),
    Row("linalg.lstsq", "method None", partial(linalg.lstsq, A, U, method=None), ValueError, "method must be one of"),
    *data_rows("linalg.rank", linalg.rank),
    Row("linalg.rank", "NaN", partial(linalg.rank, at(np.nan)), check=equal(-1)),
    Row("linalg.rank", "infinity", partial(linalg.rank, at(np.inf)), check=equal(-1)),
    Row("linalg.rank", "zero", partial(linalg.rank, 0 * A), check=equal(0)),
    Row("linalg.rank", "integers", partial(linalg.rank, SQUARE_INTEGERS), check=equal(2)),
    Row("linalg.rank", "booleans", partial(linalg.rank, [[True, False], [True, False]]), check=equal(1)),
    Row("linalg.rank", "d = 1", partial(linalg.rank, [[5.0]]), check=equal(1)),
    Row("linalg.rank", "float16", partial(linalg.rank, A.astype(np.float16)), check=equal(3)),
    *data_rows("linalg.null_space", linalg.null_space),
    *broken_matrix("linalg.null_space", linalg.null_space),
    Row(
        "linalg.null_space",
        "zero",
        partial(linalg.null_space, 0 * A),
        check=lambda n: near((np.eye(3), [1, 1, 1]))((jnp.abs(n.basis), n.mask)),
    ),
    Row("linalg.null_space", "NaN mask", lambda: linalg.null_space(at(np.nan)).mask, check=equal([False] * 3)),
    *kinds("linalg.null_space", linalg.null_space, [[1, 2]]),
    *data_rows("linalg.condition_number", linalg.condition_number),
    *broken_matrix("linalg.condition_number", linalg.condition_number),
    *kinds("linalg.condition_number", linalg.condition_number),
    Row("linalg.condition_number", "zero", partial(linalg.condition_number, 0 * A), check=equal(np.inf)),
    Row("linalg.condition_number", "d = 1", partial(linalg.condition_number, [[-5.0]]), check=near(1.0)),
    *data_rows("linalg.low_rank", lambda a: linalg.low_rank(a, 1)),
    *broken_matrix("linalg.low_rank", lambda a: linalg.low_rank(a, 2)),
    *kinds("linalg.low_rank", lambda a: linalg.low_rank(a, 1)),
    Row(
        "linalg.low_rank",
        "rank 0",
        partial(linalg.low_rank, A, 0),
        ValueError,
        r"rank must be in 1..min\(n, d\) = 3, got 0",
    ),
    Row("linalg.low_rank", "rank 4", partial(linalg.low_rank, A, 4), ValueError, "got 4"),
    Row("linalg.low_rank", "rank 1.5", partial(linalg.low_rank, A, 1.5), TypeError, "rank must be an integer"),
    Row(
        "linalg.low_rank",
        "rank traced",
        lambda: jax.jit(linalg.low_rank)(A, 1),
        TypeError,
        "rank must be static; close over it",
    ),
    Row("linalg.low_rank", "zero", partial(linalg.low_rank, 0 * A, 1), check=near((0 * A, 0.0))),
    *square_rows("linalg.eig", linalg.eig),
    *kinds("linalg.eig", real_eig)[:3],
    Row("linalg.eig", "float16", lambda: linalg.eig(A.astype(np.float16)), check=dtype_is(jnp.complex64)),
    Row("linalg.eig", "d = 1", partial(real_eig, [[-3.0]]), check=near((np.array([-3.0]), np.array([[1.0]])))),
    *square_rows("linalg.diagonalize", linalg.diagonalize),
    *kinds("linalg.diagonalize", real_diagonalization)[:3],
    Row(
        "linalg.diagonalize",
        "float16",
        lambda: linalg.diagonalize(A.astype(np.float16)).condition,
        check=dtype_is(jnp.float16),
    ),
    Row("linalg.diagonalize", "zero", lambda: linalg.diagonalize(0 * A).condition, check=near(1.0)),
    Row(
        "linalg.diagonalize",
        "defective",
        lambda: linalg.diagonalize([[1.0, 1.0], [0.0, 1.0]])[:1:-1],
        check=lambda d: singular(d[::-1]),
    ),
    *(row for p in (2, -1, 0, 0.5) for row in square_rows("linalg.matrix_power", partial(linalg.matrix_power, p=p))),
    *(row for p in (2, -1, 0, 0.5) for row in kinds("linalg.matrix_power", partial(linalg.matrix_power, p=p))),
    Row(
        "linalg.matrix_power",
        "p traced",
        lambda: jax.jit(linalg.matrix_power)(A, 2),
        TypeError,
        "p must be static; close over it",
    ),
    Row(
        "linalg.matrix_power",
        "p a name",
        partial(linalg.matrix_power, A, "2"),
        TypeError,
        "p must be a real number, got '2'",
    ),
    Row("linalg.matrix_power", "p complex", partial(linalg.matrix_power, A, 1j), TypeError, "p must be a real number"),
    Row(
        "linalg.matrix_power",
        "p True",
        partial(linalg.matrix_power, A, True),
        TypeError,
        "p must be a real number, got True",
    ),
    Row(
        "linalg.matrix_power", "p NaN", partial(linalg.matrix_power, A, np.nan), ValueError, "p must be finite, got nan"
    ),
    Row("linalg.matrix_power", "p infinite", partial(linalg.matrix_power, A, np.inf), ValueError, "p must be finite"),
    Row("linalg.matrix_power", "p = 2.0", partial(linalg.matrix_power, A, 2.0), check=near(A @ A)),
    Row("linalg.matrix_power", "p a NumPy integer", partial(linalg.matrix_power, A, np.int64(2)), check=near(A @ A)),
    Row("linalg.matrix_power", "singular, p = -1", partial(linalg.matrix_power, 0 * A, -1), check=nothing_finite),
    Row("linalg.matrix_power", "zero, p = 0.5", partial(linalg.matrix_power, 0 * A, 0.5), check=near(0 * A)),
    *square_rows("linalg.spectral_components", linalg.spectral_components),
    *kinds("linalg.spectral_components", linalg.spectral_components, [[2, 1], [1, 0]]),
    Row("linalg.spectral_components", "not symmetric", partial(linalg.spectral_components, A), check=nothing_finite),
    Row(
        "linalg.spectral_components",
        "zero",
        partial(linalg.spectral_components, 0 * A),
        check=near(np.zeros((3, 3, 3))),
    ),
    *square_rows("linalg.quadric_axes", linalg.quadric_axes),
    *kinds("linalg.quadric_axes", linalg.quadric_axes, [[2, 1], [1, 0]]),
    Row("linalg.quadric_axes", "c a vector", partial(linalg.quadric_axes, A, U), ValueError, "c to be one number"),
    Row("linalg.quadric_axes", "c NaN", partial(linalg.quadric_axes, A, np.nan), check=nothing_finite),
    Row("linalg.quadric_axes", "c infinite", partial(linalg.quadric_axes, A, np.inf), check=nothing_finite),
    Row("linalg.quadric_axes", "c = 0", lambda: linalg.quadric_axes(A, 0).lengths, check=equal(np.zeros(3))),
    Row(
        "linalg.quadric_axes",
        "zero",
        lambda: linalg.quadric_axes(0 * A)[::2],
        check=lambda q: equal([[np.inf] * 3, [0] * 3])(q),
    ),
]
for _method in ("svd", "qr", "normal"):
    _lstsq = partial(linalg.lstsq, method=_method)
    LINALG += _with_right_hand_sides("linalg.lstsq", _lstsq)
    LINALG += broken_matrix("linalg.lstsq", partial(_lstsq, b=U))
    LINALG += [
        Row("linalg.lstsq", f"rank of NaN, {_method}", lambda f=_lstsq: f(at(np.nan), U).rank, check=equal(-1)),
        Row("linalg.lstsq", f"rank of infinity, {_method}", lambda f=_lstsq: f(at(np.inf), U).rank, check=equal(-1)),
        Row("linalg.lstsq", f"rank of zero, {_method}", lambda f=_lstsq: f(0 * A, U).rank, check=equal(0)),
    ]


def _calculus() -> list[Row]:
    values = np.array([1.0, -2.0, np.nan, np.inf])
    rows = []
    for name in ("square", "relu", "leaky_relu", "sigmoid"):
        f, full = getattr(calculus, name), f"calculus.{name}"
        rows += not_numbers(full, f)
        rows += [
            Row(full, "integers", partial(f, [1, -2]), check=near(f(values[:2]))),
            Row(full, "a number", partial(f, 1), check=near(f(values[:1])[0])),
            Row(
                full,
                "float16",
                partial(f, values[:2].astype(np.float16)),
                check=dtype_is(jnp.float16, near(f(values[:2]), 1e-3)),
            ),
            Row(full, "empty", partial(f, np.zeros((0, 2))), check=equal(np.zeros((0, 2)))),
            Row(
                full,
                "NaN",
                partial(f, values),
                check=lambda y: equal([False, False, True, False])(np.isnan(np.asarray(y))),
            ),
        ]
    return rows


CALCULUS = [
    *_calculus(),
    Row(
        "calculus.leaky_relu",
        "slope a vector",
        partial(calculus.leaky_relu, U, U),
        ValueError,
        "slope to be one number",
    ),
    *function_rows("calculus.derivative", lambda f: calculus.derivative(f, U)),
    not_elementwise("calculus.derivative", lambda f: calculus.derivative(f, U)),
    *not_numbers("calculus.derivative", partial(calculus.derivative, jnp.sin)),
    Row(
        "calculus.derivative",
        "delta a vector",
        lambda: calculus.derivative(jnp.sin, U, delta=U),
        ValueError,
        "delta to be one",
    ),
    Row("calculus.derivative", "delta 0", lambda: calculus.derivative(jnp.sin, U, delta=0), check=nothing_finite),
    Row(
        "calculus.derivative",
        "NaN",
        lambda: calculus.derivative(jnp.square, [np.nan, 1.0], delta=0.5),
        check=equal([np.nan, 2.0]),
    ),
    Row("calculus.derivative", "integers", lambda: calculus.derivative(jnp.square, [3], delta=1), check=near([6.0])),
    *function_rows("calculus.compose", lambda f: calculus.compose(jnp.sin, f)),
    *function_rows("calculus.chain_rule", lambda f: calculus.chain_rule([jnp.sin, f], U)),
    not_elementwise("calculus.chain_rule", lambda f: calculus.chain_rule([f], U)),
    Row(
        "calculus.chain_rule", "no functions", partial(calculus.chain_rule, [], U), ValueError, "at least one function"
    ),
    *not_numbers("calculus.chain_rule", partial(calculus.chain_rule, [jnp.sin])),
    Row(
        "calculus.chain_rule",
        "NaN",
        lambda: calculus.chain_rule([jnp.square], [np.nan, 1.0])[2],
        check=equal([np.nan, 2.0]),
    ),
    Row("calculus.chain_rule", "integers", lambda: calculus.chain_rule([jnp.square], [3])[2], check=near([6.0])),
    *function_rows("calculus.gradients", lambda f: calculus.gradients(f, U)),
    Row("calculus.gradients", "no inputs", partial(calculus.gradients, jnp.sin), ValueError, "at least one input"),
    *not_numbers("calculus.gradients", partial(calculus.gradients, jnp.sin)),
    Row("calculus.gradients", "integers", lambda: calculus.gradients(jnp.square, 3)[1][0], check=near(6.0)),
    *function_rows("calculus.matrix_chain", lambda f: calculus.matrix_chain(f, A, A)),
    not_elementwise("calculus.matrix_chain", lambda f: calculus.matrix_chain(f, A, A)),
    *data_rows("calculus.matrix_chain", lambda x: calculus.matrix_chain(jnp.sin, x, A)),
    *data_rows("calculus.matrix_chain", lambda w: calculus.matrix_chain(jnp.sin, X, w)),
    Row(
        "calculus.matrix_chain",
        "shapes",
        lambda: calculus.matrix_chain(jnp.sin, X, X),
        ValueError,
        r"\(n, d\) and \(d, k\), got \(5, 3\) and \(5, 3\)",
    ),
    Row(
        "calculus.matrix_chain",
        "integers",
        lambda: calculus.matrix_chain(jnp.square, [[1, 2]], [[3], [1]])[3],
        check=near([[10.0], [20.0]]),
    ),
    *function_rows("calculus.gradient_field", lambda f: calculus.gradient_field(f, U)),
    Row(
        "calculus.gradient_field", "no axes", partial(calculus.gradient_field, jnp.sin), ValueError, "at least one axis"
    ),
    Row(
        "calculus.gradient_field",
        "axis a matrix",
        partial(calculus.gradient_field, jnp.sin, A),
        ValueError,
        r"shape \(n,\), got \(3, 3\)",
    ),
    Row(
        "calculus.gradient_field",
        "complex axis",
        partial(calculus.gradient_field, jnp.sin, U * 1j),
        TypeError,
        "real numbers",
    ),
    Row("calculus.gradient_field", "vector values", partial(calculus.gradient_field, lambda x: x * U, U), TypeError),
    Row(
        "calculus.gradient_field",
        "integers",
        lambda: calculus.gradient_field(jnp.square, [1, 2]),
        check=near([[2.0, 4.0]]),
    ),
]

ROWS = [*LINALG, *CALCULUS]
