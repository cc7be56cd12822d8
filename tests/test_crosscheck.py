"""Every registered case: right, eager = jit = vmap, dtype kept, differentiable, portable, compiled once."""

import functools
import inspect

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmath
from jaxmath import crosscheck
from jaxmath.crosscheck.measure import DTYPES, draw, precision

CASES = crosscheck.cases()
# The type that plain pytest, or pytest with JAX_ENABLE_X64=1, is about.
DTYPE = "float64" if jax.config.read("jax_enable_x64") else "float32"
# Public functions that no case checks, and why.
EXEMPT: dict[str, str] = {
    "kmeans.fit_batches": "it goes over an iterator again and again, on the host: test_kmeans.py",
    "gmm.fit_batches": "the same: test_gmm_fits.py",
    "losses.validate_labels": "it computes nothing; it raises, on the host: bad_input_losses.py",
    **dict.fromkeys(
        (f"models.{name}" for name in ("count_parameters", "features", "summary", "load_weights", "save_weights")),
        "of models, which are compared with NumPy in test_models.py",
    ),
    **dict.fromkeys(
        (f"train.{name}" for name in ("create", "step", "compile", "classification", "fit", "predict", "evaluate")),
        "of models: test_train.py",
    ),
    "train.State.model": "a model: test_train.py",
    "train.Checkpoints.claim": "files: test_train.py",
    "train.Checkpoints.release": "files: test_train.py",
    "train.Checkpoints.restore": "files: test_train.py",
    "train.Checkpoints.save": "files: test_train.py",
}

every_case = pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
_compiled = functools.cache(jax.jit)
_num_compiled = 0


@every_case
@every_dtype
def test_equals_reference_eager_and_jit(case, dtype):
    with precision(dtype):
        arrays, for_reference = draw(case, dtype)
        expected = case.reference(*for_reference)
        for name, function in {"jit": _compiled(case.function), "eager": case.function}.items():
            error, message = crosscheck.compare(function(*arrays), expected)
            assert error <= case.tolerance(dtype), f"{name}: error {error:.2e}. {message}"


@every_case
def test_vmap_equals_separate_calls(case):
    draws = [draw(case, DTYPE, seed)[0] for seed in range(3)]
    one_by_one = [_compiled(case.function)(*arrays) for arrays in draws]
    expected = jax.tree.map(lambda *leaves: np.stack(leaves), *one_by_one)
    stacked = [jnp.stack(arrays) for arrays in zip(*draws, strict=True)]
    error, message = crosscheck.compare(jax.jit(jax.vmap(case.function))(*stacked), expected)
    assert error <= case.tolerance(DTYPE), f"error {error:.2e}. {message}"


@every_case
def test_keeps_dtype(case):
    """float32 stays float32 (under x64 too) and float64 stays float64."""
    for dtype, context in (("float32", "float32"), ("float32", "float64"), ("float64", "float64")):
        with precision(context):
            arrays, _ = draw(case, dtype)
            if any(jnp.issubdtype(a.dtype, jnp.floating) for a in arrays) or dtype == context:
                _check_dtypes(jax.eval_shape(case.function, *arrays), dtype if _has_float(arrays) else None)


@every_case
def test_gradient_equals_differences(case):
    if case.not_differentiable:
        pytest.skip(case.not_differentiable)
    error, message = crosscheck.check_gradient(case)
    assert not message, f"error {error:.2e}. {message}"


@every_case
def test_lowers_for_every_platform(case):
    traced = jax.jit(case.function).trace(*draw(case, DTYPE)[0])
    for platform in case.platforms:
        assert traced.lower(lowering_platforms=(platform,))


@every_case
def test_traces_once(case):
    calls = []

    def counted(*arrays):
        calls.append(1)
        return case.function(*arrays)

    function = jax.jit(counted)
    for seed in (0, 1):
        function(*draw(case, DTYPE, seed)[0])
    assert len(calls) == 1


@every_case
def test_eager_call_compiles_once(case):
    """New numbers of the same shape compile nothing, outside jit as well."""
    case.function(*draw(case, DTYPE, 0)[0])
    arrays, _ = draw(case, DTYPE, 1)
    before = _num_compiled
    case.function(*arrays)
    assert _num_compiled == before


def test_every_public_function_is_covered():
    covered = {name for case in CASES for name in case.covers}
    public = set(_public_functions())
    assert not (missing := public - covered - set(EXEMPT)), f"no case covers {sorted(missing)}"
    assert not (stale := set(EXEMPT) - public), f"exempt but not public: {sorted(stale)}"
    assert not (doubled := set(EXEMPT) & covered), f"exempt and covered: {sorted(doubled)}"


def test_every_covered_name_exists():
    for name in {name for case in CASES for name in case.covers}:
        module, _, path = name.partition(".")
        found = functools.reduce(getattr, path.split("."), getattr(jaxmath, module))
        assert callable(found) or isinstance(found, property), name


def _public_functions():
    """Functions and methods, with no leading underscore, that the mathematical modules define."""
    others = {"plot", "cli", "tour", "crosscheck", "data"}
    for topic in set(jaxmath._SUBMODULES) - others:
        module = getattr(jaxmath, topic)
        for name, value in vars(module).items():
            if name.startswith("_") or not getattr(value, "__module__", "").startswith(f"jaxmath.{topic}"):
                continue
            if inspect.isclass(value):
                yield from (f"{topic}.{name}.{method}" for method in _public_methods(value))
            elif callable(value):
                yield f"{topic}.{name}"


def _public_methods(kind):
    return [
        name
        for name, value in vars(kind).items()
        if not name.startswith("_") and isinstance(inspect.unwrap(_underlying(value)), type(_public_methods))
    ]


def _underlying(method):
    if isinstance(method, property):
        return method.fget
    return getattr(method, "__func__", method)


def _has_float(arrays):
    return any(jnp.issubdtype(a.dtype, jnp.floating) for a in arrays)


def _check_dtypes(outputs, dtype):
    wanted = jnp.dtype(dtype or jnp.result_type(float))
    for index, leaf in enumerate(jax.tree.leaves(outputs)):
        if jnp.issubdtype(leaf.dtype, jnp.inexact):
            assert jnp.finfo(leaf.dtype).dtype == wanted, f"leaf {index} is {leaf.dtype}, expected {wanted}"


def _count_compilations(event, _duration, **_):
    global _num_compiled
    _num_compiled += event == "/jax/core/compile/backend_compile_duration"


jax.monitoring.register_event_duration_secs_listener(_count_compilations)
