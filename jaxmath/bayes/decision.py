"""What follows from a posterior: intervals, estimates, comparisons of priors."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath._array import in_range, one_of
from jaxmath.bayes.inference import evidence
from jaxmath.bayes.model import Model
from jaxmath.bayes.sufficient import statistics_of
from jaxmath.bayes.validation import as_model
from jaxmath.distributions.base import Univariate, as_distribution, as_parameter

# The share of what lies outside of an interval at which a density is looked at near the edges of its support.
_NEAR_EDGE = 2.0**-12


class Interval(NamedTuple):
    """The ends of an interval."""

    low: Float[Array, "..."]
    high: Float[Array, "..."]


def credible_interval(d: Univariate, mass: Any, *, kind: str = "equal") -> Interval:
    r"""The interval of a given probability: equal-tailed, or of highest density.

    The equal-tailed one lies between the quantiles of $\frac{1 - m}2$ and $\frac{1 + m}2$. That of highest density, the
    shortest, lies between the quantiles of p and p + m at which the densities are equal, found by bisection on p; for a
    monotone density it begins or ends at an edge of the support.

    Args:
      d: a distribution of one dimension; for "hdi" a continuous one with a single mode.
      mass: m in (0, 1), one number or an array that broadcasts with the parameters.
      kind: "equal" or "hdi".

    Returns:
      The ends, of batch shape. They are differentiable.

    Raises:
      TypeError: for a distribution without quantiles, or a discrete one with "hdi".
      ValueError: for another kind, or a mass out of (0, 1).

    Note:
      NaN where a parameter is out of its range, and for "hdi" where the density is larger at one of four quantiles
      outside of the interval, two on each side, as of two modes: Beta(0.5, 0.5).

    Example:
      >>> from jaxmath.distributions import Exponential
      >>> print(credible_interval(Exponential(1.0), 0.5, kind="hdi"))
      Interval(low=Array(0., dtype=float32), high=Array(0.6931472, dtype=float32))

    Reference: Murphy (2012), section 5.2.2; Kruschke (2015), section 4.3.4.
    """
    name = "bayes.credible_interval"
    if not isinstance(as_distribution(name, d), Univariate):
        raise TypeError(f"{name}: expected a distribution of one dimension with quantiles, got {type(d).__name__}")
    kind = one_of(name, "kind", kind, ("equal", "hdi"))
    if kind == "hdi" and d.discrete:
        raise TypeError(f"{name}: expected a continuous distribution for kind='hdi', got {type(d).__name__}")
    checked = in_range(name, "mass", mass, "(0, 1)", scalar=False)
    mass = as_parameter(name, "mass", mass) if isinstance(mass, (int, float)) else checked
    return _equal_tailed(d, mass) if kind == "equal" else _highest_density(d, mass)


@partial(jax.jit, inline=True)
def _equal_tailed(d: Any, mass: Array) -> Interval:
    return Interval(*(d.icdf(p) for p in ((1 - mass) / 2, (1 + mass) / 2)))


@partial(jax.jit, inline=True)
def _highest_density(d: Any, mass: Array) -> Interval:
    dtype, narrow = jnp.promote_types(d._dtype(mass), jnp.float32), d._dtype(mass)
    d, mass = d._cast(dtype), mass.astype(dtype)
    at, p = _search(*jax.lax.stop_gradient((d, mass)))
    ends, highest = _with_derivatives(d, mass, at, p), _is_highest(d.log_prob(at), mass, p)
    return Interval(*(jnp.where(highest, end, jnp.nan).astype(narrow) for end in ends))


def _is_highest(log_density: Array, mass: Array, p: Array) -> Array:
    """Whether the density in the middle is not below those at the ends, and these not below those outside."""
    low, middle, high, below, above = *log_density[:3], log_density[3:5].max(axis=0), log_density[5:].max(axis=0)
    least, rounding = jnp.minimum(low, high), jnp.finfo(mass.dtype).eps ** 0.5
    inside = ((below <= least + rounding) | (p == 0)) & ((above <= least + rounding) | (p == 1 - mass))
    return (middle >= least - rounding) & inside


def _search(d: Any, mass: Array) -> tuple[Array, Array]:
    """Lower end, middle, upper end and four quantiles outside, and the probability p below the lower end.

    The density at the lower end less that at the upper one rises with p. The last round evaluates what was found.
    """
    num_rounds = jnp.finfo(mass.dtype).nmant + 2
    shape = jnp.broadcast_shapes(mass.shape, d.batch_shape)
    least, most = jnp.zeros(shape, mass.dtype), jnp.broadcast_to(1 - mass, shape)

    def halve(i: Any, state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        below, above, _, _ = state
        best = jnp.where(above == most, most, below)
        p = jnp.where(i == num_rounds, best, (below + above) / 2)
        above_it = 1 - p - mass
        outside = [p / 2, p * _NEAR_EDGE, 1 - above_it / 2, 1 - above_it * _NEAR_EDGE]
        at = d.icdf(jnp.stack([p, p + mass / 2, p + mass, *outside]))
        log_density = d.log_prob(at)
        falls = log_density[0] > log_density[2]
        return jnp.where(falls, below, p), jnp.where(falls, p, above), at, p

    begin = least, most, jnp.zeros((7, *shape), mass.dtype), least
    return jax.lax.fori_loop(0, num_rounds + 1, halve, begin)[2:]


def _with_derivatives(d: Any, mass: Array, at: Array, p: Array) -> tuple[Array, Array]:
    r"""The ends between which the mass lies with equal densities, with the derivatives of this solution.

    One step of Newton's method on $F(b) - F(a) = m$, $\log f(a) = \log f(b)$ from where both hold, of which only
    the derivatives with respect to the parameters and the mass count. An end at an edge of the support stays there.
    """
    first, last = p == 0, p == 1 - mass
    ends = jnp.stack([jnp.where(first, at[1], at[0]), jnp.where(last, at[1], at[2])])
    log_density, score = jax.jvp(d.log_prob, (ends,), (jnp.ones_like(ends),))
    f, s = jax.lax.stop_gradient((jnp.exp(log_density), score))
    of_cdf, of_mass, of_density = _change(d.cdf(ends)), _change(mass), _change(log_density[0] - log_density[1])
    missing, determinant = of_cdf[1] - of_cdf[0] - of_mass, f[0] * s[1] - f[1] * s[0]
    determinant = jnp.where(first | last, 1, determinant)
    low = at[0] + (missing * s[1] + of_density * f[1]) / determinant
    high = at[2] + (missing * s[0] + of_density * f[0]) / determinant
    least, most = d._bounds()
    low = jnp.where(first, least, jnp.where(last, at[0] - (of_cdf[0] + of_mass) / f[0], low))
    return low, jnp.where(last, most, jnp.where(first, at[2] - (of_cdf[1] - of_mass) / f[1], high))


def _change(value: Array) -> Array:
    """0 with the derivative of a value."""
    return value - jax.lax.stop_gradient(value)


def decision(posterior: Any, loss: str = "squared") -> Any:
    r"""The estimate of least expected loss: the posterior's mean, median or mode.

    Args:
      posterior: a distribution.
      loss: "squared" for $E (a - \theta)^2$, minimised by the mean; "absolute" for $E |a - \theta|$, by the median;
        "zero_one" for the limit of $P(|a - \theta| > \epsilon)$, by the mode.

    Returns:
      The estimate, of the form of the posterior's mean.

    Raises:
      TypeError: for no distribution, or "absolute" with one that has no quantiles.
      ValueError: for another loss.

    Example:
      >>> from jaxmath.distributions import Gamma
      >>> print(decision(Gamma(3.0, 2.0)), decision(Gamma(3.0, 2.0), "zero_one"))
      1.5 1.0

    Reference: Murphy (2012), section 5.7.1.
    """
    name = "bayes.decision"
    posterior = as_distribution(name, posterior)
    loss = one_of(name, "loss", loss, ("squared", "absolute", "zero_one"))
    if loss == "absolute":
        if not isinstance(posterior, Univariate):
            raise TypeError(f"{name}: expected a distribution with quantiles, got {type(posterior).__name__}")
        return posterior.icdf(0.5)
    return posterior.mean if loss == "squared" else posterior.mode


def log_bayes_factor(model: Model, prior_a: Any, prior_b: Any, x: Any) -> Array:
    r"""The log Bayes factor $\log p(x \mid a) - \log p(x \mid b)$ of two priors.

    Args:
      model: a conjugate model.
      prior_a: a distribution of one of the types that the model takes.
      prior_b: another one, such as a narrow one about the value of a null hypothesis.
      x: data, as for :meth:`Model.posterior`.

    Returns:
      The difference of the log-evidences.

    Raises:
      TypeError: for what is no model, priors of another type, or data that is not real.
      ValueError: for data that does not fit.

    Note:
      NaN where an observation is out of the support: it has probability 0 under both.

    Example:
      >>> from jaxmath import bayes
      >>> from jaxmath.distributions import Beta
      >>> data = jnp.array([1, 1, 1, 1])
      >>> print(f"{log_bayes_factor(bayes.BernoulliBeta(), Beta(1.0, 1.0), Beta(1e6, 1e6), data):.3f}")
      1.163

    Reference: Kass and Raftery (1995).
    """
    model = as_model("bayes.log_bayes_factor", model)
    model, _, _ = model._given("log_evidence", prior_a, x, None)
    given = model._given("log_evidence", prior_b, x, None)
    return _log_bayes_factor(*given, prior_a, prior_b)


@partial(jax.jit, inline=True)
def _log_bayes_factor(model: Any, rows: Any, weights: Array | None, prior_a: Any, prior_b: Any) -> Array:
    statistics = statistics_of(model, rows, weights)
    possible = jnp.where(jnp.isfinite(statistics.log_base), 0, jnp.nan)
    statistics = statistics._replace(log_base=possible)  # it is the same of both
    one, two = (evidence(model, prior, statistics) for prior in (prior_a, prior_b))
    return one - two
