"""Surfaces from towers: a network of steps that is written down, not trained."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float
from jaxmath.neural.parameters import Layer


def tower_network(f: Callable[[Any], Any], edges: Sequence[Num[ArrayLike, " _"]]) -> list[Layer]:
    r"""A network of steps that follows a surface: one tower on each cell of a grid, as high as f in its middle.

    Evaluate it by ``mlp(params, x, activation=heaviside)[:, 0]``. Its layers, for cells
    $[p_i, p_{i+1}) \times [q_j, q_{j+1})$ and the step h with $h(0) = 1$:

    1. a step at every edge, $s_i = h(x_0 - p_i)$ and $t_j = h(x_1 - q_j)$;
    2. a tower on every cell, $h(s_i - s_{i+1} + t_j - t_{j+1} - 1.5)$: a difference is 1 between its edges and 0
       elsewhere, and only inside the cell are both 1;
    3. the sum of the towers times their heights, $f$ at the centers of the cells.

    A tower on its own is often drawn with two flipped steps, $h(p_{i+1} - x_0) + h(q_{j+1} - x_1)$, and the threshold
    3.5 for four steps that are all 1. With $1 - s_{i+1}$ for the flipped step, which differs at the edge alone,
    neighbours share their steps, and the cells tile the rectangle: every point is in one cell, on edges too.

    If f is Lipschitz with constant K, the error in the rectangle is at most K times half the diagonal of a cell.

    Args:
      f: a function of points, shape ``(k, 2)``, that returns heights, shape ``(k,)``.
      edges: those of the cells along the first and along the second axis, increasing, two or more each.

    Returns:
      A list of three (weights, bias), for a network of 2 inputs and 1 output. With $m_0 \times m_1$ cells the second
      layer has $m_0 m_1 (m_0 + m_1 + 2)$ weights.

    Raises:
      TypeError: if f is no function; for complex or non-numeric edges or heights.
      ValueError: if the edges are not two arrays ``(m + 1,)`` with m at least 1, or f does not return ``(k,)``.

    Note:
      Outside of the rectangle, and on its upper edges, the network is 0. Where the edges do not increase, or a height
      is NaN or infinite, all heights become NaN. A NaN or an infinity in a row of x makes its output NaN.

    Example:
      >>> from jaxmath.neural import heaviside, mlp
      >>> params = tower_network(lambda p: p[:, 0] + p[:, 1], (jnp.array([0.0, 1.0, 2.0]), jnp.array([0.0, 2.0])))
      >>> print(mlp(params, jnp.array([[0.2, 0.2], [1.0, 1.9], [2.0, 1.0]]), activation=heaviside)[:, 0])
      [1.5 2.5 0. ]

    Reference: section 7.4.3; Cybenko (1989).
    """
    name = "neural.tower_network"
    p, q = _edges(name, edges)
    return _layers(p, q, _heights(name, f, _centers(p, q)))


@jax.jit
def _centers(p: Float[Array, " _"], q: Float[Array, " _"]) -> Float[Array, "k 2"]:
    """The centers of the cells, those along the second axis first."""
    middles = jnp.meshgrid((p[:-1] + p[1:]) / 2, (q[:-1] + q[1:]) / 2, indexing="ij")
    return jnp.stack(middles, axis=-1).reshape(-1, 2)


@jax.jit
def _layers(p: Float[Array, " _"], q: Float[Array, " _"], heights: Float[Array, " k"]) -> list[Layer]:
    """The network whose towers have these heights."""
    valid = (jnp.diff(p) > 0).all() & (jnp.diff(q) > 0).all() & jnp.isfinite(heights).all()
    dtype = p.dtype
    steps = jnp.array([[1, 0]] * len(p) + [[0, 1]] * len(q), dtype)
    across_p, across_q = (_steps_of_cells(len(e) - 1, dtype) for e in (p, q))
    towers = jnp.concatenate(
        [jnp.repeat(across_p, len(across_q), axis=0), jnp.tile(across_q, (len(across_p), 1))], axis=1
    )
    return [
        (steps, -jnp.concatenate([p, q])),
        (towers, jnp.full(len(towers), -1.5, dtype)),
        (jnp.where(valid, heights, jnp.nan)[None].astype(dtype), jnp.zeros(1, dtype)),
    ]


def _edges(name: str, edges: Any) -> tuple[Float[Array, " _"], Float[Array, " _"]]:
    if not isinstance(edges, list | tuple) or len(edges) != 2:
        raise ValueError(f"{name}: expected edges along two axes, got {type(edges).__name__}")
    p, q = (as_float(name, e) for e in edges)
    if p.ndim != 1 or q.ndim != 1 or min(len(p), len(q)) < 2:
        raise ValueError(f"{name}: expected two or more edges along each axis, got shapes {p.shape} and {q.shape}")
    dtype = jnp.promote_types(p.dtype, q.dtype)
    return p.astype(dtype), q.astype(dtype)


def _heights(name: str, f: Callable[[Any], Any], points: Float[Array, "k 2"]) -> Float[Array, " k"]:
    if not callable(f):
        raise TypeError(f"{name}: expected a function, got {f!r}")
    heights = as_float(name, f(points))
    if heights.shape != points.shape[:1]:
        raise ValueError(f"{name}: expected f to return shape {points.shape[:1]}, got {heights.shape}")
    return heights


def _steps_of_cells(num_cells: int, dtype: Any) -> Float[Array, "m m+1"]:
    """What each cell does with the steps along an axis: plus the one at its lower edge, minus the one at its upper."""
    return jnp.eye(num_cells, num_cells + 1, dtype=dtype) - jnp.eye(num_cells, num_cells + 1, k=1, dtype=dtype)
