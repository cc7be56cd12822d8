"""Section 5.9: continuous distributions of one dimension, and mixtures."""

import jax.numpy as jnp
import numpy as np
from scipy import stats

from jaxmath import distributions
from jaxmath.crosscheck.references import distributions_continuous as reference
from jaxmath.crosscheck.registry import case

_METHODS = ("log_prob", "cdf", "survival", "log_cdf")
_MOMENTS = ("mean", "variance", "mode")
_SCALED = {"log_prob", "log_cdf", "icdf", "entropy", *_MOMENTS}


def _all_of(d, x, p=None, moments=_MOMENTS, entropy=True):
    """What a family has; what may be large or small is scaled so that errors are relative to 1 + its size."""
    found = {name: getattr(d, name)(x) for name in _METHODS} | {name: getattr(d, name) for name in moments}
    found |= {"icdf": d.icdf(p)} if p is not None else {}
    found |= {"entropy": d.entropy()} if entropy else {}
    return {name: jnp.arcsinh(value) if name in _SCALED else value for name, value in found.items()}


def _family(title, kind, exact, settings, *, quantiles=False, moments=_MOMENTS, **options):
    """A case of several parameters, each number of which is an input by itself, so that it is varied by its own size.

    A setting is the parameters and a row of arguments of one order of magnitude.
    """
    size = len(settings[0])

    def columns(arrays, stack):
        *parameters, x = (stack(arrays[i : size * len(settings) : size]) for i in range(size))
        return (*(column[:, None] for column in parameters), x, *arrays[size * len(settings) :])

    def inputs(rng):
        numbers = [np.asarray(number, float) for setting in settings for number in setting]
        varied = [number * (1 + 1e-3 * rng.uniform(-1, 1, size=number.shape)) for number in numbers]
        return (*varied, np.array([0.01, 0.3, 0.5, 0.95])) if quantiles else tuple(varied)

    def function(*arrays):
        *parameters, x = columns(arrays, jnp.stack)[:size]
        return _all_of(kind(*parameters), x, arrays[-1] if quantiles else None, moments)

    case(
        title,
        function,
        lambda *arrays: exact(*columns(arrays, np.stack)),
        inputs=inputs,
        covers=(f"distributions.{kind.__name__}",),
        **options,
    )


_LOCATIONS = (
    (0.0, 1.0, [-9.0, -1.0, 0.5, 3.0]),
    (152.0, 8.0, [130.0, 150.0, 160.0, 170.0]),
    (-3.0, 1e-3, [-3.01, -3.002, -3.0005, -2.999]),
    (20.0, 1e5, [-2e5, -1e4, 3e4, 3e5]),
)
_family(
    "5.9.1 uniform distribution",
    distributions.Uniform,
    reference.uniform,
    (
        (1.0, 5.0, [1.1, 2.0, 3.0, 4.9]),
        (-1e5, 3e5, [-9e4, -3e4, 2e4, 2e5]),
        (-2e-3, 1e-3, [-1.9e-3, -1e-3, 5e-4, 9e-4]),
    ),
    quantiles=True,
)
_family(
    "5.9.2 normal distribution of one dimension", distributions.Normal, reference.normal, _LOCATIONS, quantiles=True
)
_family("5.9 Laplace distribution", distributions.Laplace, reference.laplace, _LOCATIONS, quantiles=True)
_family(
    "5.9 Student's t distribution",
    distributions.StudentT,
    reference.student,
    (
        (2.5, 0.0, 1.0, [-9.0, -1.0, 0.5, 30.0]),
        (30.0, 5.0, 1e-3, [4.99, 4.999, 5.001, 5.005]),
        (1e5, -3.0, 1e4, [-5e4, -1e4, 2e3, 4e4]),
    ),
)
_family(
    "5.9 exponential distribution",
    distributions.Exponential,
    reference.exponential,
    ((1.0, [0.1, 0.7, 3.0, 9.0]), (1e-3, [1.0, 5.0, 30.0, 90.0]), (1e5, [1e-6, 1e-5, 4e-5, 9e-5])),
    quantiles=True,
)
_family(
    "13.5.1 gamma distribution",
    distributions.Gamma,
    reference.gamma,
    (
        (0.5, 2.0, [0.1, 0.3, 1.0, 3.0]),
        (3.0, 1e-3, [300.0, 2e3, 6e3, 2e4]),
        (1e-3, 1.0, [1e-9, 4e-9, 2e-8, 6e-8]),
        (150.0, 1.0, [100.0, 149.0, 170.0, 200.0]),
        (1e5, 1e2, [990.0, 998.0, 1001.0, 1007.0]),
    ),
)
_family(
    "5.9 inverse gamma distribution",
    distributions.InverseGamma,
    reference.inverse_gamma,
    (
        (2.5, 2.0, [0.3, 0.8, 2.0, 9.0]),
        (3.0, 1e3, [100.0, 300.0, 600.0, 2e3]),
        (150.0, 1e-3, [5e-6, 6.6e-6, 7e-6, 9e-6]),
        (1e5, 1e5, [0.991, 0.999, 1.002, 1.008]),
    ),
)
_family(
    "5.9 beta distribution",
    distributions.Beta,
    reference.beta,
    (
        (2.0, 6.0, [0.05, 0.2, 0.5, 0.9]),
        (0.5, 0.3, [0.05, 0.2, 0.5, 0.9]),
        (1e-3, 2.0, [1e-9, 4e-9, 2e-8, 6e-8]),
        (3e3, 1e3, [0.73, 0.749, 0.753, 0.77]),
        (1e5, 1e5, [0.496, 0.4995, 0.501, 0.503]),
    ),
)
_family(
    "5.9 Pareto distribution",
    distributions.Pareto,
    reference.pareto,
    (
        (2.5, 1.0, [1.01, 1.5, 3.0, 9.0]),
        (30.0, 1e-3, [1.01e-3, 1.02e-3, 1.1e-3, 1.5e-3]),
        (3.0, 1e4, [1.01e4, 1.5e4, 4e4, 1e5]),
    ),
    quantiles=True,
)
_family(
    "5.9 Lomax distribution",
    distributions.Lomax,
    reference.lomax,
    ((2.5, 1.0, [0.1, 0.5, 3.0, 9.0]), (1e5, 1e4, [0.01, 0.1, 0.3, 0.9]), (3.0, 1e-3, [1e-5, 1e-4, 5e-4, 3e-3])),
    quantiles=True,
)
_family(
    "5.9 log-normal distribution",
    distributions.LogNormal,
    reference.log_normal,
    ((0.0, 1.0, [0.1, 0.7, 2.0, 9.0]), (3.0, 0.1, [15.0, 19.0, 22.0, 27.0]), (-4.0, 1.5, [2e-3, 1e-2, 5e-2, 0.2])),
    quantiles=True,
)
_family(
    "5.9 compound gamma distribution",
    distributions.CompoundGamma,
    reference.compound_gamma,
    (
        (2.0, 3.0, 4.0, [0.4, 2.0, 5.0, 30.0]),
        (0.5, 2.5, 1e-3, [1e-4, 5e-4, 2e-3, 9e-3]),
        (1e3, 40.0, 10.0, [150.0, 230.0, 260.0, 400.0]),
        (30.0, 1e4, 1e5, [150.0, 280.0, 330.0, 500.0]),
    ),
)


def _log_student(*arrays):
    *parameters, x = arrays
    return _all_of(distributions.LogStudentT(*(p[:, None] for p in parameters)), x, moments=())


case(
    "5.9 log Student's t distribution",
    _log_student,
    lambda df, loc, scale, x: reference.log_student(df[:, None], loc[:, None], scale[:, None], x),
    inputs=lambda rng: (
        np.array([2.5, 1.5, 30.0]), np.array([0.0, 1.0, -0.5]), np.array([1.0, 0.5, 0.2]),
        np.array([[0.2, 0.8, 1.5, 9.0], [0.5, 2.0, 3.0, 7.0], [0.4, 0.55, 0.65, 0.9]])
        + 0.01 * rng.uniform(size=(3, 4)),
    ),
    covers=("distributions.LogStudentT",),
)  # fmt: skip


def _mixtures(weights, loc, scale, rate, x, means, factors, points):
    families = (
        distributions.Normal(loc[0], scale[0]),
        distributions.Exponential(rate),
        distributions.LogNormal(loc[2], scale[2]),
    )
    vectors = distributions.Mixture(weights, distributions.MultivariateNormal(means, scale_tril=jnp.tril(factors)))
    return (
        _all_of(distributions.Mixture(weights, distributions.Normal(loc, scale)), x, None, _MOMENTS[:2], False),
        _all_of(distributions.Mixture(weights, families), x, None, _MOMENTS[:2], False),
        {"log_prob": jnp.arcsinh(vectors.log_prob(points)), "mean": vectors.mean, "covariance": vectors.covariance},
    )


def _mixtures_apart(weights, loc, scale, rate, x, means, factors, points):
    families = (
        stats.norm(loc[0], scale[0]), stats.expon(0, 1 / rate), stats.lognorm(scale[2], 0, np.exp(loc[2]))
    )  # fmt: skip
    return (
        reference.mixture(weights, [stats.norm(m, s) for m, s in zip(loc, scale, strict=True)], x),
        reference.mixture(weights, families, x),
        reference.mixture_of_vectors(weights, means, np.tril(factors), points),
    )


case(
    "5.9 mixtures",
    _mixtures,
    _mixtures_apart,
    inputs=lambda rng: (
        rng.dirichlet([4.0, 4.0, 4.0]), rng.normal(size=3), rng.uniform(0.5, 2, size=3), rng.uniform(0.5, 2),
        np.array([-6.0, -0.5, 0.3, 1.0, 7.0]) + 0.01 * rng.normal(size=5), rng.normal(size=(3, 2)),
        np.tril(rng.normal(size=(3, 2, 2)), -1) + np.eye(2) * rng.uniform(0.5, 2, size=(3, 1, 2)),
        rng.normal(size=(4, 2)),
    ),
    covers=("distributions.Mixture",),
)  # fmt: skip
