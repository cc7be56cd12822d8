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
# # 3.4.3 The cat's brain, learnt in small bites
#
# In section 2.12.5 a formula found the best plane through fifteen encounters of a cat with hard, soft, sharp and blunt
# things. A cat has no pseudo inverse in its head; it sees a few things at a time. **Does it arrive at the same
# plane?**

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
import optax

from jaxmath import data, linalg, optimize, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The encounters
#
# Each row of $X$ holds hardness, sharpness and a 1; $y$ is the threat. The model is $X w$, the loss the mean of the
# squared errors.

# %%
features, y = data.cat_brain()
x = jnp.hstack([features, jnp.ones((15, 1))])


def loss(w, x, y):
    return jnp.mean((jnp.matmul(x, w, precision="highest") - y) ** 2)


best = jnp.matmul(linalg.pseudo_inverse(x), y, precision="highest")
print("w by the pseudo inverse:", best, f"  sum of squared errors {15 * loss(best, x, y):.5f}")

# %% [markdown]
# ## A few at a time
#
# *Stochastic* gradient descent takes the gradient of a handful of rows, a *batch*, instead of all. An epoch shuffles
# the rows, cuts them into batches of five, and takes one step for each:
#
# $$w \leftarrow w - \eta\, \nabla_w \frac{1}{|B|} \sum_{i \in B} (x_i^\top w - y_i)^2 .$$
#
# On average over the shuffles the step is the right one. Each by itself is a little off. `optimize.sgd` runs the
# epochs; to see the way, it is called for one epoch at a time, within a scan.


# %%
def epoch(w, key_and_rate):
    key, rate = key_and_rate
    fit = optimize.sgd(key, loss, w, (x, y), optimizer=optax.sgd(rate), batch_size=5, num_epochs=1)
    return fit.params, fit.params


num_epochs = 3000
start, keys = jnp.array([-0.5, 1.5, 0.5]), jax.random.split(jax.random.key(0), num_epochs)
learn = jax.jit(lambda rates: jax.lax.scan(epoch, start, (keys, rates))[1])
constant = learn(jnp.full(num_epochs, 0.3))
falling = learn(0.3 / (1 + jnp.arange(num_epochs) / 20))
print("after 3,000 epochs, constant rate:", constant[-1], " falling rate:", falling[-1])

# %% [markdown]
# With a constant rate the steps never come to rest: at the best $w$ the gradient of all rows is zero, that of five
# rows is not. The cat trembles about the optimum. A rate that falls like $1 / t$ lets the trembling die out and still
# goes far enough to arrive.

# %%
distance = {"constant": constant, "falling": falling}
distance = {name: np.linalg.norm(path - best, axis=1) for name, path in distance.items()}
fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4), width_ratios=[1.15, 1])
hardness, sharpness = jnp.linspace(-0.7, 1.9, 60), jnp.linspace(-0.1, 2.0, 60)


def best_loss(pair):
    left_over = y - jnp.matmul(features, pair, precision="highest")
    return jnp.log10(jnp.mean((left_over - left_over.mean()) ** 2))


bowl = jax.vmap(lambda u: jax.vmap(lambda v: best_loss(jnp.stack([u, v])))(sharpness))(hardness)
plot.contours(hardness, sharpness, bowl, path=jnp.concatenate([start[None], constant[:300]])[:, :2], ax=left)
left.plot(*best[:2], "*", color="white", markersize=13, markeredgecolor="black")
left.set(xlabel="weight of hardness", ylabel="weight of sharpness", title="300 epochs on the loss (power of ten)")
for i, (name, values) in enumerate(distance.items()):
    right.loglog(1 + np.arange(num_epochs), values, color=plot.PALETTE[i], linewidth=1, label=f"{name} rate")
right.set(xlabel="epoch", ylabel="distance from the best w", title="one trembles, one arrives")
right.legend(fontsize=9)
plt.show()

# %% [markdown]
# The height in the left figure is the loss with the third weight at its best for the two that are drawn.
#
# ## How large is the trembling?
#
# It grows with the rate: larger steps, larger errors. And it depends on how the batches are chosen. The alternative to
# shuffling is to draw every batch by lot, so that a row may come twice and another not at all. The rates are numbers
# to the compiled program; `jax.vmap` runs all descents at once, each with its own rate.


# %%
def draw_lots(w, key_and_rate):
    rows = jax.random.randint(key_and_rate[0], (5,), 0, 15)
    w = w - key_and_rate[1] * jax.grad(loss)(w, x[rows], y[rows])
    return w, w


rates, steps = 0.05 * 2.0 ** jnp.arange(0.0, 3.1, 0.5), jax.random.split(jax.random.key(1), 3 * num_epochs)
lots = jax.jit(lambda rate: jax.lax.scan(draw_lots, start, (steps, jnp.full(len(steps), rate)))[1][2::3])
shuffled = jax.vmap(lambda rate: learn(jnp.full(num_epochs, rate)))(rates)
tremble = {"drawn by lot": jax.vmap(lots)(rates), "shuffled": shuffled}
tremble = {name: np.sqrt(((path[:, 1000:] - best) ** 2).sum(axis=-1).mean(axis=1)) for name, path in tremble.items()}
growth = {name: np.polyfit(np.log(rates), np.log(values), 1)[0] for name, values in tremble.items()}
fig, ax = plt.subplots(figsize=(5.4, 3.4))
for i, (name, values) in enumerate(tremble.items()):
    ax.loglog(rates, values, "o-", color=plot.PALETTE[i], label=f"{name}: rate to the power {growth[name]:.2f}")
ax.set(xlabel="rate", ylabel="root mean square distance", title="the price of a constant rate")
ax.set_xticks([0.05, 0.1, 0.2, 0.4], ["0.05", "0.1", "0.2", "0.4"])
ax.minorticks_off()
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# With lots the distance grows like the root of the rate. Shuffling is better, the more so the smaller the rate: an
# epoch visits *every* row once, and the errors of its three steps nearly cancel.
#
# ## The same in plain NumPy

# %%
xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
rng, w = np.random.default_rng(0), np.array([-0.5, 1.5, 0.5])
for t in range(num_epochs):
    for rows in rng.permutation(15).reshape(3, 5):
        w = w - 0.3 / (1 + t / 20) * 2 * xs[rows].T @ (xs[rows] @ w - ys[rows]) / 5
numpy_best = np.linalg.pinv(xs) @ ys
print("NumPy's loop:", w.round(4), " pinv:", numpy_best.round(4))

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(best, [1.0766, 0.8976, -0.9582], atol=1e-4)
assert np.allclose(best, numpy_best, atol=1e-5)
assert np.allclose(falling[-1], best, atol=5e-3)
assert np.allclose(w, numpy_best, atol=5e-3)
assert np.isclose(15 * loss(falling[-1], x, y), 0.21724, atol=2e-4)
assert distance["constant"][1000:].mean() > 10 * distance["falling"][-1]  # one trembles, one arrives
full = optimize.sgd(keys[0], loss, start, (x, y), optimizer=optax.sgd(0.3), batch_size=15, num_epochs=1)
assert np.allclose(full.params, start - 0.3 * jax.grad(loss)(start, x, y), atol=1e-5)  # one batch: plain descent
assert 0.4 < growth["drawn by lot"] < 0.7  # the root of the rate
assert growth["shuffled"] > 1
assert (tremble["shuffled"] < tremble["drawn by lot"]).all()
print("all claims hold")
