"""Generated scenes: shapes on a textured ground, with their boxes, to try a detector on."""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt8

from jaxmath._array import as_key, as_size

# Each quarter of an image has a slot for one shape; a radius is within these shares of the side
_QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))
_RADII = (0.09, 0.22)
_FILLED = 0.75  # probability that a slot has a shape


class Scenes(NamedTuple):
    """Images of one size with the objects that they show, as ``models.fasterrcnn_loss`` takes them.

    Attributes:
      images: bytes, shape ``(n, height, width, 3)``, 0 on the right and below where an image is smaller.
      sizes: height and width of each image without this padding, shape ``(n, 2)``.
      boxes: ``(x0, y0, x1, y1)`` in pixels, shape ``(n, m, 4)``, zeros in an empty slot.
      labels: the class of each box, from 1 on, 0 in an empty slot, shape ``(n, m)``.
      valid: which slots have a box, shape ``(n, m)``.
    """

    images: UInt8[Array | np.ndarray, "n height width 3"]
    sizes: Float[Array | np.ndarray, "n 2"]
    boxes: Float[Array | np.ndarray, "n m 4"]
    labels: Int[Array | np.ndarray, "n m"]
    valid: Bool[Array | np.ndarray, "n m"]


def shapes(key: Array, n: int, *, side: int = 96) -> Scenes:
    """Up to four discs, squares and triangles of one colour each on a ground of waves and noise.

    Args:
      key: a ``jax.random.key``.
      n: how many images, static.
      side: of an image in pixels, static, from 32 on.

    Returns:
      Images, their sizes, boxes, labels and which of them are valid: four slots in each image, and the labels 1 disc,
      2 square, 3 triangle.

    Raises:
      TypeError: for a traced or fractional n or side.
      ValueError: if n is below 1 or side below 32.

    Example:
      >>> found = shapes(jax.random.key(0), 5)
      >>> found.images.shape, found.boxes.shape
      ((5, 96, 96, 3), (5, 4, 4))
    """
    name = "data.shapes"
    return _shapes(as_key(name, key), as_size(name, "n", n), as_size(name, "side", side, least=32))


@partial(jax.jit, static_argnums=(1, 2))
def _shapes(key: Array, n: int, side: int) -> Scenes:
    keys, num = jax.random.split(key, 7), len(_QUARTERS)
    radius = side * jax.random.uniform(keys[0], (n, num), minval=_RADII[0], maxval=_RADII[1])
    low = jnp.array(_QUARTERS) * side / 2 + radius[..., None]
    center = low + jax.random.uniform(keys[1], (n, num, 2)) * (side / 2 - 2 * radius)[..., None]
    valid = jax.random.bernoulli(keys[2], _FILLED, (n, num))
    labels = jnp.where(valid, jax.random.randint(keys[3], (n, num), 1, 4), 0)
    bright, shade = jax.random.uniform(keys[4], (2, n, num, 3))
    colours = jnp.where(bright > 0.5, 0.75 + shade / 4, shade / 10)
    images = _ground(keys[5], n, side)
    for i in range(num):
        inside = _inside(center[:, i], radius[:, i], labels[:, i], side)
        images = jnp.where(inside[..., None], colours[:, i, None, None], images)
    pixels = images + 0.05 * jax.random.normal(keys[6], images.shape)
    boxes = jnp.concatenate([center - radius[..., None], center + radius[..., None]], axis=2)
    bytes_ = jnp.clip(jnp.round(255 * pixels), 0, 255).astype(jnp.uint8)
    sizes = jnp.full((n, 2), float(side))
    return Scenes(bytes_, sizes, jnp.where(valid[..., None], boxes, 0), labels, valid)


def _ground(key: Array, n: int, side: int) -> Array:
    """Grey with waves of two directions, around 0.4."""
    frequency, phase = jax.random.uniform(key, (2, n, 2, 2, 1, 1))
    along = jnp.arange(side) / side
    angles = 2 * math.pi * (frequency[:, :, 0] * along + frequency[:, :, 1] * along[:, None]) * 6
    waves = jnp.sin(angles + 2 * math.pi * phase[:, :, 0]).mean(axis=1)
    return 0.4 + 0.1 * waves[..., None] * jnp.ones(3)


def _inside(center: Array, radius: Array, label: Array, side: int) -> Array:
    """Whether a shape covers each pixel, shape (n, side, side)."""
    pixel = jnp.arange(side) + 0.5
    x, y = pixel - center[:, 0, None, None], pixel[:, None] - center[:, 1, None, None]
    radius, label = radius[:, None, None], label[:, None, None]
    square = jnp.maximum(jnp.abs(x), jnp.abs(y)) <= radius
    triangle = square & (jnp.abs(x) <= (y + radius) / 2)
    return jnp.where(label == 1, x**2 + y**2 <= radius**2, jnp.where(label == 2, square, (label == 3) & triangle))
