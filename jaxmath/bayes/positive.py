"""Conjugate models of positive data."""

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath import reduce
from jaxmath._array import product
from jaxmath._record import record
from jaxmath.bayes.evidence import has_reference, reference_change, reference_rate, relative_gamma_evidence
from jaxmath.bayes.model import Model
from jaxmath.bayes.predictive import LogLomax, UniformToPareto
from jaxmath.bayes.sufficient import base_change, scale
from jaxmath.distributions import CompoundGamma, Gamma, Lomax, Pareto, special
from jaxmath.distributions.constraints import POSITIVE


class Increments(NamedTuple):
    """Increments of the concentration and the rate of a gamma distribution."""

    concentration: Array
    rate: Array


@base_change.register
def _base_change(part: Increments, whole: Increments) -> Array:
    before, after = reference_rate(*part), reference_rate(*whole)
    from_1 = part.concentration * jnp.log(after) - part.rate * (after - 1)
    return jnp.where(has_reference(*part), reference_change(part.concentration, before, after), from_1)


class WithGamma(Model):
    r"""A likelihood $\prod_i \lambda^{h_i} e^{-\lambda e_i}$ in a parameter with a gamma prior, up to a factor.

    A subclass states ``_increments(rows)``, h and e of each row, ``_log_density(rows, rate)`` for a rate $\lambda$, and
    ``_predictive(posterior)``.
    """

    prior_types: ClassVar = (Gamma,)
    statistics_type: ClassVar = Increments
    support: ClassVar = "positive"

    def _increments(self, rows: Array) -> tuple[Array, Array]:
        """h and e of each row."""
        raise NotImplementedError

    def _log_density(self, rows: Array, rate: Array) -> Array:
        """Of each row, given the parameter."""
        raise NotImplementedError

    def _inside(self, rows: Array) -> Array:
        return (rows > 0) & (rows < jnp.inf)

    def _log_base(self, rows: Array, sufficient: Increments) -> Array:
        return self._log_density(rows, reference_rate(*sufficient))

    def _statistics(self, rows: Array, weights: Array) -> Increments:
        return Increments(*(product(weights, jnp.broadcast_to(part, rows.shape)) for part in self._increments(rows)))

    def _update(self, prior: Gamma, sufficient: Increments) -> Gamma:
        return Gamma(prior.concentration + sufficient.concentration, prior.rate + sufficient.rate)

    def _log_evidence(self, prior: Gamma, sufficient: Increments) -> Array:
        return relative_gamma_evidence(prior.concentration, prior.rate, *sufficient)


@record()
class ExponentialGamma(WithGamma):
    r"""$x_i \sim \mathrm{Exponential}(\lambda)$, $\lambda \sim \mathrm{Gamma}(a, b)$.

    The posterior is $\mathrm{Gamma}(a + n, b + \sum_i x_i)$; one more observation is of the Lomax distribution of
    concentration a and scale b.

    Example:
      >>> print(ExponentialGamma().posterior(Gamma(2.0, 1.0), jnp.array([1.0, 3.0])))
      Gamma(concentration=Array(4., dtype=float32), rate=Array(5., dtype=float32))

    Reference: Murphy (2012), exercise 3.13 for the rate of an exponential distribution.
    """

    support: ClassVar = "not negative"

    def _inside(self, rows: Array) -> Array:
        return (rows >= 0) & (rows < jnp.inf)

    def _increments(self, rows: Array) -> tuple[Array, Array]:
        return jnp.ones_like(rows), rows

    def _log_density(self, rows: Array, rate: Array) -> Array:
        return jnp.log(rate) - rate * rows

    def _predictive(self, posterior: Gamma) -> Lomax:
        return Lomax(posterior.concentration, posterior.rate)


@record()
class GammaGamma(WithGamma):
    r"""$x_i \sim \mathrm{Gamma}(k, \lambda)$ with known concentration k, $\lambda \sim \mathrm{Gamma}(a, b)$.

    The posterior is $\mathrm{Gamma}(a + n k, b + \sum_i x_i)$; one more observation is of the compound gamma
    distribution.

    Args:
      concentration: k, positive.

    Example:
      >>> print(GammaGamma(3.0).posterior(Gamma(2.0, 1.0), jnp.array([1.0, 3.0])))
      Gamma(concentration=Array(8., dtype=float32), rate=Array(5., dtype=float32))

    Reference: Fink (1997), section 2.2.
    """

    concentration: Any
    constraints: ClassVar = {"concentration": POSITIVE}
    support: ClassVar = "positive, or 0 if the concentration of the model is 1"

    def _increments(self, rows: Array) -> tuple[Array, Array]:
        return self.concentration * jnp.ones_like(rows), rows

    def _inside(self, rows: Array) -> Array:
        return ((rows > 0) | (rows == 0) & (self.concentration == 1)) & (rows < jnp.inf)

    def _log_density(self, rows: Array, rate: Array) -> Array:
        return Gamma(self.concentration, rate)._log_prob(rows)

    def _predictive(self, posterior: Gamma) -> CompoundGamma:
        return CompoundGamma(self.concentration, posterior.concentration, posterior.rate)


@record()
class ParetoGamma(WithGamma):
    r"""$x_i \sim \mathrm{Pareto}(\alpha, s)$ with known least value s, $\alpha \sim \mathrm{Gamma}(a, b)$.

    The posterior is $\mathrm{Gamma}(a + n, b + \sum_i \log \frac{x_i}{s})$; the logarithm of $x / s$ of one more
    observation is of the Lomax distribution.

    Args:
      scale: s, positive.

    Example:
      >>> print(ParetoGamma(2.0).posterior(Gamma(2.0, 1.0), jnp.array([2.0, 2.0 * jnp.e])))
      Gamma(concentration=Array(4., dtype=float32), rate=Array(2., dtype=float32))

    Reference: Fink (1997), section 2.8.
    """

    scale: Any
    constraints: ClassVar = {"scale": POSITIVE}
    support: ClassVar = "at least the scale of the model"

    def _inside(self, rows: Array) -> Array:
        return (rows >= self.scale) & (rows < jnp.inf)

    def _increments(self, rows: Array) -> tuple[Array, Array]:
        return jnp.ones_like(rows), special.log1p_ratio(jnp.maximum(rows - self.scale, 0), self.scale)

    def _log_density(self, rows: Array, rate: Array) -> Array:
        return jnp.log(rate) - rate * self._increments(rows)[1] - jnp.log(rows)

    def _predictive(self, posterior: Gamma) -> LogLomax:
        return LogLomax(posterior.concentration, posterior.rate, self.scale)


class CountMaximum(NamedTuple):
    """The count of data and their largest value, 0 without rows."""

    count: Array
    maximum: Array


@reduce.merge.register
def _merge(a: CountMaximum, b: Any) -> CountMaximum:
    return CountMaximum(a.count + b.count, jnp.maximum(a.maximum, b.maximum))


@scale.register
def _scale(statistics: CountMaximum, power: Array) -> CountMaximum:
    return CountMaximum(power * statistics.count, jnp.where(power > 0, statistics.maximum, 0))


@record()
class UniformPareto(Model):
    r"""$x_i \sim \mathrm{Uniform}(0, \theta)$, $\theta \sim \mathrm{Pareto}(a, s)$.

    The posterior is $\mathrm{Pareto}(a + n, \max(s, x_1, \dots, x_n))$; one more observation is of the
    :class:`UniformToPareto` distribution.

    Example:
      >>> print(UniformPareto().posterior(Pareto(2.0, 1.0), jnp.array([0.5, 3.0])))
      Pareto(concentration=Array(4., dtype=float32), scale=Array(3., dtype=float32))

    Reference: Murphy (2012), exercise 3.9.
    """

    prior_types: ClassVar = (Pareto,)
    statistics_type: ClassVar = CountMaximum
    support: ClassVar = "not negative"

    def _inside(self, rows: Array) -> Array:
        return (rows >= 0) & (rows < jnp.inf)

    def _statistics(self, rows: Array, weights: Array) -> CountMaximum:
        return CountMaximum(weights.sum(), jnp.max(jnp.where(weights != 0, rows, 0)))

    def _update(self, prior: Pareto, sufficient: CountMaximum) -> Pareto:
        return Pareto(prior.concentration + sufficient.count, self._limit(prior, sufficient))

    def _log_evidence(self, prior: Pareto, sufficient: CountMaximum) -> Array:
        r"""$-\log(1 + \frac na) - n \log M - a \log \frac Ms$ with $M = \max(s, x_1, \dots, x_n)$."""
        (count, _), limit, a = sufficient, self._limit(prior, sufficient), prior.concentration
        excess = special.log1p_ratio(limit - prior.scale, prior.scale)
        return -jnp.log1p(count / a) - count * jnp.log(limit) - a * excess

    def _limit(self, prior: Pareto, sufficient: CountMaximum) -> Array:
        known = sufficient.count != 0
        return jnp.maximum(prior.scale, jnp.where(known, sufficient.maximum, prior.scale))

    def _predictive(self, posterior: Pareto) -> UniformToPareto:
        return UniformToPareto(posterior.concentration, posterior.scale)
