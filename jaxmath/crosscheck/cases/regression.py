"""Section 3.4: linear, polynomial and logistic models."""

import jax
import numpy as np

from jaxmath import regression
from jaxmath.crosscheck.references import regression as reference
from jaxmath.crosscheck.registry import case
from jaxmath.data.synthetic import CAT_FEELS, CAT_SEES

case(
    "3.4.1 linear model",
    lambda x, y, weights: regression.linear(x, y, weights=weights),
    reference.least_squares,
    inputs=lambda rng: (3 + rng.normal(size=(9, 2)), rng.normal(size=9), rng.uniform(0.5, 2, size=9)),
    covers=("regression.linear",),
)
case(
    "3.4.2 polynomial",
    lambda x, y: regression.polynomial(x, y, 3),
    lambda x, y: reference.polynomial(x, y, 3),
    inputs=lambda rng: (rng.uniform(-2, 3, size=9), rng.normal(size=9)),
    covers=("regression.polynomial",),
)
case(
    "3.4.3 the cat's brain",
    lambda x, y, new: (
        regression.linear(x, y)[:3], regression.predict(regression.linear(x, y), new),
        regression.predict(regression.polynomial(x[:, 0], y, 2), new),
    ),
    lambda x, y, new: (
        reference.least_squares(x, y, np.ones(15))[:3],
        new @ reference.least_squares(x, y, np.ones(15))[0] + reference.least_squares(x, y, np.ones(15))[1],
        np.polynomial.polynomial.polyval(new, reference.polynomial(x[:, 0], y, 2)[0]),
    ),
    inputs=lambda rng: (np.array(CAT_SEES), np.array(CAT_FEELS), rng.uniform(size=(4, 2))),
    covers=("regression.linear", "regression.polynomial", "regression.predict"),
)  # fmt: skip
case(
    "3.4 logistic regression",
    jax.jit(
        lambda x, labels, l2: (
            regression.logistic(x, labels, l2=l2)[:3], regression.predict(regression.logistic(x, labels, l2=l2), x)
        )
    ),
    lambda x, labels, l2: (
        reference.logistic(x, labels, l2),
        1 / (1 + np.exp(-(x @ reference.logistic(x, labels, l2)[0] + reference.logistic(x, labels, l2)[1]))),
    ),
    inputs=lambda rng: (2 + rng.normal(size=(12, 2)), np.array([0, 1, 1] * 4), np.array(0.05)),
    covers=("regression.logistic", "regression.predict"),
)  # fmt: skip
