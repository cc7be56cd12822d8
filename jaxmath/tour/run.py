"""Runs notebooks, each in a fresh kernel of this very interpreter, several side by side where the device allows it."""

import ast
import asyncio
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output

from jaxmath.tour import kernels
from jaxmath.tour.kernels import Session

CELL_SECONDS = 120
_DEVICE = "__import__('jax').devices()[0].platform, __import__('jax').devices()[0].device_kind"


@dataclass(frozen=True)
class Run:
    """A notebook that has run: its outputs are in `notebook`; `error` is None if every cell went through."""

    notebook: NotebookNode
    seconds: float
    device: str
    error: str | None


def workers() -> int:
    """How many kernels may run side by side: one where there may be a TPU (a process owns it), else two.

    JAX is not initialised for the answer: it would take the accelerator away from the kernels.
    """
    chosen = os.environ.get("JAX_PLATFORMS", "")
    return 1 if find_spec("libtpu") is not None and (not chosen or "tpu" in chosen) else 2


async def run(notebook: NotebookNode, session: Session, *, on_cell: Callable[[int, int], None] | None = None) -> Run:
    """Runs a notebook in a fresh kernel up to its end or to its first failing cell, whose error stays in its outputs.

    Args:
      notebook: it receives the outputs; those it had are removed.
      session: what the kernels of one tour share, of `kernels.session`.
      on_cell: called with the number of cells done and of all cells.

    Raises:
      asyncio.CancelledError: if the task is cancelled; the kernel is shut down then, as always.
    """
    start, error, device = time.perf_counter(), None, ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    try:
        with tempfile.TemporaryDirectory(dir=session.folder, ignore_cleanup_errors=True) as folder:
            async with _kernel(notebook, Path(folder), session) as client:
                error = await _run_cells(client, notebook, on_cell)
                device = await _device(client)
    except (RuntimeError, OSError) as failure:  # no kernel, or none any more
        error = error or f"the kernel did not run: {failure}"
    _stop_if_cancelled()
    return Run(notebook, time.perf_counter() - start, device, error)


@asynccontextmanager
async def _kernel(notebook: NotebookNode, folder: Path, session: Session) -> AsyncIterator[NotebookClient]:
    manager = kernels.manager(folder, session)
    client = NotebookClient(notebook, km=manager, timeout=CELL_SECONDS, interrupt_on_timeout=True)
    client.log.setLevel(logging.CRITICAL)
    client.record_timing = False
    client.coalesce_streams = True
    try:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # notebooks' own output comes as messages
        await client.async_start_new_kernel(
            env={**session.variables, "IPYTHONDIR": str(folder)}, cwd=str(folder), **quiet
        )
        await client.async_start_new_kernel_client()
        yield client
    finally:
        if client.km is not None:
            client.shutdown_kernel = "immediate"
            await client._async_cleanup_kernel()


async def _run_cells(
    client: NotebookClient, notebook: NotebookNode, on_cell: Callable[[int, int], None] | None
) -> str | None:
    client.reset_execution_trackers()
    for index, cell in enumerate(notebook.cells):
        try:
            await client.async_execute_cell(cell, index)
        except CellExecutionError as failure:
            return _one_line(f"{failure.ename}: {failure.evalue}")
        except (CellTimeoutError, DeadKernelError, CellControlSignal) as failure:
            _stop_if_cancelled()
            name = type(failure).__name__
            slow = isinstance(failure, CellTimeoutError)
            text = f"the cell took longer than {CELL_SECONDS} s" if slow else "the kernel died in this cell"
            cell.outputs.append(new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"]))
            return f"{name}: {text}"
        if on_cell is not None:
            on_cell(index + 1, len(notebook.cells))
    return None


async def _device(client: NotebookClient) -> str:
    """Platform and kind of the kernel's first device, such as `gpu, NVIDIA H200`; empty if the kernel cannot tell."""
    manager: Any = client.km
    kernel: Any = client.kc
    if manager is None or kernel is None or not await manager.is_alive():
        return ""
    try:
        reply = await kernel.execute("", silent=True, user_expressions={"d": _DEVICE}, reply=True, timeout=20)
        platform, kind = ast.literal_eval(reply["content"]["user_expressions"]["d"]["data"]["text/plain"])
    except (KeyError, ValueError, SyntaxError, TimeoutError, RuntimeError):
        return ""
    return platform if platform == kind else f"{platform}, {kind}"


def _stop_if_cancelled() -> None:
    # nbclient takes a cancelled task for a dead kernel; the cancellation must not be lost.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _one_line(text: str) -> str:
    lines = text.strip().splitlines() or [""]
    return lines[0] if len(lines[0]) <= 300 else f"{lines[0][:300]}..."
