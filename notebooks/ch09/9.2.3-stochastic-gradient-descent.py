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
# # 9.2.3 Stochastic gradient descent
#
# A gradient over all data is exact and dear. One over ten rows is rough and cheap, and there are many of them in the
# same time. **How soon does a classifier get somewhere with rough steps?** The people of Statsville, men, women and
# children, by height and weight.

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

from jaxmath import data, losses, moments, neural, optimize, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The data and the model
#
# A thousand people, standardised to mean 0 and deviation 1. The model has two layers, 2-100-3, and nothing between
# them, so its three logits are linear in height and weight, $z = W_2 (W_1 x + b_1) + b_2$, and the borders between the
# classes are straight. The loss is the softmax cross entropy.


# %%
def loss(params, x, labels):
    return losses.softmax_cross_entropy(neural.mlp(params, x, activation=None), labels).mean()


raw, labels = data.statsville(jax.random.key(1), 1000)
spread = moments.of(raw)
deviation = jnp.sqrt(jnp.diag(moments.covariance(spread)))
x = (raw - spread.mean) / deviation
start = neural.init_mlp(jax.random.key(2), [2, 100, 3])
print("people of each kind:", np.bincount(labels), f" loss at the start {loss(start, x, labels):.3f}")

# %% [markdown]
# ## Five epochs
#
# An epoch shuffles the people and goes through them ten at a time: 100 steps with rate 0.02. We look at the model after
# each epoch. One compiled program makes any of them; the next one begins where the last has ended.

# %%
rule = optimize.gradient_descent(0.02)
epoch = jax.jit(
    lambda key, params: optimize.sgd(key, loss, params, (x, labels), optimizer=rule, batch_size=10, num_epochs=1)
)
models, rough = [start], []
for key in jax.random.split(jax.random.key(3), 5):
    fit = epoch(key, models[-1])
    models.append(fit.params)
    rough.append(np.asarray(fit.losses))
whole = [float(loss(params, x, labels)) for params in models]
answers = [neural.mlp(params, x, activation=None).argmax(axis=1) for params in models]
accuracy = [float((answer == labels).mean()) for answer in answers]
print("loss after each epoch", np.round(whole, 3), " accuracy", np.round(accuracy, 3))

# %%
grid = [np.linspace(x[:, i].min() - 0.3, x[:, i].max() + 0.3, 120) for i in (0, 1)]
plane = jnp.asarray(np.stack(np.meshgrid(*grid), axis=-1).reshape(-1, 2), jnp.float32)
centimetres, kilograms = (np.asarray(g * d + m) for g, d, m in zip(grid, deviation, spread.mean, strict=True))
fig, panels = plt.subplots(2, 3, figsize=(10, 5.6), sharex=True, sharey=True)
for number, (ax, params) in enumerate(zip(panels.flat, models, strict=True)):
    regions = neural.mlp(params, plane, activation=None).argmax(axis=1).reshape(120, 120)
    ax.contourf(centimetres, kilograms, regions, levels=[-0.5, 0.5, 1.5, 2.5], colors=plot.PALETTE[:3], alpha=0.2)
    for kind in range(3):
        plot.scatter(np.asarray(raw)[np.asarray(labels) == kind], color=plot.PALETTE[kind], size=4, ax=ax)
    ax.set(title=f"epoch {number}: {accuracy[number]:.1%} right" if number else f"start: {accuracy[0]:.1%} right")
plt.show()

# %% [markdown]
# Men are blue, women orange, children green. After one look at each person most borders are in place; the other
# four epochs move them by little.
#
# ## Rough steps against exact ones
#
# Full gradients, at the same rate, in the same number of *rows* looked at: one step an epoch. After five of them the
# loss has fallen by a sixth. Given the same number of steps they go the same way as the rough ones, without the noise,
# and look at a hundred times as many rows.

# %%
exact = jax.jit(lambda: optimize.minimize(lambda p: loss(p, x, labels), start, optimizer=rule, num_steps=500))()
fig, ax = plt.subplots(figsize=(7, 3.4))
ax.plot(np.concatenate(rough), color="#b8c4d0", linewidth=0.8, label="batch of ten")
plot.curve(np.arange(501), exact.losses, label="all rows in each step", ax=ax)
ax.plot(100 * np.arange(6), whole, "o", color=plot.PALETTE[1], label="all rows, after each epoch of rough steps")
ax.set(xlabel="step", ylabel="cross entropy", ylim=(0, 1.6), title="the same way, at a hundredth of the price")
ax.legend()
plt.show()
print(f"five exact steps: {exact.losses[5]:.3f}; 500 exact steps: {exact.losses[500]:.3f}; five epochs: {whole[5]:.3f}")

# %% [markdown]
# ## The same in plain NumPy
#
# A mean over ten people is an unbiased estimate of the mean over all: the average over the batches of one epoch *is*
# the full gradient. In plain NumPy, with $\delta = \operatorname{softmax}(z) - t$, for the last layer's weights:

# %%
(w1, b1), (w2, b2) = [[np.asarray(p, np.float64) for p in layer] for layer in start]
hidden = np.asarray(x, np.float64) @ w1.T + b1
logits = hidden @ w2.T + b2
delta = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) - np.eye(3)[np.asarray(labels)]
by_batches = np.mean([d.T @ h / 10 for d, h in zip(np.split(delta, 100), np.split(hidden, 100), strict=True)], axis=0)
gradient = jax.grad(loss)(start, x, labels)[1][0]
print(f"largest difference {np.abs(by_batches - gradient).max():.1e}, largest entry {np.abs(gradient).max():.2f}")

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(by_batches, gradient, atol=1e-5)
assert accuracy[1] > 0.9
assert accuracy[5] > 0.95
assert whole[5] < whole[1] < whole[0]
assert exact.losses[5] > 0.8 * whole[0]  # as many rows as five epochs
assert abs(exact.losses[500] - whole[5]) < 0.02  # as many steps
assert all((np.diff(np.asarray(exact.losses)) < 0).tolist())
print("all claims hold")
