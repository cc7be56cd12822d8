"""Chapters 4 and 14.1: one pass over data, moments, principal components."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import moments, pca, reduce
from jaxmath.crosscheck.reference import ch04 as reference
from jaxmath.crosscheck.registry import case


def _weighted(rng):
    return rng.normal(size=(7, 3)) + 2.0, rng.uniform(0.5, 2.0, size=7)


def _data(n, d, offset=1.0):
    """Data with clear gaps between its variances."""

    def inputs(rng):
        directions, _ = np.linalg.qr(rng.normal(size=(d, d)))
        return (rng.normal(size=(n, d)) * 2.0 ** -np.arange(d) @ directions + offset,)

    return inputs


def _with_zeros(rng):
    x, _ = _weighted(rng)
    return x, np.array([1.0, 0.0, 2.0, 1.0, 3.0, 0.0, 1.0])


def _sum(rows, weights):
    return weights @ rows


case(
    "4.3.1 sums in chunks",
    lambda x, w: reduce.over(_sum, x, weights=w, chunk_size=3),
    reference.weighted_sum,
    inputs=_weighted,
    covers=("reduce.over", "reduce.merge"),
)
case(
    "4.3.1 sums, unweighted",
    lambda x: reduce.over(_sum, x, chunk_size=4),
    lambda x: reference.weighted_sum(x, np.ones(len(x))),
    inputs=lambda rng: (rng.normal(size=(10, 3)),),
    covers=("reduce.over",),
)
case(
    "4.3.1 sums over ragged batches",
    lambda x, w: reduce.over_batches(_sum, [x[:3], x[3:7], x[7:]], weights=[w[:3], w[3:7], w[7:]]),
    reference.weighted_sum,
    inputs=lambda rng: (rng.normal(size=(8, 2)), rng.uniform(0.5, 2.0, size=8)),
    covers=("reduce.over_batches", "reduce.merge"),
)
case(
    "4.3.1 moments of batches",
    lambda x, w: moments.of_batches([x[:4], x[4:]], weights=[w[:4], w[4:]]),
    reference.moments,
    inputs=_weighted,
    covers=("moments.of_batches",),
)
case(
    "4.3.1 a typical row",
    reduce.typical_row,
    lambda x: x[::3].mean(axis=0),
    inputs=lambda rng: (rng.normal(size=(150, 2)) + 3.0,),
    covers=("reduce.typical_row",),
    not_differentiable="it is a constant by definition: nothing depends on it but rounding",
)
case(
    "4.3.1 a typical row of those that count",
    reduce.typical_row,
    lambda x, w: x[w != 0].mean(axis=0),
    inputs=lambda rng: (rng.normal(size=(9, 2)) + 3.0, np.arange(9) % 3.0),
    covers=("reduce.typical_row",),
    not_differentiable="it is a constant by definition: nothing depends on it but rounding",
)
case(
    "4.3.1 moments", lambda x, w: moments.of(x, weights=w), reference.moments, inputs=_weighted, covers=("moments.of",)
)
case(
    "4.3.1 moments in chunks, with weights of 0",
    lambda x, w: moments.of(x, weights=w, chunk_size=2),
    reference.moments,
    inputs=_with_zeros,
    covers=("moments.of", "moments.merge"),
    not_differentiable="the weight 0 is an edge: below it everything is NaN",
)
case(
    "4.3.1 moments far from 0",
    lambda x: moments.of(x, chunk_size=16),
    lambda x: reference.moments(x, np.ones(len(x))),
    inputs=lambda rng: (rng.normal(size=(50, 2)) + 1e4,),
    covers=("moments.of",),
)
case(
    "4.3.1 merged moments",
    lambda x, y: moments.merge(moments.of(x), moments.of(y)),
    lambda x, y: reference.moments(np.concatenate([x, y]), np.ones(len(x) + len(y))),
    inputs=lambda rng: (rng.normal(size=(4, 3)), rng.normal(size=(7, 3)) + 2.0),
    covers=("moments.merge", "reduce.merge"),
)
case(
    "4.3.1 covariance",
    lambda x: moments.covariance(moments.of(x)),
    partial(reference.covariance, ddof=1),
    inputs=_data(6, 3),
    covers=("moments.covariance",),
)
case(
    "4.3.1 covariance of maximum likelihood",
    lambda x: moments.covariance(moments.of(x), ddof=0),
    partial(reference.covariance, ddof=0),
    inputs=_data(6, 3),
    covers=("moments.covariance",),
)
for solver in ("eigh", "gram", "svd"):
    case(
        f"4.3.2 principal components, {solver}",
        lambda x, solver=solver: pca.fit(x, 3, solver=solver),
        lambda x: reference.pca(x, 3),
        inputs=_data(12, 5),
        covers=("pca.fit",),
    )
    case(
        f"4.3.2 all principal components, {solver}",
        lambda x, solver=solver: pca.fit(x, solver=solver),
        lambda x: reference.pca(x, 3),
        inputs=_data(9, 3),
        covers=("pca.fit",),
    )
    case(
        f"4.3.2 principal components with weights, {solver}",
        lambda x, w, solver=solver: pca.fit(x, 2, weights=w, solver=solver),
        lambda x, w: reference.pca(x, 2, w),
        inputs=lambda rng: (*_data(8, 3)(rng), np.array([1.0, 2.0, 1.0, 3.0, 1.0, 1.0, 2.0, 1.0])),
        covers=("pca.fit",),
        not_differentiable="the reference repeats rows; the gradient is checked without weights",
    )
case(
    "4.3.2 principal components, more columns than rows",
    lambda x: pca.fit(x, 2),
    lambda x: reference.pca(x, 2),
    inputs=_data(4, 6),
    covers=("pca.fit",),
)
case(
    "4.3.2 equal variances",
    lambda x: (lambda p: (p.components.T @ p.components, p.noise_variance, p.explained_variance.sum()))(pca.fit(x, 2)),
    lambda x: (reference.projector(x, 2), *(lambda p: (p[5], p[2].sum()))(reference.pca(x, 2))),
    inputs=lambda rng: (_with_variances(rng, [3.0, 3.0, 1.0, 1.0]),),
    covers=("pca.fit",),
)
case(
    "4.3.2 equal large variances",
    lambda x: (lambda p: p.components.T @ p.components)(pca.fit(x, 2)),
    lambda x: reference.projector(x, 2),
    inputs=lambda rng: (_with_variances(rng, [3e6, 3e6, 1e6, 1e6, 1e6]),),
    covers=("pca.fit",),
)
case(
    "4.4.5 components from moments",
    lambda x: pca.from_moments(moments.of(x), 2),
    lambda x: reference.pca(x, 2),
    inputs=_data(9, 4),
    covers=("pca.from_moments",),
)
case(
    "4.3.2 projection",
    lambda x: pca.transform(pca.fit(x, 2), x),
    lambda x: reference.coordinates(x, 2),
    inputs=_data(9, 4),
    covers=("pca.transform",),
)
case(
    "4.3.2 back-projection",
    lambda x: (lambda p: pca.inverse_transform(p, pca.transform(p, x)))(pca.fit(x, 2)),
    lambda x: reference.reconstruction(x, 2),
    inputs=_data(9, 4),
    covers=("pca.inverse_transform",),
)
case(
    "14.1 points of the fitted plane",
    lambda x, z: pca.inverse_transform(pca.fit(x, 2), z),
    reference.points_at,
    inputs=lambda rng: (*_data(9, 3)(rng), rng.normal(size=(4, 2))),
    covers=("pca.inverse_transform",),
)
case(
    "4.3.2 information loss",
    lambda x, y: pca.reconstruction_error(pca.fit(x, 2), y),
    lambda x, y: reference.reconstruction_error(x, y, 2),
    inputs=lambda rng: (*_data(9, 4)(rng), rng.normal(size=(5, 4))),
    covers=("pca.reconstruction_error",),
)

case(
    "4.3.2 principal components, randomized",
    lambda x: pca.fit(x, 2, solver="randomized", key=jax.random.key(0)),
    lambda x: reference.pca(x, 2),
    inputs=_data(9, 4),
    covers=("pca.fit",),
)
case(
    "4.3.2 two of many principal components",
    lambda x: (lambda p: (p.explained_variance, p.explained_variance_ratio, p.noise_variance, pca.transform(p, x)))(
        pca.fit(x, 2)
    ),
    lambda x: (*(lambda p: (p[2], p[3], p[5]))(reference.pca(x, 2)), reference.coordinates(x, 2)),
    inputs=lambda rng: (rng.normal(size=(140, 128)) * np.array([9.0, 5.0] + 126 * [0.5]) + 1.0,),
    covers=("pca.fit",),
)
case(
    "4.3.2 principal components of batches",
    lambda x: pca.fit_batches([x[:4], x[4:]], 2),
    lambda x: reference.pca(x, 2),
    inputs=_data(9, 4),
    covers=("pca.fit_batches",),
)
case(
    "4.3.2 projector",
    lambda x: pca.projector(pca.fit(x, 2)),
    lambda x: reference.projector(x, 2),
    inputs=_data(9, 4),
    covers=("pca.projector",),
)
case(
    "4.3.2 whitened projection and back",
    lambda x, y: (lambda p: (pca.transform(p, y, whiten=True), pca.inverse_transform(p, y[:, :2], whiten=True)))(
        pca.fit(x, 2)
    ),
    reference.whitened,
    inputs=lambda rng: (*_data(9, 4)(rng), rng.normal(size=(5, 4))),
    covers=("pca.transform", "pca.inverse_transform"),
)
case(
    "4.3.2 log-density",
    lambda x, y: (pca.log_prob(pca.fit(x, 2), y), pca.log_prob(pca.fit(x), y)),
    lambda x, y: (reference.log_prob(x, y, 2), reference.log_prob(x, y, 4)),
    inputs=lambda rng: (*_data(9, 4)(rng), rng.normal(size=(5, 4))),
    covers=("pca.log_prob",),
)
case(
    "4.3.2 samples",
    lambda x: (lambda s: (s.mean(axis=0), (s - s.mean(axis=0)).T @ (s - s.mean(axis=0)) / len(s)))(
        pca.sample(jax.random.key(0), pca.fit(x, 1), 20_000)
    ),
    lambda x: reference.gaussian(x, 1),
    inputs=_data(9, 3, offset=3.0),
    covers=("pca.sample",),
    float32=0.06,
    float64=0.06,
    reason="means and covariances of 20,000 draws, six standard errors",
    not_differentiable="the reference is of the distribution, not of these draws",
)
case(
    "4.3.2 principal components with missing cells",
    lambda x: (lambda p: (p.mean, p.explained_variance, p.noise_variance, pca.projector(p), p.log_likelihood))(
        pca.fit_missing(x, 1, tol=-jnp.inf, max_steps=300)
    ),
    lambda x: reference.pca_missing(x, 1),
    inputs=lambda rng: (_with_holes(*_data(15, 3)(rng)),),
    covers=("pca.fit_missing",),
    float32=2e-4,
    float64=5e-6,
    reason="the reference minimises numerically; in float32 the likelihood is flat to about 1e-7",
    not_differentiable="it iterates until it has converged",
)
case(
    "4.3.2 missing cells given the others",
    lambda x, y: pca.impute(pca.fit(x, 2), _with_holes(y)),
    lambda x, y: reference.imputed(x, _with_holes(y), 2),
    inputs=lambda rng: (*_data(9, 4)(rng), rng.normal(size=(6, 4))),
    covers=("pca.impute",),
)


def _with_holes(x):
    """NaN in some cells, in the last row all."""
    n, d = x.shape
    holes = np.arange(n * d).reshape(n, d) % 5 == 1
    holes[-1] = True
    return np.where(holes, np.nan, x) if isinstance(x, np.ndarray) else jnp.where(holes, jnp.nan, x)


def _with_variances(rng, variances, n=12):
    """Data whose covariance has exactly these eigenvalues."""
    d = len(variances)
    orthonormal, _ = np.linalg.qr(np.concatenate([np.ones((n, 1)), rng.normal(size=(n, d))], axis=1))
    directions, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return orthonormal[:, 1:] * np.sqrt(np.array(variances) * (n - 1)) @ directions + 5.0
