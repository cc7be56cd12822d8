"""Run by test_train.py in a process of its own: train_child.py full_disk FOLDER | losses | long FOLDER PAUSE."""

import json
import resource
import signal
import sys
from functools import partial

import jax
import optax
import pytest
from test_train import assert_same, examples, long_training, noise, small_state, told

from jaxmath import data, train


def full_disk(folder: str) -> None:
    state = small_state()
    with train.Checkpoints(folder) as checkpoints:
        checkpoints.save(state)
        wide = small_state(width=20_000)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        after = jax.jit(train.step)(wide, examples(30))[0]
        try:
            checkpoints.save(after)
        except OSError as error:
            print(f"OSError: {error}")
    with train.Checkpoints(folder) as checkpoints:
        assert_same(checkpoints.restore(state).state, state)


def losses() -> None:
    """Of a set, and of batches that lie on the first device; with a validation that does not divide."""
    pair, devices, found = examples(), jax.devices(), {}
    rule = optax.sgd(0.1)  # Adam would enlarge the rounding of a gradient of 0
    validation = tuple(array[:45] for array in pair)
    ways: dict = {
        "arrays": {"data": pair, "batch_size": 30},
        "batches": {
            "data": lambda epoch, start: data.batches(jax.random.key(epoch), jax.device_put(pair, devices[0]), 30)
        },
    }
    for kind, way in ways.items():
        state, history = train.fit(
            small_state(rule=rule, augment=noise), **way, validation=validation, num_epochs=2, progress=False
        )
        assert jax.tree.leaves(state.params)[0].sharding.is_fully_replicated
        assert len(jax.tree.leaves(state.params)[0].sharding.device_set) == len(devices)
        found[kind] = [row[name] for row in history for name in ("loss", "validation_loss")]
    if len(devices) > 1:
        problem = r"a multiple of the 2 devices of rows, got \[\(45, 4, 4, 1\), \(45,\)\]"
        with pytest.raises(ValueError, match=problem):
            train.fit(small_state(), lambda epoch, start: [validation], num_epochs=1, progress=False)
    print(json.dumps({"devices": len(devices), **found}))


def long(folder: str, pause: str) -> None:
    print(told(*long_training(folder, float(pause), partial(print, flush=True))))


if __name__ == "__main__":
    {"full_disk": full_disk, "losses": losses, "long": long}[sys.argv[1]](*sys.argv[2:])
