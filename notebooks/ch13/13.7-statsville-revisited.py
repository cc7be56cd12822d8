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
# # 13.7 Statsville revisited
#
# Five women of Statsville have been measured, more was not possible. In the neighbouring town of Neighborville the
# heights of many are known: 150 cm on average, with a deviation of 9 cm. **What is the probability that a woman of
# Statsville is between 150 and 155 cm tall? And how does the answer change as more and more heights come in?**

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
from scipy import stats

from jaxmath import bayes, estimation, plot
from jaxmath.distributions import Normal, NormalGamma, StudentT

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## A prior from the neighbours
#
# Mean $\mu$ and precision $\tau = 1 / \sigma^2$ are unknown, so the prior is normal-gamma (section 13.6). Its maximum
# shall be at Neighborville's numbers, $m = 150$ and $(a - \frac12) / b = 1 / 9^2$. That leaves open how much it weighs:
# like $\lambda = 100$ heights for the mean, and like $2 a = 21$ for the precision. So $a = 10.5$, $b = 81 \cdot 10$:
#
# $$(\mu, \tau) \sim \text{NormalGamma}(150,\ 100,\ 10.5,\ 810) .$$
#
# (With $a = 100.5$ and $b = 8100$ the maximum is the same and the precision counts as 201 earlier heights in place of
# 21.) We draw the heights from $N(152, 8^2)$, so that we know what should come out.

# %%
truth, prior, model = Normal(152.0, 8.0), NormalGamma(150.0, 100.0, 10.5, 810.0), bayes.NormalMeanPrecision()
print(f"mode of the prior: mean {prior.mode.mean:.2f}, deviation {prior.mode.precision**-0.5:.2f}")
heights = np.asarray(truth.sample(jax.random.key(3), (5,)))
print("five heights:", heights.round(1))

# %% [markdown]
# ## Maximum likelihood, maximum a posteriori, or all of the posterior
#
# Maximum likelihood takes mean and deviation of the five heights. The maximum of the posterior is
# $\mu = m_n$, $\tau = (a_n - \frac12) / b_n$. Either pair gives a normal distribution and with it the probability of an
# interval. The third way takes no single pair: it averages over the posterior, which makes Student's t distribution.


# %%
def at_mode(d):
    return Normal(d.mode.mean, d.mode.precision**-0.5)


def probability(d):
    return estimation.interval_probability(d, 150.0, 155.0)


posterior = model.posterior(prior, heights)
candidates = {"truth": truth, "maximum likelihood": estimation.mle(Normal, heights)}
candidates |= {"maximum a posteriori": at_mode(posterior), "posterior predictive": model.predictive(posterior)}
answers = {name: float(probability(d)) for name, d in candidates.items()}
for name, d in candidates.items():
    print(f"{name:>20}: {d.loc:.2f} +- {d.scale:.2f}, P(150 < x < 155) = {answers[name]:.4f}")

# %%
x = np.linspace(120, 185, 400)
fig, ax = plt.subplots(figsize=(7.2, 3.6))
for (name, d), color in zip(candidates.items(), ("#404040", *plot.PALETTE), strict=False):
    plot.curve(x, d.prob(x), color=color, label=f"{name}: {answers[name]:.3f}", ax=ax)
ax.plot(heights, np.zeros(5), "|", color="#404040", markersize=16, markeredgewidth=2)
ax.axvspan(150, 155, color="#e8e2d0", zorder=0)
ax.set(xlabel="height / cm", ylabel="density", ylim=(0, 0.056), xlim=(120, 185))
ax.legend(fontsize=9, loc="upper right")
plt.show()

# %% [markdown]
# The legend tells the probability of the shaded interval. Five heights move a mean that weighs a hundred by little.
# (The two curves of the posterior lie almost on each other.)
#
# Was it luck that the prior helped? Four thousand other fives:

# %%
fives = truth.sample(jax.random.key(1), (4000, 5))
others = {
    "maximum likelihood": jax.jit(jax.vmap(lambda x: probability(estimation.mle(Normal, x))))(fives),
    "maximum a posteriori": jax.jit(jax.vmap(lambda x: probability(at_mode(model.posterior(prior, x)))))(fives),
}
exact = answers["truth"]
errors = {name: float(np.sqrt(np.mean((np.asarray(p) - exact) ** 2))) for name, p in others.items()}
nearer = np.mean(np.abs(others["maximum a posteriori"] - exact) < np.abs(others["maximum likelihood"] - exact))
print("root mean square error:", {name: round(error, 4) for name, error in errors.items()})
print(f"the posterior was nearer in {nearer:.0%} of the samples")

# %%
fig, ax = plt.subplots(figsize=(7.2, 3.0))
for (name, p), color in zip(others.items(), plot.PALETTE, strict=False):
    ax.hist(np.asarray(p), bins=np.linspace(0, 0.7, 141), color=color, alpha=0.6, label=name)
ax.axvline(exact, color="#404040", linestyle="--", label="truth")
ax.set(xlabel="P(150 < x < 155)", ylabel="samples", xlim=(0, 0.7))
ax.legend()
plt.show()

# %% [markdown]
# Not luck. In nine of ten samples maximum likelihood says something between 0.14 and 0.48, the posterior between 0.20
# and 0.23: always a little too low, for Neighborville's women are a little shorter and differ more.
#
# ## Twenty batches of ten
#
# More heights come in, ten at a time. The posterior so far is the prior of the next batch. As the parameters are sums,
# the order does not matter, and all twenty posteriors come from one scan: `bayes.sequential`. A second prior, of the
# same mode, weighs only ten heights.

# %%
batches = truth.sample(jax.random.key(4), (20, 10))
priors = {"weight 100": prior, "weight 10": NormalGamma(150.0, 10.0, 10.5, 810.0)}
sequences = {name: bayes.sequential(model, model.posterior(p, heights), batches) for name, p in priors.items()}
main = sequences["weight 100"]
counts = 5 + 10 * np.arange(1, 21)
for i in (0, 4, 9, 14, 19):
    d = at_mode(main)
    print(f"{counts[i]:3} heights: mean {d.loc[i]:.2f}, deviation {d.scale[i]:.2f}, P = {probability(d)[i]:.4f}")

# %%
fig, panels = plt.subplots(1, 3, figsize=(11, 3.4))
for (name, d), color in zip(sequences.items(), plot.PALETTE, strict=False):
    best = at_mode(d)
    for ax, values in zip(panels, (best.loc, best.scale, probability(best)), strict=True):
        ax.plot(counts, np.asarray(values), "o-", markersize=3.5, color=color, label=name)
of_mean = StudentT(2 * main.concentration, main.loc, jnp.sqrt(main.rate / (main.concentration * main.precision_scale)))
low, high = bayes.credible_interval(of_mean, 0.95)
panels[0].fill_between(counts, low, high, color=plot.PALETTE[0], alpha=0.15, label="95 % interval")
for ax, value, title in zip(panels, (152, 8, exact), ("mean / cm", "deviation / cm", "P(150 < x < 155)"), strict=True):
    ax.axhline(value, color="#404040", linestyle="--", linewidth=1.2)
    ax.set(title=title, xlabel="heights seen")
panels[0].legend(fontsize=8, loc="lower right")
plt.show()

# %% [markdown]
# Dashed is the truth. The prior that weighs 100 pulls the mean down even after 205 heights, to about a third of the way
# back to 150; the light one has lost most of its influence by then. A prior is a statement of how much one knows: to
# take the neighbours for a hundred of our own women was bold.
#
# ## The same in NumPy and SciPy
#
# One batch after the other, in a loop, in float64:

# %%
m, lam, a, b = 150.0, 100.0, 10.5, 810.0
path = []
for batch in [heights.astype(float), *np.asarray(batches, float)]:
    n, shift = len(batch), batch.mean() - m
    b += batch.var() * n / 2 + lam * n * shift**2 / (2 * (lam + n))
    m, lam, a = m + n * shift / (lam + n), lam + n, a + n / 2
    path.append((m, lam, a, b))
path = np.array(path)
five, last = path[0], path[-1]
scipy_map = stats.norm(five[0], np.sqrt(five[3] / (five[2] - 0.5)))
scipy_predictive = stats.t(2 * five[2], five[0], np.sqrt(five[3] * (five[1] + 1) / (five[2] * five[1])))
scipy_fit = stats.norm(*stats.norm.fit(heights.astype(float)))
ours = np.stack([main.loc, main.precision_scale, main.concentration, main.rate], axis=1)
references = {"truth": stats.norm(152, 8), "maximum likelihood": scipy_fit}
references |= {"maximum a posteriori": scipy_map, "posterior predictive": scipy_predictive}
gaps = {name: abs(answers[name] - np.diff(d.cdf([150, 155]))[0]) for name, d in references.items()}
gaps["twenty posteriors"] = np.abs(ours / path[1:] - 1).max()
together = model.posterior(prior, np.concatenate([heights, np.ravel(batches)]))
gaps["all at once"] = np.abs(np.array([together.loc, together.rate]) / last[[0, 3]] - 1).max()
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert prior.mode.mean == 150
assert np.isclose(prior.mode.precision**-0.5, 9.0, atol=1e-4)
heavier = NormalGamma(150.0, 100.0, 100.5, 8100.0)
assert np.isclose(heavier.mode.precision, prior.mode.precision)
assert np.isclose(exact, 0.2449, atol=5e-5)
assert abs(answers["maximum a posteriori"] - exact) < abs(answers["maximum likelihood"] - exact)
assert abs(posterior.mode.mean - 150) < 0.1 * abs(heights.mean() - 150)
assert abs(answers["posterior predictive"] - answers["maximum a posteriori"]) < 0.01
assert errors["maximum a posteriori"] < errors["maximum likelihood"] / 1.5
assert nearer > 0.5
assert np.allclose(np.percentile(others["maximum likelihood"], [5, 95]), [0.14, 0.48], atol=0.01)
assert np.allclose(np.percentile(others["maximum a posteriori"], [5, 95]), [0.20, 0.23], atol=0.005)
assert np.max(others["maximum a posteriori"]) < exact
assert np.allclose(main.precision_scale, 100 + counts)
assert np.allclose(main.concentration, 10.5 + counts / 2)
mean_of_all = np.concatenate([heights, np.ravel(batches)]).mean(dtype=float)
assert np.isclose((mean_of_all - main.loc[-1]) / (mean_of_all - 150), 100 / 305, atol=1e-3)  # a third of the way
assert abs(sequences["weight 10"].loc[-1] - mean_of_all) < 0.15
assert abs(at_mode(main).scale[-1] - 8) < abs(at_mode(main).scale[0] - 8)
assert low[-1] < main.loc[-1] < high[-1]
assert max(gaps.values()) < 1e-5
print("all claims hold")
