"""Bodies, arcs, ellipsoids and numbered matrices: what is drawn is what was given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from jaxmath import linalg, plot

RNG = np.random.default_rng(0)

pytestmark = pytest.mark.usefixtures("figures")


def _points(line):
    return np.array(line.get_data_3d() if hasattr(line, "get_data_3d") else line.get_data()).T


@pytest.mark.parametrize("dims", [2, 3])
def test_an_arc_goes_from_one_direction_to_the_other_at_its_radius(dims):
    u, v = RNG.normal(size=(2, dims))
    ax = plot.arc(u, v, radius=2.0, label="here")
    points = _points(ax.lines[0])
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 2.0)
    np.testing.assert_allclose(points[0], 2 * u / np.linalg.norm(u))
    np.testing.assert_allclose(points[-1], 2 * v / np.linalg.norm(v))
    steps = [linalg.angle(a, b) for a, b in zip(points[:-1:8], points[8::8], strict=True)]
    np.testing.assert_allclose(np.sum(steps), linalg.angle(u, v), rtol=1e-4)
    assert ax.texts[0].get_text() == "here"


def test_an_arc_between_parallel_vectors_is_a_point():
    points = _points(plot.arc(np.ones(2), 2 * np.ones(2)).lines[0])
    np.testing.assert_allclose(points, np.full((65, 2), 0.5 / np.sqrt(2)))


@pytest.mark.parametrize("filled", [True, False])
def test_a_polygon_has_its_corners(filled):
    corners = RNG.normal(size=(5, 2))
    ax = plot.polygon(corners, label="it", filled=filled)
    np.testing.assert_allclose(ax.patches[0].get_xy()[:5], corners)
    assert (ax.patches[0].get_facecolor()[3] > 0) is filled
    assert ax.get_legend_handles_labels()[1] == ["it"]
    assert ax.get_aspect() == 1


def test_a_box_has_six_faces_with_the_corners_of_the_moved_box():
    turn = np.asarray(linalg.rotation_3d(0.7, np.array([1.0, 2.0, 3.0])))
    ax = plot.box(turn, sizes=(1.0, 2.0, 3.0))
    ax.figure.canvas.draw()
    (body,) = ax.collections
    faces = np.asarray(body._faces)
    signs = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)])
    expected = signs * np.array([0.5, 1.0, 1.5]) @ turn.T
    assert faces.shape == (6, 4, 3)
    np.testing.assert_allclose(np.unique(faces.reshape(-1, 3).round(5), axis=0), np.unique(expected.round(5), axis=0))
    assert len({tuple(color) for color in body.get_facecolor()}) == 6
    assert ax.get_zlim()[1] >= expected[:, 2].max()


def test_a_box_without_a_map_is_the_unit_box():
    faces = np.asarray(plot.box().collections[0]._faces)
    np.testing.assert_allclose(np.abs(faces), 0.5)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_points_of_an_ellipsoid_satisfy_its_equation(dims):
    factor = RNG.normal(size=(dims, dims))
    a, c, center = factor @ factor.T + np.eye(dims), 3.0, np.arange(dims) + 1.0
    quadric = linalg.quadric_axes(a, c)
    ax = plot.ellipsoid(quadric.lengths, quadric.directions, center=center, label="it")
    curves, axes = ax.lines[:-dims], ax.lines[-dims:]
    assert len(curves) == (1 if dims == 2 else 3)
    for x in np.concatenate([_points(line) for line in curves]) - center:
        np.testing.assert_allclose(x @ a @ x, c, rtol=1e-4)
    for i, line in enumerate(axes):
        half = np.asarray(quadric.directions)[:, i] * float(quadric.lengths[i])
        np.testing.assert_allclose(_points(line), [center, center + half], rtol=1e-5, atol=1e-6)
    assert ax.get_legend_handles_labels()[1] == ["it"]
    ax.figure.canvas.draw()


def test_an_ellipse_without_its_half_axes_is_one_curve():
    assert len(plot.ellipsoid(np.array([2.0, 1.0]), np.eye(2), half_axes=False).lines) == 1


def test_an_equation_of_matrices_has_every_entry_title_and_sign():
    tables = [np.array([[1.0, -2.0], [0.123, -1e-9]]), np.array([[4.0], [5.5]])]
    figure = plot.matrices(tables, titles=("A", "b"), signs=("", "="))
    left, right = figure.axes
    assert [text.get_text() for text in left.texts] == ["1", "-2", "0.12", "0", ""]
    assert [text.get_text() for text in right.texts] == ["4", "5.5", "="]
    assert [ax.get_title() for ax in figure.axes] == ["A", "b"]
    shades = [ax.images[0].get_array()[..., 0] for ax in figure.axes]
    assert shades[0][0, 0] > shades[0][0, 1]  # red above 0, blue below
    figure.canvas.draw()


def test_matrices_draw_into_a_part_of_a_figure_and_a_nan_is_written():
    left, right = plt.figure().subfigures(1, 2)
    assert plot.matrices([np.full((2, 2), np.nan)], figure=right) is right
    assert not left.axes
    assert right.axes[0].texts[0].get_text() == "nan"


BAD = {
    "plot.arc: expected two vectors": lambda: plot.arc(np.ones(2), np.ones(3)),
    "plot.polygon: expected corners": lambda: plot.polygon(np.zeros((3, 3))),
    r"plot.box: expected a \(3, 3\) map and three sizes, got \(2, 2\)": lambda: plot.box(np.eye(2)),
    r"plot.box: expected a \(3, 3\) map and three sizes, got \(3, 3\) and \(2,\)": lambda: plot.box(sizes=(1.0, 1.0)),
    "plot.ellipsoid: expected points": lambda: plot.ellipsoid(np.ones(4), np.eye(4)),
    "plot.ellipsoid: expected lengths": lambda: plot.ellipsoid(np.ones(3), np.eye(2)),
    "plot.ellipsoid: expected 2 directions": lambda: plot.ellipsoid(np.ones(2), np.eye(2), center=np.ones(3)),
    "plot.ellipsoid: expected 3 directions": lambda: plot.ellipsoid(np.ones(2), np.eye(3)[:, :2]),
    "plot.matrices: expected matrices": lambda: plot.matrices([np.ones(3)]),
    "plot.matrices: 2 titles": lambda: plot.matrices([np.eye(2)], titles="ab"),
    "plot.matrices: 0 titles and 2 signs": lambda: plot.matrices([np.eye(2)], signs="ab"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("message", BAD)
def test_wrong_shapes_raise_by_name_and_leave_no_figure(message):
    with pytest.raises(ValueError, match=f"^{message}"):
        BAD[message]()
    assert plt.get_fignums() == []
