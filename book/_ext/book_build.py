"""Sphinx extension of this book: plain-text docstrings, and the scripts that the pages use."""

import re
from typing import Any


def escape_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """The library's docstrings are plain text: outside backticks, `*` and `|` mean themselves. Changes `lines`."""
    for index, line in enumerate(lines):
        parts = line.split("`")
        parts[::2] = [re.sub(r"([*|])", r"\\\1", part) for part in parts[::2]]
        lines[index] = "`".join(parts)


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
    app.connect("html-page-context", with_mathjax, priority=400)
    app.connect("html-page-context", drop_thebe, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
