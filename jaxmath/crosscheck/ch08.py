"""Section 8.4: the forward pass and the backward pass."""

import numpy as np

from jaxmath import neural
from jaxmath.crosscheck.draws import normal
from jaxmath.crosscheck.reference import ch08 as reference
from jaxmath.crosscheck.registry import case

_SHAPES = ((4, 3), 4, (3, 4), 3, (2, 3), 2)


def _layers(*arrays):
    return list(zip(arrays[::2], arrays[1::2], strict=True))


case(
    "8.4 forward pass and backward pass",
    lambda x, y, *arrays: (
        neural.forward(_layers(*arrays), x), neural.forward(_layers(*arrays), x, activation=neural.tanh).output,
        neural.backward(_layers(*arrays), x, y),
        neural.backward(_layers(*arrays), x, y, activation=neural.tanh).gradients,
        neural.per_example_gradients(_layers(*arrays), x, y),
    ),
    lambda x, y, *arrays: (
        (reference.activations(_layers(*arrays), x, reference.sigmoid)[-1],
         reference.activations(_layers(*arrays), x, reference.sigmoid)),
        reference.activations(_layers(*arrays), x, np.tanh)[-1],
        (reference.loss(_layers(*arrays), x, y, reference.sigmoid),
         reference.gradients(_layers(*arrays), x, y, reference.sigmoid)),
        reference.gradients(_layers(*arrays), x, y, np.tanh),
        [tuple(np.stack(each) for each in zip(*layers, strict=True)) for layers in zip(
            *(reference.gradients(_layers(*arrays), x[i:i + 1], y[i:i + 1], reference.sigmoid) for i in range(len(x))),
            strict=True,
        )],
    ),
    inputs=normal((5, 3), (5, 2), *_SHAPES),
    covers=("neural.forward", "neural.backward", "neural.per_example_gradients"),
)  # fmt: skip
case(
    "8.4 Jacobian and Hessian-vector product",
    lambda x, y, *arrays: (
        neural.jacobian(_layers(*arrays[:6]), x), neural.jacobian(_layers(*arrays[:2]), x, activation=neural.tanh),
        neural.hessian_vector_product(_layers(*arrays[:6]), x, y, _layers(*arrays[6:])),
    ),
    lambda x, y, *arrays: (
        reference.jacobian(_layers(*arrays[:6]), x, reference.sigmoid),
        reference.jacobian(_layers(*arrays[:2]), x, np.tanh),
        reference.hessian_vector_product(_layers(*arrays[:6]), x, y, _layers(*arrays[6:])),
    ),
    inputs=normal((5, 3), (5, 2), *_SHAPES, *_SHAPES),
    covers=("neural.jacobian", "neural.hessian_vector_product"),
)  # fmt: skip
