"""Steps, epochs, checkpoints and measures of training."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmath import data, neural, train

HERE = Path(__file__).parent


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


def examples(n=90, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, size=n)
    return (rng.normal(size=(n, 4, 4, 1)) + 1.5 * labels[:, None, None, None]).astype(np.float32), labels


# one optimiser for all: another one would be another program
RULE = optax.adam(1e-2)


def small_state(seed=0, width=8, rule=RULE, **options):
    return train.create(Small(nnx.Rngs(seed), width), rule, **options)


def assert_same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_array_equal(x, y)


def without_seconds(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


fit = partial(train.fit, batch_size=30, progress=False)


# steps


def test_a_step_is_that_of_the_optimiser():
    """For a linear model, where the gradient is known: X^T (softmax - one-hot) / n."""
    x, labels = examples(20)
    model = nnx.Linear(16, 3, rngs=nnx.Rngs(0))
    state = train.create(model, optax.sgd(0.5), loss=lambda model, batch: train.classification(model, batch))
    rows = x.reshape(20, 16)
    after, metrics = jax.jit(train.step)(state, (rows, labels))
    kernel, bias = np.asarray(model.kernel[...], np.float64), np.asarray(model.bias[...], np.float64)
    odds = np.exp(rows @ kernel + bias)
    shares = odds / odds.sum(axis=1, keepdims=True)
    miss = (shares - np.eye(3)[labels]) / 20
    np.testing.assert_allclose(after.model.kernel[...], kernel - 0.5 * rows.T @ miss, atol=1e-6)
    np.testing.assert_allclose(after.model.bias[...], bias - 0.5 * miss.sum(axis=0), atol=1e-6)
    assert metrics["loss"] == pytest.approx(-np.log(shares[range(20), labels]).mean(), abs=1e-6)
    assert metrics["accuracy"] == pytest.approx((shares.argmax(axis=1) == labels).mean(), abs=1e-6)
    assert after.step == 1


def test_steps_in_a_scan_and_for_many_models():
    x, labels = examples(60)
    batches = (jnp.asarray(x).reshape(3, 20, 4, 4, 1), jnp.asarray(labels).reshape(3, 20))
    rule = optax.sgd(0.1)  # Adam would enlarge the rounding of a gradient of 0
    states = [small_state(seed, rule=rule, augment=noise) for seed in (0, 1)]
    one_step = jax.jit(train.step)
    alone = []
    for state in states:
        for i in range(3):
            state, metrics = one_step(state, jax.tree.map(lambda a, i=i: a[i], batches))
        alone.append((state.params, metrics["loss"]))
    scanned = [jax.jit(lambda s: jax.lax.scan(train.step, s, batches))(state) for state in states]
    arrays = [jax.tree.flatten(state) for state in states]
    stacked = jax.tree.unflatten(
        arrays[0][1], [jnp.stack(leaves) for leaves in zip(*(a for a, _ in arrays), strict=True)]
    )
    together, metrics = jax.jit(jax.vmap(lambda s: jax.lax.scan(train.step, s, batches)))(stacked)
    for i, (params, loss) in enumerate(alone):
        for a, b, c in zip(*map(jax.tree.leaves, (params, scanned[i][0].params, together.params)), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
            np.testing.assert_allclose(a, c[i], atol=1e-5)
        assert metrics["loss"][i, -1] == pytest.approx(float(loss), abs=1e-5)


def test_gathered_gradients_are_those_of_one_large_batch():
    x, labels = examples(40)
    model = nnx.Linear(16, 3, rngs=nnx.Rngs(0))
    rows = x.reshape(40, 16)
    whole, _ = jax.jit(train.step)(train.create(model, optax.sgd(0.3)), (rows, labels))
    parts = train.create(model, optax.MultiSteps(optax.sgd(0.3), 2))
    for half in (slice(0, 20), slice(20, 40)):
        parts, _ = jax.jit(train.step)(parts, (rows[half], labels[half]))
    np.testing.assert_allclose(whole.model.kernel[...], parts.model.kernel[...], atol=1e-6)


def test_an_optimiser_that_asks_for_the_loss_is_told_it():
    """Polyak's rate is L / |g|^2; a line search sees the loss of the same batch, noise and dropout."""
    x, labels = examples(20)
    rows, model = x.reshape(20, 16), nnx.Linear(16, 3, rngs=nnx.Rngs(0))
    kernel, bias = np.asarray(model.kernel[...], np.float64), np.asarray(model.bias[...], np.float64)
    odds = np.exp(rows @ kernel + bias)
    shares = odds / odds.sum(axis=1, keepdims=True)
    miss = (shares - np.eye(3)[labels]) / 20
    loss = -np.log(shares[range(20), labels]).mean()
    rate = loss / (np.sum((rows.T @ miss) ** 2) + np.sum(miss.sum(axis=0) ** 2))
    for rule in (optax.polyak_sgd(1e9), optax.MultiSteps(optax.polyak_sgd(1e9), 1)):
        after, _ = jax.jit(train.step)(train.create(model, rule), (rows, labels))
        np.testing.assert_allclose(after.model.kernel[...], kernel - rate * rows.T @ miss, atol=1e-5)

    def tell(updates, memory, params, *, value, grad, value_fn):
        distance = optax.tree.norm(jax.tree.map(jnp.subtract, updates, grad))
        return jax.tree.map(jnp.zeros_like, updates), jnp.stack([value, value_fn(params), distance])

    rule = optax.GradientTransformationExtraArgs(lambda params: jnp.zeros(3), tell)
    state = small_state(rule=rule, augment=noise)
    after, metrics = jax.jit(train.step)(state, (x, labels))
    np.testing.assert_allclose(after.memory, [metrics["loss"], metrics["loss"], 0], atol=1e-6)
    assert_same(after.params, state.params)
    batches = (x[None], labels[None])
    for rule in (optax.lbfgs(), optax.chain(optax.sgd(0.1), optax.contrib.reduce_on_plateau())):
        jax.eval_shape(lambda state: jax.lax.scan(train.step, state, batches), small_state(rule=rule))


def test_compiled_steps_compile_once_and_leave_the_model_alone():
    x, labels = examples(30)
    model = Small(nnx.Rngs(0))
    before = jax.tree.map(jnp.copy, nnx.state(model))
    state, run = train.create(model, RULE), train.compile(train.step)
    for _ in range(3):
        state, _ = run(state, (x, labels))
    assert run._cache_size() == 1
    assert_same(before, nnx.state(model))


def test_bytes_are_numbers_from_0_to_1():
    x = np.arange(256, dtype=np.uint8).reshape(16, 16)
    model, labels = nnx.Linear(16, 3, rngs=nnx.Rngs(0)), np.zeros(16, int)
    loss, _ = train.classification(model, (jnp.asarray(x), labels))
    assert loss == pytest.approx(float(train.classification(model, (x / np.float32(255), labels))[0]), rel=1e-6)
    assert jnp.isnan(train.classification(model, (jnp.asarray(x), labels + 3))[0])


# measures


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.integers(1, 30), st.integers(1, 5))
def test_measures_against_numpy(seed, n, k):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(n, k)), rng.integers(0, k, size=n)
    predictions = logits.argmax(axis=1)
    assert train.accuracy(logits, labels) == pytest.approx(np.mean(predictions == labels))
    for most in range(1, k + 1):
        ranks = [sum(row > row[label]) for row, label in zip(logits, labels, strict=True)]
        assert train.top_k_accuracy(logits, labels, most) == pytest.approx(np.mean(np.array(ranks) < most))
    table = np.zeros((k, k), int)
    for label, prediction in zip(labels, predictions, strict=True):
        table[label, prediction] += 1
    np.testing.assert_array_equal(train.confusion_matrix(predictions, labels, k), table)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.integers(1, 40), st.integers(1, 7))
def test_calibration_against_numpy(seed, n, bins):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4), size=n).astype(np.float32)
    labels = rng.integers(0, 4, size=n)
    found = train.calibration(p, labels, bins)
    error = 0.0
    for b in range(bins):
        inside = [i for i in range(n) if b / bins < p[i].max() <= (b + 1) / bins]
        assert found.count[b] == len(inside)
        if inside:
            sure, right = p[inside].max(axis=1).mean(), (p[inside].argmax(axis=1) == labels[inside]).mean()
            assert found.confidence[b] == pytest.approx(sure, abs=1e-5)
            assert found.accuracy[b] == pytest.approx(right, abs=1e-5)
            error += len(inside) / n * abs(sure - right)
        else:
            assert np.isnan(found.confidence[b])
    assert found.error == pytest.approx(error, abs=1e-5)


def test_measures_of_what_is_not_a_number_or_no_class():
    logits = jnp.array([[jnp.nan, 1.0], [0.0, 2.0], [0.0, 2.0]])
    assert train.accuracy(logits, jnp.array([1, 1, 7])) == pytest.approx(1 / 3)
    assert jnp.isnan(train.calibration(logits, jnp.array([1, 1, 1])).error)
    assert train.confusion_matrix(jnp.array([0, -1, 5]), jnp.array([1, 0, 0]), 2).sum() == 1


def test_evaluation_in_batches_of_any_size():
    x, labels = examples(50)
    state = small_state()
    whole = train.evaluate(state, (x, labels), batch_size=50)
    ready = state.model
    ready.eval()
    np.testing.assert_allclose(whole.logits, ready(jnp.asarray(x)), atol=1e-5)
    for found in (
        train.evaluate(state, (x, labels), batch_size=17),
        train.evaluate(state, (x, labels), batch_size=500),
        train.evaluate(state, [(x[:20], labels[:20]), (x[20:], labels[20:])]),
    ):
        np.testing.assert_allclose(found.logits, whole.logits, atol=1e-5)
        assert found.loss == pytest.approx(whole.loss, abs=1e-5)
        assert found.accuracy == whole.accuracy


# epochs


def test_training_learns_and_says_so(tmp_path):
    x, labels = examples(300)
    for log in ("log.csv", "log.json"):
        state, history = fit(
            small_state(augment=noise), (x, labels), num_epochs=9, validation=examples(100, 1), log=tmp_path / log
        )
    assert state.step == 90
    assert history[-1]["validation_accuracy"] > 0.9
    found = train.evaluate(state, examples(100, 1))
    assert history[-1]["validation_loss"] == pytest.approx(found.loss, rel=1e-5)
    assert history[-1]["validation_accuracy"] == pytest.approx(found.accuracy, rel=1e-6)
    assert [row["epoch"] for row in history] == list(range(1, 10))
    assert history[-1]["loss"] < history[0]["loss"]
    assert json.loads((tmp_path / "log.json").read_text()) == history
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch,step,loss,accuracy,validation_loss,validation_accuracy,seconds"
    assert len(lines) == 10


def test_the_log_has_what_was_kept_before(tmp_path):
    x, labels = examples(30)
    with train.Checkpoints(tmp_path / "c") as checkpoints:
        on = partial(fit, small_state(), (x, labels), num_epochs=1, checkpoints=checkpoints, resume=True)
        history = on()[1]
        assert on(log=tmp_path / "log.json")[1] == history
    assert json.loads((tmp_path / "log.json").read_text()) == history


def test_the_log_makes_its_folder_or_says_that_it_cannot(tmp_path):
    x, labels = examples(30)
    fit(small_state(), (x, labels), num_epochs=1, log=tmp_path / "a" / "b" / "log.csv")
    assert (tmp_path / "a" / "b" / "log.csv").read_text().startswith("epoch,")
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    for place in (tmp_path / "file" / "log.csv", tmp_path / "folder.csv"):
        with pytest.raises(OSError, match=f"train.fit: cannot write the log {place}"):
            fit(small_state(), never, batch_size=None, num_epochs=1, log=place)


def never(epoch, start):
    raise AssertionError("an epoch began")


def squares(model, batch):
    x, y = batch
    miss = model(x)[:, 0] - y
    return jnp.mean(miss**2), {"distance": jnp.mean(jnp.abs(miss))}


def test_validation_is_by_the_loss_of_the_state_and_by_rows():
    x, labels = examples(510)
    rows, y = x.reshape(510, 16), labels.astype(np.float32)
    model = nnx.Sequential(nnx.Dropout(0.5, rngs=nnx.Rngs(1)), nnx.Linear(16, 1, rngs=nnx.Rngs(0)))
    state = train.create(model, optax.sgd(1e-3), loss=squares)
    for validation in ((rows, y), lambda: [(rows[:400], y[:400]), (rows[400:], y[400:])]):
        after, history = fit(state, (rows, y), num_epochs=1, validation=validation)
        kernel, bias = (
            np.asarray(a[...], np.float64) for a in (after.model.layers[1].kernel, after.model.layers[1].bias)
        )
        miss = (rows @ kernel + bias)[:, 0] - y
        assert list(history[0])[2:-1] == ["loss", "distance", "validation_loss", "validation_distance"]
        assert history[0]["validation_loss"] == pytest.approx(np.mean(miss**2), rel=1e-5)
        assert history[0]["validation_distance"] == pytest.approx(np.mean(np.abs(miss)), rel=1e-5)


@pytest.mark.bad_input
def test_a_validation_that_does_not_fit_is_known_before_the_first_epoch():
    x, labels = examples(30)
    narrow = small_state(loss=lambda model, batch: (model(batch[0]).sum(), {"all": model(batch[0])}))
    for state, validation, error, message in [
        (small_state(), (x[:, :3], labels), TypeError, "validation does not suit the loss of the state: dot"),
        (small_state(), (x, labels.astype(float)), TypeError, "does not suit .* class numbers must be integers"),
        (small_state(), lambda: [(x, labels[:, None])], (TypeError, ValueError), "validation does not suit the loss"),
        (small_state(), lambda: [(3, labels)], (TypeError, ValueError), "validation does not suit the loss"),
        (small_state(), (x, labels[:-1]), ValueError, "equally many rows"),
        (small_state(), lambda: [], ValueError, "at least one batch of the validation"),
        (small_state(), [(x, labels)], TypeError, "validation must be a tuple of arrays or a function, got list"),
        (narrow, (x, labels), ValueError, r"validation .*: the loss reports all of shape \(30, 3\), expected a number"),
    ]:
        with pytest.raises(error, match=f"train.fit: .*{message}"):
            train.fit(state, never, num_epochs=1, validation=validation, progress=False)


@pytest.mark.bad_input
def test_what_a_loss_may_report():
    x, labels = examples(30)
    for name, value in [
        ("all", labels / 1),
        *((name, 1.0) for name in ("loss", "epoch", "step", "seconds", "validation_x")),
    ]:
        state = small_state(loss=lambda model, batch, name=name, value=value: (model(batch[0]).mean(), {name: value}))
        for source in ({"data": (x, labels), "batch_size": 30}, {"data": lambda epoch, start: [(x, labels)]}):
            with pytest.raises(ValueError, match=f"train.step: the loss reports {name}"):
                train.fit(state, **source, num_epochs=1, progress=False)


def test_the_order_of_examples_comes_from_the_key():
    x, labels = examples()
    first, again = (fit(small_state(), (x, labels), num_epochs=1)[1] for _ in range(2))
    other = fit(small_state(key=jax.random.key(1)), (x, labels), num_epochs=1)[1]
    assert without_seconds(first) == without_seconds(again)
    assert without_seconds(first) != without_seconds(other)


def seen_rows(batch_size=4, n=11):
    """A state whose step moves the weight of each row of the unit matrix that it sees, and that matrix."""

    def loss(model, batch):
        return -jnp.mean(model(batch[0])), {}

    model = nnx.Linear(n, 1, kernel_init=nnx.initializers.zeros, rngs=nnx.Rngs(0))
    return train.create(model, optax.sgd(1.0), loss=loss), (np.eye(n, dtype=np.float32), np.arange(n))


def test_calls_of_one_epoch_are_one_call_of_many():
    state, rows = seen_rows()
    whole, history = fit(state, rows, batch_size=4, num_epochs=8)
    parts = []
    for _ in range(8):
        state, row = fit(state, rows, batch_size=4, num_epochs=1)
        parts += row
    assert_same(state, whole)
    assert [row["loss"] for row in parts] == [row["loss"] for row in history]
    visits = np.round(4 * np.asarray(whole.model.kernel[...])[:, 0])
    assert visits.sum() == 8 * 8
    assert visits.min() > 0
    asked = []

    def batches(first_step, start):
        asked.append((first_step, start))
        return [rows] * 2

    for num_epochs in (1, 2):
        state, _ = train.fit(state, batches, num_epochs=num_epochs, progress=False)
    assert asked == [(16, 0), (18, 0), (20, 0)]


@pytest.mark.bad_input
def test_a_checkpoint_with_the_order_of_before_is_refused(tmp_path):
    """Until its first version train.fit drew the order of an epoch from its number."""
    state, rows = seen_rows()
    on = partial(train.fit, state, rows, batch_size=4, num_epochs=2, progress=False, checkpoints=tmp_path)
    state, _ = on(num_epochs=1)
    facts = tmp_path / "2" / "facts" / "metadata"
    old = json.loads(facts.read_text())
    assert old.pop("version") == 2
    facts.write_text(json.dumps(old))
    with pytest.raises(ValueError, match=f"train.fit: {tmp_path} is of an earlier version.* another folder$"):
        on(resume=True)
    with train.Checkpoints(tmp_path) as checkpoints:
        kept = checkpoints.restore(state)
    assert kept.by_epoch
    assert_same(kept.state, state)


def test_patience():
    x, labels = examples()
    state = train.create(nnx.Linear(16, 3, rngs=nnx.Rngs(0)), optax.sgd(0.0))
    rows = x.reshape(90, 16)
    _, history = fit(state, (rows, labels), num_epochs=9, validation=(rows, labels), patience=2)
    assert len(history) == 3


def test_resumed_training_gives_the_same_numbers(tmp_path):
    x, labels = examples()
    train_on = partial(fit, small_state(augment=noise), (x, labels), validation=(x, labels))
    expected, expected_history = train_on(num_epochs=3)
    with train.Checkpoints(tmp_path) as checkpoints:
        train_on(num_epochs=1, checkpoints=checkpoints)
        with pytest.raises(FileExistsError, match="pass resume=True"):
            train_on(num_epochs=3, checkpoints=checkpoints)
    with train.Checkpoints(tmp_path) as checkpoints:
        checkpoints.claim()
        state, history = train_on(num_epochs=3, checkpoints=checkpoints, resume=True)
        assert not checkpoints.claim()  # it is claimed still
        assert_same(state, expected)
        assert without_seconds(history) == without_seconds(expected_history)
        best = checkpoints.restore(state, best=True)
        assert min(row["validation_loss"] for row in history) == best.history[-1]["validation_loss"]
        assert len(checkpoints) <= 2


@pytest.mark.parametrize("kind", ["arrays", "batches"])
def test_a_signal_keeps_the_step_in_progress(tmp_path, capsys, kind):
    x, labels = examples()
    sent, handlers = [], [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def batches(epoch, start, interrupt=False):
        for i, batch in enumerate(data.batches(jax.random.key(epoch), (x, labels), 30, start=start)):
            if interrupt and (epoch, i) == (3, 1):
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    def interrupt_once(values):
        if not sent and values[0] == 4:  # the second step of the second epoch
            sent.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    def loss(model, batch):
        value, metrics = train.classification(model, batch)
        return value, metrics

    class Steps(Small):
        """Counts its calls in training, and tells."""

        def __init__(self, rngs):
            super().__init__(rngs)
            self.count = nnx.BatchStat(jnp.zeros(1, int))

        def __call__(self, x):
            if not self.drop.deterministic:
                jax.debug.callback(interrupt_once, self.count[...])
                self.count[...] += 1
            return super().__call__(x)

    model = Steps if kind == "arrays" else Small
    state = train.create(model(nnx.Rngs(0)), RULE, loss=loss, augment=noise)
    source = {"data": (x, labels), "batch_size": 30} if kind == "arrays" else {"data": batches}
    train_on = partial(train.fit, state, num_epochs=3, progress=False)
    with train.Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(KeyboardInterrupt, match="resume from"):
            train_on(
                **source | ({} if kind == "arrays" else {"data": partial(batches, interrupt=True)}),
                checkpoints=checkpoints,
            )
        assert "stopping after this step; again to stop at once\n" in capsys.readouterr().err
        kept = checkpoints.restore(state)
        assert 3 < kept.state.step < 9
        assert len(kept.unfinished["loss"]) == kept.state.step % 3
        resumed, history = train_on(**source, checkpoints=checkpoints, resume=True)
    expected, expected_history = train_on(**source)
    assert_same(resumed, expected)
    assert without_seconds(history) == without_seconds(expected_history)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_broken_state_is_not_kept_after_a_signal(tmp_path):
    """The fourth update is not a number, the loss before it is; the statistics break where an image is huge."""
    x, labels = examples()

    def batches(epoch, start):
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return data.batches(jax.random.key(epoch), (x, labels), 30, start=start)

    rule = optax.sgd(lambda count: jnp.where(count == 3, jnp.nan, 0.1))
    checkpoints = train.Checkpoints(tmp_path)
    with pytest.raises(FloatingPointError, match=f"a parameter is not finite after step 4; {tmp_path} has the state"):
        train.fit(small_state(rule=rule), batches, num_epochs=2, progress=False, checkpoints=checkpoints)
    with train.Checkpoints(tmp_path) as other:  # the training has released the folder, though its object lives
        other.claim()
        kept = other.restore(small_state(rule=rule)).state
        assert kept.step == 3
        broken = nnx.merge(kept.graphdef, kept.params, kept.rest, copy=True)
        broken.norm.var[...] = jnp.full(8, jnp.inf)
        with pytest.raises(FloatingPointError, match="a running statistic is not finite after step 3"):
            fit(train.create(broken, RULE), (x, labels), num_epochs=1)


def test_a_signal_at_the_end_of_an_epoch_lets_it_end(tmp_path):
    x, labels = examples()

    asked = []

    def validation():
        asked.append(True)
        if len(asked) > 1:  # not before the first epoch
            os.kill(os.getpid(), signal.SIGINT)
        return [(x, labels)]

    with train.Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(KeyboardInterrupt, match="stopped at step 3; resume from"):
            fit(small_state(), (x, labels), num_epochs=1, validation=validation, checkpoints=checkpoints)
        kept = checkpoints.restore(small_state(), best=True)
        assert (len(kept.history), kept.unfinished) == (1, {})
        _, history = fit(
            small_state(), (x, labels), num_epochs=2, validation=(x, labels), checkpoints=checkpoints, resume=True
        )
    expected = fit(small_state(), (x, labels), num_epochs=2, validation=(x, labels))[1]
    assert without_seconds(history) == without_seconds(expected)


@pytest.mark.bad_input
def test_another_setting_after_a_break(tmp_path):
    x, labels = examples()
    with train.Checkpoints(tmp_path / "c") as checkpoints:
        state, _ = fit(small_state(), (x, labels), num_epochs=1, checkpoints=checkpoints)
        on = partial(train.fit, state, num_epochs=2, checkpoints=checkpoints, resume=True, progress=False)
        with pytest.raises(ValueError, match="is of a training with batch_size 30, got 45; resume with"):
            on((x, labels), batch_size=45)
        with pytest.raises(ValueError, match="is of a training with rows 90, got 60; resume with"):
            on((x[:60], labels[:60]), batch_size=30)
        state, _ = jax.jit(train.step)(state, (x[:30], labels[:30]))
        checkpoints.save(state, [], unfinished={"loss": [1.0, 1.0], "accuracy": [0.5, 0.5]})
        with pytest.raises(ValueError, match="has 2 steps of an epoch, which has 1 now; resume with the batch_size"):
            on((x, labels), batch_size=60)
        with pytest.raises(ValueError, match="step 0 is before 4, the last that is kept"):
            checkpoints.save(small_state())


def test_two_states_of_one_key():
    x, labels = examples(30)
    key = jax.random.key(3)
    first, second = small_state(key=key), small_state(key=key)
    train.compile(train.step)(first, (x, labels))
    assert jax.random.key_data(second.key).tolist() == jax.random.key_data(key).tolist()


def test_a_loaded_set_is_its_images_and_labels():
    x, labels = examples()
    loaded = data.Images((x * 50).astype(np.uint8)[:, :4, :4], labels, ("a", "b", "c"))
    pair = (loaded.images, loaded.labels)
    options = {"batch_size": 30, "num_epochs": 1, "progress": False}
    ours = train.fit(small_state(), loaded, validation=loaded, **options)[1]
    assert without_seconds(ours) == without_seconds(train.fit(small_state(), pair, validation=pair, **options)[1])


def test_calibration_in_half_precision():
    shares = jnp.tile(jnp.array([1.0, 0.0], jnp.bfloat16), (1000, 1))
    assert train.calibration(shares, jnp.arange(1000) % 2).error == pytest.approx(0.5)


def test_a_loss_that_is_not_finite_stops_and_keeps_what_was(tmp_path):
    x, labels = examples()
    good, bad = (x, labels), (np.where(np.arange(90)[:, None, None, None] == 7, np.nan, x), labels)
    with train.Checkpoints(tmp_path) as checkpoints:
        kept, _ = fit(small_state(), good, num_epochs=2, checkpoints=checkpoints)
        with pytest.raises(
            FloatingPointError, match=rf"the loss is nan at step [789]; {tmp_path} has the state before"
        ):
            fit(small_state(), bad, num_epochs=4, checkpoints=checkpoints, resume=True)
        assert_same(checkpoints.restore(small_state()).state, kept)
    order = np.asarray(data.epoch_order(jax.random.fold_in(jax.random.split(jax.random.key(0))[0], 0), 90, 30))
    at = 1 + int(np.argwhere(order == 7)[0, 0])
    with pytest.raises(FloatingPointError, match=f"the loss is nan at step {at}$"):
        fit(small_state(), bad, num_epochs=1)
    huge = small_state(rule=optax.sgd(1e38))
    with pytest.raises(FloatingPointError, match=r"is not finite after step|the loss is"):
        fit(huge, (x * 1e4, labels), num_epochs=1)


@pytest.mark.bad_input
def test_what_does_not_fit_together(tmp_path):
    x, labels = examples()
    state = small_state()
    for options, error, message in [
        ({"data": (x, labels)}, ValueError, "arrays need a batch_size"),
        ({"data": (x, labels), "batch_size": 91}, ValueError, "batch_size must be"),
        ({"data": (x, labels[:-1]), "batch_size": 30}, ValueError, "rows"),
        ({"data": [x, labels], "batch_size": 30}, TypeError, "data must be a tuple of arrays or a function, got list"),
        ({"data": lambda epoch, start: [], "batch_size": 30}, ValueError, "batch_size is for arrays"),
        ({"data": lambda epoch, start: []}, ValueError, "no batches in the epoch that begins at step 0"),
        ({"data": (x, labels), "batch_size": 30, "log": "log.txt"}, ValueError, r"must end in \.csv or \.json"),
        ({"data": (x, labels), "batch_size": 30, "patience": 0}, ValueError, "patience must be"),
        ({"data": (x, labels), "batch_size": 30, "num_epochs": 0}, ValueError, "num_epochs must be"),
        ({"data": (x, labels), "batch_size": 30, "resume": True}, ValueError, "resume needs checkpoints"),
    ]:
        with pytest.raises(error, match=message):
            train.fit(state, **{"num_epochs": 1, "progress": False} | options)
    with pytest.raises(ValueError, match="at least one batch"):
        train.evaluate(state, [])
    for pairs, kind in (([x, labels], "ndarray"), ((x, labels, x), "3 parts"), ([(x,)], "1 parts")):
        with pytest.raises(TypeError, match=f"train.evaluate: expected .* an iterable of such pairs, not of {kind}"):
            train.evaluate(state, pairs)


def linear_state(**options):
    return train.create(nnx.Linear(16, 3, rngs=nnx.Rngs(0)), RULE, **options)


def flat(n=90):
    x, labels = examples(n)
    return x.reshape(n, 16), labels


def test_a_folder_is_enough_for_checkpoints(tmp_path):
    def bad(first_step, start):
        yield pair
        raise RuntimeError("no more")

    pair = flat()
    on = partial(train.fit, linear_state(), progress=False, checkpoints=str(tmp_path / "c"))
    on(lambda first_step, start: [pair], num_epochs=1)
    with pytest.raises(RuntimeError):
        on(bad, num_epochs=2, resume=True)
    state, history = on(lambda first_step, start: [pair], num_epochs=2, resume=True, checkpoints=tmp_path / "c")
    assert (len(history), state.step) == (2, 2)
    with train.Checkpoints(tmp_path / "c") as checkpoints:  # free again, and complete
        checkpoints.claim()
        assert_same(checkpoints.restore(state).state, state)
    with pytest.raises(TypeError, match=r"^train\.fit: checkpoints must be a folder or .* got int$"):
        on(lambda first_step, start: [pair], num_epochs=2, checkpoints=3)
    with pytest.raises(TypeError, match=r"^train\.Checkpoints: expected the path of a folder, got int$"):
        train.Checkpoints(3)


@pytest.mark.bad_input
def test_what_makes_no_state():
    model = nnx.Linear(16, 3, rngs=nnx.Rngs(0))
    for arguments, options, error, message in [
        ((nnx.Linear, RULE), {}, TypeError, "model must be a Flax NNX module .* got the class Linear; make one"),
        ((neural.init_mlp(jax.random.key(0), [2, 3, 1]), RULE), {}, TypeError, "got list; .* by optimize.sgd"),
        ((nnx.Dropout(0.1, rngs=nnx.Rngs(0)), RULE), {}, ValueError, "got a Dropout without any nnx.Param"),
        ((model, 0.1), {}, TypeError, "optimizer must be a rule .* got float; make one of the rate"),
        ((model, optax.adam), {}, TypeError, "optimizer must be a rule .* got function; call it"),
        ((model, optax.MultiSteps), {}, TypeError, "optimizer must be a rule .* got the class MultiSteps"),
        ((model, RULE), {"loss": "mse"}, TypeError, "loss must be a function such as train.classification, got str"),
        ((model, RULE), {"augment": True}, TypeError, "augment must be a function .* got bool"),
    ]:
        with pytest.raises(error, match=f"^train.create: .*{message}"):
            train.create(*arguments, **options)
    for call in (train.step, train.evaluate, train.predict, partial(train.fit, num_epochs=1)):
        with pytest.raises(TypeError, match=r"^train\.\w+: state must be made by train.create.*, got Linear"):
            call(model, flat())


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (lambda scores: (scores[:, 0], {}), ValueError, r"got values of shape \(90,\); take their mean"),
        (lambda scores: scores.mean(), TypeError, r"got an array of shape \(\); return value, {}"),
        (lambda scores: (scores.mean(), scores.mean()), TypeError, "got a tuple of .*; return value, {}"),
        (lambda scores: None, TypeError, "got a NoneType"),
        (lambda scores: (scores.argmax(), {}), TypeError, "got a number of dtype int"),
    ],
)
def test_what_a_loss_must_return(returned, error, message):
    state = linear_state(loss=lambda model, batch: returned(model(batch[0])))
    expected = f"^train.step: the loss must return a pair, one number and a dict of others by name, {message}"
    for call in (
        partial(train.step, state, flat()),
        partial(train.fit, state, flat(), batch_size=90, num_epochs=1, progress=False),
        partial(train.fit, state, lambda first_step, start: [flat()], num_epochs=1, progress=False),
    ):
        with pytest.raises(error, match=expected):
            call()


BEYOND = r"labels must be in 0\.\.2 for the 3 outputs of the model, got -1, 7; number them from 0"


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "error", "of_arrays", "of_a_function"),
    [
        (lambda x, labels: (x, labels / 2), TypeError, r"classification: .*float.* take labels.astype\(int\)", None),
        (lambda x, labels: (x, np.eye(3)[labels]), TypeError, r"classification: .*argmax\(axis=1\)", None),
        (lambda x, labels: (x, labels[:, None]), TypeError, r"classification: .*take labels\[:, 0\]", None),
        (lambda x, labels: (x, labels.astype(str)), TypeError, r"fit: .*got dtype <U", r"fit: the data does not suit"),
        (
            lambda x, labels: (x, labels[:-1]),
            ValueError,
            r"fit: .*equally many rows",
            r"classification: .*one for each",
        ),
        (
            lambda x, labels: (x[:, 1:], labels),
            TypeError,
            r"fit: the data does not suit the model and the loss: ",
            None,
        ),
        (lambda x, labels: (x.tolist(), labels), TypeError, r"fit: .* got one of a list, an array of shape", None),
        (lambda x, labels: [x, labels], TypeError, r"fit: .*got list; pass them as \(images, labels\)", None),
        (lambda x, labels: None, TypeError, r"fit: data must be", r"fit: data must return batches, .* got NoneType"),
    ],
)
def test_images_and_labels_that_are_none(change, error, of_arrays, of_a_function):
    pair, state = change(*flat()), linear_state()
    with pytest.raises(error, match=rf"^train\.{of_arrays}"):
        fit(state, pair, num_epochs=1)
    batches = [pair] if isinstance(pair, tuple) else pair
    if (isinstance(pair, tuple) and not isinstance(pair[0], list)) or of_a_function:
        with pytest.raises(error, match=rf"^train\.{of_a_function or of_arrays}"):
            train.fit(state, lambda first_step, start: batches, num_epochs=1, progress=False)


@pytest.mark.bad_input
def test_labels_beyond_the_classes_are_named():
    x, labels = good = flat()
    bad = (x, np.where(np.arange(90) < 88, labels, [7, -1] * 45))
    state, own = linear_state(), linear_state(loss=lambda model, batch: train.classification(model, batch))
    for of, source, error, message in [
        (state, {"data": bad}, ValueError, BEYOND),
        (state, {"data": good, "validation": bad}, ValueError, BEYOND),
        (own, {"data": bad}, FloatingPointError, rf"the loss is nan at step [123] \({BEYOND}"),
        (state, {"data": lambda first_step, start: [bad]}, FloatingPointError, rf"the loss is nan .* \({BEYOND}"),
        (state, {"data": good, "validation": lambda: [good, bad]}, FloatingPointError, rf"loss is nan: {BEYOND}"),
    ]:
        batch_size = 30 if isinstance(source["data"], tuple) else None
        with pytest.raises(error, match=rf"^train\.fit: .*{message}"):
            train.fit(of, **source, batch_size=batch_size, num_epochs=1, progress=False)


@pytest.mark.bad_input
def test_what_is_evaluated_must_be_pairs_and_what_is_predicted_images():
    (x, labels), state = flat(), linear_state()
    with pytest.raises(TypeError, match=r"train\.evaluate: class numbers must be integers"):
        train.evaluate(state, (x, labels / 1))
    with pytest.raises(ValueError, match=r"train\.evaluate: .* one for each image"):
        train.evaluate(state, [(x, labels[:-1])])
    with pytest.raises(ValueError, match=r"train\.predict: expected images alone, .* a batch of shape \(90,\)"):
        train.predict(state, (x, labels))
    with pytest.raises(TypeError, match=r"train\.predict: .* got Images; pass its field images"):
        train.predict(state, data.Images(x, labels, ("a", "b", "c")))


# checkpoints


def test_the_best_and_the_last_are_kept(tmp_path):
    x, labels = examples(30)
    state, run, states = small_state(), jax.jit(train.step), []
    with train.Checkpoints(tmp_path) as checkpoints:
        for score in (0.1, 0.9, None, 0.5, 0.2):
            checkpoints.save(state, score=score)
            states.append(state)
            state, _ = run(state, (x, labels))
        assert len(checkpoints) == 2
        assert_same(checkpoints.restore(state, best=True).state, states[1])
        assert_same(checkpoints.restore(state).state, states[4])
    shutil.copytree(tmp_path / "1", tmp_path / "0")
    shutil.rmtree(tmp_path / "0" / "facts")  # as if killed while it was cleared away
    with train.Checkpoints(tmp_path) as checkpoints:  # as in another process
        assert_same(checkpoints.restore(state, best=True).state, states[1])
        checkpoints.save(state, score=0.3)
        assert_same(checkpoints.restore(state, best=True).state, states[1])
        assert_same(checkpoints.restore(state).state, state)
    assert {path.name for path in tmp_path.iterdir()} == {"1", "5"}


def test_one_training_at_a_time_writes_and_others_read(tmp_path):
    x, labels = examples(30)
    state, run = small_state(), jax.jit(train.step)
    later, _ = run(state, (x, labels))
    first = train.Checkpoints(tmp_path)
    first.save(state, score=0.5)
    unfinished = tmp_path / "9.orbax-checkpoint-tmp"
    shutil.copytree(tmp_path / "0", unfinished)
    with train.Checkpoints(tmp_path) as other:
        for write in (other.save, partial(fit, data=(x, labels), num_epochs=1, checkpoints=other)):
            with pytest.raises(OSError, match=f"train.Checkpoints: another training writes to {tmp_path}; close it"):
                write(later)
        assert_same(other.restore(later).state, state)
        first.save(later)
        assert_same(other.restore(later).state, later)
        assert_same(other.restore(later, best=True).state, state)
        assert unfinished.exists()
        del first  # as good as closed
        other.save(run(later, (x, labels))[0])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "2"]


def test_checkpoints_that_cannot_be_read(tmp_path):
    state = small_state()
    with train.Checkpoints(tmp_path / "c") as checkpoints:
        for score in (np.nan, np.inf):
            with pytest.raises(ValueError, match=f"score must be finite or None, got {score}"):
                checkpoints.save(state, score=score)
        with pytest.raises(FileNotFoundError, match="no checkpoint in"):
            checkpoints.restore(state)
        checkpoints.save(state)
        with pytest.raises(FileNotFoundError, match="no scored checkpoint in"):
            checkpoints.restore(state, best=True)
        for other in (small_state(width=9), small_state(rule=optax.sgd(0.1))):
            with pytest.raises(ValueError, match=r"step 0 in .* belongs to another model or optimiser: .* is .* there"):
                checkpoints.restore(other)
    place, problem = tmp_path / "c" / "0", "step 0 in .* is damaged; remove its folder to use the other"
    largest = max((path for path in place.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    for path in (largest, place / "facts" / "metadata", place / "metrics" / "metrics"):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with train.Checkpoints(tmp_path / "c") as checkpoints, pytest.raises(ValueError, match=problem):
            checkpoints.restore(state)
        path.write_bytes(whole)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write to"):
        train.Checkpoints(tmp_path / "file" / "c")


def child_command(*arguments):
    return [sys.executable, str(HERE / "train_child.py"), *map(str, arguments)]


def run_child(*arguments, **environment):
    options = {"env": os.environ | environment, "capture_output": True, "text": True, "timeout": 240}
    return subprocess.run(child_command(*arguments), **options)


def start_child(*arguments):
    return subprocess.Popen(child_command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def long_training(folder, pause=0.0, tell=lambda line: None):
    """Epochs of three steps, from the last checkpoint in a folder on; says when a step or a save begins."""
    x, labels = examples()

    class Telling(train.Checkpoints):
        def save(self, *arguments, **options):
            tell("saving")
            super().save(*arguments, **options)
            tell("saved")

    def batches(epoch, start):
        for i, batch in enumerate(data.batches(jax.random.key(epoch), (x, labels), 30, start=start), start=start):
            tell(f"{epoch} {i}")
            time.sleep(pause)
            yield batch

    options = {"num_epochs": 32, "validation": (x, labels), "progress": False}
    state = small_state(augment=noise)
    if folder is None:
        return train.fit(state, batches, **options)
    with Telling(folder) as checkpoints:
        return train.fit(state, batches, checkpoints=checkpoints, resume=True, **options)


def told(state, history):
    """All numbers of a training, in a line."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves((state.params, state.rest, state.memory)):
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        digest.update(np.asarray(jax.random.key_data(leaf) if is_key else leaf).tobytes())
    return f"{digest.hexdigest()} {json.dumps(without_seconds(history))}"


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    result = run_child("full_disk", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "OSError: train.Checkpoints: cannot write step" in result.stdout


def test_two_devices_have_the_losses_of_one(tmp_path):
    curves = []
    for count in (1, 2):
        flags = f"--xla_force_host_platform_device_count={count}"
        result = run_child("losses", JAX_PLATFORMS="cpu", XLA_FLAGS=flags, NPROC="8")
        assert result.returncode == 0, result.stderr
        curves.append(json.loads(result.stdout.splitlines()[-1]))
    assert [curve["devices"] for curve in curves] == [1, 2]
    for kind in ("arrays", "batches"):
        np.testing.assert_allclose(curves[0][kind], curves[1][kind], rtol=2e-5)


def five_kills(folder, seed):
    """Kills a training at five random moments; after each, what a process has kept is what it may have.

    The third is while it writes.
    """
    rng, kept = random.Random(seed), 0
    for kill in range(5):
        with start_child("long", folder, 0.04) as child:
            lines = [child.stdout.readline() for _ in range(rng.randint(2, 11))]  # until the third epoch begins
            while kill == 2 and lines[-1] not in ("saving\n", ""):
                lines.append(child.stdout.readline())
            time.sleep(rng.uniform(0, 0.01 if kill == 2 else 0.3))
            child.kill()
            lines += child.stdout
            assert child.wait() == -signal.SIGKILL, child.stderr.read()
        assert kill != 2 or lines[-1] == "saving\n"
        epoch = max(int(line.split()[0]) for line in lines if not line.startswith("sav"))
        assert lines[0] == f"{kept // 3} 0\n"  # the steps since the checkpoint are made again, no others
        with train.Checkpoints(folder) as checkpoints:
            if len(checkpoints):
                found, best = (checkpoints.restore(small_state(augment=noise), best=best) for best in (False, True))
                assert best.history[-1]["validation_loss"] == min(row["validation_loss"] for row in found.history)
                assert (found.state.step, found.unfinished) == (3 * len(found.history), {})
                kept = int(found.state.step)
        assert 3 * epoch <= kept <= 3 * (epoch + 1)


def test_a_training_killed_five_times_ends_with_the_numbers_of_one_that_was_not(tmp_path):
    five_kills(tmp_path, seed=0)
    result = run_child("long", tmp_path, 0)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == told(*long_training(None))
