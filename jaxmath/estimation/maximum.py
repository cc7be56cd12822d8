"""Maximum likelihood of a family."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.tree_util import Partial
from jaxtyping import Array

from jaxmath import reduce
from jaxmath._array import as_float, as_size, as_weights, product, root, wide
from jaxmath._core.implicit import fixed_point
from jaxmath._record import replaced
from jaxmath.distributions import (
    BetaBinomial,
    DirichletMultinomial,
    Distribution,
    Laplace,
    Multinomial,
    MultivariateNormal,
    MultivariateStudentT,
    NegativeBinomial,
    Normal,
    Pareto,
    StudentT,
    Uniform,
)
from jaxmath.distributions.constraints import from_unconstrained, to_unconstrained
from jaxmath.distributions.fitting import FAMILIES, GAUSSIAN, check_data, check_known, fit, fit_as, nan_unless
from jaxmath.optimize.minimum import newton_direction


def mle(
    distribution_type: type[Any], x: Any, *, weights: Any = None, chunk_size: int | None = None, **known: Any
) -> Any:
    r"""The member of a family of maximum likelihood, $\arg \max_\theta \sum_i w_i \log p(x_i \mid \theta)$.

    By a formula, or by Newton's method on the mean statistics, for exponential families (see
    :func:`jaxmath.distributions.fit`), Uniform, Pareto and Laplace; by Newton's method on the likelihood for StudentT,
    MultivariateStudentT, NegativeBinomial, BetaBinomial and DirichletMultinomial. Many groups at once:
    ``jax.vmap(lambda x: estimation.mle(Gamma, x))(groups)``. The derivative is that of the maximum.

    Args:
      distribution_type: the family, such as ``distributions.Normal``.
      x: data, shape (n,), or (n, d) for vectors.
      weights: how often each row counts, shape (n,); None counts each once.
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`.
      **known: what is not estimated: ``total_count`` of the binomial and multinomial families, ``num_classes`` of
        Categorical.

    Returns:
      The distribution, in float32 or wider.

    Raises:
      TypeError: for another family, or what is known missing or unknown.
      ValueError: if the data has another rank or no rows, or the weights are not (n,).

    Note:
      NaN parameters for an argument out of the support in a row of nonzero weight, and where the likelihood has no
      maximum or none was found, as for a NegativeBinomial of counts that vary less than those of a Poisson
      distribution, or equal data of a StudentT one. Where that one's likelihood rises for ever its degrees of freedom
      stop at 41,000 (in float64 at 2.7e10). The scale of a Normal, LogNormal or Laplace distribution is 0 for
      equal data.

    Example:
      >>> from jaxmath.distributions import Poisson
      >>> print(mle(Poisson, [1, 2, 6]).rate)
      3.0

    Reference: section 6.7.1.
    """
    name = "estimation.mle"
    if distribution_type in FAMILIES or distribution_type in GAUSSIAN:
        return fit_as(name, distribution_type, x, weights, chunk_size, known)
    if distribution_type not in _ESTIMATORS:
        got = getattr(distribution_type, "__name__", repr(distribution_type))
        families = ", ".join(sorted(kind.__name__ for kind in (*FAMILIES, *GAUSSIAN, *_ESTIMATORS)))
        raise TypeError(f"{name}: expected one of {families}, got {got}; for others see estimation.descend")
    estimator = _ESTIMATORS[distribution_type]
    chunk_size = None if chunk_size is None else as_size(name, "chunk_size", chunk_size)
    x = as_float(name, x)
    check_data(name, distribution_type, x)
    check_known(name, distribution_type, estimator.known, known)
    given = jnp.ones(len(x), wide(x).dtype) if weights is None else as_weights(name, weights, len(x))
    found = estimator.initialize(wide(x), given.astype(wide(x).dtype), **known)
    return _by_newton(found, wide(x), given, chunk_size) if estimator.by_newton else found


class _Estimator(NamedTuple):
    """An estimate from all rows, and whether the likelihood is maximised from there."""

    initialize: Callable[..., Distribution]
    by_newton: bool = False
    known: tuple[str, ...] = ()


class _NewtonStep(NamedTuple):
    r"""A step $u + t\, |H|^{-1} g$ on unconstrained parameters, of gradient and Hessian of the log-likelihood.

    Curvatures are taken without their signs, and $t = 1 / (1 + \lambda)$ with $\lambda^2 = g^T |H|^{-1} g / n$, which
    tends to 0: Newton's step near the maximum, in whatever units. A gradient within its rounding is none.
    """

    chunk_size: int | None

    def __call__(self, params: Array, data: tuple[Any, Array, Array]) -> Array:
        like, x, weights = data
        u, as_unconstrained = ravel_pytree(to_unconstrained(_with_params(like, params)))
        statistics = Partial(partial(_derivatives, as_unconstrained), like, u)
        gradient, size, hessian = reduce.over(statistics, x, weights=weights, chunk_size=self.chunk_size)
        rounding = 8 * jnp.finfo(u.dtype).eps * size
        gradient -= jax.lax.stop_gradient(jnp.where(jnp.abs(gradient) <= rounding, gradient, 0))
        direction = newton_direction(hessian, gradient)
        step = direction / (1 + root(jnp.abs(product(gradient, direction)) / weights.sum()))
        return _params(_bounded(from_unconstrained(like, as_unconstrained(u + step))))


def _bounded(d: Any) -> Any:
    """Degrees of freedom stop where rounding begins to hide which way they go; the density is a normal one there."""
    if not hasattr(d, "df"):
        return d
    return replaced(d, {"df": jnp.minimum(d.df, jnp.finfo(d.df.dtype).eps ** (-2 / 3))})


def _derivatives(
    as_unconstrained: Callable[[Array], Any], like: Any, u: Array, rows: Array, weights: Array
) -> tuple[Array, Array, Array]:
    """Gradient, the sum of the sizes of what is added up for it, and Hessian of the log-likelihood of rows."""

    def gradient(u: Array) -> tuple[Array, tuple[Array, Array]]:
        scores = jax.jacfwd(lambda u: from_unconstrained(like, as_unconstrained(u)).log_prob(rows))(u)
        scores = jnp.where((weights != 0)[:, None], scores, 0)
        total = product(weights, scores)
        return total, (total, product(weights, jnp.abs(scores)))

    hessian, (total, size) = jax.jacfwd(gradient, has_aux=True)(u)
    return total, size, hessian


@partial(jax.jit, static_argnames="chunk_size")
def _by_newton(start: Any, x: Array, weights: Array, chunk_size: int | None) -> Any:
    start = start._cast(x.dtype)
    found = fixed_point(_NewtonStep(chunk_size), _params(start), (start, x, weights))
    d = _with_params(start, found.params)
    return nan_unless(found.converged & d._valid(), d)


def _params(d: Any) -> Array:
    """The parameters that can be estimated, one after the other."""
    return ravel_pytree({field: vars(d)[field] for field in to_unconstrained(d)})[0]


def _with_params(like: Any, params: Array) -> Any:
    given = {field: vars(like)[field] for field in to_unconstrained(like)}
    return replaced(like, ravel_pytree(given)[1](params))


@jax.jit
def _uniform(x: Array, weights: Array) -> Uniform:
    counted, unknown = weights != 0, _unknown(x, weights)
    low, high = jnp.min(jnp.where(counted, x, jnp.inf)), jnp.max(jnp.where(counted, x, -jnp.inf))
    return nan_unless(low < high, Uniform(low + unknown, high + unknown))


def _unknown(x: Array, weights: Array) -> Array:
    """NaN if a row of positive weight, or a weight, is not finite; otherwise 0."""
    known = jnp.isfinite(x) | (weights == 0)
    return jnp.where((known & jnp.isfinite(weights)).all(), 0, jnp.nan)


@jax.jit
def _pareto(x: Array, weights: Array) -> Pareto:
    scale = jnp.min(jnp.where(weights != 0, x, jnp.inf)) + _unknown(x, weights)
    scale = jnp.where(scale > 0, scale, jnp.nan)
    excess = jnp.sum(weights * jnp.where(weights != 0, jnp.log(jnp.where(weights != 0, x, scale) / scale), 0))
    return nan_unless(excess > 0, Pareto(weights.sum() / excess, scale))


@jax.jit
def _laplace(x: Array, weights: Array) -> Laplace:
    (loc,) = _quantiles(x, weights, (0.5,))
    distance = jnp.where(weights != 0, jnp.abs(x - loc), 0)
    return Laplace(loc + _unknown(x, weights), jnp.sum(weights * distance) / weights.sum())


def _quantiles(x: Array, weights: Array, shares: tuple[float, ...]) -> list[Array]:
    """The values below which these shares of the weight lie; the middle between two where a share ends there."""
    order = jnp.argsort(jnp.where(weights == 0, jnp.inf, x))
    x, cumulative = x[order], jnp.cumsum(weights[order])
    levels = [share * cumulative[-1] for share in shares]
    last = jnp.sum(weights != 0) - 1
    ends = [[jnp.searchsorted(cumulative, level, side=side) for side in ("left", "right")] for level in levels]
    return [(x[jnp.minimum(a, last)] + x[jnp.minimum(b, last)]) / 2 for a, b in ends]


@jax.jit
def _initial_student_t(x: Array, weights: Array) -> StudentT:
    low, middle, high = _quantiles(x, weights, (0.25, 0.5, 0.75))
    return StudentT(jnp.full((), 4.0, x.dtype), middle, (high - low) / 1.5)


def _initial_negative_binomial(x: Array, weights: Array) -> NegativeBinomial:
    normal = fit(Normal, x, weights=weights)
    mean, variance = normal.mean, normal.variance
    excess = jnp.where(variance > mean, variance - mean, jnp.nan)
    return NegativeBinomial(mean**2 / excess, mean / variance)


def _initial_beta_binomial(x: Array, weights: Array, total_count: Any) -> BetaBinomial:
    normal = fit(Normal, x, weights=weights)
    p = normal.mean / total_count
    ratio = normal.variance / (total_count * p * (1 - p))  # 1 + (n - 1) / (a + b + 1)
    size = jnp.clip((total_count - 1) / jnp.maximum(ratio - 1, 1e-3) - 1, 0.1, 1e3)
    return BetaBinomial(total_count, p * size, (1 - p) * size)


def _initial_dirichlet_multinomial(x: Array, weights: Array, total_count: Any) -> DirichletMultinomial:
    share = fit(Multinomial, x, weights=weights, total_count=total_count).probs
    return DirichletMultinomial(total_count, jnp.maximum(share, 1e-3) * x.shape[1])


def _initial_multivariate_student_t(x: Array, weights: Array) -> MultivariateStudentT:
    normal = fit(MultivariateNormal, x, weights=weights)
    return MultivariateStudentT(jnp.full((), 4.0, x.dtype), normal.loc, normal.scale_tril / math.sqrt(2))


_ESTIMATORS: dict[type, _Estimator] = {
    BetaBinomial: _Estimator(_initial_beta_binomial, True, ("total_count",)),
    DirichletMultinomial: _Estimator(_initial_dirichlet_multinomial, True, ("total_count",)),
    Laplace: _Estimator(_laplace),
    MultivariateStudentT: _Estimator(_initial_multivariate_student_t, True),
    NegativeBinomial: _Estimator(_initial_negative_binomial, True),
    Pareto: _Estimator(_pareto),
    StudentT: _Estimator(_initial_student_t, True),
    Uniform: _Estimator(_uniform),
}
