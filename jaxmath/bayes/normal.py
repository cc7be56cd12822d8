"""Conjugate models of normal and log-normal data of one dimension."""

import math
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.bayes.evidence import gamma_evidence
from jaxmath.bayes.model import Model
from jaxmath.bayes.positive import WithGamma
from jaxmath.bayes.sufficient import NumberMoments, number_moments, typical_row
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


class Numbers(Model):
    """A model of data of which each row has a normal number: the row itself."""

    def _inside(self, rows: Any) -> Array:
        return jnp.isfinite(rows)

    def _numbers(self, rows: Array) -> Array:
        """The normal number of each row."""
        return rows


class Logarithms(Numbers):
    """A model of positive data whose logarithms are normal."""

    support: ClassVar = "positive"

    def _inside(self, rows: Array) -> Array:
        return (rows > 0) & (rows < jnp.inf)

    def _numbers(self, rows: Array) -> Array:
        return jnp.log(rows)

    def _log_base(self, rows: Array, sufficient: Any) -> Array:
        return super()._log_base(rows, sufficient) - jnp.log(rows)


class Gaussian(Numbers):
    """A model whose sufficient statistics are the moments of numbers."""

    statistics_type: ClassVar = NumberMoments

    def _shift(self, rows: Any, weights: Array | None) -> Any:
        if len(rows) <= _ONE_CHUNK:  # whose own mean is subtracted
            return 0
        return typical_row(self._numbers(rows)[:, None], weights)[0]

    def _centered(self, rows: Any, weights: Array, shift: Any) -> NumberMoments:
        return number_moments(self._numbers(rows) - shift, weights)

    def _unshifted(self, sufficient: NumberMoments, shift: Any) -> NumberMoments:
        return sufficient._replace(mean=jnp.where(sufficient.count == 0, 0, sufficient.mean + shift))


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

    def _size(self, prior: Normal) -> Array:
        r"""$k = \sigma^2 / s^2$, how many observations the prior counts for."""
        return jnp.maximum((self.scale / prior.scale) ** 2, jnp.finfo(prior.scale.dtype).tiny)

    def _update(self, prior: Normal, sufficient: NumberMoments) -> Normal:
        count, mean, _ = sufficient
        size = self._size(prior)
        strong = size > count
        narrowed = prior.scale / jnp.sqrt(1 + count / jnp.where(strong, size, 1))
        scale = jnp.where(strong, narrowed, self.scale / jnp.sqrt(jnp.where(strong, 1, size + count)))
        return Normal(prior.loc + (mean - prior.loc) * (count / (size + count)), scale)

    def _log_evidence(self, prior: Normal, sufficient: NumberMoments) -> Array:
        r"""$-\frac n2 \log 2 \pi \sigma^2 - \frac{S}{2 \sigma^2} - \frac12 \log(1 + \frac nk) - \frac{n k (\bar x -
        m)^2}{2 \sigma^2 (n + k)}$."""
        count, mean, scatter = sufficient
        size, z = self._size(prior), (mean - prior.loc) / self.scale
        strong = size > count
        flat = jnp.log(jnp.where(strong, 1, size + count)) + 2 * (jnp.log(prior.scale) - jnp.log(self.scale))
        log_ratio = jnp.where(strong, jnp.log1p(count / jnp.where(strong, size, 1)), flat)
        squares = scatter / self.scale**2 + count * (size / (size + count)) * z**2
        return -(count * (LOG_2_PI + 2 * jnp.log(self.scale)) + squares + log_ratio) / 2

    def _predictive(self, posterior: Normal) -> Normal:
        return Normal(posterior.loc, jnp.hypot(posterior.scale, self.scale))


@record()
class NormalPrecision(Numbers, WithGamma):
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
    support: ClassVar = Model.support

    def _increments(self, rows: Array) -> tuple[Array, Array]:
        return jnp.full_like(rows, 0.5), (self._numbers(rows) - self.loc) ** 2 / 2

    def _log_density(self, rows: Array, rate: Array) -> Array:
        return (jnp.log(rate) - LOG_2_PI) / 2 - rate * self._increments(rows)[1]

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
class LogNormalMean(Logarithms, NormalMean):
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
class LogNormalPrecision(Logarithms, NormalPrecision):
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
class LogNormalMeanPrecision(Logarithms, NormalMeanPrecision):
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
