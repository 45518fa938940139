"""Trust: commands on a bad day: closed outputs, poor terminals, results in each other's way, sweeps and downloads."""

import contextlib
import errno
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shared import TinyScenes
from test_trust_archives import INNER, archive
from test_trust_disks import FULL, Large, full_disk, needs_full
from test_trust_faults import die, in_child, whole  # noqa: F401
from trust import TINY, Hook, fault, lasting, refusal, says, tiny_run, tree

from reco_core import datasets
from reco_core.analysis.inference import load_trained, predict_files
from reco_core.analysis.plots import new_figure, save_figure
from reco_core.cli import main as cli
from reco_core.datasets import archives, prepared
from reco_core.datasets.archives import Source, fetch
from reco_core.errors import Interrupted
from reco_core.files import read_json, write_json
from reco_core.runs.checkpoints import NAME, load_checkpoint
from reco_core.runs.records import load_record, write_record
from reco_core.runs.sweeps import SweepRun, sweep

WRITING, DISKS, TERMINAL = "A command that is broken off", "Disks and folders", "Commands and their output"


def refused(arguments, capsys, code=2):
    """The last line of a command that ends with a refusal."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    assert end.value.code == code
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run's folder."""
    folder = tmp_path_factory.mktemp("run")
    tiny_run(folder, iterations=2).fit()
    return folder


def command(arguments, output, encoding="utf-8"):
    """The exit code and the last lines of standard error of a command in a process of its own that writes to a file."""
    reader, writer = os.pipe()

    def act():
        os.dup2(writer, 2)
        os.dup2(output, 1)
        sys.stdout, sys.stderr = open(1, "w", encoding=encoding), open(2, "w")
        code = 0
        try:
            cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        sys.stderr.flush()
        os._exit(code)

    code = in_child(act)
    os.close(writer)
    with open(reader) as errors:
        return code, errors.read()


@pytest.fixture
def own(tmp_path):
    """Four labelled images of the classes 街 and road."""
    for kind in ("images", "masks"):
        (tmp_path / "own" / kind).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (48, 48), number % 2).save(tmp_path / "own" / kind / f"{number}.png")
    (tmp_path / "own" / "classes.txt").write_text("街\nroad\n", encoding="utf-8")
    return tmp_path / "own"


@fault(TERMINAL, "output that is closed", "`reco recipes | head -1`", "A line says so, no traceback; exit code 141.",
       faults=1)  # fmt: skip
def test_nobody_reads_the_output():
    reader, writer = os.pipe()
    os.close(reader)
    assert command(["recipes"], writer) == (141, "reco: nobody reads the output any more\n")
    os.close(writer)


@fault(TERMINAL, "terminal that knows ASCII alone", "a class named 街 in `reco data info`",
       "Shown as an escape; the command goes on.", faults=1)  # fmt: skip
def test_a_terminal_that_knows_ascii_alone(tmp_path, own):
    with open(tmp_path / "shown", "wb") as output:
        told = command(["data", "info", "folder", "--root", own], output.fileno(), encoding="ascii")
    assert told == (0, "") and b"\\u8857: 50.000" in (tmp_path / "shown").read_bytes()


@fault(TERMINAL, "names that a figure would read as formulas", "an image and a class with dollar signs, a class with"
       " an underscore in front, an image whose name is no UTF-8", "Drawn as they are.", inputs=4)  # fmt: skip
def test_names_that_a_figure_would_read_as_formulas(tmp_path):
    class Odd(TinyScenes):
        classes = (r"$\frac{$", "_ground", "box")

    data = Odd(2)
    data.names = [r"$\oops_{$", os.fsdecode(b"caf\xe9")]
    figure = datasets.preview(data)
    save_figure(figure, tmp_path / "p.svg")
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [text.replace(r"\$", "$").strip() for text in shown[:3]] == list(Odd.classes)
    assert [axes.get_title().replace(r"\$", "$") for axes in figure.axes[:2]] == [data.names[0], r"caf\udce9"]


@fault(TERMINAL, "results in each other's way", "images a.jpg and a.labels.jpg, or a.jpg and an image where its classes"
       " go", "Refused with one line before anything is written.", inputs=2)  # fmt: skip
def test_predictions_do_not_overwrite_each_other(tmp_path, trained):
    network = load_trained(trained / NAME)
    for name in ("a.jpg", "a.labels.jpg", "out/a.labels.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    before = tree(tmp_path)
    for other in ("a.labels.jpg", "out/a.labels.png"):
        images = [tmp_path / "a.jpg", tmp_path / other]
        for order in (images, images[::-1]):
            message = refusal(lambda: list(predict_files(network, order, tmp_path / "out")), tmp_path)  # noqa: B023
            assert says(message, "…'a'…'a.labels' would overwrite each other: run them apart") or says(
                message, "out/a.labels.png: … would overwrite the image itself: choose another --output"
            )
    (tmp_path / "out" / "a.labels.png").rename(tmp_path / "out" / "a.png")
    message = refusal(lambda: list(predict_files(network, [tmp_path / "out" / "a.png"], tmp_path / "out")), tmp_path)
    assert message == "out/a.png: its overlay would overwrite the image itself: choose another --output"
    assert len(tree(tmp_path)) == len(before)


@needs_full
@fault(DISKS, "figure at a bad place", "below a file, on a full disk, under the name p.xyz, in a folder's place",
       "Refused with one line; nothing half-written is left.", faults=4)  # fmt: skip
def test_figures_at_bad_places(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "p.png").mkdir()
    before, figure = tree(tmp_path), new_figure()
    assert "p.svg: cannot be written" in refusal(lambda: save_figure(figure, tmp_path / "file" / "p.svg"), tmp_path)
    assert "p.png: cannot be written: Is a" in refusal(lambda: save_figure(figure, tmp_path / "p.png"), tmp_path)
    with monkeypatch.context() as patch:
        full_disk(patch)
        assert "No space left" in refusal(lambda: save_figure(figure, tmp_path / "p.svg"), tmp_path)
    message = refused(["data", "preview", "toyscapes", "--output", tmp_path / "p.xyz"], capsys)
    assert message.endswith("p.xyz: not a picture's name; let it end in .png, .svg or .pdf")
    assert tree(tmp_path) == before


@fault(DISKS, "record at a bad place", "`--record` below a file, and where a folder is",
       "Refused with one line before the first step.", faults=2)  # fmt: skip
def test_a_record_at_a_bad_place_is_refused_before_the_first_step(tmp_path, own, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.json").mkdir()
    options = "--num-labelled 2 --eval-split train --test-split None --crop 32 32 --width 16 --iterations 1".split()
    options += ["--dataset", "folder", "--root", own, "--backbone", "mobilenet_v2_035", "--output", tmp_path / "run"]
    for place, reason in (("file/record.json", "is no folder"), ("folder.json", "Is a directory")):
        message = refused(["train", *options, "--record", tmp_path / place], capsys)
        assert message.startswith(f"reco: {tmp_path / place}: cannot be written: ") and reason in message
    assert not (tmp_path / "run").exists()


def test_what_the_system_refuses_is_said_in_one_line(monkeypatch, capsys):
    """Whatever was not thought of: no traceback for an error of the system."""

    def acts():
        raise OSError(errno.EIO, "Input/output error", "some\nfile")

    monkeypatch.setitem(cli.COMMANDS, "recipes", acts)
    told = refused(["recipes"], capsys)
    assert told == "reco: some file: Input/output error: mend that, then run the same command again"


@needs_full
@fault(DISKS, "full disk while a data set is converted", "the first file lands on a device without room",
       "Stops with one line; never taken for complete; with room again, the same command goes on.",
       faults=1, resumed=1)  # fmt: skip
def test_full_disk_while_preparing(tmp_path, monkeypatch):
    data = Large()
    with monkeypatch.context() as patch:
        full_disk(patch)
        message = refusal(lambda: prepared.convert(data, tmp_path), tmp_path)
    assert says(message, "…/scene00.png: cannot be written: No space left on device; …")
    assert not tree(tmp_path) and prepared.prepared_folder(tmp_path, "train", data.size) is None
    folder = prepared.convert(data, tmp_path)
    for index, name in enumerate(prepared.prepared_names(folder)):
        found = prepared.read_prepared(folder, name, 3)
        assert all(np.array_equal(a, b) for a, b in zip(found, data.read(index), strict=True))


@fault(DISKS, "full disk when a run begins", "no room for its lock", "Refused with one line; once there is room, the"
       " same command runs.", faults=1, resumed=1)  # fmt: skip
def test_full_disk_when_a_run_begins(tmp_path, whole, monkeypatch):  # noqa: F811
    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", no_room)
        message = refusal(tiny_run(tmp_path).fit, tmp_path)
    assert says(message, "FOLDER: cannot hold a run: No space left on device; choose another folder (--output)")
    assert lasting(tiny_run(tmp_path).fit()) == whole[0]


class Handler(BaseHTTPRequestHandler):
    """Sends an archive; knows ranges; stops half-way until it may go on."""

    content = archive()

    def do_GET(self):
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", self.server.length or str(len(self.content) - start))
        self.end_headers()
        half = max(start, len(self.content) // 2)
        with contextlib.suppress(OSError):
            self.wfile.write(self.content[start:half])
            self.wfile.flush()
            self.server.waiting.set()
            self.server.may_go_on.wait(20)
            self.wfile.write(self.content[half:])

    def log_message(self, *arguments): ...


@pytest.fixture
def server(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.waiting, server.may_go_on, server.length = threading.Event(), threading.Event(), None
    server.may_go_on.set()
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(archives.SOURCES, "camvid", Source(server.url, INNER, {"train": 4}))
    yield server
    server.shutdown()
    server.server_close()


@fault(WRITING, "two downloads of one data set", "a second process starts while the first one waits for bytes",
       "The second is refused with one line; the first one's files are whole.", faults=1)  # fmt: skip
def test_two_downloads_at_once(tmp_path, server):
    server.may_go_on.clear()
    first = threading.Thread(target=lambda: datasets.download("camvid", tmp_path / "camvid"))
    first.start()
    assert server.waiting.wait(20)

    def intrude():
        message = refusal(lambda: datasets.download("camvid", tmp_path / "camvid"), tmp_path)
        os._exit(7 if message.startswith("camvid.zip.part: another download is at work on it") else 1)

    assert in_child(intrude) == 7
    server.may_go_on.set()
    first.join()
    assert [path.name for path in tmp_path.iterdir()] == ["camvid"]
    for number in range(4):
        assert (tmp_path / "camvid" / "train" / f"{number}.png").read_bytes() == bytes([number]) * 3000


@needs_full
@fault(DISKS, "full disk while an archive arrives", "its first bytes land on a device without room",
       "Stops with one line that speaks of the disk, not of the network; with room again, the same command ends.",
       faults=1, resumed=1)  # fmt: skip
def test_full_disk_while_downloading(tmp_path, server, monkeypatch):
    class Full:
        """The operating system, on a full disk."""

        def __getattr__(self, name):
            return getattr(os, name)

        def open(self, path, flags, mode):
            return os.open(FULL, os.O_WRONLY)

    with monkeypatch.context() as patch:
        patch.setattr(archives, "os", Full())
        message = refusal(lambda: fetch(server.url, tmp_path / "a.zip"), tmp_path)
    assert says(message, "a.zip.part: cannot be written: No space left on device; make room, then run the same …")
    fetch(server.url, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == Handler.content and len(list(tmp_path.iterdir())) == 1


@fault(WRITING, "server that counts wrongly", "a Content-Length of a word, of -5, of a gigabyte",
       "What has come is taken as it is, or the download counts as broken off; no traceback.", faults=3)  # fmt: skip
def test_a_server_that_counts_wrongly(tmp_path, server):
    for length in ("many", "-5"):
        server.length = length
        fetch(server.url, tmp_path / length)
        assert (tmp_path / length).read_bytes() == Handler.content
    server.length = str(10**9)
    message = refusal(lambda: fetch(server.url, tmp_path / "c"), tmp_path)
    assert says(message, f"…: broke off after {len(Handler.content)} of 1000000000 bytes; run the same command …")
    assert not (tmp_path / "c").exists() and (tmp_path / "c.part").exists()


@fault(WRITING, "record that is damaged", "a record cut short, an empty one, a folder in its place, in a sweep of five",
       "Named as failed, neither counted as done nor overwritten; the other two are recorded.", faults=3)  # fmt: skip
def test_a_sweep_does_not_take_a_damaged_record_for_a_whole_one(tmp_path):
    runs = [SweepRun(TINY, tmp_path / f"run{n}", tmp_path / f"{n}.json") for n in range(5)]
    write_json(runs[0].record, {"kept": 1})
    runs[1].record.write_bytes(runs[0].record.read_bytes()[:5])
    runs[2].record.write_bytes(b"")
    runs[3].record.mkdir()
    before, said = tree(tmp_path), []
    failed = sweep(runs, lambda options, folder, record: write_json(record, {"new": 1}), tell=said.append)
    assert list(failed) == [runs[n].record for n in (1, 2, 3)]
    assert says(failed[runs[1].record], f"{runs[1].record}: not valid JSON: …; restore or delete it")
    assert {**before, "4.json": 0}.keys() == tree(tmp_path).keys() and read_json(runs[4].record) == {"new": 1}
    assert sum(line.startswith("FAILED: ") for line in said) == 3 and said[-1].startswith("[2/5] ")
    assert {name: when for name, when in tree(tmp_path).items() if name != "4.json"} == before


def train(options, folder, record, stop=None):
    """A run of a sweep, on tiny scenes; `stop` is done in its fourth step."""
    write_record(tiny_run(folder, reporter=None if stop is None else Hook(4, stop), seed=options.seed).fit(), record)


@fault(WRITING, "sweep stopped in a run", "kill -9 in the second of three runs, Ctrl-C in the third",
       "The same command leaves the recorded runs alone, goes on from the checkpoint of the one that was stopped, and"
       " all records are the undisturbed ones.", faults=2, resumed=2)  # fmt: skip
def test_a_sweep_of_real_runs_goes_on(tmp_path):
    runs = [SweepRun(tiny_run(seed=n).options, tmp_path / f"run{n}", tmp_path / f"{n}.json") for n in range(3)]

    def stopping(at, how):
        return lambda *run: train(*run, how if run[1] == runs[at].folder else None)

    assert in_child(lambda: sweep(runs, stopping(1, die))) == -signal.SIGKILL
    assert [run.record.exists() for run in runs] == [True, False, False]
    assert load_checkpoint(runs[1].folder / NAME)["step"] == 2
    first = runs[0].record.stat().st_mtime_ns
    with pytest.raises(Interrupted, match="interrupted after step 4 of 6, saved in .*run2"):
        sweep(runs, stopping(2, lambda: signal.raise_signal(signal.SIGINT)))
    assert [run.record.exists() for run in runs] == [True, True, False]
    assert not sweep(runs, train) and runs[0].record.stat().st_mtime_ns == first
    for number, run in enumerate(runs):
        assert lasting(load_record(run.record)) == lasting(tiny_run(seed=number).fit())


@fault("A run that is broken off", "Ctrl-C while the finished network is scored", "after the last step",
       "Stops at once; the same command scores and records without training again.", faults=1, resumed=1)  # fmt: skip
def test_interrupted_while_the_end_is_scored(tmp_path, whole):  # noqa: F811
    run = tiny_run(tmp_path)
    score = run._score

    def interrupted(data):
        if run.step == 6 and load_checkpoint(Path(tmp_path) / NAME)["step"] == 6:
            signal.raise_signal(signal.SIGINT)
        return score(data)

    run._score = interrupted
    # A job in the background of a shell ignores Ctrl-C: the test brings the handler of one in the foreground.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run.fit()
    finally:
        signal.signal(signal.SIGINT, before)
    again = tiny_run(tmp_path)
    again.training_step = None
    assert lasting(again.fit()) == whole[0]
