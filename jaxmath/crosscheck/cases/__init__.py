"""The cases, a module a topic: ``crosscheck.cases()`` lists all, ``crosscheck.cases("4.3")`` those of a section."""

import sys
import types

from jaxmath.crosscheck import registry


class _Cases(types.ModuleType):
    """A package that is also the function :func:`jaxmath.crosscheck.registry.cases`."""

    def __call__(self, section: str | None = None) -> list[registry.Case]:
        return registry.cases(section)


sys.modules[__name__].__class__ = _Cases
