"""Our classifiers equal torchvision's: run where there is a Python with torchvision, and skipped elsewhere."""

import pytest
from torchvision_parity import VARIANTS, compare


@pytest.mark.once
@pytest.mark.parametrize("name", VARIANTS)
def test_a_classifier_equals_that_of_torchvision(name, torchvision_python, tmp_path):
    """Logits of random weights and statistics, in float32; training outputs, gradients and statistics in float64."""
    found = compare(name, torchvision_python, tmp_path)
    for what, error in found.items():
        if not isinstance(error, str):
            assert error < (1e-4 if what.startswith("logits") else 1e-8), what
