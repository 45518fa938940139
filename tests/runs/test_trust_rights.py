"""Trust: folders and files that may not be read or written, met as an ordinary user; and links in place of files."""

import ctypes
import os

import pytest
from breaking import FORK, Large
from PIL import Image
from shared import tiny_run
from trust import RECORD, fault, refusal, says, tree

from reco_core import datasets
from reco_core.analysis.inference import load_trained, predict_files
from reco_core.backbones import build_backbone
from reco_core.datasets import prepared
from reco_core.runs.checkpoints import NAME, load_latest
from reco_core.runs.guard import LOCK
from reco_core.runs.records import load_records, put

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
    tiny_run(tmp_path / "trained", iterations=2).run()
    trained = load_trained(tmp_path / "trained" / NAME)
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    locked = tmp_path / "locked"
    (locked / "camvid").mkdir(parents=True)
    locked.chmod(0o555)
    (locked / "camvid").chmod(0o555)
    before = tree(tmp_path)
    actions = {
        "FOLDER: …Permission denied; choose another folder …": tiny_run(locked).run,
        "run: …Permission denied; choose another folder …": tiny_run(locked / "run").run,
        "r.jsonl: …Permission denied; …choose another place…": lambda: put(RECORD, locked / "r.jsonl"),
        "a.labels.png: …Permission denied; …choose another place…": lambda: list(
            predict_files(trained, [tmp_path / "a.png"], locked)
        ),
        "data: …Permission denied; …another place…": lambda: datasets.download("camvid", locked / "data"),
        "prepared-32x32/…scene00.png: …Permission denied; …another place…": lambda: prepared.convert(Large(), locked),
    }
    for expected, action in actions.items():
        message = refused_to_a_user(action, locked)
        assert says(message, expected), message
    assert tree(tmp_path) == before and len(actions) == counted("faults")


@fault(DISKS, "folder or file that may not be read", "a data set below $RECO_DATA, its images, an image, a mask's"
       " folder, a checkpoint, initial weights, a record",
       "Each is refused with one line that names it.", faults=8)  # fmt: skip
def test_what_may_not_be_read(tmp_path, counted, monkeypatch):
    root, run = tmp_path / "data" / "folder", tmp_path / "run"
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
        Image.new("L", (8, 8)).save(root / kind / "a.png")
    (root / "classes.txt").write_text("one\ntwo\n")
    run.mkdir()
    (run / NAME).write_bytes(b"PK")
    monkeypatch.setenv("RECO_DATA", str(tmp_path / "data"))
    put(RECORD, run / "record.jsonl")
    no_image, denied = "images/a.png: …Permission denied…; restore …", "Permission denied; …"
    no_data, system = "…: no such folder …; give --root, set RECO_DATA, or download it", "PermissionError: …"
    cases = [
        (tmp_path / "data", no_data, lambda: datasets.load("folder")),
        (tmp_path / "data", no_data, lambda: datasets.load("camvid")),
        (root / "images", f"{system}images'", lambda: datasets.load("folder")),
        (root / "images" / "a.png", no_image, lambda: datasets.load("folder")[0]),
        (root / "masks", f"{system}masks'", lambda: datasets.load("folder")),
        (run / NAME, f"{NAME}: …Permission denied…; use another one", lambda: load_latest(run)),
        (run / NAME, f"{NAME}: …mobilenet_v2_035: …Permission denied…; give its file, …",
         lambda: build_backbone("mobilenet_v2_035", run / NAME, 16)),
        (run / "record.jsonl", f"record.jsonl: …{denied}", lambda: load_records(run)),
    ]  # fmt: skip
    for place, expected, action in cases:
        place.chmod(0)
        message = refused_to_a_user(action, run if run in (place, place.parent) else root)
        place.chmod(0o755)
        assert says(message, expected), message
    assert len(cases) == counted("faults")


@fault(DISKS, "link in the place of a run's lock", "a symbolic link to a file elsewhere",
       "Refused with one line; the file that it leads to stays as it was.", inputs=1)  # fmt: skip
def test_the_lock_is_not_written_through_a_link(tmp_path):
    (tmp_path / "precious").write_text("old")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "precious")
    message = refusal(tiny_run(tmp_path / "run").run, tmp_path)
    assert says(message, "run: …symbolic links; choose another folder (--output)"), message
    assert (tmp_path / "precious").read_text() == "old"


@fault(DISKS, "folder in the place of a file", "a folder record.jsonl, checkpoint.pt",
       "Refused with one line; the folder stays.", inputs=2)  # fmt: skip
def test_a_folder_in_the_place_of_a_file(tmp_path):
    for name in ("record.jsonl", NAME):
        (tmp_path / name / "inside").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    refused = {
        "record.jsonl: cannot be written: Is a directory; …": lambda: put(RECORD, tmp_path / "record.jsonl"),
        "record.jsonl: cannot be read: Is a directory; …": lambda: load_records(tmp_path),
        f"{NAME}: no such checkpoint; …": lambda: load_latest(tmp_path),
    }
    for expected, action in refused.items():
        message = refusal(action, tmp_path)
        assert says(message, expected), message
    assert sorted(tmp_path.rglob("*")) == before


@fault(DISKS, "data set's folder under a name that is too long", "5,000 letters in $RECO_DATA, 300 in `--root`",
       "Refused with one line.", inputs=2)  # fmt: skip
def test_a_name_that_is_too_long(monkeypatch, tmp_path):
    monkeypatch.setenv("RECO_DATA", "x" * 5000)
    for root in (None, "y" * 300):
        message = refusal(lambda: datasets.load("camvid", root), tmp_path)  # noqa: B023
        assert says(message, "…: no such folder …; give --root, set RECO_DATA, or download it"), message


def test_the_same_is_allowed_to_who_has_the_rights(tmp_path):
    """The refusals above come from the rights alone."""
    (tmp_path / "open").mkdir()
    told = refused_to_a_user(lambda: put(RECORD, tmp_path / "open" / "r.jsonl"), tmp_path)
    assert told.startswith("Failed: DID NOT RAISE") and (tmp_path / "open" / "r.jsonl").exists()
