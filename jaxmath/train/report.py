"""The reports of a training run: a bar and a file."""

import csv
import io
import json
import math
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from jaxmath._files import as_path, check_output, json_of, write_output

_COMPLAINT, _KIND = "train.fit: cannot write the log", "a log of train.fit"


class Report:
    """A progress bar, and a file with the history."""

    def __init__(self, num_epochs: int, history: list, log: str | os.PathLike[str] | None, progress: bool):
        self._log, self._history = None if log is None else as_path("train.fit: log", log), history
        if self._log is not None and self._log.suffix not in (".csv", ".json"):
            raise ValueError(f"train.fit: the log must end in .csv or .json, got {self._log}")
        if self._log is not None:
            _check_writable(self._log)
        self._bar: Any = None
        if progress:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
            self._task = self._bar.add_task("training", total=num_epochs, completed=len(history))

    def __enter__(self) -> "Report":
        if self._history:  # the last epoch of a run that was killed may be in a checkpoint and not in the log
            self._write(self._history)
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def steps(self, epoch: int, numbers: dict[str, list[float]], total: int | None) -> None:
        """After some steps: the means of the last fifty."""
        if self._bar is not None:
            done = len(numbers["loss"]) / total if total else 0.0
            means = "  ".join(f"{name} {np.mean(values[-50:]):.4f}" for name, values in numbers.items())
            self._bar.update(self._task, completed=epoch + done, description=f"epoch {epoch + 1}  {means}")

    def epoch(self, history: list[dict[str, int | float]]) -> None:
        """After an epoch."""
        if self._bar is not None:
            row = {name: value for name, value in history[-1].items() if name not in ("epoch", "step", "seconds")}
            self._bar.console.print(f"epoch {len(history)}  " + "  ".join(f"{k} {v:.4f}" for k, v in row.items()))
        self._write(history)

    def _write(self, history: list[dict[str, int | float]]) -> None:
        if self._log is not None:
            text = _as_text(history, self._log.suffix)
            write_output(_COMPLAINT, self._log, text.encode(), _KIND, _is_log)


def _check_writable(path: Path) -> None:
    """Makes the folder; raises before there is anything to tell."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(f"{_COMPLAINT} {path}: {error}") from error
    check_output(_COMPLAINT, path, _KIND, _is_log)


def _is_log(path: Path) -> bool:
    """Whether a file is what :func:`_as_text` writes: rows of numbers by name, of the epochs 1, 2, ..."""
    if path.suffix == ".json":
        rows = json_of(path)
    else:
        try:
            names, *lines = csv.reader(path.read_text(encoding="utf-8").splitlines())
            rows = [dict(zip(names, line, strict=True)) for line in lines]
        except (ValueError, csv.Error):
            return False
    return isinstance(rows, list) and bool(rows) and all(_is_row(row, epoch) for epoch, row in enumerate(rows, start=1))


def _is_row(row: Any, epoch: int) -> bool:
    if not isinstance(row, dict) or [*row][:3] != ["epoch", "step", "loss"] or "seconds" not in row:
        return False
    try:
        numbers = [math.nan if value == "" else float(value) for value in row.values()]
    except (TypeError, ValueError):
        return False
    return numbers[0] == epoch and numbers[1] >= epoch


def _as_text(history: list[dict[str, int | float]], suffix: str) -> str:
    if suffix == ".json":
        return json.dumps(history, indent=1) + "\n"
    text, names = io.StringIO(), dict.fromkeys(name for row in history for name in row if name != "seconds")
    writer = csv.DictWriter(text, fieldnames=[*names, "seconds"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
