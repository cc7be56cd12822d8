"""Tables of numbers from files."""

import csv
import os
from pathlib import Path

import numpy as np
from jaxtyping import Float


def table(path: str | os.PathLike[str]) -> Float[np.ndarray, "n d"]:
    """A table of numbers from a file.

    Args:
      path: ``.npy``, an array; ``.npz``, with one array or one that is named ``x``; or ``.csv``, numbers between
        commas, under a line of names or not.

    Returns:
      The numbers, shape ``(n, d)``: float32 if the file holds float32, float64 otherwise. A vector is one column. Empty
      cells of a CSV file are NaN.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: naming the file, if it has another ending, is damaged, empty or no table, or has cells that are no
        numbers: then also the row and the column of the first.
    """
    path = Path(path)
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
    return x if x.dtype == np.float32 else x.astype(np.float64)


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
    except (ValueError, OSError, EOFError, KeyError) as error:
        raise ValueError(f"data.table: {path} cannot be read: {error}") from error


def _from_csv(path: Path) -> np.ndarray:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if any(map(str.strip, row))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"data.table: {path} is not a CSV text: {error}") from error
    names = lines.pop(0)[1] if lines and not any(map(_is_number, lines[0][1])) else None
    if not lines:
        raise ValueError(f"data.table: {path} has no row of numbers")
    width = len(names or lines[0][1])
    x = np.empty((len(lines), width))
    for i, (number, row) in enumerate(lines):
        if len(row) != width:
            raise ValueError(f"data.table: {path}, row {number}: expected {width} cells, got {len(row)}")
        try:
            x[i] = [cell.strip() or "nan" for cell in row]
        except ValueError:
            j = next(j for j, cell in enumerate(row) if cell.strip() and not _is_number(cell))
            where = f"column {j + 1}" + (f" ({names[j].strip()})" if names else "")
            raise ValueError(f"data.table: {path}, row {number}, {where}: {row[j]!r} is not a number") from None
    return x


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
