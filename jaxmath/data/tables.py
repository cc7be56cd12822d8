"""Tables of numbers from files."""

import csv
import io
import math
import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxmath._files import as_path, check_access

_NUMBER = re.compile(r"[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?")
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_MISSING = re.compile(r"|NA|[+-]?NaN|\?", re.IGNORECASE)


class _Row(NamedTuple):
    """Cells without the spaces around them, and the number of their row in the file."""

    number: int
    cells: list[str]


def table(path: str | os.PathLike[str]) -> Float[np.ndarray, "n d"]:
    """A table of numbers from a file.

    Args:
      path: ``.npy``, an array; ``.npz``, with one array or one that is named ``x``; or ``.csv``, numbers between
        commas, semicolons or tabs, whichever the first line has, under a line of names or not. Between semicolons or
        tabs, numbers may have a decimal comma, ``1,5``: then all of the file have one, none a point.

    Returns:
      The numbers, shape ``(n, d)``: float32 if the file holds float32, float64 otherwise. A vector is one column. Cells
      of a CSV file that are empty, ``NA``, ``nan`` or ``?`` are NaN; lines without any cell are left out.

    Raises:
      TypeError: if the path is none.
      FileNotFoundError: if there is no such file.
      IsADirectoryError: if it is a folder.
      ValueError: naming the file, if it has another ending, is damaged, empty or no table, or has cells that are no
        decimal numbers of float64: then also the row and the column of the first.
    """
    path = as_path("data.table", path)
    check_access("data.table: cannot read", path)
    if path.is_dir():
        raise IsADirectoryError(f"data.table: {path} is a folder, expected a file")
    if not path.is_file():
        raise FileNotFoundError(f"data.table: no file {path}")
    readers = {".npy": _from_numpy, ".npz": _from_numpy, ".csv": _from_csv}
    if path.suffix.lower() not in readers:
        raise ValueError(f"data.table: {path} must end in .npy, .npz or .csv")
    x = readers[path.suffix.lower()](path)
    if x.dtype.kind not in "biuf":
        raise ValueError(f"data.table: {path} holds {x.dtype}, expected real numbers")
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"data.table: {path} has shape {x.shape}, expected rows and columns")
    return x.astype(np.float32 if x.dtype.newbyteorder("=") == np.float32 else np.float64)


def _from_numpy(path: Path) -> np.ndarray:
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        with content:
            names = content.files
            if "x" not in names and len(names) != 1:
                raise KeyError(f"expected one array, or one named x, found {sorted(names)}")
            return content["x" if "x" in names else names[0]]
    except Exception as error:  # of many kinds: of NumPy, zipfile, zlib and the parser of headers
        raise ValueError(f"data.table: {path} cannot be read: {error}") from error


def _from_csv(path: Path) -> np.ndarray:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            text = file.read()
        separator, rows = _rows(text)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"data.table: {path} is not a CSV text: {error}") from error
    names = rows.pop(0).cells if rows and _are_names(rows[0].cells, separator) else None
    if not rows:
        raise ValueError(f"data.table: {path} has no row of numbers")
    width = len(names or rows[0].cells)
    x = np.empty((len(rows), width))
    for i, row in enumerate(rows):
        if len(row.cells) != width:
            raise ValueError(f"data.table: {path}, row {row.number}: expected {width} cells, got {len(row.cells)}")
        values = [_number(cell, separator) for cell in row.cells]
        if None in values:
            j = values.index(None)
            raise ValueError(f"data.table: {path}, {_place(row, j, names)}: {row.cells[j]!r} is not a number")
        x[i] = values
    if separator != ",":
        _check_marks(path, rows, names)
    return x


def _check_marks(path: Path, rows: list[_Row], names: list[str] | None) -> None:
    """Raises where some numbers have a decimal point and others a decimal comma: one of them parts thousands."""
    marks = ((mark, row, j) for row in rows for j, cell in enumerate(row.cells) for mark in ".," if mark in cell)
    first = next(marks, None)
    other = next((found for found in marks if first and found[0] != first[0]), None)
    if other:
        mark, row, j = other
        problem = f"{row.cells[j]!r} has a decimal {'point' if mark == '.' else 'comma'}, cells before the other"
        raise ValueError(f"data.table: {path}, {_place(row, j, names)}: {problem}; write all alike")


def _place(row: _Row, column: int, names: list[str] | None) -> str:
    return f"row {row.number}, column {column + 1}" + (f" ({names[column]})" if names else "")


def _rows(text: str) -> tuple[str, list[_Row]]:
    """The separator, found in the first line (where it has several, the second one decides), and the rows."""
    lines = [line for line in text.splitlines() if line.strip(" ")][:2]
    bare = re.sub(r'"[^"]*"', "", lines[0]) if lines else ""
    present = [separator for separator in "\t;," if separator in bare]
    widths = [{len(cells) for cells in csv.reader(lines, delimiter=separator)} for separator in present]
    even = [separator for separator, width in zip(present, widths, strict=True) if len(width) == 1]
    separator = (even or present or [","])[0]
    read = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows = [_Row(number, [cell.strip() for cell in cells]) for number, cells in enumerate(read, start=1)]
    return separator, [row for row in rows if len(row.cells) > 1 or any(row.cells)]


def _are_names(cells: list[str], separator: str) -> bool:
    """Whether a first row is one of names: no number, and a word. A column may be called inf or nan."""
    numbers = [_number(cell, separator) for cell in cells]
    if any(number is not None and math.isfinite(number) for number in numbers):
        return False
    return any(number is None and _is_word(cell) for number, cell in zip(numbers, cells, strict=True))


def _is_word(cell: str) -> bool:
    """Whether a cell may be a name; one such as 1_2, 0x10 or 1 2 is meant for a number, which is refused."""
    try:
        float(cell)
    except ValueError:
        has_digit, has_letter = (any(map(check, cell)) for check in (str.isdecimal, str.isalpha))
        return not re.fullmatch("[+-]?0x[0-9a-f]+", cell, re.IGNORECASE) and (has_letter or not has_digit)
    return False


def _number(cell: str, separator: str) -> float | None:
    """A decimal number, NaN for a missing one, None for anything else that Python may take for one, such as 1_2."""
    if _NUMBER.fullmatch(cell) and (separator != "," or "," not in cell):
        value = float(cell.replace(",", "."))
        return value if math.isfinite(value) else None
    if _MISSING.fullmatch(cell):
        return math.nan
    return float(cell) if _INFINITE.fullmatch(cell) else None
