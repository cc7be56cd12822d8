"""The divergences of Jensen-Shannon and Renyi, and what measures of tables of probabilities share."""

import operator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, in_range, real, unmasked
from jaxmath.distributions import Distribution
from jaxmath.information import bregman


def jensen_shannon(
    p: Num[ArrayLike, "..."], q: Num[ArrayLike, "..."], axis: int = -1, *, base: ArrayLike | None = None
) -> Float[Array, "..."]:
    r"""The Jensen-Shannon divergence $\frac12 \sum_j (p_j \log \frac{p_j}{m_j} + q_j \log \frac{q_j}{m_j})$.

    With $m = \frac12 (p + q)$. It is symmetric and between 0 and $\log 2$; its square root is a distance.

    Args:
      p: probabilities along the axis.
      q: probabilities, as many along the axis; the other axes broadcast.
      axis: the axis, static.
      base: of the logarithm, above 1, such as 2 for bits; None for nats.

    Returns:
      Divergences, without that axis.

    Raises:
      TypeError: for complex or non-numeric input, or a distribution.
      ValueError: if the shapes do not fit, or ``base`` is not above 1.

    Note:
      Probabilities are not normalised. A negative, infinite or NaN entry makes its divergence NaN.

    Example:
      >>> print(jensen_shannon(jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]), base=2))
      1.0

    Reference: Lin (1991).
    """
    name = "information.jensen_shannon"
    (p, q), dtype = as_tables(name, axis, p, q)
    return _jensen_shannon(p, q, as_base(name, base), axis).astype(dtype)


@partial(jax.jit, static_argnames="axis", inline=True)
def _jensen_shannon(p: Array, q: Array, base: Array | None, axis: int) -> Array:
    r"""$\sum_j \frac{m_j}{2} \left( (1 + t) \log (1 + t) + (1 - t) \log (1 - t) \right)$ with $t = (p - q) / 2 m$."""
    p, q, valid = along_last(axis, p, q)
    total = jnp.where(p + q > 0, p + q, 1)
    t, one = (p - q) / total, jnp.ones_like(total)
    both = bregman.of_x_log_x(2 * p / total, one, t) + bregman.of_x_log_x(2 * q / total, one, -t)
    return in_units(jnp.where(valid, jnp.sum(total / 4 * both, axis=-1), jnp.nan), base)


def renyi(
    p: Num[ArrayLike, "..."],
    q: Num[ArrayLike, "..."],
    alpha: ArrayLike,
    axis: int = -1,
    *,
    base: ArrayLike | None = None,
) -> Float[Array, "..."]:
    r"""The Renyi divergence $\frac{1}{\alpha - 1} \log \sum_j p_j^\alpha q_j^{1 - \alpha}$ of order $\alpha$.

    Order 1 is its limit, the divergence of Kullback and Leibler; order 0 is $-\log \sum_{p_j > 0} q_j$, the infinite
    order $\log \max_j p_j / q_j$. It does not decrease with the order.

    Args:
      p: probabilities along the axis, the truth.
      q: probabilities, as many along the axis; the other axes broadcast.
      alpha: the order, in [0, inf]; out of range in an array it gives NaN.
      axis: the axis, static.
      base: of the logarithm, above 1, such as 2 for bits; None for nats.

    Returns:
      Divergences, without that axis; infinite where p and q have nothing in common, and where $\alpha \ge 1$ and
      something possible has probability 0 in q.

    Raises:
      TypeError: for complex or non-numeric input, or a distribution.
      ValueError: if the shapes do not fit, or a number is out of range.

    Note:
      The sum is divided by that of p, which is 1 but for rounding. A negative, infinite or NaN entry makes its
      divergence NaN.

    Example:
      >>> p, q = jnp.array([0.5, 0.5]), jnp.array([0.25, 0.75])
      >>> print([f"{renyi(p, q, alpha):.4f}" for alpha in (0, 1, 2, jnp.inf)])
      ['0.0000', '0.1438', '0.2877', '0.6931']

    Reference: Renyi (1961); van Erven and Harremoes (2014).
    """
    name = "information.renyi"
    (p, q), dtype = as_tables(name, axis, p, q)
    alpha = in_range(name, "alpha", alpha, "[0, inf]")
    return _renyi(p, q, alpha, as_base(name, base), axis).astype(dtype)


@partial(jax.jit, static_argnames="axis", inline=True)
def _renyi(p: Array, q: Array, alpha: Array, base: Array | None, axis: int) -> Array:
    r"""With $r_j = \log (p_j / q_j)$ and $\epsilon = \alpha - 1$ it is $\frac 1 \epsilon \log \left( 1 + \epsilon
    \frac{\sum_j p_j r_j + \epsilon \sum_j p_j r_j^2 g(\epsilon r_j)}{\sum_j p_j} \right)$ where g(t) is
    $(e^t - 1 - t) / t^2$, for small $\epsilon r_j$; otherwise by the logarithm of a sum of exponentials.
    """
    p, q, valid = along_last(axis, p, q)
    excess = alpha.astype(p.dtype) - 1
    finite, some = excess < jnp.inf, p > 0
    common, impossible = some & (q > 0), (some & (q == 0)).any(axis=-1)
    log_ratio = jnp.where(common, _log_ratio(jnp.where(common, p, 1), jnp.where(common, q, 1)), 0)
    order, total = jnp.where(finite, excess, 1), jnp.where(some.any(axis=-1), p.sum(axis=-1), 1)
    near = (jnp.abs(order * log_ratio) < 0.5).all(axis=-1) & ~impossible
    first = jnp.where(near, kl_terms(p, q), 0) / total
    squares = p * log_ratio**2 * bregman.exp_remainder(jnp.where(near[..., None], order * log_ratio, 0))
    mean = jnp.where(near, first + order * squares.sum(axis=-1) / total, 0)
    logarithms = jnp.where(common, jnp.log(jnp.where(common, p, 1)) + order * log_ratio, -jnp.inf)
    apart = (jax.nn.logsumexp(logarithms, axis=-1) - jnp.log(total)) / jnp.where(near | (order == 0), 1, order)
    largest = jnp.max(jnp.where(common, log_ratio, -jnp.inf), axis=-1)
    value = jnp.where(near, mean * bregman.log1p_quotient(order * mean), apart)
    value = jnp.where(impossible & (excess >= 0), jnp.inf, jnp.where(finite, value, largest))
    return in_units(jnp.where(valid & ~jnp.isnan(alpha), value, jnp.nan), base)


def _log_ratio(p: Array, q: Array) -> Array:
    near = jnp.abs(p - q) < 0.3 * q
    return jnp.where(near, jnp.log1p(jnp.where(near, p - q, 0) / q), jnp.log(p / q))


def kl_terms(p: Float[Array, "... k"], q: Float[Array, "... k"]) -> Float[Array, "..."]:
    r"""$\sum_j p_j \log (p_j / q_j)$: terms that are not negative, and $\sum_j (p_j - q_j)$ by itself."""
    return bregman.of_x_log_x(p, q, p - q).sum(axis=-1) + jnp.sum(p - q, axis=-1)


def as_tables(name: str, axis: int, *given: Any) -> tuple[tuple[Array, ...], jnp.dtype]:
    """Tables of probabilities with as many entries along the axis, and the type of the result."""
    for table in given:
        if isinstance(table, Distribution):
            raise TypeError(f"{name}: expected tables of probabilities, got a {type(table).__name__}")
    found = [real(name, unmasked(name, "probabilities", table)) for table in given]
    kept = [jax.dtypes.canonicalize_dtype(a.dtype) for a in found if jnp.issubdtype(a.dtype, jnp.floating)]
    dtype = jnp.result_type(*kept or [jax.dtypes.canonicalize_dtype(float)])
    tables = [as_float(name, table, jnp.promote_types(dtype, jnp.float32)) for table in found]
    for table in tables:
        _check_axis(name, axis, table)
    sizes, shapes = {table.shape[axis] for table in tables}, " and ".join(str(table.shape) for table in tables)
    try:
        np.broadcast_shapes(*(np.delete(table.shape, axis) for table in tables))
    except ValueError:
        sizes = set()
    if len(sizes) != 1:
        raise ValueError(f"{name}: expected as many along axis {axis}, other axes that broadcast, got {shapes}")
    computed = jnp.promote_types(dtype, jnp.float32)
    return tuple(table.astype(computed) for table in tables), dtype


def _check_axis(name: str, axis: Any, table: Array) -> None:
    if isinstance(axis, Tracer):
        raise TypeError(f"{name}: axis must be static; close over it: jax.jit(lambda p: {name}(p, ...))")
    try:
        axis = operator.index(axis)
    except TypeError:
        raise TypeError(f"{name}: axis must be an integer, got {axis!r}") from None
    if not table.ndim:
        raise ValueError(f"{name}: expected probabilities along an axis, got shape ()")
    if not -table.ndim <= axis < table.ndim:
        raise ValueError(f"{name}: axis must be in {-table.ndim}..{table.ndim - 1}, got {axis}")
    if not table.shape[axis]:
        raise ValueError(f"{name}: expected at least one entry along axis {axis}, got shape {table.shape}")


def as_base(name: str, base: Any) -> Array | None:
    """The base of a logarithm; None for the natural one."""
    return None if base is None else in_range(name, "base", base, "(1, inf)")


def along_last(axis: int, *tables: Array) -> tuple[Any, ...]:
    """Tables with that axis last, 0 for what is no probability; and the rows in which everything is one."""
    moved = [jnp.moveaxis(table, axis, -1) for table in tables]
    entries = [(table >= 0) & (table < jnp.inf) for table in moved]
    valid: Any = jnp.ones((), bool)
    for holds in entries:
        valid &= holds.all(axis=-1)
    return *(jnp.where(holds, table, 0) for holds, table in zip(entries, moved, strict=True)), valid


def in_units(value: Float[Array, "..."], base: Float[Array, ""] | None) -> Float[Array, "..."]:
    """Nats in the unit of a base."""
    return value if base is None else value / jnp.log(base).astype(value.dtype)
