"""The figure helpers: what is drawn is what was given."""

import jax.numpy as jnp
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from jaxmath import plot

RNG = np.random.default_rng(0)
HALF_MASKED = np.ma.array([0, 1], mask=[0, 1])

pytestmark = pytest.mark.usefixtures("figures")


def _drawn(ax):
    """Every point of every scatter in the axes."""
    return np.concatenate([np.ma.getdata(c.get_offsets()) for c in ax.collections])


def test_style_changes_the_defaults_and_figures_still_draw():
    plot.style()
    ax = plot.scatter(RNG.normal(size=(5, 2)))
    assert ax.figure.dpi == 100
    assert ax.xaxis.get_gridlines()[0].get_visible()
    ax.figure.canvas.draw()


def test_the_palette_has_ten_different_colours():
    assert len({matplotlib.colors.to_rgb(color) for color in plot.PALETTE}) == 10


@pytest.mark.parametrize("library", [np, jnp])
def test_scatter_draws_the_points(library):
    x = RNG.normal(size=(7, 2)).astype(np.float32)
    ax = plot.scatter(library.asarray(x))
    np.testing.assert_array_equal(_drawn(ax), x)
    assert ax.get_aspect() == 1


def test_scatter_gives_each_class_its_own_colour_and_its_name_at_the_median():
    x, labels = RNG.normal(size=(30, 2)), np.repeat([4, 7, 9], 10)
    ax = plot.scatter(x, labels=labels)
    assert [text.get_text() for text in ax.texts] == ["4", "7", "9"]
    np.testing.assert_allclose(ax.texts[1].get_position(), np.median(x[10:20], axis=0))
    np.testing.assert_array_equal(np.ma.getdata(ax.collections[2].get_offsets()), x[20:])
    assert len({tuple(points.get_facecolor()[0]) for points in ax.collections}) == 3


def test_scatter_draws_into_the_axes_it_is_given():
    _, ax = plt.subplots()
    assert plot.scatter(np.zeros((2, 2)), ax=ax) is ax


def test_arrows_are_the_components_scaled_by_the_lengths():
    mean, components = np.array([1.0, -2.0]), np.array([[0.6, 0.8], [0.8, -0.6]])
    ax = plot.principal_axes(mean, components, np.array([5.0, 0.5]))
    arrows = [(quiver.X[0], quiver.Y[0], quiver.U[0], quiver.V[0]) for quiver in ax.collections]
    np.testing.assert_allclose(arrows, [[1, -2, 3, 4], [1, -2, 0.4, -0.3]])
    assert all(quiver.angles == "xy" and quiver.scale == 1 for quiver in ax.collections)
    assert ax.get_xlim()[1] >= 4
    assert ax.get_ylim()[1] >= 2


def test_arrows_in_space():
    ax = plot.principal_axes(np.ones(3), np.eye(3)[:2], np.array([2.0, 3.0]))
    shafts = [np.sort(arrow._segments3d[0], axis=0) for arrow in ax.collections]
    np.testing.assert_allclose(shafts, [[[1, 1, 1], [3, 1, 1]], [[1, 1, 1], [1, 4, 1]]])
    ax.figure.canvas.draw()


@pytest.mark.parametrize("dims", [2, 3])
def test_residuals_join_each_point_with_its_reconstruction(dims):
    x, other = RNG.normal(size=(2, 6, dims))
    ax = plot.residuals(x, other, ax=plot.scatter(x))
    line = ax.lines[0]
    drawn = np.array(line.get_data_3d() if dims == 3 else line.get_data()).T.reshape(6, 3, dims)
    np.testing.assert_allclose(drawn[:, 0], x)
    np.testing.assert_allclose(drawn[:, 1], other)
    assert np.isnan(drawn[:, 2]).all()


def test_an_image_grid_has_every_image_and_its_title():
    pixels = RNG.normal(size=(5, 4, 3))
    figure = plot.images(pixels, titles=list("abcde"), columns=3)
    shown = [ax for ax in figure.axes if ax.images]
    assert len(figure.axes) == 6
    assert len(shown) == 5
    assert [ax.get_title() for ax in shown] == list("abcde")
    for ax, image in zip(shown, pixels, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
        assert ax.images[0].get_clim() == (pixels.min(), pixels.max())
    figure.canvas.draw()


def test_signed_images_have_their_zero_in_the_middle_of_the_scale():
    figure = plot.images(np.array([[[-1.0, 3.0]], [[0.0, 2.0]]]), signed=True)
    assert [ax.images[0].get_clim() for ax in figure.axes] == [(-3.0, 3.0)] * 2


def test_images_that_are_zero_draw():
    plot.images(np.zeros((2, 3, 3)), signed=True).canvas.draw()


def test_images_draw_into_a_part_of_a_figure():
    left, right = plt.figure().subfigures(1, 2)
    assert plot.images(np.zeros((2, 3, 3)), figure=right) is right
    assert (len(left.axes), len(right.axes)) == (0, 2)


def test_a_spectrum_has_a_bar_for_each_variance_and_a_dash_for_each_sample():
    variances, samples = np.array([3.0, 2.0, 0.5]), RNG.uniform(size=(4, 3))
    ax = plot.spectrum(variances, samples=samples)
    assert [bar.get_height() for bar in ax.patches] == [3.0, 2.0, 0.5]
    np.testing.assert_array_equal([line.get_ydata() for line in ax.lines], samples)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("component", "variance")


def test_a_masked_point_is_not_drawn():
    """Before, the number behind the mask was."""
    x = np.ma.array([[0, 1], [2, 3], [1000, 5]], mask=[[0, 0], [0, 0], [1, 0]])
    ax = plot.scatter(x, labels=np.array([0, 0, 0]))
    offsets = ax.collections[0].get_offsets()
    assert np.isnan(np.ma.filled(offsets.astype(float), np.nan)[2, 0])
    np.testing.assert_array_equal(offsets[:2], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(ax.texts[0].get_position(), [1, 3])
    line = plot.curve(np.arange(3), np.ma.array([1, 2, 1000], mask=[0, 0, 1])).lines[0]
    np.testing.assert_array_equal(line.get_ydata(), [1, 2, np.nan])
    bars = plot.mixture(
        np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)), x=np.ma.array([[0.0], [1.0], [1000.0]], mask=[[0], [0], [1]])
    ).patches
    assert max(bar.get_x() + bar.get_width() for bar in bars) <= 1


BAD = {
    "plot.scatter: expected points": lambda: plot.scatter(np.zeros((3, 4))),
    "plot.scatter: expected labels": lambda: plot.scatter(np.zeros((3, 2)), labels=np.zeros(2)),
    "plot.scatter: expected labels without masked": lambda: plot.scatter(np.zeros((2, 2)), labels=HALF_MASKED),
    "plot.mixture: expected labels without masked": lambda: plot.mixture(
        [1.0], [[0.0, 0.0]], np.eye(2)[None], x=np.zeros((2, 2)), labels=HALF_MASKED
    ),
    "plot.principal_axes: expected points": lambda: plot.principal_axes(np.zeros(4), np.eye(4), np.ones(4)),
    "plot.principal_axes: expected lengths": lambda: plot.principal_axes(np.zeros(2), np.eye(2), np.ones(3)),
    "plot.principal_axes: expected a mean": lambda: plot.principal_axes(np.zeros(3), np.eye(2), np.ones(2)),
    "plot.residuals: expected points": lambda: plot.residuals(np.zeros(3), np.zeros(3)),
    "plot.residuals: expected two arrays": lambda: plot.residuals(np.zeros((3, 2)), np.zeros((4, 2))),
    "plot.images: expected images": lambda: plot.images(np.zeros((3, 4))),
    "plot.images: 2 titles for 1 images": lambda: plot.images(np.zeros((1, 3, 4)), titles=["a", "b"]),
    "plot.images: 0 titles for 1 images in 0": lambda: plot.images(np.zeros((1, 3, 4)), columns=0),
    "plot.spectrum: expected variances": lambda: plot.spectrum(np.zeros((3, 4))),
    "plot.spectrum: expected samples": lambda: plot.spectrum(np.zeros(3), samples=np.zeros((2, 4))),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("message", BAD)
def test_wrong_shapes_raise_by_name_and_leave_no_figure(message):
    with pytest.raises(ValueError, match=f"^{message}"):
        BAD[message]()
    assert plt.get_fignums() == []
