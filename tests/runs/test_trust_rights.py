"""Trust: folders and files that may not be read or written, met as an ordinary user; and links in place of files."""

import ctypes
import os

import pytest
from PIL import Image
from test_trust_disks import Large
from test_trust_faults import FORK
from trust import fault, refusal, says, tiny_run, tree

from reco_core import datasets
from reco_core.analysis.inference import load_trained, predict_files
from reco_core.datasets import prepared
from reco_core.datasets.archives import fetch
from reco_core.files import read_json, write_json
from reco_core.models import build_backbone
from reco_core.runs.checkpoints import NAME, load_latest
from reco_core.runs.guard import LOCK
from reco_core.runs.records import write_record

DISKS = "Disks and folders"


def refused_to_a_user(action, folder):
    """The refusal of an action in a process of its own, to which rights matter even if an administrator runs it."""
    receiver, sender = FORK.Pipe(duplex=False)

    def act():
        if os.geteuid() == 0:  # give up the capabilities by which Linux lets an administrator do what is forbidden
            version, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
            assert ctypes.CDLL(None).capset(version, none) == 0
        try:
            sender.send(refusal(action, folder))
        except BaseException as error:
            sender.send(f"{type(error).__name__}: {error}")

    process = FORK.Process(target=act)
    process.start()
    message = receiver.recv()
    process.join()
    return message


@pytest.fixture
def tmp_path(tmp_path):
    """A folder that can be deleted whatever a test did to its rights."""
    yield tmp_path
    for path in sorted(tmp_path.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


@fault(DISKS, "read-only folder", "a run, a record, a prediction, a download and a conversion by a user without the"
       " right to write", "Each is refused with one line, and nothing is written.", faults=6)  # fmt: skip
def test_a_read_only_folder(tmp_path, counted):
    tiny_run(tmp_path / "trained", iterations=2).fit()
    trained = load_trained(tmp_path / "trained" / NAME)
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    locked = tmp_path / "locked"
    (locked / "camvid").mkdir(parents=True)
    locked.chmod(0o555)
    (locked / "camvid").chmod(0o555)
    before = tree(tmp_path)
    actions = {
        "FOLDER: cannot hold a run: Permission denied; …": tiny_run(locked).fit,
        "run: cannot hold a run: Permission denied; …": tiny_run(locked / "run").fit,
        "r.json: cannot be written: Permission denied; …": lambda: write_record({}, locked / "r.json"),
        "a.labels.png: cannot be written: Permission denied; …": lambda: list(
            predict_files(trained, [tmp_path / "a.png"], locked)
        ),
        "data: cannot be written: Permission denied; …": lambda: datasets.download("camvid", locked / "data"),
        "prepared-32x32/…scene00.png: cannot be written: Permission denied; …": lambda: prepared.convert(
            Large(), locked
        ),
    }
    for expected, action in actions.items():
        message = refused_to_a_user(action, locked)
        assert says(message, expected), message
    assert tree(tmp_path) == before and len(actions) == counted("faults")


@fault(DISKS, "folder or file that may not be read", "a data set below $RECO_DATA, its images, an image, a mask's"
       " folder, a checkpoint's folder, a checkpoint, initial weights", "Each is refused with one line that names it.",
       faults=8)  # fmt: skip
def test_what_may_not_be_read(tmp_path, counted, monkeypatch):
    root, run = tmp_path / "data" / "folder", tmp_path / "run"
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
        Image.new("L", (8, 8)).save(root / kind / "a.png")
    (root / "classes.txt").write_text("one\ntwo\n")
    run.mkdir()
    (run / NAME).write_bytes(b"PK")
    monkeypatch.setenv("RECO_DATA", str(tmp_path / "data"))
    no_image, denied = "images/a.png: not a readable image ([Errno 13] Permission denied); …", "Permission denied; …"
    no_data = f"…: cannot be read: {denied} (--root, RECO_DATA)"
    cases = [
        (tmp_path / "data", no_data, lambda: datasets.load("folder")),
        (tmp_path / "data", no_data, lambda: datasets.load("camvid")),
        (root / "images", f"images: cannot be read: {denied}", lambda: datasets.load("folder")),
        (root / "images" / "a.png", no_image, lambda: datasets.load("folder")[0]),
        (root / "masks", f"masks/a.png: cannot be read: {denied}", lambda: datasets.load("folder")),
        (run, f"{NAME}: cannot be read: {denied}", lambda: load_latest(run)),
        (run / NAME, f"{NAME}: not a checkpoint or cut short (…Permission denied…", lambda: load_latest(run)),
        (run / NAME, f"{NAME}: not a state dict of mobilenet_v2_035: …Permission denied…",
         lambda: build_backbone("mobilenet_v2_035", run / NAME, 16)),
    ]  # fmt: skip
    for place, expected, action in cases:
        place.chmod(0)
        message = refused_to_a_user(action, run if place in (run, run / NAME) else root)
        place.chmod(0o755)
        assert says(message, expected), message
    assert len(cases) == counted("faults")


@fault(DISKS, "link in the place of a run's lock", "a symbolic link to a file elsewhere",
       "Refused with one line; the file that it leads to stays as it was.", inputs=1)  # fmt: skip
def test_the_lock_is_not_written_through_a_link(tmp_path):
    (tmp_path / "precious").write_text("old")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "precious")
    message = refusal(tiny_run(tmp_path / "run").fit, tmp_path)
    assert says(message, "run: cannot hold a run: Too many levels of symbolic links; choose another folder (--output)")
    assert (tmp_path / "precious").read_text() == "old"


@fault(DISKS, "folder in the place of a file", "a folder record.json, checkpoint.pt, the part of a download",
       "Refused with one line; the folder stays.", inputs=3)  # fmt: skip
def test_a_folder_in_the_place_of_a_file(tmp_path):
    for name in ("record.json", NAME, "a.zip.part"):
        (tmp_path / name / "inside").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    message = refusal(lambda: write_json(tmp_path / "record.json", {}), tmp_path)
    assert says(message, "record.json: cannot be written: Is a directory; …")
    assert says(refusal(lambda: read_json(tmp_path / "record.json"), tmp_path), "…: cannot be read: Is a directory; …")
    assert says(refusal(lambda: load_latest(tmp_path), tmp_path), f"{NAME}: no such checkpoint; …")
    message = refusal(lambda: fetch("http://127.0.0.1:9", tmp_path / "a.zip"), tmp_path)
    assert says(message, "a.zip.part: cannot be written: Is a directory; …")
    assert sorted(tmp_path.rglob("*")) == before


@fault(DISKS, "data set's folder under a name that is too long", "5,000 letters in $RECO_DATA, 300 in `--root`",
       "Refused with one line.", inputs=2)  # fmt: skip
def test_a_name_that_is_too_long(monkeypatch, tmp_path):
    monkeypatch.setenv("RECO_DATA", "x" * 5000)
    for root in (None, "y" * 300):
        message = refusal(lambda: datasets.load("camvid", root), tmp_path)  # noqa: B023
        assert says(message, "…: cannot be read: File name too long; change its rights, or choose another place …")


def test_the_same_is_allowed_to_who_has_the_rights(tmp_path):
    """The refusals above come from the rights alone."""
    (tmp_path / "open").mkdir()
    told = refused_to_a_user(lambda: write_record({}, tmp_path / "open" / "r.json"), tmp_path)
    assert told.startswith("Failed: DID NOT RAISE") and (tmp_path / "open" / "r.json").exists()
