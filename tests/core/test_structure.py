"""The house stays small, documented and layered: bounds on files and functions, on imports and on what they load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared import ROOT

LIBRARY, BOOK = ROOT / "reco_core", ROOT / "book" / "reco_book"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(*folders: Path) -> list[Path]:
    found = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    assert found
    return found


def lines(paths: list[Path]) -> int:
    return sum(len(path.read_text().splitlines()) for path in paths)


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno} {getattr(node, 'name', '')}"


def public(path: Path) -> Iterator[Function | ast.ClassDef]:
    """Functions, classes and their methods without a leading underscore, and __init__; not what stands in functions."""

    def of(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
        for node in body:
            if isinstance(node, ast.If | ast.Try):  # defined where something is installed
                yield from of(node.body)
            if isinstance(node, Function | ast.ClassDef) and (not node.name.startswith("_") or node.name == "__init__"):
                yield node
                yield from of(node.body) if isinstance(node, ast.ClassDef) else ()

    yield from of(ast.parse(path.read_text()).body)


def names(decorators: list[ast.expr]) -> set[str]:
    return {ast.unparse(decorator) for decorator in decorators}


def test_the_core_is_small():
    top = sorted(LIBRARY.glob("*.py"))
    assert len(top) <= 14, [path.name for path in top]
    assert lines(top) <= 2370


def test_the_library_is_compact():
    """A bound that may only fall.

    The scenes' drawing does not count: it is content, drawn once, not code that a user reads to use the loss.
    """
    drawing = LIBRARY / "datasets" / "toyscapes"
    assert drawing.is_dir()
    assert lines([path for path in files(LIBRARY) if drawing not in path.parents]) <= 6785


def test_files_are_short():
    long = {str(path.relative_to(ROOT)): lines([path]) for path in files(LIBRARY, BOOK)}
    assert {name: count for name, count in long.items() if count > 400} == {}


def test_functions_are_short():
    """From their first line, decorators left out, to their last."""
    long = [
        f"{place(path, node)}: {node.end_lineno - node.lineno + 1} lines"
        for path in files(LIBRARY, BOOK)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, Function) and node.end_lineno - node.lineno + 1 > 50
    ]
    assert long == []


def test_what_is_public_is_documented():
    """An overload and __init__ have theirs at the function itself and at the class."""
    bare = [
        place(path, node)
        for path in files(LIBRARY)
        for node in public(path)
        if ast.get_docstring(node) is None and node.name != "__init__" and "overload" not in names(node.decorator_list)
    ]
    assert bare == []


def test_every_file_is_documented():
    assert [str(path) for path in files(LIBRARY, BOOK) if ast.get_docstring(ast.parse(path.read_text())) is None] == []


def missing_annotations(path: Path, function: Function) -> list[str]:
    given = function.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    untyped = [entry.arg for entry in arguments if entry is not None and entry.annotation is None]
    untyped = [name for name in untyped if name not in ("self", "cls")]
    return [f"{place(path, function)}: {name}" for name in untyped] + (
        [f"{place(path, function)}: what it returns"] if function.returns is None else []
    )


def test_what_is_public_is_typed():
    found = [
        missing
        for path in files(LIBRARY)
        for node in public(path)
        if isinstance(node, Function)
        for missing in missing_annotations(path, node)
    ]
    assert found == []


HEAVY = ("matplotlib", "lightning_fabric", "tyro", "torchvision", "scipy", "torch._dynamo")
LOADED = """
import sys, time
import torch
before = time.process_time()
import {module}
print(time.process_time() - before)
print(*(name for name in {heavy} if name in sys.modules))
"""


def after_import(module: str) -> tuple[float, list[str]]:
    """Processor time of an import in a fresh process, PyTorch's left out, and the heavy packages that it brought."""
    program = LOADED.format(module=module, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, _, heavy = done.stdout.partition("\n")
    return float(seconds), heavy.split()


@pytest.mark.parametrize("module", ["losses", "sampling", "models"])
def test_the_core_loads_nothing_heavy(module):
    _, heavy = after_import(f"reco_core.{module}")
    assert heavy == []


def test_heavy_packages_would_be_noticed():
    assert after_import("scipy")[1] == ["scipy"]


def test_the_loss_is_loaded_at_once():
    """In 0.3 s of processor time, in one of three attempts: another process may disturb the clock."""
    seconds: list[float] = []
    while len(seconds) < 3 and min(seconds, default=1.0) > 0.3:
        seconds.append(after_import("reco_core.losses")[0])
    assert min(seconds) <= 0.3, seconds


def test_imports_run_one_way():
    """The contracts of pyproject.toml."""
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
