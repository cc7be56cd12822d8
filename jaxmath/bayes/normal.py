"""Conjugate models of normal and log-normal data of one dimension."""

import math
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath import reduce
from jaxmath._record import record
from jaxmath.bayes.evidence import gamma_evidence
from jaxmath.bayes.model import Model
from jaxmath.bayes.sufficient import NumberMoments, number_moments
from jaxmath.distributions import (
    Gamma,
    LogNormal,
    LogStudentT,
    Normal,
    NormalGamma,
    NormalInverseGamma,
    StudentT,
)
from jaxmath.distributions.constraints import POSITIVE, REAL

LOG_2_PI = math.log(2 * math.pi)
# So many rows are one chunk on every device.
_ONE_CHUNK = 4096


class Gaussian(Model):
    """A model whose sufficient statistics are the moments of numbers."""

    def _inside(self, rows: Any) -> Array:
        return jnp.isfinite(rows)

    def _numbers(self, rows: Array) -> Array:
        """What is normal of each row."""
        return rows

    def _shift(self, rows: Any, weights: Array | None) -> Any:
        if len(rows) <= _ONE_CHUNK:  # whose own mean is subtracted
            return 0
        return reduce.typical_row(self._numbers(rows)[:, None], weights)[0]

    def _centered(self, rows: Any, weights: Array, shift: Any) -> NumberMoments:
        return number_moments(self._numbers(rows) - shift, weights)

    def _unshifted(self, sufficient: NumberMoments, shift: Any) -> NumberMoments:
        return sufficient._replace(mean=jnp.where(sufficient.count == 0, 0, sufficient.mean + shift))


class LogGaussian(Gaussian):
    """A model of positive data whose logarithms are normal."""

    support: ClassVar = "positive"

    def _inside(self, rows: Array) -> Array:
        return (rows > 0) & (rows < jnp.inf)

    def _numbers(self, rows: Array) -> Array:
        return jnp.log(rows)

    def _log_base(self, rows: Array) -> Array:
        return -jnp.log(rows)


@record()
class NormalMean(Gaussian):
    r"""$x_i \sim N(\mu, \sigma^2)$ with known $\sigma$, $\mu \sim N(m, s^2)$.

    The posterior is normal with $\frac{1}{s_n^2} = \frac{1}{s^2} + \frac{n}{\sigma^2}$ and $m_n = m + \frac{n
    s_n^2}{\sigma^2} (\bar x - m)$; one more observation is of $N(m_n, s_n^2 + \sigma^2)$.

    Args:
      scale: the standard deviation $\sigma$ of the data, positive.

    Example:
      >>> model = NormalMean(2.0)
      >>> print(model.posterior(Normal(0.0, 2.0), jnp.array([1.0, 2.0, 3.0])))
      Normal(loc=Array(1.5, dtype=float32), scale=Array(1., dtype=float32))

    Reference: section 13.2; Bishop (2006), section 2.3.6.
    """

    scale: Any
    constraints: ClassVar = {"scale": POSITIVE}
    prior_types: ClassVar = (Normal,)

    def _ratio(self, prior: Normal, count: Array) -> Array:
        r"""$r = n s^2 / \sigma^2$, the precision of the data in that of the prior."""
        return count * (prior.scale / self.scale) ** 2

    def _update(self, prior: Normal, sufficient: NumberMoments) -> Normal:
        count, mean, _ = sufficient
        ratio = self._ratio(prior, count)
        return Normal(prior.loc + (mean - prior.loc) * (ratio / (1 + ratio)), prior.scale / jnp.sqrt(1 + ratio))

    def _log_evidence(self, prior: Normal, sufficient: NumberMoments) -> Array:
        r"""$-\frac n2 \log 2 \pi \sigma^2 - \frac{S}{2 \sigma^2} - \frac12 \log(1 + r) - \frac{n (\bar x - m)^2}{2
        \sigma^2 (1 + r)}$."""
        count, mean, scatter = sufficient
        ratio, z = self._ratio(prior, count), (mean - prior.loc) / self.scale
        squares = scatter / self.scale**2 + count * z**2 / (1 + ratio)
        return -(count * (LOG_2_PI + 2 * jnp.log(self.scale)) + squares + jnp.log1p(ratio)) / 2

    def _predictive(self, posterior: Normal) -> Normal:
        return Normal(posterior.loc, jnp.hypot(posterior.scale, self.scale))


@record()
class NormalPrecision(Gaussian):
    r"""$x_i \sim N(\mu, \tau^{-1})$ with known $\mu$, $\tau \sim \mathrm{Gamma}(a, b)$.

    The posterior is $\mathrm{Gamma}(a + \frac n2, b + \frac12 \sum_i (x_i - \mu)^2)$; one more observation has
    Student's t distribution with 2 a degrees of freedom and scale $\sqrt{b / a}$.

    Args:
      loc: the mean $\mu$ of the data.

    Example:
      >>> model = NormalPrecision(1.0)
      >>> print(model.posterior(Gamma(2.0, 1.0), jnp.array([0.0, 3.0])))
      Gamma(concentration=Array(3., dtype=float32), rate=Array(3.5, dtype=float32))

    Reference: section 13.5; Bishop (2006), section 2.3.6.
    """

    loc: Any
    constraints: ClassVar = {"loc": REAL}
    prior_types: ClassVar = (Gamma,)

    def _increments(self, found: NumberMoments) -> tuple[Array, Array]:
        r"""$\frac n2$ and $\frac12 \sum_i (x_i - \mu)^2$."""
        count, mean, scatter = found
        return count / 2, (scatter + count * (mean - self.loc) ** 2) / 2

    def _update(self, prior: Gamma, sufficient: NumberMoments) -> Gamma:
        half, squares = self._increments(sufficient)
        return Gamma(prior.concentration + half, prior.rate + squares)

    def _log_evidence(self, prior: Gamma, sufficient: NumberMoments) -> Array:
        half, squares = self._increments(sufficient)
        return gamma_evidence(prior.concentration, prior.rate, half, squares) - half * LOG_2_PI

    def _predictive(self, posterior: Gamma) -> Any:
        scale = jnp.sqrt(posterior.rate / posterior.concentration)
        return StudentT(2 * posterior.concentration, self.loc, scale)


@record()
class NormalMeanPrecision(Gaussian):
    r"""$x_i \sim N(\mu, \tau^{-1})$, $(\mu, \tau) \sim \mathrm{NormalGamma}(m, \lambda, a, b)$.

    The posterior has $\lambda_n = \lambda + n$, $m_n = m + \frac{n}{\lambda_n} (\bar x - m)$, $a_n = a + \frac n2$ and
    $b_n = b + \frac12 S + \frac{\lambda n}{2 \lambda_n} (\bar x - m)^2$ with the scatter $S = \sum_i (x_i - \bar x)^2$.
    One more observation has Student's t distribution with 2 a degrees of freedom, location m and scale $\sqrt{b
    (\lambda + 1) / a \lambda}$. A NormalInverseGamma prior, of mean and variance, has the same formulas.

    Example:
      >>> model = NormalMeanPrecision()
      >>> print(model.posterior(NormalGamma(0.0, 1.0, 2.0, 3.0), jnp.array([1.0, 2.0, 3.0])).mean)
      MeanPrecision(mean=Array(1.5, dtype=float32), precision=Array(0.6363636, dtype=float32))

    Reference: sections 13.6 and 13.7; Bishop (2006), section 2.3.6; Murphy (2012), section 4.6.3.
    """

    prior_types: ClassVar = (NormalGamma, NormalInverseGamma)

    def _increments(self, prior: Any, found: NumberMoments) -> tuple[Array, Array, Array, Array]:
        """Count, mean, and what concentration and rate grow by."""
        count, mean, scatter = found
        share = count / (prior.precision_scale + count)
        squares = scatter + prior.precision_scale * share * (mean - prior.loc) ** 2
        return count, mean, count / 2, squares / 2

    def _update(self, prior: Any, sufficient: NumberMoments) -> Any:
        count, mean, half, squares = self._increments(prior, sufficient)
        _, precision_scale, concentration, rate = _parameters(prior)
        loc = prior.loc + (mean - prior.loc) * (count / (precision_scale + count))
        return type(prior)(loc, precision_scale + count, concentration + half, rate + squares)

    def _log_evidence(self, prior: Any, sufficient: NumberMoments) -> Array:
        count, _, half, squares = self._increments(prior, sufficient)
        _, precision_scale, concentration, rate = _parameters(prior)
        of_mean = -jnp.log1p(count / precision_scale) / 2
        return gamma_evidence(concentration, rate, half, squares) + of_mean - half * LOG_2_PI

    def _predictive(self, posterior: Any) -> Any:
        loc, precision_scale, concentration, rate = _parameters(posterior)
        width = jnp.sqrt(rate / concentration) * jnp.sqrt((precision_scale + 1) / precision_scale)
        return StudentT(2 * concentration, loc, width)


def _parameters(prior: Any) -> tuple[Array, ...]:
    """The parameters in their order; rate and scale have one place."""
    return tuple(vars(prior)[field] for field in prior._fields)


@record()
class LogNormalMean(LogGaussian, NormalMean):
    r"""$\log x_i \sim N(\mu, \sigma^2)$ with known $\sigma$, $\mu \sim N(m, s^2)$: :class:`NormalMean` of logarithms.

    One more observation is log-normal.

    Args:
      scale: the standard deviation $\sigma$ of the logarithms, positive.

    Example:
      >>> print(LogNormalMean(2.0).posterior(Normal(0.0, 2.0), jnp.exp(jnp.array([1.0, 2.0, 3.0]))).loc)
      1.5
    """

    def _predictive(self, posterior: Normal) -> Any:
        d = super()._predictive(posterior)
        return LogNormal(d.loc, d.scale)


@record()
class LogNormalPrecision(LogGaussian, NormalPrecision):
    r"""$\log x_i \sim N(\mu, \tau^{-1})$ with known $\mu$, $\tau \sim \mathrm{Gamma}(a, b)$: :class:`NormalPrecision`
    of logarithms.

    The logarithm of one more observation has Student's t distribution.

    Args:
      loc: the mean $\mu$ of the logarithms.

    Example:
      >>> print(LogNormalPrecision(1.0).posterior(Gamma(2.0, 1.0), jnp.exp(jnp.array([0.0, 3.0]))).concentration)
      3.0
    """

    def _predictive(self, posterior: Gamma) -> Any:
        d = super()._predictive(posterior)
        return LogStudentT(d.df, d.loc, d.scale)


@record()
class LogNormalMeanPrecision(LogGaussian, NormalMeanPrecision):
    r"""$\log x_i \sim N(\mu, \tau^{-1})$, $(\mu, \tau) \sim \mathrm{NormalGamma}(m, \lambda, a, b)$:
    :class:`NormalMeanPrecision` of logarithms.

    The logarithm of one more observation has Student's t distribution.

    Example:
      >>> prior = NormalGamma(0.0, 1.0, 2.0, 3.0)
      >>> print(LogNormalMeanPrecision().posterior(prior, jnp.exp(jnp.array([1.0, 2.0, 3.0]))).precision_scale)
      4.0
    """

    def _predictive(self, posterior: Any) -> Any:
        d = super()._predictive(posterior)
        return LogStudentT(d.df, d.loc, d.scale)
