"""Every registered case: right, eager = jit = vmap, dtype kept, differentiable, portable, compiled once.

Values and gradients are a matter of each case. What depends on the program alone (its batching rules, lowering, dtypes)
is asked of one case for each program: of the cases of the same functions the first whose program is of its primitives.
"""

import dataclasses
import functools
import inspect
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from programs import BUDGETS, BUDGETS_OF, DTYPE, is_one_program, num_compiled, program, representative

import jaxmath
from jaxmath import crosscheck
from jaxmath._compiling import quick_to_compile
from jaxmath.crosscheck.measure import DTYPES, draw, precision
from jaxmath.distributions import Distribution

CASES = crosscheck.cases()
# Public functions that no case checks, and why.
EXEMPT: dict[str, str] = {
    "kmeans.fit_batches": "it goes over an iterator again and again, on the host: test_kmeans.py",
    "gmm.fit_batches": "the same: test_gmm_fits.py",
    "losses.validate_labels": "it computes nothing; it raises, on the host: bad_input_losses.py",
    **dict.fromkeys(
        (f"models.{name}" for name in ("count_parameters", "features", "summary", "load_weights", "save_weights")),
        "of models, which are compared with NumPy in test_models.py",
    ),
    "models.fold_batch_norm": "of models: test_models_classifiers.py",
    "models.import_torchvision": "of models: test_models_torchvision.py",
    "models.replace_head": "of models: test_models_transfer.py",
    "train.decay_mask": "of an optimiser: test_train_options.py",
    "train.schedule": "of an optimiser: test_train_options.py",
    "models.GoogLeNet.auxiliaries": "of models: test_models_classifiers.py",
    **dict.fromkeys(
        (
            *(f"models.{name}" for name in ("active_units", "interpolate", "latent_grid", "log_likelihood")),
            *(f"models.{name}" for name in ("sample_images", "validate_images", "AutoEncoder.encode")),
        ),
        "of models: test_autoencoder.py",
    ),
    **dict.fromkeys(
        ("detection.balanced_sample", "detection.mean_average_precision"),
        "random, or on the host: test_detection.py",
    ),
    **dict.fromkeys(
        ("models.fasterrcnn_loss", "models.fasterrcnn_predict"),
        "of models: test_faster_rcnn.py",
    ),
    **dict.fromkeys(
        (f"train.{name}" for name in ("create", "step", "compile", "classification", "fit", "predict", "evaluate")),
        "of models: test_train.py",
    ),
    "distributions.fit_batches": "it goes over an iterator, on the host: test_estimation.py",
    "distributions.validate": "it computes nothing; it raises, on the host: bad_input_distributions.py",
    "bayes.validate": "it computes nothing; it raises, on the host: bad_input_bayes.py",
    "train.State.model": "a model: test_train.py",
    "train.Checkpoints.claim": "files: test_train.py",
    "train.Checkpoints.release": "files: test_train.py",
    "train.Checkpoints.restore": "files: test_train.py",
    "train.Checkpoints.save": "files: test_train.py",
}

every_case = pytest.mark.parametrize(
    "case", [pytest.param(c, id=c.title, marks=pytest.mark.xdist_group(f"case {c.covers[0]}")) for c in CASES]
)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
once = pytest.mark.once


@once
@every_case
@every_dtype
def test_equals_reference(case, dtype):
    """Under jit, in both precisions; the type is that of the inputs, and new numbers trace nothing anew."""
    with precision(dtype):
        arrays, for_reference = draw(case, dtype)
        function = program(case).function if dtype == DTYPE else jax.jit(case.function)
        result = function(*arrays)
        _check_error(result, case.reference(*for_reference), case.tolerance(dtype))
        _check_dtypes(result, dtype if _has_float(arrays) else None)
        if dtype == DTYPE:
            function(*draw(case, dtype, 1)[0])
            assert program(case).num_traces == 1


@once
@every_case
@pytest.mark.skipif(
    (jax.__version__, jax.default_backend(), jax.device_count(), DTYPE) != (BUDGETS_OF, "cpu", 1, "float32"),
    reason="budgets are of another version or device",
)
def test_program_is_within_its_budget(case):
    """Compiling takes a millisecond a line. ``python tests/crosscheck/programs.py`` writes the budgets anew."""
    assert program(case).lines() <= 1.05 * _budgets().get(case.title, 0)


def test_no_budget_is_of_a_case_that_is_gone():
    assert set(_budgets()) == {case.title for case in CASES}


@every_case
def test_eager_call_equals_reference_and_compiles_once(case):
    """Where an eager call is another program than the compiled one; new numbers of the same shape compile nothing."""
    if is_one_program(case):
        pytest.skip("an eager call is the compiled program")
    arrays, for_reference = draw(case, DTYPE)
    _check_error(case.function(*arrays), case.reference(*for_reference), case.tolerance(DTYPE))
    arrays, _ = draw(case, DTYPE, 1)
    before = num_compiled()
    case.function(*arrays)
    assert num_compiled() == before


@once
@every_case
def test_gradient_equals_differences(case):
    if case.not_differentiable:
        pytest.skip(case.not_differentiable)
    error, message = crosscheck.check_gradient(case)
    assert not message, f"error {error:.2e}. {message}"


@once
@every_case
def test_vmap_equals_separate_calls(case):
    _skip_if_represented(case)
    draws = [draw(case, DTYPE, seed)[0] for seed in range(3)]
    one_by_one = [program(case).function(*arrays) for arrays in draws]
    expected = jax.tree.map(lambda *leaves: np.stack(leaves), *one_by_one)
    stacked = [jnp.stack(arrays) for arrays in zip(*draws, strict=True)]
    together = jax.jit(jax.vmap(case.function), compiler_options=quick_to_compile())(*stacked)
    _check_error(together, expected, case.tolerance(DTYPE))


@once
@every_case
def test_lowers_for_every_platform(case):
    _skip_if_represented(case)
    traced = program(case).trace()
    for platform in case.platforms:  # apart: together what stands in the branch of one is lowered for all
        assert traced.lower(lowering_platforms=(platform,))


@once
@every_case
def test_float32_stays_under_x64(case):
    _skip_if_represented(case)
    with precision("float64"):
        arrays, _ = draw(case, "float32")
        if _has_float(arrays):
            _check_dtypes(jax.eval_shape(case.function, *arrays), "float32")


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


@functools.cache
def _budgets():
    return json.loads(BUDGETS.read_text(encoding="utf-8"))


def _public_functions():
    """Functions and methods, with no leading underscore, that the mathematical modules define, and distributions."""
    others = {"plot", "cli", "tour", "crosscheck", "data"}
    for topic in set(jaxmath._SUBMODULES) - others:
        module = getattr(jaxmath, topic)
        for name, value in vars(module).items():
            if name.startswith("_") or not getattr(value, "__module__", "").startswith(f"jaxmath.{topic}"):
                continue
            if inspect.isclass(value) and issubclass(value, Distribution):
                if dataclasses.is_dataclass(value):  # a family, whose case has all methods
                    yield f"{topic}.{name}"
            elif inspect.isclass(value):
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


def _check_error(result, expected, tolerance):
    error, message = crosscheck.compare(result, expected)
    assert error <= tolerance, f"error {error:.2e}. {message}"


def _skip_if_represented(case):
    if (other := representative(case)) is not case:
        pytest.skip(f"the program is of the same primitives as that of {other.title!r}")
