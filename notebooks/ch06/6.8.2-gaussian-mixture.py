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
# # 6.8.2 Gaussian mixtures: who lives in Statsville?
#
# A census of Statsville lists height and weight of ten thousand people, and nothing else. **Can we find out that there
# are three kinds of people, how tall and heavy each kind is, and to which kind a newcomer belongs?**

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
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxmath import data, gmm, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %%
x, kinds = data.statsville(jax.random.key(4), 10_000)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4), sharex=True, sharey=True)
left.scatter(*x[:1000].T, s=8, color="#808080")
right.scatter(*x[:1000].T, s=8, c=np.array(plot.PALETTE)[np.asarray(kinds[:1000])])
left.set(title="what we are given", xlabel="height / cm", ylabel="weight / kg")
right.set(title="what we do not know", xlabel="height / cm")
plt.show()

# %% [markdown]
# ## The model
#
# Say that a person is of kind k with probability $\pi_k$, and that the people of kind k are normally distributed:
#
# $$p(x) = \sum_{k=1}^{K} \pi_k\, N(x \mid \mu_k, \Sigma_k).$$
#
# If we knew the kinds, the best $\mu_k$ and $\Sigma_k$ would be means and covariances. If we knew those, Bayes' rule
# would tell how probable each kind is for each person,
#
# $$r_{ik} = \frac{\pi_k N(x_i \mid \mu_k, \Sigma_k)}{\sum_j \pi_j N(x_i \mid \mu_j, \Sigma_j)},$$
#
# its *responsibility*. Expectation maximisation begins with a guess and does one after the other: the E-step computes
# the responsibilities, the M-step means and covariances in which each person counts for kind k as often as $r_{ik}$
# says. No step lowers the likelihood of the data.
#
# ## A bad guess, on purpose

# %%
start = gmm.GMM(
    weights=jnp.full(3, 1 / 3),
    means=jnp.array([[100.0, 30.0], [160.0, 50.0], [200.0, 100.0]]),
    covariances=jnp.tile(10.0 * jnp.eye(2), (3, 1, 1)),
    covariance_type="full",
)
step = jax.jit(gmm.em_step)
path, heights = [start], []
for _ in range(40):
    params, height = step(path[-1], x)
    path.append(params)
    heights.append(float(height))

# %%
fig, panels = plt.subplots(2, 3, figsize=(10, 6.4), sharex=True, sharey=True)
for ax, moment in zip(panels.flat, [0, 1, 4, 10, 16, 40], strict=True):
    now = path[moment]
    plot.mixture(now.weights, now.means, now.covariances, x=x[:500], labels=gmm.predict(now, x[:500]), ax=ax)
    ax.set(title=f"after {moment} steps", xlim=(95, 205), ylim=(22, 105))
plt.show()

# %% [markdown]
# The ellipses have two standard deviations. At first one of them has to serve nearly everybody and swells, while the
# others hold a few people at the edge. Step by step these win their neighbours over, until each has its own crowd.

# %%
fig, ax = plt.subplots(figsize=(6.4, 3.4))
ax.plot(heights, color=plot.PALETTE[0])
ax.set(xlabel="step", ylabel="mean log-likelihood", ylim=(np.sort(heights)[2] - 0.1, max(heights) + 0.1))
plt.show()

# %% [markdown]
# The likelihood rises at every step, slowly while a component has to leave a place that it should not have: such
# slopes are why one does not stop at the first small step.
#
# ## The whole fit at once
#
# `gmm.fit` does the same in one compiled program and stops by itself. From k-means++ centers, rows of the data that lie
# far from each other, it needs few steps.

# %%
by_hand = gmm.fit(jax.random.key(0), x, 3, init=start, max_steps=40, tol=0.0)
fitted = gmm.fit(jax.random.key(1), x, 3, tol=1e-6)
order = np.argsort(-np.asarray(fitted.params.means[:, 0]))
print("steps:", fitted.num_steps, " converged:", fitted.converged, " log-likelihood:", fitted.log_likelihood)
for j in order:
    print(f"share {fitted.params.weights[j]:.3f}  mean {np.round(fitted.params.means[j], 1)}")

# %% [markdown]
# ## Where it goes wrong
#
# The likelihood of a mixture has many local maxima, and even places where it has no bound: a component that closes
# in on a single person gains without end as its variance shrinks. With only a thousand people the bad start above is
# caught there: the component from the lower left holds almost nobody. `reg_covar` keeps its variance from 0, and
# several starts (`n_init`) from k-means++ centers keep the fit from being judged by it.

# %%
few, _ = data.statsville(jax.random.key(6), 1000)
caught = gmm.fit(jax.random.key(0), few, 3, init=start, tol=1e-6)
better = gmm.fit(jax.random.key(1), few, 3, n_init=3, tol=1e-6)
print("from the bad start:  ", caught.log_likelihood, " shares", np.round(caught.params.weights, 3))
print("best of three starts:", better.log_likelihood, " shares", np.round(better.params.weights, 3))

# %% [markdown]
# ## Newcomers
#
# Three people arrive: (135, 40), (152, 55) and (175, 70). And one of (163, 61), between two kinds.

# %%
newcomers = jnp.array([[135.0, 40.0], [152.0, 55.0], [175.0, 70.0], [163.0, 61.0]])
shares = gmm.responsibilities(fitted.params, newcomers)[:, order]
for person, row in zip(newcomers.tolist(), shares, strict=True):
    print(person, "man, woman, child:", np.round(row, 3))

# %%
agreement = np.mean(np.asarray(gmm.predict(fitted.params, x)) == order[np.asarray(kinds)])
print(f"people put with their own kind: {agreement:.1%}")

# %% [markdown]
# ## Against NumPy
#
# The same forty steps in float64, with the sums written out.

# %%
points = np.asarray(x, float)
weights, means, spreads = (np.asarray(a, float) for a in (start.weights, start.means, start.covariances))
for _ in range(40):
    left = points[:, None] - means
    squares = np.einsum("nki,kij,nkj->nk", left, np.linalg.inv(spreads), left)
    logs = np.log(weights) - squares / 2 - np.linalg.slogdet(2 * np.pi * spreads)[1] / 2
    shares_np = np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))
    counts = shares_np.sum(axis=0)
    weights, means = counts / len(points), shares_np.T @ points / counts[:, None]
    left = points[:, None] - means
    spreads = np.einsum("nk,nki,nkj->kij", shares_np, left, left) / counts[:, None, None] + 1e-6 * np.eye(2)
gap = np.abs(np.asarray(path[-1].means) - means).max()
print("largest difference of a mean, in cm or kg:", gap)

# %% [markdown]
# ## What was claimed

# %%
assert np.diff(heights).min() > -1e-4  # the likelihood never falls
assert gap < 0.02
assert np.allclose(path[-1].covariances, spreads, rtol=0.02, atol=0.1)
assert np.allclose(by_hand.params.means, path[-1].means, atol=0.02)
assert bool(fitted.converged)
assert np.allclose(path[-1].means, [[135, 40], [152, 55], [175, 70]], atol=0.5)  # the bad start ends well
assert caught.params.weights.min() < 0.01  # or not
assert better.log_likelihood > caught.log_likelihood + 0.1
assert np.allclose(fitted.params.means[order], [[175, 70], [152, 55], [135, 40]], atol=1.5)
assert np.allclose(fitted.params.weights[order], [0.4, 0.4, 0.2], atol=0.06)
assert np.argmax(shares[:3], axis=1).tolist() == [2, 1, 0]  # three kinds
assert agreement > 0.97
print("all claims hold")
