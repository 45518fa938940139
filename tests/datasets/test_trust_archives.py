"""Trust: archives that are damaged or mean harm leave nothing behind, inside or outside their folder."""

import io
import random
import zipfile

import pytest
from breaking import FILES, INNER, archive
from trust import Case, check, each, fault, tree

from reco_core.datasets.archives import unpack
from reco_core.errors import InputError


def link(target) -> bytes:
    buffer, member = io.BytesIO(), zipfile.ZipInfo(f"{INNER}/train/link")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(member, target)
    return buffer.getvalue()


def flagged(content: bytes, local: int, central: int, value: int) -> bytes:
    """Set a field of every member's two headers: encrypted (6, 8), method of compression (8, 10)."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        place = changed.find(mark)
        while place >= 0:
            changed[place + offset] = value
            place = changed.find(mark, place + 1)
    return bytes(changed)


LEADS = "bad.zip: …{}…the archive is not trusted"
DAMAGED = "bad.zip: damaged ([…]); delete it and download again"
CASES = [
    Case("archive with an absolute path", "a member /etc/evil", archive({**FILES, "/etc/evil": b""}),
         LEADS.format("/etc/evil")),
    Case("archive with a parent path", "a member ../../evil", archive({**FILES, f"{INNER}/../../evil": b""}),
         LEADS.format(f"{INNER}/../../evil")),
    Case("archive with a Windows path", "members C:/evil", archive({**FILES, "C:/evil": b""}),
         LEADS.format("C:/evil")),
    Case("archive with backslashes", "..\\..\\evil", archive({**FILES, f"{INNER}\\..\\..\\evil": b""}),
         LEADS.format("evil")),
    Case("archive with a link", "a symbolic link to /etc/passwd", link("/etc/passwd"),
         LEADS.format(f"{INNER}/train/link")),
    Case("encrypted archive", "the flag set", flagged(archive(), 6, 8, 1), DAMAGED),
    Case("archive of an unknown compression", "method 99", flagged(archive(), 8, 10, 99), DAMAGED),
    Case("web page for an archive", "a network that asks for a password", b"<html>Please log in</html>" * 50, DAMAGED),
    Case("empty archive", "0 bytes", b"", DAMAGED),
    Case("archive without the folder", "another data set's", archive({"other/a.png": b"x"}),
         f"bad.zip: …'{INNER}'…delete it and download again"),
    Case("archive in which a file is a folder too", "members a and a/b", archive({**FILES, f"{INNER}/a": b"",
         f"{INNER}/a/b": b""}), "bad.zip: …target: […]; make room …"),
    Case("archive with a name of 1,000 letters", "no disk takes it", archive({**FILES, f"{INNER}/{'x' * 1000}": b""}),
         "bad.zip: …target: […]; make room …"),
    Case("archive that unpacks to too much", "5 GiB of zeros in a header", None,
         "bad.zip: …4 GiB; delete it"),
]  # fmt: skip


def bomb() -> bytes:
    """An archive whose headers promise five members of a gigabyte each."""
    content = bytearray(archive({f"{INNER}/{number}": b"0" for number in range(5)}, zipfile.ZIP_STORED))
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        content[place + 24 : place + 28] = (2**30).to_bytes(4, "little")
        place = content.find(b"PK\x01\x02", place + 1)
    return bytes(content)


@each("Archives", CASES)
def test_archives(case, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "bad.zip").write_bytes(bomb() if case.make is None else case.make)
    check(case, lambda: unpack(folder / "bad.zip", INNER, folder / "target"), folder)
    assert [path.name for path in folder.iterdir()] == ["bad.zip"], "not even an empty folder is left"


@fault("Archives", "damaged archive", "one byte changed, or the end cut off, at random places",
       "Refused with one line and nothing left, or unpacked with the bytes that went in.", inputs=150)  # fmt: skip
def test_damaged_archives(tmp_path, counted):
    chance, refused, whole = random.Random(0), 0, archive()
    for number in range(counted("inputs")):
        content = bytearray(whole)
        place = chance.randrange(len(content))
        content[place] ^= 1 << chance.randrange(8)
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "bad.zip").write_bytes(content if number % 3 else content[:place])
        try:
            unpack(folder / "bad.zip", INNER, folder / "target")
        except InputError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1 and str(folder) in str(error)
            assert list(tree(folder)) == ["bad.zip"]
        else:
            found = [path.read_bytes() for path in (folder / "target").rglob("*") if path.is_file()]
            assert found and set(found) <= set(FILES.values())
    assert refused > counted("inputs") / 2


def test_the_archive_itself_is_unpacked_whole(tmp_path):
    (tmp_path / "good.zip").write_bytes(archive())
    unpack(tmp_path / "good.zip", INNER, tmp_path / "target")
    found = {f"{INNER}/train/{path.name}": path.read_bytes() for path in (tmp_path / "target" / "train").iterdir()}
    assert found == FILES
    with pytest.raises(InputError, match="target: Directory not empty"):
        unpack(tmp_path / "good.zip", INNER, tmp_path / "target")
