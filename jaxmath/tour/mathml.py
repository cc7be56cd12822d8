r"""LaTeX formulas as MathML that browsers render without scripts, or a loud refusal.

The conversion is latex2mathml's, between two passes of ours. It keeps going where it does not understand: a command it
does not know comes out as its own name, an environment it does not know as loose symbols. So the first pass rewrites
what has an equivalent that it knows (`aligned`, `pmatrix`, `\arg\max`, `\vert`, `\mathrm{KL}`) and refuses every
command and environment outside a list; the second one brings the result to what browsers implement (MathML Core):
letters of a font as the Unicode letters of that font, limits under the operators that take them, spaces around named
functions, signs that are no operators; and refuses what was left over.

Refused, among others, each with a message that names it: environments other than aligned, align, gathered, gather,
split, equation, (p, b, v, B, V)matrix, array (of l, c, r), cases; `\newcommand`, `\def`, `\DeclareMathOperator`;
`\label`, `\ref`, `\tag`; `\mathop`, `\mathrel`, `\mathbin`; `\not` before anything but `=` and `\in`; `\bf`, `\rm`;
`\cancel`, `\xrightarrow`, `\hline`, `\hfill`, `\nolimits`, `\intertext`; `\mbox`, and mathematics, braces or commands
inside `\text{}`; `\operatorname` of anything but letters; `%`, `&` or `\\` outside an environment.
"""

import re
import unicodedata
from html import unescape
from xml.etree.ElementTree import Element, tostring

from latex2mathml.commands import FUNCTIONS
from latex2mathml.converter import convert_to_element
from latex2mathml.symbols_parser import convert_symbol

from jaxmath.tour import mathml_tree

_STRUCTURE = """
    frac dfrac tfrac binom dbinom tbinom sqrt left right middle big Big bigg Bigg bigl bigr bigm Bigl Bigr Bigm biggl
    biggr biggm Biggl Biggr Biggm begin end text textbf textit textrm texttt operatorname operatorname* mathbf mathbb
    mathcal mathit mathsf mathtt mathscr mathfrak mathrm boldsymbol bm hat bar tilde vec dot ddot widehat widetilde
    overline underline overbrace underbrace overset underset stackrel overrightarrow substack limits displaystyle
    textstyle phantom hspace quad qquad boxed color textcolor pmod bmod argmax argmin det Pr gcd lim liminf limsup sup
    inf max min
"""
_KNOWN = {f"\\{name}" for name in _STRUCTURE.split()} | set(FUNCTIONS)
_KNOWN |= {rf"\{mark}" for mark in "\\,;:!> {}|%$&#_"}
_ENVIRONMENTS = ("align*", "matrix", "array", "cases")
_FENCES = {"p": ("(", ")"), "b": ("[", "]"), "v": ("|", "|"), "B": (r"\{", r"\}"), "V": (r"\|", r"\|")}
_REWRITES = (
    (r"\\\\\s*\[\s*-?[\d.]+\s*[a-z]{2}\s*\]", r"\\\\ "),
    (r"\\(?:nonumber|notag)(?![A-Za-z])", ""),
    (r"\\(begin|end)\s*\{(?:aligned|align\*?|split)\}", r"\\\1{align*}"),
    (r"\\(begin|end)\s*\{(?:gathered|gather\*?)\}", r"\\\1{matrix}"),
    (r"\\(?:begin|end)\s*\{equation\*?\}", ""),
    (r"\\operatorname\*?\s*\{\s*arg\s*(?:\\[,;:! ]|~)?\s*(max|min)\s*\}", r"\\arg\1 "),
    (r"\\arg\s*(?:\\[,;:! ])?\s*\\(max|min)(?![A-Za-z])", r"\\arg\1 "),
    (r"\\arg(?![A-Za-z])", r"\\operatorname{arg}"),
    (r"\\[lr]?vert(?![A-Za-z])", "|"),
    (r"\\[lr]?Vert(?![A-Za-z])", r"\\|"),
    (r"\\langle(?![A-Za-z])", "\u27e8"),
    (r"\\rangle(?![A-Za-z])", "\u27e9"),
    (r"\\not\s*=", r"\\ne "),
    (r"\\not\s*\\in(?![A-Za-z])", r"\\notin "),
    (r"\\mathrm\s*\{([A-Za-z0-9]+)\}", r"\\text{\1}"),
    (r"\\sim(?![A-Za-z])", "\u223c "),
    (r"\\setminus(?![A-Za-z])", "\u2216 "),
)


class Refused(ValueError):
    """A formula that cannot be rendered faithfully; the message names the formula and what is wrong in it."""


def convert(latex: str, *, display: bool = False) -> str:
    """A formula as a `<math>` element.

    Args:
      latex: the formula without its dollars.
      display: whether it stands on a line of its own.

    Raises:
      Refused: if a part of it is not known to be rendered as LaTeX would.
    """
    try:
        source = _rewrite(latex)
        _check(source)
        tree = convert_to_element(source, display="block" if display else "inline")
        tree.attrib.pop("xmlns", None)
        mathml_tree.finish(tree)
    except Refused:
        raise
    except Exception as failure:  # the converter raises whatever comes up, bare StopIteration included
        reason = str(failure) or type(failure).__name__
        raise Refused(f"{reason} in the formula {' '.join(latex.split())}") from failure
    return _serialise(tree)


def _rewrite(latex: str) -> str:
    for pattern, replacement in _REWRITES:
        latex = re.sub(pattern, replacement, latex)
    for letter, (left, right) in _FENCES.items():
        latex = latex.replace(f"\\begin{{{letter}matrix}}", rf"{{\left{left}\begin{{matrix}}")
        latex = latex.replace(f"\\end{{{letter}matrix}}", rf"\end{{matrix}}\right{right}}}")
    return latex


def _check(latex: str) -> None:
    if re.search(r"(?<!\\)%", latex):
        raise ValueError("a comment sign %")
    for command in re.findall(r"\\(?:operatorname\*|[A-Za-z]+|[^A-Za-z])", latex):
        if command not in _KNOWN and not _is_symbol(command):
            raise ValueError(f"unknown command {command}")
    for name in re.findall(r"\\(?:begin|end)\s*\{([^}]*)\}", latex):
        if name not in _ENVIRONMENTS:
            raise ValueError(f"unknown environment {name}")
    depths = [0]
    for brace in re.findall(r"(?<!\\)[{}]", latex.replace(r"\\", "")):
        depths.append(depths[-1] + (1 if brace == "{" else -1))
    if depths[-1] or min(depths) < 0:
        raise ValueError("braces that do not match")
    _check_arguments(latex)


def _check_arguments(latex: str) -> None:
    patterns = {
        r"\\text(?:bf|it|rm|tt)?(?![a-z])": r"\s*\{[^{}$\\]*\}",
        r"\\operatorname\*?": r"\s*\{[A-Za-z ]+\}",
        r"\\begin\{array\}": r"\s*\{[lcr ]+\}",
        r"\\begin\{(?:align\*|matrix|cases)\}": r"(?!\s*\[)",
    }
    for command, argument in patterns.items():
        bad = re.search(f"{command}(?!{argument})", latex)
        if bad:
            raise ValueError(f"an argument of {bad[0]} that is not plain")


def _is_symbol(command: str) -> bool:
    code = convert_symbol(command)
    return code is not None and unicodedata.category(chr(int(code.split("-")[0], 16))) not in ("Mn", "Me", "Cn", "Co")


def _serialise(tree: Element) -> str:
    text = tostring(tree, encoding="unicode", short_empty_elements=False)
    if "\\" in unescape(text):
        raise Refused(f"a command was left over in {unescape(text)}")
    return text
