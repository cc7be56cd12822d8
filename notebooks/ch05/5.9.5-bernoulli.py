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
# # 5.9.5 The Bernoulli distribution
#
# An experiment has two outcomes: 1 with probability $p$, 0 otherwise. **What is the mean of something that is only ever
# 0 or 1, for which $p$ is it most uncertain, and how many experiments tell what $p$ is?**

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
from jaxmath.distributions import Bernoulli, Binomial

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Mean and variance
#
# In one formula for both outcomes, $P(x) = p^x (1 - p)^{1 - x}$. The mean is $0 \cdot (1 - p) + 1 \cdot p = p$. Since
# $x^2 = x$, also $E[x^2] = p$, and
#
# $$\operatorname{Var}[x] = E[x^2] - E[x]^2 = p - p^2 = p (1 - p) .$$

# %%
d = Bernoulli(0.3)
probabilities = np.asarray(d.prob(np.arange(2)))
print(f"P(0) = {probabilities[0]:.1f}, P(1) = {probabilities[1]:.1f}, mean {d.mean:.2f}, variance {d.variance:.2f}")

# %% [markdown]
# In a notebook that you run, this figure has a slider for $p$. The orange line is the mean, the bar one standard
# deviation to either side.


# %%
def draw(p):
    d, ax = Bernoulli(p), plt.figure(figsize=(5, 3.2)).gca()
    ax.bar_label(ax.bar([0, 1], np.asarray(d.prob(np.arange(2))), color=plot.PALETTE[0], width=0.3), fmt="%.2f")
    show_mean(ax, d, np.sqrt(d.variance))
    plt.show()


def show_mean(ax, d, deviation):
    ax.errorbar(d.mean, 0.0, xerr=deviation, color=plot.PALETTE[1], capsize=5, zorder=3, clip_on=False)
    ax.axvline(d.mean, color=plot.PALETTE[1])
    ax.set(xlabel="x", ylabel="P(x)", xlim=(-0.5, 1.5), xticks=[0, 1], ylim=(0, 1.1), title=f"p = {d.probs:.2f}")


plot.sliders(draw, p=(0.0, 1.0, 0.3))

# %% [markdown]
# ## Where it is most uncertain
#
# The variance is largest at $p = \frac12$, where it is $\frac14$, and 0 at both ends, where the outcome is known. The
# entropy $-p \log p - (1 - p) \log (1 - p)$ says the same on another scale: $\log 2$ in the middle, which is one bit.

# %%
p = np.linspace(0, 1, 101)
family = Bernoulli(p)
variance, entropy = np.asarray(family.variance), np.asarray(family.entropy())
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.2))
plot.curve(p, variance, label=None, ax=left)
plot.curve(p, np.sqrt(variance), color=plot.PALETTE[1], label=None, ax=left)
left.annotate("standard deviation", (0.5, 0.42), ha="center", color=plot.PALETTE[1])
left.annotate("variance", (0.5, 0.19), ha="center", color=plot.PALETTE[0])
left.set(xlabel="p", ylim=(0, 0.55), title="variance p (1 - p)")
plot.curve(p, entropy, color=plot.PALETTE[2], label=None, ax=right)
right.axhline(np.log(2), color="#808080", linewidth=1, linestyle="--")
right.set(xlabel="p", ylabel="nats", ylim=(0, 0.75), title="entropy; dashed: log 2")
plt.show()

# %% [markdown]
# ## How many experiments tell what p is?
#
# Seven of ten experiments gave 1. Their likelihood as a function of $p$ is $p^7 (1 - p)^3$; its logarithm has the
# derivative $7 / p - 3 / (1 - p)$, which is 0 at $p = 7 / 10$. The estimate of maximum likelihood is always the share
# of ones. It varies with the standard deviation $\sqrt{p (1 - p) / n}$, so ten times the accuracy takes a hundred times
# as many experiments.

# %%
ten = np.array([1.0, 1, 0, 1, 1, 0, 1, 1, 0, 1])
found = estimation.mle(Bernoulli, ten).probs
error = np.sqrt(found * (1 - found) / len(ten))
print(f"estimate {found:.2f}, standard error {error:.3f}")
tosses = np.asarray(d.sample(jax.random.key(2), (10_000,)))
counts = np.arange(1, len(tosses) + 1)
running, band = np.cumsum(tosses) / counts, 2 * np.sqrt(0.3 * 0.7 / counts)
print("share of ones among the first 10, 100, 1000 and 10,000 draws:", running[[9, 99, 999, 9999]])

# %%
inner = p[1:-1]
log_likelihood = -np.asarray(estimation.negative_log_likelihood(Bernoulli(inner), ten[:, None]))
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.3))
plot.curve(inner, log_likelihood, label=None, ax=left)
left.axvline(0.7, color=plot.PALETTE[1], linestyle="--")
left.set(xlabel="p", ylabel="log-likelihood", ylim=(-20, -4), title="seven ones in ten experiments")
right.plot(counts[9:], running[9:], label="share of ones")
right.fill_between(counts[9:], 0.3 - band[9:], 0.3 + band[9:], color="#e4e4e4", label="p ± 2 standard errors")
right.set(xscale="log", xlabel="number of experiments", ylim=(0, 0.8), title="p = 0.3")
right.legend()
plt.show()

# %% [markdown]
# ## Log-odds
#
# Networks compute a logit $l = \log \frac{p}{1 - p}$, any real number, and $p = 1 / (1 + e^{-l})$. Where $p$ is nearly
# 1, float32 rounds $1 - p$ to 0, and with it goes $P(0)$. The logit keeps it: $\log P(0) = -\log(1 + e^{l})$.

# %%
sure = Bernoulli(logits=30.0)
rounded = Bernoulli(np.float32(sure.probs))
print(f"p = {sure.probs:.9f}, log P(0) from the logit {sure.log_prob(0):.3f}, from p {rounded.log_prob(0):.3f}")

# %% [markdown]
# A sum of $n$ Bernoulli numbers is binomial, and a Bernoulli distribution is a binomial one with $n = 1$.
#
# ## The same in SciPy and NumPy

# %%
inside = (p > 0) & (p < 1)
gaps = {
    "P, binomial": np.abs(probabilities - np.asarray(Binomial(1, 0.3).prob(np.arange(2)))).max(),
    "P, SciPy": np.abs(probabilities - stats.bernoulli(0.3).pmf([0, 1])).max(),
    "variance, NumPy": np.abs(variance - p * (1 - p)).max(),
    "entropy, SciPy": np.abs(entropy - stats.bernoulli(p).entropy())[inside].max(),
    "log-likelihood, NumPy": np.abs(log_likelihood - 7 * np.log(inner) - 3 * np.log1p(-inner)).max(),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(probabilities, [0.7, 0.3])
assert np.allclose([d.mean, d.variance], [0.3, 0.21], atol=1e-6)
assert p[variance.argmax()] == p[entropy.argmax()] == 0.5
assert np.isclose(variance.max(), 0.25)
assert np.isclose(entropy.max(), np.log(2), rtol=1e-5)
assert np.allclose(variance[[0, -1]], 0)
assert np.allclose(entropy[[0, -1]], 0)
assert np.isclose(found, 0.7)
assert np.isclose(inner[log_likelihood.argmax()], 0.7)
assert (np.abs(running - 0.3)[9:] < 2.5 * band[9:]).all()
assert np.isclose(sure.log_prob(0), -30, atol=1e-4)
assert np.isneginf(rounded.log_prob(0))
assert max(gaps.values()) < 2e-5
print("all claims hold")
