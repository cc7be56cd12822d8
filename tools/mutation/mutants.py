"""Mutants of Python functions: found in the source, described in words, installed and taken out again."""

import __future__

import ast
import contextlib
import copy
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

_ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
_COMPARISON = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """One change of one function.

    Attributes:
      function: the function's name in its package, such as "pca._root".
      mutation: the statement and the change, "statement: old -> new", without line numbers.
    """

    function: str
    mutation: str
    file: str
    line: int
    source: "Source" = field(repr=False, compare=False)
    site: "_Site" = field(repr=False, compare=False)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Puts the changed code into the function object, which everyone who holds the function then runs."""
        function = self.source.function
        before = function.__code__, function.__defaults__, function.__kwdefaults__
        with self.site.applied():
            changed = self.source.compiled()
        try:
            function.__code__ = changed.__code__
            if self.site.in_defaults:
                function.__defaults__, function.__kwdefaults__ = changed.__defaults__, changed.__kwdefaults__
            yield
        finally:
            function.__code__, function.__defaults__, function.__kwdefaults__ = before


@dataclass(frozen=True)
class Verdict:
    """Who killed a mutant, or nobody."""

    function: str
    mutation: str
    file: str
    line: int
    killer: str | None
    seconds: float


@dataclass
class _Site:
    """A field of a syntax node and what it becomes."""

    owner: ast.AST
    name: str
    value: Any
    show: Callable[[], str]
    statement: ast.stmt
    in_defaults: bool = False

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        before = getattr(self.owner, self.name)
        setattr(self.owner, self.name, self.value)
        try:
            yield
        finally:
            setattr(self.owner, self.name, before)

    def describe(self) -> str:
        old = self.show()
        with self.applied():
            new = self.show()
        return f"{_first_line(self.statement)}: {old} -> {new}"


class Source:
    """A function and its syntax tree."""

    def __init__(self, function: types.FunctionType, node: ast.FunctionDef, package: str):
        self.function, self.node = function, node
        self.file = function.__code__.co_filename
        module = function.__module__.removeprefix(package).lstrip(".")
        self.name = f"{module}.{function.__qualname__}".lstrip(".")

    def mutants(self) -> list[Mutant]:
        """All mutants in the order of the source; equal descriptions are told apart by #2, #3 and so on."""
        seen: dict[str, int] = {}
        found = []
        for site in _sites(self.node):
            text = site.describe()
            seen[text] = seen.get(text, 0) + 1
            text += f" #{seen[text]}" if seen[text] > 1 else ""
            found.append(Mutant(self.name, text, self.file, site.statement.lineno, self, site))
        return found

    def compiled(self) -> types.FunctionType:
        """The function that the tree, as it is now, defines: without decorators and annotations."""
        bare: ast.stmt = copy.deepcopy(self.node)
        _strip(bare)
        *classes, name = self.function.__qualname__.split(".")
        for outer in reversed(classes):
            bare = ast.ClassDef(outer, [], [], [bare], [])
        tree = ast.fix_missing_locations(ast.Module([bare], []))
        flags = self.function.__code__.co_flags & __future__.annotations.compiler_flag
        namespace = dict(self.function.__globals__)
        exec(compile(tree, self.file, "exec", flags=flags, dont_inherit=True), namespace)
        found = namespace[classes[0] if classes else name]
        for part in [*classes[1:], name] if classes else []:
            found = vars(found)[part]
        return found


def reached(function: Any, package: str) -> list[Source]:
    """A function and the private functions of its package that it calls, directly or through one another.

    Private is what its topic's namespace does not show, see :func:`is_public`; the rules of a custom derivative belong
    to the function that they are attached to.
    """
    found: dict[int, Source] = {}
    decorators: set[int] = set()  # they have done their work when a mutant of theirs is installed
    waiting = list(_functions(function))
    while waiting:
        plain = waiting.pop(0)
        source = None if id(plain) in found else source_of(plain, package)
        if source is not None:
            found[id(plain)] = source
            waiting += _private_callees(source, package)
            used = [getattr(node, "func", node) for node in source.node.decorator_list]
            decorators |= {id(one) for node in used for one in _functions(_own(node, source, package))}
    return [source for key, source in found.items() if key not in decorators]


def source_of(function: types.FunctionType, package: str) -> Source | None:
    """Where a function of the package is defined; None for lambdas, local or generated ones, and other packages."""
    module, file = function.__module__ or "", function.__code__.co_filename
    if not f"{module}.".startswith(f"{package}.") or file.startswith("<"):  # such as the __init__ of a dataclass
        return None
    node = _definitions(file).get((function.__qualname__, function.__code__.co_firstlineno))
    return Source(function, node, package) if node is not None else None


@functools.cache
def _definitions(file: str) -> dict[tuple[str, int], ast.FunctionDef]:
    found = {}

    def visit(body: Iterable[ast.AST], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
                found[prefix + node.name, first] = node
            else:
                visit(ast.iter_child_nodes(node), prefix)

    with open(file, encoding="utf-8") as source:
        visit(ast.parse(source.read()).body, "")
    return found


def _functions(value: Any) -> Iterator[types.FunctionType]:
    """The Python functions behind a decorated, wrapped or partially applied one, rules of derivatives included."""
    while value is not None and not isinstance(value, type):
        for rule in ("jvp", "fwd", "bwd"):
            if isinstance(attached := getattr(value, rule, None), types.FunctionType):
                yield attached
        if hasattr(value, "registry") and hasattr(value, "dispatch"):
            yield from (one for one in value.registry.values() if getattr(one, "__name__", "").startswith("_"))
        if isinstance(value, types.FunctionType) and not hasattr(value, "__wrapped__"):
            yield value
            return
        inner = ("__wrapped__", "fun", "func", "fget", "__func__")
        value = next((getattr(value, name) for name in inner if hasattr(value, name)), None)
    if isinstance(value, type):
        yield from (one for name, each in vars(value).items() if name.startswith("_") for one in _functions(each))


def _private_callees(source: Source, package: str) -> list[types.FunctionType]:
    found: list[types.FunctionType] = []
    for node in ast.walk(source.node):
        value = _own(node, source, package)
        if value is not None and not is_public(value, package):
            found += _functions(value)
            if isinstance(value, type):  # nobody else leads to the methods of a private class
                found += (one for name, each in vars(value).items() if name[0] != "_" for one in _functions(each))
    return found


def _own(node: ast.AST, source: Source, package: str) -> Any:
    """The function or class of the package that a node names, or None."""
    value = _resolve(node, source.function.__globals__, source)
    module = getattr(value, "__module__", None) or ""
    return value if f"{module}.".startswith(f"{package}.") and callable(value) else None


def is_public(value: Any, package: str) -> bool:
    """Whether users of the package see a function, a class or a method of one.

    They see what has no underscore and stands in the namespace of its topic, the module or package right below the
    package, or in that of a module that its topic names in ``__all__``.
    """
    parts = value.__module__.removeprefix(package).strip(".").split(".")
    outer, *inner = (getattr(value, "__qualname__", "") or getattr(value, "__name__", "_")).split(".")
    if any(name.startswith("_") and not name.startswith("__") for name in (*parts, outer, *inner)):
        return False
    namespace = sys.modules.get(f"{package}.{parts[0]}")
    for part in [*parts[1:], None]:
        found = getattr(namespace, outer, None)
        if found is not None and (found is value or inner):
            return True
        namespace = getattr(namespace, part, None) if part in getattr(namespace, "__all__", ()) else None
    return False


def _resolve(node: ast.AST, names: dict[str, Any], source: Source) -> Any:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        outer = source.function.__qualname__.split(".")[:-1]
        value = names.get(outer[0]) if outer else None
        value = functools.reduce(lambda found, part: getattr(found, part, None), outer[1:], value)
        return inspect.getattr_static(value, node.attr, None) if value is not None else None
    inner = _resolve(node.value, names, source)
    return getattr(inner, node.attr, None) if isinstance(inner, types.ModuleType | type) else None


def _strip(node: ast.AST) -> None:
    node.decorator_list, node.returns = [], None  # type: ignore[attr-defined]
    arguments = node.args  # type: ignore[attr-defined]
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
        if argument is not None:
            argument.annotation = None


def _first_line(statement: ast.stmt) -> str:
    if isinstance(statement, _DEFINITION):
        return f"def {statement.name}"
    return ast.unparse(statement).splitlines()[0]


def _sites(function: ast.FunctionDef) -> Iterator[_Site]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args][-len(arguments.defaults) or None :]
    for names, kind in ((positional, "defaults"), (arguments.kwonlyargs, "kw_defaults")):
        for index, default in enumerate(getattr(arguments, kind)):
            for site in _visit(default, arguments, function) if default is not None else ():
                site.show = functools.partial(_show_default, arguments, names[index].arg, kind, index)
                site.in_defaults = True
                yield site
    for statement in function.body:
        yield from _visit(statement, function, function)


def _show_default(arguments: ast.arguments, name: str, kind: str, index: int) -> str:
    return f"{name}={ast.unparse(getattr(arguments, kind)[index])}"


def _visit(node: ast.AST, parent: ast.AST, statement: ast.stmt) -> Iterator[_Site]:
    """Every change of a node and of what lies below it; what only an error message says is left out."""
    if isinstance(node, ast.Raise | ast.JoinedStr):
        return
    statement = node if isinstance(node, ast.stmt) else statement
    yield from _changes(node, parent, statement)
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _visit(child, node, statement)


def _changes(node: ast.AST, parent: ast.AST, statement: ast.stmt) -> Iterator[_Site]:
    def site(owner: ast.AST, name: str, value: Any, shown: ast.AST = node) -> _Site:
        return _Site(owner, name, value, functools.partial(ast.unparse, shown), statement)

    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield site(node, "op", _ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            if type(operator) in _COMPARISON:
                changed = _COMPARISON[type(operator)]()
                yield site(node, "ops", [*node.ops[:index], changed, *node.ops[index + 1 :]])
    elif isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg is not None:
                yield site(node, "keywords", [other for other in node.keywords if other is not keyword])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        name, value = _replaced(parent, node, node.operand)
        change = site(parent, name, value, parent)
        if not isinstance(parent, ast.expr | ast.keyword):
            change.show = lambda: ast.unparse(getattr(parent, name))
        yield change
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield site(node, "value", node.value + 1, parent if isinstance(parent, ast.expr | ast.keyword) else node)


def _replaced(parent: ast.AST, node: ast.AST, other: ast.AST) -> tuple[str, Any]:
    """The field of the parent that holds a node, and that field with another node in its place."""
    for name, value in ast.iter_fields(parent):
        if value is node:
            return name, other
        if isinstance(value, list) and any(item is node for item in value):
            return name, [other if item is node else item for item in value]
    raise AssertionError("a node is among the fields of its parent")
