"""Trust: full disks, folders that cannot be written to, and processes killed while they write."""

import contextlib
import itertools
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shared import TinyScenes
from test_trust_archives import INNER, archive
from test_trust_faults import die, die_in, goes_on, in_child, whole  # noqa: F401
from trust import TINY, Hook, fault, lasting, refusal, says, tiny_run, tree

from reco_core import datasets
from reco_core.analysis.inference import load_trained, predict_files
from reco_core.datasets import archives, prepared
from reco_core.datasets.archives import Source
from reco_core.files import read_json, write_json
from reco_core.runs.checkpoints import NAME, load_checkpoint
from reco_core.runs.records import load_record, write_record
from reco_core.runs.sweeps import SweepRun, sweep

DISKS, WRITING = "Disks and folders", "A command that is broken off"
NO_ROOM = (
    "cannot be written: No space left on device; make room or choose another place, then run the same command again"
)
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs the system's device that is always full")


def full_disk(monkeypatch):
    """Let every file that is written whole land on a device that has no room, as the system itself says it."""

    def make(dir, prefix):
        handle, name = _mkstemp(dir=dir, prefix=prefix)
        os.close(handle)
        return os.open(FULL, os.O_WRONLY), name

    monkeypatch.setattr(tempfile, "mkstemp", make)


_mkstemp = tempfile.mkstemp


@needs_full
@fault(DISKS, "full disk at a checkpoint", "the second checkpoint lands on a device without room",
       "Stops with one line; the last checkpoint stays; with room again, the same command ends as if undisturbed.",
       faults=1, resumed=1)  # fmt: skip
def test_full_disk_at_a_checkpoint(tmp_path, whole, monkeypatch):  # noqa: F811
    with monkeypatch.context() as patch:
        message = refusal(tiny_run(tmp_path, reporter=Hook(4, lambda: full_disk(patch))).fit, tmp_path)
    assert message == f"{NAME}: {NO_ROOM}"
    assert sorted(tree(tmp_path)) == [".lock", NAME] and load_checkpoint(tmp_path / NAME)["step"] == 2
    goes_on(tmp_path, whole)


@needs_full
@fault(DISKS, "full disk at the record", "the record of a finished run lands on a device without room",
       "Stops with one line; the same command writes it without training again.", faults=1, resumed=1)  # fmt: skip
def test_full_disk_at_the_record(tmp_path, whole, monkeypatch):  # noqa: F811
    record = tiny_run(tmp_path / "run").fit()
    (tmp_path / "record.json").write_text("{}")
    with monkeypatch.context() as patch:
        full_disk(patch)
        message = refusal(lambda: write_record(record, tmp_path / "record.json"), tmp_path)
    assert message == f"record.json: {NO_ROOM}" and (tmp_path / "record.json").read_text() == "{}"
    again = tiny_run(tmp_path / "run")
    again.training_step = None  # not needed any more
    write_record(again.fit(), tmp_path / "record.json")
    assert lasting(load_record(tmp_path / "record.json")) == whole[0]


@needs_full
@fault(DISKS, "full disk at a prediction", "the first picture lands on a device without room",
       "Stops with one line; nothing half-written is left.", faults=1)  # fmt: skip
def test_full_disk_at_a_prediction(tmp_path, monkeypatch):
    tiny_run(tmp_path, iterations=2).fit()
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg")
    trained = load_trained(tmp_path / NAME)
    full_disk(monkeypatch)
    message = refusal(lambda: list(predict_files(trained, [tmp_path / "a.jpg"], tmp_path / "out")), tmp_path)
    assert message == f"out/a.labels.png: {NO_ROOM}" and not list((tmp_path / "out").iterdir())


@fault(DISKS, "full disk while an archive is unpacked", "its third file finds no room",
       "Stops with one line; nothing is left; with room again, the same command unpacks it.",
       faults=1, resumed=1)  # fmt: skip
def test_full_disk_while_unpacking(tmp_path, monkeypatch):
    (tmp_path / "a.zip").write_bytes(archive())
    with monkeypatch.context() as patch:
        copy, calls = shutil.copyfileobj, []

        def no_room(source, sink):
            calls.append(sink)
            if len(calls) == 3:
                raise OSError(28, "No space left on device")
            copy(source, sink)

        patch.setattr(shutil, "copyfileobj", no_room)
        message = refusal(lambda: archives.unpack(tmp_path / "a.zip", INNER, tmp_path / "data"), tmp_path)
    assert says(message, "a.zip: cannot be unpacked into data: No space left on device; make room …")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    archives.unpack(tmp_path / "a.zip", INNER, tmp_path / "data")
    assert len(list((tmp_path / "data" / "train").iterdir())) == 4


def refuse_folder(action, blocked, expected):
    before = tree(blocked.parent)
    message = refusal(action, blocked)
    assert says(message, expected), message
    assert tree(blocked.parent) == before


@fault(DISKS, "folder that cannot be written to", "a run, a record, a prediction and a download below a file",
       "Each is refused with one line; the run before its first step, the download before its first byte.",
       faults=4)  # fmt: skip
def test_places_that_cannot_be_written_to(tmp_path, monkeypatch):
    """Below a file nobody may write, not even an administrator, for whom a folder's rights mean nothing."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    run = tiny_run(blocked / "run")
    run.training_step = None
    refuse_folder(run.fit, blocked, "run: cannot hold a run: Not a directory; choose another folder (--output)")
    refuse_folder(lambda: write_record({}, blocked / "r"), blocked, "r: cannot be written: FOLDER is no folder; …")
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg")
    tiny_run(tmp_path / "good", iterations=2).fit()
    trained = load_trained(tmp_path / "good" / NAME)
    refuse_folder(
        lambda: list(predict_files(trained, [tmp_path / "a.jpg"], blocked)), blocked, "a.labels.png: cannot …"
    )
    monkeypatch.setattr(archives, "fetch", None)
    message = "data/camvid: cannot be written: Not a directory; choose another place (--root), then …"
    refuse_folder(lambda: datasets.download("camvid", blocked / "data" / "camvid"), blocked, message)


class Handler(BaseHTTPRequestHandler):
    """Sends an archive; knows ranges."""

    content = archive({f"{INNER}/train/{n}.png": random.Random(n).randbytes(300_000) for n in range(4)})

    def do_GET(self):
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.server.starts.append(start)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked is dead
            self.wfile.write(self.content[start:])

    def log_message(self, *arguments): ...


@pytest.fixture
def server(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.starts = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(
        archives.SOURCES, "camvid", Source(f"http://127.0.0.1:{server.server_port}", INNER, {"train": 4})
    )
    yield server
    server.shutdown()
    server.server_close()


@fault(WRITING, "download killed", "kill -9 three times while bytes arrive, and once while they are unpacked",
       "Each time the same command goes on after the last byte; the files are whole.", faults=4, resumed=4)  # fmt: skip
def test_killed_while_downloading(tmp_path, server, counted):
    target, part = tmp_path / "camvid", tmp_path / "camvid.zip.part"
    for number in range(1, counted("faults")):
        enough = number * 200_000
        ends = in_child(lambda: datasets.download("camvid", target, lambda done, total: done >= enough and die()))  # noqa: B023
        assert ends == -signal.SIGKILL and not target.exists() and part.stat().st_size >= enough

    def dies_unpacking():
        archives.shutil.copyfileobj = die
        datasets.download("camvid", target)

    assert in_child(dies_unpacking) == -signal.SIGKILL and not target.exists()
    assert server.starts == sorted(server.starts) and len(set(server.starts)) == len(server.starts)
    datasets.download("camvid", target)
    assert len(server.starts) == counted("faults"), "the whole archive is not fetched again"
    for number in range(4):
        assert (target / "train" / f"{number}.png").read_bytes() == random.Random(number).randbytes(300_000)


class Large:
    """The tiny scenes as `convert` reads a data set that is to be reduced."""

    split, size, names = "train", (32, 32), TinyScenes().names

    def __len__(self):
        return len(self.names)

    def read(self, index):
        image, label = TinyScenes()[index]
        return (255 * image).byte(), label


@fault(WRITING, "conversion of a data set killed", "kill -9 six times, at every fourth file",
       "Never taken for complete; the same command goes on with the next file, and all are whole.",
       faults=6, resumed=6)  # fmt: skip
def test_killed_while_preparing(tmp_path, counted):
    data, write = Large(), prepared.atomic_write

    def dies_at_the_fourth():
        written = []

        def some(path, fill):
            written.append(path)
            if len(written) == 4:
                die()
            write(path, fill)

        prepared.atomic_write = some
        prepared.convert(data, tmp_path)

    for number in range(1, counted("faults") + 1):
        assert in_child(dies_at_the_fourth) == -signal.SIGKILL
        assert prepared.prepared_folder(tmp_path, "train", data.size) is None
        assert len(list(tmp_path.rglob("masks/*.png"))) == number, "each goes on where the last one ended"
    folder = prepared.convert(data, tmp_path)
    for index, name in enumerate(prepared.prepared_names(folder)):
        found, expected = prepared.read_prepared(folder, name, 3), data.read(index)
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


@fault(WRITING, "images of a converted data set deleted", "one of eight files", "Refused with one line.", faults=1)
def test_a_converted_data_set_with_a_file_less(tmp_path):
    folder = prepared.convert(Large(), tmp_path)
    (folder / "images" / "scene03.png").unlink()
    message = refusal(lambda: prepared.prepared_names(folder), folder)
    assert message == "FOLDER: 7 images instead of 8; delete this folder and run `reco data prepare` again"


@fault(WRITING, "process killed while it records", "kill -9 before the record takes its place",
       "There is no record; the same command writes it without training again.", faults=1, resumed=1)  # fmt: skip
def test_killed_while_recording(tmp_path, whole, monkeypatch):  # noqa: F811
    run = tiny_run(tmp_path / "run")
    record = run.fit()

    def dies_recording():
        os.replace = die
        write_record(record, tmp_path / "record.json")

    assert in_child(dies_recording) == -signal.SIGKILL and not (tmp_path / "record.json").exists()
    again = tiny_run(tmp_path / "run")
    again.training_step = None
    write_record(again.fit(), tmp_path / "record.json")
    assert lasting(load_record(tmp_path / "record.json")) == whole[0]


@fault(WRITING, "sweep killed", "kill -9 at ten random moments of 200 short runs, every seventh of which fails",
       "Every record is whole, no recorded run is done twice, what failed is tried again.",
       faults=10, resumed=10)  # fmt: skip
def test_killed_while_sweeping(tmp_path, counted):
    runs = [SweepRun(TINY, tmp_path / str(n), tmp_path / "records" / f"{n}.json") for n in range(200)]
    log = tmp_path / "log"

    def train(options, folder, record):
        if int(folder.name) % 7 == 3:
            raise RuntimeError("broke")
        time.sleep(0.002)
        write_json(record, {"run": folder.name, "filling": "x" * 20_000})
        with open(log, "a") as file:
            file.write(f"{folder.name}\n")

    def doomed(seconds):
        """Dies some seconds after its third record."""
        own = []

        def trains(*run):
            train(*run)
            own.append(run)
            if len(own) == 3:
                die_in(seconds)

        return trains

    chance, done = random.Random(0), [0]
    for _ in range(counted("faults")):
        train_some = doomed(chance.uniform(0, 0.02))
        assert in_child(lambda: sweep(runs, train_some)) == -signal.SIGKILL  # noqa: B023
        records = [path for path in (tmp_path / "records").glob("[!.]*")]
        assert all(read_json(path)["run"] == path.stem for path in records)
        done.append(len(records))
    assert all(before + 3 <= after for before, after in itertools.pairwise(done))
    failed = sweep(runs, train)
    assert {path.stem for path in failed} == {str(n) for n in range(200) if n % 7 == 3}
    assert sum(run.record.exists() for run in runs) == 200 - len(failed)
    finished = log.read_text().split()
    assert len(set(finished)) == len(finished), "a run that had its record was done again"
