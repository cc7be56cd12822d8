"""Stochastic gradient descent."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree, Shaped

from jaxmath._array import all_finite, as_key, as_real, as_size, is_one_array, same_rows
from jaxmath.optimize.descent import apply_optimizer, as_optimizer, as_params, check_loss, choose


class Training(NamedTuple):
    """What came of small batches.

    Attributes:
      params: after the last step; where a step failed, before it.
      losses: of each step's batch, before the step; NaN from ``failed_step`` on.
      failed_step: the first step, counted from 0, whose loss or whose result was not finite; -1 if none was.
    """

    params: PyTree
    losses: Float[Array, " steps"]
    failed_step: Int[Array, ""]


def sgd(
    key: Array,
    loss: Callable[..., Any],
    params: PyTree,
    data: tuple[Shaped[Any, "n ..."], ...],
    *,
    optimizer: Any,
    batch_size: int,
    num_epochs: int,
) -> Training:
    r"""Stochastic gradient descent: every step sees b rows of the data, $\theta \mathrel{+}= u(\nabla L(\theta, B))$.

    An epoch shuffles the rows and cuts them into $\lfloor n / b \rfloor$ batches; the rows that are left over sit this
    epoch out. All of it is one ``lax.scan``, shuffling included, and as in :func:`minimize` the caller compiles it.

    Args:
      key: a ``jax.random.key``, for the shuffling.
      loss: ``loss(params, *batch)``, one real number, usually the mean over the rows.
      params: the start, any pytree of real numbers.
      data: a tuple of arrays with equally many rows; a batch has the same rows of each.
      optimizer: a rule of this module or of optax.
      batch_size: b, static, in 1..n.
      num_epochs: static.

    Returns:
      The parameters, and the losses along the way, $\lfloor n / b \rfloor$ an epoch.

    Raises:
      TypeError: if the data is no tuple, a parameter or the data is not real, the loss does not return a real number,
        the optimiser is none, or ``batch_size`` or ``num_epochs`` is traced.
      ValueError: if the arrays differ in their number of rows, ``batch_size`` is above it, or the loss is not one
        number.

    Note:
      A NaN in a row stops the descent at the first batch with that row. The derivative is that of all the steps.

    Example:
      >>> from jaxmath import optimize
      >>> data, rule = (jnp.array([1.0, 2.0, 3.0, 4.0]),), optimize.gradient_descent(0.5)
      >>> far = lambda w, x: jnp.mean((x - w) ** 2)
      >>> fit = sgd(jax.random.key(0), far, 0.0, data, optimizer=rule, batch_size=4, num_epochs=1)
      >>> print(fit.params, fit.losses)
      2.5 [7.5]

    Reference: section 9.2.3; Robbins and Monro (1951).
    """
    name = "optimize.sgd"
    key, params, data = as_key(name, key), as_params(name, params), _as_data(name, data)
    num_rows = same_rows(name, data)
    batch_size = as_size(name, "batch_size", batch_size, num_rows, "n")
    num_epochs = as_size(name, "num_epochs", num_epochs)
    check_loss(name, loss, params, *(a[:batch_size] for a in data))
    optimizer = as_optimizer(name, optimizer)
    num_batches = num_rows // batch_size

    def step(state: tuple, rows: Array) -> tuple[tuple, Array]:
        params, memory, failed_step, count = state
        batch = tuple(a[rows] for a in data)
        value, gradient = jax.value_and_grad(loss)(params, *batch)
        new, new_memory = apply_optimizer(
            optimizer, params, memory, value, gradient, lambda params: loss(params, *batch)
        )
        failed_step = jnp.where((failed_step < 0) & ~all_finite((value, new)), count, failed_step)
        params, memory = choose(failed_step < 0, (new, new_memory), (params, memory))
        return (params, memory, failed_step, count + 1), jnp.where(failed_step < 0, value, jnp.nan)

    def epoch(state: tuple, key: Array) -> tuple[tuple, Array]:
        shuffled = jax.random.permutation(key, num_rows)[: num_batches * batch_size]
        return jax.lax.scan(step, state, shuffled.reshape(num_batches, batch_size))

    memory = jax.tree.map(jnp.asarray, optimizer.init(params))
    begin = (params, memory, jnp.full((), -1, int), jnp.zeros((), int))
    (params, _, failed_step, _), losses = jax.lax.scan(epoch, begin, jax.random.split(key, num_epochs))
    return Training(params, losses.ravel(), failed_step)


def _as_data(name: str, data: Any) -> tuple[Array, ...]:
    if not isinstance(data, tuple):
        hint = "; pass tuple(data)" if isinstance(data, list) and not is_one_array(data) else ""
        kind = type(data).__name__
        raise TypeError(f"{name}: data must be a tuple of arrays such as (x, y) or (x,), got {kind}{hint}")
    return tuple(as_real(name, a) for a in data)
