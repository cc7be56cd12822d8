"""Chapter 2: angles, rotations, eigenvalues, quadrics. Linear systems are in ch02_systems.py."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import linalg
from jaxmath.crosscheck.draws import fixed, normal, regular, similar, with_eigenvalues
from jaxmath.crosscheck.references import linalg as reference
from jaxmath.crosscheck.registry import case

_NO_TPU = {"platforms": ("cpu", "cuda"), "platforms_reason": "XLA has no eig on TPU; a callback to the host serves it"}
_POWERS = (0, 1, 2, 5, -1, -3)
_TURNS = (
    (0.4, [1, -1, 1]),
    (-1.3, [1, 2, 1]),
    (3.0, [3, 1, -1]),
    (2.9, [1, -3, 1]),
    (3.1, [1, 1, 3]),
    (-3, [2, 1, -3]),
)


def _rotation_near(rng, theta, axis):
    return reference.rotation_3d(theta, np.array(axis) + 0.2 * rng.normal(size=3))


def _not_quite_symmetric(rng, d):
    noise = np.triu(np.full((d, d), 0.2), 1)
    return with_eigenvalues(*np.linspace(-1.5, 3, d))(rng)[0] + noise - noise.T


def _symmetric(a):
    return (a + a.T) / 2


def _sorted_eig(a):
    values, vectors = linalg.eig(a)
    order = jnp.argsort(-(values.real + 0.3 * values.imag))
    return values[order], vectors[:, order]


def _sorted_diagonalization(a):
    vectors, values, inverse, condition = linalg.diagonalize(a)
    order = jnp.argsort(-(values.real + 0.3 * values.imag))
    return vectors[:, order], values[order], inverse[order], condition


# 2.5 and 2.14: angles


for d in (2, 5):
    case(f"2.14 angle, d = {d}", linalg.angle, reference.angle, inputs=normal(d, d), covers=("linalg.angle",))
case(
    "2.14 angle of nearly parallel vectors",
    linalg.angle,
    reference.angle,
    inputs=fixed([3.0, 4.0, 0.0], [3.0, 4.0, 2.0**-17]),
    covers=("linalg.angle",),
    float32=2e-2,
    reason="the angle is 25 times the rounding of a unit vector",
    not_differentiable="a step of the differences is larger than the angle",
)
case(
    "2.14 angle at 0 and pi",
    lambda u: (linalg.angle(u, 2 * u), linalg.angle(u, -u), jax.grad(linalg.angle)(u, u)),
    lambda u: (0.0, np.pi, np.zeros(3)),
    inputs=fixed([0.5, 2.0, 1.0]),
    covers=("linalg.angle",),
    not_differentiable="the angle has a corner at parallel vectors; what is returned there is 0",
)
case(
    "2.14 angle of very long and short vectors",
    lambda u, v: (linalg.angle(1e30 * u, 1e-30 * v), linalg.angle(u, 0 * v)),
    lambda u, v: (reference.angle(u, v), np.nan),
    inputs=normal(3, 3),
    covers=("linalg.angle",),
    not_differentiable="checked at vectors of ordinary length; that of a vector of length 0 is NaN",
)
case(
    "2.5 cosine similarity",
    linalg.cosine_similarity,
    reference.cosine_similarity,
    inputs=normal(4, 4),
    covers=("linalg.cosine_similarity",),
)

# 2.13 and 2.15: eigenvalues

for name, block in {
    "real, d = 2": [[2, 1], [0, -1]],
    "complex, d = 3": [[1, -2, 0], [2, 1, 0], [0, 0, 3]],
    "two pairs, d = 5": [[1, -2, 0, 0, 0], [2, 1, 0, 0, 0], [0, 0, -1, 1, 0], [0, 0, -1, -1, 0], [0, 0, 0, 0, 3]],
}.items():
    case(
        f"2.13 eigenvalues and eigenvectors, {name}",
        _sorted_eig,
        reference.eig,
        inputs=similar(block),
        covers=("linalg.eig",),
        **_NO_TPU,
    )
    case(
        f"2.15 diagonalization, {name}",
        _sorted_diagonalization,
        reference.diagonalization,
        inputs=similar(block),
        covers=("linalg.diagonalize",),
        float32=1e-4,
        reason="the inverse of the eigenvectors multiplies rounding by their condition",
        **_NO_TPU,
    )
case(
    "2.13 eigenvectors whose largest entries are nearly equal",
    _sorted_eig,
    reference.eig,
    inputs=fixed([[0.0, -0.9999], [1 / 0.9999, 0.0]]),
    covers=("linalg.eig",),
    **_NO_TPU,
)
case(
    "2.15 defective matrices",
    lambda *matrices: [linalg.diagonalize(a)[2:] for a in matrices],
    lambda *matrices: [(np.full(a.shape, np.nan), np.inf) for a in matrices],
    inputs=fixed([[1, 1], [0, 1]], [[2, 1, 0], [0, 2, 1], [0, 0, 2]], [[3, 1, 0], [-1, 1, 0], [1, 2, 5]]),
    covers=("linalg.diagonalize",),
    not_differentiable="a defective matrix has no such factors",
    **_NO_TPU,
)
for d in (2, 3, 4):
    case(
        f"2.15 whole matrix powers, d = {d}",
        lambda a: [linalg.matrix_power(a, p) for p in _POWERS],
        lambda a: [reference.whole_power(a, p) for p in _POWERS],
        inputs=regular(d),
        covers=("linalg.matrix_power",),
    )
for p in (0.5, -0.5, 2.5):
    for name, block in {"real": [[2, 1], [0, 0.5]], "complex": [[1, -2, 0], [2, 1, 0], [0, 0, 3]]}.items():
        case(
            f"2.15 matrix power {p}, {name} eigenvalues",
            lambda a, p=p: linalg.matrix_power(a, p),
            lambda a, p=p: reference.fractional_power(a, p),
            inputs=similar(block),
            covers=("linalg.matrix_power",),
            float32=1e-4,
            reason="the eigenvectors multiply rounding by their condition",
            **_NO_TPU,
        )
case(
    "2.15 square root at equal eigenvalues",
    lambda a: linalg.matrix_power(a, 0.5),
    lambda a: reference.fractional_power(a, 0.5),
    inputs=with_eigenvalues(2e6, 2e6, 1e6, 1e6),
    covers=("linalg.matrix_power",),
    float32=1e-4,
    reason="rounding chooses among the eigenvectors of equal eigenvalues, not always well apart ones",
    **_NO_TPU,
)
case(
    "2.15 fractional powers at eigenvalue 0 and where there are none",
    lambda *m: (
        linalg.matrix_power(m[0], 1.5),
        *(linalg.matrix_power(a, 0.5) for a in m[:4]),
        linalg.matrix_power(m[0], -0.5),
        jax.jvp(lambda a: linalg.matrix_power(a, 1.5), (m[0],), (m[4],))[1],
    ),
    lambda *m: (
        m[0] * np.sqrt(2),
        m[0] / np.sqrt(2),
        *(np.full(a.shape, np.nan) for a in m[1:4]),
        np.full((2, 2), np.nan),
        np.array([[7, 3], [3, -1]]) / np.sqrt(32),
    ),
    inputs=fixed([[1, 1], [1, 1]], [[-1, 0], [0, 2]], [[0, 1], [0, 0]], [[-3, 0], [0, -3]], [[1, 0], [0, 0]]),
    covers=("linalg.matrix_power",),
    not_differentiable="the power has no derivative at eigenvalue 0",
    **_NO_TPU,
)

# 2.14: rotations

case(
    "2.14 rotation of the plane",
    linalg.rotation_2d,
    reference.rotation_2d,
    inputs=normal(()),
    covers=("linalg.rotation_2d",),
)
for axis, vector in {"x": [1, 0, 0], "y": [0, 1, 0], "z": [0, 0, 1]}.items():
    case(
        f"2.14 rotation about {axis}",
        lambda theta, axis=axis: linalg.rotation_3d(theta, axis),
        lambda theta, vector=vector: reference.rotation_3d(theta, vector),
        inputs=normal(()),
        covers=("linalg.rotation_3d",),
    )
case(
    "2.14 rotation about any axis",
    linalg.rotation_3d,
    reference.rotation_3d,
    inputs=lambda rng: (rng.normal(), 3 * rng.normal(size=3)),
    covers=("linalg.rotation_3d",),
)
case(
    "2.14 axis and angle",
    jax.vmap(linalg.rotation_axis_angle),
    lambda r: tuple(np.stack(part) for part in zip(*map(reference.axis_angle, r), strict=True)),
    inputs=lambda rng: (np.stack([_rotation_near(rng, *turn) for turn in _TURNS]),),
    covers=("linalg.rotation_axis_angle",),
)
case(
    "2.14 axis and angle at 0 and pi",
    lambda *r: [linalg.rotation_axis_angle(a) for a in r],
    lambda *r: [
        (np.array([0, 0, 1]), 0.0),
        (np.array([0, 1, 0]), np.pi),
        (np.array([-3, 4, 0]) / 5, np.pi),
        (np.array([4059, -4060, 0]) / 5741, np.pi),
        (np.full(3, np.nan), np.nan),
        (np.full(3, np.nan), np.nan),
        (np.full(3, np.nan), np.nan),
    ],
    inputs=fixed(
        np.eye(3),
        np.diag([-1, 1, -1]),
        np.array([[-7, -24, 0], [-24, 7, 0], [0, 0, -25]]) / 25,
        2 * np.outer([-4059, 4060, 0], [-4059, 4060, 0]) / 5741**2 - np.eye(3),
        np.diag([1, 1, -1]),
        2 * np.eye(3),
        1.02 * np.eye(3),
    ),
    covers=("linalg.rotation_axis_angle",),
    not_differentiable="the angle has a corner at 0, and the axis jumps at pi",
)

# 2.16 and 2.17: symmetric matrices

for d in (1, 2, 3, 5):
    case(
        f"2.16 spectral components, d = {d}",
        lambda a: linalg.spectral_components(_symmetric(a)),
        lambda a: reference.spectral_components(_symmetric(a)),
        inputs=with_eigenvalues(*np.linspace(-1.5, 3, d)),
        covers=("linalg.spectral_components",),
    )
    case(
        f"2.17 quadric, d = {d}",
        linalg.quadric_axes,
        reference.quadric_axes,
        inputs=lambda rng, d=d: (_not_quite_symmetric(rng, d), np.array(-2.5 if d == 3 else 1.7)),
        covers=("linalg.quadric_axes",),
    )
case(
    "2.16 spectral components of equal eigenvalues",
    lambda a: linalg.spectral_components(_symmetric(a))[:2].sum(axis=0),
    lambda a: a - reference.spectral_components_of_smallest(_symmetric(a)),
    inputs=with_eigenvalues(3e6, 3e6, 1e6),
    covers=("linalg.spectral_components",),
)
case(
    "2.16 spectral components of a matrix that is not symmetric",
    linalg.spectral_components,
    lambda a: np.full((2, 2, 2), np.nan),
    inputs=fixed([[1.0, 2.0], [2.001, 3.0]]),
    covers=("linalg.spectral_components",),
    not_differentiable="there are none",
)
case(
    "2.17 quadric, c = 1",
    linalg.quadric_axes,
    lambda a: reference.quadric_axes(a, 1.0),
    inputs=with_eigenvalues(0.5, 2.0, 3.0),
    covers=("linalg.quadric_axes",),
)
case(
    "2.17 cylinder",
    linalg.quadric_axes,
    lambda a, c: (
        np.array([np.sqrt(c / 5), np.inf]),
        np.array([[1, 2], [2, -1]]).T / np.sqrt(5),
        np.array([1, 0]),
    ),
    inputs=fixed([[1, 2], [2, 4]], 3.0),
    covers=("linalg.quadric_axes",),
    not_differentiable="a flat direction has infinite length",
)
