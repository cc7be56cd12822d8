"""The notebooks of the repository: pairs in step, and each of the form that the tour and Colab need."""

import ast
import re
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from jaxmath.tour import pairs, sources

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
SOURCES = sources.find(FOLDER)
MAX_LINES = 5

pytestmark = [pytest.mark.once, pytest.mark.skipif(not SOURCES, reason="no notebooks/ beside the tests")]


def _code(source: sources.Source) -> list[str]:
    """The code cells of a source as plain Python, magics translated."""
    cells = [cell.source for cell in sources.read(source).cells if cell.cell_type == "code"]
    return [TransformerManager().transform_cell(cell) for cell in cells]


def test_no_notebook_is_without_its_source():
    assert pairs.orphans(FOLDER) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.slug)
def test_the_pair_is_in_step(source):
    assert pairs.check(source) is None


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.slug)
def test_the_title_begins_with_the_section(source):
    assert sources.title(sources.read(source), "").startswith(f"{source.section} ")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.slug)
def test_it_installs_on_colab_only_and_prints_its_device(source):
    code = _code(source)
    assert sum("google.colab" in cell and "jaxmath[tour]" in cell for cell in code) == 1
    assert any(re.search(r"print\(.*device", cell) for cell in code)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.slug)
def test_it_ends_with_assertions_and_holds_no_logic(source):
    trees = [ast.parse(cell) for cell in _code(source)]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(trees[-1])), "no assert in the last code cell"
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, definitions)]
    long = [node.name for node in found if (node.end_lineno or 0) - node.lineno + 1 > MAX_LINES]
    assert not long, f"longer than {MAX_LINES} lines: {long}"
