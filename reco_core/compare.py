"""The paper's numbers beside recorded runs, cell by cell (`reco table`)."""

from pathlib import Path

from reco_core.experiments import RECIPES
from reco_core.paper import PaperTable, paper_table
from reco_core.results import load_record, miou_percent, summarise
from reco_core.tables import markdown, with_spread

SLUGS = {"Pascal VOC": "pascal_voc", "Cityscapes": "cityscapes", "SUN RGB-D": "sun_rgbd"}
ARCHITECTURES = {"(DeepLabV2)": "deeplab_v2", "(DeepLabV3+)": "deeplab_v3_plus"}
STRATEGIES = {
    "random query, random key": "random+uniform",
    "active query, random key": "hard+uniform",
    "easy query, active key": "easy+relation",
    "ours": "hard+relation",
}


def cell_recipe(table: PaperTable, row: str, column: tuple[str, int | str]) -> str | None:
    """The recipe that repeats a cell; None for rows of other papers, and cells that the paper leaves empty."""
    dataset, label = SLUGS[column[0]], str(column[1]).replace("1 pixel", "1px")
    if table.key in ("1", "2", "3", "4"):
        name = f"table{table.key}/{dataset}/{label}/{row}"
    elif table.key == "5":
        method, _, architecture = row.partition(" ")
        full = label in ("10582", "2975")
        name = f"table5/{dataset}/{'all' if full else label}/{ARCHITECTURES.get(architecture)}/"
        name += "supervised" if full else method
        name = name if method == "reco+classmix" else ""
    elif table.key == "B":
        name = "bank/cityscapes/20" if "bank" in row else "table1/cityscapes/20/reco+classmix"
    elif row == "classmix":  # Fig. 7c's grey bar
        name = "table1/cityscapes/20/classmix"
    else:
        name = f"fig{table.key}/{STRATEGIES.get(label, label)}"
    return name if name in RECIPES else None


def beside_the_paper(key: str, results: Path, which: str = "last") -> str:
    """A Markdown table of one line a cell: the paper's number, ours with its spread and seeds, the recipe.

    Args:
        key: of the paper's table.
        results: folder of the records, laid out by recipe as `reco reproduce` does.
        which: "last" or "best".
    """
    table = paper_table(key)
    rows = []
    for method, scores in table.rows.items():
        for column, score in zip(table.columns, scores, strict=True):
            name = cell_recipe(table, method, column)
            if score is None:
                continue
            paths = sorted(results.glob(f"{name}-seed*.json")) if name else []
            values = {number: miou_percent(which)(load_record(path)) for number, path in enumerate(paths)}
            ours = f"{with_spread(summarise(values))} ({len(values)} seeds)" if values else ""
            if not values:
                ours = "no record" if name else "another paper's"
            rows.append([method, f"{column[0]} {column[1]}", f"{score:.2f}", ours, f"`{name}`" if name else ""])
    title = f"{table.name}: {table.title}. Mean IoU in percent; paper: mean of 3 runs, best step."
    note = f"\n\n{table.note}" if table.note else ""
    return f"{title}\n\n{markdown(['Method', 'Column', 'Paper', f'Ours, {which}', 'Recipe'], rows)}{note}"
