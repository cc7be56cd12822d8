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
# # 3.4.1 Gradient descent: a line through a hundred points
#
# Somebody measured a hundred pairs $(x, y)$. They lie near a line, but each measurement is a little off. **Which line
# is it, and how can a machine find it that knows nothing but how wrong it is at the moment?**

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

from jaxmath import optimize, plot, regression

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The data
#
# The truth, which the machine is not told, is $y = 1.5\, x + 2.73$, plus noise of standard deviation 0.4.

# %%
places, noise = jax.random.split(jax.random.key(0))
x = jax.random.normal(places, (100,), jnp.float32)
y = 1.5 * x + 2.73 + 0.4 * jax.random.normal(noise, (100,), jnp.float32)
print("points:", x.shape[0], f"  y from {y.min():.2f} to {y.max():.2f}")

# %% [markdown]
# ## How wrong is a line?
#
# A line has two parameters, the slope $w$ and the height $b$ at $x = 0$. It misses point $i$ by
# $r_i = w x_i + b - y_i$. One number says how bad it is altogether, the mean of the squares:
#
# $$L(w, b) = \frac{1}{n} \sum_i (w x_i + b - y_i)^2 .$$
#
# What happens to $L$ if $w$ or $b$ is changed a little? By the chain rule each square contributes $2 r_i$ times the
# change of $r_i$, which is $x_i$ for $w$ and 1 for $b$:
#
# $$\frac{\partial L}{\partial w} = \frac{2}{n} \sum_i r_i x_i, \qquad
# \frac{\partial L}{\partial b} = \frac{2}{n} \sum_i r_i .$$


# %%
def loss(params):
    return jnp.mean((params[0] * x + params[1] - y) ** 2)


def gradient_by_hand(params):
    left = params[0] * x + params[1] - y
    return 2 * jnp.stack([jnp.mean(left * x), jnp.mean(left)])


start = jnp.array([-1.0, 0.5])
by_hand, by_autodiff = gradient_by_hand(start), jax.grad(loss)(start)
print(f"loss at the start {loss(start):.4f}\ngradient by hand {by_hand}, by autodiff {by_autodiff}")

# %% [markdown]
# Both gradients are the same. The one by hand took some thought; the other is `jax.grad(loss)`, and will be as easy
# for a loss with a million parameters.
#
# ## Downhill
#
# The gradient points to where the loss grows fastest. So take a small step the other way, and again from there:
#
# $$\begin{pmatrix} w \\ b \end{pmatrix} \leftarrow \begin{pmatrix} w \\ b \end{pmatrix} - \eta \, \nabla L(w, b) .$$
#
# The rate $\eta$ is the size of the steps; here it is 0.01. `optimize.minimize` does it a thousand times and keeps
# every point on the way.

# %%
descend = jax.jit(
    lambda rate, start: optimize.minimize(loss, start, optimizer=optimize.gradient_descent(rate), num_steps=999)
)
found = descend(0.01, start)
print(f"after {found.num_steps} steps: w = {found.params[0]:.4f}, b = {found.params[1]:.4f}, ", end="")
print(f"loss {found.losses[-1]:.4f}")

# %%
shown = (0, 50, 100, 999)
fig, panels = plt.subplots(1, 4, figsize=(11, 2.9), sharey=True)
ends = jnp.array([x.min(), x.max()])
for ax, step in zip(panels, shown, strict=True):
    w, b = found.path[step]
    plot.scatter(jnp.stack([x, y], axis=1), size=12, ax=ax)
    plot.curve(ends, w * ends + b, color=plot.PALETTE[1], label=None, ax=ax)
    ax.set(title=f"step {step}: loss {found.losses[step]:.3f}", xlabel="x", ylabel="y" if step == 0 else "")
    ax.set_aspect("auto")
plt.show()

# %% [markdown]
# After fifty steps the line points the right way, after a hundred it is nearly there, and the remaining nine hundred
# are polish.
#
# ## The landscape
#
# A line is a point of the plane of $(w, b)$, and the loss is a height above it. All of descent happens on this
# bowl. The arrows on the right are the gradient; the path is at right angles to the lines of equal height and runs
# against the arrows.

# %%
slopes, heights = jnp.linspace(-1.5, 4, 56), jnp.linspace(0, 5.5, 56)
bowl = jax.vmap(lambda w: jax.vmap(lambda b: loss(jnp.array([w, b])))(heights))(slopes)
arrows = jax.vmap(lambda w: jax.vmap(lambda b: jax.grad(loss)(jnp.array([w, b])))(heights))(slopes)
some = found.path[jnp.array([0, 5, 10, 15, 20, 30, 40, 50, 70, 100, 150, 999])]
on_bowl = jnp.column_stack([some, jax.vmap(loss)(some) + 0.15])
fig = plt.figure(figsize=(10.5, 4.2))
solid = fig.add_subplot(1, 2, 1, projection="3d", elev=42, azim=35)
plot.surface(slopes, heights, bowl, path=on_bowl, labels=("w", "b", "loss"), ax=solid)
flat = fig.add_subplot(1, 2, 2)
plot.contours(slopes, heights, bowl, arrows=jnp.moveaxis(arrows, -1, 0), every=8, path=some, ax=flat)
flat.set(xlabel="w", ylabel="b", title="the way from above")
plt.show()

# %% [markdown]
# ## How large a step?
#
# The bowl is a parabola. Along a direction in which it has curvature $h$, one step multiplies the distance to the
# bottom by $1 - \eta h$. Small $\eta$: slow. Above $2 / h$ the factor is below $-1$: every step ends farther away, on
# the other side. The rates are numbers to the compiled program, so all of them run at once, by `jax.vmap`, in one
# program.

# %%
curvature = np.linalg.eigvalsh(jax.hessian(loss)(start))
rates = jnp.array([0.001, 0.01, 0.1, 0.9 * 2 / curvature[-1], 1.02 * 2 / curvature[-1]], jnp.float32)
sweep = jax.vmap(descend, in_axes=(0, None))(rates, start)
fig, ax = plt.subplots(figsize=(6.2, 3.4))
for rate, losses, color in zip(rates, sweep.losses, plot.PALETTE, strict=False):
    ax.plot(losses[:301], color=color, label=f"rate {rate:.3f}")
ax.set(yscale="log", ylim=(0.1, 1e3), xlabel="step", ylabel="loss", title=f"curvatures {curvature.round(2)}")
ax.legend(fontsize=9)
plt.show()
print(f"the limit is 2 / {curvature[-1]:.2f} = {2 / curvature[-1]:.3f}; above it the loss after 999 steps is", end=" ")
print(f"{sweep.losses[-1, -1]:.1e}")

# %% [markdown]
# ## Without steps
#
# For a line the bottom of the bowl has a formula, and `regression.linear` computes it. Descent needs no formula: it
# would go down any landscape. Here both must meet, and neither finds (1.5, 2.73) exactly: with a hundred noisy points
# nobody can, the mean error is about $0.4 / \sqrt{100}$.

# %%
line = regression.linear(x[:, None], y)
print(f"closed form: w = {line.weights[0]:.4f}, b = {line.intercept:.4f}")

# %% [markdown]
# ## The same in plain NumPy

# %%
xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
numpy_path = [np.array([-1.0, 0.5])]
for _ in range(999):
    left = numpy_path[-1][0] * xs + numpy_path[-1][1] - ys
    numpy_path.append(numpy_path[-1] - 0.01 * 2 * np.array([(left * xs).mean(), left.mean()]))
print("NumPy's loop ends at", numpy_path[-1].round(4))

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(by_hand, by_autodiff, rtol=1e-5)
assert np.allclose(found.path, numpy_path, atol=1e-4)
assert np.allclose(found.params, [line.weights[0], line.intercept], atol=1e-4)
assert np.allclose(found.params, (1.5, 2.73), atol=0.12)
assert (np.diff(found.losses[:300]) < 0).all()  # every step goes down
assert np.isclose(found.losses[50], loss(found.path[50]), rtol=1e-5)
assert found.losses[100] - found.losses[-1] < 0.05 * (found.losses[0] - found.losses[-1])  # nearly there
assert bowl.min() >= found.losses[-1] - 1e-4
best = found.losses[-1]
assert sweep.losses[0, 300] > sweep.losses[1, 300] > sweep.losses[2, 100] - 1e-6  # small rates are slow
assert np.isclose(sweep.losses[3, -1], best, rtol=1e-4)  # below the limit
assert sweep.losses[4, -1] > 100 * sweep.losses[4, 0]  # above it
print("all claims hold")
