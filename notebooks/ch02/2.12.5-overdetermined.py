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
# # 2.12.5 Overdetermined systems: the cat's brain
#
# Fifteen encounters, each with a hardness, a sharpness and the threat that it turned out to be; a linear model has
# three unknowns. **No plane goes through all fifteen points. Which one is the best, and how is it found?**
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

from jaxmath import data, linalg, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## More equations than unknowns
#
# The model is $y = w_0\, \text{hardness} + w_1\, \text{sharpness} + w_2$. Each encounter is a row of the matrix $X$,
# with a 1 at its end for $w_2$, and $X w = y$ is a system of 15 equations.

# %%
features, y = data.cat_brain()
x = jnp.hstack([features, jnp.ones((15, 1))])
print("X:", x.shape, "of rank", linalg.rank(x), "  (X, y) of rank", linalg.rank(jnp.hstack([x, y[:, None]])))

# %% [markdown]
# $y$ adds a direction of its own to the columns of $X$: the rank goes up to 4. So no $w$ solves the system. What one
# can do is to make the errors small together. One call answers with the $w$ that does:

# %%
w = jnp.matmul(linalg.pseudo_inverse(x), y, precision="highest")
fitted = jnp.matmul(x, w, precision="highest")
loss = jnp.sum((fitted - y) ** 2)
print("w =", w, f"  sum of squared errors {loss:.5f}")

# %%
corners = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
heights = jnp.matmul(corners, w[:2], precision="highest") + w[2]
sheet = np.asarray(jnp.hstack([corners, heights[:, None]])).T.reshape(3, 2, 2)
seen, on_plane = (jnp.hstack([features, z[:, None]]) for z in (y, fitted))
fig = plt.figure(figsize=(10, 4.5))
solid = fig.add_subplot(1, 2, 1, projection="3d", elev=18, azim=-68, computed_zorder=False)
solid.plot_surface(*sheet, color=plot.PALETTE[4], alpha=0.3, linewidth=0, shade=False, zorder=0)
plot.residuals(seen, on_plane, color=plot.PALETTE[1], ax=solid)
solid.scatter(*seen.T, s=30, depthshade=False)
solid.set(xlabel="hardness", ylabel="sharpness", zlabel="threat", title="fifteen encounters and the plane")
solid.set_aspect("auto")
solid.locator_params(nbins=5)
side = fig.add_subplot(1, 2, 2)
side.plot([-1.1, 1.1], [-1.1, 1.1], color="#808080", linewidth=1)
plot.residuals(jnp.stack([fitted, y], axis=1), jnp.stack([fitted, fitted], axis=1), color=plot.PALETTE[1], ax=side)
plot.scatter(jnp.stack([fitted, y], axis=1), size=28, ax=side)
side.set(xlabel="threat by the model", ylabel="threat as it was", title="the residuals")
plt.show()

# %% [markdown]
# Soft and blunt things lie at -1 (come near), hard and sharp ones at +1 (run), and a thing that is only one of the two
# near 0 (leave it alone). The short lines are the residuals, $y_i - (X w)_i$. One of them is long: the cat has found
# the thing with features (0.63, 0.24) worse than its plane can say.
#
# ## Why the normal equations
#
# Think of $y$ not as 15 numbers but as *one* point in a space of 15 dimensions. Whatever $w$ is, $X w$ is a mixture of
# the three columns of $X$ and lies in the flat space that they span. The nearest point of a flat space is the foot of
# the perpendicular. There, what is left over stands at right angles to every column:
#
# $$X^\top (y - X w) = 0 \quad \Longleftrightarrow \quad X^\top X\, w = X^\top y .$$
#
# These are the *normal equations*, three for three unknowns. Fifteen dimensions cannot be drawn, but three can: three
# equations, two unknowns, the two columns as arrows.

# %%
small_x, small_y = jnp.array([[1.0, 0.2], [0.3, 1.0], [0.1, 0.2]]), jnp.array([0.7, 0.8, 1.0])
small_w = linalg.lstsq(small_x, small_y).solution
foot = jnp.matmul(small_x, small_w, precision="highest")
grid = jnp.array([[-0.15, -0.15], [-0.15, 1.15], [1.15, -0.15], [1.15, 1.15]])
floor = np.asarray(jnp.matmul(grid, small_x.T, precision="highest")).T.reshape(3, 2, 2)
fig = plt.figure(figsize=(6.4, 4.6))
ax = fig.add_subplot(projection="3d", elev=14, azim=-62, computed_zorder=False)
ax.plot_surface(*floor, color=plot.PALETTE[5], alpha=0.3, linewidth=0, shade=False, zorder=0)
shades = [plot.PALETTE[i] for i in (0, 0, 7, 2)]
arrows = jnp.stack([small_x[:, 0], small_x[:, 1], small_y, foot])
plot.vectors(arrows, labels=["column 1", "column 2", "y", "X w"], colors=shades, ax=ax)
plot.vectors((small_y - foot)[None], origins=foot, colors=[plot.PALETTE[1]], ax=ax)
ax.text(*np.asarray(small_y + foot) / 2 + np.array([0.06, 0, 0]), "  y - X w", color=plot.PALETTE[1])
ax.set(xlabel="equation 1", ylabel="equation 2", zlabel="equation 3")
ax.locator_params(nbins=4)
plt.show()
print("columns . residual:", np.asarray(jnp.matmul(small_x.T, small_y - foot, precision="highest")).round(6) + 0.0)

# %% [markdown]
# Calculus says the same. The gradient of $L(w) = \|X w - y\|^2$ is $2 X^\top (X w - y)$; it is 0 exactly where the
# normal equations hold. And by Pythagoras any other $w + h$ costs more, $L(w + h) = L(w) + \|X h\|^2$: the loss is a
# bowl. Here is a section of it in the plane of $w_0$ and $w_1$, with $w_2$ always the best for them:


# %%
def best_loss(pair):
    left = y - jnp.matmul(features, pair, precision="highest")
    return jnp.sum((left - left.mean()) ** 2)


first, second = jnp.meshgrid(jnp.linspace(0.2, 1.9, 60), jnp.linspace(0.1, 1.7, 60))
bowl = jax.vmap(best_loss)(jnp.stack([first.ravel(), second.ravel()], axis=1)).reshape(60, 60)
gradient = jax.grad(lambda w: jnp.sum((jnp.matmul(x, w, precision="highest") - y) ** 2))(w)
fig, ax = plt.subplots(figsize=(5.8, 4.4))
levels = ax.contour(first, second, bowl, levels=[0.25, 0.3, 0.4, 0.6, 0.9, 1.3], cmap="viridis_r", linewidths=1.4)
ax.clabel(levels, fontsize=9)
white = {"facecolor": "white", "edgecolor": "none", "pad": 1}
ax.plot(*w[:2], "o", color=plot.PALETTE[1])
ax.text(w[0] + 0.04, w[1] + 0.04, f"w, loss {loss:.4f}", color=plot.PALETTE[1], bbox=white)
ax.set(xlabel="w₀, weight of hardness", ylabel="w₁, weight of sharpness", aspect="equal")
plt.show()
print("gradient at w:", gradient)

# %% [markdown]
# ## Three roads to the same w
#
# If the columns are independent, $X^\top X$ has an inverse and
#
# $$w = (X^\top X)^{-1} X^\top y = X^+ y .$$
#
# $X^+$ is the *pseudo inverse*: a matrix of shape $3 \times 15$ with $X^+ X = I$. (The other product, $X X^+$, is not
# $I$ but the projection onto the columns.) `linalg.lstsq` solves the problem by singular values, by an orthogonal
# factor $X = Q R$, or by the normal equations themselves. The last squares the condition of $X$: its error grows with
# the square. For this matrix it does not matter; let us make one for which it does, by adding a nearly equal copy of
# the first column.

# %%
condition, squared = linalg.condition_number(x), linalg.condition_number(jnp.matmul(x.T, x, precision="highest"))
print(f"condition of X: {condition:.2f}, of its square: {squared:.2f}")
copies = jnp.hstack([x, x[:, :1] + 3e-3 * jnp.sin(9 * jnp.arange(15.0))[:, None]])
wanted = jnp.array([1.0, 1.0, -1.0, 1.0])
right_side = jnp.matmul(copies, wanted, precision="highest")
print(f"condition with a near copy: {linalg.condition_number(copies):.0f}")
roads = {}
for method in ("svd", "qr", "normal"):
    roads[method] = linalg.lstsq(x, y, method=method).solution
    error = jnp.abs(linalg.lstsq(copies, right_side, method=method).solution - wanted).max()
    print(f"{method:>6}: w = {roads[method]}   error with the near copy {error:.1e}")

# %% [markdown]
# ## What does the cat make of new things?
#
# A mouse (soft, blunt), a thistle (in between, sharp), a hammer, a saw: a score below -0.4 says come near, one
# above 0.4 says run.

# %%
new = {"mouse": (0.1, 0.05), "thistle": (0.35, 0.9), "hammer": (0.95, 0.1), "saw": (0.9, 0.95)}
scores = {name: float(w[0] * hardness + w[1] * sharpness + w[2]) for name, (hardness, sharpness) in new.items()}
for name, score in scores.items():
    print(f"{name:>8}: {score:+.2f}", "come near" if score < -0.4 else "run" if score > 0.4 else "leave it alone")

# %% [markdown]
# ## The same in plain NumPy

# %%
design, target = np.asarray(x, np.float64), np.asarray(y, np.float64)
numpy_w, numpy_loss, _, _ = np.linalg.lstsq(design, target)
by_normal = np.linalg.solve(design.T @ design, design.T @ target)
print("w =", numpy_w, " by the normal equations:", by_normal)

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(w, [1.0766, 0.8976, -0.9582], atol=1e-4)
assert np.isclose(loss, 0.21724, atol=1e-5)
assert np.allclose(w, numpy_w, atol=1e-5)
assert np.allclose(by_normal, numpy_w)
assert np.isclose(loss, numpy_loss[0], rtol=1e-4)
assert all(np.allclose(solution, numpy_w, atol=1e-4) for solution in roads.values())
assert np.allclose(linalg.pseudo_inverse(x), np.linalg.pinv(design), atol=1e-5)
assert np.allclose(jnp.matmul(linalg.pseudo_inverse(x), x, precision="highest"), np.eye(3), atol=1e-5)
assert linalg.rank(x) == 3
assert linalg.rank(jnp.hstack([x, y[:, None]])) == 4  # y lies outside: no exact solution
assert np.abs(jnp.matmul(x.T, y - fitted, precision="highest")).max() < 1e-5  # the normal equations
assert np.abs(jnp.matmul(small_x.T, small_y - foot, precision="highest")).max() < 1e-5
assert np.abs(gradient).max() < 1e-4
assert bowl.min() >= loss
step = jnp.array([0.1, -0.2, 0.05])
farther = jnp.sum((jnp.matmul(x, w + step, precision="highest") - y) ** 2)
assert np.isclose(farther, loss + jnp.sum(jnp.matmul(x, step, precision="highest") ** 2), atol=1e-5)  # Pythagoras
assert np.isclose(squared, condition**2, rtol=1e-3)
assert scores["mouse"] < -0.4
assert scores["saw"] > 0.4
assert max(abs(scores["thistle"]), abs(scores["hammer"])) < 0.4
print("all claims hold")
