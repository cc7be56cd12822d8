"""Which notebooks there are: their sections, their order, their titles, and how a reader chooses among them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHAPTERS = {
    "2": "Vectors, matrices, tensors",
    "3": "Gradients",
    "4": "Principal components, SVD, latent semantic analysis",
    "5": "Distributions",
    "6": "Information and estimation",
    "7": "Perceptrons",
    "8": "Training",
    "9": "Losses and optimisers",
    "10": "Convolutions",
    "11": "Classifiers and detection",
    "13": "Bayesian inference",
    "14": "Autoencoders",
    "B": "Mathematics of deep learning, hands-on",
    "C": "Functions, derivatives, chain rule",
}
_NAME = re.compile(r"(?P<section>[0-9A-Z]+(?:\.[0-9A-Z]+)*)-(?P<name>.+)")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """One notebook: its section (`4.3.2`), the chapter of its folder (`4` for `ch04`) and its `.py` file."""

    section: str
    chapter: str
    path: Path

    @property
    def slug(self) -> str:
        """The file's name without its ending: the name of its page."""
        return self.path.stem


def notebooks_dir() -> Path:
    """The folder of the notebooks: inside an installed package, or beside the package in a checkout.

    Raises:
      FileNotFoundError: if there is neither.
    """
    package = Path(__file__).resolve().parent.parent
    places = (package / "notebooks", package.parent / "notebooks")
    for place in places:
        if any(place.glob("ch*/*.py")):
            return place
    raise FileNotFoundError(f"no notebooks found: looked for ch*/*.py in {places[0]} and {places[1]}")


def find(folder: Path) -> list[Source]:
    """Every notebook source below `folder` in the order of the book: 4.3.2 < 4.4.5 < 4.10, letters last.

    Raises:
      ValueError: if a file's name does not begin with its section, as in `4.3.2-name.py`.
    """
    found = []
    for path in folder.glob("ch*/*.py"):
        match = _NAME.fullmatch(path.stem)
        if match is None:
            raise ValueError(f"{path}: a notebook is called SECTION-name.py, such as 4.3.2-name.py")
        found.append(Source(match["section"], path.parent.name[2:].lstrip("0"), path))
    return sorted(found, key=lambda source: (order(source.chapter), order(source.section), source.slug))


def order(section: str) -> tuple[tuple[bool, int, str], ...]:
    """The sort key of a section or chapter: numbers as numbers and before letters."""
    parts = section.split(".")
    return tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts)


def choose(sources: list[Source], wanted: list[str]) -> list[Source]:
    """The sources whose section begins with one of the `wanted` ones, component by component; all if none is named.

    Raises:
      ValueError: if something wanted fits no section; the message lists the chapters and sections there are.
    """
    for name in wanted:
        if not any(_fits(source, name) for source in sources):
            chapters = ", ".join(dict.fromkeys(source.chapter for source in sources))
            sections = ", ".join(dict.fromkeys(source.section for source in sources))
            raise ValueError(f"no chapter or section {name!r}: chapters are {chapters}; sections are {sections}")
    return [source for source in sources if not wanted or any(_fits(source, name) for name in wanted)]


def _fits(source: Source, name: str) -> bool:
    return source.chapter == name or f"{source.section}.".startswith(f"{name}.")


def read(source: Source) -> Any:
    """The notebook of a source, without outputs."""
    import jupytext

    return jupytext.read(source.path, fmt="py:percent")


def title(notebook: Any, otherwise: str) -> str:
    """The first heading of a notebook, or `otherwise` if it has none."""
    for cell in notebook.cells:
        heading = _HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if heading:
            return heading[1]
    return otherwise


def chapter_title(chapter: str) -> str:
    """`4` becomes `4 Principal components, ...`; a lettered chapter is its title alone."""
    name = CHAPTERS.get(chapter, "")
    return f"{chapter} {name}".strip() if chapter.isdigit() or not name else name
