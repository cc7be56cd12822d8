r"""Ratios of normalising constants, in forms in which large numbers do not cancel.

A log-evidence $\log \int p(x \mid \theta)\, p(\theta)\, d\theta$ of many data can be a small difference of large
terms. So it is taken in two parts: the log-likelihood at a reference parameter $\theta_0$ near its maximum, which the
sufficient statistics determine, and $\log \int \frac{p(x \mid \theta)}{p(x \mid \theta_0)}\, p(\theta)\, d\theta$.
Their sum is exact to a rounding of 1 besides its own.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

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

    By Stirling's formula it is $h \left( \log \frac{a + h}{b + e} - 1 \right)$ and :func:`_prior_terms`.
    """
    return h * (jnp.log(a + h) - jnp.log(b + e) - 1) + _prior_terms(a, b, h, e)


def reference_rate(h: Float[Array, "..."], e: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The reference $\lambda_0 = \frac{h + 1}e$ of a likelihood $\lambda^h e^{-\lambda e}$.

    It is 1 where that is not finite.
    """
    return jnp.where(has_reference(h, e), (h + 1) / jnp.where(e > 0, e, 1), 1)


def has_reference(h: Float[Array, "..."], e: Float[Array, "..."]) -> Bool[Array, "..."]:
    """Whether the reference rate is that of the formula, a finite number."""
    return (e > 0) & ((h + 1) / jnp.where(e > 0, e, 1) < jnp.inf)


def relative_gamma_evidence(
    a: Float[Array, "..."], b: Float[Array, "..."], h: Float[Array, "..."], e: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$\log \int \left( \frac\lambda{\lambda_0} \right)^h e^{-(\lambda - \lambda_0) e}\, \mathrm{Gamma}(\lambda \mid
    a, b)\, d\lambda$ with the reference rate $\lambda_0$.

    By Stirling's formula it is $1 + h \log \frac{(a + h) e}{(h + 1) (b + e)}$ and :func:`_prior_terms`.
    """
    usable = has_reference(h, e)
    safe = jnp.where(usable, e, 1)
    far = jnp.log((a + h) / (h + 1)) - jnp.log(b + safe) + jnp.log(safe)
    relative = 1 + h * _log_ratio((a - 1) / (h + 1), b / safe, far)
    # the other form, less e, for the reference 1
    absolute = h * (jnp.log(a + h) - jnp.log(b + e) - 1) + e
    return jnp.where(usable, relative, absolute) + _prior_terms(a, b, h, e)


def reference_probabilities(counts: Float[Array, "*b k"]) -> Float[Array, "*b k"]:
    r"""The reference $p_j = \frac{k_j + 1}{n + c}$ of a likelihood $\prod_j p_j^{k_j}$ of c classes, n in all.

    It is finite for counts that are NaN too.
    """
    total = jnp.sum(counts + 1, axis=-1, keepdims=True)
    return jnp.where(total > 0, (counts + 1) / total, 1 / counts.shape[-1])


def relative_dirichlet_evidence(counts: Float[Array, "*#b k"], a: Float[Array, "*#b k"]) -> Float[Array, "*b"]:
    r"""$\log \int \prod_j \left( \frac{p_j}{p_{0 j}} \right)^{k_j}\, \mathrm{Dirichlet}(p \mid a)\, dp$ for real $k_j
    \ge 0$, with the reference probabilities $p_0$.

    The integral without them is $\frac{\Gamma(A)}{\Gamma(A + n)} \prod_j \frac{\Gamma(a_j + k_j)}{\Gamma(a_j)}$ with
    $A = \sum_j a_j$, $n = \sum_j k_j$. By Stirling's formula the whole is $\sum_j k_j \log \frac{(a_j + k_j) (n +
    c)}{(k_j + 1) (A + n)}$, and the sum of :func:`_prior_terms` of $a_j, A, k_j, n$ less that of $A, A, n, n$.
    """
    counts, a = jnp.broadcast_arrays(counts, a)
    k, c = (jnp.concatenate([u, u.sum(axis=-1, keepdims=True)], axis=-1) for u in (counts, a))
    n, whole, one = k[..., -1:], c[..., -1:], jnp.ones_like(counts)
    ones = jnp.concatenate([one, one.sum(axis=-1, keepdims=True)], axis=-1)
    far = jnp.log((c + k) / (k + ones)) - jnp.log((whole + n) / (n + ones[..., -1:]))
    of_counts = k * _log_ratio((c - ones) / (k + ones), (whole - ones[..., -1:]) / (n + ones[..., -1:]), far)
    growth = _prior_terms(c, whole, k, n)
    return jnp.sum((of_counts + growth)[..., :-1], axis=-1) - growth[..., -1]


def reference_change(
    h: Float[Array, "..."], before: Float[Array, "..."], after: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$h \log(1 + t) - (h + 1) t$ with $t = \frac{\lambda_1 - \lambda_0}{\lambda_0}$.

    How a log-likelihood $h \log \lambda - \lambda e$ changes from its reference to another rate; summed over classes,
    how one of probabilities does.
    """
    t = (after - before) / before
    near = jnp.abs(t) < 0.5
    far = h * (jnp.log(after) - jnp.log(before)) - (h + 1) * t
    return jnp.where(near, h * special.log1p_minus(jnp.where(near, t, 0)) - t, far)


def _prior_terms(a: Array, b: Array, h: Array, e: Array) -> Array:
    r"""$a \log \frac{1 + h / a}{1 + e / b} - \frac12 \log(1 + \frac ha) + s(a + h) - s(a)$ with the error s of
    Stirling's formula."""
    t, v = h / a, e / b
    log_prior_terms = jnp.log1p(t)
    errors = special.stirling_error(jnp.stack(jnp.broadcast_arrays(a + h, a)))
    return a * _log_ratio(t, v, log_prior_terms - jnp.log1p(v)) - log_prior_terms / 2 + errors[0] - errors[1]


def _log_ratio(t: Array, v: Array, far: Array) -> Array:
    r"""$\log \frac{1 + t}{1 + v}$ for $t, v > -1$: by the difference where they are near, else the given value."""
    near = jnp.abs(t - v) < (1 + v) / 2
    return jnp.where(near, jnp.log1p(jnp.where(near, t - v, 0) / jnp.where(near, 1 + v, 1)), far)
