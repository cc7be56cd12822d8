"""Our classifiers equal torchvision's: run where there is a Python with torchvision, and skipped elsewhere.

``TORCHVISION_PYTHON`` names it; without it, the one that runs the tests is asked.
"""

import os
import subprocess
import sys

import pytest
from torchvision_parity import VARIANTS, compare

PYTHON = os.environ.get("TORCHVISION_PYTHON", sys.executable)


@pytest.fixture(scope="module")
def python():
    command = [PYTHON, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('torchvision') is None)"]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip(f"no torchvision in {PYTHON}: name a Python that has it in TORCHVISION_PYTHON")
    return PYTHON


@pytest.mark.once
@pytest.mark.parametrize("name", VARIANTS)
def test_a_classifier_equals_that_of_torchvision(name, python, tmp_path):
    """Logits of random weights and statistics, in float32; training outputs, gradients and statistics in float64."""
    found = compare(name, python, tmp_path)
    for what, error in found.items():
        if not isinstance(error, str):
            assert error < (1e-4 if what.startswith("logits") else 1e-8), what
