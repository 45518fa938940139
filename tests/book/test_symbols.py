"""book/_ext/symbols.py: every symbol of the text leads to its row of the notation page."""

import re

import pytest
import symbols
from shared import ROOT

PAGE = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
FORMS = symbols.forms_of(symbols.read_symbols(PAGE))


def meanings(tex):
    return [symbol.tex[0] for symbol in symbols.symbols_in(tex, FORMS)]


def test_every_row_of_the_page_is_read_with_its_meaning():
    rows = [line for line in PAGE.splitlines() if re.match(r"\| \$", line)]
    found = symbols.read_symbols(PAGE)
    assert len(found) == len(rows) > 30
    assert len({symbol.anchor for symbol in found}) == len(found), "two symbols share an anchor"
    assert all(symbol.meaning and "{eq}" not in symbol.meaning for symbol in found)
    assert FORMS[(r"\tau",)].meaning == "softness of the softmax"


def test_spaces_do_not_matter():
    assert symbols.plain(r"\mathcal{R}_q^{c,\,+}") == symbols.plain(r"\mathcal{R}_q^{c, +}")


@pytest.mark.parametrize(
    ("tex", "found"),
    [
        (r"\exp(r_q \cdot r_k^{c,+} / \tau)", ["r_q", "r_k^{c,+}", r"\tau"]),
        (r"\mathcal{B}_c", []),
        (r"\mathrm{CE}(z)", []),
        (r"K e^{a}", ["K"]),
        (r"\exp(a) \text{ with } B", ["B"]),
        (r"N_\mathrm{bank}", []),
        (r"\eta_b", [r"\eta"]),
    ],
)
def test_symbols_of_an_equation(tex, found):
    assert meanings(tex) == found


def test_the_papers_equations_have_notes(tmp_path):
    """Every one of Eq. 1 to 5 uses symbols that the notation page explains."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "notebooks").glob("*.ipynb")))
    for label in ("eq-reco", "eq-sets", "eq-relation", "eq-hard", "eq-total"):
        block = re.search(r'"\$\$\\n",((?:(?!"\$\$).)*?)"\$\$ \(' + label, text, re.DOTALL)
        assert block and len(meanings(block[1].replace("\\\\", "\\"))) >= 2, label
