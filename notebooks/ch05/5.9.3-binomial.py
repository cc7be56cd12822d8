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
# # 5.9.3 The binomial distribution
#
# One part in five that a machine makes is faulty. **Of three parts, how many are faulty, with which probability? And of
# a hundred, or ten thousand?**

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
from itertools import product

import jax
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from jaxmath import plot
from jaxmath.distributions import Bernoulli, Binomial, Normal, Poisson

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Three parts
#
# Let $p$ be the probability that a part is faulty, independently of the others. A given sequence with $k$ faulty parts
# among $n$ has the probability $p^k (1 - p)^{n - k}$, whatever the order, and there are $\binom n k$ orders:
#
# $$P(k) = \binom n k p^k (1 - p)^{n - k}, \qquad k = 0, \dots, n .$$
#
# With $n = 3$ there are eight sequences, few enough to write down.

# %%
sequences = np.array(list(product((0, 1), repeat=3)))
chances = np.prod(np.where(sequences == 1, 0.2, 0.8), axis=1)
for sequence, chance in zip(sequences, chances, strict=True):
    print("".join("OX"[part] for part in sequence), f"{chance:.3f}")
by_hand = np.array([chances[sequences.sum(axis=1) == k].sum() for k in range(4)])

# %%
d = Binomial(3, 0.2)
log_probabilities = np.asarray(d.log_prob(np.arange(4)))
probabilities, log_one = np.exp(log_probabilities), log_probabilities[1]
print("P(k):", probabilities.round(3), " from the eight sequences:", by_hand.round(3))
print(f"log p(1) = {log_one:.3f}, P(at most 1) = {probabilities[:2].sum():.3f}")

# %%
fig, ax = plt.subplots(figsize=(5.4, 3.2))
bars = ax.bar(np.arange(4), probabilities, color=plot.PALETTE[0])
ax.bar_label(bars, fmt="%.3f")
ax.set(xlabel="faulty parts k", ylabel="P(k)", xticks=range(4), ylim=(0, 0.6), title="n = 3, p = 0.2")
plt.show()

# %% [markdown]
# ## Mean and variance
#
# A count is a sum of $n$ independent numbers, each 1 with probability $p$ and 0 otherwise, of mean $p$ and variance
# $p (1 - p)$. Means add up, and so do variances of independent numbers:
#
# $$E[k] = n p, \qquad \operatorname{Var}[k] = n p (1 - p) .$$
#
# The mean grows with $n$, the standard deviation only with $\sqrt n$. In a notebook that you run, this figure has
# sliders for both parameters; the orange line is the mean, the bar one standard deviation to either side.

# %%
counts = np.arange(101)


def draw(n, p):
    d, ax = Binomial(np.round(n), p), plt.figure(figsize=(7, 3.2)).gca()
    ax.bar(counts, np.asarray(d.prob(counts)), color=plot.PALETTE[0], width=0.85)
    show_mean(ax, d, np.sqrt(d.variance))
    plt.show()


def show_mean(ax, d, deviation):
    ax.errorbar(d.mean, 0.0, xerr=deviation, color=plot.PALETTE[1], capsize=5, zorder=3, clip_on=False)
    ax.axvline(d.mean, color=plot.PALETTE[1])
    ax.set(xlabel="k", ylabel="P(k)", xlim=(-1, 101), title=f"n = {d.total_count:g}, p = {d.probs:.2f}")


plot.sliders(draw, n=(0.0, 100.0, 100.0), p=(0.0, 1.0, 0.2))

# %% [markdown]
# Draws agree: ten thousand boxes of a hundred parts, each part drawn by itself.

# %%
box = Binomial(100.0, 0.2)
draws = np.asarray(Bernoulli(0.2).sample(jax.random.key(0), (10_000, 100))).sum(axis=1)
print(f"mean {box.mean:.1f}, of the draws {draws.mean():.2f}")
print(f"variance {box.variance:.1f}, of the draws {draws.var():.2f}")

# %% [markdown]
# ## Many parts
#
# A sum of many independent numbers is nearly normal, here $N(np,\ np(1 - p))$, the better the larger the variance. The
# largest difference of the cumulative distribution functions falls as $1 / \sqrt n$. (A count of $k$ stands for the
# interval up to $k + \frac12$; with that half the two agree much sooner.)
#
# Faults may instead be rare: $n \to \infty$ and $p \to 0$ with the mean $np = \lambda$ kept. Then the limit is a
# Poisson distribution, $e^{-\lambda} \lambda^k / k!$, and the difference falls as $1 / n$.

# %%
sizes = np.array([3.0, 10.0, 30.0, 100.0])
grid = np.arange(101.0)[:, None]
exact, rare = Binomial(sizes, np.full(4, 0.2)), Binomial(sizes, 2 / sizes)
normal = Normal(sizes * 0.2, np.sqrt(sizes * 0.2 * 0.8))
cdf, rare_cdf = np.asarray(exact.cdf(grid)), np.asarray(rare.cdf(grid))
gap_normal = np.abs(cdf - np.asarray(normal.cdf(grid))).max(axis=0)
gap_corrected = np.abs(cdf - np.asarray(normal.cdf(grid + 0.5))).max(axis=0)
gap_poisson = np.abs(rare_cdf - np.cumsum(np.asarray(Poisson(2.0).prob(grid)), axis=0)).max(axis=0)
for name, gap in (("normal", gap_normal), ("with the half", gap_corrected), ("Poisson", gap_poisson)):
    print(f"{name:>13}:", gap.round(4))

# %%
fig, panels = plt.subplots(1, 3, figsize=(11, 3.2))
mass, density = np.diff(cdf, axis=0, prepend=0), np.asarray(normal.prob(np.linspace(0, 100, 1001)[:, None]))
for ax, column, end in zip(panels[:2], (1, 3), (8, 36), strict=True):
    ax.bar(grid[: end + 1, 0], mass[: end + 1, column], color=plot.PALETTE[0], width=0.85, label="binomial")
    at = np.linspace(0, 100, 1001) <= end
    ax.plot(np.linspace(0, 100, 1001)[at], density[at, column], color=plot.PALETTE[1], label="normal density")
    ax.set(title=f"n = {sizes[column]:g}, p = 0.2", xlabel="k", ylim=(0, 1.3 * mass[:, column].max()))
    ax.legend(fontsize=9, loc="upper right")
panels[2].loglog(sizes, gap_normal, "o-", label="normal")
panels[2].loglog(sizes, gap_corrected, "s-", label="normal, with the half")
panels[2].loglog(sizes, gap_poisson, "^-", label="Poisson, p = 2/n")
panels[2].set(title="largest difference of the cdf", xlabel="n", ylim=(1e-3, 1.2))
panels[2].legend(fontsize=9)
plt.show()

# %% [markdown]
# ## Large counts in float32
#
# The formula as it stands fails early: $\binom{200}{100}$ is about $10^{59}$, more than float32 can hold, and the power
# that should make up for it is 0. With logarithms of factorials nothing overflows, but numbers near $10^5$ are
# subtracted that agree in most of their digits. `log_prob` is written so that nothing large cancels.

# %%
many = Binomial(10_000, 0.2)
of_many = np.asarray(many.log_prob(np.array([1900, 2000, 2100, 2500])))
scipy_of_many = stats.binom(10_000, 0.2).logpmf([1900, 2000, 2100, 2500])
factorials = jax.scipy.special.gammaln(np.array([10_001.0, 2001.0, 8001.0], np.float32))
naive = float(factorials[0] - factorials[1] - factorials[2] + np.float32(2000 * np.log(0.2) + 8000 * np.log(0.8)))
print("log P of 1900, 2000, 2100, 2500 of 10,000:", of_many)
print("SciPy in float64:                         ", scipy_of_many.round(6))
print(f"2000 of 10,000 by log-factorials in float32: {naive:.5f}, an error of {abs(naive - scipy_of_many[1]):.0e}")

# %% [markdown]
# ## The same in SciPy

# %%
gaps = {
    "n = 3": np.abs(probabilities - stats.binom(3, 0.2).pmf(np.arange(4))).max(),
    "cdf": np.abs(cdf - stats.binom(sizes, 0.2).cdf(grid)).max(),
    "n = 10,000": np.abs(of_many / scipy_of_many - 1).max(),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(probabilities, [0.512, 0.384, 0.096, 0.008], atol=1e-6)
assert np.allclose(probabilities, by_hand, atol=1e-6)
assert np.isclose(log_one, -0.957, atol=5e-4)
assert np.isclose(chances.sum(), 1)
assert np.allclose([box.mean, box.variance], [20, 16], rtol=1e-6)
assert abs(draws.mean() - 20) < 5 * 4 / np.sqrt(len(draws))
assert abs(draws.var() / 16 - 1) < 0.08
assert np.allclose(gap_normal * np.sqrt(sizes), gap_normal[-1] * 10, rtol=0.3)  # falls as 1 / sqrt(n)
assert np.allclose(gap_poisson[1:] * sizes[1:], gap_poisson[-1] * 100, rtol=0.15)  # and as 1 / n
assert (gap_corrected < gap_normal / 2).all()
assert abs(naive - scipy_of_many[1]) > 100 * abs(of_many[1] - scipy_of_many[1])
assert max(gaps.values()) < 1e-5
print("all claims hold")
