"""Saved results come back as they were; files that are not ours are refused by name."""

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmath
from jaxmath import data, distributions, linalg, moments, pca

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


@pytest.mark.parametrize("given", ["covariance", "precision", "scale_tril"])
def test_a_distribution_keeps_the_parameter_that_was_given(given, tmp_path):
    d = distributions.MultivariateNormal(X[0], **{given: np.diag(X[0] ** 2 + 1)})
    jaxmath.save(tmp_path / "x", d)
    loaded = jaxmath.load(tmp_path / "x")
    same(loaded, d)
    assert [name for name, value in vars(loaded).items() if value is not None] == ["loc", given]


def test_a_python_number_takes_on_the_type_of_what_it_meets_after_loading_too(tmp_path):
    with jax.enable_x64(False):
        d = distributions.Gamma(3, jnp.asarray(2, jnp.float32))
        jaxmath.save(tmp_path / "x", {"d": d, "draw": distributions.NormalGamma(0, 1, 2, 3).sample(jax.random.key(0))})
    for wide in (False, True):
        with jax.enable_x64(wide):
            loaded = jaxmath.load(tmp_path / "x")
            assert (loaded["d"].concentration.weak_type, loaded["d"].rate.weak_type) == (True, False)
            assert loaded["d"].log_prob(np.float32(1)).dtype == np.float32
            assert distributions.Normal(loaded["d"].concentration, 1.0).log_prob(np.float64(1)).dtype == (
                np.float64 if wide else np.float32
            )
    with jax.enable_x64(True):
        jaxmath.save(tmp_path / "x", jnp.asarray(2**40))
    with jax.enable_x64(False):
        assert jaxmath.load(tmp_path / "x") == 2**40


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
    "no distribution": (
        _file(
            {
                "jaxmath": "1",
                "structure": '{"type": "jaxmath.distributions:MultivariateNormal", "fields": {"loc": "0"}}',
            },
            {"0": X[0]},
        ),
        r"does not describe .*expected one of covariance, precision, scale_tril, got none",
    ),
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


def _back(path, tree):
    jaxmath.save(path, tree)
    return jaxmath.load(path)


ORDERS = {
    "fortran": np.asfortranarray(X),
    "transposed": X.T,
    "strided": X[::2, 1::2],
    "negative stride": X[::-1, ::-1],
    "big-endian": X.astype(">f4"),
    "broadcast": np.broadcast_to(X[0], (3, 4)),
    "no size": X[:, :0].T,
    "big-endian complex": (X + 2j * X).astype(">c8")[::-1],
}


@pytest.mark.parametrize("kind", ORDERS)
def test_arrays_of_any_order_in_memory_come_back(kind, tmp_path):
    got = _back(tmp_path / "x", ORDERS[kind])
    assert got.dtype == ORDERS[kind].dtype.newbyteorder("=")
    np.testing.assert_array_equal(got, ORDERS[kind])


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.uint32, np.int8, bool, np.float16, jnp.bfloat16])
def test_numbers_of_any_type_come_back(dtype, tmp_path):
    values = np.array([0, 1, 1], dtype)
    np.testing.assert_array_equal(_back(tmp_path / "x", values), values)


def test_integers_that_jax_cannot_hold_come_back_as_numpy_has_them(tmp_path):
    tree = {"n": np.array([2**31, 5]), "u": np.uint64(2**64 - 1), "min": -(2**63), "few": np.array([-(2**31), 5])}
    got = _back(tmp_path / "x", tree)
    for name, value in tree.items():
        np.testing.assert_array_equal(got[name], value)
        wide = jax.config.jax_enable_x64 or name == "few"
        assert isinstance(got[name], jax.Array if wide else np.ndarray)


def test_every_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "x"
    jaxmath.save(path, {"a": jnp.arange(3.0), "b": "0" * 64, "c": '"checksum":"' + "0" * 64 + '"'})
    good = path.read_bytes()
    assert jaxmath.load(path)["b"] == "0" * 64
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(ValueError, match=r"jaxmath.load: .*x (is |has |does )"):
            jaxmath.load(path)


def test_a_file_without_a_checksum_is_read(tmp_path):
    (tmp_path / "x").write_bytes(_file({"jaxmath": "1", "structure": '"0"'}, {"0": X}))
    np.testing.assert_array_equal(jaxmath.load(tmp_path / "x"), X)


def test_a_file_keeps_its_permissions_and_a_link_its_place(tmp_path):
    path, link = tmp_path / "x", tmp_path / "link"
    mask = os.umask(0o027)
    try:
        jaxmath.save(path, {})
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o640
    link.symlink_to(path)
    jaxmath.save(link, jnp.ones(2))
    assert (link.is_symlink(), path.stat().st_mode & 0o777) == (True, 0o640)
    same(jaxmath.load(path), jnp.ones(2))


@pytest.mark.bad_input
def test_what_is_not_ours_is_not_replaced(tmp_path):
    path = tmp_path / "mine"
    for content in (b"mine", _file({"other": "1"}), _file({"jaxmath": "1", "model": "LeNet"})):
        path.write_bytes(content)
        with pytest.raises(FileExistsError, match=rf"jaxmath.save: cannot write {path}: .* is not a file of jaxmath.s"):
            jaxmath.save(path, {})
        assert path.read_bytes() == content
    path.write_bytes(b"")
    jaxmath.save(path, {})
    jaxmath.save(path, {"a": 1})
    path.write_bytes(path.read_bytes()[:-3])  # truncated, and ours
    jaxmath.save(path, {})
    os.mkfifo(tmp_path / "pipe")
    for place, error, message in (
        (tmp_path, IsADirectoryError, "it is a folder"),
        (tmp_path / "pipe", FileExistsError, "no regular file"),
        (path / "below", NotADirectoryError, "no folder"),
        (tmp_path / "none" / "x", FileNotFoundError, "no folder"),
        (tmp_path / ("x" * 300), OSError, "name too long"),
        ("x\0", ValueError, "no file can have the name"),
        (3, TypeError, "expected the path of a file, got int"),
    ):
        with pytest.raises(error, match=f"(?i)jaxmath.save: .*{message}"):
            jaxmath.save(place, {})
    with pytest.raises(IsADirectoryError, match=r"jaxmath.load: .* is a folder"):
        jaxmath.load(tmp_path)


@pytest.mark.bad_input
def test_arrays_that_no_file_holds(tmp_path):
    for odd, message in (
        (np.ma.array(X[0], mask=[1, 0, 0, 0]), "tree is a masked array"),
        (X.astype(np.longdouble), "tree has dtype"),
        (np.array(["2020-01-01"], "datetime64[D]"), "tree has dtype datetime64"),
        (2**64, "tree has dtype object"),
    ):
        with pytest.raises(TypeError, match=f"jaxmath.save: {message}"):
            jaxmath.save(tmp_path / "x", odd)
    with pytest.raises(TypeError, match="tree is traced"):
        jax.jit(lambda x: jaxmath.save(tmp_path / "x", x))(X)
    assert not (tmp_path / "x").exists()


@pytest.mark.bad_input
@pytest.mark.parametrize("function", [lambda path: jaxmath.save(path, {}), jaxmath.load, data.table])
def test_names_that_no_file_can_have(tmp_path, function):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for place, error, message in (
        (tmp_path / ("a" * 300), OSError, r": cannot (read|write) .*aaa: File name too long"),
        (tmp_path / "loop", OSError, r": cannot (read|write) .*loop: Too many levels of symbolic links"),
        (tmp_path / "a\0b", ValueError, r": no file can have the name '.*a\\x00b'"),
        (tmp_path / "a\ud800", ValueError, r": no file can have the name '.*a\\ud800'"),
    ):
        with pytest.raises(error, match=rf"^(jaxmath\.save|jaxmath\.load|data\.table){message}"):
            function(place)
