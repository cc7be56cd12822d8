"""The inverse Wishart distribution, of symmetric positive definite matrices."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._array import product
from jaxmath._core import gaussian
from jaxmath._record import record
from jaxmath.distributions import draws, wishart
from jaxmath.distributions.base import Distribution
from jaxmath.distributions.constraints import ABOVE_ROWS, POSITIVE_DEFINITE, cholesky


@record()
class InverseWishart(Distribution):
    r"""$p(X) = \frac{|\Psi|^{\nu / 2}}{2^{\nu d / 2}\, \Gamma_d(\frac \nu 2)}\, |X|^{-\frac{\nu + d + 1}{2}}
    \exp \left( -\tfrac12 \mathrm{tr}\, \Psi X^{-1} \right)$ for symmetric positive definite X.

    The inverse $X^{-1}$ is of the Wishart distribution of scale $\Psi^{-1}$. The mean exists for $\nu > d + 1$, the
    variance for $\nu > d + 3$; NaN below.

    Args:
      df: the degrees of freedom $\nu > d - 1$, any real number.
      scale: $\Psi$, symmetric and positive definite, shape (..., d, d); the mean is $\Psi / (\nu - d - 1)$.

    Note:
      The entropy is not that of SciPy 1.17, which is too large by $\frac12 (d^2 - 1) \log 2$.

    Example:
      >>> d = InverseWishart(7.0, 2.0 * jnp.eye(2))
      >>> print(d.mean, f"{d.log_prob(0.5 * jnp.eye(2)):.3f}")
      [[0.5 0. ]
       [0.  0.5]] 0.465

    Reference: Murphy (2012), section 4.5.1.
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
        return wishart.is_positive_definite(x)

    def _point(self) -> Array:
        return self._mode()

    def _log_prob(self, x: Array) -> Array:
        scale_factor, factor = cholesky(self.scale), cholesky(x)
        whitened = wishart.solve(factor, scale_factor)  # B, with X^-1 = L^-T B^T B L^-1 and scale = L L^T
        standard = jnp.flip(jnp.swapaxes(whitened, -2, -1), (-2, -1))  # B^T B in reverse order has this lower factor
        log_jacobian = gaussian.half_log_determinant(scale_factor) - 2 * gaussian.half_log_determinant(factor)
        return wishart.log_standard_density(standard, self.df) + (self.num_rows + 1) * log_jacobian

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        standard = draws.wishart_factor(key, self.df, self.num_rows, shape)
        transposed = jnp.swapaxes(cholesky(self.scale), -2, -1)
        factor = jax.lax.linalg.triangular_solve(
            standard, jnp.broadcast_to(transposed, standard.shape), left_side=True, lower=True
        )
        return product(jnp.swapaxes(factor, -2, -1), factor)

    def _mean(self) -> Array:
        excess = self.df[..., None, None] - self.num_rows - 1
        return jnp.where(excess > 0, self.scale / jnp.where(excess > 0, excess, 1), jnp.nan)

    def _variance(self) -> Array:
        excess = self.df[..., None, None] - self.num_rows - 3
        n = jnp.where(excess > 0, excess, 1)
        mean = self.scale / (n + 2)
        value = ((n + 4) * mean**2 + (n + 2) * wishart.outer_diagonal(mean)) / ((n + 3) * n)
        return jnp.where(excess > 0, value, jnp.nan)

    def _mode(self) -> Array:
        return self.scale / (self.df[..., None, None] + self.num_rows + 1)

    def _entropy(self) -> Array:
        d, half_log_determinant = self.num_rows, gaussian.half_log_determinant(cholesky(self.scale))
        log_jacobian = half_log_determinant - wishart.expected_log_determinant(self.df, d)
        return wishart.standard_entropy(self.df, d) + (d + 1) * log_jacobian
