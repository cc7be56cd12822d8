"""The one file that writes a set with TensorFlow Datasets; it is imported when a set is prepared."""

import contextlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

Example = tuple[Any, int]  # an image as a PIL image or as the bytes of its file, and its label


class _Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Writes examples, each with its index: TensorFlow Datasets shuffles them."""

    def __init__(
        self,
        name: str,
        version: str,
        classes: tuple[str, ...],
        shape: tuple[int | None, ...],
        splits: Mapping[str, Iterable[Example]],
        **options: Any,
    ) -> None:
        self.name = name  # pyright: ignore[reportAttributeAccessIssue]
        self.VERSION = tfds.core.Version(version)
        self._classes, self._shape, self._splits = classes, shape, splits
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=self._shape, encoding_format="png" if all(self._shape) else None),
            "label": tfds.features.ClassLabel(names=self._classes),
            "index": tfds.features.Scalar(np.int64),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {split: self._generate_examples(examples) for split, examples in self._splits.items()}

    def _generate_examples(self, examples: Iterable[Example]) -> Any:
        for index, (image, label) in enumerate(examples):
            yield index, {"image": image, "label": label, "index": index}


def write(
    folder: Path,
    name: str,
    version: str,
    classes: tuple[str, ...],
    shape: tuple[int | None, ...],
    splits: Mapping[str, Iterable[Example]],
) -> Path:
    """Writes a set below ``folder``; returns where it lies, ``folder/name/version``."""
    builder = _Builder(name, version, classes, shape, splits, data_dir=folder, file_format="array_record")
    with contextlib.redirect_stdout(io.StringIO()):  # it would tell of a folder that is about to be renamed
        builder.download_and_prepare()
    return Path(builder.data_dir)
