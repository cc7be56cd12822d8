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
# # 4.3.4 Principal components of a million rows that are never there at once
#
# Principal components need the covariance, and the covariance needs all rows. **Do all rows have to be in memory?**

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
import matplotlib.pyplot as plt
import numpy as np

from jaxmath import moments, pca, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Moments that merge
#
# The covariance is a function of three things: the count n, the mean $\bar x$ and the scatter
# $S = \sum_i (x_i - \bar x)(x_i - \bar x)^\top$. For two sets of rows a and b, with $\delta = \bar x_b - \bar x_a$,
#
# $$\bar x = \bar x_a + \frac{n_b}{n}\, \delta, \qquad S = S_a + S_b + \frac{n_a n_b}{n}\, \delta \delta^\top .$$
#
# Nothing else of the rows is needed. So one can look at a batch, keep $1 + d + d^2$ numbers, and forget it. The result
# is not an approximation: it is the fit of all rows.
#
# ## A stream
#
# A hundred batches of 10,000 rows with 32 columns, made one at a time and far from 0: a million rows. All together
# they would take 128 MB in float32; one batch takes 1.3 MB, the moments 4 kB.

# %%
width, batch_rows, num_batches = 32, 10_000, 100
rng = np.random.default_rng(4)
directions = np.linalg.qr(rng.normal(size=(width, width)))[0]
mixing = np.float32(directions * 4 * 0.85 ** np.arange(width))


def stream(first=0, last=num_batches):
    for seed in range(first, last):
        noise = np.random.default_rng(seed).standard_normal((batch_rows, width), dtype=np.float32)
        yield noise @ mixing.T + np.float32(100)


# %%
fitted = pca.fit_batches(stream(), 10)
print("rows:", int(fitted.num_samples), " kept of the variance:", np.round(fitted.explained_variance_ratio.sum(), 4))

# %% [markdown]
# We know the truth of this stream: the columns of the mixing matrix have the lengths $4 \cdot 0.85^j$, so the variances
# are their squares, up to the chance of a finite sample.

# %%
truth = (4 * 0.85 ** np.arange(width)) ** 2
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8))
left.semilogy(range(1, 11), fitted.explained_variance, "o", color=plot.PALETTE[0], label="found in the stream")
left.semilogy(range(1, 11), truth[:10], color=plot.PALETTE[1], label="the process")
left.set(xlabel="component", ylabel="variance", title="a million rows")
left.legend()
right.imshow(np.abs(fitted.components @ directions[:, :10]), cmap="Blues", vmin=0, vmax=1)
right.set(xlabel="true direction", ylabel="component found", title="inner products")
right.grid(visible=False)
plt.show()

# %% [markdown]
# ## In any order, in any places
#
# Since moments merge, two machines can take half of the stream each and add up what they saw. Batches may have any
# sizes. Both give the fit of the whole, up to rounding.

# %%
halves = moments.merge(moments.of_batches(stream(0, 50)), moments.of_batches(stream(50, 100)))
merged = pca.from_moments(halves, 10)
ragged = pca.fit_batches((part for batch in stream() for part in np.split(batch, [1_000, 7_000])), 10)
for name, other in {"two halves": merged, "ragged batches": ragged}.items():
    change = np.abs(other.explained_variance / fitted.explained_variance - 1).max()
    print(f"{name}: variances differ by {change:.1e} at most")

# %% [markdown]
# ## How the answer settles
#
# With the moments after 1, 2, 5, ... batches we can watch the variances come to rest. Chance leaves an error of about
# $\sqrt{2 / n}$ of each.

# %%
sizes = [1, 2, 5, 10, 20]
partial = [pca.fit_batches(stream(0, size), 10).explained_variance for size in sizes]
errors = np.array([np.abs(values / truth[:10] - 1).mean() for values in partial])
rows = np.array(sizes) * batch_rows
fig, ax = plt.subplots()
ax.loglog(rows, errors, "o", color=plot.PALETTE[0], label="mean relative error of ten variances")
ax.loglog(rows, np.sqrt(2 / rows) * np.sqrt(2 / np.pi), color=plot.PALETTE[1], label="what chance leaves")
ax.set(xlabel="rows seen", ylabel="relative error")
ax.legend()
plt.show()

# %% [markdown]
# ## Against NumPy
#
# Ten batches fit into memory, so NumPy can see them at once, in float64.

# %%
whole = np.concatenate(list(stream(0, 10))).astype(float)
reference = np.linalg.eigvalsh(np.cov(whole.T))[::-1][:10]
ten = pca.fit_batches(stream(0, 10), 10).explained_variance
print("largest relative difference from NumPy in float64:", np.abs(ten / reference - 1).max())

# %% [markdown]
# ## What was claimed

# %%
assert fitted.num_samples == 1_000_000
assert np.allclose(fitted.explained_variance, truth[:10], rtol=6 * np.sqrt(2 / 1e6))
assert np.allclose(fitted.mean, 100, atol=6 * 4 / np.sqrt(1e6))
assert np.allclose(merged.explained_variance, fitted.explained_variance, rtol=1e-5)
assert np.allclose(ragged.explained_variance, fitted.explained_variance, rtol=1e-5)
assert np.abs(ten / reference - 1).max() < 1e-5
assert errors[-1] < errors[0]
print("all claims hold")
