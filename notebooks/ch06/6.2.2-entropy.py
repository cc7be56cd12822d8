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
# # 6.2.2 Entropy
#
# A narrow and a wide normal distribution: a draw from the wide one is less certain beforehand. **How can uncertainty be
# measured by a number, what is it for a normal distribution, and can it be negative?**

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

from jaxmath import information, plot
from jaxmath.distributions import Laplace, Normal, Uniform

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Of a few outcomes
#
# An outcome of probability $p$ surprises by $\log \frac 1 p$: nothing if it was certain, and for two independent
# outcomes the sum. The entropy is the surprise to be expected,
#
# $$H(p) = -\sum_j p_j \log p_j ,$$
#
# with $0 \log 0 = 0$. It is 0 if one outcome is certain and largest, $\log n$, if all $n$ are equally likely. To base 2
# it is the number of yes-or-no questions that are needed on average: for $\frac12, \frac14, \frac18, \frac18$ one asks
# for the first outcome, then for the second, then for the third, and needs 1, 2, 3 or 3 questions, 1.75 on average.

# %%
tables = jnp.array([[1.0, 0, 0, 0], [0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]])
bits = np.asarray(information.entropy(tables, base=2))
fig, panels = plt.subplots(1, 3, figsize=(9.6, 2.6), sharey=True)
for ax, table, value in zip(panels, tables, bits, strict=True):
    ax.bar(np.arange(4), table, color=plot.PALETTE[0])
    ax.set(title=f"{value:.2f} bits", xticks=range(4), xlabel="outcome")
panels[0].set_ylabel("probability")
plt.show()

# %% [markdown]
# ## Of a normal distribution
#
# For a density the sum becomes an integral, $h = -\int p(x) \log p(x)\, dx$, the expectation of $-\log p(x)$. With
#
# $$-\log p(x) = \tfrac12 \log (2 \pi s^2) + \frac{(x - \mu)^2}{2 s^2}$$
#
# and $E[(x - \mu)^2] = s^2$ the last term is $\frac12 = \frac12 \log e$ on average, so that
#
# $$h = \tfrac12 \log (2 \pi e\, s^2) .$$
#
# The mean does not matter. Twice the width adds $\log 2$, one bit.

# %%
scales = np.array([0.1, 1.0, 2.0])
family = Normal(0.0, scales)
entropies = np.asarray(information.entropy(family))
by_formula = 0.5 * np.log(2 * np.pi * np.e * scales**2)
draws = family.sample(jax.random.key(0), (20_000,))
by_draws = -np.asarray(family.log_prob(draws)).mean(axis=0)
for row in zip(scales, entropies, by_formula, by_draws, strict=True):
    print("s = {:.1f}: entropy {:7.4f}, by the formula {:7.4f}, mean of -log p over draws {:7.4f}".format(*row))

# %%
x = np.linspace(-6, 6, 1201)
densities = np.asarray(family.prob(x[:, None]))
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.5))
for j, color in zip(range(3), plot.PALETTE, strict=False):
    label = f"s = {scales[j]:g}: h = {entropies[j]:.2f}"
    plot.curve(x, densities[:, j], color=color, label=label, ax=left)
left.set(xlabel="x", ylabel="p(x)", title="three widths")
left.legend(fontsize=9)
widths = np.geomspace(0.05, 5, 101)
plot.curve(widths, np.asarray(information.entropy(Normal(0.0, widths))), label=None, ax=right)
right.plot(scales, entropies, "o", color=plot.PALETTE[1])
right.axhline(0, color="#808080", linewidth=1)
right.axvline(0.242, color="#808080", linewidth=1, linestyle="--")
right.set(xscale="log", xlabel="standard deviation s", ylabel="nats", title="entropy; it is 0 at s = 0.242")
plt.show()

# %% [markdown]
# ## Why it can be negative
#
# A density may be larger than 1, and then $-\log p(x)$ is negative. For a normal distribution the entropy is 0 at
# $s = 1 / \sqrt{2 \pi e} = 0.242$ and negative below.
#
# The entropy of a density is not that of an outcome: a real number given with all its digits would surprise without
# limit. Read $x$ on a scale with marks at the distance $w$: the probability near a mark is about $w\, p(x)$, so the
# entropy of the reading is about $h - \log w$. It is never negative, and $h$ is what is left of it when the term of the
# scale is taken off.

# %%
marks = np.array([1.0, 0.5, 0.25, 0.125])
readings = [np.arange(-10, 10 + w, w) for w in marks]
cells = [np.diff(stats.norm(0, 1).cdf(np.append(r, r[-1] + w) - w / 2)) for r, w in zip(readings, marks, strict=True)]
padded = np.stack([np.pad(cell, (0, 200 - len(cell))) for cell in cells])
of_readings = np.asarray(information.entropy(jnp.asarray(padded)))
for row in zip(marks, of_readings, entropies[1] - np.log(marks), strict=True):
    print("marks every {:5.3f}: entropy of the reading {:.4f}, h - log w = {:.4f}".format(*row))

# %% [markdown]
# ## The normal distribution is the least certain one
#
# Among all densities of variance $s^2$ the normal one has the largest entropy. For let $q$ be it and $p$ any other: the
# expectation of $-\log q$ is the same under both, for it depends on the variance alone, and $-\log p$ has a smaller
# expectation under $p$ than any other $-\log q$ (section 6.4.2).

# %%
rivals = {"normal": Normal(0.0, 1.0), "Laplace": Laplace(0.0, 0.5**0.5), "uniform": Uniform(-(3**0.5), 3**0.5)}
same_variance = {name: float(information.entropy(rival)) for name, rival in rivals.items()}
fig, ax = plt.subplots(figsize=(6.2, 3.3))
for (name, rival), color in zip(rivals.items(), plot.PALETTE, strict=False):
    plot.curve(x, np.asarray(rival.prob(x)), color=color, label=f"{name}: h = {same_variance[name]:.3f}", ax=ax)
ax.set(xlabel="x", ylabel="p(x)", xlim=(-4, 4), title="three densities of variance 1")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# ## The same in SciPy and NumPy
#
# SciPy knows both entropies; NumPy has the sum, and an integral of $-p \log p$ over a fine grid.

# %%
integrand = -densities[:, 1:].astype(float) * np.log(densities[:, 1:].astype(float))
gaps = {
    "table, SciPy": np.abs(bits - stats.entropy(np.asarray(tables, float), axis=1, base=2)).max(),
    "normal, SciPy": np.abs(entropies - stats.norm(0, scales).entropy()).max(),
    "Laplace, SciPy": abs(same_variance["Laplace"] - stats.laplace(0, 0.5**0.5).entropy()),
    "normal, s = 1, integral": abs(entropies[1] - integrate.trapezoid(integrand[:, 0], x)),
}
print({name: f"{gap:.1e}" for name, gap in gaps.items()})

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(bits, [0, 1.75, 2], atol=1e-6)
assert np.allclose(entropies, by_formula, atol=1e-5)  # 0.5 log(2 pi e s^2)
assert np.allclose(by_draws, entropies, atol=5 * np.sqrt(0.5 / len(draws)))
assert np.isclose(entropies[2] - entropies[1], np.log(2), atol=1e-5)
assert np.isclose(information.entropy(Normal(7.0, 2.0)), entropies[2])  # the mean does not matter
assert entropies[0] < 0 < entropies[1]
assert abs(information.entropy(Normal(0.0, 0.242))) < 1e-3
assert np.allclose(of_readings, entropies[1] - np.log(marks), atol=0.05)
assert np.allclose(of_readings[1:], entropies[1] - np.log(marks[1:]), atol=0.011)
assert (of_readings > 0).all()
assert same_variance["normal"] > max(same_variance["Laplace"], same_variance["uniform"])
assert all(np.isclose(rival.variance, 1, atol=1e-5) for rival in rivals.values())
assert max(gaps.values()) < 1e-5
print("all claims hold")
