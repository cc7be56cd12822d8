"""What an optimiser is made of: rates that change with the steps, and which parameters decay."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxmath._array import as_size, in_range, one_of

_NAMES = ("constant", "cosine", "linear", "step")


def schedule(
    name: str,
    rate: ArrayLike,
    num_steps: int,
    *,
    warmup_steps: int = 0,
    step_size: int | None = None,
    decay: ArrayLike = 0.1,
) -> Any:
    r"""A rate for every step of a training run: it rises for some steps, then follows a rule.

    With the rate r, w steps of warm-up, n steps in all and $u = (t - w) / (n - w)$, the rate of step t = 0, 1, ... is

    ==============  =====================================================
    name            rate
    ==============  =====================================================
    (warm-up)       $r t / w$ for t < w
    ``"constant"``  $r$
    ``"cosine"``    $r (1 + \cos \pi u) / 2$
    ``"linear"``    $r (1 - u)$
    ``"step"``      $r \gamma^{\lfloor (t - w) / s \rfloor}$
    ==============  =====================================================

    Args:
      name: of the rule.
      rate: r, the highest rate.
      num_steps: n, static, the warm-up included: of an epoch so many as whole batches, ``epochs * (rows //
        batch_size)``. From there on the rate is that at u = 1, and that of ``"step"`` goes on falling.
      warmup_steps: w, static, below n.
      step_size: s of ``"step"``, static; by default a third of the steps after the warm-up.
      decay: $\gamma$ of ``"step"``, above 0 to 1.

    Returns:
      A function of the number of the step, as an optimiser of optax takes in the place of a rate.

    Raises:
      TypeError: if a number of steps is traced or fractional.
      ValueError: if the name is unknown, a number is out of range, or ``step_size`` comes with another rule.

    Example:
      >>> rate = schedule("cosine", 0.1, 100, warmup_steps=20)
      >>> print([round(float(rate(t)), 4) for t in (0, 10, 20, 60, 100)])
      [0.0, 0.05, 0.1, 0.05, 0.0]

    Reference: Goyal et al. (2017) for the warm-up, Loshchilov and Hutter (2017) for the cosine.
    """
    import optax

    who = "train.schedule"
    rule = one_of(who, "name", name, _NAMES)
    rate, decay = in_range(who, "rate", rate, "[0, inf)"), in_range(who, "decay", decay, "(0, 1]")
    num_steps = as_size(who, "num_steps", num_steps)
    warmup = as_size(who, "warmup_steps", warmup_steps, least=0)
    if warmup >= num_steps:
        raise ValueError(f"{who}: warmup_steps must be below num_steps = {num_steps}, got {warmup}")
    rest = num_steps - warmup
    if step_size is not None and rule != "step":
        raise ValueError(f'{who}: step_size is of the rule "step", got {rule!r}')
    every = max(rest // 3, 1) if step_size is None else as_size(who, "step_size", step_size)
    after = {
        "constant": lambda: optax.constant_schedule(rate),
        "cosine": lambda: optax.cosine_decay_schedule(rate, rest),
        "linear": lambda: optax.linear_schedule(rate, 0.0, rest),
        "step": lambda: lambda step: rate * decay ** jnp.floor_divide(step, every),
    }[rule]()
    return optax.join_schedules([optax.linear_schedule(0.0, rate, warmup), after], [warmup]) if warmup else after


def decay_mask(params: Any) -> Any:
    """Which parameters weight decay is for: kernels, arrays of two axes or more; no biases, no scales of norms.

    For optax: ``optax.adamw(rate, weight_decay=0.05, mask=train.decay_mask)``, or
    ``optax.chain(optax.add_decayed_weights(5e-4, mask=train.decay_mask), optax.sgd(rate, momentum=0.9))``.

    Args:
      params: any pytree of arrays.

    Returns:
      A tree of that structure, true for kernels.

    Example:
      >>> decay_mask({"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)})
      {'bias': False, 'kernel': True}

    Reference: He et al., Bag of tricks for image classification with convolutional neural networks (2019), section 3.1.
    """
    return jax.tree.map(lambda leaf: jnp.ndim(leaf) >= 2, params)
