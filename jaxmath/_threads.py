"""Whether XLA's CPU client has the threads that its devices need."""

import os

import jax


def check_threads(name: str, num_devices: int) -> None:
    """Raises where so many CPU devices wait for each other on fewer threads than they need.

    A device that waits in an all-reduce holds a thread of XLA's pool, which has as many as this process has cores, or
    as NPROC says. If all are held and a device still has to compute, the program never returns.
    """
    if num_devices == 1 or jax.default_backend() != "cpu" or num_devices < num_threads():
        return
    raise RuntimeError(
        f"{name}: {num_devices} CPU devices on {num_threads()} threads may wait for each other forever; set "
        f"NPROC={max(8, 2 * num_devices)} in the environment before JAX starts"
    )


def num_threads() -> int:
    """As XLA counts them: NPROC if it is a positive number, or else the cores that this process may run on."""
    reserved = os.environ.get("NPROC", "").strip()
    if reserved.isdecimal() and int(reserved) > 0:
        return int(reserved)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
