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


def test_statsville_refuses_no_people():
    with pytest.raises(ValueError, match="n must be at least 1"):
        data.statsville(jax.random.key(0), 0)
