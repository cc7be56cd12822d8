"""Log-densities of many points beside SciPy and beside jax.scipy.stats, and maximum likelihood of many groups."""

import numpy as np

from benchmarks.workload import Workload, compiled

_POINTS = 10_000_000
_GROUPS, _SAMPLES, _LOOPED = 10_000, 10_000, 20
_PARAMETERS = {"Normal": (0.5, 2.0), "Gamma": (3.0, 2.0), "StudentT": (4.0, 0.5, 2.0)}


def _numbers(rng):
    return (rng.gamma(3.0, 0.5, size=_POINTS).astype(np.float32),)


def _vectors(rng):
    factor = np.tril(0.3 * rng.normal(size=(8, 8)), -1) + np.eye(8)
    return rng.normal(size=(_POINTS, 8)).astype(np.float32), factor.astype(np.float32)


def _ours(family):
    def prepare(x):
        from jaxmath import distributions

        d = getattr(distributions, family)(*_PARAMETERS[family])
        return compiled(lambda x: d.log_prob(x), x)

    return prepare


def _by_scipy(family, x):
    from scipy import stats

    if family == "Normal":
        return stats.norm.logpdf(x, 0.5, 2.0)
    if family == "Gamma":
        return stats.gamma.logpdf(x, 3.0, scale=0.5)
    return stats.t.logpdf(x, 4.0, 0.5, 2.0)


def _scipy(family):
    return lambda x: lambda: _by_scipy(family, x)


def _jax(family):
    def prepare(x):
        from jax.scipy import stats

        functions = {
            "Normal": lambda x: stats.norm.logpdf(x, 0.5, 2.0),
            "Gamma": lambda x: stats.gamma.logpdf(x, 3.0, scale=0.5),
            "StudentT": lambda x: stats.t.logpdf(x, 4.0, 0.5, 2.0),
        }
        return compiled(functions[family], x)

    return prepare


def _exact(family):
    return lambda x: _by_scipy(family, x.astype(float))


def _vector_ours(x, factor):
    import jax.numpy as jnp

    from jaxmath.distributions import MultivariateNormal

    return compiled(lambda x, f: MultivariateNormal(jnp.zeros(8), scale_tril=f).log_prob(x), x, factor)


def _vector_jax(x, factor):
    import jax.numpy as jnp
    from jax.scipy import stats

    return compiled(lambda x, f: stats.multivariate_normal.logpdf(x, jnp.zeros(8), f @ f.T), x, factor)


def _vector_scipy(x, factor):
    from scipy import stats

    d = stats.multivariate_normal(np.zeros(8), factor @ factor.T)
    return lambda: d.logpdf(x)


def _vector_exact(x, factor):
    from scipy.linalg import solve_triangular

    z = solve_triangular(factor.astype(float), x.astype(float).T, lower=True)
    return -(z**2).sum(axis=0) / 2 - np.log(np.diag(factor).astype(float)).sum() - 4 * np.log(2 * np.pi)


def _groups(rng):
    return (
        rng.gamma(rng.uniform(1, 5, size=(_GROUPS, 1)).astype(np.float32), size=(_GROUPS, _SAMPLES)).astype(np.float32),
    )


def _fit_ours(x):
    import jax

    from jaxmath import estimation
    from jaxmath.distributions import Gamma

    return compiled(jax.vmap(lambda x: estimation.mle(Gamma, x).concentration), x)


def _fit_scipy(x):
    """Some of the groups: what the others would take is told in docs/results."""
    from scipy import stats

    return lambda: np.array([stats.gamma.fit(row, floc=0)[0] for row in x[:_LOOPED]])


def _fit_exact(x):
    from scipy import stats

    return np.array([stats.gamma.fit(row.astype(float), floc=0)[0] for row in x[:_LOOPED]])


def _of_looped(result, exact):
    return float(np.max(np.abs(np.asarray(result)[:_LOOPED] - exact) / exact))


WORKLOADS = {
    **{
        f"density {family} beside {name}": Workload(name, _numbers, _ours(family), peer(family), _exact(family), goal)
        for family in _PARAMETERS
        for name, peer, goal in (("SciPy", _scipy, 3), ("jax.scipy.stats", _jax, 1))
    },
    "density MultivariateNormal d = 8 beside SciPy": Workload(
        "SciPy", _vectors, _vector_ours, _vector_scipy, _vector_exact, 3
    ),
    "density MultivariateNormal d = 8 beside jax.scipy.stats": Workload(
        "jax.scipy.stats", _vectors, _vector_ours, _vector_jax, _vector_exact, 1
    ),
    f"likelihood gamma {_GROUPS} groups beside {_LOOPED} by SciPy": Workload(
        "SciPy", _groups, _fit_ours, _fit_scipy, _fit_exact, 100 * _LOOPED / _GROUPS, _of_looped
    ),
}
