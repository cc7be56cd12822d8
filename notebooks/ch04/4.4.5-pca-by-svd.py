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
# # 4.4.5 Principal components by singular value decomposition
#
# The components are eigenvectors of a covariance matrix. **Can we have them without forming that matrix, and is
# there a reason to?**

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

from jaxmath import pca, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## One decomposition, two roads
#
# Let the rows of $X$ be the centred data and $X = U \Sigma V^\top$ its singular value decomposition. Then
#
# $$C = \frac{X^\top X}{n - 1} = \frac{V \Sigma U^\top U \Sigma V^\top}{n - 1} = V\, \frac{\Sigma^2}{n - 1}\, V^\top,$$
#
# which is the eigenvalue decomposition of the covariance. So the right singular vectors *are* the principal
# components, and the variances are $\lambda_j = \sigma_j^2 / (n - 1)$. An eigenvector has no preferred sign, so
# the two roads agree up to the sign of each row; `pca.fit` settles it by a rule that all of its solvers follow.

# %%
key_data, key_turn, key_small, key_wide = jax.random.split(jax.random.key(3), 4)
n, deviations = 400, np.array([3.0, 2.0, 1.0, 0.5], np.float32)
turn = jnp.linalg.qr(jax.random.normal(key_turn, (4, 4)))[0]
x = 5.0 + jnp.matmul(jax.random.normal(key_data, (n, 4)) * deviations, turn, precision="highest")
by_eigh = pca.fit(x, solver="eigh")
by_svd = pca.fit(x, solver="svd")
print("variances, eigh:", by_eigh.explained_variance)
print("variances, svd: ", by_svd.explained_variance)

# %% [markdown]
# And the same with NumPy in float64. Its rows may have other signs, so we look at the table of inner products
# $|v_i^\top w_j|$ between its components and ours: the identity matrix says "the same, up to sign".

# %%
reference = np.asarray(x, np.float64)
_, sigma, rows = np.linalg.svd(reference - reference.mean(axis=0), full_matrices=False)
values, vectors = np.linalg.eigh(np.cov(reference.T))
overlap = {
    "svd against NumPy's svd": np.abs(np.asarray(by_svd.components) @ rows.T),
    "eigh against NumPy's eigh": np.abs(np.asarray(by_eigh.components) @ vectors[:, ::-1]),
    "svd against eigh": np.abs(np.asarray(by_svd.components) @ np.asarray(by_eigh.components).T),
}

# %%
fig, panels = plt.subplots(1, 3, figsize=(9.6, 3.4))
for ax, (title, table) in zip(panels, overlap.items(), strict=True):
    ax.imshow(table, cmap="Blues", vmin=0, vmax=1.3)
    for (i, j), value in np.ndenumerate(table):
        ax.text(j, i, f"{value:.3f}", ha="center", va="center", fontsize=9, color="white" if value > 0.5 else "black")
    ax.set(title=title, xticks=range(4), yticks=range(4), xticklabels=range(1, 5), yticklabels=range(1, 5))
    ax.grid(visible=False)
plt.show()

# %% [markdown]
# ## Why the road matters: squares lose digits
#
# Numbers in float32 have a relative precision of $\epsilon \approx 10^{-7}$. Both decompositions are accurate
# relative to the *largest* value. The covariance holds variances, so its small eigenvalues come with errors of
# about $\epsilon \lambda_1$. The singular values are standard deviations (times $\sqrt{n-1}$) and come with errors
# of about $\epsilon \sigma_1$. As a standard deviation $s$ next to a largest one of $s_1$,
#
# $$\text{eigh sees} \quad s \gtrsim \sqrt{\epsilon}\, s_1 \approx 3 \cdot 10^{-4}\, s_1,
# \qquad \text{svd sees} \quad s \gtrsim \epsilon\, s_1 \approx 10^{-7}\, s_1 .$$
#
# A test: eleven directions whose deviations fall from 1 to $10^{-5}$, hidden by a rotation. The truth is computed
# from the same float32 numbers in float64.

# %%
wanted = np.logspace(0, -5, 11)
axes = np.linalg.qr(np.asarray(jax.random.normal(key_turn, (11, 11)), np.float64))[0]
small = np.float32((np.asarray(jax.random.normal(key_small, (500, 11)), np.float64) * wanted) @ axes)
centred = small.astype(np.float64) - small.astype(np.float64).mean(axis=0)
truth = np.linalg.svd(centred, compute_uv=False) / np.sqrt(499)
found = {solver: np.sqrt(np.asarray(pca.fit(small, solver=solver).explained_variance)) for solver in ("eigh", "svd")}
errors = {solver: np.abs(deviation - truth) / truth for solver, deviation in found.items()}

# %%
fig, ax = plt.subplots()
for solver, marker, color in (("eigh", "s", plot.PALETTE[1]), ("svd", "o", plot.PALETTE[0])):
    ax.loglog(truth, np.maximum(errors[solver], 1e-8), marker, color=color, label=f'solver="{solver}"')
ax.loglog(truth, 1.2e-7 / truth**2, color=plot.PALETTE[1], linewidth=1, linestyle="--", label="ε (s₁ / s)²")
ax.loglog(truth, 1.2e-7 / truth, color=plot.PALETTE[0], linewidth=1, linestyle="--", label="ε s₁ / s")
ax.axhline(1.0, color="#808080", linewidth=1)
ax.set(xlabel="true standard deviation s", ylabel="relative error of the result", ylim=(1e-8, 10))
ax.invert_xaxis()
ax.legend(loc="upper left", fontsize=10)
plt.show()

# %% [markdown]
# The dashed lines are the two predictions. On the grey line the error is as large as the number itself. What the
# covariance says of deviations below $3 \cdot 10^{-4}$ is luck, and of the smallest it says 0 or nonsense; the
# singular values keep all eleven. For most data this does not matter: variances so small are noise, and one pass
# over chunks of the data gives the covariance however many rows there are. Hence `solver="eigh"` is the default
# for tall data.
#
# ## The other reason: more columns than rows
#
# Twenty rows with 2,000 columns would need a covariance of $2000 \times 2000$ entries of which at most
# $n - 1 = 19$ eigenvalues are not 0. `solver="auto"` decomposes the $20 \times 20$ table of inner products
# $X X^\top = U \Sigma^2 U^\top$ instead, and gets the components from it as $V = X^\top U \Sigma^{-1}$.

# %%
wide = jax.random.normal(key_wide, (20, 2000))
wide_fit = pca.fit(wide, solver="auto")
print("components:", wide_fit.components.shape)
print("largest, 19th and 20th deviation:", np.sqrt(np.asarray(wide_fit.explained_variance))[[0, 18, 19]])

# %% [markdown]
# The twentieth is 0 up to rounding: centring has used up one dimension.
#
# ## What was claimed

# %%
assert all(np.abs(table - np.eye(4)).max() < 1e-3 for table in overlap.values())
assert np.allclose(by_svd.components, by_eigh.components, atol=1e-3)  # one sign rule for both
assert np.allclose(by_svd.explained_variance, values[::-1], rtol=1e-4)
assert np.allclose(by_eigh.explained_variance, sigma**2 / (n - 1), rtol=1e-4)
assert np.allclose(by_svd.singular_values, sigma, rtol=1e-4)
assert errors["svd"].max() < 0.5  # every deviation down to 1e-5 is found
assert errors["eigh"][truth > 2e-2].max() < 0.05  # the covariance has the large ones
assert errors["eigh"][-1] > 0.5  # and not the smallest
assert wide_fit.explained_variance[18] > 50
assert wide_fit.explained_variance[19] < 1e-4 * wide_fit.explained_variance[0]
print("all claims hold")
