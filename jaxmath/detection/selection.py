"""A static number of chosen boxes."""

from typing import NamedTuple

from jaxtyping import Array, Bool, Int


class Selection(NamedTuple):
    """Which boxes are chosen, in so many places as were asked for.

    Attributes:
      indices: of the boxes, 0 where a place is empty.
      valid: whether a place is filled.
    """

    indices: Int[Array, " k"]
    valid: Bool[Array, " k"]
