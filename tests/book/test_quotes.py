"""No number in a chapter's text without a source: a cell's output, a cell's code, a formula or a setting.

Checked are decimals, percentages and integers from 20 on. What a cell prints or contains may be quoted, rounded to the
digits that the text shows; what comes from elsewhere stands in SOURCES with its reason.
"""

import math
import re

import nbformat
import pytest
from shared import ROOT

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NUMBER = re.compile(r"(?<![\w.^{-])(\d{1,3}(?:,\d{3})+|\d+\.\d+|\d+)(?![\w]|\.\d)(\s*%| per cent)?")
SOURCES = {
    "255": "the ignore index",
    "0.97": "delta_s, `ReCoConfig.strong_threshold`",
    "0.7": "delta_w, `TrainConfig.weak_threshold`",
    "0.99": "lambda, `TrainConfig.teacher_decay`",
    "0.5": "tau, `ReCoConfig.temperature`",
    "256": "queries, `ReCoConfig.num_queries`; D, `ModelConfig.representation_dim`",
    "512": "keys, `ReCoConfig.num_keys`",
    "513": "1 + 512, the choices of Eq. 1",
    "40,000": "steps, Appendix A",
    "321": "crop of Pascal VOC, Appendix A",
    "81": "321 at stride 4",
    "101": "ResNet-101",
    "367": "training images of CamVid",
    "233": "test images of CamVid",
    "2,000": "training scenes of toyscapes",
    "1,000": "test scenes of toyscapes",
    "20": "labelled images of the recipes camvid/20",
    "95": "level of the confidence intervals",
}
"""Settings that any chapter may name."""


def prose(notebook) -> str:
    """Markdown without code, links, labels and directives' options."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    text = re.sub(r"```bash.*?```|```\{literalinclude\}.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*`|\]\([^)]*\)|^:\w+:.*$|\\label\{[^}]*\}|^\[.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\$\$.*?\$\$ \(eq-[\w-]+\)", "", text, flags=re.DOTALL)
    text = re.sub(r"(?:Eq|Eqs|Fig|Table|Tables|Section|App|Appendix|chapter|row|rows)\.?\s+[\dA-F][\w.() ]*", "", text)
    return text.replace("\\,", "").replace("\\%", "%").replace("{,}", ",")


def numbers(text: str) -> set[tuple[str, bool]]:
    """Decimals, percentages and integers from 20 on, as they are written, and whether they are percentages."""
    found = set()
    for match in NUMBER.finditer(text):
        value = float(match[1].replace(",", ""))
        if "." in match[1] or match[2] or value >= 20:
            found.add((match[1], bool(match[2])))
    return found


def sources(notebook) -> list[float]:
    """Every number that a cell prints, draws into a table, or contains."""
    texts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            texts.append(cell.source)
            for output in cell.outputs:
                data = output.get("data", {})
                texts += [output.get("text", ""), data.get("text/plain", ""), data.get("text/markdown", "")]
    text = "\n".join(texts)
    values = [float(found.replace(",", "").replace("_", "")) for found in re.findall(r"\d[\d,_]*(?:\.\d+)?", text)]
    values += [float(found) for found in re.findall(r"\d+(?:\.\d+)?e[+-]?\d+", text)]
    return values


def is_quoted_from(written: str, percent: bool, values: list[float]) -> bool:
    """Whether a value, or a hundred times a share, rounds to the number as it is written; counts must be equal."""
    digits, wanted = len(written.partition(".")[2]), float(written.replace(",", ""))
    if not digits and not percent:
        return wanted in values
    scales = (1, 100) if percent else (1,)
    return any(abs(round(scale * value, digits) - wanted) < 1e-9 for value in values for scale in scales)


def unsupported(notebook, extra: dict[str, str]) -> list[str]:
    values = sources(notebook)
    return sorted(
        written
        for written, percent in numbers(prose(notebook))
        if written not in SOURCES and written not in extra and not is_quoted_from(written, percent, values)
    )


EXTRA: dict[str, dict[str, str]] = {
    "01": {
        "701": "CamVid: 367 + 101 + 233 images, its loader's splits", "38": "38.12 of Table 1, rounded",
        "50": "49.86 of Table 1, rounded", "1.5": "the paper's own words", "4.5": "the paper's own words",
        "53.71": "Table 1, CutMix, Pascal VOC 60",
    },
    "14": {
        "40.6": "the first edition of toyscapes, supervised with 20 labels", "39.3": "the same with all labels",
        "500": "its training scenes", "12,000": "steps of toyscapes/20-twice",
    },
    "19": {"0.04": "0.01 x 4", "0.06": "0.02 x 3"},
}  # fmt: skip
"""Chapter -> number -> what sets it."""
FORMULAS = {
    "11": {"4.86": math.log(1 + 128)},
    "17": {"2.8": 1.96 + 0.84},
}
"""Chapter -> number -> its value, of what the text derives beside it."""


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_number_of_the_text_has_a_source(path):
    derived = FORMULAS.get(path.stem[:2], {})
    for written, value in derived.items():
        assert round(value, len(written.partition(".")[2])) == float(written)
    missing = unsupported(nbformat.read(path, as_version=4), {**EXTRA.get(path.stem[:2], {}), **derived})
    assert not missing, f"{path.name} quotes {', '.join(missing)}: no cell produces it"


def test_the_check_finds_a_number_that_drifted():
    """A text that no longer agrees with its cell: the cell prints 61.3 %, the text says 61.4 %."""
    cell = nbformat.v4.new_code_cell("print(f'{share:.1%}')")
    cell.outputs = [nbformat.v4.new_output("stream", text="61.3%\n0.12345\n1,024 pixels\n")]
    texts = {
        "61.3 % of the pixels, about 61 %, 0.123, 1,024 pixels, Fig. 88, at most 7": [],
        "61.4 % of the pixels": ["61.4"],
        "0.124 and 1,025 pixels": ["0.124", "1,025"],
    }
    for text, wrong in texts.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), cell])
        assert unsupported(notebook, {}) == wrong
