"""Injected faults: does a suite of tests notice what a devious colleague would do?

Each fault of ``injected.toml`` is put into a copy of a checkout, whose own tests of the topic, cases of the cross-check
and bad-input rows then run until one of them fails. The checkout itself is never changed. A test that fails must pass
without the fault, or it does not count.

    python tools/mutation/inject.py                                  this checkout, all faults
    python tools/mutation/inject.py --checkout /tmp/old --out old.json
    python tools/mutation/inject.py --out new.json --against old.json  and what the other suite catches must be caught

The file is written after each fault; with one that is there already its other entries stay. Exit status: 0 if every
fault was judged, 1 if a text was not found or the time was over, or, with ``--against``, if the other suite catches
more.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIST = HERE / "injected.toml"
KINDS = ("axes", "weights", "dtypes", "refusals", "host", "numerics", "gradients")
# What CI runs, one after the other until one of them fails: variables and options.
RUNS: dict[str, tuple[dict[str, str], list[str]]] = {
    "float32": ({}, []),
    "x64": (
        {"JAX_ENABLE_X64": "1"},
        ["--jaxtyping-packages=jaxmath,beartype.beartype", "-m", "not bad_input and not once"],
    ),
    "bad input": ({"JAX_ENABLE_X64": "1"}, ["-m", "bad_input and not once"]),
}
_LEFT_BEHIND = (".git", ".venv", "__pycache__", ".pytest_cache", ".ruff_cache", "node_modules")
# Tests that fail without the fault as well and are set aside, at most.
_SET_ASIDE = 3
_COVERS = (
    "import json; from jaxmath import crosscheck; print(json.dumps([[c.title, c.covers] for c in crosscheck.cases()]))"
)


@dataclass(frozen=True)
class Fault:
    """One change of one file; ``injected.toml`` explains the fields."""

    id: str
    kind: str
    file: str
    old: str
    new: str
    tests: list[str]
    cases: list[str]

    def change(self, text: str) -> str | None:
        """A file's text with the fault; None if what it replaces does not occur exactly once."""
        return text.replace(self.old, self.new) if text.count(self.old) == 1 else None


@dataclass(frozen=True)
class Finding:
    """What a suite says of a fault.

    Attributes:
      status: "caught", "missed", "time" (the tests did not end) or "gone" (the text is not in the file once).
      by: the first test that fails.
      run: which of the runs it fails in.
      tests: how many tests were run.
      set_aside: tests that fail without the fault as well.
    """

    id: str
    kind: str
    status: str
    by: str = ""
    run: str = ""
    message: str = ""
    tests: int = 0
    seconds: float = 0.0
    set_aside: tuple[str, ...] = ()


def load(path: Path = LIST) -> list[Fault]:
    """The faults of a file; ValueError if two have one id, or a kind is unknown."""
    faults = [Fault(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["fault"]]
    if doubled := [name for name, count in Counter(fault.id for fault in faults).items() if count > 1]:
        raise ValueError(f"{path.name}: ids that occur twice: {doubled}")
    if odd := [fault.id for fault in faults if fault.kind not in KINDS]:
        raise ValueError(f"{path.name}: unknown kinds of {odd}")
    return faults


class Suite:
    """Copies of a checkout: one that stays as it is and one for each job."""

    def __init__(self, checkout: Path, folder: Path, cache: Path, seconds: float):
        self.checkout, self.folder, self.cache, self.seconds = checkout.resolve(), folder, cache, seconds
        python = self.checkout / ".venv" / "bin" / "python"
        self.python = str(python) if python.exists() else sys.executable
        self.unchanged = self.copy("unchanged")
        answer = self._run(self.unchanged, [self.python, "-c", f"{_COVERS}; print(crosscheck.__file__)"], {})
        *_, covers, place = answer.stdout.strip().splitlines() or ["", answer.stderr[-500:]]
        if not place.startswith(str(self.unchanged)):
            raise RuntimeError(f"the copy of {checkout} is not what its Python imports: {place}")
        self.covers: list[tuple[str, list[str]]] = json.loads(covers)

    def copy(self, name: str) -> Path:
        """A copy of the checkout, without its environment and history."""
        return Path(shutil.copytree(self.checkout, self.folder / name, ignore=shutil.ignore_patterns(*_LEFT_BEHIND)))

    def choice(self, fault: Fault) -> tuple[dict[str, Any], list[str]]:
        """What ``chosen.py`` needs to know, and the files and folders that pytest collects."""
        tests = self.unchanged / "tests"
        files = sorted({str(f.relative_to(self.unchanged)) for part in fault.tests for f in tests.rglob(part)})
        if not files:
            raise ValueError(f"{fault.id}: no test file is called {' or '.join(fault.tests)}")
        titles = [title for title, covers in self.covers if any(c.startswith(tuple(fault.cases)) for c in covers)]
        titles += [t.encode("unicode_escape").decode() for t in titles if not t.isascii()]  # as pytest writes them
        shared = [("crosscheck", "test_crosscheck.py"), ("contract", "test_bad_input.py")] if fault.cases else []
        places = [f"tests/{new if (tests / new).is_dir() else old}" for new, old in shared]
        return {"titles": titles, "functions": fault.cases, "files": files}, [*places, *files]

    def judge(self, fault: Fault, copy: Path, runs: list[str]) -> Finding:
        """Puts the fault into a copy, runs its tests, and takes it out again."""
        start, path = time.monotonic(), copy / fault.file
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        changed = fault.change(before)
        if changed is None:
            return Finding(fault.id, fault.kind, "gone")
        _write(path, changed)
        try:
            found = self._first_failure(fault, copy, runs)
        finally:
            _write(path, before)
        return Finding(fault.id, fault.kind, **found, seconds=round(time.monotonic() - start, 1))

    def _first_failure(self, fault: Fault, copy: Path, runs: list[str]) -> dict[str, Any]:
        aside: list[str] = []
        count = 0
        for run in runs:
            while len(aside) < _SET_ASIDE:
                answer = self._pytest(copy, fault, run, without=aside)
                if answer is None:
                    return {"status": "time", "run": run, "set_aside": tuple(aside)}
                count += answer["count"]
                if answer["failed"] is None:
                    break
                if not self._fails_without(fault, run, answer["failed"]):
                    said = {"by": answer["failed"], "message": answer["message"]}
                    return {"status": "caught", "run": run, "tests": count, "set_aside": tuple(aside)} | said
                aside.append(answer["failed"])
        return {"status": "missed", "tests": count, "set_aside": tuple(aside)}

    def _fails_without(self, fault: Fault, run: str, test: str) -> bool:
        """Whether a test fails in the unchanged copy too; RuntimeError if that one cannot even be collected."""
        if test.startswith("process"):
            return False
        answer = self._pytest(self.unchanged, fault, run, only=test) or {"failed": test}
        if str(answer["failed"]).startswith("collection"):
            raise RuntimeError(f"without any fault: {answer['failed']}: {answer['message']}")
        return answer["failed"] is not None

    def _pytest(
        self, copy: Path, fault: Fault, run: str, *, only: str | None = None, without: list[str] | None = None
    ) -> dict[str, Any] | None:
        """The answer of ``chosen.py``; None if the time is over."""
        choice, places = self.choice(fault)
        variables, options = RUNS[run]
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            question, answer = Path(folder, "question.json"), Path(folder, "answer.json")
            choice |= {"only": only, "without": without or [], "answer": str(answer)}
            question.write_text(json.dumps(choice), encoding="utf-8")
            command = [self.python, "-m", "pytest", "-x", "-q", "-o", "addopts=", "-p", "chosen", *options, *places]
            try:
                done = self._run(copy, command, variables | {"INJECT_CHOICE": str(question)})
            except subprocess.TimeoutExpired:
                return None
            if answer.exists():
                return json.loads(answer.read_text(encoding="utf-8"))
            if done.returncode > 0:
                raise RuntimeError(f"pytest: {done.stdout[-500:]}{done.stderr[-500:]}")
            return {"failed": f"process ends with {done.returncode}", "message": done.stderr[-200:], "count": 0}

    def _run(self, copy: Path, command: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        environment = (
            os.environ
            | variables
            | {
                "PYTHONPATH": os.pathsep.join([str(copy), str(HERE)]),
                "JAX_COMPILATION_CACHE_DIR": str(self.cache),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
        )
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=copy, env=environment, start_new_session=True, **pipes) as process:
            try:
                out, err = process.communicate(timeout=self.seconds)
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def judge_all(suite: Suite, faults: list[Fault], jobs: int, runs: list[str]) -> Iterator[Finding]:
    """The findings, as they come."""
    free = [suite.copy(f"copy{i}") for i in range(jobs)]
    lock = threading.Lock()

    def one(fault: Fault) -> Finding:
        with lock:
            copy = free.pop()
        try:
            return suite.judge(fault, copy, runs)
        finally:
            free.append(copy)

    with concurrent.futures.ThreadPoolExecutor(jobs) as threads:
        waiting = [threads.submit(one, fault) for fault in faults]
        for done in concurrent.futures.as_completed(waiting):
            yield done.result()


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkout", type=Path, default=HERE.parent.parent, help="whose suite is judged")
    parser.add_argument("--only", nargs="+", help="ids of faults")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--runs", nargs="+", default=list(RUNS), choices=list(RUNS), help="until one catches the fault")
    parser.add_argument("--out", type=Path, default=Path("injected.json"), help="the findings")
    parser.add_argument("--against", type=Path, help="findings of another suite, which this one must equal")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "jaxcache"), help="compiled programs")
    parser.add_argument("--seconds", type=float, default=7200.0, help="that one run of tests may take")
    options = parser.parse_args(arguments)
    faults = [fault for fault in load() if options.only is None or fault.id in options.only]
    if unknown := set(options.only or ()) - {fault.id for fault in faults}:
        parser.error(f"no faults {sorted(unknown)} in {LIST.name}")
    found = {one["id"]: one for one in _read(options.out)}
    with tempfile.TemporaryDirectory(prefix="injected-") as folder:
        suite = Suite(options.checkout, Path(folder), options.cache.resolve(), options.seconds)
        for finding in judge_all(suite, faults, options.jobs, options.runs):
            found[finding.id] = asdict(finding)
            content: dict[str, Any] = {"checkout": str(suite.checkout), "commit": _commit(suite.checkout)}
            content["findings"] = [found[fault.id] for fault in load() if fault.id in found]
            _write(options.out, json.dumps(content, indent=1) + "\n")
            by = f" by {finding.by} ({finding.run})" if finding.by else ""
            print(f"{finding.id}: {finding.status}{by}, {finding.seconds:.0f} s", flush=True)
    return report([found[fault.id] for fault in faults], _read(options.against) if options.against else [])


def report(found: list[dict[str, Any]], other: list[dict[str, Any]]) -> int:
    """Prints how many of each kind are caught, and what only the other suite catches; the exit status."""
    for kind in KINDS:
        if of_kind := [one for one in found if one["kind"] == kind]:
            print(f"{kind}: {sum(one['status'] == 'caught' for one in of_kind)} of {len(of_kind)} caught")
    caught = {one["id"] for one in found if one["status"] == "caught"}
    asked = {one["id"] for one in found}
    slipped = [one for one in other if one["status"] == "caught" and one["id"] in asked - caught]
    for one in slipped:
        print(f"SLIPPED {one['id']}: the other suite catches it by {one['by']}")
    return 1 if slipped or any(one["status"] in ("gone", "time") for one in found) else 0


def _write(path: Path, text: str) -> None:
    """Writes a file as a whole; what Python has compiled of it before is removed, whatever the clock says."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()


def _read(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["findings"] if path.exists() else []


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
