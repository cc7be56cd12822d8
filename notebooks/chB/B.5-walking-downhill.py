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
# # B.5 Walking downhill
#
# On the surface $\sin x \sin y$ we stand at $(1.6, 1.7)$, close to the top of a hill, and walk against the gradient
# with steps of 0.1 times its length. **Where do we end, and how fast do we get there?**

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

from jaxmath import calculus, optimize, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The walk
#
# Each step is $p \leftarrow p - 0.1\, \nabla f(p)$. One hundred and fifty of them, in one compiled program that keeps
# the whole path.


# %%
def f(x, y):
    return jnp.sin(x) * jnp.sin(y)


rule = optimize.gradient_descent(0.1)
walk = jax.jit(lambda p: optimize.minimize(lambda p: f(p[0], p[1]), p, optimizer=rule, num_steps=150))
down = walk(jnp.array([1.6, 1.7]))
path = down.path
for step in (0, 10, 20, 40, 80, 150):
    print(f"step {step:3}: ({path[step, 0]:.4f}, {path[step, 1]:.4f}), height {down.losses[step]:.6f}")

# %%
x = jnp.linspace(0, 5, 60, dtype=jnp.float32)
heights = f(x[:, None], x[None, :])
lifted = np.column_stack([path, down.losses + 0.02])
plot.surface(x, x, heights, path=lifted[::5], interactive=True)
plt.show()

# %% [markdown]
# In a notebook that you run the surface can be turned with the mouse. On the map below the arrows are the gradient; the
# path goes against them.

# %%
field = calculus.gradient_field(f, x, x)
fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.9), width_ratios=(1.1, 1))
plot.contours(x, x, heights, arrows=field, every=6, path=path[::3], ax=left)
left.set(xlabel="x", ylabel="y", title="the way down")
plot.curve(np.arange(151), down.losses, label="height", ax=right)
steepness = jnp.linalg.norm(jax.vmap(jax.grad(lambda p: f(p[0], p[1])))(path), axis=1)
right.plot(steepness, "--", color=plot.PALETTE[1], label="steepness")
right.set(xlabel="step", title="height and steepness along the way")
right.legend()
plt.show()

# %% [markdown]
# The walk is slow near the top, where the slope is small, fast in the middle, and slow again near the bottom, where
# the slope fades out. It ends in the hollow at $(\pi/2, 3\pi/2)$: of the two nearest hollows the one on whose side of
# the top it began.
#
# Near the bottom the surface is a bowl with curvature 1 in each direction, so a step takes away a tenth of what is
# left: the distance shrinks by the factor 0.9 each time.

# %%
bottom = np.array([np.pi / 2, 3 * np.pi / 2])
distance = np.linalg.norm(np.asarray(path, np.float64) - bottom, axis=1)
shrinks = distance[61:81] / distance[60:80]
print("factor of each step, from step 60 to 80:", shrinks.round(4)[:5], "...")

# %% [markdown]
# ## From other starts
#
# The same program walks from many points at once, by `jax.vmap`. Each start is drawn in the colour of the hollow that
# it leads to, four of which lie beyond the map. Crosses never get to a bottom: on the diagonal both slopes are the
# same, so the walk stays on it and ends on a pass, where the slope is zero and the ground falls off to both sides. One
# step beside the diagonal and it rolls down.

# %%
grid = jnp.stack(jnp.meshgrid(jnp.linspace(0.2, 4.9, 21), jnp.linspace(0.2, 4.9, 21)), axis=-1).reshape(-1, 2)
ends = jax.vmap(walk)(grid).params
depth = f(ends[:, 0], ends[:, 1])
arrived = np.asarray(depth < -0.99)
kinds = np.unique(np.asarray(ends)[arrived].round(0), axis=0, return_inverse=True)[1].ravel()
fig, ax = plt.subplots(figsize=(5, 4.2))
ax.scatter(*grid[arrived].T, c=np.array(plot.PALETTE)[kinds], s=24)
ax.plot(*grid[~arrived].T, "x", color="#808080", markersize=5)
ax.plot(*path.T, color="#404040", linewidth=1.5)
ax.set(xlabel="x", ylabel="y", title="which hollow a start leads to", aspect="equal")
plt.show()
print(f"{len(set(kinds.tolist()))} hollows; {arrived.sum()} of {len(grid)} walks at the bottom of one")

# %% [markdown]
# ## The same in plain NumPy

# %%
point = np.array([1.6, 1.7])
for _ in range(150):
    point -= 0.1 * np.array([np.cos(point[0]) * np.sin(point[1]), np.sin(point[0]) * np.cos(point[1])])
print("after 150 steps:", point, " jaxmath:", path[-1])

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(path[-1], point, atol=1e-4)
assert np.allclose(path[-1], bottom, atol=1e-3)
assert (np.diff(np.asarray(down.losses)) <= 1e-6).all()  # never uphill
assert np.isclose(down.losses[-1], -1, atol=1e-5)
assert np.allclose(shrinks, 0.9, atol=5e-3)
assert len(set(kinds.tolist())) == 6
assert (~arrived == np.isclose(grid[:, 0], grid[:, 1])).all()  # only the diagonal misses
print("all claims hold")
