"""What a model says to examples, and how good that is."""

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float

from jaxmath import losses
from jaxmath._array import as_real, as_size, is_one_array, same_rows, unmasked
from jaxmath.data.prepared import Images
from jaxmath.train.checks import beyond_classes, check_arrays, check_returned, check_scores
from jaxmath.train.metrics import accuracy
from jaxmath.train.state import State, as_unit, check_state, model_in_use, reported


class Evaluation(NamedTuple):
    """Of a classifier, over a set.

    Attributes:
      loss: the mean cross entropy of softmax.
      accuracy: the share of right answers.
      logits: for every example; other measures are made of them.
    """

    loss: float
    accuracy: float
    logits: Float[np.ndarray, "n k"]


def predict(state: State, images: Any, *, batch_size: int = 500) -> Float[np.ndarray, "n k"]:
    """What the model says to images, as it is used, not trained: no dropout, running statistics as they are.

    Args:
      state: of a training run.
      images: an array, shape ``(n, h, w, c)``, bytes or numbers; or an iterable of such arrays.
      batch_size: how many images of an array are looked at at a time. The last batch is filled up, so that one program
        does for all.

    Returns:
      Outputs in float32 or wider, one row for each image.

    Raises:
      TypeError, ValueError: if the state is none, there are no images, or labels are among them.

    Note:
      A NaN in an image makes its outputs NaN and no others.
    """
    name = "train.predict"
    check_state(name, state)
    if isinstance(images, Images):
        raise TypeError(f"{name}: images must be an array or an iterable of arrays, got Images; pass its field images")
    batch_size = as_size(name, "batch_size", batch_size)
    images = as_real(name, images) if is_one_array(images) else images
    if hasattr(images, "shape"):
        n = same_rows(name, (images,))
        batches = in_batches(images, n, batch_size)
    else:
        batches, n = images, 0
    weights = state.params, state.rest, state.average
    full, outputs = min(batch_size, n), []
    rank = 0
    for batch in batches:
        batch = jnp.asarray(unmasked(name, "images", batch))
        rank = rank or batch.ndim
        if batch.ndim != rank:
            raise ValueError(f"{name}: expected images alone, all of {rank} axes, got a batch of shape {batch.shape}")
        missing = max(full - len(batch), 0)
        filled = jnp.concatenate([batch, jnp.repeat(batch[-1:], missing, axis=0)]) if missing else batch
        outputs.append(np.asarray(_outputs(state.graphdef, weights, filled))[: len(batch)])
    if not outputs:
        raise ValueError(f"{name}: expected at least one image")
    return np.concatenate(outputs)


def in_batches(arrays: Any, n: int, batch_size: int) -> Iterator[Any]:
    """The n rows of a tree of arrays as they lie; the last batch may be shorter."""
    return (jax.tree.map(lambda a, i=i: a[i : i + batch_size], arrays) for i in range(0, n, batch_size))


def pair_of(data: tuple) -> tuple:
    """Images and labels of a set that has the names of its classes as well; any other tuple as it is."""
    return (data.images, data.labels) if isinstance(data, Images) else data


def evaluate(state: State, data: tuple | Iterable[tuple[Any, Any]], *, batch_size: int = 500) -> Evaluation:
    """Loss and accuracy of a classifier over a set.

    Args:
      state: of a training run.
      data: ``(images, labels)``, arrays with equally many rows, or what ``data.load`` returns; or an iterable of pairs.
      batch_size: as for :func:`predict`.

    Returns:
      Loss, accuracy and logits.

    Raises:
      TypeError: if what should be a pair is none, such as the arrays of a list ``[images, labels]``, or the labels are
        not integers.
      ValueError: if there are no examples, or not as many labels as images.

    Note:
      A NaN in an image, or a label out of range, makes the loss NaN; the example counts as wrong.
    """
    check_state("train.evaluate", state)
    if isinstance(data, tuple):
        images, labels = _pair(pair_of(data))
        check_arrays("train.evaluate", "data", (images, labels))
        same_rows("train.evaluate", (images, labels))
        logits = predict(state, images, batch_size=batch_size)
    else:
        parts = [(predict(state, images, batch_size=len(images)), labels) for images, labels in map(_pair, data)]
        if not parts:
            raise ValueError("train.evaluate: expected at least one batch")
        logits, labels = (np.concatenate([np.asarray(part) for part in column]) for column in zip(*parts, strict=True))
    check_scores("train.evaluate", logits, labels)
    loss, share = _measures(logits, jnp.asarray(labels))
    return Evaluation(float(loss), float(share), logits)


def _pair(item: Any) -> tuple[Any, Any]:
    if not isinstance(item, tuple | list) or len(item) != 2:
        kind = f"{len(item)} parts" if isinstance(item, tuple | list) else type(item).__name__
        raise TypeError(f"train.evaluate: expected (images, labels) or an iterable of such pairs, not of {kind}")
    return item[0], unmasked("train.evaluate", "labels", item[1])


def measure(state: State, batches: Iterable[Any]) -> dict[str, float]:
    """The loss of a state over a set, and the other numbers that come with it, of the model as it is used.

    They are means over the rows of the set.
    """
    total, n = {}, 0
    for batch in batches:
        n += rows_of(batch)
        found = of_batch(state, batch)
        if not math.isfinite(found["loss"]) and (problem := label_problem(state, batch)):
            raise FloatingPointError(f"train.fit: the validation loss is {found['loss']}: {problem}")
        for name, value in found.items():
            total[name] = total.get(name, 0.0) + rows_of(batch) * float(value)
    if not n:
        raise ValueError("train.fit: expected at least one batch of the validation")
    return {name: total[name] / n for name in dict.fromkeys(["loss", *total])}


def label_problem(state: State, batch: Any) -> str:
    """What is wrong with the classes of ``(images, labels)``; empty if nothing is, or the batch is no such pair."""
    if not isinstance(batch, tuple | list) or len(batch) != 2 or not hasattr(batch[1], "dtype"):
        return ""
    images, labels = batch
    if labels.ndim != 1 or not jnp.issubdtype(labels.dtype, jnp.integer):
        return ""
    try:
        outputs = jax.eval_shape(lambda state, images: state.model(as_unit(images)), state, images)
    except (TypeError, ValueError):
        return ""
    return beyond_classes(labels, outputs.shape[1]) if len(getattr(outputs, "shape", ())) == 2 else ""


def rows_of(batch: Any) -> int:
    """How many rows a batch has: those of its first array."""
    return jax.tree.leaves(batch)[0].shape[0]


@jax.jit
def of_batch(state: State, batch: Any) -> dict[str, jax.Array]:
    """The loss and the other numbers of one batch."""
    value, metrics = check_returned("train.step", state.loss(state.model, batch))
    return reported(value, metrics)


@partial(jax.jit, static_argnums=0)
def _outputs(graphdef: nnx.GraphDef, weights: tuple, images: jax.Array) -> jax.Array:
    """One program for all states of a model, whatever optimiser and loss they have."""
    outputs = model_in_use(graphdef, weights)(as_unit(images))
    return outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))


@jax.jit
def _measures(logits: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    return losses.softmax_cross_entropy(logits, labels).mean(), accuracy(logits, labels)
