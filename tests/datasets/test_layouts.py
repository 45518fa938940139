"""Pascal VOC, Cityscapes and SUN RGB-D: small trees in their public layouts, prepared once, and what is missing."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from reco_core import datasets
from reco_core.datasets import cityscapes, pascal_voc, sun_rgbd
from reco_core.datasets.cityscapes import LABEL_IDS
from reco_core.errors import InputError


def save(path, values, palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(values, np.uint8))
    if palette is not None:
        picture.putpalette(palette)
    picture.save(path)


def photograph(height, width, value=120):
    return np.full((height, width, 3), value, np.uint8)


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def voc(tmp_path):
    """What torchvision unpacks: VOC's own masks for train and val, SBD's for "c", "d" and, once more, "b"."""
    root = tmp_path / "pascal_voc"
    folder, sbd = root / pascal_voc.VOC, root / pascal_voc.SBD
    for name in "abcd":
        (folder / "JPEGImages").mkdir(parents=True, exist_ok=True)
        Image.fromarray(photograph(6, 8)).save(folder / "JPEGImages" / f"{name}.jpg")
    for name, value in (("a", 8), ("b", 12)):
        mask = np.full((6, 8), value)
        mask[0] = 255
        save(folder / "SegmentationClass" / f"{name}.png", mask, palette=list(range(256)) * 3)
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n")
    (lists / "val.txt").write_text("b\n")
    (sbd / "cls").mkdir(parents=True)
    for name, value in (("b", 1), ("c", 3), ("d", 20)):
        savemat(sbd / "cls" / f"{name}.mat", {"GTcls": {"Segmentation": np.full((6, 8), value, np.uint8)}})
    return root


def test_voc_gets_its_augmented_masks_once(voc):
    assert datasets.prepare("pascal_voc", voc) == {"train": 3, "val": 1}
    train = datasets.load("pascal_voc", voc, "train")
    assert train.names == ["a", "c", "d"], "SBD and VOC's training images without the validation images"
    assert [train[index][1][3, 3].item() for index in range(3)] == [8, 3, 20]
    assert train[0][1][0].unique().tolist() == [255]
    val = datasets.load("pascal_voc", voc, "val")
    assert val.names == ["b"] and val[0][1][3, 3] == 12, "VOC's own mask, not SBD's"
    assert datasets.load("pascal_voc", voc, "train_original").names == ["a"]
    before = files(voc)
    datasets.prepare("pascal_voc", voc)
    assert files(voc) == before


def test_voc_with_augmented_masks_as_they_are_passed_on(voc, tmp_path):
    datasets.prepare("pascal_voc", voc)
    flat = tmp_path / "flat"
    (voc / pascal_voc.VOC).rename(flat)
    assert datasets.prepare("pascal_voc", flat) == {"train": 3, "val": 1}
    assert datasets.load("pascal_voc", flat)[1][1][3, 3] == 3


def test_voc_says_what_is_missing(voc, tmp_path):
    mat = voc / pascal_voc.SBD / "cls" / "c.mat"
    mat.write_bytes(b"MATLAB")
    with pytest.raises(InputError, match=r"c\.mat: not one of SBD's masks .* SBDataset"):
        datasets.prepare("pascal_voc", voc)
    mat.parent.rename(mat.parent.with_name("elsewhere"))
    with pytest.raises(InputError, match=r"cls: the augmented masks \(SBD\) are missing; .* SBDataset\(root"):
        datasets.prepare("pascal_voc", voc)
    with pytest.raises(InputError, match=r"train_aug.txt: no such list; run `reco data prepare pascal_voc`"):
        datasets.load("pascal_voc", voc)
    (voc / pascal_voc.VOC / "SegmentationClass" / "b.png").unlink()
    with pytest.raises(InputError, match=r"b.png: missing, but named in val.txt"):
        datasets.load("pascal_voc", voc, "val")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no JPEGImages .*VOCSegmentation\(root, download=True\)"):
        datasets.prepare("pascal_voc", tmp_path / "empty")
    with pytest.raises(InputError, match="no split 'test' with labels; it has train, train_original, val"):
        datasets.load("pascal_voc", voc, "test")


@pytest.fixture
def city(tmp_path, monkeypatch):
    """Two cities; every label id 0 to 33 stands in one column."""
    monkeypatch.setattr(cityscapes, "PREPARED_SIZE", (17, 17))
    root = tmp_path / "cityscapes"
    ids = np.repeat(np.arange(34)[None], 34, axis=0)
    for split, town, number in (("train", "bonn", 0), ("train", "aachen", 1), ("val", "ulm", 2)):
        stem = f"{town}_000000_{number:06d}"
        save(root / "leftImg8bit" / split / town / f"{stem}_leftImg8bit.png", photograph(34, 34))
        save(root / "gtFine" / split / town / f"{stem}_gtFine_labelIds.png", ids)
    return root


def test_cityscapes_ignores_what_is_not_scored(city):
    data = datasets.load("cityscapes", city)
    assert data.names == ["aachen_000000_000001", "bonn_000000_000000"] and data.num_classes == 19
    row = data[0][1][0]
    assert row[list(LABEL_IDS.values())].tolist() == list(range(19))
    others = sorted(set(range(34)) - set(LABEL_IDS.values()))
    assert row[others].unique().tolist() == [255], "no road where there is none"


def test_cityscapes_is_halved_once(city):
    assert datasets.prepare("cityscapes", city) == {"train": 2, "val": 1}
    fast = datasets.load("cityscapes", city, size=(17, 17))
    image, label = fast[0]
    assert image.shape == (3, 17, 17) and label.shape == (17, 17) and len(fast) == 2
    before = files(city)
    datasets.prepare("cityscapes", city)
    assert files(city) == before
    (city / "leftImg8bit").rename(city / "gone")  # what was converted is enough
    again = datasets.load("cityscapes", city, size=(17, 17))
    assert again.names == fast.names and (again[1][1] == fast[1][1]).all()
    with pytest.raises(InputError, match=r"no \*/\*_leftImg8bit.png; register at https://www.cityscapes-dataset.com"):
        datasets.load("cityscapes", city)


def test_a_broken_off_conversion_goes_on(city, monkeypatch):
    from reco_core.datasets import prepared

    write, written = prepared.write_png, []

    def breaks(picture, path):
        if len(written) == 1:
            raise KeyboardInterrupt
        written.append(path)
        write(picture, path)

    monkeypatch.setattr(prepared, "write_png", breaks)
    with pytest.raises(KeyboardInterrupt):
        datasets.prepare("cityscapes", city)
    assert prepared.converted(city, "train", (17, 17)) is None, "half a conversion is not read"
    monkeypatch.setattr(prepared, "write_png", write)
    assert datasets.prepare("cityscapes", city) == {"train": 2, "val": 1}


def test_cityscapes_bad_masks(city):
    mask = next((city / "gtFine" / "val").rglob("*.png"))
    save(mask, np.zeros((5, 34)))
    with pytest.raises(InputError, match=r"labelIds.png: mask of 34 x 5 for an image of 34 x 34"):
        datasets.load("cityscapes", city, "val")[0]
    mask.unlink()
    with pytest.raises(InputError, match="mask is missing; restore it"):
        datasets.load("cityscapes", city, "val")
    with pytest.raises(InputError, match="no split 'test' with labels; it has train, val"):
        datasets.load("cityscapes", city, "test")


@pytest.fixture
def sun(tmp_path, monkeypatch):
    """Twelve images in the two folders; image n shows class n, stored as n + 1, and void, stored as 0."""
    monkeypatch.setattr(sun_rgbd, "PREPARED_SIZE", (6, 8))
    root = tmp_path / "sun_rgbd"
    for number in range(12):
        folder = root / sun_rgbd.IMAGE_FOLDERS[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photograph(12, 16)).save(folder / f"img-{number + 1:06d}.jpg")
        mask = np.full((12, 16), number + 1)
        mask[:6] = 0
        save(root / sun_rgbd.MASK_FOLDER / f"img-{number + 1:06d}.png", mask)
    return root


def test_sun_rgbd_is_reorganised_and_counts_from_void(sun):
    train, val = (datasets.load("sun_rgbd", sun, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (9, 3) and train.num_classes == 37
    assert sorted(train.names + val.names) == [f"img-{number + 1:06d}" for number in range(12)]
    for data in (train, val):
        for index, name in enumerate(data.names):
            label = data[index][1]
            assert label[:6].unique().tolist() == [255] and label[6:].unique().tolist() == [int(name[4:]) - 1]
    assert datasets.prepare("sun_rgbd", sun) == {"train": 9, "val": 3}
    assert datasets.load("sun_rgbd", sun, size=(6, 8)).names == train.names


def test_sun_rgbd_says_what_is_missing(sun, tmp_path):
    (sun / sun_rgbd.MASK_FOLDER / "img-000005.png").unlink()
    with pytest.raises(InputError, match=r"img-000005.png: mask is missing; .*ankurhanda/sunrgbd-meta-data"):
        for split in ("train", "val"):
            datasets.load("sun_rgbd", sun, split)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"no SUNRGBD-train_images or SUNRGBD-test_images"):
        datasets.load("sun_rgbd", tmp_path / "nothing")


@pytest.mark.parametrize(("name", "classes"), [("pascal_voc", 21), ("cityscapes", 19), ("sun_rgbd", 37)])
def test_classes_and_palettes(name, classes):
    kind = datasets.REGISTRY[name]
    assert len(kind.classes) == len(kind.palette) == len(set(kind.classes)) == classes
    assert len(set(kind.palette)) == classes, "no two classes share a colour"


def test_preparing_what_needs_nothing(tmp_path):
    assert datasets.prepare("toyscapes")["train"] > 0
