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
# # B.2 What a transformation does to points
#
# A layer of a network is a matrix and a function that bends. **What can the matrix alone do to a straight line,
# and what does the bending add?**

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

from jaxmath import calculus, linalg, pca, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## A line and a matrix
#
# Ten points from $(-1, -2)$ to $(5, 8)$, equally far apart. A matrix $W$ takes each point $p$ to $W p$; with the
# points as rows of $P$, all of them at once to $P W^\top$.

# %%
line = jnp.linspace(jnp.array([-1.0, -2.0]), jnp.array([5.0, 8.0]), 10)
w = jnp.array([[0.3, -0.8], [0.7, 0.3]])


def linear(points):
    return jnp.matmul(points, w.T, precision="highest")


image = linear(line)
print(np.asarray(image, float).round(2).tolist())

# %%
ax = plot.before_after(line, image, ax=plt.figure(figsize=(5, 4.6)).gca())
plot.residuals(line, image, color="#c0c0c0", ax=ax)
ax.legend()
plt.show()

# %% [markdown]
# The line stays a line, and the points stay equally far apart. It cannot be otherwise. A point on the way from $p$
# to $q$ is $(1 - t) p + t q$, and
#
# $$W \left( (1 - t)\, p + t\, q \right) = (1 - t)\, W p + t\, W q,$$
#
# which is the point at the same share $t$ of the way from $W p$ to $W q$.
#
# ## Then something that bends
#
# Now a function is applied to each coordinate of the result: the ReLU, the leaky ReLU, the sigmoid. How straight a
# line is can be told by its principal components: the share of the variance that is *not* along the first one.

# %%
bends = {"ReLU": calculus.relu, "leaky ReLU": calculus.leaky_relu, "sigmoid": calculus.sigmoid}
bent = {name: f(image) for name, f in bends.items()}


@jax.jit
def off_the_line(points):
    return pca.fit(points, 2, solver="svd").explained_variance_ratio[1]


for name, points in {"before": line, "linear": image, **bent}.items():
    print(f"{name:11} off the line: {off_the_line(points):.1e}")

# %%
fig, panels = plt.subplots(1, 3, figsize=(9, 3.2))
for (name, points), ax in zip(bent.items(), panels, strict=True):
    plot.before_after(image, points, ax=ax).set_title(name)
panels[2].set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2))
plt.show()

# %% [markdown]
# Blue is the line after the matrix, orange what the function makes of it. The ReLU folds it: what was left of the
# vertical axis is pressed onto it, what was below the horizontal one onto that. The leaky ReLU folds less. Both keep
# straight pieces, with a corner where a coordinate changes its sign. The sigmoid brings the whole plane into the unit
# square and leaves hardly anything straight.
#
# ## The whole plane
#
# One line may deceive. Here is a net of lines: as it is, after $W$, and after each function.

# %%
t, places = jnp.linspace(-3, 3, 61), jnp.linspace(-3, 3, 9)
across = jnp.stack(jnp.meshgrid(places, t, indexing="ij"), axis=-1)
net = jnp.concatenate([across, across[..., ::-1]])
straight = linear(net)
print("lines, points on each, coordinates:", net.shape)

# %%
fig, panels = plt.subplots(1, 4, figsize=(9, 2.6))
results = {"linear": straight, **{name: f(straight) for name, f in bends.items()}}
for (name, after), ax in zip(results.items(), panels, strict=True):
    ax.plot(*jnp.moveaxis(after[:9], 2, 0).swapaxes(1, 2), color=plot.PALETTE[0], linewidth=1)
    ax.plot(*jnp.moveaxis(after[9:], 2, 0).swapaxes(1, 2), color=plot.PALETTE[1], linewidth=1)
    ax.set(title=name, aspect="equal")
plt.show()

# %% [markdown]
# After the matrix every line is straight, lines that were parallel are parallel, and every cell of the net has the
# same area: that of the old cell times $|\det W|$. Even the leaky ReLU, made of nothing but straight pieces, bends
# the lines that cross an axis; it treats the four quadrants as four different matrices would.

# %%
cell = np.asarray(straight)[:9]
sides = cell[1:, :-1] - cell[:-1, :-1], cell[:-1, 1:] - cell[:-1, :-1]
areas = np.abs(sides[0][..., 0] * sides[1][..., 1] - sides[0][..., 1] * sides[1][..., 0])
print(f"areas of cells: {areas.min():.5f} to {areas.max():.5f}")
print(f"0.75 * 0.1 * |det W| = {0.75 * 0.1 * abs(linalg.determinant(w)):.5f}")

# %% [markdown]
# ## Why networks need the bend
#
# Two matrices in a row are one matrix: $W_2 (W_1 p) = (W_2 W_1)\, p$. However many linear layers are stacked, the
# result is a single one. With a function between them it is not so, and that is all the power of depth. To see it
# we ask for the best matrix and shift, by least squares, that would do what two layers do to the net:

# %%
second = jnp.array([[0.5, 1.0], [-1.0, 0.7]])
flat = net.reshape(-1, 2)
with_ones = jnp.concatenate([flat, jnp.ones((len(flat), 1))], axis=1)
two_layers = {"nothing": linear(flat), **{name: f(linear(flat)) for name, f in bends.items()}}
best_fit, left_over = jax.jit(linalg.lstsq), {}
for name, hidden in two_layers.items():
    target = jnp.matmul(hidden, second.T, precision="highest")
    residual = best_fit(with_ones, target).residual.sum()
    left_over[name] = float(residual / ((target - target.mean(axis=0)) ** 2).sum())
    print(f"{name:11} between: one linear layer misses {left_over[name]:8.2%} of the variance")

# %% [markdown]
# ## The same in plain NumPy

# %%
numpy_image = np.linspace([-1.0, -2.0], [5.0, 8.0], 10) @ np.asarray(w, np.float64).T
numpy_sigmoid = 1 / (1 + np.exp(-numpy_image))
numpy_fit = np.linalg.lstsq(np.asarray(with_ones, np.float64), np.asarray(two_layers["ReLU"], np.float64), rcond=None)[
    0
]
print("first and last image:", numpy_image[0], numpy_image[-1])

# %% [markdown]
# ## What was claimed

# %%
gaps = np.diff(np.asarray(image), axis=0)
assert np.allclose(image, numpy_image, atol=1e-4)
assert np.allclose(gaps, gaps[0], atol=1e-4)  # equally far apart
assert off_the_line(line) < 1e-8
assert off_the_line(image) < 1e-8
assert min(off_the_line(points) for points in bent.values()) > 1e-4
assert np.allclose(bent["sigmoid"], numpy_sigmoid, atol=1e-4)
assert np.allclose(bent["ReLU"], np.maximum(numpy_image, 0), atol=1e-4)
assert jax.vmap(off_the_line)(straight).max() < 1e-8  # every line of the net
assert jax.vmap(off_the_line)(results["leaky ReLU"]).max() > 1e-4
assert np.allclose(areas, 0.075 * 0.65, rtol=1e-3)
assert np.isclose(linalg.determinant(w), 0.65, rtol=1e-4)
assert left_over["nothing"] < 1e-8
assert min(left_over[name] for name in bends) > 1e-3
ours = best_fit(with_ones, two_layers["ReLU"]).solution
assert np.allclose(ours, numpy_fit, atol=1e-3)
print("all claims hold")
