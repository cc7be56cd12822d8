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
# # 11.2.1 LeNet
#
# A network of fully connected layers looks at a digit as a list of pixels: move the digit by one pixel, and the list is
# another. **What does a network look at that was built for pictures, and how does it learn to?**

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
import matplotlib.pyplot as plt
import numpy as np
import optax
from flax import nnx
from scipy import signal

from jaxmath import data, models, plot, train

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The digits
#
# LeNet was made to read digits of 32 x 32 pixels, or of 28 x 28 in a frame. The ones that come with the library have
# 8 x 8, so they are enlarged. Four fifths are there to learn from; of those every tenth is held out, to tell when it
# has learnt enough. The last fifth, the test, is not looked at before the end.

# %%
learnt, seen = data.load("digits", "train"), data.load("digits", "test")
enlarge = jax.jit(lambda x: jax.image.resize(x / 255, (len(x), 28, 28, 1), "linear"))
pixels, held_out = enlarge(learnt.images), np.arange(len(learnt.labels)) % 10 == 0
examples, validation = ((pixels[rows], learnt.labels[rows]) for rows in (~held_out, held_out))
test = (enlarge(seen.images), seen.labels)
plot.pictures(list(examples[0][:20, :, :, 0]), titles=[str(label) for label in examples[1][:20]], columns=10)
plt.show()

# %% [markdown]
# ## Five layers
#
# A *convolution* slides a window of 5 x 5 over the picture and asks at every place the same question: how much does
# what lies here look like my kernel? With six kernels that makes six *feature maps*. Where something is matters less
# than that it is there, so means over 2 x 2 places make the maps coarser. The next convolution looks at all six maps at
# once, and finds patterns of patterns. After the third, whose window covers everything that is left, a picture is 120
# numbers, which two fully connected layers weigh against each other. Between the layers stands $\tanh$, which is steep
# about 0: so pixels are brought to mean 0 and deviation 1 first.
#
# $$28 \times 28 \times 6 \;\to\; 14 \times 14 \times 6 \;\to\; 10 \times 10 \times 16 \;\to\; 5 \times 5 \times 16
# \;\to\; 120 \;\to\; 84 \;\to\; 10$$

# %%
mean, std = examples[0].mean(), examples[0].std()
lenet = nnx.jit(lambda: models.LeNet(mean=mean, std=std, rngs=nnx.Rngs(0)))()
print(models.summary(lenet, (1, 28, 28, 1)))

# %% [markdown]
# Most of the 61,706 parameters stand in the third convolution. The first has 156: six kernels of 25 numbers, and six
# biases. A fully connected layer from 32 x 32 pixels to as many outputs would have almost five million.
#
# ## What the first layer computes
#
# One output of a convolution is a sum of 25 products. SciPy's sliding window, in float64, finds the same map.

# %%
kernel, bias = (np.asarray(weight[...], np.float64) for weight in (lenet.conv1.kernel, lenet.conv1.bias))
framed = (np.pad(np.asarray(test[0][0, :, :, 0], np.float64), 2) - mean) / std
by_scipy = signal.correlate(framed, kernel[:, :, 0, 0], mode="valid") + bias[0]
with jax.default_matmul_precision("highest"):  # some devices round what they multiply
    untrained = nnx.jit(models.features)(lenet, test[0][:1])
worst = np.abs(untrained["conv1"][0, :, :, 0] - by_scipy).max()
print(f"largest difference from SciPy: {worst:.1e}")

# %% [markdown]
# ## Learning
#
# Small random batches, the cross entropy of what the network says, a step downhill with momentum: as in chapter 9, for
# eight epochs. After each the digits held out are looked at. The checkpoint with the smallest loss on them is kept.

# %%
folder = Path(tempfile.mkdtemp())
start = train.create(lenet, optax.sgd(0.05, momentum=0.9))
options = {"batch_size": 48, "num_epochs": 8, "validation": validation, "progress": False}
with train.Checkpoints(folder / "checkpoints") as checkpoints:
    last, history = train.fit(start, examples, checkpoints=checkpoints, **options)
    best = checkpoints.restore(last, best=True).state
trained = best.model
models.save_weights(folder / "lenet.safetensors", trained)

# %%
epochs = np.array([row["epoch"] for row in history])
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.2))
for name, label in (("loss", "learnt from"), ("validation_loss", "held out")):
    left.plot(epochs, [row[name] for row in history], label=label)
    right.plot(epochs, [row[name.replace("loss", "accuracy")] for row in history], label=label)
left.set(xlabel="epoch", title="cross entropy", yscale="log")
right.set(xlabel="epoch", title="share of right answers")
right.legend(loc="lower right")
plt.show()

# %% [markdown]
# The digits that it learns from are soon all right. The loss on the others comes to rest: what is left there is in
# digits that are unlike those that it learns from.
#
# ## What it looks at
#
# The six kernels of the first layer, red where they ask for ink and blue where they ask for none, and what they answer
# to a digit. Some have become detectors of edges of one direction, as those of section 10.3.2, without being told.

# %%
digit = test[0][5:6]
maps = nnx.jit(models.features)(trained, digit)
kernels = np.moveaxis(np.asarray(trained.conv1.kernel[:, :, 0]), -1, 0)
first_maps = np.moveaxis(np.tanh(maps["conv1"][0]), -1, 0)
plot.pictures(kernels, titles=[f"kernel {i}" for i in range(1, 7)], columns=6, signed=range(6))
plot.pictures([digit[0, :, :, 0], *first_maps], titles=["the digit"], columns=7, signed=range(1, 7))
plt.show()

# %% [markdown]
# The maps still look like the digit. The sixteen of the second layer do not: each answers to a combination of strokes.

# %%
second_maps = np.moveaxis(np.tanh(maps["conv2"][0]), -1, 0)
plot.pictures(list(second_maps), columns=16, signed=range(16))
plt.show()

# %% [markdown]
# ## What it gets wrong
#
# Now the test. The table counts its digits by what they are and by what they were taken for.

# %%
found = train.evaluate(best, test)
answers = found.logits.argmax(axis=1)
confusion = train.confusion_matrix(answers, test[1], 10)
ax = plot.matrix(confusion, number_format=".0f", cmap="Blues", limits=(0, 60))
ax.set_axis_on()
ax.grid(False)
ax.set(xlabel="taken for", ylabel="is", xticks=range(10), yticks=range(10))
plt.show()

# %%
wrong = np.flatnonzero(answers != test[1])
named = [f"{answers[i]}, is {test[1][i]}" for i in wrong]
plot.pictures(list(test[0][wrong, :, :, 0]), titles=named, columns=max(8, len(wrong)))
plt.show()
print(f"{len(wrong)} of {len(answers)} wrong")

# %% [markdown]
# How sure is it? The probability that softmax gives to the answer is a promise: of answers with 0.9, nine in ten should
# be right. The mean distance between promise and truth, the *calibration error*, tells.

# %%
probabilities = jax.nn.softmax(found.logits)
calibration = train.calibration(probabilities, test[1])
sure = probabilities.max(axis=1)
print(f"calibration error {calibration.error:.3f}")
print(f"surest wrong answer {sure[wrong].max():.2f}, least sure right answer {sure[answers == test[1]].min():.2f}")

# %%
again = models.load_weights(folder / "lenet.safetensors", nnx.eval_shape(lambda: models.LeNet(rngs=nnx.Rngs(1))))
assert models.count_parameters(lenet) == 61_706
assert worst < 1e-5
assert found.accuracy > 0.95
assert history[-1]["accuracy"] > 0.99
assert np.isclose(train.evaluate(best, validation).loss, min(row["validation_loss"] for row in history), rtol=1e-4)
assert int(confusion.sum()) == len(test[1])
assert int(np.trace(confusion)) == len(test[1]) - len(wrong)
assert calibration.error < 0.05
assert jax.tree.all(jax.tree.map(np.array_equal, nnx.state(again, nnx.Param), nnx.state(trained, nnx.Param)))
