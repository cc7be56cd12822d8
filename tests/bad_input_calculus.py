"""Bad input to calculus."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, X, data_rows, dtype_is, equal, near, not_numbers, nothing_finite, table

from jaxmath import calculus

A = np.array([[2.0, 1.0, 0.5], [-1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])
U = np.array([1.0, 2.0, -1.0])
SQUARE = np.linspace(0.1, 0.9, 9, dtype=np.float32).reshape(3, 3)


def by_reverse_mode(f):
    """A function whose rule is for reverse mode alone."""
    ruled = jax.custom_vjp(f)
    ruled.defvjp(lambda x: jax.vjp(f, x), lambda pull, g: pull(g))
    return ruled


ELEMENTWISE = {
    "clip": lambda x: jnp.clip(x, 0.2, 0.7),
    "gelu": jax.nn.gelu,
    "relu by a rule": jax.nn.relu,
    "rule for reverse mode": by_reverse_mode(jnp.tanh),
    "array of the same shape": lambda x: jnp.where(x < SQUARE, SQUARE * x, x),
    "jit": jax.jit(jnp.sin),
    "checkpoint": jax.checkpoint(lambda x: jnp.sin(x) * x),  # pyright: ignore[reportPrivateImportUsage]
    "polynomial in scan": lambda x: jnp.polyval(jnp.array([1.0, 2.0, 3.0]), x),
    "table": lambda x: jnp.interp(x, jnp.arange(3.0), jnp.array([1.0, 3.0, 2.0])),
    "loop": lambda x: jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * x), (0, x))[1],
    "branch": lambda x: jax.lax.cond(SQUARE[0, 0] > 0, jnp.sin, jnp.cos, x),
    "vmap of grad": jax.vmap(jax.vmap(jax.grad(jnp.sin))),
    "row by row": lambda x: jax.lax.map(jnp.exp, x),
    "pieces": lambda x: jnp.piecewise(x, [x < 0.5, x >= 0.5], [jnp.negative, jnp.square]),
    "turned twice": lambda x: (x.T * SQUARE.T).T,
    "in one row": lambda x: jnp.tanh(x.ravel()).reshape(x.shape),
    "stacked": lambda x: jax.nn.logsumexp(jnp.stack([x, 0 * x]), axis=0),
    "sorted": lambda x: jnp.sort(jnp.stack([x, 1 - x], axis=1), axis=1)[:, 0],
    "set": lambda x: x.at[1].set(0.0),
    "product": lambda x: (x.reshape(-1, 1) @ jnp.ones((1, 3)))[:, 0].reshape(x.shape),
    "diagonal": lambda x: jnp.einsum("ij,i->ij", x, SQUARE[0]),
    "constant": lambda x: SQUARE,
}
MIXED = {
    "softmax": jax.nn.softmax,
    "share": lambda x: x / x.sum(),
    "rule for reverse mode": by_reverse_mode(lambda x: x / x.sum()),
    "centred": lambda x: x - x.mean(),
    "centred rows": lambda x: x - x.mean(axis=1, keepdims=True),
    "transposed": lambda x: x.T,
    "symmetric": lambda x: x + x.T,
    "reversed": lambda x: x[::-1],
    "shifted": lambda x: jnp.roll(x, 1),
    "sorted": jnp.sort,
    "sums": lambda x: jnp.cumsum(x, axis=0),
    "product": lambda x: x @ SQUARE,
    "first column": lambda x: x * x[:, :1],
    "permuted": lambda x: x[jnp.array([1, 0, 2])],
    "another shape": lambda x: x.reshape(1, 9).reshape(9, 1).reshape(3, 3).T,
    "in jit": jax.jit(jax.nn.softmax),
    "row by row": lambda x: jax.lax.map(jax.nn.softmax, x),
    "carried": lambda x: jax.lax.scan(lambda c, row: (c + row, c * row), x[0], x)[1],
    "loop": lambda x: jax.lax.fori_loop(0, 2, lambda _, y: y + y.mean(axis=0), x),
    "columns side by side": lambda x: jnp.concatenate([x[:, 1:], x[:, :1]], axis=1),
    "stacked the other way": lambda x: jnp.stack([x[:, 0], x[:, 1], x[:, 2]]),
    "product from the left": lambda x: SQUARE @ x,
    "product of two": lambda x: x @ x,
    "spectrum": lambda x: jnp.fft.fft(x).real,
}


def function_rows(function: str, call) -> list[Row]:
    """What calculus answers to a function that is none. ``call(f)``."""
    return table(
        function,
        ("no function", partial(call, 3.0), (TypeError, "expected a function, got 3.0")),
        ("a name", partial(call, "sin"), (TypeError, "expected a function, got 'sin'")),
    )


def not_elementwise(function: str, call) -> Row:
    message = r"elementwise function, got shape \(\)"
    return Row(function, "changes the shape", partial(call, jnp.sum), ValueError, message)


def mixing_rows() -> list[Row]:
    """Functions whose entries depend on other entries are refused, whatever they are made of, and no others are."""
    chain_rule, derivative = calculus.chain_rule, calculus.derivative
    refused = ValueError, "expected an elementwise function"

    def traced(f):
        return partial(jax.eval_shape, lambda x: chain_rule([f, jnp.sin], x), SQUARE)

    def at_once(f):
        return lambda: derivative(f, np.array([[1.0, -2.0], [np.nan, 3.0], [0.5, np.inf]]), delta=0.5)

    return table(
        "calculus.chain_rule",
        *((f"{name}, elementwise", traced(f), lambda _: None) for name, f in ELEMENTWISE.items()),
        *((f"{name}, mixed", traced(f), refused) for name, f in MIXED.items()),
        ("one column, mixed", lambda: chain_rule([lambda x: x - x.mean()], SQUARE[:, :1]), refused),
        ("two entries, mixed", lambda: chain_rule([lambda x: x[::-1]], SQUARE[0, :2]), refused),
        ("one entry", lambda: chain_rule([lambda x: x / x.sum()], SQUARE[0, :1])[2], near([0.0])),
        ("rule for reverse mode", lambda: chain_rule([by_reverse_mode(jnp.sin)], U)[2], near(np.cos(U))),
    ) + table(
        "calculus.derivative",
        ("function of NumPy, elementwise", at_once(lambda x: np.asarray(x) ** 2), lambda _: None),
        ("rows of NumPy, mixed", at_once(lambda x: np.asarray(x) - np.mean(x, axis=1, keepdims=True)), refused),
        ("columns of NumPy, mixed", at_once(lambda x: np.cumsum(x, axis=0)), refused),
    )


def elementwise_rows(name: str) -> list[Row]:
    f, values = getattr(calculus, name), np.array([1.0, -2.0, np.nan, np.inf])
    half = partial(f, values[:2].astype(np.float16))
    only_third_is_nan = lambda y: equal([False, False, True, False])(np.isnan(np.asarray(y)))  # noqa: E731
    rows = table(
        f"calculus.{name}",
        ("integers", partial(f, [1, -2]), near(lambda: f(values[:2]))),
        ("a number", partial(f, 1), near(lambda: f(values[:1])[0])),
        ("float16", half, dtype_is(jnp.float16, near(lambda: f(values[:2]), 1e-3))),
        ("empty", partial(f, np.zeros((0, 2))), equal(np.zeros((0, 2)))),
        ("NaN", partial(f, values), only_third_is_nan),
    )
    return rows + not_numbers(f"calculus.{name}", f)


def derivatives() -> list[Row]:
    derivative, chain_rule = calculus.derivative, calculus.chain_rule
    return [
        *function_rows("calculus.derivative", lambda f: derivative(f, U)),
        not_elementwise("calculus.derivative", lambda f: derivative(f, U)),
        *not_numbers("calculus.derivative", partial(derivative, jnp.sin)),
        *table(
            "calculus.derivative",
            ("delta a vector", lambda: derivative(jnp.sin, U, delta=U), (ValueError, "delta to be one")),
            ("delta 0", lambda: derivative(jnp.sin, U, delta=0), nothing_finite),
            ("NaN", lambda: derivative(jnp.square, [np.nan, 1.0], delta=0.5), equal([np.nan, 2.0])),
            ("integers", lambda: derivative(jnp.square, [3], delta=1), near([6.0])),
        ),
        *function_rows("calculus.compose", lambda f: calculus.compose(jnp.sin, f)),
        *function_rows("calculus.chain_rule", lambda f: chain_rule([jnp.sin, f], U)),
        not_elementwise("calculus.chain_rule", lambda f: chain_rule([f], U)),
        *not_numbers("calculus.chain_rule", partial(chain_rule, [jnp.sin])),
        *table(
            "calculus.chain_rule",
            ("no functions", lambda: chain_rule([], U), (ValueError, "at least one function")),
            ("NaN", lambda: chain_rule([jnp.square], [np.nan, 1.0])[2], equal([np.nan, 2.0])),
            ("integers", lambda: chain_rule([jnp.square], [3])[2], near([6.0])),
        ),
    ]


def several_inputs() -> list[Row]:
    gradients, matrix_chain, field = calculus.gradients, calculus.matrix_chain, calculus.gradient_field
    shapes = r"\(n, d\) and \(d, k\), got \(5, 3\) and \(5, 3\)"
    return [
        *function_rows("calculus.gradients", lambda f: gradients(f, U)),
        *not_numbers("calculus.gradients", partial(gradients, jnp.sin)),
        *table(
            "calculus.gradients",
            ("no inputs", lambda: gradients(jnp.sin), (ValueError, "at least one input")),
            ("integers", lambda: gradients(jnp.square, 3)[1][0], near(6.0)),
        ),
        *function_rows("calculus.matrix_chain", lambda f: matrix_chain(f, A, A)),
        not_elementwise("calculus.matrix_chain", lambda f: matrix_chain(f, A, A)),
        *data_rows("calculus.matrix_chain", lambda x: matrix_chain(jnp.sin, x, A)),
        *data_rows("calculus.matrix_chain", lambda w: matrix_chain(jnp.sin, X, w)),
        *table(
            "calculus.matrix_chain",
            ("shapes", lambda: matrix_chain(jnp.sin, X, X), (ValueError, shapes)),
            ("integers", lambda: matrix_chain(jnp.square, [[1, 2]], [[3], [1]])[3], near([[10.0], [20.0]])),
        ),
        *function_rows("calculus.gradient_field", lambda f: field(f, U)),
        *table(
            "calculus.gradient_field",
            ("no axes", lambda: field(jnp.sin), (ValueError, "at least one axis")),
            ("axis a number", lambda: field(jnp.sin, 1.0), (ValueError, r"shape \(n,\), got \(\)")),
            ("axis a matrix", lambda: field(jnp.sin, A), (ValueError, r"shape \(n,\), got \(3, 3\)")),
            ("complex axis", lambda: field(jnp.sin, U * 1j), (TypeError, "real numbers")),
            ("vector values", lambda: field(lambda x: x * U, U), (TypeError, None)),
            ("integers", lambda: field(jnp.square, [1, 2]), near([[2.0, 4.0]])),
        ),
    ]


CORNERS = [
    Row("calculus.relu", "derivative at 0", lambda: jax.grad(calculus.relu)(0.0), check=equal(0.0)),
    Row("calculus.leaky_relu", "derivative at 0", lambda: jax.grad(calculus.leaky_relu)(0.0), check=near(0.2)),
]
SLOPE = ("slope a vector", lambda: calculus.leaky_relu(U, U), (ValueError, "slope to be one number"))
ROWS = [
    *(row for name in ("square", "relu", "leaky_relu", "sigmoid") for row in elementwise_rows(name)),
    *CORNERS,
    *table("calculus.leaky_relu", SLOPE),
    *derivatives(),
    *mixing_rows(),
    *several_inputs(),
]
