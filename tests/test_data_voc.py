"""Folders in the format of PASCAL VOC: boxes, sizes, and what may be wrong with them."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxmath import data

FOLDER = os.environ.get("JAXMATH_DATA")


def annotation(*objects, **more):
    """Of (name, xmin, ymin, xmax, ymax)."""
    parts = []
    for name, *box in objects:
        edges = "".join(
            f"<{edge}>{value}</{edge}>" for edge, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        )
        flags = "".join(f"<{key}>{value}</{key}>" for key, value in more.items())
        parts.append(f"<object><name>{name}</name>{flags}<bndbox>{edges}</bndbox></object>")
    return f"<annotation><filename>other.jpg</filename>{''.join(parts)}</annotation>"


@pytest.fixture
def folder(tmp_path):
    """Two photographs of 40 x 20 and 10 x 30 pixels, the second without an object."""
    for part in ("ImageSets/Main", "JPEGImages", "Annotations"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "ImageSets/Main/train.txt").write_text("a\nb\n")
    (tmp_path / "ImageSets/Main/val.txt").write_text("b\n")
    rng = np.random.default_rng(0)
    for name, shape, suffix in (("a", (20, 40, 3), "jpg"), ("b", (30, 10, 3), "png")):
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(tmp_path / f"JPEGImages/{name}.{suffix}")
    (tmp_path / "Annotations/a.xml").write_text(annotation(("dog", 1, 1, 40, 20), ("cat", 11, 6, 20, 20)))
    (tmp_path / "Annotations/b.xml").write_text(annotation())
    return tmp_path


def test_photographs_fit_into_one_size_and_boxes_with_them(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scenes, classes = data.voc_folder(folder, "train", size=(40, 50))
    assert classes == ("cat", "dog")
    assert scenes.images.shape == (2, 40, 50, 3)
    np.testing.assert_array_equal(scenes.sizes, [[25, 50], [40, 13]])
    scale = np.array([50 / 40, 25 / 20, 50 / 40, 25 / 20])
    np.testing.assert_allclose(scenes.boxes[0], [[0, 0, 50, 25], np.array([10, 5, 20, 20]) * scale], rtol=1e-6)
    np.testing.assert_array_equal(scenes.labels, [[2, 1], [0, 0]])
    np.testing.assert_array_equal(scenes.valid, scenes.labels > 0)
    assert not scenes.images[0, 25:].any()
    assert not scenes.images[1, :, 13:].any()
    exact, _ = data.voc_folder(folder, "val", size=(30, 10))
    np.testing.assert_array_equal(exact.images[0], np.asarray(Image.open(folder / "JPEGImages/b.png")))


def test_classes_are_those_of_the_folder_or_those_given(folder):
    assert data.voc_folder(folder, "val", size=(32, 32))[1] == ("cat", "dog")
    scenes, classes = data.voc_folder(folder, "train", size=(32, 32), classes=["dog", "cat", "cow"])
    assert classes == ("dog", "cat", "cow")
    np.testing.assert_array_equal(scenes.labels[0], [1, 2])


def test_difficult_objects_are_left_out(folder):
    (folder / "Annotations/a.xml").write_text(annotation(("dog", 1, 1, 2, 2), difficult=1))
    assert not data.voc_folder(folder, "train", size=(32, 32))[0].valid.any()


def test_boxes_beyond_the_image_are_clipped_and_counted(folder):
    (folder / "Annotations/a.xml").write_text(
        annotation(("dog", -3, 1, 41, 20), ("dog", 1, 1, 2, 21), ("cat", 1, 1, 1, 1))
    )
    with pytest.warns(UserWarning, match=r"data\.voc_folder: 2 boxes reach beyond their image and were clipped"):
        scenes, _ = data.voc_folder(folder, "train", size=(20, 40))
    np.testing.assert_array_equal(scenes.boxes[0], [[0, 0, 40, 20], [0, 0, 2, 20], [0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotation", r"a\.xml is no annotation"),
        (annotation(("dog", 5, 1, 4, 2)), r"a\.xml has the box \[5\.0, 1\.0, 4\.0, 2\.0\] of dog, which has no area"),
        (annotation(("dog", 1, "", 4, 2)), r"a\.xml has an object 'dog' with the box .*, no four numbers"),
        (annotation(("dog", 1, "nan", 4, 2)), r"a\.xml has the box .* of dog, which has no area"),
        (annotation(("", 1, 1, 4, 2)), r"a\.xml has an object without a name"),
        (annotation(("dog", 41, 1, 50, 2)), r"a\.xml has the box .* outside of an image of 20 x 40 pixels"),
        (annotation(("cow", 1, 1, 4, 2)), r"a\.xml has an object of the class 'cow'; known are cat, dog"),
    ],
)
def test_annotations_that_are_wrong_are_named(folder, content, message):
    (folder / "Annotations/a.xml").write_text(content)
    with pytest.raises(ValueError, match=rf"^data\.voc_folder: .*{message}"):
        data.voc_folder(folder, "train", size=(32, 32), classes=("cat", "dog"))


def test_files_that_are_missing_or_no_images_are_named(folder):
    with pytest.raises(FileNotFoundError, match=r"test\.txt; the splits of .* are: train, val"):
        data.voc_folder(folder, "test", size=(32, 32))
    (folder / "JPEGImages/a.jpg").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"a\.jpg cannot be read as an image"):
        data.voc_folder(folder, "train", size=(32, 32))
    (folder / "JPEGImages/a.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"no file .*a\.jpg for .*a\.xml"):
        data.voc_folder(folder, "train", size=(32, 32))
    (folder / "Annotations/a.xml").unlink()
    with pytest.raises(FileNotFoundError, match=r"no file .*a\.xml"):
        data.voc_folder(folder, "train", size=(32, 32))
    (folder / "ImageSets/Main/dog_train.txt").write_text("a  1\nb -1\n")
    with pytest.raises(
        ValueError, match=r"dog_train\.txt says of one class where it is; expected names of photographs"
    ):
        data.voc_folder(folder, "dog_train", size=(32, 32))
    (folder / "ImageSets/Main/val.txt").write_text("")
    with pytest.raises(ValueError, match=r"val\.txt names no photograph"):
        data.voc_folder(folder, "val", size=(32, 32))
    with pytest.raises(FileNotFoundError, match=r"no folder .*none; expected one with"):
        data.voc_folder(folder / "none", "val", size=(32, 32))


def test_a_name_with_a_blank_and_a_photograph_that_lies_on_its_side(folder):
    """Orientation 6 of its file: 40 x 20 pixels of which the left edge is the top."""
    image = Image.new("RGB", (40, 20), "white")
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(folder / "JPEGImages/my dog.jpg", exif=exif)
    (folder / "Annotations/my dog.xml").write_text(annotation(("dog", 1, 1, 20, 40)))
    (folder / "ImageSets/Main/val.txt").write_text("my dog\n")
    scenes, _ = data.voc_folder(folder, "val", size=(40, 40))
    np.testing.assert_array_equal(scenes.sizes, [[40, 20]])
    np.testing.assert_array_equal(scenes.boxes[0, 0], [0, 0, 20, 40])


def test_annotations_of_a_photograph_on_its_side_are_refused(folder):
    image, exif = Image.new("RGB", (40, 20), "white"), Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "JPEGImages/b.png", exif=exif)
    for size, refused in (((40, 20), True), ((20, 40), False), ((0, 0), False)):
        width, height = size
        whole = annotation(("dog", 1, 1, 15, 15)).replace(
            "<object>", f"<size><width>{width}</width><height>{height}</height></size><object>"
        )
        (folder / "Annotations/b.xml").write_text(whole)
        if refused:
            with pytest.raises(
                ValueError, match=r"b\.xml has the sides of its photograph exchanged, .* 40 x 20 pixels"
            ):
                data.voc_folder(folder, "val", size=(40, 40))
        else:
            assert data.voc_folder(folder, "val", size=(40, 40))[0].valid.sum() == 1


def test_files_of_other_systems(folder):
    """A mark of UTF-8 before the first name, and hidden files, are passed over; other encodings are named."""
    (folder / "ImageSets/Main/val.txt").write_text("\ufeffb\n", encoding="utf-8")
    (folder / "Annotations/._a.xml").write_bytes(b"\x00\x05")
    assert data.voc_folder(folder, "val", size=(30, 10))[0].images.shape == (1, 30, 10, 3)
    (folder / "ImageSets/Main/val.txt").write_text("b\n", encoding="utf-16")
    with pytest.raises(ValueError, match=r"val\.txt is no text in UTF-8"):
        data.voc_folder(folder, "val", size=(30, 10))


@pytest.mark.bad_input
def test_classes_that_are_none(folder):
    for bad in ("dog", ("dog", "dog")):
        with pytest.raises(ValueError, match=r"data\.voc_folder: classes must be names that differ"):
            data.voc_folder(folder, "train", size=(32, 32), classes=bad)


@pytest.mark.bad_input
def test_sizes_that_are_none(folder):
    with pytest.raises(ValueError, match=r"size must be \(height, width\), got 32"):
        data.voc_folder(folder, "val", size=32)
    with pytest.raises(TypeError, match=r"data\.voc_folder: size must be an integer"):
        data.voc_folder(folder, "val", size=(32.5, 2))


@pytest.mark.skipif(not FOLDER, reason="JAXMATH_DATA names no folder with bccd")
def test_blood_cells():
    path = Path(FOLDER or "") / "bccd" / "BCCD"
    scenes, classes = data.voc_folder(path, "val", size=(240, 320))
    assert classes == ("Platelets", "RBC", "WBC")
    assert scenes.images.shape == (87, 240, 320, 3)
    assert (scenes.boxes[scenes.valid][:, 2:] > scenes.boxes[scenes.valid][:, :2]).all()
