"""The mutation tester: which mutants it makes, and that it tells wrong ones from equivalent ones."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxmath.crosscheck import Registry

sys.path.insert(0, str(Path(__file__).parents[1] / "tools" / "mutation"))

import inject
import mortal
from mutants import is_public, reached
from mutation import Equivalents, Verdict, changed, last_change
from mutation_judge import Judge
from mutation_worker import Scope, Worker, find, in_turns, resolve

FILES = {
    "__init__.py": "",
    "_tools.py": '''
"""Helpers."""

import jax


def half(x):
    return x / 2


@jax.custom_jvp
def square(x):
    return x * x


@square.defjvp
def _square_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return square(x), 2 * x * t
''',
    "rooms/__init__.py": '''
"""A topic of several modules."""

from madeup.rooms.start import begin, start
''',
    "rooms/start.py": '''
"""Where it starts."""

from madeup.rooms.means import Pair, changed, mean, shifted


def begin(x):
    return start(x)


def start(x):
    return shifted(mean(x))
''',
    "rooms/means.py": '''
"""What nobody sees."""

import functools


def changed(function):
    return functools.wraps(function)(lambda x: function(x) + _half(1))


def _half(x):
    return x / 2


class Pair:
    def __init__(self, x):
        self.x = x

    def given_back(self):
        return self.x * 1


def mean(x):
    return sum(x) / len(x)


def shifted(x):
    return scaled(Pair(x).given_back())


@changed
def scaled(x):
    return x * 3
''',
    "topic.py": '''
"""A topic."""

import jax
import jax.numpy as jnp

from madeup._tools import half, square


def mean(x: "n + 1", *, axis=0, unused=1) -> "d - 1":
    """Not 1 + 1."""
    if x.ndim != 2:
        raise ValueError(f"expected {1 + 1} axes, got {x.ndim + 0}")
    total = jnp.sum(x, axis=axis)
    return _divide(total, x.shape[0]) + 0 * public(total)


@jax.jit
def _divide(a, b):
    return a / jnp.where(b >= 0, b, -b)


def public(x):
    return half(x) - 1


def energy(x):
    return half(square(x)).sum()


class Line:
    def __init__(self, slope):
        self._slope = slope

    def at(self, x):
        return self._scaled(x) + 1

    def _scaled(self, x):
        return self._slope * x
''',
}


@pytest.fixture(scope="module")
def topic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    (folder / "madeup" / "rooms").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / "madeup" / name).write_text(text)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("madeup.topic")
    sys.path.remove(str(folder))


def mutants_of(function):
    return {
        f"{mutant.function}: {mutant.mutation}": mutant
        for source in reached(function, "madeup")
        for mutant in source.mutants()
    }


def test_mutants_are_those_described(topic):
    assert set(mutants_of(topic.mean)) == {
        "topic.mean: def mean: axis=0 -> axis=1",
        "topic.mean: def mean: unused=1 -> unused=2",
        "topic.mean: if x.ndim != 2:: x.ndim != 2 -> x.ndim == 2",
        "topic.mean: if x.ndim != 2:: x.ndim != 2 -> x.ndim != 3",
        "topic.mean: total = jnp.sum(x, axis=axis): jnp.sum(x, axis=axis) -> jnp.sum(x)",
        *(
            f"topic.mean: return _divide(total, x.shape[0]) + 0 * public(total): {change}"
            for change in (
                "_divide(total, x.shape[0]) + 0 * public(total) -> _divide(total, x.shape[0]) - 0 * public(total)",
                "x.shape[0] -> x.shape[1]",
                "0 * public(total) -> 0 / public(total)",
                "0 * public(total) -> 1 * public(total)",
            )
        ),
        *(
            f"topic._divide: return a / jnp.where(b >= 0, b, -b): {change}"
            for change in (
                "a / jnp.where(b >= 0, b, -b) -> a * jnp.where(b >= 0, b, -b)",
                "b >= 0 -> b > 0",
                "b >= 0 -> b >= 1",
                "jnp.where(b >= 0, b, -b) -> jnp.where(b >= 0, b, b)",
            )
        ),
    }


def test_private_modules_rules_and_methods_are_reached(topic):
    assert {s.name for s in reached(topic.energy, "madeup")} == {
        "topic.energy",
        "_tools.half",
        "_tools.square",
        "_tools._square_jvp",
    }
    assert {s.name for s in reached(topic.Line.at, "madeup")} == {"topic.Line.at", "topic.Line._scaled"}


def test_what_the_namespace_of_a_topic_does_not_show_is_reached(topic):
    rooms = importlib.import_module("madeup.rooms")
    means = importlib.import_module("madeup.rooms.means")
    assert {s.name for s in reached(rooms.begin, "madeup")} == {"rooms.start.begin"}
    # a decorator has done its work before its mutant is there, so that no check could kill it
    assert {s.name for s in reached(rooms.start, "madeup")} == {
        "rooms.start.start",
        "rooms.means.mean",
        "rooms.means.shifted",
        "rooms.means.Pair.__init__",
        "rooms.means.Pair.given_back",
        "rooms.means.scaled",
        "rooms.means._half",
    }
    assert is_public(rooms.start, "madeup")
    assert not is_public(means.mean, "madeup")
    assert is_public(topic.Line.at, "madeup")
    assert not is_public(topic.Line._scaled, "madeup")
    assert not is_public(means.Pair.given_back, "madeup")


def test_functions_of_modules_that_a_topic_does_not_export_are_reached():
    """In the library itself."""
    names = {source.name for source in reached(resolve("gmm.fit"), "jaxmath")}
    assert {"gmm.chunk.expect", "gmm.table.looked_up", "gmm.steps.maximize", "gmm.start.start"} <= names
    assert not any(name.startswith(("kmeans.fit.", "gmm.density.")) for name in names)
    assert "kmeans.lloyd.means" in {source.name for source in reached(resolve("kmeans.fit"), "jaxmath")}


def test_a_mutant_is_installed_for_everyone_and_taken_out(topic):
    from madeup._tools import half

    (mutant,) = (m for text, m in mutants_of(topic.energy).items() if "x / 2 -> x * 2" in text)
    with mutant.installed():
        assert half(3.0) == 6.0
        assert topic.public(3.0) == 5.0
    assert half(3.0) == 1.5
    default = mutants_of(topic.mean)["topic.mean: def mean: axis=0 -> axis=1"]
    x = np.array([[1.0, 2.0], [3.0, 6.0]])
    with default.installed():
        assert topic.mean(x).tolist() == [1.5, 4.5]
    assert topic.mean(x).tolist() == [2.0, 4.0]


def judged(topic, name, case_options):
    registry = Registry()
    function, reference = case_options
    registry.case("1.1 it", function, reference, inputs=lambda rng: (rng.normal(size=(4, 3)),), covers=(name,))
    mutants = mutants_of(getattr(topic, name.split(".")[1]))
    judge = Judge(registry.cases(), [], {mutant.function: [name] for mutant in mutants.values()})
    return judge, mutants


@pytest.mark.parametrize("manner", ["quickly", "exactly"])
def test_wrong_mutants_are_killed_and_equivalent_ones_survive(topic, manner):
    judge, mutants = judged(topic, "topic.mean", (lambda x: topic.mean(x), lambda x: x.mean(axis=0)))
    killers = {text: getattr(judge, manner)(mutant).killer for text, mutant in mutants.items()}
    alive = {text.split(": ", 1)[1] for text, killer in killers.items() if killer is None}
    assert {text.rsplit(": ", 1)[1] for text in alive} == {
        "unused=1 -> unused=2",
        "_divide(total, x.shape[0]) + 0 * public(total) -> _divide(total, x.shape[0]) - 0 * public(total)",
        "0 * public(total) -> 0 / public(total)",
        "b >= 0 -> b > 0",
        "b >= 0 -> b >= 1",
        "jnp.where(b >= 0, b, -b) -> jnp.where(b >= 0, b, b)",
    }


def test_a_wrong_derivative_rule_is_killed_by_the_gradient(topic):
    judge, mutants = judged(topic, "topic.energy", (lambda x: topic.energy(x), lambda x: (x**2).sum() / 2))
    rules = {text: mutant for text, mutant in mutants.items() if "_square_jvp" in text}
    assert len(rules) == 3
    # A rule that is not linear in the tangent cannot even be transposed.
    assert {judge.quickly(mutant).killer for mutant in rules.values()} == {"gradient", "exception"}


class Row:
    function, match, check = "topic.mean", "expected 2 axes", None
    raises = ValueError

    def __init__(self, call):
        self.call = call


def test_a_bad_input_row_kills_a_changed_guard(topic):
    row = Row(lambda: topic.mean(np.ones((2, 2, 2))))
    mutant = next(m for text, m in mutants_of(topic.mean).items() if "x.ndim != 3" in text)
    for manner in ("quickly", "exactly"):
        assert getattr(Judge([], [row], {"topic.mean": ["topic.mean"]}), manner)(mutant).killer == "bad input"


def test_list_of_equivalents(topic):
    with pytest.raises(ValueError, match="without a reason"):
        Equivalents([{"function": "a.b", "mutation": "x", "reason": ""}], [])
    entries = [
        {"function": "a.b", "mutation": "x: 1 -> 2", "reason": "r"},
        {"function": "a.b", "mutation": "gone", "reason": "r"},
        {"function": "a.b", "mutation": "killed", "reason": "r"},
    ]
    found = Equivalents(entries, [{"function": r"_.*", "mutation": "precision", "reason": "r"}])
    verdicts = [Verdict("a.b", "x: 1 -> 2", "f", 1, None, 0.0), Verdict("a.b", "killed", "f", 1, "value", 0.0)]
    assert found.has(verdicts[0])
    assert found.has(Verdict("_t.u", "drop precision=1", "f", 1, None, 0.0))
    assert not found.has(Verdict("a.c", "x: 1 -> 2", "f", 1, None, 0.0))
    assert found.stale(verdicts) == ["a.b: gone (no such mutant)", "a.b: killed (killed by value)"]


def test_order_is_seeded_and_takes_turns(topic):
    mutants = list(mutants_of(topic.mean).values()) + list(mutants_of(topic.energy).values())
    assert in_turns(mutants, 1) == in_turns(mutants, 1)
    assert in_turns(mutants, 1) != in_turns(mutants, 2)
    assert set(in_turns(mutants, 1)) == set(mutants)


def test_a_mutant_that_ends_the_process_or_never_returns_is_killed():
    worker = Worker(Scope(), 0, mortal.serve)
    try:
        killers = [worker.judge(index, "quickly").killer for index in range(3)]
        assert killers == [None, "end of process", "end of process"]
        with pytest.raises(RuntimeError, match="ends in the checks of always fatal"):
            worker.judge(3, "quickly")
    finally:
        worker.stop()


def test_changed_files_come_first():
    """Of the functions asked for those in changed files, all of them if there are none."""
    registry = Registry()
    draw = {"inputs": lambda rng: (rng.normal(size=3),)}
    for title, name in (("1.1 square", "calculus.square"), ("1.2 angle", "linalg.angle")):
        registry.case(title, np.square, np.square, covers=(name,), **draw)
    file = importlib.import_module("jaxmath.calculus").__file__
    functions = {
        name: {m.function for m in find(registry.cases(), scope)[0]}
        for name, scope in {
            "all": Scope(),
            "files": Scope(None, frozenset([file])),
            "none of them": Scope(("linalg",), frozenset([file])),
            "only": Scope(("linalg.angle",)),
        }.items()
    }
    assert functions["files"] == {"calculus.square"}
    assert functions["none of them"] == functions["only"] > {"linalg.rotations._angle"}
    assert functions["all"] == functions["only"] | functions["files"]


def test_the_last_change_is_that_of_the_last_hours(tmp_path):
    def git(*arguments, hour=0):
        date = f"2026-01-02T{hour:02}:00:00+00:00"
        names = {
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@a",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@a",
        }
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        command = ["git", "-C", str(tmp_path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=names | dates).stdout.strip()

    assert last_change(tmp_path) is None
    git("init", "-q")
    (tmp_path / "jaxmath" / "crosscheck").mkdir(parents=True)
    commits = []
    for hour, name in ((1, "old"), (15, "one"), (20, "two")):
        (tmp_path / "jaxmath" / f"{name}.py").write_text(name)
        git("add", ".")
        git("commit", "-q", "-m", name, hour=hour)
        commits.append(git("rev-parse", "HEAD"))
    (tmp_path / "jaxmath" / "two.py").write_text("not committed")
    (tmp_path / "jaxmath" / "crosscheck" / "one.py").write_text("what judges, and is not judged")
    git("add", ".")
    base = last_change(tmp_path)
    assert base is not None
    assert commits[0].startswith(base)
    assert {Path(file).stem for file in changed(tmp_path, base)} == {"one", "two"}
    assert changed(tmp_path, "nothing") is None


def test_injected_faults_change_the_library_in_one_place_each():
    root = Path(__file__).parents[1]
    faults = inject.load()
    assert len(faults) == 50
    for kind in ("axes", "weights", "dtypes", "refusals", "host"):
        assert sum(fault.kind == kind for fault in faults) >= 5
    for fault in faults:
        before = (root / fault.file).read_text(encoding="utf-8")
        changed_text = fault.change(before)
        assert changed_text is not None, f"{fault.id}: the text is not in {fault.file} once"
        compile(changed_text, fault.file, "exec")
        assert any(match for part in fault.tests for match in (root / "tests").rglob(part)), fault.id


def test_what_another_suite_catches_must_be_caught(capsys):
    def finding(name, status):
        return {"id": name, "kind": "axes", "status": status, "by": "a test"}

    old = [finding("a", "caught"), finding("b", "missed"), finding("c", "caught")]
    assert inject.report([finding("a", "caught"), finding("b", "caught")], old) == 0
    assert inject.report([finding("a", "missed"), finding("b", "missed")], old) == 1
    assert "SLIPPED a" in capsys.readouterr().out
