"""Trust: full disks, folders that cannot be written to, and processes killed while they write."""

import contextlib
import itertools
import os
import random
import shutil
import signal
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from breaking import (
    FORK,
    INNER,
    Large,
    archive,
    die,
    die_in,
    finished,
    full_disk,
    goes_on,
    in_child,
    needs_full,
    undisturbed,
)
from PIL import Image
from shared import TINY, path_of, tiny_run
from trust import RECORD, Hook, fault, lasting, refusal, says, tree

from reco_core import datasets
from reco_core.analysis.inference import load_trained, predict_files
from reco_core.datasets import archives, prepared
from reco_core.datasets.archives import Source
from reco_core.datasets.base import read_pair
from reco_core.runs.checkpoints import NAME, load_checkpoint
from reco_core.runs.records import load_records, put
from reco_core.runs.sweeps import SweepRun, sweep

DISKS, WRITING = "Disks and folders", "A command that is broken off"
NO_ROOM = "cannot be written: No space left on device; make room …"


@needs_full
@fault(DISKS, "full disk at a checkpoint", "the second checkpoint lands on a device without room",
       "Stops with one line; the last checkpoint stays; with room again, the same command ends as if undisturbed.",
       faults=1, resumed=1)  # fmt: skip
def test_full_disk_at_a_checkpoint(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        message = refusal(tiny_run(tmp_path, reporter=Hook(4, lambda: full_disk(patch))).run, tmp_path)
    assert says(message, f"{NAME}: {NO_ROOM}"), message
    assert sorted(tree(tmp_path)) == [".lock", "checkpoint.previous.pt", NAME]
    assert load_checkpoint(tmp_path / NAME)["trainer"]["step"] == 3
    goes_on(tmp_path, undisturbed())


@needs_full
@fault(DISKS, "full disk at the record", "the record of a finished run lands on a device without room",
       "Stops with one line; the records that were there stay; the same command writes it without training again.",
       faults=1, resumed=1)  # fmt: skip
def test_full_disk_at_the_record(tmp_path, monkeypatch):
    record, path = tiny_run(tmp_path / "run").run(), tmp_path / "record.jsonl"
    another = put(replace(RECORD, about=replace(RECORD.about, seed=1)), path).read_bytes()
    with monkeypatch.context() as patch:
        full_disk(patch)
        message = refusal(lambda: put(record, path), tmp_path)
    assert says(message, f"record.jsonl: {NO_ROOM}") and path.read_bytes() == another
    put(finished(tmp_path / "run").run(), path)
    assert path.read_bytes().startswith(another), "what was there is written again as it was"
    assert lasting(load_records(path)[1]) == undisturbed()[0]


@needs_full
@fault(DISKS, "full disk at a prediction", "the first picture lands on a device without room",
       "Stops with one line; nothing half-written is left.", faults=1)  # fmt: skip
def test_full_disk_at_a_prediction(tmp_path, monkeypatch):
    tiny_run(tmp_path, iterations=2).run()
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg")
    trained = load_trained(tmp_path / NAME)
    full_disk(monkeypatch)
    message = refusal(lambda: list(predict_files(trained, [tmp_path / "a.jpg"], tmp_path / "out")), tmp_path)
    assert says(message, f"out/a.labels.png: {NO_ROOM}") and not list((tmp_path / "out").iterdir())


@fault(DISKS, "full disk while an archive is unpacked", "its third file finds no room",
       "Stops with one line; nothing is left; with room again, the same command unpacks it.",
       faults=1, resumed=1)  # fmt: skip
def test_full_disk_while_unpacking(tmp_path, monkeypatch):
    (tmp_path / "a.zip").write_bytes(archive())
    with monkeypatch.context() as patch:
        copy, calls = shutil.copyfileobj, []

        def no_room(*arguments):
            calls.append(arguments)
            if len(calls) == 3:
                raise OSError(28, "No space left on device")
            copy(*arguments)

        patch.setattr(shutil, "copyfileobj", no_room)
        message = refusal(lambda: archives.unpack(tmp_path / "a.zip", INNER, tmp_path / "data"), tmp_path)
    assert says(message, "a.zip: …data: No space left on device; make room …"), message
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
    run = finished(blocked / "run")
    refuse_folder(run.run, blocked, "run: …Not a directory; choose another folder (--output)")
    refuse_folder(lambda: put(RECORD, blocked / "r"), blocked, "r: …FOLDER is no folder; …another place…")
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg")
    tiny_run(tmp_path / "good", iterations=2).run()
    trained = load_trained(tmp_path / "good" / NAME)
    message = "a.labels.png: …FOLDER is no folder; …another place…"
    refuse_folder(lambda: list(predict_files(trained, [tmp_path / "a.jpg"], blocked)), blocked, message)
    monkeypatch.setattr(archives, "fetch", None)
    message = "data/camvid: …Not a directory; …another place…"
    refuse_folder(lambda: datasets.download("camvid", blocked / "data" / "camvid"), blocked, message)


class Handler(BaseHTTPRequestHandler):
    """Sends an archive; stops half-way until it may go on."""

    content = archive({f"{INNER}/train/{n}.png": random.Random(n).randbytes(300_000) for n in range(4)})

    def do_GET(self):
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        half = len(self.content) // 2
        with contextlib.suppress(OSError):  # whoever asked is dead
            self.wfile.write(self.content[:half])
            self.server.half_way.set()
            self.server.may_go_on.wait(20)
            self.wfile.write(self.content[half:])

    def log_message(self, *arguments): ...


@pytest.fixture
def server(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.half_way, server.may_go_on = 0, threading.Event(), threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(
        archives.SOURCES, "camvid", Source(f"http://127.0.0.1:{server.server_port}", INNER, {"train": 4})
    )
    yield server
    server.shutdown()
    server.server_close()


@fault(WRITING, "download killed", "kill -9 three times while bytes arrive, and once while they are unpacked",
       "Never taken for complete; the same command begins anew, or unpacks what had arrived, and the files are whole.",
       faults=4, resumed=4)  # fmt: skip
def test_killed_while_downloading(tmp_path, server, counted):
    target, archive = tmp_path / "camvid", tmp_path / "camvid.zip"
    for _ in range(counted("faults") - 1):
        process = FORK.Process(target=datasets.download, args=("camvid", target))
        process.start()
        assert server.half_way.wait(20)
        process.kill()
        process.join()
        server.half_way.clear()
        assert not target.exists() and not archive.exists()
    server.may_go_on.set()

    def dies_unpacking():
        shutil.copyfileobj = die
        datasets.download("camvid", target)

    assert in_child(dies_unpacking) == -signal.SIGKILL and not target.exists() and archive.exists()
    datasets.download("camvid", target)
    assert server.requests == counted("faults"), "the archive that had arrived is not fetched again"
    for number in range(4):
        assert (target / "train" / f"{number}.png").read_bytes() == random.Random(number).randbytes(300_000)


@fault(WRITING, "conversion of a data set killed", "kill -9 six times, at every fourth file",
       "Never taken for complete; the same command goes on with the next file, and all are whole.",
       faults=6, resumed=6)  # fmt: skip
def test_killed_while_preparing(tmp_path, counted):
    data, write = Large(), prepared.write_png

    def dies_at_the_fourth():
        written = []

        def some(picture, path):
            written.append(path)
            if len(written) == 4:
                die()
            write(picture, path)

        prepared.write_png = some
        prepared.convert(data, tmp_path)

    for number in range(1, counted("faults") + 1):
        assert in_child(dies_at_the_fourth) == -signal.SIGKILL
        assert prepared.converted(tmp_path, "train", data.size) is None
        assert len(list(tmp_path.rglob("masks/*.png"))) == number, "each goes on where the last one ended"
    prepared.convert(data, tmp_path)
    for index, pair in enumerate(prepared.converted(tmp_path, "train", data.size).values()):
        assert all(np.array_equal(a, b) for a, b in zip(read_pair(*pair, 3), data.read(index), strict=True))


@fault(WRITING, "images of a converted data set deleted", "one of eight files",
       "Refused with one line; with the list deleted, `reco data prepare` writes it again.", faults=1)  # fmt: skip
def test_a_converted_data_set_with_a_file_less(tmp_path):
    folder = prepared.convert(Large(), tmp_path)
    (folder / "images" / "scene03.png").unlink()
    message = refusal(lambda: prepared.converted(tmp_path, "train", Large.size), folder)
    assert says(message, "images/scene03.png: missing; delete names.txt and run `reco data prepare` again"), message
    (folder / "names.txt").unlink()
    prepared.convert(Large(), tmp_path)
    assert len(prepared.converted(tmp_path, "train", Large.size)) == 8


@fault(WRITING, "process killed while it records", "kill -9 before the record takes its place",
       "There is no record; the same command writes it without training again.", faults=1, resumed=1)  # fmt: skip
def test_killed_while_recording(tmp_path):
    record, path = tiny_run(tmp_path / "run").run(), tmp_path / "record.jsonl"
    another = put(replace(RECORD, about=replace(RECORD.about, seed=1)), path).read_bytes()

    def dies_recording():
        os.replace = die
        put(record, path)

    assert in_child(dies_recording) == -signal.SIGKILL and path.read_bytes() == another
    put(finished(tmp_path / "run").run(), path)
    assert path.read_bytes().startswith(another) and lasting(load_records(path)[1]) == undisturbed()[0]


@fault(WRITING, "sweep killed", "kill -9 at ten random moments of 200 short runs, every seventh of which fails",
       "Every record is whole, no recorded run is done twice, what failed is tried again.",
       faults=10, resumed=10)  # fmt: skip
def test_killed_while_sweeping(tmp_path, counted):
    names = [f"small/tiny/{number // 20}/{number}" for number in range(200)]  # ten groups
    results, log = tmp_path / "results", tmp_path / "log"
    filling = [{"step": step, "miou": 0.5} for step in range(500)]

    def recorded():
        found = load_records(results)
        assert all(list(record.history) == filling for record in found)
        return {record.about.recipe for record in found}

    runs = [SweepRun(TINY, tmp_path / name, name, "published") for name in names]

    def sweep_with(train):
        there = recorded()  # read once: none but this process writes
        return sweep(runs, train, lambda run: run.recipe in there)

    def train(run):
        if names.index(run.recipe) % 7 == 3:
            raise RuntimeError("broke")
        time.sleep(0.002)
        about = replace(RECORD.about, group=run.recipe.rpartition("/")[0], recipe=run.recipe, preset=run.preset)
        record = replace(RECORD, about=about, history=tuple(filling))
        put(record, path_of(record, results))
        with open(log, "a") as file:
            file.write(f"{run.recipe}\n")

    def doomed(seconds):
        """Dies some seconds after its third record."""
        own = []

        def trains(run):
            train(run)
            own.append(run)
            if len(own) == 3:
                die_in(seconds)

        return trains

    chance, done = random.Random(0), [0]
    for _ in range(counted("faults")):
        train_some = doomed(chance.uniform(0, 0.02))
        assert in_child(lambda: sweep_with(train_some)) == -signal.SIGKILL  # noqa: B023
        done.append(len(recorded()))
    assert all(before + 3 <= after for before, after in itertools.pairwise(done))
    failed = sweep_with(train)
    assert set(failed) == {f"{name}-seed0" for number, name in enumerate(names) if number % 7 == 3}
    assert len(recorded()) == 200 - len(failed)
    trained = log.read_text().split()
    assert len(set(trained)) == len(trained), "a run that had its record was done again"
