"""Arrows and matrices: what is drawn is what was given."""

import jax.numpy as jnp
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from jaxmath import plot

RNG = np.random.default_rng(0)

pytestmark = pytest.mark.usefixtures("figures")


def _arrows(ax):
    return [(float(q.X[0]), float(q.Y[0]), float(q.U[0]), float(q.V[0])) for q in ax.collections]


@pytest.mark.parametrize("library", [np, jnp])
def test_arrows_begin_at_zero_and_are_the_vectors(library):
    x = np.array([[3.0, 4.0], [-1.0, 0.5]], np.float32)
    ax = plot.vectors(library.asarray(x), labels=["u", "v"])
    np.testing.assert_allclose(_arrows(ax), [[0, 0, 3, 4], [0, 0, -1, 0.5]])
    assert all(q.angles == "xy" and q.scale == 1 and q.scale_units == "xy" for q in ax.collections)
    assert [text.get_text() for text in ax.texts] == ["u", "v"]
    np.testing.assert_allclose([text.xy for text in ax.texts], x)
    assert ax.get_aspect() == 1
    assert ax.get_xlim()[0] <= -1
    assert ax.get_ylim()[1] >= 4


@pytest.mark.parametrize("origins", [np.array([1.0, 2.0]), np.array([[1.0, 2.0], [1.0, 2.0]])])
def test_arrows_begin_where_they_are_told(origins):
    ax = plot.vectors(np.eye(2), origins=origins)
    np.testing.assert_allclose(_arrows(ax), [[1, 2, 1, 0], [1, 2, 0, 1]])
    assert ax.get_xlim()[1] >= 2
    assert ax.get_ylim()[1] >= 3


def test_every_arrow_begins_at_its_own_origin():
    ax = plot.vectors(np.eye(2), origins=np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_allclose(_arrows(ax), [[1, 2, 1, 0], [3, 4, 0, 1]])


def test_colors_begin_again_and_labels_may_be_fewer():
    ax = plot.vectors(RNG.normal(size=(3, 2)), colors=["red", "blue"], labels=["only"])
    shades = [matplotlib.colors.to_hex(q.get_facecolor()[0]) for q in ax.collections]
    assert shades == ["#ff0000", "#0000ff", "#ff0000"]
    assert [text.get_text() for text in ax.texts] == ["only", "", ""]


def test_arrows_in_space():
    ax = plot.vectors(2 * np.eye(3)[:2], origins=np.ones(3), labels=["a", "b"])
    shafts = [np.sort(arrow._segments3d[0], axis=0) for arrow in ax.collections]
    np.testing.assert_allclose(shafts, [[[1, 1, 1], [3, 1, 1]], [[1, 1, 1], [1, 3, 1]]])
    assert [text.get_text() for text in ax.texts] == ["a", "b"]
    assert ax.get_xlim3d()[1] >= 3
    assert ax.get_ylim3d()[1] >= 3
    np.testing.assert_allclose(ax.texts[0].get_position_3d(), [3.12, 1, 1])
    ax.figure.canvas.draw()


@pytest.mark.parametrize("dims", [2, 3])
def test_a_vector_of_zeros_draws(dims):
    plot.vectors(np.zeros((1, dims)), labels=["0"]).figure.canvas.draw()


def test_a_matrix_shows_its_numbers_in_place():
    a = np.array([[1.0, -2.5, 0.0], [30.0, 4.0, 5.125]])
    ax = plot.matrix(jnp.asarray(a), title="A", number_format=".4g")
    assert [t.get_text() for t in ax.texts] == ["1", "-2.5", "0", "30", "4", "5.125"]
    assert [t.get_position() for t in ax.texts] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert ax.get_title() == "A"
    shades = ax.images[0].get_array()
    assert shades[1, 0, 0] > shades[1, 0, 2]  # red
    assert shades[0, 1, 2] > shades[0, 1, 0]  # blue
    assert np.ptp(shades[0, 2, :3]) < 0.02  # neither
    assert {t.get_color() for t in ax.texts} == {"black"}
    ax.figure.canvas.draw()


def test_numbers_are_legible_on_dark_patches():
    ax = plot.matrix(np.array([[0.0, 1.0]]), cmap="gray", limits=(0.0, 1.0))
    assert [t.get_color() for t in ax.texts] == ["white", "black"]
    np.testing.assert_allclose(ax.images[0].get_array()[0, :, 0], [0, 1])


@pytest.mark.parametrize(
    ("highlight", "cells"),
    [
        (np.s_[1], {(1, 0), (1, 1), (1, 2)}),
        (np.s_[:, 2], {(0, 2), (1, 2)}),
        (np.s_[0, ::2], {(0, 0), (0, 2)}),
        (np.eye(2, 3, dtype=bool), {(0, 0), (1, 1)}),
        (None, set()),
    ],
)
def test_the_highlight_frames_the_entries_of_the_index(highlight, cells):
    ax = plot.matrix(RNG.normal(size=(2, 3)), highlight=highlight)
    assert {(round(p.get_y() + 0.5), round(p.get_x() + 0.5)) for p in ax.patches} == cells


@pytest.mark.parametrize("a", [np.full((2, 2), np.nan), np.array([[1.0, np.inf]]), np.zeros((2, 1))])
def test_what_is_no_number_is_written_on_grey(a):
    ax = plot.matrix(a)
    unknown = ax.images[0].get_array()[~np.isfinite(a)]
    np.testing.assert_array_equal(unknown, np.tile([0.8, 0.8, 0.8, 1.0], (len(unknown), 1)))
    ax.figure.canvas.draw()


def test_both_draw_into_the_axes_they_are_given():
    _, (left, right) = plt.subplots(1, 2)
    assert plot.vectors(np.eye(2), ax=left) is left
    assert plot.matrix(np.eye(2), ax=right) is right


BAD = {
    "plot.vectors: expected points": lambda: plot.vectors(np.zeros(3)),
    "plot.vectors: expected origins": lambda: plot.vectors(np.zeros((3, 2)), origins=np.zeros(3)),
    "plot.vectors: 2 labels and 10 colors for 1 vectors": lambda: plot.vectors(np.ones((1, 2)), labels=["a", "b"]),
    "plot.vectors: 0 labels and 0 colors for 1 vectors": lambda: plot.vectors(np.ones((1, 2)), colors=[]),
    "plot.matrix: expected a matrix": lambda: plot.matrix(np.zeros(3)),
    "plot.matrix: expected a matrix of shape .n, d., got .0, 3.": lambda: plot.matrix(np.zeros((0, 3))),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("message", BAD)
def test_wrong_arguments_raise_by_name_and_leave_no_figure(message):
    with pytest.raises(ValueError, match=f"^{message}"):
        BAD[message]()
    assert plt.get_fignums() == []


@pytest.mark.bad_input
def test_a_highlight_that_is_no_index_raises_and_leaves_no_figure():
    with pytest.raises(IndexError):
        plot.matrix(np.eye(2), highlight=np.s_[5])
    assert plt.get_fignums() == []
