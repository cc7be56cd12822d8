"""Programs for tests: they run once or twice, so what counts is how fast they compile."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from jaxmath._compiling import quick_to_compile


def quick(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """A call as one program without optimisation, the same one for all calls with the same shapes and static options.

    Integers, words and None are static, everything else is traced.
    """
    static = tuple(a if _is_static(a) else ... for a in args)
    words = tuple((name, a) for name, a in sorted(options.items()) if _is_static(a))
    traced = [a for a in args if not _is_static(a)], {n: a for n, a in options.items() if not _is_static(a)}
    return _compiled(function, static, words)(*traced)


@functools.cache
def _compiled(function: Callable[..., Any], static: tuple, words: tuple) -> Callable[..., Any]:
    def call(args: list, options: dict) -> Any:
        traced = iter(args)
        return function(*(next(traced) if a is ... else a for a in static), **dict(words), **options)

    return jax.jit(call, compiler_options=quick_to_compile())


def _is_static(a: Any) -> bool:
    return a is None or isinstance(a, int | str)
