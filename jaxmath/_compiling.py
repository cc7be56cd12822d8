"""What a CPU compiles sooner."""

import os
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import jax

# Not optimised: two thirds of the time, loops half as fast; products of matrices and convolutions are not touched.
_LEVEL = "xla_backend_optimization_level"
# Loops are written by LLVM alone instead of through MLIR: half of the time, and programs as fast. Newer versions know
# no such option, and XLA stops a process that sets what it does not know.
_EMITTERS, _WITH_EMITTERS = "xla_cpu_use_fusion_emitters", "0.10."


def quick_to_compile() -> dict[str, Any] | None:
    """Options of ``jax.jit`` for a program that runs once; None where the device is no CPU."""
    return _options() if jax.default_backend() == "cpu" else None


def optimised() -> dict[str, Any] | None:
    """Options of ``jax.jit`` under which a program is as users have it, also in such an environment."""
    defaults = {_LEVEL: 3, _EMITTERS: True}
    return {name: value for name, value in defaults.items() if name in os.environ.get("XLA_FLAGS", "")} or None


def environment_quick_to_compile(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which every program is compiled so, where a CPU is the only device; what it sets is kept."""
    flags = environment.get("XLA_FLAGS", "")
    quick = " ".join(f"--{name}={str(value).lower()}" for name, value in _options().items())
    if quick in flags or find_spec("jax_plugins") or find_spec("libtpu"):
        return dict(environment)
    return {**environment, "XLA_FLAGS": f"{quick} {flags}".strip()}


def _options() -> dict[str, Any]:
    emitters = {_EMITTERS: False} if metadata.version("jaxlib").startswith(_WITH_EMITTERS) else {}
    return {_LEVEL: 0} | emitters
