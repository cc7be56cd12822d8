"""Latent semantic analysis: against scikit-learn, sparse as dense, and the laws of the best approximation."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

import jaxmath
from jaxmath import _lanczos, lsa
from jaxmath._compiling import quick_to_compile

compiled = partial(jax.jit, compiler_options=quick_to_compile())
transform = compiled(lsa.transform)
RNG = np.random.default_rng(0)
WEIGHTINGS = (None, "tfidf", "log_entropy")
TOY = np.array([[0, 0, 0, 2], [1, 1, 1, 0], [2, 2, 0, 0], [3, 3, 0, 0], [5, 5, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]])


def collection(documents=60, terms=40, topics=3, seed=0):
    """Counts of documents that mix a few topics: falling singular values, most cells 0."""
    rng = np.random.default_rng(seed)
    vocabulary = rng.dirichlet(np.full(terms, 0.1), size=topics)
    mixtures = rng.dirichlet(np.array([0.6, 0.3, 0.2])[:topics], size=documents)
    return rng.poisson(30 * mixtures @ vocabulary).astype(np.float32)


@cache
def fit(k, weighting=None, **options):
    """The fit as one program, of which there is one a shape and kind of table."""
    return compiled(partial(lsa.fit, num_topics=k, weighting=weighting, **options))


def sparse(table, cells=None):
    """As BCOO.fromdense, which compiles forty programs."""
    cells = np.argwhere(table) if cells is None else cells
    return BCOO(
        (jnp.asarray(table[tuple(cells.T)]), jnp.asarray(cells, jnp.int32)),
        shape=table.shape,
        indices_sorted=True,
        unique_indices=True,
    )


@pytest.mark.parametrize("weighting", [None, "tfidf"])
def test_equals_scikit_learn(weighting):
    decomposition = pytest.importorskip("sklearn.decomposition")
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = collection().astype(float)
    table = TfidfTransformer().fit_transform(counts).toarray() if weighting else counts
    with jax.enable_x64(True):
        ours = fit(3, weighting)(counts)
        theirs = decomposition.TruncatedSVD(3, algorithm="arpack").fit(table)
        np.testing.assert_allclose(ours.singular_values, theirs.singular_values_, rtol=1e-9)
        np.testing.assert_allclose(np.abs(ours.components), np.abs(theirs.components_), atol=1e-8)
        np.testing.assert_allclose(np.abs(transform(ours, counts)), np.abs(theirs.transform(table)), atol=1e-8)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_sparse_equals_dense(weighting):
    counts = collection()
    dense_fit, sparse_fit = (fit(3, weighting)(c) for c in (counts, sparse(counts)))
    np.testing.assert_allclose(sparse_fit.singular_values, dense_fit.singular_values, rtol=1e-5)
    np.testing.assert_allclose(sparse_fit.components, dense_fit.components, atol=1e-4)
    np.testing.assert_allclose(sparse_fit.term_weights, dense_fit.term_weights, rtol=1e-5)
    z = transform(dense_fit, counts)
    np.testing.assert_allclose(transform(dense_fit, sparse(counts)), z, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_sparse_table_is_never_made_dense(weighting):
    """No array as large as the table appears anywhere in the program."""
    table = collection(300, 200)
    counts = sparse(table, np.argwhere(table)[:500])

    def all_of_it(data, indices):
        table = BCOO((data, indices), shape=counts.shape)
        fitted = lsa.fit(table, 3, weighting=weighting)
        return lsa.transform(fitted, table)

    sizes = [
        v.aval.size for eqn in _equations(jax.make_jaxpr(all_of_it)(*counts.tree_flatten()[0])) for v in eqn.outvars
    ]
    assert max(sizes) < 300 * 200 / 2


def _equations(jaxpr):
    for eqn in jaxpr.eqns:
        yield eqn
        for inner in jax.tree.leaves(eqn.params, is_leaf=lambda p: hasattr(p, "eqns")):
            if hasattr(inner, "eqns"):
                yield from _equations(inner)


SPECTRA = {
    "all equal": [1.0] * 60,
    "three-fold, and a flat tail": [5.0] * 3 + [3.0] * 3 + list(np.linspace(2.9, 0.1, 54)),
    "a cut through equal ones": [5.0] + [2.0] * 5,
    "falling by half": list(2.0 ** -np.arange(20)),
    "of rank 2": [1.0, 0.5],
    "nothing": [0.0],
}


@pytest.mark.parametrize("shape", [(60, 90), (90, 60)])
@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
def test_hard_spectra_of_sparse_tables(spectrum, shape):
    """Equal, vanishing and crowded singular values; the vectors are orthonormal whatever the rank."""
    with jax.enable_x64(True):
        left, right = (np.linalg.qr(RNG.normal(size=(size, len(spectrum))))[0] for size in shape)
        table = 1e-25 * (left * spectrum) @ right.T
        fitted = fit(5)(sparse(table, np.indices(shape).reshape(2, -1).T))
    values, vectors = 1e25 * np.asarray(fitted.singular_values), np.asarray(fitted.components)
    np.testing.assert_allclose(values, np.resize(spectrum, 5) * (np.arange(5) < len(spectrum)), atol=1e-12)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(1e25 * np.linalg.norm(table @ vectors.T, axis=0), values, atol=1e-11)


def test_what_has_not_settled_is_nan(monkeypatch):
    """One round can find singular values but not put them to the test."""
    monkeypatch.setattr(_lanczos, "_ROUNDS", 1)
    fitted = compiled(lambda c: lsa.fit(c, 2))(
        sparse(collection(41, 23))
    )  # a shape of its own, so that it is compiled anew
    assert jnp.isnan(fitted.singular_values).all()
    assert jnp.isnan(fitted.components).all()


def test_a_sparse_table_without_a_cell():
    nothing = BCOO((jnp.zeros(0), jnp.zeros((0, 2), jnp.int32)), shape=(6, 4))
    for weighting in WEIGHTINGS:
        fitted = lsa.fit(nothing, 2, weighting=weighting)
        np.testing.assert_array_equal(fitted.singular_values, 0)
        np.testing.assert_array_equal(lsa.transform(fitted, nothing), 0)


def test_many_copies_of_one_collection_give_each_topic_many_times():
    one = collection(20, 15)
    copies = sparse(np.kron(np.eye(6, dtype=np.float32), one))
    fitted = fit(12, solver="randomized")(copies, key=jax.random.key(3))
    wanted = np.repeat(np.linalg.svd(one, compute_uv=False)[:2], 6)
    np.testing.assert_allclose(fitted.singular_values, wanted, rtol=2e-5)


def test_cells_that_stand_twice_are_added_before_they_are_weighted():
    once = BCOO((jnp.array([3.0, 1.0, 2.0, 0.0]), jnp.array([[0, 0], [0, 1], [1, 1], [1, 0]])), shape=(2, 2))
    twice = BCOO((jnp.array([1.0, 1.0, 2.0, 2.0]), jnp.array([[0, 0], [0, 1], [1, 1], [0, 0]])), shape=(2, 2))
    for weighting in WEIGHTINGS:
        for got, want in zip(
            jax.tree.leaves(lsa.fit(twice, 2, weighting=weighting)),
            jax.tree.leaves(lsa.fit(once, 2, weighting=weighting)),
            strict=True,
        ):
            np.testing.assert_allclose(got, want, atol=1e-6)


def test_the_error_is_that_of_the_singular_values_left_out():
    """Eckart and Young: no table of k topics is closer."""
    counts = collection().astype(float)
    with jax.enable_x64(True):
        whole = np.linalg.svd(counts, compute_uv=False)
        for k in (1, 2, 5):
            fitted = fit(k)(counts)
            rebuilt = np.asarray(transform(fitted, counts)) @ np.asarray(fitted.components)
            assert np.linalg.norm(counts - rebuilt) == pytest.approx(np.sqrt((whole[k:] ** 2).sum()), rel=1e-10)
            other = np.linalg.qr(RNG.normal(size=(counts.shape[1], k)))[0]
            assert np.linalg.norm(counts - counts @ other @ other.T) > np.linalg.norm(counts - rebuilt)


def test_documents_without_a_common_term_share_a_topic():
    topics = fit(1)(TOY)
    d5, d6 = TOY[5:6], TOY[6:7]
    assert d5 @ d6.T == 0
    assert compiled(lsa.document_similarity)(topics, d5, d6)[0, 0] == pytest.approx(1, abs=1e-6)
    order, cosines = compiled(lsa.query)(fit(2)(TOY), np.array([[1, 0, 0, 0]]), TOY)
    assert order[0, -1] == 0, "the document on roses answers a query on violence last"
    assert (np.diff(cosines[0]) <= 1e-6).all()


def test_a_fit_can_be_saved_and_loaded(tmp_path):
    for weighting in WEIGHTINGS:
        fitted = fit(2, weighting)(TOY)
        jaxmath.save(tmp_path / "topics", fitted)
        loaded = jaxmath.load(tmp_path / "topics")
        assert loaded.weighting == weighting
        np.testing.assert_array_equal(loaded.components, fitted.components)


def test_under_jit_and_vmap():
    counts = np.stack([collection(seed=s) for s in range(3)])
    fits = compiled(jax.vmap(lambda c: lsa.fit(c, 3, weighting="tfidf")))(counts)
    for i in range(3):
        one = fit(3, "tfidf")(counts[i])
        np.testing.assert_allclose(fits.components[i, :2], one.components[:2], atol=1e-4)
    table = sparse(counts[0])
    np.testing.assert_allclose(fit(3)(table).singular_values, lsa.fit(table, 3).singular_values, rtol=1e-5)
