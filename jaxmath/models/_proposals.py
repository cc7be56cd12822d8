"""The region proposal network: proposals and their loss."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from jaxmath import detection, losses
from jaxmath._array import wide
from jaxmath.models._backbones import Maps, inside
from jaxmath.models._convolution import Conv
from jaxmath.models._initialization import Later, constant, normal

_NMS, _SMALLEST = 0.7, 1e-3  # overlap from which proposals are dropped; least width and height in pixels
_NUM_SAMPLES, _OBJECTS = 256, 0.5  # anchors of an image in the loss, at most so many of them objects
_BETA = 1 / 9  # where the smooth L1 loss of codes begins to be linear


class ProposalHead(nnx.Module):
    """A convolution of 3 x 3, and a logit and a code for each anchor of a cell."""

    def __init__(self, features: int, num_anchors: int, **types):
        inits = {"kernel_init": normal(0.01), "bias_init": constant(0.0), "rngs": Later()}
        self.conv = Conv(features, features, (3, 3), padding=((1, 1), (1, 1)), **inits, **types)
        self.logits = Conv(features, num_anchors, (1, 1), **inits, **types)
        self.codes = Conv(features, 4 * num_anchors, (1, 1), **inits, **types)

    def __call__(self, maps: Maps) -> tuple[list[Array], list[Array]]:
        """Logits ``(n, anchors)`` and codes ``(n, anchors, 4)`` of each map; -infinity where an image has no cell."""
        logits, codes = [], []
        for x, sizes in zip(maps.features, maps.cells, strict=True):
            filled = inside(jnp.ones_like(x[..., :1]), sizes) > 0
            x = jax.nn.relu(self.conv(x))
            logits.append(jnp.where(filled, wide(self.logits(x)), -jnp.inf).reshape(len(x), -1))
            codes.append(wide(self.codes(x)).reshape(len(x), -1, 4))
        return logits, codes


class Proposals(NamedTuple):
    """Boxes of an image that may be objects, best first."""

    boxes: Float[Array, "k 4"]
    valid: Bool[Array, " k"]


def propose(
    logits: Sequence[Float[Array, " _"]],
    codes: Sequence[Float[Array, "_ 4"]],
    anchors: Sequence[Float[Array, "_ 4"]],
    size: Float[Array, "2"],
    num: tuple[int, int],
) -> Proposals:
    """Proposals of one image: the best of each map, clipped, not too small, after suppression.

    Args:
      logits: of each map.
      codes: of each map.
      anchors: of each map.
      size: height and width of the image.
      num: how many of each map enter the suppression, and how many of all are kept.
    """
    boxes, scores, levels = [], [], []
    for level, (row, code, references) in enumerate(zip(logits, codes, anchors, strict=True)):
        best, chosen = jax.lax.top_k(row, min(num[0], len(row)))
        boxes.append(detection.decode(code[chosen], references[chosen], size=size))
        scores.append(best)
        levels.append(jnp.full(len(chosen), level))
    boxes, scores, levels = map(jnp.concatenate, (boxes, scores, levels))
    large = (boxes[:, 2:] - boxes[:, :2] >= _SMALLEST).all(axis=1)
    scores = jnp.where(large & (scores != -jnp.inf), scores, jnp.nan)
    kept = detection.nms(boxes, scores, labels=levels, iou_threshold=_NMS, max_outputs=num[1])
    return Proposals(boxes[kept.indices], kept.valid)


class Part(NamedTuple):
    """Sums of losses over the samples of an image, and how many there are."""

    classification: Float[Array, ""]
    boxes: Float[Array, ""]
    num_samples: Int[Array, ""]


def proposal_loss(
    key: Array,
    logits: Float[Array, " a"],
    codes: Float[Array, "a 4"],
    anchors: Float[Array, "a 4"],
    truths: tuple[Float[Array, "m 4"], Bool[Array, " m"]],
) -> Part:
    """Of one image: cross entropy of a sample of anchors, and the smooth L1 loss of the codes of its objects."""
    boxes, valid = truths
    exists = logits != -jnp.inf
    matches = detection.match(jnp.where(exists[:, None], detection.iou(anchors, boxes), 0), valid)
    sample = detection.balanced_sample(key, jnp.where(exists, matches.kind, -1), _NUM_SAMPLES, _OBJECTS)
    chosen = sample.indices
    is_object = sample.valid & (matches.kind[chosen] == 1)
    sampled = jnp.where(sample.valid, logits[chosen], 0)  # an empty slot must not be infinite
    entropy = losses.sigmoid_cross_entropy(sampled, is_object.astype(logits.dtype))
    # a slot without an object gets its own anchor as the truth, so that nothing is infinite
    wanted = jnp.where(is_object[:, None], boxes[matches.index[chosen]], anchors[chosen])
    targets = detection.encode(wanted, anchors[chosen])
    distance = smooth_l1(codes[chosen], targets).sum(axis=1)
    return Part(jnp.where(sample.valid, entropy, 0).sum(), jnp.where(is_object, distance, 0).sum(), sample.valid.sum())


def smooth_l1(codes: Array, targets: Array) -> Array:
    """Half of the squared difference over beta, linear from beta on."""
    return losses.huber(codes, targets, delta=_BETA) / _BETA
