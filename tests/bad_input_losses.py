"""Bad input to losses."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, dtype_is, equal, near, nothing_finite, table

from jaxmath import losses

P = np.array([0.2, 0.5, 0.9])
TABLE = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]])
NAN = np.nan
BY_NUMBER = {
    "squared_error": losses.squared_error,
    "absolute_error": losses.absolute_error,
    "huber": losses.huber,
    "hinge": losses.hinge,
    "binary_cross_entropy": losses.binary_cross_entropy,
    "sigmoid_cross_entropy": losses.sigmoid_cross_entropy,
    "focal": lambda p, t: losses.focal(p, t, 2.0),
}
BY_CLASS = {"cross_entropy": losses.cross_entropy, "softmax_cross_entropy": losses.softmax_cross_entropy}
SMOOTHED = partial(losses.softmax_cross_entropy, TABLE)


def _of_numbers(name: str, call: Any) -> list[Row]:
    return table(
        f"losses.{name}",
        ("(n, 1) against (n,)", partial(call, P[:, None], P), (ValueError, r"one shape, got \(3, 1\) and \(3,\)")),
        ("a number against (n,)", partial(call, P, 1.0), (ValueError, r"one shape, got \(3,\) and \(\)")),
        ("complex", partial(call, P * 1j, P), (TypeError, f"losses.{name}: expected real numbers")),
        ("complex targets", partial(call, P, P * 1j), (TypeError, "expected real numbers")),
        ("strings", partial(call, ["a"], [1.0]), (TypeError, "expected real numbers")),
        ("None", partial(call, None, P), (TypeError, "expected real numbers")),
        ("empty", partial(call, P[:0], P[:0]), equal(P[:0])),
        ("NaN", lambda: jnp.isnan(call([0.5, NAN, 0.5], [1.0, 1.0, NAN])), equal([False, True, True])),
        ("booleans", lambda: call(P, P > 0.3), near(lambda: call(P, (P > 0.3) * 1.0))),
        ("float16", lambda: call(P.astype(np.float16), np.ones(3)), dtype_is(jnp.float16)),
    )


def _of_classes(name: str, call: Any) -> list[Row]:
    return table(
        f"losses.{name}",
        ("a number", partial(call, 0.5, 1), (ValueError, "one or more classes along the last axis")),
        ("no classes", partial(call, TABLE[:, :0], [0, 0]), (ValueError, "one or more classes along the last axis")),
        ("labels of another length", partial(call, TABLE, [0, 1, 1]), (ValueError, r"class numbers \(2,\) or")),
        ("labels (n, 1)", partial(call, TABLE, [[0], [1]]), (ValueError, r"class numbers \(2,\) or distributions")),
        ("fractions as labels", partial(call, TABLE, [0.0, 1.0]), (TypeError, "class numbers must be integers")),
        ("complex", partial(call, TABLE * 1j, [0, 1]), (TypeError, f"losses.{name}: expected real numbers")),
        ("complex targets", partial(call, TABLE, TABLE * 1j), (TypeError, "expected real numbers")),
        ("a label below 0", lambda: jnp.isnan(call(TABLE, [-1, 1])), equal([True, False])),
        ("a label above c - 1", lambda: jnp.isnan(call(TABLE, [0, 3])), equal([False, True])),
        ("a negative share", lambda: jnp.isnan(call(TABLE, [[1, 0, 0], [1, 1, -1]])), equal([False, True])),
        ("a NaN row", lambda: jnp.isnan(call([[0.5, 0.5], [NAN, 0.5]], [0, 0])), equal([False, True])),
        ("float16", lambda: call(TABLE.astype(np.float16), [0, 1]), dtype_is(jnp.float16)),
    )


ROWS = [
    *[row for name, call in BY_NUMBER.items() for row in _of_numbers(name, call)],
    *[row for name, call in BY_CLASS.items() for row in _of_classes(name, call)],
    *table("losses.hinge", ("a label of 0", lambda: jnp.isnan(losses.hinge(P, [1, 0, -1])), equal([0, 1, 0]))),
    *table(
        "losses.huber",
        ("(n, 1) deltas", lambda: losses.huber(P, P, delta=np.ones((3, 1))), (ValueError, "delta to be one number")),
    ),
    *table(
        "losses.focal",
        ("(n, 1) powers", lambda: losses.focal(P, P, np.ones((3, 1))), (ValueError, "gamma to be one number")),
    ),
    *table("losses.focal", ("a label of 2", lambda: jnp.isnan(losses.focal(P, [1, 2, 0], 1.0)), equal([0, 1, 0]))),
    *table(
        "losses.sigmoid_cross_entropy",
        ("a label of 2", lambda: jnp.isnan(losses.sigmoid_cross_entropy(P, [1, 2, -1])), equal([0, 1, 1])),
        (
            "endless logits",
            lambda: losses.sigmoid_cross_entropy([np.inf, -np.inf, np.inf], [1, 0, 0]),
            near([0.0, 0.0, np.inf]),
        ),
    ),
    *table(
        "losses.binary_cross_entropy",
        ("no probability", lambda: losses.binary_cross_entropy([1.5, -0.5, 1.0], [1, 0, 1]), near([NAN, NAN, 0.0])),
        ("a certain mistake", lambda: losses.binary_cross_entropy([0.0, 1.0], [1, 0]), near([np.inf, np.inf])),
    ),
    *table(
        "losses.cross_entropy",
        ("what cannot be", lambda: losses.cross_entropy(TABLE, [2, 2]), near([np.log(2), np.inf])),
        ("no probability", lambda: losses.cross_entropy([[1.5, -0.5], [0.5, 0.5]], [0, 0]), near([NAN, np.log(2)])),
    ),
    *table(
        "losses.kl",
        ("other shapes", partial(losses.kl, TABLE, TABLE[0]), (ValueError, "one shape")),
        ("a number", partial(losses.kl, 0.5, 0.5), (ValueError, "distributions over a last axis")),
        ("complex", partial(losses.kl, TABLE, TABLE * 1j), (TypeError, "real numbers")),
        (
            "what cannot be",
            lambda: losses.kl(TABLE, TABLE[::-1]),
            near([0.6 * np.log(3) + 0.4 * np.log(4 / 3), np.inf]),
        ),
        ("float16", lambda: losses.kl(TABLE.astype(np.float16), TABLE), dtype_is(jnp.float16)),
    ),
    *table(
        "losses.softmax_cross_entropy",
        (
            "weights of another length",
            lambda: SMOOTHED([0, 1], class_weights=[1, 1]),
            (ValueError, r"shape \(3,\), got"),
        ),
        ("complex weights", lambda: SMOOTHED([0, 1], class_weights=[1j, 1, 1]), (TypeError, "real numbers")),
        ("two smoothings", lambda: SMOOTHED([0, 1], label_smoothing=P), (ValueError, "label_smoothing to be one")),
        (
            "labels of eight bits",
            lambda: losses.softmax_cross_entropy(np.zeros((2, 256)), np.array([0, 255], np.uint8)),
            near([np.log(256)] * 2, 1e-5),
        ),
        (
            "eight bits and -1 ignored",
            lambda: losses.softmax_cross_entropy(np.zeros((1, 256)), np.array([255], np.uint8), ignore_label=-1),
            near([np.log(256)], 1e-5),
        ),
        ("half a label", lambda: SMOOTHED(TABLE, ignore_label=0.5), (TypeError, "ignore_label must be an integer")),
        ("ignored shares", lambda: SMOOTHED(TABLE, ignore_label=0), (ValueError, "expected class numbers")),
        ("an impossible logit", lambda: losses.softmax_cross_entropy([[0.0, -np.inf]], [0]), near([0.0])),
        ("a certain mistake", lambda: losses.softmax_cross_entropy([[0.0, -np.inf]], [1]), near([np.inf])),
    ),
    *table(
        "losses.validate_labels",
        ("below 0", partial(losses.validate_labels, [0, -1], 3), (ValueError, r"in 0..2, got -1 at \(1,\)")),
        (
            "too large",
            partial(losses.validate_labels, [[0, 1], [3, 2]], 3),
            (ValueError, r"in 0..2, got 3 at \(1, 0\)"),
        ),
        ("fractions", partial(losses.validate_labels, [0.0], 3), (TypeError, "expected integers, got dtype float")),
        ("no classes", partial(losses.validate_labels, [0], 0), (ValueError, "num_classes must be at least 1")),
        ("traced", lambda: jax.jit(lambda a: losses.validate_labels(a, 3))(P), (TypeError, "call it outside jit")),
        ("right", partial(losses.validate_labels, [0, 2], 3), equal([0, 2])),
    ),
]

ROWS += [
    Row(
        "losses.huber",
        "delta 0",
        lambda: losses.huber(P, P, delta=0),
        ValueError,
        r"delta must be in \(0, inf\], got 0",
    ),
    Row("losses.focal", "gamma below 0", lambda: losses.focal(P, [0, 1, 1], -1.0), ValueError, "gamma must be in"),
    Row(
        "losses.softmax_cross_entropy",
        "smoothing above 1",
        lambda: SMOOTHED([0, 1], label_smoothing=1.5),
        ValueError,
        r"label_smoothing must be in \[0, 1\], got 1.5",
    ),
    *table(
        "losses.softmax_cross_entropy",
        (
            "smoothing below 0",
            lambda: SMOOTHED([0, 1], label_smoothing=np.float32(-0.1)),
            (ValueError, "_smoothing must"),
        ),
        (
            "smoothing above 1, traced",
            lambda: jax.jit(lambda s: SMOOTHED([0, 1], label_smoothing=s))(1.5),
            nothing_finite,
        ),
        ("smoothing above 1, an array", lambda: SMOOTHED([0, 1], label_smoothing=np.array(1.5)), nothing_finite),
        ("no smoothing, all of it", lambda: jnp.isnan(SMOOTHED([0, 1], label_smoothing=jnp.ones(()))), equal([0, 0])),
        ("a class weight below 0", lambda: SMOOTHED([0, 1], class_weights=np.array([-1, 1, 1])), nothing_finite),
    ),
]
