"""reco_core.datasets.inventory: every file is used or named with a reason; what cannot serve is refused at once."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from shared import TINY, TinyScenes, tiny_options
from trust import fault

from reco_core import datasets
from reco_core.config import DataConfig
from reco_core.datasets.base import header
from reco_core.datasets.inventory import check_classes, check_files, left_out
from reco_core.datasets.splits import choose_split
from reco_core.datasets.streams import check_scored, check_train
from reco_core.errors import InputError
from reco_core.runs.records import labels_of

pytestmark = fault(
    "What lies in a folder", "files that no loader reads, or that cannot serve", "of many kinds",
    "Named with the reason, or refused before the first step.", inputs=1,
)  # fmt: skip
OPTIONS = replace(TINY, data=replace(TINY.data, crop=(8, 8)))


@pytest.fixture
def root(tmp_path):
    """Four images of 16 x 20 in a folder; the first two have masks of the classes 0 and 1."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for name in "abcd":
        Image.new("RGB", (20, 16), (90, 10, 10)).save(tmp_path / "images" / f"{name}.png")
    for name in "ab":
        mask(tmp_path, name, 1)
    return tmp_path


def mask(root, name, value, ending="png"):
    values = np.zeros((16, 20), np.uint8)
    values[8:] = value
    Image.fromarray(values).save(root / "masks" / f"{name}.{ending}")


def files(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0\5\26\7")


def names_of(data):
    return {entry.path.name: entry.reason for entry in left_out(data)}


HIDDEN = ["._a.png", ".DS_Store", "Thumbs.db", "__MACOSX/a.png", ".thumbnails/a.png"]


@pytest.mark.parametrize("name", HIDDEN)
def test_what_a_desktop_leaves_is_named_and_stops_nothing(root, name):
    files(root, f"images/{name}", f"masks/{name}")
    data = datasets.load("folder", root)
    check_train(data, OPTIONS)
    assert data.names == list("abcd") and data.num_classes == 2
    assert len(left_out(data)) == 2 and all("hidden" in entry.reason for entry in left_out(data))


def test_hidden_files_in_the_public_layouts(tmp_path):
    for place in ("train/a.png", "trainannot/a.png"):
        files(tmp_path, place.replace("a.png", "._a.png"))
        Image.new("L", (20, 16)).save(tmp_path / place)
    data = datasets.load("camvid", tmp_path)
    assert data.names == ["a"] and len(left_out(data)) == 2


@pytest.mark.parametrize("name", ["c_mask", "gt_c", "C-label", "c.seg"])
def test_a_mask_under_another_name_is_refused(root, name):
    mask(root, name, 1)
    with pytest.raises(InputError, match=name):
        check_train(datasets.load("folder", root), OPTIONS)


@pytest.mark.parametrize("name", ["c.gif", "c.npy", "c.json", "train/c.png"])
def test_a_mask_that_is_not_read_is_refused_where_its_image_has_no_other(root, name):
    files(root, f"masks/{name}")
    with pytest.raises(InputError, match=name.rpartition("/")[2]):
        check_train(datasets.load("folder", root), OPTIONS)
    mask(root, "c", 1)
    check_train(datasets.load("folder", root), OPTIONS)


@pytest.mark.parametrize("ending", ["PNG", "tif", "tiff", "bmp"])
def test_endings_of_masks_without_loss(root, ending):
    mask(root, "c", 1, ending)
    data = datasets.load("folder", root)
    assert data.has_label(2) and data[2][1].unique().tolist() == [0, 1] and not left_out(data)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "MPO"])
def test_data_with_loss_under_the_ending_of_a_mask(root, kind):
    Image.new("L", (20, 16), 1).convert("RGB" if kind == "MPO" else "L").save(root / "masks" / "a.png", kind)
    with pytest.raises(InputError, match=r"a\.png: a mask"):
        datasets.load("folder", root)


@pytest.mark.parametrize("name", ["e.jfif", "e.JPG", "e.webp"])
def test_endings_of_images(root, name):
    Image.new("RGB", (20, 16)).save(root / "images" / name, "WEBP" if name.endswith("p") else "JPEG")
    assert "e" in datasets.load("folder", root).names


@pytest.mark.parametrize(("name", "word"), [("e.gif", ".gif"), ("notes", "no ending"), ("deep/e.png", "sub-folder")])
def test_images_that_are_not_read_are_named(root, name, word):
    files(root, f"images/{name}")
    data = datasets.load("folder", root)
    check_train(data, OPTIONS)
    assert word in names_of(data)[name.rpartition("/")[2]]


def test_files_of_other_splits_are_used_and_those_of_no_list_are_named(root):
    files(root, "trian.txt")
    (root / "train.txt").write_text("a\nc\n")
    (root / "val.txt").write_text("b\n")
    found = names_of(datasets.load("folder", root))
    assert set(found) == {"d.png", "trian.txt"} and "no list" in found["d.png"]


@pytest.mark.parametrize("levels", [(0, 255), (0, 128), (0, 100, 200), (0, 85, 170)])
def test_grey_levels_for_indices(root, levels):
    """Of which 255 alone is a value that a mask may hold: then one class is left."""
    for name in "ab":
        values = np.resize(np.array(levels, np.uint8), (16, 20))
        Image.fromarray(values).save(root / "masks" / f"{name}.png")
    for named in (False, True):
        if named:
            (root / "classes.txt").write_text("ground\nthing\n")
        with pytest.raises(InputError, match=str(levels[1])):
            choose_split(datasets.load("folder", root), DataConfig(num_labelled=None), seed=0)


@pytest.mark.parametrize("values", [(0, 1, 255), (0, 2), (0, 1, 3), (1, 2)])
def test_indices_with_gaps_are_classes(root, values):
    for name in "ab":
        Image.fromarray(np.resize(np.array(values, np.uint8), (16, 20))).save(root / "masks" / f"{name}.png")
    data = datasets.load("folder", root)
    assert choose_split(data, DataConfig(num_labelled=None), seed=0).names == ("a", "b")


@pytest.mark.parametrize("head", ["name r g b", "class", "Name, R, G, B", "# the classes"])
def test_a_head_and_a_remark_are_no_classes(root, head):
    (root / "classes.txt").write_text(f"{head}\nground 0 0 0\nthing 255 0 0\n# end\n")
    data = datasets.load("folder", root)
    assert data.classes == ("ground", "thing") and head in names_of(data)["classes.txt"]


@pytest.mark.parametrize(("greatest", "refused"), [(1023, True), (4095, True), (9000, False), (65535, False)])
def test_levels_of_16_bits(root, greatest, refused):
    for name in "abcd":
        Image.fromarray(np.full((16, 20), greatest, np.uint16)).save(root / "images" / f"{name}.png")
    data = datasets.load("folder", root)
    if refused:
        with pytest.raises(InputError, match="16 bits"):
            check_train(data, OPTIONS)
    else:
        check_files(data)


@pytest.mark.parametrize(
    ("size", "fills"), [((20, 160), False), ((160, 20), False), ((40, 160), False), ((70, 96), True)]
)
def test_an_image_that_cannot_fill_the_crop_is_named(root, size, fills):
    for name in "abcd":
        Image.new("RGB", (160, 120)).save(root / "images" / f"{name}.png")
    Image.new("RGB", size[::-1]).save(root / "images" / "c.png")
    data, options = datasets.load("folder", root), tiny_options(crop=(96, 96))
    options = replace(options, data=replace(options.data, scale=(0.75, 1.5)))
    if fills:
        check_train(data, options)
    else:
        with pytest.raises(InputError, match=f"image 'c' of {size[0]} x {size[1]}"):
            check_train(data, options)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_of_a_turned_photograph(root, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = root / "images" / "c.jpg"
    Image.new("RGB", (20, 16)).save(path, exif=exif)
    assert header(path)[0] == ((20, 16) if orientation > 4 else (16, 20)) == datasets.read_image(path).shape[1:]


def remove_masks(root):
    for path in (root / "masks").iterdir():
        path.unlink()


def cut_image(root):
    path = root / "images" / "d.png"
    path.write_bytes(path.read_bytes()[:50])


@pytest.mark.parametrize(
    ("damage", "word"),
    [(remove_masks, "no pixel has a label"), (cut_image, "d.png"), (lambda root: mask(root, "d", 9), "value 9")],
)
def test_a_split_that_cannot_be_scored(root, damage, word):
    (root / "classes.txt").write_text("ground\nthing\n")
    (root / "train.txt").write_text("a\nb\n")
    (root / "test.txt").write_text("c\nd\n")
    mask(root, "c", 1)
    assert check_scored(datasets.load("folder", root, "test"), ("ground", "thing")) == (16, 20)
    damage(root)
    with pytest.raises(InputError, match=word):
        check_scored(datasets.load("folder", root, "test"), ("ground", "thing"))


class Classes(TinyScenes):
    def __init__(self, *classes):
        super().__init__(2)
        self.classes = classes


@pytest.mark.parametrize(
    ("own", "network", "fit"),
    [
        ("ab", "ab", True), ("ab", "abc", False), ("abc", "ab", False), ("ba", "ab", False),
        ("01", "012", True), ("ab", "01", True), ("01", "ab", True), ("012", "ab", False),
    ],
)  # fmt: skip
def test_classes_of_a_network_and_of_data(own, network, fit):
    own, network = (tuple(f"class {name}" if name.isdigit() else name for name in names) for names in (own, network))
    data = Classes(*own)
    if fit:
        check_classes(data, network, "x.pt")
        assert len(data.classes) == len(network)
    else:
        with pytest.raises(InputError) as error:
            check_classes(data, network, "x.pt")
        assert all(", ".join(names) in str(error.value) for names in (own, network))


def test_a_list_of_labelled_images_of_ones_own(root, tmp_path):
    path = tmp_path / "mine.txt"
    options, data = DataConfig(labelled_list=str(path)), datasets.load("folder", root)
    path.write_text("b\n")
    split = choose_split(data, options, seed=0)
    assert split.names == ("b",) and split.unlabelled == (0, 2, 3) and labels_of(options) == "mine"
    for text, word in (("x\n", "'x'"), ("c\n", "'c'"), ("", "empty")):
        path.write_text(text)
        with pytest.raises(InputError, match=word):
            choose_split(data, options, seed=0)
