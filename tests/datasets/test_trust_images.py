"""Trust: every kind of image and mask is read rightly, or refused with one line that names file, value and remedy."""

import io
import os
import random
import struct
import unicodedata
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from trust import Case, check, each, fault, refusal, says

from reco_core import datasets
from reco_core.datasets import read_image
from reco_core.datasets.base import read_image_bytes, read_mask
from reco_core.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
LEVELS, CLASSES = PIXELS[..., 0], PIXELS[..., 1] % 3
WHOLE, GREY = torch.from_numpy(PIXELS).permute(2, 0, 1), torch.from_numpy(LEVELS).expand(3, -1, -1)
MASK = torch.from_numpy(CLASSES.astype(np.int64))


def encoded(picture, kind="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of(width, height) -> bytes:
    """A small file that claims to hold an image of any size."""
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + content + struct.pack(">I", zlib.crc32(content)) + end


def few_bits(depth, rows, palette=b"") -> bytes:
    """A PNG file of 1, 2 or 4 bits a pixel, which Pillow reads but does not write: grey, or with a palette."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packed = b""
    for row in rows:
        number = 0
        for value in row:
            number = number << depth | int(value)
        packed += b"\0" + number.to_bytes(len(row) * depth // 8, "big")
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), depth, 3 if palette else 0, 0, 0, 0)
    colours = chunk(b"PLTE", palette) if palette else b""
    data = chunk(b"IDAT", zlib.compress(packed))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + colours + data + chunk(b"IEND", b"")


def put(content):
    """Write bytes, or a picture, as the file under test."""
    content = content if isinstance(content, bytes) else encoded(content)
    return lambda path: path.write_bytes(content)


def linked(path):
    """A link to a file in another folder."""
    path.parent.parent.joinpath("elsewhere.png").write_bytes(encoded(Image.fromarray(PIXELS)))
    path.symlink_to(path.parent.parent / "elsewhere.png")


IMAGE = Image.fromarray(PIXELS)
NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
UNREADABLE = "images/a.png: …([…]); …remove it"
WITH_ALPHA = Image.fromarray(np.dstack([PIXELS, LEVELS]))
DEEP = Image.fromarray(LEVELS.astype(np.uint16) * 256 + 17)
PALETTE = Image.fromarray(LEVELS)
PALETTE.putpalette([value for level in range(256) for value in (255 - level, level, 7)])
COLOURED = torch.stack([255 - GREY[0], GREY[0], torch.full_like(GREY[0], 7)])
CMYK = Image.fromarray(np.dstack([PIXELS, LEVELS]), "CMYK")
SIGNED, REAL = Image.fromarray(CLASSES.astype(np.int32) - 1), Image.fromarray(CLASSES.astype(np.float32))

IMAGES = [
    Case("image cut short", "half of a JPEG file", put(encoded(NOISE, "JPEG")[:1500]), UNREADABLE),
    Case("empty image", "a file of 0 bytes", put(b""), UNREADABLE),
    Case("no image at all", "a text under an image's name", put(b"hello\nworld\n"), UNREADABLE),
    Case("folder under an image's name", "a folder a.png", lambda path: path.mkdir(), UNREADABLE),
    Case("image that is not there", "no file", lambda path: None, UNREADABLE),
    Case("huge dimensions", "60,000 x 60,000 pixels in 57 bytes", put(png_of(60_000, 60_000)), UNREADABLE),
    Case("link that leads nowhere", "a symbolic link to no file", lambda path: path.symlink_to("gone.png"), UNREADABLE),
    Case("link to itself", "a symbolic link in a circle", lambda path: path.symlink_to(path), UNREADABLE),
    Case("link to an image elsewhere", "a symbolic link", linked, "Read as the file that it leads to.", WHOLE),
    Case("image with an alpha channel", "RGBA", put(WITH_ALPHA), "Read; its colours count, alpha does not.", WHOLE),
    Case("grey image of 16 bits", "levels up to 65,297", put(DEEP), "Read; the upper 8 bits count.", GREY),
    Case("grey image of 8 bits", "mode L", put(Image.fromarray(LEVELS)), "Read; three equal channels.", GREY),
    Case("image with a palette", "mode P", put(PALETTE), "Read; the palette's colours.", COLOURED),
    Case("grey image with alpha", "mode LA", put(Image.fromarray(np.dstack([LEVELS, LEVELS]))),
         "Read; three equal channels.", GREY),
    Case("image for print", "CMYK in a JPEG file", lambda path: path.write_bytes(encoded(CMYK, "JPEG")),
         "Read as RGB.", torch.from_numpy(np.array(
             Image.open(io.BytesIO(encoded(CMYK, "JPEG"))).convert("RGB"))).permute(2, 0, 1)),
    Case("image of real numbers", "a TIFF file of mode F: where is white?", put(encoded(REAL, "TIFF")),
         "images/a.png: …mode F, …8 or 16 bits…"),
    Case("grey image of 32 bits", "a TIFF file of mode I: where is white?", put(encoded(SIGNED, "TIFF")),
         "images/a.png: …mode I, …8 or 16 bits…"),
]  # fmt: skip


@pytest.fixture
def root(tmp_path):
    """A data set's folder with one image a.png and its mask."""
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    put(IMAGE)(tmp_path / "data" / "images" / "a.png")
    put(Image.fromarray(CLASSES))(tmp_path / "data" / "masks" / "a.png")
    return tmp_path / "data"


@each("Images", IMAGES)
def test_images(case, root):
    path = root / "images" / "a.png"
    path.unlink()
    case.make(path)
    check(case, lambda: read_image_bytes(path), root)


@fault("Images", "photographs from a turned camera", "each of the eight EXIF orientations",
       "Read upright; the mask of an image, drawn on the upright view, fits.", inputs=8)  # fmt: skip
def test_turned_cameras(root, counted):
    stored = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.swapaxes(0, 1),
              6: np.rot90, 7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: lambda a: np.rot90(a, -1)}  # fmt: skip
    assert len(stored) == counted("inputs")
    for orientation, turn in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(np.ascontiguousarray(turn(PIXELS))).save(root / "images" / "a.png", exif=exif)
        image, label = datasets.load("folder", root)[0]
        assert torch.equal(image, WHOLE.float() / 255) and torch.equal(label, MASK), orientation


@fault("Images", "odd names", "blanks, quotes, percent signs, dots, Chinese, an emoji, a line break, a hyphen in front,"
       " 200 characters, and bytes that are no UTF-8", "Read, each with its own mask.", inputs=12)  # fmt: skip
def test_odd_names(root, counted):
    names = ["two words", "quote's", 'double"quote', "100%", "a.b.c", "街", "🚲", "line\nbreak", "-rf", "x" * 200]
    names += ["[a]", os.fsdecode(b"caf\xe9")]  # the last in Latin-1
    assert len(names) == counted("inputs")
    for number, name in enumerate(names):
        put(Image.new("RGB", (4, 4), (number, 0, 0)))(root / "images" / f"{name}.png")
        put(Image.new("L", (4, 4), number % 3))(root / "masks" / f"{name}.png")
    data = datasets.load("folder", root)
    for number, name in enumerate(names):
        image, label = data[data.names.index(name)]
        assert image[0].unique() * 255 == number and label.unique() == number % 3
    from reco_core.datasets.splits import balanced_split

    assert len(balanced_split(data, None, seed=0).digest) == 16


FORMATS = {"PNG": {}, "JPEG": {}, "TIFF": {"compression": "tiff_lzw"}, "WEBP": {"lossless": True}, "BMP": {}}


@fault("Images", "damaged bytes", "PNG, JPEG, TIFF, WebP and BMP files, bytes overwritten at random or the end cut off",
       "Each is read as an image or refused with one line; no other error leaves the reader.", inputs=400)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_random_damage(root, counted):
    chance, path, refused = random.Random(0), root / "images" / "a.png", 0
    originals = [encoded(NOISE, kind, **options) for kind, options in FORMATS.items()]
    for number in range(counted("inputs")):
        content = bytearray(originals[number % len(originals)])
        for _ in range(chance.choice([1, 4, 32])):
            content[int(len(content) * chance.random() ** 3)] = chance.randrange(256)  # headers more often
        path.write_bytes(content[: len(content) if number % 3 else chance.randrange(len(content))])
        for read in (read_image_bytes, lambda path: read_mask(path, 3)):
            try:
                found = read(path)
            except InputError as error:
                refused += 1
                assert str(path) in str(error) and len(str(error).splitlines()) == 1
            else:
                assert found.dtype == (torch.uint8 if found.ndim == 3 else torch.int64) and found.numel() > 0
    assert refused > counted("inputs")


BAD_MASK = "masks/a.png: …([…]); …remove it"
COLOURS = "masks/a.png: …mode {}; …one class index a pixel…"
INDEXED = Image.fromarray(CLASSES)
INDEXED.putpalette([value for level in range(256) for value in (level, 0, 255)])


def beside(content, name="a.jpg"):
    """A mask under another name than a.png."""
    return lambda path: path.with_name(name).write_bytes(content)


MASKS = [
    Case("mask with a palette", "mode P, colours of no meaning", put(INDEXED), "Read; indices, not colours.", MASK),
    Case("mask of 16 bits", "mode I;16", put(Image.fromarray(CLASSES.astype(np.uint16))), "Read; same classes.", MASK),
    Case("grey mask of 2 bits", "levels that a viewer spreads over 0 to 255", put(few_bits(2, CLASSES)),
         "Read; same classes.", MASK),
    Case("grey mask of 4 bits", "levels that a viewer spreads over 0 to 255", put(few_bits(4, CLASSES)),
         "Read; same classes.", MASK),
    Case("mask with a palette of 4 bits", "mode P", put(few_bits(4, CLASSES, bytes(range(48)))), "Read; same classes.",
         MASK),
    Case("mask of 1 bit", "mode 1", put(Image.fromarray(CLASSES > 0)), "Read as classes 0 and 1.", (MASK > 0).long()),
    Case("mask of 255 alone", "every pixel ignored", put(Image.new("L", (8, 6), 255)), "Read; nothing to learn.",
         torch.full_like(MASK, 255)),
    Case("class 300 in a mask of 16 bits", "values above 255", put(Image.fromarray(CLASSES.astype(np.uint16) + 300)),
         "masks/a.png: value 30…0 to 2, or 255…"),
    Case("class that does not exist", "value 7 of 3 classes", put(Image.new("L", (8, 6), 7)),
         "masks/a.png: value 7 …0 to 2, or 255…"),
    Case("negative class", "a TIFF file of signed numbers", put(encoded(SIGNED, "TIFF")),
         "masks/a.png: value -1 …0 to 2, or 255…"),
    Case("mask of real numbers", "a TIFF file of mode F", put(encoded(REAL, "TIFF")), COLOURS.format("F")),
    Case("coloured mask", "mode RGB", put(IMAGE), COLOURS.format("RGB")),
    Case("coloured mask with alpha", "mode RGBA", put(WITH_ALPHA), COLOURS.format("RGBA")),
    Case("grey mask with alpha", "mode LA", put(Image.fromarray(np.dstack([CLASSES, LEVELS]))), COLOURS.format("LA")),
    Case("mask of another size", "6 x 8 pixels for 8 x 6", put(Image.fromarray(CLASSES.T.copy())),
         "masks/a.png: …6 x 8 …8 x 6 …at the image's size"),
    Case("empty mask", "a file of 0 bytes", put(b""), BAD_MASK),
    Case("mask cut short", "half of a PNG file", put(encoded(NOISE)[:6000]), BAD_MASK),
    Case("huge mask", "60,000 x 60,000 pixels in 57 bytes", put(png_of(60_000, 60_000)), BAD_MASK),
    Case("mask saved with loss", "a.jpg in masks/", beside(encoded(IMAGE, "JPEG")),
         "masks/a.jpg: …without loss…a.png"),
    Case("mask behind a broken link", "a symbolic link to no file", lambda path: path.symlink_to("gone.png"),
         "masks/a.png: …link…restore the mask, or delete this"),
]  # fmt: skip


@each("Masks", MASKS)
def test_masks(case, root):
    (root / "classes.txt").write_text("one\ntwo\nthree\n")
    path = root / "masks" / "a.png"
    path.unlink()
    case.make(path)
    check(case, lambda: datasets.load("folder", root)[0][1], root)


@fault("Masks", "turned image and mask", "both files with EXIF orientation 6", "Both are turned.", inputs=1)
def test_a_mask_with_an_orientation_is_turned_as_its_image(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind, array in (("images", PIXELS), ("masks", CLASSES)):
        Image.fromarray(np.ascontiguousarray(np.rot90(array))).save(root / kind / "a.png", exif=exif)
    image, label = datasets.load("folder", root)[0]
    assert torch.equal(image, WHOLE.float() / 255) and torch.equal(label, MASK)


def test_missing_masks_make_an_image_unlabelled_and_errors_name_the_file_once(root):
    (root / "masks" / "a.png").unlink()
    (root / "classes.txt").write_text("one\ntwo\n")
    assert not datasets.load("folder", root).has_label(0)
    (root / "images" / "a.png").unlink()
    message = refusal(lambda: read_image(root / "images" / "a.png"), root)
    assert message.count("a.png") == 1


ACCENTS = "accents written in Unicode's two ways"


@fault("Masks", ACCENTS, "image é.png in one way, mask and list in the other",
       "The mask is found, and the name in the list.", inputs=2)  # fmt: skip
def test_accents_written_in_two_ways(root):
    names = [unicodedata.normalize(form, "Café") for form in ("NFC", "NFD")]
    assert names[0] != names[1]
    for image, mask in (names, names[::-1]):
        for kind, name in (("images", image), ("masks", mask)):
            next((root / kind).iterdir()).rename(root / kind / f"{name}.png")
        (root / "train.txt").write_text(f"{mask}\n", encoding="utf-8")
        data = datasets.load("folder", root)
        assert data.names == [image] and torch.equal(data[0][1], MASK)


NO_FOLDER = "masks: …no folder; restore the masks, or delete this"


@fault("Masks", "masks on a disk that is not there", "masks is a link that leads nowhere; masks is a file",
       f"Refused: “{NO_FOLDER}”", inputs=2)  # fmt: skip
def test_masks_that_are_no_folder(root):
    (root / "classes.txt").write_text("one\ntwo\nthree\n")
    (root / "masks").rename(root / "elsewhere")
    for make in (lambda path: path.symlink_to("gone"), lambda path: path.write_text("")):
        make(root / "masks")
        message = refusal(lambda: datasets.load("folder", root), root)
        assert says(message, NO_FOLDER), message
        (root / "masks").unlink()


@fault("Images", "name that a terminal would obey", "a line break, a carriage return, an escape sequence, a sign that"
       " turns the direction of writing, a byte that is no UTF-8", "Shown as escapes, in one line.",
       inputs=5)  # fmt: skip
def test_names_that_a_terminal_would_obey(root, counted):
    names = ["a\nb", "a\rb", "a\x1b[2Jb", "a\u202eb", os.fsdecode(b"a\xe9b")]
    assert len(names) == counted("inputs")
    for name in names:
        (root / "images" / f"{name}.png").write_bytes(b"")
        message = refusal(lambda: read_image(root / "images" / f"{name}.png"), root)  # noqa: B023
        assert message.isprintable() and message.startswith("images/a") and "b.png: " in message
