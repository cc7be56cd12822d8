"""Results with a static field or with methods: frozen dataclasses that are pytrees."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, dataclass_transform

import jax

Class = TypeVar("Class", bound=type)
Record = TypeVar("Record")


class Computed:
    """A field that may be left out for another one, and is computed from that where it is read.

    A class attribute in the place of a default: ``logits: Any = Computed(lambda d: log(d.probs / (1 - d.probs)))``.
    """

    def __init__(self, compute: Callable[[Any], Any]):
        self._compute = compute

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return None  # the default of the field
        given = vars(instance)[self._name]
        return self._compute(instance) if given is None else given

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self._name] = value


@dataclass_transform(frozen_default=True)
def record(static: tuple[str, ...] = ()) -> Callable[[Class], Class]:
    """Makes of a class with annotations a frozen dataclass that JAX sees through.

    The fields named in ``static`` belong to the structure, the others are leaves. A result is rebuilt without
    ``__init__``, since JAX may put anything in the leaves.
    """

    def register(cls: Class) -> Class:
        made: Any = dataclasses.dataclass(frozen=True, eq=False)(cls)  # arrays have no single answer
        made._fields = tuple(field.name for field in dataclasses.fields(made))
        leaves = tuple(name for name in made._fields if name not in static)

        def flatten(result: Any) -> tuple[list, tuple]:
            given = vars(result)
            keyed = [(jax.tree_util.GetAttrKey(name), given[name]) for name in leaves]
            return keyed, tuple(given[name] for name in static)

        def unflatten(structure: tuple, children: Any) -> Any:
            result = object.__new__(made)
            for name, value in (*zip(leaves, children, strict=True), *zip(static, structure, strict=True)):
                object.__setattr__(result, name, value)
            return result

        jax.tree_util.register_pytree_with_keys(made, flatten, unflatten)
        return made

    return register


def replaced(result: Record, fields: Mapping[str, Any]) -> Record:
    """A record with other values in some fields, which are not checked: they may be traced, or none at all."""
    made = object.__new__(type(result))
    for name, value in {**vars(result), **fields}.items():
        object.__setattr__(made, name, value)
    return made
