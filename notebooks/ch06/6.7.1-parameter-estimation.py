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
# # 6.7.1 Parameter estimation: the heights of Statsville
#
# Ten thousand women of Statsville have been measured. **Which normal distribution do their heights come from, which
# share of them is taller than 160 and at most 170 cm, and how sure can one be of either?** The heights are drawn from
# $N(152, 8^2)$, so we know what should come out.

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
from functools import partial

import jax
import matplotlib.pyplot as plt
import numpy as np
import optax
from scipy import optimize as scipy_optimize
from scipy import stats

from jaxmath import estimation, optimize, plot
from jaxmath.distributions import Normal

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Maximum likelihood in closed form
#
# The best parameters are those under which the data is most probable. The negative log-likelihood of independent
# heights is
#
# $$L(\mu, \sigma) = -\sum_i \log p(x_i)
# = n \log (\sqrt{2 \pi}\, \sigma) + \frac{1}{2 \sigma^2} \sum_i (x_i - \mu)^2 .$$
#
# Its derivative in $\mu$ is zero at the mean. With $S = \frac 1 n \sum_i (x_i - \mu)^2$ the derivative in $\sigma$ is
# $n (1 / \sigma - S / \sigma^3)$, zero at $\sigma^2 = S$:
#
# $$\hat \mu = \frac 1 n \sum_i x_i, \qquad \hat \sigma^2 = \frac 1 n \sum_i (x_i - \hat \mu)^2 .$$

# %%
truth = Normal(152.0, 8.0)
x = truth.sample(jax.random.key(1), (10_000,))
heights = np.asarray(x, float)
fit = estimation.mle(Normal, x)
print(f"estimate: mean {fit.loc:.3f}, deviation {fit.scale:.3f}")
share = np.mean((heights > 160) & (heights <= 170))
of_fit, of_truth = (float(estimation.interval_probability(d, 160.0, 170.0)) for d in (fit, truth))
print(f"P(160 < x <= 170): by the fit {of_fit:.4f}, exactly {of_truth:.5f}; counted {share:.4f}")

# %%
height = np.linspace(120, 185, 400)
mean, deviation = np.meshgrid(np.linspace(151, 153, 60), np.linspace(7, 9, 60), indexing="ij")
mean_square = heights.var() + (heights.mean() - mean) ** 2
surface = 10_000 * (np.log(np.sqrt(2 * np.pi) * deviation) + mean_square / (2 * deviation**2))
fig, (left, right) = plt.subplots(1, 2, figsize=(9.8, 3.7))
left.hist(heights, bins=60, density=True, color="#c8d4e0", label="10,000 heights")
density = np.asarray(fit.prob(height))
plot.curve(height, density, label="fit", ax=left)
part = (height > 160) & (height <= 170)
left.fill_between(height[part], density[part], color=plot.PALETTE[1], alpha=0.5, label=f"area {of_fit:.3f}")
left.set(xlabel="height / cm", ylabel="density", ylim=(0, 0.062))
left.legend(fontsize=9)
levels = [2, 8, 32, 128]
lines = right.contour(mean[:, 0], deviation[0], (surface - surface.min()).T, levels=levels, cmap="viridis")
right.clabel(lines, fmt="+%g")
right.plot(fit.loc, fit.scale, "o", color=plot.PALETTE[1], label="estimate")
right.plot(152, 8, "x", color="#404040", markersize=8, markeredgewidth=2, label="truth")
right.set(xlabel="mean", ylabel="deviation", xticks=[151, 151.5, 152, 152.5, 153])
right.set_title("negative log-likelihood above its minimum")
right.legend(fontsize=9)
plt.show()

# %% [markdown]
# ## By gradient descent, on the parameters as they are
#
# Pretend that there is no formula. We lower $L / n$ step by step, with a rate $\eta$:
#
# $$\mu \leftarrow \mu - \eta\, \frac{\mu - \hat \mu}{\sigma^2}, \qquad
# \sigma \leftarrow \sigma - \eta \left( \frac 1 \sigma - \frac{S}{\sigma^3} \right) .$$
#
# Three attempts: from the good start (150, 10) with $\eta = 20$, from the bad start (1, 1) with the same rate, and from
# (150, 20) with $\eta = 1000$. The last one is the rate 0.1 for the *sum* over ten thousand heights.


# %%
def mean_loss(params):
    return estimation.negative_log_likelihood(Normal(params["loc"], params["scale"]), x) / len(x)


def descend_raw(loc, scale, rate):
    rule = optimize.gradient_descent(rate)
    return optimize.minimize(mean_loss, {"loc": loc, "scale": scale}, optimizer=rule, num_steps=60)


starts = np.array([[150.0, 10.0], [1.0, 1.0], [150.0, 20.0]], np.float32)
raw = jax.jit(jax.vmap(descend_raw))(starts[:, 0], starts[:, 1], np.float32([20, 20, 1000]))
raw = jax.tree.map(np.asarray, raw)
for i, start in enumerate(starts.tolist()):
    print(f"from {start}: mean {raw.params['loc'][i]:.1f}, deviation {raw.params['scale'][i]:.1f},", end=" ")
    print(f"failed step {raw.failed_step[i]}, losses {raw.losses[i, :3].round(2)}")

# %% [markdown]
# The first one arrives. The second one is far away after one step: where $\sigma$ is much too small, $S / \sigma^3$ is
# enormous, and the first step ends at a deviation of several hundred thousand. There the slope $1 / \sigma$ is so small
# that a step changes nothing in float32. Nothing has overflowed, and only the loss tells that this is no answer.
#
# In the third one the first step leads to a deviation below zero, where there is no density; `minimize` does not take
# it, and `failed_step` says so. A step from $\sigma$ passes zero if $\eta\, (1 / \sigma - S / \sigma^3) > \sigma$, that
# is if $\eta > \sigma^2 / (1 - S / \sigma^2)$. The right side is never below $4 S$, so rates up to $4 S$, here 256, are
# safe from that. But to come to rest at the minimum takes $\eta < \hat\sigma^2$, here 64, for there the curvature in
# $\sigma$ is $2 / \hat\sigma^2$.

# %%
first = starts[2, 1] - 1000 * (1 / starts[2, 1] - np.mean((heights - 150) ** 2) / starts[2, 1] ** 3)
print(f"deviation after the first step of the third attempt: {first:.1f}")

# %% [markdown]
# ## On parameters that may be any real numbers
#
# `estimation.descend` works on $\mu$ and $\log \sigma$. Whatever a step is, $\sigma$ stays positive. The length of the
# steps still has to be right; L-BFGS finds it by a search along a line. All three starts arrive.

# %%
search = partial(estimation.descend, x=x, optimizer=optax.lbfgs(), num_steps=60, tol=1e-5)
found = jax.jit(jax.vmap(lambda loc, scale: search(Normal(loc, scale))))(starts[:, 0], starts[:, 1])
found = jax.tree.map(np.asarray, found)
for i, start in enumerate(starts.tolist()):
    print(f"from {start}: mean {found.params.loc[i]:.3f}, deviation {found.params.scale[i]:.3f},", end=" ")
    print(f"{found.num_steps[i]} steps, converged: {found.converged[i]}")

# %%
best = float(mean_loss({"loc": fit.loc, "scale": fit.scale}))
fig, (left, right) = plt.subplots(1, 2, figsize=(9.8, 3.8), sharey=True)
for i, color in zip(range(3), plot.PALETTE, strict=False):
    label = "({:g}, {:g})".format(*starts[i])
    left.plot(raw.losses[i] - best, "o-", markersize=3, color=color, label=label)
    right.plot(found.losses[i] / len(x) - best, "o-", markersize=3, color=color, label=label)
left.set(title="raw parameters, fixed rate", xlabel="step", ylabel="loss per height above its minimum")
right.set(title="unconstrained parameters, L-BFGS", xlabel="step", xlim=(-2, 62), yscale="log", ylim=(2e-6, 1e5))
left.legend(title="start", loc="lower right")
plt.show()

# %% [markdown]
# ## Maximum a posteriori
#
# Somebody believed beforehand that the mean is $m$, give or take $\tau$: a normal prior. The posterior is likelihood
# times prior, and its maximum minimises
#
# $$L(\mu, \sigma) + \frac{(\mu - m)^2}{2 \tau^2} ,$$
#
# a squared (L2) penalty on the distance from $m$. In $\mu$ the minimum is a weighted mean of data and belief,
#
# $$\mu = \frac{n \hat \mu / \sigma^2 + m / \tau^2}{n / \sigma^2 + 1 / \tau^2} , \qquad
# \sigma^2 = \frac 1 n \sum_i (x_i - \mu)^2 ,$$
#
# so $n$ heights weigh as much as the belief when $n = \sigma^2 / \tau^2$. We take $N(140, 4^2)$, and the usual penalty
# on the parameter itself, $\frac \lambda 2 \mu^2$ with $\lambda = 0.001$, which is the belief that the mean is 0, give
# or take $\tau = 32$. Samples of different size are rows of weight 1 and 0. From the start of maximum likelihood, which
# is near, Adam's rule with a fixed rate does as well as a search.

# %%
sizes = np.array([5, 10, 20, 50, 100, 200, 500, 1000])
few = x[:1000]
weights = (np.arange(1000) < sizes[:, None]).astype(np.float32)
descend = partial(estimation.descend, optimizer=optimize.adam(0.3), num_steps=500, tol=1e-5)


def maximum_a_posteriori(weights, m, tau):
    return descend(fit, few, weights=weights, prior=lambda d: Normal(m, tau).log_prob(d.loc))


beliefs = {"around 140, 4": (140.0, 4.0), "around 0, 32": (0.0, 1000**0.5)}
every = jax.jit(jax.vmap(maximum_a_posteriori, (0, None, None)))
pulled = {name: jax.tree.map(np.asarray, every(weights, *belief)) for name, belief in beliefs.items()}
plain = jax.jit(jax.vmap(lambda w: estimation.mle(Normal, few, weights=w)))(weights)
plain = jax.tree.map(np.asarray, plain)
for row in zip(sizes, plain.loc, pulled["around 140, 4"].params.loc, pulled["around 0, 32"].params.loc, strict=True):
    print("{:5} heights: no prior {:.2f}, belief 140 {:.2f}, belief 0 {:.2f}".format(*row))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.8, 3.5))
for ax, field in ((left, "loc"), (right, "scale")):
    ax.plot(sizes, getattr(plain, field), "o-", color="#707070", label="maximum likelihood")
    for (name, d), color in zip(pulled.items(), plot.PALETTE, strict=False):
        ax.plot(sizes, getattr(d.params, field), "o-", color=color, label=f"prior {name}")
    ax.axhline({"loc": 152, "scale": 8}[field], color="#808080", linestyle="--", linewidth=1)
    ax.set(xscale="log", xlabel="number of heights", title={"loc": "mean", "scale": "deviation"}[field])
left.legend(fontsize=9, loc="lower right")
plt.show()

# %% [markdown]
# With few heights the prior pulls the mean to its side, the narrow one by several centimetres, and the deviation
# becomes larger, since it is measured from a mean that is off. With a thousand heights nothing of either is left to be
# seen.
#
# ## How sure is the estimate?
#
# The curvature of $L$ at its minimum, the observed information, says how sharply the data fixes the parameters. Its
# inverse is the covariance of the estimates; here the standard errors are $\sigma / \sqrt n$ for the mean and
# $\sigma / \sqrt{2 n}$ for the deviation. An error in the parameters moves a probability by its derivatives,
#
# $$\operatorname{se}(P)^2 = \Big( \frac{\partial P}{\partial \mu} \operatorname{se}(\mu) \Big)^2 +
# \Big( \frac{\partial P}{\partial \sigma} \operatorname{se}(\sigma) \Big)^2 .$$
#
# Five hundred other samples of ten thousand heights show whether that is so.

# %%
errors = estimation.standard_errors(fit, x)
slopes = jax.jit(jax.grad(lambda d: estimation.interval_probability(d, 160.0, 170.0)))(fit)
error_of_p = float(np.hypot(slopes.loc * errors.loc, slopes.scale * errors.scale))
print(f"standard errors: mean {errors.loc:.4f}, deviation {errors.scale:.4f}, probability {error_of_p:.5f}")
others = truth.sample(jax.random.key(2), (500, 10_000))
fits = jax.jit(jax.vmap(partial(estimation.mle, Normal)))(others)
probabilities = np.asarray(estimation.interval_probability(fits, 160.0, 170.0))
spread = [float(np.std(values)) for values in (fits.loc, fits.scale, probabilities)]
print("spread of 500 estimates: mean {:.4f}, deviation {:.4f}, probability {:.5f}".format(*spread))

# %%
fig, panels = plt.subplots(1, 3, figsize=(11, 3.1))
estimates = {"mean": fits.loc, "deviation": fits.scale, "P(160 < x <= 170)": probabilities}
true_values, expected_spread = (152.0, 8.0, of_truth), (errors.loc, errors.scale, error_of_p)
for ax, (name, values), center, error in zip(panels, estimates.items(), true_values, expected_spread, strict=True):
    ax.hist(np.asarray(values), bins=25, density=True, color="#c8d4e0", label="500 estimates")
    at = np.linspace(center - 4 * error, center + 4 * error, 200)
    ax.plot(at, stats.norm(center, error).pdf(at), label="standard error")
    ax.set(title=name, yticks=[])
panels[2].axvline(0.148, color=plot.PALETTE[1], label="0.148")
panels[0].set_xticks([151.8, 152, 152.2])
panels[2].set_xticks([0.14, 0.145, 0.15])
for ax in panels[1:]:
    ax.set_ylim(0, 1.45 * ax.get_ylim()[1])
panels[2].legend(fontsize=8, loc="upper left")
plt.show()

# %% [markdown]
# Another sample, with the same truth, had given 0.148: two thirds of a standard error from the exact 0.14643.
#
# ## A scale that ends at 160 cm
#
# Suppose that the measuring rod ended at 160 cm, and that 160 was noted for whoever was taller. Such data is
# *censored*. A height below counts with its density, one at the end with the probability $P(x > 160)$ of being there or
# beyond. Mean and deviation of what was noted are both too small.
#
# ## Only those above 150 cm
#
# Or suppose that only women taller than 150 cm were measured at all, and nobody knows how many were not. Such data is
# *truncated*. Given that it was seen, a height has the density $p(x) / P(x > 150)$.

# %%
noted, seen = np.minimum(x, np.float32(160)), np.asarray(x)[heights > 150]
naive_noted, naive_seen = estimation.mle(Normal, noted), estimation.mle(Normal, seen)
censoring = partial(estimation.censored_log_prob, high=160.0)
truncation = partial(estimation.truncated_log_prob, low=150.0)
censored = jax.jit(partial(descend, log_prob=censoring))(naive_noted, noted)
truncated = jax.jit(partial(descend, log_prob=truncation))(naive_seen, seen)
rows = {"censored, as if complete": naive_noted, "censored": censored.params}
rows |= {"truncated, as if all": naive_seen, "truncated": truncated.params}
for name, d in rows.items():
    p = estimation.interval_probability(d, 160.0, 170.0)
    print(f"{name:>24}: mean {d.loc:.2f}, deviation {d.scale:.2f}, P(160 < x <= 170) {p:.4f}")

# %%
fig, panels = plt.subplots(1, 2, figsize=(9.8, 3.5), sharey=True)
cases = ((noted, naive_noted, censored, "as if it were complete"), (seen, naive_seen, truncated, "as if it were all"))
for ax, (values, naive, right, label) in zip(panels, cases, strict=True):
    weight = np.full(len(values), 1 / len(x))
    ax.hist(np.asarray(values), bins=np.arange(120, 186, 1.0), weights=weight, color="#c8d4e0", label="what was noted")
    wrong = len(values) / len(x) * np.asarray(naive.prob(height))
    plot.curve(height, wrong, color=plot.PALETTE[1], label=label, ax=ax)
    plot.curve(height, np.asarray(right.params.prob(height)), label="all women, estimated", ax=ax)
    ax.set(xlabel="height / cm", ylim=(0, 0.085))
    ax.legend(fontsize=9, loc="upper left")
panels[0].set_title("censored at 160 cm")
panels[1].set_title("truncated at 150 cm")
panels[0].set_ylabel("share per cm")
plt.show()

# %% [markdown]
# With the right likelihood both find the mean and the deviation of *all* women again, from data that lacks the tallest
# sixth or the shorter two fifths. (The bar at 160 cm is higher than the figure.) The truncated heights say less, for
# nobody knows how many are missing: their estimate of the mean is 0.2 cm from that of the complete data, the censored
# one less than 0.05 cm.
#
# ## The same in NumPy and SciPy

# %%
seen_64, full = np.asarray(seen, float), heights < 160
scipy_fit = stats.norm.fit(heights)
scipy_censored = stats.norm.fit(stats.CensoredData(heights[full], right=np.full((~full).sum(), 160.0)))


def truncated_loss(theta):
    d = stats.norm(*theta)
    return -np.mean(d.logpdf(seen_64)) + d.logsf(150)


def map_loss(theta):
    return -stats.norm(*theta).logpdf(heights[:5]).sum() + (theta[0] - 140) ** 2 / 32


tight = {"method": "Nelder-Mead", "options": {"xatol": 1e-5, "fatol": 1e-10, "maxiter": 1000}}
scipy_truncated = scipy_optimize.minimize(truncated_loss, [155, 6], **tight).x
scipy_map = scipy_optimize.minimize(map_loss, [150, 8], **tight).x
of_five = pulled["around 140, 4"].params
gaps = {
    "maximum likelihood": np.abs(np.subtract(scipy_fit, (fit.loc, fit.scale))).max(),
    "P(160 < x <= 170)": abs(of_truth - np.diff(stats.norm(152, 8).cdf([160, 170]))[0]),
    "censored": np.abs(np.subtract(scipy_censored, (censored.params.loc, censored.params.scale))).max(),
    "truncated": np.abs(np.subtract(scipy_truncated, (truncated.params.loc, truncated.params.scale))).max(),
    "prior, five heights": np.abs(np.subtract(scipy_map, (of_five.loc[0], of_five.scale[0]))).max(),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert np.isclose(of_truth, 0.14643, atol=1e-5)
assert np.isclose(abs(0.148 - of_truth), error_of_p * 2 / 3, rtol=0.1)
assert abs(of_fit - of_truth) < 4 * error_of_p
assert np.isclose(fit.loc, heights.mean(), atol=1e-3)
assert np.isclose(fit.scale, heights.std(), atol=1e-3)
assert np.allclose([raw.params["loc"][0], raw.params["scale"][0]], [fit.loc, fit.scale], atol=1e-2)  # arrives
assert raw.params["scale"][1] > 1e5  # far away
assert np.ptp(raw.losses[1, 1:]) == 0
assert raw.losses[1, -1] > best + 5
assert raw.failed_step.tolist() == [-1, -1, 1]
assert first < 0
s = np.linspace(1.001, 10, 1000)  # sigma^2 / S
assert (s / (1 - 1 / s)).min() > 3.999
assert found.converged.all()
assert np.allclose(found.params.loc, fit.loc, atol=0.02)
assert np.allclose(found.params.scale, fit.scale, atol=0.02)
for name, (m, tau) in beliefs.items():
    loc, scale = pulled[name].params.loc, pulled[name].params.scale
    assert pulled[name].converged.all()
    data_weight, prior_weight = sizes / scale**2, 1 / tau**2
    assert np.allclose(loc, (data_weight * plain.loc + prior_weight * m) / (data_weight + prior_weight), atol=0.02)
    assert np.allclose(scale**2, plain.scale**2 + (plain.loc - loc) ** 2, rtol=5e-3)
    assert (loc < plain.loc).all()
    assert (scale > plain.scale).all()
    assert plain.loc[-1] - loc[-1] < 0.1 * (plain.loc[0] - loc[0])
assert np.allclose([errors.loc, errors.scale], fit.scale / np.sqrt([10_000, 20_000]), rtol=1e-3)
assert np.allclose(spread, expected_spread, rtol=0.15)
assert naive_noted.loc < 151.5
assert naive_noted.scale < 7
assert naive_seen.loc > 155
assert naive_seen.scale < 6
assert bool(censored.converged)
assert bool(truncated.converged)
assert abs(censored.params.loc - fit.loc) < 0.05
assert 0.1 < abs(truncated.params.loc - fit.loc) < 0.3
assert np.isclose(np.mean(heights > 160), 1 / 6, atol=0.02)
assert np.isclose(np.mean(heights <= 150), 2 / 5, atol=0.02)
for d, wide in ((censored.params, 2), (truncated.params, 6)):
    assert abs(d.loc - 152) < 4 * wide * errors.loc
    assert abs(d.scale - 8) < 4 * wide * errors.scale
assert max(gaps.values()) < 0.02
print("all claims hold")
