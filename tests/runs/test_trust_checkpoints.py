"""Trust: checkpoints and initial weights that are damaged, foreign or mean harm."""

import os
import random
import zipfile
from dataclasses import replace

import pytest
import torch
from breaking import finished
from shared import TinyScenes, tiny_options, tiny_run
from trust import RECORD, Case, check, each, fault, lasting, refusal, says, tree

from reco_core.analysis.inference import load_trained
from reco_core.backbones import build_backbone
from reco_core.errors import InputError
from reco_core.runs.checkpoints import NAME, PREVIOUS, load_checkpoint, load_latest, save_checkpoint
from reco_core.runs.records import load_records, put
from reco_core.runs.session import Session
from reco_core.trainers import Trainer


class Exploit:
    """Whoever unpickles this writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A real checkpoint, in bytes and in parts."""
    path = tmp_path_factory.mktemp("trained")
    tiny_run(path, iterations=2).run()
    return (path / NAME).read_bytes(), load_checkpoint(path / NAME)


def without(*names):
    return lambda path, whole, state: torch.save({k: v for k, v in state.items() if k not in names}, path)


def with_(**parts):
    return lambda path, whole, state: torch.save({**state, **parts}, path)


def bare_pickle(path, whole, state):
    torch.save({**state, "network": Exploit(path.with_name("owned"))}, path, _use_new_zipfile_serialization=False)


def in_archive(path, whole, state):
    torch.save({**state, "network": Exploit(path.with_name("owned"))}, path)


def plain_zip(path, whole, state):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")


CUT = "c.pt: not a checkpoint or cut short ([…]); use another one"
PARTS = "c.pt: …parts …([…]); use another one"
OTHER = "c.pt: not a checkpoint of `reco train`; use another one"
CHECKPOINTS = [
    Case("checkpoint with code in it", "a pickle that writes a file when it is loaded", in_archive, CUT),
    Case("checkpoint with code in it, old format", "the same outside PyTorch's archive", bare_pickle, CUT),
    Case("empty checkpoint", "0 bytes", lambda path, whole, state: path.write_bytes(b""), CUT),
    Case("some other archive", "a zip file with a text", plain_zip, CUT),
    Case("tensor for a checkpoint", "torch.save(tensor)", lambda path, *_: torch.save(torch.ones(3), path), OTHER),
    Case("weights alone", "a bare state dict", lambda path, whole, state: torch.save(state["network"], path), OTHER),
    Case("no checkpoint", "no file", lambda *_: None, "c.pt: no such checkpoint; …`reco train`"),
    Case("folder for a checkpoint", "a folder c.pt", lambda path, *_: path.mkdir(),
         "c.pt: no such checkpoint; …`reco train`"),
    Case("checkpoint without its classes", "the entry deleted", without("classes"), PARTS),
    Case("checkpoint with a class too many", "19 names for 3", with_(classes=list(map(str, range(19)))), PARTS),
    Case("checkpoint with an empty network", "no weights", with_(network={}), PARTS),
    Case("checkpoint whose colours are words", "`red`", with_(palette=["red"] * 3), PARTS),
    Case("checkpoint of another version", "an option that there is not", with_(config={"optimizer": "adam"}),
         "c.pt: …'optimizer': correct its name or remove it"),
    Case("checkpoint with an option out of range", "`log_every` of 0", with_(config={"log_every": 0}),
         "c.pt: log_every: 0: …1"),
]  # fmt: skip


@each("Checkpoints and weights", CHECKPOINTS)
def test_checkpoints(case, trained, tmp_path):
    case.make(tmp_path / "c.pt", *trained)
    check(case, lambda: load_trained(tmp_path / "c.pt"), tmp_path)
    assert not (tmp_path / "owned").exists(), "code from the file was executed"


@fault("Checkpoints and weights", "damaged checkpoint", "one byte changed, or the end cut off, at random places",
       "Refused with one line, or its weights are bit for bit those that were saved.", inputs=60)  # fmt: skip
def test_damaged_checkpoints(trained, tmp_path, counted):
    whole, state = trained
    chance, path, refused = random.Random(0), tmp_path / "c.pt", 0
    for number in range(counted("inputs")):
        content = bytearray(whole)
        place = int(len(content) * chance.random()) if number % 2 else len(content) - 1 - chance.randrange(4000)
        content[place] ^= 1 << chance.randrange(8)
        path.write_bytes(content if number % 3 else content[:place])
        try:
            found = load_checkpoint(path)
        except InputError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1 and str(path) in str(error)
        else:  # a byte that says nothing, such as padding
            assert all(torch.equal(value, state["network"][name]) for name, value in found["network"].items())
            assert found["trainer"]["step"] == state["trainer"]["step"]
    assert refused > counted("inputs") / 2


WEIGHTS = "w.pth: …mobilenet_v2_035: […]; give its file, or 'imagenet', or nothing"


@each("Checkpoints and weights", [
    Case("initial weights with code in them", "a pickle that writes a file when it is loaded",
         lambda path: torch.save({"a": Exploit(path.with_name("owned"))}, path), WEIGHTS),
    Case("empty file of initial weights", "0 bytes", lambda path: path.write_bytes(b""), WEIGHTS),
    Case("initial weights of nothing", "a list", lambda path: torch.save([1], path), WEIGHTS),
    Case("initial weights of another network", "one unknown tensor",
         lambda path: torch.save({"x": torch.ones(1)}, path),
         "w.pth: …mobilenet_v2_035: […]; give the file of mobilenet_v2_035"),
])  # fmt: skip
def test_weights(case, tmp_path):
    case.make(tmp_path / "w.pth")
    check(case, lambda: build_backbone("mobilenet_v2_035", tmp_path / "w.pth", 16), tmp_path)
    assert not (tmp_path / "owned").exists(), "code from the file was executed"


@fault("Checkpoints and weights", "last checkpoint damaged", "cut in half, eight bytes overwritten, emptied",
       "The run goes on from the one before; if that is damaged too, it refuses to start over.", inputs=4)  # fmt: skip
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_is_used(tmp_path):
    for step in (1, 2):
        save_checkpoint(tmp_path, {"config": {}, "network": {"weight": torch.ones(1000)}, "step": step})
    assert load_latest(tmp_path)["step"] == 2
    whole = (tmp_path / NAME).read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:1000] + b"\xff" * 8 + whole[1008:], b""):
        (tmp_path / NAME).write_bytes(damaged)
        assert load_latest(tmp_path)["step"] == 1
    (tmp_path / PREVIOUS).write_bytes(b"PK")
    assert says(refusal(lambda: load_latest(tmp_path), tmp_path), "checkpoint.pt: …; use another one")
    assert load_latest(tmp_path / "empty") is None


@fault("Checkpoints and weights", "link in a checkpoint's or a result's place", "a symbolic link to a file elsewhere",
       "The link is replaced; the file that it led to stays as it was.", inputs=1)  # fmt: skip
def test_nothing_is_written_through_a_link(tmp_path):
    (tmp_path / "precious").write_text("")
    before = tree(tmp_path)
    (tmp_path / "run").mkdir()
    for name in (NAME, "record.jsonl"):
        (tmp_path / "run" / name).symlink_to(tmp_path / "precious")
    put(RECORD, tmp_path / "run" / "record.jsonl")
    (tmp_path / "run" / PREVIOUS).symlink_to(tmp_path / "precious")
    save_checkpoint(tmp_path / "run", {"config": {}, "network": {}})
    assert before.items() <= tree(tmp_path).items() and not (tmp_path / "run" / NAME).is_symlink()
    assert load_records(tmp_path / "run" / "record.jsonl") == [RECORD]


def lacks(*names, part=None):
    return lambda state: [(state if part is None else state[part]).pop(name) for name in names]


def changed(part=None, **values):
    return lambda state: (state if part is None else state[part]).update(values)


RESUMED = {
    "no trainer": lacks("trainer"), "no optimiser": lacks("optimiser", part="trainer"),
    "no labelled images": lacks("labelled"), "no step": lacks("step", part="trainer"),
    "no teacher": changed("trainer", method=None), "no history": changed(history=None),
    "no best network": changed(best_network=None), "a best score above 1": changed("best", miou=61.5),
    "step 99 of 4": changed("trainer", step=99), "step -1": changed("trainer", step=-1),
    "a step that is a word": changed("trainer", step="two"), "losses that are none": changed(losses=None),
    "a weight too many in the student": lambda state: state["trainer"]["student"].update(extra=torch.ones(1)),
    "a weight of another shape in the best network": lambda state: state["best_network"].update(
        {name: torch.ones(7) for name in list(state["best_network"])[:1]}),
}  # fmt: skip


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The parts of a finished run's checkpoint."""
    path = tmp_path_factory.mktemp("ended")
    tiny_run(path, iterations=4).run()
    return (path / NAME).read_bytes()


@pytest.mark.parametrize("what", [pytest.param(what, marks=fault(
    "Checkpoints and weights", "run's checkpoint with a part of another version", what,
    "The same command refuses with one line before its first step; the checkpoint stays as it was.", inputs=1))
    for what in RESUMED])  # fmt: skip
def test_a_run_does_not_go_on_from_parts_that_do_not_fit(tmp_path, ended, what):
    (tmp_path / NAME).write_bytes(ended)
    state = load_checkpoint(tmp_path / NAME)
    RESUMED[what](state)
    torch.save(state, tmp_path / NAME)
    before = (tmp_path / NAME).read_bytes()
    message = refusal(finished(tmp_path, iterations=4).run, tmp_path)
    assert says(message, "FOLDER: …checkpoint …(…); choose another folder, or delete this one"), message
    assert (tmp_path / NAME).read_bytes() == before


@fault("Checkpoints and weights", "run's checkpoint of an earlier version", "two options are not in it",
       "The same command goes on: what is not said has its default.", inputs=1, resumed=1)  # fmt: skip
def test_a_run_goes_on_from_an_earlier_version(tmp_path, ended):
    (tmp_path / NAME).write_bytes(ended)
    state = load_checkpoint(tmp_path / NAME)
    del state["config"]["optimisation"]["schedule_interval"], state["config"]["s4gan_threshold"]
    torch.save(state, tmp_path / NAME)
    assert finished(tmp_path, iterations=4).run().history == tuple(state["history"])


@fault("Checkpoints and weights", "names that are no UTF-8 in a checkpoint and a record", "an image and the data set's"
       " folder are called café in Latin-1", "Written, read again and gone on from.", inputs=2, resumed=1)  # fmt: skip
def test_names_that_are_no_utf8_survive_a_checkpoint(tmp_path):
    data, name = TinyScenes(), os.fsdecode(b"caf\xe9")
    data.names[0] = name
    options = tiny_options(num_labelled=None, method="reco+supervised", iterations=4)
    options = replace(options, data=replace(options.data, root=name))
    record = Session(Trainer(options, data), tmp_path, val=data, test=data).run()
    again = Session(Trainer(options, data), tmp_path, val=data, test=data)
    again.trainer.training_step = None
    assert lasting(again.run()) == lasting(record) and record.split.labelled == tuple(data.names)
    assert load_checkpoint(tmp_path / NAME)["labelled"] == data.names
    assert load_trained(tmp_path / NAME).options.data.root == "caf?"
    for _ in range(2):  # written, and replaced
        put(record, tmp_path / "record.jsonl")
    (found,) = load_records(tmp_path / "record.jsonl")
    assert found.split.labelled == ("caf?", *data.names[1:]) and found.scores == record.scores
    assert "caf\\udce9" in (tmp_path / "record.jsonl").read_text("ascii"), "the file holds the name itself"
