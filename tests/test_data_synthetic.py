"""Data made from a random key."""

import jax
import numpy as np
import pytest

from jaxmath import data


def test_statsville_has_the_moments_of_the_book():
    x, labels = (np.asarray(a) for a in data.statsville(jax.random.key(0), 60_000))
    means = [(175, 70), (152, 55), (135, 40)]
    covariances = [[[8, 10], [10, 25]], [[8, 0], [0, 15]], [[5, 0], [0, 5]]]
    for kind, share in enumerate((0.4, 0.4, 0.2)):
        own = x[labels == kind]
        assert len(own) / len(x) == pytest.approx(share, abs=0.012)
        np.testing.assert_allclose(own.mean(axis=0), means[kind], atol=0.3)
        np.testing.assert_allclose(np.cov(own.T), covariances[kind], atol=1.2)


def test_gratings_have_the_orientation_of_their_label():
    """The frequency where the spectrum of an image is largest points across its stripes."""
    images, labels = (np.asarray(a) for a in data.gratings(jax.random.key(0), 100, side=32))
    assert (images.shape, images.dtype, set(labels)) == ((100, 32, 32, 3), np.uint8, set(range(8)))
    grey = images.astype(float) - images.mean(axis=(1, 2), keepdims=True)
    power = np.sum(abs(np.fft.fft2(grey, (128, 128), axes=(1, 2))) ** 2, axis=3)
    rows, columns = np.unravel_index(power[:, :64].reshape(100, -1).argmax(axis=1), (64, 128))
    columns = np.where(columns < 64, columns, columns - 128)
    found = np.round(np.arctan2(rows, columns) / (np.pi / 8)).astype(int) % 8
    assert np.mean(found == labels) > 0.9


@pytest.mark.parametrize("make", [data.statsville, data.demand, data.gratings])
def test_no_rows_are_refused(make):
    with pytest.raises(ValueError, match=f"data.{make.__name__}: n must be at least 1"):
        make(jax.random.key(0), 0)


def test_demand_is_the_formula_and_its_noise():
    x, y = (np.asarray(a, float) for a in data.demand(jax.random.key(0), 20_000))
    np.testing.assert_array_equal(x, np.round(x))
    np.testing.assert_array_equal(x.min(axis=0)[1:], 0)
    np.testing.assert_array_equal(x.max(axis=0)[1:], [80, 10])
    assert x[:, 0].min() >= 10_000
    assert x[:, 0].max() <= 90_000
    noise = y - (1.2 * x[:, 0] + 5000 * (x[:, 1] / 100) ** 2 + (10 - x[:, 2]) ** 3)
    assert noise.mean() == pytest.approx(0.5, abs=4)  # rounded up
    assert noise.std() == pytest.approx(100, rel=0.03)
    np.testing.assert_array_equal(y, np.round(y))


def test_cat_brain_has_the_weights_of_the_book():
    x, y = (np.asarray(a, float) for a in data.cat_brain())
    w, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(15)]), y, rcond=None)
    np.testing.assert_allclose(w, [1.0766, 0.8976, -0.9582], atol=1e-4)
