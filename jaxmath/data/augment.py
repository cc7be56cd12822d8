"""Random changes to images on the device, one draw for each image of a batch.

Images are ``(n, h, w, c)``, of any real type: uint8 means 0 to 255, floats what the caller takes them for. All but
:func:`normalize` answer in the type they were given. ``IMAGENET_MEAN`` and ``IMAGENET_STD`` are those of the colours of
ImageNet, from 0 to 1, with which published weights were trained.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from jaxmath._array import as_float, as_key, as_labels, as_real, as_size, in_range, wide

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)


def random_crop(
    key: Array, images: Num[ArrayLike, "n h w c"], size: tuple[int, int], *, padding: int = 0
) -> Num[Array, "n h2 w2 c"]:
    """A part of each image, at a random place.

    Every place where the part fits into the image, with its margin of zeros, is equally likely.

    Args:
      key: a ``jax.random.key``.
      images: uint8 or floats.
      size: height and width of the parts, static.
      padding: how many zeros are put around an image, on each side, static.

    Returns:
      The parts, in the type of the images.

    Raises:
      TypeError: for images that are no real numbers, or a traced or fractional size or padding.
      ValueError: if the images have another rank, the size exceeds the padded image, or the padding is negative.

    Example:
      >>> random_crop(jax.random.key(0), jnp.zeros((5, 32, 32, 3)), (32, 32), padding=4).shape
      (5, 32, 32, 3)
    """
    who = "data.augment.random_crop"
    key, images = as_key(who, key), _as_images(who, images)
    padding = as_size(who, "padding", padding, least=0)
    n, h, w, c = images.shape
    height, width = _as_shape(who, size, (h + 2 * padding, w + 2 * padding))
    images = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    room = jnp.array([h + 2 * padding - height + 1, w + 2 * padding - width + 1])
    corners = jax.random.randint(key, (n, 2), 0, room)
    return jax.vmap(lambda image, at: jax.lax.dynamic_slice(image, (*at, 0), (height, width, c)))(images, corners)


def random_resized_crop(
    key: Array,
    images: Num[ArrayLike, "n h w c"],
    size: tuple[int, int],
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Num[Array, "n h2 w2 c"]:
    r"""A part of each image of random area, proportions and place, brought to one size.

    With the share of the area $a$ uniform in ``scale`` and $\ln r$ uniform between the logarithms of ``ratio``, the
    part is $\min(\sqrt{a h w / r}, h)$ high and $\min(\sqrt{a h w r}, w)$ wide; its place in the image is uniform. It
    is resized by linear interpolation, with antialiasing where it becomes smaller.

    Args:
      key: a ``jax.random.key``.
      images: uint8, which are rounded again at the end, or floats.
      size: height and width of the results, static.
      scale: least and greatest share of the area.
      ratio: least and greatest width over height.

    Returns:
      The parts, in the type of the images.

    Raises:
      TypeError: for images that are no real numbers, or a traced or fractional size.
      ValueError: if the images have another rank, or an interval does not rise from above 0 (to at most 1 for the
        scale).

    Reference: Szegedy et al., Going deeper with convolutions (2015), section 6.
    """
    who = "data.augment.random_resized_crop"
    key, images = as_key(who, key), _as_images(who, images)
    size = _as_shape(who, size)
    for name, limits, top in (("scale", scale, 1.0), ("ratio", ratio, float("inf"))):
        if np.shape(limits) != (2,):
            raise TypeError(f"{who}: {name} must be two numbers, got {limits!r}")
        low, high = limits
        if not 0 < low <= high <= top:
            raise ValueError(f"{who}: {name} must rise from above 0{' to 1' if top == 1 else ''}, got {(low, high)}")
    corners, lengths = _boxes(key, images.shape, scale, ratio)
    return jax.vmap(lambda image, corner, length: _resize(image, corner, length, size))(images, corners, lengths)


def center_crop(images: Num[ArrayLike, "n h w c"], size: tuple[int, int]) -> Num[Array, "n h2 w2 c"]:
    """The part in the middle of each image; nothing is random. An odd pixel is left over below, or on the right.

    Args:
      images: uint8 or floats.
      size: height and width of the parts, static.

    Returns:
      The parts, in the type of the images.

    Raises:
      TypeError: for images that are no real numbers, or a traced or fractional size.
      ValueError: if the images have another rank, or the size exceeds the image.

    Example:
      >>> print(center_crop(jnp.arange(12).reshape(1, 3, 4, 1), (1, 2)).ravel())
      [5 6]
    """
    images = _as_images("data.augment.center_crop", images)
    _, h, w, _ = images.shape
    height, width = _as_shape("data.augment.center_crop", size, (h, w))
    top, left = (h - height) // 2, (w - width) // 2
    return images[:, top : top + height, left : left + width]


def random_flip(key: Array, images: Num[ArrayLike, "n h w c"]) -> Num[Array, "n h w c"]:
    """Left and right exchanged in each image with probability 1/2.

    Args:
      key: a ``jax.random.key``.
      images: uint8 or floats.

    Returns:
      The images, in their type.

    Raises:
      TypeError: for images that are no real numbers.
      ValueError: if they have another rank.
    """
    key, images = as_key("data.augment.random_flip", key), _as_images("data.augment.random_flip", images)
    return jnp.where(jax.random.bernoulli(key, shape=(len(images), 1, 1, 1)), images[:, :, ::-1], images)


def cutout(key: Array, images: Num[ArrayLike, "n h w c"], size: int) -> Num[Array, "n h w c"]:
    """A square of zeros somewhere in each image.

    Its middle is a random pixel of the image, so that parts of the square may lie outside. An even square reaches one
    pixel farther to the left of its middle, and above it.

    Args:
      key: a ``jax.random.key``.
      images: uint8, of which 0 is black; better floats after :func:`normalize`, of which 0 is the mean.
      size: of a side of the square, in pixels, static.

    Returns:
      The images, in their type.

    Raises:
      TypeError: for images that are no real numbers, or a traced or fractional size.
      ValueError: if the images have another rank, or the size is below 1.

    Reference: DeVries and Taylor, Improved regularization of convolutional neural networks with cutout (2017).
    """
    key, images = as_key("data.augment.cutout", key), _as_images("data.augment.cutout", images)
    size = as_size("data.augment.cutout", "size", size)
    n, h, w, _ = images.shape
    first = jax.random.randint(key, (n, 2), 0, jnp.array([h, w])) - size // 2
    rows, columns = jnp.arange(h), jnp.arange(w)
    in_rows = (first[:, :1] <= rows) & (rows < first[:, :1] + size)
    in_columns = (first[:, 1:] <= columns) & (columns < first[:, 1:] + size)
    return jnp.where((in_rows[:, :, None] & in_columns[:, None, :])[..., None], jnp.zeros((), images.dtype), images)


def mixup(
    key: Array,
    images: Num[ArrayLike, "n h w c"],
    labels: Int[ArrayLike, " n"],
    num_classes: int,
    *,
    alpha: ArrayLike = 0.2,
) -> tuple[Num[Array, "n h w c"], Float[Array, "n k"]]:
    r"""Each image mixed with another one of the batch, $\lambda x_i + (1 - \lambda) x_j$, and so its label.

    The weight $\lambda$ of each image is drawn from Beta($\alpha$, $\alpha$), and j from a random permutation of the
    batch, so that i = j now and then.

    Args:
      key: a ``jax.random.key``.
      images: uint8, which are rounded again at the end, or floats.
      labels: classes 0..k - 1, shape ``(n,)``.
      num_classes: k, static.
      alpha: above 0; the smaller, the nearer most images are to one of the two.

    Returns:
      The mixed images, in their type, and the mixed labels, distributions over the classes of shape ``(n, k)``: targets
      of ``losses.softmax_cross_entropy``, and of ``train.classification`` with ``soft_labels=True``.

    Raises:
      TypeError: for images that are no real numbers, labels that are no integers, or a traced number of classes.
      ValueError: if the images have another rank, there are not as many labels, or alpha is not above 0.

    Note:
      A label out of range makes the rows it is mixed into NaN.

    Example:
      >>> images, labels = mixup(jax.random.key(0), jnp.zeros((2, 4, 4, 1)), jnp.array([0, 2]), 3)
      >>> print(labels.shape, labels.sum(axis=1))
      (2, 3) [1. 1.]

    Reference: Zhang, Cisse, Dauphin and Lopez-Paz, mixup: beyond empirical risk minimization (2018).
    """
    who = "data.augment.mixup"
    key, images, labels = as_key(who, key), _as_images(who, images), as_labels(who, labels)
    num_classes = as_size(who, "num_classes", num_classes)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"{who}: labels must be integers, got {labels.dtype}")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{who}: expected one label for each of {len(images)} images, got shape {labels.shape}")
    return _mixup(key, images, labels.astype(int), in_range(who, "alpha", alpha, "(0, inf)"), num_classes)


@partial(jax.jit, static_argnums=4)
def _mixup(key: Array, images: Array, labels: Array, alpha: Array, num_classes: int) -> tuple[Array, Array]:
    key_partner, key_weight = jax.random.split(key)
    partner = jax.random.permutation(key_partner, len(images))
    # of two independent gamma variables a, b the share a / (a + b) is that of a Beta distribution
    weight = jax.nn.sigmoid(jnp.subtract(*jax.random.loggamma(key_weight, alpha, (2, len(images)))))
    known = (labels >= 0) & (labels < num_classes)
    targets = jnp.where(known[:, None], jax.nn.one_hot(labels, num_classes, dtype=weight.dtype), jnp.nan)
    x, share = wide(as_float("data.augment.mixup", images)), weight[:, None, None, None]
    mixed = share.astype(x.dtype) * x + (1 - share).astype(x.dtype) * x[partner]
    return _in_type_of(images, mixed), weight[:, None] * targets + (1 - weight[:, None]) * targets[partner]


def normalize(
    images: Num[ArrayLike, "*batch c"], mean: Num[ArrayLike, "..."], std: Num[ArrayLike, "..."]
) -> Float[Array, "*batch c"]:
    r"""Images with mean 0 and standard deviation 1 in every channel: $(x - \mu) / \sigma$.

    Args:
      images: uint8, which are divided by 255 first, or floats, which are not; of any rank, channels last.
      mean: of each channel, or of all, of numbers from 0 to 1 for uint8 images.
      std: likewise.

    Returns:
      Floats: the default type for uint8, the type of the images otherwise.

    Raises:
      TypeError: for anything but real numbers, and for images of other integers, whose range nobody knows.
      ValueError: if mean and std are not one number or one for each channel, or std is below 0.

    Note:
      NaN or infinity where std is 0, NaN where one of several is below.

    Example:
      >>> print(normalize(jnp.array([[0, 255]], jnp.uint8), jnp.array([0.5]), jnp.array([0.25])))
      [[-2.  2.]]
    """
    who = "data.augment.normalize"
    of_bytes, images = getattr(images, "dtype", None) == jnp.uint8, as_real(who, images)  # masked bytes become floats
    if not of_bytes and not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(f"{who}: images must be uint8, 0 to 255, or floats, got {images.dtype}")
    mean, std = as_float(who, mean), in_range(who, "std", std, "[0, inf)", scalar=False)
    for moment in (mean, std):
        if images.ndim == 0 or moment.shape not in ((), (1,), images.shape[-1:]):
            raise ValueError(f"{who}: expected one number for each of {images.shape[-1:]} channels, got {moment.shape}")
    x = as_float(who, images) / 255 if of_bytes else images
    return ((x - mean) / std).astype(x.dtype)


def _boxes(
    key: Array, shape: tuple[int, ...], scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[Float[Array, "n 2"], Float[Array, "n 2"]]:
    """Upper left corners of parts, and their heights and widths."""
    n, h, w, _ = shape
    key_area, key_ratio, key_place = jax.random.split(key, 3)
    area = h * w * jax.random.uniform(key_area, (n,), jnp.float32, *scale)
    r = jnp.exp(jax.random.uniform(key_ratio, (n,), jnp.float32, *map(math.log, ratio)))
    whole = jnp.array([h, w], area.dtype)
    lengths = jnp.minimum(jnp.stack([jnp.sqrt(area / r), jnp.sqrt(area * r)], axis=1), whole)
    return jax.random.uniform(key_place, (n, 2), jnp.float32) * (whole - lengths), lengths


def _resize(
    image: Num[Array, "h w c"], corner: Float[Array, "2"], lengths: Float[Array, "2"], size: tuple[int, int]
) -> Num[Array, "h2 w2 c"]:
    """A part of an image at another size: position i of the result is corner + (i + 1/2) lengths / size - 1/2."""
    zoom = jnp.array(size, lengths.dtype) / lengths
    x = wide(as_float("data.augment.random_resized_crop", image))
    x = jax.image.scale_and_translate(x, (*size, image.shape[-1]), (0, 1), zoom, -corner * zoom, "linear")
    return _in_type_of(image, x)


def _in_type_of(image: Num[Array, "..."], x: Float[Array, "..."]) -> Num[Array, "..."]:
    """Pixels in the type of an image; bytes are rounded."""
    if jnp.issubdtype(image.dtype, jnp.floating):
        return x.astype(image.dtype)
    return jnp.clip(jnp.round(x), 0, 255).astype(image.dtype)


def _as_images(who: str, images: ArrayLike) -> Num[Array, "n h w c"]:
    images = as_real(who, images)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"{who}: expected images of shape (n, h, w, c), none of them 0, got {images.shape}")
    return images


def _as_shape(who: str, size: tuple[int, int], upper: tuple[int, int] | None = None) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"{who}: size must be (height, width), got {size!r}")
    height, width = (as_size(who, "size", length) for length in size)
    if upper is not None and (height > upper[0] or width > upper[1]):
        raise ValueError(f"{who}: size must be within {upper}, got {(height, width)}")
    return height, width
