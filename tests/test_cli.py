"""reco_core.cli: the commands as a user types them."""

import json

import pytest
from PIL import Image

from reco_core.cli import main

NETWORK = "--iterations 4 --batch-size 2 --backbone mobilenet_v2_035 --width 16 --representation-dim 16 --eval-every 2"
NETWORK = f"{NETWORK} --accelerator cpu --num-queries 8 --num-keys 8".split()
SMALL = [*NETWORK, *"--num-labelled 4 --size 64 64 --crop 64 64".split()]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    main(["train", *SMALL, "--test-split", "val", "--output", str(folder)])
    return folder


def test_train_writes_a_record(run):
    record = json.loads((run / "record.json").read_text())
    assert record["config"]["method"] == "reco+classmix" and record["config"]["data"]["dataset"] == "toyscapes"
    assert record["history"][-1]["step"] == 4 and len(record["test"]["last"]["iou"]) == len(record["classes"])


def test_train_again_goes_on_or_refuses(run, capsys):
    main(["train", *SMALL, "--test-split", "val", "--output", str(run)])
    with pytest.raises(SystemExit) as end:
        main(["train", *SMALL, "--test-split", "val", "--output", str(run), "--no-resume"])
    assert end.value.code == 2 and "holds a run already" in capsys.readouterr().err


def test_evaluate_prints_every_class(run, capsys):
    main(["evaluate", str(run / "checkpoint.pt"), "--split", "val"])
    out = capsys.readouterr().out
    record = json.loads((run / "record.json").read_text())
    assert f"mean IoU  {100 * record['val']['last']['miou']:6.2f} %".split() == out.splitlines()[-1].split()[:4]
    assert all(name in out for name in record["classes"])


def test_predict_writes_overlays(run, tmp_path, capsys):
    Image.new("RGB", (64, 48), (90, 120, 200)).save(tmp_path / "street.jpg")
    main(
        ["predict", str(tmp_path / "street.jpg"), "--checkpoint", str(run / "checkpoint.pt"), "--output", str(tmp_path)]
    )
    assert Image.open(tmp_path / "street.png").size == (64, 48)
    assert "street.png" in capsys.readouterr().out


def test_train_on_a_folder_of_ones_own(tmp_path):
    """As "How to run" says: images without a mask are the unlabelled ones, and a folder needs no splits."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for number in range(4):
        Image.new("RGB", (64, 64), (60 * number, 90, 20)).save(tmp_path / "images" / f"{number}.jpg")
        if number < 2:
            Image.new("L", (64, 64), number).save(tmp_path / "masks" / f"{number}.png")
    own = ["--dataset", "folder", "--root", str(tmp_path), "--num-labelled", "None", "--test-split", "None"]
    main(["train", *own, "--eval-split", "train", *NETWORK, "--crop", "48", "48", "--output", str(tmp_path / "run")])
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["split"]["labelled"] == ["0", "1"] and record["split"]["unlabelled"] == 2
    assert record["classes"] == ["class 0", "class 1"] and record["test"] == {}


def test_data_info_and_preview(tmp_path, capsys):
    main(["data", "info", "toyscapes"])
    assert "road" in capsys.readouterr().out
    main(["data", "preview", "toyscapes", "--output", str(tmp_path / "toys.png")])
    assert min(Image.open(tmp_path / "toys.png").size) > 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--dataset", "nowhere"], "nowhere"),
        (["train", "--dataset", "camvid", "--root", "/does/not/exist"], "/does/not/exist"),
        (["train", *SMALL, "--num-labelled", "100000"], "100000 labelled images asked for"),
        (["train", *SMALL, "--crop", "999", "999"], "crop 999 x 999 is larger than image"),
        (["train", *SMALL, "--backbone", "vgg"], "unknown backbone 'vgg'"),
        (["train", *SMALL, "--weights", "nothing.pth"], "nothing.pth: no such weights file"),
        (["evaluate", "nothing.pt"], "nothing.pt: no such checkpoint"),
        (["predict", "a.jpg", "--checkpoint", "nothing.pt"], "nothing.pt: no such checkpoint"),
        (["data", "info", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and message in error
    assert error.splitlines()[-1].startswith("reco: ") and "Traceback" not in error


def test_help_lists_commands_and_options(capsys):
    for arguments, words in ((["--help"], ["train", "evaluate", "predict", "data"]), (["train", "--help"], ["--crop"])):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0 and not set(words) - set(capsys.readouterr().out.split())
