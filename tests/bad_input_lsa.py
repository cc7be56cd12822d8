"""Bad input to latent semantic analysis."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO
from rows import INTEGERS, Row, X, all_nan, data_rows, dtype_is, near, only_row_is_nan, with_cell

from jaxmath import lsa

COUNTS = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 1.0], [2.0, 2.0, 0.0], [0.0, 0.0, 4.0]])
_, _SINGULAR_VALUES, _DIRECTIONS = np.linalg.svd(COUNTS)
FITTED = lsa.LSA(jnp.asarray(_DIRECTIONS[:2]), jnp.asarray(_SINGULAR_VALUES[:2]), jnp.ones(3), None)


def sparse(table: np.ndarray) -> BCOO:
    cells = np.argwhere(table)
    return BCOO((jnp.asarray(table[tuple(cells.T)]), jnp.asarray(cells)), shape=table.shape)


SPARSE, BROKEN = sparse(COUNTS), sparse(np.where(np.arange(12).reshape(4, 3) == 0, np.nan, COUNTS))

ROWS = [
    *data_rows("lsa.fit", partial(lsa.fit, num_topics=1)),
    Row("lsa.fit", "k = 0", partial(lsa.fit, COUNTS, 0), ValueError, r"1..min\(documents, terms\) = 3, got 0"),
    Row("lsa.fit", "k too large", partial(lsa.fit, COUNTS, 4), ValueError, "= 3, got 4"),
    Row("lsa.fit", "k a fraction", partial(lsa.fit, COUNTS, 0.5), TypeError, "must be an integer"),
    Row("lsa.fit", "k traced", lambda: jax.jit(lsa.fit)(COUNTS, 2), TypeError, "num_topics must be static"),
    Row("lsa.fit", "unknown weighting", partial(lsa.fit, COUNTS, 1, weighting="idf"), ValueError, "weighting must be"),
    Row("lsa.fit", "unknown solver", partial(lsa.fit, COUNTS, 1, solver="eigh"), ValueError, "solver must be one of"),
    Row("lsa.fit", "no key", partial(lsa.fit, COUNTS, 1, solver="randomized"), ValueError, "needs a key"),
    Row("lsa.fit", "svd of a sparse table", partial(lsa.fit, SPARSE, 1, solver="svd"), ValueError, "a dense table"),
    Row("lsa.fit", "a sparse vector", partial(lsa.fit, sparse(COUNTS[0]), 1), ValueError, "two sparse axes"),
    Row(
        "lsa.fit",
        "a dense axis",
        lambda: lsa.fit(BCOO((COUNTS, np.arange(4)[:, None]), shape=COUNTS.shape), 1),
        ValueError,
        "two sparse axes",
    ),
    Row("lsa.fit", "a complex sparse table", partial(lsa.fit, sparse(COUNTS * 1j), 1), TypeError, "real"),
    Row("lsa.fit", "NaN", partial(lsa.fit, with_cell(np.nan), 2), check=all_nan("components", "singular_values")),
    Row("lsa.fit", "infinity", partial(lsa.fit, with_cell(np.inf), 2), check=all_nan("components", "singular_values")),
    Row("lsa.fit", "sparse NaN", partial(lsa.fit, BROKEN, 2), check=all_nan("components", "singular_values")),
    Row(
        "lsa.fit", "integers", partial(lsa.fit, INTEGERS, 2), check=near(lambda: lsa.fit(np.array(INTEGERS, float), 2))
    ),
    Row(
        "lsa.fit",
        "sparse integers",
        partial(lsa.fit, sparse(np.array(INTEGERS)), 1),
        check=near(lambda: lsa.fit(np.array(INTEGERS, float), 1), 1e-4),
    ),
    Row("lsa.fit", "float16", partial(lsa.fit, COUNTS.astype(np.float16), 2), check=dtype_is(jnp.float16)),
    Row(
        "lsa.fit",
        "one document",
        lambda: [lsa.fit(COUNTS[:1], 1, weighting=w).singular_values for w in (None, "tfidf")],
        check=near(([5**0.5], [1.0])),
    ),
    Row(
        "lsa.fit",
        "an empty document and a term that never occurs",
        lambda: [jnp.isfinite(lsa.fit(COUNTS * [1, 1, 0], 2, weighting=w).components).all() for w in (None, "tfidf")],
        check=near((1.0, 1.0)),
    ),
    Row("lsa.fit", "nothing counted", lambda: lsa.fit(np.zeros((3, 2)), 1).singular_values, check=near(np.zeros(1))),
    *data_rows("lsa.transform", partial(lsa.transform, FITTED)),
    Row("lsa.transform", "other terms", partial(lsa.transform, FITTED, COUNTS[:, :2]), ValueError, "expected 3 terms"),
    Row(
        "lsa.transform",
        "NaN row",
        partial(lsa.transform, FITTED, with_cell(np.nan)),
        check=lambda z: only_row_is_nan(z, 2),
    ),
    Row("lsa.topic_terms", "no terms", partial(lsa.topic_terms, FITTED, 0), ValueError, "1..terms = 3, got 0"),
    Row("lsa.topic_terms", "too many", partial(lsa.topic_terms, FITTED, 4), ValueError, "1..terms = 3, got 4"),
    *data_rows("lsa.document_similarity", lambda x: lsa.document_similarity(FITTED, X, x)),
    Row(
        "lsa.document_similarity",
        "other terms",
        partial(lsa.document_similarity, FITTED, COUNTS[:, :2], COUNTS),
        ValueError,
        "expected 3 terms",
    ),
    Row(
        "lsa.document_similarity",
        "an empty document",
        lambda: lsa.document_similarity(FITTED, np.zeros((1, 3)), COUNTS),
        check=near(np.zeros((1, 4))),
    ),
    *data_rows("lsa.query", lambda x: lsa.query(FITTED, x, COUNTS)),
    Row("lsa.query", "other terms", partial(lsa.query, FITTED, COUNTS, X[:, :2]), ValueError, "expected 3 terms"),
]
