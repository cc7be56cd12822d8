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
# # 10.5.3 Transposed convolution
#
# A convolution makes a small image from a large one. A network that draws has to go the other way. **What is a
# convolution backwards, and what does it take to make a photograph twice as large?**

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

from jaxmath import conv, linalg, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Laying down copies
#
# A convolution *collects*: every output is a weighted sum of what lies under the kernel. Its transpose *hands out*:
# every number of the input lays down a copy of the kernel, multiplied by itself, and where copies overlap they are
# added,
#
# $$y_m = \sum_{s i + k = m} w_k\, x_i .$$
#
# The stride $s$ says how far apart the copies lie. With 2 x 2 numbers and a kernel of 2 x 2, by stride 1:

# %%
x = jnp.array([[5.0, 6.0], [7.0, 8.0]])
w = jnp.array([[1.0, 2.0], [3.0, 4.0]])
one_by_one = [x * (jnp.arange(4).reshape(2, 2) == i) for i in range(4)]
copies = [conv.transposed(one, w) for one in one_by_one]
y = conv.transposed(x, w)
titles = (*(f"{n} w" for n in x.ravel().astype(int).tolist()), "y")
plot.matrices([*copies, y], titles=titles, signs=("", "+", "+", "+", "="))
plt.show()

# %% [markdown]
# With stride 2 the copies of a 2 x 2 kernel lie side by side:

# %%
apart = conv.transposed(x, w, stride=2)
plot.matrices([x, w, apart], titles=("x", "w", "transposed, stride 2"))
plt.show()

# %% [markdown]
# An input of $n$ numbers becomes $(n - 1) s + k$: the formula for the size of a convolution, read from right to left.
#
# ## Why it is called transposed
#
# A convolution is linear, so it is a matrix, once the image is written as one long vector. Its columns are the answers
# to images with a single 1. For images of 4 x 4 and a kernel of 3 x 3 that is $C$ of shape $(4, 16)$,
# $y = C x$. Handing out multiplies by the transpose: number $i$ goes to all places from which output $i$ collects.
#
# $$C_{im} = \text{weight of } x_m \text{ in } y_i , \qquad \text{back: } \sum_i C_{im}\, y_i = (C^\top y)_m .$$

# %%
kernel = jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
units = jnp.eye(16).reshape(16, 4, 4)
c = jax.vmap(conv.correlate, in_axes=(0, None))(units, kernel).reshape(16, 4).T
c_back = jax.vmap(conv.transposed, in_axes=(0, None))(jnp.eye(4).reshape(4, 2, 2), kernel).reshape(4, 16).T
plot.matrix(c, number_format=".0f", title="C: a convolution as a matrix")
plt.show()
print("the matrix of the transposed convolution is the transpose:", bool((c_back == c.T).all()))

# %% [markdown]
# The same numbers in every row, shifted: that is what a convolution is among matrices. The transpose is *not* the
# inverse, which a matrix of 4 rows and 16 columns does not have: $C^\top C x$ has the size of $x$, not its numbers.
#
# And it is what the backward pass computes: if $e$ is the derivative of a loss with respect to the outputs, then
# $C^\top e$ is that with respect to the image.

# %%
image = jax.random.normal(jax.random.key(0), (4, 4))
forward, pull_back = jax.vjp(lambda image: conv.correlate(image, kernel), image)
by_autodiff = pull_back(x)[0]
by_transposing = conv.transposed(x, kernel)
print("largest difference:", jnp.abs(by_autodiff - by_transposing).max())

# %% [markdown]
# ## Twice as large
#
# With stride 2 an image doubles. Three kernels for it: the block repeats each pixel; the tent lays linear ramps
# between pixels, so that copies overlap by half; and at last one that we shall look for,
#
# $$w_\mathrm{block} = \begin{pmatrix} 1 & 1 \\ 1 & 1 \end{pmatrix}, \qquad
# w_\mathrm{tent} = \frac1{16} \begin{pmatrix} 1 & 3 & 3 & 1 \\ 3 & 9 & 9 & 3 \\ 3 & 9 & 9 & 3 \\ 1 & 3 & 3 & 1
# \end{pmatrix} .$$
#
# To have the truth at hand, we first halve a photograph, by the mean of each block of 2 x 2, and then double it. The
# padding `"same"` cuts the output to exactly twice the size; the three colours stand in the place of a batch.


# %%
def load(name):
    photo = jnp.asarray(load_sample_image(name)[:424, :640], jnp.float32) / 255
    colours = jnp.moveaxis(photo, -1, 0)[..., None]
    return conv.correlate(colours, conv.box_kernel(2)[..., None, None], stride=2)


def halve(colours):
    return conv.correlate(colours, conv.box_kernel(2)[..., None, None], stride=2)


def double(colours, kernel):
    return conv.transposed(colours, kernel[..., None, None], stride=2, padding="same")


china, flower = load("china.jpg"), load("flower.jpg")
block = jnp.ones((2, 2))
tent = jnp.outer(jnp.array([1.0, 3.0, 3.0, 1.0]), jnp.array([1.0, 3.0, 3.0, 1.0])) / 16
print("photograph:", china.shape, "  halved:", halve(china).shape, "  doubled:", double(halve(china), tent).shape)

# %% [markdown]
# ## The best kernel
#
# Every pixel of the doubled photograph is linear in the weights of the kernel. So the best kernel in the sense of
# squares is a linear system like those of section 2.12.5: one unknown for each of 6 x 6 weights, one equation for each
# pixel. Its columns are the photograph doubled with each unit kernel. It is found from a part of the one photograph,
# and tried on both.

# %%
unit_kernels = jnp.eye(36).reshape(36, 6, 6)
part = china[:, 80:180, 20:120]
columns = jax.vmap(double, in_axes=(None, 0))(halve(part), unit_kernels)
fitted = linalg.lstsq(columns.reshape(36, -1).T, part.ravel(), method="qr").solution.reshape(6, 6)
kernels = {"block": block, "tent": tent, "fitted": fitted}


def rms(colours, kernel):
    inner = (double(halve(colours), kernel) - colours)[:, 4:-4, 4:-4]
    return float(jnp.sqrt(jnp.mean(inner**2)))


errors = {name: (rms(china, kernel), rms(flower, kernel)) for name, kernel in kernels.items()}
for name, (one, other) in errors.items():
    print(f"{name:6s}  error on the temple {one:.4f}, on the flower {other:.4f}")

# %%
shown = jnp.moveaxis(flower[..., 0], 0, -1)
doubled = [jnp.moveaxis(double(halve(flower), kernel)[..., 0], 0, -1) for kernel in kernels.values()]
cut = np.s_[40:130, 110:230]
plot.pictures([shown[cut], *(picture[cut] for picture in doubled)], titles=("the truth", *kernels), columns=2, width=8)
plt.show()

# %%
plot.matrix(fitted, number_format=".2f", title="the fitted kernel")
plt.show()

# %% [markdown]
# In the middle of the fitted kernel stands the block; then come small positive weights, and then negative ones: on
# both sides of an edge it overshoots a little, and so sharpens it. No one told it so, nor that left and right should be
# alike, and yet it is nearly symmetric.
#
# ## A chessboard that nobody wanted
#
# If the stride does not divide the size of the kernel, some pixels get more copies than their neighbours. An even grey
# surface then becomes a chessboard, which pictures drawn by networks are known for. Below, how many copies each pixel
# of an even image gets:

# %%
even = jnp.ones((5, 5))
counts = [conv.transposed(even, jnp.ones((k, k)), stride=2) for k in (3, 4)]
fig, panels = plt.subplots(1, 2, figsize=(9.4, 4.2))
for ax, count, k in zip(panels, counts, (3, 4), strict=True):
    plot.matrix(count, number_format=".0f", cmap="Blues", limits=(0, 6), title=f"{k} x {k}, stride 2", ax=ax)
plt.show()

# %% [markdown]
# A kernel of 4 x 4 is even away from the frame, where every pixel has 4 copies; of 3 x 3 pixels get 1, 2 or 4.
#
# ## The same in plain NumPy

# %%
stacked, spaced = np.zeros((3, 3)), np.zeros((4, 4))
for i, j in np.ndindex(2, 2):
    stacked[i : i + 2, j : j + 2] += np.asarray(x)[i, j] * np.asarray(w)
    spaced[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += np.asarray(x)[i, j] * np.asarray(w)
repeated = np.asarray(halve(flower), np.float64).repeat(2, axis=1).repeat(2, axis=2)
print(stacked.tolist(), spaced.tolist())

# %% [markdown]
# ## What was claimed

# %%
assert y.tolist() == [[5, 16, 12], [22, 60, 40], [21, 52, 32]]
assert apart.tolist() == [[5, 10, 6, 12], [15, 20, 18, 24], [7, 14, 8, 16], [21, 28, 24, 32]]
assert np.array_equal(y, stacked)
assert np.array_equal(apart, spaced)
assert np.array_equal(sum(copies), y)
assert c.shape == (4, 16)
assert np.array_equal(c_back, c.T)
assert np.allclose(by_autodiff, by_transposing, atol=1e-4)
assert not np.allclose(conv.transposed(forward, kernel), image, atol=0.1)  # no inverse
assert np.allclose(double(halve(flower), block), repeated, atol=1e-6)
assert double(halve(china), tent).shape == china.shape
assert errors["fitted"][0] < 0.95 * min(errors["tent"][0], errors["block"][0])
assert errors["fitted"][1] < 0.9 * min(errors["tent"][1], errors["block"][1])  # a photograph that it has not seen
assert fitted[2:4, 2:4].min() > 0.5  # the middle weighs most
assert fitted.min() < 0  # it overshoots
assert np.allclose(fitted, fitted[:, ::-1], atol=0.2)  # nearly symmetric
assert np.allclose(counts[1][2:-2, 2:-2], 4)
assert sorted(set(np.asarray(counts[0]).ravel().tolist())) == [1, 2, 4]
print("all claims hold")
