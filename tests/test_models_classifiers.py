"""VGG, GoogLeNet and ResNet: their layers, training and evaluation, batch norms."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import numpy_classifiers
import optax
import pytest
from flax import nnx
from small_classifiers import SMALL, abstract, compiled, exported, images, model_of, shrink

from jaxmath import models, train
from jaxmath.models import _initialization, _layers, resnet
from jaxmath.models._batch_norm import BatchNorm

# What torchvision says of its own; those of CIFAR by hand, of He et al. (2016): 0.27, 0.46, 0.85 and 1.7 million
COUNTS = {
    (models.VGG, 11): 132_863_336,
    (models.VGG, 13): 133_047_848,
    (models.VGG, 16): 138_357_544,
    (models.VGG, 19): 143_667_240,
    (models.ResNet, 18): 11_689_512,
    (models.ResNet, 34): 21_797_672,
    (models.ResNet, 50): 25_557_032,
    (models.ResNet, 101): 44_549_160,
    (models.ResNet, 152): 60_192_808,
    (models.ResNet, 20): 269_722,
    (models.ResNet, 32): 464_154,
    (models.ResNet, 56): 853_018,
    (models.ResNet, 110): 1_727_962,
}
WITH_BATCH_NORM = {11: 132_868_840, 13: 133_053_736, 16: 138_365_992, 19: 143_678_248}
every_family = pytest.mark.parametrize("name", SMALL)


@pytest.fixture
def small(monkeypatch):
    shrink(monkeypatch)


@pytest.mark.once
@pytest.mark.parametrize(("kind", "depth"), COUNTS)
def test_counts_of_parameters(kind, depth):
    classes = 1000 if depth in (11, 13, 16, 19, 18, 34, 50, 101, 152) else 10
    assert models.count_parameters(abstract(partial(kind, depth, classes))) == COUNTS[kind, depth]


@pytest.mark.once
def test_counts_with_batch_norm_and_of_inception():
    for depth, count in WITH_BATCH_NORM.items():
        assert models.count_parameters(abstract(partial(models.VGG, depth, batch_norm=True))) == count
    assert models.count_parameters(abstract(models.GoogLeNet)) == 13_004_888
    assert models.count_parameters(abstract(models.GoogLeNet, auxiliary=False)) == 6_624_904
    naive = partial(models.NaiveInceptionModule, 256, c1=64, c3=64, c5=64)
    sizes = {"c1": 64, "c3_reduce": 96, "c3": 128, "c5_reduce": 16, "c5": 32, "pool": 32}
    assert models.count_parameters(abstract(naive)) == 573_824  # the book's
    assert models.count_parameters(abstract(partial(models.InceptionModule, 256, **sizes))) == 177_376
    narrow = abstract(partial(models.InceptionModule, 256, **sizes, window=3))
    assert models.count_parameters(narrow) == 177_376 - 16 * 16 * 32
    x = jax.ShapeDtypeStruct((2, 9, 8, 256), jnp.float32)
    shapes = [nnx.eval_shape(lambda m, x: m(x), module, x).shape for module in (abstract(naive), narrow)]
    assert shapes == [(2, 9, 8, 448), (2, 9, 8, 256)]


@pytest.mark.once
def test_tables_of_layers():
    """Sizes at 224 x 224 as in the papers: halved by each stage, and the features of each."""

    def outputs(model, names):
        found = {layer.name: layer.output_shape[1:] for layer in models.summary(model, (1, 224, 224, 3)).layers}
        return [found[name] for name in names]

    vgg = outputs(abstract(partial(models.VGG, 16)), [f"stages.{i}.1" for i in range(5)] + ["hidden1", "output"])
    assert vgg == [(224, 224, 64), (112, 112, 128), (56, 56, 256), (28, 28, 512), (14, 14, 512), (4096,), (1000,)]
    resnet = outputs(abstract(partial(models.ResNet, 50)), ["stem", *(f"stages.{i}.2" for i in range(4)), "output"])
    assert resnet == [(112, 112, 64), (56, 56, 256), (28, 28, 512), (14, 14, 1024), (7, 7, 2048), (1000,)]
    names = ["conv1", "conv3", "stages.0.1", "stages.1.0", "stages.1.3", "stages.1.4", "stages.2.1"]
    assert outputs(abstract(models.GoogLeNet), names) == [
        (112, 112, 64), (56, 56, 192), (28, 28, 480), (14, 14, 512), (14, 14, 528), (14, 14, 832), (7, 7, 1024),
    ]  # fmt: skip
    small = abstract(partial(models.ResNet, 18, 10, stem="small"))
    shapes = {layer.name: layer.output_shape[1:] for layer in models.summary(small, (1, 32, 32, 3)).layers}
    assert [shapes[f"stages.{i}.1"] for i in range(4)] == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512)]


# training and evaluation


@every_family
def test_steps_lower_the_loss_and_move_the_statistics(name, small):
    """Of VGG without dropout, whose noise is larger than a step."""
    batch, model = (images(name), jnp.arange(4)), model_of(name)
    for _, part in nnx.iter_modules(model):
        if name == "VGG" and isinstance(part, nnx.Dropout):
            part.rate = 0.0
    loss = _with_auxiliaries if name == "GoogLeNet" else train.classification
    state = train.create(model, optax.sgd(1e-2), loss=loss)
    step = compiled(train.step)
    losses, first = [], state
    for _ in range(4):
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    assert losses[-1] < losses[0]
    for part, names in (("rest", ("mean", "var")), ("params", ("kernel", "scale"))):
        before, after = (nnx.to_flat_state(getattr(each, part)) for each in (first, state))
        moved = [(a[...] != b[...]).any() for (at, a), (_, b) in zip(before, after, strict=True) if at[-1] in names]
        assert moved
        assert all(moved)


def _with_auxiliaries(model, batch):
    x, labels = batch
    parts = [optax.softmax_cross_entropy_with_integer_labels(a, labels).mean() for a in model.auxiliaries(x)]
    return parts[0] + 0.3 * (parts[1] + parts[2]), {}


@every_family
def test_evaluation_folded_and_in_bfloat16(name, small):
    """The logits are those of NumPy, by the weights as torchvision has them, and no image sees another one."""
    model, x = model_of(name), images(name)
    model.eval()

    @compiled
    def all_of(graphdef, narrow, folded, x):
        model = nnx.merge(graphdef[0], graphdef[1])
        outputs = model.auxiliaries(x) if name == "GoogLeNet" else (model(x),)
        after = nnx.state(model, nnx.BatchStat)
        return outputs, after, nnx.merge(narrow, graphdef[1])(x), nnx.merge(*folded)(x)

    narrow = abstract(SMALL[name], dtype=jnp.bfloat16)
    narrow.eval()
    before = jax.tree.map(np.asarray, nnx.state(model, (nnx.Param, nnx.BatchStat)))
    folded = models.fold_batch_norm(model)
    assert not jax.tree.leaves(nnx.state(folded, nnx.BatchStat))
    arguments = nnx.split(model), nnx.split(narrow)[0], nnx.split(folded)
    (logits, *others), after, rough, once_more = all_of(*arguments, x)
    largest = np.abs(logits).max()
    np.testing.assert_allclose(once_more, logits, atol=1e-5 * largest)
    reference = getattr(numpy_classifiers, name.split()[0].lower())
    expected = reference(exported(model), np.asarray(x, np.float64).transpose(0, 3, 1, 2))
    for ours, theirs in zip((logits, *others), expected if others else (expected,), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())
    changed = all_of(*arguments, x.at[0].set(2 * x[0] + 1))[0][0]
    np.testing.assert_allclose(changed[1:], logits[1:], atol=1e-6 * largest)
    assert np.abs(changed[0] - logits[0]).max() > 1e-2 * largest
    assert rough.dtype == jnp.bfloat16
    np.testing.assert_allclose(rough.astype(jnp.float32), logits, atol=0.03 * largest)
    jax.tree.map(np.testing.assert_array_equal, before, nnx.state(model, (nnx.Param, nnx.BatchStat)))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(model, nnx.BatchStat), after)
    hash(nnx.split(folded)[0])


def test_vgg_without_batch_norm(small):
    graphdef, state = nnx.split(abstract(models.VGG, depth=11, num_classes=10))
    rng, x = np.random.default_rng(0), images("VGG", 2)
    state = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape) / 4, a.dtype) if a.ndim else a, state)
    model = nnx.merge(graphdef, state)
    model.eval()
    found = compiled(lambda graphdef, state, x: nnx.merge(graphdef, state)(x))(*nnx.split(model), x)
    expected = numpy_classifiers.vgg(exported(model), np.asarray(x, np.float64).transpose(0, 3, 1, 2))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_equal_blocks_are_one_loop(small, monkeypatch):
    """Logits, gradients and running statistics are those of the blocks one by one, in a shorter program."""
    blocks = {14: resnet._Architecture((6,), (9,), stem="small", project=False)}
    monkeypatch.setattr(resnet, "_ARCHITECTURES", resnet._ARCHITECTURES | blocks)
    graphdef, params, rest = nnx.split(models.ResNet(14, 10, rngs=nnx.Rngs(0)), nnx.Param, ...)
    x, lines, found = images("ResNet"), [], []

    def loss(params, x):
        model = nnx.merge(graphdef, params, rest, copy=True)
        return (model(x) ** 2).sum(), nnx.state(model, nnx.BatchStat)

    for loop_from in (3, 1000):
        monkeypatch.setattr(_layers, "_LOOP_FROM", loop_from)
        lowered = compiled(lambda params, x: jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, x)).lower(
            params, x
        )
        lines.append(len(lowered.as_text().splitlines()))
        found.append(lowered.compile()(params, x))
    assert lines[0] < 0.6 * lines[1]
    monkeypatch.setattr(_layers, "_LOOP_FROM", 3)
    model = models.ResNet(14, 10, rngs=nnx.Rngs(0))
    model.eval()
    assert compiled(lambda x: model(x))(x).shape == (4, 10)  # a function that closes over a model sets nothing in it
    for ours, one_by_one in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(ours, one_by_one, rtol=1e-3, atol=1e-4 * np.abs(one_by_one).max())


def test_many_seeds_at_once_and_without_the_graph_mode(small):
    x = images("ResNet")

    @jax.vmap
    def logits_of(key):
        model = SMALL["ResNet"](rngs=nnx.Rngs(params=key))
        graphdef, params, rest = nnx.split(model, nnx.Param, ...)
        return nnx.merge(graphdef, params, rest, copy=True)(x), params

    logits, params = compiled(logits_of)(jax.random.split(jax.random.key(0), 2))
    assert logits.shape == (2, 4, 10)
    graphdef, _, rest = nnx.split(abstract(SMALL["ResNet"]), nnx.Param, ...)
    rest = nnx.split(model_of("ResNet"), nnx.Param, ...)[2]
    with nnx.set_graph_mode(False):
        one = compiled(lambda params: nnx.merge(graphdef, params, rest, copy=True)(x))
        for i in range(2):
            np.testing.assert_allclose(one(jax.tree.map(lambda a, i=i: a[i], params)), logits[i], atol=1e-5)
    kernels = params["stages"][0][0]["convolutions"][0]["conv"]["kernel"].get_value()
    assert np.abs(kernels[0] - kernels[1]).max() > 0.1


@pytest.mark.parametrize("name", ["VGG", "GoogLeNet"])
def test_shapes_of_many_seeds_at_once(name, small):
    def logits_of(key):
        graphdef, state = nnx.split(SMALL[name](rngs=nnx.Rngs(params=key, dropout=key)))
        return nnx.merge(graphdef, state, copy=True)(images(name))

    assert jax.eval_shape(jax.vmap(logits_of), jax.random.split(jax.random.key(0), 3)).shape == (3, 4, 10)


def test_features_and_weights(small, tmp_path):
    model = model_of("ResNet")
    found = compiled(lambda x: models.features(model, x))(images("ResNet"))
    assert {name: a.shape for name, a in found.items()} == {
        layer.name: layer.output_shape for layer in models.summary(model, (4, 8, 8, 3)).layers
    }
    models.save_weights(tmp_path / "w", model)
    again = models.load_weights(tmp_path / "w", model_of("ResNet", 1))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(model), nnx.state(again))


# parts


def test_batch_norm_against_numpy():
    """The normalised array and its derivatives; the running variance is of n - 1."""
    rng = np.random.default_rng(0)
    x, g, scale = (rng.normal(3, 2, size=shape).astype(np.float32) for shape in ((2, 3, 4, 5), (2, 3, 4, 5), (5,)))
    layer = BatchNorm(5, epsilon=1e-3)
    _initialization.draw(layer, nnx.Rngs(0))
    layer.scale.set_value(jnp.asarray(scale))

    @compiled
    def all_of(state, x):
        def of(params, x):
            module = nnx.merge(graphdef, params, rest, copy=True)
            y = module(x)
            return jnp.sum(y * g), (nnx.state(module, nnx.BatchStat), y)

        graphdef, params, rest = nnx.split(nnx.merge(nnx.split(layer)[0], state, copy=True), nnx.Param, ...)
        return jax.grad(of, argnums=(0, 1), has_aux=True)(params, x)

    (of_params, of_x), (statistics, y) = all_of(nnx.split(layer)[1], x)
    rows, cotangents = x.reshape(-1, 5).astype(np.float64), g.reshape(-1, 5).astype(np.float64)
    mean, var, n = rows.mean(axis=0), rows.var(axis=0), len(rows)
    z = (rows - mean) / np.sqrt(var + 1e-3)
    np.testing.assert_allclose(y.reshape(-1, 5), z * scale, atol=1e-4)
    np.testing.assert_allclose(statistics["mean"][...], 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(statistics["var"][...], 0.9 + 0.1 * var * n / (n - 1), rtol=1e-5)
    np.testing.assert_allclose(of_params["bias"][...], cotangents.sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(of_params["scale"][...], (cotangents * z).sum(axis=0), rtol=1e-3)
    centred = cotangents - cotangents.mean(axis=0) - z * (cotangents * z).mean(axis=0)
    np.testing.assert_allclose(of_x.reshape(-1, 5), centred * scale / np.sqrt(var + 1e-3), atol=1e-4)


@pytest.mark.parametrize("types", [("float64", "float32"), ("float32", "float64"), ("bfloat16", "float32")])
def test_derivatives_of_a_batch_norm_have_the_types_of_what_they_are_of(types):
    """Of images in one type and parameters in another one, which computes in the wider."""
    x = np.random.default_rng(0).normal(3, 2, size=(6, 1, 1, 2))
    x_type, kind = (jax.dtypes.canonicalize_dtype(each) for each in types)
    x = jnp.asarray(x, x_type)
    layer = BatchNorm(2, dtype=jnp.float32, param_dtype=kind)
    _initialization.draw(layer, nnx.Rngs(0))
    graphdef, params, rest = nnx.split(layer, nnx.Param, ...)

    def of(params, x):
        return (nnx.merge(graphdef, params, rest, copy=True)(x) * jnp.arange(6.0)[:, None, None, None]).sum()

    of_params, of_x = jax.grad(of, argnums=(0, 1))(params, x)
    assert (of_x.dtype, of_params["scale"][...].dtype) == (x.dtype, kind)
    rows = np.asarray(x, np.float64).reshape(6, 2)
    z = (rows - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + 1e-5)
    np.testing.assert_allclose(of_params["scale"][...], np.arange(6) @ z, rtol=1e-4)


@pytest.mark.once
def test_batch_norm_on_four_devices():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "NPROC": "8"}
    script = Path(__file__).with_name("four_devices_batch_norm.py")
    result = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=240)
    assert result.stdout.strip() == "four devices agree", result.stderr


@pytest.mark.parametrize(("size", "window", "stride", "pad", "ceil"), [
    (8, 2, 2, 0, False), (9, 2, 2, 0, False), (9, 2, 2, 0, True), (8, 3, 2, 1, False), (7, 3, 2, 0, True),
    (8, 3, 2, 0, True), (5, 3, 1, 1, False), (2, 3, 2, 0, True), (3, 2, 2, 1, True),
])  # fmt: skip
def test_maximum_over_windows(size, window, stride, pad, ceil):
    """Against a loop over windows that begin in the image or the padding before it; PyTorch's sizes."""
    x = np.random.default_rng(0).normal(size=(1, size, size, 2)).astype(np.float32)
    starts = [s - pad for s in range(0, size + pad, stride)]
    starts = [s for s in starts if ceil or s + window <= size + pad]
    if ceil:
        starts = starts[: -(-(size + 2 * pad - window) // stride) + 1]
    expected = [[x[0, max(i, 0) : i + window, max(j, 0) : j + window].max(axis=(0, 1)) for j in starts] for i in starts]
    found = compiled(lambda x: _layers.max_pool(x, window, stride, pad, ceil=ceil))(x)
    np.testing.assert_array_equal(found[0], np.array(expected))


def test_the_maximum_keeps_a_nan_and_one_gradient():
    x = jnp.zeros((1, 2, 2, 1)).at[0, 1, 0, 0].set(jnp.nan)
    assert jnp.isnan(_layers.max_pool(x, 2, 2)).all()
    assert jax.grad(lambda x: _layers.max_pool(x, 2, 2).sum())(jnp.zeros((1, 2, 2, 1))).sum() == 1


@pytest.mark.parametrize(("height", "width"), [(7, 7), (14, 6), (1, 9)])
def test_adaptive_means(height, width):
    x = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype(np.float32)
    ends = [[(i * n // 7, -(-(i + 1) * n // 7)) for i in range(7)] for n in (height, width)]
    expected = [[x[:, a:b, c:d].mean(axis=(1, 2)) for c, d in ends[1]] for a, b in ends[0]]
    found = compiled(lambda x: _layers.adaptive_average(x, 7))(x)
    np.testing.assert_allclose(found, np.array(expected).transpose(2, 0, 1, 3), atol=1e-6)


def test_parameters_at_the_start():
    """Distributions and types, and that no two have the same numbers; the same key gives the same model."""
    module = models.InceptionModule(
        40, c1=30, c3_reduce=30, c3=30, c5_reduce=30, c5=30, pool=30, rngs=nnx.Rngs(0), param_dtype=jnp.bfloat16
    )
    kernels = [np.asarray(part.conv.kernel[...], np.float64) for part in (module.conv1, module.projection)]
    assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(module, nnx.Param))} == {jnp.dtype(jnp.bfloat16)}
    assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(module, nnx.BatchStat))} == {jnp.dtype(jnp.float32)}
    for kernel in kernels:
        assert kernel.std() == pytest.approx(0.01, rel=0.1)
        assert abs(kernel.mean()) < 1e-3
    assert abs(np.corrcoef(*map(np.ravel, kernels))[0, 1]) < 0.1
    part = nnx.Linear(300, 50, kernel_init=_initialization.uniform(0.1), rngs=_initialization.Later(), use_bias=False)
    wide = _layers.ConvNorm(8, 100, 3)
    for each in (part, wide):
        _initialization.draw(each, nnx.Rngs(3))
    kernel = part.kernel[...]
    assert (float(kernel.min()), float(kernel.max())) == pytest.approx((-0.1, 0.1), rel=0.01)
    assert float(kernel.std()) == pytest.approx(0.1 / 3**0.5, rel=0.05)
    assert float(wide.conv.kernel[...].std()) == pytest.approx((2 / 900) ** 0.5, rel=0.05)
    again = _layers.ConvNorm(8, 100, 3)
    _initialization.draw(again, nnx.Rngs(3))
    np.testing.assert_array_equal(again.conv.kernel[...], wide.conv.kernel[...])


# bad input


@pytest.mark.bad_input
def test_what_no_classifier_is(small):
    rngs = nnx.Rngs(0)
    for build, error, message in (
        (lambda: models.VGG(12, rngs=rngs), ValueError, r"models\.VGG: depth must be one of 11, 13, 16, 19, got 12"),
        (lambda: models.ResNet(19, rngs=rngs), ValueError, r"models\.ResNet: depth must be one of .*, got 19"),
        (lambda: models.ResNet(stem="big", rngs=rngs), ValueError, r"models\.ResNet: stem must be one of 'imagenet'"),
        (lambda: models.ResNet(18, 0, rngs=rngs), ValueError, r"models\.ResNet: num_classes must be at least 1"),
        (lambda: models.ResNet(18, 2.5, rngs=rngs), TypeError, r"models\.ResNet: num_classes must be an integer"),
        (lambda: models.VGG(channels=0, rngs=rngs), ValueError, r"models\.VGG: channels must be at least 1"),
        (lambda: models.VGG(dropout=1.0, rngs=rngs), ValueError, r"models\.VGG: dropout must be in \[0, 1\)"),
        (lambda: models.GoogLeNet(auxiliary_dropout=-1, rngs=rngs), ValueError, r"auxiliary_dropout must be in"),
        (lambda: models.GoogLeNet(transform_input=True, channels=1, rngs=rngs), ValueError, r"images of 3 channels"),
        (lambda: models.NaiveInceptionModule(4, c1=1, c3=1, c5=0, rngs=rngs), ValueError, r"c5 must be at least 1"),
        (
            lambda: models.InceptionModule(4, c1=1, c3_reduce=1, c3=1, c5_reduce=1, c5=1, pool=1, window=4, rngs=rngs),
            ValueError,
            r"models\.InceptionModule: window must be odd, got 4",
        ),
        (lambda: models.fold_batch_norm({}), TypeError, r"models\.fold_batch_norm: expected a Flax NNX module, got"),
        (lambda: models.fold_batch_norm(models.VGG), TypeError, r"models\.fold_batch_norm: .* got the class VGG"),
    ):
        with pytest.raises(error, match=message):
            build()


@pytest.mark.bad_input
def test_rngs_that_are_none():
    """A number or a key in their place, for every model of the package."""
    inception = {"c1": 1, "c3_reduce": 1, "c3": 1, "c5_reduce": 1, "c5": 1, "pool": 1}
    models_of = {
        "LeNet": {},
        "VGG": {"depth": 11},
        "ResNet": {"depth": 18},
        "GoogLeNet": {},
        "InceptionModule": {"in_features": 4, **inception},
        "NaiveInceptionModule": {"in_features": 4, "c1": 1, "c3": 1, "c5": 1},
        "AutoEncoder": {"image_shape": (4, 4, 1), "latent_size": 2},
        "VAE": {"image_shape": (4, 4, 1), "latent_size": 2},
        "FasterRCNN": {"num_classes": 2},
    }
    for kind, options in models_of.items():
        for bad in (0, jax.random.key(0)):
            with pytest.raises(TypeError, match=rf"^models\.{kind}: rngs must be nnx\.Rngs, such as"):
                getattr(models, kind)(**options, rngs=bad)
    with pytest.raises(TypeError, match=r"^models\.replace_head: rngs must be nnx\.Rngs"):
        models.replace_head(nnx.Linear(1, 1, rngs=nnx.Rngs(0)), 2, rngs=cast(Any, 0))


@pytest.mark.bad_input
@every_family
def test_what_no_image_is(name, small):
    model, kind = model_of(name), name.split()[0]
    with pytest.raises(TypeError, match=rf"models\.{kind}: expected images in floating point, got uint8; divide"):
        model(jnp.zeros((1, 40, 40, 3), jnp.uint8))
    least = {"VGG": 31, "GoogLeNet": 14}.get(kind, 0)
    for shape in ((1, 40, 40, 1), (40, 40, 3), (1, least, 40, 3)):
        with pytest.raises(ValueError, match=rf"models\.{kind}: expected images \(n, height, width, 3\) of at least"):
            model(jnp.zeros(shape))


@pytest.mark.bad_input
def test_no_auxiliaries_without_classifiers(small):
    model = abstract(models.GoogLeNet, auxiliary=False)
    with pytest.raises(ValueError, match=r"models\.GoogLeNet\.auxiliaries: this model was made with auxiliary=False"):
        model.auxiliaries(jnp.zeros((1, 32, 32, 3)))
