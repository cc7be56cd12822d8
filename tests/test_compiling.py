"""Options under which programs are compiled quickly: XLA knows them, and the numbers are the same."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import _compiling

pytestmark = pytest.mark.once


def test_a_program_is_the_same_function():
    function = lambda x: jnp.sum(jnp.tanh(x) @ x.T, axis=0)  # noqa: E731
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    options = _compiling.quick_to_compile()
    np.testing.assert_allclose(jax.jit(function, compiler_options=options)(x), (np.tanh(x) @ x.T).sum(0), rtol=1e-5)


def test_what_the_environment_sets_is_read_last():
    flags = "--xla_backend_optimization_level=2 --xla_force_host_platform_device_count=3"
    environment = _compiling.environment_quick_to_compile({"A": "b", "XLA_FLAGS": flags})
    assert environment["A"] == "b"
    assert environment["XLA_FLAGS"].endswith(flags)
    assert _compiling.environment_quick_to_compile(environment) == environment
    script = "import jax; print(jax.jit(lambda x: 2 * x)(3.0), jax.device_count())"
    result = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | environment | {"JAX_PLATFORMS": "cpu"}, capture_output=True
    )
    assert result.stdout.split() == [b"6.0", b"3"], result.stderr


def test_another_version_or_device(monkeypatch):
    """XLA stops a process that sets what it does not know."""
    monkeypatch.setattr(_compiling.metadata, "version", lambda _: "0.13.0")
    assert "emitters" not in _compiling.environment_quick_to_compile({"A": "b"})["XLA_FLAGS"]
    monkeypatch.undo()
    monkeypatch.setattr(_compiling, "find_spec", lambda name: name == "libtpu")
    assert _compiling.environment_quick_to_compile({"A": "b"}) == {"A": "b"}


def test_the_tests_are_compiled_so():
    """The tests set the options themselves, before the package is imported."""
    assert _compiling.environment_quick_to_compile({}).get("XLA_FLAGS", "") in os.environ.get("XLA_FLAGS", "")
