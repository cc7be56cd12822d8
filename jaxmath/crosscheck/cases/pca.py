"""Chapters 4 and 14.1: principal components."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import moments, pca
from jaxmath.crosscheck.draws import with_gaps
from jaxmath.crosscheck.references import pca as reference
from jaxmath.crosscheck.registry import case


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


for solver in ("eigh", "gram", "svd"):
    case(
        f"4.3.2 principal components, {solver}",
        lambda x, solver=solver: pca.fit(x, 3, solver=solver),
        lambda x: reference.pca(x, 3),
        inputs=with_gaps(12, 5),
        covers=("pca.fit",),
    )
    case(
        f"4.3.2 all principal components, {solver}",
        lambda x, solver=solver: pca.fit(x, solver=solver),
        lambda x: reference.pca(x, 3),
        inputs=with_gaps(9, 3),
        covers=("pca.fit",),
    )
    case(
        f"4.3.2 principal components with weights, {solver}",
        lambda x, w, solver=solver: pca.fit(x, 2, weights=w, solver=solver),
        lambda x, w: reference.pca(x, 2, w),
        inputs=lambda rng: (*with_gaps(8, 3)(rng), np.array([1.0, 2.0, 1.0, 3.0, 1.0, 1.0, 2.0, 1.0])),
        covers=("pca.fit",),
        not_differentiable="the reference repeats rows; the gradient is checked without weights",
    )
case(
    "4.3.2 principal components, more columns than rows",
    lambda x: pca.fit(x, 2),
    lambda x: reference.pca(x, 2),
    inputs=with_gaps(4, 6),
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
    inputs=with_gaps(9, 4),
    covers=("pca.from_moments",),
)
case(
    "4.3.2 projection",
    lambda x: pca.transform(pca.fit(x, 2), x),
    lambda x: reference.coordinates(x, 2),
    inputs=with_gaps(9, 4),
    covers=("pca.transform",),
)
case(
    "4.3.2 back-projection",
    lambda x: (lambda p: pca.inverse_transform(p, pca.transform(p, x)))(pca.fit(x, 2)),
    lambda x: reference.reconstruction(x, 2),
    inputs=with_gaps(9, 4),
    covers=("pca.inverse_transform",),
)
case(
    "14.1 points of the fitted plane",
    lambda x, z: pca.inverse_transform(pca.fit(x, 2), z),
    reference.points_at,
    inputs=lambda rng: (*with_gaps(9, 3)(rng), rng.normal(size=(4, 2))),
    covers=("pca.inverse_transform",),
)
case(
    "4.3.2 information loss",
    lambda x, y: pca.reconstruction_error(pca.fit(x, 2), y),
    lambda x, y: reference.reconstruction_error(x, y, 2),
    inputs=lambda rng: (*with_gaps(9, 4)(rng), rng.normal(size=(5, 4))),
    covers=("pca.reconstruction_error",),
)
case(
    "4.3.2 principal components, randomized",
    lambda x: pca.fit(x, 2, solver="randomized", key=jax.random.key(0)),
    lambda x: reference.pca(x, 2),
    inputs=with_gaps(9, 4),
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
    inputs=with_gaps(9, 4),
    covers=("pca.fit_batches",),
)
case(
    "4.3.2 projector",
    lambda x: pca.projector(pca.fit(x, 2)),
    lambda x: reference.projector(x, 2),
    inputs=with_gaps(9, 4),
    covers=("pca.projector",),
)
case(
    "4.3.2 whitened projection and back",
    lambda x, y: (lambda p: (pca.transform(p, y, whiten=True), pca.inverse_transform(p, y[:, :2], whiten=True)))(
        pca.fit(x, 2)
    ),
    reference.whitened,
    inputs=lambda rng: (*with_gaps(9, 4)(rng), rng.normal(size=(5, 4))),
    covers=("pca.transform", "pca.inverse_transform"),
)
case(
    "4.3.2 log-density",
    lambda x, y: (pca.log_prob(pca.fit(x, 2), y), pca.log_prob(pca.fit(x), y)),
    lambda x, y: (reference.log_prob(x, y, 2), reference.log_prob(x, y, 4)),
    inputs=lambda rng: (*with_gaps(9, 4)(rng), rng.normal(size=(5, 4))),
    covers=("pca.log_prob",),
)
case(
    "4.3.2 samples",
    lambda x: (lambda s: (s.mean(axis=0), (s - s.mean(axis=0)).T @ (s - s.mean(axis=0)) / len(s)))(
        pca.sample(jax.random.key(0), pca.fit(x, 1), 20_000)
    ),
    lambda x: reference.gaussian(x, 1),
    inputs=with_gaps(9, 3, offset=3.0),
    covers=("pca.sample",),
    float32=0.06,
    float64=0.06,
    reason="means and covariances of 20,000 draws, six standard errors",
    not_differentiable="the reference is of the distribution, not of these draws",
)
case(
    "4.3.2 principal components with missing cells",
    lambda x: (lambda p: (p.mean, p.explained_variance, p.noise_variance, pca.projector(p), p.log_likelihood))(
        pca.fit_missing(x, 1, tol=0.0, max_steps=300)
    ),
    lambda x: reference.pca_missing(x, 1),
    inputs=lambda rng: (_with_holes(*with_gaps(15, 3)(rng)),),
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
    inputs=lambda rng: (*with_gaps(9, 4)(rng), rng.normal(size=(6, 4))),
    covers=("pca.impute",),
)
