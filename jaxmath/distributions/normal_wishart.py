"""The normal-Wishart distribution, of a mean vector and a precision matrix."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._array import product
from jaxmath._core import gaussian
from jaxmath._record import record
from jaxmath.distributions import draws, wishart
from jaxmath.distributions.base import Distribution
from jaxmath.distributions.constraints import ABOVE_ROWS, POSITIVE, POSITIVE_DEFINITE, REAL, cholesky
from jaxmath.distributions.normal_gamma import MeanPrecision


@record()
class NormalWishart(Distribution):
    r"""$p(m, T) = N \left( m \mid \mu, (\lambda T)^{-1} \right) \mathrm{Wishart}(T \mid \nu, V)$ for symmetric positive
    definite T.

    An argument is a pair (mean, precision), of shapes (..., d) and (..., d, d); draws, ``mean``, ``variance`` and
    ``mode`` are pairs with these names. Where the mean has no expectation ($\nu \le d$) or no variance
    ($\nu \le d + 1$), these are infinite or NaN as those of Student's t distribution with $\nu - d + 1$ degrees of
    freedom. For $\nu \le d$ the density has no maximum; the mode is then that of $\nu = d$, with precision 0.

    Args:
      loc: $\mu$, shape (..., d).
      precision_scale: $\lambda$, positive.
      df: the degrees of freedom $\nu > d - 1$, any real number.
      scale: V, symmetric and positive definite, shape (..., d, d); the expected precision is $\nu V$.

    Example:
      >>> d = NormalWishart(jnp.zeros(2), 2.0, 5.0, jnp.eye(2))
      >>> print(d.mode.precision, f"{d.log_prob((jnp.zeros(2), jnp.eye(2))):.3f}")
      [[3. 0.]
       [0. 3.]] -6.468

    Reference: Bishop (2006), section 2.3.6.
    """

    loc: Any
    precision_scale: Any
    df: Any
    scale: Any
    constraints: ClassVar = {"loc": REAL, "precision_scale": POSITIVE, "df": ABOVE_ROWS, "scale": POSITIVE_DEFINITE}
    parameter_ranks: ClassVar = {"loc": 1, "scale": 2}
    event_ranks: ClassVar = (1, 2)

    @property
    def num_rows(self) -> int:
        """The number of rows of a precision matrix, d."""
        return self.scale.shape[-1]

    def _joined(self, parts: tuple[Array, ...]) -> MeanPrecision:
        return MeanPrecision(*parts)

    def _bounds(self) -> tuple[Any, Any]:
        return -jnp.inf, jnp.inf

    def _inside(self, mean: Array, precision: Array) -> Array:
        return jnp.isfinite(mean).all(axis=-1) & wishart.is_positive_definite(precision)

    def _point(self) -> tuple[Array, Array]:
        return self.loc, self._of_precision()._mean()

    def _of_precision(self) -> wishart.Wishart:
        return wishart.Wishart(self.df, self.scale)

    def _log_prob(self, mean: Array, precision: Array) -> Array:
        d, factor = self.num_rows, cholesky(precision)
        deviation = jnp.sqrt(self.precision_scale)[..., None] * (mean - self.loc)
        z = product(deviation[..., None, :], factor)[..., 0, :]
        log_size = d * (jnp.log(self.precision_scale) - math.log(2 * math.pi)) - jnp.sum(z**2, axis=-1)
        return self._of_precision()._log_prob(precision) + gaussian.half_log_determinant(factor) + log_size / 2

    def _sample(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        first, second = jax.random.split(key)
        factor = product(cholesky(self.scale), draws.wishart_factor(first, self.df, self.num_rows, shape))
        z = jax.random.normal(second, (*shape, self.num_rows, 1), factor.dtype)
        solved = jax.lax.linalg.triangular_solve(factor, z, left_side=True, lower=True, transpose_a=True)[..., 0]
        mean = self.loc + solved / jnp.sqrt(self.precision_scale)[..., None]
        return mean, product(factor, jnp.swapaxes(factor, -2, -1))

    def _mean(self) -> tuple[Array, Array]:
        of_mean = jnp.where(self.df[..., None] > self.num_rows, self.loc, jnp.inf)
        return of_mean, self._of_precision()._mean()

    def _variance(self) -> tuple[Array, Array]:
        d, df = self.num_rows, self.df[..., None]
        inverse = wishart.solve(cholesky(self.scale), jnp.eye(d, dtype=self.scale.dtype))
        some = df > d + 1
        denominator = jnp.where(some, df - d - 1, 1) * self.precision_scale[..., None]
        of_mean = jnp.sum(inverse**2, axis=-2) / denominator
        none = jnp.where(df > d, jnp.inf, jnp.nan)
        return jnp.where(some, of_mean, none), self._of_precision()._variance()

    def _mode(self) -> tuple[Array, Array]:
        return self.loc, jnp.maximum(self.df[..., None, None] - self.num_rows, 0) * self.scale
