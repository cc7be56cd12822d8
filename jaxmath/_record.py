"""Results with a static field or with methods: frozen dataclasses that are pytrees."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import jax

Class = TypeVar("Class", bound=type)


@dataclass_transform(frozen_default=True)
def record(static: tuple[str, ...] = ()) -> Callable[[Class], Class]:
    """Makes of a class with annotations a frozen dataclass that JAX sees through.

    The fields named in ``static`` belong to the structure, the others are leaves. A result is rebuilt without
    ``__init__``, since JAX may put anything in the leaves.
    """

    def register(cls: Class) -> Class:
        made: Any = dataclasses.dataclass(frozen=True)(cls)
        made._fields = tuple(field.name for field in dataclasses.fields(made))
        leaves = tuple(name for name in made._fields if name not in static)

        def flatten(result: Any) -> tuple[list, tuple]:
            keyed = [(jax.tree_util.GetAttrKey(name), getattr(result, name)) for name in leaves]
            return keyed, tuple(getattr(result, name) for name in static)

        def unflatten(structure: tuple, children: Any) -> Any:
            result = object.__new__(made)
            for name, value in (*zip(leaves, children, strict=True), *zip(static, structure, strict=True)):
                object.__setattr__(result, name, value)
            return result

        jax.tree_util.register_pytree_with_keys(made, flatten, unflatten)
        return made

    return register
