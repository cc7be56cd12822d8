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
# # 6.4.2 The Kullback-Leibler divergence
#
# Errors are normal with the standard deviation 5. A model says 10, another one says 20. **How far is each model from
# the truth, is it as far from 10 to 5 as from 5 to 10, and what if the truth is not normal at all?**

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

from jaxmath import information, plot
from jaxmath.distributions import Normal, Uniform

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The extra surprise
#
# The cross entropy of a truth $p$ and a model $q$ is at least the entropy of $p$. What it is more is the divergence,
#
# $$D(p \,\|\, q) = \int p(x) \log \frac{p(x)}{q(x)}\, dx ,$$
#
# the amount by which a draw from $p$ surprises the model more than it would surprise someone who knows $p$. Since
# $\log t \le t - 1$, it is never negative: $-D = \int p \log \frac q p \le \int p\, (\frac q p - 1) = 1 - 1 = 0$, and 0
# only for $q = p$.
#
# For two normal distributions of the same mean, with $r = \sigma_p / \sigma_q$,
#
# $$D = \log \frac{\sigma_q}{\sigma_p} + E_p\!\left[ \frac{x^2}{2 \sigma_q^2} - \frac{x^2}{2 \sigma_p^2} \right]
# = -\log r + \frac{r^2 - 1}{2} .$$

# %%
scales = np.array([5.0, 10.0, 20.0])
five, ten, twenty = (Normal(0.0, scale) for scale in scales)
table = np.asarray(information.kl_divergence(Normal(0.0, scales[:, None]), Normal(0.0, scales)))
print(f"D(5, 10) = {table[0, 1]:.5f}, D(10, 5) = {table[1, 0]:.5f}, D(5, 20) = {table[0, 2]:.5f}")

# %%
x = np.linspace(-60, 60, 1201)
p, q, wide = (np.asarray(d.prob(x)) for d in (five, ten, twenty))
log_ratio = np.asarray(five.log_prob(x)) - np.asarray(ten.log_prob(x))
fig, (left, right) = plt.subplots(1, 2, figsize=(9.8, 3.6))
for density, scale, color in zip((p, q, wide), scales, plot.PALETTE, strict=False):
    plot.curve(x, density, color=color, label=f"deviation {scale:g}", ax=left)
left.set(xlabel="x", ylabel="density", xlim=(-50, 50))
left.legend(fontsize=9)
plot.curve(x, p * log_ratio, label=f"D(5, 10): area {table[0, 1]:.3f}", ax=right)
plot.curve(x, -q * log_ratio, color=plot.PALETTE[1], label=f"D(10, 5): area {table[1, 0]:.3f}", ax=right)
right.axhline(0, color="#808080", linewidth=1)
right.set(xlabel="x", xlim=(-50, 50), ylim=(-0.035, 0.085), title="the integrands")
right.legend(fontsize=9)
plt.show()

# %% [markdown]
# ## It is not symmetric
#
# If the model is too wide (truth 5, model 10), draws fall where the model expects them too, only less often: an extra
# surprise of 0.32. If it is too narrow (truth 10, model 5), draws fall where the model expects nearly nothing, and they
# count much: 0.81. The first integrand is positive in the middle, where $p > q$, the second one in the tails.
#
# For very different widths the two grow quite differently: $D$ of a truth that is much narrower than the model grows as
# $\log (\sigma_q / \sigma_p)$, that of a much wider one as $\frac12 (\sigma_p / \sigma_q)^2$.

# %%
ratios = np.geomspace(0.1, 10, 201)
by_ratio = np.asarray(information.kl_divergence(Normal(0.0, 1.0), Normal(0.0, ratios)))
fig, (left, right) = plt.subplots(1, 2, figsize=(9.8, 3.4), width_ratios=(1, 1.6))
plot.matrix(table, title="rows: truth, columns: model", number_format=".3f", ax=left)
left.set_axis_on()
left.set(xticks=range(3), yticks=range(3), xticklabels=["5", "10", "20"], yticklabels=["5", "10", "20"])
left.grid(visible=False)
plot.curve(ratios, by_ratio, label=None, ax=right)
right.set(
    xscale="log", yscale="log", ylim=(1e-3, 100), xlabel="deviation of the model / deviation of the truth", ylabel="D"
)
plt.show()

# %% [markdown]
# ## By draws
#
# The divergence is an expectation under $p$, so the mean of $\log p(x_i) - \log q(x_i)$ over draws from $p$ estimates
# it, for any two densities that can be computed. `kl_monte_carlo` also gives its standard error. Five hundred estimates
# from a thousand draws each should scatter around the formula, with the standard error as their standard deviation.

# %%
keys = jax.random.split(jax.random.key(0), 500)
estimates = jax.vmap(lambda key: information.kl_monte_carlo(key, five, ten, 1000))(keys)
values, errors = np.asarray(estimates.value), np.asarray(estimates.standard_error)
print(f"first estimate {values[0]:.4f} +- {errors[0]:.4f}")
print(f"all estimates: mean {values.mean():.4f}, deviation {values.std():.4f}; mean standard error {errors.mean():.4f}")

# %%
fig, ax = plt.subplots(figsize=(6, 3.2))
ax.hist(values, bins=30, density=True, color="#c8d4e0", label="500 estimates")
around = np.linspace(0.25, 0.39, 141)
plot.curve(around, stats.norm(table[0, 1], errors.mean()).pdf(around), label="normal, standard error", ax=ax)
ax.axvline(table[0, 1], color=plot.PALETTE[1], label="formula")
ax.set(xlabel="estimate of D(5, 10)", ylabel="density", ylim=(0, 36))
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# ## A uniform truth
#
# Let the truth be uniform from -10 to 10 and the model normal. Then $D = -\log 20 - E[\log q(x)]$, and with
# $E[x^2] = 10^2 / 3$
#
# $$D = \log \frac{\sqrt{2 \pi}\, \sigma}{20} + \frac{10^2 / 3}{2 \sigma^2} ,$$
#
# which is smallest where the derivative $\frac 1 \sigma - \frac{10^2 / 3}{\sigma^3}$ is 0: for the model with the same
# variance, $\sigma = 10 / \sqrt 3 = 5.77$. The other way round the divergence is infinite, for however small $\sigma$
# is: some draws from the normal distribution lie beyond 10, where the uniform one says they cannot.

# %%
flat = Uniform(-10.0, 10.0)
deviations = np.linspace(3, 20, 341)
of_flat = np.asarray(information.kl_divergence(flat, Normal(0.0, deviations)))
best = deviations[of_flat.argmin()]
reverse = information.kl_divergence(five, flat)
drawn = information.kl_monte_carlo(jax.random.key(1), flat, five, 100_000)
exact = float(information.kl_divergence(flat, five))
print(f"D(uniform, N(0, 5)) = {exact:.4f}, by draws {drawn.value:.4f} +- {drawn.standard_error:.4f}")
print(f"smallest at {best:.2f}: {of_flat.min():.4f}; D(N(0, 5), uniform) = {reverse}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.8, 3.5))
plot.curve(x, np.asarray(flat.prob(x)), label="uniform", ax=left)
for deviation, color in zip((3.0, 10 / 3**0.5, 12.0), plot.PALETTE[1:], strict=False):
    plot.curve(x, np.asarray(Normal(0.0, deviation).prob(x)), color=color, label=f"normal, {deviation:.2f}", ax=left)
left.set(xlabel="x", ylabel="density", xlim=(-32, 32), ylim=(0, 0.155))
left.legend(fontsize=9)
plot.curve(deviations, of_flat, label=None, ax=right)
right.plot(best, of_flat.min(), "o", color=plot.PALETTE[2])
right.set(xlabel="deviation of the model", ylabel="D(uniform, normal)", ylim=(0, 1.6))
plt.show()

# %% [markdown]
# To lower $D(p \,\|\, q)$ over models is to raise the expected log-likelihood: maximum likelihood. For normal models it
# picks the mean and the variance of the truth, whatever the truth is.
#
# ## The same by integration
#
# NumPy and SciPy, from the definition.

# %%
pdf_5, pdf_10, pdf_20 = (stats.norm(0, scale).logpdf for scale in (5, 10, 20))
pairs = {(0, 1): (pdf_5, pdf_10), (1, 0): (pdf_10, pdf_5), (0, 2): (pdf_5, pdf_20)}
wider = np.linspace(-150, 150, 30_001)
integrals = [integrate.trapezoid(np.exp(a(wider)) * (a(wider) - b(wider)), wider) for a, b in pairs.values()]
inside = np.linspace(-10, 10, 20_001)
flat_integral = integrate.trapezoid((-np.log(20) - pdf_5(inside)) / 20, inside)
gaps = [abs(table[pair] - value) for pair, value in zip(pairs, integrals, strict=True)]
print("integrals:", np.round(integrals, 5), f" uniform {flat_integral:.5f}; largest difference {max(gaps):.1e}")

# %% [markdown]
# ## What was claimed

# %%
assert np.isclose(table[0, 1], 0.31815, atol=1e-5)
assert np.isclose(table[1, 0], 0.80685, atol=1e-5)
assert np.isclose(table[0, 2], 0.91754, atol=2e-5)
assert np.allclose(np.diag(table), 0)
assert (table >= 0).all()
assert max(gaps) < 1e-5
assert np.isclose(exact, flat_integral, atol=1e-5)
assert np.allclose(by_ratio, np.log(ratios) + (1 / ratios**2 - 1) / 2, atol=1e-4)
assert abs(values.mean() - table[0, 1]) < 4 * values.std() / np.sqrt(500)
assert np.isclose(values.std(), errors.mean(), rtol=0.15)
assert abs(drawn.value - exact) < 4 * drawn.standard_error
assert np.isclose(best, 10 / np.sqrt(3), atol=0.05)
assert np.isposinf(reverse)
assert ((p > q) == (p * log_ratio > 0)).all()  # positive in the middle
print("all claims hold")
