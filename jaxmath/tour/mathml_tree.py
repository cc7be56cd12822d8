"""The second pass over a converted formula: from MathML as the converter writes it to MathML as browsers render it."""

import re
import unicodedata
from html import unescape
from xml.etree.ElementTree import Element

from latex2mathml.commands import DIACRITICS

_SCRIPTS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
_LIMITS = frozenset("∑∏∐\u22c3⋂\u22c1⋀⨁⨂⨀⨄") | {"lim", "max", "min", "sup", "inf", "det", "Pr", "gcd", "plim"}
_NO_OPERATORS = frozenset("∞∅∂∇…⋯⋮⋱")
_SIGNS, _OPENING, _CLOSING = frozenset("+-\u2212±∓"), frozenset("([{⟨⌊⌈"), frozenset(")]}⟩⌋⌉|‖!")
_STYLES = {
    "bold": "BOLD",
    "bold-italic": "BOLD ITALIC",
    "double-struck": "DOUBLE-STRUCK",
    "script": "SCRIPT",
    "fraktur": "FRAKTUR",
    "sans-serif": "SANS-SERIF",
    "monospace": "MONOSPACE",
}
_OLDER_NAMES = {"FRAKTUR": "BLACK-LETTER"}
_TEXT_STYLES = {
    "bold": "font-weight: bold",
    "italic": "font-style: italic",
    "monospace": "font-family: monospace",
    "sans-serif": "font-family: sans-serif",
}
_SPACES = {"thin": "-0.167em", "medium": "-0.222em", "thick": "-0.278em"}
_ACCENTS = {unescape(mark) for mark, _ in DIACRITICS.values()} - set("⏞⏟⎴⎵")
_COMBINING = {"^": "\u0302", "~": "\u0303"}  # the forms that fonts have wide variants of
_THIN = "0.167em"


def finish(element: Element) -> None:
    """Brings a converted formula to MathML Core, in place.

    Raises:
      ValueError: if the converter left something that cannot be right.
    """
    if element.tag == "mi" and element.text == "&":  # `\\&` is a character reference here
        raise ValueError("& outside an environment")
    element.text = unescape(element.text) if element.text else None
    _refuse(element)
    _letters(element)
    for child in element:
        finish(child)
    _accents(element)
    _limits(element)
    if element.tag in ("mrow", "mtd", "mstyle", "math", "msqrt", "mphantom"):
        _operators(element)
        _spaces(element)


def _refuse(element: Element) -> None:
    text = element.text or ""
    if "\\" in text:
        raise ValueError(f"unknown command {text}")
    if len(element) != _CHILDREN.get(element.tag, len(element)):
        raise ValueError("an argument is missing")
    if element.get("linebreak"):
        raise ValueError("a line break outside an environment")
    if element.tag == "mn" and not re.fullmatch(r"[\d.]+", text):
        raise ValueError(f"a number read as {text!r} (write a space or braces inside)")
    if element.tag == "mo" and len(element):
        raise ValueError("a group used as an operator")
    if "\u29f8" in text:
        raise ValueError("a negation without a symbol of its own")


def _letters(element: Element) -> None:
    """Fonts and classes of single elements: browsers know `mathvariant` only as `normal`."""
    text = element.text or ""
    variant = element.get("mathvariant")
    if variant and variant != "normal":
        del element.attrib["mathvariant"]
        if element.tag == "mtext":
            element.set("style", _TEXT_STYLES[variant])
        elif element.tag in ("mi", "mn") and variant != "italic":
            element.text = "".join(_styled(letter, _STYLES[variant]) for letter in text)
    if element.tag == "mspace":
        negative = re.fullmatch("negative(.*)mathspace", element.get("width", ""))
        element.set("width", _SPACES[negative[1]] if negative else element.get("width", "0"))
    elif element.tag == "mi" and len(text) == 1 and (unicodedata.category(text) in ("Sm", "Ps", "Pe") or text in ";:"):
        element.tag = "mo"
        if text in _OPENING | _CLOSING:
            element.set("stretchy", "false")
    name = text.replace("\u2009", "").replace("\u2006", "")
    if element.tag == "mo" and name.isalpha() and name not in _LIMITS and "movablelimits" not in element.attrib:
        element.tag = "mi"
        if len(name) == 1:
            element.set("mathvariant", "normal")
    if element.tag == "mo" and text in _NO_OPERATORS and text:
        element.tag = "mi"
        element.set("mathvariant", "normal")


def _styled(letter: str, style: str) -> str:
    """The letter or digit of a mathematical font, such as double-struck R."""
    if not (letter.isalnum() or letter in "∇∂") or unicodedata.name(letter).startswith("MATHEMATICAL"):
        return letter
    plain = re.sub("^(LATIN|GREEK) ", "", unicodedata.name(letter)).replace("LETTER ", "").replace("LUNATE ", "")
    for name in (f"MATHEMATICAL {style} {plain}", f"{style} {plain}", f"{_OLDER_NAMES.get(style)} {plain}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    raise ValueError(f"no {style.lower()} letter {letter}")


def _accents(element: Element) -> None:
    if element.tag not in ("mover", "munder") or len(element) != 2:
        return
    mark = element[1]
    if mark.tag != "mo" or mark.text not in _ACCENTS:
        return
    wide = element.get("accent") is None and mark.text in "^~"
    if mark.text == "\u2015":  # few fonts can stretch a bar
        element.set("style", f"border-{'top' if element.tag == 'mover' else 'bottom'}: 0.06em solid; padding: 0.1em 0")
        element.tag = "mrow"
        element.remove(mark)
        return
    element.set("accent" if element.tag == "mover" else "accentunder", "true")
    if mark.text != "→":
        stretched = wide and mark.get("stretchy") != "false"
        mark.text = _COMBINING[mark.text] if stretched else mark.text
        mark.set("stretchy", "true" if stretched else "false")
    elif mark.get("stretchy"):  # a vector; the long arrow leaves it to the browser
        mark.set("stretchy", "false")


def _limits(element: Element) -> None:
    """Under and over for the operators that take limits; browsers move them to the side in running text."""
    if not len(element) or element[0].tag != "mo":
        return
    base = element[0]
    if base.text not in _LIMITS and "movablelimits" not in base.attrib:
        return
    if element.tag in _SCRIPTS:
        element.tag = _SCRIPTS[element.tag]
        base.set("movablelimits", "true")
    elif element.tag in _SCRIPTS.values():
        base.set("movablelimits", "false")


def _operators(row: Element) -> None:
    """A sign after nothing, a bracket or an operator belongs to what follows; bars and slashes have no space."""
    previous: Element | None = None
    for child in row:
        core = _core(child)
        if core.tag == "mo":
            if core.text in _SIGNS and (previous is None or _is_open(previous)):
                core.set("form", "prefix")
            if core.text in ("|", "‖", "/") and not core.get("form"):
                core.set("lspace", "0")
                core.set("rspace", "0")
        if child.tag != "mspace":
            previous = child


def _is_open(element: Element) -> bool:
    core = _core(element)
    return core.tag == "mo" and core.text not in _CLOSING and core.get("form") != "postfix"


def _core(element: Element) -> Element:
    """The element that scripts and limits are attached to."""
    while element.tag in (*_SCRIPTS, *_SCRIPTS.values()) and len(element):
        element = element[0]
    return element


def _spaces(row: Element) -> None:
    """The thin spaces of named functions: before one unless an operator is there, after one unless a bracket opens."""
    children = list(row)
    for index, child in enumerate(children):
        core = _core(child)
        name = (core.text or "").replace("\u2009", "").replace("\u2006", "")
        if core.tag not in ("mi", "mo") or len(name) < 2 or not name.isalpha():
            continue
        before = index > 0 and children[index - 1].tag != "mspace" and not _is_open(children[index - 1])
        after = index + 1 < len(children) and not _opens(children[index + 1])
        if core.tag == "mo":
            core.set("lspace", _THIN if before else "0")
            core.set("rspace", _THIN if after else "0")
            continue
        position = list(row).index(child)
        if after:
            row.insert(position + 1, Element("mspace", width=_THIN))
        if before and not _is_function(children[index - 1]):
            row.insert(position, Element("mspace", width=_THIN))


def _is_function(element: Element) -> bool:
    core = _core(element)
    return core.tag == "mi" and len(core.text or "") > 1


def _opens(element: Element) -> bool:
    """Whether an element is (or begins with) an opening bracket, or brings its own space."""
    if element.tag == "mspace":
        return True
    core = _core(element)
    if core.tag == "mrow" and len(core):
        core = core[0]
        return core.tag == "mo" and core.get("form") == "prefix" and core.text in _OPENING
    return core.tag == "mo" and (core.text in _OPENING or not (core.text or "")[:1].isalpha())
