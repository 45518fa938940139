"""Sphinx extension of this book: plain docstrings and signatures, and the scripts that the pages use."""

import re
from typing import Any

from sphinx.ext.autodoc import AttributeDocumenter, DataDocumenter

PLAIN = (
    (r"(?:~?typing\.)?Annotated\[(\w+), FieldInfo\(annotation=NoneType, required=True, metadata=\[.*?\]\)\]", r"\1"),
    (r"<factory>|<function [\w.]*<lambda>>", "..."),
    (r"<function (?:\w+\.)*(\w+)>|<class '(?:\w+\.)*(\w+)'>", r"\1\2"),
)
"""What Python prints for bounds, defaults and names -> what a reader needs of it."""


def escape_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """The library's docstrings are plain text: outside backticks, `*` and `|` mean themselves. Changes `lines`."""
    for index, line in enumerate(lines):
        parts = line.split("`")
        parts[::2] = [re.sub(r"([*|])", r"\\\1", part) for part in parts[::2]]
        lines[index] = "`".join(parts)
    if lines and what in ("attribute", "data", "property"):
        lines.insert(0, "\\")  # nothing; else napoleon takes what stands before the first line's colon for a type


def plain(text: str) -> str:
    """A signature, type or value without what only Python needs; a field's bounds stand beside it in the source."""
    for pattern, new in PLAIN:
        text = re.sub(pattern, new, text)
    return text


def plain_signature(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """The signature that is shown, such as `(iterations: int = 600)`."""
    return signature and plain(signature), returns and plain(returns)


class PlainAttribute(AttributeDocumenter):
    """An attribute with a plain type and value."""

    def add_line(self, line: str, source: str, *lineno: int) -> None:
        super().add_line(plain(line), source, *lineno)


class PlainData(DataDocumenter):
    """The same of a module's constant."""

    def add_line(self, line: str, source: str, *lineno: int) -> None:
        super().add_line(plain(line), source, *lineno)


def drop_thebe(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Drop Thebe, which Jupyter Book loads twice on every page: no cell is live, and it names a third party's host."""

    def is_thebe(file: Any) -> bool:
        return "thebe" in f"{file} {getattr(file, 'filename', '')} {getattr(file, 'attributes', '')}".lower()

    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if not is_thebe(file)]


def with_mathjax(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Load MathJax on every page of text: a preview may show a formula where the page itself has none."""
    if doctree is not None:
        app.env.get_domain("math").data["has_equations"][pagename] = True


def setup(app: Any) -> dict[str, bool]:
    """Escape before napoleon, whose own marks must stay; drop Thebe after it was added."""
    app.connect("autodoc-process-docstring", escape_docstring, priority=400)
    app.connect("autodoc-process-signature", plain_signature)
    for documenter in (PlainAttribute, PlainData):
        app.add_autodocumenter(documenter, override=True)
    app.connect("html-page-context", with_mathjax, priority=400)
    app.connect("html-page-context", drop_thebe, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
