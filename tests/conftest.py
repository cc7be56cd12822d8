"""What several test files share."""

import pytest


@pytest.fixture
def figures():
    """Figures are drawn without a screen, with matplotlib's defaults before and after, and closed at the end."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        yield
    plt.close("all")
