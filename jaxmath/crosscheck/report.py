"""The command `jaxmath crosscheck`: a table for this device, chapter by chapter."""

import dataclasses
import datetime
import itertools
import json
import math
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jax
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

import jaxmath
from jaxmath._files import check_output, json_of, write_output
from jaxmath.crosscheck.measure import DTYPES, Result, check
from jaxmath.crosscheck.registry import Case, cases

# Of a table that goes to a file or a pipe.
_WIDTH = 120
_COMPLAINT, _KIND = "--json: cannot write", "one of results of the cross-check"
_COLOURS = {"ok": "green", "failed": "bold red", "not supported": "yellow"}


def main(section: str | None = None, json_file: Path | None = None, list_only: bool = False) -> int:
    """Checks the cases of a section, prints the table and returns the exit status: 1 on a failure, 2 on misuse."""
    chosen = cases(section)
    if not chosen:
        return _complain(f"no section {section!r}; there are {' '.join(_sections())}" if section else "no cases")
    try:
        if json_file is not None and not list_only:
            check_output(_COMPLAINT, json_file, _KIND, _is_ours)
    except OSError as problem:
        return _complain(str(problem))
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    if list_only:
        for case in chosen:
            console.print(f"{case.title}  [dim]{', '.join(case.covers)}[/dim]", highlight=False, soft_wrap=True)
        return 0
    device = jax.devices()[0]
    console.print(
        f"jaxmath {jaxmath.__version__}, jax {jax.__version__}, {device.platform}: {device.device_kind}",
        highlight=False,
    )
    results = _run(chosen, console)
    console.print(_totals(results))
    try:
        if json_file is not None:
            write_json(json_file, results)
    except OSError as problem:
        return _complain(str(problem))
    return 1 if any(result.status == "failed" for result in results) else 0


def write_json(path: Path, results: Iterable[Result]) -> None:
    """Writes results and what they were measured on; of what may be there, only older results are replaced."""
    device = jax.devices()[0]
    content = {
        "jaxmath": jaxmath.__version__,
        "jax": jax.__version__,
        "python": platform.python_version(),
        "platform": device.platform,
        "device_kind": device.device_kind,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "results": [{key: _plain(value) for key, value in dataclasses.asdict(result).items()} for result in results],
    }
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    write_output(_COMPLAINT, path, text.encode(), _KIND, _is_ours)


def _is_ours(path: Path) -> bool:
    content = json_of(path)
    return isinstance(content, dict) and {"jaxmath", "jax", "device_kind", "results"} <= content.keys()


def _run(chosen: list[Case], console: Console) -> list[Result]:
    results: list[Result] = []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(chosen) * len(DTYPES))
        for chapter, group in itertools.groupby(chosen, key=lambda case: case.chapter):
            of_chapter: list[Result] = []
            for case, dtype in itertools.product(group, DTYPES):
                progress.update(task, description=f"{case.title}, {dtype}")
                of_chapter.append(check(case, dtype))
                progress.advance(task)
            console.print(_table(chapter, of_chapter, wide=console.width >= _WIDTH))
            for result in of_chapter:
                if result.status == "failed":
                    console.print(Text(f"{result.title}, {result.dtype}: {result.message}", style="red"))
            results += of_chapter
    return results


def _table(chapter: str, results: list[Result], *, wide: bool) -> Table:
    title = f"Chapter {chapter}" if chapter.isdecimal() else f"Appendix {chapter}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("section", no_wrap=True)
    table.add_column("case")
    if wide:
        table.add_column("functions", style="dim")
    table.add_column("dtype", no_wrap=True)
    for name in ("error", "tolerance", "ratio", "ms", "lines"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    previous = ""
    for result in results:
        first = result.title != previous
        named = [result.section, Text(result.title.partition(" ")[2])] + [", ".join(result.covers)] * wide
        table.add_row(*(named if first else [""] * len(named)), *_numbers(result))
        previous = result.title
    return table


def _numbers(result: Result) -> Iterator[Any]:
    yield result.dtype
    yield _number(result.error, ".1e")
    yield f"{result.tolerance:.0e}"
    yield _number(result.ratio, ".3f")
    yield _number(result.seconds * 1e3, ".2f")
    yield str(result.lines or "")
    yield Text(result.status, style=_COLOURS[result.status])


def _totals(results: list[Result]) -> str:
    count = {status: sum(result.status == status for result in results) for status in _COLOURS}
    worst = max((result for result in results if result.status == "ok"), key=lambda r: r.ratio, default=None)
    closest = f"; nearest to its tolerance: {worst.title}, {worst.dtype}, ratio {worst.ratio:.3f}" if worst else ""
    return ", ".join(f"{number} {status}" for status, number in count.items() if number) + closest


def _number(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: null, and the message says what happened."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _sections() -> list[str]:
    return list(dict.fromkeys(case.section for case in cases()))


def _complain(message: str) -> int:
    print(f"jaxmath crosscheck: {message}", file=sys.stderr)
    return 2
