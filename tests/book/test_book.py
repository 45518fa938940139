"""The book: chapters are executed and described, equations and links lead somewhere, it builds without a warning."""

import base64
import hashlib
import io
import json
import os
import re
import shutil
from dataclasses import replace
from itertools import chain
from pathlib import Path

import book_build
import execute_notebooks
import nbformat
import numpy as np
import pytest
import yaml
from PIL import Image
from shared import ROOT

from reco_book import pages as writer
from reco_book.figures.style import RC
from reco_book.plan import plan
from reco_core.runs.records import read_json_lines

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = sorted((ROOT / "book").glob("*.md"))
CODE_LINES = 15


def notebook(path):
    return nbformat.read(path, as_version=4)


def cells(path, kind):
    return [cell for cell in notebook(path).cells if cell.cell_type == kind]


def text_of(path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n".join(cell.source for cell in cells(path, "markdown"))


each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def test_every_chapter_and_page_is_in_the_contents():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = {contents["root"], *(page["file"] for part in contents["parts"] for page in part["chapters"])}
    included = {"book/run_times"}  # part of "How to run"
    present = {str(path.relative_to(ROOT).with_suffix("")) for path in [*CHAPTERS, *PAGES]}
    assert present - included == listed


@each_chapter
def test_outputs_are_those_of_the_code_in_the_demo_profile(path):
    stamp = notebook(path).metadata.reco
    assert stamp.profile == "demo" and stamp.code == execute_notebooks.code_digest(notebook(path))
    code = cells(path, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "not run from top to bottom"
    outputs = list(chain.from_iterable(cell.outputs for cell in code))
    assert outputs and not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


@each_chapter
def test_every_picture_has_an_alternative_text_a_caption_and_a_name(path):
    names = []
    for cell in cells(path, "code"):
        if not any("image/png" in output.get("data", {}) for output in cell.outputs):
            continue
        look = cell.metadata.get("mystnb", {})
        caption, alternative = look["figure"]["caption"], look["image"]["alt"]
        assert caption.rstrip("*").endswith((".", "?")) and len(caption.split()) > 3, "a caption is a sentence"
        assert len(alternative.split()) > 8 and look["image"]["classes"] == "dark-light"
        names.append(look["figure"]["name"])
    assert names and len(set(names)) == len(names)


@each_chapter
def test_chapters_follow_the_pattern(path):
    text = text_of(path)
    first = cells(path, "markdown")[0].source
    assert first.startswith("# ")
    if not path.stem.startswith("ref_"):  # a page of the reference is looked up: no question, no exercises
        assert "**Question.**" in first and "After this chapter you can" in first
        assert "```{exercise}" in text and ":class: dropdown" in text
        summary = text.split("## Summary")[1]
        assert len(re.findall(r"^- ", summary, re.MULTILINE)) == 3
    code = cells(path, "code")
    assert len(cells(path, "markdown")) >= len(code) - 1, "more text than code; the cell for Colab is not shown"
    for cell in code:
        # imports and a table of values may be longer
        lines = [line for line in cell.source.splitlines() if line.strip() and not line.startswith(("import", "from"))]
        assert len(lines) <= CODE_LINES, cell.source
    assert "remove-cell" in code[0].metadata.tags and "colab_setup.py" in code[0].source


def test_chapter_7_trains_the_papers_recipe_in_the_full_profile(monkeypatch):
    """The cell of "In earnest" in the full profile: it trains, with a folder to go on from, and writes the record."""
    import inspect
    from types import SimpleNamespace

    import torch

    from reco_core.cli.training import train_one
    from reco_core.runs.recipes import is_run_of, recipe

    (cell,) = (cell for cell in cells(ROOT / "notebooks" / "07_training.ipynb", "code") if "RECO_RECIPE" in cell.source)
    monkeypatch.setenv("RECO_RECIPE", "table1/pascal_voc/60/classmix")
    monkeypatch.setenv("RECO_SEED", "2")
    called = []
    names = {"os": os, "torch": torch, "replace": replace, "recipe": recipe, "Path": Path, "RESULTS": Path("results")}
    names |= {"train_one": lambda *given: called.append(given), "PROFILE": SimpleNamespace(name="full")}
    exec(cell.source, names)
    ((options, folder, record, name),) = called
    assert inspect.signature(train_one).bind(*called[0]).arguments["recipe"] == name
    assert (options.method, options.seed, options.optimisation.iterations) == ("classmix", 2, 40_000)
    assert str(folder) == "../runs/table1/pascal_voc/60/classmix-seed2"
    assert str(record) == "results/table1/pascal_voc/60.jsonl"
    assert name == "table1/pascal_voc/60/classmix" and is_run_of(options, name), "the record counts as the recipe's"


def labels_and_references() -> tuple[list[str], set[str]]:
    texts = [text_of(path) for path in [*CHAPTERS, *PAGES]]
    labels = [label for text in texts for label in re.findall(r"^\$\$ \((eq-[\w-]+)\)", text, re.MULTILINE)]
    references = {name for text in texts for name in re.findall(r"\{eq\}`(eq-[\w-]+)`", text)}
    for path in (ROOT / "reco_core").rglob("*.py"):
        references |= set(re.findall(r":eq:`(eq-[\w-]+)`", path.read_text(encoding="utf-8")))
    return labels, references


def test_equations_are_printed_once_and_every_reference_finds_one():
    labels, references = labels_and_references()
    assert len(set(labels)) == len(labels), "an equation is printed twice"
    assert references <= set(labels), f"no equation {references - set(labels)}"


def test_the_papers_five_equations_are_in_the_book_the_code_and_the_tests():
    labels, _ = labels_and_references()
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "reco_core").rglob("*.py"))
    tests = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py") if path.name != "test_book.py"
    )
    for label in ("eq-reco", "eq-sets", "eq-relation", "eq-hard", "eq-total"):
        assert label in labels
        assert f":eq:`{label}`" in code, f"no docstring names {label}"
        assert f":eq:`{label}`" in tests, f"no test names {label}"


def test_the_list_says_where_every_equation_table_and_figure_of_the_paper_is():
    page = ROOT / "book" / "reproduction.md"
    rows = dict(re.findall(r"^\| ((?:Eq|Table|Fig|App)\.? \w)[^|]*\| ([^|]+\|[^|]+)\|$", text_of(page), re.MULTILINE))
    wanted = [f"Eq. {n}" for n in range(1, 6)] + [f"Table {n}" for n in range(1, 6)]
    wanted += [f"Fig. {n}" for n in range(1, 10)] + [f"App. {letter}" for letter in "ABCDEF"]
    assert list(rows) == wanted
    for item, where in rows.items():
        tests = re.findall(r"`(tests/\w+/\w+\.py)`", where)
        assert tests and all((ROOT / test).exists() for test in tests), item
        pages = [page.parent / target for target in re.findall(r"\]\(([^)]+)\)", where)]
        labels = re.findall(r"\{(?:eq|numref)\}`([\w-]+)`", where)
        assert pages or labels or "`reco " in where or "recipes" in where, item
        for label in labels:
            if pages:
                source = "\n".join(path.read_text(encoding="utf-8") for path in pages)
                assert re.search(rf'\({label}\)|"name": "{label}"|:name: {label}', source), f"{item}: no {label} there"
        if item.startswith("Eq"):
            assert f":eq:`{labels[0]}`" in (ROOT / tests[0]).read_text(encoding="utf-8"), f"{tests[0]}: {labels[0]}"


def test_links_between_files_lead_somewhere():
    for path in [*CHAPTERS, *PAGES, ROOT / "README.md"]:
        for target in re.findall(r"\]\((?!http|#|mailto)([^)#\s]+)[^)]*\)", text_of(path)):
            assert (path.parent / target).exists(), f"{path.name}: no file {target}"
        for target in re.findall(r"^```\{literalinclude\} (\S+)", text_of(path), re.MULTILINE):
            assert (path.parent / target).exists(), f"{path.name}: no file {target}"


def test_citations_are_in_the_bibliography():
    keys = set(
        re.findall(r"^@\w+\{([\w-]+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for path in [*CHAPTERS, *PAGES]:
        for cited in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text_of(path)):
            assert set(cited.replace(" ", "").split(",")) <= keys, f"{path.name} cites {cited}"


@pytest.mark.parametrize("name", writer.PAGES)
def test_tables_on_the_prose_pages_are_those_of_the_records(name):
    page = (ROOT / name).read_text(encoding="utf-8")
    assert writer.MARKED.search(page) and writer.with_blocks(page) == page, "run python -m reco_book.pages"


def test_a_claim_says_when_its_records_are_missing(tmp_path):
    """Without ReCo's records of the bench no verdict on ReCo is left; without any, none at all."""
    shutil.copytree(ROOT / "results", tmp_path / "results")
    assert (
        writer.verdicts(tmp_path) == writer.verdicts(ROOT) and writer.recorded_runs(tmp_path) == writer.recorded_runs()
    )
    path = tmp_path / "results" / "toyscapes" / "20.jsonl"
    kept = [line for line in read_json_lines(path) if not line["about"]["method"].startswith("reco+")]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    for line in writer.verdicts(tmp_path).splitlines():
        assert "toyscapes" not in line or "ReCo" not in line or "planned" in line, line
    assert "reco+" not in writer.recorded_runs(tmp_path)
    shutil.rmtree(tmp_path / "results" / "toyscapes")
    assert writer.verdicts(tmp_path).count("planned") == len(plan().sets)


def test_the_list_of_runs_is_that_of_the_records():
    assert (ROOT / writer.RUNS).read_text(encoding="utf-8") == writer.recorded_runs(), "run python -m reco_book.pages"


@pytest.mark.parametrize("path", writer.PICTURES, ids=lambda path: path.stem)
def test_the_pictures_on_the_first_page_are_what_the_library_draws(path):
    from matplotlib import rc_context

    buffer = io.BytesIO()
    with rc_context(RC):
        writer.PICTURES[path]().savefig(buffer, dpi=160)
    drawn, kept = (np.asarray(Image.open(file).convert("RGB"), float) for file in (buffer, ROOT / path))
    assert drawn.shape == kept.shape and np.abs(drawn - kept).mean() < 2, "run python -m reco_book.pages"


def test_the_executed_copy_leaves_the_tree_alone(tmp_path, monkeypatch):
    """`make book` works on a copy, and takes over nothing that is not there any more."""
    monkeypatch.setattr(execute_notebooks, "SOURCE", tmp_path)
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "gone.md").write_text("of an earlier version")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "gone.jsonl").write_text("{}")
    before = digest_of_tree()
    execute_notebooks.copy_book(tmp_path)
    assert digest_of_tree() == before
    assert (tmp_path / "book" / "index.md").exists() and not (tmp_path / "book" / "gone.md").exists()
    assert not (tmp_path / "results" / "gone.jsonl").exists()


def digest_of_tree() -> str:
    sha = hashlib.sha256()
    for path in sorted([*ROOT.glob("notebooks/*"), *ROOT.glob("book/*.*")]):
        if path.is_file():
            sha.update(path.read_bytes())
    return sha.hexdigest()


BESIDE = (
    "reco_core/losses.py", "book/reco_book/figures/data.py", "book/reco_book/paper.json",
    "results/toyscapes/20.jsonl", "benchmarks/results/loss-cpu.json",
)  # fmt: skip


@pytest.mark.parametrize("changed", BESIDE)
def test_a_chapter_is_executed_again_when_what_it_rests_on_changed(tmp_path, monkeypatch, changed):
    monkeypatch.setattr(execute_notebooks, "ROOT", tmp_path)
    for name in BESIDE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    before = execute_notebooks.surroundings_digest("demo")
    assert before == execute_notebooks.surroundings_digest("demo") != execute_notebooks.surroundings_digest("full")
    (tmp_path / changed).write_text("two")
    assert execute_notebooks.surroundings_digest("demo") != before


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("(seed: ~typing.Annotated[int, FieldInfo(annotation=NoneType, required=True, metadata=[Ge(ge=0)])] = 0)",
         "(seed: int = 0)"),
        ("dict[str, Annotated[float, FieldInfo(annotation=NoneType, required=True, metadata=[Ge(ge=0), Le(le=1)])]]",
         "dict[str, float]"),
        ("(data: Data = <factory>, tell: Tell = <function sweep.<lambda>>)", "(data: Data = ..., tell: Tell = ...)"),
        ("{'cutout': <function cutout>, 'a': <class 'one.two.Three'>}", "{'cutout': cutout, 'a': Three}"),
        ("$RECO_DATA/<name>, a < b > c", "$RECO_DATA/<name>, a < b > c"),
    ],
)  # fmt: skip
def test_signatures_on_the_librarys_page_say_what_a_reader_needs(printed, shown):
    assert book_build.plain(printed) == shown


def test_a_heavy_picture_keeps_its_colours_in_fewer_bytes():
    """Noise and a small square of another colour, which a palette by frequency alone would lose."""
    pixels = np.random.default_rng(0).integers(60, 120, (200, 200, 3), dtype=np.uint8)
    pixels[5:9, 5:9] = 244, 35, 232
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    before = base64.b64encode(buffer.getvalue()).decode()
    after = execute_notebooks.lighter(before)
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(after))).convert("RGB"), int)
    assert len(after) < len(before) / 2 and np.abs(drawn - pixels).max() <= 32
