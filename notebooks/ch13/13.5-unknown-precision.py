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
# # 13.5 Unknown precision, known mean
#
# A scale is tested with a weight of exactly 20 kg. How much it scatters is not known. **What do three readings say
# about its precision $\tau = 1 / \sigma^2$, what do a hundred, and how should the next reading be predicted?**

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
from scipy import integrate, stats

from jaxmath import bayes, plot
from jaxmath.distributions import Gamma, Normal

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The posterior
#
# The readings are $x_i \sim N(\mu, \tau^{-1})$ with known $\mu$. The prior is the gamma distribution of section 13.5.1,
# $p(\tau) \propto \tau^{a - 1} e^{-b \tau}$. Prior times likelihood,
#
# $$p(\tau \mid x) \propto \tau^{a - 1} e^{-b \tau} \cdot \tau^{n / 2} e^{-\frac \tau 2 \sum_i (x_i - \mu)^2} ,$$
#
# is of the same form: $\text{Gamma}(a_n, b_n)$ with
#
# $$a_n = a + \frac n 2 , \qquad b_n = b + \frac12 \sum_i (x_i - \mu)^2 .$$
#
# The likelihood alone is largest at $n / \sum_i (x_i - \mu)^2$, the posterior at $(a_n - 1) / b_n$. The prior is
# Gamma(1, 10), the true deviation 5, the true precision 0.04.

# %%
mu, truth = 20.0, 0.04
model, prior = bayes.NormalPrecision(mu), Gamma(1.0, 10.0)
data = np.asarray(Normal(mu, 5.0).sample(jax.random.key(5), (100,)))
sizes = (3, 100)
posteriors = [model.posterior(prior, data[:n]) for n in sizes]
squares = [np.sum((data[:n].astype(float) - mu) ** 2) for n in sizes]
for n, d, s in zip(sizes, posteriors, squares, strict=True):
    print(f"n = {n:3}: Gamma({d.concentration:g}, {d.rate:.3f}), MLE {n / s:.4f}, MAP {d.mode:.4f}, mean {d.mean:.4f}")

# %%
t = np.linspace(0.0005, 0.25, 500)
fig, panels = plt.subplots(1, 2, figsize=(9.8, 3.5))
for ax, n, d, s in zip(panels, sizes, posteriors, squares, strict=True):
    likelihood = Gamma(1 + n / 2, s / 2)
    three = (prior, "prior"), (likelihood, "likelihood"), (d, "posterior")
    for (each, name), color in zip(three, plot.PALETTE, strict=False):
        plot.curve(t, each.prob(t), color=color, label=name, ax=ax)
    ax.axvline(truth, color="#606060", linestyle="--", linewidth=1.2)
    ax.set(title=f"n = {n}", xlabel=r"precision $\tau$", xlim=(0, 0.25 if n == 3 else 0.1))
panels[0].set_ylabel("density")
panels[0].legend()
plt.show()

# %% [markdown]
# The dashed line is the true precision, and the likelihood is scaled to area 1. As a function of $\tau$ it is a gamma
# density too, of concentration $n / 2 + 1$. Three readings leave a wide choice, and the prior, which is highest at 0,
# moves the maximum to the left; after a hundred likelihood and posterior are nearly one.
#
# ## The mean is known: use it
#
# The squares are about the *known* mean. Now and then one finds $\frac n 2 s^2$ in their place, with the sample
# variance $s^2 = \frac{1}{n - 1} \sum_i (x_i - \bar x)^2$ about the sample mean. That is another number,
#
# $$\frac12 \sum_i (x_i - \mu)^2 = \frac{n - 1}{2} s^2 + \frac n 2 (\bar x - \mu)^2 \ne \frac n 2 s^2 ,$$
#
# and forgets how far $\bar x$ is from $\mu$.

# %%
of_three = data[:3].astype(float)
sample_rate = 10 + 3 / 2 * of_three.var(ddof=1)
print(f"mean of the three readings {of_three.mean():.2f}")
print(f"b_n about the known mean {posteriors[0].rate:.2f}, from the sample variance {sample_rate:.2f}")

# %% [markdown]
# Does it matter? A posterior is *calibrated*: draw a precision from the prior, three readings with that precision, and
# ask which share of the posterior lies below the true one. Over many such draws that share is uniform on (0, 1), so an
# interval that should hold the precision with probability 0.9 does so in 90 % of the cases.

# %%
first_key, second_key = jax.random.split(jax.random.key(0))
precisions = np.asarray(prior.sample(first_key, (20_000,)))
readings = np.asarray(Normal(mu, 1 / np.sqrt(precisions)).sample(second_key, (3,))).T
right = jax.jit(jax.vmap(lambda x: model.posterior(prior, x)))(readings)
wrong = Gamma(right.concentration, 10 + 3 / 2 * readings.var(axis=1, ddof=1))
shares = {"known mean": np.asarray(right.cdf(precisions)), "sample variance": np.asarray(wrong.cdf(precisions))}
held = {name: np.mean((share > 0.05) & (share < 0.95)) for name, share in shares.items()}
print({name: f"in 90 % intervals: {part:.1%}" for name, part in held.items()})

# %%
fig, panels = plt.subplots(1, 2, figsize=(9.8, 3.2), sharey=True)
for ax, (name, share), color in zip(panels, shares.items(), plot.PALETTE, strict=False):
    ax.hist(share, bins=20, range=(0, 1), density=True, color=color, alpha=0.6)
    ax.axhline(1, color="#404040", linestyle="--", linewidth=1.2)
    ax.set(title=f"from the {name}", xlabel="share of the posterior below the true precision")
panels[0].set_ylabel("density")
plt.show()

# %% [markdown]
# With the known mean the histogram is flat. With the sample variance the true precision is too often out in a tail,
# more often the lower one: from three readings that happen to lie together, far from 20 kg, that posterior concludes
# that the scale is precise.
#
# ## The next reading
#
# If $\tau$ is averaged over, the next reading has Student's t distribution with $2 a_n$ degrees of freedom, location
# $\mu$ and scale $\sqrt{b_n / a_n}$. Its tails are heavier than those of a normal distribution with the best precision:
# perhaps the scale is worse than it looks.

# %%
predictive = model.predictive(posteriors[0])
plugged_in = Normal(mu, 1 / np.sqrt(posteriors[0].mode))
far = np.array([10.0, 20.0, 30.0])
beyond = [2 * np.asarray(d.survival(mu + far)) for d in (predictive, plugged_in)]
for distance, student, normal in zip(far, *beyond, strict=True):
    print(f"off by more than {distance:.0f} kg: Student's t {student:.1e}, normal with the MAP {normal:.1e}")

# %% [markdown]
# ## The same in NumPy and SciPy

# %%
log_likelihood = stats.norm(mu, 1 / np.sqrt(t)).logpdf(of_three[:, None]).sum(axis=0)
log_product = stats.gamma(1, scale=1 / 10).logpdf(t) + log_likelihood


def joint(tau):
    return stats.gamma(1, scale=1 / 10).pdf(tau) * stats.norm(mu, 1 / np.sqrt(tau)).pdf(of_three).prod()


area = integrate.quad(joint, 0, 3, epsabs=0, points=[0.02, 0.2])[0]
a, b = 1 + 3 / 2, 10 + squares[0] / 2
gaps = {
    "a_n and b_n": np.abs(np.subtract((posteriors[0].concentration, posteriors[0].rate), (a, b))).max(),
    "posterior, prior times likelihood": np.abs(posteriors[0].prob(t) * area / np.exp(log_product) - 1).max(),
    "evidence, integral": abs(float(model.log_evidence(prior, data[:3])) - np.log(area)),
    "tails of the next reading": np.abs(beyond[0] / (2 * stats.t(2 * a, mu, np.sqrt(b / a)).sf(mu + far)) - 1).max(),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
for n, d, s in zip(sizes, posteriors, squares, strict=True):
    assert np.isclose(d.concentration, 1 + n / 2)
    assert np.isclose(d.rate, 10 + s / 2, rtol=1e-6)
    assert np.isclose(d.mode, (n / 2) / (10 + s / 2), rtol=1e-5)
    assert d.mode < n / s
    assert np.isclose(Gamma(1 + n / 2, s / 2).mode, n / s, rtol=1e-5)
assert abs(posteriors[1].mode / (100 / squares[1]) - 1) < 0.05
assert abs(sample_rate / posteriors[0].rate - 1) > 0.1  # another number
assert np.isclose(squares[0] / 2, of_three.var(ddof=1) + 3 / 2 * (of_three.mean() - mu) ** 2)
assert abs(held["known mean"] - 0.9) < 5 * np.sqrt(0.9 * 0.1 / 20_000)
assert held["sample variance"] < 0.88
assert np.allclose(np.histogram(shares["known mean"], 20, (0, 1))[0], 1000, atol=5 * np.sqrt(1000))
assert np.mean(shares["sample variance"] < 0.05) > np.mean(shares["sample variance"] > 0.95)
assert np.isclose(predictive.df, 2 * a)
assert (beyond[0][1:] > 3 * beyond[1][1:]).all()
assert max(gaps.values()) < 1e-4
print("all claims hold")
