"""Keeps the pairs in step: `.py` is the source of a notebook, the `.ipynb` beside it is the same one executed."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nbformat

from jaxmath._files import check_output, json_of, write_output
from jaxmath.tour import kernels, page, run, sources
from jaxmath.tour.kernels import Session
from jaxmath.tour.sources import Source

MAX_BYTES = 1_000_000
_COMPLAINT, _KIND = (
    "sync_notebooks: cannot write",
    "as it was written here: put what was changed into the .py beside it",
)
_METADATA = {
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def pair(source: Source) -> Path:
    """The `.ipynb` half of a source."""
    return source.path.with_suffix(".ipynb")


def sync(source: Source) -> str | None:
    """Executes a source and writes its `.ipynb`.

    The file says nothing of when or by whom it was run: cell ids come from the position, metadata from a constant.

    Returns:
      What went wrong, in one line, or None. The file that was there stays unless the new one is good.

    Raises:
      OSError: if it cannot be written, or the file that is there was saved by an editor of notebooks.
    """
    return asyncio.run(_sync_all([source], lambda line: None))[0]


async def _sync_all(chosen: list[Source], tell: Callable[[str], None]) -> list[str | None]:
    problems = []
    async with kernels.session() as session:
        for source in chosen:
            problems.append(await _sync(source, session))
            tell(f"{source.path.name}: {problems[-1] or 'written'}")
    return problems


async def _sync(source: Source, session: Session) -> str | None:
    check_output(_COMPLAINT, pair(source), _KIND, _is_ours)
    done = await run.run(sources.read(source), session)
    if done.error:
        return done.error
    content = _content(done.notebook)
    problem = _problem(nbformat.reads(content, as_version=4), len(content.encode()))
    if problem:
        return problem
    write_output(_COMPLAINT, pair(source), content.encode(), _KIND, _is_ours)
    return None


def check(source: Source) -> str | None:
    """What is wrong with the pair of a source, in one line, or None: missing, out of step, not executed, too large."""
    path = pair(source)
    if not path.exists():
        return f"{path.name} is missing"
    notebook: Any = nbformat.read(path, as_version=4)
    committed = [(cell.cell_type, cell.source) for cell in notebook.cells]
    written = [(cell.cell_type, cell.source) for cell in sources.read(source).cells]
    if len(committed) != len(written):
        return f"{path.name} has {len(committed)} cells, {source.path.name} has {len(written)}"
    for index, (one, other) in enumerate(zip(committed, written, strict=True), start=1):
        if one != other:
            return f"cell {index} of {path.name} is not that of {source.path.name}"
    return _problem(notebook, path.stat().st_size)


def orphans(folder: Path) -> list[Path]:
    """The `.ipynb` files without a source."""
    return sorted(path for path in folder.glob("ch*/*.ipynb") if not path.with_suffix(".py").exists())


def main(names: list[str], *, check_only: bool, folder: Path | None = None) -> int:
    """The script `scripts/sync_notebooks.py`.

    Args:
      names: sections, or paths of sources or of their `.ipynb`; all if empty.
      check_only: compare, write nothing.
      folder: the folder of the notebooks; that of the checkout if None.

    Returns:
      The exit status: 0 if every pair is (now) in step, 1 if one is not, 2 if a name is unknown or a file cannot be
      written.
    """
    try:
        folder = folder or sources.notebooks_dir()
        chosen = sources.choose(sources.find(folder), [Path(n).stem.split("-")[0] if "-" in n else n for n in names])
    except (ValueError, FileNotFoundError) as problem:
        print(problem)
        return 2
    bad = [f"{path}: no .py beside it" for path in orphans(folder)] if not names else []
    try:
        tell = partial(print, flush=True)
        problems = [check(source) for source in chosen] if check_only else asyncio.run(_sync_all(chosen, tell))
    except OSError as trouble:
        print(trouble)
        return 2
    bad += [f"{source.path}: {problem}" for source, problem in zip(chosen, problems, strict=True) if problem]
    print("\n".join(bad) or f"{len(chosen)} pairs in step")
    return int(bool(bad))


def _is_ours(path: Path) -> bool:
    notebook = json_of(path)
    if not isinstance(notebook, dict) or notebook.get("metadata") != _METADATA:
        return False
    return all(cell.get("id") == f"cell-{index:03d}" for index, cell in enumerate(notebook.get("cells", [])))


def _content(notebook: Any) -> str:
    notebook.metadata = nbformat.from_dict(_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index:03d}"
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in ("tags",) if key in cell.metadata})
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def _problem(notebook: Any, size: int) -> str | None:
    """What keeps an executed notebook from being committed, or None."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source]
    outputs = [output for cell in code for output in cell.outputs]
    if not outputs or any(cell.execution_count is None for cell in code):
        return "not executed from its first to its last cell"
    if any(output.output_type == "error" for output in outputs):
        return "an output is an error"
    noise = [output.text.strip() for output in outputs if output.get("name") == "stderr"]
    if noise:
        return f"writes to stderr: {noise[0][:200]}"
    if size >= MAX_BYTES:
        return f"{size} bytes as .ipynb, fewer than {MAX_BYTES} are allowed: make the figures smaller"
    return next(iter(page.body(notebook).problems), None)
