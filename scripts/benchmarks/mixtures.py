"""Mixtures of Gaussians and k-means: 20 steps from the same start; the error is that of covariances or centers."""

import warnings
from functools import partial

import numpy as np

from benchmarks.workload import Workload, compiled

_STEPS = 20


def _data(rng, n, d, k):
    """Overlapping clusters, and a start: rows as means, and the covariance of the data."""
    means, factors = rng.normal(size=(k, d)), np.eye(d) + 0.4 * rng.normal(size=(k, d, d)) / np.sqrt(d)
    label = rng.integers(0, k, n)
    x = np.empty((n, d), np.float32)
    for j in range(k):
        rows = label == j
        x[rows] = means[j] + rng.normal(size=(rows.sum(), d)) @ factors[j].T
    start = x[rng.choice(n, k, replace=False)]
    return x, start, np.cov(x[:5000].T).astype(np.float32)


def _many(rng, num, n, d, k):
    sets = [_data(rng, n, d, k) for _ in range(num)]
    return tuple(np.stack(parts) for parts in zip(*sets, strict=True))


def _params(means, covariance, kind):
    import jax.numpy as jnp

    from jaxmath import gmm

    k = len(means)
    if kind == "diag":
        covariance = jnp.diagonal(covariance)
    return gmm.GMM(jnp.full(k, 1 / k), means, jnp.broadcast_to(covariance, (k, *covariance.shape)), kind)


def _fit(x, means, covariance, kind):
    import jax

    from jaxmath import gmm

    options = {"covariance_type": kind, "init": _params(means, covariance, kind), "max_steps": _STEPS, "tol": 0.0}
    return gmm.fit(jax.random.key(0), x, len(means), **options).params.covariances


def _ours(*inputs, kind):
    return compiled(partial(_fit, kind=kind), *inputs)


def _ours_many(*inputs):
    from jax import lax

    return compiled(lambda *arrays: lax.map(lambda each: _fit(*each, kind="full"), arrays), *inputs)


def _scikit_learn(x, means, covariance, kind):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    warnings.simplefilter("ignore", ConvergenceWarning)
    k = len(means)
    one = 1 / np.diag(covariance) if kind == "diag" else np.linalg.inv(covariance)
    start = {"weights_init": np.full(k, 1 / k, np.float32), "means_init": means}
    start["precisions_init"] = np.broadcast_to(one, (k, *one.shape)).astype(np.float32)
    model = GaussianMixture(k, covariance_type=kind, max_iter=_STEPS, tol=0.0, **start)
    return lambda: np.asarray(model.fit(x).covariances_)


def _scikit_learn_many(*inputs):
    calls = [_scikit_learn(*each, kind="full") for each in zip(*inputs, strict=True)]
    return lambda: np.stack([np.asarray(call()) for call in calls])


def _exact(x, means, covariance, kind):
    """The same steps in float64, component by component."""
    (n, d), k = x.shape, len(means)
    weights, covariances = np.full(k, 1 / k), np.repeat(covariance[None], k, axis=0)
    for step in range(_STEPS + 1):
        if kind == "diag":
            covariances = covariances * np.eye(d)
        if step == _STEPS:
            break
        joint = np.empty((k, n))
        for j in range(k):
            factor = np.linalg.cholesky(covariances[j])
            whitened = (x - means[j]) @ np.linalg.inv(factor).T
            joint[j] = np.log(weights[j] / np.diag(factor).prod()) - np.einsum("ij,ij->i", whitened, whitened) / 2
        shares = np.exp(joint - joint.max(axis=0))
        shares /= shares.sum(axis=0)
        counts = shares.sum(axis=1)
        weights, means = counts / n, shares @ x / counts[:, None]
        for j in range(k):
            residuals = x - means[j]
            covariances[j] = (residuals * shares[j][:, None]).T @ residuals / counts[j] + 1e-6 * np.eye(d)
    return np.diagonal(covariances, axis1=1, axis2=2) if kind == "diag" else covariances


def _exact_many(*inputs):
    return np.stack([_exact(*each, kind="full") for each in zip(*inputs, strict=True)])


def _kmeans(x, start, _):
    import jax

    from jaxmath import kmeans

    fit = partial(kmeans.fit, num_clusters=len(start), max_steps=_STEPS, tol=0.0)
    return compiled(lambda x, start: fit(jax.random.key(0), x, init=start).centers, x, start)


def _kmeans_scikit_learn(x, start, _):
    from sklearn.cluster import KMeans

    options = {"init": start, "n_init": 1, "max_iter": _STEPS, "tol": 0.0, "algorithm": "lloyd"}
    model = KMeans(len(start), **options)
    return lambda: model.fit(x).cluster_centers_


def _kmeans_exact(x, start, _):
    x, centers = x.astype(float), start.astype(float)
    for _ in range(_STEPS):
        label = np.argmin([((x - center) ** 2).sum(axis=1) for center in centers], axis=0)
        centers = np.array([x[label == j].mean(axis=0) for j in range(len(centers))])
    return centers


def _workload(n, d, k, goal, kind="full"):
    return Workload(
        "scikit-learn", partial(_data, n=n, d=d, k=k), partial(_ours, kind=kind), partial(_scikit_learn, kind=kind),
        partial(_exact, kind=kind), goal,
    )  # fmt: skip


WORKLOADS = {
    "mixture full 10000 x 2, k = 3": _workload(10_000, 2, 3, 30),
    "mixture full 100000 x 10, k = 10": _workload(100_000, 10, 10, 25),
    "mixture full 100000 x 32, k = 16": _workload(100_000, 32, 16, 8),
    "mixture full 1000000 x 4, k = 8": _workload(1_000_000, 4, 8, 40),
    "mixture diag 100000 x 32, k = 16": _workload(100_000, 32, 16, 14, "diag"),
    "mixture of 1000 sets of 500 x 2, k = 3": Workload(
        "a scikit-learn loop", partial(_many, num=1000, n=500, d=2, k=3), _ours_many, _scikit_learn_many, _exact_many,
        60,
    ),
    "k-means 100000 x 32, k = 16": Workload(
        "scikit-learn", partial(_data, n=100_000, d=32, k=16), _kmeans, _kmeans_scikit_learn, _kmeans_exact, 2
    ),
}  # fmt: skip
