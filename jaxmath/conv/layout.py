"""What an array and a kernel mean: which axes are space, which are channels, and in what type they are computed."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath._array import as_float, wide


class Pair(NamedTuple):
    """An array ``(n, *space, c)`` and a kernel ``(*window, c / groups, m)``, whatever axes they came with."""

    x: Float[Array, "..."]
    kernel: Float[Array, "..."]
    channels: bool
    dtype: Any

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the array in space."""
        return self.x.shape[1:-1]

    @property
    def windows(self) -> tuple[int, ...]:
        """Of the kernel in space."""
        return self.kernel.shape[:-2]


def read(name: str, x: Any, kernel: Any, channels: Any) -> Pair:
    """Reads an array and its kernel."""
    x, kernel = as_float(name, x), as_float(name, kernel)
    channels = has_channels(name, x.shape, channels)
    if kernel.ndim != x.ndim or 0 in kernel.shape:
        wanted = f"of rank {x.ndim}, as the array, with no empty axis"
        raise ValueError(f"{name}: expected a kernel {wanted}, got shapes {x.shape} and {kernel.shape}")
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    x, kernel = _with_channels(x, kernel, channels, dtype)
    return Pair(x, kernel, channels, dtype)


@partial(jax.jit, static_argnums=(2, 3))
def _with_channels(x: Array, kernel: Array, channels: bool, dtype: Any) -> tuple[Array, Array]:
    """Both in one type of float32 or wider, with axes of length 1 for a batch and channels where there are none."""
    x, kernel = wide(x.astype(dtype)), wide(kernel.astype(dtype))
    return (x, kernel) if channels else (x[None, ..., None], kernel[..., None, None])


def has_channels(name: str, shape: tuple[int, ...], channels: Any) -> bool:
    """Whether the first axis is a batch and the last one channels, which only rank 3 leaves open."""
    if channels is not None and not isinstance(channels, bool):
        raise TypeError(f"{name}: channels must be True, False or None, got {channels!r}")
    rank = len(shape)
    if not 1 <= rank <= 5 or 0 in shape:
        wanted = "an array of rank 1 to 3, or (n, *space, channels) of rank 3 to 5, with no empty axis"
        raise ValueError(f"{name}: expected {wanted}, got shape {shape}")
    if channels and rank < 3:
        raise ValueError(f"{name}: with channels=True expected (n, *space, channels), got shape {shape}")
    if channels is False and rank > 3:
        raise ValueError(f"{name}: expected rank 1 to 3 without channels, got shape {shape}")
    return rank > 3 or bool(channels)
