"""A process that judges mutants one at a time, when it is told to.

A mutant may do what no exception reports: end the process from compiled code, or never come back from it. The process
ends in either case (a check that takes too long ends it itself, see ``mutation_judge.py``); then the mutant counts as
killed, and a fresh process goes on.
"""

import dataclasses
import functools
import importlib
import multiprocessing
import os
import random
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mutants import Mutant, Verdict, reached

PACKAGE = "jaxmath"
# Mutants of one function that are tried before the next function's turn comes.
TURN = 10
_DEVICES = 4
_TESTS = Path(__file__).parents[2] / "tests"


@dataclass(frozen=True)
class Scope:
    """Which functions are changed: those that the names lead to, of these those of the files, if there are any."""

    only: tuple[str, ...] | None = None
    files: frozenset[str] = frozenset()


class Worker:
    """The process, seen from outside.

    Attributes:
      mutants: what there is to judge, in a seeded order, as verdicts without a killer.
    """

    def __init__(self, scope: Scope, seed: int, serve: Any = None):
        self._serve, self._arguments, self._stopped = serve or _serve, (scope, seed), False
        self.mutants = self._start()

    def judge(self, index: int, manner: str) -> Verdict:
        """A mutant's verdict by one of the manners of ``Judge``; RuntimeError if the unchanged code fails."""
        try:
            return self._ask(index, manner)
        except EOFError:
            if self._stopped:
                raise RuntimeError("stopped") from None
        self._start()
        try:
            self._ask(index, "unchanged")
        except EOFError:
            raise RuntimeError(f"the process ends in the checks of {self.mutants[index].function}") from None
        return dataclasses.replace(self.mutants[index], killer="end of process")

    def stop(self) -> None:
        """Ends the process, also while it judges."""
        self._stopped = True
        self._process.kill()
        self._process.join()

    def _start(self) -> list[Verdict]:
        context = multiprocessing.get_context("spawn")
        self._pipe, end = context.Pipe()
        self._process = context.Process(target=self._serve, args=(*self._arguments, end), daemon=True)
        self._process.start()
        end.close()  # the process holds the only other end: when it ends, so does the pipe
        try:
            return self._pipe.recv()
        except EOFError:
            raise RuntimeError("the process ends before it begins") from None

    def _ask(self, index: int, manner: str) -> Any:
        self._pipe.send((index, manner))
        answer = self._pipe.recv()
        if isinstance(answer, RuntimeError):
            raise answer
        return answer


def _serve(scope: Scope, seed: int, pipe: Connection) -> None:
    """The process, seen from inside.

    On the CPU, cut into a few devices, so that code for several devices runs where it is traced.
    """
    os.environ["JAX_PLATFORMS"] = "cpu"
    from jaxmath._compiling import environment_quick_to_compile

    flags = environment_quick_to_compile(os.environ).get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count={_DEVICES}"
    os.environ["NPROC"] = "8"  # more threads than devices, or they wait for each other
    from mutation_judge import Judge

    from jaxmath.crosscheck.registry import cases as all_cases

    cases = all_cases()
    mutants, leads = find(cases, scope)
    mutants = in_turns(mutants, seed)
    judge = Judge(cases, _bad_input_rows(), leads)
    pipe.send([Verdict(m.function, m.mutation, m.file, m.line, None, 0.0) for m in mutants])
    while True:
        index, manner = pipe.recv()
        try:
            pipe.send(getattr(judge, manner)(mutants[index]))
        except Exception as failure:
            pipe.send(RuntimeError(f"{type(failure).__name__}: {failure}"))


def find(cases: list[Any], scope: Scope = Scope()) -> tuple[list[Mutant], dict[str, list[str]]]:
    """The mutants of all covered functions, and for each function changed the covered ones that lead to it."""
    sources, leads = {}, {}
    for name in dict.fromkeys(name for case in cases for name in case.covers):
        for source in reached(resolve(name), PACKAGE):
            sources.setdefault(source.name, source)
            leads.setdefault(source.name, []).append(name)

    def asked(names: list[str]) -> bool:
        return scope.only is None or any((name + ".").startswith(part + ".") for name in names for part in scope.only)

    chosen = [s for s in sources.values() if asked([s.name, *leads[s.name]])]
    chosen = [s for s in chosen if s.file in scope.files] or chosen
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
    ranked = [(i // TURN, names.index(name), i, m) for name in names for i, m in enumerate(groups[name])]
    return [m for *_, m in sorted(ranked, key=lambda entry: entry[:3])]


def _bad_input_rows() -> list[Any]:
    """The rows of ``bad_input.py`` among the tests, none if there is no such file."""
    found = next(iter(sorted(_TESTS.rglob("bad_input.py"))), None)
    if found is None:
        return []
    sys.path[:0] = dict.fromkeys([str(found.parent), str(_TESTS)])
    return list(importlib.import_module("bad_input").ROWS)
