"""The `jaxmath` command. What a command needs is imported inside it, so that `jaxmath --help` is fast."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """The mathematics and the architectures of deep learning as pure JAX functions."""


@app.command()
def tour(
    chapters: Annotated[list[str] | None, typer.Argument(help="Such as 4, 4.3 or 14.1; all if none.")] = None,
    out: Annotated[Path, typer.Option(help="The folder the book is written to.")] = Path("tour"),
) -> None:
    """Runs the notebooks on this machine's accelerator and writes them as a book to browse."""
    from jaxmath.tour import missing_packages

    if missing := missing_packages():
        typer.echo(f"jaxmath tour needs {', '.join(missing)}: pip install 'jaxmath[tour]'", err=True)
        raise typer.Exit(2)
    from jaxmath.tour import book

    raise typer.Exit(book.tour(chapters or [], out))


@app.command()
def crosscheck(
    section: Annotated[str | None, typer.Option(help="A chapter or section: 4, 4.3, 2.15. All if not given.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the results to this file.")] = None,
    list_only: Annotated[bool, typer.Option("--list", help="List the cases and run none.")] = False,
) -> None:
    """Checks every function against its NumPy reference on this machine's accelerator."""
    from jaxmath.crosscheck import report

    raise typer.Exit(report.main(section, json, list_only))
