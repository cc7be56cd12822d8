"""Augmentation: each function against NumPy with the same draws, and for the distribution of those."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxmath.data import augment

RNG = np.random.default_rng(0)
IMAGES = {
    "uint8": jnp.asarray(RNG.integers(0, 256, (6, 9, 7, 2), np.uint8)),
    "float32": jnp.asarray(RNG.normal(size=(6, 9, 7, 2)), jnp.float32),
    "bfloat16": jnp.asarray(RNG.normal(size=(6, 9, 7, 2)), jnp.bfloat16),
}
KEY = jax.random.key(3)
RANDOM = {
    "random_crop": lambda key, images: augment.random_crop(key, images, (8, 5), padding=2),
    "random_resized_crop": lambda key, images: augment.random_resized_crop(key, images, (4, 5), scale=(0.2, 0.9)),
    "random_flip": augment.random_flip,
    "cutout": lambda key, images: augment.cutout(key, images, 3),
}
COMPILED = {name: jax.jit(function) for name, function in RANDOM.items()}
every_function = pytest.mark.parametrize("name", RANDOM)


def coded(n, h, w):
    """n times the image whose pixel (i, j) is 1 + i w + j, so that a part tells where it was cut."""
    return np.broadcast_to(1 + np.arange(h * w, dtype=np.float32).reshape(1, h, w, 1), (n, h, w, 1))


def equally_likely(values, choices):
    """Each of the choices comes up, and none by more than six standard errors too often or too seldom."""
    values, counts = np.unique(np.asarray(values), return_counts=True, axis=0)
    assert len(values) == choices
    n, p = counts.sum(), 1 / choices
    assert (abs(counts - n * p) < 6 * np.sqrt(n * p * (1 - p))).all(), counts


def uniform(values, low, high):
    """Within the limits, and the empirical distribution is off by less than a Kolmogorov test at 1e-6 allows."""
    values = (np.sort(np.asarray(values, float)) - low) / (high - low)
    assert values[0] >= -1e-6
    assert values[-1] <= 1 + 1e-6
    assert abs(values - (np.arange(len(values)) + 0.5) / len(values)).max() < 2.7 / np.sqrt(len(values))


def test_random_crop():
    images = IMAGES["uint8"]
    corners = np.asarray(jax.random.randint(KEY, (6, 2), 0, jnp.array([9 + 4 - 8 + 1, 7 + 4 - 5 + 1])))
    padded = np.pad(np.asarray(images), ((0, 0), (2, 2), (2, 2), (0, 0)))
    expected = np.stack([x[i : i + 8, j : j + 5] for x, (i, j) in zip(padded, corners, strict=True)])
    np.testing.assert_array_equal(np.asarray(COMPILED["random_crop"](KEY, images)), expected)


def test_every_place_of_a_crop_is_equally_likely():
    crop = jax.jit(lambda images: augment.random_crop(KEY, images, (3, 2)))
    equally_likely(np.asarray(crop(coded(4000, 4, 3)))[:, 0, 0, 0], 4)
    crop = jax.jit(lambda images: augment.random_crop(KEY, images, (2, 3), padding=1))
    equally_likely(np.asarray(crop(coded(9000, 2, 3))).reshape(9000, -1), 9)


def resized(image, corner, lengths, size):
    """A part of an image by linear interpolation, pixel by pixel; a pixel that covers more than one is their mean."""
    weights = []
    for n, m, start, length in zip(image.shape, size, corner, lengths, strict=False):
        middle = start + (np.arange(m) + 0.5) * length / m - 0.5
        w = np.maximum(0, 1 - abs(np.arange(n) - middle[:, None]) / max(1.0, length / m))
        weights.append(w / w.sum(axis=1, keepdims=True))
    return np.einsum("ia,jb,abc->ijc", *weights, np.asarray(image, np.float64))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_random_resized_crop(dtype):
    images = IMAGES[dtype]
    corners, lengths = (
        np.asarray(a, np.float64) for a in augment._boxes(KEY, images.shape, (0.2, 0.9), (3 / 4, 4 / 3))
    )
    expected = np.stack([resized(*each, (4, 5)) for each in zip(images, corners, lengths, strict=True)])
    got = np.asarray(COMPILED["random_resized_crop"](KEY, images), np.float64)
    if dtype == "uint8":
        assert (abs(got - expected) < 0.5 + 1e-3).all()
    else:
        np.testing.assert_allclose(got, expected, rtol=0, atol=2e-5)


def test_areas_proportions_and_places_are_uniform():
    n, h, w = 4000, 30, 40
    boxes = jax.jit(augment._boxes, static_argnums=(1, 2, 3))
    corners, lengths = (np.asarray(a) for a in boxes(KEY, (n, h, w, 1), (0.1, 0.3), (0.5, 1.5)))
    uniform(lengths.prod(axis=1) / (h * w), 0.1, 0.3)
    uniform(np.log(lengths[:, 1] / lengths[:, 0]), np.log(0.5), np.log(1.5))
    for axis, length in enumerate((h, w)):
        uniform(corners[:, axis] / (length - lengths[:, axis]), 0, 1)
    assert (
        abs(np.corrcoef(np.column_stack([corners / ([h, w] - lengths), lengths.prod(axis=1)]).T) - np.eye(3)).max()
        < 0.1
    )
    corners, lengths = (np.asarray(a) for a in boxes(KEY, (n, h, w, 1), (0.9, 1.0), (0.1, 10.0)))
    assert (corners + lengths <= np.array([h, w]) * (1 + 1e-6)).all()
    assert (corners >= 0).all()


def test_random_flip():
    images = IMAGES["uint8"]
    flipped = np.asarray(jax.random.bernoulli(KEY, shape=(6, 1, 1, 1)))
    assert 0 < flipped.sum() < 6
    got = COMPILED["random_flip"](KEY, images)
    assert got.dtype == images.dtype
    np.testing.assert_array_equal(
        np.asarray(got), np.where(flipped, np.asarray(images)[:, :, ::-1], np.asarray(images))
    )


def test_half_of_the_images_are_flipped():
    equally_likely(np.asarray(COMPILED["random_flip"](KEY, coded(4000, 1, 2)))[:, 0, 0, 0], 2)


@pytest.mark.parametrize(("dtype", "size"), [("uint8", 1), ("float32", 3), ("bfloat16", 4), ("uint8", 30)])
def test_cutout(dtype, size):
    images = IMAGES[dtype]
    expected = np.array(images)
    for x, middle in zip(expected, np.asarray(jax.random.randint(KEY, (6, 2), 0, jnp.array([9, 7]))), strict=True):
        (i, j) = middle - size // 2
        x[max(i, 0) : i + size, max(j, 0) : j + size] = 0
    got = jax.jit(lambda images: augment.cutout(KEY, images, size))(images)
    np.testing.assert_array_equal(np.asarray(got), expected)


def test_every_middle_of_a_cutout_is_equally_likely():
    cut = jax.jit(lambda images: augment.cutout(KEY, images, 1))(coded(6000, 2, 3))
    equally_likely(np.asarray(cut).reshape(6000, -1), 6)


def shares_of_a_mixup():
    """How much of each image is in each mixed one: of images that have one bright pixel each."""
    bright = np.zeros(IMAGES["float32"].shape, np.float32)
    bright[range(6), range(6)] = 1
    mixed, targets = augment.mixup(KEY, bright, np.arange(6), 6)
    shares = np.asarray(mixed, np.float64)[:, :6, 0, 0]
    np.testing.assert_allclose(targets, shares, atol=1e-6)  # labels are mixed as images are
    return shares


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_mixup(dtype):
    images, labels, shares = IMAGES[dtype], np.array([0, 2, 1, 1, 5, 2]), shares_of_a_mixup()
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    others = shares - np.diag(shares.diagonal())
    assert ((others > 0).sum(axis=0) <= 1).all()  # an image is the partner of one
    assert ((others > 0).sum(axis=1) <= 1).all()
    assert (others > 0.01).any()
    mixed, targets = augment.mixup(KEY, images, labels, 6)
    assert mixed.dtype == images.dtype
    expected = np.einsum("ij,j...->i...", shares, np.asarray(images, np.float64))
    np.testing.assert_allclose(np.asarray(mixed, np.float64), expected, atol=0.501 if dtype == "uint8" else 1e-5)
    np.testing.assert_allclose(targets, shares @ np.eye(6)[labels], atol=1e-6)


def test_labels_that_are_no_classes_are_mixed_into_nan():
    mixed, targets = augment.mixup(KEY, IMAGES["float32"], np.array([0, 1, 6, 1, -1, 2]), 6)
    np.testing.assert_array_equal(np.isnan(targets).any(axis=1), (shares_of_a_mixup()[:, [2, 4]] > 0).any(axis=1))
    assert np.isfinite(mixed).all()


def test_weights_of_a_mixup_are_those_of_a_beta_distribution():
    n = 2000
    for alpha in (0.2, 1.0, 5.0):
        _, targets = augment.mixup(KEY, np.zeros((n, 1, 1, 1)), np.arange(n) % 2, 2, alpha=alpha)
        weights = np.asarray(targets)[np.arange(n), np.arange(n) % 2]
        weights = np.sort(scipy.stats.beta(alpha, alpha).cdf(weights[weights < 1]))  # a partner of the other class
        assert abs(weights - (np.arange(len(weights)) + 0.5) / len(weights)).max() < 2.7 / np.sqrt(len(weights))
        assert len(weights) == pytest.approx(n / 2, abs=6 * np.sqrt(n) / 2)


def test_mixup_in_programs_and_in_half_precision():
    arguments = jax.random.split(KEY, 2), IMAGES["bfloat16"], np.arange(6) % 3, jnp.ones(2)
    mix = jax.vmap(
        lambda key, x, labels, alpha: augment.mixup(key, x, labels, 3, alpha=alpha), in_axes=(0, None, None, 0)
    )
    traced = jax.jit(mix).trace(*arguments)
    assert traced.lower(lowering_platforms=("cpu", "cuda", "tpu"))
    mixed, targets = traced.out_info
    assert (mixed.shape, mixed.dtype, targets.shape) == ((2, 6, 9, 7, 2), jnp.bfloat16, (2, 6, 3))


@pytest.mark.parametrize("size", [(9, 7), (4, 5), (3, 2), (1, 1)])
def test_center_crop(size):
    images = np.asarray(IMAGES["uint8"])
    top, left = (9 - size[0]) // 2, (7 - size[1]) // 2
    expected = images[:, top : top + size[0], left : left + size[1]]
    got = augment.center_crop(images, size)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, expected)


def test_normalize():
    mean, std = np.array([0.4, 0.5], np.float32), np.array([0.2, 0.3], np.float32)
    for dtype, images in IMAGES.items():
        x = np.asarray(images, np.float64) / (255 if dtype == "uint8" else 1)
        got = augment.normalize(images, mean, std)
        assert got.dtype == (jnp.zeros(()).dtype if dtype == "uint8" else images.dtype)
        np.testing.assert_allclose(np.asarray(got, float), (x - mean) / std, atol=0.05 if dtype == "bfloat16" else 1e-5)
    masked = np.ma.array(np.full((1, 2, 2), 51, np.uint8), mask=[[[0, 0], [0, 1]]])
    np.testing.assert_allclose(augment.normalize(masked, 0.0, 0.5), [[[0.4, 0.4], [0.4, np.nan]]], rtol=1e-6)
    one = augment.normalize(IMAGES["uint8"][0], jnp.array(0.1), jnp.array([0.2]))
    np.testing.assert_allclose(np.asarray(one), (np.asarray(IMAGES["uint8"][0]) / 255 - 0.1) / 0.2, atol=1e-5)


@every_function
def test_pure_under_jit_and_vmap_and_on_every_platform(name):
    function, images = RANDOM[name], IMAGES["float32"]
    keys = jax.random.split(KEY, 3)
    expected = np.stack([np.asarray(function(key, images)) for key in keys])
    compiled = jax.jit(jax.vmap(lambda key: function(key, images)))
    np.testing.assert_allclose(np.asarray(compiled(keys)), expected, atol=1e-5)
    assert len(np.unique(expected, axis=0)) > 1
    assert compiled.trace(keys).lower(lowering_platforms=("cpu", "cuda", "tpu"))


@every_function
def test_keeps_the_type(name):
    for images in IMAGES.values():
        assert jax.eval_shape(RANDOM[name], KEY, images).dtype == images.dtype


@pytest.mark.parametrize("name", ["random_crop", "random_resized_crop"])
def test_linear_in_the_images_and_so_is_the_gradient(name):
    """With one key a random change is a linear map of the pixels: <a, f(b)> is <grad, b>."""
    function, images = COMPILED[name], IMAGES["float32"]
    a = jnp.asarray(RNG.normal(size=function(KEY, images).shape), jnp.float32)
    b = jnp.asarray(RNG.normal(size=images.shape), jnp.float32)
    gradient = jax.grad(lambda x: (a * function(KEY, x)).sum())(images)
    assert float((gradient * b).sum()) == pytest.approx(float((a * function(KEY, b)).sum()), rel=1e-3, abs=1e-3)
