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
# # 8.5 Training a network: how much will the shop sell?
#
# A shop knows its sales of last week, the discount it gives, and how many weeks are left until the next festival.
# **Can a network of sixteen neurons learn how many items it will sell?** We know the true formula, so we can tell what
# the network has understood and what it has missed.

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

from jaxmath import calculus, data, losses, neural, optimize, plot, regression

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The data
#
# Ten thousand weeks. With sales $s$ of the week before, a discount of $d$ per cent and $w$ weeks to the festival,
#
# $$y = 1.2\, s + 5000 \left( \frac{d}{100} \right)^2 + (10 - w)^3 + \text{noise},$$
#
# noise with deviation 100, rounded up to whole items. Almost all of it is the first term. Columns of such different
# sizes make descent slow, so each is brought to $[0, 1]$ by $u = (x - \min) / (\max - \min)$, and y as well.

# %%
x, y = data.demand(jax.random.key(0), 10_000)
low, high = x.min(axis=0), x.max(axis=0)
u = (x - low) / (high - low)
v = ((y - y.min()) / (y.max() - y.min()))[:, None]
items = float(y.max() - y.min())
print("columns from", low, "to", high, f" sales from {y.min():.0f} to {y.max():.0f}")

# %% [markdown]
# ## The network, and eight of it at once
#
# Three inputs, ten neurons, five neurons, one output; sigmoids inside, a plain sum at the end. The loss is the mean
# squared error, the rule momentum with rate 0.3 and $\gamma = 0.9$, for 5,000 steps of 500 weeks each. How well a
# network ends depends on the weights it begins with. `jax.vmap` trains eight of them side by side in one compiled
# program, and we keep the best.


# %%
def error(params, u, v):
    return losses.squared_error(neural.mlp(params, u, activation=calculus.sigmoid), v).mean()


def train(key):
    start = neural.init_mlp(jax.random.fold_in(key, 0), [3, 10, 5, 1])
    rule, shuffle = optimize.momentum(0.3, 0.9), jax.random.fold_in(key, 1)
    fit = optimize.sgd(shuffle, error, start, (u, v), optimizer=rule, batch_size=500, num_epochs=250)
    return fit.params, fit.losses, error(fit.params, u, v)


networks, histories, errors = jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(0), 8))
winner = int(errors.argmin())
best = jax.tree.map(lambda a: a[winner], networks)
mse = float(errors[winner])
print("mean squared errors of the eight:", errors)
print(f"the best: {mse:.2e}, or {items * mse**0.5:.0f} items")

# %%
fig, ax = plt.subplots(figsize=(7, 3.4))
smooth = np.asarray(histories).reshape(8, -1, 20).mean(axis=2)
steps = np.arange(smooth.shape[1]) * 20
ax.loglog(steps + 20, smooth.T, color="#b8c4d0", linewidth=1.2)
ax.loglog(steps + 20, smooth[winner], color=plot.PALETTE[1], label="the best")
ax.set(xlabel="step", ylabel="mean squared error", title="eight networks")
ax.legend()
plt.show()

# %% [markdown]
# Some find the first term at once, some only after a few hundred steps in which they answer with the mean. What
# follows, over thousands of steps, is the small rest.
#
# ## What has it understood?
#
# We vary one input and hold the other two in the middle of their range. The dashed line is the formula.

# %%
middle = (low + high) / 2
grids = [jnp.linspace(a, b, 41) for a, b in zip(low, high, strict=True)]
rows = [jnp.broadcast_to(middle, (41, 3)).at[:, i].set(grid) for i, grid in enumerate(grids)]
predict = jax.jit(lambda x: neural.mlp(best, (x - low) / (high - low), activation=calculus.sigmoid)[:, 0])
learned = [np.asarray(predict(r)) * items + float(y.min()) for r in rows]
formula = [np.asarray(1.2 * s + 5000 * (d / 100) ** 2 + (10 - w) ** 3) for s, d, w in (r.T for r in rows)]

# %%
fig, panels = plt.subplots(1, 3, figsize=(11, 3.2))
names = ("sales last week", "discount in per cent", "weeks to the festival")
for ax, grid, value, truth, name in zip(panels, grids, learned, formula, names, strict=True):
    plot.curve(grid, value, label="network", ax=ax)
    ax.plot(grid, truth, "--", color=plot.PALETTE[1], label="formula")
    ax.set(xlabel=name)
panels[0].set(ylabel="items")
panels[0].legend()
plt.show()

# %% [markdown]
# The scales differ: 96,000 items from left to right in the first panel, some 3,000 in the second, 1,000 in the third.
# The network has the directions right and the bends wrong: what it misses are some hundred items, less than a per cent
# of the range.
#
# ## Was the network worth it?
#
# A linear model has a closed form and takes no steps at all.

# %%
linear = regression.linear(u, v[:, 0])
linear_mse = float(linear.residual) / len(u)
noise_mse = (100 / items) ** 2
print(f"linear model {linear_mse:.2e}, network {mse:.2e}, nothing could be below the noise, {noise_mse:.1e}")

# %% [markdown]
# It has the smaller error. The formula is nearly linear, and the network first had to learn, out of bent sigmoids, to
# be straight. Always try the simple model too: it tells what a number like "below 2e-5" is worth.
#
# ## The same in plain NumPy
#
# The forward pass of the best network.

# %%
a = np.asarray(u, np.float64)
for i, (weights, bias) in enumerate(best):
    z = a @ np.asarray(weights, np.float64).T + np.asarray(bias, np.float64)
    a = z if i == len(best) - 1 else 1 / (1 + np.exp(-z))
numpy_mse = np.mean((a - np.asarray(v, np.float64)) ** 2)
print(f"mean squared error {numpy_mse:.3e}")

# %% [markdown]
# ## What was claimed

# %%
assert mse < 2e-5
assert np.isclose(mse, numpy_mse, rtol=1e-2)
assert (errors < 1e-4).all()  # no network is stuck
assert noise_mse < linear_mse < mse
assert np.abs(learned[0] - formula[0]).max() < 0.02 * items
assert np.corrcoef(learned[1], formula[1])[0, 1] > 0.95
assert np.corrcoef(learned[2], formula[2])[0, 1] > 0.8
print("all claims hold")
