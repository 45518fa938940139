"""Show the repository's address, or change it wherever it stands.

    python scripts/repository_address.py                                  print it
    python scripts/repository_address.py https://github.com/OWNER/NAME    change it in every file

_config.yml holds it; the site's buttons derive from there. Files that no tool fills in (README, CITATION, the chapters'
Colab cells) repeat it, and a test compares them.
"""

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
REPEATED = ("*.md", "CITATION.cff", "book/*.md", "notebooks/*.ipynb")


def repository_url(root: Path = ROOT) -> str:
    """The address in _config.yml."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]


def files(root: Path = ROOT) -> list[Path]:
    """Every file that may repeat the address."""
    return [root / "_config.yml", *(path for pattern in REPEATED for path in sorted(root.glob(pattern)))]


def change(new: str, root: Path = ROOT) -> list[Path]:
    """Put `new` in the old address's place; returns the files that changed."""
    old_slug, new_slug = (url.removeprefix("https://github.com/") for url in (repository_url(root), new))
    changed = []
    for path in files(root):
        text = path.read_text(encoding="utf-8")
        if old_slug in text:
            path.write_text(text.replace(old_slug, new_slug), encoding="utf-8")
            changed.append(path)
    return changed


def main() -> int:
    if len(sys.argv) == 1:
        print(repository_url())
        return 0
    new = sys.argv[1].rstrip("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", new):
        print(f"{sys.argv[1]}: not of the form https://github.com/OWNER/NAME", file=sys.stderr)
        return 1
    for path in change(new):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
