"""Indices of selected boxes, in a static number of slots."""

from typing import NamedTuple

from jaxtyping import Array, Bool, Int


class Selection(NamedTuple):
    """Indices of selected boxes in a static number of slots.

    Attributes:
      indices: of the boxes, 0 in an empty slot.
      valid: whether a slot is filled.
    """

    indices: Int[Array, " k"]
    valid: Bool[Array, " k"]
