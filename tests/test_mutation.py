"""The mutation tester: which mutants it makes, and that it tells wrong ones from equivalent ones."""

import importlib
import sys

import mortal
import numpy as np
import pytest
from mutants import reached
from mutation import Equivalents, Verdict
from mutation_judge import Judge
from mutation_worker import Worker, in_turns

from jaxmath.crosscheck import Registry

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
    (folder / "madeup").mkdir()
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
    worker = Worker(None, 0, mortal.serve)
    try:
        killers = [worker.judge(index, "quickly").killer for index in range(3)]
        assert killers == [None, "end of process", "end of process"]
        with pytest.raises(RuntimeError, match="ends in the checks of always fatal"):
            worker.judge(3, "quickly")
    finally:
        worker.stop()
