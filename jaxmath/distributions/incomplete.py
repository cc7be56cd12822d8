"""The incomplete gamma and beta functions by their logarithms, with derivatives in all arguments."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from jaxmath.distributions import special

# How far from the mean, in standard deviations, the uniform expansion holds for large parameters.
_MIDDLE = 4
# Terms of a continued fraction at most: near its mean a function of concentration a needs some 15 a^(1/3).
_MAX_TERMS = 10_000


def differentiable(function: Callable[..., Any], slopes: Mapping[int, Callable[..., Any]]) -> Callable[..., Any]:
    """An entrywise function that runs a loop until it converges, made differentiable in reverse mode too.

    Forward mode goes through such loops, reverse mode does not. So the slopes along the arguments are computed with the
    value, and are differentiable in the same way: by the formulas given, of the value and all arguments, or by forward
    mode, in one loop with the value.
    """
    wrapped = jax.custom_jvp(function)

    def jvp(primals: tuple[Array, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        moved = [place for place, tangent in enumerate(tangents) if not isinstance(tangent, SymbolicZero)]
        places = tuple(place for place in moved if place not in slopes)
        value, found = _with_slopes(function, slopes, places)(*primals) if places else (wrapped(*primals), ())
        along = {place: slopes[place](value, *primals) for place in moved if place in slopes}
        change = jax.tree.map(jnp.zeros_like, value)
        for place, slope in (along | dict(zip(places, found, strict=True))).items():
            change = jax.tree.map(lambda total, s, t=tangents[place]: total + s * t, change, slope)
        return value, change

    wrapped.defjvp(jvp, symbolic_zeros=True)

    return wrapped


def _with_slopes(
    function: Callable[..., Any], slopes: Mapping[int, Callable[..., Any]], places: tuple[int, ...]
) -> Any:
    """A function and its derivatives along some arguments, differentiable."""

    def along(function: Callable[..., Any], arguments: tuple[Any, ...], *changes: tuple[int, Any]) -> tuple[Any, Any]:
        """A value and its derivative where the arguments at some places change."""
        moved, tangents = zip(*changes, strict=True)
        return jax.jvp(partial(_replaced, function, arguments, moved), [arguments[k] for k in moved], list(tangents))

    def extended(*arguments: Array) -> tuple[Any, list[Any]]:
        found = [along(function, arguments, (k, jnp.ones_like(arguments[k]))) for k in places]
        return found[0][0], [slope for _, slope in found]

    def of_all(slope: Callable[..., Any], found: tuple[Any, list[Any]], *arguments: Array) -> tuple[Any, list[Any]]:
        value, changes = found
        known = value, *arguments
        steps = [
            along(slope, known, (0, change), (k + 1, jnp.ones_like(arguments[k])))
            for k, change in zip(places, changes, strict=True)
        ]
        return steps[0][0], [step for _, step in steps]

    return differentiable(extended, {place: partial(of_all, slope) for place, slope in slopes.items()})


def _replaced(function: Callable[..., Any], arguments: tuple[Any, ...], places: tuple[int, ...], *new: Any) -> Any:
    """A function at arguments some of which are replaced."""
    replaced = dict(zip(places, new, strict=True))
    return function(*(replaced.get(place, a) for place, a in enumerate(arguments)))


@partial(jax.jit, inline=True)
def log_gamma(a: Float[Array, "*#b"], x: Float[Array, "*#b"]) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    r"""$\log P(a, x)$ and $\log Q(a, x) = \log(1 - P)$ with $P = \frac{1}{\Gamma(a)} \int_0^x t^{a - 1} e^{-t} dt$.

    For $a > 0$, $x \ge 0$: by a continued fraction of P where $x < a + 1$, of Q elsewhere.
    """
    a, x = jnp.broadcast_arrays(a, x)
    inner, at_start = (x > 0) & (x < jnp.inf), ~(x > 0)
    x = jnp.where(inner, x, a)
    return _with_ends(inner, at_start, *_both_sides(_log_gamma(a, x)[0], x < a + 1))


@partial(jax.jit, inline=True)
def log_beta(
    a: Float[Array, "*#b"], b: Float[Array, "*#b"], x: Float[Array, "*#b"], y: Float[Array, "*#b"]
) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    r"""$\log I_x(a, b)$ and $\log I_y(b, a)$ with $I_x = \frac{1}{B(a, b)} \int_0^x t^{a - 1} (1 - t)^{b - 1} dt$.

    For $a, b > 0$ and $y = 1 - x$, so that $I_y = 1 - I_x$; it is given too, since one of them may have lost its
    digits. By the continued fraction of x where x is below the mean, of y elsewhere.
    """
    a, b, x, y = jnp.broadcast_arrays(a, b, x, y)
    inner, at_start = (x > 0) & (y > 0), x <= 0
    x, y = jnp.where(inner, x, 0.5), jnp.where(inner, y, 0.5)
    below = x * (b + 1) < y * (a + 1)
    a, b, x, y = (jnp.where(below, u, v) for u, v in ((a, b), (b, a), (x, y), (y, x)))
    return _with_ends(inner, at_start, *_both_sides(_log_beta(a, b, x, y)[0], below))


def _both_sides(value: Array, lower: Array) -> tuple[Array, Array]:
    """The logarithms of a probability and of its complement from that of one of them."""
    value = jnp.minimum(value, -jnp.finfo(value.dtype).tiny)
    complement = special.log1m_exp(-value)
    return jnp.where(lower, value, complement), jnp.where(lower, complement, value)


def _with_ends(inner: Array, at_start: Array, below: Array, above: Array) -> tuple[Array, Array]:
    """The logarithms of both probabilities, at the ends of the support too."""
    return jnp.where(inner, below, jnp.where(at_start, -jnp.inf, 0)), jnp.where(
        inner, above, jnp.where(at_start, 0, -jnp.inf)
    )


def _gamma_side(a: Array, x: Array) -> tuple[Array, Array]:
    r"""$\log P$ and $\log(P / t)$ for $x < a + 1$, with Q elsewhere, and with $t = x^a e^{-x} / \Gamma(a)$.

    $\frac{a P}{t} = 1 + \frac{x}{a + 1 - x +}\, \frac{1 x}{a + 2 - x +}\, \frac{2 x}{a + 3 - x +} \cdots$ and
    $\frac{Q}{t} = \frac{1}{x + 1 - a +}\, \frac{1 (a - 1)}{x + 3 - a +}\, \frac{2 (a - 2)}{x + 5 - a +} \cdots$ (DLMF
    8.9); near the mean of large concentrations by Temme's expansion (DLMF 8.12), P and Q being mirrored.
    """
    below = x < a + 1
    least = _least_large(x)
    middle = (a > least) & (jnp.abs(x - a) < _MIDDLE * jnp.sqrt(a))
    some, at = jnp.where(middle, 1, a), jnp.where(middle, 1, x)

    def term(n: Array) -> tuple[Array, ...]:
        first = jnp.where(below, some + 1 - at, at + 1 - some)
        rho, sigma = jnp.where(below, at, n), jnp.where(below, n, some - n)
        return rho, sigma, jnp.ones_like(at), first + jnp.where(below, n, 2 * n)

    fraction = _fraction(term, at)
    far = jnp.where(below, jnp.log1p(at * fraction) - jnp.log(some), jnp.log(fraction))
    large, sign = jnp.where(middle, a, least), jnp.where(below, 1, -1)
    u = jnp.where(middle, x - a, 0) / large
    near = _log_uniform(large, sign * u, sign * _series(-u)) - jnp.log(large) / 2 + 1 / (12 * large)
    ratio = jnp.where(middle, near, far)
    return special.log_gamma_term(x, a) + ratio, ratio


def _gamma_along_x(found: tuple[Array, Array], a: Array, x: Array) -> tuple[Array, Array]:
    """The derivative of P is t / x."""
    inverse = jnp.exp(-found[1])
    slope = jnp.where(x < a + 1, inverse, -inverse) / x
    return slope, slope - (a - x) / x


_log_gamma = differentiable(_gamma_side, {1: _gamma_along_x})


def _beta_side(a: Array, b: Array, x: Array, y: Array) -> tuple[Array, Array]:
    r"""$\log I_x(a, b)$ and $\log(I_x / t)$ with $t = x^a y^b / B(a, b)$, for x below the mean.

    $\frac{I_x}{t} = \frac{1}{\beta_0 +}\, \frac{\alpha_1}{\beta_1 +}\, \frac{\alpha_2}{\beta_2 +} \cdots$ with
    $\alpha_n = \frac{(a + n - 1) (a + b + n - 1) n (b - n) x^2}{(a + 2 n - 1)^2}$ and $\beta_n = n + \frac{n (b - n)
    x}{a + 2 n - 1} + \frac{(a + n) (a y - b x + 1 + n (1 + y))}{a + 2 n + 1}$ (DLMF 8.17.22, two terms in one); near
    the mean where a and b are large by Temme's expansion (DLMF 8.18).
    """
    least = _least_large(x)
    middle = (jnp.minimum(a, b) > least) & (jnp.abs(b * x - a * y) < _MIDDLE * jnp.sqrt(a * (b / (a + b))))
    p, q, v, w = (jnp.where(middle, 0.5, each) for each in (a, b, x, y))

    def term(n: Array) -> tuple[Array, ...]:
        rho = n * ((p + (n - 1)) / (p + (2 * n - 1))) * ((p + q + (n - 1)) / (p + (2 * n - 1)) * v)
        first = n * (q - n) * v / jnp.where(n == 0, 1, p + (2 * n - 1))
        return rho, (q - n) * v, v, n + first + (p + n) * ((p * w - q * v + 1 + n * (1 + w)) / (p + 2 * n + 1))

    far = jnp.log(_fraction(term, x))
    log_term = special.log_beta_density(x, y, a, b) + jnp.log(x) + jnp.log(y)
    a, b = jnp.where(middle, a, least), jnp.where(middle, b, least)
    p, q, size = a / (a + b), b / (a + b), a + b
    root, change = jnp.sqrt(p * q), jnp.where(middle, (b * x - a * y) / size, 0)
    value = _log_uniform(size, change / root, (q**2 * _series(-change / p) - p**2 * _series(change / q)) / root)
    near = value - jnp.log(size) / 2 - jnp.log(root) + (1 / a + 1 / b - 1 / size) / 12
    ratio = jnp.where(middle, near, far)
    return log_term + ratio, ratio


def _beta_along_x(found: tuple[Array, Array], a: Array, b: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """With that along y where x + y stays 1: the derivative of $I_x$ is then t / (x y)."""
    slope = jnp.exp(-found[1]) / x
    return slope, slope - (a - (a + b) * x) / x


def _beta_along_y(found: tuple[Array, Array], a: Array, b: Array, x: Array, y: Array) -> tuple[Array, Array]:
    slope = -jnp.exp(-found[1]) / y
    return slope, slope - (b - (a + b) * y) / y


_log_beta = differentiable(_beta_side, {2: _beta_along_x, 3: _beta_along_y})


def _least_large(like: Array) -> float:
    """The parameter a from which on the uniform expansion holds to within the precision: its error is 0.002 / a^1.5."""
    return float(jnp.finfo(like.dtype).eps) ** -0.45


def _log_uniform(n: Array, u: Array, v: Array) -> Array:
    r"""$\log \frac{\Phi(z) + \phi(z) c / \sqrt n}{\phi(z)}$ with $z = \sqrt n\, \eta$, $\eta = u \sqrt{1 - u v}$ and $c
    = \frac1\eta - \frac1u$, for z of some units."""
    root = jnp.sqrt(1 - u * v)
    z = jnp.sqrt(n) * u * root
    mills = math.sqrt(math.pi / 2) * jax.lax.erfc(-z * math.sqrt(0.5)) * jnp.exp(z**2 / 2)
    return jnp.log(mills + v / (root * (1 + root)) / jnp.sqrt(n))


def _series(v: Array) -> Array:
    r"""$\sum_k \frac{2}{k + 3} v^k$ for small v."""
    total = jnp.zeros_like(v)
    for k in reversed(range(6)):
        total = total * v + 2 / (k + 3)
    return total


def _fraction(term: Callable[[Array], tuple[Array, ...]], like: Array) -> Array:
    r"""$\frac{1}{\beta_0 +}\, \frac{\rho_1 \sigma_1}{\beta_1 +}\, \frac{\rho_2 \sigma_2}{\beta_2 +} \cdots$ by the
    method of Lentz, of $\rho_n$, $\sigma_n$, the derivative $\sigma_n'$ and $\beta_n$; NaN where it has not converged.

    Where a $\sigma_n$ vanishes the value is complete, its derivatives are not. So what must converge is a bound of the
    change, $\prod_n |\rho_n| \max(|\sigma_n|, |\sigma_n'|) d_{n - 1} d_n$.
    """
    tolerance = 0.1 * jnp.finfo(like.dtype).eps

    def changing(total: Array, bound: Array) -> Array:
        return bound > tolerance * total

    def unfinished(state: tuple[Array, ...]) -> Array:
        n, _, _, total, bound = state
        return jnp.any(changing(total, bound)) & (n < _MAX_TERMS)

    def multiply(state: tuple[Array, ...]) -> tuple[Array, ...]:
        n, c, last, total, bound = state
        rho, sigma, least, beta = term(n)
        c, d = beta + rho / c * sigma, 1 / (beta + rho * last * sigma)
        bound *= jax.lax.stop_gradient(rho * last * jnp.maximum(jnp.abs(sigma), least) * d)
        return n + 1, c, d, total * (c * d), bound

    first = 1 / term(jnp.zeros((), like.dtype))[-1]
    start = jnp.ones((), like.dtype), jnp.full_like(like, jnp.inf), first, first, jax.lax.stop_gradient(first)
    _, _, _, total, bound = jax.lax.while_loop(unfinished, multiply, start)
    return jnp.where(changing(total, bound), jnp.nan, total)
