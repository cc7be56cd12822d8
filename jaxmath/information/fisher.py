"""The Fisher information of a distribution."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath.distributions import Binomial, Distribution, Multinomial, NegativeBinomial, Pareto, Uniform
from jaxmath.distributions.constraints import NOT_NEGATIVE, PROBABILITY, SIMPLEX, Constraint
from jaxmath.information import closed_forms

# Parameters without: whole numbers, those that move the support, and those in which there is no closed divergence.
_WITHOUT: dict[type, tuple[str, ...]] = {
    Binomial: ("total_count",),
    Multinomial: ("total_count",),
    NegativeBinomial: ("r",),
    Pareto: ("scale",),
    Uniform: ("low", "high"),
}


def fisher_information(d: Distribution) -> dict[str, dict[str, Array]]:
    r"""The Fisher information $I_{ab} = -E \left[ \frac{\partial^2 \log p(x)}{\partial \theta_a\, \partial \theta_b}
    \right]$ with respect to the parameters of a distribution.

    It is the second derivative of the divergence $KL(p_\theta \| p_{\theta'})$ in $\theta'$ at $\theta' = \theta$,
    exact for every family that has a closed one.

    Args:
      d: a distribution of a family of :func:`kl_divergence`, Uniform excepted.

    Returns:
      Entries by the names of both parameters: ``fisher_information(Normal(0.0, 2.0))["loc"]["scale"]``. An entry has
      the batch shape, followed by the event axes of the first parameter and those of the second. Parameters are those
      that were given (such as a precision in place of a covariance), without ``total_count``, ``r`` of NegativeBinomial
      and ``scale`` of Pareto, which have no information or none of closed form.

    Raises:
      TypeError: for another family.

    Note:
      With respect to a symmetric matrix it is that of the symmetric part of a matrix with independent entries; of
      probabilities that sum to 1 each is taken to be free. Infinite for a rate or a probability of 0, and for a single
      probability of 1. NaN where a parameter is not valid.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> information = fisher_information(Normal(0.0, 2.0))
      >>> print(information["loc"]["loc"], information["loc"]["scale"], information["scale"]["scale"])
      0.25 0.0 0.5

    Reference: Kullback (1959), section 2.6.
    """
    name = "information.fisher_information"
    if not isinstance(d, Distribution):
        raise TypeError(f"{name}: expected a distribution, got {type(d).__name__}")
    if not closed_forms.is_known(d, d) or isinstance(d, Uniform):
        raise TypeError(f"{name}: there is none, or no closed form, for {type(d).__name__}")
    return _fisher_information(d)


@partial(jax.jit, inline=True)
def _fisher_information(d: Any) -> dict[str, dict[str, Array]]:
    dtype, valid, batch = d._dtype(), d._valid(), d.batch_shape
    d = d._cast(jnp.promote_types(dtype, jnp.float32))
    rows = {name: _rows(a, batch, d.parameter_ranks.get(name, 0)) for name, a in d._given()}

    def of_one(given: dict[str, Array]) -> Any:
        def divergence(free: dict[str, Array]) -> Array:
            return closed_forms.closed_form(_rebuilt(d, given), _rebuilt(d, given | free))

        free = {name: a for name, a in given.items() if name not in _WITHOUT.get(type(d), ())}
        information = jax.hessian(divergence)(free)
        for name, a in free.items():
            information[name][name] = _infinite_at_edge(information[name][name], a, d.constraints[name])
        return information

    def of_batch(entry: Array) -> Array:
        entry = entry.reshape(batch + entry.shape[1:])
        holds = jnp.broadcast_to(valid, batch).reshape(batch + (1,) * (entry.ndim - len(batch)))
        return jnp.where(holds, entry, jnp.nan).astype(dtype)

    return jax.tree.map(of_batch, jax.vmap(of_one)(rows))


def _infinite_at_edge(information: Array, a: Array, constraint: Constraint) -> Array:
    """That of a rate or probability of 0, or of the single probability 1, which the divergence does not show."""
    if constraint not in (NOT_NEGATIVE, PROBABILITY, SIMPLEX):
        return information
    edge = (a == 0) | (a == 1) if constraint is PROBABILITY else a == 0
    return jnp.where(jnp.diag(edge) if a.ndim else edge, jnp.inf, information)


def _rows(a: Array, batch: tuple[int, ...], rank: int) -> Array:
    """A parameter with one row for each element of the batch."""
    event = a.shape[a.ndim - rank :]
    return jnp.broadcast_to(a, batch + event).reshape(math.prod(batch), *event)


def _rebuilt(d: Distribution, parameters: dict[str, Array]) -> Distribution:
    """A distribution of the type of d that is given by the same parameters as d."""
    names = [name for name, _ in d._given()]
    return jax.tree.unflatten(jax.tree.structure(d), [parameters[name] for name in names])
