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
# # 8.4 Forward and backward
#
# A network of hundreds of weights answers, and the answer is not quite right. **Which weight is to blame, and how
# much?** One pass through the network gives the answer, and one pass back gives the blame of every weight.

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
from jax.flatten_util import ravel_pytree

from jaxmath import neural, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Forward
#
# Every layer takes the activations of the one before, weighs and adds them, and activates the sums:
#
# $$a_0 = X, \qquad z_l = a_{l-1} W_l^\top + b_l, \qquad a_l = \sigma(z_l) .$$
#
# The pass keeps what every layer put out; it will be needed on the way back. Here is a network with 3 inputs, 4
# hidden neurons and 2 outputs, on 5 examples.

# %%
key_params, key_x, key_y = jax.random.split(jax.random.key(32), 3)
params = neural.init_mlp(key_params, (3, 4, 2))
x, y = jax.random.normal(key_x, (5, 3)), jax.random.uniform(key_y, (5, 2))
output, activations = neural.forward(params, x)
(w1, b1), (w2, b2) = params
plot.matrices([x, w1.T, activations[0]], titles=["X", "W1\u1d40", "a1"], signs=["", "@", "\u2192"])
plt.show()
plot.matrices([activations[0], w2.T, output], titles=["a1", "W2\u1d40", "a2"], signs=["", "@", "\u2192"])
plt.show()

# %% [markdown]
# ## Backward
#
# The loss is half the squared distance from the targets, $L = \frac{1}{2 n} \sum_i \| a_{L,i} - y_i \|^2$. Call the
# blame of a sum, the derivative of the loss by $z_l$, *delta*. For the last layer the chain rule gives it at once. For
# the others: $z_l$ enters the loss only through all the sums of the next layer, and the ways add.
#
# $$\delta_L = \tfrac{1}{n} (a_L - y) \odot \sigma'(z_L), \qquad
# \delta_l = (\delta_{l+1} W_{l+1}) \odot \sigma'(z_l), \qquad \sigma'(z_l) = a_l \odot (1 - a_l) .$$
#
# A weight $W_{jk}$ leads from $a_{l-1,k}$ to $z_{l,j}$, in each example; a bias leads to $z_{l,j}$ with the factor 1:
#
# $$\frac{\partial L}{\partial W_l} = \delta_l^\top a_{l-1}, \qquad
# \frac{\partial L}{\partial b_l} = \sum_i \delta_{l,i} .$$
#
# The first layer is no exception: what it multiplies is the data, $a_0 = X$, and its gradient has the shape of $W_1$.
# In plain NumPy:

# %%
x64, y64, v1, c1, v2, c2 = (np.asarray(a, np.float64) for a in (x, y, w1, b1, w2, b2))
a1 = 1 / (1 + np.exp(-(x64 @ v1.T + c1)))
a2 = 1 / (1 + np.exp(-(a1 @ v2.T + c2)))
delta2 = (a2 - y64) * a2 * (1 - a2) / len(x64)
delta1 = (delta2 @ v2) * a1 * (1 - a1)
by_hand = [(delta1.T @ x64, delta1.sum(axis=0)), (delta2.T @ a1, delta2.sum(axis=0))]
loss_by_hand = ((a2 - y64) ** 2).sum() / 2 / len(x64)

# %% [markdown]
# `neural.backward` does this for any depth and any differentiable activation.

# %%
loss, gradients = neural.backward(params, x, y)
print(f"loss {loss:.6f}, in NumPy {loss_by_hand:.6f}")
plot.matrices(
    [100 * delta1.T, x, 100 * gradients[0][0]],
    titles=["100 \u03b41\u1d40", "X", "100 \u2202L/\u2202W1"],
    signs=["", "@", "="],
)
plt.show()


# %% [markdown]
# ## Is it right?
#
# Three judges: the formulas above in float64, autodiff, and differences, for which each of the 26 numbers is nudged up
# and down.


# %%
def loss_of(params):
    return jnp.mean(jnp.sum((neural.forward(params, x).output - y) ** 2, axis=1)) / 2


flat, shaped = ravel_pytree(params)
nudges = 1e-2 * jnp.eye(flat.size)
slope = jax.jit(jax.vmap(lambda e: (loss_of(shaped(flat + e)) - loss_of(shaped(flat - e))) / 2e-2))
ours = ravel_pytree(gradients)[0]
judges = {
    "NumPy": np.concatenate([np.ravel(g) for layer in by_hand for g in layer]),
    "autodiff": ravel_pytree(jax.jit(jax.grad(loss_of))(params))[0],
    "differences": slope(nudges),
}
fig, ax = plt.subplots(figsize=(4.4, 3.6))
for (name, values), marker in zip(judges.items(), "ox+", strict=True):
    ax.plot(values, ours, marker, markersize=8, fillstyle="none", label=name)
    print(f"{name:12} largest distance {np.abs(np.asarray(values) - ours).max():.1e}")
ax.axline((0, 0), slope=1, color="#808080", linewidth=1)
ax.set(xlabel="judge", ylabel="backward", title="all 26 derivatives")
ax.legend()
plt.show()

# %% [markdown]
# Differences take two passes for every parameter, 52 here and millions in a network of use. The backward pass takes
# one, whatever their number.
#
# ## Who said so? Gradients of single examples
#
# The gradient is a mean over examples. Before the mean is taken one can see which example pulls where. And the
# Jacobian tells how the outputs change with the *inputs*.

# %%
each = neural.per_example_gradients(params, x, y)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
left.bar(range(5), jnp.sqrt(sum((g.reshape(5, -1) ** 2).sum(axis=1) for layer in each for g in layer)))
left.set(xlabel="example", title="length of its gradient")
jacobian = neural.jacobian(params, x)
shown = right.imshow(jacobian.reshape(10, 3).T, cmap="PuOr", vmin=-0.06, vmax=0.06)
right.set(xlabel="output 0 and 1 of examples 0 to 4", ylabel="input", title="Jacobians", yticks=[0, 1, 2])
right.set_xticks(np.arange(1.5, 9), [])
right.grid(axis="y", visible=False)
fig.colorbar(shown, ax=right, shrink=0.6)
plt.show()

# %% [markdown]
# ## How far to go: the second derivative
#
# Against the gradient the loss falls, at first by its squared length. How soon does that end? A Hessian-vector product
# $H g$ tells, without the matrix $H$: it is the derivative of the backward pass along $g$. Then
#
# $$L(\theta - t g) \approx L - t \|g\|^2 + \tfrac{t^2}{2}\, g^\top H g .$$

# %%
product = ravel_pytree(neural.hessian_vector_product(params, x, y, gradients))[0]
t = jnp.linspace(0, 14, 57)
along = jax.jit(jax.vmap(lambda t: loss_of(shaped(flat - t * ours))))(t)
straight = loss - t * jnp.sum(ours * ours)
curved = straight + t**2 / 2 * jnp.sum(ours * product)
fig, ax = plt.subplots(figsize=(5.4, 3.2))
plot.curve(t, along, label="the loss", ax=ax)
ax.plot(t, straight, "--", label="by the gradient", color=plot.PALETTE[1])
ax.plot(t, curved, ":", label="and the curvature", color=plot.PALETTE[2])
ax.set(xlabel="step t against the gradient", ylabel="loss", ylim=(0.8 * float(along.min()), 1.05 * float(loss)))
ax.legend()
plt.show()

# %% [markdown]
# ## Why depth was hard
#
# On the way back every layer multiplies by $\sigma'$, which is nowhere above $1/4$. In a deep network of sigmoids
# little blame reaches the first layers: the gradient *vanishes*. tanh has slope 1 at zero, a ReLU wherever it is
# active.

# %%
deep_x, deep_y = jax.random.normal(key_x, (64, 50)), jax.random.normal(key_y, (64, 50))
networks = {
    "sigmoid, Xavier": ("xavier", neural.sigmoid),
    "tanh, Xavier": ("xavier", neural.tanh),
    "ReLU, He": ("he", neural.relu),
}
backward = jax.jit(neural.backward, static_argnames="activation")
lengths = {
    name: [float(jnp.linalg.norm(by_w)) for by_w, _ in backward(
        neural.init_mlp(key_params, [50] * 13, scheme=scheme), deep_x, deep_y, activation=f).gradients]
    for name, (scheme, f) in networks.items()
}  # fmt: skip

# %%
fig, ax = plt.subplots(figsize=(5.6, 3.2))
for name, values in lengths.items():
    ax.semilogy(range(1, 13), values, "o-", markersize=4, label=name)
ax.set(xlabel="layer", ylabel="length of $\\partial L / \\partial W_l$", xticks=range(1, 13))
ax.legend()
plt.show()

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(activations[0], a1, atol=1e-4)
assert np.allclose(output, a2, atol=1e-4)
assert np.isclose(loss, loss_by_hand, atol=1e-4)
for ours_in_layer, numpy_in_layer, layer in zip(gradients, by_hand, params, strict=True):
    for ours_here, numpy_here, parameter in zip(ours_in_layer, numpy_in_layer, layer, strict=True):
        assert ours_here.shape == parameter.shape
        assert np.allclose(ours_here, numpy_here, atol=1e-4)
assert np.allclose(ours, judges["autodiff"], atol=1e-5)
assert np.allclose(ours, judges["differences"], atol=1e-3)
assert all(
    np.allclose(e.mean(axis=0), g, atol=1e-5) for e, g in zip(*map(jax.tree.leaves, (each, gradients)), strict=True)
)
assert np.allclose(jacobian[0], (a2[0] * (1 - a2[0]))[:, None] * v2 @ ((a1[0] * (1 - a1[0]))[:, None] * v1), atol=1e-4)
assert np.abs(curved - along)[:37].max() < 0.1 * np.abs(straight - along)[36]
assert lengths["sigmoid, Xavier"][0] < 1e-5 * lengths["sigmoid, Xavier"][-1]
assert lengths["ReLU, He"][0] > 1e-2 * lengths["ReLU, He"][-1]
print("all claims hold")
