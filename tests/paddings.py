"""Negative paddings in the program of a function and its gradients, as it is given to XLA."""

import re

import jax
import jax.numpy as jnp


def negative(function, *shapes, **options):
    """The lines of the program, values and gradients, in which a convolution or a frame of zeros is below 0."""

    def both(*arrays):
        y, backward = jax.vjp(lambda *arrays: function(*arrays, **options), *arrays)
        return y, backward(jnp.ones_like(y))

    text = jax.jit(both).lower(*(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)).as_text()
    return [line for line in text.split("\n") if re.search(r"(pad|low|high|padding) = [^=]*-\d", line)]
