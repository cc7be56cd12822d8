"""Descent with its path."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, PyTree

from jaxmath._array import as_float, as_size, in_range, wide

Tree = TypeVar("Tree")


class Descent(NamedTuple):
    """Where a descent led, and the way.

    Attributes:
      params: the last point; where the loss was lost, the last point at which it was finite.
      losses: the loss at every point of the path; NaN from ``failed_step`` on.
      path: every ``record_every``-th point from the start to the end, along a new first axis of each leaf. A descent
        that came to rest stays where it is.
      num_steps: steps taken to ``params``.
      converged: whether the norm of the gradient came down to ``tol`` or a step to ``change_tol``; false without both.
      failed_step: the step that led to a loss that is not finite, 0 if the start has one, -1 if none did.
    """

    params: PyTree
    losses: Float[Array, " points"]
    path: PyTree
    num_steps: Int[Array, ""]
    converged: Bool[Array, ""]
    failed_step: Int[Array, ""]


class State(NamedTuple):
    """A point of a descent, the loss and its gradient there, what the optimiser remembers, the length of the last step.

    ``count``: steps taken; once step k has led to a loss that is not finite, -1 - k instead (k = 0: the start). It is
    one number because each further one in so short a loop costs time.
    """

    params: Any
    memory: Any
    loss: Array
    gradient: Any
    change: Array
    count: Array


class Facts(NamedTuple):
    """What is told of a descent."""

    num_steps: Array
    converged: Array
    failed_step: Array


class Walk(NamedTuple):
    """The start of a descent, a step, whether it goes on, and what to tell of it."""

    begin: State
    step: Callable[[State], State]
    goes_on: Callable[[State], Array]
    facts: Callable[[State], Facts]


def minimize(
    loss: Callable[..., Any],
    params: PyTree,
    *,
    optimizer: Any,
    num_steps: int,
    tol: ArrayLike | None = None,
    change_tol: ArrayLike | None = None,
    record_every: int = 1,
) -> Descent:
    r"""Goes downhill: $\theta_{t+1} = \theta_t + u(\nabla L(\theta_t), \dots)$ with the step u of an optimiser.

    One ``lax.scan``, which is not compiled by itself: put the call under ``jax.jit``. The loss and the optimiser may
    close over traced numbers, so that a rate that changes compiles nothing, and many rates run at once::

        descend = lambda rate: optimize.minimize(loss, start, optimizer=optax.adam(rate), num_steps=100)
        jax.jit(jax.vmap(descend))(jnp.array([0.01, 0.1, 1.0]))

    Args:
      loss: takes the parameters, returns one real number.
      params: the start, any pytree of real numbers.
      optimizer: a rule of this module or of optax; those that search along a line (``optax.lbfgs()``) as well.
      num_steps: static.
      tol: the descent rests where the norm of the gradient, over all leaves, is at most this. None: it does not.
      change_tol: it rests after a step whose length, over all leaves, is at most this. None: it does not.
      record_every: r, static: ``losses`` and ``path`` hold the points after 0, r, 2 r, ... ``num_steps`` steps.

    Returns:
      The last point, the way to it, and the facts. A step to a loss that is not finite is not taken: the descent rests
      before it. Parameters keep their types.

    Raises:
      TypeError: if a parameter is not real, the loss does not return a real number, the optimiser is none, or
        ``num_steps`` is traced.
      ValueError: if there are no parameters, the loss is not one number, or ``record_every`` does not divide
        ``num_steps``.

    Note:
      A descent may run away and yet stay finite: look at ``losses``. The derivative of the result is that of all the
      steps, one after the other; for that of the minimum see :func:`optimum`. Where a step failed, a derivative in
      reverse mode may be NaN.

    Example:
      >>> from jaxmath import optimize
      >>> rule = optimize.gradient_descent(0.25)
      >>> found = minimize(lambda w: (w - 3) ** 2, 0.0, optimizer=rule, num_steps=4)
      >>> print(found.path, found.losses)
      [0.     1.5    2.25   2.625  2.8125] [9.         2.25       0.5625     0.140625   0.03515625]

    Reference: sections 3.3 and 9.2.
    """
    name = "optimize.minimize"
    num_steps = as_size(name, "num_steps", num_steps)
    record_every = as_size(name, "record_every", record_every, num_steps, "num_steps")
    if num_steps % record_every:
        raise ValueError(f"{name}: record_every must divide num_steps, got {record_every} and {num_steps}")
    tol = None if tol is None else in_range(name, "tol", tol, "[0, inf]")
    change_tol = None if change_tol is None else in_range(name, "change_tol", change_tol, "[0, inf]")
    walk = descent(name, loss, params, optimizer, tol, change_tol)

    def stretch(state: State, _: None) -> tuple[State, tuple[Array, Any]]:
        for_each = (0, record_every, lambda _, state: walk.step(state), state)
        state = jax.lax.fori_loop(*for_each) if record_every > 1 else walk.step(state)
        return state, (state.loss, state.params)

    end, after = jax.lax.scan(stretch, walk.begin, length=num_steps // record_every)
    begin = walk.begin.loss, walk.begin.params
    losses, path = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), begin, after)
    facts = walk.facts(end)
    lost = (facts.failed_step >= 0) & (record_every * jnp.arange(len(losses)) >= facts.failed_step)
    return Descent(end.params, jnp.where(lost, jnp.nan, losses), path, *facts)


def descent(
    name: str,
    loss: Callable[..., Any],
    params: PyTree,
    optimizer: Any,
    tol: Array | None,
    change_tol: Array | None = None,
) -> Walk:
    """A descent that is yet to be made. Little is kept in a step: bookkeeping costs as much time as a small loss."""
    params = as_params(name, params)
    check_loss(name, loss, params)
    optimizer = as_optimizer(name, optimizer)
    evaluate = jax.value_and_grad(loss)

    def arrived(state: State) -> Array:
        flat = jnp.zeros((), bool) if tol is None else norm(state.gradient) <= tol
        return flat if change_tol is None else flat | (state.change <= change_tol)

    def goes_on(state: State) -> Array:
        return (state.count >= 0) & ~arrived(state)

    def step(state: State) -> State:
        new, memory = apply_optimizer(optimizer, state.params, state.memory, state.loss, state.gradient, loss)
        value, gradient = evaluate(new)
        counted = jnp.where(jnp.isfinite(value), state.count + 1, -2 - state.count)
        count = jnp.where(goes_on(state), counted, state.count)
        taken = (count >= 0) & ~arrived(state)
        params, value = choose(taken, (new, value), (state.params, state.loss))
        change = state.change
        if change_tol is not None:
            change = jnp.where(taken, norm(jax.tree.map(jnp.subtract, new, state.params)), change)
        if tol is not None:  # the gradient where it rests says whether it arrived
            gradient = choose(taken, gradient, state.gradient)
        return State(params, memory, value, gradient, change, count)

    def facts(state: State) -> Facts:
        failed_step = jnp.where(state.count < 0, -1 - state.count, -1)
        num_steps = jnp.where(failed_step < 0, state.count, jnp.maximum(failed_step - 1, 0))
        return Facts(num_steps, (failed_step < 0) & arrived(state), failed_step)

    value, gradient = evaluate(params)
    memory = jax.tree.map(jnp.asarray, optimizer.init(params))
    count = jnp.where(jnp.isfinite(value), 0, -1).astype(int)
    far = jnp.full_like(norm(params), jnp.inf)
    return Walk(State(params, memory, value, gradient, far, count), step, goes_on, facts)


def as_params(name: str, params: PyTree) -> PyTree:
    """A pytree of real floating arrays, at least one."""
    params = jax.tree.map(partial(as_float, name), params)
    if not jax.tree.leaves(params):
        raise ValueError(f"{name}: expected a pytree with at least one parameter, got {params!r}")
    return params


def as_optimizer(name: str, optimizer: Any) -> Any:
    """An optimiser that takes, and may ignore, the loss and its gradient."""
    import optax

    if isinstance(optimizer, type) or not (hasattr(optimizer, "init") and hasattr(optimizer, "update")):
        kind = f"the class {optimizer.__name__}" if isinstance(optimizer, type) else type(optimizer).__name__
        advice = "; make one of the rate" if jnp.isscalar(optimizer) else "; call it" if callable(optimizer) else ""
        raise TypeError(f"{name}: optimizer must be a rule such as optimize.gradient_descent(0.1), got {kind}{advice}")
    if isinstance(optimizer, optax.MultiSteps):  # hands them on to its rule, though optax does not say so of it
        update: Any = optimizer.update
        return optax.GradientTransformationExtraArgs(optimizer.init, update)
    return optax.with_extra_args_support(optimizer)


def apply_optimizer(
    optimizer: Any, params: Any, memory: Any, value: Array, gradient: Any, loss: Callable[[Any], Array]
) -> tuple[Any, Any]:
    """Parameters and memory after a step of :func:`as_optimizer`, which is told the loss for a search along a line."""
    import optax

    updates, new = optimizer.update(gradient, memory, params, value=value, grad=gradient, value_fn=loss)
    return optax.apply_updates(params, updates), jax.tree.map(_as_type_of, new, memory)


def check_loss(name: str, loss: Callable[..., Any], *arguments: Any) -> None:
    """TypeError or ValueError unless the loss returns one real number."""
    if not callable(loss):
        raise TypeError(f"{name}: the loss must be a function of the parameters, got {type(loss).__name__}")
    result = jax.eval_shape(loss, *arguments)
    if not hasattr(result, "shape") or not jnp.issubdtype(result.dtype, jnp.floating):
        kind = getattr(result, "dtype", type(result).__name__)
        raise TypeError(f"{name}: the loss must return one real number, got {kind}")
    if result.shape:
        raise ValueError(f"{name}: the loss must return one number, got shape {result.shape}; take a mean or a sum")


def choose(first: Array, a: Tree, b: Tree) -> Tree:
    """One of two equal trees, leaf by leaf in the types of the second."""
    return jax.tree.map(lambda u, v: jnp.where(first, _as_type_of(u, v), v), a, b)


def norm(tree: PyTree) -> Array:
    """The length of all leaves together."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(wide(leaf))) for leaf in jax.tree.leaves(tree)))


def _as_type_of(a: Array, b: Array) -> Array:
    return a if a.dtype == b.dtype else a.astype(b.dtype)
