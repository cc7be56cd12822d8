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
# # 2.15 Diagonalization
#
# Multiplying by a matrix a hundred times is work, and from the matrix alone one does not see where it leads. **Is
# there a system of coordinates in which a matrix only stretches, and what does one gain by going there?**

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
# ## The answer first
#
# Put the eigenvectors of $A$ side by side as the columns of $S$. Then $A v_i = \lambda_i v_i$ for all of them at
# once reads $A S = S \Lambda$, with the eigenvalues on the diagonal of $\Lambda$. If the eigenvectors are
# independent, $S$ has an inverse, and
#
# $$A = S\, \Lambda\, S^{-1} .$$
#
# From right to left: $S^{-1}$ tells the coordinates along the eigenvectors, $\Lambda$ stretches each by its own
# factor, $S$ goes back.

# %%
a = jnp.array([[1.0, 2.0, 1.0], [2.0, 2.0, 3.0], [1.0, 3.0, 3.0]])
factors = linalg.diagonalize(a)
s, values, s_inverse, condition = factors
rebuilt = jnp.matmul(s * values, s_inverse, precision="highest")
print("eigenvalues:", values)
print("condition of S:", condition, "  largest error of the product:", jnp.abs(rebuilt - a).max())

# %%
parts = (a, s.real, jnp.diag(values.real), s_inverse.real)
plot.matrices(parts, titles=("A", "S", "Λ", "inverse of S"), signs=("", "=", "", ""))
plt.show()

# %% [markdown]
# Eigenvalues of a real matrix may be complex, so the results are of a complex type; here their imaginary parts
# are 0. (This matrix is symmetric, and for such a one $S^{-1} = S^\top$. Nothing below needs that.)
#
# ## Solving by dividing
#
# In these coordinates a linear system falls apart into single equations. With $b = (8, 15, 16)$,
#
# $$A x = b \quad \Leftrightarrow \quad \Lambda\, (S^{-1} x) = S^{-1} b \quad \Leftrightarrow \quad
# x = S\, \Lambda^{-1} S^{-1} b .$$

# %%
b = jnp.array([8.0, 15.0, 16.0])
coordinates = jnp.matmul(s_inverse, b.astype(s.dtype), precision="highest")
x = jnp.matmul(s, coordinates / values, precision="highest").real
print("coordinates of b:", coordinates.real, " divided:", (coordinates / values).real)
print("x =", x, "  by elimination:", linalg.solve(a, b).solution)

# %% [markdown]
# Worth it when the eigenvectors are there already. For one system elimination does a small part of the work.
#
# ## Powers
#
# Between two factors $S \Lambda S^{-1}$ the inner $S^{-1} S$ cancels, so
#
# $$A^2 = S \Lambda S^{-1} S \Lambda S^{-1} = S \Lambda^2 S^{-1}, \qquad A^p = S\, \Lambda^p\, S^{-1} ,$$
#
# and the power of a diagonal matrix is the powers of its entries: $A^{1000}$ costs no more than $A^2$.
# `linalg.matrix_power` takes whole powers by repeated squaring, which has no need of eigenvectors. Three roads:


# %%
def power(d, p):
    return jnp.matmul(d.eigenvectors * d.eigenvalues**p, d.inverse, precision="highest").real


powers = np.arange(1, 25)
through_s = jax.vmap(power, in_axes=(None, 0))(factors, jnp.asarray(powers))
by_squaring = jnp.stack([linalg.matrix_power(a, int(p)) for p in powers])
exact = [np.linalg.matrix_power(np.array([[1, 2, 1], [2, 2, 3], [1, 3, 3]], object), int(p)) for p in powers]
exact = np.array(exact).astype(float)
size = np.abs(exact).max(axis=(1, 2))
errors = {
    "through the eigenvalues": np.abs(np.asarray(through_s, float) - exact).max(axis=(1, 2)) / size,
    "repeated squaring": np.abs(np.asarray(by_squaring, float) - exact).max(axis=(1, 2)) / size,
}
print("A^2 =", by_squaring[1].tolist())
print("largest entry of A^24:", f"{size[-1]:.4e}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 2.9))
left.semilogy(powers, size, "o-", markersize=4, label="largest entry of $A^p$")
left.semilogy(powers, float(jnp.abs(values).max()) ** powers, "--", color="#808080", label="(largest eigenvalue)$^p$")
left.set(xlabel="power p", xticks=range(0, 25, 4))
left.legend(fontsize=10)
for i, (name, error) in enumerate(errors.items()):
    right.semilogy(powers, np.maximum(error, 1e-17), "so"[i] + "-", markersize=4, color=plot.PALETTE[1 - i], label=name)
right.set(xlabel="power p", ylabel="relative error", xticks=range(0, 25, 4))
right.legend(fontsize=10)
plt.show()

# %% [markdown]
# In the long run only the largest eigenvalue counts. On the right, the error against whole numbers of any length: an
# eigenvalue that is off by a relative $\epsilon$ is off by $p\, \epsilon$ in its $p$-th power, while products of
# small whole numbers are exact until they no longer fit the digits of the type. (An error of 0 is drawn at
# $10^{-17}$.)
#
# ## Powers between the whole numbers
#
# Nothing says that $p$ must be whole. $A^{1/2} = S \Lambda^{1/2} S^{-1}$ is a matrix whose square is $A$. Of a
# negative eigenvalue there is no real root, and the matrix above has one, so it has no such square root: the answer
# is NaN. Two that have all their powers: $G$ stretches along one axis and squeezes along another. $T$ turns by a
# quarter and grows; its eigenvalues are complex, and come in a conjugate pair, so its powers are real again.

# %%
g = jnp.array([[1.2, 0.5], [0.3, 0.9]])
t = 1.25 * linalg.rotation_2d(jnp.pi / 2)
root = linalg.matrix_power(g, 0.5)
third = linalg.matrix_power(t, 1 / 3)
print("square root of A:", linalg.matrix_power(a, 0.5)[0])
print("of G, squared:", jnp.matmul(root, root, precision="highest").tolist())
print("T^(1/3) turns by", jnp.rad2deg(jnp.arctan2(third[1, 0], third[0, 0])), "degrees")


# %%
def flow(matrix, times, points):
    powers = jax.vmap(power, in_axes=(None, 0))(linalg.diagonalize(matrix), times)
    return jnp.einsum("tij,nj->nti", powers, points, precision="highest")


times = jnp.linspace(0.0, 3.0, 61)
angles = jnp.linspace(0, 2 * jnp.pi, 13)[:-1]
ring = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
flows = {"G": flow(g, times, ring), "T": flow(t, times, ring[::3])}

# %%
fig, panels = plt.subplots(1, 2, figsize=(7, 3.3))
for ax, (name, paths) in zip(panels, flows.items(), strict=True):
    for i, path in enumerate(np.asarray(paths)):
        color = plot.PALETTE[0 if name == "G" else i]
        ax.plot(*path.T, color=color, linewidth=1.2)
        ax.plot(*path[::20].T, "o", color=color, markersize=3.5)
    plot.ellipsoid(jnp.ones(2), jnp.eye(2), half_axes=False, color="#a0a0a0", ax=ax)
    ax.set(xlabel="x", ylabel="y", title=f"$x \\to {name}^p x$ for p from 0 to 3")
for i, vector in enumerate(np.linalg.eig(np.asarray(g))[1].T):
    panels[0].axline((0, 0), vector, color=plot.PALETTE[1 + i], linewidth=1, label=f"eigenvector {i + 1}", zorder=1)
panels[0].set(xlim=(-3.2, 3.2), ylim=(-2.8, 2.8))
panels[0].legend(fontsize=9, loc="upper left")
plt.show()

# %% [markdown]
# Dots are whole powers; the curves run through the powers between. Under $G$ every path bends towards the
# eigenvector of the larger eigenvalue, and only points on an eigenvector run straight. Under $T$ they spiral.
#
# ## A matrix with too few eigenvectors
#
# The shear below has the eigenvalue 1 twice, but all its eigenvectors point along $x$. No $S$ has an inverse, and
# there is no diagonal form: such a matrix is called *defective*. A computed $S$ often has an inverse even so, made
# of rounding errors. `linalg.diagonalize` gives the condition of $S$, and where that says that $A$ cannot be told
# from a defective matrix, NaN instead of noise.

# %%
shear = jnp.array([[1.0, 1.0], [0.0, 1.0]])
defective = linalg.diagonalize(shear)
numpy_s = np.linalg.eig(np.array([[1.0, 1.0], [0.0, 1.0]]))[1]
print("condition:", defective.condition, "  inverse:", defective.inverse[0])
print("NumPy's eigenvectors:", numpy_s.tolist(), f" their condition: {np.linalg.cond(numpy_s, 1):.1e}")
print("the fifth power needs none of that:", linalg.matrix_power(shear, 5).tolist())

# %% [markdown]
# How near is too near? Move one eigenvalue to $1 + \delta$. The two eigenvectors stand at an angle of about
# $\delta$, and the condition grows like $2 / \delta$: by so much rounding in $A$ is multiplied. But rounding alone
# splits an eigenvalue that is there twice by about $\sqrt\epsilon$, so a $\delta$ of that order says nothing, and
# the library stops at a condition of $0.1 / \sqrt\epsilon$. In float32:

# %%
deltas = np.logspace(-6, 0, 61).astype(np.float32)
near = np.float32([[1, 1], [0, 1]]) + deltas[:, None, None] * np.float32([[0, 0], [0, 1]])
family = jax.vmap(linalg.diagonalize)(near)
conditions = np.asarray(family.condition)
trusted = np.isfinite(conditions)

# %%
fig, ax = plt.subplots(figsize=(6, 3.1))
ax.loglog(deltas[trusted], conditions[trusted], "o", markersize=4, label="condition of S")
ax.loglog(deltas, 2 / deltas, color="#808080", linewidth=1, linestyle="--", label="2 / δ")
ax.axvspan(deltas[0], deltas[trusted].min(), color=plot.PALETTE[1], alpha=0.15, label="condition inf, inverse NaN")
ax.set(xlabel="distance δ of the eigenvalues", ylabel="condition", xlim=(deltas[0], 1))
ax.legend()
plt.show()

# %% [markdown]
# ## Where a population goes
#
# A bird that lives up to four years. Each spring a female has $f_i$ daughters at age $i$, and a share $p_i$ of those
# of age $i$ lives on to the next:
#
# $$n_{t+1} = L\, n_t, \qquad L = \begin{pmatrix} f_1 & f_2 & f_3 & f_4 \\ p_1 & 0 & 0 & 0 \\ 0 & p_2 & 0 & 0 \\
# 0 & 0 & p_3 & 0 \end{pmatrix} .$$
#
# After $t$ years $n_t = S \Lambda^t S^{-1} n_0$, a sum of one term for each eigenvalue, of which the largest wins:
# the flock ends up growing by the factor $\lambda_1$ a year, with ages in the proportions of its eigenvector,
# whatever it began with.

# %%
leslie = jnp.array([[0.0, 0.3, 1.4, 2.0], [0.5, 0.0, 0.0, 0.0], [0.0, 0.7, 0.0, 0.0], [0.0, 0.0, 0.8, 0.0]])
d = linalg.diagonalize(leslie)
leading = jnp.argmax(d.eigenvalues.real)
growth = d.eigenvalues[leading].real
stable = d.eigenvectors[:, leading].real
stable = stable / stable.sum()
start = jnp.array([0.0, 0.0, 0.0, 100.0])
years = jnp.arange(41)
flock = jnp.matmul(jax.vmap(power, in_axes=(None, 0))(d, years), start, precision="highest")
shares = flock / flock.sum(axis=1, keepdims=True)
print(f"growth {growth:.4f} a year; shares of the ages in the end:", shares[-1])
print("sizes of the eigenvalues:", jnp.abs(d.eigenvalues))

# %% [markdown]
# Which of the numbers matters most for the growth? The derivative of $\lambda_1$ with respect to every entry of
# $L$. `jax.grad` goes through `linalg.eig`; by hand it is $\partial \lambda_1 / \partial L_{ij} = w_i v_j$, with the
# column $v$ of $S$ and the row $w$ of $S^{-1}$ that belong to $\lambda_1$.

# %%
sensitivity = jax.jit(jax.grad(lambda matrix: linalg.eig(matrix).eigenvalues.real.max()))(leslie)
by_hand = jnp.outer(d.inverse[leading], d.eigenvectors[:, leading]).real
elasticity = sensitivity * leslie / growth

# %%
fig = plt.figure(figsize=(8.4, 2.9))
left, right = fig.subfigures(1, 2, width_ratios=(1.5, 1))
count, share = left.subplots(1, 2)
count.semilogy(years, flock.sum(axis=1), label="all ages")
count.semilogy(years, flock[-1].sum() * growth ** (years - 40.0), "--", color="#808080", label="$\\lambda_1^t$")
count.set(xlabel="year", ylabel="females", title="how many")
count.legend()
for i in range(4):
    share.plot(years, 100 * shares[:, i], color=plot.PALETTE[i], label=f"age {i + 1}")
    share.axhline(100 * stable[i], color=plot.PALETTE[i], linewidth=1, linestyle="--")
share.set(xlabel="year", ylabel="per cent", title="of what age")
share.legend(fontsize=9)
plot.matrices([sensitivity], titles=["derivative of the growth"], figure=right)
plt.show()

# %% [markdown]
# Dashed: the eigenvector. The flock that begins with old birds alone swings for some twenty years (the other
# eigenvalues are complex or negative: they turn) and then has forgotten its beginning. In the table the first row
# belongs to the daughters and the entries below the diagonal to survival; the others are ways that this bird does not
# have. The number that does most for the growth is $p_1$, the survival of the first year.
#
# The oldest example is Fibonacci's rabbits: $\begin{pmatrix} 1 & 1 \\ 1 & 0 \end{pmatrix}^p$ holds the numbers
# $F_{p+1}, F_p, F_{p-1}$, and the larger eigenvalue is the golden section.

# %%
rabbits = jnp.array([[1.0, 1.0], [1.0, 0.0]])
fibonacci = [int(linalg.matrix_power(rabbits, p)[0, 1]) for p in (1, 2, 3, 4, 5, 10, 20, 30)]
golden = linalg.eig(rabbits).eigenvalues.real.max()
print("F1, F2, F3, F4, F5, F10, F20, F30:", fibonacci, " golden section:", golden)

# %% [markdown]
# ## The same in plain NumPy

# %%
reference = np.asarray(leslie, np.float64)
numpy_values, numpy_vectors = np.linalg.eig(reference)
repeated = [np.linalg.matrix_power(reference, int(year)) @ np.asarray(start, np.float64) for year in years]
step = 1e-6
moved = [np.linalg.eigvals(reference + step * np.eye(16)[i].reshape(4, 4)).real.max() for i in range(16)]
differences = (np.array(moved) - numpy_values.real.max()).reshape(4, 4) / step
print("growth:", numpy_values.real.max(), " largest difference of the sensitivities: ", end="")
print(f"{np.abs(differences - sensitivity).max():.1e}")

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(rebuilt, a, atol=1e-4)
assert np.allclose(x, [1, 2, 3], atol=1e-4)
assert np.allclose(linalg.solve(a, b).solution, [1, 2, 3], atol=1e-4)
assert np.allclose(by_squaring[1], [[6, 9, 10], [9, 17, 17], [10, 17, 19]], atol=1e-4)
assert np.allclose(through_s[1], by_squaring[1], rtol=1e-4)
assert errors["repeated squaring"].max() < 1e-5
assert errors["through the eigenvalues"].max() < 1e-3
assert np.allclose(np.sort(values.real), np.linalg.eigvalsh(np.asarray(a, np.float64)), atol=1e-4)
assert np.isnan(linalg.matrix_power(a, 0.5)).all()  # a negative eigenvalue
assert np.allclose(root @ root, g, atol=2e-2)
assert np.allclose(third, 1.25 ** (1 / 3) * linalg.rotation_2d(jnp.pi / 6), atol=1e-4)
assert np.allclose(flows["G"][:, 20], np.asarray(ring, float) @ np.asarray(g, float).T, atol=1e-4)
assert np.isinf(defective.condition)
assert np.isnan(defective.inverse).all()
assert np.allclose(linalg.matrix_power(shear, 5), [[1, 5], [0, 1]], atol=1e-5)
close = trusted & (deltas < 0.1)
assert np.allclose(conditions[close] * deltas[close] / 2, 1.0, atol=0.2)
assert np.isnan(np.asarray(family.inverse)[~trusted]).all()
assert not trusted[:20].any()
assert np.isclose(growth, numpy_values.real.max(), rtol=1e-4)
assert np.allclose(flock, repeated, rtol=1e-3, atol=1e-2)
assert np.allclose(shares[-1], stable, atol=2e-3)
assert np.allclose(sensitivity, by_hand, atol=1e-4)
assert np.allclose(sensitivity, differences, atol=1e-3)
assert np.argmax(sensitivity * (leslie > 0)) == 4  # the survival of the first year
assert np.isclose(elasticity.sum(), 1.0, atol=1e-4)  # twice every entry is twice the growth
assert fibonacci == [1, 1, 2, 3, 5, 55, 6765, 832040]
assert np.isclose(golden, (1 + np.sqrt(5)) / 2, rtol=1e-5)
print("all claims hold")
