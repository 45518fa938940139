"""The book's vocabulary: one standard term for a thing, and not the loose phrases that it replaces."""

import ast
import json
import re
from pathlib import Path

import pytest
from shared import ROOT

INSTEAD = {
    r"ReCo's part|what ReCo adds|its part is seen": "the gain from ReCo; the gain is significant",
    r"the labels alone": "the supervised baseline",
    r"undecided": "inconclusive, or cannot test here",
    r"near (?:a |the )?borders?|borders": "boundary, boundary pixels",
    r"drawn scenes": "toyscapes",
    r"first weights": "initialisation",
    r"made again": "re-run",
    r"holds zero": "includes zero",
    r"told apart": "distinguished",
    r"less 1": "minus 1",
    r"seldom": "rarely",
    r"commonest": "most common",
    r"stands? in no column": "are not comparable with",
    r"what to notice": "state the finding, then the evidence",
}
READ = (
    "README.md", "book/*.md", "notebooks/*.ipynb", "book/reco_book/**/*.py", "book/reco_book/**/*.js",
    "reco_core/cli/*.py",
)  # fmt: skip
"""Pages, chapters with what their cells print, labels of figures and explorables, and the output of commands."""


def shown(path: Path) -> str:
    """What a reader sees of a file: of Python its strings, of a notebook everything but pictures and pages in HTML."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        parts = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    elif path.suffix == ".ipynb":
        parts = []
        for cell in json.loads(text)["cells"]:
            outputs = [{"text": output.get("text"), **output.get("data", {})} for output in cell.get("outputs", [])]
            kinds = ("text", "text/plain", "text/markdown")
            printed = ["".join(output.get(kind) or "") for output in outputs for kind in kinds]
            parts += ["".join(cell["source"]), json.dumps(cell["metadata"]), *printed]
    else:
        parts = [text]
    return "\n".join(part for part in parts if isinstance(part, str))


@pytest.mark.parametrize("pattern", READ)
def test_readers_meet_the_standard_terms(pattern):
    found = []
    paths = sorted(ROOT.glob(pattern))
    assert paths
    for path in paths:
        text = " ".join(shown(path).split())
        for loose, standard in INSTEAD.items():
            for match in re.finditer(rf"\b(?:{loose})\b", text, re.IGNORECASE):
                around = text[max(0, match.start() - 40) : match.end() + 40]
                found.append(f"{path.name}: not '{match[0]}' but '{standard}', in: {around}")
    assert not found, "\n".join(found)
