"""The source of functions as the output of a cell, which the book, JupyterLab, Colab and GitHub all display."""

import ast
import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

PAPER_EQUATIONS = {"eq-reco": 1, "eq-sets": 2, "eq-relation": 3, "eq-hard": 4, "eq-total": 5}
"""Labels of the book that are numbered equations of the paper."""

STYLE = (
    "<style>html:not([data-theme]) .reco-source{--k:#8250df;--s:#0a5c2f;--c:#57606a;--n:#0550ae}"
    'body[data-jp-theme-light="false"] .reco-source,html[theme="dark"] .reco-source,'
    "body.vscode-dark .reco-source{--k:#d2a8ff;--s:#9ad3a8;--c:#a7b0ba;--n:#8cc8ff}"
    + "".join(
        f'html:not([data-theme]) .reco-source [class^="{kind}"]{{color:var(--{name})}}'
        for kind, name in (("k", "k"), ("ow", "k"), ("s", "s"), ("c", "c"), ("m", "n"), ("nf", "n"), ("nc", "n"))
    )
    + ".reco-source pre{overflow-x:auto}</style>"
)
"""Colours for notebooks. The pages of the book carry `data-theme`, and there the theme colours code, light or dark."""


class Source:
    """Source code that a notebook displays: highlighted where HTML is shown, as plain text elsewhere.

    Args:
        text: Python code.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        code = highlight(self.text, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n")
        return f'{STYLE}<div class="reco-source highlight"><pre tabindex="0">{code}\n</pre></div>'


def show(*objects: Any, docstrings: bool = True) -> Source:
    """The source of functions, methods or classes, below the name of their file; the last value of a cell.

    What is shown is the code that runs, read from its file; a decorated function keeps its decorators.

    Args:
        objects: in the order in which they are to be read.
        docstrings: whether to keep them; without them the code alone is shown.

    Raises:
        TypeError: no object, or one that has no Python source (a built-in function, a number).
    """
    if not objects:
        raise TypeError("show needs at least one function or class")
    parts, last = [], ""
    for shown in objects:
        lines = inspect.getsource(shown)  # TypeError for anything that was not written in Python
        text = textwrap.dedent(lines).rstrip("\n")
        if not docstrings:
            text = without_docstrings(text)
        file = _file_of(shown)
        parts.append(text if file in ("", last) else f"# {file}\n{text}")
        last = file
    return Source(_plain_references("\n\n\n".join(parts)))


def without_docstrings(text: str) -> str:
    """Python code without the docstrings of its functions, classes and module.

    Args:
        text: code that parses; a docstring stands on lines of its own.
    """
    dropped: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            first = node.body[0] if node.body else None
            if ast.get_docstring(node, clean=False) is not None and first is not None and len(node.body) > 1:
                begin, after = first.lineno, node.body[1].lineno
                end = first.end_lineno or begin
                blank = end < after - 1 and not text.splitlines()[end].strip()  # the line between docstring and code
                dropped |= set(range(begin, end + 1 + blank))
    return "\n".join(line for number, line in enumerate(text.splitlines(), start=1) if number not in dropped)


def _file_of(shown: Any) -> str:
    """The file from its package on, such as `reco_core/losses.py`; empty for what a notebook defines itself."""
    name = str(getattr(inspect.unwrap(shown), "__module__", None) or getattr(shown, "__name__", ""))
    module = sys.modules.get(name)
    file: str | None = getattr(module, "__file__", None)
    if name == "__main__" or file is None:
        return ""
    parts = Path(file).parts
    return "/".join(parts[len(parts) - 1 - name.count(".") - (parts[-1] == "__init__.py") :])


def _plain_references(text: str) -> str:
    """Sphinx's references to equations as a reader of the paper calls them."""

    def named(match: re.Match[str]) -> str:
        number = PAPER_EQUATIONS.get(match[1])
        return f"`{match[1]}`" if number is None else f"Eq. {number}"

    return re.sub(r":eq:`([\w-]+)`", named, text)
