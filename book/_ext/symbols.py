"""Sphinx extension of this book: every symbol in the text leads to the page "Notation", which is its only source.

Inline mathematics that is a symbol and nothing else becomes a link with the meaning as its title; beside a numbered
equation the margin says what its symbols mean.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes

PAGE = "book/notation"
MATH = re.compile(r"\$([^$]+)\$")


class Symbol(NamedTuple):
    """A row of the notation page."""

    anchor: str
    tex: tuple[str, ...]
    """All forms of it that the page names, the first one as it is shown."""
    meaning: str
    """One line: plain text, with mathematics between dollars."""


def plain(tex: str) -> tuple[str, ...]:
    """TeX as its tokens, without what does not change a symbol's look: spaces and thin spaces."""
    return tuple(token for token in re.findall(r"\\[A-Za-z]+|\\.|\S", tex) if token != r"\,")


def read_symbols(page: str) -> list[Symbol]:
    """The symbols of the notation page's tables: mathematics in the first column, and the column "Meaning"."""
    symbols, column = [], 0
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
        if "Meaning" in cells:
            column = cells.index("Meaning")
        forms = tuple(MATH.findall(cells[0]))
        if not line.startswith("|") or not forms:
            continue
        meaning = re.sub(r"( in)? \{eq\}`[^`]+`|[*`]", "", cells[column])
        name = re.sub(r"[^A-Za-z0-9]+", "-", forms[0].replace("'", "prime").replace("+", "plus")).strip("-")
        symbols.append(Symbol(f"symbol-{name}", forms, re.split(r"[;:]", meaning)[0].strip()))
    return symbols


def forms_of(symbols: list[Symbol]) -> dict[tuple[str, ...], Symbol]:
    """Every form -> its symbol; the first row that has a form counts."""
    found: dict[tuple[str, ...], Symbol] = {}
    for symbol in symbols:
        for tex in symbol.tex:
            found.setdefault(plain(tex), symbol)
    return found


def symbols_in(tex: str, forms: dict[tuple[str, ...], Symbol]) -> list[Symbol]:
    """The symbols of a displayed equation, in the order of their first place."""
    rest, places = list(plain(tex)), {}
    for form in sorted(forms, key=len, reverse=True):  # r_k^{c,+} before r_k^+
        if len(form) == 1:
            rest = _without_alphabets(rest)
        size = len(form)
        for start in range(len(rest) - size + 1):
            after = rest[start + size : start + size + 1]
            if tuple(rest[start : start + size]) == form and after != ["_"]:  # N_b is not N
                places.setdefault(forms[form], start)
                rest[start : start + size] = [""] * size
    return sorted(places, key=lambda symbol: places[symbol])


def _without_alphabets(tokens: list[str]) -> list[str]:
    """The B of \\mathcal{B} is not B, the letters of \\mathrm{...} are words: blank them."""
    left, inside = [], False
    for before, token in zip(["", *tokens], tokens, strict=False):
        inside = inside and token != "}" or token == "{" and before.startswith((r"\math", r"\text"))
        left.append("" if inside else token)
    return left


def link(app: Any, docname: str, symbol: Symbol, tex: str) -> nodes.reference:
    """A symbol that leads to its row; the meaning is the link's title."""
    target = f"{app.builder.get_relative_uri(docname, PAGE)}#{symbol.anchor}"
    title = MATH.sub(lambda match: match[1], symbol.meaning)
    reference = nodes.reference("", "", internal=True, refuri=target, reftitle=title, classes=["symbol"])
    reference += nodes.math(tex, tex)
    return reference


def margin_note(app: Any, docname: str, found: list[Symbol]) -> nodes.sidebar:
    """What the symbols of an equation mean, for the margin beside it."""
    note = nodes.sidebar("", classes=["margin", "symbols"])
    for symbol in found:
        line = nodes.paragraph("", "")
        line += [link(app, docname, symbol, symbol.tex[0]), nodes.Text(" ")]
        for number, part in enumerate(MATH.split(symbol.meaning)):
            line += nodes.math(part, part) if number % 2 else nodes.Text(part)
        note += line
    return note


def resolve(app: Any, doctree: nodes.document, docname: str) -> None:
    """Link the symbols of one page; on the notation page, mark the rows that the links lead to."""
    if app.builder.format != "html" or not docname.startswith(("book/", "notebooks/")):
        return
    forms = app.book_symbols
    if docname == PAGE:
        marked = set()
        for math in list(doctree.findall(nodes.math)):
            symbol = forms.get(plain(math.astext()))
            if symbol and symbol.anchor not in marked:
                marked.add(symbol.anchor)
                math.replace_self(nodes.inline("", "", math.deepcopy(), ids=[symbol.anchor]))
        return
    for math in list(doctree.findall(nodes.math)):
        symbol = forms.get(plain(math.astext()))
        parents = [math.parent, math.parent.parent]
        if symbol and not any(isinstance(node, nodes.reference | nodes.title | nodes.caption) for node in parents):
            math.replace_self(link(app, docname, symbol, math.astext()))
    for block in list(doctree.findall(nodes.math_block)):
        found = symbols_in(block.astext(), forms)
        if block.get("label") and found:
            block.parent.insert(block.parent.index(block), margin_note(app, docname, found))


def start(app: Any) -> None:
    """Read the notation page once."""
    page = Path(app.srcdir) / f"{PAGE}.md"
    app.book_symbols = forms_of(read_symbols(page.read_text(encoding="utf-8")))


def setup(app: Any) -> dict[str, bool]:
    """Read at the start, link when a page is resolved."""
    app.connect("builder-inited", start)
    app.connect("doctree-resolved", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
