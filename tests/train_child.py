"""What test_train.py has in common with the processes that it starts, and what these do.

They are forked from one that has imported this module, before JAX starts in them.
"""

import dataclasses
import hashlib
import json
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint  # noqa: F401  # imported once for all
import pytest
from flax import nnx

from jaxmath import data, train


class Small(nnx.Module):
    """Statistics that move, and a generator."""

    def __init__(self, rngs, width=8):
        self.hidden = nnx.Linear(16, width, rngs=rngs)
        self.norm = nnx.BatchNorm(width, momentum=0.8, rngs=rngs)
        self.drop = nnx.Dropout(0.2, rngs=rngs)
        self.output = nnx.Linear(width, 3, rngs=rngs)

    def __call__(self, x):
        return self.output(self.drop(jnp.tanh(self.norm(self.hidden(x.reshape(len(x), -1))))))


def noise(key, images):
    return images + 0.01 * jax.random.normal(key, images.shape, images.dtype)


# one rule, one augmentation, batches of 30 of 90 rows for all: another one would be another program to compile
RULE = optax.sgd(0.1, momentum=0.9)


@cache
def small_model(seed=0, width=8):
    return Small(nnx.Rngs(seed), width)


@cache
def small_state(seed=0, width=8, rule=RULE):
    return train.create(small_model(seed, width), rule, augment=noise)


def examples(n=90, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, size=n)
    return (rng.normal(size=(n, 4, 4, 1)) + 1.5 * labels[:, None, None, None]).astype(np.float32), labels


def held_out(seed=0):
    """For validation; not a multiple of two devices."""
    return tuple(array[:45] for array in examples(seed=seed))


def assert_same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_array_equal(x, y)


def without_seconds(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def told(state, history):
    """All numbers of a training, in a line."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves((state.params, state.rest, state.memory)):
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        digest.update(np.asarray(jax.random.key_data(leaf) if is_key else leaf).tobytes())
    return f"{digest.hexdigest()} {json.dumps(without_seconds(history))}"


def long_training(folder, pause=0.0, tell=lambda line: None):
    """Epochs of three steps, from the last checkpoint in a folder on; says when a step or a save begins."""
    x, labels = examples()

    class Telling(train.Checkpoints):
        def save(self, *arguments, **options):
            tell("saving")
            super().save(*arguments, **options)
            tell("saved")

    def batches(first_step, start):
        for i, batch in enumerate(data.batches(jax.random.key(first_step), (x, labels), 30, start=start), start=start):
            tell(f"{first_step // 3} {i}")
            time.sleep(pause)
            yield batch

    options = {"num_epochs": 20, "validation": held_out(), "progress": False}
    if folder is None:
        return train.fit(small_state(), batches, **options)
    with Telling(folder) as checkpoints:
        return train.fit(small_state(), batches, checkpoints=checkpoints, resume=True, **options)


def full_disk(folder: Path, tell: Callable[[str], None]) -> None:
    state = small_state()
    with train.Checkpoints(folder) as checkpoints:
        checkpoints.save(state)
        noisy = jax.tree.map(lambda a: jax.random.normal(jax.random.key(0), (40_000,)), state.params)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            checkpoints.save(dataclasses.replace(state, params=noisy, step=state.step + 1))
        except OSError as error:
            tell(f"OSError: {error}")
    with train.Checkpoints(folder) as checkpoints:
        assert_same(checkpoints.restore(state).state, state)
    tell("the last is there")


def losses() -> dict[str, list[float]]:
    """Of a set, and of batches that lie on the first device; with a validation that does not divide."""
    pair, validation, devices, found = examples(), held_out(), jax.devices(), {}
    placed = jax.device_put(pair, devices[0]) if len(devices) > 1 else pair

    def batches(first_step, start):
        return data.batches(jax.random.key(first_step), placed, 30)

    for kind, way in {"arrays": {"data": pair, "batch_size": 30}, "batches": {"data": batches}}.items():
        state, history = train.fit(small_state(), **way, validation=validation, num_epochs=2, progress=False)
        assert jax.tree.leaves(state.params)[0].sharding.is_fully_replicated
        assert len(jax.tree.leaves(state.params)[0].sharding.device_set) == len(devices)
        found[kind] = [row[name] for row in history for name in ("loss", "validation_loss")]
    if len(devices) > 1:
        problem = r"a multiple of the 2 devices of rows, got \[\(45, 4, 4, 1\), \(45,\)\]"
        with pytest.raises(ValueError, match=problem):
            train.fit(small_state(), lambda first_step, start: [validation], num_epochs=1, progress=False)
    return found


def losses_on(devices: int, tell: Callable[[str], None]) -> None:
    os.environ["NPROC"] = "8"  # a device that waits for another holds a thread
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", devices)
    tell(json.dumps({"devices": len(jax.devices()), **losses()}))


def long(folder: Path, tell: Callable[[str], None]) -> None:
    long_training(folder, 0.02, tell)


class Child:
    """A process that runs one of these functions, and what it tells."""

    def __init__(self, function, *arguments, programs):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["train_child"])
        self._pipe, far = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(far, programs, function, arguments), daemon=True)
        with mock.patch.dict(os.environ, PYTHONPATH=str(Path(__file__).parent)):  # for the one that imports
            self._process.start()
        far.close()

    def lines(self) -> Iterator[str]:
        while self._pipe.poll(240):
            try:
                yield self._pipe.recv()
            except EOFError:
                return
        raise TimeoutError("a child tells nothing")

    def kill(self):
        self._process.kill()

    def end(self) -> int | None:
        self._process.join(60)
        return self._process.exitcode


@contextmanager
def child(function, *arguments, programs):
    made = Child(function, *arguments, programs=programs)
    try:
        yield made
    finally:
        made.kill()
        made.end()


def _work(pipe: Connection, programs: Path, function, arguments) -> None:
    """Compiled programs are kept where those of the tests are, or else in a folder of all children."""
    if not jax.config.values["jax_compilation_cache_dir"]:
        jax.config.update("jax_compilation_cache_dir", str(programs))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    function(*arguments, pipe.send)
