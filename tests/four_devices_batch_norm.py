"""Run by test_models_classifiers.py in a process with four virtual devices: one batch norm for all of them."""

import re

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxmath._compiling import quick_to_compile
from jaxmath.models import _initialization, _layers


def main() -> None:
    assert jax.device_count() == 4
    layer = _layers.ConvNorm(3, 5, 3)
    _initialization.draw(layer, nnx.Rngs(0))
    graphdef, params, rest = nnx.split(layer, nnx.Param, ...)

    def loss(params, x):
        module = nnx.merge(graphdef, params, rest, copy=True)
        y = module(x)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)), nnx.state(module, nnx.BatchStat)

    gradient = jax.jit(jax.grad(loss, has_aux=True), compiler_options=quick_to_compile())
    x = np.random.default_rng(0).normal(size=(8, 6, 6, 3)).astype(np.float32)
    x[4:] *= 3  # the devices see other means and variances
    mesh = jax.make_mesh((4,), ("images",), axis_types=(AxisType.Auto,))
    sharded = jax.device_put(x, NamedSharding(mesh, PartitionSpec("images")))
    for one, four in zip(*(jax.tree.leaves(gradient(params, each)) for each in (x, sharded)), strict=True):
        np.testing.assert_allclose(one, four, rtol=2e-4, atol=1e-4)
    program = gradient.lower(params, sharded).compile().as_text()
    assert re.search(r"all-reduce(-start)?\(", program)
    assert "all-gather" not in program
    print("four devices agree")


if __name__ == "__main__":
    main()
