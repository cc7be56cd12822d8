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
# # 7.2.3 The perceptron
#
# A perceptron weighs what it is told, adds it up, and says yes or no. **What can such a simple thing tell apart, what
# can many of them, and how does it learn?**

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

from jaxmath import neural, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Sum, then decide
#
# From the inputs $x$ a perceptron forms $z = w \cdot x + b$ and answers with an *activation* $f(z)$. The first choice
# is the step, $1$ if $z \ge 0$ and $0$ if not. It has no slope to learn from, so smooth relatives took its place:
#
# $$\sigma(z) = \frac{1}{1 + e^{-z}}, \qquad \tanh z = 2 \sigma(2 z) - 1, \qquad \mathrm{relu}(z) = \max(z, 0) .$$

# %%
z = jnp.linspace(-4, 4, 401, dtype=jnp.float32)
activations = {"step": neural.heaviside, "sigmoid": neural.sigmoid, "tanh": neural.tanh, "ReLU": neural.relu}
fig, panels = plt.subplots(1, 4, figsize=(11, 2.6))
for ax, (name, f) in zip(panels, activations.items(), strict=True):
    plot.curve(z, f(z), slopes=jax.jit(jax.vmap(jax.grad(f)))(z), ax=ax).set(title=name, xlabel="z")
plt.show()

# %% [markdown]
# Lines are the activations, dashes their derivatives. The step's is zero wherever it exists; those of the sigmoid and
# of tanh fade where the sum is large, which will matter for deep networks; the ReLU's is 0 or 1.
#
# ## One perceptron: a half-plane
#
# With two inputs, $w \cdot x + b = 0$ is a line at right angles to $w$, and the answer tells on which side of it
# $x$ lies. A layer of $m$ perceptrons answers $m$ such questions at once,
#
# $$Y = f(X W^\top + b),$$
#
# one row of $W$ for each. And a second layer can ask about the answers of the first: three half-planes, and a
# perceptron that says yes only if all three do, make a triangle.

# %%
side = np.linspace(-2, 2, 161, dtype=np.float32)
points = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
weights = np.array([[0.0, 1.0], [-1.7, -1.0], [1.7, -1.0]], np.float32)
bias = np.array([0.8, 1.2, 1.2], np.float32)
all_three = np.ones((1, 3), np.float32), np.array([-2.5], np.float32)
one = neural.perceptron(points, weights[1], bias[1])
three = neural.dense(points, weights, bias, neural.heaviside)
triangle = neural.mlp(
    [(weights, bias), all_three], points, activation=neural.heaviside, output_activation=neural.heaviside
)
sharp = [(6 * weights, 6 * bias), (6 * all_three[0], 6 * all_three[1])]
soft = neural.mlp(sharp, points, activation=neural.sigmoid, output_activation=neural.sigmoid)


# %%
def show(ax, values, title):
    ax.pcolormesh(side, side, np.reshape(values, (len(side), -1)).T, cmap="Blues", vmin=0, rasterized=True)
    ax.set(title=title, aspect="equal", xlabel="$x_0$")


fig, panels = plt.subplots(1, 4, figsize=(11, 2.9), sharey=True)
show(panels[0], one, "one perceptron")
panels[0].set_ylabel("$x_1$")
panels[0].annotate("", xy=(-0.6, 0.05), xytext=(0.35, 0.6), arrowprops={"color": plot.PALETTE[1], "width": 2})
panels[0].text(-1.0, -0.1, "w", color=plot.PALETTE[1], fontsize=14)
show(panels[1], three.sum(axis=1), "how many of three")
show(panels[2], triangle[:, 0], "all three: two layers")
show(panels[3], soft[:, 0], "the same with sigmoids")
plt.show()

# %% [markdown]
# With sigmoids the triangle has soft edges, and every number in it has an influence that can be differentiated. That
# is what makes a network trainable.
#
# ## Rosenblatt's rule
#
# A single perceptron could learn long before there were gradients. Go through the examples; where the answer is right
# do nothing; where it is wrong by $m = t - h(z)$, which is 1 or -1, add that many times the example:
#
# $$w \leftarrow w + m x, \qquad b \leftarrow b + m .$$
#
# Begin at zero and repeat until an epoch, one pass through the data, is without a mistake.

# %%
rng = np.random.default_rng(6)
x = rng.uniform(-1.8, 1.8, size=(60, 2)).astype(np.float32)
labels = x @ [0.6, 0.8] + 0.5 >= 0
x += np.where(labels, 0.05, -0.05)[:, None] * np.array([0.6, 0.8], np.float32)
fits = [neural.train_perceptron(x, labels, max_epochs=epochs) for epochs in (1, 2, 4, 1000)]
fig, panels = plt.subplots(1, 4, figsize=(11, 2.9), sharey=True)
for ax, fit in zip(panels, fits, strict=True):
    answers = neural.perceptron(points, fit.weights, fit.bias)
    show(ax, 0.4 * answers, f"epoch {fit.num_epochs}: {fit.mistakes} mistakes")
    ax.scatter(*x.T, s=12, c=np.where(labels, plot.PALETTE[0], plot.PALETTE[1]))
    ax.collections[0].set_clim(0, 1)
panels[0].set_ylabel("$x_1$")
plt.show()

# %% [markdown]
# ## Why it ends
#
# Write $\tilde x = (x, 1)$ and $\tilde w = (w, b)$. Suppose that *some* unit vector $u$ parts the classes with a
# margin: all examples have $|u \cdot \tilde x| \ge \gamma$ on their side. Let $R$ be the length of the longest
# $\tilde x$.
#
# - Every mistake moves $\tilde w$ towards $u$: after $k$ of them $u \cdot \tilde w \ge k \gamma$.
# - But $\tilde w$ cannot become long: the example that is added was on the wrong side, so
#   $\|\tilde w + m \tilde x\|^2 \le \|\tilde w\|^2 + R^2$, and after $k$ mistakes $\|\tilde w\|^2 \le k R^2$.
#
# Together $k \gamma \le u \cdot \tilde w \le \|\tilde w\| \le \sqrt{k} R$, hence $k \le (R / \gamma)^2$, however many
# examples there are and in whatever order they come. We try it on 200 data sets with margins from small to large, all
# of them learnt at once by `jax.vmap`.

# %%
angles, offsets, margins = rng.uniform(0, 2 * np.pi, 200), rng.uniform(-0.5, 0.5, 200), np.geomspace(0.04, 0.8, 200)
normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
sets = rng.uniform(-1, 1, size=(200, 40, 2))
sides = np.einsum("snd,sd->sn", sets, normals) + offsets[:, None]
signs = np.where(sides >= 0, 1.0, -1.0)
sets = (sets + (signs * margins[:, None])[..., None] * normals[:, None, :]).astype(np.float32)
gammas = (np.abs(sides) + margins[:, None]).min(axis=1) / np.hypot(1, offsets)
bounds = ((sets**2).sum(axis=2).max(axis=1) + 1) / gammas**2
learnt = jax.vmap(lambda x, t: neural.train_perceptron(x, t, max_epochs=10_000))(jnp.array(sets), jnp.array(signs > 0))

# %%
fig, ax = plt.subplots(figsize=(5.6, 3.4))
ax.loglog(bounds, np.maximum(learnt.mistakes, 0.8), "o", markersize=4, alpha=0.7)
ax.loglog([4, 3000], [4, 3000], "--", color=plot.PALETTE[1], label="the bound")
ax.set(xlabel="$(R / \\gamma)^2$", ylabel="mistakes made")
ax.legend()
plt.show()
print(
    f"mistakes at most {np.max(learnt.mistakes / bounds):.0%} of the bound; all learnt: {bool(learnt.converged.all())}"
)

# %% [markdown]
# ## How to begin a deep network
#
# In a network of many layers the size of what passes through is multiplied in each of them. Let the weights have
# variance $v$ and a layer $d$ inputs of mean square $s$: its sums have the mean square $d v s$. To keep it, $v = 1/d$;
# with ReLUs, which cut off half, $v = 2/d$ (He). Xavier's compromise $v = 2 / (d + m)$ looks at the backward pass too.

# %%
wide = [200] * 21
data = jax.random.normal(jax.random.key(0), (100, 200))
starts = {
    "Xavier, tanh": ("xavier", neural.tanh),
    "Xavier, ReLU": ("xavier", neural.relu),
    "He, ReLU": ("he", neural.relu),
}
sizes = {
    name: [float(jnp.mean(a**2)) for a in jax.jit(neural.forward, static_argnames="activation")(
        neural.init_mlp(jax.random.key(1), wide, scheme=scheme), data, activation=f).activations]
    for name, (scheme, f) in starts.items()
}  # fmt: skip

# %%
fig, ax = plt.subplots(figsize=(5.6, 3.2))
for name, values in sizes.items():
    ax.semilogy(range(1, 21), values, "o-", markersize=3.5, label=name)
ax.set(xlabel="layer", ylabel="mean square of activations", xticks=[1, 5, 10, 15, 20])
ax.legend()
plt.show()

# %% [markdown]
# Under ReLUs Xavier's weights lose half of the signal in each layer; a millionth is left after twenty. He's keep it.
#
# ## The same in plain NumPy

# %%
hidden = (points.astype(np.float64) @ weights.T.astype(np.float64) + bias >= 0).astype(float)
by_numpy = (hidden @ np.ones(3) - 2.5 >= 0).astype(float)
w, b, mistakes = np.zeros(2), 0.0, 0
for _ in range(int(fits[-1].num_epochs)):
    for row, label in zip(x.astype(np.float64), labels, strict=True):
        miss = int(label) - int(row @ w + b >= 0)
        w, b, mistakes = w + miss * row, b + miss, mistakes + abs(miss)
print(f"NumPy: w = {w.round(3)}, b = {b}, {mistakes} mistakes; jaxmath: w = {fits[-1].weights.round(3)}")

# %% [markdown]
# ## What was claimed

# %%
assert neural.heaviside(0.0) == 1
assert np.mean(np.asarray(triangle[:, 0]) == by_numpy) > 0.999  # rounding may decide on the lines
assert np.abs(np.asarray(soft[:, 0]).round() - by_numpy).mean() < 0.1
assert mistakes == fits[-1].mistakes
assert np.allclose(w, fits[-1].weights, atol=1e-3)
assert b == fits[-1].bias
assert fits[-1].converged
assert not fits[0].converged
assert (np.asarray(neural.perceptron(x, fits[-1].weights, fits[-1].bias)) == labels).all()
assert learnt.converged.all()
assert (np.asarray(learnt.mistakes) <= bounds).all()
assert 0.3 < sizes["He, ReLU"][-1] / sizes["He, ReLU"][0] < 3
assert sizes["Xavier, ReLU"][-1] / sizes["Xavier, ReLU"][0] < 1e-4
print("all claims hold")
