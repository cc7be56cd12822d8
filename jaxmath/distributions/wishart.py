"""The Wishart distribution, of symmetric positive definite matrices."""

import math
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath._array import product
from jaxmath._core import gaussian
from jaxmath._record import record
from jaxmath.distributions import draws, special
from jaxmath.distributions.base import Distribution
from jaxmath.distributions.constraints import ABOVE_ROWS, POSITIVE_DEFINITE, cholesky, gram

_LOG_2_PI = math.log(2 * math.pi)


@record()
class Wishart(Distribution):
    r"""$p(X) = \frac{|X|^{\frac{\nu - d - 1}{2}} \exp \left( -\frac12 \mathrm{tr}\, V^{-1} X \right)}{2^{\nu d / 2}
    |V|^{\nu / 2}\, \Gamma_d(\frac \nu 2)}$ for symmetric positive definite X.

    With factors $V = L L^T$, $X = C C^T$ the density is that of $A = L^{-1} C$, whose squared diagonal is chi-squared
    and whose entries below are normal, all independent (Bartlett, 1933): no large numbers cancel. The mode exists for
    $\nu \ge d + 1$, NaN below.

    Args:
      df: the degrees of freedom $\nu > d - 1$, any real number.
      scale: V, symmetric and positive definite, shape (..., d, d); the mean is $\nu V$.

    Example:
      >>> d = Wishart(5.0, 2.0 * jnp.eye(2))
      >>> print(d.mode, f"{d.log_prob(4.0 * jnp.eye(2)):.3f}")
      [[4. 0.]
       [0. 4.]] -7.016

    Reference: Bishop (2006), appendix B.
    """

    df: Any
    scale: Any
    constraints: ClassVar = {"df": ABOVE_ROWS, "scale": POSITIVE_DEFINITE}
    parameter_ranks: ClassVar = {"scale": 2}
    event_ranks: ClassVar = (2,)

    @property
    def num_rows(self) -> int:
        """The number of rows of a matrix, d."""
        return self.scale.shape[-1]

    def _bounds(self) -> tuple[Any, Any]:
        return -jnp.inf, jnp.inf

    def _inside(self, x: Array) -> Array:
        return is_positive_definite(x)

    def _point(self) -> Array:
        return self._mean()

    def _log_prob(self, x: Array) -> Array:
        factor = cholesky(self.scale)
        jacobian = (self.num_rows + 1) * gaussian.half_log_determinant(factor)
        return log_standard_density(solve(factor, cholesky(x)), self.df) - jacobian

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        factor = product(cholesky(self.scale), draws.wishart_factor(key, self.df, self.num_rows, shape))
        return gram(factor)

    def _mean(self) -> Array:
        return self.df[..., None, None] * self.scale

    def _variance(self) -> Array:
        return self.df[..., None, None] * (self.scale**2 + outer_diagonal(self.scale))

    def _mode(self) -> Array:
        excess = self.df[..., None, None] - self.num_rows - 1
        return jnp.where(excess >= 0, excess * self.scale, jnp.nan)

    def _entropy(self) -> Array:
        jacobian = (self.num_rows + 1) * gaussian.half_log_determinant(cholesky(self.scale))
        return standard_entropy(self.df, self.num_rows) + jacobian


# Of the scale 1, and what the other distributions of matrices share.


def is_positive_definite(x: Float[Array, "*b d d"]) -> Array:
    """Whether each matrix is symmetric, to within rounding, and positive definite."""
    return POSITIVE_DEFINITE.holds(x, None).all(axis=(-2, -1))


def solve(factor: Float[Array, "*#b d d"], a: Float[Array, "*#b d d"]) -> Float[Array, "*b d d"]:
    """The product of the inverse of a lower factor with a matrix."""
    return jnp.swapaxes(gaussian.whiten(factor[..., None, :, :], jnp.swapaxes(a, -2, -1)), -2, -1)


def outer_diagonal(a: Float[Array, "*b d d"]) -> Float[Array, "*b d d"]:
    """The products $a_{ii} a_{jj}$."""
    diagonal = jnp.diagonal(a, axis1=-2, axis2=-1)
    return diagonal[..., :, None] * diagonal[..., None, :]


def log_standard_density(factor: Float[Array, "*#b d d"], df: Float[Array, "*#b"]) -> Float[Array, "*b"]:
    r"""The logarithm of the Wishart density of scale 1 at $A A^T$, of the lower factor A.

    $u_j = A_{jj}^2 / 2$ is of the gamma distribution of concentration $\frac{\nu - j + 1}{2}$, $A_{ij}$ for $i > j$
    standard normal, and $d (A A^T) = 2^d \prod_j A_{jj}^{d - j + 1} dA$.
    """
    d, diagonal = factor.shape[-1], jnp.diagonal(factor, axis1=-2, axis2=-1)
    u = special.clip_positive(diagonal**2 / 2)
    of_diagonal = special.log_gamma_density(u, _concentrations(df, d)) - _powers(d) * jnp.log(diagonal)
    below = jnp.sum(jnp.tril(factor, -1) ** 2, axis=(-2, -1)) / 2
    return of_diagonal.sum(axis=-1) - below - d * math.log(2) - d * (d - 1) / 4 * _LOG_2_PI


def standard_entropy(df: Float[Array, "*b"], d: int) -> Float[Array, "*b"]:
    """The entropy of the Wishart distribution of scale 1."""
    of_diagonal = special.gamma_entropy(_concentrations(df, d)) + _powers(d) / 2 * _expected_log_squares(df, d)
    return of_diagonal.sum(axis=-1) + d * math.log(2) + d * (d - 1) / 4 * (1 + _LOG_2_PI)


def expected_log_determinant(df: Float[Array, "*b"], d: int) -> Float[Array, "*b"]:
    r"""$E \log |X| = d \log 2 + \sum_j \psi(\frac{\nu - j + 1}{2})$ at scale 1."""
    return _expected_log_squares(df, d).sum(axis=-1)


def _concentrations(df: Array, d: int) -> Array:
    return (df[..., None] - jnp.arange(d)) / 2


def _powers(d: int) -> Array:
    return jnp.arange(d - 1, -1, -1)


def _expected_log_squares(df: Array, d: int) -> Array:
    """Of the diagonal of the factor."""
    a = _concentrations(df, d)
    return jnp.log(2 * a) - special.digamma_error(a)
