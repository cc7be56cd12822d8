"""What the scripts that train autoencoders have in common: images, and figures of codes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import runs
from jaxmath import data, models, train

_SHOWN, _POINTS = 10, 2000  # images, and codes, in a figure
_ROWS = 500  # of the test set are looked at at a time


def splits(options: dict[str, Any]) -> runs.Splits:
    """Images of bytes of so many rows and columns, and their labels, which are for figures alone."""
    learnt, test = (data.load(options["dataset"], split, data_dir=options["data_dir"]) for split in ("train", "test"))
    images, seen = (runs.resized(each.images, options["size"]) for each in (learnt, test))
    examples, validation = runs.split(images, learnt.labels, options["held_out"])
    if options.get("binarize"):  # one draw for all runs; the examples to train on are drawn anew in each step
        keys = jax.random.split(jax.random.key(0))
        seen = np.asarray(binarized(keys[0], seen))
        validation = validation and (np.asarray(binarized(keys[1], validation[0])), validation[1])
    return runs.Splits(examples, validation, (seen, test.labels), learnt.classes)


def binarized(key: jax.Array, images: Any) -> jax.Array:
    """Bytes 0 and 255, the latter with the probability that the pixel says."""
    return jnp.where(jax.random.uniform(key, images.shape) * 255 < images, 255, 0).astype(jnp.uint8)


def sizes(option: str, text: str | None) -> tuple[int, ...] | None:
    """The numbers of a list like ``400,400``; None for none."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(",") if part)
    except ValueError:
        raise ValueError(f"{option} is a list of numbers like 400,400, got {text}") from None


def write_figures(out: Path, state: train.State, splits: runs.Splits) -> None:
    """Writes the weights, some images of the test set with their reconstructions, and the codes by class."""
    plot, model, (images, labels) = runs.figures(), state.model, splits.test
    models.save_weights(out / "weights.safetensors", model)
    shown = jnp.asarray(images[:_SHOWN]) / jnp.float32(255)
    pictures = _pictures(np.concatenate([shown, model(shown)]))
    runs.save_figure(out / "reconstructions.png", plot.pictures(list(pictures), columns=_SHOWN))
    codes = _codes(model, images[:_POINTS])
    _draw_codes(out / "latent.png", codes, labels[:_POINTS], splits.classes)


def write_samples(out: Path, model: Any, key: jax.Array) -> None:
    """Writes images of codes drawn from the prior and, of two latent variables, of codes all over the plane."""
    plot = runs.figures()
    drawn = _pictures(models.sample_images(model, key, 4 * _SHOWN))
    runs.save_figure(out / "samples.png", plot.pictures(list(drawn), columns=_SHOWN))
    if model.latent_size == 2:
        grid = _pictures(models.latent_grid(model, 2 * _SHOWN))
        whole = np.concatenate(np.concatenate(grid.swapaxes(0, 1)[::-1], axis=1), axis=1)
        runs.save_figure(out / "grid.png", plot.pictures([whole], width=8.0))


def _pictures(images: Any) -> np.ndarray:
    """Images in [0, 1] without their axis of channels, if there is one channel."""
    images = np.clip(images, 0, 1)
    return images[..., 0] if images.shape[-1] == 1 else images


def measured(model: Any, test: tuple[np.ndarray, np.ndarray], loss: Callable[..., Any]) -> dict[str, float]:
    """The loss over the test set, and the numbers that come with it."""
    graphdef, state = nnx.split(model)

    @jax.jit
    def of_batch(state: Any, batch: tuple) -> dict[str, jax.Array]:
        value, others = loss(nnx.merge(graphdef, state), batch)
        return {"loss": value} | others

    images, labels = test
    total: dict[str, float] = {}
    for i in range(0, len(images), _ROWS):
        batch = images[i : i + _ROWS], labels[i : i + _ROWS]
        for name, value in of_batch(state, batch).items():
            total[f"test_{name}"] = total.get(f"test_{name}", 0.0) + float(value) * len(batch[0]) / len(images)
    return total


def _codes(model: Any, images: np.ndarray) -> np.ndarray:
    """Two numbers for each image: codes, or of more latent variables a t-SNE of them, of one variable noise beside."""
    found = model.encode(jnp.asarray(images) / jnp.float32(255))
    codes = np.asarray(found[0] if isinstance(model, models.VAE) else found)
    if codes.shape[1] == 1:
        return np.concatenate([codes, np.random.default_rng(0).normal(size=codes.shape)], axis=1)
    if codes.shape[1] == 2:
        return codes
    from sklearn.manifold import TSNE

    return TSNE(perplexity=min(30, (len(codes) - 1) / 3), random_state=0).fit_transform(codes)


def _draw_codes(path: Path, codes: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> None:
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(7, 6))
    for k, name in enumerate(classes):
        rows = labels == k
        ax.scatter(*codes[rows].T, s=6, color=plt.get_cmap("tab10")(k % 10), label=name)
    ax.legend(markerscale=3, fontsize=9)
    runs.save_figure(path, fig)
