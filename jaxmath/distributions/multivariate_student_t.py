"""Student's t distribution of vectors."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._core import gaussian
from jaxmath._record import record
from jaxmath.distributions import draws, special
from jaxmath.distributions.base import Multivariate
from jaxmath.distributions.constraints import FACTOR, POSITIVE, REAL, gram


@record()
class MultivariateStudentT(Multivariate):
    r"""$p(x) = \frac{\Gamma(\frac{\nu + d}{2})}{\Gamma(\frac \nu 2) (\nu \pi)^{d / 2} |L|}
    \left( 1 + \frac{\| z \|^2}{\nu} \right)^{-\frac{\nu + d}{2}}$ with $z = L^{-1} (x - \mu)$.

    It has the covariance $\frac{\nu}{\nu - 2} L L^T$. Where $1 < \nu \le 2$ that is infinite on the diagonal and does
    not exist, NaN, elsewhere; for $\nu \le 1$ it is all NaN and the mean is infinite, as in one dimension.

    Args:
      df: the degrees of freedom $\nu$, positive, any real number.
      loc: $\mu$, shape (..., d).
      scale_tril: L, lower triangular with a positive diagonal, shape (..., d, d); $L L^T$ is not the covariance.

    Example:
      >>> d = MultivariateStudentT(4.0, jnp.zeros(2), jnp.eye(2))
      >>> print(d.covariance)
      [[2. 0.]
       [0. 2.]]

    Reference: Bishop (2006), section 2.3.7.
    """

    df: Any
    loc: Any
    scale_tril: Any
    constraints: ClassVar = {"df": POSITIVE, "loc": REAL, "scale_tril": FACTOR}
    parameter_ranks: ClassVar = {"loc": 1, "scale_tril": 2}

    def _bounds(self) -> tuple[Any, Any]:
        return -jnp.inf, jnp.inf

    def _inside(self, x: Array) -> Array:
        return jnp.isfinite(x).all(axis=-1)

    def _point(self) -> Array:
        return self.loc

    def _log_prob(self, x: Array) -> Array:
        z = gaussian.whiten(self.scale_tril, x - self.loc) / jnp.sqrt(self.df)[..., None]
        kernel = (self.df + x.shape[-1]) / 2 * _log1p_square(z)
        return self._log_constant() - gaussian.half_log_determinant(self.scale_tril) - kernel

    def _log_constant(self) -> Array:
        r"""$\log \Gamma(h + \frac d2) - \log \Gamma(h) - \frac d2 \log 2 \pi h$ with $h = \frac \nu 2$."""
        d, h = self.loc.shape[-1], self.df / 2
        step = d / 2 / h
        errors = special.stirling_error(h + d / 2) - special.stirling_error(h)
        size = h * special.log1p_minus(step) + (d - 1) / 2 * jnp.log1p(step)
        return size + errors - d / 2 * math.log(2 * math.pi)

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        first, second = jax.random.split(key)
        z = draws.normal(first, jnp.zeros_like(self.loc), self.scale_tril, shape)
        h = self.df / 2
        return self.loc + z * jnp.exp((jnp.log(h) - draws.log_gamma(second, h, shape)) / 2)[..., None]

    def _mean(self) -> Array:
        return jnp.where(self.df[..., None] > 1, self.loc, jnp.inf)

    def _covariance(self) -> Array:
        df, on_diagonal = self.df[..., None, None], jnp.eye(self.loc.shape[-1], dtype=bool)
        shape_matrix = gram(self.scale_tril)
        value = df / jnp.where(df > 2, df - 2, 1) * shape_matrix
        return jnp.where(df > 2, value, jnp.where((df > 1) & on_diagonal, jnp.inf, jnp.nan))

    def _variance(self) -> Array:
        return jnp.diagonal(self._covariance(), axis1=-2, axis2=-1)

    def _mode(self) -> Array:
        return self.loc

    def _entropy(self) -> Array:
        d, h = self.loc.shape[-1], self.df / 2
        step = jnp.log1p(d / 2 / h) - special.digamma_error(h + d / 2) + special.digamma_error(h)
        return (h + d / 2) * step - self._log_constant() + gaussian.half_log_determinant(self.scale_tril)


def _log1p_square(z: Array) -> Array:
    r"""$\log(1 + \| z \|^2)$, where the square overflows too."""
    size = jax.lax.stop_gradient(jnp.max(jnp.abs(z), axis=-1))
    large = size > 1 / jnp.finfo(z.dtype).eps
    unit = jnp.where(large, size, 1)
    square = jnp.sum((z / unit[..., None]) ** 2, axis=-1)
    return jnp.where(large, 2 * jnp.log(unit) + jnp.log(jnp.where(large, square, 1)), jnp.log1p(square))
