"""The book: runs the chosen notebooks side by side, shows how far they are, writes a page for each and the index."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from jaxmath._files import check_output, write_bytes
from jaxmath.tour import kernels, page, run, sources
from jaxmath.tour.kernels import Session
from jaxmath.tour.sources import Source


@dataclass
class Card:
    """A notebook of the book: what its card and its page show."""

    slug: str
    section: str
    chapter: str
    plain_title: str
    title: str
    device: str
    seconds: str
    figure: str
    problems: list[str]
    cells: list[dict[str, Any]]
    picture: bytes = b""
    wide: bool = False

    @property
    def good(self) -> bool:
        """Whether every cell ran and everything could be rendered."""
        return not self.problems

    @property
    def trouble(self) -> str:
        """What is wrong, short enough for a card."""
        first = self.problems[0] if self.problems else ""
        return first if len(first) <= 160 else f"{first[:160]}..."


@dataclass
class Book:
    """The book while it is being made: `cards` has those that are done, in the order of the book once it is written."""

    out: Path
    places: list[Source]
    cards: dict[Path, Card] = field(default_factory=dict)
    start: float = field(default_factory=time.perf_counter)

    def done(self) -> list[Card]:
        """The cards there are, in the order of the book."""
        return [self.cards[source.path] for source in self.places if source.path in self.cards]

    def summary(self) -> str:
        """How many ran, how many of them failed, how long it took."""
        failed = sum(not card.good for card in self.cards.values())
        ran = f"{len(self.cards)} of {len(self.places)} notebooks ran"
        return f"{ran}, {failed or 'none'} failed, {time.perf_counter() - self.start:.1f} s"


def tour(wanted: list[str], out: Path) -> int:
    """Makes the book and says on the terminal where it lies.

    Args:
      wanted: chapters or sections, such as `4` or `4.3`; all if empty.
      out: the folder to write to; it is made if need be. An older book in it is replaced, other files stay: where one
        has the name of a page of the book and no book is there, nothing is written.

    Returns:
      The exit status: 0 if every notebook passed, 1 if one failed, 2 if nothing could be started, 130 if interrupted.
    """
    console = Console(stderr=True)
    try:
        places = sources.choose(sources.find(sources.notebooks_dir()), wanted)
        if out.exists() and not out.is_dir():
            raise ValueError(f"--out {out}: there is a file of that name; name a folder")
        book = Book(out, places)
        if not _check_folder(book):
            _write_all(book)  # the index first: it tells that the folder is a book's
        _write(out / "style.css", page.stylesheet().encode())
        interrupted = _run_all(book, console)
        _write_all(book)
    except (ValueError, OSError) as problem:
        console.print(f"jaxmath tour: {problem}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 2
    lines = [f"{card.section}: {card.problems[0]}" for card in book.done() if not card.good]
    for line in [*lines, f"{'interrupted; ' * interrupted}{book.summary()}: {out / 'index.html'}"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 130 if interrupted else int(any(not card.good for card in book.cards.values()))


def _run_all(book: Book, console: Console) -> bool:
    """Runs the notebooks; True if it was interrupted."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        try:
            asyncio.run(_workers(book, progress))
        except KeyboardInterrupt:
            return True
    return False


async def _workers(book: Book, progress: Progress) -> None:
    whole = progress.add_task("all notebooks", total=len(book.places))
    gate = asyncio.Semaphore(run.workers())

    async def one(source: Source, session: Session) -> None:
        async with gate:
            task = progress.add_task(escape(source.slug), total=None)
            await _one(book, source, session, progress, task)
            progress.remove_task(task)
            progress.advance(whole)
            mark = "[green]passed[/]" if book.cards[source.path].good else "[red]failed[/]"
            progress.console.print(f"{mark} {escape(source.slug)} {book.cards[source.path].seconds} s", highlight=False)

    async with kernels.session() as session:
        await asyncio.gather(*(one(source, session) for source in book.places))


async def _one(book: Book, source: Source, session: Session, progress: Progress, task: TaskID) -> None:
    def show(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)

    try:
        done = await run.run(sources.read(source), session, on_cell=show)
        book.cards[source.path] = _card(source, done)
    except Exception as failure:  # nothing that one notebook does may stop the others
        book.cards[source.path] = _unreadable(source, failure)
    _write_all(book)  # after each: whatever happens, the book of what is done is there


def _card(source: Source, done: run.Run) -> Card:
    parts = page.body(done.notebook)
    title = sources.title(done.notebook, source.slug)
    figure = parts.thumbnail
    return Card(
        slug=source.slug,
        section=source.section,
        chapter=sources.chapter_title(source.chapter),
        plain_title=re.sub(r"\\[A-Za-z]+|[${}]", "", title),
        title=page.inline(title),
        device=done.device or "device unknown",
        seconds=f"{done.seconds:.1f}",
        figure=f"figures/{source.slug}.{figure.ending}" if figure else "",
        problems=[*([done.error] if done.error else []), *parts.problems],
        cells=parts.cells,
        picture=figure.content if figure else b"",
        wide=figure is not None and figure.wide,
    )


def _unreadable(source: Source, failure: Exception) -> Card:
    reason = f"{type(failure).__name__}: {failure}"
    names = (source.slug, source.section, sources.chapter_title(source.chapter), source.slug, source.slug)
    return Card(*names, device="device unknown", seconds="0.0", figure="", problems=[reason], cells=[])


def _write_all(book: Book) -> None:
    """Writes what is done so far: pages with links to their neighbours, figures, index."""
    cards = book.done()
    for before, card, after in zip([None, *cards], cards, [*cards[1:], None], strict=False):
        html = page.page("page.html.j2", card=card, before=before, after=after)
        _write(book.out / f"{card.slug}.html", html.encode())
        if card.figure:
            _write(book.out / card.figure, card.picture)
    chapters = [(name, list(group)) for name, group in groupby(cards, key=lambda card: card.chapter)]
    index = page.page("index.html.j2", chapters=chapters, summary=book.summary())
    _write(book.out / "index.html", index.encode())


def _check_folder(book: Book) -> bool:
    """Makes the folder; whether an older book is in it, whose index says so. Raises where other files would be lost."""
    ours = _is_index(book.out / "index.html")
    if not ours:
        slugs = {source.slug for source in book.places}
        names = ["index.html", "style.css", *(f"{slug}.html" for slug in slugs)]
        figures = [path for path in book.out.glob("figures/*") if path.stem in slugs]
        for path in [*(book.out / name for name in names if (book.out / name).exists()), *figures]:
            check_output("--out: cannot write", path, "of a book of jaxmath tour", _is_index)
    (book.out / "figures").mkdir(parents=True, exist_ok=True)
    return ours


def _is_index(path: Path) -> bool:
    return path.is_file() and b"<footer>Written by <code>jaxmath tour</code>" in path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    if not path.exists() or path.read_bytes() != content:
        write_bytes(path, content)
