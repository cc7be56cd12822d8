"""Section 5.9: distributions of vectors, matrices and pairs."""

import jax.numpy as jnp
import numpy as np

from jaxmath import distributions
from jaxmath.crosscheck.references import distributions_multivariate as reference
from jaxmath.crosscheck.references.distributions_multivariate import squash, symmetric
from jaxmath.crosscheck.registry import case


def _matrix(rng, *batch, d=2):
    """Symmetric matrices around 1."""
    a = rng.uniform(-0.4, 0.4, size=(*batch, d, d))
    return np.eye(d) + symmetric(a)


def _multivariate_normal(x, loc, covariance, precision, scale_tril):
    given = dict(covariance=symmetric(covariance), precision=symmetric(precision), scale_tril=jnp.tril(scale_tril))
    found = []
    for name, value in given.items():
        d = distributions.MultivariateNormal(loc, **{name: value})
        form = squash(d.log_prob(x)), squash(d.entropy()), d.covariance, d.precision, d.scale_tril
        found.append((*form, d.variance, d.mean, d.mode))
    return found


case(
    "5.9.2 multivariate normal distribution",
    _multivariate_normal,
    reference.multivariate_normal,
    inputs=lambda rng: (
        np.array([0.1, 1.0, 30.0])[:, None] * rng.normal(size=(3, 3)), rng.normal(size=3), *_matrix(rng, 3, d=3)
    ),
    covers=("distributions.MultivariateNormal",),
)  # fmt: skip
case(
    "5.9.2 bivariate normal density at its mean",
    lambda covariance, x: distributions.MultivariateNormal(jnp.zeros_like(x), covariance=covariance).log_prob(x),
    lambda covariance, x: np.array(-3.447),
    inputs=lambda rng: (5 * np.eye(2), np.zeros(2)),
    covers=("distributions.MultivariateNormal",),
    float64=1.5e-4,
    float32=1.5e-4,
    reason="the book prints three decimals",
    not_differentiable="the covariance must stay symmetric: the case above has the derivative",
)


def _multivariate_student_t(x, log_df, loc, scale_tril):
    df, scale_tril = jnp.exp(log_df), jnp.tril(scale_tril)
    d = distributions.MultivariateStudentT(df, loc, scale_tril)
    moments = distributions.MultivariateStudentT(df + 2, loc, scale_tril)
    return (
        squash(d.log_prob(x)), squash(d.entropy()), moments.mean, moments.covariance, moments.variance, moments.mode
    )  # fmt: skip


case(
    "5.9 multivariate Student's t distribution",
    _multivariate_student_t,
    reference.multivariate_student_t,
    inputs=lambda rng: (
        np.array([0.1, 1.0, 30.0])[:, None] * rng.normal(size=(3, 3, 2)), np.array([[-4.0], [1.0], [10.0]]),
        rng.normal(size=2), _matrix(rng),
    ),
    covers=("distributions.MultivariateStudentT",),
)  # fmt: skip


def _normal_gamma(mean, precision, loc, precision_scale, log_concentration, rate):
    a = jnp.exp(log_concentration)
    d = distributions.NormalGamma(loc, precision_scale, a, rate)
    moments = distributions.NormalGamma(loc, precision_scale, a + 2, rate)
    return squash(d.log_prob((mean, a * precision))), moments.mean, moments.variance, moments.mode


def _normal_inverse_gamma(mean, variance, loc, precision_scale, log_concentration, scale):
    a = jnp.exp(log_concentration)
    d = distributions.NormalInverseGamma(loc, precision_scale, a, scale)
    moments = distributions.NormalInverseGamma(loc, precision_scale, a + 2.5, scale)
    return squash(d.log_prob((mean, variance / a))), moments.mean, moments.variance, moments.mode


def _pairs(rng):
    """Means, positive numbers, and parameters, of which the logarithm of the concentration has another value a row."""
    log_concentration = np.array([[-4.0], [0.5], [9.0]]) + rng.uniform(-0.1, 0.1, size=(3, 1))
    parameters = rng.normal(), rng.uniform(0.5, 2), log_concentration, rng.uniform(0.5, 2)
    return rng.normal(size=(3, 3)), rng.uniform(0.5, 2, size=(3, 3)), *map(np.asarray, parameters)


case(
    "5.9 normal-gamma distribution",
    _normal_gamma,
    reference.normal_gamma,
    inputs=_pairs,
    covers=("distributions.NormalGamma",),
)
case(
    "5.9 normal-inverse-gamma distribution",
    _normal_inverse_gamma,
    reference.normal_inverse_gamma,
    inputs=_pairs,
    covers=("distributions.NormalInverseGamma",),
)


def _matrices(rng):
    """Matrices around 1, the logarithms of what the degrees of freedom are above 1, and a scale."""
    return _matrix(rng, 3, 2), np.array([[-2.0], [1.0], [8.0]]) + rng.uniform(-0.1, 0.1, size=(3, 1)), _matrix(rng)


def _wishart(x, log_excess, scale):
    df, scale = len(scale) - 1 + jnp.exp(log_excess), symmetric(scale)
    d, size = distributions.Wishart(df, scale), df[..., None, None]
    mode = distributions.Wishart(df + 2, scale).mode
    return squash(d.log_prob(size * symmetric(x))), squash(d.entropy()), d.mean / size, d.variance / size, mode / size


def _inverse_wishart(x, log_excess, scale):
    df, scale = len(scale) - 1 + jnp.exp(log_excess), symmetric(scale)
    d, size = distributions.InverseWishart(df, scale), df[..., None, None]
    moments = distributions.InverseWishart(df + 4, scale)
    log_prob = squash(d.log_prob(symmetric(x) / size))
    return log_prob, squash(d.entropy()), size * moments.mean, size * moments.mode, size**2 * moments.variance


def _normal_wishart(mean, precision, loc, precision_scale, log_excess, scale):
    df, scale = len(scale) - 1 + jnp.exp(log_excess), symmetric(scale)
    d, size = distributions.NormalWishart(loc, precision_scale, df, scale), df[..., None, None]
    moments = distributions.NormalWishart(loc, precision_scale, df + 2, scale)
    expected, variance, mode = moments.mean, moments.variance, moments.mode
    return (
        squash(d.log_prob((mean, size * symmetric(precision)))),
        (expected.mean, expected.precision / size),
        (variance.mean * size[..., 0], variance.precision / size),
        (mode.mean, mode.precision / size),
    )


case("5.9 Wishart distribution", _wishart, reference.wishart, inputs=_matrices, covers=("distributions.Wishart",))
case(
    "5.9 inverse Wishart distribution",
    _inverse_wishart,
    reference.inverse_wishart,
    inputs=_matrices,
    covers=("distributions.InverseWishart",),
)


def _normal_matrices(rng):
    precision, log_excess, scale = _matrices(rng)
    return 0.3 * rng.normal(size=(3, 2, 2)), precision, rng.normal(size=2), np.asarray(1.5), log_excess, scale


case(
    "5.9 normal-Wishart distribution",
    _normal_wishart,
    reference.normal_wishart,
    inputs=_normal_matrices,
    covers=("distributions.NormalWishart",),
)
