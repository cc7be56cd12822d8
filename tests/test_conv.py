"""Convolution: direct = product of matrices = product of spectra, the adjoint, layers of Flax, sizes, edges."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import paddings
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from jaxmath import conv
from jaxmath._compiling import quick_to_compile

compiled = partial(jax.jit, compiler_options=quick_to_compile())
RNG = np.random.default_rng(0)


def _draw(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def _close(got, wanted, tolerance=2e-5):
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


PADDINGS = {"valid": (0, 0), "same": None, "full": None, "pairs": (1, 3)}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", PADDINGS)
def test_direct_is_a_product_with_patches_is_a_product_of_spectra(rank, padding):
    x, w = _draw(*(5, 6, 4)[:rank]), _draw(*(2, 3, 1)[:rank])
    option = [(1, 3)] * rank if padding == "pairs" else padding

    @compiled
    def four_ways(x, w):
        columns = conv.patches(x, w.shape, padding=option)
        convolved = [f(x, jnp.flip(w), padding=option) for f in (conv.convolve, conv.convolve_fft)]
        return conv.correlate(x, w, padding=option), columns, *convolved

    direct, columns, *convolved = map(np.asarray, four_ways(x, w))
    _close(direct, np.tensordot(columns.astype(float), w.astype(float), rank))
    for other in convolved:
        _close(direct, other)


def test_patches_with_channels_strides_and_dilation():
    x, w = _draw(2, 7, 6, 3), _draw(2, 3, 3, 4)
    options = {"stride": (2, 1), "dilation": (3, 1), "padding": [(0, 1), (2, 0)]}
    columns = np.asarray(compiled(lambda x: conv.patches(x, (2, 3), **options))(x), float)
    assert columns.shape == (2, 3, 6, 2, 3, 3)
    direct = compiled(lambda x, w: conv.correlate(x, w, **options))(x, w)
    _close(direct, np.tensordot(columns, w.astype(float), 3))


@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.sampled_from(["valid", "same", "full", "pairs"]),
    st.integers(0, 9),
)  # fmt: skip
def test_transposed_is_the_adjoint_of_correlate(outputs, window, stride, padding, seed):
    """<correlate(u), v> = <u, transposed(v)>, wherever the correlation of u has the size of v."""
    rng = np.random.default_rng(seed)
    option = [(min(1, window - 1), 0)] if padding == "pairs" else padding
    v = jnp.asarray(rng.normal(size=outputs), jnp.float32)
    w = jnp.asarray(rng.normal(size=window), jnp.float32)
    if padding == "full" and (outputs - 1) * stride - window + 2 < 1:
        with pytest.raises(ValueError, match="leaves nothing"):
            conv.transposed(v, w, stride=stride, padding=option)
        return
    back = conv.transposed(v, w, stride=stride, padding=option)
    u = rng.normal(size=back.shape)
    there = conv.correlate(jnp.asarray(u, jnp.float32), w, stride=stride, padding=option)
    assert there.shape == v.shape
    _close(np.vdot(np.asarray(there, float), v), np.vdot(u, np.asarray(back, float)), 1e-4)


@pytest.mark.parametrize(
    ("padding", "options"),
    [
        ("VALID", {}),
        ("SAME", {"strides": (2, 3)}),
        ("SAME", {"kernel_dilation": 2, "feature_group_count": 2}),
        ([(2, 0), (1, 4)], {"strides": 2, "feature_group_count": 4}),
    ],
)
def test_a_layer_of_flax_with_the_same_kernel(padding, options):
    x = _draw(2, 9, 8, 4)
    names = {"strides": "stride", "kernel_dilation": "dilation", "feature_group_count": "groups"}
    ours = {names[name]: value for name, value in options.items()}
    own = padding.lower() if isinstance(padding, str) else padding

    @compiled
    def both(x):
        layer = nnx.Conv(
            4, 8, (2, 3), padding=padding, use_bias=False, rngs=nnx.Rngs(0), precision="highest", **options
        )
        return conv.correlate(x, layer.kernel[...], padding=own, **ours), layer(x)

    _close(*both(x), 1e-6)


def test_a_transposed_layer_of_flax_has_the_kernel_turned_round():
    x = _draw(2, 3, 4, 3)
    for padding, window in (("VALID", (2, 3)), ("SAME", (2, 4))):

        @compiled
        def both(x, window=window, padding=padding):
            options = {"strides": 2, "padding": padding, "use_bias": False, "precision": "highest"}
            layer = nnx.ConvTranspose(3, 5, window, rngs=nnx.Rngs(0), **options)
            turned = layer.kernel[...][::-1, ::-1]
            return conv.transposed(x, turned, stride=2, padding=padding.lower()), layer(x)

        _close(*both(x), 1e-6)


def test_same_has_the_extra_zero_of_an_even_kernel_at_the_end():
    x = np.arange(1.0, 6.0)
    np.testing.assert_array_equal(conv.correlate(x, np.ones(2), padding="same"), [3, 5, 7, 9, 5])
    np.testing.assert_array_equal(conv.correlate(x, np.ones(4), padding="same"), [6, 10, 14, 12, 9])
    np.testing.assert_array_equal(np.correlate(x, np.ones(2), "same"), [1, 3, 5, 7, 9])
    w = _draw(2, 4)
    image = _draw(5, 6)
    by_zeros, by_edge = compiled(lambda *both: [conv.filter_image(*both, border=b) for b in ("zero", "edge")])(image, w)
    _close(by_zeros, ndimage.correlate(image, w, mode="constant", origin=(-1, -1)))
    _close(by_edge, ndimage.correlate(image, w, mode="nearest", origin=(-1, -1)))


def test_a_kernel_larger_than_the_array():
    x, w = _draw(2, 3), _draw(5, 4)

    @compiled
    def three(x, w):
        full = (conv.convolve(*both, padding="full") for both in ((x, w), (w, x)))
        return *full, conv.correlate(x, w, padding="same")

    full, turned, same = three(x, w)
    _close(full, signal.convolve2d(x, w))
    _close(full, turned)
    _close(same, signal.correlate2d(x, w)[2:4, 2:5])


def test_strides_and_groups_are_parts_of_the_whole():
    x, w = _draw(1, 6, 7, 4), _draw(2, 2, 2, 6)
    spread = np.zeros((3, 4, 2, 6), np.float32)
    spread[::2, ::3] = w

    @compiled
    def all_of_it(x, w, spread):
        whole, strided = conv.correlate(x, w, groups=2), conv.correlate(x, w, stride=(2, 3), groups=2)
        dilated, same = conv.correlate(x, w, dilation=(2, 3), groups=2), conv.correlate(x, spread, groups=2)
        return whole, strided, conv.correlate(x[..., :2], w[..., :3]), dilated, same

    whole, strided, first, dilated, same = all_of_it(x, w, spread)
    np.testing.assert_allclose(strided, np.asarray(whole)[:, ::2, ::3], rtol=1e-5, atol=1e-6)
    _close(np.asarray(whole)[..., :3], first, 1e-6)
    _close(dilated, same, 1e-6)


def test_a_colour_image_is_filtered_colour_by_colour():
    image, w = _draw(5, 6, 3), _draw(3, 2)
    filtered, correlate = compiled(conv.filter_image), compiled(partial(conv.correlate, padding="same"))
    by_colour = [filtered(image[..., c], w) for c in range(3)]
    _close(filtered(image, w), np.stack(by_colour, axis=-1), 1e-6)
    _close(by_colour[0], correlate(image[..., 0], w), 1e-6)


def test_kernels_keep_or_remove_a_constant():
    for make in (lambda: conv.box_kernel(3), lambda: conv.gaussian_kernel((4, 7), 2.0)):
        flat = np.full((6, 9), 0.7, np.float32)
        filtered = compiled(lambda x, make=make: conv.filter_image(x, make(), border="edge"))(flat)
        _close(filtered, flat, 1e-6)
    for kernel in (*conv.edge_kernels(), *conv.sobel_kernels()):
        assert np.sum(kernel) == 0
    still = np.broadcast_to(_draw(6, 7), (3, 6, 7))
    moved = compiled(lambda x: conv.correlate(x, conv.motion_kernel((3, 2))))(still)
    _close(moved, np.zeros((2, 4, 6)), 1e-6)


def test_a_gaussian_is_the_product_of_its_axes_and_has_the_variance_asked_for():
    kernel = np.asarray(compiled(lambda: conv.gaussian_kernel((25, 31), 2.0))(), float)
    _close(kernel, np.outer(kernel.sum(axis=1), kernel.sum(axis=0)), 1e-6)
    assert (np.arange(-12, 13) ** 2 * kernel.sum(axis=1)).sum() == pytest.approx(4, rel=1e-5)
    slope = compiled(jax.grad(lambda sigma: conv.gaussian_kernel((5,), sigma)[2]))(np.float32(1.5))
    ahead, behind = (np.exp(-(np.arange(-2, 3) ** 2) / (2 * s**2)) for s in (1.5001, 1.4999))
    assert slope == pytest.approx((1 / ahead.sum() - 1 / behind.sum()) / 2e-4, rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3),
    st.sampled_from(["valid", "same", "full", [(2, 0)], [(0, 3)]]),
)  # fmt: skip
def test_output_size_is_the_size_of_the_output(size, kernel, stride, dilation, padding):
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    x, w = np.ones(size), np.ones(kernel)
    try:
        wanted = conv.output_size(size, kernel, **options)
    except ValueError:
        with pytest.raises(ValueError, match="larger than the padded array"):
            jax.eval_shape(lambda: conv.correlate(x, w, **options))
        return
    assert jax.eval_shape(lambda: conv.correlate(x, w, **options)).shape == (wanted,)
    assert jax.eval_shape(lambda: conv.patches(x, kernel, **options)).shape == (wanted, kernel)
    if padding == "same":
        assert wanted == -(-size // stride)


def test_the_receptive_field_is_where_an_output_has_a_derivative():
    layers = [(3, 2, 1), (2, 1, 3), (3, 2, 1)]
    field = conv.receptive_field(layers)

    def output(x, place):
        for kernel, stride, dilation in layers:
            x = conv.correlate(x, jnp.ones(kernel), stride=stride, dilation=dilation)
        return x[place]

    slope = compiled(jax.grad(output))
    seen = [np.flatnonzero(slope(np.ones(field + 8), place)) for place in (0, 1)]
    assert [at[-1] - at[0] + 1 for at in seen] == [field, field]
    assert seen[1][0] - seen[0][0] == 4  # the strides multiplied


def test_vmap_over_kernels_and_a_sweep_without_a_new_trace():
    image, kernels = _draw(6, 6), _draw(4, 3, 3)
    one = compiled(conv.correlate)
    at_once = compiled(jax.vmap(conv.correlate, in_axes=(None, 0)))(image, kernels)
    _close(at_once, np.stack([one(image, kernel) for kernel in kernels]), 1e-6)
    as_channels = one(image[None, ..., None], np.moveaxis(kernels, 0, -1)[:, :, None])
    _close(as_channels[0], np.moveaxis(np.asarray(at_once), 0, -1), 1e-6)


def test_half_precision_is_computed_in_float32():
    x, w = (_draw(64).astype(jnp.bfloat16), _draw(33).astype(jnp.bfloat16))
    wanted = np.correlate(np.asarray(x, float), np.asarray(w, float)).astype(jnp.bfloat16)
    correlated = compiled(conv.correlate)(x, w)
    assert correlated.dtype == jnp.bfloat16
    for function, *arguments in ((conv.convolve_fft, x, w[::-1]), (conv.transposed, x[:1], w)):
        assert jax.eval_shape(function, *arguments).dtype == jnp.bfloat16
    off = np.abs(np.asarray(correlated, float) - np.asarray(wanted, float))
    assert (off <= 2.0**-7 * np.abs(np.asarray(wanted, float))).all()


def _loops(x, w, g, stride, low, dilation=1, groups=1):
    """Outputs for x (h, w, c), and the gradients of their product with g, by x and by w: one product at a time."""
    y, by_x, by_w = np.zeros(g.shape), np.zeros(x.shape), np.zeros(w.shape)
    per_group, each = w.shape[2], w.shape[3] // groups
    for *place, channel, o in np.ndindex(*g.shape[:2], *w.shape[:3], w.shape[3]):
        i = tuple(stride * a + dilation * b - low for a, b in zip(place[:2], place[2:], strict=True))
        if all(0 <= a < size for a, size in zip(i, x.shape, strict=False)):
            at_x, at_y, at_w = (*i, channel + o // each * per_group), (*place[:2], o), (*place[2:], channel, o)
            y[at_y] += x[at_x] * w[at_w]
            by_x[at_x] += g[at_y] * w[at_w]
            by_w[at_w] += g[at_y] * x[at_x]
    return y, by_x, by_w


@pytest.mark.parametrize(
    ("size", "window", "stride", "pads", "options"),
    [
        ((6, 8), 3, 1, (3, 1), {}),  # more zeros than the window is wide
        ((6, 8), 1, 2, (0, 0), {"groups": 2}),  # rows that no window reaches
        ((7, 6), 3, 2, (0, 0), {"dilation": 2}),
        ((2, 1), 3, 2, (4, 2), {}),  # and rows of the kernel that meet zeros only
    ],
)
def test_gradients_against_loops_where_something_takes_no_part(size, window, stride, pads, options):
    rng, groups = np.random.default_rng(0), options.get("groups", 1)
    x, w = rng.normal(size=(*size, 2)), rng.normal(size=(window, window, 2 // groups, 2))

    def correlate(x, w):
        return conv.correlate(x[None], w, stride=stride, padding=[pads, pads], channels=True, **options)[0]

    g = rng.normal(size=jax.eval_shape(correlate, x, w).shape)
    both = compiled(lambda x, w, g: (correlate(x, w), *jax.vjp(correlate, x, w)[1](g)))
    found = both(*(a.astype(np.float32) for a in (x, w, g)))
    for got, expected in zip(found, _loops(x, w, g, stride, pads[0], **options), strict=True):
        np.testing.assert_allclose(got, expected, atol=5e-6)


@pytest.mark.parametrize(("size", "window"), [(1, 2), (6, 1), (5, 3), (6, 3)])
def test_no_padding_is_negative(size, window):
    """XLA reads beyond the array on a CPU where the padding of a convolution is negative."""
    for stride, pads, dilation in ((1, (3, 1), 1), (2, (0, 0), 1), (3, (0, 4), 1), (2, (1, 2), 2), (3, (7, 6), 1)):
        options = {"stride": stride, "padding": [pads], "dilation": dilation}
        if size + sum(pads) > (window - 1) * dilation:
            assert not paddings.negative(conv.correlate, (size,), (window,), **options)
    assert not paddings.negative(conv.transposed, (size,), (window,), stride=2, padding=[(0, 0)])
    assert not paddings.negative(conv.transposed, (size,), (window,), stride=3, padding="same")
    square, kernel = (2, size, size + 1, 4), (window, window, 2, 2)
    for stride, padding in ((2, "same"), (2, "full"), (3, [(3, 0), (1, 4)])):
        assert not paddings.negative(conv.correlate, square, kernel, stride=stride, padding=padding, groups=2)
    hessian = jax.jacfwd(jax.grad(lambda x, w: (conv.correlate(x, w, padding=[(3, 1)]) ** 2).sum(), (0, 1)), (0, 1))
    assert not paddings.negative(lambda *both: hessian(*both)[1][0], (size,), (window,))
