"""The log-density of the normal distribution against SciPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmath._core import gaussian

RNG = np.random.default_rng(0)
EPS = float(jnp.finfo(jnp.zeros(()).dtype).eps)


def factors(*batch, d=3):
    a = RNG.normal(size=(*batch, d, d))
    return np.linalg.cholesky(a @ a.swapaxes(-1, -2) + np.eye(d))


@pytest.mark.parametrize(
    ("of_x", "of_loc", "of_factor"),
    [((), (), ()), ((5,), (), ()), ((2, 5), (5,), ()), ((4,), (4,), (4,)), ((5, 1), (), (4,)), ((), (2, 1), (2, 3))],
)
def test_log_density_broadcasts(of_x, of_loc, of_factor):
    x, loc, factor = RNG.normal(size=(*of_x, 3)), RNG.normal(size=(*of_loc, 3)), factors(*of_factor)
    shape = np.broadcast_shapes(of_x, of_loc, of_factor)
    parts = (
        np.broadcast_to(a, (*shape, *a.shape[-r:])).reshape(-1, *a.shape[-r:])
        for a, r in ((x, 1), (loc, 1), (factor, 2))
    )
    expected = [stats.multivariate_normal(m, t @ t.T).logpdf(row) for row, m, t in zip(*parts, strict=True)]
    found = jax.jit(gaussian.log_density)(*map(jnp.asarray, (x, loc, factor)))
    np.testing.assert_allclose(found, np.reshape(expected, shape), rtol=100 * EPS, atol=100 * EPS)


def test_independent_columns():
    x, loc, scale = RNG.normal(size=(5, 3)), RNG.normal(size=3), RNG.uniform(0.1, 2.0, size=(4, 1, 3))
    expected = stats.norm(loc, scale).logpdf(x).sum(axis=-1)
    found = gaussian.log_density_diagonal(*map(jnp.asarray, (x, loc, scale)))
    np.testing.assert_allclose(found, expected, rtol=100 * EPS)


def test_far_components_keep_their_digits():
    """What is far from 0 is subtracted before it is multiplied."""
    factor = factors(d=2)
    loc, x = np.array([1e6, -1e6]), np.array([0.5, 1.0])
    near = gaussian.log_density(jnp.asarray(x), jnp.zeros(2), jnp.asarray(factor))
    far = gaussian.log_density(jnp.asarray(loc + x), jnp.asarray(loc), jnp.asarray(factor))
    np.testing.assert_allclose(far, near, rtol=1e-6)
