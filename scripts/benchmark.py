"""Times the library against its peers: ``python scripts/benchmark.py [NAMES] [--pairs 15] [--json FILE] [--list]``.

Each side of a workload runs in a process of its own, so that thread pools do not disturb each other. The two run
alternately; what counts is the median of the pairwise ratios, since shared machines drift. Compile time is reported
apart, with the memory of each process, what a call takes beyond what it found, the kernels of its BLAS, and the error
of both results against float64.
"""

import contextlib
import json
import multiprocessing
import os
import resource
import statistics
import sys
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).parent))
from benchmarks import WORKLOADS, Workload

# A timed run repeats a short call until it takes about this long.
_RUN_SECONDS = 0.05
# Before a run, the threads of the other side, which wait for more work in a busy loop, get this long to fall asleep;
# then one call that is not timed wakes those of this side.
_PAUSE_SECONDS = 0.1
# Variables by which some machines choose a kernel of OpenBLAS that is slower than the one it would choose itself.
_SLOWER_BLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def main(
    names: Annotated[list[str] | None, typer.Argument(help="workloads, or the beginnings of their names")] = None,
    pairs: Annotated[int, typer.Option(min=1, help="pairs of alternating runs")] = 15,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the results here")] = None,
    list_only: Annotated[bool, typer.Option("--list", help="name the workloads and stop")] = False,
) -> None:
    """Times the library against its peers, pair by pair."""
    chosen = {name: w for name, w in WORKLOADS.items() if not names or name.startswith(tuple(names))}
    if list_only or not chosen:
        print("\n".join(WORKLOADS))
        raise typer.Exit(0 if list_only else 2)
    if json_file:
        _write(json_file, None)
    for variable in _SLOWER_BLAS:
        os.environ.pop(variable, None)  # the processes of both sides inherit what is left
    results = []
    for name, workload in chosen.items():
        results.append(compare(name, workload, pairs))
        print(_line(results[-1]), flush=True)
    if json_file:
        import jax

        facts = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "jax": jax.__version__}
        facts |= {"device": jax.devices()[0].device_kind, "pairs": pairs, "results": results}
        _write(json_file, (json.dumps(facts, indent=1) + "\n").encode())


def _write(path: Path, content: bytes | None) -> None:
    """Writes the file of results, or looks whether it can be; stops where there is another file, or none can be."""
    from jaxmath._files import check_output, json_of, write_output  # not above: a peer's process must not load JAX

    def is_ours(path: Path) -> bool:
        facts = json_of(path)
        return isinstance(facts, dict) and {"jax", "device", "pairs", "results"} <= facts.keys()

    complaint, kind = "--json: cannot write", "one of results of this script"
    try:
        if content is None:
            check_output(complaint, path, kind, is_ours)
        else:
            write_output(complaint, path, content, kind, is_ours)
    except OSError as problem:
        print(problem, file=sys.stderr)
        raise typer.Exit(2) from None


def _line(result: dict[str, Any]) -> str:
    ours, peer = result["ours"], result["peer"]
    goal = f" (goal {result['goal']:g}x)" if result["goal"] else ""
    return (
        f"{result['name']}: {result['ratio']:.2f}x {result['peer_name']}{goal}, "
        f"{1e3 * ours['seconds']:.3g} against {1e3 * peer['seconds']:.3g} ms, first {ours['first_seconds']:.2f} s, "
        f"error {ours['error']:.1e} against {peer['error']:.1e}, "
        f"a call takes {ours['rise_mb']:.0f} against {peer['rise_mb']:.0f} MB more; peer on {peer['blas']}"
    )


def compare(name: str, workload: Workload, pairs: int) -> dict[str, Any]:
    """Runs both sides alternately and returns the median of the ratios peer / ours, times, errors and memory."""
    context = multiprocessing.get_context("spawn")
    pipes, processes, facts, times = {}, [], {}, {"ours": [], "peer": []}
    for side in times:
        pipes[side], end = context.Pipe()
        processes.append(context.Process(target=_work, args=(name, side, end), daemon=True))
        processes[-1].start()
        facts[side] = pipes[side].recv()  # one side prepares while the other waits
    for _ in range(pairs):
        for side, pipe in pipes.items():
            time.sleep(_PAUSE_SECONDS)
            pipe.send("run")
            times[side].append(pipe.recv())
    for side, pipe in pipes.items():
        pipe.send("stop")
        facts[side] |= pipe.recv() | {"seconds": statistics.median(times[side])}
    for process in processes:
        process.join()
    ratios = [peer / ours for ours, peer in zip(times["ours"], times["peer"], strict=True)]
    return {"name": name, "peer_name": workload.peer_name, "goal": workload.goal} | {
        "ratio": statistics.median(ratios), "ratios": [min(ratios), max(ratios)], **facts,
    }  # fmt: skip


def _work(name: str, side: str, pipe: Connection) -> None:
    """One side, in its own process: prepare, run when told, tell the error and the peak memory at the end."""
    workload = WORKLOADS[name]
    inputs = workload.inputs(np.random.default_rng(0))
    call = (workload.ours if side == "ours" else workload.peer)(*inputs)
    start = time.perf_counter()
    result = call()
    first = time.perf_counter() - start
    resident = _start_of_peak()
    start = time.perf_counter()
    call()
    repeats = max(1, round(_RUN_SECONDS / (time.perf_counter() - start)))
    pipe.send({"first_seconds": first, "blas": _blas()})
    while pipe.recv() == "run":
        call()
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        pipe.send((time.perf_counter() - start) / repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rise = _memory("VmHWM") - resident
    exact = workload.reference(*(a.astype(np.float64) for a in inputs))
    pipe.send({"error": workload.error(result, exact), "peak_mb": peak, "rise_mb": rise})


def _blas() -> str:
    """The BLAS libraries of this process and their kernels, such as `openblas 0.3.29 SkylakeX`; "no BLAS" if none."""
    from threadpoolctl import threadpool_info

    found = (library for library in threadpool_info() if library["user_api"] == "blas")
    names = (f"{b['internal_api']} {b['version']} {b.get('architecture', '')}".strip() for b in found)
    return ", ".join(sorted(set(names))) or "no BLAS"


def _start_of_peak() -> float:
    """Forgets the peak of this process so far, where the system can; what is resident now, in MB."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(field: str) -> float:
    """A figure of this process in MB, NaN where the system does not tell."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
    return float("nan")


if __name__ == "__main__":
    typer.run(main)
