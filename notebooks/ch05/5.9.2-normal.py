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
# # 5.9.2 The normal distribution
#
# A length is measured with many small independent errors, whose sum has the standard deviation 5. **How often is the
# error larger than 5, 10 or 15? And if two amounts vary together, how does their joint density look, and which region
# holds 95 % of it?**

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
from scipy import stats

from jaxmath import estimation, plot
from jaxmath.distributions import MultivariateNormal, Normal

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## One dimension
#
# With mean $\mu$ and standard deviation $\sigma$ the density is
#
# $$N(x \mid \mu, \sigma^2) = \frac{1}{\sqrt{2 \pi}\, \sigma} \exp \left( -\frac{(x - \mu)^2}{2 \sigma^2} \right).$$
#
# Its logarithm is a parabola. At the mean only the factor in front is left: for $N(0, 5^2)$,
# $\log p(0) = -\log (5 \sqrt{2 \pi}) = -2.528$. The probability of an interval has no elementary formula; it is a
# difference of two values of the cumulative distribution function.

# %%
d = Normal(0.0, 5.0)
log_density = d.log_prob(0.0)
print(f"log p(0) = {log_density:.3f}, mean {d.mean:.1f}, variance {d.variance:.1f}")
bounds = np.array([5.0, 10.0, 15.0])
within = np.asarray(estimation.interval_probability(d, -bounds, bounds))
for bound, probability in zip(bounds, within, strict=True):
    print(f"P(|x| <= {bound:2.0f}) = {probability:.4f}, beyond {1 - probability:.4f}")

# %%
x = np.linspace(-20, 20, 401)
densities = {scale: np.asarray(Normal(0.0, scale).prob(x)) for scale in (2.5, 5.0, 10.0)}
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.5))
plot.curve(x, densities[5.0], label=None, ax=left)
for bound, color in ((15, "#d6e6f2"), (10, "#a3c8e2"), (5, "#60a0cf")):
    inside = np.abs(x) <= bound
    label = rf"up to {bound // 5} $\sigma$: {within[bound // 5 - 1]:.1%}"
    left.fill_between(x[inside], densities[5.0][inside], color=color, label=label)
left.set(title="one, two and three standard deviations", xlabel="x", ylabel="p(x)", ylim=(0, 0.115))
left.legend(fontsize=9, loc="upper right")
for (scale, density), color in zip(densities.items(), plot.PALETTE, strict=False):
    plot.curve(x, density, color=color, label=rf"$\sigma$ = {scale:g}", ax=right)
right.set(title="twice as wide is half as high", xlabel="x", ylim=(0, 0.17))
right.legend()
plt.show()

# %% [markdown]
# An error beyond $\sigma$ happens in a third of all cases, one beyond $3 \sigma$ in 0.3 %.
#
# ## Where logarithms are needed
#
# The density falls so fast that in float32 it is 0 beyond 14 standard deviations or so, and so is a product of a few
# densities. The logarithm keeps its digits, in the density as well as in the probability of a tail.

# %%
far = np.array([50.0, 100.0, 200.0], np.float32)
print("density            ", d.prob(far))
print("log-density        ", d.log_prob(far))
print("log P(x <= -far)   ", d.log_cdf(-far))

# %% [markdown]
# ## Two dimensions
#
# With a mean vector $\mu$ and a covariance matrix $\Sigma$,
#
# $$N(x \mid \mu, \Sigma) = \frac{1}{2 \pi \sqrt{|\Sigma|}}
# \exp \left( -\tfrac12 (x - \mu)^T \Sigma^{-1} (x - \mu) \right), \qquad
# \Sigma = \begin{pmatrix} \sigma_1^2 & \rho \sigma_1 \sigma_2 \\ \rho \sigma_1 \sigma_2 & \sigma_2^2 \end{pmatrix}.$$
#
# With $\Sigma = 5 I$ this is the product of two densities of one dimension, both of variance 5, and
# $\log p(0) = -\log (2 \pi) - \log 5 = -3.447$.


# %%
def normal(first, second, correlation):
    cross = first * second * correlation
    return MultivariateNormal(np.zeros(2), covariance=np.array([[first**2, cross], [cross, second**2]]))


axis = np.linspace(-6, 6, 61)
grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
round_ = normal(np.sqrt(5.0), np.sqrt(5.0), 0.0)
log_density_2d = round_.log_prob(np.zeros(2))
log_product = np.asarray(Normal(0.0, np.sqrt(5.0)).log_prob(grid)).sum(axis=-1)
product_gap = np.abs(np.asarray(round_.log_prob(grid)) - log_product).max()
print(f"log p(0, 0) = {log_density_2d:.3f}; the product of two densities differs by {product_gap:.1e}")

# %% [markdown]
# In a notebook that you run, this figure has sliders for the two standard deviations and the correlation $\rho$.


# %%
def draw(first, second, correlation):
    fig, z = plt.figure(figsize=(9.6, 4.2)), normal(first, second, correlation).prob(grid)
    plot.surface(axis, axis, z, labels=("$x_1$", "$x_2$", ""), ax=fig.add_subplot(121, projection="3d"))
    plot.contours(axis, axis, z, ax=fig.add_subplot(122)).set(xlabel="$x_1$", ylabel="$x_2$")
    plt.show()


plot.sliders(draw, first=(0.5, 3.0, 2.236), second=(0.5, 3.0, 2.236), correlation=(-0.9, 0.9, 0.0))

# %% [markdown]
# Surfaces and contours for four settings of the sliders:

# %%
settings = [(2.236, 2.236, 0.0), (2.5, 1.0, 0.0), (2.0, 2.0, 0.8), (2.5, 1.5, -0.7)]
fig = plt.figure(figsize=(11.5, 5.4))
for column, setting in enumerate(settings):
    z = normal(*setting).prob(grid)
    space = fig.add_subplot(2, 4, column + 1, projection="3d")
    plot.surface(axis, axis, z, labels=("$x_1$", "$x_2$", ""), ax=space)
    space.set_title(r"$\sigma$ = {:.2g}, {:.2g}; $\rho$ = {:g}".format(*setting), fontsize=11)
    flat = fig.add_subplot(2, 4, column + 5)
    flat.contour(axis, axis, z.T, levels=7)
    flat.set(xlabel="$x_1$", ylabel="$x_2$" if column == 0 else "", aspect="equal")
plt.show()

# %% [markdown]
# Different deviations stretch the lines of equal density along an axis, a correlation turns them. They are ellipses,
# for $(x - \mu)^T \Sigma^{-1} (x - \mu)$ is constant on them; their axes are the eigenvectors of $\Sigma$, their
# half-axes proportional to the roots of the eigenvalues.
#
# ## Which region holds 95 %?
#
# In coordinates along those axes, each divided by its standard deviation, the distribution is round, with variance 1 in
# all directions. The squared distance $r^2$ from the center then exceeds $k^2$ with probability $e^{-k^2 / 2}$. So the
# ellipse of $k$ standard deviations holds
#
# $$1 - e^{-k^2 / 2}: \quad 39\,\%,\ 86\,\%,\ 99\,\% \text{ for } k = 1, 2, 3, \quad
# 95\,\% \text{ for } k = \sqrt{-2 \log 0.05} = 2.448 .$$
#
# That is less than the 68, 95 and 99.7 % of one dimension: there are more ways to be far away.

# %%
tilted = normal(2.0, 1.0, 0.7)
points = np.asarray(tilted.sample(jax.random.key(0), (5000,)))
radius = np.sqrt(np.sum(points @ np.asarray(tilted.precision) * points, axis=1))
k = np.array([1.0, 2.0, 3.0, 2.448])
share = (radius[:, None] <= k).mean(axis=0)
expected = 1 - np.exp(-(k**2) / 2)
print("within k standard deviations:", share.round(4), " expected:", expected.round(4))

# %%
values, vectors = np.linalg.eigh(tilted.covariance)
t = np.linspace(0, 2 * np.pi, 201)
circle = vectors @ (np.sqrt(values)[:, None] * np.stack([np.cos(t), np.sin(t)]))
fig, ax = plt.subplots(figsize=(6.4, 4.2))
ax.scatter(*points[:2000].T, s=5, color="#a0a8b0", linewidths=0)
for size, color in zip((1.0, 2.448, 3.0), plot.PALETTE, strict=False):
    label = f"k = {size:g}: {1 - np.exp(-(size**2) / 2):.1%}"
    ax.plot(*(size * circle), color=color, label=label)
for value, vector in zip(values, vectors.T, strict=True):
    ax.annotate("", np.sqrt(value) * vector, (0, 0), arrowprops={"arrowstyle": "-|>", "linewidth": 1.8})
ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", title="ellipses, and the eigenvectors of the covariance")
ax.legend(fontsize=9, loc="lower right")
plt.show()

# %% [markdown]
# ## The same in SciPy

# %%
covariance = np.array([[4.0, 1.4], [1.4, 1.0]])
squares = np.einsum("...i,ij,...j", grid, np.linalg.inv(covariance), grid)
numpy_joint = np.exp(-squares / 2) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
scipy_joint = stats.multivariate_normal(np.zeros(2), covariance).pdf(grid)
gaps = {
    "log p(0), NumPy": abs(float(log_density) + np.log(5 * np.sqrt(2 * np.pi))),
    "density, SciPy": np.abs(densities[5.0] - stats.norm(0, 5).pdf(x)).max(),
    "within, SciPy": np.abs(within - (1 - 2 * stats.norm.sf([1, 2, 3]))).max(),
    "joint, SciPy": np.abs(np.asarray(tilted.prob(grid)) - scipy_joint).max(),
    "joint, NumPy": np.abs(np.asarray(tilted.prob(grid)) - numpy_joint).max(),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert np.isclose(log_density, -2.528, atol=5e-4)
assert np.isclose(log_density_2d, -3.447, atol=5e-4)
assert product_gap < 1e-4
assert np.allclose(within, [0.6827, 0.9545, 0.9973], atol=1e-4)  # a third beyond, and 0.3 %
assert (np.asarray(d.prob(far))[1:] == 0).all()
assert np.allclose(d.log_prob(far), stats.norm(0, 5).logpdf(far), rtol=1e-5)
assert np.allclose(d.log_cdf(-far), stats.norm(0, 5).logcdf(-far), rtol=1e-4)
assert np.allclose(expected, [0.39, 0.86, 0.99, 0.95], atol=6e-3)
assert np.allclose(share, expected, atol=5 * 0.5 / np.sqrt(len(points)))
assert np.isclose(d.prob(0.0) * 2, Normal(0.0, 2.5).prob(0.0))  # twice as wide is half as high
assert max(gaps.values()) < 1e-5
print("all claims hold")
