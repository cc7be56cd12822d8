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
# # 4.3 Principal components of handwritten digits
#
# An image of 8 x 8 pixels is a point in a space of 64 dimensions. **How many numbers does it take to say which
# digit is written there, and how it is written?**

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

from jaxmath import data, pca, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The answer first
#
# The library ships 1,797 digits that people wrote by hand. Each becomes a row of 64 numbers, 0 for paper to 16 for
# ink. One call finds the directions in which these rows vary most.

# %%
images, labels = data.digits()
n = len(images)
x = jnp.asarray(images.reshape(n, 64), jnp.float32)
fitted = pca.fit(x, 32)
z = pca.transform(fitted, x)
print("digits:", x.shape, " coordinates:", z.shape)

# %% [markdown]
# On the left of the figure every digit is a point, placed by its first two coordinates alone; each number stands
# at the median of its class. On the right, above: the mean image and the first four components (red adds ink, blue
# takes it away). Below: three digits rebuilt from 1, 4, 16 and 32 components, and as they are.

# %%
steps = (1, 4, 16, 32)
partial = [fitted._replace(components=fitted.components[:k]) for k in steps]
rebuilt = [jnp.clip(pca.inverse_transform(p, z[:, : len(p.components)]), 0, 16) for p in partial]
stages = jnp.stack([*rebuilt, x], axis=1).reshape(n, 5, 8, 8)
three = [np.flatnonzero(labels == digit)[2] for digit in (3, 5, 6)]

fig = plt.figure(figsize=(12, 5.6))
left, right = fig.subfigures(1, 2, width_ratios=(1.1, 1))
ax = plot.scatter(z[:, :2], labels=labels, size=9, ax=left.subplots())
ax.set(xlabel="coordinate along component 1", ylabel="coordinate along component 2")
above, below = right.subfigures(2, 1, height_ratios=(1, 2.8))
mean_part, components_part = above.subfigures(1, 2, width_ratios=(1, 4))
shapes = fitted.components.reshape(-1, 8, 8)
plot.images(fitted.mean.reshape(1, 8, 8), titles=["mean"], figure=mean_part)
plot.images(shapes[:4], titles=[f"component {i}" for i in (1, 2, 3, 4)], signed=True, figure=components_part)
names = [*(f"k = {k}" for k in steps), "original"]
plot.images(stages[jnp.array(three)].reshape(-1, 8, 8), titles=names, columns=5, figure=below)
plt.show()

# %% [markdown]
# The fit never saw a label. Still, zeros, fours and sixes have regions of their own, while ones, fives and eights
# share the middle: two numbers of 64 say much, and not everything. The rest of this notebook takes the figure
# apart.
#
# ## A mean and some directions
#
# With $\bar x$ the mean of all rows, the components $v_1, v_2, \dots$ are the eigenvectors of the covariance
# $C = \frac{1}{n-1} \sum_i (x_i - \bar x)(x_i - \bar x)^\top$, sorted by their eigenvalues
# $\lambda_1 \ge \lambda_2 \ge \dots$, which are the variances along them. Each component is a row of 64 numbers,
# so it can be shown as an image: it says where ink is added and where it is taken away as its coordinate grows.

# %%
plot.images(shapes[:16], titles=[f"{i}" for i in range(1, 17)], columns=8, signed=True)
plt.show()

# %% [markdown]
# The first ones trade large strokes against each other. The later ones are finer and finer patterns, as the notes
# of a string grow higher.
#
# ## How many are enough?
#
# It depends on the question. *How much of the image survives* is told by the share of the variance in the first
# $k$ components. *Which digit is it* can be asked of the neighbours: is the nearest other point, measured by the
# first $k$ coordinates, the same digit? Squared distances grow by one term for each coordinate,
#
# $$\| z_i - z_j \|_{k}^2 = \| z_i - z_j \|_{k-1}^2 + (z_{ik} - z_{jk})^2,$$
#
# so one `scan` over the coordinates answers for every $k$.

# %%
digit = jnp.asarray(labels)


def add_coordinate(squares, column):
    squares = squares + (column[:, None] - column[None, :]) ** 2
    return squares, digit[jnp.argmin(squares, axis=1)] == digit


nobody_is_its_own_neighbour = jnp.diag(jnp.full(n, jnp.inf))
_, same = jax.jit(lambda columns: jax.lax.scan(add_coordinate, nobody_is_its_own_neighbour, columns))(z.T)
kept = np.cumsum(np.asarray(fitted.explained_variance_ratio))
agree = np.asarray(same.mean(axis=1))
for k in (1, 2, 4, 8, 16, 32):
    print(f"k = {k:2}: {kept[k - 1]:6.1%} of the variance, {agree[k - 1]:6.1%} of the nearest neighbours agree")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
plot.spectrum(fitted.explained_variance, ax=left)
right.plot(range(1, 33), 100 * kept, "o-", markersize=4, label="variance kept")
right.plot(range(1, 33), 100 * agree, "s-", markersize=4, label="nearest neighbour is the same digit")
right.set(xlabel="number of components k", ylabel="per cent", ylim=(0, 102))
right.legend(loc="lower right")
plt.show()

# %% [markdown]
# About ten numbers tell *which* digit it is nearly as well as 32 do. *How* it is written takes two or three times
# as many.
#
# ## Rebuilt from few numbers
#
# Every digit is the mean plus its own mixture of components, $\hat x = \bar x + \sum_{j=1}^k z_j v_j$. From top to
# bottom: 1, 4, 16 and 32 components, and the original; ink below 0 or above 16 is clipped.

# %%
one_of_each = jnp.array([np.flatnonzero(labels == d)[1] for d in range(10)])
plot.images(jnp.swapaxes(stages[one_of_each], 0, 1).reshape(-1, 8, 8), columns=10)
plt.show()
errors = [float(pca.reconstruction_error(p, x)) for p in partial]
print("loss (RMS, of 16):", {k: round(error, 2) for k, error in zip(steps, errors, strict=True)})

# %% [markdown]
# With one component everything looks like a three or a four, because only one thing can change. With four, the
# shapes part. With sixteen each digit is legible.
#
# ## How sure is the spectrum? Ten fits at once
#
# Other people would have written other digits. The bootstrap imitates this: it draws $n$ digits from the $n$ we
# have, with replacement, and fits again. To draw a digit twice is to give it weight 2, so a resample is a vector
# of weights, and `jax.vmap` over ten of them is ten fits in one program.

# %%
drawn = jax.random.randint(jax.random.key(5), (10, n), 0, n, dtype=jnp.int32)
weights = jax.vmap(lambda rows: jnp.bincount(rows, length=n))(drawn)
fits = jax.jit(jax.vmap(lambda w: pca.fit(x, 10, weights=w)))(weights)
spread = fits.explained_variance.std(axis=0, ddof=1) / fitted.explained_variance[:10]
print("relative spread of the variances:", np.round(np.asarray(spread), 3))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=(1.5, 1))
plot.spectrum(fitted.explained_variance[:10], samples=fits.explained_variance, ax=left)
left.set(xticks=range(1, 11), title="variances, a dash for each resample")
alike = np.abs(np.einsum("skd,kd->sk", np.asarray(fits.components), np.asarray(fitted.components[:10])))
right.plot(range(1, 11), alike.T, "_", color=plot.PALETTE[1], markersize=11)
right.set(xlabel="component", ylabel="|cosine| with the full fit", ylim=(0, 1.04), xticks=range(1, 11))
right.set_title("directions")
plt.show()

# %% [markdown]
# The variances move by a few per cent, and that can be enough to turn the directions. The first two variances are
# close; in one of the ten resamples the second overtakes the first, and the two components change places. From the
# eighth on neighbours mix in the same way. The *plane* that the first two span moves far less: the smallest cosine
# of an angle between it and the plane of a resample says so.

# %%
planes = np.asarray(fits.components[:, :2]) @ np.asarray(fitted.components[:2]).T
plane_cosines = np.linalg.svd(planes, compute_uv=False)[:, -1]
print(
    "smallest cosine, components 1 and 2 each:",
    alike[:, :2].min().round(2),
    " their plane:",
    plane_cosines.min().round(2),
)

# %% [markdown]
# So an axis is to be believed as far as its variance stands apart from its neighbours, and a plane as far as the
# last variance inside stands apart from the first one outside.
#
# ## Which pixels would have to change?
#
# The loss $e$ with 16 components is a function of the data, through the fit and all. What is its derivative with
# respect to each pixel of each digit? `jax.grad` goes through the eigenvectors to find out. There is a check by
# hand. The fitted plane is the one with the least loss, so turning or shifting it a little changes nothing to
# first order, and what is left is the derivative with the plane held still:
#
# $$e^2 = \frac{1}{n d} \sum_{i=1}^n \| x_i - \hat x_i \|^2 \quad \Rightarrow \quad
# \frac{\partial e}{\partial x_i} = \frac{x_i - \hat x_i}{n\, d\, e} .$$

# %%
loss, gradient = jax.jit(jax.value_and_grad(lambda x: pca.reconstruction_error(pca.fit(x, 16), x)))(x)
residual = x - pca.inverse_transform(partial[2], z[:, :16])
by_hand = residual / (n * 64 * loss)
worst = jnp.argsort(-jnp.linalg.norm(gradient, axis=1))[:8]
print(f"loss {loss:.4f}; largest difference from the formula, relative: ", end="")
print(f"{jnp.abs(gradient - by_hand).max() / jnp.abs(by_hand).max():.1e}")

# %% [markdown]
# The eight digits with the largest gradient: as written (above), and the change of ink that would lower the loss
# fastest (below; red adds, blue takes away).

# %%
fig = plt.figure(figsize=(10, 2.9))
above, below = fig.subfigures(2, 1, height_ratios=(1.2, 1))
plot.images(x[worst].reshape(-1, 8, 8), titles=[f"a {labels[i]}" for i in worst], figure=above)
plot.images(-gradient[worst].reshape(-1, 8, 8), signed=True, figure=below)
plt.show()

# %% [markdown]
# These are the unusual ones, and the images below say what is unusual about them. If all digits go a tenth of the
# way to their reconstructions, along this gradient, the loss must fall by a tenth:

# %%
moved = x - 0.1 * (n * 64 * loss) * gradient
loss_after = pca.reconstruction_error(pca.fit(moved, 16), moved)
print(f"loss before {loss:.4f}, after {loss_after:.4f}, ratio {loss_after / loss:.5f}")

# %% [markdown]
# ## The same in plain NumPy

# %%
reference = images.reshape(n, 64).astype(np.float64)
centred = reference - reference.mean(axis=0)
_, sigma, rows = np.linalg.svd(centred, full_matrices=False)
variances = sigma**2 / (n - 1)
numpy_residual = centred - centred @ rows[:16].T @ rows[:16]
numpy_loss = np.sqrt(np.mean(numpy_residual**2))
repeated = np.cov(reference[np.asarray(drawn[0])].T)
print("variances:", variances[:4].round(3), f"loss with 16: {numpy_loss:.4f}")

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(fitted.explained_variance, variances[:32], rtol=1e-4)
assert np.allclose(np.abs(np.sum(np.asarray(fitted.components[:16]) * rows[:16], axis=1)), 1.0, atol=1e-3)
assert np.isclose(loss, numpy_loss, rtol=1e-4)
assert np.isclose(loss, np.sqrt((n - 1) / (n * 64) * variances[16:].sum()), rtol=1e-4)
assert np.allclose(gradient, numpy_residual / (n * 64 * numpy_loss), atol=2e-3 * np.abs(gradient).max())
assert np.isclose(loss_after / loss, 0.9, rtol=1e-3)
assert np.allclose(fits.explained_variance[0], np.linalg.eigvalsh(repeated)[:-11:-1], rtol=1e-4)  # weight 2 is twice
assert spread.max() < 0.1
assert alike[:, 0].min() < 0.5  # one axis alone is not to be relied on
assert plane_cosines.min() > 0.85  # the plane of two is
by_digit = [np.asarray(same)[1, labels == d].mean() for d in range(10)]  # with two coordinates
assert min(by_digit[d] for d in (0, 4, 6)) > max(by_digit[d] for d in (1, 5, 8))
assert agree[9] > 0.95
assert agree[31] - agree[9] < 0.04  # ten numbers say which digit it is
assert kept[9] < 0.8  # and not how it is written
print("all claims hold")
