"""Pictures: what is drawn is what was given."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import plot

RNG = np.random.default_rng(0)

pytestmark = pytest.mark.usefixtures("figures")


def test_grey_and_coloured_pictures_of_any_size():
    grey, coloured = RNG.uniform(size=(4, 6)), RNG.uniform(size=(5, 3, 3))
    figure = plot.pictures([jnp.asarray(grey), coloured, grey], titles=["grey", "colours"], columns=2)
    drawn = [ax for ax in figure.axes if ax.images]
    assert len(figure.axes) == 4
    assert [ax.get_title() for ax in drawn] == ["grey", "colours", ""]
    np.testing.assert_allclose(drawn[0].images[0].get_array(), grey, rtol=1e-6)
    np.testing.assert_array_equal(drawn[1].images[0].get_array(), coloured)
    assert drawn[0].images[0].get_clim() == (0, 1)
    figure.canvas.draw()


def test_what_is_no_brightness_is_drawn_as_the_nearest():
    ax = plot.pictures([np.array([[-0.5, 0.5, 2.0]])]).axes[0]
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0, 0.5, 1]])


def test_signed_pictures_share_a_scale_with_zero_in_its_middle():
    figure = plot.pictures([np.ones((1, 2)), np.array([[-1.0, 3.0]]), np.array([[0.0, 2.0]])], signed=(1, 2))
    assert [ax.images[0].get_clim() for ax in figure.axes] == [(0, 1), (-3, 3), (-3, 3)]
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), [[-1, 3]])
    plot.pictures([np.zeros((2, 2))], signed=(0,)).canvas.draw()


def test_boxes_on_a_picture():
    """In pixels, whose corners are whole numbers; a label inside of a box at the upper edge; more on what is drawn."""
    places = np.array([[1.0, 3, 4, 5], [0, 0, 2, 1]])
    ax = plot.boxes(RNG.uniform(size=(6, 8, 3)), places, labels=["a", "b"], colors=["red", "blue"])
    plot.boxes(None, jnp.zeros((0, 4)), ax=ax)
    plot.boxes(None, places[:1], dashed=True, ax=ax)
    assert ax.images[0].get_extent() == [0, 8, 6, 0]
    corners = [
        [*each.get_xy(), each.get_x() + each.get_width(), each.get_y() + each.get_height()] for each in ax.patches
    ]
    np.testing.assert_array_equal(corners, [*places, places[0]])
    assert [each.get_linestyle() for each in ax.patches] == ["-", "-", "--"]
    assert [(each.get_text(), each.get_va()) for each in ax.texts] == [("a", "bottom"), ("b", "top")]
    ax.figure.canvas.draw()


@pytest.mark.bad_input
def test_boxes_of_other_shapes():
    for boxes, given in (([[1.0, 2, 3]], {}), ([[0.0, 0, 1, 1]], {"labels": "ab"}), ([[0.0, 0, 1, 1]], {"colors": []})):
        with pytest.raises(ValueError, match=r"plot\.boxes: expected boxes of shape \(n, 4\) and a label and a colour"):
            plot.boxes(None, boxes, **given)
    for picture in (np.zeros(3), np.zeros((4, 4, 2)), np.zeros((4, 4), np.uint8)):
        with pytest.raises(ValueError, match=r"plot\.boxes: expected a picture of numbers from 0 to 1"):
            plot.boxes(picture, [])


@pytest.mark.bad_input
def test_shapes_that_do_not_fit():
    for bad in ([], [np.zeros(3)], [np.zeros((2, 2, 4))], [np.zeros((0, 2))], np.zeros((1, 1, 1, 2, 3))):
        with pytest.raises(ValueError, match=r"plot\.pictures: expected pictures of shape"):
            plot.pictures(bad)
    with pytest.raises(ValueError, match="2 titles for 1 pictures in 1 columns"):
        plot.pictures([np.zeros((2, 2))], titles=["a", "b"])
    with pytest.raises(ValueError, match="in 0 columns"):
        plot.pictures([np.zeros((2, 2))], columns=0)
