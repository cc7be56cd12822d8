"""Mixtures of distributions of any family."""

from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmath._record import record, replaced
from jaxmath.distributions.base import Distribution, Univariate, _of_parameters, as_parameter, validate
from jaxmath.distributions.constraints import SIMPLEX, Constraint, from_unconstrained, to_unconstrained

_NAME = "distributions.Mixture"


def _are_valid(components: Any, _: Any) -> Array:
    """For :func:`validate`: raises by itself, with the name of the parameter."""
    for part in _as_tuple(components):
        validate(part)
    return jnp.ones((), bool)


def _to_real(components: Any, _: Any) -> Any:
    return tuple(to_unconstrained(part) for part in _as_tuple(components))


def _from_real(params: Any, d: Any) -> Any:
    parts = tuple(from_unconstrained(*each) for each in zip(_as_tuple(d.components), params, strict=True))
    return parts if isinstance(d.components, tuple) else parts[0]


def _as_tuple(components: Any) -> tuple[Any, ...]:
    return components if isinstance(components, tuple) else (components,)


COMPONENTS = Constraint("distributions of valid parameters", _are_valid, _to_real, _from_real)


@record()
class Mixture(Univariate):
    r"""$p(x) = \sum_j \pi_j\, p_j(x)$.

    Cumulative distribution functions and quantiles exist for components that are numbers, ``covariance`` for vectors.
    The derivative of a draw is that of a draw of the component it came from; it does not see the weights.

    Args:
      weights: $\pi$, probabilities that sum to 1, shape (..., k); may be 0.
      components: one distribution whose last batch axis, of size k, is that of the components; or a tuple or list of k
        distributions of any families, all discrete or all continuous, with one event shape and batch shapes that
        broadcast. Their draws must be one array.

    Raises:
      TypeError: for components that are no distributions, or whose draws have several parts.
      ValueError: for shapes that do not fit, or discrete and continuous components together.

    Example:
      >>> from jaxmath.distributions import Normal, Uniform
      >>> d = Mixture([0.25, 0.75], Normal(jnp.array([-1.0, 1.0]), 0.5))
      >>> print(d.mean, d.variance)
      0.5 1.0
      >>> print(Mixture([0.5, 0.5], (Normal(0.0, 1.0), Uniform(0.0, 2.0))).cdf(0.0))
      0.25

    Reference: Bishop (2006), section 2.3.9.
    """

    weights: Any
    components: Any
    constraints: ClassVar = {"weights": SIMPLEX, "components": COMPONENTS}
    parameter_ranks: ClassVar = {"weights": 1}

    def __post_init__(self) -> None:
        weights = as_parameter(_NAME, "weights", self.weights)
        several = isinstance(self.components, (tuple, list))
        components: Any = tuple(self.components) if several else self.components
        _check_kinds(_as_tuple(components))
        if not several and not components.batch_shape:
            raise ValueError(f"{_NAME}: expected components with a batch axis, or a tuple of distributions")
        num_components = len(components) if several else components.batch_shape[-1]
        if num_components == 0 or weights.shape[-1:] != (num_components,):
            raise ValueError(f"{_NAME}: expected a weight a component, got {num_components} and shape {weights.shape}")
        object.__setattr__(self, "weights", weights)
        components = components if several else broadcast_parameters(components, components.batch_shape)
        object.__setattr__(self, "components", components)
        try:
            _ = self.batch_shape
        except ValueError:
            shapes = ", ".join(str(part.batch_shape) for part in self._parts())
            raise ValueError(
                f"{_NAME}: expected shapes that broadcast, got weights {weights.shape} and components {shapes}"
            ) from None

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape that the weights and the components broadcast to, without the axis of components."""
        shapes = (part.batch_shape if self._several() else part.batch_shape[:-1] for part in self._parts())
        return np.broadcast_shapes(np.shape(self.weights)[:-1], *shapes)

    @property
    def covariance(self) -> Array:
        """The expected outer product of the distance from the mean with itself, of components of vectors."""
        if self.event_ranks != (1,):
            raise AttributeError(f"{_NAME} of {type(self._parts()[0]).__name__} has no covariance")
        ((d,),) = self._event_shapes()
        return _of_parameters(self, "_total_covariance", ((d, d),))[0]

    @property
    def event_ranks(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """As that of the components."""
        return self._parts()[0].event_ranks

    @property
    def discrete(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether arguments are whole numbers."""
        return self._parts()[0].discrete

    def _several(self) -> bool:
        return isinstance(self.components, tuple)

    def _parts(self) -> tuple[Any, ...]:
        return _as_tuple(self.components)

    def _event_shapes(self) -> tuple[tuple[int, ...], ...]:
        return self._parts()[0]._event_shapes()

    def _valid(self) -> Array:
        valid = SIMPLEX.holds(self.weights, self).all(axis=-1)
        for part in self._parts():
            valid &= part._valid() if self._several() else part._valid().all(axis=-1)
        return valid

    def _bounds(self) -> tuple[Any, Any]:
        low, high = (self._stacked([part.support[end] for part in self._parts()], 0) for end in (0, 1))
        return low.min(axis=-1), high.max(axis=-1)

    def _inside(self, x: Array) -> Array:
        return jnp.ones((), bool)  # components say so themselves

    def _point(self) -> Array:
        first, (event,) = self._parts()[0], self._event_shapes()
        point = jnp.broadcast_to(first._point(), (*first.batch_shape, *event))
        return point if self._several() else jnp.take(point, 0, axis=-1 - len(event))

    def _log_prob(self, x: Array) -> Array:
        return _log_mean_exp(self.weights, self._at_each("log_prob", x))

    def _cdf(self, x: Array) -> Array:
        return self._weighted(self._at_each("cdf", x), 0)

    def _survival(self, x: Array) -> Array:
        return self._weighted(self._at_each("survival", x), 0)

    def _log_cdf(self, x: Array) -> Array:
        return _log_mean_exp(self.weights, self._at_each("log_cdf", x))

    def _log_survival(self, x: Array) -> Array:
        return _log_mean_exp(self.weights, self._at_each("log_survival", x))

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        first, second = jax.random.split(key)
        chosen = jax.random.categorical(first, jnp.log(self.weights), shape=shape)
        if self._several():
            keys = jax.random.split(second, len(self.components))
            parts = [part._sample(key, shape) for part, key in zip(self.components, keys, strict=True)]
            drawn = jnp.stack([part.astype(self.weights.dtype) for part in parts], axis=len(shape))
        else:
            drawn = self.components._sample(second, (*shape, self.weights.shape[-1]))
        index = chosen.reshape(*shape, *(1,) * (drawn.ndim - len(shape)))
        return jnp.take_along_axis(drawn, index, axis=len(shape)).squeeze(len(shape))

    def _mean(self) -> Array:
        (rank,) = self.event_ranks
        return self._weighted(self._stacked([part.mean for part in self._parts()], rank), rank)

    def _variance(self) -> Array:
        (rank,) = self.event_ranks
        variances = self._stacked([part.variance for part in self._parts()], rank)
        return self._weighted(variances + self._deviations() ** 2, rank)

    def _total_covariance(self) -> Array:
        covariances, deviations = self._stacked([part.covariance for part in self._parts()], 2), self._deviations()
        return self._weighted(covariances + deviations[..., :, None] * deviations[..., None, :], 2)

    def _deviations(self) -> Array:
        """The means of the components less that of the mixture; 0 for infinite ones, whose variance is infinite too."""
        (rank,) = self.event_ranks
        means = self._stacked([part.mean for part in self._parts()], rank)
        return jnp.where(jnp.isfinite(means), means - jnp.expand_dims(self._mean(), -1 - rank), 0)

    def _at_each(self, method: str, x: Array) -> Array:
        """A function of the argument for each component, along the last axis."""
        lacking = [type(part).__name__ for part in self._parts() if not hasattr(part, method)]
        if lacking:
            raise AttributeError(f"{_NAME} of {lacking[0]} has no {method}")
        (rank,) = self.event_ranks
        at = x if self._several() else jnp.expand_dims(x, -1 - rank)
        return self._stacked([getattr(part, method)(at) for part in self._parts()], 0)

    def _stacked(self, parts: list[Array], rank: int) -> Array:
        """Values of the components along one axis, which stands before the given number of axes of an event."""
        return jnp.stack(jnp.broadcast_arrays(*parts), axis=-1 - rank) if self._several() else parts[0]

    def _weighted(self, values: Array, rank: int) -> Array:
        """The weighted sum along that axis; what is infinite or NaN is left out where the weight is 0."""
        weights = self.weights.reshape(*self.weights.shape, *(1,) * rank)
        included = (weights != 0) | jnp.isfinite(values)
        return jnp.sum(weights * jnp.where(included, values, 0), axis=-1 - rank)


def _log_mean_exp(weights: Float[Array, "*#b k"], values: Float[Array, "*#b k"]) -> Float[Array, "*b"]:
    r"""$\log \sum_j \pi_j e^{v_j}$ for $v_j$ that may be infinite, with derivatives that are never NaN."""
    finite, positive = jnp.isfinite(values), weights > 0
    largest = jnp.max(jnp.where(finite & positive, values, -jnp.inf), axis=-1, keepdims=True)
    largest = jax.lax.stop_gradient(jnp.where(jnp.isfinite(largest), largest, 0))
    # of weight 0, where it may be the larger one, a value has a derivative in the weight only
    difference = jnp.minimum(jnp.where(finite, values, 0) - largest, jnp.log(jnp.finfo(values.dtype).max) / 2)
    total = jnp.sum(weights * jnp.where(finite, jnp.exp(difference), 0), axis=-1)
    some = total > 0
    value = jnp.where(some, jnp.log(jnp.where(some, total, 1)) + largest[..., 0], -jnp.inf)
    return jnp.where((positive & (values == jnp.inf)).any(axis=-1), jnp.inf, value)


def _check_kinds(parts: Iterable[Any]) -> None:
    """Raises for parts that are no distributions of one kind of number and one event shape."""
    for part in parts:
        if not isinstance(part, Distribution):
            raise TypeError(f"{_NAME}: expected a distribution or a tuple of them, got {type(part).__name__}")
        if len(part.event_ranks) > 1:
            raise TypeError(f"{_NAME}: expected components whose draws are one array, got {type(part).__name__}")
    events = [part.event_shape for part in parts]
    if len(set(events)) > 1:
        raise ValueError(f"{_NAME}: expected components of one event shape, got {', '.join(map(str, events))}")
    if len({part.discrete for part in parts}) > 1:
        raise ValueError(f"{_NAME}: expected components that are all discrete or all continuous")


def broadcast_parameters(d: Any, batch: tuple[int, ...]) -> Any:
    """A distribution whose parameters all have these batch axes; the components of a mixture one more."""
    fields: dict[str, Any] = {}
    for field, value in d._given():
        if isinstance(value, tuple):
            fields[field] = tuple(broadcast_parameters(part, batch) for part in value)
        elif isinstance(value, Distribution):
            fields[field] = broadcast_parameters(value, (*batch, value.batch_shape[-1]))
        else:
            rank = d.parameter_ranks.get(field, 0)
            fields[field] = jnp.broadcast_to(value, (*batch, *value.shape[value.ndim - rank :]))
    return replaced(d, fields)
