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
# # B.1 Tensor operations
#
# Vectors, matrices and their relatives with more axes are what everything else in this book is computed with.
# **What may be added and multiplied with what, what comes out, and what is said when it does not fit?**

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

from jaxmath import calculus, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Making tensors, adding them
#
# A tensor is a box of numbers with a *shape*: how long it is along each of its axes. Addition works number by
# number.

# %%
a = jnp.array([[1, 2], [3, 4]])
b = jnp.array([[1, 3], [3, 5]])
print("shapes", a.shape, b.shape, " number of axes", a.ndim, " type", a.dtype)
plot.matrices([a, b, a + b], signs=["", "+", "="])
plt.show()

# %% [markdown]
# ## Broadcasting
#
# Must two shapes be equal? Not quite. They are written one below the other, *aligned at the right*. Along each
# axis the lengths must be equal, or one of them 1 or missing; then that tensor is used again and again along the
# axis, without being copied.
#
# $$\begin{array}{rcc} \text{matrix} & 2 & 2 \\ \text{row} & & 2 \\ \text{sum} & 2 & 2 \end{array}
# \qquad\qquad
# \begin{array}{rcc} \text{column} & 3 & 1 \\ \text{row} & & 4 \\ \text{sum} & 3 & 4 \end{array}$$

# %%
row = jnp.array([3, 5])
tens, ones = jnp.array([[10], [20], [30]]), jnp.array([[1, 2, 3, 4]])
fig = plt.figure(figsize=(9.5, 2.2))
left, right = fig.subfigures(1, 2, width_ratios=(1, 1.4), wspace=0.15)
plot.matrices([a, row[None], a + row], signs=["", "+", "="], figure=left)
plot.matrices([tens, ones, tens + ones], signs=["", "+", "="], figure=right)
plt.show()

# %% [markdown]
# ## The matrix product
#
# Entry $(i, k)$ of $A B$ is row $i$ of $A$ times column $k$ of $B$, added up:
#
# $$(A B)_{ik} = \sum_j A_{ij} B_{jk} .$$
#
# So the last axis of $A$ must be as long as the last but one of $B$. If there are more axes, they count a *batch*:
# one product for each, and the batch axes broadcast as above. Here $A$ is two matrices of $2 \times 4$, the second
# the first with its rows exchanged, and $B$ is one of $4 \times 3$, used for both.

# %%
layer = jnp.array([[1, 2, 3, 4], [3, 4, 1, 3]])
many = jnp.stack([layer, layer[::-1]])
one = jnp.array([[3, 4, 1], [1, 3, 1], [1, 2, 1], [3, 4, 1]])
batch = many @ one
print(many.shape, "@", one.shape, "->", batch.shape)
print(batch)

# %%
fig, panels = plt.subplots(1, 3, figsize=(8, 2.5), width_ratios=(4, 3, 3))
plot.matrix(many[0], title="A[0]", highlight=np.s_[0], ax=panels[0])
plot.matrix(one, title="B", highlight=np.s_[:, 1], ax=panels[1])
plot.matrix(batch[0], title="(A @ B)[0]", highlight=np.s_[0, 1], ax=panels[2])
plt.show()
print(
    "the framed entry:", " + ".join(f"{p}*{q}" for p, q in zip(many[0, 0], one[:, 1], strict=True)), "=", batch[0, 0, 1]
)

# %% [markdown]
# ## The other way round it does not fit
#
# $B A$ would need rows of $B$, of length 3, times columns of $A$, of length 2. JAX refuses, and says so:


# %%
def attempt(operation, *tensors):
    try:
        return f"a result of shape {operation(*tensors).shape}"
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


reverse = attempt(jnp.matmul, one, many)
print("B @ A:", reverse)

# %% [markdown]
# The two numbers in the message are the two lengths that should agree. A matrix product in the library says it in
# one more way, with the name of the function and what it expected:

# %%
named = attempt(lambda x, w: calculus.matrix_chain(jnp.tanh, x, w).values, one, many[0])
print(named)

# %% [markdown]
# With many axes it is hard to see what will come out. There is no need to compute: `jax.eval_shape` runs a function
# on shapes alone, however large the tensors would be.

# %%
six, two = jax.ShapeDtypeStruct((3, 4, 5, 5, 6, 3), jnp.float32), jax.ShapeDtypeStruct((3, 2), jnp.float32)
foreseen = jax.eval_shape(jnp.matmul, six, two).shape
random = [np.random.default_rng(0).normal(size=tensor.shape).astype(np.float32) for tensor in (six, two)]
product = jnp.matmul(*random, precision="highest")
print(six.shape, "@", two.shape, "->", foreseen, "foreseen,", product.shape, "computed")

# %% [markdown]
# ## The element-wise product
#
# The star multiplies number by number, as the plus adds. It has nothing to do with the matrix product but the
# name; it broadcasts like the sum. And a row of three does not go into a matrix with two columns:

# %%
c, pair = jnp.array([[1, 3], [4, 5]]), jnp.array([1, 3])
fig = plt.figure(figsize=(8.5, 1.6))
left, right = fig.subfigures(1, 2, wspace=0.15)
plot.matrices([a, c, a * c], signs=["", "*", "="], figure=left)
plot.matrices([a, pair[None], a * pair], signs=["", "*", "="], figure=right)
plt.show()
three = attempt(jnp.multiply, a, jnp.array([1, 3, 5]))
print("(2, 2) * (3,):", three)

# %% [markdown]
# ## Slices
#
# An index on an axis takes one layer out of it, and the axis is gone. A range `i:k` takes the layers from $i$ to
# $k - 1$, and the axis stays. A lone `:` takes all.

# %%
box = jnp.array([[[1, 2, 1], [3, 4, 2]], [[1, 2, 2], [3, 4, 1]]])
slices = {"[:, 1, :]": np.s_[:, 1, :], "[:, :, 1]": np.s_[:, :, 1], "[:, :, 0:2]": np.s_[:, :, 0:2]}
masks = {name: np.zeros(box.shape, bool) for name in slices}
for name, index in slices.items():
    masks[name][index] = True
    print(f"box{name:12} has shape {box[index].shape}")

# %%
fig = plt.figure(figsize=(8.4, 3.2))
for part, name in zip(fig.subfigures(1, 3), slices, strict=True):
    part.suptitle(f"box{name}, shape {box[slices[name]].shape}", fontsize=11)
    for i, ax in enumerate(part.subplots(2, 1)):
        plot.matrix(box[i], highlight=masks[name][i], ax=ax)
plt.show()

# %% [markdown]
# Above is `box[0]`, below `box[1]`; the slice is what has frames. And JAX arrays never change: where NumPy writes
# `a[:, 1] = 0`, JAX makes a new array.

# %%
erased = a.at[:, 1].set(0)
print("new:", erased.tolist(), " old:", a.tolist())

# %% [markdown]
# ## The same in plain NumPy

# %%
numpy_batch = np.asarray(many) @ np.asarray(one)
numpy_product = np.asarray(random[0], np.float64) @ np.asarray(random[1], np.float64)
print("B @ A:", attempt(np.matmul, np.asarray(one), np.asarray(many)))
print("(2, 2) * (3,):", attempt(np.multiply, np.asarray(a), np.array([1, 3, 5])))

# %% [markdown]
# ## What was claimed

# %%
assert (a + b).tolist() == [[2, 5], [6, 9]]
assert (a + row).tolist() == [[4, 7], [6, 9]]
assert (tens + ones).shape == (3, 4)
assert batch[0].tolist() == [[20, 32, 10], [23, 38, 11]]
assert batch[1].tolist() == [[23, 38, 11], [20, 32, 10]]
assert np.array_equal(batch, numpy_batch)
assert "Error" in reverse
assert named.startswith("ValueError: calculus.matrix_chain: expected shapes (n, d) and (d, k), got (4, 3) and (2, 4)")
assert foreseen == product.shape == (3, 4, 5, 5, 6, 2)
assert np.allclose(product, numpy_product, atol=1e-4)
assert (a * c).tolist() == [[1, 6], [12, 20]]
assert (a * pair).tolist() == [[1, 6], [3, 12]]
assert "Error" in three
assert "(2, 2)" in three
assert a[:, 1].tolist() == [2, 4]
assert [box[index].shape for index in slices.values()] == [(2, 3), (2, 2), (2, 2, 2)]
assert erased.tolist() == [[1, 0], [3, 0]]
assert a.tolist() == [[1, 2], [3, 4]]
print("all claims hold")
