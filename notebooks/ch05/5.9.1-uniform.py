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
# # 5.9.1 The uniform distribution
#
# A number between 1 and 5 is chosen so that no value is preferred to another. **How probable is it to lie between 2
# and 3, how probable is it to be 2, and what mean and spread do such numbers have?**

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
from jaxmath.distributions import Normal, Uniform

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The density
#
# No value is preferred, so the density is the same everywhere on the interval from $a$ to $b$. Its area is 1, which
# leaves only one height:
#
# $$p(x) = \frac{1}{b - a} \quad \text{for } a \le x \le b, \qquad p(x) = 0 \text{ elsewhere.}$$
#
# The probability of an interval inside is its area, $P(c < x \le d) = (d - c) / (b - a)$, and the cumulative
# distribution function $P(x \le d)$ rises in a straight line. One single value has an interval of width 0 and therefore
# the probability 0. What belongs to the value 2 is a density, a probability per unit of $x$.

# %%
d = Uniform(1.0, 5.0)
log_density, between = d.log_prob(2.0), estimation.interval_probability(d, 2.0, 3.0)
print(f"log p(2) = {log_density:.3f}, p(2) = {d.prob(2.0):.2f}, P(2 < x <= 3) = {between:.2f}")
print("log-density at 0, 1, 5 and 6:", d.log_prob(np.array([0.0, 1.0, 5.0, 6.0])))

# %%
x = np.linspace(0, 6, 601)
density, cumulative = np.asarray(d.prob(x)), np.asarray(d.cdf(x))
part = (x >= 2) & (x <= 3)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.4))
plot.curve(x, density, label=None, ax=left)
left.fill_between(x[part], density[part], color=plot.PALETTE[1], alpha=0.4, label="area 1/4")
left.set(title="density", xlabel="x", ylabel="p(x)", ylim=(0, 0.35))
left.legend()
plot.curve(x, cumulative, label=None, ax=right)
right.plot(x[[200, 300]], cumulative[[200, 300]], "o", color=plot.PALETTE[1], label="they differ by 1/4")
right.set(title="cumulative distribution function", xlabel="x", ylabel="P(at most x)")
right.legend()
plt.show()

# %% [markdown]
# A density may be larger than 1: on an interval of width 0.1 it is 10, since the area has to be 1. So a log-density
# may be positive; the logarithm of a probability never is.

# %%
narrow = Uniform(0.0, 0.1).prob(0.05)
print(f"density on an interval of width 0.1: {narrow:.1f}")

# %% [markdown]
# ## Mean and variance
#
# The mean is the middle by symmetry. Around it, with $h = (b - a) / 2$,
#
# $$E[x] = \frac{a + b}{2}, \qquad
# \operatorname{Var}[x] = \frac{1}{2h} \int_{-h}^{h} t^2\, dt = \frac{h^2}{3} = \frac{(b - a)^2}{12} .$$
#
# Ten thousand draws should agree. The mean of $n$ of them has the standard error
# $\sqrt{\operatorname{Var}[x] / n}$, and stays in a band of two standard errors about 95 % of the time.

# %%
draws = np.asarray(d.sample(jax.random.key(0), (10_000,)))
counts = np.arange(1, len(draws) + 1)
running = np.cumsum(draws) / counts
band = 2 * np.sqrt(d.variance / counts)
print(f"mean {d.mean:.3f}, of the draws {draws.mean():.3f}")
print(f"variance {d.variance:.3f}, of the draws {draws.var():.3f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.4))
left.hist(draws, bins=np.linspace(0, 6, 31), density=True, color="#c8d4e0", label="10,000 draws")
plot.curve(x, density, label="density", ax=left)
left.set(xlabel="x", ylim=(0, 0.4), title="draws and density")
left.legend()
plot.curve(counts[9:], running[9:], label="mean of the first n draws", ax=right)
right.fill_between(counts[9:], 3 - band[9:], 3 + band[9:], color="#e4e4e4", label="3 ± 2 standard errors")
right.set(xscale="log", xlabel="n", title="the mean of more and more draws", ylim=(2, 4))
right.legend()
plt.show()

# %% [markdown]
# ## Other intervals
#
# In a notebook that you run, this figure has sliders for both ends. The wider the interval, the lower the density; the
# dashed line is the mean, and the bar reaches one standard deviation to either side. It covers $1 / \sqrt 3$, 58 %, of
# every interval.


# %%
def draw(low, high):
    ax = plot.curve(x, Uniform(low, high).prob(x), label=None, ax=plt.figure(figsize=(6, 3)).gca())
    show_spread(ax, Uniform(low, high))
    ax.set(xlabel="x", ylabel="p(x)", ylim=(0, 1.05), title=f"uniform from {low:.2f} to {high:.2f}")
    plt.show()


def show_spread(ax, d):
    ax.axvline(d.mean, color=plot.PALETTE[1], linestyle="--")
    ax.errorbar(d.mean, 0.5 * d.prob(d.mean), xerr=np.sqrt(d.variance), color=plot.PALETTE[1], capsize=4)


plot.sliders(draw, low=(0.0, 2.5, 1.0), high=(3.5, 6.0, 5.0))

# %% [markdown]
# ## Every other distribution from this one
#
# If $u$ is uniform from 0 to 1 and $F$ is a cumulative distribution function, $F^{-1}(u)$ is distributed as $F$ says:
# $P(F^{-1}(u) \le x) = P(u \le F(x)) = F(x)$. Uniform numbers put through the quantile function of a normal
# distribution are normal.

# %%
u = Uniform(0.0, 1.0).sample(jax.random.key(1), (10_000,))
target = Normal(3.0, 0.7)
moved = np.asarray(target.icdf(u), float)
p_value = stats.kstest(moved, stats.norm(3, 0.7).cdf).pvalue
print(f"Kolmogorov-Smirnov test against the normal distribution: p-value {p_value:.2f}")

# %%
fig, ax = plt.subplots(figsize=(6, 3.2))
ax.hist(moved, bins=np.linspace(0, 6, 61), density=True, color="#c8d4e0", label="quantiles of uniform draws")
plot.curve(x, target.prob(x), label="normal density", ax=ax)
ax.set(xlabel="x", ylim=(0, 0.85))
ax.legend()
plt.show()

# %% [markdown]
# ## The same in SciPy
#
# SciPy takes the lower end and the width. In plain NumPy the formulas are one line each.

# %%
reference = stats.uniform(1, 4)
gaps = {
    "density": np.abs(density - reference.pdf(x)).max(),
    "cdf": np.abs(cumulative - reference.cdf(x)).max(),
    "log p(2)": abs(float(log_density) + np.log(4)),
    "variance": abs(float(d.variance) - np.mean(((np.arange(100_000) + 0.5) / 25_000 - 2) ** 2)),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert np.isclose(log_density, -1.386, atol=5e-4)
assert np.isclose(d.mean, 3, atol=1e-6)
assert np.isclose(d.variance, 1.333, atol=5e-4)
assert np.isclose(between, 0.25, atol=1e-6)
assert np.isneginf(d.log_prob(np.array([0.0, 1.0, 5.0, 6.0]))[np.array([0, 3])]).all()
assert np.isclose(narrow, 10, rtol=1e-5)
assert max(gaps.values()) < 1e-5
assert abs(draws.mean() - 3) < 5 * np.sqrt(d.variance / len(draws))
assert abs(draws.var() - d.variance) < 0.05
assert ((draws >= 1) & (draws <= 5)).all()
assert np.isclose(estimation.interval_probability(d, 3 - np.sqrt(4 / 3), 3 + np.sqrt(4 / 3)), 3**-0.5)
assert p_value > 1e-3
print("all claims hold")
