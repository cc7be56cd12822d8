"""Run by a Python that has torchvision: what its model computes, in files that torchvision_parity.py reads.

    python tests/torchvision_reference.py resnet18 FOLDER 224 193

writes into the folder, which must exist: ``weights.pth``, random parameters and random running statistics;
``evaluation.npz``, images of each size and their logits in float32; ``training.npz``, a batch, and what one pass
forwards and backwards through it in training mode gives in float64, without dropout.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch.nn import functional

NUM_CLASSES = 1000
TRAINING_SIZE = 64
# Written in the format before PyTorch 1.6
LEGACY = ("vgg11", "resnet18")


def build(name: str, **options) -> torch.nn.Module:
    if name == "googlenet":
        return torchvision.models.GoogLeNet(init_weights=False, transform_input=True, **options)
    if name.startswith("vgg"):
        return getattr(torchvision.models, name)(**options)
    return getattr(torchvision.models, name)()


def randomize(model: torch.nn.Module) -> None:
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):  # large enough that every layer is seen in the logits
            torch.nn.init.normal_(layer.weight, std=(2 / layer.in_features) ** 0.5)
            torch.nn.init.normal_(layer.bias, std=0.1)
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight, mode="fan_in")
            if layer.bias is not None:
                torch.nn.init.normal_(layer.bias, std=0.1)
        if isinstance(layer, torch.nn.BatchNorm2d):
            for tensor in (layer.weight, layer.running_var):
                torch.nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (layer.bias, layer.running_mean):
                torch.nn.init.normal_(tensor, std=0.1)


def images(seed: int, n: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 3, size, size))


def evaluation(model: torch.nn.Module, sizes: list[int]) -> dict[str, np.ndarray]:
    model.eval()
    found = {}
    for size in sizes:
        x = images(size, 2, size).astype(np.float32)
        with torch.no_grad():
            found |= {f"images {size}": x, f"logits {size}": model(torch.from_numpy(x)).numpy()}
    return found


def training(model: torch.nn.Module) -> dict[str, np.ndarray]:
    model = model.double().train()
    for layer in model.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    x, labels = images(0, 4, TRAINING_SIZE), np.array([1, 20, 300, 999])
    outputs = model(torch.from_numpy(x))
    # In their order: the names that torchvision gives the two auxiliary ones are the wrong way round.
    outputs = [outputs] if torch.is_tensor(outputs) else list(outputs)
    parts = [functional.cross_entropy(logits, torch.from_numpy(labels)) for logits in outputs]
    loss = parts[0] + 0.3 * sum(parts[1:])
    loss.backward()
    found = {"images": x, "labels": labels, "loss": loss.item()}
    found |= {f"output {i}": logits.detach().numpy() for i, logits in enumerate(outputs)}
    found |= {f"gradient {name}": p.grad.numpy() for name, p in model.named_parameters()}
    return found | {f"statistic {name}": b.numpy() for name, b in model.named_buffers() if "running" in name}


def main(name: str, folder: Path, sizes: list[int]) -> None:
    torch.manual_seed(0)
    model = build(name)
    randomize(model)
    torch.save(model.state_dict(), folder / "weights.pth", _use_new_zipfile_serialization=name not in LEGACY)
    np.savez(
        folder / "evaluation.npz", versions=[torch.__version__, torchvision.__version__], **evaluation(model, sizes)
    )
    np.savez(folder / "training.npz", **training(model))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [int(size) for size in sys.argv[3:]])
