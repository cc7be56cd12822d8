"""Batches: every example once, in an order that a key fixes, from any batch on; threads that end."""

import io
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageOps

from jaxmath import data

RNG = np.random.default_rng(0)
KEY = jax.random.key(1)
ARRAYS = {"images": jnp.asarray(RNG.integers(0, 256, (11, 2, 2, 1), np.uint8)), "labels": jnp.arange(11)}


def photographs(n=11):
    """Photographs of several shapes and kinds, in memory."""
    encoded = []
    for i in range(n):
        image = Image.fromarray(RNG.integers(0, 256, (10 + i, 25 - i, 3), np.uint8))
        content = io.BytesIO()
        image.convert(["RGB", "L", "RGBA"][i % 3]).save(content, "png" if i % 3 else "jpeg")
        encoded.append(content.getvalue())
    return data.Photographs(encoded, np.arange(n, dtype=np.int32), tuple("abcdefghijk"))


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("jaxmath.data.stream")]


def as_numpy(batches):
    return [jax.tree.map(np.asarray, batch) for batch in batches]


def same(got, expected):
    assert len(got) == len(expected)
    jax.tree.map(np.testing.assert_array_equal, got, expected)


def test_an_epoch_has_no_example_twice_and_a_key_fixes_its_order():
    order = np.asarray(data.epoch_order(KEY, 11, 4))
    assert order.shape == (2, 4)
    assert order.dtype == np.int32
    assert len(set(order.ravel())) == 8
    assert set(order.ravel()) < set(range(11))
    np.testing.assert_array_equal(np.asarray(data.epoch_order(KEY, 11, 4)), order)
    assert not np.array_equal(np.asarray(data.epoch_order(jax.random.key(2), 11, 4)), order)


def test_every_example_is_equally_likely_in_every_place():
    order = jax.vmap(lambda key: data.epoch_order(key, 5, 2))(jax.random.split(KEY, 5000)).reshape(5000, 4)
    counts = np.stack([np.bincount(column, minlength=5) for column in np.asarray(order).T])
    assert abs(counts - 1000).max() < 6 * np.sqrt(5000 * 0.2 * 0.8)


def test_batches_are_the_rows_of_the_order():
    order = np.asarray(data.epoch_order(KEY, 11, 4))
    for arrays in (ARRAYS, jax.tree.map(np.asarray, ARRAYS)):
        got = as_numpy(data.batches(KEY, arrays, 4))
        same(got, [{name: np.asarray(a)[rows] for name, a in ARRAYS.items()} for rows in order])
        assert got[0]["images"].dtype == np.uint8


def test_batches_in_order_are_all():
    for size, lengths in ((4, [4, 4, 3]), (11, [11]), (1, [1] * 11)):
        got = as_numpy(data.batches(None, ARRAYS, size))
        assert [len(batch["labels"]) for batch in got] == lengths
        np.testing.assert_array_equal(np.concatenate([batch["images"] for batch in got]), np.asarray(ARRAYS["images"]))


@pytest.mark.parametrize("key", [KEY, None])
def test_an_epoch_goes_on_where_it_was(key):
    whole, streamed = as_numpy(data.batches(key, ARRAYS, 3)), photographs()
    images = as_numpy(data.stream(key, streamed, 3, size=(4, 5)))
    assert len(images) == len(whole)
    for start in range(len(whole) + 2):
        same(as_numpy(data.batches(key, ARRAYS, 3, start=start)), whole[start:])
        same(as_numpy(data.stream(key, streamed, 3, size=(4, 5), start=start)), images[start:])


def test_stream_is_the_middle_of_each_photograph_at_one_size():
    given = photographs()
    for key, size in ((KEY, (6, 9)), (None, (12, 4))):
        order = np.arange(11) if key is None else np.asarray(data.epoch_order(key, 11, 4)).ravel()
        got = list(data.stream(key, given, 4, size=size))
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(got))
        images, labels = (np.concatenate([np.asarray(leaf) for leaf in leaves]) for leaves in zip(*got, strict=True))
        np.testing.assert_array_equal(labels, order)
        assert images.dtype == np.uint8
        for image, i in zip(images, order, strict=True):
            decoded = Image.open(io.BytesIO(given.encoded[i])).convert("RGB")
            np.testing.assert_array_equal(image, ImageOps.fit(decoded, size[::-1], Image.Resampling.BILINEAR))
    quarters = np.repeat(np.repeat(RNG.integers(0, 256, (2, 4, 1), np.uint8), 8, axis=0), 8, axis=1).repeat(3, axis=2)
    content = io.BytesIO()
    Image.fromarray(quarters).save(content, "png")
    ((image, _),) = data.stream(
        None, data.Photographs([content.getvalue()], np.zeros(1, np.int32), ("a",)), 1, size=(16, 16)
    )
    np.testing.assert_array_equal(np.asarray(image)[0], quarters[:, 8:24])


def test_threads_end_with_the_epoch_an_error_or_the_iterator():
    given = photographs()
    list(data.stream(KEY, given, 2, size=(4, 4)))
    assert threads() == []
    for end in ("close", "drop"):
        stream = data.stream(KEY, given, 2, size=(4, 4))
        next(stream)
        if end == "close":
            stream.close()
        del stream
        assert threads() == []
    broken = given._replace(encoded=[*given.encoded[:7], given.encoded[7][:40], *given.encoded[8:]])
    stream = data.stream(None, broken, 2, size=(4, 4))
    done = []
    with pytest.raises(ValueError, match=r"data.stream: photograph 7 cannot be decoded"):
        done.extend(stream)
    assert len(done) == 3
    assert threads() == []


def test_batches_are_made_ahead_but_not_all():
    """When the first batch is there, two more are asked for: reading stops until the caller goes on."""
    asked = []

    class Watched(list):
        def __getitem__(self, i):
            asked.append(i)
            return super().__getitem__(i)

    given = photographs()
    stream = data.stream(None, given._replace(encoded=Watched(given.encoded)), 2, size=(4, 4))
    assert asked == []
    next(stream)
    for thread in threads():
        thread.join(0.2)
    assert set(asked) == set(range(6))
    stream.close()


def encoded(pixels, ending="png", mode=None, **options):
    image, content = Image.fromarray(pixels), io.BytesIO()
    (image if mode is None else image.convert(mode)).save(content, ending, **options)
    return content.getvalue()


def turned_right():
    """The note of a camera that its picture is to be turned clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)
KINDS = {
    "16 bits": encoded(257 * GREY.astype(np.uint16)),
    "on its side": encoded(np.rot90(GREY), exif=turned_right()),
    "a damaged note": encoded(GREY, exif=b"Exif\x00\x00none"),
    "on its side, 16 bits": encoded(257 * np.rot90(GREY).astype(np.uint16), exif=turned_right()),
    "8 bits": encoded(GREY),
    "alpha": encoded(GREY, mode="LA"),
    "palette": encoded(GREY, mode="P", transparency=bytes(range(256))),
    "colour": encoded(GREY, mode="RGB"),
    "colour, alpha": encoded(GREY, mode="RGBA"),
    "printing": encoded(GREY, "tiff", "CMYK"),
    "16 bits, big-endian": encoded(257 * GREY.astype(np.uint16), "tiff", big_endian=True),
    "one bit": encoded(255 * (GREY > 127).astype(np.uint8), mode="1"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_of_every_kind_of_image_are_0_to_255(kind):
    given = data.Photographs([KINDS[kind]], np.zeros(1, np.int32), ("a",))
    (((image,), _),) = as_numpy(data.stream(None, given, 1, size=(16, 16)))
    expected = 255 * (GREY > 127) if kind == "one bit" else GREY
    np.testing.assert_array_equal(image, np.repeat(expected[..., None], 3, axis=-1))


@pytest.mark.bad_input
@pytest.mark.parametrize(("dtype", "mode"), [(np.float32, "F"), (np.int32, "I")])
def test_images_without_a_range_are_refused(dtype, mode):
    given = data.Photographs([encoded(GREY.astype(dtype), "tiff")], np.zeros(1, np.int32), ("a",))
    with pytest.raises(ValueError, match=rf"data\.stream: photograph 0 cannot be decoded \(images of mode {mode} have"):
        next(data.stream(None, given, 1, size=(16, 16)))


def test_photographs_train_as_they_are_streamed_and_augmented():
    """Decoded, cropped at random, flipped and normalised under jit: floats of the right shape."""

    @jax.jit
    def prepared(key, images):
        images = data.augment.random_flip(key, data.augment.random_crop(key, images, (6, 6)))
        return data.augment.normalize(images, jnp.full(3, 0.5), jnp.full(3, 0.25))

    for images, _ in data.stream(KEY, photographs(), 5, size=(8, 8)):
        x = prepared(KEY, images)
        assert x.shape == (5, 6, 6, 3)
        assert abs(x).max() <= 2
