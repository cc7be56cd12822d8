"""What a CPU compiles sooner."""

import os
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import jax

# Loops are written by LLVM alone instead of through MLIR: half of the time, and programs as fast. Newer versions know
# no such option, and XLA stops a process that sets what it does not know.
_EMITTERS, _WITH_EMITTERS = "xla_cpu_use_fusion_emitters", "0.10."
# Not optimised: two thirds of the time, with the other option a third of what is left, and loops half as fast;
# products of matrices and convolutions are not touched.
_LEVEL, _OPTIMISED = "xla_backend_optimization_level", 3


def quick_to_compile() -> dict[str, Any] | None:
    """Options of ``jax.jit`` for a program that runs once; None where the device is no CPU."""
    if jax.default_backend() != "cpu":
        return None
    return {_LEVEL: 0} | ({_EMITTERS: False} if _has_emitters() else {})


def optimised() -> dict[str, Any] | None:
    """Options of ``jax.jit`` under which a program is as users have it, also in such an environment."""
    flags = os.environ.get("XLA_FLAGS", "")
    options = {_EMITTERS: True, _LEVEL: _OPTIMISED}
    return {name: value for name, value in options.items() if name in flags} or None


def for_many_runs() -> dict[str, Any]:
    """Options of ``jax.jit`` for a program that runs many times, also in such an environment.

    Optimised a little it compiles as fast there as not at all, if it is large, and its loops are twenty times faster.
    """
    if f"{_LEVEL}=0" not in os.environ.get("XLA_FLAGS", ""):
        return {}
    return {_LEVEL: 1} | ({_EMITTERS: True} if _has_emitters() else {})


def environment_quick_to_compile(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which programs compile in a quarter of the time and run more slowly; what it sets is kept.

    The same environment where there are other devices than a CPU.
    """
    flags, quick = environment.get("XLA_FLAGS", ""), " ".join(_flags())
    if quick in flags or find_spec("jax_plugins") or find_spec("libtpu"):
        return dict(environment)
    return {**environment, "XLA_FLAGS": f"{quick} {flags}".strip()}


def _flags() -> list[str]:
    return [f"--{_LEVEL}=0"] + ([f"--{_EMITTERS}=false"] if _has_emitters() else [])


def _has_emitters() -> bool:
    return metadata.version("jaxlib").startswith(_WITH_EMITTERS)
