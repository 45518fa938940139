"""Set-up: pyproject.toml files, constraints.txt and environment.yml agree, and nothing depends on one machine."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions

import colab_setup
import pytest
import repository_address
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from shared import ROOT

LIBRARY, BOOK = (
    tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"] for folder in ("", "book")
)


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version.split(";")[0].strip()) for name, version in pairs}


def requirements(project) -> list[Requirement]:
    listed = [project["dependencies"], *project.get("optional-dependencies", {}).values()]
    return [Requirement(text) for group in listed for text in group]


def found(name, project=None) -> Requirement:
    return next(requirement for requirement in requirements(project or LIBRARY) if requirement.name == name)


@pytest.mark.parametrize("project", [LIBRARY, BOOK], ids=lambda project: project["name"])
def test_every_requirement_is_pinned_to_a_version_that_it_allows(project):
    pinned = pins()
    for requirement in requirements(project):
        if canonicalize_name(requirement.name) == canonicalize_name(LIBRARY["name"]):
            continue  # the book's need of the library, and extras that name each other
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"constraints.txt does not pin {requirement.name}"
        assert requirement.specifier.contains(version), f"{requirement} does not allow the pinned {version}"


def test_python_and_torch_versions_are_the_promised_ones():
    assert LIBRARY["requires-python"] == BOOK["requires-python"] == ">=3.11"
    torch, book = found("torch").specifier, found("jupyter-book", BOOK).specifier
    assert torch.contains("2.11.0") and not torch.contains("2.10.0")
    assert book.contains("1.0.4") and not book.contains("2.0.0")


def test_the_library_brings_neither_jupyter_nor_sphinx():
    for requirement in requirements(LIBRARY):
        assert not re.search("jupyter|sphinx|nbclient|ipywidgets|myst", requirement.name), requirement
    assert found("reco-core", BOOK)


def test_conda_users_get_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, from_pip = environment["dependencies"]
    assert (environment["name"], pip) == ("reco", "pip")
    assert Requirement(python).specifier.contains("3.11") and not Requirement(python).specifier.contains("3.10")
    assert from_pip == {"pip": ["-c constraints.txt", "-e .[test]", "-e ./book"]}
    assert "test" in LIBRARY["optional-dependencies"]


def test_set_up_and_ci_install_what_the_constraints_say():
    setup = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    assert '--constraint "${RECO_CONSTRAINTS:-constraints.txt}" --editable ".[test]" --editable ./book' in setup
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().splitlines()[-1].startswith("exec make test")


def test_no_file_names_a_package_registry():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    options = ("-".join(words) for words in (("index", "url"), ("extra", "index"), ("find", "links")))
    pattern = re.compile("|".join([*options, "pythonhosted"]))
    for name in filter(None, files):
        path = ROOT / name
        if name == "tests/book/test_setup.py" or path.suffix in (".js", ".npz", ".png") or not path.exists():
            continue
        assert not pattern.search(path.read_text(encoding="utf-8")), f"{name} names a registry"


def test_the_address_stands_in_one_place_and_everything_else_agrees():
    address = repository_address.repository_url()
    owner_and_name = address.removeprefix("https://github.com/")
    found = 0
    for path in repository_address.files():
        text = path.read_text(encoding="utf-8")
        for other in re.findall(r"github(?:\.com|/)/?([\w.-]+/reco-book)\b", text):
            assert other == owner_and_name, f"{path.name} has another address: {other}"
            found += 1
    assert found > 5


def test_changing_the_address_changes_every_file(tmp_path):
    old = repository_address.repository_url()
    for path in repository_address.files():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    changed = repository_address.change("https://github.com/someone/else", tmp_path)
    assert repository_address.repository_url(tmp_path) == "https://github.com/someone/else"
    assert {"_config.yml", "README.md", "CITATION.cff"} <= {path.name for path in changed}
    slug = old.removeprefix("https://github.com/")
    assert not any(slug in path.read_text(encoding="utf-8") for path in repository_address.files(tmp_path))


def test_colab_installs_what_is_missing_and_keeps_pytorch(tmp_path):
    """Of the book's requirements only what chapters import."""
    (tmp_path / "book").mkdir()
    projects = {"": '["torch>=99", "pytest>=1", "no-such-package>=2"]', "book": '["scikit-learn>=99", "sphinx>=99"]'}
    for folder, listed in projects.items():
        (tmp_path / folder / "pyproject.toml").write_text(f'[project]\nname = "x"\ndependencies = {listed}\n')
    wanted = colab_setup.requirements(tmp_path)
    assert colab_setup.missing(wanted) == ["no-such-package>=2", "scikit-learn>=99"]


def test_colab_finds_the_library_and_the_books_code(monkeypatch):
    asked = []
    monkeypatch.setattr(colab_setup, "missing", lambda wanted: ["something"])
    monkeypatch.setattr(colab_setup, "install", asked.append)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = os.getcwd()
    try:
        colab_setup.main()
        assert os.getcwd() == str(ROOT / "notebooks")
    finally:
        os.chdir(before)
    assert asked == [["something"]]
    for name, folder in {"reco_core": ROOT, "reco_book": ROOT / "book"}.items():
        assert PathFinder.find_spec(name, sys.path[:2]).origin == str(folder / name / "__init__.py")


def test_what_chapters_import_is_on_colab():
    """Every distribution that a chapter, or what it imports of the book, names; Colab has IPython and its parts."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "book" / "reco_book").glob("figures/*.py")]
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            texts.append("".join(cell["source"]) if cell["cell_type"] == "code" else "")
    named = {name for text in texts for name in re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE)}
    own = {"reco_core", "reco_book", "google", "IPython", "matplotlib_inline"} | set(sys.stdlib_module_names)
    brought = {canonicalize_name(requirement.name) for requirement in colab_setup.requirements()}
    distributions = packages_distributions()
    assert {"torch", "sklearn"} <= named
    for name in named - own:
        assert brought & {canonicalize_name(one) for one in distributions[name]}, f"{name} is not required"


@pytest.mark.parametrize("target", ["book", "html", "test", "train", "bench", "clean"])
def test_the_makefile_has_the_promised_targets(target):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for script in re.findall(r"scripts/\w+\.\w+", makefile):
        assert (ROOT / script).is_file()
