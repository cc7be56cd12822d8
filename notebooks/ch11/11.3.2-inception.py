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
# # 11.3.2 Inception
#
# What is the right window for a layer: 1 x 1, 3 x 3 or 5 x 5? A face may fill the image or a corner of it. **Why not
# all windows side by side, and what does that cost?**

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
from scipy import signal

from jaxmath import data, models, plot, train

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The naive module
#
# Convolutions of 1 x 1, 3 x 3 and 5 x 5 and a maximum over 3 x 3 look at the same image, and their results are put one
# behind the other, along the channels. With d channels that come in,
#
# $$ n = d\, (c_1 + 9 c_3 + 25 c_5) $$
#
# weights: at d = 256 and 64 channels for each window more than half a million, to which batch norm adds two for each
# channel. The maximum has as many channels as the image, so that more leave the module than enter it: nine modules, one
# behind the other, would be unaffordable.

# %%
table = models.summary(
    lambda: models.NaiveInceptionModule(256, c1=64, c3=64, c5=64, rngs=nnx.Rngs(0)), (1, 28, 28, 256)
)
print(table)
by_hand = 256 * (64 + 9 * 64 + 25 * 64) + 2 * 3 * 64
print(f"by hand: {by_hand:,}; {256 + 3 * 64} channels leave")

# %% [markdown]
# ## The reduced module
#
# A convolution of 1 x 1 mixes channels and leaves pixels alone: it *reduces* 256 channels to 96 before the window of
# 3 x 3, and to 16 before that of 5 x 5. After the maximum, one brings its channels to 32:
#
# $$ n = d\, (c_1 + r_3 + r_5 + p) + 9 r_3 c_3 + 25 r_5 c_5 . $$

# %%
sizes = {"c1": 64, "c3_reduce": 96, "c3": 128, "c5_reduce": 16, "c5": 32, "pool": 32}
reduced = models.summary(lambda: models.InceptionModule(256, **sizes, rngs=nnx.Rngs(0)), (1, 28, 28, 256))
print(reduced)
reduced_by_hand = 256 * (64 + 96 + 16 + 32) + 9 * 96 * 128 + 25 * 16 * 32 + 2 * (64 + 96 + 128 + 16 + 32 + 32)
print(f"by hand: {reduced_by_hand:,}; {64 + 128 + 32 + 32} channels leave")

# %%
parts = {
    "1 x 1": (256 * 64, 256 * 64),
    "3 x 3": (9 * 256 * 64, 256 * 96 + 9 * 96 * 128),
    "5 x 5": (25 * 256 * 64, 256 * 16 + 25 * 16 * 32),
}
parts["maximum"] = (0, 256 * 32)
fig, ax = plt.subplots(figsize=(6, 3))
for k, label in enumerate(("naive", "reduced")):
    ax.bar(np.arange(4) + 0.4 * k - 0.2, [count[k] / 1000 for count in parts.values()], 0.4, label=label)
ax.set(xticks=range(4), xticklabels=parts, ylabel="thousand weights")
ax.legend()
plt.show()

# %% [markdown]
# ## The same by NumPy
#
# In evaluation, batch norm is a factor and a shift for each channel. With few channels the whole naive module can be
# written down in loops of SciPy's correlations.

# %%
module = models.NaiveInceptionModule(2, c1=1, c3=2, c5=1, rngs=nnx.Rngs(0))
module.eval()
x = np.random.default_rng(0).normal(size=(7, 6, 2))


def correlated(layer):
    kernel = np.asarray(layer.conv.kernel[...], float).transpose(3, 2, 0, 1)
    sums = [sum(signal.correlate2d(x[..., i], k[i], "same") for i in range(2)) for k in kernel]
    return np.maximum(np.stack(sums, axis=-1) / np.sqrt(1 + 1e-3), 0)


around = np.pad(x, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
largest = np.max([around[i : i + 7, j : j + 6] for i in range(3) for j in range(3)], axis=0)
branches = [correlated(module.conv1), correlated(module.conv3), correlated(module.conv5), largest]
worst = np.abs(np.asarray(module(jnp.asarray(x, jnp.float32)[None])[0]) - np.concatenate(branches, axis=-1)).max()
print(f"largest difference from NumPy: {worst:.1e}")

# %% [markdown]
# ## GoogLeNet
#
# Nine reduced modules, with a maximum before the third and the eighth that halves the image, make GoogLeNet. Two
# auxiliary classifiers read it half way, so that the derivative reaches the early layers; in use they are left out.

# %%
net = nnx.eval_shape(lambda: models.GoogLeNet(rngs=nnx.Rngs(0)))
bare = models.summary(lambda: models.GoogLeNet(auxiliary=False, rngs=nnx.Rngs(0)), (1, 224, 224, 3))
layers = [layer for layer in bare.layers if layer.kind == "InceptionModule"]
for layer in layers:
    print(f"{layer.name:12}{' x '.join(map(str, layer.output_shape[1:])):16}{layer.num_parameters:10,}")
print(f"{bare.num_parameters:,} parameters, with auxiliary classifiers {models.count_parameters(net):,}")

# %% [markdown]
# ## One module learns digits
#
# A convolution, a module, the mean over the image and one fully connected layer. What does each window look at? One
# channel of each branch is drawn below the digits that it was given.


# %%
def halved(x):
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))


rngs = nnx.Rngs(0)
module = models.InceptionModule(16, c1=8, c3_reduce=8, c3=16, c5_reduce=4, c5=8, pool=8, rngs=rngs)
stem, last = models.Conv(1, 16, (3, 3), rngs=rngs), nnx.Linear(40 * 16, 10, rngs=rngs)
small = nnx.Sequential(stem, nnx.relu, module, halved, lambda x: x.reshape(len(x), -1), last)
learnt, test = data.load("digits", "train"), data.load("digits", "test")
state = train.create(small, optax.adam(train.schedule("cosine", 5e-3, 6 * 22)))
state, history = train.fit(state, learnt, batch_size=64, num_epochs=6, progress=False)
found = train.evaluate(state, test)
print(f"accuracy on the test set {found.accuracy:.3f}")

# %%
maps = np.asarray(models.features(state.model, jnp.asarray(test.images[:8]) / 255)["layers.2"])
branch_ends = {"1 x 1": 0, "3 x 3": 8, "5 x 5": 24, "maximum": 32}
strongest = [first + int(maps[..., first : first + 8].var(axis=(0, 1, 2)).argmax()) for first in branch_ends.values()]
rows = [test.images[:8, ..., 0] / 255, *(maps[..., k] / maps[..., k].max() for k in strongest)]
plot.pictures([image for row in rows for image in row], columns=8)
plt.show()
answers = found.logits.argmax(axis=1)
wrong = np.flatnonzero(answers != test.labels)
print(f"{len(wrong)} of {len(answers)} wrong; the rows: the digit,", ", ".join(branch_ends))

# %%
assert table.num_parameters == by_hand == 573_824
assert reduced.num_parameters == reduced_by_hand == 177_376
assert worst < 1e-5
assert len(layers) == 9
assert found.accuracy > 0.95
