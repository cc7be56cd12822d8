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
# # 2.4 Matrices, tensors and images
#
# To us a photograph is a picture. **What is it to a program, and what do cutting, mirroring and turning it grey
# become?**
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
from sklearn.datasets import load_sample_image

from jaxmath import plot

plot.style()
plt.rcParams["image.interpolation"] = "nearest"  # a pixel is a square
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## A matrix and its parts
#
# A matrix $A$ is a table of numbers; $a_{ij}$ stands in row $i$, column $j$. An index for each of the two picks an
# entry, a row, a column or a block.

# %%
a = jnp.arange(24).reshape(4, 6)
print("shape:", a.shape, "  a[1, 2] =", a[1, 2])
parts = {"a[1, 2]": np.s_[1, 2], "a[1]": np.s_[1], "a[:, 3]": np.s_[:, 3], "a[1:3, 2:5]": np.s_[1:3, 2:5]}
parts |= {"a[::2, ::2]": np.s_[::2, ::2], "a[-1, :2]": np.s_[-1, :2]}
fig, panels = plt.subplots(2, 3, figsize=(8.4, 4.3))
for ax, (name, index) in zip(panels.flat, parts.items(), strict=True):
    plot.matrix(a, highlight=index, limits=(-60, 60), title=name, ax=ax)
plt.show()

# %% [markdown]
# ## A grey image is a matrix
#
# Let every number be the brightness of a small square, 0 for black and 1 for white. Then a ramp
# $a_{ij} = \frac{9 i + j}{35}$ with 4 rows and 9 columns looks like this, with and without its numbers:

# %%
ramp = jnp.arange(36).reshape(4, 9) / 35
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 2.5))
plot.matrix(ramp, number_format=".2f", cmap="gray", limits=(0, 1), title="as numbers", ax=left)
right.imshow(ramp, cmap="gray", vmin=0, vmax=1)
right.set(title="the same as an image", xlabel="column j", ylabel="row i", xticks=range(9), yticks=range(4))
right.grid(visible=False)
plt.show()

# %% [markdown]
# Row 0 is on top, so the first index runs *down*. Operations on the picture are operations on indices:

# %%
views = {"ramp": ramp, "ramp[::-1]": ramp[::-1], "ramp[:, ::-1]": ramp[:, ::-1]}
views |= {"1 - ramp": 1 - ramp, "ramp > 0.5": 1.0 * (ramp > 0.5), "ramp.T": ramp.T}
fig, panels = plt.subplots(1, 6, figsize=(11, 2.2), width_ratios=(9, 9, 9, 9, 9, 4))
for ax, (name, view) in zip(panels, views.items(), strict=True):
    ax.imshow(view, cmap="gray", vmin=0, vmax=1)
    ax.set_title(name, family="monospace", fontsize=10)
    ax.set(xticks=(), yticks=())
    ax.spines[:].set_visible(True)
plt.show()

# %% [markdown]
# ## A photograph is a 3-tensor
#
# A colour is three numbers, the amounts of red, green and blue light. So a colour image has three indices: row, column
# and channel, shape $(H, W, 3)$. scikit-learn brings two photographs along; bytes from 0 to 255 become numbers from
# 0 to 1. They are larger than we need. The short way down is to keep every eighth row and column. The better way is
# the mean of each block of 8 x 8, which two new axes make easy:

# %%
photo = load_sample_image("china.jpg")[:424, :632]
sliced = jnp.asarray(photo)[::8, ::8] / 255
averaged = (jnp.asarray(photo).reshape(53, 8, 79, 8, 3) / 255).mean(axis=(1, 3))
print("photo:", photo.shape, photo.dtype, "  small:", sliced.shape, averaged.dtype)
print("the pixel in row 10, column 60:", averaged[10, 60])

# %%
fig, panels = plt.subplots(1, 3, figsize=(9.6, 3.0), width_ratios=(1.5, 1, 1))
panels[0].imshow(averaged)
panels[1].imshow(sliced[15:41, 7:33])
panels[2].imshow(averaged[15:41, 7:33])
panels[0].add_patch(plt.Rectangle((6.5, 14.5), 26, 26, fill=False, edgecolor="white", linewidth=2))
titles = ("the photograph, 53 x 79", "a crop: every eighth pixel", "a crop: means of 8 x 8")
for ax, title in zip(panels, titles, strict=True):
    ax.set(title=title)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# A crop is a slice, here `[15:41, 7:33]`. Where seven of eight rows and columns are left out, a fine pattern becomes
# specks and jagged lines that are not in the scene: this is known as aliasing. Means keep a trace of every pixel.
#
# ## Channels
#
# The last index chooses a channel, and each is a grey image: the brighter, the more light of this colour. What we
# call the brightness of a colour is a weighted sum of the three. The eye is most sensitive to green, hence
#
# $$y_{ij} = 0.299\, r_{ij} + 0.587\, g_{ij} + 0.114\, b_{ij},$$
#
# the product of a 3-tensor with a vector of three weights. It takes the last index away.

# %%
weights = jnp.array([0.299, 0.587, 0.114])
grey = jnp.matmul(averaged, weights, precision="highest")
fig, panels = plt.subplots(1, 4, figsize=(11, 2.2))
greys = {"red": averaged[..., 0], "green": averaged[..., 1], "blue": averaged[..., 2], "weighted sum": grey}
for ax, (title, picture) in zip(panels, greys.items(), strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set_title(title)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# The sky is brightest in blue, the edges of the roofs in red.
#
# ## Or a matrix of pixels
#
# If the place of a pixel does not matter, the $H \times W$ colours are the rows of one matrix of shape $(HW, 3)$:
# points of space, each drawn here in its own colour.

# %%
flower = (jnp.asarray(load_sample_image("flower.jpg")[:424, :632]).reshape(53, 8, 79, 8, 3) / 255).mean(axis=(1, 3))
colours = flower.reshape(-1, 3)[::16]
fig = plt.figure(figsize=(8, 3.6))
left, ax = fig.add_subplot(1, 2, 1), fig.add_subplot(1, 2, 2, projection="3d", elev=22, azim=-60)
left.imshow(flower)
left.set_axis_off()
ax.scatter(*colours.T, c=np.asarray(colours), s=14, linewidths=0, depthshade=False)
ax.set(xlabel="red", ylabel="green", zlabel="blue", xticks=(0, 0.5), yticks=(0, 0.5, 1), zticks=(0, 0.5, 1))
ax.set(xlim=(0, 1), ylim=(0, 1), zlim=(0, 1))
ax.set_aspect("equal")
plt.show()

# %% [markdown]
# Two arms: from black to blue-green, the leaves, and from red through orange to a light yellow, the petals.
#
# ## Higher: batches, and the order of the axes
#
# Images of one size can be stacked: a batch of $N$ has shape $(N, H, W, 3)$. Some programs want the channels first,
# $(N, 3, H, W)$. That is the same tensor with its indices in another order, $b_{nchw} = a_{nhwc}$, and *not* the
# same as a reshape, which keeps the numbers in their sequence and so mixes pixels and channels.

# %%
batch = jnp.stack([averaged, flower])
channels_first = jnp.moveaxis(batch, -1, 1)
mixed = batch.reshape(2, 3, 53, 79)
print("batch:", batch.shape, "  channels first:", channels_first.shape)
fig, panels = plt.subplots(1, 2, figsize=(6.6, 2.5))
views = {"moveaxis: the red channel": channels_first[1, 0], "reshape: no channel at all": mixed[1, 0]}
for ax, (title, picture) in zip(panels, views.items(), strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set_title(title)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# ## What was claimed

# %%
table = np.arange(24).reshape(4, 6)
assert all(np.array_equal(a[index], table[index]) for index in parts.values())
assert ramp.shape == (4, 9)
assert ramp[0, 0] == 0
assert ramp[3, 8] == 1
assert np.allclose(jnp.diff(ramp.ravel()), 1 / 35, atol=1e-6)
assert np.allclose(ramp.T, np.asarray(ramp).T)
reference = photo.astype(np.float64) / 255
assert np.allclose(sliced, reference[::8, ::8], atol=1e-5)
assert np.allclose(averaged[7, 11], reference[56:64, 88:96].mean(axis=(0, 1)), atol=1e-5)
assert np.allclose(grey, np.asarray(averaged, np.float64) @ [0.299, 0.587, 0.114], atol=1e-5)
sky = averaged[:10].mean(axis=(0, 1))
assert sky[2] > sky[1] > sky[0]  # the sky is brightest in blue
assert batch.shape == (2, 53, 79, 3)
assert np.array_equal(channels_first[1, 2], flower[:, :, 2])
assert not np.array_equal(mixed[1, 0], flower[:, :, 0])
steps = [float(jnp.abs(jnp.diff(small, axis=1)).mean()) for small in (sliced, averaged)]
assert steps[0] > 1.1 * steps[1]  # neighbours differ more where pixels were left out
print("all claims hold")
