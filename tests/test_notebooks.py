"""The notebooks of the repository: pairs in step, and each of the form that the tour and Colab need."""

import ast
import re
import sys
import types
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
    assert code[0] == _code(SOURCES[0])[0]
    assert "google.colab" in code[0]
    assert any(re.search(r"print\(.*device", cell) for cell in code)


def test_on_colab_a_wheel_or_a_clone_beside_the_notebook_is_installed(tmp_path, monkeypatch):
    asked = []
    shell = types.SimpleNamespace(run_line_magic=lambda magic, line: asked.append((magic, line)))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.chdir(tmp_path)
    cell = _code(SOURCES[0])[0]
    exec(cell, {})  # elsewhere nothing is installed
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    with pytest.raises(
        AssertionError, match="put a wheel of jaxmath, or a clone of its repository, beside this notebook"
    ):
        exec(cell, {})
    package = tmp_path / "clone of mine" / "jaxmath"
    (package.parent / "notebooks" / "ch04").mkdir(parents=True)
    package.mkdir()
    (package / "__init__.py").touch()
    exec(cell, {})
    monkeypatch.chdir(package.parent / "notebooks" / "ch04")
    exec(cell, {})
    assert asked == [("pip", f'install -q "{package.parent}[tour]"')] * 2
    wheel = Path("jaxmath-0.1.0-py3-none-any.whl").resolve()
    wheel.touch()
    exec(cell, {})
    assert asked[2:] == [("pip", f'install -q "{wheel}[tour]"')]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.slug)
def test_it_ends_with_assertions_and_holds_no_logic(source):
    trees = [ast.parse(cell) for cell in _code(source)]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(trees[-1])), "no assert in the last code cell"
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, definitions)]
    long = [node.name for node in found if (node.end_lineno or 0) - node.lineno + 1 > MAX_LINES]
    assert not long, f"longer than {MAX_LINES} lines: {long}"
