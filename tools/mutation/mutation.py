"""Mutation test: wrong code must fail its cross-check.

Every function that a case covers, and the private functions it calls, is changed in one place at a time: + and -, * and
/, a comparison, a number, a dropped keyword argument. A change that none of the function's cases notices (value,
gradient, float32) and no row of the bad-input table either is a survivor. Survivors must be listed in
``equivalent_mutants.toml`` with the reason why they compute the same.

    python tools/mutation/mutation.py                  two minutes: functions of the files of the last change
    python tools/mutation/mutation.py --since v0.1     the same of what has changed since then
    python tools/mutation/mutation.py --sample         two minutes: a seeded sample
    python tools/mutation/mutation.py --only pca.fit   two minutes: one function, or one module, and what it calls
    python tools/mutation/mutation.py --all            everything, and no stale entry in the list

The first three keep to the topics whose survivors have been looked at, ``judged`` in ``equivalent_mutants.toml``. The
last change is what the commits of the twelve hours before the newest one have done, and what is not committed; where
there is no git, or no function of those files is judged, a sample of all is taken instead.

Exit status: 0 if no unlisted mutant survives, 1 otherwise, 2 if the unchanged code already fails.
"""

import argparse
import concurrent.futures
import itertools
import os
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mutants import Mutant, Verdict
from mutation_worker import PACKAGE, TURN, Scope, Worker

LIST = Path(__file__).with_name("equivalent_mutants.toml")
ROOT = Path(__file__).parents[2]
# Commits that are no older than this, before the newest one, are one change.
_HOURS = 12


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


def work(worker: Worker, groups: Iterator[list[int]], seconds: float, skip_listed: bool) -> list[Verdict]:
    """Has one process judge group after group of mutants, until the time is over."""
    equivalents = Equivalents.load()
    start, tried, alive = time.monotonic(), [], []
    for index in itertools.chain.from_iterable(groups):
        if time.monotonic() - start > seconds:
            break
        listed = equivalents.has(worker.mutants[index])
        if listed and skip_listed:
            continue
        verdict = worker.judge(index, "quickly")
        if verdict.killer is None and not listed:
            alive.append(index)
        else:
            tried.append(verdict)
    return tried + [worker.judge(index, "exactly") for index in alive]


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--since", metavar="REV", help="functions of the files changed since this revision")
    which.add_argument("--sample", action="store_true", help="a sample of all functions that are judged")
    which.add_argument("--only", nargs="+", help="functions or modules, such as pca.fit or pca, and what they call")
    parser.add_argument("--all", action="store_true", help="judge every mutant, however long it takes")
    parser.add_argument("--seconds", type=float, default=120.0, help="start no new mutant after this time")
    parser.add_argument("--seed", type=int, default=0, help="of the order in which mutants are tried")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    try:
        scope = scope_of(options)
        seconds = float("inf") if options.all else options.seconds
        verdicts = _in_processes(scope, options.seed, options.jobs, seconds, not options.all)
    except RuntimeError as failure:
        print(f"the unchanged code fails: {failure}")
        return 2
    return report(verdicts, time.monotonic() - start, complete=options.all and options.only is None)


def scope_of(options: argparse.Namespace) -> Scope:
    """What the options ask for; SystemExit for a revision that git does not know."""
    if options.only is not None:
        return Scope(tuple(options.only))
    if options.all:
        return Scope()
    judged = tuple(tomllib.loads(LIST.read_text(encoding="utf-8"))["judged"])
    base = None if options.sample else options.since or last_change(ROOT)
    files = frozenset() if base is None else changed(ROOT, base)
    if options.since and files is None:
        raise SystemExit(f"--since: git does not know {options.since}")
    names = " ".join(sorted(os.path.relpath(file, ROOT) for file in files or ()))
    print(f"files changed since {base}: {names or 'none'}" if base else "a sample", flush=True)
    return Scope(judged, files or frozenset())


def last_change(root: Path) -> str | None:
    """The newest commit that is more than twelve hours older than the last one; None without git or such a commit."""
    newest = _git(root, "log", "-1", "--format=%ct")
    found = newest and _git(
        root, "rev-list", "-1", "--abbrev-commit", f"--before={int(newest) - 3600 * _HOURS}", "HEAD"
    )
    return found or None


def changed(root: Path, base: str) -> frozenset[str] | None:
    """The files of the library that differ from those of a commit, without the checks; None if git does not know it."""
    which = f"{PACKAGE}/*.py", f":!{PACKAGE}/crosscheck"
    names = _git(root, "diff", "--name-only", "--diff-filter=d", base, "--", *which)
    return None if names is None else frozenset(str(root / name) for name in names.splitlines())


def _git(root: Path, *arguments: str) -> str | None:
    """What git answers; None if it is not there or fails."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _in_processes(scope: Scope, seed: int, jobs: int, seconds: float, skip_listed: bool) -> list[Verdict]:
    """Judges the mutants in several processes, each led by a thread of its own that takes the next group when free."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as threads:
        workers = list(threads.map(lambda _: Worker(scope, seed), range(jobs)))
        mutants = workers[0].mutants
        if scope.files and not any(mutant.file in scope.files for mutant in mutants):
            print("no function of them is judged: a sample", flush=True)
        count = len(mutants)
        size = 1 if count < 10 * TURN else TURN  # neighbours share cases, whose first run is slow
        groups = iter([list(range(first, min(first + size, count))) for first in range(0, count, size)])
        try:
            parts = threads.map(lambda worker: work(worker, groups, seconds, skip_listed), workers)
            return [verdict for part in parts for verdict in part]
        finally:
            for worker in workers:
                worker.stop()


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
