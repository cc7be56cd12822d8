"""Bad input to linear algebra."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, X, data_rows, dtype_is, equal, near, not_numbers, nothing_finite, table

from jaxmath import linalg
from jaxmath.linalg import spectra

A = np.array([[2.0, 1.0, 0.5], [-1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])
INTEGERS = [[2, 1], [0, 3]]
U = np.array([1.0, 2.0, -1.0])


# Condition 1 / eps and rounding, of float32.
AT_THE_LIMIT = np.diag(np.float32([1.0, 2.0**-23]))
UNIT = np.float32(2.0**-23)


def singular(result: Any) -> None:
    assert np.isinf(np.asarray(result[1]))
    assert np.isnan(np.asarray(result[0])).all()


def at(value: float) -> np.ndarray:
    a = A.copy()
    a[2, 0] = value
    return a


def broken_matrix(function: str, call) -> list[Row]:
    values = {"NaN": np.nan, "infinity": np.inf, "minus infinity": -np.inf}
    return [Row(function, what, partial(call, at(value)), check=nothing_finite) for what, value in values.items()]


def square_rows(function: str, call) -> list[Row]:
    """What every function of a square matrix answers to one that is none, or is broken."""
    rows = table(
        function,
        ("not square", partial(call, A[:2]), (ValueError, r"expected a square matrix \(d, d\), got \(2, 3\)$")),
        ("rank 1", partial(call, U), (ValueError, r"square matrix \(d, d\), got \(3,\)$")),
        ("rank 3", partial(call, A[None]), (ValueError, r"got \(1, 3, 3\); more matrices go through jax.vmap")),
        ("scalar", partial(call, 3.0), (ValueError, "square matrix")),
        ("empty", partial(call, A[:0, :0]), (ValueError, r"at least one row, got shape \(0, 0\)")),
    )
    return rows + not_numbers(function, call) + broken_matrix(function, call)


def kinds(function: str, call, a: Any = INTEGERS) -> list[Row]:
    """Integers, lists and half precision give what floats give."""
    as_floats = lambda rtol: lambda result: near(lambda: call(np.array(a, float)), rtol)(result)  # noqa: E731
    half = lambda: call(np.array(a, np.float16))  # noqa: E731
    return table(
        function,
        ("lists of integers", partial(call, a), as_floats(1e-5)),
        ("small integers", partial(call, np.array(a, np.int8)), as_floats(1e-5)),
        ("float16", half, as_floats(3e-3)),
        ("float16 stays", lambda: real_leaves(half()), dtype_is(jnp.float16)),
        ("bfloat16", partial(call, jnp.asarray(a, jnp.bfloat16)), as_floats(3e-2)),
    )


def real_leaves(result: Any) -> list:
    return [leaf for leaf in jax.tree.leaves(result) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def real_eig(a: Any) -> Any:
    return jax.tree.map(jnp.real, linalg.eig(a))


def real_diagonalization(a: Any) -> Any:
    return jax.tree.map(jnp.real, linalg.diagonalize(a))


def only_second_is_nan(result: Any) -> None:
    """Eigenpairs of A, of a broken matrix, and of the transpose of A, in the complex type that belongs to float32."""
    values, vectors = (np.asarray(part) for part in result)
    assert values.dtype == vectors.dtype == np.complex64
    assert np.isnan(values[1]).all()
    assert np.isnan(vectors[1]).all()
    for a, s, v in ((A, vectors[0], values[0]), (A.T, vectors[2], values[2])):
        np.testing.assert_allclose(a @ s, s * v, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(s, axis=0), 1, rtol=1e-5)


def vector_rows(function: str, call) -> list[Row]:
    half = partial(call, U.astype(np.float16) * 200, -U.astype(np.float16)[::-1])
    return table(
        function,
        ("two shapes", partial(call, U, U[:2]), (ValueError, r"one shape \(d,\), got \(3,\) and \(2,\)$")),
        ("matrices", partial(call, A, A), (ValueError, "more vectors go through jax.vmap")),
        ("scalars", partial(call, 1.0, 2.0), (ValueError, r"two vectors of one shape")),
        ("empty", partial(call, U[:0], U[:0]), (ValueError, r"got \(0,\) and \(0,\)")),
        ("complex", partial(call, U + 1j, U), (TypeError, "real numbers")),
        ("strings", partial(call, U, ["a", "b", "c"]), (TypeError, "real numbers")),
        ("NaN", partial(call, U, np.array([1.0, np.nan, 0.0])), nothing_finite),
        ("infinity", partial(call, np.array([1.0, np.inf, 0.0]), U), nothing_finite),
        ("zero vector", partial(call, U, 0 * U), nothing_finite),
        ("lists", partial(call, [1, 2, -1], [0, 1, 5]), near(lambda: call(U, np.array([0.0, 1.0, 5.0])))),
        ("d = 1", partial(call, [2.0], [3.0]), near(lambda: call(U, U))),
        ("float16", half, dtype_is(jnp.float16, near(lambda: call(U, -U[::-1]), 3e-3))),
    )


def with_right_hand_sides(function: str, call) -> list[Row]:
    solution = lambda a, b: lambda: call(a, b).solution  # noqa: E731
    broken = np.stack([U, [1, np.nan, 2], [np.inf, 0, 0], U], axis=1)
    first_and_last = lambda x: equal([False, True, True, False])(np.isnan(np.asarray(x)).all(axis=0))  # noqa: E731
    single = dtype_is(jnp.float32, near(np.linalg.solve(A, U)))
    return table(
        function,
        ("b too short", partial(call, A, U[:2]), (ValueError, r"shape \(3,\) or \(3, k\), got \(2,\)")),
        ("b of rank 3", partial(call, A, A[None]), (ValueError, r"got \(1, 3, 3\)")),
        ("b of rank 0", partial(call, A, 1.0), (ValueError, r"got \(\)")),
        ("b complex", partial(call, A, U + 1j), (TypeError, "real numbers")),
        ("NaN and infinity in b", solution(A, broken), first_and_last),
        ("integers in b", solution(A, [1, 2, -1]), near(np.linalg.solve(A, U))),
        ("b without columns", lambda: call(A, A[:, :0]).solution.shape, equal((3, 0))),
        ("float16 and float32", solution(A.astype(np.float16), U.astype(np.float32)), single),
    )


def singular_rows(function: str, call) -> list[Row]:
    matrices = {
        "zero": np.zeros((3, 3)),
        "[[1, 1], [2, 2]]": np.array([[1.0, 1.0], [2.0, 2.0]]),
        "d = 1": np.zeros((1, 1)),
        "rank 1": np.ones((3, 3)),
        "d = 5": np.ones((5, 5)),
        "to working precision": np.arange(1.0, 10.0).reshape(3, 3),
    }
    return [Row(function, f"singular, {name}", partial(call, a), check=singular) for name, a in matrices.items()]


def rotations() -> list[Row]:
    flat, space, back = linalg.rotation_2d, linalg.rotation_3d, linalg.rotation_axis_angle
    z_half = near(([0, 0, 1], 0.0))
    return [
        *vector_rows("linalg.angle", linalg.angle),
        *vector_rows("linalg.cosine_similarity", linalg.cosine_similarity),
        *table(
            "linalg.rotation_2d",
            ("vector", lambda: flat(U), (ValueError, "theta to be one number")),
            ("complex", lambda: flat(1j), (TypeError, "real numbers")),
            ("NaN", lambda: flat(np.nan), nothing_finite),
            ("infinity", lambda: flat(np.inf), nothing_finite),
            ("integer", lambda: flat(1), near(lambda: flat(1.0))),
            ("float16", lambda: flat(np.float16(1)), dtype_is(jnp.float16)),
        ),
        *table(
            "linalg.rotation_3d",
            ("unknown axis", lambda: space(1.0, "w"), (ValueError, "one of 'x', 'y', 'z', got 'w'")),
            ("axis of two", lambda: space(1.0, U[:2]), (ValueError, r"axis of shape \(3,\)")),
            ("axis a matrix", lambda: space(1.0, A), (ValueError, r"got \(3, 3\)")),
            ("complex axis", lambda: space(1.0, U * 1j), (TypeError, "real numbers")),
            ("axis None", lambda: space(1.0, None), (TypeError, "real numbers")),
            ("angles", lambda: space(U, "x"), (ValueError, "theta to be one number")),
            ("zero axis", lambda: space(1.0, 0 * U), nothing_finite),
            ("NaN", lambda: space(np.nan, "x"), nothing_finite),
            ("NaN axis", lambda: space(1.0, U * np.nan), nothing_finite),
            ("infinite axis", lambda: space(1.0, [np.inf, 0, 0]), nothing_finite),
            ("lists", lambda: space(1, [0, 0, 5]), near(lambda: space(1.0, "z"))),
            ("long axis", lambda: space(1.0, np.float32([0, 0, 1e30])), near(lambda: space(1.0, "z"))),
            ("number and float16", lambda: space(1.0, np.array([0, 1, 0], np.float16)), dtype_is(jnp.float16)),
            ("float16", lambda: space(np.float16(1), "y"), dtype_is(jnp.float16)),
        ),
        *square_rows("linalg.rotation_axis_angle", back),
        *kinds("linalg.rotation_axis_angle", back, [[0, -1, 0], [1, 0, 0], [0, 0, 1]])[:1],
        *table(
            "linalg.rotation_axis_angle",
            ("2 x 2", lambda: back(np.eye(2)), (ValueError, r"shape \(3, 3\)")),
            ("reflection", lambda: back(-np.eye(3)), nothing_finite),
            ("stretched", lambda: back(A), nothing_finite),
            ("zero", lambda: back(0 * A), nothing_finite),
            ("float16", lambda: back(np.eye(3, dtype=np.float16)), dtype_is(jnp.float16, z_half)),
        ),
    ]


def systems() -> list[Row]:
    solve_ones = lambda a: linalg.solve(a, np.ones(len(a)))  # noqa: E731
    in_its_type = lambda solve: lambda a: solve(a, np.asarray([1, 2], np.asarray(a).dtype))  # noqa: E731
    det, pinv, lstsq = linalg.determinant, linalg.pseudo_inverse, linalg.lstsq
    scales, two_scales = 1e3 * np.diag(np.float32([1.0, 1e-2, 1e-4])), near(([1e-3, 0.2, 0.0], 1.0, 2))
    rows = [
        *square_rows("linalg.solve", lambda a: linalg.solve(a, U)),
        *with_right_hand_sides("linalg.solve", linalg.solve),
        *singular_rows("linalg.solve", solve_ones),
        *kinds("linalg.solve", in_its_type(linalg.solve)),
        *square_rows("linalg.inverse", linalg.inverse),
        *singular_rows("linalg.inverse", linalg.inverse),
        *kinds("linalg.inverse", linalg.inverse),
        Row("linalg.solve", "condition 1 / eps", lambda: linalg.solve(AT_THE_LIMIT, AT_THE_LIMIT[0]), check=singular),
        Row("linalg.inverse", "condition 1 / eps", lambda: linalg.inverse(AT_THE_LIMIT), check=singular),
        *square_rows("linalg.determinant", det),
        *kinds("linalg.determinant", det),
        *table(
            "linalg.determinant",
            ("d = 1", lambda: det([[-3.0]]), near(-3.0)),
            ("zero", lambda: det(0 * A), equal(0.0)),
            ("zero, d = 5", lambda: det(np.zeros((5, 5))), equal(0.0)),
        ),
        *data_rows("linalg.pseudo_inverse", pinv),
        *broken_matrix("linalg.pseudo_inverse", pinv),
        *kinds("linalg.pseudo_inverse", pinv),
        *table(
            "linalg.pseudo_inverse",
            ("zero", lambda: pinv(np.zeros((2, 3))), equal(np.zeros((3, 2)))),
            ("rcond a vector", lambda: pinv(A, rcond=U), (ValueError, "rcond to be one number")),
        ),
        *data_rows("linalg.lstsq", lambda a: lstsq(a, X[:, 0])),
        *kinds("linalg.lstsq", in_its_type(lstsq)),
        *table(
            "linalg.lstsq",
            (
                "unknown method",
                lambda: lstsq(A, U, method="lu"),
                (ValueError, "one of 'svd', 'qr', 'normal', got 'lu'"),
            ),
            ("small and lost, normal", lambda: lstsq(scales, np.float32(U), method="normal"), two_scales),
            ("method None", lambda: lstsq(A, U, method=None), (ValueError, "method must be one of")),
        ),
    ]
    for method in ("svd", "qr", "normal"):
        call = partial(lstsq, method=method)
        rows += with_right_hand_sides("linalg.lstsq", call) + broken_matrix("linalg.lstsq", partial(call, b=U))
        for what, a, rank in (("NaN", at(np.nan), -1), ("infinity", at(np.inf), -1), ("zero", 0 * A, 0)):
            solved = lambda call=call, a=a: call(a, U).rank  # noqa: E731
            rows.append(Row("linalg.lstsq", f"rank of {what}, {method}", solved, check=equal(rank)))
    return rows


def factors() -> list[Row]:
    rank, null, low = linalg.rank, linalg.null_space, linalg.low_rank
    small, smaller = np.float32([[1, 0, 0], [0, 1e-6, 0]]), np.float32([[0, 0, 0], [0, 0, 1e-6]])
    slope = lambda: jax.jvp(lambda a: null(a).basis, (small,), (smaller,))[1][:, 2]  # noqa: E731
    whole_space = lambda n: near((np.eye(3), [1, 1, 1]))((jnp.abs(n.basis), n.mask))  # noqa: E731
    return [
        *data_rows("linalg.rank", rank),
        *table(
            "linalg.rank",
            ("NaN", lambda: rank(at(np.nan)), equal(-1)),
            ("infinity", lambda: rank(at(np.inf)), equal(-1)),
            ("zero", lambda: rank(0 * A), equal(0)),
            ("integers", lambda: rank(INTEGERS), equal(2)),
            ("booleans", lambda: rank([[True, False], [True, False]]), equal(1)),
            ("d = 1", lambda: rank([[5.0]]), equal(1)),
            ("float16", lambda: rank(A.astype(np.float16)), equal(3)),
        ),
        *data_rows("linalg.null_space", null),
        *broken_matrix("linalg.null_space", null),
        *kinds("linalg.null_space", null, [[1, 2]]),
        *table(
            "linalg.null_space",
            ("zero", lambda: null(0 * A), whole_space),
            ("NaN mask", lambda: null(at(np.nan)).mask, equal([False] * 3)),
            ("small and lost", lambda: null(np.diag(np.float32([1, 1e-4, 1e-9]))).mask, equal([False, False, True])),
            ("derivative at a small value", slope, near([0.0, -1.0, 0.0])),
        ),
        *data_rows("linalg.condition_number", linalg.condition_number),
        *broken_matrix("linalg.condition_number", linalg.condition_number),
        *kinds("linalg.condition_number", linalg.condition_number),
        *table(
            "linalg.condition_number",
            ("zero", lambda: linalg.condition_number(0 * A), equal(np.inf)),
            ("d = 1", lambda: linalg.condition_number([[-5.0]]), near(1.0)),
        ),
        *data_rows("linalg.low_rank", lambda a: low(a, 1)),
        *broken_matrix("linalg.low_rank", lambda a: low(a, 2)),
        *kinds("linalg.low_rank", lambda a: low(a, 1)),
        *table(
            "linalg.low_rank",
            ("rank 0", lambda: low(A, 0), (ValueError, r"rank must be in 1..min\(n, d\) = 3, got 0")),
            ("rank 4", lambda: low(A, 4), (ValueError, "got 4")),
            ("rank 1.5", lambda: low(A, 1.5), (TypeError, "rank must be an integer")),
            ("rank traced", lambda: jax.jit(low)(A, 1), (TypeError, "rank must be static; close over it")),
            ("zero", lambda: low(0 * A, 1), near((0 * A, 0.0))),
        ),
    ]


def eigenvalues() -> list[Row]:
    eig, diagonalize, power = linalg.eig, linalg.diagonalize, linalg.matrix_power
    defective = lambda: diagonalize([[1.0, 1.0], [0.0, 1.0]])[:1:-1]  # noqa: E731
    half_way = [[1.0, 1.0], [0.0, 1.0 + 2.0**-8]]  # eigenvectors with condition 1024, beyond 0.1 / sqrt(eps)
    host = lambda: jax.vmap(spectra._eig_on_host)(np.float32([A, at(np.nan), A.T]))  # noqa: E731
    large_root = np.diag([1e3, 0.0])
    no_number = (TypeError, "p must be a real number")
    rows = [
        *square_rows("linalg.eig", eig),
        *kinds("linalg.eig", real_eig)[:3],
        *table(
            "linalg.eig",
            ("float16", lambda: eig(A.astype(np.float16)), dtype_is(jnp.complex64)),
            ("on the host, where a TPU sends it", host, only_second_is_nan),
            ("d = 1", lambda: real_eig([[-3.0]]), near((np.array([-3.0]), np.array([[1.0]])))),
        ),
        *square_rows("linalg.diagonalize", diagonalize),
        *kinds("linalg.diagonalize", real_diagonalization)[:3],
        *table(
            "linalg.diagonalize",
            ("float16", lambda: diagonalize(A.astype(np.float16)).condition, dtype_is(jnp.float16)),
            ("zero", lambda: diagonalize(0 * A).condition, near(1.0)),
            ("nearly defective", lambda: diagonalize(np.float32(half_way))[:1:-1], lambda d: singular(d[::-1])),
            ("defective", defective, lambda d: singular(d[::-1])),
        ),
        *table(
            "linalg.matrix_power",
            ("p traced", lambda: jax.jit(power)(A, 2), (TypeError, "p must be static; close over it")),
            ("p a name", lambda: power(A, "2"), (TypeError, "p must be a real number, got '2'")),
            ("p complex", lambda: power(A, 1j), no_number),
            ("p True", lambda: power(A, True), (TypeError, "p must be a real number, got True")),
            ("p NaN", lambda: power(A, np.nan), (ValueError, "p must be finite, got nan")),
            ("p infinite", lambda: power(A, np.inf), (ValueError, "p must be finite")),
            ("p = 2.0", lambda: power(A, 2.0), near(A @ A)),
            ("p a NumPy integer", lambda: power(A, np.int64(2)), near(A @ A)),
            ("singular, p = -1", lambda: power(0 * A, -1), nothing_finite),
            ("small and lost, p = 0.5", lambda: power(np.diag(np.float32([1e6, 8e6 * UNIT])), 0.5), near(large_root)),
            ("zero, p = 0.5", lambda: power(0 * A, 0.5), near(0 * A)),
        ),
    ]
    for p in (2, -1, 0, 0.5):
        rows += square_rows("linalg.matrix_power", partial(power, p=p)) + kinds(
            "linalg.matrix_power", partial(power, p=p)
        )
    return rows


def forms() -> list[Row]:
    components, axes = linalg.spectral_components, linalg.quadric_axes
    rounded = np.float32([[1, 1], [1 + 12 * UNIT, 1]])
    nearly_flat = np.diag(np.float32([1e6, 8e6 * UNIT]))
    return [
        *square_rows("linalg.spectral_components", components),
        *kinds("linalg.spectral_components", components, [[2, 1], [1, 0]]),
        *table(
            "linalg.spectral_components",
            ("not symmetric", lambda: components(A), nothing_finite),
            ("zero", lambda: components(0 * A), near(np.zeros((3, 3, 3)))),
            ("small and not symmetric", lambda: components(1e-6 * np.float32([[1, 2], [2.001, 3]])), nothing_finite),
            ("symmetric up to rounding", lambda: components(rounded).sum(axis=0), near(rounded)),
        ),
        *square_rows("linalg.quadric_axes", axes),
        *kinds("linalg.quadric_axes", axes, [[2, 1], [1, 0]]),
        *table(
            "linalg.quadric_axes",
            ("c a vector", lambda: axes(A, U), (ValueError, "c to be one number")),
            ("c NaN", lambda: axes(A, np.nan), nothing_finite),
            ("c infinite", lambda: axes(A, np.inf), nothing_finite),
            ("c = 0", lambda: axes(A, 0)[::2], equal(np.zeros((2, 3)))),
            ("flat up to rounding", lambda: axes(nearly_flat).signs, equal([1, 0])),
            ("zero", lambda: axes(0 * A)[::2], equal([[np.inf] * 3, [0] * 3])),
        ),
    ]


ROWS = [*rotations(), *systems(), *factors(), *eigenvalues(), *forms()]

ROWS += [
    *table(
        "linalg.pseudo_inverse",
        ("rcond below 0", lambda: linalg.pseudo_inverse(A, rcond=-0.1), (ValueError, r"rcond must be in .* got -0.1")),
        ("rcond below 0, an array", lambda: linalg.pseudo_inverse(A, rcond=np.array(-0.1)), nothing_finite),
    ),
]
