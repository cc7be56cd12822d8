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
# # 13.9 Shrinkage: a thousand batting averages
#
# In the first weeks of a season one player has hit 4 balls of 6 and another 130 of 430. **Who is the better batter, and
# how many will each of them hit in the rest of the season?** Nobody tells us a prior. But there are a thousand players,
# and from all of them together it can be learnt.

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
from scipy import integrate, special, stats
from scipy.optimize import minimize

from jaxmath import bayes, plot
from jaxmath.distributions import Beta, Binomial, LogNormal

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The players
#
# Every player i has a probability $p_i$ of a hit, drawn from Beta(30, 80), whose mean is 0.273. We see $k_i$ hits in
# $n_i$ trials, and the numbers of trials are very different. Later another 300 trials each are made, which are held
# out: they are used for nothing but to judge.

# %%
num_players, later = 1000, 300
keys = jax.random.split(jax.random.key(0), 3)
skill = np.asarray(Beta(30.0, 80.0).sample(keys[0], (num_players,)))
trials = 5 + np.floor(np.asarray(LogNormal(np.log(50.0), 0.9).sample(keys[1], (num_players,))))
seen_and_later = np.stack([trials, np.full(num_players, float(later))])
hits, held_out = np.asarray(Binomial(seen_and_later, skill).sample(keys[2]))
print(f"trials: least {trials.min():g}, median {np.median(trials):g}, most {trials.max():g}")
print(f"players without a hit: {np.sum(hits == 0)}, best average {np.max(hits / trials):.2f}")

# %% [markdown]
# ## The prior of maximum evidence
#
# With the prior Beta(a, b) the posterior of a player is $\text{Beta}(a + k_i, b + n_i - k_i)$ (Bernoulli trials with a
# beta prior). The probability of his trials, with $p_i$ integrated out, is the *evidence*
#
# $$p(x_i \mid a, b) = \int p^{k_i} (1 - p)^{n_i - k_i}\, \frac{p^{a - 1} (1 - p)^{b - 1}}{B(a, b)}\, dp
# = \frac{B(a + k_i,\ b + n_i - k_i)}{B(a, b)} .$$
#
# Its logarithm, summed over all players, depends on the prior only. *Empirical Bayes* takes the a and b of its maximum:
# maximum likelihood, one level higher. As groups of data the players are one success and one failure each, with $k_i$
# and $n_i - k_i$ as weights. The search begins at a wide prior, Beta(2, 5).

# %%
model = bayes.BernoulliBeta()
groups = np.tile([1.0, 0.0], (num_players, 1))
weights = np.stack([hits, trials - hits], axis=1)
fit = bayes.empirical_bayes(model, Beta(2.0, 5.0), groups, weights=weights, tol=1e-5)
a, b = float(fit.params.a), float(fit.params.b)
print(f"prior Beta({a:.1f}, {b:.1f}), mean {a / (a + b):.4f}, worth {a + b:.0f} trials; converged: {fit.converged}")

# %%
means, strengths = np.linspace(0.260, 0.282, 60), np.geomspace(60, 220, 60)
mean, strength = (part[..., None] for part in np.meshgrid(means, strengths, indexing="ij"))
prior_a, prior_b = mean * strength, (1 - mean) * strength
by_player = special.betaln(prior_a + hits, prior_b + trials - hits) - special.betaln(prior_a, prior_b)
surface = by_player.sum(axis=-1)
fig, ax = plt.subplots(figsize=(6.4, 3.6))
drawn = ax.contour(means, strengths, (surface - surface.max()).T, levels=[-16, -8, -4, -2, -0.5], cmap="viridis")
ax.clabel(drawn, drawn.levels[:-1], fmt="%g")
ax.plot(a / (a + b), a + b, "o", color=plot.PALETTE[1], label="maximum of the evidence")
ax.plot(30 / 110, 110, "x", color="#404040", markersize=8, markeredgewidth=2, label="truth")
ax.set_xticks([0.26, 0.265, 0.27, 0.275, 0.28])
ax.set(xlabel="mean of the prior, a / (a + b)", ylabel="strength, a + b", title="log-evidence below its maximum")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# ## Shrinkage
#
# The posterior mean is a weighted mean of the player's own average and that of the prior,
#
# $$\frac{a + k_i}{a + b + n_i} = w_i\, \frac{k_i}{n_i} + (1 - w_i)\, \frac{a}{a + b} , \qquad
# w_i = \frac{n_i}{a + b + n_i} ,$$
#
# so averages are drawn towards the middle, the more so the fewer trials stand behind them. Two extremes are familiar.
# *Maximum likelihood* takes $k_i / n_i$, which is $w_i = 1$. *Complete pooling* takes the average of all players
# together for everyone, which is $w_i = 0$.

# %%
posterior = jax.jit(jax.vmap(lambda w: model.posterior(fit.params, np.array([1.0, 0.0]), weights=w)))(weights)
estimates = {
    "maximum likelihood": hits / trials,
    "complete pooling": np.full(num_players, hits.sum() / trials.sum()),
    "empirical Bayes": np.asarray(posterior.mean),
}
counts = [4.0, 2.0], [130.0, 300.0]
of_two = [float(model.posterior(fit.params, np.array([1.0, 0.0]), weights=w).mean) for w in counts]
print(f"4 of 6: {4 / 6:.3f} becomes {of_two[0]:.3f}; 130 of 430: {130 / 430:.3f} becomes {of_two[1]:.3f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10.4, 4.0))
shades = {"c": np.log10(trials), "cmap": "viridis", "s": 10, "linewidths": 0}
points = left.scatter(estimates["maximum likelihood"], estimates["empirical Bayes"], **shades)
left.plot([0.05, 0.55], [0.05, 0.55], color="#808080", linewidth=1.2)
left.axhline(a / (a + b), color="#808080", linestyle="--", linewidth=1.2)
left.set(xlabel="own average", ylabel="posterior mean", xlim=(-0.02, 0.72), ylim=(0.12, 0.44))
bar = fig.colorbar(points, ax=left, ticks=np.log10([5, 20, 100, 500]), label="trials")
bar.ax.set_yticklabels([5, 20, 100, 500])
some = np.argsort(trials)[::40]
right.plot([estimates["maximum likelihood"][some], estimates["empirical Bayes"][some]], [1, 0], color="#a0b4c8", lw=1.2)
right.plot(estimates["maximum likelihood"][some], np.ones(len(some)), "o", color=plot.PALETTE[0], markersize=5)
right.plot(estimates["empirical Bayes"][some], np.zeros(len(some)), "o", color=plot.PALETTE[2], markersize=5)
right.plot(held_out[some] / later, np.full(len(some), -1), "o", color="#404040", markersize=5)
right.set(yticks=[1, 0, -1], yticklabels=["own average", "posterior mean", "held out"], ylim=(-1.4, 1.4))
right.set(xlabel="share of hits", title="25 players")
plt.show()

# %% [markdown]
# The player of 430 trials is to be preferred, by a hair: six trials say next to nothing.
#
# On the left the solid line is no shrinkage, the dashed one complete pooling: dark points, with few trials, lie near
# the dashed one, light points near the solid one. On the right the 25 own averages spread much more than the same
# players' held-out ones.
#
# ## Judged on the held-out trials
#
# The mean squared difference between an estimate and the held-out share has two parts, the error of the estimate and
# the chance in the 300 trials. The second is the same for all, on average $p_i (1 - p_i) / 300$, which
# $r_i (1 - r_i) / 299$ with the held-out share $r_i$ estimates without bias; we give the error with it and without.
#
# The *log score* is the log-probability of the held-out number of hits, on average over the players. An estimate alone
# makes it binomial; the whole posterior makes it beta-binomial, and wider, for $p_i$ is not exactly known.

# %%
rates = held_out / later
chance = np.mean(rates * (1 - rates) / (later - 1))
mean_squares = {name: np.mean((p - rates) ** 2) for name, p in estimates.items()}
scores = {name: np.asarray(Binomial(float(later), p).log_prob(held_out), float) for name, p in estimates.items()}
predictive = bayes.BinomialBeta(float(later)).predictive(posterior)
scores["empirical Bayes, whole posterior"] = np.asarray(predictive.log_prob(held_out), float)
for name, square in mean_squares.items():
    print(f"{name:>18}: root mean square error {np.sqrt(square):.4f}, without chance {np.sqrt(square - chance):.4f}")
some_hit = hits > 0
for name, score in scores.items():
    print(f"{name:>32}: log score {score.mean():6.2f}, of players with a hit {score[some_hit].mean():6.2f}")

# %%
bins, names = np.digitize(trials, [21, 41, 81, 161]), ["up to 20", "21-40", "41-80", "81-160", "over 160"]
fig, (left, right) = plt.subplots(1, 2, figsize=(10.4, 3.6))
for i, (name, score) in enumerate(scores.items()):
    look = {"color": plot.PALETTE[i], "label": name, "marker": "o", "markersize": 5}
    if name in estimates:
        excess = [np.mean((estimates[name] - rates)[bins == j] ** 2) - chance for j in range(5)]
        left.plot(range(5), np.sqrt(np.maximum(excess, 0)), **look)
    right.plot(range(5), [score[some_hit & (bins == j)].mean() for j in range(5)], **look)
for ax in (left, right):
    ax.set(xticks=range(5), xticklabels=names, xlabel="trials of the player")
left.set(title="root mean square error, without chance", ylim=(0, None))
right.set(title="log score, players with a hit", ylim=(-14, -3))
right.legend(fontsize=9, loc="lower right")
plt.show()

# %% [markdown]
# Maximum likelihood is good for those with many trials and useless for those with few. It says that a player without a
# hit will never hit; when he does, its log score is minus infinity. Complete pooling is right on the average and for
# nobody in particular. Shrinkage is better than both, with few trials and with many. The log score also pays for
# honesty: the whole posterior beats its own mean.
#
# Nothing of the data had to be told how far to shrink: the spread of the thousand averages, as far as chance does not
# explain it, says it.
#
# The intervals are honest, too. The 90 % credible intervals of the thousand posteriors hold the true probability, which
# we know here, in about 90 % of the cases:

# %%
low, high = bayes.credible_interval(posterior, 0.9)
held = np.mean((low < skill) & (skill < high))
print(f"90 % intervals that hold the true probability: {held:.1%}")

# %% [markdown]
# ## The same in NumPy and SciPy
#
# The posterior of one player on a grid, prior times likelihood; the evidence by an integral, and its maximum by a
# search without derivatives.

# %%
one = int(np.argsort(trials)[200])
p = np.linspace(1e-6, 1 - 1e-6, 20_001)
product = stats.beta(a, b).pdf(p) * p ** hits[one] * (1 - p) ** (trials[one] - hits[one])
area = integrate.simpson(product, x=p)
density = stats.beta(float(posterior.a[one]), float(posterior.b[one])).pdf(p)
alone = model.log_evidence(fit.params, np.array([1.0, 0.0]), weights=weights[one])


def negative_log_evidence(logs):
    x, y = np.exp(logs)
    return num_players * special.betaln(x, y) - special.betaln(x + hits, y + trials - hits).sum()


found = minimize(negative_log_evidence, np.log([20, 50]), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-7})
scipy_score = stats.betabinom(later, a + hits, b + trials - hits).logpmf(held_out)
gaps = {
    "posterior of one player": np.abs(density - product / area).max() / density.max(),
    "its mean": abs(float(posterior.mean[one]) - integrate.simpson(p * product, x=p) / area),
    "its evidence, relative": abs(float(alone) / np.log(area) - 1),
    "all evidence, relative": abs(float(fit.log_evidence) / -negative_log_evidence(np.log([a, b])) - 1),
    "a and b, relative": np.abs(np.array([a, b]) / np.exp(found.x) - 1).max(),
    "log score": np.abs(scores["empirical Bayes, whole posterior"] - scipy_score).max(),
}
print(f"player {one}: {hits[one]:.0f} of {trials[one]:.0f};", {name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert bool(fit.converged)
assert abs(a / (a + b) - 30 / 110) < 0.005
assert 75 < a + b < 165
assert surface.max() <= float(fit.log_evidence) + 0.05
shrunk, own = estimates["empirical Bayes"], estimates["maximum likelihood"]
w = trials / (a + b + trials)
assert np.allclose(shrunk, w * own + (1 - w) * a / (a + b), atol=1e-5)
assert np.std(own[some]) > 1.5 * np.std(rates[some])
for name in ("maximum likelihood", "complete pooling"):
    paired = (estimates[name] - rates) ** 2 - (shrunk - rates) ** 2
    assert paired.mean() > 3 * paired.std() / np.sqrt(num_players)
    assert (scores["empirical Bayes"] - scores[name])[some_hit].mean() > 0
assert np.sum(~some_hit) > 0
assert np.isneginf(scores["maximum likelihood"].mean())
for j in range(5):
    of_bin = {name: np.mean((p_hat - rates)[bins == j] ** 2) for name, p_hat in estimates.items()}
    assert of_bin["empirical Bayes"] == min(of_bin.values())
whole = scores["empirical Bayes, whole posterior"]
for score in scores.values():
    assert whole[some_hit].mean() >= score[some_hit].mean()
assert of_two[0] < of_two[1]  # so the second is to be preferred
assert abs(held - 0.9) < 5 * np.sqrt(0.09 / num_players)
assert gaps["a and b, relative"] < 0.01
assert max(gap for name, gap in gaps.items() if name != "a and b, relative") < 1e-3
print("all claims hold")
