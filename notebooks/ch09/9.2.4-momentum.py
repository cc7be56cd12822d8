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
# # 9.2.4 Momentum: a ball instead of a hiker
#
# Gradient descent is a hiker who at every step looks at the slope and forgets where he came from. A ball does not
# forget: it keeps its speed. **How much faster is the ball, and does it roll past the bottom?**

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

from jaxmath import optimize, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The rules
#
# Let $g$ be the gradient and $\eta$ the rate. *Momentum* keeps a velocity $v$, zero at the start, of which a part
# $\gamma$ outlives each step:
#
# $$v \leftarrow \gamma v + \eta\, g(w), \qquad w \leftarrow w - v .$$
#
# *Nesterov's* rule looks ahead: the gradient is taken where the momentum alone would lead,
#
# $$v \leftarrow \gamma v + \eta\, g(w - \gamma v), \qquad w \leftarrow w - v .$$
#
# The playground is the bowl $L(w) = w_1^2 + w_2^2$ with the start (100, 200). Its gradient is $2 w$, so every point on
# the way is a multiple of the start, and all can be computed by hand. With $\eta = 0.2$, $\gamma = 0.2$:
#
# | step | $v$ | $w$ | $L$ |
# |---|---|---|---|
# | 0 | 0 | 1 | 50,000 |
# | 1 | 0.2 · 2 · 1 = 0.4 | 0.6 | 0.36 · 50,000 = 18,000 |
# | 2 | 0.2 · 0.4 + 0.4 · 0.6 = 0.32 | 0.28 | 0.0784 · 50,000 = 3,920 |
# | 3 | 0.2 · 0.32 + 0.4 · 0.28 = 0.176 | 0.104 | 540.8 |
#
# (in units of the start). The first step is always that of plain descent: a ball at rest has no momentum yet. Some
# texts let the velocity act one step later, and have 6,480 in the third row.


# %%
def bowl(w):
    return jnp.sum(w**2)


def run(rule, num_steps=14):
    return optimize.minimize(bowl, jnp.array([100.0, 200.0]), optimizer=rule, num_steps=num_steps)


plain, slow = run(optimize.gradient_descent(0.2)), run(optimize.momentum(0.2, 0.2))
fast, nesterov = run(optimize.momentum(0.3, 0.5)), run(optimize.nesterov(0.3, 0.5))
for name, found in (("plain", plain), ("momentum", slow), ("overshoot", fast), ("Nesterov", nesterov)):
    print(f"{name:>9}:", " ".join(f"{value:9.2f}" for value in found.losses[:7]))

# %% [markdown]
# ## The ways
#
# All four start at the upper right and run along one line, through the bottom at (0, 0). To tell their points apart
# the lower figure shows the position on the line, as a multiple of the start: below 0 is past the bottom.

# %%
ways = {
    "plain, 0.2": plain,
    "momentum, 0.2 and 0.2": slow,
    "momentum, 0.3 and 0.5": fast,
    "Nesterov, 0.3 and 0.5": nesterov,
}
axis = jnp.linspace(-80, 220, 60)
heights = axis[:, None] ** 2 + axis[None, :] ** 2
fig, panels = plt.subplots(1, 4, figsize=(12, 3.1))
for ax, (name, found) in zip(panels, ways.items(), strict=True):
    plot.contours(axis, axis, heights, path=found.path, ax=ax)
    ax.figure.axes[-1].remove()  # one scale of heights after another says nothing new
    ax.set_title(name, fontsize=10)
plt.show()

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.4))
for (name, found), color in zip(ways.items(), plot.PALETTE, strict=False):
    left.plot(found.path[:, 0] / 100, "o-", color=color, markersize=3.5, label=name)
    right.semilogy(jnp.maximum(found.losses, 1e-4), "o-", color=color, markersize=3.5, label=name)
left.axhline(0, color="#808080", linewidth=1)
left.set(xlabel="step", ylabel="position / start", title="past the bottom is below 0")
right.set(xlabel="step", ylabel="loss", title="the loss")
right.legend(fontsize=8)
plt.show()
for name, found in ways.items():
    print(f"{name:>22}: farthest past the bottom {max(0, -found.path[:, 0].min().item()):6.2f} % of the start")

# %% [markdown]
# Momentum of 0.5 rolls a third of the way up the other side. Nesterov's rule with the same numbers sees the rise
# before it gets there, brakes, and goes 14 % past with the points ahead that `optimize.nesterov` returns (5.6 % with
# the points $w$ themselves, as the next cell shows).
#
# ## When does it run past?
#
# On a parabola of curvature $h$ the gradient is $h w$. Eliminate the velocity, $v_t = w_{t-1} - w_t$, and momentum is
# one recurrence:
#
# $$w_{t+1} = (1 + \gamma - \eta h)\, w_t - \gamma\, w_{t-1} .$$
#
# It swings if $z^2 - (1 + \gamma - \eta h) z + \gamma = 0$ has complex roots, that is if $\sqrt{\eta h} > 1 -
# \sqrt\gamma$. For Nesterov's rule the same steps give $1 - \eta h < 4 \gamma / (1 + \gamma)^2$. And a swing shrinks
# by $\sqrt\gamma$ a step there, by $\sqrt{\gamma (1 - \eta h)}$ here. In numbers, with $h = 2$: does any of the first
# 60 points lie past the bottom?


# %%
def overshoot(rule):
    return jnp.maximum(0, -optimize.minimize(lambda w: w**2, 1.0, optimizer=rule, num_steps=60).path.min())


rates, gammas = jnp.linspace(0.01, 0.49, 49), jnp.linspace(0.01, 0.95, 48)
grid = jnp.stack(jnp.meshgrid(rates, gammas, indexing="ij"), axis=-1).reshape(-1, 2)
past = {
    "momentum": jax.jit(jax.vmap(lambda p: overshoot(optimize.momentum(p[0], p[1]))))(grid).reshape(49, 48),
    "Nesterov": jax.jit(jax.vmap(lambda p: overshoot(optimize.nesterov(p[0], p[1]))))(grid).reshape(49, 48),
}
limits = {
    "momentum": (1 - jnp.sqrt(gammas)) ** 2 / 2,
    "Nesterov": (1 - 4 * gammas / (1 + gammas) ** 2) / 2,
}
fig, panels = plt.subplots(1, 2, figsize=(10, 3.7), sharey=True)
for ax, (name, values) in zip(panels, past.items(), strict=True):
    shown = ax.pcolormesh(rates, gammas, 100 * values.T, cmap="viridis", vmin=0, vmax=90, rasterized=True)
    ax.plot(limits[name], gammas, color="white", linestyle="--", label="swings to the right of this")
    ax.plot([0.2, 0.3], [0.2, 0.5], "o", color=plot.PALETTE[1], label="the two examples")
    ax.set(xlabel="rate", ylabel="gamma" if name == "momentum" else "", title=name, xlim=(0.01, 0.49))
    ax.legend(fontsize=8, loc="upper right")
fig.colorbar(shown, ax=panels, label="% past the bottom")
plt.show()
w, v, proper = 1.0, 0.0, []
for _ in range(14):
    v = 0.5 * v + 0.3 * 2 * (w - 0.5 * v)
    w, proper = w - v, [*proper, w - v]
for name, rule in (("momentum", optimize.momentum), ("Nesterov", optimize.nesterov)):
    print(f"{name} 0.2 and 0.2: {100 * overshoot(rule(0.2, 0.2)):.3f} % past the bottom")
print(f"Nesterov 0.3 and 0.5, the points w themselves: {-100 * min(proper):.1f} %")

# %% [markdown]
# With (0.2, 0.2) momentum goes half a percent past the bottom, and Nesterov's rule not at all.
#
# ## What momentum is for
#
# On a round bowl it is of little use; plain descent with the rate 0.5 would be there in one step. Its place are
# valleys: steep across, flat along. There the rate is limited by the steep direction, and momentum adds up the many
# small steps along the floor.


# %%
def valley(w):
    return w[0] ** 2 / 40 + w[1] ** 2


start = jnp.array([-20.0, 6.0])
rules = {"plain": optimize.gradient_descent(0.8), "momentum": optimize.momentum(0.8, 0.6)}
rules |= {"Nesterov": optimize.nesterov(0.45, 0.75), "Adam": optimize.adam(1.5)}
roads = {name: optimize.minimize(valley, start, optimizer=rule, num_steps=120) for name, rule in rules.items()}
arrival = {name: int(np.argmax(np.asarray(road.losses) < 1e-3)) for name, road in roads.items()}
along, across = jnp.linspace(-24, 8, 80), jnp.linspace(-7, 7, 40)
floor = along[:, None] ** 2 / 40 + across[None, :] ** 2
fig, panels = plt.subplots(2, 2, figsize=(11, 6.4))
for ax, (name, road) in zip(panels.ravel(), roads.items(), strict=True):
    plot.contours(along, across, jnp.sqrt(floor), path=road.path[:60], ax=ax)
    ax.figure.axes[-1].remove()
    ax.set_title(f"{name}: loss below 0.001 after {arrival[name]} steps", fontsize=10)
plt.show()

# %% [markdown]
# ## The same in plain NumPy
#
# The rule in a loop, and the same steps by optax, where momentum is an option of `sgd`.


# %%
def numpy_step(w, v, rate, gamma):
    v = gamma * v + rate * 2 * w
    return w - v, v


numpy_losses = {}
for rate, gamma in ((0.2, 0.2), (0.3, 0.5)):
    w, v, numpy_losses[rate] = np.array([100.0, 200.0]), np.zeros(2), [50000.0]
    for _ in range(14):
        w, v = numpy_step(w, v, rate, gamma)
        numpy_losses[rate].append(np.sum(w**2))
print("NumPy:", np.round(numpy_losses[0.2][:5], 2), " optax:", run(optax.sgd(0.2, momentum=0.2), 4).losses.round(2))

# %% [markdown]
# ## What was claimed

# %%
assert np.allclose(plain.losses[:8], [50000, 18000, 6480, 2332.8, 839.81, 302.33, 108.84, 39.18], rtol=1e-4)
assert np.allclose(slow.losses[:4], [50000, 18000, 3920, 540.8], rtol=1e-4)  # the table
assert np.allclose(slow.losses, numpy_losses[0.2], rtol=1e-3, atol=1e-3)
assert np.allclose(fast.losses, numpy_losses[0.3], rtol=1e-3)
assert np.allclose(run(optax.sgd(0.3, momentum=0.5)).path, fast.path, rtol=1e-4, atol=1e-3)
assert np.allclose(run(optax.sgd(0.3, momentum=0.5, nesterov=True)).path, nesterov.path, rtol=1e-4, atol=1e-3)
assert plain.path.min() >= 0  # plain descent does not run past
assert np.isclose(fast.path[:, 0].min(), -32.6, atol=1e-3)
assert np.isclose(nesterov.path[:, 0].min(), -14, atol=1e-3)
assert np.isclose(min(proper), -0.056)
assert 0 < overshoot(optimize.momentum(0.2, 0.2)) < 0.006
assert overshoot(optimize.nesterov(0.2, 0.2)) == 0
for name, values in past.items():  # the dashed lines are the border
    inside = rates[:, None] < limits[name] - 0.005
    assert (np.asarray(values)[np.asarray(inside)] < 1e-6).all()
    beyond = (rates[:, None] > limits[name] + 0.05) & (gammas > 0.1)
    assert (np.asarray(values)[np.asarray(beyond)] > 0).all()
assert arrival["momentum"] < arrival["plain"] / 2
assert arrival["Nesterov"] < arrival["plain"] / 2
print("all claims hold")
