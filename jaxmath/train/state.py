"""The state of a training, and one step of it."""

import dataclasses
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from jaxmath import losses
from jaxmath._array import as_key
from jaxmath._record import record
from jaxmath.optimize.descent import apply_optimizer, as_optimizer
from jaxmath.train.checks import check_function, check_model, check_returned, check_scores
from jaxmath.train.metrics import accuracy

Metrics = dict[str, Float[Array, ""]]
# XLA's own convolutions instead of a library's, which are slower
_ON_CPU = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}


@record(static=("graphdef", "optimizer", "loss", "augment"))
class State:
    """All that a training knows; made by :func:`create`.

    Attributes:
      params: the parameters of the model.
      rest: its other state: running statistics, random generators.
      memory: what the optimiser remembers.
      key: for the order of the examples and for augmentation.
      step: how many steps were made.
      graphdef, optimizer, loss, augment: static.
    """

    params: Any
    rest: Any
    memory: Any
    key: Array
    step: Int[Array, ""]
    graphdef: nnx.GraphDef
    optimizer: Any
    loss: Callable[[nnx.Module, Any], tuple[Array, Metrics]]
    augment: Callable[[Array, Array], Array] | None

    @property
    def model(self) -> Any:
        """A model with these parameters, of its own, for use: without dropout, with running statistics."""
        model = nnx.merge(self.graphdef, self.params, self.rest, copy=True)
        model.eval()
        return model


class Keys(NamedTuple):
    """What the key of a state is for."""

    order: Array
    augment: Array


def keys(state: State) -> Keys:
    """The two keys that are made of that of a state."""
    return Keys(*jax.random.split(state.key))


def as_unit(images: Array) -> Array:
    """Bytes become numbers from 0 to 1; numbers stay."""
    return images / jnp.float32(255) if images.dtype == jnp.uint8 else images


def classification(
    model: nnx.Module, batch: tuple[Num[ArrayLike, "n ..."], Int[ArrayLike, " n"]]
) -> tuple[Float[Array, ""], Metrics]:
    """The mean cross entropy of softmax, and the accuracy.

    Args:
      model: from images to logits.
      batch: images, where bytes stand for 0 to 1, and labels 0, 1, ...

    Returns:
      The loss, in float32 at least, and ``{"accuracy": ...}``.

    Raises:
      TypeError, ValueError: if the model does not return scores of shape ``(n, k)``, or the labels are not n integers.

    Note:
      A label out of range makes the loss NaN; :func:`fit` says which.
    """
    images, labels = batch
    logits = model(as_unit(jnp.asarray(images)))
    check_scores("train.classification", logits, labels)
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    return losses.softmax_cross_entropy(logits, labels).mean(), {"accuracy": accuracy(logits, labels)}


def create(
    model: nnx.Module,
    optimizer: Any,
    *,
    loss: Callable[[nnx.Module, Any], tuple[Array, Metrics]] = classification,
    augment: Callable[[Array, Array], Array] | None = None,
    key: Array | None = None,
) -> State:
    """The state before the first step.

    Args:
      model: it is copied, and stays as it is.
      optimizer: a rule of optax, with its schedule of rates. ``optax.MultiSteps(rule, k)`` gathers the gradients of k
        batches; ``optax.chain(optax.clip_by_global_norm(1.0), rule)`` bounds them.
      loss: takes the model and a batch, returns the loss and other numbers worth knowing by name, means over the batch.
      augment: takes a key and the first array of a batch: ``data.augment`` has such functions. In training alone: what
        evaluation needs too, such as normalisation, belongs in the model.
      key: a ``jax.random.key`` for the order of the examples and for ``augment``; None for ``jax.random.key(0)``.

    Returns:
      The state, a pytree.

    Raises:
      TypeError: if the model is no Flax NNX module, the optimiser is none, or the key is none.
      ValueError: if the model has no parameters.

    Example:
      >>> import optax
      >>> from jaxmath import models
      >>> state = create(models.LeNet(rngs=nnx.Rngs(0)), optax.sgd(0.01, momentum=0.9))
      >>> state, metrics = compile(step)(state, (jnp.zeros((2, 28, 28, 1), jnp.uint8), jnp.array([3, 5])))
      >>> print(state.step, sorted(metrics))
      1 ['accuracy', 'loss']
    """
    name = "train.create"
    check_model(name, model)
    as_optimizer(name, optimizer)
    check_function(name, "loss", loss, "train.classification")
    if augment is not None:
        check_function(name, "augment", augment, "data.augment.random_flip")
    graphdef, params, rest = nnx.split(model, nnx.Param, ...)
    key = jax.random.key(0) if key is None else as_key("train.create", key)
    return _created(params, rest, key, graphdef, optimizer, loss, augment)


@partial(jax.jit, static_argnums=(3, 4, 5, 6))
def _created(params: Any, rest: Any, key: Array, *static: Any) -> State:
    """One program, which copies: what is compiled later overwrites its state."""
    _, optimizer, _, _ = static
    memory = jax.tree.map(jnp.asarray, optimizer.init(params))
    return jax.tree.map(jnp.copy, State(params, rest, memory, key, jnp.zeros((), jnp.int32), *static))


def step(state: State, batch: Any) -> tuple[State, Metrics]:
    """One step of the optimiser: a pure function, for ``jax.jit``, ``jax.lax.scan`` and ``jax.vmap``.

    Args:
      state: before.
      batch: what the loss takes, ``(images, labels)`` for :func:`classification`.

    Returns:
      The state after the step, and ``{"loss": ...}`` with what else the loss reports, at the parameters before it.

    Raises:
      TypeError, ValueError: if the state is none, or the loss does not return a real number and a dict.
      ValueError: naming it, if something that the loss reports is not a number, or has a name that a history has for
        something else: ``loss``, ``epoch``, ``step``, ``seconds``, ``validation_...``.

    Note:
      A NaN in the batch makes the loss and all parameters NaN; :func:`fit` stops there.
    """
    check_state("train.step", state)
    if state.augment is not None:
        first, *others = batch
        batch = (state.augment(jax.random.fold_in(keys(state).augment, state.step), first), *others)

    def objective(params: Any) -> tuple[Array, tuple[Metrics, Any]]:
        model = nnx.merge(state.graphdef, params, state.rest, copy=True)
        model.train()
        value, metrics = check_returned("train.step", state.loss(model, batch))
        return value, (metrics, nnx.split(model, nnx.Param, ...)[2])

    (value, (metrics, rest)), gradient = jax.value_and_grad(objective, has_aux=True)(state.params)
    optimizer, told = as_optimizer("train.step", state.optimizer), lambda params: objective(params)[0]
    params, memory = apply_optimizer(optimizer, state.params, state.memory, value, gradient, told)
    after = dataclasses.replace(state, params=params, rest=rest, memory=memory, step=state.step + 1)
    return after, reported(value, metrics)


def check_state(name: str, state: Any) -> None:
    """TypeError unless :func:`create` has made it."""
    if not isinstance(state, State):
        kind = f"the class {state.__name__}" if isinstance(state, type) else type(state).__name__
        raise TypeError(f"{name}: state must be made by train.create(model, optimizer), got {kind}")


def reported(loss: Array, metrics: dict[str, Any]) -> Metrics:
    """The loss and what else is reported, which must be numbers with names of their own."""
    for name, value in metrics.items():
        if name in ("loss", "epoch", "step", "seconds") or name.startswith("validation_"):
            raise ValueError(f"train.step: the loss reports {name}, which is the name of something else in a history")
        if jnp.shape(value):
            raise ValueError(f"train.step: the loss reports {name} of shape {jnp.shape(value)}, expected a number")
    return {"loss": loss} | metrics


def compile(step: Callable[..., Any]) -> Callable[..., Any]:
    """``jax.jit`` of a function whose first argument is a state that it replaces.

    The memory of the old state is used for the new one, so the old one is gone; on a CPU convolutions are compiled in
    the way that is fast there. For the outermost function alone: no other transformation may be put around it.

    Args:
      step: :func:`step`, or a function of a state that goes over many batches.

    Returns:
      The compiled function.
    """
    return jax.jit(step, donate_argnums=0, compiler_options=_compiler_options())


@cache
def _compiler_options() -> dict[str, str] | None:
    """For the default device; None where it, or this version of JAX, has no such options."""
    if jax.default_backend() != "cpu":
        return None
    try:
        jax.jit(lambda: 0, compiler_options=_ON_CPU).lower().compile()
    except Exception:
        return None
    return _ON_CPU
