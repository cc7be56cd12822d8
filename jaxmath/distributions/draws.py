"""Draws that several distributions are made of, each one program."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath._array import product
from jaxmath.distributions import special


@partial(jax.jit, static_argnames="shape")
def log_gamma(key: Array, a: Float[Array, "..."], shape: tuple[int, ...]) -> Float[Array, "..."]:
    r"""Logarithms of draws from the gamma distribution of concentration $a > 0$ and rate 1; finite where draws are 0.

    A draw of concentration $a + 1$ by rejection, $d (1 + c z)^3$ with $d = a + \frac23$, $c = 1 / \sqrt{9 d}$ and z
    normal (Marsaglia and Tsang, 2000), times $u^{1 / a}$ with u uniform. All that were refused are drawn anew together.
    The derivative in a is that of the draws at a fixed quantile of the first factor and a fixed u.
    """
    first, second = jax.random.split(key)
    a = jnp.broadcast_to(a, shape)
    u = jax.random.uniform(second, shape, a.dtype, minval=jnp.finfo(a.dtype).tiny)
    return jnp.log(_gamma_above_one(first, a + 1)) + jnp.log(u) / a


@jax.custom_jvp
def _gamma_above_one(key: Array, a: Array) -> Array:
    d = a - 1 / 3
    c = 1 / jnp.sqrt(9 * d)

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        return ~state[2].all()

    def draw(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        key, value, done = state
        key, normal, uniform = jax.random.split(key, 3)
        z, u = jax.random.normal(normal, a.shape, a.dtype), jax.random.uniform(uniform, a.shape, a.dtype)
        v = (1 + c * z) ** 3
        accepted = (v > 0) & (jnp.log(1 - u) < z**2 / 2 + d * (1 - v + jnp.log(jnp.where(v > 0, v, 1))))
        return key, jnp.where(done, value, d * v), done | accepted

    known = jnp.isfinite(a) & (a > 0)  # others would never be accepted
    start = key, jnp.full(a.shape, jnp.nan, a.dtype), ~known
    return jax.lax.while_loop(unfinished, draw, start)[1]


@_gamma_above_one.defjvp
def _(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    key, a = primals
    value = _gamma_above_one(key, a)
    slope = jax.lax.random_gamma_grad(a, value)  # pyright: ignore[reportCallIssue]
    return value, slope * tangents[1]


def gamma(key: Array, a: Float[Array, "..."], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Draws from the gamma distribution of concentration a and rate 1."""
    return jnp.exp(log_gamma(key, a, shape))


def positive(logarithm: Float[Array, "..."]) -> Float[Array, "..."]:
    """Draws of these logarithms; the nearest positive finite number where one underflows or overflows."""
    return special.clip_positive(jnp.exp(logarithm))


def log_dirichlet(key: Array, a: Float[Array, "... k"], shape: tuple[int, ...]) -> Float[Array, "... k"]:
    """Logarithms of draws from the Dirichlet distribution, along the last axis, shape ``shape`` + (k,)."""
    return jax.nn.log_softmax(log_gamma(key, a, (*shape, a.shape[-1])), axis=-1)


def wishart_factor(key: Array, df: Float[Array, "..."], d: int, shape: tuple[int, ...]) -> Float[Array, "... d d"]:
    """Lower factors of draws from the Wishart distribution of scale 1: chi on the diagonal, normal below (Bartlett)."""
    first, second = jax.random.split(key)
    half = (jnp.broadcast_to(df, shape)[..., None] - jnp.arange(d)) / 2
    chi = jnp.sqrt(2 * gamma(first, half, (*shape, d)))
    below = jnp.tril(jax.random.normal(second, (*shape, d, d), half.dtype), -1)
    return below + chi[..., None] * jnp.eye(d, dtype=half.dtype)


def normal(
    key: Array, loc: Float[Array, "... d"], scale_tril: Float[Array, "... d d"], shape: tuple[int, ...]
) -> Array:
    """Draws from the normal distribution of d dimensions, shape ``shape`` + (d,)."""
    z = jax.random.normal(key, (*shape, loc.shape[-1]), loc.dtype)
    return loc + product(scale_tril, z[..., None])[..., 0]


@partial(jax.jit, static_argnames="shape")
def poisson(key: Array, rate: Float[Array, "..."], shape: tuple[int, ...]) -> Float[Array, "..."]:
    r"""Draws from the Poisson distribution, as floats.

    From a rate of 10,000 on by the Cornish-Fisher expansion $\lfloor \lambda + \sqrt{\lambda} z + z^2 / 6 + \frac13
    \rfloor$ with z normal, whose distribution function is off by less than $10^{-5}$: there the rejection of
    ``jax.random``, which is in float32 and of one generator only, loses the digits of its logarithms. An infinite rate
    is taken to be the largest number.
    """
    first, second = jax.random.split(key)
    first = jax.random.wrap_key_data(jax.random.bits(first, (2,), "uint32"), impl="threefry2x32")
    rate = jnp.minimum(rate, jnp.finfo(rate.dtype).max)
    few = rate < 1e4
    z = jax.random.normal(second, shape, rate.dtype)
    many = jnp.floor(rate + jnp.sqrt(jnp.where(few, 1e4, rate)) * z + (z**2 + 2) / 6)
    return jnp.where(few, jax.random.poisson(first, jnp.where(few, rate, 0), shape).astype(rate.dtype), many)
