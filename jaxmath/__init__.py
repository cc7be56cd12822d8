"""The mathematics and the architectures of deep learning as pure JAX functions.

A topic is a module, and the module is the namespace::

    from jaxmath import pca

    fitted = pca.fit(x, 2)
    z = pca.transform(fitted, x)

Submodules load when they are first used, so ``import jaxmath`` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_MATHEMATICS = (
    "calculus",
    "linalg",
    "reduce",
    "moments",
    "pca",
    "lsa",
    "kmeans",
    "gmm",
    "losses",
    "neural",
    "optimize",
    "regression",
    "conv",
    "distributions",
    "information",
    "estimation",
    "bayes",
    "detection",
)
_SUBMODULES = (*_MATHEMATICS, "data", "models", "train", "crosscheck", "plot", "tour", "cli")
_FUNCTIONS = {"save": "_storage", "load": "_storage", "check_finite": "_array"}

__all__ = [
    "bayes",
    "calculus",
    "check_finite",
    "conv",
    "crosscheck",
    "data",
    "detection",
    "distributions",
    "estimation",
    "gmm",
    "information",
    "kmeans",
    "linalg",
    "load",
    "losses",
    "lsa",
    "models",
    "moments",
    "neural",
    "optimize",
    "pca",
    "plot",
    "reduce",
    "regression",
    "save",
    "train",
]

if TYPE_CHECKING:
    from jaxmath import (
        bayes,
        calculus,
        conv,
        crosscheck,
        data,
        detection,
        distributions,
        estimation,
        gmm,
        information,
        kmeans,
        linalg,
        losses,
        lsa,
        models,
        moments,
        neural,
        optimize,
        pca,
        plot,
        reduce,
        regression,
        train,
    )
    from jaxmath._array import check_finite
    from jaxmath._storage import load, save


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"jaxmath.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"jaxmath.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'jaxmath' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_FUNCTIONS})
