"""A new last layer for other classes, and normalisation inside a model."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxmath import models, train
from jaxmath.data import augment

FAMILIES = {
    "VGG": lambda: models.VGG(11, rngs=nnx.Rngs(0)),
    "GoogLeNet": lambda: models.GoogLeNet(rngs=nnx.Rngs(0)),
    "ResNet": lambda: models.ResNet(20, rngs=nnx.Rngs(0)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_last_layer_of_every_family(family):
    """By shapes alone."""
    shapes = []

    def weights(model):
        state = nnx.state(model, nnx.Any(nnx.Param, nnx.BatchStat))
        return {path: weight.get_value().shape for path, weight in nnx.to_flat_state(state)}

    def made():
        model = FAMILIES[family]()
        shapes.append(weights(model))
        return models.replace_head(model, 7, rngs=nnx.Rngs(1))

    model = nnx.eval_shape(made)
    assert type(model).__name__ == family
    expected = {path: (*shape[:-1], 7) if "output" in path else shape for path, shape in shapes[0].items()}
    assert weights(model) == expected
    assert sum(path[-2:] == ("output", "bias") for path in expected) == (3 if family == "GoogLeNet" else 1)
    assert isinstance(hash(nnx.graphdef(model)), int)  # static in a program


def test_models_made_alike_have_one_graph():
    made = [models.replace_head(models.LeNet(rngs=nnx.Rngs(i)), 3, rngs=nnx.Rngs(i)) for i in range(2)]
    assert nnx.graphdef(made[0]) == nnx.graphdef(made[1])


def test_other_layers_stay_and_the_new_one_is_drawn_as_pytorch_does():
    model = models.LeNet(rngs=nnx.Rngs(0))
    before, names = jax.tree.map(jnp.copy, nnx.state(model)), list(vars(model))
    found = models.replace_head(models.Normalized(model, mean=0.0, std=1.0), 500, rngs=nnx.Rngs(1))
    assert found.model is model
    assert list(vars(model)) == names  # the order of definition, which a summary shows
    for path, weight in nnx.to_flat_state(nnx.state(model)):
        if path[0] != "output":
            np.testing.assert_array_equal(weight, dict(nnx.to_flat_state(before))[path])
    kernel = np.asarray(model.output.kernel[...])
    assert abs(kernel).max() <= 1 / np.sqrt(84)
    assert kernel.std() == pytest.approx(1 / np.sqrt(3 * 84), rel=0.01)
    assert (np.asarray(model.output.bias[...]) == 0).all()


def test_normalised_images():
    class Identity(nnx.Module):
        def __init__(self):
            self.unused = nnx.Param(jnp.zeros(1))

        def __call__(self, x):
            return x

    x = np.random.default_rng(0).random((2, 4, 4, 3)).astype(np.float32)
    found = models.Normalized(Identity())(jnp.asarray(x))
    np.testing.assert_allclose(found, (x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225], atol=1e-6)
    np.testing.assert_allclose(found, augment.normalize(x, augment.IMAGENET_MEAN, augment.IMAGENET_STD), atol=1e-6)
    assert models.Normalized(Identity())(jnp.asarray(x, jnp.bfloat16)).dtype == jnp.bfloat16
    state = train.create(models.Normalized(Identity(), mean=0.5, std=0.1), optax.sgd(0.1))
    assert [path for path, _ in nnx.to_flat_state(state.params)] == [("model", "unused")]


@pytest.mark.bad_input
def test_what_has_no_last_layer():
    linear = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    for call, error, message in [
        (lambda: models.replace_head(linear, 3, rngs=nnx.Rngs(0)), ValueError, "replace_head: Linear has no fully"),
        (lambda: models.replace_head(models.LeNet, 3, rngs=nnx.Rngs(0)), TypeError, "replace_head: .*the class LeNet"),
        (lambda: models.replace_head(linear, 0, rngs=nnx.Rngs(0)), ValueError, "replace_head: num_classes must be at"),
        (lambda: models.Normalized(linear, mean=np.zeros(2)), ValueError, r"Normalized: expected .*\(2,\) and \(3,\)"),
        (lambda: models.Normalized(linear, mean=0.0, std=-1.0), ValueError, r"Normalized: std must be in \[0, inf\)"),
        (lambda: models.Normalized(3), TypeError, "Normalized: expected a Flax NNX module, got int"),
    ]:
        with pytest.raises(error, match=f"^models.{message}"):
            call()


@pytest.mark.bad_input
def test_bytes_are_refused():
    model = models.Normalized(models.LeNet(rngs=nnx.Rngs(0)), mean=0.2, std=0.3)
    with pytest.raises(TypeError, match=r"models.Normalized: .* got uint8; divide bytes by 255"):
        model(jnp.zeros((1, 28, 28, 1), jnp.uint8))
