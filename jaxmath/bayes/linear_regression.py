"""Bayesian linear regression."""

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._array import as_float, product
from jaxmath._core import gaussian
from jaxmath._record import record
from jaxmath.bayes.evidence import gamma_evidence
from jaxmath.bayes.inference import jit_predictive
from jaxmath.bayes.multivariate_normal import VectorGaussian, factor_of_sum, inverse, outer, times
from jaxmath.bayes.normal import LOG_2_PI
from jaxmath.distributions import InverseGamma, StudentT, draws
from jaxmath.distributions.base import Distribution
from jaxmath.distributions.constraints import POSITIVE, POSITIVE_DEFINITE, REAL, cholesky
from jaxmath.distributions.multivariate_normal import _inverse_factor
from jaxmath.moments import Moments


class WeightsVariance(NamedTuple):
    """The weights of a linear regression and the variance of its noise, or a quantity of each."""

    weights: Array
    variance: Array


@record()
class MultivariateNormalInverseGamma(Distribution):
    r"""$p(w, v) = N(w \mid \mu, v \Lambda^{-1})\, \mathrm{InverseGamma}(v \mid a, b)$ for $v > 0$.

    The weights of a linear regression and the variance of its noise. An argument is a pair (weights, variance), of
    shapes (..., d) and (...); draws, ``mean``, ``variance`` and ``mode`` are pairs with these names. NaN stands where
    there is no expectation ($a \le \frac12$ for the weights, $a \le 1$ for the variance) or no variance of it
    ($a \le 1$ and $a \le 2$).

    Args:
      loc: $\mu$, shape (..., d).
      precision_scale: $\Lambda$, symmetric and positive definite, shape (..., d, d).
      concentration: a, positive.
      scale: b, positive.

    Example:
      >>> d = MultivariateNormalInverseGamma(jnp.zeros(2), jnp.eye(2), 3.0, 4.0)
      >>> print(d.mean.variance, f"{d.log_prob((jnp.zeros(2), 2.0)):.3f}")
      2.0 -3.838

    Reference: Murphy (2012), section 7.6.3.
    """

    loc: Any
    precision_scale: Any
    concentration: Any
    scale: Any
    constraints: ClassVar = {
        "loc": REAL,
        "precision_scale": POSITIVE_DEFINITE,
        "concentration": POSITIVE,
        "scale": POSITIVE,
    }
    parameter_ranks: ClassVar = {"loc": 1, "precision_scale": 2}
    event_ranks: ClassVar = (1, 0)

    def _joined(self, parts: tuple[Array, ...]) -> WeightsVariance:
        return WeightsVariance(*parts)

    def _of_variance(self) -> InverseGamma:
        return InverseGamma(self.concentration, self.scale)

    def _bounds(self) -> tuple[Any, Any]:
        return -jnp.inf, jnp.inf

    def _inside(self, weights: Array, variance: Array) -> Array:
        return jnp.isfinite(weights).all(axis=-1) & (variance > 0) & (variance < jnp.inf)

    def _point(self) -> tuple[Array, Array]:
        return self.loc, self.scale / self.concentration

    def _log_prob(self, weights: Array, variance: Array) -> Array:
        factor = cholesky(self.precision_scale)
        z = times(factor.mT, weights - self.loc) / jnp.sqrt(variance)[..., None]
        log_size = weights.shape[-1] * (jnp.log(variance) + math.log(2 * math.pi)) + jnp.sum(z**2, axis=-1)
        of_weights = gaussian.half_log_determinant(factor) - log_size / 2
        return self._of_variance()._log_prob(variance) + of_weights

    def _sample(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        first, second = jax.random.split(key)
        log_variance = jnp.log(self.scale) - draws.log_gamma(first, self.concentration, shape)
        z = jax.random.normal(second, (*shape, self.loc.shape[-1]), log_variance.dtype)
        deviation = times(_inverse_factor(self.precision_scale), z) * jnp.exp(log_variance / 2)[..., None]
        return self.loc + deviation, jnp.exp(log_variance)

    def _mean(self) -> tuple[Array, Array]:
        a, some = self.concentration, self.concentration > 1
        of_variance = jnp.where(some, self.scale / jnp.where(some, a - 1, 1), jnp.nan)
        return jnp.where(a[..., None] > 0.5, self.loc, jnp.nan), of_variance

    def _variance(self) -> tuple[Array, Array]:
        a, some, expected = self.concentration, self.concentration > 2, self._mean()[1]
        of_weights = jnp.sum(_inverse_factor(self.precision_scale) ** 2, axis=-1)
        of_variance = expected**2 / jnp.where(some, a - 2, 1)
        return expected[..., None] * of_weights, jnp.where(some, of_variance, jnp.nan)

    def _mode(self) -> tuple[Array, Array]:
        return self.loc, self.scale / (self.concentration + 1 + self.loc.shape[-1] / 2)


class _Solution(NamedTuple):
    r"""What data add to a prior: $m_n - m$, the factor H of $\Lambda + S_x$, the factor of that relative to $\Lambda$,
    $\kappa = n \bar x^T (\Lambda + S_x)^{-1} \bar x$ and the squares that the scale grows by."""

    step: Array
    factor: Array
    relative: Array
    kappa: Array
    squares: Array


@record()
class LinearRegression(VectorGaussian):
    r"""$y_i \sim N(x_i^T w, v)$, $(w, v) \sim \mathrm{MultivariateNormalInverseGamma}(m, \Lambda, a, b)$.

    The data are a pair (features, targets), of shapes (n, d) and (n,); a feature that is 1 makes an intercept. The
    posterior has $\Lambda_n = \Lambda + X^T X$, $m_n = m + \Lambda_n^{-1} X^T r$ with $r = y - X m$, $a_n = a + \frac
    n2$, $b_n = b + \frac12 (r^T r - r^T X \Lambda_n^{-1} X^T r)$. One more target has Student's t distribution with 2 a
    degrees of freedom, location $x^T m$ and squared scale $\frac ba (1 + x^T \Lambda^{-1} x)$.

    The statistics are the moments of features and targets. With the centred $A = \Lambda + S_x$, $u = A^{-1} \bar x$,
    $s = A^{-1} S_{x r}$ and $\kappa = n \bar x^T u$, $m_n - m = s + \frac{n (\bar r - \bar x^T s)}{1 + \kappa} u$. No
    mean is squared here, so weights, noise and evidence of data far from 0 keep their digits. Their precision does not:
    of an intercept and a feature of mean c and deviation 1 it holds the feature's part 1 beside $c^2$. Where that is
    lost to rounding, from a c of about 1,000 in float32 on, ``predictive`` is NaN: centre such features.

    Example:
      >>> prior = MultivariateNormalInverseGamma(jnp.zeros(1), jnp.eye(1), 2.0, 1.0)
      >>> data = jnp.array([[1.0], [2.0], [2.0]]), jnp.array([1.0, 2.0, 2.0])
      >>> print(LinearRegression().posterior(prior, data).loc)
      [0.9]

    Reference: Murphy (2012), section 7.6.3; Bishop (2006), exercises 3.12 and 3.13.
    """

    prior_types: ClassVar = (MultivariateNormalInverseGamma,)
    event_ranks: ClassVar = (1, 0)

    def predictive(self, posterior: Any, features: Any) -> StudentT:
        """The distribution of targets, given a posterior or a prior.

        Args:
          posterior: a MultivariateNormalInverseGamma distribution.
          features: shape (m, d), or (d,) for one; more batch axes broadcast with those of the posterior.

        Returns:
          A distribution of batch shape (m,).

        Raises:
          TypeError: for a distribution of another type.
          ValueError: for another number of features than weights, or a number in their place.
        """
        self._check_prior("predictive", posterior)
        features = as_float(self._name("predictive"), features)
        if features.ndim == 0:
            raise ValueError(f"{self._name('predictive')}: expected features of shape (..., d), got a number")
        wanted = posterior.loc.shape[-1]
        if features.shape[-1] != wanted:
            raise ValueError(f"{self._name('predictive')}: expected {wanted} features, got {features.shape[-1]}")
        return jit_predictive(self, posterior, features)

    def _num_columns(self, prior: Any) -> int:
        return prior.loc.shape[-1] + 1

    def _columns(self, rows: tuple[Array, Array]) -> Array:
        return jnp.concatenate([rows[0], rows[1][:, None]], axis=-1)

    def _solve(self, prior: Any, found: Moments) -> _Solution:
        count, mean = found.count, found.mean[..., :-1]
        of_features, of_target = found.scatter[..., :-1, :-1], found.scatter[..., -1, -1]
        residual = found.mean[..., -1] - jnp.sum(mean * prior.loc, axis=-1)
        expected = times(of_features, prior.loc)
        cross = found.scatter[..., :-1, -1] - expected
        around = of_target - jnp.sum(prior.loc * (found.scatter[..., :-1, -1] + cross), axis=-1)
        own = cholesky(prior.precision_scale)
        relative = factor_of_sum(inverse(own).mT, of_features)
        factor = product(own, relative)
        s, u = (self._divide(factor, vector) for vector in (cross, mean))
        kappa = count * jnp.sum(mean * u, axis=-1)
        gap = (residual - jnp.sum(mean * s, axis=-1)) / (1 + kappa)
        within = jnp.maximum(around - jnp.sum(s * cross, axis=-1), 0)
        squares = within + count * gap**2 * (1 + kappa)
        return _Solution(s + (count * gap)[..., None] * u, factor, relative, kappa, squares)

    def _divide(self, factor: Array, vector: Array) -> Array:
        """The product of the inverse of a matrix, of which the lower factor is given, with a vector."""
        return times(inverse(factor).mT, gaussian.whiten(factor, vector))

    def _update(self, prior: Any, sufficient: Moments) -> MultivariateNormalInverseGamma:
        found, count = self._solve(prior, sufficient), sufficient.count
        mean, of_features = sufficient.mean[..., :-1], sufficient.scatter[..., :-1, :-1]
        precision_scale = prior.precision_scale + of_features + count[..., None, None] * outer(mean)
        concentration, scale = prior.concentration + count / 2, prior.scale + found.squares / 2
        return MultivariateNormalInverseGamma(prior.loc + found.step, precision_scale, concentration, scale)

    def _log_evidence(self, prior: Any, sufficient: Moments) -> Array:
        found, half = self._solve(prior, sufficient), sufficient.count / 2
        of_weights = gaussian.half_log_determinant(found.relative) + jnp.log1p(found.kappa) / 2
        of_variance = gamma_evidence(prior.concentration, prior.scale, half, found.squares / 2)
        return of_variance - of_weights - half * LOG_2_PI

    def _predictive(self, posterior: Any, features: Any) -> StudentT:  # pyright: ignore[reportIncompatibleMethodOverride]
        precision = posterior.precision_scale
        factor = cholesky(precision)
        pivots, diagonal = (jnp.diagonal(a, axis1=-2, axis2=-1) for a in (factor, precision))
        known = (pivots**2 > 8 * jnp.finfo(precision.dtype).eps * diagonal).all(axis=-1)
        z = gaussian.whiten(factor, features)
        width = posterior.scale / posterior.concentration * (1 + jnp.sum(z**2, axis=-1))
        width = jnp.where(known, width, jnp.nan)
        loc = times(features[..., None, :], posterior.loc)[..., 0]
        return StudentT(2 * posterior.concentration, loc, jnp.sqrt(width))
