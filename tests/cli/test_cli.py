"""reco_core.cli: the commands as a user types them."""

import json

import pytest
from PIL import Image

from reco_core.cli.main import main
from reco_core.runs.recipes import COMPARED

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


def test_evaluate_near_borders(run, tmp_path, capsys):
    main(["evaluate", str(run / "checkpoint.pt"), "--widths", "2", "5", "--output", str(tmp_path / "scores.json")])
    found = json.loads((tmp_path / "scores.json").read_text())
    assert set(found["trimap"]) == set(found["boundary"]) == {"2", "5"} and 0 <= found["trimap"]["2"] <= 1
    assert f"{100 * found['trimap']['5']:.2f} % at 5 px" in capsys.readouterr().out
    assert found["about"]["config"]["data"]["root"] is None


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


def test_a_recipe_sets_the_defaults_and_other_options_change_it(tmp_path, capsys):
    own = [*NETWORK, *"--size 64 64 --crop 48 48 --num-labelled 3 --seed 5 --num-workers 0 --weights None".split()]
    main(["train", "--recipe", "small/toyscapes/1px/classmix", *own, "--output", str(tmp_path)])
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["config"]["method"] == "classmix" and record["config"]["data"]["partial_labels"] == "1px"
    assert record["config"]["seed"] == 5 and record["config"]["optimiser"]["iterations"] == 4
    assert len(record["split"]["labelled"]) == record["split"]["unlabelled"] == 500
    with pytest.raises(SystemExit):
        main(["train", "--recipe", "table1/pascal_voc/60/classmix", "--preset", "nonsense"])
    assert "preset 'nonsense' is not one of published, paper" in capsys.readouterr().err


def test_reproduce_runs_a_group_and_tells_what_failed(tmp_path, monkeypatch, capsys):
    from reco_core.cli import main as cli

    def train(options, folder, record):
        if options.method == "classmix":
            raise RuntimeError("no memory")
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text("{}")

    monkeypatch.setattr(cli, "train_one", train)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["reproduce", "small/camvid/10", "--seeds", "0", "1", "--methods", *COMPARED])
    said = capsys.readouterr()
    assert "2 of 6 runs failed; the same command tries them again" in said.err and "FAILED: no memory" in said.out
    names = sorted(path.name for path in (tmp_path / "results" / "small" / "camvid" / "10").iterdir())
    assert names == [f"{method}-seed{seed}.json" for method in ("reco+classmix", "supervised") for seed in (0, 1)]
    with pytest.raises(SystemExit):
        main(["reproduce", "table2/pascal_voc/92", "--methods", "supervised"])
    assert "has no recipe of supervised: see `reco recipes table2/pascal_voc/92`" in capsys.readouterr().err
    # recipes of one configuration run once, and a record of one counts for the others
    main(["reproduce", "small/camvid/fig7a", "--seeds", "0"])
    (tmp_path / "results/small/camvid/fig7a/256-seed0.json").rename(tmp_path / "results/shared.json")
    (tmp_path / "results/small/camvid/20").mkdir()
    (tmp_path / "results/shared.json").rename(tmp_path / "results/small/camvid/20/reco+classmix-seed0.json")
    capsys.readouterr()
    main(["reproduce", "small/camvid/fig7a", "--seeds", "0"])
    assert "results/small/camvid/20/reco+classmix-seed0.json is there" in capsys.readouterr().out
    assert not (tmp_path / "results/small/camvid/fig7a/256-seed0.json").exists()


def test_recipes_and_table(capsys, tmp_path):
    main(["recipes", "fig7a"])
    assert capsys.readouterr().out.split() == ["fig7a/32", "fig7a/64", "fig7a/128", "fig7a/256"]
    main(["table", "4", "--results", str(tmp_path)])
    assert "| reco+mean_teacher | Cityscapes 50 | 46.96 | no record |" in capsys.readouterr().out


def test_relations_writes_figures_and_data(run, tmp_path, capsys):
    main(["relations", str(run / "checkpoint.pt"), "--output", str(tmp_path), "--linkage", "complete"])
    assert "rank correlation with confusion" in capsys.readouterr().out
    found = json.loads((tmp_path / "relations.json").read_text())
    assert set(found["graphs"]) == {"Z", "R"} and found["about"]["dataset"] == "toyscapes"
    assert all((tmp_path / f"{name}.svg").stat().st_size > 5000 for name in ("graphs", "confusion-Z", "confusion-R"))


def test_data_prepare(capsys):
    main(["data", "prepare", "toyscapes"])
    assert capsys.readouterr().out.split("\n")[:3] == ["train: 500 images", "val: 100 images", "test: 200 images"]


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
        (["data", "prepare", "cityscapes", "--root", "."], "register at https://www.cityscapes-dataset.com"),
        (["train", "--recipe", "table1/camvid/1/x"], "'table1/camvid/1/x' is no recipe"),
        (["reproduce", "table9"], "no recipe is called 'table9'"),
        (["table", "9"], "the paper has no table '9'"),
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
