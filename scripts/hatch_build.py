"""Puts the sources of the notebooks, and not their executed halves, into the wheel."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NotebookSources(BuildHookInterface):
    """Maps notebooks/chNN/*.py to jaxmath/notebooks/chNN/*.py; an editable install finds them where they are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            sources = sorted(Path(self.root, "notebooks").glob("*/*.py"))
            names = {str(path): f"jaxmath/{path.relative_to(self.root).as_posix()}" for path in sources}
            build_data["force_include"] |= names
