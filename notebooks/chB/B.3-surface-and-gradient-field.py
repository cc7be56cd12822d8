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
# # B.3 A surface and its field of gradients
#
# The function $f(x, y) = \sin x \sin y$ is a landscape of hills and hollows. **At every point of it, which way is
# up, how steep, and how well can the computer tell from heights on a grid?**

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

from jaxmath import calculus, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The surface
#
# Sixty points on each axis, from 0 to 5, and the height at each of the 3,600 pairs. In a notebook that you run the
# figure can be turned with the mouse.


# %%
def f(x, y):
    return jnp.sin(x) * jnp.sin(y)


x = jnp.linspace(0, 5, 60, dtype=jnp.float32)
heights = f(x[:, None], x[None, :])
print("grid", heights.shape, f" lowest {heights.min():.3f}, highest {heights.max():.3f}")

# %%
plot.surface(x, x, heights, interactive=True)
plt.show()

# %% [markdown]
# Two hills with their tops at $(\pi/2, \pi/2)$ and $(3\pi/2, 3\pi/2)$, two hollows beside them, and between the four,
# at $(\pi, \pi)$, a pass.
#
# ## The gradient at every point
#
# The two slopes, along $x$ and along $y$, form a vector that points uphill and is as long as the way is steep:
#
# $$\nabla f = \left( \frac{\partial f}{\partial x}, \frac{\partial f}{\partial y} \right)
# = (\cos x \sin y, \; \sin x \cos y) .$$
#
# `calculus.gradient_field` differentiates $f$ at every point of the grid; it needs the function. `numpy.gradient`
# takes differences between neighbours; it needs only the heights.

# %%
field = calculus.gradient_field(f, x, x)
by_differences = np.stack(
    np.gradient(np.asarray(heights, np.float64), np.asarray(x, np.float64), np.asarray(x, np.float64))
)
grid = np.meshgrid(np.asarray(x, np.float64), np.asarray(x, np.float64), indexing="ij")
exact = np.stack([np.cos(grid[0]) * np.sin(grid[1]), np.sin(grid[0]) * np.cos(grid[1])])
print("field", field.shape)

# %%
ax = plot.contours(x, x, heights, arrows=field, every=5, ax=plt.figure(figsize=(5.2, 4.2)).gca())
still = np.pi * np.array([[0.5, 0.5], [1.5, 1.5], [0.5, 1.5], [1.5, 0.5], [1, 1], [0, 1], [1, 0], [0, 0]])
ax.plot(*still.T, "o", color=plot.PALETTE[1], clip_on=False)
ax.set(xlabel="x", ylabel="y", title="the gradient, and where it is zero")
plt.show()

# %% [markdown]
# The arrows stand at right angles to the lines of equal height, for along these nothing changes. They lead away
# from the hollows and to the tops, are longest halfway up, and vanish at tops, hollows and passes (three more of which
# lie on the edge). To tell these
# three apart takes the second derivatives: the eigenvalues of the Hessian, both negative on a top, both positive
# in a hollow, one of each on a pass.

# %%
hessian = jax.jit(jax.hessian(lambda p: f(p[0], p[1])))
pi = np.pi
kinds = {"top": (pi / 2, pi / 2), "hollow": (pi / 2, 3 * pi / 2), "pass": (pi, pi)}
curvatures = {name: np.linalg.eigvalsh(hessian(jnp.array(p))) for name, p in kinds.items()}
for name, values in curvatures.items():
    print(f"{name:7} curvatures {values.round(3)}")

# %% [markdown]
# ## How good are the differences?
#
# Inside, `numpy.gradient` steps ahead and back; its error is $\frac{h^2}{6} |f'''|$ with the distance $h$ of the
# points. At the edge it can step to one side only and errs by $\frac{h}{2} |f''|$. The field by autodiff knows no
# $h$.

# %%
miss = np.abs(by_differences - exact).max(axis=0)
autodiff_miss = np.abs(np.asarray(field) - exact).max()
print(f"largest error: differences inside {miss[1:-1, 1:-1].max():.1e}, at the edge {miss.max():.1e};", end=" ")
print(f"autodiff {autodiff_miss:.1e}")

# %%
sizes = np.array([15, 30, 60, 120, 240])
axes = [np.linspace(0, 5, size) for size in sizes]
slopes = [np.gradient(np.sin(a)[:, None] * np.sin(a), a, axis=0) for a in axes]
misses = [np.abs(s - np.cos(a)[:, None] * np.sin(a)) for s, a in zip(slopes, axes, strict=True)]
inside, edge = [m[1:-1].max() for m in misses], [max(m[0].max(), m[-1].max()) for m in misses]
step = 5 / (sizes - 1)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.3))
shown = left.pcolormesh(x, x, np.log10(miss.T + 1e-12), cmap="viridis", vmin=-5, vmax=-1, rasterized=True)
fig.colorbar(shown, ax=left, label="power of ten")
left.set(xlabel="x", ylabel="y", title="error of numpy.gradient", aspect="equal")
right.loglog(step, edge, "s", color=plot.PALETTE[1], label="at the edge")
right.loglog(step, step / 2, "--", color=plot.PALETTE[1], linewidth=1, label="h / 2")
right.loglog(step, inside, "o", color=plot.PALETTE[0], label="inside")
right.loglog(step, step**2 / 6, "--", color=plot.PALETTE[0], linewidth=1, label="h² / 6")
right.set(
    xlabel="distance of the points h",
    title="error against the grid",
    xticks=[0.02, 0.1, 0.4],
    xticklabels=["0.02", "0.1", "0.4"],
)
right.minorticks_off()
right.legend(fontsize=9)
plt.show()

# %% [markdown]
# Four times as many points make the inside sixteen times as good and the edge only four times. Where there is a
# function, take its derivative; where there are only measurements, mind the edges.
#
# ## What was claimed

# %%
u = np.asarray(field, np.float64)
along = jax.jit(jax.vmap(lambda p, d: jax.jvp(lambda q: f(q[0], q[1]), (p,), (d,))[1]))
points = jnp.asarray(np.stack(grid, axis=-1).reshape(-1, 2), jnp.float32)
level = jnp.stack([-field[1], field[0]], axis=-1).reshape(-1, 2)  # the gradient, turned by a right angle
assert np.allclose(heights, np.sin(grid[0]) * np.sin(grid[1]), atol=1e-4)
assert autodiff_miss < 1e-4
assert np.abs(along(points, level)).max() < 1e-3  # along a level line nothing changes
assert np.allclose(along(points, jnp.moveaxis(field, 0, -1).reshape(-1, 2)), (u**2).sum(axis=0).ravel(), atol=1e-3)
assert miss[1:-1, 1:-1].max() < step[2] ** 2 / 6 * 1.01
assert 0.01 < miss.max() < step[2] / 2
assert np.allclose(np.array(inside[:-1]) / inside[1:], (step[:-1] / step[1:]) ** 2, rtol=0.1)
assert np.allclose(np.array(edge[:-1]) / edge[1:], step[:-1] / step[1:], rtol=0.25)
assert np.allclose(curvatures["top"], -1, atol=1e-3)
assert np.allclose(curvatures["hollow"], 1, atol=1e-3)
assert np.allclose(curvatures["pass"], (-1, 1), atol=1e-3)
print("all claims hold")
