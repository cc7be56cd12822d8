"""The textbook rules of descent, as formulas.

Each is a transformation of optax, to be used wherever one of optax's own is. They are written for every number by
itself, with the gradient g of that number. Rates and factors may be traced. float16 and bfloat16 are computed in
float32.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array

from jaxmath._array import in_range, reciprocal, root, wide

_POSITIVE, _SHARE, _FADING = "[0, inf]", "[0, 1]", "[0, 1)"
_INTERVALS = {"rate": _POSITIVE, "eps": _POSITIVE, "gamma": _SHARE, "decay": _SHARE, "b1": _FADING, "b2": _FADING}


class Memory(NamedTuple):
    """What a rule keeps from step to step: how many there were, and trees of numbers, zeros at the start."""

    num_steps: Array
    kept: tuple[Any, ...]


def gradient_descent(rate: ArrayLike) -> Any:
    r"""Along the negative gradient: $\theta \leftarrow \theta - \eta g$.

    Args:
      rate: $\eta \ge 0$.

    Returns:
      The rule, a ``GradientTransformation`` of optax; equal to ``optax.sgd(rate)`` and to PyTorch's ``SGD``.

    Raises:
      TypeError: if the rate is not real.
      ValueError: if it is not one number, or a Python number out of range; in an array that makes all steps NaN.

    Example:
      >>> print(gradient_descent(0.1).update(jnp.array(2.0), gradient_descent(0.1).init(0.0))[0])
      -0.2

    Reference: section 3.3.
    """
    (rate,) = _numbers("optimize.gradient_descent", rate=rate)
    return _rule(0, lambda t, g: (-rate * g,))


def momentum(rate: ArrayLike, gamma: ArrayLike) -> Any:
    r"""Steps that remember the one before: $v \leftarrow \gamma v + \eta g$, $\theta \leftarrow \theta - v$.

    The velocity v begins at 0, so the first step is one along the gradient. A part $\gamma$ of each step is repeated
    in the next: on a slope that stays the same they add up to $\eta g / (1 - \gamma)$, in a valley the parts across it
    cancel.

    On a parabola of curvature h, $g = h \theta$, the rule is $\theta_{t+1} = (1 + \gamma - \eta h) \theta_t - \gamma
    \theta_{t-1}$; it runs past the minimum and comes back wherever $\sqrt{\eta h} > 1 - \sqrt{\gamma}$.

    Args:
      rate: $\eta \ge 0$.
      gamma: $\gamma$ in 0..1.

    Returns:
      The rule, a ``GradientTransformation`` of optax. ``optax.sgd(rate, momentum=gamma)`` and PyTorch's ``SGD`` keep
      $v / \eta$ instead: with a constant rate the same steps; where the rate changes, theirs rescales the memory too.

    Raises:
      As :func:`gradient_descent` does.

    Example:
      >>> from jaxmath import optimize
      >>> found = optimize.minimize(lambda w: w**2, 1.0, optimizer=momentum(0.25, 0.5), num_steps=2)
      >>> print(found.path)
      [1.  0.5 0. ]

    Reference: section 9.2.4; Polyak (1964).
    """
    rate, gamma = _numbers("optimize.momentum", rate=rate, gamma=gamma)

    def change(t: Array, g: Array, v: Array) -> tuple[Array, ...]:
        v = gamma * v + rate * g
        return -v, v

    return _rule(1, change)


def nesterov(rate: ArrayLike, gamma: ArrayLike) -> Any:
    r"""Momentum that looks ahead: $v \leftarrow \gamma v + \eta \nabla L(w - \gamma v)$, $w \leftarrow w - v$.

    The gradient is that of the point to which the momentum alone would lead, so the step brakes before it runs past.
    An optimiser sees the gradient at its parameters only. So these *are* the points ahead,
    $\theta = w - \gamma v$, for which the same rule reads

    $$v \leftarrow \gamma v + \eta g, \qquad \theta \leftarrow \theta - \gamma v - \eta g .$$

    On a parabola of curvature h it runs past the minimum where $1 - \eta h < 4 \gamma / (1 + \gamma)^2$, and its swings
    shrink by $\sqrt{\gamma (1 - \eta h)}$ a step, those of :func:`momentum` by $\sqrt{\gamma}$.

    Args:
      rate: $\eta \ge 0$.
      gamma: $\gamma$ in 0..1.

    Returns:
      The rule, a ``GradientTransformation`` of optax; the same steps as ``optax.sgd(rate, gamma, nesterov=True)`` and
      PyTorch's ``SGD(nesterov=True)``, which also return the points ahead.

    Raises:
      As :func:`gradient_descent` does.

    Example:
      >>> from jaxmath import optimize
      >>> found = optimize.minimize(lambda w: w**2, 1.0, optimizer=nesterov(0.25, 0.5), num_steps=1)
      >>> print(found.path)
      [1.   0.25]

    Reference: section 9.2.4; Nesterov (1983); Sutskever et al. (2013).
    """
    rate, gamma = _numbers("optimize.nesterov", rate=rate, gamma=gamma)

    def change(t: Array, g: Array, v: Array) -> tuple[Array, ...]:
        v = gamma * v + rate * g
        return -gamma * v - rate * g, v

    return _rule(1, change)


def adagrad(rate: ArrayLike, eps: ArrayLike = 1e-8) -> Any:
    r"""A rate for each number, which falls with the gradients it has seen.

    $$s \leftarrow s + g^2, \qquad \theta \leftarrow \theta - \frac{\eta}{\sqrt{s} + \epsilon}\, g .$$

    The first step has length $\eta$ in every coordinate that is not flat, however steep.

    Args:
      rate: $\eta \ge 0$.
      eps: $\epsilon \ge 0$, against division by 0.

    Returns:
      The rule, a ``GradientTransformation`` of optax. PyTorch's ``Adagrad`` is the same with another $\epsilon$ by
      default. ``optax.adagrad`` has $\epsilon$ inside of the root, $\sqrt{s + \epsilon}$, and s begin at 0.1 unless
      told: with both at 0 it is the same.

    Raises:
      As :func:`gradient_descent` does.

    Example:
      >>> print(adagrad(0.1).update(jnp.array(20.0), adagrad(0.1).init(0.0))[0])
      -0.1

    Reference: section 9.2; Duchi, Hazan and Singer (2011).
    """
    rate, eps = _numbers("optimize.adagrad", rate=rate, eps=eps)

    def change(t: Array, g: Array, s: Array) -> tuple[Array, ...]:
        s = s + g**2
        return -rate * g * reciprocal(root(s) + eps), s

    return _rule(1, change)


def rmsprop(rate: ArrayLike, decay: ArrayLike = 0.9, eps: ArrayLike = 1e-8) -> Any:
    r"""As :func:`adagrad` with a memory that fades, so that the rate can recover.

    $$s \leftarrow \beta s + (1 - \beta) g^2, \qquad \theta \leftarrow \theta - \frac{\eta}{\sqrt{s} + \epsilon}\, g .$$

    s begins at 0, so the first step has length $\eta / \sqrt{1 - \beta}$ in every coordinate.

    Args:
      rate: $\eta \ge 0$.
      decay: $\beta$ in 0..1.
      eps: $\epsilon \ge 0$, against division by 0.

    Returns:
      The rule, a ``GradientTransformation`` of optax. ``optax.rmsprop`` has $\epsilon$ inside of the root unless
      ``eps_in_sqrt=False``, with which it is the same. PyTorch's ``RMSprop`` is the same with ``alpha`` = 0.99 by
      default.

    Raises:
      As :func:`gradient_descent` does.

    Example:
      >>> print(rmsprop(0.1, 0.75).update(jnp.array(20.0), rmsprop(0.1, 0.75).init(0.0))[0])
      -0.2

    Reference: section 9.2; Tieleman and Hinton (2012).
    """
    rate, decay, eps = _numbers("optimize.rmsprop", rate=rate, decay=decay, eps=eps)

    def change(t: Array, g: Array, s: Array) -> tuple[Array, ...]:
        s = decay * s + (1 - decay) * g**2
        return -rate * g * reciprocal(root(s) + eps), s

    return _rule(1, change)


def adam(rate: ArrayLike, b1: ArrayLike = 0.9, b2: ArrayLike = 0.999, eps: ArrayLike = 1e-8) -> Any:
    r"""Momentum and a rate for each number, both freed of the zeros that they began with.

    $$m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad s \leftarrow \beta_2 s + (1 - \beta_2) g^2, \quad
    \hat m = \frac{m}{1 - \beta_1^t}, \quad \hat s = \frac{s}{1 - \beta_2^t}, \quad
    \theta \leftarrow \theta - \frac{\eta\, \hat m}{\sqrt{\hat s} + \epsilon}$$

    at step t = 1, 2, ... The first step has length $\eta$ in every coordinate that is not flat.

    Args:
      rate: $\eta \ge 0$.
      b1: $\beta_1$ in 0..1, below 1.
      b2: $\beta_2$ in 0..1, below 1.
      eps: $\epsilon \ge 0$, against division by 0.

    Returns:
      The rule, a ``GradientTransformation`` of optax; the same steps as ``optax.adam`` and PyTorch's ``Adam``.

    Raises:
      As :func:`gradient_descent` does.

    Example:
      >>> print(adam(0.1).update(jnp.array(20.0), adam(0.1).init(0.0))[0])
      -0.1

    Reference: section 9.2; Kingma and Ba (2015), algorithm 1.
    """
    rate, b1, b2, eps = _numbers("optimize.adam", rate=rate, b1=b1, b2=b2, eps=eps)

    def change(t: Array, g: Array, m: Array, s: Array) -> tuple[Array, ...]:
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * g**2
        return -rate * (m / (1 - b1**t)) * reciprocal(root(s / (1 - b2**t)) + eps), m, s

    return _rule(2, change)


def _rule(num_kept: int, change: Callable[..., tuple[Array, ...]]) -> Any:
    """From ``change(t, g, *kept) -> update, *kept`` of one leaf the transformation of a tree."""
    import optax

    def init(params: Any) -> Memory:
        zeros = jax.tree.map(lambda p: jnp.zeros_like(wide(jnp.asarray(p))), params)
        return Memory(jnp.zeros((), int), (zeros,) * num_kept)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Memory]:
        t = state.num_steps + 1
        leaves, tree = jax.tree.flatten(updates)  # optax's name for gradients as well
        each = zip(leaves, *map(jax.tree.leaves, state.kept), strict=True)
        new = [_in_type(wide(g).dtype, change(t, wide(g), *kept)) for g, *kept in each]
        steps, *kept = (jax.tree.unflatten(tree, column) for column in zip(*new, strict=True))
        return steps, Memory(t, tuple(kept))

    return optax.GradientTransformation(init, update)


def _in_type(dtype: Any, arrays: tuple[Array, ...]) -> list[Array]:
    return [a.astype(dtype) for a in arrays]


def _numbers(name: str, **numbers: ArrayLike) -> list[Array]:
    return [in_range(name, argument, value, _INTERVALS[argument]) for argument, value in numbers.items()]
