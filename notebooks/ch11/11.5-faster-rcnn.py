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
# # 11.5 Faster R-CNN
#
# A classifier says what a picture shows. But most pictures show several things, and the question is *what is where*. A
# picture of 800 x 800 pixels has $(800 \cdot 801 / 2)^2 \approx 10^{11}$ rectangles; no classifier looks at all of
# them. **Which few hundred rectangles are worth a look, and how does a network learn to choose them?**

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
from functools import partial

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from flax import nnx

from jaxmath import data, detection, models, plot, train

plot.style()
names = ("disc", "square", "triangle")
print("device:", jax.devices()[0].device_kind)
hues = {1: plot.PALETTE[1], 2: plot.PALETTE[5], 3: plot.PALETTE[4]}

# %% [markdown]
# ## The plan
#
# Faster R-CNN is one network with two parts on common features. The *region proposal network* looks at every cell of a
# feature map and says where something is, whatever it may be. The second part looks at these regions alone, and says
# what each shows and where exactly it ends.
#
# Here is a picture to think with: shapes on a ground of waves, whose boxes $(x_0, y_0, x_1, y_1)$ are known.

# %%
scene = data.shapes(jax.random.key(6), 1, side=800)
there = np.asarray(scene.valid[0])
truths, classes = scene.boxes[0][there], np.asarray(scene.labels[0])[there]
coarse = jax.image.resize(scene.images[0] / 255, (100, 100, 3), "linear")  # without its noise, to draw it
picture = (jnp.round(16 * coarse) / 16).repeat(8, axis=0).repeat(8, axis=1)
titles = [names[k - 1] for k in classes]
plot.boxes(picture, truths, labels=titles, colors=[hues[k] for k in classes])
plt.show()

# %% [markdown]
# The features of the book are those of VGG-16 without its last pooling: four times the sides are halved, so that a cell
# of the map stands for 16 x 16 pixels. Its shape is known without computing a number.

# %%
build = partial(models.FasterRCNN, 21, backbone="vgg16")
outline = nnx.eval_shape(lambda: build(rngs=nnx.Rngs(0)))
maps = jax.eval_shape(
    lambda x: build(rngs=nnx.Rngs(0)).backbone(x, jnp.array([[800, 800]])), jnp.zeros((1, 800, 800, 3))
)
(features,) = maps.features
print(f"feature map of 800 x 800 pixels: {features.shape[1:]}, stride {800 // features.shape[1]}")
print(f"parameters: {models.count_parameters(outline):,}")

# %% [markdown]
# ## Anchors
#
# At every cell stand nine rectangles, the *anchors*: three sizes $s \in \{8, 16, 32\}$ (in strides of 16 pixels) and
# three ratios $r$ of width to height,
#
# $$w = 16\, s \sqrt r, \qquad h = 16\, s / \sqrt r, \qquad \text{centre } (8, 8) \text{ in the first cell.}$$
#
# The network will not say where a thing is, but how it differs from the nearest anchor.

# %%
scales, ratios = (8, 16, 32), (0.5, 1, 2)
base = detection.base_anchors(16, scales, ratios)
anchors = detection.anchors((50, 50), 16, scales, ratios)
print("first base anchor:", np.asarray(base[0]).round(4))
print("anchors of the image:", anchors.shape)

# %%
cell = (25 * 50 + 25) * 9  # the anchors of the cell in row 25 and column 25
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 5))
plot.boxes(picture, anchors[cell : cell + 9], colors=np.repeat(plot.PALETTE[:3], 3).tolist(), ax=left)
left.set_title("the nine anchors of one cell")
plot.boxes(picture, [], ax=right)
centres = (anchors[::9, :2] + anchors[::9, 2:]) / 2
right.plot(*centres.T, ".", color="white", markersize=1)
right.set_title("2,500 cells, each with nine")
plt.show()

# %% [markdown]
# ## Assignment of anchors
#
# Overlap is measured by intersection over union, $|A \cap B| / |A \cup B|$. An anchor that overlaps a true box by 0.7
# or more is an *object*, one that overlaps all of them by less than 0.3 is *background*, and what lies between is
# ignored. A true box that no anchor overlaps so well gets those that overlap it most.

# %%
overlap = detection.iou(anchors, truths)
matches = detection.match(overlap, jnp.ones(len(truths), bool), high=0.7, low=0.3)
kinds = {"object": 1, "background": 0, "ignored": -1}
counts = {name: int((matches.kind == kind).sum()) for name, kind in kinds.items()}
print(counts)
for i in range(len(truths)):
    num = int(((matches.kind == 1) & (matches.index == i)).sum())
    print(f"{titles[i]:>9}: largest overlap {overlap[:, i].max():.3f}, {num} anchors")

# %% [markdown]
# In NumPy, from the definition:

# %%
a, b = np.asarray(anchors, float)[:, None], np.asarray(truths, float)
sides = np.maximum(np.minimum(a[..., 2:], b[:, 2:]) - np.maximum(a[..., :2], b[:, :2]), 0)
inner = sides.prod(axis=2)
by_numpy = inner / ((a[..., 2:] - a[..., :2]).prod(axis=2) + (b[:, 2:] - b[:, :2]).prod(axis=1) - inner)
print(f"largest difference: {np.abs(by_numpy - overlap).max():.1e}")

# %% [markdown]
# Background is three hundred times more frequent. Were all anchors in the loss, "background" would be the answer to
# everything. So 256 are drawn: objects, at most one half, and background for the rest.

# %%
sample = detection.balanced_sample(jax.random.key(0), matches.kind, 256, 0.5)
drawn = np.asarray(sample.indices)[np.asarray(sample.valid)]
kind = np.asarray(matches.kind)[drawn]
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 5))
for ax, wanted, color in ((left, 1, plot.PALETTE[1]), (right, 0, plot.PALETTE[0])):
    plot.boxes(picture, anchors[drawn[kind == wanted]][:60], colors=color, ax=ax)
left.set_title(f"{(kind == 1).sum()} objects")
right.set_title(f"60 of {(kind == 0).sum()} anchors that are background")
plt.show()

# %% [markdown]
# ## How an anchor becomes a box
#
# For each object the network is to say how its anchor has to move and grow:
#
# $$t_x = \frac{x - x_a}{w_a}, \quad t_y = \frac{y - y_a}{h_a}, \quad t_w = \log \frac{w}{w_a}, \quad
# t_h = \log \frac{h}{h_a}$$
#
# with centres $(x, y)$. In these units a large box and a small one are equally hard. Decoding is the inverse.

# %%
objects = anchors[drawn[kind == 1]]
wanted = truths[matches.index[drawn[kind == 1]]]
codes = detection.encode(wanted, objects)
back = detection.decode(codes, objects)
print("codes of the first objects:")
print(np.asarray(codes[:3]).round(3))
print(f"decoded again: off by {jnp.abs(back - wanted).max():.1e} pixels")

# %% [markdown]
# ## Proposals
#
# The region proposal network is small: a convolution of 3 x 3 on the feature map, and after it two of 1 x 1, one with a
# logit and one with a code for each of the nine anchors of a cell, the same everywhere in the picture.
#
# Its output is a score and a code for each anchor. There is no trained network yet, so the true codes with noise stand
# in for one that is half trained.

# %%
keys = jax.random.split(jax.random.key(1), 2)
near = truths[matches.index]
noisy = detection.encode(near, anchors) * (overlap.max(axis=1, keepdims=True) > 0.2)
noisy = noisy + 0.15 * jax.random.normal(keys[1], noisy.shape)
boxes = detection.decode(noisy, anchors)
scores = detection.iou(boxes, truths).max(axis=1) + 0.3 * jax.random.normal(keys[0], (len(anchors),))
print(f"{((boxes < 0) | (boxes > 800)).any(axis=1).sum():,} of {len(boxes):,} reach beyond the picture")

# %% [markdown]
# Boxes are clipped to the picture, those with a side below 16 pixels dropped, and of the others the best 2,000 kept.
# Many of these show the same thing. *Non-maximum suppression* keeps the best box, drops all that overlap it by more
# than 0.7, goes on with the best of the rest, and so on. In a compiled program shapes are fixed, so the result has
# slots for 300 boxes, and a mask of those that are filled; a box with the score NaN is dropped.

# %%
clipped = detection.clip(boxes, (800, 800))
large = (clipped[:, 2:] - clipped[:, :2] >= 16).all(axis=1)
best, order = jax.lax.top_k(jnp.where(large, scores, -jnp.inf), 2000)
kept = detection.nms(clipped[order], best, iou_threshold=0.7, max_outputs=300)
proposals = clipped[order][kept.indices][kept.valid]
print(f"{large.sum():,} boxes are large enough; of the best 2,000 suppression keeps {len(proposals)}")
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 5))
plot.boxes(picture, clipped[order][:100], ax=left).set_title("the best 100 before")
plot.boxes(picture, proposals[:20], ax=right).set_title("the best 20 after suppression")
plt.show()

# %% [markdown]
# ## Assignment of regions
#
# The second part learns from a sample of these regions, to which the true boxes are added. Here one half of overlap is
# enough to be an object, everything else is background, and at most a quarter of the sample are objects.

# %%
regions = jnp.concatenate([proposals, truths])
roles = detection.match(
    detection.iou(regions, truths), jnp.ones(len(truths), bool), high=0.5, low=0.5, force_best=False
)
chosen = detection.balanced_sample(jax.random.key(2), roles.kind, 128, 0.25)
rows = np.asarray(chosen.indices)[np.asarray(chosen.valid)]
labels = np.where(roles.kind == 1, classes[roles.index], 0)[rows]
print({name: int((labels == k).sum()) for k, name in enumerate(("background", *names))})

# %% [markdown]
# ## Regions of one size
#
# The layers that follow need 7 x 7 features, whatever the size of a region. *RoI pooling* lays a grid over it and takes
# the largest feature of each bin, with all edges rounded to whole features. *RoI align* rounds nothing: it
# interpolates at four points in each bin and takes their mean, so that the edges of a region have a derivative as
# well. As features let us take the brightness of the picture itself, one for every 16 pixels.

# %%
brightness = jax.image.resize(picture.mean(axis=2), (50, 50), "linear")[..., None]
region = truths[:1]
pooled = detection.roi_pool(brightness, region, output_size=7, scale=1 / 16)
aligned = detection.roi_align(brightness, region, output_size=7, scale=1 / 16)
x0, y0, x1, y1 = np.floor(np.asarray(region[0]) / 16 + 0.5).astype(int)
height, width = max(y1 - y0 + 1, 1), max(x1 - x0 + 1, 1)
values = np.asarray(brightness[..., 0])
grid = np.zeros((7, 7))
for i, j in np.ndindex(7, 7):
    rows_of = slice(y0 + i * height // 7, y0 + -(-(i + 1) * height // 7))
    columns_of = slice(x0 + j * width // 7, x0 + -(-(j + 1) * width // 7))
    grid[i, j] = values[rows_of, columns_of].max()
print(f"pooled by a loop in NumPy: largest difference {np.abs(grid - pooled[0, ..., 0]).max():.1e}")
fig, panels = plt.subplots(1, 3, figsize=(10, 3.4))
plot.boxes(values, region / 16, colors=plot.PALETTE[1], ax=panels[0]).set_title("features and a region")
for ax, cells, title in ((panels[1], pooled, "RoI pooling"), (panels[2], aligned, "RoI align")):
    plot.boxes(cells[0, ..., 0], [], ax=ax).set_title(title)
plt.show()

# %% [markdown]
# ## Two heads, four losses
#
# Two layers on the 49 bins, and then two heads: one says the class (background is class 0), the other a code for each
# class. What is trained is the sum of four losses: cross entropy of anchors (object or not) and of regions (which
# class), and for the objects of both the distance of codes,
#
# $$\mathrm{smooth}(d) = \begin{cases} d^2 / (2 \beta) & |d| < \beta \\ |d| - \beta / 2 & \text{otherwise,} \end{cases}
# \qquad \beta = 1/9 .$$
#
# `models.FasterRCNN` has the backbone of the book, "vgg16", that of torchvision, "resnet50_fpn", whose weights it
# takes, and a "small" one of eight convolutions and stride 8, for pictures like these. An untrained network
# says one half for every anchor and a quarter for each of four classes: losses of $\log 2$ and $\log 4$.

# %%
detector = nnx.jit(lambda: models.FasterRCNN(4, backbone="small", rngs=nnx.Rngs(0)))()
print(f"parameters: {models.count_parameters(detector):,}")
training, unseen = (data.shapes(jax.random.key(k), n, side=64) for k, n in ((1, 240), (2, 16)))


def loss(model, batch):
    images, *boxes_and_labels, key = batch
    value, parts = models.fasterrcnn_loss(model, images / jnp.float32(255), *boxes_and_labels, key)
    return value, parts._asdict()


_, parts = jax.jit(partial(loss, detector))((*(each[:8] for each in training), jax.random.key(0)))
print({name: round(float(part), 4) for name, part in parts.items()})

# %% [markdown]
# ## Training
#
# A batch and a key for the samples, a gradient, a step of Adam: four epochs of 240 pictures of 64 x 64.

# %%
num_epochs, batch_size = 4, 4
rates = train.schedule("cosine", 2e-3, num_epochs * 60, warmup_steps=12)
state = train.create(
    detector,
    optax.chain(optax.clip_by_global_norm(10.0), optax.adam(rates)),
    loss=loss,
    augment_batch=lambda key, batch: (*batch, key),
)
state, history = train.fit(state, tuple(training), batch_size=batch_size, num_epochs=num_epochs, progress=False)
for row in history:
    print(f"epoch {row['epoch']}: " + ", ".join(f"{name} {row[name]:.3f}" for name in ("loss", *parts)))

# %% [markdown]
# ## Detections
#
# `fasterrcnn_predict` does all of it: features, proposals, suppression, the second part, its codes decoded, scores
# above 0.05, suppression in each class. It has slots for 100 boxes an image; here are those with a score above one
# half on pictures that the network has not seen, true boxes dashed.

# %%
graphdef, weights = nnx.split(state.model)
predict = jax.jit(lambda weights, *batch: models.fasterrcnn_predict(nnx.merge(graphdef, weights), *batch))
found = predict(weights, unseen.images / jnp.float32(255), unseen.sizes)
fig, panels = plt.subplots(2, 4, figsize=(10, 5.2))
for i, ax in enumerate(panels.flat):
    shown = np.asarray(found.valid[i] & (found.scores[i] > 0.5))
    notes = [f"{s:.2f}" for s in found.scores[i][shown]]
    plot.boxes(unseen.images[i] / 255, unseen.boxes[i][unseen.valid[i]], colors="white", dashed=True, ax=ax)
    plot.boxes(None, found.boxes[i][shown], labels=notes, colors=[hues[int(k)] for k in found.labels[i][shown]], ax=ax)
plt.show()

# %% [markdown]
# How good is that? For each class detections of all pictures are sorted by their scores; going down the list, precision
# is the share of hits so far and recall the share of true boxes found. *Average precision* is the area under the curve
# of one over the other, and its mean over classes the number that detectors are compared by.

# %%
predictions = [
    (found.boxes[i][found.valid[i]], found.labels[i][found.valid[i]], found.scores[i][found.valid[i]])
    for i in range(len(unseen.images))
]
answers = [(unseen.boxes[i][unseen.valid[i]], unseen.labels[i][unseen.valid[i]]) for i in range(len(unseen.images))]
precision = detection.mean_average_precision(predictions, answers)
print(f"mean average precision at an overlap of 0.5: {precision.mean:.3f}")
print({names[k - 1]: round(value, 3) for k, value in precision.per_class.items()})

# %% [markdown]
# After half a minute of training it finds nearly every shape, and is not always sure which it is.
# `scripts/train_fasterrcnn.py` goes on for three minutes, with 1,000 pictures of 96 x 96, and misses none;
# `scripts/detect.py` looks at your photographs with its weights, or with those of torchvision.
#
# ## What was claimed

# %%
np.testing.assert_allclose(base[0], (-37.2548, -82.5097, 53.2548, 98.5097), atol=1e-4)
assert anchors.shape == (22_500, 4)
assert features.shape == (1, 50, 50, 512)
np.testing.assert_allclose(overlap, by_numpy, atol=1e-5)
np.testing.assert_allclose(back, wanted, atol=1e-2)
assert (kind == 1).sum() <= 128
assert len(kind) == 256
again = detection.iou(proposals, proposals) - jnp.eye(len(proposals))
assert again.max() <= 0.7
np.testing.assert_allclose(pooled[0, ..., 0], grid, atol=1e-6)
np.testing.assert_allclose((parts["objectness"], parts["classification"]), (np.log(2), np.log(4)), atol=0.05)
assert history[-1]["loss"] < 0.8 * history[0]["loss"]
assert precision.mean > 0.3
