"""What models are built of, and LeNet."""

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import paddings
import pytest
from flax import nnx
from safetensors import safe_open
from scipy import signal

from jaxmath import conv, models
from jaxmath._compiling import quick_to_compile
from jaxmath.models._convolution import Conv, convolution

compiled = partial(jax.jit, compiler_options=quick_to_compile())
AXES = ("NHWC", "HWIO", "NHWC")
# image (n, h, w, channels), kernel (h, w, channels, outputs), strides, padding
GEOMETRIES = {
    "tiles, wide": ((2, 32, 32, 1), (5, 5, 1, 6), (1, 1), "VALID"),
    "tiles, framed": ((2, 9, 28, 1), (5, 5, 1, 32), (1, 1), "SAME"),
    "tiles that do not divide": ((2, 6, 23, 3), (3, 2, 3, 16), (1, 1), "VALID"),
    "tiles, a kernel of one pixel": ((2, 4, 5, 3), (1, 1, 3, 5), (1, 1), "VALID"),
    "a kernel as large as the image": ((3, 5, 4, 16), (5, 4, 16, 7), (1, 1), "VALID"),
    "a kernel as large as the frame": ((3, 3, 3, 2), (5, 5, 2, 7), (2, 2), ((1, 1), (0, 2))),
    "channels": ((2, 7, 8, 9), (3, 2, 9, 4), (1, 1), "SAME"),
    "channels, strides": ((2, 9, 10, 9), (3, 3, 9, 4), (2, 2), "SAME"),
    "channels, strides that leave a rest": ((2, 9, 10, 9), (3, 2, 9, 4), (2, 3), ((1, 0), (2, 1))),
    "few channels, strides": ((2, 9, 8, 3), (3, 3, 3, 4), (2, 2), "VALID"),
}
# Where a plain convolution or its gradients have a negative padding
UNEVEN = {
    "projection": ((2, 8, 6, 9), (1, 1, 9, 4), (2, 2), "VALID"),
    "rows left over": ((2, 8, 6, 9), (3, 3, 9, 4), (2, 2), "VALID"),
    "more zeros than a window": ((2, 6, 8, 9), (3, 3, 9, 4), (1, 1), ((3, 1), (3, 1))),
    "tiles, more zeros than a window": ((2, 6, 8, 1), (3, 3, 1, 4), (1, 1), ((3, 1), (3, 1))),
    "one pixel": ((2, 1, 1, 9), (3, 3, 9, 4), (1, 1), "SAME"),
    "negative": ((2, 6, 8, 9), (3, 3, 9, 4), (1, 1), ((-1, 2), (0, -2))),
}


def drawn(*shapes: tuple[int, ...], seed: int = 0) -> list[jax.Array]:
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]


@functools.cache
def _builder(channels):
    return compiled(lambda **frame: nnx.split(models.LeNet(channels=channels, rngs=nnx.Rngs(0), **frame)))


def build(channels=1, **frame) -> models.LeNet:
    """In one program: layer by layer takes seconds."""
    return nnx.merge(*_builder(channels)(**frame))


def blank(*arguments, **options) -> models.LeNet:
    """Of zeros, which compiles nothing."""
    graphdef, state = nnx.split(abstract(*arguments, **options))
    return nnx.merge(graphdef, jax.tree.map(lambda leaf: jnp.asarray(np.zeros(leaf.shape, leaf.dtype)), state))


def abstract(*arguments, **options) -> models.LeNet:
    """Of shapes and types alone."""
    return nnx.eval_shape(lambda: models.LeNet(*arguments, rngs=nnx.Rngs(0), **options))


@partial(compiled, static_argnums=0)
def _output(graphdef, state, x):
    return nnx.merge(graphdef, state)(x)


def output(model, x):
    return _output(*nnx.split(model), x)


@pytest.fixture(scope="module")
def lenet() -> models.LeNet:
    return build()


@pytest.mark.parametrize("geometry", [*GEOMETRIES, "projection", "tiles, more zeros than a window", "one pixel"])
def test_convolution_and_its_derivatives(geometry):
    """Against XLA's own, or conv's where that is wrong: tests of conv compare these with loops."""
    image, kernel, strides, padding = (GEOMETRIES | UNEVEN)[geometry]
    x, k = drawn(image, kernel)
    pads = padding.lower() if isinstance(padding, str) else padding
    own = partial(conv.correlate, stride=strides, padding=pads)
    if geometry in GEOMETRIES:
        own = lambda x, k: jax.lax.conv_general_dilated(x, k, strides, padding, dimension_numbers=AXES)  # noqa: E731
    shape = jax.eval_shape(own, x, k).shape
    g = np.cos(np.arange(np.prod(shape), dtype=np.float32)).reshape(shape)

    def all_of(function, jit):
        return jit(lambda x, k, g: (function(x, k), *jax.vjp(function, x, k)[1](g)))(x, k, g)

    with jax.default_matmul_precision("highest"):
        found = all_of(lambda x, k: convolution(x, k, strides, padding), jax.jit)
        for ours, expected in zip(found, all_of(own, compiled), strict=True):
            np.testing.assert_allclose(ours, expected, atol=3e-6 * np.abs(expected).max())


@pytest.mark.parametrize("geometry", ["tiles, wide", "channels, strides", "a kernel as large as the image"])
def test_convolution_for_every_platform_and_under_vmap(geometry):
    image, kernel, strides, padding = GEOMETRIES[geometry]
    x, k = drawn(image, kernel)

    def loss(k, x):
        return jnp.sum(convolution(x, k, strides, padding) ** 2)

    traced = jax.jit(jax.grad(loss)).trace(k, x)
    assert all(traced.lower(lowering_platforms=(name,)) for name in ("cpu", "cuda", "tpu"))
    kernels = np.stack([k, 2 * k])
    each = compiled(jax.vmap(jax.grad(loss), in_axes=(0, None)))(kernels, x)
    one = compiled(jax.grad(loss))
    expected = np.stack([one(k, x) for k in kernels])
    np.testing.assert_allclose(each, expected, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize("geometry", [*GEOMETRIES, *UNEVEN])
def test_no_padding_is_negative(geometry):
    image, kernel, strides, padding = (GEOMETRIES | UNEVEN)[geometry]
    assert not paddings.negative(convolution, image, kernel, strides=strides, padding=padding)


def test_no_padding_is_negative_in_other_layers_or_the_model(lenet):
    others = {"rhs_dilation": (2, 1), "feature_group_count": 3, "padding": ((3, 0), (0, 4))}
    assert not paddings.negative(convolution, (2, 6, 5, 9), (2, 3, 3, 6), strides=(2, 3), **others)
    assert not paddings.negative(convolution, (2, 6, 9), (1, 9, 6), strides=(2,), padding="VALID")
    graphdef, state = nnx.split(lenet)
    assert not paddings.negative(lambda x: nnx.merge(graphdef, state)(x), (2, 28, 28, 1))


def test_what_a_convolution_layer_may_have_besides():
    """Groups, dilation, one dimension: XLA's own."""
    x, lines = drawn((2, 8, 8, 4), (2, 8, 4))
    for arguments, batch in (
        ((4, 8, (3, 3)), x),
        ((4, 8, (3,)), lines),
    ):
        ours, own = (
            compiled(
                lambda x, layer=layer, arguments=arguments: layer(
                    *arguments, feature_group_count=2, kernel_dilation=2, rngs=nnx.Rngs(0)
                )(x)
            )(batch)
            for layer in (Conv, nnx.Conv)
        )
        np.testing.assert_array_equal(ours, own)


def test_mixed_precision(lenet):
    (x,) = drawn((2, 28, 28, 1))
    model = abstract(dtype=jnp.bfloat16)
    assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(model, nnx.Param))} == {jnp.dtype(jnp.float32)}
    found = _output(nnx.split(model)[0], nnx.split(lenet)[1], x)
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(found.astype(jnp.float32), output(lenet, x), atol=0.05)


def test_lenet_against_numpy(lenet):
    (x,) = drawn((2, 32, 32, 1))
    weights = {
        ".".join(map(str, path)): np.asarray(v[...], np.float64) for path, v in nnx.to_flat_state(nnx.state(lenet))
    }
    for image, logits in zip(x, output(lenet, x), strict=True):
        a = np.asarray(image, np.float64)
        for name in ("conv1", "conv2", "conv3"):
            kernel, bias = weights[f"{name}.kernel"], weights[f"{name}.bias"]
            maps = [signal.correlate(a, kernel[..., o], mode="valid")[..., 0] + bias[o] for o in range(len(bias))]
            a = np.tanh(np.stack(maps, axis=-1))
            if name != "conv3":
                a = np.stack([a[i::2, j::2] for i in (0, 1) for j in (0, 1)]).mean(axis=0)
        a = np.tanh(a.ravel() @ weights["hidden.kernel"] + weights["hidden.bias"])
        np.testing.assert_allclose(logits, a @ weights["output.kernel"] + weights["output.bias"], atol=1e-5)


def test_lenet_takes_28_pixels_and_32(lenet):
    (x,) = drawn((2, 28, 28, 1))
    framed = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    np.testing.assert_array_equal(output(lenet, x), output(lenet, framed))


def test_lenet_normalizes_with_its_frame(lenet, tmp_path):
    (x,) = drawn((2, 28, 28, 2))
    mean, std = np.array([0.5, -1.0], np.float32), np.array([0.25, 2.0], np.float32)
    plain = build(2, mean=np.zeros(2, np.float32), std=np.ones(2, np.float32))
    normalized = build(2, mean=mean, std=std)
    framed = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    found = output(normalized, x)
    np.testing.assert_allclose(found, output(plain, (framed - mean) / std), atol=1e-5)
    models.save_weights(tmp_path / "weights", normalized)
    again = models.load_weights(tmp_path / "weights", blank(channels=2))
    np.testing.assert_array_equal(output(again, x), found)
    assert models.count_parameters(normalized) == models.count_parameters(abstract(channels=2))


@pytest.mark.bad_input
def test_lenet_takes_no_other_images(lenet):
    for shape in [(2, 30, 30, 1), (28, 28, 1), (2, 28, 32, 1), (2, 28, 28, 3)]:
        with pytest.raises(ValueError, match=r"LeNet: expected images \(n, 28, 28, 1\) or"):
            lenet(jnp.zeros(shape))
    with pytest.raises(ValueError, match=r"mean and std of shape \(\) or \(1,\), got \(3,\) and \(\)"):
        models.LeNet(mean=jnp.zeros(3), rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"models\.LeNet: std must be in \[0, inf\), got -1"):
        models.LeNet(std=-1.0, rngs=nnx.Rngs(0))
    with pytest.raises(TypeError, match="got uint8; divide bytes by 255"):
        lenet(jnp.zeros((2, 28, 28, 1), jnp.uint8))


def test_lenet_in_colour_for_two_classes():
    images = jax.ShapeDtypeStruct((4, 32, 32, 3), jnp.float32)
    assert nnx.eval_shape(lambda model, x: model(x), abstract(2, channels=3), images).shape == (4, 2)


def test_a_nan_stays_in_its_example(lenet):
    x = np.zeros((2, 28, 28, 1), np.float32)
    x[1, 5, 5] = np.nan
    np.testing.assert_array_equal(np.isnan(output(lenet, x)).any(axis=1), [False, True])


def test_summary_and_features(lenet):
    assert models.count_parameters(lenet) == 61_706  # by hand: 156 + 2,416 + 48,120 + 10,164 + 850
    found = models.summary(lenet, (7, 32, 32, 1))
    assert [layer.num_parameters for layer in found.layers] == [156, 2_416, 48_120, 10_164, 850]
    (x,) = drawn((7, 32, 32, 1))
    outputs, logits, first = compiled(lambda x: (models.features(lenet, x), lenet(x), lenet.conv1(x)))(x)
    assert {name: output.shape for name, output in outputs.items()} == {
        layer.name: layer.output_shape for layer in found.layers
    }
    np.testing.assert_array_equal(outputs["output"], logits)
    np.testing.assert_array_equal(outputs["conv1"], first)


class _Blocks(nnx.Module):
    """Attributes in another order than the alphabet's, a list, running statistics and a method of its own."""

    def __init__(self, rngs):
        self.z = nnx.Linear(3, 3, rngs=rngs)
        self.blocks = nnx.List([nnx.Linear(3, 3, rngs=rngs) for _ in range(11)])
        self.a = nnx.BatchNorm(3, rngs=rngs)

    def twice(self, x):
        return 2 * x

    def __call__(self, x):
        x = self.twice(self.z(x))
        for block in self.blocks:
            x = block(x)
        return self.a(x)


def test_features_come_in_the_order_of_definition_and_change_nothing():
    model = _Blocks(nnx.Rngs(0))
    before = jax.tree.map(jnp.copy, nnx.state(model))
    names = list(models.features(model, jnp.ones((2, 3))))
    assert names == ["twice", "z", *(f"blocks.{i}" for i in range(11)), "a"]
    jax.tree.map(np.testing.assert_array_equal, before, nnx.state(model))
    assert [layer.name for layer in models.summary(model, (2, 3)).layers] == names[1:]


class _Again(nnx.Module):
    def __init__(self, rngs):
        self.layer = nnx.Linear(3, 3, rngs=rngs)

    def __call__(self, x):
        return self.layer(self.layer(x))


def test_of_a_layer_that_is_called_twice_the_last_output_counts():
    model, x = _Again(nnx.Rngs(0)), jnp.ones((2, 3))
    np.testing.assert_array_equal(models.features(model, x)["layer"], model(x))


def test_weights_come_back(tmp_path, lenet):
    path = tmp_path / "lenet.safetensors"
    models.save_weights(path, lenet)
    other = blank(param_dtype=jnp.bfloat16)
    assert models.load_weights(path, other) is other
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(np.asarray(a, jnp.bfloat16), b), nnx.state(lenet), nnx.state(other)
    )
    models.save_weights(path, other)  # bfloat16 in the file
    models.load_weights(path, blank())
    blocks = _Blocks(nnx.Rngs(0))
    blocks(jnp.arange(6.0).reshape(2, 3))  # moves the running statistics
    models.save_weights(path, blocks)
    again = models.load_weights(path, _Blocks(nnx.Rngs(1)))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(blocks), nnx.state(again))


def test_weights_that_do_not_fit(tmp_path, lenet):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(FileNotFoundError, match="no file"):
        models.load_weights(path, lenet)
    before = jax.tree.map(jnp.copy, nnx.state(lenet))
    models.save_weights(path, _Blocks(nnx.Rngs(0)))
    with pytest.raises(ValueError, match=r"weights\.safetensors has no conv1\.bias"):
        models.load_weights(path, lenet)
    more = blank()
    more.extra = nnx.Linear(1, 1, rngs=nnx.Rngs(0))
    models.save_weights(path, more)
    with pytest.raises(ValueError, match=r"weights\.safetensors has a weight that LeNet has not, extra\.bias"):
        models.load_weights(path, lenet)
    models.save_weights(path, blank(2))
    with pytest.raises(ValueError, match=r"does not fit at output\.bias: got \(2,\), expected \(10,\)"):
        models.load_weights(path, lenet)
    models.save_weights(path, nnx.Linear(2, 3, use_bias=False, rngs=nnx.Rngs(0)))
    with pytest.raises(ValueError, match=r"does not fit at kernel: got \(2, 3\), expected \(3, 2\)"):
        models.load_weights(path, nnx.Linear(3, 2, use_bias=False, rngs=nnx.Rngs(0)))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"weights\.safetensors is not a complete safetensors file"):
        models.load_weights(path, lenet)
    jax.tree.map(np.testing.assert_array_equal, before, nnx.state(lenet))
    with pytest.raises(FileNotFoundError):
        models.save_weights(tmp_path / "nowhere" / "w.safetensors", lenet)


def test_without_the_graph_mode_of_flax():
    """No attribute is shared within a model."""
    with nnx.set_graph_mode(False):
        split = compiled(lambda: nnx.split(models.LeNet(rngs=nnx.Rngs(0)), nnx.Param, ...))
        graphdef, params, rest = split()

        def loss(params, x):
            return jnp.mean(nnx.merge(graphdef, params, rest, copy=True)(x) ** 2)

        gradient = compiled(jax.grad(loss))(params, jnp.ones((1, 28, 28, 1)))
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


class _Mask(nnx.Variable):
    """A kind of variable that Flax does not know."""


class _Mixed(nnx.Module):
    """What a model may have besides parameters."""

    def __init__(self, seed):
        self.linear = nnx.Linear(2, 3, rngs=nnx.Rngs(seed))
        self.drop = nnx.Dropout(0.5, rngs=nnx.Rngs(seed))
        self.count = nnx.Variable(jnp.arange(3) + seed)
        self.mask = _Mask(jnp.array([True, seed > 0]))
        self.pair = nnx.Variable({"a": jnp.full(1, seed, jnp.float32), "b": (jnp.full(2, seed, jnp.bfloat16),)})
        self.plain = jnp.full(4, seed, jnp.float32)
        self.seen = nnx.Intermediate((jnp.ones(1),))


def _state(model):
    return nnx.state(model, nnx.Not(nnx.Any(nnx.RngState, nnx.Intermediate)))


def test_every_variable_comes_back_but_generators(tmp_path):
    path, first, second = tmp_path / "w", _Mixed(1), _Mixed(2)
    nnx.update(first, nnx.State({"linear": {"kernel": np.arange(6.0, dtype=np.float32).reshape(3, 2).T}}))
    models.save_weights(path, first)
    with safe_open(path, "numpy") as file:
        assert {*file.keys()} == {"count", "linear.bias", "linear.kernel", "mask", "pair.a", "pair.b.0", "plain"}
    generator = second.drop.rngs.key[...]
    models.load_weights(path, second)
    jax.tree.map(np.testing.assert_array_equal, _state(first), _state(second))
    np.testing.assert_array_equal(second.linear.kernel[...], [[0, 2, 4], [1, 3, 5]])
    assert second.drop.rngs.key[...] == generator


def test_weights_of_an_earlier_version_have_parameters_only(tmp_path):
    from safetensors.numpy import save

    (tmp_path / "w").write_bytes(
        save({"linear.bias": np.ones(3, np.float32), "linear.kernel": np.ones((2, 3), np.float32)}, {"jaxmath": "1"})
    )
    model = models.load_weights(tmp_path / "w", _Mixed(2))
    np.testing.assert_array_equal(model.linear.kernel[...], np.ones((2, 3)))
    np.testing.assert_array_equal(model.count[...], [2, 3, 4])


@pytest.mark.bad_input
def test_a_file_of_weights_is_replaced_by_another_one_only(tmp_path):
    path = tmp_path / "w.safetensors"
    models.save_weights(path, _Mixed(1))
    good = path.read_bytes()
    for odd, error in (
        ({"a": jnp.ones(1)}, TypeError),
        (nnx.state(_Mixed(1)), TypeError),
        (_Mixed, TypeError),
        (None, TypeError),
        (nnx.Dropout(0.5, rngs=nnx.Rngs(0)), ValueError),
        (nnx.Sequential(nnx.Variable(jax.random.key(0))), TypeError),
    ):
        with pytest.raises(error, match=r"models\.save_weights: "):
            models.save_weights(path, odd)
        assert path.read_bytes() == good
    with pytest.raises(TypeError, match=r"models\.load_weights: expected a Flax NNX module, got dict"):
        models.load_weights(path, {})
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    model = _Mixed(2)
    with pytest.raises(ValueError, match=r"models\.load_weights: .*w\.safetensors is damaged: its checksum"):
        models.load_weights(path, model)
    jax.tree.map(np.testing.assert_array_equal, _state(model), _state(_Mixed(2)))
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"is not a file of models\.save_weights"):
        models.save_weights(path, model)
    assert path.read_bytes() == b"mine"


@pytest.mark.bad_input
def test_weights_of_another_kind_of_number(tmp_path):
    path, model = tmp_path / "w", nnx.Sequential(nnx.Variable(np.array([2**31], np.uint32)))
    models.save_weights(path, model)
    for value in (np.zeros(1, np.int32), np.zeros(1, np.float32), np.zeros(1, bool)):
        with pytest.raises(ValueError, match=r"does not fit at layers\.0: got uint32, expected"):
            models.load_weights(path, nnx.Sequential(nnx.Variable(value)))
