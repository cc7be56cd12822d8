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
# # 10.3.1 Smoothing
#
# A picture taken in bad light is covered with specks. **How much of the noise goes away if every pixel becomes the mean
# of its neighbours, and what goes away with it?**

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
from flax import nnx
from sklearn.datasets import load_sample_image

from jaxmath import conv, plot

plot.style()
plt.rcParams["image.interpolation"] = "nearest"  # a pixel is a square
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## A window that slides
#
# Lay a window of 3 x 3 over the picture, with its middle on a pixel, and replace the pixel by the mean of the nine
# below. Then slide on by one. As a formula, with weights $w$ that are all $\frac19$ here,
#
# $$y_{ij} = \sum_{k=0}^{2} \sum_{l=0}^{2} w_{kl}\; x_{i+k,\, j+l} .$$
#
# The table $w$ is called the *kernel*. An image of $n$ rows has $n - 2$ places for it. In numbers:

# %%
small = jnp.array([[0, 0, 0, 9, 9], [0, 0, 0, 9, 9], [0, 9, 0, 9, 9], [0, 0, 0, 9, 9.0]])
box = conv.box_kernel(3)
smooth = conv.correlate(small, box)
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9.2, 2.5), width_ratios=(5, 3, 3))
plot.matrix(small, highlight=np.s_[1:4, 2:5], title="x, and one place of the window", ax=left)
plot.matrix(9 * box, title="9 w", limits=(-4, 4), ax=middle)
shown = np.zeros((2, 3), bool)
shown[1, 2] = True
plot.matrix(smooth, highlight=shown, title="y", limits=(-16, 16), ax=right)
plt.show()

# %% [markdown]
# The single 9, a speck, has been spread out to ones. The edge between 0 and 9 was one step and is now a flight of
# three. Both are the same thing, and the whole story: a mean over neighbours is good where neighbours are alike.
#
# ## A noisy picture of discs
#
# Bright discs, 1, on a dark ground, 0, and on top of every pixel a random number with standard deviation 0.7. The
# task: tell bright pixels from dark ones, by asking which are above 0.5.

# %%
rows, columns = np.mgrid[:160, :240]
discs = [(40, 45, 30), (60, 125, 22), (110, 80, 26), (45, 200, 18), (115, 165, 34), (135, 222, 10)]
inside = [(rows - a) ** 2 + (columns - b) ** 2 < r**2 for a, b, r in discs]
clean = jnp.any(jnp.array(inside), axis=0).astype(jnp.float32)
noise = 0.7 * jax.random.normal(jax.random.key(0), clean.shape)
noisy = clean + noise
smoothed = conv.filter_image(noisy, box, border="edge")


def wrong(image):
    return 100 * jnp.mean((image > 0.5) != (clean > 0.5))


pictures = [noisy, noisy > 0.5, smoothed, smoothed > 0.5]
titles = ["with noise", f"above 0.5: {wrong(noisy):.1f} % wrong"]
titles += ["means of 3 x 3", f"above 0.5: {wrong(smoothed):.1f} % wrong"]
plot.pictures(pictures, titles=titles, columns=2, width=5.6)
plt.show()

# %% [markdown]
# `conv.filter_image` keeps the size: around the image it puts zeros, or, with `border="edge"`, the nearest pixel, so
# that the frame does not darken.
#
# ## The same as a layer of a network
#
# In Flax a convolution is a layer. It wants a batch and channels, $(n, h, w, c)$, and its kernel is
# $(3, 3, c_\mathrm{in}, c_\mathrm{out})$. Ours has one channel in and one out. Such a layer begins with random weights
# and would learn its kernel from examples; here we put the box into it.

# %%
layer = nnx.Conv(1, 1, (3, 3), padding="VALID", use_bias=False, precision="highest", rngs=nnx.Rngs(0))
layer.kernel[...] = box[:, :, None, None]
by_layer = layer(noisy[None, :, :, None])[0, :, :, 0]
by_function = conv.correlate(noisy, box)
print("kernel of the layer:", layer.kernel.shape, "  image:", noisy.shape, " -> ", by_layer.shape)
print("largest difference:", jnp.abs(by_layer - by_function).max())

# %% [markdown]
# ## How large a window?
#
# If the noise of the pixels is independent, each with variance $\sigma^2$, then the mean of $k \times k$ of them has
# the variance
#
# $$\operatorname{var} \Big( \sum_{kl} w_{kl}\, \epsilon_{kl} \Big) = \sigma^2 \sum_{kl} w_{kl}^2 =
# \frac{\sigma^2}{k^2},$$
#
# so the noise falls as $\sigma / k$. The blur grows with $k$ at the same time. Below, the noise alone through boxes
# of growing size, and the number of wrong pixels. Written into tables of one size, 25 x 25 with zeros around, the
# thirteen boxes are one array, and `jax.vmap` filters with all of them at once. (The noise is measured away from the
# frame, where pixels are repeated.)

# %%
sizes = np.arange(1, 26, 2)
boxes = jnp.array([np.pad(conv.box_kernel(int(k)), (25 - k) // 2) for k in sizes])
filtered = jax.vmap(lambda w: conv.filter_image(jnp.stack([noise, noisy], axis=-1), w, border="edge"))(boxes)
left_over = filtered[:, 12:-12, 12:-12, 0].std(axis=(1, 2))
errors = [float(wrong(image)) for image in filtered[..., 1]]
best = int(sizes[np.argmin(errors)])
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.1))
left.loglog(sizes, left_over, "o", markersize=5, label="measured")
left.loglog(sizes, 0.7 / sizes, color="#808080", linewidth=1, linestyle="--", label="$\\sigma / k$")
left.set(xlabel="size k of the window", ylabel="standard deviation of the noise", xticks=(1, 3, 9, 25))
left.set_xticklabels(("1", "3", "9", "25"))
left.legend()
right.semilogy(sizes, errors, "o-", markersize=5)
right.plot(best, min(errors), "o", color=plot.PALETTE[1], markersize=9, label=f"best: {best} x {best}")
right.set(xlabel="size k of the window", ylabel="wrong pixels, %")
right.legend()
plt.show()

# %% [markdown]
# First the noise goes, then the discs do: the small ones shrink, and gaps close. In between lies the best size.
#
# ## A photograph, and a rounder window
#
# The corners of a square window are 1.4 times as far away as its sides, and at its border a weight falls from
# $\frac1{k^2}$ to 0 at once. A Gaussian kernel, $w \propto e^{-r^2 / 2 \sigma^2}$, does neither. Every colour is
# filtered by itself. (First the photograph is made smaller: a box of 2 x 2 with stride 2, a mean of every block.)

# %%
photo = jnp.asarray(load_sample_image("china.jpg")[:426], jnp.float32) / 255
halved = conv.correlate(jnp.moveaxis(photo, -1, 0)[..., None], conv.box_kernel(2)[..., None, None], stride=2)
photo = jnp.moveaxis(halved[..., 0], 0, -1)
grainy = photo + 0.15 * jax.random.normal(jax.random.key(1), photo.shape)


def rms(image):
    return float(jnp.sqrt(jnp.mean((image - photo) ** 2)))


widths = jnp.linspace(0.3, 2.0, 18)
bells = jax.vmap(lambda s: conv.gaussian_kernel(9, s))(widths)
kernels = jnp.stack([jnp.pad(box, 3), conv.box_kernel(9), *bells])
filtered = jax.vmap(lambda w: conv.filter_image(grainy, w, border="edge"))(kernels)
boxed, spread = filtered[:2], filtered[2:]
left_off = jnp.sqrt(jnp.mean((spread - photo) ** 2, axis=(1, 2, 3)))
gentle = spread[jnp.argmin(left_off)]

# %%
pictures = [grainy, boxed[0], gentle, boxed[1]]
names = ["with noise", "box 3 x 3", f"Gaussian, $\\sigma$ = {widths[jnp.argmin(left_off)]:.1f}", "box 9 x 9"]
crops = [picture[75:130, 40:112] for picture in pictures]
titles = [f"{name}: error {rms(picture):.3f}" for name, picture in zip(names, pictures, strict=True)]
plot.pictures(crops, titles=titles, columns=2, width=6.4)
plt.show()

# %%
fig, ax = plt.subplots(figsize=(6, 3))
ax.plot(widths, left_off, label="Gaussian")
ax.axhline(rms(boxed[0]), color=plot.PALETTE[1], linestyle="--", label="box 3 x 3")
ax.axhline(rms(grainy), color="#808080", linestyle=":", label="nothing done")
ax.set(xlabel="$\\sigma$ of the kernel", ylabel="error of the photograph", ylim=(0, 0.17))
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# The photograph has detail at every scale, so there is less to gain than with discs, and the best window is small. The
# eighteen widths were one `jax.vmap`: the width is a number like any other, and could be found by its derivative, too.
#
# ## The same in plain NumPy

# %%
padded = np.pad(np.asarray(noisy, np.float64), 1, mode="edge")
by_slices = sum(padded[k : k + 160, m : m + 240] for k in range(3) for m in range(3)) / 9
windows = np.lib.stride_tricks.sliding_window_view(np.asarray(noisy, np.float64), (3, 3))
by_windows = windows.mean(axis=(2, 3))
print("largest differences:", np.abs(smoothed - by_slices).max(), np.abs(by_function - by_windows).max())

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(smooth[1, 2], 6.0, atol=1e-5)
assert np.allclose(smooth[:, 0], [1, 1], atol=1e-5)  # the speck, spread out
assert np.allclose(smoothed, by_slices, atol=1e-5)
assert np.allclose(by_function, by_windows, atol=1e-5)
assert by_layer.shape == (158, 238)
assert jnp.abs(by_layer - by_function).max() < 1e-5
assert wrong(smoothed) < wrong(noisy) / 2
assert np.allclose(left_over, 0.7 / sizes, rtol=0.25)
assert 3 < best < 25  # neither end
assert min(errors) < errors[-1] / 2
assert rms(gentle) < rms(boxed[0]) < rms(grainy)
assert rms(boxed[1]) > rms(boxed[0])
assert np.isclose(conv.box_kernel(9).sum(), 1, atol=1e-6)
print("all claims hold")
