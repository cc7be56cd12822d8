"""Run by a Python that has torchvision: what its detector and its operations compute, in files for a test.

    python tests/torchvision_detection_reference.py FOLDER

writes into the folder, which must exist: ``operations.npz``, operations on boxes and regions with their derivatives in
float64; ``weights.pth`` of a Faster R-CNN with random parameters and frozen batch norms; ``detections.npz``, what it
finds in two images of different sizes in one batch, in float32 and float64; ``losses.npz``, its four losses and their
derivatives in float64, where every anchor and every proposal is in the sample.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from torchvision import ops
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.image_list import ImageList

NUM_CLASSES, ALL = 5, 100_000
SIZES = [(160, 224), (130, 200)]
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def random_boxes(rng: np.random.Generator, n: int, height: float, width: float) -> np.ndarray:
    corners = rng.uniform(0, 1, (n, 2, 2)) * [width, height]
    low = corners.min(axis=1)
    return np.concatenate([low, np.maximum(corners.max(axis=1), low + 4)], axis=1)


def operations() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 40, 60, 80), random_boxes(rng, 40, 60, 80)
    scores, labels = rng.uniform(size=40), rng.integers(0, 3, 40)
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    found = {"a": a, "b": b, "scores": scores, "labels": labels}
    found |= {"iou": ops.box_iou(x, y), "giou": ops.generalized_box_iou(x, y)}
    found["clipped"] = ops.clip_boxes_to_image(x, (30, 50))
    coder = BoxCoder((10.0, 10.0, 5.0, 5.0))
    found["codes"] = coder.encode_single(x, y)
    codes = rng.normal(size=(40, 4)) * 8
    found |= {"given": codes, "decoded": coder.decode_single(torch.from_numpy(codes), y)}
    found["kept"] = ops.nms(x, torch.from_numpy(scores), 0.3)
    found["kept by class"] = ops.batched_nms(x, torch.from_numpy(scores), torch.from_numpy(labels), 0.3)
    features, cotangent = rng.normal(size=(1, 3, 15, 20)), rng.normal(size=(40, 3, 4, 5))
    found |= {"features": features, "cotangent": cotangent}
    kinds = {
        "roi_pool": lambda maps, boxes: ops.roi_pool(maps, boxes, (4, 5), 0.25),
        "roi_align": lambda maps, boxes: ops.roi_align(maps, boxes, (4, 5), 0.25, 2, True),
        "roi_align not aligned": lambda maps, boxes: ops.roi_align(maps, boxes, (4, 5), 0.25, 2, False),
    }
    for name, pooled in kinds.items():
        maps = torch.from_numpy(features).requires_grad_()
        values = pooled(maps, [x])
        values.backward(torch.from_numpy(cotangent))
        found |= {name: values.detach(), f"derivative of {name}": maps.grad}
    return {name: np.asarray(value) for name, value in found.items()}


def build() -> FasterRCNN:
    """With parameters that make it sure of something, and a sampler that takes all."""
    options = {"weights": None} if int(torchvision.__version__.split(".")[1]) > 12 else {"pretrained": False}
    norm = ops.misc.FrozenBatchNorm2d
    backbone = resnet_fpn_backbone("resnet50", norm_layer=norm, trainable_layers=5, **options)
    samples = {"rpn_batch_size_per_image": ALL, "box_batch_size_per_image": ALL}
    model = FasterRCNN(backbone, NUM_CLASSES, **samples)
    for layer in model.modules():
        if isinstance(layer, norm):
            for tensor in (layer.weight, layer.running_var):
                torch.nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (layer.bias, layer.running_mean):
                torch.nn.init.normal_(tensor, std=0.1)
    scale(model)
    return model


@torch.no_grad()
def scale(model: FasterRCNN) -> None:
    """Kernels that make maps of size one, logits of two, and codes that move boxes."""
    model.eval()
    _, images = batch(torch.float32)
    maps = model.backbone(images.tensors)
    for layer, x in zip(model.backbone.fpn.layer_blocks, maps.values(), strict=False):
        layer[0].weight /= x.std()
    maps = model.backbone(images.tensors)
    logits, codes = model.rpn.head(list(maps.values()))
    model.rpn.head.cls_logits.weight *= 2 / torch.cat([x.flatten() for x in logits]).std()
    model.rpn.head.bbox_pred.weight *= 0.3 / torch.cat([x.flatten() for x in codes]).std()
    proposals, _ = model.rpn(images, maps)
    heads = model.roi_heads
    logits, codes = heads.box_predictor(heads.box_head(heads.box_roi_pool(maps, proposals, SIZES)))
    heads.box_predictor.cls_score.weight *= 2 / logits.std()
    heads.box_predictor.bbox_pred.weight *= 1 / codes.std()


def batch(dtype: torch.dtype) -> tuple[np.ndarray, ImageList]:
    rng = np.random.default_rng(1)
    images = rng.uniform(size=(2, 3, *SIZES[0])).astype(np.float32)
    images = images + np.linspace(-1, 1, SIZES[0][1], dtype=np.float32)  # no noise alone
    normal = (torch.from_numpy(images).to(dtype) - MEAN[:, None, None]) / STD[:, None, None]
    for image, (height, width) in zip(normal, SIZES, strict=True):
        image[:, height:] = 0
        image[:, :, width:] = 0
    return images, ImageList(normal, SIZES)


def detections(model: FasterRCNN) -> dict[str, np.ndarray]:
    found = {}
    for dtype in (torch.float32, torch.float64):
        model = model.to(dtype).eval()
        found["images"], images = batch(dtype)
        with torch.no_grad():
            maps = model.backbone(images.tensors)
            proposals, _ = model.rpn(images, maps)
            results, _ = model.roi_heads(maps, proposals, SIZES)
        for i, result in enumerate(results):
            found |= {f"{name} {i} {dtype}": value.numpy() for name, value in result.items()}
    return found


def losses(model: FasterRCNN) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    model = model.double().train()
    _, images = batch(torch.float64)
    boxes = np.stack([random_boxes(rng, 3, *size) for size in SIZES])
    labels = rng.integers(1, NUM_CLASSES, (2, 3))
    targets = [
        {"boxes": torch.from_numpy(b), "labels": torch.from_numpy(k)} for b, k in zip(boxes, labels, strict=True)
    ]
    assign = model.rpn.assign_targets_to_anchors

    def assigned(*given):  # with labels in float32 the cross entropy would be computed in float32
        labels, truths = assign(*given)
        return [each.double() for each in labels], truths

    model.rpn.assign_targets_to_anchors = assigned
    maps = model.backbone(images.tensors)
    proposals, first = model.rpn(images, maps, targets)
    _, second = model.roi_heads(maps, proposals, SIZES, targets)
    parts = first | second
    sum(parts.values()).backward()
    found = {"boxes": boxes, "labels": labels} | {name: part.item() for name, part in parts.items()}
    return found | {f"gradient {name}": p.grad.numpy() for name, p in model.named_parameters()}


def main(folder: Path) -> None:
    torch.manual_seed(0)
    np.savez(folder / "operations.npz", **operations())
    model = build()
    torch.save(model.state_dict(), folder / "weights.pth")
    np.savez(folder / "detections.npz", sizes=SIZES, **detections(model))
    np.savez(folder / "losses.npz", **losses(model))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
