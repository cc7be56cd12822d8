"""Run by test_train.py in a process of its own: train_child.py full_disk FOLDER | losses | train FOLDER KILL_IN."""

import hashlib
import json
import os
import resource
import signal
import sys

import jax
import numpy as np
from test_train import assert_same, examples, noise, small_state, without_seconds

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
    x, labels = examples()
    state, history = train.fit(small_state(augment=noise), (x, labels), batch_size=30, num_epochs=2, progress=False)
    assert jax.tree.leaves(state.params)[0].sharding.is_fully_replicated
    print(json.dumps({"devices": len(jax.devices()), "losses": [row["loss"] for row in history]}))


def epochs(folder: str, kill_in: str) -> None:
    """Five epochs; in the middle of one it kills itself."""
    x, labels = examples()

    def batches(epoch, start):
        for i, batch in enumerate(data.batches(jax.random.key(epoch), (x, labels), 30, start=start)):
            if epoch + 1 == int(kill_in) and i == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    with train.Checkpoints(folder) as checkpoints:
        state, history = train.fit(
            small_state(augment=noise), batches, num_epochs=5, checkpoints=checkpoints, resume=True, progress=False
        )
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(state.params):
        digest.update(np.asarray(leaf).tobytes())
    print(digest.hexdigest(), without_seconds(history))


if __name__ == "__main__":
    {"full_disk": full_disk, "losses": losses, "train": epochs}[sys.argv[1]](*sys.argv[2:])
