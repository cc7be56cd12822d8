"""What the tests of a case share: one trace and one compiled program. Run as a script it writes the budgets anew."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.monitoring

from jaxmath import crosscheck
from jaxmath._compiling import optimised
from jaxmath.crosscheck import Case
from jaxmath.crosscheck.measure import draw, program_lines

# The type that plain pytest, or pytest with JAX_ENABLE_X64=1, is about.
DTYPE = "float64" if jax.config.read("jax_enable_x64") else "float32"
# Lines of the program of each case in float32. They are the same on every machine with one CPU device, for one version
# of JAX; where one is to grow, the commit that raises it says why.
BUDGETS = Path(__file__).with_name("budgets.json")
BUDGETS_OF = "0.10.2"


class Program:
    """The function of a case under ``jit``, in the type of the session, and how often it was traced."""

    def __init__(self, case: Case):
        self.num_traces = 0
        self.arrays, self.for_reference = draw(case, DTYPE)

        def counted(*arrays: Any) -> Any:
            self.num_traces += 1
            return case.function(*arrays)

        self.function = jax.jit(counted, compiler_options=optimised())

    def trace(self) -> Any:
        return self.function.trace(*self.arrays)

    def lines(self) -> int:
        return program_lines(self.function, *self.arrays)

    @functools.cached_property
    def primitives(self) -> frozenset[str]:
        return frozenset(_primitives(self.trace().jaxpr.jaxpr))


@functools.cache
def program(case: Case) -> Program:
    return Program(case)


def representative(case: Case) -> Case:
    """The first case of the same functions whose program is made of the same primitives: itself if there is none."""
    alike = (other for other in crosscheck.cases() if other.covers == case.covers)
    return next(other for other in alike if program(other).primitives == program(case).primitives)


def is_one_program(case: Case) -> bool:
    """Whether an eager call runs nothing but a function that is compiled by itself."""
    equations = program(case).trace().jaxpr.jaxpr.eqns
    return len(equations) == 1 and equations[0].primitive.name in ("jit", "pjit")


def num_compiled() -> int:
    """How many programs this process has compiled so far."""
    return _counter[0]


def _primitives(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(value):
                yield from _primitives(getattr(value, "jaxpr", value))


def _is_jaxpr(value: Any) -> bool:
    return hasattr(getattr(value, "jaxpr", value), "eqns")


def _count(event: str, _seconds: float, **_: Any) -> None:
    _counter[0] += event == "/jax/core/compile/backend_compile_duration"


_counter = [0]
jax.monitoring.register_event_duration_secs_listener(_count)


if __name__ == "__main__":
    assert jax.__version__ == BUDGETS_OF
    found = {case.title: program(case).lines() for case in crosscheck.cases()}
    BUDGETS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
