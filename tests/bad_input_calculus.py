"""Bad input to calculus."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, X, data_rows, dtype_is, equal, near, not_numbers, nothing_finite, table

from jaxmath import calculus

A = np.array([[2.0, 1.0, 0.5], [-1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])
U = np.array([1.0, 2.0, -1.0])


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
ELEMENTWISE = [row for name in ("square", "relu", "leaky_relu", "sigmoid") for row in elementwise_rows(name)]
ROWS = [*ELEMENTWISE, *CORNERS, *table("calculus.leaky_relu", SLOPE), *derivatives(), *several_inputs()]
