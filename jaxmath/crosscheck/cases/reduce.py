"""Section 4.3.1: one pass over data."""

import numpy as np

from jaxmath import reduce
from jaxmath.crosscheck.draws import weighted
from jaxmath.crosscheck.references import reduce as reference
from jaxmath.crosscheck.registry import case


def _sum(rows, weights):
    return weights @ rows


case(
    "4.3.1 sums in chunks",
    lambda x, w: reduce.over(_sum, x, weights=w, chunk_size=3),
    reference.weighted_sum,
    inputs=weighted,
    covers=("reduce.over", "reduce.merge"),
)
case(
    "4.3.1 sums, unweighted",
    lambda x: reduce.over(_sum, x, chunk_size=4),
    lambda x: reference.weighted_sum(x, np.ones(len(x))),
    inputs=lambda rng: (rng.normal(size=(10, 3)),),
    covers=("reduce.over",),
)
case(
    "4.3.1 sums over ragged batches",
    lambda x, w: reduce.over_batches(_sum, [x[:3], x[3:7], x[7:]], weights=[w[:3], w[3:7], w[7:]]),
    reference.weighted_sum,
    inputs=lambda rng: (rng.normal(size=(8, 2)), rng.uniform(0.5, 2.0, size=8)),
    covers=("reduce.over_batches", "reduce.merge"),
)
case(
    "4.3.1 a typical row",
    reduce.typical_row,
    lambda x: x[::3].mean(axis=0),
    inputs=lambda rng: (rng.normal(size=(150, 2)) + 3.0,),
    covers=("reduce.typical_row",),
    not_differentiable="it is a constant by definition: nothing depends on it but rounding",
)
case(
    "4.3.1 a typical row of those that count",
    reduce.typical_row,
    lambda x, w: x[w != 0].mean(axis=0),
    inputs=lambda rng: (rng.normal(size=(9, 2)) + 3.0, np.arange(9) % 3.0),
    covers=("reduce.typical_row",),
    not_differentiable="it is a constant by definition: nothing depends on it but rounding",
)
