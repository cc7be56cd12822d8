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
# # 7.4.3 Surfaces from towers
#
# A perceptron knows only yes and no. **How can a network of such things follow any curve or surface as closely as we
# like?**

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
import itertools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxmath import neural, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Along a line
#
# One perceptron with one input is a step. Its bias says where, the sign of its weight which way: $h(x)$, flipped
# $h(-x)$, shifted $h(x - 2)$. Two steps that face each other, and a third perceptron that says yes only if both do,
# make a *tower* on an interval:
#
# $$h \bigl( h(x + 0.5) + h(-x + 0.5) - 1.5 \bigr) = 1 \quad \text{where} \quad -0.5 \le x \le 0.5 .$$

# %%
line = jnp.linspace(-4, 4, 801, dtype=jnp.float32)


def steps(*pairs, x=line[:, None]):
    weights, bias = zip(*pairs, strict=True)
    return neural.perceptron(x, jnp.array(weights), jnp.array(bias))


curves = {
    "step": steps(([1.0], 0.0))[:, 0],
    "flipped": steps(([-1.0], 0.0))[:, 0],
    "shifted": steps(([1.0], -2.0))[:, 0],
    "two steps, added": steps(([1.0], 0.5), ([-1.0], 0.5)).sum(axis=1),
    "tower": neural.perceptron(steps(([1.0], 0.5), ([-1.0], 0.5)), jnp.ones(2), -1.5),
}
fig, panels = plt.subplots(1, 5, figsize=(11, 2.2), sharey=True)
for ax, (name, values) in zip(panels, curves.items(), strict=True):
    plot.curve(line, values, ax=ax).set(title=name, xticks=[-4, -2, 0, 2, 4], yticks=[0, 1, 2])
plt.show()

# %% [markdown]
# ## In the plane
#
# With two inputs a step is a cliff along a line. Two that face each other leave a wave along one axis; a wave along
# the other axis crosses it, and where both are high there is a plateau: all four steps say yes, while elsewhere at
# most three do. A last perceptron cuts at 3.5. That is Cybenko's tower,
#
# $$W_0 = \begin{pmatrix} 1 & 0 \\ -1 & 0 \\ 0 & 1 \\ 0 & -1 \end{pmatrix}, \quad b_0 = (0.5, 0.5, 0.5, 0.5), \qquad
# W_1 = (1, 1, 1, 1), \quad b_1 = -3.5 .$$

# %%
side = np.linspace(-2, 2, 81, dtype=np.float32)
plane = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
layer = jnp.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]), jnp.full(4, 0.5)
tower = [layer, (jnp.ones((1, 4)), jnp.array([-3.5]))]
four = neural.perceptron(plane, *layer)
surfaces = {
    "a step": four[:, 0],
    "a step the other way": four[:, 3],
    "a wave": four[:, :2].sum(axis=1) - 1,
    "the wave across": four[:, 2:].sum(axis=1) - 1,
    "a plateau where they cross": four.sum(axis=1) - 2,
    "cut at 3.5: a tower": neural.forward(tower, plane, activation=neural.heaviside).output[:, 0],
}
fig, panels = plt.subplots(2, 3, figsize=(10, 6.2), subplot_kw={"projection": "3d"})
for ax, (name, values) in zip(panels.flat, surfaces.items(), strict=True):
    plot.surface(side, side, np.reshape(values, (81, 81)), labels=("$x_0$", "$x_1$", ""), ax=ax).set_title(name)
    ax.set_box_aspect((1, 1, 0.5))
plt.show()

# %% [markdown]
# ## A town of towers
#
# Now cover a rectangle with a grid, put a tower on every cell, give each the height that the surface has in the middle
# of the cell, and add. Neighbours can share a step: the one with which a tower ends is that with which the next
# begins, once the flipped step $h(q - x)$ is written as $1 - h(x - q)$. This also settles who owns the border: a cell
# $[p_i, p_{i+1}) \times [q_j, q_{j+1})$ has its lower edges and not its upper ones, so the cells tile the rectangle
# with neither gap nor overlap. `neural.tower_network` writes down the three layers, steps, towers and heights; nothing
# is trained.


# %%
def peaks(p):
    return jnp.sin(2 * p[:, 0]) * jnp.cos(1.5 * p[:, 1]) + 0.5 * jnp.exp(-4 * (p[:, 0] ** 2 + p[:, 1] ** 2))


def town(m):
    return neural.tower_network(peaks, (jnp.linspace(-2, 2, m + 1), jnp.linspace(-2, 2, m + 1)))


evaluate = jax.jit(lambda params, x: neural.mlp(params, x, activation=neural.heaviside)[:, 0])
inside = np.linspace(-2, 1.999, 60, dtype=np.float32)
ground = np.stack(np.meshgrid(inside, inside, indexing="ij"), axis=-1).reshape(-1, 2)
wanted = peaks(ground)
sizes = [4, 8, 16, 32]
towns = {m: evaluate(town(m), ground) for m in sizes}

# %%
shown = {"the surface": wanted, **{f"{m} x {m} towers": towns[m] for m in (8, 16, 32)}}
fig, panels = plt.subplots(1, 4, figsize=(12, 3.1), subplot_kw={"projection": "3d"})
for ax, (name, values) in zip(panels, shown.items(), strict=True):
    plot.surface(inside, inside, np.reshape(values, (60, 60)), labels=("$x_0$", "$x_1$", ""), ax=ax).set_title(name)
plt.show()

# %% [markdown]
# ## How fast does it come closer?
#
# In its cell no point is farther from the middle than half a diagonal. A surface that is nowhere steeper than $K$
# is therefore missed by at most $K$ times that, $K \sqrt{2}\, w / 2$ for cells of width $w$: half the width, half the
# error. So *any* continuous surface can be followed as closely as one likes, by more neurons. The price is that their
# number grows with the square, and in $d$ dimensions with the $d$-th power, of $1 / w$.

# %%
steepness = float(jnp.linalg.norm(jax.jit(jax.vmap(jax.grad(lambda p: peaks(p[None])[0])))(ground), axis=1).max())
errors = [float(jnp.abs(towns[m] - wanted).max()) for m in sizes]
neurons = [sum(len(bias) for _, bias in town(m)) for m in sizes]
fig, ax = plt.subplots(figsize=(5.2, 3.2))
ax.loglog(sizes, errors, "o", label="largest error")
ax.loglog(sizes, [steepness * np.sqrt(2) * 2 / m for m in sizes], "--", color=plot.PALETTE[1], label="bound")
ax.set(xlabel="towers along each side", xticks=sizes, xticklabels=[str(m) for m in sizes])
ax.set_yticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
ax.minorticks_off()
ax.legend()
plt.show()
for m, error, count in zip(sizes, errors, neurons, strict=True):
    print(f"{m:3} x {m:2} towers, {count:5} neurons: error {error:.3f}")

# %% [markdown]
# ## The same in plain NumPy
#
# Without any network: look up the cell of each point.

# %%
edges = np.linspace(-2, 2, 17)
cell = np.searchsorted(edges, ground.astype(np.float64), side="right") - 1
middles = (edges[:-1] + edges[1:]) / 2
u, v = middles[cell[:, 0]], middles[cell[:, 1]]
by_lookup = np.sin(2 * u) * np.cos(1.5 * v) + 0.5 * np.exp(-4 * (u**2 + v**2))
print(f"largest difference {np.abs(by_lookup - np.asarray(towns[16])).max():.1e}")

# %% [markdown]
# ## What was claimed

# %%
x = np.asarray(line)
assert (np.asarray(curves["tower"]) == (np.abs(x) <= 0.5)).all()
assert (np.asarray(surfaces["cut at 3.5: a tower"]) == (np.abs(plane).max(axis=1) <= 0.5)).all()
assert surfaces["a plateau where they cross"].max() == 2
assert np.allclose(by_lookup, towns[16], atol=1e-4)
assert all(error <= steepness * 1.01 * np.sqrt(2) * 2 / m for error, m in zip(errors, sizes, strict=True))
assert all(1.4 < coarse / fine < 3 for coarse, fine in itertools.pairwise(errors))
corners = np.stack(np.meshgrid(edges[:-1], edges[:-1], indexing="ij"), axis=-1).reshape(-1, 2)
flat = neural.tower_network(lambda p: jnp.ones(len(p)), (jnp.array(edges), jnp.array(edges)))
assert (evaluate(flat, corners) == 1).all()  # a flat roof: every corner is in one cell
assert (evaluate(flat, np.array([[2.0, 0.0], [0.0, 2.5], [-2.1, 0.0]])) == 0).all()
print("all claims hold")
