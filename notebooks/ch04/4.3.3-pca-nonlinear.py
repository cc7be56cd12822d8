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
# # 4.3.3 Principal components and a curved pattern
#
# If $x_1 = 2 x_0^2$, one number is enough to say where a point lies. **Do principal components find that number?**

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

from jaxmath import moments, pca, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The data
#
# Five hundred points of a parabola with noise, $x_1 = 2 x_0^2 + \varepsilon$, with $x_0$ spread evenly over
# $[-2, 2]$ and noise of standard deviation 0.3.

# %%
n, noise = 500, 0.3
key_x0, key_noise, key_twin = jax.random.split(jax.random.key(2), 3)
x0 = jax.random.uniform(key_x0, (n,), minval=-2.0, maxval=2.0)
x = jnp.stack([x0, 2.0 * x0**2 + noise * jax.random.normal(key_noise, (n,))], axis=1)
fitted = pca.fit(x, 2)
line = pca.fit(x, 1)
back = pca.inverse_transform(line, pca.transform(line, x))
loss = pca.reconstruction_error(line, x)
print(f"first component {line.components[0]}, information loss {loss:.3f}, noise {noise}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(5.8, 6.0), sharex=True, sharey=True)
plot.scatter(x, color="#8fbcd9", ax=left)
plot.principal_axes(fitted.mean, fitted.components, jnp.sqrt(fitted.explained_variance), ax=left)
left.set(xlabel="x₀", ylabel="x₁", title="one deviation along each axis")
left.legend(loc="upper center")
plot.residuals(x, back, color="#c8c8c8", ax=right)
plot.scatter(x, color="#8fbcd9", ax=right)
plot.scatter(back, color=plot.PALETTE[1], size=9, ax=right)
right.set(xlabel="x₀", title=f"back-projection: loss {loss:.2f}")
plt.show()

# %% [markdown]
# The first axis goes straight up through the parabola. It has found the direction of most variance and missed the
# pattern. The two branches are folded onto one line, so points far apart, left and right, become one. The loss is
# many times the noise, although a single number, $x_0$, would have told everything but the noise.
#
# ## What a straight line can see
#
# Principal components know the data only through its mean and covariance. Here the covariance of the coordinates
# is
#
# $$\operatorname{Cov}(x_0, x_1) = 2\, \operatorname{E}[x_0^3]
# - 2\, \operatorname{E}[x_0]\, \operatorname{E}[x_0^2] = 0,$$
#
# since odd powers of a variable that is symmetric around 0 average to 0. The coordinates are uncorrelated, yet one
# determines the other up to noise. To show that nothing else reaches the fit, we draw a Gaussian cloud and give it
# *exactly* the mean and covariance of the parabola: with Cholesky factors $C = L L^\top$ of the parabola and
# $G = M M^\top$ of the cloud, each centred point $g$ of the cloud moves to $\bar x + L M^{-1} g$.

# %%
cloud = jax.random.normal(key_twin, (n, 2))
target, own = moments.of(x), moments.of(cloud)
factors = [jnp.linalg.cholesky(moments.covariance(m)) for m in (target, own)]
whitened = jax.scipy.linalg.solve_triangular(factors[1], (cloud - own.mean).T, lower=True)
twin = target.mean + jnp.matmul(factors[0], whitened, precision="highest").T
twin_fit = pca.fit(twin, 2)
twin_loss = pca.reconstruction_error(pca.fit(twin, 1), twin)
print("variances:", fitted.explained_variance, "and", twin_fit.explained_variance)

# %%
fig, panels = plt.subplots(1, 2, figsize=(6.6, 6.2), sharex=True, sharey=True)
for ax, points, fit, title in zip(
    panels, (x, twin), (fitted, twin_fit), (f"parabola: loss {loss:.3f}", f"cloud: loss {twin_loss:.3f}"), strict=True
):
    plot.scatter(points, color="#8fbcd9", ax=ax)
    plot.principal_axes(fit.mean, fit.components, jnp.sqrt(fit.explained_variance), ax=ax)
    ax.set(xlabel="x₀", title=title)
panels[0].set_ylabel("x₁")
plt.show()

# %% [markdown]
# Two different worlds, with the same mean, the same axes, the same variances and the same loss. A method that
# looks at first and second moments cannot tell them apart.
#
# ## What helps: other coordinates
#
# The parabola is a curve in $(x_0, x_1)$, but it lies in a *plane* if we add the coordinate $x_0^2$: the points
# $(x_0, x_1, x_0^2)$ satisfy the linear equation $x_1 - 2 x_0^2 = \varepsilon$. So in these coordinates there must
# be a direction with almost no variance, and it must be the normal of the plane, proportional to $(0, 1, -2)$.
# There the *last* component is the one that knows the law.

# %%
lifted = jnp.concatenate([x, x[:, :1] ** 2], axis=1)
lifted_fit = pca.fit(lifted, 3)
normal = lifted_fit.components[2] / lifted_fit.components[2, 1]
print("variances:", lifted_fit.explained_variance)
print("last component, second entry scaled to 1:", normal)

# %% [markdown]
# The variance along the last component is that of the noise, divided by $1 + 2^2$ because the normal is scaled to
# length 1. Someone had to think of $x_0^2$, though. Autoencoders (chapter 14) learn such coordinates from the
# data.
#
# ## The same in plain NumPy

# %%
reference = np.asarray(x, np.float64)
centred = reference - reference.mean(axis=0)
values, vectors = np.linalg.eigh(np.cov(reference.T))
numpy_loss = np.sqrt(np.mean((centred - np.outer(centred @ vectors[:, 1], vectors[:, 1])) ** 2))
print("variances:", values[::-1], f"loss: {numpy_loss:.4f}")

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(fitted.explained_variance, values[::-1], rtol=1e-4)
assert np.isclose(loss, numpy_loss, rtol=1e-4)
assert abs(line.components[0, 1]) > 0.98  # the axis points straight up
assert loss > 2 * noise  # and the loss is far above the noise
assert np.allclose(twin_fit.explained_variance, fitted.explained_variance, rtol=1e-3)
assert np.allclose(twin_fit.components, fitted.components, atol=1e-2)
assert np.isclose(twin_loss, loss, rtol=1e-3)
assert np.allclose(normal, [0.0, 1.0, -2.0], atol=0.1)  # the law x1 = 2 x0^2
assert np.isclose(lifted_fit.explained_variance[2], noise**2 / 5, rtol=0.3)
print("all claims hold")
