"""Faster R-CNN: losses and detections of the small network; shapes of the others; generated scenes."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxmath import data, models, train
from jaxmath._compiling import quick_to_compile
from jaxmath.models import torchvision as names

compiled = partial(jax.jit, compiler_options=quick_to_compile())
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def model():
    return nnx.jit(lambda: models.FasterRCNN(4, backbone="small", rngs=nnx.Rngs(0)))()


def batch():
    """Two images of which one is smaller than the other, and one truth is padding."""
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.uniform(size=(2, 64, 96, 3)), jnp.float32)
    boxes = jnp.array([[[5.0, 5, 30, 40], [40, 10, 80, 60]], [[3, 3, 20, 30], [0, 0, 0, 0]]])
    sizes, labels = jnp.array([[64.0, 96], [40, 50]]), jnp.array([[1, 2], [3, 0]])
    return images, sizes, boxes, labels, jnp.array([[True, True], [True, False]])


@pytest.fixture(scope="module")
def loss_of(model):
    graphdef, params, rest = nnx.split(model, nnx.Param, ...)

    def loss(params, *batch):
        return models.fasterrcnn_loss(nnx.merge(graphdef, params, rest), *batch, KEY)

    run = compiled(jax.value_and_grad(loss, has_aux=True))
    return lambda *batch: run(params, *batch)


def test_loss_and_its_gradient(loss_of):
    """Near those of a network that knows nothing, the sum of its parts, whatever is in the padding."""
    (value, parts), gradient = loss_of(*batch())
    assert value == pytest.approx(float(sum(parts)), rel=1e-6)
    assert parts.objectness == pytest.approx(np.log(2), abs=0.01)
    assert parts.classification == pytest.approx(np.log(4), abs=0.05)
    for leaf in jax.tree.leaves(gradient):
        assert jnp.isfinite(leaf).all()
        assert (leaf != 0).any()
    images, sizes, boxes, labels, valid = batch()
    odd = images.at[1, 40:].set(jnp.nan).at[1, :, 50:].set(7.0)
    (other, _), again = loss_of(odd, sizes, boxes.at[1, 1].set(jnp.nan), labels.at[1, 1].set(2), valid)
    assert other == value
    for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)


def test_images_without_objects(loss_of):
    """Background alone: no distance of codes, and nothing is NaN."""
    images, sizes, boxes, labels, valid = batch()
    (value, parts), gradient = loss_of(images, sizes, boxes, labels, jnp.zeros_like(valid))
    assert jnp.isfinite(value)
    assert (parts.proposals, parts.boxes) == (0, 0)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_truths_that_are_wrong_make_the_loss_nan(loss_of):
    """Valid ones: a box without area or a NaN, and a label that is no class."""
    images, sizes, boxes, labels, valid = batch()
    wrong = [(boxes.at[0, 0, 2].set(value), labels) for value in (jnp.nan, 5.0, 2.0)]
    wrong += [(boxes, labels.at[1, 0].set(value)) for value in (0, 4, -1)]
    for bad_boxes, bad_labels in wrong:
        (value, parts), _ = loss_of(images, sizes, bad_boxes, bad_labels, valid)
        assert jnp.isnan(value)
        assert all(map(jnp.isnan, parts))
    for size in ([64.0, 97.0], [96.0, 64.0], [0.0, 50.0], [jnp.nan, 50.0]):
        assert jnp.isnan(loss_of(images, sizes.at[1].set(jnp.array(size)), boxes, labels, valid)[0][0])


def test_no_slot_for_a_box(model):
    """As if there were one that is empty."""
    images, sizes, boxes, labels, valid = batch()
    run = compiled(lambda *truths: models.fasterrcnn_loss(model, images, sizes, *truths, KEY)[0])
    none, empty = run(boxes[:, :0], labels[:, :0], valid[:, :0]), run(boxes[:, :1], labels[:, :1], valid[:, :1] & False)
    assert none == empty


def test_a_nan_in_an_image_marks_its_detections(model):
    """In the detections of this image, and of no other."""
    images, sizes, *_ = batch()
    run = compiled(lambda images: models.fasterrcnn_predict(model, images, sizes))
    found, before = run(images.at[1, 3, 4, 0].set(jnp.nan)), run(images)
    assert jnp.isnan(found.scores[1]).all()
    assert jnp.isnan(found.boxes[1]).all()
    assert found.valid[1].all()
    for name, value in found._asdict().items():
        np.testing.assert_array_equal(value[0], getattr(before, name)[0])


@pytest.mark.bad_input
def test_arguments_of_other_shapes(model):
    images, sizes, *truths = batch()
    for bad in (sizes[0], sizes[:1]):
        with pytest.raises(ValueError, match=r"^models\.fasterrcnn_predict: expected sizes \(n, 2\) of n images"):
            models.fasterrcnn_predict(model, images, bad)
    with pytest.raises(
        ValueError, match=r"^models\.fasterrcnn_loss: expected boxes \(2, m, 4\), labels \(2, m\) and valid"
    ):
        models.fasterrcnn_loss(model, images, sizes, truths[0][0], *truths[1:], KEY)
    with pytest.raises(TypeError, match=r"^models\.fasterrcnn_predict: expected a models\.FasterRCNN, got Linear"):
        models.fasterrcnn_predict(nnx.Linear(2, 2, rngs=nnx.Rngs(0)), images, sizes)
    with pytest.raises(TypeError, match=r"^models\.fasterrcnn_predict: expected images in floating point"):
        models.fasterrcnn_predict(model, jnp.zeros((1, 64, 64, 3), jnp.uint8), sizes[:1])


@pytest.mark.once
def test_sides_that_32_does_not_divide():
    """Of a pyramid: padded to those, as torchvision does, or the anchors would not lie over their cells."""
    build = lambda: models.FasterRCNN(3, backbone="resnet50_fpn", rngs=nnx.Rngs(0))  # noqa: E731
    model = nnx.eval_shape(build)
    for size, padded in (((100, 133), (128, 160)), ((240, 320), (256, 320))):
        shapes = [
            jax.eval_shape(lambda x: build()._maps(x, jnp.ones((1, 2))), jnp.zeros((1, *s, 3))) for s in (size, padded)
        ]
        maps = [jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), each) for each in shapes]
        a, b = (model._anchors(each, s) for each, s in zip(maps, (size, padded), strict=True))
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)
        assert a[0][3, 0] - a[0][0, 0] == 4


def test_detections_of_a_batch_are_those_of_each_image(model):
    images, sizes, *_ = batch()
    run = compiled(lambda images, sizes: models.fasterrcnn_predict(model, images, sizes))
    together = run(images, sizes)
    alone = [run(images[i : i + 1].repeat(2, axis=0), sizes[i : i + 1].repeat(2, axis=0)) for i in range(2)]
    for name, whole in together._asdict().items():
        for i in range(2):
            np.testing.assert_allclose(whole[i], getattr(alone[i], name)[0], rtol=1e-4, atol=1e-3)
    assert together.valid.all()
    assert (together.scores[:, :-1] >= together.scores[:, 1:]).all()
    limits = jnp.concatenate([sizes[:, ::-1], sizes[:, ::-1]], axis=1)[:, None]
    assert ((together.boxes >= 0) & (together.boxes <= limits)).all()
    assert set(np.unique(together.labels)) <= {1, 2, 3}
    odd = run(images.at[1, 40:].set(jnp.nan), sizes)
    np.testing.assert_array_equal(odd.boxes, together.boxes)
    exchanged = run(images, sizes.at[1].set(jnp.array([96.0, 64.0])))  # no size of these images
    assert jnp.isnan(exchanged.scores[1]).all()
    np.testing.assert_array_equal(exchanged.scores[0], together.scores[0])
    assert run._cache_size() == 1  # one program for all images of one bucket


def test_the_amount_of_padding_does_not_matter(model):
    """Of an image whose sides no stride divides, in three buckets."""
    (images, *_), size = batch(), jnp.array([[41.0, 51]])
    sure = nnx.clone(model)  # of different scores, whose order no rounding changes
    for layer in (sure.proposal_head.logits, sure.logits):
        layer.kernel.set_value(100 * layer.kernel.get_value())
    run = compiled(lambda images: models.fasterrcnn_predict(sure, images, size))
    alone = run(images[:1, :41, :51])
    assert alone.valid.all()
    for height, width in ((41, 96), (80, 56)):
        image = jnp.full((1, height, width, 3), jnp.nan).at[:, :41, :51].set(images[:1, :41, :51])
        for name, value in run(image)._asdict().items():
            np.testing.assert_allclose(value, getattr(alone, name), rtol=1e-4, atol=1e-3, err_msg=name)


@pytest.mark.once
def test_the_amount_of_padding_does_not_matter_to_vgg():
    """Features, of a network with random biases."""
    backbone = nnx.eval_shape(lambda: models.FasterRCNN(2, rngs=nnx.Rngs(0))).backbone
    graphdef, state = nnx.split(backbone)
    rng = np.random.default_rng(0)
    state = jax.tree.map(
        lambda x: jnp.asarray(rng.normal(size=x.shape) / np.sqrt(x.size / x.shape[-1]), x.dtype), state
    )
    image, size = jnp.asarray(rng.uniform(size=(1, 41, 51, 3)), jnp.float32), jnp.array([[41, 51]])
    run = compiled(lambda state, image: nnx.merge(graphdef, state)(image, size))
    alone, padded = run(state, image), run(state, jnp.pad(image, ((0, 0), (0, 7), (0, 29), (0, 0))))
    np.testing.assert_array_equal(padded.cells, alone.cells)
    np.testing.assert_allclose(padded.features[0][:, :2, :3], alone.features[0], rtol=1e-4, atol=1e-5)
    assert not padded.features[0][:, 2:].any()
    assert not padded.features[0][:, :, 3:].any()


@pytest.mark.once
@pytest.mark.parametrize(
    ("backbone", "num_maps", "num_parameters"),
    [("vgg16", 1, 137_073_622), ("resnet50_fpn", 5, 41_755_286 + 26_560)],
)
def test_shapes_of_the_large_networks(backbone, num_maps, num_parameters):
    """Of 21 or 91 classes. torchvision's ResNet has frozen batch norms in the place of our 26,560 biases."""
    build = lambda: models.FasterRCNN(91 if num_maps > 1 else 21, backbone=backbone, rngs=nnx.Rngs(0))  # noqa: E731
    assert models.count_parameters(nnx.eval_shape(build)) == num_parameters
    images, sizes = jnp.zeros((1, 224, 320, 3), jnp.float32), jnp.full((1, 2), 200.0)
    maps = jax.eval_shape(lambda: build()._maps(images, sizes))
    strides = [4, 8, 16, 32, 64] if num_maps > 1 else [16]
    assert [each.shape[1:3] for each in maps.features] == [(-(-224 // s), -(-320 // s)) for s in strides]
    found = jax.eval_shape(lambda: models.fasterrcnn_predict(build(), images, sizes))
    assert found.boxes.shape == (1, 100, 4)


def test_training_lowers_the_loss():
    scenes = data.shapes(KEY, 4, side=64)
    build = lambda: models.FasterRCNN(4, backbone="small", rngs=nnx.Rngs(0))  # noqa: E731

    def loss(model, batch):
        images, sizes = batch.images / jnp.float32(255), jnp.full((4, 2), 64.0)
        value, parts = models.fasterrcnn_loss(model, images, sizes, batch.boxes, batch.labels, batch.valid, KEY)
        return value, parts._asdict()

    state, step = train.create(nnx.jit(build)(), optax.adam(1e-3), loss=loss), train.compile(train.step)
    values = []
    for _ in range(12):
        state, metrics = step(state, scenes)
        values.append(float(metrics["loss"]))
    assert values[-1] < 0.7 * values[0]


def test_generated_scenes():
    """Boxes hold what stands out from the ground, and nothing stands out elsewhere."""
    scenes = data.shapes(KEY, 20, side=64)
    assert scenes.images.dtype == jnp.uint8
    np.testing.assert_array_equal(scenes.labels > 0, scenes.valid)
    colours = np.abs(np.asarray(scenes.images, float) - 102).max(axis=3) > 75
    place = np.arange(64) + 0.5
    for coloured, boxes, valid in zip(colours, np.asarray(scenes.boxes), np.asarray(scenes.valid), strict=True):
        inside = np.zeros((64, 64), bool)
        for x0, y0, x1, y1 in boxes[valid]:
            inside |= ((place >= x0) & (place <= x1)) & ((place >= y0) & (place <= y1))[:, None]
        assert coloured[~inside].mean() < 0.01
        assert not inside.any() or coloured[inside].mean() > 0.35


def test_labels_of_generated_shapes():
    """By the share of its box that a shape fills: a disc pi / 4, a square all, a triangle a half."""
    scenes = data.shapes(KEY, 40, side=96)
    coloured = np.abs(np.asarray(scenes.images, float) - 102).max(axis=3) > 75
    shares = {1: [], 2: [], 3: []}
    for image, boxes, labels in zip(coloured, np.asarray(scenes.boxes), np.asarray(scenes.labels), strict=True):
        for (x0, y0, x1, y1), label in zip(np.round(boxes).astype(int), labels, strict=True):
            if label:
                shares[label].append(image[y0:y1, x0:x1].mean())
    means = [np.mean(shares[label]) for label in (1, 2, 3)]
    np.testing.assert_allclose(means, [np.pi / 4, 1, 0.5], atol=0.04)


def test_other_classes_for_a_trained_detector(model):
    """Two new last layers; all others stay."""
    other = models.replace_head(nnx.clone(model), 7, rngs=nnx.Rngs(1))
    assert (other.num_classes, other.logits.out_features, other.codes.out_features) == (7, 7, 28)
    before, after = (dict(nnx.to_flat_state(nnx.state(each))) for each in (model, other))
    for path in before.keys() - {("logits", "kernel"), ("logits", "bias"), ("codes", "kernel"), ("codes", "bias")}:
        np.testing.assert_array_equal(before[path].get_value(), after[path].get_value())
    found = jax.eval_shape(lambda: models.fasterrcnn_predict(other, *batch()[:2]))
    assert found.labels.shape == (2, 100)


@pytest.mark.bad_input
def test_numbers_out_of_range(model):
    with pytest.raises(ValueError, match=r"models\.replace_head: num_classes must be"):
        models.replace_head(nnx.clone(model), 1, rngs=nnx.Rngs(1))
    with pytest.raises(ValueError, match=r"models\.import_torchvision: frozen_epsilon must be in \[0, inf\), got -1"):
        models.import_torchvision(model, {}, frozen_epsilon=-1)


@pytest.mark.once
def test_weights_of_torchvision():
    """Frozen batch norms become part of convolutions, with an epsilon that the names of a file tell.

    test_torchvision_detection.py compares the network.
    """
    blank = nnx.eval_shape(lambda: models.FasterRCNN(3, backbone="resnet50_fpn", rngs=nnx.Rngs(0)))
    rng = np.random.default_rng(0)
    shapes = names.shapes(names._weights(blank))
    weights = {name: rng.uniform(0.5, 1.5, shape).astype(np.float32) for name, shape in shapes.items()}
    assert shapes["backbone.fpn.inner_blocks.2.0.weight"] == (256, 1024, 1, 1)
    assert shapes["roi_heads.box_head.fc6.weight"] == (1024, 256 * 7 * 7)
    older = {re.sub(r"(_blocks\.\d)\.0|(head\.conv)\.0\.0", r"\1\2", name): array for name, array in weights.items()}
    assert "rpn.head.conv.weight" in older
    scale, bias, mean, var = (
        weights[f"backbone.body.bn1.{key}"] for key in ("weight", "bias", "running_mean", "running_var")
    )
    for given, options, epsilon in ((weights, {}, 1e-5), (older, {}, 0), (older, {"frozen_epsilon": 0.5}, 0.5)):
        model = models.import_torchvision(blank, given, **options)
        factor = scale / np.sqrt(var.astype(float) + epsilon)
        kernel, old = model.backbone.stem.conv.kernel[...], weights["backbone.body.conv1.weight"].transpose(2, 3, 1, 0)
        np.testing.assert_allclose(kernel, old * factor, rtol=1e-6)
        np.testing.assert_allclose(model.backbone.stem.conv.bias[...], bias - mean * factor, atol=1e-6)
    first = weights["roi_heads.box_head.fc6.weight"].reshape(1024, 256, 7, 7)
    assert model.hidden1.kernel[(3 * 7 + 4) * 256 + 9, 5] == first[5, 9, 3, 4]
    lacking = {name: array for name, array in weights.items() if "layer3.0.bn2.running_var" not in name}
    with pytest.raises(
        ValueError, match=r"does not fit FasterRCNN: missing backbone\.body\.layer3\.0\.bn2\.running_var$"
    ):
        models.import_torchvision(blank, lacking)
    with pytest.raises(TypeError, match="torchvision has a FasterRCNN with the backbone resnet50_fpn, got small"):
        models.import_torchvision(models.FasterRCNN(3, backbone="small", rngs=nnx.Rngs(0)), weights)
