"""Options of a training run: smoothing, mixed labels, schedules, decay, averages, frozen parameters, many seeds."""

import math
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from train_child import RULE, assert_same, examples, held_out, noise, small_model, small_state, without_seconds

from jaxmath import train
from jaxmath.train import evaluation
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


def test_mixed_batches_are_trained_on():
    def mix(key, batch):
        """All by one weight, each with the one before: cheaper to compile than data.augment.mixup."""
        weight, targets = jax.random.uniform(key), jax.nn.one_hot(batch[1], 3)
        return tuple(weight * a + (1 - weight) * jnp.roll(a, 1, axis=0) for a in (batch[0], targets))

    x, labels = examples(30)
    x, model = x.reshape(30, 16), nnx.Linear(16, 3, rngs=nnx.Rngs(0))
    soft = partial(train.classification, soft_labels=True)
    state = train.create(model, optax.sgd(0.1), loss=soft, augment=noise, augment_batch=mix)
    after, metrics = jax.jit(train.step)(state, (x, labels))
    key_images, key_batch = jax.random.split(jax.random.fold_in(jax.random.split(state.key)[1], 0))
    rows, targets = (np.asarray(a, np.float64) for a in mix(key_batch, (noise(key_images, jnp.asarray(x)), labels)))
    kernel, bias = (np.asarray(a[...], np.float64) for a in (model.kernel, model.bias))
    log_shares = log_softmax(rows @ kernel + bias)
    expected = kernel - 0.1 * rows.T @ (np.exp(log_shares) - targets) / 30
    np.testing.assert_allclose(after.model.kernel[...], expected, atol=1e-5)
    assert metrics["loss"] == pytest.approx(-(targets * log_shares).sum(axis=1).mean(), rel=1e-4)


# optimisers


def test_schedules_against_their_formulas():
    n, rates, steps = 20, jnp.array([0.3, 0.6]), jnp.arange(25)
    rules = {
        "constant": lambda u, t: 1.0,
        "cosine": lambda u, t: (1 + math.cos(math.pi * min(u, 1))) / 2,
        "linear": lambda u, t: 1 - min(u, 1),
        "step": lambda u, t: 0.2 ** (t // 7),
    }
    cases = [(name, warmup, {"step_size": 7} if name == "step" else {}) for name in rules for warmup in (0, 4)]

    @jax.jit
    @jax.vmap
    def found(rate):
        """For rates that are traced, in all steps."""
        made = [train.schedule(name, rate, n, warmup_steps=w, decay=0.2, **options) for name, w, options in cases]
        return jnp.stack([jax.vmap(schedule)(steps) for schedule in made])

    for rate, ours in zip(rates.tolist(), found(rates), strict=True):
        for (name, w, _), row in zip(cases, ours, strict=True):
            shares = [t / w if t < w else rules[name]((t - w) / (n - w), t - w) for t in range(25)]
            np.testing.assert_allclose(row, np.multiply(rate, shares), atol=1e-6)


def test_the_rate_falls_in_three_steps_by_default():
    rate = train.schedule("step", 1.0, 9)
    assert [float(rate(t)) for t in (2, 3, 8)] == pytest.approx([1.0, 0.1, 0.01])


@pytest.mark.bad_input
def test_numbers_of_steps_that_numpy_has_counted():
    assert train.schedule("linear", 0.5, np.int64(9), warmup_steps=np.int64(0))(0) == 0.5


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("exponential", 0.1, 9), {}, ValueError, "name must be one of 'constant', 'cosine', 'linear', 'step', got"),
        (("cosine", -0.1, 9), {}, ValueError, r"rate must be in \[0, inf\), got -0.1"),
        (("cosine", 0.1, 0), {}, ValueError, "num_steps must be at least 1, got 0"),
        (("cosine", 0.1, 2.5), {}, TypeError, "num_steps must be an integer, got 2.5"),
        (("cosine", 0.1, 9), {"warmup_steps": 9}, ValueError, "warmup_steps must be below num_steps = 9, got 9"),
        (("cosine", 0.1, 9), {"warmup_steps": -1}, ValueError, "warmup_steps must be at least 0, got -1"),
        (("cosine", 0.1, 9), {"step_size": 3}, ValueError, "step_size is of the rule \"step\", got 'cosine'"),
        (("step", 0.1, 9), {"step_size": 0}, ValueError, "step_size must be at least 1, got 0"),
        (("step", 0.1, 9), {"decay": 0.0}, ValueError, r"decay must be in \(0, 1\], got 0.0"),
    ],
)
def test_what_makes_no_schedule(arguments, options, error, message):
    with pytest.raises(error, match=f"^train.schedule: {message}"):
        train.schedule(*arguments, **options)


def test_only_kernels_decay():
    """In a step without a gradient kernels shrink by rate * decay, and all else stays as it is, bit by bit."""
    model = nnx.Sequential(
        nnx.Conv(1, 2, (3, 3), rngs=nnx.Rngs(0)), nnx.BatchNorm(2, rngs=nnx.Rngs(0)), nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    )
    params = nnx.state(model, nnx.Param)
    kinds = {path[-1]: kind for path, kind in nnx.to_flat_state(jax.tree.map(bool, train.decay_mask(params)))}
    assert {name: kind.get_value() for name, kind in kinds.items()} == {"kernel": True, "bias": False, "scale": False}
    rule = optax.chain(optax.add_decayed_weights(0.2, mask=train.decay_mask), optax.sgd(0.5))
    step = jax.jit(lambda params: rule.update(jax.tree.map(jnp.zeros_like, params), rule.init(params), params)[0])
    for a, change in zip(*map(jax.tree.leaves, (params, step(params))), strict=True):
        np.testing.assert_allclose(change, -0.1 * a if a.ndim > 1 else 0 * a, rtol=1e-6)


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
    x, _ = held_out()
    predictions = train.predict(state, x)
    np.testing.assert_allclose(predictions, jax.jit(lambda state, x: state.model(x))(state, x), atol=1e-5)
    assert abs(predictions - train.predict(plain, x)).max() > 1e-3


def test_a_run_with_averages_resumes_exactly(tmp_path):
    on = partial(fit, averaging(), examples(), validation=held_out())
    whole, history = on(num_epochs=2)
    on(num_epochs=1, checkpoints=tmp_path)
    resumed, again = on(num_epochs=2, checkpoints=tmp_path, resume=True)
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
    state = after = train.create(small_model(), RULE, trainable=HEAD)
    assert [path[0] for path, _ in nnx.to_flat_state(state.params)] == ["output", "output"]
    assert sum(leaf.size for leaf in jax.tree.leaves(state.memory)) == 8 * 3 + 3
    for _ in range(2):
        after, _ = one_step(after, examples(30))
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
    def created(key):
        model = nnx.Sequential(nnx.Linear(16, 3, rngs=nnx.Rngs(key)), nnx.BatchNorm(3, rngs=nnx.Rngs(key)))
        return train.create(model, RULE, key=key)

    x, labels = examples(30)
    batch, keys = (x.reshape(30, 16), labels), jax.random.split(jax.random.key(0), 3)
    states = jax.jit(jax.vmap(created))(keys)
    states, metrics = jax.jit(jax.vmap(train.step, in_axes=(0, None)))(states, batch)
    logits = jax.jit(jax.vmap(lambda state, x: state.model(x), in_axes=(0, None)))(states, batch[0])
    assert len(np.unique(metrics["loss"])) == 3
    alone, found = one_step(jax.jit(created)(keys[1]), batch)
    assert metrics["loss"][1] == pytest.approx(float(found["loss"]), rel=1e-5)
    np.testing.assert_allclose(logits[1], train.predict(alone, batch[0]), atol=1e-5)
    for a, b in zip(*map(jax.tree.leaves, (states.params, alone.params)), strict=True):
        np.testing.assert_allclose(a[1], b, atol=1e-5)


def test_outputs_are_one_program_for_all_optimisers():
    x, before = examples()[0][:3], evaluation._outputs._cache_size()
    states = [
        train.create(small_model(), rule, loss=loss)
        for rule, loss in ((optax.sgd(0.1), train.classification), (RULE, len))
    ]
    found = [train.predict(state, x) for state in states]
    np.testing.assert_array_equal(*found)
    assert evaluation._outputs._cache_size() <= before + 1
