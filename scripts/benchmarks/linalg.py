"""Ten thousand small problems at once, against NumPy's batched calls.

NumPy's decompositions compute in float64 also what they get in float32, which shows in their errors.
"""

from functools import partial

import numpy as np

from benchmarks.workload import Workload, compiled, worst_error

_MANY = 10_000


def _matrices(rng, rows, columns):
    return (
        rng.standard_normal((_MANY, rows, columns), dtype=np.float32) + 2 * np.eye(rows, columns, dtype=np.float32),
    )


def _symmetric(rng, d):
    (a,) = _matrices(rng, d, d)
    return ((a + a.transpose(0, 2, 1)) / 2,)


def _systems(rng):
    return (*_matrices(rng, 8, 3), rng.standard_normal((_MANY, 8), dtype=np.float32))


def _turns(rng):
    return rng.standard_normal(_MANY, dtype=np.float32), rng.standard_normal((_MANY, 3), dtype=np.float32)


def _under_vmap(name, field):
    """A set-up of the library's function over the first axis of its inputs; of its result one field."""

    def ours(*inputs):
        import jax

        from jaxmath import linalg

        def one(*arguments):
            result = getattr(linalg, name)(*arguments)
            return getattr(result, field) if field else result

        return compiled(jax.vmap(one), *inputs)

    return ours


def _numpy_axes(a):
    values, _ = np.linalg.eigh(a)
    return np.sqrt(np.abs(1 / values[:, ::-1]))


def _numpy_lstsq(a, b):
    """NumPy has no batched least squares; its batched pseudo-inverse is what one writes."""
    return (np.linalg.pinv(a) @ b[..., None])[..., 0]


def _numpy_rotation(theta, axis):
    k = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    cross = np.zeros((len(k), 3, 3), k.dtype)
    cross[:, [2, 0, 1], [1, 2, 0]] = k
    cross[:, [1, 2, 0], [2, 0, 1]] = -k
    cos, sin = np.cos(theta)[:, None, None], np.sin(theta)[:, None, None]
    return cos * np.eye(3, dtype=k.dtype) + sin * cross + (1 - cos) * k[:, :, None] * k[:, None, :]


def _error_over_condition(result, exact):
    """Of the inverse of each matrix over its size and its condition: rounding alone makes that about eps."""
    error = np.abs(result - exact).max(axis=(1, 2)) / np.abs(exact).max(axis=(1, 2))
    return float(np.max(error / np.linalg.cond(exact)))


def _error_of_eigenvalues(result, exact):
    """Of the eigenvalues that the half-axes belong to, over the largest of each matrix: axes may be infinite."""
    values, exact = (1 / np.asarray(lengths, float) ** 2 for lengths in (result, exact))
    return float(np.max(np.abs(values - exact).max(axis=1) / exact.max(axis=1)))


def _against_numpy(inputs, ours, numpy_call, goal, error=worst_error):
    return Workload("NumPy", inputs, ours, lambda *a: lambda: numpy_call(*a), numpy_call, goal, error)


WORKLOADS = {
    "inverse 3 x 3": _against_numpy(
        partial(_matrices, rows=3, columns=3),
        _under_vmap("inverse", "inverse"),
        np.linalg.inv,
        3.0,
        _error_over_condition,
    ),
    "axes of a symmetric 3 x 3": _against_numpy(
        partial(_symmetric, d=3), _under_vmap("quadric_axes", "lengths"), _numpy_axes, 3.0, _error_of_eigenvalues
    ),
    "axes of a symmetric 4 x 4": _against_numpy(
        partial(_symmetric, d=4), _under_vmap("quadric_axes", "lengths"), _numpy_axes, 1.0, _error_of_eigenvalues
    ),
    "least squares 8 x 3, svd": _against_numpy(_systems, _under_vmap("lstsq", "solution"), _numpy_lstsq, 1.0),
    "rotation from axis and angle": _against_numpy(_turns, _under_vmap("rotation_3d", ""), _numpy_rotation, 3.0),
}
