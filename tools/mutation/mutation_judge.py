"""Runs what must notice a mutant: the cases of its function and the rows of the bad-input table.

A mutant is first run without ``jit``: nothing it does is then hidden by what was compiled before, and single operations
stay compiled, so a run takes milliseconds. What survives is run again as users run it, under ``jit``, all caches
cleared before.
"""

import contextlib
import faulthandler
import functools
import itertools
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from mutants import Mutant, Verdict

from jaxmath.crosscheck import Case, compare
from jaxmath.crosscheck.gradient import (
    GRADIENT_TOLERANCE,
    derivatives,
    on_floats,
    random_direction,
    scalar_weights,
)
from jaxmath.crosscheck.measure import draw, precision

# Seconds that one check may take (one that has not come back from compiled code by twice that time ends the process),
# and cases that judge one mutant of a function that many others call.
_LIMIT = 15
_MOST_CASES = 32
# Cases that a survivor must survive under jit as well.
_CASES_AGAIN = 3

_Check = tuple[str, Callable[[], bool]]


class _TimeIsUp(BaseException):
    """A mutant runs for too long; not an Exception, so that no handler in the code under test swallows it."""


@dataclass
class _Trial:
    """A case, with or without jit, and what the unchanged code gives; each kind of check is prepared when needed."""

    case: Case
    jitted: bool
    prepared: dict[str, bool] = field(default_factory=dict)
    inputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    derivatives: list[np.ndarray] = field(default_factory=list)
    floats: Any = None
    weights: Any = None
    directions: Any = None

    def runs(self, kind: str) -> bool:
        """Whether the unchanged code passes this kind of check; without jit it may be unable to run at all."""
        if kind not in self.prepared:
            try:
                self._prepare(kind)
                self.prepared[kind] = not self.differs(kind)
            except Exception as failure:
                if self.jitted:
                    raise RuntimeError(f"{self.case.title}: {failure}") from failure
                self.prepared[kind] = False
            if self.jitted and not self.prepared[kind]:
                raise RuntimeError(f"{self.case.title}: {kind} differs from the reference")
        return self.prepared[kind]

    def differs(self, kind: str) -> bool:
        """Whether the code, as it is now, gives something else than it should."""
        return _gradient_differs(self) if kind == "gradient" else _value_differs(self, kind)

    def _prepare(self, kind: str) -> None:
        if kind != "gradient":
            self.inputs[kind], for_reference = _draw_in_x64(self.case, kind)
            self.expected[kind] = self.case.reference(*for_reference)
            return
        with _context(self.jitted):
            function, self.floats = on_floats(self.case.function, self.inputs["float64"])
            self.weights = scalar_weights(function(self.floats), 0)
            self.directions = [random_direction(self.floats, 1)]
        self.derivatives = _derivatives(self)


class Judge:
    """Judges mutants by the cases and rows of the functions that lead to them, smallest case first."""

    def __init__(self, cases: list[Case], rows: list[Any], leads: dict[str, list[str]]):
        self.cases = sorted(cases, key=_size)
        self.rows, self.leads = rows, leads
        self._trials = {(case.title, jitted): _Trial(case, jitted) for case in cases for jitted in (False, True)}
        self._rows_pass: dict[tuple[int, bool], bool] = {}

    def quickly(self, mutant: Mutant) -> Verdict:
        """Runs everything without jit; what cannot be run so is left to :meth:`exactly`."""
        start = time.perf_counter()
        killer, by = _first_killer(mutant, self._quick_checks(mutant))
        if by is not None and _unchanged_fails(by):
            # A trace of the mutant has stayed in a cache: forget it and judge again from a clean state.
            jax.clear_caches()
            return self.exactly(mutant)
        return _verdict(mutant, killer, start)

    def exactly(self, mutant: Mutant) -> Verdict:
        """Runs under jit with empty caches what did not run without, and the first few cases again."""
        start = time.perf_counter()
        checks = list(self._exact_checks(mutant))
        jax.clear_caches()
        killer, _ = _first_killer(mutant, iter(checks))
        jax.clear_caches()
        return _verdict(mutant, killer, start)

    def unchanged(self, mutant: Mutant) -> None:
        """Runs all checks that the mutant would meet on the code as it is; RuntimeError if one fails."""
        for _ in itertools.chain(self._quick_checks(mutant), self._exact_checks(mutant)):
            pass

    def _quick_checks(self, mutant: Mutant) -> Iterator[_Check]:
        """Checks in the order of their cost. Each is tried on the unchanged code before it is handed out."""
        trials = [self._trials[case.title, False] for case in self._relevant(mutant.function)]
        yield from (_check(trial, "float64") for trial in trials if trial.runs("float64"))
        yield from self._row_checks(mutant, jitted=False)
        trials = [trial for trial in trials if trial.runs("float64")]
        for trial in trials:
            if not trial.case.not_differentiable and trial.runs("gradient"):
                yield _check(trial, "gradient")
        yield from (_check(trial, "float32") for trial in trials if trial.runs("float32"))

    def _exact_checks(self, mutant: Mutant) -> Iterator[_Check]:
        jitted_left = _CASES_AGAIN
        for case in self._relevant(mutant.function):
            trial, skipped = self._trials[case.title, True], not self._trials[case.title, False].runs("float64")
            if (skipped or jitted_left > 0) and trial.runs("float64"):
                yield _check(trial, "float64")
            if skipped and not case.not_differentiable and trial.runs("gradient"):
                yield _check(trial, "gradient")
            jitted_left -= 1
        yield from self._row_checks(mutant, jitted=True)

    def _row_checks(self, mutant: Mutant, *, jitted: bool) -> Iterator[_Check]:
        for row in self.rows:
            if row.function in self.leads[mutant.function] and self._row_runs(row, jitted):
                yield "bad input", functools.partial(_row_differs, row, jitted)

    def _relevant(self, function: str) -> list[Case]:
        """The function's own cases; then the smallest case of every function that calls it, then the second one."""
        found: dict[str, Case] = {}
        queues = [[case for case in self.cases if name in case.covers] for name in self.leads[function]]
        own = [case for case in self.cases if function in case.covers]
        for case in itertools.chain(own, *itertools.zip_longest(*queues)):
            if case is not None and (len(found) < _MOST_CASES or case in own):
                found.setdefault(case.title, case)
        return list(found.values())

    def _row_runs(self, row: Any, jitted: bool) -> bool:
        """Whether the row passes with the unchanged code: a row about tracers cannot without jit."""
        key = id(row), jitted
        if key not in self._rows_pass:
            self._rows_pass[key] = not _row_differs(row, jitted)
        if jitted and not self._rows_pass[key]:
            raise RuntimeError(f"a bad-input row of {row.function} fails")
        return self._rows_pass[key]


def _check(trial: _Trial, kind: str) -> _Check:
    return {"float64": "value"}.get(kind, kind), functools.partial(trial.differs, kind)


def _draw_in_x64(case: Case, dtype: str) -> tuple[Any, Any]:
    with precision("float64"):
        return draw(case, dtype)


def _value_differs(trial: _Trial, dtype: str) -> bool:
    with _context(trial.jitted):
        function = jax.jit(trial.case.function) if trial.jitted else trial.case.function
        result = function(*trial.inputs[dtype])
        error, _ = compare(result, trial.expected[dtype])
        kinds = [jnp.asarray(leaf).dtype for leaf in jax.tree.leaves(result)]
    bits = jnp.finfo(dtype).bits if _has_floats(trial.inputs[dtype]) else 64
    other_type = any(jnp.issubdtype(kind, jnp.inexact) and jnp.finfo(kind).bits != bits for kind in kinds)
    return other_type or not error <= trial.case.tolerance(dtype)


def _gradient_differs(trial: _Trial) -> bool:
    """Compares with the derivatives of the unchanged code, which the test suite compares with differences."""
    found = _derivatives(trial)
    sizes = [float(np.max(np.abs(a), initial=0.0)) or 1.0 for a in trial.floats]
    sizes += [1.0] * (len(found) - len(sizes))
    return any(
        not np.all(np.abs(new - old) * size <= GRADIENT_TOLERANCE * max(np.abs(old).max(initial=0) * size, 1e-2))
        for new, old, size in zip(found, trial.derivatives, sizes, strict=True)
    )


def _derivatives(trial: _Trial) -> list[np.ndarray]:
    with _context(trial.jitted):
        function, floats = on_floats(trial.case.function, trial.inputs["float64"])
        compute = jax.jit(derivatives, static_argnums=0) if trial.jitted else derivatives
        gradient, slopes = compute(function, floats, trial.weights, trial.directions)
        return [np.asarray(leaf) for leaf in [*gradient, *slopes]]


def _row_differs(row: Any, jitted: bool) -> bool:
    """Whether a bad-input row finds another error than it expects, none, or another result."""
    with contextlib.nullcontext() if jitted else jax.disable_jit():
        try:
            result = row.call()
            if row.raises is not None:
                return True
            if row.check is not None:
                row.check(result)
        except Exception as error:
            if row.raises is None or not isinstance(error, row.raises):
                return True
            return bool(row.match) and not re.search(row.match, str(error))
    return False


def _first_killer(mutant: Mutant, checks: Iterator[_Check]) -> tuple[str | None, Callable[[], bool] | None]:
    for name, differs in checks:
        try:
            with mutant.installed(), _time_limit():
                if differs():
                    return name, differs
        except _TimeIsUp:
            return "time", differs
        except Exception:
            return "exception", differs
    return None, None


def _unchanged_fails(differs: Callable[[], bool]) -> bool:
    try:
        return differs()
    except Exception:
        return True


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _LIMIT)
    faulthandler.dump_traceback_later(2 * _LIMIT, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _context(jitted: bool) -> Iterator[None]:
    with jax.enable_x64(True), contextlib.nullcontext() if jitted else jax.disable_jit():
        yield


def _has_floats(arrays: tuple[Any, ...]) -> bool:
    return any(jnp.issubdtype(a.dtype, jnp.floating) for a in arrays)


def _size(case: Case) -> int:
    return sum(np.size(a) for a in case.inputs(np.random.default_rng(0)))


def _verdict(mutant: Mutant, killer: str | None, start: float) -> Verdict:
    return Verdict(mutant.function, mutant.mutation, mutant.file, mutant.line, killer, time.perf_counter() - start)
