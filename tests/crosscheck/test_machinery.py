"""The registry, the comparison, the gradient check and the command, on made-up cases."""

import ast
import json
import math
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

from jaxmath import crosscheck
from jaxmath.cli import app
from jaxmath.crosscheck import compare, gradient, report
from jaxmath.crosscheck.measure import draw

REFERENCE = Path(crosscheck.__file__).parent / "references"
ALLOWED_IMPORTS = {
    "collections", "decimal", "fractions", "functools", "heapq", "itertools", "math", "numpy", "scipy", "typing",
}  # fmt: skip


def add(title="1.1 squares", function=lambda x: x**2, reference=lambda x: x**2, registry=None, **options):
    options.setdefault("inputs", lambda rng: (rng.normal(size=4),))
    options.setdefault("covers", ("made.up",))
    return (registry or crosscheck.Registry()).case(title, function, reference, **options)


def test_sections_sort_as_numbers_and_appendices_last():
    registry = crosscheck.Registry()
    for section in ("B.1", "2.15", "10.1", "2.7", "2.7.1", "C.2", "4.3"):
        add(f"{section} name", registry=registry)
    assert [case.section for case in registry.cases()] == ["2.7", "2.7.1", "2.15", "4.3", "10.1", "B.1", "C.2"]


def test_section_is_a_dotted_prefix():
    registry = crosscheck.Registry()
    for section in ("4.3", "4.3.2", "4.30", "4", "14.3"):
        add(f"{section} name", registry=registry)
    assert [case.section for case in registry.cases("4.3")] == ["4.3", "4.3.2"]
    assert [case.section for case in registry.cases("4")] == ["4", "4.3", "4.3.2", "4.30"]
    assert registry.cases("9") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"float64": 1e-9}, "float64 tolerance"),
        ({"float32": 1e-3, "reason": " "}, "float32 tolerance"),
        ({"platforms": ("cpu",)}, "platforms_reason"),
        ({"platforms": ("cpu", "abacus"), "platforms_reason": "x"}, "abacus"),
        pytest.param({"covers": "pca.fit"}, "covers", marks=pytest.mark.bad_input),
        ({"covers": ()}, "covers"),
        ({"title": ""}, "empty"),
    ],
)
def test_a_case_without_its_reasons_is_refused(options, message):
    with pytest.raises(ValueError, match=message) if message != "empty" else pytest.raises((ValueError, IndexError)):
        add(**options)


def test_a_title_is_given_once():
    registry = crosscheck.Registry()
    add(registry=registry)
    with pytest.raises(ValueError, match="taken"):
        add(registry=registry)


@pytest.mark.parametrize(
    ("result", "reference", "error"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.2], [1.0, 2.0], 0.1),
        ([0.0, 3.0], [0.0, 0.0], 3.0),
        ([np.nan, 1.0], [np.nan, 2.0], 0.5),
        ([np.nan, 1.0], [1.0, np.nan], np.inf),
        ([np.inf, 1.0], [np.inf, 1.0], 0.0),
        ([np.inf, 1.0], [-np.inf, 1.0], np.inf),
        ([1e300, 1.0], [np.inf, 1.0], np.inf),
        ([1.0], [[1.0]], np.inf),
        ([np.nan], [np.nan], 0.0),
        ([1 + 1j], [1 - 1j], np.sqrt(2)),
        (np.zeros((0, 2)), np.zeros((0, 2)), 0.0),
        ([True, False], [1, 0], 0.0),
    ],
)
def test_error_of_one_leaf(result, reference, error):
    assert compare(np.array(result), np.array(reference))[0] == pytest.approx(error)


def test_error_is_the_worst_leaf_and_leaves_are_counted():
    assert compare((np.ones(2), np.array([2.2])), [np.ones(2), np.array([2.0])])[0] == pytest.approx(0.1)
    error, message = compare((np.ones(2), np.ones(1)), np.ones(2))
    assert error == math.inf
    assert "2 leaves, the reference has 1" in message


def test_reference_sees_the_rounded_inputs():
    case = add(inputs=lambda rng: (np.array([0.1]), np.array([3]), np.array([True])))
    (x, *_), (seen, count, flag) = draw(case, "float32")
    assert x.dtype == jnp.float32
    assert seen.dtype == np.float64
    assert seen[0] == float(np.float32(0.1))
    assert np.issubdtype(count.dtype, np.integer)
    assert flag.dtype == bool


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_check_passes_a_right_function_and_fails_a_wrong_one(dtype):
    right = crosscheck.check(add(), dtype)
    assert (right.status, right.message) == ("ok", "")
    assert right.ratio == right.error / right.tolerance <= 1
    assert right.seconds > 0
    wrong = crosscheck.check(add(function=lambda x: x**2 * 1.001), dtype)
    assert wrong.status == "failed"
    assert wrong.error == pytest.approx(1e-3, rel=1e-2)
    assert "above the tolerance" in wrong.message


def test_an_exception_is_a_failure_with_its_message():
    def broken(_):
        raise KeyError("lost")

    for options in ({"function": broken}, {"reference": broken}, {"inputs": broken}):
        result = crosscheck.check(add(**options), "float32")
        assert result.status == "failed"
        assert "KeyError: 'lost'" in result.message
    elsewhere = add(function=broken, platforms=("cuda", "tpu"), platforms_reason="no rule on a CPU")
    if jax.default_backend() == "cpu":
        assert crosscheck.check(elsewhere, "float32").status == "not supported"


def test_float64_is_not_supported_where_the_device_has_none(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert crosscheck.check(add(), "float64").status == "not supported"


def test_gradient_check_accepts_right_derivatives():
    error, message = crosscheck.check_gradient(add(function=lambda x: (jnp.sin(x), 1e6 * jnp.exp(x), jnp.argmax(x))))
    assert error < 1e-8
    assert not message


@jax.custom_jvp
def _wrong_rule(x):
    return x**2


_wrong_rule.defjvps(lambda t, _, x: 2.001 * x * t)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_wrong_rule, "central difference"),
        (lambda x: jax.lax.stop_gradient(x), "central difference"),
        (lambda x: jnp.sqrt(x - x), "not finite"),
    ],
)
def test_gradient_check_finds_wrong_derivatives(function, message):
    assert message in crosscheck.check_gradient(add(function=function))[1]


@pytest.mark.parametrize("slopes", [(1.0, 2.0), (2.0, 1.0)])
def test_gradient_check_finds_one_wrong_mode(slopes):
    """Reverse and forward mode: neither makes up for the other."""
    one = [np.ones(())]
    error, difference = gradient._against_differences(lambda x: x, one, one, one, slopes)
    assert error == pytest.approx(0.5)
    assert difference == pytest.approx(1)


def test_gradient_check_of_integers_alone_says_so():
    assert "not_differentiable" in crosscheck.check_gradient(add(inputs=lambda rng: (np.arange(3),)))[1]


@pytest.fixture
def made_up(monkeypatch):
    registry = crosscheck.Registry()
    monkeypatch.setattr(report, "cases", registry.cases)
    return registry


def run(*arguments):
    return CliRunner().invoke(app, ["crosscheck", *arguments])


def test_command_prints_a_table_and_writes_json(made_up, tmp_path):
    add(registry=made_up)
    add("B.2 twice", lambda x: 2 * x, lambda x: x + x, registry=made_up)
    file = tmp_path / "results.json"
    file.write_text("mine")
    refused = run("--json", str(file))
    assert (refused.exit_code, file.read_text()) == (2, "mine")
    assert refused.stderr.startswith(f"jaxmath crosscheck: --json: cannot write {file}: the file that is there is not")
    assert refused.stderr.count("\n") == 1
    file.write_text("")
    assert [run("--json", str(file)).exit_code for _ in range(2)] == [0, 0]  # older results are replaced
    result = run("--json", str(file))
    assert result.exit_code == 0
    assert "Chapter 1" in result.output
    assert "Appendix B" in result.output
    assert "4 ok" in result.output
    content = json.loads(file.read_text())
    assert {"jaxmath", "jax", "python", "platform", "device_kind", "date", "results"} == set(content)
    assert [r["status"] for r in content["results"]] == ["ok"] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_command_exits_1_on_a_failure_and_goes_on(made_up):
    add("1.1 wrong", lambda x: x * jnp.nan, registry=made_up)
    add("1.2 right", registry=made_up)
    result = run()
    assert result.exit_code == 1
    assert "2 ok, 2 failed" in result.output
    assert "1.1 wrong, float32: leaf 0: 4 NaN" in result.output


def test_command_chooses_lists_and_complains(made_up):
    add("1.1 squares", registry=made_up)
    add("2.15 more squares", registry=made_up)
    assert "2 ok" in run("--section", "2").output
    assert run("--list").output.splitlines() == ["1.1 squares  made.up", "2.15 more squares  made.up"]
    unknown = run("--section", "7")
    assert unknown.exit_code == 2
    assert unknown.stderr == "jaxmath crosscheck: no section '7'; there are 1.1 2.15\n"
    for place in ("/no/such/place.json", "/", "/dev/null"):
        complaint = run("--json", place)
        assert (complaint.exit_code, complaint.stderr.count("\n"), complaint.output.count("Chapter")) == (2, 1, 0)


def test_command_complains_where_the_disk_fills_up(made_up, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    add(registry=made_up)
    monkeypatch.setattr("os.replace", fail)
    result = run("--json", str(tmp_path / "results.json"))
    assert result.exit_code == 2
    assert (
        result.stderr == f"jaxmath crosscheck: --json: cannot write {tmp_path}/results.json: No space left on device\n"
    )
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("file", sorted(REFERENCE.glob("*.py")), ids=lambda file: file.name)
def test_references_are_independent(file):
    """They import NumPy, SciPy, the standard library and one another: neither jax nor the rest of jaxmath."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module if not node.level else "jaxmath"]
            if node.module.startswith("jaxmath.crosscheck.references."):
                continue
        else:
            assert not (isinstance(node, ast.Name) and node.id in ("__import__", "importlib", "exec", "eval"))
            continue
        assert {name.split(".")[0] for name in names} <= ALLOWED_IMPORTS


def test_the_package_does_not_import_rich():
    import subprocess

    code = "import sys, jaxmath.crosscheck; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
