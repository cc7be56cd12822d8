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
# # C.1 Functions and their derivatives
#
# A function takes a number in and gives a number out. **How steep is it at a point, if all we can do is try it, and
# how well can a computer with seven digits know the answer?**

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
# ## Four functions, three ways to look at them
#
# $$\text{square}(x) = x^2, \qquad \text{ReLU}(x) = \max(x, 0), \qquad
# \text{leaky ReLU}(x) = \max(0.2\, x, x), \qquad \sigma(x) = \frac{1}{1 + e^{-x}} .$$
#
# That is the first way. The second is the curve, the third a small factory: a number goes in, another comes out.

# %%
functions = {
    "square": calculus.square,
    "ReLU": calculus.relu,
    "leaky\nReLU": calculus.leaky_relu,
    "sigmoid": calculus.sigmoid,
}
x = jnp.linspace(-3, 3, 301, dtype=jnp.float32)

# %%
fig, panels = plt.subplots(2, 4, figsize=(9.2, 3.1), height_ratios=(2, 1))
for (name, f), above, below in zip(functions.items(), *panels, strict=True):
    plot.curve(x, f(x), ax=above).set_title(name.replace("\n", " "))
    plot.factories([name], [-1.5, f(-1.5)], ax=below)
plt.show()

# %% [markdown]
# All four work *entry by entry*: given an array of any shape they treat each number for itself, so a million points
# cost one call.

# %%
table = jnp.array([[-2.0, -1.0, 0.0], [1.0, 2.0, 3.0]])
print(calculus.leaky_relu(table))

# %% [markdown]
# ## A slope from two values
#
# Step a little ahead, step a little back, and divide the rise by the run:
#
# $$f'(x) \approx \frac{f(x + \delta) - f(x - \delta)}{2 \delta} .$$
#
# The two steps in opposite directions are not for beauty. In the Taylor series of $f(x + \delta)$ and
# $f(x - \delta)$ every even term is the same and cancels in the difference, the curvature $f''$ among them. What
# remains is the slope and an error of second order,
#
# $$\frac{f(x + \delta) - f(x - \delta)}{2 \delta} = f'(x) + \frac{\delta^2}{6} f'''(x) + \dots$$
#
# A large step shows what happens: the line through the two outer points (orange) and the tangent (green) of the
# sigmoid at 1. In a notebook that you run, this figure has a slider for $\delta$.

# %%
middle, steepness = jax.value_and_grad(jax.nn.sigmoid)(1.0)


def two_values(delta):
    ends = jnp.array([1.0 - delta, 1.0 + delta])
    ax = plot.curve(x + 1, calculus.sigmoid(x + 1), label=None, ax=plt.figure(figsize=(4.6, 2.7)).gca())
    ax.axline((1, middle), slope=steepness, color=plot.PALETTE[2], linewidth=1.2)
    ax.plot(ends, calculus.sigmoid(ends), "o-", color=plot.PALETTE[1])


plot.sliders(two_values, delta=(0.05, 2.5, 2.0))
plt.show()

# %% [markdown]
# With $\delta = 0.001$, the step of `calculus.derivative`, no eye can tell the two apart.
#
# ## Against automatic differentiation
#
# `jax.grad` does not try values. It knows the derivative of every elementary operation and puts them together, so
# its result is as exact as the function itself. For one number in and one out it is called at one point;
# `jax.vmap` calls it at all of them.

# %%
exact = {name: jax.jit(jax.vmap(jax.grad(f)))(x) for name, f in functions.items()}
tried = {name: calculus.derivative(f, x) for name, f in functions.items()}
smooth = np.abs(np.asarray(x)) > 0.01
worst = {name: float(np.abs(np.asarray(tried[name] - exact[name]))[smooth].max()) for name in functions}
for name, error in worst.items():
    print(f"{name.replace(chr(10), ' '):10}  largest difference away from 0: {error:.1e}")

# %% [markdown]
# The slopes that differences find, drawn twice. On the left as pieces of tangents, on the right as dots, over the
# function (line) and the derivative by autodiff (dashes).

# %%
places = jnp.array([-2.0, 0.0, 2.0], jnp.float32)
fig, panels = plt.subplots(1, 4, figsize=(8.8, 2.4))
for name, length, ax in zip(("square", "sigmoid"), (3.0, 2.0), panels[:2], strict=True):
    plot.curve(x, functions[name](x), color="#a0a0a0", ax=ax).set_title(f"{name}, tangents")
    slopes = calculus.derivative(functions[name], places)
    plot.tangents(places, functions[name](places), slopes, length=length, ax=ax)
for name, ax in zip(("leaky\nReLU", "sigmoid"), panels[2:], strict=True):
    plot.curve(x, functions[name](x), slopes=exact[name], ax=ax).set_title(name.replace("\n", " "))
    ax.plot(x[::15], tried[name][::15], "o", color=plot.PALETTE[1], markersize=3.5)
plt.show()

# %% [markdown]
# Dots on dashes, with one exception. At 0 the two ReLUs have a kink: a slope on the left, another on the right, no
# derivative. The difference takes the mean of both sides; autodiff takes the rule that was written down for 0, here
# the slope on the left.

# %%
kink = {name: (float(calculus.derivative(f, 0.0)), float(jax.grad(f)(0.0))) for name, f in functions.items()}
for name in ("ReLU", "leaky\nReLU"):
    print(f"{name.replace(chr(10), ' '):10}  at 0: differences {kink[name][0]:.3f}, autodiff {kink[name][1]:.3f}")

# %% [markdown]
# ## Which step is best?
#
# The series above says: the smaller the better, the error falls with $\delta^2$. But a computer rounds. In float32
# each value of $f$ is off by up to $\epsilon |f|$ with $\epsilon \approx 6 \cdot 10^{-8}$, and the difference of
# two of them is divided by $2 \delta$. Together
#
# $$\text{error} \approx \underbrace{\frac{\epsilon\, |f|}{\delta}}_{\text{rounding}}
# + \underbrace{\frac{\delta^2}{6} |f'''|}_{\text{truncation}},$$
#
# and that has a minimum, near $\delta = \sqrt[3]{3 \epsilon |f| / |f'''|}$. Let us measure it for the sigmoid:
# 41 steps, 200 points, all at once by `jax.vmap`; the same in float64 with NumPy.

# %%
steps = np.logspace(-8, 0, 41)
points = np.linspace(-3, 3, 200, dtype=np.float32)
truth = 1 / (2 + np.exp(points.astype(float)) + np.exp(-points.astype(float)))
differences = jax.jit(jax.vmap(lambda delta: calculus.derivative(calculus.sigmoid, points, delta=delta)))
error32 = np.abs(np.asarray(differences(jnp.asarray(steps, jnp.float32))) - truth).mean(axis=1)

# %%
there, back = (1 / (1 + np.exp(-(points.astype(float) + sign * steps[:, None]))) for sign in (1, -1))
error64 = np.abs((there - back) / (2 * steps[:, None]) - truth).mean(axis=1)
third = truth * (1 - 6 * truth)  # the third derivative of the sigmoid, by its first
rounding, truncation = 6e-8 * 0.5 / steps, steps**2 / 6 * np.abs(third).mean()

# %%
fig, ax = plt.subplots(figsize=(5.4, 3.3))
ax.loglog(steps, error32, "o", color=plot.PALETTE[0], markersize=4.5, label="measured, float32")
ax.loglog(steps, error64, "s", color=plot.PALETTE[2], markersize=4, label="measured, float64")
ax.loglog(steps, rounding, "--", color=plot.PALETTE[0], linewidth=1, label="ε |f| / δ")
ax.loglog(steps, truncation, "--", color=plot.PALETTE[1], linewidth=1, label="δ² |f\u2034| / 6")
ax.axvline(1e-3, color="#808080", linewidth=1)
ax.text(1.3e-3, 1, "δ = 0.001")
ax.set(xlabel="step δ", ylabel="mean error of the slope", ylim=(1e-12, 30))
ax.legend(loc="lower right", fontsize=9)
plt.show()
best = steps[error32.argmin()]
print(f"best step in float32: {best:.0e} (error {error32.min():.0e}); in float64: {steps[error64.argmin()]:.0e}")

# %% [markdown]
# To the right of the valley mathematics is to blame, to the left the machine. In float32 a step of 0.001 costs a
# digit against the best one, and four digits remain; below $10^{-7}$ the step is lost in the rounding of
# $x + \delta$ itself, the two values are often equal, and the slope found is 0 or nonsense. Autodiff has no step
# and no valley.
#
# ## Functions in functions
#
# The output of one factory can go into the next: $f_2(f_1(x))$. `calculus.compose` takes a chain of any length,
# in the order in which the numbers pass through it.

# %%
chain = [calculus.leaky_relu, calculus.sigmoid, calculus.square]
values = [-1.5]
for f in chain:
    values.append(f(values[-1]))
plot.factories(["leaky\nReLU", "sigmoid", "square"], values)
plt.show()

# %% [markdown]
# The order matters: the square of a sigmoid is not the sigmoid of a square. And a chain can be long. Here the
# sigmoid is applied to itself again and again.

# %%
towers = [calculus.compose(*[calculus.sigmoid] * k) for k in range(1, 9)]
slopes = np.array([float(jax.grad(tower)(0.0)) for tower in towers])
limit = float(towers[-1](0.0))
print("after eight sigmoids, from -3, 0 and 3:", towers[-1](jnp.array([-3.0, 0.0, 3.0])))

# %%
ax = plt.figure(figsize=(4.6, 2.7)).gca()
for k in (1, 2, 3, 4):
    shade, label = plot.PALETTE[k - 1], f"{k} in a row, slope {slopes[k - 1]:.4f} at 0"
    plot.curve(x, towers[k - 1](x), color=shade, label=label, ax=ax)
ax.set(xlabel="x", ylim=(0, 1), title="chains of sigmoids")
ax.legend(loc="lower right", fontsize=9)
plt.show()

# %% [markdown]
# Wherever it starts, the chain ends at 0.659, the number with $\sigma(u) = u$. Every further link flattens the
# curve by $\sigma'(0.659) = 0.659 \cdot 0.341 \approx 0.22$. After eight links almost nothing is left of the slope.
# The rule behind this, that slopes of links *multiply*, is the subject of C.2; that deep chains of sigmoids forget
# their input is why networks prefer ReLUs.
#
# ## The same in plain NumPy

# %%
grid = np.asarray(x, np.float64)
numpy_values = [grid**2, np.maximum(grid, 0), np.maximum(0.2 * grid, grid), 1 / (1 + np.exp(-grid))]
numpy_slopes = [2 * grid, (grid > 0) * 1.0, np.where(grid > 0, 1.0, 0.2), np.exp(-grid) / (1 + np.exp(-grid)) ** 2]
by_numpy = np.gradient(numpy_values[3], grid)
print("largest error of numpy.gradient for the sigmoid:", np.abs(by_numpy - numpy_slopes[3])[1:-1].max().round(6))

# %% [markdown]
# `numpy.gradient` is the same central difference; it has only the values on the grid, so its step is the grid's.
#
# ## What was claimed

# %%
for (name, f), wanted, steepness in zip(functions.items(), numpy_values, numpy_slopes, strict=True):
    assert np.allclose(f(x), wanted, atol=1e-4), name
    assert np.allclose(np.asarray(exact[name])[smooth], steepness[smooth], atol=1e-4), name
    assert worst[name] < 2e-2, name
    assert np.allclose(f(table), np.stack([f(row) for row in table])), name  # entry by entry
assert np.allclose(kink["ReLU"], (0.5, 0.0), atol=1e-3)
assert np.allclose(kink["leaky\nReLU"], (0.6, 0.2), atol=1e-3)
assert 5e-4 < best < 0.2  # the valley of float32
assert error32[steps > 0.5][0] > 10 * error32.min()  # too large a step
assert error32[0] > 100 * error32.min()  # too small a step
assert np.allclose(error32[-5:], truncation[-5:], rtol=0.5)
assert 1e-6 < steps[error64.argmin()] < 1e-4
assert np.isclose(limit, 0.659, atol=1e-3)
assert np.allclose(slopes[3:] / slopes[2:-1], limit * (1 - limit), rtol=1e-2)
assert np.abs(by_numpy - numpy_slopes[3])[1:-1].max() < 1e-4
print("all claims hold")
