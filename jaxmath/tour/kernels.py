"""Kernels: new interpreters, or forks of one process in which the imports are already done."""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from jaxmath._compiling import environment_quick_to_compile

# A process that was forked is fit to run a kernel on Linux only; elsewhere system libraries forbid it.
CAN_FORK = sys.platform == "linux"
_SERVER = "jaxmath.tour.fork_server"


@dataclass(frozen=True)
class Session:
    """What the kernels of one tour share.

    Attributes:
      folder: for the folders of kernels, the programs that JAX compiles and the bytecode of Python.
      variables: the environment of every kernel.
      server: forks kernels; None where processes cannot be forked.
    """

    folder: Path
    variables: dict[str, str]
    server: "ForkServer | None"


@asynccontextmanager
async def session() -> AsyncIterator[Session]:
    """What kernels share; its files and processes are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="jaxmath-tour-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        variables = environment(folder)
        async with ForkServer.start(variables) as server:
            yield Session(folder, variables, server)


def manager(folder: Path, session: Session) -> AsyncKernelManager:
    """The manager of a kernel that is not started yet, of this interpreter, whatever kernels the user has installed.

    Args:
      folder: its connection file and its sockets.
      session: of the tour.
    """
    made = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    made.connection_file = str(folder / "kernel.json")
    if os.name == "posix" and len(str(folder)) < 80:  # no open port; the address of a socket is at most 107 long
        made.transport, made.ip = "ipc", str(folder / "socket")
    if session.server is not None:
        spec: Any = made.kernel_spec
        made.provisioner = _Forked(kernel_id=str(uuid.uuid4()), kernel_spec=spec, parent=made)
        made.provisioner.server = session.server
    return made


def environment(folder: Path) -> dict[str, str]:
    """The environment of kernels, which keep in ``folder`` what they compile.

    A compilation cache that the user has set is used instead. Where Python may not write bytecode beside the sources,
    kernels that are new interpreters share some of their own; forks need none.
    """
    variables = environment_quick_to_compile(os.environ) | {
        "JAXMATH_TOUR": "1",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    variables["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    if "JAX_COMPILATION_CACHE_DIR" not in variables:
        variables["JAX_COMPILATION_CACHE_DIR"] = str(folder / "programs")
        variables["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        variables["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    if not CAN_FORK and variables.pop("PYTHONDONTWRITEBYTECODE", ""):
        variables.setdefault("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))
    return variables


class ForkServer:
    """A process that has done the imports; `fork` makes a kernel of a copy of it."""

    def __init__(self, process: asyncio.subprocess.Process):
        self._process, self._lock = process, asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def start(cls, variables: dict[str, str]) -> AsyncIterator["ForkServer | None"]:
        """The server, with these environment variables; None where processes cannot be forked."""
        if not CAN_FORK:
            yield None
            return
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # as in any kernel, nothing is imported from the folder where the tour was started
            "-m",
            _SERVER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=variables,
            start_new_session=True,  # an interrupt of the terminal is ours to handle
        )
        try:
            yield cls(process)
        finally:
            cast("asyncio.StreamWriter", process.stdin).close()  # it ends with its input
            await process.wait()

    async def fork(self, connection_file: str, folder: str, variables: dict[str, str]) -> int:
        """The process of a new kernel.

        A call that is cancelled still reads its answer, which would otherwise be taken for that of the next one.

        Raises:
          RuntimeError: if the server has ended.
        """
        request = {"connection_file": connection_file, "folder": folder, "environment": variables}
        return await asyncio.shield(self._ask(request))

    async def _ask(self, request: dict[str, Any]) -> int:
        reader = cast("asyncio.StreamReader", self._process.stdout)
        writer = cast("asyncio.StreamWriter", self._process.stdin)
        async with self._lock:
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                await writer.drain()
                return int(await reader.readline())
            except (OSError, ValueError) as failure:
                raise RuntimeError("the process that kernels are forked from has ended") from failure


class _Forked(LocalProvisioner):
    """Starts a kernel by a fork of the server instead of by a command."""

    server: ForkServer

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        changed = {name: value for name, value in kwargs["env"].items() if os.environ.get(name) != value}
        connection_file: Any = getattr(self.parent, "connection_file", "")
        self.pid = self.pgid = await self.server.fork(connection_file, str(kwargs["cwd"]), changed)
        self.process: Any = _Process(self.pid)
        return self.connection_info


class _Process:
    """A process that is nobody's child here, with as much of the interface of `subprocess.Popen` as is asked for."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int):
        self.pid = pid

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self) -> int:
        while (status := self.poll()) is None:
            time.sleep(0.01)
        return status

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
