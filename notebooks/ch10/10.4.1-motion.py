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
# # 10.4.1 Motion
#
# A single frame of a film shows where things are, and nothing moves in it. **Can a kernel see motion, and tell how
# fast and which way?**

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
from scipy import ndimage

from jaxmath import conv, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## A film is a tensor of three axes
#
# Frames of $H \times W$ pixels, $T$ of them one behind the other: shape $(T, H, W)$. In ours a large disc moves to the
# lower right, 2 pixels down and 3 to the right from frame to frame, and a small one stands still. To every pixel some
# noise is added.

# %%
t, rows, columns = np.mgrid[:8, :56, :72]
moving = (rows - 16 - 2 * t) ** 2 + (columns - 18 - 3 * t) ** 2 < 9**2
still = (rows - 40) ** 2 + (columns - 14) ** 2 < 6**2
clean = jnp.asarray(moving | still, jnp.float32)
film = clean + 0.15 * jax.random.normal(jax.random.key(0), clean.shape)
plot.pictures(film[::2], titles=[f"frame {i}" for i in range(0, 8, 2)], width=10.4)
plt.show()

# %% [markdown]
# ## A kernel that reaches into the next frame
#
# What moves is bright now where it was dark before. So: smooth every frame, as in section 10.3.1, and take the
# difference of one frame and the next. Both are weighted sums of neighbours, and together they are *one* kernel of
# three axes, $-$box for this frame and $+$box for the next:
#
# $$y_{tij} = \sum_{s=0}^{1} \sum_{k=0}^{2} \sum_{l=0}^{2} w_{skl}\; x_{t+s,\, i+k,\, j+l} , \qquad
# w_0 = -\tfrac19 \begin{pmatrix} 1 & 1 & 1 \\ 1 & 1 & 1 \\ 1 & 1 & 1 \end{pmatrix} , \quad w_1 = -w_0 .$$

# %%
kernel = conv.motion_kernel(3)
answer = conv.correlate(film, kernel)
print("kernel:", kernel.shape, "  film:", film.shape, " -> ", answer.shape)
titles = [f"frames {i} and {i + 1}" for i in range(0, 7, 2)]
plot.pictures(answer[::2], titles=titles, signed=range(4), width=10.4)
plt.show()

# %% [markdown]
# Red is where it has become brighter: the front of the disc. Blue is where it has become darker: its back. The disc
# that stands still is gone, and so is the inside of the large one, where bright follows bright.
#
# ## How fast?
#
# A disc of radius $r$ that moves by a small $v$ uncovers a crescent of area about $2 r v$ behind it, and covers as much
# in front. So the sum of $|y|$ is about $4 r v$: it grows with the speed, until the disc leaves its old place
# altogether and both areas are $\pi r^2$. For discs at thirty speeds, without noise:

# %%
radius = 9.0
speeds = jnp.linspace(0.0, 30.0, 31)
grid_rows, grid_columns = jnp.mgrid[:41, :72]


def pair_of_frames(speed):
    centers = jnp.array([[20.0, 16.0], [20.0, 16.0 + speed]])[:, :, None, None]
    distance = jnp.hypot(grid_rows - centers[:, 0], grid_columns - centers[:, 1])
    return jnp.clip(radius + 0.5 - distance, 0, 1)


strength = jax.vmap(lambda v: jnp.abs(conv.correlate(pair_of_frames(v), kernel)).sum())(speeds)
fig, ax = plt.subplots(figsize=(6, 3.1))
ax.plot(speeds, strength, "o", markersize=4, label="sum of |y|")
ax.plot(speeds[:16], 4 * radius * speeds[:16], "--", color="#808080", linewidth=1, label="$4 r v$")
ax.axhline(2 * np.pi * radius**2, color="#808080", linestyle=":", linewidth=1, label="$2 \\pi r^2$")
ax.set(xlabel="pixels from frame to frame", ylabel="strength of the answer")
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# ## Which way?
#
# Let the box of the next frame lie elsewhere: shifted by $(a, b)$. Such a kernel compares every place with the place
# $a$ rows down and $b$ columns to the right one frame later. What moves by just that much looks to it as if it
# stood still, and it answers with nothing. So ask kernels for all shifts, and see which is the most silent:
#
# $$(a, b)^* = \arg \min_{a, b} \sum_{tij} \big( y^{(a, b)}_{tij} \big)^2 .$$
#
# The small disc is in the way, as it does not follow; we look at a part of the film without it. The 81 kernels are
# eighty-one output channels of one convolution in three dimensions.

# %%
shifts = np.arange(-4, 5)
middle = np.pad(conv.box_kernel(3), 4)
kernels = [np.stack([-middle, np.roll(middle, (a, b), (0, 1))]) for a in shifts for b in shifts]
kernels = jnp.stack(kernels, axis=-1)[:, :, :, None]
part = film[:, :, 24:]
energy = jnp.mean(conv.correlate(part[None, ..., None], kernels)[0] ** 2, axis=(0, 1, 2)).reshape(9, 9)
a, b = np.unravel_index(np.argmin(energy), energy.shape)
print("kernels:", kernels.shape, "  most silent:", (int(shifts[a]), int(shifts[b])))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.3), width_ratios=(1.1, 1))
mesh = left.pcolormesh(shifts, shifts, jnp.log10(energy), cmap="viridis")
left.plot(shifts[b], shifts[a], "o", color=plot.PALETTE[1], markersize=9)
left.set(xlabel="shift b to the right", ylabel="shift a down", title="energy of the answer, log 10")
left.invert_yaxis()
left.set_aspect("equal")
left.grid(visible=False)
fig.colorbar(mesh, ax=left)
best = conv.correlate(film, kernels[..., 0, 9 * a + b])
right.imshow(best[2], cmap="RdBu_r", vmin=-1, vmax=1)
right.set_title("answer of the most silent kernel")
right.set_axis_off()
plt.show()

# %% [markdown]
# The kernel that goes along has lost the large disc, and now it is the other one that moves: to the upper left, with a
# red front and a blue back. A network for films learns many such kernels, each for a speed and a direction.
#
# ## The same in plain NumPy and SciPy

# %%
reference = np.asarray(film, np.float64)
smooth = np.stack([ndimage.uniform_filter(frame, 3)[1:-1, 1:-1] for frame in reference])
by_differences = np.diff(smooth, axis=0)
print("largest difference:", np.abs(answer - by_differences).max())

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(answer, by_differences, atol=1e-5)
assert answer.shape == (7, 54, 70)
assert np.allclose(kernel[0], -1 / 9)
assert np.allclose(kernel[1], 1 / 9)
pure = conv.correlate(clean, kernel)
assert jnp.abs(pure[:, 32:, :12]).max() < 1e-6  # what stands still
assert jnp.abs(pure[0, 15:18, 18:20]).max() < 1e-6  # the inside of what moves
assert pure[0, 17, 27] > 0.5  # the front
assert pure[0, 15, 10] < -0.5  # the back
assert strength[0] < 1e-3
assert np.allclose(strength[1:8], 4 * radius * speeds[1:8], rtol=0.06)
assert np.allclose(strength[20:], 2 * np.pi * radius**2, rtol=0.02)
assert (int(shifts[a]), int(shifts[b])) == (2, 3)
assert energy.min() < 0.2 * energy[4, 4]
print("all claims hold")
