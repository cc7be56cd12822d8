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
# # 11.3.4 A training framework, shown on LeNet
#
# A loop that trains is ten lines long. Then it is stopped by accident, it learns by heart, the memory is too small, a
# second device stands idle: and the ten lines are a thousand. **How little must a framework do, if a training is
# nothing but a function that is applied again and again?**

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
import contextlib
import dataclasses
import io
import signal
import tempfile
from functools import partial

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from flax import nnx

from jaxmath import data, models, plot, train

plot.style()
print("devices:", len(jax.devices()), "x", jax.devices()[0].device_kind)

# %% [markdown]
# ## Digits, few on purpose
#
# Only the first 384 digits are there to learn from, so that learning by heart is easy. Held out are 400 from the end of
# the file, and the test, too, is of digits that come later than those learnt from: a harder question than that of
# section 11.2.1. Pixels stay bytes, a quarter of what floats take, and become numbers from 0 to 1 batch by batch.

# %%
learnt, seen = data.load("digits", "train"), data.load("digits", "test")
enlarge = jax.jit(lambda x: jax.image.resize(x.astype(jnp.float32), (len(x), 28, 28, 1), "linear").astype(jnp.uint8))
pixels, test = enlarge(learnt.images), (enlarge(seen.images)[120:], seen.labels[120:])
examples, held_out = (pixels[:384], learnt.labels[:384]), (pixels[-400:], learnt.labels[-400:])
print("to learn from:", examples[0].dtype, examples[0].shape, f"{examples[0].nbytes:,} bytes")

# %% [markdown]
# ## A state, and a function
#
# What does a training know after $t$ steps? The weights $w_t$; what the optimiser remembers $m_t$ (for Adam two means
# per weight, of the gradient and of its square); a key $k$, from which all chance comes; and $t$ itself. (And `rest`,
# what a model holds beside its weights and no gradient changes.) Together they are the *state* $s_t$, a pytree like any
# other. A step takes a state and a batch and returns another state:
#
# $$s_{t+1} = F(s_t, b_t), \qquad s = (w, m, k, t) .$$
#
# $F$ changes nothing and looks at nothing else. All that follows is made of this: to go on later, keep $s$; to train
# four models, put `vmap` before $F$; to repeat a training, start from the same $s_0$.

# %%
lenet = nnx.jit(lambda: models.LeNet(rngs=nnx.Rngs(1)))()
adam = optax.adam(4e-3)
start = train.create(lenet, adam)
for name in ("params", "memory", "rest", "key", "step"):
    leaves = jax.tree.leaves(getattr(start, name))
    print(f"{name:>7}: {len(leaves):2} arrays, {sum(leaf.size for leaf in leaves):7,} numbers")

# %% [markdown]
# Three steps. Adam's rule, written down in NumPy, finds the third from what the state after it remembers:
#
# $$w \leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon}, \qquad
# \hat m = \frac{m}{1 - 0.9^t}, \quad \hat v = \frac{v}{1 - 0.999^t} .$$

# %%
step, first_batch = jax.jit(train.step), (examples[0][:48], examples[1][:48])
states = [start]
for _ in range(3):
    after, metrics = step(states[-1], first_batch)
    states.append(after)
    print(f"step {after.step}: loss before it {metrics['loss']:.4f}")
before, after = (np.asarray(state.model.output.kernel[...], np.float64) for state in states[2:])
mean, square = (np.asarray(part["output"]["kernel"][...], np.float64) for part in states[3].memory[0][1:])
by_numpy = before - 4e-3 * (mean / (1 - 0.9**3)) / (np.sqrt(square / (1 - 0.999**3)) + 1e-8)
worst = np.abs(after - by_numpy).max()
print(f"largest difference from NumPy: {worst:.1e}, of steps up to {np.abs(after - before).max():.1e}")

# %% [markdown]
# ## Epochs, and when to stop
#
# `train.fit` applies $F$ to the batches of an epoch in a new random order, then asks how the model does on digits that
# are held out. With `patience=3` it stops after three epochs in a row that brought no smaller loss there. A log is
# written after every epoch, and two checkpoints are kept: the last state, and the best one.

# %%
folder = Path(tempfile.mkdtemp())
options = {"batch_size": 48, "validation": held_out, "progress": False}
with train.Checkpoints(folder / "plain") as checkpoints:
    stopped, history = train.fit(
        start, examples, num_epochs=60, patience=3, checkpoints=checkpoints, log=folder / "history.csv", **options
    )
    best = checkpoints.restore(start, best=True)
overdone, longer = train.fit(stopped, examples, num_epochs=6, **options)
log = np.genfromtxt(folder / "history.csv", delimiter=",", names=True)
print((folder / "history.csv").read_text().splitlines()[0])
print(f"of 60 epochs {len(log)} were made; the best was {len(best.history)}, step {best.state.step}")

# %% [markdown]
# The line below `with` did what patience had spared us, six more epochs. They are drawn dashed.

# %%
fig, panels = plt.subplots(1, 2, figsize=(10, 3.4))
for ax, name, color in zip(panels, ("loss", "validation_loss"), plot.PALETTE, strict=False):
    ax.plot(*zip(*((row["step"], row[name]) for row in [history[-1], *longer]), strict=True), "--", color=color)
    ax.plot(log["step"], log[name], "o-", color=color, markersize=4)
    ax.axvline(log["step"][-1], color="#808080", linewidth=1)
    ax.set(xlabel="step")
smallest = log["validation_loss"].min()
panels[1].plot(best.state.step, smallest, "*", color="black", markersize=15)
panels[1].text(best.state.step, smallest + 0.05, "the best, kept", ha="center")
panels[1].text(log["step"][-1] + 3, log["validation_loss"].max(), "patience lost", color="#606060", va="top")
panels[0].set(yscale="log", ylabel="cross entropy", title="the digits that it learns from")
panels[1].set(title="the digits that are held out")
plt.show()

# %% [markdown]
# On the digits that it learns from the loss falls by a factor of a hundred and more. On the others it comes to rest
# after a few epochs and then rises: not because more answers are wrong, but because the wrong ones, too, are given with
# more and more conviction. We shall see that below.
#
# ## A source of data, stopped in the middle
#
# Arrays are one source of data. The other is a *function*: from the step at which an epoch begins, and how many
# batches to skip, to batches. That is the door for what does not fit into the device's memory: photographs come through
# it with `data.stream`, anything else from a generator. Here it cuts the same arrays, in the order in which `fit` would
# take them, so it must lead to the same losses.
#
# And a notebook is interrupted, a machine is taken back. Let that happen: in the third epoch the source presses Ctrl-C
# itself. `fit` ends the step, keeps the state and what it knows of the epoch, and says so. The order of an epoch is
# made of the key and the step at its start, so the number of steps done is the position in the data, and later the
# training goes on with the very next batch.

# %%
order = jax.random.split(start.key)[0]


def batches(first_step, start):
    return data.batches(jax.random.fold_in(order, first_step), examples, 48, start=start)


def interrupted(first_step, start):
    for number, batch in enumerate(batches(first_step, start)):
        if (first_step, number) == (16, 5):
            signal.raise_signal(signal.SIGINT)
        yield batch


four = {"num_epochs": 4, "progress": False}
whole, expected = train.fit(start, batches, **four)
with train.Checkpoints(folder / "interrupted") as checkpoints:
    try:
        with contextlib.redirect_stderr(io.StringIO()) as told:
            train.fit(start, interrupted, checkpoints=checkpoints, **four)
    except KeyboardInterrupt as error:
        print(told.getvalue(), str(error).split(";")[0], sep="")
    kept = checkpoints.restore(start)
    resumed, found = train.fit(start, batches, checkpoints=checkpoints, resume=True, **four)
print(len(kept.history), "whole epochs and", len(kept.unfinished["loss"]), "steps were kept")

# %% [markdown]
# Is it the same training? And is the whole state needed for that? For comparison the weights alone go on, with an Adam
# that has forgotten everything.

# %%
pairs = zip(*(jax.tree.leaves((state.params, state.memory)) for state in (whole, resumed)), strict=True)
apart = max(np.abs(np.subtract(a, b)).max() for a, b in pairs)
nothing = jax.tree.map(jnp.zeros_like, kept.state.memory)
forgot = train.fit(dataclasses.replace(kept.state, memory=nothing), batches, num_epochs=2, progress=False)[1]
from_arrays = max(abs(a["loss"] - b["loss"]) for a, b in zip(history[:2], expected, strict=False))
print("largest difference of a weight or a memory, interrupted against not:", apart)
print(f"largest difference of the losses of two epochs, function against arrays: {from_arrays:.1e}")

# %%
fig, ax = plt.subplots(figsize=(8, 3.2))
for rows, marker, color, label in (
    (expected, "-", plot.PALETTE[0], "not interrupted"),
    (found, "o", plot.PALETTE[1], "interrupted, resumed"),
    (forgot, "s--", "#808080", "only the weights were kept"),
):
    ax.semilogy([row["step"] for row in rows], [row["loss"] for row in rows], marker, color=color, label=label)
ax.axvline(int(kept.state.step), color="#808080", linewidth=1)
ax.text(int(kept.state.step) + 0.5, expected[0]["loss"], "Ctrl-C", color="#606060", va="top")
ax.set(xlabel="step", ylabel="mean loss of eight steps")
ax.legend()
plt.show()

# %% [markdown]
# The circles lie on the line, and on a CPU they agree to the last bit. Without its memory Adam takes its first steps at
# full size whatever the gradient, and throws the weights off what they had found.
#
# ## More digits out of few, and a rate that changes
#
# Against learning by heart: never show the same picture twice. `augment` takes a key and the pictures of a batch, and
# runs on the device inside the step: the key of the state and the number of the step decide what it does, and a
# resumed training meets the same pictures. Here each digit is moved by up to two pixels.

# %%
shifted = partial(data.augment.random_crop, size=(28, 28), padding=2)
some = examples[0][:12]
moved = shifted(jax.random.key(4), some)
plot.pictures([*some[..., 0] / 255, *moved[..., 0] / 255], titles=["as it is", *[""] * 11, "moved"], columns=12)
plt.show()

# %% [markdown]
# The rate may depend on the step, which is in the optimiser's memory. *Warm-up* begins with small steps, while Adam's
# means still rest on a few gradients; then half a cosine wave takes the rate down to zero, so that the last steps
# settle instead of hopping around:
#
# $$\eta_t = \eta\, \frac{t}{t_0} \quad (t \le t_0), \qquad
# \eta_t = \frac{\eta}{2} \left( 1 + \cos \pi \frac{t - t_0}{T - t_0} \right) \quad (t > t_0) .$$

# %%
rate = optax.warmup_cosine_decay_schedule(0.0, 4e-3, warmup_steps=16, decay_steps=112)
steps = np.arange(112)
by_formula = np.where(steps <= 16, steps / 16, (1 + np.cos(np.pi * (steps - 16) / 96)) / 2) * 4e-3
varied, varied_history = train.fit(
    train.create(lenet, optax.adam(rate), augment=shifted), examples, num_epochs=14, **options
)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
left.plot(steps, rate(steps), color="#555555")
left.set(xlabel="step", title="rate")
for color, name, rows in zip(plot.PALETTE, ("as they are", "moved"), (history + longer, varied_history), strict=False):
    right.semilogy([row["step"] for row in rows], [row["loss"] for row in rows], ":", color=color)
    right.semilogy([row["step"] for row in rows], [row["validation_loss"] for row in rows], color=color, label=name)
right.plot([], [], ":", color="#555555", label="on those learnt from")
right.set(xlabel="step", title="cross entropy on the digits held out", ylim=(0.03, None))
right.legend()
plt.show()

# %% [markdown]
# The moved digits are harder to learn, and what is learnt from them is worth more.
#
# ## One gradient in parts
#
# The loss is a mean over the batch, so its gradient is the mean of the gradients of equal parts:
#
# $$\nabla \frac{1}{n} \sum_{i=1}^n \ell_i(w) = \frac{1}{p} \sum_{j=1}^p \Big( \frac{p}{n}
# \sum_{i \in \text{part } j} \nabla \ell_i(w) \Big) .$$
#
# That is all there is to two techniques. The parts can come *one after the other*, where the memory holds only one:
# `optax.MultiSteps` adds up gradients and lets the optimiser move once for every $p$ of them. Two halves:

# %%
gathered = train.create(lenet, optax.MultiSteps(adam, 2))
for half in (slice(0, 24), slice(24, 48)):
    gathered, _ = step(gathered, (first_batch[0][half], first_batch[1][half]))
at_once, in_halves = (jax.tree.leaves(m[0].mu) for m in (states[1].memory, gathered.memory.inner_opt_state))
largest = max(np.abs(mean).max() for mean in at_once)
rounding = max(np.abs(np.subtract(a, b)).max() for a, b in zip(at_once, in_halves, strict=True))
print(f"mean gradient in Adam's memory: largest entry {largest:.1e}")
print(f"one batch against two halves: largest difference {rounding:.1e}")

# %% [markdown]
# Or they are computed *at the same time*, each on a device of its own. The devices form a *mesh*, here of one axis. The
# weights lie on all of them, of the rows of a batch each has its share; every device computes the gradient of its part,
# one sum over the mesh makes the mean, and all take the same step. The program says only where arrays lie; where
# devices must talk, the compiler finds out. `fit` does this with arrays by itself, so the cells above have run on:

# %%
lying = jax.tree.leaves(stopped.params)[0].sharding
share = 48 // len(jax.devices())
print(len(lying.device_set), f"device(s), with {share} of 48 rows each; weights on all: {lying.is_fully_replicated}")

# %% [markdown]
# ## Half the bits
#
# A `bfloat16` has the range of a float32 and 8 binary digits instead of 24. Products of matrices in it are several
# times as fast on a TPU or a recent GPU (not on a CPU), and all that lies between the layers takes half the memory. But
# its numbers lie far apart: between 2 and 4 the next one is 1/64 away. A weight moves by many small steps, and a step
# of less than half that distance is rounded to nothing. Therefore *mixed* precision: the layers compute in bfloat16,
# the weights and the optimiser's memory stay float32. LeNet has an option for each, `dtype` and `param_dtype`.

# %%
in_bfloat16 = nnx.jit(lambda: models.LeNet(rngs=nnx.Rngs(1), dtype=jnp.bfloat16))()
mixed, mixed_history = train.fit(train.create(in_bfloat16, adam), examples, batch_size=48, num_epochs=5, progress=False)
print("computes in", in_bfloat16.output.dtype.__name__, "- weights in", mixed.params["output"]["kernel"].dtype)
sums = {kind: np.cumsum(np.full(1000, 0.01, kind)) for kind in (np.float32, jnp.bfloat16)}

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
for color, (kind, values) in zip((plot.PALETTE[0], plot.PALETTE[2]), sums.items(), strict=True):
    left.plot(values.astype(float), color=color, label=np.dtype(kind).name)
for style, color, name, rows in (("-", 0, "float32", history[:5]), ("o--", 2, "mixed", mixed_history)):
    width = {"linewidth": 5 if name == "float32" else 1.5, "alpha": 0.4 if name == "float32" else 1}
    losses = [row["loss"] for row in rows]
    right.semilogy(range(1, len(rows) + 1), losses, style, color=plot.PALETTE[color], label=name, **width)
left.set(xlabel="steps", title="a number that moves by 0.01")
right.set(xlabel="epoch", title="loss of LeNet", xticks=range(1, 6))
left.legend()
right.legend()
plt.show()

# %% [markdown]
# On the left the sum in bfloat16 goes wrong soon, and at 4 it stops for good. On the right mixed precision follows
# float32.
#
# ## Four at once
#
# A step is a function of arrays, so it can be vectorised: `jax.vmap` over the states, with the same batch for all, and
# four LeNets with different first weights are trained by one program. On a GPU, which one LeNet leaves idle, that takes
# hardly longer than one.
#
# And four know more than one. The logarithm is concave, so the mean of the probabilities that they give to the right
# answer has a loss of at most the mean of their losses, whatever they have learnt:
#
# $$-\log \frac{1}{4} \sum_j p_j \;\le\; \frac{1}{4} \sum_j -\log p_j .$$

# %%
keys = jax.random.split(jax.random.key(2), 4)
crowd = jax.jit(jax.vmap(lambda key: train.create(models.LeNet(rngs=nnx.Rngs(key)), adam)))(keys)
step_of_all, curves = train.compile(jax.vmap(train.step, in_axes=(0, None))), []
for first_step in (0, 8):
    for batch in batches(first_step, 0):
        crowd, metrics = step_of_all(crowd, batch)
        curves.append(metrics["loss"])
curves = np.array(curves)
shares = jax.jit(jax.vmap(lambda state: jax.nn.softmax(state.model(test[0] / jnp.float32(255)))))(crowd)
said = np.asarray(shares, np.float64)[:, np.arange(len(test[1])), test[1]]  # probabilities of the right answers
each, together = -np.log(said).mean(axis=1), -np.log(said.mean(axis=0)).mean()
print("test loss of each:", " ".join(f"{value:.3f}" for value in each), f"and of their mean answer: {together:.3f}")

# %%
fig, ax = plt.subplots(figsize=(8, 3.2))
ax.plot(range(1, len(curves) + 1), curves, linewidth=1.5)
ax.set(xlabel="step", ylabel="loss", title="four LeNets, one program")
plt.show()

# %% [markdown]
# ## How good, and how honest?
#
# The test set, which nobody has seen: the network that went on learning by heart, the one that `patience` kept, and the
# one that learnt from moved digits. Beside the share of right answers stand the mean probability that the network gives
# to its answers, the share of digits whose name is among its first two, and the calibration error. For that we sort the
# answers into bins by their probability. In a bin $B_b$ let $\mathrm{conf}$ be the mean probability and $\mathrm{acc}$
# the share of right answers; an honest network has the same there, and the error is the mean distance
#
# $$\sum_b \frac{|B_b|}{n} \left| \mathrm{acc}(B_b) - \mathrm{conf}(B_b) \right| .$$

# %%
results = {}
for name, state in (("by heart", overdone), ("best", best.state), ("moved", varied)):
    measured = train.evaluate(state, test)
    second, chances = train.top_k_accuracy(measured.logits, test[1], 2), jax.nn.softmax(measured.logits)
    honesty, sure = train.calibration(chances, test[1]), chances.max(axis=1).mean()
    results[name] = (measured, second, honesty, sure)
    print(f"{name:>8}: loss {measured.loss:.3f}  right {measured.accuracy:.3f}  says {sure:.3f}", end="  ")
    print(f"first two {second:.3f}  calibration error {honesty.error:.3f}")

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4.0), width_ratios=(1, 1, 1.3))
for ax, name in ((left, "by heart"), (middle, "moved")):
    honesty = results[name][2]
    ax.bar(np.arange(10) / 10 + 0.05, np.nan_to_num(honesty.accuracy), width=0.092, label="right")
    ax.plot([0, 1], [0, 1], "--", color="#555555", linewidth=1.2, label="honest")
    for place, count in enumerate(honesty.count):
        ax.text(place / 10 + 0.05, 0.02, str(count) if count else "", ha="center", color="white", fontsize=8)
    ax.set(xlabel="probability of the answer", title=name)
left.legend(loc="upper left", fontsize=9)
confusion = train.confusion_matrix(results["moved"][0].logits.argmax(axis=1), test[1], 10)
plot.matrix(confusion, number_format=".0f", cmap="Blues", limits=(0, 45), title="moved", ax=right)
right.set_axis_on()
right.grid(False)
right.set(xlabel="taken for", ylabel="is", xticks=range(10), yticks=range(10))
plt.show()

# %% [markdown]
# In each column stands how many answers it is made of; of few, its height says little. Learning by heart does not take
# many right answers away. It makes the network surer of all that it says, the wrong included, and that is what the loss
# charges for. The moved digits taught it more about digits.

# %%
exact = jax.default_backend() == "cpu"  # elsewhere sums may be added in another order every time
assert worst < 1e-6
assert len(log) == len(history) == len(best.history) + 3 < 60
assert np.allclose(log["validation_loss"], [row["validation_loss"] for row in history])
assert np.isclose(train.evaluate(best.state, held_out).loss, log["validation_loss"].min(), rtol=1e-4)
assert longer[-1]["loss"] < history[-1]["loss"]
assert longer[-1]["validation_loss"] > log["validation_loss"].min()
assert kept.state.step == 21
assert len(kept.unfinished["loss"]) == 5
assert apart <= (0 if exact else 0.05)
assert not exact or [row["loss"] for row in found] == [row["loss"] for row in expected]
assert forgot[0]["loss"] > expected[3]["loss"]
assert from_arrays < 1e-2
assert np.allclose(rate(steps), by_formula, atol=1e-8)
assert rounding < 1e-2 * largest
assert len(lying.device_set) == len(jax.devices())
assert lying.is_fully_replicated
assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(mixed.params))
assert np.allclose([row["loss"] for row in mixed_history], [row["loss"] for row in history[:5]], rtol=0.5)
assert sums[jnp.bfloat16][-1] == 4
assert abs(sums[np.float32][-1] - 10) < 0.01
assert together <= each.mean()
assert all(measured.accuracy > 0.85 and second >= measured.accuracy for measured, second, *_ in results.values())
assert results["moved"][0].loss < results["by heart"][0].loss
assert results["moved"][2].error < 0.1
assert results["by heart"][3] > results["best"][3]
assert int(np.trace(confusion)) == round(results["moved"][0].accuracy * len(test[1]))
