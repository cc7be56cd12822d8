"""What importing costs, what it loads, and that the examples in docstrings are true."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmath

HEAVY = (
    *("flax", "optax", "orbax", "PIL", "matplotlib", "tensorflow_datasets", "rich", "sklearn", "scipy", "typer"),
    "safetensors",
)


def test_import_loads_nothing_heavy():
    """Neither the package nor its mathematics loads what only models, figures and the command need."""
    modules = ", ".join(m for m in jaxmath._MATHEMATICS if m != "lsa")  # JAX's sparse arrays load SciPy
    code = f"import jax; before = set(__import__('sys').modules); import jaxmath; from jaxmath import {modules}\n"
    code += f"import sys; print([m for m in {HEAVY} if m in sys.modules and m not in before])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_submodules_without_a_separate_import():
    code = "import jaxmath; print(jaxmath.pca.fit.__name__, jaxmath.save.__name__, 'moments' in dir(jaxmath))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["fit", "save", "True"]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = jaxmath.nothing


def modules() -> list[str]:
    """The modules whose docstrings have examples, those inside packages too."""
    found = []
    for name in (*jaxmath._MATHEMATICS, "_array", "_storage", "data", "models", "train"):
        module = importlib.import_module(f"jaxmath.{name}")
        found += [name, *(f"{name}.{part.name}" for part in pkgutil.iter_modules(getattr(module, "__path__", ())))]
    return found


@pytest.mark.parametrize("module", modules())
def test_examples(module):
    names = {"jax": jax, "jnp": jnp, "np": np}
    with jax.enable_x64(False):
        result = doctest.testmod(importlib.import_module(f"jaxmath.{module}"), extraglobs=names, report=False)
    assert result.failed == 0
