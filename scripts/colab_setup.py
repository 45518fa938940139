"""Prepare a Colab runtime for a chapter: `%run` by the first cell of every notebook, there only.

Installs what the pyproject.toml files require, chapters need and the runtime lacks, and holds everything else, PyTorch
above all, at the version that is there. The library and the book's code are used from this checkout.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
KEPT = ("torch", "torchvision")
"""Never installed or changed: the runtime's own builds fit its GPU."""
OF_THE_BOOK = ("pandas", "scikit-learn")
"""What chapters import of the requirements in book/pyproject.toml; the others build the site."""


def requirements(root: Path = ROOT) -> list[Requirement]:
    """What the library needs, and chapters beside it."""
    library, book = (
        tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        for path in (root / "pyproject.toml", root / "book" / "pyproject.toml")
    )
    texts = [
        *library["dependencies"],
        *library.get("optional-dependencies", {}).get("timm", []),
    ]  # one chapter shows timm
    of_the_book = map(Requirement, book["dependencies"])
    return [*map(Requirement, texts), *(one for one in of_the_book if one.name in OF_THE_BOOK)]


def missing(wanted: list[Requirement]) -> list[str]:
    """The requirements that the runtime does not meet, without those that are kept as they are."""

    def is_met(requirement: Requirement) -> bool:
        try:
            return requirement.specifier.contains(version(requirement.name), prereleases=True)
        except PackageNotFoundError:
            return False

    return [str(requirement) for requirement in wanted if requirement.name not in KEPT and not is_met(requirement)]


def install(packages: list[str]) -> None:
    """Install packages with pip, allowed to add distributions but not to change those that no package here names."""
    named = {Requirement(package).name for package in packages}
    pins = {f"{found.name}=={found.version}" for found in distributions() if found.name and found.name not in named}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(sorted(pins)))
        file.flush()
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-c", file.name, *packages], check=True)


def main() -> None:
    """Install what is missing, make `reco_core` and `reco_book` importable, and go to the chapters' folder."""
    packages = missing(requirements())
    if packages:
        print(f"Installing {', '.join(packages)}; PyTorch {version('torch')} stays.")
        install(packages)
    sys.path[:0] = [str(ROOT), str(ROOT / "book")]
    os.chdir(ROOT / "notebooks")


if __name__ == "__main__":
    main()
