"""What a model is made of, and what its layers put out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float


class Layer(NamedTuple):
    """A layer of a model, or a part that is made of layers.

    Attributes:
      name: the attributes that lead to it, joined by dots.
      kind: its type.
      output_shape: the batch comes first.
      num_parameters: those of its parts included.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    num_parameters: int


class Summary(NamedTuple):
    """The layers of a model in the order of their definition, and its parameters; printed as a table."""

    layers: tuple[Layer, ...]
    num_parameters: int

    def __str__(self) -> str:
        head = ("layer", "type", "output", "parameters")
        rows = [(name, kind, " x ".join(map(str, shape)), f"{count:,}") for name, kind, shape, count in self.layers]
        rows = [head, *rows, ("", "", "", f"{self.num_parameters:,}")]
        *left, right = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = ["  ".join([*map(str.ljust, row[:-1], left), row[-1].rjust(right)]) for row in rows]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def count_parameters(model: nnx.Module) -> int:
    """The number of trainable numbers in a model; running statistics are none.

    Example:
      >>> from jaxmath.models import LeNet
      >>> count_parameters(LeNet(rngs=nnx.Rngs(0)))
      61706
    """
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


def features(model: nnx.Module, x: Float[Array, "n ..."]) -> dict[str, Float[Array, "n ..."]]:
    """What every layer puts out, by the name of the layer, in the order of definition (of the alphabet after a merge).

    Args:
      model: it stays as it is, running statistics too.
      x: a batch for the model.

    Returns:
      A dict such as ``{"conv1": ..., "blocks.0.conv": ...}``: the outputs as the layers return them, before what the
      model does to them (an activation). Of a layer that was called several times, the last. A method other than the
      call of a layer adds its own name, as in ``"encoder.sample"``.

    Note:
      A NaN in an example reaches all layers of this example, and no other example unless the model mixes them.

    Example:
      >>> from jaxmath.models import LeNet
      >>> found = features(LeNet(rngs=nnx.Rngs(0)), jnp.zeros((5, 28, 28, 1)))
      >>> {name: output.shape for name, output in found.items()}["conv2"]
      (5, 10, 10, 16)
    """
    copy = nnx.merge(*nnx.split(model), copy=True)
    _, caught = nnx.capture(copy, nnx.Intermediate, method_outputs=nnx.Intermediate)(x)
    outputs = {path: output.get_value()[-1] for path, output in nnx.to_flat_state(caught) if path != ("__call__",)}
    ordered = sorted(outputs, key=lambda path: _place(model, path[:-1]))
    return {".".join(map(str, path)).removesuffix(".__call__"): outputs[path] for path in ordered}


def summary(model: nnx.Module | Callable[[], nnx.Module], shape: tuple[int, ...]) -> Summary:
    """The layers of a model with the shapes of their outputs and their parameters. Nothing is computed.

    Args:
      model: a model, also one of shapes alone (``nnx.eval_shape(lambda: LeNet(rngs=nnx.Rngs(0)))``, whose layers come
        in the order of the alphabet); or a function that makes one, of which then nothing is drawn:
        ``lambda: VGG(11, rngs=nnx.Rngs(0))``.
      shape: of a batch for it, such as ``(1, 28, 28, 1)``.

    Returns:
      The layers and the number of all parameters; ``print`` makes a table of it.

    Example:
      >>> from jaxmath.models import LeNet
      >>> print(summary(LeNet(rngs=nnx.Rngs(0)), (1, 28, 28, 1)))
      layer   type    output            parameters
      --------------------------------------------
      conv1   Conv    1 x 28 x 28 x 6          156
      conv2   Conv    1 x 10 x 10 x 16       2,416
      conv3   Conv    1 x 1 x 1 x 120       48,120
      hidden  Linear  1 x 84                10,164
      output  Linear  1 x 10                   850
                                            61,706
    """
    if isinstance(model, nnx.Module):
        return _summary(model, shape)
    made = []
    jax.eval_shape(lambda: made.append(_summary(model(), shape)))
    return made[0]


def _summary(model: nnx.Module, shape: tuple[int, ...]) -> Summary:
    graphdef, state = nnx.split(model)
    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    outputs = jax.eval_shape(lambda state, x: features(nnx.merge(graphdef, state), x), state, images)
    parts = sorted(nnx.iter_modules(model), key=lambda part: _place(model, part[0]))
    layers = [
        Layer(name, type(part).__name__, outputs[name].shape, count_parameters(part))
        for path, part in parts
        if (name := ".".join(map(str, path))) in outputs
    ]
    return Summary(tuple(layers), count_parameters(model))


def _place(part: Any, path: tuple) -> list[int]:
    """Where a part stands among the attributes of its owner, and the owner among those of its own."""
    place = []
    for name in path:
        place.append(name if isinstance(name, int) else list(vars(part)).index(name))
        part = part[name] if isinstance(name, int) else getattr(part, name)
    return place
