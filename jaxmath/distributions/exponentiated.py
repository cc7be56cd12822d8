"""Positive numbers whose logarithms have a known distribution."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from jaxmath.distributions import draws
from jaxmath.distributions.base import Univariate


class Exponentiated(Univariate):
    """The distribution of the exponential of a number, whose own distribution a subclass gives by ``_of_logarithm``."""

    loc: Any

    def _of_logarithm(self) -> Univariate:
        raise NotImplementedError

    def _bounds(self) -> tuple[Any, Any]:
        return 0.0, jnp.inf

    def _point(self) -> Array:
        return jnp.ones_like(self.loc)

    def _cdf(self, x: Array) -> Array:
        return self._of_logarithm()._cdf(jnp.log(x))

    def _survival(self, x: Array) -> Array:
        return self._of_logarithm()._survival(jnp.log(x))

    def _log_cdf(self, x: Array) -> Array:
        return self._of_logarithm()._log_cdf(jnp.log(x))

    def _log_survival(self, x: Array) -> Array:
        return self._of_logarithm()._log_survival(jnp.log(x))

    def _icdf(self, p: Array) -> Array:
        return jnp.exp(self._of_logarithm()._icdf(p))

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        return draws.positive(self._of_logarithm()._sample(key, shape))
