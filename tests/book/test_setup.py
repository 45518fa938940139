"""Set-up: pyproject.toml, constraints.txt and environment.yml agree, and nothing depends on one machine."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from shared import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import colab_setup
import repository_address

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version.split(";")[0].strip()) for name, version in pairs}


def requirements() -> list[Requirement]:
    listed = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(text) for group in listed for text in group]


def test_every_requirement_is_pinned_to_a_version_that_it_allows():
    pinned = pins()
    for requirement in requirements():
        if canonicalize_name(requirement.name) == canonicalize_name(PROJECT["name"]):
            continue  # extras that name each other
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"constraints.txt does not pin {requirement.name}"
        assert requirement.specifier.contains(version), f"{requirement} does not allow the pinned {version}"


def test_python_and_torch_versions_are_the_promised_ones():
    assert PROJECT["requires-python"].startswith(">=3.11")
    torch = next(requirement for requirement in requirements() if requirement.name == "torch")
    assert torch.specifier.contains("2.11.0") and not torch.specifier.contains("2.10.0")
    book = next(requirement for requirement in requirements() if requirement.name == "jupyter-book")
    assert book.specifier.contains("1.0.4") and not book.specifier.contains("2.0.0")


def test_conda_users_get_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, from_pip = environment["dependencies"]
    assert (environment["name"], pip) == ("reco", "pip")
    assert Requirement(python).specifier.contains("3.11") and not Requirement(python).specifier.contains("3.10")
    assert from_pip == {"pip": ["-c constraints.txt", "-e .[book,test]"]}
    assert {"book", "test"} <= set(PROJECT["optional-dependencies"])


def test_set_up_and_ci_install_what_the_constraints_say():
    setup = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    assert '--constraint constraints.txt --editable ".[book,test]"' in setup
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().splitlines()[-1].startswith("exec make test")


def test_no_file_names_a_package_registry():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    options = ("-".join(words) for words in (("index", "url"), ("extra", "index"), ("find", "links")))
    pattern = re.compile("|".join([*options, "pythonhosted"]))
    for name in filter(None, files):
        path = ROOT / name
        if name == "tests/test_setup.py" or path.suffix in (".js", ".png") or not path.exists():
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
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "x"\ndependencies = ["torch>=99", "pytest>=1", "no-such-package>=2"]\n')
    wanted = colab_setup.requirements(project)
    assert colab_setup.missing(wanted) == ["no-such-package>=2"]


@pytest.mark.parametrize("target", ["book", "html", "test", "train", "bench", "clean"])
def test_the_makefile_has_the_promised_targets(target):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for script in re.findall(r"scripts/\w+\.\w+", makefile):
        assert (ROOT / script).is_file()
