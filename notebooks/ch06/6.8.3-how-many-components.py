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
# # 6.8.3 How many components? A thousand fits of Italian wine
#
# A chemist measured thirteen properties of 178 wines from one valley. The labels with the names of the grapes were
# lost. **How many kinds of grape were there, and which wine is of which?**

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
from functools import partial

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.mixture import GaussianMixture

from jaxmath import gmm, pca, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Three numbers a wine
#
# The properties have different units, so each is measured in its own standard deviations. A Gaussian of thirteen
# variables has 104 free numbers, too many to learn from 178 wines; the first three principal components keep two
# thirds of the variance, and a Gaussian of three variables has nine.

# %%
measured, grape = load_wine(return_X_y=True)
standard = ((measured - measured.mean(axis=0)) / measured.std(axis=0)).astype(np.float32)
axes = pca.fit(standard, 3)
x = pca.transform(axes, standard)
print(f"{len(x)} wines, variance kept: {axes.explained_variance_ratio.sum():.0%}")

# %% [markdown]
# ## More components always fit better
#
# The likelihood of the data rises with the number K of components, up to one component a wine. So it cannot tell us K.
# The *Bayesian information criterion* charges for every free number:
#
# $$\mathrm{BIC} = p \log n - 2 \sum_{i=1}^n \log p(x_i), \qquad p = (K - 1) + 3K + 6K .$$
#
# It approximates $-2$ times the logarithm of the probability of the data under the model, with all its parameters
# integrated out: a model with more freedom spreads its probability over more data that did not come. Lower is better.
#
# EM finds a *local* maximum, another one from another start. To compare numbers of components and not luck, we fit each
# of K = 1, ..., 5 from 200 random starts: a thousand fits. The number of components is a shape, so it is fixed in a
# compiled program; the starts are only keys, and run through one program one after the other.

# %%
numbers, starts = range(1, 6), 200


@partial(jax.jit, static_argnums=1)
def fits_from(keys, k):
    return jax.lax.map(lambda key: gmm.fit(key, x, k, init="random", reg_covar=1e-2, tol=1e-4, max_steps=300), keys)


fits = {k: fits_from(jax.random.split(jax.random.key(k), starts), k) for k in numbers}
criteria = {k: jax.lax.map(lambda p: gmm.bic(p, x), fits[k].params) for k in numbers}
steps = np.concatenate([f.num_steps for f in fits.values()])
print(len(steps), "fits,", steps.sum(), "steps")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
for k in numbers:
    jitter = np.random.default_rng(k).uniform(-0.2, 0.2, starts)
    left.plot(k + jitter, fits[k].log_likelihood, ".", color=plot.PALETTE[0], alpha=0.3, markersize=4)
    right.plot(k + jitter, criteria[k], ".", color=plot.PALETTE[0], alpha=0.3, markersize=4)
best = np.array([criteria[k].min() for k in numbers])
left.plot(numbers, [fits[k].log_likelihood.max() for k in numbers], "o-", color=plot.PALETTE[1], label="best start")
right.plot(numbers, best, "o-", color=plot.PALETTE[1], label="best start")
left.set(xlabel="components", ylabel="mean log-likelihood / nats")
right.set(xlabel="components", ylabel="BIC", ylim=(best.min() - 20, best.max() + 60))
right.legend()
plt.show()

# %% [markdown]
# On the left the best of each column only rises. On the right it falls until K = 3 and rises from there. The cloud
# above each best start shows why one start is not enough: a poor start with the right K can look worse than a good one
# with a wrong K.
#
# ## The wines
#
# The mixture has three variables, the paper has two. The distribution of the first two is again a mixture, of the same
# weights: `gmm.marginal`.

# %%
chosen = int(np.argmin(best)) + 1
params = jax.tree.map(lambda a: a[jnp.argmin(criteria[chosen])], fits[chosen].params)
kind = np.asarray(gmm.predict(params, x))
table = np.array([[np.sum((grape == g) & (kind == j)) for j in range(chosen)] for g in range(3)])
print(f"K = {chosen}\nrows: grapes, columns: components\n{table}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), sharex=True, sharey=True)
flat = gmm.marginal(params, [0, 1])
left.scatter(*x[:, :2].T, s=14, c=np.array(plot.PALETTE)[kind])
plot.mixture(flat.weights, flat.means, gmm.covariances(flat), ax=left)
order = table.argmax(axis=1)
right.scatter(*x[:, :2].T, s=14, c=np.array(plot.PALETTE)[order[grape]])
left.set(title="found without labels", xlabel="first component", ylabel="second component")
right.set(title="the grapes", xlabel="first component")
plt.show()

# %% [markdown]
# Three kinds, and nearly all wines are with their own. Nobody told the program that there were three, nor what a grape
# is.
#
# ## How sure is it?
#
# The responsibilities tell which wines it would not bet on. Those that it puts with the wrong grape are among them:

# %%
shares = gmm.responsibilities(params, x)
sureness = np.asarray(shares.max(axis=1))
wrong = kind != order[grape]
print(f"wrong: {wrong.sum()} of {len(x)}; median of the largest responsibility:", end=" ")
print(f"{np.median(sureness[~wrong]):.3f} where it is right, {np.median(sureness[wrong]):.3f} where it is wrong")

# %% [markdown]
# ## The same with scikit-learn
#
# From the parameters that were found, scikit-learn's EM in float64 takes its steps and ends where it began.

# %%
precisions = np.linalg.inv(np.asarray(gmm.covariances(params), float))
peer = GaussianMixture(
    chosen, weights_init=params.weights, means_init=params.means, precisions_init=precisions, reg_covar=1e-2
).fit(np.asarray(x, float))
difference = abs(peer.bic(np.asarray(x, float)) - float(best.min()))
print(f"BIC {best.min():.2f}, scikit-learn's {peer.bic(np.asarray(x, float)):.2f}")

# %% [markdown]
# ## What was claimed

# %%
highest = [float(fits[k].log_likelihood.max()) for k in numbers]
assert len(steps) == 1000
assert np.isfinite(best).all()
assert (np.diff(highest) > 0).all()  # more components always fit better
assert chosen == 3
assert sorted(order.tolist()) == [0, 1, 2]
assert wrong.sum() < 15
assert np.median(sureness[wrong]) < np.median(sureness[~wrong])
assert difference < 1
print("all claims hold")
