"""Runs a case on the device at hand."""

import contextlib
import dataclasses
import re
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.crosscheck.compare import compare
from jaxmath.crosscheck.registry import Case

DTYPES = ("float32", "float64")
_NO_FLOAT64 = ("tpu", "metal")


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a case in one dtype.

    Attributes:
      error: the worst relative error over the leaves, infinite if the form of the result is wrong, NaN if none came.
      ratio: error / tolerance; above 1 the case fails.
      seconds: the time of one compiled call, NaN if none was made.
      lines: the length of the compiled program, 0 if there is none; compiling takes about a millisecond a line.
      status: "ok", "failed" or "not supported".
      message: why it failed or is not supported.
    """

    title: str
    section: str
    covers: tuple[str, ...]
    dtype: str
    error: float
    tolerance: float
    ratio: float
    seconds: float
    lines: int
    status: str
    message: str


def check(case: Case, dtype: str, seed: int = 0) -> Result:
    """Runs a case under ``jit`` on the default device and compares it with its reference.

    Args:
      case: what to run.
      dtype: "float32", or "float64", which is enabled for the time of the run.
      seed: of the generator that draws the inputs.

    Returns:
      The result. An exception in the function, the reference or the inputs is a failure with its text as the message.
    """
    if dtype == "float64" and jax.default_backend().lower() in _NO_FLOAT64:
        return _result(case, dtype, status="not supported", message=f"no float64 on {jax.default_backend()}")
    try:
        with precision(dtype):
            error, seconds, lines, message = _run(case, dtype, seed)
    except Exception as failure:
        if _platform() not in case.platforms:
            return _result(case, dtype, status="not supported", message=case.platforms_reason)
        return _result(case, dtype, status="failed", message=f"{type(failure).__name__}: {failure}")
    ok = error <= case.tolerance(dtype)
    message = message or ("" if ok else f"error {error:.2e} is above the tolerance {case.tolerance(dtype):.0e}")
    status = "ok" if ok else "failed"
    return _result(case, dtype, error=error, seconds=seconds, lines=lines, status=status, message=message)


def program_lines(function: Any, *arrays: jax.Array) -> int:
    """The length of the optimised program of a jitted function for such arrays.

    The tables of source locations are left out: they tell from where it was called.
    """
    text = function.lower(*arrays).compile().as_text() or ""
    return re.sub(r"\nFileNames\n.*?\nStackFrames\n.*?\n\n", "\n", text, flags=re.DOTALL).count("\n")


def precision(dtype: str) -> contextlib.AbstractContextManager[Any]:
    """The context in which a dtype is run: float64 enabled for float64, float32 as the session is set."""
    return jax.enable_x64(True) if dtype == "float64" else contextlib.nullcontext()


def draw(case: Case, dtype: str, seed: int = 0) -> tuple[tuple[jax.Array, ...], tuple[np.ndarray, ...]]:
    """The inputs of a case twice: for the function in ``dtype``, and the same rounded numbers for the reference."""
    drawn = [np.asarray(a) for a in case.inputs(np.random.default_rng(seed))]
    rounded = [a.astype(dtype) if np.issubdtype(a.dtype, np.floating) else a for a in drawn]
    for_reference = [a.astype(np.float64) if np.issubdtype(a.dtype, np.floating) else a.copy() for a in rounded]
    return tuple(jnp.asarray(a) for a in rounded), tuple(for_reference)


def _run(case: Case, dtype: str, seed: int) -> tuple[float, float, int, str]:
    arrays, for_reference = draw(case, dtype, seed)
    function = jax.jit(case.function)
    jax.block_until_ready(function(*arrays))
    start = time.perf_counter()
    result = jax.block_until_ready(function(*arrays))
    seconds = time.perf_counter() - start
    error, message = compare(result, case.reference(*for_reference))
    return error, seconds, program_lines(function, *arrays), message


def _platform() -> str:
    backend = jax.default_backend()
    return "cuda" if backend == "gpu" else backend


def _result(
    case: Case,
    dtype: str,
    *,
    status: str,
    message: str,
    error: float = float("nan"),
    seconds: float = float("nan"),
    lines: int = 0,
) -> Result:
    tolerance = case.tolerance(dtype)
    ratio = error / tolerance if tolerance else (0.0 if error == 0 else float("inf"))
    return Result(
        case.title, case.section, case.covers, dtype, error, tolerance, ratio, seconds, lines, status, message
    )
