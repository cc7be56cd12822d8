"""The incomplete gamma and beta functions by their logarithms, with derivatives in all arguments."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from jaxmath.distributions import special

# Terms at most. Near its mean a function of concentration a needs some 10 sqrt(a).
_MAX_TERMS = 100_000


def differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """An entrywise function that runs a loop until it converges, made differentiable in reverse mode too.

    Forward mode goes through such loops, reverse mode does not. So the slopes along the arguments, by forward mode, are
    computed with the value, and are differentiable in the same way.
    """
    wrapped = jax.custom_jvp(function)

    def jvp(primals: tuple[Array, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        value = wrapped(*primals)
        change = jax.tree.map(jnp.zeros_like, value)
        for place, tangent in enumerate(tangents):
            if not isinstance(tangent, SymbolicZero):  # a slope costs a loop of its own
                slope = differentiable(partial(_slope, function, place))(*primals)
                change = jax.tree.map(lambda total, s, t=tangent: total + s * t, change, slope)
        return value, change

    wrapped.defjvp(jvp, symbolic_zeros=True)

    return wrapped


def _slope(function: Callable[..., Any], place: int, *arguments: Array) -> Any:
    along = lambda a: function(*arguments[:place], a, *arguments[place + 1 :])  # noqa: E731
    return jax.jvp(along, (arguments[place],), (jnp.ones_like(arguments[place]),))[1]


@partial(jax.jit, inline=True)
def log_gamma(a: Float[Array, "*#b"], x: Float[Array, "*#b"]) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    r"""$\log P(a, x)$ and $\log Q(a, x) = \log(1 - P)$ with $P = \frac{1}{\Gamma(a)} \int_0^x t^{a - 1} e^{-t} dt$.

    For $a > 0$, $x \ge 0$: P by a series where $x < a + 1$, Q by a continued fraction elsewhere.
    """
    return _log_gamma(*jnp.broadcast_arrays(a, x))


@differentiable
def _log_gamma(a: Array, x: Array) -> tuple[Array, Array]:
    inner = (x > 0) & (x < jnp.inf)
    at_start, x = ~(x > 0), jnp.where(inner, x, a)
    below = x < a + 1
    log_term = special.log_gamma_density(x, a) + jnp.log(x)  # of x^a exp(-x) / gamma(a)
    log_p = log_term - jnp.log(a) + jnp.log(_gamma_series(jnp.where(below, a, 1), jnp.where(below, x, 0)))
    log_q = log_term + jnp.log(_gamma_fraction(jnp.where(below, 1, a), jnp.where(below, 3, x)))
    one, other = _both_sides(jnp.where(below, log_p, log_q), below)
    return _with_ends(inner, at_start, one, other)


@partial(jax.jit, inline=True)
def log_beta(
    a: Float[Array, "*#b"], b: Float[Array, "*#b"], x: Float[Array, "*#b"], y: Float[Array, "*#b"]
) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    r"""$\log I_x(a, b)$ and $\log I_y(b, a)$ with $I_x = \frac{1}{B(a, b)} \int_0^x t^{a - 1} (1 - t)^{b - 1} dt$.

    For $a, b > 0$ and $y = 1 - x$, so that $I_y = 1 - I_x$; it is given too, since one of them may have lost its
    digits. By the continued fraction of x where x is below the mean, of y elsewhere.
    """
    return _log_beta(*jnp.broadcast_arrays(a, b, x, y))


@differentiable
def _log_beta(a: Array, b: Array, x: Array, y: Array) -> tuple[Array, Array]:
    inner, at_start = (x > 0) & (y > 0), x <= 0
    x, y = jnp.where(inner, x, 0.5), jnp.where(inner, y, 0.5)
    below = x * (b + 1) < y * (a + 1)
    a, b, x, y = (jnp.where(below, u, v) for u, v in ((a, b), (b, a), (x, y), (y, x)))
    log_term = special.log_beta_density(x, y, a, b) + jnp.log(x) + jnp.log(y)
    value = log_term + jnp.log(_beta_fraction(a, b, x, y))
    one, other = _both_sides(value, below)
    return _with_ends(inner, at_start, one, other)


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


def _gamma_series(a: Array, x: Array) -> Array:
    r"""$\sum_n x^n / ((a + 1) \cdots (a + n))$."""

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        n, term, total = state
        return jnp.any(term > 0.1 * jnp.finfo(term.dtype).eps * total) & (n < _MAX_TERMS)

    def add(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        n, term, total = state
        term = term * (x / (a + n))
        return n + 1, term, total + term

    one = jnp.ones_like(x)
    return jax.lax.while_loop(unfinished, add, (jnp.ones((), x.dtype), one, one))[2]


def _gamma_fraction(a: Array, x: Array) -> Array:
    r"""$\frac{1}{x + 1 - a +}\, \frac{1 (a - 1)}{x + 3 - a +}\, \frac{2 (a - 2)}{x + 5 - a +} \cdots$"""
    return _lentz(lambda n: (n * (a - n), x + 1 - a + 2 * n), x)


def _beta_fraction(a: Array, b: Array, x: Array, y: Array) -> Array:
    r"""$\frac{1}{\beta_0 +}\, \frac{\alpha_1}{\beta_1 +}\, \frac{\alpha_2}{\beta_2 +} \cdots$

    With $\alpha_n = \frac{(a + n - 1) (a + b + n - 1) n (b - n) x^2}{(a + 2 n - 1)^2}$ and $\beta_n = n + \frac{n
    (b - n) x}{a + 2 n - 1} + \frac{(a + n) (a y - b x + 1 + n (1 + y))}{a + 2 n + 1}$ (DLMF 8.17.22, two terms in one).
    """

    def term(n: Array) -> tuple[Array, Array]:
        numerator = ((a + (n - 1)) / (a + (2 * n - 1)) * x) * ((a + b + (n - 1)) / (a + (2 * n - 1)) * x) * n * (b - n)
        first = n * (b - n) * x / jnp.where(n == 0, 1, a + (2 * n - 1))
        return numerator, n + first + (a + n) * ((a * y - b * x + 1 + n * (1 + y)) / (a + 2 * n + 1))

    return _lentz(term, x)


def _lentz(term: Callable[[Array], tuple[Array, Array]], like: Array) -> Array:
    """A continued fraction by the modified method of Lentz, of these numerators (1 at n = 0) and denominators."""
    tiny = jnp.finfo(like.dtype).tiny ** 0.5

    def nonzero(a: Array) -> Array:
        return jnp.where(jnp.abs(a) < tiny, tiny, a)

    def unfinished(state: tuple[Array, ...]) -> Array:
        n, _, _, _, active = state
        return jnp.any(active) & (n < _MAX_TERMS)

    def multiply(state: tuple[Array, ...]) -> tuple[Array, ...]:
        n, value, c, d, active = state
        numerator, denominator = term(n)
        d = 1 / nonzero(denominator + numerator * d)
        c = nonzero(denominator + numerator / c)
        factor = c * d
        # an entry that has converged stays: more factors would add nothing but their rounding
        value = jnp.where(active, value * factor, value)
        return n + 1, value, c, d, active & (jnp.abs(factor - 1) > jnp.finfo(like.dtype).eps)

    first = 1 / nonzero(term(jnp.zeros((), like.dtype))[1])
    start = jnp.ones((), like.dtype), first, jnp.full_like(like, jnp.inf), first, jnp.ones(like.shape, bool)
    return jax.lax.while_loop(unfinished, multiply, start)[1]
