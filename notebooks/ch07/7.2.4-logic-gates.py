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
# # 7.2.4 Logic gates from perceptrons
#
# Computers are built from gates such as AND, OR and NOT. **Which of them is a single perceptron, and what does it take
# to make the others?**

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
import matplotlib.pyplot as plt
import numpy as np

from jaxmath import neural, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## Three gates, one neuron each
#
# A perceptron says 1 if $w \cdot x + b \ge 0$. For inputs that are 0 or 1, with $w = (1, 1)$, the sum counts the ones;
# the bias sets how many are enough:
#
# | gate | w | b | says 1 if |
# |---|---|---|---|
# | AND | (1, 1) | -1.5 | there are two |
# | OR | (1, 1) | -0.5 | there is one at least |
# | NOT | (-1) | 0.5 | there is none |

# %%
corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def run(kind, inputs):
    return neural.forward(neural.gate(kind), inputs, activation=neural.heaviside).output[:, 0]


print("a b | AND OR XOR")
for (a, b), *answers in zip(corners, *(run(kind, corners) for kind in ("and", "or", "xor")), strict=True):
    print(a, b, "|", "   ".join(f"{int(answer)}" for answer in answers))
print("NOT 0 =", int(run("not", [[0]])[0]), "  NOT 1 =", int(run("not", [[1]])[0]))

# %% [markdown]
# ## XOR is no perceptron
#
# The fourth gate, *one or the other but not both*, cannot be had from one neuron. Suppose it could:
# $b < 0$, $w_0 + b \ge 0$ and $w_1 + b \ge 0$ for the inputs (0, 0), (1, 0) and (0, 1). Adding the last two,
# $w_0 + w_1 + b \ge -b > 0$: so (1, 1) would be answered with 1 as well. In the plane: a line cannot have two opposite
# corners of a square on one side and the other two on the other.
#
# Two layers can: *the first and not the second*, *the second and not the first*, and an OR of these,
#
# $$W_0 = \begin{pmatrix} 1 & -1 \\ -1 & 1 \end{pmatrix}, \quad b_0 = (-0.5, -0.5), \qquad
# W_1 = (1, 1), \quad b_1 = -0.5 .$$

# %%
side = np.linspace(-0.5, 1.5, 161, dtype=np.float32)
points = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)


def show(ax, kind):
    ax.pcolormesh(side, side, np.reshape(run(kind, points), (161, 161)).T, cmap="Blues", vmax=2.5, rasterized=True)
    colors = np.where(run(kind, corners) == 1, plot.PALETTE[0], "white")
    ax.scatter(*corners.T, s=90, c=colors, edgecolors=plot.PALETTE[0], linewidths=2, zorder=3)
    ax.set(title=kind.upper(), aspect="equal", xticks=[0, 1], yticks=[0, 1])


fig, panels = plt.subplots(1, 3, figsize=(9, 3.1))
for ax, kind in zip(panels, ("and", "or", "xor"), strict=True):
    show(ax, kind)
plt.show()

# %% [markdown]
# Blue corners are answered with 1, and so is the blue region. That of XOR is in two pieces, beyond two parallel
# lines: each is a neuron of the hidden layer. What these two tell of the corners is easy to part: in their plane (0, 0)
# and (1, 1) have become one point, and a line suffices for the last neuron.

# %%
xor = neural.gate("xor")
hidden = neural.forward(xor, corners, activation=neural.heaviside).activations[0]
answers = run("xor", corners)
fig, ax = plt.subplots(figsize=(3.8, 3.4))
last = neural.perceptron(points, *xor[1])[:, 0]
ax.pcolormesh(side, side, np.reshape(last, (161, 161)).T, cmap="Blues", vmax=2.5, rasterized=True)
colors = np.where(answers == 1, plot.PALETTE[0], "white")
ax.scatter(*hidden.T, s=90, c=colors, edgecolors=plot.PALETTE[0], linewidths=2, zorder=3)
for at, text in (((-0.4, -0.25), "(0, 0) and (1, 1)"), ((1.08, -0.02), "(1, 0)"), ((0.08, 0.97), "(0, 1)")):
    ax.text(*at, text, fontsize=10)
ax.set(xlabel="first and not second", ylabel="second and not first", xticks=[0, 1], yticks=[0, 1], aspect="equal")
plt.show()

# %% [markdown]
# ## Can they be learnt?
#
# Rosenblatt's rule finds a perceptron wherever there is one. On XOR it must run forever; here it is stopped after 100
# epochs, and says so.

# %%
fits = {kind: neural.train_perceptron(corners, run(kind, corners), max_epochs=100) for kind in ("and", "or", "xor")}
for kind, fit in fits.items():
    weights = f"w = {np.asarray(fit.weights)}, b = {fit.bias}"
    print(f"{kind:3}  {fit.mistakes:3} mistakes in {fit.num_epochs:3} epochs, learnt: {fit.converged!s:5}  {weights}")

# %% [markdown]
# ## An adder
#
# With gates one can calculate. A bit of a sum is the XOR of the bits and of the carry from the right, and the next
# carry is 1 if there are two ones or more among these three: a perceptron with $w = (1, 1, 1)$ and $b = -1.5$. We
# add all pairs of numbers from 0 to 15, each pair a row, from right to left.

# %%
a, b = (v.ravel() for v in np.meshgrid(np.arange(16), np.arange(16)))
total, carry = np.zeros(256, int), np.zeros(256, int)
for place in range(4):
    bit_a, bit_b = a >> place & 1, b >> place & 1
    half = run("xor", np.stack([bit_a, bit_b], axis=1)).astype(int)
    total += np.asarray(run("xor", np.stack([half, carry], axis=1)), int) << place
    carry = np.asarray(neural.perceptron(np.stack([bit_a, bit_b, carry], axis=1), np.ones(3), -1.5), int)
total += carry << 4
print(f"{(total == a + b).sum()} of {len(a)} sums are right; 11 + 14 = {total[(a == 11) & (b == 14)][0]}")

# %% [markdown]
# Any function of bits can be built from these gates. What a network adds to that is not power but that it can be
# *found*, by learning, once the steps are made smooth.
#
# ## What was claimed

# %%
tables = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}
for kind, table in tables.items():
    assert (np.asarray(run(kind, corners)) == table(*corners.T)).all(), kind
assert (np.asarray(run("not", [[0], [1]])) == [1, 0]).all()
assert fits["and"].converged
assert fits["or"].converged
assert not fits["xor"].converged
assert fits["xor"].num_epochs == 100
for kind in ("and", "or"):
    found = neural.perceptron(corners, fits[kind].weights, fits[kind].bias)
    assert (np.asarray(found) == tables[kind](*corners.T)).all(), kind
assert (np.asarray(hidden) == [[0, 0], [0, 1], [1, 0], [0, 0]]).all()
assert (total == a + b).all()
print("all claims hold")
