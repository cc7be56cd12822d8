"""Sections 2.7 and 2.12: linear systems, least squares, singular values."""

import jax.numpy as jnp
import numpy as np

from jaxmath import linalg
from jaxmath.crosscheck.draws import fixed, normal, regular
from jaxmath.crosscheck.references import linalg as reference
from jaxmath.crosscheck.registry import case
from jaxmath.data.synthetic import CAT_FEELS, CAT_SEES

_CAT_BRAIN, _THREAT = np.array(CAT_SEES), np.array(CAT_FEELS)

# 2.7 and 2.12: linear systems

for d in (1, 2, 3, 4, 6):
    case(
        f"2.7 inverse, d = {d}",
        linalg.inverse,
        lambda a: (np.linalg.solve(a, np.eye(len(a))), reference.condition(a)),
        inputs=regular(d),
        covers=("linalg.inverse",),
    )
    case(
        f"2.7 determinant, d = {d}",
        linalg.determinant,
        reference.determinant,
        inputs=regular(d),
        covers=("linalg.determinant",),
    )
    case(
        f"2.12 solution, d = {d}",
        linalg.solve,
        lambda a, b: (np.linalg.solve(a, b), reference.condition(a)),
        inputs=regular(d, d),
        covers=("linalg.solve",),
    )
case(
    "2.12 solutions, two right-hand sides",
    linalg.solve,
    lambda a, b: (np.linalg.solve(a, b), reference.condition(a)),
    inputs=regular(3, (3, 2)),
    covers=("linalg.solve",),
)
case(
    "2.12 small pivots",
    lambda a, b: (linalg.solve(a, b), linalg.determinant(a)),
    lambda a, b: (np.linalg.solve(a, b), reference.condition(a), reference.determinant(a)),
    inputs=fixed([[2.0**-40, 2.0, 3.0], [1.0, 1.0, 1.0], [1.0, 1.0 + 2.0**-20, -2.0]], [1.0, 2.0, -1.0]),
    covers=("linalg.solve", "linalg.determinant"),
)
case(
    "2.7 singular matrices",
    lambda *matrices: [(linalg.inverse(a), linalg.solve(a, jnp.ones(len(a), a.dtype))) for a in matrices],
    lambda *matrices: [(np.full(a.shape, np.nan), np.inf, np.full(len(a), np.nan), np.inf) for a in matrices],
    inputs=fixed(
        [[1, 1], [2, 2]],
        np.ones((3, 3)),
        np.zeros((2, 2)),
        [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
        np.arange(16).reshape(4, 4),
    ),
    covers=("linalg.inverse", "linalg.solve"),
    not_differentiable="a singular matrix has no inverse",
)
for a in (
    [[1, 1], [2, 2]],
    [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
    [[2, 0, 1, 1], [0, 2, 1, 1], [2, 2, 2, 2], [1, 3, 0, 5]],
):
    case(
        f"2.7 determinant of a singular matrix, d = {len(a)}",
        linalg.determinant,
        lambda a: 0.0,
        inputs=fixed(a),
        covers=("linalg.determinant",),
    )
for shape in ((7, 3), (3, 5), (4, 4)):
    case(
        f"2.12.5 pseudo inverse, {shape[0]} x {shape[1]}",
        linalg.pseudo_inverse,
        lambda a: reference.least_squares(a, np.eye(len(a)))[0],
        inputs=normal(shape),
        covers=("linalg.pseudo_inverse",),
    )
case(
    "2.12.5 pseudo inverse of a matrix of rank 1",
    linalg.pseudo_inverse,
    np.linalg.pinv,
    inputs=fixed([[1, 2, 3], [2, 4, 6]]),
    covers=("linalg.pseudo_inverse",),
    not_differentiable="the rank changes nearby",
)
case(
    "2.12.5 pseudo inverse with a cutoff",
    lambda a: linalg.pseudo_inverse(a, rcond=0.5),
    lambda a: np.linalg.pinv(a, rcond=0.5),
    inputs=regular(4),
    covers=("linalg.pseudo_inverse",),
    not_differentiable="more than rounding is cut off: the derivative is NaN",
)
for method in ("svd", "qr", "normal"):
    for shape, b_shape in (((7, 3), (7,)), ((6, 4), (6, 2))):
        case(
            f"2.12.5 least squares by {method}, {shape[0]} x {shape[1]}, right-hand side {b_shape}",
            lambda a, b, method=method: linalg.lstsq(a, b, method=method),
            reference.least_squares,
            inputs=lambda rng, shape=shape, b_shape=b_shape: (
                np.linalg.qr(rng.normal(size=(9, 9)))[0][: shape[0], : shape[1]] + 0.1 * rng.normal(size=shape),
                rng.normal(size=b_shape),
            ),
            covers=("linalg.lstsq",),
        )
    case(
        f"4.4.4 shortest solution by {method}",
        lambda a, b, method=method: linalg.lstsq(a, b, method=method).solution,
        lambda a, b: reference.least_squares(a, b)[0],
        inputs=lambda rng: (np.eye(3, 5) + 0.2 * rng.normal(size=(3, 5)), rng.normal(size=3)),
        covers=("linalg.lstsq",),
    )
    case(
        f"2.12.5 cat-brain by {method}",
        lambda x, y, method=method: linalg.lstsq(
            jnp.concatenate([x, jnp.ones_like(x[:, :1])], axis=1), y, method=method
        ),
        lambda x, y: reference.least_squares(np.concatenate([x, np.ones((15, 1))], axis=1), y),
        inputs=fixed(_CAT_BRAIN, _THREAT),
        covers=("linalg.lstsq",),
    )
for method in ("svd", "normal"):
    case(
        f"4.4.4 least squares of rank 2 by {method}",
        lambda a, b, method=method: linalg.lstsq(a, b, method=method),
        reference.deficient_least_squares,
        inputs=fixed([[1, 2, 3], [2, 0, 2], [0, 1, 1], [1, -1, 0]], [1, 2, 4, 8]),
        covers=("linalg.lstsq",),
        not_differentiable="the rank changes nearby",
    )
case(
    "4.4.4 least squares of rank 2 by qr",
    lambda a, b: linalg.lstsq(a, b, method="qr"),
    lambda a, b: (np.full(3, np.nan), np.nan, 2),
    inputs=fixed([[1, 2, 3], [2, 0, 2], [0, 1, 1], [1, -1, 0]], [1, 2, 4, 8]),
    covers=("linalg.lstsq",),
    not_differentiable="there is no answer",
)

# 2.7, 2.12 and 4.4: singular values

case(
    "2.12 rank",
    lambda *matrices: [linalg.rank(a) for a in matrices],
    lambda *matrices: [np.linalg.matrix_rank(a) for a in matrices],
    inputs=fixed(
        [[1, 1], [2, 2]], [[1, 2, 3], [2, 0, 2]], np.zeros((2, 3)), [[1, 2, 3], [2, 0, 2], [0, 1, 1], [1, -1, 0]]
    ),
    covers=("linalg.rank",),
    not_differentiable="a rank is a whole number",
)
case(
    "2.12 condition number",
    linalg.condition_number,
    lambda a: np.sqrt(np.linalg.cond(a.T @ a)),
    inputs=normal((6, 3)),
    covers=("linalg.condition_number",),
)
case(
    "2.12 condition number of a singular matrix",
    lambda *matrices: [linalg.condition_number(a) for a in matrices],
    lambda *matrices: [np.inf for _ in matrices],
    inputs=fixed([[1, 1], [2, 2]], np.zeros((2, 3)), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
    covers=("linalg.condition_number",),
    not_differentiable="it is infinite",
)
for shape in ((2, 5), (1, 2)):
    case(
        f"2.12 null space, {shape[0]} x {shape[1]}",
        lambda a: (lambda n: (n.basis @ n.basis.T, n.mask))(linalg.null_space(a)),
        lambda a: (reference.null_projector(a), np.arange(a.shape[1]) >= len(a)),
        inputs=normal(shape),
        covers=("linalg.null_space",),
    )
case(
    "2.12 null space of one dimension",
    linalg.null_space,
    lambda a: (
        np.stack([0 * a[0], 0 * a[0], reference.with_sign(np.cross(*a)) / np.linalg.norm(np.cross(*a))], axis=1),
        np.array([False, False, True]),
    ),
    inputs=normal((2, 3)),
    covers=("linalg.null_space",),
)
case(
    "2.12 null space of tall matrices",
    lambda a, b: (linalg.null_space(a), (lambda n: (n.basis @ n.basis.T, n.mask))(linalg.null_space(b))),
    lambda a, b: (
        np.zeros((2, 2)),
        np.zeros(2, bool),
        np.outer([1, 1, -1], [1, 1, -1]) / 3,
        np.array([False, False, True]),
    ),
    inputs=fixed([[1, 2], [3, 4], [5, 7]], [[1, 2, 3], [2, 0, 2], [0, 1, 1], [1, -1, 0]]),
    covers=("linalg.null_space",),
    not_differentiable="the rank changes nearby",
)
for k in (1, 3):
    case(
        f"4.4 nearest matrix of rank {k}",
        lambda a, k=k: linalg.low_rank(a, k),
        lambda a, k=k: reference.low_rank(a, k),
        inputs=lambda rng: (rng.normal(size=(4, 6)) * 2.0 ** -np.arange(6),),
        covers=("linalg.low_rank",),
    )
case(
    "4.4 a matrix of its own rank",
    lambda a: linalg.low_rank(a, 2),
    lambda a: (a, 0.0),
    inputs=normal((2, 3)),
    covers=("linalg.low_rank",),
)
