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
# # 4.5.5 Latent semantic analysis: three libraries read for their topics
#
# JAX, NumPy and SciPy have more than three thousand public functions. **Can we find the one we need by saying what it
# should do, even in words that its author did not use?**

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
import dataclasses

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse

from jaxmath import lsa, plot
from jaxmath.data import text

plot.style()
print("device:", jax.devices()[0].device_kind)

# %% [markdown]
# ## A collection that everybody has
#
# Every function comes with a docstring, so a library is a collection of documents that is already on this machine.
# `text.docstrings` walks through the public modules and brings them together. (The numbers below depend on the
# versions that are installed.)

# %%
names, texts = text.docstrings("jax", "numpy", "scipy")
place = {name: i for i, name in enumerate(names)}
print(len(names), "functions, among them", ", ".join(names[:: len(names) // 4]))

# %% [markdown]
# Which words are worth counting? One that stands in one or two texts connects nothing, and one that stands in every
# third, such as "the" or "array", tells nothing apart. So we keep those in at least three texts and at most a fifth of
# them. No list of stop words is needed, and no rule that "eigenvalues" is a plural: that it goes with "eigenvalue"
# shall be found, not told.

# %%
terms = text.vocabulary(texts, min_texts=3, max_share=0.2)
counts = text.count_terms(texts, terms)
every_word = text.vocabulary(texts)
in_texts = np.bincount(np.asarray(text.count_terms(texts, every_word).indices)[:, 1])
common = np.argsort(-in_texts)
print(len(terms), "of", len(every_word), "words kept; the most common of all:", [every_word[j] for j in common[:8]])
print(f"table {counts.shape}, {counts.nse} cells are not 0: {counts.nse / np.prod(counts.shape):.1%}")

# %%
fig, ax = plt.subplots(figsize=(6.4, 3.4))
ax.loglog(np.arange(1, len(common) + 1), in_texts[common], color=plot.PALETTE[0])
ax.axhspan(3, 0.2 * len(texts), color=plot.PALETTE[2], alpha=0.15, label="kept")
ax.set(xlabel="rank of the word", ylabel="texts it stands in", xlim=(1, None))
for rank in (1, 20, 150, 1200):
    spot = (rank, in_texts[common[rank - 1]])
    ax.annotate(every_word[common[rank - 1]], spot, xytext=(6, 4), textcoords="offset points", fontsize=10)
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# ## What a word weighs
#
# A word that few texts have says more about them than one that many have, and a long text should not weigh more than a
# short one. The weighting "tf-idf" does both. If a word stands in $n_j$ of $n$ texts, its count $c_{ij}$ becomes
#
# $$x_{ij} = \frac{c_{ij} w_j}{\| (c_{i1} w_1, \dots, c_{id} w_d) \|}, \qquad w_j = \log \frac{1 + n}{1 + n_j} + 1 .$$
#
# Cells that are 0 stay 0, so the table stays sparse, and its leading singular vectors come from products with single
# vectors: 19 million cells would be needed for the whole table, and only 1 % of them are ever stored.

# %%
topics = lsa.fit(counts, 60, weighting="tfidf")
print("singular values:", np.round(topics.singular_values[:8], 2), "...", np.round(topics.singular_values[-1], 2))

# %%
fig, ax = plt.subplots(figsize=(6.4, 2.8))
plot.spectrum(topics.singular_values**2, ax=ax)
ax.set(xlabel="topic", ylabel="σ², documents' worth")
plt.show()

# %% [markdown]
# Every text has length 1, so $\sigma_j^2$ is measured in documents: topic 1 explains as much as some hundred texts
# hold, and the rest falls slowly. Language has no few clean dimensions.
#
# ## The topics, named by their strongest words

# %%
columns, strengths = lsa.topic_terms(topics, 8)
fig, panels = plt.subplots(2, 4, figsize=(11, 5))
for i, ax in zip((0, 2, 3, 4, 7, 9, 10, 16), panels.flat, strict=True):
    shades = np.where(strengths[i] > 0, plot.PALETTE[1], plot.PALETTE[0])
    ax.barh([terms[j] for j in columns[i].tolist()], strengths[i], color=shades)
    ax.invert_yaxis()
    ax.set(title=f"topic {i + 1}", xticks=[0])
    ax.tick_params(axis="y", labelsize=9)
    ax.grid(visible=False)
plt.show()

# %% [markdown]
# The first topic is probability distributions. The others are contrasts, because they must stand at right angles to
# all before them: words of one colour against words of the other. Nobody told the program that there are polynomials,
# masked arrays or Fourier transforms.
#
# ## Words that mean the same
#
# A word can be asked for like a document, one that says this word and nothing else. Its neighbours among all words are
# those that keep the same company:

# %%
each_word = text.count_terms(terms, terms)
asked = ["eigenvalue", "histogram", "random", "shortest", "jacobian", "cholesky"]
near, cosines = lsa.query(topics, text.count_terms(asked, terms), each_word)
for word, row, cosine in zip(asked, near[:, 1:8].tolist(), cosines[:, 1:8].tolist(), strict=True):
    print(f"{word:>11}:", ", ".join(f"{terms[j]} {c:.2f}" for j, c in zip(row, cosine, strict=True)))

# %% [markdown]
# "eigenvalue" and "eigenvalues" are two columns of the table that nothing connects but the company they keep.
#
# ## Which function do I need?

# %%
wishes = [
    "singular value decomposition",
    "shortest path in a graph",
    "hamming distance of strings",
    "machine learning activation",
    "eigenvalues of a large sparse matrix",
    "logarithm of a sum of exponentials without overflow",
]
order, fits = lsa.query(topics, text.count_terms(wishes, terms), counts)
answers = [[names[i] for i in row] for row in order[:, :4].tolist()]
for wish, best in zip(wishes, answers, strict=True):
    print(f"{wish}\n    " + "\n    ".join(best))

# %% [markdown]
# ## Which modules are about the same things?
#
# All docstrings of a module, one after the other, are one long document. The cosines between such documents by topics:

# %%
modules = ["numpy.linalg", "scipy.linalg", "jax.numpy.linalg", "jax.scipy.linalg", "scipy.sparse.linalg"]
modules += ["numpy.fft", "scipy.fft", "jax.numpy.fft", "scipy.signal", "scipy.ndimage"]
modules += ["numpy.random", "jax.random", "scipy.stats", "scipy.special", "jax.scipy.special", "jax.nn"]
of_module = [name.rpartition(".")[0] for name in names]
long_texts = [" ".join(t for t, m in zip(texts, of_module, strict=True) if m == module) for module in modules]
module_counts = text.count_terms(long_texts, terms)
by_topics = lsa.document_similarity(topics, module_counts, module_counts)

# %%
fig, ax = plt.subplots(figsize=(7.4, 5.6))
picture = ax.imshow(by_topics, cmap="Blues", vmin=0, vmax=1)
ax.set_xticks(range(len(modules)), modules, rotation=90)
ax.set_yticks(range(len(modules)), modules)
ax.grid(visible=False)
fig.colorbar(picture, label="cosine by topics")
plt.show()

# %% [markdown]
# Linear algebra is one block across three libraries, Fourier transforms are another. Signals and images are filtered
# alike, NumPy's random numbers are near SciPy's distributions, and JAX's special functions near its activations.
#
# ## How good is it? A test with an answer
#
# The first line of a docstring says what the function does; take it as the query and the rest as the document. The
# right answer is then known for every function. We count how many documents come before it: 0 is perfect, and guessing
# would give half of all. The same by words alone, that is with the weighted table itself, in SciPy and float64:

# %%
parts = [t.strip().split("\n\n", 1) for t in texts]
pairs = [p for p in parts if len(p) == 2 and len(text.words(p[0])) >= 4][::3]  # a third of them is enough
titles, bodies = (text.count_terms(side, terms) for side in zip(*pairs, strict=True))


def weighted(table):
    cells, (rows, columns) = np.asarray(table.data, float), np.asarray(table.indices).T
    x = scipy.sparse.csr_array((cells * np.asarray(topics.term_weights, float)[columns], (rows, columns)), table.shape)
    return x / np.maximum(np.sqrt((x * x).sum(axis=1)), 1e-12)[:, None]


# %%
alike = (weighted(titles) @ weighted(bodies).T).toarray()
before_by_words = np.median((alike > np.diagonal(alike)[:, None]).sum(axis=1))
sizes = (5, 20, 60)
cut = [dataclasses.replace(topics, components=topics.components[:k]) for k in sizes]
tables = [lsa.document_similarity(part, titles, bodies) for part in cut]
before = [np.median((table > jnp.diagonal(table)[:, None]).sum(axis=1)) for table in tables]
print(f"{len(pairs)} queries; documents before the right one, median: {before_by_words:.0f} by words;", end=" ")
print(", ".join(f"{b:.0f} by {k} topics" for k, b in zip(sizes, before, strict=True)))

# %% [markdown]
# So whoever knows the author's own words should use them: topics blur what is exact. But the question was about *other*
# words. Let us make it so: from each document in turn we strike every word that its title has, and leave all other
# documents as they are. By words the cosine of a title with its document is now exactly 0, and it is never found. By
# topics the two can still be near, as documents 5 and 6 of section 4.5.3 are:

# %%
struck = [" ".join(w for w in text.words(rest) if w not in set(text.words(title))) for title, rest in pairs]
struck_counts = text.count_terms(struck, terms)
own_by_words = (weighted(titles) * weighted(struck_counts)).sum()
own = [jnp.diagonal(lsa.document_similarity(part, titles, struck_counts)) for part in cut]
before_struck = [np.median((table > mine[:, None]).sum(axis=1)) for table, mine in zip(tables, own, strict=True)]
print("all cosines by words together:", own_by_words)
print("median by topics:", ", ".join(f"{b:.0f} by {k}" for k, b in zip(sizes, before_struck, strict=True)))

# %%
fig, ax = plt.subplots(figsize=(6.8, 3.6))
ax.loglog(sizes, before, "o-", color=plot.PALETTE[0], label="by topics")
ax.loglog(sizes, before_struck, "s-", color=plot.PALETTE[1], label="by topics, not one word in common")
ax.axhline(before_by_words, color=plot.PALETTE[0], linestyle="--", linewidth=1.4, label="by words")
ax.axhline(len(pairs) / 2, color="#808080", linestyle=":", linewidth=1.4, label="guessing")
ax.set(xlabel="number of topics", ylabel="documents before it (median)", xticks=sizes, xticklabels=sizes)
ax.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
ax.minorticks_off()
plt.show()

# %% [markdown]
# Without one word in common the right one of a thousand stands among the first thirty in half of all cases. What
# neither way can do is to answer a wish of which no word is in the vocabulary: its coordinates are all 0, and so are
# its cosines.

# %%
_, nothing = lsa.query(topics, text.count_terms(["abracadabra"], terms), counts)
print("cosines with an unknown word, smallest and largest:", nothing.min(), nothing.max())

# %% [markdown]
# ## The same with SciPy
#
# ARPACK finds the singular values of the same weighted table in float64.

# %%
reference = np.sort(scipy.sparse.linalg.svds(weighted(counts), k=20, return_singular_vectors=False))[::-1]
worst = np.abs(topics.singular_values[:20] / reference - 1).max()
gram = np.asarray(topics.components @ topics.components.T)
print(f"largest relative difference of 20 singular values: {worst:.1e}")

# %% [markdown]
# ## What was claimed

# %%
assert len(names) > 2000
assert counts.nse < 0.02 * np.prod(counts.shape)  # the table is sparse
assert worst < 1e-5
assert np.allclose(gram, np.eye(60), atol=1e-4)
assert {"distribution", "scale"} <= {terms[j] for j in columns[0].tolist()}  # topic 1: distributions
assert (strengths[0] > 0).all()
assert (strengths[1:] < 0).any()  # the others are contrasts
assert "eigenvalues" in [terms[j] for j in near[0, 1:4].tolist()]
assert any("linalg.svd" in name for name in answers[0])  # the queries find the right function
assert any(name.startswith("scipy.sparse.csgraph.") for name in answers[1])
assert "scipy.spatial.distance.hamming" in answers[2]
assert any(name.startswith("jax.nn.") for name in answers[3])
assert any(name.startswith("scipy.sparse.linalg.") for name in answers[4])
assert any("log" in name and ("softmax" in name or "exp" in name) for name in answers[5])
assert by_topics[0, 1] > 0.6  # linear algebra in two libraries
assert by_topics[5, 6] > 0.6  # and Fourier transforms
assert by_topics[0, 5] < 0.3
assert before_by_words < before[-1] < before[0]  # own words are best, many topics better than few
assert own_by_words == 0
assert (nothing == 0).all()
assert before_struck[-1] < 30 < 0.05 * len(pairs)
print("all claims hold")
