"""Text as counts, and the docstrings of installed packages."""

import subprocess
import sys
import warnings
from functools import partial
from types import ModuleType

import numpy as np
import pytest

from jaxmath import data
from jaxmath.data import text

LONG = "What a function says of itself, at some length. " * 5
TEXTS = ["A cat, a cat and a dog.", "the_dog 2d", ">>> cat(1)\nThe DOG"]


def _function(doc):
    function = partial(print)
    function.__doc__ = doc
    return function


@pytest.fixture
def package(monkeypatch):
    """A package with two modules that know each other, an alias, a class, short and hidden ones, one that is gone."""
    top, inner, foreign = ModuleType("pack"), ModuleType("pack.inner"), ModuleType("elsewhere")

    def gone(name):
        warnings.warn("deprecated", stacklevel=1)
        raise AttributeError(name)

    one = _function(LONG + "one")
    top.one, top.alias, top.short, top._hidden = one, one, _function("short"), _function(LONG + "hidden")
    top.Kind = type("Kind", (), {"__doc__": LONG + "class"})
    top.number, top.inner, top.foreign, top.__getattr__ = 3, inner, foreign, gone
    top.__dir__ = lambda: ["_hidden", "alias", "one", "vanished", "short", "Kind", "number", "inner", "foreign"]
    inner.__all__ = ["two", "same"]
    inner.two, inner.left_out, inner.same = _function(LONG + "two"), _function(LONG + "out"), _function(LONG + "one")
    inner.back = top
    foreign.three = _function(LONG + "three")
    monkeypatch.setitem(sys.modules, "pack", top)
    return top


def test_docstrings_of_a_package(package):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = text.docstrings("pack")
    assert found.names == ("pack.alias", "pack.inner.two")
    assert found.texts == (LONG + "one", LONG + "two")


def test_docstrings_of_what_is_installed():
    found = text.docstrings("numpy.linalg", "numpy.fft")
    assert {"numpy.linalg.svd", "numpy.fft.fft"} <= set(found.names)
    assert len(set(found.texts)) == len(found.names) > 30
    assert dict(zip(*found, strict=True))["numpy.linalg.svd"] == np.linalg.svd.__doc__
    assert not any(part.startswith("_") for name in found.names for part in name.split("."))


def test_the_module_is_reached_by_its_package_and_loaded_late():
    code = "import sys; from jaxmath import data; print('jaxmath.data.text' in sys.modules, data.text.words('No one'))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False ['no', 'one']"
    with pytest.raises(AttributeError, match=r"'jaxmath\.data' has no attribute 'nothing'"):
        _ = data.nothing


def test_words():
    assert [text.words(t) for t in TEXTS] == [["cat", "cat", "and", "dog"], ["the", "dog"], ["the", "dog"]]
    assert text.words("a > b >> c >>> dd\n  >>> code\n  ... more") == ["dd", "more"]


def test_the_vocabulary_leaves_out_the_rare_and_the_common():
    assert text.vocabulary(TEXTS) == ("and", "cat", "dog", "the")
    assert text.vocabulary(TEXTS, min_texts=2) == ("dog", "the")
    assert text.vocabulary(TEXTS, max_share=2 / 3) == ("and", "cat", "the")
    assert text.vocabulary(iter(TEXTS), min_texts=2, max_share=0.9) == ("the",)


def test_counts():
    counts = text.count_terms(iter(TEXTS), ("dog", "and", "cat", "bird"))
    np.testing.assert_array_equal(counts.todense(), [[1, 1, 2, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
    assert counts.nse == 5
    assert counts.dtype == np.int32
    cells = np.asarray(counts.indices).tolist()
    assert cells == sorted(cells)
    assert text.count_terms(["nothing", "known"], ("cat",)).shape == (2, 1)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: text.docstrings(), ValueError, "^data.text.docstrings: expected the name of at least one"),
        (lambda: text.docstrings(np), TypeError, "^data.text.docstrings: expected the name of a package, got a module"),
        (lambda: text.docstrings("numpy", "no_such_package"), ValueError, "cannot import 'no_such_package'"),
        (lambda: text.docstrings(""), ValueError, "cannot import ''"),
        (lambda: text.words(3), TypeError, "^data.text.words: expected a text, got a int"),
        (lambda: text.vocabulary("one text"), TypeError, "^data.text.vocabulary: expected several texts"),
        (lambda: text.vocabulary([]), ValueError, "^data.text.vocabulary: expected at least one text"),
        (lambda: text.vocabulary(["one", 2]), TypeError, "got a int"),
        (lambda: text.vocabulary(TEXTS, min_texts=4), ValueError, "none of 4 words in 3 texts stands in 4 texts"),
        (lambda: text.count_terms("one text", ["one"]), TypeError, "^data.text.count_terms: expected several texts"),
        (
            lambda: text.count_terms(TEXTS, []),
            ValueError,
            "^data.text.count_terms: expected terms that differ, got 0 in 0",
        ),
        (lambda: text.count_terms(TEXTS, ["a", "a"]), ValueError, "terms that differ, got 1 in 2"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
