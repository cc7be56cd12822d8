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
# # 2.7 Operations on vectors and matrices
#
# A matrix is a table of numbers, but it also *does* something: it takes vectors to vectors. **What do its product,
# transpose, inverse and determinant say about what it does, and when can it be undone?**
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
# ## The dot product
#
# $$u^\top v = \sum_i u_i v_i = \|u\| \|v\| \cos\theta$$
#
# It is large where two vectors of some length point the same way, 0 where they are at right angles, negative where
# they point apart. $u^\top v / \|u\|$ is the length of the shadow of $v$ on the line of $u$.

# %%
print("[1,2,3] . [4,5,6] =", jnp.dot(jnp.array([1, 2, 3]), jnp.array([4, 5, 6])))
u = jnp.array([3.0, 1.0])
turned = jax.vmap(lambda degrees: linalg.rotation_2d(jnp.radians(degrees)) @ u / 1.4)(jnp.array([40.0, 90.0, 140.0]))
fig, panels = plt.subplots(1, 3, figsize=(11, 3.2))
for ax, v in zip(panels, turned, strict=True):
    shadow = u * jnp.vdot(u, v) / jnp.vdot(u, u)
    ax.plot(*np.stack([v, shadow]).T, color="#808080", linestyle="--", linewidth=1)
    ax.plot(*np.stack([jnp.zeros(2), shadow]).T, color=plot.PALETTE[4], linewidth=7, alpha=0.6)
    plot.vectors(jnp.stack([u, v]), labels=["u", "v"], ax=ax)
    ax.set(xlim=(-2.6, 3.7), ylim=(-1.0, 2.7))
    ax.set_title(f"u . v = {np.round(jnp.vdot(u, v), 2) + 0.0:.2f},  angle {jnp.degrees(linalg.angle(u, v)):.0f}°")
plt.show()

# %% [markdown]
# ## Matrix and vector
#
# The product $A x$ can be read in two ways: by rows, every entry is a dot product, $(A x)_i = \sum_j a_{ij} x_j$; by
# columns, it is a mixture of the columns of $A$ with the entries of $x$ as amounts. The first reading is what a cat's
# brain does that weighs hardness and sharpness into a score of threat, for fifteen objects at once. In the matrix
# each object is a row, with a 1 at its end for the constant:

# %%
features = data.cat_brain().x
x = jnp.hstack([features, jnp.ones((15, 1))])
weights = jnp.array([1.0766, 0.8976, -0.9582])
scores = jnp.matmul(x, weights, precision="highest")
print("X:", x.shape, " w:", weights.shape, " X w:", scores.shape)
print(np.round(np.asarray(scores), 2))

# %% [markdown]
# A negative score says "come near", a positive one "run". Where these weights come from is section 2.12.5.
# The second reading is geometry: the columns of $A$ are the places to which the unit vectors go, and the rest of
# the plane follows.

# %%
a = jnp.array([[1.5, -0.5], [0.5, 1.0]])
point = jnp.array([2.0, 1.5])
image = a @ point
square = jnp.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
for ax, columns, name in ((left, jnp.eye(2), "x"), (right, a, "A x")):
    lines = jnp.linspace(-1, 3, 2)[:, None, None] * columns[:, 0] + jnp.arange(-1, 4)[:, None] * columns[:, 1]
    others = jnp.linspace(-1, 3, 2)[:, None, None] * columns[:, 1] + jnp.arange(-1, 4)[:, None] * columns[:, 0]
    ax.plot(*np.moveaxis(np.concatenate([lines, others], axis=1), -1, 0), color="#b8b8b8", linewidth=1)
    plot.polygon(square @ columns.T, color=plot.PALETTE[4], ax=ax)
    names = ["e₁", "e₂", name] if ax is left else ["A e₁", "A e₂", name]
    plot.vectors(jnp.stack([*columns.T, columns @ point]), labels=names, ax=ax)
    ax.grid(visible=False)
    ax.set(xlim=(-2.2, 4.4), ylim=(-1.7, 4.2))
plt.show()

# %% [markdown]
# The same two steps along the first arrow and one and a half along the second lead to $x$ on the left and to $A x$ on
# the right.
#
# ## Matrix and matrix
#
# In $C = A B$ every entry is the dot product of a row of $A$ and a column of $B$, $c_{ij} = \sum_k a_{ik} b_{kj}$. The
# framed row and column give the framed entry:

# %%
left_factor = jnp.array([[1, 2, 0], [3, -1, 2]])
right_factor = jnp.array([[2, 1, 0, 1], [1, -1, 3, 2], [0, 4, 1, -2]])
product = left_factor @ right_factor
fig, panels = plt.subplots(1, 3, figsize=(9.6, 2.7), width_ratios=(3, 4, 4))
plot.matrix(left_factor, highlight=np.s_[1], title="A", ax=panels[0])
plot.matrix(right_factor, highlight=np.s_[:, 2], title="B", ax=panels[1])
plot.matrix(product, highlight=np.s_[1, 2], title="A B", ax=panels[2])
plt.show()
print("3 · 0 + (-1) · 3 + 2 · 1 =", product[1, 2])

# %% [markdown]
# A product is one map after the other, the right one first. The order matters: to turn by 90 degrees and then
# stretch along the first axis is not to stretch and then turn. Only the identity $I$, which leaves everything where
# it is, can stand on both sides.

# %%
turn, stretch = jnp.array([[0.0, -1.0], [1.0, 0.0]]), jnp.array([[2.0, 0.0], [0.0, 1.0]])
letter = jnp.array([[0, 0], [1, 0], [1, 0.3], [0.35, 0.3], [0.35, 1.5], [0, 1.5]])
maps = {"I": jnp.eye(2), "turn": turn, "stretch · turn": stretch @ turn, "turn · stretch": turn @ stretch}
fig, panels = plt.subplots(1, 4, figsize=(11, 2.9))
for ax, (name, m) in zip(panels, maps.items(), strict=True):
    plot.polygon(letter @ m.T, ax=ax)
    ax.set(title=name, xlim=(-3.2, 1.7), ylim=(-0.6, 2.3))
plt.show()

# %% [markdown]
# ## The transpose
#
# $A^\top$ has the rows of $A$ as columns. The transpose of a product is the product of the transposes *in the other
# order*, $(A B)^\top = B^\top A^\top$: the entry $(j, i)$ of the left side is row $i$ of $A$ with column $j$ of $B$,
# and so it is on the right side.

# %%
parts = [product.T, right_factor.T, left_factor.T]
plot.matrices(parts, titles=["(A B)ᵀ", "Bᵀ", "Aᵀ"], signs=["", "=", "·"])
plt.show()

# %% [markdown]
# ## The determinant
#
# The unit square becomes a parallelogram, the unit cube a slanted box. The determinant is its area or volume, with a
# minus sign if the map also mirrors. In the plane,
#
# $$\det \begin{pmatrix} a & b \\ c & d \end{pmatrix} = a d - b c, \qquad \det(A B) = \det A \, \det B .$$

# %%
examples = {"slanted": [[1.5, 0.6], [0.3, 1.2]], "mirrored": [[2.0, 3.0], [2.0, 2.0]], "flat": [[1.0, 1.0], [2.0, 2.0]]}
fig, panels = plt.subplots(1, 3, figsize=(11, 3.8))
for ax, (name, rows) in zip(panels, examples.items(), strict=True):
    m = jnp.array(rows)
    plot.polygon(square @ m.T, color=plot.PALETTE[4], ax=ax)
    plot.vectors(m.T, labels=["A e₁", "A e₂"] if name != "flat" else ["", "A e₁ = A e₂"], ax=ax)
    ax.set(title=f"{name}: {rows}, det = {linalg.determinant(m) + 0.0:.3g}", xlim=(-0.5, 5.3), ylim=(-0.4, 4.4))
    ax.title.set_fontsize(10)
plt.show()

# %% [markdown]
# In the middle the second arrow has overtaken the first: the way from $A e_1$ to $A e_2$ is clockwise, the square has
# been turned over, and $\det = 2 \cdot 2 - 3 \cdot 2 = -2$. On the right both arrows lie on one line, and the square
# has no area left.
#
# ## The inverse
#
# If nothing has been lost, the map can be undone: $A^{-1} A = A A^{-1} = I$. `linalg.inverse` answers with the
# inverse and with a *condition*: by how much it can magnify an error. A flat map has lost what lay beside its line
# and cannot be undone by anyone. The library says so by a condition of infinity and an inverse of NaN, which no
# later step can take for a result.

# %%
good = linalg.inverse(jnp.array(examples["mirrored"]))
singular = linalg.inverse(jnp.array(examples["flat"]))
print("condition of [[2,3],[2,2]]:", good.condition, "  of [[1,1],[2,2]]:", singular.condition)
back = jnp.matmul(good.inverse, jnp.array(examples["mirrored"]), precision="highest")
tables = [good.inverse, jnp.array(examples["mirrored"]), back, singular.inverse]
fig, panels = plt.subplots(1, 4, figsize=(9, 2.2))
names = ["A⁻¹", "A", "A⁻¹ A = I", "inverse of [[1,1],[2,2]]"]
for ax, table, name in zip(panels, tables, names, strict=True):
    plot.matrix(jnp.round(table, 4) + 0.0, limits=(-6, 6), title=name, ax=ax)
    ax.title.set_fontsize(10)
plt.show()

# %% [markdown]
# Between the two there is no wall but a slope. Let the matrix $\begin{pmatrix} 1 & 1 \\ 2 & 2 + t \end{pmatrix}$ come
# nearer and nearer to the flat one. Its determinant is $t$, and its condition $(3 + t)(4 + t) / t$ grows until it
# reaches $1 / \epsilon$, where the result of an inversion would be rounding alone. One `vmap` inverts all of them.

# %%
t = jnp.logspace(0, -9, 28)
family = jax.vmap(lambda t: jnp.array([[1.0, 1.0], [2.0, 2.0]]).at[1, 1].add(t))(t)
inverses = jax.vmap(linalg.inverse)(family)
determinants = jax.vmap(linalg.determinant)(family)
fig, ax = plt.subplots(figsize=(6.4, 3.6))
ax.loglog(t, inverses.condition, "o", markersize=5, label="condition")
ax.loglog(t, (3 + t) * (4 + t) / t, color="#808080", linewidth=1, label="(3 + t) (4 + t) / t")
lost = t[jnp.isinf(inverses.condition)]
ax.loglog(lost, jnp.full_like(lost, 1e11), "x", color=plot.PALETTE[1], label="inf: singular in these digits")
ax.set(xlabel="t", ylabel="condition")
ax.invert_xaxis()
ax.legend(loc="upper left")
plt.show()

# %% [markdown]
# So the size of a determinant is no test of whether a matrix can be inverted ($10^{-3} I$ in ten dimensions has
# determinant $10^{-30}$ and condition 1); the condition is.
#
# ## A word on digits
#
# Accelerators multiply matrices in a shorter format than float32 unless told otherwise. Small whole numbers survive
# that, which is why plain `@` was good enough above. Where digits matter, ask for them:

# %%
key_p, key_q = jax.random.split(jax.random.key(7))
p, q = jax.random.normal(key_p, (200, 200)), jax.random.normal(key_q, (200, 200))
exact = np.asarray(p, np.float64) @ np.asarray(q, np.float64)
for precision in ("default", "highest"):
    error = np.abs(jnp.matmul(p, q, precision=precision) - exact).max() / np.abs(exact).max()
    print(f'precision="{precision}": largest error {error:.1e} of the largest entry')

# %% [markdown]
# ## What was claimed

# %%
assert jnp.dot(jnp.array([1, 2, 3]), jnp.array([4, 5, 6])) == 32
cosines = [float(jnp.vdot(u, v) / jnp.linalg.norm(u) / jnp.linalg.norm(v)) for v in turned]
assert np.allclose(cosines, np.cos(np.radians([40, 90, 140])), atol=2e-2)  # `@` in the device's own digits
assert np.allclose(scores, np.asarray(x, np.float64) @ np.asarray(weights, np.float64), atol=1e-5)
assert np.allclose(image, [2.25, 2.5], atol=1e-6)
assert np.array_equal(product, np.asarray(left_factor) @ np.asarray(right_factor))
assert np.array_equal(product.T, right_factor.T @ left_factor.T)
assert not np.array_equal(stretch @ turn, turn @ stretch)
assert np.array_equal(jnp.eye(2) @ turn, turn)
assert np.isclose(linalg.determinant(jnp.array(examples["mirrored"])), -2.0, atol=1e-6)
assert np.isclose(linalg.determinant(jnp.array(examples["flat"])), 0.0, atol=1e-6)
both = jnp.matmul(p[:5, :5], q[:5, :5], precision="highest")
assert np.isclose(linalg.determinant(both), linalg.determinant(p[:5, :5]) * linalg.determinant(q[:5, :5]), rtol=1e-3)
assert np.allclose(good.inverse, np.linalg.inv(examples["mirrored"]), atol=1e-5)
assert np.allclose(back, np.eye(2), atol=1e-5)
assert np.isinf(singular.condition)
assert np.isnan(singular.inverse).all()
known = np.isfinite(np.asarray(inverses.condition)) & (np.asarray(t) > 1e-4)
assert np.allclose(determinants[known], t[known], rtol=1e-2)
assert np.allclose(inverses.condition[known], np.linalg.cond(np.asarray(family, np.float64), 1)[known], rtol=1e-2)
assert np.isinf(inverses.condition[-1]) or p.dtype == jnp.float64  # float64 has digits enough for 1e-9
assert np.isclose(linalg.inverse(1e-3 * jnp.eye(10)).condition, 1.0)
assert error < 1e-5  # the last one printed: "highest"
print("all claims hold")
