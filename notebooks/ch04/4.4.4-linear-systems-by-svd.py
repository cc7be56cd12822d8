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
# # 4.4.4 Linear systems by singular value decomposition
#
# One decomposition solves square systems, rectangular ones and those without a unique solution. **How, and what do
# small singular values do to the answer?**
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
# ## Three easy steps
#
# Every matrix is a rotation (or reflection), a stretch along the axes and another rotation, $A = U \Sigma V^\top$.
# Each of the three is easy to undo, and so
#
# $$A x = b \quad \Longrightarrow \quad x = V \Sigma^{-1} U^\top b = \sum_i \frac{u_i^\top b}{\sigma_i}\, v_i .$$
#
# In words: take the coordinate of $b$ along $u_i$, divide it by the stretch $\sigma_i$, and go so far along $v_i$. A
# square system with three unknowns:

# %%
a = jnp.array([[1.0, 2.0, 1.0], [2.0, 2.0, 3.0], [1.0, 3.0, 3.0]])
b = jnp.array([8.0, 15.0, 16.0])
u, sigma, vt = jnp.linalg.svd(a)
coordinates = jnp.matmul(u.T, b, precision="highest")
terms = (coordinates / sigma)[:, None] * vt
x = terms.sum(axis=0)
print("singular values:", sigma)
print("x =", x)

# %% [markdown]
# The three terms are three arrows, and one after the other they lead from the origin to the solution:

# %%
fig = plt.figure(figsize=(8.2, 3.5))
fig.get_layout_engine().set(wspace=0.1)
ax = fig.add_subplot(1, 2, 1, projection="3d", elev=26, azim=125)
starts = jnp.cumsum(terms, axis=0) - terms
plot.vectors(terms, origins=starts, colors=[plot.PALETTE[i] for i in (0, 2, 4)], ax=ax)
ax.scatter(*x, color=plot.PALETTE[1], s=40)
ax.text(*np.asarray(x) + np.array([0.1, 0, 0.1]), "x = (1, 2, 3)", color=plot.PALETTE[1])
ax.set(xlabel="x₁", ylabel="x₂", zlabel="x₃")
ax.locator_params(nbins=4)
side = fig.add_subplot(1, 2, 2)
table = jnp.stack([coordinates, sigma, coordinates / sigma], axis=1)
plot.matrix(table, number_format=".3f", title="three terms", limits=(-30, 30), ax=side)
side.set_axis_on()
side.set(xticks=range(3), xticklabels=["uᵢ · b", "σᵢ", "uᵢ · b / σᵢ"])
side.set(yticks=range(3), yticklabels=["i = 1", "i = 2", "i = 3"])
side.tick_params(length=0)
side.grid(visible=False)
side.spines[:].set_visible(False)
plt.show()

# %% [markdown]
# ## More equations than unknowns
#
# The cat-brain data of section 2.12.5: fifteen encounters (hardness, sharpness, and a 1 for the constant), fifteen
# threats, three weights. Nothing changes in the formula. The decomposition has three singular values, $U$ has three
# columns of 15 numbers, and the part of $b$ that lies beside all of them is what no $x$ can reach: the residual.

# %%
features, threats = data.cat_brain()
cats = jnp.hstack([features, jnp.ones((15, 1))])
left, stretch, right = jnp.linalg.svd(cats, full_matrices=False)
inner = jnp.matmul(left.T, threats, precision="highest")
weights = jnp.matmul(inner / stretch, right, precision="highest")
library = linalg.lstsq(cats, threats, method="svd")
print("U, sigma, V':", left.shape, stretch.shape, right.shape)
print("w =", weights, "  the library:", library.solution)
print("residual:", library.residual, " = |b|² - |U'b|² =", jnp.sum(threats**2) - jnp.sum(inner**2))

# %% [markdown]
# ## What small singular values do to noise
#
# The formula divides by $\sigma_i$. If $b$ comes with noise $\eta$, the answer comes with
# $\frac{u_i^\top \eta}{\sigma_i}$ along $v_i$, and where $\sigma_i$ is small that is large. To see it, let us take a
# picture out of focus and try to put it right. It has one dimension: 64 pixels, each of them smeared over its
# neighbours by a bell curve. Smearing is a matrix, $b = A x + \eta$, and the noise is three in a thousand.

# %%
place = jnp.arange(64.0)
scene = 1.0 * ((place > 10) & (place < 20)) + 0.6 * ((place > 28) & (place < 44))
scene += jnp.clip(1 - jnp.abs(place - 52) / 6, 0, 1)
blur = jnp.exp(-0.5 * ((place[:, None] - place) / 1.5) ** 2)
blur = blur / blur.sum(axis=1, keepdims=True)
noise = 3e-3 * jax.random.normal(jax.random.key(0), (64,))
seen = jnp.matmul(blur, scene, precision="highest") + noise
naive = linalg.lstsq(blur, seen).solution
exact = np.linalg.solve(np.asarray(blur, np.float64), np.asarray(seen, np.float64))
print(f"condition of the blur: {linalg.condition_number(blur):.1e}")
print(
    f"largest error of A⁺ b: {jnp.abs(naive - scene).max():.0f}, of NumPy's in float64: {abs(exact - scene).max():.0f}"
)

# %%
fig, (above, below) = plt.subplots(1, 2, figsize=(7.6, 2.6))
above.step(place, scene, where="mid", color="#808080", label="the scene x")
above.plot(place, seen, label="what is seen, b")
above.legend(loc="upper right", fontsize=10)
below.plot(place, naive, color=plot.PALETTE[1])
below.set(title="all terms: A⁺ b")
for ax in (above, below):
    ax.set(xlabel="pixel")
above.set(ylim=(-0.2, 1.6))
plt.show()

# %% [markdown]
# The exact solution of the system is worthless: noise that no eye can see has become waves many times higher than the
# scene. And it is not a matter of digits, for float64 says the same. The spectrum shows what has happened.

# %%
smear, spread, waves = jnp.linalg.svd(blur)
clean = jnp.abs(jnp.matmul(smear.T, seen - noise, precision="highest"))
dirty = jnp.abs(jnp.matmul(smear.T, noise, precision="highest"))
fig, (spectrum, shapes) = plt.subplots(1, 2, figsize=(7.8, 3.0), width_ratios=(1.3, 1))
rank = np.arange(1, 65)
spectrum.semilogy(rank, spread, color="#404040", label="σᵢ")
spectrum.semilogy(rank, clean, "o", markersize=4, label="|uᵢ · A x|, the scene")
spectrum.semilogy(rank, dirty, "x", markersize=5, color=plot.PALETTE[1], label="|uᵢ · η|, the noise")
spectrum.set(xlabel="i", ylim=(1e-8, 1e1))
spectrum.legend(loc="lower left", fontsize=10)
for i in (0, 3, 15, 50):
    shapes.plot(place, waves[i] - 0.6 * (0, 3, 15, 50).index(i), linewidth=1.3, label=f"i = {i + 1}")
    shapes.text(65, -0.6 * (0, 3, 15, 50).index(i), f"v, i = {i + 1}", va="center")
shapes.set(xlabel="pixel", yticks=(), xlim=(0, 80), xticks=range(0, 61, 20), title="finer and finer waves")
shapes.grid(visible=False)
plt.show()

# %% [markdown]
# The blur weakens fine waves: $\sigma_i$ falls by more than four powers of ten. The scene's part of $b$ falls with it.
# The noise does not; it is as strong in every wave. From about the fortieth term on there is more noise than scene in
# the coordinate, and to divide by $\sigma_i$ is to magnify noise.
#
# ## Truncation
#
# So we leave these terms out, $x_k = \sum_{i \le k} \frac{u_i^\top b}{\sigma_i} v_i$. In the library that is the
# option `rcond` of the pseudo inverse: singular values of at most this part of the largest count as 0. As it is no
# static option, one `vmap` tries every $k$.

# %%
cuts = spread / spread[0] * 0.999  # just below the k-th keeps k terms
recover = jax.vmap(lambda cut: jnp.matmul(linalg.pseudo_inverse(blur, rcond=cut), seen, precision="highest"))
answers = jax.jit(recover)(cuts)
errors = jnp.sqrt(jnp.mean((answers - scene) ** 2, axis=1))
misfits = jnp.sqrt(jnp.mean((jnp.matmul(answers, blur.T, precision="highest") - seen) ** 2, axis=1))
best = int(jnp.argmin(errors)) + 1
print(f"best k = {best}, error {errors[best - 1]:.3f}; of the blurred picture itself {jnp.std(seen - scene):.3f}")

# %%
fig = plt.figure(figsize=(7.8, 4.3))
top, bottom = fig.subfigures(2, 1)
for ax, k in zip(top.subplots(1, 3, sharey=True), (10, best, 50), strict=True):
    ax.step(place, scene, where="mid", color="#a0a0a0", linewidth=1.5)
    ax.plot(place, answers[k - 1], color=plot.PALETTE[0 if k == best else 1])
    ax.set(title=f"k = {k}", ylim=(-0.9, 1.9))
curve = bottom.subplots()
curve.semilogy(rank, errors, "o-", markersize=2, linewidth=1, label="error: distance from the scene")
curve.semilogy(rank, misfits, "s-", markersize=2, linewidth=1, label="misfit: distance of A x from b")
curve.axhline(3e-3, color="#808080", linewidth=1, linestyle="--", label="size of the noise")
curve.set(xlabel="number of terms k", ylabel="RMS", ylim=(1e-4, 1e3))
curve.legend(loc="upper center", fontsize=9)
plt.show()

# %% [markdown]
# Few terms blur, many terms drown in noise, and in between is a best $k$, at which most of the sharpness has come
# back. In life the scene is not known and neither is the blue curve. But the other one is: the misfit falls with
# every term, and when it has come down to the size of the noise, the rest of $b$ *is* noise. That is the rule by which
# one stops without knowing the answer.

# %%
stop = int(jnp.argmax(misfits < 3e-3)) + 1
print(f"misfit below the noise at k = {stop}, error there {errors[stop - 1]:.3f}")

# %% [markdown]
# ## No unique solution: the shortest
#
# If a singular value is 0, one can walk along its $v_i$ without changing $A x$. The two equations $x_1 + x_2 = 2$ and
# $2 x_1 + 2 x_2 = 4$ are one: a line of solutions. The formula without the zero term goes nowhere along $v_i$, which
# makes its answer the shortest. With fewer equations than unknowns it is the same.

# %%
flat, goal = jnp.array([[1.0, 1.0], [2.0, 2.0]]), jnp.array([2.0, 4.0])
shortest = linalg.lstsq(flat, goal)
refused = linalg.solve(flat, goal)
null = linalg.null_space(flat)
direction = null.basis[:, jnp.argmax(null.mask)]
print(
    "lstsq:", shortest.solution, "of rank", shortest.rank, "  solve:", refused.solution, "condition", refused.condition
)
fig, ax = plt.subplots(figsize=(4.8, 3.9))
line = shortest.solution + jnp.array([[-2.2], [2.2]]) * direction
ax.plot(*line.T, color=plot.PALETTE[4], label="all solutions")
walks = shortest.solution + jnp.array([[-1.5], [1.2]]) * direction
plot.vectors(walks, colors=["#a0a0a0"], ax=ax)
plot.vectors(shortest.solution[None], labels=["A⁺ b"], colors=[plot.PALETTE[1]], ax=ax)
ax.set(xlabel="x₁", ylabel="x₂", xlim=(-0.7, 2.9), ylim=(-0.4, 2.6))
ax.legend(loc="upper right")
plt.show()

# %% [markdown]
# A right-hand side such as $(2, 3)$ has no solution at all, and the same formula answers with the shortest of the
# *nearest*:

# %%
impossible = linalg.lstsq(flat, jnp.array([2.0, 3.0]))
print("x =", impossible.solution, " squared residual", impossible.residual)

# %% [markdown]
# ## The same in plain NumPy

# %%
numpy_x = np.linalg.solve(np.asarray(a, np.float64), np.asarray(b, np.float64))
numpy_w = np.linalg.pinv(np.asarray(cats, np.float64)) @ np.asarray(threats, np.float64)
float64_blur, float64_seen = np.asarray(blur, np.float64), np.asarray(seen, np.float64)
numpy_best = np.linalg.pinv(float64_blur, rcond=float(cuts[best - 1])) @ float64_seen
print(
    "x =",
    numpy_x,
    " w =",
    numpy_w,
    f" largest difference at k = {best}: {np.abs(answers[best - 1] - numpy_best).max():.1e}",
)

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(x, [1.0, 2.0, 3.0], atol=1e-4)
assert np.allclose(x, numpy_x, atol=1e-4)
assert np.allclose(linalg.solve(a, b).solution, x, atol=1e-4)
assert np.allclose(weights, [1.0766, 0.8976, -0.9582], atol=1e-4)
assert np.allclose(weights, numpy_w, atol=1e-5)
assert np.allclose(library.solution, numpy_w, atol=1e-5)
assert np.isclose(library.residual, 0.21724, atol=1e-5)
assert np.isclose(jnp.sum(threats**2) - jnp.sum(inner**2), library.residual, atol=1e-5)
assert np.abs(naive - scene).max() > 10  # the exact solution is worthless
assert np.abs(exact - np.asarray(scene)).max() > 10  # in float64 too
assert (clean[:20] > dirty[:20]).mean() > 0.9  # scene above noise at first
assert np.median(dirty[48:] / clean[48:]) > 10  # and far below it in the end
assert 20 < best < 50
assert errors[best - 1] < 0.8 * jnp.std(seen - scene)  # sharper than what was seen
assert errors[9] > errors[best - 1]
assert errors[-1] > 100 * errors[best - 1]
assert np.allclose(answers[best - 1], numpy_best, atol=2e-3)
assert errors[stop - 1] < 1.5 * errors[best - 1]  # the rule of the misfit
assert np.allclose(shortest.solution, [1.0, 1.0], atol=1e-5)
assert np.allclose(shortest.solution, np.linalg.pinv([[1, 1], [2, 2]]) @ [2, 4], atol=1e-5)
assert shortest.rank == 1
assert np.isinf(refused.condition)
assert np.allclose(jnp.matmul(flat, walks.T, precision="highest"), goal[:, None], atol=1e-5)
assert np.linalg.norm(walks, axis=1).min() > np.linalg.norm(shortest.solution)
assert np.isclose(impossible.residual, 0.2, atol=1e-5)
print("all claims hold")
