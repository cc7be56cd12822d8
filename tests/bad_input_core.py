"""Bad input to the spine: reduce, moments and what the package itself offers; keys and data that are none."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.sparse
from bad_input_pca import FITTED
from flax import nnx
from jax.experimental.sparse import BCOO
from rows import INTEGERS, Row, X, all_nan, data_rows, dtype_is, near, table, weight_rows, with_cell

import jaxmath
from jaxmath import (
    conv,
    data,
    gmm,
    kmeans,
    linalg,
    losses,
    lsa,
    moments,
    neural,
    optimize,
    pca,
    reduce,
    regression,
    train,
)
from jaxmath.data import augment


def squares(rows: jax.Array, weights: jax.Array) -> jax.Array:
    return weights @ rows**2


def total(rows: jax.Array, weights: jax.Array) -> jax.Array:
    """Statistics for the rows below."""
    return weights @ rows.astype(weights.dtype).reshape(len(rows), -1)


def _in_float32(call: Callable[[Any], Any], x: np.ndarray) -> Any:
    with jax.enable_x64(False):
        return call(x)


MANY = np.arange(10_400.0).reshape(5200, 2) % 7


REDUCE = [
    Row("reduce.over", "no arrays", partial(reduce.over, total, ()), ValueError, "equally many rows"),
    Row("reduce.over", "scalar", partial(reduce.over, total, 1.0), ValueError, "equally many rows"),
    Row("reduce.over", "two lengths", partial(reduce.over, total, (X, X[:3])), ValueError, "equally many rows"),
    Row("reduce.over", "no rows", partial(reduce.over, total, X[:0]), ValueError, "at least one row"),
    Row("reduce.over", "no columns", partial(reduce.over, total, X[:, :0]), ValueError, "no empty axis"),
    Row("reduce.over", "sparse", lambda: reduce.over(total, BCOO.fromdense(jnp.eye(3))), TypeError, "a sparse BCOO"),
    Row("reduce.over", "complex", partial(reduce.over, total, X + 1j), TypeError, "real numbers"),
    Row("reduce.over", "strings", partial(reduce.over, total, ["a", "b"]), TypeError, "real numbers"),
    Row("reduce.over", "chunk 0", partial(reduce.over, total, X, chunk_size=0), ValueError, "at least 1, got 0"),
    Row("reduce.over", "chunk True", partial(reduce.over, total, X, chunk_size=True), ValueError, "got True"),
    Row("reduce.over", "chunk 1.5", partial(reduce.over, total, X, chunk_size=1.5), TypeError, "an integer, got 1.5"),
    Row(
        "reduce.over",
        "chunk traced",
        lambda: jax.jit(lambda c: reduce.over(total, X, chunk_size=c))(2),
        TypeError,
        r"chunk_size must be static; close over it: jax.jit\(lambda x: reduce.over",
    ),
    Row(
        "reduce.over",
        "a huge row of weight 0",
        partial(reduce.over, squares, np.array([[1.0], [1e30]], np.float32), weights=[1, 0]),
        check=near([1.0]),
    ),
    Row("reduce.over_batches", "chunk 0", lambda: reduce.over_batches(total, [X], chunk_size=0), ValueError, "got 0"),
    *weight_rows("reduce.over", lambda x, w: reduce.over(total, x, weights=w)),
    Row("reduce.over", "nested lists", partial(reduce.over, total, INTEGERS), check=near([8.0, 12.0])),
    Row("reduce.over", "booleans", partial(reduce.over, total, X > 0), check=near((X > 0).sum(axis=0))),
    Row(
        "reduce.over",
        "negative weight",
        partial(reduce.over, total, X, weights=[1, 1, -1, 1, 1]),
        check=lambda result: all_nan("T")(result),
    ),
    Row(
        "reduce.over",
        "weight 0 leaves NaN out",
        partial(reduce.over, total, with_cell(np.nan), weights=[1, 1, 0, 1, 1], chunk_size=2),
        check=near(X.sum(axis=0) - X[2]),
    ),
    Row("reduce.over", "chunk beyond n", partial(reduce.over, total, X, chunk_size=99), check=near(X.sum(axis=0))),
    Row("reduce.over", "chunk 2 pads", partial(reduce.over, total, X, chunk_size=2), check=near(X.sum(axis=0))),
    Row(
        "reduce.over_batches", "nested lists", partial(reduce.over_batches, total, [INTEGERS]), check=near([8.0, 12.0])
    ),
    Row(
        "reduce.over_batches",
        "several pieces",
        lambda: reduce.over_batches(total, [MANY[:1], MANY[1:3000], MANY[3000:3100], MANY[3100:]]),
        check=near(MANY.sum(axis=0)),
    ),
    Row("reduce.typical_row", "one row", partial(reduce.typical_row, jnp.asarray(X[:1])), check=near(X[0])),
    Row("reduce.over_batches", "no batches", partial(reduce.over_batches, total, []), ValueError, "empty iterable"),
    Row("reduce.over_batches", "empty ones", partial(reduce.over_batches, total, [X[:0]]), ValueError, "empty"),
    Row(
        "reduce.over_batches",
        "other columns",
        partial(reduce.over_batches, total, [X, X[:, :2]]),
        ValueError,
        "batches differ",
    ),
    Row(
        "reduce.over_batches",
        "too few weights",
        partial(reduce.over_batches, total, [X, X], weights=[np.ones(5)]),
        ValueError,
        "batches and weights must have the same length",
    ),
    Row(
        "reduce.over_batches",
        "weights of another length",
        partial(reduce.over_batches, total, [X], weights=[np.ones(4)]),
        ValueError,
        r"weights of shape \(5,\), got \(4,\)",
    ),
    Row("reduce.over_batches", "strings", partial(reduce.over_batches, total, [["a"]]), TypeError, "real numbers"),
    Row("reduce.over_batches", "complex", partial(reduce.over_batches, total, [X * 1j]), TypeError, "real numbers"),
    Row("reduce.over_batches", "empty first", partial(reduce.over_batches, total, [X[:0], X]), check=near(X.sum(0))),
    Row("reduce.merge", "two structures", partial(reduce.merge, {"a": 1.0}, {"b": 1.0}), ValueError, "one structure"),
]

MOMENTS = [
    *data_rows("moments.of", moments.of),
    *weight_rows("moments.of", lambda x, w: moments.of(x, weights=w)),
    Row("moments.of", "chunk 0", partial(moments.of, X, chunk_size=0), ValueError, "chunk_size must be at least 1"),
    Row("moments.of", "NaN", partial(moments.of, with_cell(np.nan)), check=lambda m: _column_is_bad(m, 1)),
    Row("moments.of", "infinity", partial(moments.of, with_cell(np.inf)), check=lambda m: _column_is_bad(m, 1)),
    Row(
        "moments.of",
        "negative weight",
        partial(moments.of, X, weights=[1, -1, 1, 1, 1]),
        check=all_nan("count", "mean", "scatter"),
    ),
    Row(
        "moments.of",
        "NaN weight",
        partial(moments.of, X, weights=[1, np.nan, 1, 1, 1]),
        check=all_nan("count", "mean", "scatter"),
    ),
    Row(
        "moments.of",
        "weight 0 leaves NaN out",
        partial(moments.of, with_cell(np.nan), weights=[1, 1, 0, 1, 1], chunk_size=2),
        check=near(lambda: moments.of(np.delete(X, 2, axis=0))),
    ),
    Row(
        "moments.of",
        "all weights 0",
        partial(moments.of, X, weights=np.zeros(5)),
        check=near((0, X[0] * 0, np.zeros((3, 3)))),
    ),
    Row("moments.of", "integers", partial(moments.of, INTEGERS), check=near((4.0, [2, 3], [[10, 9], [9, 10]]))),
    Row("moments.of", "booleans", partial(moments.of, X > 1.5), check=near(lambda: moments.of((X > 1.5) * 1.0))),
    Row(
        "moments.of",
        "large int64",
        partial(moments.of, np.array([[2**40], [2**40 + 2**30]])),
        check=near((2.0, [2**40 + 2**29], [[2.0**59]])),
    ),
    Row(
        "moments.of",
        "float16",
        partial(moments.of, X.astype(np.float16)),
        check=dtype_is(jnp.float32, near(lambda: moments.of(X), 1e-3)),
    ),
    Row("moments.of", "one row", partial(moments.of, X[:1]), check=near((1.0, X[0], np.zeros((3, 3))))),
    Row("moments.of", "one column", partial(moments.of, X[:, :1]), check=near((5.0, [2.2], [[14.8]]))),
    Row(
        "moments.of", "repeated rows", partial(moments.of, np.ones((4, 2))), check=near((4.0, [1, 1], np.zeros((2, 2))))
    ),
    Row("moments.of_batches", "no batches", partial(moments.of_batches, []), ValueError, "empty iterable"),
    Row("moments.of_batches", "an array, not batches", partial(moments.of_batches, X), ValueError, r"shape \(m, d\)"),
    Row(
        "moments.of_batches", "other columns", partial(moments.of_batches, [X, X[:, :2]]), ValueError, "batches differ"
    ),
    Row("moments.of_batches", "complex", partial(moments.of_batches, [X * 1j]), TypeError, "real numbers"),
    Row(
        "moments.of_batches", "empty first", partial(moments.of_batches, [X[:0], X]), check=near(lambda: moments.of(X))
    ),
    Row(
        "moments.of_batches",
        "NaN first row of weight 0",
        partial(moments.of_batches, [with_cell(np.nan)[2:], X], weights=[[0, 1, 1], np.ones(5)]),
        check=near(lambda: moments.of(np.concatenate([X[3:], X]))),
    ),
    Row(
        "moments.merge",
        "other columns",
        lambda: moments.merge(moments.of(X), moments.of(X[:, :1])),
        ValueError,
        "equally many columns",
    ),
    Row(
        "moments.merge",
        "nothing",
        lambda: moments.merge(moments.of(X), _no_moments()),
        check=near(lambda: moments.of(X)),
    ),
    Row(
        "moments.merge",
        "two nothings",
        lambda: moments.merge(_no_moments(), _no_moments()),
        check=near((0, X[0] * 0, np.zeros((3, 3)))),
    ),
    Row("moments.covariance", "data", lambda: moments.covariance(X), TypeError, "expected moments, as moments.of"),
    Row("moments.covariance", "lists", lambda: moments.covariance(moments.Moments(3, [1], [[4]])), check=near([[2.0]])),
    Row(
        "moments.covariance", "one row", lambda: moments.covariance(moments.of(X[:1])), check=lambda c: all_nan("T")(c)
    ),
    Row(
        "moments.covariance",
        "as many degrees as ddof",
        lambda: moments.covariance(moments.of(X[:2], weights=[0.5, 0.5])),
        check=lambda c: all_nan("T")(c),
    ),
    Row(
        "moments.covariance",
        "one row, ddof 0",
        lambda: moments.covariance(moments.of(X[:1]), ddof=0),
        check=near(np.zeros((3, 3))),
    ),
]


def _no_moments() -> moments.Moments:
    return moments.Moments(jnp.zeros(()), jnp.zeros(3), jnp.zeros((3, 3)))


def _column_is_bad(result: moments.Moments, column: int) -> None:
    others = [i for i in range(len(result.mean)) if i != column]
    assert not np.isfinite(np.asarray(result.mean)[column])
    assert not np.isfinite(np.asarray(result.scatter)[column]).any()
    assert np.isfinite(np.asarray(result.mean)[others]).all()


ALWAYS = [
    Row(
        "check_finite",
        "NaN",
        lambda: jaxmath.check_finite({"a": jnp.array([1.0, np.nan])}, "fit"),
        ValueError,
        r"fit\['a'\]: 1 of 2 numbers",
    ),
    Row(
        "check_finite", "infinity", lambda: jaxmath.check_finite(jnp.array([np.inf]), "fit"), ValueError, "fit: 1 of 1"
    ),
    Row(
        "check_finite", "traced", lambda: jax.jit(lambda x: jaxmath.check_finite(x, "x"))(1.0), TypeError, "outside jit"
    ),
    Row(
        "check_finite",
        "integers",
        lambda: jaxmath.check_finite({"n": jnp.arange(3)}, "x"),
        check=near({"n": [0, 1, 2]}),
    ),
]

KEY = jax.random.key(0)
IMAGES = np.zeros((2, 6, 5, 3))
MIXTURE = gmm.GMM(jnp.ones(1), jnp.zeros((1, 2)), jnp.ones((1, 2)), "diag")
KEYED = {
    "data.augment.cutout": lambda key: augment.cutout(key, IMAGES, 2),
    "data.augment.mixup": lambda key: augment.mixup(key, IMAGES, np.zeros(2, int), 2),
    "data.augment.random_crop": lambda key: augment.random_crop(key, IMAGES, (2, 2)),
    "data.augment.random_flip": lambda key: augment.random_flip(key, IMAGES),
    "data.augment.random_resized_crop": lambda key: augment.random_resized_crop(key, IMAGES, (2, 2)),
    "data.batches": lambda key: data.batches(key, X, 2),
    "data.demand": lambda key: data.demand(key, 2),
    "data.epoch_order": lambda key: data.epoch_order(key, 4, 2),
    "data.gratings": lambda key: data.gratings(key, 2),
    "data.statsville": lambda key: data.statsville(key, 2),
    "gmm.fit": lambda key: gmm.fit(key, X, 2),
    "gmm.fit_batches": lambda key: gmm.fit_batches(key, lambda: [X], 2),
    "gmm.fit_minibatch": lambda key: gmm.fit_minibatch(key, X, 2),
    "gmm.fit_missing": lambda key: gmm.fit_missing(key, X, 2),
    "gmm.sample": lambda key: gmm.sample(key, MIXTURE, 2),
    "kmeans.fit": lambda key: kmeans.fit(key, X, 2),
    "kmeans.fit_batches": lambda key: kmeans.fit_batches(key, lambda: [X], 2),
    "kmeans.fit_minibatch": lambda key: kmeans.fit_minibatch(key, X, 2),
    "kmeans.plus_plus": lambda key: kmeans.plus_plus(key, X, 2),
    "lsa.fit": lambda key: lsa.fit(X, 2, key=key),
    "neural.init_mlp": lambda key: neural.init_mlp(key, [3, 2]),
    "optimize.sgd": lambda key: optimize.sgd(
        key, lambda w, x: jnp.mean(x - w), 0.0, (X,), optimizer=optimize.adam(0.1), batch_size=2, num_epochs=1
    ),
    "pca.fit": lambda key: pca.fit(X, 2, solver="randomized", key=key),
    "pca.sample": lambda key: pca.sample(key, FITTED, 2),
    "train.create": lambda key: train.create(nnx.Linear(2, 2, rngs=nnx.Rngs(0)), optax.sgd(0.1), key=key),
}
NO_KEY = TypeError, r"expected a random key such as jax.random.key\(0\), got 0$"
KEYS = [
    *[Row(name, "0 for a key", partial(call, 0), *NO_KEY) for name, call in KEYED.items()],
    *table(
        "kmeans.plus_plus",
        (
            "a key of the old kind",
            lambda: kmeans.plus_plus(jax.random.PRNGKey(3), X, 2),
            near(kmeans.plus_plus(jax.random.key(3), X, 2)),
        ),
        (
            "two keys",
            lambda: kmeans.plus_plus(jax.random.split(KEY), X, 2),
            (ValueError, r"one random key, got an array of shape \(2,\); more go through"),
        ),
        (
            "numbers",
            lambda: kmeans.plus_plus(np.arange(3, dtype=np.uint32), X, 2),
            (TypeError, r"a random key such as .* got uint32 of shape \(3,\)"),
        ),
    ),
]

MASKED = np.ma.array([1.0, 0.0, 1.0, 1.0, 0.0], mask=[0, 0, 1, 0, 0])
UNMASKED = {
    "gmm.fit": ("weights", lambda a: gmm.fit(KEY, X, 2, weights=a)),
    "gmm.marginal": ("indices", lambda a: gmm.marginal(MIXTURE, a.astype(int))),
    "kmeans.fit_batches": ("weights", lambda a: kmeans.fit_batches(KEY, lambda: [X], 2, weights=lambda: [a])),
    "losses.binary_cross_entropy": ("targets", lambda a: losses.binary_cross_entropy(np.full(5, 0.5), a)),
    "losses.cross_entropy": ("targets", lambda a: losses.cross_entropy(np.ones((5, 2)), a.astype(int))),
    "losses.focal": ("labels", lambda a: losses.focal(np.full(5, 0.5), a, 2.0)),
    "losses.hinge": ("labels", lambda a: losses.hinge(X[:, 0], a)),
    "losses.sigmoid_cross_entropy": ("labels", lambda a: losses.sigmoid_cross_entropy(X[:, 0], a)),
    "losses.validate_labels": ("labels", lambda a: losses.validate_labels(a.astype(int), 2)),
    "moments.of": ("weights", lambda a: moments.of(X, weights=a)),
    "moments.of_batches": ("weights", lambda a: moments.of_batches([X], weights=[a])),
    "neural.train_perceptron": ("labels", lambda a: neural.train_perceptron(X, a)),
    "reduce.over": ("weights", lambda a: reduce.over(total, X, weights=a)),
    "reduce.over_batches": ("weights", lambda a: reduce.over_batches(total, [X], weights=[a])),
    "regression.logistic": ("labels", lambda a: regression.logistic(X, a)),
    "train.accuracy": ("labels", lambda a: train.accuracy(X, a.astype(int))),
}
SECONDS = np.array([[1_700_000_000], [1_700_000_010], [1_700_000_020]])
EXACT = {
    "conv.filter_image": lambda x: conv.filter_image(x, np.ones((1, 1))),
    "gmm.fit_batches": lambda x: gmm.fit_batches(KEY, lambda: [x], 1),
    "kmeans.fit": lambda x: kmeans.fit(KEY, x, 1),
    "kmeans.fit_batches": lambda x: kmeans.fit_batches(KEY, lambda: [x], 1),
    "linalg.lstsq": lambda x: linalg.lstsq(np.ones((3, 1)), x),
    "losses.squared_error": lambda x: losses.squared_error(np.zeros((3, 1)), x),
    "moments.of": moments.of,
    "moments.of_batches": lambda x: moments.of_batches([x]),
    "pca.fit_batches": lambda x: pca.fit_batches([x]),
    "pca.fit_missing": lambda x: pca.fit_missing(np.ma.array(np.c_[x, x], mask=[[0, 0], [0, 0], [0, 1]]), 1),
    "regression.linear": lambda x: regression.linear(np.ones((3, 1)), x[:, 0]),
}
ROUNDED = ValueError, "float32 cannot hold the integer 1700000010; subtract an offset .* or enable x64 in JAX$"
DENSE = TypeError, r"expected a dense array, got a sparse csr_matrix; pass x.toarray\(\)$"
SPARSE = scipy.sparse.csr_matrix(X)
WIDE = TypeError, r"expected float64 or a narrower type, got \w+; pass x.astype\(float\)$"
DATA = [
    *[
        Row(
            name, "masked " + kind, partial(call, MASKED), ValueError, f"expected {kind} without masked entries, got 1;"
        )
        for name, (kind, call) in UNMASKED.items()
    ],
    *[
        Row(name, "integers that float32 rounds", partial(_in_float32, call, SECONDS), *ROUNDED)
        for name, call in EXACT.items()
    ],
    Row(
        "moments.of",
        "such integers on the device",
        lambda: _in_float32(lambda x: moments.of(jnp.asarray(x)), SECONDS),
        *ROUNDED,
    ),
    Row(
        "moments.of",
        "nothing masked",
        partial(moments.of, np.ma.array(INTEGERS)),
        check=near(lambda: moments.of(np.array(INTEGERS))),
    ),
    Row("moments.of", "SciPy's sparse matrix", partial(moments.of, SPARSE), *DENSE),
    Row("moments.of_batches", "SciPy's sparse matrix", partial(moments.of_batches, [SPARSE]), *DENSE),
    Row(
        "kmeans.fit",
        "JAX's sparse matrix",
        partial(kmeans.fit, KEY, BCOO.fromdense(X), 1),
        TypeError,
        r"sparse BCOO; pass x.todense\(\)$",
    ),
    Row(
        "lsa.fit",
        "SciPy's sparse matrix",
        partial(lsa.fit, SPARSE, 1),
        TypeError,
        r"got csr_matrix; pass BCOO.from_scipy_sparse\(counts\)$",
    ),
    Row(
        "linalg.rank",
        "one row",
        partial(linalg.rank, X[0]),
        ValueError,
        r"got \(3,\); one row is x.reshape\(1, -1\) or x\[None\], one col",
    ),
    Row(
        "moments.of_batches",
        "one row",
        partial(moments.of_batches, [X[0]]),
        ValueError,
        r"got \(3,\); one row is x.reshape\(1, -1\)",
    ),
    *(
        [Row("moments.of", "long doubles", partial(moments.of, X.astype(np.longdouble)), *WIDE)]
        if np.longdouble(0).itemsize > 8
        else []
    ),
]

ROWS = [*REDUCE, *MOMENTS, *ALWAYS, *KEYS, *DATA]
