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
# # 6.3.1 Cross entropy
#
# A picture shows a cat. One classifier says cat 0.8, dog 0.15, horse 0.04, bird 0.01; another one gives all four the
# same probability. **Which number says how much worse the second one is?**

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
from scipy import special, stats

from jaxmath import information, losses, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The cat
#
# The truth is $p$, the model is $q$. An outcome that the model gives the probability $q_j$ surprises it by
# $-\log q_j$. The cross entropy is the surprise of the model that the truth lets us expect:
#
# $$H(p, q) = -\sum_j p_j \log q_j .$$
#
# If the truth is certain, $p = (1, 0, 0, 0)$, one term is left, $-\log q_{\text{cat}}$: the loss of section 9.1.

# %%
cat = np.array([1.0, 0.0, 0.0, 0.0], np.float32)
models = np.array([[0.8, 0.15, 0.04, 0.01], [0.25, 0.25, 0.25, 0.25]], np.float32)
of_cat = np.asarray(information.cross_entropy(cat, models))
print(f"the first classifier {of_cat[0]:.3f}, the uniform one {of_cat[1]:.3f}; of a perfect one 0")

# %%
names = ["cat", "dog", "horse", "bird"]
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.3))
for shift, row, label, color in zip(
    (-0.27, 0, 0.27), [cat, *models], ("truth", "first", "uniform"), plot.PALETTE, strict=False
):
    left.bar(np.arange(4) + shift, row, width=0.25, color=color, label=label)
left.set(xticks=range(4), ylabel="probability")
left.set_xticklabels(names)
left.legend()
q = np.linspace(0.005, 1, 200)
plot.curve(q, -np.log(q), label=None, color="#606060", ax=right)
for value, row, label, color in zip(of_cat, models, ("first", "uniform"), plot.PALETTE[1:], strict=False):
    right.plot(row[0], value, "o", color=color, label=f"{label}: {value:.3f}")
right.set(xlabel="probability given to cat", ylabel="cross entropy", ylim=(0, 5))
right.legend()
plt.show()

# %% [markdown]
# How the model divides what is left among dog, horse and bird does not count. A model that gives the truth the
# probability 0 has an infinite cross entropy: it is not only wrong, it was certain of it.
#
# ## An uncertain truth
#
# Of a thousand people who saw a blurred picture 700 said cat, 200 dog and 100 horse. Now several terms count. With
# $\log \frac{1}{q_j} = \log \frac{1}{p_j} + \log \frac{p_j}{q_j}$ the cross entropy splits,
#
# $$H(p, q) = H(p) + \sum_j p_j \log \frac{p_j}{q_j} ,$$
#
# into the entropy of the truth and the Kullback-Leibler divergence of section 6.4.2. Only the second part depends on
# the model, and it is 0 for $q = p$ and positive else. So the cross entropy is smallest, though not 0, for the model
# that says what is so.

# %%
blurred = np.array([0.7, 0.2, 0.1, 0.0], np.float32)
rows = np.concatenate([models, blurred[None]])
crossed = np.asarray(information.cross_entropy(blurred, rows))
divergences = np.asarray(information.kl_divergence(blurred, rows))
entropy = float(information.entropy(blurred))
for name, value, extra in zip(("first", "uniform", "the truth"), crossed, divergences, strict=True):
    print(f"{name:>9}: cross entropy {value:.4f} = entropy {entropy:.4f} + divergence {extra:.4f}")
print("the truth against the cat:", information.cross_entropy(blurred, cat))

# %% [markdown]
# Two outcomes show it in a plane. The truth says $p = 0.7$ for the first; the model says $q$.

# %%
two = np.stack([q[:-1], 1 - q[:-1]], axis=-1, dtype=np.float32)
truths = np.array([[0.5, 0.5], [0.7, 0.3], [1.0, 0.0]], np.float32)
curves = np.asarray(information.cross_entropy(truths[:, None], two))
lowest = q[:-1][curves.argmin(axis=1)]
floors = np.asarray(information.entropy(truths))
fig, ax = plt.subplots(figsize=(6.2, 3.6))
for truth, values, floor, color in zip(truths, curves, floors, plot.PALETTE, strict=False):
    plot.curve(q[:-1], values, color=color, label=f"truth {truth[0]:g}", ax=ax)
    ax.plot(truth[0], floor, "o", color=color)
ax.set(
    xlabel="q, what the model says", ylabel="cross entropy", ylim=(0, 3), title="lowest at q = p; there, the entropy"
)
ax.legend()
plt.show()

# %% [markdown]
# ## Many examples
#
# The mean of $-\log q(x_i)$ over data is the cross entropy of the shares found in the data and the model: lowering it
# is raising the likelihood. If the model is nothing but four logits, $q = \operatorname{softmax}(z)$, the gradient in
# $z$ is $q - p$. It is zero where $q$ equals the shares.

# %%
labels = np.repeat(np.arange(3), [700, 200, 100])
logits = np.log(models[0])
mean_loss = float(losses.softmax_cross_entropy(np.broadcast_to(logits, (1000, 4)), labels).mean())
gradient = jax.grad(lambda z: information.cross_entropy(blurred, jax.nn.softmax(z)))(logits)
print(f"mean loss over the thousand answers {mean_loss:.4f}, cross entropy {crossed[0]:.4f}")
print("gradient:", np.round(gradient, 4), " q - p:", (models[0] - blurred).round(4))

# %% [markdown]
# ## The same in NumPy and SciPy

# %%
p, r = blurred.astype(float), rows.astype(float)
numpy_crossed = -(p[:3] * np.log(r[:, :3])).sum(axis=1)
gaps = {
    "the cat, NumPy": np.abs(of_cat + np.log(r[:2, 0])).max(),
    "loss of the cat": abs(of_cat[0] - float(losses.cross_entropy(models[0], 0))),
    "blurred, NumPy": np.abs(crossed - numpy_crossed).max(),
    "divergence, SciPy": np.abs(divergences - special.rel_entr(p, r).sum(axis=1)).max(),
    "entropy, SciPy": abs(entropy - stats.entropy(p)),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(of_cat, [0.223, 1.386], atol=5e-4)
assert information.cross_entropy(cat, cat) == 0
assert np.isclose(
    information.cross_entropy(cat, np.float32([0.8, 0.0, 0.0, 0.2])), of_cat[0]
)  # the rest does not count
assert np.isposinf(information.cross_entropy(blurred, cat))
assert np.allclose(crossed, entropy + divergences, atol=1e-5)
assert np.isclose(crossed[2], entropy, atol=1e-5)
assert (divergences[:2] > 0).all()
assert np.allclose(lowest, [0.5, 0.7, 0.995], atol=0.006)
assert np.allclose(curves.min(axis=1)[:2], floors[:2], atol=1e-3)
assert np.isclose(mean_loss, crossed[0], atol=1e-5)
assert np.allclose(gradient, models[0] - blurred, atol=1e-5)
assert max(gaps.values()) < 1e-5
print("all claims hold")
