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


def _many_pcas(x):
    from jax import vmap

    from jaxmath import pca

    return compiled(vmap(lambda x: pca.fit(x, 3).explained_variance), x)


def _scikit_learn_many(x):
    from sklearn.decomposition import PCA

    return lambda: np.stack([PCA(3).fit(each).explained_variance_ for each in x])


def _streamed(x, k):
    from jaxmath import pca

    return lambda: np.asarray(pca.fit_batches(iter(np.split(x, 100)), k).explained_variance)


def _scikit_learn_streamed(x, k):
    from sklearn.decomposition import IncrementalPCA

    def run():
        model = IncrementalPCA(k)
        for batch in np.split(x, 100):
            model.partial_fit(batch)
        return model.explained_variance_

    return run


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
    "pca 10000 x 1000, k = 10": _workload(10_000, 1000, 10, 1.3),
    "pca of 1000 sets of 500 x 10": Workload(
        "a scikit-learn loop", lambda rng: (np.stack([_data(rng, 500, 10)[0] for _ in range(1000)]),),
        _many_pcas, _scikit_learn_many, lambda x: np.stack([_variances(each, 3) for each in x]), 30,
    ),
    "pca 1000000 x 64, k = 10": _workload(1_000_000, 64, 10, 0),
    "pca of batches, 1000000 x 64": Workload(
        "IncrementalPCA", partial(_data, n=1_000_000, d=64), partial(_streamed, k=10),
        partial(_scikit_learn_streamed, k=10), partial(_variances, k=10), 2,
    ),
}  # fmt: skip
