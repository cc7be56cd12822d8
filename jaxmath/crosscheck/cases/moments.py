"""Section 4.3.1: mean and covariance."""

from functools import partial

import numpy as np

from jaxmath import moments
from jaxmath.crosscheck.draws import weighted, with_gaps
from jaxmath.crosscheck.references import moments as reference
from jaxmath.crosscheck.registry import case


def _with_zeros(rng):
    x, _ = weighted(rng)
    return x, np.array([1.0, 0.0, 2.0, 1.0, 3.0, 0.0, 1.0])


case("4.3.1 moments", lambda x, w: moments.of(x, weights=w), reference.moments, inputs=weighted, covers=("moments.of",))
case(
    "4.3.1 moments in chunks, with weights of 0",
    lambda x, w: moments.of(x, weights=w, chunk_size=2),
    reference.moments,
    inputs=_with_zeros,
    covers=("moments.of", "moments.merge"),
    not_differentiable="the weight 0 is an edge: below it everything is NaN",
)
case(
    "4.3.1 moments far from 0",
    lambda x: moments.of(x, chunk_size=16),
    lambda x: reference.moments(x, np.ones(len(x))),
    inputs=lambda rng: (rng.normal(size=(50, 2)) + 1e4,),
    covers=("moments.of",),
)
case(
    "4.3.1 merged moments",
    lambda x, y: moments.merge(moments.of(x), moments.of(y)),
    lambda x, y: reference.moments(np.concatenate([x, y]), np.ones(len(x) + len(y))),
    inputs=lambda rng: (rng.normal(size=(4, 3)), rng.normal(size=(7, 3)) + 2.0),
    covers=("moments.merge", "reduce.merge"),
)
case(
    "4.3.1 covariance",
    lambda x: moments.covariance(moments.of(x)),
    partial(reference.covariance, ddof=1),
    inputs=with_gaps(6, 3),
    covers=("moments.covariance",),
)
case(
    "4.3.1 covariance of maximum likelihood",
    lambda x: moments.covariance(moments.of(x), ddof=0),
    partial(reference.covariance, ddof=0),
    inputs=with_gaps(6, 3),
    covers=("moments.covariance",),
)
case(
    "4.3.1 moments of batches",
    lambda x, w: moments.of_batches([x[:4], x[4:]], weights=[w[:4], w[4:]]),
    reference.moments,
    inputs=weighted,
    covers=("moments.of_batches",),
)
