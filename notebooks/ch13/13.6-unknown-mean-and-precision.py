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
# # 13.6 Unknown mean and precision
#
# Three readings of an instrument lie close together. **Is it precise, or was that luck? What can be said of its mean
# and its precision at once, when both are unknown, and how far off may the next reading be?**

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
from jaxmath.distributions import Gamma, Normal, NormalGamma, StudentT

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The prior
#
# For readings $x_i \sim N(\mu, \tau^{-1})$ the prior is the *normal-gamma* distribution: a gamma distribution of the
# precision, and given the precision a normal distribution of the mean whose precision is $\lambda \tau$,
#
# $$p(\mu, \tau) = N\big(\mu \mid m, (\lambda \tau)^{-1}\big)\, \text{Gamma}(\tau \mid a, b)
# \propto \tau^{a - 1/2}\, e^{-b \tau - \frac{\lambda \tau}{2} (\mu - m)^2} .$$
#
# It counts as $\lambda$ earlier readings about the mean and $2 a$ about the precision. Its mean is $(m, a / b)$. At
# the maximum $\mu = m$, and the derivative of $(a - \frac12) \log \tau - b \tau$ is 0:
#
# $$\text{mode} = \Big( m,\ \frac{a - 1/2}{b} \Big) .$$
#
# ## The posterior
#
# The likelihood is $\tau^{n / 2} e^{-\frac \tau 2 (S + n (\bar x - \mu)^2)}$ with $S = \sum_i (x_i - \bar x)^2$. In the
# exponent $\lambda (\mu - m)^2 + n (\mu - \bar x)^2$ is again one square and a constant, so the posterior is
# normal-gamma with
#
# $$\lambda_n = \lambda + n , \quad m_n = \frac{\lambda m + n \bar x}{\lambda + n} , \quad a_n = a + \frac n 2 , \quad
# b_n = b + \frac S 2 + \frac{\lambda n (\bar x - m)^2}{2 (\lambda + n)} .$$
#
# The true distribution is $N(20, 5^2)$, of precision 0.04, the prior NormalGamma(19, 10, 1, 40).

# %%
truth, prior, model = Normal(20.0, 5.0), NormalGamma(19.0, 10.0, 1.0, 40.0), bayes.NormalMeanPrecision()
data = np.asarray(truth.sample(jax.random.key(1), (1000,)))
sizes = (3, 1000)
posteriors = [model.posterior(prior, data[:n]) for n in sizes]
print(f"prior: mean {prior.mean.precision:.4f} and mode {prior.mode.precision:.4f} of the precision")
for n, d in zip(sizes, posteriors, strict=True):
    print(f"n = {n:4}: MLE mean {data[:n].mean():.3f}, deviation {data[:n].std():.3f};", end=" ")
    print(f"MAP mean {d.mode.mean:.3f}, deviation {d.mode.precision**-0.5:.3f}")

# %%
beliefs = {"prior": prior, "after 3 readings": posteriors[0], "after 1000 readings": posteriors[1]}
windows = [(9, 29, 0.25), (9, 29, 0.25), (19.2, 20.8, 0.06)]
fig, panels = plt.subplots(1, 3, figsize=(11, 3.6))
for ax, (name, d), (low, high, top) in zip(panels, beliefs.items(), windows, strict=True):
    grid = np.meshgrid(np.linspace(low, high, 90), np.linspace(top / 200, top, 200), indexing="ij")
    z = np.asarray(d.prob(tuple(grid)))
    ax.contour(*grid, z, levels=float(d.prob(d.mode)) * np.exp([-4.5, -2, -0.5]), cmap="viridis")
    ax.plot(*d.mode, "o", color=plot.PALETTE[1], label="mode")
    ax.plot(*d.mean, "^", color=plot.PALETTE[2], label="mean")
    ax.plot(20, 0.04, "x", color="#404040", markersize=8, markeredgewidth=2, label="truth")
    ax.set(title=name, xlabel=r"mean $\mu$")
panels[2].set_ylim(0.03, 0.05)
panels[0].set_ylabel(r"precision $\tau$")
panels[0].legend(fontsize=9)
plt.show()

# %% [markdown]
# The lines are where the density is $e^{-1/2}$, $e^{-2}$ and $e^{-9/2}$ of its maximum. Low precision goes with an
# uncertain mean, so the region is wide below and narrow above. The third panel has other axes: after a thousand
# readings the region is small and nearly an ellipse, and the truth is in it.
#
# The three readings had a deviation of about half a unit, a tenth of the true one. Maximum likelihood takes it for the
# deviation. The posterior has the prior's word for what is usual, and ends up near the truth.
#
# ## One distribution, three estimates
#
# The joint density is that of mean and precision together. If the mean is integrated out, what remains is
# $\tau \sim \text{Gamma}(a_n, b_n)$. Its mode is $(a_n - 1) / b_n$: lower than that of the joint
# density, $(a_n - \frac12) / b_n$, and the mean $a_n / b_n$ is higher than both. The mean $\mu$ on its own has
# Student's t distribution with $2 a_n$ degrees of freedom, location $m_n$ and scale $\sqrt{b_n / (a_n \lambda_n)}$.

# %%
d = posteriors[0]
draws = d.sample(jax.random.key(3), (50_000,))
of_mean = StudentT(2 * d.concentration, d.loc, np.sqrt(d.rate / (d.concentration * d.precision_scale)))
of_precision = Gamma(d.concentration, d.rate)
print(f"precision: mode of its own {of_precision.mode:.4f}, joint {d.mode.precision:.4f}, mean {d.mean.precision:.4f}")
print(f"deviation of the mean: {np.sqrt(of_mean.variance):.2f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.8, 3.3))
at, t = np.linspace(14, 24, 400), np.linspace(0.0005, 0.2, 400)
left.hist(np.asarray(draws.mean), bins=np.linspace(14, 24, 80), density=True, color="#c8d4e0", label="50,000 draws")
plot.curve(at, of_mean.prob(at), label="Student's t", ax=left)
right.hist(np.asarray(draws.precision), bins=np.linspace(0, 0.2, 80), density=True, color="#c8d4e0")
plot.curve(t, of_precision.prob(t), label="gamma", ax=right)
for value, name, color in ((d.mode.precision, "joint mode", 1), (d.mean.precision, "mean", 2)):
    right.axvline(float(value), color=plot.PALETTE[color], linestyle="--", label=name)
left.set(xlabel=r"mean $\mu$", ylabel="density", xlim=(14, 24))
right.set(xlabel=r"precision $\tau$", xlim=(0, 0.2))
left.legend(fontsize=9)
right.legend(fontsize=9)
plt.show()

# %% [markdown]
# ## How far off may the next reading be?
#
# With the estimates of maximum likelihood one would say: in 95 % of the cases within $\bar x \pm 1.96\, \hat\sigma$.
# The posterior says: Student's t with $2 a_n$ degrees of freedom, location $m_n$ and scale
# $\sqrt{b_n (\lambda_n + 1) / (a_n \lambda_n)}$. Twenty thousand times three readings, and a fourth to compare:

# %%
fours = np.asarray(truth.sample(jax.random.key(4), (20_000, 4)))
known, fourth = fours[:, :3], fours[:, 3]
predictive = model.predictive(jax.jit(jax.vmap(lambda x: model.posterior(prior, x)))(known))
by_likelihood = np.mean(np.abs(fourth - known.mean(axis=1)) < 1.96 * known.std(axis=1))
by_posterior = np.mean(np.abs(np.asarray(predictive.cdf(fourth)) - 0.5) < 0.475)
print(f"95 % intervals that held the fourth reading: MLE {by_likelihood:.1%}, posterior {by_posterior:.1%}")

# %% [markdown]
# Three readings look more precise than they are: their deviation is taken from a mean that was fitted to them. The
# posterior errs on the safe side, for this prior expects a larger deviation than 5.
#
# Now and then one finds $n s^2$ in the place of $S$, with the unbiased $s^2 = S / (n - 1)$. But nothing has to be
# corrected here: the posterior takes into account that the mean is uncertain. For three readings $n s^2$ is one and a
# half times $S$.
#
# ## The same in NumPy and SciPy

# %%
x = data[:3].astype(float)
scatter, shift = np.sum((x - x.mean()) ** 2), x.mean() - 19
m, lam, a, b = 19 + 3 / 13 * shift, 13.0, 2.5, 40 + scatter / 2 + 10 * 3 * shift**2 / (2 * 13)
mean, tau = np.meshgrid(np.linspace(-20, 60, 1601), np.linspace(1e-4, 0.6, 1200), indexing="ij")
log_joint = stats.norm(19, 1 / np.sqrt(10 * tau)).logpdf(mean) + stats.gamma(1, scale=1 / 40).logpdf(tau)
log_joint += stats.norm(mean[..., None], 1 / np.sqrt(tau[..., None])).logpdf(x).sum(axis=-1)
joint = np.exp(log_joint)
area = integrate.simpson(integrate.simpson(joint, x=tau[0]), x=mean[:, 0])
top = np.unravel_index(joint.argmax(), joint.shape)
some = slice(None, None, 100)
ours = d.prob((mean[some, some], tau[some, some]))
gaps = {
    "parameters": np.abs(np.subtract((d.loc, d.precision_scale, d.concentration, d.rate), (m, lam, a, b))).max(),
    "posterior, grid": np.abs(ours - joint[some, some] / area).max() / joint.max() * area,
    "evidence, grid": abs(float(model.log_evidence(prior, x)) - np.log(area)),
    "mean on its own": np.abs(of_mean.prob(at) - stats.t(2 * a, m, np.sqrt(b / (a * lam))).pdf(at)).max(),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
for each in (prior, *posteriors):
    assert np.isclose(each.mean.precision, each.concentration / each.rate)
    assert np.isclose(each.mode.precision, (each.concentration - 0.5) / each.rate)
    assert each.mode.mean == each.mean.mean == each.loc
assert np.isclose(mean[top], d.mode.mean, atol=0.05)  # the largest of the grid is at the mode
assert np.isclose(tau[top], d.mode.precision, atol=5e-4)
assert 0.4 < x.std() < 0.6  # a tenth of 5
assert abs(d.mode.precision**-0.5 - 5) < 1
assert of_precision.mode < d.mode.precision < d.mean.precision
assert np.isclose(np.mean(draws.precision), d.mean.precision, rtol=0.02)
assert np.isclose(np.std(draws.mean), np.sqrt(of_mean.variance), rtol=0.05)
assert abs(posteriors[1].mode.mean - 20) < 5 * 5 / np.sqrt(1000)
of_many = posteriors[1].mode.mean, 1 / np.sqrt(posteriors[1].mode.precision)
assert abs(of_many[1] - 5) < 5 * 5 / np.sqrt(2000)
assert posteriors[1].log_prob((20.0, 0.04)) > posteriors[1].log_prob(posteriors[1].mode) - 2
assert np.allclose(of_many, [data.mean(), data.std()], atol=0.05)
assert by_likelihood < 0.75
assert by_posterior > 0.95
assert prior.mode.precision < prior.mean.precision < 0.04  # it expects a larger deviation
assert np.isclose(3 * x.var(ddof=1), 1.5 * scatter)
assert gaps.pop("posterior, grid") < 1e-3
assert gaps.pop("evidence, grid") < 1e-3
assert max(gaps.values()) < 1e-4
print("all claims hold")
