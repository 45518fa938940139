"""Which recipe repeats which cell of the paper's tables."""

from reco_book.paper import PaperTable
from reco_core.runs.recipes import RECIPES

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
