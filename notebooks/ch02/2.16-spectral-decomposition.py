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
# # 2.16 Spectral decomposition of a symmetric matrix
#
# Light is a sum of pure colours, a chord a sum of pure notes. **Is a symmetric matrix a sum of pure parts, and which
# of them can be left out?**

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

from jaxmath import linalg, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The answer first
#
# A symmetric matrix has real eigenvalues $\lambda_i$ and eigenvectors $e_i$ of length 1 at right angles to each
# other. In $A = S \Lambda S^{-1}$ the inverse is then the transpose, and the product, written out column by column,
# is a sum of one term for each eigenvector,
#
# $$A = S \Lambda S^\top = \sum_{i=1}^d \lambda_i\, e_i e_i^\top .$$
#
# Each term is a matrix made of one vector and one number. Their list is the *spectrum* of the matrix in the full
# sense of the word.

# %%
a = jnp.array([[1.0, 2.0, 1.0], [2.0, 2.0, 3.0], [1.0, 3.0, 3.0]])
terms = linalg.spectral_components(a)
values = jnp.trace(terms, axis1=1, axis2=2)
print("eigenvalues:", values)
print("largest error of the sum:", jnp.abs(terms.sum(axis=0) - a).max())

# %%
names = ("A", *(f"λ = {value:.2f}" for value in values))
plot.matrices((a, *terms), titles=names, signs=("", "=", "+", "+"))
plt.show()

# %% [markdown]
# The trace of $e_i e_i^\top$ is $\| e_i \|^2 = 1$, so the trace of a term is its eigenvalue.
#
# ## Each term is a projection, stretched
#
# $P_i = e_i e_i^\top$ takes a vector $x$ to $e_i (e_i^\top x)$, its shadow on the line along $e_i$. Because the lines
# stand at right angles,
#
# $$P_i P_i = P_i, \qquad P_i P_j = 0 \ \ (i \ne j), \qquad \sum_i P_i = I ,$$
#
# so $A x$ is: the shadows of $x$ on the axes, each stretched by its eigenvalue, added up again. In the plane, with
# eigenvalues 1.5 and 0.5:

# %%
plane = jnp.array([[1.0, 0.5], [0.5, 1.0]])
parts = linalg.spectral_components(plane)
stretch = jnp.trace(parts, axis1=1, axis2=2)
projectors = parts / stretch[:, None, None]
x = jnp.array([1.6, 0.4])
shadows = jnp.matmul(projectors, x, precision="highest")
stretched = stretch[:, None] * shadows
image = stretched.sum(axis=0)
products = jnp.einsum("aij,bjk->abik", projectors, projectors, precision="highest")
print("eigenvalues:", stretch, " P1 P1 - P1:", jnp.abs(products[0, 0] - projectors[0]).max(), end="")
print("  P1 P2:", jnp.abs(products[0, 1]).max())

# %%
fig, panels = plt.subplots(1, 2, figsize=(8.6, 3.8), sharex=True, sharey=True)
for ax, (shade, total, title) in zip(
    panels, ((shadows, x, "x = sum of its shadows"), (stretched, image, "A x = sum of them stretched")), strict=True
):
    for i in range(2):
        ax.axline((0, 0), shadows[i], color=plot.PALETTE[i], linewidth=1, linestyle="--")
    plot.residuals(jnp.stack([total, total]), shade, ax=ax)
    plot.vectors(jnp.stack([*shade, total]), labels=("", "", ("x", "A x")[ax is panels[1]]), ax=ax)
    ax.text(*(shade[0] + jnp.array([-0.08, 0.16])), ("$P_1 x$", "$1.5 P_1 x$")[ax is panels[1]], ha="right")
    ax.text(*(shade[1] + jnp.array([-0.15, -0.18])), ("$P_2 x$", "$0.5 P_2 x$")[ax is panels[1]], ha="center")
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-0.3, 2.3), ylim=(-0.95, 1.95), title=title)
plt.show()

# %% [markdown]
# ## A bowl is a sum of troughs
#
# The same sum holds for the quadratic form, a function of the vector $x$:
#
# $$q(x) = x^\top A x = \sum_{i=1}^d \lambda_i\, (e_i^\top x)^2 .$$
#
# A single term does not change across its eigenvector. Its graph is a trough, and the bowl of a matrix with positive
# eigenvalues is a sum of troughs, the steep and the flat one. With a negative eigenvalue one of them is upside down,
# and the sum is a saddle.

# %%
radius, phi = jnp.meshgrid(jnp.linspace(0.0, 1.5, 9), jnp.linspace(0.0, 2 * jnp.pi, 37))
points = jnp.stack([radius * jnp.cos(phi), radius * jnp.sin(phi)], axis=-1)
saddle = linalg.spectral_components(jnp.array([[0.25, 0.75], [0.75, 0.25]]))


def form(matrix):
    return jnp.einsum("...i,ij,...j->...", points, matrix, points, precision="highest")


rows = {"bowl": (plane, *parts), "saddle": (saddle.sum(axis=0), *saddle)}
fig = plt.figure(figsize=(7, 4.6))
for i, (name, pieces) in enumerate(rows.items()):
    for j, piece in enumerate(pieces):
        ax = fig.add_subplot(2, 3, 3 * i + j + 1, projection="3d", elev=24, azim=-65)
        ax.plot_surface(points[..., 0], points[..., 1], form(piece), cmap="RdBu_r", vmin=-3, vmax=3, linewidth=0)
        title = name if j == 0 else f"{'=+'[j - 1]} trough, λ = {jnp.trace(piece):.1f}"
        ax.set(zlim=((0, 3.5), (-1.2, 2.3))[i], xticks=(-1, 0, 1), yticks=(-1, 0, 1), title=title)
plt.show()

# %% [markdown]
# ## Which terms can be left out?
#
# As matrices the terms are at right angles too: the sum of the squares of the entries of $A$ is
# $\sum_i \lambda_i^2$. What is lost by leaving some out is therefore told by their eigenvalues alone,
#
# $$\left\| A - \sum_{i \in \text{kept}} \lambda_i e_i e_i^\top \right\| = \sqrt{\sum_{i \notin \text{kept}}
# \lambda_i^2}\ ,$$
#
# and one keeps those with the largest $|\lambda_i|$. A matrix with 1,600 entries: how alike 40 moments of a year are,
# $a_{ij} = \exp(-2 \sin^2 \frac{\pi (t_i - t_j)}{12}) \cdot \exp(-\frac12 (\frac{t_i - t_j}{15})^2)$ with the time in
# months, two and a half years of it.

# %%
month = jnp.linspace(0.0, 30.0, 40)
gap = month[:, None] - month[None, :]
alike = jnp.exp(-2 * jnp.sin(jnp.pi * gap / 12) ** 2) * jnp.exp(-0.5 * (gap / 15) ** 2)
pure = linalg.spectral_components(alike)
sums = jnp.cumsum(pure, axis=0)
lost = jnp.sqrt(jnp.sum((sums - alike) ** 2, axis=(1, 2)))
spectrum = jnp.trace(pure, axis1=1, axis2=2)
told = jnp.sqrt(jnp.cumsum(spectrum[::-1] ** 2)[::-1])[1:]
kept = (1, 2, 4, 8, 16)
share = lost / jnp.linalg.norm(alike)
print("relative error:", {k: f"{share[k - 1]:.1%}" for k in kept})

# %%
chosen = (1, 2, 3, 4, 6, 8)
fig = plt.figure(figsize=(8.4, 3.4))
above, below = fig.subfigures(2, 1)
plot.images(pure[np.array(chosen) - 1], titles=[f"term {k}" for k in chosen], signed=True, figure=above)
plot.images(
    jnp.stack([*(sums[k - 1] for k in kept), alike]),
    titles=[*(f"first {k}" for k in kept), "all 40: A"],
    signed=True,
    figure=below,
)
plt.show()

# %%
fig, ax = plt.subplots(figsize=(6, 3))
ax.semilogy(range(1, 41), jnp.abs(spectrum), "o", markersize=4, label="eigenvalue")
ax.semilogy(range(1, 40), lost[:-1], "s", color=plot.PALETTE[1], markersize=4, label="error of the sum so far")
ax.semilogy(range(1, 40), told, color=plot.PALETTE[1], linewidth=1, label="told by the eigenvalues left out")
ax.set(xlabel="number of terms", ylabel="size", ylim=(1e-6, 30))
ax.legend(fontsize=10)
plt.show()

# %% [markdown]
# Each term is a pattern of one vector with itself. Eight of the forty carry the matrix to the eye: what varies
# smoothly has few large eigenvalues. (Errors of $10^{-5}$ are rounding in float32.) This is how covariances are cut
# down to principal components in chapter 4.
#
# ## Functions of a matrix
#
# Since the projectors do not mix, a polynomial acts on the eigenvalues alone, and one takes this as the meaning of
# every function: $f(A) = \sum_i f(\lambda_i) P_i$. With $f(\lambda) = 1 / \lambda$ it is the inverse, with $\exp$
# the solution of $\dot x = A x$ after one unit of time, with $|\lambda|$ the nearest thing to $A$ whose form is
# nowhere negative.

# %%
p = terms / values[:, None, None]
inverse, exponential = (jnp.einsum("k,kij->ij", f(values), p, precision="highest") for f in (jnp.reciprocal, jnp.exp))
absolute = jnp.einsum("k,kij->ij", jnp.abs(values), p, precision="highest")
print("inverse:", inverse[0], " by elimination:", linalg.inverse(a).inverse[0])
plot.matrices((a, inverse, absolute), titles=("A", "1 / A", "|A|"))
plt.show()

# %% [markdown]
# ## The derivative of an eigenvalue is its projector
#
# Change $A$ by a small symmetric $E$. To first order $\lambda_i$ changes by $e_i^\top E\, e_i$, which is the sum of
# the entries of $E$ times those of $P_i$. So the gradient of $\lambda_i$ with respect to the matrix is $P_i$, a part
# of the decomposition itself. `jax.grad` of the trace of the first term:

# %%
slope = jax.grad(lambda matrix: jnp.trace(linalg.spectral_components(matrix)[0]))(a)
print("largest difference from the projector:", jnp.abs(slope - p[0]).max())

# %% [markdown]
# Where eigenvalues are equal the single terms are arbitrary: every pair of directions at right angles will do. Their
# sum is not, and neither is its derivative. With the eigenvalues 3, 1, 1, the sum of the last two terms is
# $A - 3 e_1 e_1^\top$ whatever the solver chose.

# %%
twice = jnp.eye(3) + 2 * jnp.full((3, 3), 1 / 3)
group = linalg.spectral_components(twice)[1:].sum(axis=0)
group_slope = jax.grad(lambda matrix: jnp.trace(linalg.spectral_components(matrix)[1:].sum(axis=0)))(twice)
print(group)

# %% [markdown]
# ## The same in plain NumPy

# %%
reference = np.asarray(a, np.float64)
numpy_values, vectors = np.linalg.eigh(reference)
numpy_terms = np.stack([numpy_values[i] * np.outer(vectors[:, i], vectors[:, i]) for i in (2, 1, 0)])
space = np.asarray(jax.random.normal(jax.random.key(16), (1000, 3)), np.float64)
by_matrix = np.einsum("ni,ij,nj->n", space, reference, space)
by_terms = np.sum(numpy_values * (space @ vectors) ** 2, axis=1)
ours = jax.vmap(lambda v: jnp.einsum("i,kij,j->k", v, terms, v, precision="highest"))(jnp.asarray(space))
print("largest difference of the terms:", np.abs(terms - numpy_terms).max())
print("of the form at a thousand points:", np.abs(ours.sum(axis=1) - by_matrix).max())

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(terms, numpy_terms, atol=1e-4)
assert np.allclose(terms.sum(axis=0), a, atol=1e-4)
assert np.allclose(values, numpy_values[::-1], atol=1e-4)
assert np.allclose(products, np.einsum("ab,aij->abij", np.eye(2), projectors), atol=1e-5)
assert np.allclose(projectors.sum(axis=0), np.eye(2), atol=1e-5)
assert np.allclose(stretch, [1.5, 0.5], atol=1e-5)
assert np.allclose(image, [1.8, 1.2], atol=1e-4)
assert np.allclose(by_matrix, by_terms)
assert np.allclose(ours.sum(axis=1), by_matrix, atol=1e-3)
assert np.allclose(jnp.trace(saddle, axis1=1, axis2=2), [1.0, -0.5], atol=1e-5)
assert np.allclose(lost[:20], told[:20], rtol=1e-2, atol=1e-4)  # the error is told by what is left out
assert share[15] < 0.01
assert np.allclose(inverse, np.linalg.inv(reference), atol=1e-4)
assert np.allclose(exponential, np.einsum("ik,k,jk->ij", vectors, np.exp(numpy_values), vectors), rtol=1e-3)
assert np.linalg.eigvalsh(np.asarray(absolute, np.float64)).min() > 0.5
assert np.allclose(slope, p[0], atol=1e-4)  # the gradient of an eigenvalue
assert np.allclose(group, np.eye(3) - np.full((3, 3), 1 / 3), atol=1e-4)
assert np.allclose(group_slope, np.eye(3) - np.full((3, 3), 1 / 3), atol=1e-4)
print("all claims hold")
