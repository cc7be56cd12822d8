"""Divergences of distributions with a covariance matrix, or of matrices."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath._array import product
from jaxmath._core import gaussian
from jaxmath.distributions.constraints import cholesky
from jaxmath.distributions.wishart import solve
from jaxmath.information import bregman
from jaxmath.information.continuous import precision_scales


def multivariate_normal(p: Any, q: Any) -> Array:
    """Of the covariances, and half the squared distance of the means; by what both are given by."""
    by, shift = _given_by(p, q), p.loc - q.loc
    if by == "precision":
        whitened = product(shift[..., None, :], cholesky(q.precision))[..., 0, :]
        return covariances(q.precision, p.precision) + jnp.sum(whitened**2, axis=-1) / 2
    between = covariances(p.covariance, q.covariance) if by == "covariance" else _factors(p.scale_tril, q.scale_tril)
    return between + jnp.sum(gaussian.whiten(q.scale_tril, shift) ** 2, axis=-1) / 2


def _given_by(p: Any, q: Any) -> str:
    return next((by for by in ("covariance", "precision") if {vars(p)[by] is None, vars(q)[by] is None} == {False}), "")


def covariances(
    a: Float[Array, "*#b d d"],
    b: Float[Array, "*#b d d"],
    ratio: Float[Array, "*#b"] | float = 1.0,
    excess: Float[Array, "*#b"] | float = 0.0,
) -> Float[Array, "*b"]:
    r"""$\frac12 \left( \mathrm{tr}\, S - d - \log |S| \right)$ with $S = r^2 B^{-1} A$.

    The factor of $1 + F$ with $F = L_B^{-1} (A - B) L_B^{-T}$ is $1 + N$, $N = L_B^{-1} (L_A - L_B)$. Where A and B are
    close that difference has few digits, and a step of Newton's method for $N + N^T + N N^T = F$ gives the others.

    Args:
      a: A.
      b: B.
      ratio: r.
      excess: r - 1.
    """
    p, q = cholesky(a), cholesky(b)
    change = solve(q, p - q)
    return _factors(p, q, ratio, excess, change + jax.lax.stop_gradient(_correction(a - b, q, change)))


def _correction(difference: Array, q: Array, change: Array) -> Array:
    whole = solve(q, jnp.matrix_transpose(solve(q, difference)))
    left = (whole + whole.mT) / 2 - change - change.mT - product(change, change.mT)
    half = jnp.tril(jnp.ones_like(left)) - jnp.eye(left.shape[-1], dtype=left.dtype) / 2
    return jnp.where(jnp.sum(whole**2, axis=(-2, -1), keepdims=True) < 0.01, half * left, 0)


def _factors(p: Array, q: Array, ratio: Any = 1.0, excess: Any = 0.0, change: Any = None) -> Array:
    r"""By lower factors, $\frac12 \| M \|^2 + \sum_i (M_{ii} - \log (1 + M_{ii}))$ with $M = r N + r - 1$."""
    change = solve(q, jnp.tril(p - q)) if change is None else change
    ratio, excess = jnp.asarray(ratio, p.dtype), jnp.asarray(excess, p.dtype)
    change = ratio[..., None, None] * change + excess[..., None, None] * jnp.eye(p.shape[-1], dtype=p.dtype)
    diagonals = jnp.diagonal(p, axis1=-2, axis2=-1) / jnp.diagonal(q, axis1=-2, axis2=-1)
    logarithms = bregman.of_minus_log(jnp.diagonal(change, axis1=-2, axis2=-1), ratio[..., None] * diagonals)
    return jnp.sum(change**2, axis=(-2, -1)) / 2 + logarithms.sum(axis=-1)


def wishart(p: Any, q: Any) -> Array:
    """Of the means, which are df times the scales, and of df."""
    return q.df * covariances(p.scale, q.scale, *_ratio(p.df, q.df)) + _of_df(p, q)


def inverse_wishart(p: Any, q: Any) -> Array:
    """That of the Wishart distributions of the inverse."""
    return q.df * covariances(q.scale, p.scale, *_ratio(p.df, q.df)) + _of_df(p, q)


def normal_wishart(p: Any, q: Any) -> Array:
    """Of the precisions, and of the means: normal with a precision in proportion."""
    shift = product((p.loc - q.loc)[..., None, :], cholesky(p.scale))[..., 0, :]
    expected_square = q.precision_scale * p.df * jnp.sum(shift**2, axis=-1)
    return wishart(p, q) + (expected_square + p.num_rows * precision_scales(p, q)) / 2


def _ratio(p: Array, q: Array) -> tuple[Array, Array]:
    r"""$\sqrt{p / q}$, and what it exceeds 1 by."""
    root = jnp.sqrt(p / q)
    return root, (p - q) / q / (1 + root)


def _of_df(p: Any, q: Any) -> Array:
    r"""$\sum_i f(\frac{n_q - i}{2}, \frac{n_p - i}{2}) + \frac12 \sum_i (g(n_q - i, n_p - i) - g(n_q, n_p))$.

    g is the Bregman divergence of $x \log x$, and f that of $\log \Gamma$ less g.
    """
    y, x, rows = q.df[..., None], p.df[..., None], jnp.arange(p.num_rows, dtype=p.df.dtype)
    shapes = bregman.of_log_gamma_less_x_log_x((y - rows) / 2, (x - rows) / 2, (y - x) / 2)
    return jnp.sum(shapes + bregman.of_x_log_x_shifted(y, x, y - x, rows) / 2, axis=-1)
