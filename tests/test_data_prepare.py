"""Sets of images: made of the original files, read back as they were; what is wrong is named, and nothing is lost."""

import functools
import gzip
import hashlib
import http.server
import io
import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxmath import data
from jaxmath.data import originals

RNG = np.random.default_rng(0)
MNIST = {"train": 30, "t10k": 7}
FOLDER = os.environ.get("JAXMATH_DATA", "")
needs_files = pytest.mark.skipif(not FOLDER, reason="JAXMATH_DATA names no folder with mnist and hymenoptera")


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.tobytes())


def mnist_files(folder):
    """The four files of a small MNIST, and what they hold."""
    folder.mkdir()
    held = {}
    for prefix, n in MNIST.items():
        images, labels = RNG.integers(0, 256, (n, 28, 28), np.uint8), RNG.integers(0, 10, n).astype(np.uint8)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(idx(labels))
        held[{"train": "train", "t10k": "test"}[prefix]] = images[..., None], labels
    return held


def publish(monkeypatch, name, folder, url="http://127.0.0.1:1/"):
    """Has the library take the files of a folder for the published ones."""
    checksums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    changed = originals.ORIGINALS[name]._replace(url=url, checksums=checksums)
    monkeypatch.setitem(originals.ORIGINALS, name, changed)


def tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def cifar_files(folder):
    folder.mkdir()
    batches = [RNG.integers(0, 256, (n, 3073), np.uint8) for n in (3, 2, 2, 2, 2, 4)]
    for batch in batches:
        batch[:, 0] %= 10
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    members = {f"cifar-10-batches-bin/{name}": b.tobytes() for name, b in zip(names, batches, strict=True)}
    tar(folder / "cifar-10-binary.tar.gz", members)
    return {"train": np.concatenate(batches[:5]), "test": batches[5]}


def photograph_files(folder, splits=("train", "val")):
    """A folder of photographs of many sizes and kinds, and what is in it: path and label, in order."""
    listed = {split: [] for split in splits}
    for split in splits:
        for label, kind in enumerate(("ants", "bees")):
            (folder / split / kind).mkdir(parents=True)
            for i in range(4):
                path = folder / split / kind / f"{9 - i}.{'jpg' if i else 'png'}"
                pixels = RNG.integers(0, 256, (20 + 3 * i, 30 - 4 * label, 3), np.uint8)
                Image.fromarray(pixels).convert("L" if i == 2 else "RGB").save(path)
            listed[split] += [(path, label) for path in sorted((folder / split / kind).iterdir())]
    (folder / ".hidden").write_text("left out")
    return listed


def same(got, images, labels):
    np.testing.assert_array_equal(got.images, images)
    np.testing.assert_array_equal(got.labels, labels)
    assert (got.images.dtype, got.labels.dtype) == (np.uint8, np.int32)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A prepared small MNIST and a prepared folder of photographs, with what they hold."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as monkeypatch:
        held = mnist_files(folder / "mnist")
        publish(monkeypatch, "mnist", folder / "mnist")
        data.prepare("mnist", data_dir=folder / "sets", manual_dir=folder / "mnist")
    listed = photograph_files(folder / "Insects")
    data.prepare(folder / "Insects", data_dir=folder / "sets")
    return folder / "sets", held, listed


def test_mnist_reads_back_identical_label_by_label(made):
    folder, held, _ = made
    for split in ("train", "test"):
        first = data.load("mnist", split, data_dir=folder)
        same(first, *held[split])
        assert first.classes == tuple("0123456789")
        same(data.load("mnist", split, data_dir=folder), *held[split])  # from decoded-*.npz
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_cifar_reads_back_identical(tmp_path, monkeypatch):
    held = cifar_files(tmp_path / "files")
    publish(monkeypatch, "cifar10", tmp_path / "files")
    assert data.prepare("cifar10", data_dir=tmp_path, manual_dir=tmp_path / "files") == tmp_path / "cifar10" / "1.0.0"
    for split, records in held.items():
        got = data.load("cifar10", split, data_dir=tmp_path)
        pixels = np.array([np.stack([r[1:1025], r[1025:2049], r[2049:]], axis=-1) for r in records])
        same(got, pixels.reshape(-1, 32, 32, 3), records[:, 0])
    assert got.classes[:2] == ("airplane", "automobile")


def test_photographs_read_back_byte_by_byte(made):
    folder, _, listed = made
    for split in ("train", "val", "train"):  # the second time from order-train.npz
        got = data.photographs("insects", split, data_dir=folder)
        assert got.classes == ("ants", "bees")
        assert list(got.encoded) == [path.read_bytes() for path, _ in listed[split]]
        assert got.encoded[1:3] == [got.encoded[1], got.encoded[2]]
        assert got.encoded[-1] == listed[split][-1][0].read_bytes()
        assert got.labels.tolist() == [label for _, label in listed[split]]
        with pytest.raises(IndexError):
            got.encoded[len(got.encoded)]


@needs_files
def test_the_real_files_read_back_identical(tmp_path):
    for name in ("mnist", "hymenoptera"):
        data.prepare(name, data_dir=tmp_path, manual_dir=Path(FOLDER) / name)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = (
            gzip.decompress((Path(FOLDER) / "mnist" / f"{prefix}-{kind}-ubyte.gz").read_bytes())
            for kind in ("images-idx3", "labels-idx1")
        )
        images, labels = np.frombuffer(images, np.uint8)[16:], np.frombuffer(labels, np.uint8)[8:]
        same(data.load("mnist", split, data_dir=tmp_path), images.reshape(-1, 28, 28, 1), labels)
    for split in ("train", "val"):
        files = [sorted((Path(FOLDER) / "hymenoptera" / split / kind).iterdir()) for kind in ("ants", "bees")]
        got = data.photographs("hymenoptera", split, data_dir=tmp_path)
        assert list(got.encoded) == [path.read_bytes() for path in files[0] + files[1]]
        assert got.labels.tolist() == [0] * len(files[0]) + [1] * len(files[1])


def test_digits_need_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "missing"))
    train, test = (data.load("digits", split) for split in ("train", "test"))
    every = data.digits()
    assert (len(train.labels), len(test.labels)) == (1438, 359)
    np.testing.assert_array_equal(test.labels, every.labels[4::5])
    np.testing.assert_array_equal(train.labels[:8], every.labels[[0, 1, 2, 3, 5, 6, 7, 8]])
    np.testing.assert_array_equal(np.round(test.images[..., 0] * (16 / 255)), every.images[4::5])
    assert (train.images.max(), train.images.dtype, train.labels.dtype) == (255, np.uint8, np.int32)


def test_the_environment_names_the_folder(made, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(made[0]))
    same(data.load("mnist", "test"), *made[1]["test"])


def test_neither_reading_nor_making_imports_tensorflow(made, tmp_path):
    """A set that was decoded once is read without TensorFlow Datasets, and nothing here needs PIL to be imported."""
    folder, held, _ = made
    data.load("mnist", "test", data_dir=folder)
    code = f"""
import sys
from jaxmath import data
print(len(data.load("mnist", "test", data_dir={str(folder)!r}).labels), len(data.load("digits", "train").labels))
print([m for m in ("tensorflow_datasets", "PIL", "scipy", "flax") if m in sys.modules])
photographs = data.photographs("insects", "val", data_dir={str(folder)!r})
data.prepare("again", data_dir={str(tmp_path)!r}, manual_dir={str(folder.parent / "Insects")!r})
print(data.photographs("again", "val", data_dir={str(tmp_path)!r}).encoded[3] == photographs.encoded[3])
print("tensorflow" in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines() == [f"{len(held['test'][1])} 1438", "[]", "True", "False"]


def test_a_prepared_set_is_left_as_it_is(made):
    """It is not even looked for the original files."""
    place = made[0] / "mnist" / "1.0.0"
    before = {path.name: path.stat().st_mtime_ns for path in place.iterdir()}
    assert data.prepare("mnist", data_dir=made[0], manual_dir=made[0]) == place
    assert {path.name: path.stat().st_mtime_ns for path in place.iterdir()} == before


def test_a_damaged_cache_is_made_again(made):
    folder, held, _ = made
    kept = folder / "mnist" / "1.0.0" / "decoded-test.npz"
    for content in (b"", b"nonsense", None):
        data.load("mnist", "test", data_dir=folder)
        kept.write_bytes(kept.read_bytes()[:-900] if content is None else content)
        same(data.load("mnist", "test", data_dir=folder), *held["test"])
    assert len(kept.read_bytes()) > 900


def test_a_folder_that_cannot_be_written_is_read(made, monkeypatch):
    folder, held, _ = made

    def refuse(*_):
        raise OSError("read only")

    monkeypatch.setattr("jaxmath.data.prepared.write_bytes", refuse)
    (folder / "mnist" / "1.0.0" / "decoded-test.npz").unlink(missing_ok=True)
    same(data.load("mnist", "test", data_dir=folder), *held["test"])
    assert not (folder / "mnist" / "1.0.0" / "decoded-test.npz").exists()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_download(tmp_path, monkeypatch):
    """From a server on this machine; then a file that is not the published one; then no server."""
    held = mnist_files(tmp_path / "files")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path / "files"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    publish(monkeypatch, "mnist", tmp_path / "files", f"http://127.0.0.1:{server.server_port}/")
    data.prepare("mnist", data_dir=tmp_path / "a")
    same(data.load("mnist", "train", data_dir=tmp_path / "a"), *held["train"])
    labels = tmp_path / "files" / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(idx(np.zeros(7, np.uint8)))
    with pytest.raises(ValueError, match=r"data.prepare: .*downloads.*t10k-labels.* is damaged or another file"):
        data.prepare("mnist", data_dir=tmp_path / "b")
    labels.unlink()
    with pytest.raises(OSError, match=r"data.prepare: cannot download mnist \(.*404.*pass it as manual_dir"):
        data.prepare("mnist", data_dir=tmp_path / "c")
    server.shutdown()
    server.server_close()
    with pytest.raises(OSError, match=r"data.prepare: cannot download mnist \(.*refused.*put them into a folder"):
        data.prepare("mnist", data_dir=tmp_path / "d")
    assert not any((tmp_path / folder / "mnist").exists() for folder in "bcd")


@pytest.mark.bad_input
def test_wrong_original_files_are_named(tmp_path, monkeypatch):
    folder = tmp_path / "files"
    mnist_files(folder)
    with pytest.raises(ValueError, match=rf"data.prepare: {folder}/train-images-idx3-ubyte.gz is damaged or another"):
        data.prepare("mnist", data_dir=tmp_path / "sets", manual_dir=folder)
    path = folder / "t10k-images-idx3-ubyte.gz"
    good = path.read_bytes()
    bare = gzip.decompress(good)
    for content, message in (
        (good[:-20], "no complete gzip file"),
        (b"nonsense", "no complete gzip file"),
        (good[:40] + bytes(9) + good[49:], "no complete gzip file"),
        (gzip.compress(b"\0\0\x0d" + bare[3:]), "is no IDX file of bytes: it begins with 00 00 0d 03"),
        (gzip.compress(bare[:3]), "is no IDX file of bytes: it begins with 00 00 08"),
        (gzip.compress(b""), "begins with nothing"),
        (gzip.compress(bare[:-1]), r"should hold \(7, 28, 28\) bytes by its header, and holds 5487"),
        (gzip.compress(bare + b"x"), "and holds 5489"),
        (idx(np.zeros((7, 28, 27), np.uint8)), "expected images of 28 x 28"),
        (idx(np.zeros((6, 28, 28), np.uint8)), r"6 images in .*t10k-images.*labels \(7,\) in .*t10k-labels"),
    ):
        path.write_bytes(content)
        publish(monkeypatch, "mnist", folder)
        with pytest.raises(ValueError, match=f"data.prepare: .*{message}") as caught:
            data.prepare("mnist", data_dir=tmp_path / "sets", manual_dir=folder)
        assert str(path) in str(caught.value)
    path.write_bytes(good)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.full(7, 10, np.uint8)))
    publish(monkeypatch, "mnist", folder)
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte.gz must hold labels 0 to 9"):
        data.prepare("mnist", data_dir=tmp_path / "sets", manual_dir=folder)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=rf"data.prepare: no t10k-labels-idx1-ubyte.gz in {folder}; get"):
        data.prepare("mnist", data_dir=tmp_path / "sets", manual_dir=folder)
    assert not (tmp_path / "sets").exists()


@pytest.mark.bad_input
def test_wrong_archives_are_named(tmp_path):
    path, good = tmp_path / "c.tar.gz", np.zeros((2, 3073), np.uint8)
    names = [f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)] + ["cifar-10-batches-bin/test_batch.bin"]
    for members, message in (
        (dict.fromkeys(names[:-1], good.tobytes()), "has no file test_batch.bin; expected the binary version"),
        (dict.fromkeys(names, good.tobytes()[:-1]), "holds 30725 bytes in a split, expected records of 3073"),
        (dict.fromkeys(names, b""), "holds 0 bytes"),
        (dict.fromkeys(names, (good + 10).tobytes()), "must hold labels 0 to 9"),
    ):
        tar(path, members)
        with pytest.raises(ValueError, match=rf"data.prepare: {path} {message}"):
            originals.read_cifar(path)
    tar(path, dict.fromkeys(names, RNG.integers(0, 10, (2, 3073), np.uint8).tobytes()))
    for content in (path.read_bytes()[:-100], b"nonsense", b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"data.prepare: {path} is no complete gzipped tar file"):
            originals.read_cifar(path)


def _no_image(folder):
    for path in (folder / "val" / "bees").iterdir():
        path.unlink()


WRONG_FOLDERS = {
    "truncated": (lambda f: (f / "val/bees/8.jpg").write_bytes((f / "val/bees/8.jpg").read_bytes()[:300]), "read as"),
    "text": (lambda f: (f / "val/bees/8.jpg").write_text("hello"), r"val/bees/8.jpg cannot be read as an image"),
    "empty file": (lambda f: (f / "val/bees/8.jpg").write_bytes(b""), r"val/bees/8.jpg cannot be read as"),
    "floats": (
        lambda f: Image.fromarray(np.ones((3, 3), np.float32)).save(f / "val/bees/8.jpg", "tiff"),
        "8.jpg cannot be read as an image .*mode F",
    ),
    "a link to nothing": (lambda f: (f / "val/bees/10.jpg").symlink_to("nowhere"), r"10.jpg cannot be read .*No such"),
    "another file": (lambda f: (f / "val/bees/list.txt").write_text(""), r"val/bees/list.txt is no image .* expected"),
    "no image": (_no_image, "val/bees holds no image"),
    "another class": (lambda f: (f / "val/wasps").mkdir(), "val are ants, bees, wasps; in train they are ants, bees"),
    "a split of no name": (lambda f: (f / "val").rename(f / "val-2"), "/val-2 cannot be a split"),
    "no class": (lambda f: (f / "test").mkdir(), "must hold a folder for each split"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", WRONG_FOLDERS)
def test_wrong_folders_are_named(kind, tmp_path):
    spoil, message = WRONG_FOLDERS[kind]
    photograph_files(tmp_path / "insects")
    spoil(tmp_path / "insects")
    with pytest.raises(ValueError, match=rf"data.prepare: .*{tmp_path}/insects.*{message}"):
        data.prepare(tmp_path / "insects", data_dir=tmp_path / "sets")
    assert not (tmp_path / "sets").exists() or not list((tmp_path / "sets").iterdir())


@pytest.mark.bad_input
def test_what_is_not_there_and_what_to_do(made, tmp_path):
    folder, _, _ = made
    place = folder / "mnist" / "1.0.0"
    with pytest.raises(
        FileNotFoundError, match=rf'no set mnist in {tmp_path}; make it by data.prepare\("mnist", data_'
    ):
        data.load("mnist", "train", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"data.photographs: no set bees in"):
        data.photographs("bees", "train", data_dir=folder)
    with pytest.raises(ValueError, match=rf"data.load: {place} has the splits train, test, got 'val'"):
        data.load("mnist", "val", data_dir=folder)
    with pytest.raises(ValueError, match=r"data.load: the images of .*insects.* differ in shape; data.photographs"):
        data.load("insects", "train", data_dir=folder)
    with pytest.raises(FileNotFoundError, match=r"no folder imagenet; expected mnist, fashion_mnist, cifar10, or the"):
        data.prepare("imagenet", data_dir=tmp_path)


@pytest.mark.bad_input
def test_damaged_sets_are_named(made, tmp_path):
    folder, _, _ = made
    place = tmp_path / "mnist" / "1.0.0"
    for spoiled, split in (
        ("record-00000-of-00001", "train"),
        ("dataset_info.json", "test"),
        ("features.json", "test"),
    ):
        place.mkdir(parents=True, exist_ok=True)
        for path in (folder / "mnist" / "1.0.0").iterdir():
            if path.suffix != ".npz":
                content = path.read_bytes()
                damaged = path.name.endswith(spoiled) and (split in path.name or path.suffix == ".json")
                (place / path.name).write_bytes(content[: len(content) // 2] if damaged else content)
        with pytest.raises(ValueError, match=rf"data.load: {place} is damaged \(.*\); delete it and prepare") as caught:
            data.load("mnist", split, data_dir=tmp_path)
        assert "\n" not in str(caught.value)


@pytest.mark.bad_input
def test_a_place_that_cannot_be_written(tmp_path):
    photograph_files(tmp_path / "insects")
    (tmp_path / "file").write_text("good")
    with pytest.raises(OSError, match=rf"data.prepare: cannot write {tmp_path}/file/sets/insects/1.0.0 \("):
        data.prepare(tmp_path / "insects", data_dir=tmp_path / "file" / "sets")
    assert (tmp_path / "file").read_text() == "good"


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_is_no_set_stays(tmp_path, kind):
    photograph_files(tmp_path / "insects")
    place = tmp_path / "sets" / "insects" / "1.0.0"
    (place if kind == "folder" else place.parent).mkdir(parents=True)
    if kind == "link":
        place.symlink_to("nowhere")
    else:
        (place / "mine" if kind == "folder" else place).write_text("mine")
    with pytest.raises(FileExistsError, match=rf"data.prepare: {place} is there and no set"):
        data.prepare(tmp_path / "insects", data_dir=tmp_path / "sets")
    assert [path.name for path in place.parent.iterdir()] == ["1.0.0"]


@pytest.mark.bad_input
def test_a_full_disk_leaves_nothing_behind(tmp_path):
    photograph_files(tmp_path / "insects")
    code = f"""
import resource
from jaxmath import data
from jaxmath.data import _builder
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    data.prepare({str(tmp_path / "insects")!r}, data_dir={str(tmp_path / "sets")!r})
except OSError as error:
    print(error)
"""
    environment = dict(os.environ, JAX_COMPILATION_CACHE_DIR="")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.startswith(f"data.prepare: cannot write {tmp_path}/sets/insects/1.0.0 (")
    assert "File too large" in done.stdout
    assert list((tmp_path / "sets").iterdir()) == []


def test_two_processes_that_prepare_one_set(tmp_path, monkeypatch):
    """The slower finds the place taken and leaves it."""
    photograph_files(tmp_path / "insects")

    from jaxmath.data import _builder

    write, taken = _builder.write, tmp_path / "sets" / "insects" / "1.0.0"

    def slower(*arguments):
        taken.mkdir(parents=True)
        (taken / "whole").write_text("of the faster")
        return write(*arguments)

    monkeypatch.setattr(_builder, "write", slower)
    place = data.prepare(tmp_path / "insects", data_dir=tmp_path / "sets")
    assert [path.name for path in place.iterdir()] == ["whole"]
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["insects"]
