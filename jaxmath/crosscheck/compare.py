"""How far a result is from its reference."""

from typing import Any

import jax
import numpy as np


def compare(result: Any, reference: Any) -> tuple[float, str]:
    """The worst relative error of a result, and what is wrong with its form.

    The error of a leaf is max|a - b| / max|b| over its finite entries, or max|a| if the reference is all zeros. NaN
    must stand in the same places on both sides and infinities must be equal.

    Args:
      result: a pytree of arrays.
      reference: a pytree with the same leaves in the same order.

    Returns:
      The error of the worst leaf, infinite if the form is wrong, and a sentence about that, otherwise empty.
    """
    leaves, expected = jax.tree.leaves(result), jax.tree.leaves(reference)
    if len(leaves) != len(expected):
        return float("inf"), f"{len(leaves)} leaves, the reference has {len(expected)}"
    worst = 0.0
    for index, (a, b) in enumerate(zip(leaves, expected, strict=True)):
        error, message = _compare_leaf(_wide(a), _wide(b))
        if message:
            return float("inf"), f"leaf {index}: {message}"
        worst = max(worst, error)
    return worst, ""


def _wide(leaf: Any) -> np.ndarray:
    leaf = np.asarray(leaf)
    return leaf.astype(np.complex128 if np.iscomplexobj(leaf) else np.float64)


def _compare_leaf(a: np.ndarray, b: np.ndarray) -> tuple[float, str]:
    if a.shape != b.shape:
        return float("inf"), f"shape {a.shape}, the reference has {b.shape}"
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf"), f"{int(np.isnan(a).sum())} NaN, the reference has {int(np.isnan(b).sum())}, or elsewhere"
    infinite = np.isinf(a) | np.isinf(b)
    if not np.array_equal(a[infinite], b[infinite]):
        return float("inf"), "infinities differ from those of the reference"
    finite = np.isfinite(b)
    if not finite.any():
        return 0.0, ""
    size = np.abs(b[finite]).max()
    return float(np.abs(a[finite] - b[finite]).max() / (size if size > 0 else 1.0)), ""
