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
# # 9.1 Losses
#
# Training lowers a number. **Which number says best how wrong a prediction is?** It depends on what was predicted: an
# amount, a yes or no, one class of many. Each loss below is derived in a line or two, and drawn with its slope, since
# the slope is all that training sees of it.

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

from jaxmath import losses, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Amounts: squared, absolute and Huber's error
#
# If a measurement $t$ is the truth $y$ with Gaussian noise, $p(t \mid y) \propto e^{-(t - y)^2 / 2}$, the most
# probable $y$ is the one with the smallest sum of **squared errors** $(y - t)^2$. Noise with heavier tails,
# $p \propto e^{-|t - y|}$, gives the **absolute error**. The first is best explained by the mean of the measurements,
# the second by their median, which one wild measurement cannot move.
#
# Huber's loss takes the parabola near 0, where its slope fades out, and the straight line far away, where no single
# example should pull harder than $\delta$:
#
# $$\ell(r) = \begin{cases} r^2 / 2 & |r| \le \delta \\ \delta (|r| - \delta / 2) & |r| > \delta. \end{cases}$$

# %%
y = jnp.array([-0.10, -0.24, 1.43, -0.14, -0.59])
t = jnp.array([0.59, -1.92, -1.27, -0.40, 0.50])
by_example = losses.squared_error(y, t)
total = by_example.sum()
print("squared errors", by_example, f"sum {total:.4f}")
print("absolute errors", losses.absolute_error(y, t), " Huber", losses.huber(y, t))

# %%
residuals = jnp.linspace(-3, 3, 301)
amounts = {"squared": losses.squared_error, "absolute": losses.absolute_error, "Huber, δ = 1": losses.huber}
fig, panels = plt.subplots(1, 3, figsize=(10, 3.0), sharey=True)
for ax, (name, loss) in zip(panels, amounts.items(), strict=True):
    slopes = jax.vmap(jax.grad(loss), (0, None))(residuals, 0.0)
    plot.curve(residuals, loss(residuals, jnp.zeros_like(residuals)), slopes=slopes, label="loss", ax=ax)
    ax.set(title=name, xlabel="$y - t$", ylim=(-3, 4))
panels[0].legend()
plt.show()

# %% [markdown]
# The dashed slope of the squared error grows without end; that of the absolute error jumps at 0; Huber's is the slope
# of the parabola, cut off at $\pm 1$. What that means for a wild measurement:

# %%
measured = jnp.array([1.0, 1.1, 0.9, 1.05, 0.95, 9.0])
candidates = jnp.linspace(0, 5, 5001)
grids = jnp.broadcast_arrays(candidates[:, None], measured[None])
best = {name: float(candidates[loss(*grids).sum(axis=1).argmin()]) for name, loss in amounts.items()}
print("best single prediction:", {name: round(value, 3) for name, value in best.items()})
print(f"mean {measured.mean():.3f}, median between {jnp.sort(measured)[2]:.2f} and {jnp.sort(measured)[3]:.2f}")

# %% [markdown]
# ## Probabilities: cross entropy
#
# If class $j$ has the predicted probability $p_j$ and class $c$ is true, the prediction gave the truth the probability
# $p_c$. Over independent examples these multiply; minus the logarithm turns the product into a sum to be lowered,
#
# $$-\log p_c = -\sum_j t_j \log p_j ,$$
#
# where $t$ is 1 at the true class and 0 elsewhere. For two classes, with $p$ the probability of label 1, it reads
# $-t \log p - (1 - t) \log (1 - p)$. A confident truth costs nothing, a confident mistake without limit.

# %%
cat = jnp.array([0.8, 0.15, 0.04, 0.01])
of_class, of_label = losses.cross_entropy(cat, 0), losses.binary_cross_entropy(0.8, 1.0)
print(f"cross entropy of a sure prediction {of_class:.4f}, of a uniform one", losses.cross_entropy(jnp.ones(4) / 4, 0))
print(f"binary cross entropy of 0.8 against 1: {of_label:.5f}")

# %% [markdown]
# ## From logits, in one step
#
# A network ends in numbers $z$ of any size, its *logits*, that $p_j = e^{z_j} / \sum_i e^{z_i}$ makes into
# probabilities. Computing $p$ first and the logarithm afterwards is wasteful and wrong in floating point: $e^{100}$
# overflows float32, and $\log 0$ follows. Together they cancel to
#
# $$-\log p_c = \log \sum_j e^{z_j} - z_c, \qquad \frac{\partial}{\partial z_j} = p_j - t_j ,$$
#
# and with the largest logit taken out of the sum no exponential is above 1.

# %%
logits = jnp.array([9.99, 10.0, 0.01, -10.0])
fused = losses.softmax_cross_entropy(logits, 1)
two_steps = losses.cross_entropy(jax.nn.softmax(logits), 1)
naive = -jnp.log(jnp.exp(logits) / jnp.exp(logits).sum())[1]
print(f"fused {fused:.5f}, softmax first {two_steps:.5f}, by the formula {naive:.5f}")
huge = jnp.array([1e4, -1e4, 0.0])
at_huge = losses.softmax_cross_entropy(huge, 1)
slope_at_huge = jax.grad(losses.softmax_cross_entropy)(huge, 1)
print("logits of ±10,000: fused", at_huge, "with slope", slope_at_huge, end="; ")
print("by the formula", -jnp.log(jnp.exp(huge) / jnp.exp(huge).sum())[1])

# %% [markdown]
# ## Easy examples: focal loss
#
# Where almost all examples are easy (most of a photo shows no cat), their many small losses drown the few hard ones.
# The focal loss of the probability $q$ that the truth was given fades them out,
#
# $$-(1 - q)^\gamma \log q ,$$
#
# and with $\gamma = 0$ is the cross entropy.

# %%
gammas = (0.0, 1.0, 2.0)
focals = [float(losses.focal(0.8, 1, gamma)) for gamma in gammas]
print("focal loss at q = 0.8:", {gamma: round(value, 4) for gamma, value in zip(gammas, focals, strict=True)})

# %%
q = jnp.linspace(0.01, 1, 200)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.3))
for i, gamma in enumerate(gammas):
    values = losses.focal(q, jnp.ones_like(q), gamma)
    plot.curve(q, values, color=plot.PALETTE[i], label=rf"$\gamma$ = {gamma:g}", ax=left)
    share = values / losses.focal(0.3, 1, gamma)
    plot.curve(q, share, color=plot.PALETTE[i], label=rf"$\gamma$ = {gamma:g}", ax=right)
left.set(title="focal loss", xlabel="probability q of the truth", ylim=(0, 3))
right.set(title="compared with a hard example, q = 0.3", xlabel="probability q of the truth", ylim=(0, 1.5))
left.legend()
plt.show()

# %% [markdown]
# At $\gamma = 2$ an example with $q = 0.8$ counts less than a fiftieth of one with $q = 0.3$; in the cross entropy it
# is a fifth.
#
# ## Scores: hinge loss
#
# A classifier with labels $\pm 1$ may only ask for a margin: a score on the right side and at least 1 costs nothing.

# %%
scores = jnp.linspace(-3, 3, 301)
fig, ax = plt.subplots(figsize=(5.5, 3.2))
plot.curve(scores, losses.hinge(scores, jnp.ones_like(scores)), label="hinge", ax=ax)
logistic = losses.sigmoid_cross_entropy(scores, jnp.ones_like(scores))
plot.curve(scores, logistic, color=plot.PALETTE[1], label="cross entropy of a logit", ax=ax)
ax.set(xlabel="score of an example with label 1", title="two losses of a score")
ax.legend()
plt.show()

# %% [markdown]
# ## The same in plain NumPy

# %%
a, b = np.asarray(y, np.float64), np.asarray(t, np.float64)
z = np.asarray(logits, np.float64)
numpy_total = ((a - b) ** 2).sum()
numpy_cross_entropy = np.log(np.exp(z - z.max()).sum()) + z.max() - z[1]
print(f"sum of squares {numpy_total:.4f}, softmax cross entropy {numpy_cross_entropy:.5f}")

# %% [markdown]
# ## What was claimed

# %%
assert np.isclose(total, 11.8442, atol=1e-4)
assert np.isclose(total, numpy_total, rtol=1e-6)
assert np.isclose(of_label, 0.22314, atol=1e-5)
assert np.isclose(of_class, 0.22314, atol=1e-5)
assert np.isclose(fused, 0.68818, atol=1e-5)
assert np.isclose(fused, numpy_cross_entropy, rtol=1e-5)
assert np.allclose([two_steps, naive], fused, rtol=1e-4)
assert at_huge == 2e4
assert np.array_equal(slope_at_huge, [1.0, -1.0, 0.0])
assert np.allclose(focals, [0.2231, 0.0446, 0.0089], atol=5e-5)
assert np.isclose(best["squared"], measured.mean(), atol=1e-3)  # the mean
assert 1.0 <= best["absolute"] <= 1.05  # a median
assert 1.0 < best["Huber, δ = 1"] < 1.3  # one wild measurement pulls with a slope of 1, against the five others
assert losses.focal(0.8, 1, 2.0) / losses.focal(0.3, 1, 2.0) < 0.02
print("all claims hold")
