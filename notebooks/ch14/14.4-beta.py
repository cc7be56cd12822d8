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
# # 14.4 What beta does
#
# The bound of a variational autoencoder has two terms that want the opposite: codes that tell images apart, and codes
# that all look like the prior. **What if one of them counts more?**

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
import optax
from flax import nnx

from jaxmath import data, models, plot, train

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Four at once
#
# Higgins and others put a weight before the KL divergence,
#
# $$ E_q \log p(x \mid z) - \beta\, D\bigl(q(z \mid x)\, \|\, p(z)\bigr), $$
#
# $\beta = 1$ is the bound. Four models, with $\beta$ of 0.1, 1, 4 and 10, are trained by one program: a step of
# training is a function, and `jax.vmap` makes one of many states of it. $\beta$ is part of the batch, one number for
# each model.

# %%
betas, latent_size, epochs, batch_size = jnp.array([0.1, 1.0, 4.0, 10.0]), 6, 60, 128
digits, test = data.load("digits", "train"), data.load("digits", "test")
learnt, seen = (jax.image.resize(each.images / 255, (len(each.images), 16, 16, 1), "linear") for each in (digits, test))


def loss(model, batch):
    images, beta, key = batch
    bound = models.elbo(model, images, key, beta=beta)
    return -bound.value.mean(), {"reconstruction": -bound.reconstruction.mean(), "kl": bound.kl.mean()}


adam = optax.adam(3e-3)


@jax.jit
@jax.vmap
def begun(key):
    return train.create(models.VAE((16, 16, 1), latent_size, hidden=(128,), rngs=nnx.Rngs(key)), adam, loss=loss)


def one_step(state, key, beta):
    rows = jax.random.randint(key, (batch_size,), 0, len(learnt))
    return train.step(state, (learnt[rows], beta, jax.random.fold_in(key, 1)))


keys = jax.random.split(jax.random.key(1), epochs * len(learnt) // batch_size)
steps = jax.vmap(lambda state, beta: jax.lax.scan(lambda s, key: one_step(s, key, beta), state, keys))
states, metrics = train.compile(steps)(begun(jax.random.split(jax.random.key(0), 4)), betas)
print({name: values.shape for name, values in metrics.items()})


# %%
@jax.jit
@jax.vmap
def judged(state):
    model, keys = state.model, jax.random.split(jax.random.key(2))
    bound = models.elbo(model, seen, keys[0], num_samples=5)
    images = model(seen[:10]), models.sample_images(model, keys[1], 10)
    return -bound.reconstruction.mean(), bound.kl.mean(), models.active_units(model, seen).sum(), *images


distortion, rate, active, again, drawn = map(np.asarray, judged(states))
for line in zip(betas, distortion, rate, distortion + rate, active, strict=True):
    print("beta {:4.1f}: -reconstruction {:.2f}, KL divergence {:5.2f}, sum {:.2f}, active variables {}".format(*line))

# %% [markdown]
# The KL divergence is what the code of an image costs, in nats: its *rate*. What is missing in the image is the
# *distortion*. $\beta$ chooses between them. Their sum, minus the bound of the log-likelihood, is smallest at
# $\beta = 1$.

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
left.plot(rate, distortion, "o-")
for beta, x, y in zip(betas, rate, distortion, strict=True):
    left.annotate(f"  $\\beta$ = {beta:g}", (x, y))
left.set(xlabel="rate: KL divergence", ylabel="distortion: - reconstruction", title="test digits, nats an image")
for beta, values in zip(betas, np.asarray(metrics["kl"]), strict=True):
    right.plot(np.convolve(values, np.ones(20) / 20, "valid"), label=f"$\\beta$ = {beta:g}")
right.set(xlabel="step", title="KL divergence in training")
right.legend()
plt.show()

# %% [markdown]
# Reconstructions of test digits (the first row), then for each $\beta$ from 0.1 to 10:

# %%
plot.pictures(list(np.concatenate([np.asarray(seen[:10]), *again])[..., 0]), columns=10)
plt.show()

# %% [markdown]
# Images of codes that are drawn from the prior, likewise. With a small $\beta$ the codes of digits fill little of the
# prior, and what lies between them is nothing that one could read; with a large one few codes are left, or none:
# the latent variables have *collapsed*, and all images are the mean of all.

# %%
plot.pictures(list(np.concatenate(drawn)[..., 0]), columns=10)
plt.show()

# %%
assert np.all(np.diff(rate) < 1e-3)
assert np.all(np.diff(distortion) > -1e-3)
assert np.argmin(distortion + rate) == 1
assert active[0] > active[-1]
assert rate[-1] < 0.5 * rate[1]
