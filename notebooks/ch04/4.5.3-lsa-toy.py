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
# # 4.5.3 Latent semantic analysis: seven small documents
#
# Two documents can be about the same thing without sharing a single word. **Can a table of word counts know that?**

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
# Each row is a document and says how often each of four terms occurs in it. Document 0 is about flowers, the others
# are about crime. Documents 5 and 6 have one term each, and not the same.

# %%
terms = ["violence", "gun", "america", "roses"]
rows = [(0, 0, 0, 2), (1, 1, 1, 0), (2, 2, 0, 0), (3, 3, 0, 0), (5, 5, 0, 0), (0, 1, 0, 0), (1, 0, 0, 0)]
counts = jnp.array(rows, jnp.float32)
labels = [f"d{i}" for i in range(7)]

# %%
fig, ax = plt.subplots(figsize=(5.4, 3.8))
ax.imshow(counts, cmap="Blues", vmax=7, aspect="auto")
for (i, j), value in np.ndenumerate(np.asarray(counts)):
    ax.text(j, i, f"{value:.0f}", ha="center", va="center", color="white" if value > 4 else "black")
ax.set(xticks=range(4), xticklabels=terms, yticks=range(7), yticklabels=labels)
ax.grid(visible=False)
plt.show()

# %% [markdown]
# Likeness of documents is usually measured by the cosine between their rows, $\cos(a, b) = a^\top b / (\|a\| \|b\|)$.
# By terms documents 5 and 6 have nothing in common: their cosine is 0.

# %%
by_terms = linalg.cosine_similarity(counts[5], counts[6])
print("cosine of d5 and d6 by terms:", by_terms)

# %% [markdown]
# ## Topics
#
# But "violence" and "gun" keep occurring *together*. The singular value decomposition $X = U \Sigma V^\top$ finds such
# habits: the rows of $V^\top$ are directions in the space of terms, ordered by how much of the table they explain. We
# call them topics. Nothing is centred here, unlike in principal component analysis: 0 means "does not occur", and it
# should stay 0.

# %%
topics = lsa.fit(counts, 4)
print("singular values:", np.round(topics.singular_values, 2))
for weight, topic in zip(topics.singular_values, topics.components, strict=True):
    print(f"{weight:5.2f} ", "  ".join(f"{entry:+.3f} {term}" for entry, term in zip(topic, terms, strict=True)))

# %%
fig, ax = plt.subplots(figsize=(6.4, 3.2))
for j, term in enumerate(terms):
    ax.bar(np.arange(4) + 0.2 * j, topics.components[:, j], width=0.18, label=term, color=plot.PALETTE[j])
ax.set_xticks(np.arange(4) + 0.3, [f"topic {i}\nweight {s:.2f}" for i, s in enumerate(topics.singular_values)])
ax.set(ylabel="how much of the term", ylim=(-1.05, 1.1))
ax.legend(ncols=4, fontsize=9, loc="lower left")
plt.show()

# %% [markdown]
# One topic towers above the rest: equal parts of "violence" and "gun", a trace of "america", no roses. The second one
# is roses alone. What is left, the difference of the two crime words and America on its own, has a singular value of
# about 1: noise, as far as so small a collection can tell.
#
# ## Likeness by topics
#
# Keep one topic and describe every document by its coordinate along it, $z = V_1 x$. Documents 5 and 6 now point the
# same way, because both of their words belong to the same topic.

# %%
one_topic = lsa.fit(counts, 1)
by_topics = lsa.document_similarity(one_topic, counts[5:6], counts[6:7])[0, 0]
print("cosine of d5 and d6 by one topic:", by_topics)

two_topics = lsa.fit(counts, 2)
likeness = lsa.document_similarity(two_topics, counts, counts)
lengths = jnp.linalg.norm(counts, axis=1)
tables = {"by terms": counts @ counts.T / jnp.outer(lengths, lengths), "by two topics": likeness}

# %%
fig, panels = plt.subplots(1, 2, figsize=(8.4, 4))
for ax, (title, table) in zip(panels, tables.items(), strict=True):
    image = ax.imshow(table, cmap="Blues", vmin=0, vmax=1)
    ax.set(title=f"cosines {title}", xticks=range(7), xticklabels=labels, yticks=range(7), yticklabels=labels)
    ax.grid(visible=False)
fig.colorbar(image, ax=panels, shrink=0.8)
plt.show()

# %% [markdown]
# By terms the table of cosines is a patchwork. By two topics it has two blocks: one document on flowers, six on crime.
# A query works the same way: it is a small document, and what answers it is near it in topics. "gun" finds document 6
# as readily as document 5, though document 6 never says "gun".

# %%
order, cosines = lsa.query(two_topics, jnp.array([[0.0, 1.0, 0.0, 0.0]]), counts)
for i, cosine in zip(order[0].tolist(), cosines[0].tolist(), strict=True):
    print(f"d{i}  {cosine:.3f}  {rows[i]}")

# %% [markdown]
# ## Why the leading singular vectors
#
# Of all tables of rank k, $X_k = U_k \Sigma_k V_k^\top$ is the closest to X (Eckart and Young), and what it misses is
# exactly what the other singular values say: $\|X - X_k\|^2 = \sum_{j > k} \sigma_j^2$.

# %%
ranks = range(1, 5)
errors = np.array([linalg.low_rank(counts, k).error for k in ranks])
predicted = np.array([np.sqrt(np.sum(np.asarray(topics.singular_values)[k:] ** 2)) for k in ranks])
for k, error, prediction in zip(ranks, errors, predicted, strict=True):
    print(f"rank {k}: error {error:.4f}, from the singular values {prediction:.4f}")

# %% [markdown]
# ## Centred or not
#
# Principal component analysis of the same table subtracts the mean document first. Its first direction is then that
# of largest *difference* between documents, the roses enter with a minus sign, and the zeros of a large sparse table
# would all be lost. For counts, latent semantic analysis is the natural one.

# %%
centred = pca.fit(counts, 1)
print("topic:              ", np.round(topics.components[0], 3))
print("principal component:", np.round(centred.components[0], 3))

# %% [markdown]
# ## What was claimed

# %%
_, sigma, vt = np.linalg.svd(np.array(rows, float))
assert np.allclose(topics.singular_values, sigma, rtol=1e-5)
assert np.allclose(np.abs(topics.components), np.abs(vt), atol=1e-5)
assert np.allclose(topics.singular_values, [8.89, 2.00, 1.00, 0.99], atol=6e-3)
assert np.allclose(topics.components[0], [0.707, 0.707, 0.018, 0.0], atol=6e-4)
assert by_terms == 0  # nothing in common by terms
assert np.isclose(by_topics, 1, atol=1e-6)  # one and the same by topics
assert np.allclose(likeness[1:, 1:], 1, atol=0.02)  # the block on crime
assert np.allclose(likeness[0, 1:], 0, atol=1e-5)  # and the roses apart
assert order[0, -1] == 0
assert np.allclose(errors, predicted, atol=1e-5)
assert centred.components[0, 3] < -0.05  # the mean document subtracted, roses count against crime
print("all claims hold")
