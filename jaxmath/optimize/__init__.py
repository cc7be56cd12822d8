"""Descent: from a loss and a start to a minimum, and the way there.

:func:`minimize` takes any pytree of parameters and any optimiser of optax or of this module, and returns the way as
well as the end. :func:`sgd` does so with small batches of data. :func:`optimum`, :func:`newton` and :func:`lbfgs` go
for the minimum alone, whose derivative with respect to whatever the loss depends on is that of the minimum itself.

The six rules of chapter 9 are here as they stand in a textbook.
"""

from jaxmath.optimize.box import projected
from jaxmath.optimize.descent import Descent, minimize
from jaxmath.optimize.minimum import Optimum, lbfgs, newton, optimum
from jaxmath.optimize.rules import adagrad, adam, gradient_descent, momentum, nesterov, rmsprop
from jaxmath.optimize.stochastic import Training, sgd

__all__ = [
    "Descent",
    "Optimum",
    "Training",
    "adagrad",
    "adam",
    "gradient_descent",
    "lbfgs",
    "minimize",
    "momentum",
    "nesterov",
    "newton",
    "optimum",
    "projected",
    "rmsprop",
    "sgd",
]
