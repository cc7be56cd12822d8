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
# # 14.4 Variational autoencoders
#
# An autoencoder can write a digit down in two numbers. To *draw* a digit that nobody has written, one would take two
# numbers and decode them. **But which numbers? And why do most of them give no digit at all?**

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
import tempfile

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from flax import nnx
from scipy.stats import norm

from jaxmath import data, models, plot, train

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## A model of how images come about
#
# First a code is drawn, $z \sim N(0, 1)$, then the pixels, each by itself, given the output of the decoder.
# With that we know where to draw, and training is maximum likelihood: the decoder should make the images that there
# are probable,
#
# $$ p(x) = \int p(x \mid z)\, p(z)\, dz . $$
#
# The integral has no closed form, but it can be bounded, with any distribution $q$ of codes, since the logarithm is
# concave:
#
# $$ \log p(x) \;\ge\; \underbrace{E_q \log p(x \mid z)}_{\text{reconstruction}} - D\bigl(q(z)\, \|\, p(z)\bigr),
# \qquad \log p(x) - \text{bound} = D\bigl(q(z) \,\|\, p(z \mid x)\bigr). $$
#
# The best $q$ is that of the codes which the image may have come from. The encoder gives it: a mean $\mu(x)$ and a
# variance $\sigma^2(x)$. Then the KL divergence is a formula, and the expectation is a mean over codes that are drawn,
# $z = \mu + \sigma \epsilon$ with $\epsilon \sim N(0, 1)$: written in this way, $z$ has a derivative by $\mu$ and by
# $\sigma$.

# %%
digits, test = data.load("digits", "train"), data.load("digits", "test")
enlarge = jax.jit(lambda x: jax.image.resize(x / 255, (len(x), 32, 32, 1), "linear"))
learnt, seen = enlarge(digits.images), enlarge(test.images)
examples, held_out = (learnt[:-150],), (learnt[-150:],)
vae = models.VAE((32, 32, 1), 2, rngs=nnx.Rngs(0))
bound = models.elbo(vae, seen[:5], jax.random.key(1))
print("bound", bound.value, "= reconstruction", bound.reconstruction, "- KL divergence", bound.kl)

# %% [markdown]
# The KL divergence of a normal distribution from $N(0, 1)$, for each latent variable:
#
# $$ D = \tfrac12 \left( \mu^2 + \sigma^2 - 1 - \log \sigma^2 \right). $$
#
# In NumPy, by the formula and as the integral $\int q \log \frac{q}{p}$ on a fine grid:

# %%
mean, log_variance = (np.asarray(part, np.float64) for part in vae.encode(seen[:5]))
by_formula = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
z = np.linspace(-12, 12, 20_001)
log_q = -0.5 * ((z[:, None, None] - mean) ** 2 / np.exp(log_variance) + log_variance)
ratio = log_q + 0.5 * z[:, None, None] ** 2
by_integral = np.trapezoid(np.exp(log_q) / np.sqrt(2 * np.pi) * ratio, z, axis=0).sum(axis=1)
print("formula", by_formula, "integral", by_integral)

# %% [markdown]
# ## Training
#
# Every step draws new codes, so every batch gets a key. The held out digits get the same key each time, and the epoch
# that does best on them is kept.


# %%
def loss(model, batch):
    images, *keys = batch
    bound = models.elbo(model, images, keys[0] if keys else jax.random.key(0))
    return -bound.value.mean(), {"reconstruction": -bound.reconstruction.mean(), "kl": bound.kl.mean()}


state = train.create(vae, optax.adam(1e-3), loss=loss, augment_batch=lambda key, batch: (*batch, key))
options = {"batch_size": 64, "num_epochs": 12, "validation": held_out, "progress": False}
with tempfile.TemporaryDirectory() as folder, train.Checkpoints(folder) as checkpoints:
    _, history = train.fit(state, examples, checkpoints=checkpoints, **options)
    model = checkpoints.restore(state, best=True).state.model
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
for ax, name in ((left, "reconstruction"), (right, "kl")):
    for kind in ("", "validation_"):
        label = "held out" if kind else "in training"
        ax.plot([row["epoch"] for row in history], [row[kind + name] for row in history], label=label)
    ax.set(xlabel="epoch", title={"reconstruction": "- reconstruction, nats an image", "kl": "KL divergence"}[name])
left.legend()
plt.show()
print({name: round(value, 2) for name, value in history[-1].items() if name.startswith("validation")})

# %% [markdown]
# At first the codes say nothing about the image: the KL divergence is near 0. Then they move apart, and pay for it.
#
# ## Reconstructions
#
# Digits of the test set, what comes back from the means of their codes, and from two codes that are drawn:

# %%
mean, log_variance = model.encode(seen[:10])
noise = jax.random.normal(jax.random.key(2), (2, *mean.shape))
drawn = [model.means(mean + jnp.exp(log_variance / 2) * each) for each in noise]
rows = [seen[:10], model(seen[:10]), *drawn]
plot.pictures(list(np.concatenate([np.asarray(row)[..., 0] for row in rows])), columns=10)
plt.show()

# %% [markdown]
# ## The space of codes
#
# Means of the codes of the test digits, by class, and the circle that holds 95 % of the prior. All that the prior
# draws lies among the codes of digits.

# %%
codes = np.asarray(model.encode(seen)[0])
deviations = np.exp(np.asarray(model.encode(seen)[1]) / 2)
radius = np.sqrt(-2 * np.log(0.05))
fig, ax = plt.subplots(figsize=(6, 5.4))
for k in range(10):
    ax.scatter(*codes[test.labels == k].T, s=10, color=plt.get_cmap("tab10")(k), label=str(k))
ax.add_patch(plt.Circle((0, 0), radius, fill=False, linestyle="--"))
ax.set(xlabel="$z_0$", ylabel="$z_1$", aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
ax.legend(markerscale=2, fontsize=8, loc="upper left")
plt.show()
print(f"mean standard deviation of a code {deviations.mean():.2f}; of the means {codes.std(axis=0)}")

# %% [markdown]
# ## Digits that nobody has written
#
# Codes drawn from the prior, and codes all over the plane, equally spaced in probability:

# %%
samples = np.asarray(models.sample_images(model, jax.random.key(3), 20))
plot.pictures(list(samples[..., 0]), columns=10)
plt.show()
grid = np.asarray(models.latent_grid(model, 12))[..., 0]
whole = np.concatenate(np.concatenate(grid.swapaxes(0, 1)[::-1], axis=1), axis=1)
plot.pictures([whole], width=6)
plt.show()

# %% [markdown]
# ## How tight is the bound?
#
# With $k$ codes for each image a bound is
#
# $$ \log p(x) \;\ge\; E \log \frac1k \sum_{i=1}^k \frac{p(x \mid z_i)\, p(z_i)}{q(z_i \mid x)}, $$
#
# and it tends to $\log p(x)$. With two latent variables the integral can be computed on a grid.

# %%
few = seen[:40]
ks = (1, 5, 50, 500)
bounds = [
    float(jax.jit(models.importance_bound, static_argnums=3)(model, few, jax.random.key(4), k).mean()) for k in ks
]
side = jnp.linspace(-5, 5, 101)
plane = jnp.stack(jnp.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)


@jax.jit
def log_joint(z):
    logits = model.decode(z[None])[0]
    density = jnp.tensordot(few, logits, 3, precision="highest") - jax.nn.softplus(logits).sum()
    return density - 0.5 * (z**2).sum() - jnp.log(2 * jnp.pi)


on_grid = jax.lax.map(log_joint, plane, batch_size=100)
exact = float((jax.nn.logsumexp(on_grid, axis=0) + 2 * jnp.log(side[1] - side[0])).mean())
elbo = float(jax.vmap(lambda key: models.elbo(model, few, key).value)(jax.random.split(jax.random.key(5), 50)).mean())
print(
    f"elbo {elbo:.2f};", ", ".join(f"k = {k}: {b:.2f}" for k, b in zip(ks, bounds, strict=True)), f"; exact {exact:.2f}"
)

# %%
divergences = np.array([row["kl"] for row in history])
assert np.allclose(bound.kl, by_formula, rtol=1e-3)
assert np.allclose(by_integral, by_formula, atol=1e-6)
assert divergences[-1] > 3 > divergences[0]
assert history[-1]["validation_loss"] < history[0]["validation_loss"] - 20
assert elbo < bounds[-1] + 0.1
assert bounds[0] < bounds[1] < bounds[2] < bounds[3] + 0.5
assert abs(bounds[3] - exact) < 2
assert deviations.mean() < 0.6
assert np.all((samples > 0) & (samples < 1))
place = norm.ppf(0.025 + 0.95 * np.array([6, 2]) / 11)
assert np.allclose(grid[6, 2], model.means(jnp.array([place], jnp.float32))[0, ..., 0], atol=1e-4)
