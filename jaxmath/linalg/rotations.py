"""Angles between vectors; rotations of the plane and of space."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, as_scalar, as_square, narrow, one_of, product, root, wide
from jaxmath._spectral import fix_signs

_AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


class AxisAngle(NamedTuple):
    r"""A rotation of space: its axis, a unit vector, and its angle in $[0, \pi]$, in radians."""

    axis: Float[Array, "3"]
    angle: Float[Array, ""]


def angle(u: Num[ArrayLike, " d"], v: Num[ArrayLike, " d"]) -> Float[Array, ""]:
    r"""The angle between two vectors, in radians, from 0 to $\pi$.

    With unit vectors $\hat u$ and $\hat v$ it is

    $$\theta = 2 \operatorname{atan2}(\| \hat u - \hat v \|, \| \hat u + \hat v \|),$$

    which keeps the digits near 0 and $\pi$ that the inverse cosine loses.

    Args:
      u: a vector, shape ``(d,)``.
      v: a vector of the same shape.

    Returns:
      The angle.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the two are not vectors of one shape, or empty.

    Note:
      A vector of length 0, a NaN and an infinity give NaN. Where the vectors are parallel the angle has no derivative;
      0 is returned.

    Example:
      >>> print(angle(jnp.array([1.0, 0.0]), jnp.array([0.0, 2.0])) / jnp.pi)
      0.5

    Reference: section 2.14; Kahan (2006), "How futile are mindless assessments of roundoff", section 12.
    """
    u, v = _two_vectors("linalg.angle", u, v)
    return _angle(u, v)


def cosine_similarity(u: Num[ArrayLike, " d"], v: Num[ArrayLike, " d"]) -> Float[Array, ""]:
    r"""The cosine of the angle between two vectors, $\frac{u^T v}{\|u\| \|v\|}$.

    Args:
      u: a vector, shape ``(d,)``.
      v: a vector of the same shape.

    Returns:
      A number from -1 to 1, up to rounding.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the two are not vectors of one shape, or empty.

    Note:
      A vector of length 0, a NaN and an infinity give NaN.

    Example:
      >>> print(cosine_similarity(jnp.array([1.0, 0.0]), jnp.array([0.0, 2.0])))
      0.0

    Reference: sections 2.5 and 4.5.
    """
    u, v = _two_vectors("linalg.cosine_similarity", u, v)
    return _cosine_similarity(u, v)


def rotation_2d(theta: Num[ArrayLike, ""]) -> Float[Array, "2 2"]:
    r"""The rotation of the plane by an angle, counterclockwise.

    $$R = \begin{pmatrix} \cos\theta & -\sin\theta \\ \sin\theta & \cos\theta \end{pmatrix}$$

    Args:
      theta: the angle in radians.

    Returns:
      R, shape ``(2, 2)``; ``R @ x`` is the rotated vector.

    Raises:
      TypeError: for a complex or non-numeric angle.
      ValueError: if the angle is not one number.

    Note:
      A NaN or infinite angle makes every entry NaN.

    Example:
      >>> print(rotation_2d(jnp.pi / 6) @ jnp.array([2.0, 0.0]))
      [1.7320508 1.       ]

    Reference: section 2.14.
    """
    return _rotation_2d(as_scalar("linalg.rotation_2d", "theta", theta))


def rotation_3d(theta: Num[ArrayLike, ""], axis: str | Num[ArrayLike, "3"]) -> Float[Array, "3 3"]:
    r"""The rotation of space by an angle about an axis, counterclockwise when the axis points to the viewer.

    With the unit axis $k$ and the matrix $K$ of the cross product, $K x = k \times x$ (Rodrigues):

    $$R = \cos\theta \, I + \sin\theta \, K + (1 - \cos\theta) \, k k^T.$$

    Args:
      theta: the angle in radians.
      axis: ``"x"``, ``"y"``, ``"z"``, or a vector of shape ``(3,)`` and any length but 0.

    Returns:
      R, shape ``(3, 3)``; ``R @ x`` is the rotated vector.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the angle is not one number, or the axis is neither a name nor of shape ``(3,)``.

    Note:
      An axis of length 0, a NaN and an infinity make every entry NaN.

    Example:
      >>> print(jnp.round(rotation_3d(jnp.pi / 2, "z") @ jnp.array([1.0, 0.0, 0.0]), 4) + 0.0)
      [0. 1. 0.]

    Reference: section 2.14.
    """
    name = "linalg.rotation_3d"
    turn = as_scalar(name, "theta", theta)
    if isinstance(axis, str):
        axis = np.array(_AXES[one_of(name, "axis", axis, tuple(_AXES))], turn.dtype)
    direction = as_float(name, axis)
    if direction.shape != (3,):
        raise ValueError(f"{name}: expected an axis of shape (3,), got {direction.shape}")
    dtype = direction.dtype if isinstance(theta, int | float) else jnp.promote_types(turn.dtype, direction.dtype)
    return _rotation_3d(turn, direction, dtype)


def rotation_axis_angle(r: Num[ArrayLike, "3 3"]) -> AxisAngle:
    r"""The axis and the angle of a rotation of space.

    With $q = (\cos\frac\theta2, k \sin\frac\theta2)$ all entries of $4 q q^T$ are sums of entries of $R$. Its longest
    row is a multiple of $q$, to full precision at every angle.

    Args:
      r: a rotation, shape ``(3, 3)``.

    Returns:
      The unit axis and the angle in $[0, \pi]$: :func:`rotation_3d` of the two is ``r``.

    Raises:
      TypeError: for a complex or non-numeric matrix.
      ValueError: if its shape is not ``(3, 3)``.

    Note:
      At angle 0, where any axis will do, it is z. At $\pi$, where two will, the first entry of about the largest size
      is positive. A matrix that differs from every rotation by 0.01 or more in an entry gives NaN, and so do a
      reflection, a NaN and an infinity. At angle 0 there is no derivative; 0 is returned.

    Example:
      >>> print(jnp.round(rotation_axis_angle(rotation_3d(0.5, "y")).axis, 4) + 0.0)
      [0. 1. 0.]

    Reference: section 2.14; Shepperd (1978) for the choice of the row.
    """
    r = as_square("linalg.rotation_axis_angle", r)
    if r.shape != (3, 3):
        raise ValueError(f"linalg.rotation_axis_angle: expected shape (3, 3), got {r.shape}")
    return _axis_angle(r)


@jax.jit
def _angle(u: Array, v: Array) -> Array:
    p, q = _unit(wide(u)), _unit(wide(v))
    return (2 * jnp.arctan2(_length(p - q), _length(p + q))).astype(u.dtype)


@jax.jit
def _cosine_similarity(u: Array, v: Array) -> Array:
    return product(_unit(wide(u)), _unit(wide(v))).astype(u.dtype)


@jax.jit
def _rotation_2d(theta: Array) -> Array:
    cos, sin = jnp.cos(theta), jnp.sin(theta)
    return jnp.stack([cos, -sin, sin, cos]).reshape(2, 2)


@functools.partial(jax.jit, static_argnames="dtype")
def _rotation_3d(theta: Array, axis: Array, dtype: Any) -> Array:
    return _rodrigues(wide(theta.astype(dtype)), _unit_axis(wide(axis.astype(dtype)))).astype(dtype)


@jax.jit
def _axis_angle(r: Array) -> AxisAngle:
    q = _quaternion(wide(r))
    part, length = q[1:], _length(q[1:])
    still = length == 0
    axis = jnp.where(still, jnp.array(_AXES["z"], q.dtype), part / jnp.where(still, 1, length))
    axis = jnp.where(q[0] == 0, fix_signs(axis[:, None])[:, 0], axis)
    theta = 2 * jnp.arctan2(length, q[0])
    is_rotation = (jnp.abs(_rodrigues(theta, axis) - r) < 0.01).all()
    return narrow(AxisAngle(*(jnp.where(is_rotation, x, jnp.nan) for x in (axis, theta))), r.dtype)


def _rodrigues(theta: Array, k: Array) -> Array:
    cos, sin = jnp.cos(theta), jnp.sin(theta)
    eye = jnp.eye(3, dtype=k.dtype)
    return cos * eye + sin * jnp.cross(eye, k) + (1 - cos) * k[:, None] * k


def _quaternion(r: Array) -> Array:
    """A multiple of the quaternion (w, x, y, z) of a rotation, with w >= 0."""
    (a, b, c), (d, e, f), (g, h, i) = r
    rows = [
        [1 + a + e + i, h - f, c - g, d - b],
        [h - f, 1 + a - e - i, b + d, c + g],
        [c - g, b + d, 1 - a + e - i, f + h],
        [d - b, c + g, f + h, 1 - a - e + i],
    ]
    squares = jnp.stack([jnp.stack(row) for row in rows])
    q = squares[jnp.argmax(jnp.diagonal(squares))]
    return jnp.where(q[0] < 0, -q, q)


def _unit(v: Array) -> Array:
    """A vector over its length, which neither overflows nor underflows on the way; NaN for a vector of zeros."""
    v = v / jnp.abs(v).max()
    return v / _length(v)


def _unit_axis(v: Array) -> Array:
    """As :func:`_unit` for three entries, one by one: under ``vmap`` that takes half the time of reductions."""
    v = v / functools.reduce(jnp.maximum, jnp.abs(v))
    x, y, z = v
    return v / jnp.sqrt(x * x + y * y + z * z)


def _length(v: Array) -> Array:
    """The Euclidean length, with gradient 0 at 0."""
    return root(jnp.sum(v * v))


def _two_vectors(name: str, u: ArrayLike, v: ArrayLike) -> tuple[Array, Array]:
    u, v = as_float(name, u), as_float(name, v)
    if u.ndim != 1 or u.shape != v.shape or u.size == 0:
        hint = "; more vectors go through jax.vmap" if u.ndim > 1 else ""
        raise ValueError(f"{name}: expected two vectors of one shape (d,), got {u.shape} and {v.shape}{hint}")
    dtype = jnp.promote_types(u.dtype, v.dtype)
    return u.astype(dtype), v.astype(dtype)
