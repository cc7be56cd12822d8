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
# # B.4 Errors, softmax and cross entropy
#
# A network has answered. **How wrong was it**, when the answer is a number, and when it is a choice among three?

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

from jaxmath import losses, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Two errors of numbers
#
# For predictions $y$ and targets $t$ the **mean squared error** is the mean of $(y - t)^2$, the **mean absolute error**
# that of $|y - t|$. Here five predictions are a little off and the last is far off.

# %%
predictions = jnp.array([2.1, 3.9, 6.2, 7.8, 10.1, 6.0])
targets = jnp.array([2.0, 4.0, 6.0, 8.0, 10.0, 12.0])
squared = losses.squared_error(predictions, targets)
absolute = losses.absolute_error(predictions, targets)
print(f"mean squared error {squared.mean():.4f}, mean absolute error {absolute.mean():.4f}")
print(f"share of the last one: {squared[-1] / squared.sum():.1%} and {absolute[-1] / absolute.sum():.1%}")

# %%
fig, panels = plt.subplots(1, 2, figsize=(9, 3.0))
for ax, values, title in zip(panels, (squared, absolute), ("squared error", "absolute error"), strict=True):
    ax.bar(np.arange(6), values, color=plot.PALETTE[0])
    ax.axhline(float(values.mean()), color=plot.PALETTE[1], linestyle="--", label="mean")
    ax.set(title=title, xlabel="example")
panels[0].legend(loc="upper left")
plt.show()

# %% [markdown]
# The squared error is nearly all about the one example that went wrong.
#
# ## Softmax
#
# A network that chooses among classes gives each a number $z_j$, its *logit*. Softmax makes probabilities of them,
#
# $$p_j = \frac{e^{z_j}}{\sum_i e^{z_i}} ,$$
#
# positive, with sum 1, and in the order of the logits. Adding one number to all logits changes nothing: only
# differences count.

# %%
logits = jnp.array([2.0, 1.0, 0.1])
by_hand = jnp.exp(logits) / jnp.exp(logits).sum()
shifted = jax.nn.softmax(logits + 100)
print("by hand", by_hand, " of logits 100 higher", shifted)

# %% [markdown]
# ## Cross entropy, in two ways
#
# With class 0 true the loss is $-\log p_0$. **First way:** softmax, then the logarithm. **Second way:** from the
# logits, $\log \sum_j e^{z_j} - z_0$, without a probability in between. They agree, until a logit is so small that its
# probability is 0 in floating point: the first way then says infinity.

# %%
in_two_steps = losses.cross_entropy(by_hand, 0)
from_logits = losses.softmax_cross_entropy(logits, 0)
print(f"from probabilities {in_two_steps:.6f}, from logits {from_logits:.6f}")
extreme = jnp.array([-200.0, 0.0, 0.0])
far_in_two_steps = losses.cross_entropy(jax.nn.softmax(extreme), 0)
far_from_logits = losses.softmax_cross_entropy(extreme, 0)
print("logit of the true class -200:", far_in_two_steps, "and", far_from_logits)

# %% [markdown]
# ## Three logits to play with
#
# In a notebook that you run, move the sliders. Class 0 is the true one. The left panel shows the probabilities, the
# right one how the loss depends on the first logit, with the point where it stands now. The slope there is $p_0 - 1$:
# it pulls hard while the network is wrong, and hardly at all once it is right.

# %%
z0 = jnp.linspace(-5, 5, 201)


def draw(first, second, third):
    left, right = plt.subplots(1, 2, figsize=(9, 3.2))[1]
    show_probabilities(left, jnp.array([first, second, third]))
    show_loss(right, jnp.array([first, second, third]))
    plt.show()


def show_probabilities(ax, z):
    ax.bar(np.arange(3), jax.nn.softmax(z), color=[plot.PALETTE[1], plot.PALETTE[0], plot.PALETTE[0]])
    ax.set(title="probabilities", xticks=range(3), xlabel="class", ylim=(0, 1))


def show_loss(ax, z):
    rows = jnp.broadcast_to(z, (len(z0), 3)).at[:, 0].set(z0)
    plot.curve(z0, losses.softmax_cross_entropy(rows, jnp.zeros(len(z0), int)), label=None, ax=ax)
    ax.plot(z[0], losses.softmax_cross_entropy(z, 0), "o", color=plot.PALETTE[1])
    ax.set(title=f"loss {losses.softmax_cross_entropy(z, 0):.3f}", xlabel="logit of the true class")


plot.sliders(draw, first=(-5.0, 5.0, 2.0), second=(-5.0, 5.0, 1.0), third=(-5.0, 5.0, 0.1))

# %% [markdown]
# ## The same in plain NumPy

# %%
z = np.asarray(logits, np.float64)
numpy_probabilities = np.exp(z) / np.exp(z).sum()
numpy_loss = -np.log(numpy_probabilities[0])
numpy_squared = np.mean((np.asarray(predictions, np.float64) - np.asarray(targets, np.float64)) ** 2)
print(numpy_probabilities, f"{numpy_loss:.6f} {numpy_squared:.4f}")

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(by_hand, numpy_probabilities, rtol=1e-6)
assert np.allclose(shifted, by_hand, rtol=1e-4)
assert np.allclose([in_two_steps, from_logits], numpy_loss, rtol=1e-5)
assert np.isinf(far_in_two_steps)
assert np.isclose(far_from_logits, 200 + np.log(2), rtol=1e-6)
assert np.isclose(squared.mean(), numpy_squared, rtol=1e-5)
assert squared[-1] > 0.99 * squared.sum()
slope = jax.grad(losses.softmax_cross_entropy)(logits, 0)
assert np.allclose(slope, numpy_probabilities - np.array([1.0, 0.0, 0.0]), atol=1e-6)
print("all claims hold")
