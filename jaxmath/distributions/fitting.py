"""Members of exponential families whose expected sufficient statistics are the means of those of data."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.tree_util import Partial
from jaxtyping import Array

from jaxmath import moments, reduce
from jaxmath._array import as_float, as_size, as_weights, product, wide
from jaxmath._core.implicit import fixed_point
from jaxmath._stream import even_pieces
from jaxmath.distributions import special
from jaxmath.distributions.base import Distribution, _where
from jaxmath.distributions.bernoulli import Bernoulli
from jaxmath.distributions.beta import Beta
from jaxmath.distributions.binomial import Binomial
from jaxmath.distributions.categorical import Categorical, one_hot
from jaxmath.distributions.dirichlet import Dirichlet
from jaxmath.distributions.exponential import Exponential
from jaxmath.distributions.gamma import Gamma
from jaxmath.distributions.inverse_gamma import InverseGamma
from jaxmath.distributions.log_normal import LogNormal
from jaxmath.distributions.multinomial import Multinomial
from jaxmath.distributions.multivariate_normal import MultivariateNormal
from jaxmath.distributions.normal import Normal
from jaxmath.distributions.poisson import Poisson


class Family(NamedTuple):
    """How a family is fitted.

    Attributes:
      like: any member, of what is known beforehand and the number of columns.
      columns: the statistics whose means are needed, shape (n, m), of n arguments and a member of the family.
      solve: the distribution of those means, given as a value near them and what they are beyond it, and of a member
        that holds what is known.
      known: the names of what must be known.
      open: whether the statistics are finite inside the support only.
    """

    like: Callable[..., Distribution]
    columns: Callable[[Array, Any], Array]
    solve: Callable[[Array, Array, Any], Distribution]
    known: tuple[str, ...] = ()
    open: bool = False


def _single(x: Array, _: Any) -> Array:
    return x[:, None]


def _beta_columns(x: Array, _: Any) -> Array:
    return jnp.stack([x, 1 - x, jnp.log(x), jnp.log1p(-x)], axis=1)


def _solve_dirichlet(means: Array) -> Array:
    """The concentration of a Dirichlet distribution, from the means of its entries and of their logarithms."""
    mean, log_mean = jnp.split(means, 2)
    spread = jnp.sum(mean * (jnp.log(mean) - log_mean))
    start = (len(mean) - 1) / (2 * jnp.where(spread > 0, spread, jnp.nan)) * mean
    found = fixed_point(_dirichlet_step, start, log_mean)
    return jnp.where(found.converged, found.params, jnp.nan)


def _dirichlet_step(a: Array, log_mean: Array) -> Array:
    """A Newton step to where the expected logarithms are these; half of a concentration where it would be negative.

    The Hessian is diagonal plus a constant, inverted by the formula of Sherman and Morrison.
    """
    n, trigamma = a.sum(), jax.scipy.special.polygamma
    gradient = jnp.log(n / a) - special.digamma_error(n) + special.digamma_error(a) + log_mean
    curvature, common = -trigamma(1, a), trigamma(1, n)
    shift = jnp.sum(gradient / curvature) / (1 / common + jnp.sum(1 / curvature))
    new = a - (gradient - shift) / curvature
    return jnp.where(new > 0, new, a / 2)


def _solve_gamma(center: Array, offset: Array) -> tuple[Array, Array]:
    """Concentration and rate of a gamma distribution, from the means of its draws and of their logarithms.

    Both as a value near them and what they are beyond it: their difference keeps its digits.
    """
    mean = center[0] + offset[0]
    gap = jnp.log1p(offset[0] / center[0]) - (offset[1] - (jnp.log(center[0]) - center[1]))
    gap = jnp.where(gap > 0, gap, jnp.nan)
    start = (3 - gap + jnp.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    found = fixed_point(_gamma_step, start, gap)
    concentration = jnp.where(found.converged, found.params, jnp.nan)
    return concentration, concentration / mean


def _gamma_step(a: Array, gap: Array) -> Array:
    r"""A Newton step to where $1 / (\log a - \psi(a)) = 1 / g$, whose left side is nearly straight."""
    value, slope = jax.jvp(special.digamma_error, (a,), (jnp.ones_like(a),))
    return jnp.maximum(a + (value - value**2 / gap) / slope, a / 10)


def _inverse_gamma(center: Array, offset: Array, _: Any) -> InverseGamma:
    sign = jnp.array([1, -1], center.dtype)
    return InverseGamma(*_solve_gamma(center * sign, offset * sign))


FAMILIES: dict[type, Family] = {
    Bernoulli: Family(
        lambda size: Bernoulli(0.5), _single, lambda center, offset, like: Bernoulli((center + offset)[0])
    ),
    Beta: Family(
        lambda size: Beta(1.0, 1.0),
        _beta_columns,
        lambda center, offset, like: Beta(*_solve_dirichlet(center + offset)),
        open=True,
    ),
    Binomial: Family(
        lambda size, total_count: Binomial(total_count, 0.5),
        _single,
        lambda center, offset, like: Binomial(like.total_count, (center + offset)[0] / like.total_count),
        ("total_count",),
    ),
    Categorical: Family(
        lambda size, num_classes: Categorical(probs=jnp.full(num_classes, 1 / num_classes)),
        lambda x, like: one_hot(x, like.probs.shape[-1]),
        lambda center, offset, like: Categorical(probs=center + offset),
        ("num_classes",),
    ),
    Dirichlet: Family(
        lambda size: Dirichlet(jnp.ones(size)),
        lambda x, like: jnp.concatenate([x, jnp.log(x)], axis=1),
        lambda center, offset, like: Dirichlet(_solve_dirichlet(center + offset)),
        open=True,
    ),
    Exponential: Family(
        lambda size: Exponential(1.0), _single, lambda center, offset, like: Exponential(1 / (center + offset)[0])
    ),
    Gamma: Family(
        lambda size: Gamma(1.0, 1.0),
        lambda x, like: jnp.stack([x, jnp.log(x)], axis=1),
        lambda center, offset, like: Gamma(*_solve_gamma(center, offset)),
        open=True,
    ),
    InverseGamma: Family(
        lambda size: InverseGamma(1.0, 1.0),
        lambda x, like: jnp.stack([1 / x, jnp.log(x)], axis=1),
        _inverse_gamma,
        open=True,
    ),
    Multinomial: Family(
        lambda size, total_count: Multinomial(total_count, jnp.full(size, 1 / size)),
        lambda x, like: x,
        lambda center, offset, like: Multinomial(like.total_count, (center + offset) / like.total_count),
        ("total_count",),
    ),
    Poisson: Family(lambda size: Poisson(1.0), _single, lambda center, offset, like: Poisson((center + offset)[0])),
}
# Families of the normal distribution, of the moments of the data or of their logarithms.
GAUSSIAN: dict[type, Callable[[moments.Moments], Distribution]] = {
    Normal: lambda found: Normal(*_loc_scale(found)),
    LogNormal: lambda found: LogNormal(*_loc_scale(found)),
    MultivariateNormal: lambda found: MultivariateNormal(found.mean, covariance=moments.covariance(found, ddof=0)),
}


def fit(
    distribution_type: type[Any], x: Any, *, weights: Any = None, chunk_size: int | None = None, **known: Any
) -> Any:
    r"""The member of an exponential family of maximum likelihood, $E[T] = \frac{\sum_i w_i T(x_i)}{\sum_i w_i}$.

    One pass over the data through :func:`jaxmath.reduce.over`, then a formula or, for gamma, inverse gamma, beta and
    Dirichlet, Newton's method, whose result has the derivative of the solution.

    Args:
      distribution_type: Normal, MultivariateNormal, LogNormal, Exponential, Gamma, InverseGamma, Beta, Dirichlet,
        Bernoulli, Binomial, Categorical, Multinomial or Poisson.
      x: data, shape (n,), or (n, d) for vectors.
      weights: how often each row counts, shape (n,); None counts each once.
      chunk_size: rows in a chunk.
      **known: what is not estimated: ``total_count`` of Binomial and Multinomial; ``num_classes`` of Categorical, by
        default one more than the largest label, which must not be traced then.

    Returns:
      The distribution, in float32 or wider.

    Raises:
      TypeError: for another family (:func:`jaxmath.estimation.mle` knows more), what is known missing or unknown.
      ValueError: if the data has another rank or no rows, or the weights are not (n,).

    Note:
      NaN parameters for an argument out of the support that counts, and where the likelihood has no maximum, as for
      equal data of a gamma distribution; a scale of 0 for equal data of a normal one.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(fit(Normal, jnp.array([1.0, 3.0])))
      Normal(loc=Array(2., dtype=float32), scale=Array(1., dtype=float32))

    Reference: Bishop (2006), equation 2.228; Minka (2000) for Dirichlet, Minka (2002) for gamma.
    """
    name = "distributions.fit"
    x = as_float(name, x)
    like = _member(name, distribution_type, x, known)
    weights = None if weights is None else as_weights(name, weights, len(x))
    if distribution_type in GAUSSIAN:
        found = moments.of(_gaussian_rows(distribution_type, x), weights=weights, chunk_size=chunk_size)
        return GAUSSIAN[distribution_type](found)
    shift = _shift(like, reduce.typical_row(x.reshape(len(x), -1), weights))
    return _solve(like, shift, reduce.over(Partial(_sums, like, shift), x, weights=weights, chunk_size=chunk_size))


def fit_batches(
    distribution_type: type[Any], batches: Iterable[Any], *, weights: Iterable[Any] | None = None, **known: Any
) -> Any:
    """As :func:`fit` of a stream of batches that are together larger than memory.

    Args:
      distribution_type: as for :func:`fit`.
      batches: an iterable of arrays of shape (m,) or (m, d).
      weights: an iterable of weights, shape (m,) a batch; None counts each row once.
      **known: as for :func:`fit`; ``num_classes`` must be given.

    Returns:
      The distribution.

    Raises:
      As :func:`fit` does; ValueError if there is no row at all.

    Example:
      >>> from jaxmath.distributions import Exponential
      >>> print(fit_batches(Exponential, (jnp.full(2, float(i)) for i in range(3))).mean)
      1.0
    """
    name = "distributions.fit_batches"
    if distribution_type in GAUSSIAN:
        rows = (_gaussian_rows(distribution_type, as_float(name, batch)) for batch in batches)
        return GAUSSIAN[distribution_type](moments.of_batches(rows, weights=weights))
    pieces = even_pieces(name, (as_float(name, batch) for batch in batches), weights)
    first = next(pieces, None)
    if first is None:
        raise ValueError(f"{name}: expected at least one row, got an empty iterable")
    x = as_float(name, first[0])
    like = _member(name, distribution_type, x, known)
    shift = _shift(like, reduce.typical_row(x.reshape(len(x), -1), as_weights(name, first[1], len(x))))
    sums = reduce._over_pieces(name, Partial(_sums, like, shift), itertools.chain([first], pieces))
    return _solve(like, shift, sums)


def _loc_scale(found: moments.Moments) -> tuple[Array, Array]:
    return found.mean[0], jnp.sqrt(moments.covariance(found, ddof=0)[0, 0])


def _gaussian_rows(distribution_type: type, x: Array) -> Array:
    if distribution_type is LogNormal:
        x = jnp.log(x)
    return x if distribution_type is MultivariateNormal else x[:, None]


def _member(name: str, distribution_type: Any, x: Array, known: dict[str, Any]) -> Any:
    """A member of the family that holds what is known, for data of the right rank."""
    if distribution_type not in FAMILIES and distribution_type not in GAUSSIAN:
        got = getattr(distribution_type, "__name__", repr(distribution_type))
        families = ", ".join(sorted(kind.__name__ for kind in (*FAMILIES, *GAUSSIAN)))
        raise TypeError(f"{name}: expected one of {families}, got {got}")
    check_data(name, distribution_type, x)
    family = FAMILIES.get(distribution_type)
    wanted = family.known if family else ()
    if "num_classes" in wanted and "num_classes" not in known:
        if isinstance(x, Tracer):
            raise TypeError(f"{name}: num_classes must be given where the labels are traced")
        known = {**known, "num_classes": int(np.max(np.asarray(x), initial=0)) + 1}
    check_known(name, distribution_type, wanted, known)
    if "num_classes" in known:
        known = {"num_classes": as_size(name, "num_classes", known["num_classes"])}
    return family and family.like(x.shape[-1], **known)._cast(wide(x).dtype)


def check_data(name: str, distribution_type: Any, x: Array) -> None:
    """Raises for data of another rank than arguments of the family, or without rows."""
    (rank,) = distribution_type.event_ranks
    if x.ndim != 1 + rank or 0 in x.shape:
        wanted = "(n, d)" if rank else "(n,)"
        raise ValueError(f"{name}: expected data of shape {wanted} with at least one row, got {x.shape}")


def check_known(name: str, distribution_type: Any, wanted: tuple[str, ...], known: dict[str, Any]) -> None:
    """Raises unless exactly what must be known is given."""
    if set(known) != set(wanted):
        kind = distribution_type.__name__
        raise TypeError(f"{name}: {kind} takes {' and '.join(wanted) or 'nothing'} as known, got {sorted(known)}")


@jax.jit
def _shift(like: Any, row: Array) -> Array:
    """The statistics of a row near the data, of which sums of differences keep their digits; else those of any row."""
    (rank,) = like.event_ranks
    row = row if rank else row[0]
    columns = FAMILIES[type(like)].columns
    value, other = (columns(x[None], like)[0] for x in (row, jnp.broadcast_to(like._point(), row.shape)))
    return jnp.where(jnp.isfinite(value).all(), value, other)


def _sums(like: Any, shift: Array, rows: Array, weights: Array) -> tuple[Array, Array]:
    """The sum of weights, and the weighted sum of the statistics beyond a shift; NaN for rows out of the support."""
    rows, family = wide(rows), FAMILIES[type(like)]
    inside = like._inside(rows)
    if family.open:
        low, high = like._bounds()
        inside &= ((rows > low) & (rows < high)).reshape(len(rows), -1).all(axis=1)
    point = jnp.broadcast_to(like._point(), rows.shape)
    columns = family.columns(_where(inside, rows, point, rows.ndim - 1), like)
    counted = inside | (weights == 0)
    return weights.sum(), product(weights, jnp.where(counted[:, None], columns - shift, jnp.nan))


@jax.jit
def _solve(like: Any, shift: Array, sums: tuple[Array, Array]) -> Distribution:
    count, total = sums
    return FAMILIES[type(like)].solve(shift, total / count, like)
