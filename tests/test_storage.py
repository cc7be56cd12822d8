"""Saved results come back as they were; files that are not ours are refused by name."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmath
from jaxmath import linalg, moments, pca

X = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)


def same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for got, want in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


TREES = {
    "fit": lambda: pca.fit(X, 2),
    "moments": lambda: moments.of(X),
    "nested": lambda: {
        "a": [pca.fit(X, 1), None],
        "b": (jnp.arange(3), {"c.d": jnp.ones((0, 2)), "e": jnp.array(True)}),
    },
    "many": lambda: jax.vmap(lambda x: pca.fit(x, 1))(jnp.stack([X, 2 * X])),
    "narrow": lambda: pca.fit(jnp.asarray(X, jnp.bfloat16), 2),
    "transposed": lambda: jnp.asarray(X).T,
    "complex": lambda: linalg.eig(np.array([[0.0, -1.0], [1.0, 0.0]])),
    "empty": lambda: {},
}


@pytest.mark.parametrize("tree", TREES)
def test_round_trip(tree, tmp_path):
    value = TREES[tree]()
    jaxmath.save(tmp_path / "x.safetensors", value)
    same(jaxmath.load(tmp_path / "x.safetensors"), value)


def test_float64_keeps_its_digits(tmp_path):
    with jax.enable_x64(True):
        p = pca.fit(jnp.asarray(X, jnp.float64), 2)
        jaxmath.save(tmp_path / "x", p)
        same(jaxmath.load(tmp_path / "x"), p)


def test_names_with_dots_do_not_collide(tmp_path):
    tree = {"a.b": jnp.zeros(1), "a": {"b": jnp.ones(1)}}
    jaxmath.save(tmp_path / "x", tree)
    same(jaxmath.load(tmp_path / "x"), tree)


@pytest.mark.bad_input
def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(TypeError, match=r"tree.f is a function, neither an array nor a jaxmath result"):
        jaxmath.save(tmp_path / "x", {"f": lambda: None})
    with pytest.raises(TypeError, match="random key"):
        jaxmath.save(tmp_path / "x", jax.random.key(0))
    with pytest.raises(TypeError, match="neither"):
        jaxmath.save(tmp_path / "x", {1: jnp.ones(1)})
    with pytest.raises(TypeError, match=r"tree\.s has dtype object"):
        jaxmath.save(tmp_path / "x", {"s": np.array([None])})
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError):
        jaxmath.save(tmp_path / "missing" / "x", jnp.ones(1))


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    jaxmath.save(path, jnp.ones(2))

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        jaxmath.save(path, jnp.zeros(2))
    same(jaxmath.load(path), jnp.ones(2))
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def _file(header, tensors=None):
    from safetensors.numpy import save

    return save(tensors or {}, metadata=header)


REFUSED = {
    "not safetensors": (b"nonsense", "complete safetensors"),
    "no version": (_file({"other": "1"}), "has format None"),
    "newer": (_file({"jaxmath": "99", "structure": "null"}), "has format '99'"),
    "missing array": (_file({"jaxmath": "1", "structure": json.dumps("tree.0")}), "does not describe"),
    "foreign type": (_file({"jaxmath": "1", "structure": '{"type": "os:system", "fields": {}}'}), "does not describe"),
    "no such type": (_file({"jaxmath": "1", "structure": '{"type": "jaxmath.pca:X", "fields": {}}'}), "not describe"),
    "function": (_file({"jaxmath": "1", "structure": '{"type": "jaxmath.pca:fit", "fields": {}}'}), "not describe"),
    "fields": (_file({"jaxmath": "1", "structure": '{"type": "jaxmath.pca:PCA", "fields": {}}'}), "not describe"),
    "not json": (_file({"jaxmath": "1", "structure": "{"}), "does not describe"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", REFUSED)
def test_files_that_are_refused(kind, tmp_path):
    content, message = REFUSED[kind]
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=rf"jaxmath.load: {tmp_path / 'x'}.*{message}"):
        jaxmath.load(tmp_path / "x")


@pytest.mark.bad_input
def test_truncated_and_missing_files(tmp_path):
    jaxmath.save(tmp_path / "x", pca.fit(X, 2))
    (tmp_path / "y").write_bytes((tmp_path / "x").read_bytes()[:-7])
    with pytest.raises(ValueError, match="complete safetensors"):
        jaxmath.load(tmp_path / "y")
    with pytest.raises(FileNotFoundError, match="no file"):
        jaxmath.load(tmp_path / "z")
