"""Rosenblatt's rule, by which one perceptron learns."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Num

from jaxmath._array import as_labels, as_matrix, as_size, narrow, wide
from jaxmath.neural.activations import heaviside


class Perceptron(NamedTuple):
    """A perceptron that has learnt.

    Attributes:
      weights: the normal of its hyperplane.
      bias: the value of its sum at 0.
      mistakes: how many examples it got wrong when it came to them, over all epochs; each changed the weights.
      num_epochs: how often it went through the data.
      converged: whether the last epoch was without a mistake, so that every example is on its side.
    """

    weights: Float[Array, " d"]
    bias: Float[Array, ""]
    mistakes: Int[Array, ""]
    num_epochs: Int[Array, ""]
    converged: Bool[Array, ""]


def train_perceptron(
    x: Num[ArrayLike, "n d"], labels: Num[ArrayLike, " n"] | Bool[ArrayLike, " n"], *, max_epochs: int = 1000
) -> Perceptron:
    r"""Learns a hyperplane that parts two classes, one example after the other.

    It starts at $w = 0$, $b = 0$ and goes through the rows in their order, until an epoch is without a mistake:

    $$m = t - h(w \cdot x + b), \qquad w \leftarrow w + m x, \qquad b \leftarrow b + m$$

    with the step h of :func:`jaxmath.neural.heaviside`. A learning rate would scale w and b and change no answer.

    Novikoff's bound: let $\tilde x = (x, 1)$. If some unit vector u has all examples of label 1 at
    $u \cdot \tilde x \ge \gamma$ and all of label 0 at $u \cdot \tilde x \le -\gamma$ with $\gamma > 0$, then there are
    at most $(R / \gamma)^2$ mistakes, $R = \max \| \tilde x \|$, whatever the order and however many the examples.
    For each mistake adds at least $\gamma$ to $u \cdot \tilde w$ and at most $R^2$ to $\| \tilde w \|^2$.

    Args:
      x: rows of data, shape ``(n, d)``.
      labels: t, 0 or 1, shape ``(n,)``.
      max_epochs: the most passes through the data, static. Where no hyperplane parts the classes they all are made.

    Returns:
      What it has learnt; ``perceptron(x, weights, bias)`` answers with labels.

    Raises:
      TypeError: for complex or non-numeric input, or a traced ``max_epochs``.
      ValueError: if the data is empty or not ``(n, d)``, the labels are not ``(n,)``, or ``max_epochs`` is below 1.

    Note:
      A NaN or an infinity in a row, and a label that is neither 0 nor 1, make weights and bias NaN, with ``converged``
      false after one epoch. There is no reverse-mode gradient.

    Example:
      >>> x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
      >>> weights, bias, mistakes, num_epochs, converged = train_perceptron(x, jnp.array([0, 0, 0, 1]))
      >>> print(weights, bias, mistakes, converged)
      [2. 1.] -3.0 11 True

    Reference: Rosenblatt (1958); Novikoff (1962).
    """
    name = "neural.train_perceptron"
    x, labels = as_matrix(name, x), as_labels(name, labels)
    if labels.shape != (len(x),):
        raise ValueError(f"{name}: expected labels of shape ({len(x)},), one a row, got {labels.shape}")
    max_epochs = as_size(name, "max_epochs", max_epochs)
    return narrow(_train(wide(x), labels, max_epochs), x.dtype)


@jax.jit
def _train(x: Float[Array, "n d"], labels: Array, max_epochs: ArrayLike) -> Perceptron:
    known = ((labels == 0) | (labels == 1)) & jnp.isfinite(x).all(axis=1)
    targets = jnp.where(known, labels, jnp.nan).astype(x.dtype)

    def visit(
        state: tuple[Array, Array, Array], example: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array, Array], None]:
        weights, bias, mistakes = state
        row, target = example
        miss = target - heaviside((weights * row).sum() + bias)
        return (weights + miss * row, bias + miss, mistakes + (miss != 0)), None

    def epoch(fit: Perceptron) -> Perceptron:
        (weights, bias, mistakes), _ = jax.lax.scan(visit, (fit.weights, fit.bias, fit.mistakes), (x, targets))
        return Perceptron(weights, bias, mistakes, fit.num_epochs + 1, mistakes == fit.mistakes)

    def unfinished(fit: Perceptron) -> Array:
        return ~fit.converged & jnp.isfinite(fit.bias) & (fit.num_epochs < max_epochs)

    zero, none = jnp.zeros((), x.dtype), jnp.zeros((), int)
    return jax.lax.while_loop(
        unfinished, epoch, Perceptron(jnp.zeros(x.shape[1], x.dtype), zero, none, none, jnp.array(False))
    )
