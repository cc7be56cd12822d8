"""Steps, epochs, checkpoints and measures of training."""

import dataclasses
import json
import os
import random
import shutil
import signal
import time
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from train_child import (
    RULE,
    assert_same,
    child,
    examples,
    full_disk,
    held_out,
    long,
    long_training,
    losses,
    losses_on,
    noise,
    small_model,
    small_state,
    told,
    without_seconds,
)

from jaxmath import data, neural, train
from jaxmath.train.report import Report

fit = partial(train.fit, batch_size=30, progress=False)
one_step = jax.jit(train.step)  # of all: what is compiled for one test is there for the next


def linear(images=False):
    layer = nnx.Linear(16, 3, rngs=nnx.Rngs(0))
    return nnx.Sequential(lambda x: x.reshape(len(x), -1), layer) if images else layer


def linear_state(**options):
    return train.create(linear(), RULE, **options)


def flat(n=90):
    x, labels = examples(n)
    return x.reshape(n, 16), labels


@cache
def uninterrupted(num_epochs=3):
    """The end of a training, and its history."""
    return fit(small_state(), examples(), num_epochs=num_epochs, validation=held_out())


# steps


def test_a_step_is_that_of_the_optimiser():
    """For a linear model, where the gradient is known: X^T (softmax - one-hot) / n."""
    (rows, labels), model = flat(20), linear()
    state = train.create(model, optax.sgd(0.5), loss=lambda model, batch: train.classification(model, batch))
    after, metrics = one_step(state, (rows, labels))
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
    batches = jax.tree.map(lambda a: jnp.asarray(a).reshape(3, 30, *a.shape[1:]), examples())
    states = [small_state(seed) for seed in (0, 1)]
    alone = []
    for state in states:
        for i in range(3):
            state, metrics = one_step(state, jax.tree.map(lambda a, i=i: a[i], batches))
        alone.append((state.params, metrics["loss"]))
    scanned, _ = jax.eval_shape(lambda s: jax.lax.scan(train.step, s, batches), states[0])
    assert jax.tree.structure(scanned) == jax.tree.structure(states[0])
    arrays = [jax.tree.flatten(state) for state in states]
    stacked = jax.tree.unflatten(
        arrays[0][1], [jnp.stack(leaves) for leaves in zip(*(a for a, _ in arrays), strict=True)]
    )
    together, metrics = jax.jit(jax.vmap(lambda s: jax.lax.scan(train.step, s, batches)))(stacked)
    for i, (params, loss) in enumerate(alone):
        for a, b in zip(*map(jax.tree.leaves, (params, together.params)), strict=True):
            np.testing.assert_allclose(a, b[i], atol=1e-5)
        assert metrics["loss"][i, -1] == pytest.approx(float(loss), abs=1e-5)


def test_gathered_gradients_are_those_of_one_large_batch():
    (rows, labels), model = flat(40), linear()
    whole, _ = one_step(train.create(model, optax.sgd(0.3)), (rows, labels))
    parts = train.create(model, optax.MultiSteps(optax.sgd(0.3), 2))
    for half in (slice(0, 20), slice(20, 40)):
        parts, _ = one_step(parts, (rows[half], labels[half]))
    np.testing.assert_allclose(whole.model.kernel[...], parts.model.kernel[...], atol=1e-6)


def test_an_optimiser_that_asks_for_the_loss_is_told_it():
    """Polyak's rate is L / |g|^2; a line search sees the loss of the same batch, noise and dropout."""
    (rows, labels), model = flat(20), linear()
    kernel, bias = np.asarray(model.kernel[...], np.float64), np.asarray(model.bias[...], np.float64)
    odds = np.exp(rows @ kernel + bias)
    shares = odds / odds.sum(axis=1, keepdims=True)
    miss = (shares - np.eye(3)[labels]) / 20
    loss = -np.log(shares[range(20), labels]).mean()
    rate = loss / (np.sum((rows.T @ miss) ** 2) + np.sum(miss.sum(axis=0) ** 2))
    for rule in (optax.polyak_sgd(1e9), optax.MultiSteps(optax.polyak_sgd(1e9), 1)):
        after, _ = one_step(train.create(model, rule), (rows, labels))
        np.testing.assert_allclose(after.model.kernel[...], kernel - rate * rows.T @ miss, atol=1e-5)

    def tell(updates, memory, params, *, value, grad, value_fn):
        distance = optax.tree.norm(jax.tree.map(jnp.subtract, updates, grad))
        return jax.tree.map(jnp.zeros_like, updates), jnp.stack([value, value_fn(params), distance])

    rule = optax.GradientTransformationExtraArgs(lambda params: jnp.zeros(3), tell)
    state, batch = small_state(rule=rule), examples(30)
    after, metrics = one_step(state, batch)
    np.testing.assert_allclose(after.memory, [metrics["loss"], metrics["loss"], 0], atol=1e-6)
    assert_same(after.params, state.params)
    batches = jax.tree.map(lambda a: a[None], batch)
    for rule in (optax.lbfgs(), optax.chain(optax.sgd(0.1), optax.contrib.reduce_on_plateau())):
        jax.eval_shape(lambda state: jax.lax.scan(train.step, state, batches), small_state(rule=rule))


def test_compiled_steps_compile_once_and_leave_the_model_alone():
    batch, model = flat(30), nnx.Sequential(nnx.BatchNorm(16, rngs=nnx.Rngs(0)), linear())
    before = jax.tree.map(jnp.copy, nnx.state(model))
    state, run = train.create(model, RULE), train.compile(train.step)
    for _ in range(3):
        state, _ = run(state, batch)
    assert run._cache_size() == 1
    assert_same(before, nnx.state(model))


def test_bytes_are_numbers_from_0_to_1():
    x = np.arange(256, dtype=np.uint8).reshape(16, 16)
    model, labels = linear(), np.zeros(16, int)
    loss, _ = train.classification(model, (jnp.asarray(x), labels))
    assert loss == pytest.approx(float(train.classification(model, (x / np.float32(255), labels))[0]), rel=1e-6)
    assert jnp.isnan(train.classification(model, (jnp.asarray(x), labels + 3))[0])


# measures


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from([(1, 4), (30, 4), (30, 1)]))  # few shapes: each is compiled
def test_measures_against_numpy(seed, shape):
    (n, k), rng = shape, np.random.default_rng(seed)
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
@given(st.integers(0, 2**20), st.sampled_from([(1, 7), (40, 7), (40, 1)]))
def test_calibration_against_numpy(seed, sizes):
    (n, bins), rng = sizes, np.random.default_rng(seed)
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
    others = held_out(seed=1)
    for log in ("log.csv", "log.json"):
        state, history = fit(small_state(), examples(), num_epochs=9, validation=others, log=tmp_path / log)
    assert state.step == 27
    assert history[-1]["validation_accuracy"] > 0.9
    found = train.evaluate(state, others)
    assert history[-1]["validation_loss"] == pytest.approx(found.loss, rel=1e-5)
    assert history[-1]["validation_accuracy"] == pytest.approx(found.accuracy, rel=1e-6)
    assert [row["epoch"] for row in history] == list(range(1, 10))
    assert history[-1]["loss"] < history[0]["loss"]
    assert json.loads((tmp_path / "log.json").read_text()) == history
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch,step,loss,accuracy,validation_loss,validation_accuracy,seconds"
    assert len(lines) == 10


def test_the_log_has_what_was_kept_before(tmp_path):
    with train.Checkpoints(tmp_path / "c") as checkpoints:
        on = partial(fit, small_state(), examples(), num_epochs=1, checkpoints=checkpoints, resume=True)
        history = on()[1]
        for log in ("log.json", "log.csv") * 2:  # what it wrote itself is replaced
            assert on(log=tmp_path / log)[1] == history
    assert json.loads((tmp_path / "log.json").read_text()) == history
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 2
    for validation in (examples(), None):  # a column more, then rows without it
        with train.Checkpoints(tmp_path / "c") as checkpoints:
            epochs = 2 if validation else 3
            on(num_epochs=epochs, checkpoints=checkpoints, validation=validation, log=tmp_path / "log.csv")
    head, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert head.split(",")[-3:] == ["validation_loss", "validation_accuracy", "seconds"]
    assert len(rows) == 3


def test_the_log_makes_its_folder_or_says_that_it_cannot(tmp_path):
    fit(small_state(), examples(), num_epochs=1, log=tmp_path / "a" / "b" / "log.csv")
    assert (tmp_path / "a" / "b" / "log.csv").read_text().startswith("epoch,")
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    for place in (tmp_path / "file" / "log.csv", tmp_path / "folder.csv"):
        with pytest.raises(OSError, match=f"train.fit: cannot write the log {place}"):
            fit(small_state(), never, batch_size=None, num_epochs=1, log=place)


@pytest.mark.bad_input
@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_file_that_is_no_log_stays(tmp_path, suffix):
    place, row = tmp_path / f"mine{suffix}", {"epoch": 1, "step": 3, "loss": 0.5, "accuracy": 0.5, "seconds": 0.1}
    written = {".csv": lambda rows: "\n".join(",".join(map(str, r)) for r in rows), ".json": json.dumps}[suffix]
    others = [
        *("a,b\n1,2\n", "a,b\n", "[]", "{}", "mine", "[[1, 2]]", '"\n'),
        *("epoch,step,loss,seconds\n2,2,1,1\n", '[{"epoch": 1}]', "epoch,step,loss,seconds\n1,2,1,mine\n"),
        written([[*row], ["one", *row.values()]] if suffix == ".csv" else [row | {"loss": "mine"}]),
    ]
    for content in others:
        place.write_text(content)
        for resume in (False, True):
            with pytest.raises(FileExistsError, match=f"cannot write the log {place}: .* is not a log of train.fit"):
                fit(
                    small_state(),
                    never,
                    batch_size=None,
                    num_epochs=1,
                    log=place,
                    checkpoints=tmp_path / "c",
                    resume=resume,
                )
        assert place.read_text() == content
    for content in ("", written([[*row], [*row.values()]] if suffix == ".csv" else [row])):
        place.write_text(content)
        with pytest.raises(AssertionError, match="an epoch began"):
            fit(small_state(), never, batch_size=None, num_epochs=1, log=place)
        assert place.read_text() == content  # until an epoch is done
    with pytest.raises(TypeError, match=r"train\.fit: log: expected the path of a file, got int"):
        fit(small_state(), never, batch_size=None, num_epochs=1, log=3)


@pytest.mark.bad_input
def test_folders_that_are_no_checkpoints_stay(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with train.Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(small_state())
    assert {path.name for path in tmp_path.iterdir()} == {"0", "notes"}
    (tmp_path / "5").mkdir()
    (tmp_path / "5" / "mine").write_text("mine")
    for name in ("5", "7"):
        for begin in (
            lambda: train.Checkpoints(tmp_path).save(small_state()),
            lambda: fit(small_state(), never, batch_size=None, num_epochs=1, checkpoints=tmp_path, resume=True),
        ):
            with pytest.raises(FileExistsError, match=rf"train.Checkpoints: {tmp_path}/{name} is no checkpoint"):
                begin()
        shutil.move(tmp_path / "5", tmp_path / "of mine") if name == "5" else None
        (tmp_path / "7").write_text("mine")
    assert (tmp_path / "of mine" / "mine").read_text() == (tmp_path / "7").read_text() == "mine"


def never(epoch, start):
    raise AssertionError("an epoch began")


def squares(model, batch):
    x, y = batch
    miss = model(x)[:, 0] - y
    return jnp.mean(miss**2), {"distance": jnp.mean(jnp.abs(miss))}


def test_validation_is_by_the_loss_of_the_state_and_by_rows():
    rows, y = flat(510)
    y = y.astype(np.float32)
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
    every = linear_state(loss=lambda model, batch: (model(batch[0]).sum(), {"all": model(batch[0])}))
    for state, validation, error, message in [
        (small_state(), (x[:, :3], labels), TypeError, "validation does not suit the loss of the state: dot"),
        (small_state(), (x, labels.astype(float)), TypeError, "does not suit .* class numbers must be integers"),
        (small_state(), lambda: [(x, labels[:, None])], (TypeError, ValueError), "validation does not suit the loss"),
        (small_state(), lambda: [(3, labels)], (TypeError, ValueError), "validation does not suit the loss"),
        (small_state(), (x, labels[:-1]), ValueError, "equally many rows"),
        (small_state(), lambda: [], ValueError, "at least one batch of the validation"),
        (small_state(), [(x, labels)], TypeError, "validation must be a tuple of arrays or a function, got list"),
        (every, flat(30), ValueError, r"validation .*: the loss reports all of shape \(30, 3\), expected a number"),
    ]:
        with pytest.raises(error, match=f"train.fit: .*{message}"):
            train.fit(state, never, num_epochs=1, validation=validation, progress=False)


@pytest.mark.bad_input
def test_what_a_loss_may_report():
    pair = flat(30)
    for name, value in [
        ("all", pair[1] / 1),
        *((name, 1.0) for name in ("loss", "epoch", "step", "seconds", "validation_x")),
    ]:
        state = linear_state(loss=lambda model, batch, name=name, value=value: (model(batch[0]).mean(), {name: value}))
        for source in ({"data": pair, "batch_size": 30}, {"data": lambda first_step, start: [pair]}):
            with pytest.raises(ValueError, match=f"train.step: the loss reports {name}"):
                train.fit(state, **source, num_epochs=1, progress=False)


UNIT = optax.sgd(1.0)


def mean_output(model, batch):
    return -jnp.mean(model(batch[0])), {}


def seen_rows(key=None, n=11):
    """A state whose step moves the weight of each row of the unit matrix that it sees, and that matrix."""
    model = nnx.Linear(n, 1, kernel_init=nnx.initializers.zeros, rngs=nnx.Rngs(0))
    return train.create(model, UNIT, loss=mean_output, key=key), (np.eye(n, dtype=np.float32), np.arange(n))


def test_the_order_of_examples_comes_from_the_key():
    first, again, other = (
        fit(*seen_rows(key), batch_size=4, num_epochs=1) for key in (None, jax.random.key(0), jax.random.key(1))
    )
    assert_same(first[0], again[0])
    assert without_seconds(first[1]) == without_seconds(again[1])
    assert (first[0].model.kernel[...] != other[0].model.kernel[...]).any()


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
    _, history = fit(train.create(linear(), optax.sgd(0.0)), flat(), num_epochs=9, validation=flat(), patience=2)
    assert len(history) == 3


def test_other_numbers_of_an_epoch_are_in_the_history():
    seen = lambda state: {"step_after": state.step}  # noqa: E731
    _, history = fit(train.create(linear(), optax.sgd(0.0)), flat(), num_epochs=2, measure=seen)
    assert [row["step_after"] for row in history] == [row["step"] for row in history]
    with pytest.raises(ValueError, match=r"train\.fit: measure returns loss, which the history has already"):
        fit(train.create(linear(), optax.sgd(0.0)), flat(), num_epochs=1, measure=lambda state: {"loss": 1.0})
    for bad in (5.0, {"a": np.zeros(2)}):
        with pytest.raises(TypeError, match=r"train\.fit: measure must return numbers by name, got"):
            fit(train.create(linear(), optax.sgd(0.0)), flat(), num_epochs=1, measure=lambda state, bad=bad: bad)


@pytest.mark.bad_input
def test_what_measures_an_epoch_is_a_function():
    with pytest.raises(TypeError, match=r"train\.fit: measure must be a function of the state, got int"):
        fit(train.create(linear(), optax.sgd(0.0)), flat(), num_epochs=1, measure=5)


def test_resumed_training_gives_the_same_numbers(tmp_path):
    train_on = partial(fit, small_state(), examples(), validation=held_out())
    expected, expected_history = uninterrupted()
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
def test_a_signal_keeps_the_step_in_progress(tmp_path, capsys, monkeypatch, kind):
    pair, state = examples(), small_state()
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def batches(first_step, start, interrupt=False):
        for i, batch in enumerate(data.batches(jax.random.key(first_step), pair, 30, start=start)):
            if interrupt and (first_step, i) == (3, 1):
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    def steps(report, epoch, numbers, total):
        if (epoch, len(numbers["loss"])) == (1, 1):  # between two programs of an epoch
            os.kill(os.getpid(), signal.SIGINT)

    source = {"data": pair, "batch_size": 30} if kind == "arrays" else {"data": batches}
    train_on = partial(train.fit, state, num_epochs=3, progress=False, validation=held_out())
    with train.Checkpoints(tmp_path) as checkpoints:
        interrupted = source if kind == "arrays" else {"data": partial(batches, interrupt=True)}
        with monkeypatch.context() as patched:
            if kind == "arrays":
                patched.setattr(Report, "steps", steps)
            with pytest.raises(KeyboardInterrupt, match="resume from"):
                train_on(**interrupted, checkpoints=checkpoints)
        assert "stopping after this step; again to stop at once\n" in capsys.readouterr().err
        kept = checkpoints.restore(state)
        assert 3 < kept.state.step < 6
        assert len(kept.unfinished["loss"]) == kept.state.step % 3
        resumed, history = train_on(**source, checkpoints=checkpoints, resume=True)
    expected, expected_history = uninterrupted() if kind == "arrays" else train_on(**source)
    assert_same(resumed, expected)
    assert without_seconds(history) == without_seconds(expected_history)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def with_memory(state, value):
    """A state whose velocity has one value: the next loss is as ever, the parameters after that step are not."""
    return dataclasses.replace(state, memory=jax.tree.map(lambda a: jnp.full_like(a, value), state.memory))


def test_every_step_draws_its_augmentation():
    model = nnx.Sequential(lambda x: x.reshape(len(x), -1), nnx.Linear(16, 3, rngs=nnx.Rngs(0)))
    state, losses = train.create(model, optax.sgd(0.0), augment=noise), []
    for _ in range(3):
        state, metrics = jax.jit(train.step)(state, examples(5))
        losses.append(float(metrics["loss"]))
    assert len(set(losses)) == 3


def test_a_broken_state_is_not_kept_after_a_signal(tmp_path):
    """The next update is not a number, the loss before it is; the statistics break where an image is huge."""

    def batches(first_step, start):
        os.kill(os.getpid(), signal.SIGINT)
        return data.batches(jax.random.key(first_step), examples(), 30, start=start)

    checkpoints = train.Checkpoints(tmp_path)
    checkpoints.save(with_memory(small_state(), jnp.nan))
    checkpoints.release()
    options = {"num_epochs": 2, "progress": False, "checkpoints": checkpoints, "resume": True}
    with pytest.raises(FloatingPointError, match=f"a parameter is not finite after step 1; {tmp_path} has the state"):
        train.fit(small_state(), batches, **options)
    with train.Checkpoints(tmp_path) as other:  # the training has released the folder, though its object lives
        other.claim()
        assert other.restore(small_state()).state.step == 0
    broken = nnx.merge(*nnx.split(small_model()), copy=True)
    broken.norm.var[...] = jnp.full(8, jnp.inf)
    with pytest.raises(FloatingPointError, match="a running statistic is not finite after step 3"):
        fit(train.create(broken, RULE, augment=noise), examples(), num_epochs=1)


def test_a_signal_at_the_end_of_an_epoch_lets_it_end(tmp_path):
    x, labels = examples()

    asked = []

    def validation():
        asked.append(True)
        if len(asked) > 1:  # not before the first epoch
            os.kill(os.getpid(), signal.SIGINT)
        return [held_out()]

    with train.Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(KeyboardInterrupt, match="stopped at step 3; resume from"):
            fit(small_state(), (x, labels), num_epochs=1, validation=validation, checkpoints=checkpoints)
        kept = checkpoints.restore(small_state(), best=True)
        assert (len(kept.history), kept.unfinished) == (1, {})
        _, history = fit(
            small_state(), (x, labels), num_epochs=3, validation=held_out(), checkpoints=checkpoints, resume=True
        )
    assert without_seconds(history) == without_seconds(uninterrupted()[1])


@pytest.mark.bad_input
def test_another_setting_after_a_break(tmp_path):
    x, labels = examples()
    with train.Checkpoints(tmp_path / "c") as checkpoints:
        state, _ = fit(small_state(), (x, labels), num_epochs=1, checkpoints=checkpoints)
        on = partial(train.fit, state, num_epochs=2, checkpoints=checkpoints, resume=True, progress=False)
        with pytest.raises(ValueError, match="is of a run with batch_size 30, got 45; resume with"):
            on((x, labels), batch_size=45)
        with pytest.raises(ValueError, match="is of a run with rows 90, got 60; resume with"):
            on((x[:60], labels[:60]), batch_size=30)
        state, _ = one_step(state, (x[:30], labels[:30]))
        checkpoints.save(state, [], unfinished={"loss": [1.0, 1.0], "accuracy": [0.5, 0.5]})
        with pytest.raises(ValueError, match="has 2 steps of an epoch, which has 1 now; resume with the batch_size"):
            on((x, labels), batch_size=60)
        with pytest.raises(ValueError, match="step 0 is before 4, the last that is kept"):
            checkpoints.save(small_state())


def test_two_states_of_one_key():
    key = jax.random.key(3)
    first, second = linear_state(key=key), linear_state(key=key)
    train.compile(train.step)(first, flat(30))
    assert jax.random.key_data(second.key).tolist() == jax.random.key_data(key).tolist()


def test_a_loaded_set_is_its_images_and_labels():
    x, labels = examples()
    loaded, state = data.Images((x * 50).astype(np.uint8), labels, ("a", "b", "c")), train.create(linear(True), RULE)
    pair = (loaded.images, loaded.labels)
    ours = fit(state, loaded, validation=loaded, num_epochs=1)[1]
    assert without_seconds(ours) == without_seconds(fit(state, pair, validation=pair, num_epochs=1)[1])


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
    with pytest.raises(FloatingPointError, match=r"is not finite after step|the loss is"):
        fit(with_memory(small_state(), 1e38), good, num_epochs=1)


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
    with pytest.raises(TypeError, match=r"^train\.fit: checkpoints must be a folder or .* got int$"):
        train.fit(linear_state(), flat(), batch_size=90, num_epochs=1, checkpoints=3)
    with pytest.raises(TypeError, match=r"^train\.Checkpoints: expected the path of a folder, got int$"):
        train.Checkpoints(3)


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


@pytest.mark.bad_input  # with types enforced the checker refuses lists
def test_images_as_lists():
    (x, _), state = flat(6), linear_state()
    np.testing.assert_allclose(train.predict(state, x.tolist()), train.predict(state, x), rtol=1e-5, atol=1e-5)


@pytest.mark.once
def test_devices_without_threads_are_refused(monkeypatch):
    monkeypatch.setenv("NPROC", "2")
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    monkeypatch.setattr(jax, "devices", lambda: [None] * 4)
    with pytest.raises(RuntimeError, match=r"^train\.fit: 4 CPU devices on 2 threads .* set NPROC=8"):
        fit(linear_state(), flat(), num_epochs=1)


@pytest.mark.bad_input
def test_masked_entries_are_refused():
    (x, labels), state = flat(), linear_state()
    hidden, unknown = (np.ma.array(part, mask=np.arange(part.size).reshape(part.shape) == 3) for part in (x, labels))
    for call, argument in (
        (lambda: train.fit(state, (hidden, labels), batch_size=30, num_epochs=1), "fit: expected data"),
        (lambda: train.fit(state, (x, unknown), batch_size=30, num_epochs=1), "fit: expected data"),
        (lambda: fit(state, (x, labels), num_epochs=1, validation=(x, unknown)), "fit: expected validation"),
        (lambda: train.predict(state, hidden), "predict: expected images"),
        (lambda: train.evaluate(state, (x, unknown)), "evaluate: expected labels"),
        (lambda: train.evaluate(state, [(x, labels), (x, unknown)]), "evaluate: expected labels"),
    ):
        with pytest.raises(
            ValueError, match=rf"^train\.{argument} without masked entries, got 1; leave out their rows$"
        ):
            call()


# checkpoints


def test_the_best_and_the_last_are_kept(tmp_path):
    x, labels = examples(30)
    state, states = small_state(), []
    with train.Checkpoints(tmp_path) as checkpoints:
        for score in (0.1, 0.9, None, 0.5, 0.2):
            checkpoints.save(state, score=score)
            states.append(state)
            state, _ = one_step(state, (x, labels))
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
    state = small_state()
    later, _ = one_step(state, (x, labels))
    first = train.Checkpoints(tmp_path)
    first.save(state, score=0.5)
    unfinished = tmp_path / "9.orbax-checkpoint-tmp"
    shutil.copytree(tmp_path / "0", unfinished)
    with train.Checkpoints(tmp_path) as other:
        for write in (other.save, partial(fit, data=(x, labels), num_epochs=1, checkpoints=other)):
            with pytest.raises(OSError, match=f"train.Checkpoints: another run writes to {tmp_path}; close it"):
                write(later)
        assert_same(other.restore(later).state, state)
        first.save(later)
        assert_same(other.restore(later).state, later)
        assert_same(other.restore(later, best=True).state, state)
        assert unfinished.exists()
        del first  # as good as closed
        other.save(one_step(later, (x, labels))[0])
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
        for other in (small_state(width=9), small_state(rule=optax.adam(0.1))):
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


# processes


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Where children keep compiled programs if the tests themselves keep none."""
    return tmp_path_factory.mktemp("programs")


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, programs):
    with child(full_disk, tmp_path, programs=programs) as process:
        first, last = process.lines()
    assert first.startswith("OSError: train.Checkpoints: cannot write step 1 to ")
    assert last == "the last is there"


def test_two_devices_have_the_losses_of_one(programs):
    curves = {}
    for count in (1, 2):
        if count == len(jax.devices()) and jax.default_backend() == "cpu":
            curves[count] = losses()
            continue
        with child(losses_on, count, programs=programs) as process:
            curves[count] = json.loads(next(process.lines()))
        assert curves[count]["devices"] == count
    for kind in ("arrays", "batches"):
        np.testing.assert_allclose(curves[1][kind], curves[2][kind], rtol=2e-5)


def five_kills(folder, programs, seed):
    """Kills a training at five random moments; after each, what a process has kept is what it may have.

    The third is while it writes.
    """
    rng, kept = random.Random(seed), 0
    for kill in range(5):
        with child(long, folder, programs=programs) as process:
            told = process.lines()
            lines = [next(told) for _ in range(rng.randint(2, 7))]  # until the second epoch has begun
            while kill == 2 and lines[-1] != "saving":
                lines.append(next(told))
            time.sleep(rng.uniform(0, 0.01 if kill == 2 else 0.1))
            process.kill()
            lines += told
            assert process.end() == -signal.SIGKILL
        assert kill != 2 or lines[-1] == "saving"
        epoch = max(int(line.split()[0]) for line in lines if not line.startswith("sav"))
        assert lines[0] == f"{kept // 3} 0"  # the steps since the checkpoint are made again, no others
        with train.Checkpoints(folder) as checkpoints:
            if len(checkpoints):
                found, best = (checkpoints.restore(small_state(), best=best) for best in (False, True))
                assert best.history[-1]["validation_loss"] == min(row["validation_loss"] for row in found.history)
                assert (found.state.step, found.unfinished) == (3 * len(found.history), {})
                kept = int(found.state.step)
        assert 3 * epoch <= kept <= 3 * (epoch + 1)


def test_a_training_killed_five_times_ends_with_the_numbers_of_one_that_was_not(tmp_path, programs):
    five_kills(tmp_path, programs, seed=0)
    assert told(*long_training(tmp_path)) == told(*long_training(None))
