"""The tour: every notebook run on this machine's accelerator and written as a book to browse.

`sources` finds the notebooks, `run` executes them, `mathml` and `page` turn them into pages, `book` puts the book
together and `pairs` keeps the `.ipynb` halves in step with their sources. This module imports none of them: what they
need comes with the extra `tour`, and `missing_packages` says what of it is not installed.
"""

from importlib.util import find_spec

_EXTRA = ("ipykernel", "ipywidgets", "jinja2", "jupytext", "latex2mathml", "markdown_it", "mdit_py_plugins")
_EXTRA += ("nbclient", "plotly", "pygments", "sklearn")


def missing_packages() -> list[str]:
    """The packages of the extra `tour` that cannot be imported here; nothing is imported to find out."""
    return [name for name in _EXTRA if find_spec(name) is None]
