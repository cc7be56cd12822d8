"""Principal components by the singular value decomposition of the repeated, centred data, and by loops."""

import numpy as np
import scipy.optimize
import scipy.stats


def pca(x, num_components, weights=None):
    """All fields of the fit from the singular value decomposition of centred data, rows repeated as weights say."""
    if weights is not None:
        x = np.repeat(x, weights.astype(int), axis=0)
    n, d = x.shape
    mean = x.mean(axis=0)
    _, singular_values, vt = np.linalg.svd(x - mean, full_matrices=True)
    variances = np.zeros(d)
    variances[: len(singular_values)] = singular_values**2 / (n - 1)
    kept, dropped = variances[:num_components], variances[num_components:]
    noise = dropped.mean() if len(dropped) else 0.0
    components = np.stack([with_sign(v) for v in vt[:num_components]])
    return mean, components, kept, kept / variances.sum(), np.sqrt(kept * (n - 1)), noise, float(n)


def with_sign(v):
    """The vector or its opposite, so that its first large entry is positive."""
    for entry in v:
        if abs(entry) >= (1 - 1e-3) * max(abs(e) for e in v):
            return v if entry > 0 else -v
    raise AssertionError("no entry reaches the largest")


def coordinates(x, num_components):
    """Inner products with the components, one at a time."""
    mean, components, *_ = pca(x, num_components)
    return np.array([[np.dot(v, row - mean) for v in components] for row in x])


def reconstruction(x, num_components):
    """The mean plus the truncated singular value decomposition."""
    mean = x.mean(axis=0)
    u, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    return mean + (u[:, :num_components] * s[:num_components]) @ vt[:num_components]


def points_at(x, z):
    """Points of the fitted plane with given coordinates."""
    mean, components, *_ = pca(x, z.shape[1])
    return np.array([mean + sum(c * v for c, v in zip(row, components, strict=True)) for row in z])


def reconstruction_error(x, y, num_components):
    """Root mean square over the entries of y of what its projection on the plane fitted to x leaves."""
    mean, components, *_ = pca(x, num_components)
    lost = [(row - mean) - sum(np.dot(v, row - mean) * v for v in components) for row in y]
    return np.sqrt(sum((entry**2 for row in lost for entry in row), 0.0) / y.size)


def projector(x, num_components):
    """The projection on the span of the leading singular vectors."""
    _, _, vt = np.linalg.svd(x - x.mean(0))
    return vt[:num_components].T @ vt[:num_components]


def whitened(x, y, num_components=2):
    """Coordinates over standard deviations, and the points that have the first columns of y as such coordinates."""
    mean, components, variances, *_ = pca(x, num_components)
    deviations = np.sqrt(variances)
    z = (y - mean) @ components.T / deviations
    return z, mean + (y[:, :num_components] * deviations) @ components


def gaussian(x, num_components):
    """Mean and covariance of probabilistic PCA: the noise everywhere, and what the components add to it."""
    mean, components, variances, _, _, noise, _ = pca(x, num_components)
    return mean, noise * np.eye(len(mean)) + sum(
        (variance - noise) * np.outer(v, v) for variance, v in zip(variances, components, strict=True)
    )


def log_prob(x, y, num_components):
    """Log-density of the rows of y, by the whole covariance."""
    mean, covariance = gaussian(x, num_components)
    left = np.linalg.solve(covariance, (y - mean).T).T
    return -(np.linalg.slogdet(2 * np.pi * covariance)[1] + ((y - mean) * left).sum(axis=1)) / 2


def imputed(x, y, num_components):
    """Missing cells of y by the conditional mean of the Gaussian fitted to x, row by row."""
    mean, covariance = gaussian(x, num_components)
    filled = y.copy()
    for row in filled:
        gone = np.isnan(row)
        seen = ~gone
        known = np.linalg.solve(covariance[np.ix_(seen, seen)], row[seen] - mean[seen])
        row[gone] = mean[gone] + covariance[np.ix_(gone, seen)] @ known
    return filled


def pca_missing(x, num_components):
    """Probabilistic PCA by minimising the negative log-likelihood of the seen cells over all its parameters."""
    n, d = x.shape

    def unpacked(parameters):
        return parameters[:d], parameters[d:-1].reshape(d, num_components), np.exp(parameters[-1])

    def loss(parameters):
        mean, loadings, noise = unpacked(parameters)
        covariance = loadings @ loadings.T + noise * np.eye(d)
        total = 0.0
        for row in x:
            seen = ~np.isnan(row)
            if seen.any():
                here = covariance[np.ix_(seen, seen)]
                total -= scipy.stats.multivariate_normal(mean[seen], here).logpdf(row[seen])
        return total / n

    start = np.concatenate([np.nanmean(x, axis=0), np.ones(d * num_components), [0.0]])
    found = scipy.optimize.minimize(loss, start, method="BFGS", options={"gtol": 1e-9, "maxiter": 2000})
    mean, loadings, noise = unpacked(found.x)
    u, s, _ = np.linalg.svd(loadings, full_matrices=False)
    unbiased = n / (n - 1)
    return mean, (s**2 + noise) * unbiased, noise * unbiased, u @ u.T, -found.fun
