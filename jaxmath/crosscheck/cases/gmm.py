"""Section 6.8.2: mixtures of Gaussians."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import gmm, reduce
from jaxmath.crosscheck.references import gmm as reference
from jaxmath.crosscheck.registry import case

_DENSE, _DIAGONAL = ("full", "tied"), ("diag", "spherical", "tied_diag", "tied_spherical")


def _clusters(rng, n=18, d=2, apart=2.0) -> Any:
    """Rows, weights of rows, and a mixture near them: weights, means, and k covariance matrices."""
    means = apart * np.array([[-1.0, 0.0, 1.0], [1.0, 0.5, -1.0], [0.0, 1.5, 0.0]])[:, :d]
    x = np.repeat(means, n // 3, axis=0) + rng.normal(size=(n, d))
    factors = np.eye(d) + 0.3 * rng.normal(size=(3, d, d))
    weights = rng.uniform(0.5, 1.5, size=3)
    return x, rng.uniform(0.5, 2.0, size=n), weights / weights.sum(), means, factors @ factors.transpose(0, 2, 1)


def _typed(weights, covariances, kind):
    """What a type keeps of full matrices, in NumPy and in JAX alike."""
    spread = (
        covariances.diagonal(axis1=1, axis2=2)
        if isinstance(covariances, np.ndarray)
        else jnp.diagonal(covariances, axis1=1, axis2=2)
    )
    return {
        "full": covariances,
        "tied": covariances[0],
        "diag": spread,
        "spherical": spread[:, 0],
        "tied_diag": spread[0],
        "tied_spherical": spread[0, 0],
    }[kind]


def _mixture(weights, means, covariances, kind):
    return gmm.GMM(weights, means, _typed(weights, covariances, kind), kind)


def _full(weights, covariances, kind):
    return reference.matrices(_typed(weights, covariances, kind), kind, len(weights), covariances.shape[1])


def _three_steps(kinds, chunk_size=None):
    def function(x, row_weights, weights, means, covariances):
        for kind in kinds:
            init = _mixture(weights, means, covariances, kind)
            f = gmm.fit(
                jax.random.key(0), x, 3, covariance_type=kind, weights=row_weights, init=init, max_steps=3, tol=0.0,
                chunk_size=chunk_size, reg_covar=1e-3,
            )  # fmt: skip
            yield f.params, f.log_likelihood, f.history, f.num_steps, f.converged, f.num_repairs

    def expected(x, row_weights, weights, means, covariances):
        for kind in kinds:
            start = weights, means, _typed(weights, covariances, kind)
            yield *reference.em(*start, kind, x, 3, row_weights, reg=1e-3), 3, False, 0

    return lambda *inputs: tuple(function(*inputs)), lambda *inputs: tuple(expected(*inputs))


def _one_step(x, row_weights, weights, means, covariances):
    for kind in ("full", "spherical"):
        params = _mixture(weights, means, covariances, kind)
        parts = [gmm.e_step(params, x[s], weights=row_weights[s]) for s in (slice(0, 7), slice(7, None))]
        sums = reduce.merge(*parts)
        second = sums.second if kind == "full" else sums.second.sum(axis=1)
        new = gmm.m_step(params, sums, reg_covar=1e-2)
        again, before = gmm.em_step(params, x, weights=row_weights, reg_covar=1e-2)
        yield sums._replace(second=second), new, again, before


def _one_step_reference(x, row_weights, weights, means, covariances):
    for kind in ("full", "spherical"):
        counts, first, second, total, rows = reference.statistics(
            weights, means, _full(weights, covariances, kind), x, row_weights
        )
        second = second if kind == "full" else np.trace(second, axis1=1, axis2=2)
        typed = _typed(weights, covariances, kind)
        *new, _, history = reference.em(weights, means, typed, kind, x, 1, row_weights, reg=1e-2)
        yield (counts, first, second, total, rows), new, new, history[0]


def _said_of_rows(x, _, weights, means, covariances):
    for kind in ("full", "diag", "tied_spherical"):
        params = _mixture(weights, means, covariances, kind)
        yield (
            gmm.log_prob(params, x), gmm.responsibilities(params, x), gmm.predict(params, x), gmm.bic(params, x),
            gmm.aic(params, x), gmm.precisions(params), gmm.covariances(params),
        )  # fmt: skip


def _said_of_rows_reference(x, _, weights, means, covariances):
    for kind, free in (("full", 9), ("diag", 6), ("tied_spherical", 1)):
        full = _full(weights, covariances, kind)
        shares = reference.responsibilities(weights, means, full, x)
        inverse = [np.linalg.inv(c) for c in full]
        yield (
            reference.log_prob(weights, means, full, x), shares, shares.argmax(axis=1),
            *reference.criteria(weights, means, full, free, x), reference.of_type(inverse, weights, kind),
            np.array(full),
        )  # fmt: skip


def _slices(values, weights, means, covariances):
    for kind in ("full", "tied", "tied_diag"):
        params = _mixture(weights, means, covariances, kind)
        yield gmm.marginal(params, [2, 0]), gmm.conditional(params, [-1, 0], values)


def _slices_reference(values, weights, means, covariances):
    for kind in ("full", "tied", "tied_diag"):
        full = _full(weights, covariances, kind)
        kept = reference.of_type([c[np.ix_([2, 0], [2, 0])] for c in full], weights, kind)
        new_weights, new_means, new_full = reference.conditional(weights, means, full, [2, 0], values)
        yield (
            (weights, means[:, [2, 0]], kept),
            (new_weights, new_means, reference.of_type(new_full, new_weights, kind)),
        )


def _missing(kinds):
    def function(x, hidden, row_weights, weights, means, covariances):
        x = jnp.where(hidden, jnp.nan, x)
        for kind in kinds:
            init = _mixture(weights, means, covariances, kind)
            f = gmm.fit_missing(
                jax.random.key(0), x, 3, covariance_type=kind, weights=row_weights, init=init, max_steps=2, tol=0.0,
                chunk_size=5, reg_covar=1e-3,
            )  # fmt: skip
            yield f.params, f.log_likelihood, f.history, gmm.impute(f.params, x)

    def expected(x, hidden, row_weights, weights, means, covariances):
        x = np.where(hidden, np.nan, x)
        for kind in kinds:
            start = weights, means, _typed(weights, covariances, kind)
            yield reference.em_missing(*start, kind, x, 2, row_weights, reg=1e-3)

    return lambda *inputs: tuple(function(*inputs)), lambda *inputs: tuple(expected(*inputs))


def _with_holes(rng):
    x, *rest = _clusters(rng, d=3)
    hidden = rng.random(x.shape) < 0.3
    hidden[0] = True
    return x, hidden, *rest


def _under_a_prior(x, row_weights, weights, means, covariances, mean):
    params, eye = gmm.GMM(weights, means, covariances), jnp.eye(2, dtype=x.dtype)
    prior = gmm.Prior(
        jnp.array([2.0, 3.0, 1.5], x.dtype), mean, jnp.ones((), x.dtype) / 2, jnp.ones((), x.dtype) * 6, eye
    )
    new = gmm.m_step(params, gmm.e_step(params, x, weights=row_weights), reg_covar=0.0, prior=prior)
    fit = gmm.fit(
        jax.random.key(0), x, 3, weights=row_weights, init=params, reg_covar=0.0, prior=prior, max_steps=2, tol=0.0
    )
    return new, fit.history[1] - fit.history[0]


def _under_a_prior_reference(x, row_weights, weights, means, covariances, mean):
    prior = np.array([2.0, 3.0, 1.5]), mean, 0.5, 6.0, np.eye(2)
    new = reference.most_probable(weights, means, covariances, x, row_weights, prior)
    objectives = [
        (reference.log_prior(*at, prior) + row_weights @ reference.log_prob(*at, x)) / row_weights.sum()
        for at in ((weights, means, covariances), new)
    ]
    return (*new[:2], np.array(new[2])), objectives[1] - objectives[0]


def _all(generator):
    return lambda *inputs: tuple(generator(*inputs))


for types, kinds, n, chunk_size in (
    ("full and tied", _DENSE, 18, 5),
    ("diagonal and spherical", _DIAGONAL, 18, 5),
    ("with a table of products", ("full", "tied_diag"), 4098, None),
):
    function, expected = _three_steps(kinds, chunk_size)
    case(
        f"6.8.2 three steps of EM, {types}",
        function,
        expected,
        inputs=partial(_clusters, n=n),
        covers=("gmm.fit",),
        not_differentiable="the derivative of a fit is that of the stationary point, not of these steps",
    )
case(
    "6.8.2 one step of EM",
    _all(_one_step),
    _all(_one_step_reference),
    inputs=_clusters,
    covers=("gmm.e_step", "gmm.m_step", "gmm.em_step", "reduce.merge"),
)
case(
    "6.8.2 a stationary point of EM",
    lambda x, row_weights, shares: gmm.fit(
        jax.random.key(0), x, 3, weights=row_weights, init=shares, max_steps=100, tol=0.0, covariance_type="tied"
    )[:2],
    lambda x, row_weights, shares: reference.em(
        *(lambda w, m, c: (w, m, sum(a * b for a, b in zip(w, c, strict=True))))(
            *reference.from_shares(x, shares * row_weights[:, None], 1e-6)
        ), "tied", x, 100, row_weights,
    )[:4],
    inputs=lambda rng: (*_clusters(rng, apart=4.0)[:2], np.repeat(np.eye(3), 6, axis=0) * 0.8 + 0.1),
    covers=("gmm.fit",),
)  # fmt: skip
case(
    "6.8.2 densities, responsibilities and criteria",
    _all(_said_of_rows),
    _all(_said_of_rows_reference),
    inputs=_clusters,
    covers=(
        "gmm.log_prob",
        "gmm.responsibilities",
        "gmm.predict",
        "gmm.bic",
        "gmm.aic",
        "gmm.precisions",
        "gmm.covariances",
    ),
)
case(
    "6.8.2 narrow clusters far apart",
    lambda x, weights, means, covariances: gmm.em_step(
        gmm.GMM(weights, means, 1e-4 * _typed(weights, covariances, "diag"), "diag"), x
    )[0],
    lambda x, weights, means, covariances: reference.em(
        weights, means, 1e-4 * _typed(weights, covariances, "diag"), "diag", x, 1
    )[:3],
    inputs=lambda rng: (lambda x, _, weights, means, covariances: (means.repeat(6, axis=0) + 0.01 * (
        x - means.repeat(6, axis=0)), weights, means, covariances))(*_clusters(rng, apart=100.0)),
    covers=("gmm.em_step",),
    float32=2e-3,
    reason="float32 holds the rows to 4e-4 of the width of their cluster",
)  # fmt: skip
case(
    "6.8.2 far from 0",
    lambda x, weights, means, covariances: gmm.em_step(
        gmm.GMM(weights, means + 1e4, covariances, "full"), x
    )[0].covariances,
    lambda x, weights, means, covariances: reference.em(weights, means + 1e4, covariances, "full", x, 1)[2],
    inputs=lambda rng: (lambda x, _, weights, means, covariances: (x + 1e4, weights, means, covariances))(
        *_clusters(rng)
    ),
    covers=("gmm.em_step",),
    float32=2e-3,
    reason="float32 holds the means to 1e-3",
    not_differentiable="differences have no digits left there; the case of one step has its derivative",
)  # fmt: skip
case(
    "6.8.2 some variables, and the others given them",
    _all(_slices),
    _all(_slices_reference),
    inputs=lambda rng: (rng.normal(size=2), *_clusters(rng, d=3)[2:]),
    covers=("gmm.marginal", "gmm.conditional"),
)
case(
    "6.8.2 samples of a mixture",
    lambda weights, means, covariances: (lambda s: (s.mean(axis=0), (s - s.mean(axis=0)).T @ (s - s.mean(axis=0))
        / len(s)))(gmm.sample(jax.random.key(0), _mixture(weights, means, covariances, "full"), 20_000)[0]),
    reference.moments,
    inputs=lambda rng: _clusters(rng)[2:],
    covers=("gmm.sample",),
    float32=0.06,
    float64=0.06,
    reason="means and covariances of 20,000 draws, six standard errors",
    not_differentiable="the reference is of the distribution, not of these draws",
)  # fmt: skip
for kinds, types in ((_DENSE, "full and tied"), (("diag", "tied_spherical"), "diagonal and spherical")):
    function, expected = _missing(kinds)
    case(
        f"6.8.2 two steps of EM with missing cells, {types}",
        function,
        expected,
        inputs=_with_holes,
        covers=("gmm.fit_missing", "gmm.impute"),
        not_differentiable="the derivative of a fit is that of the stationary point, not of these steps",
    )
case(
    "6.8.2 cells filled in by a mixture",
    lambda x, hidden, _, weights, means, covariances: gmm.impute(
        gmm.GMM(weights, means, covariances), jnp.where(hidden, jnp.nan, x)
    ),
    lambda x, hidden, row_weights, weights, means, covariances: reference.em_missing(
        weights, means, covariances, "full", np.where(hidden, np.nan, x), 0, row_weights, 0.0
    )[-1],
    inputs=_with_holes,
    covers=("gmm.impute",),
)
case(
    "6.8.2 a step of EM under a prior",
    _under_a_prior,
    _under_a_prior_reference,
    inputs=lambda rng: (*_clusters(rng), rng.normal(size=2)),
    covers=("gmm.m_step", "gmm.fit"),
    not_differentiable="the derivative of a fit is that of the stationary point: test_gmm_fits.py",
)
case(
    "6.8.2 a mixture by small batches",
    lambda x: (lambda p: (p.weights, p.means, p.covariances))(
        gmm.fit_minibatch(jax.random.key(0), x, 1, batch_size=4096, num_steps=60).params
    ),
    lambda x: (np.ones(1), x.mean(axis=0)[None], np.cov(x.T, bias=True)[None]),
    inputs=lambda rng: (rng.normal(size=(40, 2)) + 3.0,),
    covers=("gmm.fit_minibatch",),
    float32=0.02,
    float64=0.02,
    reason="means of some 30,000 draws, six standard errors",
    not_differentiable="the rows are drawn",
)
