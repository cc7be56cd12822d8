r"""Bregman divergences of convex functions, $F(y) - F(x) - F'(x) (y - x)$, of which closed divergences are sums.

Each is 0 at y = x, not negative, and keeps its digits where y is close to x: the difference y - x is an argument of
its own, for it is often known better than y and x are. Derivatives are the simple formulas, not those of a series.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath.distributions import special

# Terms of Stirling's series, enough of them from 16 on.
_STIRLING = special.STIRLING[:4]
_SHIFT = 16


@jax.custom_jvp
def of_exp(t: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$e^t - 1 - t$."""
    near = jnp.abs(t) < 0.5
    small, large = jnp.where(near, t, 0), jnp.where(near, 1, t)
    return jnp.where(near, small**2 * exp_remainder(small), jnp.expm1(large) - large)


@of_exp.defjvp
def _of_exp_jvp(primals: Any, tangents: Any) -> Any:
    return of_exp(*primals), jnp.expm1(primals[0]) * tangents[0]


def exp_remainder(t: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$(e^t - 1 - t) / t^2$ for $|t| \le \frac12$, by its series."""
    series = jnp.ones_like(t)
    for k in reversed(range(3, 15)):
        series = 1 + series * t / k
    return series / 2


def log1p_quotient(t: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$\log (1 + t) / t$ for $t > -1$.

    Near 0 it is $\frac{2}{2 + t} \sum_k \frac{y^{2k}}{2k + 1}$ with $y = t / (2 + t)$.
    """
    near = jnp.abs(t) < 0.3
    small, large = jnp.where(near, t, 0), jnp.where(near, 1, t)
    series, square = jnp.zeros_like(t), (small / (2 + small)) ** 2
    for k in reversed(range(11)):
        series = series * square + 1 / (2 * k + 1)
    return jnp.where(near, 2 / (2 + small) * series, jnp.log1p(large) / large)


@jax.custom_jvp
def of_minus_log(t: Float[Array, "..."], ratio: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$t - \log (1 + t)$ for $t > -1$, of $-\log$ with t = (y - x) / x and the ratio y / x = 1 + t."""
    near = jnp.abs(t) < 0.3
    large = jnp.where(near, 1, ratio)
    return jnp.where(near, -special.log1p_minus(jnp.where(near, t, 0)), large - 1 - jnp.log(large))


@of_minus_log.defjvp
def _of_minus_log_jvp(primals: Any, tangents: Any) -> Any:
    t, ratio = primals
    return of_minus_log(t, ratio), t / ratio * tangents[0]


@jax.custom_jvp
def of_x_log_x(y: Float[Array, "..."], x: Float[Array, "..."], difference: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$y \log (y / x) + x - y$ for x, y not negative; infinite where x alone is 0.

    Its derivative in y is $\log (y / x)$, but -1 where y is 0.
    """
    near, usual = _cases(y, x, difference)
    t, above, below = _ratio(near, difference, x), jnp.where(usual, y, 1), jnp.where(usual, x, 1)
    close = x * (t**2 + (1 + t) * special.log1p_minus(t))
    apart = below - above - above * jnp.log(below / above)
    return jnp.where(near, close, jnp.where(usual, apart, jnp.where(y > 0, jnp.inf, -difference)))


@of_x_log_x.defjvp
def _of_x_log_x_jvp(primals: Any, tangents: Any) -> Any:
    (y, x, difference), (dy, dx, _) = primals, tangents
    near, usual = _cases(y, x, difference)
    logarithm = jnp.log(jnp.where(usual, y, 1) / jnp.where(usual, x, 1))
    in_y = jnp.where(near, jnp.log1p(_ratio(near, difference, x)), jnp.where(usual, logarithm, jnp.where(y > 0, 0, -1)))
    in_x = jnp.where(x > 0, -_ratio(x > 0, difference, x), jnp.where(y > 0, 0, 1))
    return of_x_log_x(y, x, difference), in_y * dy + in_x * dx


def _cases(y: Array, x: Array, difference: Array) -> tuple[Array, Array]:
    near = jnp.abs(difference) < 0.3 * x
    return near, ~near & (y > 0) & (x > 0)


def _ratio(where: Array, a: Array, b: Array) -> Array:
    return jnp.where(where, a, 0) / jnp.where(where, b, 1)


@jax.custom_jvp
def of_log_gamma_less_x_log_x(
    y: Float[Array, "..."], x: Float[Array, "..."], difference: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$\log \frac{\Gamma(y)}{\Gamma(x)} - \psi(x) (y - x) - y \log \frac y x + y - x$ for x, y > 0.

    That of $\log \Gamma$ less that of $x \log x$, which is the larger one where x is large. By Stirling's series it is
    half of that of $-\log$ and those of $x^{-n}$, $\frac{(y - x)^2}{x y} \sum_{i < n} (n - i) x^{i - n} y^{-i}$. From
    below $\Gamma(x + k) = x (x + 1) \cdots (x + k - 1)\, \Gamma(x)$ leads there.
    """
    large = jnp.minimum(x, y) > _SHIFT
    shift = jnp.where(large, 0, _SHIFT)
    above, below = y + shift, x + shift
    value = of_minus_log(difference / below, above / below) / 2 + _of_series(above, below, difference)
    small_y, small_x, small_difference = (jnp.where(large, a, b) for a, b in ((1, y), (1, x), (0, difference)))
    steps = jnp.arange(_SHIFT, dtype=x.dtype)
    at_x, at_y = small_x[..., None] + steps, small_y[..., None] + steps
    factors = of_minus_log(small_difference[..., None] / at_x, at_y / at_x).sum(axis=-1)
    lifted = of_x_log_x_shifted(small_y + _SHIFT, small_x + _SHIFT, small_difference, _SHIFT)
    return value + factors - lifted


@of_log_gamma_less_x_log_x.defjvp
def _of_log_gamma_less_x_log_x_jvp(primals: Any, tangents: Any) -> Any:
    (y, x, difference), (dy, dx, _) = primals, tangents
    at_x, slope = jax.jvp(special.digamma_error, (x,), (jnp.ones_like(x),))
    change = (at_x - special.digamma_error(y)) * dy + slope * difference * dx
    return of_log_gamma_less_x_log_x(y, x, difference), change


def _of_series(y: Array, x: Array, difference: Array) -> Array:
    u, v = 1 / x, 1 / y
    weighted, powers = u, u + v  # sums over i of (n - i) u^(n - i) v^i for n = 1, and of u^(n - i) v^i
    total, last = _STIRLING[0] * weighted, v
    for n in range(2, 2 * len(_STIRLING)):
        weighted, last = u * (weighted + powers), last * v
        powers = u * powers + last
        if n % 2:
            total += _STIRLING[n // 2] * weighted
    return difference**2 * u * v * total


def of_x_log_x_shifted(
    y: Float[Array, "..."], x: Float[Array, "..."], difference: Float[Array, "..."], shift: Float[Array, "..."] | int
) -> Float[Array, "..."]:
    r"""That of $x \log x$ at y - k and x - k, less that at y and x, for a shift $0 \le k < x, y$.

    With $w = \frac{k (y - x)}{y (x - k)}$ it is $k\, b \left( \frac{y - x}{x} \right) - (y - k)\, b(w) +
    \frac{k^2 (y - x)^2}{x y (x - k)}$, where b(t) = $t - \log(1 + t)$.
    """
    t, share = difference / x, shift / y
    w = share * difference / (x - shift)
    ratio = (y - shift) / y * x / (x - shift)
    return shift * of_minus_log(t, y / x) - (y - shift) * of_minus_log(w, ratio) + shift * t * w
