"""What a benchmark is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def worst_error(result: Any, exact: Any) -> float:
    """The largest of max|a - b| / max|b| over the arrays of a result."""
    result, exact = (r if isinstance(r, tuple | list) else (r,) for r in (result, exact))
    return max(
        float(np.max(np.abs(np.asarray(a, float) - b)) / np.max(np.abs(b))) for a, b in zip(result, exact, strict=True)
    )


@dataclass(frozen=True)
class Workload:
    """The same work done by the library and by a peer.

    ``ours`` and ``peer`` take the inputs, float32 NumPy arrays, prepare (place data, build the compiled function) and
    return a call without arguments that does the work to its end. They import what they need themselves: the peer's
    process must not load JAX.
    """

    peer_name: str
    inputs: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    ours: Callable[..., Callable[[], Any]]
    peer: Callable[..., Callable[[], Any]]
    reference: Callable[..., Any]
    goal: float = 0.0
    error: Callable[[Any, Any], float] = worst_error


def compiled(function: Callable[..., Any], *inputs: np.ndarray) -> Callable[[], Any]:
    """A call of a jitted function on arrays that lie on the device."""
    import jax

    arrays, run = jax.device_put(inputs), jax.jit(function)
    return lambda: jax.block_until_ready(run(*arrays))
