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
# # 4.5.4 Latent semantic analysis: five hundred documents, three terms
#
# With three terms every document is a point in space. **What do topics look like there, and how many are needed?**

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

from jaxmath import linalg, lsa, pca, plot

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## The collection
#
# Five hundred documents of different lengths. A document says "gun" and "violence" about equally often, since both come
# from one theme, and "music" independently and more rarely. Counts are whole numbers: Poisson draws about these rates.

# %%
key_crime, key_music, key_counts = jax.random.split(jax.random.key(7), 3)
crime = 12 * jax.random.gamma(key_crime, 1.5, (500,))
music = 6 * jax.random.gamma(key_music, 1.0, (500,))
rates = jnp.stack([crime, 0.9 * crime, music], axis=1)
counts = jax.random.poisson(key_counts, rates).astype(jnp.float32)
terms = ["violence", "gun", "music"]
print("documents x terms:", counts.shape, " first three:", counts[:3].tolist())

# %% [markdown]
# ## Three directions
#
# The decomposition $X = U \Sigma V^\top$ of the counts as they are (not centred) gives three orthogonal directions
# through the origin. We draw each with a length of $\sigma_j / \sqrt{n}$, the root mean square coordinate of a document
# along it.

# %%
topics = lsa.fit(counts, 3)
lengths = topics.singular_values / np.sqrt(500)
for length, topic in zip(lengths, topics.components, strict=True):
    print(f"typical size {length:6.2f}:", "  ".join(f"{e:+.3f} {t}" for e, t in zip(topic, terms, strict=True)))

# %%
fig = plt.figure(figsize=(6.4, 5.6))
ax = fig.add_subplot(projection="3d")
ax.scatter(*counts.T, s=6, color=plot.PALETTE[0], alpha=0.35)
for i, arrow in enumerate(2 * lengths[:, None] * topics.components):
    ax.plot(*np.stack([np.zeros(3), arrow], axis=1), color=plot.PALETTE[i + 1], linewidth=3, label=f"topic {i}")
ax.set(xlabel=terms[0], ylabel=terms[1], zlabel=terms[2])
ax.view_init(elev=18, azim=-60)
ax.legend()
plt.show()

# %% [markdown]
# The first direction runs along the cloud, between "violence" and "gun". The second is mostly "music". The third, the
# difference of "violence" and "gun", is short: the cloud is nearly flat. Two topics describe three terms.
#
# ## What two topics keep
#
# The share of the squared counts that k topics keep is $\sum_{j \le k} \sigma_j^2 / \sum_j \sigma_j^2$, and the best
# table of rank two misses exactly the third singular value.

# %%
shares = np.cumsum(np.asarray(topics.singular_values) ** 2) / np.sum(np.asarray(counts) ** 2)
flat = linalg.low_rank(counts, 2)
print("share kept by 1, 2, 3 topics:", np.round(shares, 4))
print("error of rank two:", flat.error, " third singular value:", topics.singular_values[2])

# %%
z = lsa.transform(lsa.fit(counts, 2), counts)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4))
left.scatter(z[:, 0], z[:, 1], s=8, c=counts[:, 2], cmap="viridis")
left.set(xlabel="topic 0: crime", ylabel="topic 1: music", title="documents by two topics, coloured by 'music'")
right.scatter(counts[:, 0], flat.approximation[:, 0], s=8, color=plot.PALETTE[0])
right.plot([0, 80], [0, 80], color="#808080", linewidth=1)
right.set(xlabel="'violence' as counted", ylabel="'violence' from two topics", title="what the third topic held")
plt.show()

# %% [markdown]
# The right picture shows what was given up: small deviations on both sides of the line, the chance of single words.
#
# ## The centred directions are others
#
# Principal components start at the mean document instead of at the origin. Here the two first directions differ by a
# few degrees; with a mean far from the origin the first topic would point *at* the mean, whatever the spread.

# %%
components = pca.fit(counts, 3).components
degrees = np.rad2deg([linalg.angle(a, b) for a, b in zip(topics.components, components, strict=True)])
towards_mean = np.rad2deg(linalg.angle(topics.components[0], counts.mean(axis=0)))
print("degrees between topics and principal components:", np.round(degrees, 1))
print("degrees between the first topic and the mean document:", np.round(towards_mean, 1))

# %% [markdown]
# ## What was claimed

# %%
_, sigma, vt = np.linalg.svd(np.asarray(counts, float), full_matrices=False)
assert np.allclose(topics.singular_values, sigma, rtol=1e-5)
assert np.allclose(np.abs(topics.components @ vt.T), np.eye(3), atol=1e-3)
assert abs(topics.components[0, 0] - topics.components[0, 1]) < 0.15  # violence and gun together
assert abs(topics.components[1, 2]) > 0.8  # then music
assert lengths[2] < 0.2 * lengths[0]  # the cloud is nearly flat
assert shares[1] > 0.97
assert np.isclose(flat.error, sigma[2], rtol=1e-4)
assert towards_mean < degrees.max()
print("all claims hold")
