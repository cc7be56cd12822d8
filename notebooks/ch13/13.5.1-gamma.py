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
# # 13.5.1 The gamma distribution
#
# Events happen at random, two an hour on average. **How long does it take until the third one, on average and at
# worst? And which family of distributions is flexible enough to say what we believe about an unknown positive number,
# such as a precision?**

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

from jaxmath import bayes, plot
from jaxmath.distributions import Exponential, Gamma, Normal, Poisson

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The density
#
# With a concentration $a > 0$ and a rate $b > 0$,
#
# $$p(x) = \frac{b^a}{\Gamma(a)}\, x^{a - 1} e^{-b x}, \qquad x > 0 .$$
#
# The factor in front makes the area 1, since $\int_0^\infty x^{a - 1} e^{-b x}\, dx = \Gamma(a) / b^a$. The same
# integral with $a + 1$ in the place of $a$ gives the mean, for $\Gamma(a + 1) = a\, \Gamma(a)$; with $a + 2$ it gives
# $E[x^2]$. Where the derivative of $(a - 1) \log x - b x$ is 0 lies the mode:
#
# $$E[x] = \frac a b, \qquad \operatorname{Var}[x] = \frac{a}{b^2}, \qquad
# \text{mode} = \frac{a - 1}{b} \text{ for } a \ge 1, \text{ else } 0 .$$

# %%
d = Gamma(3.0, 2.0)
x = np.linspace(0.01, 6, 600)
survival = np.asarray(d.survival(x))
print(f"mean {d.mean:.2f}, variance {d.variance:.2f}, mode {d.mode:.2f}")
print(f"P(more than 3 hours) = {survival[299]:.3f}; with probability 0.95 at most {x[survival <= 0.05][0]:.2f} hours")

# %%
concentrations, rates = np.array([0.5, 1.0, 3.0, 9.0]), np.array([0.5, 1.0, 2.0, 4.0])
by_concentration = np.asarray(Gamma(concentrations, np.full(4, 2.0)).prob(x[:, None]))
by_rate = np.asarray(Gamma(np.full(4, 3.0), rates).prob(x[:, None]))
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.5))
for i, color in zip(range(4), plot.PALETTE, strict=False):
    plot.curve(x, by_concentration[:, i], color=color, label=f"a = {concentrations[i]:g}", ax=left)
    plot.curve(x, by_rate[:, i], color=color, label=f"b = {rates[i]:g}", ax=right)
left.set(title="b = 2: the concentration sets the shape", xlabel="x", ylabel="p(x)", ylim=(0, 2))
right.set(title="a = 3: the rate only sets the scale", xlabel="x", ylim=(0, 1.2))
left.legend()
right.legend()
plt.show()

# %% [markdown]
# Below $a = 1$ the density has no bound at 0; at $a = 1$ it is the exponential one; above it rises from 0 to its mode.
# The rate stretches the axis: if $x$ has the rate 1, $x / b$ has the rate $b$.
#
# In a notebook that you run, this figure has sliders for both. The solid line is the mean $a / b$, the dashed one the
# mode.


# %%
def draw(a, b):
    ax = plot.curve(x, Gamma(a, b).prob(x), label=None, ax=plt.figure(figsize=(6.4, 3.2)).gca())
    ax.axvline(a / b, color=plot.PALETTE[1])
    ax.axvline(max(a - 1, 0) / b, color=plot.PALETTE[1], linestyle="--")
    ax.set(xlabel="x", ylabel="p(x)", xlim=(0, 6), ylim=(0, 2), title=f"a = {a:.2f}, b = {b:.2f}, mean {a / b:.2f}")


plot.sliders(draw, a=(0.2, 10.0, 3.0), b=(0.2, 6.0, 2.0))
plt.show()

# %% [markdown]
# ## The time until the third event
#
# The times between events that come independently at the rate $b$ are exponential, with the density $b e^{-b t}$. The
# time until the $a$-th is a sum of $a$ of them, and that sum is Gamma(a, b). Its third way to be described is by
# counting: the third event comes later than $t$ exactly if there are at most two events before $t$, and their number
# has a Poisson distribution of mean $b t$,
#
# $$P(T_a > t) = P(N_t \le a - 1) .$$

# %%
waits = np.asarray(Exponential(2.0).sample(jax.random.key(0), (20_000, 3))).sum(axis=1)
by_counting = np.asarray(Poisson(2.0 * x).prob(np.arange(3)[:, None])).sum(axis=0)
print(f"mean of 20,000 sums of three waits {waits.mean():.3f}, variance {waits.var():.3f}")
print(f"largest difference between waiting and counting {np.abs(by_counting - survival).max():.1e}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.4))
left.hist(waits, bins=np.linspace(0, 6, 61), density=True, color="#c8d4e0", label="sums of three waits")
plot.curve(x, by_concentration[:, 2], label="Gamma(3, 2)", ax=left)
left.axvline(1.5, color=plot.PALETTE[1], label="mean 3/2")
left.set(xlabel="hours until the third event", ylabel="density")
left.legend()
plot.curve(x, survival, label="Gamma: third event later than t", ax=right)
right.plot(x[::40], by_counting[::40], "o", color=plot.PALETTE[1], label="Poisson: at most two before t")
right.set(xlabel="t / hours", ylabel="probability")
right.legend()
plt.show()

# %% [markdown]
# The sum of many waits is nearly normal, as sums are: with $a$ large, Gamma(a, b) comes close to
# $N(a / b,\ a / b^2)$, and its relative spread $1 / \sqrt a$ becomes small.
#
# ## A belief about a precision
#
# The precision $t = 1 / \sigma^2$ of a normal distribution with known mean $\mu$ has the likelihood
# $t^{n / 2} e^{-t \sum_i (x_i - \mu)^2 / 2}$. As a function of $t$ that has the form of a gamma density. So if the
# belief before the data is Gamma(a, b), the belief after it, prior times likelihood, is
#
# $$\text{Gamma}\Big(a + \frac n 2,\ b + \frac12 \sum_i (x_i - \mu)^2 \Big) .$$
#
# The prior counts as $2 a$ earlier observations whose squares sum to $2 b$. The true standard deviation is 2 here, the
# precision 0.25; the prior is Gamma(2, 2), of mean 1.

# %%
prior = Gamma(2.0, 2.0)
data = np.asarray(Normal(0.0, 2.0).sample(jax.random.key(5), (100,)), float)
numbers = np.array([0, 5, 20, 100])
seen = (np.arange(100) < numbers[:, None]) * 1.0
posterior = jax.vmap(lambda seen: bayes.NormalPrecision(0.0).posterior(prior, data, weights=seen))(seen)
t = np.linspace(0.004, 2.4, 600)
beliefs = np.asarray(posterior.prob(t[:, None]))
log_likelihoods = np.asarray(Normal(0.0, np.sqrt(1 / t)).log_prob(data[:, None]))
log_product = np.asarray(prior.log_prob(t)) + log_likelihoods.sum(axis=0)
by_grid = np.exp(log_product - np.max(log_product))
by_grid /= by_grid.sum() * (t[1] - t[0])
print("mean of the precision after 0, 5, 20 and 100 values:", np.round(posterior.mean, 3))

# %%
fig, ax = plt.subplots(figsize=(6.6, 3.4))
for i, color in zip(range(4), plot.PALETTE, strict=False):
    plot.curve(t, beliefs[:, i], color=color, label=f"after {numbers[i]} values", ax=ax)
ax.axvline(0.25, color="#606060", linestyle="--", linewidth=1.2, label="the true precision")
ax.set(xlabel="precision", ylabel="density", xlim=(0, 1.6))
ax.legend()
plt.show()

# %% [markdown]
# ## The same in SciPy
#
# SciPy takes the scale $1 / b$.

# %%
reference = stats.gamma(3, scale=1 / 2)
gaps = {
    "density": np.abs(by_concentration - stats.gamma(concentrations, scale=1 / 2).pdf(x[:, None])).max(),
    "survival": np.abs(survival - reference.sf(x)).max(),
    "entropy": abs(float(d.entropy()) - reference.entropy()),
    "posterior, by a grid": np.abs(beliefs[:, 3] - by_grid).max() / beliefs[:, 3].max(),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose([d.mean, d.variance, d.mode], [1.5, 0.75, 1.0])
assert np.isclose(survival[299], 0.062, atol=5e-4)
assert np.isclose(x[survival <= 0.05][0], reference.ppf(0.95), atol=0.01)
assert np.allclose(Gamma(concentrations, 2.0).mean, concentrations / 2)
assert np.isclose(np.trapezoid(by_concentration[:, 2], x), 1, atol=2e-3)
assert np.isclose(x[by_concentration[:, 3].argmax()], 4, atol=0.01)  # the mode (a - 1) / b
assert np.allclose(by_concentration[:, 1], 2 * np.exp(-2 * x), atol=1e-5)  # a = 1 is exponential
assert np.abs(by_counting - survival).max() < 1e-5
near = np.linspace(160, 240, 600)  # many waits: nearly N(200, 10)
of_many = np.asarray(Gamma(np.full(4, 400.0), np.full(4, 2.0)).prob(near[:, None]))[:, 0]
assert np.abs(of_many - stats.norm(200, 10).pdf(near)).max() < 0.03 * of_many.max()
assert abs(waits.mean() - 1.5) < 5 * np.sqrt(0.75 / len(waits))
assert abs(waits.var() / 0.75 - 1) < 0.1
assert gaps["posterior, by a grid"] < 1e-2
assert max(gap for name, gap in gaps.items() if name != "posterior, by a grid") < 2e-5
assert abs(posterior.mean[3] - 0.25) < 0.1
print("all claims hold")
