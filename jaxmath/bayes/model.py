"""What all conjugate models share: the public methods and their checks."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._array import as_float, as_weights, in_range, wide
from jaxmath.bayes.inference import (
    integer_type,
    jit_log_evidence,
    jit_posterior,
    jit_predictive,
    jit_statistics,
    jit_update,
)
from jaxmath.bayes.sufficient import Statistics, num_columns
from jaxmath.distributions.base import as_parameter
from jaxmath.distributions.constraints import Constraint


class Model:
    r"""A likelihood with a conjugate prior: prior and posterior are of one type of distribution.

    A subclass is a frozen record of what is known of the data, whose docstring is the formula. It states the types of
    prior, the support, and for valid rows, parameters and statistics, all of one type of float32 or wider:
    ``_statistics(rows, weights)``, weighted sums in a NamedTuple, ``statistics_type``; ``_log_base(rows, sufficient)``;
    ``_update(prior, sufficient)``; ``_log_evidence(prior, sufficient)`` without the base; ``_predictive(posterior)``.

    Results are NaN where a parameter of the model or of the prior is out of its range. If an observation of nonzero
    weight is out of the support, the posterior is NaN and the log-evidence -inf; :func:`jaxmath.bayes.validate` names
    it. No rows give the prior back. Priors may have batch axes, and every method works under ``jit``, ``vmap`` and
    ``grad``.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    # What each parameter must be, and how many of its last axes belong to one event.
    constraints: ClassVar[dict[str, Constraint]] = {}
    parameter_ranks: ClassVar[dict[str, int]] = {}
    prior_types: ClassVar[tuple[type, ...]] = ()
    statistics_type: ClassVar[type] = tuple
    # How many axes one row of each part of the data has.
    event_ranks: ClassVar[tuple[int, ...]] = (0,)
    # What an observation must be, in words.
    support: ClassVar[str] = "a real number"
    # An observation, or an entry of one, at which the statistics are finite.
    point: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        for field in self._fields:
            if field not in self.constraints:
                continue
            value = as_parameter(self._name(), field, vars(self)[field], self.constraints[field])
            rank = self.parameter_ranks.get(field, 0)
            if value.ndim != rank or len(set(value.shape)) > 1:
                wanted = ("a number", "a vector", "a square matrix")[rank]
                raise ValueError(
                    f"{self._name()}: expected {field} to be {wanted}, got shape {value.shape}; several models go "
                    "through jax.vmap"
                )
            object.__setattr__(self, field, value)

    def statistics(self, x: Any, *, weights: Any = None) -> Statistics:
        """The sufficient statistics of data, in one pass through :func:`jaxmath.reduce.over`.

        Args:
          x: data, shape (n,), or (n, d) for vectors; n may be 0.
          weights: how often each row counts, shape (n,); None counts each once.

        Returns:
          The statistics; those of several parts of the data merge by :func:`jaxmath.reduce.merge`.

        Raises:
          TypeError: for data that is not real.
          ValueError: for data of another rank, or weights that are not (n,).

        Note:
          NaN where an observation is NaN or out of the support, unless its weight is 0.
        """
        rows, weights = self._data("statistics", x, weights)
        return jit_statistics(self, rows, weights)

    def update(self, prior: Any, statistics: Statistics) -> Any:
        """The posterior, a distribution of the type of the prior, from sufficient statistics.

        Args:
          prior: a distribution of one of the types that the model takes.
          statistics: as :meth:`statistics` of this model gives them, with the same parameters.

        Returns:
          The posterior.

        Raises:
          TypeError: for a prior of another type, or statistics of another kind.
          ValueError: if prior and statistics differ in their number of columns.
        """
        self._check_prior("update", prior)
        found = statistics.sufficient if isinstance(statistics, Statistics) else statistics
        if found is statistics or not isinstance(found, self.statistics_type):
            wanted, got = self.statistics_type.__name__, type(found).__name__
            raise TypeError(f"{self._name('update')}: expected statistics of the model ({wanted}), got {got}")
        self._check_columns("update", prior, num_columns(statistics.sufficient))
        return jit_update(self, prior, statistics)

    def posterior(self, prior: Any, x: Any, *, weights: Any = None, power: Any = 1.0) -> Any:
        """The posterior given data, a distribution of the type of the prior.

        Args:
          prior: a distribution of one of the types that the model takes.
          x: data, as for :meth:`statistics`.
          weights: how often each row counts, shape (n,); None counts each once.
          power: of the likelihood, not negative: 1 for the posterior; less makes a power prior, in which the data
            count for less.

        Returns:
          The posterior.

        Raises:
          TypeError: for a prior of another type, or data that is not real.
          ValueError: for data that does not fit, or a negative power.

        Note:
          NaN for a NaN among the observations or one out of the support, unless its weight is 0.
        """
        model, rows, weights = self._given("posterior", prior, x, weights)
        power = in_range(self._name("posterior"), "power", power, "[0, inf)")
        return jit_posterior(model, prior, rows, weights, power)

    def predictive(self, posterior: Any) -> Any:
        """The distribution of one more observation, given a posterior or a prior.

        Args:
          posterior: a distribution of one of the types that the model takes.

        Returns:
          A distribution with ``log_prob``, ``mean`` and ``sample``.

        Raises:
          TypeError: for a distribution of another type.
        """
        self._check_prior("predictive", posterior)
        return jit_predictive(self, posterior)

    def log_evidence(self, prior: Any, x: Any, *, weights: Any = None) -> Array:
        r"""The log-evidence $\log p(x) = \log \int p(x \mid \theta)\, p(\theta)\, d\theta$, with every constant.

        That of the rows in their order: the sum of the log-densities of each in the predictive distribution of those
        before it. It is differentiable with respect to the parameters of the prior.

        Args:
          prior: a distribution of one of the types that the model takes.
          x: data, as for :meth:`statistics`.
          weights: how often each row counts, shape (n,); None counts each once.

        Returns:
          The log-evidence, of the batch shape of the prior.

        Raises:
          As :meth:`posterior` does.

        Note:
          -inf where an observation is out of the support, NaN where one is NaN or a parameter out of its range.
        """
        model, rows, weights = self._given("log_evidence", prior, x, weights)
        return jit_log_evidence(model, prior, rows, weights)

    # Checks.

    def _name(self, method: str = "") -> str:
        return f"bayes.{type(self).__name__}{method and '.'}{method}"

    def _check_prior(self, method: str, prior: Any) -> None:
        if not isinstance(prior, self.prior_types):
            wanted = " or ".join(kind.__name__ for kind in self.prior_types)
            raise TypeError(f"{self._name(method)}: expected a prior of type {wanted}, got {type(prior).__name__}")
        for field in self.parameter_ranks:
            own, size = vars(self)[field].shape[-1], prior._event_sizes()[0]
            if own != size:
                raise ValueError(f"{self._name(method)}: expected {field} and prior of one size, got {own} and {size}")

    def _check_columns(self, method: str, prior: Any, num_columns: int | None) -> None:
        wanted = self._num_columns(prior)
        if wanted is not None and num_columns != wanted:
            raise ValueError(f"{self._name(method)}: expected {wanted} columns for this prior, got {num_columns}")

    def _data(self, method: str, x: Any, weights: Any, dtype: Any = float) -> tuple[Any, Array | None]:
        """The rows in parts and their weights; no rows become one of weight 0. Integers take on a type."""
        name, ranks = self._name(method), self.event_ranks
        if len(ranks) > 1 and (not isinstance(x, (tuple, list)) or len(x) != len(ranks)):
            raise TypeError(f"{name}: expected data in {len(ranks)} parts, got {type(x).__name__}")
        rows = tuple(as_float(name, part, dtype) for part in (x if len(ranks) > 1 else (x,)))
        if any(part.ndim != rank + 1 for part, rank in zip(rows, ranks, strict=True)) or (
            len({len(part) for part in rows}) > 1
        ):
            wanted = " and ".join("(n, d)" if rank else "(n,)" for rank in ranks)
            got = " and ".join(str(part.shape) for part in rows)
            raise ValueError(f"{name}: expected data of shape {wanted}, got {got}; more axes go through jax.vmap")
        num_rows = len(rows[0])
        weights = None if weights is None else as_weights(name, weights, num_rows)
        if num_rows == 0:
            rows = tuple(jnp.zeros((1, *part.shape[1:]), part.dtype) for part in rows)
            weights = jnp.zeros(1, wide(rows[0]).dtype)
        return (rows if len(ranks) > 1 else rows[0]), weights

    def _given(self, method: str, prior: Any, x: Any, weights: Any) -> tuple[Any, Any, Array | None]:
        """The model for this prior, the rows and their weights."""
        self._check_prior(method, prior)
        rows, weights = self._data(method, x, weights, integer_type(prior))
        model = self._for_prior(prior)
        leaves = [part for part, rank in zip(jax.tree.leaves(rows), self.event_ranks, strict=True) if rank]
        if leaves:
            model._check_columns(method, prior, leaves[0].shape[-1] + len(self.event_ranks) - 1)
        return model, rows, weights

    def _valid(self) -> Array:
        valid = jnp.ones((), bool)
        for field in self.constraints:
            holds = self.constraints[field].holds(vars(self)[field], self)
            valid &= holds.all(axis=tuple(range(-self.parameter_ranks.get(field, 0), 0)))
        return valid

    def _cast(self, dtype: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.astype(dtype), self)

    # What subclasses say.

    def _for_prior(self, prior: Any) -> Any:
        """The model with what only the prior knows."""
        return self

    def _num_columns(self, prior: Any) -> int | None:
        """How many columns the statistics have for a prior; None where that is not to be checked."""
        return prior._event_sizes()[0] if any(self.event_ranks) else None

    def _inside(self, rows: Any) -> Array:
        """Whether each row is in the support."""
        raise NotImplementedError

    def _shift(self, rows: Any, weights: Array | None) -> Array | None:
        """A point near the data which is subtracted before anything is squared; None where nothing is."""
        return None

    def _centered(self, rows: Any, weights: Array, shift: Any) -> Any:
        """The sufficient statistics of a chunk about that point."""
        return self._statistics(rows, weights)

    def _unshifted(self, sufficient: Any, shift: Any) -> Any:
        """The sufficient statistics from those about the point."""
        return sufficient

    def _statistics(self, rows: Any, weights: Array) -> Any:
        """Weighted sums over rows."""
        raise NotImplementedError

    def _log_base(self, rows: Any, sufficient: Any) -> Array:
        """Of each row, the log-density at a parameter which the statistics determine, or a term without parameters."""
        return jnp.zeros((), jax.tree.leaves(rows)[0].dtype)

    def _update(self, prior: Any, sufficient: Any) -> Any:
        raise NotImplementedError

    def _log_evidence(self, prior: Any, sufficient: Any) -> Array:
        raise NotImplementedError

    def _predictive(self, posterior: Any) -> Any:
        raise NotImplementedError
