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
# # 4.3.2 Principal components of uncorrelated data
#
# Principal components always give an answer. **What is it worth if the coordinates have nothing to do with each
# other, and how do we notice?**

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

from jaxmath import pca, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The data
#
# Two cases with equally many points and the same variance in each coordinate. In the first one the coordinates are
# drawn independently. In the second one they share most of what they are:
# $x_1 = 0.95\, x_0 + \sqrt{1 - 0.95^2}\, \varepsilon$.

# %%
n, rho = 500, 0.95
key_one, key_copies = jax.random.split(jax.random.key(1))
uncorrelated = jax.random.normal(key_one, (n, 2))
mix = np.array([[1.0, rho], [0.0, np.sqrt(1 - rho**2)]], np.float32)
correlated = jnp.matmul(uncorrelated, mix, precision="highest")
print("correlation:", np.corrcoef(uncorrelated.T)[0, 1].round(3), "and", np.corrcoef(correlated.T)[0, 1].round(3))

# %% [markdown]
# ## Keep one number of two
#
# The covariance of independent coordinates of variance 1 is the identity. Every unit vector is an eigenvector of
# it, with eigenvalue 1: **all directions are equally good**, hence equally bad. Whichever axis is kept, about half
# of the variance is left out, and the loss is
#
# $$\text{loss} = \sqrt{\frac{n-1}{n d}\, \lambda_2} \approx \sqrt{\frac{1}{2}} \approx 0.71,
# \qquad \text{against} \quad \sqrt{\frac{1 - 0.95}{2}} \approx 0.16$$
#
# for the correlated points, because the eigenvalues of their covariance are $1 + 0.95$ and $1 - 0.95$.

# %%
cases = {"uncorrelated": uncorrelated, "correlated": correlated}
fits = {name: pca.fit(x, 2) for name, x in cases.items()}
losses = {name: float(pca.reconstruction_error(pca.fit(x, 1), x)) for name, x in cases.items()}
for name, fitted in fits.items():
    print(
        f"{name:13} variances {fitted.explained_variance}  share of the first {fitted.explained_variance_ratio[0]:.2f}"
    )
    print(f"{'':13} information loss {losses[name]:.3f}")

# %%
fig, panels = plt.subplots(1, 2, figsize=(9.6, 4.8), sharex=True, sharey=True)
for ax, (name, x) in zip(panels, cases.items(), strict=True):
    one = pca.fit(x, 1)
    back = pca.inverse_transform(one, pca.transform(one, x))
    plot.residuals(x, back, color="#c8c8c8", ax=ax)
    plot.scatter(x, color="#5b9dc9", label="data", ax=ax)
    plot.scatter(back, color=plot.PALETTE[1], size=9, label="back-projection", ax=ax)
    ax.set(xlabel="x₀", title=f"{name}: loss {losses[name]:.2f}")
panels[0].set_ylabel("x₁")
panels[0].legend(loc="upper left")
plt.show()

# %% [markdown]
# On the left the grey lines, from each point to what is rebuilt of it, are as long as the cloud is wide. On the
# right they are short: one number places the point.
#
# ## An axis by accident
#
# In the left picture there is an axis all the same, because in a finite sample one direction always has a little
# more variance than the others. A fresh sample has another one. Four hundred samples of each kind, fitted at once
# by `jax.vmap`:

# %%
samples = jax.random.normal(key_copies, (400, n, 2))
first = jax.jit(jax.vmap(lambda x: pca.fit(x, 1).components[0]))
directions = {"uncorrelated": first(samples), "correlated": first(jnp.matmul(samples, mix, precision="highest"))}
angles = {name: np.mod(np.degrees(np.arctan2(v[:, 1], v[:, 0])), 180) for name, v in directions.items()}

# %%
fig, panels = plt.subplots(1, 2, figsize=(9.6, 3.0), sharex=True)
for ax, (name, angle) in zip(panels, angles.items(), strict=True):
    ax.hist(angle, bins=np.arange(0, 181, 5), color=plot.PALETTE[0])
    ax.set(xlabel="angle of the first component, degrees", title=name, xticks=range(0, 181, 45))
panels[0].set_ylabel("samples")
plt.show()

# %% [markdown]
# For uncorrelated data the axis points anywhere. For correlated data it stays within a few degrees of 45°. So the
# first component means something only as far as its variance stands out from the next one. On a circle the mean of
# $\cos 2\theta$ and $\sin 2\theta$ measures it: an axis is the same after half a turn, so angles are doubled. The
# length of the mean vector is 1 if all axes agree and near 0 if they are scattered.

# %%
agreement = {name: np.abs(np.exp(2j * np.radians(angle)).mean()) for name, angle in angles.items()}
print({name: round(float(value), 3) for name, value in agreement.items()})

# %% [markdown]
# ## The same in plain NumPy

# %%
numpy_losses = {}
for name, x in cases.items():
    centred = np.asarray(x, np.float64) - np.asarray(x, np.float64).mean(axis=0)
    axis = np.linalg.eigh(np.cov(centred.T))[1][:, -1]
    numpy_losses[name] = np.sqrt(np.mean((centred - np.outer(centred @ axis, axis)) ** 2))
print({name: round(float(value), 4) for name, value in numpy_losses.items()})

# %% [markdown]
# ## What was claimed

# %%
assert all(np.isclose(losses[name], numpy_losses[name], rtol=1e-4) for name in cases)
assert fits["uncorrelated"].explained_variance_ratio[0] < 0.6  # about half of the variance is lost
assert abs(losses["uncorrelated"] - np.sqrt(0.5)) < 0.07
assert abs(losses["correlated"] - np.sqrt((1 - rho) / 2)) < 0.03
assert agreement["uncorrelated"] < 0.2
assert agreement["correlated"] > 0.98
assert np.abs(angles["correlated"] - 45).max() < 10
print("all claims hold")
