"""Bad input to networks."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rows import (
    Row,
    X,
    data_rows,
    dtype_is,
    equal,
    near,
    not_numbers,
    nothing_finite,
    only_row_is_nan,
    table,
    with_cell,
)

from jaxmath import neural

W, B = np.linspace(-1, 1, 12).reshape(4, 3), np.linspace(-0.5, 0.5, 4)
V, C = np.linspace(1, -1, 8).reshape(2, 4), np.array([0.25, -0.25])
PARAMS = [(W, B), (V, C)]
Y = np.linspace(0, 1, 10).reshape(5, 2)
LABELS = [0, 1, 1, 0, 1]
EDGES = (np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.5, 1.0]))
NAN = np.nan
ON_NETWORK = {
    "mlp": partial(neural.mlp, activation=neural.sigmoid),
    "forward": neural.forward,
    "backward": lambda params, x: neural.backward(params, x, Y),
    "per_example_gradients": lambda params, x: neural.per_example_gradients(params, x, Y),
    "jacobian": neural.jacobian,
    "hessian_vector_product": lambda params, x: neural.hessian_vector_product(params, x, Y, PARAMS),
}
ON_TARGETS = {
    "backward": neural.backward,
    "per_example_gradients": neural.per_example_gradients,
    "hessian_vector_product": lambda params, x, y: neural.hessian_vector_product(params, x, y, PARAMS),
}
WITH_ACTIVATION = {
    "dense": lambda f: neural.dense(X, W, B, f),
    "mlp": lambda f: neural.mlp(PARAMS, X, activation=f),
    "forward": lambda f: neural.forward(PARAMS, X, activation=f),
    "backward": lambda f: neural.backward(PARAMS, X, Y, activation=f),
    "per_example_gradients": lambda f: neural.per_example_gradients(PARAMS, X, Y, activation=f),
    "jacobian": lambda f: neural.jacobian(PARAMS, X, activation=f),
    "hessian_vector_product": lambda f: neural.hessian_vector_product(PARAMS, X, Y, PARAMS, activation=f),
}


def _half(tree: Any) -> Any:
    return jax.tree.map(lambda a: np.asarray(a, np.float16), tree)


def _difference(a: Any, b: Any) -> Any:
    return jax.tree.map(jnp.subtract, a, b)


def _zero(result: Any) -> None:
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(result)), result


def _height(params: Any, *point: float) -> Any:
    return neural.mlp(params, [point], activation=neural.heaviside)[0, 0]


def _plane(points: Any) -> Any:
    return points[:, 0] + points[:, 1]


def _networks(name: str, call: Any) -> list[Row]:
    return [
        *data_rows(f"neural.{name}", partial(call, PARAMS)),
        *table(
            f"neural.{name}",
            ("no layers", partial(call, [], X), (TypeError, f"neural.{name}: expected a list of .weights, bias.")),
            ("one layer, not in a list", partial(call, (W, B), X), (TypeError, "one a layer, got tuple")),
            ("weights without bias", partial(call, [(W,)], X), (TypeError, "one a layer, got list")),
            ("a network of None", partial(call, None, X), (TypeError, "one a layer, got NoneType")),
            (
                "weights transposed",
                partial(call, [(W.T, B[:3]), (V, C)], X),
                (ValueError, rf"neural.{name}: layer 0: expected weights \(m, 3\) and bias \(m,\), got \(3, 4\)"),
            ),
            (
                "layers that do not fit",
                partial(call, [(W, B), (V[:, :3], C)], X),
                (ValueError, r"layer 1: expected weights \(m, 4\) and bias \(m,\), got \(2, 3\) and \(2,\)"),
            ),
            ("bias (m, 1)", partial(call, [(W, B[:, None]), (V, C)], X), (ValueError, r"bias \(m,\), got .*\(4, 1\)")),
            ("a bias for all", partial(call, [(W, 0.0), (V, C)], X), (ValueError, r"bias \(m,\), got .*\(\)")),
            ("weights of rank 3", partial(call, [(W[None], B), (V, C)], X), (ValueError, r"got \(1, 4, 3\)")),
            ("no neurons", partial(call, [(W[:0], B[:0]), (V[:, :0], C)], X), (ValueError, r"got \(0, 3\)")),
            ("complex weights", partial(call, [(W * 1j, B), (V, C)], X), (TypeError, "layer 0: expected real numbers")),
            ("complex bias", partial(call, [(W, B), (V, C * 1j)], X), (TypeError, "layer 1: expected real numbers")),
            ("float16", lambda: call(_half(PARAMS), _half(X)), dtype_is(jnp.float16)),
        ),
    ]


def _targets(name: str, call: Any) -> list[Row]:
    return table(
        f"neural.{name}",
        ("targets (n,)", partial(call, PARAMS, X, Y[:, 0]), (ValueError, r"of the output, \(5, 2\), got \(5,\)")),
        (
            "(n,) against (n, 1)",
            partial(call, [(W[:1], B[:1])], X, Y[:, 0]),
            (ValueError, r"of the output, \(5, 1\), got \(5,\)"),
        ),
        ("targets (n, 1)", partial(call, PARAMS, X, Y[:, :1]), (ValueError, r"\(5, 2\), got \(5, 1\)")),
        ("targets too short", partial(call, PARAMS, X, Y[:4]), (ValueError, r"\(5, 2\), got \(4, 2\)")),
        ("complex targets", partial(call, PARAMS, X, Y * 1j), (TypeError, f"neural.{name}: expected real numbers")),
        (
            "integer targets",
            lambda: _difference(call(PARAMS, X, np.ones((5, 2), int)), call(PARAMS, X, np.ones((5, 2)))),
            _zero,
        ),
    )


def _activations(name: str, call: Any) -> list[Row]:
    return table(
        f"neural.{name}",
        ("an activation by name", partial(call, "relu"), (TypeError, "expected a function or None for the activation")),
        ("a sum as activation", partial(call, jnp.sum), (ValueError, r"expected an elementwise activation, got shape")),
        ("no activation", lambda: _difference(call(None), call(lambda n: 1.0 * n)), _zero),
    )


def _nan_row(field: Any = lambda result: result) -> Any:
    def check(result: Any) -> None:
        for leaf in jax.tree.leaves(field(result)):
            only_row_is_nan(leaf, 2)

    return check


def _not_learnt(fit: Any) -> None:
    nothing_finite(fit)
    assert not fit.converged
    assert fit.num_epochs == 1


ROWS = [
    *[row for name in ("heaviside", "tanh") for row in not_numbers(f"neural.{name}", getattr(neural, name))],
    *table(
        "neural.heaviside",
        (
            "edges of the range",
            lambda: neural.heaviside([-np.inf, -1e-30, -0.0, 0.0, 1e-30, np.inf, NAN]),
            equal([0, 0, 1, 1, 1, 1, NAN]),
        ),
        ("integers", lambda: neural.heaviside([-1, 0, 1]), dtype_is(jnp.result_type(float), equal([0, 1, 1]))),
        ("float16", lambda: neural.heaviside(_half(B)), dtype_is(jnp.float16)),
        ("derivative", lambda: jax.vmap(jax.grad(neural.heaviside))(jnp.array([-1.0, 0.0, 1.0])), equal([0, 0, 0])),
    ),
    *table(
        "neural.tanh",
        ("large numbers", lambda: neural.tanh([-1e30, 1e30, -np.inf, np.inf, NAN]), equal([-1, 1, -1, 1, NAN])),
    ),
    *data_rows("neural.dense", lambda x: neural.dense(x, W, B)),
    *table(
        "neural.dense",
        (
            "weights transposed",
            partial(neural.dense, X, W.T, B),
            (ValueError, r"neural.dense: expected weights \(m, 3\) and bias \(m,\), got \(3, 4\) and \(4,\)"),
        ),
        ("bias (m, 1)", partial(neural.dense, X, W, B[:, None]), (ValueError, r"got \(4, 3\) and \(4, 1\)")),
        ("weights (d,)", partial(neural.dense, X, W[0], B[0]), (ValueError, r"got \(3,\) and \(\)")),
        ("a NaN row", lambda: neural.dense(with_cell(NAN), W, B, neural.heaviside), _nan_row()),
        ("integers", lambda: neural.dense([[1, 2]], [[3, 4]], [5]), equal([[16.0]])),
        ("float16 and float32", lambda: neural.dense(_half(X), _half(W), B.astype("f4")), dtype_is(jnp.float32)),
        ("booleans out", lambda: neural.dense(X, W, B, lambda n: n > 0), equal(X @ W.T + B > 0)),
    ),
    *data_rows("neural.perceptron", lambda x: neural.perceptron(x, W, B)),
    *table(
        "neural.perceptron",
        ("one, and many biases", partial(neural.perceptron, X, W[0], B), (ValueError, r"got \(3,\) and \(4,\)")),
        ("many, and one bias", partial(neural.perceptron, X, W, 0.5), (ValueError, r"got \(4, 3\) and \(\)")),
        ("one, of another width", partial(neural.perceptron, X, B, 0.5), (ValueError, r"weights \(m, 3\).*\(1, 4\)")),
        ("complex weights", partial(neural.perceptron, X, W * 1j, B), (TypeError, "neural.perceptron: expected real")),
        ("complex bias", partial(neural.perceptron, X, W, B * 1j), (TypeError, "neural.perceptron: expected real")),
        ("a NaN row", lambda: neural.perceptron(with_cell(NAN), W, B), _nan_row()),
        ("a NaN row of one", lambda: neural.perceptron(with_cell(NAN), W[0], 0.5), _nan_row()),
    ),
    *table(
        "neural.init_mlp",
        ("one size", lambda: neural.init_mlp(jax.random.key(0), [3]), (ValueError, "sizes of inputs and outputs")),
        ("a size of 0", lambda: neural.init_mlp(jax.random.key(0), [3, 0, 1]), (ValueError, r"sizes\[1\] must be at")),
        ("a fraction", lambda: neural.init_mlp(jax.random.key(0), [3, 1.5]), (TypeError, r"sizes\[1\] must be an int")),
        (
            "another scheme",
            lambda: neural.init_mlp(jax.random.key(0), [3, 1], scheme="lecun"),
            (ValueError, "'xavier'"),
        ),
        (
            "a traced size",
            lambda: jax.jit(lambda m: neural.init_mlp(jax.random.key(0), [3, m]))(2),
            (TypeError, r"sizes\[1\] must be static"),
        ),
        (
            "biases",
            lambda: [b for _, b in neural.init_mlp(jax.random.key(0), [3, 2, 1])],
            near((np.zeros(2), np.zeros(1))),
        ),
    ),
    *[row for name, call in ON_NETWORK.items() for row in _networks(name, call)],
    *[row for name, call in ON_TARGETS.items() for row in _targets(name, call)],
    *[row for name, call in WITH_ACTIVATION.items() for row in _activations(name, call)],
    *table(
        "neural.mlp",
        ("a NaN row", lambda: neural.mlp(PARAMS, with_cell(NAN), activation=neural.heaviside), _nan_row()),
        (
            "an output activation by name",
            lambda: neural.mlp(PARAMS, X, activation=neural.relu, output_activation="relu"),
            (TypeError, "expected a function or None"),
        ),
    ),
    *table("neural.forward", ("a NaN row", lambda: neural.forward(PARAMS, with_cell(NAN)), _nan_row())),
    *table("neural.jacobian", ("a NaN row", lambda: neural.jacobian(PARAMS, with_cell(NAN)), _nan_row())),
    *table(
        "neural.per_example_gradients",
        ("a NaN row", lambda: neural.per_example_gradients(PARAMS, with_cell(NAN), Y), _nan_row()),
        (
            "an activation of each row by a product from the left",
            lambda: WITH_ACTIVATION["per_example_gradients"](lambda n: (np.eye(n.shape[1], dtype=np.float32) @ n.T).T),
            near(lambda: tuple(jax.tree.leaves(WITH_ACTIVATION["per_example_gradients"](None)))),
        ),
    ),
    *table("neural.backward", ("a NaN row", lambda: neural.backward(PARAMS, with_cell(NAN), Y), nothing_finite)),
    *table(
        "neural.hessian_vector_product",
        (
            "a shorter vector",
            lambda: neural.hessian_vector_product(PARAMS, X, Y, PARAMS[:1]),
            (ValueError, "expected a vector of the shapes of the parameters"),
        ),
        (
            "a wider vector",
            lambda: neural.hessian_vector_product(PARAMS, X, Y, [(W, B), (np.ones((3, 4)), np.ones(3))]),
            (ValueError, "expected a vector of the shapes of the parameters"),
        ),
        (
            "a vector of layers that do not fit",
            lambda: neural.hessian_vector_product(PARAMS, X, Y, [(W, B), (V, C[:1])]),
            (ValueError, r"neural.hessian_vector_product: vector: layer 1: expected weights"),
        ),
        (
            "a complex vector",
            lambda: neural.hessian_vector_product(PARAMS, X, Y, [(W, B), (V, C * 1j)]),
            (TypeError, "neural.hessian_vector_product: vector: layer 1: expected real numbers"),
        ),
        ("no vector", lambda: neural.hessian_vector_product(PARAMS, X, Y, None), (TypeError, "one a layer")),
    ),
    *table("neural.gate", ("another gate", partial(neural.gate, "nand"), (ValueError, "kind must be one of 'and'"))),
    *data_rows("neural.train_perceptron", lambda x: neural.train_perceptron(x, LABELS)),
    *table(
        "neural.train_perceptron",
        (
            "labels (n, 1)",
            partial(neural.train_perceptron, X, np.array(LABELS)[:, None]),
            (ValueError, r"labels of shape \(5,\), one a row, got \(5, 1\)"),
        ),
        ("labels too short", partial(neural.train_perceptron, X, LABELS[:4]), (ValueError, r"got \(4,\)")),
        ("complex labels", partial(neural.train_perceptron, X, np.ones(5) * 1j), (TypeError, "expected real numbers")),
        ("no epochs", lambda: neural.train_perceptron(X, LABELS, max_epochs=0), (ValueError, "max_epochs must be at")),
        (
            "traced epochs",
            lambda: jax.jit(lambda m: neural.train_perceptron(X, LABELS, max_epochs=m))(3),
            (TypeError, "max_epochs must be static"),
        ),
        *[
            (what, partial(neural.train_perceptron, x, labels), _not_learnt)
            for what, x, labels in (
                ("a NaN row", with_cell(NAN), LABELS),
                ("an infinite row", with_cell(np.inf), LABELS),
                ("one infinite row of its class", [[np.inf], [-1.0]], [1, 0]),
                ("a label of 2", X, [0, 1, 2, 0, 1]),
                ("a label of -1", X, [-1, 1, 1, -1, 1]),
                ("a label of a half", X, [0, 1, 0.5, 0, 1]),
                ("a NaN label", X, [0, 1, NAN, 0, 1]),
            )
        ],
        (
            "mistakes before a NaN row",
            lambda: neural.train_perceptron(with_cell(NAN), [1, 1, 1, 0, 1]).mistakes,
            equal(3),
        ),
        (
            "classes that no line parts",
            lambda: neural.train_perceptron([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])[3:],
            near((1000, False)),
        ),
        (
            "one row",
            lambda: neural.train_perceptron([[2.0]], [0])[:],
            near((np.array([-2.0]), -1.0, 1, 2, True)),
        ),
        (
            "booleans",
            lambda: _difference(
                neural.train_perceptron(X, np.array(LABELS) == 1)[:4], neural.train_perceptron(X, LABELS)[:4]
            ),
            _zero,
        ),
        (
            "float16",
            lambda: neural.train_perceptron(_half(X), LABELS)[:2],
            dtype_is(jnp.float16),
        ),
    ),
    *table(
        "neural.tower_network",
        ("no function", partial(neural.tower_network, None, EDGES), (TypeError, "expected a function, got None")),
        (
            "f of another shape",
            partial(neural.tower_network, lambda c: c[:, :1], EDGES),
            (ValueError, r"expected f to return shape \(4,\), got \(4, 1\)"),
        ),
        ("f of complex numbers", partial(neural.tower_network, lambda c: 1j * _plane(c), EDGES), (TypeError, "real")),
        ("one axis", partial(neural.tower_network, _plane, EDGES[:1]), (ValueError, "edges along two axes, got tuple")),
        ("one array", partial(neural.tower_network, _plane, EDGES[0]), (ValueError, "edges along two axes")),
        ("one edge", partial(neural.tower_network, _plane, ([0.0], EDGES[1])), (ValueError, r"got shapes \(1,\) and")),
        (
            "no second edge",
            partial(neural.tower_network, _plane, (EDGES[1], [0.0])),
            (ValueError, r"\(3,\) and \(1,\)"),
        ),
        ("edges of rank 2", partial(neural.tower_network, _plane, (X, EDGES[1])), (ValueError, r"got shapes \(5, 3\)")),
        ("second of rank 2", partial(neural.tower_network, _plane, (EDGES[1], X)), (ValueError, r"and \(5, 3\)")),
        (
            "complex edges",
            partial(neural.tower_network, _plane, (EDGES[0] * 1j, EDGES[1])),
            (TypeError, "real numbers"),
        ),
        *[
            (what, lambda edges=edges: neural.tower_network(_plane, edges)[-1][0], nothing_finite)
            for what, edges in (
                ("edges that fall", (EDGES[0][::-1], EDGES[1])),
                ("second edges that fall", (EDGES[0], EDGES[1][::-1])),
                ("an edge twice", ([0.0, 1.0, 1.0], EDGES[1])),
                ("a second edge twice", (EDGES[0], [0.0, 1.0, 1.0])),
                ("a NaN edge", ([0.0, NAN, 1.0], EDGES[1])),
            )
        ],
        (
            "a NaN height",
            lambda: neural.tower_network(lambda c: jnp.where(c[:, 0] < 1, NAN, 1.0), EDGES)[-1][0],
            nothing_finite,
        ),
        (
            "outside, and at the edges",
            lambda: tuple(
                _height(neural.tower_network(_plane, EDGES), *point)
                for point in ((-0.1, 0.2), (0.2, 1.1), (0.0, 0.0), (2.0, 0.5), (1.0, 1.0), (1.0, 0.5), (1.9, 0.9))
            ),
            near((0.0, 0.0, 0.75, 0.0, 0.0, 2.25, 2.25)),
        ),
        ("integer edges", lambda: _height(neural.tower_network(_plane, ([0, 2], [0, 2])), 1, 1), equal(2.0)),
        (
            "float16",
            lambda: neural.tower_network(_plane, _half(EDGES)),
            dtype_is(jnp.float16),
        ),
    ),
]
