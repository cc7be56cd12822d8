r"""Exponential families: $p(x) = h(x) \exp(\eta \cdot T(x) - A(\eta))$.

The natural parameters $\eta$ and the sufficient statistics T(x) are tuples of arrays of the same shapes; the mean
parameters are $E[T(x)] = \nabla A(\eta)$.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._array import product
from jaxmath._core import gaussian
from jaxmath.distributions.base import Distribution, as_parameter, where_batch
from jaxmath.distributions.bernoulli import Bernoulli
from jaxmath.distributions.beta import Beta
from jaxmath.distributions.binomial import Binomial
from jaxmath.distributions.categorical import Categorical, one_hot
from jaxmath.distributions.dirichlet import Dirichlet
from jaxmath.distributions.exponential import Exponential
from jaxmath.distributions.gamma import Gamma
from jaxmath.distributions.inverse_gamma import InverseGamma
from jaxmath.distributions.log_normal import LogNormal
from jaxmath.distributions.mixture import broadcast_parameters
from jaxmath.distributions.multivariate_normal import MultivariateNormal
from jaxmath.distributions.normal import Normal
from jaxmath.distributions.poisson import Poisson

_HALF_LOG_2_PI = math.log(2 * math.pi) / 2
gammaln = jax.scipy.special.gammaln


class ExponentialForm(NamedTuple):
    """The form of a family.

    Attributes:
      statistics: T, of an argument (and the distribution, for what is known of it such as a count).
      natural: the natural parameters of a distribution.
      rebuild: the distribution of natural parameters, from one that holds what is known.
      log_partition: A, of a distribution.
    """

    statistics: Callable[[Any, Array], tuple[Array, ...]]
    natural: Callable[[Any], tuple[Array, ...]]
    rebuild: Callable[..., Distribution]
    log_partition: Callable[[Any], Array]


def _normal_natural(d: Any) -> tuple[Array, Array]:
    precision = 1 / d.scale**2
    return d.loc * precision, -precision / 2


def _normal_partition(d: Any) -> Array:
    return (d.loc / d.scale) ** 2 / 2 + jnp.log(d.scale) + _HALF_LOG_2_PI


def _rebuild_normal(kind: Any) -> Callable[..., Distribution]:
    return lambda d, first, second: kind(-first / (2 * second), jnp.sqrt(-1 / (2 * second)))


def _vector_natural(d: MultivariateNormal) -> tuple[Array, Array]:
    precision = d.precision
    return product(precision, d.loc[..., None])[..., 0], -precision / 2


def _rebuild_vector(_: Any, first: Array, second: Array) -> MultivariateNormal:
    precision = -2 * second
    return MultivariateNormal(jnp.linalg.solve(precision, first[..., None])[..., 0], precision=precision)


def _vector_partition(d: MultivariateNormal) -> Array:
    whitened = gaussian.whiten(d.scale_tril, d.loc)
    size = d.loc.shape[-1]
    return jnp.sum(whitened**2, axis=-1) / 2 + gaussian.half_log_determinant(d.scale_tril) + size * _HALF_LOG_2_PI


def _gamma_partition(concentration: Array, rate: Array) -> Array:
    return gammaln(concentration) - concentration * jnp.log(rate)


FORMS: dict[type, ExponentialForm] = {
    Bernoulli: ExponentialForm(
        lambda d, x: (x,),
        lambda d: (d.logits,),
        lambda d, logits: Bernoulli(logits=logits),
        lambda d: jax.nn.softplus(d.logits),
    ),
    Beta: ExponentialForm(
        lambda d, x: (jnp.log(x), jnp.log1p(-x)),
        lambda d: (d.a - 1, d.b - 1),
        lambda d, a, b: Beta(a + 1, b + 1),
        lambda d: gammaln(d.a) + gammaln(d.b) - gammaln(d.a + d.b),
    ),
    Binomial: ExponentialForm(
        lambda d, x: (x,),
        lambda d: (jax.scipy.special.logit(d.probs),),
        lambda d, logits: Binomial(d.total_count, jax.nn.sigmoid(logits)),
        lambda d: -d.total_count * jnp.log1p(-d.probs),
    ),
    Categorical: ExponentialForm(
        lambda d, x: (one_hot(x, d.probs.shape[-1]),),
        lambda d: (d.logits,),
        lambda d, logits: Categorical(logits=logits),
        lambda d: jax.nn.logsumexp(d.logits, axis=-1),
    ),
    Dirichlet: ExponentialForm(
        lambda d, x: (jnp.log(x),),
        lambda d: (d.concentration - 1,),
        lambda d, a: Dirichlet(a + 1),
        lambda d: gammaln(d.concentration).sum(axis=-1) - gammaln(d.concentration.sum(axis=-1)),
    ),
    Exponential: ExponentialForm(
        lambda d, x: (x,), lambda d: (-d.rate,), lambda d, rate: Exponential(-rate), lambda d: -jnp.log(d.rate)
    ),
    Gamma: ExponentialForm(
        lambda d, x: (jnp.log(x), x),
        lambda d: (d.concentration - 1, -d.rate),
        lambda d, a, rate: Gamma(a + 1, -rate),
        lambda d: _gamma_partition(d.concentration, d.rate),
    ),
    InverseGamma: ExponentialForm(
        lambda d, x: (jnp.log(x), 1 / x),
        lambda d: (-d.concentration - 1, -d.scale),
        lambda d, a, scale: InverseGamma(-a - 1, -scale),
        lambda d: _gamma_partition(d.concentration, d.scale),
    ),
    LogNormal: ExponentialForm(
        lambda d, x: (jnp.log(x), jnp.log(x) ** 2),
        _normal_natural,
        _rebuild_normal(LogNormal),
        _normal_partition,
    ),
    MultivariateNormal: ExponentialForm(
        lambda d, x: (x, x[..., :, None] * x[..., None, :]),
        _vector_natural,
        _rebuild_vector,
        _vector_partition,
    ),
    Normal: ExponentialForm(lambda d, x: (x, x**2), _normal_natural, _rebuild_normal(Normal), _normal_partition),
    Poisson: ExponentialForm(
        lambda d, x: (x,),
        lambda d: (jnp.log(d.rate),),
        lambda d, log_rate: Poisson(jnp.exp(log_rate)),
        lambda d: d.rate,
    ),
}


def natural_parameters(d: Distribution) -> tuple[Array, ...]:
    r"""The natural parameters $\eta$ of a member of an exponential family.

    Args:
      d: a Normal, MultivariateNormal, LogNormal, Exponential, Gamma, InverseGamma, Beta, Dirichlet, Bernoulli,
        Binomial, Categorical or Poisson distribution.

    Returns:
      One array for each of :func:`sufficient_statistics`, of batch shape and its event axes.

    Raises:
      TypeError: for another family.

    Note:
      NaN where a parameter is out of its range.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(*natural_parameters(Normal(3.0, 0.5)))
      12.0 -2.0

    Reference: Bishop (2006), section 2.4.
    """
    return _evaluate(_checked("natural_parameters", d), "natural")


def mean_parameters(d: Distribution) -> tuple[Array, ...]:
    r"""The mean parameters $E[T(x)] = \nabla A(\eta)$ of a member of an exponential family.

    Args:
      d: as for :func:`natural_parameters`.

    Returns:
      Arrays of the shapes of the natural parameters.

    Raises:
      TypeError: for another family.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(*mean_parameters(Normal(3.0, 0.5)))
      3.0 9.25

    Reference: Bishop (2006), equation 2.226.
    """
    return _evaluate(_checked("mean_parameters", d), "mean")


def log_partition(d: Distribution) -> Array:
    r"""The log-partition $A(\eta)$ of a member of an exponential family, of batch shape.

    Args:
      d: as for :func:`natural_parameters`.

    Raises:
      TypeError: for another family.

    Example:
      >>> from jaxmath.distributions import Poisson
      >>> print(log_partition(Poisson(2.0)))
      2.0

    Reference: Bishop (2006), section 2.4.
    """
    return _evaluate(_checked("log_partition", d), "log_partition")


def sufficient_statistics(d: Distribution, x: Any) -> tuple[Array, ...]:
    r"""The sufficient statistics T(x), a tuple of arrays: such as x and $x^2$ of a normal distribution.

    Args:
      d: as for :func:`natural_parameters`; only what is known of the arguments is taken from it.
      x: arguments, as for ``d.log_prob``.

    Raises:
      TypeError: for another family.

    Note:
      NaN for an argument out of the support.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(*sufficient_statistics(Normal(0.0, 1.0), 3.0))
      3.0 9.0
    """
    d = _checked("sufficient_statistics", d)
    (x,) = d._arguments("sufficient_statistics", x)
    return _statistics(d, x)


def from_natural(d: Distribution, natural: tuple[Any, ...]) -> Distribution:
    r"""The distribution of the family of d with natural parameters $\eta$.

    Args:
      d: any member of the family; the total count of a Binomial is taken from it.
      natural: as :func:`natural_parameters` gives them.

    Raises:
      TypeError: for another family.
      ValueError: if there are more or fewer natural parameters than the family has.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(from_natural(Normal(0.0, 1.0), (12.0, -2.0)).mean)
      3.0
    """
    d = _checked("from_natural", d)
    expected = len(jax.eval_shape(FORMS[type(d)].natural, d))
    if not isinstance(natural, (tuple, list)) or len(natural) != expected:
        raise ValueError(f"distributions.from_natural: expected {expected} natural parameters, got {natural!r}")
    arrays = (as_parameter("distributions.from_natural", "natural", eta) for eta in natural)
    return FORMS[type(d)].rebuild(d, *arrays)


def _checked(name: str, d: Any) -> Any:
    if type(d) not in FORMS:
        known = ", ".join(sorted(kind.__name__ for kind in FORMS))
        raise TypeError(f"distributions.{name}: expected one of {known}, got {type(d).__name__}")
    return d


@partial(jax.jit, static_argnames="what", inline=True)
def _evaluate(d: Any, what: str) -> Any:
    form, dtype, valid = FORMS[type(d)], d._dtype(), d._valid()
    d = broadcast_parameters(d._cast(jnp.promote_types(dtype, jnp.float32)), d.batch_shape)
    if what == "log_partition":
        value: Any = form.log_partition(d)
    else:
        value = form.natural(d)
        if what == "mean":
            value = jax.grad(lambda natural: form.log_partition(form.rebuild(d, *natural)).sum())(value)
    return jax.tree.map(lambda a: where_batch(valid, a, jnp.nan, a.ndim - len(d.batch_shape)).astype(dtype), value)


@jax.jit
def _statistics(d: Any, x: Array) -> tuple[Array, ...]:
    dtype = d._dtype(x)
    d, x = d._cast(jnp.promote_types(dtype, jnp.float32)), x.astype(jnp.promote_types(dtype, jnp.float32))
    inside, rank = d._inside(x), d.event_ranks[0]
    values = FORMS[type(d)].statistics(d, where_batch(inside, x, d._point(), rank))
    return tuple(where_batch(inside, value, jnp.nan, value.ndim - inside.ndim).astype(dtype) for value in values)
