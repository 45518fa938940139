"""reco_core.cli: the commands as a user types them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from breaking import FORK
from PIL import Image
from shared import ROOT

from reco_book.evaluations import evaluations_in
from reco_book.experiments import COMPARED
from reco_book.recorded import recipe_records
from reco_book.relations import read_relations
from reco_core.cli import training
from reco_core.cli.main import main
from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, ReCoConfig, TrainConfig
from reco_core.runs import recipes
from reco_core.runs.records import load_records, put

pytestmark = pytest.mark.usefixtures("few_scenes")

NETWORK = "--iterations 4 --batch-size 2 --backbone mobilenet_v2_035 --width 16 --representation-dim 16 --eval-every 2"
NETWORK = f"{NETWORK} --accelerator cpu --num-queries 8 --num-keys 8".split()
SMALL = [*NETWORK, *"--num-labelled 4 --size 64 64 --crop 64 64".split()]
GROUP = "quick/toyscapes/4"
QUICK = TrainConfig(
    method="classmix",
    data=DataConfig(size=(32, 32), crop=(32, 32), num_labelled=4),
    model=ModelConfig(backbone="mobilenet_v2_035", representation_dim=16, width=16),
    optimisation=OptimisationConfig("sgd", iterations=2, batch_size=2, learning_rate=2e-2),
    reco=ReCoConfig(num_queries=8, num_keys=8),
    eval_every=2,
)
"""What the recipes of GROUP ask, of a second."""


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


def test_train_writes_a_record(run):
    record = record_of(run)
    assert record.method == "reco+classmix" and record.config.data.dataset == "toyscapes"
    assert record.history[-1]["step"] == 4 and len(record.test.iou) == len(record.classes) == 10
    about = record.about
    assert (about.recipe, about.preset, about.group) == (None, None, "toyscapes/4")


def test_train_again_goes_on_or_refuses(run, capsys):
    before = record_of(run)
    again = ["train", *SMALL, "--test-split", "val", "--output", str(run)]
    main(again)
    assert record_of(run).test == before.test, "one record, and nothing was trained"
    with pytest.raises(SystemExit) as end:
        main([*again, "--power", "1"])
    error = capsys.readouterr().err
    assert end.value.code == 2 and "holds a run with another configuration: --power was 0.9, now 1.0" in error


def test_evaluate_prints_every_class(run, capsys):
    main(["evaluate", str(run / "checkpoint.pt"), "--split", "val"])
    out = capsys.readouterr().out
    record = record_of(run)
    assert f"mean IoU  {100 * record.val.miou:6.2f} %".split() == out.splitlines()[-1].split()[:4]
    assert all(name in out for name in record.classes)


def test_evaluations_are_kept_in_one_file(run, tmp_path, capsys):
    path = tmp_path / "scores.jsonl"
    for options in ("--widths 2 5", "--widths 2 5", "--split test", "--which best"):
        main(["boundaries", str(run / "checkpoint.pt"), *options.split(), "--output", str(path)])
    near, test, best = evaluations_in(path)
    assert [(line.which, line.split) for line in (near, test, best)] == [
        ("last", "val"), ("last", "test"), ("best", "val"),
    ]  # fmt: skip
    assert set(near.trimap) == set(near.boundary) == {"2", "5"} and set(test.trimap) == {"1", "2", "4", "8"}
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


def test_predict_takes_folders(run, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.PNG", "c.jfif"):
        Image.new("RGB", (64, 48)).save(folder / name, "PNG" if name == "b.PNG" else "JPEG")
    for name in ("._a.jpg", "notes.txt"):
        (folder / name).write_text("")
    command = ["predict", str(folder), "--checkpoint", str(run / "checkpoint.pt"), "--output", str(tmp_path / "out")]
    main(command)
    assert sorted(path.name for path in (tmp_path / "out").glob("?.png")) == ["a.png", "b.png", "c.png"]
    told = capsys.readouterr().out
    assert "._a.jpg" in told and "notes.txt" in told
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit):
        main([command[0], str(tmp_path / "empty"), *command[2:]])
    assert "no image given" in capsys.readouterr().err


def test_a_labelled_list_of_ones_own(tmp_path):
    (tmp_path / "mine.txt").write_text("train00003\ntrain00001\n")
    own = ["--labelled-list", str(tmp_path / "mine.txt"), "--test-split", "None", "--output", str(tmp_path / "run")]
    main(["train", *SMALL, *own])
    record = record_of(tmp_path / "run")
    assert record.split.labelled == ("train00001", "train00003") and record.about.group == "toyscapes/mine"
    assert record.config.data.labelled_list == "mine.txt", "no folder"


def test_relations_writes_figures_and_data(run, tmp_path, capsys):
    main(["relations", str(run / "checkpoint.pt"), "--output", str(tmp_path), "--linkage", "complete"])
    assert "rank correlation with confusion" in capsys.readouterr().out
    (found,) = read_relations(tmp_path / "relations.jsonl")
    assert set(found.graphs) == {"Z", "R"}
    about = found.about
    assert (about["dataset"], about["split"], about["images"], about["which"]) == ("toyscapes", "val", 6, "last")
    assert (about["method"], about["seed"], about["recipe"]) == ("reco+classmix", 0, None)
    assert all((tmp_path / f"graph-{where}.svg").stat().st_size > 5000 for where in ("Z", "R"))


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
    pictures = [tmp_path / "toys.png", tmp_path / "toys-truck.png"]
    assert capsys.readouterr().out.split() == list(map(str, pictures))
    assert all(min(Image.open(path).size) > 300 for path in pictures)
    main(["data", "preview", "toyscapes", "--of", "hedge", "--split", "val", "--output", str(tmp_path / "val.png")])
    assert (tmp_path / "val-hedge.png").exists()


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
    main(["boundaries", f"runs/{name}-seed5/checkpoint.pt", "--output", "scores.jsonl"])
    (scored,) = evaluations_in(Path("scores.jsonl"))
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


def test_a_recipe_sets_the_defaults_and_other_options_change_it(quick):
    recipes.register(f"{GROUP}/1px", replace(QUICK, data=replace(QUICK.data, partial_labels="1px")))
    own = "--num-labelled 3 --seed 5 --iterations 4 --accelerator cpu --output own".split()
    main(["train", "--recipe", f"{GROUP}/1px", *own])
    record = record_of(quick / "own")
    assert record.method == "classmix" and record.config.data.partial_labels == "1px"
    assert record.seed == 5 and record.config.optimisation.iterations == 4
    assert len(record.split.labelled) == record.split.unlabelled == 24
    assert (record.about.recipe, record.about.group) == (None, "toyscapes/1px")


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
    assert capsys.readouterr().out == "2 runs, 0 of them to do: 0 steps\n"
    main(["reproduce", GROUP, "--seeds", "0", "1", "--methods", "supervised"])
    assert "2 runs, 1 of them to do: 2 steps" in capsys.readouterr().out
    lines = Path(f"results/{GROUP}.jsonl").read_bytes()
    assert lines.startswith(before) and len(load_records(Path("results"))) == 3


def test_processes_that_reproduce_a_group_share_the_work(quick):
    """Each trains what the other is not at; neither fails, and every run is recorded once."""

    def reproduce():
        main(["reproduce", GROUP, "--seeds", "0", "1"])

    processes = [FORK.Process(target=reproduce) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    lines = Path(f"results/{GROUP}.jsonl").read_text(encoding="utf-8").splitlines()
    found = load_records(Path("results"))
    assert len(lines) == len(found) == 4
    assert {(one.method, one.seed) for one in found} == {(m, s) for m in ("supervised", "classmix") for s in (0, 1)}


def pretended():
    """In place of `train_one`: writes a record that trained nothing; ClassMix fails."""
    (real, *_) = load_records(ROOT / "results" / "toyscapes" / "20.jsonl")

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
    monkeypatch.setattr(training, "train_one", pretended())
    monkeypatch.chdir(tmp_path)
    command = ["reproduce", "camvid/20", "--seeds", "0", "1", "--methods", *COMPARED]
    for left in (6, 2):
        with pytest.raises(SystemExit) as end:
            main(command)
        said = capsys.readouterr()
        assert end.value.code == 2 and "2 of 6 runs failed; the same command tries them again" in said.err
        assert said.out.count("FAILED: no memory") == 2 and f"6 runs, {left} of them to do" in said.out
    found = load_records(Path("results/camvid/20.jsonl"))
    assert sorted((one.method, one.seed) for one in found) == [
        ("reco+classmix", 0), ("reco+classmix", 1), ("supervised", 0), ("supervised", 1),
    ]  # fmt: skip


def test_reproduce_runs_one_configuration_once(tmp_path, monkeypatch, capsys):
    """Recipes of one configuration run once, and a record of one counts for the others, wherever it lies."""
    monkeypatch.setattr(training, "train_one", pretended())
    monkeypatch.chdir(tmp_path)
    main(["reproduce", "camvid/20", "--seeds", "0", "--methods", "reco+classmix", "--results", "elsewhere"])
    Path("elsewhere/camvid/20.jsonl").rename("elsewhere/shared.jsonl")
    capsys.readouterr()
    main(["reproduce", "camvid/fig7a", "--seeds", "0", "--results", "elsewhere"])
    assert "4 runs, 3 of them to do" in capsys.readouterr().out
    found = load_records(Path("elsewhere/camvid/fig7a.jsonl"))
    assert [one.about.recipe.rpartition("/")[2] for one in found] == ["32", "64", "128"]
    main(["reproduce", "camvid", "--seeds", "0", "--methods", "512", "hard+relation", "--results", "elsewhere"])
    assert "1 runs, 0 of them to do" in capsys.readouterr().out, "the last bars of two panels are one run"


def test_recipes_are_listed(capsys):
    main(["recipes", "fig7a"])
    assert capsys.readouterr().out.split() == ["fig7a/32", "fig7a/64", "fig7a/128", "fig7a/256"]
    main(["recipes"])
    assert capsys.readouterr().out.split() == list(recipes.RECIPES)
