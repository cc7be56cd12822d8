"""Section 4.5: latent semantic analysis."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

from jaxmath import lsa
from jaxmath.crosscheck.references import lsa as reference
from jaxmath.crosscheck.registry import case

_TOY = np.array([[0, 0, 0, 2], [1, 1, 1, 0], [2, 2, 0, 0], [3, 3, 0, 0], [5, 5, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]])
_CELLS = np.array([(i, j) for i in range(6) for j in range(4) if (i + 2 * j) % 3])


def _counts(rng):
    """Positive numbers with a clear gap after every singular value; some are 0."""
    table = rng.uniform(0.5, 1.5, size=(6, 4)) * np.array([8.0, 4.0, 2.0, 1.0])
    return (table * (np.arange(24).reshape(6, 4) % 5 != 3),)


def _sparse(values):
    return BCOO((values, jnp.asarray(_CELLS)), shape=(6, 4))


def _dense(values):
    table = np.zeros((6, 4))
    table[tuple(_CELLS.T)] = values
    return table


for weighting in (None, "tfidf", "log_entropy"):
    case(
        f"4.5 topics, {weighting or 'counts'}",
        lambda x, weighting=weighting: lsa.fit(x, 2, weighting=weighting),
        lambda x, weighting=weighting: reference.topics(x, 2, weighting),
        inputs=_counts,
        covers=("lsa.fit",),
        not_differentiable="a cell of 0 is an edge: documents are counted" if weighting else "",
    )
    case(
        f"4.5 topics of a sparse table, {weighting or 'counts'}",
        lambda v, weighting=weighting: (lambda f: (f, lsa.transform(f, _sparse(v))))(
            lsa.fit(_sparse(v), 2, weighting=weighting)
        ),
        lambda v, weighting=weighting: (
            *reference.topics(_dense(v), 2, weighting),
            reference.coordinates(_dense(v), _dense(v), 2, weighting),
        ),
        inputs=lambda rng: (rng.uniform(0.5, 1.5, size=len(_CELLS)) * np.array([8.0, 4.0, 2.0, 1.0])[_CELLS[:, 1]],),
        covers=("lsa.fit", "lsa.transform"),
        not_differentiable="an iteration to convergence has no reverse-mode rule",
    )
case(
    "4.5 randomized topics",
    lambda x: lsa.fit(x, 2, solver="randomized", key=jax.random.key(0)),
    lambda x: reference.topics(x, 2),
    inputs=_counts,
    covers=("lsa.fit",),
)
case(
    "4.5.3 the toy collection",
    lambda x: (lambda f: (f.singular_values, f.components[0]))(lsa.fit(x, 4)),
    lambda x: (np.array([8.89, 2.00, 1.00, 0.99]), np.array([0.707, 0.707, 0.018, 0.0])),
    inputs=lambda rng: (_TOY,),
    covers=("lsa.fit",),
    float64=6e-4,
    float32=6e-4,
    reason="the book prints two or three digits",
    not_differentiable="the reference is printed numbers",
)
case(
    "4.5 documents, their likeness and queries",
    lambda x, y: (lambda f: (lsa.transform(f, y), lsa.document_similarity(f, y, x), lsa.query(f, y, x)))(lsa.fit(x, 2)),
    lambda x, y: (reference.coordinates(x, y, 2), reference.cosines(x, y, x, 2), reference.ranking(x, y, 2)),
    inputs=lambda rng: (*_counts(rng), rng.uniform(0.5, 2.0, size=(2, 4))),
    covers=("lsa.transform", "lsa.document_similarity", "lsa.query"),
)
case(
    "4.5 strongest terms",
    lambda x: lsa.topic_terms(lsa.fit(x, 2), 3),
    lambda x: reference.strongest(x, 2, 3),
    inputs=_counts,
    covers=("lsa.topic_terms",),
)
