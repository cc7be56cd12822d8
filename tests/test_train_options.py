"""Options of a training run: smoothing, mixed labels, schedules, decay, averages, frozen parameters, many seeds."""

import math
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from train_child import RULE, Small, assert_same, examples, held_out, small_model, small_state, without_seconds

from jaxmath import data, train
from jaxmath.train.checkpoints import _arrays

fit = partial(train.fit, batch_size=30, progress=False)
one_step = jax.jit(train.step)
HEAD = nnx.PathContains("output")


def log_softmax(z):
    return (
        z - z.max(axis=1, keepdims=True) - np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
    )


def constant(logits):
    """A model that answers with these logits, and has a parameter."""
    return nnx.Sequential(nnx.Linear(2, 3, rngs=nnx.Rngs(0)), lambda x: jnp.asarray(logits) + 0 * x)


# losses


def test_label_smoothing_and_distributions_against_numpy():
    rng = np.random.default_rng(0)
    logits, labels, shares = rng.normal(size=(7, 3)), rng.integers(0, 3, 7), rng.dirichlet(np.ones(3), 7)
    model, x = constant(logits), jnp.zeros((7, 2))
    for targets, classes in ((np.eye(3)[labels], labels), (shares, shares.argmax(axis=1))):
        for smoothing in (0.0, 0.1):
            given = labels if classes is labels else jnp.asarray(shares)
            options = {"label_smoothing": smoothing, "soft_labels": True}
            loss, metrics = train.classification(model, (x, given), **options)
            smooth = (1 - smoothing) * targets + smoothing / 3
            assert loss == pytest.approx(-(smooth * log_softmax(logits)).sum(axis=1).mean(), rel=1e-5)
            assert metrics["accuracy"] == pytest.approx((logits.argmax(axis=1) == classes).mean(), rel=1e-6)


@pytest.mark.bad_input
def test_distributions_are_labels_only_where_they_may_be():
    x, shares = jnp.zeros((7, 2)), np.full((7, 3), 1 / 3, np.float32)
    model = constant(np.zeros((7, 3), np.float32))
    for labels, soft in ((shares, False), (shares[:, :2], True), (shares.astype(int), True)):
        with pytest.raises(TypeError, match=r"^train\.classification: class numbers must be integers of shape \(7,\)"):
            train.classification(model, (x, labels), soft_labels=soft)
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\], got 1\.5"):
        train.classification(model, (x, np.zeros(7, int)), label_smoothing=1.5)
    beyond = train.create(
        nnx.Linear(16, 3, rngs=nnx.Rngs(0)), RULE, loss=partial(train.classification, soft_labels=True)
    )
    with pytest.raises(ValueError, match=r"^train\.fit: labels must be in 0\.\.2"):
        fit(beyond, (np.zeros((30, 16), np.float32), np.full(30, 3)), num_epochs=1)


def test_mixed_batches_are_trained_on_and_plain_ones_validated():
    seen = []

    def loss(model, batch):
        seen.append(batch[1].shape)
        return train.classification(model, batch, soft_labels=True)

    def mix(key, batch):
        """All by one weight, each with the one before: cheaper to compile than data.augment.mixup."""
        weight, targets = jax.random.uniform(key), jax.nn.one_hot(batch[1], 3)
        return tuple(weight * a + (1 - weight) * jnp.roll(a, 1, axis=0) for a in (batch[0], targets))

    x, labels = examples(30)
    model = nnx.Sequential(lambda x: x.reshape(len(x), -1), nnx.Linear(16, 3, rngs=nnx.Rngs(0)))
    state = train.create(model, optax.sgd(0.1), loss=loss, augment_batch=mix)
    after, history = fit(state, (x, labels), num_epochs=1, validation=(x, labels))
    assert {(30, 3), (30,)} == set(seen)
    key, _ = jax.random.split(jax.random.fold_in(jax.random.split(state.key)[1], 0))[::-1]
    order = np.asarray(data.epoch_order(jax.random.fold_in(jax.random.split(state.key)[0], 0), 30, 30))[0]
    mixed, targets = mix(key, (x[order], labels[order]))
    kernel, bias = (np.asarray(a[...], np.float64) for a in (model.layers[1].kernel, model.layers[1].bias))
    rows, targets = np.asarray(mixed, np.float64).reshape(30, 16), np.asarray(targets, np.float64)
    shares = np.exp(log_softmax(rows @ kernel + bias))
    expected = kernel - 0.1 * rows.T @ (shares - targets) / 30
    np.testing.assert_allclose(after.model.layers[1].kernel[...], expected, atol=1e-5)
    assert history[0]["loss"] == pytest.approx(-(targets * np.log(shares)).sum(axis=1).mean(), rel=1e-4)
    np.testing.assert_allclose(history[0]["validation_loss"], train.evaluate(after, (x, labels)).loss, rtol=1e-5)


# optimisers


@pytest.mark.parametrize("warmup", [0, 4])
def test_schedules_against_their_formulas(warmup):
    n, rate, rest = 20, 0.3, 20 - warmup
    rules = {
        "constant": lambda u, t: 1.0,
        "cosine": lambda u, t: (1 + math.cos(math.pi * min(u, 1))) / 2,
        "linear": lambda u, t: 1 - min(u, 1),
        "step": lambda u, t: 0.2 ** (t // 7),
    }
    steps = jnp.arange(25)
    for name, rule in rules.items():
        options = {"step_size": 7} if name == "step" else {}
        found = jax.vmap(train.schedule(name, rate, n, warmup_steps=warmup, decay=0.2, **options))(steps)
        expected = [rate * (t / warmup if t < warmup else rule((t - warmup) / rest, t - warmup)) for t in range(25)]
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_rate_of_a_schedule_may_be_traced():
    rates = jnp.array([0.1, 0.2])
    for name in ("constant", "cosine", "linear", "step"):
        found = jax.jit(jax.vmap(lambda rate, name=name: train.schedule(name, rate, 9, warmup_steps=2)(5)))(rates)
        np.testing.assert_allclose(found, [train.schedule(name, rate, 9, warmup_steps=2)(5) for rate in (0.1, 0.2)])
    assert train.schedule("step", 1.0, 9)(3) == pytest.approx(0.1)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("exponential", 0.1, 9), {}, ValueError, "name must be one of 'constant', 'cosine', 'linear', 'step', got"),
        (("cosine", -0.1, 9), {}, ValueError, r"rate must be in \[0, inf\), got -0.1"),
        (("cosine", 0.1, 0), {}, ValueError, "num_steps must be at least 1, got 0"),
        (("cosine", 0.1, 2.5), {}, TypeError, "num_steps must be an integer, got 2.5"),
        (("cosine", 0.1, 9), {"warmup_steps": 9}, ValueError, "warmup_steps must be below num_steps = 9, got 9"),
        (("cosine", 0.1, 9), {"warmup_steps": -1}, ValueError, "warmup_steps must be at least 1, got -1"),
        (("cosine", 0.1, 9), {"step_size": 3}, ValueError, "step_size is of the rule \"step\", got 'cosine'"),
        (("step", 0.1, 9), {"step_size": 0}, ValueError, "step_size must be at least 1, got 0"),
        (("step", 0.1, 9), {"decay": 0.0}, ValueError, r"decay must be in \(0, 1\], got 0.0"),
    ],
)
def test_what_makes_no_schedule(arguments, options, error, message):
    with pytest.raises(error, match=f"^train.schedule: {message}"):
        train.schedule(*arguments, **options)


def test_only_kernels_decay():
    """By steps without a gradient: kernels shrink by 1 - rate * decay, all else stays as it is, bit by bit."""
    model = nnx.Sequential(
        nnx.Conv(1, 2, (3, 3), rngs=nnx.Rngs(0)), nnx.BatchNorm(2, rngs=nnx.Rngs(0)), nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    )
    params = nnx.state(model, nnx.Param)
    kinds = {path[-1]: kind for path, kind in nnx.to_flat_state(jax.tree.map(bool, train.decay_mask(params)))}
    assert {name: kind.get_value() for name, kind in kinds.items()} == {"kernel": True, "bias": False, "scale": False}
    zero = jax.tree.map(jnp.zeros_like, params)
    params = jax.tree.map(lambda a: a + 1, params)
    for rule in (
        optax.adamw(0.5, weight_decay=0.2, mask=train.decay_mask),
        optax.chain(optax.add_decayed_weights(0.2, mask=train.decay_mask), optax.sgd(0.5)),
    ):
        updates, _ = rule.update(zero, rule.init(params), params)
        after = optax.apply_updates(params, updates)
        for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(after), strict=True):
            np.testing.assert_allclose(b, a * 0.9 if a.ndim > 1 else a, rtol=1e-6 if a.ndim > 1 else 0)


def test_groups_of_parameters_have_their_own_rates():
    """Partitions of optax fit the parameters of a state."""
    layers = nnx.Sequential(nnx.Linear(16, 4, rngs=nnx.Rngs(0)), nnx.Linear(4, 3, rngs=nnx.Rngs(1)))

    def group(params):
        return jax.tree_util.tree_map_with_path(lambda path, _: str(path[1].key), params)

    rule = optax.partition({"0": optax.set_to_zero(), "1": optax.sgd(0.1)}, group)
    state = train.create(layers, rule)
    x, labels = examples(30)
    after, _ = jax.jit(train.step)(state, (x.reshape(30, 16), labels))
    assert_same(state.params["layers"][0], after.params["layers"][0])
    assert (state.params["layers"][1]["kernel"][...] != after.params["layers"][1]["kernel"][...]).any()


# averages


@cache
def averaging():
    return train.create(small_model(), RULE, ema_decay=0.5)


def test_averages_against_numpy():
    def weights(model):
        return [np.asarray(a, np.float64) for a in jax.tree.leaves(nnx.state(model, nnx.Any(nnx.Param, nnx.BatchStat)))]

    plain, state, batch = train.create(small_model(), RULE), averaging(), examples(30)
    average = weights(plain.model)
    assert_same(average, weights(state.model))
    for t in range(1, 4):
        plain, metrics = one_step(plain, batch)
        state, found = one_step(state, batch)
        assert found["loss"] == pytest.approx(float(metrics["loss"]), rel=1e-5)
        decay = min(0.5, (1 + t) / (10 + t))
        average = [decay * a + (1 - decay) * w for a, w in zip(average, weights(plain.model), strict=True)]
        for a, b in zip(average, weights(state.model), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    for a, b in zip(jax.tree.leaves(plain.params), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)  # the average does not change what is averaged


def test_what_is_evaluated_is_the_average():
    state, (x, labels) = averaging(), held_out()
    for _ in range(2):
        state, _ = one_step(state, examples(30))
    np.testing.assert_allclose(train.predict(state, x), state.model(jnp.asarray(x)), atol=1e-5)
    raw = nnx.merge(state.graphdef, state.params, state.rest, copy=True)
    raw.eval()
    assert abs(train.predict(state, x) - raw(jnp.asarray(x))).max() > 1e-3
    assert train.evaluate(state, (x, labels)).loss != pytest.approx(float(train.classification(raw, (x, labels))[0]))


def test_a_run_with_averages_resumes_exactly(tmp_path):
    on = partial(fit, averaging(), examples(), validation=held_out())
    whole, history = on(num_epochs=3)
    on(num_epochs=1, checkpoints=tmp_path)
    resumed, again = on(num_epochs=3, checkpoints=tmp_path, resume=True)
    assert_same(whole, resumed)
    assert without_seconds(history) == without_seconds(again)
    with train.Checkpoints(tmp_path) as checkpoints:
        best = checkpoints.restore(averaging(), best=True)
        found = train.evaluate(best.state, held_out())
        assert found.loss == pytest.approx(min(row["validation_loss"] for row in history), rel=1e-5)
        with pytest.raises(ValueError, match=r"belongs to another model or optimiser: \.average"):
            checkpoints.restore(train.create(small_model(), RULE))


def test_averages_in_half_precision_are_kept_in_single():
    layer = nnx.Linear(16, 3, rngs=nnx.Rngs(0), param_dtype=jnp.bfloat16)
    state = train.create(layer, RULE, ema_decay=0.999)
    assert {leaf.dtype for leaf in jax.tree.leaves(state.average)} == {jnp.dtype("float32")}
    assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(state.model, nnx.Param))} == {jnp.dtype("bfloat16")}


def test_checkpoints_without_averages_have_the_arrays_that_they_always_had():
    weights = [f"['{name}']['{kind}'].value" for name in ("hidden", "output") for kind in ("bias", "kernel")]
    weights += [f"['norm']['{kind}'].value" for kind in ("bias", "scale")]
    rest = ["['drop']['rngs']['count']", "['drop']['rngs']['key']", "['norm']['mean']", "['norm']['var']"]
    expected = {".key", ".step", *(f".params{name}" for name in weights), *(f".rest{name}.value" for name in rest)}
    assert set(_arrays(small_state())) == expected | {f".memory[0].trace{name}" for name in weights}


# frozen parameters


def test_frozen_parts_stay_bit_by_bit_and_have_no_memory():
    state = train.create(small_model(), RULE, trainable=HEAD, ema_decay=0.9)
    assert [path[0] for path, _ in nnx.to_flat_state(state.params)] == ["output", "output"]
    assert sum(leaf.size for leaf in jax.tree.leaves(state.memory)) == 8 * 3 + 3
    after, _ = fit(state, examples(), num_epochs=2)
    before, later = (nnx.to_pure_dict(nnx.state(s.model, nnx.Any(nnx.Param, nnx.BatchStat))) for s in (state, after))
    for name in ("hidden", "norm"):  # the running statistics too
        assert_same(before[name], later[name])
    assert (before["output"]["kernel"] != later["output"]["kernel"]).any()


def test_a_step_of_the_last_layer_is_that_of_a_linear_model_of_the_features():
    """In the frozen part the running statistics normalise, as in evaluation; there is no dropout."""
    model = nnx.merge(*nnx.split(small_model()), copy=True)
    model.drop.rate = 0.0
    state, (x, labels) = train.create(model, optax.sgd(0.5), trainable=HEAD), examples(30)
    after, metrics = one_step(state, (x, labels))
    ready = state.model
    features = np.asarray(jnp.tanh(ready.norm(ready.hidden(jnp.asarray(x).reshape(30, 16)))), np.float64)
    kernel, bias = (np.asarray(a[...], np.float64) for a in (ready.output.kernel, ready.output.bias))
    log_shares = log_softmax(features @ kernel + bias)
    assert metrics["loss"] == pytest.approx(-log_shares[range(30), labels].mean(), rel=1e-5)
    step = 0.5 * features.T @ (np.exp(log_shares) - np.eye(3)[labels]) / 30
    np.testing.assert_allclose(after.model.output.kernel[...], kernel - step, atol=1e-6)


def test_a_part_with_one_trained_parameter_is_in_training():
    scale = nnx.All(nnx.PathContains("norm"), nnx.PathContains("scale"))
    state = train.create(small_model(), RULE, trainable=scale)
    after, _ = one_step(state, examples(30))
    assert (state.rest["norm"]["mean"][...] != after.rest["norm"]["mean"][...]).all()
    assert_same(state.rest["norm"]["bias"], after.rest["norm"]["bias"])


@pytest.mark.bad_input
def test_what_makes_no_options():
    linear = nnx.Linear(16, 3, rngs=nnx.Rngs(0))
    for options, error, message in [
        (
            {"trainable": 3},
            TypeError,
            r"trainable must be a filter of Flax such as nnx.PathContains\(\"output\"\), got",
        ),
        ({"trainable": {HEAD}}, TypeError, "trainable must be a filter of Flax .* got set"),
        ({"trainable": HEAD}, ValueError, "fits no parameter of a Linear, which has bias, kernel"),
        ({"augment_batch": 3}, TypeError, "augment_batch must be a function such as lambda key, batch: .* got int"),
        ({"ema_decay": 1.0}, ValueError, r"ema_decay must be in \[0, 1\), got 1.0"),
        ({"ema_decay": "0.9"}, TypeError, "expected real numbers"),
    ]:
        with pytest.raises(error, match=f"^train.create: .*{message}"):
            train.create(linear, RULE, **options)


# seeds


def test_many_seeds_at_once_are_separate_runs():
    seeds = jax.vmap(lambda seed: jax.random.key(seed))(jnp.arange(3))

    def created(key):
        return train.create(Small(nnx.Rngs(key)), RULE, key=key, ema_decay=0.9)

    batch = examples(30)
    images = batch[0]
    states = jax.jit(jax.vmap(created))(seeds)
    states, metrics = jax.jit(jax.vmap(train.step, in_axes=(0, None)))(states, batch)
    logits = jax.vmap(lambda state: state.model(jnp.asarray(images)))(states)
    alone, found = one_step(created(seeds[1]), batch)
    assert metrics["loss"][1] == pytest.approx(float(found["loss"]), rel=1e-5)
    assert len(np.unique(metrics["loss"])) == 3
    np.testing.assert_allclose(logits[1], train.predict(alone, images), atol=1e-5)
    for a, b in zip(jax.tree.leaves(states.params), jax.tree.leaves(alone.params), strict=True):
        np.testing.assert_allclose(a[1], b, atol=1e-5)
