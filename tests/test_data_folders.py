"""Folders of photographs, from files to a batch on the device."""

import re
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxmath import data
from jaxmath.data import augment

SHAPES = {"a.png": (40, 30), "b.png": (25, 60), "c.PNG": (12, 12)}


def written(folder: Path, splits=("train", "val")) -> dict[tuple[str, str, str], np.ndarray]:
    """A folder of two classes, and the pixels of its files."""
    rng, pixels = np.random.default_rng(0), {}
    for split in splits:
        for label in ("bees", "ants"):
            (folder / split / label).mkdir(parents=True)
            for name, shape in SHAPES.items():
                pixels[split, label, name] = x = rng.integers(0, 256, (*shape, 3), np.uint8)
                Image.fromarray(x).save(folder / split / label / name)
    return pixels


def resized_middle(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle with the proportions of a size, by linear interpolation with antialiasing, pixel by pixel."""
    h, w = x.shape[:2]
    part = (min(h, w * size[0] / size[1]), min(w, h * size[1] / size[0]))
    weights = []
    for n, m, length in zip((h, w), size, part, strict=True):
        zoom = max(1.0, length / m)
        middle = (n - length) / 2 + (np.arange(m) + 0.5) * length / m - 0.5
        share = np.maximum(0, 1 - abs(np.arange(n) - middle[:, None]) / zoom)
        weights.append(share / share.sum(axis=1, keepdims=True))
    return np.einsum("ia,jb,abc->ijc", *weights, x.astype(float))


def test_a_folder_against_numpy(tmp_path):
    pixels = written(tmp_path)
    (tmp_path / "train" / ".hidden").write_text("")
    for split in ("train", "val"):
        found = data.image_folder(tmp_path, split, size=(16, 20))
        assert (found.classes, found.images.shape, found.images.dtype) == (("ants", "bees"), (6, 16, 20, 3), np.uint8)
        np.testing.assert_array_equal(found.labels, [0, 0, 0, 1, 1, 1])
        order = [(split, label, name) for label in ("ants", "bees") for name in SHAPES]
        for image, place in zip(found.images, order, strict=True):
            assert abs(image - resized_middle(pixels[place], (16, 20))).max() < 1.6, place


def test_photographs_of_all_kinds_become_colour(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    for mode, name in (("L", "1.jpg"), ("RGBA", "2.png"), ("P", "3.png"), ("I;16", "4.png")):
        Image.new(mode, (9, 9), 128 if mode != "I;16" else 257 * 128).save(tmp_path / "train" / "a" / name)
    images = data.image_folder(tmp_path, "train", size=(4, 4)).images
    assert images.shape == (4, 4, 4, 3)
    np.testing.assert_array_equal(images[[0, 3]], 128)


def test_from_a_folder_to_batches_on_the_device(tmp_path):
    """Random parts, flips and the mean of ImageNet in training; the middle in evaluation."""
    written(tmp_path)
    found = data.image_folder(tmp_path, "train", size=(16, 16))

    @jax.jit
    @jax.vmap
    def train_on(key):
        key_crop, key_flip = jax.random.split(key)
        images = augment.random_resized_crop(key_crop, found.images, (8, 8))
        return augment.normalize(augment.random_flip(key_flip, images), augment.IMAGENET_MEAN, augment.IMAGENET_STD)

    batches = train_on(jax.random.split(jax.random.key(0), 2))
    assert batches.shape == (2, 6, 8, 8, 3)
    assert (batches[0] != batches[1]).any()
    middle = augment.center_crop(found.images, (14, 14))
    np.testing.assert_array_equal(middle, found.images[:, 1:15, 1:15])
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    got = augment.normalize(middle, augment.IMAGENET_MEAN, augment.IMAGENET_STD)
    np.testing.assert_allclose(got, (np.asarray(middle) / 255 - mean) / std, atol=1e-5)
    assert got.dtype == jnp.zeros(()).dtype


@pytest.mark.parametrize(
    ("break_it", "error", "message"),
    [
        (
            lambda f: (f / "val" / "ants").rename(f / "val" / "wasps"),
            ValueError,
            "the classes in {f}/val are bees, wasps",
        ),
        (
            lambda f: (f / "train" / "ants" / "b.png").write_bytes(b"no"),
            ValueError,
            "{f}/train/ants/b.png cannot be read",
        ),
        (lambda f: (f / "train" / "ants" / "b.gif").write_bytes(b""), ValueError, "{f}/train/ants/b.gif is no image"),
        (lambda f: (f / "train" / "cats").mkdir(), ValueError, "the classes in .* are ants, bees"),
        (lambda f: [(f / s / "cats").mkdir() for s in ("train", "val")], ValueError, "{f}/train/cats holds no image"),
        (lambda f: f.rename(f.parent / "moved"), FileNotFoundError, "no folder {f}; expected one with"),
        (lambda f: (f / "train").rename(f / "learn"), ValueError, "{f} has the splits learn, val, got 'train'"),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(tmp_path, break_it, error, message):
    folder = tmp_path / "set"
    written(folder)
    break_it(folder)
    with pytest.raises(error, match=f"^data.image_folder: .*{message.format(f=re.escape(str(folder)))}"):
        data.image_folder(folder, "train")


def test_a_truncated_photograph_is_named(tmp_path):
    written(tmp_path)
    path = tmp_path / "val" / "bees" / "a.png"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=f"^data.image_folder: {re.escape(str(path))} cannot be read as an image"):
        data.image_folder(tmp_path, "val")
    assert len(data.image_folder(tmp_path, "train").images) == 6  # of the other split nothing is read


@pytest.mark.bad_input
def test_what_is_no_folder_or_size(tmp_path):
    with pytest.raises(TypeError, match=r"^data\.image_folder: expected the path of a file, got int"):
        data.image_folder(cast(Any, 3), "train")
    for size, error in ((3, ValueError), ((0, 4), ValueError), ((2, 1.5), TypeError)):
        with pytest.raises(error, match=r"^data\.image_folder: size must be"):
            data.image_folder(tmp_path, "train", size=cast(Any, size))
