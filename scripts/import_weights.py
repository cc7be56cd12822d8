"""Converts weights of torchvision: ``python scripts/import_weights.py resnet18 resnet18-f37072fd.pth [--out FILE]``.

The model is one of torchvision's: resnet18, 34, 50, 101 or 152, vgg11, 13, 16 or 19, each also with _bn, googlenet,
whose auxiliary classifiers stay behind without ``--auxiliary``, or the detector fasterrcnn_resnet50_fpn. The file is
its ``state_dict``, a ``.pth`` (of which nothing but tensors is read: no code in it is run) or a ``.safetensors`` file.
What is written is what ``jaxmath.models.load_weights``, ``finetune.py`` and, of the detector, ``detect.py`` and
``train_fasterrcnn.py`` read; a file that ``save_weights`` did not write is not replaced.
The exit status is 2 if the file does not fit the model, with every tensor that is missing, unknown or of another
shape: then nothing is written.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jaxmath import models

sys.path.insert(0, str(Path(__file__).parent))
import detectors

import runs


def main(
    model: Annotated[str, typer.Argument(help="such as resnet50, vgg16_bn or googlenet")],
    path: Annotated[Path, typer.Argument(metavar="FILE", help="a .pth or .safetensors file of torchvision")],
    num_classes: Annotated[int | None, typer.Option(min=1, help="of the weights [default: 1000, detector 91]")] = None,
    auxiliary: Annotated[bool, typer.Option(help="import those classifiers too")] = False,
    out: Annotated[Path | None, typer.Option(help="where to write [default: MODEL.safetensors]")] = None,
) -> None:
    """Converts a weight file of torchvision to one of jaxmath."""
    runs.keep_programs()
    with runs.exit_statuses("nothing is written"):
        if not path.is_file():
            raise FileNotFoundError(f"no file {path}")
        if model == "fasterrcnn_resnet50_fpn":
            start = detectors.new_detector(num_classes or 91, "resnet50_fpn", 0)
        else:
            start = runs.network(model, num_classes or 1000, auxiliary=auxiliary)
        found = models.import_torchvision(start, path)
        place = Path(f"{model}.safetensors") if out is None else out
        models.save_weights(place, found)
        print(f"{place}: {models.count_parameters(found):,} parameters of {model}")


if __name__ == "__main__":
    typer.run(main)
