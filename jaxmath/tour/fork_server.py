"""The process that kernels are forked from: ``python -m jaxmath.tour.fork_server``, driven by `kernels.ForkServer`.

It imports what notebooks import, reads one JSON object a line from its standard input, forks a kernel for each and
answers with the number of its process. It computes nothing: JAX must not have looked at any device before a fork.
"""

import contextlib
import importlib
import json
import os
import signal
import sys

# Not matplotlib's inline backend: it connects itself with the IPython that imports it.
_MODULES = (
    "ipykernel.kernelapp", "IPython.core.completer", "matplotlib.pyplot", "mpl_toolkits.mplot3d", "flax.nnx", "optax",
    "scipy.linalg", "scipy.optimize", "scipy.signal", "scipy.sparse.linalg", "scipy.stats", "sklearn.datasets",
)  # fmt: skip


def main() -> None:
    """Imports, then forks until the standard input ends; a kernel that is left then ends by itself."""
    import_modules()
    signal.signal(signal.SIGCHLD, _reap)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run_kernel(**json.loads(line))
        print(pid, flush=True)


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def import_modules() -> None:
    """Imports what most notebooks need; what cannot be imported is left to the notebook that needs it."""
    import jaxmath

    for name in (*_MODULES, *(f"jaxmath.{topic}" for topic in jaxmath._SUBMODULES)):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _run_kernel(connection_file: str, folder: str, environment: dict[str, str]) -> None:
    """Runs a kernel in this process, in a session of its own, and ends the process with it."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with open(os.devnull, "r+") as nothing:
            for stream in (0, 1, 2):
                os.dup2(nothing.fileno(), stream)
        os.chdir(folder)
        os.environ.update(environment)
        from ipykernel.kernelapp import IPKernelApp

        # it ends as soon as its parent is another process
        IPKernelApp.launch_instance(["-f", connection_file, f"--IPKernelApp.parent_handle={os.getppid()}"])
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
