"""The state of a training run, and one step of it."""

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
from jaxmath._array import as_key, in_range
from jaxmath._compiling import for_many_runs
from jaxmath._record import record
from jaxmath.optimize.descent import apply_optimizer, as_optimizer
from jaxmath.train.checks import check_function, check_model, check_returned, check_scores
from jaxmath.train.ema import Average, averaged, updated
from jaxmath.train.frozen import as_filter, set_modes
from jaxmath.train.metrics import accuracy

Metrics = dict[str, Float[Array, ""]]
# XLA's own convolutions instead of a library's, which are slower
_ON_CPU = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}


@record(static=("graphdef", "optimizer", "loss", "augment", "augment_batch", "trainable", "ema_decay"))
class State:
    """All that a training run knows; made by :func:`create`.

    Attributes:
      params: the parameters of the model that are trained.
      rest: its other state: running statistics, random generators, frozen parameters.
      memory: what the optimiser remembers.
      key: for the order of the examples and for augmentation.
      step: how many steps were made.
      average: exponential moving averages of ``params`` and of the running statistics, or None.
      graphdef, optimizer, loss, augment, augment_batch, trainable, ema_decay: static.
    """

    params: Any
    rest: Any
    memory: Any
    key: Array
    step: Int[Array, ""]
    average: Average | None
    graphdef: nnx.GraphDef
    optimizer: Any
    loss: Callable[[nnx.Module, Any], tuple[Array, Metrics]]
    augment: Callable[[Array, Array], Array] | None
    augment_batch: Callable[[Array, Any], Any] | None
    trainable: Any
    ema_decay: float | None

    @property
    def model(self) -> Any:
        """A model with these parameters, of its own, for use: without dropout, with running statistics.

        Where there are averages, it has those.
        """
        return model_in_use(self.graphdef, (self.params, self.rest, self.average))


def model_in_use(graphdef: nnx.GraphDef, weights: tuple[Any, Any, Average | None]) -> Any:
    """A model as it is used, not trained, of the weights of a state."""
    params, rest, average = weights
    if average is not None:
        params, rest = averaged(average, params, rest)
    model = nnx.merge(graphdef, params, rest, copy=True)
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
    model: nnx.Module,
    batch: tuple[Num[ArrayLike, "n ..."], Num[ArrayLike, "n ..."]],
    *,
    label_smoothing: ArrayLike = 0.0,
    soft_labels: bool = False,
) -> tuple[Float[Array, ""], Metrics]:
    """The mean cross entropy of softmax, and the accuracy.

    Args:
      model: from images to logits.
      batch: images, where bytes stand for 0 to 1, and labels 0, 1, ...
      label_smoothing: as for ``losses.softmax_cross_entropy``. A loss with options is
        ``functools.partial(train.classification, label_smoothing=0.1)``; a validation is measured with them too.
      soft_labels: whether labels may also be distributions over the classes, shape ``(n, k)``, as
        ``data.augment.mixup`` makes them. Their accuracy is that of the most probable class.

    Returns:
      The loss, in float32 at least, and ``{"accuracy": ...}``.

    Raises:
      TypeError, ValueError: if the model does not return scores of shape ``(n, k)``, the labels are not n integers
        (nor distributions, where these are allowed), or the smoothing is out of 0..1.

    Note:
      A label out of range makes the loss NaN; :func:`fit` says which.
    """
    images, labels = batch
    logits = model(as_unit(jnp.asarray(images)))
    check_scores("train.classification", logits, labels, soft_labels)
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    loss = losses.softmax_cross_entropy(logits, labels, label_smoothing=label_smoothing).mean()
    classes = jnp.argmax(jnp.asarray(labels), axis=-1) if jnp.ndim(labels) == 2 else labels
    return loss, {"accuracy": accuracy(logits, classes)}


def create(
    model: nnx.Module,
    optimizer: Any,
    *,
    loss: Callable[[nnx.Module, Any], tuple[Array, Metrics]] = classification,
    augment: Callable[[Array, Array], Array] | None = None,
    augment_batch: Callable[[Array, Any], Any] | None = None,
    trainable: Any = nnx.Param,
    ema_decay: float | None = None,
    key: Array | None = None,
) -> State:
    r"""The state before the first step.

    Args:
      model: it is copied, and stays as it is.
      optimizer: a rule of optax, with its schedule of rates. ``optax.MultiSteps(rule, k)`` gathers the gradients of k
        batches; ``optax.chain(optax.clip_by_global_norm(1.0), rule)`` bounds them; ``optax.partition`` has a rule for
        each group of parameters. :func:`schedule` makes schedules, :func:`decay_mask` says what weight decay is for.
      loss: takes the model and a batch, returns the loss and other numbers worth knowing by name, means over the batch.
      augment: takes a key and the first array of a batch: ``data.augment`` has such functions. In training alone: what
        evaluation needs too, such as normalisation, belongs in the model.
      augment_batch: takes a key and a whole batch, after ``augment``, and returns the batch to train on:
        ``lambda key, batch: data.augment.mixup(key, *batch, 10)``, with ``soft_labels`` in the loss.
      trainable: which parameters are trained, a filter of Flax such as ``nnx.PathContains("output")``, by default all.
        The others are frozen: no step changes them, the optimiser has no memory of them, and a layer all of whose
        parameters are frozen works as in evaluation, with its running statistics, which stay as they are too.
      ema_decay: d in [0, 1) of an exponential moving average of the trained parameters and the running statistics;
        evaluation, ``state.model`` and its weights are then of the average $a$, which follows the parameters
        $\theta$ by $a \leftarrow a + (1 - d_t) (\theta - a)$ after step t, with $d_t = \min(d, (1 + t) / (10 + t))$.
      key: a ``jax.random.key`` for the order of the examples and for ``augment``; None for ``jax.random.key(0)``.

    Returns:
      The state, a pytree.

    Raises:
      TypeError: if the model is no Flax NNX module, the optimiser is none, the filter is none, or the key is none.
      ValueError: if the model has no parameters, the filter fits none of them, or the decay is out of range.

    Note:
      Many seeds at once are ``jax.vmap`` of this function and of :func:`step`::

          states = jax.vmap(lambda key: create(LeNet(rngs=nnx.Rngs(key)), rule, key=key))(jax.random.split(key, 8))
          states, metrics = jax.jit(jax.vmap(step, in_axes=(0, None)))(states, batch)

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
    if augment_batch is not None:
        check_function(name, "augment_batch", augment_batch, "lambda key, batch: data.augment.mixup(key, *batch, 10)")
    if ema_decay is not None:
        in_range(name, "ema_decay", ema_decay, "[0, 1)")
    trainable = as_filter(name, trainable, model)
    graphdef, params, rest = nnx.split(model, trainable, ...)
    key = jax.random.key(0) if key is None else as_key("train.create", key)
    decay = None if ema_decay is None else float(ema_decay)
    return _created(params, rest, key, (graphdef, optimizer, loss, augment, augment_batch, trainable, decay))


@partial(jax.jit, static_argnums=3)
def _created(params: Any, rest: Any, key: Array, static: tuple) -> State:
    """One program, which copies: what is compiled later overwrites its state."""
    _, optimizer, *_, decay = static
    memory = jax.tree.map(jnp.asarray, optimizer.init(params))
    average = None if decay is None else updated(None, params, rest)
    return jax.tree.map(jnp.copy, State(params, rest, memory, key, jnp.zeros((), jnp.int32), average, *static))


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
    batch = _augmented(state, batch)

    def objective(params: Any) -> tuple[Array, tuple[Metrics, Any]]:
        model = nnx.merge(state.graphdef, params, state.rest, copy=True)
        set_modes(model, params)
        value, metrics = check_returned("train.step", state.loss(model, batch))
        return value, (metrics, nnx.split(model, state.trainable, ...)[2])

    (value, (metrics, rest)), gradient = jax.value_and_grad(objective, has_aux=True)(state.params)
    optimizer, told = as_optimizer("train.step", state.optimizer), lambda params: objective(params)[0]
    params, memory = apply_optimizer(optimizer, state.params, state.memory, value, gradient, told)
    made, average = state.step + 1, state.average
    if state.ema_decay is not None:
        average = updated(average, params, rest, jnp.minimum(state.ema_decay, (1 + made) / (10 + made)))
    after = dataclasses.replace(state, params=params, rest=rest, memory=memory, step=made, average=average)
    return after, reported(value, metrics)


def _augmented(state: State, batch: Any) -> Any:
    """A batch as it is trained on."""
    if state.augment is None and state.augment_batch is None:
        return batch
    key = jax.random.fold_in(keys(state).augment, state.step)
    key, key_batch = (key, key) if state.augment_batch is None else jax.random.split(key)
    if state.augment is not None:
        first, *others = batch
        batch = (state.augment(key, first), *others)
    return batch if state.augment_batch is None else state.augment_batch(key_batch, batch)


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
def _compiler_options() -> dict[str, Any] | None:
    """For the default device; those of a CPU where this version of JAX has them."""
    if jax.default_backend() != "cpu":
        return None
    try:
        jax.jit(lambda: 0, compiler_options=_ON_CPU).lower().compile()
    except Exception:
        return for_many_runs() or None
    return _ON_CPU | for_many_runs()
