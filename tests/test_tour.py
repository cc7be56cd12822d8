"""The tour on small made-up notebooks: what it runs, what it writes, what it says when something is wrong."""

import asyncio
import re
import struct
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from jaxmath.cli import app
from jaxmath.tour import book, kernels, mathml, page, pairs, run, sources

pytestmark = pytest.mark.once

GOOD = r"""
# %% [markdown]
# # 4.3.2 Components of $\mathbf{X}$
# With $\Sigma = \frac{1}{n} \sum_{i=1}^n x_i x_i^\top$ and `a\b`:
#
# $$\begin{aligned} \Sigma v &= \lambda v \\ \lVert v \rVert &= 1 \end{aligned}$$

# %%
import os, sys
print("back\\slash", os.environ["JAXMATH_TOUR"], "imported" if "optax" in sys.modules else "new")
import matplotlib.pyplot as plt
import jax.numpy as jnp
print(jnp.arange(4).sum())

# %%
_ = plt.plot([1, 2])
"""
FAILS = r"""
# %% [markdown]
# # 4.10 One that fails

# %%
print("seen before")

# %%
raise ValueError("\\oh <no>")

# %%
print("never " + "reached")
"""
REFUSED = r"""
# %% [markdown]
# # 14.1 Unknown mathematics: $\nosuchcommand x$
"""


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebooks")
    files = {"ch04/4.10-fails.py": FAILS, "ch04/4.3.2-good.py": GOOD, "ch14/14.1-refused.py": REFUSED}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def command(notebooks: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "notebooks_dir", lambda: notebooks)
    return lambda *arguments: CliRunner().invoke(app, ["tour", *map(str, arguments)])


def test_the_book(command, tmp_path):
    """One run, read from all sides: the kernels are what costs time here."""
    out = tmp_path / "deep" / "book"
    result = command("--out", out)
    assert result.exit_code == 1, result.output  # one that fails does not stop the others
    assert "3 of 3 notebooks ran, 2 failed" in result.output
    assert str(out / "index.html") in result.output.replace("\n", "")
    pages = {path.stem: path.read_text() for path in out.glob("*.html")}
    assert set(pages) == {"index", "4.3.2-good", "4.10-fails", "14.1-refused"}
    assert not list(out.rglob(".*"))
    _check_index(pages["index"])
    _check_good(pages["4.3.2-good"])
    _check_failed(pages["4.10-fails"])
    _check_self_contained(out)


def _check_index(index: str) -> None:
    assert re.findall(r'class="card( failed)?" href="([^"]+)"', index) == [
        ("", "4.3.2-good.html"),
        (" failed", "4.10-fails.html"),
        (" failed", "14.1-refused.html"),
    ]
    assert index.index("4 Principal components") < index.index("14 Autoencoders")
    assert 'src="figures/4.3.2-good.png"' in index
    assert re.search("[cgt]pu", index)
    for status in ("passed", "ValueError: &#92;oh &lt;no&gt;", "unknown command &#92;nosuchcommand"):
        assert status in index


def _check_good(html: str) -> None:
    start = "imported" if kernels.CAN_FORK else "new"
    for part in ("<mfrac>", "<mtable", "\N{MATHEMATICAL BOLD CAPITAL X}", f"back&#92;slash 1 {start}\n6", "a&#92;b"):
        assert part in html
    for part in ('src="data:image/png;base64,', 'class="nn">matplotlib', 'href="4.10-fails.html"', 'href="index.html"'):
        assert part in html


def _check_failed(html: str) -> None:
    for part in (
        "seen before",
        "Traceback",
        'rel="prev" href="4.3.2-good.html"',
        'rel="next" href="14.1-refused.html"',
    ):
        assert part in html
    assert "\x1b" not in html
    assert "never reached" not in html


def _check_self_contained(out: Path) -> None:
    for path in [*out.glob("*.html"), *out.glob("*.css")]:
        text = path.read_text()
        for outside in ("\\", "<script", "http:", "https:", "@import", "url("):
            assert outside not in text, path
        for address in re.findall(r'(?:src|href)="([^"]+)"', text):
            assert address.startswith("data:image/") or (out / address).exists()
    assert (out / "style.css").read_text().count(".source .nn,") == 2  # the colours of code, light and dark
    assert (out / "figures" / "4.3.2-good.png").read_bytes().startswith(b"\x89PNG")


def test_chapters_are_chosen_by_whole_components(notebooks):
    found = sources.find(notebooks)
    assert [s.section for s in found] == ["4.3.2", "4.10", "14.1"]
    chosen = {name: [s.section for s in sources.choose(found, [name])] for name in ("4", "4.3", "14")}
    assert chosen == {"4": ["4.3.2", "4.10"], "4.3": ["4.3.2"], "14": ["14.1"]}
    assert len(sources.choose(found, [])) == 3
    with pytest.raises(ValueError, match=r"'4\.1'.*4, 14.*4\.3\.2, 4\.10, 14\.1"):
        sources.choose(found, ["4.1"])


def test_sections_are_sorted_as_numbers():
    sections = ["C.1", "4.10", "14.1", "4.4.5", "B.2", "4.3.2", "4.3"]
    assert sorted(sections, key=sources.order) == ["4.3", "4.3.2", "4.4.5", "4.10", "14.1", "B.2", "C.1"]


def test_usage_errors_are_one_line_and_status_2(command, tmp_path):
    unknown = command("99", "--out", tmp_path / "book")
    assert unknown.exit_code == 2
    assert "4.3.2, 4.10, 14.1" in unknown.output
    assert not (tmp_path / "book").exists()
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        taken = command("--out", out)
        assert taken.exit_code == 2
        assert taken.output.strip().count("\n") == 0
        assert "file" in taken.output
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["index.html", "4.10-fails.html", "style.css", "figures/4.10-fails.png"])
def test_files_that_are_of_no_book_stay(command, tmp_path, monkeypatch, name):
    monkeypatch.setattr(book, "_run_all", lambda book, console: False)  # no kernels: an empty book
    assert command("--out", tmp_path / "book").exit_code == 0
    assert command("--out", tmp_path / "book").exit_code == 0  # its own book is replaced
    out = tmp_path / "mine"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    refused = command("--out", out)
    assert (refused.exit_code, refused.output.strip().count("\n")) == (2, 0)
    assert "jaxmath tour: --out" in refused.output
    assert [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()] == [name]
    assert (out / name).read_text() == "mine"


def test_without_the_extra_it_says_what_to_install(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbclient", None)
    result = command()
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    assert result.output.strip() == "jaxmath tour needs nbclient: pip install 'jaxmath[tour]'"


def test_a_tpu_gets_one_worker(monkeypatch):
    monkeypatch.setattr(run, "find_spec", lambda name: object())
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    assert run.workers() == 1
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert run.workers() == 2


@pytest.mark.skipif(not kernels.CAN_FORK, reason="kernels are new interpreters here")
def test_a_kernel_ends_with_the_process_that_it_was_forked_from(tmp_path):
    async def ends() -> bool:
        async with kernels.session() as session:
            manager = kernels.manager(tmp_path, session)
            await manager.start_kernel(env=session.variables, cwd=str(tmp_path))
            process = cast("Any", manager.provisioner).process
            alive = process.poll() is None
        await asyncio.wait_for(asyncio.to_thread(process.wait), 30)
        return alive

    assert asyncio.run(ends())


def test_a_kernel_whose_start_was_cancelled_is_not_taken_for_the_next_one():
    answer = "import sys, time\nfor i, _ in enumerate(sys.stdin): time.sleep(0.2), print(i, flush=True)"

    async def second() -> int:
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", answer, **pipes)
        server = kernels.ForkServer(process)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(server.fork("", "", {}), 0.1)
        try:
            return await server.fork("", "", {})
        finally:
            process.kill()
            await process.wait()

    assert asyncio.run(second()) == 1


def test_kernels_share_what_is_compiled_unless_the_user_has_chosen(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "mine")
    monkeypatch.setattr(kernels, "CAN_FORK", False)
    chosen = kernels.environment(tmp_path)
    assert chosen["JAX_COMPILATION_CACHE_DIR"] == "mine"
    assert chosen["PYTHONPYCACHEPREFIX"] == str(tmp_path / "bytecode")
    assert "PYTHONDONTWRITEBYTECODE" not in chosen
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    ours = kernels.environment(tmp_path)
    assert ours["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "programs")
    assert "PYTHONPYCACHEPREFIX" not in ours


def test_the_thumbnail_is_the_first_figure_that_is_not_wide():
    def figure(width: int, height: int) -> page.Figure:
        return page.Figure("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height))

    wide, square = figure(900, 300), figure(500, 400)
    assert page.Body(figures=[wide, square]).thumbnail is square
    assert page.Body(figures=[wide, figure(800, 200)]).thumbnail is wide
    assert page.Body().thumbnail is None


def test_a_pair_is_written_and_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "CAN_FORK", False)
    source_file = tmp_path / "ch04" / "4.1-pair.py"
    source_file.parent.mkdir()
    source_file.write_text("# %% [markdown]\n# # 4.1 A pair\n\n# %%\nprint(2)\n")
    (source_file.parent / "4.9-orphan.ipynb").write_text("{}")
    (source,) = sources.find(tmp_path)
    assert pairs.check(source) == "4.1-pair.ipynb is missing"
    assert pairs.sync(source) is None
    assert pairs.check(source) is None
    first = pairs.pair(source).read_text()
    assert '"cell-001"' in first
    assert pairs.sync(source) is None
    assert pairs.pair(source).read_text() == first
    pairs.pair(source).write_text(first.replace('"cell-001"', '"0f3c"'))  # as an editor of notebooks saves it
    assert pairs.main([], check_only=False, folder=tmp_path) == 2
    assert '"0f3c"' in pairs.pair(source).read_text()
    pairs.pair(source).write_text(first)
    assert "timestamp" not in first
    source_file.write_text(source_file.read_text().replace("print(2)", "print(3)"))
    assert "cell 2 of 4.1-pair.ipynb" in (pairs.check(source) or "")
    assert [path.name for path in pairs.orphans(tmp_path)] == ["4.9-orphan.ipynb"]
    assert pairs.main([], check_only=True, folder=tmp_path) == 1
    pairs.pair(source).write_text(
        first.replace("print(2)", "print(3)").replace('"execution_count": 1', '"execution_count": null')
    )
    assert "not executed" in (pairs.check(source) or "")


RENDERED = {
    r"\begin{pmatrix} 1 & \cdots \\ \vdots & 4 \end{pmatrix}": "<mtable>",
    r"f(x) = \begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases}": "<mtext>otherwise</mtext>",
    r"\begin{aligned} a &= \sum_i b_i \\[4pt] c &= -d \end{aligned}": 'columnalign="right"',
    r"\operatorname{tr}(A)": "<mi>tr</mi>",
    r"\operatorname*{arg\,max}_\theta \mathcal{L}(\theta)": 'movablelimits="true"',
    r"\arg\min_x f(x)": "<munder>",
    r"\boldsymbol{\mu} \mathbb{R} \mathcal L": "𝝁",
    r"\frac{1}{n}\sum_{i}^{n} x_i": "<munderover>",
    r"\lVert x \rVert_2, \left\| x \right\|, |x|": "‖",
    r"\mathbb{E}_{q}[\log p(x)]": 'mspace width="0.167em"',
    r"\underbrace{a + b}_{\text{cost}}": "⏟",
    r"\hat{x}, \bar{x}, \overline{xy}, \widehat{xy}": 'accent="true"',
    r"A^\top, \mathrm{d}x, p \propto q, x \sim \mathcal{N}": "<mtext>d</mtext>",
    r"D_{\mathrm{KL}}(q \,\|\, p) \ge 0": "<mtext>KL</mtext>",
    r"\langle x, y \rangle, \mathbf{1}_{x > 0}, \binom{n}{k}": "⟨",
    r"a \% b, \& , x'": "&amp;",
}


@pytest.mark.parametrize("latex", RENDERED)
def test_typical_formulas_are_rendered(latex):
    for display in (False, True):
        html = mathml.convert(latex, display=display)
        assert RENDERED[latex] in html
        assert "\\" not in html
        assert "xmlns" not in html
        assert 'mathvariant="b' not in html


REFUSED_FORMULAS = [
    r"\nosuchcommand x", r"\begin{foo} a \end{foo}", r"a & b", r"a \\ b", r"\text{for $i$}", r"\text{a \emph{b}}",
    r"\operatorname{log-sum}", r"\mathop{x}_i", r"\newcommand{\R}{x} \R", r"\label{a} x", r"x % y", r"\frac{a}",
    r"\left( a", r"\big\foo", r"\sum\nolimits_i", r"\begin{array}{c|c} a & b \end{array}", r"2mu", r"{a", r"a}",
]  # fmt: skip


@pytest.mark.parametrize("latex", REFUSED_FORMULAS)
def test_other_formulas_are_refused_and_named(latex):
    with pytest.raises(mathml.Refused) as refused:
        mathml.convert(latex)
    assert latex in str(refused.value)


def test_outputs_are_chosen_for_a_page_without_scripts():
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    def shown(**data: str):
        output = new_output("display_data", {key.replace("__", "/"): value for key, value in data.items()})
        return page.body(new_notebook(cells=[new_code_cell("x", outputs=[output])])).cells[0]["outputs"]

    assert shown(text__html="<b>x</b>", text__plain="y")[0]["html"] == "<b>x</b>"
    assert "<pre>y</pre>" in shown(text__html="<script>x</script>", text__plain="y")[0]["html"]
    assert "<math" in shown(text__latex=r"$\frac12$", text__plain="y")[0]["html"]
    svg = shown(**{"image/svg+xml": "<svg/>", "text/html": "<b>x</b>"})
    assert svg[0]["html"].startswith('<img alt="figure" src="data:image/svg+xml;base64,')
    assert shown(**{"application/vnd.jupyter.widget-view+json": "{}", "text/plain": "Box()"})[0]["kind"] == "note"
    stray = page.body(new_notebook(cells=[new_markdown_cell(r"see \begin{align} x \end{align}")]))
    assert "outside dollars" in stray.problems[0]
