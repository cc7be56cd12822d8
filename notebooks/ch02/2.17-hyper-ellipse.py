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
# # 2.17 The axes of a hyper-ellipse
#
# The equation $5 x^2 + 6 x y + 5 y^2 = 20$ does not look like anything. **What is drawn by a quadratic equation, how
# long is it, and which way does it lie, in two dimensions or in six?**

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
# Written with a symmetric matrix the equation is $x^\top A x = c$; the 6 is shared between the two places off the
# diagonal,
#
# $$\begin{pmatrix} x & y \end{pmatrix} \begin{pmatrix} 5 & 3 \\ 3 & 5 \end{pmatrix} \begin{pmatrix} x \\ y
# \end{pmatrix} = 20 .$$
#
# One call finds the half-axes of the curve: their lengths, and their directions as columns.

# %%
a, c = jnp.array([[5.0, 3.0], [3.0, 5.0]]), 20.0
quadric = linalg.quadric_axes(a, c)
values = c / quadric.lengths**2
short, long = quadric.directions.T
tilt = linalg.angle(jnp.array([1.0, 0.0]), short)
print("lengths:", quadric.lengths, " eigenvalues:", values)
print("short axis along", short, "at", jnp.rad2deg(tilt), "degrees; long axis along", long)

# %%
fig, ax = plt.subplots(figsize=(5.6, 4.6))
plot.ellipsoid(quadric.lengths, quadric.directions, ax=ax)
ax.axhline(0, color="#808080", linewidth=1)
ax.axvline(0, color="#808080", linewidth=1)
plot.arc(jnp.array([1.0, 0.0]), short, radius=0.7, label="45°", ax=ax)
for i, name in enumerate((r"$\sqrt{20/8}$", r"$\sqrt{20/2}$")):
    tip = np.asarray(quadric.directions[:, i] * quadric.lengths[i])
    ax.text(*(1.12 * tip + np.sign(tip) * 0.12), name, ha="center", va="center", color=plot.PALETTE[i + 1])
ax.set(xlabel="x", ylabel="y", xlim=(-3.2, 3.2), ylim=(-2.9, 2.9))
plt.show()

# %% [markdown]
# ## Why
#
# Let the eigenvectors $e_i$ of $A$ be the new axes, and $y_i = e_i^\top x$ the coordinates along them. The mixed
# terms are gone,
#
# $$x^\top A x = \sum_{i=1}^d \lambda_i\, y_i^2 = c ,$$
#
# and along the axis $i$, where all the other $y_j$ are 0, the surface is met at
#
# $$y_i = \pm \sqrt{c / \lambda_i} .$$
#
# Large eigenvalues belong to short axes: the form grows fast there. In the plane the eigenvectors are those of a
# rotation by an angle $\varphi$ with $\tan 2 \varphi = \frac{2 a_{12}}{a_{11} - a_{22}}$. Here $a_{11} = a_{22}$, so
# $2 \varphi = 90°$.
#
# To turn the curve is to turn its axes. With $R$ from section 2.14, the points $R x$ fulfil the equation with the
# matrix $R A R^\top$: the same eigenvalues, the eigenvectors turned. And to ask for another $c$ is to scale all the
# axes by the same factor.

# %%
turn = linalg.rotation_2d(jnp.deg2rad(-30.0))
turned = linalg.quadric_axes(jnp.matmul(turn, jnp.matmul(a, turn.T, precision="highest"), precision="highest"), c)
levels = jnp.array([5.0, 20.0, 45.0, 80.0])
family = jax.vmap(linalg.quadric_axes, in_axes=(None, 0))(a, levels)
print("turned by -30 degrees: lengths", turned.lengths, "short axis at", end=" ")
print(jnp.rad2deg(linalg.angle(jnp.array([1.0, 0.0]), turned.directions[:, 0])), "degrees")
print("c = 5, 20, 45, 80: long axes", family.lengths[:, 1])

# %% [markdown]
# ## The signs tell what it is
#
# If all eigenvalues have the sign of $c$, every axis meets the surface, and it is an ellipse. If one has the other
# sign, then $\lambda_i y_i^2 = c$ has no solution on that axis: the curve runs between, a hyperbola. An eigenvalue of
# 0 means that nothing changes along its axis, and the curve is a pair of lines. `quadric_axes` answers with `signs`:
# 1, -1 or 0 for each axis.

# %%
forms = {
    "ellipse": [[5.0, 3.0], [3.0, 5.0]],
    "hyperbola": [[3.0, 5.0], [5.0, 3.0]],
    "two lines": [[4.0, 4.0], [4.0, 4.0]],
    "nothing": [[-5.0, -3.0], [-3.0, -5.0]],
}
every = jax.vmap(linalg.quadric_axes, in_axes=(0, None))(jnp.array(list(forms.values())), c)
for name, lengths, signs in zip(forms, every.lengths, every.signs, strict=True):
    print(f"{name:10} signs {signs}  lengths {lengths}")

# %%
ticks = np.linspace(-4, 4, 81)
plane = np.stack(np.meshgrid(ticks, ticks), axis=-1)
fig, panels = plt.subplots(1, 4, figsize=(9.4, 2.7), sharey=True)
for i, (ax, (name, matrix)) in enumerate(zip(panels, forms.items(), strict=True)):
    height = np.einsum("...i,ij,...j", plane, matrix, plane)
    ax.contourf(ticks, ticks, height, levels=np.arange(-100, 101, 20), cmap="RdBu_r", extend="both", alpha=0.5)
    ax.contour(ticks, ticks, height, levels=[c], colors=plot.PALETTE[0], linewidths=2)
    for j in np.flatnonzero(every.signs[i] == 1):
        tip = every.lengths[i, j] * every.directions[i, :, j]
        ax.plot([0, tip[0]], [0, tip[1]], color=plot.PALETTE[j + 1], linewidth=2.5)
    ax.set(title=f"{name}: {every.signs[i].astype(int).tolist()}", aspect="equal", xlabel="x")
    ax.grid(visible=False)
panels[0].set_ylabel("y")
plt.show()

# %% [markdown]
# The shading is the form, red above 0 and blue below; the line is where it is 20. The half-axes are drawn where they
# meet it.
#
# ## Three dimensions
#
# Nothing in the derivation counts the dimensions. In space the surface is an ellipsoid with three axes, and as the
# unit ball stretched along them it has the volume
# $\frac43 \pi\, l_1 l_2 l_3 = \frac43 \pi \sqrt{c^3 / \det A}$.

# %%
solid = jnp.array([[3.0, 1.0, 0.5], [1.0, 2.0, -0.4], [0.5, -0.4, 0.8]])
body = linalg.quadric_axes(solid, 4.0)
volume = 4 / 3 * jnp.pi * body.lengths.prod()
print("signs:", body.signs, " lengths:", body.lengths)
print(f"volume {volume:.4f}, by the determinant {4 / 3 * jnp.pi * jnp.sqrt(64 / linalg.determinant(solid)):.4f}")

# %%
fig = plt.figure(figsize=(7.6, 3.7))
for i, azim in enumerate((-60, 30)):
    ax = fig.add_subplot(1, 2, i + 1, projection="3d", elev=18, azim=azim)
    plot.ellipsoid(body.lengths, body.directions, ax=ax)
    ax.set(xlabel="x", ylabel="y", zlabel="z", title=("from one side", "and a quarter turn on")[i])
    ax.locator_params(nbins=4)
plt.show()

# %% [markdown]
# ## Six dimensions
#
# It cannot be drawn, but it can be walked on: take a point $u$ of the unit sphere, stretch its coordinates by the
# lengths, and go along the axes, $x = \sum_i l_i u_i\, e_i$. Every such $x$ must satisfy the equation. A thousand of
# them on a random ellipsoid:

# %%
key_form, key_points = jax.random.split(jax.random.key(17))
factor = jax.random.normal(key_form, (6, 6))
six = jnp.matmul(factor, factor.T, precision="highest") + jnp.eye(6)
hyper = linalg.quadric_axes(six, 10.0)
u = jax.random.normal(key_points, (1000, 6))
u = u / jnp.linalg.norm(u, axis=1, keepdims=True)
on_surface = jnp.matmul(u * hyper.lengths, hyper.directions.T, precision="highest")
form_there = jnp.einsum("ni,ij,nj->n", on_surface, six, on_surface, precision="highest")
print("lengths:", hyper.lengths)
print("the form at the thousand points, from", form_there.min(), "to", form_there.max())

# %% [markdown]
# No point of the surface is nearer to the centre than the shortest half-axis or farther than the longest. These are
# the extremes of the distance.
#
# ## Where one meets it: the shape of a cloud
#
# Points with the covariance $C$ are spread such that $x^\top C^{-1} x$ counts, squared, how many standard deviations
# one is from the mean. The surfaces on which it is constant are hyper-ellipses, with half-axes $\sqrt{c\, \mu_i}$
# along the eigenvectors of $C$, whose eigenvalues $\mu_i$ are the variances: the principal components. Normal points
# in the plane fall inside with probability $1 - e^{-c/2}$.

# %%
key_cloud = jax.random.key(217)
covariance = jnp.array([[2.0, 1.2], [1.2, 1.5]])
precision = linalg.inverse(covariance).inverse
cloud = jax.random.multivariate_normal(key_cloud, jnp.zeros(2), covariance, (300,))
squares = jnp.einsum("ni,ij,nj->n", cloud, precision, cloud, precision="highest")
inside = {k: float((squares < k**2).mean()) for k in (1, 2, 3)}
print("inside:", {k: f"{share:.1%}, expected {1 - np.exp(-(k**2) / 2):.1%}" for k, share in inside.items()})

# %%
fig, ax = plt.subplots(figsize=(5.4, 4.0))
plot.scatter(cloud, size=7, color="#909090", ax=ax)
for k in (1, 2, 3):
    contour = linalg.quadric_axes(precision, float(k**2))
    label = f"{k} standard deviation{'s' * (k > 1)}"
    plot.ellipsoid(contour.lengths, contour.directions, half_axes=k == 3, color=plot.PALETTE[k + 2], label=label, ax=ax)
ax.set(xlabel="x", ylabel="y")
ax.legend(fontsize=9, loc="upper left")
plt.show()

# %% [markdown]
# ## How a length depends on the equation
#
# From $l_i = \sqrt{c}\, \lambda_i^{-1/2}$ and the derivative of an eigenvalue, which is its projector (section 2.16),
#
# $$\frac{\partial l_i}{\partial A} = -\frac12 \sqrt{c}\, \lambda_i^{-3/2}\; e_i e_i^\top .$$
#
# `jax.grad` goes through `quadric_axes`:

# %%
slope = jax.grad(lambda matrix: linalg.quadric_axes(matrix, c).lengths[1])(a)
by_hand = -0.5 * np.sqrt(20) * 2**-1.5 * np.array([[0.5, -0.5], [-0.5, 0.5]])
print("by jax.grad:", slope.tolist(), " by hand:", by_hand.round(6).tolist())

# %% [markdown]
# ## The same in plain NumPy

# %%
numpy_values, numpy_vectors = np.linalg.eigh(np.asarray(six, np.float64))
numpy_lengths = np.sqrt(10.0 / numpy_values[::-1])
overlap = np.abs(np.asarray(hyper.directions).T @ numpy_vectors[:, ::-1])
print("lengths:", numpy_lengths, " smallest cosine between axes:", np.diag(overlap).min().round(5))

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(values, [8, 2], rtol=1e-4)
assert np.allclose(quadric.lengths, [np.sqrt(2.5), np.sqrt(10)], rtol=1e-4)
assert np.isclose(tilt, np.pi / 4, atol=1e-3)
assert np.allclose(np.abs(quadric.directions), np.sqrt(0.5), atol=1e-3)
assert np.allclose(turned.lengths, quadric.lengths, rtol=1e-4)
assert np.isclose(linalg.angle(jnp.array([1.0, 0.0]), turned.directions[:, 0]), np.deg2rad(15.0), atol=1e-3)
assert np.allclose(family.lengths, np.outer([0.5, 1, 1.5, 2], [np.sqrt(2.5), np.sqrt(10)]), rtol=1e-4)
assert every.signs.tolist() == [[1, 1], [1, -1], [1, 0], [-1, -1]]
assert np.isinf(every.lengths[2, 1])  # along the lines
assert (body.signs == 1).all()
assert np.isclose(volume, 4 / 3 * np.pi * np.sqrt(64 / np.linalg.det(np.asarray(solid, np.float64))), rtol=1e-4)
assert np.allclose(form_there, 10.0, rtol=1e-3)  # the points satisfy the equation
distance = np.linalg.norm(on_surface, axis=1)
assert hyper.lengths[0] * 0.999 < distance.min() < distance.max() < hyper.lengths[-1] * 1.001
assert np.allclose(hyper.lengths, numpy_lengths, rtol=1e-3)
assert np.diag(overlap).min() > 0.999
assert all(abs(share - (1 - np.exp(-(k**2) / 2))) < 0.08 for k, share in inside.items())
assert np.allclose(slope, by_hand, atol=1e-3)
print("all claims hold")
