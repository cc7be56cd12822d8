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
# # C.3 Linear regression, the first model that learns
#
# A chain of functions with numbers in it that can be changed, a loss at its end, and the chain rule to tell which way
# to change them: that is supervised learning. **Its smallest example is a straight line.** We fit one in three ways,
# and they must agree.

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

from jaxmath import losses, optimize, plot, regression

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Data, model, loss
#
# Sixty points near a line. The model is $\hat y = w x + b$, the loss $L = \frac1n \sum_i (w x_i + b - y_i)^2$.


# %%
def loss(params):
    return losses.squared_error(params["w"] * x + params["b"], y).mean()


key_x, key_noise = jax.random.split(jax.random.key(4))
x = jax.random.uniform(key_x, (60,), minval=-2.0, maxval=3.0)
y = 0.8 * x - 0.5 + 0.4 * jax.random.normal(key_noise, (60,))
start = {"w": jnp.array(-1.0), "b": jnp.array(2.0)}
print(f"loss at the start {loss(start):.4f}")

# %% [markdown]
# ## The chain rule
#
# The loss is a chain: $x \to w x + b = \hat y \to \hat y - y = r \to r^2 \to$ mean. Backwards through it,
#
# $$\frac{\partial L}{\partial \hat y_i} = \frac{2 r_i}{n}, \qquad
# \frac{\partial L}{\partial w} = \sum_i \frac{2 r_i}{n} x_i, \qquad
# \frac{\partial L}{\partial b} = \sum_i \frac{2 r_i}{n} .$$

# %%
residual = start["w"] * x + start["b"] - y
by_hand = {"w": (2 * residual * x).mean(), "b": (2 * residual).mean()}
by_autodiff = jax.grad(loss)(start)
for name in ("w", "b"):
    print(f"slope in {name}: by hand {by_hand[name]:.5f}, by autodiff {by_autodiff[name]:.5f}")

# %% [markdown]
# ## Descent

# %%
rule = optimize.gradient_descent(0.1)
fit = jax.jit(lambda start: optimize.minimize(loss, start, optimizer=rule, num_steps=200))(start)
closed = regression.linear(x[:, None], y)
print(f"descent:     w = {fit.params['w']:.5f}, b = {fit.params['b']:.5f}, loss {fit.losses[-1]:.6f}")
print(f"closed form: w = {closed.weights[0]:.5f}, b = {closed.intercept:.5f}, loss {closed.residual / 60:.6f}")

# %%
w_axis, b_axis = jnp.linspace(-1.5, 2.0, 80), jnp.linspace(-2.0, 2.5, 80)
bowl = jax.vmap(lambda w: jax.vmap(lambda b: loss({"w": w, "b": b}))(b_axis))(w_axis)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9))
plot.scatter(jnp.stack([x, y], axis=1), color="#8fbcd9", ax=left)
line = jnp.array([-2.0, 3.0])
for step, shade in zip((0, 2, 5, 200), (0.25, 0.45, 0.65, 1.0), strict=True):
    w, b = fit.path["w"][step], fit.path["b"][step]
    left.plot(line, w * line + b, color=plot.PALETTE[1], alpha=shade, label=f"step {step}")
left.set(xlabel="x", ylabel="y", title="the line as it turns", aspect="auto")
left.legend()
plot.contours(w_axis, b_axis, jnp.log(bowl), path=jnp.stack([fit.path["w"], fit.path["b"]], axis=1), ax=right)
right.set(xlabel="w", ylabel="b", title="logarithm of the loss, and the way")
plt.show()

# %% [markdown]
# The loss of a linear model is a bowl, so there is one lowest point and descent cannot miss it. In the closed form it
# is found at once, where both slopes are zero.
#
# ## The same in plain NumPy

# %%
slope, intercept = np.polyfit(np.asarray(x, np.float64), np.asarray(y, np.float64), 1)
print(f"numpy.polyfit: w = {slope:.5f}, b = {intercept:.5f}")

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose([by_hand["w"], by_hand["b"]], [by_autodiff["w"], by_autodiff["b"]], rtol=1e-5)
assert np.allclose([fit.params["w"], fit.params["b"]], [slope, intercept], atol=1e-4)
assert np.allclose([closed.weights[0], closed.intercept], [slope, intercept], atol=1e-5)
assert np.isclose(fit.losses[-1], closed.residual / 60, rtol=1e-5)
assert abs(slope - 0.8) < 0.1
assert abs(intercept + 0.5) < 0.15
print("all claims hold")
