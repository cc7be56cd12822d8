"""Moments and principal components."""

from functools import partial

import numpy as np

from benchmarks.workload import Workload, compiled


def _data(rng, n, d):
    """Rows with falling variances, far from 0 in comparison."""
    x = rng.standard_normal((n, d), dtype=np.float32) * (1.0 + 9.0 * 0.9 ** np.arange(d, dtype=np.float32))
    directions, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return (x @ directions.astype(np.float32) + 10.0,)


def _covariance(x):
    from jaxmath import moments

    return compiled(lambda x: moments.covariance(moments.of(x)), x)


def _pca(x, k):
    from jaxmath import pca

    return compiled(lambda x: pca.fit(x, k).explained_variance, x)


def _scikit_learn_pca(x, k):
    from sklearn.decomposition import PCA

    return lambda: PCA(k).fit(x).explained_variance_


def _variances(x, k):
    return np.linalg.eigvalsh(np.cov(x.T))[::-1][:k]


def _workload(n, d, k, goal):
    return Workload(
        "scikit-learn", partial(_data, n=n, d=d), partial(_pca, k=k), partial(_scikit_learn_pca, k=k),
        partial(_variances, k=k), goal,
    )  # fmt: skip


WORKLOADS = {
    "moments 100000 x 50": Workload(
        "NumPy", partial(_data, n=100_000, d=50), _covariance, lambda x: lambda: np.cov(x.T), lambda x: np.cov(x.T)
    ),
    "pca 10000 x 50, k = 10": _workload(10_000, 50, 10, 1.5),
    "pca 100000 x 50, k = 10": _workload(100_000, 50, 10, 1.5),
    "pca 100000 x 200, k = 10": _workload(100_000, 200, 10, 1.05),
}
