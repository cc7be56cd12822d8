"""What XLA compiles sooner on a CPU."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

import jax

# Loops are written by LLVM alone instead of through MLIR: half of the time to compile, programs as fast. A version that
# does not know the option does not start, so it is for those that do.
_EMITTERS = "xla_cpu_use_fusion_emitters"
_VERSIONS = ("0.10.", "0.11.")


def quick_to_compile() -> dict[str, Any] | None:
    """Options of ``jax.jit`` for a program that runs once: a CPU compiles it in a fifth of the time."""
    if jax.default_backend() != "cpu":
        return None
    return {"xla_backend_optimization_level": 0} | ({_EMITTERS: False} if _known() else {})


def sooner(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which programs compile in half of the time and run as fast; what it sets itself is kept."""
    flags = environment.get("XLA_FLAGS", "")
    if _EMITTERS in flags or not _known():
        return dict(environment)
    return {**environment, "XLA_FLAGS": f"{flags} --{_EMITTERS}=false".strip()}


def _known() -> bool:
    return metadata.version("jaxlib").startswith(_VERSIONS)
