"""Conjugate models of counts and labels."""

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from jaxmath._array import as_size, product
from jaxmath._record import record, replaced
from jaxmath.bayes.evidence import reference_change, reference_probabilities, relative_dirichlet_evidence
from jaxmath.bayes.model import Model
from jaxmath.bayes.positive import WithGamma
from jaxmath.bayes.predictive import BetaGeometric
from jaxmath.bayes.sufficient import Statistics, base_change
from jaxmath.distributions import (
    Bernoulli,
    Beta,
    BetaBinomial,
    BetaNegativeBinomial,
    Categorical,
    Dirichlet,
    DirichletMultinomial,
    Gamma,
    Multinomial,
    NegativeBinomial,
    special,
)
from jaxmath.distributions.categorical import one_hot
from jaxmath.distributions.constraints import COUNT, POSITIVE
from jaxmath.distributions.multinomial import are_counts


@record()
class PoissonGamma(WithGamma):
    r"""$x_i \sim \mathrm{Poisson}(\lambda)$, $\lambda \sim \mathrm{Gamma}(a, b)$.

    The posterior is $\mathrm{Gamma}(a + \sum_i x_i, b + n)$; one more observation is negative binomial with $r = a$ and
    $p = \frac{b}{b + 1}$.

    Example:
      >>> print(PoissonGamma().posterior(Gamma(2.0, 1.0), jnp.array([3, 0, 4])))
      Gamma(concentration=Array(9., dtype=float32), rate=Array(4., dtype=float32))

    Reference: Murphy (2012), exercise 3.14.
    """

    support: ClassVar = "a whole number, not negative"

    def _inside(self, rows: Array) -> Array:
        return _are_whole(rows)

    def _increments(self, rows: Array) -> tuple[Array, Array]:
        return rows, jnp.ones_like(rows)

    def _log_density(self, rows: Array, rate: Array) -> Array:
        return special.log_poisson(rows, rate)

    def _predictive(self, posterior: Gamma) -> NegativeBinomial:
        return NegativeBinomial(posterior.concentration, posterior.rate / (posterior.rate + 1))


class Counts(NamedTuple):
    """Increments of the concentrations of a beta or Dirichlet distribution, one for each class."""

    counts: Array


@base_change.register
def _base_change(part: Counts, whole: Counts) -> Array:
    before, after = reference_probabilities(part.counts), reference_probabilities(whole.counts)
    return reference_change(part.counts, before, after).sum(axis=-1)


class WithDirichlet(Model):
    r"""A likelihood $\prod_i \prod_j p_j^{k_{ij}}$ in probabilities with a Dirichlet prior, up to a factor.

    A subclass states ``_counts(rows)``, k of each row, ``_log_density(rows, p)`` if there is such a factor, and
    ``_predictive(posterior)``.
    """

    prior_types: ClassVar = (Dirichlet,)
    statistics_type: ClassVar = Counts

    def _counts(self, rows: Array) -> Array:
        """k of each row, shape (n, c)."""
        raise NotImplementedError

    def _log_density(self, rows: Array, p: Array) -> Array:
        """Of each row, given the probabilities, shape (c,)."""
        small = p <= 0.5  # but for one at most, whose logarithm is that of 1 less the others
        others = jnp.sum(jnp.where(small, p, 0))
        return product(self._counts(rows), jnp.where(small, jnp.log(p), jnp.log1p(-jnp.where(small, 0, others))))

    def _log_base(self, rows: Array, sufficient: Counts) -> Array:
        return self._log_density(rows, reference_probabilities(sufficient.counts))

    def _statistics(self, rows: Array, weights: Array) -> Counts:
        return Counts(product(weights, self._counts(rows)))

    def _num_columns(self, prior: Any) -> int:
        return self._concentration(prior).shape[-1]

    def _concentration(self, prior: Any) -> Array:
        return prior.concentration

    def _update(self, prior: Any, sufficient: Counts) -> Any:
        return Dirichlet(self._concentration(prior) + sufficient.counts)

    def _log_evidence(self, prior: Any, sufficient: Counts) -> Array:
        return relative_dirichlet_evidence(sufficient.counts, self._concentration(prior))


class WithBeta(WithDirichlet):
    """The same of two classes, with a beta prior."""

    prior_types: ClassVar = (Beta,)

    def _concentration(self, prior: Beta) -> Array:
        return _pairs(prior.a, prior.b)

    def _update(self, prior: Beta, sufficient: Counts) -> Beta:
        return Beta(*jnp.moveaxis(self._concentration(prior) + sufficient.counts, -1, 0))


def _are_whole(rows: Array, least: float = 0.0) -> Array:
    return (rows >= least) & (rows == jnp.floor(rows)) & (rows < jnp.inf)


def _pairs(successes: Array, failures: Array) -> Array:
    return jnp.stack(jnp.broadcast_arrays(successes, failures), axis=-1)


@record()
class BernoulliBeta(WithBeta):
    r"""$x_i \sim \mathrm{Bernoulli}(p)$, $p \sim \mathrm{Beta}(a, b)$.

    With s successes, 1, and f failures, 0, the posterior is $\mathrm{Beta}(a + s, b + f)$; one more observation is a
    success with probability $\frac{a}{a + b}$.

    Example:
      >>> print(BernoulliBeta().posterior(Beta(1.0, 1.0), jnp.array([1, 0, 1])))
      Beta(a=Array(3., dtype=float32), b=Array(2., dtype=float32))

    Reference: Bishop (2006), section 2.1.1.
    """

    support: ClassVar = "0 or 1"

    def _inside(self, rows: Array) -> Array:
        return (rows == 0) | (rows == 1)

    def _counts(self, rows: Array) -> Array:
        return _pairs(rows, 1 - rows)

    def _predictive(self, posterior: Beta) -> Bernoulli:
        return Bernoulli(posterior.a / (posterior.a + posterior.b))


@record()
class BinomialBeta(WithBeta):
    r"""$x_i \sim \mathrm{Binomial}(N, p)$ with known N, $p \sim \mathrm{Beta}(a, b)$.

    The posterior is $\mathrm{Beta}(a + \sum_i x_i, b + \sum_i (N - x_i))$; one more observation is beta-binomial.

    Args:
      total_count: N, a whole number, not negative.

    Example:
      >>> print(BinomialBeta(10).posterior(Beta(1.0, 1.0), jnp.array([3, 4])))
      Beta(a=Array(8., dtype=float32), b=Array(14., dtype=float32))

    Reference: Murphy (2012), section 3.3.
    """

    total_count: Any
    constraints: ClassVar = {"total_count": COUNT}
    support: ClassVar = "a whole number from 0 to the total count"
    point: ClassVar = 0.0

    def _inside(self, rows: Array) -> Array:
        return _are_whole(rows) & (rows <= self.total_count)

    def _counts(self, rows: Array) -> Array:
        return _pairs(rows, self.total_count - rows)

    def _log_density(self, rows: Array, p: Array) -> Array:
        return special.log_binomial_real(rows, self.total_count - rows, p[0], p[1])

    def _predictive(self, posterior: Beta) -> BetaBinomial:
        return BetaBinomial(self.total_count, posterior.a, posterior.b)


@record()
class GeometricBeta(WithBeta):
    r"""$x_i \sim \mathrm{Geometric}(p)$, the number of trials 1, 2, ... to a success, $p \sim \mathrm{Beta}(a, b)$.

    The posterior is $\mathrm{Beta}(a + n, b + \sum_i (x_i - 1))$; one more observation is of the :class:`BetaGeometric`
    distribution.

    Example:
      >>> print(GeometricBeta().posterior(Beta(1.0, 1.0), jnp.array([3, 1])))
      Beta(a=Array(3., dtype=float32), b=Array(3., dtype=float32))

    Reference: Fink (1997), section 1.
    """

    support: ClassVar = "a whole number, at least 1"

    def _inside(self, rows: Array) -> Array:
        return _are_whole(rows, 1.0)

    def _counts(self, rows: Array) -> Array:
        return _pairs(jnp.ones_like(rows), rows - 1)

    def _predictive(self, posterior: Beta) -> BetaGeometric:
        return BetaGeometric(posterior.a, posterior.b)


@record()
class NegativeBinomialBeta(WithBeta):
    r"""$x_i \sim \mathrm{NegativeBinomial}(r, p)$, failures before the r-th success, with known r, $p \sim
    \mathrm{Beta}(a, b)$.

    The posterior is $\mathrm{Beta}(a + n r, b + \sum_i x_i)$; one more observation is beta negative binomial.

    Args:
      r: positive, any real number.

    Example:
      >>> print(NegativeBinomialBeta(2.0).posterior(Beta(1.0, 1.0), jnp.array([3, 0])))
      Beta(a=Array(5., dtype=float32), b=Array(4., dtype=float32))

    Reference: Fink (1997), section 1.
    """

    r: Any
    constraints: ClassVar = {"r": POSITIVE}
    support: ClassVar = "a whole number, not negative"

    def _inside(self, rows: Array) -> Array:
        return _are_whole(rows)

    def _counts(self, rows: Array) -> Array:
        return _pairs(self.r, rows)

    def _log_density(self, rows: Array, p: Array) -> Array:
        return special.log_binomial_real(self.r, rows, p[0], p[1]) - jnp.log1p(rows / self.r)

    def _predictive(self, posterior: Beta) -> BetaNegativeBinomial:
        return BetaNegativeBinomial(self.r, posterior.a, posterior.b)


@record(static=("num_classes",))
class CategoricalDirichlet(WithDirichlet):
    r"""Labels $x_i \sim \mathrm{Categorical}(p)$, $p \sim \mathrm{Dirichlet}(a)$.

    With $n_j$ observations of label j = 0, 1, ... the posterior is $\mathrm{Dirichlet}(a + n)$; one more observation is
    label j with probability $a_j / \sum_k a_k$.

    Args:
      num_classes: the number of labels; None for as many as the prior has, or, in ``statistics``, one more than the
        largest, which must not be traced then.

    Example:
      >>> print(CategoricalDirichlet().posterior(Dirichlet([1.0, 1.0, 1.0]), jnp.array([2, 0, 2])))
      Dirichlet(concentration=Array([2., 1., 3.], dtype=float32))

    Reference: Murphy (2012), section 3.4.
    """

    num_classes: int | None = None
    support: ClassVar = "a label of a class, a whole number from 0"

    def __post_init__(self) -> None:
        if self.num_classes is not None:
            object.__setattr__(self, "num_classes", as_size(self._name(), "num_classes", self.num_classes))

    def statistics(self, x: Any, *, weights: Any = None) -> Statistics:
        """The counts of labels; see :meth:`Model.statistics`."""
        if self.num_classes is not None:
            return super().statistics(x, weights=weights)
        rows, _ = self._data("statistics", x, weights)
        if isinstance(rows, Tracer):
            raise TypeError(f"{self._name('statistics')}: num_classes must be given where the labels are traced")
        largest = np.max(np.asarray(rows), initial=0, where=np.isfinite(np.asarray(rows)))
        return CategoricalDirichlet(int(largest) + 1).statistics(x, weights=weights)

    def _for_prior(self, prior: Dirichlet) -> Any:
        return replaced(self, {"num_classes": prior.concentration.shape[-1]})

    def _check_prior(self, method: str, prior: Any) -> None:
        super()._check_prior(method, prior)
        size = prior.concentration.shape[-1]
        if self.num_classes not in (None, size):
            raise ValueError(f"{self._name(method)}: expected a prior of {self.num_classes} classes, got {size}")

    def _inside(self, rows: Array) -> Array:
        return _are_whole(rows) & (rows < (self.num_classes or 1))

    def _counts(self, rows: Array) -> Array:
        return one_hot(rows, self.num_classes or 1) + 0 * rows[:, None]  # NaN where the label is

    def _predictive(self, posterior: Dirichlet) -> Categorical:
        return Categorical(posterior.concentration / posterior.concentration.sum(axis=-1, keepdims=True))


@record()
class MultinomialDirichlet(WithDirichlet):
    r"""Counts $x_i \sim \mathrm{Multinomial}(N, p)$ with known N, $p \sim \mathrm{Dirichlet}(a)$.

    The posterior is $\mathrm{Dirichlet}(a + \sum_i x_i)$; one more observation is Dirichlet-multinomial.

    Args:
      total_count: N, a whole number, not negative.

    Example:
      >>> print(MultinomialDirichlet(3).posterior(Dirichlet([1.0, 1.0]), jnp.array([[1, 2], [3, 0]])))
      Dirichlet(concentration=Array([5., 3.], dtype=float32))

    Reference: Murphy (2012), section 3.4.
    """

    total_count: Any
    constraints: ClassVar = {"total_count": COUNT}
    event_ranks: ClassVar = (1,)
    support: ClassVar = "whole numbers, not negative, that sum to the total count"

    def _inside(self, rows: Array) -> Array:
        return are_counts(rows, self.total_count)

    def _counts(self, rows: Array) -> Array:
        return rows

    def _log_density(self, rows: Array, p: Array) -> Array:
        return Multinomial(self.total_count, p)._log_prob(rows)

    def _predictive(self, posterior: Dirichlet) -> DirichletMultinomial:
        return DirichletMultinomial(self.total_count, posterior.concentration)
