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
# # 2.13 Eigenvalues and eigenvectors
#
# A matrix turns most vectors to another direction. **Are there directions that it leaves as they are, how are they
# found, and what if there are none?**
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
# ## Directions that stay
#
# $v \ne 0$ is an eigenvector of $A$, with eigenvalue $\lambda$, if
#
# $$A v = \lambda v ,$$
#
# that is, if $A$ only stretches it. A symmetric matrix shows it best. Below on the left, every grey arrow leads from
# a $v$ on the unit circle to its image $A v$, and the images lie on an ellipse. Along two lines, and only there, the
# arrows point straight away from the centre or straight toward it.

# %%
a = jnp.array([[2.0, 0.8], [0.8, 1.2]])
values, vectors = linalg.eig(a)
order = jnp.argsort(-values.real)
values, vectors = values[order].real, vectors[:, order].real
print("eigenvalues:", values)
print("eigenvectors, as columns:\n", vectors)

# %%
circle = 2 * jnp.pi * jnp.arange(12) / 12
start = jnp.stack([jnp.cos(circle), jnp.sin(circle)], axis=1)
image = jnp.matmul(start, a.T, precision="highest")
fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6))
fine = jnp.linspace(0, 2 * jnp.pi, 200)
round_trip = jnp.stack([jnp.cos(fine), jnp.sin(fine)], axis=1)
left.plot(*round_trip.T, color="#909090", linewidth=1)
left.plot(*jnp.matmul(a, round_trip.T, precision="highest"), linewidth=1.5)
left.plot(*(3 * vectors[:, None, :] * jnp.array([[-1.0], [1.0]])), color="#b0b0b0", linewidth=1, linestyle=":")
plot.vectors(image - start, origins=start, colors=["#a0a0a0"], ax=left)
shades = [plot.PALETTE[1], plot.PALETTE[2]]
plot.vectors((vectors * values).T, labels=["λ₁ v₁", "λ₂ v₂"], colors=shades, ax=left)
left.set(xlim=(-2.7, 2.9), ylim=(-2.1, 2.2), title="from v to A v")
turns = jax.vmap(lambda v: jnp.degrees(jnp.arctan2(jnp.linalg.det(jnp.stack([v, a @ v])), v @ a @ v)))
angles = jnp.linspace(0, jnp.pi, 181)
right.plot(jnp.degrees(angles), turns(jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)))
right.axhline(0, color="#808080", linewidth=1)
own = jnp.degrees(jnp.arctan2(vectors[1], vectors[0])) % 180
right.scatter(own, jnp.zeros(2), color=shades, zorder=3, s=45)
right.set(xlabel="direction of v in degrees", ylabel="A turns it by degrees", xticks=range(0, 181, 30))
plt.show()

# %% [markdown]
# On the right: by how many degrees $A$ turns a vector, for every direction. The curve crosses zero twice, at the two
# eigenvectors. Directions near the first are drawn toward it, those near the second are driven away; remember this.
#
# The two arrows stand at right angles. That is so for every symmetric matrix, and its eigenvalues are real. If
# $A v = \lambda v$ and $A u = \mu u$, then $\lambda\, u^\top v = u^\top A v = \mu\, u^\top v$, so that $u^\top v = 0$
# where $\lambda \ne \mu$.
#
# ## Where they come from
#
# $(A - \lambda I) v = 0$ has a solution besides 0 only if $A - \lambda I$ is flat, that is, if its determinant is 0:
#
# $$p(\lambda) = \det(A - \lambda I) = \lambda^2 - (a_{11} + a_{22}) \lambda + \det A = 0$$
#
# for two rows, a polynomial of degree $d$ for $d$. Its zeros are the eigenvalues. Their sum is the trace, their
# product the determinant. Here is $p$ for the matrix above, and for a rotation by 45 degrees, which touches no zero:

# %%
turn = linalg.rotation_2d(jnp.pi / 4)
grid = jnp.linspace(-0.6, 3.0, 200)
characteristic = jax.vmap(lambda m, t: linalg.determinant(m - t * jnp.eye(2)), in_axes=(None, 0))
fig, ax = plt.subplots(figsize=(6, 3.1))
ax.plot(grid, characteristic(a, grid), label="symmetric")
ax.plot(grid, characteristic(turn, grid), color=plot.PALETTE[3], label="rotation by 45 degrees")
ax.plot(values, jnp.zeros(2), "o", color=plot.PALETTE[1])
ax.axhline(0, color="#808080", linewidth=1)
ax.set(xlabel="λ", ylabel="det(A - λ I)", ylim=(-1.0, 3.3))
ax.legend(loc="upper center")
plt.show()

# %% [markdown]
# ## A rotation of space has an axis
#
# The rotation by 45 degrees about z has one direction that stays: its axis. The eigenvalue there is 1. In the plane
# of x and y every vector turns, and no real vector is left for the other two eigenvalues. They are complex,
# $\cos 45° \pm i \sin 45° = 0.7071 \pm 0.7071\, i$.

# %%
r = linalg.rotation_3d(jnp.pi / 4, "z")
rotation = linalg.eig(r)
print("eigenvalues:", np.asarray(rotation.eigenvalues).round(4))
axis_at = int(jnp.argmin(jnp.abs(rotation.eigenvalues - 1)))
axis = rotation.eigenvectors[:, axis_at].real
print("eigenvector of 1:", axis)

# %%
steps = jnp.arange(9)
powers = jnp.stack([linalg.matrix_power(r, k) for k in range(9)])
path = jnp.matmul(powers, jnp.array([1.0, 0.0, 0.6]), precision="highest")
fig = plt.figure(figsize=(8.4, 3.8))
fig.get_layout_engine().set(wspace=0.12)
solid = fig.add_subplot(1, 2, 1, projection="3d", elev=24, azim=-50)
plot.vectors(path[:8], colors=["#b8b8b8"], ax=solid)
plot.vectors(path[:2], labels=["v", "R v"], colors=plot.PALETTE[:2], ax=solid)
plot.vectors(1.2 * axis[None], labels=["eigenvector of 1"], colors=[plot.PALETTE[2]], ax=solid)
solid.set(xlabel="x", ylabel="y", zlabel="z", xlim=(-1, 1), ylim=(-1, 1), zlim=(0, 1.3))
solid.set_aspect("equal")
solid.locator_params(nbins=4)
flat = fig.add_subplot(1, 2, 2)
flat.plot(*round_trip.T, color="#c0c0c0", linewidth=1)
pair = rotation.eigenvalues
flat.plot(pair.real, pair.imag, "o", color=plot.PALETTE[3], markersize=9)
for value in np.asarray(pair):
    name = f"{value.real:.4f} {value.imag:+.4f} i" if abs(value.imag) > 0.1 else "1"
    flat.annotate(name, (value.real, value.imag), xytext=(9, 5), textcoords="offset points")
flat.axhline(0, color="#808080", linewidth=1)
flat.set(xlabel="real part", ylabel="imaginary part", xlim=(-1.2, 2.2), ylim=(-1.2, 1.2), aspect="equal")
flat.set_title("eigenvalues of R")
plt.show()

# %% [markdown]
# All three lie on the unit circle, for a rotation changes no length. Their product is $1 \cdot |0.7071 + 0.7071\,i|^2 =
# 1$, the determinant; their sum $1 + 2 \cos\theta$ is the trace, so that one can read the angle of any rotation off
# its diagonal.
#
# ## How a program finds them: power iteration
#
# Multiply a vector by $A$ again and again. In the basis of eigenvectors, $x = c_1 v_1 + c_2 v_2 + \dots$ becomes
#
# $$A^k x = \lambda_1^k \left( c_1 v_1 + c_2 \left(\frac{\lambda_2}{\lambda_1}\right)^k v_2 + \dots \right),$$
#
# and the direction of the largest eigenvalue takes over. The error of the direction falls by
# $|\lambda_2 / \lambda_1|$ in every step. The quotient of Rayleigh, $\frac{x^\top A x}{x^\top x}$, estimates the
# eigenvalue; for a symmetric matrix its error falls by the *square* of that factor.


# %%
def step(x, _):
    x = jnp.matmul(a, x, precision="highest")
    x = x / jnp.linalg.norm(x)
    return x, (x, x @ jnp.matmul(a, x, precision="highest"))


begin = jnp.array([-0.35, 1.0]) / jnp.linalg.norm(jnp.array([-0.35, 1.0]))
_, (iterates, quotients) = jax.jit(lambda x: jax.lax.scan(step, x, length=30))(begin)
off = jax.vmap(linalg.angle, (0, None))(iterates, vectors[:, 0] * jnp.sign(iterates[-1] @ vectors[:, 0]))
ratio = values[1] / values[0]
print("after 30 steps:", iterates[-1], " quotient", quotients[-1], " ratio of the eigenvalues", ratio)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2), width_ratios=(1, 1.2))
trail = plt.get_cmap("viridis_r")(np.linspace(0.1, 1, 7))
plot.vectors(jnp.concatenate([begin[None], iterates[:6]]), labels=["x", *"123"], colors=trail, ax=left)
left.plot(*(2 * vectors[:, :1] * jnp.array([-0.2, 0.7])), color=plot.PALETTE[1], linewidth=1, linestyle="--")
left.set(title="the direction, step by step", xlim=(-0.75, 1.5), ylim=(-0.4, 1.3))
count = np.arange(1, 31)
floor = float(jnp.finfo(a.dtype).eps) / 4
right.semilogy(count, np.maximum(off, floor), "o", markersize=5, label="angle to v₁")
right.semilogy(count, np.maximum(jnp.abs(quotients - values[0]), floor), "s", markersize=4, label="error of λ₁")
for rate, scale, color in ((ratio, off[2] / ratio**3, 0), (ratio**2, (values[0] - quotients[2]) / ratio**6, 1)):
    right.semilogy(count, scale * rate**count, color=plot.PALETTE[color], linewidth=1, linestyle="--")
right.set(xlabel="step", ylim=(floor / 2, 5))
right.legend()
plt.show()

# %% [markdown]
# The dashed lines have the slopes that the formula says, and rounding ends both. This is the curve of degrees from
# above at work: every step draws the vector toward the first eigenvector. For the rotation there is nothing to be
# drawn to: its eigenvalues are all of size 1, and powers of it walk around for ever (the grey arrows in the 3-D
# figure). Programs for all eigenvalues at once, such as the one behind `linalg.eig`, are refinements of this idea.
#
# ## The same in plain NumPy

# %%
numpy_values, numpy_vectors = np.linalg.eigh(np.asarray(a, np.float64))
numpy_rotation = np.linalg.eigvals(np.asarray(r, np.float64))
print("symmetric:", numpy_values[::-1], " rotation:", numpy_rotation.round(4))

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(values, numpy_values[::-1], atol=1e-5)
assert np.allclose(np.abs(np.sum(np.asarray(vectors) * numpy_vectors[:, ::-1], axis=0)), 1.0, atol=1e-5)
assert np.allclose(jnp.matmul(a, vectors, precision="highest"), vectors * values, atol=1e-5)
assert abs(np.asarray(vectors[:, 0]) @ np.asarray(vectors[:, 1])) < 1e-5
assert np.isclose(values.sum(), jnp.trace(a), rtol=1e-5)
assert np.isclose(values.prod(), linalg.determinant(a), rtol=1e-5)
assert np.allclose(characteristic(a, values), 0.0, atol=1e-5)
assert characteristic(turn, grid).min() > 0.4  # a rotation of the plane has no real eigenvalue
found = sorted(np.asarray(rotation.eigenvalues), key=lambda value: value.imag)
assert np.allclose(found, [0.7071 - 0.7071j, 1.0, 0.7071 + 0.7071j], atol=1e-4)
assert np.allclose(found, sorted(numpy_rotation, key=lambda value: value.imag), atol=1e-5)
assert np.allclose(axis, [0.0, 0.0, 1.0], atol=1e-5)
assert np.allclose(np.abs(found), 1.0, atol=1e-5)
assert np.isclose(jnp.trace(r), 1 + 2 * np.cos(np.pi / 4), atol=1e-5)
assert np.allclose(path[8], path[0], atol=1e-5)  # eight turns of 45 degrees
assert off[-1] < 1e-3
assert np.isclose(quotients[-1], numpy_values[-1], rtol=1e-5)
assert np.isclose(off[9] / off[8], ratio, rtol=2e-2)  # the rate of the direction
assert np.isclose((values[0] - quotients[3]) / (values[0] - quotients[2]), ratio**2, rtol=5e-2)  # of the quotient
print("all claims hold")
