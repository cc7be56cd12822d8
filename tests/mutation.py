"""Mutation test: wrong code must fail its cross-check.

Every function that a case covers, and the private functions it calls, is changed in one place at a time: + and -, * and
/, a comparison, a number, a dropped keyword argument. A change that none of the function's cases notices (value,
gradient, float32) and no row of the bad-input table either is a survivor. Survivors must be listed in
``equivalent_mutants.toml`` with the reason why they compute the same.

    python tests/mutation.py                  a seeded sample of two minutes
    python tests/mutation.py --all            everything, and no stale entry in the list
    python tests/mutation.py --only pca.fit   one function, or one module, and what it calls

Exit status: 0 if no unlisted mutant survives, 1 otherwise, 2 if the unchanged code already fails.
"""

import argparse
import concurrent.futures
import functools
import importlib
import multiprocessing
import os
import random
import re
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from mutants import Mutant, Verdict, reached

PACKAGE = "jaxmath"
LIST = Path(__file__).with_name("equivalent_mutants.toml")
# Mutants of one function that are tried before the next function's turn comes.
_TURN = 10
_DEVICES = 4


class Equivalents:
    """Mutants that compute the same as the code they were made from: single ones, and kinds by pattern."""

    def __init__(self, entries: list[dict[str, str]], patterns: list[dict[str, str]]):
        if unexplained := [e for e in [*entries, *patterns] if not e.get("reason", "").strip()]:
            raise ValueError(f"without a reason: {unexplained}")
        self.listed = {(e["function"], e["mutation"]) for e in entries}
        self.patterns = [(re.compile(p["function"]), re.compile(p["mutation"])) for p in patterns]

    @classmethod
    def load(cls, path: Path = LIST) -> "Equivalents":
        content = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return cls(content.get("equivalent", []), content.get("pattern", []))

    def has(self, mutant: Mutant | Verdict) -> bool:
        return (mutant.function, mutant.mutation) in self.listed or any(
            function.fullmatch(mutant.function) and mutation.search(mutant.mutation)
            for function, mutation in self.patterns
        )

    def stale(self, verdicts: list[Verdict]) -> list[str]:
        """Single entries that match no mutant, or one that a check kills."""
        killers = {(v.function, v.mutation): v.killer for v in verdicts}
        return [
            f"{function}: {mutation} ({'killed by ' + str(killers[function, mutation]) if known else 'no such mutant'})"
            for function, mutation in sorted(self.listed)
            if not (known := (function, mutation) in killers) or killers[function, mutation] is not None
        ]


def find(cases: list[Any], only: list[str] | None = None) -> tuple[list[Mutant], dict[str, list[str]]]:
    """The mutants of all covered functions, and for each function changed the covered ones that lead to it."""
    sources, leads = {}, {}
    for name in dict.fromkeys(name for case in cases for name in case.covers):
        for source in reached(resolve(name), PACKAGE):
            sources.setdefault(source.name, source)
            leads.setdefault(source.name, []).append(name)

    def asked(names: list[str]) -> bool:
        return only is None or any((name + ".").startswith(part + ".") for name in names for part in only)

    chosen = [s for s in sources.values() if asked([s.name, *leads[s.name]])]
    return [mutant for source in chosen for mutant in source.mutants()], leads


def resolve(name: str) -> Any:
    """The object that "module.function" or "module.Class.method" names."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join([PACKAGE, *parts[:cut]]))
        except ModuleNotFoundError:
            continue
        *outer, last = parts[cut:]
        owner = functools.reduce(getattr, outer, module)
        return vars(owner)[last] if last in vars(owner) else getattr(owner, last)
    raise AttributeError(f"{PACKAGE} has no {name}")


def in_turns(mutants: list[Mutant], seed: int) -> list[Mutant]:
    """A seeded order: some mutants of every function, functions shuffled, before more of any."""
    rng = random.Random(seed)
    groups: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        groups.setdefault(mutant.function, []).append(mutant)
    names = list(groups)
    rng.shuffle(names)
    for name in names:
        rng.shuffle(groups[name])
    ranked = [(i // _TURN, names.index(name), i, m) for name in names for i, m in enumerate(groups[name])]
    return [m for *_, m in sorted(ranked, key=lambda entry: entry[:3])]


def work(only: list[str] | None, seed: int, share: tuple[int, int], seconds: float, skip_listed: bool) -> list[Verdict]:
    """One process's share of the mutants, judged until the time is over.

    On the CPU, cut into a few devices, so that code for several devices runs where it is traced.
    """
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={_DEVICES}"
    from mutation_judge import Judge

    from jaxmath import crosscheck

    cases = crosscheck.cases()
    mutants, leads = find(cases, only)
    equivalents = Equivalents.load()
    judge = Judge(cases, bad_input_rows(), leads)
    number, of = share
    start, tried, alive = time.monotonic(), [], []
    stride = 1 if only else _TURN  # neighbours share cases, whose first run is slow
    for mutant in [m for i, m in enumerate(in_turns(mutants, seed)) if (i // stride) % of == number]:
        if time.monotonic() - start > seconds:
            break
        listed = equivalents.has(mutant)
        if listed and skip_listed:
            continue
        verdict = judge.quickly(mutant)
        if verdict.killer is None and not listed:
            alive.append(mutant)
        else:
            tried.append(verdict)
    return tried + [judge.exactly(mutant) for mutant in alive]


def bad_input_rows() -> list[Any]:
    """The rows of ``tests/bad_input.py``, none if there is no such file."""
    if not Path(__file__).with_name("bad_input.py").exists():
        return []
    return list(importlib.import_module("bad_input").ROWS)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--all", action="store_true", help="judge every mutant, however long it takes")
    parser.add_argument("--seconds", type=float, default=120.0, help="start no new mutant after this time")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--only", nargs="+", help="functions or modules, such as pca.fit or pca, and what they call")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    seconds = float("inf") if options.all else options.seconds
    shares = [(number, options.jobs) for number in range(options.jobs)]
    run = functools.partial(work, options.only, options.seed, seconds=seconds, skip_listed=not options.all)
    try:
        verdicts = _in_processes(run, shares)
    except RuntimeError as failure:
        print(f"the unchanged code fails: {failure}")
        return 2
    return report(verdicts, time.monotonic() - start, complete=options.all and options.only is None)


def _in_processes(run: Any, shares: list[tuple[int, int]]) -> list[Verdict]:
    if len(shares) == 1:
        return run(shares[0])
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(len(shares), mp_context=context) as pool:
        return [verdict for part in pool.map(run, shares) for verdict in part]


def report(verdicts: list[Verdict], seconds: float, *, complete: bool) -> int:
    """Prints survivors, stale entries and counts; the exit status."""
    equivalents = Equivalents.load()
    survivors = [v for v in verdicts if v.killer is None and not equivalents.has(v)]
    for v in sorted(survivors, key=lambda v: (v.file, v.line)):
        print(f"SURVIVED {v.function} ({os.path.relpath(v.file)}:{v.line})\n    {v.mutation}")
    stale = equivalents.stale(verdicts) if complete else []
    for entry in stale:
        print(f"STALE in {LIST.name}: {entry}")
    killers = Counter(v.killer for v in verdicts if v.killer is not None)
    killed = ", ".join(f"{count} by {name}" for name, count in killers.most_common())
    functions = len({v.function for v in verdicts})
    equivalent = sum(v.killer is None for v in verdicts) - len(survivors)
    print(f"{len(verdicts)} mutants of {functions} functions in {seconds:.0f} s")
    print(f"{sum(killers.values())} killed: {killed}")
    print(f"{equivalent} listed as equivalent, {len(survivors)} survived, {len(stale)} stale entries")
    return 1 if survivors or stale else 0


if __name__ == "__main__":
    sys.exit(main())
