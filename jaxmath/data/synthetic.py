"""Data made from a random key."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxmath._array import as_size

_WEIGHTS = (0.4, 0.4, 0.2)
_MEANS = ((175.0, 70.0), (152.0, 55.0), (135.0, 40.0))
_COVARIANCES = (((8.0, 10.0), (10.0, 25.0)), ((8.0, 0.0), (0.0, 15.0)), ((5.0, 0.0), (0.0, 5.0)))


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
    n = as_size("data.statsville", "n", n)
    key_labels, key_noise = jax.random.split(key)
    labels = jax.random.choice(key_labels, 3, (n,), p=jnp.array(_WEIGHTS))
    roots = jnp.linalg.cholesky(jnp.array(_COVARIANCES))
    noise = jax.random.normal(key_noise, (n, 2))
    return Statsville(jnp.array(_MEANS)[labels] + jnp.einsum("nij,nj->ni", roots[labels], noise), labels)
