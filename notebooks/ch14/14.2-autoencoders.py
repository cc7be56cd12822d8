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
# # 14.2 Autoencoders
#
# A digit on 32 x 32 pixels is 1024 numbers. Whoever writes it down needs far fewer: which digit, how slanted, how bold.
# **How few numbers say what an image shows, and who finds them, when nobody tells what to look for?**

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
from sklearn.manifold import TSNE

from jaxmath import data, losses, models, pca, plot, train

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## An encoder and a decoder
#
# An encoder $e$ makes a code $z = e(x)$ of an image, a decoder $d$ an image of a code. Both are trained together, with
# no labels, to make little of the difference:
#
# $$ \min_{e, d} \sum_i L\bigl(d(e(x_i)),\, x_i\bigr). $$
#
# The code is narrow, so they cannot just hand on what they get. If both are affine and $L$ is the squared error, the
# best they can do is known: principal components (section 14.1). The code may be turned and stretched, but the plane
# is that of the first components. Here three numbers for the digits of 8 x 8 pixels, by L-BFGS.

# %%
digits, test = data.load("digits", "train"), data.load("digits", "test")
rows = jnp.asarray(digits.images.reshape(-1, 64)) / 255


def squares(model, batch):
    return ((model(batch[0]) - batch[0]) ** 2).sum(axis=(1, 2, 3)).mean(), {}


affine = models.AutoEncoder((8, 8, 1), 3, hidden=(), likelihood="gaussian", rngs=nnx.Rngs(0))
start = train.create(affine, optax.lbfgs(), loss=squares)
everything = (rows.reshape(-1, 8, 8, 1),)
descended, metrics = jax.jit(lambda s: jax.lax.scan(lambda s, _: train.step(s, everything), s, length=400))(start)
principal = pca.fit(rows, 3)
least = float(jnp.sum((rows - pca.inverse_transform(principal, pca.transform(principal, rows))) ** 2) / len(rows))
spanned = np.linalg.qr(np.asarray(descended.model.decoder.output.kernel[...], np.float64).T)[0]
cosines = np.linalg.svd(np.asarray(principal.components, np.float64) @ spanned, compute_uv=False)
angle = float(np.degrees(np.arccos(np.clip(cosines.min(), -1, 1))))
print(f"squared error {metrics['loss'][-1]:.4f}, of principal components {least:.4f}")
print(f"largest angle between the two subspaces: {angle:.2f} degrees")

# %% [markdown]
# ## Nonlinear layers
#
# Now $e$ and $d$ have hidden layers with ReLUs, of 1024 and 512 numbers, and the code has two. Or they are
# convolutions, each of which halves the image, and transposed convolutions, which double it: of 32, 128 and 256
# channels, as the second table says; those that are trained here have fewer and learn in seconds. Pixels lie between
# 0 and 1, so the decoder gives a logit for each, and $L$ is the cross entropy. The epoch that does best on digits that
# are held out is kept.

# %%
enlarge = jax.jit(lambda x: jax.image.resize(x / 255, (len(x), 32, 32, 1), "linear"))
learnt, seen = enlarge(digits.images), np.asarray(enlarge(test.images))
examples, held_out = (learnt[:-150],), (learnt[-150:],)


def cross_entropy(model, batch):
    logits = model.decode(model.encode(batch[0]))
    return losses.sigmoid_cross_entropy(logits, batch[0]).sum(axis=(1, 2, 3)).mean(), {}


options = {"batch_size": 64, "validation": held_out, "progress": False}


def trained(model, rate, num_epochs):
    state = train.create(model, optax.adam(rate), loss=cross_entropy)
    with tempfile.TemporaryDirectory() as folder, train.Checkpoints(folder) as checkpoints:
        _, history = train.fit(state, examples, num_epochs=num_epochs, checkpoints=checkpoints, **options)
        return checkpoints.restore(state, best=True).state.model, history


shape = (32, 32, 1)
kinds = {
    "linear, 2 numbers": (models.AutoEncoder(shape, 2, rngs=nnx.Rngs(0)), 1.5e-3, 7),
    "conv, 2 numbers": (models.AutoEncoder(shape, 2, backbone="conv", hidden=(12, 24, 48), rngs=nnx.Rngs(0)), 5e-3, 8),
    "linear, 10 numbers": (models.AutoEncoder(shape, 10, hidden=(256,), rngs=nnx.Rngs(0)), 2e-3, 10),
}
found = {name: trained(*kind) for name, kind in kinds.items()}
print(models.summary(found["linear, 2 numbers"][0], (1, *shape)))
print(models.summary(lambda: models.AutoEncoder(shape, 2, backbone="conv", rngs=nnx.Rngs(0)), (1, *shape)))

# %%
fig, ax = plt.subplots(figsize=(7, 3.4))
for name, (_, history) in found.items():
    ax.plot([row["epoch"] for row in history], [row["validation_loss"] for row in history], label=name)
ax.set(xlabel="epoch", ylabel="cross entropy of an image", title="digits that are held out")
ax.legend()
plt.show()
best = {name: min(row["validation_loss"] for row in history) for name, (_, history) in found.items()}
mean_image = jnp.clip(examples[0].mean(axis=0), 1e-3, 1 - 1e-3)
alone = float(losses.binary_cross_entropy(jnp.broadcast_to(mean_image, held_out[0].shape), held_out[0]).sum() / 150)
print({name: round(value, 1) for name, value in best.items()}, f"the mean image for all: {alone:.1f}")

# %% [markdown]
# Below the digits of the test set, and what comes back of each.

# %%
shown = [seen[:10, ..., 0], *(np.asarray(model(seen[:10]))[..., 0] for model, _ in found.values())]
plot.pictures(list(np.concatenate(shown)), columns=10)
plt.show()


# %% [markdown]
# ## The space of codes
#
# The codes of the test digits, coloured by what they are. Nobody has told the encoder that there are ten classes. Ten
# numbers cannot be drawn; t-SNE places them in a plane so that neighbours stay neighbours.


# %%
def codes(name):
    return np.asarray(found[name][0].encode(seen))


in_plane = {
    "linear, 2 numbers": codes("linear, 2 numbers"),
    "conv, 2 numbers": codes("conv, 2 numbers"),
    "linear, 10 numbers, by t-SNE": TSNE(max_iter=500, random_state=0).fit_transform(codes("linear, 10 numbers")),
}
fig, panels = plt.subplots(1, 3, figsize=(13, 4.2))
for ax, (name, points) in zip(panels, in_plane.items(), strict=True):
    for k in range(10):
        ax.scatter(*points[test.labels == k].T, s=8, color=plt.get_cmap("tab10")(k), label=str(k))
    ax.set(title=name)
panels[0].legend(markerscale=2, fontsize=8)
plt.show()


# %%
def neighbours(points):
    """The share of digits whose nearest neighbour is the same digit."""
    distances = ((points[:, None] - points) ** 2).sum(axis=2) + np.diag(np.full(len(points), np.inf))
    return float(np.mean(test.labels[distances.argmin(axis=1)] == test.labels))


alike = {name: neighbours(codes(name)) for name in found}
principal = pca.fit(learnt.reshape(-1, 1024), 2)
alike["two principal components"] = neighbours(np.asarray(pca.transform(principal, seen.reshape(-1, 1024))))
print({name: round(share, 3) for name, share in alike.items()})

# %% [markdown]
# Between the codes of two digits lie codes of neither: the decoder was never asked about them. Its output there is
# between the two, or nothing that one could read. A variational autoencoder (section 14.4) is asked everywhere.

# %%
pair = seen[test.labels == 3][0], seen[test.labels == 6][0]
way = models.interpolate(found["linear, 10 numbers"][0], *map(jnp.asarray, pair), 9)
plot.pictures(list(np.asarray(way)[..., 0]), columns=9)
plt.show()

# %%
assert angle < 2
assert least * (1 - 1e-5) < metrics["loss"][-1] < 1.01 * least
assert max(best.values()) < 0.92 * alone
assert best["linear, 10 numbers"] < best["linear, 2 numbers"]
assert alike["linear, 10 numbers"] > alike["two principal components"]
assert np.isclose(float(cross_entropy(found["conv, 2 numbers"][0], held_out)[0]), best["conv, 2 numbers"], rtol=1e-4)
