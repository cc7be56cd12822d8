"""Functions in whose usual form large numbers cancel."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_HALF_LOG_2_PI = math.log(2 * math.pi) / 2
# B_2k / (2k (2k - 1)) of Stirling's series.
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_SHIFT = 8


def log1p_minus(t: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$\log(1 + t) - t$, with all its digits near 0.

    With $y = t / (2 + t)$ it is $-t^2 / (2 + t) + 2 y^3 \sum_k y^{2k} / (2k + 3)$.
    """
    near = jnp.abs(t) < 0.3
    small, large = jnp.where(near, t, 0), jnp.where(near, 1, t)
    y = small / (2 + small)
    series = jnp.zeros_like(y)
    for k in reversed(range(12)):
        series = series * y**2 + 1 / (2 * k + 3)
    return jnp.where(near, 2 * y**3 * series - small**2 / (2 + small), jnp.log1p(large) - large)


def deviance(x: Float[Array, "..."], mean: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$x \log (x / m) + m - x$ for $x, m > 0$, where both are large and near each other too."""
    near, series = _near_deviance(x, mean)
    # the quotient this way round, for its derivative in the mean has no square of the mean
    return jnp.where(near, series, mean - x - x * jnp.log(mean / x))


def _near_deviance(x: Array, mean: Array) -> tuple[Array, Array]:
    r"""Whether x is near m, and the deviance there, $(x - m) y + 2 x y^3 \sum_k y^{2k} / (2k + 3)$ with $y = (x - m) /
    (x + m)$ (Loader, 2000)."""
    y = (x - mean) / (x + mean)
    series = jnp.zeros_like(y)
    for k in reversed(range(12)):
        series = series * y**2 + 1 / (2 * k + 3)
    return jnp.abs(y) < 0.2, (x - mean) * y + 2 * x * y**3 * series


def stirling_error(a: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$s(a) = \log \Gamma(a) - (a - \frac12) \log a + a - \frac12 \log 2 \pi$, which tends to 0, for $a > 0$.

    By Stirling's series from 8 on, below by $s(a) = s(a + 1) + (a + \frac12) \log(1 + \frac1a) - 1$: elementary
    functions, with elementary derivatives of every order.
    """
    large, inverse, small = _shifted(a)
    steps = jnp.sum((small + 0.5) * jnp.log1p(1 / small) - 1, axis=-1)
    return _series(STIRLING, inverse) * inverse + jnp.where(large, 0, steps)


def digamma_error(a: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$\delta(a) = \log a - \psi(a)$, which tends to 0, for $a > 0$.

    By Stirling's series from 8 on, below by $\delta(a) = \delta(a + 1) + \frac1a - \log(1 + \frac1a)$.
    """
    large, inverse, small = _shifted(a)
    steps = jnp.sum(1 / small - jnp.log1p(1 / small), axis=-1)
    series = _series(tuple((2 * k + 1) * coefficient for k, coefficient in enumerate(STIRLING)), inverse)
    return inverse / 2 + series * inverse**2 + jnp.where(large, 0, steps)


def _shifted(a: Array) -> tuple[Array, Array, Array]:
    """Whether Stirling's series holds, the inverse of where it does, and the steps to there along a last axis."""
    large = a >= _SHIFT
    small = jnp.where(large, 1, a)[..., None] + jnp.arange(_SHIFT, dtype=a.dtype)
    return large, 1 / jnp.where(large, a, a + _SHIFT), small


def _series(coefficients: tuple[float, ...], inverse: Array) -> Array:
    """The polynomial in the square of its argument."""
    total = jnp.zeros_like(inverse)
    for coefficient in reversed(coefficients):
        total = total * inverse**2 + coefficient
    return total


def log_gamma_density(x: Float[Array, "..."], a: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$(a - 1) \log x - x - \log \Gamma(a)$ for $x > 0$, from that of :func:`log_gamma_kernel`."""
    return log_gamma_kernel(x, a) - jnp.log(a) / 2 - _HALF_LOG_2_PI - stirling_error(a)


def log_gamma_kernel(x: Float[Array, "..."], a: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$(a - 1) \log (x / a) + a - x = -D(a, x) - \log (x / a)$ for $x > 0$, with the deviance D.

    Far from a as the former, in whose derivative a / x and 1 / x do not cancel.
    """
    near, series = _near_deviance(a, x)
    log_ratio = jnp.log(x / a)
    return jnp.where(near, -series - log_ratio, (a - 1) * log_ratio + a - x)


def log_gamma_term(x: Float[Array, "..."], a: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$a \log x - x - \log \Gamma(a)$ for $x > 0$.

    $= -D(a, x) + \frac12 \log (a / 2 \pi) - \epsilon(a)$ with the deviance D and the error of Stirling's formula
    (Loader, 2000).
    """
    return -deviance(a, x) + jnp.log(a) / 2 - _HALF_LOG_2_PI - stirling_error(a)


def log_poisson(k: Float[Array, "..."], rate: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$k \log \lambda - \lambda - \log k!$ for $\lambda > 0$ (Loader, 2000)."""
    some = jnp.where(k > 0, k, 1)
    value = -deviance(some, rate) - jnp.log(some) / 2 - _HALF_LOG_2_PI - stirling_error(some)
    return jnp.where(k > 0, value, -rate)


def log_beta_density(
    x: Float[Array, "..."], y: Float[Array, "..."], a: Float[Array, "..."], b: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$(a - 1) \log x + (b - 1) \log y - \log B(a, b)$ for $0 < x < 1$, $y = 1 - x$.

    $= -D(a, n x) - D(b, n y) - \log x y + \frac12 \log \frac{a b}{2 \pi n} - \epsilon(a) - \epsilon(b) +
    \epsilon(n)$ with $n = a + b$ (Loader, 2000), the first four by :func:`log_gamma_kernel`.
    """
    n = a + b
    errors = stirling_error(a) + stirling_error(b) - stirling_error(n)
    size = 1.5 * jnp.log(n) - (jnp.log(a) + jnp.log(b)) / 2 - _HALF_LOG_2_PI
    return size + log_gamma_kernel(n * x, a) + log_gamma_kernel(n * y, b) - errors


def log_gamma_half_step(h: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$\log \Gamma(h + \frac12) - \log \Gamma(h)$ for $h > 0$."""
    return h * jnp.log1p(0.5 / h) - 0.5 + jnp.log(h) / 2 + stirling_error(h + 0.5) - stirling_error(h)


def gamma_entropy(a: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$a + \log \Gamma(a) + (1 - a) \psi(a)$, the entropy of a gamma distribution of rate 1."""
    return _HALF_LOG_2_PI + jnp.log(a) / 2 + stirling_error(a) + (a - 1) * digamma_error(a)


def dirichlet_entropy(a: Float[Array, "... k"]) -> Float[Array, "..."]:
    r"""$\log B(a) + (n - k) \psi(n) - \sum_j (a_j - 1) \psi(a_j)$ with $n = \sum_j a_j$."""
    n, k = a.sum(axis=-1), a.shape[-1]
    parts = jnp.log(a) / 2 + _HALF_LOG_2_PI + stirling_error(a) + (a - 1) * digamma_error(a)
    whole = jnp.log(n) / 2 + _HALF_LOG_2_PI + stirling_error(n) + (n - 1) * digamma_error(n)
    return parts.sum(axis=-1) - whole - (k - 1) * (jnp.log(n) - digamma_error(n))


def log_binomial_real(
    x: Float[Array, "..."], y: Float[Array, "..."], p: Float[Array, "..."], q: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$\log \frac{\Gamma(n + 1)}{\Gamma(x + 1) \Gamma(y + 1)} + x \log p + y \log q$ for real $x, y \ge 0$, with
    $n = x + y$ and $q = 1 - p$.

    $= -D(x, n p) - D(y, n q) - \frac12 \log \frac{2 \pi x y}{n} - \epsilon(x) - \epsilon(y) + \epsilon(n)$ (Loader,
    2000). What is impossible has $-\infty$, what is certain 0.
    """
    x, y, p, q = jnp.broadcast_arrays(x, y, p, q)
    inner = (x > 0) & (y > 0) & (p > 0) & (q > 0)
    some, left, first, second = (jnp.where(inner, a, b) for a, b in ((x, 1), (y, 1), (p, 0.5), (q, 0.5)))
    n = some + left
    errors = stirling_error(jnp.stack([some, left, n]))
    deviances = deviance(jnp.stack([some, left]), n * jnp.stack([first, second]))
    value = errors[2] - errors[0] - errors[1] - jnp.log(some * (left / n)) / 2 - _HALF_LOG_2_PI - deviances.sum(axis=0)
    return jnp.where(inner, value, _log_power(x, p, q) + _log_power(y, q, p))


def _log_power(x: Array, p: Array, q: Array) -> Array:
    r"""$x \log p$, 0 for x = 0, with all its digits where p is nearly 1."""
    small, possible = p < 0.5, (x == 0) | (p > 0)
    log_p = jnp.where(small, jnp.log(jnp.where(small & (p > 0), p, 1)), jnp.log1p(-jnp.where(small, 0, q)))
    return jnp.where(possible, x * log_p, -jnp.inf)


def log_dirichlet_multinomial(k: Float[Array, "*#b c"], a: Float[Array, "*#b c"]) -> Float[Array, "*b"]:
    r"""$\log \frac{\Gamma(n + 1) \Gamma(s)}{\Gamma(n + s)} \prod_j \frac{\Gamma(k_j + a_j)}{\Gamma(k_j + 1)
    \Gamma(a_j)}$ for real $k_j \ge 0$, $a_j > 0$, with $n = \sum_j k_j$ and $s = \sum_j a_j$.

    That of negative binomial distributions of $k_j$, $r = a_j$ for each j, given their sum: $\prod_j f(k_j; a_j, p) /
    f(n; s, p)$ for any p, here $s / (s + n)$.
    """
    k, a = (jnp.concatenate([u, u.sum(axis=-1, keepdims=True)], axis=-1) for u in (k, a))
    n, s = k[..., -1:], a[..., -1:]
    terms = log_binomial_real(a, k, s / (s + n), n / (s + n)) - jnp.log1p(k / a)
    return terms[..., :-1].sum(axis=-1) - terms[..., -1]


def log1p_ratio(x: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$\log(1 + x / y)$ for $x \ge 0$, $y > 0$, where the quotient overflows too."""
    large = x > y / jnp.finfo(x.dtype).eps
    ratio = jnp.where(large, 0, x) / y
    return jnp.where(large, jnp.log(jnp.where(large, x, 1)) - jnp.log(y), jnp.log1p(ratio))


def log1m_exp(v: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$\log(1 - e^{-v})$ for $v \ge 0$, with all its digits where v is small or large."""
    small, some = v < 0.7, v >= jnp.finfo(v.dtype).tiny
    near, far = jnp.where(small & some, v, 0.7), jnp.where(small, 0.7, v)
    value = jnp.where(small, jnp.log(-jnp.expm1(-near)), jnp.log1p(-jnp.exp(-far)))
    return jnp.where(some, value, -jnp.inf)


def product_error(x: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    """x y less its rounded value, from products of half as many digits, which are exact (Dekker, 1971)."""
    info = jnp.finfo(x.dtype)
    (x_high, x_low), (y_high, y_low) = (
        (high, a - high) for a in (x, y) for high in [jax.lax.reduce_precision(a, info.nexp, info.nmant // 2)]
    )
    return x_high * y_high - x * y + x_high * y_low + x_low * y_high + x_low * y_low


def deviance_change(
    x: Float[Array, "..."], mean: Float[Array, "..."], error: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$D(x, m) - D(x, m + e)$ for the rounding error e of a mean, which counts where x is near m and both are large.

    It has no derivative.
    """
    near = jnp.abs(x - mean) < 0.3 * mean
    return jax.lax.stop_gradient(jnp.where(near, (x - mean) / jnp.where(near, mean, 1) * error, 0))


def clip_positive(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The nearest positive finite number: what underflows or overflows has a finite logarithm."""
    limits = jnp.finfo(x.dtype)
    return jnp.clip(x, limits.tiny, limits.max)
