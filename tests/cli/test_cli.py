"""reco_core.cli: the commands as a user types them."""

import os
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from shared import ROOT

from reco_book.experiments import COMPARED
from reco_book.recorded import recipe_records
from reco_core.analysis.relations import read_relations
from reco_core.cli import training
from reco_core.cli.main import main
from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, ReCoConfig, TrainConfig
from reco_core.datasets import toyscapes
from reco_core.runs import recipes
from reco_core.runs.records import Evaluation, load_records, put

NETWORK = "--iterations 4 --batch-size 2 --backbone mobilenet_v2_035 --width 16 --representation-dim 16 --eval-every 2"
NETWORK = f"{NETWORK} --accelerator cpu --num-queries 8 --num-keys 8".split()
SMALL = [*NETWORK, *"--num-labelled 4 --size 64 64 --crop 64 64".split()]
GROUP = "quick/toyscapes/4"
QUICK = TrainConfig(
    method="classmix",
    data=DataConfig(size=(32, 32), crop=(32, 32), num_labelled=4),
    model=ModelConfig(backbone="mobilenet_v2_035", representation_dim=16, width=16),
    optimisation=OptimisationConfig(iterations=2, batch_size=2),
    reco=ReCoConfig(num_queries=8, num_keys=8),
    eval_every=2,
)
"""What the recipes of GROUP ask, of a second."""


@pytest.fixture(scope="module", autouse=True)
def few_scenes():
    """A split of toyscapes is no longer than it must be."""
    with pytest.MonkeyPatch.context() as patch:
        few = {split: (number, 24 if split == "train" else 6) for split, (number, _) in toyscapes.SPLITS.items()}
        patch.setattr(toyscapes, "SPLITS", few)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory, few_scenes):
    folder = tmp_path_factory.mktemp("runs") / "run"
    main(["train", *SMALL, "--test-split", "val", "--output", str(folder)])
    return folder


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Recipes of a second, in a folder of their own: supervised and classmix."""
    monkeypatch.setattr(recipes, "RECIPES", dict(recipes.RECIPES))
    monkeypatch.setattr(recipes, "_OWN_SEEDS", dict(recipes._OWN_SEEDS))
    for method in ("supervised", "classmix"):
        recipes.register(f"{GROUP}/{method}", replace(QUICK, method=method), seeds=1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record_of(folder):
    """The record in a run's folder."""
    (record,) = load_records(folder / "record.jsonl")
    return record


def refusal(arguments, capsys):
    """What a command that is refused with exit code 2 says on standard error."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and "Traceback" not in error
    return error


def test_train_writes_a_record(run):
    record = record_of(run)
    assert record.method == "reco+classmix" and record.config.data.dataset == "toyscapes"
    assert record.history[-1]["step"] == 4 and len(record.test.iou) == len(record.classes) == 16
    about = record.about
    assert (about.recipe, about.preset, about.group) == (None, None, "toyscapes/4")


def test_train_again_goes_on_or_refuses(run, capsys):
    before = record_of(run)
    again = ["train", *SMALL, "--test-split", "val", "--output", run]
    main([str(argument) for argument in again])
    assert record_of(run).test == before.test, "one record, and nothing was trained"
    assert "holds a run already" in refusal([*again, "--no-resume"], capsys)
    assert "another configuration" in refusal([*again, "--learning-rate", "0.5"], capsys)


def test_evaluate_prints_every_class(run, capsys):
    main(["evaluate", str(run / "checkpoint.pt"), "--split", "val"])
    out = capsys.readouterr().out
    record = record_of(run)
    assert f"mean IoU  {100 * record.val.miou:6.2f} %".split() == out.splitlines()[-1].split()[:4]
    assert all(name in out for name in record.classes)


def test_evaluations_are_kept_in_one_file(run, tmp_path, capsys):
    path = tmp_path / "scores.jsonl"
    for options in ("--widths 2 5", "--widths 2 5", "--split test", "--which best"):
        main(["evaluate", str(run / "checkpoint.pt"), *options.split(), "--output", str(path)])
    near, test, best = load_records(path, kind=Evaluation)
    assert [(line.which, line.split) for line in (near, test, best)] == [
        ("last", "val"), ("last", "test"), ("best", "val"),
    ]  # fmt: skip
    assert set(near.trimap) == set(near.boundary) == {"2", "5"} and test.trimap == {}
    assert near.scores == record_of(run).val
    assert f"{100 * near.trimap['5']:.2f} % at 5 px" in capsys.readouterr().out
    assert near.about.config.data.root is None and near.about.group == "toyscapes/4"


def test_predict_writes_overlays(run, tmp_path, capsys):
    Image.new("RGB", (64, 48), (90, 120, 200)).save(tmp_path / "street.jpg")
    main(
        ["predict", str(tmp_path / "street.jpg"), "--checkpoint", str(run / "checkpoint.pt"), "--output", str(tmp_path)]
    )
    assert Image.open(tmp_path / "street.png").size == (64, 48)
    assert "street.png" in capsys.readouterr().out


def test_relations_writes_figures_and_data(run, tmp_path, capsys):
    main(["relations", str(run / "checkpoint.pt"), "--output", str(tmp_path), "--linkage", "complete"])
    assert "rank correlation with confusion" in capsys.readouterr().out
    (found,) = read_relations(tmp_path / "relations.jsonl")
    assert set(found.graphs) == {"Z", "R"}
    about = found.about
    assert (about["dataset"], about["split"], about["images"], about["which"]) == ("toyscapes", "val", 6, "last")
    assert (about["method"], about["seed"], about["recipe"]) == ("reco+classmix", 0, None)
    names = [f"{kind}-{where}.svg" for kind in ("graph", "confusion") for where in ("Z", "R")]
    assert all((tmp_path / name).stat().st_size > 5000 for name in names)


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
    record = record_of(tmp_path / "run")
    assert record.split.labelled == ("0", "1") and record.split.unlabelled == 2
    assert record.classes == ("class 0", "class 1") and record.test is None
    assert record.about.group == "folder/all" and record.config.data.root is None


def test_data_info_and_preview(tmp_path, capsys):
    main(["data", "info", "toyscapes"])
    assert "road" in capsys.readouterr().out
    main(["data", "preview", "toyscapes", "--output", str(tmp_path / "toys.png")])
    assert min(Image.open(tmp_path / "toys.png").size) > 300


def test_data_prepare(capsys):
    main(["data", "prepare", "toyscapes"])
    assert capsys.readouterr().out.split("\n")[:3] == ["train: 24 images", "val: 6 images", "test: 6 images"]


def test_a_recipes_run_is_found_by_its_name(quick, capsys):
    name, places = f"{GROUP}/classmix", (Path("results"), Path("runs"))
    main(["train", "--recipe", name, "--seed", "5", "--accelerator", "cpu", "--checkpoint-every", "1"])
    found = recipe_records(name, places)
    assert list(found) == [5]
    about = found[5].about
    assert (about.recipe, about.preset, about.group, about.method) == (name, "published", GROUP, "classmix")
    assert about.config == replace(QUICK, seed=5, accelerator="cpu", checkpoint_every=1)
    assert f"record: runs/{name}-seed5/record.jsonl" in capsys.readouterr().out
    main(["evaluate", f"runs/{name}-seed5/checkpoint.pt", "--output", "scores.jsonl"])
    (scored,) = load_records(Path("scores.jsonl"), kind=Evaluation)
    assert (scored.about.recipe, scored.about.preset, scored.about.seed) == (name, "published", 5)


def test_other_options_make_a_run_of_ones_own(quick):
    name, places = f"{GROUP}/classmix", (Path("results"), Path("runs"))
    main(["train", "--recipe", name, "--optimiser", "adamw", "--record", "own/all.jsonl"])
    assert recipe_records(name, places) == {} and not list(Path("runs").rglob("*.jsonl"))
    (record,) = load_records(Path("own") / "all.jsonl")
    assert (record.about.recipe, record.about.preset, record.about.group) == (None, None, "toyscapes/4")
    steps = record.config.optimisation
    assert steps == replace(QUICK.optimisation, optimiser="adamw"), "all else is the recipe's"
    assert replace(record.config, optimisation=QUICK.optimisation) == QUICK
    state = torch.load(f"runs/{name}-seed0/checkpoint.pt", weights_only=True)
    assert "exp_avg" in state["trainer"]["optimiser"]["state"][0], "it was AdamW that trained"


def test_a_recipe_sets_the_defaults_of_a_paper_run_with_its_preset():
    name = "table3/cityscapes/1px/supervised"
    for preset, batch_size in (("published", 4), ("paper", 2)):
        train = training.read_train(["--recipe", name, "--preset", preset, "--seed", "2", "--crop", "64", "48"])
        wanted = recipes.recipe(name, seed=2, preset=preset)
        assert train.options == replace(wanted, data=replace(wanted.data, crop=(64, 48)))
        assert (train.recipe, train.preset, train.options.optimisation.batch_size) == (name, preset, batch_size)


def test_reproduce_writes_one_file_a_group_and_repeats_nothing(quick, capsys):
    main(["reproduce", GROUP])
    out = capsys.readouterr().out
    assert "2 runs, 2 of them to do: 4 steps" in out
    assert [path.as_posix() for path in Path("results").rglob("*.*")] == [f"results/{GROUP}.jsonl"]
    found = load_records(Path("results"))
    assert sorted((one.about.recipe, one.seed) for one in found) == [
        (f"{GROUP}/classmix", 0),
        (f"{GROUP}/supervised", 0),
    ]
    before = Path(f"results/{GROUP}.jsonl").read_bytes()
    main(["reproduce", GROUP])
    out = capsys.readouterr().out
    assert f"{GROUP}/classmix-seed0 is recorded" in out and "2 runs, 0 of them to do: 0 steps" in out
    main(["reproduce", GROUP, "--seeds", "0", "1", "--methods", "supervised"])
    assert "2 runs, 1 of them to do: 2 steps" in capsys.readouterr().out
    lines = Path(f"results/{GROUP}.jsonl").read_bytes()
    assert lines.startswith(before) and len(load_records(Path("results"))) == 3


def pretended(results):
    """In place of `train_one`: writes a record that trained nothing; CLASSMIX fails."""
    (real, *_) = load_records(ROOT / "results" / "small" / "camvid" / "20.jsonl")

    def train(options, folder, record, recipe, preset):
        if options.method == "classmix":
            raise RuntimeError("no\nmemory")
        about = replace(
            real.about, recipe=recipe, preset=preset, group=recipe.rpartition("/")[0], method=options.method,
            seed=options.seed, config=options,
        )  # fmt: skip
        put(replace(real, about=about), record)

    return train


def test_reproduce_tells_what_failed_and_tries_it_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "train_one", pretended(tmp_path))
    monkeypatch.chdir(tmp_path)
    command = ["reproduce", "small/camvid/10", "--seeds", "0", "1", "--methods", *COMPARED]
    for done in (0, 4):
        with pytest.raises(SystemExit) as end:
            main(command)
        said = capsys.readouterr()
        assert end.value.code == 2 and "2 of 6 runs failed; the same command tries them again" in said.err
        assert said.out.count("FAILED: no memory") == 2 and said.out.count(" is recorded") == done
    found = load_records(Path("results/small/camvid/10.jsonl"))
    assert sorted((one.method, one.seed) for one in found) == [
        ("reco+classmix", 0), ("reco+classmix", 1), ("supervised", 0), ("supervised", 1),
    ]  # fmt: skip


def test_reproduce_runs_one_configuration_once(tmp_path, monkeypatch, capsys):
    """Recipes of one configuration run once, and a record of one counts for the others, wherever it lies."""
    monkeypatch.setattr(training, "train_one", pretended(tmp_path))
    monkeypatch.chdir(tmp_path)
    main(["reproduce", "small/camvid/20", "--seeds", "0", "--methods", "reco+classmix", "--results", "elsewhere"])
    Path("elsewhere/small/camvid/20.jsonl").rename("elsewhere/shared.jsonl")
    capsys.readouterr()
    main(["reproduce", "small/camvid/fig7a", "--seeds", "0", "--results", "elsewhere"])
    out = capsys.readouterr().out
    assert "4 runs, 3 of them to do" in out and "small/camvid/fig7a/256-seed0 is recorded" in out
    found = load_records(Path("elsewhere/small/camvid/fig7a.jsonl"))
    assert [one.about.recipe.rpartition("/")[2] for one in found] == ["32", "64", "128"]
    main(["reproduce", "small/camvid", "--seeds", "0", "--methods", "512", "hard+relation", "--results", "elsewhere"])
    assert "1 runs, 0 of them to do" in capsys.readouterr().out, "the last bars of two panels are one run"


def test_recipes_are_listed(capsys):
    main(["recipes", "fig7a"])
    assert capsys.readouterr().out.split() == ["fig7a/32", "fig7a/64", "fig7a/128", "fig7a/256"]
    main(["recipes"])
    assert capsys.readouterr().out.split() == list(recipes.RECIPES)


def test_table_comes_with_the_book(capsys, tmp_path, monkeypatch):
    main(["table", "4", "--results", str(tmp_path)])
    assert "| reco+mean_teacher | Cityscapes 50 | 46.96 | no record |" in capsys.readouterr().out
    main(["table", "1", "--results", str(tmp_path)])
    assert capsys.readouterr().out.count("| no record |") == 6 * 9
    monkeypatch.setattr("reco_core.cli.main.entry_points", lambda group: ())
    for arguments in (["table", "1"], ["table"]):
        error = refusal(arguments, capsys)
        assert error.startswith("reco: `reco table` needs") and "reco-book" in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--dataset", "nowhere"], "nowhere"),
        (["train", "--dataset", "camvid", "--root", "/does/not/exist"], "/does/not/exist"),
        (["train", *SMALL, "--num-labelled", "100000"], "100000 labelled images asked for"),
        (["train", *SMALL, "--crop", "999", "999"], "crop 999 x 999 is larger than image"),
        (["train", *SMALL, "--backbone", "vgg"], "unknown backbone 'vgg'"),
        (["train", *SMALL, "--weights", "nothing.pth"], "nothing.pth: no such weights file"),
        (["train", *SMALL, "--method", "mixup"], "unknown method 'mixup'"),
        (["evaluate", "nothing.pt"], "nothing.pt: no such checkpoint"),
        (["predict", "a.jpg", "--checkpoint", "nothing.pt"], "nothing.pt: no such checkpoint"),
        (["data", "info", "nowhere"], "nowhere"),
        (["data", "prepare", "cityscapes", "--root", "."], "register at https://www.cityscapes-dataset.com"),
        (["train", "--recipe", "table1/camvid/1/x"], "'table1/camvid/1/x' is no recipe"),
        (
            ["train", "--recipe", "table1/pascal_voc/60/classmix", "--preset", "nonsense"],
            "preset 'nonsense' is not one of published, paper",
        ),
        (["reproduce", "table9"], "no recipe is called 'table9'"),
        (
            ["reproduce", "table2/pascal_voc/92", "--methods", "supervised"],
            "has no recipe of supervised: see `reco recipes table2/pascal_voc/92`",
        ),
        (["table", "9"], "no table '9'"),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = refusal(arguments, capsys)
    assert message in error and error.splitlines()[-1].startswith("reco: ")


def test_an_unknown_method_is_told_the_choices(capsys):
    (line,) = refusal(["train", "--method", "mixup"], capsys).splitlines()
    for choice in ("supervised", "mean_teacher", "cutout", "cutmix", "classmix", "s4gan", "unimatch", "reco+"):
        assert choice in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--learning-rate -1", ("learning_rate", "-1.0", "greater than 0")),
        ("--learning-rate nan", ("learning_rate", "nan", "finite number")),
        ("--crop 0 32", ("crop.0", "0", "greater than or equal to 1")),
        ("--seed -3", ("seed", "-3", "greater than or equal to 0")),
        ("--unlabelled-share 1.5", ("unlabelled_share", "1.5", "less than or equal to 1")),
        ("--teacher-decay 1", ("teacher_decay", "1.0", "less than 1")),
        ("--momentum 0", ("momentum above 0", "--no-nesterov")),
        ("--scale 1.5 0.5", ("scale (1.5, 0.5)", "the smaller scale first")),
    ],
)
def test_a_value_out_of_bounds_is_refused_in_one_line(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (line,) = refusal(["train", *arguments.split()], capsys).splitlines()
    assert line.startswith("reco: ") and all(word in line for word in words), line
    assert not list(tmp_path.iterdir()), "nothing is begun"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--name adamw", ("--name",)),
        ("--no-such-option 3", ("--no-such-option",)),
        ("--optimiser adam", ("'adam'", "--optimiser", "sgd", "adamw")),
        ("--partial-labels 3px", ("'3px'", "--partial-labels", "1px", "25%")),
        ("--iterations 2.5", ("--iterations", "2.5")),
        ("--crop 32", ("--crop", "2 values")),
    ],
)
def test_what_is_no_option_is_refused(arguments, words, capsys):
    error = refusal(["train", *arguments.split()], capsys)
    assert all(word in error for word in words), error


def option_names(kind):
    """Every field of a configuration and its parts, as an option."""
    for entry in fields(kind):
        if is_dataclass(entry.default_factory):
            yield from option_names(entry.default_factory)
        else:
            yield "--" + entry.name.replace("_", "-")


def test_help_names_every_field_of_the_configuration(capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "--help"])
    out = capsys.readouterr().out
    names = list(option_names(TrainConfig))
    assert end.value.code == 0 and len(names) == len(set(names)) > 50
    own = ["--recipe", "--preset", "--output", "--resume", "--no-resume", "--record", "--no-nesterov"]
    missing = [name for name in names + own if not re.search(rf"(^|[\s,│]){name}[\s,]", out)]
    assert not missing


def test_help_of_the_module_lists_the_commands():
    """`python -m reco_core.cli`, as torchrun starts it."""
    command = [sys.executable, "-m", "reco_core.cli", "--help"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=600)
    commands = ("train", "evaluate", "predict", "reproduce", "recipes", "table", "relations", "data")
    assert done.returncode == 0 and not done.stderr
    assert all(re.search(rf"• {name}\s", done.stdout) for name in commands)
