r"""Ratios of normalising constants, in forms in which large numbers do not cancel."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath.distributions import special


def log_gamma_step(a: Float[Array, "..."], h: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$\log \Gamma(a + h) - \log \Gamma(a)$ for $a > 0$, $h \ge 0$."""
    t = h / a
    errors = special.stirling_error(a + h) - special.stirling_error(a)
    return h * jnp.log(a) + a * special.log1p_minus(t) + (h - 0.5) * jnp.log1p(t) + errors


def gamma_evidence(
    a: Float[Array, "..."], b: Float[Array, "..."], h: Float[Array, "..."], e: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$\log \int \lambda^h e^{-\lambda e}\, \mathrm{Gamma}(\lambda \mid a, b)\, d\lambda
    = \log \frac{\Gamma(a + h)}{\Gamma(a)} \frac{b^a}{(b + e)^{a + h}}$.

    With $t = h / a$, $v = e / b$ and the error s of Stirling's formula it is $h (\log \frac ab - 1) + (a + h) \log
    \frac{1 + t}{1 + v} - \frac12 \log(1 + t) + s(a + h) - s(a)$.
    """
    t, v = h / a, e / b
    errors = special.stirling_error(a + h) - special.stirling_error(a)
    growth = (a + h) * jnp.log1p((t - v) / (1 + v))
    return h * (jnp.log(a) - jnp.log(b) - 1) + growth - jnp.log1p(t) / 2 + errors


def dirichlet_evidence(counts: Float[Array, "*#b k"], a: Float[Array, "*#b k"]) -> Float[Array, "*b"]:
    r"""$\log \int \prod_j p_j^{k_j}\, \mathrm{Dirichlet}(p \mid a)\, dp = \log \frac{\Gamma(A)}{\Gamma(A + n)} \prod_j
    \frac{\Gamma(a_j + k_j)}{\Gamma(a_j)}$ for real $k_j \ge 0$, with $A = \sum_j a_j$, $n = \sum_j k_j$.

    With $t_j = k_j / a_j$, $t = n / A$ and the error s of Stirling's formula it is $\sum_j \left( k_j \log \frac{a_j}A
    + (a_j + k_j) \log \frac{1 + t_j}{1 + t} + e_j \right) - e$ with $e_j = s(a_j + k_j) - s(a_j) - \frac12 \log(1 +
    t_j)$.
    """
    counts, a = jnp.broadcast_arrays(counts, a)
    h, c = (jnp.concatenate([u, u.sum(axis=-1, keepdims=True)], axis=-1) for u in (counts, a))
    t = h / c
    whole = t[..., -1:]
    terms = h * jnp.log(c / c[..., -1:]) + (c + h) * jnp.log1p((t - whole) / (1 + whole))  # 0 of the whole
    errors = special.stirling_error(jnp.stack([c + h, c]))
    rest = errors[0] - errors[1] - jnp.log1p(t) / 2
    return jnp.sum(terms + rest, axis=-1) - 2 * rest[..., -1]


def log_coefficient(counts: Float[Array, "*b k"]) -> Float[Array, "*b"]:
    r"""$\log \frac{\Gamma(n + 1)}{\prod_j \Gamma(k_j + 1)}$ with $n = \sum_j k_j$, for real $k_j \ge 0$.

    $= \sum_j \left( k_j \log \frac n{k_j} - \frac12 \log 2 \pi k_j - s(k_j) \right) + \frac12 \log 2 \pi n + s(n)$
    with the error s of Stirling's formula.
    """
    all_counts = jnp.concatenate([counts, counts.sum(axis=-1, keepdims=True)], axis=-1)
    some = all_counts > 0
    k = jnp.where(some, all_counts, 1)
    errors = jnp.where(some, jnp.log(2 * math.pi * k) / 2 + special.stirling_error(k), 0)
    shares = jnp.where(some, k * jnp.log(k / k[..., -1:]), 0)
    return errors[..., -1] - jnp.sum(errors[..., :-1] + shares[..., :-1], axis=-1)
