"""Turns a notebook that has run into the parts of a page: text, mathematics, code, outputs and figures."""

import base64
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from jaxmath.tour import mathml

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
_LIVE = ("application/vnd.jupyter.widget-view+json", "application/vnd.plotly.v1+json")


@dataclass
class Body:
    """The parts of a page. `problems` says what could not be rendered; `figures` are those of its outputs."""

    cells: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    figures: list["Figure"] = field(default_factory=list)

    @property
    def thumbnail(self) -> "Figure | None":
        """The first figure that is not wide, of which most is seen in small; the first one if all are."""
        return next((figure for figure in self.figures if not figure.wide), next(iter(self.figures), None))


@dataclass(frozen=True)
class Figure:
    """An image: the ending of its file, and its bytes."""

    ending: str
    content: bytes

    @property
    def wide(self) -> bool:
        """Whether it is a PNG much wider than high, such as a row of panels."""
        if self.ending != "png":
            return False
        width, height = struct.unpack(">II", self.content[16:24])
        return 5 * width > 8 * height


def body(notebook: Any) -> Body:
    """Renders the cells of a notebook; code that did not run (after a failure) is shown without outputs."""
    result = Body()
    text = _markdown(result.problems)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            result.cells.append({"kind": "markdown", "html": _render(text, cell.source, result.problems)})
        elif cell.cell_type == "code" and cell.source.strip():
            outputs = [shown for output in cell.outputs if (shown := _output(output, text, result))]
            result.cells.append({"kind": "code", "html": code(cell.source), "outputs": outputs})
    return result


def inline(text: str) -> Markup:
    """One line of markdown, such as a title with mathematics in it; a formula that is refused stays as it is."""
    return Markup(_markdown([]).renderInline(text))


def code(source: str, language: str = "python") -> Markup:
    """Source code in colours."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    return Markup(highlight(source, lexer, HtmlFormatter(nowrap=True)))


def page(template: str, **parts: Any) -> str:
    """A whole file from its template. No backslash is left in it: outside mathematics `&#92;` stands for it."""
    return _templates().get_template(template).render(**parts).replace("\\", "&#92;")


def stylesheet() -> str:
    """The one stylesheet of the book, with the colours of code for light and dark."""
    plain = files("jaxmath.tour").joinpath("templates", "style.css").read_text(encoding="utf-8")
    schemes = {"light": _colours("default"), "dark": _colours("github-dark")}
    return plain + "".join(f"@media (prefers-color-scheme: {name}) {{\n{c}\n}}\n" for name, c in schemes.items())


def _colours(style: str) -> str:
    formatter: Any = HtmlFormatter(style=style)
    rules = formatter.get_style_defs([".source", ".markdown pre"]).splitlines()
    return "\n".join(rule.split(" /*")[0] for rule in rules if rule.startswith(".source ."))


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.PackageLoader("jaxmath.tour", "templates")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _markdown(problems: list[str]) -> MarkdownIt:
    def formula(latex: str, options: dict[str, Any]) -> str:
        try:
            return mathml.convert(latex, display=options["display_mode"])
        except mathml.Refused as refused:
            problems.append(f"mathematics: {refused}")
            return f"<code>{escape(latex)}</code>"

    def coloured(source: str, language: str, _: str) -> str:
        return str(code(source, language or "text"))

    def picture(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        return str(escape(tokens[index].content))  # a page refers to nothing outside the book

    text = MarkdownIt("commonmark", {"html": False, "highlight": coloured}).enable(["table", "strikethrough"])
    text.use(dollarmath_plugin, renderer=formula, allow_labels=False, double_inline=True)
    text.add_render_rule("image", picture)
    return text


def _render(text: MarkdownIt, source: str, problems: list[str]) -> Markup:
    """Markdown as HTML; mathematics that the dollars did not mark (`\\(..\\)`, a bare environment) is a problem."""
    tokens = text.parse(source)
    for token in tokens:
        for child in token.children or ():
            if child.type in ("text", "text_special") and re.search(r"\\[A-Za-z([]", child.content):
                problems.append(f"mathematics outside dollars: {child.content.strip()}")
    return Markup(text.renderer.render(tokens, text.options, {}))


def _output(output: Any, text: MarkdownIt, result: Body) -> dict[str, Any] | None:
    if output.output_type == "stream":
        return {"kind": f"text {output.name}", "html": _text(output.text)}
    if output.output_type == "error":
        return {"kind": "error", "html": _text("\n".join(output.traceback) or f"{output.ename}: {output.evalue}")}
    data = output.get("data", {})
    for kind in _IMAGES:
        if kind in data:
            return _image(kind, data[kind], result)
    if any(kind in data for kind in _LIVE):
        return {"kind": "note", "html": Markup("<p class='note'>Interactive: open the notebook to use it.</p>")}
    html = data.get("text/html", "")
    if html and not re.search(r"<(script|link|iframe|style)\b|\bsrc\s*=|url\(", html, re.IGNORECASE):
        return {"kind": "html", "html": Markup(html)}
    if "text/markdown" in data or "text/latex" in data:
        return {
            "kind": "markdown",
            "html": _render(text, data.get("text/markdown") or data["text/latex"], result.problems),
        }
    return {"kind": "text", "html": _text(data["text/plain"])} if "text/plain" in data else None


def _image(kind: str, data: str, result: Body) -> dict[str, Any]:
    ending = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg"}[kind]
    content = data.encode() if ending == "svg" else base64.b64decode(data)
    result.figures.append(Figure(ending, content))
    address = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return {"kind": "figure", "html": Markup('<img alt="figure" src="{}">').format(address)}


def _text(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(_ANSI.sub("", text).rstrip("\n"))
