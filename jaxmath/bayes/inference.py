"""Posterior, log-evidence and predictive distribution as pure functions of a model, a prior and statistics."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmath._record import replaced
from jaxmath.bayes.sufficient import Statistics, scale, statistics_of


def updated(model: Any, prior: Any, statistics: Statistics) -> Any:
    """The posterior; NaN where model or prior are not valid."""
    model, prior, statistics, valid = promoted(model, prior, statistics)
    return with_nan(model._update(prior, statistics.sufficient), valid)


def evidence(model: Any, prior: Any, statistics: Statistics) -> Array:
    """The log-evidence; -inf for data out of the support, NaN where model or prior are not valid."""
    model, prior, statistics, valid = promoted(model, prior, statistics)
    impossible = statistics.log_base == -jnp.inf
    value = statistics.log_base + model._log_evidence(prior, statistics.sufficient)
    return jnp.where(valid, jnp.where(impossible, -jnp.inf, value), jnp.nan)


def promoted(model: Any, prior: Any, statistics: Any) -> tuple[Any, Any, Any, Array]:
    """All in one type of float32 or wider, and whether the parameters are valid."""
    dtype = jnp.promote_types(prior._dtype(*jax.tree.leaves((model, statistics))), jnp.float32)
    valid = model._valid() & prior._valid()
    return *(jax.tree.map(lambda a: a.astype(dtype), tree) for tree in (model, prior, statistics)), valid


def integer_type(prior: Any) -> Any:
    """The type that integers among the data take on: that of the prior, float32 or wider."""
    return jnp.promote_types(prior._dtype(), jnp.float32)


def with_nan(d: Any, valid: Array) -> Any:
    """A distribution, of NaN where it is not valid or one of its parameters is NaN."""
    ranks = {field: d.parameter_ranks.get(field, 0) for field, _ in d._given()}
    for field, value in d._given():
        valid &= ~jnp.isnan(value).any(axis=tuple(range(-ranks[field], 0)))
    unknown = jnp.where(valid, 0, jnp.nan)
    axes = {field: unknown.reshape(*unknown.shape, *(1,) * rank) for field, rank in ranks.items()}
    return replaced(d, {field: value + axes[field].astype(value.dtype) for field, value in d._given()})


# Each of them is one program.
jit_statistics = jax.jit(statistics_of, inline=True)
jit_update = jax.jit(updated, inline=True)


@partial(jax.jit, inline=True)
def jit_posterior(model: Any, prior: Any, rows: Any, weights: Array | None, power: Array) -> Any:
    """The posterior given data whose likelihood is raised to a power."""
    found = statistics_of(model, rows, weights)
    return updated(model, prior, scale(found, power.astype(found.log_base.dtype)))


@partial(jax.jit, inline=True)
def jit_log_evidence(model: Any, prior: Any, rows: Any, weights: Array | None) -> Array:
    """The log-evidence of data."""
    return evidence(model, prior, statistics_of(model, rows, weights))


@partial(jax.jit, inline=True)
def jit_predictive(model: Any, posterior: Any, *features: Array) -> Any:
    """The predictive distribution, of targets for these features."""
    model, posterior, features, valid = promoted(model, posterior, features)
    return with_nan(model._predictive(posterior, *features), valid)
