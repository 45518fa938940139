"""Execute the book's chapters, showing progress: on a copy of the book in _build/source, or for authors in place.

    python scripts/execute_notebooks.py                      every chapter that changed since its last execution
    python scripts/execute_notebooks.py notebooks/01_*.ipynb --force
    python scripts/execute_notebooks.py --write-back         also put the outputs into notebooks/, to be committed

A chapter counts as changed when its cells, the library, the book's own code, the recorded results, the profile or
PyTorch's version did.
"""

import argparse
import base64
import hashlib
import io
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "_build" / "source"
FOLDERS = ("book", "notebooks", "reco_core", "results", "benchmarks")
FILES = ("_config.yml", "_toc.yml", "README.md", "CHANGELOG.md", "pyproject.toml")
SKIPPED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints", "*.ipynb")
SURROUNDINGS = (
    "reco_core/**/*.py", "book/reco_book/**/*.py", "book/reco_book/**/*.json", "results/**/*.jsonl",
    "benchmarks/results/*.json",
)  # fmt: skip
"""Files beside a chapter that can change its outputs."""
WIDGET = "application/vnd.jupyter.widget-view+json"
HEAVY = 200_000  # characters of a picture from which it is reduced to 256 colours
SLOW_CELL = 5.0  # seconds from which a cell gets a line of its own


def copy_book(target: Path) -> None:
    """Bring `target` up to date with the working tree, except for the notebooks: those come when they are executed."""

    def copy_changed(source: str, destination: str) -> str:
        path = Path(destination)
        if not path.exists() or path.read_bytes() != Path(source).read_bytes():
            shutil.copy2(source, destination)
        return destination

    for folder in FOLDERS:
        if (ROOT / folder).is_dir():
            shutil.copytree(
                ROOT / folder, target / folder, dirs_exist_ok=True, ignore=SKIPPED, copy_function=copy_changed
            )
    for name in FILES:
        copy_changed(str(ROOT / name), str(target / name))
    (target / "notebooks").mkdir(exist_ok=True)
    for path in [*target.glob("notebooks/*.ipynb"), *target.glob("book/*.md"), *target.glob("results/**/*.*")]:
        if path.is_file() and not (ROOT / path.relative_to(target)).exists():
            path.unlink()


def code_digest(notebook: nbformat.NotebookNode) -> str:
    """SHA-256 prefix of the code cells: equal digests mean that the outputs belong to this code."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def surroundings_digest(profile: str) -> str:
    """SHA-256 prefix of everything else that can change an output."""
    digest = hashlib.sha256(f"{profile} {version('torch')} {version('matplotlib')}".encode())
    for path in sorted(path for pattern in SURROUNDINGS for path in ROOT.glob(pattern)):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class CellLog:
    """Progress of one notebook: a live line on a terminal, a line for every slow cell anywhere."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.done = name, total, 0
        self.live = sys.stdout.isatty()
        self.started = self.cell_started = time.perf_counter()

    def start(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        self.cell_started = time.perf_counter()
        if cell.cell_type == "code":
            self.done += 1
            if self.live:
                print(f"\r  {self.name}: cell {self.done}/{self.total} ...\033[K", end="", flush=True)

    def complete(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        seconds = time.perf_counter() - self.cell_started
        if cell.cell_type == "code" and seconds >= SLOW_CELL:
            print(f"{self.clear()}    cell {self.done}/{self.total}: {seconds:.0f} s", flush=True)

    def clear(self) -> str:
        return "\r\033[K" if self.live else ""

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started


def execute(path: Path, timeout: int) -> tuple[nbformat.NotebookNode, float]:
    """Run a notebook from scratch in its own folder; returns it with outputs, and the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    total = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)
    log = CellLog(path.stem, total)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=timeout,
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
        skip_cells_with_tag="skip-execution",
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=log.start,
        on_cell_complete=log.complete,
    )
    try:
        client.execute()
    finally:
        print(log.clear(), end="", flush=True)
    return tidy(notebook), log.seconds


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what differs between machines or cannot be shown in a static page."""
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata.language_info = {"name": "python"}
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if is_shown(output)]
            for data in (output.get("data", {}) for output in cell.outputs):
                if len(data.get("image/png", "")) > HEAVY:
                    data["image/png"] = lighter(data["image/png"])
    return notebook


def lighter(png: str) -> str:
    """A picture in base64 with 256 colours of its own, none far from the picture's: a fifth of the bytes."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode() + "\n"


def is_shown(output: nbformat.NotebookNode) -> bool:
    """Whether an output belongs to the page: neither a live widget nor a progress bar."""
    return WIDGET not in output.get("data", {}) and output.get("name") != "stderr"


def run_chapter(original: Path, target: Path, profile: str, options: argparse.Namespace) -> None:
    """Execute one chapter into `target`, unless what is there came from the same code in the same surroundings."""
    notebook = nbformat.read(original, as_version=4)
    stamp = {"profile": profile, "code": code_digest(notebook), "surroundings": surroundings_digest(profile)}
    previous = nbformat.read(target, as_version=4).metadata.get("reco", {}) if target.exists() else {}
    if not options.force and all(previous.get(key) == value for key, value in stamp.items()):
        executed, state = with_outputs(notebook, nbformat.read(target, as_version=4)), "unchanged"
    else:
        shutil.copy2(original, target)
        executed, seconds = execute(target, options.timeout)
        executed.metadata.reco = {**stamp, "seconds": round(seconds, 1)}
        state = f"{seconds:.0f} s"
    nbformat.write(executed, target)
    count = sum(cell.cell_type == "code" for cell in executed.cells)
    print(f"  {original.stem}: {count} cells, {state}", flush=True)


def with_outputs(notebook: nbformat.NotebookNode, executed: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook's present text and tags with the outputs of its unchanged code."""
    outputs = iter([cell for cell in executed.cells if cell.cell_type == "code"])
    for cell in notebook.cells:
        if cell.cell_type == "code":
            source = next(outputs)
            cell.outputs, cell.execution_count = source.outputs, source.execution_count
    notebook.metadata.reco = executed.metadata.reco
    return tidy(notebook)


def write_back(executed: Path, original: Path) -> None:
    """Put the outputs into the committed notebook, with what a reader or a test may ask of them."""
    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.reco.pop("surroundings")
    nbformat.write(notebook, original)


def run_times(notebooks: list[Path]) -> str:
    """A table of the chapters' times, for the page "How to run"."""
    rows = list(_run_time_rows(notebooks))
    where = f"Python {platform.python_version()}, PyTorch {version('torch')}, {platform.system()} {platform.machine()}"
    lines = [
        f"Measured with {where}, {os.cpu_count()} CPU cores.",
        "",
        "| Chapter | Profile | Seconds |",
        "|---|---|---:|",
    ]
    return "\n".join(lines + rows) + "\n"


def _run_time_rows(notebooks: list[Path]) -> Iterator[str]:
    for path in notebooks:
        measured = nbformat.read(path, as_version=4).metadata.get("reco", {})
        yield f"| [](../notebooks/{path.name}) | {measured.get('profile', '-')} | {measured.get('seconds', '-')} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="chapters to execute (default: all)")
    parser.add_argument("--write-back", action="store_true", help="put the outputs into notebooks/")
    parser.add_argument("--force", action="store_true", help="execute unchanged chapters too")
    parser.add_argument("--timeout", type=int, default=3600, help="seconds that a cell may take")
    options = parser.parse_args()

    profile = os.environ.setdefault("RECO_PROFILE", "demo")
    copy_book(SOURCE)
    chapters = [path.resolve() for path in options.notebooks] or sorted(ROOT.glob("notebooks/*.ipynb"))
    print(
        f"Executing {len(chapters)} chapters in the {profile} profile, in {SOURCE.relative_to(ROOT)}:",
        flush=True,
    )
    started = time.perf_counter()
    for original in chapters:
        target = SOURCE / "notebooks" / original.name
        try:
            run_chapter(original, target, profile, options)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            target.unlink(missing_ok=True)
            print(f"\n{original.relative_to(ROOT)}: a cell failed:\n{error}", file=sys.stderr)
            return 1
        if options.write_back:
            write_back(target, original)
    everything = sorted(SOURCE.glob("notebooks/*.ipynb"))
    (SOURCE / "book" / "run_times.md").write_text(run_times(everything), encoding="utf-8")
    if options.write_back:
        shutil.copyfile(SOURCE / "book" / "run_times.md", ROOT / "book" / "run_times.md")
    print(f"Executed in {time.perf_counter() - started:.0f} s.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
