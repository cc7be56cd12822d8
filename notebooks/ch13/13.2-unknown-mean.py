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
# # 13.2 Unknown mean, known variance
#
# An instrument errs with a standard deviation of 20, which is known. Before anything was measured somebody said: "it is
# about 15, give or take 10". **What should one believe after three measurements, and after a hundred? And what if that
# somebody was very sure of it, and wrong?**

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
from scipy import integrate, stats

from jaxmath import bayes, plot
from jaxmath.distributions import Normal

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The posterior
#
# The prior is $\mu \sim N(m, s^2)$, the measurements are $x_i \sim N(\mu, \sigma^2)$. Prior times likelihood is, as a
# function of $\mu$, the exponential of a quadratic,
#
# $$\log p(\mu \mid x) = -\frac{(\mu - m)^2}{2 s^2} - \sum_i \frac{(x_i - \mu)^2}{2 \sigma^2} + \text{const}
# = -\frac{\mu^2}{2} \Big( \frac{1}{s^2} + \frac{n}{\sigma^2} \Big)
# + \mu \Big( \frac{m}{s^2} + \frac{n \bar x}{\sigma^2} \Big) + \text{const} ,$$
#
# so the posterior is normal again. Precisions, which are inverse variances, add up, and its mean is the mean of prior
# and data, weighted by their precisions:
#
# $$\frac{1}{s_n^2} = \frac{1}{s^2} + \frac{n}{\sigma^2} , \qquad
# m_n = s_n^2 \Big( \frac{m}{s^2} + \frac{n \bar x}{\sigma^2} \Big) .$$
#
# The maximum of the likelihood (MLE) is at $\bar x$, that of the posterior (MAP) at $m_n$. The weak prior is
# $N(15, 10^2)$, the strong one $N(15, 2^2)$; the true mean is 20.

# %%
sigma, truth = 20.0, 20.0
model = bayes.NormalMean(sigma)
priors = {"weak": Normal(15.0, 10.0), "strong": Normal(15.0, 2.0)}
data = np.asarray(Normal(truth, sigma).sample(jax.random.key(2), (100,)))
posteriors = {(name, n): model.posterior(prior, data[:n]) for name, prior in priors.items() for n in (3, 100)}
for (name, n), d in posteriors.items():
    print(f"{name:>6} prior, n = {n:3}: MLE {data[:n].mean():.2f}, MAP {d.mode:.2f} +- {d.scale:.2f}")

# %% [markdown]
# As a function of $\mu$ the likelihood of *all* n measurements has the form of $N(\bar x, \sigma^2 / n)$: it becomes
# narrower with every measurement, while the density of a single one keeps its width $\sigma$.

# %%
mu = np.linspace(-10, 60, 701)


def draw(prior_deviation, n, ax):
    prior, x = Normal(15.0, prior_deviation), data[: int(n)]
    three = prior, Normal(x.mean(), sigma / np.sqrt(len(x))), model.posterior(prior, x)
    for d, name, color in zip(three, ("prior", "likelihood", "posterior"), plot.PALETTE, strict=False):
        plot.curve(mu, d.prob(mu), color=color, label=name, ax=ax)


fig, panels = plt.subplots(2, 2, figsize=(9.6, 5.4), sharex=True)
for row, (name, prior) in zip(panels, priors.items(), strict=True):
    for ax, n in zip(row, (3, 100), strict=True):
        draw(prior.scale, n, ax)
        ax.axvline(truth, color="#606060", linestyle="--", linewidth=1.2)
        ax.set(title=f"{name} prior, n = {n}", xlim=(-10, 60))
panels[1, 0].set(xlabel=r"$\mu$", ylabel="density")
panels[1, 1].set(xlabel=r"$\mu$")
panels[0, 0].legend(fontsize=9)
plt.show()

# %% [markdown]
# The dashed line is the true mean. With three measurements the likelihood is wide, and even the weak prior has the
# larger say. A hundred of them outweigh the weak prior; with the strong one, whose precision 1/4 is also that of a
# hundred measurements, the posterior is half way between the two. The posterior is always narrower than both.
#
# In a notebook that you run, this figure has sliders for the deviation of the prior and the number of measurements.


# %%
def with_title(prior_deviation, n):
    ax = plt.figure(figsize=(6.4, 3.2)).gca()
    draw(prior_deviation, n, ax)
    ax.set(title=f"prior 15 +- {prior_deviation:.1f}, n = {int(n)}", xlabel=r"$\mu$", ylabel="density", xlim=(-10, 60))
    ax.legend(fontsize=9)


plot.sliders(with_title, prior_deviation=(0.5, 20.0, 5.0), n=(1.0, 100.0, 16.0))
plt.show()

# %% [markdown]
# ## Which estimate is better?
#
# One sample proves little. With the weight $w = n s^2 / (n s^2 + \sigma^2)$ of the data, $m_n = w \bar x + (1 - w) m$,
# and the mean squared errors of the two are
#
# $$E (\bar x - \mu)^2 = \frac{\sigma^2}{n} , \qquad
# E (m_n - \mu)^2 = w^2 \frac{\sigma^2}{n} + (1 - w)^2 (m - \mu)^2 .$$
#
# The prior exchanges variance for bias. It helps as long as its own error $(m - \mu)^2$ is less than
# $2 s^2 + \sigma^2 / n$. Four thousand samples of a hundred measurements each, and all the posteriors on the way
# (`bayes.sequential` with batches of one):

# %%
samples = Normal(truth, sigma).sample(jax.random.key(1), (4000, 100))
numbers = np.arange(1, 101)


@jax.jit
def all_modes(prior):
    return jax.vmap(lambda x: bayes.sequential(model, prior, x[:, None]).mode)(samples)


estimates = {"maximum likelihood": jnp.cumsum(samples, axis=1) / numbers}
estimates |= {f"MAP, {name} prior": all_modes(prior) for name, prior in priors.items()}
errors = {name: np.sqrt(np.mean((np.asarray(e) - truth) ** 2, axis=0)) for name, e in estimates.items()}
for name, error in errors.items():
    print(f"{name:>19}: root mean square error {error[2]:5.2f} with 3 measurements, {error[99]:.2f} with 100")

# %%
expected = {"maximum likelihood": sigma / np.sqrt(numbers)}
for name, prior in priors.items():
    w = numbers * float(prior.scale) ** 2 / (numbers * float(prior.scale) ** 2 + sigma**2)
    expected[f"MAP, {name} prior"] = np.sqrt(w**2 * sigma**2 / numbers + (1 - w) ** 2 * (15 - truth) ** 2)
fig, ax = plt.subplots(figsize=(7.2, 3.6))
for (name, error), color in zip(errors.items(), plot.PALETTE, strict=False):
    plot.curve(numbers, expected[name], color=color, label=name, ax=ax)
    ax.plot(numbers[::6], error[::6], "o", color=color, markersize=4)
ax.set(xscale="log", yscale="log", xlabel="measurements", ylabel="root mean square error")
ax.set(xticks=[1, 3, 10, 30, 100], xticklabels=[1, 3, 10, 30, 100], yticks=[2, 5, 10, 20], yticklabels=[2, 5, 10, 20])
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown]
# Lines are the formula, dots the samples. The weak prior is at no number worse than none: its error of 5 is smaller
# than the 10 that it admits. The strong one, which says that it is off by 2 and is off by 5, is the best up to eleven
# measurements, and from 24 the worst: its bias goes away only when it is outnumbered.
#
# ## One more measurement
#
# The next measurement has two sources of error, the uncertainty of the mean and the instrument:
# $x \sim N(m_n, s_n^2 + \sigma^2)$. For the evidence, the density of the data under prior and model together, the three
# measurements are predicted one after the other.

# %%
first, weak = data[:3], priors["weak"]
predictive = model.predictive(posteriors["weak", 3])
steps = [float(model.predictive(model.posterior(weak, first[:i])).log_prob(first[i])) for i in range(3)]
log_evidence = float(model.log_evidence(weak, first))
low, high = bayes.credible_interval(posteriors["weak", 3], 0.95)
print(f"next measurement: N({predictive.loc:.2f}, {predictive.scale:.2f}^2)")
print(f"the mean lies between {low:.2f} and {high:.2f} with probability 0.95")
print("log-evidence of three measurements {:.4f} = {:.4f} {:+.4f} {:+.4f}".format(log_evidence, *steps))

# %% [markdown]
# ## The same in NumPy and SciPy

# %%
x64 = data.astype(float)
by_formula = {}
for (name, n), s in zip(posteriors, (10.0, 10.0, 2.0, 2.0), strict=True):
    precision = 1 / s**2 + n / sigma**2
    by_formula[name, n] = (15 / s**2 + x64[:n].sum() / sigma**2) / precision, 1 / np.sqrt(precision)
fine = np.linspace(-60, 100, 160_001)
log_product = stats.norm(15, 10).logpdf(fine) + stats.norm(x64[:3, None], sigma).logpdf(fine).sum(axis=0)
product = np.exp(log_product)
area = integrate.simpson(product, x=fine)
pairs = posteriors.items()
gaps = {
    "posterior, formula": max(np.abs(np.subtract((d.loc, d.scale), by_formula[k])).max() for k, d in pairs),
    "posterior, grid": np.abs(posteriors["weak", 3].prob(fine[::100]) - product[::100] / area).max(),
    "evidence, integral": abs(log_evidence - np.log(area)),
    "interval": np.abs(np.subtract((low, high), stats.norm(*by_formula["weak", 3]).interval(0.95))).max(),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
for (name, n), d in posteriors.items():
    ratio = n * float(priors[name].scale) ** 2 / sigma**2
    assert np.isclose(1 / d.scale**2, 1 / priors[name].scale ** 2 + n / sigma**2, rtol=1e-5)
    assert np.isclose(d.mode, (15 + ratio * x64[:n].mean()) / (1 + ratio), rtol=1e-5)
    assert d.scale < min(priors[name].scale, sigma / np.sqrt(n))
assert posteriors["weak", 3].mode - 15 < (first.mean() - 15) / 2  # nearer to the prior
assert abs(posteriors["weak", 100].mode - data.mean()) < 0.1 * abs(data.mean() - 15)
assert np.isclose(posteriors["strong", 100].mode, (15 + data.mean()) / 2, rtol=1e-5)
for name, error in errors.items():
    assert np.allclose(error, expected[name], rtol=0.05)
assert (expected["MAP, weak prior"] < expected["maximum likelihood"]).all()
strong_is_best = expected["MAP, strong prior"] < expected["MAP, weak prior"]
assert strong_is_best.tolist() == [True] * 11 + [False] * 89
helps = (15 - truth) ** 2 < 2 * 2**2 + sigma**2 / numbers
assert helps.tolist() == [True] * 23 + [False] * 77
assert (helps == (expected["MAP, strong prior"] < expected["maximum likelihood"])).all()
assert np.isclose(predictive.scale**2, posteriors["weak", 3].scale ** 2 + sigma**2, rtol=1e-5)
assert np.isclose(sum(steps), log_evidence, atol=1e-4)
assert max(gaps.values()) < 1e-4
print("all claims hold")
