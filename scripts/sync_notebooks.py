"""Executes the notebooks' .py sources and writes the .ipynb halves, or checks that the pairs are in step."""

from typing import Annotated

import typer

from jaxmath.tour import pairs


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Sections or files. All if none.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit status 1 if one is not.")] = False,
) -> None:
    """Writes the .ipynb of each notebook, executed."""
    raise typer.Exit(pairs.main(names or [], check_only=check))


if __name__ == "__main__":
    typer.run(main)
