"""The built book: no warning, nothing fetched, and copies of the chapters that read like its pages."""

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import nbformat
import plain_copies
import pytest
import repository_address
from markdown_it import MarkdownIt
from myst_parser.config.main import MdParserConfig
from shared import ROOT
from sphinx.errors import ExtensionError

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REPOSITORY = repository_address.repository_url()
SITE = "https://{}.github.io/{}/".format(*REPOSITORY.split("/")[-2:])
COLAB = "https://colab.research.google.com/github/{}/{}/blob/colab/".format(*REPOSITORY.split("/")[-2:])
MYST = re.compile(
    r"\{[\w:-]+\}`|^\s*(?:`{3,}|~{3,}|:{3,})\s*\{|^\s*:{3,}|^:[\w-]+:|\$\$ *\(|^\([\w-]+\)=|^\+\+\+|^% |^\{[.#]",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder `_build` of the committed outputs, with warnings as errors."""
    folder = tmp_path_factory.mktemp("book")
    build = subprocess.run(
        ["bash", ROOT / "scripts" / "build_html.sh", ".", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert build.returncode == 0, build.stdout[-3000:] + build.stderr[-3000:]
    return folder / "_build"


def markdown(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def without_code(text: str) -> str:
    """Markdown without its code blocks and spans, where anything may stand."""
    lines = text.split("\n")
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block") and not token.info.startswith("{"):
            lines[slice(*token.map)] = [""] * (token.map[1] - token.map[0])
    role_or_code = r"(\{[\w:-]+\}`[^`]+`)|(?<!`)(`{1,2})(?!`)(?:(?!\2).)+\2(?!`)"
    return re.sub(role_or_code, lambda match: match[1] or "", "\n".join(lines), flags=re.DOTALL)


def test_pages_fetch_nothing_from_elsewhere(built):
    site = built / "html"
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 40e6, "of bytes, quick to load"
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(CHAPTERS) + 5
    for page in pages:
        html = page.read_text(encoding="utf-8")
        fetched = re.findall(r"<(?:script|link rel=\"stylesheet\"|img)[^>]+(?:src|href)=\"(https?://[^\"]+)", html)
        assert not fetched, f"{page.name} fetches {fetched}"
    previews = next((site / "_static" / "tippy" / "notebooks").glob("03_unlabelled_images.*.js"))
    assert "07_training.html#equation-eq-total" in previews.read_text(encoding="utf-8"), "shown on hovering"
    library = (site / "book" / "api.html").read_text(encoding="utf-8")
    assert "FieldInfo" not in library and "&lt;factory" not in library and "Training steps (paper: 40,000)." in library
    for script in ("popper.min.js", "tippy-bundle.umd.min.js"):
        assert (site / "_static" / "hover" / script).is_file()


def test_tables_that_cells_print_are_set_as_tables(built):
    printing = [path for path in CHAPTERS if "|:--" in path.read_text(encoding="utf-8")]
    assert printing
    for path in printing:
        page = (built / "html" / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert "<table" in page and "|:--" not in page, path.name


def test_copies_and_downloads_hold_the_chapters_code_and_no_myst(built):
    for path in CHAPTERS:
        chapter = nbformat.read(path, as_version=4)
        copy = nbformat.read(built / "colab" / "notebooks" / path.name, as_version=4)
        offered = nbformat.read(built / "html" / "_sources" / "notebooks" / path.name, as_version=4)
        code = [[cell for cell in book.cells if cell.cell_type == "code"] for book in (chapter, copy, offered)]
        for original, copied, bare in zip(*code, strict=True):
            assert original.source == copied.source == bare.source
            assert original.outputs == copied.outputs and not bare.outputs
        assert markdown(copy) == markdown(offered)
        for notebook in (copy, offered):
            nbformat.validate(notebook)
        for cell in copy.cells:
            left = MYST.search(without_code(cell.source)) if cell.cell_type == "markdown" else None
            assert not left, f"{path.name} has {left[0]} in {cell.source}"
    assert len(list((built / "colab" / "notebooks").iterdir())) == len(CHAPTERS)


def leads_somewhere(target: str, built: Path, folder: Path) -> bool:
    """Whether a link of a copy finds a page with the anchor, another copy, a file of the repository, or is foreign."""
    address, _, anchor = target.partition("#")
    if address.startswith(SITE):
        page = built / "html" / (address.removeprefix(SITE) or "index.html")
        return page.is_file() and (not anchor or f'id="{anchor}"' in page.read_text(encoding="utf-8"))
    if address.startswith(COLAB):
        return (built / "colab" / address.removeprefix(COLAB)).is_file()
    if address.startswith(f"{REPOSITORY}/blob/main/"):
        return (ROOT / address.removeprefix(f"{REPOSITORY}/blob/main/")).is_file()
    return address.startswith("https://") or (folder / address).is_file()


def test_links_of_copies_and_launch_buttons_lead_to_real_pages(built):
    copies = built / "colab"
    texts = {copies: (copies / "README.md").read_text(encoding="utf-8")}
    for path in CHAPTERS:
        texts[path] = markdown(nbformat.read(copies / "notebooks" / path.name, as_version=4))
        page = (built / "html" / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert re.findall(r'href="(https://colab[^"]+)"', page) == [f"{COLAB}notebooks/{path.name}"]
    for origin, text in texts.items():
        links = re.findall(r"(?<=\])\(([^)\s]+)\)", without_code(text))
        assert len(links) > 1
        for target in links:
            assert leads_somewhere(target, built, copies), f"{origin.name}: {target}"


def test_numbers_of_copies_are_those_of_the_pages(built):
    for path in CHAPTERS:
        text = markdown(nbformat.read(built / "colab" / "notebooks" / path.name, as_version=4))
        html = (built / "html" / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        for shown, written in (
            (r'<span class="eqno">\(([\d.]+)\)', r"\\tag\{([\d.]+)\}"),
            (r'caption-number">(Fig\. [\d.]+)', r"^\*\*(Fig\. [\d.]+)\*\* "),
            (r'caption-number">(Exercise [\d.]+)', r"^#### (Exercise [\d.]+)"),
            (r'<h\d><span class="section-number">([\d.]+)', r"^#{1,3} ([\d.]+\.) "),
        ):
            assert re.findall(shown, html) == re.findall(written, text, re.MULTILINE), f"{path.name}: {shown}"
        for number in re.findall(r'href="[^"]*#(?:equation|fig)-[\w-]+"[^>]*>(?:<span[^>]*>)?([^<]*\d)', html):
            assert number in text, f"{path.name} does not mention {number}"


def chapter() -> plain_copies.Chapter:
    """A chapter of a build that has one page, one equation and one exercise."""
    config = SimpleNamespace(
        html_theme_options={"repository_url": REPOSITORY, "repository_branch": "main"},
        html_baseurl="", numfig_format={"exercise": "Exercise %s"},
    )  # fmt: skip
    env = SimpleNamespace(
        myst_config=MdParserConfig(enable_extensions={"dollarmath", "colon_fence"}),
        toc_secnumbers={"notebooks/one": {"": (4,)}}, domains={}, found_docs={"notebooks/one"},
        toc_fignumbers={"notebooks/one": {"displaymath": {"equation-eq-a": (4, 1)}, "exercise": {"ex-a": (4, 2)}}},
        titles={"notebooks/one": SimpleNamespace(astext=lambda: "One")},
        doc2path=lambda name: str(ROOT / f"{name}.ipynb"),
        path2doc=lambda path: str(Path(path).relative_to(ROOT).with_suffix("")),
    )  # fmt: skip
    builder = SimpleNamespace(get_target_uri=lambda name: f"{name}.html")
    return plain_copies.Chapter(
        SimpleNamespace(config=config, env=env, builder=builder, srcdir=str(ROOT)), "notebooks/one"
    )


@pytest.mark.parametrize(
    ("myst", "plain"),
    [
        ("# Title\n\n`{eq}`, ``{eq}`eq-a` ``, $a](b)$.", "# 4. Title\n\n`{eq}`, ``{eq}`eq-a` ``, $a](b)$."),
        ("before\n\n$$\nx\n$$ (eq-a)\n\nafter", "before\n\n$$\nx\n\\tag{4.1}\n$$\n\nafter"),
        ("```{exercise} Do\n:label: ex-a\n\n    [a](b)\n```", "#### Exercise 4.2 (Do)\n\n    [a](b)"),
        (":::{note}\n:class: dropdown\nA *b*.\n:::",
         "<details>\n<summary><b>Note</b></summary>\n\nA *b*.\n\n</details>"),
        ("````{admonition} A *b*\n```python\n{x}`y`\n```\n````",
         "<details open>\n<summary><b>A <em>b</em></b></summary>\n\n```python\n{x}`y`\n```\n\n</details>"),
        ("[](one.ipynb#part) and [licence](../LICENSE)",
         f"[One]({SITE}notebooks/one.html#part) and [licence]({REPOSITORY}/blob/main/LICENSE)"),
        ("(label)=\n\n% nobody reads this\n\ntext", "text"),
    ],
)  # fmt: skip
def test_what_a_copy_makes_of_myst(myst, plain):
    assert chapter().blocks(myst, top=True) == plain


@pytest.mark.parametrize(
    "text",
    [
        "{nonsense}`x`",
        "```{figure} x.png\n```",
        "- a\n\n  ```{note}\n  b\n  ```",
        "[a](no_such_file.md)",
        "$$\nx\n$$ (eq-b)",
    ],
)
def test_what_has_no_plain_form_stops_the_build(text):
    with pytest.raises(ExtensionError, match="notebooks/one: no plain form of"):
        chapter().blocks(text)


def test_copies_go_to_their_branch_and_leave_the_working_tree_alone(tmp_path):
    def git(*arguments) -> str:
        given = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(given, cwd=tmp_path / "book", capture_output=True, text=True, check=True).stdout.strip()

    copies, script = (tmp_path / "book" / name for name in ("_build/colab", "scripts/push_copies.sh"))
    for folder in (copies / "notebooks", script.parent):
        folder.mkdir(parents=True)
    shutil.copy2(ROOT / "scripts" / "push_copies.sh", script)
    (tmp_path / "book" / ".gitignore").write_text("_build/\n*.ipynb\n")
    (copies / "notebooks" / "one.ipynb").write_text("first")
    git("init", "-q", "-b", "main")
    git("init", "-q", "--bare", str(tmp_path / "origin"))
    git("remote", "add", "origin", str(tmp_path / "origin"))
    git("add", ".")
    git("commit", "-qm", "start")
    for text in ("first", "second"):
        (copies / "notebooks" / "one.ipynb").write_text(text)
        subprocess.run([script], check=True, capture_output=True)
        git("fetch", "-q", "--force", "origin", "colab:colab")
        assert git("show", "colab:notebooks/one.ipynb") == text
    assert git("ls-tree", "-r", "--name-only", "colab") == "notebooks/one.ipynb"
    assert git("rev-list", "--count", "colab") == "1" and git("status", "--porcelain") == ""
