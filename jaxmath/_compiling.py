"""What a CPU compiles sooner."""

from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import jax

# Loops are written by LLVM alone instead of through MLIR: half of the time to compile, programs as fast. A version of
# XLA that does not know an option stops the process, so it is for those that do.
_EMITTERS, _VERSIONS = "xla_cpu_use_fusion_emitters", ("0.10.", "0.11.")
# Not optimised: half of the time again, loops half as fast; products of matrices and convolutions are not touched.
_LEVEL = "xla_backend_optimization_level"


def quick_to_compile() -> dict[str, Any] | None:
    """Options of ``jax.jit`` for a program that runs once: a CPU compiles it in a quarter of the time."""
    if jax.default_backend() != "cpu":
        return None
    return {_LEVEL: 0} | ({_EMITTERS: False} if _knows_emitters() else {})


def environment_quick_to_compile(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which every program is compiled so, where a CPU is the only device; what it sets is kept."""
    flags, quick = environment.get("XLA_FLAGS", ""), f"--{_EMITTERS}=false --{_LEVEL}=0"
    if quick in flags or find_spec("jax_plugins") or find_spec("libtpu") or not _knows_emitters():
        return dict(environment)
    return {**environment, "XLA_FLAGS": f"{quick} {flags}".strip()}


def _knows_emitters() -> bool:
    return metadata.version("jaxlib").startswith(_VERSIONS)
