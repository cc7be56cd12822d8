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
# # 11.3.1 VGG
#
# LeNet, of 1998, has three convolutions of 5 x 5. In 2014, with a million photographs, networks had sixteen layers, and
# all their convolutions were of 3 x 3. **Why many small windows in place of a few large ones?**

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

from jaxmath import conv, data, models, plot, train

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## What an output sees
#
# The *receptive field* of an output is the part of the image that it depends on. A window of k pixels sees k. On top of
# it a second window of k sees k outputs of the first, which lie side by side, so $k + (k - 1)$ pixels. In general, with
# windows $k_l$ and strides $s_l$,
#
# $$ r = 1 + \sum_l (k_l - 1) \prod_{i < l} s_i . $$
#
# Two windows of 3 see as much as one of 5, three as much as one of 7. They are cheaper: with c channels before and
# after, three have $3 \cdot 9 c^2 = 27 c^2$ weights, one of 7 x 7 has $49 c^2$. And there is a ReLU after each.

# %%
fields = [conv.receptive_field([(3,)] * depth) for depth in range(1, 8)]
weights_stack, weights_one = [9 * depth for depth in range(1, 8)], [field**2 for field in fields]
for field, stack, one in zip(fields[:3], weights_stack, weights_one, strict=False):
    print(f"{field} pixels in a row: {stack} c^2 weights in windows of 3 x 3, {one} c^2 in one window")
fig, ax = plt.subplots(figsize=(6, 3.2))
ax.plot(fields, weights_one, "o-", label="one window")
ax.plot(fields, weights_stack, "o-", label="windows of 3 x 3")
ax.set(xlabel="pixels that an output sees, in a row", ylabel="weights, in units of $c^2$")
ax.legend()
plt.show()

# %% [markdown]
# The derivative of an output by the image is zero where the output does not look. So the receptive field can be
# *measured*: differentiate the output in the middle of a stack of convolutions. The pixels do not weigh the same: there
# are many ways through the stack from the middle, and one from a corner.

# %%
kernels = jax.random.uniform(jax.random.key(0), (3, 3, 3))


def middle(image, depth):
    for kernel in kernels[:depth]:
        image = conv.correlate(image, kernel, padding="same")
    return image[8, 8]


seen = [np.asarray(jax.jit(jax.grad(middle), static_argnums=1)(jnp.ones((17, 17)), depth)) for depth in (1, 2, 3)]
by_numpy = kernels[0]
for kernel in kernels[1:]:
    by_numpy = signal.convolve2d(by_numpy, kernel)
plot.pictures([g / g.max() for g in seen], titles=["one", "two", "three convolutions"], width=7)
plt.show()
sizes = [int((g != 0).any(axis=0).sum()) for g in seen]
print("measured:", sizes, "by the formula:", fields[:3])

# %% [markdown]
# ## The architecture as a table
#
# VGG is five stages of such convolutions. A maximum over 2 x 2 halves the image after each, and the number of channels
# doubles until it is 512. Three fully connected layers end it. VGG-11 has 1, 1, 2, 2 and 2 convolutions in its stages,
# VGG-16 has 2, 2, 3, 3 and 3. Nothing is computed for the summary, and nothing is drawn: it is made of
# shapes alone.

# %%
table = models.summary(lambda: models.VGG(11, rngs=nnx.Rngs(0)), (1, 224, 224, 3))
print(table)

# %% [markdown]
# Where are the parameters, and where is the work? A convolution uses each of its weights at every pixel, a fully
# connected layer once. So nine tenths of the numbers lie in the last three layers, and nine tenths of the products are
# formed in the others.

# %%
ends = [layer for layer in table.layers if layer.kind in ("Conv", "Linear")]
parameters = np.array([layer.num_parameters for layer in ends])
products = np.array([layer.num_parameters * np.prod(layer.output_shape[1:-1]) for layer in ends], float)
fig, ax = plt.subplots(figsize=(8, 3))
for shift, share, label in ((-0.2, parameters, "parameters"), (0.2, products, "products")):
    ax.bar(np.arange(len(ends)) + shift, share / share.sum(), 0.4, label=label)
ax.set(xlabel="layer", ylabel="share", xticks=range(len(ends)))
ax.legend()
plt.show()
connected = np.array([layer.kind == "Linear" for layer in ends])
print(f"the connected layers have {parameters[connected].sum() / parameters.sum():.0%} of the parameters")
print(f"and {products[connected].sum() / products.sum():.0%} of the products")

# %%
counts = {
    (depth, norm): models.count_parameters(
        nnx.eval_shape(lambda depth=depth, norm=norm: models.VGG(depth, batch_norm=norm, rngs=nnx.Rngs(0)))
    )
    for depth in (11, 13, 16, 19)
    for norm in (False, True)
}
for (depth, norm), count in counts.items():
    print(f"VGG-{depth}{', batch norm' if norm else '':13}{count:12,}")

# %% [markdown]
# ## A small one learns digits
#
# The table is a list, and a network can be made of any list. This one has two stages, for the digits of 8 x 8 pixels.


# %%
def halved(x):
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))


rngs, layers, channels = nnx.Rngs(0), [], 1
for features in (12, 12, "max", 24, 24, "max"):
    if features == "max":
        layers.append(halved)
    else:
        layers += [models.Conv(channels, features, (3, 3), rngs=rngs), nnx.relu]
        channels = features
small = nnx.Sequential(*layers, lambda x: x.reshape(len(x), -1), nnx.Linear(4 * channels, 10, rngs=rngs))
learnt, test = data.load("digits", "train"), data.load("digits", "test")
state = train.create(small, optax.adam(train.schedule("cosine", 5e-3, 8 * 22)))
state, history = train.fit(state, learnt, batch_size=64, num_epochs=8, progress=False)
found = train.evaluate(state, test)
print(f"{models.count_parameters(small):,} parameters, accuracy on the test set {found.accuracy:.3f}")

# %% [markdown]
# What its layers see in a digit: strokes and edges first, and then, on 4 x 4 pixels, something that is no longer a
# picture but still knows where it was.

# %%
maps = models.features(state.model, jnp.asarray(test.images[:1]) / 255)
convolved = [np.maximum(np.asarray(output[0]), 0) for output in maps.values() if output.ndim == 4][:4]
shown = [(m / m.max())[..., k] for m in convolved[1::2] for k in range(12)]
plot.pictures([test.images[0, ..., 0] / 255, *shown], columns=13, titles=["digit"])
plt.show()
answers = found.logits.argmax(axis=1)
named = [f"{a}" if a == t else f"{a}, is {t}" for a, t in zip(answers[:20], test.labels, strict=False)]
plot.pictures(list(test.images[:20, ..., 0] / 255), titles=named, columns=10)
plt.show()

# %%
assert counts[11, False] == table.num_parameters == 132_863_336
assert fields[:3] == sizes == [3, 5, 7]
np.testing.assert_allclose(seen[2][5:12, 5:12], by_numpy, rtol=1e-4)
assert parameters[connected].sum() > 0.9 * parameters.sum()
assert products[~connected].sum() > 0.9 * products.sum()
assert found.accuracy > 0.95
