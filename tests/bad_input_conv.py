"""Bad input to conv."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, dtype_is, equal, near, nothing_finite, table

from jaxmath import conv

IMAGE = np.arange(12.0).reshape(3, 4)
BATCH = np.arange(48.0).reshape(2, 3, 4, 2)
BOX = np.ones((2, 2))
KERNELS = np.ones((2, 2, 2, 4))
WITH_NAN = np.where(np.arange(5) == 3, np.nan, 1.0)
HALVES = {"float16": jnp.float16, "bfloat16": jnp.bfloat16}
MANY = 2049 * np.ones(2)  # no number of float16, but twice as much is


def _of_two(name: str, call: Any) -> list[Row]:
    """What every function of an array and a kernel answers."""
    return table(
        f"conv.{name}",
        ("a number", partial(call, 3.0, 1.0), (ValueError, r"rank 1 to 3, or .* got shape \(\)")),
        ("an empty array", partial(call, IMAGE[:0], BOX), (ValueError, r"no empty axis, got shape \(0, 4\)")),
        ("an empty kernel", partial(call, IMAGE, BOX[:0]), (ValueError, r"no empty axis, got shapes .* \(0, 2\)")),
        ("a kernel of another rank", partial(call, IMAGE, BOX[0]), (ValueError, r"kernel of rank 2, .* and \(2,\)")),
        ("complex", partial(call, IMAGE * 1j, BOX), (TypeError, f"conv.{name}: expected real numbers")),
        ("a complex kernel", partial(call, IMAGE, BOX * 1j), (TypeError, f"conv.{name}: expected real numbers")),
        ("strings", partial(call, [["a"]], BOX), (TypeError, "real numbers")),
        ("ragged lists", partial(call, [[1.0, 2.0], [3.0]], BOX), (TypeError, "ragged")),
        ("None", partial(call, IMAGE, None), (TypeError, "real numbers")),
        ("an unknown padding", partial(call, IMAGE, BOX, padding="SAME"), (ValueError, "must be 'valid', 'same'")),
        ("padding of a number", partial(call, IMAGE, BOX, padding=1), (ValueError, "2 pairs .* got 1")),
        ("a single pair", partial(call, IMAGE, BOX, padding=[(1, 1)]), (ValueError, "a list of 2 pairs")),
        ("three numbers", partial(call, IMAGE, BOX, padding=[(1, 1), (1, 1, 1)]), (ValueError, "a list of 2 pairs")),
        ("padding of -1", partial(call, IMAGE, BOX, padding=[(0, 0), (0, -1)]), (ValueError, "pairs .* whole numbers")),
        ("padding of half", partial(call, IMAGE, BOX, padding=[(0, 0), (0.5, 0)]), (ValueError, "pairs .* whole numb")),
        ("a kernel of 1", lambda: call([[1.0, 2.0]], [[3.0]]), near([[3.0, 6.0]])),
        ("integers", lambda: call(IMAGE.astype(int), BOX.astype(int)), near(lambda: call(IMAGE, BOX))),
        ("integers are floats", lambda: call([1, 2], [1]), dtype_is(jnp.result_type(float))),
        ("booleans", lambda: call(IMAGE > 3, BOX > 0), near(lambda: call(1.0 * (IMAGE > 3), BOX))),
        *((f"{n}", partial(call, IMAGE.astype(d), BOX.astype(d)), dtype_is(d)) for n, d in HALVES.items()),
        ("half a float", partial(call, IMAGE.astype(np.float16), jnp.float32(BOX)), dtype_is(jnp.float32)),
    )


def _with_channels(name: str, call: Any) -> list[Row]:
    return table(
        f"conv.{name}",
        (
            "rank 6",
            partial(call, BATCH[None, None], KERNELS[None, None]),
            (ValueError, r"got shape \(1, 1, 2, 3, 4, 2"),
        ),
        ("channels at rank 2", partial(call, IMAGE, BOX, channels=True), (ValueError, r"channels=True .* \(3, 4\)")),
        ("none at rank 4", partial(call, BATCH, KERNELS, channels=False), (ValueError, "rank 1 to 3 without channels")),
        ("channels of a word", partial(call, BATCH, KERNELS, channels="last"), (TypeError, "True, False or None")),
        ("channels of 1", partial(call, BATCH, KERNELS, channels=1), (TypeError, "True, False or None, got 1")),
        (
            "another number of channels",
            partial(call, BATCH, KERNELS[:, :, :1]),
            (ValueError, r"got shape \(2, 2, 1, 4"),
        ),
        ("stride 0", partial(call, IMAGE, BOX, stride=0), (ValueError, "stride must be at least 1, got 0")),
        ("stride of half", partial(call, IMAGE, BOX, stride=1.5), (TypeError, "stride must be an integer")),
        (
            "three strides",
            partial(call, IMAGE, BOX, stride=(1, 1, 1)),
            (ValueError, "stride must be one whole .* or 2"),
        ),
        (
            "a traced stride",
            lambda: jax.jit(lambda stride: call(IMAGE, BOX, stride=stride))(2),
            (TypeError, "stride must be static"),
        ),
        ("rank 3 is a volume", lambda: call(BATCH[0], np.ones((1, 1, 1))), near(BATCH[0])),
        ("a batch of rank 3", lambda: call(BATCH[0], np.eye(2)[None], channels=True), near(BATCH[0])),
    )


def _sliding(name: str, call: Any) -> list[Row]:
    return table(
        f"conv.{name}",
        ("a kernel too large", partial(call, BOX, IMAGE), (ValueError, r"kernel over \(3, 4\) .* array \(2, 2\)")),
        ("and too wide by dilation", partial(call, IMAGE, BOX, dilation=3), (ValueError, r"over \(4, 4\) .* pad more")),
        ("dilation 0", partial(call, IMAGE, BOX, dilation=0), (ValueError, "dilation must be at least 1")),
        ("groups 0", partial(call, BATCH, KERNELS, groups=0), (ValueError, "groups must be at least 1")),
        ("groups of half", partial(call, BATCH, KERNELS, groups=0.5), (TypeError, "groups must be an integer")),
        ("groups without channels", partial(call, IMAGE, BOX, groups=2), (ValueError, "1 channels in 2 groups")),
        (
            "groups that do not divide",
            partial(call, BATCH, KERNELS[:, :, :1, :3], groups=2),
            (ValueError, "m in groups, got shape"),
        ),
        ("a NaN", lambda: jnp.isnan(call(WITH_NAN, [1.0, 0.0])), equal([0, 0, 1, 1])),
        ("a NaN in the kernel", lambda: call(np.ones(3), [1.0, np.nan]), nothing_finite),
        ("sums of float16", lambda: call(MANY.astype(np.float16), np.ones(2, np.float16)), equal([2 * 2048])),
        ("odd numbers of float16", lambda: call(np.float16([2048, 1, 1]), np.ones(3, np.float16)), equal([2050])),
    )


_SIZE = [
    ("of 0", 0, (ValueError, "size must be at least 1, got 0")),
    ("of half", 2.5, (TypeError, "size must be an integer, got 2.5")),
    ("of a word", "3", (TypeError, "size must be an integer")),
    ("True", True, (ValueError, "size must be at least 1, got True")),
]


ROWS = [
    *_of_two("correlate", conv.correlate),
    *_of_two("convolve", conv.convolve),
    *_of_two("transposed", conv.transposed),
    *_of_two("convolve_fft", conv.convolve_fft),
    *_with_channels("correlate", conv.correlate),
    *_with_channels("convolve", conv.convolve),
    *_with_channels("transposed", conv.transposed),
    *_sliding("correlate", conv.correlate),
    *_sliding("convolve", conv.convolve),
    *table(
        "conv.transposed",
        ("nothing left", lambda: conv.transposed(IMAGE, BOX, padding=[(0, 0), (3, 2)]), (ValueError, "leaves nothing")),
        ("one left", lambda: conv.transposed(np.ones(2), np.ones(3), padding=[(2, 1)]), equal([2.0])),
        ("a NaN", lambda: jnp.isnan(conv.transposed(WITH_NAN[2:], np.zeros(2))), equal([0, 1, 1, 0])),
        ("sums of float16", lambda: conv.transposed(np.float16([2048, 1]), np.float16([1, 1])), equal([2048, 2048, 1])),
    ),
    *table(
        "conv.convolve_fft",
        ("channels", lambda: conv.convolve_fft(BATCH, KERNELS), (ValueError, "rank 1 to 3 without channels")),
        ("a kernel too large", lambda: conv.convolve_fft(BOX, IMAGE), (ValueError, "larger than the padded array")),
        ("a NaN", lambda: conv.convolve_fft(WITH_NAN, np.ones(2)), nothing_finite),
    ),
    *table(
        "conv.patches",
        ("an empty array", lambda: conv.patches(IMAGE[:0], 2), (ValueError, "conv.patches: .* no empty axis")),
        ("complex", lambda: conv.patches(IMAGE * 1j, 2), (TypeError, "conv.patches: expected real numbers")),
        ("a window of 0", lambda: conv.patches(IMAGE, 0), (ValueError, "window must be at least 1")),
        ("three windows", lambda: conv.patches(IMAGE, (1, 1, 1)), (ValueError, "window must be one whole number or 2")),
        ("a traced window", lambda: jax.jit(conv.patches)(IMAGE, 2), (TypeError, "window must be static")),
        ("a window too large", lambda: conv.patches(IMAGE, (1, 5)), (ValueError, "larger than the padded array")),
        ("an unknown padding", lambda: conv.patches(IMAGE, 2, padding="VALID"), (ValueError, "2 pairs")),
        ("rank 6", lambda: conv.patches(BATCH[None, None], 1), (ValueError, "rank 1 to 3, or")),
        ("rank 4", lambda: conv.patches(BATCH, 1)[:, :, :, 0, 0], equal(BATCH)),
        ("integers", lambda: conv.patches([1, 2], 1), dtype_is(jnp.result_type(int), equal([[1], [2]]))),
        ("booleans", lambda: conv.patches([True], 2, padding="same"), dtype_is(bool, equal([[True, False]]))),
        ("bfloat16", lambda: conv.patches(jnp.ones(3, jnp.bfloat16), 2), dtype_is(jnp.bfloat16)),
        ("a NaN", lambda: jnp.isnan(conv.patches(WITH_NAN, 2)), equal([[0, 0], [0, 0], [0, 1], [1, 0]])),
    ),
    *table(
        "conv.filter_image",
        ("rank 1", lambda: conv.filter_image(IMAGE[0], BOX), (ValueError, r"image \(h, w\) or .* got shape \(4,\)")),
        ("rank 4", lambda: conv.filter_image(BATCH, BOX), (ValueError, r"image \(h, w\) or \(h, w, colours\)")),
        ("an empty image", lambda: conv.filter_image(IMAGE[:, :0], BOX), (ValueError, r"got shape \(3, 0\)")),
        ("a kernel of rank 1", lambda: conv.filter_image(IMAGE, BOX[0]), (ValueError, r"kernel of shape \(kh, kw\)")),
        ("an empty kernel", lambda: conv.filter_image(IMAGE, BOX[:0]), (ValueError, r"\(kh, kw\), got \(0, 2\)")),
        ("an unknown border", lambda: conv.filter_image(IMAGE, BOX, border="wrap"), (ValueError, "'zero', 'edge'")),
        ("complex", lambda: conv.filter_image(IMAGE * 1j, BOX), (TypeError, "conv.filter_image: expected real")),
        ("a complex kernel", lambda: conv.filter_image(IMAGE, BOX * 1j), (TypeError, "conv.filter_image: expected re")),
        (
            "bytes",
            lambda: conv.filter_image(np.full((2, 2), 200, np.uint8), BOX, border="edge"),
            equal([[800.0] * 2] * 2),
        ),
        ("float16", lambda: conv.filter_image(IMAGE.astype(np.float16), conv.box_kernel(2)), dtype_is(jnp.float16)),
        (
            "a larger kernel",
            lambda: conv.filter_image(np.ones((1, 2)), np.ones((5, 7)), border="edge"),
            equal([[35] * 2]),
        ),
        ("a NaN", lambda: jnp.isnan(conv.filter_image([WITH_NAN], [[0.0, 0.0]])), equal([[0, 0, 1, 1, 0]])),
    ),
    *table(
        "conv.box_kernel",
        *((what, partial(conv.box_kernel, size), answer) for what, size, answer in _SIZE),
        ("of four axes", lambda: conv.box_kernel((1, 1, 1, 1)), (ValueError, "a tuple of 1 to 3, got")),
        ("of no axis", lambda: conv.box_kernel(()), (ValueError, "a tuple of 1 to 3, got")),
        ("traced", lambda: jax.jit(conv.box_kernel)(3), (TypeError, "conv.box_kernel: size must be static")),
        ("of 1", lambda: conv.box_kernel(1), equal([[1.0]])),
        ("of three axes", lambda: conv.box_kernel((1, 1, 1)), equal([[[1.0]]])),
    ),
    *table(
        "conv.gaussian_kernel",
        *((what, partial(conv.gaussian_kernel, size), answer) for what, size, answer in _SIZE),
        ("sigma 0", lambda: conv.gaussian_kernel(3, 0.0), (ValueError, r"sigma must be in \(0, inf\], got 0.0")),
        ("sigma 0, an array", lambda: conv.gaussian_kernel(3, np.array(0.0)), nothing_finite),
        ("sigma below 0, traced", lambda: jax.jit(partial(conv.gaussian_kernel, 3))(-1.0), nothing_finite),
        ("sigma NaN", lambda: conv.gaussian_kernel((2,), np.nan), nothing_finite),
        ("two sigmas", lambda: conv.gaussian_kernel(3, [1.0, 2.0]), (ValueError, "sigma to be one number")),
        (
            "a word for sigma",
            lambda: conv.gaussian_kernel(3, "wide"),
            (TypeError, "conv.gaussian_kernel: expected real"),
        ),
        ("a tiny sigma", lambda: conv.gaussian_kernel((3,), 1e-3), equal([0.0, 1.0, 0.0])),
        ("a large one", lambda: conv.gaussian_kernel((4,), np.inf), equal([0.25] * 4)),
        ("bfloat16", lambda: conv.gaussian_kernel(3, jnp.bfloat16(1)), dtype_is(jnp.bfloat16)),
    ),
    *table(
        "conv.motion_kernel",
        *((what, partial(conv.motion_kernel, size), answer) for what, size, answer in _SIZE),
        ("of three axes", lambda: conv.motion_kernel((1, 1, 1)), (ValueError, "size must be one whole number or 2")),
    ),
    *table(
        "conv.output_size",
        ("0", lambda: conv.output_size(0, 1), (ValueError, "size must be at least 1")),
        ("half", lambda: conv.output_size(2.5, 1), (TypeError, "size must be an integer")),
        ("no axis", lambda: conv.output_size((), 1), (ValueError, "one or more axes")),
        ("a kernel too large", lambda: conv.output_size(4, 5), (ValueError, r"kernel over \(5,\) is larger")),
        ("two kernels", lambda: conv.output_size(4, (2, 2)), (ValueError, "kernel must be one whole number or 1")),
        ("an unknown padding", lambda: conv.output_size(4, 2, padding="pad"), (ValueError, "padding must be")),
        ("the whole", lambda: conv.output_size(5, 5), equal(1)),
        ("a list", lambda: conv.output_size([5, 6], 5), equal((1, 2))),
    ),
    *table(
        "conv.receptive_field",
        ("no layers", lambda: conv.receptive_field([]), equal(1)),
        (
            "a kernel of 0",
            lambda: conv.receptive_field([(3, 1), (0, 1)]),
            (ValueError, r"layers\[1\] must be at least"),
        ),
        ("four numbers", lambda: conv.receptive_field([(3, 1, 1, 1)]), (ValueError, r"\(kernel, stride, dilation\)")),
        ("an empty layer", lambda: conv.receptive_field([()]), (ValueError, r"\(kernel, stride, dilation\)")),
        ("a number", lambda: conv.receptive_field([3]), (TypeError, r"layers \(kernel, stride, dilation\), got 3")),
    ),
]
