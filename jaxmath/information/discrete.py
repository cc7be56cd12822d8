"""Divergences of discrete distributions."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath.information.bregman import of_exp, of_x_log_x


def poisson(p: Any, q: Any) -> Array:
    r"""$\lambda_p \log (\lambda_p / \lambda_q) + \lambda_q - \lambda_p$."""
    return of_x_log_x(p.rate, q.rate, p.rate - q.rate)


def bernoulli(p: Any, q: Any) -> Array:
    """By the probabilities, or by logits where they are given of one of both."""
    if _by_probs(p, q):
        return _two_probs(p.probs, q.probs)
    return logits_form(_two_logits(p.logits), _two_logits(q.logits))


def categorical(p: Any, q: Any) -> Array:
    """By the probabilities, or by logits where they are given of one of both."""
    return _probs(p.probs, q.probs) if _by_probs(p, q) else logits_form(p.logits, q.logits)


def binomial(p: Any, q: Any) -> Array:
    """n times that of one trial."""
    equal, fewer = p.total_count == q.total_count, (p.total_count > q.total_count) & (p.probs > 0)
    value = _times(p.total_count, _two_probs(p.probs, q.probs))
    return jnp.where(equal, value, jnp.where(fewer, jnp.inf, jnp.nan))


def multinomial(p: Any, q: Any) -> Array:
    """n times that of one trial; other counts have nothing in common."""
    return jnp.where(p.total_count == q.total_count, _times(p.total_count, _probs(p.probs, q.probs)), jnp.inf)


def negative_binomial(p: Any, q: Any) -> Array:
    """That of one trial, times the expected number of trials."""
    return jnp.where(p.r == q.r, p.r / p.probs * _two_probs(p.probs, q.probs), jnp.nan)


def _by_probs(p: Any, q: Any) -> bool:
    return vars(p)["probs"] is not None and vars(q)["probs"] is not None


def _probs(p: Array, q: Array) -> Array:
    return of_x_log_x(p, q, p - q).sum(axis=-1)


def _two_probs(p: Array, q: Array) -> Array:
    return of_x_log_x(p, q, p - q) + of_x_log_x(1 - p, 1 - q, q - p)


def _times(count: Array, divergence: Array) -> Array:
    return jnp.where(count > 0, count * jnp.where(count > 0, divergence, 0), 0)


def _two_logits(z: Array) -> Array:
    """The logits of both labels; of an infinite one without infinity."""
    return jnp.stack([jnp.where(z == jnp.inf, 0, z), jnp.where(z == jnp.inf, -jnp.inf, 0)], axis=-1)


def logits_form(p: Float[Array, "... k"], q: Float[Array, "... k"]) -> Float[Array, "..."]:
    r"""$\log \left( 1 + \sum_j p_j (e^{d_j} - 1 - d_j) \right)$ with $d_j = z_j^q - z_j^p$ less its expectation.

    Where an exponential might overflow the sum of $p_j (\log p_j - \log q_j)$.
    """
    both, none = jnp.isfinite(p) & jnp.isfinite(q), (p == -jnp.inf) & (q == -jnp.inf)
    share = jax.nn.softmax(p, axis=-1)
    difference = jnp.where(both, jnp.where(both, q, 0) - jnp.where(both, p, 0), 0)
    centred = difference - jnp.sum(share * difference, axis=-1, keepdims=True)
    near = (none | (both & (centred < 30))).all(axis=-1)
    close = jnp.log1p(jnp.sum(share * of_exp(jnp.where(near[..., None], centred, 0)), axis=-1))
    possible = p > -jnp.inf
    apart = jax.nn.log_softmax(p, axis=-1) - jax.nn.log_softmax(q, axis=-1)
    terms = jnp.where(both, share * jnp.where(both, apart, 0), jnp.where(possible, jnp.inf, 0))
    return jnp.where(near, close, terms.sum(axis=-1))
