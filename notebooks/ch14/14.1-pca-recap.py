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
# # 14.1 Principal components, a recap: the best flat autoencoder
#
# An autoencoder squeezes data through few numbers and rebuilds it. **What is the best that it can do if both
# halves are linear?** Chapter 4 has the answer; here it is in three dimensions, where it can be seen.

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

from jaxmath import pca, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Points near a plane
#
# Three hundred points with $x_2 = x_0 + \varepsilon$, where the noise has standard deviation 0.25. They lie close
# to the plane $x_0 = x_2$, whose unit normal is $(1, 0, -1) / \sqrt 2$. Three coordinates, but two would nearly
# do.

# %%
n, noise = 300, 0.25
key_points, key_noise, key_planes = jax.random.split(jax.random.key(4), 3)
flat = jax.random.uniform(key_points, (n, 2), minval=-2.0, maxval=2.0)
x = jnp.stack([flat[:, 0], flat[:, 1], flat[:, 0] + noise * jax.random.normal(key_noise, (n,))], axis=1)
every = pca.fit(x, 3)
print("variances:", every.explained_variance)
print("third component:", every.components[2])

# %% [markdown]
# ## Encoder and decoder
#
# With the first two components as the rows of $V$,
#
# $$\begin{aligned} \text{encoder:} \quad z &= V (x - \bar x), & &\text{three numbers become two,} \\
# \text{decoder:} \quad \hat x &= \bar x + V^\top z, & &\text{two become three again.} \end{aligned}$$
#
# The rebuilt points lie in the plane through $\bar x$ that the components span. What is lost is the coordinate
# along the third component, the one nearly normal to $x_0 = x_2$.

# %%
fitted = pca.fit(x, 2)
code = pca.transform(fitted, x)
rebuilt = pca.inverse_transform(fitted, code)
error = pca.reconstruction_error(fitted, x)
print(f"code {code.shape}, reconstruction {rebuilt.shape}, error (RMS) {error:.4f}")

# %%
corners = pca.inverse_transform(fitted, jnp.array([[-3.4, -2.2], [-3.4, 2.2], [3.4, -2.2], [3.4, 2.2]]))
sheet = np.asarray(corners).T.reshape(3, 2, 2)
fig = plt.figure(figsize=(10.5, 5.0))
solid = fig.add_subplot(1, 2, 1, projection="3d", elev=28, azim=-125)
solid.plot_surface(*sheet, color=plot.PALETTE[4], alpha=0.18, linewidth=0, shade=False)
plot.residuals(x, rebuilt, ax=solid)
plot.scatter(x, label="data", ax=solid)
plot.scatter(rebuilt, size=9, color=plot.PALETTE[1], label="reconstruction", ax=solid)
solid.set(xlabel="x₀", ylabel="x₁", zlabel="x₂", title="the points and the fitted plane")
solid.locator_params(nbins=5)
solid.legend(loc="upper left")

side = plot.residuals(x[:, ::2], rebuilt[:, ::2], ax=fig.add_subplot(1, 2, 2))
plot.scatter(x[:, ::2], ax=side)
plot.scatter(rebuilt[:, ::2], size=9, color=plot.PALETTE[1], ax=side)
side.set(xlabel="x₀", ylabel="x₂", title="seen along x₁")
plt.show()

# %% [markdown]
# Left, the points and their reconstructions on the fitted plane. Right, the same seen along $x_1$, a direction
# that lies in the plane: the plane becomes the line $x_2 = x_0$, and each grey line runs straight onto it.
#
# ## No other plane does better
#
# The squared error of a plane through the mean is the variance left out, and the smallest variance that one can
# leave out is the last eigenvalue, so
#
# $$\min_{V V^\top = I} \frac{1}{n d} \sum_{i=1}^n \| x_i - \hat x_i \|^2 = \frac{n - 1}{n d}\, \lambda_3 .$$
#
# To see it, two thousand planes in random directions, each with the error it has. `jax.vmap` measures them in one
# go.

# %%
frames = jnp.linalg.qr(jax.random.normal(key_planes, (2000, 3, 2)))[0]
planes = jnp.swapaxes(frames, 1, 2)
others = jax.jit(jax.vmap(lambda rows: pca.reconstruction_error(fitted._replace(components=rows), x)))(planes)

# %%
fig, ax = plt.subplots(figsize=(6.4, 3.2))
ax.hist(np.asarray(others), bins=50, color=plot.PALETTE[0], alpha=0.6, label="random planes")
ax.axvline(error, color=plot.PALETTE[1], label="principal components")
ax.set(xlabel="reconstruction error (RMS)", ylabel="planes", xlim=(0, None))
ax.legend()
plt.show()

# %% [markdown]
# All random planes are to the right of the line. The gradient says the same: at the components, the derivative of
# the error with respect to the rows of $V$ has no part that would turn the plane, that is, no part along the third
# component.

# %%
slope = jax.grad(lambda rows: pca.reconstruction_error(fitted._replace(components=rows), x))
turning = jnp.matmul(slope(fitted.components), every.components[2], precision="highest")
elsewhere = jnp.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
print("at the components:", turning)
print("at the plane of x0 and x1:", slope(elsewhere)[:, 2])

# %% [markdown]
# ## The same in plain NumPy

# %%
reference = np.asarray(x, np.float64)
centred = reference - reference.mean(axis=0)
values, vectors = np.linalg.eigh(np.cov(reference.T))
numpy_rebuilt = reference.mean(axis=0) + centred @ vectors[:, 1:] @ vectors[:, 1:].T
numpy_error = np.sqrt(np.mean((reference - numpy_rebuilt) ** 2))
print("variances:", values[::-1], f"error: {numpy_error:.4f}")

# %% [markdown]
# This is as far as a flat code goes. Data on a *curved* surface needs an encoder and a decoder that bend, and that
# is where the neural networks of this chapter begin. Principal components are what they must beat.
#
# ## What was claimed

# %%
assert np.allclose(every.explained_variance, values[::-1], rtol=1e-4)
assert np.allclose(rebuilt, numpy_rebuilt, atol=1e-4)
assert np.isclose(error, numpy_error, rtol=1e-4)
assert np.isclose(error, np.sqrt((n - 1) / (3 * n) * every.explained_variance[2]), rtol=1e-4)
normal = np.array([1.0, 0.0, -1.0]) / np.sqrt(2.0)
assert abs(np.asarray(every.components[2]) @ normal) > 0.99  # the plane found is x0 = x2
assert (
    np.abs(np.asarray(rebuilt - fitted.mean) @ np.asarray(every.components[2])).max() < 1e-4
)  # rebuilt points lie in the plane
assert others.min() > error
assert np.abs(turning).max() < 1e-3
assert np.abs(slope(elsewhere)[:, 2]).max() > 0.1
print("all claims hold")
