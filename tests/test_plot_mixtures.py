"""Figures of mixtures."""

import numpy as np
import pytest

from jaxmath import plot

RNG = np.random.default_rng(0)


def parts(k, d):
    root = RNG.normal(size=(k, d, d))
    return np.full(k, 1 / k), RNG.normal(size=(k, d)), root @ np.swapaxes(root, 1, 2)


def test_an_ellipse_has_two_standard_deviations():
    weights, means, covariances = parts(2, 2)
    lines = plot.mixture(weights, means, covariances).lines
    for curve, mean, covariance in zip(lines[::2], means, covariances, strict=True):
        left = np.stack(curve.get_data(), axis=1) - mean
        np.testing.assert_allclose((left * np.linalg.solve(covariance, left.T).T).sum(axis=1), 4, rtol=1e-6)


def test_many_columns_are_seen_in_the_plane_of_the_data():
    weights, means, covariances = parts(3, 5)
    x = RNG.normal(size=(50, 5)) * [9, 5, 0.1, 0.1, 0.1]
    axes = plot.mixture(weights, means, covariances, x=x, labels=np.arange(50) % 3)
    drawn = axes.collections[0].get_offsets()
    assert np.cov(np.asarray(drawn).T).trace() == pytest.approx(np.linalg.eigvalsh(np.cov(x.T))[-2:].sum())


def test_one_column_is_a_density():
    parts_of_two = np.array([0.5, 0.5]), np.array([[0.0], [4.0]]), np.array([[[1.0]], [[0.25]]])
    axes = plot.mixture(*parts_of_two, x=RNG.normal(size=(30, 1)))
    t, density = axes.lines[-1].get_data()
    assert np.trapezoid(density, t) == pytest.approx(1, abs=1e-3)


@pytest.mark.bad_input
def test_shapes_that_do_not_fit():
    weights, means, covariances = parts(2, 3)
    with pytest.raises(ValueError, match="expected shapes"):
        plot.mixture(weights, means, covariances[0])
    with pytest.raises(ValueError, match="expected data of shape"):
        plot.mixture(weights, means, covariances)
    with pytest.raises(ValueError, match="expected data of shape"):
        plot.mixture(weights, means, covariances, x=np.zeros((4, 2)))
