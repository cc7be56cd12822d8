"""Text as a table of counts, and a real collection of it: the docstrings of the installed libraries."""

import importlib
import re
import warnings
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

from jaxmath._array import as_size, in_range

_SHORT = 200  # letters; what is shorter is an alias, and points elsewhere


class Docstrings(NamedTuple):
    """What functions say of themselves.

    Attributes:
      names: full names, such as ``"numpy.linalg.svd"``.
      texts: the docstring of each.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]


def docstrings(*packages: str) -> Docstrings:
    """The docstrings of all public functions of installed packages.

    A package is walked from the top: its public names, then those of its public submodules, and so on. Whatever can be
    called and is no class counts as a function. A docstring that stands in several places is taken once, where it is
    met first, and one of fewer than 200 letters not at all.

    Args:
      packages: names of packages or modules, such as ``"numpy"``; they are imported.

    Returns:
      Names and texts, in the order of the walk. They depend on the versions installed.

    Raises:
      TypeError: for a name that is not a string.
      ValueError: if there is no name, or one that cannot be imported.

    Example:
      >>> collection = docstrings("numpy.linalg")
      >>> "numpy.linalg.svd" in collection.names
      True
    """
    found = {}
    for package in packages:
        for name, function in _functions(_imported(package)):
            text = getattr(function, "__doc__", None)
            if isinstance(text, str) and len(text) >= _SHORT:
                found.setdefault(text, name)
    if not packages:
        raise ValueError('data.text.docstrings: expected the name of at least one package, such as "numpy"')
    return Docstrings(tuple(found.values()), tuple(found))


def words(text: str) -> list[str]:
    """The words of a text: runs of two or more letters a to z, in lower case; code after ``>>>`` is left out.

    An underscore, a dot or a digit ends a word, so the parts of a name are words of their own.

    Raises:
      TypeError: for anything but a string.

    Example:
      >>> words("Solve A x = b; see numpy.linalg.solve.")
      ['solve', 'see', 'numpy', 'linalg', 'solve']
    """
    if not isinstance(text, str):
        raise TypeError(f"data.text.words: expected a text, got a {type(text).__name__}")
    return re.findall("[a-z]{2,}", re.sub(r"(?m)^\s*>>>.*$", "", text).lower())


def vocabulary(texts: Iterable[str], *, min_texts: int = 1, max_share: float = 1.0) -> tuple[str, ...]:
    """The words of a collection that are neither too rare nor too common to tell its texts apart.

    Args:
      texts: the collection.
      min_texts: a word stands in at least so many texts.
      max_share: a word stands in at most this share of the texts; this is what takes the place of a list of words
        such as "the" and "of".

    Returns:
      The words, sorted.

    Raises:
      TypeError: if the collection is one string, or has something else than strings.
      ValueError: if a number is out of range, or no word is left.

    Example:
      >>> vocabulary(["the cat", "the dog", "a cat and the dog"], max_share=0.7)
      ('and', 'cat', 'dog')
    """
    name = "data.text.vocabulary"
    texts, min_texts = _as_texts(name, texts), as_size(name, "min_texts", min_texts)
    in_range(name, "max_share", max_share, "[0, 1]")
    spread = Counter(word for text in texts for word in set(words(text)))
    kept = (word for word, count in spread.items() if min_texts <= count <= max_share * len(texts))
    if not (chosen := tuple(sorted(kept))):
        raise ValueError(
            f"data.text.vocabulary: none of {len(spread)} words in {len(texts)} texts stands in {min_texts} texts or "
            f"more and in {max_share:g} of all or fewer"
        )
    return chosen


def count_terms(texts: Iterable[str], terms: Sequence[str]) -> BCOO:
    """How often each term occurs in each text, as a sparse table.

    Args:
      texts: n texts.
      terms: d words, as :func:`vocabulary` gives them; others are not counted.

    Returns:
      A ``BCOO`` of shape ``(n, d)`` whose cells are the counts that are not 0, row by row.

    Raises:
      TypeError: if the texts are one string, or have something else than strings.
      ValueError: if there is no text or no term, or a term stands twice.

    Example:
      >>> print(count_terms(["the cat", "a cat and a cat"], ("cat", "the")).todense())
      [[1 1]
       [2 0]]
    """
    texts, columns = _as_texts("data.text.count_terms", texts), {term: j for j, term in enumerate(terms)}
    if not columns or len(columns) < len(terms):
        raise ValueError(f"data.text.count_terms: expected terms that differ, got {len(columns)} in {len(terms)}")
    rows = (Counter(columns[word] for word in words(text) if word in columns) for text in texts)
    cells = [(i, j, count) for i, row in enumerate(rows) for j, count in sorted(row.items())]
    table = np.array(cells, np.int32).reshape(-1, 3)
    indices, shape = jnp.asarray(table[:, :2]), (len(texts), len(columns))
    return BCOO((jnp.asarray(table[:, 2]), indices), shape=shape, indices_sorted=True, unique_indices=True)


def _as_texts(name: str, texts: Any) -> list[str]:
    if isinstance(texts, str):
        raise TypeError(f"{name}: expected several texts, got one; put it into a list")
    texts = list(texts)
    if not texts:
        raise ValueError(f"{name}: expected at least one text, got none")
    return texts


def _imported(package: Any) -> ModuleType:
    if not isinstance(package, str):
        raise TypeError(f"data.text.docstrings: expected the name of a package, got a {type(package).__name__}")
    try:
        return importlib.import_module(package)
    except (ImportError, ValueError) as error:
        raise ValueError(f"data.text.docstrings: cannot import {package!r}; is it installed?") from error


def _functions(root: ModuleType) -> Iterable[tuple[str, Any]]:
    """All public functions below a module, those of shallow modules first."""
    seen, waiting = set(), deque([root])
    while waiting:
        module = waiting.popleft()
        if module.__name__ in seen:
            continue
        seen.add(module.__name__)
        for name, value in _public(module):
            full = f"{module.__name__}.{name}"
            if isinstance(value, ModuleType) and value.__name__ == full:
                waiting.append(value)
            elif callable(value) and not isinstance(value, type):
                yield full, value


def _public(module: ModuleType) -> list[tuple[str, Any]]:
    """Public names of a module and what they stand for; those that are only announced or gone are left out."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in sorted(name for name in getattr(module, "__all__", dir(module)) if not name.startswith("_")):
            try:
                found.append((name, getattr(module, name)))
            except (AttributeError, ImportError):
                continue
    return found
