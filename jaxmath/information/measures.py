"""Entropy, cross entropy and the Kullback-Leibler divergence, of tables of probabilities and of distributions."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath.distributions import Distribution
from jaxmath.information import closed_forms
from jaxmath.information.tables import along_last, as_base, as_tables, in_units, kl_terms


def entropy(
    p: Num[ArrayLike, "..."] | Distribution, axis: int = -1, *, base: ArrayLike | None = None
) -> Float[Array, "..."]:
    r"""The entropy $-\sum_j p_j \log p_j$, or $-\int p(x) \log p(x)\, dx$ of a density.

    Args:
      p: probabilities along the axis, or a distribution.
      axis: the axis of a table, static.
      base: of the logarithm, above 1, such as 2 for bits; None for nats.

    Returns:
      Entropies, of the shape of p without that axis, or the batch shape of the distribution.

    Raises:
      TypeError: for complex or non-numeric input, or a distribution whose entropy has no closed form.
      ValueError: if there is no such axis, or ``base`` is not above 1.

    Note:
      Probabilities are not normalised; $0 \log 0 = 0$, with derivative 0. A negative, infinite or NaN entry makes its
      entropy NaN, and so does an invalid parameter.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(f"{entropy(jnp.array([0.5, 0.25, 0.25]), base=2)} {entropy(Normal(0.0, 1.0)):.4f}")
      1.5 1.4189

    Reference: section 6.2.2; Shannon (1948).
    """
    name = "information.entropy"
    if isinstance(p, Distribution):
        closed_forms.check_entropy(name, p)
        return _entropy_of(p, as_base(name, base))
    (p,), dtype = as_tables(name, axis, p)
    return _entropy(p, as_base(name, base), axis).astype(dtype)


@partial(jax.jit, inline=True)
def _entropy_of(p: Distribution, base: Array | None) -> Array:
    return in_units(p.entropy(), base)


@partial(jax.jit, static_argnames="axis", inline=True)
def _entropy(p: Array, base: Array | None, axis: int) -> Array:
    p, valid = along_last(axis, p)
    terms = -p * jnp.log(jnp.where(p > 0, p, 1))
    return in_units(jnp.where(valid, terms.sum(axis=-1), jnp.nan), base)


def cross_entropy(
    p: Num[ArrayLike, "..."] | Distribution,
    q: Num[ArrayLike, "..."] | Distribution,
    axis: int = -1,
    *,
    base: ArrayLike | None = None,
) -> Float[Array, "..."]:
    r"""The cross entropy $-\sum_j p_j \log q_j$, or $-\int p(x) \log q(x)\, dx$ of densities.

    Args:
      p: the truth: probabilities along the axis, or a distribution.
      q: the model: probabilities, as many along the axis, or a distribution; other axes broadcast.
      axis: the axis of tables, static.
      base: of the logarithm, above 1, such as 2 for bits; None for nats.

    Returns:
      Cross entropies, without that axis; infinite where something possible has probability 0 in q.

    Raises:
      TypeError: for complex or non-numeric input, a table and a distribution, or distributions for which
        :func:`entropy` or :func:`kl_divergence` has no closed form.
      ValueError: if the shapes do not fit, or ``base`` is not above 1.

    Note:
      The truth comes first, other than in :mod:`jaxmath.losses`. Probabilities are not normalised; $0 \log 0 = 0$, with
      derivative 0. A negative, infinite or NaN entry makes its result NaN, and so does an invalid parameter.

    Example:
      >>> cat, model = jnp.array([1.0, 0.0, 0.0, 0.0]), jnp.array([0.8, 0.15, 0.04, 0.01])
      >>> print(f"{cross_entropy(cat, model):.3f} {cross_entropy(cat, jnp.full(4, 0.25)):.3f}")
      0.223 1.386

    Reference: section 6.3.1.
    """
    name = "information.cross_entropy"
    if isinstance(p, Distribution) or isinstance(q, Distribution):
        closed_forms.check_pair(name, p, q)
        closed_forms.check_entropy(name, p)
        return _of_pair(p, q, as_base(name, base), closed_forms.cross_entropy)
    (p, q), dtype = as_tables(name, axis, p, q)
    return _cross_entropy(p, q, as_base(name, base), axis).astype(dtype)


@partial(jax.jit, static_argnames="axis", inline=True)
def _cross_entropy(p: Array, q: Array, base: Array | None, axis: int) -> Array:
    p, q, valid = along_last(axis, p, q)
    some = q > 0
    terms = jnp.where(some, -p * jnp.log(jnp.where(some, q, 1)), jnp.where(p > 0, jnp.inf, 0))
    return in_units(jnp.where(valid, terms.sum(axis=-1), jnp.nan), base)


def kl_divergence(
    p: Num[ArrayLike, "..."] | Distribution,
    q: Num[ArrayLike, "..."] | Distribution,
    axis: int = -1,
    *,
    base: ArrayLike | None = None,
) -> Float[Array, "..."]:
    r"""The Kullback-Leibler divergence $\sum_j p_j \log \frac{p_j}{q_j}$, or $\int p(x) \log \frac{p(x)}{q(x)}\, dx$.

    Of distributions it is a closed form, in which nothing cancels where they are close to each other: of two of one
    family (Normal, MultivariateNormal, LogNormal, Laplace, Uniform, Exponential, Gamma, InverseGamma, Pareto, Beta,
    Dirichlet, Bernoulli, Categorical, Poisson, Binomial, Multinomial, NegativeBinomial, Wishart, InverseWishart,
    NormalGamma, NormalInverseGamma, NormalWishart), of Exponential and Gamma, and of Uniform and Normal.

    Args:
      p: the truth: probabilities along the axis, or a distribution.
      q: the model: probabilities, as many along the axis, or a distribution; other axes broadcast.
      axis: the axis of tables, static.
      base: of the logarithm, above 1, such as 2 for bits; None for nats.

    Returns:
      Divergences, without that axis; infinite where something possible is not so in q, such as that of a Normal from a
      Uniform. That of distributions is not negative, and where both are equal 0 with derivative 0 (but for Uniform and
      the scale of Pareto, on one side of which it is infinite).

    Raises:
      TypeError: for complex or non-numeric input, a table and a distribution, or a pair of distributions for which
        there is no closed form: see :func:`kl_monte_carlo`.
      ValueError: if the shapes do not fit, or ``base`` is not above 1.

    Note:
      The truth comes first, other than in :mod:`jaxmath.losses`. Tables are not normalised, so that the result may be
      below 0 by the rounding of their sums; $0 \log 0 = 0$, with derivative 0. A negative, infinite or NaN entry makes
      its result NaN, and so does an invalid parameter. There is no closed form, and NaN, for a Binomial of another
      ``total_count`` (infinite if that of q is less) and for a NegativeBinomial of another ``r``.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(f"{kl_divergence(Normal(0.0, 5.0), Normal(0.0, 10.0)):.5f}")
      0.31815
      >>> print(f"{kl_divergence(jnp.array([1.0, 0.0]), jnp.array([0.5, 0.5]), base=2)}")
      1.0

    Reference: section 6.4.2; Kullback and Leibler (1951).
    """
    name = "information.kl_divergence"
    if isinstance(p, Distribution) or isinstance(q, Distribution):
        closed_forms.check_pair(name, p, q)
        return _of_pair(p, q, as_base(name, base), closed_forms.kl)
    (p, q), dtype = as_tables(name, axis, p, q)
    return _kl(p, q, as_base(name, base), axis).astype(dtype)


@partial(jax.jit, static_argnames="axis", inline=True)
def _kl(p: Array, q: Array, base: Array | None, axis: int) -> Array:
    p, q, valid = along_last(axis, p, q)
    return in_units(jnp.where(valid, kl_terms(p, q), jnp.nan), base)


@partial(jax.jit, static_argnames="measure", inline=True)
def _of_pair(p: Distribution, q: Distribution, base: Array | None, measure: closed_forms.Measure) -> Array:
    return in_units(measure(p, q), base)
