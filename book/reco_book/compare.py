"""The paper's numbers beside recorded runs, cell by cell (`reco table`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reco_book.cells import cell_recipe
from reco_book.experiments import COMPARED
from reco_book.paper import TABLE_1, TABLES, paper_table
from reco_book.recorded import Places, label_losses, recipe_scores
from reco_book.seeds import Summary, paired_difference, summarise
from reco_book.tables import markdown, with_interval, with_spread
from reco_core.methods import METHOD_NAMES
from reco_core.runs.recipes import SHARES, twins


def scores_by_setting(
    groups: Mapping[str, str], results: Places, methods: Sequence[str] = COMPARED
) -> dict[str, dict[str, dict[int, float]]]:
    """Setting -> method -> seed -> mean IoU in percent after the last step, of the seeds that all of them have.

    Args:
        groups: name of the setting -> its recipes, such as "small/camvid/1px".
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


def by_setting(groups: Mapping[str, str], results: Places) -> str:
    """A Markdown table of one line a setting: `COMPARED`, and what each of its methods adds to the one before.

    Args:
        groups: name of the setting -> its recipes, such as "small/camvid/1px"; those without a record are left out.
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
    return markdown(["Mean IoU, %, last", *methods, "ClassMix − Supervised", "gain from ReCo"], rows)


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


def panel(key: str, results: Places, small: str = "small/camvid", which: str = "last") -> list[Bar]:
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


def beside_the_paper(key: str, results: Places, which: str = "last") -> str:
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


def reco_parts(results: Places) -> list[Part]:
    """What ReCo adds to other methods in each setting that has a record, beside the paper's gain in one like it.

    Cityscapes' settings stand beside those of CamVid, 50 labels there beside 60 here.

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
