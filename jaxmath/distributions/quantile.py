"""Quantiles where there is no formula: by bisection, with the derivative of the inverse function."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

# What F(x) of whole numbers may lack of p, in units of the rounding of log p.
_ROUNDING = 16


def quantile(d: Any, p: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The least x with $F(x) \ge p$, for p in [0, 1] and a distribution in one type of float32 or wider.

    For whole numbers to within the rounding of F, so that the quantile of F(k) is k and a median of 1/2 is one.
    The support is halved until nothing lies between the ends: as many times as a number has bits, for it is halved in
    the order of all floating numbers. The derivative is that of the inverse of F, $\dot x = (\dot p - \partial_\theta
    F\, \dot \theta) / F'(x)$, and 0 for whole numbers.
    """
    leaves, structure = jax.tree.flatten(d)
    return _quantile(structure, p, *leaves)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _quantile(structure: Any, p: Array, *leaves: Array) -> Array:
    d = jax.tree.unflatten(structure, leaves)
    shape = jnp.broadcast_shapes(p.shape, d.batch_shape)
    low, high = (jnp.broadcast_to(jnp.asarray(end, p.dtype), shape) for end in d._bounds())

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        below, above = ends
        middle = (below & above) + ((below ^ above) >> 1)
        reached = _reaches(d, _from_ordinal(middle, p.dtype), p)
        return jnp.where(reached, below, middle), jnp.where(reached, middle, above)

    num_bits = jnp.finfo(p.dtype).bits
    _, above = jax.lax.fori_loop(0, num_bits, halve, (_to_ordinal(low), _to_ordinal(high)))
    x = jnp.where(p == 1, high, _from_ordinal(above, p.dtype))
    return jnp.where((p == 0) | _reaches(d, low, p), low, x)


@_quantile.defjvp
def _quantile_jvp(structure: Any, primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    p, *leaves = primals
    x = _quantile(structure, p, *leaves)
    d = jax.tree.unflatten(structure, leaves)
    if d.discrete:
        return x, jnp.zeros_like(x)
    low, high = d._bounds()
    inner = (x > low) & (x < high)
    at = jnp.where(inner, x, d._point())  # its own derivative is what second derivatives of x are made of

    def cdf(*leaves: Array) -> Array:
        return jax.tree.unflatten(structure, leaves)._cdf(at)

    _, change = jax.jvp(cdf, tuple(leaves), tuple(tangents[1:]))
    slope = jnp.exp(d._log_prob(at))
    return x, jnp.where(inner, (tangents[0] - change) / slope, 0)


def _reaches(d: Any, x: Array, p: Array) -> Array:
    r"""Whether $F(x) \ge p$; above the median by the survival function, which keeps its digits there.

    For whole numbers by F alone, which has $F(x) \ge p$ where it is smaller by its rounding, $\propto -p \log p$.
    """
    low, high = d._bounds()
    inside = (x >= low) & (x < high)
    at = jnp.where(inside, jnp.floor(x) if d.discrete else x, d._point())
    if d.discrete:
        reached = d._cdf(at) >= p - _ROUNDING * jnp.finfo(p.dtype).eps * jax.scipy.special.entr(p)
    else:
        reached = jnp.where(p < 0.5, d._cdf(at) >= p, d._survival(at) <= 1 - p)
    return jnp.where(inside, reached, x >= high)


def _to_ordinal(x: Float[Array, "..."]) -> Int[Array, "..."]:
    """Integers in the order of floating numbers."""
    bits = jax.lax.bitcast_convert_type(x, jnp.dtype(f"int{jnp.finfo(x.dtype).bits}"))
    return jnp.where(bits < 0, ~bits ^ jnp.iinfo(bits.dtype).min, bits)


def _from_ordinal(order: Int[Array, "..."], dtype: Any) -> Float[Array, "..."]:
    least = jnp.iinfo(order.dtype).min
    return jax.lax.bitcast_convert_type(jnp.where(order < 0, ~(order ^ least), order), dtype)
