"""Section 6.8.2: clusters."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import kmeans
from jaxmath.crosscheck.references import kmeans as reference
from jaxmath.crosscheck.registry import case

_JUMPS = "rows jump from cluster to cluster"
_KEY = jax.random.key


def _clusters(rng):
    """Rows about three places, and a start that two of them must share at first."""
    places = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 8.0]])
    x = places[np.arange(15) % 3] + rng.normal(size=(15, 2)) + 20.0
    return x, x[[0, 3, 1]] + 0.1


case(
    "6.8.2 k-means from given centers",
    lambda x, c, w: kmeans.fit(_KEY(0), x, 3, init=c, weights=w, max_steps=8, chunk_size=4),
    lambda x, c, w: reference.lloyd(x, c, 8, weights=w),
    inputs=lambda rng: (*_clusters(rng), np.arange(15) % 3 + 1.0),
    covers=("kmeans.fit",),
    not_differentiable=_JUMPS,
)
case(
    "6.8.2 k-means, a center without rows",
    lambda x, c: kmeans.fit(_KEY(0), x, 3, init=c.at[1].add(100.0), n_init=2, max_steps=8),
    lambda x, c: reference.lloyd(x, c + np.array([[0.0], [100.0], [0.0]]), 8),
    inputs=_clusters,
    covers=("kmeans.fit",),
    not_differentiable=_JUMPS,
)
case(
    "6.8.2 k-means++ takes distinct rows",
    lambda x: jnp.sort(kmeans.plus_plus(_KEY(1), x, 6), axis=0),
    lambda x: np.sort(x, axis=0),
    inputs=lambda rng: (rng.normal(size=(6, 2)),),
    covers=("kmeans.plus_plus",),
    not_differentiable=_JUMPS,
)
case(
    "6.8.2 k-means by small batches",
    lambda x: (lambda f: (f.centers, f.inertia))(kmeans.fit_minibatch(_KEY(2), x, 1, batch_size=512)),
    lambda x: (x.mean(axis=0)[None], ((x - x.mean(axis=0)) ** 2).sum()),
    inputs=lambda rng: (rng.normal(size=(40, 2)) + 3.0,),
    covers=("kmeans.fit_minibatch",),
    float32=0.01,
    float64=0.01,
    reason="the mean of 51,200 draws, six standard errors",
    not_differentiable=_JUMPS,
)
case(
    "6.8.2 nearest centers",
    kmeans.predict,
    reference.labels,
    inputs=lambda rng: (rng.normal(size=(3, 2)), rng.normal(size=(9, 2))),
    covers=("kmeans.predict",),
    not_differentiable=_JUMPS,
)
