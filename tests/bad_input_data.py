"""Bad input to the batches and the augmentation; what is wrong with files is in test_data_prepare.py."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO
from rows import Row, equal, table

from jaxmath import data
from jaxmath.data import augment

KEY = jax.random.key(0)
IMAGES = np.zeros((2, 6, 5, 3), np.uint8)
MASKED = np.ma.array([1, 0], mask=[0, 1])
LABELLED = (IMAGES, np.zeros(2, np.int32))
PHOTOGRAPHS = data.Photographs([b"", b""], np.zeros(2, np.int32), ("a",))
CALLS = {
    "random_crop": lambda x: augment.random_crop(KEY, x, (2, 2)),
    "random_resized_crop": lambda x: augment.random_resized_crop(KEY, x, (2, 2)),
    "random_flip": lambda x: augment.random_flip(KEY, x),
    "cutout": lambda x: augment.cutout(KEY, x, 2),
    "center_crop": lambda x: augment.center_crop(x, (2, 2)),
    "mixup": lambda x: augment.mixup(KEY, x, np.zeros(len(x), int), 2),
}


def image_rows(name: str) -> list[Row]:
    call = CALLS[name]
    return table(
        f"data.augment.{name}",
        (
            "one image",
            partial(call, IMAGES[0]),
            (ValueError, rf"augment.{name}: expected images of shape \(n, h, w, c"),
        ),
        ("no image", partial(call, IMAGES[:0]), (ValueError, "none of them 0")),
        ("strings", partial(call, ["a"]), (TypeError, "real numbers")),
        ("complex", partial(call, IMAGES * 1j), (TypeError, "real numbers")),
    )


def traced_size() -> None:
    jax.jit(lambda size: augment.cutout(KEY, IMAGES, size))(2)


ROWS = [
    *(row for name in CALLS for row in image_rows(name)),
    *table(
        "data.augment.random_crop",
        ("too large", lambda: augment.random_crop(KEY, IMAGES, (7, 5)), (ValueError, r"within \(6, 5\), got")),
        ("too wide", lambda: augment.random_crop(KEY, IMAGES, (8, 8), padding=1), (ValueError, r"within \(8, 7\)")),
        ("one number", lambda: augment.random_crop(KEY, IMAGES, 4), (ValueError, r"size must be \(height, width\)")),
        ("three", lambda: augment.random_crop(KEY, IMAGES, (4, 4, 3)), (ValueError, r"must be \(height, width\)")),
        ("size 0", lambda: augment.random_crop(KEY, IMAGES, (0, 4)), (ValueError, "size must be at least 1, got 0")),
        (
            "padding 1.5",
            lambda: augment.random_crop(KEY, IMAGES, (2, 2), padding=1.5),
            (TypeError, "an integer, got 1"),
        ),
        ("padding", lambda: augment.random_crop(KEY, IMAGES, (2, 2), padding=-1), (ValueError, "at least 0, got -1")),
    ),
    *table(
        "data.augment.random_resized_crop",
        (
            "scale 0",
            lambda: augment.random_resized_crop(KEY, IMAGES, (2, 2), scale=(0.0, 1.0)),
            (ValueError, r"scale must rise from above 0 to 1, got \(0.0, 1.0\)"),
        ),
        (
            "scale of one number",
            lambda: augment.random_resized_crop(KEY, IMAGES, (2, 2), scale=0.5),
            (TypeError, r"random_resized_crop: scale must be two numbers, got 0\.5"),
        ),
        (
            "scale above 1",
            lambda: augment.random_resized_crop(KEY, IMAGES, (2, 2), scale=(0.5, 1.1)),
            (ValueError, "scale must rise"),
        ),
        (
            "ratio falls",
            lambda: augment.random_resized_crop(KEY, IMAGES, (2, 2), ratio=(2.0, 1.0)),
            (ValueError, r"ratio must rise from above 0, got \(2.0, 1.0\)"),
        ),
        ("size 1.5", lambda: augment.random_resized_crop(KEY, IMAGES, (2, 1.5)), (TypeError, "an integer, got 1.5")),
    ),
    *table(
        "data.augment.cutout",
        ("size 0", lambda: augment.cutout(KEY, IMAGES, 0), (ValueError, "size must be at least 1, got 0")),
        ("traced size", traced_size, (TypeError, "size must be static")),
    ),
    *table(
        "data.augment.center_crop",
        ("too large", lambda: augment.center_crop(IMAGES, (7, 5)), (ValueError, r"within \(6, 5\), got")),
        ("size 1.5", lambda: augment.center_crop(IMAGES, (2, 1.5)), (TypeError, "an integer, got 1.5")),
    ),
    *table(
        "data.augment.mixup",
        ("one label", lambda: augment.mixup(KEY, *LABELLED[:1], np.zeros(1, int), 2), (ValueError, "each of 2 images")),
        ("shares", lambda: augment.mixup(KEY, IMAGES, np.ones(2), 2), (TypeError, "labels must be integers, got fl")),
        ("masked labels", lambda: augment.mixup(KEY, IMAGES, MASKED, 2), (ValueError, "labels without masked entries")),
        ("no class", lambda: augment.mixup(KEY, *LABELLED, 0), (ValueError, "num_classes must be at least 1, got 0")),
        ("alpha 0", lambda: augment.mixup(KEY, *LABELLED, 2, alpha=0.0), (ValueError, r"must be in \(0, inf\), got 0")),
    ),
    *table(
        "data.augment.normalize",
        ("int32", lambda: augment.normalize(IMAGES.astype(np.int32), 0.5, 0.5), (TypeError, "must be uint8, 0 to 255")),
        ("booleans", lambda: augment.normalize(IMAGES > 0, 0.5, 0.5), (TypeError, "or floats, got bool")),
        ("two means", lambda: augment.normalize(IMAGES, np.ones(2), 0.5), (ValueError, r"\(3,\) channels, got \(2,\)")),
        ("two stds", lambda: augment.normalize(IMAGES, 0.5, np.ones((1, 3))), (ValueError, r"got \(1, 3\)")),
        ("scalar", lambda: augment.normalize(0.5, 0.5, 0.5), (ValueError, "expected one number for each of")),
        ("strings", lambda: augment.normalize(["a"], 0.5, 0.5), (TypeError, "real numbers")),
    ),
    *table(
        "data.epoch_order",
        ("batch too large", lambda: data.epoch_order(KEY, 3, 4), (ValueError, "batch_size must be in 1..n = 3, got 4")),
        ("no example", lambda: data.epoch_order(KEY, 0, 1), (ValueError, "n must be at least 1, got 0")),
        ("fraction", lambda: data.epoch_order(KEY, 3, 1.5), (TypeError, "batch_size must be an integer, got 1.5")),
    ),
    *table(
        "data.batches",
        ("two lengths", lambda: data.batches(KEY, (jnp.ones(2), jnp.ones(3)), 1), (ValueError, "equally many rows")),
        ("sparse", lambda: data.batches(KEY, BCOO.fromdense(jnp.eye(3)), 1), (TypeError, "got a sparse BCOO")),
        ("masked labels", lambda: data.batches(KEY, (jnp.ones(2), MASKED), 1), (ValueError, "without masked entries")),
        ("masked data", lambda: next(iter(data.batches(None, 0.5 * MASKED, 2))), equal([0.5, np.nan])),
        ("no arrays", lambda: data.batches(KEY, (), 1), (ValueError, "equally many rows")),
        ("too large", lambda: data.batches(KEY, LABELLED, 3), (ValueError, "in 1..n = 2, got 3")),
        ("negative start", lambda: data.batches(KEY, LABELLED, 1, start=-1), (ValueError, "start must be at least 0")),
    ),
    *table(
        "data.stream",
        ("too large", lambda: data.stream(KEY, PHOTOGRAPHS, 3, size=(2, 2)), (ValueError, "in 1..n = 2, got 3")),
        (
            "one size",
            lambda: data.stream(KEY, PHOTOGRAPHS, 1, size=2),
            (ValueError, r"must be \(height, width\), got 2"),
        ),
        ("size 0", lambda: data.stream(KEY, PHOTOGRAPHS, 1, size=(2, 0)), (ValueError, "size must be at least 1")),
        (
            "negative start",
            lambda: data.stream(None, PHOTOGRAPHS, 1, size=(2, 2), start=-1),
            (ValueError, "start must be at least 0, got -1"),
        ),
        (
            "no image",
            lambda: next(data.stream(None, PHOTOGRAPHS, 1, size=(2, 2))),
            (ValueError, "photograph 0 cannot be decoded"),
        ),
    ),
    *table(
        "data.load",
        ("a path", lambda: data.load("../mnist", "train"), (ValueError, "the name must be a word, such as mnist")),
        ("a number", lambda: data.load(3, "train"), (ValueError, "the name must be a word")),
        ("a part", lambda: data.load("mnist", "train[:10%]"), (ValueError, "the split must be a word")),
        ("of digits", lambda: data.load("digits", "val"), (ValueError, "the splits train and test, got 'val'")),
        (
            "not made",
            lambda: data.load("mnist", "test", data_dir="nowhere"),
            (FileNotFoundError, "make it by data.prep"),
        ),
    ),
    *table(
        "data.prepare",
        (
            "a number",
            lambda: data.prepare(3, data_dir="nowhere"),
            (TypeError, "the name of a set or a path, got a int"),
        ),
        ("digits", lambda: data.prepare("digits", data_dir="nowhere", manual_dir="."), (ValueError, "is not digits")),
        ("a name", lambda: data.prepare("A b", data_dir="nowhere", manual_dir="."), (ValueError, "has only a-z, 0-9")),
        (
            "no folder",
            lambda: data.prepare("mnist", data_dir="x", manual_dir="nowhere"),
            (FileNotFoundError, "no fold"),
        ),
    ),
]

WORDS = ["a cat", "a dog"]
ROWS += [
    *table(
        "data.augment.normalize",
        (
            "std below 0",
            lambda: augment.normalize(IMAGES, 0.5, -0.5),
            (ValueError, r"std must be in \[0, inf\), got -0.5"),
        ),
    ),
    *table(
        "data.text.vocabulary",
        (
            "max_share above 1",
            lambda: data.text.vocabulary(WORDS, max_share=1.5),
            (ValueError, "max_share must be in .*1.5"),
        ),
        ("min_texts 0", lambda: data.text.vocabulary(WORDS, min_texts=0), (ValueError, "min_texts must be at least 1")),
    ),
]
