"""Whether a function works entry by entry, from the structure of its derivative.

Softmax of one number is 1, so trying single entries does not tell. The derivative does: it is a linear program of few
operations, through which the axes of the argument are followed. No number is looked at: it works under jit and grad.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

# An axis of a value as a product of (axis of the argument, size): along it, entry k depends on the entries with index k
# of the argument only. (None, size) promises nothing, and an axis of size 1 needs no promise.
Axis = tuple[tuple[int | None, int], ...]
# What is known of a value: its axes, or None for a value that does not depend on the argument.
State = tuple[Axis, ...] | None

_REFUSED = "expected an elementwise function, got one whose entries depend on each other, as those of softmax"

_ENTRYWISE = {
    *("add", "add_any", "complex", "conj", "convert_element_type", "copy", "copy_p", "div", "imag", "mul", "neg"),
    *("optimization_barrier", "real", "reduce_precision", "reshard", "select_n", "sharding_constraint", "sub"),
}


def with_derivative(name: str, f: Callable[[Array], Array], x: Array) -> tuple[Array, Array]:
    """Values and derivative of an elementwise function; ValueError where the derivative shows that it is none."""
    y, linear, separate = _linearize(f, x)
    if len(separate) < x.ndim:
        raise ValueError(f"{name}: {_REFUSED}")
    return y, linear(jnp.ones_like(x))


def check(name: str, f: Callable[[Any], Any], x: tuple[Array, Array], y: tuple[Array, Array]) -> None:
    """ValueError where f, whose values at two arguments are y, is not elementwise.

    What JAX cannot differentiate, for instance a function of NumPy, is tried on every other entry of the one argument
    and the rest of the other one; with traced arguments it passes.
    """
    separate = separate_axes(f, x[0])
    if separate is None and not any(isinstance(a, Tracer) for a in x):
        every_other = jnp.arange(x[0].size).reshape(x[0].shape) % 2 == 0
        same = np.array_equal(jnp.where(every_other, *y), f(jnp.where(every_other, *x)), equal_nan=True)
        separate = list(range(x[0].ndim)) if same else []
    if separate is not None and len(separate) < x[0].ndim:
        raise ValueError(f"{name}: {_REFUSED}")


def separate_axes(f: Callable[[Any], Any], x: Any) -> list[int] | None:
    """The axes along which entry k of f depends on entry k of x only; None where there is no such program or shape."""
    found: list[list[int]] = []

    def values(x: Array) -> Array:
        y, _, separate = _linearize(f, x)
        found.append(separate)
        return y

    try:
        y = jax.eval_shape(values, x)
    except (TypeError, NotImplementedError):
        return None
    return found[0] if y.shape == x.shape else None


def _linearize(f: Callable[[Any], Any], x: Array) -> tuple[Array, Callable[[Array], Array], list[int]]:
    """Values, the derivative as a linear function, and its separate axes.

    Of a function whose rule is for reverse mode alone it is the transpose, which is diagonal where the derivative is.
    """
    y, push = jax.linearize(f, x)
    try:
        return y, push, _followed(push, x)
    except _ReverseModeOnly:
        transpose = jax.linear_transpose(push, x)
        pull = lambda g: transpose(g)[0]  # noqa: E731
        return y, pull, _followed(pull, y)


class _ReverseModeOnly(NotImplementedError):
    """The program has a function with ``jax.custom_vjp``."""


def _followed(linear: Callable[[Array], Array], x: Array) -> list[int]:
    """The axes along which entry k of a linear function depends on entry k only."""
    if 0 in x.shape:
        return list(range(x.ndim))
    closed = jax.make_jaxpr(linear)(jax.ShapeDtypeStruct(x.shape, x.dtype))
    start = tuple(_axis(i, size) for i, size in enumerate(x.shape))
    (state,) = _outputs(closed.jaxpr, [start])
    if state is None:
        return list(range(x.ndim))
    return [i for i, axis in enumerate(start) if len(state) == x.ndim and state[i] == axis]


def _axis(label: int | None, size: int) -> Axis:
    return () if size == 1 else ((label, size),)


def _unknown(shape: Sequence[int]) -> State:
    return tuple(_axis(None, size) for size in shape)


def _shape(variable: Any) -> tuple[int, ...]:
    return variable.aval.shape


def _join(states: Sequence[State], shape: Sequence[int]) -> State:
    """What is known of a value whose entries depend on the same entries of several values."""
    known = [state for state in states if state is not None]
    if not known or any(len(state) != len(shape) for state in known):
        return _unknown(shape) if known else None
    return tuple(
        axes[0] if len(set(axes)) == 1 else _axis(None, size)
        for size, axes in zip(shape, zip(*known, strict=True), strict=True)
    )


def _outputs(jaxpr: Any, inputs: Sequence[State]) -> list[State]:
    """The states of what a program returns from those of its arguments."""
    states: dict[Any, State] = dict(zip(jaxpr.invars, inputs, strict=True))

    def read(variable: Any) -> State:
        return None if hasattr(variable, "val") else states.get(variable)

    for equation in jaxpr.eqns:
        found = [read(variable) for variable in equation.invars]
        if any(state is not None for state in found):
            states |= dict(zip(equation.outvars, _through(equation, found), strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _through(equation: Any, states: list[State]) -> Sequence[State]:
    """The states of what one operation returns."""
    name, shapes = equation.primitive.name, [_shape(variable) for variable in equation.outvars]
    inner = [program for program in map(_program, equation.params.values()) if program is not None]
    if name == "custom_lin":
        raise _ReverseModeOnly
    if name in _ENTRYWISE:
        return [_join(states, shape) for shape in shapes]
    if name in _LOOPS:
        return _LOOPS[name](equation.params, states, shapes)
    if len(inner) == 1 and len(inner[0].invars) == len(states):
        return _outputs(inner[0], states)
    if name in _MOVES and states[0] is not None and states[1:] == [None] * (len(states) - 1):
        return [_MOVES[name](equation.params, states[0], _shape(equation.invars[0]), shape) for shape in shapes]
    if name == "concatenate":
        return [_without(_join(states, shapes[0]), shapes[0], [int(equation.params["dimension"])])]
    if name == "stack":
        axis, joined = equation.params["axis"], _join(states, _shape(equation.invars[0])) or ()
        return [(*joined[:axis], _axis(None, len(states)), *joined[axis:])]
    if name == "dot_general" and None in states:
        return [_of_product(equation.params["dimension_numbers"], states, shapes[0])]
    return [_unknown(shape) for shape in shapes]


def _program(parameter: Any) -> Any:
    program = getattr(parameter, "jaxpr", parameter)
    return program if hasattr(program, "eqns") else None


def _without(state: Any, shape: Sequence[int], lost: Sequence[int]) -> State:
    """The state of a value with nothing known along some axes."""
    return tuple(_axis(None, n) if i in lost else axis for i, (axis, n) in enumerate(zip(state, shape, strict=True)))


def _broadcast(params: dict, state: Any, before: Sequence[int], after: Sequence[int]) -> State:
    axes = [_axis(None, size) for size in after]
    for i, axis in enumerate(params["broadcast_dimensions"]):
        axes[axis] = state[i] if before[i] == after[axis] else axes[axis]
    return tuple(axes)


def _reshape(params: dict, state: Any, before: Sequence[int], after: Sequence[int]) -> State:
    parts, axes = [part for axis in state for part in axis], []
    for size in after:
        axis: Axis = ()
        while size > 1:
            if 0 in after or size % parts[0][1]:
                return _unknown(after)
            size, axis = size // parts[0][1], (*axis, parts.pop(0))
        axes.append(axis)
    return tuple(axes)


def _resized(params: dict, state: Any, before: Sequence[int], after: Sequence[int]) -> State:
    """Slices: an axis of the same size is the whole axis."""
    return _without(state, after, [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b])


def _padded(params: dict, state: Any, before: Sequence[int], after: Sequence[int]) -> State:
    return _without(state, after, [i for i, edge in enumerate(params["padding_config"]) if any(edge)])


def _gathered(params: dict, state: Any, before: Sequence[int], after: Sequence[int]) -> State:
    """Axes that the indices share with the array, and whole axes of it."""
    numbers = params["dimension_numbers"]
    placed = [i for i in range(len(after)) if i not in numbers.offset_dims]
    axes = [_axis(None, size) for size in after]
    for mine, theirs in zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True):
        axes[placed[theirs]] = state[mine]
    taken = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    free = [i for i in range(len(before)) if i not in taken]
    for i, axis in zip(free, numbers.offset_dims, strict=True):
        axes[axis] = state[i] if before[i] == after[axis] else axes[axis]
    return tuple(axes)


def _same(params: dict, state: Any, before: Sequence[int], after: Sequence[int]) -> State:
    return state


def _reduced(params: dict, state: Any, before: Sequence[int], after: Sequence[int]) -> State:
    return tuple(axis for i, axis in enumerate(state) if i not in params["axes"])


def _squeezed(params: dict, state: Any, before: Sequence[int], after: Sequence[int]) -> State:
    return tuple(axis for i, axis in enumerate(state) if i not in params["dimensions"])


# Operations on one array that depends on the argument: what they do to its axes, from their parameters, the state, and
# the shapes before and after.
_MOVES = {
    "broadcast_in_dim": _broadcast,
    "cumsum": lambda params, state, before, after: _without(state, after, [int(params["axis"])]),
    "dynamic_slice": _resized,
    "gather": _gathered,
    "pad": _padded,
    "reduce_sum": _reduced,
    "reshape": _reshape,
    "rev": lambda params, state, before, after: _without(state, after, [int(i) for i in params["dimensions"]]),
    "scatter": _same,
    "scatter-add": _same,
    "scatter-mul": _same,
    "slice": _resized,
    "split": _resized,
    "squeeze": _squeezed,
    "transpose": lambda params, state, before, after: tuple(state[i] for i in params["permutation"]),
}


def _of_product(dimensions: Any, states: list[Any], shape: Sequence[int]) -> State:
    """A product in which one array depends on the argument: its axes are those of the batch, the left, the right."""
    (contracted, batch), side = dimensions, 0 if states[1] is None else 1
    state, taken = states[side], (*contracted[side], *batch[side])
    free = [axis for i, axis in enumerate(state) if i not in taken]
    start = len(batch[0]) if side == 0 else len(shape) - len(free)
    axes = [_axis(None, size) for size in shape]
    axes[: len(batch[0])] = [state[i] for i in batch[side]]
    axes[start : start + len(free)] = free
    return tuple(axes)


def _settled(body: Any, fixed: list[State], carry: list[State], rest: list[State]) -> tuple[list[State], list[State]]:
    """The states of what a loop carries, the same before and after a pass, and of what else a pass returns."""
    shapes = [_shape(variable) for variable in body.outvars]
    while True:
        found = _outputs(body, [*fixed, *carry, *rest])
        after = [_join(pair, shape) for *pair, shape in zip(carry, found, shapes, strict=False)]
        if after == carry:
            return carry, found[len(carry) :]
        carry = after


def _scan(params: dict, states: list[Any], shapes: Sequence[Sequence[int]]) -> list[State]:
    consts, end = params["num_consts"], params["num_consts"] + params["num_carry"]
    rows = [None if state is None else state[1:] for state in states[end:]]
    carry, found = _settled(_program(params["jaxpr"]), states[:consts], states[consts:end], rows)
    first = {state[0] for state in states[end:] if state is not None}
    alone = len(first) == 1 and all(state is None for state in (*states[:consts], *carry))
    axis = first.pop() if alone else _axis(None, params["length"])
    return [*carry, *(None if state is None else (axis, *state) for state in found)]


def _while(params: dict, states: list[State], shapes: Sequence[Sequence[int]]) -> list[State]:
    start = params["cond_nconsts"]
    end = start + params["body_nconsts"]
    return _settled(_program(params["body_jaxpr"]), states[start:end], states[end:], [])[0]


def _cond(params: dict, states: list[State], shapes: Sequence[Sequence[int]]) -> list[State]:
    branches = [_outputs(_program(branch), states[1:]) for branch in params["branches"]]
    return [_join(found, shape) for *found, shape in zip(*branches, shapes, strict=True)]


_LOOPS = {"cond": _cond, "scan": _scan, "while": _while}
