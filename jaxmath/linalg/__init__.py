"""Vectors, matrices, linear systems, eigenvalues and rotations.

Every function takes one vector or one matrix; more at once go through ``jax.vmap``.
"""

from jaxmath.linalg.factors import LowRank, NullSpace, condition_number, low_rank, null_space, rank
from jaxmath.linalg.forms import Quadric, quadric_axes, spectral_components
from jaxmath.linalg.rotations import (
    AxisAngle,
    angle,
    cosine_similarity,
    rotation_2d,
    rotation_3d,
    rotation_axis_angle,
)
from jaxmath.linalg.spectra import Diagonalization, Eigen, diagonalize, eig, matrix_power
from jaxmath.linalg.systems import Inverse, LeastSquares, Solution, determinant, inverse, lstsq, pseudo_inverse, solve

__all__ = [
    "AxisAngle",
    "Diagonalization",
    "Eigen",
    "Inverse",
    "LeastSquares",
    "LowRank",
    "NullSpace",
    "Quadric",
    "Solution",
    "angle",
    "condition_number",
    "cosine_similarity",
    "determinant",
    "diagonalize",
    "eig",
    "inverse",
    "low_rank",
    "lstsq",
    "matrix_power",
    "null_space",
    "pseudo_inverse",
    "quadric_axes",
    "rank",
    "rotation_2d",
    "rotation_3d",
    "rotation_axis_angle",
    "solve",
    "spectral_components",
]
