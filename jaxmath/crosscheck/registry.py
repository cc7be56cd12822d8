"""The list of cases: what is checked, against which reference, and how closely."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np

Inputs = Callable[[np.random.Generator], tuple[Any, ...]]

DEFAULT_TOLERANCE = {"float64": 1e-10, "float32": 2e-5}
ALL_PLATFORMS = ("cpu", "cuda", "tpu")


@dataclasses.dataclass(frozen=True)
class Case:
    """One function and the reference it must agree with; :meth:`Registry.case` explains the fields."""

    title: str
    function: Callable[..., Any]
    reference: Callable[..., Any]
    inputs: Inputs
    covers: tuple[str, ...]
    float64: float = DEFAULT_TOLERANCE["float64"]
    float32: float = DEFAULT_TOLERANCE["float32"]
    reason: str = ""
    not_differentiable: str = ""
    platforms: tuple[str, ...] = ALL_PLATFORMS
    platforms_reason: str = ""

    def __post_init__(self) -> None:
        for dtype, default in DEFAULT_TOLERANCE.items():
            if self.tolerance(dtype) > default and not self.reason.strip():
                raise ValueError(f"case {self.title!r}: {dtype} tolerance above {default:g} needs a reason")
        if isinstance(self.covers, str) or not self.covers:
            raise ValueError(f"case {self.title!r}: covers must be a tuple of names such as ('pca.fit',)")
        if unknown := set(self.platforms) - set(ALL_PLATFORMS):
            raise ValueError(
                f"case {self.title!r}: unknown platforms {sorted(unknown)}, expected some of {ALL_PLATFORMS}"
            )
        if set(self.platforms) != set(ALL_PLATFORMS) and not self.platforms_reason.strip():
            raise ValueError(f"case {self.title!r}: fewer platforms than {ALL_PLATFORMS} need a platforms_reason")

    @property
    def section(self) -> str:
        """The first word of the title, such as 4.3.2."""
        return self.title.split()[0]

    @property
    def chapter(self) -> str:
        """What stands before the first dot of the section."""
        return self.section.split(".")[0]

    def tolerance(self, dtype: str) -> float:
        """The largest relative error that passes in ``dtype``."""
        return {"float64": self.float64, "float32": self.float32}[dtype]


class Registry:
    """Cases by title. The library has one, which :func:`case` fills; a test may make its own."""

    def __init__(self) -> None:
        self._cases: dict[str, Case] = {}

    def case(
        self,
        title: str,
        function: Callable[..., Any],
        reference: Callable[..., Any],
        *,
        inputs: Inputs,
        covers: tuple[str, ...],
        float64: float = DEFAULT_TOLERANCE["float64"],
        float32: float = DEFAULT_TOLERANCE["float32"],
        reason: str = "",
        not_differentiable: str = "",
        platforms: tuple[str, ...] = ALL_PLATFORMS,
        platforms_reason: str = "",
    ) -> Case:
        """Adds a case.

        Args:
          title: its section and a name, such as "4.3.2 principal components"; no two cases share a title.
          function: takes the inputs as JAX arrays, returns a pytree of arrays.
          reference: takes them as NumPy arrays, floats in float64, and returns a pytree with the same leaves in the
            same order; written from the definition, with neither jax nor jaxmath.
          inputs: draws the inputs from a generator: a tuple of arrays of floats, integers or booleans, of the same
            shapes for every generator. Floats are rounded to the type under test before either side sees them.
          covers: the public functions that the case checks, such as ("pca.fit", "moments.of").
          float64: the largest relative error in float64.
          float32: the largest relative error in float32.
          reason: why a tolerance is looser than its default.
          not_differentiable: why the gradient is not checked; the empty string has it checked.
          platforms: those the function must lower for.
          platforms_reason: why that is not all of them.

        Returns:
          The case.

        Raises:
          ValueError: for a title that is taken, or a missing reason.
        """
        added = Case(
            title, function, reference, inputs, tuple(covers) if not isinstance(covers, str) else covers, float64,
            float32, reason, not_differentiable, platforms, platforms_reason,
        )  # fmt: skip
        if not title.strip() or title in self._cases:
            raise ValueError(f"case {title!r}: the title is taken" if title.strip() else "case: the title is empty")
        self._cases[title] = added
        return added

    def cases(self, section: str | None = None) -> list[Case]:
        """All cases, or those of a section and what lies below it, in the order of the book."""
        return sorted(
            (case for case in self._cases.values() if section is None or below(case.section, section)),
            key=lambda case: section_key(case.section),
        )


def below(section: str, prefix: str) -> bool:
    """Whether a section is another one or part of it: 4.3.2 is part of 4.3 and of 4, 4.30 is not part of 4.3."""
    return (section + ".").startswith(prefix.rstrip(".") + ".")


def section_key(section: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts 2.15 after 2.7, and appendices (B.1) after chapters."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in section.split("."))


_LIBRARY = Registry()
case = _LIBRARY.case


def cases(section: str | None = None) -> list[Case]:
    """The library's cases, or those of a section and what lies below it, in the order of the book.

    The modules that hold them, all of ``jaxmath/crosscheck/cases/``, are imported when this is first called.

    Args:
      section: such as "4.3" or "4"; None for all.

    Returns:
      The cases; an empty list if the section has none.
    """
    package = importlib.import_module("jaxmath.crosscheck.cases")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return _LIBRARY.cases(section)
