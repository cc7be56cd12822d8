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
# # 5.9.4 The multinomial distribution
#
# A bag holds red, green, blue and white balls in the shares 10, 42, 4 and 44 %. Ten times a ball is drawn, noted, and
# put back. **How probable are exactly one red, two green, one blue and six white balls, and which result is the most
# probable one?**

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
from math import factorial

import jax
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from jaxmath import plot
from jaxmath.distributions import Binomial, Categorical, Multinomial

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The formula
#
# One given sequence of draws with $k_1$ red, $k_2$ green, ... balls has the probability $p_1^{k_1} \cdots p_m^{k_m}$.
# The $n!$ orders of the draws give the same sequence wherever balls of one colour change places, so there are
# $n! / (k_1! \cdots k_m!)$ different sequences, and
#
# $$P(k_1, \dots, k_m) = \frac{n!}{k_1! \cdots k_m!}\, p_1^{k_1} \cdots p_m^{k_m}, \qquad \sum_j k_j = n .$$
#
# With two colours it is the binomial distribution.

# %%
shares, counts = np.array([0.1, 0.42, 0.04, 0.44]), np.array([1, 2, 1, 6])
d = Multinomial(10, shares)
log_probability = float(d.log_prob(counts))
sequences = factorial(10) // np.prod([factorial(k) for k in counts])
print(f"log p = {log_probability:.5f}, p = {np.exp(log_probability):.5f}")
print(f"{sequences} sequences, each of probability {np.prod(shares**counts):.3e}")

# %% [markdown]
# ## All results
#
# Four counts that sum to 10 can be chosen in $\binom{13}{3} = 286$ ways.

# %%
results = np.array([k for k in product(range(11), repeat=4) if sum(k) == 10])
probabilities = np.asarray(d.prob(results))
order = np.argsort(-probabilities)
place = int(np.flatnonzero((results[order] == counts).all(axis=1))[0]) + 1
print(f"{len(results)} results, total probability {probabilities.sum():.6f}")
for result, probability in zip(results[order[:5]], probabilities[order[:5]], strict=True):
    print(result, f"{probability:.4f}")
print("the result of the question is number", place)

# %%
fig, ax = plt.subplots(figsize=(7.4, 3.2))
ax.bar(np.arange(1, 61), probabilities[order[:60]], color=plot.PALETTE[0])
ax.bar(place, probabilities[order[place - 1]], color=plot.PALETTE[1], label="1 red, 2 green, 1 blue, 6 white")
ax.set(xlabel="the 60 most probable results, in this order", ylabel="probability")
ax.legend()
plt.show()

# %% [markdown]
# Even the most probable result, 1 red, 4 green, no blue and 5 white, has less than 7 %.
#
# ## Means, and counts against each other
#
# Each count by itself is binomial: a draw is red or it is not. So $E[k_i] = n p_i$ and
# $\operatorname{Var}[k_i] = n p_i (1 - p_i)$. Two counts compete for the same draws. The sum of two colours is binomial
# as well, of variance $n (p_i + p_j)(1 - p_i - p_j)$. The sum of the two variances differs from it by
#
# $$2 \operatorname{Cov}[k_i, k_j] = -2\, n p_i p_j .$$
#
# Twenty thousand times ten draws, ball by ball:

# %%
balls = np.asarray(Categorical(shares).sample(jax.random.key(0), (20_000, 10)))
draws = np.stack([(balls == color).sum(axis=1) for color in range(4)], axis=1)
covariance = np.asarray(d.covariance)
of_draws = np.cov(draws.T)
print("means    ", np.round(d.mean, 2), " of the draws", draws.mean(axis=0).round(2))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2))
plot.matrix(covariance, title="covariance", number_format=".2f", ax=left)
plot.matrix(of_draws, title="covariance of 20,000 draws", number_format=".2f", ax=right)
plt.show()

# %%
k = np.arange(11)
marginals = np.asarray(Binomial(10, shares).prob(k[:, None]))
seen = np.stack([np.bincount(column, minlength=11) / len(draws) for column in draws.T], axis=1)
fig, panels = plt.subplots(1, 4, figsize=(11, 2.8), sharey=True)
for j, (ax, name) in enumerate(zip(panels, ("red", "green", "blue", "white"), strict=True)):
    ax.bar(k, seen[:, j], color="#c8d4e0", label="draws")
    ax.plot(k, marginals[:, j], "o", color=plot.PALETTE[1], markersize=4.5, label="binomial")
    ax.set(title=f"{name}, p = {shares[j]:g}", xlabel="balls", xticks=[0, 5, 10])
panels[3].legend(fontsize=9)
plt.show()

# %% [markdown]
# ## One colour after the other
#
# The result can be found in steps: how many of $n$ draws are red, how many of the others are green, and so on. In each
# step the share is that among the colours that are left, and the product of the binomial probabilities is the
# multinomial one.

# %%
left_over = 10 - np.concatenate([[0], np.cumsum(counts)[:-1]])
share_left = shares / np.cumsum(shares[::-1])[::-1]
steps = np.asarray(Binomial(left_over[:3], share_left[:3]).log_prob(counts[:3]))
print("log-probabilities of the steps:", steps, f" sum {steps.sum():.5f}")

# %% [markdown]
# ## Three colours in a triangle
#
# With three colours a result is a point of a triangle: the nearer to a corner, the more balls of its colour. In a
# notebook that you run, this figure has sliders for the share of the first colour and for that of the second among the
# rest.

# %%
corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.866]])
label_places = corners + np.array([[0.0, -0.1], [0.0, -0.1], [0.0, 0.06]])
triples = np.array([t for t in product(range(11), repeat=3) if sum(t) == 10])


def draw(first, second):
    p = np.array([first, (1 - first) * second, (1 - first) * (1 - second)])
    show_triangle(plt.figure(figsize=(4.4, 3.9)).gca(), p)
    plt.show()


def show_triangle(ax, p):
    show_corners(ax, f"p = {p[0]:.2f}, {p[1]:.2f}, {p[2]:.2f}")
    ax.scatter(*(triples @ corners / 10).T, s=1500 * np.asarray(Multinomial(10, p).prob(triples)))
    ax.scatter(*(p @ corners), marker="+", s=140, color=plot.PALETTE[1])
    ax.set_axis_off()


def show_corners(ax, title):
    ax.plot(*corners[[0, 1, 2, 0]].T, color="#b0b0b0", linewidth=1, zorder=0)
    for corner, name in zip(label_places, ("10, 0, 0", "0, 10, 0", "0, 0, 10"), strict=True):
        ax.annotate(name, corner, ha="center", va="center", fontsize=9)
    ax.set(title=title, aspect="equal", xlim=(-0.15, 1.15), ylim=(-0.2, 1.0))


plot.sliders(draw, first=(0.0, 1.0, 0.5), second=(0.0, 1.0, 0.6))

# %%
fig, panels = plt.subplots(1, 3, figsize=(10, 3.2))
for ax, p in zip(panels, ([0.33, 0.33, 0.34], [0.5, 0.3, 0.2], [0.05, 0.8, 0.15]), strict=True):
    show_triangle(ax, np.array(p))
plt.show()

# %% [markdown]
# The area of a point is its probability, the cross marks $p$, which is the mean of $k / n$. The closer $p$ is to a
# corner, the less the results vary.
#
# ## The same in SciPy

# %%
reference = stats.multinomial(10, shares)
gaps = {
    "log p, SciPy": abs(log_probability - reference.logpmf(counts)),
    "log p, counted": abs(log_probability - np.log(sequences * np.prod(shares**counts))),
    "all results": np.abs(probabilities - reference.pmf(results)).max(),
    "covariance": np.abs(covariance - reference.cov()).max(),
    "marginals": np.abs(marginals - stats.binom(10, shares).pmf(k[:, None])).max(),
    "steps": abs(steps.sum() - log_probability),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert np.isclose(log_probability, -4.35033, atol=1e-5)
assert sequences == 2520
assert len(results) == 286
assert np.isclose(probabilities.sum(), 1, atol=1e-5)
assert results[order[0]].tolist() == [1, 4, 0, 5]
assert probabilities.max() < 0.07
assert np.allclose(d.mean, 10 * shares, rtol=1e-5)
assert np.allclose(covariance, 10 * (np.diag(shares) - np.outer(shares, shares)), atol=1e-5)
assert np.allclose(of_draws, covariance, atol=0.15)
assert np.allclose(seen, marginals, atol=0.02)
assert (draws.sum(axis=1) == 10).all()
assert max(gaps.values()) < 1e-5
print("all claims hold")
