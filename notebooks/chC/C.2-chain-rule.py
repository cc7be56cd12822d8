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
# # C.2 The chain rule
#
# Someone hands us a long chain of functions, numbers or whole matrices running through it. **How fast does the end
# change if we touch the beginning, when all we know is how each link answers on its own?**

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
# ## Two links
#
# Let $u = f_1(x)$ and $y = f_2(u)$. Move $x$ by a little $h$. The first link answers with
# $f_1'(x)\, h$, the second sees only that and answers with $f_2'(u)$ times as much. So slopes multiply, like the
# ratios of two gears on one shaft:
#
# $$\frac{d y}{d x} = \frac{d y}{d u} \frac{d u}{d x} = f_2'(f_1(x))\, f_1'(x) .$$
#
# Mind where the slope of the second link is taken: at $u$, what comes *in* there, not at $x$.
#
# ## Three links, forward and back
#
# With three it is $f_3'(u_2)\, f_2'(u_1)\, f_1'(x)$. To know these slopes we need $u_1$ and $u_2$, so there are two
# passes. *Forward* (blue) each factory hands its value to the next and notes its own slope (inside). *Backward*
# (orange) we begin at the end with $d y / d y = 1$; every factory multiplies what arrives by its slope. On each
# arrow back stands how fast the end changes with the number on the arrow above it.

# %%
square, sigmoid, leaky_relu = calculus.square, calculus.sigmoid, calculus.leaky_relu
start = -1.5
one = calculus.chain_rule([leaky_relu, sigmoid, square], start)
backward = np.append(np.cumprod(one.local_derivatives[::-1])[::-1], 1.0)
names = ["leaky\nReLU", "sigmoid", "square"]
plot.factories(names, [start, *one.values], backward=backward, local=one.local_derivatives)
plt.show()

# %% [markdown]
# The number at the far left is the derivative of the whole chain. `jax.grad` finds it in the same way; the chain
# itself, without any rule, can be asked by differences:

# %%
whole = calculus.compose(leaky_relu, sigmoid, square)
print(f"chain rule  {one.derivative:.6f}")
print(f"autodiff    {jax.grad(whole)(start):.6f}")
print(f"differences {calculus.derivative(whole, start, delta=1e-2):.6f}")

# %% [markdown]
# ## Three chains on (-3, 3)
#
# The links work entry by entry, so `calculus.chain_rule` takes all points of an interval in one go.

# %%
x = jnp.linspace(-3, 3, 241, dtype=jnp.float32)
chains = {
    "sigmoid(square(x))": [square, sigmoid],
    "square(sigmoid(x))": [sigmoid, square],
    "square(sigmoid(leaky ReLU(x)))": [leaky_relu, sigmoid, square],
}
ruled = {name: calculus.chain_rule(links, x) for name, links in chains.items()}
autodiff = {name: jax.jit(jax.vmap(jax.grad(calculus.compose(*links))))(x) for name, links in chains.items()}
differences = {name: calculus.derivative(calculus.compose(*links), x, delta=1e-2) for name, links in chains.items()}

# %%
fig, panels = plt.subplots(1, 3, figsize=(10, 3.1))
for (name, chain), ax in zip(ruled.items(), panels, strict=True):
    plot.curve(x, chain.values[-1], slopes=chain.derivative, ax=ax).set_title(name, fontsize=11)
    ax.plot(x[::12], autodiff[name][::12], "o", color=plot.PALETTE[1], markersize=3.5)
plt.show()
for name, chain in ruled.items():
    print(f"{name:31} largest distance from autodiff {jnp.abs(chain.derivative - autodiff[name]).max():.1e}")

# %% [markdown]
# Lines are the functions, dashes the chain rule, dots autodiff. Where a function rises its derivative is positive,
# where it is flat it is zero, where it falls it is negative. The first two show that order matters. In the third
# the kink of the leaky ReLU makes the derivative jump by a factor of five.
#
# ## Several inputs: a sum over all ways
#
# Let two numbers $x$ and $y$ meet in a product $u = x y$, and let $L = \sigma(u)$. Each input has its own way to the
# end, and its own slope on the first link:
#
# $$\frac{\partial L}{\partial x} = \sigma'(u)\, \frac{\partial u}{\partial x} = \sigma'(u)\, y, \qquad
# \frac{\partial L}{\partial y} = \sigma'(u)\, x .$$


# %%
def meet(x, y):
    return calculus.sigmoid(x * y)


value, (by_x, by_y) = calculus.gradients(meet, 0.5, -1.2)
u = 0.5 * -1.2
forward = [["x = 0.5", "y = \u22121.2"], u, value]
plot.factories(["x y", "sigmoid"], forward, backward=[[by_x, by_y], jax.grad(sigmoid)(u), 1.0])
plt.show()

# %% [markdown]
# And if both inputs are the same number? In $x\, \sigma(x)$ there are two ways from $x$ to the end, and their
# slopes *add*: $\sigma(x) + x\, \sigma'(x)$. In general, with inputs $u_1, \dots, u_m$ that all depend on $x$,
#
# $$\frac{d L}{d x} = \sum_{i=1}^m \frac{\partial L}{\partial u_i} \frac{d u_i}{d x} .$$

# %%
_, ways = calculus.gradients(lambda a, b: a * sigmoid(b), 0.7, 0.7)
both = jax.grad(lambda a: a * sigmoid(a))(0.7)
print(f"one way {ways[0]:.6f} + the other {ways[1]:.6f} = {sum(ways):.6f}; autodiff {both:.6f}")

# %% [markdown]
# ## Matrices
#
# A layer of a network is such a chain with matrices in it: rows of data $X$ (one observation a row), weights $W$,
#
# $$N = X W, \qquad S = \sigma(N), \qquad L = \sum_{ij} S_{ij} .$$
#
# How does $L$ change with a single weight $W_{kj}$? It enters column $j$ of $N$ only, each row $i$ with the factor
# $X_{ik}$, and the ways add:
#
# $$\frac{\partial L}{\partial W_{kj}} = \sum_i X_{ik}\, \sigma'(N_{ij}) \quad \Rightarrow \quad
# \frac{\partial L}{\partial W} = X^\top \sigma'(N), \qquad
# \frac{\partial L}{\partial X} = \sigma'(N)\, W^\top .$$
#
# The second follows in the same way. There is no other order in which the shapes fit; that is a good way to
# remember it. `calculus.matrix_chain` does both passes.

# %%
data = jnp.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5], [-1.0, 1.0, 1.0], [0.2, 0.8, -1.5]])
weights = jnp.array([[1.0, -0.5], [0.5, 1.0], [-0.5, 0.8]])
layer = calculus.matrix_chain(calculus.sigmoid, data, weights)
plot.matrices([data, weights, layer.product, layer.values], titles=["X", "W", "N", "S"], signs=["", "@", "=", "\u2192"])
plt.show()

# %%
slopes = jax.jit(jax.vmap(jax.vmap(jax.grad(sigmoid))))(layer.product)
titles = ["X\u1d40", "\u03c3\u2032(N)", "\u2202L/\u2202W"]
plot.matrices([data.T, slopes, layer.gradient_w], titles=titles, signs=["", "@", "="])
plt.show()

# %% [markdown]
# Each number on the right says: raise this weight by a little, and $L$, the sum of all outputs, grows that many
# times as much. That can be tried. We raise and lower one entry at a time, all of them at once by `jax.vmap`, and
# compare; and without any function in between, for $L = \sum_{ij} (X W)_{ij}$, the gradients are plain sums of
# rows and columns.


# %%
def loss(x, w):
    return calculus.sigmoid(jnp.matmul(x, w, precision="highest")).sum()


def nudged(f, a, delta=1e-2):
    units = jnp.eye(a.size).reshape(a.size, *a.shape) * delta
    return (jax.jit(jax.vmap(lambda e: f(a + e) - f(a - e)))(units) / (2 * delta)).reshape(a.shape)


by_nudging = nudged(lambda x: loss(x, weights), data), nudged(lambda w: loss(data, w), weights)
by_autodiff = jax.jit(lambda x, w: calculus.gradients(loss, x, w).gradients)(data, weights)
plain = calculus.gradients(lambda x, w: jnp.matmul(x, w, precision="highest"), data, weights).gradients
for name, rule, tried, exact in zip("XW", layer[2:], by_nudging, by_autodiff, strict=True):
    distances = jnp.abs(rule - tried).max(), jnp.abs(rule - exact).max()
    print(f"dL/d{name}: distance from differences {distances[0]:.1e}, from autodiff {distances[1]:.1e}")

# %% [markdown]
# ## Is it a direction to go?
#
# The gradient collects the answers to all nudges. Hence it also says in which direction *all* weights should be
# moved together to raise $L$ fastest. We go the same small distance in 2,000 random directions and in the direction
# of the gradient.

# %%
directions = jnp.asarray(np.random.default_rng(0).normal(size=(2000, 3, 2)), jnp.float32)
directions = directions / jnp.linalg.norm(directions, axis=(1, 2), keepdims=True)
uphill = layer.gradient_w / jnp.linalg.norm(layer.gradient_w)
gain = jax.jit(jax.vmap(lambda step: loss(data, weights + 0.1 * step) - loss(data, weights)))
gains, best_gain = gain(directions), gain(uphill[None])[0]
expected = 0.1 * float(jnp.linalg.norm(layer.gradient_w))

# %%
fig, ax = plt.subplots(figsize=(6, 2.9))
ax.hist(np.asarray(gains), bins=50, color=plot.PALETTE[0], alpha=0.6, label="random directions")
ax.axvline(best_gain, color=plot.PALETTE[1], label="along the gradient")
ax.set(xlabel="change of L after a step of length 0.1", ylabel="directions")
ax.legend(loc="upper left", fontsize=9)
plt.show()

# %% [markdown]
# Nothing beats the gradient, and its gain is the one that it promises, the length of the step times the length of
# the gradient. All of learning by descent rests on this.
#
# ## The same in plain NumPy

# %%
grid, x64, w64 = (np.asarray(a, np.float64) for a in (x, data, weights))
s = 1 / (1 + np.exp(-grid))
s2 = 1 / (1 + np.exp(-(grid**2)))
leaky = np.maximum(0.2 * grid, grid)
s3 = 1 / (1 + np.exp(-leaky))
by_hand = [s2 * (1 - s2) * 2 * grid, 2 * s * s * (1 - s), 2 * s3 * s3 * (1 - s3) * np.where(grid > 0, 1.0, 0.2)]
outputs = 1 / (1 + np.exp(-(x64 @ w64)))
gradient_w, gradient_x = x64.T @ (outputs * (1 - outputs)), (outputs * (1 - outputs)) @ w64.T
print("gradient by the weights:", gradient_w.round(4).tolist())

# %% [markdown]
# ## What was claimed

# %%
for (name, chain), wanted in zip(ruled.items(), by_hand, strict=True):
    assert np.allclose(chain.derivative, wanted, atol=1e-4), name
    assert np.allclose(autodiff[name], wanted, atol=1e-4), name
    away = np.abs(grid) > 0.02 if "leaky" in name else grid > -4
    assert np.allclose(np.asarray(differences[name])[away], wanted[away], atol=2e-3), name
assert np.isclose(one.derivative, jax.grad(whole)(start), rtol=1e-3)
assert np.isclose(backward[0], one.derivative, rtol=1e-3)
assert not np.allclose(ruled["sigmoid(square(x))"].values[-1], ruled["square(sigmoid(x))"].values[-1], atol=0.1)
sigma = 1 / (1 + np.exp(0.6))
assert np.allclose((by_x, by_y), (sigma * (1 - sigma) * -1.2, sigma * (1 - sigma) * 0.5), atol=1e-4)
assert np.isclose(sum(ways), both, atol=1e-4)  # the ways add
assert np.allclose(layer.values, outputs, atol=1e-4)
assert np.allclose(layer.gradient_w, gradient_w, atol=1e-3)
assert np.allclose(layer.gradient_x, gradient_x, atol=1e-3)
assert np.allclose(by_nudging[0], gradient_x, atol=2e-2)
assert np.allclose(by_nudging[1], gradient_w, atol=2e-2)
assert np.allclose(by_autodiff[1], gradient_w, atol=1e-3)
assert np.allclose(plain[0], np.tile(w64.sum(axis=1), (4, 1)), atol=5e-2)  # X W alone: sums of the rows of W
assert np.allclose(plain[1], np.tile(x64.sum(axis=0)[:, None], (1, 2)), atol=5e-2)  # and of the columns of X
assert gains.max() < best_gain
assert np.isclose(best_gain, expected, rtol=0.1)
print("all claims hold")
