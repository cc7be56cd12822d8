"""Scripts as a user runs them."""

import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from flax import nnx
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from jaxmath import data, detection, gmm, models

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
FIT = ("weights", "means", "covariances", "log_likelihood", "bic", "num_steps", "converged")
PROGRAMS = tempfile.TemporaryDirectory()
CACHE_LIMITS = ("jax_persistent_cache_min_compile_time_secs", "jax_persistent_cache_min_entry_size_bytes")
# compiled programs not into the user's own cache
ENVIRONMENT = {"JAX_COMPILATION_CACHE_DIR": PROGRAMS.name} | os.environ


def run(name, *arguments):
    """In a process of its own."""
    command = [sys.executable, SCRIPTS / name, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=ENVIRONMENT)


@pytest.fixture
def run_here(capsys, monkeypatch, figures):
    """As :func:`run`, in this process: for what ends early."""
    kept = {name: jax.config._read(name) for name in ("jax_compilation_cache_dir", *CACHE_LIMITS)}

    def run_script(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPTS / name), run_name="__main__")
        told = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code, stdout=told.out, stderr=told.err)

    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", ENVIRONMENT["JAX_COMPILATION_CACHE_DIR"])
    yield run_script
    for name, value in kept.items():
        jax.config.update(name, value)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(80, 3)) * [2, 1, 1], np.add(rng.normal(size=(40, 3)), [8, 4, 0])])
    path = tmp_path_factory.mktemp("tables") / "x.csv"
    np.savetxt(path, x, delimiter=",", header="a,b,c", comments="")
    return path, x


def test_fit_gmm(table, tmp_path):
    result = run("fit_gmm.py", table[0], 2, "--covariance-type", "diag", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "out" / "mixture.npz") as fit:
        assert fit["converged"]
        assert fit["covariances"].shape == (2, 3)
        np.testing.assert_allclose(np.sort(fit["means"][:, 0]), [0, 8], atol=1)
        np.testing.assert_allclose(fit["weights"].sum(), 1, rtol=1e-5)
    assert (tmp_path / "out" / "mixture.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "no file"),
        ("words.csv", "a,b\n1,2\n3,four\n", "row 3, column 2 (b): 'four' is not a number"),
        ("gap.csv", "a,b\n1,2\n3,\n5,6\n", "gap.csv: row 2, column 2 is empty"),
        ("endless.csv", "1,2\n3,inf\n5,6\n", "row 2, column 2 is inf"),
        ("few.csv", "1,2\n3,4\n", "num_components must be in 1..n = 2, got 3"),
        ("table.txt", "1,2\n", "must end in .npy, .npz or .csv"),
    ],
)
def test_fit_gmm_says_what_is_wrong(tmp_path, run_here, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    result = run_here("fit_gmm.py", tmp_path / name, 3, "--out", tmp_path / "out")
    assert result.returncode == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_fit_gmm_leaves_a_good_result_where_a_new_one_is_not_finite(table, tmp_path, run_here):
    huge = float(jnp.finfo(jnp.zeros(()).dtype).max) ** 0.8  # its square is not finite
    np.savetxt(tmp_path / "huge.csv", huge * table[1], delimiter=",")
    good = io.BytesIO()
    np.savez(good, **dict.fromkeys(FIT, 1.0))
    (tmp_path / "mixture.npz").write_bytes(good.getvalue())
    result = run_here("fit_gmm.py", tmp_path / "huge.csv", 2, "--out", tmp_path)
    assert result.returncode == 2
    assert "nothing is written: fit" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"huge.csv", "mixture.npz"}
    assert (tmp_path / "mixture.npz").read_bytes() == good.getvalue()


@pytest.mark.parametrize(
    ("script", "name"),
    [
        *(("fit_gmm.py", name) for name in ("mixture.npz", "mixture.png", "")),
        *(("train_lenet.py", name) for name in ("options.json", "history.csv", "weights.safetensors", "report.json")),
        ("train_resnet.py", "history.csv"),
        ("finetune.py", "weights.safetensors"),
        ("train_vae.py", "grid.png"),
        ("train_autoencoder.py", "latent.png"),
        ("benchmark.py", "results.json"),
    ],
)
def test_files_that_no_script_has_made_stay(run_here, table, tmp_path, script, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / (name or "file")).write_text("mine")
    place = out / name if name else out / "file"
    arguments = {
        "fit_gmm.py": [table[0], 2, "--out", out if name else place],
        **{f"{name}.py": ["--out", out] for name in ("train_lenet", "train_resnet", "finetune")},
        **{f"{name}.py": ["--out", out] for name in ("train_vae", "train_autoencoder")},
        "benchmark.py": ["linear", "--json", place],
    }[script]
    result = run_here(script, *arguments)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert f"cannot write {place}: " in result.stderr
    assert [path.name for path in out.iterdir()] == [place.name]
    assert place.read_text() == "mine"


def test_fit_gmm_converges_in_the_last_step_allowed(tmp_path, run_here):
    """Five steps are made between two looks; a sixth alone could not be compared with the one before."""
    x = np.random.default_rng(1).normal(size=(300, 1)) + np.repeat([[0.0], [2.0]], 150, axis=0)
    np.savetxt(tmp_path / "close.csv", x)
    history = gmm.fit(jax.random.key(0), x, 2, max_steps=6, tol=0.0).history
    fourth, fifth = np.abs(np.diff(history))[-2:]
    assert fourth > 1.1 * fifth > 1e-5
    tol = np.sqrt(fourth * fifth)
    result = run_here(
        "fit_gmm.py", tmp_path / "close.csv", 2, "--max-steps", 6, "--tol", tol, "--out", tmp_path / "out"
    )
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "out" / "mixture.npz") as fit:
        assert fit["num_steps"] == 6


def test_tables_of_all_kinds_agree(table, tmp_path):
    path, x = table
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    np.savez(tmp_path / "x.npz", x=x, other=np.zeros(2))
    assert data.table(path).dtype == np.float64
    np.testing.assert_allclose(data.table(path), x)
    np.testing.assert_array_equal(data.table(tmp_path / "x.npz"), x)
    assert data.table(tmp_path / "x.npy").dtype == np.float32


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "no row of numbers"),
        ("b.csv", b"x,y\n", "no row of numbers"),
        ("c.csv", b"1,2\n3\n", "row 2: expected 2 cells, got 1"),
        ("d.csv", b"\xff\xfe\x00", "not a CSV text"),
        ("e.npy", b"\x93NUMPY", "cannot be read"),
        ("f.npz", b"PK", "cannot be read"),
    ],
)
def test_damaged_tables_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        data.table(tmp_path / name)
    assert name in str(caught.value)


def test_odd_tables(tmp_path):
    (tmp_path / "gaps.csv").write_text("1,\n\n 2 ,3\n")
    np.testing.assert_array_equal(data.table(tmp_path / "gaps.csv"), [[1, np.nan], [2, 3]])
    np.save(tmp_path / "vector.npy", np.arange(3))
    assert data.table(tmp_path / "vector.npy").shape == (3, 1)
    np.save(tmp_path / "swapped.npy", np.ones((2, 1), ">f4"))
    assert data.table(tmp_path / "swapped.npy").dtype == np.dtype("=f4")
    for name, array in {"words": np.array(["a"]), "complex": np.array([1j]), "cube": np.zeros((2, 2, 2))}.items():
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(ValueError, match=f"{name}.npy"):
            data.table(tmp_path / f"{name}.npy")


TABLES = {
    "tabs": ("a\tb\n1\t2\n3\t4.5\n", [[1, 2], [3, 4.5]]),
    "semicolons": ("1;2\n3;4.5\n", [[1, 2], [3, 4.5]]),
    "decimal commas": ("a;b\n1,5;-2,5e3\n,5;4\n", [[1.5, -2500], [0.5, 4]]),
    "decimal commas, no names": ("1,5;2,5\n3,5;4,5\n", [[1.5, 2.5], [3.5, 4.5]]),
    "a semicolon in a name": ("a; in m,b\n1,2\n", [[1, 2]]),
    "a quoted name": ('"a;b",c\n1,2\n', [[1, 2]]),
    "missing": ("a,b,c,d,e\n, NA ,nan,?,1\n", [[np.nan] * 4 + [1]]),
    "a row of missing cells": ("1,2\n,\n3,4\n", [[1, 2], [np.nan, np.nan], [3, 4]]),
    "a first row of missing cells": ("NA,nan\n3,4\n", [[np.nan, np.nan], [3, 4]]),
    "columns called inf and nan": ("x,inf,nan,NA\n1,2,3,inf\n", [[1, 2, 3, np.inf]]),
    "numbers": ("+1.,.5,1E-3\n-0,007,-Infinity\n", [[1, 0.5, 1e-3], [0, 7, -np.inf]]),
    "columns without letters": ("-,%\n1,2\n", [[1, 2]]),
    "blank lines": ("\r\na;b\r\n  \r\n1;2\r\n", [[1, 2]]),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_text(tmp_path, kind):
    text, expected = TABLES[kind]
    (tmp_path / "x.csv").write_bytes(text.encode())
    np.testing.assert_array_equal(data.table(tmp_path / "x.csv"), expected)


@pytest.mark.parametrize(
    "cell", ["1_2", "0x10", "\uff11\uff12", "1 2", "1e400", "1,5", "1.5.2", "1d3", "--1", "nan1", "e5", "."]
)
def test_what_is_no_decimal_number_is_named(tmp_path, cell):
    for text in (f'a,b\n1,2\n3,"{cell}"\n', f'1,2\n3,4\n5,"{cell}"\n'):
        (tmp_path / "x.csv").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=rf"x\.csv, row 3, column 2.*: '{re.escape(cell)}' is not a number"):
            data.table(tmp_path / "x.csv")


@pytest.mark.parametrize("cell", ["1_2", "0x10", "\uff11\uff12", "1 2", "1e400", "1.5.2", "2020-01-01"])
def test_no_row_of_numbers_is_taken_for_names(tmp_path, cell):
    (tmp_path / "x.csv").write_text(f"{cell};inf\n3;4\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"x\.csv, row 1, column 1: '{re.escape(cell)}' is not a number"):
        data.table(tmp_path / "x.csv")


@pytest.mark.bad_input
def test_a_number_is_no_path_of_a_table():
    with pytest.raises(TypeError, match=r"data\.table: expected the path of a file, got int"):
        data.table(cast(Any, 3))


def test_tables_that_are_none(tmp_path):
    (tmp_path / "x.csv").write_text("a;b\n1.5;2\n2;1,5\n")
    with pytest.raises(ValueError, match=r"row 3, column 2 \(b\): '1,5' has a decimal comma, cells before the other"):
        data.table(tmp_path / "x.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(IsADirectoryError, match=r"data\.table: .*folder\.csv is a folder"):
        data.table(tmp_path / "folder.csv")
    np.savez(tmp_path / "x.npz", x=np.arange(6.0))
    good = (tmp_path / "x.npz").read_bytes()
    for place in range(0, len(good), 3):
        (tmp_path / "x.npz").write_bytes(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :])
        try:
            np.testing.assert_array_equal(data.table(tmp_path / "x.npz"), np.arange(6.0)[:, None])
        except ValueError as error:
            assert str(error).startswith(f"data.table: {tmp_path}/x.npz ")  # noqa: PT017


def lenet(run, folder, *options):
    """One program for all: batches of one size, and a rate that does not know how many epochs there are."""
    return run("train_lenet.py", "--out", folder, "--batch-size", 200, "--no-cosine", *options)


def test_train_lenet_and_go_on(tmp_path, run_here):
    out = tmp_path / "out"
    first = lenet(run, out, "--epochs", 1)
    assert first.returncode == 0, first.stderr
    again = lenet(run_here, out, "--epochs", 2, "--seed", 1)
    assert (again.returncode, "--resume goes on with it" in again.stderr) == (2, True)
    other = lenet(run_here, out, "--epochs", 2, "--resume", "--seed", 1)
    assert (other.returncode, "--seed is 0 in" in other.stderr) == (2, True)
    second = lenet(run, out, "--epochs", 2, "--resume")
    assert second.returncode == 0, second.stderr
    rows = (out / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]
    assert {path.name for path in out.iterdir()} == {
        *("checkpoints", "confusion.png", "history.csv", "options.json", "predictions.png", "report.json"),
        "weights.safetensors",
    }
    report = json.loads((out / "report.json").read_text())
    assert f"accuracy {report['test_accuracy']:.4f}" in second.stdout
    assert (report["options"]["epochs"], report["options"]["held_out"]) == (2, 0.1)
    assert "of 359 right" in second.stdout


def test_train_lenet_after_a_signal(tmp_path):
    out = tmp_path / "out"
    command = lenet(lambda *arguments: [*map(str, arguments)], out, "--epochs", 500)
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "env": ENVIRONMENT}
    with subprocess.Popen([sys.executable, SCRIPTS / command[0], *command[1:]], **options) as process:
        for _ in range(2400):
            time.sleep(0.05)
            if (out / "history.csv").exists() or process.poll() is not None:
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert re.search(r"stopped at step \d+; resume from .*checkpoints: the same command with --resume goes on", errors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "mnist", "--data-dir", "nowhere"], "prepare"),
        (["--batch-size", "2000"], "batch_size must be"),
    ],
)
def test_train_lenet_says_what_is_wrong(tmp_path, run_here, options, message):
    result = lenet(run_here, tmp_path / "out", *options)
    assert result.returncode == 2
    assert message in result.stderr


def test_train_lenet_where_no_folder_can_be(tmp_path, run_here):
    (tmp_path / "file").write_text("")
    result = lenet(run_here, tmp_path / "file" / "out")
    assert result.returncode == 2
    assert "cannot write to" in result.stderr


def test_train_lenet_that_diverges(tmp_path, run_here):
    result = lenet(run_here, tmp_path / "out", "--rate", "1e39")
    assert result.returncode == 1
    assert "train.fit: " in result.stderr


class SmallNet(nnx.Module):
    """What stands in for a residual network: a hundredth of its compilation."""

    def __init__(self, depth, num_classes=1000, *, stem=None, channels=3, rngs, dtype=None):
        self.stem = nnx.Dict(conv=nnx.Conv(channels, 4, (3, 3), rngs=rngs))
        self.output = nnx.Linear(4, num_classes, rngs=rngs)

    def __call__(self, x):
        return self.output(x.mean(axis=(1, 2)) @ self.stem["conv"].kernel[...].sum(axis=(0, 1)))


@pytest.fixture
def small_networks(monkeypatch):
    """And empty figures: those of train_lenet.py are drawn by the same functions."""
    monkeypatch.setattr(models, "ResNet", SmallNet, raising=False)
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, file, **options: file.write(b"figure"))


def arrays_of(path):
    return {name: np.asarray(array) for name, array in safetensors.numpy.load_file(path).items()}


def folder_of_photographs(folder):
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for label in ("bees", "ants"):
            (folder / split / label).mkdir(parents=True)
            for i in range(4):
                Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / split / label / f"{i}.jpg")
    return folder


def test_train_resnet_and_finetune(tmp_path, run_here, small_networks):
    out = tmp_path / "out"
    options = ["--dataset", "generated", "--batch-size", 400, "--schedule", "constant", "--warmup", 0]
    options += ["--shift", 1, "--label-smoothing", 0.1, "--ema", 0.9, "--mixup", 0.2, "--cutout", 3, "--flip", "--half"]
    options += ["--out", out]
    first = run_here("train_resnet.py", *options, "--epochs", 1)
    assert first.returncode == 0, first.stderr
    report = json.loads((out / "report.json").read_text())
    assert f"of 500 right, accuracy {report['test_accuracy']:.4f}" in first.stdout
    other = run_here("train_resnet.py", *options, "--epochs", 2, "--resume", "--ema", 0.5)
    assert (other.returncode, "--ema is 0.9 in" in other.stderr) == (2, True)
    begun = run_here("train_resnet.py", *options, "--epochs", 2)
    assert (begun.returncode, "has a run: --resume goes on with it" in begun.stderr) == (2, True)
    again = run_here("train_resnet.py", *options, "--epochs", 2, "--resume")
    assert again.returncode == 0, again.stderr
    assert (out / "history.csv").read_text().count("\n") == 3
    tuned, folder = tmp_path / "tuned", folder_of_photographs(tmp_path / "folder")
    options = ["--weights", out / "weights.safetensors", "--data-dir", folder, "--size", 16, "--epochs", 1]
    found = run_here("finetune.py", *options, "--frozen", "--batch-size", 4, "--rate", 0.1, "--out", tuned)
    assert found.returncode == 0, found.stderr
    before, after = (arrays_of(at / "weights.safetensors") for at in (out, tuned))
    for name in before.keys() | after.keys():
        if "output" in name:
            assert after[name].shape[-1] == 2
        else:
            np.testing.assert_array_equal(before[name], after[name])
    assert {path.name for path in tuned.iterdir()} == {
        *("checkpoints", "confusion.png", "history.csv", "options.json", "predictions.png", "report.json"),
        "weights.safetensors",
    }


def test_finetune_from_digits_to_digits(tmp_path, run_here, small_networks):
    """A network that another run has left in the folder is made anew."""
    options = ["--batch-size", 50, "--out", tmp_path]
    models.save_weights(tmp_path / "pretrained.safetensors", SmallNet(20, 5, rngs=nnx.Rngs(7)))
    found = run_here("finetune.py", "--epochs", 1, *options)
    assert found.returncode == 0, found.stderr
    assert re.search("digits 0 to 4: accuracy .*of 191 right", found.stdout, re.DOTALL)
    before, after = (arrays_of(tmp_path / f"{name}.safetensors") for name in ("pretrained", "weights"))
    assert (before["model.stem.conv.kernel"] != after["model.stem.conv.kernel"]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train_resnet.py", "--dataset", "folder"], "--dataset folder needs --data-dir with train/<class>/*.jpg"),
        (["train_resnet.py", "--dataset", "folder", "--data-dir", "nowhere"], "data.image_folder: no folder nowhere;"),
        (["train_resnet.py", "--schedule", "exponential"], "train.schedule: name must be one of 'constant', 'cosine'"),
        (["finetune.py", "--data-dir", "nowhere"], "--data-dir needs --weights of import_weights.py"),
        (["finetune.py", "--weights", "none.safetensors"], "cannot load: no file none.safetensors"),
        (["finetune.py", "--model", "alexnet"], "no model is called 'alexnet'; expected resnet18"),
        (["finetune.py", "--model", "vgg11"], "the digits are too small for vgg11: give photographs, --data-dir and"),
        (["train_resnet.py", "--dataset", "folder", "--data-dir", ".", "--shift", 1], "--shift is not for photographs"),
    ],
)
def test_training_scripts_say_what_is_wrong(tmp_path, run_here, small_networks, arguments, message):
    result = run_here(*arguments, "--out", tmp_path / "out")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert message in result.stderr


@pytest.mark.parametrize(
    ("model", "content", "message"),
    [
        ("resnet18", None, "no file"),
        ("resnet18_bn", b"", "no model is called 'resnet18_bn'"),
        ("alexnet", b"", "no model is called 'alexnet'"),
    ],
)
def test_import_weights_says_what_is_wrong(tmp_path, run_here, small_networks, model, content, message):
    if content is not None:
        (tmp_path / "weights.pth").write_bytes(content)
    result = run_here("import_weights.py", model, tmp_path / "weights.pth", "--out", tmp_path / "out.safetensors")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert message in result.stderr
    assert not (tmp_path / "out.safetensors").exists()


def test_import_weights(tmp_path, run_here, small_networks, monkeypatch):
    """Whatever is imported is saved; that it is imported rightly is for the tests of models."""
    (tmp_path / "weights.pth").write_bytes(b"")
    monkeypatch.setattr(models, "import_torchvision", lambda model, path: model, raising=False)
    for name in ("out.safetensors", "out.safetensors"):  # its own file is replaced
        result = run_here(
            "import_weights.py", "resnet18", tmp_path / "weights.pth", "--num-classes", 3, "--out", tmp_path / name
        )
        assert result.returncode == 0, result.stderr
    assert "out.safetensors: 127 parameters of resnet18" in result.stdout
    assert arrays_of(tmp_path / "out.safetensors")["output.kernel"].shape == (4, 3)


@pytest.fixture
def small_autoencoders(monkeypatch):
    """Fewer hidden numbers, and empty figures."""
    monkeypatch.setattr("jaxmath.models._coding._HIDDEN", {"linear": (8,), "conv": (9,)})
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, file, **options: file.write(b"figure"))


def test_train_vae_and_go_on(tmp_path, run_here, small_autoencoders):
    """Two epochs in one run, and in two: the same numbers; three latent variables have no grid."""
    options = ["--size", 8, "--batch-size", 200, "--beta", 0.5, "--free-bits", 0.1, "--binarize"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for out, epochs in ((whole, 2), (parts, 1), (parts, 2)):
        result = run_here("train_vae.py", *options, "--epochs", epochs, "--out", out, "--resume")
        assert result.returncode == 0, result.stderr
    a, b = (arrays_of(out / "weights.safetensors") for out in (whole, parts))
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
    report = json.loads((whole / "report.json").read_text())
    value = report["test_reconstruction"] + 0.5 * report["test_kl"]
    assert report["test_loss"] == pytest.approx(value, rel=1e-4)
    bound = -report["test_reconstruction"] - report["test_kl"]
    assert bound < report["test_log_likelihood"] + report["test_log_likelihood_error"] < 0
    other = run_here("train_vae.py", *options, "--epochs", 3, "--out", whole, "--resume", "--backbone", "conv")
    assert (other.returncode, "--backbone is linear in" in other.stderr) == (2, True)
    figures = {"grid.png", "latent.png", "reconstructions.png", "samples.png"}
    files = {"checkpoints", "history.csv", "options.json", "report.json", "weights.safetensors"}
    assert {path.name for path in whole.iterdir()} == figures | files


def test_train_autoencoder(tmp_path, run_here, small_autoencoders):
    """Codes of three numbers, whose figure is a t-SNE."""
    options = ["--size", 8, "--batch-size", 200, "--likelihood", "gaussian", "--latent-size", 3, "--backbone", "conv"]
    result = run_here("train_autoencoder.py", *options, "--epochs", 1, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "report.json").read_text())["test_loss"] > 0
    assert {"latent.png", "reconstructions.png"} <= {path.name for path in tmp_path.iterdir()}


def test_train_autoencoder_says_what_is_wrong(tmp_path, run_here):
    result = run_here("train_autoencoder.py", "--size", 12, "--backbone", "conv", "--out", tmp_path / "out")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert "3 convolutions of stride 2 need height and width that 8 divides" in result.stderr
    result = run_here("train_autoencoder.py", "--hidden", "4x", "--out", tmp_path / "out")
    assert (result.returncode, result.stderr) == (2, "--hidden is a list of numbers like 400,400, got 4x\n")


@pytest.fixture
def few_scenes(monkeypatch):
    """Eight of them at most, and figures of one pixel."""
    shapes = data.shapes
    monkeypatch.setattr(data, "shapes", lambda key, n, *, side: shapes(key, min(n, 8), side=side))

    def save(figure, file, *, dpi, metadata):
        texts = PngInfo()
        for name, value in (metadata or {}).items():
            texts.add_text(name, value)
        Image.new("L", (1, 1)).save(file, "png", pnginfo=texts)

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", save)


DETECTOR = ["--height", 32, "--width", 32, "--batch-size", 4, "--epochs", 2]


@pytest.mark.xdist_group("detectors")
def test_train_fasterrcnn_and_detect(tmp_path, run_here, few_scenes, monkeypatch):
    """Two epochs in one run, and in one that is stopped and goes on: the same numbers. Then its weights are used."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = DETECTOR
    with monkeypatch.context() as patch:
        measure = detection.mean_average_precision

        def interrupted(*given, **options):
            patch.undo()
            signal.raise_signal(signal.SIGINT)
            return measure(*given, **options)

        patch.setattr(detection, "mean_average_precision", interrupted)
        stopped = run_here("train_fasterrcnn.py", *options, "--out", parts)
    assert (stopped.returncode, "stopped at step 2" in stopped.stderr) == (130, True), stopped.stderr
    for out in (whole, parts):
        result = run_here("train_fasterrcnn.py", *options, "--out", out, "--resume")
        assert result.returncode == 0, result.stderr
    a, b = (arrays_of(out / "weights.safetensors") for out in (whole, parts))
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
    report = json.loads((whole / "report.json").read_text())
    assert f"mean average precision {report['test_precision_voc']:.4f}" in result.stdout
    assert report["classes"] == ["disc", "square", "triangle"]
    header = (whole / "history.csv").read_text().splitlines()[0]
    assert header.endswith("precision_voc,precision_coco,seconds")
    files = {"checkpoints", "history.csv", "options.json", "report.json", "weights.safetensors"}
    assert {path.name for path in whole.iterdir()} == files | {"learning.png", "predictions.png"}
    other = run_here("train_fasterrcnn.py", *options, "--out", whole, "--resume", "--clip", 1)
    assert (other.returncode, "--clip is 10.0 in" in other.stderr) == (2, True)
    check_detections(tmp_path, run_here, whole / "weights.safetensors")


def check_detections(folder, run_here, weights):
    """Boxes in pixels of the photographs, of the size of the training."""
    for name, size in (("a", (64, 48)), ("b", (20, 30))):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)).save(folder / f"{name}.png")
    command = ["detect.py", weights, folder / "a.png", folder / "b.png", "--least", 0.0, "--out", folder / "found"]
    for _ in range(2):  # its own files are replaced
        result = run_here(*command)
        assert result.returncode == 0, result.stderr
    rows = json.loads((folder / "found" / "detections.json").read_text())
    assert [each["drawing"] for each in rows] == ["a.boxes.png", "b.boxes.png"]
    for each, (height, width) in zip(rows, ((64, 48), (20, 30)), strict=True):
        assert each["objects"], "the weights of two epochs find something everywhere"
        boxes = np.array([found["box"] for found in each["objects"]])
        assert ((boxes >= 0) & (boxes <= [width, height, width, height])).all()
        assert boxes.max() > max(height, width) / 2
        assert {found["class"] for found in each["objects"]} <= {"disc", "square", "triangle"}
    weights_of, bad = arrays_of(weights), folder / "bad.safetensors"
    safetensors.numpy.save_file(weights_of | {"logits.bias": np.full(4, np.nan, np.float32)}, bad)
    result = run_here("detect.py", bad, *command[2:4], "--height", 32, "--width", 32, "--out", folder / "bad")
    assert (result.returncode, f"the scores of {folder / 'a.png'} are NaN" in result.stderr) == (2, True), result.stderr
    (folder / "found" / "detections.json").unlink()  # as after a run that was interrupted
    (folder / "found" / "b.boxes.png").unlink()
    Image.new("L", (1, 1)).save(folder / "found" / "b.boxes.png")
    result = run_here(*command)
    assert (result.returncode, "b.boxes.png: the file that is there is not a drawing" in result.stderr) == (2, True)
    (folder / "found" / "b.boxes.png").unlink()
    (folder / "found" / "detections.json").write_text("{}")
    result = run_here(*command)
    assert (result.returncode, "is not a file of this script" in result.stderr) == (2, True)


@pytest.mark.xdist_group("detectors")
def test_train_fasterrcnn_on_photographs(tmp_path, run_here, few_scenes):
    """Eight of them in the format of VOC, from other weights."""
    scenes, names = data.shapes(jax.random.key(2), 8, side=32), ("disc", "square", "triangle")
    assert scenes.valid.all(axis=1).any()  # the programs are those of the test before
    for part in ("ImageSets/Main", "JPEGImages", "Annotations"):
        (tmp_path / part).mkdir(parents=True)
    for split in ("train", "val"):
        (tmp_path / f"ImageSets/Main/{split}.txt").write_text("\n".join(map(str, range(8))))
    for i, (image, _, boxes, labels, valid) in enumerate(zip(*map(np.asarray, scenes), strict=True)):
        Image.fromarray(image).save(tmp_path / f"JPEGImages/{i}.png")
        objects = "".join(
            f"<object><name>{names[label - 1]}</name><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for (x0, y0, x1, y1), label in zip(boxes[valid], labels[valid], strict=True)
        )
        (tmp_path / f"Annotations/{i}.xml").write_text(f"<annotation>{objects}</annotation>")
    detector = nnx.jit(lambda: models.FasterRCNN(4, backbone="small", rngs=nnx.Rngs(1)))()
    models.save_weights(tmp_path / "first.safetensors", detector)
    options = ["--dataset", "voc", "--data-dir", tmp_path, "--weights", tmp_path / "first.safetensors", *DETECTOR]
    result = run_here("train_fasterrcnn.py", *options, "--rate", 0, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "first.safetensors are of 3 classes too: their last layers stay" in result.stdout
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["classes"] == list(names)
    assert 0 <= report["test_precision_coco"] <= report["test_precision_voc"] <= 1
    before, after = (arrays_of(tmp_path / each) for each in ("first.safetensors", "out/weights.safetensors"))
    for name, array in before.items():  # the rate is 0
        np.testing.assert_array_equal(after[name], array)


def script(name):
    """What a script defines."""
    return runpy.run_path(str(SCRIPTS / name), run_name="script")


def test_detectors_of_other_weights_and_types(tmp_path):
    """A file gives all layers but, for another number of classes, the last two; half is bfloat16 inside."""
    make = script("train_fasterrcnn.py")["_model"]
    detector = nnx.jit(lambda: models.FasterRCNN(4, backbone="small", rngs=nnx.Rngs(1)))()
    models.save_weights(tmp_path / "weights.safetensors", detector)
    options = {"half": True, "backbone": "small", "seed": 0}
    model = make(options, 3, tmp_path / "weights.safetensors")
    assert (model.num_classes, model.logits.out_features, model.codes.out_features) == (3, 3, 12)
    np.testing.assert_array_equal(model.hidden2.kernel[...], detector.hidden2.kernel[...])
    maps = jax.eval_shape(lambda x: model._maps(x, jnp.full((1, 2), 32.0)), jnp.zeros((1, 32, 32, 3), jnp.float32))
    assert maps.features[0].dtype == jnp.bfloat16
    assert model.hidden2.kernel[...].dtype == jnp.float32
    with pytest.raises(ValueError, match="has the backbone small, got --backbone vgg16"):
        make(options | {"backbone": "vgg16"}, 3, tmp_path / "weights.safetensors")


def test_mirrored_scenes():
    """Within the size of each image, with the boxes that there are; some images and not all."""
    rng, n = np.random.default_rng(0), 16
    images, sizes = rng.integers(0, 256, (n, 4, 6, 3), np.uint8), np.tile([[4.0, 6.0], [3.0, 5.0]], (n // 2, 1))
    boxes = np.tile(np.array([[1.0, 0, 2.5, 3], [0, 0, 0, 0]]), (n, 1, 1))
    labels, valid = np.tile([[1, 0]], (n, 1)), np.tile([[True, False]], (n, 1))
    batch = tuple(map(jnp.asarray, (images, sizes, boxes, labels, valid)))
    augmented = jax.jit(script("train_fasterrcnn.py")["_augmented"], static_argnames="flip")
    for flip in (True, False):
        new_images, new_sizes, new_boxes, *others = map(np.asarray, augmented(jax.random.key(0), batch, flip=flip)[:5])
        mirrored = [not np.array_equal(a, b) for a, b in zip(images, new_images, strict=True)]
        assert any(mirrored) == flip
        assert not all(mirrored)
        for i, (_, width) in enumerate(sizes.astype(int)):
            image, box = images[i].copy(), boxes[i].copy()
            if mirrored[i]:
                image[:, :width] = image[:, :width][:, ::-1]
                box[0, [0, 2]] = width - box[0, [2, 0]]
            np.testing.assert_array_equal(new_images[i], image)
            np.testing.assert_array_equal(new_boxes[i], box)
        np.testing.assert_array_equal(new_sizes, sizes)
        for old, new in zip((labels, valid), others, strict=True):
            np.testing.assert_array_equal(new, old)


def test_precision_of_a_detector():
    """One of two objects, with an overlap of 0.72: a recall of a half, for five of COCO's ten overlaps."""
    sizes, labels = np.full((2, 2), 20.0), np.array([[1, 0], [1, 0]])
    boxes = np.array([[[0, 0, 10, 10], [0, 0, 0, 0]]] * 2, float)
    scenes = data.Scenes(np.zeros((2, 20, 20, 3), np.uint8), sizes, boxes, labels, labels > 0)
    none = np.zeros((0, 4)), np.zeros(0, int), np.zeros(0)
    found = [(np.array([[0, 0, 10, 7.2]]), np.array([1]), np.array([0.9])), none]
    measured = script("train_fasterrcnn.py")["precision"](found, scenes)
    assert measured == pytest.approx({"precision_voc": 0.5, "precision_coco": 0.5 * 51 / 101})


def test_buckets_of_photographs(tmp_path):
    """Upright ones have another size than lying ones; padding is 0."""
    rng, sides = np.random.default_rng(0), [(20, 40), (60, 30), (32, 48)]
    photographs = [rng.integers(1, 256, (*each, 3), np.uint8) for each in sides]
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, pixels in zip(paths, photographs, strict=True):
        Image.fromarray(pixels).save(path)
    lying, upright = script("detect.py")["_buckets"](paths, (32, 48))
    assert (lying.indices, upright.indices) == ([0, 2], [1])
    assert (lying.images.shape, upright.images.shape) == ((2, 32, 48, 3), (1, 48, 32, 3))
    np.testing.assert_array_equal(lying.sizes, [[24, 48], [32, 48]])
    np.testing.assert_array_equal(upright.sizes, [[48, 24]])
    np.testing.assert_array_equal(lying.full, [sides[0], sides[2]])
    np.testing.assert_array_equal(lying.images[1], photographs[2])
    assert not upright.images[0, :, 24:].any()
    assert upright.images[0, :, :24].all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train_fasterrcnn.py", "--dataset", "voc"], "--dataset voc needs --data-dir with ImageSets/Main"),
        (["train_fasterrcnn.py", "--dataset", "coco"], "--dataset is shapes or voc, got coco"),
        (["train_fasterrcnn.py", "--height", 64, "--width", 96], "images are square, got --height 64 and --width 96"),
        (["train_fasterrcnn.py", "--batch-size", 9], "--batch-size is 9 for 8 images"),
        (["train_fasterrcnn.py", "--dataset", "voc", "--data-dir", "nowhere"], "data.voc_folder: no folder nowhere"),
        (["detect.py", "none.safetensors", "a.png"], "cannot load: no file none.safetensors"),
        (["detect.py", "none.safetensors", "a.png", "--height", 800], "--height and --width go together"),
    ],
)
def test_detector_scripts_say_what_is_wrong(tmp_path, run_here, few_scenes, arguments, message):
    result = run_here(*arguments, "--out", tmp_path / "out")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert message in result.stderr
