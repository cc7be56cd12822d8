"""A plugin of pytest for ``inject.py``: runs the chosen tests alone, in their order, and says which failed first.

The environment variable INJECT_CHOICE names a JSON file with ``titles`` (of cases), ``functions`` (beginnings of
names), ``files`` (of tests), ``without`` (node ids), ``only`` (one node id, or null) and ``answer``, the file that the
answer is written to.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

_CHOICE = json.loads(Path(os.environ["INJECT_CHOICE"]).read_text(encoding="utf-8"))
_answer: dict[str, Any] = {"failed": None, "message": "", "count": 0}


def place(nodeid: str, choice: dict[str, Any]) -> int | None:
    """When a test runs: values of cases first, bad input, other tests of cases, the topic's files; None for never."""
    path, _, rest = nodeid.partition("::")
    name, _, parameters = rest.partition("[")
    parameters = parameters.removesuffix("]")
    if nodeid in choice["without"] or choice["only"] not in (None, nodeid):
        return None
    if path in choice["files"]:
        return 3
    if "bad_input" in path:
        return 1 if any(parameters.startswith(part) for part in choice["functions"]) else None
    if "contract/" in path and not re.search(r"[a-z]\.[a-z]", parameters):
        return 2  # what the public functions share
    title = any(re.search(rf"(^|-){re.escape(title)}($|-)", parameters) for title in choice["titles"])
    function = any(re.search(rf"(^|-){re.escape(part)}", parameters) for part in choice["functions"])
    return (0 if "reference" in name else 2) if title or function else None


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    chosen = [(when, item) for item in items if (when := place(item.nodeid, _CHOICE)) is not None]
    chosen.sort(key=lambda entry: entry[0])
    items[:] = [item for _, item in chosen]


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _fail(f"collection of {report.nodeid}", report)


def pytest_runtest_logreport(report: Any) -> None:
    _answer["count"] += report.when == "call"
    if report.failed:
        _fail(report.nodeid, report)


def pytest_sessionfinish() -> None:
    Path(_CHOICE["answer"]).write_text(json.dumps(_answer), encoding="utf-8")


def _fail(nodeid: str, report: Any) -> None:
    if _answer["failed"] is None:
        lines = [line for line in report.longreprtext.splitlines() if line.startswith("E  ")]
        _answer.update(failed=nodeid, message=(lines[0][1:].strip() if lines else report.longreprtext[-200:])[:200])
