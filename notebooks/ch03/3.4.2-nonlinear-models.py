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
# # 3.4.2 Non-linear models: when a line is not enough
#
# A machine that can draw lines only is shown points of a parabola. **How does it look when the model is too poor, what
# does one more parameter change, and why does descent now need 200,000 steps?**

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
# Eighty points of $y = x^2 - x + 2$ between -2 and 4, each off by noise of standard deviation 0.3.

# %%
x = jnp.linspace(-2, 4, 80, dtype=jnp.float32)
y = x**2 - x + 2 + 0.3 * jax.random.normal(jax.random.key(1), (80,), jnp.float32)
print(f"y from {y.min():.2f} to {y.max():.2f}")

# %% [markdown]
# ## A line fails
#
# The loss is again the mean of the squared errors. A polynomial with the coefficients $c_0, c_1, \dots$ predicts
# $c_0 + c_1 x + c_2 x^2 + \dots$; a line is one with two of them. The descent is that of section 3.4.1.


# %%
def loss(coefficients):
    return jnp.mean((jnp.polyval(coefficients[::-1], x) - y) ** 2)


fit_line = jax.jit(
    lambda: optimize.minimize(loss, jnp.zeros(2), optimizer=optimize.gradient_descent(0.01), num_steps=3000)
)
line = fit_line()
print(f"the line {line.params[0]:.3f} + {line.params[1]:.3f} x has a loss of {line.losses[-1]:.3f}")

# %% [markdown]
# The descent has arrived: the gradient there is zero. It is the *model* that cannot do better. One sees it in the
# errors, which are not scattered about 0 but follow a curve of their own.
#
# ## A parabola fits
#
# The model $c_0 + c_1 x + c_2 x^2$ is not linear in $x$. In the coefficients it still is, so the loss is a bowl once
# more, in three dimensions. This time the machine takes small steps, and many: 200,000 at the rate 0.0002. In one
# compiled loop that is a matter of a second. Every hundredth point is kept.

# %%
every, rate, num_steps = 100, 2e-4, 200_000
descend = jax.jit(
    lambda rule_rate: optimize.minimize(
        loss,
        jnp.zeros(3),
        optimizer=optimize.gradient_descent(rule_rate),
        num_steps=num_steps,
        record_every=every,
    )
)
found = descend(rate)
print(f"after {found.num_steps} steps: {found.params}, loss {found.losses[-1]:.4f}, of the noise {0.3**2:.4f}")

# %%
grid = jnp.linspace(-2.2, 4.2, 100)
fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.6))
plot.scatter(jnp.stack([x, y], axis=1), size=12, ax=left)
plot.curve(grid, jnp.polyval(line.params[::-1], grid), color=plot.PALETTE[7], label="line", ax=left)
for i, step in enumerate((200, 1000, 5000, 200_000)):
    curve = jnp.polyval(found.path[step // every][::-1], grid)
    plot.curve(grid, curve, color=plt.colormaps["autumn"](0.8 - 0.25 * i), label=f"parabola, step {step}", ax=left)
left.set(xlabel="x", ylabel="y", title="what is learnt")
left.set_aspect("auto")
left.legend(fontsize=8)
for params, color, label in ((line.params, plot.PALETTE[7], "line"), (found.params, plot.PALETTE[1], "parabola")):
    right.plot(x, y - jnp.polyval(params[::-1], x), ".", color=color, label=label)
right.axhline(0, color="#808080", linewidth=1)
right.set(xlabel="x", ylabel="y - prediction", title="what is left")
right.legend(fontsize=9)
plt.show()

# %% [markdown]
# ## Why so many steps?
#
# Along a direction of the bowl with curvature $h$ one step multiplies what is missing by $1 - \eta h$. The curvatures
# are the eigenvalues of the matrix of second derivatives, and since $x^2$ goes up to 16 they differ widely. The
# largest one sets a limit to the rate, $2 / h_{\max}$; the smallest one then sets the pace.

# %%
curvature, directions = np.linalg.eigh(np.asarray(jax.hessian(loss)(jnp.zeros(3)), np.float64))
exact = regression.polynomial(x, y, 2).coefficients
missing = np.abs((np.asarray(found.path) - np.asarray(exact)) @ directions)
print("curvatures", curvature.round(3), f" ratio {curvature[-1] / curvature[0]:.0f}")
print("steps to a thousandth, along each:", (np.log(1e-3) / np.log1p(-rate * curvature)).round())

# %%
steps = every * np.arange(len(missing))
fig, ax = plt.subplots(figsize=(6.2, 3.5))
for i in range(3):
    ax.loglog(steps[1:], missing[1:, i], color=plot.PALETTE[i], label=f"curvature {curvature[i]:.2f}")
    predicted = missing[0, i] * (1 - rate * curvature[i]) ** steps[1:]
    ax.loglog(steps[1:], predicted, ":", color="black", linewidth=1, label="predicted" if i == 0 else None)
ax.set(ylim=(1e-6, 10), xlabel="step", ylabel="distance from the best", title="three directions, three speeds")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# The dotted lines are the prediction. The lines leave it only where float32 has no more digits: a step of 0.0002 times
# a small gradient is less than half a unit in the last place of the coefficient, and the sum is the old coefficient.
#
# ## Faster
#
# Nothing demands small steps. The largest sensible rate gains a factor of a hundred, momentum (section 9.2.4) more,
# and Newton's method, which divides by each curvature, needs a single step on a bowl.


# %%
def to_a_thousandth(rule):
    path = jax.jit(lambda: optimize.minimize(loss, jnp.zeros(3), optimizer=rule, num_steps=4000).path)()
    return int(np.argmax(np.abs(path - exact).max(axis=1) < 1e-3))


largest = 1.9 / float(curvature[-1])
taken = {"rate 0.0002": int(every * np.argmax(np.abs(found.path - exact).max(axis=1) < 1e-3))}
taken["the largest rate"] = to_a_thousandth(optimize.gradient_descent(largest))
taken["Nesterov's momentum"] = to_a_thousandth(optimize.nesterov(largest / 2, 0.85))
newton = optimize.newton(loss, jnp.zeros(3), num_steps=9, tol=1e-3)
taken["Newton"] = int(newton.num_steps)
for name, count in taken.items():
    print(f"{name:>20}: {count:6} steps")

# %% [markdown]
# ## The same in plain NumPy
#
# NumPy solves the least squares problem at once. Its loop of descent is shown for the first 2,000 steps.

# %%
xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
powers = np.stack([np.ones_like(xs), xs, xs**2], axis=1)
numpy_exact = np.linalg.lstsq(powers, ys)[0]
c = np.zeros(3)
for _ in range(2000):
    c = c - rate * 2 * powers.T @ (powers @ c - ys) / len(xs)
print("least squares:", numpy_exact.round(4), " after 2,000 steps:", c.round(4), "here", found.path[2000 // every])

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(found.params, (2, -1, 1), atol=0.12)
assert np.allclose(found.params, numpy_exact, atol=2e-3)
assert np.allclose(exact, numpy_exact, atol=1e-4)
assert np.allclose(found.path[2000 // every], c, atol=1e-4)
assert found.num_steps == num_steps
assert line.losses[-1] > 50 * found.losses[-1]  # a line fails
assert np.abs(jax.grad(loss)(line.params)).max() < 1e-3  # although its descent has arrived
errors = np.asarray(y - jnp.polyval(line.params[::-1], x))
assert np.corrcoef(errors[1:], errors[:-1])[0, 1] > 0.9  # neighbours err alike: a curve
errors = np.asarray(y - jnp.polyval(found.params[::-1], x))
assert abs(np.corrcoef(errors[1:], errors[:-1])[0, 1]) < 0.3  # noise
early = (steps > 0) & (steps <= 5000)
predicted = missing[0] * (1 - rate * curvature) ** steps[early, None]
assert np.allclose(missing[early], predicted, rtol=0.02, atol=1e-4)
assert taken["Newton"] <= 2
assert taken["rate 0.0002"] > 30 * taken["the largest rate"]
assert taken["the largest rate"] > 2 * taken["Nesterov's momentum"] > 0
print("all claims hold")
