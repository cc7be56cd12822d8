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
# # 2.14 Rotations
#
# A camera turns, a robot's arm turns, a picture lies askew on the scanner. **Which matrices turn things without
# bending them, and how does one read from such a matrix what it turns about, and how far?**

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
# ## The plane
#
# A turn by the angle $\theta$ takes the first unit vector to $(\cos\theta, \sin\theta)$ and the second, a quarter
# turn ahead of it, to $(-\sin\theta, \cos\theta)$. A linear map is known once we know where the unit vectors go: they
# are the columns of
#
# $$R(\theta) = \begin{pmatrix} \cos\theta & -\sin\theta \\ \sin\theta & \cos\theta \end{pmatrix} .$$

# %%
degrees = jnp.deg2rad(30.0)
turn = linalg.rotation_2d(degrees)
print(turn)

# %%
letter = np.array(
    [[0, 0], [0.3, 0], [0.3, 0.6], [0.8, 0.6], [0.8, 0.85], [0.3, 0.85], [0.3, 1.25], [1, 1.25], [1, 1.5], [0, 1.5]],
    np.float32,
) + np.array([1.6, -0.4], np.float32)
angles = jnp.deg2rad(jnp.arange(0.0, 360.0, 60.0))
around = jax.vmap(linalg.rotation_2d)(angles)
letters = jnp.einsum("kij,nj->kni", around, letter, precision="highest")

fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.3))
plot.vectors(jnp.eye(2), labels=("$e_x$", "$e_y$"), colors=("#a0a0a0",), ax=left)
plot.vectors(turn.T, labels=("$R e_x$", "$R e_y$"), ax=left)
plot.arc(jnp.eye(2)[0], turn[:, 0], label="30°", ax=left)
plot.arc(jnp.eye(2)[1], turn[:, 1], label="30°", ax=left)
left.set(xlabel="x", ylabel="y", xlim=(-0.8, 1.4), ylim=(-0.3, 1.4), xticks=(-0.5, 0, 0.5, 1), title="the columns of R")
for i, shape in enumerate(letters):
    plot.polygon(shape, color=plot.PALETTE[i], ax=right)
    middle = shape.mean(axis=0)
    right.text(*(0.52 * middle), f"{60 * i}°", ha="center", va="center", color=plot.PALETTE[i])
right.plot(0, 0, "k+")
right.set(xlabel="x", ylabel="y", title="one letter, turned about the origin")
plt.show()

# %% [markdown]
# ## What a rotation keeps
#
# The columns have length 1 and stand at right angles, which in one line is $R^\top R = I$: the matrix is
# *orthogonal*. Everything else follows from it. Inner products stay,
#
# $$(R u)^\top (R v) = u^\top R^\top R\, v = u^\top v,$$
#
# so do lengths, $\| R u \|^2 = (R u)^\top (R u)$, and so does the angle between two vectors, which is made of these,
#
# $$\cos \angle(u, v) = \frac{u^\top v}{\| u \|\, \| v \|} .$$
#
# The inverse costs nothing: $R^{-1} = R^\top$, the turn by $-\theta$. And $\det R = 1$; the other orthogonal
# matrices have determinant $-1$ and turn a letter F into its mirror image.

# %%
u, v = jnp.array([3.0, 4.0]), jnp.array([-1.0, 2.0])
turned_u, turned_v = (jnp.matmul(turn, w, precision="highest") for w in (u, v))
unity = jnp.matmul(turn.T, turn, precision="highest")
print("R^T R =", unity.tolist(), " determinant", linalg.determinant(turn))
print("lengths:", jnp.linalg.norm(u), "before,", jnp.linalg.norm(turned_u), "after")
print("angle between the two:", linalg.angle(u, v), "before,", linalg.angle(turned_u, turned_v), "after")

# %% [markdown]
# ## Space: a turn about an axis
#
# In space a rotation needs an axis as well. About the third axis it is the plane's rotation with $z$ left alone,
#
# $$R_z(\theta) = \begin{pmatrix} \cos\theta & -\sin\theta & 0 \\ \sin\theta & \cos\theta & 0 \\ 0 & 0 & 1
# \end{pmatrix},$$
#
# and 30 degrees take $e_x$ to $(\cos 30°, \sin 30°, 0)$. About any unit vector $k$, split $x$ into a part along
# $k$, which stays, and a part across it, which moves on a circle towards $k \times x$ (Rodrigues):
#
# $$R x = \cos\theta\, x + \sin\theta\, (k \times x) + (1 - \cos\theta)\, k\, (k^\top x) .$$

# %%
about_z = linalg.rotation_3d(degrees, "z")
diagonal = jnp.array([1.0, 1.0, 1.0])
cyclic = linalg.rotation_3d(2 * jnp.pi / 3, diagonal)
print("30 degrees about z, first column:", about_z[:, 0])
print("120 degrees about (1, 1, 1):")
print(jnp.round(cyclic, 6) + 0.0)

# %%
steps = jnp.linspace(0, 2 * jnp.pi, 73)
orbit = jax.vmap(lambda theta: linalg.rotation_3d(theta, diagonal))(steps)
fig = plt.figure(figsize=(7.4, 3.5))
left = fig.add_subplot(1, 2, 1, projection="3d", elev=28, azim=28)
plot.vectors(jnp.eye(3), labels=("$e_x$", "$e_y$", "$e_z$"), colors=("#a0a0a0",), ax=left)
plot.vectors(about_z[:, :2].T, labels=("$R e_x$", "$R e_y$"), ax=left)
plot.arc(jnp.eye(3)[0], about_z[:, 0], label="30°", ax=left)
plot.arc(jnp.eye(3)[1], about_z[:, 1], label="30°", ax=left)
left.set_title("30° about z")
right = fig.add_subplot(1, 2, 2, projection="3d", elev=18, azim=20)
plot.vectors(jnp.eye(3), labels=("$e_x$", "$e_y$", "$e_z$"), ax=right)
for i in range(3):
    right.plot(*orbit[:, :, i].T, color=plot.PALETTE[i], linewidth=1.2, linestyle=(4 * i, (4, 8)))
right.plot(*np.outer([1, 1, 1], [-0.35, 1.0]), color="black", linewidth=1.5)
right.text(1.08, 1.08, 1.08, "(1, 1, 1)", ha="center")
right.set_title("about (1, 1, 1): 120° take x to y to z to x")
for ax in (left, right):
    ax.set(xlabel="x", ylabel="y", zlabel="z", aspect="equal")
    ax.set(xticks=(0, 1), yticks=(0, 1), zticks=(0, 1))
plt.show()

# %% [markdown]
# ## Reading a rotation: the axis is what does not move
#
# Given a matrix, which is the axis? The vector with $R k = k$, an eigenvector of eigenvalue 1. The other two
# eigenvalues are $\cos\theta \pm i \sin\theta$: nothing in the plane across the axis keeps its direction, so they
# are complex. Their sum gives the angle, $\operatorname{tr} R = 1 + 2 \cos\theta$.

# %%
hidden = linalg.rotation_3d(jnp.deg2rad(50.0), jnp.array([1.0, 2.0, 2.0]))
values, vectors = linalg.eig(hidden)
fixed = jnp.argmin(jnp.abs(values - 1))
axis = vectors[:, fixed].real
print("eigenvalues:", values)
from_trace = jnp.arccos((jnp.trace(hidden) - 1) / 2)
read = linalg.rotation_axis_angle(hidden)
print("eigenvector and trace:", axis, jnp.rad2deg(from_trace))
print("rotation_axis_angle:  ", read.axis, jnp.rad2deg(read.angle))

# %% [markdown]
# An eigenvector has no preferred sign, and a turn by 50° about $k$ is one by $-50°$ about $-k$; the sign has to be
# read from elsewhere, $R - R^\top$. And the trace has a weakness. Near $\theta = 0$ and near $\pi$ the cosine
# hardly changes, so $\theta$ hangs on the last digits of a number near $\pm 1$: a relative rounding error
# $\epsilon$ becomes an error of about $\epsilon / \sin\theta$, and near 0 that is $\epsilon / \theta$.
# `linalg.rotation_axis_angle` reads $\cos\frac\theta2$ and $k \sin\frac\theta2$ from sums and differences of
# entries, chosen such that the largest is never small. Forty angles towards 0, and forty towards $\pi$:

# %%
small = np.logspace(-6, 0, 40).astype(np.float32)
near = np.stack([small, np.float32(np.pi) - small])
oblique = jnp.array([1.0, 2.0, 2.0], jnp.float32)
matrices = jax.vmap(jax.vmap(lambda theta: linalg.rotation_3d(theta, oblique)))(near)
by_formula = jax.vmap(jax.vmap(linalg.rotation_axis_angle))(matrices)
by_trace = np.arccos(np.clip((np.trace(np.asarray(matrices), axis1=2, axis2=3) - 1) / 2, -1, 1))
trace_error = np.abs(by_trace - near.astype(float))
formula_error = np.abs(np.asarray(by_formula.angle, float) - near.astype(float))

# %%
fig, panels = plt.subplots(1, 2, figsize=(8, 2.9), sharey=True)
for i, (name, error) in enumerate({"rotation_axis_angle": formula_error, "from the trace": trace_error}.items()):
    for ax, row in zip(panels, np.maximum(error, 1e-9), strict=True):
        ax.loglog(small, row, "os"[i], color=plot.PALETTE[i], markersize=4, label=name)
panels[0].set(xlabel="θ", ylabel="error of the angle", title="towards no turn", ylim=(4e-10, 3e-3))
panels[1].set(xlabel="π - θ", title="towards half a turn")
panels[1].legend(fontsize=10)
plt.show()

# %% [markdown]
# Below an angle of about 0.0002 the trace in float32 is exactly 3, and the angle it gives is 0. (Errors below
# $10^{-9}$ are drawn there.)
#
# ## Order matters
#
# In the plane, and about one axis, angles add, and the order is the same to the result. About different axes it is
# not. A box is turned by a quarter about $x$ and then about $z$, and the other way round:

# %%
quarter_x, quarter_z = (linalg.rotation_3d(jnp.pi / 2, name) for name in "xz")
x_then_z = jnp.matmul(quarter_z, quarter_x, precision="highest")
z_then_x = jnp.matmul(quarter_x, quarter_z, precision="highest")
stages = {"a box": jnp.eye(3), "about x, then about z": x_then_z, "about z, then about x": z_then_x}

# %%
fig = plt.figure(figsize=(8.4, 3.2))
for i, (title, stage) in enumerate(stages.items()):
    ax = fig.add_subplot(1, 3, i + 1, projection="3d", elev=22, azim=-55)
    plot.box(stage, sizes=(1.0, 2.0, 3.0), ax=ax)
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), zlim=(-1.5, 1.5), xticks=[], yticks=[], zticks=[])
    ax.set(xlabel="x", ylabel="y", zlabel="z", title=title)
    ax.xaxis.labelpad = ax.yaxis.labelpad = ax.zaxis.labelpad = -12
    ax.set_aspect("equal")
plt.show()
difference = linalg.rotation_axis_angle(jnp.matmul(x_then_z, z_then_x.T, precision="highest"))
print(f"from the one end to the other: {jnp.rad2deg(difference.angle):.1f} degrees about", difference.axis)

# %% [markdown]
# Both ends are 120° turns, about different diagonals. For small angles the disagreement is of second order,
# $R_z R_x - R_x R_z \approx \theta^2\, (K_z K_x - K_x K_z)$ with $K$ the matrix of the cross product, and so small
# turns nearly commute.
#
# ## A thousand rotations at once
#
# `rotation_3d` takes one angle and one axis; `jax.vmap` makes it a function of a thousand. Here the task is to turn
# a body *at random*. A random axis and an angle drawn evenly from 0 to $\pi$ seem fair. Are they? We look at where
# one point of the body, $e_z$, goes; the spheres show 300 of the thousand. The other recipe draws four normal numbers
# and takes the first as $\cos\frac\theta2$, the rest as $k \sin\frac\theta2$, all up to one scale.

# %%
key_axis, key_angle, key_four = jax.random.split(jax.random.key(5), 3)
many_axes = jax.random.normal(key_axis, (1000, 3), jnp.float32)
four = jax.random.normal(key_four, (1000, 4), jnp.float32)
recipes = {
    "angle drawn evenly": (jax.random.uniform(key_angle, (1000,), jnp.float32, maxval=jnp.pi), many_axes),
    "four normal numbers": (2 * jnp.arctan2(jnp.linalg.norm(four[:, 1:], axis=1), four[:, 0]), four[:, 1:]),
}
many = {name: jax.jit(jax.vmap(linalg.rotation_3d))(*drawn) for name, drawn in recipes.items()}
heights = {name: np.sort(np.asarray(rotations[:, 2, 2])) for name, rotations in many.items()}

# %%
fig = plt.figure(figsize=(8, 2.7))
for i, (name, rotations) in enumerate(many.items()):
    ax = fig.add_subplot(1, 3, i + 1, projection="3d", elev=12, azim=-60)
    plot.scatter(rotations[:300, :, 2], size=6, color=plot.PALETTE[i], ax=ax)
    ax.set_box_aspect((1, 1, 1), zoom=1.5)
    ax.set_title(name)
    ax.set_axis_off()
ax = fig.add_subplot(1, 3, 3)
for i, (name, sorted_heights) in enumerate(heights.items()):
    ax.plot(sorted_heights, np.linspace(0, 1, 1000), color=plot.PALETTE[i], label=name)
ax.plot([-1, 1], [0, 1], color="#808080", linewidth=1, linestyle="--", label="even over the sphere")
ax.set(xlabel="height z", ylabel="share of points below", title="where the top goes")
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# Even over the sphere means even in height (Archimedes). The first recipe leaves too many points near the top: the
# rotations by about 90° fill a much larger part of all rotations than those by about 0° do, and an even angle gives
# both the same share. The fair angle has the density $(1 - \cos\theta) / \pi$.
#
# ## How far is it turned? Two noisy figures
#
# A letter, and the same letter turned and measured with errors. Which angle takes the first, with points $p_i$, best
# to the second, $q_i$? The loss is a cosine in disguise,
#
# $$L(\theta) = \frac1n \sum_{i=1}^n \| R(\theta)\, p_i - q_i \|^2 = \text{const} - \frac2n \left( a \cos\theta + b
# \sin\theta \right), \quad a = \sum_i p_i^\top q_i, \quad b = \sum_i (p_{ix} q_{iy} - p_{iy} q_{ix}),$$
#
# with its one minimum at $\mathrm{atan2}(b, a)$. Descent on the angle should find the same; `jax.grad`
# differentiates through the rotation.

# %%
key_first, key_second = jax.random.split(jax.random.key(30))
corners = letter - letter.mean(axis=0)
edges = np.linspace(corners, np.roll(corners, -1, axis=0), 5, endpoint=False)  # five points on every edge
dense = jnp.asarray(np.swapaxes(edges, 0, 1).reshape(-1, 2), jnp.float32)
p = dense + 0.02 * jax.random.normal(key_first, dense.shape)
truth = jnp.deg2rad(130.0)
q = jnp.matmul(dense, linalg.rotation_2d(truth).T, precision="highest")
q = q + 0.03 * jax.random.normal(key_second, dense.shape)


def loss(theta):
    moved = jnp.matmul(p, linalg.rotation_2d(theta).T, precision="highest")
    return jnp.mean(jnp.sum((moved - q) ** 2, axis=1))


def descend(theta, _):
    return theta - 0.4 * jax.grad(loss)(theta), theta


_, path = jax.jit(lambda start: jax.lax.scan(descend, start, length=60))(jnp.deg2rad(-20.0))
closed = jnp.arctan2(jnp.sum(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]), jnp.sum(p * q))
found = path[-1]
print(f"true {jnp.rad2deg(truth):.2f}°, descent {jnp.rad2deg(found):.2f}°, closed form {jnp.rad2deg(closed):.2f}°")

# %%
grid = jnp.deg2rad(jnp.linspace(-180.0, 180.0, 181))
aligned = jnp.matmul(p, linalg.rotation_2d(found).T, precision="highest")
fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.1), width_ratios=(1, 1.2))
plot.polygon(p, color=plot.PALETTE[0], label="first", ax=left)
plot.polygon(q, color=plot.PALETTE[1], label="second", ax=left)
plot.polygon(aligned, color=plot.PALETTE[2], label="first, turned", filled=False, ax=left)
left.set(xlabel="x", ylabel="y", xlim=(-1.2, 1.5), ylim=(-1.1, 1.2))
left.legend(fontsize=8, loc="upper right")
right.plot(jnp.rad2deg(grid), jax.vmap(loss)(grid), color=plot.PALETTE[0])
right.plot(jnp.rad2deg(path), jax.vmap(loss)(path), "o", color=plot.PALETTE[1], markersize=4, label="descent from -20°")
right.axvline(jnp.rad2deg(closed), color=plot.PALETTE[2], linewidth=1, linestyle="--", label="closed form")
right.set(xlabel="angle (degrees)", ylabel="loss", xticks=range(-180, 181, 90))
right.legend(loc="lower left", fontsize=9)
plt.show()

# %% [markdown]
# ## The same in plain NumPy
#
# The thousand rotations, applied to a vector by Rodrigues' formula with `np.cross`, in float64.

# %%
theta, k = (np.asarray(part, np.float64) for part in recipes["four normal numbers"])
k = k / np.linalg.norm(k, axis=1, keepdims=True)
probe = np.array([0.5, -1.0, 2.0])
cos, sin = np.cos(theta)[:, None], np.sin(theta)[:, None]
reference = cos * probe + sin * np.cross(k, probe) + (1 - cos) * k * (k @ probe)[:, None]
ours = np.asarray(many["four normal numbers"], np.float64) @ probe
back = jax.vmap(linalg.rotation_axis_angle)(many["four normal numbers"])
again = jax.vmap(linalg.rotation_3d)(back.angle, back.axis)
print("largest difference:", np.abs(ours - reference).max())

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(about_z[:, 0], [np.cos(np.pi / 6), 0.5, 0.0], atol=1e-5)
assert np.allclose(unity, np.eye(2), atol=1e-5)
assert np.isclose(linalg.determinant(turn), 1.0, atol=1e-5)
assert np.isclose(jnp.linalg.norm(turned_u), 5.0, atol=1e-4)  # length kept
assert np.isclose(linalg.angle(u, v), linalg.angle(turned_u, turned_v), atol=1e-4)
assert np.allclose(cyclic, np.eye(3)[[2, 0, 1]], atol=1e-5)  # x to y to z to x
assert np.allclose(np.abs(axis), [1 / 3, 2 / 3, 2 / 3], atol=1e-4)
assert np.allclose(read.axis, [1 / 3, 2 / 3, 2 / 3], atol=1e-4)
assert np.isclose(read.angle, np.deg2rad(50.0), atol=1e-4)
assert (formula_error[0] <= 1e-5 * small).all()  # digits kept near 0
assert formula_error.max() < 1e-5  # and near pi
assert trace_error.max() > 1e-4  # which the trace loses
assert (np.abs(np.asarray(by_formula.axis) - np.array([1, 2, 2]) / 3) < 1e-4).all()
assert np.abs(x_then_z - z_then_x).max() > 0.9  # order matters
assert np.isclose(difference.angle, 2 * np.pi / 3, atol=1e-4)
even = np.linspace(-1, 1, 1000)
assert np.abs(heights["four normal numbers"] - even).mean() < 0.06
assert (heights["angle drawn evenly"] - even).mean() > 0.2
assert np.allclose(ours, reference, atol=1e-4)
assert np.allclose(again, many["four normal numbers"], atol=1e-4)  # axis and angle give the matrix back
assert np.isclose(found, closed, atol=1e-3)
assert np.isclose(found, truth, atol=0.05)
print("all claims hold")
