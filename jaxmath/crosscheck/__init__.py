"""The contract of the library: every function against an independent reference, on the device at hand.

A *case* names a function, a NumPy reference written from the definition, inputs and tolerances. Three readers share
the one list of cases: ``jaxmath crosscheck``, the test suite and the notebooks::

    from jaxmath import crosscheck

    for case in crosscheck.cases("4.3"):
        print(crosscheck.check(case, "float32"))
"""

from jaxmath.crosscheck import cases
from jaxmath.crosscheck.compare import compare
from jaxmath.crosscheck.gradient import check_gradient
from jaxmath.crosscheck.measure import Result, check
from jaxmath.crosscheck.registry import Case, Registry, case

__all__ = ["Case", "Registry", "Result", "case", "cases", "check", "check_gradient", "compare"]
