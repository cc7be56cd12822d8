"""What all tests share: how programs are compiled, kept and dropped, and which tests share a process."""

import hashlib
import itertools
import os
import platform
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

_finished = itertools.count(1)
# Long ones begin first, so that at the end no process waits for another.
_FIRST = ("test_train", "test_scripts", "test_mutation", "test_tour", "test_gmm_fits", "test_gmm", "test_reduce")


def _keep_programs(folder: Path) -> None:
    """Programs compiled by one run are read by the next, those of subprocesses too; set before JAX is imported."""
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder / f"{metadata.version('jaxlib')}-{_processor()}"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def _processor() -> str:
    """The model of the processor, which compiled programs depend on, in a few letters."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    except OSError:
        model = ""
    return hashlib.sha256((model or platform.processor() + platform.machine()).encode()).hexdigest()[:12]


def _compile_quickly() -> None:
    """Programs of the tests are compiled in a quarter of the time: see ``jaxmath._compiling``.

    That module is not imported here: jaxtyping's hook must be there before anything of the package is. The programs
    whose numbers the cross-check compares in float32 are compiled as users have them.
    """
    flags, quick = os.environ.get("XLA_FLAGS", ""), "--xla_backend_optimization_level=0"
    if find_spec("jax_plugins") or find_spec("libtpu"):
        return
    if metadata.version("jaxlib").startswith("0.10."):
        quick += " --xla_cpu_use_fusion_emitters=false"
    if quick not in flags:
        os.environ["XLA_FLAGS"] = f"{quick} {flags}".strip()  # what the caller has set is read last


_compile_quickly()
_keep_programs(Path(__file__).resolve().parent.parent / ".pytest_cache" / "programs")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share compiled programs run in one process: those of a file, or of the group a test names itself."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))

    def place(item: pytest.Item) -> tuple[int, str]:
        group = item.get_closest_marker("xdist_group").args[0]  # type: ignore[union-attr]
        return (_FIRST.index(group) if group in _FIRST else len(_FIRST)), group

    items.sort(key=place)


def pytest_runtest_teardown():
    """Drops compiled programs now and then: a process that keeps some thousands of them runs out of memory maps.

    XLA:CPU holds a handful of maps for each, Linux allows 65,530 to a process, and the next compilation crashes.
    """
    maps = Path("/proc/self/maps")
    if next(_finished) % 20 == 0 and "jax" in sys.modules and maps.exists() and maps.read_bytes().count(b"\n") > 30_000:
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


@pytest.fixture(scope="session")
def torchvision_python() -> str:
    """A Python with torchvision: the one that ``TORCHVISION_PYTHON`` names, or the one that runs the tests."""
    python = os.environ.get("TORCHVISION_PYTHON", sys.executable)
    command = [python, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('torchvision') is None)"]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip(f"no torchvision in {python}: name a Python that has it in TORCHVISION_PYTHON")
    return python
