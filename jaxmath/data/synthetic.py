"""Data made from a random key, and the fifteen points that the book begins with."""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt8

from jaxmath._array import as_key, as_size

_WEIGHTS = (0.4, 0.4, 0.2)
_MEANS = ((175.0, 70.0), (152.0, 55.0), (135.0, 40.0))
_COVARIANCES = (((8.0, 10.0), (10.0, 25.0)), ((8.0, 0.0), (0.0, 15.0)), ((5.0, 0.0), (0.0, 5.0)))
_LEAST, _MOST = (10_000, 0, 0), (90_000, 80, 10)
CAT_SEES = (
    (0.11, 0.09), (0.01, 0.02), (0.98, 0.91), (0.12, 0.21), (0.98, 0.99), (0.85, 0.87), (0.03, 0.14), (0.55, 0.45),
    (0.49, 0.51), (0.99, 0.01), (0.02, 0.89), (0.31, 0.47), (0.55, 0.29), (0.87, 0.76), (0.63, 0.24),
)  # fmt: skip
CAT_FEELS = (-0.8, -0.97, 0.89, -0.67, 0.97, 0.72, -0.83, 0.0, 0.0, 0.0, -0.09, -0.22, -0.16, 0.63, 0.37)


class Statsville(NamedTuple):
    """The people of Statsville.

    Attributes:
      x: height in centimetres and weight in kilograms.
      labels: 0 man, 1 woman, 2 child.
    """

    x: Float[Array, "n 2"]
    labels: Int[Array, " n"]


def statsville(key: Array, n: int) -> Statsville:
    """Heights and weights of people of three kinds, each normally distributed.

    Two in five are men, about (175, 70), two in five women, about (152, 55), the others children, about (135, 40).

    Args:
      key: a ``jax.random.key``.
      n: how many people, static.

    Returns:
      The data and the kind of each person.

    Raises:
      TypeError: for a traced or fractional n.
      ValueError: if n is below 1.

    Reference: section 6.8.
    """
    key, n = as_key("data.statsville", key), as_size("data.statsville", "n", n)
    key_labels, key_noise = jax.random.split(key)
    labels = jax.random.choice(key_labels, 3, (n,), p=jnp.array(_WEIGHTS))
    roots = jnp.linalg.cholesky(jnp.array(_COVARIANCES))
    noise = jax.random.normal(key_noise, (n, 2))
    about = jnp.einsum("nij,nj->ni", roots[labels], noise, precision="highest")
    return Statsville(jnp.array(_MEANS)[labels] + about, labels)


class Demand(NamedTuple):
    """Weeks of a shop.

    Attributes:
      x: sales in the week before, discount in per cent, weeks until the next festival.
      y: items that will be sold.
    """

    x: Float[Array, "n 3"]
    y: Float[Array, " n"]


def demand(key: Array, n: int) -> Demand:
    r"""Weekly sales of a shop, which depend on three numbers.

    With sales s of 10,000 to 90,000, a discount d of 0 to 80 and w = 0 to 10 weeks to go, whole numbers that are all
    equally likely, $y = \lceil 1.2 s + 5000 (d / 100)^2 + (10 - w)^3 + 100 \varepsilon \rceil$ with normal noise.

    Args:
      key: a ``jax.random.key``.
      n: how many weeks, static.

    Returns:
      What is known, and what will be sold.

    Raises:
      TypeError: for a traced or fractional n.
      ValueError: if n is below 1.

    Reference: section 8.5.
    """
    key, n = as_key("data.demand", key), as_size("data.demand", "n", n)
    key_x, key_noise = jax.random.split(key)
    x = jax.random.randint(key_x, (n, 3), jnp.array(_LEAST), jnp.array(_MOST) + 1).astype(float)
    sales, discount, weeks = x.T
    noise = 100 * jax.random.normal(key_noise, (n,))
    return Demand(x, jnp.ceil(1.2 * sales + 5000 * (discount / 100) ** 2 + (10 - weeks) ** 3 + noise))


class CatBrain(NamedTuple):
    """What a cat sees.

    Attributes:
      x: hardness and sharpness of what is before it, 0 to 1.
      y: how much of a threat that is, -1 (run to it) to 1 (run away).
    """

    x: Float[Array, "15 2"]
    y: Float[Array, " 15"]


def cat_brain() -> CatBrain:
    """Fifteen things that a cat met, and how it took them.

    Returns:
      Hardness and sharpness of each, and its threat score.

    Example:
      >>> cat_brain().x.shape
      (15, 2)

    Reference: section 2.12.5.
    """
    return CatBrain(jnp.array(CAT_SEES), jnp.array(CAT_FEELS))


class Gratings(NamedTuple):
    """Images of stripes.

    Attributes:
      images: in colour, 0 to 255.
      labels: the orientation of each, of eight.
    """

    images: UInt8[Array, "n side side 3"]
    labels: Int[Array, " n"]


def gratings(key: Array, n: int, *, side: int = 16) -> Gratings:
    r"""Stripes of eight orientations, between two colours, with noise: images to try a classifier on.

    Of an image with label k the share of the second colour at column x and row y is
    $(1 + \sin(2 \pi f (x \cos \theta + y \sin \theta) + \phi)) / 2$ with $\theta = k \pi / 8$, where the frequency f
    (2 to 4 periods a side), the phase $\phi$, the two colours and normal noise of a tenth of the range are random. A
    mirrored image may be one of another label.

    Args:
      key: a ``jax.random.key``.
      n: how many images, static.
      side: pixels, static.

    Returns:
      Images and labels.

    Raises:
      TypeError: for a traced or fractional n or side.
      ValueError: if n or side is below 1.
    """
    key = as_key("data.gratings", key)
    return _gratings(key, as_size("data.gratings", "n", n), as_size("data.gratings", "side", side))


@partial(jax.jit, static_argnums=(1, 2))
def _gratings(key: Array, n: int, side: int) -> Gratings:
    key_labels, key_waves, key_colours, key_noise = jax.random.split(key, 4)
    labels = jax.random.randint(key_labels, (n,), 0, 8)
    angle = labels * (math.pi / 8)
    frequency, phase = jax.random.uniform(key_waves, (2, n)) * jnp.array([[2.0], [2 * math.pi]]) + jnp.array(
        [[2.0], [0]]
    )
    along = jnp.arange(side) / side
    places = jnp.cos(angle)[:, None, None] * along + jnp.sin(angle)[:, None, None] * along[:, None]
    share = (1 + jnp.sin(2 * math.pi * frequency[:, None, None] * places + phase[:, None, None])) / 2
    first, second = jax.random.uniform(key_colours, (2, n, 1, 1, 3))
    pixels = first + share[..., None] * (second - first) + 0.1 * jax.random.normal(key_noise, (n, side, side, 3))
    return Gratings(jnp.clip(jnp.round(255 * pixels), 0, 255).astype(jnp.uint8), labels)
