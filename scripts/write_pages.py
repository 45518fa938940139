"""Write what the first pages take from the library: the picture, and the results at a glance from the records.

    python scripts/write_pages.py

Changes book/_static/idea.png, the text between the result markers in README.md and book/index.md, and the data of the
interactive relation graph; a test tells when they are out of date.
"""

import json
import re
from pathlib import Path

from matplotlib import rc_context

from reco_core.experiments import COMPARED
from reco_core.figures.idea import idea
from reco_core.figures.style import METHOD_NAMES, RC
from reco_core.relations import read_relations
from reco_core.results import by_method, load_records, miou_percent, paired_difference, summarise
from reco_core.tables import markdown, with_interval, with_spread

ROOT = Path(__file__).resolve().parent.parent
PICTURE = Path("book/_static/idea.png")
PAGES = ("README.md", "book/index.md")
MARKED = re.compile(r"(<!-- results: written by scripts/write_pages.py -->\n).*?(<!-- end of results -->)", re.DOTALL)
GRAPHS = Path("book/_static/relations_data.js")
COLUMNS = {
    "toyscapes/20": "toyscapes, 20 of 500 scenes labelled (ResNet-18, random weights)",
    "camvid/20": "CamVid, 20 of 367 photographs labelled (MobileNetV2, ImageNet weights)",
}


def results_at_a_glance(root: Path = ROOT) -> str:
    """A Markdown table: mean IoU on test images of the last step, methods by data sets, and ReCo's paired gain."""
    scores = {
        title: by_method(load_records(root / "results" / "small" / folder), miou_percent("last"))
        for folder, title in COLUMNS.items()
    }
    rows = [[METHOD_NAMES[method], *(cell(table.get(method, {})) for table in scores.values())] for method in COMPARED]
    gains = [paired_difference(table.get(COMPARED[2], {}), table.get(COMPARED[1], {})) for table in scores.values()]
    rows.append(["ReCo's part, paired by seed, with 95 % interval", *map(with_interval, gains)])
    return markdown(["Mean IoU, %", *scores], rows)


def cell(values: dict[int, float]) -> str:
    """Mean and spread over seeds, and how many they are as long as they are fewer than three."""
    few = f" ({len(values)} of 3 seeds)" if 0 < len(values) < 3 else ""
    return with_spread(summarise(values)) + few


def with_results(page: str, table: str) -> str:
    """A page with the text between its markers replaced."""
    return MARKED.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", page)


def interactive_relations(root: Path = ROOT) -> str:
    """The recorded relation graphs as a script: data set -> network and place -> seed -> similarity, confusion in %."""
    found: dict[str, dict] = {}
    for path in sorted((root / "results" / "relations" / "small").rglob("*.json")):
        relations = read_relations(path)
        dataset = {"toyscapes": "toyscapes", "camvid": "CamVid"}[relations.about["dataset"]]
        options = relations.about["config"]
        entry = found.setdefault(dataset, {"classes": list(relations.classes), "lowest": 1.0, "networks": {}})
        shares = 100 * relations.confusion / relations.confusion.sum(axis=1, keepdims=True)
        for where, graph in relations.graphs.items():
            entry["lowest"] = min(entry["lowest"], round(float(graph.min()), 3))
            runs = entry["networks"].setdefault(f"{METHOD_NAMES[options['method']]}, {where}", {})
            runs[str(options["seed"])] = {
                "similarity": graph.round(3).tolist(),
                "confusion": shares.round(1).tolist(),
            }
    return f"window.RELATIONS = {json.dumps(dict(sorted(found.items(), reverse=True)), separators=(',', ':'))};\n"


def main() -> None:
    table = results_at_a_glance()
    for name in PAGES:
        path = ROOT / name
        path.write_text(with_results(path.read_text(encoding="utf-8"), table), encoding="utf-8")
    (ROOT / GRAPHS).write_text(interactive_relations(), encoding="utf-8")
    with rc_context(RC):
        idea().savefig(ROOT / PICTURE, dpi=160, metadata={"Software": None})


if __name__ == "__main__":
    main()
