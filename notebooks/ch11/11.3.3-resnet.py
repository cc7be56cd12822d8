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
# # 11.3.3 ResNet
#
# More layers can express more. A network of 56 layers could do all that one of 20 does: let 36 of them hand on what
# they get. **Why does it do worse then, even on the examples that it learns from, and what helps?**

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

from jaxmath import data, losses, models, optimize, plot, train

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The degradation
#
# To hand on what it gets is not easy for a layer: its weights would have to be the identity, and they begin at random.
# He, Zhang, Ren and Sun let a block of two layers compute only what is to be *added*:
#
# $$ h \leftarrow \operatorname{relu}(s\, h + f(h)), \qquad f(h) = N(W_2 \operatorname{relu}(N(W_1 h))), $$
#
# with s = 1, where a plain network has s = 0. N brings each number to mean 0 and deviation 1 over the batch. Four
# networks learn the digits side by side, plain and residual ones of 8 and of 38 layers: 3 or 18 blocks of width 32,
# fully connected, which takes seconds, and a layer before and after. They begin with the same weights and see the same
# batches. One program trains all four, and since a block is a step of `lax.scan`, it is compiled once.

# %%
learnt, test = data.load("digits", "train"), data.load("digits", "test")
pixels, labels = jnp.asarray(learnt.images.reshape(-1, 64)) / 255, jnp.asarray(learnt.labels)
width, most = 32, 18
batch_size, num_epochs = 256, 40
sizes = {"first": (64, width), "blocks": (most, 2, width, width), "last": (width, 10)}
keys = jax.random.split(jax.random.key(0), 4)
start = {
    name: jax.random.normal(key, size) * (2 / size[-2]) ** 0.5
    for key, (name, size) in zip(keys, sizes.items(), strict=False)
}


def normed(h):
    return (h - h.mean(axis=0)) * jax.lax.rsqrt(h.var(axis=0) + 1e-3)


def block(h, weights, s):
    return jax.nn.relu(s * h + normed(jax.nn.relu(normed(h @ weights[0])) @ weights[1]))


def network(params, x, s, depth):
    blocks = (params["blocks"], jnp.arange(most) < depth)
    h = normed(x @ params["first"])
    h, _ = jax.lax.scan(lambda h, b: (jnp.where(b[1], block(h, b[0], s), h), None), h, blocks)
    return h @ params["last"]


def loss(params, x, y, s, depth):
    return losses.softmax_cross_entropy(network(params, x, s, depth), y).mean()


@jax.jit
@jax.vmap
def descent(s, depth):
    num_steps = num_epochs * (len(labels) // batch_size)
    adam = optax.adam(train.schedule("cosine", 1e-2, num_steps, warmup_steps=num_steps // 10))
    options = {"optimizer": adam, "batch_size": batch_size, "num_epochs": num_epochs}
    return optimize.sgd(keys[3], lambda p, x, y: loss(p, x, y, s, depth), start, (pixels, labels), **options)


kinds = [(s, depth) for s in (0, 1) for depth in (3, 18)]
trained = descent(*map(jnp.array, zip(*kinds, strict=True)))
by_epoch = np.asarray(trained.losses).reshape(2, 2, num_epochs, -1).mean(axis=-1)
fig, panels = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
for ax, curves, title in zip(panels, by_epoch, ("plain", "residual"), strict=True):
    for curve, depth in zip(curves, (8, 38), strict=True):
        ax.plot(range(1, num_epochs + 1), curve, label=f"{depth} layers")
    ax.set(title=title, xlabel="epoch", yscale="log")
panels[0].set_ylabel("cross entropy in training")
panels[0].legend()
plt.show()
for name, curves in zip(("plain", "residual"), by_epoch, strict=True):
    print(f"{name:9}", ", ".join(f"{n} layers {loss:.4f}" for n, loss in zip((8, 38), curves[:, -1], strict=True)))

# %% [markdown]
# The deeper the plain network, the worse it learns: this is not overfitting, the loss is that of the examples it learns
# from. The one of 38 layers hardly gets beyond guessing, $\ln 10 = 2.30$. Of the residual ones the deeper begins more
# slowly, and in the end has no larger loss than the other: the 30 layers more do no harm.
#
# Why? In a plain network each block mixes what it gets at random and sets half of it to 0, and the derivative comes
# back through the same mixing. What distinguished one digit from another is lost on the way, and with it what the first
# layers would have to learn. A sum hands both on unchanged, beside what goes through f.

# %% [markdown]
# ## Blocks, stages, ResNet-34
#
# In the networks for images f is two convolutions of 3 x 3, each with batch norm (a *basic block*), or 1 x 1, 3 x 3 and
# 1 x 1 with a quarter of the channels in the middle (a *bottleneck*, from 50 layers on). Blocks stand in four stages.
# Each stage but the first halves the image and doubles the channels; there a convolution of 1 x 1 fits h to the sum.
# ResNet-34 has 3, 4, 6 and 3 basic blocks: with two layers each, one before and one after them, 34.

# %%
table = models.summary(lambda: models.ResNet(34, rngs=nnx.Rngs(0)), (1, 224, 224, 3))
blocks = [layer for layer in table.layers if layer.kind == "ResidualBlock"]
for layer in blocks:
    print(f"{layer.name:12}{' x '.join(map(str, layer.output_shape[1:])):14}{layer.num_parameters:10,}")
counts = {
    depth: models.count_parameters(nnx.eval_shape(lambda depth=depth: models.ResNet(depth, rngs=nnx.Rngs(0))))
    for depth in (18, 34, 50, 101, 152)
}
print(counts)

# %% [markdown]
# ## What the stages see
#
# The small networks of the paper have three stages of 16, 32 and 64 channels; ResNet-20 has three blocks in each.
# `scripts/train_resnet.py` trains it on the digits in a minute. Here it is as it begins, with random weights: a digit
# of 8 x 8 pixels becomes 4 x 4, then 2 x 2. By NumPy, what leaves the first block is what came in plus what its
# convolutions say.

# %%
model = models.ResNet(20, 10, channels=1, rngs=nnx.Rngs(0))
model.eval()
maps = jax.jit(lambda x: models.features(model, x))(jnp.asarray(test.images[:1]) / 255)
maps = {name: np.asarray(output) for name, output in maps.items()}
shown = [maps[f"stages.{i}.2"][0, ..., k] for i in range(3) for k in range(8)]
plot.pictures([test.images[0, ..., 0] / 255, *(m / max(m.max(), 1e-6) for m in shown)], columns=13, titles=["digit"])
plt.show()
summed = np.maximum(np.maximum(maps["stem"], 0) + maps["stages.0.0.convolutions.1"], 0)
worst = np.abs(summed - maps["stages.0.0"]).max()
print(f"largest difference from NumPy: {worst:.1e}")

# %% [markdown]
# And what the plain and the residual network of 38 layers say to digits that they have not seen:

# %%
answers = [
    np.asarray(
        network(jax.tree.map(lambda a, i=i: a[i], trained.params), test.images.reshape(-1, 64) / 255, s, 18)
    ).argmax(axis=1)
    for i, s in ((1, 0), (3, 1))
]
accuracy = [float(np.mean(found == test.labels)) for found in answers]
titles = [f"{deep} or {sum_}, is {label}" for deep, sum_, label in zip(*answers, test.labels, strict=True)][:12]
plot.pictures(list(test.images[:12, ..., 0] / 255), titles=titles, columns=6)
plt.show()
print(f"plain {accuracy[0]:.3f} right, residual {accuracy[1]:.3f}")

# %%
assert table.num_parameters == counts[34] == 21_797_672
assert len(blocks) == 3 + 4 + 6 + 3
plain, residual = by_epoch[:, :, -1]
assert plain[1] > 1 > 0.1 > plain[0]
assert residual.max() < 0.03
assert residual[1] < 1.5 * residual[0]
assert worst < 1e-4
assert accuracy[1] > 0.85 > 0.6 > accuracy[0]
