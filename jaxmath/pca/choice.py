"""How many components to keep: by a fraction of the variance, or by the evidence. On the host, in float64."""

import math

import numpy as np


def for_fraction(variances: np.ndarray, total: float, fraction: float) -> int:
    """The fewest components whose variances sum to at least this fraction of the total; all if none do."""
    reached = np.cumsum(variances) >= fraction * total
    return int(np.argmax(reached)) + 1 if reached.any() else len(variances)


def by_evidence(variances: np.ndarray, num_samples: float) -> int:
    """The k in 1..d - 1 of the largest evidence for a k-dimensional plane with equal noise across it; 1 if d = 1."""
    if not np.isfinite(variances).all():
        raise ValueError(
            'pca.fit: num_components="mle" needs finite data, at least two rows, and weights that count them'
        )
    return 1 + int(np.argmax([log_evidence(variances, k, num_samples) for k in range(1, max(len(variances), 2))]))


def log_evidence(variances: np.ndarray, k: int, num_samples: float) -> float:
    r"""Laplace's approximation of $\log p(x \mid k)$, up to a constant.

    With $m = dk - k(k+1)/2$, $v = \frac{1}{d-k} \sum_{j>k} \lambda_j$, and $\hat\lambda_j = \lambda_j$ for $j \le k$,
    $v$ beyond,
    $$\log p(U) - \tfrac n2 \Big( \sum_{j \le k} \log \lambda_j + (d - k) \log v \Big) + \tfrac{m+k}{2} \log 2\pi
    - \tfrac12 \sum_{i \le k} \sum_{j > i} \log \big( n (\hat\lambda_j^{-1} - \hat\lambda_i^{-1})
    (\lambda_i - \lambda_j) \big) - \tfrac k2 \log n.$$

    Minus infinity where nothing is left across the plane. Reference: Minka (2000), equation 77.
    """
    d, n = len(variances), num_samples
    noise = variances[k:].sum() / max(d - k, 1)
    smallest = np.finfo(float).tiny
    if variances[k - 1] <= smallest or noise <= smallest:
        return -math.inf
    halves = (d - np.arange(k)) / 2
    log_prior = -k * math.log(2) + sum(math.lgamma(h) - h * math.log(math.pi) for h in halves)
    fit = np.log(variances[:k]).sum() + (d - k) * math.log(noise)
    plane = np.concatenate([variances[:k], np.full(d - k, noise)])
    i, j = np.triu_indices(d, 1)
    i, j = i[i < k], j[i < k]
    curvature = n * (1 / plane[j] - 1 / plane[i]) * (variances[i] - variances[j])
    log_curvature = np.log(np.maximum(curvature, smallest)).sum()
    dims = d * k - k * (k + 1) / 2
    return log_prior - n / 2 * fit + (dims + k) / 2 * math.log(2 * math.pi) - log_curvature / 2 - k / 2 * math.log(n)
