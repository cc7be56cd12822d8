"""What all distributions share: parameters that broadcast, the edge of the support, and what is not valid."""

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, PyTree

from jaxmath._array import as_key, as_real, wide
from jaxmath.distributions.constraints import COUNT, Constraint
from jaxmath.distributions.quantile import quantile


class Support(NamedTuple):
    """The ends of the interval in which an argument, or each entry of one, lies."""

    low: Array
    high: Array


class Distribution:
    """A distribution: a frozen record of its parameters, each an attribute of the name it was given by.

    Parameters broadcast against each other to the batch shape; the axes of an event come after those of the batch.
    Where a parameter is out of its range every number is NaN (:func:`validate` names the parameter); a NaN among the
    arguments gives NaN there. The type of a result is that of parameters and argument promoted, float16 and bfloat16
    being computed in float32; Python numbers take on the type of what they meet. Draws and modes that are whole numbers
    are float32 or wider, in which labels and counts are exact.

    A subclass says what holds for valid parameters and arguments of the support, all of one type of float32 or wider:
    ``_log_prob(x)``, ``_sample(key, shape)``, ``_mean()`` and so on; a quantity it leaves out does not exist.
    """

    _fields: ClassVar[tuple[str, ...]]
    # What each parameter must be, and how many of its last axes belong to one event.
    constraints: ClassVar[dict[str, Constraint]] = {}
    parameter_ranks: ClassVar[dict[str, int]] = {}
    # Parameters of which exactly one is given.
    alternatives: ClassVar[tuple[str, ...]] = ()
    # How many of the last axes of an argument belong to one event: one number for each part of the argument.
    event_ranks: ClassVar[tuple[int, ...]] = (0,)
    # Whether arguments are whole numbers.
    discrete: ClassVar[bool] = False

    def __post_init__(self) -> None:
        name = f"distributions.{type(self).__name__}"
        given = [field for field in self.alternatives if vars(self)[field] is not None]
        if self.alternatives and len(given) != 1:
            got = " and ".join(given) or "none"
            raise ValueError(f"{name}: expected one of {', '.join(self.alternatives)}, got {got}")
        for field in self._fields:
            value = vars(self)[field]
            if value is None and field in self.alternatives:
                continue
            value = as_parameter(name, field, value, self.constraints.get(field))
            object.__setattr__(self, field, value)
            rank = self.parameter_ranks.get(field, 0)
            if value.ndim < rank:
                raise ValueError(f"{name}: expected {field} with {rank} axes or more, got shape {value.shape}")
        shapes = {field: value.shape for field, value in self._given()}
        if len(set(self._event_sizes())) > 1:
            raise ValueError(f"{name}: expected parameters of one size along the axes of an event, got {shapes}")
        if 0 in self._event_sizes():
            raise ValueError(f"{name}: expected at least one entry along the axes of an event, got {shapes}")
        try:
            _ = self.batch_shape
        except ValueError:
            raise ValueError(f"{name}: expected shapes that broadcast, got {shapes}") from None

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape that the parameters broadcast to."""
        shapes = ((np.shape(value), self.parameter_ranks.get(field, 0)) for field, value in self._given())
        return np.broadcast_shapes(*(shape[: len(shape) - rank] for shape, rank in shapes))

    @property
    def event_shape(self) -> Any:
        """The shape of one draw, ``()`` for a number; a tuple of shapes where a draw has parts."""
        shapes = self._event_shapes()
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def support(self) -> Support:
        """The ends of the interval in which arguments, or their entries, lie; both of batch shape."""
        return Support(*_of_parameters(self, "_bounds", ((), ())))

    def log_prob(self, x: Any) -> Array:
        """The logarithm of the density, or of the probability of a whole number; -inf out of the support."""
        return _at(self, self._arguments("log_prob", x), "log_prob")

    def prob(self, x: Any) -> Array:
        """The density, or the probability of a whole number."""
        return _at(self, self._arguments("prob", x), "prob")

    def sample(self, key: Array, shape: tuple[int, ...] = ()) -> Any:
        """Independent draws, shape ``shape`` + batch + event."""
        name = f"distributions.{type(self).__name__}.sample"
        return self._joined(_draw(self, as_key(name, key), as_shape(name, shape)))

    def entropy(self) -> Array:
        """The expectation of -log_prob, in nats."""
        return _of_parameters(self, "_entropy", ((),))[0]

    @property
    def mean(self) -> Any:
        """The expectation; NaN or infinite where there is none, as in SciPy."""
        return self._joined(_of_parameters(self, "_mean", self._event_shapes()))

    @property
    def variance(self) -> Any:
        """The expected squared distance from the mean, of each entry."""
        return self._joined(_of_parameters(self, "_variance", self._event_shapes()))

    @property
    def mode(self) -> Any:
        """A point of the largest density or probability."""
        return self._joined(_of_parameters(self, "_mode", self._event_shapes()))

    # Shapes and types.

    def _given(self) -> Iterator[tuple[str, Any]]:
        return ((field, vars(self)[field]) for field in self._fields if vars(self)[field] is not None)

    def _event_sizes(self) -> list[int]:
        ranks = self.parameter_ranks
        return [n for field, value in self._given() if field in ranks for n in value.shape[-ranks[field] :]]

    def _event_shapes(self) -> tuple[tuple[int, ...], ...]:
        size = next(iter(self._event_sizes()), 0)
        return tuple((size,) * rank for rank in self.event_ranks)

    def _arguments(self, what: str, x: Any) -> tuple[Array, ...]:
        """The parts of an argument, of shapes that fit."""
        name, events = f"distributions.{type(self).__name__}.{what}", self._event_shapes()
        parts = tuple(as_parameter(name, "x", part) for part in self._split(name, x))
        wrong = any(part.shape[part.ndim - len(event) :] != event for part, event in zip(parts, events, strict=True))
        batches = [part.shape[: part.ndim - len(event)] for part, event in zip(parts, events, strict=True)]
        try:
            _ = np.broadcast_shapes(self.batch_shape, *batches)
        except ValueError:
            wrong = True
        if wrong:
            wanted = " and ".join(f"({', '.join(['...', *map(str, event)])})" for event in events)
            got = " and ".join(str(part.shape) for part in parts)
            batch = self.batch_shape
            raise ValueError(f"{name}: expected shape {wanted} that broadcasts with the batch {batch}, got {got}")
        return parts

    def _split(self, name: str, x: Any) -> tuple[Any, ...]:
        if len(self.event_ranks) == 1:
            return (x,)
        if not isinstance(x, (tuple, list)) or len(x) != len(self.event_ranks):
            raise TypeError(f"{name}: expected {len(self.event_ranks)} parts, got {type(x).__name__}")
        return tuple(x)

    def _joined(self, parts: tuple[Array, ...]) -> Any:
        """A draw, or a quantity of its form, of its parts."""
        return parts[0]

    def _dtype(self, *parts: Array) -> Any:
        dtype = jnp.result_type(*parts, *jax.tree.leaves(self))
        return dtype if jnp.issubdtype(dtype, jnp.floating) else jnp.result_type(float)

    def _cast(self, dtype: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.astype(dtype), self)

    def _valid(self) -> Bool[Array, "..."]:
        valid = jnp.ones((), bool)
        for field, value in self._given():
            holds = self.constraints[field].holds(value, self)
            valid &= holds.all(axis=tuple(range(-self.parameter_ranks.get(field, 0), 0)))
        return valid

    def _inside(self, *parts: Array) -> Bool[Array, "..."]:
        """Whether arguments are in the support."""
        (x,), (low, high) = parts, self._bounds()
        inside = (x >= low) & (x <= high)
        return inside & (x == jnp.floor(x)) & (x < jnp.inf) if self.discrete else inside

    # What subclasses say.

    def _bounds(self) -> tuple[Any, Any]:
        """The ends of the support."""
        raise NotImplementedError

    def _point(self) -> Any:
        """A point of the support, in parts if an argument has parts, at which everything is finite."""
        raise NotImplementedError

    def _log_prob(self, *parts: Array) -> Array:
        raise NotImplementedError

    def _sample(self, key: Array, shape: tuple[int, ...]) -> Any:
        """Draws of shape ``shape`` + event, where ``shape`` ends with the batch."""
        raise NotImplementedError


class Univariate(Distribution):
    """A distribution of numbers on a line, which has a cumulative distribution function."""

    def cdf(self, x: Any) -> Array:
        """The probability of at most x."""
        return _at(self, self._arguments("cdf", x), "cdf")

    def survival(self, x: Any) -> Array:
        """The probability of more than x, with all its digits where that is small."""
        return _at(self, self._arguments("survival", x), "survival")

    def log_cdf(self, x: Any) -> Array:
        """The logarithm of :meth:`cdf`, finite where that underflows."""
        return _at(self, self._arguments("log_cdf", x), "log_cdf")

    def log_survival(self, x: Any) -> Array:
        """The logarithm of :meth:`survival`, finite where that underflows."""
        return _at(self, self._arguments("log_survival", x), "log_survival")

    def icdf(self, p: Any) -> Array:
        """The quantile: the least x whose :meth:`cdf` is at least p; NaN for p outside [0, 1]."""
        return _at(self, self._arguments("icdf", p), "icdf")

    # A subclass says one or both of _cdf and _log_cdf and of _survival and _log_survival: what keeps its digits.

    def _cdf(self, x: Array) -> Array:
        return jnp.exp(self._log_cdf(x))

    def _survival(self, x: Array) -> Array:
        return jnp.exp(self._log_survival(x))

    def _log_cdf(self, x: Array) -> Array:
        return jnp.log(self._cdf(x))

    def _log_survival(self, x: Array) -> Array:
        return jnp.log(self._survival(x))

    def _icdf(self, p: Array) -> Array:
        return quantile(self, p)


class Multivariate(Distribution):
    """A distribution of vectors."""

    event_ranks: ClassVar = (1,)

    @property
    def covariance(self) -> Array:
        """The expected outer product of the distance from the mean with itself."""
        ((d,),) = self._event_shapes()
        return _of_parameters(self, "_covariance", ((d, d),))[0]


@partial(jax.jit, static_argnames="what", inline=True)
def _at(d: Any, parts: tuple[Array, ...], what: str) -> Array:
    """A function of an argument: one program, in float32 or wider."""
    dtype = d._dtype(*parts)
    computed = jnp.promote_types(dtype, jnp.float32)
    valid, d = d._valid(), d._cast(computed)
    given = tuple(part if jnp.issubdtype(part.dtype, jnp.floating) else part.astype(computed) for part in parts)
    parts = tuple(part.astype(computed) for part in parts)
    if not any(d.event_ranks):
        given = parts = tuple(map(_flushed, parts))
    for part, rank in zip(parts, d.event_ranks, strict=True):
        valid &= ~jnp.isnan(part).any(axis=tuple(range(-rank, 0)))
    if what in ("log_prob", "prob"):
        value = _log_prob(d, parts, d._inside(*given))  # a sum of 1 is one to within the rounding of what was given
        value = jnp.exp(value) if what == "prob" else value
    elif what == "icdf":
        (p,) = parts
        value = jnp.where((p >= 0) & (p <= 1), _quantile(d, p), jnp.nan)
    else:
        value = _cumulative(d, parts[0], what)
    return jnp.where(valid, value, jnp.nan).astype(dtype)


# The functions of an interval below or above an argument, each with its values below and above the support.
_CUMULATIVE = {
    "cdf": (0.0, 1.0),
    "survival": (1.0, 0.0),
    "log_cdf": (-jnp.inf, 0.0),
    "log_survival": (0.0, -jnp.inf),
}


def _log_prob(d: Distribution, parts: tuple[Array, ...], inside: Array) -> Array:
    point = d._point()
    points = point if len(parts) > 1 else (point,)
    safe = [where_batch(inside, *each) for each in zip(parts, points, d.event_ranks, strict=True)]
    return jnp.where(inside, d._log_prob(*safe), -jnp.inf)


def _cumulative(d: Any, x: Array, what: str) -> Array:
    below, above = _CUMULATIVE[what]
    low, high = d._bounds()
    at = jnp.floor(x) if d.discrete else x
    inner = (at >= low if d.discrete else at > low) & (at < high)
    value = getattr(d, f"_{what}")(jnp.where(inner, at, d._point()))
    return jnp.where(inner, value, jnp.where(at >= high, above, below))


def _quantile(d: Any, p: Array) -> Array:
    """At 0 and 1 that of a continuous distribution is an end of the support."""
    inner = (p >= 0) & (p <= 1) if d.discrete else (p > 0) & (p < 1)
    low, high = d._bounds()
    return jnp.where(inner, d._icdf(jnp.where(inner, p, 0.5)), jnp.where(p == 0, low, high))


def _flushed(x: Array) -> Array:
    """0 in the place of subnormal numbers, which some operations take for 0 and some do not; the derivative is 1."""
    return x + jax.lax.stop_gradient(jnp.where(jnp.abs(x) < jnp.finfo(x.dtype).tiny, -x, 0))


@partial(jax.jit, static_argnames=("what", "events"), inline=True)
def _of_parameters(d: Any, what: str, events: tuple[tuple[int, ...], ...]) -> tuple[Array, ...]:
    """A function of the parameters alone: parts of batch shape and these shapes of an event."""
    compute = getattr(type(d), what, None)
    if compute is None:
        raise AttributeError(f"distributions.{type(d).__name__} has no {what.removeprefix('_')}")
    dtype, valid = d._dtype(), d._valid()
    computed = jnp.promote_types(dtype, jnp.float32)
    value, dtype = compute(d._cast(computed)), computed if d.discrete and what == "_mode" else dtype
    parts = zip(value if len(events) > 1 else (value,), events, strict=True)
    return tuple(
        jnp.broadcast_to(where_batch(valid, part, jnp.nan, len(event)), (*d.batch_shape, *event)).astype(dtype)
        for part, event in parts
    )


@partial(jax.jit, static_argnames="shape", inline=True)
def _draw(d: Any, key: Array, shape: tuple[int, ...]) -> tuple[Array, ...]:
    dtype, valid = d._dtype(), d._valid()
    computed = jnp.promote_types(dtype, jnp.float32)
    drawn, dtype = d._cast(computed)._sample(key, (*shape, *d.batch_shape)), computed if d.discrete else dtype
    parts = zip(drawn if len(d.event_ranks) > 1 else (drawn,), d.event_ranks, strict=True)
    return tuple(where_batch(valid, part, jnp.nan, rank).astype(dtype) for part, rank in parts)


def where_batch(condition: Array, a: Any, b: Any, rank: int) -> Array:
    """``jnp.where`` with a condition of batch shape on values with event axes after it."""
    return jnp.where(condition.reshape(*condition.shape, *(1,) * rank), a, b)


def as_parameter(name: str, field: str, value: Any, constraint: Constraint | None = None) -> Array:
    """Real numbers; a Python number stays weak, so that it takes on the type of what it meets."""
    number = isinstance(value, (bool, int, float, np.number))
    if number and constraint is COUNT and not (value >= 0 and value == np.floor(value)):
        raise ValueError(f"{name}: {field} must be {COUNT.words}, got {value!r}")
    if isinstance(value, (bool, int, float)):
        return jnp.asarray(float(value))
    return as_real(f"{name}: {field}" if field != "x" else name, value)


def as_shape(name: str, shape: Any) -> tuple[int, ...]:
    """A static shape; a whole number is a shape of one axis."""
    if any(isinstance(size, Tracer) for size in jax.tree.leaves(shape)):
        raise TypeError(f"{name}: shape must be static; close over it")
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    if not all(isinstance(size, (int, np.integer)) and not isinstance(size, bool) for size in sizes):
        raise TypeError(f"{name}: shape must be a tuple of whole numbers, got {shape!r}")
    if any(size < 0 for size in sizes):
        raise ValueError(f"{name}: shape must not be negative, got {shape!r}")
    return tuple(int(size) for size in sizes)


def as_distribution(name: str, d: Any) -> Any:
    """Raises TypeError for what is no distribution."""
    if not isinstance(d, Distribution):
        raise TypeError(f"{name}: expected a distribution, got {type(d).__name__}")
    return d


def validate(d: PyTree) -> None:
    """Raises if a parameter is out of its range; on the host, outside of jit, vmap and grad.

    Args:
      d: a distribution.

    Raises:
      TypeError: if it is none, or its parameters are traced.
      ValueError: naming the first parameter that is out of its range, and the place.

    Example:
      >>> from jaxmath import distributions
      >>> distributions.validate(distributions.Normal(0.0, 1.0))
    """
    d = as_distribution("distributions.validate", d)
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(d)):
        raise TypeError("distributions.validate: call it outside jit, vmap and grad")
    for field, value in d._given():
        constraint = d.constraints[field]
        bad = np.argwhere(~np.asarray(constraint.holds(value, d)))
        if len(bad):
            place = tuple(bad[0].tolist())
            got = np.asarray(wide(value) if jnp.issubdtype(value.dtype, jnp.floating) else value)[place]
            at = f" at {place}" if place else ""
            raise ValueError(f"distributions.{type(d).__name__}: {field} must be {constraint.words}, got {got}{at}")
