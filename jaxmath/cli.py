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
    chapters: Annotated[list[str] | None, typer.Argument(help="Chapters or sections: 4, 4.3, 14.1. All if none.")] = None,
    out: Annotated[Path, typer.Option(help="The folder the book is written to.")] = Path("tour"),
) -> None:
    """Runs the notebooks on this machine's accelerator and writes them as a book to browse."""
    from jaxmath.tour import missing_packages

    if missing := missing_packages():
        typer.echo(f"jaxmath tour needs {', '.join(missing)}: pip install 'jaxmath[tour]'", err=True)
        raise typer.Exit(2)
    from jaxmath.tour import book

    raise typer.Exit(book.tour(chapters or [], out))
