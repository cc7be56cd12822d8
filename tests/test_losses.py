"""Losses: the textbook's numbers, what holds for all of them, and derivatives at the edge."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import losses


def test_the_numbers_of_section_9_1():
    y, t = jnp.array([-0.10, -0.24, 1.43, -0.14, -0.59]), jnp.array([0.59, -1.92, -1.27, -0.40, 0.50])
    assert losses.squared_error(y, t).sum() == pytest.approx(11.8442, abs=1e-4)
    assert losses.binary_cross_entropy(0.8, 1) == pytest.approx(0.22314, abs=1e-5)
    assert losses.softmax_cross_entropy(jnp.array([9.99, 10.0, 0.01, -10.0]), 1) == pytest.approx(0.68818, abs=1e-5)
    focal = [float(losses.focal(0.8, 1, gamma)) for gamma in (0, 1, 2)]
    assert focal == pytest.approx([0.2231, 0.0446, 0.0089], abs=1e-4)


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_derivative_of_the_cross_entropies_is_what_is_missing(size):
    z = size * jnp.array([[1.0, 0.5, -1.0], [1.0, 1.0, -1.0], [0.0, 0.0, 0.0]])
    labels = jnp.array([0, 2, 1])
    one_hot = jax.nn.one_hot(labels, 3)
    soft = jax.grad(lambda z: losses.softmax_cross_entropy(z, labels).sum())(z)
    np.testing.assert_allclose(soft, jax.nn.softmax(z) - one_hot, atol=1e-6)
    yes_or_no = jax.grad(lambda z: losses.sigmoid_cross_entropy(z, one_hot).sum())(z)
    np.testing.assert_allclose(yes_or_no, jax.nn.sigmoid(z) - one_hot, atol=1e-6)


@pytest.mark.parametrize(("z", "t"), [(20.0, 1), (-20.0, 0)])
def test_a_small_loss_keeps_its_digits(z, t):
    assert losses.sigmoid_cross_entropy(z, t) == pytest.approx(np.log1p(np.exp(-20)), rel=1e-5)


def test_probabilities_and_logits_agree():
    z = jnp.array([[2.0, -1.0, 0.5], [0.0, 0.0, 1.0]])
    labels = jnp.array([2, 0])
    by_logits = losses.softmax_cross_entropy(z, labels)
    np.testing.assert_allclose(losses.cross_entropy(jax.nn.softmax(z), labels), by_logits, rtol=1e-5)
    ones = jnp.ones_like(z)
    np.testing.assert_allclose(
        losses.binary_cross_entropy(jax.nn.sigmoid(z), ones), losses.sigmoid_cross_entropy(z, ones), rtol=1e-5
    )
    np.testing.assert_allclose(
        losses.focal(jax.nn.sigmoid(z), ones, 0.0), losses.sigmoid_cross_entropy(z, ones), rtol=1e-5
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-5, 5, width=32), min_size=4, max_size=4), st.floats(0.125, 3, width=32))
def test_laws(numbers, delta):
    """Huber lies below both its limits; the divergence is 0 at the target and not negative; shifts of logits."""
    y, t = jnp.array(numbers[:2]), jnp.array(numbers[2:])
    huber = losses.huber(y, t, delta=delta)
    assert (huber <= losses.squared_error(y, t) / 2 + 1e-5).all()
    assert (huber <= delta * losses.absolute_error(y, t) + 1e-5).all()
    p, q = jax.nn.softmax(jnp.array(numbers)), jax.nn.softmax(jnp.array(numbers[::-1]))
    assert losses.kl(p, p) == pytest.approx(0, abs=1e-6)
    assert losses.kl(p, q) > -1e-6
    shifted = losses.softmax_cross_entropy(jnp.array(numbers) + 100, 1)
    assert shifted == pytest.approx(float(losses.softmax_cross_entropy(jnp.array(numbers), 1)), abs=1e-4)


def test_an_ignored_label_has_neither_loss_nor_derivative():
    """Also where it is no class, and where the logits are lost."""
    z = jnp.array([[1.0, 2.0], [jnp.nan, 0.0], [3.0, -1.0]])
    labels = jnp.array([0, 255, 1])

    def total(z):
        return losses.softmax_cross_entropy(z, labels, ignore_label=255).sum()

    value, slope = jax.value_and_grad(total)(z)
    kept = losses.softmax_cross_entropy(z[::2], labels[::2])
    assert value == pytest.approx(float(kept.sum()), rel=1e-6)
    assert (slope[1] == 0).all()
    assert jnp.isfinite(slope).all()


def test_derivatives_where_a_probability_or_a_share_is_0_or_1():
    slope = jax.grad(lambda p: losses.binary_cross_entropy(p, jnp.array([0.0, 1.0])).sum())(jnp.array([0.0, 1.0]))
    np.testing.assert_allclose(slope, [1.0, -1.0])
    slope = jax.grad(lambda p: losses.cross_entropy(p, jnp.array([[1.0, 0.0]])).sum())(jnp.array([[1.0, 0.0]]))
    np.testing.assert_allclose(slope, [[-1.0, 0.0]])
    slope = jax.grad(lambda t: losses.cross_entropy(jnp.array([[0.25, 0.75]]), t).sum())(jnp.array([[1.0, 0.0]]))
    np.testing.assert_allclose(slope, -np.log([[0.25, 0.75]]), rtol=1e-6)
    slopes = [jax.grad(lambda q, gamma=gamma: losses.focal(q, 1, gamma))(1.0) for gamma in (0.0, 0.5, 2.0)]
    assert slopes == [-1, 0, 0]
    slope = jax.grad(lambda gamma: losses.focal(0.5, 1, gamma))(0.0)
    assert slope == pytest.approx(-np.log(0.5) * np.log(0.5), rel=1e-5)
    assert jax.grad(lambda y: losses.absolute_error(y, 1.0))(1.0) == 0
