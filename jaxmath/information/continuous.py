"""Divergences of continuous distributions of numbers and of vectors of proportions."""

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath.distributions import special
from jaxmath.information import bregman


def normal(p: Any, q: Any) -> Array:
    r"""$\frac12 (z^2 + t^2) + t - \log (1 + t)$ with $z = (\mu_p - \mu_q) / \sigma_q$, $t = (\sigma_p - \sigma_q) /
    \sigma_q$."""
    shift, spread = (p.loc - q.loc) / q.scale, (p.scale - q.scale) / q.scale
    return (shift**2 + spread**2) / 2 + bregman.of_minus_log(spread, p.scale / q.scale)


def laplace(p: Any, q: Any) -> Array:
    r"""$r (e^{-s} - 1 + s) + r - 1 - \log r$ with $s = |\mu_p - \mu_q| / b_p$ and $r = b_p / b_q$."""
    shift, ratio = (p.loc - q.loc) / p.scale, p.scale / q.scale
    distance = jnp.where(shift < 0, -shift, shift)  # for its second derivative at 0
    return ratio * bregman.of_exp(-distance) + bregman.of_minus_log((p.scale - q.scale) / q.scale, ratio)


def uniform(p: Any, q: Any) -> Array:
    """The logarithm of the ratio of the lengths; infinite unless the support is inside the other one."""
    inside = (q.low <= p.low) & (p.high <= q.high)
    more = jnp.where(inside, (p.low - q.low) + (q.high - p.high), 0)
    return jnp.where(inside, special.log1p_ratio(more, p.high - p.low), jnp.inf)


def uniform_normal(p: Any, q: Any) -> Array:
    """The expectation of half a square, and logarithms."""
    length = p.high - p.low
    centre, width = (p.low - q.loc + length / 2) / q.scale, length / q.scale
    return (centre**2 + width**2 / 12 + math.log(2 * math.pi)) / 2 - jnp.log(width)


def infinite(p: Any, q: Any) -> Array:
    """Of a distribution without bounds from one with bounds."""
    return jnp.full((), jnp.inf, q.low.dtype)


def exponential(p: Any, q: Any) -> Array:
    r"""$r - 1 - \log r$ with $r = \lambda_q / \lambda_p$."""
    return bregman.of_minus_log((q.rate - p.rate) / p.rate, q.rate / p.rate)


def gamma(p: Any, q: Any) -> Array:
    """Of concentrations and rates."""
    return gamma_form(p.concentration, p.rate, q.concentration, q.rate)


def inverse_gamma(p: Any, q: Any) -> Array:
    """That of the gamma distributions of the inverse."""
    return gamma_form(p.concentration, p.scale, q.concentration, q.scale)


def exponential_gamma(p: Any, q: Any) -> Array:
    """An exponential distribution is a gamma distribution of concentration 1."""
    return gamma_form(jnp.ones_like(p.rate), p.rate, q.concentration, q.rate)


def gamma_exponential(p: Any, q: Any) -> Array:
    """The divergence of a gamma distribution from an exponential one."""
    return gamma_form(p.concentration, p.rate, jnp.ones_like(q.rate), q.rate)


def gamma_form(
    p_concentration: Float[Array, "..."],
    p_rate: Float[Array, "..."],
    q_concentration: Float[Array, "..."],
    q_rate: Float[Array, "..."],
) -> Float[Array, "..."]:
    r"""$a_q (r - 1 - \log r)$ with the ratio r of the means $a / b$, and the divergence of gamma distributions of one
    mean."""
    difference, rates = q_concentration - p_concentration, q_rate / p_rate
    t = (q_rate - p_rate) / p_rate - difference / q_concentration * rates
    means = bregman.of_minus_log(t, p_concentration / q_concentration * rates)
    concentrations = bregman.of_log_gamma_less_x_log_x(q_concentration, p_concentration, difference)
    return q_concentration * means + concentrations


def pareto(p: Any, q: Any) -> Array:
    r"""$r - 1 - \log r + a_q \log (s_p / s_q)$ with $r = a_q / a_p$; infinite for $s_p < s_q$."""
    inside, difference = p.scale >= q.scale, q.concentration - p.concentration
    shapes = bregman.of_minus_log(difference / p.concentration, q.concentration / p.concentration)
    scales = special.log1p_ratio(jnp.where(inside, p.scale - q.scale, 0), q.scale)
    return jnp.where(inside, shapes + q.concentration * scales, jnp.inf)


def beta(p: Any, q: Any) -> Array:
    """The Dirichlet distribution of two proportions."""
    both = (jnp.stack(jnp.broadcast_arrays(d.a, d.b), axis=-1) for d in (p, q))
    return dirichlet_form(*both)


def dirichlet(p: Any, q: Any) -> Array:
    """Of concentrations."""
    return dirichlet_form(p.concentration, q.concentration)


def dirichlet_form(p: Float[Array, "... k"], q: Float[Array, "... k"]) -> Float[Array, "..."]:
    r"""$n_q \sum_j m_j^q \log (m_j^q / m_j^p) + \sum_j f(a_j^q, a_j^p) - f(n_q, n_p)$ with the sums n and the means m,
    where f is the divergence of gamma distributions of one mean."""
    difference, weights = _with_sum(q - p), jnp.append(jnp.ones(p.shape[-1], p.dtype), -1)
    p, q = _with_sum(p), _with_sum(q)
    apart = (difference - p / p[..., -1:] * difference[..., -1:]) / q[..., -1:]
    means = bregman.of_x_log_x(q / q[..., -1:], p / p[..., -1:], apart)
    parts = bregman.of_log_gamma_less_x_log_x(q, p, difference)
    return jnp.sum(q[..., -1:] * means + weights * parts, axis=-1)


def _with_sum(a: Array) -> Array:
    return jnp.concatenate([a, a.sum(axis=-1, keepdims=True)], axis=-1)


def normal_gamma(p: Any, q: Any) -> Array:
    """Of the precisions, and of the means: normal with a precision in proportion."""
    return gamma(p, q) + _means(p, q, p.concentration / p.rate)


def normal_inverse_gamma(p: Any, q: Any) -> Array:
    """Of the variances, and of the means."""
    return inverse_gamma(p, q) + _means(p, q, p.concentration / p.scale)


def _means(p: Any, q: Any, expected_precision: Array) -> Array:
    return (q.precision_scale * expected_precision * (p.loc - q.loc) ** 2 + precision_scales(p, q)) / 2


def precision_scales(p: Any, q: Any) -> Float[Array, "..."]:
    """Twice the divergence of normal distributions of one mean, of the precisions alone."""
    difference = q.precision_scale - p.precision_scale
    return bregman.of_minus_log(difference / p.precision_scale, q.precision_scale / p.precision_scale)
