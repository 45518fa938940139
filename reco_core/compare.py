"""The paper's numbers beside recorded runs, cell by cell (`reco table`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from reco_core.cells import cell_recipe
from reco_core.errors import InputError
from reco_core.experiments import COMPARED, SHARES, twins
from reco_core.figures.style import METHOD_NAMES
from reco_core.files import read_json
from reco_core.paper import TABLE_1, TABLES, paper_table
from reco_core.results import Summary, load_record, miou_percent, paired_difference, summarise
from reco_core.tables import markdown, with_interval, with_spread

ANIMALS = ("background", "cat", "cow", "dog", "horse", "person", "sheep")
"""Classes that the VOC animals subset (the lists in results/relations/small/voc) has enough of to be scored."""


def recipe_records(name: str, results: Path) -> dict[int, dict[str, Any]]:
    """Seed -> record of a recipe, or of a recipe with the same configuration (`experiments.twins`).

    Args:
        name: of the recipe.
        results: folder of the records, laid out by recipe as `reco reproduce` does.

    Raises:
        InputError: a record whose seed is not its file name's.
    """
    found: dict[int, dict[str, Any]] = {}
    for twin in reversed(twins(name)):  # its own records last: they count where both are there
        for path in sorted(results.glob(f"{twin}-seed*.json")):
            record = load_record(path)
            found[_seed(path, record["config"])] = record
    return dict(sorted(found.items()))


def border_scores(name: str, results: Path) -> dict[int, dict[str, Any]]:
    """Seed -> what `reco evaluate --widths` wrote of a recipe's networks, in results/borders.

    Args:
        name: of the recipe; after "planned/", the seeds of a planned test, which are kept apart.
        results: folder of the records.

    Raises:
        InputError: a file whose seed is not its name's.
    """
    found = {path: read_json(path) for path in sorted((results / "borders").glob(f"{name}-seed*.json"))}
    return dict(sorted((_seed(path, scores["about"]["config"]), scores) for path, scores in found.items()))


def mean_border_scores(settings: Sequence[Mapping[int, Mapping[str, Any]]]) -> dict[int, dict[str, Any]]:
    """Seed -> miou, trimap and boundary scores, means over several settings, of the seeds that all of them have.

    Args:
        settings: at least one, each as `border_scores` gives it.
    """
    shared = sorted(set.intersection(*map(set, settings)))
    return {seed: _mean([found[seed] for found in settings]) for seed in shared}


def _mean(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    def near(kind: str) -> dict[str, float]:
        return {width: fmean(one[kind][width] for one in found) for width in found[0][kind]}

    return {"miou": fmean(one["miou"] for one in found), "trimap": near("trimap"), "boundary": near("boundary")}


def _seed(path: Path, options: Mapping[str, Any]) -> int:
    told = int(path.stem.rpartition("seed")[2])
    if options["seed"] != told:
        raise InputError(f"{path}: holds seed {options['seed']}: rename it, or restore the record")
    return told


def recipe_scores(name: str, results: Path, which: str = "last") -> dict[int, float]:
    """Seed -> mean IoU in percent of a recipe's records; which: "last" or "best".

    Of the VOC animals subset only the classes of `ANIMALS` count: the others hardly occur in it.
    """
    score = animals_percent(which) if name.startswith("small/voc/") else miou_percent(which)
    return {seed: score(record) for seed, record in recipe_records(name, results).items()}


def label_losses(name: str, results: Path) -> dict[int, float]:
    """Seed -> cross-entropy with the labels, nats, of a recipe's records: the mean of the last logged steps."""
    return {
        seed: [entry["supervised"] for entry in record["history"] if "supervised" in entry][-1]
        for seed, record in recipe_records(name, results).items()
    }


def animals_percent(which: str = "last") -> Callable[[dict[str, Any]], float]:
    """A function that takes the mean IoU of `ANIMALS`, in percent, from a record; which: "last" or "best"."""

    def read(record: dict[str, Any]) -> float:
        scores = record["val"]["last"]  # of every class; the best step has them only if it is the last
        if which == "best" and record["val"]["best"]["step"] != record["config"]["optimiser"]["iterations"]:
            return float("nan")
        iou = dict(zip(record["classes"], scores["iou"], strict=True))
        return 100 * sum(iou[name] for name in ANIMALS) / len(ANIMALS)

    return read


def scores_by_setting(
    groups: Mapping[str, str], results: Path, methods: Sequence[str] = COMPARED
) -> dict[str, dict[str, dict[int, float]]]:
    """Setting -> method -> seed -> mean IoU in percent after the last step, of the seeds that all of them have.

    Args:
        groups: name of the setting -> its recipes, such as "small/toyscapes/1px".
        results: folder of the records.
        methods: of the recipes.
    """
    found = {
        setting: {method: recipe_scores(f"{group}/{method}", results) for method in methods}
        for setting, group in groups.items()
    }
    seeds = set.intersection(*(set(scores) for setting in found.values() for scores in setting.values()))
    return {
        setting: {method: {seed: scores[seed] for seed in sorted(seeds)} for method, scores in of_methods.items()}
        for setting, of_methods in found.items()
    }


def by_setting(groups: Mapping[str, str], results: Path) -> str:
    """A Markdown table of one line a setting: `COMPARED`, and what each of its methods adds to the one before.

    Args:
        groups: name of the setting -> its recipes, such as "small/toyscapes/1px"; those without a record are left out.
        results: folder of the records.
    """
    rows = []
    for name, group in groups.items():
        found = [recipe_scores(f"{group}/{method}", results) for method in COMPARED]
        if any(found):
            parts = [paired_difference(ours, base) for base, ours in pairwise(found)]
            scores = [with_spread(summarise(values)) for values in found]
            rows.append([name, *scores, *(with_interval(part, seeds=True) for part in parts)])
    methods = [METHOD_NAMES[method] for method in COMPARED]
    return markdown(["Mean IoU, %, last", *methods, "ClassMix − Supervised", "ReCo's part"], rows)


@dataclass(frozen=True)
class Bar:
    """A bar of Fig. 7: the paper's number and that of the small recipe of the same name."""

    label: str
    paper: float
    recipe: str
    scores: dict[int, float]
    """Seed -> mean IoU in percent; empty without a record."""

    @property
    def summary(self) -> Summary:
        """Over the seeds."""
        return summarise(self.scores)

    @property
    def is_standard(self) -> bool:
        """Whether nothing is changed: the run that all panels share."""
        return any(twin.endswith("/20/reco+classmix") for twin in twins(self.recipe))


def panel(key: str, results: Path, small: str = "small/toyscapes", which: str = "last") -> list[Bar]:
    """A panel of Fig. 7 beside runs of small recipes.

    Args:
        key: "7a" to "7e".
        results: folder of the records.
        small: the small recipes that ask the same of other images.
        which: "last" or "best".
    """
    table, bars = paper_table(key), []
    for row, scores in table.rows.items():
        for column, score in zip(table.columns, scores, strict=True):
            if score is not None:
                name = cell_recipe(table, row, column)
                name = f"{small}/20/classmix" if name.startswith("table1/") else f"{small}/{name}"
                label = str(column[1]) if row != "classmix" else f"{column[1]}, no ReCo"
                bars.append(Bar(label, score, name, recipe_scores(name, results, which)))
    return bars


def beside_the_paper(key: str, results: Path, which: str = "last") -> str:
    """A Markdown table of one line a cell: the paper's number, ours with its spread and seeds, the recipe.

    Args:
        key: of the paper's table.
        results: folder of the records, laid out by recipe as `reco reproduce` does; a record counts for all recipes
            of its configuration.
        which: "last" or "best".
    """
    table = paper_table(key)
    rows = []
    for method, scores in table.rows.items():
        for column, score in zip(table.columns, scores, strict=True):
            name = cell_recipe(table, method, column)
            if score is None:
                continue
            values = recipe_scores(name, results, which) if name else {}
            ours = f"{with_spread(summarise(values))} ({len(values)} seeds)" if values else ""
            if not values:
                ours = "no record" if name else "another paper's"
            rows.append([method, f"{column[0]} {column[1]}", f"{score:.2f}", ours, f"`{name}`" if name else ""])
    title = f"{table.name}: {table.title}. Mean IoU in percent; paper: mean of 3 runs, best step."
    note = f"\n\n{table.note}" if table.note else ""
    return f"{title}\n\n{markdown(['Method', 'Column', 'Paper', f'Ours, {which}', 'Recipe'], rows)}{note}"


@dataclass(frozen=True)
class Part:
    """What ReCo adds to a base method in one setting: the paper's number, if it has one, and the recorded runs'."""

    images: str
    setting: str
    paper: float
    """Points of mean IoU; NaN where the paper asks nothing alike."""
    summary: Summary
    """Differences to the base method, paired by seed, after the last step."""
    loss: Summary
    """The same for the cross-entropy with the labels, nats, averaged over the last logged steps of training."""


def _gain(key: str, dataset: str, column: int | str, base: str = "classmix") -> float:
    ours, theirs = (TABLES[key].scores(method, dataset)[column] for method in (f"reco+{base}", base))
    return ours - theirs


def _on_classmix(group: str, setting: str, paper: float) -> tuple[str, str, str, float]:
    return f"{group}/reco+classmix", f"{group}/classmix", setting, paper


_NONE = float("nan")


def _on(base: str, title: str) -> tuple[str, str, str, float]:
    paper = TABLES["7d"].scores("reco", "Cityscapes")[base] - TABLE_1.scores(base, "Cityscapes")[20]
    return f"fig7d/{base}", f"20/{base}", f"20 labels, on {title}", paper


_ALL = ("all/reco+supervised", "all/supervised", "all labels, no teacher", _NONE)
_STREETS = (
    _on_classmix("10", "10 labels", _NONE),
    _on_classmix("20", "20 labels", _gain("1", "Cityscapes", 20)),
    _on_classmix("long", "20 labels, longer", _gain("1", "Cityscapes", 20)),
    _on_classmix("60", "60 labels", _gain("1", "Cityscapes", 50)),
    _on_classmix("1px", "1 pixel a class", _gain("3", "Cityscapes", "1 pixel")),
    _on_classmix("1px-long", "1 pixel a class, longer", _gain("3", "Cityscapes", "1 pixel")),
    *(_on_classmix(share, f"{share[:-1]} % of the pixels", _gain("3", "Cityscapes", share)) for share in SHARES[1:]),
    ("20/reco+mean_teacher", "20/mean_teacher", "20 labels, no mixing", _gain("4", "Cityscapes", 20, "mean_teacher")),
    _on("cutout", "CutOut"),
    _on("cutmix", "CutMix"),
    ("20/reco+unimatch", "20/unimatch", "20 labels, on UniMatch", _NONE),
    _ALL,
)
_SETTINGS = {
    ("CamVid", "small/camvid"): _STREETS,
    ("toyscapes", "small/toyscapes"): _STREETS,
    ("NYU v2", "small/nyu_v2"): (
        *(_on_classmix(str(n), f"{n} labels", _gain("1", "SUN RGB-D", n)) for n in (50, 150)),
        _ALL,
    ),
    ("animals", "small/voc"): (
        *(_on_classmix(str(n), f"{n} labels", _gain("1", "Pascal VOC", n)) for n in (60, 200)),
        _ALL,
    ),
}
"""Images and their recipes -> recipe with ReCo, recipe without, name of the setting, the paper's gain."""


def reco_parts(results: Path) -> list[Part]:
    """What ReCo adds to other methods in each setting that has a record, beside the paper's gain in one like it.

    Cityscapes' settings stand beside those of streets and drawn scenes, 50 labels there beside 60 here.

    Args:
        results: folder of the records.
    """
    parts = []
    for (images, small), settings in _SETTINGS.items():
        for ours, base, setting, paper in settings:
            pair = f"{small}/{ours}", f"{small}/{base}"
            found = paired_difference(*(recipe_scores(name, results) for name in pair))
            loss = paired_difference(*(label_losses(name, results) for name in pair))
            if found.values:
                parts.append(Part(images, setting, paper, found, loss))
    return parts
