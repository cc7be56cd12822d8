"""Errors on the host for what depends on the numbers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxmath import distributions
from jaxmath._array import wide
from jaxmath.bayes.model import Model
from jaxmath.bayes.sufficient import is_known


def as_model(name: str, model: Any) -> Model:
    """Raises for what is no conjugate model."""
    if not isinstance(model, Model):
        raise TypeError(f"{name}: expected a model such as bayes.NormalMean(1.0), got {type(model).__name__}")
    return model


def validate(model: Model, prior: Any, x: Any) -> None:
    """Raises if a parameter or an observation is out of its range; on the host, outside of jit, vmap and grad.

    Args:
      model: a conjugate model.
      prior: a prior or posterior of it.
      x: data, as for its methods.

    Raises:
      TypeError: for what is no model, a prior of another type, or anything traced.
      ValueError: naming the first parameter or observation that is not valid, and its place.

    Example:
      >>> from jaxmath import bayes
      >>> from jaxmath.distributions import Gamma
      >>> bayes.validate(bayes.PoissonGamma(), Gamma(2.0, 1.0), [3, 0, 5])
    """
    model = as_model("bayes.validate", model)
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((model, prior, x))):
        raise TypeError("bayes.validate: call it outside jit, vmap and grad")
    for field, constraint in model.constraints.items():
        if not bool(np.all(np.asarray(constraint.holds(vars(model)[field], model)))):
            got = np.asarray(vars(model)[field])
            raise ValueError(f"{model._name()}: {field} must be {constraint.words}, got {got}")
    model._check_prior("validate", prior)
    distributions.validate(prior)
    model, rows, weights = model._given("validate", prior, x, None)
    model = model._cast(jnp.result_type(jnp.float32, *jax.tree.leaves((rows, model))))
    rows = jax.tree.map(wide, rows)
    valid = is_known(rows) & jnp.broadcast_to(model._inside(rows), jax.tree.leaves(rows)[0].shape[:1])
    bad = [] if weights is not None else np.flatnonzero(~np.asarray(valid))
    if len(bad):
        got = jax.tree.map(lambda a: np.asarray(a[bad[0]]).tolist(), rows)
        raise ValueError(
            f"{model._name('validate')}: an observation must be {model.support}, got {got} in row {bad[0]}"
        )
