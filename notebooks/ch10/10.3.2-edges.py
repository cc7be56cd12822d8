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
# # 10.3.2 Edges
#
# A line drawing leaves nearly everything of a scene away, and we still see what it is. **How little does it take to
# find the lines?**

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
from scipy import signal
from sklearn.datasets import load_sample_image

from jaxmath import conv, optimize, plot

plot.style()
plt.rcParams["image.interpolation"] = "nearest"  # a pixel is a square
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Four numbers
#
# An edge is where the brightness changes. Take the difference of two neighbours, once in each of two rows, and their
# mean, halved once more:
#
# $$y_{ij} = \frac{(x_{i, j+1} - x_{ij}) + (x_{i+1, j+1} - x_{i+1, j})}{4}, \qquad
# w_\mathrm{vertical} = \frac14 \begin{pmatrix} -1 & 1 \\ -1 & 1 \end{pmatrix}, \qquad
# w_\mathrm{horizontal} = w_\mathrm{vertical}^\top .$$
#
# The numbers of the kernel add up to 0, so a patch of even brightness, whatever it is, is answered with 0. An edge
# from dark to bright is positive and one from bright to dark negative; a step by $b$ gives $b / 2$.

# %%
vertical, horizontal = conv.edge_kernels()
square = jnp.zeros((6, 7)).at[1:5, 2:5].set(4.0)
answers = [conv.correlate(square, kernel) for kernel in (vertical, horizontal)]
fig, panels = plt.subplots(1, 3, figsize=(10.5, 2.9), width_ratios=(7, 6, 6))
plot.matrix(square, highlight=np.s_[1:3, 1:3], title="a bright square", limits=(-6, 6), ax=panels[0])
plot.matrix(answers[0], highlight=np.s_[1, 1], title="vertical edges", limits=(-6, 6), ax=panels[1])
plot.matrix(answers[1], highlight=np.s_[1, 1], title="horizontal edges", limits=(-6, 6), ax=panels[2])
plt.show()

# %% [markdown]
# The framed window is answered with the framed numbers. It sees a vertical edge and no horizontal one.
#
# ## Edges of every direction
#
# The two answers are the components of a vector, which points to where it grows brighter and is the longer the steeper
# the change: four numbers each are an estimate of the gradient. On the rim of a bright disc these vectors should all
# point to the centre. (The disc has been smoothed, so that its rim is not a staircase.)

# %%
rows, columns = np.mgrid[:64, :64]
disc = jnp.asarray((rows - 32) ** 2 + (columns - 32) ** 2 < 20**2, jnp.float32)
disc = conv.filter_image(disc, conv.gaussian_kernel(9, 2.0))
down, right = conv.correlate(disc, horizontal), conv.correlate(disc, vertical)
length = jnp.hypot(down, right)
places = np.argwhere(length > 0.6 * length.max())
arrows = np.stack([right[*places.T], down[*places.T]], axis=1)
inward = 31.5 - places[:, ::-1]
cosines = (arrows * inward).sum(axis=1) / np.linalg.norm(arrows, axis=1) / np.linalg.norm(inward, axis=1)
print(f"smallest cosine between an arrow and the way to the centre: {cosines.min():.4f}")

# %%
fig, panels = plt.subplots(1, 4, figsize=(10.4, 2.9))
for ax, picture in zip(panels, (disc, right, down, length), strict=True):
    signed = picture is right or picture is down
    limits = dict(cmap="RdBu_r", vmin=-0.1, vmax=0.1) if signed else dict(cmap="gray", vmin=0)
    ax.imshow(picture, **limits)
    ax.set_axis_off()
for ax, title in zip(panels, ("disc", "vertical edges", "horizontal edges", "length and direction"), strict=True):
    ax.set_title(title)
some = np.argsort(np.arctan2(*inward.T))[::12]
look = dict(color=plot.PALETTE[4], angles="xy", scale_units="xy", scale=0.009, width=0.01)
panels[3].quiver(*places[some, ::-1].T, *arrows[some].T, **look)
plt.show()

# %% [markdown]
# Red is positive and blue negative. Each kernel alone misses the edges that run the other way; together they miss none.
#
# ## A photograph as a line drawing
#
# The length of the vectors, in black on white:

# %%
photo = np.asarray(load_sample_image("china.jpg"), np.float32) / 255
grey = conv.correlate(jnp.asarray(photo @ np.float32([0.299, 0.587, 0.114])), conv.box_kernel(2), stride=2)
parts = conv.correlate(grey, vertical), conv.correlate(grey, horizontal)
drawing = jnp.hypot(*parts)
titles = ("photograph", "vertical edges", "horizontal edges", "drawing")
plot.pictures([grey, *parts, 1 - 4 * drawing], titles=titles, columns=2, signed=(1, 2), width=6.6)
plt.show()

# %% [markdown]
# The posts are in one and the roofs in the other. What is not in the drawing is the sky: most of the
# picture has no edges, and is answered with nearly nothing.
#
# ## Edges in noise
#
# A difference of neighbours is a poor thing where every pixel has noise of its own. How visible a step of height 1 is
# can be told from the kernel alone: divide its answer by the standard deviation of what it makes of noise of size 1,
# $\sqrt{\sum w^2}$. Sobel's kernels average three rows instead of two, and take the difference over two pixels:
#
# $$w_\mathrm{Sobel} = \begin{pmatrix} -1 & 0 & 1 \\ -2 & 0 & 2 \\ -1 & 0 & 1 \end{pmatrix} .$$
#
# Or smooth first. Two filters one after the other are a single one: with $*$ for the *convolution*, which turns one
# kernel round before it slides, and $\star$ for the correlation that has been used so far,
#
# $$(x \star a) \star b = x \star (a * b) .$$
#
# So a Gaussian, and then differences, is one kernel of 10 x 10.

# %%
bell = conv.gaussian_kernel(9, 1.5)
smooth_edges = conv.convolve(bell, vertical, padding="full")
one_after_the_other = conv.correlate(conv.correlate(grey, bell), vertical)
at_once = conv.correlate(grey, smooth_edges)
kernels = {"2 x 2": vertical, "Sobel": conv.sobel_kernels().vertical, "Gaussian and 2 x 2": smooth_edges}
step = jnp.zeros((40, 60)).at[:, 30:].set(1.0)
noisy = step + 0.8 * jax.random.normal(jax.random.key(0), step.shape)
edges = {name: conv.correlate(noisy, kernel) for name, kernel in kernels.items()}
clear = {name: float(conv.correlate(step, w).max() / jnp.sqrt(jnp.sum(w**2))) for name, w in kernels.items()}
print("largest difference:", jnp.abs(one_after_the_other - at_once).max())

# %%
pictures = [noisy, *(answer / answer.max() for answer in edges.values())]
titles = ["a step in noise", *(f"{name}: {clear[name]:.2f}" for name in kernels)]
plot.pictures(pictures, titles=titles, signed=(1, 2, 3), width=10.4)
plt.show()

# %% [markdown]
# The numbers are the answer to the step over the noise, for noise of size 1. The larger the kernel, the clearer the
# edge, and the less precisely one knows where it is.
#
# ## Learned instead of designed
#
# Nobody needs to know such kernels. Show a picture together with the wanted answer, and ask for the four numbers that
# give it: the error is a function of the kernel, and has a gradient,
#
# $$\frac{\partial}{\partial w_{kl}} \sum_{ij} \frac{(y_{ij} - t_{ij})^2}{2} = \sum_{ij} (y_{ij} - t_{ij})\,
# x_{i+k,\, j+l} ,$$
#
# which is a correlation again, of the picture with the errors.

# %%
picture = jax.random.normal(jax.random.key(1), (30, 30))
target = conv.correlate(picture, vertical)


def loss(kernel):
    return jnp.mean((conv.correlate(picture, kernel) - target) ** 2) / 2


descent = jax.jit(lambda start: optimize.minimize(loss, start, optimizer=optimize.gradient_descent(0.2), num_steps=40))(
    jnp.zeros((2, 2))
)
shown = (1, 4, 10, 40)
plot.matrices([descent.path[t] for t in shown], titles=[f"after {t} steps" if t > 1 else "after a step" for t in shown])
plt.show()

# %%
start = jax.random.normal(jax.random.key(2), (2, 2))
errors = conv.correlate(picture, start) - target
by_correlation = conv.correlate(picture, errors) / errors.size
print("gradient:", jax.grad(loss)(start)[0], "  as a correlation:", by_correlation[0], "  (first rows)")

# %% [markdown]
# In the next chapter a network learns thousands of kernels in this way, and among its first ones there are usually
# edges.
#
# ## The same in plain NumPy and SciPy

# %%
x = np.asarray(grey, np.float64)
by_slices = (x[:-1, 1:] - x[:-1, :-1] + x[1:, 1:] - x[1:, :-1]) / 4
by_scipy = signal.correlate2d(x, np.array([[-1, -1], [1, 1]]) / 4, mode="valid")
print("largest differences:", np.abs(parts[0] - by_slices).max(), np.abs(parts[1] - by_scipy).max())

# %% [markdown]
# ## What was claimed

# %%
assert vertical.tolist() == [[-0.25, 0.25], [-0.25, 0.25]]
assert horizontal.tolist() == [[-0.25, -0.25], [0.25, 0.25]]
assert answers[0][1, 1] == 2  # half of a step by 4
assert answers[1][1, 1] == 0
assert answers[0][2, 4] == -2
assert conv.correlate(jnp.full((5, 5), 0.3), vertical).max() == 0
assert cosines.min() > 0.99
assert np.ptp(np.asarray(length).max(axis=1)[20:44]) < 0.02  # as strong on every side
assert np.allclose(parts[0], by_slices, atol=1e-6)
assert np.allclose(parts[1], by_scipy, atol=1e-6)
assert jnp.mean(drawing < 0.05) > 0.6  # most of the picture has no edges
assert np.allclose(one_after_the_other, at_once, atol=1e-5)
assert np.isclose(clear["2 x 2"], 1, atol=1e-5)
assert np.isclose(clear["Sobel"], 4 / np.sqrt(12), atol=1e-5)
assert clear["Gaussian and 2 x 2"] > 2 * clear["Sobel"]
assert np.allclose(descent.path[-1], vertical, atol=1e-3)
assert np.allclose(jax.grad(loss)(start), by_correlation, atol=1e-5)
print("all claims hold")
