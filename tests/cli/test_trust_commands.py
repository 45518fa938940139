"""Trust: commands on a bad day: closed outputs, poor terminals, results in each other's way, sweeps and downloads."""

import contextlib
import errno
import io
import os
import signal
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from breaking import FORK, INNER, Large, archive, die, finished, full_disk, in_child, needs_full, undisturbed
from PIL import Image
from shared import TinyScenes, tiny_options, tiny_run
from trust import RECORD, Hook, fault, lasting, refusal, refused, says, tree

from reco_core import datasets
from reco_core.analysis.inference import load_trained, predict_files
from reco_core.analysis.plots import new_figure, save_figure
from reco_core.analysis.preview import preview
from reco_core.cli import main as cli
from reco_core.cli import training
from reco_core.datasets import archives, prepared
from reco_core.datasets.archives import Source, fetch
from reco_core.datasets.base import read_pair
from reco_core.errors import Interrupted
from reco_core.runs.checkpoints import NAME, load_checkpoint
from reco_core.runs.records import load_records, put
from reco_core.runs.sweeps import SweepRun, sweep

WRITING, DISKS, TERMINAL = "A command that is broken off", "Disks and folders", "Commands and their output"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run's folder."""
    folder = tmp_path_factory.mktemp("run")
    tiny_run(folder, iterations=2).run()
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
    code, told = command(["recipes"], writer)
    assert code == 141 and says(told, "reco: …output…\n") and told.count("\n") == 1, told
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
    figure = preview(data)
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
            assert says(message, "out/a.labels.png: …: run the images apart, or choose another --output"), message
    (tmp_path / "out" / "a.labels.png").rename(tmp_path / "out" / "a.png")
    message = refusal(lambda: list(predict_files(network, [tmp_path / "out" / "a.png"], tmp_path / "out")), tmp_path)
    assert says(message, "out/a.png: …choose another --output"), message
    assert len(tree(tmp_path)) == len(before)


@needs_full
@fault(DISKS, "figure at a bad place", "below a file, on a full disk, under the name p.xyz, in a folder's place",
       "Refused with one line; nothing half-written is left.", faults=4)  # fmt: skip
def test_figures_at_bad_places(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "p.png").mkdir()
    before, figure = tree(tmp_path), new_figure()
    place = "make room or choose another place…"
    message = refusal(lambda: save_figure(figure, tmp_path / "file" / "p.svg"), tmp_path)
    assert says(message, f"file/p.svg: …file is no folder; {place}"), message
    message = refusal(lambda: save_figure(figure, tmp_path / "p.png"), tmp_path)
    assert says(message, f"p.png: …Is a directory; {place}"), message
    with monkeypatch.context() as patch:
        full_disk(patch)
        message = refusal(lambda: save_figure(figure, tmp_path / "p.svg"), tmp_path)
    assert says(message, f"p.svg: …No space left on device; {place}"), message
    message = refused(["data", "preview", "toyscapes", "--output", tmp_path / "p.xyz"], capsys)
    assert says(message, f"{tmp_path / 'p.xyz'}: …end in .png, .svg or .pdf"), message
    assert tree(tmp_path) == before


@fault(DISKS, "record at a bad place", "`--record` below a file, where a folder is, and where a file is"
       " damaged", "Refused with one line before the first step.", faults=3)  # fmt: skip
def test_a_record_at_a_bad_place_is_refused_before_the_first_step(tmp_path, own, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "damaged.jsonl").write_text('{"kind": "ru')
    options = "--num-labelled 2 --eval-split train --test-split None --crop 32 32 --width 16 --iterations 1".split()
    options += ["--dataset", "folder", "--root", own, "--backbone", "mobilenet_v2_035", "--output", tmp_path / "run"]
    before = tree(tmp_path)
    for place, reason in (
        ("file/record.jsonl", ": …file is no folder; …choose another place…"),
        ("folder.jsonl", ": …Is a directory; …choose another place…"),
        ("damaged.jsonl", ", line 1: not valid JSON: …; restore or delete it"),
    ):
        message = refused(["train", *options, "--record", tmp_path / place], capsys)
        assert says(message, f"{tmp_path / place}{reason}"), message
    assert tree(tmp_path) == before and not (tmp_path / "run").exists()


def test_what_the_system_refuses_is_said_in_one_line(monkeypatch, capsys):
    """Whatever was not thought of: no traceback for an error of the system."""

    def acts():
        raise OSError(errno.EIO, "Input/output error", "some\nfile")

    monkeypatch.setattr("reco_core.cli.training.recipes", acts)
    assert says(refused(["recipes"], capsys), "some file: Input/output error: …run the same command again")


@needs_full
@fault(DISKS, "full disk while a data set is converted", "the first file lands on a device without room",
       "Stops with one line; never taken for complete; with room again, the same command goes on.",
       faults=1, resumed=1)  # fmt: skip
def test_full_disk_while_preparing(tmp_path, monkeypatch):
    data = Large()
    with monkeypatch.context() as patch:
        full_disk(patch)
        message = refusal(lambda: prepared.convert(data, tmp_path), tmp_path)
    assert says(message, "…/scene00.png: …No space left on device; make room …"), message
    assert not tree(tmp_path) and prepared.converted(tmp_path, "train", data.size) is None
    prepared.convert(data, tmp_path)
    for index, pair in enumerate(prepared.converted(tmp_path, "train", data.size).values()):
        assert all(np.array_equal(a, b) for a, b in zip(read_pair(*pair, 3), data.read(index), strict=True))


@fault(DISKS, "full disk when a run begins", "no room for its lock", "Refused with one line; once there is room, the"
       " same command runs.", faults=1, resumed=1)  # fmt: skip
def test_full_disk_when_a_run_begins(tmp_path, monkeypatch):
    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", no_room)
        message = refusal(tiny_run(tmp_path).run, tmp_path)
    assert says(message, "FOLDER: …No space left on device; choose another folder (--output)"), message
    assert lasting(tiny_run(tmp_path).run()) == undisturbed()[0]


class Handler(BaseHTTPRequestHandler):
    """Sends an archive; the first time, stops half-way until it may go on."""

    content = archive()

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", self.server.length or str(len(self.content)))
        self.end_headers()
        half = len(self.content) // 2
        with contextlib.suppress(OSError):
            self.wfile.write(self.content[:half])
            if not self.server.waiting.is_set():
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


@fault(WRITING, "two downloads of one data set", "a second process starts and ends while the first one waits for bytes",
       "The first is refused with one line; the second one's files are whole.", faults=1)  # fmt: skip
def test_two_downloads_at_once(tmp_path, server):
    server.may_go_on.clear()

    def overtaken():
        message = refusal(lambda: datasets.download("camvid", tmp_path / "camvid"), tmp_path)
        os._exit(7 if says(message, "camvid.zip: cannot be unpacked into …camvid: Directory not empty; …") else 1)

    first = FORK.Process(target=overtaken)
    first.start()
    assert server.waiting.wait(20)
    datasets.download("camvid", tmp_path / "camvid")
    server.may_go_on.set()
    first.join()
    assert first.exitcode == 7
    for number in range(4):
        assert (tmp_path / "camvid" / "train" / f"{number}.png").read_bytes() == bytes([number]) * 3000


class Full(io.FileIO):
    """A file on a full disk."""

    def write(self, _):
        raise OSError(errno.ENOSPC, "No space left on device")


@fault(DISKS, "full disk while an archive arrives", "its first bytes find no room",
       "Stops with one line that says so; nothing is left; with room again, the same command ends.",
       faults=1, resumed=1)  # fmt: skip
def test_full_disk_while_downloading(tmp_path, server, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(torch.hub, "open", Full, raising=False)
        message = refusal(lambda: fetch(server.url, tmp_path / "a.zip"), tmp_path)
    assert says(message, "…a.zip: …No space left on device; check …the disk…"), message
    assert list(tmp_path.iterdir()) == []
    fetch(server.url, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == Handler.content and len(list(tmp_path.iterdir())) == 1


@fault(WRITING, "server that counts wrongly", "a Content-Length of a word, of -5, of a gigabyte",
       "A word is refused with one line; what has come is taken as it is and, if it is not whole, not unpacked.",
       faults=3)  # fmt: skip
def test_a_server_that_counts_wrongly(tmp_path, server):
    server.length = "many"
    message = refusal(lambda: fetch(server.url, tmp_path / "c"), tmp_path)
    assert says(message, "…'many'; check …") and list(tmp_path.iterdir()) == []
    for length in ("-5", str(10**9)):
        server.length = length
        fetch(server.url, tmp_path / length)
        assert (tmp_path / length).read_bytes() == Handler.content


GROUP = "toyscapes/20"


def reproduce(results, *arguments):
    """`reco reproduce` of one method, seed by seed."""
    given = [GROUP, "--methods", "supervised", "--results", results, "--output", results.parent / "runs", *arguments]
    cli.main(["reproduce", *map(str, given)])


def recorded(results):
    """Seeds of the recorded runs."""
    return [record.seed for record in load_records(results)]


DAMAGES = {
    "a record cut short": ("20.jsonl", lambda path, text: path.write_text(text[:-20])),
    "a record of another version": (
        "20.jsonl", lambda path, text: path.write_text(text.replace('"schema":2', '"schema":99'))),
    "a folder in the file's place": ("20.jsonl", lambda path, text: [path.unlink(), path.mkdir()]),
    "a record cut short in the file of another group": ("50.jsonl", lambda path, text: path.write_text(text[:100])),
}  # fmt: skip
"""What is done to a file of records, given what is in the group's."""


@pytest.mark.parametrize("what", [pytest.param(what, marks=fault(
    WRITING, "record that is damaged", f"{what}, in a sweep of five", "Refused with one line that names the file,"
    " before the first run; nothing is overwritten. Once the file is restored, the same command does the runs that it"
    " does not hold.", faults=1, resumed=1)) for what in DAMAGES])  # fmt: skip
def test_a_sweep_does_not_take_a_damaged_record_for_a_whole_one(tmp_path, what, monkeypatch, capsys):
    trained = []

    def train_one(options, folder, path, recipe, preset):
        trained.append(options.seed)
        about = replace(RECORD.about, group=GROUP, recipe=recipe, preset=preset, seed=options.seed)
        put(replace(RECORD, about=about), path)

    monkeypatch.setattr(training, "train_one", train_one)
    results, path = tmp_path / "results", tmp_path / "results" / f"{GROUP}.jsonl"
    reproduce(results, "--seeds", 0, 1)
    text, (name, damage) = path.read_text(), DAMAGES[what]
    damage(path.with_name(name), text)
    before = tree(results)
    with pytest.raises(SystemExit) as end:
        reproduce(results, "--seeds", 0, 1, 2, 3, 4)
    told = capsys.readouterr().err.strip()
    assert end.value.code == 2 and len(told.splitlines()) == 1
    assert says(told, f"reco: {path.with_name(name)}…; …restore …"), told
    assert tree(results) == before and trained == [0, 1]
    for place in path.parent.iterdir():
        place.rmdir() if place.is_dir() else place.unlink()
    path.write_text(text)
    reproduce(results, "--seeds", 0, 1, 2, 3, 4)
    assert trained == [0, 1, 2, 3, 4] and recorded(results) == [0, 1, 2, 3, 4] and path.read_text().startswith(text)


def test_a_record_that_is_damaged_during_a_sweep_fails_its_run_and_no_other(tmp_path, capsys, monkeypatch):
    def train_one(options, folder, path, recipe, preset):
        about = replace(RECORD.about, group=GROUP, recipe=recipe, preset=preset, seed=options.seed)
        whole = path.read_text() if path.exists() else ""
        if options.seed == 1:
            path.write_text(whole[:50])
        try:
            put(replace(RECORD, about=about), path)
        finally:
            if options.seed == 1:
                assert path.read_text() == whole[:50], "what is damaged is not overwritten"
                path.write_text(whole)

    monkeypatch.setattr(training, "train_one", train_one)
    with pytest.raises(SystemExit) as end:
        reproduce(tmp_path / "results", "--seeds", 0, 1, 2)
    told = capsys.readouterr()
    assert end.value.code == 2 and says(told.err.strip(), "reco: 1 of 3 runs …; the same command tries them again")
    failed = [line for line in told.out.splitlines() if "FAILED" in line]
    assert len(failed) == 1 and f"{GROUP}/supervised-seed1" in failed[0] and "20.jsonl, line 1: not valid" in failed[0]
    assert recorded(tmp_path / "results") == [0, 2]


@fault(WRITING, "sweep stopped in a run", "kill -9 in the second of three runs, Ctrl-C in the third",
       "The same command leaves the recorded runs alone, goes on from the checkpoint of the one that was stopped, and"
       " all records are the undisturbed ones.", faults=2, resumed=2)  # fmt: skip
def test_a_sweep_of_real_runs_goes_on(tmp_path):
    path, trained = tmp_path / "tiny.jsonl", []
    runs = [SweepRun(tiny_options(seed=n), tmp_path / f"run{n}", f"tiny/{n}", "published") for n in range(3)]

    def is_recorded(run):
        return run.options.seed in recorded(path)

    def train(run, stop=None):
        """A run on tiny scenes; `stop` is done in its fourth step."""
        trained.append(run.options.seed)
        hook = None if stop is None else Hook(4, stop)
        put(tiny_run(run.folder, reporter=hook, seed=run.options.seed).run(), path)

    def stopping(seed, how):
        return lambda run: train(run, how if run.options.seed == seed else None)

    assert in_child(lambda: sweep(runs, stopping(1, die), is_recorded)) == -signal.SIGKILL
    assert recorded(path) == [0] and load_checkpoint(tmp_path / "run1" / NAME)["trainer"]["step"] == 3
    first = path.read_text()
    with pytest.raises(Interrupted, match="after step 4 of 6, saved in .*run2: the same command goes on"):
        sweep(runs, stopping(2, lambda: signal.raise_signal(signal.SIGINT)), is_recorded)
    assert recorded(path) == [0, 1] and trained == [1, 2]
    assert not sweep(runs, train, is_recorded) and trained == [1, 2, 2] and path.read_text().startswith(first)
    for record in load_records(path):
        assert lasting(record) == lasting(tiny_run(seed=record.seed).run())
    assert recorded(path) == [0, 1, 2]


@fault("A run that is broken off", "Ctrl-C while the finished network is scored", "after the last step",
       "Stops at once; the same command scores and records without training again.", faults=1, resumed=1)  # fmt: skip
def test_interrupted_while_the_end_is_scored(tmp_path):
    run = tiny_run(tmp_path)
    score = run._score

    def interrupted(*asked):
        if run.trainer.step == 6 and load_checkpoint(tmp_path / NAME)["trainer"]["step"] == 6:
            signal.raise_signal(signal.SIGINT)
        return score(*asked)

    run._score = interrupted
    # A job in the background of a shell ignores Ctrl-C: the test brings the handler of one in the foreground.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run.run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert lasting(finished(tmp_path).run()) == undisturbed()[0]
