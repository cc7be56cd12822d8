"""The figures of functions: what is drawn is what was given."""

import jax.numpy as jnp
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection

from jaxmath import plot

RNG = np.random.default_rng(0)
X, Y = np.linspace(0, 1, 4), np.linspace(-1, 1, 5)
Z = RNG.normal(size=(4, 5))

pytestmark = pytest.mark.usefixtures("figures")


@pytest.fixture
def tour(monkeypatch):
    monkeypatch.setenv("JAXMATH_TOUR", "1")


@pytest.fixture
def nobody_told_of_the_tour(monkeypatch):
    monkeypatch.delenv("JAXMATH_TOUR", raising=False)


@pytest.mark.parametrize("library", [np, jnp])
def test_a_curve_has_its_values_and_its_derivative(library):
    x, values, slopes = (library.asarray(RNG.normal(size=6).astype(np.float32)) for _ in range(3))
    ax = plot.curve(x, values, slopes=slopes, label="g")
    function, derivative = ax.lines
    np.testing.assert_array_equal(function.get_xydata(), np.stack([x, values], axis=1))
    np.testing.assert_array_equal(derivative.get_xydata(), np.stack([x, slopes], axis=1))
    assert (function.get_label(), derivative.get_label()) == ("g", "g\u2032")
    assert function.get_linestyle() != derivative.get_linestyle()


def test_a_curve_without_derivative_draws_into_the_axes_it_is_given():
    _, ax = plt.subplots()
    assert plot.curve(X, X, label=None, ax=ax) is ax
    assert len(ax.lines) == 1


def test_tangents_have_the_point_the_slope_and_the_length():
    x, values, slopes = RNG.normal(size=(3, 4))
    *pieces, points = plot.tangents(x, values, slopes, length=1.5).lines
    ends = np.array([piece.get_xydata() for piece in pieces])
    steps = ends[:, 1] - ends[:, 0]
    np.testing.assert_allclose(ends.mean(axis=1), np.stack([x, values], axis=1))
    np.testing.assert_allclose(steps[:, 1] / steps[:, 0], slopes)
    np.testing.assert_allclose(np.hypot(*steps.T), 1.5)
    np.testing.assert_array_equal(points.get_xydata(), np.stack([x, values], axis=1))


def _written(ax):
    """Texts that are not empty, from left to right."""
    texts = [text for text in ax.texts if text.get_text()]
    return [text.get_text() for text in sorted(texts, key=lambda text: text.get_position()[0])]


def test_factories_stand_between_the_values():
    ax = plot.factories(["f", "g"], [-1.5, jnp.float32(2.0), "end"])
    assert _written(ax) == ["\u22121.5", "f", "2", "g", "end"]
    assert len(ax.patches) == 2
    ax.figure.canvas.draw()


def _arrow_heads(ax):
    """Where the arrows begin and end along the chain, those that go forward first."""
    arrows = [(text.xyann[0], text.xy[0]) for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    return [a for a in arrows if a[0] < a[1]], [a for a in arrows if a[0] > a[1]]


def test_factories_with_a_way_back():
    ax = plot.factories(["f", "g"], [1, 2, 3], backward=[6, 3, 1], local=[2, 3])
    forward, backward = _arrow_heads(ax)
    assert (len(forward), len(backward)) == (3, 3)
    assert sorted(forward) == sorted((b, a) for a, b in backward)
    assert sorted(_written(ax)) == sorted(["1", "f", "\u00d7 2", "2", "g", "\u00d7 3", "3", "6", "3", "1"])
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts if text.get_text() in ("2", "6")}
    assert heights["2"] > 0 > heights["6"]


def test_a_factory_with_several_inputs():
    ax = plot.factories(["f"], [["x", "y"], 3.0], backward=[[5, 7], 1])
    forward, backward = _arrow_heads(ax)
    assert (len(forward), len(backward)) == (3, 3)
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert heights["x"] > heights["5"] > heights["y"] > heights["7"]


@pytest.mark.parametrize("lines", [(), (3,)])
def test_lines_before_and_after(lines):
    points, moved = RNG.normal(size=(2, *lines, 6, 2))
    ax = plot.before_after(points, jnp.asarray(moved), markers=not lines)
    drawn = np.array([line.get_xydata() for line in ax.lines])
    wanted = np.concatenate([points.reshape(-1, 6, 2), moved.astype(np.float32).reshape(-1, 6, 2)])
    np.testing.assert_allclose(drawn, wanted, rtol=1e-6)
    assert ax.get_legend_handles_labels()[1] == ["before", "after"]
    assert ax.lines[0].get_marker() == ("None" if lines else "o")
    assert ax.get_aspect() == 1


def test_contours_have_every_second_arrow_and_the_path():
    arrows, path = RNG.normal(size=(2, 4, 5)), RNG.normal(size=(3, 2))
    ax = plot.contours(X, Y, Z, arrows=arrows, every=2, path=path)
    quiver = next(c for c in ax.collections if isinstance(c, matplotlib.quiver.Quiver))
    wanted = [(X[i], Y[j], *arrows[:, i, j]) for j in (1, 3) for i in (1, 3)]
    np.testing.assert_allclose(np.stack([quiver.X, quiver.Y, quiver.U, quiver.V], axis=1), wanted)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), path)
    ax.figure.canvas.draw()


def test_contours_have_the_first_axis_to_the_right():
    ax = plot.contours(X, Y, np.broadcast_to(X[:, None], (4, 5)))
    assert not any(isinstance(c, matplotlib.quiver.Quiver | LineCollection) for c in ax.collections)
    filled = ax.collections[0]
    highest = np.concatenate([path.vertices for path in filled.get_paths()[-1:]])
    assert highest[:, 0].min() > 0.8
    assert (highest[:, 1].min(), highest[:, 1].max()) == (-1, 1)


def test_a_surface_and_its_path():
    path = RNG.uniform(size=(3, 3))
    ax = plot.surface(X, Y, Z, path=path, labels=("a", "b", "c"))
    np.testing.assert_array_equal(np.array(ax.lines[0].get_data_3d()).T, path)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == ("a", "b", "c")
    assert ax.get_xlim()[1] < 1.3
    assert ax.get_ylim()[0] < -0.9
    ax.figure.canvas.draw()


def test_a_surface_is_static_in_the_tour_whatever_is_asked(tour):
    assert isinstance(plot.surface(X, Y, Z, interactive=True), plt.Axes)


def test_a_surface_is_static_without_plotly(nobody_told_of_the_tour, monkeypatch):
    monkeypatch.setattr("jaxmath.plot.functions.find_spec", lambda name: None)
    assert isinstance(plot.surface(X, Y, Z, interactive=True), plt.Axes)


def test_a_surface_is_static_unless_asked(nobody_told_of_the_tour):
    assert isinstance(plot.surface(X, Y, Z), plt.Axes)


@pytest.mark.parametrize("path", [None, RNG.normal(size=(3, 3))])
def test_an_interactive_surface_is_shown_once(nobody_told_of_the_tour, monkeypatch, path):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    shown = []
    monkeypatch.setattr(graph_objects.Figure, "show", lambda figure: shown.append(figure))
    figure = plot.surface(X, Y, Z, path=path, labels=("a", "b", "c"), interactive=True)
    assert len(shown) == 1
    assert shown[0] is figure
    assert plt.get_fignums() == []
    surface = figure.data[0]
    np.testing.assert_array_equal(surface.z, Z)
    np.testing.assert_array_equal(surface.x, np.broadcast_to(X[:, None], Z.shape))
    np.testing.assert_array_equal(surface.y, np.broadcast_to(Y, Z.shape))
    assert figure.layout.scene.zaxis.title.text == "c"
    assert len(figure.data) == (1 if path is None else 2)
    if path is not None:
        np.testing.assert_array_equal(np.stack([figure.data[1][axis] for axis in "xyz"], axis=1), path)


def test_sliders_draw_once_with_their_start_in_the_tour(tour):
    drawn = []
    assert plot.sliders(lambda a, b: drawn.append((a, b)), a=(0.0, 2.0, 0.5), b=(-1.0, 1.0, 1.0)) is None
    assert drawn == [(0.5, 1.0)]


def test_sliders_have_their_limits_and_draw_what_they_are_moved_to(nobody_told_of_the_tour, monkeypatch):
    ipywidgets = pytest.importorskip("ipywidgets")
    asked = {}
    monkeypatch.setattr(ipywidgets, "interact", lambda draw, **sliders: asked.update(draw=draw, **sliders))
    drawn = []
    plot.sliders(lambda a: drawn.append(a) or "shown", a=(0.0, 2.0, 0.5))
    slider = asked["a"]
    assert (slider.min, slider.max, slider.value, slider.step) == (0.0, 2.0, 0.5, 0.02)
    assert asked["draw"](a=1.5) is None
    assert drawn == [1.5]


BAD = {
    "plot.curve: expected x of": lambda: plot.curve(Z, X),
    "plot.curve: expected values": lambda: plot.curve(X, Y),
    "plot.curve: expected slopes": lambda: plot.curve(X, X, slopes=Y),
    "plot.tangents: expected values": lambda: plot.tangents(X, Y, X),
    "plot.tangents: expected slopes": lambda: plot.tangents(X, X, Y),
    "plot.factories: expected k names.*got 0 names": lambda: plot.factories([], [1]),
    "plot.factories: expected k names.*3 forward": lambda: plot.factories(["f"], [1, 2, 3]),
    "plot.factories: expected k names.*1 backward": lambda: plot.factories(["f"], [1, 2], backward=[1]),
    "plot.factories: expected k names.*2 local": lambda: plot.factories(["f"], [1, 2], local=[1, 2]),
    "plot.before_after: expected two arrays": lambda: plot.before_after(np.zeros((3, 2)), np.zeros((4, 2))),
    r"plot.before_after: expected.*\(3, 3\)": lambda: plot.before_after(np.zeros((3, 3)), np.zeros((3, 3))),
    "plot.contours: expected shapes": lambda: plot.contours(X, Y, Z.T),
    "plot.contours: expected arrows": lambda: plot.contours(X, Y, Z, arrows=Z),
    "plot.contours: expected points": lambda: plot.contours(X, Y, Z, path=np.zeros(2)),
    "plot.surface: expected shapes": lambda: plot.surface(X, Y, X),
    "plot.surface: expected a path": lambda: plot.surface(X, Y, Z, path=np.zeros((4, 2))),
    "plot.sliders: expected a to start": lambda: plot.sliders(print, a=(0.0, 1.0, 2.0)),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("message", BAD)
def test_wrong_input_raises_by_name_and_leaves_no_figure(message):
    with pytest.raises(ValueError, match=f"^{message}"):
        BAD[message]()
    assert plt.get_fignums() == []
