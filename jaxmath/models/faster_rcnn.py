"""Faster R-CNN: a network that proposes regions, and one that classifies them."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from jaxmath import detection, losses
from jaxmath._array import as_float, as_key, as_real, as_size, one_of, wide
from jaxmath.data.augment import IMAGENET_MEAN, IMAGENET_STD
from jaxmath.detection.regions import align_levels
from jaxmath.models import _backbones
from jaxmath.models._backbones import Maps, inside
from jaxmath.models._initialization import draw
from jaxmath.models._layers import check_images, dropout_layer, linear
from jaxmath.models._proposals import Part, ProposalHead, proposal_loss, propose, smooth_l1

_RATIOS = (0.5, 1.0, 2.0)
_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the codes of the second stage
_BINS = (7, 7)
_OVERLAP = 0.5  # from which a proposal is an object
_OBJECTS = 0.25  # the largest share of them in a sample
_SCORE, _NMS, _SMALLEST, _MOST = 0.05, 0.5, 1e-2, 100  # of detections


class _Settings(NamedTuple):
    """Settings of a backbone."""

    make: type[nnx.Module]
    features: int  # of a map
    stride: int  # of the first map
    scales: tuple[float, ...]  # of anchors: in strides, or the size in pixels of each map of a pyramid
    hidden: int
    num_training: tuple[int, int]  # proposals: of each map, and kept
    num_evaluation: tuple[int, int]
    num_samples: int  # proposals of an image in the loss, at most a quarter of them objects


_PYRAMID = (32.0, 64.0, 128.0, 256.0, 512.0)
_SETTINGS = {
    "vgg16": _Settings(_backbones.VGGBackbone, 512, 16, (8, 16, 32), 4096, (12_000, 2000), (6000, 300), 128),
    "resnet50_fpn": _Settings(_backbones.PyramidBackbone, 256, 4, _PYRAMID, 1024, (2000, 2000), (1000, 1000), 512),
    "small": _Settings(_backbones.SmallBackbone, 128, 8, (2, 4, 8), 128, (1000, 200), (500, 100), 64),
}


class Detections(NamedTuple):
    """Detections of images, best first; ``valid`` marks the filled ones of the 100 slots of an image."""

    boxes: Float[Array, "n k 4"]
    labels: Int[Array, "n k"]
    scores: Float[Array, "n k"]
    valid: Bool[Array, "n k"]


class Losses(NamedTuple):
    """The four parts of the loss of Faster R-CNN, of which it is the sum.

    Attributes:
      objectness: cross entropy of anchors, a mean over the sampled ones.
      proposals: smooth L1 distance of the codes of anchors, over the number of sampled anchors.
      classification: cross entropy of proposals, a mean over the sampled ones.
      boxes: smooth L1 distance of their codes, over the number of sampled proposals.
    """

    objectness: Float[Array, ""]
    proposals: Float[Array, ""]
    classification: Float[Array, ""]
    boxes: Float[Array, ""]


class FasterRCNN(nnx.Module):
    """Faster R-CNN: feature maps, a region proposal network on them, and two layers on each pooled region.

    ==================  ============================================  ==============================================
    backbone            maps                                          regions
    ==================  ============================================  ==============================================
    ``"vgg16"``         VGG-16's, stride 16 (the paper, the book)     maximum over 7 x 7 bins, two layers of 4096
    ``"resnet50_fpn"``  a pyramid of strides 4 to 64 (torchvision's)  :func:`detection.roi_align`, two of 1024
    ``"small"``         eight convolutions, stride 8                  :func:`detection.roi_align`, two of 128
    ==================  ============================================  ==============================================

    Args:
      num_classes: with the background, which is class 0, static.
      rngs: ``nnx.Rngs`` with the streams ``params`` and, for "vgg16", ``dropout``.
      backbone: one of those above, static.
      dtype: in which it computes, ``jnp.bfloat16`` for instance; None for the widest of image and parameters.
      param_dtype: of the parameters.

    Raises:
      TypeError, ValueError: if a size or a name is none.

    Note:
      There are no batch norms: those of a published network are frozen, and :func:`import_torchvision` makes them part
      of the convolutions.

    Example:
      >>> model = FasterRCNN(4, backbone="small", rngs=nnx.Rngs(0))
      >>> found = fasterrcnn_predict(model, jnp.zeros((2, 64, 96, 3)), jnp.array([[64.0, 96.0], [40.0, 50.0]]))
      >>> found.boxes.shape
      (2, 100, 4)

    Reference: section 11.5; Ren, He, Girshick and Sun (2015); the pyramid: Lin et al. (2017).
    """

    def __init__(
        self,
        num_classes: int,
        *,
        rngs: nnx.Rngs,
        backbone: str = "vgg16",
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ):
        name = "models.FasterRCNN"
        self.num_classes = as_size(name, "num_classes", num_classes, least=2)
        self.backbone_name = one_of(name, "backbone", backbone, tuple(_SETTINGS))
        settings, types = _SETTINGS[self.backbone_name], {"dtype": dtype, "param_dtype": param_dtype}
        num_anchors = len(_RATIOS) * (1 if self.backbone_name == "resnet50_fpn" else len(settings.scales))
        self.backbone = settings.make(**types)
        self.proposal_head = ProposalHead(settings.features, num_anchors, **types)
        self.hidden1 = linear(_BINS[0] * _BINS[1] * settings.features, settings.hidden, **types)
        self.hidden2 = linear(settings.hidden, settings.hidden, **types)
        rate = 0.5 if self.backbone_name == "vgg16" else 0.0
        self.dropout1, self.dropout2 = (dropout_layer(name, "dropout", rate, rngs) for _ in range(2))
        self.logits = linear(settings.hidden, num_classes, 0.01, **types)
        self.codes = linear(settings.hidden, 4 * num_classes, 0.001, **types)
        draw(self, rngs)

    def __call__(self, images: Float[Array, "n h w 3"]) -> Detections:
        """As :func:`fasterrcnn_predict`, of images without padding."""
        return fasterrcnn_predict(self, images, jnp.full((len(images), 2), jnp.array(images.shape[1:3], float)))

    def _maps(self, images: Float[Array, "n h w 3"], sizes: Float[Array, "n 2"]) -> Maps:
        """Feature maps of images that are normalised, and 0 in their padding."""
        mean, std = (jnp.asarray(each, images.dtype) for each in (IMAGENET_MEAN, IMAGENET_STD))
        pixels = jnp.minimum(jnp.ceil(sizes).astype(jnp.int32), jnp.array(images.shape[1:3]))
        images = inside((images - mean) / std, pixels)
        rest = [whole - side for whole, side in zip(self._padded(images.shape[1:3]), images.shape[1:3], strict=True)]
        return self.backbone(jnp.pad(images, ((0, 0), (0, rest[0]), (0, rest[1]), (0, 0))), pixels)

    def _padded(self, size: Sequence[int]) -> list[int]:
        """Sides of images as the backbone gets them: of a pyramid multiples of 32, as in torchvision."""
        return [-(-side // 32) * 32 if self.backbone_name == "resnet50_fpn" else side for side in size]

    def _anchors(self, maps: Maps, size: Sequence[int]) -> list[Float[Array, "_ 4"]]:
        """Of each map of images of this size, in float32 at least."""
        settings, shapes = _SETTINGS[self.backbone_name], [(each.shape[1], each.shape[2]) for each in maps.features]
        if self.backbone_name != "resnet50_fpn":
            found = [detection.anchors(shape, settings.stride, settings.scales, _RATIOS) for shape in shapes]
        else:
            bases = [detection.fpn_base_anchors([scale], _RATIOS) for scale in settings.scales]
            size = self._padded(size)
            strides = [tuple(whole // part for whole, part in zip(size, shape, strict=True)) for shape in shapes]
            found = [detection.grid_anchors(*each) for each in zip(shapes, strides, bases, strict=True)]
        return [each.astype(jnp.promote_types(maps.features[0].dtype, jnp.float32)) for each in found]

    def _classify(self, maps: Maps, boxes: Float[Array, "n k 4"]) -> tuple[Array, Array]:
        """Logits ``(n, k, classes)`` of the regions of images and codes ``(n, k, classes, 4)``."""
        n, k, _ = boxes.shape
        x = jax.vmap(self._pooled)(maps, boxes).reshape(n * k, -1)
        x = self.dropout1(jax.nn.relu(self.hidden1(x)))
        x = self.dropout2(jax.nn.relu(self.hidden2(x)))
        return wide(self.logits(x)).reshape(n, k, -1), wide(self.codes(x)).reshape(n, k, -1, 4)

    def _pooled(self, maps: Maps, boxes: Array) -> Array:
        """Of one image."""
        stride, features = (
            _SETTINGS[self.backbone_name].stride,
            maps.features[:4],
        )  # a pyramid's last is for proposals alone
        if self.backbone_name == "vgg16":
            return detection.roi_pool(features[0], boxes, output_size=_BINS, scale=1 / stride)
        scales = 1 / (stride * 2.0 ** jnp.arange(len(features), dtype=boxes.dtype))
        level = jnp.floor(2 + jnp.log2(jnp.sqrt(detection.area(boxes)) / 224 + 1e-30) + 1e-6)
        level = jnp.clip(level, 0, len(features) - 1).astype(jnp.int32)
        sizes = jnp.stack(maps.cells[: len(features)])
        return align_levels(features, sizes, boxes, level, scales, _BINS, 2, False)


def fasterrcnn_loss(
    model: FasterRCNN,
    images: Float[Array, "n h w 3"],
    sizes: Float[Array, "n 2"],
    boxes: Float[Array, "n m 4"],
    labels: Int[Array, "n m"],
    valid: Bool[Array, "n m"],
    key: Array,
) -> tuple[Float[Array, ""], Losses]:
    """The loss of a batch of images, and its parts, scaled as torchvision's are.

    Args:
      model: a :class:`FasterRCNN`.
      images: from 0 to 1, padded on the right and below to one size.
      sizes: height and width of each, without the padding.
      boxes: true ones, in pixels, padded to one number.
      labels: their classes, from 1 on.
      valid: which of them there are; the others are padding.
      key: a ``jax.random.key`` for the samples of anchors and proposals.

    Returns:
      The sum, and four parts.

    Raises:
      TypeError: if the model is no FasterRCNN, the images are no floats, or the key is none.
      ValueError: if the images have not three channels and 32 x 32 pixels at least, or shapes do not fit.

    Note:
      What is in the padding of images and of boxes does not matter. An image without boxes has background alone. A
      valid box without an area, or that is not finite, a valid label that is no class, and a size that is not positive
      or larger than the images make the loss and its parts NaN.

    Reference: section 11.5; Ren et al. (2015), equations 1 to 3.
    """
    name = "models.fasterrcnn_loss"
    images, sizes = _checked_images(name, model, images, sizes)
    boxes, labels, valid = _checked_truths(name, len(images), boxes, labels, valid)
    settings, keys = _SETTINGS[model.backbone_name], jax.random.split(as_key(name, key), (len(images), 2))
    wrong = valid & ~_are_truths(boxes, labels, model.num_classes)
    has_wrong = wrong.any() | ~_are_sizes(sizes, images.shape[1:3]).all()
    boxes = jnp.where(valid[..., None] & ~wrong[..., None], boxes, 0)
    maps = model._maps(images, sizes)
    logits, codes = model.proposal_head(maps)
    anchors = model._anchors(maps, images.shape[1:3])
    found = jax.lax.stop_gradient(_proposed(logits, codes, anchors, sizes, settings.num_training))
    first = jax.vmap(proposal_loss, in_axes=(0, 0, 0, None, 0))(
        keys[:, 0], jnp.concatenate(logits, 1), jnp.concatenate(codes, 1), jnp.concatenate(anchors), (boxes, valid)
    )
    candidates = jnp.concatenate([found.boxes, boxes], 1), jnp.concatenate([found.valid, valid], 1)
    sample = partial(_sampled, num_samples=settings.num_samples)
    regions, classes, targets, counted = jax.vmap(sample)(keys[:, 1], candidates, (boxes, labels, valid))
    second = _second_loss(model._classify(maps, regions), classes, targets, counted)
    parts = [jnp.where(has_wrong, jnp.nan, part) for each in (first, second) for part in _means(each)]
    return jnp.stack(parts).sum(), Losses(*parts)


def _checked_images(name: str, model: Any, images: Any, sizes: Any) -> tuple[Array, Array]:
    """Images and their sizes as arrays."""
    if not isinstance(model, FasterRCNN):
        raise TypeError(f"{name}: expected a models.FasterRCNN, got {type(model).__name__}")
    images, sizes = as_real(name, images), as_float(name, sizes)
    check_images(name, images, 3, 32)
    if len(images) == 0 or sizes.shape != (len(images), 2):
        raise ValueError(f"{name}: expected sizes (n, 2) of n images, at least one, got {sizes.shape} of {len(images)}")
    return images, sizes


def _are_sizes(sizes: Array, largest: Sequence[int]) -> Bool[Array, " n"]:
    """Whether height and width of each image are positive and not larger than these."""
    return ((sizes > 0) & (sizes <= jnp.array(largest))).all(axis=1)


def _checked_truths(name: str, n: int, boxes: Any, labels: Any, valid: Any) -> tuple[Array, Array, Array]:
    """True boxes as arrays with one slot at least."""
    boxes, labels, valid = wide(as_float(name, boxes)), as_real(name, labels), as_real(name, valid).astype(bool)
    m = boxes.shape[1] if boxes.ndim == 3 else 0
    if boxes.shape != (n, m, 4) or labels.shape != (n, m) or valid.shape != (n, m):
        got = f"{boxes.shape}, {labels.shape} and {valid.shape}"
        raise ValueError(f"{name}: expected boxes ({n}, m, 4), labels ({n}, m) and valid ({n}, m), got {got}")
    if m > 0:
        return boxes, labels, valid
    return jnp.zeros((n, 1, 4), boxes.dtype), jnp.zeros((n, 1), jnp.int32), jnp.zeros((n, 1), bool)


def _are_truths(boxes: Array, labels: Array, num_classes: int) -> Array:
    """Whether a box has an area and a label is a class."""
    has_area = (boxes[..., 2:] > boxes[..., :2]).all(axis=-1) & jnp.isfinite(boxes).all(axis=-1)
    return has_area & (labels >= 1) & (labels < num_classes)


def _proposed(
    logits: Sequence[Array], codes: Sequence[Array], anchors: Sequence[Array], sizes: Array, num: tuple[int, int]
) -> Any:
    return jax.vmap(partial(propose, num=num), in_axes=(0, 0, None, 0))(logits, codes, anchors, sizes)


def _sampled(key: Array, candidates: tuple[Array, Array], truths: tuple, num_samples: int) -> tuple:
    """Sampled regions of one image, their classes, the codes of objects, and which slots are valid."""
    (regions, exists), (boxes, labels, valid) = candidates, truths
    matches = detection.match(detection.iou(regions, boxes), valid, high=_OVERLAP, low=_OVERLAP, force_best=False)
    kind = jnp.where(exists, matches.kind, -1)
    sample = detection.balanced_sample(key, kind, num_samples, _OBJECTS)
    chosen, is_object = sample.indices, sample.valid & (kind[sample.indices] == 1)
    regions, truth = regions[chosen], matches.index[chosen]
    unit = jnp.array([0, 0, 1, 1], regions.dtype)  # for empty slots and background: no NaN in a derivative
    wanted, given = (jnp.where(is_object[:, None], each, unit) for each in (boxes[truth], regions))
    targets = detection.encode(wanted, given, weights=_WEIGHTS)
    return regions, jnp.where(is_object, labels[truth], 0), targets, sample.valid


def _second_loss(found: tuple[Array, Array], labels: Array, targets: Array, counted: Array) -> Part:
    """Cross entropy and distance of codes, of each image."""
    logits, codes = found
    entropy = losses.softmax_cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)).reshape(
        labels.shape
    )
    own = jnp.take_along_axis(codes, labels[..., None, None], axis=2)[:, :, 0]
    distance = smooth_l1(own, targets).sum(axis=2)
    return Part(jnp.where(counted, entropy, 0).sum(1), jnp.where(labels > 0, distance, 0).sum(1), counted.sum(1))


def _means(part: Part) -> tuple[Array, Array]:
    """Means over all samples of all images."""
    count = jnp.maximum(part.num_samples.sum(), 1)
    return part.classification.sum() / count, part.boxes.sum() / count


def fasterrcnn_predict(model: FasterRCNN, images: Float[Array, "n h w 3"], sizes: Float[Array, "n 2"]) -> Detections:
    """The objects of images: scores above 0.05, and of those of a class that overlap by more than a half the best.

    Args:
      model: a :class:`FasterRCNN` in evaluation (``model.eval()``).
      images: from 0 to 1, padded on the right and below to one size.
      sizes: height and width of each, without the padding.

    Returns:
      100 slots an image: boxes in pixels, classes from 1 on, scores, and which slots are filled.

    Raises:
      TypeError, ValueError: as :func:`fasterrcnn_loss` does.

    Note:
      Where an output of the network is NaN, as for a NaN among the pixels, or the size of an image is not positive or
      larger than the images, boxes and scores of the image are NaN and all of its slots valid. What is in the padding
      does not matter; nor how much there is, but for "resnet50_fpn", where it is as in torchvision. An image with a
      side below 16 pixels has no proposals with "vgg16".

    Reference: section 11.5.
    """
    images, sizes = _checked_images("models.fasterrcnn_predict", model, images, sizes)
    maps = model._maps(images, sizes)
    anchors = model._anchors(maps, images.shape[1:3])
    objectness, shifts = model.proposal_head(maps)
    found = _proposed(objectness, shifts, anchors, sizes, _SETTINGS[model.backbone_name].num_evaluation)
    logits, codes = model._classify(maps, found.boxes)
    has_nan = [jnp.isnan(each).any(axis=tuple(range(1, each.ndim))) for each in (*objectness, *shifts, logits, codes)]
    unknown = jnp.stack(has_nan).any(axis=0) | ~_are_sizes(sizes, images.shape[1:3])
    detected = jax.vmap(_detected)(jax.nn.softmax(logits, axis=2), codes, found.boxes, found.valid, sizes)
    return _nan_where(unknown[:, None], detected)


def _nan_where(unknown: Bool[Array, "n 1"], found: Detections) -> Detections:
    """NaN boxes and scores for these images."""
    boxes = jnp.where(unknown[..., None], jnp.nan, found.boxes)
    return Detections(boxes, found.labels, jnp.where(unknown, jnp.nan, found.scores), found.valid | unknown)


def _detected(probabilities: Array, codes: Array, regions: Array, valid: Array, size: Array) -> Detections:
    """Of one image: every region once for each class but the background."""
    num_classes = probabilities.shape[1]
    boxes = detection.decode(codes, regions[:, None], weights=_WEIGHTS, size=size)[:, 1:].reshape(-1, 4)
    scores, labels = probabilities[:, 1:].reshape(-1), jnp.tile(jnp.arange(1, num_classes), len(regions))
    large = (boxes[:, 2:] - boxes[:, :2] >= _SMALLEST).all(axis=1)
    counts = large & (scores > _SCORE) & jnp.repeat(valid, num_classes - 1)
    scores = jnp.where(counts, scores, jnp.nan)
    kept = detection.nms(boxes, scores, labels=labels, iou_threshold=_NMS, max_outputs=_MOST)
    boxes = jnp.where(kept.valid[:, None], boxes[kept.indices], 0)
    labels, scores = (jnp.where(kept.valid, each[kept.indices], 0) for each in (labels, scores))
    return Detections(boxes, labels, scores, kept.valid)
