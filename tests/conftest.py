"""What several test files share."""

import itertools
import sys
from pathlib import Path

import pytest

_finished = itertools.count(1)


def pytest_runtest_teardown():
    """Drops compiled programs now and then: a process that keeps some thousands of them runs out of memory maps.

    XLA:CPU holds a handful of maps for each, Linux allows 65,530 to a process, and the next compilation crashes.
    """
    maps = Path("/proc/self/maps")
    if next(_finished) % 50 == 0 and "jax" in sys.modules and maps.exists() and maps.read_bytes().count(b"\n") > 10_000:
        sys.modules["jax"].clear_caches()


@pytest.fixture
def figures():
    """Figures are drawn without a screen, with matplotlib's defaults before and after, and closed at the end."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        yield
    plt.close("all")
