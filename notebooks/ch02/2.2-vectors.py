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
# # 2.2 Vectors: things as lists of numbers
#
# A cat meets objects that are more or less hard and more or less sharp; a camera meets handwritten digits. **What
# can be done with such things once each of them is a list of numbers?**
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

from jaxmath import data, linalg, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Made, indexed, sliced
#
# A vector $v = (v_0, v_1, \dots, v_{d-1})$ is $d$ numbers in a fixed order. The number of the place is the index. It
# begins at 0, and negative ones count from the end.

# %%
v = jnp.array([0.11, 0.01, 0.98, 0.12, 0.98, 0.85, 0.03, 0.55])
print("v       =", v, v.shape, v.dtype)
print("v[2]    =", v[2], "   the third")
print("v[-1]   =", v[-1], "  the last")
print("v[1:4]  =", v[1:4], "  from 1, up to but without 4")
print("v[:2]   =", v[:2], "  the first two")
print("v[::3]  =", v[::3], "  every third")
print("v[[5, 0]] =", v[jnp.array([5, 0])], "  these, in this order")
print("v[v > 0.5] =", v[v > 0.5])

# %% [markdown]
# Drawn as strips of numbers, with what each index picks in a frame:

# %%
picks = {"v[2]": np.s_[0, 2], "v[-1]": np.s_[0, -1], "v[1:4]": np.s_[0, 1:4], "v[::3]": np.s_[0, ::3]}
fig, panels = plt.subplots(4, 1, figsize=(6.4, 4.2))
for ax, (name, index) in zip(panels, picks.items(), strict=True):
    plot.matrix(v[None], highlight=index, ax=ax)
    ax.text(-0.8, 0, name, ha="right", va="center", family="monospace")
plt.show()

# %% [markdown]
# Three differences to NumPy are worth knowing. A JAX array never changes: `v.at[0].set(...)` answers with a new one.
# A slice is therefore a vector of its own, not a window into the old one. And inside a compiled program no index can
# raise an error, so one past the end reads the last entry, unless `mode="fill"` asks for a NaN.

# %%
changed = v.at[0].set(7.0)
window = np.array(v)
window[:2][0] = 7.0  # NumPy writes through the slice
last = jax.jit(lambda v, i: v[i])(v, 99)
beyond = jax.jit(lambda v, i: v.at[i].get(mode="fill", fill_value=jnp.nan))(v, 99)
print("v[0] before and after:", v[0], v[0], "  in the new vector:", changed[0], "  in NumPy's:", window[0])
print("v[i] with i = 99:", last, "  with mode='fill':", beyond)

# %% [markdown]
# ## Feature vectors
#
# The cat's brain describes an object by two features, $x = (\text{hardness}, \text{sharpness})$. Such a *feature
# vector* is a point of the plane, or the arrow that leads there. Six objects:

# %%
names = ["cushion", "feather", "claw", "knife", "stone", "needle"]
objects = jnp.array([[0.11, 0.09], [0.01, 0.02], [0.98, 0.91], [0.98, 0.99], [0.99, 0.01], [0.02, 0.89]])
shades = [plot.PALETTE[i] for i in (0, 9, 1, 3, 2, 4)]
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6))
plot.vectors(objects[2:], labels=["claw", "", "stone", "needle"], colors=shades[2:], ax=left)
left.text(0.80, 1.0, "knife", color=shades[3], ha="right")
plot.scatter(objects[:2], size=30, color=shades[1], ax=left)
left.text(0.14, 0.07, "cushion, feather", color=shades[1])
left.set(xlabel="hardness", ylabel="sharpness", xlim=(-0.1, 1.25), ylim=(-0.1, 1.15), title="objects as vectors")
u, w = jnp.array([2.0, 1.0]), jnp.array([-0.5, 1.5])
plot.vectors(jnp.stack([u, w, u + w, -0.5 * u]), labels=["u", "w", "u + w", "-u / 2"], ax=right)
plot.vectors(jnp.stack([w, u]), origins=jnp.stack([u, w]), colors=["#c0c0c0"], ax=right)
right.set(title="sum and multiple", xlim=(-1.8, 2.6), ylim=(-1.0, 3.0))
plt.show()

# %% [markdown]
# On the right is the arithmetic of vectors, place by place: $(u + w)_i = u_i + w_i$ and $(c\,u)_i = c\,u_i$. To add is
# to walk along one arrow and then along the other, in any order.
#
# ## How alike are two things?
#
# The *distance* $\|x - y\| = \sqrt{\sum_i (x_i - y_i)^2}$ compares all of two vectors. The *angle* compares their
# directions only, which for features means their proportions. `jax.vmap` twice makes a table of all pairs from a
# function of two vectors.

# %%
distance = jnp.linalg.norm(objects[:, None] - objects[None], axis=-1)
angle = jax.vmap(jax.vmap(linalg.angle, (None, 0)), (0, None))(objects, objects)
fig, panels = plt.subplots(1, 2, figsize=(10, 4.6))
for ax, table, form in zip(panels, (distance, jnp.degrees(angle)), (".2f", ".0f"), strict=True):
    plot.matrix(table, number_format=form, cmap="Blues", limits=(0, 1.2 * float(table.max())), ax=ax)
    ax.set_axis_on()
    ax.set(xticks=range(6), yticks=range(6), xticklabels=names, yticklabels=names)
    ax.tick_params(length=0, axis="x", rotation=45)
    ax.grid(visible=False)
panels[0].set_title("distance")
panels[1].set_title("angle in degrees")
plt.show()

# %% [markdown]
# Cushion and feather are near each other, and so are claw and knife. By angle the cushion is close to the claw: both
# are about as hard as sharp, and only the length of the arrows tells them apart. Which measure is right depends on
# the question.
#
# ## A vector of 64 features, and its subvectors
#
# A handwritten digit of 8 x 8 pixels becomes a vector if its rows are put one after the other. Then row $r$ of the
# image is the *subvector* from $8 r$ to $8 r + 8$, and column $c$ is every eighth number from $c$ on.

# %%
images, labels = data.digits()
pixels = jnp.asarray(images, jnp.float32)
digit = pixels[0].reshape(64)
third_row, middle_column = digit[16:24], digit[4::8]
print("row 2:   ", third_row)
print("column 4:", middle_column)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4), width_ratios=(1, 2.6))
plot.matrix(digit.reshape(8, 8), cmap="gray_r", limits=(0, 16), ax=left, title=f"a {labels[0]}")
left.add_patch(plt.Rectangle((-0.5, 1.5), 8, 1, fill=False, edgecolor=plot.PALETTE[1], linewidth=3))
left.add_patch(plt.Rectangle((3.5, -0.5), 1, 8, fill=False, edgecolor=plot.PALETTE[2], linewidth=3))
place = np.arange(64)
ours = np.where(place // 8 == 2, plot.PALETTE[1], np.where(place % 8 == 4, plot.PALETTE[2], "#b0b0b0"))
right.bar(place, digit, color=ours, width=0.9)
right.set(xlabel="index", ylabel="ink", xticks=range(0, 65, 8), title="the same as a vector")
plt.show()

# %% [markdown]
# ## Containers: tensors
#
# A vector has one index, a matrix two. An array with any number of indices is called a *tensor*. To programs it is a
# container: a matrix holds vectors, a stack of images holds matrices. Every index takes one level off.

# %%
print("all digits      ", pixels.shape)
print("one image       ", pixels[0].shape)
print("one row of it   ", pixels[0, 2].shape)
print("one pixel       ", pixels[0, 2, 4].shape, "=", pixels[0, 2, 4])
print("as feature rows ", pixels.reshape(-1, 64).shape)
nearest = jnp.argsort(jnp.linalg.norm(pixels.reshape(-1, 64) - digit, axis=1))[:8]
plot.images(pixels[nearest], titles=[f"a {labels[i]}" for i in nearest])
plt.show()

# %% [markdown]
# The eight digits nearest to the first one, itself included: a distance of vectors finds what looks alike to us,
# although it knows nothing of strokes.
#
# ## What was claimed

# %%
same = np.array(v)
assert all(np.array_equal(v[i], same[i]) for i in (2, -1, np.s_[1:4], np.s_[:2], np.s_[::3], np.array([5, 0])))
assert v[0] == np.float32(0.11) or v[0] == 0.11  # unchanged
assert changed[0] == 7.0
assert window[0] == 7.0
assert last == v[-1]
assert jnp.isnan(beyond)
reference = np.asarray(objects, np.float64)
lengths = np.linalg.norm(reference, axis=1)
cosines = reference @ reference.T / np.outer(lengths, lengths)
assert np.allclose(distance, np.sqrt(((reference[:, None] - reference) ** 2).sum(-1)), atol=1e-5)
assert np.allclose(jnp.cos(angle), cosines, atol=1e-5)
assert np.degrees(angle[0, 2]) < 10  # cushion and claw: one direction
assert distance[0, 2] > 1.0  # and far apart
assert np.array_equal(u + w, [1.5, 2.5])
assert np.array_equal(third_row, images[0][2])
assert np.array_equal(middle_column, images[0][:, 4])
assert pixels.shape == (1797, 8, 8)
assert pixels[0, 2, 4] == digit[8 * 2 + 4]
assert (labels[np.asarray(nearest)] == labels[0]).all()
print("all claims hold")
