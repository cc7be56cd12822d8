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
# # 11.3.4 Transfer learning
#
# A network with eleven million parameters cannot be trained on two hundred photographs of ants and bees. It can be
# trained on a million others. **What of it is of use for images, and classes, that it has never seen?**

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
import os
import tempfile

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
# ## What is known, and what is new
#
# A classifier is a function $\phi$ from images to *features*, and a last layer, $W \phi(x) + b$. The features of one
# task may serve another. Here a network has learnt the digits 0 to 4, and the new classes are the digits 5 to 9, of
# which it gets ten each.
#
# With `JAXMATH_PHOTOGRAPHS` in the environment, the same cells run on a folder of photographs, `train/<class>/*.jpg`
# and `val/<class>/*.jpg`, and with `JAXMATH_WEIGHTS`, a file that `scripts/import_weights.py resnet18 ...` has written:
# the weights of ResNet-18 from a million photographs of a thousand classes.

# %%
folder, weights = (os.environ.get(f"JAXMATH_{name}") for name in ("PHOTOGRAPHS", "WEIGHTS"))
assert bool(folder) == bool(weights), "photographs need weights: set both JAXMATH_PHOTOGRAPHS and JAXMATH_WEIGHTS"


def five_digits(split, first):
    images, labels, _ = data.load("digits", split)
    rows = (labels >= first) & (labels < first + 5)
    large = jax.image.resize(images[rows] / 255, (rows.sum(), 28, 28, 1), "linear")
    return data.Images(large, labels[rows] - first, tuple(map(str, range(first, first + 5))))


def ten_each(images, labels, classes):
    rows = np.concatenate([np.flatnonzero(labels == k)[:10] for k in range(len(classes))])
    return data.Images(images[rows], labels[rows], classes)


def photographs():
    found = [data.image_folder(folder, split, size=(256, 256)) for split in ("train", "val")]
    middle = data.augment.center_crop(found[1].images, (224, 224))
    return found[0], found[1]._replace(images=np.asarray(middle))


learnt, test = photographs() if folder else (ten_each(*five_digits("train", 5)), five_digits("test", 5))
print(f"{len(learnt.labels)} to learn from, {len(test.labels)} to test on: {', '.join(learnt.classes)}")


# %% [markdown]
# In training an image never looks the same twice: of a photograph a part of random size and place is taken and mirrored
# at random, a digit is moved by up to two pixels.


# %%
def random_parts(key, images):
    keys = jax.random.split(key)
    return data.augment.random_flip(keys[1], data.augment.random_resized_crop(keys[0], images, (224, 224)))


def moved(key, images):
    return data.augment.random_crop(key, images, (28, 28), padding=2)


augment = random_parts if folder else moved
some = jnp.asarray(learnt.images[np.linspace(0, len(learnt.labels) - 1, 8).astype(int)])
changed = augment(jax.random.key(0), some)
plot.pictures([np.asarray(image).squeeze() / (255 if folder else 1) for image in changed], columns=8)
plt.show()


# %% [markdown]
# ## The trained network
#
# Images get the mean and the standard deviation that the network was trained with: that belongs to it, so it is part of
# the model.


# %%
def pretrained_on_digits():
    lenet = models.Normalized(models.LeNet(5, rngs=nnx.Rngs(0)), mean=0.3, std=0.35)
    state = train.create(lenet, optax.adam(2e-3), augment=moved)
    state, _ = train.fit(state, five_digits("train", 0), batch_size=40, num_epochs=10, progress=False)
    return state


def pretrained_on_photographs():
    resnet = models.load_weights(weights, models.ResNet(18, rngs=nnx.Rngs(0)))
    return train.create(models.Normalized(resnet), optax.sgd(0.1))


before = pretrained_on_photographs() if folder else pretrained_on_digits()
known = 1.0 if folder else train.evaluate(before, five_digits("test", 0)).accuracy
print(f"{models.count_parameters(before.model):,} parameters; accuracy on the classes that it knows {known:.3f}")

# %% [markdown]
# ## Ways to go on
#
# `replace_head` puts a new last layer in. Then either all is trained (*fine-tuning*), or only the new layer, on
# features that stay as they are: the rest is *frozen*. For comparison, both are done to a network of the same kind
# whose weights are random. All learn by descent with momentum 0.9, and the rate falls to a tenth in steps. As in the
# book the epoch is kept that is the best on the test set, which flatters all four a little.

# %%
epochs, batch_size, rate = (25, 4, 1e-3) if folder else (20, 10, 5e-3)
num_steps = epochs * (len(learnt.labels) // batch_size)
rule, head = optax.sgd(train.schedule("step", rate, num_steps), momentum=0.9), nnx.PathContains("output")


def at_random():
    fresh = models.ResNet(18, rngs=nnx.Rngs(2)) if folder else models.LeNet(5, rngs=nnx.Rngs(2))
    return models.Normalized(fresh, mean=before.model.mean[...], std=before.model.std[...])


k, options = (
    len(learnt.classes),
    {"batch_size": batch_size, "num_epochs": epochs, "validation": test, "progress": False},
)


def trained_on(model, trainable):
    state = train.create(models.replace_head(model, k, rngs=nnx.Rngs(1)), rule, augment=augment, trainable=trainable)
    with tempfile.TemporaryDirectory() as kept, train.Checkpoints(kept) as checkpoints:
        state, history = train.fit(state, learnt, checkpoints=checkpoints, **options)
        return checkpoints.restore(state, best=True).state, history


runs = {
    "frozen": trained_on(before.model, head),
    "full": trained_on(before.model, nnx.Param),
    "random, frozen": trained_on(at_random(), head),
    "random, full": trained_on(at_random(), nnx.Param),
}
fig, ax = plt.subplots(figsize=(6.5, 3.4))
for name, (_, history) in runs.items():
    ax.plot([row["epoch"] for row in history], [row["validation_accuracy"] for row in history], label=name)
ax.set(xlabel="epoch", ylabel="accuracy on the test set", ylim=(0, 1), xticks=range(0, epochs + 1, 5))
ax.legend()
plt.show()
best_epochs = {name: min(history, key=lambda row: row["validation_loss"]) for name, (_, history) in runs.items()}
accuracy = {name: row["validation_accuracy"] for name, row in best_epochs.items()}
early = {name: history[2]["validation_accuracy"] for name, (_, history) in runs.items()}
for name in runs:
    best_epoch = best_epochs[name]["epoch"]
    print(f"{name:15} after 3 epochs {early[name]:.3f}, in the best, epoch {best_epoch}, {accuracy[name]:.3f}")

# %% [markdown]
# Features that were learnt for other digits are better than random ones, and at once: they separate strokes. What they
# were not made for, fine-tuning repairs. But on images as simple as these a network that begins at random learns as
# much from fifty examples: what a few examples can teach need not be brought along. On photographs it is otherwise.
#
# Frozen means frozen: bit by bit, the running statistics of batch norms too, and the optimiser remembers nothing but
# the new layer.

# %%
numbers = {name: sum(leaf.size for leaf in jax.tree.leaves(state.memory)) for name, (state, _) in runs.items()}
weights_of = {
    name: nnx.to_pure_dict(nnx.state(state.model, nnx.Any(nnx.Param, nnx.BatchStat)))["model"]
    for name, (state, _) in {"before": (before, None), **runs}.items()
}
same = {
    name: all(
        map(
            np.array_equal,
            *(jax.tree.leaves({k: v for k, v in w.items() if k != "output"}) for w in (weights_of["before"], found)),
        )
    )
    for name, found in weights_of.items()
}
print("numbers that the optimiser remembers:", numbers)
print("all but the last layer as before:", same)

# %% [markdown]
# ## Predictions

# %%
best = max(accuracy, key=lambda name: accuracy[name])
found = train.evaluate(runs[best][0], test, batch_size=50)
answers = found.logits.argmax(axis=1)
order = np.random.default_rng(0).permutation(len(answers))[:16]
named = [
    learnt.classes[answers[i]] + ("" if answers[i] == test.labels[i] else f", is {learnt.classes[test.labels[i]]}")
    for i in order
]
plot.pictures([np.asarray(test.images[i]).squeeze() / (255 if folder else 1) for i in order], titles=named, columns=8)
plt.show()
print(f"{best}: {found.accuracy:.3f} right")

# %%
assert same == {"before": True, "frozen": True, "full": False, "random, frozen": False, "random, full": False}
last = (before.model.model.output.in_features + 1) * len(learnt.classes)
assert last <= numbers["frozen"] <= last + 1 < numbers["full"]
assert found.accuracy == accuracy[best] or abs(found.accuracy - accuracy[best]) < 1e-6
assert folder or known > 0.95
assert folder or early["frozen"] > early["random, frozen"] + 0.05
assert folder or accuracy["full"] > 0.8
