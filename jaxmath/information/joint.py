"""Measures of the joint probabilities of two variables."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath.information import bregman
from jaxmath.information.tables import along_last, as_base, as_tables, in_units


def mutual_information(joint: Num[ArrayLike, "... n m"], *, base: ArrayLike | None = None) -> Float[Array, "..."]:
    r"""The mutual information $\sum_{ij} p_{ij} \log \frac{p_{ij}}{p_{i \cdot}\, p_{\cdot j}}$, with the marginals
    $p_{i \cdot} = \sum_j p_{ij}$ and $p_{\cdot j} = \sum_i p_{ij}$.

    Args:
      joint: joint probabilities, shape (..., n, m): one variable along the rows, the other along the last axis.
      base: of the logarithm, above 1, such as 2 for bits; None for nats.

    Returns:
      $H(X) + H(Y) - H(X, Y)$, shape (...); 0 if and only if the variables are independent.

    Raises:
      TypeError: for complex or non-numeric input, or a distribution.
      ValueError: if there are fewer than two axes, or one is empty, or ``base`` is not above 1.

    Note:
      The product of the marginals is divided by the sum of all, which is 1 but for rounding. A negative, infinite or
      NaN entry makes its result NaN.

    Example:
      >>> print(mutual_information(jnp.array([[0.5, 0.0], [0.0, 0.5]]), base=2))
      1.0

    Reference: Bishop (2006), section 1.6.1.
    """
    name = "information.mutual_information"
    p, dtype = _as_joint(name, joint)
    return _mutual_information(p, as_base(name, base)).astype(dtype)


@partial(jax.jit, inline=True)
def _mutual_information(p: Array, base: Array | None) -> Array:
    p, valid = along_last(-1, p)
    rows, columns = p.sum(axis=-1, keepdims=True), p.sum(axis=-2, keepdims=True)
    total = rows.sum(axis=-2, keepdims=True)
    product = rows * (columns / jnp.where(total > 0, total, 1))
    value = bregman.of_x_log_x(p, product, p - product).sum(axis=(-2, -1))
    return in_units(jnp.where(valid.all(axis=-1), value, jnp.nan), base)


def conditional_entropy(joint: Num[ArrayLike, "... n m"], *, base: ArrayLike | None = None) -> Float[Array, "..."]:
    r"""The entropy $H(Y \mid X) = -\sum_{ij} p_{ij} \log \frac{p_{ij}}{\sum_k p_{ik}}$ of Y, given X.

    Args:
      joint: joint probabilities, shape (..., n, m): X along the rows (axis -2), Y along the last axis.
      base: of the logarithm, above 1, such as 2 for bits; None for nats.

    Returns:
      $H(X, Y) - H(X)$, shape (...).

    Raises:
      As :func:`mutual_information` does.

    Note:
      Probabilities are not normalised. A negative, infinite or NaN entry makes its result NaN.

    Example:
      >>> print(conditional_entropy(jnp.array([[0.5, 0.0], [0.25, 0.25]]), base=2))
      0.5

    Reference: Bishop (2006), section 1.6.
    """
    name = "information.conditional_entropy"
    p, dtype = _as_joint(name, joint)
    return _conditional_entropy(p, as_base(name, base)).astype(dtype)


@partial(jax.jit, inline=True)
def _conditional_entropy(p: Array, base: Array | None) -> Array:
    p, valid = along_last(-1, p)
    given, some = p.sum(axis=-1, keepdims=True), p > 0
    terms = p * jnp.log(jnp.where(some, given, 1) / jnp.where(some, p, 1))
    return in_units(jnp.where(valid.all(axis=-1), terms.sum(axis=(-2, -1)), jnp.nan), base)


def _as_joint(name: str, joint: Any) -> tuple[Array, jnp.dtype]:
    (p,), dtype = as_tables(name, -1, joint)
    if p.ndim < 2:
        raise ValueError(f"{name}: expected joint probabilities of shape (..., n, m), got {p.shape}")
    if not p.shape[-2]:
        raise ValueError(f"{name}: expected at least one row and one column, got shape {p.shape}")
    return p, dtype
