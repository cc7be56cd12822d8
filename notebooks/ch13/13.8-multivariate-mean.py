# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13.8 A mean vector, known precision
#
# A walker is somewhere on a street that runs through a park. Her phone measures the position three times, with an error
# that is known, and larger in one direction than in the other. **Where is she, and how does knowledge of the street
# combine with measurements that are exact in another direction?**

# %%
import sys
from pathlib import Path

from IPython import get_ipython

# On Colab jaxmath is installed from what you have put beside this notebook (in the files of the session): a wheel,
# which `uv build --wheel` makes in a clone of the repository, or the clone itself.
if "google.colab" in sys.modules:
    here = Path.cwd()
    clones = [p for p in (here, *here.parents, *here.iterdir()) if (p / "jaxmath" / "__init__.py").is_file()]
    found = [*clones, *sorted(here.glob("jaxmath-*.whl"))]
    assert found, "put a wheel of jaxmath, or a clone of its repository, beside this notebook; then run this cell again"
    get_ipython().run_line_magic("pip", f'install -q "{found[-1]}[tour]"')

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from jaxmath import bayes, plot
from jaxmath.distributions import MultivariateNormal

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The posterior
#
# The measurements are $x_i \sim N(\mu, \Lambda^{-1})$ with a known precision matrix $\Lambda$, the prior is
# $\mu \sim N(m_0, \Lambda_0^{-1})$. Of the exponent of prior times likelihood,
#
# $$-\tfrac12 (\mu - m_0)^T \Lambda_0 (\mu - m_0) - \tfrac12 \sum_i (x_i - \mu)^T \Lambda (x_i - \mu) ,$$
#
# the quadratic term is $-\frac12 \mu^T (n \Lambda + \Lambda_0) \mu$, the linear one
# $\mu^T (n \Lambda \bar x + \Lambda_0 m_0)$. So the posterior is normal, with
#
# $$\Lambda_n = n \Lambda + \Lambda_0 , \qquad m_n = \Lambda_n^{-1} (n \Lambda \bar x + \Lambda_0 m_0) .$$
#
# Precisions add up, as in one dimension (section 13.2), and the weights of prior and data are matrices now.
#
# First with precisions that are the same in all directions: $\Lambda = 0.1\, I$, $\Lambda_0 = 0.33\, I$, the prior
# about (19, 9), the truth (20, 10).

# %%
truth = np.array([20.0, 10.0])
round_model = bayes.MultivariateMean(0.1 * np.eye(2))
round_prior = MultivariateNormal(np.array([19.0, 9.0]), precision=0.33 * np.eye(2))
round_data = np.asarray(MultivariateNormal(truth, precision=0.1 * np.eye(2)).sample(jax.random.key(0), (1000,)))
for n in (3, 1000):
    d = round_model.posterior(round_prior, round_data[:n])
    print(f"n = {n:4}: MLE {round_data[:n].mean(axis=0).round(2)}, MAP {np.array(d.mode, float).round(2)}", end=", ")
    print(f"precision {d.precision[0, 0]:.2f} in all directions")

# %% [markdown]
# ## On the street
#
# The street runs to the north-east: along it the prior has a deviation of 6, across it one of 0.8. The measurements
# have a deviation of 2 from west to east and of 7 from south to north. A matrix with the deviations $s_1$ along and
# $s_2$ across the unit vectors $e_1$, $e_2$ has the inverse
# $\frac{1}{s_1^2} e_1 e_1^T + \frac{1}{s_2^2} e_2 e_2^T$.

# %%
along, across = np.array([1.0, 1.0]) / np.sqrt(2), np.array([-1.0, 1.0]) / np.sqrt(2)
prior_precision = np.outer(along, along) / 6**2 + np.outer(across, across) / 0.8**2
precision = np.diag([1 / 2**2, 1 / 7**2])
model = bayes.MultivariateMean(precision)
prior = MultivariateNormal(np.array([15.0, 5.0]), precision=prior_precision)
data = np.asarray(MultivariateNormal(truth, precision=precision).sample(jax.random.key(4), (30,)))
posteriors = {n: model.posterior(prior, data[:n]) for n in (1, 3, 30)}
print("L_n for n = 3:", *np.array(posteriors[3].precision, float).round(3).tolist())
for n, d in posteriors.items():
    best, deviations = (np.array(part, float).round(2) for part in (d.mode, d.variance**0.5))
    print(f"n = {n:2}: MLE {data[:n].mean(axis=0).round(2)}, MAP {best}, deviations {deviations}")

# %%
east, north = np.linspace(4, 30, 150), np.linspace(-6, 30, 150)
grid = np.stack(np.meshgrid(east, north, indexing="ij"), axis=-1)


def lines(d, color, ax):
    levels = float(d.prob(d.mode)) * np.exp([-2, -0.5])
    ax.contour(east, north, np.asarray(d.prob(grid)).T, levels=levels, colors=color)
    ax.plot(*d.mode, "o", color=color, markersize=5)


fig, panels = plt.subplots(1, 3, figsize=(11, 4.4), sharey=True)
for ax, (n, d) in zip(panels, posteriors.items(), strict=True):
    likelihood = MultivariateNormal(data[:n].mean(axis=0), precision=n * precision)
    three = (prior, "prior"), (likelihood, "likelihood"), (d, "posterior")
    for (each, name), color in zip(three, plot.PALETTE, strict=False):
        lines(each, color, ax)
        ax.plot([], [], color=color, label=name)
    ax.plot(*truth, "x", color="#202020", markersize=8, markeredgewidth=2, label="truth")
    ax.set(title=f"n = {n}", xlabel="east", aspect="equal")
panels[0].set_ylabel("north")
panels[0].legend(fontsize=9, loc="upper left")
plt.show()

# %% [markdown]
# The ellipses are one and two standard deviations. The measurements know the position from west to east, the street
# does the rest: already one measurement leaves less uncertainty from south to north than ten measurements would without
# the street.
#
# The posterior's maximum does not lie on the line between prior mean and measured mean. A weighted mean with matrices
# as weights goes, in each direction, with the one that knows it better.

# %%
start, end, best = (np.array(point, float) for point in (prior.loc, data[0], posteriors[1].mode))
direction = (end - start) / np.linalg.norm(end - start)
off = abs(np.linalg.det(np.stack([direction, best - start])))
print(f"one measurement: the maximum is {off:.2f} away from the line")

# %% [markdown]
# ## How far off, on average?
#
# If prior and errors are as stated, the mean squared error of the posterior mean is the trace of $\Lambda_n^{-1}$, that
# of the measured mean the trace of $\Lambda^{-1} / n$. Five thousand walkers, three measurements each:

# %%
keys = jax.random.split(jax.random.key(2))
walkers = np.asarray(prior.sample(keys[0], (5000,)))
noise = np.asarray(MultivariateNormal(np.zeros(2), precision=precision).sample(keys[1], (5000, 3)))
measured = walkers[:, None] + noise
estimates = np.asarray(jax.jit(jax.vmap(lambda x: model.posterior(prior, x).mode))(measured))
mean_squares = [np.mean(np.sum((e - walkers) ** 2, axis=1)) for e in (measured.mean(axis=1), estimates)]
in_theory = [np.trace(np.linalg.inv(3 * precision)), np.trace(np.linalg.inv(3 * precision + prior_precision))]
for name, found, theory in zip(("measured mean", "posterior mean"), mean_squares, in_theory, strict=True):
    print(f"{name:>14}: root mean square error {np.sqrt(found):.2f}, in theory {np.sqrt(theory):.2f}")
predictive = model.predictive(posteriors[3])
print("the next measurement has the deviations", np.sqrt(np.array(predictive.variance, float)).round(2))

# %% [markdown]
# ## The same in NumPy and SciPy

# %%
x = data[:3].astype(float)
numpy_precision = 3 * precision + prior_precision
numpy_mean = np.linalg.solve(numpy_precision, precision @ x.sum(axis=0) + prior_precision @ start)
scipy_prior = stats.multivariate_normal(start, np.linalg.inv(prior_precision))
log_product = scipy_prior.logpdf(grid) + sum(stats.multivariate_normal(row, np.diag([4, 49])).logpdf(grid) for row in x)
log_evidence = log_product - stats.multivariate_normal(numpy_mean, np.linalg.inv(numpy_precision)).logpdf(grid)
numpy_spread = np.linalg.inv(precision) + np.linalg.inv(numpy_precision)
gaps = {
    "L_n": np.abs(posteriors[3].precision - numpy_precision).max(),
    "mean": np.abs(posteriors[3].loc - numpy_mean).max(),
    "evidence": np.abs(float(model.log_evidence(prior, x)) - log_evidence).max(),
    "predictive": np.abs(predictive.covariance - numpy_spread).max(),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
for n in (3, 1000):
    d = round_model.posterior(round_prior, round_data[:n])
    assert np.allclose(d.precision, (0.1 * n + 0.33) * np.eye(2), rtol=1e-5)
    weight = 0.1 * n / (0.1 * n + 0.33)
    between = weight * round_data[:n].mean(axis=0) + (1 - weight) * np.array([19, 9])
    assert np.allclose(d.mode, between, rtol=1e-5)  # on the line, if all directions are alike
for n, d in posteriors.items():
    assert np.allclose(d.precision, n * precision + prior_precision, rtol=1e-5)
    assert np.allclose(d.covariance, np.linalg.inv(n * precision + prior_precision), rtol=1e-4)
assert posteriors[1].variance[1] < 7**2 / 10
assert off > 1
assert np.allclose(mean_squares, in_theory, rtol=0.06)
assert mean_squares[1] < mean_squares[0] / 3
assert np.ptp(log_evidence) < 1e-6  # prior times likelihood over posterior is the same everywhere
assert max(gaps.values()) < 1e-4
print("all claims hold")
