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
# # 4.3.2 Principal components of correlated data
#
# Two measurements of each thing, the second about twice the first. **How much of such data survives if we keep a
# single number for each point, and which number should it be?**

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
# ## The data
#
# Five hundred points with $x_1 = 2 x_0 + \varepsilon$. The first coordinate varies around 2 with standard
# deviation 1, the noise $\varepsilon$ has standard deviation 0.4. The points gather along the line $x_1 = 2 x_0$.

# %%
n, noise = 500, 0.4
key_x0, key_noise, key_copies = jax.random.split(jax.random.key(0), 3)
x0 = 2.0 + jax.random.normal(key_x0, (n,))
x = jnp.stack([x0, 2.0 * x0 + noise * jax.random.normal(key_noise, (n,))], axis=1)
print(x[:3])

# %% [markdown]
# ## The direction of largest variance
#
# Project the centred points onto a unit vector $v$. The variance of what we see is a quadratic form in $v$,
#
# $$\frac{1}{n-1} \sum_{i=1}^n \left( v^\top (x_i - \bar x) \right)^2 = v^\top C v,
# \qquad C = \frac{1}{n-1} \sum_{i=1}^n (x_i - \bar x)(x_i - \bar x)^\top .$$
#
# Where it is largest under $v^\top v = 1$, a Lagrange multiplier gives $C v = \lambda v$: the best direction is an
# eigenvector of the covariance, and the variance along it is its eigenvalue $\lambda$. The eigenvector of the
# largest eigenvalue is the first principal component. Perpendicular to it lies the second one with the variance
# that is left.

# %%
both = pca.fit(x, 2)
print("components (rows):\n", both.components)
print("variance along each:", both.explained_variance)
print("share of the total: ", both.explained_variance_ratio)

# %%
fig, ax = plt.subplots(figsize=(6.4, 5.6))
plot.scatter(x, color="#8fbcd9", label="data", ax=ax)
plot.principal_axes(both.mean, both.components, 2 * jnp.sqrt(both.explained_variance), ax=ax)
ax.axline((0, 0), slope=2, color="#808080", linewidth=1.2, linestyle="--", label="x₁ = 2 x₀")
ax.set(xlabel="x₀", ylabel="x₁")
ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
plt.show()

# %% [markdown]
# Each arrow is two standard deviations long. The first one follows the dashed line nearly, not exactly. All the
# noise is in $x_1$, so it adds to the vertical variance alone and turns the axis a little towards the vertical.
# For $\operatorname{Var}(x_0) = 1$ and noise variance $\sigma^2$ the covariance and the angle $\theta$ of its
# first eigenvector are
#
# $$C = \begin{pmatrix} 1 & 2 \\ 2 & 4 + \sigma^2 \end{pmatrix}, \qquad \tan 2\theta = \frac{4}{1 - 4 - \sigma^2} .$$
#
# With $\sigma = 0.4$ the axis has slope 2.06 where the law has 2.

# %%
expected_angle = 0.5 * np.degrees(np.arctan2(4.0, -3.0 - noise**2))
angle = np.degrees(np.arctan2(both.components[0, 1], both.components[0, 0]))
print(f"angle of x1 = 2 x0: {np.degrees(np.arctan(2.0)):.2f}°, of C: {expected_angle:.2f}°, of the data: {angle:.2f}°")

# %% [markdown]
# ## One number for each point, and the way back
#
# The number to keep is the coordinate along the first component, $z_i = v_1^\top (x_i - \bar x)$. Back-projection
# puts it where it belongs in the plane, $\hat x_i = \bar x + z_i v_1$: the foot of the perpendicular from the
# point to the axis.

# %%
one = pca.fit(x, 1)
z = pca.transform(one, x)
back = pca.inverse_transform(one, z)
print("kept:", z.shape, " rebuilt:", back.shape)

# %%
ax = plot.residuals(x, back)
plot.scatter(x, color="#8fbcd9", label="data", ax=ax)
plot.scatter(back, color=plot.PALETTE[1], size=9, label="back-projection", ax=ax)
ax.set(xlim=(0.8, 3.2), ylim=(3.0, 5.0), xlabel="x₀", ylabel="x₁", title="the middle of the data, enlarged")
ax.legend(loc="upper left")
plt.show()

# %% [markdown]
# The grey lines are what was lost: they all stand perpendicular on the axis. Their root mean square, over both
# coordinates of all points, is the information loss. The part of the data along $v_1$ is kept whole, so what is
# lost is exactly the part along $v_2$, whose variance is $\lambda_2$. In general, for $d$ coordinates of which $k$
# are kept,
#
# $$\text{loss}^2 = \frac{1}{n d} \sum_{i=1}^n \| x_i - \hat x_i \|^2 = \frac{n-1}{n d} \sum_{j=k+1}^d \lambda_j .$$

# %%
loss = pca.reconstruction_error(one, x)
from_variance = jnp.sqrt((n - 1) / (n * 2) * both.explained_variance[1])
spread = jnp.sqrt(jnp.mean((x - one.mean) ** 2))
print(f"information loss (RMS):         {loss:.5f}")
print(f"from the variance left out:     {from_variance:.5f}")
print(f"without any component (k = 0):  {spread:.5f}")

# %% [markdown]
# ## The same in plain NumPy

# %%
reference = np.asarray(x, np.float64)
centred = reference - reference.mean(axis=0)
values, vectors = np.linalg.eigh(centred.T @ centred / (n - 1))
axis = vectors[:, -1] * np.sign(vectors[1, -1])
numpy_loss = np.sqrt(np.mean((centred - np.outer(centred @ axis, axis)) ** 2))
print("variances:", values[::-1], " first component:", axis, f" loss: {numpy_loss:.5f}")

# %% [markdown]
# ## How sure is the axis?
#
# Another five hundred points would give another axis. `jax.vmap` draws a thousand such samples and fits them all
# in one compiled program; the histogram shows the angles of their first components.

# %%
copies = jax.random.normal(key_copies, (1000, n, 2))
copies = jnp.stack([copies[..., 0], 2.0 * copies[..., 0] + noise * copies[..., 1]], axis=2)
fits = jax.jit(jax.vmap(lambda sample: pca.fit(sample, 1)))(copies)
angles = np.degrees(np.arctan2(fits.components[:, 0, 1], fits.components[:, 0, 0]))

fig, ax = plt.subplots(figsize=(6.4, 3.2))
ax.hist(angles, bins=40, color=plot.PALETTE[0], alpha=0.6)
ax.axvline(np.degrees(np.arctan(2.0)), color="#808080", linestyle="--", label="x₁ = 2 x₀")
ax.axvline(expected_angle, color=plot.PALETTE[1], label="eigenvector of C")
ax.set(xlabel="angle of the first component, degrees", ylabel="samples")
ax.legend()
plt.show()

# %% [markdown]
# The angles differ by fractions of a degree. They gather around the eigenvector of $C$ and not around the law
# $x_1 = 2 x_0$: the tilt is no accident of one sample. Principal components describe how data varies; they are not
# a regression of $x_1$ on $x_0$.
#
# ## What was claimed

# %%
assert np.allclose(both.explained_variance, values[::-1], rtol=1e-4)
assert np.allclose(both.components[0], axis, atol=1e-4)
assert np.isclose(loss, numpy_loss, rtol=1e-4)
assert np.isclose(loss, from_variance, rtol=1e-4)
assert loss < 0.15 * spread  # one number of two keeps most of correlated data
assert abs(angle - np.degrees(np.arctan(2.0))) < 2.0  # the axis runs along x1 = 2 x0 ...
assert abs(angles.mean() - expected_angle) < 6 * angles.std() / np.sqrt(1000)  # ... with the tilt that C predicts
assert (
    np.abs(np.asarray(x - back) @ np.asarray(one.components[0])).max() < 1e-4
)  # residuals are perpendicular to the axis
print("all claims hold")
