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
from jaxmath._array import as_float, as_size, as_weights, wide
from jaxmath._core.implicit import fixed_point
from jaxmath._record import replaced
from jaxmath._stream import even_pieces
from jaxmath.distributions import special
from jaxmath.distributions.base import Distribution, where_batch
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

# Data of up to so many numbers are one chunk by default: many fits by vmap are then not cut, which would copy them.
_ONE_CHUNK = 2**16


class Family(NamedTuple):
    """How a family is fitted.

    Attributes:
      like: any member, of what is known beforehand and the number of columns.
      statistics: those whose means are needed, each of shape (n,) or (n, m), as differences from those of one row,
        which keep their digits where the data is far from 0 for its spread. Of n rows, the one row, and a member.
      solve: the distribution, from the means of the statistics, the one row, and a member that holds what is known.
      known: the names of what must be known.
      open: whether the statistics are finite inside the support only.
    """

    like: Callable[..., Distribution]
    statistics: Callable[[Array, Array, Any], tuple[Array, ...]]
    solve: Callable[[tuple[Array, ...], Array, Any], Distribution]
    known: tuple[str, ...] = ()
    open: bool = False


def _of_mean(make: Callable[[Array, Any], Distribution]) -> dict[str, Any]:
    """A family whose mean is that of the data."""
    return {
        "statistics": lambda x, row, like: (x - row,),
        "solve": lambda means, row, like: make(row + means[0], like),
    }


def _of_shares(make: Callable[[Array, Any], Distribution], share: Callable[[Array, Any], Array]) -> dict[str, Any]:
    """A family of a mean share between 0 and 1; nothing is subtracted, so that none is below 0."""
    return {
        "statistics": lambda x, row, like: (share(x, like),),
        "solve": lambda means, row, like: make(means[0], like),
    }


def _log_ratio(x: Array, row: Array) -> Array:
    r"""$\log \frac x {x_0}$, with all its digits near $x_0$ too, where what the quotient lacks is added."""
    quotient = x / row
    lost = (x - row) / row - (quotient - 1)
    return jnp.log(quotient) + 2 * quotient / (1 + quotient**2) * lost  # a factor that is 1 there, small elsewhere


def _ratios(x: Array, row: Array, _: Any) -> tuple[Array, Array]:
    return (x - row) / row, _log_ratio(x, row)


def _ratios_of_both(x: Array, row: Array, like: Any) -> tuple[Array, Array]:
    return _ratios(jnp.stack([x, 1 - x], axis=1), jnp.stack([row, 1 - row]), like)


def _gap(means: tuple[Array, ...]) -> Array:
    """The logarithm of the mean of positive data less the mean of its logarithms; NaN where it is not positive."""
    gap = jnp.log1p(means[0]) - means[1]
    return jnp.where(gap > 0, gap, jnp.nan)


def _solve_gamma(means: tuple[Array, ...]) -> Array:
    """The concentration of a gamma distribution, from the means of such ratios."""
    gap = _gap(means)
    start = (3 - gap + jnp.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    found = fixed_point(_gamma_step, start, gap)
    return jnp.where(found.converged, found.params, jnp.nan)


def _gamma(means: tuple[Array, ...], row: Array, _: Any) -> Gamma:
    concentration = _solve_gamma(means)
    return Gamma(concentration, concentration / (row * (1 + means[0])))


def _inverse_gamma(means: tuple[Array, ...], row: Array, _: Any) -> InverseGamma:
    """The inverse of the data is a gamma distribution whose rate is the scale."""
    concentration = _solve_gamma(means)
    return InverseGamma(concentration, concentration * row / (1 + means[0]))


def _gamma_step(a: Array, gap: Array) -> Array:
    r"""A Newton step to where $1 / (\log a - \psi(a)) = 1 / g$, whose left side is nearly straight."""
    value, slope = jax.jvp(special.digamma_error, (a,), (jnp.ones_like(a),))
    return jnp.maximum(a + (value - value**2 / gap) / slope, a / 10)


def _solve_dirichlet(means: tuple[Array, ...], row: Array) -> Array:
    """The concentration of a Dirichlet distribution, from the means of such ratios."""
    mean, gap = row * (1 + means[0]), _gap(means)
    start = (len(mean) - 1) / (2 * jnp.sum(mean * gap)) * mean
    found = fixed_point(_dirichlet_step, start, (mean, gap))
    return jnp.where(found.converged, found.params, jnp.nan)


def _dirichlet_step(a: Array, data: tuple[Array, Array]) -> Array:
    """A Newton step to where the expected logarithms are these; half of a concentration where it would be negative.

    The Hessian is diagonal plus a constant, inverted by the formula of Sherman and Morrison.
    """
    (mean, gap), n, trigamma = data, a.sum(), jax.scipy.special.polygamma
    gradient = jnp.log(n * mean / a) - gap - special.digamma_error(n) + special.digamma_error(a)
    curvature, common = -trigamma(1, a), trigamma(1, n)
    shift = jnp.sum(gradient / curvature) / (1 / common + jnp.sum(1 / curvature))
    new = a - (gradient - shift) / curvature
    return jnp.where(new > 0, new, a / 2)


FAMILIES: dict[type, Family] = {
    Bernoulli: Family(lambda size: Bernoulli(0.5), **_of_shares(lambda p, like: Bernoulli(p), lambda x, like: x)),
    Beta: Family(
        lambda size: Beta(1.0, 1.0),
        _ratios_of_both,
        lambda means, row, like: Beta(*_solve_dirichlet(means, jnp.stack([row, 1 - row]))),
        open=True,
    ),
    Binomial: Family(
        lambda size, total_count: Binomial(total_count, 0.5),
        **_of_shares(lambda p, like: Binomial(like.total_count, p), lambda x, like: x / like.total_count),
        known=("total_count",),
    ),
    Categorical: Family(
        lambda size, num_classes: Categorical(probs=jnp.full(num_classes, 1 / num_classes)),
        **_of_shares(lambda p, like: Categorical(probs=p), lambda x, like: one_hot(x, like.probs.shape[-1])),
        known=("num_classes",),
    ),
    Dirichlet: Family(
        lambda size: Dirichlet(jnp.ones(size)),
        _ratios,
        lambda means, row, like: Dirichlet(_solve_dirichlet(means, row)),
        open=True,
    ),
    Exponential: Family(
        lambda size: Exponential(1.0),
        **_of_mean(lambda mean, like: Exponential(1 / mean)),
    ),
    Gamma: Family(lambda size: Gamma(1.0, 1.0), _ratios, _gamma, open=True),
    InverseGamma: Family(
        lambda size: InverseGamma(1.0, 1.0),
        lambda x, row, like: ((row - x) / x, -_log_ratio(x, row)),
        _inverse_gamma,
        open=True,
    ),
    Multinomial: Family(
        lambda size, total_count: Multinomial(total_count, jnp.full(size, 1 / size)),
        **_of_shares(lambda p, like: Multinomial(like.total_count, p), lambda x, like: x / like.total_count),
        known=("total_count",),
    ),
    Poisson: Family(lambda size: Poisson(1.0), **_of_mean(lambda mean, like: Poisson(jnp.maximum(mean, 0)))),
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
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`; by default all rows of up to 65,536 numbers.
      **known: what is not estimated: ``total_count`` of Binomial and Multinomial; ``num_classes`` of Categorical, by
        default one more than the largest label, which must not be traced then.

    Returns:
      The distribution, in float32 or wider.

    Raises:
      TypeError: for another family (:func:`jaxmath.estimation.mle` knows more), what is known missing or unknown.
      ValueError: if the data has another rank or no rows, or the weights are not (n,).

    Note:
      NaN parameters for an argument out of the support in a row of nonzero weight, where all weights are 0, and where
      the likelihood has no maximum, as for equal data of a gamma distribution; a scale of 0 for equal data of a normal
      one.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(fit(Normal, jnp.array([1.0, 3.0])))
      Normal(loc=Array(2., dtype=float32), scale=Array(1., dtype=float32))

    Reference: Bishop (2006), equation 2.228; Minka (2000) for Dirichlet, Minka (2002) for gamma.
    """
    return fit_as("distributions.fit", distribution_type, x, weights, chunk_size, known)


def fit_as(name: str, distribution_type: Any, x: Any, weights: Any, chunk_size: int | None, known: dict) -> Any:
    """As :func:`fit` in errors of another name."""
    x = as_float(name, x)
    like = _member(name, distribution_type, x, known)
    weights = None if weights is None else as_weights(name, weights, len(x))
    if chunk_size is None and x.size <= _ONE_CHUNK:
        chunk_size = len(x)
    if distribution_type in GAUSSIAN:
        found = moments.of(_gaussian_rows(distribution_type, x), weights=weights, chunk_size=chunk_size)
        return _of_moments(distribution_type, found)
    row = _typical_row(like, x, weights)
    return _solve(like, row, reduce.over(Partial(_sums, like, row), x, weights=weights, chunk_size=chunk_size))


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
        return _of_moments(distribution_type, moments.of_batches(rows, weights=weights))
    pieces = even_pieces(name, (as_float(name, batch) for batch in batches), weights)
    first = next(pieces, None)
    if first is None:
        raise ValueError(f"{name}: expected at least one row, got an empty iterable")
    x = as_float(name, first[0])
    like = _member(name, distribution_type, x, known)
    row = _typical_row(like, x, as_weights(name, first[1], len(x)))
    sums = reduce._over_pieces(name, Partial(_sums, like, row), itertools.chain([first], pieces))
    return _solve(like, row, sums)


def _of_moments(distribution_type: type, found: moments.Moments) -> Any:
    return nan_unless(found.count > 0, GAUSSIAN[distribution_type](found))


def nan_unless(exists: Array, d: Any) -> Any:
    """A distribution whose estimated parameters are NaN where there is no maximum."""
    estimated = [(field, value) for field, value in d._given() if d.constraints[field].to_real is not None]
    return replaced(d, {field: jnp.where(exists, value, jnp.nan) for field, value in estimated})


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
    for field, value in known.items():
        if np.shape(value) != ():
            raise ValueError(f"{name}: {field} must be one number, got shape {np.shape(value)}")


@jax.jit
def _typical_row(like: Any, x: Array, weights: Array | None) -> Array:
    """A row near the data, of the statistics of which those of the others are differences; else any of the support."""
    row = reduce.typical_row(x.reshape(len(x), -1), weights).reshape(x.shape[1:])
    point = jnp.broadcast_to(like._point(), row.shape)
    finite = [jnp.isfinite(a).all() for a in FAMILIES[type(like)].statistics(point[None], row, like)]
    return jnp.where(jnp.stack(finite).all(), row, point)


def _sums(like: Any, row: Array, rows: Array, weights: Array) -> tuple[Array, tuple[Array, ...]]:
    """The sum of weights, and the weighted sums of the statistics; NaN for rows out of the support."""
    inside, rows, family = like._inside(rows), wide(rows), FAMILIES[type(like)]
    if family.open:
        low, high = like._bounds()
        inside &= ((rows > low) & (rows < high)).reshape(len(rows), -1).all(axis=1)
    # only rows of weight 0 are replaced: a choice at every row costs more than all the rest on a CPU
    rows = where_batch(inside | (weights != 0), rows, row, rows.ndim - 1)
    total = tuple(_weighted_sum(weights, a) for a in family.statistics(rows, row, like))
    valid = (inside | (weights == 0)).all()
    return weights.sum(), jax.tree.map(lambda a: jnp.where(valid, a, jnp.nan), total)


def _weighted_sum(weights: Array, values: Array) -> Array:
    return jnp.sum(weights.reshape(-1, *(1,) * (values.ndim - 1)) * values, axis=0)


@jax.jit
def _solve(like: Any, row: Array, sums: tuple[Array, tuple[Array, ...]]) -> Distribution:
    count, total = sums
    d: Any = FAMILIES[type(like)].solve(jax.tree.map(lambda a: a / count, total), row, like)
    return nan_unless(d._valid(), d)
