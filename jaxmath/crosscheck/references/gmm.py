"""Mixtures of Gaussians by plain formulas: every component has a whole covariance matrix, every row its turn."""

import numpy as np
import scipy.stats


def matrices(covariances, kind, k, d):
    """A list of k covariance matrices, whatever the type."""
    return [
        {
            "full": lambda j: covariances[j],
            "tied": lambda j: covariances,
            "diag": lambda j: np.diag(covariances[j]),
            "spherical": lambda j: covariances[j] * np.eye(d),
            "tied_diag": lambda j: np.diag(covariances),
            "tied_spherical": lambda j: covariances * np.eye(d),
        }[kind](j)
        for j in range(k)
    ]


def of_type(full, weights, kind):
    """What a type keeps of k full covariance matrices."""
    tied = sum(w * c for w, c in zip(weights, full, strict=True))
    return {
        "full": lambda: np.array(full),
        "tied": lambda: tied,
        "diag": lambda: np.array([np.diag(c) for c in full]),
        "spherical": lambda: np.array([np.trace(c) / c.shape[0] for c in full]),
        "tied_diag": lambda: np.diag(tied),
        "tied_spherical": lambda: np.trace(tied) / full[0].shape[0],
    }[kind]()


def densities(weights, means, full, x: np.ndarray):
    """Weight times density of every component at every row."""
    parts = [
        w * scipy.stats.multivariate_normal(m, c).pdf(x).reshape(-1)
        for w, m, c in zip(weights, means, full, strict=True)
    ]
    return np.stack(parts, axis=1)


def log_prob(weights, means, full, x):
    """The log of the sum of the components' densities."""
    return np.log(densities(weights, means, full, x).sum(axis=1))


def responsibilities(weights, means, full, x):
    """Bayes' rule."""
    joint = densities(weights, means, full, x)
    return joint / joint.sum(axis=1, keepdims=True)


def statistics(weights, means, full, x, row_weights):
    """Sums over rows, one after the other, about the means."""
    k, d = means.shape
    shares = responsibilities(weights, means, full, x) * row_weights[:, None]
    first, second = np.zeros((k, d)), np.zeros((k, d, d))
    for row, share in zip(x, shares, strict=True):
        for j in range(k):
            first[j] += share[j] * (row - means[j])
            second[j] += share[j] * np.outer(row - means[j], row - means[j])
    return shares.sum(axis=0), first, second, row_weights @ log_prob(weights, means, full, x), row_weights.sum()


def from_shares(x, shares, reg):
    """Weights, means and full covariances of rows that are divided among components."""
    counts = shares.sum(axis=0)
    means = np.array([share @ x / share.sum() for share in shares.T])
    full = [
        sum(s * np.outer(row - m, row - m) for s, row in zip(share, x, strict=True)) / share.sum()
        + reg * np.eye(x.shape[1])
        for share, m in zip(shares.T, means, strict=True)
    ]
    return counts / counts.sum(), means, full


def em(weights, means, covariances, kind, x, num_steps, row_weights=None, reg=1e-6):
    """Steps of EM: the mixture, its mean log-likelihood, and that before each step."""
    row_weights = np.ones(len(x)) if row_weights is None else row_weights
    history = []
    k, d = means.shape
    for _ in range(num_steps):
        full = matrices(covariances, kind, k, d)
        history.append(np.average(log_prob(weights, means, full, x), weights=row_weights))
        shares = responsibilities(weights, means, full, x) * row_weights[:, None]
        weights, means, full = from_shares(x, shares, reg)
        covariances = of_type(full, weights, kind)
    full = matrices(covariances, kind, k, d)
    last = np.average(log_prob(weights, means, full, x), weights=row_weights)
    return weights, means, covariances, last, np.array(history)


def criteria(weights, means, full, num_covariances, x):
    """BIC and AIC from the log-likelihood and the number of free parameters."""
    free = len(weights) - 1 + means.size + num_covariances
    total = log_prob(weights, means, full, x).sum()
    return np.log(len(x)) * free - 2 * total, 2 * free - 2 * total


def conditional(weights, means, full, known, values):
    """The distribution of the other variables, from blocks of the precision matrices."""
    left = [i for i in range(means.shape[1]) if i not in known]
    seen = [c[np.ix_(known, known)] for c in full]
    new_weights = responsibilities(weights, means[:, known], seen, values[None])[0]
    new_means, new_full = [], []
    for m, c in zip(means, full, strict=True):
        p = np.linalg.inv(c)
        new_full.append(np.linalg.inv(p[np.ix_(left, left)]))
        new_means.append(m[left] - new_full[-1] @ p[np.ix_(left, known)] @ (values - m[known]))
    return new_weights, np.array(new_means), np.array(new_full)


def moments(weights, means, full):
    """Mean and covariance of the whole mixture."""
    mean = weights @ means
    return mean, sum(w * (c + np.outer(m - mean, m - mean)) for w, m, c in zip(weights, means, full, strict=True))


def most_probable(weights, means, full, x, row_weights, prior):
    """One step of EM under a prior: Dirichlet, and normal-inverse-Wishart for every component; full covariances."""
    concentration, mean, strength, df, scale = prior
    k, d = means.shape
    shares = responsibilities(weights, means, full, x) * row_weights[:, None]
    counts = shares.sum(axis=0)
    new_means, new_full = [], []
    for share, count in zip(shares.T, counts, strict=True):
        center = share @ x / count
        scatter = sum(s * np.outer(row - center, row - center) for s, row in zip(share, x, strict=True))
        away = strength * count / (strength + count) * np.outer(center - mean, center - mean)
        new_means.append((count * center + strength * mean) / (count + strength))
        new_full.append((scale + scatter + away) / (df + count + d + 2))
    new_weights = (counts + concentration - 1) / (counts.sum() + np.sum(np.broadcast_to(concentration, k) - 1))
    return new_weights, np.array(new_means), new_full


def log_prior(weights, means, full, prior):
    """The log-density of the parameters, up to a constant."""
    concentration, mean, strength, df, scale = prior
    total = np.sum((concentration - 1) * np.log(weights))
    for m, c in zip(means, full, strict=True):
        total += scipy.stats.invwishart(df, scale).logpdf(c) - scipy.stats.invwishart(df, scale).logpdf(scale)
        total += scipy.stats.multivariate_normal(mean, c / strength).logpdf(m)
    return total


def given_seen(weights, means, full, row):
    """Of a row with NaN: weight times density of the seen cells, and mean and covariance of the row, by component."""
    seen = ~np.isnan(row)
    parts = []
    for w, m, c in zip(weights, means, full, strict=True):
        mean, covariance, density = m.copy(), c.copy(), w
        if seen.any():
            gain = c[:, seen] @ np.linalg.inv(c[np.ix_(seen, seen)])
            mean, covariance = m + gain @ (row[seen] - m[seen]), c - gain @ c[seen]
            density = w * scipy.stats.multivariate_normal(m[seen], c[np.ix_(seen, seen)]).pdf(row[seen])
        parts.append((density, mean, covariance))
    return parts


def em_missing(weights, means, covariances, kind, x, num_steps, row_weights, reg):
    """As :func:`em`, for data with missing cells, row by row; also the data with its cells filled in at the end."""
    history = []
    k, d = means.shape
    for step in range(num_steps + 1):
        full = matrices(covariances, kind, k, d)
        parts = [given_seen(weights, means, full, row) for row in x]
        density = np.array([[part[0] for part in row] for row in parts])
        history.append(np.average(np.log(density.sum(axis=1)), weights=row_weights))
        shares = density / density.sum(axis=1, keepdims=True)
        if step == num_steps:
            break
        shares = shares * row_weights[:, None]
        counts = shares.sum(axis=0)
        means = np.array([sum(s * row[j][1] for s, row in zip(shares[:, j], parts, strict=True)) for j in range(k)])
        means = means / counts[:, None]
        full = [
            sum(
                s * (row[j][2] + np.outer(row[j][1] - means[j], row[j][1] - means[j]))
                for s, row in zip(shares[:, j], parts, strict=True)
            )
            / counts[j]
            + reg * np.eye(d)
            for j in range(k)
        ]
        weights = counts / counts.sum()
        covariances = of_type(full, weights, kind)
    filled = [
        sum(s * part[1] for s, part in zip(share, row, strict=True)) for share, row in zip(shares, parts, strict=True)
    ]
    return weights, means, covariances, history[-1], np.array(history[:-1]), np.where(np.isnan(x), filled, x)
