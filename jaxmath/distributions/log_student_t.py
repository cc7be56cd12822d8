"""The distribution whose logarithm has Student's t distribution."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import record
from jaxmath.distributions.constraints import POSITIVE, REAL
from jaxmath.distributions.exponentiated import Exponentiated
from jaxmath.distributions.student_t import StudentT


@record()
class LogStudentT(Exponentiated):
    r"""$p(x) = \frac{1}{x} t_\nu \left( \frac{\log x - \mu}{s} \right) / s$ for $x > 0$.

    The distribution of a positive variable whose logarithm has Student's t distribution, that of log-normal data with
    mean and variance unknown. Its tails are those of a power of the logarithm: mean and variance
    are infinite, and the density grows without bound towards 0, which is the mode. The entropy exists for
    $\nu > 1$, and is NaN otherwise.

    Args:
      df: the degrees of freedom $\nu$, positive, any real number.
      loc: $\mu$, the location of the logarithm.
      scale: s, the scale of the logarithm, positive.

    Example:
      >>> print(f"{LogStudentT(4.0, 0.0, 1.0).prob(1.0):.3f}")
      0.375

    Reference: Bishop (2006), section 2.3.7, for the distribution of the logarithm.
    """

    df: Any
    loc: Any
    scale: Any
    constraints: ClassVar = {"df": POSITIVE, "loc": REAL, "scale": POSITIVE}

    def _inside(self, x: Array) -> Array:
        return (x >= 0) & (x < jnp.inf)

    def _of_logarithm(self) -> StudentT:
        return StudentT(self.df, self.loc, self.scale)

    def _log_prob(self, x: Array) -> Array:
        log_x = jnp.log(jnp.where(x > 0, x, 1))
        return jnp.where(x > 0, self._of_logarithm()._log_prob(log_x) - log_x, jnp.inf)

    def _mean(self) -> Array:
        return jnp.full_like(self.loc, jnp.inf)

    def _variance(self) -> Array:
        return jnp.full_like(self.loc, jnp.inf)

    def _mode(self) -> Array:
        return jnp.zeros_like(self.loc)

    def _entropy(self) -> Array:
        return jnp.where(self.df > 1, self._of_logarithm()._entropy() + self.loc, jnp.nan)
