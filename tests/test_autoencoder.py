"""Autoencoders: layers, the bound of a variational one and what is known of it, images from codes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from scipy import integrate, stats

from jaxmath import information, models, pca, train
from jaxmath._compiling import quick_to_compile
from jaxmath.distributions import Normal
from jaxmath.models import _coding
from jaxmath.models._initialization import draw

compiled = partial(jax.jit, compiler_options=quick_to_compile())
KEY = jax.random.key(0)
X64 = jnp.zeros(0).dtype == jnp.float64


def small(seed=0, latent_size=2, **options):
    options = {"hidden": (6,), "likelihood": "bernoulli"} | options
    return models.VAE((3, 2, 1), latent_size, rngs=nnx.Rngs(seed), param_dtype=float, **options)


def pixels(n=4, seed=1):
    return jnp.asarray(np.random.default_rng(seed).uniform(size=(n, 3, 2, 1)))


def affine(seed=0):
    """A Gaussian model whose codes are not the exact ones, and its loadings, center, codes' deviation."""
    rng = np.random.default_rng(seed)
    loadings, center, to_code = rng.normal(size=(2, 6)), rng.normal(size=6), rng.normal(size=(6, 2)) / 4
    model = small(hidden=(), likelihood="gaussian")
    model.decoder.output.kernel.set_value(jnp.asarray(loadings))
    model.decoder.output.bias.set_value(jnp.asarray(center))
    model.encoder.output.kernel.set_value(jnp.concatenate([jnp.asarray(to_code), jnp.zeros((6, 2))], axis=1))
    model.encoder.output.bias.set_value(jnp.array([0.1, -0.2, -1.0, -0.5]))
    return model, loadings, center, to_code


# layers


@pytest.mark.once
def test_sizes_are_the_books():
    """1024-512-z-512-1024 of 32 x 32 pixels, and convolutions of 32, 128 and 256 channels."""

    def outputs(build):
        return {each.name: each.output_shape[1:] for each in models.summary(build, (1, 32, 32, 1)).layers}

    linear = outputs(lambda: models.AutoEncoder((32, 32, 1), 2, rngs=nnx.Rngs(0)))
    names = [f"{part}.{layer}" for part in ("encoder", "decoder") for layer in ("hidden.0", "hidden.1", "output")]
    assert [linear[name] for name in names] == [(1024,), (512,), (2,), (512,), (1024,), (1024,)]
    conv = outputs(lambda: models.VAE((32, 32, 1), 2, backbone="conv", rngs=nnx.Rngs(0)))
    assert [conv[f"encoder.convolutions.{i}"] for i in range(3)] == [(16, 16, 32), (8, 8, 128), (4, 4, 256)]
    assert [conv[f"decoder.convolutions.{i}"] for i in range(3)] == [(8, 8, 128), (16, 16, 32), (32, 32, 1)]
    assert (conv["encoder.output"], conv["decoder.hidden"]) == ((4,), (4096,))
    counts = [
        models.count_parameters(nnx.eval_shape(lambda kind=kind: kind((32, 32, 1), 2, rngs=nnx.Rngs(0))))
        for kind in (models.AutoEncoder, models.VAE)
    ]
    assert counts == [3_151_874, 3_151_874 + 2 * 513]


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 2), (2, 4, 1, 1)])
def test_doubling_against_a_loop_and_its_derivatives(shape):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=shape), rng.normal(size=(3, 3, shape[3], 2))
    n, h, w, _ = shape

    def doubled(x, kernel):
        y = np.zeros((n, 2 * h + 2, 2 * w + 2, 2))
        for i, j, a, b in np.ndindex(h, w, 3, 3):
            y[:, 2 * i + a, 2 * j + b] += x[:, i, j] @ kernel[2 - a, 2 - b]
        return y[:, : 2 * h, : 2 * w]

    g = rng.normal(size=(n, 2 * h, 2 * w, 2))
    found, pull = jax.vjp(_coding._doubled, jnp.asarray(x), jnp.asarray(kernel))
    np.testing.assert_allclose(found, doubled(x, kernel), atol=1e-5)
    by_x, by_kernel = pull(jnp.asarray(g))
    # it is linear in both: each derivative is the value at a unit
    unit = lambda size, i: np.eye(np.prod(size))[i].reshape(size)  # noqa: E731
    expected = [np.sum(doubled(unit(shape, i), kernel) * g) for i in range(x.size)]
    np.testing.assert_allclose(by_x.ravel(), expected, atol=1e-4)
    expected = [np.sum(doubled(x, unit(kernel.shape, i)) * g) for i in range(kernel.size)]
    np.testing.assert_allclose(by_kernel.ravel(), expected, atol=1e-4)


@pytest.mark.parametrize("backbone", ["linear", "conv"])
@pytest.mark.parametrize("kind", [models.AutoEncoder, models.VAE])
def test_images_and_codes(kind, backbone, tmp_path):
    """Reconstructions in [0, 1] or not, in two types; weights come back; a NaN stays in its image."""
    build = partial(kind, (4, 8, 2), 3, backbone=backbone, hidden=(5, 7))
    x = jnp.asarray(np.random.default_rng(0).uniform(size=(3, 4, 8, 2)), jnp.float32)
    model = build(rngs=nnx.Rngs(0))
    run = compiled(lambda graphdef, state, x: nnx.merge(graphdef, state)(x))
    found = run(*nnx.split(model), x)
    assert (found.shape, bool(((found > 0) & (found < 1)).all())) == (x.shape, True)
    narrow = build(dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    again = run(*nnx.split(narrow), x)
    assert again.dtype == jnp.bfloat16
    np.testing.assert_allclose(again.astype(jnp.float32), found, atol=0.02)
    if kind is models.VAE:
        ours, theirs = (models.elbo(each, x, KEY) for each in (narrow, model))
        assert ours.value.dtype == jnp.float32  # a sum over pixels has no digits left in bfloat16
        np.testing.assert_allclose(ours.reconstruction, theirs.reconstruction, rtol=0.005)
        np.testing.assert_allclose(ours.kl, theirs.kl, rtol=0.05)
    with nnx.set_graph_mode(False):
        np.testing.assert_allclose(run(*nnx.split(model), x), found, atol=1e-6)
    assert model(x[:0]).shape == (0, 4, 8, 2)
    odd = run(*nnx.split(model), x.at[1, 0, 0, 0].set(jnp.nan))
    np.testing.assert_array_equal(np.isnan(odd).all(axis=(1, 2, 3)), [False, True, False])
    np.testing.assert_allclose(odd[::2], found[::2], atol=1e-6)
    models.save_weights(tmp_path / "w", model)
    again = models.load_weights(tmp_path / "w", build(rngs=nnx.Rngs(1)))
    np.testing.assert_array_equal(run(*nnx.split(again), x), found)
    free = build(likelihood="gaussian", rngs=nnx.Rngs(0))
    np.testing.assert_allclose(jax.nn.sigmoid(free(x)), found, atol=1e-5)


def test_kernels_keep_the_size_of_what_passes():
    """Initial deviations are those of He et al.: the mean square of normal numbers stays, but at the edges."""
    for build in (partial(_coding._halving, 8, 64), partial(_coding.ConvTranspose, 32, 64)):
        layer = build(dtype=None, param_dtype=jnp.float32)
        if isinstance(layer, nnx.Conv):
            draw(layer, nnx.Rngs(0))
        else:
            draw(layer, nnx.Rngs(params=0))
        x = jnp.maximum(jax.random.normal(KEY, (4, 16, 16, layer.kernel[...].shape[2])), 0)
        assert float((layer(x)[:, 2:-2, 2:-2] ** 2).mean()) == pytest.approx(1, rel=0.2)


def test_hessian_vector_products_of_convolutions():
    """Forward over reverse mode against reverse over reverse mode."""
    model = models.VAE((4, 4, 1), 2, backbone="conv", hidden=(9,), rngs=nnx.Rngs(0))
    x, graphdef, state = jnp.full((2, 4, 4, 1), 0.3, jnp.float32), *nnx.split(model)
    slope = jax.grad(lambda state: models.elbo(nnx.merge(graphdef, state), x, KEY).value.sum())
    along = jax.tree.map(lambda a: jax.random.normal(KEY, a.shape, a.dtype), state)
    ours = compiled(lambda state: jax.jvp(slope, (state,), (along,))[1])(state)
    inner = lambda state: sum(map(jnp.vdot, *map(jax.tree.leaves, (slope(state), along))))  # noqa: E731
    for a, b in zip(*map(jax.tree.leaves, (ours, compiled(jax.grad(inner))(state))), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(b).max())


def test_an_affine_autoencoder_finds_the_subspace_of_pca():
    """The angle between its codes' directions and the first principal ones is small after some steps."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) * [3, 2, 1.5] @ np.linalg.qr(rng.normal(size=(12, 3)))[0].T
    x = jnp.asarray(x + 0.1 * rng.normal(size=x.shape) + 1, jnp.float32)

    def loss(model, batch):
        images = batch[0].reshape(-1, 4, 3, 1)
        return ((model(images) - images) ** 2).sum(axis=(1, 2, 3)).mean(), {}

    model = models.AutoEncoder((4, 3, 1), 3, hidden=(), likelihood="gaussian", rngs=nnx.Rngs(0))
    state = train.create(model, optax.adam(optax.cosine_decay_schedule(0.03, 1500)), loss=loss)
    state, _ = jax.jit(lambda s: jax.lax.scan(lambda s, _: train.step(s, (x,)), s, length=1500))(state)
    ours = np.linalg.qr(np.asarray(state.model.decoder.output.kernel[...], np.float64).T)[0]
    theirs = np.asarray(pca.fit(x, 3).components, np.float64)
    cosines = np.linalg.svd(theirs @ ours, compute_uv=False)
    assert np.degrees(np.arccos(np.clip(cosines.min(), -1, 1))) < 1


# the bound


def test_terms_of_an_affine_model_against_their_expectations():
    """E log p(x | z) = log N(x; W mu + b, 1) - tr(W S W^T) / 2, and the divergence in closed form."""
    model, loadings, center, to_code = affine()
    x = pixels(3)
    found = compiled(lambda x: models.elbo(model, x, KEY, num_samples=20_000))(x)
    rows = np.asarray(x, np.float64).reshape(3, 6)
    mean, variance = rows @ to_code + [0.1, -0.2], np.exp([-1.0, -0.5])
    left = rows - mean @ loadings - center
    noise = (variance[:, None] * loadings**2).sum()
    expected = -0.5 * ((left**2).sum(axis=1) + noise + 6 * np.log(2 * np.pi))
    # the deviation of one draw is about that of the quadratic form, below 2 times its mean here
    error = 6 * 2 * (noise + np.sqrt(noise * (left**2).sum(axis=1))) / 20_000**0.5
    assert (np.abs(found.reconstruction - expected) < error).all()
    kl = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(axis=1)
    np.testing.assert_allclose(found.kl, kl, rtol=1e-5)
    np.testing.assert_allclose(found.value, found.reconstruction - found.kl, rtol=1e-5)


@pytest.mark.parametrize("log_variance", [-20.0, -1.0, -1e-3, 1e-3, 1.5])
def test_divergence_against_quadrature_and_distributions(log_variance):
    """Also near 0, where its terms cancel."""
    mean, deviation = 0.03, np.exp(log_variance / 2)
    q, prior = stats.norm(mean, deviation), stats.norm()
    place = mean + deviation * np.linspace(-12, 12, 20_001)
    expected = integrate.trapezoid(q.pdf(place) * (q.logpdf(place) - prior.logpdf(place)), place)
    model = small(hidden=(), latent_size=1)
    model.encoder.output.kernel.set_value(jnp.zeros((6, 2)))
    model.encoder.output.bias.set_value(jnp.array([mean, log_variance]))
    found = models.elbo(model, pixels(1), KEY).kl[0]
    assert found == pytest.approx(expected, rel=1e-9 if X64 else 2e-5)
    theirs = information.kl_divergence(Normal(mean, float(deviation)), Normal(0.0, 1.0))
    assert found == pytest.approx(float(theirs), rel=1e-9 if X64 else 2e-4)


def test_codes_have_the_distribution_that_they_should_and_are_independent():
    """An affine decoder shows them: of samples, and of equal images in the two bounds and in the batches."""
    model = models.VAE((1, 2, 1), 2, hidden=(), likelihood="gaussian", rngs=nnx.Rngs(0))
    model.decoder.output.kernel.set_value(jnp.eye(2))
    model.decoder.output.bias.set_value(jnp.zeros(2))
    codes = np.asarray(models.sample_images(model, KEY, 20_000)).reshape(-1, 2)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=6 / 20_000**0.5)
    np.testing.assert_allclose(np.cov(codes.T), np.eye(2), atol=6 * (2 / 20_000) ** 0.5)
    x = jnp.zeros((6, 1, 2, 1), jnp.float32)
    for bound in (models.elbo(model, x, KEY).value, models.importance_bound(model, x, KEY, 2)):
        assert len(np.unique(bound)) == 6
    rows = models.log_likelihood(model, x, KEY, num_samples=1, batch_size=1)
    assert rows.standard_error > 0.01


def test_more_codes_make_a_tighter_bound():
    """In the mean over many draws, up to six standard errors; with very many it is the log-likelihood."""
    model, loadings, center, _ = affine()
    x = pixels(2)
    left = np.asarray(x, np.float64).reshape(2, 6) - center
    covariance = loadings.T @ loadings + np.eye(6)
    squares = (left * np.linalg.solve(covariance, left.T).T).sum(axis=1)
    exact = -0.5 * (squares + np.linalg.slogdet(covariance)[1] + 6 * np.log(2 * np.pi))

    @compiled
    def draws(keys):
        bounds = [jax.vmap(lambda key, k=k: models.importance_bound(model, x, key, k))(keys) for k in (1, 5, 50)]
        return jax.vmap(lambda key: models.elbo(model, x, key).value)(keys), *bounds

    found = [np.asarray(each, np.float64) for each in draws(jax.random.split(KEY, 4000))]
    means, errors = ([f(each, axis=0) for each in found] for f in (np.mean, lambda a, axis: a.std(axis) / 4000**0.5))
    assert (np.abs(means[0] - means[1]) < 6 * (errors[0] + errors[1])).all()
    for looser, tighter, error in zip(means[1:], means[2:], errors[1:], strict=False):
        assert (looser + 6 * error < tighter).all()
    assert (means[3] < exact + 6 * errors[3]).all()
    many = compiled(lambda key: models.importance_bound(model, x, key, 20_000))(KEY)
    np.testing.assert_allclose(many, exact, atol=0.05)
    whole = compiled(lambda x, key: models.log_likelihood(model, x, key, num_samples=4000, batch_size=2))(
        jnp.concatenate([x, x[:1]]), KEY
    )
    rows = np.array([*exact, exact[0]])
    assert abs(whole.mean - rows.mean()) < 0.1
    assert whole.standard_error == pytest.approx(rows.std(ddof=1) / 3**0.5, abs=0.1)


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian", "conv"])
def test_gradients_of_both_terms_against_differences(kind):
    """With the same random numbers; along a random direction of the weights."""
    rng = np.random.default_rng(0)
    if kind == "conv":
        model = models.VAE((4, 4, 1), 2, backbone="conv", hidden=(3,), param_dtype=float, rngs=nnx.Rngs(1))
        x = jnp.asarray(rng.uniform(size=(3, 4, 4, 1)))
    else:
        model, x = small(likelihood=kind), pixels()
    graphdef, state = nnx.split(model)
    direction = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape), a.dtype), state)

    def terms(t):
        moved = jax.tree.map(lambda a, d: a + t * d, state, direction)
        bound = models.elbo(nnx.merge(graphdef, moved), x, KEY, num_samples=3)
        return jnp.stack([bound.reconstruction.sum(), bound.kl.sum()])

    step = 1e-5 if X64 else 1e-3
    run = compiled(terms)
    difference = (run(step) - run(-step)) / (2 * step)
    np.testing.assert_allclose(compiled(jax.jacrev(terms))(0.0), difference, rtol=1e-7 if X64 else 2e-2)


def test_beta_and_free_bits():
    """Beta weighs the divergence and may be traced; below the floor a divergence has no gradient."""
    model, x = small(), pixels()
    graphdef, state = nnx.split(model)

    @compiled
    def of(beta, floor):
        def value(state):
            bound = models.elbo(nnx.merge(graphdef, state), x, KEY, beta=beta, free_bits=floor)
            return bound.value.sum(), bound

        return jax.grad(value, has_aux=True)(state)

    gradients, plain = of(1.0, 0.0)
    _, heavy = of(4.0, 0.0)
    np.testing.assert_allclose(heavy.value, plain.reconstruction - 4 * plain.kl, rtol=1e-5)
    floored, bound = of(1.0, 9.0)
    np.testing.assert_allclose(bound.kl, 18.0)
    mean, log_variance = map(np.asarray, model.encode(x))
    each = (mean**2 + np.exp(log_variance) - 1 - log_variance) / 2
    between = float(np.median(each))
    np.testing.assert_allclose(of(1.0, between)[1].kl, np.maximum(each, between).sum(axis=1), rtol=1e-4)
    for beta, floor in ((-1.0, 0.0), (jnp.nan, 0.0), (1.0, -1.0), (1.0, jnp.nan)):  # traced: no error, but no number
        assert jnp.isnan(of(beta, floor)[1].value).all()
    weightless, _ = of(0.0, 0.0)
    for a, b in zip(*map(jax.tree.leaves, (floored, weightless)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert any((a != c).any() for a, c in zip(*map(jax.tree.leaves, (floored, gradients)), strict=True))


@pytest.mark.parametrize("logit", [-1e4, -30.0, 30.0, 1e4])
def test_saturated_logits(logit):
    """log p is x l - log(1 + e^l), its derivative x - sigmoid(l), to all digits."""
    model, x = small(hidden=()), jnp.zeros((2, 3, 2, 1)).at[1].set(1)
    model.decoder.output.kernel.set_value(jnp.zeros((2, 6)))
    graphdef, state = nnx.split(model)

    def reconstruction(bias):
        model = nnx.merge(graphdef, state, copy=True)
        model.decoder.output.bias.set_value(bias)
        return models.elbo(model, x, KEY).reconstruction

    bias = jnp.full(6, logit)
    tail = np.log1p(np.exp(-abs(logit)))
    expected = -6 * (np.maximum([logit, -logit], 0) + tail)
    np.testing.assert_allclose(reconstruction(bias), expected, rtol=1e-5)
    slopes = jax.jacrev(reconstruction)(bias)
    small_tail = np.exp(-abs(logit)) / (1 + np.exp(-abs(logit)))
    shares = [-(1 - small_tail), small_tail] if logit > 0 else [-small_tail, 1 - small_tail]
    np.testing.assert_allclose(slopes, np.repeat(shares, 6).reshape(2, 6), rtol=1e-5, atol=1e-7)


def test_pixels_that_are_none():
    """A pixel outside of [0, 1] or NaN makes the numbers of its image NaN and no others."""
    model, x = small(), pixels()
    for odd in (-0.1, 1.5, jnp.nan):
        bad = x.at[2, 0, 0, 0].set(odd)
        for found in (models.elbo(model, bad, KEY).value, models.importance_bound(model, bad, KEY, 3)):
            np.testing.assert_array_equal(jnp.isnan(found), [False, False, True, False])


@pytest.mark.once
def test_lists_and_numpy_arrays_are_images():
    model, x = small(), pixels(2)
    expected = models.elbo(model, x, KEY).value
    for other in (np.asarray(x), np.asarray(x).tolist()):
        np.testing.assert_allclose(models.elbo(model, other, KEY).value, expected, rtol=1e-6)
        np.testing.assert_allclose(models.log_likelihood(model, other, KEY, num_samples=2).standard_error > 0, True)
        np.testing.assert_allclose(models.interpolate(model, *other, 2), model(x), atol=1e-6)


def test_active_units():
    """A latent variable whose mean does not move with the image is none."""
    model = affine()[0]
    kernel = model.encoder.output.kernel
    kernel.set_value(kernel[...].at[:, 1].set(0))
    x = pixels(50)
    assert models.active_units(model, x).tolist() == [True, False]
    assert models.active_units(model, x, threshold=1e3).tolist() == [False, False]
    assert models.active_units(model, x.at[0].set(jnp.nan)).tolist() == [False, False]


def test_betas_at_once():
    """Several models by vmap over the key and beta: each as it would be alone."""
    x = pixels()

    def trained(key, beta):
        def loss(model, batch):
            images, beta = batch
            return -models.elbo(model, images, KEY, beta=beta).value.mean(), {}

        build = lambda: models.VAE((3, 2, 1), 2, hidden=(6,), rngs=nnx.Rngs(key))  # noqa: E731
        state = train.create(build(), optax.adam(1e-2), loss=loss)
        for _ in range(2):
            state, metrics = train.step(state, (x, beta))
        return metrics["loss"]

    keys, betas = jax.random.split(KEY, 2), jnp.array([0.1, 4.0])
    together = compiled(jax.vmap(trained))(keys, betas)
    alone = [compiled(trained)(key, beta) for key, beta in zip(keys, betas, strict=True)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


# images from codes


def test_images_from_codes():
    model = small()
    a, b = pixels(2)
    way = models.interpolate(model, a, b, 5)
    np.testing.assert_allclose(way[jnp.array([0, -1])], model(jnp.stack([a, b])), atol=1e-6)
    middle = model.means(model.encode(jnp.stack([a, b]))[0].mean(axis=0, keepdims=True))
    np.testing.assert_allclose(way[2:3], middle, atol=1e-6)
    plain = models.AutoEncoder((3, 2, 1), 2, hidden=(6,), rngs=nnx.Rngs(0))
    x = jnp.stack([a, b]).astype(jnp.float32)
    np.testing.assert_allclose(models.interpolate(plain, *x, 2), plain(x), atol=1e-6)
    grid = models.latent_grid(model, 3, span=0.5)
    quartile = 0.6744897501960817
    for i, first in enumerate((-quartile, 0.0, quartile)):
        for j, second in enumerate((-quartile, 0.0, quartile)):
            np.testing.assert_allclose(grid[i, j], model.means(jnp.array([[first, second]]))[0], atol=1e-6)
    drawn = models.sample_images(model, KEY, 7)
    assert (drawn.shape, bool(((drawn > 0) & (drawn < 1)).all())) == ((7, 3, 2, 1), True)
    assert (drawn[0] != drawn[1]).any()
    narrow = models.VAE((3, 2, 1), 2, hidden=(6,), param_dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    for images in (models.sample_images(narrow, KEY, 3), models.latent_grid(narrow, 2)):
        assert images.dtype == jnp.bfloat16


def test_one_image_one_pixel_one_latent_variable():
    model = models.VAE((1, 1, 1), 1, hidden=(), rngs=nnx.Rngs(0))
    x = jnp.full((1, 1, 1, 1), 0.5)
    assert models.elbo(model, x, KEY).value.shape == models.importance_bound(model, x, KEY, 1).shape == (1,)
    found = models.log_likelihood(model, x, KEY, num_samples=3)
    assert jnp.isfinite(found.mean)
    assert jnp.isnan(found.standard_error)


# bad input


@pytest.mark.bad_input
def test_what_is_no_autoencoder():
    rngs, x = nnx.Rngs(0), pixels()
    model = small()
    plain = models.AutoEncoder((3, 2, 1), 3, hidden=(), rngs=rngs)
    for call, error, message in (
        (lambda: models.VAE((3, 2), 2, rngs=rngs), ValueError, r"models\.VAE: image_shape must be \(height, width, ch"),
        (lambda: models.VAE((3, 0, 1), 2, rngs=rngs), ValueError, r"models\.VAE: image_shape must be at least 1"),
        (lambda: models.VAE((3, 2, 1), 0, rngs=rngs), ValueError, r"models\.VAE: latent_size must be at least 1"),
        (lambda: models.VAE((3, 2, 1), 2.5, rngs=rngs), TypeError, r"models\.VAE: latent_size must be an integer"),
        (
            lambda: models.AutoEncoder((30, 32, 1), 2, backbone="conv", rngs=rngs), ValueError,
            r"models\.AutoEncoder: 3 convolutions of stride 2 need height and width that 8 divides, got .*\(30, 32",
        ),
        (lambda: models.VAE((8, 8, 1), 2, backbone="conv", hidden=(), rngs=rngs), ValueError, "hidden must have the"),
        (lambda: models.VAE((8, 8, 1), 2, hidden=5, rngs=rngs), TypeError, "hidden must be a list of sizes or None"),
        (lambda: model.decode(jnp.zeros((1, 2), int)), TypeError, r"models\.VAE: expected codes in floating point"),
        (lambda: models.active_units(model, x, threshold=-1.0), ValueError, r"units: threshold must be in \[0, inf\)"),
        (lambda: models.log_likelihood(model, 0.5, KEY), ValueError, "expected at least one image, got shape"),
        (lambda: models.interpolate(model, x, x, 2), ValueError, r"expected two images of shape \(3, 2, 1\), got \(4"),
        (lambda: models.VAE((8, 8, 1), 2, backbone="dense", rngs=rngs), ValueError, "backbone must be one of 'linear'"),
        (lambda: models.VAE((8, 8, 1), 2, likelihood="x", rngs=rngs), ValueError, "likelihood must be one of 'bern"),
        (lambda: model(x[0]), ValueError, r"models\.VAE: expected images \(n, 3, 2, 1\), got \(3, 2, 1\)"),
        (lambda: model(jnp.zeros((1, 3, 2, 1), jnp.uint8)), TypeError, r"models\.VAE: .* got uint8; divide bytes"),
        (lambda: model.decode(jnp.zeros((1, 3))), ValueError, r"models\.VAE: expected codes \(n, 2\), got \(1, 3\)"),
        (lambda: models.elbo(plain, x, KEY), TypeError, r"models\.elbo: expected a models\.VAE, got AutoEncoder"),
        (lambda: models.elbo(models.VAE, x, KEY), TypeError, r"models\.elbo: .* got the class VAE"),
        (lambda: models.elbo(model, x, 0), TypeError, r"models\.elbo: expected a random key"),
        (lambda: models.elbo(model, x, KEY, beta=-1.0), ValueError, r"models\.elbo: beta must be in \[0, inf\)"),
        (lambda: models.elbo(model, x, KEY, free_bits=-1.0), ValueError, r"models\.elbo: free_bits must be in"),
        (lambda: models.elbo(model, x, KEY, num_samples=0), ValueError, r"elbo: num_samples must be at least 1"),
        (lambda: models.importance_bound(model, x, KEY, 0), ValueError, "num_samples must be at least 1, got 0"),
        (lambda: models.log_likelihood(model, x[:0], KEY), ValueError, "expected at least one image"),
        (lambda: models.log_likelihood(model, x, KEY, batch_size=0), ValueError, "batch_size must be at least 1"),
        (lambda: models.active_units(plain, x), TypeError, r"models\.active_units: expected a models\.VAE"),
        (lambda: models.sample_images(plain, KEY, 2), TypeError, r"models\.sample_images: expected a models\.VAE"),
        (lambda: models.sample_images(model, KEY, 0), ValueError, "num_samples must be at least 1"),
        (lambda: models.interpolate(3, x[0], x[1], 2), TypeError, "expected a models.AutoEncoder or models.VAE, got"),
        (lambda: models.interpolate(model, x[0], x[1], 0), ValueError, "num_steps must be at least 1"),
        (lambda: models.latent_grid(small(latent_size=3), 2), ValueError, "expected two latent variables, got 3"),
        (lambda: models.latent_grid(model, 2, span=1.0), ValueError, r"span must be in \(0, 1\), got 1.0"),
        (
            lambda: models.validate_images(model, x.at[1, 2, 0, 0].set(1.5).at[2].set(-1)), ValueError,
            r"models\.validate_images: pixels must be in \[0, 1\], got 1.5 at \(1, 2, 0, 0\)",
        ),
        (lambda: models.validate_images(model, x.at[1, 2, 0, 0].set(jnp.nan)), ValueError, r"got nan at \(1, 2, 0, 0"),
        (lambda: models.validate_images(model, x[0]), ValueError, r"expected images \(n, 3, 2, 1\), got \(3, 2, 1\)"),
        (lambda: models.validate_images(model, np.zeros((1, 3, 2, 1), int)), TypeError, "expected floats, got dtype"),
        (lambda: jax.jit(lambda x: models.validate_images(model, x))(x), TypeError, "call it outside jit"),
        (
            lambda: models.validate_images(small(likelihood="gaussian"), x.at[0, 0, 0, 0].set(jnp.inf)), ValueError,
            r"pixels must be finite, got inf at \(0, 0, 0, 0\)",
        ),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            call()
    assert models.validate_images(model, x) is x
    assert models.validate_images(model, x.astype(jnp.bfloat16)).dtype == jnp.bfloat16
